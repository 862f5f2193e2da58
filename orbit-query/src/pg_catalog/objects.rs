//! Everything that has an oid, and how it is written: names, index and
//! constraint definitions, default expressions.

use super::definitions::{index_condition, index_part};
use super::relations::{INFORMATION_SCHEMA, PG_CATALOG, Relation, relations};
pub use crate::ddl::names::{check_oid, default_oid};
pub use crate::statement::quoting::{quote, split_name};
use crate::write::arbiter;
use orbit_core::catalog::{Catalog, IndexColumn, PrimaryKey, SequenceDef, Table, ViewDef};
use orbit_core::types::Oid;
use std::collections::HashMap;
use std::sync::Arc;

/// Something in `pg_class`.
#[derive(Clone)]
pub enum Object {
    Table(Arc<Table>),
    PrimaryKey(Arc<Table>),
    Index(Arc<Table>, usize),
    Sequence(Arc<SequenceDef>),
    View(Arc<ViewDef>),
    System(&'static Relation),
}

impl Object {
    pub fn schema(&self) -> &str {
        match self {
            Object::Table(table) | Object::PrimaryKey(table) | Object::Index(table, _) => {
                &table.schema
            }
            Object::Sequence(sequence) => &sequence.schema,
            Object::View(view) => &view.schema,
            Object::System(relation) => relation.schema,
        }
    }

    pub fn name(&self) -> &str {
        match self {
            Object::Table(table) => &table.name,
            Object::PrimaryKey(table) => match &table.primary_key {
                Some(key) => &key.constraint,
                None => "",
            },
            Object::Index(table, place) => match table.indexes.get(*place) {
                Some(index) => &index.name,
                None => "",
            },
            Object::Sequence(sequence) => &sequence.name,
            Object::View(view) => &view.name,
            Object::System(relation) => relation.name,
        }
    }

    /// The columns of an index; `None` for other relations.
    pub fn index_columns(&self) -> Option<Vec<IndexColumn>> {
        match self {
            Object::PrimaryKey(table) => Some(key_columns(table.primary_key.as_ref()?)),
            Object::Index(table, place) => Some(table.indexes.get(*place)?.columns.clone()),
            Object::Table(_) | Object::Sequence(_) | Object::View(_) | Object::System(_) => None,
        }
    }

    /// The table an index belongs to, or the table itself.
    pub fn table(&self) -> Option<&Arc<Table>> {
        match self {
            Object::Table(table) | Object::PrimaryKey(table) | Object::Index(table, _) => {
                Some(table)
            }
            Object::Sequence(_) | Object::View(_) | Object::System(_) => None,
        }
    }
}

pub fn key_columns(key: &PrimaryKey) -> Vec<IndexColumn> {
    let column = |column: &usize| IndexColumn {
        column: *column,
        descending: false,
        nulls_first: None,
    };
    key.columns.iter().map(column).collect()
}

/// Something in `pg_constraint`.
#[derive(Clone)]
pub enum Constraint {
    PrimaryKey(Arc<Table>),
    Unique(Arc<Table>, usize),
    Check(Arc<Table>, usize),
    Foreign(Arc<Table>, usize),
}

impl Constraint {
    pub fn table(&self) -> &Arc<Table> {
        match self {
            Constraint::PrimaryKey(table)
            | Constraint::Unique(table, _)
            | Constraint::Check(table, _)
            | Constraint::Foreign(table, _) => table,
        }
    }
}

pub struct Objects {
    by_oid: HashMap<Oid, Object>,
    by_name: HashMap<(String, String), Oid>,
    constraints: HashMap<Oid, Constraint>,
}

impl Objects {
    pub fn new(catalog: &Catalog) -> Objects {
        let mut objects = Objects {
            by_oid: HashMap::new(),
            by_name: HashMap::new(),
            constraints: HashMap::new(),
        };
        for relation in relations().iter() {
            objects.put(relation.oid, Object::System(relation));
        }
        for table in catalog.tables() {
            objects.put(table.oid, Object::Table(table.clone()));
            if let Some(key) = &table.primary_key {
                objects.put(key.oid, Object::PrimaryKey(table.clone()));
                let constraint = Constraint::PrimaryKey(table.clone());
                objects.constraints.insert(key.oid, constraint);
            }
            for (place, index) in table.indexes.iter().enumerate() {
                objects.put(index.oid, Object::Index(table.clone(), place));
                if index.constraint {
                    let constraint = Constraint::Unique(table.clone(), place);
                    objects.constraints.insert(index.oid, constraint);
                }
            }
            for place in 0..table.checks.len() {
                let constraint = Constraint::Check(table.clone(), place);
                objects
                    .constraints
                    .insert(check_oid(table, place), constraint);
            }
        }
        for table in catalog.tables() {
            for (place, key) in table.foreign_keys.iter().enumerate() {
                let constraint = Constraint::Foreign(table.clone(), place);
                objects.constraints.insert(key.oid, constraint);
            }
        }
        for sequence in catalog.sequences() {
            objects.put(sequence.oid, Object::Sequence(sequence.clone()));
        }
        for view in catalog.views() {
            objects.put(view.oid, Object::View(view.clone()));
        }
        objects
    }

    fn put(&mut self, oid: Oid, object: Object) {
        let name = (object.schema().to_owned(), object.name().to_owned());
        self.by_name.insert(name, oid);
        self.by_oid.insert(oid, object);
    }

    pub fn get(&self, oid: Oid) -> Option<&Object> {
        self.by_oid.get(&oid)
    }

    pub fn constraint(&self, oid: Oid) -> Option<&Constraint> {
        self.constraints.get(&oid)
    }

    /// A relation by its schema and name, each as stored.
    pub fn named(&self, schema: &str, name: &str) -> Option<Oid> {
        self.by_name
            .get(&(schema.to_owned(), name.to_owned()))
            .copied()
    }

    /// As `regclass` reads it: an oid, or a name with or without schema, quoted or folded.
    pub fn find(&self, text: &str, search_path: &[String]) -> Option<Oid> {
        if let Ok(oid) = text.trim().parse() {
            return Some(oid);
        }
        let mut parts = split_name(text)?;
        let name = parts.pop()?;
        match parts.pop() {
            Some(schema) => self.named(&schema, &name),
            None => self.named(PG_CATALOG, &name).or_else(|| {
                search_path
                    .iter()
                    .find_map(|schema| self.named(schema, &name))
            }),
        }
    }

    /// Whether the unqualified name finds this relation.
    pub fn is_visible(&self, oid: Oid, search_path: &[String]) -> Option<bool> {
        let object = self.get(oid)?;
        let quoted = quote(object.name());
        Some(self.find(&quoted, search_path) == Some(oid))
    }

    /// As `regclass` prints it: with the schema only where the name alone would not find it.
    pub fn written(&self, oid: Oid, search_path: &[String]) -> String {
        let Some(object) = self.get(oid) else {
            return match oid {
                0 => "-".to_owned(),
                _ => oid.to_string(),
            };
        };
        let name = quote(object.name());
        match self.find(&name, search_path) == Some(oid) {
            true => name,
            false => format!("{}.{name}", quote(object.schema())),
        }
    }
}

pub fn is_system_schema(schema: &str) -> bool {
    schema == PG_CATALOG || schema == INFORMATION_SCHEMA
}

fn column_name(table: &Table, place: usize) -> String {
    let column = table.columns.get(place);
    column.map_or(String::new(), |column| quote(&column.name))
}

/// One column of an index, as `pg_get_indexdef(oid, n, pretty)` gives it.
pub fn index_column(table: &Table, column: &IndexColumn, pretty: bool) -> String {
    match table.computed_at(column.column) {
        Some(kept) => index_part(&table.columns, &kept.expression, pretty),
        None => column_name(table, column.column),
    }
}

/// ` INCLUDE (...)`, if the index or primary key includes any columns.
pub fn inclusion(table: &Table, index: Oid) -> String {
    let included: Vec<String> = table
        .included(index)
        .iter()
        .filter_map(|place| table.columns.get(*place))
        .map(|column| quote(&column.name))
        .collect();
    match included.is_empty() {
        true => String::new(),
        false => format!(" INCLUDE ({})", included.join(", ")),
    }
}

/// `CREATE INDEX ...`. Pretty: the table's schema only where it is needed.
pub fn index_definition(object: &Object, table_name: &str, pretty: bool) -> Option<String> {
    let table = object.table()?;
    let columns = object.index_columns()?;
    let unique = match object {
        Object::PrimaryKey(_) => true,
        Object::Index(table, place) => table.indexes.get(*place)?.unique,
        _ => return None,
    };
    let columns: Vec<String> = columns
        .iter()
        .map(|column| {
            let name = index_column(table, column, pretty);
            match (column.descending, column.nulls_first) {
                (true, Some(false)) => format!("{name} DESC NULLS LAST"),
                (true, _) => format!("{name} DESC"),
                (false, Some(true)) => format!("{name} NULLS FIRST"),
                (false, _) => name,
            }
        })
        .collect();
    let own = match object {
        Object::Index(table, place) => table.indexes.get(*place),
        _ => None,
    };
    let oid = match object {
        Object::PrimaryKey(_) => table.primary_key.as_ref()?.oid,
        _ => own?.oid,
    };
    let mut behind = inclusion(table, oid);
    if let Some(index) = own {
        if index.nulls_not_distinct {
            behind.push_str(" NULLS NOT DISTINCT");
        }
        if let Some(condition) = arbiter::predicate(table, index) {
            let condition = index_condition(&table.columns, condition, pretty);
            behind.push_str(&format!(" WHERE {condition}"));
        }
    }
    Some(format!(
        "CREATE {}INDEX {} ON {table_name} USING btree ({}){behind}",
        if unique { "UNIQUE " } else { "" },
        quote(object.name()),
        columns.join(", "),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_split_and_quoted() {
        assert_eq!(split_name("Public.Flights").unwrap(), ["public", "flights"]);
        assert_eq!(split_name("\"A.b\".c").unwrap(), ["A.b", "c"]);
        assert_eq!(split_name("\"say \"\"hi\"\"\"").unwrap(), ["say \"hi\""]);
        assert!(split_name("a..b").is_none());
        assert!(split_name("\"open").is_none());
        assert_eq!(quote("flights"), "flights");
        assert_eq!(quote("Flights"), "\"Flights\"");
        assert_eq!(quote("order"), "\"order\"");
        assert_eq!(quote("a\"b"), "\"a\"\"b\"");
    }
}
