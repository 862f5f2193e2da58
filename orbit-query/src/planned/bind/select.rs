//! SELECT: the order in which its clauses are resolved and run.
//!
//! FROM, WHERE, GROUP BY, HAVING, windows, the select list, DISTINCT, ORDER BY.

use super::aggregate::sort_key;
use super::from::{all_of, split};
use super::grouping::{
    Grouped, Grouping, collect_aggregates, group, has_aggregate, with_dependent_columns,
};
use super::peers::{distinct_rows, sortable};
use super::query::{ordinal, sorted};
use super::scope::Scope;
use super::subquery::order_of_from;
use super::{Binder, Bound, BoundQuery, Clause, OutColumn, name};
use crate::planned::error::Told;
use crate::planned::types;
use crate::planned::unnest::asks;
use crate::statement::limits::MAX_RESULT_COLUMNS;
use crate::statement::visit;
use ahash::AHashSet;
use datafusion::common::Column;
use datafusion::common::tree_node::{Transformed, TreeNode, TreeNodeRecursion};
use datafusion::logical_expr::expr::{Sort, WindowFunction, WindowFunctionParams};
use datafusion::logical_expr::{
    Expr, LogicalPlan, LogicalPlanBuilder, Operator, WindowFrame, WindowFunctionDefinition,
};
use orbit_core::types::SqlType;
use orbit_core::{Error, Result, state};
use sqlparser::ast::{self, SelectItem, SelectItemQualifiedWildcardKind, Spanned};

/// An item of the select list.
pub(in crate::planned) struct Item {
    pub name: String,
    pub bound: Bound,
    /// The syntax, for GROUP BY and ORDER BY to compare with.
    pub alias: Option<String>,
}

struct SortItem {
    /// A column of the select list, or an expression of its own.
    target: SortTarget,
    options: ast::OrderByOptions,
}

enum SortTarget {
    Item(usize),
    Expr(Bound),
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
        let wanted = std::mem::take(&mut self.lock_wanted);
        let locking = std::mem::replace(&mut self.locking, wanted);
        let result = self.select_inside(select, order);
        self.locking = locking;
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
        let mut sort = self.order_items(&scope, order, &items)?;
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
            let aggregates = collect_aggregates(everything)?;
            let grouping =
                with_dependent_columns(grouping.unwrap_or(Grouping::Plain(Vec::new())), &scope);
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
        plan = self.unnested(plan, &mut items)?;
        let distinct = matches!(select.distinct, Some(ast::Distinct::Distinct));
        if let Some(on) = distinct_on {
            plan = first_of_each(plan, &items, on, &sort)?;
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

    /// The select list, `*` spelled out. Over the catalogs, items may use the aliases before them.
    pub(in crate::planned) fn items(
        &mut self,
        scope: &Scope,
        projection: &[SelectItem],
    ) -> Result<Vec<Item>> {
        let mut items = Vec::with_capacity(projection.len());
        for item in projection {
            match item {
                SelectItem::UnnamedExpr(expr) => {
                    let bound = self.expr(scope, expr)?;
                    items.push(Item {
                        name: name::of_expr(expr),
                        bound,
                        alias: None,
                    });
                }
                SelectItem::ExprWithAlias { expr, alias } => {
                    let bound = self.expr(scope, expr)?;
                    let name = types::fold(alias);
                    if self.reads_catalogs {
                        self.aliases.retain(|(known, _)| *known != name);
                        self.aliases.push((name.clone(), expr.clone()));
                    }
                    items.push(Item {
                        alias: Some(name.clone()),
                        name,
                        bound,
                    });
                }
                SelectItem::Wildcard(_) => {
                    if scope.relations.is_empty() {
                        return Err(Error::new(
                            state::SYNTAX_ERROR,
                            "SELECT * with no tables specified is not valid",
                        ));
                    }
                    for column in &scope.visible {
                        self.note_read(&column.bound);
                    }
                    items.extend(scope.visible.iter().map(|column| Item {
                        name: column.name.clone(),
                        bound: column.bound.clone(),
                        alias: None,
                    }));
                }
                SelectItem::QualifiedWildcard(
                    SelectItemQualifiedWildcardKind::ObjectName(name),
                    _,
                ) => {
                    let wanted = types::last_name(name);
                    let relation = scope
                        .relation(None, &wanted)
                        .ok_or_else(|| self.no_such_relation(scope, &wanted))
                        .map_err(|error| self.placed_in(error, name.span()))?;
                    for column in &relation.columns {
                        self.note_read(&column.bound);
                    }
                    items.extend(relation.columns.iter().map(|column| Item {
                        name: column.name.clone(),
                        bound: column.bound.clone(),
                        alias: None,
                    }));
                }
                other => return Err(Error::unsupported(format_args!("the select item {other}"))),
            }
        }
        self.aliases.clear();
        if items.len() > MAX_RESULT_COLUMNS {
            return Err(Error::new(
                state::TOO_MANY_COLUMNS,
                format!("target lists can have at most {MAX_RESULT_COLUMNS} entries"),
            ));
        }
        Ok(items)
    }

    fn distinct_on(
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

    fn order_items(
        &mut self,
        scope: &Scope,
        order: &[ast::OrderByExpr],
        items: &[Item],
    ) -> Result<Vec<SortItem>> {
        let named = |key: &ast::OrderByExpr| self.alias_of(&key.expr, items).is_some();
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

    fn windows_of(
        &mut self,
        plan: LogicalPlan,
        items: &mut [Item],
        sort: &mut [SortItem],
        above: &mut [Expr],
    ) -> Result<LogicalPlan> {
        let mut calls: Vec<Expr> = Vec::new();
        let mut collect = |expr: &Expr| -> Result<()> {
            expr.apply(|expr| {
                if matches!(expr, Expr::WindowFunction(_)) {
                    if !calls.contains(expr) {
                        calls.push(expr.clone());
                    }
                    return Ok(TreeNodeRecursion::Jump);
                }
                Ok(TreeNodeRecursion::Continue)
            })
            .told()
            .map(drop)
        };
        for item in items.iter() {
            collect(&item.bound.expr)?;
        }
        for item in sort.iter() {
            if let SortTarget::Expr(bound) = &item.target {
                collect(&bound.expr)?;
            }
        }
        for expr in above.iter() {
            collect(expr)?;
        }
        if calls.is_empty() {
            return Ok(plan);
        }
        let (plan, columns) = with_windows(plan, &calls)?;
        let rewrite = |expr: &mut Expr| -> Result<()> {
            let rewritten = std::mem::take(expr)
                .transform_down(|expr| {
                    let at = calls.iter().position(|call| *call == expr);
                    Ok(match at.and_then(|at| columns.get(at)) {
                        Some(column) => Transformed::new(
                            Expr::Column(column.clone()),
                            true,
                            TreeNodeRecursion::Jump,
                        ),
                        None => Transformed::no(expr),
                    })
                })
                .told()?
                .data;
            *expr = rewritten;
            Ok(())
        };
        for item in items.iter_mut() {
            rewrite(&mut item.bound.expr)?;
        }
        for item in sort.iter_mut() {
            if let SortTarget::Expr(bound) = &mut item.target {
                rewrite(&mut bound.expr)?;
            }
        }
        for expr in above.iter_mut() {
            rewrite(expr)?;
        }
        Ok(plan)
    }

    /// The select list, DISTINCT and ORDER BY as plan nodes.
    fn project(
        &mut self,
        plan: LogicalPlan,
        items: Vec<Item>,
        sort: Vec<SortItem>,
        distinct: bool,
    ) -> Result<BoundQuery> {
        let mut used = AHashSet::new();
        let mut exprs = Vec::with_capacity(items.len() + sort.len());
        let mut columns = Vec::with_capacity(items.len());
        if distinct && items.iter().any(|item| item.bound.ty == SqlType::Json) {
            return Err(Error::new(
                state::UNDEFINED_FUNCTION,
                "could not identify an equality operator for type json",
            ));
        }
        for item in items {
            let inner = distinct_name(&mut used, &item.name);
            // A parameter nothing decided is text from here on.
            let bound = if item.bound.param.is_some() {
                self.decided(item.bound)?
            } else {
                item.bound
            };
            exprs.push(bound.expr.alias(&inner));
            columns.push(OutColumn {
                name: item.name,
                ty: bound.ty,
                column: Column::new_unqualified(inner),
                origin: bound.origin,
            });
        }
        let mut keys: Vec<Sort> = Vec::with_capacity(sort.len());
        let mut hidden = 0;
        for item in sort {
            let expr = match item.target {
                SortTarget::Item(place) => {
                    let column = &columns[place];
                    sortable(Expr::Column(column.column.clone()), &column.ty)
                }
                SortTarget::Expr(bound) => {
                    if distinct {
                        return Err(Error::new(
                            state::INVALID_COLUMN_REFERENCE,
                            "for SELECT DISTINCT, ORDER BY expressions must appear in select list",
                        ));
                    }
                    hidden += 1;
                    let inner = distinct_name(&mut used, &format!("__sort_{hidden}"));
                    exprs.push(bound.expr.alias(&inner));
                    sortable(Expr::Column(Column::new_unqualified(inner)), &bound.ty)
                }
            };
            keys.push(sort_key(expr, &item.options));
        }
        let mut plan = LogicalPlanBuilder::from(plan)
            .project(exprs)
            .told()?
            .build()
            .told()?;
        if distinct {
            plan = distinct_rows(plan)?;
        }
        if !keys.is_empty() {
            plan = sorted(plan, keys)?;
        }
        if hidden > 0 {
            let kept: Vec<Expr> = columns
                .iter()
                .map(|column| Expr::Column(column.column.clone()))
                .collect();
            plan = LogicalPlanBuilder::from(plan)
                .project(kept)
                .told()?
                .build()
                .told()?;
        }
        Ok(BoundQuery { plan, columns })
    }
}

/// The plan with these window functions, and the column each became.
fn with_windows(plan: LogicalPlan, calls: &[Expr]) -> Result<(LogicalPlan, Vec<Column>)> {
    let mut used = AHashSet::new();
    let mut plain = Vec::with_capacity(calls.len());
    // DataFusion's names leave casts out: sum(x) and sum(x::numeric) would be one.
    let mut renamed = Vec::new();
    let mut columns = Vec::with_capacity(calls.len());
    for call in calls {
        let own = call.schema_name().to_string();
        let name = distinct_name(&mut used, &own);
        if name == own {
            plain.push(call.clone());
        } else {
            renamed.push(call.clone().alias(&name));
        }
        columns.push(Column::new_unqualified(name));
    }
    let mut plan = LogicalPlanBuilder::window_plan(plan, plain).told()?;
    for call in renamed {
        plan = LogicalPlanBuilder::from(plan)
            .window([call])
            .told()?
            .build()
            .told()?;
    }
    Ok((plan, columns))
}

fn regroup(grouped: &Grouped, bound: &mut Bound) -> Result<()> {
    bound.expr = grouped.rewrite(std::mem::take(&mut bound.expr))?;
    Ok(())
}

/// A name inside the plan that no other column has.
pub(in crate::planned) fn distinct_name(used: &mut AHashSet<String>, wish: &str) -> String {
    let mut name = wish.to_owned();
    let mut count = 1;
    while !used.insert(name.clone()) {
        count += 1;
        name = format!("{wish}#{count}");
    }
    name
}

/// DISTINCT ON: the first row of each key in ORDER BY's order.
fn first_of_each(
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
            window_frame: WindowFrame::new((!order_by.is_empty()).then_some(false)),
            order_by,
            filter: None,
            null_treatment: None,
            distinct: false,
        },
    }));
    let number = Expr::Column(Column::new_unqualified(call.schema_name().to_string()));
    let plan = LogicalPlanBuilder::window_plan(plan, vec![call]).told()?;
    let first = super::operator::binary(number, Operator::Eq, datafusion::logical_expr::lit(1u64));
    LogicalPlanBuilder::from(plan)
        .filter(first)
        .told()?
        .build()
        .told()
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
        return refuse("SELECT INTO");
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
