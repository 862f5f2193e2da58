//! Views keep to what they read, not to its name: their texts follow when it gets another.

use crate::ddl::expressions;
use crate::session::Session;
use crate::statement::dialect::OrbitDialect;
use crate::statement::names::fold;
use crate::statement::visit;
use orbit_core::catalog::{CatalogChange, Table, ViewDef};
use orbit_core::types::Oid;
use orbit_core::{Error, Result};
use sqlparser::ast::{
    Expr, Ident, ObjectName, ObjectNamePart, Query, Select, SelectItem, TableAlias, TableFactor,
    VisitorMut,
};
use sqlparser::tokenizer::Location;
use std::ops::ControlFlow;

/// A relation has another name or schema. What named it without an alias keeps calling
/// its columns by the old name.
pub(super) fn relation(
    session: &mut Session,
    relation: Oid,
    from: (&str, &str),
    to: (&str, &str),
) -> Result<()> {
    rewrite(session, |view, query| {
        if !view.reads.contains(&relation) {
            return false;
        }
        name_anew(query, |schema, table| {
            ((schema, table) == from).then(|| (to.0.to_owned(), to.1.to_owned()))
        })
    })
}

/// A schema has another name.
pub(in crate::ddl) fn schema(session: &mut Session, from: &str, to: &str) -> Result<()> {
    rewrite(session, |_, query| {
        name_anew(query, |schema, table| {
            (schema == from).then(|| (to.to_owned(), table.to_owned()))
        })
    })
}

/// A table's column has another name: called before, gives what the views say after, for
/// [`put`]. What a query gave out under the old name keeps it.
pub(super) async fn column(
    session: &mut Session,
    table: &Table,
    place: usize,
    to: &str,
) -> Result<Vec<ViewDef>> {
    let catalog = session.transaction()?.current_catalog()?;
    let mut changed = Vec::new();
    for view in catalog
        .views()
        .filter(|view| view.reads.contains(&table.oid))
    {
        let mut query = read(view)?;
        let places: Vec<Location> = session
            .named_columns(&query)
            .await?
            .into_iter()
            .filter(|named| named.table == table.id && named.column == place)
            .map(|named| named.at)
            .collect();
        let mut rename = RenameColumn {
            places: &places,
            to: expressions::named(to),
        };
        let _ = visit::visit_mut(&mut query, &mut rename);
        changed.push(ViewDef {
            query: query.to_string(),
            ..(**view).clone()
        });
    }
    Ok(changed)
}

/// Puts views whose column was renamed into the catalog, if they still say the same: one
/// that names it by USING, or all columns of a table, may not.
pub(super) async fn put(session: &mut Session, views: Vec<ViewDef>) -> Result<()> {
    for view in views {
        let same = match session.prepare_inner(&view.query, &[]).await {
            Ok(select) => select.columns.as_ref().is_some_and(|columns| {
                let types = columns.iter().map(|column| &column.sql_type);
                types.eq(view.columns.iter().map(|column| &column.sql_type))
            }),
            Err(_) => false,
        };
        if !same {
            let view = crate::ddl::dependents::relation_name(session, &view.schema, &view.name);
            return Err(Error::unsupported(format!(
                "renaming a column that view {view} reads by USING or as one of all"
            ))
            .with_hint("Drop the view, rename the column, and create the view again."));
        }
        session
            .transaction()?
            .change_catalog(CatalogChange::PutView(Box::new(view)))?;
    }
    Ok(())
}

struct RenameColumn<'a> {
    places: &'a [Location],
    to: Ident,
}

impl RenameColumn<'_> {
    /// The old name, if this was one of the places.
    fn rename(&self, expr: &mut Expr) -> Option<Ident> {
        let name = match expr {
            Expr::Identifier(name) => name,
            Expr::CompoundIdentifier(path) => path.last_mut()?,
            _ => return None,
        };
        self.places
            .contains(&name.span.start)
            .then(|| std::mem::replace(name, self.to.clone()))
    }
}

impl VisitorMut for RenameColumn<'_> {
    type Break = ();

    fn pre_visit_select(&mut self, select: &mut Select) -> ControlFlow<()> {
        for item in &mut select.projection {
            if let SelectItem::UnnamedExpr(expr) = item
                && let Some(old) = self.rename(expr)
            {
                *item = SelectItem::ExprWithAlias {
                    expr: expr.clone(),
                    alias: old,
                };
            }
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
        self.rename(expr);
        ControlFlow::Continue(())
    }
}

/// Puts what `change` makes of the views' queries into the catalog; it says whether it did.
fn rewrite(
    session: &mut Session,
    mut change: impl FnMut(&ViewDef, &mut Query) -> bool,
) -> Result<()> {
    let catalog = session.transaction()?.current_catalog()?;
    for view in catalog.views() {
        let mut query = read(view)?;
        if change(view, &mut query) {
            let mut changed = (**view).clone();
            changed.query = query.to_string();
            session
                .transaction()?
                .change_catalog(CatalogChange::PutView(Box::new(changed)))?;
        }
    }
    Ok(())
}

fn read(view: &ViewDef) -> Result<Box<Query>> {
    OrbitDialect::parser(view.query.len())
        .try_with_sql(&view.query)
        .and_then(|mut parser| parser.parse_query())
        .map_err(|error| {
            Error::corrupted(format!("the view \"{}\" can't be read: {error}", view.name))
        })
}

/// Gives relations of a query the schema and name that `to` has for theirs.
fn name_anew(query: &mut Query, to: impl Fn(&str, &str) -> Option<(String, String)>) -> bool {
    struct Follow<F> {
        to: F,
        found: bool,
    }
    impl<F: Fn(&str, &str) -> Option<(String, String)>> VisitorMut for Follow<F> {
        type Break = ();
        fn pre_visit_table_factor(&mut self, factor: &mut TableFactor) -> ControlFlow<()> {
            let TableFactor::Table { name, alias, .. } = factor else {
                return ControlFlow::Continue(());
            };
            let [
                ObjectNamePart::Identifier(schema),
                ObjectNamePart::Identifier(table),
            ] = name.0.as_slice()
            else {
                return ControlFlow::Continue(());
            };
            let table = fold(table);
            let Some((schema, to)) = (self.to)(&fold(schema), &table) else {
                return ControlFlow::Continue(());
            };
            self.found = true;
            *name = ObjectName(vec![
                ObjectNamePart::Identifier(expressions::named(&schema)),
                ObjectNamePart::Identifier(expressions::named(&to)),
            ]);
            if alias.is_none() && table != to {
                *alias = Some(TableAlias {
                    explicit: true,
                    name: expressions::named(&table),
                    columns: Vec::new(),
                    at: None,
                });
            }
            ControlFlow::Continue(())
        }
    }
    let mut follow = Follow { to, found: false };
    let _ = visit::visit_mut(query, &mut follow);
    follow.found
}
