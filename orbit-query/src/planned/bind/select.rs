//! SELECT: the order in which its clauses are resolved and run.
//!
//! FROM, WHERE, GROUP BY, HAVING, windows, the select list, DISTINCT, ORDER BY.

mod ends;
mod order;
mod projection;
mod windows;

use super::aggregate::sort_key;
use super::expr::gives_rows;
use super::from::{all_of, split};
use super::grouping::{
    Grouped, Grouping, collect_aggregates, group, has_aggregate, with_dependent_columns,
};
use super::peers::sortable;
use super::query::sorted;
use super::scope::Scope;
use super::subquery::order_of_from;
use super::{Binder, Bound, BoundQuery, Clause};
use crate::planned::error::Told;
use crate::planned::types;
use crate::planned::unnest::asks;
use crate::statement::visit;
use datafusion::logical_expr::{Expr, LogicalPlanBuilder};
use ends::only_ends;
use orbit_core::types::SqlType;
use orbit_core::{Error, Result, state};
use order::first_of_each;
pub(in crate::planned) use projection::{Item, distinct_name};
use sqlparser::ast::{self, SelectItem};
use windows::Known;

struct SortItem {
    /// A column of the select list, or an expression of its own.
    target: SortTarget,
    options: ast::OrderByOptions,
}

enum SortTarget {
    Item(usize),
    Expr(Bound),
}

impl SortItem {
    fn of<'a>(&'a self, items: &'a [Item]) -> &'a Bound {
        match &self.target {
            SortTarget::Item(place) => &items[*place].bound,
            SortTarget::Expr(bound) => bound,
        }
    }
}

/// Whether one of them gives several rows for one.
fn has_rows<'a>(mut bounds: impl Iterator<Item = &'a Bound>) -> bool {
    bounds.any(|bound| gives_rows(&bound.expr))
}

impl Binder<'_> {
    pub(super) fn select(
        &mut self,
        select: &ast::Select,
        order: &[ast::OrderByExpr],
    ) -> Result<BoundQuery> {
        refuse_what_is_not_postgresql(select)?;
        let windows = std::mem::replace(&mut self.windows, select.named_window.clone());
        let aliases = std::mem::take(&mut self.aliases);
        let clause = std::mem::replace(&mut self.clause, Clause::SELECT);
        let rows_order = std::mem::take(&mut self.rows_order);
        let owed = std::mem::take(&mut self.owed);
        let single = std::mem::take(&mut self.single);
        let reads_itself = std::mem::take(&mut self.reads_itself);
        let wanted = std::mem::take(&mut self.lock_wanted);
        let locking = std::mem::replace(&mut self.locking, wanted);
        let result = self.select_inside(select, order);
        self.locking = locking;
        self.reads_itself = reads_itself;
        self.single = single;
        self.owed = owed;
        self.rows_order = rows_order;
        self.clause = clause;
        self.aliases = aliases;
        self.windows = windows;
        result
    }

    fn select_inside(
        &mut self,
        select: &ast::Select,
        order: &[ast::OrderByExpr],
    ) -> Result<BoundQuery> {
        let from = self.from_clause(&select.from)?;
        let reads_itself = std::mem::take(&mut self.reads_itself);
        let key = self.key.take();
        let lock_keys = std::mem::take(&mut self.lock_keys);
        let (mut plan, rows_order) = order_of_from(from.plan)?;
        self.rows_order = rows_order;
        let scope = from.scope;

        let (filter, mut above) = self.where_clause(&scope, select)?;
        if !filter.is_empty() {
            plan = LogicalPlanBuilder::from(plan)
                .filter(all_of(filter))
                .told()?
                .build()
                .told()?;
        }

        let mut items = self.items(&scope, &select.projection)?;
        if let Some(key) = key {
            items.push(Item {
                name: String::new(),
                bound: Bound::new(key, SqlType::Bytea),
                alias: None,
            });
        }
        for (alias, table, key) in lock_keys {
            self.locked.push((alias, table));
            items.push(Item {
                name: String::new(),
                bound: Bound::new(key, SqlType::Bytea),
                alias: None,
            });
        }
        let grouping = self.group_by(&scope, &select.group_by, &items)?;
        let mut having = match &select.having {
            Some(having) => {
                let bound = self.within(Clause::HAVING, |binder| binder.expr(&scope, having))?;
                Some(self.boolean_at(bound, "HAVING", having)?.expr)
            }
            None => None,
        };
        let distinct_on = self.distinct_on(&scope, select, &items)?;
        let mut sort = self.order_items(&scope, order, &items, select.distinct.is_some())?;
        let mut distinct_on = distinct_on;

        let owed = std::mem::take(&mut self.owed);
        let aggregated = grouping.is_some()
            || !owed.is_empty()
            || having.is_some()
            || items.iter().any(|item| has_aggregate(&item.bound.expr))
            || sort.iter().any(|item| matches!(&item.target, SortTarget::Expr(bound) if has_aggregate(&bound.expr)));
        if aggregated {
            let everything = items
                .iter()
                .map(|item| &item.bound.expr)
                .chain(having.as_ref())
                .chain(sort.iter().filter_map(|item| match &item.target {
                    SortTarget::Expr(bound) => Some(&bound.expr),
                    SortTarget::Item(_) => None,
                }));
            let mut asking = false;
            for expr in everything.clone() {
                asking |= asks(expr)?;
            }
            let aggregates = collect_aggregates(everything.clone())?;
            if reads_itself && !(aggregates.is_empty() && owed.is_empty()) {
                return Err(Error::new(
                    state::INVALID_RECURSION,
                    "aggregate functions are not allowed in a recursive query's recursive term",
                ));
            }
            let on = distinct_on.iter().flatten().map(|bound| &bound.expr);
            let grouping = grouping.unwrap_or(Grouping::Plain(Vec::new()));
            let grouping = with_dependent_columns(grouping, &scope, everything.clone().chain(on))?;
            let grouped = group(plan, grouping, aggregates, owed, asking, &scope)?;
            let mut regrouped = || -> Result<()> {
                for item in &mut items {
                    regroup(&grouped, &mut item.bound)?;
                }
                if let Some(condition) = having.take() {
                    having = Some(grouped.rewrite(condition)?);
                }
                for item in &mut sort {
                    if let SortTarget::Expr(bound) = &mut item.target {
                        regroup(&grouped, bound)?;
                    }
                }
                if let Some(on) = &mut distinct_on {
                    for bound in on {
                        regroup(&grouped, bound)?;
                    }
                }
                Ok(())
            };
            regrouped().map_err(|error| self.placed_at_column(error, select, order))?;
            plan = grouped.plan;
            if let Some(condition) = having {
                plan = LogicalPlanBuilder::from(plan)
                    .filter(condition)
                    .told()?
                    .build()
                    .told()?;
            }
        }

        plan = self.windows_of(plan, &mut items, &mut sort, &mut above)?;
        if !above.is_empty() {
            plan = LogicalPlanBuilder::from(plan)
                .filter(all_of(above))
                .told()?
                .build()
                .told()?;
        }
        let distinct = matches!(select.distinct, Some(ast::Distinct::Distinct));
        // What gives several rows for one gives them in its order, once the others are sorted.
        let on = distinct_on.iter().flatten();
        let late = !distinct
            && has_rows(items.iter().map(|item| &item.bound))
            && !has_rows(on.chain(sort.iter().map(|item| item.of(&items))));
        if !late {
            plan = self.unnested(plan, &mut items)?;
        }
        if let Some(mut on) = distinct_on {
            let mut known = Known::named("__first");
            for key in &mut on {
                known.settle(&mut key.expr);
            }
            for item in &mut sort {
                known.settle(match &mut item.target {
                    SortTarget::Item(place) => &mut items[*place].bound.expr,
                    SortTarget::Expr(bound) => &mut bound.expr,
                });
            }
            plan = only_ends(plan, &items, &on, &sort)?;
            plan = known.beside(plan)?;
            plan = first_of_each(plan, &items, on, &sort)?;
        }
        if late {
            if !sort.is_empty() {
                let keys = sort.drain(..).map(|item| {
                    let bound = item.of(&items);
                    sort_key(sortable(bound.expr.clone(), &bound.ty), &item.options)
                });
                plan = sorted(plan, keys.collect())?;
            }
            plan = self.unnested(plan, &mut items)?;
        }
        self.project(plan, items, sort, distinct)
    }

    /// Conditions below grouping, and those that look at a window and stand above it.
    /// Rewritten queries over the catalogs may use aliases of the select list here.
    fn where_clause(
        &mut self,
        scope: &Scope,
        select: &ast::Select,
    ) -> Result<(Vec<Expr>, Vec<Expr>)> {
        let Some(selection) = &select.selection else {
            return Ok((Vec::new(), Vec::new()));
        };
        let catalogs = self.reads_catalogs;
        self.aliases = select
            .projection
            .iter()
            .filter(|_| catalogs)
            .filter_map(|item| match item {
                SelectItem::ExprWithAlias { expr, alias } => {
                    Some((types::fold(alias), expr.clone()))
                }
                _ => None,
            })
            .collect();
        let mut below = Vec::new();
        let mut above = Vec::new();
        let mut result = Ok(());
        let terms = conjuncts(selection);
        let what = if terms.len() > 1 { "AND" } else { "WHERE" };
        for term in terms {
            let plain = self.within(Clause::plain("WHERE"), |binder| {
                let bound = binder.expr(scope, term)?;
                binder.boolean_at(bound, what, term)
            });
            match plain {
                Ok(bound) => below.extend(split(bound.expr)),
                Err(error) if error.is(state::WINDOWING_ERROR) && !has_over(term) => {
                    let windowed = self.within(Clause::SELECT, |binder| {
                        let bound = binder.expr(scope, term)?;
                        binder.boolean_at(bound, what, term)
                    });
                    match windowed {
                        Ok(bound) => above.push(bound.expr),
                        Err(error) => result = Err(error),
                    }
                }
                Err(error) => result = Err(error),
            }
            if result.is_err() {
                break;
            }
        }
        self.aliases.clear();
        result.map(|()| (below, above))
    }
}

fn regroup(grouped: &Grouped, bound: &mut Bound) -> Result<()> {
    bound.expr = grouped.rewrite(std::mem::take(&mut bound.expr))?;
    Ok(())
}

fn conjuncts(expr: &ast::Expr) -> Vec<&ast::Expr> {
    let mut found = Vec::new();
    let mut rest = vec![expr];
    while let Some(next) = rest.pop() {
        match next {
            ast::Expr::BinaryOp {
                left,
                op: ast::BinaryOperator::And,
                right,
            } => {
                rest.push(right);
                rest.push(left);
            }
            ast::Expr::Nested(inner) => rest.push(inner),
            other => found.push(other),
        }
    }
    found
}

/// OVER written out, as opposed to reached through an alias.
fn has_over(expr: &ast::Expr) -> bool {
    use std::ops::ControlFlow;
    visit::expressions(expr, |expr| match expr {
        ast::Expr::Function(function) if function.over.is_some() => ControlFlow::Break(()),
        _ => ControlFlow::Continue(()),
    })
    .is_break()
}

fn refuse_what_is_not_postgresql(select: &ast::Select) -> Result<()> {
    let refuse = |what: &str| Err(Error::unsupported(what));
    if select.into.is_some() {
        return Err(Error::new(
            state::SYNTAX_ERROR,
            "SELECT ... INTO is not allowed here",
        ));
    }
    if select.top.is_some() {
        return refuse("TOP");
    }
    if !select.lateral_views.is_empty() {
        return refuse("LATERAL VIEW");
    }
    if select.qualify.is_some() {
        return refuse("QUALIFY");
    }
    if select.prewhere.is_some()
        || !select.cluster_by.is_empty()
        || !select.distribute_by.is_empty()
        || !select.sort_by.is_empty()
    {
        return refuse("this clause of SELECT");
    }
    Ok(())
}
