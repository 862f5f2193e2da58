//! From conditions on key columns to bytes: where in the key space to look.

use crate::expr::{Datum, Env, NoRow, RowExpr};
use orbit_core::store::{KeyRange, successor};
use orbit_core::types::SqlType;
use orbit_core::value::{Numeric, Value};
use orbit_core::{Result, key};

/// One column of a primary key or an index.
#[derive(Clone, Debug)]
pub(super) struct KeyColumn {
    pub column: usize,
    pub sql_type: SqlType,
    pub descending: bool,
    /// Index keys carry a NULL marker, primary keys don't.
    pub nullable: bool,
}

/// A value compared with a key column: constant for the statement.
#[derive(Clone, Debug)]
pub(super) struct Operand(pub RowExpr);

/// Where a value lies in the domain of a column's type.
pub(super) enum Fit {
    In(Value),
    /// Less than everything the type can hold.
    Below,
    Above,
    /// NULL, or between two values of the type: equal to none.
    Never,
}

impl Operand {
    pub fn fit(&self, ty: &SqlType, env: &Env<'_>) -> Result<Fit> {
        let value = self.0.node.eval(&NoRow, env)?;
        Ok(if value.is_null() {
            Fit::Never
        } else {
            fit(value, ty)
        })
    }
}

/// Integers of any width against an integer column; all others have the
/// column's type already (the compiler of access paths saw to it).
fn fit(value: Datum<'_>, ty: &SqlType) -> Fit {
    use orbit_core::value::ValueRef;
    let number = match value.as_ref() {
        ValueRef::Int2(v) => i64::from(v),
        ValueRef::Int4(v) => i64::from(v),
        ValueRef::Int8(v) => v,
        _ => return Fit::In(value.into_value()),
    };
    fn bounded<T>(
        converted: Result<T, std::num::TryFromIntError>,
        negative: bool,
    ) -> Result<T, Fit> {
        converted.map_err(|_| if negative { Fit::Below } else { Fit::Above })
    }
    let negative = number < 0;
    let fitted = match ty {
        SqlType::Int2 => bounded(i16::try_from(number), negative).map(Value::Int2),
        SqlType::Int4 => bounded(i32::try_from(number), negative).map(Value::Int4),
        SqlType::Numeric(_) => Ok(Value::Numeric(Numeric::from_i64(number))),
        _ => Ok(Value::Int8(number)),
    };
    fitted.map_or_else(|outside| outside, Fit::In)
}

fn push(out: &mut Vec<u8>, value: &Value, column: &KeyColumn) -> Result<()> {
    key::push(out, &value.as_ref(), column.descending, column.nullable)
}

/// Encodes equalities on the leading columns. `false`: no row can match.
pub(super) fn push_equal(
    columns: &[KeyColumn],
    operands: &[Operand],
    env: &Env<'_>,
    out: &mut Vec<u8>,
) -> Result<bool> {
    for (column, operand) in columns.iter().zip(operands) {
        match operand.fit(&column.sql_type, env)? {
            Fit::In(value) => push(out, &value, column)?,
            _ => return Ok(false),
        }
    }
    Ok(true)
}

/// A bound on the column after the equalities.
#[derive(Clone, Debug)]
pub(super) struct Limit {
    pub operand: Operand,
    pub inclusive: bool,
}

#[derive(Clone, Debug, Default)]
pub(super) struct Limits {
    pub lower: Option<Limit>,
    pub upper: Option<Limit>,
}

impl Limits {
    pub fn is_empty(&self) -> bool {
        self.lower.is_none() && self.upper.is_none()
    }
}

/// The keys that start with `prefix` and whose next column lies within
/// `limits`. `None`: none can. Rows whose next column is NULL may be included:
/// the condition stays in the filter where it has only one bound.
pub(super) fn range(
    prefix: &[u8],
    next: Option<&KeyColumn>,
    limits: &Limits,
    env: &Env<'_>,
) -> Result<Option<KeyRange>> {
    let mut range = KeyRange::prefix(prefix);
    if let Some(next) = next {
        for (limit, is_lower) in [(&limits.lower, true), (&limits.upper, false)] {
            let Some(limit) = limit else { continue };
            let value = match limit.operand.fit(&next.sql_type, env)? {
                Fit::In(value) => value,
                Fit::Never => return Ok(None),
                // Everything, or nothing, is on the right side of it.
                Fit::Below if is_lower => continue,
                Fit::Above if !is_lower => continue,
                Fit::Below | Fit::Above => return Ok(None),
            };
            let mut edge = prefix.to_vec();
            push(&mut edge, &value, next)?;
            // Descending columns are stored complemented: their lower bound is where the keys end.
            if is_lower != next.descending {
                range.start = if limit.inclusive {
                    edge
                } else {
                    successor(&edge)
                };
                if range.start.is_empty() {
                    return Ok(None);
                }
            } else {
                range.end = if limit.inclusive {
                    successor(&edge)
                } else {
                    edge
                };
            }
        }
    }
    let empty = !range.end.is_empty() && range.start >= range.end;
    Ok((!empty).then_some(range))
}
