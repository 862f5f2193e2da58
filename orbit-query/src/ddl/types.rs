//! Type names in SQL text to the types we store.

use crate::statement::names;
use orbit_core::types::SqlType;
use orbit_core::value::precision::MOST_DIGITS;
use orbit_core::{Error, Result, state};
use sqlparser::ast::{
    ArrayElemTypeDef, CharacterLength, DataType, ExactNumberInfo, IntervalFields, TimezoneInfo,
};

/// PostgreSQL's largest length of varchar and char.
const MAX_LENGTH: u64 = 10_485_760;

/// The type a name stands for; 42704 if there is none.
pub fn sql_type(data_type: &DataType) -> Result<SqlType> {
    Ok(match data_type {
        DataType::Bool | DataType::Boolean => SqlType::Bool,
        DataType::SmallInt(None) | DataType::Int2(None) => SqlType::Int2,
        DataType::Int(None) | DataType::Integer(None) | DataType::Int4(None) => SqlType::Int4,
        DataType::BigInt(None) | DataType::Int8(None) => SqlType::Int8,
        DataType::Real | DataType::Float4 => SqlType::Float4,
        DataType::DoublePrecision | DataType::Float8 => SqlType::Float8,
        DataType::Float(ExactNumberInfo::None) | DataType::Double(ExactNumberInfo::None) => {
            SqlType::Float8
        }
        DataType::Float(ExactNumberInfo::Precision(bits)) => match bits {
            1..=24 => SqlType::Float4,
            25..=53 => SqlType::Float8,
            _ => {
                return Err(Error::new(
                    state::INVALID_PARAMETER_VALUE,
                    "precision for type float must be less than 54 bits",
                ));
            }
        },
        DataType::Numeric(info) | DataType::Decimal(info) | DataType::Dec(info) => numeric(info)?,
        DataType::Text => SqlType::Text,
        DataType::Varchar(length)
        | DataType::CharacterVarying(length)
        | DataType::CharVarying(length) => SqlType::Varchar(text_length(length.as_ref())?),
        DataType::Char(length) | DataType::Character(length) => {
            SqlType::Char(text_length(length.as_ref())?.unwrap_or(1))
        }
        DataType::Bytea => SqlType::Bytea,
        DataType::Date => SqlType::Date,
        DataType::Time(precision, TimezoneInfo::None | TimezoneInfo::WithoutTimeZone) => {
            digits(*precision)?;
            SqlType::Time
        }
        DataType::Timestamp(precision, TimezoneInfo::None | TimezoneInfo::WithoutTimeZone) => {
            digits(*precision)?;
            SqlType::Timestamp
        }
        DataType::Timestamp(precision, TimezoneInfo::WithTimeZone | TimezoneInfo::Tz) => {
            digits(*precision)?;
            SqlType::TimestampTz
        }
        // Those that end in seconds leave nothing out.
        DataType::Interval {
            fields:
                None
                | Some(
                    IntervalFields::Second
                    | IntervalFields::DayToSecond
                    | IntervalFields::HourToSecond
                    | IntervalFields::MinuteToSecond,
                ),
            precision,
        } => {
            digits(*precision)?;
            SqlType::Interval
        }
        DataType::Interval {
            fields: Some(fields),
            ..
        } => return Err(Error::unsupported(format!("type interval {fields}"))),
        DataType::Uuid => SqlType::Uuid,
        DataType::JSON => SqlType::Json,
        DataType::JSONB => SqlType::Jsonb,
        DataType::Array(
            ArrayElemTypeDef::SquareBracket(element, _) | ArrayElemTypeDef::AngleBracket(element),
        ) => match sql_type(element)? {
            // One type whatever the number of dimensions.
            array @ SqlType::Array(_) => array,
            element => SqlType::Array(Box::new(element)),
        },
        DataType::Custom(name, modifiers) => custom(&names::split(name)?.1, modifiers)?,
        DataType::Regclass => SqlType::Oid,
        other => return Err(unknown(&other.to_string())),
    })
}

/// The integer type of `serial` and its kin, which only a column's definition may name.
pub fn serial(data_type: &DataType) -> Option<SqlType> {
    let DataType::Custom(name, _) = data_type else {
        return None;
    };
    match names::split(name).ok()? {
        (None, name) => match name.as_str() {
            "serial" | "serial4" => Some(SqlType::Int4),
            "bigserial" | "serial8" => Some(SqlType::Int8),
            "smallserial" | "serial2" => Some(SqlType::Int2),
            _ => None,
        },
        _ => None,
    }
}

fn custom(name: &str, modifiers: &[String]) -> Result<SqlType> {
    Ok(match name {
        "bpchar" => match modifiers.first() {
            None => SqlType::Char(1),
            Some(length) => SqlType::Char(length.parse().map_err(|_| unknown(name))?),
        },
        "name" => SqlType::Name,
        "oid" => SqlType::Oid,
        "inet" | "cidr" if !modifiers.is_empty() => return Err(modified(name)),
        "inet" => SqlType::Inet,
        "cidr" => SqlType::Cidr,
        "timetz" => return Err(Error::unsupported("type time with time zone")),
        _ => return Err(unknown(name)),
    })
}

fn modified(name: &str) -> Error {
    Error::new(
        state::SYNTAX_ERROR,
        format!("type modifier is not allowed for type \"{name}\""),
    )
}

fn unknown(name: &str) -> Error {
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
    let valid = u16::try_from(precision)
        .ok()
        .filter(|precision| (1..=1000).contains(precision));
    let Some(precision) = valid else {
        return Err(Error::new(
            state::INVALID_PARAMETER_VALUE,
            format!("NUMERIC precision {precision} must be between 1 and 1000"),
        ));
    };
    let valid = i16::try_from(scale)
        .ok()
        .filter(|scale| (-1000..=1000).contains(scale));
    let Some(scale) = valid else {
        return Err(Error::new(
            state::INVALID_PARAMETER_VALUE,
            format!("NUMERIC scale {scale} must be between -1000 and 1000"),
        ));
    };
    Ok(SqlType::Numeric(Some((precision, scale))))
}

fn text_length(length: Option<&CharacterLength>) -> Result<Option<u32>> {
    let Some(length) = length else {
        return Ok(None);
    };
    let CharacterLength::IntegerLength { length, .. } = length else {
        return Err(Error::new(
            state::SYNTAX_ERROR,
            "syntax error at or near \"max\"",
        ));
    };
    if *length == 0 {
        return Err(Error::new(
            state::INVALID_PARAMETER_VALUE,
            "length for type varchar must be at least 1",
        ));
    }
    match u32::try_from(*length) {
        Ok(short) if *length <= MAX_LENGTH => Ok(Some(short)),
        _ => Err(Error::new(
            state::INVALID_PARAMETER_VALUE,
            format!("length for type varchar cannot exceed {MAX_LENGTH}"),
        )),
    }
}

/// The digits of a second that are asked for, if any.
fn digits(asked: Option<u64>) -> Result<Option<u8>> {
    let Some(asked) = asked else {
        return Ok(None);
    };
    // The grammar's numbers are of 32 bits.
    if asked > u64::from(i32::MAX.unsigned_abs()) {
        return Err(Error::new(
            state::SYNTAX_ERROR,
            format!("syntax error at or near \"{asked}\""),
        ));
    }
    Ok(Some(
        u8::try_from(asked).unwrap_or(u8::MAX).min(MOST_DIGITS),
    ))
}

/// The digits of a second that a column of this type keeps, if it names them.
pub fn precision(data_type: &DataType) -> Result<Option<u8>> {
    match data_type {
        DataType::Time(asked, _)
        | DataType::Timestamp(asked, _)
        | DataType::Interval {
            precision: asked, ..
        } => digits(*asked),
        DataType::Array(
            ArrayElemTypeDef::SquareBracket(element, _) | ArrayElemTypeDef::AngleBracket(element),
        ) => precision(element),
        _ => Ok(None),
    }
}

/// The warning for a type that asks for more digits than there are.
pub fn reduced(data_type: &DataType) -> Option<Error> {
    let (name, asked, zone) = match data_type {
        DataType::Time(asked, zone) => ("TIME", *asked, *zone),
        DataType::Timestamp(asked, zone) => ("TIMESTAMP", *asked, *zone),
        DataType::Interval { precision, .. } => ("INTERVAL", *precision, TimezoneInfo::None),
        _ => return None,
    };
    let asked = asked.filter(|asked| *asked > u64::from(MOST_DIGITS))?;
    let zone = match zone {
        TimezoneInfo::Tz | TimezoneInfo::WithTimeZone => " WITH TIME ZONE",
        _ => "",
    };
    let reduced = "precision reduced to maximum allowed";
    Some(Error::new(
        state::INVALID_PARAMETER_VALUE,
        format!("{name}({asked}){zone} {reduced}, {MOST_DIGITS}"),
    ))
}
