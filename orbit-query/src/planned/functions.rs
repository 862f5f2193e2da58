//! The table of functions and operators: name, argument types, result, body.
//!
//! One file per family; the list of each is alphabetical. An operator is a
//! function whose name is its sign. What needs the plan rather than values
//! (CASE, COALESCE, EXTRACT's field) is in `bind/special.rs`; aggregates are in
//! `aggregates.rs`.

pub mod are;
pub mod array;
pub mod assign;
pub mod bytes;
pub mod crypto;
pub mod datetime;
pub mod encoding;
pub mod escape;
pub mod format;
pub mod json;
pub mod math;
pub mod network;
pub mod pattern;
pub mod regexp;
pub mod row;
pub mod session;
pub mod sha;
pub mod system;
pub mod text;
pub mod to_char;
pub mod uuids;
pub mod zone;

use crate::pg_catalog;
use crate::planned::types;
use crate::session::SessionFacts;
use ahash::AHashMap;
use orbit_core::Result;
use orbit_core::types::SqlType;
use orbit_core::value::text::FormatSettings;
use orbit_core::value::{Value, ValueRef};
use std::sync::{Arc, LazyLock};

/// Types as the table writes them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum T {
    Bool,
    Int2,
    Int4,
    Int8,
    Float4,
    Float8,
    Numeric,
    Text,
    Bytea,
    Date,
    Time,
    Timestamp,
    TimestampTz,
    Interval,
    Uuid,
    Inet,
    Cidr,
    /// Nothing, as an empty text.
    Void,
    Json,
    Jsonb,
    /// `text[]`
    Texts,
    /// Rows of `text[]`, from a function that gives several.
    TextRows,
    /// `integer[]`, `bigint[]`, ...
    Ints,
    Bigints,
    Numerics,
    Timestamps,
    TimestampTzs,
    Jsons,
    Jsonbs,
    /// Anything, each argument for itself.
    Any,
    /// One type for all arguments that say so.
    Element,
    /// An array of `Element`.
    Array,
}

impl T {
    /// The type itself; text for what goes by the arguments.
    pub fn plain(self) -> SqlType {
        plain(self)
    }
}

/// What a function may know besides its arguments.
#[derive(Clone)]
pub struct Env {
    pub format: FormatSettings,
    /// Types of the arguments, where a body serves several.
    pub types: Vec<SqlType>,
    /// For functions of the session only.
    pub session: Option<Arc<SessionFacts>>,
}

pub type Body = for<'v> fn(&[ValueRef<'v>], &Env) -> Result<Value>;

pub struct Function {
    pub name: &'static str,
    pub args: &'static [T],
    /// The last argument's type may be repeated.
    pub variadic: bool,
    pub returns: T,
    pub strict: bool,
    pub volatile: bool,
    pub body: Body,
    /// Acts on the session that runs it.
    pub of_session: bool,
    pub waits: Option<session::Waits>,
}

/// A strict, unchanging function.
pub const fn function(name: &'static str, args: &'static [T], returns: T, body: Body) -> Function {
    Function {
        name,
        args,
        variadic: false,
        returns,
        strict: true,
        volatile: false,
        body,
        of_session: false,
        waits: None,
    }
}

impl Function {
    pub const fn lenient(mut self) -> Function {
        self.strict = false;
        self
    }
    pub const fn variadic(mut self) -> Function {
        self.variadic = true;
        self
    }
    pub const fn of_session(mut self) -> Function {
        self.of_session = true;
        self.volatile = true;
        self
    }
    pub const fn volatile(mut self) -> Function {
        self.volatile = true;
        self
    }
}

/// What a function has to do with what a statement leaves behind besides rows.
#[derive(Clone, Copy, PartialEq)]
pub enum Effect {
    None,
    /// It tells what others did.
    Reads,
    Acts,
}

pub fn effect(name: &str) -> Effect {
    let known = TABLE.get(name);
    let of_session = known.is_some_and(|known| known.iter().any(|function| function.of_session));
    match name {
        "currval"
        | "lastval"
        | "pg_blocking_pids"
        | "pg_listening_channels"
        | "pg_notification_queue_usage" => Effect::Reads,
        name if name.starts_with("pg_current_xact_id") || name.starts_with("txid_") => {
            Effect::Reads
        }
        name if of_session || pg_catalog::functions::acts(name) => Effect::Acts,
        _ => Effect::None,
    }
}

static TABLE: LazyLock<AHashMap<&'static str, Vec<&'static Function>>> = LazyLock::new(|| {
    let families: &[&'static [Function]] = &[
        array::FUNCTIONS,
        bytes::FUNCTIONS,
        crypto::FUNCTIONS,
        datetime::FUNCTIONS,
        encoding::FUNCTIONS,
        escape::FUNCTIONS,
        format::FUNCTIONS,
        json::FUNCTIONS,
        json::jsonpath::FUNCTIONS,
        math::FUNCTIONS,
        network::FUNCTIONS,
        regexp::FUNCTIONS,
        session::FUNCTIONS,
        sha::FUNCTIONS,
        system::FUNCTIONS,
        text::FUNCTIONS,
        to_char::FUNCTIONS,
        uuids::FUNCTIONS,
        zone::FUNCTIONS,
    ];
    let mut table: AHashMap<&'static str, Vec<&'static Function>> = AHashMap::new();
    for function in families.iter().copied().flatten() {
        table.entry(function.name).or_default().push(function);
    }
    table
});

pub fn named(name: &str) -> &'static [&'static Function] {
    TABLE.get(name).map_or(&[], Vec::as_slice)
}

/// A function chosen for certain arguments.
pub struct Chosen {
    pub function: &'static Function,
    pub args: Vec<SqlType>,
    pub returns: SqlType,
}

pub enum Choice {
    None,
    Several,
    One(Chosen),
}

/// PostgreSQL's rules, in its order: an exact match; most exact arguments; most
/// preferred types; for untyped constants the string category, else the
/// category all agree on; the type the known arguments share.
pub fn choose(name: &str, args: &[SqlType]) -> Choice {
    let mut candidates: Vec<(&'static Function, Vec<SqlType>)> = named(name)
        .iter()
        .filter_map(|function| Some((*function, wanted(function, args)?)))
        .filter(|(_, wanted)| {
            args.iter()
                .zip(wanted)
                .all(|(have, want)| types::implicit(have, want))
        })
        .collect();
    let exact = |wanted: &[SqlType]| {
        args.iter()
            .zip(wanted)
            .filter(|(have, want)| types::same(have, want))
            .count()
    };
    keep_best(&mut candidates, |wanted| exact(wanted));
    if candidates.len() > 1 {
        keep_best(&mut candidates, |wanted| {
            args.iter()
                .zip(wanted)
                .filter(|(have, want)| {
                    **have != SqlType::Unknown
                        && (types::same(have, want) || types::is_preferred(want))
                })
                .count()
        });
    }
    if candidates.len() > 1 && args.contains(&SqlType::Unknown) {
        // All known arguments of one type: suppose the unknown ones are of it too.
        let mut known = args.iter().filter(|ty| **ty != SqlType::Unknown);
        if let Some(first) = known.next() {
            if known.all(|ty| types::same(ty, first)) {
                let fitting: Vec<_> = candidates
                    .iter()
                    .filter(|(_, wanted)| wanted.iter().all(|want| types::same(want, first)))
                    .cloned()
                    .collect();
                if !fitting.is_empty() {
                    candidates = fitting;
                }
            }
        }
        if candidates.len() > 1 {
            let unknown_as = |category: types::Category, wanted: &[SqlType]| {
                args.iter()
                    .zip(wanted)
                    .filter(|(have, want)| {
                        **have == SqlType::Unknown && types::category(want) == category
                    })
                    .count()
            };
            keep_best(&mut candidates, |wanted| {
                unknown_as(types::Category::String, wanted)
            });
            keep_best(&mut candidates, |wanted| {
                args.iter()
                    .zip(wanted)
                    .filter(|(have, want)| **have == SqlType::Unknown && types::is_preferred(want))
                    .count()
            });
        }
    }
    match candidates.len() {
        0 => Choice::None,
        1 => {
            let (function, wanted) = candidates.swap_remove(0);
            let element = element_type(function, args);
            Choice::One(Chosen {
                function,
                returns: returned(function, element.as_ref(), args),
                args: wanted,
            })
        }
        _ => Choice::Several,
    }
}

fn keep_best(
    candidates: &mut Vec<(&'static Function, Vec<SqlType>)>,
    score: impl Fn(&[SqlType]) -> usize,
) {
    if let Some(best) = candidates.iter().map(|(_, wanted)| score(wanted)).max() {
        candidates.retain(|(_, wanted)| score(wanted) == best);
    }
}

/// The types this function would want of so many arguments; `None`: it can't take them.
fn wanted(function: &Function, args: &[SqlType]) -> Option<Vec<SqlType>> {
    let fits = if function.variadic {
        args.len() >= function.args.len()
    } else {
        args.len() == function.args.len()
    };
    if !fits {
        return None;
    }
    let element = element_type(function, args);
    args.iter()
        .enumerate()
        .map(|(i, have)| {
            let want = function.args.get(i).or(function.args.last())?;
            match want {
                T::Any => Some(if *have == SqlType::Unknown {
                    SqlType::Text
                } else {
                    have.clone()
                }),
                T::Element => element.clone(),
                T::Array => match have {
                    SqlType::Array(_) | SqlType::Unknown => element
                        .clone()
                        .map(|element| SqlType::Array(Box::new(element))),
                    _ => None,
                },
                other => Some(plain(*other)),
            }
        })
        .collect()
}

fn element_type(function: &Function, args: &[SqlType]) -> Option<SqlType> {
    let at = |i: usize| function.args.get(i).or(function.args.last());
    let mut element: Option<SqlType> = None;
    for (i, have) in args.iter().enumerate() {
        let found = match (at(i), have) {
            (Some(T::Array), SqlType::Array(inner)) => Some((**inner).clone()),
            (Some(T::Element), SqlType::Unknown) => None,
            (Some(T::Element), other) => Some(other.base()),
            _ => None,
        };
        if let Some(found) = found {
            element = Some(match element {
                Some(known) if types::implicit(&found, &known) => known,
                _ => found,
            });
        }
    }
    element
}

fn returned(function: &Function, element: Option<&SqlType>, args: &[SqlType]) -> SqlType {
    match function.returns {
        T::Element => element.cloned().unwrap_or(SqlType::Text),
        T::Array => SqlType::Array(Box::new(element.cloned().unwrap_or(SqlType::Text))),
        T::Any => args.first().cloned().unwrap_or(SqlType::Text),
        other => plain(other),
    }
}

fn plain(ty: T) -> SqlType {
    match ty {
        T::Bool => SqlType::Bool,
        T::Int2 => SqlType::Int2,
        T::Int4 => SqlType::Int4,
        T::Int8 => SqlType::Int8,
        T::Float4 => SqlType::Float4,
        T::Float8 => SqlType::Float8,
        T::Numeric => SqlType::Numeric(None),
        T::Text | T::Any | T::Element | T::Array => SqlType::Text,
        T::Bytea => SqlType::Bytea,
        T::Date => SqlType::Date,
        T::Time => SqlType::Time,
        T::Timestamp => SqlType::Timestamp,
        T::TimestampTz => SqlType::TimestampTz,
        T::Interval => SqlType::Interval,
        T::Uuid => SqlType::Uuid,
        T::Inet => SqlType::Inet,
        T::Cidr => SqlType::Cidr,
        T::Void => SqlType::Void,
        T::Json => SqlType::Json,
        T::Jsonb => SqlType::Jsonb,
        T::Texts => SqlType::Array(Box::new(SqlType::Text)),
        T::TextRows => SqlType::Array(Box::new(plain(T::Texts))),
        T::Ints => SqlType::Array(Box::new(SqlType::Int4)),
        T::Bigints => SqlType::Array(Box::new(SqlType::Int8)),
        T::Numerics => SqlType::Array(Box::new(SqlType::Numeric(None))),
        T::Timestamps => SqlType::Array(Box::new(SqlType::Timestamp)),
        T::Jsons => SqlType::Array(Box::new(SqlType::Json)),
        T::Jsonbs => SqlType::Array(Box::new(SqlType::Jsonb)),
        T::TimestampTzs => SqlType::Array(Box::new(SqlType::TimestampTz)),
    }
}

/// Arguments by kind; the binder has seen to the types, so a mismatch is ours.
pub mod arg {
    use super::row::arity;
    use orbit_core::Result;
    use orbit_core::value::{Array, Interval, Numeric, ValueRef};

    macro_rules! getters {
        ($($name:ident, $variant:ident, $ty:ty;)*) => {$(
            pub fn $name<'v>(args: &[ValueRef<'v>], i: usize) -> Result<$ty> {
                match args.get(i) {
                    Some(ValueRef::$variant(value)) => Ok(*value),
                    _ => Err(arity()),
                }
            }
        )*};
    }

    getters! {
        int2, Int2, i16;
        int4, Int4, i32;
        int8, Int8, i64;
        float4, Float4, f32;
        float8, Float8, f64;
        date, Date, i32;
        time, Time, i64;
        timestamp, Timestamp, i64;
        timestamptz, TimestampTz, i64;
        interval, Interval, Interval;
    }

    pub fn text<'v>(args: &[ValueRef<'v>], i: usize) -> Result<&'v str> {
        match args.get(i) {
            Some(ValueRef::Text(value)) => Ok(value),
            _ => Err(arity()),
        }
    }

    pub fn bytes<'v>(args: &[ValueRef<'v>], i: usize) -> Result<&'v [u8]> {
        match args.get(i) {
            Some(ValueRef::Bytea(value)) => Ok(value),
            _ => Err(arity()),
        }
    }

    pub fn numeric<'a>(args: &'a [ValueRef<'_>], i: usize) -> Result<&'a Numeric> {
        match args.get(i) {
            Some(ValueRef::Numeric(value)) => Ok(value),
            _ => Err(arity()),
        }
    }

    pub fn array<'a>(args: &'a [ValueRef<'_>], i: usize) -> Result<&'a Array> {
        match args.get(i) {
            Some(ValueRef::Array(value)) => Ok(value),
            _ => Err(arity()),
        }
    }

    /// Position, count, length: small numbers.
    pub fn count(args: &[ValueRef<'_>], i: usize) -> Result<usize> {
        int4(args, i).map(|value| usize::try_from(value).unwrap_or(0))
    }
}
