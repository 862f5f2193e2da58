//! From a call's headers to a session: who calls, whether it is true, and which of the
//! sessions there are is theirs.

use super::guest::{Guest, Limits};
use super::tokens::{Key, Tokens, token};
use crate::grpc::Line;
use crate::pg::{Door, Plain, Reception, Visitor, shutting_down};
use base64::Engine as _;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use orbit_core::{Error, Result, state};
use parking_lot::Mutex;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tonic::Request;
use tonic::metadata::MetadataMap;

/// Passwords proved at one time: each costs thousands of rounds of a hash.
const PROOFS: usize = 2;
/// How often sessions that have been idle for too long are looked for.
const SWEEP: Duration = Duration::from_secs(1);
/// How long a token's session outlives the last connection it was used over: gRPC
/// connects anew by itself.
const LINGER: Duration = Duration::from_secs(10);
/// Who calls without a word.
const NOBODY: &str = "orbit";

/// Go's clients leave the padding off, others don't.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// What a call says of its caller.
#[derive(Debug, PartialEq, Eq)]
pub enum Credentials {
    Token(String),
    Basic {
        header: String,
        user: String,
        password: String,
    },
    None,
}

impl Credentials {
    pub fn of(metadata: &MetadataMap) -> Result<Credentials> {
        let Some(header) = metadata.get("authorization") else {
            return Ok(Credentials::None);
        };
        let header = header.to_str().map_err(|_| unreadable())?;
        let (scheme, rest) = header.split_once(' ').ok_or_else(unreadable)?;
        let rest = rest.trim();
        if scheme.eq_ignore_ascii_case("bearer") {
            return Ok(Credentials::Token(rest.to_owned()));
        }
        if !scheme.eq_ignore_ascii_case("basic") {
            return Err(unreadable());
        }
        let decoded = BASE64.decode(rest).map_err(|_| unreadable())?;
        let decoded = String::from_utf8(decoded).map_err(|_| unreadable())?;
        let (user, password) = decoded.split_once(':').ok_or_else(unreadable)?;
        Ok(Credentials::Basic {
            header: header.to_owned(),
            user: user.to_owned(),
            password: password.to_owned(),
        })
    }
}

fn unreadable() -> Error {
    Error::new(
        state::INVALID_AUTHORIZATION,
        "the authorization header is neither Basic nor Bearer",
    )
}

pub struct Lobby {
    reception: Arc<Reception>,
    /// Whether others than this machine can reach the listener.
    open: bool,
    tokens: Mutex<Tokens<Arc<Guest>>>,
    proofs: Semaphore,
}

impl Lobby {
    pub fn new(reception: Arc<Reception>, open: bool) -> Arc<Lobby> {
        Arc::new(Lobby {
            reception,
            open,
            tokens: Mutex::default(),
            proofs: Semaphore::new(PROOFS),
        })
    }

    pub fn is_open(&self) -> bool {
        self.open
    }

    /// The caller's session; a new one for whoever needs no token, or proves with
    /// this very call who they are.
    pub async fn guest(
        &self,
        metadata: &MetadataMap,
        line: Option<&Arc<Line>>,
    ) -> Result<Arc<Guest>> {
        let line = line.ok_or_else(without_line)?;
        let (key, user, password) = match Credentials::of(metadata)? {
            Credentials::Token(token) => {
                let known = self.tokens.lock().find(&Key::of_token(&token));
                let guest = known.ok_or_else(|| {
                    Error::new(
                        state::INVALID_AUTHORIZATION,
                        "the token is not known, or its session has ended",
                    )
                    .with_hint("Log in again.")
                })?;
                guest.is_used_over(line);
                return Ok(guest);
            }
            Credentials::Basic {
                header,
                user,
                password,
            } => {
                let key = Key::of_header(line.number, &header);
                (key, user, Some(password))
            }
            Credentials::None => {
                let user = line.certificate.clone();
                let user = user.unwrap_or_else(|| NOBODY.to_owned());
                (Key::of_connection(line.number), user, None)
            }
        };
        let known = self.tokens.lock().find(&key);
        match known {
            Some(guest) if guest.is_over() => self.forget(&guest),
            Some(guest) => return Ok(guest),
            None => {}
        }
        let guest = self
            .open_session(metadata, line, user, password, Duration::ZERO)
            .await?;
        Ok(self.tokens.lock().keep(key, guest))
    }

    /// A new session and the token for it.
    pub async fn log_in<T>(
        &self,
        request: &Request<T>,
        user: String,
        password: String,
    ) -> Result<String> {
        let line = request.extensions().get().ok_or_else(without_line)?;
        let guest = self
            .open_session(request.metadata(), line, user, Some(password), LINGER)
            .await?;
        let token = token()?;
        self.tokens.lock().keep(Key::of_token(&token), guest);
        Ok(token)
    }

    async fn open_session(
        &self,
        metadata: &MetadataMap,
        line: &Arc<Line>,
        user: String,
        password: Option<String>,
        lingers: Duration,
    ) -> Result<Arc<Guest>> {
        let reception = &self.reception;
        let who = Plain {
            user,
            password,
            encrypted: line.encryption.is_some(),
            certificate: line.certificate.clone(),
        };
        let door = Door {
            engine: &reception.engine,
            access: &reception.options.access,
            attempts: &reception.attempts,
            open: self.open,
            address: line.address,
        };
        let admitted = {
            let _proof = self.proofs.acquire().await;
            door.admit_plain(&who).await
        };
        let (role, method) = admitted.inspect_err(|error| {
            tracing::warn!(user = %who.user, address = %line.address, %error, "a login failed");
            let why = error.message().to_owned();
            reception.note(&who.user, line.address, why, Some(error.state()));
        })?;
        let seat = reception.seat(&role)?;
        let encrypted = if who.encrypted { ", TLS" } else { "" };
        let how = format!("{}{encrypted}, Arrow Flight", method.word());
        reception.note(&who.user, line.address, how, None);
        let registered = reception.registry.register();
        if registered.stop.was_asked() {
            return Err(shutting_down());
        }
        let agent = metadata.get("user-agent");
        let agent = agent.and_then(|agent| agent.to_str().ok());
        let visitor = Visitor {
            user: who.user,
            application: agent.unwrap_or_default().chars().take(63).collect(),
            address: Some(line.address),
            ends: line.ends.clone(),
            encryption: line.encryption.clone(),
            settings: &[],
        };
        let session = reception.session(&registered, visitor, &role)?;
        let options = &reception.options;
        let limits = Limits {
            prepared_statements: options.max_prepared_statements,
            statement_bytes: options.max_statement_bytes,
            parameter_bytes: options.max_message_bytes / 4,
        };
        let engine = reception.engine.clone();
        let guest = Guest::new(session, engine, seat, registered, limits, lingers);
        guest.is_used_over(line);
        Ok(guest)
    }

    /// Ends the caller's session for good.
    pub async fn leave(&self, guest: &Arc<Guest>) {
        self.forget(guest);
        let reason = "the session was closed by its client";
        guest
            .close(Error::new(state::CONNECTION_FAILURE, reason))
            .await;
    }

    fn forget(&self, guest: &Arc<Guest>) {
        self.tokens.lock().retain(|held| !Arc::ptr_eq(held, guest));
    }

    /// Ends sessions that have nobody any more, and all of them at `stop`.
    pub async fn sweep(self: Arc<Self>, stop: CancellationToken) {
        loop {
            tokio::select! {
                () = stop.cancelled() => break,
                () = tokio::time::sleep(SWEEP) => {}
            }
            let guests = self.tokens.lock().all();
            for guest in guests {
                if let Some(reason) = guest.due() {
                    tracing::debug!(user = %guest.user, %reason, "a Flight session ends");
                    guest.end(reason);
                    self.forget(&guest);
                }
            }
        }
        let guests = self.tokens.lock().all();
        for guest in guests {
            guest.end(shutting_down());
            self.forget(&guest);
        }
    }
}

fn without_line() -> Error {
    Error::internal("a call without a connection")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(header: Option<&str>) -> Result<Credentials> {
        let mut metadata = MetadataMap::new();
        if let Some(header) = header {
            metadata.insert("authorization", header.parse().unwrap());
        }
        Credentials::of(&metadata)
    }

    #[test]
    fn headers_say_who_calls() {
        assert_eq!(read(None).unwrap(), Credentials::None);
        assert_eq!(
            read(Some("Bearer abc")).unwrap(),
            Credentials::Token("abc".to_owned())
        );
        let header = "Basic YWRhOmE6Yg==".to_owned();
        assert_eq!(
            read(Some(&header)).unwrap(),
            Credentials::Basic {
                header: header.clone(),
                user: "ada".to_owned(),
                password: "a:b".to_owned(),
            }
        );
        let unpadded = read(Some("Basic YWRhOmE6Yg")).unwrap();
        assert!(matches!(unpadded, Credentials::Basic { password, .. } if password == "a:b"));
        for wrong in ["Basic", "Basic !", "Digest x", "Basic YWRh"] {
            let error = read(Some(wrong)).unwrap_err();
            assert!(error.is(state::INVALID_AUTHORIZATION), "{wrong}");
        }
    }
}
