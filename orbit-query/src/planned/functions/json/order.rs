//! jsonb's order: documents as bytes that compare as the documents do.
//!
//! Objects come after arrays, those after booleans, numbers, strings and null. Of two
//! arrays or objects the one with more in it is greater; else the first difference
//! decides. An empty array that is the whole document comes before everything.

use super::span::{self, Kind};
use crate::planned::functions::row::{RowFn, arity};
use datafusion::logical_expr::Expr;
use orbit_core::types::SqlType;
use orbit_core::value::{Numeric, Value, ValueRef};
use orbit_core::{Result, key};

/// The expression's documents by such keys.
pub fn jsonb_key(expr: Expr) -> Expr {
    RowFn::new(
        "jsonb_key".to_owned(),
        String::new(),
        vec![SqlType::Jsonb],
        SqlType::Bytea,
        |args| {
            let [ValueRef::Text(document)] = args else {
                return Err(arity());
            };
            let mut out = Vec::with_capacity(document.len() + 8);
            let document = document.trim();
            if span::kind(document)? == Kind::Array && span::items(document)?.is_empty() {
                out.push(0);
            } else {
                push(document, &mut out)?;
            }
            Ok(Value::Bytea(out))
        },
    )
    .call(vec![expr])
}

fn push(part: &str, out: &mut Vec<u8>) -> Result<()> {
    match span::kind(part)? {
        Kind::Null => out.push(1),
        Kind::String => push_text(&span::string(part)?, out)?,
        Kind::Number => {
            out.push(3);
            let number = Numeric::parse(part.trim())?;
            key::push(out, &ValueRef::Numeric(number), false, false)?;
        }
        Kind::Bool => out.extend([4, u8::from(part.trim() == "true")]),
        Kind::Array => {
            let items = span::items(part)?;
            push_count(5, items.len(), out);
            for item in items {
                push(item, out)?;
            }
        }
        Kind::Object => {
            let members = span::members(part)?;
            push_count(6, members.len(), out);
            for member in members {
                push_text(&member.key, out)?;
                push(member.value, out)?;
            }
        }
    }
    Ok(())
}

fn push_text(text: &str, out: &mut Vec<u8>) -> Result<()> {
    out.push(2);
    key::push(out, &ValueRef::Text(text), false, false)
}

fn push_count(kind: u8, count: usize, out: &mut Vec<u8>) {
    out.push(kind);
    let count = u32::try_from(count).unwrap_or(u32::MAX);
    out.extend_from_slice(&count.to_be_bytes());
}
