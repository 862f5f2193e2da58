//! `int2vector` and `oidvector`: lists to queries, but shown as `1 2 3` rather than `{1,2,3}`.

use super::names::{Source, fold, sources};
use super::parse;
use crate::pg_catalog::relations::{Relation, relations};
use sqlparser::ast::{AccessExpr, Expr, Ident, Query, SelectItem, SetExpr, Subscript};

fn is_vector(relation: &Relation, column: &str) -> bool {
    let mut columns = relation.columns.iter();
    columns.any(|known| known.name == column && known.type_name.ends_with("vector"))
}

/// The column's name, if the expression is a column of such a type.
fn vector_column(expr: &Expr, sources: &[Source]) -> Option<String> {
    let (alias, column) = match expr {
        Expr::Identifier(column) => (None, fold(column)),
        Expr::CompoundIdentifier(path) => match path.as_slice() {
            [.., alias, column] => (Some(fold(alias)), fold(column)),
            _ => return None,
        },
        _ => return None,
    };
    let mut sources = sources
        .iter()
        .filter(|source| alias.as_ref().is_none_or(|alias| source.alias == *alias));
    let found = sources.any(|source| {
        source
            .relation
            .is_some_and(|relation| is_vector(relation, &column))
    });
    found.then_some(column)
}

fn shown(expr: &Expr) -> Option<Expr> {
    parse(&format!("array_to_string({expr}, ' ')"))
}

/// What the client will see: items of the outermost SELECT.
pub fn show_items(query: &mut Query) {
    let SetExpr::Select(select) = query.body.as_mut() else {
        return;
    };
    let sources = sources(&select.from);
    for item in &mut select.projection {
        let (expr, alias) = match item {
            SelectItem::UnnamedExpr(expr) => (expr, None),
            SelectItem::ExprWithAlias { expr, alias } => (expr, Some(alias.clone())),
            _ => continue,
        };
        if let Some(column) = vector_column(expr, &sources)
            && let Some(expr) = shown(expr)
        {
            let alias = alias.unwrap_or_else(|| Ident::with_quote('"', column));
            *item = SelectItem::ExprWithAlias { expr, alias };
        }
    }
}

/// The operand of a cast to text.
pub fn show_operand(expr: &mut Expr) {
    let column = match &*expr {
        Expr::Identifier(column) => fold(column),
        Expr::CompoundIdentifier(path) => path.last().map(fold).unwrap_or_default(),
        _ => return,
    };
    if relations()
        .iter()
        .any(|relation| is_vector(relation, &column))
        && let Some(better) = shown(expr)
    {
        *expr = better;
    }
}

/// `t.list[1]` is an element of the column `t.list`; the vectors count from 0, other lists from 1.
pub fn subscript(expr: &mut Expr) {
    let Expr::CompoundFieldAccess { root, access_chain } = expr else {
        return;
    };
    let mut path = match &**root {
        Expr::Identifier(name) => vec![name.clone()],
        Expr::CompoundIdentifier(path) => path.clone(),
        _ => return,
    };
    let names = access_chain.iter().map_while(|access| match access {
        AccessExpr::Dot(Expr::Identifier(name)) => Some(name.clone()),
        _ => None,
    });
    let names: Vec<Ident> = names.collect();
    access_chain.drain(..names.len());
    path.extend(names);
    let column = path.last().map(fold).unwrap_or_default();
    if let [AccessExpr::Subscript(Subscript::Index { index })] = access_chain.as_mut_slice()
        && relations()
            .iter()
            .any(|relation| is_vector(relation, &column))
        && let Some(shifted) = shifted(index)
    {
        *index = shifted;
    }
    if path.len() > 1 {
        **root = Expr::CompoundIdentifier(path);
    }
    if access_chain.is_empty() {
        *expr = (**root).clone();
    }
}

/// The same place counted from 1.
fn shifted(index: &Expr) -> Option<Expr> {
    if let Expr::Value(index) = index
        && let Ok(place) = index.to_string().parse::<i64>()
    {
        return parse(&place.checked_add(1)?.to_string());
    }
    parse(&format!("({index}) + 1"))
}
