//! Names that DDL makes up, and whether a name is taken. Tables, primary keys
//! and indexes of a schema share one space of names, as in PostgreSQL.

use crate::session::Session;
use crate::settings::Settings;
use crate::statement::names::{MAX_NAME_BYTES, Name, along};
use orbit_core::catalog::{Catalog, Table, is_temporary_schema};
use orbit_core::types::Oid;
use orbit_core::{Error, Result, state};
use std::sync::Arc;

/// Where an unqualified new relation goes: the first schema of the path that exists.
pub fn creation_schema(session: &Session, catalog: &Catalog, name: &Name) -> Result<String> {
    if let Some(schema) = &name.schema {
        let schema = &session
            .settings()
            .schema(schema)
            .unwrap_or(schema)
            .to_owned();
        if matches!(
            schema.as_str(),
            "pg_catalog" | "information_schema" | "orbit"
        ) {
            return Err(Error::new(
                orbit_core::error::SqlState(*b"42501"),
                format!("permission denied for schema {schema}"),
            ));
        }
        if catalog.has_schema(schema) {
            return Ok(schema.clone());
        }
        return Err(Error::new(
            state::INVALID_SCHEMA_NAME,
            format!("schema \"{schema}\" does not exist"),
        ));
    }
    session
        .settings()
        .search_path()
        .iter()
        .find(|schema| catalog.has_schema(schema) && !is_temporary_schema(schema))
        .cloned()
        .ok_or_else(|| {
            Error::new(
                state::INVALID_SCHEMA_NAME,
                "no schema has been selected to create in",
            )
        })
}

/// Whether a relation of the schema has the name.
pub fn is_taken(catalog: &Catalog, schema: &str, name: &str) -> bool {
    catalog.relation(schema, name).is_some()
}

/// Constraint oids of CHECKs start here: the catalog gives them none of their own.
const FIRST_CHECK_OID: Oid = 0x8000_0000;
/// Likewise `pg_attrdef`'s, in a quarter of their own.
const FIRST_DEFAULT_OID: Oid = 0x4000_0000;
/// How many checks or defaults of one table have oids apart from the next table's.
const PER_TABLE: Oid = 64;

/// The one database.
pub const DATABASE_OID: Oid = 5;

pub fn check_oid(table: &Table, place: usize) -> Oid {
    FIRST_CHECK_OID.wrapping_add(nth(table, place))
}

pub fn default_oid(table: &Table, place: usize) -> Oid {
    FIRST_DEFAULT_OID.wrapping_add(nth(table, place))
}

fn nth(table: &Table, place: usize) -> Oid {
    let place = Oid::try_from(place).unwrap_or(PER_TABLE);
    (table.oid.wrapping_mul(PER_TABLE).wrapping_add(place)) % FIRST_DEFAULT_OID
}

/// An index by its name, along the search path.
pub fn find_index<'a>(
    catalog: &'a Catalog,
    settings: &Settings,
    name: &Name,
) -> Option<(&'a Arc<Table>, usize)> {
    match &name.schema {
        Some(schema) => catalog.index(settings.schema(schema)?, &name.name),
        None => along(catalog, settings, &name.name, |catalog, schema| {
            catalog.index(schema, &name.name)
        }),
    }
}

/// `table_column_label`, each part shortened so that all fit, as PostgreSQL's makeObjectName does.
pub fn object_name(table: &str, column: Option<&str>, label: &str) -> String {
    let overhead = label.len() + 1 + usize::from(column.is_some());
    let room = MAX_NAME_BYTES.saturating_sub(overhead);
    let mut first = table.len();
    let mut second = column.map_or(0, str::len);
    while first + second > room {
        if first > second {
            first -= 1;
        } else {
            second -= 1;
        }
    }
    let cut = |text: &str, mut length: usize| {
        while !text.is_char_boundary(length) {
            length -= 1;
        }
        text[..length].to_owned()
    };
    match column {
        Some(column) => format!("{}_{}_{label}", cut(table, first), cut(column, second)),
        None => format!("{}_{label}", cut(table, first)),
    }
}

/// The first of `name`, `name1`, `name2`, ... that is free.
pub fn choose(
    table: &str,
    column: Option<&str>,
    label: &str,
    taken: impl Fn(&str) -> bool,
) -> String {
    let mut name = object_name(table, column, label);
    let numbered = |number: u64| object_name(table, column, &format!("{label}{number}"));
    let mut number = 0u64;
    while taken(&name) {
        number += 1;
        // Of many that were made up the numbers are taken without gaps but for those
        // that somebody dropped: then the first free one is not found, but a free one.
        if number == 16 {
            let (mut low, mut high) = (number, number * 2);
            while taken(&numbered(high)) {
                (low, high) = (high, high.saturating_mul(2));
            }
            while high - low > 1 {
                let middle = low + (high - low) / 2;
                match taken(&numbered(middle)) {
                    true => low = middle,
                    false => high = middle,
                }
            }
            return numbered(high);
        }
        name = numbered(number);
    }
    name
}

/// Names of an index's columns joined with `_`, as index names carry them.
pub fn joined<'a>(columns: impl Iterator<Item = &'a str>) -> String {
    let mut joined = String::new();
    for column in columns {
        if !joined.is_empty() {
            joined.push('_');
        }
        joined.push_str(column);
        if joined.len() >= MAX_NAME_BYTES {
            break;
        }
    }
    joined
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn made_up_names_are_postgresqls() {
        assert_eq!(object_name("t", None, "pkey"), "t_pkey");
        assert_eq!(object_name("t", Some("a_b"), "key"), "t_a_b_key");
        let long = "x".repeat(60);
        let name = object_name(&long, Some(&long), "idx");
        assert_eq!(name.len(), 63);
        assert!(name.ends_with("x_idx"));
        let taken = ["t_a_idx", "t_a_idx1"];
        assert_eq!(
            choose("t", Some("a"), "idx", |n| taken.contains(&n)),
            "t_a_idx2"
        );
    }
}
