//! A node with its listeners: started, serving, stopped in order.

use crate::scram::Verifier;
use crate::tls::{self, Tls};
use crate::{grpc, http, pg};
use orbit_core::{Error, Result, state};
use orbit_edge::{Node, NodeConfig};
use orbit_query::access::audit::Keep;
use std::net::{SocketAddr, ToSocketAddrs};
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// How long open sessions have to finish what they are committing.
const GRACE: Duration = Duration::from_secs(10);

pub struct Running {
    node: Arc<Node>,
    pub pg_address: SocketAddr,
    pub grpc_address: SocketAddr,
    pub http_address: SocketAddr,
    stop: CancellationToken,
    tasks: Vec<JoinHandle<()>>,
}

impl Running {
    /// Opens the data directory and every port, or nothing.
    pub async fn start(config: NodeConfig) -> Result<Running> {
        Running::start_for(config, None).await
    }

    /// As [`Running::start`]; `owner` is a password that lets the superuser in
    /// besides its own, for a command that owns the data directory and gives
    /// itself one for the time it runs.
    pub async fn start_for(config: NodeConfig, owner: Option<Verifier>) -> Result<Running> {
        config.check_listening()?;
        let pg_listener = bind(config.pg_address(), "listen.pg_port").await?;
        let grpc_listener = bind(config.grpc_address(), "listen.grpc_port").await?;
        let http_listener = bind(config.http_address(), "listen.http_port").await?;
        let (pg_address, grpc_address, http_address) = (
            pg_listener.local_addr()?,
            grpc_listener.local_addr()?,
            http_listener.local_addr()?,
        );
        let node = Node::open(config).await?;
        node.engine().set_password_maker(crate::scram::to_store);
        let keep = Keep {
            rows: node.config().access.audit_rows,
            age: node.config().access.audit_age,
        };
        node.engine().start_audit(keep).await?;
        let access = access(&node, owner)?;
        let stop = CancellationToken::new();
        let options = pg::ServeOptions {
            max_connections: node.memory().max_connections,
            settings: node.config().session_settings.clone(),
            shutdown_grace: GRACE,
            access,
            ..pg::ServeOptions::default()
        };
        let reception = pg::Reception::new(node.engine().clone(), options);
        let tasks = vec![
            tokio::spawn({
                let (reception, stop) = (reception.clone(), stop.clone());
                async move {
                    let served = pg::serve(pg_listener, reception, stop.cancelled()).await;
                    if let Err(error) = served {
                        tracing::error!(%error, "the PostgreSQL listener ended");
                    }
                }
            }),
            tokio::spawn({
                let (node, stop) = (node.clone(), stop.clone());
                async move {
                    let served = grpc::serve(node, grpc_listener, reception, stop).await;
                    if let Err(error) = served {
                        tracing::error!(%error, "the gRPC listener ended");
                    }
                }
            }),
            tokio::spawn(http::serve(node.clone(), http_listener, stop.clone())),
        ];
        Ok(Running {
            node,
            pg_address,
            grpc_address,
            http_address,
            stop,
            tasks,
        })
    }

    pub fn node(&self) -> &Arc<Node> {
        &self.node
    }

    /// Stops accepting, lets commits in flight finish, closes the sessions
    /// (57P01), flushes.
    pub async fn stop(self) -> Result<()> {
        self.stop.cancel();
        for task in self.tasks {
            // A gRPC client that holds its connection open must not hold us.
            if tokio::time::timeout(GRACE + Duration::from_secs(1), task)
                .await
                .is_err()
            {
                tracing::warn!("a listener did not stop in time");
            }
        }
        self.node.close().await
    }
}

/// How clients are known, or why nobody could be.
fn access(node: &Node, owner: Option<Verifier>) -> Result<pg::Access> {
    let config = node.config();
    let directory = &config.node.data_dir;
    let remote = match config.access.remote.as_str() {
        "certificate" => pg::Remote::Certificate,
        "either" => pg::Remote::Either,
        "both" => pg::Remote::Both,
        _ => pg::Remote::Scram,
    };
    let anybody = config.is_open() || config.is_grpc_open();
    if anybody && matches!(remote, pg::Remote::Scram | pg::Remote::Both) {
        let view = node.engine().db().read();
        let mut roles = view.catalog().roles();
        if !roles.any(|role| role.login && role.verifier.is_some()) {
            let address = match config.is_open() {
                true => config.listen.address,
                false => config.grpc_address().ip(),
            };
            return Err(Error::new(
                state::CONFIG_FILE_ERROR,
                format!("refusing to listen on {address}: no role has a password"),
            )
            .with_hint(format!(
                "Give one first: orbit sql --data-dir {} -c \"ALTER ROLE orbit PASSWORD '...'\". Or set access.remote = \"certificate\" and tls.authority.",
                directory.display()
            )));
        }
    }
    let tls = match config.tls.enabled && (anybody || config.tls.loopback) {
        true => Some(Arc::new(Tls::load(&config.tls, directory, &names(config))?)),
        false => None,
    };
    if let Some(tls) = &tls
        && tls.is_own
        && anybody
    {
        tracing::info!(
            certificate = %tls.certificate.display(),
            "clients know this node by its own certificate; give them a copy as sslrootcert"
        );
    }
    Ok(pg::Access {
        loopback: match config.access.loopback.as_str() {
            "scram" => pg::Loopback::Scram,
            _ => pg::Loopback::Trust,
        },
        remote,
        tls,
        secret: tls::secret(directory)?.into(),
        owner,
    })
}

/// What the node's own certificate is good for.
fn names(config: &NodeConfig) -> Vec<String> {
    let mut names = vec![
        "localhost".to_owned(),
        "127.0.0.1".to_owned(),
        "::1".to_owned(),
    ];
    let addresses = [config.listen.address, config.grpc_address().ip()];
    for address in addresses {
        if !address.is_unspecified() && !address.is_loopback() {
            names.push(address.to_string());
        }
    }
    let host = std::fs::read_to_string("/etc/hostname").unwrap_or_default();
    let host = host.trim();
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '.';
    if !host.is_empty() && host != "localhost" && host.chars().all(plain) {
        names.push(host.to_owned());
        // Where it listens everywhere: under the addresses that its name leads to.
        if addresses.iter().any(|address| address.is_unspecified()) {
            let addresses = (host, 0).to_socket_addrs().into_iter().flatten();
            names.extend(addresses.map(|address| address.ip().to_string()));
        }
    }
    names.sort();
    names.dedup();
    names
}

async fn bind(address: SocketAddr, key: &str) -> Result<TcpListener> {
    TcpListener::bind(address).await.map_err(|error| {
        // Not 55006, which tells of a data directory in use.
        Error::new(
            state::CONNECTION_FAILURE,
            format!("cannot listen on {address}: {error}"),
        )
        .with_hint(format!(
            "Is a node running there already? Set {key} to another port, or to 0 for a free one."
        ))
    })
}

#[cfg(test)]
mod tests;
