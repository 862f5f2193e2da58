//! Conditions that are asked in turn.
//!
//! `WHERE d <> 0 AND 10 / d > 2` fails for no row in PostgreSQL: it asks the cheapest
//! condition first, and the next one only where that is true. DataFusion works every
//! condition out for whole batches, whatever the others say. So conditions that may fail
//! stand in filters of their own, above those that come before them; and elsewhere the
//! right side of AND and OR is worked out, if it may fail, within a CASE.
//!
//! Costs are PostgreSQL's (`cost_qual_eval`): one for a call, two for a cast by text.

use super::error::Told;
use super::unnest::subquery_of;
use datafusion::arrow::datatypes::DataType;
use datafusion::common::DFSchema;
use datafusion::common::tree_node::{Transformed, TreeNode, TreeNodeRecursion};
use datafusion::logical_expr::expr::{Case, ScalarFunction};
use datafusion::logical_expr::expr_rewriter::NamePreserver;
use datafusion::logical_expr::utils::{conjunction, split_conjunction_owned};
use datafusion::logical_expr::{
    BinaryExpr, Expr, ExprSchemable, Filter, LogicalPlan, Operator, lit,
};
use orbit_core::Result;
use std::sync::Arc;

/// More steps than these one filter or expression doesn't take; the rest are one.
const MOST_STEPS: usize = 32;

/// The optimised plan, with what may fail asked in turn.
pub fn in_turn(plan: LogicalPlan) -> Result<LogicalPlan> {
    let plan = plan.transform_up_with_subqueries(|node| match node {
        LogicalPlan::Filter(filter) => filtered(filter),
        // Scans choose ranges of keys by their conditions, and the sort below a window is
        // found by its keys.
        LogicalPlan::TableScan(_) | LogicalPlan::Window(_) => Ok(Transformed::no(node)),
        LogicalPlan::Join(mut join) => {
            let Some(condition) = join.filter.take() else {
                return Ok(Transformed::no(LogicalPlan::Join(join)));
            };
            let steps = steps(condition, &join.schema)?.into_iter().rev();
            join.filter = steps.reduce(|rest, step| case(step, rest, lit(false)));
            Ok(Transformed::yes(LogicalPlan::Join(join)))
        }
        node => {
            let inputs = node.inputs();
            let schema = match inputs[..] {
                [input] => input.schema().clone(),
                _ => return Ok(Transformed::no(node)),
            };
            let names = NamePreserver::new(&node);
            node.map_expressions(|expr| {
                let name = names.save(&expr);
                let guarded = guarded(expr, &schema)?;
                Ok(guarded.update_data(|expr| name.restore(expr)))
            })
        }
    });
    Ok(plan.told()?.data)
}

type Rewritten<T> = datafusion::error::Result<Transformed<T>>;

/// A filter for every step.
fn filtered(filter: Filter) -> Rewritten<LogicalPlan> {
    let schema = filter.input.schema().clone();
    let mut plan = filter.input;
    for step in steps(filter.predicate, &schema)? {
        plan = Arc::new(LogicalPlan::Filter(Filter::new(step, plan)));
    }
    Ok(Transformed::yes(Arc::unwrap_or_clone(plan)))
}

/// The filter with the cheapest conditions first, before what its conditions have in common
/// is worked out ahead of them: from the first, and from no others.
pub fn cheapest_first(filter: Filter) -> Transformed<Filter> {
    let conditions = ordered(
        split_conjunction_owned(filter.predicate.clone()),
        filter.input.schema(),
    );
    let first = conditions.into_iter().map(|(_, condition)| condition);
    let predicate = conjunction(first).unwrap_or_else(|| lit(true));
    let changed = predicate != filter.predicate;
    let filter = Filter::new(predicate, filter.input);
    Transformed::new_transformed(filter, changed)
}

/// Conditions, and whether they may fail.
fn ordered(conditions: Vec<Expr>, schema: &DFSchema) -> Vec<(bool, Expr)> {
    let mut conditions: Vec<(u32, bool, Expr)> = conditions
        .into_iter()
        .map(|condition| {
            let may_fail = may_fail(&condition, schema);
            (cost(&condition, schema), may_fail, condition)
        })
        .collect();
    if conditions.iter().any(|(_, may_fail, _)| *may_fail) {
        conditions.sort_by_key(|(cost, may_fail, _)| (*cost, *may_fail));
    }
    let conditions = conditions.into_iter();
    conditions
        .map(|(_, may_fail, condition)| (may_fail, condition))
        .collect()
}

/// The conditions of one, the cheapest first: each step is asked where those before it are
/// true, and none but its first condition may fail.
fn steps(predicate: Expr, schema: &DFSchema) -> datafusion::error::Result<Vec<Expr>> {
    let conditions = ordered(split_conjunction_owned(predicate), schema);
    let guarded = conditions
        .into_iter()
        .map(|(may_fail, condition)| Ok((may_fail, guarded(condition, schema)?.data)))
        .collect::<datafusion::error::Result<Vec<_>>>()?;
    Ok(grouped(guarded)
        .into_iter()
        .filter_map(conjunction)
        .collect())
}

/// Terms in their order, parted before every one that may fail.
fn grouped(terms: impl IntoIterator<Item = (bool, Expr)>) -> Vec<Vec<Expr>> {
    let mut groups: Vec<Vec<Expr>> = Vec::new();
    for (may_fail, term) in terms {
        let apart = may_fail && groups.len() < MOST_STEPS;
        match groups.last_mut() {
            Some(group) if !apart => group.push(term),
            _ => groups.push(vec![term]),
        }
    }
    groups
}

/// The expression, in which the right side of AND and OR is worked out only where the left
/// doesn't say all.
fn guarded(expr: Expr, schema: &DFSchema) -> Rewritten<Expr> {
    expr.transform_down(|expr| {
        let Expr::BinaryExpr(BinaryExpr {
            op: op @ (Operator::And | Operator::Or),
            ..
        }) = &expr
        else {
            return Ok(Transformed::no(expr));
        };
        let op = *op;
        if !may_fail(&expr, schema) {
            return Ok(Transformed::new(expr, false, TreeNodeRecursion::Jump));
        }
        let terms = terms(expr.clone(), op)
            .into_iter()
            .map(|term| Ok((may_fail(&term, schema), guarded(term, schema)?.data)))
            .collect::<datafusion::error::Result<Vec<_>>>()?;
        let joined = |left: Expr, right: Expr| {
            Expr::BinaryExpr(BinaryExpr::new(Box::new(left), op, Box::new(right)))
        };
        let groups = grouped(terms).into_iter();
        let groups = groups.filter_map(|group| group.into_iter().reduce(joined));
        let whole = groups.rev().reduce(|rest, first| match op {
            // It would be asked twice.
            _ if first.is_volatile() => joined(first, rest),
            Operator::And => case(first.clone().is_false(), lit(false), joined(first, rest)),
            _ => case(first.clone().is_true(), lit(true), joined(first, rest)),
        });
        let whole = whole.unwrap_or(expr);
        Ok(Transformed::new(whole, true, TreeNodeRecursion::Jump))
    })
}

/// The operands of a chain of ANDs or ORs.
fn terms(expr: Expr, op: Operator) -> Vec<Expr> {
    let mut terms = Vec::new();
    let mut ahead = vec![expr];
    while let Some(expr) = ahead.pop() {
        match expr {
            Expr::BinaryExpr(of) if of.op == op => ahead.extend([*of.right, *of.left]),
            other => terms.push(other),
        }
    }
    terms
}

fn case(when: Expr, then: Expr, otherwise: Expr) -> Expr {
    let branches = vec![(Box::new(when), Box::new(then))];
    Expr::Case(Case::new(None, branches, Some(Box::new(otherwise))))
}

/// Whether the expression may fail for some value.
pub(super) fn may_fail(expr: &Expr, schema: &DFSchema) -> bool {
    let found = expr.exists(|expr| {
        Ok(match expr {
            Expr::BinaryExpr(of) => is_arithmetic(of.op),
            Expr::Cast(cast) => {
                let from = cast.expr.get_type(schema);
                from.is_ok_and(|from| !is_widening(&from, cast.field.data_type()))
            }
            Expr::Negative(_) => true,
            Expr::ScalarFunction(call) => !never_fails(call.func.name()),
            _ => false,
        })
    });
    found.unwrap_or(true)
}

fn is_arithmetic(op: Operator) -> bool {
    matches!(
        op,
        Operator::Plus
            | Operator::Minus
            | Operator::Multiply
            | Operator::Divide
            | Operator::Modulo
            | Operator::IntegerDivide
            | Operator::RegexMatch
            | Operator::RegexIMatch
            | Operator::RegexNotMatch
            | Operator::RegexNotIMatch
    )
}

fn is_widening(from: &DataType, to: &DataType) -> bool {
    use DataType::{Date32, Int16, Int32, Int64, Null, Utf8};
    from == to
        || matches!(
            (from, to),
            (Null, _) | (_, Utf8) | (Int16, Int32 | Int64) | (Int32, Int64)
        )
        || (from.is_integer() && (to.is_floating() || to.is_decimal()))
        || (matches!(from, Date32) && to.is_temporal())
}

/// Whether a function of that name has an answer for all values.
pub(super) fn never_fails(name: &str) -> bool {
    name.ends_with("_key")
        || matches!(
            name,
            "identity"
                | "->"
                | "->>"
                | "#>"
                | "#>>"
                | "@>"
                | "<@"
                | "&&"
                | "?"
                | "?|"
                | "?&"
                | "array_element"
                | "character"
                | "coalesce"
                | "length"
                | "lower"
                | "nullif"
                | "rescale"
                | "text"
                | "upper"
        )
}

/// What PostgreSQL takes the expression's cost for.
fn cost(expr: &Expr, schema: &DFSchema) -> u32 {
    let mut cost = 0_u32;
    // Nothing in it fails.
    let _ = expr.apply(|expr| {
        if subquery_of(expr).is_some() {
            return Ok(TreeNodeRecursion::Jump);
        }
        cost = cost.saturating_add(match expr {
            Expr::BinaryExpr(of) => u32::from(!matches!(of.op, Operator::And | Operator::Or)),
            Expr::Like(_) | Expr::SimilarTo(_) | Expr::Between(_) | Expr::Negative(_) => 1,
            Expr::InList(list) if list.list.len() > 8 => 1,
            Expr::InList(list) => list.list.len().div_ceil(2) as u32,
            Expr::Cast(_) => 2,
            Expr::ScalarFunction(call) => match call.func.name() {
                "identity" | "coalesce" | "character" => 0,
                name if name.ends_with("_key") => 0,
                _ => 1 + u32::from(is_read(call, schema)),
            },
            _ => 0,
        });
        Ok(TreeNodeRecursion::Continue)
    });
    cost
}

/// Whether the call is a cast of a text.
fn is_read(call: &ScalarFunction, schema: &DFSchema) -> bool {
    const TYPES: &[&str] = &[
        "bigint",
        "boolean",
        "date",
        "double precision",
        "integer",
        "interval",
        "json",
        "jsonb",
        "numeric",
        "real",
        "smallint",
        "timestamp with time zone",
        "timestamp without time zone",
        "uuid",
    ];
    let [arg] = &call.args[..] else {
        return false;
    };
    let from = arg.get_type(schema);
    TYPES.contains(&call.func.name()) && from.is_ok_and(|from| from.is_string())
}
