//! Elements and members as rows, which a function gives as an array of them.

use super::span::{self, Kind};
use super::{Args, Env, refused, shown, unquoted, whole};
use orbit_core::Result;
use orbit_core::types::SqlType;
use orbit_core::value::{Array, Value, ValueRef};

/// An array's items, or the refusal of a function of this name.
fn items_for<'v>(args: &'v [ValueRef<'_>], name: &str, binary: bool) -> Result<Vec<&'v str>> {
    let text = whole(args)?;
    match (span::kind(text)?, binary) {
        (Kind::Array, _) => span::items(text),
        (Kind::Object, true) => Err(refused("cannot extract elements from an object")),
        (Kind::Object, false) => Err(refused(format!("cannot call {name} on a non-array"))),
        (_, true) => Err(refused("cannot extract elements from a scalar")),
        (_, false) => Err(refused(format!("cannot call {name} on a scalar"))),
    }
}

fn rows(ty: SqlType, items: Vec<Value>) -> Value {
    Value::Array(Array::new(ty, items))
}

pub(super) fn elements(args: Args, _: &Env) -> Result<Value> {
    let items = items_for(args, "json_array_elements", false)?;
    Ok(rows(
        SqlType::Json,
        items.into_iter().map(|item| shown(Some(item))).collect(),
    ))
}

pub(super) fn elements_binary(args: Args, _: &Env) -> Result<Value> {
    let items = items_for(args, "jsonb_array_elements", true)?;
    Ok(rows(
        SqlType::Jsonb,
        items.into_iter().map(|item| shown(Some(item))).collect(),
    ))
}

pub(super) fn elements_text(args: Args, _: &Env) -> Result<Value> {
    let items = items_for(args, "json_array_elements_text", false)?;
    let items = items.into_iter().map(|item| unquoted(Some(item)));
    Ok(rows(SqlType::Text, items.collect::<Result<_>>()?))
}

pub(super) fn elements_text_binary(args: Args, _: &Env) -> Result<Value> {
    let items = items_for(args, "jsonb_array_elements_text", true)?;
    let items = items.into_iter().map(|item| unquoted(Some(item)));
    Ok(rows(SqlType::Text, items.collect::<Result<_>>()?))
}

fn keys_for(args: Args, name: &str) -> Result<Value> {
    let text = whole(args)?;
    match span::kind(text)? {
        Kind::Object => {
            let members = span::members(text)?;
            let keys = members.into_iter().map(|member| Value::Text(member.key));
            Ok(rows(SqlType::Text, keys.collect()))
        }
        Kind::Array => Err(refused(format!("cannot call {name} on an array"))),
        _ => Err(refused(format!("cannot call {name} on a scalar"))),
    }
}

pub(super) fn object_keys(args: Args, _: &Env) -> Result<Value> {
    keys_for(args, "json_object_keys")
}

pub(super) fn object_keys_binary(args: Args, _: &Env) -> Result<Value> {
    keys_for(args, "jsonb_object_keys")
}

/// The members of an object, or the refusal of `json_each` and its like.
fn each_member<'v>(
    args: &'v [ValueRef<'_>],
    binary: Option<&str>,
) -> Result<Vec<span::Member<'v>>> {
    let text = whole(args)?;
    match (span::kind(text)?, binary) {
        (Kind::Object, _) => span::members(text),
        (_, Some(name)) => Err(refused(format!("cannot call {name} on a non-object"))),
        (Kind::Array, None) => Err(refused("cannot deconstruct an array as an object")),
        (_, None) => Err(refused("cannot deconstruct a scalar")),
    }
}

pub(super) fn each_key(args: Args, _: &Env) -> Result<Value> {
    let members = each_member(args, None)?.into_iter();
    Ok(rows(
        SqlType::Text,
        members.map(|m| Value::Text(m.key)).collect(),
    ))
}

pub(super) fn each_key_binary(args: Args, _: &Env) -> Result<Value> {
    let members = each_member(args, Some("jsonb_each"))?.into_iter();
    Ok(rows(
        SqlType::Text,
        members.map(|m| Value::Text(m.key)).collect(),
    ))
}

pub(super) fn each_key_text_binary(args: Args, _: &Env) -> Result<Value> {
    let members = each_member(args, Some("jsonb_each_text"))?.into_iter();
    Ok(rows(
        SqlType::Text,
        members.map(|m| Value::Text(m.key)).collect(),
    ))
}

pub(super) fn each_value(args: Args, _: &Env) -> Result<Value> {
    let members = each_member(args, None)?.into_iter();
    Ok(rows(
        SqlType::Json,
        members.map(|m| shown(Some(m.value))).collect(),
    ))
}

pub(super) fn each_value_binary(args: Args, _: &Env) -> Result<Value> {
    let members = each_member(args, Some("jsonb_each"))?.into_iter();
    Ok(rows(
        SqlType::Jsonb,
        members.map(|m| shown(Some(m.value))).collect(),
    ))
}

pub(super) fn each_text(args: Args, _: &Env) -> Result<Value> {
    let members = each_member(args, None)?.into_iter();
    let values = members.map(|m| unquoted(Some(m.value)));
    Ok(rows(SqlType::Text, values.collect::<Result<_>>()?))
}
