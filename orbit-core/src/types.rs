//! The SQL types Orbit stores, with PostgreSQL's names, object ids and modifiers.

use serde::{Deserialize, Serialize};
use std::fmt;

/// A PostgreSQL object id.
pub type Oid = u32;

/// A column's type. Modifiers (length, precision) are part of it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum SqlType {
    Bool,
    Int2,
    Int4,
    Int8,
    Float4,
    Float8,
    /// `numeric` or `numeric(precision, scale)`.
    Numeric(Option<(u16, i16)>),
    Text,
    /// `varchar` or `varchar(n)`.
    Varchar(Option<u32>),
    /// `char(n)`: stored without its trailing blanks, shown with them.
    Char(u32),
    Bytea,
    Date,
    Time,
    Timestamp,
    TimestampTz,
    Interval,
    Uuid,
    Json,
    Jsonb,
    /// One type whatever the number of dimensions, as in PostgreSQL.
    Array(Box<SqlType>),
    /// Types of system catalogs and of expressions; no user column has them.
    Oid,
    Name,
    InternalChar,
    Void,
    /// `row(...)`, with the types of its fields; carried as the text that is shown for it.
    Record(Vec<SqlType>),
    Unknown,
    /// Lists of the catalogs that show as `1 2 3`, and are held as that text.
    Int2Vector,
    OidVector,
    /// Addresses of the Internet, and its networks.
    Inet,
    Cidr,
}

impl SqlType {
    /// PostgreSQL's `pg_type.oid`.
    pub fn oid(&self) -> Oid {
        match self {
            SqlType::Bool => 16,
            SqlType::Bytea => 17,
            SqlType::InternalChar => 18,
            SqlType::Name => 19,
            SqlType::Int2Vector => 22,
            SqlType::OidVector => 30,
            SqlType::Int8 => 20,
            SqlType::Int2 => 21,
            SqlType::Int4 => 23,
            SqlType::Text => 25,
            SqlType::Oid => 26,
            SqlType::Json => 114,
            SqlType::Float4 => 700,
            SqlType::Float8 => 701,
            SqlType::Unknown => 705,
            SqlType::Char(_) => 1042,
            SqlType::Varchar(_) => 1043,
            SqlType::Date => 1082,
            SqlType::Time => 1083,
            SqlType::Timestamp => 1114,
            SqlType::TimestampTz => 1184,
            SqlType::Interval => 1186,
            SqlType::Numeric(_) => 1700,
            SqlType::Record(_) => 2249,
            SqlType::Void => 2278,
            SqlType::Uuid => 2950,
            SqlType::Cidr => 650,
            SqlType::Inet => 869,
            SqlType::Jsonb => 3802,
            SqlType::Array(element) => element.array_oid(),
        }
    }

    /// The object id of the array of this type.
    pub fn array_oid(&self) -> Oid {
        match self {
            SqlType::Bool => 1000,
            SqlType::Bytea => 1001,
            SqlType::InternalChar => 1002,
            SqlType::Name => 1003,
            SqlType::Int2Vector => 1006,
            SqlType::OidVector => 1013,
            SqlType::Int2 => 1005,
            SqlType::Int4 => 1007,
            SqlType::Text | SqlType::Unknown | SqlType::Void => 1009,
            SqlType::Char(_) => 1014,
            SqlType::Varchar(_) => 1015,
            SqlType::Int8 => 1016,
            SqlType::Float4 => 1021,
            SqlType::Float8 => 1022,
            SqlType::Oid => 1028,
            SqlType::Timestamp => 1115,
            SqlType::Date => 1182,
            SqlType::Time => 1183,
            SqlType::TimestampTz => 1185,
            SqlType::Interval => 1187,
            SqlType::Numeric(_) => 1231,
            SqlType::Uuid => 2951,
            SqlType::Cidr => 651,
            SqlType::Inet => 1041,
            SqlType::Json => 199,
            SqlType::Jsonb => 3807,
            SqlType::Record(_) => 2287,
            SqlType::Array(element) => element.array_oid(),
        }
    }

    /// The type a client names by object id, without modifiers; `None` if Orbit has no such type.
    pub fn from_oid(oid: Oid) -> Option<SqlType> {
        let scalar = |oid| {
            Some(match oid {
                16 => SqlType::Bool,
                17 => SqlType::Bytea,
                18 => SqlType::InternalChar,
                19 => SqlType::Name,
                20 => SqlType::Int8,
                21 => SqlType::Int2,
                22 => SqlType::Int2Vector,
                23 => SqlType::Int4,
                25 => SqlType::Text,
                26 => SqlType::Oid,
                30 => SqlType::OidVector,
                114 => SqlType::Json,
                700 => SqlType::Float4,
                701 => SqlType::Float8,
                705 => SqlType::Unknown,
                1042 => SqlType::Char(0),
                1043 => SqlType::Varchar(None),
                1082 => SqlType::Date,
                1083 => SqlType::Time,
                1114 => SqlType::Timestamp,
                1184 => SqlType::TimestampTz,
                1186 => SqlType::Interval,
                1700 => SqlType::Numeric(None),
                2278 => SqlType::Void,
                2950 => SqlType::Uuid,
                650 => SqlType::Cidr,
                869 => SqlType::Inet,
                3802 => SqlType::Jsonb,
                _ => return None,
            })
        };
        scalar(oid).or_else(|| {
            let element = match oid {
                1000 => 16,
                1001 => 17,
                1002 => 18,
                1003 => 19,
                1005 => 21,
                1007 => 23,
                1009 => 25,
                1014 => 1042,
                1015 => 1043,
                1016 => 20,
                1021 => 700,
                1022 => 701,
                1028 => 26,
                1115 => 1114,
                1182 => 1082,
                1183 => 1083,
                1185 => 1184,
                1187 => 1186,
                1231 => 1700,
                2951 => 2950,
                651 => 650,
                1041 => 869,
                199 => 114,
                3807 => 3802,
                _ => return None,
            };
            scalar(element).map(|element| SqlType::Array(Box::new(element)))
        })
    }

    /// PostgreSQL's `atttypmod`: -1 when there is no modifier.
    pub fn modifier(&self) -> i32 {
        match self {
            SqlType::Numeric(Some((precision, scale))) => {
                ((i32::from(*precision) << 16) | (i32::from(*scale) & 0x7ff)) + 4
            }
            SqlType::Varchar(Some(length)) | SqlType::Char(length) if *length > 0 => {
                i32::try_from(*length).unwrap_or(i32::MAX - 4) + 4
            }
            SqlType::Array(element) => element.modifier(),
            _ => -1,
        }
    }

    /// The modifier with the digits of a second that a column of the type keeps.
    pub fn modifier_with(&self, digits: Option<u8>) -> i32 {
        /// All fields of an interval, above its digits.
        const ALL_FIELDS: i32 = 0x7fff << 16;
        let Some(digits) = digits.map(i32::from) else {
            return self.modifier();
        };
        match self {
            SqlType::Time | SqlType::Timestamp | SqlType::TimestampTz => digits,
            SqlType::Interval => ALL_FIELDS | digits,
            SqlType::Array(element) => {
                element.modifier_with(Some(u8::try_from(digits).unwrap_or(0)))
            }
            other => other.modifier(),
        }
    }

    /// As `Display`, with the digits of a second: `timestamp(3) without time zone`.
    pub fn shown_with(&self, digits: Option<u8>) -> String {
        let Some(digits) = digits else {
            return self.to_string();
        };
        match self {
            SqlType::Time => format!("time({digits}) without time zone"),
            SqlType::Timestamp => format!("timestamp({digits}) without time zone"),
            SqlType::TimestampTz => format!("timestamp({digits}) with time zone"),
            SqlType::Interval => format!("interval({digits})"),
            SqlType::Array(element) => format!("{}[]", element.shown_with(Some(digits))),
            other => other.to_string(),
        }
    }

    /// PostgreSQL's `typlen`: bytes of a fixed type, -1 when it varies.
    pub fn length(&self) -> i16 {
        match self {
            SqlType::Bool | SqlType::InternalChar => 1,
            SqlType::Int2 => 2,
            SqlType::Int4 | SqlType::Float4 | SqlType::Date | SqlType::Oid | SqlType::Void => 4,
            SqlType::Int8
            | SqlType::Float8
            | SqlType::Time
            | SqlType::Timestamp
            | SqlType::TimestampTz => 8,
            SqlType::Interval | SqlType::Uuid => 16,
            SqlType::Name => 64,
            SqlType::Unknown => -2,
            _ => -1,
        }
    }

    /// Bytes of the value's slot in a stored row; `None` for types of varying length.
    pub fn stored_width(&self) -> Option<usize> {
        match self {
            SqlType::Bool | SqlType::InternalChar => Some(1),
            SqlType::Int2 => Some(2),
            SqlType::Int4 | SqlType::Float4 | SqlType::Date | SqlType::Oid => Some(4),
            SqlType::Int8
            | SqlType::Float8
            | SqlType::Time
            | SqlType::Timestamp
            | SqlType::TimestampTz => Some(8),
            SqlType::Interval | SqlType::Uuid => Some(16),
            _ => None,
        }
    }

    /// The type without its length or precision.
    pub fn base(&self) -> SqlType {
        match self {
            SqlType::Numeric(_) => SqlType::Numeric(None),
            SqlType::Varchar(_) => SqlType::Varchar(None),
            SqlType::Char(_) => SqlType::Char(0),
            SqlType::Array(element) => SqlType::Array(Box::new(element.base())),
            other => other.clone(),
        }
    }

    /// `pg_type.typname`, e.g. `int4`, `_int4`.
    pub fn name(&self) -> String {
        match self {
            SqlType::Bool => "bool".into(),
            SqlType::Int2 => "int2".into(),
            SqlType::Int4 => "int4".into(),
            SqlType::Int8 => "int8".into(),
            SqlType::Float4 => "float4".into(),
            SqlType::Float8 => "float8".into(),
            SqlType::Numeric(_) => "numeric".into(),
            SqlType::Text => "text".into(),
            SqlType::Varchar(_) => "varchar".into(),
            SqlType::Char(_) => "bpchar".into(),
            SqlType::Bytea => "bytea".into(),
            SqlType::Date => "date".into(),
            SqlType::Time => "time".into(),
            SqlType::Timestamp => "timestamp".into(),
            SqlType::TimestampTz => "timestamptz".into(),
            SqlType::Interval => "interval".into(),
            SqlType::Uuid => "uuid".into(),
            SqlType::Inet => "inet".into(),
            SqlType::Cidr => "cidr".into(),
            SqlType::Json => "json".into(),
            SqlType::Jsonb => "jsonb".into(),
            SqlType::Array(element) => format!("_{}", element.name()),
            SqlType::Oid => "oid".into(),
            SqlType::Name => "name".into(),
            SqlType::InternalChar => "char".into(),
            SqlType::Int2Vector => "int2vector".into(),
            SqlType::OidVector => "oidvector".into(),
            SqlType::Void => "void".into(),
            SqlType::Record(_) => "record".into(),
            SqlType::Unknown => "unknown".into(),
        }
    }
}

/// As `format_type` writes it: `character varying(20)`, `integer[]`.
impl fmt::Display for SqlType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SqlType::Bool => f.write_str("boolean"),
            SqlType::Int2 => f.write_str("smallint"),
            SqlType::Int4 => f.write_str("integer"),
            SqlType::Int8 => f.write_str("bigint"),
            SqlType::Float4 => f.write_str("real"),
            SqlType::Float8 => f.write_str("double precision"),
            SqlType::Numeric(None) => f.write_str("numeric"),
            SqlType::Numeric(Some((precision, scale))) => write!(f, "numeric({precision},{scale})"),
            SqlType::Varchar(None) => f.write_str("character varying"),
            SqlType::Varchar(Some(length)) => write!(f, "character varying({length})"),
            SqlType::Char(0) => f.write_str("character"),
            SqlType::Char(length) => write!(f, "character({length})"),
            SqlType::Time => f.write_str("time without time zone"),
            SqlType::Timestamp => f.write_str("timestamp without time zone"),
            SqlType::TimestampTz => f.write_str("timestamp with time zone"),
            SqlType::Array(element) => write!(f, "{element}[]"),
            SqlType::InternalChar => f.write_str("\"char\""),
            other => f.write_str(&other.name()),
        }
    }
}
