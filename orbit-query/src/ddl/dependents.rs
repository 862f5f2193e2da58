//! What stands on what: the foreign keys and views that go with a table that is
//! dropped, or keep it from being dropped.

use crate::session::Session;
use orbit_core::catalog::{Catalog, CatalogChange, ForeignKey, Table, ViewDef};
use orbit_core::ids::TableId;
use orbit_core::txn::{TableLock, Wait};
use orbit_core::types::Oid;
use orbit_core::{Error, Result, state};
use std::collections::BTreeSet;
use std::sync::Arc;

/// An object that can't be without another.
pub struct Dependent {
    what: What,
    /// `constraint c_p_fkey on table c`
    shown: String,
    /// `table p`
    on: String,
    /// How the object that was named is called in the refusal.
    named: String,
}

enum What {
    ForeignKey {
        table: TableId,
        key: Oid,
    },
    View(Oid),
    /// A generated column, which goes with the one it is computed from.
    Generated,
}

impl Dependent {
    pub fn shown(&self) -> &str {
        &self.shown
    }

    fn is_one_of(&self, views: &[Arc<ViewDef>]) -> bool {
        matches!(self.what, What::View(oid) if views.iter().any(|view| view.oid == oid))
    }

    /// As the refusal lists it.
    pub fn line(&self) -> String {
        format!("{} depends on {}", self.shown, self.on)
    }
}

/// A relation's name, with its schema unless the search path leads to it.
pub fn relation_name(session: &Session, schema: &str, name: &str) -> String {
    let path = session.settings().search_path();
    if path.iter().any(|known| known == schema) {
        name.to_owned()
    } else {
        format!("{schema}.{name}")
    }
}

fn foreign_key(
    session: &Session,
    referring: &Table,
    key: &ForeignKey,
    on: &str,
    named: &str,
) -> Dependent {
    let table = relation_name(session, &referring.schema, &referring.name);
    Dependent {
        what: What::ForeignKey {
            table: referring.id,
            key: key.oid,
        },
        shown: format!("constraint {} on table {table}", key.name),
        on: on.to_owned(),
        named: named.to_owned(),
    }
}

/// What depends on these tables and isn't one of them.
pub fn of_tables(session: &mut Session, tables: &[Arc<Table>]) -> Result<Vec<Dependent>> {
    let catalog = session.transaction()?.current_catalog()?;
    let mut found = Vec::new();
    for table in tables {
        let name = relation_name(session, &table.schema, &table.name);
        let on = format!("table {name}");
        for referring in catalog.referring(table.id) {
            if tables.iter().any(|known| known.id == referring.id) {
                continue;
            }
            for key in &referring.foreign_keys {
                if key.referenced == table.id {
                    found.push(foreign_key(session, referring, key, &on, &on));
                }
            }
        }
        views(session, &catalog, table.oid, &on, &on, &mut found);
    }
    Ok(found)
}

/// What depends on these views and isn't one of them.
pub fn of_views(session: &mut Session, these: &[Arc<ViewDef>]) -> Result<Vec<Dependent>> {
    let mut found = Vec::new();
    let catalog = session.transaction()?.current_catalog()?;
    for view in these {
        let on = format!("view {}", relation_name(session, &view.schema, &view.name));
        views(session, &catalog, view.oid, &on, &on, &mut found);
    }
    found.retain(|dependent| !dependent.is_one_of(these));
    Ok(found)
}

/// What depends on a schema's tables and views and is in another schema.
pub fn outside(
    session: &mut Session,
    tables: &[Arc<Table>],
    inside: &[Arc<ViewDef>],
) -> Result<Vec<Dependent>> {
    let mut found = of_tables(session, tables)?;
    found.retain(|dependent| !dependent.is_one_of(inside));
    found.extend(of_views(session, inside)?);
    let mut met = BTreeSet::new();
    found.retain(|dependent| match dependent.what {
        What::View(oid) => met.insert(oid),
        What::ForeignKey { .. } | What::Generated => true,
    });
    Ok(found)
}

/// Foreign keys that need the primary key (`index`: none) or a unique index of a table.
pub fn of_key(
    session: &mut Session,
    table: &Table,
    index: Option<orbit_core::ids::IndexId>,
    name: &str,
    named: &str,
) -> Result<Vec<Dependent>> {
    let catalog = session.transaction()?.current_catalog()?;
    let mut found = Vec::new();
    for referring in catalog.referring(table.id) {
        for key in &referring.foreign_keys {
            if key.referenced == table.id && key.referenced_index == index {
                let on = format!("index {name}");
                found.push(foreign_key(session, referring, key, &on, named));
            }
        }
    }
    Ok(found)
}

/// Foreign keys of other constraints that use a column as what they refer to.
pub fn of_column(
    session: &mut Session,
    table: &Table,
    column: usize,
    on: &str,
) -> Result<Vec<Dependent>> {
    let catalog = session.transaction()?.current_catalog()?;
    let mut found = Vec::new();
    for referring in catalog.referring(table.id) {
        for key in &referring.foreign_keys {
            // Its own constraints over the column go with the column.
            let own = referring.id == table.id && key.columns.contains(&column);
            if key.referenced == table.id && key.referenced_columns.contains(&column) && !own {
                found.push(foreign_key(session, referring, key, on, on));
            }
        }
    }
    let Some(name) = table.columns.get(column).map(|column| &column.name) else {
        return Ok(found);
    };
    for other in &table.columns {
        if let Some(sql) = &other.generated
            && other.name != *name
            && super::expressions::uses(sql, name)?
        {
            let table = relation_name(session, &table.schema, &table.name);
            found.push(Dependent {
                what: What::Generated,
                shown: format!("column {} of table {table}", other.name),
                on: on.to_owned(),
                named: on.to_owned(),
            });
        }
    }
    if !super::alter::in_views(session, table, name)?.is_empty() {
        views(session, &catalog, table.oid, on, on, &mut found);
    }
    Ok(found)
}

/// The views that read a relation, and those that read them.
fn views(
    session: &Session,
    catalog: &Catalog,
    relation: Oid,
    on: &str,
    named: &str,
    found: &mut Vec<Dependent>,
) {
    for (view, by) in super::view::reading(catalog, relation) {
        let known =
            |dependent: &Dependent| matches!(dependent.what, What::View(oid) if oid == view.oid);
        if found.iter().any(known) {
            continue;
        }
        let shown =
            |view: &ViewDef| format!("view {}", relation_name(session, &view.schema, &view.name));
        let on = match catalog.view_by_oid(by) {
            Some(between) if by != relation => shown(between),
            _ => on.to_owned(),
        };
        found.push(Dependent {
            what: What::View(view.oid),
            shown: shown(&view),
            on,
            named: named.to_owned(),
        });
    }
}

/// Drops the dependents with CASCADE, and refuses to without. `named`: how many
/// objects the statement named.
pub async fn drop(
    session: &mut Session,
    dependents: &[Dependent],
    named: usize,
    cascade: bool,
) -> Result<()> {
    let Some(first) = dependents.first() else {
        return Ok(());
    };
    if !cascade {
        let lines = dependents.iter().map(Dependent::line).collect();
        return Err(match named {
            1 => needed(&first.named, lines),
            _ => refusal(
                "desired object(s) because other objects depend on them",
                lines,
            ),
        });
    }
    tell(session, dependents.iter().map(Dependent::shown));
    drop_quietly(session, dependents).await
}

/// As `drop` with CASCADE, where somebody else tells of it.
pub async fn drop_quietly(session: &mut Session, dependents: &[Dependent]) -> Result<()> {
    for dependent in dependents {
        let transaction = session.transaction()?;
        match dependent.what {
            What::Generated => {}
            What::View(oid) => transaction.change_catalog(CatalogChange::DropView { oid })?,
            What::ForeignKey { table, key } => {
                let table = transaction
                    .lock_table(table, TableLock::AccessExclusive, Wait::Block)
                    .await?;
                let mut def = table.def.clone();
                def.foreign_keys.retain(|known| known.oid != key);
                transaction.change_catalog(CatalogChange::PutTable(Box::new(def)))?;
            }
        }
    }
    Ok(())
}

/// The refusal to drop what others need. `what`: `table t`; `lines`: `view v depends on table t`.
pub fn needed(what: &str, lines: Vec<String>) -> Error {
    let message = format!("{what} because other objects depend on it");
    refusal(&message, lines)
}

fn refusal(what: &str, lines: Vec<String>) -> Error {
    let message = format!("cannot drop {what}");
    Error::new(state::DEPENDENT_OBJECTS_STILL_EXIST, message)
        .with_detail(lines.join("\n"))
        .with_hint("Use DROP ... CASCADE to drop the dependent objects too.")
}

/// Tells of what CASCADE drops besides.
pub fn tell<'d>(session: &mut Session, going: impl Iterator<Item = &'d str>) {
    let lines: Vec<String> = going
        .map(|what| format!("drop cascades to {what}"))
        .collect();
    let notice = |message: String| Error::new(state::SUCCESSFUL_COMPLETION, message);
    match lines.as_slice() {
        [] => {}
        [one] => session.notice(notice(one.clone())),
        several => {
            let message = format!("drop cascades to {} other objects", several.len());
            session.notice(notice(message).with_detail(several.join("\n")));
        }
    }
}
