//! What all sessions of a node share: the database, the planner, the statement
//! cache, and who may cancel whom.

use crate::access::audit::Audit;
use crate::backend::{Backend, Backends, Encryption, Ends, Stopper};
use crate::literals::LiteralCache;
use crate::session::{Session, control::Control};
use crate::statement::cache::StatementCache;
#[cfg(feature = "datafusion")]
use orbit_core::actor::Runtime;
use orbit_core::database::Database;
use orbit_core::pressure::Board;
#[cfg(feature = "datafusion")]
use orbit_core::pressure::Limits;
use orbit_core::{Error, Result};
use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::atomic::{AtomicI32, Ordering};
use std::sync::{Arc, OnceLock};

/// Stack of the threads that drive sessions. Syntax trees are walked by recursion;
/// `statement::limits` keeps them to a depth that fits in here several times.
pub const STACK_BYTES: usize = 16 << 20;

/// What a device profile grants the query layer.
#[derive(Clone, Debug)]
pub struct EngineOptions {
    /// All queries together; beyond it they spill or fail with 53200.
    pub query_memory_bytes: usize,
    /// Threads one query may use.
    pub target_partitions: usize,
    pub batch_rows: usize,
    /// Queries that read much: how many run at once, and how many more wait.
    pub max_queries: usize,
    pub max_waiting: usize,
    /// `None`: queries never spill.
    pub spill_directory: Option<PathBuf>,
    pub spill_limit_bytes: u64,
    /// Where columnar copies of tables are kept; `None`: there are none.
    pub columns_directory: Option<PathBuf>,
    /// Decoded columns in memory.
    pub columns_cache_bytes: usize,
    /// Which tables are copied, and when again.
    #[cfg(feature = "datafusion")]
    pub seal: orbit_core::columns::policy::Limits,
    /// Whether there are tables of time series.
    pub time_series: bool,
    /// Whether there may be indexes of vectors.
    pub vectors: bool,
    /// Statements kept compiled, over all sessions.
    pub plan_cache_entries: usize,
    pub plan_cache_bytes: usize,
    pub max_statement_bytes: usize,
    /// Nodes of one statement's syntax tree.
    pub max_statement_nodes: usize,
    /// Worker threads of one COPY FROM.
    pub copy_workers: usize,
    /// How long columnar copies rest between two looks, in multiples of what one took.
    pub background_rests: u32,
}

impl Default for EngineOptions {
    fn default() -> Self {
        EngineOptions {
            query_memory_bytes: 256 << 20,
            target_partitions: 2,
            batch_rows: 8192,
            max_queries: 8,
            max_waiting: 64,
            spill_directory: None,
            spill_limit_bytes: 10 << 30,
            columns_directory: None,
            columns_cache_bytes: 256 << 20,
            #[cfg(feature = "datafusion")]
            seal: orbit_core::columns::policy::Limits::default(),
            time_series: true,
            vectors: true,
            plan_cache_entries: 1024,
            plan_cache_bytes: 64 << 20,
            max_statement_bytes: 64 << 20,
            max_statement_nodes: 500_000,
            copy_workers: 2,
            background_rests: 2,
        }
    }
}

/// Who connected, and the key by which a running statement of theirs may be cancelled.
#[derive(Clone, Default)]
pub struct SessionInit {
    pub user: String,
    pub database: String,
    pub application: String,
    /// 0: the engine chooses.
    pub pid: i32,
    pub secret: i32,
    /// Where from; `None`: from within this process.
    pub address: Option<IpAddr>,
    pub ends: Ends,
    /// `None`: in the clear.
    pub encryption: Option<Encryption>,
    /// How others end the session.
    pub stopper: Option<Stopper>,
}

pub struct Engine {
    db: Arc<Database>,
    options: EngineOptions,
    pub(crate) cache: StatementCache,
    /// Point statements by their text with the literals taken out.
    pub(crate) literals: LiteralCache,
    #[cfg(feature = "datafusion")]
    planner: crate::planned::Planner,
    passwords: OnceLock<PasswordMaker>,
    audit: OnceLock<Audit>,
    backends: Arc<Backends>,
    /// For sessions that come without a number.
    next_pid: AtomicI32,
}

/// What is stored in place of a password; `None` for one that is none. Set by who
/// knows how passwords are proved.
pub type PasswordMaker = fn(&str) -> Result<Option<String>>;

impl Engine {
    pub fn new(db: Arc<Database>, options: EngineOptions) -> Result<Arc<Engine>> {
        #[cfg(feature = "datafusion")]
        let admission = crate::admission::Admission::new(options.max_queries, options.max_waiting);
        Ok(Arc::new(Engine {
            #[cfg(feature = "datafusion")]
            planner: crate::planned::Planner::new(&db, &options, admission.clone())?,
            cache: StatementCache::new(options.plan_cache_entries, options.plan_cache_bytes),
            literals: LiteralCache::new(options.plan_cache_entries),
            passwords: OnceLock::new(),
            audit: OnceLock::new(),
            backends: Backends::new(
                db.clone(),
                #[cfg(feature = "datafusion")]
                admission,
            ),
            next_pid: AtomicI32::new(1 << 30),
            db,
            options,
        }))
    }

    pub fn session(self: &Arc<Self>, mut init: SessionInit) -> Session {
        if init.pid == 0 {
            init.pid = self.next_pid.fetch_add(1, Ordering::Relaxed);
        }
        let control = Arc::new(Control::new(init.secret));
        let backend = Backend::new(&self.backends, &init, control.clone());
        self.backends.enter(&backend);
        Session::new(self.clone(), init, control, backend)
    }

    /// Drops what sessions before a crash left behind; for the node's start.
    pub async fn remove_leftovers(&self) -> Result<()> {
        crate::ddl::temporary::remove_leftovers(&self.db).await
    }

    /// All sessions there are.
    pub fn backends(&self) -> &Arc<Backends> {
        &self.backends
    }

    /// Where what happens is noted; `None`: nowhere.
    pub fn audit(&self) -> Option<&Audit> {
        self.audit.get()
    }

    pub(crate) fn put_audit(&self, audit: Audit) -> std::result::Result<(), Audit> {
        self.audit.set(audit)
    }

    pub fn set_password_maker(&self, maker: PasswordMaker) {
        let _ = self.passwords.set(maker);
    }

    pub(crate) fn password_to_store(&self, password: &str) -> Result<Option<String>> {
        match self.passwords.get() {
            Some(maker) => maker(password),
            None => Err(Error::unsupported("passwords in this build")),
        }
    }

    pub fn db(&self) -> &Arc<Database> {
        &self.db
    }

    /// What the node measures of itself, for whoever asks in SQL.
    pub fn board(&self) -> &Arc<Board> {
        &self.backends.board
    }

    /// Who changes the node's limits, for whoever asks in SQL.
    #[cfg(feature = "datafusion")]
    pub fn set_limits(&self, limits: Arc<dyn Limits>) {
        // A node says it once.
        let _ = self.backends.limits.set(limits);
    }

    /// Shows the node's actors in `orbit.actors`.
    #[cfg(feature = "datafusion")]
    pub fn show_actors(&self, actors: Runtime) {
        let _ = self.backends.actors.set(actors);
    }

    /// How queries run from here on, as the device is.
    #[cfg(feature = "datafusion")]
    pub fn adapt(&self, adaptation: orbit_core::pressure::Adaptation) {
        self.planner.adapt(adaptation);
    }

    /// Keeps at most so many percent of what caches may hold.
    pub fn set_cache_share(&self, percent: usize) {
        self.cache.set_share(percent);
        self.db.store().set_cache_share(percent);
        #[cfg(feature = "datafusion")]
        self.planner.set_cache_share(percent);
    }

    pub fn options(&self) -> &EngineOptions {
        &self.options
    }

    /// Starts what keeps the columnar copies of tables up to date. Ends with the engine.
    #[cfg(feature = "datafusion")]
    pub async fn keep_columns(&self) -> Result<()> {
        self.planner.keep_columns(&self.db).await
    }

    /// Ends it, for a node that closes.
    #[cfg(feature = "datafusion")]
    pub async fn stop_columns(&self) {
        self.planner.stop_columns().await;
    }

    /// One look at what is to be sealed, and whether anything was.
    #[cfg(feature = "datafusion")]
    pub async fn seal(&self) -> Result<bool> {
        self.planner.seal().await
    }

    #[cfg(feature = "datafusion")]
    pub fn planner(&self) -> &crate::planned::Planner {
        &self.planner
    }

    /// A cancel request: stops the statement that session runs now, if the key
    /// is right. Says nothing either way, as the protocol wants it.
    pub fn cancel(&self, pid: i32, secret: i32) {
        if let Some(backend) = self.backends.find(pid) {
            backend.cancel_by_key(secret);
        }
    }
}
