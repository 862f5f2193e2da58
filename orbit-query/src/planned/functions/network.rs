//! `inet` and `cidr`: their operators and functions, after PostgreSQL's network.c.

use super::{Env, Function, T, arg, function, row::arity};
use orbit_core::value::network::abbreviated;
use orbit_core::value::{Inet, Value, ValueRef};
use orbit_core::{Error, Result, state};

type Args<'a, 'v> = &'a [ValueRef<'v>];

fn inet(args: Args, i: usize) -> Result<Inet> {
    match args.get(i) {
        Some(ValueRef::Inet(value) | ValueRef::Cidr(value)) => Ok(*value),
        _ => Err(arity()),
    }
}

fn refused(message: String) -> Error {
    Error::new(state::INVALID_PARAMETER_VALUE, message)
}

fn out_of_range() -> Error {
    Error::new(state::NUMERIC_VALUE_OUT_OF_RANGE, "result is out of range")
}

fn text(write: impl FnOnce(&mut Vec<u8>)) -> Result<Value> {
    let mut out = Vec::new();
    write(&mut out);
    String::from_utf8(out)
        .map(Value::Text)
        .map_err(|_| Error::internal("an address is not UTF-8"))
}

/// Whether the first address lies in the second's network.
fn within(a: &Inet, b: &Inet) -> bool {
    a.is_v6() == b.is_v6() && a.shares(b, b.bits())
}

fn below(args: Args, _: &Env) -> Result<Value> {
    let (a, b) = (inet(args, 0)?, inet(args, 1)?);
    Ok(Value::Bool(a.bits() > b.bits() && within(&a, &b)))
}

fn below_or_equal(args: Args, _: &Env) -> Result<Value> {
    let (a, b) = (inet(args, 0)?, inet(args, 1)?);
    Ok(Value::Bool(a.bits() >= b.bits() && within(&a, &b)))
}

fn above(args: Args, _: &Env) -> Result<Value> {
    let (a, b) = (inet(args, 0)?, inet(args, 1)?);
    Ok(Value::Bool(a.bits() < b.bits() && within(&b, &a)))
}

fn above_or_equal(args: Args, _: &Env) -> Result<Value> {
    let (a, b) = (inet(args, 0)?, inet(args, 1)?);
    Ok(Value::Bool(a.bits() <= b.bits() && within(&b, &a)))
}

fn overlaps(args: Args, _: &Env) -> Result<Value> {
    let (a, b) = (inet(args, 0)?, inet(args, 1)?);
    Ok(Value::Bool(within(&a, &b) || within(&b, &a)))
}

fn not(args: Args, _: &Env) -> Result<Value> {
    let value = inet(args, 0)?;
    Ok(Value::Inet(value.with_address(!value.address())))
}

/// Bit by bit, with the longer of the two prefixes.
fn bitwise(args: Args, word: &str, of: impl FnOnce(u128, u128) -> u128) -> Result<Value> {
    let (a, b) = (inet(args, 0)?, inet(args, 1)?);
    if a.is_v6() != b.is_v6() {
        return Err(refused(format!(
            "cannot {word} inet values of different sizes"
        )));
    }
    let longer = if a.bits() >= b.bits() { a } else { b };
    let address = of(a.address(), b.address());
    Ok(Value::Inet(longer.with_address(address)))
}

fn and(args: Args, _: &Env) -> Result<Value> {
    bitwise(args, "AND", |a, b| a & b)
}

fn or(args: Args, _: &Env) -> Result<Value> {
    bitwise(args, "OR", |a, b| a | b)
}

fn moved(from: Inet, by: i64) -> Result<Value> {
    from.address()
        .checked_add_signed(i128::from(by))
        .and_then(|address| Inet::new(from.is_v6(), address, from.bits()))
        .map(Value::Inet)
        .ok_or_else(out_of_range)
}

fn add(args: Args, _: &Env) -> Result<Value> {
    moved(inet(args, 0)?, arg::int8(args, 1)?)
}

fn add_to_number(args: Args, _: &Env) -> Result<Value> {
    moved(inet(args, 1)?, arg::int8(args, 0)?)
}

fn subtract(args: Args, _: &Env) -> Result<Value> {
    // The least number is its own negative, to PostgreSQL too.
    moved(inet(args, 0)?, arg::int8(args, 1)?.wrapping_neg())
}

fn difference(args: Args, _: &Env) -> Result<Value> {
    let (a, b) = (inet(args, 0)?, inet(args, 1)?);
    if a.is_v6() != b.is_v6() {
        return Err(refused(
            "cannot subtract inet values of different sizes".to_owned(),
        ));
    }
    let apart = i128::try_from(a.address().abs_diff(b.address())).map_err(|_| out_of_range())?;
    let signed = if a.address() < b.address() {
        -apart
    } else {
        apart
    };
    i64::try_from(signed)
        .map(Value::Int8)
        .map_err(|_| out_of_range())
}

fn abbrev(args: Args, _: &Env) -> Result<Value> {
    let value = inet(args, 0)?;
    match args.first() {
        Some(ValueRef::Cidr(_)) => text(|out| abbreviated(&value, out)),
        _ => text(|out| value.write(false, out)),
    }
}

fn broadcast(args: Args, _: &Env) -> Result<Value> {
    let value = inet(args, 0)?;
    Ok(Value::Inet(
        value.with_address(value.address() | value.host_mask()),
    ))
}

fn family(args: Args, _: &Env) -> Result<Value> {
    Ok(Value::Int4(if inet(args, 0)?.is_v6() { 6 } else { 4 }))
}

fn host(args: Args, _: &Env) -> Result<Value> {
    let value = inet(args, 0)?;
    text(|out| value.write_host(out))
}

/// A mask is a whole address.
fn mask(value: Inet, address: u128) -> Result<Value> {
    value
        .with_address(address)
        .with_bits(value.max_bits())
        .map(Value::Inet)
        .ok_or_else(out_of_range)
}

fn hostmask(args: Args, _: &Env) -> Result<Value> {
    let value = inet(args, 0)?;
    mask(value, value.host_mask())
}

fn netmask(args: Args, _: &Env) -> Result<Value> {
    let value = inet(args, 0)?;
    mask(value, value.net_mask())
}

fn merge(args: Args, _: &Env) -> Result<Value> {
    let (a, b) = (inet(args, 0)?, inet(args, 1)?);
    if a.is_v6() != b.is_v6() {
        return Err(refused(
            "cannot merge addresses from different families".to_owned(),
        ));
    }
    a.with_bits(a.common_bits(&b))
        .map(|shared| Value::Cidr(shared.to_network()))
        .ok_or_else(out_of_range)
}

fn same_family(args: Args, _: &Env) -> Result<Value> {
    Ok(Value::Bool(
        inet(args, 0)?.is_v6() == inet(args, 1)?.is_v6(),
    ))
}

fn masklen(args: Args, _: &Env) -> Result<Value> {
    Ok(Value::Int4(i32::from(inet(args, 0)?.bits())))
}

fn network(args: Args, _: &Env) -> Result<Value> {
    Ok(Value::Cidr(inet(args, 0)?.to_network()))
}

fn set_masklen(args: Args, _: &Env) -> Result<Value> {
    let (value, length) = (inet(args, 0)?, arg::int4(args, 1)?);
    let bits = match length {
        // The whole address.
        -1 => Some(value.max_bits()),
        length => u8::try_from(length).ok(),
    };
    let changed = bits
        .and_then(|bits| value.with_bits(bits))
        .ok_or_else(|| refused(format!("invalid mask length: {length}")))?;
    Ok(match args.first() {
        Some(ValueRef::Cidr(_)) => Value::Cidr(changed.to_network()),
        _ => Value::Inet(changed),
    })
}

/// With the prefix's length, always.
fn show(args: Args, _: &Env) -> Result<Value> {
    let value = inet(args, 0)?;
    text(|out| value.write(true, out))
}

pub const FUNCTIONS: &[Function] = &[
    function("&", &[T::Inet, T::Inet], T::Inet, and),
    function("&&", &[T::Inet, T::Inet], T::Bool, overlaps),
    function("+", &[T::Inet, T::Int8], T::Inet, add),
    function("+", &[T::Int8, T::Inet], T::Inet, add_to_number),
    function("-", &[T::Inet, T::Int8], T::Inet, subtract),
    function("-", &[T::Inet, T::Inet], T::Int8, difference),
    function("<<", &[T::Inet, T::Inet], T::Bool, below),
    function("<<=", &[T::Inet, T::Inet], T::Bool, below_or_equal),
    function(">>", &[T::Inet, T::Inet], T::Bool, above),
    function(">>=", &[T::Inet, T::Inet], T::Bool, above_or_equal),
    function("abbrev", &[T::Cidr], T::Text, abbrev),
    function("abbrev", &[T::Inet], T::Text, abbrev),
    function("broadcast", &[T::Inet], T::Inet, broadcast),
    function("family", &[T::Inet], T::Int4, family),
    function("host", &[T::Inet], T::Text, host),
    function("hostmask", &[T::Inet], T::Inet, hostmask),
    function("inet_merge", &[T::Inet, T::Inet], T::Cidr, merge),
    function(
        "inet_same_family",
        &[T::Inet, T::Inet],
        T::Bool,
        same_family,
    ),
    function("masklen", &[T::Inet], T::Int4, masklen),
    function("netmask", &[T::Inet], T::Inet, netmask),
    function("network", &[T::Inet], T::Cidr, network),
    function("set_masklen", &[T::Cidr, T::Int4], T::Cidr, set_masklen),
    function("set_masklen", &[T::Inet, T::Int4], T::Inet, set_masklen),
    function("text", &[T::Inet], T::Text, show),
    function("|", &[T::Inet, T::Inet], T::Inet, or),
    function("~", &[T::Inet], T::Inet, not),
];
