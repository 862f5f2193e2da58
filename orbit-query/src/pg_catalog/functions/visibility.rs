//! `pg_..._is_visible`: would the bare name find this very object?

use super::Arg::{Any, Oid};
use super::{Call, Function, strict};
use crate::pg_catalog::cells::Cell;
use crate::pg_catalog::relations::Kind;
use crate::pg_catalog::types;
use orbit_core::Result;

#[rustfmt::skip]
pub const FUNCTIONS: &[Function] = &[
    strict("pg_collation_is_visible", &[Oid], 1, Kind::Bool, system),
    strict("pg_conversion_is_visible", &[Oid], 1, Kind::Bool, system),
    strict("pg_function_is_visible", &[Oid], 1, Kind::Bool, system),
    strict("pg_opclass_is_visible", &[Oid], 1, Kind::Bool, system),
    strict("pg_operator_is_visible", &[Oid], 1, Kind::Bool, system),
    strict("pg_opfamily_is_visible", &[Oid], 1, Kind::Bool, system),
    strict("pg_relation_is_publishable", &[Oid], 1, Kind::Bool, publishable),
    strict("pg_statistics_obj_is_visible", &[Any], 1, Kind::Bool, system),
    strict("pg_table_is_visible", &[Oid], 1, Kind::Bool, table),
    strict("pg_ts_config_is_visible", &[Any], 1, Kind::Bool, system),
    strict("pg_ts_dict_is_visible", &[Any], 1, Kind::Bool, system),
    strict("pg_ts_parser_is_visible", &[Any], 1, Kind::Bool, system),
    strict("pg_ts_template_is_visible", &[Any], 1, Kind::Bool, system),
    strict("pg_type_is_visible", &[Oid], 1, Kind::Bool, data_type),
];

/// Objects of these kinds all live in pg_catalog, which is always searched first.
fn system(_call: &Call<'_>) -> Result<Cell> {
    Ok(true.into())
}

fn table(call: &Call<'_>) -> Result<Cell> {
    let path = call.context.search_path();
    let oid = call.relation(0)?;
    let visible = oid.and_then(|oid| call.context.objects().is_visible(oid, &path));
    Ok(visible.into())
}

fn data_type(call: &Call<'_>) -> Result<Cell> {
    let known = call.oid(0).and_then(types::by_oid);
    Ok(known.map(|_| true).into())
}

fn publishable(call: &Call<'_>) -> Result<Cell> {
    let oid = call.relation(0)?;
    let object = oid.and_then(|oid| call.context.objects().get(oid));
    let is_table = matches!(object, Some(crate::pg_catalog::objects::Object::Table(_)));
    Ok(is_table.into())
}
