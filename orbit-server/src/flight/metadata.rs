//! What the catalog holds, in the shapes that Flight SQL prescribes; only what the
//! session's role may do something with.

use super::guest::Held;
use crate::pg::DATABASE;
use arrow::array::{ArrayRef, Int32Array, StringArray, UInt8Array};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use arrow::record_batch::RecordBatch;
use arrow_flight::sql::metadata::GetTablesBuilder;
use arrow_flight::sql::{Command, CommandGetCrossReference, CommandGetDbSchemas, CommandGetTables};
use orbit_core::value::Value;
use orbit_core::{Error, Result};
use orbit_query::planned::outward_schema;
use std::sync::Arc;

/// The kinds of relations, as `pg_class` and as Flight SQL call them.
const KINDS: [(&str, &str); 2] = [("r", "TABLE"), ("v", "VIEW")];

const TABLES: &str = "\
    SELECT n.nspname, c.relname, c.relkind \
    FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace \
    WHERE c.relkind IN ('r', 'v') AND n.nspname NOT IN ('pg_catalog', 'information_schema') \
    AND ($1 IS NULL OR n.nspname LIKE $1) AND ($2 IS NULL OR c.relname LIKE $2) \
    AND has_schema_privilege(n.oid, 'USAGE') \
    AND (has_table_privilege(c.oid, 'SELECT, INSERT, UPDATE, DELETE, TRUNCATE, REFERENCES') \
         OR has_any_column_privilege(c.oid, 'SELECT, INSERT, UPDATE, REFERENCES')) \
    ORDER BY 1, 2";

const SCHEMAS: &str = "\
    SELECT n.nspname FROM pg_catalog.pg_namespace n \
    WHERE ($1 IS NULL OR n.nspname LIKE $1) AND has_schema_privilege(n.oid, 'USAGE') ORDER BY 1";

const PRIMARY: &str = "\
    SELECT n.nspname, c.relname, a.attname, k.conname, p.place \
    FROM pg_catalog.pg_constraint k JOIN pg_catalog.pg_class c ON c.oid = k.conrelid \
    JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace \
    CROSS JOIN LATERAL generate_subscripts(k.conkey, 1) AS p(place) \
    JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attnum = k.conkey[p.place] \
    WHERE k.contype = 'p' AND c.relname = $2 AND ($1 IS NULL OR n.nspname = $1) \
    AND has_schema_privilege(n.oid, 'USAGE') \
    AND has_any_column_privilege(c.oid, 'SELECT, INSERT, UPDATE, REFERENCES') ORDER BY 1, 2, 5";

const FOREIGN: &str = "\
    SELECT pn.nspname, pc.relname, pa.attname, fn.nspname, fc.relname, fa.attname, p.place, \
    k.conname, pk.conname, k.confupdtype, k.confdeltype \
    FROM pg_catalog.pg_constraint k JOIN pg_catalog.pg_class fc ON fc.oid = k.conrelid \
    JOIN pg_catalog.pg_namespace fn ON fn.oid = fc.relnamespace \
    JOIN pg_catalog.pg_class pc ON pc.oid = k.confrelid \
    JOIN pg_catalog.pg_namespace pn ON pn.oid = pc.relnamespace \
    LEFT JOIN pg_catalog.pg_constraint pk ON pk.conindid = k.conindid AND pk.contype IN ('p', 'u') \
    AND pk.conrelid = k.confrelid \
    CROSS JOIN LATERAL generate_subscripts(k.conkey, 1) AS p(place) \
    JOIN pg_catalog.pg_attribute fa ON fa.attrelid = fc.oid AND fa.attnum = k.conkey[p.place] \
    JOIN pg_catalog.pg_attribute pa ON pa.attrelid = pc.oid AND pa.attnum = k.confkey[p.place] \
    WHERE k.contype = 'f' AND ($1 IS NULL OR pn.nspname = $1) AND ($2 IS NULL OR pc.relname = $2) \
    AND ($3 IS NULL OR fn.nspname = $3) AND ($4 IS NULL OR fc.relname = $4) \
    AND has_schema_privilege(fn.oid, 'USAGE') AND has_schema_privilege(pn.oid, 'USAGE') \
    AND has_any_column_privilege(fc.oid, 'SELECT, INSERT, UPDATE, REFERENCES') \
    AND has_any_column_privilege(pc.oid, 'SELECT, INSERT, UPDATE, REFERENCES') \
    ORDER BY 1, 2, 4, 5, 8, 7";

/// What the answer to a question about the catalog looks like; `None`: it is none.
pub fn schema(command: &Command) -> Option<SchemaRef> {
    let text = |name: &str, nullable| Field::new(name, DataType::Utf8, nullable);
    Some(match command {
        Command::CommandGetCatalogs(_) => Arc::new(Schema::new(vec![text("catalog_name", false)])),
        Command::CommandGetDbSchemas(_) => Arc::new(Schema::new(vec![
            text("catalog_name", true),
            text("db_schema_name", false),
        ])),
        Command::CommandGetTables(command) => tables(command.clone()).schema(),
        Command::CommandGetTableTypes(_) => Arc::new(Schema::new(vec![text("table_type", false)])),
        Command::CommandGetPrimaryKeys(_) => Arc::new(Schema::new(vec![
            text("catalog_name", true),
            text("db_schema_name", true),
            text("table_name", false),
            text("column_name", false),
            text("key_name", true),
            Field::new("key_sequence", DataType::Int32, false),
        ])),
        Command::CommandGetExportedKeys(_)
        | Command::CommandGetImportedKeys(_)
        | Command::CommandGetCrossReference(_) => Arc::new(Schema::new(vec![
            text("pk_catalog_name", true),
            text("pk_db_schema_name", true),
            text("pk_table_name", false),
            text("pk_column_name", false),
            text("fk_catalog_name", true),
            text("fk_db_schema_name", true),
            text("fk_table_name", false),
            text("fk_column_name", false),
            Field::new("key_sequence", DataType::Int32, false),
            text("fk_key_name", true),
            text("pk_key_name", true),
            Field::new("update_rule", DataType::UInt8, false),
            Field::new("delete_rule", DataType::UInt8, false),
        ])),
        _ => return None,
    })
}

fn tables(command: CommandGetTables) -> GetTablesBuilder {
    command.into_builder()
}

impl Held {
    pub async fn metadata(&mut self, command: Command) -> Result<RecordBatch> {
        let schema = schema(&command).ok_or_else(|| Error::internal("not about the catalog"))?;
        let columns: Vec<ArrayRef> = match command {
            Command::CommandGetCatalogs(_) => vec![texts([Some(DATABASE.to_owned())])],
            Command::CommandGetTableTypes(_) => {
                vec![texts(KINDS.map(|(_, kind)| Some(kind.to_owned())))]
            }
            Command::CommandGetDbSchemas(command) => self.schemas(&command).await?,
            Command::CommandGetTables(command) => return self.tables(command).await,
            Command::CommandGetPrimaryKeys(command) => {
                let ours = is_ours(command.catalog.as_deref());
                let values = [
                    optional(command.db_schema),
                    optional(ours.then_some(command.table)),
                ];
                let rows = match ours {
                    true => self.query(PRIMARY, &values).await?,
                    false => Vec::new(),
                };
                vec![
                    catalogs(rows.len()),
                    column(&rows, 0),
                    column(&rows, 1),
                    column(&rows, 2),
                    column(&rows, 3),
                    places(&rows, 4),
                ]
            }
            Command::CommandGetExportedKeys(command) => {
                let asked = CommandGetCrossReference {
                    pk_catalog: command.catalog,
                    pk_db_schema: command.db_schema,
                    pk_table: command.table,
                    ..CommandGetCrossReference::default()
                };
                self.foreign_keys(asked).await?
            }
            Command::CommandGetImportedKeys(command) => {
                let asked = CommandGetCrossReference {
                    fk_catalog: command.catalog,
                    fk_db_schema: command.db_schema,
                    fk_table: command.table,
                    ..CommandGetCrossReference::default()
                };
                self.foreign_keys(asked).await?
            }
            Command::CommandGetCrossReference(command) => self.foreign_keys(command).await?,
            _ => return Err(Error::internal("not about the catalog")),
        };
        RecordBatch::try_new(schema, columns)
            .map_err(|error| Error::internal(format!("an answer about the catalog: {error}")))
    }

    async fn schemas(&mut self, command: &CommandGetDbSchemas) -> Result<Vec<ArrayRef>> {
        let rows = match is_ours(command.catalog.as_deref()) {
            true => {
                let pattern = optional(command.db_schema_filter_pattern.clone());
                self.query(SCHEMAS, &[pattern]).await?
            }
            false => Vec::new(),
        };
        Ok(vec![catalogs(rows.len()), column(&rows, 0)])
    }

    async fn tables(&mut self, command: CommandGetTables) -> Result<RecordBatch> {
        let rows = match is_ours(command.catalog.as_deref()) {
            true => {
                let patterns = [
                    optional(command.db_schema_filter_pattern.clone()),
                    optional(command.table_name_filter_pattern.clone()),
                ];
                self.query(TABLES, &patterns).await?
            }
            false => Vec::new(),
        };
        let (with_schema, kinds) = (command.include_schema, command.table_types.clone());
        // The patterns were applied, by PostgreSQL's rules; the kinds are left.
        let mut builder = tables(CommandGetTables {
            db_schema_filter_pattern: None,
            table_name_filter_pattern: None,
            ..command
        });
        for row in &rows {
            let (schema, table, kind) = (cell(row, 0), cell(row, 1), cell(row, 2));
            let kind = KINDS.iter().find(|(letter, _)| *letter == kind);
            let kind = kind.map_or("TABLE", |(_, kind)| kind);
            if !kinds.is_empty() && !kinds.iter().any(|wanted| wanted == kind) {
                continue;
            }
            let columns = match with_schema {
                true => self.columns(&schema, &table).await?,
                false => Arc::new(Schema::empty()),
            };
            builder
                .append(DATABASE, schema, table, kind, &columns)
                .map_err(unbuilt)?;
        }
        builder.build().map_err(unbuilt)
    }

    async fn columns(&mut self, schema: &str, table: &str) -> Result<SchemaRef> {
        let quoted = |name: &str| format!("\"{}\"", name.replace('"', "\"\""));
        let sql = format!("SELECT * FROM {}.{}", quoted(schema), quoted(table));
        let prepared = self.session.prepare(&sql, &[]).await?;
        Ok(outward_schema(
            prepared.columns.as_deref().unwrap_or_default(),
        ))
    }

    async fn foreign_keys(&mut self, asked: CommandGetCrossReference) -> Result<Vec<ArrayRef>> {
        let ours = is_ours(asked.pk_catalog.as_deref()) && is_ours(asked.fk_catalog.as_deref());
        let named = |table: String| optional((!table.is_empty()).then_some(table));
        let values = [
            optional(asked.pk_db_schema),
            named(asked.pk_table),
            optional(asked.fk_db_schema),
            named(asked.fk_table),
        ];
        let rows = match ours {
            true => self.query(FOREIGN, &values).await?,
            false => Vec::new(),
        };
        let rules = |place: usize| -> ArrayRef {
            let rules = rows.iter().map(|row| rule(&cell(row, place)));
            Arc::new(UInt8Array::from_iter_values(rules))
        };
        Ok(vec![
            catalogs(rows.len()),
            column(&rows, 0),
            column(&rows, 1),
            column(&rows, 2),
            catalogs(rows.len()),
            column(&rows, 3),
            column(&rows, 4),
            column(&rows, 5),
            places(&rows, 6),
            column(&rows, 7),
            column(&rows, 8),
            rules(9),
            rules(10),
        ])
    }
}

/// What happens to rows that refer to one that goes, as JDBC numbers it.
fn rule(letter: &str) -> u8 {
    match letter {
        "c" => 0,
        "r" => 1,
        "n" => 2,
        "d" => 4,
        _ => 3,
    }
}

/// A node has one database.
fn is_ours(catalog: Option<&str>) -> bool {
    catalog.is_none_or(|catalog| catalog == DATABASE)
}

fn optional(text: Option<String>) -> Value {
    text.map_or(Value::Null, Value::Text)
}

fn cell(row: &[Value], place: usize) -> String {
    match row.get(place) {
        Some(Value::Text(text)) => text.clone(),
        _ => String::new(),
    }
}

fn texts(values: impl IntoIterator<Item = Option<String>>) -> ArrayRef {
    Arc::new(values.into_iter().collect::<StringArray>())
}

fn catalogs(rows: usize) -> ArrayRef {
    texts(std::iter::repeat_n(Some(DATABASE.to_owned()), rows))
}

fn column(rows: &[Vec<Value>], place: usize) -> ArrayRef {
    texts(rows.iter().map(|row| match row.get(place) {
        Some(Value::Text(text)) => Some(text.clone()),
        _ => None,
    }))
}

fn places(rows: &[Vec<Value>], place: usize) -> ArrayRef {
    let places = rows.iter().map(|row| match row.get(place) {
        Some(Value::Int4(place)) => *place,
        _ => 0,
    });
    Arc::new(Int32Array::from_iter_values(places))
}

fn unbuilt(error: impl std::fmt::Display) -> Error {
    Error::internal(format!("an answer about the catalog: {error}"))
}
