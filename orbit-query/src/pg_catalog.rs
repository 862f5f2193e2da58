//! `pg_catalog` and `information_schema`: what clients ask about the database.
//!
//! Everything is made from our own `Catalog`, so all oids agree. Reading
//! order: `relations` (which relations and columns there are), `tables`
//! (their rows), `objects` (what has an oid, and its definition as SQL),
//! [`functions`] (`format_type` and its like), [`rewrite`] (turning the SQL that
//! clients send into what the planner can plan).
//!
//! A planner puts a [`CatalogContext`] into its session's options
//! ([`CatalogContext::install`]), registers [`functions()`] once, and looks
//! relations of the two schemas up in [`schema_provider`].

mod cells;
mod context;
mod definitions;
mod deparse;
pub(crate) mod functions;
pub(crate) mod objects;
mod provider;
mod relations;
mod rewrite;
mod settings;
mod tables;
#[cfg(test)]
mod tests;
mod types;

pub use context::CatalogContext;
pub use definitions::{expression_text, index_part};
pub use functions::functions;
pub use relations::{INFORMATION_SCHEMA, PG_CATALOG};
pub use rewrite::rewrite;

use datafusion::arrow::datatypes::SchemaRef;
use datafusion::catalog::SchemaProvider;
use orbit_core::catalog::NODE_SCHEMA;
use orbit_core::types::SqlType;
use provider::SystemSchema;
use std::sync::Arc;

/// The type of what a function here gives, where its carrier doesn't tell.
pub fn result_type(function: &str) -> Option<SqlType> {
    match function {
        "orbit_int2vector" => Some(SqlType::Int2Vector),
        "orbit_oidvector" => Some(SqlType::OidVector),
        "inet_client_addr" | "inet_server_addr" => Some(SqlType::Inet),
        _ => None,
    }
}

/// The columns of a system relation with their types.
pub fn fields(schema: &str, name: &str) -> Option<SchemaRef> {
    let relation = relations::relations().named(schema, name)?;
    Some(relation.typed.clone())
}

/// The schema of that name, if it is one that has system relations.
pub fn schema_provider(name: &str, context: &CatalogContext) -> Option<Arc<dyn SchemaProvider>> {
    let name = [PG_CATALOG, INFORMATION_SCHEMA, NODE_SCHEMA]
        .into_iter()
        .find(|known| *known == name)?;
    Some(Arc::new(SystemSchema::new(name, context.clone())))
}
