//! Accepts connections, counts them, and ends them all at shutdown.

use super::auth::{Door, Method, Refused};
use super::backend::Output;
use super::cancel::Registered;
use super::connection::Connection;
use super::errors::{Severity, shutting_down};
use super::reception::{Reception, Visitor, encryption};
use super::startup::{self, Opening, Start};
use super::stream::Stream;
use orbit_core::catalog::Role;
use orbit_core::{Error, Result, state};
use orbit_query::Ends;
use orbit_query::statement::names::is_database;
use parking_lot::Mutex;
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::task::{AbortHandle, JoinSet};
use tokio::time::{sleep, timeout};

/// Connections that have no session yet: in their startup, with a cancel request, or
/// being told that there are too many. One more costs the oldest its place, so
/// whoever connects and says nothing keeps nobody else out.
const MAX_STARTING: usize = 128;
/// After a failed accept, mostly for want of file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
const REFUSAL: Duration = Duration::from_secs(1);

struct Server {
    reception: Arc<Reception>,
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
    reception: Arc<Reception>,
    shutdown: impl Future<Output = ()>,
) -> Result<()> {
    let address = listener.local_addr()?.ip();
    let open = !address.to_canonical().is_loopback();
    if open && reception.options.access.tls.is_none() {
        return Err(without_tls(address));
    }
    let server = Arc::new(Server {
        reception,
        open,
        starting: Arc::default(),
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
    server.reception.registry.stop_all();
    let all = async { while connections.join_next().await.is_some() {} };
    if timeout(server.reception.options.shutdown_grace, all)
        .await
        .is_err()
    {
        tracing::warn!(
            sessions = server.reception.registry.len(),
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
        let patience = self.reception.options.startup_timeout;
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
        let tls = self.reception.options.access.tls.as_deref();
        let (mut stream, start) = match startup::open(stream, tls).await {
            Ok((Some(stream), Opening::Start(start))) => (stream, start),
            Ok((_, Opening::Cancel { pid, secret })) => {
                self.reception.engine.cancel(pid, secret);
                return None;
            }
            Ok(_) => return None,
            Err((stream, error)) => {
                refuse(stream, &error).await;
                return None;
            }
        };
        let door = Door {
            engine: &self.reception.engine,
            access: &self.reception.options.access,
            attempts: &self.reception.attempts,
            open: self.open,
            address,
        };
        match door.admit(&mut stream, &start).await {
            Ok((role, method)) => Some((stream, start, role, method)),
            Err(Refused::Gone) => None,
            Err(Refused::Told(error)) => {
                tracing::warn!(user = %start.user, %address, %error, "a login failed");
                let state = error.state();
                self.reception.note(
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
        let _seat = match self.reception.seat(&role) {
            Ok(seat) => seat,
            Err(error) => return refuse(stream, &error).await,
        };
        if !place.leave() {
            return;
        }
        let encrypted = if stream.is_encrypted() { ", TLS" } else { "" };
        let how = format!("{}{encrypted}", method.word());
        self.reception.note(&start.user, address, how, None);
        let registered = self.reception.registry.register();
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
        let visitor = Visitor {
            user: start.user.clone(),
            application: start.application.clone(),
            address: Some(address),
            ends: Ends {
                client: stream.tcp().peer_addr().ok(),
                server: stream.tcp().local_addr().ok(),
            },
            encryption: stream.tls().map(encryption),
            settings: &start.settings,
        };
        let session = match self.reception.session(&registered, visitor, role) {
            Ok(session) => session,
            Err(error) => return Err((stream, error)),
        };
        let engine = self.reception.engine.clone();
        Ok(Connection::new(
            stream,
            registered,
            engine,
            session,
            &self.reception.options,
        ))
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
