//! `\set` variables and their use in statements: `:name`, `:'name'`, `:"name"`.

use crate::cli::import::literal;
use std::collections::BTreeMap;

pub type Variables = BTreeMap<String, String>;

/// The statement with its variables put in. What names no variable stays, as does
/// everything inside of strings and comments, and `::`.
pub fn put_in(sql: &str, variables: &Variables) -> String {
    if variables.is_empty() || !sql.contains(':') {
        return sql.to_owned();
    }
    let bytes = sql.as_bytes();
    let mut out = String::with_capacity(sql.len());
    let mut at = 0;
    while at < sql.len() {
        let rest = sql.get(at..).unwrap_or_default();
        if rest.starts_with("::") {
            out.push_str("::");
            at += 2;
            continue;
        }
        if let Some((text, length)) = variable(rest, variables) {
            out.push_str(&text);
            at += length;
            continue;
        }
        // To the end of what stands here: a string, a comment, or one character.
        let length = super::split::length_at(bytes, at);
        let mut end = (at + length).min(sql.len());
        while !sql.is_char_boundary(end) {
            end += 1;
        }
        out.push_str(sql.get(at..end).unwrap_or_default());
        at = end;
    }
    out
}

fn variable(rest: &str, variables: &Variables) -> Option<(String, usize)> {
    let name = rest.strip_prefix(':')?;
    for quote in ['\'', '"'] {
        if let Some(inside) = name.strip_prefix(quote) {
            let (name, _) = inside.split_once(quote)?;
            let value = variables.get(name)?;
            let text = match quote {
                '"' => format!("\"{}\"", value.replace('"', "\"\"")),
                _ => literal(value),
            };
            return Some((text, name.len() + 3));
        }
    }
    let length = name
        .bytes()
        .take_while(|b| b.is_ascii_alphanumeric() || *b == b'_')
        .count();
    let value = variables.get(name.get(..length)?)?;
    Some((value.clone(), length + 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_are_put_in_where_they_count() {
        let variables = Variables::from([("n".into(), "7".into()), ("s".into(), "it's".into())]);
        assert_eq!(
            put_in(
                "SELECT :n, :'s', :\"s\", ':n', a::n, :unknown, é -- :n",
                &variables
            ),
            "SELECT 7, 'it''s', \"it's\", ':n', a::n, :unknown, é -- :n"
        );
    }
}
