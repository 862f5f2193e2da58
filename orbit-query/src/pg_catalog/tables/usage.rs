//! Constraints and the columns they are about, in the standard's words.

use super::constraint::{columns_of, referenced_index};
use super::information::{database, yes};
use super::namespace;
use crate::pg_catalog::cells::{Cell, Rows};
use crate::pg_catalog::context::CatalogContext;
use crate::pg_catalog::definitions::check_condition;
use crate::pg_catalog::objects::Object;
use orbit_core::catalog::{ForeignKey, ReferentialAction, Table};
use std::sync::Arc;

/// A constraint over columns.
struct Key<'a> {
    table: &'a Arc<Table>,
    name: &'a str,
    kind: &'static str,
    /// Places in the table's columns.
    columns: Vec<usize>,
    foreign: Option<&'a ForeignKey>,
}

fn keys(context: &CatalogContext) -> Vec<Key<'_>> {
    let mut keys = Vec::new();
    for table in context.catalog().tables() {
        if let Some(key) = &table.primary_key {
            keys.push(Key {
                table,
                name: &key.constraint,
                kind: "PRIMARY KEY",
                columns: key.columns.clone(),
                foreign: None,
            });
        }
        for index in table.indexes.iter().filter(|index| index.constraint) {
            keys.push(Key {
                table,
                name: &index.name,
                kind: "UNIQUE",
                columns: index.columns.iter().map(|key| key.column).collect(),
                foreign: None,
            });
        }
        for key in &table.foreign_keys {
            keys.push(Key {
                table,
                name: &key.name,
                kind: "FOREIGN KEY",
                columns: key.columns.clone(),
                foreign: Some(key),
            });
        }
    }
    keys
}

pub fn table_constraints(context: &CatalogContext, rows: &mut Rows) {
    let keys = keys(context)
        .into_iter()
        .map(|key| (key.table, key.name.to_owned(), key.kind, key.foreign));
    let checks = checks(context)
        .into_iter()
        .map(|(table, name, _)| (table, name, "CHECK", None));
    for (table, name, kind, foreign) in keys.chain(checks) {
        let mut indexes = table.indexes.iter();
        let unique = indexes.find(|index| index.constraint && index.name == name);
        let deferrable = foreign.is_some_and(|key| key.deferrable)
            || unique.is_some_and(|index| index.deferrable);
        let deferred = foreign.is_some_and(|key| key.initially_deferred)
            || unique.is_some_and(|index| index.initially_deferred);
        rows.add([
            ("constraint_catalog", database(context)),
            ("constraint_schema", table.schema.as_str().into()),
            ("constraint_name", name.into()),
            ("table_catalog", database(context)),
            ("table_schema", table.schema.as_str().into()),
            ("table_name", table.name.as_str().into()),
            ("constraint_type", kind.into()),
            ("is_deferrable", yes(deferrable)),
            ("initially_deferred", yes(deferred)),
            ("enforced", yes(true)),
            (
                "nulls_distinct",
                match kind {
                    "UNIQUE" => yes(true),
                    _ => Cell::Null,
                },
            ),
        ]);
    }
}

/// CHECKs, and NOT NULLs, which the standard counts among them.
fn checks(context: &CatalogContext) -> Vec<(&Arc<Table>, String, String)> {
    let mut checks = Vec::new();
    for table in context.catalog().tables() {
        for (place, check) in table.checks.iter().enumerate() {
            let condition = check_condition(context, table, place, false);
            let clause = format!("({})", condition.unwrap_or_default());
            checks.push((table, check.name.clone(), clause));
        }
        let schema = namespace(context, &table.schema);
        for (place, column) in table.columns.iter().enumerate() {
            if column.not_null {
                // PostgreSQL's name for it: schema, table and column by number.
                let name = format!("{schema}_{}_{}_not_null", table.oid, table.attnum(place));
                checks.push((table, name, format!("{} IS NOT NULL", column.name)));
            }
        }
    }
    checks
}

pub fn check_constraints(context: &CatalogContext, rows: &mut Rows) {
    for (table, name, clause) in checks(context) {
        rows.add([
            ("constraint_catalog", database(context)),
            ("constraint_schema", table.schema.as_str().into()),
            ("constraint_name", name.into()),
            ("check_clause", clause.into()),
        ]);
    }
}

/// The name of the constraint that a foreign key rests on; NULL for a mere index.
fn rests_on(context: &CatalogContext, key: &ForeignKey) -> Option<(String, String)> {
    let oid = referenced_index(context.catalog(), key);
    context.objects().constraint(oid)?;
    match context.objects().get(oid)? {
        object @ (Object::PrimaryKey(_) | Object::Index(..)) => {
            Some((object.schema().to_owned(), object.name().to_owned()))
        }
        _ => None,
    }
}

/// The place, in the referenced constraint, of each column of a foreign key.
fn places_in_referenced(context: &CatalogContext, key: &ForeignKey) -> Vec<Option<usize>> {
    let oid = referenced_index(context.catalog(), key);
    let object = context.objects().get(oid);
    let columns = object.and_then(Object::index_columns).unwrap_or_default();
    key.referenced_columns
        .iter()
        .map(|wanted| {
            let mut all = columns.iter();
            all.position(|column| column.column == *wanted)
                .map(|place| place + 1)
        })
        .collect()
}

pub fn key_column_usage(context: &CatalogContext, rows: &mut Rows) {
    for key in keys(context) {
        let referenced = key.foreign.map(|key| places_in_referenced(context, key));
        for (place, column) in key.columns.iter().enumerate() {
            let column = key.table.columns.get(*column);
            let position = referenced.as_ref().and_then(|all| *all.get(place)?);
            rows.add([
                ("constraint_catalog", database(context)),
                ("constraint_schema", key.table.schema.as_str().into()),
                ("constraint_name", key.name.into()),
                ("table_catalog", database(context)),
                ("table_schema", key.table.schema.as_str().into()),
                ("table_name", key.table.name.as_str().into()),
                (
                    "column_name",
                    column.map(|column| column.name.as_str()).into(),
                ),
                ("ordinal_position", (place + 1).into()),
                ("position_in_unique_constraint", position.into()),
            ]);
        }
    }
}

/// The table and columns that a constraint rests on: for a foreign key, those referred to.
fn used<'a>(context: &'a CatalogContext, key: &Key<'a>) -> Option<(&'a Arc<Table>, Vec<usize>)> {
    match key.foreign {
        None => Some((key.table, key.columns.clone())),
        Some(foreign) => {
            let table = context.catalog().table_by_id(foreign.referenced)?;
            Some((table, foreign.referenced_columns.clone()))
        }
    }
}

pub fn constraint_column_usage(context: &CatalogContext, rows: &mut Rows) {
    check_column_usage(context, rows);
    for key in keys(context) {
        let Some((table, columns)) = used(context, &key) else {
            continue;
        };
        for column in columns {
            let column = table.columns.get(column);
            rows.add([
                ("table_catalog", database(context)),
                ("table_schema", table.schema.as_str().into()),
                ("table_name", table.name.as_str().into()),
                (
                    "column_name",
                    column.map(|column| column.name.as_str()).into(),
                ),
                ("constraint_catalog", database(context)),
                ("constraint_schema", key.table.schema.as_str().into()),
                ("constraint_name", key.name.into()),
            ]);
        }
    }
}

/// The names of the columns that an expression over the table has.
fn named<'a>(table: &'a Table, expression: &str) -> Vec<&'a str> {
    let numbers = columns_of(table, expression).into_iter();
    let places = numbers.filter_map(|number| usize::try_from(number - 1).ok());
    places
        .filter_map(|place| table.columns.get(place))
        .map(|column| column.name.as_str())
        .collect()
}

/// CHECKs and the columns that they look at.
fn check_column_usage(context: &CatalogContext, rows: &mut Rows) {
    for table in context.catalog().tables() {
        for check in &table.checks {
            for column in named(table, &check.expression) {
                rows.add([
                    ("table_catalog", database(context)),
                    ("table_schema", table.schema.as_str().into()),
                    ("table_name", table.name.as_str().into()),
                    ("column_name", column.into()),
                    ("constraint_catalog", database(context)),
                    ("constraint_schema", table.schema.as_str().into()),
                    ("constraint_name", check.name.as_str().into()),
                ]);
            }
        }
    }
}

/// What generated columns are made of.
pub fn column_column_usage(context: &CatalogContext, rows: &mut Rows) {
    for table in context.catalog().tables() {
        for generated in &table.columns {
            let Some(expression) = &generated.generated else {
                continue;
            };
            for column in named(table, expression) {
                rows.add([
                    ("table_catalog", database(context)),
                    ("table_schema", table.schema.as_str().into()),
                    ("table_name", table.name.as_str().into()),
                    ("column_name", column.into()),
                    ("dependent_column", generated.name.as_str().into()),
                ]);
            }
        }
    }
}

pub fn constraint_table_usage(context: &CatalogContext, rows: &mut Rows) {
    for key in keys(context) {
        let Some((table, _)) = used(context, &key) else {
            continue;
        };
        rows.add([
            ("table_catalog", database(context)),
            ("table_schema", table.schema.as_str().into()),
            ("table_name", table.name.as_str().into()),
            ("constraint_catalog", database(context)),
            ("constraint_schema", key.table.schema.as_str().into()),
            ("constraint_name", key.name.into()),
        ]);
    }
}

fn rule(action: &ReferentialAction) -> &'static str {
    match action {
        ReferentialAction::NoAction => "NO ACTION",
        ReferentialAction::Restrict => "RESTRICT",
        ReferentialAction::Cascade => "CASCADE",
        ReferentialAction::SetNull(_) => "SET NULL",
        ReferentialAction::SetDefault(_) => "SET DEFAULT",
    }
}

pub fn referential_constraints(context: &CatalogContext, rows: &mut Rows) {
    for table in context.catalog().tables() {
        for key in &table.foreign_keys {
            let rests_on = rests_on(context, key);
            let part = |part: fn(&(String, String)) -> &String| -> Cell {
                rests_on.as_ref().map(|names| part(names).clone()).into()
            };
            rows.add([
                ("constraint_catalog", database(context)),
                ("constraint_schema", table.schema.as_str().into()),
                ("constraint_name", key.name.as_str().into()),
                (
                    "unique_constraint_catalog",
                    match rests_on {
                        Some(_) => database(context),
                        None => Cell::Null,
                    },
                ),
                ("unique_constraint_schema", part(|names| &names.0)),
                ("unique_constraint_name", part(|names| &names.1)),
                (
                    "match_option",
                    if key.match_full { "FULL" } else { "NONE" }.into(),
                ),
                ("update_rule", rule(&key.on_update).into()),
                ("delete_rule", rule(&key.on_delete).into()),
            ]);
        }
    }
}

pub fn view_table_usage(context: &CatalogContext, rows: &mut Rows) {
    for view in context.catalog().views() {
        for read in &view.reads {
            let Some(object) = context.objects().get(*read) else {
                continue;
            };
            rows.add([
                ("view_catalog", database(context)),
                ("view_schema", view.schema.as_str().into()),
                ("view_name", view.name.as_str().into()),
                ("table_catalog", database(context)),
                ("table_schema", object.schema().into()),
                ("table_name", object.name().into()),
            ]);
        }
    }
}
