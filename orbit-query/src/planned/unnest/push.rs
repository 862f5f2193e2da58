//! A subquery's plan for every value of its domain at once, operator by operator.

use super::domain::{Domain, same};
use super::{PushedFence, Unnester, columns_of, conditions_of, join, project};
use crate::planned::bind::subquery::with_order;
use crate::planned::error::Told;
use crate::planned::fence::{self, Fence, Source};
use datafusion::arrow::datatypes::DataType;
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::common::{Column, JoinType};
use datafusion::functions::core::expr_fn::coalesce;
use datafusion::functions_window::expr_fn::row_number;
use datafusion::logical_expr::expr::GroupingSet;
use datafusion::logical_expr::{
    Aggregate, Distinct, Expr, ExprFunctionExt, ExprSchemable, Join, Limit, LogicalPlan,
    LogicalPlanBuilder, SortExpr, Union, Values, Window, cast, lit,
};
use orbit_core::{Error, Result};
use std::sync::Arc;

impl Unnester {
    /// The plan's rows for every value: its own columns, then the domain's keys.
    pub(super) fn push(&mut self, plan: &LogicalPlan, domain: &Domain) -> Result<LogicalPlan> {
        if domain.is_empty() {
            return Ok(plan.clone());
        }
        if !domain.is_seen_by(plan)? {
            return join(
                plan.clone(),
                domain.plan.clone(),
                JoinType::Inner,
                Vec::new(),
            );
        }
        match plan {
            LogicalPlan::Projection(of) => {
                let input = self.push(&of.input, domain)?;
                let mut exprs = named(&of.expr, plan, domain)?;
                exprs.extend(domain.keys());
                project(input, exprs)
            }
            LogicalPlan::Filter(of) => {
                let input = self.push(&of.input, domain)?;
                LogicalPlanBuilder::from(input)
                    .filter(domain.inside(of.predicate.clone())?)
                    .told()?
                    .build()
                    .told()
            }
            LogicalPlan::SubqueryAlias(of) => {
                let input = self.push(&of.input, domain)?;
                let inner = of.input.schema().iter().zip(plan.schema().iter());
                let mut exprs: Vec<Expr> = inner
                    .map(|((from, field), (of, name))| {
                        Expr::Column(Column::new(from.cloned(), field.name()))
                            .alias_qualified(of.cloned(), name.name())
                    })
                    .collect();
                exprs.extend(domain.keys());
                project(input, exprs)
            }
            LogicalPlan::Sort(of) if of.fetch.is_none() => {
                let input = self.push(&of.input, domain)?;
                let order = inside_sort(&of.expr, domain)?;
                LogicalPlanBuilder::from(input)
                    .sort(order)
                    .told()?
                    .build()
                    .told()
            }
            LogicalPlan::Limit(of) => self.limit(of, domain),
            LogicalPlan::Distinct(Distinct::All(input)) => {
                LogicalPlanBuilder::from(self.push(input, domain)?)
                    .distinct()
                    .told()?
                    .build()
                    .told()
            }
            LogicalPlan::Aggregate(of) => self.aggregate(of, plan, domain),
            LogicalPlan::Window(of) => self.window(of, plan, domain),
            LogicalPlan::Join(of) => self.join_inside(of, domain),
            LogicalPlan::Union(of) => {
                let mut inputs = Vec::with_capacity(of.inputs.len());
                for input in &of.inputs {
                    inputs.push(Arc::new(self.push(input, domain)?));
                }
                let union = Union::try_new_with_loose_types(inputs).told()?;
                Ok(LogicalPlan::Union(union))
            }
            LogicalPlan::Values(of) => values(of, domain),
            LogicalPlan::Unnest(of) => LogicalPlanBuilder::from(self.push(&of.input, domain)?)
                .unnest_columns_with_options(of.exec_columns.clone(), of.options.clone())
                .told()?
                .build()
                .told(),
            LogicalPlan::Subquery(of) => self.push(&of.subquery, domain),
            other if let Some(fence) = Fence::of(other) => self.fence(fence, domain),
            other => Err(Error::unsupported(format!(
                "a subquery that refers to the rows around it through {}",
                other.display()
            ))),
        }
    }

    /// All that read the rows of one query go on reading those of one.
    fn fence(&mut self, of: &Fence, domain: &Domain) -> Result<LogicalPlan> {
        let is_same = |known: &&PushedFence| known.source == of.source && known.domain.is(domain);
        if let Some(known) = self.fences.iter().find(is_same) {
            let mut exprs = columns_of(&of.input);
            let keys = known.domain.keys().into_iter().zip(domain.names());
            exprs.extend(keys.map(|(key, name)| key.alias(name)));
            return project(known.plan.clone(), exprs);
        }
        let input = self.push(&of.input, domain)?;
        let source = match of.source {
            Source::Own(_) => fence::own(),
            _ => fence::shared(&input)?,
        };
        let plan = fence::around(input, source);
        if of.is_shared() {
            self.fences.push(PushedFence {
                source: of.source,
                domain: domain.clone(),
                plan: plan.clone(),
            });
        }
        Ok(plan)
    }

    /// The first rows of each value's own, by a number.
    fn limit(&mut self, of: &Limit, domain: &Domain) -> Result<LogicalPlan> {
        let whole = |expr: &Option<Box<Expr>>| {
            let expr = expr.as_ref().map(|expr| domain.inside((**expr).clone()));
            expr.transpose()
        };
        let (skip, fetch) = (whole(&of.skip)?, whole(&of.fetch)?);
        if skip.is_none() && fetch.is_none() {
            return self.push(&of.input, domain);
        }
        // A projection may stand above the sort, to leave out what is sorted by.
        let (kept, below) = match of.input.as_ref() {
            LogicalPlan::Projection(kept) if matches!(*kept.input, LogicalPlan::Sort(_)) => {
                (Some(kept), kept.input.as_ref())
            }
            other => (None, other),
        };
        let (input, order) = match below {
            LogicalPlan::Sort(sort) if sort.fetch.is_none() => {
                (sort.input.as_ref().clone(), sort.expr.clone())
            }
            other => with_order(other.clone())?,
        };
        let order = inside_sort(&order, domain)?;
        let input = self.push(&input, domain)?;
        // Numbers want some order, be it one that says nothing.
        let order = match order.is_empty() {
            true => domain
                .keys()
                .into_iter()
                .map(|key| key.sort(true, false))
                .collect(),
            false => order,
        };
        let number = self.name("number");
        let counted = row_number().partition_by(domain.keys()).order_by(order);
        let counted = counted.build().told()?.alias(&number);
        let number = cast(
            Expr::Column(Column::new_unqualified(&number)),
            DataType::Int64,
        );
        let skip = skip
            .map(|skip| coalesce(vec![cast(skip, DataType::Int64), lit(0_i64)]))
            .unwrap_or_else(|| lit(0_i64));
        let mut within = number.clone().gt(skip.clone());
        if let Some(fetch) = fetch {
            let fetch = cast(fetch, DataType::Int64);
            let last = number.lt_eq(skip + fetch.clone());
            within = within.and(fetch.is_null().or(last));
        }
        let rows = LogicalPlanBuilder::from(input)
            .window(vec![counted])
            .told()?
            .filter(within)
            .told()?
            .build()
            .told()?;
        let mut exprs = match kept {
            Some(kept) => named(&kept.expr, &of.input, domain)?,
            None => columns_of(&of.input),
        };
        exprs.extend(domain.keys());
        project(rows, exprs)
    }

    fn aggregate(
        &mut self,
        of: &Aggregate,
        plan: &LogicalPlan,
        domain: &Domain,
    ) -> Result<LogicalPlan> {
        let input = self.push(&of.input, domain)?;
        let columns = columns_of(plan);
        if let [Expr::GroupingSet(sets)] = of.group_expr.as_slice() {
            let GroupingSet::GroupingSets(sets) = sets else {
                return Err(Error::unsupported(
                    "ROLLUP or CUBE in a subquery that refers to the rows around it",
                ));
            };
            let mut wider = Vec::with_capacity(sets.len());
            for set in sets {
                let mut set = set
                    .iter()
                    .map(|expr| domain.inside(expr.clone()))
                    .collect::<Result<Vec<_>>>()?;
                set.extend(domain.keys());
                wider.push(set);
            }
            let calls = of.aggr_expr.iter();
            let calls = calls.map(|expr| kept_name(expr, domain));
            let rows = LogicalPlanBuilder::from(input)
                .aggregate(
                    vec![Expr::GroupingSet(GroupingSet::GroupingSets(wider))],
                    calls.collect::<Result<Vec<_>>>()?,
                )
                .told()?
                .build()
                .told()?;
            return match sets.iter().filter(|set| set.is_empty()).count() {
                0 => {
                    let mut exprs = columns;
                    exprs.extend(domain.keys());
                    project(rows, exprs)
                }
                1 => self.over_nothing(of, columns, rows, domain),
                _ => Err(Error::unsupported(
                    "several empty grouping sets in a subquery that refers to the rows around it",
                )),
            };
        }
        let rows = by_keys(of, input, domain)?;
        if !of.group_expr.is_empty() {
            let mut exprs = columns;
            exprs.extend(domain.keys());
            return project(rows, exprs);
        }
        self.over_nothing(of, columns, rows, domain)
    }

    /// What the aggregate's calls say of every value for which something was found.
    pub(super) fn calls(&mut self, of: &Aggregate, domain: &Domain) -> Result<LogicalPlan> {
        let input = self.push(&of.input, domain)?;
        by_keys(of, input, domain)
    }

    /// Without GROUP BY, and with an empty grouping set, there is a row also for values
    /// that nothing was found for.
    fn over_nothing(
        &mut self,
        of: &Aggregate,
        columns: Vec<Expr>,
        rows: LogicalPlan,
        domain: &Domain,
    ) -> Result<LogicalPlan> {
        let all = domain.renamed(|| self.name("key"))?;
        let links = domain.keys().into_iter().zip(all.keys());
        let links: Vec<Expr> = links.map(|(key, all)| same(all, key)).collect();
        let joined = join(all.plan.clone(), rows, JoinType::Left, links)?;
        let mut exprs = columns;
        let calls = exprs.split_off(exprs.len().saturating_sub(of.aggr_expr.len()));
        for (call, column) in of.aggr_expr.iter().zip(calls) {
            exprs.push(match of_nothing(call, &of.input)? {
                Some(value) => {
                    let name = column.schema_name().to_string();
                    coalesce(vec![column, value]).alias(name)
                }
                None => column,
            });
        }
        let keys = domain.keys().into_iter().zip(all.keys());
        exprs.extend(keys.map(|(key, all)| all.alias(key.schema_name().to_string())));
        project(joined, exprs)
    }

    fn window(&mut self, of: &Window, plan: &LogicalPlan, domain: &Domain) -> Result<LogicalPlan> {
        let input = self.push(&of.input, domain)?;
        let mut calls = Vec::with_capacity(of.window_expr.len());
        for expr in &of.window_expr {
            let name = expr.schema_name().to_string();
            let wider = domain.inside(expr.clone())?.transform(|expr| {
                Ok(match expr {
                    Expr::WindowFunction(mut call) => {
                        call.params.partition_by.extend(domain.keys());
                        Transformed::yes(Expr::WindowFunction(call))
                    }
                    other => Transformed::no(other),
                })
            });
            calls.push(wider.told()?.data.unalias().alias(name));
        }
        let rows = LogicalPlanBuilder::from(input)
            .window(calls)
            .told()?
            .build()
            .told()?;
        let mut exprs = columns_of(plan);
        exprs.extend(domain.keys());
        project(rows, exprs)
    }

    fn join_inside(&mut self, of: &Join, domain: &Domain) -> Result<LogicalPlan> {
        let left = domain.is_seen_by(&of.left)?;
        let right = domain.is_seen_by(&of.right)?;
        // The keys come from the side whose rows are all kept, so it has to have them.
        let (left, right) = match of.join_type {
            JoinType::Inner => (left || !right, right),
            JoinType::Left | JoinType::LeftSemi | JoinType::LeftAnti | JoinType::LeftMark => {
                (true, right)
            }
            JoinType::Right | JoinType::RightSemi | JoinType::RightAnti | JoinType::RightMark => {
                (left, true)
            }
            JoinType::Full => (true, true),
        };
        let other = match left && right {
            true => Some(domain.renamed(|| self.name("key"))?),
            false => None,
        };
        let left = match left {
            true => self.push(&of.left, domain)?,
            false => of.left.as_ref().clone(),
        };
        let right = match right {
            true => self.push(&of.right, other.as_ref().unwrap_or(domain))?,
            false => of.right.as_ref().clone(),
        };
        let mut conditions = conditions_of(of)
            .into_iter()
            .map(|condition| domain.inside(condition))
            .collect::<Result<Vec<_>>>()?;
        let mut keys = domain.keys();
        if let Some(other) = &other {
            let pairs = || domain.keys().into_iter().zip(other.keys());
            conditions.extend(pairs().map(|(left, right)| same(left, right)));
            keys = match of.join_type {
                JoinType::Full => pairs()
                    .map(|(left, right)| {
                        let name = left.schema_name().to_string();
                        coalesce(vec![left, right]).alias(name)
                    })
                    .collect(),
                JoinType::Right
                | JoinType::RightSemi
                | JoinType::RightAnti
                | JoinType::RightMark => pairs()
                    .map(|(left, right)| right.alias(left.schema_name().to_string()))
                    .collect(),
                _ => keys,
            };
        }
        let joined = join(left, right, of.join_type, conditions)?;
        let columns = of.schema.iter();
        let columns =
            columns.map(|(of, field)| Expr::Column(Column::new(of.cloned(), field.name())));
        project(joined, columns.chain(keys).collect())
    }
}

/// The node's expressions as seen with the keys at hand, under the names they had.
fn named(exprs: &[Expr], plan: &LogicalPlan, domain: &Domain) -> Result<Vec<Expr>> {
    let names = plan.schema().iter();
    let named = exprs.iter().zip(names).map(|(expr, (of, field))| {
        let inside = domain.inside(expr.clone())?;
        Ok(match inside == *expr {
            true => inside,
            false => inside.unalias().alias_qualified(of.cloned(), field.name()),
        })
    });
    named.collect()
}

fn kept_name(expr: &Expr, domain: &Domain) -> Result<Expr> {
    let inside = domain.inside(expr.clone())?;
    Ok(match inside == *expr {
        true => inside,
        false => inside.unalias().alias(expr.schema_name().to_string()),
    })
}

fn inside_sort(order: &[SortExpr], domain: &Domain) -> Result<Vec<SortExpr>> {
    let order = order.iter().map(|by| {
        Ok(SortExpr {
            expr: domain.inside(by.expr.clone())?,
            ..by.clone()
        })
    });
    order.collect()
}

/// The aggregate over what it reads for all values, for each of them apart.
fn by_keys(of: &Aggregate, input: LogicalPlan, domain: &Domain) -> Result<LogicalPlan> {
    let exprs = of.group_expr.iter().chain(&of.aggr_expr);
    let exprs = exprs.map(|expr| kept_name(expr, domain));
    let mut exprs = exprs.collect::<Result<Vec<_>>>()?;
    let calls = exprs.split_off(of.group_expr.len());
    exprs.extend(domain.keys());
    LogicalPlanBuilder::from(input)
        .aggregate(exprs, calls)
        .told()?
        .build()
        .told()
}

/// What an aggregate says of no rows, if not NULL.
pub(super) fn of_nothing(call: &Expr, input: &LogicalPlan) -> Result<Option<Expr>> {
    let Expr::AggregateFunction(function) = call.clone().unalias() else {
        return Ok(None);
    };
    if function.func.name() == "grouping" {
        let keys = u32::try_from(function.params.args.len()).unwrap_or(0);
        let ones = 1_i32.checked_shl(keys).map_or(-1, |bits| bits - 1);
        return Ok(Some(lit(ones)));
    }
    let ty = call.get_type(input.schema()).told()?;
    let value = function.func.default_value(&ty).told()?;
    Ok((!value.is_null()).then(|| lit(value)))
}

/// VALUES that look at the host: each of its rows for every value.
fn values(of: &Values, domain: &Domain) -> Result<LogicalPlan> {
    let mut rows = Vec::with_capacity(of.values.len());
    for row in &of.values {
        let mut exprs = Vec::with_capacity(row.len());
        for (expr, (_, field)) in row.iter().zip(of.schema.iter()) {
            let expr = domain.inside(expr.clone())?;
            exprs.push(cast(expr, field.data_type().clone()).alias(field.name()));
        }
        exprs.extend(domain.keys());
        rows.push(Arc::new(project(domain.plan.clone(), exprs)?));
    }
    match rows.len() {
        1 => Ok(rows.swap_remove(0).as_ref().clone()),
        _ => Union::try_new_with_loose_types(rows)
            .map(LogicalPlan::Union)
            .told(),
    }
}
