//! Aggregates: which one a call means, and what it gives.
//!
//! Where DataFusion's own has PostgreSQL's result it is used (count, min, max,
//! bool_and, sums that can't leave their type); the rest is here.

mod average;
mod collect;
mod fixed;
mod percentile;
mod row;
mod states;

use crate::planned::arrow::fixed_scale;
use crate::planned::types;
pub use collect::{joined, joined_bytes, json_of_array, stacked, without_repeats};
use datafusion::functions_aggregate as df;
use datafusion::logical_expr::AggregateUDF;
use orbit_core::types::SqlType;
use orbit_core::value::Value;
use orbit_core::value::text::FormatSettings;
use orbit_core::{Error, Result, state};
use row::RowAggregate;
use std::sync::Arc;

/// An aggregate for certain arguments.
pub struct Chosen {
    pub function: Arc<AggregateUDF>,
    /// Types the arguments are brought to.
    pub args: Vec<SqlType>,
    pub returns: SqlType,
}

const NAMES: &[&str] = &[
    "array_agg",
    "avg",
    "bit_and",
    "bit_or",
    "bit_xor",
    "bool_and",
    "bool_or",
    "corr",
    "count",
    "covar_pop",
    "covar_samp",
    "every",
    "json_agg",
    "json_object_agg",
    "jsonb_agg",
    "jsonb_object_agg",
    "max",
    "min",
    "mode",
    "percentile_cont",
    "percentile_disc",
    "regr_avgx",
    "regr_avgy",
    "regr_count",
    "regr_intercept",
    "regr_r2",
    "regr_slope",
    "regr_sxx",
    "regr_sxy",
    "regr_syy",
    "stddev",
    "stddev_pop",
    "stddev_samp",
    "string_agg",
    "sum",
    "var_pop",
    "var_samp",
    "variance",
];

pub fn is_aggregate(name: &str) -> bool {
    NAMES.binary_search(&name).is_ok()
}

/// Whether the order of the rows that it takes shows in what it gives.
pub fn shows_order(name: &str) -> bool {
    name.ends_with("_agg") || matches!(name, "first_value" | "last_value" | "nth_value" | "mode")
}

fn chosen(
    function: Arc<AggregateUDF>,
    args: Vec<SqlType>,
    returns: SqlType,
) -> Result<Option<Chosen>> {
    Ok(Some(Chosen {
        function,
        args,
        returns,
    }))
}

const NUMERIC: SqlType = SqlType::Numeric(None);

/// `Ok(None)`: there is no such aggregate over these types.
pub fn choose(name: &str, args: &[SqlType], format: &FormatSettings) -> Result<Option<Chosen>> {
    use SqlType as S;
    if let ([ty], "array_agg") = (args, name) {
        let element = if *ty == S::Unknown {
            S::Text
        } else {
            ty.clone()
        };
        return chosen(
            df::array_agg::array_agg_udaf(),
            vec![element.clone()],
            S::Array(Box::new(element)),
        );
    }
    match (name, args) {
        ("count", [ty]) => {
            let ty = if *ty == S::Unknown {
                S::Text
            } else {
                ty.clone()
            };
            chosen(df::count::count_udaf(), vec![ty], S::Int8)
        }
        ("bool_and" | "every", [S::Bool | S::Unknown]) => {
            chosen(df::bool_and_or::bool_and_udaf(), vec![S::Bool], S::Bool)
        }
        ("bool_or", [S::Bool | S::Unknown]) => {
            chosen(df::bool_and_or::bool_or_udaf(), vec![S::Bool], S::Bool)
        }
        ("bit_and" | "bit_or" | "bit_xor", [ty]) if types::is_integer(ty) => {
            let function = match name {
                "bit_and" => df::bit_and_or_xor::bit_and_udaf(),
                "bit_or" => df::bit_and_or_xor::bit_or_udaf(),
                _ => df::bit_and_or_xor::bit_xor_udaf(),
            };
            chosen(function, vec![ty.clone()], ty.clone())
        }
        ("min" | "max", [ty]) => {
            let ty = match ty {
                S::Unknown | S::Varchar(_) | S::Name => S::Text,
                S::Bool | S::Json | S::Jsonb | S::Uuid | S::Bytea => return Ok(None),
                S::Cidr => S::Inet,
                other => other.clone(),
            };
            let function = if ty == S::Interval {
                states::extreme_interval(name)
            } else if name == "min" {
                df::min_max::min_udaf()
            } else {
                df::min_max::max_udaf()
            };
            chosen(function, vec![ty.clone()], ty)
        }
        ("sum", [ty]) => sum(ty),
        ("avg", [ty]) => avg(ty),
        ("stddev" | "stddev_samp" | "stddev_pop" | "variance" | "var_samp" | "var_pop", [ty]) => {
            let root = name.starts_with("stddev");
            let population = name.ends_with("_pop");
            if types::is_integer(ty) || matches!(ty, S::Numeric(_)) {
                return chosen(
                    states::exact_variance(name, root, population),
                    vec![NUMERIC],
                    NUMERIC,
                );
            }
            if matches!(ty, S::Float4 | S::Float8 | S::Unknown) {
                return chosen(
                    states::float_variance(name, root, population),
                    vec![S::Float8],
                    S::Float8,
                );
            }
            Ok(None)
        }
        ("corr" | "covar_pop" | "covar_samp", [y, x]) | (_, [y, x])
            if name.starts_with("regr_") || matches!(name, "corr" | "covar_pop" | "covar_samp") =>
        {
            if !types::implicit(y, &S::Float8) && *y != S::Float8
                || !types::implicit(x, &S::Float8) && *x != S::Float8
            {
                return Ok(None);
            }
            let Some((function, returns)) = states::regression(name) else {
                return Ok(None);
            };
            chosen(function, vec![S::Float8, S::Float8], returns)
        }
        // The items are collected, and joined when all are there.
        ("string_agg", [S::Bytea, S::Bytea | S::Unknown] | [S::Unknown, S::Bytea]) => chosen(
            df::array_agg::array_agg_udaf(),
            vec![S::Bytea, S::Bytea],
            S::Bytea,
        ),
        ("string_agg", [value, delimiter]) => {
            let text = |ty: &S| *ty == S::Unknown || types::is_text(ty);
            if !text(value) || !text(delimiter) {
                return Ok(None);
            }
            chosen(
                df::string_agg::string_agg_udaf(),
                vec![S::Text, S::Text],
                S::Text,
            )
        }
        ("json_agg" | "jsonb_agg", [ty]) => {
            let ty = if *ty == S::Unknown {
                S::Text
            } else {
                ty.clone()
            };
            let returns = if name == "json_agg" {
                S::Json
            } else {
                S::Jsonb
            };
            {
                let array = collect::json_array(name, &ty, &returns, format);
                chosen(array, vec![ty], returns)
            }
        }
        _ => Ok(None),
    }
}

pub use fixed::sum_of_products;

fn sum(ty: &SqlType) -> Result<Option<Chosen>> {
    use SqlType as S;
    match ty {
        S::Int2 | S::Int4 => chosen(df::sum::sum_udaf(), vec![S::Int8], S::Int8),
        // 19 digits and ten more for the count of rows: DataFusion's rule for decimals.
        S::Int8 => chosen(
            df::sum::sum_udaf(),
            vec![S::Numeric(Some((19, 0)))],
            S::Numeric(Some((29, 0))),
        ),
        S::Float8 => chosen(states::sum_float8(), vec![S::Float8], S::Float8),
        S::Float4 => chosen(states::sum_float4(), vec![S::Float4], S::Float4),
        S::Numeric(_) => match fixed_scale(ty) {
            Some((precision, scale)) if precision <= 28 => chosen(
                df::sum::sum_udaf(),
                vec![ty.clone()],
                S::Numeric(Some((u16::from(precision) + 10, i16::from(scale)))),
            ),
            Some(_) => chosen(fixed::sum(), vec![ty.clone()], NUMERIC),
            None => chosen(states::sum_numeric(), vec![NUMERIC], NUMERIC),
        },
        S::Interval => chosen(states::sum_interval(), vec![S::Interval], S::Interval),
        S::Unknown => Err(not_unique("sum")),
        _ => Ok(None),
    }
}

fn avg(ty: &SqlType) -> Result<Option<Chosen>> {
    use SqlType as S;
    match ty {
        S::Int2 | S::Int4 | S::Int8 => chosen(average::of_integers(), vec![S::Int8], NUMERIC),
        S::Float4 | S::Float8 => chosen(states::avg_float8(), vec![S::Float8], S::Float8),
        S::Numeric(_) => match fixed_scale(ty) {
            Some(_) => chosen(fixed::average(), vec![ty.clone()], NUMERIC),
            None => chosen(states::avg_numeric(), vec![NUMERIC], NUMERIC),
        },
        S::Interval => chosen(states::avg_interval(), vec![S::Interval], S::Interval),
        S::Unknown => Err(not_unique("avg")),
        _ => Ok(None),
    }
}

fn not_unique(name: &str) -> Error {
    Error::new(
        state::AMBIGUOUS_FUNCTION,
        format!("function {name}(unknown) is not unique"),
    )
    .with_hint(
        "Could not choose a best candidate function. You might need to add explicit type casts.",
    )
}

/// The direct argument of a percentile.
#[derive(Clone, Debug)]
pub enum Fraction {
    Known(Value),
    /// Of this type, and the aggregate's second argument.
    Later(SqlType),
}

/// `percentile_cont`, `percentile_disc` and `mode` WITHIN GROUP.
pub fn choose_ordered_set(
    name: &str,
    ty: &SqlType,
    direct: &[Fraction],
    descending: bool,
) -> Result<Chosen> {
    let none = || {
        Error::new(
            state::UNDEFINED_FUNCTION,
            format!("function {name}({}) does not exist", ty.base()),
        )
        .with_hint("No aggregate function matches the given name and argument types.")
    };
    let (function, args, returns): (RowAggregate, Vec<SqlType>, SqlType) = match (name, direct) {
        ("mode", []) => (collect::mode(ty, descending), vec![ty.clone()], ty.clone()),
        ("percentile_disc" | "percentile_cont", [fraction]) => {
            let ty = match (name, ty) {
                ("percentile_disc", ty) => ty.clone(),
                (_, SqlType::Interval) => SqlType::Interval,
                _ => SqlType::Float8,
            };
            let many = match fraction {
                Fraction::Known(value) => matches!(value, Value::Array(_)),
                Fraction::Later(ty) => matches!(ty, SqlType::Array(_)),
            };
            let returns = if many {
                SqlType::Array(Box::new(ty.clone()))
            } else {
                ty.clone()
            };
            let between = name == "percentile_cont";
            let function = percentile::aggregate(&ty, fraction, between, descending, &returns)?;
            let mut args = vec![ty];
            if let Fraction::Later(ty) = fraction {
                args.push(ty.clone());
            }
            (function, args, returns)
        }
        _ => return Err(none()),
    };
    Ok(Chosen {
        function: Arc::new(AggregateUDF::new_from_impl(function)),
        args,
        returns,
    })
}

#[cfg(test)]
mod tests {
    #[test]
    fn names_are_sorted_for_the_search() {
        assert!(super::NAMES.windows(2).all(|pair| pair[0] < pair[1]));
        assert!(super::is_aggregate("regr_slope") && !super::is_aggregate("round"));
    }
}
