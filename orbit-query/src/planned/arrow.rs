//! Between stored values and Arrow: types, building columns, reading cells.

mod build;
mod inward;
pub mod nested;
mod outward;
mod rows;

use super::num;
use datafusion::arrow::datatypes::{DataType, Field, IntervalUnit, TimeUnit};
use orbit_core::types::SqlType;
use std::sync::Arc;

pub use build::{Builder, array_of, scalar_of};
pub use inward::{Inward, inward_columns, inward_type};
pub use outward::{outward_batch, outward_field, outward_schema};
pub use rows::{ArrowRows, cell, scalar_value};

/// Field metadata that names the SQL type where Arrow's says less.
pub const TYPE_KEY: &str = "orbit.type";

/// A numeric whose scale is a fact of the column: Arrow's Decimal128.
pub fn fixed_scale(ty: &SqlType) -> Option<(u8, i8)> {
    match ty {
        SqlType::Numeric(Some((precision, scale)))
            if (1..=38).contains(precision)
                && *scale >= 0
                && i32::from(*scale) <= i32::from(*precision) =>
        {
            Some((u8::try_from(*precision).ok()?, i8::try_from(*scale).ok()?))
        }
        _ => None,
    }
}

/// The Arrow type that carries values of a SQL type.
pub fn arrow_type(ty: &SqlType) -> DataType {
    match ty {
        SqlType::Bool => DataType::Boolean,
        SqlType::Int2 => DataType::Int16,
        SqlType::Int4 => DataType::Int32,
        SqlType::Int8 => DataType::Int64,
        SqlType::Float4 => DataType::Float32,
        SqlType::Float8 => DataType::Float64,
        SqlType::Numeric(_) => match fixed_scale(ty) {
            Some((precision, scale)) => DataType::Decimal128(precision, scale),
            None => num::carrier(),
        },
        // Addresses are their stored bytes, which compare as the addresses do.
        SqlType::Bytea | SqlType::Inet | SqlType::Cidr => DataType::Binary,
        SqlType::Date => DataType::Date32,
        SqlType::Time => DataType::Time64(TimeUnit::Microsecond),
        SqlType::Timestamp => DataType::Timestamp(TimeUnit::Microsecond, None),
        SqlType::TimestampTz => DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
        SqlType::Interval => DataType::Interval(IntervalUnit::MonthDayNano),
        SqlType::Oid => DataType::UInt32,
        SqlType::Array(element) => list_of(arrow_type(element)),
        SqlType::Text
        | SqlType::Varchar(_)
        | SqlType::Char(_)
        | SqlType::Uuid
        | SqlType::Json
        | SqlType::Jsonb
        | SqlType::Name
        | SqlType::InternalChar
        | SqlType::Int2Vector
        | SqlType::OidVector
        | SqlType::Void
        | SqlType::Record(_)
        | SqlType::Unknown => DataType::Utf8,
    }
}

pub fn list_of(element: DataType) -> DataType {
    DataType::List(Arc::new(Field::new_list_field(element, true)))
}

/// The SQL type an Arrow column of somebody else's making stands for.
pub fn sql_type_of(field: &Field) -> SqlType {
    if let Some(named) = field
        .metadata()
        .get(TYPE_KEY)
        .and_then(|name| named_type(name))
    {
        return named;
    }
    sql_type_of_data(field.data_type())
}

pub fn sql_type_of_data(ty: &DataType) -> SqlType {
    match ty {
        DataType::Boolean => SqlType::Bool,
        DataType::Int8 | DataType::UInt8 | DataType::Int16 => SqlType::Int2,
        DataType::UInt16 | DataType::Int32 => SqlType::Int4,
        DataType::UInt32 => SqlType::Oid,
        DataType::Int64 | DataType::UInt64 => SqlType::Int8,
        DataType::Float16 | DataType::Float32 => SqlType::Float4,
        DataType::Float64 => SqlType::Float8,
        DataType::Decimal128(precision, scale) => {
            SqlType::Numeric(Some((u16::from(*precision), i16::from(*scale))))
        }
        DataType::Decimal256(_, _) => SqlType::Numeric(None),
        DataType::Binary
        | DataType::LargeBinary
        | DataType::BinaryView
        | DataType::FixedSizeBinary(_) => SqlType::Bytea,
        DataType::Date32 | DataType::Date64 => SqlType::Date,
        DataType::Time32(_) | DataType::Time64(_) => SqlType::Time,
        DataType::Timestamp(_, None) => SqlType::Timestamp,
        DataType::Timestamp(_, Some(_)) => SqlType::TimestampTz,
        DataType::Interval(_) | DataType::Duration(_) => SqlType::Interval,
        DataType::List(element)
        | DataType::LargeList(element)
        | DataType::FixedSizeList(element, _) => SqlType::Array(Box::new(sql_type_of(element))),
        _ => SqlType::Text,
    }
}

fn named_type(name: &str) -> Option<SqlType> {
    if let Some(element) = name.strip_suffix("[]").or_else(|| name.strip_prefix('_')) {
        return named_type(element).map(|element| SqlType::Array(Box::new(element)));
    }
    Some(match name {
        "bool" | "boolean" => SqlType::Bool,
        "int2" | "smallint" => SqlType::Int2,
        "int4" | "integer" => SqlType::Int4,
        "int8" | "bigint" => SqlType::Int8,
        "oid" | "regclass" | "regtype" | "regproc" | "xid" => SqlType::Oid,
        "name" => SqlType::Name,
        "char" | "\"char\"" => SqlType::InternalChar,
        "text" => SqlType::Text,
        "varchar" | "character varying" => SqlType::Varchar(None),
        "uuid" => SqlType::Uuid,
        "inet" => SqlType::Inet,
        "cidr" => SqlType::Cidr,
        "json" => SqlType::Json,
        "jsonb" => SqlType::Jsonb,
        "float4" | "real" => SqlType::Float4,
        "float8" | "double precision" => SqlType::Float8,
        "numeric" => SqlType::Numeric(None),
        "bytea" => SqlType::Bytea,
        "date" => SqlType::Date,
        "time" => SqlType::Time,
        "timestamp" => SqlType::Timestamp,
        "timestamptz" => SqlType::TimestampTz,
        "interval" => SqlType::Interval,
        "void" => SqlType::Void,
        _ => return None,
    })
}

/// A column of this type and name; always nullable, for joins make it so anyway.
pub fn field(name: &str, ty: &SqlType) -> Field {
    Field::new(name, arrow_type(ty), true)
}
