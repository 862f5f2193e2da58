//! COMMENT ON: what people say of objects, kept in the catalog for tools to show.

use crate::rows::{Outcome, Tag};
use crate::session::Session;
use crate::statement::comment_grammar::Commented;
use crate::statement::names::{Name, undefined_table};
use orbit_core::catalog::{CatalogChange, Relation};
use orbit_core::types::Oid;
use orbit_core::{Error, Result, state};

pub(crate) async fn run(
    session: &mut Session,
    object: &Commented,
    text: Option<&str>,
) -> Result<Outcome> {
    let tag = Tag::Other("COMMENT");
    let settings = session.settings().clone();
    let database = session.facts().database.clone();
    let transaction = session.transaction()?;
    transaction.begin_statement();
    let catalog = transaction.catalog();
    let find = |name: &Name| {
        let found = name.relation(&catalog, &settings);
        found.ok_or_else(|| undefined_table(name.schema.as_deref(), &name.name))
    };
    let wrong = |name: &Name, kind: &str| {
        Error::new(
            state::WRONG_OBJECT_TYPE,
            format!("\"{}\" is not {kind}", name.name),
        )
    };
    let (object, column): (Oid, i32) = match object {
        Commented::Table(name) => match find(name)? {
            Relation::Table(table) => (table.oid, 0),
            _ => return Err(wrong(name, "a table")),
        },
        Commented::View(name) => match find(name)? {
            Relation::View(view) => (view.oid, 0),
            _ => return Err(wrong(name, "a view")),
        },
        Commented::Sequence(name) => match find(name)? {
            Relation::Sequence(sequence) => (sequence.oid, 0),
            _ => return Err(wrong(name, "a sequence")),
        },
        Commented::Index(name) => match find(name)? {
            Relation::Index(table, place) => {
                let index = table.indexes.get(place);
                (index.map_or(0, |index| index.oid), 0)
            }
            Relation::PrimaryKey(table) => {
                let key = table.primary_key.as_ref();
                (key.map_or(0, |key| key.oid), 0)
            }
            _ => return Err(wrong(name, "an index")),
        },
        Commented::Column { relation, column } => {
            let (oid, place) = match find(relation)? {
                Relation::Table(table) => (table.oid, table.column_position(column)),
                Relation::View(view) => {
                    let mut columns = view.columns.iter();
                    (view.oid, columns.position(|known| known.name == *column))
                }
                other => {
                    let message = format!("cannot set comment on relation \"{}\"", relation.name);
                    return Err(super::wrong_kind::not_for(message, &other));
                }
            };
            let place = place.ok_or_else(|| {
                Error::new(
                    state::UNDEFINED_COLUMN,
                    format!(
                        "column \"{column}\" of relation \"{}\" does not exist",
                        relation.name
                    ),
                )
            })?;
            (oid, i32::try_from(place + 1).unwrap_or(i32::MAX))
        }
        Commented::Constraint { name, table } => {
            let Relation::Table(found) = find(table)? else {
                return Err(Error::new(
                    state::UNDEFINED_OBJECT,
                    format!(
                        "constraint \"{name}\" for table \"{}\" does not exist",
                        table.name
                    ),
                ));
            };
            let keys = found
                .primary_key
                .iter()
                .map(|key| (&key.constraint, key.oid));
            let unique = found.indexes.iter().filter(|index| index.constraint);
            let foreign = found.foreign_keys.iter().map(|key| (&key.name, key.oid));
            let checks = found.checks.iter().enumerate();
            let checks = checks
                .map(|(place, check)| (&check.name, crate::ddl::names::check_oid(found, place)));
            let mut all = keys
                .chain(unique.map(|index| (&index.name, index.oid)))
                .chain(foreign)
                .chain(checks);
            let oid = all.find(|(known, _)| *known == name).map(|(_, oid)| oid);
            let oid = oid.ok_or_else(|| {
                Error::new(
                    state::UNDEFINED_OBJECT,
                    format!(
                        "constraint \"{name}\" for table \"{}\" does not exist",
                        found.name
                    ),
                )
            })?;
            (oid, 0)
        }
        Commented::Schema(name) => match catalog.schema(name) {
            Some(schema) => (schema.oid, 0),
            None => {
                return Err(Error::new(
                    state::INVALID_SCHEMA_NAME,
                    format!("schema \"{name}\" does not exist"),
                ));
            }
        },
        Commented::Database(name) if *name == database => (crate::ddl::names::DATABASE_OID, 0),
        Commented::Database(name) => {
            return Err(Error::new(
                state::INVALID_CATALOG_NAME,
                format!("database \"{name}\" does not exist"),
            ));
        }
        Commented::Role(name) => match catalog.role_named(name) {
            Some(role) => (role.oid, 0),
            None => return Err(crate::access::roles::no_role(name)),
        },
    };
    transaction.change_catalog(CatalogChange::Comment {
        object,
        column,
        // An empty comment is none, as in PostgreSQL.
        text: text.filter(|text| !text.is_empty()).map(str::to_owned),
    })?;
    Ok(Outcome::Done(tag))
}
