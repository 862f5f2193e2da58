//! Tables, views, sequences and indexes.

use crate::pg_catalog::cells::{Cell, Rows};
use crate::pg_catalog::context::{CatalogContext, INFORMATION_SCHEMA_OID, OWNER, PG_CATALOG_OID};
use crate::pg_catalog::definitions::{expression_text, index_condition, object_acl};
use crate::pg_catalog::objects::{Object, index_definition, key_columns, quote};
use crate::pg_catalog::relations::{PG_CATALOG, relations};
use crate::pg_catalog::types;
use crate::write::arbiter;
use orbit_core::catalog::{IndexColumn, Table, ViewDef};
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
        SqlType::Cidr => SqlType::Inet.oid(),
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

fn view_options(view: &ViewDef) -> Option<Vec<String>> {
    let option = view.check_option?;
    Some(vec![format!("check_option={}", option.word())])
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
        let refers = !table.foreign_keys.is_empty();
        // PostgreSQL checks foreign keys by triggers, on both sides.
        let is_referred_to = context.catalog().referring(table.id).next().is_some();
        let persistence = if table.temporary { "t" } else { "p" };
        rows.add([
            ("oid", table.oid.into()),
            ("relname", table.name.as_str().into()),
            ("relnamespace", schema.into()),
            // Its row type has no line of its own in pg_type.
            ("reltype", table.oid.into()),
            ("relowner", table.owner.into()),
            ("relam", HEAP.into()),
            ("relfilenode", table.oid.into()),
            ("reltuples", tuples(table).into()),
            ("relhasindex", has_index.into()),
            ("relpersistence", persistence.into()),
            ("relkind", "r".into()),
            (
                "relnatts",
                table
                    .number_of_slot(table.layout.slot_count())
                    .saturating_sub(1)
                    .into(),
            ),
            ("relchecks", table.checks.len().into()),
            ("relhastriggers", (refers || is_referred_to).into()),
            ("relispopulated", true.into()),
            ("relreplident", "d".into()),
            ("relacl", object_acl(context, table.acl.as_ref()).into()),
            ("reloptions", options(table).into()),
        ]);
        for (oid, name, columns, _, _) in indexes(table) {
            rows.add([
                ("oid", oid.into()),
                ("relname", name.into()),
                ("relnamespace", schema.into()),
                ("relowner", table.owner.into()),
                ("relam", BTREE.into()),
                ("relfilenode", oid.into()),
                ("reltuples", tuples(table).into()),
                ("relpersistence", persistence.into()),
                ("relkind", "i".into()),
                ("relnatts", all_columns(table, oid, &columns).len().into()),
                ("relispopulated", true.into()),
                ("relreplident", "n".into()),
            ]);
        }
    }
    for view in context.catalog().views() {
        rows.add([
            ("oid", view.oid.into()),
            ("relname", view.name.as_str().into()),
            ("relnamespace", namespace(context, &view.schema).into()),
            ("reltype", view.oid.into()),
            ("relowner", view.owner.into()),
            (
                "relpersistence",
                if view.temporary { "t" } else { "p" }.into(),
            ),
            ("relkind", "v".into()),
            ("reloptions", view_options(view).into()),
            ("relnatts", view.columns.len().into()),
            ("relhasrules", true.into()),
            ("relispopulated", true.into()),
            ("relreplident", "n".into()),
            ("relacl", object_acl(context, view.acl.as_ref()).into()),
        ]);
    }
    for sequence in context.catalog().sequences() {
        rows.add([
            ("oid", sequence.oid.into()),
            ("relname", sequence.name.as_str().into()),
            ("relnamespace", namespace(context, &sequence.schema).into()),
            ("relowner", sequence.owner.into()),
            ("relfilenode", sequence.oid.into()),
            ("reltuples", 1.into()),
            (
                "relpersistence",
                if sequence.temporary { "t" } else { "p" }.into(),
            ),
            ("relkind", "S".into()),
            ("relnatts", SEQUENCE_COLUMNS.len().into()),
            ("relispopulated", true.into()),
            ("relreplident", "n".into()),
            ("relacl", object_acl(context, sequence.acl.as_ref()).into()),
        ]);
    }
}

/// What a SELECT from a sequence shows: name and type's oid.
pub const SEQUENCE_COLUMNS: [(&str, Oid); 3] =
    [("last_value", 20), ("log_cnt", 20), ("is_called", 16)];

pub fn numbers(table: &Table, columns: &[IndexColumn]) -> Vec<i64> {
    // An expression is no column: 0.
    let number = |column: &IndexColumn| match table.columns.get(column.column) {
        Some(_) => i64::try_from(table.attnum(column.column)).unwrap_or(0),
        None => 0,
    };
    columns.iter().map(number).collect()
}

/// An index's columns with those of INCLUDE behind them.
pub fn all_columns(table: &Table, index: Oid, columns: &[IndexColumn]) -> Vec<IndexColumn> {
    let included = table.included(index).iter().map(|place| IndexColumn {
        column: *place,
        descending: false,
        nulls_first: None,
    });
    columns.iter().cloned().chain(included).collect()
}

/// The expressions of an index, one behind the other.
fn expressions(table: &Table, columns: &[IndexColumn]) -> Option<String> {
    let mut written = String::new();
    let own = columns.iter();
    for kept in own.filter_map(|part| table.computed_at(part.column)) {
        let text = expression_text(&table.columns, &kept.expression);
        // What begins on a line of its own leaves no space behind.
        written.push_str(match (written.is_empty(), text.starts_with('\n')) {
            (true, _) => "",
            (false, true) => ",",
            (false, false) => ", ",
        });
        written.push_str(&text);
    }
    (!written.is_empty()).then_some(written)
}

fn condition(table: &Table, index: Oid) -> Option<String> {
    let index = table.indexes.iter().find(|own| own.oid == index)?;
    let text = arbiter::predicate(table, index)?;
    Some(index_condition(&table.columns, text, false))
}

pub fn pg_index(context: &CatalogContext, rows: &mut Rows) {
    for table in context.catalog().tables() {
        for (oid, _, columns, unique, primary) in indexes(table) {
            let own = table.indexes.iter().find(|index| index.oid == oid);
            let nulls_not_distinct = own.is_some_and(|index| index.nulls_not_distinct);
            let types: Vec<Option<&SqlType>> = columns
                .iter()
                .map(|key| table.type_at(key.column))
                .collect();
            let collation = |sql_type: &Option<&SqlType>| {
                let row = sql_type.and_then(|sql_type| types::by_oid(sql_type.oid()));
                i64::from(row.map_or(0, |row| row.collation))
            };
            let class = |sql_type: &Option<&SqlType>| i64::from(sql_type.map_or(0, operator_class));
            let mut own = table.indexes.iter();
            let deferrable = own.any(|index| index.oid == oid && index.deferrable);
            // Bit 0: descending; bit 1: NULLs first.
            let option = |key: &IndexColumn| {
                i64::from(key.descending) + 2 * i64::from(key.shows_nulls_first())
            };
            let with_included = all_columns(table, oid, &columns);
            rows.add([
                ("indexrelid", oid.into()),
                ("indrelid", table.oid.into()),
                ("indnatts", with_included.len().into()),
                ("indnkeyatts", columns.len().into()),
                ("indisunique", unique.into()),
                ("indnullsnotdistinct", nulls_not_distinct.into()),
                ("indisprimary", primary.into()),
                ("indimmediate", (!deferrable).into()),
                ("indisvalid", true.into()),
                ("indisready", true.into()),
                ("indislive", true.into()),
                ("indkey", numbers(table, &with_included).into()),
                (
                    "indcollation",
                    Cell::Ints(types.iter().map(collation).collect()),
                ),
                ("indclass", Cell::Ints(types.iter().map(class).collect())),
                (
                    "indoption",
                    Cell::Ints(columns.iter().map(option).collect()),
                ),
                ("indexprs", expressions(table, &columns).into()),
                ("indpred", condition(table, oid).into()),
            ]);
        }
    }
}

pub fn pg_tables(context: &CatalogContext, rows: &mut Rows) {
    let mut add = |schema: &str, name: &str, owner: Oid, has_indexes: bool, has_keys: bool| {
        rows.add([
            ("schemaname", schema.into()),
            ("tablename", name.into()),
            ("tableowner", context.role_name(owner).into()),
            ("hasindexes", has_indexes.into()),
            ("hasrules", false.into()),
            ("hastriggers", has_keys.into()),
            ("rowsecurity", false.into()),
        ]);
    };
    for relation in relations().iter() {
        if relation.kind == "r" && relation.schema == PG_CATALOG {
            add(relation.schema, relation.name, OWNER, false, false);
        }
    }
    for table in context.catalog().tables() {
        let has_keys = !table.foreign_keys.is_empty()
            || context.catalog().referring(table.id).next().is_some();
        let has_indexes = !indexes(table).is_empty();
        add(
            &table.schema,
            &table.name,
            table.owner,
            has_indexes,
            has_keys,
        );
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
                (
                    "indexdef",
                    index_definition(&object, &written, false).into(),
                ),
            ]);
        }
    }
}
