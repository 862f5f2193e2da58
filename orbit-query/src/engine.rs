//! What all sessions of a node share: the database, the planner, the statement
//! cache, and who may cancel whom.

use crate::access::audit::Audit;
use crate::literals::LiteralCache;
use crate::session::{Session, control::Control};
use crate::statement::cache::StatementCache;
use ahash::AHashMap;
use orbit_core::database::Database;
use orbit_core::{Error, Result};
use parking_lot::Mutex;
use std::net::IpAddr;
use std::path::PathBuf;
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
    /// `None`: queries never spill.
    pub spill_directory: Option<PathBuf>,
    pub spill_limit_bytes: u64,
    /// Statements kept compiled, over all sessions.
    pub plan_cache_entries: usize,
    pub max_statement_bytes: usize,
    /// Nodes of one statement's syntax tree.
    pub max_statement_nodes: usize,
    /// Worker threads of one COPY FROM.
    pub copy_workers: usize,
}

impl Default for EngineOptions {
    fn default() -> Self {
        EngineOptions {
            query_memory_bytes: 256 << 20,
            target_partitions: 2,
            batch_rows: 8192,
            spill_directory: None,
            spill_limit_bytes: 10 << 30,
            plan_cache_entries: 1024,
            max_statement_bytes: 64 << 20,
            max_statement_nodes: 500_000,
            copy_workers: 2,
        }
    }
}

/// Who connected, and the key by which a running statement of theirs may be cancelled.
#[derive(Clone, Debug, Default)]
pub struct SessionInit {
    pub user: String,
    pub database: String,
    pub application: String,
    pub pid: i32,
    pub secret: i32,
    /// Where from; `None`: from within this process.
    pub address: Option<IpAddr>,
}

pub struct Engine {
    db: Arc<Database>,
    options: EngineOptions,
    pub(crate) cache: StatementCache,
    /// Point statements by their text with the literals taken out.
    pub(crate) literals: LiteralCache,
    #[cfg(feature = "datafusion")]
    planner: crate::planned::Planner,
    sessions: Mutex<AHashMap<i32, Arc<Control>>>,
    passwords: OnceLock<PasswordMaker>,
    audit: OnceLock<Audit>,
}

/// What is stored in place of a password; `None` for one that is none. Set by who
/// knows how passwords are proved.
pub type PasswordMaker = fn(&str) -> Result<Option<String>>;

impl Engine {
    pub fn new(db: Arc<Database>, options: EngineOptions) -> Result<Arc<Engine>> {
        Ok(Arc::new(Engine {
            #[cfg(feature = "datafusion")]
            planner: crate::planned::Planner::new(&db, &options)?,
            cache: StatementCache::new(options.plan_cache_entries),
            literals: LiteralCache::new(options.plan_cache_entries),
            sessions: Mutex::default(),
            passwords: OnceLock::new(),
            audit: OnceLock::new(),
            db,
            options,
        }))
    }

    pub fn session(self: &Arc<Self>, init: SessionInit) -> Session {
        let control = Arc::new(Control::new(init.secret));
        self.sessions.lock().insert(init.pid, control.clone());
        Session::new(self.clone(), init, control)
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

    pub fn options(&self) -> &EngineOptions {
        &self.options
    }

    #[cfg(feature = "datafusion")]
    pub fn planner(&self) -> &crate::planned::Planner {
        &self.planner
    }

    /// A cancel request: stops the statement that session runs now, if the key
    /// is right. Says nothing either way, as the protocol wants it.
    pub fn cancel(&self, pid: i32, secret: i32) {
        let control = self.sessions.lock().get(&pid).cloned();
        if let Some(control) = control {
            control.cancel(secret);
        }
    }

    pub(crate) fn forget(&self, pid: i32, control: &Arc<Control>) {
        let mut sessions = self.sessions.lock();
        if sessions
            .get(&pid)
            .is_some_and(|known| Arc::ptr_eq(known, control))
        {
            sessions.remove(&pid);
        }
    }
}
