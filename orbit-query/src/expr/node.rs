//! The compiled form of an expression, and its evaluation.

use super::arith::{self, ArithOp};
use super::functions::Function;
use super::{Datum, Env, RowSource, pattern};
use orbit_core::types::SqlType;
use orbit_core::value::{Value, ValueRef, cast, text};
use orbit_core::{Error, Result};
use std::cmp::Ordering;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CompareOp {
    Eq,
    NotEq,
    Lt,
    LtEq,
    Gt,
    GtEq,
}

impl CompareOp {
    pub fn holds(self, ordering: Ordering) -> bool {
        match self {
            CompareOp::Eq => ordering == Ordering::Equal,
            CompareOp::NotEq => ordering != Ordering::Equal,
            CompareOp::Lt => ordering == Ordering::Less,
            CompareOp::LtEq => ordering != Ordering::Greater,
            CompareOp::Gt => ordering == Ordering::Greater,
            CompareOp::GtEq => ordering != Ordering::Less,
        }
    }

    /// The same condition with its sides exchanged.
    pub fn mirrored(self) -> CompareOp {
        match self {
            CompareOp::Lt => CompareOp::Gt,
            CompareOp::LtEq => CompareOp::GtEq,
            CompareOp::Gt => CompareOp::Lt,
            CompareOp::GtEq => CompareOp::LtEq,
            same => same,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CastKind {
    /// `::`, and implicit conversions.
    Explicit,
    /// To a column: too long a text is an error.
    Assignment,
    /// An untyped literal, read by the type's input function when the statement runs.
    Input,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Node {
    Const(Value),
    Column(usize),
    Param(usize),
    Not(Box<Node>),
    Negate(Box<Node>),
    IsNull {
        operand: Box<Node>,
        negated: bool,
    },
    /// IS [NOT] TRUE / FALSE / UNKNOWN.
    IsTruth {
        operand: Box<Node>,
        truth: Option<bool>,
        negated: bool,
    },
    And(Vec<Node>),
    Or(Vec<Node>),
    Compare(CompareOp, Box<(Node, Node)>),
    Distinct {
        sides: Box<(Node, Node)>,
        negated: bool,
    },
    Arith(ArithOp, Box<(Node, Node)>),
    Concat(Box<(Node, Node)>),
    In {
        operand: Box<Node>,
        list: Vec<Node>,
        negated: bool,
    },
    Like {
        sides: Box<(Node, Node)>,
        escape: Option<char>,
        insensitive: bool,
        negated: bool,
    },
    Case {
        arms: Vec<(Node, Node)>,
        otherwise: Box<Node>,
    },
    Coalesce(Vec<Node>),
    NullIf(Box<(Node, Node)>),
    Extremum {
        list: Vec<Node>,
        greatest: bool,
    },
    Cast(Box<Node>, SqlType, CastKind),
    Call(Function, Vec<Node>),
}

impl Node {
    pub fn eval<'a>(&'a self, row: &'a dyn RowSource, env: &'a Env<'a>) -> Result<Datum<'a>> {
        Ok(match self {
            Node::Const(value) => Datum::Ref(value.as_ref()),
            Node::Column(column) => Datum::Ref(row.value(*column)?),
            Node::Param(number) => match env.params.get(*number) {
                Some(value) => Datum::Ref(value.as_ref()),
                None => {
                    return Err(Error::new(
                        orbit_core::state::PROTOCOL_VIOLATION,
                        format!("no value for parameter ${}", number + 1),
                    ));
                }
            },
            Node::Not(_)
            | Node::IsNull { .. }
            | Node::IsTruth { .. }
            | Node::And(_)
            | Node::Or(_)
            | Node::Compare(..)
            | Node::Distinct { .. }
            | Node::In { .. }
            | Node::Like { .. } => Datum::Own(match self.truth(row, env)? {
                Some(truth) => Value::Bool(truth),
                None => Value::Null,
            }),
            Node::Negate(operand) => Datum::Own(arith::negate(operand.eval(row, env)?)?),
            Node::Arith(op, sides) => {
                let left = sides.0.eval(row, env)?;
                let right = sides.1.eval(row, env)?;
                Datum::Own(arith::apply(*op, left, right)?)
            }
            Node::Concat(sides) => {
                let (left, right) = (sides.0.eval(row, env)?, sides.1.eval(row, env)?);
                match (left.as_ref(), right.as_ref()) {
                    (ValueRef::Null, _) | (_, ValueRef::Null) => Datum::Own(Value::Null),
                    (ValueRef::Text(a), ValueRef::Text(b)) => {
                        Datum::Own(Value::Text([a, b].concat()))
                    }
                    (ValueRef::Bytea(a), ValueRef::Bytea(b)) => {
                        Datum::Own(Value::Bytea([a, b].concat()))
                    }
                    _ => return Err(Error::internal("|| of values that are not text")),
                }
            }
            Node::Case { arms, otherwise } => {
                for (condition, result) in arms {
                    if condition.truth(row, env)? == Some(true) {
                        return result.eval(row, env);
                    }
                }
                return otherwise.eval(row, env);
            }
            Node::Coalesce(list) => {
                for item in list {
                    let value = item.eval(row, env)?;
                    if !value.is_null() {
                        return Ok(value);
                    }
                }
                Datum::Own(Value::Null)
            }
            Node::NullIf(sides) => {
                let left = sides.0.eval(row, env)?;
                let right = sides.1.eval(row, env)?;
                match compare(&left, &right)? {
                    Some(Ordering::Equal) => Datum::Own(Value::Null),
                    _ => left,
                }
            }
            Node::Extremum { list, greatest } => {
                let mut best: Option<Datum<'a>> = None;
                for item in list {
                    let value = item.eval(row, env)?;
                    if value.is_null() {
                        continue;
                    }
                    let better = match &best {
                        None => true,
                        Some(best) => match compare(&value, best)? {
                            Some(Ordering::Greater) => *greatest,
                            Some(Ordering::Less) => !*greatest,
                            _ => false,
                        },
                    };
                    if better {
                        best = Some(value);
                    }
                }
                best.unwrap_or(Datum::Own(Value::Null))
            }
            Node::Cast(operand, ty, kind) => {
                let value = operand.eval(row, env)?;
                if value.is_null() {
                    return Ok(Datum::Own(Value::Null));
                }
                Datum::Own(convert(value, ty, *kind, env)?)
            }
            Node::Call(function, arguments) => Datum::Own(function.call(arguments, row, env)?),
        })
    }

    /// The value of a condition; `None` is NULL.
    pub fn truth(&self, row: &dyn RowSource, env: &Env<'_>) -> Result<Option<bool>> {
        Ok(match self {
            Node::Not(operand) => operand.truth(row, env)?.map(|truth| !truth),
            Node::IsNull { operand, negated } => {
                Some(operand.eval(row, env)?.is_null() != *negated)
            }
            Node::IsTruth {
                operand,
                truth,
                negated,
            } => Some((operand.truth(row, env)? == *truth) != *negated),
            Node::And(terms) => {
                let mut all = Some(true);
                for term in terms {
                    match term.truth(row, env)? {
                        Some(false) => return Ok(Some(false)),
                        Some(true) => {}
                        None => all = None,
                    }
                }
                all
            }
            Node::Or(terms) => {
                let mut any = Some(false);
                for term in terms {
                    match term.truth(row, env)? {
                        Some(true) => return Ok(Some(true)),
                        Some(false) => {}
                        None => any = None,
                    }
                }
                any
            }
            Node::Compare(op, sides) => {
                let left = sides.0.eval(row, env)?;
                let right = sides.1.eval(row, env)?;
                compare(&left, &right)?.map(|ordering| op.holds(ordering))
            }
            Node::Distinct { sides, negated } => {
                let left = sides.0.eval(row, env)?;
                let right = sides.1.eval(row, env)?;
                let distinct = match (left.is_null(), right.is_null()) {
                    (true, true) => false,
                    (false, false) => compare(&left, &right)? != Some(Ordering::Equal),
                    _ => true,
                };
                Some(distinct != *negated)
            }
            Node::In {
                operand,
                list,
                negated,
            } => {
                let operand = operand.eval(row, env)?;
                let mut found = Some(false);
                for item in list {
                    match compare(&operand, &item.eval(row, env)?)? {
                        Some(Ordering::Equal) => {
                            found = Some(true);
                            break;
                        }
                        Some(_) => {}
                        None => found = None,
                    }
                }
                found.map(|found| found != *negated)
            }
            Node::Like {
                sides,
                escape,
                insensitive,
                negated,
            } => {
                let left = sides.0.eval(row, env)?;
                let right = sides.1.eval(row, env)?;
                match (left.as_ref(), right.as_ref()) {
                    (ValueRef::Text(subject), ValueRef::Text(like)) => {
                        Some(pattern::like(subject, like, *escape, *insensitive)? != *negated)
                    }
                    _ => None,
                }
            }
            other => match other.eval(row, env)?.as_ref() {
                ValueRef::Bool(truth) => Some(truth),
                ValueRef::Null => None,
                _ => return Err(Error::internal("a condition that is not boolean")),
            },
        })
    }

    /// Gives the same value for every row of a statement: no column, nothing volatile.
    pub fn is_constant(&self) -> bool {
        let mut constant = true;
        self.visit(&mut |node| {
            constant &= match node {
                Node::Column(_) => false,
                Node::Call(function, _) => !function.is_volatile(),
                _ => true,
            };
        });
        constant
    }

    /// Calls `each` for this node and everything below it.
    pub fn visit(&self, each: &mut dyn FnMut(&Node)) {
        each(self);
        match self {
            Node::Const(_) | Node::Column(_) | Node::Param(_) => {}
            Node::Not(operand) | Node::Negate(operand) | Node::Cast(operand, ..) => {
                operand.visit(each);
            }
            Node::IsNull { operand, .. } | Node::IsTruth { operand, .. } => operand.visit(each),
            Node::And(list)
            | Node::Or(list)
            | Node::Coalesce(list)
            | Node::Extremum { list, .. }
            | Node::Call(_, list) => list.iter().for_each(|node| node.visit(each)),
            Node::Compare(_, sides)
            | Node::Distinct { sides, .. }
            | Node::Arith(_, sides)
            | Node::Concat(sides)
            | Node::Like { sides, .. }
            | Node::NullIf(sides) => {
                sides.0.visit(each);
                sides.1.visit(each);
            }
            Node::In { operand, list, .. } => {
                operand.visit(each);
                list.iter().for_each(|node| node.visit(each));
            }
            Node::Case { arms, otherwise } => {
                for (condition, result) in arms {
                    condition.visit(each);
                    result.visit(each);
                }
                otherwise.visit(each);
            }
        }
    }
}

fn integer(value: &Datum<'_>) -> Option<i64> {
    Some(match value {
        Datum::Ref(ValueRef::Int4(v)) | Datum::Own(Value::Int4(v)) => i64::from(*v),
        Datum::Ref(ValueRef::Int8(v)) | Datum::Own(Value::Int8(v)) => *v,
        Datum::Ref(ValueRef::Int2(v)) | Datum::Own(Value::Int2(v)) => i64::from(*v),
        _ => return None,
    })
}

/// `None` if either side is NULL.
pub fn compare(left: &Datum<'_>, right: &Datum<'_>) -> Result<Option<Ordering>> {
    if let (Some(left), Some(right)) = (integer(left), integer(right)) {
        return Ok(Some(left.cmp(&right)));
    }
    if left.is_null() || right.is_null() {
        return Ok(None);
    }
    match cast::compare(&left.as_ref(), &right.as_ref()) {
        Some(ordering) => Ok(Some(ordering)),
        None => Err(Error::internal(
            "values without a common order were compared",
        )),
    }
}

fn convert(value: Datum<'_>, ty: &SqlType, kind: CastKind, env: &Env<'_>) -> Result<Value> {
    if kind != CastKind::Assignment
        && let Some(number) = integer(&value)
    {
        // The common widenings, without a detour.
        match ty {
            SqlType::Int8 => return Ok(Value::Int8(number)),
            SqlType::Int4 => {
                if let Ok(number) = i32::try_from(number) {
                    return Ok(Value::Int4(number));
                }
            }
            _ => {}
        }
    }
    match kind {
        CastKind::Explicit => cast::explicit(value.into_value(), ty, &env.facts.format),
        CastKind::Assignment => assign(value.into_value(), ty, env),
        CastKind::Input => match value.as_ref() {
            ValueRef::Text(literal) => text::parse(literal, ty, &env.facts.format),
            _ => Err(Error::internal("an untyped literal that is not text")),
        },
    }
}

/// As `cast::assign`, but what PostgreSQL prints or zones on the way to the
/// column is done with this session's settings.
fn assign(value: Value, ty: &SqlType, env: &Env<'_>) -> Result<Value> {
    let needs_settings = match (&value, ty) {
        (Value::Text(_), _) => false,
        (_, SqlType::Text | SqlType::Varchar(_) | SqlType::Char(_)) => true,
        (Value::TimestampTz(_), SqlType::Date | SqlType::Time | SqlType::Timestamp) => true,
        (Value::Timestamp(_) | Value::Date(_), SqlType::TimestampTz) => true,
        _ => false,
    };
    if needs_settings {
        let through = ty.base();
        return cast::assign(cast::explicit(value, &through, &env.facts.format)?, ty);
    }
    cast::assign(value, ty)
}
