//! What `\d` and `\dt` ask.

use crate::cli::import::literal;

pub const TABLES: &str = "\
SELECT n.nspname AS schema, c.relname AS name, \
       CASE c.relkind WHEN 'r' THEN 'table' WHEN 'v' THEN 'view' WHEN 'i' THEN 'index' ELSE c.relkind::text END AS type \
FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace \
WHERE c.relkind IN ('r', 'v') AND n.nspname NOT IN ('pg_catalog', 'information_schema') \
ORDER BY 1, 2";

/// A row if there is such a relation.
pub fn relation(table: &str) -> String {
    let (schema, name) = named(table);
    format!(
        "SELECT c.relname \
         FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace \
         WHERE c.relname = {name} AND n.nspname = {schema} AND c.relkind IN ('r', 'v')"
    )
}

pub fn columns(table: &str) -> String {
    let (schema, name) = named(table);
    format!(
        "SELECT column_name AS column, data_type AS type, \
                CASE is_nullable WHEN 'NO' THEN 'not null' ELSE '' END AS nullable, \
                column_default AS default \
         FROM information_schema.columns \
         WHERE table_name = {name} AND table_schema = {schema} ORDER BY ordinal_position"
    )
}

pub fn indexes(table: &str) -> String {
    let (schema, name) = named(table);
    format!(
        "SELECT indexname AS index, indexdef AS definition FROM pg_catalog.pg_indexes \
         WHERE tablename = {name} AND schemaname = {schema} ORDER BY 1"
    )
}

fn named(table: &str) -> (String, String) {
    let (schema, name) = table.split_once('.').unwrap_or(("public", table));
    (literal(schema), literal(name))
}
