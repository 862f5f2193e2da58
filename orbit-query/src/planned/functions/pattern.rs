//! Patterns of LIKE and SIMILAR TO, and the engine below them and below [`super::are`].

use lru::LruCache;
use orbit_core::{Error, Result, state};
use regex::{Regex, RegexBuilder};
use std::cell::RefCell;
use std::num::NonZeroUsize;

const CACHED: NonZeroUsize = NonZeroUsize::MIN.saturating_add(31);

thread_local! {
    static COMPILED: RefCell<LruCache<(String, bool), Regex>> = RefCell::new(LruCache::new(CACHED));
}

/// A compiled pattern (in the crate's syntax), from this thread's recent ones.
pub fn compiled(pattern: &str, insensitive: bool) -> Result<Regex> {
    COMPILED.with(|cache| {
        let mut cache = cache.borrow_mut();
        let key = (pattern.to_owned(), insensitive);
        if let Some(known) = cache.get(&key) {
            return Ok(known.clone());
        }
        let regex = build(pattern, insensitive)?;
        cache.put(key, regex.clone());
        Ok(regex)
    })
}

pub fn build(pattern: &str, insensitive: bool) -> Result<Regex> {
    RegexBuilder::new(pattern)
        .case_insensitive(insensitive)
        .dot_matches_new_line(true)
        .size_limit(4 << 20)
        .build()
        .map_err(|error| refusal(&error.to_string()))
}

/// What is wrong with a pattern, in PostgreSQL's words where it has some.
fn refusal(error: &str) -> Error {
    let detail = error.lines().last().unwrap_or_default();
    let has = |words: &str| detail.contains(words);
    let known = if has("unclosed group") || has("unopened group") {
        "parentheses () not balanced"
    } else if has("unclosed character class") {
        "brackets [] not balanced"
    } else if has("repetition operator missing") {
        "quantifier operand invalid"
    } else if has("repetition") {
        "invalid repetition count(s)"
    } else if has("escape") {
        "invalid escape \\ sequence"
    } else if has("invalid character class range") {
        "invalid character range"
    } else {
        let error = Error::new(
            state::INVALID_REGULAR_EXPRESSION,
            "invalid regular expression",
        );
        return error.with_detail(detail.to_owned());
    };
    Error::new(
        state::INVALID_REGULAR_EXPRESSION,
        format!("invalid regular expression: {known}"),
    )
}

/// SIMILAR TO's pattern as a regular expression for the whole string. What stands between
/// two `e"` (`e` being the escape) becomes its first group.
pub fn of_similar(pattern: &str, escape: Option<char>) -> Result<String> {
    let mut out = String::from("^(?:");
    let mut letters = pattern.chars();
    let mut in_set = false;
    let mut quotes = 0;
    while let Some(letter) = letters.next() {
        if Some(letter) == escape {
            match letters.next() {
                Some('"') if !in_set => {
                    // The part in front takes as little as it can, the part behind the rest.
                    out.push_str(match quotes {
                        0 => "){1,1}?(",
                        1 => "){1,1}(?:",
                        _ => {
                            return Err(Error::new(
                                state::INVALID_USE_OF_ESCAPE,
                                "SQL regular expression may not contain more than two escape-double-quote separators",
                            ));
                        }
                    });
                    quotes += 1;
                }
                Some(next) => {
                    out.push('\\');
                    out.push(next);
                }
                None => {}
            }
            continue;
        }
        match letter {
            '\\' if in_set => out.push_str("\\\\"),
            ']' if in_set => {
                in_set = false;
                out.push(']');
            }
            other if in_set => out.push(other),
            '[' => {
                in_set = true;
                out.push('[');
            }
            '%' => out.push_str(".*"),
            '_' => out.push('.'),
            '(' => out.push_str("(?:"),
            '.' | '^' | '$' | '\\' => {
                out.push('\\');
                out.push(letter);
            }
            other => out.push(other),
        }
    }
    out.push_str(")$");
    Ok(out)
}

fn bad_escape() -> Error {
    Error::new(
        state::INVALID_ESCAPE_SEQUENCE,
        "LIKE pattern must not end with escape character",
    )
}

/// A LIKE pattern with another escape character (or none) as one with backslashes.
pub fn with_backslash(pattern: &str, escape: Option<char>) -> Result<String> {
    if escape == Some('\\') {
        return Ok(pattern.to_owned());
    }
    let mut out = String::with_capacity(pattern.len() + 4);
    let mut letters = pattern.chars();
    while let Some(letter) = letters.next() {
        if Some(letter) == escape {
            let next = letters.next().ok_or_else(bad_escape)?;
            out.push('\\');
            out.push(next);
        } else if letter == '\\' {
            out.push_str("\\\\");
        } else {
            out.push(letter);
        }
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn similar_to_matches_whole_strings() {
        let matches = |subject: &str, pattern: &str| {
            let pattern = of_similar(pattern, Some('\\')).unwrap();
            crate::planned::functions::are::compiled(&pattern, Default::default())
                .unwrap()
                .is_match(subject)
        };
        assert!(matches("abc", "a%"));
        assert!(matches("abc", "(a|x)_c"));
        assert!(!matches("abcd", "abc"));
        assert!(matches("a.c", "a.c") && !matches("abc", "a.c"));
    }

    #[test]
    fn an_escape_of_ones_own_becomes_a_backslash() {
        assert_eq!(with_backslash("10!%", Some('!')).unwrap(), "10\\%");
        assert_eq!(with_backslash("a\\b", Some('!')).unwrap(), "a\\\\b");
        assert!(with_backslash("a!", Some('!')).is_err());
    }
}
