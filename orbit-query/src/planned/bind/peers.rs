//! Values that are equal without being the same: 1.0 and 1.00, one day and 24
//! hours. Plans compare, sort and group such a value by a key made of it, and
//! show one of the values that share the key.

use super::operator::{float_key, interval_key, numeric_key};
use super::record::{holds_records, record_key};
use super::select::distinct_name;
use crate::planned::error::Told;
use crate::planned::functions::json::jsonb_key;
use crate::planned::num;
use ahash::AHashSet;
use datafusion::arrow::datatypes::{DataType, IntervalUnit};
use datafusion::common::Column;
use datafusion::logical_expr::expr::{AggregateFunction, WindowFunction, WindowFunctionParams};
use datafusion::logical_expr::{
    Expr, LogicalPlan, LogicalPlanBuilder, WindowFrame, WindowFunctionDefinition,
};
use orbit_core::Result;
use orbit_core::types::SqlType;

/// What equal values of this Arrow type have in common; `None`: they are the same.
pub(super) fn key_of(expr: &Expr, ty: &DataType) -> Option<Expr> {
    match ty {
        DataType::Interval(IntervalUnit::MonthDayNano) => Some(interval_key(expr.clone())),
        ty if *ty == num::carrier() => Some(numeric_key(expr.clone())),
        _ => None,
    }
}

/// What to sort, partition and count by.
pub(super) fn sortable(expr: Expr, ty: &SqlType) -> Expr {
    if *ty == SqlType::Jsonb {
        return jsonb_key(expr);
    }
    if holds_records(ty) {
        return record_key(expr, ty);
    }
    if let SqlType::Float4 | SqlType::Float8 = ty {
        return float_key(expr, ty);
    }
    key_of(&expr, &crate::planned::arrow::arrow_type(ty)).unwrap_or(expr)
}

/// One of the values of a group whose keys are equal.
pub(super) fn any_of(expr: Expr) -> Expr {
    Expr::AggregateFunction(AggregateFunction::new_udf(
        datafusion::functions_aggregate::first_last::first_value_udaf(),
        vec![expr],
        false,
        None,
        Vec::new(),
        None,
    ))
}

/// `row_number() OVER (PARTITION BY ...)`.
pub(super) fn number_within(partition_by: Vec<Expr>) -> Expr {
    Expr::WindowFunction(Box::new(WindowFunction {
        fun: WindowFunctionDefinition::WindowUDF(
            datafusion::functions_window::row_number::row_number_udwf(),
        ),
        params: WindowFunctionParams {
            args: Vec::new(),
            partition_by,
            order_by: Vec::new(),
            window_frame: WindowFrame::new(None),
            filter: None,
            null_treatment: None,
            distinct: false,
        },
    }))
}

/// DISTINCT: of rows that are equal, one.
pub(super) fn distinct_rows(plan: LogicalPlan) -> Result<LogicalPlan> {
    let schema = plan.schema().clone();
    let columns: Vec<(Column, Option<Expr>)> = schema
        .iter()
        .map(|(qualifier, field)| {
            let column = Column::new(qualifier.cloned(), field.name());
            let key = key_of(&Expr::Column(column.clone()), field.data_type());
            (column, key)
        })
        .collect();
    if columns.iter().all(|(_, key)| key.is_none()) {
        return LogicalPlanBuilder::from(plan)
            .distinct()
            .told()?
            .build()
            .told();
    }
    let mut used: AHashSet<String> = columns
        .iter()
        .map(|(column, _)| column.name.clone())
        .collect();
    let mut keys = Vec::with_capacity(columns.len());
    let mut shown = Vec::new();
    let mut exprs = Vec::with_capacity(columns.len());
    for (column, key) in columns {
        let relation = column.relation.clone();
        let name = column.name.clone();
        let expr = Expr::Column(column);
        match key {
            None => {
                keys.push(expr.clone());
                exprs.push(expr);
            }
            Some(key) => {
                keys.push(key.alias(distinct_name(&mut used, "__key")));
                let inner = distinct_name(&mut used, "__shown");
                shown.push(any_of(expr).alias(&inner));
                let column = Expr::Column(Column::new_unqualified(inner));
                exprs.push(column.alias_qualified(relation, name));
            }
        }
    }
    LogicalPlanBuilder::from(plan)
        .aggregate(keys, shown)
        .told()?
        .project(exprs)
        .told()?
        .build()
        .told()
}
