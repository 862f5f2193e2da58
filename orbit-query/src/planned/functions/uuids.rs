//! What the extension uuid-ossp has: identifiers by time, by name, and the names' spaces.

use super::{Env, Function, T, arg, function};
use md5::{Digest, Md5};
use orbit_core::value::{Value, ValueRef};
use orbit_core::{Error, Result, state};
use sha1::Sha1;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

type Args<'a, 'v> = &'a [ValueRef<'v>];

/// RFC 4122, appendix C: they differ in their first four bytes.
const SPACE: [u8; 16] = [
    0x6b, 0xa7, 0xb8, 0x10, 0x9d, 0xad, 0x11, 0xd1, 0x80, 0xb4, 0x00, 0xc0, 0x4f, 0xd4, 0x30, 0xc8,
];

fn space(last: u8) -> Result<Value> {
    let mut bytes = SPACE;
    bytes[3] = last;
    Ok(Value::Uuid(bytes))
}

fn nil(_: Args, _: &Env) -> Result<Value> {
    Ok(Value::Uuid([0; 16]))
}

fn ns_dns(_: Args, _: &Env) -> Result<Value> {
    space(0x10)
}

fn ns_url(_: Args, _: &Env) -> Result<Value> {
    space(0x11)
}

fn ns_oid(_: Args, _: &Env) -> Result<Value> {
    space(0x12)
}

fn ns_x500(_: Args, _: &Env) -> Result<Value> {
    space(0x14)
}

/// The moment in steps of 100 ns since 1582-10-15, no two alike.
fn moment() -> u64 {
    static LAST: AtomicU64 = AtomicU64::new(0);
    /// From there to 1970.
    const BEFORE_1970: u64 = 0x01b2_1dd2_1381_4000;
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    let steps = since.unwrap_or_default().as_nanos() / 100;
    let now = u64::try_from(steps).unwrap_or(0).wrapping_add(BEFORE_1970);
    let next = |last: u64| Some(now.max(last + 1));
    let before = LAST.fetch_update(Ordering::Relaxed, Ordering::Relaxed, next);
    now.max(before.unwrap_or(0) + 1)
}

/// Version 1, with a random node: what the network's hardware is called is nobody's business.
fn by_time(_: Args, _: &Env) -> Result<Value> {
    let time = moment();
    let mut bytes = uuid::Uuid::new_v4().into_bytes();
    bytes[..4].copy_from_slice(&(time as u32).to_be_bytes());
    bytes[4..6].copy_from_slice(&((time >> 32) as u16).to_be_bytes());
    let marked_time = ((time >> 48) as u16 & 0x0fff) | 0x1000;
    bytes[6..8].copy_from_slice(&marked_time.to_be_bytes());
    // The bit that says that the node is no hardware's.
    bytes[10] |= 1;
    Ok(Value::Uuid(bytes))
}

/// The space's bytes and the name's.
fn named(args: Args) -> Result<Vec<u8>> {
    let Some(ValueRef::Uuid(space)) = args.first() else {
        return Err(Error::new(
            state::DATATYPE_MISMATCH,
            "a name space must be a uuid",
        ));
    };
    let mut input = space.to_vec();
    input.extend_from_slice(arg::text(args, 1)?.as_bytes());
    Ok(input)
}

/// Version 3.
fn of_md5(input: &[u8]) -> uuid::Uuid {
    uuid::Builder::from_md5_bytes(Md5::digest(input).into()).into_uuid()
}

/// Version 5, which keeps the first 16 of 20 bytes.
fn of_sha1(input: &[u8]) -> uuid::Uuid {
    let hash: [u8; 20] = Sha1::digest(input).into();
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&hash[..16]);
    uuid::Builder::from_sha1_bytes(bytes).into_uuid()
}

fn by_md5(args: Args, _: &Env) -> Result<Value> {
    Ok(Value::Uuid(of_md5(&named(args)?).into_bytes()))
}

fn by_sha1(args: Args, _: &Env) -> Result<Value> {
    Ok(Value::Uuid(of_sha1(&named(args)?).into_bytes()))
}

pub const FUNCTIONS: &[Function] = &[
    function("uuid_generate_v1", &[], T::Uuid, by_time).volatile(),
    function("uuid_generate_v1mc", &[], T::Uuid, by_time).volatile(),
    function("uuid_generate_v3", &[T::Uuid, T::Text], T::Uuid, by_md5),
    function("uuid_generate_v5", &[T::Uuid, T::Text], T::Uuid, by_sha1),
    function("uuid_nil", &[], T::Uuid, nil),
    function("uuid_ns_dns", &[], T::Uuid, ns_dns),
    function("uuid_ns_oid", &[], T::Uuid, ns_oid),
    function("uuid_ns_url", &[], T::Uuid, ns_url),
    function("uuid_ns_x500", &[], T::Uuid, ns_x500),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_as_the_extension_gives_them() {
        // SELECT uuid_generate_v5(uuid_ns_url(), 'http://www.postgresql.org'), and v3, by PostgreSQL.
        let name = b"http://www.postgresql.org";
        let mut space = SPACE;
        space[3] = 0x11;
        let input = [&space[..], name].concat();
        assert_eq!(
            of_sha1(&input).to_string(),
            "e1ee1ad4-cd4e-5889-962a-4f605a68d94e"
        );
        assert_eq!(
            of_md5(&input).to_string(),
            "cf16fe52-3365-3a1f-8572-288d8d2aaa46"
        );
    }

    #[test]
    fn moments_differ() {
        assert!(moment() < moment());
    }
}
