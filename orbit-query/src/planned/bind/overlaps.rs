//! OVERLAPS: whether two spans of time have a moment in common.

use super::expr::boolean;
use super::rows::row_items;
use super::scope::Scope;
use super::{Binder, Bound};
use crate::planned::functions::row::{RowFn, arity};
use orbit_core::types::SqlType;
use orbit_core::value::{Value, ValueRef};
use orbit_core::{Error, Result, state};
use sqlparser::ast;

impl Binder<'_> {
    /// `(start, end) OVERLAPS (start, end)`; an end may be an interval.
    pub(super) fn overlaps(
        &mut self,
        scope: &Scope,
        left: &ast::Expr,
        right: &ast::Expr,
    ) -> Result<Bound> {
        let mut sides = Vec::with_capacity(4);
        for (items, side) in [(row_items(left), "left"), (row_items(right), "right")] {
            let Some([start, end]) = items.as_deref() else {
                return Err(Error::new(
                    state::SYNTAX_ERROR,
                    format!("wrong number of parameters on {side} side of OVERLAPS expression"),
                ));
            };
            sides.push(self.expr(scope, start)?);
            sides.push(self.expr(scope, end)?);
        }
        let have: Vec<SqlType> = sides.iter().map(|bound| bound.ty.clone()).collect();
        let has = |ty: &SqlType| have.contains(ty);
        let ty = if has(&SqlType::TimestampTz) {
            SqlType::TimestampTz
        } else if has(&SqlType::Timestamp) {
            SqlType::Timestamp
        } else if has(&SqlType::Date) {
            SqlType::TimestampTz
        } else if has(&SqlType::Time) {
            SqlType::Time
        } else if have.iter().all(|ty| *ty == SqlType::Unknown) {
            return Err(Error::new(
                state::AMBIGUOUS_FUNCTION,
                "function pg_catalog.overlaps(unknown, unknown, unknown, unknown) is not unique",
            )
            .with_hint("Could not choose a best candidate function. You might need to add explicit type casts."));
        } else {
            return Err(super::special::no_function("pg_catalog.overlaps", &have));
        };
        let mut args = Vec::with_capacity(4);
        let mut start: Option<Bound> = None;
        for (at, bound) in sides.into_iter().enumerate() {
            let bound = if bound.ty == SqlType::Interval && at % 2 == 1 {
                match start.take() {
                    Some(start) => self.operator("+", start, bound)?,
                    None => bound,
                }
            } else {
                bound
            };
            if !bound.is_unknown() && !crate::planned::types::implicit(&bound.ty, &ty) {
                return Err(super::special::no_function("pg_catalog.overlaps", &have));
            }
            let bound = self.coerce(bound, &ty)?;
            args.push(bound.expr.clone());
            start = Some(bound);
        }
        let row = RowFn::new(
            "overlaps".to_owned(),
            String::new(),
            vec![ty; 4],
            SqlType::Bool,
            |args| match args {
                [a, b, c, d] => {
                    let found = overlap((moment(a), moment(b)), (moment(c), moment(d)));
                    Ok(found.map_or(Value::Null, Value::Bool))
                }
                _ => Err(arity()),
            },
        )
        .lenient();
        Ok(boolean(row.call(args)))
    }
}

fn moment(value: &ValueRef<'_>) -> Option<i64> {
    match value {
        ValueRef::Time(at) | ValueRef::Timestamp(at) | ValueRef::TimestampTz(at) => Some(*at),
        _ => None,
    }
}

/// Spans without the later of their ends; one end of each may be unknown.
fn overlap(a: (Option<i64>, Option<i64>), b: (Option<i64>, Option<i64>)) -> Option<bool> {
    let in_order = |span: (Option<i64>, Option<i64>)| match span {
        (Some(start), Some(end)) => Some((start.min(end), Some(start.max(end)))),
        (Some(start), None) | (None, Some(start)) => Some((start, None)),
        (None, None) => None,
    };
    let ((start_a, end_a), (start_b, end_b)) = (in_order(a)?, in_order(b)?);
    let reaches = |later: i64, end_of_earlier: Option<i64>, end_of_later: Option<i64>| {
        if later < end_of_earlier? {
            return Some(true);
        }
        end_of_later.map(|_| false)
    };
    match start_a.cmp(&start_b) {
        std::cmp::Ordering::Greater => reaches(start_a, end_b, end_a),
        std::cmp::Ordering::Less => reaches(start_b, end_a, end_b),
        std::cmp::Ordering::Equal => end_a.and(end_b).map(|_| true),
    }
}

#[cfg(test)]
mod tests {
    use super::overlap;

    #[test]
    fn spans_overlap_as_postgresql_says() {
        let span = |start, end| (Some(start), Some(end));
        for (a, b, expected) in [
            (span(1, 3), span(2, 4), Some(true)),
            (span(3, 1), span(2, 4), Some(true)),
            (span(1, 2), span(2, 4), Some(false)),
            (span(2, 2), span(1, 2), Some(false)),
            (span(2, 2), span(2, 2), Some(true)),
            ((None, Some(2)), span(1, 4), Some(true)),
            ((Some(2), None), span(2, 4), None),
            ((None, None), span(2, 4), None),
        ] {
            assert_eq!(overlap(a, b), expected, "{a:?} {b:?}");
        }
    }
}
