//! The database, the role, the settings, the session.

use crate::pg_catalog::cells::{Cell, Rows};
use crate::pg_catalog::context::{
    CatalogContext, DATABASE, INFORMATION_SCHEMA_OID, OWNER, PG_CATALOG_OID,
};
use crate::pg_catalog::definitions::object_acl;
use crate::settings::registry::{self, Kind};
use crate::settings::values::{self, Range};
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
        let range = Range::of(known.kind);
        let (kind, least, most) = match (known.kind, &range) {
            (_, Some(range)) => (
                "integer",
                Some(range.least.to_string()),
                Some(range.most.to_string()),
            ),
            (Kind::Real(least, most), _) => {
                ("real", Some(least.to_string()), Some(most.to_string()))
            }
            (Kind::Bool, _) => ("bool", None, None),
            (Kind::Choice(_), _) => ("enum", None, None),
            _ => ("string", None, None),
        };
        // In steps of the unit, unlike what SHOW prints.
        let plain = |shown: &str| match values::steps(known, shown) {
            Some(steps) => steps.to_string(),
            None => shown.to_owned(),
        };
        let choices = match known.kind {
            Kind::Choice(choices) => {
                Cell::Texts(choices.iter().map(|choice| (*choice).to_owned()).collect())
            }
            _ => Cell::Null,
        };
        rows.add([
            ("name", known.name.into()),
            ("setting", plain(&value).into()),
            ("unit", range.as_ref().and_then(Range::unit).into()),
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
            ("min_val", least.into()),
            ("max_val", most.into()),
            ("enumvals", choices),
            ("boot_val", plain(known.default).into()),
            ("reset_val", plain(known.default).into()),
            ("pending_restart", false.into()),
        ]);
    }
}

/// Sessions and transactions are counted; rows, blocks and the time they take are not.
pub fn pg_stat_database(context: &CatalogContext, rows: &mut Rows) {
    let Some(own) = context.facts().backend.as_ref() else {
        return;
    };
    let whole = |count: u64| i64::try_from(count).unwrap_or(i64::MAX);
    let (committed, undone) = own.all().transactions();
    rows.add([
        ("datid", DATABASE.into()),
        ("datname", context.facts().database.as_str().into()),
        ("numbackends", own.all().all().len().into()),
        ("xact_commit", whole(committed).into()),
        ("xact_rollback", whole(undone).into()),
        // There are no standbys to conflict with.
        ("conflicts", 0.into()),
    ]);
}

/// Nothing is archived.
pub fn pg_stat_archiver(_context: &CatalogContext, rows: &mut Rows) {
    rows.add([("archived_count", 0.into()), ("failed_count", 0.into())]);
}

/// There are no checkpoints and no background writer: commits are flushed by themselves.
pub fn pg_stat_bgwriter(_context: &CatalogContext, rows: &mut Rows) {
    rows.add([
        ("checkpoints_timed", 0.into()),
        ("checkpoints_req", 0.into()),
        ("checkpoint_write_time", 0.into()),
        ("checkpoint_sync_time", 0.into()),
        ("buffers_checkpoint", 0.into()),
        ("buffers_clean", 0.into()),
        ("maxwritten_clean", 0.into()),
        ("buffers_backend", 0.into()),
        ("buffers_backend_fsync", 0.into()),
    ]);
}
