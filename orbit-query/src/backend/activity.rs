//! What a session is doing, for pg_stat_activity and pg_cursors.

use crate::statement::Prepared;
use parking_lot::Mutex;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicPtr, AtomicU8, Ordering};

/// As pg_stat_activity names it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum State {
    #[default]
    Idle,
    Active,
    IdleInTransaction,
    IdleInFailedTransaction,
}

impl State {
    fn from_code(code: u8) -> State {
        const ALL: [State; 4] = [
            State::Idle,
            State::Active,
            State::IdleInTransaction,
            State::IdleInFailedTransaction,
        ];
        let known = ALL.into_iter().find(|state| *state as u8 == code);
        known.unwrap_or_default()
    }

    pub fn name(self) -> &'static str {
        match self {
            State::Idle => "idle",
            State::Active => "active",
            State::IdleInTransaction => "idle in transaction",
            State::IdleInFailedTransaction => "idle in transaction (aborted)",
        }
    }
}

/// Written by the session's own task alone, at the start and the end of every statement
/// and so without a lock; others may find the state of one moment beside the times of
/// the next, but never a statement that is older than its state.
pub struct Activity {
    state: AtomicU8,
    query_micros: AtomicI64,
    changed_micros: AtomicI64,
    transaction_micros: AtomicI64,
    /// Which statement `names` holds. While it does, no other can have this address.
    noted: AtomicPtr<Prepared>,
    names: Mutex<Names>,
}

#[derive(Clone, Default)]
struct Names {
    statement: Option<Arc<Prepared>>,
    application: Arc<str>,
}

/// Stands for no time.
const NEVER: i64 = i64::MIN;

impl Default for Activity {
    fn default() -> Self {
        Activity {
            state: AtomicU8::new(State::Idle as u8),
            query_micros: AtomicI64::new(NEVER),
            changed_micros: AtomicI64::new(NEVER),
            transaction_micros: AtomicI64::new(NEVER),
            noted: AtomicPtr::default(),
            names: Mutex::default(),
        }
    }
}

impl Activity {
    pub(crate) fn start(&self, statement: &Arc<Prepared>, now: i64, transaction: i64) {
        let address = Arc::as_ptr(statement).cast_mut();
        if self.noted.load(Ordering::Relaxed) != address {
            self.names.lock().statement = Some(statement.clone());
            self.noted.store(address, Ordering::Relaxed);
        }
        self.query_micros.store(now, Ordering::Relaxed);
        self.changed_micros.store(now, Ordering::Relaxed);
        self.transaction_micros
            .store(transaction, Ordering::Relaxed);
        self.state.store(State::Active as u8, Ordering::Release);
    }

    /// The session waits for its client, in this state.
    pub(crate) fn rest(&self, state: State, now: i64) {
        self.changed_micros.store(now, Ordering::Relaxed);
        if state == State::Idle {
            self.transaction_micros.store(NEVER, Ordering::Relaxed);
        }
        self.state.store(state as u8, Ordering::Release);
    }

    /// The session is over. A plan over the catalogs knows its session: kept here, neither
    /// would ever go.
    pub(crate) fn end(&self) {
        self.noted.store(std::ptr::null_mut(), Ordering::Relaxed);
        self.names.lock().statement = None;
    }

    pub(crate) fn set_application(&self, name: &str) {
        self.names.lock().application = name.into();
    }

    pub fn seen(&self) -> Seen {
        let state = State::from_code(self.state.load(Ordering::Acquire));
        let at = |micros: &AtomicI64| {
            let micros = micros.load(Ordering::Relaxed);
            (micros != NEVER).then_some(micros)
        };
        let names = self.names.lock().clone();
        Seen {
            state,
            statement: names.statement,
            query_micros: at(&self.query_micros),
            changed_micros: at(&self.changed_micros),
            transaction_micros: at(&self.transaction_micros),
            application: names.application,
        }
    }
}

/// What others see of a session's activity.
pub struct Seen {
    pub state: State,
    /// The statement that runs, or ran last.
    pub statement: Option<Arc<Prepared>>,
    pub query_micros: Option<i64>,
    pub changed_micros: Option<i64>,
    pub transaction_micros: Option<i64>,
    pub application: Arc<str>,
}

impl Seen {
    /// As much of the statement's text as PostgreSQL keeps.
    pub fn query(&self) -> String {
        const KEPT: usize = 1023;
        let sql = self.statement.as_ref().map_or("", |one| one.sql.as_str());
        let mut end = sql.len().min(KEPT);
        while !sql.is_char_boundary(end) {
            end -= 1;
        }
        sql.get(..end).unwrap_or_default().to_owned()
    }
}

/// A line of pg_prepared_statements.
#[derive(Clone)]
pub struct PreparedFacts {
    pub statement: Arc<Prepared>,
    pub micros: i64,
    /// By PREPARE rather than by a protocol message.
    pub from_sql: bool,
}

/// A line of pg_cursors.
#[derive(Clone, Debug)]
pub struct CursorFacts {
    pub name: String,
    pub statement: String,
    pub hold: bool,
    pub binary: bool,
    pub scroll: bool,
    pub created_micros: i64,
}
