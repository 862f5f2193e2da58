//! A node: a configuration, a data directory, a database, an engine.

#[cfg(feature = "actors")]
mod actors;
pub(crate) mod limits;
#[cfg(all(test, feature = "redb"))]
pub(crate) mod tests;

use crate::config::NodeConfig;
use crate::directory::{self, DataDirectory, StoreKind};
use crate::{identity, monitor};
use limits::Caps;
use orbit_core::backup::write_identity;
use orbit_core::clock::Hlc;
use orbit_core::database::{Database, DatabaseOptions};
use orbit_core::events::Events;
use orbit_core::ids::{Incarnation, SiteId};
use orbit_core::meta::Identity;
use orbit_core::profile::{Compression, MemoryPlan, PersistenceBackend};
use orbit_core::store::{Store, StoreOptions};
use orbit_core::{Error, Result, state};
use orbit_query::{Engine, EngineOptions};
use parking_lot::Mutex;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::task::JoinHandle;

/// Disk kept free for what must still be written when the disk is full.
const DISK_RESERVE_BYTES: u64 = 16 << 20;

pub struct Node {
    config: NodeConfig,
    memory: MemoryPlan,
    engine: Arc<Engine>,
    started: Instant,
    #[cfg(feature = "actors")]
    actors: actors::Actors,
    events: Events,
    pub(crate) monitor: Mutex<Option<JoinHandle<()>>>,
    #[cfg(feature = "links")]
    dialling: Mutex<Option<JoinHandle<()>>>,
    caps: Arc<Caps>,
    // Last: the lock on the directory is let go when everything else is closed.
    directory: DataDirectory,
}

impl Node {
    /// Opens or creates the data directory and everything in it.
    pub async fn open(config: NodeConfig) -> Result<Arc<Node>> {
        let wished = match config.profile.persistence_backend {
            PersistenceBackend::EmbeddedKv => StoreKind::Redb,
            _ => StoreKind::RocksDb,
        };
        let directory = DataDirectory::open(&config.node.data_dir, wished)?;
        let found = identity::require_same_place(&directory)?;
        // A store in one file never gives back what it has taken: what is free in it isn't
        // seen from outside, and a limit would shut it for ever.
        let can_limit_storage = directory.store_kind == StoreKind::RocksDb;
        let (caps, config, memory) = Caps::open(config, directory.path(), can_limit_storage)?;
        let options = StoreOptions {
            block_cache_bytes: memory.block_cache_bytes,
            write_buffer_bytes: memory.write_buffer_bytes,
            max_open_files: memory.max_open_files,
            background_jobs: memory.background_jobs,
            compresses_much: compresses_much(&config, &directory),
        };
        let store = open_store(directory.store_kind, &directory.store(), &options)?;
        identity::require_same_store(&directory, found.as_ref(), Identity::of(store.as_ref())?)?;
        let db = Database::open(
            store,
            DatabaseOptions {
                scratch_directory: Some(directory.scratch()),
                disk_reserve: Some((directory.path().to_path_buf(), DISK_RESERVE_BYTES)),
                max_transaction_bytes: memory.transaction_bytes,
                log_keep_bytes: log_keep_bytes(caps.storage()),
                ..DatabaseOptions::default()
            },
        )?;
        let identity = Identity {
            site: db.site(),
            incarnation: db.incarnation(),
        };
        // Also where a fact changed that a place may change, such as the machine of a volume.
        if found.is_none_or(|found| found.recorded.facts != found.present) {
            identity::write(directory.path(), identity)?;
        }
        let processors = std::thread::available_parallelism().map_or(1, usize::from);
        // Made beside other work, or not at all.
        let copies =
            memory.columns_cache_bytes > 0 && config.profile.optimization.background_processing;
        let features = &config.profile.features;
        let engine = Engine::new(
            db,
            EngineOptions {
                query_memory_bytes: memory.query_pool_bytes,
                target_partitions: match memory.target_partitions {
                    0 => processors,
                    partitions => partitions.min(processors),
                },
                batch_rows: memory.batch_rows,
                max_queries: memory.max_queries,
                max_waiting: memory.max_waiting_queries,
                spill_directory: Some(directory.scratch()),
                columns_directory: copies.then(|| directory.columns()),
                // Full analytics is every kind there is.
                time_series: features.time_series || features.full_analytics,
                vectors: features.vector_similarity || features.full_analytics,
                columns_cache_bytes: memory.columns_cache_bytes,
                plan_cache_entries: memory.plan_cache_entries,
                plan_cache_bytes: memory.plan_cache_bytes,
                max_statement_nodes: memory.statement_nodes,
                copy_workers: processors.min(4),
                background_rests: background_rests(&config.edge.resources.cpu_budget),
                ..EngineOptions::default()
            },
        )?;
        engine.remove_leftovers().await?;
        #[cfg(feature = "datafusion")]
        engine.keep_columns().await?;
        let events = Events::open(engine.db()).await?;
        let node = Arc::new(Node {
            config,
            memory,
            engine,
            started: Instant::now(),
            #[cfg(feature = "actors")]
            actors: actors::Actors::default(),
            events,
            monitor: Mutex::default(),
            #[cfg(feature = "links")]
            dialling: Mutex::default(),
            caps: Arc::new(caps),
            directory,
        });
        #[cfg(feature = "datafusion")]
        {
            let reached = limits::Reached(Arc::downgrade(&node));
            node.engine.set_limits(Arc::new(reached));
        }
        // Before anybody else holds the node: if this fails, its directory is free at once.
        #[cfg(feature = "links")]
        {
            *node.dialling.lock() = crate::links::begin(&node)?;
        }
        *node.monitor.lock() = Some(monitor::start(&node));
        Ok(node)
    }

    pub fn config(&self) -> &NodeConfig {
        &self.config
    }

    pub fn memory(&self) -> &MemoryPlan {
        &self.memory
    }

    pub fn engine(&self) -> &Arc<Engine> {
        &self.engine
    }

    /// What befell this node.
    pub fn events(&self) -> &Events {
        &self.events
    }

    pub fn site(&self) -> SiteId {
        self.engine.db().site()
    }

    #[cfg(feature = "rocks")]
    pub(crate) fn directory(&self) -> &DataDirectory {
        &self.directory
    }

    /// Whether the store writes all it has as small as it can: one in one file knows no
    /// other way.
    pub(crate) fn is_compressed(&self) -> bool {
        self.directory.store_kind == StoreKind::Redb
            || compresses_much(&self.config, &self.directory)
    }

    /// Every commit up to this moment is on disk.
    pub fn durable_position(&self) -> Hlc {
        self.engine.db().stats().durable
    }

    pub fn uptime(&self) -> Duration {
        self.started.elapsed()
    }

    /// Whether the store still does its work.
    pub fn health(&self) -> Result<()> {
        self.engine.db().store().health()
    }

    /// What the store takes on its disk.
    pub fn disk_bytes(&self) -> Result<u64> {
        Ok(self.engine.db().store().sizes()?.disk_bytes)
    }

    /// Lets actors and commits in flight finish and flushes.
    pub async fn close(&self) -> Result<()> {
        let monitor = self.monitor.lock().take();
        if let Some(monitor) = monitor {
            monitor.abort();
            // Whether it had ended before is all the same.
            let _ended = monitor.await;
        }
        #[cfg(feature = "links")]
        {
            let dialling = self.dialling.lock().take();
            if let Some(dialling) = dialling {
                dialling.abort();
                // Whether it had ended before is all the same.
                let _ended = dialling.await;
            }
        }
        #[cfg(feature = "actors")]
        if let Some(actors) = self.actors_if_any() {
            actors.shutdown().await;
        }
        #[cfg(feature = "datafusion")]
        self.engine.stop_columns().await;
        self.engine.db().shutdown().await
    }
}

#[cfg(feature = "links")]
impl Drop for Node {
    fn drop(&mut self) {
        if let Some(dialling) = self.dialling.lock().take() {
            dialling.abort();
        }
    }
}

/// By its profile, or since its disk was nearly full once.
fn compresses_much(config: &NodeConfig, directory: &DataDirectory) -> bool {
    config.profile.compression == Compression::Aggressive || directory.is_compressed()
}

/// How long background work rests, in multiples of what it took.
fn background_rests(budget: &str) -> u32 {
    match budget {
        "low" => 20,
        "high" => 1,
        _ => 2,
    }
}

/// The log kept while no link needs it: of a small disk a small part.
fn log_keep_bytes(storage_limit: Option<u64>) -> u64 {
    let usual = DatabaseOptions::default().log_keep_bytes;
    storage_limit.map_or(usual, |limit| usual.min(limit / 8))
}

/// Whether a directory that begins another life keeps its site.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NewLife {
    /// A copy: another site.
    OtherSite,
    /// The original, or what replaces it.
    SameSite,
}

impl NewLife {
    /// Gives the store a life that no other node has.
    pub fn begin(self, store: &dyn Store) -> Result<Identity> {
        let random = DatabaseOptions::default().random;
        let site = match self {
            NewLife::OtherSite => Some(SiteId(random())),
            NewLife::SameSite => None,
        };
        write_identity(store, site, Incarnation(random()))
    }
}

/// Gives a directory that no node has open a new life where it lies now.
pub fn begin_new_life(data_dir: &Path, life: NewLife) -> Result<Identity> {
    if !directory::is_one(data_dir) {
        return Err(Error::new(
            state::OBJECT_NOT_IN_PREREQUISITE_STATE,
            format!("{} is not a data directory", data_dir.display()),
        )
        .with_hint("Say which one with --data-dir."));
    }
    let directory = DataDirectory::open(data_dir, StoreKind::RocksDb)?;
    let options = StoreOptions::default();
    let store = open_store(directory.store_kind, &directory.store(), &options)?;
    let identity = life.begin(store.as_ref())?;
    drop(store);
    identity::write(directory.path(), identity)?;
    Ok(identity)
}

/// Opens the store of a directory by itself, as tools do.
pub fn open_store(kind: StoreKind, path: &Path, options: &StoreOptions) -> Result<Arc<dyn Store>> {
    match kind {
        #[cfg(feature = "redb")]
        StoreKind::Redb => Ok(orbit_core::store::redb::RedbStore::open(path, options)?),
        #[cfg(feature = "rocks")]
        StoreKind::RocksDb => Ok(orbit_core::store::rocks::RocksStore::open(path, options)?),
        #[allow(unreachable_patterns)]
        other => Err(Error::unsupported(format!(
            "opening {}, which holds a {other:?} store, with this build",
            path.display()
        ))
        .with_hint("Use the full binary `orbit` for it, or choose another --data-dir.")),
    }
}
