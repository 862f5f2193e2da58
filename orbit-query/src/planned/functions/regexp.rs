//! The functions of regular expressions.

use super::are::{self, Are, Found, Memo, Options};
use super::pattern::of_similar;
use super::text::append;
use super::{Env, Function, T, arg, function};
use crate::planned::cancel;
use orbit_core::types::SqlType;
use orbit_core::value::{Array, Value, ValueRef};
use orbit_core::{Error, Result, state};
use std::ops::Range;
use std::rc::Rc;

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

/// A pattern with the flags of the regexp functions, and whether `g` is among them.
fn with_flags(args: Args, pattern: usize, flags: usize) -> Result<(Rc<Are>, bool)> {
    let flags = match args.get(flags) {
        Some(_) => arg::text(args, flags)?,
        None => "",
    };
    let mut global = false;
    let mut options = Options::default();
    for flag in flags.chars() {
        match flag {
            'g' => global = true,
            'b' => return Err(Error::unsupported("a basic regular expression")),
            flag if options.flag(flag) => {}
            other => {
                return Err(invalid(format!(
                    "invalid regular expression option: \"{other}\""
                )));
            }
        }
    }
    Ok((are::compiled(arg::text(args, pattern)?, options)?, global))
}

/// As [`with_flags`] for functions that find one match anyway.
fn without_global(args: Args, flags: usize, name: &str) -> Result<Rc<Are>> {
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

/// Where to look after this match: after an empty one a letter later.
fn behind(subject: &str, whole: &Range<usize>) -> Option<usize> {
    if !whole.is_empty() {
        return Some(whole.end);
    }
    let letter = subject.get(whole.end..)?.chars().next();
    letter.map(|letter| whole.end + letter.len_utf8())
}

/// All matches from a byte on. Some patterns have each of them look through all that is
/// left of the text, so a statement may be cancelled between them.
fn spans<'s>(
    regex: &'s Are,
    subject: &'s str,
    start: usize,
) -> impl Iterator<Item = Result<Range<usize>>> + use<'s> {
    const BETWEEN_CHECKS: usize = 64;
    let mut at = Some(start);
    let mut memo = Memo::default();
    let mut count = 0;
    std::iter::from_fn(move || {
        let from = at?;
        count += 1;
        if count % BETWEEN_CHECKS == 0
            && let Err(error) = cancel::check()
        {
            at = None;
            return Some(Err(error));
        }
        let whole = regex.find_next(subject, from, &mut memo)?;
        at = behind(subject, &whole);
        Some(Ok(whole))
    })
}

fn group<'s>(subject: &'s str, found: &Found, number: usize) -> Option<&'s str> {
    subject.get(found.get(number)?.clone()?)
}

/// `\1` and `\&` of a replacement, put in.
fn replaced(template: &str, subject: &str, found: &Found, out: &mut String) -> Result<()> {
    let group = |number: usize| group(subject, found, number).unwrap_or_default();
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
fn replace_in(regex: &Are, args: Args, start: usize, nth: usize) -> Result<Value> {
    let subject = arg::text(args, 0)?;
    let template = arg::text(args, 2)?;
    let mut out = String::with_capacity(subject.len());
    let mut end = 0;
    if let Some(start) = byte_of(subject, start) {
        let has_groups = template.contains('\\');
        for (place, whole) in spans(regex, subject, start).enumerate() {
            let whole = whole?;
            if nth > 0 && place + 1 < nth {
                continue;
            }
            append(&mut out, subject.get(end..whole.start).unwrap_or_default())?;
            end = whole.end;
            let found = match has_groups {
                true => Some(regex.captures_in(subject, whole)),
                false => None,
            };
            match found {
                Some(found) => replaced(template, subject, &found, &mut out)?,
                None => append(&mut out, template)?,
            }
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

fn groups(subject: &str, found: &Found) -> Value {
    let text = |number: usize| {
        group(subject, found, number).map_or(Value::Null, |text| Value::Text(text.to_owned()))
    };
    let items = match found.len() {
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
    let subject = arg::text(args, 0)?;
    Ok(regex
        .captures_at(subject, 0)
        .map_or(Value::Null, |found| groups(subject, &found)))
}

/// The groups of each match: of the first, or of all with the flag `g`.
fn regexp_matches(args: Args, _: &Env) -> Result<Value> {
    let (regex, global) = with_flags(args, 1, 2)?;
    let most = if global { usize::MAX } else { 1 };
    let mut rows = Vec::new();
    let subject = arg::text(args, 0)?;
    for whole in spans(&regex, subject, 0).take(most) {
        super::text::may_grow(&rows)?;
        rows.push(groups(subject, &regex.captures_in(subject, whole?)));
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
    let mut count = 0;
    if let Some(at) = byte_of(subject, start) {
        for whole in spans(&regex, subject, at) {
            whole?;
            count += 1;
        }
    }
    Ok(Value::Int4(i32::try_from(count).unwrap_or(i32::MAX)))
}

/// The `nth` match after `start`, and what of it is asked for.
fn nth_match(
    regex: &Are,
    subject: &str,
    start: usize,
    nth: usize,
    group: usize,
) -> Result<Option<Range<usize>>> {
    let Some(at) = byte_of(subject, start) else {
        return Ok(None);
    };
    let mut wholes = spans(regex, subject, at);
    for _ in 1..nth {
        if wholes.next().transpose()?.is_none() {
            return Ok(None);
        }
    }
    let whole = wholes.next().transpose()?;
    Ok(whole.and_then(|whole| match group {
        0 => Some(whole),
        group => regex.captures_in(subject, whole).get(group)?.clone(),
    }))
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
    let found = nth_match(&regex, subject, start, nth, group)?;
    let place = found.map_or(0, |found| {
        let at = if end == 1 { found.end } else { found.start };
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
    let subject = arg::text(args, 0)?;
    let found = nth_match(&regex, subject, start, nth, group)?;
    Ok(cut(subject, found))
}

fn cut(subject: &str, found: Option<Range<usize>>) -> Value {
    found
        .and_then(|found| subject.get(found))
        .map_or(Value::Null, |text| Value::Text(text.to_owned()))
}

/// The first match, or its first group.
fn first(regex: &Are, subject: &str) -> Value {
    let found = match regex.groups() {
        0 => regex.find_at(subject, 0),
        _ => regex
            .captures_at(subject, 0)
            .and_then(|found| found.get(1).cloned().flatten()),
    };
    cut(subject, found)
}

fn substring_regex(args: Args, _: &Env) -> Result<Value> {
    let regex = are::compiled(arg::text(args, 1)?, Options::default())?;
    Ok(first(&regex, arg::text(args, 0)?))
}

/// `substring(s similar p escape e)`: what stands between the two `e"`, or all of it.
fn substring_similar(args: Args, _: &Env) -> Result<Value> {
    let escape = super::escape::one_letter(arg::text(args, 2)?)?;
    let pattern = of_similar(arg::text(args, 1)?, escape)?;
    let regex = are::compiled(&pattern, Options::default())?;
    Ok(first(&regex, arg::text(args, 0)?))
}

fn split_to_array(args: Args, _: &Env) -> Result<Value> {
    split(args, "regexp_split_to_array")
}

fn split_to_table(args: Args, _: &Env) -> Result<Value> {
    split(args, "regexp_split_to_table")
}

fn split(args: Args, name: &str) -> Result<Value> {
    let (regex, global) = with_flags(args, 1, 2)?;
    if global {
        return Err(invalid(format!(
            "{name}() does not support the \"global\" option"
        )));
    }
    let subject = arg::text(args, 0)?;
    let mut parts = Vec::new();
    let mut end = 0;
    for found in spans(&regex, subject, 0) {
        let found = found?;
        // An empty match splits between letters only.
        if found.end <= end || found.start >= subject.len() {
            continue;
        }
        super::text::may_grow(&parts)?;
        parts.push(Value::Text(
            subject.get(end..found.start).unwrap_or_default().to_owned(),
        ));
        end = found.end;
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
    function("regexp_split_to_array", &[S, S], T::Texts, split_to_array),
    function(
        "regexp_split_to_array",
        &[S, S, S],
        T::Texts,
        split_to_array,
    ),
    function("regexp_split_to_table", &[S, S], T::Texts, split_to_table),
    function(
        "regexp_split_to_table",
        &[S, S, S],
        T::Texts,
        split_to_table,
    ),
    function("regexp_substr", &[S, S], S, regexp_substr),
    function("regexp_substr", &[S, S, I], S, regexp_substr),
    function("regexp_substr", &[S, S, I, I], S, regexp_substr),
    function("regexp_substr", &[S, S, I, I, S], S, regexp_substr),
    function("regexp_substr", &[S, S, I, I, S, I], S, regexp_substr),
    function("substring", &[S, S], S, substring_regex),
    function("substring", &[S, S, S], S, substring_similar),
];
