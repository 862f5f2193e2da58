//! `*` in a view means the columns of today: columns added later are not in the view.

use crate::session::Session;
use crate::statement::build::plain_query;
use orbit_core::Result;
use sqlparser::ast::{
    Expr, Ident, ObjectName, Query, Select, SelectItem, SelectItemQualifiedWildcardKind, SetExpr,
    With,
};
use std::collections::BTreeSet;

/// The query with its stars written out, those of all parts of a UNION.
pub(super) async fn expanded(session: &mut Session, query: Query) -> Result<Query> {
    let mut changed = query.clone();
    let with = changed.with.clone();
    let mut selects = Vec::new();
    collect(&mut changed.body, &mut selects);
    for select in selects {
        expand(session, with.as_ref(), select).await?;
    }
    // Names that only a star could give apart stay behind it.
    let same = session.prepare_inner(&changed.to_string(), &[]).await;
    Ok(if same.is_ok() { changed } else { query })
}

fn collect<'q>(body: &'q mut SetExpr, selects: &mut Vec<&'q mut Select>) {
    match body {
        SetExpr::Select(select) => selects.push(select),
        SetExpr::SetOperation { left, right, .. } => {
            collect(left, selects);
            collect(right, selects);
        }
        SetExpr::Query(query) if query.with.is_none() => collect(&mut query.body, selects),
        _ => {}
    }
}

async fn expand(session: &mut Session, with: Option<&With>, select: &mut Select) -> Result<()> {
    let mut items = Vec::with_capacity(select.projection.len());
    for item in &select.projection {
        let of = match item {
            SelectItem::Wildcard(_) => None,
            SelectItem::QualifiedWildcard(SelectItemQualifiedWildcardKind::ObjectName(name), _) => {
                Some(name)
            }
            other => {
                items.push(other.clone());
                continue;
            }
        };
        let body = SetExpr::Select(Box::new(Select {
            projection: vec![item.clone()],
            ..select.clone()
        }));
        let alone = plain_query(with.cloned(), body);
        let prepared = session.prepare_inner(&alone.to_string(), &[]).await?;
        let columns = prepared.columns.as_deref().unwrap_or_default();
        let names: BTreeSet<&str> = columns.iter().map(|column| &*column.name).collect();
        if names.len() < columns.len() {
            items.push(item.clone());
            continue;
        }
        items.extend(columns.iter().map(|column| named(of, &column.name)));
    }
    select.projection = items;
    Ok(())
}

/// A column of the star, by the relation's name where the star has it.
fn named(of: Option<&ObjectName>, column: &str) -> SelectItem {
    let column = Ident::with_quote('"', column);
    let path = of.map(|name| name.0.iter().filter_map(|part| part.as_ident().cloned()));
    SelectItem::UnnamedExpr(match path {
        None => Expr::Identifier(column),
        Some(path) => Expr::CompoundIdentifier(path.chain([column]).collect()),
    })
}
