//! What belongs to the server rather than to a type.

use super::{Env, Function, T, function};
use orbit_core::value::{Numeric, Value, ValueRef};
use orbit_core::{Error, Result, state};

type Args<'a, 'v> = &'a [ValueRef<'v>];

fn clock_timestamp(_: Args, _: &Env) -> Result<Value> {
    Ok(Value::TimestampTz(crate::planned::statement::now_micros()))
}

fn gen_random_uuid(_: Args, _: &Env) -> Result<Value> {
    Ok(Value::Uuid(uuid::Uuid::new_v4().into_bytes()))
}

/// RFC 1321; for checksums people compare, not for secrets.
pub fn md5_bytes(input: &[u8]) -> Result<[u8; 16]> {
    const SHIFTS: [u32; 16] = [7, 12, 17, 22, 5, 9, 14, 20, 4, 11, 16, 23, 6, 10, 15, 21];
    let mut state: [u32; 4] = [0x6745_2301, 0xefcd_ab89, 0x98ba_dcfe, 0x1032_5476];
    let mut message = input.to_vec();
    message.push(0x80);
    while message.len() % 64 != 56 {
        message.push(0);
    }
    message.extend_from_slice(&(input.len() as u64).wrapping_mul(8).to_le_bytes());
    for block in message.chunks_exact(64) {
        let mut words = [0u32; 16];
        for (word, bytes) in words.iter_mut().zip(block.chunks_exact(4)) {
            *word = u32::from_le_bytes(bytes.try_into().map_err(|_| Error::internal("md5 block"))?);
        }
        let [mut a, mut b, mut c, mut d] = state;
        for i in 0..64usize {
            let (f, g) = match i / 16 {
                0 => ((b & c) | (!b & d), i),
                1 => ((d & b) | (!d & c), (5 * i + 1) % 16),
                2 => (b ^ c ^ d, (3 * i + 5) % 16),
                _ => (c ^ (b | !d), (7 * i) % 16),
            };
            let constant = ((i as f64 + 1.0).sin().abs() * 4_294_967_296.0) as u32;
            let turned = a
                .wrapping_add(f)
                .wrapping_add(constant)
                .wrapping_add(words[g])
                .rotate_left(SHIFTS[i / 16 * 4 + i % 4]);
            (a, d, c, b) = (d, c, b, b.wrapping_add(turned));
        }
        for (part, add) in state.iter_mut().zip([a, b, c, d]) {
            *part = part.wrapping_add(add);
        }
    }
    let mut hash = [0; 16];
    for (out, part) in hash.chunks_exact_mut(4).zip(state) {
        out.copy_from_slice(&part.to_le_bytes());
    }
    Ok(hash)
}

/// The hash as hexadecimal digits.
pub fn md5(input: &[u8]) -> Result<Value> {
    let mut hex = String::with_capacity(32);
    for byte in md5_bytes(input)? {
        use std::fmt::Write;
        let _ = write!(hex, "{byte:02x}");
    }
    Ok(Value::Text(hex))
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
