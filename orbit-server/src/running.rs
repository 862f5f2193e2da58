//! A node with its listeners: started, serving, stopped in order.

use crate::{grpc, http, pg};
use orbit_core::{Error, Result, state};
use orbit_edge::{Node, NodeConfig};
use std::net::SocketAddr;
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
        config.require_loopback()?;
        let pg_listener = bind(config.pg_address(), "listen.pg_port").await?;
        let grpc_listener = bind(config.grpc_address(), "listen.grpc_port").await?;
        let http_listener = bind(config.http_address(), "listen.http_port").await?;
        let (pg_address, grpc_address, http_address) = (
            pg_listener.local_addr()?,
            grpc_listener.local_addr()?,
            http_listener.local_addr()?,
        );
        let node = Node::open(config).await?;
        let stop = CancellationToken::new();
        let options = pg::ServeOptions {
            max_connections: node.memory().max_connections,
            shutdown_grace: GRACE,
            ..pg::ServeOptions::default()
        };
        let tasks = vec![
            tokio::spawn({
                let (engine, stop) = (node.engine().clone(), stop.clone());
                async move {
                    let served = pg::serve(pg_listener, engine, options, stop.cancelled()).await;
                    if let Err(error) = served {
                        tracing::error!(%error, "the PostgreSQL listener ended");
                    }
                }
            }),
            tokio::spawn(grpc::serve(node.clone(), grpc_listener, stop.clone())),
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
