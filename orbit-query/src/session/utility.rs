//! Dispatch of statements that are no queries and no transaction control.

use super::Session;
use super::arguments::Given;
use crate::backend::notify::Listen;
use crate::rows::{ColumnDesc, Outcome, Rows, Tag};
use crate::statement::utility::{Dropped, Utility};
use crate::{access, copy, ddl, explain};
use orbit_core::txn::{TableLock, Wait};
use orbit_core::types::SqlType;
use orbit_core::value::Value;
use orbit_core::{Error, Result, state};
use sqlparser::ast::LockTableMode;
use std::sync::Arc;
use std::time::Duration;

impl Session {
    pub(super) async fn run_utility(
        &mut self,
        utility: &Utility,
        params: Given<'_>,
    ) -> Result<Outcome> {
        let outcome = self.dispatch(utility, params).await;
        self.sequences_changed();
        outcome
    }

    /// Values are asked for by the transaction's own definitions, if it has any.
    pub(crate) fn sequences_changed(&mut self) {
        let transaction = self.blocks.transaction();
        let own = transaction.and_then(|transaction| transaction.own_catalog().cloned());
        self.facts.sequences.set_own_catalog(own);
    }

    async fn dispatch(&mut self, utility: &Utility, params: Given<'_>) -> Result<Outcome> {
        if let Some(tag) = utility.writes() {
            self.check_writable(tag)?;
        }
        access::ddl::check(self, utility)?;
        #[cfg(feature = "datafusion")]
        let settled = Box::pin(ddl::moments::settled(self, utility)).await?;
        #[cfg(feature = "datafusion")]
        let utility = settled.as_deref().unwrap_or(utility);
        #[cfg(feature = "datafusion")]
        let settled = ddl::settled::constants(self, utility)?;
        #[cfg(feature = "datafusion")]
        let utility = settled.as_deref().unwrap_or(utility);
        #[cfg(not(feature = "datafusion"))]
        if let Utility::CreateTable(_) = utility
            && let Some(statement) = &self.utility
        {
            crate::statement::dates::refuse_ambiguous(&statement.sql)?;
        }
        let done = |tag| Ok(Outcome::Done(Tag::Other(tag)));
        match utility {
            Utility::Set { name, value, local } => self.run_set(name, value.as_deref(), *local),
            Utility::SetConfig { name, value, local } => {
                self.set(name, value, *local)?;
                let shown = self.settings.show(name)?.to_owned();
                let columns: Arc<[ColumnDesc]> =
                    Arc::new([ColumnDesc::new("set_config", SqlType::Text)]);
                Ok(Outcome::Rows(Rows::values(
                    columns,
                    vec![vec![Value::Text(shown)]],
                )))
            }
            Utility::Sleep(time) => self.sleep(*time).await,
            Utility::ExportSnapshot => self.export_snapshot(),
            Utility::Reset(name) => self.run_reset(name.as_deref()),
            Utility::Show(name) => self.run_show(name.as_deref()),
            Utility::Discard { all, tag } => self.run_discard(*all, tag).await,
            Utility::Prepare { name, types, sql } => self.run_prepare(name, types, sql).await,
            Utility::Execute { name, arguments } => self.run_execute(name, arguments).await,
            Utility::Deallocate(name) => self.run_deallocate(name.as_deref()),
            Utility::Explain(explain) => explain::run(self, explain, params).await,
            Utility::Copy(statement) => copy::run(self, statement).await,
            Utility::CreateTable(create) => ddl::create_table::run(self, create, &[], params).await,
            Utility::CreateIndex(create) => ddl::index::create(self, create).await,
            Utility::Drop {
                kind,
                names,
                if_exists,
                cascade,
            } => match kind {
                Dropped::Table => ddl::drop::tables(self, names, *if_exists, *cascade).await,
                Dropped::Index => ddl::drop::indexes(self, names, *if_exists, *cascade).await,
                Dropped::Schema => ddl::schema::drop(self, names, *if_exists, *cascade).await,
                Dropped::Sequence => ddl::sequence::drop(self, names, *if_exists, *cascade).await,
                Dropped::View => self.run_full(utility, params).await,
            },
            Utility::CreateSchema {
                name,
                if_not_exists,
            } => ddl::schema::create(self, name, *if_not_exists).await,
            Utility::CreateSequence {
                name,
                if_not_exists,
                temporary,
                options,
            } => ddl::sequence::create(self, name, *if_not_exists, *temporary, options).await,
            Utility::AlterSequence {
                name,
                if_exists,
                options,
            } => ddl::sequence::alter(self, name, *if_exists, options).await,
            Utility::Truncate {
                tables,
                restart_identity,
                cascade,
            } => ddl::truncate::run(self, tables, *restart_identity, *cascade).await,
            Utility::SetConstraints { names, deferred } => {
                ddl::deferral::run(self, names, *deferred).await
            }
            Utility::Reindex {
                kind,
                name,
                concurrently,
            } => {
                ddl::index::rebuilt(self, *kind, name.as_ref(), *concurrently)?;
                done("REINDEX")
            }
            Utility::Vacuum { tables, analyze } => {
                match access::ddl::maintained(self, tables, "vacuum")? {
                    Some(tables) if tables.is_empty() => done("VACUUM"),
                    tables => {
                        let tables = tables.unwrap_or_default();
                        ddl::vacuum::run(self, &tables, *analyze).await
                    }
                }
            }
            Utility::Analyze(tables) => {
                match access::ddl::maintained(self, tables, "analyze")? {
                    Some(tables) if tables.is_empty() => {}
                    tables => ddl::analyze::run(self, &tables.unwrap_or_default()).await?,
                }
                done("ANALYZE")
            }
            Utility::Lock {
                tables,
                mode,
                nowait,
            } => {
                self.check_inside_block("LOCK TABLE")?;
                let wait = if *nowait { Wait::NoWait } else { Wait::Block };
                for name in tables {
                    let settings = self.settings.clone();
                    let transaction = self.transaction()?;
                    let table = name.require(&transaction.catalog(), &settings)?.clone();
                    transaction
                        .lock_table(table.id, table_lock(mode), wait)
                        .await
                        .map_err(|error| lock_error(error, &table.name))?;
                }
                done("LOCK TABLE")
            }
            Utility::Backup => copy::CopyOut::of_store(self).map(Outcome::CopyOut),
            Utility::Listen(channel) => {
                self.backend.listen(Listen::To(channel.clone()));
                done("LISTEN")
            }
            Utility::Unlisten(channel) => {
                self.backend.listen(match channel {
                    Some(channel) => Listen::NoMore(channel.clone()),
                    None => Listen::ToNothing,
                });
                done("UNLISTEN")
            }
            Utility::Notify { channel, payload } => {
                self.backend.notify(channel, payload)?;
                done("NOTIFY")
            }
            Utility::CreateTableLike { .. }
            | Utility::Do(_)
            | Utility::Alter(_)
            | Utility::RenameSchema { .. }
            | Utility::Comment { .. }
            | Utility::CreateView(_)
            | Utility::Access(_)
            | Utility::Database(_)
            | Utility::Declare(_)
            | Utility::Fetch { .. }
            | Utility::CloseCursor(_)
            | Utility::Positioned { .. } => self.run_full(utility, params).await,
            Utility::Nothing(tag) => done(tag),
            Utility::Begin { .. }
            | Utility::Commit { .. }
            | Utility::Rollback { .. }
            | Utility::PrepareTransaction
            | Utility::FinishPrepared { .. }
            | Utility::Savepoint(_)
            | Utility::Release(_)
            | Utility::RollbackTo(_)
            | Utility::SetTransaction(_)
            | Utility::SetSnapshot(_)
            | Utility::SetCharacteristics(_) => Err(Error::internal("not a utility")),
        }
    }

    /// Ends early with a cancel request or the timeout, which cancels.
    async fn sleep(&self, time: Duration) -> Result<Outcome> {
        tokio::select! {
            biased;
            reason = self.cancel.cancelled() => return Err(reason),
            () = tokio::time::sleep(time) => {}
        }
        let columns: Arc<[ColumnDesc]> = Arc::new([ColumnDesc::new("pg_sleep", SqlType::Void)]);
        let row = vec![Value::Text(String::new())];
        Ok(Outcome::Rows(Rows::values(columns, vec![row])))
    }
}

fn table_lock(mode: &LockTableMode) -> TableLock {
    match mode {
        LockTableMode::AccessShare => TableLock::AccessShare,
        LockTableMode::RowShare => TableLock::RowShare,
        LockTableMode::RowExclusive => TableLock::RowExclusive,
        LockTableMode::ShareUpdateExclusive => TableLock::ShareUpdateExclusive,
        LockTableMode::Share => TableLock::Share,
        LockTableMode::ShareRowExclusive => TableLock::ShareRowExclusive,
        LockTableMode::Exclusive => TableLock::Exclusive,
        LockTableMode::AccessExclusive => TableLock::AccessExclusive,
    }
}

fn lock_error(error: Error, table: &str) -> Error {
    if error.is(state::LOCK_NOT_AVAILABLE) {
        return Error::new(
            state::LOCK_NOT_AVAILABLE,
            format!("could not obtain lock on relation \"{table}\""),
        );
    }
    error
}
