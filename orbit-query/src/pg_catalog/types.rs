//! `pg_type` as the functions need it: by oid and by name, and how a type is written.

use super::objects::split_name;
use super::relations::{PG_CATALOG, relations};
use orbit_core::types::{Oid, SqlType};
use std::collections::{BTreeMap, HashMap};
use std::sync::LazyLock;

pub const ROWS: &str = include_str!("system/pg_type.tsv");

/// What `pg_type` says of one type.
#[derive(Debug)]
pub struct TypeRow {
    pub oid: Oid,
    pub name: &'static str,
    pub length: i16,
    pub by_value: bool,
    pub align: &'static str,
    pub storage: &'static str,
    pub element: Oid,
    pub collation: Oid,
    is_array: bool,
}

struct Types {
    by_oid: BTreeMap<Oid, TypeRow>,
    by_name: HashMap<&'static str, Oid>,
}

fn types() -> &'static Types {
    static TYPES: LazyLock<Types> = LazyLock::new(|| {
        let by_oid: BTreeMap<Oid, TypeRow> = ROWS
            .lines()
            .filter_map(read)
            .map(|row| (row.oid, row))
            .collect();
        let by_name = by_oid.values().map(|row| (row.name, row.oid)).collect();
        Types { by_oid, by_name }
    });
    &TYPES
}

fn read(line: &'static str) -> Option<TypeRow> {
    let relation = relations().named(PG_CATALOG, "pg_type")?;
    let fields: Vec<&'static str> = line.split('\t').collect();
    let field = |name| Some(*fields.get(relation.position(name)?)?);
    Some(TypeRow {
        oid: field("oid")?.parse().ok()?,
        name: field("typname")?,
        length: field("typlen")?.parse().ok()?,
        by_value: field("typbyval")? == "t",
        align: field("typalign")?,
        storage: field("typstorage")?,
        element: field("typelem")?.parse().ok()?,
        collation: field("typcollation")?.parse().ok()?,
        // int2vector and oidvector have elements too, but are types of their own.
        is_array: field("typname")?.starts_with('_'),
    })
}

pub fn by_oid(oid: Oid) -> Option<&'static TypeRow> {
    types().by_oid.get(&oid)
}

/// By `typname` (`int4`, `_int4`).
pub fn by_name(name: &str) -> Option<&'static TypeRow> {
    by_oid(*types().by_name.get(name)?)
}

/// By any name SQL knows a type under: `integer`, `character varying(20)`, `int4[]`, `pg_catalog.text`.
pub fn parse(text: &str) -> Option<&'static TypeRow> {
    if let Some(found) = quoted(text.trim()) {
        return found;
    }
    let text = text.trim().to_ascii_lowercase();
    let text = text.strip_prefix("pg_catalog.").unwrap_or(&text);
    let (base, is_array) = match text.strip_suffix("[]") {
        Some(base) => (base.trim(), true),
        None => (text, false),
    };
    let base = match (base.find('('), base.rfind(')')) {
        (Some(open), Some(close)) if open < close => {
            let (head, tail) = (base.get(..open)?, base.get(close + 1..)?);
            format!("{} {}", head.trim(), tail.trim())
        }
        _ => base.to_owned(),
    };
    let name = match base.trim() {
        "boolean" => "bool",
        "smallint" => "int2",
        "integer" | "int" => "int4",
        "bigint" => "int8",
        "real" => "float4",
        "double precision" | "float" => "float8",
        "decimal" | "dec" => "numeric",
        "character varying" => "varchar",
        "character" | "char" => "bpchar",
        "\"char\"" => "char",
        "time without time zone" => "time",
        "timestamp without time zone" => "timestamp",
        "timestamp with time zone" => "timestamptz",
        other => other.trim_matches('"'),
    };
    match is_array {
        true => by_name(&format!("_{name}")),
        false => by_name(name),
    }
}

/// `"pg_catalog"."int4"`, `pg_catalog."char"`, `"text"[]`: what is in quotes is the type's
/// own name, and none of those that SQL has for it. `None`: no quotes are in it.
fn quoted(text: &str) -> Option<Option<&'static TypeRow>> {
    if !text.contains('"') {
        return None;
    }
    let (base, is_array) = match text.strip_suffix("[]") {
        Some(base) => (base.trim_end(), true),
        None => (text, false),
    };
    let parts = split_name(base).unwrap_or_default();
    let name = match parts.as_slice() {
        [name] => name,
        [schema, name] if schema == PG_CATALOG => name,
        _ => return Some(None),
    };
    Some(match is_array {
        true => by_name(&format!("_{name}")),
        false => by_name(name),
    })
}

/// `format_type(oid, typmod)`; `None` for the modifier is SQL's NULL.
pub fn format(oid: Oid, modifier: Option<i32>) -> String {
    if oid == 0 {
        return "-".to_owned();
    }
    let Some(row) = by_oid(oid) else {
        return "???".to_owned();
    };
    if row.is_array && row.element != 0 {
        return format!("{}[]", format(row.element, modifier));
    }
    let length = modifier.map(|m| m.saturating_sub(4)).filter(|m| *m >= 0);
    let known = match SqlType::from_oid(oid) {
        Some(SqlType::Varchar(_)) => SqlType::Varchar(length.and_then(|n| u32::try_from(n).ok())),
        // bpchar of unknown length is not char(1), so it has its internal name.
        Some(SqlType::Char(_)) if modifier == Some(-1) => return "bpchar".to_owned(),
        Some(SqlType::Char(_)) => {
            SqlType::Char(length.and_then(|n| u32::try_from(n).ok()).unwrap_or(0))
        }
        Some(SqlType::Numeric(_)) => SqlType::Numeric(length.map(|packed| {
            // Eleven bits of signed scale under sixteen of precision.
            let scale = ((packed & 0x7ff) ^ 0x400) - 0x400;
            (
                u16::try_from(packed >> 16 & 0xffff).unwrap_or(0),
                i16::try_from(scale).unwrap_or(0),
            )
        })),
        Some(
            other @ (SqlType::Time | SqlType::Timestamp | SqlType::TimestampTz | SqlType::Interval),
        ) => {
            // The digits of an interval stand below its fields; 0xffff: as many as there are.
            let digits = modifier.filter(|m| *m >= 0).map(|m| m & 0xffff);
            let digits = digits.filter(|digits| *digits <= 6);
            return other.shown_with(digits.and_then(|digits| u8::try_from(digits).ok()));
        }
        Some(other) => other,
        None => return quoted_name(row.name),
    };
    known.to_string()
}

fn quoted_name(name: &str) -> String {
    match name {
        "any" => "\"any\"".to_owned(),
        _ => name.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_are_written_as_postgresql_writes_them() {
        for (oid, modifier, text) in [
            (23, Some(-1), "integer"),
            (1043, Some(24), "character varying(20)"),
            (1043, None, "character varying"),
            (1042, Some(7), "character(3)"),
            (1042, Some(-1), "bpchar"),
            (1700, Some(524_294), "numeric(8,2)"),
            (1700, Some(-1), "numeric"),
            (1007, Some(-1), "integer[]"),
            (1015, Some(24), "character varying(20)[]"),
            (18, Some(-1), "\"char\""),
            (22, Some(-1), "int2vector"),
            (2205, None, "regclass"),
            (0, None, "-"),
            (99_999, None, "???"),
        ] {
            assert_eq!(format(oid, modifier), text);
        }
    }

    #[test]
    fn types_are_found_by_any_name() {
        for (text, oid) in [
            ("integer", 23),
            ("pg_catalog.int4", 23),
            ("character varying(20)", 1043),
            ("timestamp(3) with time zone", 1184),
            ("text[]", 1009),
            ("_text", 1009),
            ("\"pg_catalog\".\"int4\"", 23),
            ("pg_catalog.\"char\"", 18),
            ("\"text\"[]", 1009),
        ] {
            assert_eq!(parse(text).map(|row| row.oid), Some(oid), "{text}");
        }
        assert!(parse("nonsense").is_none());
        assert!(parse("\"integer\"").is_none());
        assert!(parse("\"shop\".\"int4\"").is_none());
    }
}
