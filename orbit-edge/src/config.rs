//! What an operator can say to a node, and where each word came from.
//!
//! Later wins: defaults, the profile, `/etc/orbit/orbit.toml`, the user's
//! `orbit/orbit.toml`, `./orbit.toml` (or the file named by `--config`),
//! `ORBIT__SECTION__KEY`, flags. Every key stands in [`keys::KEYS`] with a
//! sentence on when to change it; a key that doesn't is an error.

pub mod keys;
mod layers;
#[cfg(test)]
mod tests;

pub use layers::{Origin, Setting, Sources};

use layers::Layers;
use orbit_core::profile::{MemoryPlan, Profile, Tier, format_bytes};
use orbit_core::{Error, Result, state};
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

/// Limits that were set elsewhere than in a configuration, and where.
#[derive(Clone, Debug)]
pub struct Limit {
    /// In place of `edge.resources.memory_limit`.
    pub memory_bytes: Option<u64>,
    /// In place of `edge.resources.storage_limit`.
    pub storage_bytes: Option<u64>,
    /// The file, for whoever asks where they come from.
    pub said_in: PathBuf,
}

/// The configuration of one node, complete and validated.
#[derive(Clone, Debug)]
pub struct NodeConfig {
    pub node: Node,
    pub edge: Edge,
    pub sync: Sync,
    pub listen: Listen,
    pub tls: Tls,
    pub access: Access,
    pub profile: Profile,
    /// What sessions begin with: names of settings and their values.
    pub session_settings: Vec<(&'static str, String)>,
    settings: Vec<Setting>,
}

#[derive(Clone, Debug)]
pub struct Node {
    /// A name for people; the site id in the data directory is what counts.
    pub id: Option<String>,
    pub tier: Tier,
    pub data_dir: PathBuf,
}

#[derive(Clone, Debug)]
pub struct Edge {
    pub mode: String,
    pub hub_url: Option<String>,
    pub sync_interval: Duration,
    pub offline_queue_rows: Option<u64>,
    pub conflict_resolution: String,
    pub resources: Resources,
    pub mesh: Mesh,
}

#[derive(Clone, Debug)]
pub struct Resources {
    pub memory_limit_bytes: u64,
    pub storage_limit_bytes: Option<u64>,
    pub cpu_budget: String,
    pub max_cpu_percent: u64,
    pub max_file_descriptors: Option<u64>,
    pub max_connections: u64,
    pub max_queries: u64,
    pub max_waiting_queries: u64,
    pub eviction_policy: String,
}

#[derive(Clone, Debug)]
pub struct Mesh {
    pub enabled: bool,
    pub discovery: String,
    pub peers: Vec<String>,
    pub domain: Option<String>,
    pub endpoint: Option<String>,
    pub max_peers: u64,
    pub gossip_interval: Duration,
    pub replicated_tables: Vec<String>,
}

#[derive(Clone, Debug)]
pub struct Sync {
    pub enabled: bool,
    pub interval: Duration,
    pub batch_size: u64,
    pub compression: String,
    pub max_queue_bytes: Option<u64>,
    pub retry: Duration,
    pub bandwidth_limit_bits: u64,
}

#[derive(Clone, Debug)]
pub struct Listen {
    pub address: IpAddr,
    pub pg_port: u16,
    pub grpc_port: u16,
    pub http_port: u16,
    /// `None`: follows `address` as long as that is loopback.
    pub status_address: Option<IpAddr>,
    /// `None`: as the status address.
    pub grpc_address: Option<IpAddr>,
}

#[derive(Clone, Debug)]
pub struct Tls {
    pub enabled: bool,
    /// Also for clients on this machine.
    pub loopback: bool,
    pub certificate: Option<PathBuf>,
    pub key: Option<PathBuf>,
    pub authority: Option<PathBuf>,
}

#[derive(Clone, Debug)]
pub struct Access {
    /// `trust` or `scram`.
    pub loopback: String,
    /// `scram`, `certificate`, `either` or `both`.
    pub remote: String,
    pub audit_rows: u64,
    pub audit_age: Duration,
}

/// The keys of `limits` by the names that sessions know them under.
fn session_settings(layers: &Layers) -> Vec<(&'static str, String)> {
    const NAMES: [(&str, &str); 10] = [
        ("limits.statement_timeout", "statement_timeout"),
        ("limits.lock_timeout", "lock_timeout"),
        ("limits.idle_session_timeout", "idle_session_timeout"),
        (
            "limits.idle_in_transaction_session_timeout",
            "idle_in_transaction_session_timeout",
        ),
        ("limits.transaction_timeout", "transaction_timeout"),
        ("limits.statement_size", "statement_size_limit"),
        ("limits.statement_terms", "statement_term_limit"),
        ("limits.expression_depth", "expression_depth_limit"),
        ("limits.parameters", "parameter_limit"),
        ("limits.result_memory", "result_memory_limit"),
    ];
    let given = NAMES.iter().filter_map(|(key, name)| {
        let number = layers.optional_count(key)?;
        Some((*name, number.to_string()))
    });
    given.collect()
}

impl NodeConfig {
    /// Reads every layer. `default_profile` is what the binary is made for.
    pub fn load(sources: &Sources, default_profile: &str) -> Result<NodeConfig> {
        let layers = Layers::read(sources, default_profile)?;
        let config = NodeConfig {
            node: Node {
                id: layers.text("node.id"),
                tier: Tier::from_word(&layers.word("node.tier")).unwrap_or(layers.profile.tier),
                data_dir: layers.word("node.data_dir").into(),
            },
            edge: Edge {
                mode: layers.word("edge.mode"),
                hub_url: layers.text("edge.hub_url"),
                sync_interval: layers.duration("edge.sync_interval"),
                offline_queue_rows: layers.optional_count("edge.offline_queue_size"),
                conflict_resolution: layers.word("edge.conflict_resolution"),
                resources: Resources {
                    memory_limit_bytes: layers.count("edge.resources.memory_limit"),
                    storage_limit_bytes: layers.optional_count("edge.resources.storage_limit"),
                    cpu_budget: layers.word("edge.resources.cpu_budget"),
                    max_cpu_percent: layers.count("edge.resources.max_cpu_percent"),
                    max_file_descriptors: layers
                        .optional_count("edge.resources.max_file_descriptors"),
                    max_connections: layers.count("edge.resources.max_connections"),
                    max_queries: layers.count("edge.resources.max_queries"),
                    max_waiting_queries: layers.count("edge.resources.max_waiting_queries"),
                    eviction_policy: layers.word("edge.resources.eviction_policy"),
                },
                mesh: Mesh {
                    enabled: layers.flag("edge.mesh.enabled"),
                    discovery: layers.word("edge.mesh.discovery"),
                    peers: layers.list("edge.mesh.peers"),
                    domain: layers.text("edge.mesh.domain"),
                    endpoint: layers.text("edge.mesh.endpoint"),
                    max_peers: layers.count("edge.mesh.max_peers"),
                    gossip_interval: Duration::from_secs(
                        layers.count("edge.mesh.gossip_interval_secs"),
                    ),
                    replicated_tables: layers.list("edge.mesh.replicated_tables"),
                },
            },
            sync: Sync {
                enabled: layers.flag("sync.enabled"),
                interval: Duration::from_secs(layers.count("sync.interval_secs")),
                batch_size: layers.count("sync.batch_size"),
                compression: layers.word("sync.compression"),
                max_queue_bytes: layers.optional_count("sync.max_queue_size"),
                retry: layers.duration("sync.retry"),
                bandwidth_limit_bits: layers.count("sync.bandwidth_limit"),
            },
            listen: Listen {
                address: layers.address("listen.address")?,
                pg_port: layers.port("listen.pg_port"),
                grpc_port: layers.port("listen.grpc_port"),
                http_port: layers.port("listen.http_port"),
                status_address: match layers.text("listen.status_address") {
                    Some(_) => Some(layers.address("listen.status_address")?),
                    None => None,
                },
                grpc_address: match layers.text("listen.grpc_address") {
                    Some(_) => Some(layers.address("listen.grpc_address")?),
                    None => None,
                },
            },
            tls: Tls {
                enabled: layers.flag("tls.enabled"),
                loopback: layers.flag("tls.loopback"),
                certificate: layers.text("tls.certificate").map(PathBuf::from),
                key: layers.text("tls.key").map(PathBuf::from),
                authority: layers.text("tls.authority").map(PathBuf::from),
            },
            access: Access {
                loopback: layers.word("access.loopback"),
                remote: layers.word("access.remote"),
                audit_rows: layers.count("access.audit_rows"),
                audit_age: layers.duration("access.audit_age"),
            },
            profile: layers.profile.clone(),
            session_settings: session_settings(&layers),
            settings: layers.into_settings(),
        };
        config.validate()?;
        Ok(config)
    }

    /// The node that this one dials, if it has one.
    pub fn parent_url(&self) -> Option<&str> {
        let dials = self.edge.mode == "edge";
        self.edge.hub_url.as_deref().filter(|_| dials)
    }

    /// With limits in place of those that it has.
    pub fn limited(&self, limit: &Limit) -> Result<NodeConfig> {
        let mut config = self.clone();
        let resources = &mut config.edge.resources;
        let mut said = Vec::new();
        if let Some(bytes) = limit.memory_bytes {
            resources.memory_limit_bytes = bytes;
            said.push(("edge.resources.memory_limit", bytes));
        }
        if let Some(bytes) = limit.storage_bytes {
            resources.storage_limit_bytes = Some(bytes);
            said.push(("edge.resources.storage_limit", bytes));
        }
        for (path, bytes) in said {
            if let Some(setting) = config.settings.iter_mut().find(|one| one.path == path) {
                setting.value = Some(format!("\"{}\"", format_bytes(bytes)));
                setting.origin = Origin::File(limit.said_in.clone());
            }
        }
        config.validate()?;
        Ok(config)
    }

    fn validate(&self) -> Result<()> {
        const LEAST: u64 = 10 << 20;
        let resources = &self.edge.resources;
        let storage = resources.storage_limit_bytes.unwrap_or(u64::MAX);
        for (limit, bytes) in [
            ("memory_limit", resources.memory_limit_bytes),
            ("storage_limit", storage),
        ] {
            if bytes < LEAST {
                return Err(wrong(format!(
                    "edge.resources.{limit} is {}, a node needs at least 10MB",
                    format_bytes(bytes)
                )));
            }
        }
        #[cfg(feature = "rocks")]
        self.validate_files()?;
        if self.edge.mode == "edge" && self.sync.enabled && self.edge.hub_url.is_some() {
            let hint = "Set sync.enabled = false for a link that carries calls of actors alone, or leave edge.hub_url unset: the node works on its own.";
            return Err(Error::unsupported("syncing with a hub").with_hint(hint));
        }
        if self.edge.mesh.enabled {
            return Err(Error::unsupported("the mesh").with_hint("Set edge.mesh.enabled = false."));
        }
        if let Some(id) = &self.node.id
            && (id.is_empty()
                || id.len() > 63
                || !id
                    .bytes()
                    .all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b)))
        {
            return Err(wrong(format!(
                "node.id \"{id}\" must be 1 to 63 letters, digits, '-', '_' or '.'"
            )));
        }
        Ok(())
    }

    /// Half of the files are the store's, and those of clients must fit into the rest.
    #[cfg(feature = "rocks")]
    fn validate_files(&self) -> Result<()> {
        /// Of listeners, of what is spilled, of logs.
        const OWN_FILES: u64 = 32;
        let connections = self.edge.resources.max_connections;
        match self.edge.resources.max_file_descriptors {
            Some(files) if files / 2 < connections + OWN_FILES => Err(wrong(format!(
                "edge.resources.max_file_descriptors is {files}: {connections} connections need at least {}",
                (connections + OWN_FILES) * 2
            ))
            .with_hint("Raise it, or lower edge.resources.max_connections.")),
            _ => Ok(()),
        }
    }

    /// Whether others than this machine can reach the PostgreSQL port.
    pub fn is_open(&self) -> bool {
        !self.listen.address.to_canonical().is_loopback()
    }

    /// Whether others than this machine can reach the gRPC port.
    pub fn is_grpc_open(&self) -> bool {
        !self.grpc_address().ip().to_canonical().is_loopback()
    }

    /// Whether the configuration by itself lets a node listen where it says. Whether
    /// there is anybody with a password is seen when the data directory is open.
    pub fn check_listening(&self) -> Result<()> {
        if let Some(address) = self.listen.status_address
            && !address.to_canonical().is_loopback()
        {
            return Err(refused(format!(
                "refusing to listen on {address} for HTTP: this port asks for no password"
            ))
            .with_hint("Leave listen.status_address unset, or set it to 127.0.0.1 or ::1. For gRPC beyond this machine set listen.grpc_address."));
        }
        let address = match (self.is_open(), self.is_grpc_open()) {
            (false, false) => return Ok(()),
            (true, _) => self.listen.address,
            (false, true) => self.grpc_address().ip(),
        };
        if !self.tls.enabled {
            return Err(refused(format!(
                "refusing to listen on {address} without TLS: everything, passwords too, could be read on the way"
            ))
            .with_hint("Set tls.enabled = true, or listen.address = \"127.0.0.1\"."));
        }
        if self.access.remote != "scram" && self.tls.authority.is_none() {
            return Err(refused(format!(
                "refusing to listen on {address}: access.remote = \"{}\" needs to know whose certificates to believe",
                self.access.remote
            ))
            .with_hint("Set tls.authority to a PEM file with the authority that signed them, or access.remote = \"scram\"."));
        }
        Ok(())
    }

    pub fn pg_address(&self) -> SocketAddr {
        SocketAddr::new(self.listen.address, self.listen.pg_port)
    }
    pub fn grpc_address(&self) -> SocketAddr {
        let address = self.listen.grpc_address;
        SocketAddr::new(
            address.unwrap_or_else(|| self.status_address()),
            self.listen.grpc_port,
        )
    }
    pub fn http_address(&self) -> SocketAddr {
        SocketAddr::new(self.status_address(), self.listen.http_port)
    }

    fn status_address(&self) -> IpAddr {
        match self.listen.status_address {
            Some(address) => address,
            None if self.is_open() => IpAddr::from([127, 0, 0, 1]),
            None => self.listen.address,
        }
    }

    /// What this node may take. A limit that came with the profile is a wish: on a
    /// smaller machine half of the memory is all it gets.
    pub fn memory_bytes(&self, machine_memory_bytes: Option<u64>) -> u64 {
        let limit = self.edge.resources.memory_limit_bytes;
        let wished = self
            .settings
            .iter()
            .any(|s| s.path == "edge.resources.memory_limit" && s.origin.is_profile());
        match machine_memory_bytes {
            Some(machine) if wished => limit.min(machine / 2),
            _ => limit,
        }
    }

    /// The figures this node is opened with.
    pub fn memory_plan(&self, machine_memory_bytes: Option<u64>) -> MemoryPlan {
        let mut profile = self.profile.clone();
        profile.target_memory_bytes = self.memory_bytes(machine_memory_bytes);
        let mut plan = MemoryPlan::of(&profile);
        let resources = &self.edge.resources;
        let count = |count: u64| usize::try_from(count).unwrap_or(usize::MAX);
        plan.max_connections = count(resources.max_connections);
        if let Some(files) = resources.max_file_descriptors {
            let half = i32::try_from(files / 2).unwrap_or(i32::MAX);
            plan.max_open_files = plan.max_open_files.min(half);
        }
        plan.max_queries = count(resources.max_queries);
        plan.max_waiting_queries = count(resources.max_waiting_queries);
        plan
    }

    /// Every key with its value and origin, in the order of the documentation.
    pub fn settings(&self) -> &[Setting] {
        &self.settings
    }
}

fn refused(message: String) -> Error {
    Error::new(state::CONFIG_FILE_ERROR, message)
}

fn wrong(message: String) -> Error {
    Error::new(state::INVALID_PARAMETER_VALUE, message)
}
