//! Running a prepared statement: the short way for lone point reads, timeouts,
//! locks and re-planning for the rest.

use super::arguments::Given;
use super::{Session, block};
use crate::access::audit;
use crate::expr::Facts;
use crate::rows::{Outcome, Rows, Tag};
use crate::statement::{Plan, Prepared, Utility};
use orbit_core::error::SqlState;
use orbit_core::read::ReadView;
use orbit_core::txn::{Isolation, TableLock, Wait};
use orbit_core::value::Value;
use orbit_core::{Error, Result, state};
use std::pin::Pin;
use std::sync::Arc;
use tokio::time::Instant;

/// How often a statement is planned again because what it names keeps changing.
const MAX_REPLANS: usize = 10;

impl Session {
    /// The way of a lone point read: no transaction, no lock, nothing allocated
    /// beyond the row. `None`: the statement is none, or must see a transaction.
    #[inline]
    pub(super) fn read_point(
        &mut self,
        statement: &Prepared,
        params: &[Value],
    ) -> Option<Result<Outcome>> {
        let Plan::Point(plan) = &statement.plan else {
            return None;
        };
        if !self.blocks.is_idle() || !plan.is_read() || self.must_wait(statement) {
            return None;
        }
        let view = self.engine.db().read();
        if !plan.is_current(view.catalog()) {
            return None;
        }
        if let Err(error) = self.check_access(statement, view.catalog()) {
            return Some(Err(error));
        }
        Some(
            plan.read(&view, params, &self.moment, &mut self.scratch)
                .map(Outcome::Rows),
        )
    }

    /// Whether a table of the statement is being altered or dropped, or about to be.
    fn must_wait(&self, statement: &Prepared) -> bool {
        let db = self.engine.db();
        statement
            .tables()
            .iter()
            .any(|table| db.excludes_readers(table.id))
    }

    /// Notes the time: what `now()` says, and `statement_timestamp()`.
    #[inline]
    pub(super) fn begin_moment(&mut self) {
        let now = self.engine.db().clock().wall_micros();
        self.moment.statement_micros = now;
        if self.blocks.is_idle() {
            self.moment.transaction_micros = now;
        }
        self.moment.format.now_micros = Some(self.moment.transaction_micros);
    }

    /// A copy of what expressions ask of their surroundings, for those that run elsewhere.
    pub(crate) fn moment(&self) -> Facts {
        self.moment.clone()
    }

    pub(crate) async fn run_with(
        &mut self,
        statement: &Arc<Prepared>,
        params: &[Value],
    ) -> Result<Outcome> {
        Box::pin(self.run(statement, params)).await
    }

    /// Runs a statement that another statement is made of.
    pub(crate) fn run_inner<'s>(
        &'s mut self,
        statement: &'s Arc<Prepared>,
    ) -> Pin<Box<dyn Future<Output = Result<Outcome>> + Send + 's>> {
        self.run_boxed(statement, &[])
    }

    /// A statement within a statement: of a type that ends there.
    pub(crate) fn run_boxed<'s>(
        &'s mut self,
        statement: &'s Arc<Prepared>,
        params: &'s [Value],
    ) -> Pin<Box<dyn Future<Output = Result<Outcome>> + Send + 's>> {
        self.is_fresh = false;
        Box::pin(self.run(statement, params))
    }

    /// Readies the off switch for the next thing that this session runs: cancel requests
    /// reach it from now on, and so do `statement_timeout` and `transaction_timeout`.
    pub(super) fn begin_work(&self) {
        self.cancel.reset();
        self.control.set_running(true);
        let timeout = self.settings.statement_timeout;
        let statement = timeout.map(|timeout| (Instant::now() + timeout, timed_out()));
        let transaction = self.transaction_deadline();
        let transaction = transaction.map(|end| (end, transaction_timed_out()));
        let first = statement
            .into_iter()
            .chain(transaction)
            .min_by_key(|(end, _)| *end);
        if let Some((end, reason)) = first {
            self.cancel.expire_at(end, reason);
        }
        let (settings, backend) = (&self.settings, &self.backend);
        backend.set_waits(settings.lock_timeout, settings.deadlock_timeout);
    }

    /// Before more rows of a portal are sent whose first ones were sent already.
    pub fn resume(&self) {
        self.begin_work();
    }

    /// Runs what may be cancelled by somebody or by the clock: nothing is dropped half
    /// way, least of all a commit.
    pub(super) async fn run_guarded(
        &mut self,
        statement: &Arc<Prepared>,
        params: &[Value],
    ) -> Result<Outcome> {
        if statement.ends_block() {
            self.cancel.lift_deadline();
        }
        let outcome = self.run(statement, params).await?;
        Ok(self.guarded(outcome))
    }

    /// When the block under way must be over, by transaction_timeout.
    pub fn transaction_deadline(&self) -> Option<Instant> {
        let timeout = self.settings.transaction_timeout?;
        Some(self.blocks.opened()? + timeout)
    }

    /// Rows still to come obey cancel requests and timeouts too.
    fn guarded(&self, outcome: Outcome) -> Outcome {
        match outcome {
            Outcome::Rows(rows) => Outcome::Rows(rows.guarded(&self.cancel)),
            Outcome::CopyOut(copy) => Outcome::CopyOut(copy.guarded(&self.cancel)),
            other => other,
        }
    }

    /// An error that tells of another's commit must not outrun that commit to disk.
    pub(crate) async fn wait_for_cause(&mut self, error: &Error) {
        if matches!(error.state().as_str().get(..2), Some("23" | "40"))
            && let Some(transaction) = self.blocks.transaction()
        {
            // If the disk failed, the committer has stopped the node already.
            let _ = transaction.wait_until_durable().await;
        }
    }

    pub(super) async fn run(
        &mut self,
        statement: &Arc<Prepared>,
        params: &[Value],
    ) -> Result<Outcome> {
        if let Plan::Empty = statement.plan {
            return Ok(Outcome::Empty);
        }
        if self.blocks.is_failed() && !statement.ends_block() {
            return Err(block::failed_block());
        }
        if params.len() != statement.params.len() {
            return Err(Error::new(
                state::PROTOCOL_VIOLATION,
                format!(
                    "bind message supplies {} parameters, but prepared statement \"\" requires {}",
                    params.len(),
                    statement.params.len()
                ),
            ));
        }
        match &statement.plan {
            Plan::Utility(utility) => {
                if let Some(outcome) = self.run_transaction_control(utility).await? {
                    return Ok(outcome);
                }
                // Boxed, so that the future of a point write stays small.
                if let Utility::Declare(_) = &**utility {
                    self.statement_text.clone_from(&statement.sql);
                    self.statement_params.clone_from(&statement.params);
                }
                let outer = self.utility.replace(statement.clone());
                let done = Box::pin(async {
                    let types = &statement.params;
                    let given = Given {
                        values: params,
                        types,
                    };
                    let outcome = self.run_utility(utility, given).await?;
                    audit::note(self, utility, &statement.sql).await?;
                    Ok(outcome)
                })
                .await;
                self.utility = outer;
                done
            }
            _ => self.run_row_statement(statement, params).await,
        }
    }

    async fn run_row_statement(
        &mut self,
        statement: &Arc<Prepared>,
        params: &[Value],
    ) -> Result<Outcome> {
        let writes = statement.writes();
        if let Some(tag) = writes {
            self.check_writable(tag)?;
        }
        if writes.is_none() && self.blocks.is_idle() && !self.must_wait(statement) {
            let view = self.engine.db().read();
            let current = self.current(statement, &view).await?;
            self.check_access(&current, view.catalog())?;
            return self.read(&current, view, params).await.map(Outcome::Rows);
        }
        self.transaction()?;
        let (statement, view) = self.lock_and_look(statement, writes.is_none()).await?;
        self.check_access(&statement, view.catalog())?;
        if writes.is_none() {
            let rows = self.read(&statement, view, params).await?;
            // The snapshot may hold what this transaction saw beyond the durable position.
            self.transaction()?.wait_until_durable().await?;
            return Ok(Outcome::Rows(rows));
        }
        let (tag, rows) = self.write_current(statement, view, params).await?;
        self.settle_references().await?;
        match rows {
            None => Ok(Outcome::Done(tag)),
            Some(rows) => {
                self.transaction()?.wait_until_durable().await?;
                Ok(Outcome::Rows(rows.tagged(tag)))
            }
        }
    }

    /// Writes; where the table was changed between planning and locking it, plans again.
    /// Nothing is written before the lock is held, so there is nothing to undo.
    async fn write_current(
        &mut self,
        mut statement: Arc<Prepared>,
        mut view: ReadView,
        params: &[Value],
    ) -> Result<(Tag, Option<Rows>)> {
        for _ in 0..MAX_REPLANS {
            match self.write(&statement, view, params).await {
                Err(error) if error.is(state::STALE_PLAN) => {
                    // The same moment would be planned for again.
                    if self.keeps_its_moment()? {
                        return Err(serialization_failure());
                    }
                    (statement, view) = self.lock_and_look(&statement, false).await?;
                    self.check_access(&statement, view.catalog())?;
                }
                Err(error) => return Err(self.told_of(error, statement.all_needs())),
                done => return done,
            }
        }
        Err(keeps_changing())
    }

    fn keeps_its_moment(&mut self) -> Result<bool> {
        let transaction = self.transaction()?;
        let own = transaction.own_catalog().is_some();
        Ok(!own && transaction.isolation() == Isolation::RepeatableRead)
    }

    /// The statement as it fits `view`: itself, or planned again.
    async fn current(
        &mut self,
        statement: &Arc<Prepared>,
        view: &ReadView,
    ) -> Result<Arc<Prepared>> {
        if statement.is_current(view.catalog()) {
            Ok(statement.clone())
        } else {
            Box::pin(self.replan(statement)).await
        }
    }

    /// Begins the statement; in an open block with its tables locked against DDL.
    async fn lock_and_look(
        &mut self,
        statement: &Arc<Prepared>,
        reads: bool,
    ) -> Result<(Arc<Prepared>, ReadView)> {
        let mut statement = statement.clone();
        for _ in 0..MAX_REPLANS {
            // A lone read takes no lock, but waits where another excludes readers.
            let locks = self.blocks.is_open() || self.must_wait(&statement);
            let transaction = self.transaction()?;
            if reads && locks {
                for table in statement.tables() {
                    transaction
                        .lock_table(table.id, TableLock::AccessShare, Wait::Block)
                        .await?;
                }
            }
            let view = transaction.begin_statement();
            if statement.is_current(view.catalog()) {
                return Ok((statement, view));
            }
            statement = Box::pin(self.replan(&statement)).await?;
        }
        Err(keeps_changing())
    }

    async fn read(
        &mut self,
        statement: &Arc<Prepared>,
        view: ReadView,
        params: &[Value],
    ) -> Result<Rows> {
        match &statement.plan {
            Plan::Point(plan) => plan.read(&view, params, &self.moment, &mut self.scratch),
            #[cfg(feature = "datafusion")]
            Plan::Planned(plan) => {
                let context = self.plan_context(view);
                Box::pin(self.engine.planner().query(&context, plan, params)).await
            }
            Plan::Empty | Plan::Utility(_) => Err(Error::internal("not a query")),
        }
    }

    async fn write(
        &mut self,
        statement: &Arc<Prepared>,
        view: ReadView,
        params: &[Value],
    ) -> Result<(Tag, Option<Rows>)> {
        match &statement.plan {
            Plan::Point(plan) => {
                drop(view);
                let moment = self.moment();
                plan.write(self.transaction()?, params, &moment).await
            }
            #[cfg(feature = "datafusion")]
            Plan::Planned(plan) => {
                let context = self.plan_context(view);
                let engine = self.engine.clone();
                let transaction = self.transaction()?;
                Box::pin(engine.planner().write(&context, transaction, plan, params)).await
            }
            Plan::Empty | Plan::Utility(_) => Err(Error::internal("not a write")),
        }
    }
}

fn serialization_failure() -> Error {
    Error::new(
        state::SERIALIZATION_FAILURE,
        "could not serialize access due to concurrent update",
    )
    .with_hint("Run the transaction again.")
}

fn keeps_changing() -> Error {
    Error::new(
        state::OBJECT_IN_USE,
        "the tables of this statement keep changing",
    )
}

pub fn transaction_timed_out() -> Error {
    Error::new(
        SqlState(*b"25P04"),
        "terminating connection due to transaction timeout",
    )
}

pub(super) fn timed_out() -> Error {
    Error::new(
        state::QUERY_CANCELED,
        "canceling statement due to statement timeout",
    )
}
