//! Who is it? Between the startup packet and the session.
//!
//! On a listener that serves this machine only, and unless `access.loopback` says
//! otherwise, a role without a password is let in by its name: whoever can reach
//! the port is on the machine already. A role that has been given a password is
//! asked for it everywhere. A listener that strangers can reach takes nobody in
//! the clear and nobody unproved.

use super::attempts::Attempts;
use super::backend::Output;
use super::errors::protocol;
use super::frontend::Reader;
use super::startup::Start;
use super::stream::Stream;
use crate::scram::{Exchange, Failure, Verifier};
use crate::tls::{self, Tls};
use orbit_core::catalog::{BOOTSTRAP_ROLE, Role};
use orbit_core::{Error, Result, state};
use orbit_query::Engine;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Instant, SystemTime, UNIX_EPOCH};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

/// PostgreSQL's own bound for SASL messages.
const MAX_MESSAGE_BYTES: usize = 1024;

const PASSWORD: u8 = b'p';

/// What is asked of clients on this machine.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Loopback {
    /// A password, of roles that have one.
    #[default]
    Trust,
    Scram,
}

/// What is asked of everybody else.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Remote {
    #[default]
    Scram,
    /// A certificate of `tls.authority` with the role's name.
    Certificate,
    /// A certificate, or else a password.
    Either,
    Both,
}

/// How a listener knows its clients.
#[derive(Clone, Default)]
pub struct Access {
    pub loopback: Loopback,
    pub remote: Remote,
    pub tls: Option<Arc<Tls>>,
    /// What made-up salts come from.
    pub secret: Arc<[u8]>,
    /// Lets the bootstrap superuser in, in place of what is stored for it.
    pub owner: Option<Verifier>,
}

/// Why a client isn't let in.
pub enum Refused {
    /// Gone in the middle of it.
    Gone,
    Told(Error),
}

impl From<Error> for Refused {
    fn from(error: Error) -> Self {
        Refused::Told(error)
    }
}

impl From<std::io::Error> for Refused {
    fn from(_: std::io::Error) -> Self {
        Refused::Gone
    }
}

pub struct Door<'a> {
    pub engine: &'a Engine,
    pub access: &'a Access,
    pub attempts: &'a Attempts,
    /// Whether the listener is for others than this machine.
    pub open: bool,
    pub address: IpAddr,
}

/// Who somebody says to be, and what there is to prove it.
pub struct Plain {
    pub user: String,
    /// `None`: nothing was said, which is no attempt.
    pub password: Option<String>,
    pub encrypted: bool,
    /// The common name of a certificate that was checked.
    pub certificate: Option<String>,
}

/// How somebody was let in, for the audit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    Trust,
    Scram,
    Certificate,
    Both,
}

impl Method {
    pub fn word(self) -> &'static str {
        match self {
            Method::Trust => "trust",
            Method::Scram => "scram-sha-256",
            Method::Certificate => "certificate",
            Method::Both => "certificate and scram-sha-256",
        }
    }
}

impl Door<'_> {
    /// Returns once the client has proved to be the role it names.
    pub async fn admit(
        &self,
        stream: &mut Stream,
        start: &Start,
    ) -> Result<(Arc<Role>, Method), Refused> {
        if self.open && !stream.is_encrypted() {
            return Err(plaintext(self.address, &start.user).into());
        }
        let role = self.role(&start.user);
        let certificate = client_certificate(stream);
        let method = self.method(role.as_deref(), certificate.is_some());
        if matches!(method, Method::Certificate | Method::Both) {
            self.certificate(certificate.as_deref(), &start.user)?;
        }
        if matches!(method, Method::Scram | Method::Both) {
            self.password(stream, start, role.as_deref()).await?;
        }
        Ok((self.standing(&start.user)?, method))
    }

    /// As [`Door::admit`], for a protocol whose clients send their password itself.
    pub async fn admit_plain(&self, who: &Plain) -> Result<(Arc<Role>, Method)> {
        if self.open && !who.encrypted {
            return Err(plaintext(self.address, &who.user));
        }
        let role = self.role(&who.user);
        let method = self.method(role.as_deref(), who.certificate.is_some());
        if matches!(method, Method::Certificate | Method::Both) {
            self.certificate(who.certificate.as_deref(), &who.user)?;
        }
        if matches!(method, Method::Scram | Method::Both) {
            let password = who.password.clone().ok_or_else(no_credentials)?;
            self.heard(&who.user)?;
            let (verifier, admits) = self.verifier(&who.user, role.as_deref());
            // Thousands of rounds of a hash: not on a thread that others wait for.
            let right = tokio::task::spawn_blocking(move || verifier.is_of(&password));
            let right = right.await.unwrap_or(false);
            if !(right && admits) {
                self.attempts
                    .failed(self.address, &who.user, Instant::now());
                return Err(wrong_password(&who.user));
            }
            self.attempts.succeeded(&who.user);
        }
        Ok((self.standing(&who.user)?, method))
    }

    /// What this listener asks of the role.
    fn method(&self, role: Option<&Role>, has_certificate: bool) -> Method {
        match (self.open, self.access.loopback, self.access.remote) {
            (false, Loopback::Trust, _) if role.is_none_or(|role| role.verifier.is_none()) => {
                Method::Trust
            }
            (false, ..) | (true, _, Remote::Scram) => Method::Scram,
            (true, _, Remote::Certificate) => Method::Certificate,
            (true, _, Remote::Either) if !has_certificate => Method::Scram,
            (true, _, Remote::Either) => Method::Certificate,
            (true, _, Remote::Both) => Method::Both,
        }
    }

    /// Asked again at the end: whatever happened to the role meanwhile counts.
    fn standing(&self, user: &str) -> Result<Arc<Role>> {
        match self.role(user) {
            Some(role) if role.login => Ok(role),
            Some(role) => Err(Error::new(
                state::INVALID_AUTHORIZATION,
                format!("role \"{}\" is not permitted to log in", role.name),
            )),
            None => Err(Error::new(
                state::INVALID_AUTHORIZATION,
                format!("role \"{user}\" does not exist"),
            )),
        }
    }

    /// Whether one more attempt is listened to by now.
    fn heard(&self, user: &str) -> Result<()> {
        match self.attempts.wait(self.address, user, Instant::now()) {
            None => Ok(()),
            Some(wait) => Err(wrong_password(user).with_hint(format!(
                "After that many failures the next attempt is heard in {:.1} seconds.",
                wait.as_secs_f64()
            ))),
        }
    }

    /// What a password is held against, and whether the right one lets in.
    fn verifier(&self, user: &str, role: Option<&Role>) -> (Verifier, bool) {
        let stored = match (&self.access.owner, role) {
            (Some(owner), Some(role)) if role.oid == BOOTSTRAP_ROLE => Some(owner.clone()),
            (_, role) => role
                .and_then(|role| role.verifier.as_ref())
                .and_then(|stored| Verifier::parse(&stored.0)),
        };
        let admits = stored.is_some() && role.is_some_and(|role| !is_past(role.valid_until));
        let verifier = stored.unwrap_or_else(|| Verifier::made_up(&self.access.secret, user));
        (verifier, admits)
    }

    fn role(&self, name: &str) -> Option<Arc<Role>> {
        self.engine.db().read().catalog().role_named(name).cloned()
    }

    /// The certificate's common name must be the role's name.
    fn certificate(&self, name: Option<&str>, user: &str) -> Result<()> {
        if name == Some(user) {
            return Ok(());
        }
        self.attempts.failed(self.address, user, Instant::now());
        Err(match name {
            Some(_) => Error::new(
                state::INVALID_AUTHORIZATION,
                format!("certificate authentication failed for user \"{user}\""),
            ),
            None => Error::new(
                state::INVALID_AUTHORIZATION,
                "connection requires a valid client certificate",
            ),
        })
    }

    async fn password(
        &self,
        stream: &mut Stream,
        start: &Start,
        role: Option<&Role>,
    ) -> Result<(), Refused> {
        self.heard(&start.user)?;
        let (verifier, admits) = self.verifier(&start.user, role);
        let end_point = match (stream.is_encrypted(), &self.access.tls) {
            (true, Some(tls)) => tls.end_point().map(<[u8]>::to_vec),
            _ => None,
        };
        let exchange = Exchange::new(verifier, admits, end_point)?;
        match converse(stream, exchange).await {
            Ok(()) => {
                self.attempts.succeeded(&start.user);
                Ok(())
            }
            Err(Spoiled::Rejected) => {
                self.attempts
                    .failed(self.address, &start.user, Instant::now());
                Err(wrong_password(&start.user).into())
            }
            Err(Spoiled::Other(refused)) => Err(refused),
        }
    }
}

fn client_certificate(stream: &Stream) -> Option<String> {
    stream.tls().and_then(tls::client_name)
}

fn is_past(moment: Option<i64>) -> bool {
    let Some(moment) = moment else { return false };
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    now.map_or(true, |now| {
        i64::try_from(now.as_micros()).is_ok_and(|now| now >= moment)
    })
}

fn no_credentials() -> Error {
    Error::new(
        state::INVALID_AUTHORIZATION,
        "the node asks for a password, and none was given",
    )
    .with_hint("Log in with a name and a password, or send a Basic authorization header.")
}

fn wrong_password(user: &str) -> Error {
    Error::new(
        state::INVALID_PASSWORD,
        format!("password authentication failed for user \"{user}\""),
    )
}

fn plaintext(address: IpAddr, user: &str) -> Error {
    Error::new(
        state::INVALID_AUTHORIZATION,
        format!(
            "connections in the clear are refused: host \"{address}\", user \"{user}\", no encryption"
        ),
    )
    .with_hint("Connect with sslmode=require, or better verify-full with the node's certificate as sslrootcert.")
}

enum Spoiled {
    Rejected,
    Other(Refused),
}

impl<E: Into<Refused>> From<E> for Spoiled {
    fn from(error: E) -> Self {
        Spoiled::Other(error.into())
    }
}

impl From<Failure> for Spoiled {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Malformed(what) => Spoiled::Other(protocol(what).into()),
            Failure::Rejected => Spoiled::Rejected,
        }
    }
}

/// The SASL conversation; the client is right if it comes to an end.
async fn converse(stream: &mut Stream, mut exchange: Exchange) -> Result<(), Spoiled> {
    let mut out = Output::new();
    out.sasl_mechanisms(exchange.mechanisms());
    send(stream, &mut out).await?;
    let first = receive(stream).await?;
    let mut reader = Reader::new(&first);
    let mechanism = reader.text()?;
    let length = usize::try_from(reader.i32()?).map_err(|_| protocol("invalid SASL response"))?;
    let message = reader.bytes(length)?;
    reader.finish()?;
    let answer = exchange.first(mechanism, message)?;
    out.sasl_continue(&answer);
    send(stream, &mut out).await?;
    let last = receive(stream).await?;
    let answer = exchange.last(&last)?;
    out.sasl_final(&answer);
    // Goes out with what follows it.
    send(stream, &mut out).await?;
    Ok(())
}

async fn send(stream: &mut Stream, out: &mut Output) -> std::io::Result<()> {
    stream.write_all(out.unsent()).await?;
    out.advance(out.unsent().len());
    stream.flush().await
}

async fn receive(stream: &mut Stream) -> Result<Vec<u8>, Refused> {
    let mut header = [0; 5];
    stream.read_exact(&mut header).await?;
    let [kind, length @ ..] = header;
    if kind != PASSWORD {
        return Err(protocol(format!("expected SASL response, got message type {kind}")).into());
    }
    let length = usize::try_from(i32::from_be_bytes(length))
        .ok()
        .and_then(|length| length.checked_sub(4))
        .filter(|length| *length <= MAX_MESSAGE_BYTES)
        .ok_or_else(|| protocol("invalid length of a SASL response"))?;
    let mut body = vec![0; length];
    stream.read_exact(&mut body).await?;
    Ok(body)
}
