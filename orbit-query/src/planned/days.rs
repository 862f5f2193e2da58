//! Dates compared with moments. `shipped < date '1998-12-01' - interval '90 days'` compares
//! a date with a timestamp, for which PostgreSQL has operators of their own; as a comparison
//! of days it needs no conversion of every row, can't fail, and is found in statistics.

use super::error::Told;
use datafusion::common::ScalarValue;
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::logical_expr::{BinaryExpr, Expr, LogicalPlan, Operator};
use orbit_core::Result;

const DAY: i64 = 86_400_000_000;

/// The plan whose conditions compare days where they can.
pub fn by_days(plan: LogicalPlan) -> Result<LogicalPlan> {
    let plan = plan.transform_up_with_subqueries(|node| match node {
        LogicalPlan::Filter(_) | LogicalPlan::Join(_) | LogicalPlan::TableScan(_) => node
            .map_expressions(|expr| {
                expr.transform_up(|expr| {
                    Ok(match compared(&expr) {
                        Some(days) => Transformed::yes(days),
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
    if let (Some(date), Some(moment)) = (date_of(left), moment_of(right)) {
        return days(date, *op, moment);
    }
    if let (Some(moment), Some(date)) = (moment_of(left), date_of(right)) {
        return days(date, op.swap()?, moment);
    }
    None
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

fn moment_of(expr: &Expr) -> Option<i64> {
    match expr {
        Expr::Literal(ScalarValue::TimestampMicrosecond(Some(micros), None), _) => Some(*micros),
        _ => None,
    }
}

fn days(date: &Expr, op: Operator, moment: i64) -> Option<Expr> {
    let whole = moment.rem_euclid(DAY) == 0;
    let (op, day) = match op {
        // Within a day, only its midnight is before the moment.
        Operator::Lt if !whole => (Operator::LtEq, moment.div_euclid(DAY)),
        Operator::GtEq if !whole => (Operator::Gt, moment.div_euclid(DAY)),
        Operator::Lt | Operator::GtEq | Operator::LtEq | Operator::Gt => {
            (op, moment.div_euclid(DAY))
        }
        Operator::Eq | Operator::NotEq if whole => (op, moment.div_euclid(DAY)),
        _ => return None,
    };
    // The ends of the line are infinities, in days others than in microseconds.
    if moment == i64::MAX || moment == i64::MIN {
        return None;
    }
    let day = i32::try_from(day).ok()?;
    Some(Expr::BinaryExpr(BinaryExpr::new(
        Box::new(date.clone()),
        op,
        Box::new(Expr::Literal(ScalarValue::Date32(Some(day)), None)),
    )))
}

#[cfg(test)]
mod tests {
    use super::*;
    use datafusion::logical_expr::col;

    /// What PostgreSQL's `date_cmp_timestamp` says.
    fn expected(day: i64, op: Operator, moment: i64) -> bool {
        let midnight = day * DAY;
        match op {
            Operator::Lt => midnight < moment,
            Operator::LtEq => midnight <= moment,
            Operator::Gt => midnight > moment,
            Operator::GtEq => midnight >= moment,
            Operator::Eq => midnight == moment,
            _ => midnight != moment,
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
                    let found = match made.op {
                        Operator::Lt => date < day,
                        Operator::LtEq => date <= day,
                        Operator::Gt => date > day,
                        Operator::GtEq => date >= day,
                        Operator::Eq => date == day,
                        _ => date != day,
                    };
                    assert_eq!(
                        found,
                        expected(i64::from(date), op, moment),
                        "{op} {moment}"
                    );
                }
            }
        }
        assert!(days(&col("d"), Operator::Lt, i64::MAX).is_none());
    }
}
