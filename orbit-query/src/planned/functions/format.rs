//! `format()` and quoting.

use super::Function;
use crate::pg_catalog::objects::quote;
use orbit_core::{Error, Result, state};

fn wrong(message: impl Into<std::borrow::Cow<'static, str>>) -> Error {
    Error::new(state::INVALID_PARAMETER_VALUE, message)
}

fn check_argument(at: usize, count: usize) -> Result<()> {
    if at == 0 {
        return Err(wrong(
            "format specifies argument 0, but arguments are numbered from 1",
        ));
    }
    if at > count {
        return Err(wrong("too few arguments for format()"));
    }
    Ok(())
}

/// Bytes a text can have.
const LONGEST: usize = 0x3fff_ffff;

/// `format('%s of %I', ...)`: `argument(i)` is the text of the i-th, from 1.
pub fn expand(
    pattern: &str,
    count: usize,
    mut argument: impl FnMut(usize) -> Result<Option<String>>,
) -> Result<String> {
    let mut out = String::new();
    let mut letters = pattern.chars().peekable();
    let mut next = 1usize;
    while let Some(letter) = letters.next() {
        if letter != '%' {
            out.push(letter);
            continue;
        }
        if letters.peek() == Some(&'%') {
            letters.next();
            out.push('%');
            continue;
        }
        let mut number = String::new();
        let mut left = false;
        let mut width: Option<usize> = None;
        let mut position = None;
        // `*`, and the number of the argument that it names, if it names one.
        let mut from_argument = None;
        loop {
            match letters.peek() {
                Some('*') if number.is_empty() && from_argument.is_none() => {
                    letters.next();
                    let mut named = String::new();
                    let mut ahead = letters.clone();
                    while let Some(digit) = ahead.next_if(char::is_ascii_digit) {
                        named.push(digit);
                    }
                    let is_named = !named.is_empty() && ahead.next() == Some('$');
                    if is_named {
                        letters = ahead;
                    }
                    let named = named.parse::<usize>().ok().filter(|_| is_named);
                    from_argument = Some(named);
                }
                Some(digit) if digit.is_ascii_digit() => {
                    number.push(*digit);
                    letters.next();
                }
                Some('$') => {
                    position = Some(
                        number
                            .parse::<usize>()
                            .map_err(|_| wrong("unrecognized format() type specifier"))?,
                    );
                    number.clear();
                    letters.next();
                }
                Some('-') => {
                    left = true;
                    letters.next();
                }
                _ => break,
            }
        }
        if !number.is_empty() {
            let wide: i32 = number.parse().map_err(|_| {
                Error::new(state::NUMERIC_VALUE_OUT_OF_RANGE, "number is out of range")
            })?;
            width = usize::try_from(wide).ok();
        }
        if let Some(named) = from_argument {
            let at = named.unwrap_or(next);
            check_argument(at, count)?;
            next = at + 1;
            // NULL is no width.
            let said = argument(at)?.unwrap_or_else(|| "0".to_owned());
            let wide = said.trim().parse::<i32>().map_err(|_| {
                Error::new(
                    state::INVALID_TEXT_REPRESENTATION,
                    format!("invalid input syntax for type integer: \"{said}\""),
                )
            })?;
            left |= wide < 0;
            width = usize::try_from(wide.unsigned_abs()).ok();
        }
        let Some(kind) = letters.next() else {
            return Err(wrong("unterminated format() type specifier")
                .with_hint("For a single \"%\" use \"%%\"."));
        };
        let at = position.unwrap_or(next);
        check_argument(at, count)?;
        next = at + 1;
        let value = argument(at)?;
        let text = match (kind, value) {
            ('s', value) => value.unwrap_or_default(),
            ('I', Some(value)) => quote(&value),
            ('I', None) => {
                return Err(Error::new(
                    state::NULL_VALUE_NOT_ALLOWED,
                    "null values cannot be formatted as an SQL identifier",
                ));
            }
            ('L', Some(value)) => quoted_literal(&value),
            ('L', None) => "NULL".to_owned(),
            (other, _) => {
                return Err(
                    wrong(format!("unrecognized format() type specifier \"{other}\""))
                        .with_hint("For a single \"%\" use \"%%\"."),
                );
            }
        };
        let padding = width.unwrap_or(0).saturating_sub(text.chars().count());
        if out.len() + padding + text.len() >= LONGEST {
            return Err(
                Error::new(state::PROGRAM_LIMIT_EXCEEDED, "out of memory").with_detail(format!(
                    "Cannot enlarge string buffer containing {} bytes by {} more bytes.",
                    out.len(),
                    padding + text.len()
                )),
            );
        }
        super::text::may_be_long(padding)?;
        if !left {
            out.extend(std::iter::repeat_n(' ', padding));
        }
        out.push_str(&text);
        if left {
            out.extend(std::iter::repeat_n(' ', padding));
        }
    }
    Ok(out)
}

pub fn quoted_literal(value: &str) -> String {
    let quoted = value.replace('\'', "''");
    if quoted.contains('\\') {
        format!(" E'{}'", quoted.replace('\\', "\\\\"))
    } else {
        format!("'{quoted}'")
    }
}

pub const FUNCTIONS: &[Function] = &[];
