//! SET CONSTRAINTS: which constraints wait for COMMIT.

use crate::rows::{Outcome, Tag};
use crate::session::Session;
use crate::statement::names::Name;
use orbit_core::types::Oid;
use orbit_core::{Error, Result, state};

pub(crate) async fn run(session: &mut Session, names: &[Name], deferred: bool) -> Result<Outcome> {
    if !session.is_in_block() {
        session.notice(Error::new(
            state::NO_ACTIVE_SQL_TRANSACTION,
            "SET CONSTRAINTS can only be used in transaction blocks",
        ));
    }
    let settings = session.settings().clone();
    let transaction = session.transaction()?;
    let catalog = transaction.catalog();
    let mut keys: Vec<Oid> = Vec::new();
    for name in names {
        let path: Vec<String> = match &name.schema {
            Some(schema) if !catalog.has_schema(schema) => {
                return Err(Error::new(
                    state::INVALID_SCHEMA_NAME,
                    format!("schema \"{schema}\" does not exist"),
                ));
            }
            Some(schema) => vec![schema.clone()],
            None => settings.search_path().to_vec(),
        };
        let mut found = false;
        // The first schema of the path that has constraints of the name.
        for schema in &path {
            for table in catalog.tables().filter(|table| table.schema == *schema) {
                let named = table
                    .foreign_keys
                    .iter()
                    .filter(|key| key.name == name.name);
                for key in named {
                    found = true;
                    if !key.deferrable {
                        return Err(not_deferrable(&name.name));
                    }
                    keys.push(key.oid);
                }
                let mut indexes = table.indexes.iter();
                if let Some(index) = indexes
                    .find(|index| index.constraint && index.deferrable && index.name == name.name)
                {
                    found = true;
                    keys.push(index.oid);
                    continue;
                }
                let other = table.checks.iter().any(|check| check.name == name.name)
                    || table
                        .indexes
                        .iter()
                        .any(|index| index.constraint && index.name == name.name)
                    || table
                        .primary_key
                        .as_ref()
                        .is_some_and(|key| key.constraint == name.name);
                if other {
                    return Err(not_deferrable(&name.name));
                }
            }
            if found {
                break;
            }
        }
        if !found {
            return Err(Error::new(
                state::UNDEFINED_OBJECT,
                format!("constraint \"{name}\" does not exist"),
            ));
        }
    }
    transaction.set_deferred(&keys, deferred);
    session.settle_references().await?;
    Ok(Outcome::Done(Tag::Other("SET CONSTRAINTS")))
}

fn not_deferrable(name: &str) -> Error {
    Error::new(
        state::WRONG_OBJECT_TYPE,
        format!("constraint \"{name}\" is not deferrable"),
    )
}
