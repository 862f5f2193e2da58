//! Statements that are no queries, as the parser hands them to the session.

use super::alter_grammar::Alter;
use super::comment_grammar::Commented;
use super::database_grammar::DatabaseStatement;
use super::do_grammar::Step;
use super::like_grammar::Like;
use super::names::Name;
use super::sequence_grammar::SequenceOptions;
use crate::access::statement::AccessStatement;
use crate::copy::options::CopyStatement;
use orbit_core::types::SqlType;
use sqlparser::ast;
use std::time::Duration;

/// BEGIN's and SET TRANSACTION's modes; `None`: not mentioned.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Modes {
    pub isolation: Option<IsolationLevel>,
    pub read_only: Option<bool>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IsolationLevel {
    ReadUncommitted,
    ReadCommitted,
    RepeatableRead,
    Serializable,
}

impl IsolationLevel {
    pub fn name(self) -> &'static str {
        match self {
            IsolationLevel::ReadUncommitted => "read uncommitted",
            IsolationLevel::ReadCommitted => "read committed",
            IsolationLevel::RepeatableRead => "repeatable read",
            IsolationLevel::Serializable => "serializable",
        }
    }

    pub fn named(name: &str) -> Option<IsolationLevel> {
        [
            IsolationLevel::ReadUncommitted,
            IsolationLevel::ReadCommitted,
            IsolationLevel::RepeatableRead,
            IsolationLevel::Serializable,
        ]
        .into_iter()
        .find(|level| level.name().eq_ignore_ascii_case(name))
    }
}

#[derive(Clone, Debug)]
pub enum Utility {
    Begin {
        modes: Modes,
        start: bool,
    },
    Commit {
        chain: bool,
    },
    Rollback {
        chain: bool,
    },
    /// PREPARE TRANSACTION: always refused.
    PrepareTransaction,
    /// COMMIT PREPARED, ROLLBACK PREPARED: there is never one to be found.
    FinishPrepared {
        name: String,
        what: &'static str,
    },
    Savepoint(String),
    Release(String),
    RollbackTo(String),
    SetTransaction(Modes),
    /// SET TRANSACTION SNAPSHOT.
    SetSnapshot(String),
    SetCharacteristics(Modes),
    /// `names` empty: SET CONSTRAINTS ALL.
    SetConstraints {
        names: Vec<Name>,
        deferred: bool,
    },
    /// `None`: SET x TO DEFAULT.
    Set {
        name: String,
        value: Option<String>,
        local: bool,
    },
    /// `SELECT set_config(name, value, local)`: a query in form only.
    SetConfig {
        name: String,
        value: String,
        local: bool,
    },
    /// `SELECT pg_sleep(seconds)`, likewise.
    Sleep(Duration),
    /// `SELECT pg_export_snapshot()`, likewise.
    ExportSnapshot,
    /// `None`: RESET ALL.
    Reset(Option<String>),
    /// `None`: SHOW ALL.
    Show(Option<String>),
    Discard {
        all: bool,
        tag: &'static str,
    },
    Prepare {
        name: String,
        types: Vec<SqlType>,
        sql: String,
    },
    Execute {
        name: String,
        arguments: Vec<ast::Expr>,
    },
    /// `None`: DEALLOCATE ALL.
    Deallocate(Option<String>),
    Explain(Explain),
    Copy(Box<CopyStatement>),
    CreateTable(Box<ast::CreateTable>),
    CreateTableLike {
        create: Box<ast::CreateTable>,
        likes: Vec<Like>,
    },
    CreateIndex(Box<ast::CreateIndex>),
    Alter(Box<Alter>),
    RenameSchema {
        from: String,
        to: String,
    },
    Drop {
        kind: Dropped,
        names: Vec<Name>,
        if_exists: bool,
        cascade: bool,
    },
    CreateSchema {
        name: String,
        if_not_exists: bool,
    },
    Comment {
        object: Commented,
        text: Option<String>,
    },
    CreateView(Box<ast::CreateView>),
    CreateSequence {
        name: Name,
        if_not_exists: bool,
        temporary: bool,
        options: Box<SequenceOptions>,
    },
    AlterSequence {
        name: Name,
        if_exists: bool,
        options: Box<SequenceOptions>,
    },
    Truncate {
        tables: Vec<Name>,
        restart_identity: bool,
        cascade: bool,
    },
    /// REINDEX: indexes are never older than their rows, so there is nothing to do but
    /// to look whether what is named is there.
    Reindex {
        /// `None`: a database.
        kind: Option<Reindexed>,
        name: Option<Name>,
        concurrently: bool,
    },
    Vacuum {
        tables: Vec<Name>,
        analyze: bool,
    },
    Analyze(Vec<Name>),
    Lock {
        tables: Vec<Name>,
        mode: ast::LockTableMode,
        nowait: bool,
    },
    /// `BACKUP TO STDOUT`: the whole store, in our own format.
    Backup,
    /// Roles and rights.
    Access(Box<AccessStatement>),
    Declare(Box<Declare>),
    Fetch {
        cursor: String,
        direction: Direction,
        /// MOVE: the rows are passed over.
        moves: bool,
    },
    /// `None`: CLOSE ALL.
    CloseCursor(Option<String>),
    /// UPDATE or DELETE ... WHERE CURRENT OF.
    Positioned {
        /// Up to WHERE.
        before: String,
        after: String,
        cursor: String,
        table: Name,
        alias: Option<String>,
        deletes: bool,
    },
    /// `None`: UNLISTEN *.
    Unlisten(Option<String>),
    Listen(String),
    Notify {
        channel: String,
        payload: String,
    },
    /// DO: a block of statements.
    Do(Vec<Step>),
    /// Databases and extensions.
    Database(Box<DatabaseStatement>),
    /// CHECKPOINT and its like: accepted, for our durability needs none.
    Nothing(&'static str),
}

/// What a REINDEX names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reindexed {
    Table,
    Index,
    Schema,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dropped {
    Table,
    Index,
    Schema,
    Sequence,
    View,
}

/// DECLARE CURSOR.
#[derive(Clone, Debug, Default)]
pub struct Declare {
    pub name: String,
    pub binary: bool,
    /// `None`: said neither way.
    pub scroll: Option<bool>,
    pub hold: bool,
    /// The query's text and its syntax.
    pub sql: String,
    pub query: Option<Box<ast::Query>>,
    /// Where the text of a SELECT's items ends, if a FROM follows.
    pub from: Option<usize>,
}

/// Where FETCH and MOVE go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    Forward(i64),
    Backward(i64),
    Absolute(i64),
    Relative(i64),
}

impl Direction {
    pub const ALL: i64 = i64::MAX;
}

#[derive(Clone, Debug)]
pub struct Explain {
    pub analyze: bool,
    pub verbose: bool,
    pub timing: bool,
    pub format: ExplainFormat,
    /// The statement explained.
    pub sql: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExplainFormat {
    Text,
    Json,
}

impl Utility {
    /// What a failed block still takes: what ends it or leads out of it.
    pub fn allowed_in_failed_block(&self) -> bool {
        matches!(
            self,
            Utility::Commit { .. } | Utility::Rollback { .. } | Utility::RollbackTo(_)
        )
    }

    /// What is worth keeping prepared: it comes with every transaction.
    pub fn is_transaction_control(&self) -> bool {
        matches!(
            self,
            Utility::Begin { .. } | Utility::Commit { .. } | Utility::Rollback { .. }
        )
    }

    /// The command's tag if a read-only transaction must refuse it.
    pub fn writes(&self) -> Option<&'static str> {
        Some(match self {
            Utility::CreateTable(_) | Utility::CreateTableLike { .. } => "CREATE TABLE",
            Utility::CreateIndex(_) => "CREATE INDEX",
            Utility::Alter(alter) => alter.kind.tag(),
            Utility::RenameSchema { .. } => "ALTER SCHEMA",
            Utility::CreateSchema { .. } => "CREATE SCHEMA",
            Utility::Drop { kind, .. } => match kind {
                Dropped::Table => "DROP TABLE",
                Dropped::Index => "DROP INDEX",
                Dropped::Schema => "DROP SCHEMA",
                Dropped::Sequence => "DROP SEQUENCE",
                Dropped::View => "DROP VIEW",
            },
            Utility::Comment { .. } => "COMMENT",
            Utility::CreateView(_) => "CREATE VIEW",
            Utility::CreateSequence { .. } => "CREATE SEQUENCE",
            Utility::AlterSequence { .. } => "ALTER SEQUENCE",
            Utility::Truncate { .. } => "TRUNCATE TABLE",
            Utility::Reindex { .. } => "REINDEX",
            Utility::Access(statement) => statement.tag(),
            Utility::Database(statement) => statement.tag(),
            Utility::Positioned { deletes, .. } => {
                if *deletes {
                    "DELETE"
                } else {
                    "UPDATE"
                }
            }
            Utility::Copy(copy) if copy.from => "COPY FROM",
            _ => return None,
        })
    }
}
