//! How many tokens a text will make, before any is made: a token takes a hundred times
//! the memory of its text.

/// Words, signs and quoted texts; a comment is none, and so is white space.
pub(super) fn tokens(sql: &str) -> usize {
    let mut rest = sql.as_bytes();
    let mut count = 0usize;
    while let Some(&first) = rest.first() {
        let (length, counts) = match (first, rest.get(1)) {
            (b'-', Some(b'-')) => (line(rest), false),
            (b'/', Some(b'*')) => (comment(rest), false),
            (b'\'' | b'"', _) => (quoted(rest, 0, false), true),
            (b'e' | b'E', Some(b'\'')) => (quoted(rest, 1, true), true),
            (b'$', _) => (dollars(rest), true),
            (byte, _) if byte.is_ascii_whitespace() => (1, false),
            (byte, _) if is_word(byte) => {
                (rest.iter().take_while(|byte| is_word(**byte)).count(), true)
            }
            _ => (1, true),
        };
        count += usize::from(counts);
        rest = rest.get(length..).unwrap_or_default();
    }
    count
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'$') || byte >= 0x80
}

fn line(text: &[u8]) -> usize {
    text.iter().take_while(|byte| **byte != b'\n').count()
}

/// A comment in slashes and stars, and those within it.
fn comment(text: &[u8]) -> usize {
    let mut depth = 0usize;
    let mut at = 0;
    loop {
        match (text.get(at), text.get(at + 1)) {
            (Some(b'/'), Some(b'*')) => (depth, at) = (depth + 1, at + 2),
            (Some(b'*'), Some(b'/')) => (depth, at) = (depth - 1, at + 2),
            (Some(_), _) => at += 1,
            (None, _) => return at,
        }
        if depth == 0 {
            return at;
        }
    }
}

/// A text in the quotes that open at `open`; a doubled quote is part of it.
fn quoted(text: &[u8], open: usize, escapes: bool) -> usize {
    let quote = text.get(open);
    let mut at = open + 1;
    while let Some(byte) = text.get(at) {
        match byte {
            b'\\' if escapes => at += 1,
            _ if Some(byte) == quote && text.get(at + 1) == quote => at += 1,
            _ if Some(byte) == quote => return at + 1,
            _ => {}
        }
        at += 1;
    }
    at
}

/// `$tag$ ... $tag$`, or a parameter.
fn dollars(text: &[u8]) -> usize {
    let Some(end) = text.iter().skip(1).position(|byte| *byte == b'$') else {
        return 1;
    };
    let Some(tag) = text.get(..end + 2) else {
        return 1;
    };
    let name = tag.get(1..end + 1).unwrap_or_default();
    let is_tag = name.first().is_none_or(|first| !first.is_ascii_digit())
        && name.iter().all(|byte| is_word(*byte) && *byte != b'.');
    if !is_tag {
        return 1;
    }
    let body = text.get(tag.len()..).unwrap_or_default();
    match memchr::memmem::find(body, tag) {
        Some(close) => close + 2 * tag.len(),
        None => text.len(),
    }
}

#[cfg(test)]
mod tests {
    use super::tokens;

    #[test]
    fn what_quotes_hold_is_one() {
        for (sql, count) in [
            ("", 0),
            ("select  a.b, 1.5", 4),
            ("'it''s one', \"a b\"", 3),
            ("E'\\' still' x", 2),
            ("'\\' x", 2),
            ("-- a b c\nd", 1),
            ("/* a /* b */ c */ d", 1),
            ("$$ a ' b $$ c", 2),
            ("$t$ $$ -- $t$ c d", 3),
            // What opens nothing hides nothing.
            ("$$--$$ a b c", 4),
            ("$$'$$ a b c", 4),
            ("'--' a b c", 4),
            ("/* ' */ a b c", 3),
            ("-- '\n a b c", 3),
            ("$1 $2", 4),
            ("'open a b c", 1),
            ("é ü", 2),
        ] {
            assert_eq!(tokens(sql), count, "{sql}");
        }
    }
}
