//! Columns that `SELECT *` doesn't show: `tableoid`, `xmin`, `ctid` of system relations.

use super::names::{Source, fold, sources};
use crate::statement::visit;
use sqlparser::ast::{Expr, Select};
use std::ops::ControlFlow;

/// `c.tableoid` is the relation's own oid; transaction ids and row places are all alike.
pub fn replace(select: &mut Select) {
    let sources = sources(&select.from);
    if sources.iter().all(|source| source.relation.is_none()) {
        return;
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
        "tableoid" => Some(relation.oid.to_string()),
        "xmin" | "xmax" | "cmin" | "cmax" => Some("0".to_owned()),
        "ctid" => Some("'(0,0)'".to_owned()),
        _ => None,
    }
}
