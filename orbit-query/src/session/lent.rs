//! Statements within somebody else's transaction: a turn of a virtual actor's, which is
//! committed with what the turn did besides.

use super::Session;
use super::block::{Savepoint, State, failed_block};
use orbit_core::txn::Transaction;
use orbit_core::{Error, Result, state};
use tokio::time::Instant;

/// Where the transaction stood when it was lent. No statement can name it.
const LENT: &str = "";

impl Session {
    /// Runs what follows within this transaction, until [`Session::hand_back`]. The session
    /// must be idle.
    pub fn borrow(&mut self, mut transaction: Transaction) {
        transaction.set_limits(self.wait_limits());
        transaction.set_creator(self.settings.identity().1);
        transaction.savepoint(LENT);
        self.backend.set_transaction(Some(transaction.id()));
        let savepoint = Savepoint {
            name: LENT.to_owned(),
            settings: (self.settings.clone(), self.kept.clone()),
            outbox: self.backend.outbox.lock().mark(),
            advisory: self.backend.advisory.mark(),
        };
        self.save_settings();
        self.blocks.transaction = Some(transaction);
        self.blocks.savepoints.push(savepoint);
        self.blocks.state = State::Open;
        self.blocks.opened = Some(Instant::now());
        self.blocks.lent = true;
    }

    /// Gives it back, with what the statements did in it; after an error as it was before.
    /// `None`: it is gone.
    pub async fn hand_back(&mut self) -> (Option<Transaction>, Result<()>) {
        let mut settled = self.settle_lent().await;
        let mut transaction = self.blocks.transaction.take();
        if let Some(transaction) = &mut transaction {
            if settled.is_err() {
                settled = settled.and(transaction.rollback_to(LENT));
            }
            settled = settled.and(transaction.release(LENT));
        }
        self.blocks.savepoints.clear();
        self.blocks.state = State::Idle;
        self.blocks.lent = false;
        self.facts.sequences.set_own_catalog(None);
        self.end_cursors(false);
        match settled {
            Ok(()) => self.keep_settings(),
            Err(_) => self.restore_settings(),
        }
        self.end_backend();
        (transaction, settled)
    }

    /// What a COMMIT does before it commits.
    async fn settle_lent(&mut self) -> Result<()> {
        if self.blocks.state == State::Failed {
            return Err(failed_block());
        }
        if self.backend.is_stirred() && self.backend.outbox.lock().notifies() {
            return Err(Error::unsupported("NOTIFY within a turn of an actor's")
                .with_hint("Send it when the turn is over."));
        }
        if self.has_deferred() {
            self.settle_deferred().await?;
        }
        self.before_commit().await?;
        let touched = match self.facts.sequences.has_touched() {
            true => self.facts.sequences.take_touched(),
            false => Default::default(),
        };
        let transaction = self.transaction()?;
        for storage in touched {
            transaction.note_sequence(storage);
        }
        Ok(())
    }

    /// 2D000: it isn't this session's to end.
    pub(super) fn check_own_transaction(&self) -> Result<()> {
        match self.blocks.lent {
            false => Ok(()),
            true => Err(Error::new(
                state::INVALID_TRANSACTION_TERMINATION,
                "a turn of an actor's is one transaction, from its beginning to its end",
            )
            .with_hint("It is committed when the turn succeeds, and undone when it fails.")),
        }
    }
}
