//! The objects that GRANT and REVOKE name, and their columns.

use crate::access::need::view_column;
use crate::access::statement::Objects;
use crate::session::Session;
use crate::statement::names::{self, Name};
use orbit_core::catalog::{Catalog, CreationStamp, ObjectKind, Privileges, Relation};
use orbit_core::types::Oid;
use orbit_core::{Error, Result, state};

/// The oids of what a statement names.
pub(super) fn find(session: &Session, catalog: &Catalog, on: &Objects) -> Result<Vec<Oid>> {
    let schema_named = |name: &String| {
        catalog.schema(name).cloned().ok_or_else(|| {
            Error::new(
                state::INVALID_SCHEMA_NAME,
                format!("schema \"{name}\" does not exist"),
            )
        })
    };
    match on {
        Objects::Relations(names) => names
            .iter()
            .map(|name| relation(session, catalog, name, false))
            .collect(),
        Objects::Sequences(names) => names
            .iter()
            .map(|name| relation(session, catalog, name, true))
            .collect(),
        Objects::Schemas(names) => names
            .iter()
            .map(|name| Ok(schema_named(name)?.oid))
            .collect(),
        Objects::Databases(names) => names.iter().map(|name| database(name)).collect(),
        Objects::AllTablesIn(schemas) => {
            let mut oids = Vec::new();
            for schema in schemas {
                schema_named(schema)?;
                let tables = catalog.tables().filter(|table| table.schema == *schema);
                oids.extend(tables.map(|table| table.oid));
                let views = catalog.views().filter(|view| view.schema == *schema);
                oids.extend(views.map(|view| view.oid));
            }
            // As they came to be.
            oids.sort_unstable();
            Ok(oids)
        }
        Objects::AllSequencesIn(schemas) => {
            let mut oids = Vec::new();
            for schema in schemas {
                schema_named(schema)?;
                let sequences = catalog.sequences();
                let inside = sequences.filter(|sequence| sequence.schema == *schema);
                oids.extend(inside.map(|sequence| sequence.oid));
            }
            Ok(oids)
        }
        // There are no functions but the system's.
        Objects::AllFunctionsIn(schemas) => {
            schemas
                .iter()
                .try_for_each(|name| schema_named(name).map(drop))?;
            Ok(Vec::new())
        }
        Objects::Kind(_) => Err(Error::internal("a kind is no object")),
    }
}

/// The one database goes by the name that the client gave it.
pub(crate) fn database(name: &str) -> Result<Oid> {
    if names::is_database(name) {
        return Ok(orbit_core::catalog::role::DATABASE);
    }
    Err(Error::new(
        state::INVALID_CATALOG_NAME,
        format!("database \"{name}\" does not exist"),
    ))
}

pub(crate) fn relation(
    session: &Session,
    catalog: &Catalog,
    name: &Name,
    sequence: bool,
) -> Result<Oid> {
    let rights = session.rights();
    let found = match &name.schema {
        Some(schema) => {
            rights.require_in_schema(catalog, schema, Privileges::USAGE)?;
            catalog.relation(schema, &name.name)
        }
        None => {
            let path = session.settings().search_path().iter();
            let mut open = path.filter(|schema| rights.may_use_schema(catalog, schema));
            open.find_map(|schema| catalog.relation(schema, &name.name))
        }
    };
    let wrong = |what: &str| {
        Err(Error::new(
            state::WRONG_OBJECT_TYPE,
            format!("\"{}\" is {what}", name.name),
        ))
    };
    match found {
        Some(Relation::Table(_) | Relation::View(_)) if sequence => wrong("not a sequence"),
        Some(Relation::Table(table)) => Ok(table.oid),
        Some(Relation::View(view)) => Ok(view.oid),
        Some(Relation::Sequence(sequence)) => Ok(sequence.oid),
        Some(Relation::Index(..) | Relation::PrimaryKey(_)) => wrong("an index"),
        None => Err(names::undefined_table(name.schema.as_deref(), &name.name)),
    }
}

/// The columns of a table or view: name and stamp.
pub(super) fn columns(catalog: &Catalog, oid: Oid) -> Vec<(String, CreationStamp)> {
    if let Some(table) = catalog.table_by_oid(oid) {
        let columns = table.columns.iter();
        return columns
            .map(|column| (column.name.clone(), column.created))
            .collect();
    }
    match catalog.view_by_oid(oid) {
        Some(view) => view
            .columns
            .iter()
            .enumerate()
            .map(|(place, column)| (column.name.clone(), view_column(view, place)))
            .collect(),
        None => Vec::new(),
    }
}

/// PostgreSQL has them in every table, and REVOKE tells of each.
pub(super) const SYSTEM_COLUMNS: &[&str] = &["tableoid", "cmax", "xmax", "cmin", "xmin", "ctid"];

/// A stamp that no grant has.
pub(super) fn system_column(nth: usize) -> CreationStamp {
    CreationStamp {
        hlc: 0,
        site: orbit_core::ids::SiteId(0),
        nth: u32::try_from(nth).unwrap_or(u32::MAX),
    }
}

pub(super) fn kind_word(kind: ObjectKind) -> &'static str {
    match kind {
        ObjectKind::Relation => "relation",
        ObjectKind::Sequence => "sequence",
        ObjectKind::Schema => "schema",
        ObjectKind::Database => "database",
        ObjectKind::Function => "function",
        ObjectKind::Type => "type",
    }
}
