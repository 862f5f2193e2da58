//! The list of array functions and operators: names, types, bodies.

use super::dimensions::*;
use super::search::*;
use super::series::*;
use super::*;
use crate::planned::functions::{Function, T, function};

pub const FUNCTIONS: &[Function] = &[
    function("&&", &[T::Array, T::Array], T::Bool, overlaps),
    function("<@", &[T::Array, T::Array], T::Bool, contained),
    function("@>", &[T::Array, T::Array], T::Bool, contains),
    function(
        "array_append",
        &[T::Array, T::Element],
        T::Array,
        array_append,
    )
    .lenient(),
    function("array_cat", &[T::Array, T::Array], T::Array, array_cat).lenient(),
    function(
        "array_element",
        &[T::Array, T::Int4],
        T::Element,
        array_element,
    ),
    function("array_length", &[T::Array, T::Int4], T::Int4, array_length),
    function("array_lower", &[T::Array, T::Int4], T::Int4, array_lower),
    function(
        "array_lower",
        &[T::Array, T::Int4, T::Int4],
        T::Int4,
        array_lower,
    ),
    function("array_ndims", &[T::Array], T::Int4, array_ndims),
    function(
        "array_position",
        &[T::Array, T::Element],
        T::Int4,
        array_position,
    )
    .lenient(),
    function(
        "array_positions",
        &[T::Array, T::Element],
        T::Ints,
        array_positions,
    )
    .lenient(),
    function(
        "array_prepend",
        &[T::Element, T::Array],
        T::Array,
        array_prepend,
    )
    .lenient(),
    function(
        "array_remove",
        &[T::Array, T::Element],
        T::Array,
        array_remove,
    )
    .lenient(),
    function(
        "array_replace",
        &[T::Array, T::Element, T::Element],
        T::Array,
        array_replace,
    )
    .lenient(),
    function(
        "array_slice",
        &[T::Array, T::Int4, T::Int4],
        T::Array,
        array_slice,
    ),
    function(
        "array_to_string",
        &[T::Array, T::Text],
        T::Text,
        array_to_string,
    ),
    function(
        "array_to_string",
        &[T::Array, T::Text, T::Text],
        T::Text,
        array_to_string,
    )
    .lenient(),
    function("array_dims", &[T::Array], T::Text, array_dims),
    function("array_fill", &[T::Element, T::Ints], T::Array, array_fill).lenient(),
    function(
        "array_fill",
        &[T::Element, T::Ints, T::Ints],
        T::Array,
        array_fill,
    )
    .lenient(),
    function(
        "array_position",
        &[T::Array, T::Element, T::Int4],
        T::Int4,
        array_position,
    )
    .lenient(),
    function("array_upper", &[T::Array, T::Int4], T::Int4, array_upper),
    function(
        "array_upper",
        &[T::Array, T::Int4, T::Int4],
        T::Int4,
        array_upper,
    ),
    function("cardinality", &[T::Array], T::Int4, cardinality),
    function("generate_series", &[T::Int4, T::Int4], T::Ints, series4),
    function(
        "generate_series",
        &[T::Int4, T::Int4, T::Int4],
        T::Ints,
        series4,
    ),
    function("generate_series", &[T::Int8, T::Int8], T::Bigints, series8),
    function(
        "generate_series",
        &[T::Int8, T::Int8, T::Int8],
        T::Bigints,
        series8,
    ),
    function(
        "generate_series",
        &[T::Numeric, T::Numeric],
        T::Numerics,
        series_numeric,
    ),
    function(
        "generate_series",
        &[T::Numeric, T::Numeric, T::Numeric],
        T::Numerics,
        series_numeric,
    ),
    function(
        "generate_series",
        &[T::Timestamp, T::Timestamp, T::Interval],
        T::Timestamps,
        series_timestamp,
    ),
    function(
        "generate_series",
        &[T::TimestampTz, T::TimestampTz, T::Interval],
        T::TimestampTzs,
        series_timestamptz,
    ),
    function(
        "generate_subscripts",
        &[T::Array, T::Int4],
        T::Ints,
        generate_subscripts,
    ),
    function(
        "generate_subscripts",
        &[T::Array, T::Int4, T::Bool],
        T::Ints,
        generate_subscripts,
    ),
    function(
        "generate_subscripts",
        &[T::Array, T::Int4, T::Bool, T::Int4],
        T::Ints,
        generate_subscripts,
    ),
    function(
        "string_to_array",
        &[T::Text, T::Text],
        T::Texts,
        string_to_array,
    )
    .lenient(),
    function(
        "string_to_array",
        &[T::Text, T::Text, T::Text],
        T::Texts,
        string_to_array,
    )
    .lenient(),
    function(
        "string_to_table",
        &[T::Text, T::Text],
        T::Texts,
        string_to_array,
    )
    .lenient(),
    function(
        "string_to_table",
        &[T::Text, T::Text, T::Text],
        T::Texts,
        string_to_array,
    )
    .lenient(),
    function("trim_array", &[T::Array, T::Int4], T::Array, trim_array),
    function(
        "width_bucket",
        &[T::Element, T::Array],
        T::Int4,
        width_bucket,
    ),
    function("||", &[T::Array, T::Array], T::Array, array_cat).lenient(),
    function("||", &[T::Array, T::Element], T::Array, array_append).lenient(),
    function("||", &[T::Element, T::Array], T::Array, array_prepend).lenient(),
];
