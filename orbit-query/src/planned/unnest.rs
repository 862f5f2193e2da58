//! Queries that look at the rows around them, as joins.
//!
//! DataFusion takes the simple ones apart itself, and better. The rest go this way
//! (T. Neumann, A. Kemper: "Unnesting Arbitrary Queries", BTW 2015): of the host, the
//! rows that a subquery is asked for, the values it looks at are taken without
//! duplicates: its *domain*. The domain is joined into the subquery's plan below
//! whatever refers to it, and carried up as keys, so that one run of the plan has the
//! rows for every value. The host is then joined to those by the keys. Where the rows can be
//! joined as they are, there is no need for a domain ([`direct`]).

mod direct;
mod domain;
mod limits;
mod push;

use super::aggregates::shows_order;
use super::bind::outer::outer_expr;
use super::bind::subquery::subquery;
use super::error::{Told, to_datafusion};
use super::fence::{self, Fence, Source};
use datafusion::common::tree_node::{Transformed, TreeNode, TreeNodeRecursion};
use datafusion::common::{Column, JoinType};
use datafusion::logical_expr::expr::{Case, Exists, ScalarFunction};
use datafusion::logical_expr::expr_rewriter::NamePreserver;
use datafusion::logical_expr::utils::{conjunction, split_conjunction_owned};
use datafusion::logical_expr::{
    Aggregate, Expr, Filter, Join, LogicalPlan, LogicalPlanBuilder, Operator, Subquery,
};
use datafusion::logical_expr::{binary_expr, lit};
use domain::Domain;
pub(super) use domain::outer_columns;
use orbit_core::{Error, Result, state};
use std::sync::Arc;

pub(super) use limits::is_beyond_datafusion;

/// The same plan without correlated subqueries.
pub(super) fn unnest(plan: LogicalPlan) -> Result<LogicalPlan> {
    let mut unnester = Unnester {
        names: 0,
        base: None,
        fences: Vec::new(),
    };
    unnester.flat(plan)
}

/// Whether some subquery of it still looks at the rows around it.
pub(super) fn is_correlated(plan: &LogicalPlan) -> Result<bool> {
    Ok(!outer_columns(plan)?.is_empty())
}

/// The plan's columns, but for what DataFusion keeps about grouping sets.
pub(super) fn columns_of(plan: &LogicalPlan) -> Vec<Expr> {
    plan.schema()
        .iter()
        .filter(|(_, field)| field.name() != Aggregate::INTERNAL_GROUPING_ID)
        .map(|(of, field)| Expr::Column(Column::new(of.cloned(), field.name())))
        .collect()
}

fn project(plan: LogicalPlan, exprs: Vec<Expr>) -> Result<LogicalPlan> {
    LogicalPlanBuilder::from(plan)
        .project(exprs)
        .told()?
        .build()
        .told()
}

fn join(
    left: LogicalPlan,
    right: LogicalPlan,
    kind: JoinType,
    mut conditions: Vec<Expr>,
) -> Result<LogicalPlan> {
    if conditions.is_empty() {
        if kind == JoinType::Inner {
            let crossed = LogicalPlanBuilder::from(left).cross_join(right).told()?;
            return crossed.build().told();
        }
        conditions.push(lit(true));
    }
    LogicalPlanBuilder::from(left)
        .join_on(right, kind, conditions)
        .told()?
        .build()
        .told()
}

struct Unnester {
    /// How many names were given out.
    names: usize,
    /// The host as it was before answers were joined to it. Domains are taken of it where
    /// that is possible: of the host with its answers, each would hold all before it, and
    /// the plan would double with every subquery.
    base: Option<LogicalPlan>,
    fences: Vec<PushedFence>,
}

/// What became of a fence whose rows several read.
struct PushedFence {
    source: Source,
    domain: Domain,
    plan: LogicalPlan,
}

/// A plan that grew larger than this is given up: nobody would wait for it.
const MAX_NODES: usize = 5_000;

impl Unnester {
    fn name(&mut self, what: &str) -> String {
        self.names += 1;
        format!("__{what}_{}", self.names)
    }

    /// Innermost first: what a query inside a subquery sees of the outermost one is
    /// then part of the subquery's own plan.
    fn flat(&mut self, plan: LogicalPlan) -> Result<LogicalPlan> {
        let plan = match plan {
            LogicalPlan::Filter(filter) => sunk(filter)?,
            other => other,
        };
        let plan = plan
            .map_children(|child| {
                let child = self.flat(child).map_err(to_datafusion)?;
                Ok(Transformed::yes(child))
            })
            .told()?
            .data;
        let plan = plan
            .map_expressions(|expr| {
                expr.transform_up(|expr| self.flat_inside(expr).map_err(to_datafusion))
            })
            .told()?
            .data;
        match plan {
            LogicalPlan::Join(of) if has_lateral(&of.right)? => self.lateral(of),
            LogicalPlan::Join(of) if of.join_type == JoinType::Inner => self.joined(of),
            LogicalPlan::Join(of) => self.joined_outer(of),
            LogicalPlan::Filter(_) => self.filtered(plan),
            _ => self.hosted(plan),
        }
    }

    fn flat_inside(&mut self, mut expr: Expr) -> Result<Transformed<Expr>> {
        let Some(inner) = subquery_in(&mut expr) else {
            return Ok(Transformed::no(expr));
        };
        let flat = self.flat(inner.subquery.as_ref().clone())?;
        *inner = subquery(flat);
        Ok(Transformed::yes(expr))
    }

    /// `left JOIN LATERAL right`.
    fn lateral(&mut self, of: Join) -> Result<LogicalPlan> {
        let right = of
            .right
            .as_ref()
            .clone()
            .transform_down(|plan| {
                Ok(match plan {
                    LogicalPlan::Subquery(inner) => {
                        Transformed::yes(Arc::unwrap_or_clone(inner.subquery))
                    }
                    other => Transformed::no(other),
                })
            })
            .told()?
            .data;
        let left = settled(of.left.as_ref().clone())?;
        let domain = self.domain(&left, &right)?;
        let right = self.push(&right, &domain)?;
        let mut conditions = conditions_of(&of);
        conditions.extend(domain.links());
        let joined = join(left, right, of.join_type, conditions)?;
        let columns = of.schema.iter();
        let columns =
            columns.map(|(of, field)| Expr::Column(Column::new(of.cloned(), field.name())));
        project(joined, columns.collect())
    }

    /// Conditions with subqueries may look at both sides, so they stand above.
    fn joined(&mut self, of: Join) -> Result<LogicalPlan> {
        let mut above = Vec::new();
        let mut within = Vec::new();
        for condition in conditions_of(&of)
            .into_iter()
            .flat_map(split_conjunction_owned)
        {
            match holds_correlated(&condition)? {
                true => above.push(condition),
                false => within.push(condition),
            }
        }
        let Some(above) = conjunction(above) else {
            return Ok(LogicalPlan::Join(of));
        };
        let (left, right) = (
            Arc::unwrap_or_clone(of.left),
            Arc::unwrap_or_clone(of.right),
        );
        let plan = join(left, right, JoinType::Inner, within)?;
        let plan = LogicalPlanBuilder::from(plan).filter(above).told()?;
        self.filtered(plan.build().told()?)
    }

    /// Other joins keep rows whatever their condition says, so its subqueries' answers
    /// become columns of the side that they look at.
    fn joined_outer(&mut self, of: Join) -> Result<LogicalPlan> {
        let conditions: Vec<Expr> = conditions_of(&of)
            .into_iter()
            .flat_map(split_conjunction_owned)
            .collect();
        let mut asking = false;
        for condition in &conditions {
            asking |= holds_correlated(condition)?;
        }
        if !asking {
            return Ok(LogicalPlan::Join(of));
        }
        let columns = of.schema.iter();
        let columns: Vec<Expr> = columns
            .map(|(of, field)| Expr::Column(Column::new(of.cloned(), field.name())))
            .collect();
        let mut left = settled(of.left.as_ref().clone())?;
        let mut right = settled(of.right.as_ref().clone())?;
        let mut answered = Vec::with_capacity(conditions.len());
        for condition in conditions {
            if !holds_correlated(&condition)? {
                answered.push(condition);
                continue;
            }
            let seen = seen_by_queries(&condition)?;
            let is_of =
                |side: &LogicalPlan| seen.iter().all(|column| side.schema().has_column(column));
            let is_left = is_of(&of.left);
            let side = if is_left { &left } else { &right };
            let outer = self.base.replace(side.clone());
            let answer = if is_left {
                self.beside(&mut left, condition)
            } else if is_of(&of.right) {
                self.beside(&mut right, condition)
            } else {
                return Err(Error::unsupported(
                    "a subquery in an outer join's condition that refers to both sides",
                ));
            };
            self.base = outer;
            answered.push(answer?);
        }
        project(join(left, right, of.join_type, answered)?, columns)
    }

    /// EXISTS as one of the conditions is a semi-join, NOT EXISTS an anti-join.
    fn filtered(&mut self, plan: LogicalPlan) -> Result<LogicalPlan> {
        let LogicalPlan::Filter(filter) = plan else {
            return Ok(plan);
        };
        let columns = columns_of(&filter.input);
        let mut host = filter.input.as_ref().clone();
        let mut rest = Vec::new();
        let (mut plain, mut asking) = (Vec::new(), Vec::new());
        for condition in split_conjunction_owned(filter.predicate) {
            match holds_correlated(&condition)? {
                true => asking.push(condition),
                false => plain.push(condition),
            }
        }
        // First, so that nothing is asked for rows that don't count.
        if let Some(condition) = conjunction(plain) {
            host = filter_by(host, condition)?;
        }
        if !asking.is_empty() {
            host = settled(host)?;
        }
        let base = host.clone();
        for (place, condition) in asking.into_iter().enumerate() {
            let condition = as_exists(condition)?;
            let (condition, negated) = match condition {
                Expr::Not(inner) if matches!(*inner, Expr::Exists(_)) => (*inner, true),
                other => (other, false),
            };
            match condition {
                Expr::Exists(Exists {
                    subquery: inner,
                    negated: not,
                }) if is_correlated(&inner.subquery)? => {
                    let kind = match negated != not {
                        true => JoinType::LeftAnti,
                        false => JoinType::LeftSemi,
                    };
                    if let Some(asked) = self.asked(&host, &inner.subquery)? {
                        host = join(host, asked.rows, kind, asked.conditions)?;
                        continue;
                    }
                    // The second is asked only for what the first has left.
                    let of = if place < 2 { &host } else { &base };
                    let domain = self.domain(of, &inner.subquery)?;
                    let rows = self.push(&inner.subquery, &domain)?;
                    host = join(host, rows, kind, domain.links())?;
                }
                other => rest.push(match negated {
                    true => Expr::Not(Box::new(other)),
                    false => other,
                }),
            }
        }
        let mut beside = Vec::with_capacity(rest.len());
        let outer = self
            .base
            .replace(if rest.len() > 1 { base } else { host.clone() });
        for condition in rest {
            beside.push(self.beside(&mut host, condition)?);
        }
        self.base = outer;
        if let Some(condition) = conjunction(beside) {
            host = filter_by(host, condition)?;
        }
        match columns_of(&host) == columns {
            true => Ok(host),
            false => project(host, columns),
        }
    }

    /// Any other node: its subqueries' answers become columns of its input.
    fn hosted(&mut self, plan: LogicalPlan) -> Result<LogicalPlan> {
        let mut correlated = false;
        for expr in plan.expressions() {
            correlated |= holds_correlated(&expr)?;
        }
        if !correlated {
            return Ok(plan);
        }
        let [input] = plan.inputs()[..] else {
            return Err(Error::unsupported(
                "a subquery in a join condition that refers to both sides",
            ));
        };
        let mut host = settled(input.clone())?;
        let names = NamePreserver::new(&plan);
        let mut exprs = Vec::new();
        let outer = self.base.replace(host.clone());
        for expr in plan.expressions() {
            let name = names.save(&expr);
            exprs.push(name.restore(self.beside(&mut host, expr)?));
        }
        self.base = outer;
        let columns = columns_of(&plan);
        let hosted = plan.with_new_exprs(exprs, vec![host]).told()?;
        // A sort, say, hands on what was put beside its input.
        match columns_of(&hosted) == columns {
            true => Ok(hosted),
            false => project(hosted, columns),
        }
    }

    /// The expression with a column of `host` for every correlated subquery.
    fn beside(&mut self, host: &mut LogicalPlan, expr: Expr) -> Result<Expr> {
        if !holds_correlated(&expr)? {
            return Ok(expr);
        }
        let expr = expr.transform_up(|expr| {
            let expr = as_exists(expr).map_err(to_datafusion)?;
            Ok(Transformed::yes(expr))
        });
        self.answered(host, expr.told()?.data, &[])
    }

    /// The answers to an expression's subqueries, for those rows for which all `guards`
    /// are true: CASE and COALESCE ask only where they look.
    fn answered(&mut self, host: &mut LogicalPlan, expr: Expr, guards: &[Expr]) -> Result<Expr> {
        match expr {
            Expr::ScalarSubquery(inner) if is_correlated(&inner.subquery)? => {
                self.scalar(host, &inner.subquery, guards)
            }
            Expr::Exists(exists) if is_correlated(&exists.subquery.subquery)? => {
                let found = self.found(host, &exists.subquery.subquery, guards)?;
                Ok(match exists.negated {
                    true => found.is_null(),
                    false => found.is_not_null(),
                })
            }
            Expr::Case(case) if case.expr.is_none() => {
                let mut before = guards.to_vec();
                let mut whens = Vec::with_capacity(case.when_then_expr.len());
                for (when, then) in case.when_then_expr {
                    let when = self.answered(host, *when, &before)?;
                    let mut within = before.clone();
                    within.push(when.clone().is_true());
                    let then = self.answered(host, *then, &within)?;
                    before.push(when.clone().is_not_true());
                    whens.push((Box::new(when), Box::new(then)));
                }
                let otherwise = case
                    .else_expr
                    .map(|other| self.answered(host, *other, &before));
                Ok(Expr::Case(Case::new(
                    None,
                    whens,
                    otherwise.transpose()?.map(Box::new),
                )))
            }
            Expr::ScalarFunction(call) if call.func.name() == "coalesce" => {
                let mut before = guards.to_vec();
                let mut args = Vec::with_capacity(call.args.len());
                for arg in call.args {
                    let arg = self.answered(host, arg, &before)?;
                    before.push(arg.clone().is_null());
                    args.push(arg);
                }
                Ok(Expr::ScalarFunction(ScalarFunction { args, ..call }))
            }
            other => {
                let whole = other.map_children(|child| {
                    let child = self.answered(host, child, guards);
                    child.map(Transformed::yes).map_err(to_datafusion)
                });
                Ok(whole.told()?.data)
            }
        }
    }

    fn scalar(
        &mut self,
        host: &mut LogicalPlan,
        inner: &LogicalPlan,
        guards: &[Expr],
    ) -> Result<Expr> {
        let answer = only_column(inner)?;
        if inner.max_rows().is_none_or(|most| most > 1) {
            return Err(Error::unsupported(
                "a correlated subquery whose LIMIT is a parameter or an expression, used as a value",
            )
            .with_hint("Write LIMIT 1 as a constant."));
        }
        let domain = self.domain(&self.asking(host, guards)?, inner)?;
        if let Some(answer) = self.aggregated(host, inner, &domain, guards)? {
            return Ok(answer);
        }
        let rows = self.push(inner, &domain)?;
        let name = self.name("answer");
        let mut exprs = vec![answer.alias(&name)];
        exprs.extend(domain.keys());
        let rows = project(rows, exprs)?;
        *host = join(host.clone(), rows, JoinType::Left, domain.links())?;
        Ok(Expr::Column(Column::new_unqualified(name)))
    }

    /// A column that is NULL beside those rows for which there is nothing.
    fn found(
        &mut self,
        host: &mut LogicalPlan,
        inner: &LogicalPlan,
        guards: &[Expr],
    ) -> Result<Expr> {
        let domain = self.domain(&self.asking(host, guards)?, inner)?;
        let rows = project(self.push(inner, &domain)?, domain.keys())?;
        let rows = match domain.is_empty() {
            true => LogicalPlanBuilder::from(rows).limit(0, Some(1)).told()?,
            false => LogicalPlanBuilder::from(rows).distinct().told()?,
        };
        let name = self.name("found");
        let mut exprs = vec![lit(true).alias(&name)];
        exprs.extend(domain.keys());
        let rows = project(rows.build().told()?, exprs)?;
        *host = join(host.clone(), rows, JoinType::Left, domain.links())?;
        Ok(Expr::Column(Column::new_unqualified(name)))
    }

    /// The host's rows that a subquery is asked for.
    fn asking(&self, host: &LogicalPlan, guards: &[Expr]) -> Result<LogicalPlan> {
        let host = match &self.base {
            Some(base) if sees_all(base, guards) => base,
            _ => host,
        };
        // Asked once more, those might say something else.
        let settled = guards.iter().filter(|guard| !guard.is_volatile());
        match conjunction(settled.cloned()) {
            Some(condition) => filter_by(host.clone(), condition),
            None => Ok(host.clone()),
        }
    }

    fn domain(&mut self, host: &LogicalPlan, inner: &LogicalPlan) -> Result<Domain> {
        let mut nodes = 0usize;
        host.apply_with_subqueries(|_| {
            nodes += 1;
            Ok(match nodes > MAX_NODES {
                true => TreeNodeRecursion::Stop,
                false => TreeNodeRecursion::Continue,
            })
        })
        .told()?;
        if nodes > MAX_NODES {
            return Err(Error::new(
                state::STATEMENT_TOO_COMPLEX,
                "the statement's subqueries look at too much of each other",
            )
            .with_hint("Keep the answers of some in a temporary table."));
        }
        Domain::of(host, inner, || self.name("key"))
    }
}

pub(super) fn subquery_of(expr: &Expr) -> Option<&Subquery> {
    match expr {
        Expr::ScalarSubquery(inner) => Some(inner),
        Expr::Exists(of) => Some(&of.subquery),
        Expr::InSubquery(of) => Some(&of.subquery),
        Expr::SetComparison(of) => Some(&of.subquery),
        _ => None,
    }
}

fn subquery_in(expr: &mut Expr) -> Option<&mut Subquery> {
    match expr {
        Expr::ScalarSubquery(inner) => Some(inner),
        Expr::Exists(of) => Some(&mut of.subquery),
        Expr::InSubquery(of) => Some(&mut of.subquery),
        Expr::SetComparison(of) => Some(&mut of.subquery),
        _ => None,
    }
}

fn has_outer(inner: &Subquery) -> datafusion::error::Result<bool> {
    is_correlated(&inner.subquery).map_err(to_datafusion)
}

fn holds_correlated(expr: &Expr) -> Result<bool> {
    expr.exists(|expr| subquery_of(expr).map_or(Ok(false), has_outer))
        .told()
}

/// Whether the expression asks a query.
pub(super) fn asks(expr: &Expr) -> Result<bool> {
    expr.exists(|expr| Ok(subquery_of(expr).is_some())).told()
}

/// What the expression's queries see of the rows around them.
fn seen_by_queries(expr: &Expr) -> Result<Vec<Column>> {
    let mut seen = Vec::new();
    // What IN compares is seen from inside once it is an EXISTS.
    let exists = expr.clone().transform_up(|expr| {
        let expr = as_exists(expr).map_err(to_datafusion)?;
        Ok(Transformed::yes(expr))
    });
    let exists = exists.told()?.data;
    exists
        .apply(|expr| {
            if let Some(inner) = subquery_of(expr) {
                seen.extend(outer_columns(&inner.subquery).map_err(to_datafusion)?);
            }
            Ok(TreeNodeRecursion::Continue)
        })
        .told()?;
    Ok(seen)
}

fn has_lateral(plan: &LogicalPlan) -> Result<bool> {
    plan.exists(|plan| Ok(matches!(plan, LogicalPlan::Subquery(_))))
        .told()
}

fn conditions_of(of: &Join) -> Vec<Expr> {
    let operator = match of.null_equality {
        datafusion::common::NullEquality::NullEqualsNull => Operator::IsNotDistinctFrom,
        datafusion::common::NullEquality::NullEqualsNothing => Operator::Eq,
    };
    let pairs = of.on.iter();
    let pairs = pairs.map(|(left, right)| binary_expr(left.clone(), operator, right.clone()));
    pairs.chain(of.filter.clone()).collect()
}

fn only_column(plan: &LogicalPlan) -> Result<Expr> {
    match plan.schema().iter().collect::<Vec<_>>()[..] {
        [(of, field)] => Ok(Expr::Column(Column::new(of.cloned(), field.name()))),
        _ => Err(Error::internal(
            "a subquery with several columns as a value",
        )),
    }
}

/// Whether the plan has every column of these conditions.
fn sees_all(plan: &LogicalPlan, conditions: &[Expr]) -> bool {
    let mut columns = conditions
        .iter()
        .flat_map(|condition| condition.column_refs());
    columns.all(|column| plan.schema().has_column(column))
}

/// The host, which its domains are taken of besides: if two runs of it might have other
/// rows, all read those of one.
fn settled(host: LogicalPlan) -> Result<LogicalPlan> {
    Ok(match fence::is_volatile(&host)? || leans_on_order(&host)? {
        true => {
            let source = fence::shared(&host)?;
            fence::around(host, source)
        }
        false => host,
    })
}

/// Whether the plan's rows depend on the order in which it happens to read others. With
/// fewer columns, and in a domain there are fewer, that may be another.
fn leans_on_order(plan: &LogicalPlan) -> Result<bool> {
    let mut found = false;
    plan.apply(|node| {
        if Fence::of(node).is_some_and(Fence::is_shared) {
            return Ok(TreeNodeRecursion::Jump);
        }
        found |= match node {
            LogicalPlan::Limit(_) | LogicalPlan::Window(_) => true,
            LogicalPlan::Aggregate(of) => {
                let keys = of.group_expr_len()?;
                let fields = node.schema().fields().iter().skip(keys);
                let shows = |expr: &Expr| match expr.clone().unalias() {
                    Expr::AggregateFunction(call) => shows_order(call.func.name()),
                    _ => false,
                };
                of.aggr_expr.iter().any(shows)
                    || fields
                        .into_iter()
                        .any(|field| field.data_type().is_floating())
            }
            _ => false,
        };
        Ok(match found {
            true => TreeNodeRecursion::Stop,
            false => TreeNodeRecursion::Continue,
        })
    })
    .told()?;
    Ok(found)
}

fn filter_by(plan: LogicalPlan, condition: Expr) -> Result<LogicalPlan> {
    let filtered = LogicalPlanBuilder::from(plan).filter(condition).told()?;
    filtered.build().told()
}

/// A filter's conditions on what stands left of a LATERAL, brought there: nothing is
/// then computed for rows that don't count.
fn sunk(filter: Filter) -> Result<LogicalPlan> {
    let of = match filter.input.as_ref() {
        LogicalPlan::Join(of)
            if matches!(of.join_type, JoinType::Inner | JoinType::Left)
                && has_lateral(&of.right)? =>
        {
            of
        }
        _ => return Ok(LogicalPlan::Filter(filter)),
    };
    let (mut left, mut rest) = (Vec::new(), Vec::new());
    for condition in split_conjunction_owned(filter.predicate.clone()) {
        let mut columns = condition.column_refs().into_iter();
        let is_left = columns.all(|column| of.left.schema().has_column(column));
        match is_left && !condition.is_volatile() && !asks(&condition)? {
            true => left.push(condition),
            false => rest.push(condition),
        }
    }
    let Some(condition) = conjunction(left) else {
        return Ok(LogicalPlan::Filter(filter));
    };
    let plan = LogicalPlan::Join(Join {
        left: Arc::new(filter_by(of.left.as_ref().clone(), condition)?),
        ..of.clone()
    });
    match conjunction(rest) {
        Some(condition) => filter_by(plan, condition),
        None => Ok(plan),
    }
}

/// `x IN (SELECT y ...)` and `x < ANY (SELECT y ...)` as EXISTS (SELECT ... WHERE x < y),
/// ALL as NOT EXISTS: the binder makes them only where NULL and false are the same.
fn as_exists(expr: Expr) -> Result<Expr> {
    use datafusion::logical_expr::expr::SetQuantifier;
    let (value, inner, operator, all) = match expr {
        Expr::InSubquery(of) if !of.negated && is_correlated(&of.subquery.subquery)? => {
            (*of.expr, of.subquery, Operator::Eq, false)
        }
        Expr::SetComparison(of) if is_correlated(&of.subquery.subquery)? => {
            let all = of.quantifier == SetQuantifier::All;
            (*of.expr, of.subquery, of.op, all)
        }
        other => return Ok(other),
    };
    let plan = Arc::unwrap_or_clone(inner.subquery);
    let test = binary_expr(outer_expr(value, |_| None)?, operator, only_column(&plan)?);
    let test = if all { test.is_not_true() } else { test };
    let plan = filter_by(plan, test)?;
    Ok(Expr::Exists(Exists {
        subquery: subquery(plan),
        negated: all,
    }))
}
