//! The functions the row interpreter knows, as one table: name, arguments,
//! result. A call that doesn't fit a line goes to the planner.

use super::coerce::{self, common_type, is_text, numeric_rank};
use super::compile::{Stop, Typed};
use super::node::Node;
use super::scope::Params;
use super::{Datum, Env, RowSource, arith};
use orbit_core::clock::{Clock, SystemClock};
use orbit_core::types::SqlType;
use orbit_core::value::{Value, ValueRef, cast};
use orbit_core::{Error, Result, state};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Function {
    Abs,
    BTrim,
    Ceil,
    ClockTimestamp,
    Concat,
    CurrentDate,
    Floor,
    GenRandomUuid,
    LTrim,
    Left,
    Length,
    LocalTimestamp,
    Lower,
    Now,
    OctetLength,
    RTrim,
    Random,
    Replace,
    Right,
    Round,
    RoundTo,
    StatementTimestamp,
    Substr,
    SubstrFor,
    Upper,
}

/// Finds the function for a call and converts its arguments.
pub(super) fn resolve(
    name: &str,
    mut arguments: Vec<Typed>,
    params: &mut Params,
) -> Result<Typed, Stop> {
    use Function::*;
    let nullary = |function, ty| {
        Ok(Typed {
            node: Node::Call(function, Vec::new()),
            ty,
        })
    };
    match (name, arguments.len()) {
        ("now" | "transaction_timestamp" | "current_timestamp", 0) => {
            nullary(Now, SqlType::TimestampTz)
        }
        ("statement_timestamp", 0) => nullary(StatementTimestamp, SqlType::TimestampTz),
        ("clock_timestamp", 0) => nullary(ClockTimestamp, SqlType::TimestampTz),
        ("localtimestamp", 0) => nullary(LocalTimestamp, SqlType::Timestamp),
        ("current_date", 0) => nullary(CurrentDate, SqlType::Date),
        ("random", 0) => nullary(Random, SqlType::Float8),
        ("gen_random_uuid" | "uuid_generate_v4", 0) => nullary(GenRandomUuid, SqlType::Uuid),

        ("abs", 1) => numeric_call(Abs, arguments, params, |ty| ty),
        ("ceil" | "ceiling", 1) => numeric_call(Ceil, arguments, params, fractional),
        ("floor", 1) => numeric_call(Floor, arguments, params, fractional),
        ("round", 1) => numeric_call(Round, arguments, params, fractional),
        ("round", 2) => call(
            RoundTo,
            arguments,
            &[SqlType::Numeric(None), SqlType::Int4],
            SqlType::Numeric(None),
            params,
        ),
        ("mod", 2) => {
            let right = arguments.pop().ok_or(Stop::Unknown)?;
            let left = arguments.pop().ok_or(Stop::Unknown)?;
            super::compile::arithmetic(arith::ArithOp::Rem, left, right, params)
        }

        ("lower", 1) => text_call(Lower, arguments, 1, SqlType::Text, params),
        ("upper", 1) => text_call(Upper, arguments, 1, SqlType::Text, params),
        ("length" | "char_length" | "character_length", 1) => {
            text_call(Length, arguments, 1, SqlType::Int4, params)
        }
        ("octet_length", 1) => text_call(OctetLength, arguments, 1, SqlType::Int4, params),
        ("btrim", 1 | 2) => text_call(BTrim, arguments, 2, SqlType::Text, params),
        ("ltrim", 1 | 2) => text_call(LTrim, arguments, 2, SqlType::Text, params),
        ("rtrim", 1 | 2) => text_call(RTrim, arguments, 2, SqlType::Text, params),
        ("replace", 3) => text_call(Replace, arguments, 3, SqlType::Text, params),
        ("left", 2) => text_int_call(Left, arguments, params),
        ("right", 2) => text_int_call(Right, arguments, params),
        ("substr" | "substring", 2) => text_int_call(Substr, arguments, params),
        ("substr" | "substring", 3) => text_int_call(SubstrFor, arguments, params),

        ("concat", 1..) => {
            let mut nodes = Vec::with_capacity(arguments.len());
            for argument in arguments {
                nodes.push(printed(argument, params)?);
            }
            Ok(Typed {
                node: Node::Call(Concat, nodes),
                ty: SqlType::Text,
            })
        }
        ("coalesce", 1..) => {
            let (list, ty) = unify(arguments, params)?;
            Ok(Typed {
                node: Node::Coalesce(list),
                ty,
            })
        }
        ("greatest" | "least", 1..) => {
            let (list, ty) = unify(arguments, params)?;
            if coerce::comparison_type(&ty, &ty).is_none() {
                return Err(Stop::Unknown);
            }
            Ok(Typed {
                node: Node::Extremum {
                    list,
                    greatest: name == "greatest",
                },
                ty,
            })
        }
        ("nullif", 2) => {
            let right = arguments.pop().ok_or(Stop::Unknown)?;
            let left = arguments.pop().ok_or(Stop::Unknown)?;
            let ty = coerce::comparison_type(&left.ty, &right.ty).ok_or(Stop::Unknown)?;
            // The answer is the left value in its own type: only take pairs
            // that are compared in that type.
            let result = if left.ty == SqlType::Unknown {
                SqlType::Text
            } else {
                left.ty.clone()
            };
            if result.base() != ty && !(is_text(&result) && is_text(&ty)) {
                return Err(Stop::Unknown);
            }
            let sides = (
                coerce::implicit(left, &ty, params)?,
                coerce::implicit(right, &ty, params)?,
            );
            Ok(Typed {
                node: Node::NullIf(Box::new(sides)),
                ty: result,
            })
        }
        _ => Err(Stop::Unknown),
    }
}

/// Converts a list to its common type.
pub(super) fn unify(list: Vec<Typed>, params: &mut Params) -> Result<(Vec<Node>, SqlType), Stop> {
    let ty = common_type(list.iter().map(|item| &item.ty)).ok_or(Stop::Unknown)?;
    let nodes = list
        .into_iter()
        .map(|item| coerce::implicit(item, &ty, params))
        .collect::<Result<Vec<_>, Stop>>()?;
    Ok((nodes, ty))
}

/// As text, by the type's output function.
pub(super) fn as_text(argument: Typed, params: &mut Params) -> Result<Node, Stop> {
    match argument.ty {
        SqlType::Array(_)
        | SqlType::Void
        | SqlType::Record(_)
        | SqlType::Oid
        | SqlType::InternalChar => Err(Stop::Unknown),
        // concat and || show char(n) without its blanks, as the cast to text does.
        _ => coerce::explicit(argument, &SqlType::Text, params),
    }
}

/// As concat shows a value: by its output function, which says `t` where the
/// cast to text says `true`.
fn printed(argument: Typed, params: &mut Params) -> Result<Node, Stop> {
    if argument.ty != SqlType::Bool {
        return as_text(argument, params);
    }
    let when = |truth: bool, shown: &str| {
        let condition = Node::IsTruth {
            operand: Box::new(argument.node.clone()),
            truth: Some(truth),
            negated: false,
        };
        (condition, Node::Const(Value::Text(shown.to_owned())))
    };
    Ok(Node::Case {
        arms: vec![when(true, "t"), when(false, "f")],
        otherwise: Box::new(Node::Const(Value::Null)),
    })
}

fn fractional(ty: SqlType) -> SqlType {
    match ty {
        SqlType::Numeric(_) => SqlType::Numeric(None),
        _ => SqlType::Float8,
    }
}

fn numeric_call(
    function: Function,
    mut arguments: Vec<Typed>,
    params: &mut Params,
    result: fn(SqlType) -> SqlType,
) -> Result<Typed, Stop> {
    let argument = arguments.pop().ok_or(Stop::Unknown)?;
    if numeric_rank(&argument.ty).is_none() {
        return Err(Stop::Unknown);
    }
    let ty = result(argument.ty.base());
    Ok(Typed {
        node: Node::Call(function, vec![coerce::implicit(argument, &ty, params)?]),
        ty,
    })
}

fn call(
    function: Function,
    arguments: Vec<Typed>,
    types: &[SqlType],
    ty: SqlType,
    params: &mut Params,
) -> Result<Typed, Stop> {
    let mut nodes = Vec::with_capacity(arguments.len());
    for (argument, wanted) in arguments.into_iter().zip(types) {
        nodes.push(coerce::implicit(argument, wanted, params)?);
    }
    Ok(Typed {
        node: Node::Call(function, nodes),
        ty,
    })
}

fn text_call(
    function: Function,
    arguments: Vec<Typed>,
    most: usize,
    ty: SqlType,
    params: &mut Params,
) -> Result<Typed, Stop> {
    // length(bpchar) and length(bytea) are functions of their own.
    let fits = |ty: &SqlType| *ty == SqlType::Unknown || is_text(ty);
    if arguments.len() > most || !arguments.iter().all(|argument| fits(&argument.ty)) {
        return Err(Stop::Unknown);
    }
    let types = vec![SqlType::Text; arguments.len()];
    call(function, arguments, &types, ty, params)
}

fn text_int_call(
    function: Function,
    arguments: Vec<Typed>,
    params: &mut Params,
) -> Result<Typed, Stop> {
    if !arguments
        .first()
        .is_some_and(|first| first.ty == SqlType::Unknown || is_text(&first.ty))
    {
        return Err(Stop::Unknown);
    }
    // `substring(text, 'pattern')` is another function.
    if arguments
        .iter()
        .skip(1)
        .any(|argument| argument.ty == SqlType::Unknown)
    {
        return Err(Stop::Unknown);
    }
    let types = [SqlType::Text, SqlType::Int4, SqlType::Int4];
    call(function, arguments, &types, SqlType::Text, params)
}

/// Of [0, 1), every double on the grid of 2^-53 alike.
#[allow(clippy::cast_precision_loss)] // 53 bits are a double's own
pub(crate) fn random() -> f64 {
    // An identifier's second half is random but for its first two bits.
    let (_, half) = uuid::Uuid::new_v4().as_u64_pair();
    ((half << 2) >> 11) as f64 / (1u64 << 53) as f64
}

impl Function {
    /// Gives another value at each call.
    pub fn is_volatile(self) -> bool {
        matches!(
            self,
            Function::Random | Function::GenRandomUuid | Function::ClockTimestamp
        )
    }

    /// The type of those whose result is looked up by keys.
    pub(crate) fn key_type(self) -> Option<SqlType> {
        match self {
            Function::Now | Function::StatementTimestamp => Some(SqlType::TimestampTz),
            Function::LocalTimestamp => Some(SqlType::Timestamp),
            Function::CurrentDate => Some(SqlType::Date),
            Function::Lower | Function::Upper => Some(SqlType::Text),
            _ => None,
        }
    }

    pub(super) fn call(
        self,
        arguments: &[Node],
        row: &dyn RowSource,
        env: &Env<'_>,
    ) -> Result<Value> {
        match self {
            Function::Now => return Ok(Value::TimestampTz(env.facts.transaction_micros)),
            Function::StatementTimestamp => {
                return Ok(Value::TimestampTz(env.facts.statement_micros));
            }
            Function::ClockTimestamp => {
                return Ok(Value::TimestampTz(SystemClock::default().wall_micros()));
            }
            Function::LocalTimestamp | Function::CurrentDate => {
                let ty = match self {
                    Function::CurrentDate => SqlType::Date,
                    _ => SqlType::Timestamp,
                };
                let now = Value::TimestampTz(env.facts.transaction_micros);
                return cast::explicit(now, &ty, &env.facts.format);
            }
            Function::GenRandomUuid => {
                return Ok(Value::Uuid(uuid::Uuid::new_v4().into_bytes()));
            }
            Function::Random => {
                return Ok(Value::Float8(random()));
            }
            Function::Concat => {
                let mut joined = String::new();
                for argument in arguments {
                    if let ValueRef::Text(part) = argument.eval(row, env)?.as_ref() {
                        joined.push_str(part);
                    }
                }
                return Ok(Value::Text(joined));
            }
            _ => {}
        }
        // All others are strict: NULL in, NULL out.
        let mut values: smallvec::SmallVec<[Datum<'_>; 3]> = smallvec::SmallVec::new();
        for argument in arguments {
            let value = argument.eval(row, env)?;
            if value.is_null() {
                return Ok(Value::Null);
            }
            values.push(value);
        }
        self.strict(&values)
    }

    fn strict(self, values: &[Datum<'_>]) -> Result<Value> {
        let number = |place: usize| match values.get(place).map(Datum::as_ref) {
            Some(ValueRef::Int4(number)) => Ok(number),
            _ => Err(Error::internal("a function's integer argument is missing")),
        };
        let first = values
            .first()
            .ok_or_else(|| Error::internal("a function's argument is missing"))?;
        match self {
            Function::Abs => return arith::absolute(first.clone()),
            Function::Ceil | Function::Floor | Function::Round => {
                return Ok(match first.as_ref() {
                    ValueRef::Float8(value) => Value::Float8(match self {
                        Function::Ceil => value.ceil(),
                        Function::Floor => value.floor(),
                        _ => value.round_ties_even(),
                    }),
                    ValueRef::Numeric(value) => Value::Numeric(match self {
                        Function::Ceil => value.ceil(),
                        Function::Floor => value.floor(),
                        _ => value.round(0),
                    }),
                    _ => return Err(Error::internal("rounding a value that is no number")),
                });
            }
            Function::RoundTo => {
                return match first.as_ref() {
                    ValueRef::Numeric(value) => Ok(Value::Numeric(value.round(number(1)?))),
                    _ => Err(Error::internal("rounding a value that is no number")),
                };
            }
            _ => {}
        }
        let text = |place: usize| match values.get(place) {
            Some(Datum::Ref(ValueRef::Text(text))) => Ok(*text),
            Some(Datum::Own(Value::Text(text))) => Ok(text.as_str()),
            _ => Err(Error::internal("a function's text argument is missing")),
        };
        let subject = text(0)?;
        let blanks = || if values.len() > 1 { text(1) } else { Ok(" ") };
        Ok(match self {
            Function::Lower => Value::Text(subject.to_lowercase()),
            Function::Upper => Value::Text(subject.to_uppercase()),
            Function::Length => Value::Int4(count(subject.chars().count())?),
            Function::OctetLength => Value::Int4(count(subject.len())?),
            Function::BTrim | Function::LTrim | Function::RTrim => {
                let blanks = blanks()?;
                let is_blank = |c: char| blanks.contains(c);
                let mut rest = subject;
                if self != Function::RTrim {
                    rest = rest.trim_start_matches(is_blank);
                }
                if self != Function::LTrim {
                    rest = rest.trim_end_matches(is_blank);
                }
                Value::Text(rest.to_owned())
            }
            Function::Replace => {
                let (from, to) = (text(1)?, text(2)?);
                if from.is_empty() {
                    Value::Text(subject.to_owned())
                } else {
                    Value::Text(subject.replace(from, to))
                }
            }
            Function::Left | Function::Right => {
                let wanted = i64::from(number(1)?);
                let length = i64::try_from(subject.chars().count()).unwrap_or(i64::MAX);
                // Negative: all but that many.
                let keep = if wanted < 0 { length + wanted } else { wanted }.clamp(0, length);
                let (skip, take) = match self {
                    Function::Left => (0, keep),
                    _ => (length - keep, keep),
                };
                Value::Text(slice(subject, skip, take))
            }
            Function::Substr => {
                let start = i64::from(number(1)?);
                Value::Text(slice(subject, (start - 1).max(0), i64::MAX))
            }
            Function::SubstrFor => {
                let (start, length) = (i64::from(number(1)?), i64::from(number(2)?));
                if length < 0 {
                    return Err(Error::new(
                        state::SUBSTRING_ERROR,
                        "negative substring length not allowed",
                    ));
                }
                let end = (start + length - 1).max(0);
                let skip = (start - 1).max(0);
                Value::Text(slice(subject, skip, (end - skip).max(0)))
            }
            _ => return Err(Error::internal("a function without an implementation")),
        })
    }
}

fn count(length: usize) -> Result<i32> {
    i32::try_from(length)
        .map_err(|_| Error::new(state::NUMERIC_VALUE_OUT_OF_RANGE, "integer out of range"))
}

fn slice(subject: &str, skip: i64, take: i64) -> String {
    subject
        .chars()
        .skip(usize::try_from(skip).unwrap_or(usize::MAX))
        .take(usize::try_from(take).unwrap_or(usize::MAX))
        .collect()
}
