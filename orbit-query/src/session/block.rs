//! Transaction blocks: how they open, fail and end, and what that does to settings.

use super::Session;
use crate::backend::notify::OutboxMark;
use crate::ddl::temporary;
use crate::rows::{Outcome, Tag};
use crate::settings::Settings;
use crate::statement::utility::{IsolationLevel, Modes, Utility};
use orbit_core::lock::WaitLimits;
use orbit_core::txn::{Isolation, Transaction};
use orbit_core::{Error, Result, state};
use std::sync::Arc;
use tokio::time::Instant;

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

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum State {
    #[default]
    Idle,
    /// Statements outside of a block that share a transaction until Sync.
    Implicit,
    Open,
    Failed,
}

/// Settings in effect, and those that stay after COMMIT.
pub(super) type SavedSettings = (Arc<Settings>, Arc<Settings>);

/// What of a session, beside its transaction, goes back to a savepoint.
pub(super) struct Savepoint {
    pub name: String,
    pub settings: SavedSettings,
    pub outbox: OutboxMark,
    /// Advisory locks taken before it.
    pub advisory: usize,
}

#[derive(Default)]
pub(super) struct Blocks {
    pub(super) state: State,
    /// Begun with the first statement that needs it; gone in a failed block without savepoints.
    pub(super) transaction: Option<Transaction>,
    /// It is somebody else's.
    pub(super) lent: bool,
    /// When the block was opened.
    pub(super) opened: Option<Instant>,
    pub(super) savepoints: Vec<Savepoint>,
    /// Settings as they were before this transaction's first change.
    saved: Option<SavedSettings>,
}

impl Blocks {
    pub fn block(&self) -> Block {
        match self.state {
            State::Idle | State::Implicit => Block::Idle,
            State::Open => Block::Open,
            State::Failed => Block::Failed,
        }
    }

    #[inline]
    pub fn is_idle(&self) -> bool {
        self.state == State::Idle
    }

    pub fn is_open(&self) -> bool {
        self.state == State::Open
    }

    pub fn is_failed(&self) -> bool {
        self.state == State::Failed
    }

    pub fn has_saved_settings(&self) -> bool {
        self.saved.is_some()
    }

    pub fn opened(&self) -> Option<Instant> {
        self.opened.filter(|_| self.block() != Block::Idle)
    }

    /// How many savepoints there are.
    pub fn depth(&self) -> usize {
        self.savepoints.len()
    }

    pub fn transaction(&mut self) -> Option<&mut Transaction> {
        self.transaction.as_mut()
    }
}

pub(super) fn failed_block() -> Error {
    Error::new(
        state::IN_FAILED_SQL_TRANSACTION,
        "current transaction is aborted, commands ignored until end of transaction block",
    )
}

fn no_block(what: &str) -> Error {
    Error::new(
        state::NO_ACTIVE_SQL_TRANSACTION,
        format!("{what} can only be used in transaction blocks"),
    )
}

impl Session {
    /// The transaction of the block, or the implicit one; begun if need be.
    pub(crate) fn transaction(&mut self) -> Result<&mut Transaction> {
        if self.blocks.state == State::Failed {
            return Err(failed_block());
        }
        if self.blocks.transaction.is_none() {
            let isolation = match self.settings.isolation {
                IsolationLevel::RepeatableRead | IsolationLevel::Serializable => {
                    Isolation::RepeatableRead
                }
                _ => Isolation::ReadCommitted,
            };
            let mut transaction = self.engine.db().begin(isolation);
            transaction.set_limits(self.wait_limits());
            transaction.set_creator(self.settings.identity().1);
            self.backend.set_transaction(Some(transaction.id()));
            self.blocks.transaction = Some(transaction);
            if self.blocks.state == State::Idle {
                self.blocks.state = State::Implicit;
            }
        }
        self.blocks
            .transaction
            .as_mut()
            .ok_or_else(|| Error::internal("no transaction"))
    }

    pub(super) fn wait_limits(&self) -> WaitLimits {
        WaitLimits {
            lock_timeout: self.settings.lock_timeout,
            deadlock_timeout: self.settings.deadlock_timeout,
            cancel: self.cancel.clone(),
            also: Some(self.backend.owner()),
        }
    }

    /// 25006 in a read-only transaction. `what`: the command's tag.
    pub(crate) fn check_writable(&self, what: &str) -> Result<()> {
        // A statement alone is a transaction that begins as the default says.
        let by_default = self.blocks.is_idle() && self.settings.default_read_only;
        if self.settings.read_only || by_default {
            return Err(Error::new(
                state::READ_ONLY_SQL_TRANSACTION,
                format!("cannot execute {what} in a read-only transaction"),
            ));
        }
        Ok(())
    }

    /// 25001 within a block: VACUUM and its like commit on their own.
    pub(crate) fn check_outside_block(&self, what: &str) -> Result<()> {
        if self.blocks.state == State::Idle {
            return Ok(());
        }
        Err(Error::new(
            state::ACTIVE_SQL_TRANSACTION,
            format!("{what} cannot run inside a transaction block"),
        ))
    }

    pub(crate) fn check_inside_block(&self, what: &str) -> Result<()> {
        if self.blocks.state == State::Open {
            return Ok(());
        }
        Err(no_block(what))
    }

    /// Remembers the settings before the transaction's first change of any.
    pub(super) fn save_settings(&mut self) {
        if self.blocks.saved.is_none() {
            self.blocks.saved = Some((self.settings.clone(), self.kept.clone()));
        }
    }

    /// Follows a change of settings: formats, and limits for waits of a transaction under way.
    pub(super) fn renew_limits(&mut self) {
        self.moment.format = self.settings.format.clone();
        let limits = self.wait_limits();
        if let Some(transaction) = &mut self.blocks.transaction {
            transaction.set_limits(limits);
            transaction.set_creator(self.settings.identity().1);
        }
    }

    pub(super) async fn end_implicit(&mut self) -> Result<()> {
        match self.blocks.state {
            State::Idle | State::Implicit => self.commit_now().await,
            State::Open | State::Failed => Ok(()),
        }
    }

    pub(super) fn break_block(&mut self) {
        match self.blocks.state {
            State::Idle | State::Implicit => self.roll_back_now(),
            State::Failed => {}
            State::Open => {
                self.blocks.state = State::Failed;
                match (self.blocks.savepoints.last(), &mut self.blocks.transaction) {
                    (Some(last), Some(transaction)) => {
                        // Locks taken since the savepoint are free for others at once.
                        let _ = transaction.rollback_to(&last.name);
                        (self.settings, self.kept) = last.settings.clone();
                        let (outbox, advisory) = (last.outbox, last.advisory);
                        self.roll_back_backend(outbox, advisory);
                        let before = self.blocks.depth().saturating_sub(1);
                        self.roll_back_cursors(before);
                    }
                    _ => {
                        self.end_cursors(false);
                        self.blocks.transaction = None;
                        self.restore_settings();
                        self.end_backend();
                    }
                }
            }
        }
    }

    pub(super) fn keep_settings(&mut self) {
        if self.blocks.saved.take().is_some() {
            self.settings = self.kept.clone();
            self.moment.format = self.settings.format.clone();
        }
    }

    pub(super) fn restore_settings(&mut self) {
        if let Some((settings, kept)) = self.blocks.saved.take() {
            self.settings = settings;
            self.kept = kept;
            self.moment.format = self.settings.format.clone();
        }
    }

    /// Undoes what the session did beside its transaction since a savepoint.
    fn roll_back_backend(&mut self, outbox: OutboxMark, advisory: usize) {
        self.backend.outbox.lock().roll_back_to(outbox);
        self.backend.advisory.release_since(&self.backend, advisory);
    }

    /// The transaction is over: what it would still have notified of is forgotten.
    pub(super) fn end_backend(&mut self) {
        if self.backend.is_stirred() {
            *self.backend.outbox.lock() = Default::default();
            self.backend.exported.lock().clear();
            self.backend.advisory.release_since(&self.backend, 0);
            self.backend.calm();
        }
        self.backend.set_transaction(None);
    }

    /// What COMMIT does while the transaction is still there.
    pub(super) async fn before_commit(&mut self) -> Result<()> {
        self.hold_cursors().await?;
        match &mut self.blocks.transaction {
            Some(transaction) if !self.temporary.is_empty() => {
                temporary::commit(transaction, &mut self.temporary).await
            }
            _ => Ok(()),
        }
    }

    async fn commit_now(&mut self) -> Result<()> {
        // Constraints that waited for this moment; when one fails, all is undone.
        if self.has_deferred() {
            self.settle_deferred().await?;
        }
        if let Err(error) = self.before_commit().await {
            self.roll_back_now();
            return Err(error);
        }
        self.blocks.savepoints.clear();
        self.blocks.state = State::Idle;
        let mut transaction = self.blocks.transaction.take();
        if self.facts.sequences.has_touched() {
            let db = self.engine.db();
            let transaction = transaction.get_or_insert_with(|| db.begin(Isolation::ReadCommitted));
            for storage in self.facts.sequences.take_touched() {
                transaction.note_sequence(storage);
            }
        }
        self.facts.sequences.set_own_catalog(None);
        let backend = self.backend.clone();
        let outbox = match backend.is_stirred() {
            true => std::mem::take(&mut *backend.outbox.lock()),
            false => Default::default(),
        };
        let hub = &backend.all().hub;
        // Held until the notifications are passed on: they keep the commits' order.
        let order = match outbox.notifies() {
            true => Some(hub.order.lock().await),
            false => None,
        };
        let committed = match transaction {
            Some(transaction) => transaction.commit().await,
            None => Ok(()),
        };
        if committed.is_ok() && !outbox.is_empty() {
            hub.deliver(&backend, outbox);
        }
        drop(order);
        self.end_backend();
        self.end_cursors(committed.is_ok());
        self.note_ended(committed.is_ok());
        match committed {
            Ok(()) => {
                self.keep_settings();
                Ok(())
            }
            Err(error) => {
                self.restore_settings();
                Err(error)
            }
        }
    }

    pub(super) fn roll_back_now(&mut self) {
        self.note_ended(false);
        self.end_cursors(false);
        self.blocks.savepoints.clear();
        self.blocks.state = State::Idle;
        self.blocks.transaction = None;
        self.facts.sequences.set_own_catalog(None);
        self.restore_settings();
        self.end_backend();
    }

    /// Opens a block in the modes of `modes`, otherwise the session's defaults.
    fn open(&mut self, modes: Modes) -> Result<()> {
        self.blocks.state = State::Open;
        self.blocks.opened = Some(Instant::now());
        let settings = &self.settings;
        let isolation = modes.isolation.unwrap_or(settings.default_isolation);
        let read_only = modes.read_only.unwrap_or(settings.default_read_only);
        self.enter_modes(isolation, read_only)
    }

    fn enter_modes(&mut self, isolation: IsolationLevel, read_only: bool) -> Result<()> {
        if isolation == IsolationLevel::Serializable
            && self.settings.isolation != IsolationLevel::Serializable
        {
            self.notice(Error::new(
                state::SUCCESSFUL_COMPLETION,
                "SERIALIZABLE is treated as REPEATABLE READ",
            ));
        }
        if isolation != self.settings.isolation || read_only != self.settings.read_only {
            self.save_settings();
            let mut settings = (*self.settings).clone();
            settings.set("transaction_isolation", isolation.name())?;
            settings.set(
                "transaction_read_only",
                if read_only { "on" } else { "off" },
            )?;
            self.settings = Arc::new(settings);
        }
        Ok(())
    }

    /// SET TRANSACTION, or SET transaction_isolation and its like.
    pub(super) fn change_modes(&mut self, modes: Modes) -> Result<()> {
        let isolation = modes.isolation.unwrap_or(self.settings.isolation);
        let read_only = modes.read_only.unwrap_or(self.settings.read_only);
        if self.blocks.transaction.is_some() {
            if isolation != self.settings.isolation {
                return Err(Error::new(
                    state::ACTIVE_SQL_TRANSACTION,
                    "SET TRANSACTION ISOLATION LEVEL must be called before any query",
                ));
            }
            if self.settings.read_only && !read_only {
                return Err(Error::new(
                    state::ACTIVE_SQL_TRANSACTION,
                    "transaction read-write mode must be set before any query",
                ));
            }
        }
        self.enter_modes(isolation, read_only)
    }

    /// BEGIN, COMMIT and their family. `None`: the utility is none of them.
    pub(super) async fn run_transaction_control(
        &mut self,
        utility: &Utility,
    ) -> Result<Option<Outcome>> {
        if let Utility::Begin { .. }
        | Utility::Commit { .. }
        | Utility::Rollback { .. }
        | Utility::PrepareTransaction = utility
        {
            self.check_own_transaction()?;
        }
        let tag = match utility {
            Utility::Begin { modes, start } => {
                self.begin(*modes)?;
                if *start { "START TRANSACTION" } else { "BEGIN" }
            }
            Utility::Commit { chain } => self.commit(*chain).await?,
            Utility::Rollback { chain } => self.roll_back(*chain)?,
            Utility::PrepareTransaction => {
                if self.blocks.state == State::Open {
                    // As PostgreSQL: the block is over, too.
                    self.roll_back_now();
                    return Err(Error::new(
                        state::OBJECT_NOT_IN_PREREQUISITE_STATE,
                        "prepared transactions are disabled",
                    )
                    .with_hint("Set max_prepared_transactions to a nonzero value."));
                }
                self.roll_back(false)?
            }
            Utility::FinishPrepared { name, what } => {
                self.check_outside_block(what)?;
                return Err(Error::new(
                    state::UNDEFINED_OBJECT,
                    format!("prepared transaction with identifier \"{name}\" does not exist"),
                ));
            }
            Utility::Savepoint(name) => {
                self.check_inside_block("SAVEPOINT")?;
                self.transaction()?.savepoint(name);
                let savepoint = Savepoint {
                    name: name.clone(),
                    settings: (self.settings.clone(), self.kept.clone()),
                    outbox: self.backend.outbox.lock().mark(),
                    advisory: self.backend.advisory.mark(),
                };
                self.blocks.savepoints.push(savepoint);
                "SAVEPOINT"
            }
            Utility::Release(name) => {
                self.check_inside_block("RELEASE SAVEPOINT")?;
                self.transaction()?.release(name)?;
                self.blocks.forget_savepoint(name, false);
                self.lift_cursors(self.blocks.depth());
                "RELEASE"
            }
            Utility::RollbackTo(name) => {
                self.roll_back_to(name)?;
                "ROLLBACK"
            }
            Utility::SetTransaction(modes) => {
                if self.blocks.state == State::Idle {
                    self.notice(no_block("SET TRANSACTION"));
                } else {
                    self.change_modes(*modes)?;
                }
                "SET"
            }
            Utility::SetSnapshot(name) => {
                self.import_snapshot(name)?;
                "SET"
            }
            Utility::SetCharacteristics(modes) => {
                if let Some(isolation) = modes.isolation {
                    self.set("default_transaction_isolation", isolation.name(), false)?;
                }
                if let Some(read_only) = modes.read_only {
                    let value = if read_only { "on" } else { "off" };
                    self.set("default_transaction_read_only", value, false)?;
                }
                "SET"
            }
            _ => return Ok(None),
        };
        Ok(Some(Outcome::Done(Tag::Other(tag))))
    }

    fn begin(&mut self, modes: Modes) -> Result<()> {
        match self.blocks.state {
            State::Idle => self.open(modes),
            State::Implicit => {
                // What the message did so far becomes part of the block.
                self.blocks.state = State::Open;
                self.blocks.opened = Some(Instant::now());
                self.change_modes(modes)
            }
            State::Open | State::Failed => {
                self.notice(Error::new(
                    state::ACTIVE_SQL_TRANSACTION,
                    "there is already a transaction in progress",
                ));
                Ok(())
            }
        }
    }

    /// The modes for the block after one that ends AND CHAIN.
    fn chained(&self, chain: bool, what: &str) -> Result<Option<Modes>> {
        if !chain {
            return Ok(None);
        }
        if matches!(self.blocks.state, State::Idle | State::Implicit) {
            return Err(no_block(what));
        }
        Ok(Some(Modes {
            isolation: Some(self.settings.isolation),
            read_only: Some(self.settings.read_only),
        }))
    }

    async fn commit(&mut self, chain: bool) -> Result<&'static str> {
        let chained = self.chained(chain, "COMMIT AND CHAIN")?;
        let tag = match self.blocks.state {
            State::Idle | State::Implicit => {
                self.notice(Error::new(
                    state::NO_ACTIVE_SQL_TRANSACTION,
                    "there is no transaction in progress",
                ));
                self.commit_now().await?;
                "COMMIT"
            }
            State::Open => {
                self.commit_now().await?;
                "COMMIT"
            }
            State::Failed => {
                self.roll_back_now();
                "ROLLBACK"
            }
        };
        if let Some(modes) = chained {
            self.open(modes)?;
        }
        Ok(tag)
    }

    fn roll_back(&mut self, chain: bool) -> Result<&'static str> {
        let chained = self.chained(chain, "ROLLBACK AND CHAIN")?;
        if matches!(self.blocks.state, State::Idle | State::Implicit) {
            self.notice(Error::new(
                state::NO_ACTIVE_SQL_TRANSACTION,
                "there is no transaction in progress",
            ));
        }
        self.roll_back_now();
        if let Some(modes) = chained {
            self.open(modes)?;
        }
        Ok("ROLLBACK")
    }

    fn roll_back_to(&mut self, name: &str) -> Result<()> {
        if matches!(self.blocks.state, State::Idle | State::Implicit) {
            return Err(no_block("ROLLBACK TO SAVEPOINT"));
        }
        let unknown = || {
            Error::new(
                state::INVALID_SAVEPOINT_SPECIFICATION,
                format!("savepoint \"{name}\" does not exist"),
            )
        };
        // A failed block without savepoints has no transaction any more.
        let transaction = self.blocks.transaction.as_mut().ok_or_else(unknown)?;
        transaction.rollback_to(name)?;
        self.blocks.forget_savepoint(name, true);
        if let Some(last) = self.blocks.savepoints.last() {
            (self.settings, self.kept) = last.settings.clone();
            let (outbox, advisory) = (last.outbox, last.advisory);
            self.roll_back_backend(outbox, advisory);
        }
        let before = self.blocks.depth().saturating_sub(1);
        self.roll_back_cursors(before);
        self.blocks.state = State::Open;
        Ok(())
    }
}

impl Blocks {
    /// Drops the newest savepoint of that name and all later ones; `keep`: not itself.
    fn forget_savepoint(&mut self, name: &str, keep: bool) {
        let known = |one: &Savepoint| one.name == name;
        if let Some(place) = self.savepoints.iter().rposition(known) {
            self.savepoints.truncate(place + usize::from(keep));
        }
    }
}
