//! Casts between types and the comparison across them.

use super::text::FormatSettings;
use super::{Value, ValueRef};
use crate::error::{Error, Result};
use crate::types::SqlType;
use std::cmp::Ordering;

pub fn assign(_value: Value, _sql_type: &SqlType) -> Result<Value> {
    Err(Error::unsupported("cast"))
}
pub fn explicit(_value: Value, _sql_type: &SqlType, _settings: &FormatSettings) -> Result<Value> {
    Err(Error::unsupported("cast"))
}
pub fn compare(_a: &ValueRef, _b: &ValueRef) -> Option<Ordering> {
    None
}
pub fn type_of(_value: &Value) -> SqlType {
    SqlType::Unknown
}
