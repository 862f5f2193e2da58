//! Type names as SQL writes them.

use orbit_core::types::SqlType;
use sqlparser::ast::{
    ArrayElemTypeDef, CharacterLength, DataType, ExactNumberInfo, ObjectNamePart, TimezoneInfo,
};

/// The type an AST names; `None` if Orbit has no such type.
pub fn sql_type(data_type: &DataType) -> Option<SqlType> {
    Some(match data_type {
        DataType::Bool | DataType::Boolean => SqlType::Bool,
        DataType::SmallInt(None) | DataType::Int2(None) => SqlType::Int2,
        DataType::Int(None) | DataType::Integer(None) | DataType::Int4(None) => SqlType::Int4,
        DataType::BigInt(None) | DataType::Int8(None) => SqlType::Int8,
        DataType::Real | DataType::Float4 => SqlType::Float4,
        DataType::DoublePrecision | DataType::Float8 | DataType::Double(ExactNumberInfo::None) => {
            SqlType::Float8
        }
        DataType::Float(ExactNumberInfo::None) => SqlType::Float8,
        DataType::Float(ExactNumberInfo::Precision(1..=24)) => SqlType::Float4,
        DataType::Float(ExactNumberInfo::Precision(25..=53)) => SqlType::Float8,
        DataType::Numeric(info) | DataType::Decimal(info) | DataType::Dec(info) => numeric(info)?,
        DataType::Text => SqlType::Text,
        DataType::Varchar(length)
        | DataType::CharacterVarying(length)
        | DataType::CharVarying(length) => SqlType::Varchar(match length {
            None => None,
            Some(length) => Some(characters(length)?),
        }),
        DataType::Char(length) | DataType::Character(length) => SqlType::Char(match length {
            None => 1,
            Some(length) => characters(length)?,
        }),
        DataType::Bytea => SqlType::Bytea,
        DataType::Date => SqlType::Date,
        DataType::Time(None, TimezoneInfo::None | TimezoneInfo::WithoutTimeZone) => SqlType::Time,
        DataType::Timestamp(None | Some(6), TimezoneInfo::None | TimezoneInfo::WithoutTimeZone) => {
            SqlType::Timestamp
        }
        DataType::Timestamp(None | Some(6), TimezoneInfo::Tz | TimezoneInfo::WithTimeZone) => {
            SqlType::TimestampTz
        }
        DataType::Interval {
            fields: None,
            precision: None,
        } => SqlType::Interval,
        DataType::Uuid => SqlType::Uuid,
        DataType::JSON => SqlType::Json,
        DataType::JSONB => SqlType::Jsonb,
        DataType::Array(
            ArrayElemTypeDef::SquareBracket(element, _) | ArrayElemTypeDef::AngleBracket(element),
        ) => match sql_type(element)? {
            // `int[][]` is `int[]` to PostgreSQL.
            array @ SqlType::Array(_) => array,
            element => SqlType::Array(Box::new(element)),
        },
        DataType::Custom(name, modifiers) if modifiers.is_empty() => {
            let parts = name.0.as_slice();
            let last = match parts {
                [ObjectNamePart::Identifier(one)] => one,
                [
                    ObjectNamePart::Identifier(schema),
                    ObjectNamePart::Identifier(one),
                ] if super::scope::fold(schema) == "pg_catalog" => one,
                _ => return None,
            };
            named(&super::scope::fold(last))?
        }
        _ => return None,
    })
}

fn named(name: &str) -> Option<SqlType> {
    Some(match name {
        "bool" => SqlType::Bool,
        "int2" => SqlType::Int2,
        "int4" => SqlType::Int4,
        "int8" => SqlType::Int8,
        "float4" => SqlType::Float4,
        "float8" => SqlType::Float8,
        "numeric" => SqlType::Numeric(None),
        "text" => SqlType::Text,
        "varchar" => SqlType::Varchar(None),
        // Without a length, which `char` doesn't have.
        "bpchar" => SqlType::Char(0),
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
        _ => return None,
    })
}

fn numeric(info: &ExactNumberInfo) -> Option<SqlType> {
    let (precision, scale) = match info {
        ExactNumberInfo::None => return Some(SqlType::Numeric(None)),
        ExactNumberInfo::Precision(precision) => (*precision, 0),
        ExactNumberInfo::PrecisionAndScale(precision, scale) => (*precision, *scale),
    };
    // Outside PostgreSQL's bounds: whoever creates the column says so.
    ((1..=1000).contains(&precision) && (-1000..=1000).contains(&scale)).then(|| {
        SqlType::Numeric(Some((
            u16::try_from(precision).unwrap_or(1000),
            i16::try_from(scale).unwrap_or(0),
        )))
    })
}

fn characters(length: &CharacterLength) -> Option<u32> {
    match length {
        CharacterLength::IntegerLength { length, unit: None } => u32::try_from(*length)
            .ok()
            .filter(|n| (1..=10_485_760).contains(n)),
        _ => None,
    }
}
