//! SHA-2, by FIPS 180-4.

use super::{Env, Function, T, arg, function};
use orbit_core::Result;
use orbit_core::value::{Value, ValueRef};
use sha2::{Digest, Sha224, Sha256, Sha384, Sha512};

fn digest<D: Digest>(args: &[ValueRef], _: &Env) -> Result<Value> {
    Ok(Value::Bytea(D::digest(arg::bytes(args, 0)?).to_vec()))
}

pub const FUNCTIONS: &[Function] = &[
    function("sha224", &[T::Bytea], T::Bytea, digest::<Sha224>),
    function("sha256", &[T::Bytea], T::Bytea, digest::<Sha256>),
    function("sha384", &[T::Bytea], T::Bytea, digest::<Sha384>),
    function("sha512", &[T::Bytea], T::Bytea, digest::<Sha512>),
];
