//! The functions of regular expressions.

use super::pattern::{compiled, of_similar, to_rust};
use super::text::append;
use super::{Env, Function, T, arg, function};
use orbit_core::types::SqlType;
use orbit_core::value::{Array, Value, ValueRef};
use orbit_core::{Error, Result, state};
use regex::{Captures, Regex};

type Args<'a, 'v> = &'a [ValueRef<'v>];

fn invalid(message: String) -> Error {
    Error::new(state::INVALID_PARAMETER_VALUE, message)
}

/// An argument that may be left out.
fn number(args: Args, at: usize, otherwise: i32) -> Result<i32> {
    match args.get(at) {
        Some(_) => arg::int4(args, at),
        None => Ok(otherwise),
    }
}

/// A number that counts from `least` on.
fn counted(args: Args, at: usize, name: &str, least: i32, otherwise: i32) -> Result<usize> {
    let value = number(args, at, otherwise)?;
    usize::try_from(value)
        .ok()
        .filter(|_| value >= least)
        .ok_or_else(|| invalid(format!("invalid value for parameter \"{name}\": {value}")))
}

/// Flags of the regexp functions, and whether `g` is among them.
fn with_flags(args: Args, pattern: usize, flags: usize) -> Result<(Regex, bool)> {
    let flags = match args.get(flags) {
        Some(_) => arg::text(args, flags)?,
        None => "",
    };
    let mut global = false;
    let mut insensitive = false;
    let mut literal = false;
    let mut prefix = String::new();
    for flag in flags.chars() {
        match flag {
            'g' => global = true,
            'i' => insensitive = true,
            'c' => insensitive = false,
            'n' | 'm' => prefix.push_str("(?m-s)"),
            'p' => prefix.push_str("(?-s)"),
            'w' => prefix.push_str("(?m)"),
            's' => prefix.push_str("(?s-m)"),
            'x' => prefix.push_str("(?x)"),
            'q' => literal = true,
            'e' | 't' => {}
            other => {
                return Err(invalid(format!(
                    "invalid regular expression option: \"{other}\""
                )));
            }
        }
    }
    let pattern = arg::text(args, pattern)?;
    let pattern = match literal {
        true => regex::escape(pattern),
        false => to_rust(pattern),
    };
    Ok((compiled(&(prefix + &pattern), insensitive)?, global))
}

/// As [`with_flags`] for functions that find one match anyway.
fn without_global(args: Args, flags: usize, name: &str) -> Result<Regex> {
    match with_flags(args, 1, flags)? {
        (regex, false) => Ok(regex),
        (_, true) => Err(invalid(format!(
            "{name}() does not support the \"global\" option"
        ))),
    }
}

/// The byte at which the letter `start` (from 1) begins; `None`: beyond the end.
fn byte_of(subject: &str, start: usize) -> Option<usize> {
    let mut letters = subject.char_indices().map(|(at, _)| at);
    let skipped = start.saturating_sub(1);
    match letters.nth(skipped) {
        Some(at) => Some(at),
        None if subject.chars().count() == skipped => Some(subject.len()),
        None => None,
    }
}

/// All matches from a byte on. After an empty one the search goes on one letter later.
fn matches<'s>(
    regex: &'s Regex,
    subject: &'s str,
    start: usize,
) -> impl Iterator<Item = Captures<'s>> {
    let mut at = Some(start);
    std::iter::from_fn(move || {
        let found = regex.captures_at(subject, at?)?;
        let whole = found.get(0)?;
        at = if whole.is_empty() {
            let letter = subject.get(whole.end()..)?.chars().next();
            letter.map(|letter| whole.end() + letter.len_utf8())
        } else {
            Some(whole.end())
        };
        Some(found)
    })
}

/// `\1` and `\&` of a replacement, put in.
fn replaced(template: &str, captures: &Captures<'_>, out: &mut String) -> Result<()> {
    let group = |number: usize| captures.get(number).map_or("", |m| m.as_str());
    let mut rest = template;
    while let Some((before, after)) = rest.split_once('\\') {
        append(out, before)?;
        let mut letters = after.chars();
        let piece = match letters.next() {
            Some('&') => group(0),
            Some(digit @ '1'..='9') => group(digit.to_digit(10).unwrap_or(0) as usize),
            Some('\\') | None => "\\",
            Some(_) => {
                append(out, "\\")?;
                rest = after;
                continue;
            }
        };
        append(out, piece)?;
        rest = letters.as_str();
    }
    append(out, rest)
}

/// The text with the `nth` match replaced; 0: all of them.
fn replace_in(regex: &Regex, args: Args, start: usize, nth: usize) -> Result<Value> {
    let subject = arg::text(args, 0)?;
    let template = arg::text(args, 2)?;
    let mut out = String::with_capacity(subject.len());
    let mut end = 0;
    if let Some(start) = byte_of(subject, start) {
        for (place, captures) in matches(regex, subject, start).enumerate() {
            if nth > 0 && place + 1 < nth {
                continue;
            }
            let Some(whole) = captures.get(0) else {
                continue;
            };
            append(
                &mut out,
                subject.get(end..whole.start()).unwrap_or_default(),
            )?;
            replaced(template, &captures, &mut out)?;
            end = whole.end();
            if nth > 0 {
                break;
            }
        }
    }
    append(&mut out, subject.get(end..).unwrap_or_default())?;
    Ok(Value::Text(out))
}

fn regexp_replace(args: Args, _: &Env) -> Result<Value> {
    if let Some(ValueRef::Text(flags)) = args.get(3) {
        if let Some(digit) = flags.chars().next().filter(char::is_ascii_digit) {
            return Err(invalid(format!(
                "invalid regular expression option: \"{digit}\""
            ))
            .with_hint("If you meant to use regexp_replace() with a start parameter, cast the fourth argument to integer explicitly."));
        }
    }
    let (regex, global) = with_flags(args, 1, 3)?;
    replace_in(&regex, args, 1, usize::from(!global))
}

fn regexp_replace_from(args: Args, _: &Env) -> Result<Value> {
    let start = counted(args, 3, "start", 1, 1)?;
    let (regex, global) = with_flags(args, 1, 5)?;
    let nth = match args.get(4) {
        Some(_) => counted(args, 4, "n", 0, 1)?,
        None => usize::from(!global),
    };
    replace_in(&regex, args, start, nth)
}

fn groups(captures: &Captures<'_>) -> Value {
    let text = |group: usize| {
        let found = captures.get(group);
        found.map_or(Value::Null, |m| Value::Text(m.as_str().to_owned()))
    };
    let items = match captures.len() {
        1 => vec![text(0)],
        several => (1..several).map(text).collect(),
    };
    Value::Array(Array::new(SqlType::Text, items))
}

fn regexp_match(args: Args, _: &Env) -> Result<Value> {
    let (regex, global) = with_flags(args, 1, 2)?;
    if global {
        return Err(
            invalid("regexp_match() does not support the \"global\" option".to_owned())
                .with_hint("Use the regexp_matches function instead."),
        );
    }
    Ok(regex
        .captures(arg::text(args, 0)?)
        .map_or(Value::Null, |captures| groups(&captures)))
}

/// The groups of each match: of the first, or of all with the flag `g`.
fn regexp_matches(args: Args, _: &Env) -> Result<Value> {
    let (regex, global) = with_flags(args, 1, 2)?;
    let most = if global { usize::MAX } else { 1 };
    let mut rows = Vec::new();
    for captures in matches(&regex, arg::text(args, 0)?, 0).take(most) {
        super::text::may_grow(&rows)?;
        rows.push(groups(&captures));
    }
    let element = SqlType::Array(Box::new(SqlType::Text));
    Ok(Value::Array(Array::new(element, rows)))
}

fn regexp_like(args: Args, _: &Env) -> Result<Value> {
    let regex = without_global(args, 2, "regexp_like")?;
    Ok(Value::Bool(regex.is_match(arg::text(args, 0)?)))
}

fn regexp_count(args: Args, _: &Env) -> Result<Value> {
    let start = counted(args, 2, "start", 1, 1)?;
    let regex = without_global(args, 3, "regexp_count")?;
    let subject = arg::text(args, 0)?;
    let count = byte_of(subject, start).map_or(0, |at| matches(&regex, subject, at).count());
    Ok(Value::Int4(i32::try_from(count).unwrap_or(i32::MAX)))
}

/// The `nth` match after `start`, and what of it is asked for.
fn nth_match<'s>(
    regex: &'s Regex,
    subject: &'s str,
    start: usize,
    nth: usize,
    group: usize,
) -> Option<regex::Match<'s>> {
    let at = byte_of(subject, start)?;
    matches(regex, subject, at).nth(nth - 1)?.get(group)
}

fn regexp_instr(args: Args, _: &Env) -> Result<Value> {
    let start = counted(args, 2, "start", 1, 1)?;
    let nth = counted(args, 3, "n", 1, 1)?;
    let end = number(args, 4, 0)?;
    if !(0..=1).contains(&end) {
        return Err(invalid(format!(
            "invalid value for parameter \"endoption\": {end}"
        )));
    }
    let regex = without_global(args, 5, "regexp_instr")?;
    let group = counted(args, 6, "subexpr", 0, 0)?;
    let subject = arg::text(args, 0)?;
    let found = nth_match(&regex, subject, start, nth, group);
    let place = found.map_or(0, |found| {
        let at = if end == 1 { found.end() } else { found.start() };
        let before = subject.get(..at).unwrap_or_default().chars().count();
        i32::try_from(before + 1).unwrap_or(i32::MAX)
    });
    Ok(Value::Int4(place))
}

fn regexp_substr(args: Args, _: &Env) -> Result<Value> {
    let start = counted(args, 2, "start", 1, 1)?;
    let nth = counted(args, 3, "n", 1, 1)?;
    let regex = without_global(args, 4, "regexp_substr")?;
    let group = counted(args, 5, "subexpr", 0, 0)?;
    let found = nth_match(&regex, arg::text(args, 0)?, start, nth, group);
    Ok(found.map_or(Value::Null, |found| Value::Text(found.as_str().to_owned())))
}

/// The first match, or its first group.
fn substring_regex(args: Args, _: &Env) -> Result<Value> {
    let regex = compiled(&to_rust(arg::text(args, 1)?), false)?;
    Ok(regex
        .captures(arg::text(args, 0)?)
        .and_then(|captures| captures.get(usize::from(captures.len() > 1)))
        .map_or(Value::Null, |found| Value::Text(found.as_str().to_owned())))
}

/// `substring(s similar p escape e)`: what stands between the two `e"`, or all of it.
fn substring_similar(args: Args, _: &Env) -> Result<Value> {
    let (subject, pattern) = (arg::text(args, 0)?, arg::text(args, 1)?);
    let escape = arg::text(args, 2)?.chars().next();
    let mut parts = vec![String::new()];
    let mut letters = pattern.chars();
    while let Some(letter) = letters.next() {
        let Some(last) = parts.last_mut() else {
            break;
        };
        if Some(letter) != escape {
            last.push(letter);
            continue;
        }
        match letters.next() {
            Some('"') => parts.push(String::new()),
            Some(next) => {
                last.push(letter);
                last.push(next);
            }
            None => last.push(letter),
        }
    }
    let inner = |part: &str| -> Result<String> {
        let whole = of_similar(part, escape)?;
        let inner = whole.strip_prefix("^(?:").unwrap_or(&whole);
        Ok(inner.strip_suffix(")$").unwrap_or(inner).to_owned())
    };
    let regex = match parts.as_slice() {
        [whole] => format!("^({})$", inner(whole)?),
        [before, wanted, after] => format!(
            // The first part takes as little as it can, as PostgreSQL has it.
            "^(?U:{})({})(?:{})$",
            inner(before)?,
            inner(wanted)?,
            inner(after)?
        ),
        _ => {
            return Err(Error::new(
                state::INVALID_REGULAR_EXPRESSION,
                "SQL regular expression may not contain more than two escape-double-quote separators",
            ));
        }
    };
    let found = compiled(&regex, false)?
        .captures(subject)
        .and_then(|captures| captures.get(1).map(|found| found.as_str().to_owned()));
    Ok(found.map_or(Value::Null, Value::Text))
}

fn split(args: Args, _: &Env) -> Result<Value> {
    let (regex, _) = with_flags(args, 1, 2)?;
    let subject = arg::text(args, 0)?;
    let mut parts = Vec::new();
    let mut end = 0;
    for found in regex.find_iter(subject) {
        // An empty match splits between letters only.
        if found.end() <= end || found.start() >= subject.len() {
            continue;
        }
        super::text::may_grow(&parts)?;
        parts.push(Value::Text(
            subject
                .get(end..found.start())
                .unwrap_or_default()
                .to_owned(),
        ));
        end = found.end();
    }
    parts.push(Value::Text(
        subject.get(end..).unwrap_or_default().to_owned(),
    ));
    Ok(Value::Array(Array::new(SqlType::Text, parts)))
}

const S: T = T::Text;
const I: T = T::Int4;

pub const FUNCTIONS: &[Function] = &[
    function("regexp_count", &[S, S], I, regexp_count),
    function("regexp_count", &[S, S, I], I, regexp_count),
    function("regexp_count", &[S, S, I, S], I, regexp_count),
    function("regexp_instr", &[S, S], I, regexp_instr),
    function("regexp_instr", &[S, S, I], I, regexp_instr),
    function("regexp_instr", &[S, S, I, I], I, regexp_instr),
    function("regexp_instr", &[S, S, I, I, I], I, regexp_instr),
    function("regexp_instr", &[S, S, I, I, I, S], I, regexp_instr),
    function("regexp_instr", &[S, S, I, I, I, S, I], I, regexp_instr),
    function("regexp_like", &[S, S], T::Bool, regexp_like),
    function("regexp_like", &[S, S, S], T::Bool, regexp_like),
    function("regexp_match", &[S, S], T::Texts, regexp_match),
    function("regexp_match", &[S, S, S], T::Texts, regexp_match),
    function("regexp_matches", &[S, S], T::TextRows, regexp_matches),
    function("regexp_matches", &[S, S, S], T::TextRows, regexp_matches),
    function("regexp_replace", &[S, S, S], S, regexp_replace),
    function("regexp_replace", &[S, S, S, S], S, regexp_replace),
    function("regexp_replace", &[S, S, S, I], S, regexp_replace_from),
    function("regexp_replace", &[S, S, S, I, I], S, regexp_replace_from),
    function(
        "regexp_replace",
        &[S, S, S, I, I, S],
        S,
        regexp_replace_from,
    ),
    function("regexp_split_to_array", &[S, S], T::Texts, split),
    function("regexp_split_to_array", &[S, S, S], T::Texts, split),
    function("regexp_split_to_table", &[S, S], T::Texts, split),
    function("regexp_split_to_table", &[S, S, S], T::Texts, split),
    function("regexp_substr", &[S, S], S, regexp_substr),
    function("regexp_substr", &[S, S, I], S, regexp_substr),
    function("regexp_substr", &[S, S, I, I], S, regexp_substr),
    function("regexp_substr", &[S, S, I, I, S], S, regexp_substr),
    function("regexp_substr", &[S, S, I, I, S, I], S, regexp_substr),
    function("substring", &[S, S], S, substring_regex),
    function("substring", &[S, S, S], S, substring_similar),
];
