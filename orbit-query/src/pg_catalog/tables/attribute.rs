//! Columns and what they take where nothing is given.

use super::relation::{SEQUENCE_COLUMNS, all_columns, indexes};
use crate::ddl::index;
use crate::pg_catalog::cells::Rows;
use crate::pg_catalog::context::CatalogContext;
use crate::pg_catalog::definitions::{column_acl, column_value};
use crate::pg_catalog::objects::default_oid;
use crate::pg_catalog::relations::relations;
use crate::pg_catalog::types;
use orbit_core::catalog::{Column, DroppedColumn, Identity, Table};
use orbit_core::types::Oid;

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
    /// `pg_attribute`'s letters: a or d, and s.
    identity: &'static str,
    generated: &'static str,
    acl: Option<Vec<String>>,
}

impl<'a> Attribute<'a> {
    fn plain(relation: Oid, number: usize, name: &'a str, type_oid: Oid) -> Attribute<'a> {
        Attribute {
            relation,
            number,
            name,
            type_oid,
            modifier: -1,
            not_null: false,
            has_default: false,
            has_missing: false,
            identity: "",
            generated: "",
            acl: None,
        }
    }
}

fn add_attribute(rows: &mut Rows, attribute: Attribute<'_>) {
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
        ("attidentity", attribute.identity.into()),
        ("attgenerated", attribute.generated.into()),
        ("attislocal", true.into()),
        ("attcollation", row.map_or(0, |row| row.collation).into()),
        ("attacl", attribute.acl.into()),
    ]);
}

/// What is left of a dropped column: its number, and how its values lie in older rows.
fn add_dropped(rows: &mut Rows, table: &Table, gone: &DroppedColumn) {
    let relation = table.oid;
    let row = types::by_oid(gone.sql_type.oid());
    let number = table.number_of_slot(usize::from(gone.slot));
    let name = format!("........pg.dropped.{number}........");
    rows.add([
        ("attrelid", relation.into()),
        ("attname", name.into()),
        ("atttypid", 0.into()),
        ("attstattarget", 0.into()),
        ("attlen", row.map_or(-1, |row| row.length).into()),
        ("attnum", number.into()),
        ("attndims", 0.into()),
        ("attcacheoff", (-1).into()),
        ("atttypmod", gone.sql_type.modifier().into()),
        ("attbyval", row.is_some_and(|row| row.by_value).into()),
        ("attalign", row.map_or("i", |row| row.align).into()),
        ("attstorage", row.map_or("x", |row| row.storage).into()),
        ("attnotnull", false.into()),
        ("atthasdef", false.into()),
        ("atthasmissing", false.into()),
        ("attidentity", "".into()),
        ("attgenerated", "".into()),
        ("attisdropped", true.into()),
        ("attislocal", true.into()),
        ("attcollation", row.map_or(0, |row| row.collation).into()),
    ]);
}

pub fn pg_attribute(context: &CatalogContext, rows: &mut Rows) {
    for relation in relations().iter() {
        for (place, column) in relation.columns.iter().enumerate() {
            let type_oid = types::by_name(column.type_name).map_or(25, |row| row.oid);
            let plain = Attribute::plain(relation.oid, place + 1, column.name, type_oid);
            let attribute = Attribute {
                not_null: column.not_null,
                ..plain
            };
            add_attribute(rows, attribute);
        }
    }
    for table in context.catalog().tables() {
        for (place, column) in table.columns.iter().enumerate() {
            let sql_type = &column.sql_type;
            let number = table.attnum(place);
            let plain = Attribute::plain(table.oid, number, &column.name, sql_type.oid());
            let attribute = Attribute {
                modifier: column.modifier(),
                not_null: column.not_null,
                has_default: has_value(column),
                has_missing: column.missing.is_some(),
                identity: match column.identity {
                    Some(Identity::Always) => "a",
                    Some(Identity::ByDefault) => "d",
                    None => "",
                },
                generated: if column.generated.is_some() { "s" } else { "" },
                acl: column_acl(context, table.acl.as_ref(), column),
                ..plain
            };
            add_attribute(rows, attribute);
        }
        for gone in table.dropped.iter().filter(|gone| !gone.computed) {
            add_dropped(rows, table, gone);
        }
        for (oid, _, columns, _, _) in indexes(table) {
            let columns = all_columns(table, oid, &columns);
            let names = index::column_names(table, &columns);
            for ((place, key), name) in columns.iter().enumerate().zip(&names) {
                let Some(sql_type) = table.type_at(key.column) else {
                    continue;
                };
                let plain = Attribute::plain(oid, place + 1, name, sql_type.oid());
                let attribute = Attribute {
                    modifier: match table.columns.get(key.column) {
                        Some(column) => column.modifier(),
                        None => sql_type.modifier(),
                    },
                    ..plain
                };
                add_attribute(rows, attribute);
            }
        }
    }
    for view in context.catalog().views() {
        for (place, column) in view.columns.iter().enumerate() {
            let sql_type = &column.sql_type;
            let plain = Attribute::plain(view.oid, place + 1, &column.name, sql_type.oid());
            let attribute = Attribute {
                modifier: column.modifier(),
                ..plain
            };
            add_attribute(rows, attribute);
        }
    }
    for sequence in context.catalog().sequences() {
        for (place, (name, type_oid)) in SEQUENCE_COLUMNS.into_iter().enumerate() {
            let plain = Attribute::plain(sequence.oid, place + 1, name, type_oid);
            let attribute = Attribute {
                not_null: true,
                ..plain
            };
            add_attribute(rows, attribute);
        }
    }
}

/// Whether `pg_attrdef` has a row for the column.
pub fn has_value(column: &Column) -> bool {
    let has = column.default.is_some() || column.sequence.is_some() || column.generated.is_some();
    has && column.identity.is_none()
}

pub fn pg_attrdef(context: &CatalogContext, rows: &mut Rows) {
    for table in context.catalog().tables() {
        for place in 0..table.columns.len() {
            if let Some(text) = column_value(context, table, place, false) {
                rows.add([
                    ("oid", default_oid(table, place).into()),
                    ("adrelid", table.oid.into()),
                    ("adnum", table.attnum(place).into()),
                    ("adbin", text.into()),
                ]);
            }
        }
    }
}
