//! Columns compared with constants of a finer unit, in the column's own: no row needs a
//! conversion, which could fail, and the constant is found in statistics.
//!
//! `shipped < date '1998-12-01' - interval '90 days'` compares a date with a timestamp, for
//! which PostgreSQL has operators of their own: it is a comparison of days. `price > 45.001`
//! over a numeric(10,2) is one of hundredths.

use super::error::Told;
use super::operators::rescale::{rescaled, units_a_unit};
use datafusion::common::ScalarValue;
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::logical_expr::{BinaryExpr, Expr, LogicalPlan, Operator};
use orbit_core::Result;

const DAY: i64 = 86_400_000_000;

/// The plan whose conditions compare columns in their own units where they can.
pub fn in_own_units(plan: LogicalPlan) -> Result<LogicalPlan> {
    let plan = plan.transform_up_with_subqueries(|node| match node {
        LogicalPlan::Filter(_) | LogicalPlan::Join(_) | LogicalPlan::TableScan(_) => node
            .map_expressions(|expr| {
                expr.transform_up(|expr| {
                    Ok(match compared(&expr) {
                        Some(compared) => Transformed::yes(compared),
                        None => Transformed::no(expr),
                    })
                })
            }),
        node => Ok(Transformed::no(node)),
    });
    Ok(plan.told()?.data)
}

fn compared(expr: &Expr) -> Option<Expr> {
    let Expr::BinaryExpr(BinaryExpr { left, op, right }) = expr else {
        return None;
    };
    against(left, *op, right).or_else(|| against(right, op.swap()?, left))
}

fn against(column: &Expr, op: Operator, constant: &Expr) -> Option<Expr> {
    let Expr::Literal(constant, _) = constant else {
        return None;
    };
    match constant {
        ScalarValue::TimestampMicrosecond(Some(moment), None) => {
            days(date_of(column)?, op, *moment)
        }
        ScalarValue::Decimal128(Some(units), _, scale) => decimals(column, op, *units, *scale),
        _ => None,
    }
}

/// The date of which an expression is the midnight.
fn date_of(expr: &Expr) -> Option<&Expr> {
    match expr {
        Expr::ScalarFunction(call) if super::bind::cast::is_midnight(&call.func) => {
            call.args.first()
        }
        _ => None,
    }
}

/// A comparison with a number of small units, so many to a unit, as one with units.
fn whole_units(op: Operator, small: i128, a_unit: i128) -> Option<(Operator, i128)> {
    let (units, rest) = (small.div_euclid(a_unit), small.rem_euclid(a_unit));
    let op = match op {
        // Of what begins with this unit, only its first moment is before.
        Operator::Lt if rest > 0 => Operator::LtEq,
        Operator::GtEq if rest > 0 => Operator::Gt,
        Operator::Lt | Operator::GtEq | Operator::LtEq | Operator::Gt => op,
        Operator::Eq | Operator::NotEq if rest == 0 => op,
        _ => return None,
    };
    Some((op, units))
}

fn days(date: &Expr, op: Operator, moment: i64) -> Option<Expr> {
    // The ends of the line are infinities, in days others than in microseconds.
    if moment == i64::MAX || moment == i64::MIN {
        return None;
    }
    let (op, day) = whole_units(op, i128::from(moment), i128::from(DAY))?;
    let day = i32::try_from(day).ok()?;
    Some(with_constant(date, op, ScalarValue::Date32(Some(day))))
}

fn decimals(column: &Expr, op: Operator, units: i128, scale: i8) -> Option<Expr> {
    let (column, (precision, own_scale)) = rescaled(column)?;
    let (op, units) = whole_units(op, units, units_a_unit(own_scale, scale)?)?;
    let greatest = units_a_unit(0, i8::try_from(precision).ok()?)?;
    // No number of the column's type is as great, NaN is.
    if units.checked_abs()? >= greatest {
        return None;
    }
    let constant = ScalarValue::Decimal128(Some(units), precision, own_scale);
    Some(with_constant(column, op, constant))
}

fn with_constant(column: &Expr, op: Operator, constant: ScalarValue) -> Expr {
    Expr::BinaryExpr(BinaryExpr::new(
        Box::new(column.clone()),
        op,
        Box::new(Expr::Literal(constant, None)),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::planned::num::FIXED_NAN;
    use crate::planned::operators::rescale::rescale;
    use datafusion::logical_expr::col;

    fn holds<T: PartialOrd>(left: T, op: Operator, right: T) -> bool {
        match op {
            Operator::Lt => left < right,
            Operator::LtEq => left <= right,
            Operator::Gt => left > right,
            Operator::GtEq => left >= right,
            Operator::Eq => left == right,
            _ => left != right,
        }
    }

    #[test]
    fn hundredths_compare_as_thousandths_would() {
        use Operator::*;
        let column = rescale(col("n"), (4, 2), (6, 3));
        for small in [-1001, -1000, -999, 0, 994, 995, 996, 1000] {
            let constant = ScalarValue::Decimal128(Some(small), 6, 3);
            let constant = Expr::Literal(constant, None);
            for op in [Lt, LtEq, Gt, GtEq, Eq, NotEq] {
                let written =
                    BinaryExpr::new(Box::new(column.clone()), op, constant.clone().into());
                let Some(Expr::BinaryExpr(made)) = compared(&Expr::BinaryExpr(written)) else {
                    assert!(small % 10 != 0 && matches!(op, Eq | NotEq), "{op} {small}");
                    continue;
                };
                assert_eq!(*made.left, col("n"));
                let Expr::Literal(ScalarValue::Decimal128(Some(units), 4, 2), _) = *made.right
                else {
                    panic!("{made:?}");
                };
                for hundredths in (-102..102).chain([i128::MAX / 10]) {
                    let (found, wanted) = (
                        holds(hundredths, made.op, units),
                        holds(hundredths * 10, op, small),
                    );
                    assert_eq!(found, wanted, "{hundredths} {op} {small}");
                }
            }
        }
        // Too great for the column, and greater than NaN.
        for great in [99_995_i128, 1_000_000, FIXED_NAN] {
            let made = decimals(&column, Gt, great, 3);
            assert_eq!(made.is_some(), great < 100_000, "{great}");
        }
    }

    #[test]
    fn a_day_compares_as_its_midnight() {
        let ops = [
            Operator::Lt,
            Operator::LtEq,
            Operator::Gt,
            Operator::GtEq,
            Operator::Eq,
            Operator::NotEq,
        ];
        for moment in [-DAY - 1, -DAY, -1, 0, 1, DAY - 1, DAY, 3 * DAY / 2] {
            for op in ops {
                let Some(Expr::BinaryExpr(made)) = days(&col("d"), op, moment) else {
                    assert!(moment % DAY != 0 && matches!(op, Operator::Eq | Operator::NotEq));
                    continue;
                };
                let Expr::Literal(ScalarValue::Date32(Some(day)), _) = *made.right else {
                    panic!("{made:?}");
                };
                for date in -3..4 {
                    // What PostgreSQL's `date_cmp_timestamp` says.
                    let wanted = holds(i64::from(date) * DAY, op, moment);
                    assert_eq!(holds(date, made.op, day), wanted, "{op} {moment}");
                }
            }
        }
        assert!(days(&col("d"), Operator::Lt, i64::MAX).is_none());
    }
}
