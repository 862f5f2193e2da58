//! Names in SQL text: folded to lower case unless quoted, resolved along the search path.

pub use super::quoting::quote;
use crate::settings::Settings;
use orbit_core::catalog::{Catalog, Relation, Table};
use orbit_core::ids::TableId;
#[cfg(feature = "datafusion")]
use orbit_core::types::SqlType;
use orbit_core::{Error, Result, state};
use sqlparser::ast::{Ident, ObjectName};
use sqlparser::tokenizer::Location;
use std::sync::Arc;

/// A relation's name as a statement gave it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Name {
    pub schema: Option<String>,
    pub name: String,
}

impl Name {
    pub fn of(name: &ObjectName) -> Result<Name> {
        let (schema, name) = split(name)?;
        Ok(Name { schema, name })
    }

    /// A name written in a string, as `regclass` reads it.
    pub fn parse(text: &str) -> Option<Name> {
        let mut parts = super::quoting::split_name(text)?;
        let name = parts.pop()?;
        let schema = parts.pop();
        let database = parts.pop();
        let here = database.is_none_or(|database| is_database(&database));
        (here && parts.is_empty()).then_some(Name { schema, name })
    }

    /// What the name means among tables, views, sequences and indexes.
    pub fn relation<'a>(&self, catalog: &'a Catalog, settings: &Settings) -> Option<Relation<'a>> {
        match &self.schema {
            Some(schema) => catalog.relation(schema, &self.name),
            None => settings
                .search_path()
                .iter()
                .find_map(|schema| catalog.relation(schema, &self.name)),
        }
    }

    pub fn find<'a>(&self, catalog: &'a Catalog, settings: &Settings) -> Option<&'a Arc<Table>> {
        look_up(catalog, settings, self.schema.as_deref(), &self.name)
    }

    pub fn require<'a>(&self, catalog: &'a Catalog, settings: &Settings) -> Result<&'a Arc<Table>> {
        self.find(catalog, settings)
            .ok_or_else(|| undefined_table(self.schema.as_deref(), &self.name))
    }
}

impl std::fmt::Display for Name {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&display(self.schema.as_deref(), &self.name))
    }
}

/// Whether it is the name of the database. There is one, and the names that tools try
/// first for lack of another mean it, too.
pub fn is_database(name: &str) -> bool {
    matches!(name, "orbit" | "postgres" | "template1")
}

/// 0A000 where the first of three names isn't the database's.
pub fn check_database(database: &str, schema: &str, name: &str) -> Result<()> {
    if is_database(database) {
        return Ok(());
    }
    Err(Error::new(
        state::FEATURE_NOT_SUPPORTED,
        format!("cross-database references are not implemented: \"{database}.{schema}.{name}\""),
    ))
}

/// PostgreSQL's NAMEDATALEN - 1.
pub const MAX_NAME_BYTES: usize = 63;

/// An identifier as PostgreSQL knows it: lower case unless quoted, at most 63 bytes.
pub fn fold(ident: &Ident) -> String {
    let mut name = if ident.quote_style.is_some() {
        ident.value.clone()
    } else {
        // Only ASCII letters fold, as in a C locale.
        ident.value.to_ascii_lowercase()
    };
    truncate(&mut name);
    name
}

/// Cuts a name to the longest that is kept, on a character boundary.
pub fn truncate(name: &mut String) {
    if name.len() > MAX_NAME_BYTES {
        let mut end = MAX_NAME_BYTES;
        while !name.is_char_boundary(end) {
            end -= 1;
        }
        name.truncate(end);
    }
}

/// `[[database.]schema.]name`, folded.
pub fn split(name: &ObjectName) -> Result<(Option<String>, String)> {
    let mut parts = Vec::with_capacity(2);
    for part in &name.0 {
        let ident = part
            .as_ident()
            .ok_or_else(|| Error::new(state::SYNTAX_ERROR, format!("improper name: {name}")))?;
        parts.push(fold(ident));
    }
    let last = parts.pop();
    let schema = parts.pop();
    let database = parts.pop();
    if let (Some(database), Some(schema), Some(name), true) =
        (&database, &schema, &last, parts.is_empty())
    {
        check_database(database, schema, name)?;
    }
    match (last, parts.is_empty()) {
        (Some(name), true) => Ok((schema, name)),
        _ => Err(Error::new(
            state::SYNTAX_ERROR,
            format!("improper qualified name (too many dotted names): {name}"),
        )),
    }
}

/// What a name without a schema means: the first relation of that name along the search path
/// hides all later ones, of whatever kind they are.
pub fn along<'a, T>(
    catalog: &'a Catalog,
    settings: &Settings,
    name: &str,
    find: impl Fn(&'a Catalog, &str) -> Option<T>,
) -> Option<T> {
    for schema in settings.search_path() {
        if let Some(found) = find(catalog, schema) {
            return Some(found);
        }
        if catalog.relation(schema, name).is_some() {
            return None;
        }
    }
    None
}

/// The table `name` means, if there is one.
pub fn look_up<'a>(
    catalog: &'a Catalog,
    settings: &Settings,
    schema: Option<&str>,
    name: &str,
) -> Option<&'a Arc<Table>> {
    match schema {
        Some(schema) => catalog.table(settings.schema(schema)?, name),
        None => along(catalog, settings, name, |catalog, schema| {
            catalog.table(schema, name)
        }),
    }
}

/// The table `name` means; 42P01 if there is none.
pub fn find_table<'a>(
    catalog: &'a Catalog,
    settings: &Settings,
    name: &ObjectName,
) -> Result<&'a Arc<Table>> {
    let (schema, table) = split(name)?;
    look_up(catalog, settings, schema.as_deref(), &table)
        .ok_or_else(|| undefined_table(schema.as_deref(), &table))
}

pub fn undefined_table(schema: Option<&str>, name: &str) -> Error {
    Error::new(
        state::UNDEFINED_TABLE,
        format!("relation \"{}\" does not exist", display(schema, name)),
    )
}

pub fn display(schema: Option<&str>, name: &str) -> String {
    match schema {
        Some(schema) => format!("{schema}.{name}"),
        None => name.to_owned(),
    }
}

/// The position of a column; 42703 if the table has none of that name.
pub fn find_column(table: &Table, name: &str) -> Result<usize> {
    table.column_position(name).ok_or_else(|| {
        Error::new(
            state::UNDEFINED_COLUMN,
            format!(
                "column \"{name}\" of relation \"{}\" does not exist",
                table.name
            ),
        )
    })
}

/// A string of a text, and what it was read as: not quite what is written, where fields of
/// an interval stand behind it.
#[cfg(feature = "datafusion")]
pub struct ReadString {
    pub at: Location,
    pub read: String,
    pub ty: SqlType,
}

/// A table's column, and where a query's text names it.
pub struct NamedColumn {
    pub at: Location,
    pub table: TableId,
    pub column: usize,
}
