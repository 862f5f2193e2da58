//! PostgreSQL 15's own answers: `postgres.tsv` has time zone, type, text, then
//! `OK` and the output, or SQLSTATE, message, DETAIL and HINT. Made by casting
//! each text in PostgreSQL 15.18 (C.UTF-8, ISO dates).

use super::*;
use crate::value::cast;
use std::fmt::Write;

fn sql_type(name: &str) -> SqlType {
    if let Some(element) = name.strip_suffix("[]") {
        return SqlType::Array(Box::new(sql_type(element)));
    }
    let (base, modifier) = match name.split_once('(') {
        Some((base, rest)) => (base, rest.trim_end_matches(')')),
        None => (name, ""),
    };
    match base {
        "boolean" => SqlType::Bool,
        "smallint" => SqlType::Int2,
        "integer" => SqlType::Int4,
        "bigint" => SqlType::Int8,
        "real" => SqlType::Float4,
        "double precision" => SqlType::Float8,
        "numeric" => SqlType::Numeric(
            modifier
                .split_once(',')
                .map(|(p, s)| (p.parse().unwrap(), s.parse().unwrap())),
        ),
        "text" => SqlType::Text,
        "name" => SqlType::Name,
        "oid" => SqlType::Oid,
        "varchar" => SqlType::Varchar(modifier.parse().ok()),
        "char" => SqlType::Char(modifier.parse().unwrap_or(1)),
        "bytea" => SqlType::Bytea,
        "date" => SqlType::Date,
        "time" => SqlType::Time,
        "timestamp" => SqlType::Timestamp,
        "timestamptz" => SqlType::TimestampTz,
        "interval" => SqlType::Interval,
        "uuid" => SqlType::Uuid,
        "json" => SqlType::Json,
        "jsonb" => SqlType::Jsonb,
        other => panic!("type {other}"),
    }
}

fn unescape(text: &str) -> String {
    let mut out = String::new();
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        if character != '\\' {
            out.push(character);
            continue;
        }
        out.push(match characters.next() {
            Some('t') => '\t',
            Some('n') => '\n',
            Some('r') => '\r',
            Some(other) => other,
            None => panic!("{text}"),
        });
    }
    out
}

fn show(value: &Value, sql_type: &SqlType, settings: &FormatSettings) -> String {
    let mut out = Vec::new();
    format(&value.as_ref(), sql_type, settings, &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

fn has_length(sql_type: &SqlType) -> bool {
    match sql_type {
        SqlType::Varchar(_) | SqlType::Char(_) => true,
        SqlType::Array(element) => has_length(element),
        _ => false,
    }
}

#[test]
fn answers_as_postgresql_does() {
    let mut wrong = String::new();
    let mut count = 0;
    for line in include_str!("postgres.tsv").lines() {
        let fields: Vec<&str> = line.split('\t').collect();
        let (zone, name, text, expected) =
            (fields[0], fields[1], unescape(fields[2]), &fields[3..]);
        let sql_type = sql_type(name);
        let settings = FormatSettings {
            time_zone: zone.parse().unwrap(),
            ..FormatSettings::default()
        };
        // A cast cuts texts to length; input, as for a column, refuses them.
        let answer = if has_length(&sql_type) && !matches!(sql_type, SqlType::Array(_)) {
            cast::explicit(Value::Text(text.clone()), &sql_type, &settings)
        } else if has_length(&sql_type) {
            let whole = SqlType::Array(Box::new(SqlType::Text));
            parse(&text, &whole, &settings)
                .and_then(|value| cast::explicit(value, &sql_type, &settings))
        } else {
            parse(&text, &sql_type, &settings)
        };
        let answer: Vec<String> = match answer {
            Ok(value) => vec!["OK".into(), show(&value, &sql_type, &settings)],
            Err(error) => vec![
                error.state().as_str().into(),
                error.message().into(),
                error.detail().unwrap_or_default().into(),
                error.hint().unwrap_or_default().into(),
            ],
        };
        count += 1;
        let expected: Vec<String> = expected.iter().map(|field| unescape(field)).collect();
        if answer != expected {
            let _ = writeln!(
                wrong,
                "{zone} {name} {text:?}\n  PostgreSQL {expected:?}\n  here       {answer:?}"
            );
        }
    }
    assert!(count > 1000);
    assert!(wrong.is_empty(), "\n{wrong}");
}
