//! Accepts connections, counts them, and ends them all at shutdown.

use super::ServeOptions;
use super::backend::Output;
use super::cancel::{Registered, Registry};
use super::connection::Connection;
use super::errors::{Severity, shutting_down};
use super::startup::{self, Opening, Start};
use orbit_core::{Error, Result, state};
use orbit_query::{Engine, SessionInit};
use std::net::IpAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

/// Sockets beyond the sessions: those in their startup, cancel requests, and
/// those being told that there are too many.
const SPARE_SOCKETS: usize = 64;
/// After a failed accept, mostly for want of file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
const REFUSAL: Duration = Duration::from_secs(1);

struct Server {
    engine: Arc<Engine>,
    options: ServeOptions,
    registry: Arc<Registry>,
    sessions: Arc<Semaphore>,
}

/// Serves until `shutdown` resolves, then ends all sessions with 57P01 and
/// returns when they are gone or the grace period is over.
///
/// Refuses a listener that others than this machine could reach: without TLS and
/// passwords everyone who reaches it is let in.
pub async fn serve(
    listener: TcpListener,
    engine: Arc<Engine>,
    options: ServeOptions,
    shutdown: impl Future<Output = ()>,
) -> Result<()> {
    require_loopback(listener.local_addr()?.ip())?;
    let sockets = Arc::new(Semaphore::new(
        options
            .max_connections
            .saturating_add(SPARE_SOCKETS)
            .min(Semaphore::MAX_PERMITS),
    ));
    let server = Arc::new(Server {
        sessions: Arc::new(Semaphore::new(
            options.max_connections.min(Semaphore::MAX_PERMITS),
        )),
        registry: Registry::new(),
        engine,
        options,
    });
    let mut connections = JoinSet::new();
    let mut shutdown = pin!(shutdown);
    loop {
        tokio::select! {
            biased;
            () = &mut shutdown => break,
            Some(_) = connections.join_next() => {}
            accepted = listener.accept() => match accepted {
                // Beyond all bounds there is not even a refusal: the socket is dropped.
                Ok((stream, _)) => if let Ok(socket) = sockets.clone().try_acquire_owned() {
                    connections.spawn(server.clone().attend(stream, socket));
                },
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

fn require_loopback(address: IpAddr) -> Result<()> {
    if address.to_canonical().is_loopback() {
        return Ok(());
    }
    Err(Error::new(
        state::FEATURE_NOT_SUPPORTED,
        format!("refusing to listen on {address}: PostgreSQL connections have neither TLS nor passwords yet"),
    )
    .with_hint("Listen on 127.0.0.1 or ::1."))
}

impl Server {
    async fn attend(self: Arc<Self>, mut stream: TcpStream, _socket: OwnedSemaphorePermit) {
        // Answers leave in one piece; waiting for more to send only delays them.
        let _ = stream.set_nodelay(true);
        let opening = timeout(self.options.startup_timeout, startup::open(&mut stream)).await;
        match opening {
            Ok(Ok(Opening::Start(start))) => self.begin(stream, start).await,
            Ok(Ok(Opening::Cancel { pid, secret })) => self.engine.cancel(pid, secret),
            Ok(Ok(Opening::Closed)) => {}
            Ok(Err(error)) => refuse(stream, &error).await,
            // As PostgreSQL: whoever dawdles is left without a word.
            Err(_) => {}
        }
    }

    async fn begin(self: Arc<Self>, stream: TcpStream, start: Start) {
        let Ok(_session) = self.sessions.clone().try_acquire_owned() else {
            let error = Error::new(
                state::TOO_MANY_CONNECTIONS,
                "sorry, too many clients already",
            )
            .with_hint("Close idle connections, use a connection pool, or raise the profile's connection limit.");
            return refuse(stream, &error).await;
        };
        let registered = self.registry.register();
        if registered.stop.is_asked(std::task::Waker::noop()) {
            return refuse(stream, &shutting_down()).await;
        }
        match self.connection(stream, registered, &start) {
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
        stream: TcpStream,
        registered: Registered,
        start: &Start,
    ) -> Result<Connection, (TcpStream, Error)> {
        let mut session = self.engine.session(SessionInit {
            user: start.user.clone(),
            database: start.database.clone(),
            application: start.application.clone(),
            pid: registered.key.pid,
            secret: registered.key.secret,
        });
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

/// Says FATAL to somebody who has no session.
async fn refuse(mut stream: TcpStream, error: &Error) {
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
    fn only_this_machine_is_listened_to() {
        for good in ["127.0.0.1", "127.8.8.8", "::1", "::ffff:127.0.0.1"] {
            assert!(require_loopback(good.parse().unwrap()).is_ok(), "{good}");
        }
        for bad in ["0.0.0.0", "::", "192.168.1.4", "10.0.0.1", "2001:db8::1"] {
            let error = require_loopback(bad.parse().unwrap()).unwrap_err();
            assert!(error.hint().is_some(), "{bad}");
        }
    }
}
