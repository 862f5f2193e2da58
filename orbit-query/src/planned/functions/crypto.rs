//! Digests by name, keyed ones, and random bytes: what applications use of pgcrypto.

use super::sha::{sha1, sha224, sha256, sha384, sha512};
use super::{Env, Function, T, arg, function};
use orbit_core::error::SqlState;
use orbit_core::value::{Value, ValueRef};
use orbit_core::{Error, Result, state};

type Args<'a, 'v> = &'a [ValueRef<'v>];
type Digest = fn(&[u8]) -> Result<Vec<u8>>;

fn md5(input: &[u8]) -> Result<Vec<u8>> {
    super::system::md5_bytes(input).map(|bytes| bytes.to_vec())
}

/// A digest, and the bytes that it takes at once.
fn named(name: &str) -> Result<(Digest, usize)> {
    Ok(match name.to_ascii_lowercase().as_str() {
        "md5" => (md5, 64),
        "sha1" => (sha1, 64),
        "sha224" => (sha224, 64),
        "sha256" => (sha256, 64),
        "sha384" => (sha384, 128),
        "sha512" => (sha512, 128),
        _ => {
            return Err(Error::new(
                state::INVALID_PARAMETER_VALUE,
                format!("Cannot use \"{name}\": No such hash algorithm"),
            ));
        }
    })
}

/// The bytes of a text or of bytes.
fn bytes<'v>(args: Args<'_, 'v>, i: usize) -> Result<&'v [u8]> {
    match args.get(i) {
        Some(ValueRef::Text(text)) => Ok(text.as_bytes()),
        _ => arg::bytes(args, i),
    }
}

fn digest(args: Args, _: &Env) -> Result<Value> {
    let (digest, _) = named(arg::text(args, 1)?)?;
    digest(bytes(args, 0)?).map(Value::Bytea)
}

/// RFC 2104.
fn hmac(args: Args, _: &Env) -> Result<Value> {
    let (digest, block) = named(arg::text(args, 2)?)?;
    let key = bytes(args, 1)?;
    let mut key = match key.len() > block {
        true => digest(key)?,
        false => key.to_vec(),
    };
    key.resize(block, 0);
    let padded = |pad: u8| key.iter().map(|byte| byte ^ pad).collect::<Vec<u8>>();
    let mut inner = padded(0x36);
    inner.extend_from_slice(bytes(args, 0)?);
    let mut outer = padded(0x5c);
    outer.extend_from_slice(&digest(&inner)?);
    digest(&outer).map(Value::Bytea)
}

fn gen_random_bytes(args: Args, _: &Env) -> Result<Value> {
    let Some(length) = usize::try_from(arg::int4(args, 0)?)
        .ok()
        .filter(|length| (1..=1024).contains(length))
    else {
        return Err(Error::new(SqlState(*b"39000"), "Length not in range"));
    };
    let mut out = Vec::with_capacity(length + 16);
    while out.len() < length {
        // Those of its bytes that say nothing of the version.
        let drawn = uuid::Uuid::new_v4().into_bytes();
        let random = drawn
            .iter()
            .enumerate()
            .filter(|(at, _)| !(6..9).contains(at));
        out.extend(random.map(|(_, byte)| *byte));
    }
    out.truncate(length);
    Ok(Value::Bytea(out))
}

pub const FUNCTIONS: &[Function] = &[
    function("digest", &[T::Bytea, T::Text], T::Bytea, digest),
    function("digest", &[T::Text, T::Text], T::Bytea, digest),
    function("gen_random_bytes", &[T::Int4], T::Bytea, gen_random_bytes).volatile(),
    function("hmac", &[T::Bytea, T::Bytea, T::Text], T::Bytea, hmac),
    function("hmac", &[T::Text, T::Text, T::Text], T::Bytea, hmac),
];
