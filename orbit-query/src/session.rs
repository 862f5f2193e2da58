//! One connection: its settings, its transaction block, and the execution of
//! its statements.
//!
//! A block is `Idle`, `Open` (after BEGIN) or `Failed` (after an error in it).
//! Outside of a block statements share an *implicit* transaction until
//! [`Session::sync`]: all statements of a simple-protocol message, all extended
//! statements up to Sync. A lone read opens none.

pub mod control;

use crate::engine::{Engine, SessionInit};
use crate::rows::Outcome;
use crate::settings::Settings;
use crate::statement::{Prepared, Script};
use control::Control;
use orbit_core::cancel::CancelToken;
use orbit_core::types::SqlType;
use orbit_core::value::Value;
use orbit_core::value::text::FormatSettings;
use orbit_core::{Error, Result};
use std::sync::Arc;

/// Where the session stands, as ReadyForQuery tells it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Block {
    Idle,
    Open,
    Failed,
}

impl Block {
    pub fn letter(self) -> u8 {
        match self {
            Block::Idle => b'I',
            Block::Open => b'T',
            Block::Failed => b'E',
        }
    }
}

/// Who is connected, for `current_user` and its like.
#[derive(Clone, Debug, Default)]
pub struct SessionFacts {
    pub user: String,
    pub database: String,
    pub pid: i32,
}

pub struct Session {
    engine: Arc<Engine>,
    facts: Arc<SessionFacts>,
    control: Arc<Control>,
    cancel: CancelToken,
    settings: Arc<Settings>,
    notices: Vec<Error>,
}

impl Session {
    pub(crate) fn new(engine: Arc<Engine>, init: SessionInit, control: Arc<Control>) -> Session {
        todo!()
    }

    /// Prepares exactly one statement (or an empty one).
    pub async fn prepare(
        &mut self,
        sql: &str,
        param_types: &[Option<SqlType>],
    ) -> Result<Arc<Prepared>> {
        todo!()
    }

    /// Splits a simple-protocol message into its statements; a syntax error in
    /// any of them is an error of the whole.
    pub async fn parse_script(&mut self, sql: &str) -> Result<Script> {
        todo!()
    }

    /// The script's next statement, prepared, with the literals that were taken
    /// out of it (its parameters); `None` at the end.
    pub async fn next_statement(
        &mut self,
        script: &mut Script,
    ) -> Result<Option<(Arc<Prepared>, Vec<Value>)>> {
        todo!()
    }

    /// Runs a statement; outside of a block in the implicit transaction, which
    /// [`Session::sync`] commits. After an error the session is as after [`Session::fail`].
    pub async fn execute(
        &mut self,
        statement: &Arc<Prepared>,
        params: &[Value],
    ) -> Result<Outcome> {
        todo!()
    }

    /// End of a simple-protocol message, or Sync: commits the implicit transaction.
    pub async fn sync(&mut self) -> Result<()> {
        todo!()
    }

    /// An error was reported to the client: the implicit transaction is undone,
    /// an open block becomes a failed one.
    pub fn fail(&mut self) {
        todo!()
    }

    pub fn block(&self) -> Block {
        todo!()
    }

    pub fn format(&self) -> &FormatSettings {
        &self.settings.format
    }

    pub fn settings(&self) -> &Arc<Settings> {
        &self.settings
    }

    pub fn facts(&self) -> &Arc<SessionFacts> {
        &self.facts
    }

    /// Warnings and notices since the last call, each with its severity's state.
    pub fn take_notices(&mut self) -> Vec<Error> {
        std::mem::take(&mut self.notices)
    }

    /// Parameters that changed since the last call and that clients are told of.
    pub fn take_parameter_changes(&mut self) -> Vec<(String, String)> {
        Vec::new()
    }

    /// What ParameterStatus tells at the start.
    pub fn parameters(&self) -> Vec<(&'static str, String)> {
        Vec::new()
    }

    /// A startup parameter (`options`, `application_name`, any setting).
    pub fn set_initial(&mut self, name: &str, value: &str) -> Result<()> {
        todo!()
    }

    pub fn cancel_token(&self) -> CancelToken {
        self.cancel.clone()
    }
}

/// How a notice is announced: warnings are of classes 01 and 25, the rest are notices.
pub fn severity(notice: &Error) -> &'static str {
    match notice.state().as_str().get(..2) {
        Some("01" | "25") => "WARNING",
        _ => "NOTICE",
    }
}
