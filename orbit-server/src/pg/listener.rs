//! Accepts connections, counts them, and ends them all at shutdown.

use super::ServeOptions;
use super::attempts::Attempts;
use super::auth::{Door, Method, Refused};
use super::backend::Output;
use super::cancel::{Registered, Registry};
use super::connection::Connection;
use super::errors::{Severity, shutting_down};
use super::startup::{self, Opening, Start};
use super::stream::Stream;
use orbit_core::catalog::Role;
use orbit_core::catalog::role::DATABASE_OWNER;
use orbit_core::error::SqlState;
use orbit_core::types::Oid;
use orbit_core::{Error, Result, state};
use orbit_query::access::audit::Login;
use orbit_query::statement::names::is_database;
use orbit_query::{Encryption, Ends, Engine, SessionInit};
use parking_lot::Mutex;
use rustls::ProtocolVersion;
use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, oneshot};
use tokio::task::{AbortHandle, JoinSet};
use tokio::time::{sleep, timeout};
use tokio_rustls::server::TlsStream;

/// Connections that have no session yet: in their startup, with a cancel request, or
/// being told that there are too many. One more costs the oldest its place, so
/// whoever connects and says nothing keeps nobody else out.
const MAX_STARTING: usize = 128;
/// After a failed accept, mostly for want of file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
const REFUSAL: Duration = Duration::from_secs(1);

struct Server {
    engine: Arc<Engine>,
    options: ServeOptions,
    registry: Arc<Registry>,
    sessions: Arc<Semaphore>,
    attempts: Attempts,
    logins: Logins,
    /// Whether others than this machine can reach the listener.
    open: bool,
    starting: Arc<Starting>,
}

/// Connections without a session, oldest first.
#[derive(Default)]
struct Starting(Mutex<BTreeMap<u64, AbortHandle>>);

/// A connection's place among those that start; given up when it is dropped.
struct Place {
    number: u64,
    starting: Arc<Starting>,
}

impl Starting {
    fn add(&self, number: u64, task: AbortHandle) {
        let mut places = self.0.lock();
        places.insert(number, task);
        if places.len() > MAX_STARTING
            && let Some((_, oldest)) = places.pop_first()
        {
            oldest.abort();
        }
    }
}

impl Place {
    /// `false`: it was taken already, and this connection ends.
    fn leave(self) -> bool {
        self.starting.0.lock().remove(&self.number).is_some()
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.starting.0.lock().remove(&self.number);
    }
}

/// Serves until `shutdown` resolves, then ends all sessions with 57P01 and
/// returns when they are gone or the grace period is over.
///
/// Refuses a listener that others than this machine could reach if there is no TLS for it.
pub async fn serve(
    listener: TcpListener,
    engine: Arc<Engine>,
    options: ServeOptions,
    shutdown: impl Future<Output = ()>,
) -> Result<()> {
    let address = listener.local_addr()?.ip();
    let open = !address.to_canonical().is_loopback();
    if open && options.access.tls.is_none() {
        return Err(without_tls(address));
    }
    let server = Arc::new(Server {
        sessions: Arc::new(Semaphore::new(
            options.max_connections.min(Semaphore::MAX_PERMITS),
        )),
        registry: Registry::new(),
        attempts: Attempts::new(),
        logins: Logins::default(),
        open,
        starting: Arc::default(),
        engine,
        options,
    });
    let mut connections = JoinSet::new();
    let mut accepted_so_far = 0u64;
    let mut shutdown = pin!(shutdown);
    loop {
        tokio::select! {
            biased;
            () = &mut shutdown => break,
            Some(_) = connections.join_next() => {}
            accepted = listener.accept() => match accepted {
                Ok((stream, peer)) => {
                    accepted_so_far += 1;
                    let place = Place {
                        number: accepted_so_far,
                        starting: server.starting.clone(),
                    };
                    let (listed, on_list) = oneshot::channel();
                    let task = connections.spawn(
                        server.clone().attend(stream, peer.ip(), place, on_list),
                    );
                    server.starting.add(accepted_so_far, task);
                    let _ = listed.send(());
                }
                Err(error) => {
                    tracing::warn!(%error, "accepting a connection failed");
                    sleep(ACCEPT_PAUSE).await;
                }
            },
        }
    }
    drop(listener);
    server.registry.stop_all();
    let all = async { while connections.join_next().await.is_some() {} };
    if timeout(server.options.shutdown_grace, all).await.is_err() {
        tracing::warn!(
            sessions = server.registry.len(),
            "sessions did not end in time and were cut off"
        );
        connections.shutdown().await;
    }
    Ok(())
}

fn without_tls(address: IpAddr) -> Error {
    Error::new(
        state::CONFIG_FILE_ERROR,
        format!("refusing to listen on {address}: there is no TLS for it"),
    )
    .with_hint("Set tls.enabled = true, or listen on 127.0.0.1 or ::1.")
}

impl Server {
    async fn attend(
        self: Arc<Self>,
        stream: TcpStream,
        address: IpAddr,
        place: Place,
        on_list: oneshot::Receiver<()>,
    ) {
        if on_list.await.is_err() {
            return;
        }
        // Answers leave in one piece; waiting for more to send only delays them.
        let _ = stream.set_nodelay(true);
        let patience = self.options.startup_timeout;
        // As PostgreSQL: whoever dawdles is left without a word.
        let Ok(Some((stream, start, role, method))) =
            timeout(patience, self.receive(stream, address)).await
        else {
            return;
        };
        self.begin(stream, start, address, role, method, place)
            .await;
    }

    /// Whoever proves to be somebody gets to a session; the others have had their answer.
    async fn receive(
        &self,
        stream: TcpStream,
        address: IpAddr,
    ) -> Option<(Stream, Start, Arc<Role>, Method)> {
        let tls = self.options.access.tls.as_deref();
        let (mut stream, start) = match startup::open(stream, tls).await {
            Ok((Some(stream), Opening::Start(start))) => (stream, start),
            Ok((_, Opening::Cancel { pid, secret })) => {
                self.engine.cancel(pid, secret);
                return None;
            }
            Ok(_) => return None,
            Err((stream, error)) => {
                refuse(stream, &error).await;
                return None;
            }
        };
        let door = Door {
            engine: &self.engine,
            access: &self.options.access,
            attempts: &self.attempts,
            open: self.open,
            address,
        };
        match door.admit(&mut stream, &start).await {
            Ok((role, method)) => Some((stream, start, role, method)),
            Err(Refused::Gone) => None,
            Err(Refused::Told(error)) => {
                tracing::warn!(user = %start.user, %address, %error, "a login failed");
                let state = error.state();
                self.note(
                    &start.user,
                    address,
                    error.message().to_owned(),
                    Some(state),
                );
                refuse(stream, &error).await;
                None
            }
        }
    }

    /// Into the audit.
    fn note(&self, role: &str, address: IpAddr, detail: String, failed: Option<SqlState>) {
        if let Some(audit) = self.engine.audit() {
            audit.login(Login {
                role: role.chars().take(64).collect(),
                address,
                detail,
                failed: failed.map(|state| state.as_str().to_owned()),
            });
        }
    }

    async fn begin(
        self: Arc<Self>,
        stream: Stream,
        start: Start,
        address: IpAddr,
        role: Arc<Role>,
        method: Method,
        place: Place,
    ) {
        if let Err(error) = known_database(&start.database) {
            return refuse(stream, &error).await;
        }
        let Ok(_session) = self.sessions.clone().try_acquire_owned() else {
            let error = Error::new(
                state::TOO_MANY_CONNECTIONS,
                "sorry, too many clients already",
            )
            .with_hint("Close idle connections, use a connection pool, or raise the profile's connection limit.");
            return refuse(stream, &error).await;
        };
        if !place.leave() {
            return;
        }
        let Some(_login) = self.logins.enter(&role) else {
            let error = Error::new(
                state::TOO_MANY_CONNECTIONS,
                format!("too many connections for role \"{}\"", role.name),
            );
            return refuse(stream, &error).await;
        };
        let encrypted = if stream.is_encrypted() { ", TLS" } else { "" };
        let how = format!("{}{encrypted}", method.word());
        self.note(&start.user, address, how, None);
        let registered = self.registry.register();
        if registered.stop.is_asked(std::task::Waker::noop()) {
            return refuse(stream, &shutting_down()).await;
        }
        match self.connection(stream, registered, &start, address, &role) {
            Ok(connection) => {
                let greeting = |out: &mut Output| {
                    if let Some(unknown) = &start.negotiate {
                        out.negotiate_protocol_version(startup::VERSION, unknown);
                    }
                };
                connection.serve(greeting).await;
            }
            Err((stream, error)) => refuse(stream, &error).await,
        }
    }

    fn connection(
        &self,
        stream: Stream,
        registered: Registered,
        start: &Start,
        address: IpAddr,
        role: &Role,
    ) -> Result<Connection, (Stream, Error)> {
        let stop = registered.stop.clone();
        let mut session = self.engine.session(SessionInit {
            user: start.user.clone(),
            database: DATABASE.to_owned(),
            application: start.application.clone(),
            pid: registered.key.pid,
            secret: registered.key.secret,
            address: Some(address),
            ends: Ends {
                client: stream.tcp().peer_addr().ok(),
                server: stream.tcp().local_addr().ok(),
            },
            encryption: stream.tls().map(encryption),
            stopper: Some(Arc::new(move |reason| stop.ask_for(reason))),
        });
        for (name, value) in &self.options.settings {
            if let Err(error) = session.grant_initial(name, value) {
                return Err((stream, error));
            }
        }
        // What sessions of the database and of the role start with, unless this client says
        // otherwise.
        let view = self.engine.db().read();
        let of_database = view.catalog().role(DATABASE_OWNER);
        let of_database = of_database.iter().flat_map(|owner| &owner.settings);
        for (name, value) in of_database.chain(&role.settings) {
            session.set_of_role(name, value);
        }
        for (name, value) in &start.settings {
            if let Err(error) = session.set_initial(name, value) {
                return Err((stream, error));
            }
        }
        let engine = self.engine.clone();
        Ok(Connection::new(
            stream,
            registered,
            engine,
            session,
            &self.options,
        ))
    }
}

/// How many sessions each role has.
#[derive(Default)]
struct Logins(Mutex<HashMap<Oid, usize>>);

struct Seat<'a>(&'a Logins, Oid);

impl Logins {
    /// `None`: the role has as many as its CONNECTION LIMIT allows.
    fn enter(&self, role: &Role) -> Option<Seat<'_>> {
        let mut counts = self.0.lock();
        let count = counts.entry(role.oid).or_default();
        if let Ok(limit) = usize::try_from(role.connection_limit)
            && *count >= limit
            && !role.superuser
        {
            return None;
        }
        *count += 1;
        Some(Seat(self, role.oid))
    }
}

impl Drop for Seat<'_> {
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

/// What the one database is called, by whatever name it was asked for.
const DATABASE: &str = "orbit";

/// As OpenSSL, and so PostgreSQL, would call what was agreed on.
fn encryption(tls: &TlsStream<TcpStream>) -> Encryption {
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

fn known_database(name: &str) -> Result<(), Error> {
    if is_database(name) {
        return Ok(());
    }
    Err(Error::new(
        state::INVALID_CATALOG_NAME,
        format!("database \"{name}\" does not exist"),
    ))
}

/// Says FATAL to somebody who has no session.
async fn refuse(mut stream: Stream, error: &Error) {
    let mut out = Output::new();
    out.error(Severity::Fatal, error);
    let _ = timeout(REFUSAL, async {
        stream.write_all(out.unsent()).await?;
        stream.shutdown().await
    })
    .await;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_roles_connections_are_counted_and_given_back() {
        let logins = Logins::default();
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
