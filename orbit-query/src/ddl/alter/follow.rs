//! Views keep to what they read, not to its name: their texts follow when it gets another.

use crate::ddl::expressions;
use crate::session::Session;
use crate::statement::dialect::OrbitDialect;
use crate::statement::names::fold;
use crate::statement::visit;
use orbit_core::catalog::{CatalogChange, ViewDef};
use orbit_core::types::Oid;
use orbit_core::{Error, Result};
use sqlparser::ast::{ObjectName, ObjectNamePart, Query, TableAlias, TableFactor, VisitorMut};
use sqlparser::parser::Parser;
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
    Parser::new(&OrbitDialect)
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
