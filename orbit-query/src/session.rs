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

pub(crate) mod arguments;
mod block;
pub mod control;
mod cursor;
mod do_block;
mod full;
mod identity;
mod lent;
mod plan;
mod references;
mod run;
pub mod sequences;
mod set;
mod snapshot;
mod utility;

use crate::access::Rights;
use crate::backend::{Backend, activity};
use crate::ddl::temporary::{self, AtCommit};
use crate::engine::{Engine, SessionInit};
use crate::expr::Facts;
use crate::point::Scratch;
use crate::rows::{Outcome, RowBatch};
use crate::settings::{Settings, registry};
use crate::statement::{Plan, Prepared, Script, limits};
use ahash::{AHashMap, AHashSet};
use block::Blocks;
use control::Control;
use orbit_core::cancel::CancelToken;
use orbit_core::ids::TableId;
use orbit_core::types::{Oid, SqlType};
use orbit_core::value::Value;
use orbit_core::value::text::FormatSettings;
use orbit_core::{Error, Result};
use std::net::IpAddr;
use std::sync::Arc;

pub use block::Block;
pub use run::transaction_timed_out;

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
    /// The session itself, for functions that reach into it; plans made outside
    /// of any session have none.
    pub backend: Option<Arc<Backend>>,
}

pub struct Session {
    engine: Arc<Engine>,
    facts: Arc<SessionFacts>,
    /// The statement under way that is no query.
    utility: Option<Arc<Prepared>>,
    /// Who logged in: whoever the session has become since.
    authenticated: Oid,
    control: Arc<Control>,
    backend: Arc<Backend>,
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
    /// Temporary tables that COMMIT empties or drops.
    temporary: Vec<(TableId, AtCommit)>,
    cursors: cursor::Cursors,
    /// Portals that protocol messages opened: cursors can't have their names.
    protocol_portals: AHashMap<String, Option<cursor::Bound>>,
    /// What the places of the statement being planned count in.
    planning_text: Option<Arc<str>>,
    /// The statement that runs is one of several of a message.
    in_script: bool,
    /// How many blocks of DO are under way, each in a text that the one before executes.
    do_depth: usize,
    /// The statement was prepared for this run: nobody was told of its columns yet.
    is_fresh: bool,
    /// A statement ran in the transaction that isn't over yet.
    has_run: bool,
    /// Its text and the types of its parameters, where a cursor keeps them.
    statement_text: String,
    statement_params: Vec<SqlType>,
    /// What expressions ask of their surroundings: times and formats.
    moment: Facts,
    scratch: Scratch,
    notices: Vec<Error>,
}

impl Session {
    pub(crate) fn new(
        engine: Arc<Engine>,
        init: SessionInit,
        control: Arc<Control>,
        backend: Arc<Backend>,
    ) -> Session {
        let mut settings = Settings::new(&init.user);
        let catalog = engine.db().read().catalog().clone();
        let authenticated = identity::sign_in(&mut settings, &catalog, &init.user);
        // Any text is an application name.
        let _ = settings.set("application_name", &init.application);
        let settings = Arc::new(settings);
        let sequences = Arc::new(sequences::SessionSequences::new(engine.db().clone()));
        let (session_role, role) = settings.identity();
        backend.activity.set_application(&init.application);
        Session {
            facts: Arc::new(SessionFacts {
                user: init.user.clone(),
                session_user: init.user,
                database: init.database,
                pid: init.pid,
                sequences: sequences.clone(),
                address: init.address,
                rights: Arc::new(Rights::of(&catalog, session_role, role)),
                backend: Some(backend.clone()),
            }),
            utility: None,
            authenticated,
            moment: Facts {
                format: settings.format.clone(),
                sequences,
                cancel: control.token().clone(),
                ..Facts::default()
            },
            cancel: control.token().clone(),
            control,
            backend,
            kept: settings.clone(),
            initial: settings.clone(),
            reported: settings.clone(),
            blocks: Blocks::default(),
            named: AHashMap::default(),
            protocol_named: AHashSet::default(),
            temporary: Vec::new(),
            cursors: Default::default(),
            protocol_portals: AHashMap::default(),
            planning_text: None,
            in_script: false,
            do_depth: 0,
            is_fresh: false,
            has_run: false,
            statement_text: String::new(),
            statement_params: Vec::new(),
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
        self.in_script = false;
        self.is_fresh = false;
        if let Err(error) = self.configure() {
            return self.settle(Err(error));
        }
        let prepared = self.prepare_text(sql, param_types).await;
        let allowed = prepared.and_then(|prepared| {
            limits::check_parameters(prepared.params.len(), &self.settings.limits)?;
            Ok(prepared)
        });
        self.settle(allowed)
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
        if let Err(error) = self.configure() {
            return self.settle(Err(error));
        }
        let next = self.prepare_next(script).await;
        self.in_script = script.message.is_none() && !script.statements.is_empty();
        self.is_fresh = matches!(next, Ok(Some(_)));
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
        if let Err(error) = self.configure() {
            return self.settle(Err(error));
        }
        self.has_run = true;
        self.note_start(statement);
        if let Some(answer) = self.read_point(statement, params) {
            self.is_fresh = false;
            return self.settle(answer);
        }
        self.begin_work();
        let outcome = self.run_guarded(statement, params).await;
        self.is_fresh = false;
        if let Err(error) = &outcome {
            self.wait_for_cause(error).await;
        }
        self.settle(outcome)
    }

    /// End of a simple-protocol message, or Sync: commits the implicit transaction.
    #[inline]
    pub async fn sync(&mut self) -> Result<()> {
        // What the next message runs may have been prepared long ago.
        self.is_fresh = false;
        self.control.set_running(false);
        self.cancel.lift_deadline();
        if let Err(error) = self.configure() {
            return self.settle(Err(error));
        }
        if self.blocks.is_idle()
            && !self.blocks.has_saved_settings()
            && !self.facts.sequences.has_touched()
            && !self.backend.is_stirred()
        {
            self.note_ended(true);
            return Ok(());
        }
        let ended = self.end_implicit().await;
        self.settle(ended)
    }

    /// The session waits for its client from here on.
    pub fn note_rest(&mut self) {
        let state = match self.blocks.block() {
            Block::Idle => activity::State::Idle,
            Block::Open => activity::State::IdleInTransaction,
            Block::Failed => activity::State::IdleInFailedTransaction,
        };
        let now = self.engine.db().clock().wall_micros();
        self.backend.activity.rest(state, now);
    }

    fn note_start(&mut self, statement: &Arc<Prepared>) {
        self.begin_moment();
        let moment = &self.moment;
        let activity = &self.backend.activity;
        activity.start(
            statement,
            moment.statement_micros,
            moment.transaction_micros,
        );
    }

    /// What others know of this session.
    pub fn backend(&self) -> &Arc<Backend> {
        &self.backend
    }

    /// An error was reported to the client: the implicit transaction is undone,
    /// an open block becomes a failed one.
    pub fn fail(&mut self) {
        self.control.set_running(false);
        self.backend.configured.take();
        self.break_block();
    }

    /// A transaction is over, if there was one: be it of a lone read.
    #[inline]
    fn note_ended(&mut self, committed: bool) {
        if std::mem::take(&mut self.has_run) {
            self.backend.ends_seen.note(committed);
        }
    }

    fn settle<T>(&mut self, result: Result<T>) -> Result<T> {
        result.map_err(|error| {
            let error = self.told_of(error, &[]);
            self.fail();
            error
        })
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
        let mut notices = self.backend.take_notices();
        notices.retain(|notice| self.wants(notice));
        notices.append(&mut self.notices);
        notices
    }

    /// Parameters that changed since the last call and that clients are told of.
    pub fn take_parameter_changes(&mut self) -> Vec<(String, String)> {
        if Arc::ptr_eq(&self.reported, &self.settings) {
            return Vec::new();
        }
        let before = std::mem::replace(&mut self.reported, self.settings.clone());
        if let Ok(name) = self.settings.show("application_name") {
            self.backend.activity.set_application(&name);
        }
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
        self.check_settable(&name)?;
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
    /// any more is told of rather than keeping the role out. Whoever gave the role a
    /// setting was asked for the right to then: the role needs none.
    pub fn set_of_role(&mut self, name: &str, value: &str) {
        let set = match crate::access::roles::is_protected(name) {
            true => self.grant_initial(name, value),
            false => self.set_initial(name, value),
        };
        if let Err(error) = set {
            self.notice(Error::new(
                orbit_core::state::WARNING,
                error.message().to_owned(),
            ));
        }
    }

    /// A setting that the session's role or the server has for it, before it
    /// begins: limits, too, which clients can't set.
    pub fn grant_initial(&mut self, name: &str, value: &str) -> Result<()> {
        let mut settings = (*self.settings).clone();
        settings.grant(&name.to_ascii_lowercase(), value)?;
        self.settings = Arc::new(settings);
        self.kept = self.settings.clone();
        self.initial = self.settings.clone();
        self.reported = self.settings.clone();
        Ok(())
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
    pub fn add_protocol_statement(&mut self, name: &str, statement: &Arc<Prepared>) {
        self.backend.note_prepared(name, statement, false);
        self.protocol_named.insert(name.to_owned());
    }

    pub fn remove_protocol_statement(&mut self, name: &str) {
        if self.protocol_named.remove(name) {
            self.backend.prepared.lock().remove(name);
        }
    }

    /// False once DEALLOCATE has named it.
    pub fn has_protocol_statement(&self, name: &str) -> bool {
        self.protocol_named.contains(name)
    }

    /// A Bind message opened a portal of this name. In a block its query becomes a cursor
    /// when its rows are asked for, by an Execute message or by FETCH and MOVE.
    pub fn add_protocol_portal(&mut self, name: &str, statement: &Arc<Prepared>, params: &[Value]) {
        let opens = self.blocks.is_open()
            && statement.columns.is_some()
            && statement.writes().is_none()
            && !matches!(statement.plan, Plan::Empty | Plan::Utility(_));
        let bound = opens.then(|| cursor::Bound::new(statement, params));
        self.protocol_portals.insert(name.to_owned(), bound);
    }

    /// False once CLOSE has named it.
    pub fn has_protocol_portal(&self, name: &str) -> bool {
        self.protocol_portals.contains_key(name)
    }

    pub fn remove_protocol_portal(&mut self, name: &str) {
        self.protocol_portals.remove(name);
    }

    pub fn remove_protocol_portals(&mut self) {
        self.protocol_portals.clear();
    }

    /// A statement named by SQL-level PREPARE.
    pub fn named(&self, name: &str) -> Option<&Arc<Prepared>> {
        self.named.get(name)
    }

    /// Whether BEGIN opened the transaction.
    pub(crate) fn is_in_block(&self) -> bool {
        self.blocks.is_open()
    }

    /// A new temporary relation: names find it first from here on.
    pub(crate) fn use_temporary_schema(&mut self, name: &str) -> Result<()> {
        let generation = self.settings.temporary_generation().unwrap_or(0) + 1;
        self.change_settings(false, |settings| {
            settings.set_temporary_schema(name, generation)
        })?;
        let mut initial = (*self.initial).clone();
        initial.set_temporary_schema(name, generation)?;
        self.initial = Arc::new(initial);
        Ok(())
    }

    pub(crate) fn note_temporary(&mut self, table: TableId, at_commit: Option<AtCommit>) {
        self.temporary
            .extend(at_commit.map(|action| (table, action)));
    }

    /// The session's end: its temporary tables go, after it.
    fn remove_temporary(&mut self) {
        let Some(schema) = self.initial.temporary_schema() else {
            return;
        };
        let (schema, db) = (schema.to_owned(), self.engine.db().clone());
        // Without a runtime the next start does it.
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(async move {
                if let Err(error) = temporary::remove(&db, &schema).await {
                    tracing::warn!(%error, schema, "temporary tables are left until the next start");
                }
            });
        }
    }

    pub(crate) fn notice(&mut self, notice: Error) {
        // A loop that drops a million absent tables must not hold a million notices.
        if self.notices.len() < 1000 && self.wants(&notice) {
            self.notices.push(notice);
        }
    }
}

impl Session {
    /// Whether `client_min_messages` lets a message of its kind through.
    fn wants(&self, notice: &Error) -> bool {
        let least = self.settings.show("client_min_messages");
        match least.unwrap_or("notice") {
            "error" => false,
            "warning" => severity(notice) == "WARNING",
            _ => true,
        }
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        // Its locks go with it, before others hear that it is gone.
        self.break_block();
        self.engine.backends().leave(&self.backend);
        self.remove_temporary();
    }
}

fn reported(settings: &Settings) -> Vec<(&'static str, String)> {
    registry::all()
        .filter(|setting| setting.reported)
        .filter_map(|setting| {
            let value = settings.show(setting.name).ok()?;
            Some((setting.name, value.to_owned()))
        })
        .collect()
}

/// How a notice is announced: warnings are of classes 01, 22 and 25, the rest are notices.
pub fn severity(notice: &Error) -> &'static str {
    match notice.state().as_str().get(..2) {
        Some("01" | "22" | "25") => "WARNING",
        _ => "NOTICE",
    }
}

#[cfg(test)]
mod tests;
