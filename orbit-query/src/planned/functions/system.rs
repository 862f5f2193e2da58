//! What belongs to the server rather than to a type.

use super::{Env, Function, T, function};
use md5::{Digest, Md5};
use orbit_core::value::{Numeric, Value, ValueRef};
use orbit_core::{Error, Result, state};

type Args<'a, 'v> = &'a [ValueRef<'v>];

fn clock_timestamp(_: Args, _: &Env) -> Result<Value> {
    Ok(Value::TimestampTz(crate::planned::statement::now_micros()))
}

fn gen_random_uuid(_: Args, _: &Env) -> Result<Value> {
    Ok(Value::Uuid(uuid::Uuid::new_v4().into_bytes()))
}

/// The hash as hexadecimal digits.
pub fn md5(input: &[u8]) -> Result<Value> {
    let digits = |byte: &u8| format!("{byte:02x}");
    Ok(Value::Text(Md5::digest(input).iter().map(digits).collect()))
}

/// `1.5 kB` as a number of bytes.
fn size_bytes(args: Args, _: &Env) -> Result<Value> {
    let text = super::arg::text(args, 0)?;
    let wrong = || {
        Error::new(
            state::INVALID_PARAMETER_VALUE,
            format!("invalid size: \"{text}\""),
        )
    };
    let trimmed = text.trim();
    let is_unit = |letter: char| letter.is_ascii_alphabetic() || letter.is_whitespace();
    // `1e2MB`: this e is part of the number.
    let is_power = |at: usize| {
        let rest = trimmed.get(at..).unwrap_or_default();
        let power = rest.strip_prefix(['e', 'E']).unwrap_or_default();
        let power = power.strip_prefix(['+', '-']).unwrap_or(power);
        power.starts_with(|digit: char| digit.is_ascii_digit())
    };
    let end = trimmed
        .char_indices()
        .find(|(at, letter)| is_unit(*letter) && !is_power(*at))
        .map_or(trimmed.len(), |(at, _)| at);
    let (number, unit) = trimmed.split_at(end);
    let shift = match unit.trim().to_ascii_lowercase().as_str() {
        "" | "bytes" => 0,
        "kb" => 10,
        "mb" => 20,
        "gb" => 30,
        "tb" => 40,
        "pb" => 50,
        _ if number.is_empty() => return Err(wrong()),
        _ => {
            return Err(wrong()
                .with_detail(format!("Invalid size unit: \"{}\".", unit.trim()))
                .with_hint(
                    "Valid units are \"bytes\", \"kB\", \"MB\", \"GB\", \"TB\", and \"PB\".",
                ));
        }
    };
    if !number.contains(|letter: char| letter.is_ascii_digit()) {
        return Err(wrong());
    }
    let number = Numeric::parse(number).map_err(|_| wrong())?;
    let bytes = number.mul(&Numeric::from_i64(1 << shift))?;
    let bytes = bytes
        .round(0)
        .to_i64()
        .ok_or_else(|| Error::new(state::NUMERIC_VALUE_OUT_OF_RANGE, "bigint out of range"))?;
    Ok(Value::Int8(bytes))
}

fn num_nulls(args: Args, _: &Env) -> Result<Value> {
    Ok(Value::Int4(
        args.iter().filter(|arg| arg.is_null()).count() as i32
    ))
}

fn num_nonnulls(args: Args, _: &Env) -> Result<Value> {
    Ok(Value::Int4(
        args.iter().filter(|arg| !arg.is_null()).count() as i32,
    ))
}

/// `age(xid)`: numbers of transactions never come round, so none grows old.
fn age_of_number(_: Args, _: &Env) -> Result<Value> {
    Ok(Value::Int4(0))
}

pub const FUNCTIONS: &[Function] = &[
    function("orbit_age", &[T::Int8], T::Int4, age_of_number),
    function("pg_size_bytes", &[T::Text], T::Int8, size_bytes),
    function("clock_timestamp", &[], T::TimestampTz, clock_timestamp).volatile(),
    function("gen_random_uuid", &[], T::Uuid, gen_random_uuid).volatile(),
    // As the extension uuid-ossp calls it.
    function("uuid_generate_v4", &[], T::Uuid, gen_random_uuid).volatile(),
    function("num_nonnulls", &[T::Any], T::Int4, num_nonnulls)
        .lenient()
        .variadic(),
    function("num_nulls", &[T::Any], T::Int4, num_nulls)
        .lenient()
        .variadic(),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn md5_of_the_rfc() {
        assert_eq!(
            md5(b"").unwrap(),
            Value::Text("d41d8cd98f00b204e9800998ecf8427e".into())
        );
        assert_eq!(
            md5(b"abc").unwrap(),
            Value::Text("900150983cd24fb0d6963f7d28e17f72".into())
        );
    }
}
