//! Statements in a text: where one ends, without understanding it.

/// The statements that end with `;` (or, for `\commands`, with their line), and
/// what is left behind the last.
pub fn statements(text: &str) -> (Vec<&str>, &str) {
    let mut out = Vec::new();
    let mut start = 0;
    while let Some(end) = end_of_statement(text.get(start..).unwrap_or_default()) {
        out.push(text.get(start..start + end).unwrap_or_default());
        start += end;
    }
    (out, text.get(start..).unwrap_or_default())
}

/// Behind the first statement's `;`. `None`: it isn't complete.
fn end_of_statement(text: &str) -> Option<usize> {
    let bytes = text.as_bytes();
    let blank = bytes
        .iter()
        .take_while(|byte| byte.is_ascii_whitespace())
        .count();
    if bytes.get(blank) == Some(&b'\\') {
        let line = memchr::memchr(b'\n', bytes.get(blank..)?)?;
        return Some(blank + line + 1);
    }
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        let rest = bytes.get(at..)?;
        at += match (byte, rest.get(1)) {
            (b';', _) => return Some(at + 1),
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
            (b'-', Some(b'-')) => memchr::memchr(b'\n', rest).unwrap_or(rest.len()),
            (b'/', Some(b'*')) => comment_length(rest)?,
            (b'$', _) if at == 0 || !bytes.get(at - 1).is_some_and(|b| is_word(*b)) => {
                dollar_length(rest)?
            }
            _ => 1,
        };
    }
    None
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
        "UPDATE" | "DELETE" | "SELECT" | "COPY" | "MERGE" => format!("{word} {count}"),
        "CREATE" | "DROP" | "ALTER" | "TRUNCATE" => {
            let upper = after_comments(sql).to_ascii_uppercase();
            let kinds = ["UNIQUE", "INDEX", "TABLE", "SCHEMA", "VIEW", "SEQUENCE"];
            let kind = upper
                .split_whitespace()
                .skip(1)
                .find(|word| kinds.contains(word));
            match kind {
                Some("UNIQUE") => format!("{word} INDEX"),
                Some(kind) => format!("{word} {kind}"),
                None if word == "TRUNCATE" => "TRUNCATE TABLE".to_owned(),
                None => word,
            }
        }
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

    #[test]
    fn statements_end_at_semicolons_that_count() {
        let (statements, rest) = statements(
            "SELECT ';'; select E'\\';', \"a;b\" -- no; end\n; SELECT $$;$$, $x$;$$;$x$, $1; /* ; /* ; */ ; */ begin; select 'e;",
        );
        assert_eq!(
            statements,
            [
                "SELECT ';';",
                " select E'\\';', \"a;b\" -- no; end\n;",
                " SELECT $$;$$, $x$;$$;$x$, $1;",
                " /* ; /* ; */ ; */ begin;",
            ]
        );
        assert_eq!(rest, " select 'e;");
    }

    #[test]
    fn a_plain_string_has_no_backslash_escapes() {
        let (found, rest) = statements("SELECT 'a\\'; SELECT type'\\';");
        assert_eq!((found.len(), rest), (2, ""));
    }

    #[test]
    fn backslash_commands_end_with_their_line() {
        let (found, rest) = statements("\\timing\nSELECT 1;\n\\q");
        assert_eq!((found, rest), (vec!["\\timing\n", "SELECT 1;"], "\n\\q"));
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
