//! Extensions: PL/pgSQL, as far as DO takes it, is there as in every database of PostgreSQL.

use crate::pg_catalog::cells::Rows;
use crate::pg_catalog::context::{CatalogContext, OWNER, PG_CATALOG_OID};

/// What `plpgsql` has in `pg_extension`.
pub const PLPGSQL: u32 = 13_579;
/// `pg_extension` itself.
pub const CLASS: u32 = 3079;
pub const OF_PLPGSQL: &str = "PL/pgSQL procedural language";
const OF_PGCRYPTO: &str = "cryptographic functions";

pub fn pg_extension(_context: &CatalogContext, rows: &mut Rows) {
    rows.add([
        ("oid", PLPGSQL.into()),
        ("extname", "plpgsql".into()),
        ("extowner", OWNER.into()),
        ("extnamespace", PG_CATALOG_OID.into()),
        ("extrelocatable", false.into()),
        ("extversion", "1.0".into()),
    ]);
}

pub fn pg_available_extensions(_context: &CatalogContext, rows: &mut Rows) {
    rows.add([
        ("name", "plpgsql".into()),
        ("default_version", "1.0".into()),
        ("installed_version", "1.0".into()),
        ("comment", OF_PLPGSQL.into()),
    ]);
    // Taken by CREATE EXTENSION, which does nothing: what they have is there already.
    rows.add([
        ("name", "pgcrypto".into()),
        ("default_version", "1.3".into()),
        ("comment", OF_PGCRYPTO.into()),
    ]);
    rows.add([
        ("name", "uuid-ossp".into()),
        ("default_version", "1.1".into()),
        (
            "comment",
            "generate universally unique identifiers (UUIDs)".into(),
        ),
    ]);
}

pub fn pg_available_extension_versions(_context: &CatalogContext, rows: &mut Rows) {
    for (name, version, installed, comment) in [
        ("plpgsql", "1.0", true, OF_PLPGSQL),
        ("pgcrypto", "1.3", false, OF_PGCRYPTO),
        (
            "uuid-ossp",
            "1.1",
            false,
            "generate universally unique identifiers (UUIDs)",
        ),
    ] {
        rows.add([
            ("name", name.into()),
            ("version", version.into()),
            ("installed", installed.into()),
            ("superuser", true.into()),
            ("trusted", true.into()),
            ("relocatable", (!installed).into()),
            ("comment", comment.into()),
        ]);
    }
}
