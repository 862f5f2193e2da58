//! `information_schema`: the same facts in the standard's words.

use crate::pg_catalog::cells::{Cell, Rows};
use crate::pg_catalog::context::CatalogContext;
use crate::pg_catalog::objects::{default_expression, key_columns};
use crate::pg_catalog::relations::{INFORMATION_SCHEMA, PG_CATALOG, relations};
use crate::pg_catalog::types;
use orbit_core::catalog::{IndexColumn, Table};
use orbit_core::types::{Oid, SqlType};
use std::sync::Arc;

fn database(context: &CatalogContext) -> Cell {
    context.facts().database.as_str().into()
}

fn user(context: &CatalogContext) -> Cell {
    context.facts().user.as_str().into()
}

fn yes(value: bool) -> Cell {
    if value { "YES" } else { "NO" }.into()
}

pub fn catalog_name(context: &CatalogContext, rows: &mut Rows) {
    rows.add([("catalog_name", database(context))]);
}

pub fn enabled_roles(context: &CatalogContext, rows: &mut Rows) {
    rows.add([("role_name", user(context))]);
}

pub fn character_sets(context: &CatalogContext, rows: &mut Rows) {
    rows.add([
        ("character_set_name", "UTF8".into()),
        ("character_repertoire", "UCS".into()),
        ("form_of_use", "UTF8".into()),
        ("default_collate_catalog", database(context)),
        ("default_collate_schema", PG_CATALOG.into()),
        ("default_collate_name", "C".into()),
    ]);
}

pub fn schemata(context: &CatalogContext, rows: &mut Rows) {
    let own = context.catalog().schemas().map(|(name, _)| name);
    let system = [PG_CATALOG, INFORMATION_SCHEMA].into_iter();
    for name in system
        .filter(|name| !context.catalog().has_schema(name))
        .chain(own)
    {
        rows.add([
            ("catalog_name", database(context)),
            ("schema_name", name.into()),
            ("schema_owner", user(context)),
        ]);
    }
}

pub fn tables(context: &CatalogContext, rows: &mut Rows) {
    let mut add = |schema: &str, name: &str, is_view: bool, writable: bool| {
        rows.add([
            ("table_catalog", database(context)),
            ("table_schema", schema.into()),
            ("table_name", name.into()),
            (
                "table_type",
                if is_view { "VIEW" } else { "BASE TABLE" }.into(),
            ),
            ("is_insertable_into", yes(writable)),
            ("is_typed", yes(false)),
        ]);
    };
    for relation in relations().iter() {
        add(relation.schema, relation.name, relation.kind == "v", false);
    }
    for table in context.catalog().tables() {
        add(&table.schema, &table.name, false, true);
    }
}

pub fn table_privileges(context: &CatalogContext, rows: &mut Rows) {
    const ALL: [&str; 4] = ["INSERT", "SELECT", "UPDATE", "DELETE"];
    for table in context.catalog().tables() {
        for privilege in ALL {
            rows.add([
                ("grantor", user(context)),
                ("grantee", user(context)),
                ("table_catalog", database(context)),
                ("table_schema", table.schema.as_str().into()),
                ("table_name", table.name.as_str().into()),
                ("privilege_type", privilege.into()),
                ("is_grantable", yes(true)),
                ("with_hierarchy", yes(privilege == "SELECT")),
            ]);
        }
    }
}

pub fn columns(context: &CatalogContext, rows: &mut Rows) {
    for relation in relations().iter() {
        for (place, column) in relation.columns.iter().enumerate() {
            let oid = types::by_name(column.type_name).map_or(25, |row| row.oid);
            let sql_type = SqlType::from_oid(oid).unwrap_or(SqlType::Text);
            add_column(
                context,
                rows,
                &InformationColumn {
                    schema: relation.schema,
                    table: relation.name,
                    name: column.name,
                    number: place + 1,
                    default: None,
                    nullable: !column.not_null,
                    oid,
                    sql_type: &sql_type,
                    writable: false,
                },
            );
        }
    }
    for table in context.catalog().tables() {
        for (place, column) in table.columns.iter().enumerate() {
            add_column(
                context,
                rows,
                &InformationColumn {
                    schema: &table.schema,
                    table: &table.name,
                    name: &column.name,
                    number: place + 1,
                    default: default_expression(table, place),
                    nullable: !column.not_null,
                    oid: column.sql_type.oid(),
                    sql_type: &column.sql_type,
                    writable: true,
                },
            );
        }
    }
}

struct InformationColumn<'a> {
    schema: &'a str,
    table: &'a str,
    name: &'a str,
    number: usize,
    default: Option<String>,
    nullable: bool,
    oid: Oid,
    sql_type: &'a SqlType,
    writable: bool,
}

/// The standard's numbers about a type.
#[derive(Default)]
struct Measures {
    characters: Option<i32>,
    octets: Option<i32>,
    precision: Option<i32>,
    radix: Option<i32>,
    scale: Option<i32>,
    datetime: Option<i32>,
}

fn measures(sql_type: &SqlType) -> Measures {
    let characters = |length: Option<u32>| {
        let length = length.and_then(|n| i32::try_from(n).ok());
        Measures {
            characters: length,
            // A character takes up to four bytes; the most a value can hold is 1 GiB.
            octets: Some(length.map_or(1 << 30, |n| n.saturating_mul(4))),
            ..Measures::default()
        }
    };
    let number = |precision: i32, radix: i32, scale: Option<i32>| Measures {
        precision: Some(precision),
        radix: Some(radix),
        scale,
        ..Measures::default()
    };
    match sql_type {
        SqlType::Int2 => number(16, 2, Some(0)),
        SqlType::Int4 => number(32, 2, Some(0)),
        SqlType::Int8 => number(64, 2, Some(0)),
        SqlType::Float4 => number(24, 2, None),
        SqlType::Float8 => number(53, 2, None),
        SqlType::Numeric(Some((precision, scale))) => {
            number(i32::from(*precision), 10, Some(i32::from(*scale)))
        }
        SqlType::Numeric(None) => Measures {
            radix: Some(10),
            ..Measures::default()
        },
        SqlType::Text => characters(None),
        SqlType::Varchar(length) => characters(*length),
        SqlType::Char(length) => characters(Some(*length)),
        SqlType::Date => Measures {
            datetime: Some(0),
            ..Measures::default()
        },
        SqlType::Time | SqlType::Timestamp | SqlType::TimestampTz | SqlType::Interval => Measures {
            datetime: Some(6),
            ..Measures::default()
        },
        _ => Measures::default(),
    }
}

fn add_column(context: &CatalogContext, rows: &mut Rows, column: &InformationColumn<'_>) {
    let row = types::by_oid(column.oid);
    let measures = measures(column.sql_type);
    let data_type = match row {
        Some(row) if row.element != 0 && row.length == -1 => "ARRAY".to_owned(),
        _ => types::format(column.oid, None),
    };
    rows.add([
        ("table_catalog", database(context)),
        ("table_schema", column.schema.into()),
        ("table_name", column.table.into()),
        ("column_name", column.name.into()),
        ("ordinal_position", column.number.into()),
        ("column_default", column.default.clone().into()),
        ("is_nullable", yes(column.nullable)),
        ("data_type", data_type.into()),
        ("character_maximum_length", measures.characters.into()),
        ("character_octet_length", measures.octets.into()),
        ("numeric_precision", measures.precision.into()),
        ("numeric_precision_radix", measures.radix.into()),
        ("numeric_scale", measures.scale.into()),
        ("datetime_precision", measures.datetime.into()),
        ("udt_catalog", database(context)),
        ("udt_schema", PG_CATALOG.into()),
        ("udt_name", row.map(|row| row.name).into()),
        ("dtd_identifier", column.number.to_string().into()),
        ("is_self_referencing", yes(false)),
        ("is_identity", yes(false)),
        ("identity_cycle", yes(false)),
        ("is_generated", "NEVER".into()),
        ("is_updatable", yes(column.writable)),
    ]);
}

/// Keys and unique constraints: table, name, kind, columns.
fn keys(context: &CatalogContext) -> Vec<(&Arc<Table>, &str, &'static str, Vec<IndexColumn>)> {
    let mut keys = Vec::new();
    for table in context.catalog().tables() {
        if let Some(key) = &table.primary_key {
            keys.push((
                table,
                key.constraint.as_str(),
                "PRIMARY KEY",
                key_columns(key),
            ));
        }
        for index in table.indexes.iter().filter(|index| index.constraint) {
            keys.push((table, index.name.as_str(), "UNIQUE", index.columns.clone()));
        }
    }
    keys
}

pub fn table_constraints(context: &CatalogContext, rows: &mut Rows) {
    let keys = keys(context)
        .into_iter()
        .map(|(table, name, kind, _)| (table, name.to_owned(), kind));
    let checks = checks(context).map(|(table, name, _)| (table, name, "CHECK"));
    for (table, name, kind) in keys.chain(checks) {
        rows.add([
            ("constraint_catalog", database(context)),
            ("constraint_schema", table.schema.as_str().into()),
            ("constraint_name", name.into()),
            ("table_catalog", database(context)),
            ("table_schema", table.schema.as_str().into()),
            ("table_name", table.name.as_str().into()),
            ("constraint_type", kind.into()),
            ("is_deferrable", yes(false)),
            ("initially_deferred", yes(false)),
            ("enforced", yes(true)),
            (
                "nulls_distinct",
                if kind == "UNIQUE" {
                    yes(true)
                } else {
                    Cell::Null
                },
            ),
        ]);
    }
}

/// CHECKs, and NOT NULLs, which the standard counts among them.
fn checks(context: &CatalogContext) -> impl Iterator<Item = (&Arc<Table>, String, String)> {
    context.catalog().tables().flat_map(|table| {
        let checks = table
            .checks
            .iter()
            .map(move |check| (table, check.name.clone(), format!("({})", check.expression)));
        let not_null = table.columns.iter().enumerate();
        let not_null = not_null.filter(|(_, column)| column.not_null);
        let not_null = not_null.map(move |(place, column)| {
            // PostgreSQL's name for it: schema, table and column by number.
            let name = format!("2200_{}_{}_not_null", table.oid, place + 1);
            (table, name, format!("{} IS NOT NULL", column.name))
        });
        checks.chain(not_null)
    })
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

pub fn key_column_usage(context: &CatalogContext, rows: &mut Rows) {
    for (table, name, _, columns) in keys(context) {
        for (place, key) in columns.iter().enumerate() {
            let column = table.columns.get(key.column);
            rows.add([
                ("constraint_catalog", database(context)),
                ("constraint_schema", table.schema.as_str().into()),
                ("constraint_name", name.into()),
                ("table_catalog", database(context)),
                ("table_schema", table.schema.as_str().into()),
                ("table_name", table.name.as_str().into()),
                (
                    "column_name",
                    column.map(|column| column.name.as_str()).into(),
                ),
                ("ordinal_position", (place + 1).into()),
            ]);
        }
    }
}

pub fn constraint_column_usage(context: &CatalogContext, rows: &mut Rows) {
    for (table, name, _, columns) in keys(context) {
        for key in &columns {
            let column = table.columns.get(key.column);
            rows.add([
                ("table_catalog", database(context)),
                ("table_schema", table.schema.as_str().into()),
                ("table_name", table.name.as_str().into()),
                (
                    "column_name",
                    column.map(|column| column.name.as_str()).into(),
                ),
                ("constraint_catalog", database(context)),
                ("constraint_schema", table.schema.as_str().into()),
                ("constraint_name", name.into()),
            ]);
        }
    }
}

pub fn constraint_table_usage(context: &CatalogContext, rows: &mut Rows) {
    for (table, name, _, _) in keys(context) {
        rows.add([
            ("table_catalog", database(context)),
            ("table_schema", table.schema.as_str().into()),
            ("table_name", table.name.as_str().into()),
            ("constraint_catalog", database(context)),
            ("constraint_schema", table.schema.as_str().into()),
            ("constraint_name", name.into()),
        ]);
    }
}
