//! From when to when a condition lets pass. Blocks of a time series whose heads name other
//! times need not be opened.

use datafusion::common::ScalarValue;
use datafusion::logical_expr::Operator;
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_expr::expressions::{BinaryExpr, Column, Literal};
use std::sync::Arc;

/// From one moment to another, both included, as the time column counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Times {
    pub least: i64,
    pub greatest: i64,
}

impl Default for Times {
    fn default() -> Times {
        Times {
            least: i64::MIN,
            greatest: i64::MAX,
        }
    }
}

impl Times {
    /// What a condition lets pass, as far as it compares the column at this place of its
    /// input with moments.
    pub fn of(condition: &Arc<dyn PhysicalExpr>, place: usize) -> Times {
        let mut times = Times::default();
        times.narrow(condition, place);
        times
    }

    fn narrow(&mut self, condition: &Arc<dyn PhysicalExpr>, place: usize) {
        let Some(of) = condition.downcast_ref::<BinaryExpr>() else {
            return;
        };
        if *of.op() == Operator::And {
            self.narrow(of.left(), place);
            self.narrow(of.right(), place);
            return;
        }
        let is_time = |expr: &Arc<dyn PhysicalExpr>| {
            let column = expr.downcast_ref::<Column>();
            column.is_some_and(|column| column.index() == place)
        };
        let compared = match (is_time(of.left()), is_time(of.right())) {
            (true, false) => Some((Some(*of.op()), of.right())),
            (false, true) => Some((of.op().swap(), of.left())),
            _ => None,
        };
        let Some((Some(operator), other)) = compared else {
            return;
        };
        let Some(moment) = moment_of(other) else {
            return;
        };
        if matches!(operator, Operator::Eq | Operator::Gt | Operator::GtEq) {
            self.least = self.least.max(moment);
        }
        if matches!(operator, Operator::Eq | Operator::Lt | Operator::LtEq) {
            self.greatest = self.greatest.min(moment);
        }
    }
}

fn moment_of(expr: &Arc<dyn PhysicalExpr>) -> Option<i64> {
    match expr.downcast_ref::<Literal>()?.value() {
        ScalarValue::TimestampMicrosecond(moment, _) => *moment,
        ScalarValue::Date32(day) => day.map(i64::from),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at() -> Arc<dyn PhysicalExpr> {
        Arc::new(Column::new("at", 1))
    }

    fn moment(micros: i64) -> Arc<dyn PhysicalExpr> {
        let value = ScalarValue::TimestampMicrosecond(Some(micros), None);
        Arc::new(Literal::new(value))
    }

    fn is(
        left: Arc<dyn PhysicalExpr>,
        operator: Operator,
        right: Arc<dyn PhysicalExpr>,
    ) -> Arc<dyn PhysicalExpr> {
        Arc::new(BinaryExpr::new(left, operator, right))
    }

    fn times(condition: &Arc<dyn PhysicalExpr>) -> (i64, i64) {
        let times = Times::of(condition, 1);
        (times.least, times.greatest)
    }

    #[test]
    fn comparisons_bound_the_time() {
        use Operator::*;
        assert_eq!(times(&is(at(), GtEq, moment(5))), (5, i64::MAX));
        assert_eq!(times(&is(moment(5), Gt, at())), (i64::MIN, 5));
        assert_eq!(times(&is(at(), Eq, moment(5))), (5, 5));
        let both = is(is(at(), Gt, moment(5)), And, is(at(), Lt, moment(9)));
        assert_eq!(times(&both), (5, 9));
        let narrower = is(both.clone(), And, is(at(), LtEq, moment(7)));
        assert_eq!(times(&narrower), (5, 7));
    }

    #[test]
    fn what_says_nothing_bounds_nothing() {
        use Operator::*;
        let all = (i64::MIN, i64::MAX);
        let either = is(is(at(), Gt, moment(5)), Or, is(at(), Lt, moment(1)));
        assert_eq!(times(&either), all);
        assert_eq!(times(&is(at(), NotEq, moment(5))), all);
        assert_eq!(times(&is(at(), Gt, at())), all);
        let other: Arc<dyn PhysicalExpr> = Arc::new(Column::new("then", 0));
        assert_eq!(times(&is(other, Gt, moment(5))), all);
        let unknown = ScalarValue::TimestampMicrosecond(None, None);
        let unknown: Arc<dyn PhysicalExpr> = Arc::new(Literal::new(unknown));
        assert_eq!(times(&is(at(), Gt, unknown)), all);
    }
}
