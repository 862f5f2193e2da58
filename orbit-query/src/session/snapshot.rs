//! A transaction's moment, passed on to others: `pg_export_snapshot()` and
//! `SET TRANSACTION SNAPSHOT`, by which the jobs of a pg_dump all read the same.

use super::Session;
use crate::rows::{ColumnDesc, Outcome, Rows};
use crate::settings::Settings;
use crate::statement::utility::IsolationLevel;
use orbit_core::txn::Moment;
use orbit_core::types::SqlType;
use orbit_core::value::Value;
use orbit_core::{Error, Result, state};
use std::sync::Arc;

/// Moments that one transaction may pass on; a pg_dump asks for one.
const MOST: usize = 64;

impl Session {
    pub(super) fn export_snapshot(&mut self) -> Result<Outcome> {
        if self.blocks.depth() > 0 {
            return Err(Error::new(
                state::ACTIVE_SQL_TRANSACTION,
                "cannot export a snapshot from a subtransaction",
            ));
        }
        let transaction = self.transaction()?;
        let (id, moment) = (transaction.id(), transaction.moment());
        let mut exported = self.backend.exported.lock();
        if exported.len() >= MOST {
            return Err(Error::new(
                state::PROGRAM_LIMIT_EXCEEDED,
                format!("a transaction exports at most {MOST} snapshots"),
            ));
        }
        let name = format!(
            "{:08X}-{:08X}-{}",
            self.backend.pid,
            id.0 & 0xffff_ffff,
            exported.len() + 1
        );
        exported.push((name.clone(), moment));
        drop(exported);
        // Withdrawn when the transaction ends.
        self.backend.stir();
        let columns: Arc<[ColumnDesc]> = Arc::new([column()]);
        Ok(Outcome::Rows(Rows::values(
            columns,
            vec![vec![Value::Text(name)]],
        )))
    }

    pub(super) fn import_snapshot(&mut self, name: &str) -> Result<()> {
        self.check_inside_block("SET TRANSACTION SNAPSHOT")?;
        if self.blocks.transaction().is_some() || self.blocks.depth() > 0 {
            return Err(Error::new(
                state::ACTIVE_SQL_TRANSACTION,
                "SET TRANSACTION SNAPSHOT must be called before any query",
            ));
        }
        if !keeps_its_moment(&self.settings) {
            return Err(Error::new(
                state::FEATURE_NOT_SUPPORTED,
                "a snapshot-importing transaction must have isolation level SERIALIZABLE or REPEATABLE READ",
            ));
        }
        let moment = self.exported(name).ok_or_else(|| {
            Error::new(
                state::INVALID_PARAMETER_VALUE,
                format!("invalid snapshot identifier: \"{name}\""),
            )
        })?;
        self.transaction()?.read_at(moment);
        Ok(())
    }

    /// As the session that exported it still holds it.
    fn exported(&self, name: &str) -> Option<Moment> {
        let (pid, _) = name.split_once('-')?;
        let pid = i32::from_str_radix(pid, 16).ok()?;
        let backend = self.backend.all().find(pid)?;
        let exported = backend.exported.lock();
        let (_, moment) = exported.iter().find(|(known, _)| known == name)?;
        Some(moment.clone())
    }
}

pub(super) fn column() -> ColumnDesc {
    ColumnDesc::new("pg_export_snapshot", SqlType::Text)
}

fn keeps_its_moment(settings: &Settings) -> bool {
    matches!(
        settings.isolation,
        IsolationLevel::RepeatableRead | IsolationLevel::Serializable
    )
}
