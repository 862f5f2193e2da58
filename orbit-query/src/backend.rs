//! What others may know of a session and do to it, and what functions within a
//! query do to their own: activity, cancel and end, advisory locks, NOTIFY.
//!
//! A [`Backend`] is shared: the session's own task writes most of it, query
//! threads and other sessions reach it through [`Backends`].

pub mod activity;
pub mod advisory;
pub mod configured;
mod ended;
pub mod notify;

#[cfg(feature = "datafusion")]
use crate::admission::Admission;
use crate::session::control::Control;
use crate::statement::Prepared;
use activity::{Activity, CursorFacts, PreparedFacts};
use advisory::Advisory;
use configured::Configured;
pub use ended::Ended;
use notify::{Hub, Inbox, Outbox};
use orbit_core::Error;
#[cfg(feature = "datafusion")]
use orbit_core::actor::Runtime;
use orbit_core::cancel::CancelToken;
use orbit_core::database::Database;
use orbit_core::ids::TxnId;
use orbit_core::pressure::Board;
#[cfg(feature = "datafusion")]
use orbit_core::pressure::Limits;
use orbit_core::txn::Moment;
use parking_lot::Mutex;
use std::collections::BTreeMap;
use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;
#[cfg(feature = "datafusion")]
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

/// Ends a session from outside, with the reason its client will read.
pub type Stopper = Arc<dyn Fn(Error) + Send + Sync>;

/// The two ends of a session's connection, where it has one.
#[derive(Clone, Copy, Debug, Default)]
pub struct Ends {
    pub client: Option<SocketAddr>,
    pub server: Option<SocketAddr>,
}

/// What a session's connection is encrypted by, as pg_stat_ssl tells it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Encryption {
    pub version: String,
    pub cipher: String,
    pub bits: i32,
    /// Whom the client's certificate names, if it showed one.
    pub client: Option<String>,
}

/// All sessions of a node.
pub struct Backends {
    db: Arc<Database>,
    pub(crate) hub: Hub,
    live: Mutex<BTreeMap<i32, Arc<Backend>>>,
    /// What transaction numbers are shown above: they begin anew with the process.
    numbers_from: u64,
    /// Of sessions that are over.
    ended: Ended,
    /// What the node measures of itself.
    pub(crate) board: Arc<Board>,
    /// Who changes what the node may take.
    #[cfg(feature = "datafusion")]
    pub(crate) limits: OnceLock<Arc<dyn Limits>>,
    /// Its virtual actors, if it has any.
    #[cfg(feature = "datafusion")]
    pub(crate) actors: OnceLock<Runtime>,
    /// Which of them wait to read much.
    #[cfg(feature = "datafusion")]
    pub(crate) admission: Arc<Admission>,
}

impl Backends {
    pub(crate) fn new(
        db: Arc<Database>,
        #[cfg(feature = "datafusion")] admission: Arc<Admission>,
    ) -> Arc<Backends> {
        let since = u64::try_from(db.clock().wall_micros()).unwrap_or(0);
        Arc::new(Backends {
            db,
            hub: Hub::default(),
            live: Mutex::default(),
            numbers_from: since,
            ended: Ended::default(),
            board: Arc::default(),
            #[cfg(feature = "datafusion")]
            limits: OnceLock::new(),
            #[cfg(feature = "datafusion")]
            actors: OnceLock::new(),
            #[cfg(feature = "datafusion")]
            admission,
        })
    }

    pub fn all(&self) -> Vec<Arc<Backend>> {
        self.live.lock().values().cloned().collect()
    }

    pub fn find(&self, pid: i32) -> Option<Arc<Backend>> {
        self.live.lock().get(&pid).cloned()
    }

    /// How many transactions were committed and how many undone since the node started.
    pub fn transactions(&self) -> (u64, u64) {
        let live = self.live.lock();
        let all = live.values().map(|one| one.ends_seen.read());
        all.chain([self.ended.read()])
            .fold((0, 0), |sum, one| (sum.0 + one.0, sum.1 + one.1))
    }

    /// How many sessions a role has, for its limit of connections.
    pub fn sessions_of(&self, user: &str) -> usize {
        let live = self.live.lock();
        live.values().filter(|one| one.user == user).count()
    }

    pub(crate) fn enter(&self, backend: &Arc<Backend>) {
        self.live.lock().insert(backend.pid, backend.clone());
    }

    /// The session is over: what it held is free, nobody notifies it any more.
    pub(crate) fn leave(&self, backend: &Arc<Backend>) {
        self.hub.forget(backend.pid);
        backend.activity.end();
        backend.prepared.lock().clear();
        backend.advisory.release_everything(backend);
        let mut live = self.live.lock();
        if live
            .get(&backend.pid)
            .is_some_and(|known| Arc::ptr_eq(known, backend))
        {
            live.remove(&backend.pid);
            self.ended.add(backend.ends_seen.read());
        }
    }
}

/// One session.
pub struct Backend {
    pub pid: i32,
    pub user: String,
    pub database: String,
    pub ends: Ends,
    pub encryption: Option<Encryption>,
    /// Its transactions.
    pub ends_seen: Ended,
    pub started_micros: i64,
    control: Arc<Control>,
    stopper: Option<Stopper>,
    all: Arc<Backends>,
    /// Holds the session's advisory locks.
    owner: TxnId,
    /// The transaction under way; 0: none.
    transaction: AtomicU64,
    pub activity: Activity,
    pub cursors: Mutex<Vec<CursorFacts>>,
    pub prepared: Mutex<BTreeMap<String, PreparedFacts>>,
    pub(crate) advisory: Advisory,
    pub(crate) outbox: Mutex<Outbox>,
    pub configured: Configured,
    /// Moments that its transaction lets others read at, by name.
    pub(crate) exported: Mutex<Vec<(String, Moment)>>,
    pub inbox: Arc<Inbox>,
    /// Something waits for the end of the transaction although none may have begun:
    /// a notification, an advisory lock.
    stirred: AtomicBool,
    /// Of functions that run away from the session.
    notices: Mutex<Vec<Error>>,
    /// Kept beside them, so that looking costs nothing.
    has_notices: AtomicBool,
    /// How long its statements wait for locks.
    waits: Mutex<(Option<Duration>, Duration)>,
}

impl Backend {
    pub(crate) fn new(
        all: &Arc<Backends>,
        init: &crate::engine::SessionInit,
        control: Arc<Control>,
    ) -> Arc<Backend> {
        Arc::new(Backend {
            pid: init.pid,
            user: init.user.clone(),
            database: init.database.clone(),
            ends: init.ends,
            encryption: init.encryption.clone(),
            ends_seen: Ended::default(),
            started_micros: all.db.clock().wall_micros(),
            control,
            stopper: init.stopper.clone(),
            owner: all.db.new_txn_id(),
            all: all.clone(),
            transaction: AtomicU64::new(0),
            activity: Activity::default(),
            cursors: Mutex::default(),
            prepared: Mutex::default(),
            advisory: Advisory::default(),
            outbox: Mutex::default(),
            configured: Configured::default(),
            exported: Mutex::default(),
            inbox: Arc::new(Inbox::default()),
            stirred: AtomicBool::new(false),
            notices: Mutex::default(),
            has_notices: AtomicBool::new(false),
            waits: Mutex::new((None, Duration::from_secs(1))),
        })
    }

    pub fn all(&self) -> &Arc<Backends> {
        &self.all
    }

    pub(crate) fn db(&self) -> &Arc<Database> {
        &self.all.db
    }

    pub(crate) fn owner(&self) -> TxnId {
        self.owner
    }

    pub(crate) fn cancel_token(&self) -> &CancelToken {
        self.control.token()
    }

    pub(crate) fn cancel_by_key(&self, secret: i32) {
        self.control.cancel(secret);
    }

    /// Cancels its statement, as pg_cancel_backend() does.
    pub fn cancel(&self) {
        self.control.cancel_running();
    }

    /// Ends the session. Without a connection to end there is only its statement.
    pub fn stop(&self, reason: Error) {
        match &self.stopper {
            Some(stopper) => stopper(reason),
            None => self.control.token().cancel(reason),
        }
    }

    pub(crate) fn set_transaction(&self, id: Option<TxnId>) {
        self.transaction
            .store(id.map_or(0, |id| id.0), Ordering::Relaxed);
    }

    pub fn transaction(&self) -> Option<TxnId> {
        match self.transaction.load(Ordering::Relaxed) {
            0 => None,
            id => Some(TxnId(id)),
        }
    }

    /// The transaction's number as clients see it: rising, also over restarts.
    pub fn transaction_number(&self) -> u64 {
        let id = self.transaction().unwrap_or_else(|| {
            // Of a lone read, until its end.
            let id = self.all.db.new_txn_id();
            self.set_transaction(Some(id));
            self.stir();
            id
        });
        self.all.numbers_from.saturating_add(id.0)
    }

    pub fn assigned_number(&self) -> Option<u64> {
        let id = self.transaction()?;
        Some(self.all.numbers_from.saturating_add(id.0))
    }

    #[inline]
    pub(crate) fn is_stirred(&self) -> bool {
        self.stirred.load(Ordering::Acquire)
    }

    pub(crate) fn stir(&self) {
        self.stirred.store(true, Ordering::Release);
    }

    pub(crate) fn calm(&self) {
        self.stirred.store(false, Ordering::Release);
    }

    pub(crate) fn note_prepared(&self, name: &str, statement: &Arc<Prepared>, from_sql: bool) {
        let facts = PreparedFacts {
            statement: statement.clone(),
            micros: self.all.db.clock().wall_micros(),
            from_sql,
        };
        self.prepared.lock().insert(name.to_owned(), facts);
    }

    pub(crate) fn notice(&self, notice: Error) {
        let mut notices = self.notices.lock();
        if notices.len() < 1000 {
            notices.push(notice);
            self.has_notices.store(true, Ordering::Release);
        }
    }

    pub(crate) fn take_notices(&self) -> Vec<Error> {
        if !self.has_notices.load(Ordering::Acquire) {
            return Vec::new();
        }
        let mut notices = self.notices.lock();
        self.has_notices.store(false, Ordering::Release);
        std::mem::take(&mut *notices)
    }

    pub(crate) fn set_waits(&self, lock_timeout: Option<Duration>, deadlock_timeout: Duration) {
        *self.waits.lock() = (lock_timeout, deadlock_timeout);
    }

    pub(crate) fn waits(&self) -> (Option<Duration>, Duration) {
        *self.waits.lock()
    }
}

impl fmt::Debug for Backend {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Backend({})", self.pid)
    }
}
