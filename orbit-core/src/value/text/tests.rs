//! PostgreSQL 15's own answers: `postgres.tsv` has time zone, type, text, then
//! `OK` and the output, or SQLSTATE, message, DETAIL and HINT. Made by casting
//! each text in PostgreSQL 15.18 (C.UTF-8, ISO dates).

use super::*;
use crate::value::arbitrary::sql_type;
use crate::value::cast;
use std::fmt::Write;

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
