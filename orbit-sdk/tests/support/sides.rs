//! A database in this process, and one behind a node's port.

// Not every test asks both sides.
#![allow(dead_code)]

use orbit_edge::{NodeConfig, config::Sources};
use orbit_sdk::Orbit;
use orbit_server::running::Running;
use std::path::Path;
use tempfile::TempDir;

pub struct Side {
    pub name: &'static str,
    pub orbit: Orbit,
    pub directory: TempDir,
    node: Option<Running>,
}

impl Side {
    pub async fn end(self) -> (&'static str, TempDir) {
        self.orbit.close().await.unwrap();
        if let Some(node) = self.node {
            node.stop().await.unwrap();
        }
        (self.name, self.directory)
    }
}

pub async fn sides() -> [Side; 2] {
    [here().await, elsewhere().await]
}

pub async fn here() -> Side {
    let directory = tempfile::tempdir().unwrap();
    Side {
        name: "here",
        orbit: Orbit::open(directory.path()).await.unwrap(),
        directory,
        node: None,
    }
}

async fn elsewhere() -> Side {
    let directory = tempfile::tempdir().unwrap();
    let node = node(directory.path(), &[]).await;
    let url = format!("postgres://orbit@{}/orbit", node.pg_address);
    Side {
        name: "elsewhere",
        orbit: Orbit::connect(&url).await.unwrap(),
        directory,
        node: Some(node),
    }
}

/// A node with its listeners on ports that are free.
pub async fn node(directory: &Path, settings: &[(&'static str, &str)]) -> Running {
    let mut sources = Sources::default();
    let place = directory.to_string_lossy();
    let own = [
        ("node.data_dir", place.as_ref()),
        ("listen.pg_port", "0"),
        ("listen.grpc_port", "0"),
        ("listen.http_port", "0"),
    ];
    for (key, value) in own.iter().chain(settings) {
        sources = sources.flag(key, "test", Some((*value).to_owned()));
    }
    let config = NodeConfig::load(&sources, "iot_gateway").unwrap();
    Running::start(config).await.unwrap()
}
