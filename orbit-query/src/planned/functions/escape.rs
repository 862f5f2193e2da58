//! Text that is written with escapes: identifiers, Unicode by number, patterns.

use super::pattern::{compiled, of_similar, with_backslash};
use super::{Env, Function, T, arg, function};
use orbit_core::types::SqlType;
use orbit_core::value::{Array, Value, ValueRef};
use orbit_core::{Error, Result, state};

type Args<'a, 'v> = &'a [ValueRef<'v>];

/// A LIKE pattern as a regular expression for the whole string.
fn of_like(pattern: &str) -> Result<String> {
    let mut out = String::from("^(?s:");
    let mut letters = pattern.chars();
    while let Some(letter) = letters.next() {
        match letter {
            '%' => out.push_str(".*"),
            '_' => out.push('.'),
            '\\' => match letters.next() {
                Some(next) => out.push_str(&regex::escape(next.encode_utf8(&mut [0; 4]))),
                None => {
                    return Err(Error::new(
                        state::INVALID_ESCAPE_SEQUENCE,
                        "LIKE pattern must not end with escape character",
                    ));
                }
            },
            other => out.push_str(&regex::escape(other.encode_utf8(&mut [0; 4]))),
        }
    }
    out.push_str(")$");
    Ok(out)
}

fn is_like(args: Args) -> Result<bool> {
    let regex = compiled(&of_like(arg::text(args, 1)?)?, false)?;
    Ok(regex.is_match(arg::text(args, 0)?))
}

fn like(args: Args, _: &Env) -> Result<Value> {
    is_like(args).map(Value::Bool)
}

fn not_like(args: Args, _: &Env) -> Result<Value> {
    Ok(Value::Bool(!is_like(args)?))
}

pub fn one_letter(text: &str) -> Result<Option<char>> {
    let mut letters = text.chars();
    match (letters.next(), letters.next()) {
        (first, None) => Ok(first),
        _ => Err(
            Error::new(state::INVALID_ESCAPE_SEQUENCE, "invalid escape string")
                .with_hint("Escape string must be empty or one character."),
        ),
    }
}

fn like_escape(args: Args, _: &Env) -> Result<Value> {
    let escape = one_letter(arg::text(args, 1)?)?;
    with_backslash(arg::text(args, 0)?, escape).map(Value::Text)
}

fn similar_to_escape(args: Args, _: &Env) -> Result<Value> {
    let escape = match args.get(1) {
        Some(_) => one_letter(arg::text(args, 1)?)?,
        None => Some('\\'),
    };
    of_similar(arg::text(args, 0)?, escape).map(Value::Text)
}

fn bad_unicode() -> Error {
    Error::new(state::SYNTAX_ERROR, "invalid Unicode escape")
        .with_hint("Unicode escapes must be \\XXXX, \\+XXXXXX, \\uXXXX, or \\UXXXXXXXX.")
}

fn number(letters: &mut std::str::Chars<'_>, digits: usize) -> Result<u32> {
    let mut value = 0u32;
    for _ in 0..digits {
        let digit = letters.next().and_then(|letter| letter.to_digit(16));
        value = value.wrapping_mul(16) + digit.ok_or_else(bad_unicode)?;
    }
    Ok(value)
}

/// `\0441`, `\+01F600`, `\u0441`, `\U0001F600` and `\\`.
fn unistr(args: Args, _: &Env) -> Result<Value> {
    let mut letters = arg::text(args, 0)?.chars();
    let mut out = String::new();
    let mut first: Option<u32> = None;
    let half = || Error::new(state::SYNTAX_ERROR, "invalid Unicode surrogate pair");
    while let Some(letter) = letters.next() {
        let mut rest = letters.clone();
        let code = match (letter, rest.next()) {
            ('\\', Some('\\')) => {
                letters.next();
                None
            }
            ('\\', Some('+')) => {
                letters.next();
                Some(number(&mut letters, 6)?)
            }
            ('\\', Some('u')) => {
                letters.next();
                Some(number(&mut letters, 4)?)
            }
            ('\\', Some('U')) => {
                letters.next();
                Some(number(&mut letters, 8)?)
            }
            ('\\', _) => Some(number(&mut letters, 4)?),
            _ => None,
        };
        match (first.take(), code) {
            (None, Some(high @ 0xD800..=0xDBFF)) => first = Some(high),
            (Some(high), Some(low @ 0xDC00..=0xDFFF)) => {
                let code = 0x10000 + ((high - 0xD800) << 10) + (low - 0xDC00);
                out.push(char::from_u32(code).ok_or_else(half)?);
            }
            (Some(_), _) | (None, Some(0xDC00..=0xDFFF)) => return Err(half()),
            (None, Some(code)) => match char::from_u32(code).filter(|_| code > 0) {
                Some(letter) => out.push(letter),
                None => {
                    return Err(Error::new(
                        state::INVALID_PARAMETER_VALUE,
                        format!("invalid Unicode code point: {code:04X}"),
                    ));
                }
            },
            (None, None) => out.push(letter),
        }
    }
    match first {
        Some(_) => Err(half()),
        None => Ok(Value::Text(out)),
    }
}

/// The parts of a name as SQL would read it.
fn parse_ident(args: Args, _: &Env) -> Result<Value> {
    let text = arg::text(args, 0)?;
    let strict = match args.get(1) {
        Some(ValueRef::Bool(strict)) => *strict,
        _ => true,
    };
    let bad = |detail: &'static str| {
        let error = Error::new(
            state::INVALID_PARAMETER_VALUE,
            format!("string is not a valid identifier: \"{text}\""),
        );
        match detail {
            "" => error,
            detail => error.with_detail(detail),
        }
    };
    let mut parts = Vec::new();
    let mut rest = text.trim_start();
    loop {
        if let Some(quoted) = rest.strip_prefix('"') {
            let mut name = String::new();
            let mut after = quoted;
            loop {
                let end = after
                    .find('"')
                    .ok_or_else(|| bad("String has unclosed double quotes."))?;
                name.push_str(after.get(..end).unwrap_or_default());
                after = after.get(end + 1..).unwrap_or_default();
                match after.strip_prefix('"') {
                    Some(more) => {
                        name.push('"');
                        after = more;
                    }
                    None => break,
                }
            }
            if name.is_empty() {
                return Err(bad("Quoted identifier must not be empty."));
            }
            parts.push(Value::Text(name));
            rest = after;
        } else {
            let is_start = |letter: char| letter.is_alphabetic() || letter == '_';
            let is_part = |letter: char| is_start(letter) || letter.is_numeric() || letter == '$';
            let end = rest.find(|letter| !is_part(letter)).unwrap_or(rest.len());
            let name = rest.get(..end).unwrap_or_default();
            if !name.starts_with(is_start) {
                return Err(bad(match rest.starts_with('.') {
                    true => "No valid identifier before \".\".",
                    false if parts.is_empty() => "",
                    false => "No valid identifier after \".\".",
                }));
            }
            parts.push(Value::Text(name.to_lowercase()));
            rest = rest.get(end..).unwrap_or_default();
        }
        rest = rest.trim_start();
        match rest.strip_prefix('.') {
            Some(after) => rest = after.trim_start(),
            None if rest.is_empty() || !strict => break,
            None => return Err(bad("")),
        }
    }
    Ok(Value::Array(Array::new(SqlType::Text, parts)))
}

pub const FUNCTIONS: &[Function] = &[
    function("like", &[T::Text, T::Text], T::Bool, like),
    function("like_escape", &[T::Text, T::Text], T::Text, like_escape),
    function("notlike", &[T::Text, T::Text], T::Bool, not_like),
    function("parse_ident", &[T::Text], T::Texts, parse_ident),
    function("parse_ident", &[T::Text, T::Bool], T::Texts, parse_ident),
    function("similar_to_escape", &[T::Text], T::Text, similar_to_escape),
    function(
        "similar_to_escape",
        &[T::Text, T::Text],
        T::Text,
        similar_to_escape,
    ),
    function("unistr", &[T::Text], T::Text, unistr),
];
