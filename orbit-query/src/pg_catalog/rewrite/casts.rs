//! Casts to types that only catalogs have.

use super::names::{fold, parts};
use super::parse;
use crate::pg_catalog::relations::{INFORMATION_SCHEMA, Kind, PG_CATALOG, relations};
use sqlparser::ast::{ArrayElemTypeDef, BinaryOperator, DataType, Expr, Ident, ObjectName, ObjectNamePart};
use sqlparser::dialect::PostgreSqlDialect;
use sqlparser::parser::Parser;

/// Types whose values are oids that are shown as names.
fn look_up(type_name: &str) -> Option<&'static str> {
    Some(match type_name {
        "regclass" => "regclass",
        "regnamespace" => "regnamespace",
        "regoper" | "regoperator" => "regoperator",
        "regproc" | "regprocedure" => "regproc",
        "regrole" => "regrole",
        "regtype" => "regtype",
        _ => return None,
    })
}

fn call(name: &str, argument: &Expr) -> Option<Expr> {
    parse(&format!("{name}({argument})"))
}

/// Rewrites one CAST whose operand is rewritten already.
pub fn cast(expr: &mut Expr) {
    let Expr::Cast { expr: inner, data_type, .. } = expr else {
        return;
    };
    plain_type(data_type);
    let name = match &*data_type {
        DataType::Regclass => "regclass".to_owned(),
        DataType::Custom(name, _) => parts(name).pop().unwrap_or_default(),
        other => {
            if is_integer(other) {
                as_oid(inner);
            }
            return;
        }
    };
    let better = match look_up(&name) {
        Some(kind) => {
            // 'x'::regclass::oid::regclass: the oid is what counts.
            as_oid(inner);
            call(&format!("orbit_{kind}_name"), inner)
        }
        None if name == "oid" || name == "xid" => {
            as_oid(inner);
            match is_look_up(inner, "_oid") {
                true => Some((**inner).clone()),
                false => call("orbit_oid", inner),
            }
        }
        None => None,
    };
    if let Some(better) = better {
        *expr = better;
    }
}

fn is_integer(data_type: &DataType) -> bool {
    matches!(
        data_type,
        DataType::Int(_) | DataType::Integer(_) | DataType::Int4(_) | DataType::Int8(_) | DataType::BigInt(_)
    )
}

/// `pg_catalog.int2[]` is `int2[]`; names of text in disguise are text.
fn plain_type(data_type: &mut DataType) {
    if let DataType::Array(ArrayElemTypeDef::SquareBracket(element, _)) = data_type {
        plain_type(element);
        return;
    }
    let DataType::Custom(name, modifiers) = data_type else {
        return;
    };
    let names = parts(name);
    let plain = match names.as_slice() {
        [schema, name] if schema == PG_CATALOG => name.as_str(),
        [schema, name] if schema == INFORMATION_SCHEMA => match name.as_str() {
            "cardinal_number" => "int4",
            "time_stamp" => "timestamptz",
            _ => "text",
        },
        [name] => name.as_str(),
        _ => return,
    };
    match plain {
        "name" | "char" | "cstring" | "pg_node_tree" | "aclitem" => *data_type = DataType::Text,
        "name[]" | "_name" | "_char" | "_text" | "_aclitem" => {
            *data_type = DataType::Array(ArrayElemTypeDef::SquareBracket(Box::new(DataType::Text), None));
        }
        other if names.len() == 2 => {
            let written = match modifiers.is_empty() {
                true => other.to_owned(),
                false => format!("{other}({})", modifiers.join(",")),
            };
            let parser = Parser::new(&PostgreSqlDialect {}).try_with_sql(&written);
            *data_type = match parser.and_then(|mut parser| parser.parse_data_type()) {
                Ok(known) => known,
                Err(_) => {
                    let ident = ObjectNamePart::Identifier(Ident::new(other));
                    DataType::Custom(ObjectName(vec![ident]), modifiers.clone())
                }
            };
        }
        _ => {}
    }
}

fn is_look_up(expr: &Expr, suffix: &str) -> bool {
    match expr {
        Expr::Nested(inner) => is_look_up(inner, suffix),
        Expr::Function(function) => parts(&function.name)
            .last()
            .is_some_and(|name| name.starts_with("orbit_reg") && name.ends_with(suffix)),
        _ => false,
    }
}

/// Where a number is wanted, a look-up gives the oid instead of the name.
pub fn as_oid(expr: &mut Expr) {
    match expr {
        Expr::Nested(inner) => as_oid(inner),
        Expr::Function(function) if is_reg_name(&function.name) => {
            if let Some(ObjectNamePart::Identifier(name)) = function.name.0.last_mut() {
                *name = Ident::new(name.value.replace("_name", "_oid"));
            }
        }
        _ => {}
    }
}

fn is_reg_name(name: &ObjectName) -> bool {
    let name = parts(name).pop().unwrap_or_default();
    name.starts_with("orbit_reg") && name.ends_with("_name")
}

fn is_comparison(op: &BinaryOperator) -> bool {
    use BinaryOperator::{Eq, Gt, GtEq, Lt, LtEq, NotEq};
    matches!(op, Eq | NotEq | Lt | LtEq | Gt | GtEq)
}

/// Both sides of a comparison.
pub fn compared(left: &mut Expr, right: &mut Expr, op: &BinaryOperator) {
    if is_comparison(op) {
        as_oid_beside(left, right);
        as_oid_beside(right, left);
    }
}

/// Compared with an oid, a look-up is an oid; columns of type regproc hold names.
pub fn as_oid_beside(expr: &mut Expr, other: &Expr) {
    if !is_look_up(expr, "_name") {
        return;
    }
    let column = match other {
        Expr::Identifier(name) => fold(name),
        Expr::CompoundIdentifier(path) => path.last().map(fold).unwrap_or_default(),
        _ => String::new(),
    };
    let mut columns = relations().iter().flat_map(|relation| &relation.columns);
    let holds_names = columns.any(|known| known.name == column && known.kind == Kind::Text);
    if !holds_names {
        as_oid(expr);
    }
}
