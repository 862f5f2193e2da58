//! Relations that never have a row: whatever is selected from them is known
//! beforehand, however it is correlated with its surroundings.

use super::names::{
    is_inner, item_expression, keeps_left_only, parts, plain_select, shown_name, system_relation,
};
use super::parse;
use crate::pg_catalog::tables::is_always_empty;
use crate::statement::visit;
use sqlparser::ast::{
    BinaryOperator, Expr, Function, FunctionArguments, GroupByExpr, Ident, Query, Select,
    SelectItem, SetExpr, TableFactor, TableWithJoins, Value, Visitor,
};
use std::collections::HashSet;
use std::ops::ControlFlow;

/// Table functions that have nothing to list.
const FUNCTIONS: &[&str] = &[
    "pg_get_publication_tables",
    "pg_partition_ancestors",
    "pg_partition_tree",
    "pg_options_to_table",
];

fn factor_is_empty(factor: &TableFactor, local: &HashSet<String>) -> bool {
    match factor {
        TableFactor::Table {
            name, args: None, ..
        } => {
            let names = parts(name);
            let is_local = matches!(names.as_slice(), [name] if local.contains(name));
            !is_local && system_relation(name).is_some_and(is_always_empty)
        }
        TableFactor::Table {
            name,
            args: Some(_),
            ..
        }
        | TableFactor::Function { name, .. } => parts(name)
            .last()
            .is_some_and(|name| FUNCTIONS.contains(&name.as_str())),
        _ => false,
    }
}

fn from_is_empty(from: &[TableWithJoins], local: &HashSet<String>) -> bool {
    from.iter().any(|item| {
        let keeps_left = item
            .joins
            .iter()
            .all(|join| keeps_left_only(&join.join_operator));
        let left = keeps_left && factor_is_empty(&item.relation, local);
        // An inner join to nothing empties what stands left of it, and all that follows keeps it so.
        left || (keeps_left
            && item.joins.iter().any(|join| {
                is_inner(&join.join_operator) && factor_is_empty(&join.relation, local)
            }))
    })
}

/// The query gives no row, whatever the rows around it are.
fn is_empty(query: &Query, local: &HashSet<String>) -> bool {
    match query.body.as_ref() {
        SetExpr::Select(select) => {
            from_is_empty(&select.from, local) && has_groups_or_no_aggregates(select)
        }
        _ => false,
    }
}

/// An aggregate without GROUP BY gives a row even over nothing.
fn has_groups_or_no_aggregates(select: &Select) -> bool {
    let groups = match &select.group_by {
        GroupByExpr::Expressions(list, _) => !list.is_empty(),
        GroupByExpr::All(_) => true,
    };
    groups
        || !select
            .projection
            .iter()
            .filter_map(item_expression)
            .any(has_aggregate)
}

fn is_aggregate(function: &Function) -> bool {
    const AGGREGATES: &[&str] = &[
        "array_agg",
        "avg",
        "bool_and",
        "bool_or",
        "count",
        "every",
        "json_agg",
        "jsonb_agg",
        "json_object_agg",
        "max",
        "min",
        "string_agg",
        "sum",
    ];
    let name = parts(&function.name).pop();
    name.is_some_and(|name| AGGREGATES.contains(&name.as_str()))
}

/// Whether it calls an aggregate itself, not only in a query nested in it.
pub fn has_aggregate(expr: &Expr) -> bool {
    #[derive(Default)]
    struct Search {
        depth: usize,
    }
    impl Visitor for Search {
        type Break = ();

        fn pre_visit_query(&mut self, _query: &Query) -> ControlFlow<()> {
            self.depth += 1;
            ControlFlow::Continue(())
        }

        fn post_visit_query(&mut self, _query: &Query) -> ControlFlow<()> {
            self.depth -= 1;
            ControlFlow::Continue(())
        }

        fn pre_visit_expr(&mut self, expr: &Expr) -> ControlFlow<()> {
            match expr {
                Expr::Function(function) if self.depth == 0 && is_aggregate(function) => {
                    ControlFlow::Break(())
                }
                _ => ControlFlow::Continue(()),
            }
        }
    }
    visit::visit(expr, &mut Search::default()).is_break()
}

/// A SELECT without rows: its items still have names and types, but nothing evaluates them.
/// True if one row without FROM is left of it.
pub fn cut_select(select: &mut Select, local: &HashSet<String>) -> bool {
    cut_items(select);
    if !from_is_empty(&select.from, local) {
        return false;
    }
    if !has_groups_or_no_aggregates(select) {
        one_row(select);
        return true;
    }
    let nothing = Expr::value(Value::Boolean(false));
    select.selection = Some(match select.selection.take().filter(types_parameters) {
        Some(condition) => Expr::BinaryOp {
            left: Box::new(Expr::Nested(Box::new(condition))),
            op: BinaryOperator::And,
            right: Box::new(nothing),
        },
        None => nothing,
    });
    for item in &mut select.projection {
        if let SelectItem::UnnamedExpr(expr) | SelectItem::ExprWithAlias { expr, .. } = item {
            let _ = visit::expressions_mut(expr, |inner| {
                let is_query = match inner {
                    Expr::Subquery(_) | Expr::Exists { .. } => true,
                    // A list compared with its text form, which has no type by itself.
                    Expr::BinaryOp { right, .. } => right.to_string().starts_with("'{"),
                    Expr::Function(function) => {
                        matches!(function.args, FunctionArguments::Subquery(_))
                    }
                    _ => false,
                };
                if is_query {
                    *inner = match inner {
                        Expr::Exists { .. } | Expr::BinaryOp { .. } => {
                            Expr::value(Value::Boolean(false))
                        }
                        Expr::Function(_) => no_items(),
                        _ => Expr::value(Value::Null),
                    };
                }
                ControlFlow::<()>::Continue(())
            });
        }
    }
    false
}

/// Whether parameters stand in it, which have their types from there, and no query.
fn types_parameters(condition: &Expr) -> bool {
    let mut found = false;
    let queries = visit::expressions(condition, |expr| {
        match expr {
            Expr::Subquery(_) | Expr::Exists { .. } | Expr::InSubquery { .. } => {
                return ControlFlow::Break(());
            }
            Expr::Value(value) => found |= matches!(value.value, Value::Placeholder(_)),
            _ => {}
        }
        ControlFlow::Continue(())
    });
    found && queries.is_continue()
}

/// `SELECT pg_partition_ancestors(x)`: an item that gives no row, and so there is none.
fn cut_items(select: &mut Select) {
    let (item, alias) = match select.projection.as_slice() {
        [SelectItem::UnnamedExpr(item)] => (item, None),
        [SelectItem::ExprWithAlias { expr, alias }] => (expr, Some(alias.clone())),
        _ => return,
    };
    let Expr::Function(function) = item else {
        return;
    };
    let name = parts(&function.name).pop().unwrap_or_default();
    if FUNCTIONS.contains(&name.as_str())
        && let Some(expr) = parse("CAST(NULL AS oid)")
    {
        let alias = alias.unwrap_or_else(|| Ident::with_quote('"', name));
        select.projection = vec![SelectItem::ExprWithAlias { expr, alias }];
        select.selection = Some(Expr::value(Value::Boolean(false)));
    }
}

/// Aggregates over nothing: one row, of NULLs and zeros.
fn one_row(select: &mut Select) {
    select.from.clear();
    select.selection = None;
    for item in &mut select.projection {
        // What stands for a call has another name than the call.
        if let SelectItem::UnnamedExpr(expr) = item {
            let name = shown_name(expr).unwrap_or_else(|| "?column?".to_owned());
            *item = SelectItem::ExprWithAlias {
                expr: expr.clone(),
                alias: Ident::with_quote('"', name),
            };
        }
        if let SelectItem::UnnamedExpr(expr) | SelectItem::ExprWithAlias { expr, .. } = item {
            let _ = visit::expressions_mut(expr, |inner| {
                if let Expr::Function(function) = inner
                    && is_aggregate(function)
                {
                    let value = match parts(&function.name).last().map(String::as_str) {
                        Some("count") => "CAST(0 AS BIGINT)",
                        Some("sum") => "CAST(NULL AS BIGINT)",
                        _ => "NULL",
                    };
                    *inner = parse(value).unwrap_or(Expr::value(Value::Null));
                }
                ControlFlow::<()>::Continue(())
            });
        }
    }
}

fn no_items() -> Expr {
    parse("CAST(ARRAY[] AS TEXT[])").unwrap_or(Expr::value(Value::Null))
}

/// `CASE WHEN t.typtype = 'd' THEN (SELECT ...)`: what a domain rests on, which drivers
/// follow by recursion. There are no domains.
fn cut_domains(condition: &Expr, result: &mut Expr) {
    let Expr::BinaryOp {
        left,
        op: BinaryOperator::Eq,
        right,
    } = condition
    else {
        return;
    };
    let column = match left.as_ref() {
        Expr::Identifier(column) => Some(column),
        Expr::CompoundIdentifier(path) => path.last(),
        _ => None,
    };
    let is_kind = column.is_some_and(|column| super::names::fold(column) == "typtype");
    let is_domain = matches!(right.as_ref(), Expr::Value(value)
        if value.value == Value::SingleQuotedString("d".to_owned()));
    if is_kind
        && is_domain
        && matches!(result, Expr::Subquery(_))
        && let Some(none) = parse("NULL::oid")
    {
        *result = none;
    }
}

/// A sub-select without rows is its value.
pub fn cut_expression(expr: &mut Expr, local: &HashSet<String>) {
    let value = match expr {
        Expr::Case { conditions, .. } => {
            for branch in conditions {
                cut_domains(&branch.condition, &mut branch.result);
            }
            return;
        }
        Expr::Subquery(query) if is_empty(query, local) => Expr::value(Value::Null),
        Expr::Exists { subquery, negated } if is_empty(subquery, local) => {
            Expr::value(Value::Boolean(*negated))
        }
        Expr::InSubquery {
            subquery, negated, ..
        } if is_empty(subquery, local) => Expr::value(Value::Boolean(*negated)),
        Expr::Function(function) => match &function.args {
            FunctionArguments::Subquery(query)
                if parts(&function.name) == ["array"]
                    && plain_select(query).is_some()
                    && is_empty(query, local) =>
            {
                no_items()
            }
            _ => return,
        },
        _ => return,
    };
    *expr = value;
}
