//! Privileges: the one role that is connected owns everything.

use super::Arg::Any;
use super::{Call, Function, strict};
use crate::pg_catalog::cells::Cell;
use crate::pg_catalog::relations::Kind;
use orbit_core::Result;

const fn allowed(name: &'static str, least: usize) -> Function {
    strict(name, &[Any, Any, Any, Any], least, Kind::Bool, yes)
}

pub const FUNCTIONS: &[Function] = &[
    allowed("has_any_column_privilege", 2),
    allowed("has_column_privilege", 3),
    allowed("has_database_privilege", 2),
    allowed("has_foreign_data_wrapper_privilege", 2),
    allowed("has_function_privilege", 2),
    allowed("has_language_privilege", 2),
    allowed("has_parameter_privilege", 2),
    allowed("has_schema_privilege", 2),
    allowed("has_sequence_privilege", 2),
    allowed("has_server_privilege", 2),
    allowed("has_table_privilege", 2),
    allowed("has_tablespace_privilege", 2),
    allowed("has_type_privilege", 2),
    allowed("pg_has_role", 2),
    strict("row_security_active", &[Any], 1, Kind::Bool, no),
];

fn yes(_call: &Call<'_>) -> Result<Cell> {
    Ok(true.into())
}

fn no(_call: &Call<'_>) -> Result<Cell> {
    Ok(false.into())
}
