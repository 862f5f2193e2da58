//! LIKE, SIMILAR TO and regular expressions.
//!
//! PostgreSQL's advanced regular expressions and the `regex` crate agree on
//! nearly everything people write; what differs in spelling is translated, what
//! differs in kind (look-around, back-references) is refused by the compiler.

use super::{Env, Function, T, arg, function};
use lru::LruCache;
use orbit_core::types::SqlType;
use orbit_core::value::{Array, Value, ValueRef};
use orbit_core::{Error, Result, state};
use regex::{Captures, Regex, RegexBuilder};
use std::cell::RefCell;
use std::num::NonZeroUsize;

type Args<'a, 'v> = &'a [ValueRef<'v>];

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
        let regex = RegexBuilder::new(pattern)
            .case_insensitive(insensitive)
            .dot_matches_new_line(true)
            .size_limit(4 << 20)
            .build()
            .map_err(|error| {
                Error::new(
                    state::INVALID_REGULAR_EXPRESSION,
                    "invalid regular expression",
                )
                .with_detail(
                    error
                        .to_string()
                        .lines()
                        .last()
                        .unwrap_or_default()
                        .to_owned(),
                )
            })?;
        cache.put(key, regex.clone());
        Ok(regex)
    })
}

/// PostgreSQL's spelling into the crate's.
pub fn to_rust(pattern: &str) -> String {
    let pattern = pattern.strip_prefix("***:").unwrap_or(pattern);
    let mut out = String::with_capacity(pattern.len());
    let mut letters = pattern.chars().peekable();
    while let Some(letter) = letters.next() {
        if letter != '\\' {
            out.push(letter);
            continue;
        }
        match letters.next() {
            Some('m') => out.push_str(r"\b{start}"),
            Some('M') => out.push_str(r"\b{end}"),
            Some('y') => out.push_str(r"\b"),
            Some('Y') => out.push_str(r"\B"),
            Some('Z') => out.push_str(r"\z"),
            Some(other) => {
                out.push('\\');
                out.push(other);
            }
            None => out.push('\\'),
        }
    }
    out
}

/// SIMILAR TO's pattern as a regular expression for the whole string.
pub fn of_similar(pattern: &str, escape: Option<char>) -> Result<String> {
    let mut out = String::from("^(?:");
    let mut letters = pattern.chars();
    let mut in_set = false;
    while let Some(letter) = letters.next() {
        if Some(letter) == escape {
            match letters.next() {
                Some(next) => out.push_str(&regex::escape(next.encode_utf8(&mut [0; 4]))),
                None => return Err(bad_escape()),
            }
            continue;
        }
        match letter {
            '[' => {
                in_set = true;
                out.push('[');
            }
            ']' => {
                in_set = false;
                out.push(']');
            }
            other if in_set => out.push(other),
            '%' => out.push_str(".*"),
            '_' => out.push('.'),
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

/// Flags of the regexp functions, and whether `g` is among them.
fn with_flags(args: Args, pattern: usize, flags: usize) -> Result<(Regex, bool)> {
    let flags = if args.len() > flags {
        arg::text(args, flags)?
    } else {
        ""
    };
    let mut global = false;
    let mut insensitive = false;
    let mut prefix = String::new();
    for flag in flags.chars() {
        match flag {
            'g' => global = true,
            'i' => insensitive = true,
            'n' | 'm' => prefix.push_str("(?m-s)"),
            's' => prefix.push_str("(?s)"),
            'x' => prefix.push_str("(?x)"),
            'c' => insensitive = false,
            other => {
                return Err(Error::new(
                    state::INVALID_PARAMETER_VALUE,
                    format!("invalid regular expression option: \"{other}\""),
                ));
            }
        }
    }
    let pattern = prefix + &to_rust(arg::text(args, pattern)?);
    Ok((compiled(&pattern, insensitive)?, global))
}

/// `\1` and `\&` of a replacement, put in.
fn replaced(template: &str, captures: &Captures<'_>, out: &mut String) {
    let mut letters = template.chars();
    while let Some(letter) = letters.next() {
        if letter != '\\' {
            out.push(letter);
            continue;
        }
        match letters.next() {
            Some('&') => out.push_str(captures.get(0).map_or("", |m| m.as_str())),
            Some(digit) if digit.is_ascii_digit() => {
                let group = digit as usize - '0' as usize;
                out.push_str(captures.get(group).map_or("", |m| m.as_str()));
            }
            Some('\\') | None => out.push('\\'),
            Some(other) => {
                out.push('\\');
                out.push(other);
            }
        }
    }
}

fn regexp_replace(args: Args, _: &Env) -> Result<Value> {
    let (regex, global) = with_flags(args, 1, 3)?;
    let subject = arg::text(args, 0)?;
    let template = arg::text(args, 2)?;
    let mut out = String::with_capacity(subject.len());
    let mut end = 0;
    for captures in regex.captures_iter(subject) {
        let Some(whole) = captures.get(0) else {
            continue;
        };
        out.push_str(&subject[end..whole.start()]);
        replaced(template, &captures, &mut out);
        end = whole.end();
        if !global {
            break;
        }
    }
    out.push_str(&subject[end..]);
    Ok(Value::Text(out))
}

fn groups(captures: &Captures<'_>) -> Value {
    let items: Vec<Value> = if captures.len() == 1 {
        captures
            .get(0)
            .map(|m| Value::Text(m.as_str().to_owned()))
            .into_iter()
            .collect()
    } else {
        (1..captures.len())
            .map(|i| {
                captures
                    .get(i)
                    .map_or(Value::Null, |m| Value::Text(m.as_str().to_owned()))
            })
            .collect()
    };
    Value::Array(Array::new(SqlType::Text, items))
}

fn regexp_match(args: Args, _: &Env) -> Result<Value> {
    let (regex, _) = with_flags(args, 1, 2)?;
    Ok(regex
        .captures(arg::text(args, 0)?)
        .map_or(Value::Null, |captures| groups(&captures)))
}

/// The groups of each match: of the first, or of all with the flag `g`.
fn regexp_matches(args: Args, _: &Env) -> Result<Value> {
    let (regex, global) = with_flags(args, 1, 2)?;
    let most = if global { usize::MAX } else { 1 };
    let rows = regex
        .captures_iter(arg::text(args, 0)?)
        .take(most)
        .map(|captures| groups(&captures))
        .collect();
    let element = SqlType::Array(Box::new(SqlType::Text));
    Ok(Value::Array(Array::new(element, rows)))
}

fn regexp_like(args: Args, _: &Env) -> Result<Value> {
    let (regex, _) = with_flags(args, 1, 2)?;
    Ok(Value::Bool(regex.is_match(arg::text(args, 0)?)))
}

fn regexp_count(args: Args, _: &Env) -> Result<Value> {
    let (regex, _) = with_flags(args, 1, 3)?;
    let subject = arg::text(args, 0)?;
    let skip = if args.len() > 2 {
        arg::count(args, 2)?.saturating_sub(1)
    } else {
        0
    };
    let start = subject
        .char_indices()
        .nth(skip)
        .map_or(subject.len(), |(at, _)| at);
    Ok(Value::Int4(
        regex.find_iter(&subject[start..]).count() as i32
    ))
}

fn regexp_instr(args: Args, _: &Env) -> Result<Value> {
    let (regex, _) = with_flags(args, 1, 9)?;
    let subject = arg::text(args, 0)?;
    Ok(Value::Int4(regex.find(subject).map_or(0, |found| {
        subject[..found.start()].chars().count() as i32 + 1
    })))
}

/// The first match, or its first group.
fn substring_regex(args: Args, _: &Env) -> Result<Value> {
    let regex = compiled(&to_rust(arg::text(args, 1)?), false)?;
    Ok(regex
        .captures(arg::text(args, 0)?)
        .and_then(|captures| captures.get(usize::from(captures.len() > 1)))
        .map_or(Value::Null, |found| Value::Text(found.as_str().to_owned())))
}

fn split(args: Args) -> Result<Vec<Value>> {
    let (regex, _) = with_flags(args, 1, 2)?;
    let subject = arg::text(args, 0)?;
    let mut parts = Vec::new();
    let mut end = 0;
    for found in regex.find_iter(subject) {
        // An empty match splits between letters only.
        if found.end() <= end || found.start() >= subject.len() {
            continue;
        }
        parts.push(Value::Text(subject[end..found.start()].to_owned()));
        end = found.end();
    }
    parts.push(Value::Text(subject[end..].to_owned()));
    Ok(parts)
}

fn regexp_split_to_array(args: Args, _: &Env) -> Result<Value> {
    Ok(Value::Array(Array::new(SqlType::Text, split(args)?)))
}

pub const FUNCTIONS: &[Function] = &[
    function("regexp_count", &[T::Text, T::Text], T::Int4, regexp_count),
    function(
        "regexp_count",
        &[T::Text, T::Text, T::Int4],
        T::Int4,
        regexp_count,
    ),
    function(
        "regexp_count",
        &[T::Text, T::Text, T::Int4, T::Text],
        T::Int4,
        regexp_count,
    ),
    function("regexp_instr", &[T::Text, T::Text], T::Int4, regexp_instr),
    function("regexp_like", &[T::Text, T::Text], T::Bool, regexp_like),
    function(
        "regexp_like",
        &[T::Text, T::Text, T::Text],
        T::Bool,
        regexp_like,
    ),
    function("regexp_match", &[T::Text, T::Text], T::Texts, regexp_match),
    function(
        "regexp_match",
        &[T::Text, T::Text, T::Text],
        T::Texts,
        regexp_match,
    ),
    function(
        "regexp_replace",
        &[T::Text, T::Text, T::Text],
        T::Text,
        regexp_replace,
    ),
    function(
        "regexp_replace",
        &[T::Text, T::Text, T::Text, T::Text],
        T::Text,
        regexp_replace,
    ),
    function(
        "regexp_matches",
        &[T::Text, T::Text],
        T::TextRows,
        regexp_matches,
    ),
    function(
        "regexp_matches",
        &[T::Text, T::Text, T::Text],
        T::TextRows,
        regexp_matches,
    ),
    function(
        "regexp_split_to_array",
        &[T::Text, T::Text],
        T::Texts,
        regexp_split_to_array,
    ),
    function(
        "regexp_split_to_array",
        &[T::Text, T::Text, T::Text],
        T::Texts,
        regexp_split_to_array,
    ),
    function(
        "regexp_split_to_table",
        &[T::Text, T::Text],
        T::Texts,
        regexp_split_to_array,
    ),
    function("substring", &[T::Text, T::Text], T::Text, substring_regex),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn similar_to_matches_whole_strings() {
        let matches = |subject: &str, pattern: &str| {
            compiled(&of_similar(pattern, Some('\\')).unwrap(), false)
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
