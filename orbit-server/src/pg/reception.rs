//! What the listeners share: how many may come in, who they are, and the sessions
//! they are given. A session is the same whichever protocol it is spoken to by.

use super::ServeOptions;
use super::attempts::Attempts;
use super::cancel::{Registered, Registry};
use orbit_core::catalog::Role;
use orbit_core::catalog::role::DATABASE_OWNER;
use orbit_core::error::SqlState;
use orbit_core::types::Oid;
use orbit_core::{Error, Result, state};
use orbit_query::access::audit::Login;
use orbit_query::{Encryption, Ends, Engine, Session, SessionInit};
use parking_lot::Mutex;
use rustls::ProtocolVersion;
use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;
use tokio::net::TcpStream;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_rustls::server::TlsStream;

/// What the one database is called, by whatever name it was asked for.
pub const DATABASE: &str = "orbit";

pub struct Reception {
    pub engine: Arc<Engine>,
    pub options: ServeOptions,
    pub registry: Arc<Registry>,
    pub attempts: Attempts,
    sessions: Arc<Semaphore>,
    logins: Arc<Logins>,
}

/// A session's place among all there may be, and among its role's.
pub struct Seat {
    _session: OwnedSemaphorePermit,
    _login: Counted,
}

/// Who comes in, and from where.
#[derive(Default)]
pub struct Visitor<'a> {
    pub user: String,
    pub application: String,
    pub address: Option<IpAddr>,
    pub ends: Ends,
    /// `None`: in the clear.
    pub encryption: Option<Encryption>,
    /// What the client wants set from the beginning.
    pub settings: &'a [(String, String)],
}

impl Reception {
    pub fn new(engine: Arc<Engine>, options: ServeOptions) -> Arc<Reception> {
        Arc::new(Reception {
            sessions: Arc::new(Semaphore::new(
                options.max_connections.min(Semaphore::MAX_PERMITS),
            )),
            registry: Registry::new(),
            attempts: Attempts::new(),
            logins: Arc::default(),
            engine,
            options,
        })
    }

    /// 53300 where there is no room for one more, or for one more of this role.
    pub fn seat(&self, role: &Role) -> Result<Seat> {
        let session = self.sessions.clone().try_acquire_owned().map_err(|_| {
            Error::new(
                state::TOO_MANY_CONNECTIONS,
                "sorry, too many clients already",
            )
            .with_hint("Close idle connections, use a connection pool, or raise the profile's connection limit.")
        })?;
        let login = self.logins.enter(role).ok_or_else(|| {
            Error::new(
                state::TOO_MANY_CONNECTIONS,
                format!("too many connections for role \"{}\"", role.name),
            )
        })?;
        Ok(Seat {
            _session: session,
            _login: login,
        })
    }

    /// Into the audit.
    pub fn note(&self, role: &str, address: IpAddr, detail: String, failed: Option<SqlState>) {
        if let Some(audit) = self.engine.audit() {
            audit.login(Login {
                role: role.chars().take(64).collect(),
                address,
                detail,
                failed: failed.map(|state| state.as_str().to_owned()),
            });
        }
    }

    /// A session as the node, the database, the role and the client want it to begin.
    pub fn session(
        &self,
        registered: &Registered,
        visitor: Visitor<'_>,
        role: &Role,
    ) -> Result<Session> {
        let stop = registered.stop.clone();
        let mut session = self.engine.session(SessionInit {
            user: visitor.user,
            database: DATABASE.to_owned(),
            application: visitor.application,
            pid: registered.key.pid,
            secret: registered.key.secret,
            address: visitor.address,
            ends: visitor.ends,
            encryption: visitor.encryption,
            stopper: Some(Arc::new(move |reason| stop.ask_for(reason))),
        });
        for (name, value) in &self.options.settings {
            session.grant_initial(name, value)?;
        }
        // What sessions of the database and of the role start with, unless this client says
        // otherwise.
        let view = self.engine.db().read();
        let of_database = view.catalog().role(DATABASE_OWNER);
        let of_database = of_database.iter().flat_map(|owner| &owner.settings);
        for (name, value) in of_database.chain(&role.settings) {
            session.set_of_role(name, value);
        }
        for (name, value) in visitor.settings {
            session.set_initial(name, value)?;
        }
        Ok(session)
    }
}

/// As OpenSSL, and so PostgreSQL, would call what was agreed on.
pub fn encryption(tls: &TlsStream<TcpStream>) -> Encryption {
    let connection = tls.get_ref().1;
    let version = match connection.protocol_version() {
        Some(ProtocolVersion::TLSv1_3) => "TLSv1.3",
        Some(ProtocolVersion::TLSv1_2) => "TLSv1.2",
        _ => "",
    };
    let suite = connection.negotiated_cipher_suite();
    let name = suite.and_then(|suite| suite.suite().as_str());
    let cipher = name.unwrap_or_default().replace("TLS13_", "TLS_");
    Encryption {
        version: version.to_owned(),
        bits: if cipher.contains("AES_128") { 128 } else { 256 },
        cipher,
        client: crate::tls::client_name(tls),
    }
}

/// How many sessions each role has.
#[derive(Default)]
struct Logins(Mutex<HashMap<Oid, usize>>);

struct Counted(Arc<Logins>, Oid);

impl Logins {
    /// `None`: the role has as many as its CONNECTION LIMIT allows.
    fn enter(self: &Arc<Self>, role: &Role) -> Option<Counted> {
        let mut counts = self.0.lock();
        let count = counts.entry(role.oid).or_default();
        if let Ok(limit) = usize::try_from(role.connection_limit)
            && *count >= limit
            && !role.superuser
        {
            return None;
        }
        *count += 1;
        Some(Counted(self.clone(), role.oid))
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        let mut counts = self.0.0.lock();
        if let Some(count) = counts.get_mut(&self.1) {
            *count -= 1;
            if *count == 0 {
                counts.remove(&self.1);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_roles_connections_are_counted_and_given_back() {
        let logins = Arc::new(Logins::default());
        let role = Role {
            connection_limit: 1,
            ..Role::new(20_000, "ada")
        };
        let first = logins.enter(&role);
        assert!(first.is_some() && logins.enter(&role).is_none());
        drop(first);
        assert!(logins.enter(&role).is_some());
        assert!(logins.0.lock().is_empty());
    }
}
