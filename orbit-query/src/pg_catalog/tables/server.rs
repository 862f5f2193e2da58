//! The database, the role, the settings, the session.

use crate::pg_catalog::cells::{Cell, Rows};
use crate::pg_catalog::context::{
    CatalogContext, DATABASE, INFORMATION_SCHEMA_OID, OWNER, PG_CATALOG_OID,
};
use crate::pg_catalog::definitions::object_acl;
use crate::settings::registry::{self, Kind};
use orbit_core::catalog::role::DATABASE_OWNER;
use orbit_core::catalog::{PUBLIC_SCHEMA, SchemaDef};

/// `pg_default` in `pg_tablespace`.
const DEFAULT_TABLESPACE: u32 = 1663;
/// UTF8, as `pg_encoding_to_char` numbers it.
const UTF8: i32 = 6;

pub fn pg_namespace(context: &CatalogContext, rows: &mut Rows) {
    let mut add = |oid: u32, name: &str, owner: u32, acl: Option<Vec<String>>| {
        rows.add([
            ("oid", oid.into()),
            ("nspname", name.into()),
            ("nspowner", owner.into()),
            ("nspacl", acl.into()),
        ]);
    };
    let catalog = context.catalog();
    for (name, oid) in [
        ("pg_catalog", PG_CATALOG_OID),
        ("information_schema", INFORMATION_SCHEMA_OID),
    ] {
        if !catalog.has_schema(name) {
            add(oid, name, OWNER, None);
        }
    }
    for schema in catalog.schema_definitions() {
        if is_untouched(schema) {
            add(schema.oid, &schema.name, DATABASE_OWNER, Some(public_acl()));
            continue;
        }
        let acl = object_acl(context, schema.acl.as_ref());
        add(schema.oid, &schema.name, schema.owner, acl);
    }
}

/// `public` as a database starts with it, which PostgreSQL shows as its database's owner's.
fn is_untouched(schema: &SchemaDef) -> bool {
    schema.oid == PUBLIC_SCHEMA && schema.owner == OWNER && schema.acl.is_none()
}

fn public_acl() -> Vec<String> {
    ["pg_database_owner=UC", "=U"]
        .map(|grant| format!("{grant}/pg_database_owner"))
        .to_vec()
}

/// What was granted when the database was made; pg_dump leaves it out.
pub fn pg_init_privs(_context: &CatalogContext, rows: &mut Rows) {
    rows.add([
        ("objoid", PUBLIC_SCHEMA.into()),
        ("classoid", 2615.into()),
        ("privtype", "i".into()),
        ("initprivs", public_acl().into()),
    ]);
}

pub fn pg_database(context: &CatalogContext, rows: &mut Rows) {
    rows.add([
        ("oid", DATABASE.into()),
        ("datname", context.facts().database.as_str().into()),
        ("datdba", OWNER.into()),
        ("encoding", UTF8.into()),
        ("datlocprovider", "c".into()),
        ("datallowconn", true.into()),
        ("datconnlimit", (-1).into()),
        ("dattablespace", DEFAULT_TABLESPACE.into()),
        ("datcollate", "C.UTF-8".into()),
        ("datctype", "C.UTF-8".into()),
    ]);
}

pub fn pg_settings(context: &CatalogContext, rows: &mut Rows) {
    for known in registry::all() {
        let value = super::super::settings::show(context, known.name);
        let value = value.unwrap_or_else(|| known.default.to_owned());
        let is_default = value == known.default;
        let (kind, least, most) = match known.kind {
            Kind::Bool => ("bool", None, None),
            Kind::Integer(least, most) => ("integer", Some(least), Some(most)),
            Kind::Milliseconds(least) => ("integer", Some(least), Some(i64::from(i32::MAX))),
            Kind::Limit => ("integer", Some(0), Some(i64::MAX)),
            Kind::Size(_, least, most) => ("integer", Some(least), Some(most)),
            Kind::Real(..) => ("real", None, None),
            Kind::Choice(_) => ("enum", None, None),
            Kind::Text | Kind::ReadOnly => ("string", None, None),
        };
        let choices = match known.kind {
            Kind::Choice(choices) => {
                Cell::Texts(choices.iter().map(|choice| (*choice).to_owned()).collect())
            }
            _ => Cell::Null,
        };
        rows.add([
            ("name", known.name.into()),
            ("setting", value.into()),
            ("category", "Orbit".into()),
            ("short_desc", known.about.into()),
            (
                "context",
                match known.kind {
                    Kind::ReadOnly => "internal",
                    _ if known.by_superusers => "superuser",
                    _ => "user",
                }
                .into(),
            ),
            ("vartype", kind.into()),
            (
                "source",
                if is_default { "default" } else { "session" }.into(),
            ),
            ("min_val", least.map(|v| v.to_string()).into()),
            ("max_val", most.map(|v| v.to_string()).into()),
            ("enumvals", choices),
            ("boot_val", known.default.into()),
            ("reset_val", known.default.into()),
            ("pending_restart", false.into()),
        ]);
    }
}

pub fn pg_stat_database(context: &CatalogContext, rows: &mut Rows) {
    rows.add([
        ("datid", DATABASE.into()),
        ("datname", context.facts().database.as_str().into()),
    ]);
}
