//! Subqueries that need no domain: their rows can be joined to the host as they are, or by
//! one run over its keys.

use super::domain::{Domain, outer_columns};
use super::push::of_nothing;
use super::{Unnester, asks, columns_of, filter_by, join, project};
use crate::planned::error::Told;
use crate::planned::in_turn::may_fail;
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::common::{Column, DFSchema, JoinType};
use datafusion::functions::core::expr_fn::coalesce;
use datafusion::logical_expr::utils::{conjunction, split_conjunction_owned};
use datafusion::logical_expr::{BinaryExpr, Expr, Limit, LogicalPlan, Operator};
use orbit_core::Result;

/// The rows that EXISTS asks for, and the conditions on the host's row and one of them.
pub(super) struct Asked {
    pub rows: LogicalPlan,
    pub conditions: Vec<Expr>,
}

impl Unnester {
    /// EXISTS over a filter that compares something of the host with something of its own
    /// for equality: a semi-join. Without such a comparison a join would try every pair,
    /// and the domain has fewer.
    pub(super) fn asked(
        &mut self,
        host: &LogicalPlan,
        inner: &LogicalPlan,
    ) -> Result<Option<Asked>> {
        let Some(filtered) = below_what_exists_ignores(inner) else {
            return Ok(None);
        };
        let mut input = filtered;
        let (mut own, mut of_both) = (Vec::new(), Vec::new());
        while let LogicalPlan::Filter(filter) = input {
            for condition in split_conjunction_owned(filter.predicate.clone()) {
                match condition.contains_outer() {
                    true => of_both.push(condition),
                    false => own.push(condition),
                }
            }
            input = &filter.input;
        }
        for condition in own.iter().chain(&of_both) {
            if condition.is_volatile() || may_fail(condition, input.schema()) {
                return Ok(None);
            }
        }
        for condition in &of_both {
            if asks(condition)? || !sees_only(condition, host, input.schema()) {
                return Ok(None);
            }
        }
        let mut rows = input.clone();
        if let Some(condition) = conjunction(own) {
            rows = filter_by(rows, condition)?;
        }
        let seen = outer_columns(&rows)?;
        let looks_out = seen.iter().any(|column| host.schema().has_column(column));
        if looks_out || !of_both.iter().any(links) {
            return Ok(None);
        }

        // Under names of their own: the host may be of the same table.
        let mut wanted: Vec<(Column, String)> = Vec::new();
        let mut conditions = Vec::with_capacity(of_both.len());
        for condition in of_both {
            let whole = condition.transform(|expr| {
                Ok(match expr {
                    Expr::OuterReferenceColumn(_, column) => Transformed::yes(Expr::Column(column)),
                    Expr::Column(column) => {
                        let known = wanted.iter().find(|(known, _)| *known == column);
                        let name = match known {
                            Some((_, name)) => name.clone(),
                            None => {
                                let name = self.name("asked");
                                wanted.push((column, name.clone()));
                                name
                            }
                        };
                        Transformed::yes(Expr::Column(Column::new_unqualified(name)))
                    }
                    other => Transformed::no(other),
                })
            });
            conditions.push(whole.told()?.data);
        }
        let columns = wanted.into_iter();
        let columns = columns.map(|(column, name)| Expr::Column(column).alias(name));
        Ok(Some(Asked {
            rows: project(rows, columns.collect())?,
            conditions,
        }))
    }

    /// What a query says of its aggregates, where there is no GROUP BY: they are joined to
    /// the host for those values that anything was found for, and what is said of them, or
    /// of nothing, is worked out beside the host's row.
    pub(super) fn aggregated(
        &mut self,
        host: &mut LogicalPlan,
        inner: &LogicalPlan,
        domain: &Domain,
        guards: &[Expr],
    ) -> Result<Option<Expr>> {
        let (said, of, node) = match inner {
            LogicalPlan::Projection(said) => match (&said.expr[..], said.input.as_ref()) {
                ([expr], node @ LogicalPlan::Aggregate(of)) => (expr.clone(), of, node),
                _ => return Ok(None),
            },
            _ => return Ok(None),
        };
        let sees_host = |expr: &Expr| sees_only(expr, host, node.schema());
        if !of.group_expr.is_empty()
            || domain.is_empty()
            || said.is_volatile()
            || asks(&said)?
            || !sees_host(&said)
            // It might become the condition of another query, and be asked out of turn.
            || (!guards.is_empty() && may_fail(&said, node.schema()))
        {
            return Ok(None);
        }
        let rows = self.calls(of, domain)?;
        let mut kept = Vec::with_capacity(of.aggr_expr.len());
        let mut exprs = Vec::with_capacity(of.aggr_expr.len());
        for (call, column) in of.aggr_expr.iter().zip(columns_of(node)) {
            let name = self.name("answer");
            exprs.push(column.clone().alias(&name));
            let found = Expr::Column(Column::new_unqualified(name));
            let answer = match of_nothing(call, &of.input)? {
                Some(value) => coalesce(vec![found, value]),
                None => found,
            };
            kept.push((column, answer));
        }
        exprs.extend(domain.keys());
        let rows = project(rows, exprs)?;
        *host = join(host.clone(), rows, JoinType::Left, domain.links())?;
        let beside = said.unalias().transform(|expr| {
            if let Expr::OuterReferenceColumn(_, column) = expr {
                return Ok(Transformed::yes(Expr::Column(column)));
            }
            let answer = kept.iter().find(|(column, _)| *column == expr);
            Ok(match answer {
                Some((_, answer)) => Transformed::yes(answer.clone()),
                None => Transformed::no(expr),
            })
        });
        Ok(Some(beside.told()?.data))
    }
}

/// What EXISTS says doesn't depend on the columns, the order or the repetition of rows.
fn below_what_exists_ignores(plan: &LogicalPlan) -> Option<&LogicalPlan> {
    let mut plan = plan;
    loop {
        plan = match plan {
            LogicalPlan::Projection(of) if !of.expr.iter().any(Expr::is_volatile) => &of.input,
            LogicalPlan::Sort(of) if of.fetch.is_none() => &of.input,
            LogicalPlan::Limit(of) if leaves_one(of) => &of.input,
            LogicalPlan::Filter(_) => return Some(plan),
            _ => return None,
        };
    }
}

fn leaves_one(of: &Limit) -> bool {
    let fetched = of.fetch.as_deref().is_none_or(|fetch| {
        matches!(fetch, Expr::Literal(datafusion::common::ScalarValue::Int64(Some(rows)), _) if *rows > 0)
    });
    of.skip.is_none() && fetched
}

/// Whether all that the expression looks at is the host's or its own input's.
fn sees_only(expr: &Expr, host: &LogicalPlan, own: &DFSchema) -> bool {
    let strange = expr.exists(|expr| {
        Ok(match expr {
            Expr::OuterReferenceColumn(_, column) => !host.schema().has_column(column),
            Expr::Column(column) => !own.has_column(column),
            _ => false,
        })
    });
    !strange.unwrap_or(true)
}

/// Whether the condition is an equality of something of the host and something of its own.
fn links(condition: &Expr) -> bool {
    let Expr::BinaryExpr(BinaryExpr {
        left,
        op: Operator::Eq | Operator::IsNotDistinctFrom,
        right,
    }) = condition
    else {
        return false;
    };
    let of_host = |expr: &Expr| expr.contains_outer() && expr.column_refs().is_empty();
    let own = |expr: &Expr| !expr.contains_outer() && !expr.column_refs().is_empty();
    (of_host(left) && own(right)) || (own(left) && of_host(right))
}
