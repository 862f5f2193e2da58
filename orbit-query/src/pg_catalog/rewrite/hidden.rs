//! Columns that `SELECT *` doesn't show: `tableoid`, `xmin`, `ctid` of system relations.

use super::names::{Source, fold, sources};
use crate::statement::visit;
use sqlparser::ast::{Expr, Ident, Select, SelectItem};
use std::ops::ControlFlow;

/// `c.tableoid` is the relation's own oid; transaction ids and row places are all alike.
pub fn replace(select: &mut Select) {
    let sources = sources(&select.from);
    if sources.iter().all(|source| source.relation.is_none()) {
        return;
    }
    // What stands for it hasn't its name.
    for item in &mut select.projection {
        if let SelectItem::UnnamedExpr(expr) = item
            && value(expr, &sources).is_some()
            && let Expr::Identifier(column) = last(expr)
        {
            *item = SelectItem::ExprWithAlias {
                expr: expr.clone(),
                alias: Ident::with_quote('"', fold(&column)),
            };
        }
    }
    let _ = visit::expressions_mut(select, |expr| {
        if let Some(value) = value(expr, &sources)
            && let Some(constant) = super::parse(&value)
        {
            *expr = constant;
        }
        ControlFlow::<()>::Continue(())
    });
}

/// The column that a path of names ends with.
fn last(expr: &Expr) -> Expr {
    match expr {
        Expr::CompoundIdentifier(path) => path
            .last()
            .map_or_else(|| expr.clone(), |name| Expr::Identifier(name.clone())),
        other => other.clone(),
    }
}

fn value(expr: &Expr, sources: &[Source]) -> Option<String> {
    let (source, column) = match expr {
        Expr::CompoundIdentifier(path) => {
            let [.., alias, column] = path.as_slice() else {
                return None;
            };
            let alias = fold(alias);
            (sources.iter().find(|source| source.alias == alias)?, column)
        }
        Expr::Identifier(column) if sources.len() == 1 => (sources.first()?, column),
        _ => return None,
    };
    let relation = source.relation?;
    match fold(column).as_str() {
        name if relation.position(name).is_some() => None,
        "tableoid" => Some(format!("CAST({} AS oid)", relation.oid)),
        "xmin" | "xmax" => Some("CAST(0 AS oid)".to_owned()),
        "cmin" | "cmax" => Some("0".to_owned()),
        "ctid" => Some("'(0,0)'".to_owned()),
        _ => None,
    }
}
