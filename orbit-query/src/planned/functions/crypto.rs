//! Digests by name, keyed ones, and random bytes: what applications use of pgcrypto.

use super::{Env, Function, T, arg, function};
use hmac::{KeyInit, Mac, SimpleHmac};
use md5::Md5;
use orbit_core::error::SqlState;
use orbit_core::value::{Value, ValueRef};
use orbit_core::{Error, Result, state};
use sha1::Sha1;
use sha2::digest::block_api::BlockSizeUser;
use sha2::{Digest, Sha224, Sha256, Sha384, Sha512};

type Args<'a, 'v> = &'a [ValueRef<'v>];

/// What a named algorithm makes of bytes, and of a key and bytes.
struct Algorithm {
    digest: fn(&[u8]) -> Vec<u8>,
    keyed: fn(&[u8], &[u8]) -> Result<Vec<u8>>,
}

impl Algorithm {
    fn of<D: Digest + BlockSizeUser>() -> Self {
        Self {
            digest: |input| D::digest(input).to_vec(),
            keyed: |key, input| {
                let mut mac = <SimpleHmac<D> as KeyInit>::new_from_slice(key)
                    .map_err(|_| Error::internal("a key of HMAC has any length"))?;
                mac.update(input);
                Ok(mac.finalize().into_bytes().to_vec())
            },
        }
    }

    fn named(name: &str) -> Result<Self> {
        Ok(match name.to_ascii_lowercase().as_str() {
            "md5" => Self::of::<Md5>(),
            "sha1" => Self::of::<Sha1>(),
            "sha224" => Self::of::<Sha224>(),
            "sha256" => Self::of::<Sha256>(),
            "sha384" => Self::of::<Sha384>(),
            "sha512" => Self::of::<Sha512>(),
            _ => {
                return Err(Error::new(
                    state::INVALID_PARAMETER_VALUE,
                    format!("Cannot use \"{name}\": No such hash algorithm"),
                ));
            }
        })
    }
}

/// The bytes of a text or of bytes.
fn bytes<'v>(args: Args<'_, 'v>, i: usize) -> Result<&'v [u8]> {
    match args.get(i) {
        Some(ValueRef::Text(text)) => Ok(text.as_bytes()),
        _ => arg::bytes(args, i),
    }
}

fn digest(args: Args, _: &Env) -> Result<Value> {
    let algorithm = Algorithm::named(arg::text(args, 1)?)?;
    Ok(Value::Bytea((algorithm.digest)(bytes(args, 0)?)))
}

fn hmac(args: Args, _: &Env) -> Result<Value> {
    let algorithm = Algorithm::named(arg::text(args, 2)?)?;
    (algorithm.keyed)(bytes(args, 1)?, bytes(args, 0)?).map(Value::Bytea)
}

fn gen_random_bytes(args: Args, _: &Env) -> Result<Value> {
    let Some(length) = usize::try_from(arg::int4(args, 0)?)
        .ok()
        .filter(|length| (1..=1024).contains(length))
    else {
        return Err(Error::new(SqlState(*b"39000"), "Length not in range"));
    };
    let mut drawn = vec![0; length];
    getrandom::fill(&mut drawn).map_err(|e| {
        let message = format!("the system gives no random bytes: {e}");
        Error::new(state::IO_ERROR, message)
    })?;
    Ok(Value::Bytea(drawn))
}

pub const FUNCTIONS: &[Function] = &[
    function("digest", &[T::Bytea, T::Text], T::Bytea, digest),
    function("digest", &[T::Text, T::Text], T::Bytea, digest),
    function("gen_random_bytes", &[T::Int4], T::Bytea, gen_random_bytes).volatile(),
    function("hmac", &[T::Bytea, T::Bytea, T::Text], T::Bytea, hmac),
    function("hmac", &[T::Text, T::Text, T::Text], T::Bytea, hmac),
];
