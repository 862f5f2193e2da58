//! Statements in a text: where one ends, without understanding it.

/// The next thing to do in a script.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Piece<'a> {
    /// A statement with its `;`.
    Statement(&'a str),
    /// A backslash command, which ends with its line, and the statement begun before
    /// it that it may be about: `SELECT 1 \gx`.
    Command { before: &'a str, line: &'a str },
}

/// The first piece of a text and how long it is; `None` if the text ends before it does.
pub fn next(text: &str) -> Option<(Piece<'_>, usize)> {
    match end_of_piece(text)? {
        (end, false) => Some((Piece::Statement(text.get(..end)?), end)),
        (at, true) => {
            let line = text.get(at + 1..)?;
            let length = memchr::memchr(b'\n', line.as_bytes()).unwrap_or(line.len());
            let piece = Piece::Command {
                before: text.get(..at)?,
                line: line.get(..length)?.trim(),
            };
            // The line's own end, if there is one.
            Some((piece, (at + 1 + length + 1).min(text.len())))
        }
    }
}

/// Whether nothing is begun at the end of the text.
pub fn is_complete(text: &str) -> bool {
    let mut rest = text;
    while let Some((_, length)) = next(rest) {
        rest = rest.get(length..).unwrap_or_default();
    }
    is_blank(rest)
}

/// Where the statement at the end of the text begins.
pub fn last_start(text: &str) -> usize {
    let mut start = 0;
    while let Some((end, false)) = end_of_piece(text.get(start..).unwrap_or_default()) {
        start += end;
    }
    start
}

/// Whether the text ends inside of a string or a comment.
pub fn is_inside_text(text: &str) -> bool {
    let bytes = text.as_bytes();
    let mut at = 0;
    while at < bytes.len() {
        match step(bytes, at) {
            Some((length, comment)) => {
                at += length;
                if comment && at >= bytes.len() {
                    return true;
                }
            }
            // A name in quotes that is being written is no text.
            None => return bytes.get(at) != Some(&b'"'),
        }
    }
    false
}

/// Behind the first statement's `;`, or (true) at the first backslash outside of
/// strings. `None`: neither comes.
fn end_of_piece(text: &str) -> Option<(usize, bool)> {
    let bytes = text.as_bytes();
    let mut at = 0;
    loop {
        match bytes.get(at)? {
            b';' => return Some((at + 1, false)),
            b'\\' => return Some((at, true)),
            _ => at += step(bytes, at)?.0,
        }
    }
}

/// The length of what stands at `at`: a string, a comment, or one byte.
pub fn length_at(bytes: &[u8], at: usize) -> usize {
    let left = bytes.len().saturating_sub(at);
    step(bytes, at).map_or(left, |(length, _)| length)
}

/// The length of what stands at `at`, and whether it is a comment to the line's end;
/// `None` if it doesn't end.
fn step(bytes: &[u8], at: usize) -> Option<(usize, bool)> {
    let rest = bytes.get(at..)?;
    let length = match (rest.first()?, rest.get(1)) {
        (b'\'', _) => {
            // E'...' knows backslashes; a word that ends in E doesn't start one.
            let escaped = at > 0
                && bytes.get(at - 1).is_some_and(|e| matches!(e, b'e' | b'E'))
                && !at
                    .checked_sub(2)
                    .and_then(|before| bytes.get(before))
                    .is_some_and(|b| is_word(*b));
            string_length(rest, b'\'', escaped)?
        }
        (b'"', _) => string_length(rest, b'"', false)?,
        (b'-', Some(b'-')) => {
            let length = memchr::memchr(b'\n', rest);
            return Some((length.unwrap_or(rest.len()), length.is_none()));
        }
        (b'/', Some(b'*')) => comment_length(rest)?,
        (b'$', _) if at == 0 || !bytes.get(at - 1).is_some_and(|b| is_word(*b)) => {
            dollar_length(rest)?
        }
        _ => 1,
    };
    Some((length, false))
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte >= 0x80
}

fn string_length(rest: &[u8], quote: u8, escaped: bool) -> Option<usize> {
    let mut at = 1;
    loop {
        match rest.get(at)? {
            b'\\' if escaped => at += 2,
            byte if *byte == quote => {
                if rest.get(at + 1) != Some(&quote) {
                    return Some(at + 1);
                }
                at += 2;
            }
            _ => at += 1,
        }
    }
}

/// Comments nest.
fn comment_length(rest: &[u8]) -> Option<usize> {
    let mut depth = 0u32;
    let mut at = 0;
    loop {
        match (rest.get(at)?, rest.get(at + 1)) {
            (b'/', Some(b'*')) => {
                depth += 1;
                at += 2;
            }
            (b'*', Some(b'/')) => {
                depth -= 1;
                at += 2;
                if depth == 0 {
                    return Some(at);
                }
            }
            _ => at += 1,
        }
    }
}

/// `$tag$ ... $tag$`, or 1 for a parameter such as `$1`.
fn dollar_length(rest: &[u8]) -> Option<usize> {
    let tag = rest
        .iter()
        .skip(1)
        .take_while(|byte| is_word(**byte))
        .count();
    if rest.get(1).is_some_and(u8::is_ascii_digit) || rest.get(tag + 1) != Some(&b'$') {
        return Some(1);
    }
    let mark = rest.get(..tag + 2)?;
    let body = rest.get(tag + 2..)?;
    let end = memchr::memmem::find(body, mark)?;
    Some(end + 2 * mark.len())
}

/// Nothing but white space and comments.
pub fn is_blank(text: &str) -> bool {
    first_word(text).is_empty() && after_comments(text).trim_matches(';').trim().is_empty()
}

fn after_comments(text: &str) -> &str {
    let mut rest = text.trim_start();
    loop {
        if rest.starts_with("--") {
            rest = rest
                .split_once('\n')
                .map_or("", |(_, rest)| rest)
                .trim_start();
        } else if rest.starts_with("/*") {
            let length = comment_length(rest.as_bytes()).unwrap_or(rest.len());
            rest = rest.get(length..).unwrap_or_default().trim_start();
        } else {
            return rest;
        }
    }
}

/// The statement's first word, in capitals.
fn first_word(text: &str) -> String {
    let rest = after_comments(text);
    rest.chars()
        .take_while(|c| c.is_ascii_alphabetic())
        .map(|c| c.to_ascii_uppercase())
        .collect()
}

pub fn returns_rows(sql: &str) -> bool {
    ["SELECT", "WITH", "VALUES", "TABLE", "SHOW", "EXPLAIN"].contains(&first_word(sql).as_str())
}

#[derive(Debug, PartialEq)]
pub enum Copy {
    In,
    Out,
}

/// Whether the statement is a COPY between a table and the client.
pub fn copy_direction(sql: &str) -> Option<Copy> {
    if first_word(sql) != "COPY" {
        return None;
    }
    let upper = sql.to_ascii_uppercase();
    let words: Vec<_> = upper
        .split(|c: char| !c.is_ascii_alphanumeric())
        .filter(|w| !w.is_empty())
        .collect();
    let pair = |a: &str, b: &str| words.windows(2).any(|pair| pair == [a, b]);
    if pair("FROM", "STDIN") {
        Some(Copy::In)
    } else if pair("TO", "STDOUT") {
        Some(Copy::Out)
    } else {
        None
    }
}

/// The command tag as psql would show it; the client library keeps only the count.
pub fn tag(sql: &str, count: u64) -> String {
    let word = first_word(sql);
    match word.as_str() {
        "INSERT" => format!("INSERT 0 {count}"),
        "UPDATE" | "DELETE" | "SELECT" | "COPY" | "MERGE" | "FETCH" | "MOVE" => {
            format!("{word} {count}")
        }
        "CREATE" | "DROP" | "ALTER" | "TRUNCATE" => {
            let upper = after_comments(sql).to_ascii_uppercase();
            let kinds = [
                "UNIQUE",
                "INDEX",
                "TABLE",
                "SCHEMA",
                "VIEW",
                "SEQUENCE",
                "ROLE",
                "USER",
                "GROUP",
                "FUNCTION",
                "TYPE",
                "DATABASE",
                "EXTENSION",
            ];
            let kind = upper
                .split_whitespace()
                .skip(1)
                .find(|word| kinds.contains(word));
            match kind {
                Some("UNIQUE") => format!("{word} INDEX"),
                Some("USER" | "GROUP") => format!("{word} ROLE"),
                Some(kind) => format!("{word} {kind}"),
                None if word == "TRUNCATE" => "TRUNCATE TABLE".to_owned(),
                None => word,
            }
        }
        "START" => "START TRANSACTION".to_owned(),
        "LOCK" => "LOCK TABLE".to_owned(),
        "DECLARE" => "DECLARE CURSOR".to_owned(),
        "CLOSE" => "CLOSE CURSOR".to_owned(),
        _ => word,
    }
}

/// `LINE 1: ...` with a caret under the 1-based character.
pub fn place(sql: &str, position: u32) -> Option<String> {
    let index = usize::try_from(position).ok()?.checked_sub(1)?;
    let mut before = 0;
    for (number, line) in sql.split('\n').enumerate() {
        let length = line.chars().count();
        if index <= before + length {
            let label = format!("LINE {}: ", number + 1);
            let blanks = label.len() + index - before;
            return Some(format!("{label}{}\n{:blanks$}^", line.trim_end(), ""));
        }
        before += length + 1;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The pieces of a text, and what is left.
    fn pieces(text: &str) -> (Vec<String>, &str) {
        let mut found = Vec::new();
        let mut rest = text;
        while let Some((piece, length)) = next(rest) {
            found.push(match piece {
                Piece::Statement(sql) => sql.trim().to_owned(),
                Piece::Command { before, line } => format!("{}[{line}]", before.trim()),
            });
            rest = &rest[length..];
        }
        (found, rest)
    }

    #[test]
    fn statements_end_at_semicolons_that_count() {
        let (statements, rest) = pieces(
            "SELECT ';'; select E'\\';', \"a;b\" -- no; end\n; SELECT $$;$$, $x$;$$;$x$, $1; /* ; /* ; */ ; */ begin; select 'e;",
        );
        assert_eq!(
            statements,
            [
                "SELECT ';';",
                "select E'\\';', \"a;b\" -- no; end\n;",
                "SELECT $$;$$, $x$;$$;$x$, $1;",
                "/* ; /* ; */ ; */ begin;",
            ]
        );
        assert_eq!(rest, " select 'e;");
        assert!(is_inside_text(rest) && !is_inside_text("select 'e'"));
        assert!(is_inside_text("a -- b") && !is_inside_text("a -- b\n") && !is_inside_text("\"a"));
    }

    #[test]
    fn a_plain_string_has_no_backslash_escapes() {
        let (found, rest) = pieces("SELECT 'a\\'; SELECT type'\\';");
        assert_eq!((found.len(), rest), (2, ""));
    }

    #[test]
    fn backslash_commands_end_with_their_line_and_know_what_they_are_about() {
        let (found, rest) = pieces("\\timing\nSELECT 1;\nSELECT 2 \\gx\n\\q");
        assert_eq!(found, ["[timing]", "SELECT 1;", "SELECT 2[gx]", "[q]"]);
        assert_eq!(rest, "");
        assert!(is_complete("\\d t") && is_complete("SELECT 1 \\g") && !is_complete("SELECT 1"));
    }

    #[test]
    fn blanks_tags_and_copies_are_told() {
        assert!(is_blank("  -- x\n /* y */ ;") && !is_blank("select 1"));
        assert_eq!(tag("insert into t values (1)", 1), "INSERT 0 1");
        assert_eq!(tag("CREATE UNIQUE INDEX i ON t (a)", 0), "CREATE INDEX");
        assert_eq!(
            tag("-- x\ncreate table if not exists t ()", 0),
            "CREATE TABLE"
        );
        assert_eq!(tag("begin", 0), "BEGIN");
        assert_eq!(tag("create user joe in group g", 0), "CREATE ROLE");
        assert_eq!(tag("start transaction", 0), "START TRANSACTION");
        assert_eq!(copy_direction("copy (select 1) TO STDOUT"), Some(Copy::Out));
        assert_eq!(
            copy_direction("COPY t FROM STDIN (FORMAT csv)"),
            Some(Copy::In)
        );
        assert_eq!(copy_direction("select 'COPY t FROM STDIN'"), None);
    }

    #[test]
    fn the_caret_stands_under_the_character() {
        assert_eq!(
            place("SELECT x", 8).unwrap(),
            "LINE 1: SELECT x\n               ^"
        );
        assert_eq!(
            place("SELECT\n é, x", 12).unwrap(),
            "LINE 2:  é, x\n            ^"
        );
        assert_eq!(place("SELECT 1", 90), None);
    }
}
