//! What functions do, by their names: for definitions, which are looked at before
//! anything is bound.

use sqlparser::ast::{Function, FunctionArguments};

/// The name in lower case, without the schema that every function is in.
pub fn name_of(function: &Function) -> String {
    let name = function.name.to_string().to_ascii_lowercase();
    name.trim_start_matches("pg_catalog.").to_owned()
}

pub const AGGREGATES: &[&str] = &[
    "count",
    "sum",
    "avg",
    "min",
    "max",
    "array_agg",
    "string_agg",
    "bool_and",
    "bool_or",
    "every",
    "bit_and",
    "bit_or",
    "bit_xor",
    "json_agg",
    "jsonb_agg",
    "json_object_agg",
    "jsonb_object_agg",
    "stddev",
    "stddev_pop",
    "stddev_samp",
    "variance",
    "var_pop",
    "var_samp",
    "corr",
    "covar_pop",
    "covar_samp",
    "mode",
    "percentile_cont",
    "percentile_disc",
];

pub const SETS: &[&str] = &[
    "generate_series",
    "generate_subscripts",
    "unnest",
    "regexp_matches",
    "regexp_split_to_table",
    "string_to_table",
    "json_array_elements",
    "json_array_elements_text",
    "jsonb_array_elements",
    "jsonb_array_elements_text",
    "json_each",
    "json_each_text",
    "jsonb_each",
    "jsonb_each_text",
    "json_object_keys",
    "jsonb_object_keys",
    "jsonb_path_query",
];

/// Functions that look at more than their arguments.
const CHANGING: &[&str] = &[
    "random",
    "setseed",
    "gen_random_uuid",
    "uuid_generate_v4",
    "now",
    "clock_timestamp",
    "statement_timestamp",
    "transaction_timestamp",
    "timeofday",
    "nextval",
    "currval",
    "lastval",
    "setval",
    "current_setting",
    "set_config",
    "version",
    "to_char",
    "to_date",
    "to_number",
    "concat",
    "concat_ws",
    "format",
    "array_to_string",
    "convert_from",
    "convert_to",
    "getdatabaseencoding",
    "to_json",
    "to_jsonb",
    "row_to_json",
    "array_to_json",
    "json_build_array",
    "json_build_object",
    "jsonb_build_array",
    "jsonb_build_object",
    "make_timestamptz",
    "current_database",
    "current_schema",
    "current_schemas",
    "current_user",
    "session_user",
    "current_date",
    "current_time",
    "current_timestamp",
    "localtime",
    "localtimestamp",
    "current_catalog",
    "user",
    "current_role",
    "inet_client_addr",
    "inet_client_port",
    "inet_server_addr",
    "inet_server_port",
    "txid_current",
    "txid_current_if_assigned",
    "format_type",
    "oidvectortypes",
    "to_regclass",
    "to_regnamespace",
    "to_regproc",
    "to_regrole",
    "to_regtype",
    "obj_description",
    "shobj_description",
    "col_description",
    "row_security_active",
    "json_populate_record",
    "jsonb_populate_record",
];

/// Functions that give every row another value.
const VOLATILE: &[&str] = &[
    "random",
    "gen_random_bytes",
    "gen_random_uuid",
    "uuid_generate_v1",
    "uuid_generate_v1mc",
    "uuid_generate_v4",
    "clock_timestamp",
    "timeofday",
    "nextval",
    "setseed",
    "setval",
];

/// Whether PostgreSQL wouldn't call it immutable.
pub fn is_changing(function: &Function) -> bool {
    let name = name_of(function);
    let arguments = match &function.args {
        FunctionArguments::List(list) => list.args.len(),
        _ => 0,
    };
    CHANGING.contains(&name.as_str())
        || name.starts_with("pg_")
        || name.starts_with("has_")
        || (name == "to_timestamp" && arguments == 2)
        || (name == "age" && arguments == 1)
}

pub fn is_volatile(function: &Function) -> bool {
    VOLATILE.contains(&name_of(function).as_str())
}
