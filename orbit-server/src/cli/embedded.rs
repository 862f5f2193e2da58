//! A node inside this process, for commands that open a data directory themselves.

use super::Failure;
use super::client::Connect;
use super::serve::{DEFAULT_PROFILE, start_failure};
use crate::running::Running;
use crate::scram::{self, Verifier};
use orbit_edge::{NodeConfig, Sources};
use std::path::Path;

/// Serves on free loopback ports until it is stopped.
pub struct Embedded {
    running: Running,
    /// Of the superuser, for as long as this runs.
    password: String,
}

impl Embedded {
    pub async fn start(data_dir: &Path) -> Result<Embedded, Failure> {
        Embedded::start_on(data_dir, 0).await
    }

    /// With PostgreSQL wire on a port of one's choice.
    pub async fn start_on(data_dir: &Path, pg_port: u16) -> Result<Embedded, Failure> {
        let port = || Some("0".to_owned());
        let sources = Sources::standard(None)
            .flag(
                "node.data_dir",
                "--data-dir",
                Some(data_dir.to_string_lossy().into_owned()),
            )
            .flag("listen.address", "--data-dir", Some("127.0.0.1".to_owned()))
            .flag("listen.pg_port", "--data-dir", Some(pg_port.to_string()))
            .flag("listen.grpc_port", "--data-dir", port())
            .flag("listen.http_port", "--data-dir", port());
        let config = NodeConfig::load(&sources, DEFAULT_PROFILE).map_err(Failure::Usage)?;
        // The directory is ours; the port that is open for the moment is for us alone.
        let password = scram::one_time_password().map_err(Failure::Work)?;
        let owner = Verifier::of(&password).map_err(Failure::Work)?;
        let running = Running::start_for(config, Some(owner))
            .await
            .map_err(start_failure)?;
        Ok(Embedded { running, password })
    }

    pub fn connect(&self) -> Connect {
        Connect {
            host: self.running.pg_address.ip().to_string(),
            port: self.running.pg_address.port(),
            user: "orbit".to_owned(),
            database: "orbit".to_owned(),
            password: Some(self.password.clone()),
            ..Connect::default()
        }
    }

    pub async fn stop(self) -> Result<(), Failure> {
        self.running.stop().await.map_err(Failure::Data)
    }
}
