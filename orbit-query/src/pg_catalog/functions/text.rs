//! Text functions that catalog queries use, and helpers that rewriting puts in.

use super::Arg::{Any, Text, Texts};
use super::{Call, Function, lenient, strict};
use crate::pg_catalog::cells::Cell;
use crate::pg_catalog::objects::quote;
use crate::pg_catalog::relations::Kind;
use orbit_core::{Error, Result, state};

#[rustfmt::skip]
pub const FUNCTIONS: &[Function] = &[
    Function { variadic: true, ..lenient("format", &[Text, Any], 1, Kind::Text, format_text) },
    strict("orbit_int2vector", &[Text], 1, Kind::Text, itself),
    strict("orbit_oidvector", &[Text], 1, Kind::Text, itself),
    strict("orbit_prefix_each", &[Text, Texts], 2, Kind::Texts, prefix_each),
    strict("quote_ident", &[Text], 1, Kind::Text, quote_ident),
    strict("quote_literal", &[Any], 1, Kind::Text, quote_literal),
    lenient("quote_nullable", &[Any], 1, Kind::Text, quote_literal_or_null),
];

fn itself(call: &Call<'_>) -> Result<Cell> {
    Ok(call.arg(0).clone())
}

fn shown(cell: &Cell) -> Option<String> {
    Some(match cell {
        Cell::Null => return None,
        Cell::Bool(value) => if *value { "t" } else { "f" }.to_owned(),
        Cell::Int(value) | Cell::Micros(value) => value.to_string(),
        Cell::Float(value) => value.to_string(),
        Cell::Text(text) => text.clone(),
        Cell::Texts(items) => format!("{{{}}}", items.join(",")),
        Cell::Ints(items) => {
            let items: Vec<String> = items.iter().map(i64::to_string).collect();
            format!("{{{}}}", items.join(","))
        }
    })
}

fn literal(text: &str) -> String {
    let doubled = text.replace('\'', "''");
    match text.contains('\\') {
        true => format!("E'{}'", doubled.replace('\\', "\\\\")),
        false => format!("'{doubled}'"),
    }
}

fn quote_ident(call: &Call<'_>) -> Result<Cell> {
    Ok(call.text(0).map(quote).into())
}

fn quote_literal(call: &Call<'_>) -> Result<Cell> {
    Ok(shown(call.arg(0)).map(|text| literal(&text)).into())
}

fn quote_literal_or_null(call: &Call<'_>) -> Result<Cell> {
    let quoted = shown(call.arg(0)).map(|text| literal(&text));
    Ok(quoted.unwrap_or_else(|| "NULL".to_owned()).into())
}

/// `format('%I.%I', ...)`: %s, %I, %L and %%.
fn format_text(call: &Call<'_>) -> Result<Cell> {
    let Some(pattern) = call.text(0) else {
        return Ok(Cell::Null);
    };
    let mut written = String::new();
    let mut given = call.args.iter().skip(1);
    let mut characters = pattern.chars();
    while let Some(c) = characters.next() {
        if c != '%' {
            written.push(c);
            continue;
        }
        let specifier = characters.next();
        if specifier == Some('%') {
            written.push('%');
            continue;
        }
        let value = given.next().map(shown).ok_or_else(|| {
            Error::new(
                state::INVALID_PARAMETER_VALUE,
                "too few arguments for format()",
            )
        })?;
        match specifier {
            Some('s') => written.push_str(&value.unwrap_or_default()),
            Some('L') => written.push_str(&value.map_or("NULL".to_owned(), |v| literal(&v))),
            Some('I') => match value {
                Some(value) => written.push_str(&quote(&value)),
                None => {
                    return Err(Error::new(
                        state::NULL_VALUE_NOT_ALLOWED,
                        "null values cannot be formatted as an SQL identifier",
                    ));
                }
            },
            _ => return Err(Error::unsupported("this format() specifier")),
        }
    }
    Ok(written.into())
}

fn prefix_each(call: &Call<'_>) -> Result<Cell> {
    let (Some(prefix), Cell::Texts(items)) = (call.text(0), call.arg(1)) else {
        return Ok(Cell::Null);
    };
    let items: Vec<String> = items.iter().map(|item| format!("{prefix}{item}")).collect();
    Ok(items.into())
}
