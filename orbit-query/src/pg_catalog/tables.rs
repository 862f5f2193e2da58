//! The rows of each system relation. A relation not named here is always empty:
//! Orbit has nothing of its kind.

mod activity;
mod attribute;
mod constraint;
mod depend;
pub mod extension;
mod information;
mod node;
mod privileges;
mod relation;
mod roles;
mod sequence;
mod server;
mod statistics;
mod usage;
mod view;
mod zones;

use super::cells::Rows;
use super::context::CatalogContext;
use super::relations::{INFORMATION_SCHEMA, PG_CATALOG, Relation};
use super::types;
use orbit_core::catalog::NODE_SCHEMA;

pub use depend::OF_PUBLIC;
pub use relation::{all_columns, namespace};

type Fill = fn(&CatalogContext, &mut Rows);

enum Source {
    /// Made from the catalog when a query asks.
    Made(Fill),
    /// PostgreSQL's own rows, for what is the same in every database.
    Fixed(&'static str),
}

/// One line a relation that has rows, in alphabetical order.
#[rustfmt::skip]
const PG: &[(&str, Source)] = &[
    ("pg_am", Source::Fixed(include_str!("system/pg_am.tsv"))),
    ("pg_amop", Source::Fixed(include_str!("system/pg_amop.tsv"))),
    ("pg_attrdef", Source::Made(attribute::pg_attrdef)),
    ("pg_attribute", Source::Made(attribute::pg_attribute)),
    ("pg_auth_members", Source::Made(roles::pg_auth_members)),
    ("pg_authid", Source::Made(roles::pg_authid)),
    ("pg_available_extension_versions", Source::Made(extension::pg_available_extension_versions)),
    ("pg_available_extensions", Source::Made(extension::pg_available_extensions)),
    ("pg_cast", Source::Fixed(include_str!("system/pg_cast.tsv"))),
    ("pg_class", Source::Made(relation::pg_class)),
    ("pg_collation", Source::Fixed(include_str!("system/pg_collation.tsv"))),
    ("pg_constraint", Source::Made(constraint::pg_constraint)),
    ("pg_cursors", Source::Made(activity::pg_cursors)),
    ("pg_database", Source::Made(server::pg_database)),
    ("pg_db_role_setting", Source::Made(roles::pg_db_role_setting)),
    ("pg_default_acl", Source::Made(roles::pg_default_acl)),
    ("pg_depend", Source::Made(depend::pg_depend)),
    ("pg_description", Source::Made(depend::pg_description)),
    ("pg_extension", Source::Made(extension::pg_extension)),
    ("pg_group", Source::Made(roles::pg_group)),
    ("pg_index", Source::Made(relation::pg_index)),
    ("pg_indexes", Source::Made(relation::pg_indexes)),
    ("pg_init_privs", Source::Made(server::pg_init_privs)),
    ("pg_language", Source::Fixed(include_str!("system/pg_language.tsv"))),
    ("pg_locks", Source::Made(activity::pg_locks)),
    ("pg_namespace", Source::Made(server::pg_namespace)),
    ("pg_opclass", Source::Fixed(include_str!("system/pg_opclass.tsv"))),
    ("pg_operator", Source::Fixed(include_str!("system/pg_operator.tsv"))),
    ("pg_opfamily", Source::Fixed(include_str!("system/pg_opfamily.tsv"))),
    ("pg_prepared_statements", Source::Made(activity::pg_prepared_statements)),
    ("pg_proc", Source::Fixed(include_str!("system/pg_proc.tsv"))),
    ("pg_rewrite", Source::Made(view::pg_rewrite)),
    ("pg_roles", Source::Made(roles::pg_roles)),
    ("pg_sequence", Source::Made(sequence::pg_sequence)),
    ("pg_sequences", Source::Made(sequence::pg_sequences)),
    ("pg_settings", Source::Made(server::pg_settings)),
    ("pg_shadow", Source::Made(roles::pg_shadow)),
    ("pg_shdescription", Source::Made(depend::pg_shdescription)),
    ("pg_stat_activity", Source::Made(activity::pg_stat_activity)),
    ("pg_stat_all_indexes", Source::Made(statistics::pg_stat_user_indexes)),
    ("pg_stat_all_tables", Source::Made(statistics::pg_stat_user_tables)),
    ("pg_stat_archiver", Source::Made(server::pg_stat_archiver)),
    ("pg_stat_bgwriter", Source::Made(server::pg_stat_bgwriter)),
    ("pg_stat_database", Source::Made(server::pg_stat_database)),
    ("pg_stat_gssapi", Source::Made(activity::pg_stat_gssapi)),
    ("pg_stat_ssl", Source::Made(activity::pg_stat_ssl)),
    ("pg_stat_user_indexes", Source::Made(statistics::pg_stat_user_indexes)),
    ("pg_stat_user_tables", Source::Made(statistics::pg_stat_user_tables)),
    ("pg_statio_all_tables", Source::Made(statistics::pg_statio_user_tables)),
    ("pg_statio_user_tables", Source::Made(statistics::pg_statio_user_tables)),
    ("pg_stats", Source::Made(statistics::pg_stats)),
    ("pg_tables", Source::Made(relation::pg_tables)),
    ("pg_tablespace", Source::Fixed(include_str!("system/pg_tablespace.tsv"))),
    ("pg_timezone_names", Source::Made(zones::pg_timezone_names)),
    ("pg_type", Source::Fixed(types::ROWS)),
    ("pg_user", Source::Made(roles::pg_user)),
    ("pg_views", Source::Made(view::pg_views)),
];

#[rustfmt::skip]
const INFORMATION: &[(&str, Source)] = &[
    ("character_sets", Source::Made(information::character_sets)),
    ("check_constraints", Source::Made(usage::check_constraints)),
    ("column_column_usage", Source::Made(usage::column_column_usage)),
    ("column_privileges", Source::Made(privileges::column_privileges)),
    ("columns", Source::Made(information::columns)),
    ("constraint_column_usage", Source::Made(usage::constraint_column_usage)),
    ("constraint_table_usage", Source::Made(usage::constraint_table_usage)),
    ("enabled_roles", Source::Made(information::enabled_roles)),
    ("information_schema_catalog_name", Source::Made(information::catalog_name)),
    ("key_column_usage", Source::Made(usage::key_column_usage)),
    ("referential_constraints", Source::Made(usage::referential_constraints)),
    ("role_column_grants", Source::Made(privileges::column_privileges)),
    ("role_table_grants", Source::Made(privileges::table_privileges)),
    ("role_usage_grants", Source::Made(privileges::usage_privileges)),
    ("schemata", Source::Made(information::schemata)),
    ("sequences", Source::Made(information::sequences)),
    ("table_constraints", Source::Made(usage::table_constraints)),
    ("table_privileges", Source::Made(privileges::table_privileges)),
    ("tables", Source::Made(information::tables)),
    ("usage_privileges", Source::Made(privileges::usage_privileges)),
    ("view_table_usage", Source::Made(usage::view_table_usage)),
    ("views", Source::Made(information::views)),
];

/// Of schema `orbit`.
#[rustfmt::skip]
const NODE: &[(&str, Source)] = &[
    ("actors", Source::Made(node::actors)),
    ("resources", Source::Made(node::resources)),
];

fn source(schema: &str, name: &str) -> Option<&'static Source> {
    let table = match schema {
        PG_CATALOG => PG,
        INFORMATION_SCHEMA => INFORMATION,
        NODE_SCHEMA => NODE,
        _ => return None,
    };
    let place = table
        .binary_search_by(|(known, _)| (*known).cmp(name))
        .ok()?;
    table.get(place).map(|(_, source)| source)
}

/// True when the relation never has a row, whatever the catalog holds.
pub fn is_always_empty(relation: &Relation) -> bool {
    source(relation.schema, relation.name).is_none()
}

pub fn rows(relation: &'static Relation, context: &CatalogContext) -> Rows {
    let mut rows = Rows::new(relation);
    match source(relation.schema, relation.name) {
        Some(Source::Made(fill)) => fill(context, &mut rows),
        Some(Source::Fixed(text)) => rows.add_lines(text),
        None => {}
    }
    rows
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pg_catalog::relations::relations;

    #[test]
    fn tables_of_rows_are_sorted_and_name_relations() {
        for (schema, table) in [
            (PG_CATALOG, PG),
            (INFORMATION_SCHEMA, INFORMATION),
            (NODE_SCHEMA, NODE),
        ] {
            assert!(table.is_sorted_by_key(|(name, _)| *name));
            for (name, _) in table {
                assert!(relations().named(schema, name).is_some(), "{name}");
            }
        }
    }
}
