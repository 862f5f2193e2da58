//! Correlated sub-selects over system relations, in a shape that becomes a join.
//!
//! The optimizer turns `(SELECT aggregate FROM t WHERE t.a = outer.b)` into a
//! join, and nothing else. So a sub-select that gives one row is wrapped in an
//! aggregate; a condition on the outer row alone moves out, into a CASE; and an
//! outer column inside another condition is replaced by the inner one it equals.

mod recursive;

use super::empty::has_aggregate;
use super::names::{Source, fold, item_expression, plain_select, sources};
use super::parse;
use crate::pg_catalog::relations::{Kind, relations};
use crate::statement::visit;
use sqlparser::ast::{
    BinaryOperator, Expr, GroupByExpr, OrderByKind, Query, Select, SelectItem, TableFactor,
};
use std::ops::ControlFlow;

/// `EXISTS` among the items of a SELECT, as a count.
pub fn count_exists(select: &mut Select) {
    for item in &mut select.projection {
        let (SelectItem::UnnamedExpr(expr) | SelectItem::ExprWithAlias { expr, .. }) = item else {
            continue;
        };
        let _ = visit::expressions_mut(expr, |inner| {
            if let Expr::Exists { subquery, negated } = inner
                && let Some(counted) = counted(subquery, *negated)
            {
                *inner = counted;
            }
            ControlFlow::<()>::Continue(())
        });
    }
}

fn counted(query: &Query, negated: bool) -> Option<Expr> {
    let select = plain_select(query)?;
    let inner = Inner::of(select)?;
    if !inner.is_correlated(query) || is_grouped(select) {
        return None;
    }
    let from = list(&select.from);
    let condition = condition(select.selection.as_ref());
    let test = if negated { "= 0" } else { "> 0" };
    parse(&format!(
        "((SELECT count(*) FROM {from}{condition}) {test})"
    ))
}

fn list<T: ToString>(items: &[T]) -> String {
    let items: Vec<String> = items.iter().map(T::to_string).collect();
    items.join(", ")
}

fn condition(selection: Option<&Expr>) -> String {
    selection.map_or(String::new(), |expr| format!(" WHERE {expr}"))
}

fn is_grouped(select: &Select) -> bool {
    let groups = match &select.group_by {
        GroupByExpr::Expressions(list, _) => !list.is_empty(),
        GroupByExpr::All(_) => true,
    };
    groups || select.having.is_some()
}

/// Tells the columns of a sub-select's own FROM from those of the queries around it.
struct Inner {
    sources: Vec<Source>,
}

impl Inner {
    /// `None` unless all of FROM are system relations.
    fn of(select: &Select) -> Option<Inner> {
        let sources = sources(&select.from);
        let all_known = sources.iter().all(|source| source.relation.is_some());
        (all_known && !sources.is_empty()).then_some(Inner { sources })
    }

    /// `None` for expressions that aren't columns.
    fn owns(&self, expr: &Expr) -> Option<bool> {
        match expr {
            Expr::Identifier(name) => {
                let name = fold(name);
                Some(self.sources.iter().any(|source| {
                    source.alias == name
                        || source
                            .relation
                            .is_some_and(|relation| relation.position(&name).is_some())
                }))
            }
            Expr::CompoundIdentifier(path) => {
                let alias = fold(path.get(path.len().checked_sub(2)?)?);
                Some(self.sources.iter().any(|source| source.alias == alias))
            }
            _ => None,
        }
    }

    /// Whether the expression has own columns, and whether it has foreign ones.
    fn columns(&self, expr: &Expr) -> (bool, bool) {
        let (mut own, mut foreign) = (false, false);
        let _ = visit::expressions(expr, |inner| {
            match self.owns(inner) {
                Some(true) => own = true,
                Some(false) => foreign = true,
                None => {}
            }
            ControlFlow::<()>::Continue(())
        });
        (own, foreign)
    }

    fn is_correlated(&self, query: &Query) -> bool {
        visit::expressions(query, |inner| match self.owns(inner) {
            Some(false) => ControlFlow::Break(()),
            _ => ControlFlow::Continue(()),
        })
        .is_break()
    }
}

fn conjuncts(expr: &Expr, into: &mut Vec<Expr>) {
    match expr {
        Expr::BinaryOp {
            left,
            op: BinaryOperator::And,
            right,
        } => {
            conjuncts(left, into);
            conjuncts(right, into);
        }
        Expr::Nested(inner)
            if matches!(
                **inner,
                Expr::BinaryOp {
                    op: BinaryOperator::And,
                    ..
                }
            ) =>
        {
            conjuncts(inner, into);
        }
        other => into.push(other.clone()),
    }
}

/// A sub-select's condition taken apart.
struct Parts {
    /// Stays inside: own columns, and equalities with outer ones.
    inside: Vec<Expr>,
    /// About the outer row alone.
    guard: Vec<Expr>,
    /// Outer expressions and the inner ones they equal.
    equal: Vec<(Expr, Expr)>,
}

impl Parts {
    fn of(selection: Option<&Expr>, inner: &Inner) -> Option<Parts> {
        let mut all = Vec::new();
        if let Some(selection) = selection {
            conjuncts(selection, &mut all);
        }
        let mut parts = Parts {
            inside: Vec::new(),
            guard: Vec::new(),
            equal: Vec::new(),
        };
        let mut mixed = Vec::new();
        for part in all {
            match inner.columns(&part) {
                (_, false) => parts.inside.push(part),
                (false, true) => parts.guard.push(part),
                (true, true) => match equality(&part, inner) {
                    Some(pair) => {
                        parts.equal.push(pair);
                        parts.inside.push(part);
                    }
                    None => mixed.push(part),
                },
            }
        }
        for part in mixed {
            let part = parts.inward(&part);
            if inner.columns(&part).1 {
                return None;
            }
            parts.inside.push(part);
        }
        Some(parts)
    }

    /// The expression with outer columns replaced by the inner ones they equal.
    fn inward(&self, expr: &Expr) -> Expr {
        let mut expr = expr.clone();
        let _ = visit::expressions_mut(&mut expr, |inner| {
            if let Some((_, own)) = self.equal.iter().find(|(outer, _)| outer == inner) {
                *inner = own.clone();
            }
            ControlFlow::<()>::Continue(())
        });
        expr
    }

    fn condition(&self) -> String {
        match self.inside.is_empty() {
            true => String::new(),
            false => format!(" WHERE {}", conjunction(&self.inside)),
        }
    }

    fn guarded(&self, value: String, otherwise: &str) -> Option<Expr> {
        match self.guard.is_empty() {
            true => parse(&value),
            false => parse(&format!(
                "CASE WHEN {} THEN {value}{otherwise} END",
                conjunction(&self.guard)
            )),
        }
    }
}

fn conjunction(parts: &[Expr]) -> String {
    let parts: Vec<String> = parts.iter().map(|part| format!("({part})")).collect();
    parts.join(" AND ")
}

/// `inner = outer`, whichever way round: outer first in the result.
fn equality(expr: &Expr, inner: &Inner) -> Option<(Expr, Expr)> {
    let Expr::BinaryOp {
        left,
        op: BinaryOperator::Eq,
        right,
    } = expr
    else {
        return None;
    };
    match (inner.columns(left), inner.columns(right)) {
        ((true, false), (false, true)) => Some(((**right).clone(), (**left).clone())),
        ((false, true), (true, false)) => Some(((**left).clone(), (**right).clone())),
        _ => None,
    }
}

/// ORDER BY inside a sub-select, for use inside an aggregate; `1` is the item itself.
fn order(query: &Query, item: &Expr) -> Option<String> {
    let Some(order) = &query.order_by else {
        return Some(String::new());
    };
    let OrderByKind::Expressions(list) = &order.kind else {
        return None;
    };
    let list: Vec<String> = list
        .iter()
        .map(|by| {
            let mut by = by.clone();
            if by.expr.to_string() == "1" {
                by.expr = item.clone();
            }
            by.to_string()
        })
        .collect();
    Some(format!(" ORDER BY {}", list.join(", ")))
}

/// A correlated sub-select that stands for one value; `None` to leave it as it is.
pub fn scalar(query: &Query) -> Option<Expr> {
    let select = plain_select(query)?;
    let inner = Inner::of(select)?;
    if !inner.is_correlated(query) || is_grouped(select) || select.distinct.is_some() {
        return None;
    }
    let [item] = select.projection.as_slice() else {
        return None;
    };
    let item = item_expression(item)?;
    let parts = Parts::of(select.selection.as_ref(), &inner)?;
    let item = parts.inward(item);
    let from = list(&select.from);
    let condition = parts.condition();
    if has_aggregate(&item) {
        if parts.guard.is_empty() || query.limit_clause.is_some() {
            return None;
        }
        let counts = item.to_string().to_lowercase().starts_with("count(");
        let otherwise = if counts { " ELSE 0" } else { "" };
        return parts.guarded(format!("(SELECT {item} FROM {from}{condition})"), otherwise);
    }
    if inner.columns(&item).1 {
        return None;
    }
    let order = order(query, &item)?;
    parts.guarded(
        format!("(SELECT (array_agg({item}{order}))[1] FROM {from}{condition})"),
        "",
    )
}

/// `ARRAY(SELECT ...)`.
pub fn array(query: &Query) -> Option<Expr> {
    if query.with.is_some() {
        return recursive::array(query);
    }
    let select = plain_select(query)?;
    let [item] = select.projection.as_slice() else {
        return None;
    };
    let item = item_expression(item)?;
    if let Some(list) = unnested(select, item) {
        return Some(list);
    }
    if is_grouped(select) || query.limit_clause.is_some() {
        return None;
    }
    let inner = Inner::of(select).filter(|inner| inner.is_correlated(query))?;
    let distinct = if select.distinct.is_some() {
        "DISTINCT "
    } else {
        ""
    };
    let parts = Parts::of(select.selection.as_ref(), &inner)?;
    let item = parts.inward(item);
    if inner.columns(&item).1 {
        return None;
    }
    let (from, condition) = (list(&select.from), parts.condition());
    let order = order(query, &item)?;
    let items = format!("(SELECT array_agg({distinct}{item}{order}) FROM {from}{condition})");
    // No rows give an empty list.
    let items = match type_of(&item) {
        Some(of) => format!("coalesce({items}, CAST(ARRAY[] AS {of}[]))"),
        None => items,
    };
    parts.guarded(items, "")
}

/// The type of what clients put into lists: columns, and texts put together.
fn type_of(item: &Expr) -> Option<&'static str> {
    let name = match item {
        Expr::BinaryOp {
            op: BinaryOperator::StringConcat,
            ..
        } => return Some("TEXT"),
        Expr::Nested(inner) => return type_of(inner),
        Expr::Identifier(name) => fold(name),
        Expr::CompoundIdentifier(path) => path.last().map(fold).unwrap_or_default(),
        _ => return None,
    };
    let mut columns = relations().iter().flat_map(|relation| &relation.columns);
    match columns.find(|column| column.name == name)?.kind {
        Kind::Text => Some("TEXT"),
        Kind::Oid => Some("OID"),
        Kind::Int2 => Some("INT2"),
        Kind::Int4 => Some("INT4"),
        _ => None,
    }
}

/// `ARRAY(SELECT x FROM unnest(list) x)` is the list, and with a text before each x nearly so.
fn unnested(select: &Select, item: &Expr) -> Option<Expr> {
    let [from] = select.from.as_slice() else {
        return None;
    };
    if select.selection.is_some() || !from.joins.is_empty() {
        return None;
    }
    let (list, alias) = match &from.relation {
        TableFactor::UNNEST {
            array_exprs, alias, ..
        } => match array_exprs.as_slice() {
            [list] => (list.to_string(), alias.as_ref()?),
            _ => return None,
        },
        TableFactor::Table {
            name,
            args: Some(args),
            alias,
            ..
        } => {
            let is_unnest = super::names::parts(name)
                .last()
                .is_some_and(|name| name == "unnest");
            match args.args.as_slice() {
                [list] if is_unnest => (list.to_string(), alias.as_ref()?),
                _ => return None,
            }
        }
        _ => return None,
    };
    let element = match alias.columns.first() {
        Some(column) => fold(&column.name),
        None => fold(&alias.name),
    };
    let is_element = |expr: &Expr| matches!(expr, Expr::Identifier(name) if fold(name) == element);
    match item {
        item if is_element(item) => parse(&list),
        Expr::BinaryOp {
            left,
            op: BinaryOperator::StringConcat,
            right,
        } if is_element(right) => match &**left {
            Expr::Value(_) => parse(&format!("orbit_prefix_each({left}, {list})")),
            _ => None,
        },
        _ => None,
    }
}
