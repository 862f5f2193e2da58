//! Tables, columns, indexes and constraints.

use crate::pg_catalog::cells::{Cell, Rows};
use crate::pg_catalog::context::{CatalogContext, INFORMATION_SCHEMA_OID, OWNER, PG_CATALOG_OID};
use crate::pg_catalog::objects::{
    Object, check_oid, default_expression, default_oid, index_definition, key_columns, quote,
};
use crate::pg_catalog::relations::{PG_CATALOG, relations};
use crate::pg_catalog::types;
use orbit_core::catalog::{IndexColumn, Table};
use orbit_core::types::{Oid, SqlType};
use std::collections::HashMap;
use std::sync::LazyLock;

const HEAP: Oid = 2;
const BTREE: Oid = 403;

pub fn namespace(context: &CatalogContext, schema: &str) -> Oid {
    let mut schemas = context.catalog().schemas();
    let found = schemas.find_map(|(name, oid)| (name == schema).then_some(oid));
    found.unwrap_or(match schema {
        "pg_catalog" => PG_CATALOG_OID,
        "information_schema" => INFORMATION_SCHEMA_OID,
        "public" => 2200,
        _ => 0,
    })
}

/// The btree operator class of a type, as `pg_index.indclass` names it.
fn operator_class(sql_type: &SqlType) -> Oid {
    static CLASSES: LazyLock<HashMap<Oid, Oid>> = LazyLock::new(|| {
        let rows = include_str!("../system/pg_opclass.tsv").lines();
        rows.filter_map(|line| {
            // oid, method, name, namespace, owner, family, input type, default
            let fields: Vec<&str> = line.split('\t').collect();
            let is_default = *fields.get(7)? == "t";
            let class = (fields.get(6)?.parse().ok()?, fields.first()?.parse().ok()?);
            is_default.then_some(class)
        })
        .collect()
    });
    let input = match sql_type {
        SqlType::Varchar(_) => SqlType::Text.oid(),
        other => other.oid(),
    };
    CLASSES.get(&input).copied().unwrap_or(0)
}

/// `reltuples`: -1 where nobody has counted yet.
#[allow(clippy::cast_precision_loss)] // an estimate
fn tuples(table: &Table) -> f64 {
    table.statistics.as_ref().map_or(-1.0, |s| s.rows as f64)
}

pub fn options(table: &Table) -> Option<Vec<String>> {
    let list: Vec<String> = table
        .options
        .iter()
        .map(|(name, value)| format!("{name}={value}"))
        .collect();
    (!list.is_empty()).then_some(list)
}

/// A table's indexes, its primary key's among them: oid, name, columns, unique, primary.
pub fn indexes(table: &Table) -> Vec<(Oid, &str, Vec<IndexColumn>, bool, bool)> {
    let key = table.primary_key.iter().map(|key| {
        let columns = key_columns(key);
        (key.oid, key.constraint.as_str(), columns, true, true)
    });
    let others = table.indexes.iter().map(|index| {
        let columns = index.columns.clone();
        (index.oid, index.name.as_str(), columns, index.unique, false)
    });
    key.chain(others).collect()
}

pub fn pg_class(context: &CatalogContext, rows: &mut Rows) {
    for relation in relations().iter() {
        let is_table = relation.kind == "r";
        rows.add([
            ("oid", relation.oid.into()),
            ("relname", relation.name.into()),
            ("relnamespace", namespace(context, relation.schema).into()),
            ("relowner", OWNER.into()),
            ("relam", if is_table { HEAP } else { 0 }.into()),
            (
                "relfilenode",
                if is_table { relation.oid } else { 0 }.into(),
            ),
            ("reltuples", (-1).into()),
            ("relpersistence", "p".into()),
            ("relkind", relation.kind.into()),
            ("relnatts", relation.columns.len().into()),
            ("relispopulated", true.into()),
            ("relreplident", "n".into()),
        ]);
    }
    for table in context.catalog().tables() {
        let schema = namespace(context, &table.schema);
        let has_index = table.primary_key.is_some() || !table.indexes.is_empty();
        rows.add([
            ("oid", table.oid.into()),
            ("relname", table.name.as_str().into()),
            ("relnamespace", schema.into()),
            ("relowner", OWNER.into()),
            ("relam", HEAP.into()),
            ("relfilenode", table.oid.into()),
            ("reltuples", tuples(table).into()),
            ("relhasindex", has_index.into()),
            (
                "relpersistence",
                if table.temporary { "t" } else { "p" }.into(),
            ),
            ("relkind", "r".into()),
            ("relnatts", table.columns.len().into()),
            ("relchecks", table.checks.len().into()),
            ("relispopulated", true.into()),
            ("relreplident", "d".into()),
            ("reloptions", options(table).into()),
        ]);
        for (oid, name, columns, _, _) in indexes(table) {
            rows.add([
                ("oid", oid.into()),
                ("relname", name.into()),
                ("relnamespace", schema.into()),
                ("relowner", OWNER.into()),
                ("relam", BTREE.into()),
                ("relfilenode", oid.into()),
                ("reltuples", tuples(table).into()),
                (
                    "relpersistence",
                    if table.temporary { "t" } else { "p" }.into(),
                ),
                ("relkind", "i".into()),
                ("relnatts", columns.len().into()),
                ("relispopulated", true.into()),
                ("relreplident", "n".into()),
            ]);
        }
    }
}

/// What differs between the columns of tables, of indexes and of system relations.
struct Attribute<'a> {
    relation: Oid,
    number: usize,
    name: &'a str,
    type_oid: Oid,
    modifier: i32,
    not_null: bool,
    has_default: bool,
    has_missing: bool,
}

fn add_attribute(rows: &mut Rows, attribute: &Attribute<'_>) {
    let row = types::by_oid(attribute.type_oid);
    let is_list = row.is_some_and(|row| row.element != 0 && row.length == -1);
    rows.add([
        ("attrelid", attribute.relation.into()),
        ("attname", attribute.name.into()),
        ("atttypid", attribute.type_oid.into()),
        ("attstattarget", (-1).into()),
        ("attlen", row.map_or(-1, |row| row.length).into()),
        ("attnum", attribute.number.into()),
        ("attndims", i32::from(is_list).into()),
        ("attcacheoff", (-1).into()),
        ("atttypmod", attribute.modifier.into()),
        ("attbyval", row.is_some_and(|row| row.by_value).into()),
        ("attalign", row.map_or("i", |row| row.align).into()),
        ("attstorage", row.map_or("x", |row| row.storage).into()),
        ("attnotnull", attribute.not_null.into()),
        ("atthasdef", attribute.has_default.into()),
        ("atthasmissing", attribute.has_missing.into()),
        ("attislocal", true.into()),
        ("attcollation", row.map_or(0, |row| row.collation).into()),
    ]);
}

pub fn pg_attribute(context: &CatalogContext, rows: &mut Rows) {
    for relation in relations().iter() {
        for (place, column) in relation.columns.iter().enumerate() {
            let type_oid = types::by_name(column.type_name).map_or(25, |row| row.oid);
            let attribute = Attribute {
                relation: relation.oid,
                number: place + 1,
                name: column.name,
                type_oid,
                modifier: -1,
                not_null: column.not_null,
                has_default: false,
                has_missing: false,
            };
            add_attribute(rows, &attribute);
        }
    }
    for table in context.catalog().tables() {
        for (place, column) in table.columns.iter().enumerate() {
            let attribute = Attribute {
                relation: table.oid,
                number: place + 1,
                name: &column.name,
                type_oid: column.sql_type.oid(),
                modifier: column.sql_type.modifier(),
                not_null: column.not_null,
                has_default: column.default.is_some(),
                has_missing: column.missing.is_some(),
            };
            add_attribute(rows, &attribute);
        }
        for (oid, _, columns, _, _) in indexes(table) {
            for (place, key) in columns.iter().enumerate() {
                let Some(column) = table.columns.get(key.column) else {
                    continue;
                };
                let attribute = Attribute {
                    relation: oid,
                    number: place + 1,
                    name: &column.name,
                    type_oid: column.sql_type.oid(),
                    modifier: column.sql_type.modifier(),
                    not_null: false,
                    has_default: false,
                    has_missing: false,
                };
                add_attribute(rows, &attribute);
            }
        }
    }
}

pub fn pg_attrdef(context: &CatalogContext, rows: &mut Rows) {
    for table in context.catalog().tables() {
        for place in 0..table.columns.len() {
            if let Some(text) = default_expression(table, place) {
                rows.add([
                    ("oid", default_oid(table, place).into()),
                    ("adrelid", table.oid.into()),
                    ("adnum", (place + 1).into()),
                    ("adbin", text.into()),
                ]);
            }
        }
    }
}

fn numbers(columns: &[IndexColumn]) -> Vec<i64> {
    let number = |column: &IndexColumn| i64::try_from(column.column + 1).unwrap_or(0);
    columns.iter().map(number).collect()
}

pub fn pg_index(context: &CatalogContext, rows: &mut Rows) {
    for table in context.catalog().tables() {
        for (oid, _, columns, unique, primary) in indexes(table) {
            let types: Vec<Option<&SqlType>> = columns
                .iter()
                .map(|key| table.columns.get(key.column).map(|column| &column.sql_type))
                .collect();
            let collation = |sql_type: &Option<&SqlType>| {
                let row = sql_type.and_then(|sql_type| types::by_oid(sql_type.oid()));
                i64::from(row.map_or(0, |row| row.collation))
            };
            let class = |sql_type: &Option<&SqlType>| i64::from(sql_type.map_or(0, operator_class));
            // Bit 0: descending; bit 1: NULLs first, which goes with it.
            let option = |key: &IndexColumn| if key.descending { 3 } else { 0 };
            rows.add([
                ("indexrelid", oid.into()),
                ("indrelid", table.oid.into()),
                ("indnatts", columns.len().into()),
                ("indnkeyatts", columns.len().into()),
                ("indisunique", unique.into()),
                ("indisprimary", primary.into()),
                ("indimmediate", true.into()),
                ("indisvalid", true.into()),
                ("indisready", true.into()),
                ("indislive", true.into()),
                ("indkey", numbers(&columns).into()),
                (
                    "indcollation",
                    Cell::Ints(types.iter().map(collation).collect()),
                ),
                ("indclass", Cell::Ints(types.iter().map(class).collect())),
                (
                    "indoption",
                    Cell::Ints(columns.iter().map(option).collect()),
                ),
            ]);
        }
    }
}

pub fn pg_constraint(context: &CatalogContext, rows: &mut Rows) {
    for table in context.catalog().tables() {
        let schema = namespace(context, &table.schema);
        let mut add = |oid: Oid, name: &str, kind: &str, index: Oid, columns, condition: Cell| {
            rows.add([
                ("oid", oid.into()),
                ("conname", name.into()),
                ("connamespace", schema.into()),
                ("contype", kind.into()),
                ("convalidated", true.into()),
                ("conrelid", table.oid.into()),
                ("conindid", index.into()),
                ("confupdtype", " ".into()),
                ("confdeltype", " ".into()),
                ("confmatchtype", " ".into()),
                ("conislocal", true.into()),
                ("connoinherit", (kind != "c").into()),
                ("conkey", columns),
                ("conbin", condition),
            ]);
        };
        if let Some(key) = &table.primary_key {
            let columns = numbers(&key_columns(key)).into();
            add(key.oid, &key.constraint, "p", key.oid, columns, Cell::Null);
        }
        for index in table.indexes.iter().filter(|index| index.constraint) {
            let columns = numbers(&index.columns).into();
            add(index.oid, &index.name, "u", index.oid, columns, Cell::Null);
        }
        for (place, check) in table.checks.iter().enumerate() {
            let condition = check.expression.as_str().into();
            add(
                check_oid(table, place),
                &check.name,
                "c",
                0,
                Cell::Null,
                condition,
            );
        }
    }
}

pub fn pg_tables(context: &CatalogContext, rows: &mut Rows) {
    let owner = context.facts().user.as_str();
    let mut add = |schema: &str, name: &str, has_indexes: bool| {
        rows.add([
            ("schemaname", schema.into()),
            ("tablename", name.into()),
            ("tableowner", owner.into()),
            ("hasindexes", has_indexes.into()),
            ("hasrules", false.into()),
            ("hastriggers", false.into()),
            ("rowsecurity", false.into()),
        ]);
    };
    for relation in relations().iter() {
        if relation.kind == "r" && relation.schema == PG_CATALOG {
            add(relation.schema, relation.name, false);
        }
    }
    for table in context.catalog().tables() {
        add(&table.schema, &table.name, !indexes(table).is_empty());
    }
}

pub fn pg_indexes(context: &CatalogContext, rows: &mut Rows) {
    for table in context.catalog().tables() {
        let written = format!("{}.{}", quote(&table.schema), quote(&table.name));
        let key = table
            .primary_key
            .iter()
            .map(|_| Object::PrimaryKey(table.clone()));
        let others = (0..table.indexes.len()).map(|place| Object::Index(table.clone(), place));
        for object in key.chain(others) {
            rows.add([
                ("schemaname", table.schema.as_str().into()),
                ("tablename", table.name.as_str().into()),
                ("indexname", object.name().into()),
                ("indexdef", index_definition(&object, &written).into()),
            ]);
        }
    }
}
