//! Which type an operation is done in, and the conversions that get values there.

use super::compile::{Stop, Typed};
use super::node::{CastKind, Node};
use super::scope::Params;
use orbit_core::types::SqlType;
use orbit_core::value::datetime::DateOrder;
use orbit_core::value::{Value, text};

/// Place in PostgreSQL's chain of implicit numeric conversions.
pub(super) fn numeric_rank(ty: &SqlType) -> Option<u8> {
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

pub(super) fn is_integer(ty: &SqlType) -> bool {
    matches!(ty, SqlType::Int2 | SqlType::Int4 | SqlType::Int8)
}

pub(super) fn is_text(ty: &SqlType) -> bool {
    matches!(
        ty,
        SqlType::Text | SqlType::Varchar(_) | SqlType::Char(_) | SqlType::Name
    )
}

fn datetime_rank(ty: &SqlType) -> Option<u8> {
    Some(match ty {
        SqlType::Date => 0,
        SqlType::Timestamp => 1,
        SqlType::TimestampTz => 2,
        _ => return None,
    })
}

/// The type of a binary numeric operator: PostgreSQL has int x int and
/// float x float operators; float4 with anything else goes through float8.
pub(super) fn operator_type(a: &SqlType, b: &SqlType) -> Option<SqlType> {
    let (ra, rb) = (numeric_rank(a)?, numeric_rank(b)?);
    if ra != rb && (ra >= 4 || rb >= 4) {
        return Some(SqlType::Float8);
    }
    Some((if ra >= rb { a } else { b }).base())
}

/// The common type of CASE arms, COALESCE, GREATEST, IN lists and VALUES.
/// `None`: no common type that this interpreter knows.
pub(super) fn common_type<'t>(types: impl Iterator<Item = &'t SqlType>) -> Option<SqlType> {
    let mut common: Option<SqlType> = None;
    for ty in types.filter(|ty| **ty != SqlType::Unknown) {
        common = Some(match common {
            None => ty.clone(),
            Some(common) if common == *ty => common,
            Some(common) => {
                if let (Some(a), Some(b)) = (numeric_rank(&common), numeric_rank(ty)) {
                    (if a >= b { &common } else { ty }).base()
                } else if common.base() == ty.base() {
                    ty.base()
                } else if is_text(&common) && is_text(ty) {
                    SqlType::Text
                } else if let (Some(a), Some(b)) = (datetime_rank(&common), datetime_rank(ty)) {
                    if a >= b { common } else { ty.clone() }
                } else {
                    return None;
                }
            }
        });
    }
    Some(common.unwrap_or(SqlType::Text))
}

/// Networks have the addresses' operators.
fn operand_type(ty: &SqlType) -> SqlType {
    match ty {
        SqlType::Cidr => SqlType::Inet,
        other => other.base(),
    }
}

pub(super) fn is_network(ty: &SqlType) -> bool {
    matches!(ty, SqlType::Inet | SqlType::Cidr)
}

/// The types two operands are compared in. `None`: no such operator known here.
pub(super) fn comparison_type(a: &SqlType, b: &SqlType) -> Option<SqlType> {
    if *a == SqlType::Unknown && *b == SqlType::Unknown {
        return Some(SqlType::Text);
    }
    if *a == SqlType::Unknown {
        return comparable(b).then(|| operand_type(b));
    }
    if *b == SqlType::Unknown {
        return comparable(a).then(|| operand_type(a));
    }
    if let Some(ty) = operator_type(a, b) {
        return Some(ty);
    }
    if is_text(a) && is_text(b) {
        return Some(match (a, b) {
            (SqlType::Char(_), SqlType::Char(_)) => SqlType::Char(0),
            _ => SqlType::Text,
        });
    }
    if let (Some(ra), Some(rb)) = (datetime_rank(a), datetime_rank(b)) {
        return Some(if ra >= rb { a.clone() } else { b.clone() });
    }
    (comparable(a) && operand_type(a) == operand_type(b)).then(|| operand_type(a))
}

/// Whether the type has a btree order that [`orbit_core::value::cast::compare`] knows.
fn comparable(ty: &SqlType) -> bool {
    match ty {
        SqlType::Json | SqlType::Jsonb | SqlType::Void | SqlType::Record(_) | SqlType::Unknown => {
            false
        }
        // Comparing intervals and arrays needs PostgreSQL's own order: the planner's.
        SqlType::Interval | SqlType::Array(_) => false,
        SqlType::Oid | SqlType::InternalChar => false,
        _ => true,
    }
}

/// Gives an untyped literal, parameter or NULL the type its place asks for;
/// converts typed operands where PostgreSQL converts implicitly.
/// `target` is used without its modifiers.
pub(super) fn implicit(typed: Typed, target: &SqlType, params: &mut Params) -> Result<Node, Stop> {
    let base = target.base();
    if typed.ty == SqlType::Unknown {
        return unknown(typed.node, &base, params);
    }
    let from = typed.ty.base();
    if from == base {
        return Ok(typed.node);
    }
    if is_text(&from) && is_text(&base) {
        // One representation in memory: char(n) is kept without its blanks, and
        // text that becomes char(n) loses them.
        return Ok(match base {
            SqlType::Char(_) => Node::Cast(Box::new(typed.node), base, CastKind::Explicit),
            _ => typed.node,
        });
    }
    let allowed = match (numeric_rank(&from), numeric_rank(&base)) {
        (Some(a), Some(b)) => a < b,
        _ if from == SqlType::Cidr => base == SqlType::Inet,
        _ => matches!(
            (datetime_rank(&from), datetime_rank(&base)),
            (Some(a), Some(b)) if a < b
        ),
    };
    if !allowed {
        return Err(Stop::Unknown);
    }
    Ok(Node::Cast(Box::new(typed.node), base, CastKind::Explicit))
}

/// As an assignment to a column converts: also what has only an assignment cast,
/// and then the column's length or precision.
pub(super) fn assignment(
    typed: Typed,
    target: &SqlType,
    params: &mut Params,
) -> Result<Node, Stop> {
    let base = target.base();
    let from = typed.ty.clone();
    let node = if from == SqlType::Unknown {
        unknown(typed.node, &base, params)?
    } else if assignable(&from.base(), &base) {
        typed.node
    } else {
        return Err(Stop::Unknown);
    };
    // Already of the column's very type, or the base type of a type without modifiers.
    if from == *target || (*target == base && (from == SqlType::Unknown || from.base() == base)) {
        return Ok(node);
    }
    if let Node::Const(Value::Null) = node {
        return Ok(node);
    }
    Ok(Node::Cast(
        Box::new(node),
        target.clone(),
        CastKind::Assignment,
    ))
}

/// PostgreSQL's implicit and assignment casts among the types known here.
fn assignable(from: &SqlType, to: &SqlType) -> bool {
    if from == to {
        return true;
    }
    if numeric_rank(from).is_some() && numeric_rank(to).is_some() {
        return true;
    }
    if datetime_rank(from).is_some() && datetime_rank(to).is_some() {
        return true;
    }
    match (from, to) {
        // Everything may be assigned to a text column.
        (_, to) if is_text(to) => {
            !matches!(from, SqlType::Void | SqlType::Record(_) | SqlType::Unknown)
        }
        (SqlType::Timestamp | SqlType::TimestampTz | SqlType::Interval, SqlType::Time) => true,
        (SqlType::Time, SqlType::Interval) => true,
        (SqlType::Inet, SqlType::Cidr) | (SqlType::Cidr, SqlType::Inet) => true,
        (SqlType::Json, SqlType::Jsonb) | (SqlType::Jsonb, SqlType::Json) => true,
        _ => false,
    }
}

/// What `::` does. Literals and parameters take the named type at once.
pub(super) fn explicit(typed: Typed, target: &SqlType, params: &mut Params) -> Result<Node, Stop> {
    let base = target.base();
    if typed.ty == SqlType::Unknown {
        let node = unknown(typed.node, &base, params)?;
        return Ok(
            if *target == base || matches!(node, Node::Const(Value::Null)) {
                node
            } else {
                Node::Cast(Box::new(node), target.clone(), CastKind::Explicit)
            },
        );
    }
    let from = typed.ty.base();
    if typed.ty == *target || (from == base && *target == base) {
        return Ok(typed.node);
    }
    let known = assignable(&from, &base)
        || is_text(&from)
        || matches!(
            (&from, &base),
            (SqlType::Bool, SqlType::Int4)
                | (SqlType::Int4, SqlType::Bool)
                | (SqlType::Interval, SqlType::Time)
        );
    if !known || matches!(base, SqlType::Void | SqlType::Record(_) | SqlType::Unknown) {
        return Err(Stop::Unknown);
    }
    Ok(Node::Cast(
        Box::new(typed.node),
        target.clone(),
        CastKind::Explicit,
    ))
}

fn unknown(node: Node, base: &SqlType, params: &mut Params) -> Result<Node, Stop> {
    match node {
        Node::Param(number) => {
            match params.sql_type(number) {
                None => params.set(number, base.clone()),
                // Its type became known elsewhere in the statement meanwhile.
                Some(known) if known.base() == *base => {}
                Some(known) => {
                    let ty = known.clone();
                    return implicit(Typed { node, ty }, base, params);
                }
            }
            Ok(node)
        }
        Node::Const(Value::Null) => Ok(node),
        Node::Const(Value::Text(literal)) => {
            if is_text(base) && !matches!(base, SqlType::Char(_) | SqlType::Name) {
                return Ok(Node::Const(Value::Text(literal)));
            }
            let value = read(&literal, base).map_err(Stop::Error)?;
            if depends_on_session(&literal, base) {
                return Ok(Node::Cast(
                    Box::new(Node::Const(Value::Text(literal))),
                    base.clone(),
                    CastKind::Input,
                ));
            }
            Ok(Node::Const(value))
        }
        _ => Err(Stop::Unknown),
    }
}

/// A literal that is none in any order of dates is refused at once.
fn read(literal: &str, base: &SqlType) -> orbit_core::Result<Value> {
    let mut format = text::FormatSettings::default();
    let plain = text::parse(literal, base, &format);
    if plain.is_ok() || !depends_on_session(literal, base) {
        return plain;
    }
    for order in [DateOrder::Dmy, DateOrder::Ymd] {
        format.date_order = order;
        if let Ok(value) = text::parse(literal, base, &format) {
            return Ok(value);
        }
    }
    plain
}

/// `2024-05-01`, which means the same in any order of dates.
fn is_iso(literal: &str) -> bool {
    let digits = literal.bytes().take_while(u8::is_ascii_digit).count();
    digits == 4 && literal.as_bytes().get(4) == Some(&b'-')
}

/// 'now', 'today' and everything with a zone is read when the statement runs, and so are
/// dates in other forms than ISO: a cached plan serves sessions with different zones and
/// orders of dates, at different times.
fn depends_on_session(literal: &str, base: &SqlType) -> bool {
    match base {
        SqlType::Date | SqlType::Timestamp => !is_iso(literal),
        SqlType::Time => !literal
            .trim_start()
            .starts_with(|c: char| c.is_ascii_digit()),
        SqlType::TimestampTz | SqlType::Array(_) => true,
        _ => false,
    }
}
