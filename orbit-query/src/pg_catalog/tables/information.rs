//! `information_schema`: the same facts in the standard's words.

use crate::pg_catalog::cells::{Cell, Rows};
use crate::pg_catalog::context::CatalogContext;
use crate::pg_catalog::definitions::{column_value, view_query};
use crate::pg_catalog::relations::{INFORMATION_SCHEMA, PG_CATALOG, relations};
use crate::pg_catalog::types;
use crate::updatable;
use orbit_core::catalog::{CheckOption, Identity, SequenceDef, is_temporary_schema};
use orbit_core::types::{Oid, SqlType};

pub fn database(context: &CatalogContext) -> Cell {
    context.facts().database.as_str().into()
}

pub fn user(context: &CatalogContext) -> Cell {
    context.facts().user.as_str().into()
}

pub fn yes(value: bool) -> Cell {
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
                match is_view {
                    _ if is_temporary_schema(schema) => "LOCAL TEMPORARY",
                    true => "VIEW",
                    false => "BASE TABLE",
                }
                .into(),
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
    for view in context.catalog().views() {
        let writable = updatable::writable(context.catalog(), view).writes();
        add(&view.schema, &view.name, true, writable);
    }
}

pub fn views(context: &CatalogContext, rows: &mut Rows) {
    for view in context.catalog().views() {
        let writable = updatable::writable(context.catalog(), view).writes();
        rows.add([
            ("table_catalog", database(context)),
            ("table_schema", view.schema.as_str().into()),
            ("table_name", view.name.as_str().into()),
            ("view_definition", view_query(context, view).into()),
            (
                "check_option",
                match view.check_option {
                    None => "NONE",
                    Some(CheckOption::Local) => "LOCAL",
                    Some(CheckOption::Cascaded) => "CASCADED",
                }
                .into(),
            ),
            ("is_updatable", yes(writable)),
            ("is_insertable_into", yes(writable)),
            ("is_trigger_updatable", yes(false)),
            ("is_trigger_deletable", yes(false)),
            ("is_trigger_insertable_into", yes(false)),
        ]);
    }
}

pub fn sequences(context: &CatalogContext, rows: &mut Rows) {
    for sequence in context.catalog().sequences() {
        // Those of identity columns are part of their tables.
        if sequence.owned_by.is_some_and(|by| by.identity) {
            continue;
        }
        let measures = measures(&sequence.sql_type);
        rows.add([
            ("sequence_catalog", database(context)),
            ("sequence_schema", sequence.schema.as_str().into()),
            ("sequence_name", sequence.name.as_str().into()),
            (
                "data_type",
                types::format(sequence.sql_type.oid(), None).into(),
            ),
            ("numeric_precision", measures.precision.into()),
            ("numeric_precision_radix", 2.into()),
            ("numeric_scale", 0.into()),
            ("start_value", sequence.start.to_string().into()),
            ("minimum_value", sequence.min.to_string().into()),
            ("maximum_value", sequence.max.to_string().into()),
            ("increment", sequence.increment.to_string().into()),
            ("cycle_option", yes(sequence.cycle)),
        ]);
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
                    generated: None,
                    identity: None,
                    nullable: !column.not_null,
                    oid,
                    sql_type: &sql_type,
                    digits: None,
                    writable: false,
                },
            );
        }
    }
    for table in context.catalog().tables() {
        for (place, column) in table.columns.iter().enumerate() {
            let value = column_value(context, table, place, false);
            let (default, generated) = match column.generated {
                Some(_) => (None, value),
                None => (value, None),
            };
            let identity = column.identity.and_then(|identity| {
                let id = column.sequence?;
                Some((identity, context.catalog().sequence_by_id(id)?))
            });
            add_column(
                context,
                rows,
                &InformationColumn {
                    schema: &table.schema,
                    table: &table.name,
                    name: &column.name,
                    number: table.attnum(place),
                    default,
                    generated,
                    identity: identity.map(|(kind, sequence)| (kind, &**sequence)),
                    nullable: !column.not_null,
                    oid: column.sql_type.oid(),
                    sql_type: &column.sql_type,
                    digits: column.precision,
                    writable: true,
                },
            );
        }
    }
    for view in context.catalog().views() {
        let writable = updatable::writable(context.catalog(), view);
        for (place, column) in view.columns.iter().enumerate() {
            add_column(
                context,
                rows,
                &InformationColumn {
                    schema: &view.schema,
                    table: &view.name,
                    name: &column.name,
                    number: place + 1,
                    default: None,
                    generated: None,
                    identity: None,
                    nullable: true,
                    oid: column.sql_type.oid(),
                    sql_type: &column.sql_type,
                    digits: column.precision,
                    writable: writable.columns.get(place).copied().unwrap_or(false),
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
    generated: Option<String>,
    identity: Option<(Identity, &'a SequenceDef)>,
    nullable: bool,
    oid: Oid,
    sql_type: &'a SqlType,
    digits: Option<u8>,
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
    let mut measures = measures(column.sql_type);
    if let (Some(_), Some(digits)) = (measures.datetime, column.digits) {
        measures.datetime = Some(i32::from(digits));
    }
    let data_type = match row {
        Some(row) if row.element != 0 && row.length == -1 => "ARRAY".to_owned(),
        _ => types::format(column.oid, None),
    };
    let generation = column.identity.map(|(kind, _)| match kind {
        Identity::Always => "ALWAYS",
        Identity::ByDefault => "BY DEFAULT",
    });
    let part = |of: fn(&SequenceDef) -> i64| -> Cell {
        column
            .identity
            .map(|(_, sequence)| of(sequence).to_string())
            .into()
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
        ("is_identity", yes(column.identity.is_some())),
        ("identity_generation", generation.into()),
        ("identity_start", part(|sequence| sequence.start)),
        ("identity_increment", part(|sequence| sequence.increment)),
        ("identity_maximum", part(|sequence| sequence.max)),
        ("identity_minimum", part(|sequence| sequence.min)),
        (
            "identity_cycle",
            yes(column.identity.is_some_and(|(_, of)| of.cycle)),
        ),
        (
            "is_generated",
            if column.generated.is_some() {
                "ALWAYS"
            } else {
                "NEVER"
            }
            .into(),
        ),
        ("generation_expression", column.generated.clone().into()),
        ("is_updatable", yes(column.writable)),
    ]);
}
