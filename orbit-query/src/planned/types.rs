//! PostgreSQL's type rules: names, categories, which cast happens by itself,
//! which type several expressions have in common.

use orbit_core::types::SqlType;
use orbit_core::{Error, Result, state};
use sqlparser::ast::{
    ArrayElemTypeDef, CharacterLength, DataType, ExactNumberInfo, ObjectName, TimezoneInfo,
};

/// The SQL type that a type's name in a statement means.
pub fn named(ty: &DataType) -> Result<SqlType> {
    let length = |length: &Option<CharacterLength>| match length {
        Some(CharacterLength::IntegerLength { length, .. }) => u32::try_from(*length).ok(),
        _ => None,
    };
    Ok(match ty {
        DataType::Bool | DataType::Boolean => SqlType::Bool,
        DataType::SmallInt(_) | DataType::Int2(_) => SqlType::Int2,
        DataType::Int(_) | DataType::Integer(_) | DataType::Int4(_) => SqlType::Int4,
        DataType::BigInt(_) | DataType::Int8(_) => SqlType::Int8,
        DataType::Real | DataType::Float4 => SqlType::Float4,
        DataType::Float8 | DataType::Double(_) | DataType::DoublePrecision => SqlType::Float8,
        DataType::Float(ExactNumberInfo::Precision(bits)) if *bits <= 24 => SqlType::Float4,
        DataType::Float(_) => SqlType::Float8,
        DataType::Numeric(info) | DataType::Decimal(info) | DataType::Dec(info) => numeric(info)?,
        DataType::Text => SqlType::Text,
        DataType::Varchar(n) | DataType::CharacterVarying(n) | DataType::CharVarying(n) => {
            SqlType::Varchar(length(n))
        }
        DataType::Char(n) | DataType::Character(n) => SqlType::Char(length(n).unwrap_or(1)),
        DataType::Bytea => SqlType::Bytea,
        DataType::Date => SqlType::Date,
        DataType::Time(_, TimezoneInfo::None | TimezoneInfo::WithoutTimeZone) => SqlType::Time,
        DataType::Timestamp(_, TimezoneInfo::None | TimezoneInfo::WithoutTimeZone) => {
            SqlType::Timestamp
        }
        DataType::Timestamp(_, _) => SqlType::TimestampTz,
        DataType::Interval { .. } => SqlType::Interval,
        DataType::Uuid => SqlType::Uuid,
        DataType::JSON => SqlType::Json,
        DataType::JSONB => SqlType::Jsonb,
        DataType::Regclass => SqlType::Oid,
        DataType::Array(
            ArrayElemTypeDef::SquareBracket(element, _)
            | ArrayElemTypeDef::AngleBracket(element)
            | ArrayElemTypeDef::Parenthesis(element),
        ) => SqlType::Array(Box::new(match named(element)? {
            SqlType::Array(inner) => *inner,
            other => other,
        })),
        DataType::Custom(name, modifiers) => return custom(name, modifiers),
        other => return Err(undefined(&other.to_string())),
    })
}

fn undefined(name: &str) -> Error {
    Error::new(
        state::UNDEFINED_OBJECT,
        format!("type \"{}\" does not exist", name.to_lowercase()),
    )
}

fn numeric(info: &ExactNumberInfo) -> Result<SqlType> {
    let (precision, scale) = match info {
        ExactNumberInfo::None => return Ok(SqlType::Numeric(None)),
        ExactNumberInfo::Precision(precision) => (*precision, 0),
        ExactNumberInfo::PrecisionAndScale(precision, scale) => (*precision, *scale),
    };
    let refused = |what: String| Error::new(state::INVALID_PARAMETER_VALUE, what);
    if !(1..=1000).contains(&precision) {
        return Err(refused(format!(
            "NUMERIC precision {precision} must be between 1 and 1000"
        )));
    }
    if !(-1000..=1000).contains(&scale) {
        return Err(refused(format!(
            "NUMERIC scale {scale} must be between -1000 and 1000"
        )));
    }
    Ok(SqlType::Numeric(Some((precision as u16, scale as i16))))
}

/// The last part of a name, folded as PostgreSQL folds unquoted identifiers.
pub fn last_name(name: &ObjectName) -> String {
    name.0
        .last()
        .and_then(|part| part.as_ident())
        .map_or_else(String::new, fold)
}

/// An identifier as the catalog knows it.
pub fn fold(ident: &sqlparser::ast::Ident) -> String {
    match ident.quote_style {
        Some(_) => ident.value.clone(),
        None => ident.value.to_lowercase(),
    }
}

fn custom(name: &ObjectName, modifiers: &[String]) -> Result<SqlType> {
    let folded = last_name(name);
    let of = |name: &str| {
        Some(match name {
            "bool" => SqlType::Bool,
            "int2" | "smallserial" => SqlType::Int2,
            "int4" | "serial" | "int" => SqlType::Int4,
            "int8" | "bigserial" => SqlType::Int8,
            "float4" => SqlType::Float4,
            "float8" => SqlType::Float8,
            "numeric" => SqlType::Numeric(None),
            "text" | "regproc" | "regtype" | "pg_node_tree" => SqlType::Text,
            "varchar" => SqlType::Varchar(modifiers.first().and_then(|n| n.parse().ok())),
            "bpchar" => SqlType::Char(modifiers.first().and_then(|n| n.parse().ok()).unwrap_or(0)),
            "char" => SqlType::InternalChar,
            "name" => SqlType::Name,
            "int2vector" => SqlType::Int2Vector,
            "oidvector" => SqlType::OidVector,
            "bytea" => SqlType::Bytea,
            "date" => SqlType::Date,
            "time" => SqlType::Time,
            "timestamp" => SqlType::Timestamp,
            "timestamptz" => SqlType::TimestampTz,
            "interval" => SqlType::Interval,
            "uuid" => SqlType::Uuid,
            "inet" => SqlType::Inet,
            "cidr" => SqlType::Cidr,
            "json" => SqlType::Json,
            "jsonb" => SqlType::Jsonb,
            "oid" | "regclass" | "regnamespace" | "regrole" | "xid" => SqlType::Oid,
            "void" => SqlType::Void,
            _ => return None,
        })
    };
    if let Some(ty) = of(&folded) {
        if matches!(ty, SqlType::Inet | SqlType::Cidr) && !modifiers.is_empty() {
            return Err(Error::new(
                state::SYNTAX_ERROR,
                format!("type modifier is not allowed for type \"{folded}\""),
            ));
        }
        return Ok(ty);
    }
    if let Some(element) = folded
        .strip_suffix("[]")
        .or_else(|| folded.strip_prefix('_'))
        .and_then(of)
    {
        return Ok(SqlType::Array(Box::new(element)));
    }
    Err(undefined(&name.to_string()))
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Category {
    Boolean,
    Numeric,
    String,
    DateTime,
    Timespan,
    Network,
    Array,
    Unknown,
    Other,
}

pub fn category(ty: &SqlType) -> Category {
    match ty {
        SqlType::Bool => Category::Boolean,
        // Carried as text.
        SqlType::Record(_) => Category::String,
        SqlType::Int2
        | SqlType::Int4
        | SqlType::Int8
        | SqlType::Float4
        | SqlType::Float8
        | SqlType::Numeric(_)
        | SqlType::Oid => Category::Numeric,
        SqlType::Text
        | SqlType::Varchar(_)
        | SqlType::Char(_)
        | SqlType::Name
        | SqlType::InternalChar
        | SqlType::Int2Vector
        | SqlType::OidVector => Category::String,
        SqlType::Date | SqlType::Time | SqlType::Timestamp | SqlType::TimestampTz => {
            Category::DateTime
        }
        SqlType::Interval => Category::Timespan,
        SqlType::Inet | SqlType::Cidr => Category::Network,
        SqlType::Array(_) => Category::Array,
        SqlType::Unknown => Category::Unknown,
        SqlType::Bytea | SqlType::Uuid | SqlType::Json | SqlType::Jsonb | SqlType::Void => {
            Category::Other
        }
    }
}

pub fn is_preferred(ty: &SqlType) -> bool {
    matches!(
        ty,
        SqlType::Bool
            | SqlType::Float8
            | SqlType::Text
            | SqlType::TimestampTz
            | SqlType::Interval
            | SqlType::Inet
            | SqlType::Oid
    )
}

pub fn is_integer(ty: &SqlType) -> bool {
    matches!(ty, SqlType::Int2 | SqlType::Int4 | SqlType::Int8)
}

pub fn is_text(ty: &SqlType) -> bool {
    category(ty) == Category::String
}

pub fn same(a: &SqlType, b: &SqlType) -> bool {
    std::mem::discriminant(a) == std::mem::discriminant(b)
        && match (a, b) {
            (SqlType::Array(a), SqlType::Array(b)) => same(a, b),
            _ => true,
        }
}

fn numeric_rank(ty: &SqlType) -> Option<u8> {
    Some(match ty {
        SqlType::Int2 => 0,
        SqlType::Int4 => 1,
        SqlType::Int8 => 2,
        SqlType::Numeric(_) => 3,
        SqlType::Float4 => 4,
        SqlType::Float8 => 5,
        _ => return None,
    })
}

/// Whether PostgreSQL casts without being asked.
pub fn implicit(from: &SqlType, to: &SqlType) -> bool {
    if same(from, to) || *from == SqlType::Unknown {
        return true;
    }
    if let (Some(from), Some(to)) = (numeric_rank(from), numeric_rank(to)) {
        return from < to;
    }
    match (from, to) {
        (SqlType::Int2 | SqlType::Int4 | SqlType::Int8, SqlType::Oid) => true,
        (SqlType::Oid, SqlType::Int8) => true,
        (SqlType::Record(_), SqlType::Text) => true,
        (SqlType::Date, SqlType::Timestamp | SqlType::TimestampTz) => true,
        (SqlType::Timestamp, SqlType::TimestampTz) => true,
        (SqlType::Time, SqlType::Interval) => true,
        (SqlType::Cidr, SqlType::Inet) => true,
        (SqlType::Varchar(_) | SqlType::Char(_) | SqlType::Name, SqlType::Text) => true,
        (SqlType::Text | SqlType::Varchar(_), SqlType::Char(_) | SqlType::Name) => true,
        (SqlType::Char(_) | SqlType::Text | SqlType::Name, SqlType::Varchar(_)) => true,
        (SqlType::InternalChar | SqlType::Int2Vector | SqlType::OidVector, SqlType::Text) => true,
        (SqlType::Array(from), SqlType::Array(to)) => implicit(from, to),
        _ => false,
    }
}

/// Whether INSERT and UPDATE cast a value to the column's type.
pub fn assignable(from: &SqlType, to: &SqlType) -> bool {
    if implicit(from, to) || is_text(to) {
        return true;
    }
    if numeric_rank(from).is_some() && numeric_rank(to).is_some() {
        return true;
    }
    match (from, to) {
        (SqlType::TimestampTz, SqlType::Timestamp | SqlType::Date | SqlType::Time) => true,
        (SqlType::Timestamp, SqlType::Date | SqlType::Time) => true,
        (SqlType::Interval, SqlType::Time) => true,
        (SqlType::Inet, SqlType::Cidr) => true,
        (SqlType::Json, SqlType::Jsonb) | (SqlType::Jsonb, SqlType::Json) => true,
        (SqlType::Array(from), SqlType::Array(to)) => assignable(from, to),
        _ => false,
    }
}

/// Whether `CAST` exists. Text casts to and from everything by its text form.
pub fn castable(from: &SqlType, to: &SqlType) -> bool {
    if assignable(from, to) || is_text(from) {
        return true;
    }
    match (from, to) {
        (SqlType::Bool, SqlType::Int4) | (SqlType::Int4, SqlType::Bool) => true,
        (SqlType::Oid, other) | (other, SqlType::Oid) => is_integer(other),
        (SqlType::Jsonb, other) => numeric_rank(other).is_some() || matches!(other, SqlType::Bool),
        (SqlType::Array(from), SqlType::Array(to)) => castable(from, to),
        _ => false,
    }
}

/// The first of the types that has no common one with those before it.
pub fn misfit(types: &[&SqlType], what: &str) -> Option<usize> {
    (1..types.len()).find(|at| common(types.iter().take(at + 1).copied(), what).is_err())
}

/// The type that CASE, UNION, VALUES, COALESCE, ... give their branches.
pub fn common<'t>(types: impl IntoIterator<Item = &'t SqlType>, what: &str) -> Result<SqlType> {
    let types: Vec<&SqlType> = types.into_iter().collect();
    let mut known = types.iter().filter(|ty| ***ty != SqlType::Unknown);
    let Some(first) = known.next() else {
        return Ok(SqlType::Text);
    };
    let mut chosen: SqlType = (*first).clone();
    for next in known {
        if same(&chosen, next) {
            chosen = merged(&chosen, next);
            continue;
        }
        if category(&chosen) != category(next) {
            return Err(Error::new(
                state::DATATYPE_MISMATCH,
                format!(
                    "{what} types {} and {} cannot be matched",
                    chosen.base(),
                    next.base()
                ),
            ));
        }
        if !is_preferred(&chosen) && implicit(&chosen, next) && !implicit(next, &chosen) {
            chosen = (*next).clone();
        } else if !implicit(next, &chosen) {
            if implicit(&chosen, next) {
                chosen = (*next).clone();
            } else {
                return Err(Error::new(
                    state::CANNOT_COERCE,
                    format!(
                        "{what} could not convert type {} to {}",
                        next.base(),
                        chosen.base()
                    ),
                ));
            }
        }
    }
    // A fixed scale holds only if every branch has it.
    if let SqlType::Numeric(Some(_)) = chosen {
        let all = types
            .iter()
            .filter(|ty| ***ty != SqlType::Unknown)
            .all(|ty| **ty == chosen);
        if !all {
            chosen = SqlType::Numeric(None);
        }
    }
    Ok(chosen)
}

/// The same type twice, with modifiers that may differ.
fn merged(a: &SqlType, b: &SqlType) -> SqlType {
    if a == b { a.clone() } else { a.base() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn branches_meet_where_postgresql_says() {
        let common = |types: &[SqlType]| common(types, "CASE").map(|ty| ty.to_string());
        assert_eq!(common(&[SqlType::Int4, SqlType::Int8]).unwrap(), "bigint");
        assert_eq!(
            common(&[SqlType::Float8, SqlType::Int4]).unwrap(),
            "double precision"
        );
        assert_eq!(common(&[SqlType::Unknown, SqlType::Date]).unwrap(), "date");
        assert_eq!(common(&[SqlType::Unknown]).unwrap(), "text");
        assert_eq!(
            common(&[SqlType::Date, SqlType::TimestampTz]).unwrap(),
            "timestamp with time zone"
        );
        let error = common(&[SqlType::Int4, SqlType::Text]).unwrap_err();
        assert_eq!(
            error.message(),
            "CASE types integer and text cannot be matched"
        );
    }
}
