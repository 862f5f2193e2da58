//! SCRAM-SHA-256 (RFC 5802 and 7677): what is stored in place of a password, and
//! the server's side of the exchange as a state machine without I/O.
//!
//! The server keeps a [`Verifier`], from which a password can't be had back and
//! with which nobody can log in. For a role that isn't there the exchange runs
//! all the same, with a made-up salt that stays the same for the name, and fails
//! where a wrong password would.

mod exchange;
#[cfg(test)]
mod tests;

pub use exchange::{Exchange, Failure, PLAIN, PLUS};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use orbit_core::{Error, Result};
use ring::digest::{SHA256, digest};
use ring::rand::{SecureRandom, SystemRandom};
use ring::{hmac, pbkdf2};
use std::borrow::Cow;
use std::fmt;
use std::num::NonZeroU32;

/// PostgreSQL's number; clients pay for it at every login.
pub const ITERATIONS: NonZeroU32 = NonZeroU32::new(4096).unwrap();
/// A verifier that asks clients for more is refused: it would stop them, not attackers.
const MOST_ITERATIONS: u32 = 10_000_000;
const SALT_BYTES: usize = 16;

type Key = [u8; 32];

/// What is stored of a password.
#[derive(Clone, PartialEq, Eq)]
pub struct Verifier {
    pub iterations: NonZeroU32,
    pub salt: Vec<u8>,
    pub stored_key: Key,
    pub server_key: Key,
}

impl Verifier {
    /// With a fresh salt.
    pub fn of(password: &str) -> Result<Verifier> {
        let salt: [u8; SALT_BYTES] = random()?;
        Ok(Verifier::with_salt(password, &salt, ITERATIONS))
    }

    pub fn with_salt(password: &str, salt: &[u8], iterations: NonZeroU32) -> Verifier {
        // As PostgreSQL: what SASLprep refuses is taken as it stands.
        let prepared = stringprep::saslprep(password).unwrap_or(Cow::Borrowed(password));
        let mut salted = [0; 32];
        pbkdf2::derive(
            pbkdf2::PBKDF2_HMAC_SHA256,
            iterations,
            salt,
            prepared.as_bytes(),
            &mut salted,
        );
        Verifier {
            iterations,
            salt: salt.to_vec(),
            stored_key: hash(&mac(&salted, b"Client Key")),
            server_key: mac(&salted, b"Server Key"),
        }
    }

    /// Whether it was made from this password. Says nothing by how long it takes.
    pub fn is_of(&self, password: &str) -> bool {
        let other = Verifier::with_salt(password, &self.salt, self.iterations);
        let pairs = self.stored_key.iter().zip(&other.stored_key);
        let difference = pairs.fold(0, |difference, (a, b)| difference | (a ^ b));
        std::hint::black_box(difference) == 0
    }

    /// PostgreSQL's form: `SCRAM-SHA-256$4096:salt$stored:server`.
    pub fn parse(text: &str) -> Option<Verifier> {
        let mut parts = text.strip_prefix("SCRAM-SHA-256$")?.split('$');
        let (how, keys) = (parts.next()?, parts.next()?);
        if parts.next().is_some() {
            return None;
        }
        let (iterations, salt) = how.split_once(':')?;
        let (stored, server) = keys.split_once(':')?;
        let iterations: u32 = iterations.parse().ok()?;
        let key = |text: &str| Key::try_from(STANDARD.decode(text).ok()?).ok();
        let verifier = Verifier {
            iterations: NonZeroU32::new(iterations).filter(|n| n.get() <= MOST_ITERATIONS)?,
            salt: STANDARD.decode(salt).ok()?,
            stored_key: key(stored)?,
            server_key: key(server)?,
        };
        (!verifier.salt.is_empty()).then_some(verifier)
    }

    /// What a role that isn't there, or has no password, is asked with. `secret`
    /// is the node's own, so that nobody can tell the salt from a true one, and
    /// `name` makes it the same each time.
    pub fn made_up(secret: &[u8], name: &str) -> Verifier {
        let salt = mac(secret, format!("salt of {name}").as_bytes());
        Verifier {
            iterations: ITERATIONS,
            salt: salt.get(..SALT_BYTES).unwrap_or_default().to_vec(),
            stored_key: mac(secret, format!("stored key of {name}").as_bytes()),
            server_key: mac(secret, format!("server key of {name}").as_bytes()),
        }
    }
}

impl fmt::Display for Verifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "SCRAM-SHA-256${}:{}${}:{}",
            self.iterations,
            STANDARD.encode(&self.salt),
            STANDARD.encode(self.stored_key),
            STANDARD.encode(self.server_key)
        )
    }
}

/// Never with its contents: who prints an error must not print this.
impl fmt::Debug for Verifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Verifier(..)")
    }
}

/// The text to store for what stands behind PASSWORD: a verifier as it is, a
/// password as the verifier of it. `None`: an empty password, which is none.
pub fn to_store(password: &str) -> Result<Option<String>> {
    if password.is_empty() {
        return Ok(None);
    }
    if Verifier::parse(password).is_some() {
        return Ok(Some(password.to_owned()));
    }
    Ok(Some(Verifier::of(password)?.to_string()))
}

/// Good for one run of a command that is its own server.
pub fn one_time_password() -> Result<String> {
    Ok(STANDARD.encode(random::<24>()?))
}

fn random<const N: usize>() -> Result<[u8; N]> {
    let mut bytes = [0; N];
    SystemRandom::new()
        .fill(&mut bytes)
        .map_err(|_| Error::internal("the system gives no random numbers"))?;
    Ok(bytes)
}

fn mac(key: &[u8], message: &[u8]) -> Key {
    let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), message);
    let mut out = [0; 32];
    out.iter_mut()
        .zip(tag.as_ref())
        .for_each(|(to, from)| *to = *from);
    out
}

fn hash(bytes: &[u8]) -> Key {
    let sum = digest(&SHA256, bytes);
    let mut out = [0; 32];
    out.iter_mut()
        .zip(sum.as_ref())
        .for_each(|(to, from)| *to = *from);
    out
}
