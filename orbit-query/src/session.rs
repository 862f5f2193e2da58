//! One connection: its settings, its transaction block, and the execution of
//! its statements.
//!
//! A block is `Idle`, `Open` (after BEGIN) or `Failed` (after an error in it).
//! Outside of a block statements share an *implicit* transaction until
//! [`Session::sync`]: all statements of a simple-protocol message, all extended
//! statements up to Sync. A lone read opens none.
//!
//! How a front end drives it:
//!
//! ```text
//! simple    parse_script, then next_statement + execute until None, then sync
//! extended  prepare, execute, ..., sync
//! error     whatever failed, then fail; with the extended protocol skip to sync
//! ```

mod arguments;
mod block;
pub mod control;
mod identity;
mod plan;
mod references;
mod run;
pub mod sequences;
mod set;
mod utility;

use crate::access::Rights;
use crate::engine::{Engine, SessionInit};
use crate::expr::Facts;
use crate::point::Scratch;
use crate::rows::{Outcome, RowBatch};
use crate::settings::{Settings, registry};
use crate::statement::{Prepared, Script};
use ahash::{AHashMap, AHashSet};
use block::Blocks;
use control::Control;
use orbit_core::cancel::CancelToken;
use orbit_core::types::{Oid, SqlType};
use orbit_core::value::Value;
use orbit_core::value::text::FormatSettings;
use orbit_core::{Error, Result};
use std::net::IpAddr;
use std::sync::Arc;

pub use block::Block;
pub(crate) use run::timed_out;

/// Who is connected, for `current_user` and its like.
#[derive(Clone, Debug, Default)]
pub struct SessionFacts {
    /// The current role's name.
    pub user: String,
    /// Who the session is, whatever SET ROLE says.
    pub session_user: String,
    pub database: String,
    pub pid: i32,
    pub sequences: Arc<sequences::SessionSequences>,
    pub address: Option<IpAddr>,
    pub rights: Arc<Rights>,
}

pub struct Session {
    engine: Arc<Engine>,
    facts: Arc<SessionFacts>,
    /// Who logged in: whoever the session has become since.
    authenticated: Oid,
    control: Arc<Control>,
    cancel: CancelToken,
    /// What is in effect now, SET LOCAL included.
    settings: Arc<Settings>,
    /// What stays after COMMIT.
    kept: Arc<Settings>,
    /// What RESET goes back to.
    initial: Arc<Settings>,
    /// What the client was told last.
    reported: Arc<Settings>,
    blocks: Blocks,
    /// SQL-level PREPARE.
    named: AHashMap<String, Arc<Prepared>>,
    /// Names of statements that protocol messages prepared, so that DEALLOCATE finds them.
    protocol_named: AHashSet<String>,
    /// What expressions ask of their surroundings: times and formats.
    moment: Facts,
    scratch: Scratch,
    notices: Vec<Error>,
}

impl Session {
    pub(crate) fn new(engine: Arc<Engine>, init: SessionInit, control: Arc<Control>) -> Session {
        let mut settings = Settings::new(&init.user);
        let catalog = engine.db().read().catalog().clone();
        let authenticated = identity::sign_in(&mut settings, &catalog, &init.user);
        // Any text is an application name.
        let _ = settings.set("application_name", &init.application);
        let settings = Arc::new(settings);
        let sequences = Arc::new(sequences::SessionSequences::new(engine.db().clone()));
        let (session_role, role) = settings.identity();
        Session {
            facts: Arc::new(SessionFacts {
                user: init.user.clone(),
                session_user: init.user,
                database: init.database,
                pid: init.pid,
                sequences: sequences.clone(),
                address: init.address,
                rights: Arc::new(Rights::of(&catalog, session_role, role)),
            }),
            authenticated,
            cancel: control.token().clone(),
            control,
            kept: settings.clone(),
            initial: settings.clone(),
            reported: settings.clone(),
            blocks: Blocks::default(),
            named: AHashMap::default(),
            protocol_named: AHashSet::default(),
            moment: Facts {
                format: settings.format.clone(),
                sequences,
                ..Facts::default()
            },
            scratch: Scratch::default(),
            notices: Vec::new(),
            settings,
            engine,
        }
    }

    /// Prepares exactly one statement (or an empty one).
    pub async fn prepare(
        &mut self,
        sql: &str,
        param_types: &[Option<SqlType>],
    ) -> Result<Arc<Prepared>> {
        let prepared = self.prepare_text(sql, param_types).await;
        self.settle(prepared)
    }

    /// Splits a simple-protocol message into its statements; a syntax error in
    /// any of them is an error of the whole.
    pub async fn parse_script(&mut self, sql: &str) -> Result<Script> {
        let script = self.read_script(sql);
        self.settle(script)
    }

    /// The script's next statement, prepared, with the literals that were taken
    /// out of it (its parameters); `None` at the end.
    pub async fn next_statement(
        &mut self,
        script: &mut Script,
    ) -> Result<Option<(Arc<Prepared>, Vec<Value>)>> {
        let next = self.prepare_next(script).await;
        self.settle(next)
    }

    /// Runs a statement; outside of a block in the implicit transaction, which
    /// [`Session::sync`] commits. After an error the session is as after [`Session::fail`].
    #[inline]
    pub async fn execute(
        &mut self,
        statement: &Arc<Prepared>,
        params: &[Value],
    ) -> Result<Outcome> {
        if let Some(answer) = self.read_point(statement, params) {
            return self.settle(answer);
        }
        self.cancel.reset();
        self.control.set_running(true);
        self.begin_moment();
        let outcome = self.run_within_timeout(statement, params).await;
        if let Err(error) = &outcome {
            self.wait_for_cause(error).await;
        }
        self.settle(outcome)
    }

    /// End of a simple-protocol message, or Sync: commits the implicit transaction.
    #[inline]
    pub async fn sync(&mut self) -> Result<()> {
        self.control.set_running(false);
        if self.blocks.is_idle()
            && !self.blocks.has_saved_settings()
            && !self.facts.sequences.has_touched()
        {
            return Ok(());
        }
        let ended = self.end_implicit().await;
        self.settle(ended)
    }

    /// An error was reported to the client: the implicit transaction is undone,
    /// an open block becomes a failed one.
    pub fn fail(&mut self) {
        self.control.set_running(false);
        self.break_block();
    }

    fn settle<T>(&mut self, result: Result<T>) -> Result<T> {
        if result.is_err() {
            self.fail();
        }
        result
    }

    pub fn block(&self) -> Block {
        self.blocks.block()
    }

    pub fn engine(&self) -> &Arc<Engine> {
        &self.engine
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

    /// Notices and warnings since the last call; [`severity`] tells which is which.
    pub fn take_notices(&mut self) -> Vec<Error> {
        std::mem::take(&mut self.notices)
    }

    /// Parameters that changed since the last call and that clients are told of.
    pub fn take_parameter_changes(&mut self) -> Vec<(String, String)> {
        if Arc::ptr_eq(&self.reported, &self.settings) {
            return Vec::new();
        }
        let before = std::mem::replace(&mut self.reported, self.settings.clone());
        reported(&self.settings)
            .into_iter()
            .filter(|(name, value)| before.show(name).is_ok_and(|old| old != value))
            .map(|(name, value)| (name.to_owned(), value))
            .collect()
    }

    /// What ParameterStatus tells at the start.
    pub fn parameters(&self) -> Vec<(&'static str, String)> {
        reported(&self.settings)
    }

    /// A setting given at the start of the connection: what RESET goes back to.
    pub fn set_initial(&mut self, name: &str, value: &str) -> Result<()> {
        let mut settings = (*self.settings).clone();
        let name = name.to_ascii_lowercase();
        match identity::is_role(&name) {
            true => self.change_role(&mut settings, &name, value)?,
            false => settings.set(&name, value)?,
        }
        self.settings = Arc::new(settings);
        self.kept = self.settings.clone();
        self.initial = self.settings.clone();
        self.reported = self.settings.clone();
        Ok(())
    }

    /// ALTER ROLE ... SET: as [`Session::set_initial`], but a value that doesn't fit
    /// any more is told of rather than keeping the role out.
    pub fn set_of_role(&mut self, name: &str, value: &str) {
        if let Err(error) = self.set_initial(name, value) {
            self.notice(Error::new(
                orbit_core::state::WARNING,
                error.message().to_owned(),
            ));
        }
    }

    /// Takes back a batch that was sent, for its buffer's sake.
    pub fn recycle(&mut self, batch: RowBatch) {
        if let RowBatch::Point(rows) = batch {
            self.scratch.recycle(rows);
        }
    }

    pub fn cancel_token(&self) -> CancelToken {
        self.cancel.clone()
    }

    /// A protocol message prepared a statement of this name.
    pub fn add_protocol_statement(&mut self, name: &str) {
        self.protocol_named.insert(name.to_owned());
    }

    pub fn remove_protocol_statement(&mut self, name: &str) {
        self.protocol_named.remove(name);
    }

    /// False once DEALLOCATE has named it.
    pub fn has_protocol_statement(&self, name: &str) -> bool {
        self.protocol_named.contains(name)
    }

    /// A statement named by SQL-level PREPARE.
    pub fn named(&self, name: &str) -> Option<&Arc<Prepared>> {
        self.named.get(name)
    }

    /// Whether BEGIN opened the transaction.
    pub(crate) fn is_in_block(&self) -> bool {
        self.blocks.is_open()
    }

    pub(crate) fn notice(&mut self, notice: Error) {
        // A loop that drops a million absent tables must not hold a million notices.
        if self.notices.len() < 1000 {
            self.notices.push(notice);
        }
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        self.engine.forget(self.facts.pid, &self.control);
    }
}

fn reported(settings: &Settings) -> Vec<(&'static str, String)> {
    registry::SETTINGS
        .iter()
        .filter(|setting| setting.reported)
        .filter_map(|setting| {
            let value = settings.show(setting.name).ok()?;
            Some((setting.name, value.to_owned()))
        })
        .collect()
}

/// How a notice is announced: warnings are of classes 01 and 25, the rest are notices.
pub fn severity(notice: &Error) -> &'static str {
    match notice.state().as_str().get(..2) {
        Some("01" | "25") => "WARNING",
        _ => "NOTICE",
    }
}

#[cfg(test)]
mod tests;
