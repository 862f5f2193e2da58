//! What a session is doing, for pg_stat_activity and pg_cursors.

use crate::statement::Prepared;
use std::sync::Arc;

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
    pub fn name(self) -> &'static str {
        match self {
            State::Idle => "idle",
            State::Active => "active",
            State::IdleInTransaction => "idle in transaction",
            State::IdleInFailedTransaction => "idle in transaction (aborted)",
        }
    }
}

#[derive(Clone, Default)]
pub struct Activity {
    pub state: State,
    /// The statement that runs, or ran last.
    pub statement: Option<Arc<Prepared>>,
    pub query_micros: Option<i64>,
    pub changed_micros: Option<i64>,
    pub transaction_micros: Option<i64>,
    pub application: Arc<str>,
}

impl Activity {
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
