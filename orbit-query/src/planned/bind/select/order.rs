//! ORDER BY and DISTINCT ON: what rows are sorted by, and the first of each.

use super::projection::Item;
use super::{SortItem, SortTarget};
use crate::planned::bind::aggregate::sort_key;
use crate::planned::bind::operator::binary;
use crate::planned::bind::peers::sortable;
use crate::planned::bind::query::ordinal;
use crate::planned::bind::scope::Scope;
use crate::planned::bind::{Binder, Bound};
use crate::planned::error::Told;
use crate::planned::types;
use datafusion::common::Column;
use datafusion::logical_expr::expr::{WindowFunction, WindowFunctionParams};
use datafusion::logical_expr::{
    Expr, LogicalPlan, LogicalPlanBuilder, Operator, WindowFrame, WindowFunctionDefinition,
};
use orbit_core::{Error, Result, state};
use sqlparser::ast;

impl Binder<'_> {
    pub(super) fn distinct_on(
        &mut self,
        scope: &Scope,
        select: &ast::Select,
        items: &[Item],
    ) -> Result<Option<Vec<Bound>>> {
        let Some(ast::Distinct::On(keys)) = &select.distinct else {
            return Ok(None);
        };
        let mut on = Vec::with_capacity(keys.len());
        for key in keys {
            let place = ordinal(key, items.len(), "SELECT DISTINCT ON")
                .map_err(|error| self.placed_at(error, key))?;
            if let Some(place) = place {
                on.push(items[place].bound.clone());
                continue;
            }
            let bound = match self.alias_of(key, items) {
                Some(place) => items[place].bound.clone(),
                None => self.expr(scope, key)?,
            };
            on.push(self.decided(bound)?);
        }
        Ok(Some(on))
    }

    /// An item whose output name an unqualified identifier is.
    fn alias_of(&self, expr: &ast::Expr, items: &[Item]) -> Option<usize> {
        let ast::Expr::Identifier(ident) = expr else {
            return None;
        };
        let wanted = types::fold(ident);
        items.iter().position(|item| item.name == wanted)
    }

    pub(super) fn order_items(
        &mut self,
        scope: &Scope,
        order: &[ast::OrderByExpr],
        items: &[Item],
        distinct: bool,
    ) -> Result<Vec<SortItem>> {
        // A row of t that is selected is in order by its columns, too.
        let named = |key: &ast::OrderByExpr| match self.alias_of(&key.expr, items) {
            Some(place) => {
                let aliased = items.get(place).is_some_and(|item| item.alias.is_some());
                aliased || distinct || self.row_parts(scope, &key.expr).is_none()
            }
            None => false,
        };
        let order: Vec<ast::OrderByExpr> = order
            .iter()
            .flat_map(|key| match named(key) {
                true => vec![key.clone()],
                false => self.keys_apart(scope, std::slice::from_ref(key)),
            })
            .collect();
        let mut sort = Vec::with_capacity(order.len());
        for key in &order {
            let place = ordinal(&key.expr, items.len(), "ORDER BY")
                .map_err(|error| self.placed_at(error, &key.expr))?;
            let place = match place {
                Some(place) => Some(place),
                None => self.alias_of(&key.expr, items),
            };
            let target = match place {
                Some(place) => {
                    if let ast::Expr::Identifier(ident) = &key.expr {
                        let wanted = types::fold(ident);
                        let first = &items[place].bound.expr;
                        if items
                            .iter()
                            .any(|item| item.name == wanted && item.bound.expr != *first)
                        {
                            let error = Error::new(
                                state::AMBIGUOUS_COLUMN,
                                format!("ORDER BY \"{wanted}\" is ambiguous"),
                            );
                            return Err(self.placed_at(error, &key.expr));
                        }
                    }
                    SortTarget::Item(place)
                }
                None => {
                    let bound = self.expr(scope, &key.expr)?;
                    let bound = self.decided(bound)?;
                    match items.iter().position(|item| item.bound.expr == bound.expr) {
                        Some(place) => SortTarget::Item(place),
                        None => SortTarget::Expr(bound),
                    }
                }
            };
            sort.push(SortItem {
                target,
                options: key.options.clone(),
            });
        }
        Ok(sort)
    }
}

/// DISTINCT ON: the first row of each key in ORDER BY's order.
pub(super) fn first_of_each(
    plan: LogicalPlan,
    items: &[Item],
    on: Vec<Bound>,
    sort: &[SortItem],
) -> Result<LogicalPlan> {
    let mut order_by = Vec::with_capacity(sort.len());
    let mut exprs = Vec::with_capacity(sort.len());
    for item in sort {
        let bound = match &item.target {
            SortTarget::Item(place) => &items[*place].bound,
            SortTarget::Expr(bound) => bound,
        };
        exprs.push(bound.expr.clone());
        order_by.push(sort_key(
            sortable(bound.expr.clone(), &bound.ty),
            &item.options,
        ));
    }
    let leading = exprs.iter().take(on.len());
    if leading
        .clone()
        .any(|expr| !on.iter().any(|bound| bound.expr == *expr))
    {
        return Err(Error::new(
            state::INVALID_COLUMN_REFERENCE,
            "SELECT DISTINCT ON expressions must match initial ORDER BY expressions",
        ));
    }
    let call = Expr::WindowFunction(Box::new(WindowFunction {
        fun: WindowFunctionDefinition::WindowUDF(
            datafusion::functions_window::row_number::row_number_udwf(),
        ),
        params: WindowFunctionParams {
            args: Vec::new(),
            partition_by: on
                .into_iter()
                .map(|bound| sortable(bound.expr, &bound.ty))
                .collect(),
            // Of rows: there are no ranges of bytes.
            window_frame: WindowFrame::new((!order_by.is_empty()).then_some(true)),
            order_by,
            filter: None,
            null_treatment: None,
            distinct: false,
        },
    }));
    let number = Expr::Column(Column::new_unqualified(call.schema_name().to_string()));
    let plan = LogicalPlanBuilder::window_plan(plan, vec![call]).told()?;
    let first = binary(number, Operator::Eq, datafusion::logical_expr::lit(1u64));
    LogicalPlanBuilder::from(plan)
        .filter(first)
        .told()?
        .build()
        .told()
}
