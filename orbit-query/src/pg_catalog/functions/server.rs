//! The session and the server: who, where, since when, under which settings.

use super::Arg::{Any, Bool, Int, Text};
use super::{Call, Function, lenient, strict};
use crate::backend::Ends;
use crate::pg_catalog::cells::Cell;
use crate::pg_catalog::relations::{Kind, PG_CATALOG};
use crate::settings::registry::SERVER_VERSION;
use orbit_core::Result;
use orbit_core::catalog::is_temporary_schema;
use std::net::SocketAddr;
use std::sync::LazyLock;
use std::time::{SystemTime, UNIX_EPOCH};

#[rustfmt::skip]
pub const FUNCTIONS: &[Function] = &[
    strict("current_catalog", &[], 0, Kind::Text, current_database),
    strict("current_database", &[], 0, Kind::Text, current_database),
    strict("current_role", &[], 0, Kind::Text, current_user),
    strict("current_schema", &[], 0, Kind::Text, current_schema),
    strict("current_schemas", &[Bool], 1, Kind::Texts, current_schemas),
    strict("current_user", &[], 0, Kind::Text, current_user),
    strict("getdatabaseencoding", &[], 0, Kind::Text, encoding),
    strict("inet_client_addr", &[], 0, Kind::Inet, client_addr),
    strict("inet_client_port", &[], 0, Kind::Int4, client_port),
    strict("inet_server_addr", &[], 0, Kind::Inet, server_addr),
    strict("inet_server_port", &[], 0, Kind::Int4, server_port),
    strict("pg_backend_pid", &[], 0, Kind::Int4, pg_backend_pid),
    strict("pg_char_to_encoding", &[Text], 1, Kind::Int4, pg_char_to_encoding),
    strict("pg_client_encoding", &[], 0, Kind::Text, encoding),
    strict("pg_conf_load_time", &[], 0, Kind::Timestamp, started),
    strict("pg_encoding_to_char", &[Int], 1, Kind::Text, pg_encoding_to_char),
    strict("pg_is_in_recovery", &[], 0, Kind::Bool, no),
    lenient("pg_is_other_temp_schema", &[Any], 1, Kind::Bool, no),
    strict("pg_my_temp_schema", &[], 0, Kind::Oid, my_temp_schema),
    strict("pg_postmaster_start_time", &[], 0, Kind::Timestamp, started),
    strict("pg_tablespace_location", &[Any], 1, Kind::Text, empty),
    strict("pg_trigger_depth", &[], 0, Kind::Int4, nothing),
    strict("session_user", &[], 0, Kind::Text, session_user),
    strict("user", &[], 0, Kind::Text, current_user),
    strict("version", &[], 0, Kind::Text, version),
];

/// `pg_wchar.h` numbers encodings; Orbit has this one.
const UTF8: i64 = 6;

fn current_database(call: &Call<'_>) -> Result<Cell> {
    Ok(call.context.facts().database.as_str().into())
}

fn current_user(call: &Call<'_>) -> Result<Cell> {
    Ok(call.context.facts().user.as_str().into())
}

fn session_user(call: &Call<'_>) -> Result<Cell> {
    Ok(call.context.facts().session_user.as_str().into())
}

fn current_schema(call: &Call<'_>) -> Result<Cell> {
    let mut path = call.context.search_path().into_iter();
    Ok(path.find(|schema| !is_temporary_schema(schema)).into())
}

fn current_schemas(call: &Call<'_>) -> Result<Cell> {
    let (mut schemas, path): (Vec<_>, Vec<_>) = call
        .context
        .search_path()
        .into_iter()
        .partition(|schema| is_temporary_schema(schema));
    if call.bool(0) == Some(true) {
        schemas.push(PG_CATALOG.to_owned());
    } else {
        schemas.clear();
    }
    schemas.extend(path);
    Ok(schemas.into())
}

fn encoding(_call: &Call<'_>) -> Result<Cell> {
    Ok("UTF8".into())
}

fn pg_backend_pid(call: &Call<'_>) -> Result<Cell> {
    Ok(call.context.facts().pid.into())
}

fn pg_char_to_encoding(call: &Call<'_>) -> Result<Cell> {
    let name = call.text(0).unwrap_or_default().to_ascii_lowercase();
    Ok(match name.as_str() {
        "utf8" | "utf-8" | "unicode" => UTF8,
        _ => -1,
    }
    .into())
}

fn pg_encoding_to_char(call: &Call<'_>) -> Result<Cell> {
    Ok(match call.int(0) {
        Some(UTF8) => "UTF8",
        Some(0) => "SQL_ASCII",
        _ => "",
    }
    .into())
}

fn no(_call: &Call<'_>) -> Result<Cell> {
    Ok(false.into())
}

fn my_temp_schema(call: &Call<'_>) -> Result<Cell> {
    let settings = call.context.settings();
    let own = settings.and_then(|settings| settings.temporary_schema());
    let own = own.and_then(|own| call.context.catalog().schema(own));
    Ok(own.map_or(0, |schema| i64::from(schema.oid)).into())
}

fn nothing(_call: &Call<'_>) -> Result<Cell> {
    Ok(0.into())
}

fn empty(_call: &Call<'_>) -> Result<Cell> {
    Ok("".into())
}

fn micros(at: SystemTime) -> i64 {
    let since = at.duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_micros()).unwrap_or(i64::MAX)
}

/// When this process first asked, which is at the start of the server's work.
fn started(_call: &Call<'_>) -> Result<Cell> {
    static STARTED: LazyLock<i64> = LazyLock::new(|| micros(SystemTime::now()));
    Ok(Cell::Micros(*STARTED))
}

fn ends(call: &Call<'_>) -> Ends {
    let backend = call.context.facts().backend.as_ref();
    backend.map(|backend| backend.ends).unwrap_or_default()
}

fn address(end: Option<SocketAddr>) -> Cell {
    end.map(|end| end.ip().to_canonical().to_string()).into()
}

fn port(end: Option<SocketAddr>) -> Cell {
    end.map(|end| i64::from(end.port())).into()
}

fn client_addr(call: &Call<'_>) -> Result<Cell> {
    Ok(address(ends(call).client))
}

fn client_port(call: &Call<'_>) -> Result<Cell> {
    Ok(port(ends(call).client))
}

fn server_addr(call: &Call<'_>) -> Result<Cell> {
    Ok(address(ends(call).server))
}

fn server_port(call: &Call<'_>) -> Result<Cell> {
    Ok(port(ends(call).server))
}

fn version(_call: &Call<'_>) -> Result<Cell> {
    let orbit = env!("CARGO_PKG_VERSION");
    Ok(format!("PostgreSQL {SERVER_VERSION} (Orbit {orbit})").into())
}
