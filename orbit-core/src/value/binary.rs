//! PostgreSQL's binary forms, both ways.

use super::{Value, ValueRef};
use crate::error::{Error, Result};
use crate::types::SqlType;

/// Appends the payload of a value, without a length word.
pub fn encode(_value: &ValueRef, _sql_type: &SqlType, _out: &mut Vec<u8>) -> Result<()> {
    Err(Error::unsupported("binary"))
}
pub fn decode(_bytes: &[u8], _sql_type: &SqlType) -> Result<Value> {
    Err(Error::unsupported("binary"))
}
