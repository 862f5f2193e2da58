//! GROUP BY: its keys and sets, the plan they make, and expressions over groups.

use super::expr::not_allowed;
use super::outer::Owed;
use super::peers::{any_of, key_of, number_within};
use super::query::ordinal;
use super::scope::{Scope, ScopeColumn};
use super::select::{Item, distinct_name};
use super::{Binder, Bound, Clause};
use crate::planned::error::{Told, to_datafusion};
use crate::planned::types;
use crate::planned::unnest::{asks, outer_columns, subquery_of};
use crate::statement::spelling::is_distinct_mark;
use ahash::AHashSet;
use datafusion::common::tree_node::{Transformed, TreeNode, TreeNodeRecursion};
use datafusion::common::{Column, DFSchemaRef};
use datafusion::functions_aggregate::count::count;
use datafusion::logical_expr::expr::AggregateFunction;
use datafusion::logical_expr::{
    Expr, ExprSchemable, GroupingSet, LogicalPlan, LogicalPlanBuilder, lit,
};
use orbit_core::types::SqlType;
use orbit_core::{Error, Result, state};
use sqlparser::ast::{self, GroupByExpr};

impl Binder<'_> {
    pub(super) fn group_by(
        &mut self,
        scope: &Scope,
        group_by: &GroupByExpr,
        items: &[Item],
    ) -> Result<Option<Grouping>> {
        let GroupByExpr::Expressions(exprs, modifiers) = group_by else {
            return Err(Error::unsupported("GROUP BY ALL"));
        };
        if !modifiers.is_empty() {
            return Err(Error::unsupported("GROUP BY ... WITH"));
        }
        let (distinct, exprs) = match exprs.split_first() {
            Some((first, rest)) if is_distinct_mark(first) => (true, rest),
            _ => (false, exprs.as_slice()),
        };
        if exprs.is_empty() {
            return Ok(None);
        }
        let mut plain = Vec::new();
        let mut sets: Option<Vec<Vec<Expr>>> = None;
        for expr in exprs {
            let more: Vec<Vec<Expr>> = match expr {
                ast::Expr::Rollup(levels) => rolled_up(&self.group_levels(scope, levels, items)?),
                ast::Expr::Cube(levels) => cubed(&self.group_levels(scope, levels, items)?)?,
                ast::Expr::GroupingSets(given) => {
                    let mut found = Vec::new();
                    for set in given {
                        match sets_within(set) {
                            Some((kind, levels)) => {
                                let levels = self.group_levels(scope, &levels, items)?;
                                found.extend(match kind {
                                    Within::Rollup => rolled_up(&levels),
                                    Within::Cube => cubed(&levels)?,
                                });
                            }
                            None => {
                                let set = std::slice::from_ref(set);
                                found.extend(self.group_levels(scope, set, items)?);
                            }
                        }
                    }
                    found
                }
                ast::Expr::Tuple(parts) => {
                    for part in parts {
                        plain.push(self.group_key(scope, part, items)?);
                    }
                    continue;
                }
                other => {
                    // Rows of t are grouped by all of its columns.
                    let parts = self.grouped_row(scope, other, items);
                    for part in parts.as_deref().unwrap_or(std::slice::from_ref(other)) {
                        plain.push(self.group_key(scope, part, items)?);
                    }
                    continue;
                }
            };
            let before = sets.as_ref().map_or(1, Vec::len);
            if before.saturating_mul(more.len()) > MOST_SETS {
                return Err(Error::new(
                    state::STATEMENT_TOO_COMPLEX,
                    format!("too many grouping sets present (maximum {MOST_SETS})"),
                ));
            }
            sets = Some(match sets {
                None => more,
                Some(before) => before
                    .iter()
                    .flat_map(|left| {
                        more.iter()
                            .map(move |right| [left.clone(), right.clone()].concat())
                    })
                    .collect(),
            });
        }
        Ok(Some(match sets {
            None => Grouping::Plain(plain),
            Some(sets) => {
                let sets = sets.into_iter().map(|set| [plain.clone(), set].concat());
                Grouping::Sets(if distinct {
                    each_once(sets)
                } else {
                    sets.collect()
                })
            }
        }))
    }

    /// The columns of `t` where GROUP BY means a row of t.
    fn grouped_row(
        &self,
        scope: &Scope,
        expr: &ast::Expr,
        items: &[Item],
    ) -> Option<Vec<ast::Expr>> {
        let ast::Expr::Identifier(ident) = super::operator::unnested(expr) else {
            return None;
        };
        let name = types::fold(ident);
        let aliased = |item: &Item| item.alias.as_deref() == Some(name.as_str());
        if items.iter().any(aliased) {
            return None;
        }
        self.row_parts(scope, expr)
    }

    fn group_levels(
        &mut self,
        scope: &Scope,
        levels: &[Vec<ast::Expr>],
        items: &[Item],
    ) -> Result<Vec<Vec<Expr>>> {
        levels
            .iter()
            .map(|level| {
                level
                    .iter()
                    .map(|expr| self.group_key(scope, expr, items))
                    .collect()
            })
            .collect()
    }

    /// A place in the select list, a column of FROM, an alias, an expression.
    fn group_key(&mut self, scope: &Scope, expr: &ast::Expr, items: &[Item]) -> Result<Expr> {
        let expr = super::operator::unnested(expr);
        let place =
            ordinal(expr, items.len(), "GROUP BY").map_err(|error| self.placed_at(error, expr))?;
        if let Some(place) = place {
            return self.groupable(&items[place].bound);
        }
        if let ast::Expr::Identifier(ident) = expr {
            let wanted = types::fold(ident);
            let here = scope.visible.iter().any(|column| column.name == wanted);
            if !here {
                let mut hits = items
                    .iter()
                    .filter(|item| item.alias.as_deref() == Some(&wanted));
                if let Some(hit) = hits.next() {
                    return self.groupable(&hit.bound);
                }
            }
        }
        let bound = self.within(Clause::plain("GROUP BY"), |binder| binder.expr(scope, expr))?;
        let bound = self.decided(bound)?;
        self.groupable(&bound)
    }

    fn groupable(&self, bound: &Bound) -> Result<Expr> {
        if has_aggregate(&bound.expr) {
            return Err(not_allowed("aggregate", "GROUP BY"));
        }
        let is_window = |expr: &Expr| Ok(matches!(expr, Expr::WindowFunction(_)));
        if bound.expr.exists(is_window).told()? {
            return Err(not_allowed("window", "GROUP BY"));
        }
        if bound.ty == SqlType::Json {
            return Err(Error::new(
                state::UNDEFINED_FUNCTION,
                "could not identify an equality operator for type json",
            ));
        }
        Ok(bound.expr.clone())
    }
}

/// Columns of a table whose whole primary key is grouped by may be used freely. Those that
/// some of `exprs` uses are grouped by, too.
pub(super) fn with_dependent_columns<'e>(
    grouping: Grouping,
    scope: &Scope,
    exprs: impl IntoIterator<Item = &'e Expr>,
) -> Result<Grouping> {
    let Grouping::Plain(mut keys) = grouping else {
        return Ok(grouping);
    };
    let used = used_columns(exprs)?;
    let is_used = |expr: &Expr| match expr {
        Expr::Column(column) => used.contains(column),
        _ => true,
    };
    for relation in &scope.relations {
        let key = &relation.primary_key;
        let whole = !key.is_empty()
            && key.iter().all(|at| {
                relation
                    .columns
                    .get(*at)
                    .is_some_and(|column| keys.contains(&column.bound.expr))
            });
        if whole {
            for column in &relation.columns {
                let expr = &column.bound.expr;
                if is_used(expr) && !keys.contains(expr) {
                    keys.push(expr.clone());
                }
            }
        }
    }
    Ok(Grouping::Plain(keys))
}

/// The columns that expressions look at outside of aggregates, their queries too.
fn used_columns<'e>(exprs: impl IntoIterator<Item = &'e Expr>) -> Result<AHashSet<Column>> {
    let mut used = AHashSet::new();
    for expr in exprs {
        expr.apply(|expr| {
            Ok(match expr {
                Expr::AggregateFunction(_) => TreeNodeRecursion::Jump,
                Expr::Column(column) => {
                    used.insert(column.clone());
                    TreeNodeRecursion::Continue
                }
                other => {
                    if let Some(inner) = subquery_of(other) {
                        used.extend(outer_columns(&inner.subquery).map_err(to_datafusion)?);
                    }
                    TreeNodeRecursion::Continue
                }
            })
        })
        .told()?;
    }
    Ok(used)
}

const MOST_SETS: usize = 4096;

/// ROLLUP: all levels, all but the last, ..., none.
fn rolled_up(levels: &[Vec<Expr>]) -> Vec<Vec<Expr>> {
    (0..=levels.len())
        .rev()
        .map(|kept| levels.iter().take(kept).flatten().cloned().collect())
        .collect()
}

/// CUBE: every choice of levels.
fn cubed(levels: &[Vec<Expr>]) -> Result<Vec<Vec<Expr>>> {
    if levels.len() > 12 {
        return Err(Error::new(
            state::PROGRAM_LIMIT_EXCEEDED,
            "CUBE is limited to 12 elements",
        ));
    }
    let chosen = |mask: usize| {
        let levels = levels.iter().enumerate();
        levels
            .filter(move |(i, _)| mask & (1 << i) == 0)
            .flat_map(|(_, level)| level.clone())
            .collect()
    };
    Ok((0..1usize << levels.len()).map(chosen).collect())
}

enum Within {
    Rollup,
    Cube,
}

/// ROLLUP or CUBE among GROUPING SETS, where the parser takes it for a function.
fn sets_within(set: &[ast::Expr]) -> Option<(Within, Vec<Vec<ast::Expr>>)> {
    let [ast::Expr::Function(call)] = set else {
        return None;
    };
    let [ast::ObjectNamePart::Identifier(name)] = call.name.0.as_slice() else {
        return None;
    };
    let kind = match types::fold(name).as_str() {
        _ if name.quote_style.is_some() => return None,
        "rollup" => Within::Rollup,
        "cube" => Within::Cube,
        _ => return None,
    };
    let ast::FunctionArguments::List(arguments) = &call.args else {
        return None;
    };
    let level = |argument: &ast::FunctionArg| match argument {
        ast::FunctionArg::Unnamed(ast::FunctionArgExpr::Expr(expr)) => match expr {
            ast::Expr::Tuple(parts) => Some(parts.clone()),
            other => Some(vec![other.clone()]),
        },
        _ => None,
    };
    let levels = arguments.args.iter().map(level).collect::<Option<_>>()?;
    Some((kind, levels))
}

/// GROUP BY DISTINCT: sets of the same keys are one.
fn each_once(sets: impl Iterator<Item = Vec<Expr>>) -> Vec<Vec<Expr>> {
    let within = |a: &[Expr], b: &[Expr]| a.iter().all(|key| b.contains(key));
    let mut kept: Vec<Vec<Expr>> = Vec::new();
    for set in sets {
        if !kept
            .iter()
            .any(|known| within(known, &set) && within(&set, known))
        {
            kept.push(set);
        }
    }
    kept
}

/// What GROUP BY makes of the input.
pub(super) struct Grouped {
    pub plan: LogicalPlan,
    /// Input expression → the column that now holds it.
    replaced: Vec<(Expr, Expr)>,
    /// The columns that were grouped, and what they are called.
    before: DFSchemaRef,
    scope: Scope,
}

pub(super) fn has_aggregate(expr: &Expr) -> bool {
    expr.exists(|expr| Ok(matches!(expr, Expr::AggregateFunction(_))))
        .unwrap_or(false)
}

/// Aggregates of all these expressions, each once.
pub(super) fn collect_aggregates<'e>(
    exprs: impl IntoIterator<Item = &'e Expr>,
) -> Result<Vec<Expr>> {
    let mut found: Vec<Expr> = Vec::new();
    for expr in exprs {
        expr.apply(|expr| {
            if matches!(expr, Expr::AggregateFunction(_)) {
                if !found.contains(expr) {
                    found.push(expr.clone());
                }
                return Ok(TreeNodeRecursion::Jump);
            }
            Ok(TreeNodeRecursion::Continue)
        })
        .told()?;
    }
    Ok(found)
}

pub(super) enum Grouping {
    Plain(Vec<Expr>),
    Sets(Vec<Vec<Expr>>),
}

pub(super) fn group(
    input: LogicalPlan,
    grouping: Grouping,
    aggregates: Vec<Expr>,
    owed: Vec<Owed>,
    seen_inside: bool,
    scope: &Scope,
) -> Result<Grouped> {
    // One set of nothing is no set.
    let grouping = match grouping {
        Grouping::Sets(sets) if matches!(sets.as_slice(), [only] if only.is_empty()) => {
            Grouping::Plain(Vec::new())
        }
        other => other,
    };
    let mut keys: Vec<Expr> = match &grouping {
        Grouping::Plain(keys) => keys.clone(),
        Grouping::Sets(sets) => sets.iter().flatten().cloned().collect(),
    };
    dedupe(&mut keys);
    let mut naming = Naming::default();
    for key in &keys {
        if let Expr::Column(column) = key {
            naming.used.insert(column.name.clone());
            naming.used.insert(column.flat_name());
        }
    }
    let mut replaced = Vec::with_capacity(keys.len() + aggregates.len());
    // What the plan groups by for each key.
    let mut grouped_by: Vec<Expr> = Vec::with_capacity(keys.len());
    let mut computed: Vec<Expr> = Vec::with_capacity(aggregates.len());
    for key in &keys {
        let ty = key.get_type(input.schema()).told()?;
        let Some(common) = key_of(key, &ty) else {
            let (expr, column) = naming.named(key);
            grouped_by.push(expr);
            replaced.push((key.clone(), column));
            continue;
        };
        let (expr, common_column) = naming.named(&common);
        grouped_by.push(expr);
        // Queries inside know a column by its own name.
        let (any, shown) = match key {
            Expr::Column(column) if seen_inside => {
                let any = any_of(key.clone());
                (
                    any.alias_qualified(column.relation.clone(), &column.name),
                    key.clone(),
                )
            }
            _ => naming.named(&any_of(key.clone())),
        };
        computed.push(any);
        // In a grouping set without this key there is nothing to show.
        let shown = match grouping {
            Grouping::Plain(_) => shown,
            Grouping::Sets(_) => {
                let present = Expr::IsNotNull(Box::new(common_column.clone()));
                Expr::Case(datafusion::logical_expr::expr::Case::new(
                    None,
                    vec![(Box::new(present), Box::new(shown))],
                    None,
                ))
            }
        };
        replaced.push((common, common_column));
        replaced.push((key.clone(), shown));
    }
    let (input, grouped_by) = queries_first(input, grouped_by)?;
    let planned = |key: &Expr| -> Expr {
        let at = keys.iter().position(|known| known == key);
        at.and_then(|at| grouped_by.get(at)).unwrap_or(key).clone()
    };
    let (input, place) = numbered_for(input, &aggregates)?;
    for call in aggregates {
        let mut own = call.clone();
        if let Expr::AggregateFunction(function) = &mut own {
            if let (Some(place), true) = (&place, shows_input_order(function)) {
                function.params.order_by = vec![place.clone().sort(true, false)];
            }
            // GROUPING names the keys as the plan has them.
            if function.func.name() == "grouping" {
                if !function.params.args.iter().all(|arg| keys.contains(arg)) {
                    return Err(Error::new(
                        state::GROUPING_ERROR,
                        "arguments to GROUPING must be grouping expressions of the associated query level",
                    ));
                }
                for arg in &mut function.params.args {
                    *arg = planned(arg);
                }
            }
        }
        let (expr, column) = naming.named(&own);
        computed.push(expr);
        replaced.push((call, column));
    }
    let group_expr = match grouping {
        Grouping::Plain(_) => grouped_by,
        Grouping::Sets(sets) => {
            let sets = sets
                .iter()
                .map(|set| set.iter().map(planned).collect())
                .collect();
            vec![Expr::GroupingSet(GroupingSet::GroupingSets(sets))]
        }
    };
    computed.extend(owed.into_iter().map(|owed| owed.call.alias(owed.name)));
    if group_expr.is_empty() && computed.is_empty() {
        // HAVING, or GROUP BY (), and nothing else that groups.
        computed.push(count(lit(1_i64)).alias("__rows"));
    }
    let before = input.schema().clone();
    let plan = LogicalPlanBuilder::from(input)
        .aggregate(group_expr, computed)
        .told()?
        .build()
        .told()?;
    Ok(Grouped {
        plan,
        replaced,
        before,
        scope: scope.clone(),
    })
}

fn shows_input_order(call: &AggregateFunction) -> bool {
    call.func.name() == "array_agg" && call.params.order_by.is_empty() && !call.params.distinct
}

/// Where one aggregate shows its rows in an order of its own and another in that of the
/// input: the input with its rows' numbers, for DataFusion sorts it for the first.
fn numbered_for(input: LogicalPlan, aggregates: &[Expr]) -> Result<(LogicalPlan, Option<Expr>)> {
    let calls = || {
        aggregates.iter().filter_map(|expr| match expr {
            Expr::AggregateFunction(call) => Some(call),
            _ => None,
        })
    };
    let sorted = calls().any(|call| !call.params.order_by.is_empty());
    if !sorted || !calls().any(shows_input_order) {
        return Ok((input, None));
    }
    let number = number_within(Vec::new());
    let place = Expr::Column(Column::new_unqualified(number.schema_name().to_string()));
    let input = LogicalPlanBuilder::window_plan(input, vec![number]).told()?;
    Ok((input, Some(place)))
}

/// Keys that ask subqueries become columns before the grouping, under the same
/// names: the optimizer takes subqueries out of projections, not out of group keys.
fn queries_first(input: LogicalPlan, keys: Vec<Expr>) -> Result<(LogicalPlan, Vec<Expr>)> {
    let mut columns = Vec::new();
    let mut shown = Vec::with_capacity(keys.len());
    for key in keys {
        if asks(&key)? {
            let name = key.schema_name().to_string();
            columns.push(key.alias(&name));
            shown.push(Expr::Column(Column::new_unqualified(name)));
        } else {
            shown.push(key);
        }
    }
    if columns.is_empty() {
        return Ok((input, shown));
    }
    let all = input.schema().iter();
    let all = all.map(|(of, field)| Expr::Column(Column::new(of.cloned(), field.name())));
    let plan = LogicalPlanBuilder::from(input.clone())
        .project(all.chain(columns).collect::<Vec<_>>())
        .told()?
        .build()
        .told()?;
    Ok((plan, shown))
}

/// Names for what a plan computes. DataFusion's own leave casts out, so that
/// sum(x) and sum(x::numeric) would be one.
#[derive(Default)]
struct Naming {
    used: AHashSet<String>,
}

impl Naming {
    /// The expression as the plan gets it, and the column it becomes.
    fn named(&mut self, expr: &Expr) -> (Expr, Expr) {
        if let Expr::Column(_) = expr {
            return (expr.clone(), expr.clone());
        }
        let own = expr.schema_name().to_string();
        let name = distinct_name(&mut self.used, &own);
        let column = Expr::Column(Column::new_unqualified(&name));
        if name == own {
            (expr.clone(), column)
        } else {
            (expr.clone().alias(name), column)
        }
    }
}

fn dedupe(exprs: &mut Vec<Expr>) {
    let mut kept: Vec<Expr> = Vec::with_capacity(exprs.len());
    for expr in exprs.drain(..) {
        if !kept.contains(&expr) {
            kept.push(expr);
        }
    }
    *exprs = kept;
}

impl Grouped {
    /// The expression over groups. A column of the input that is left ungrouped is 42803.
    pub(super) fn rewrite(&self, expr: Expr) -> Result<Expr> {
        let mut ungrouped: Option<Column> = None;
        let mut inside: Option<Column> = None;
        let rewritten = expr
            .transform_down(|expr| {
                if let Some((_, column)) = self.replaced.iter().find(|(from, _)| *from == expr) {
                    return Ok(Transformed::new(
                        column.clone(),
                        true,
                        TreeNodeRecursion::Jump,
                    ));
                }
                if let Expr::Column(column) = &expr {
                    ungrouped.get_or_insert_with(|| column.clone());
                }
                if let Some(inner) = subquery_of(&expr) {
                    let seen = outer_columns(&inner.subquery).map_err(to_datafusion)?;
                    let lost = seen.into_iter().find(|column| {
                        self.before.has_column(column) && !self.plan.schema().has_column(column)
                    });
                    inside = inside.take().or(lost);
                }
                Ok(Transformed::no(expr))
            })
            .told()?
            .data;
        let text = match (ungrouped, inside) {
            (None, None) => return Ok(rewritten),
            (Some(column), _) => format!(
                "column \"{}\" must appear in the GROUP BY clause or be used in an aggregate function",
                self.shown(&column)
            ),
            (None, Some(column)) => format!(
                "subquery uses ungrouped column \"{}\" from outer query",
                self.shown(&column)
            ),
        };
        Err(Error::new(state::GROUPING_ERROR, text))
    }

    /// The column as the statement calls it.
    fn shown(&self, column: &Column) -> String {
        for relation in &self.scope.relations {
            let is_it = |known: &&ScopeColumn| matches!(&known.bound.expr, Expr::Column(known) if known == column);
            if let Some(known) = relation.columns.iter().find(is_it) {
                return match relation.alias.as_str() {
                    "" => known.name.clone(),
                    alias => format!("{alias}.{}", known.name),
                };
            }
        }
        column.flat_name()
    }
}
