//! What foreign keys make of a statement's writes once it has made them all:
//! every row that refers must find the row it refers to, and rows that referred
//! to one that is gone are refused, deleted or changed with it.
//!
//! The transaction notes what happened (`orbit_core::txn::Event`); here each note
//! is answered, oldest first. What an action writes adds notes of its own at the
//! end of the queue, so a cascade of any depth takes no stack.

use super::Session;
use crate::access::{Rights, discretion};
use crate::expr::{Env, StoredRow};
use crate::write::TableWriter;
use ahash::AHashSet;
use orbit_core::catalog::{ForeignKey, ReferentialAction, Table};
use orbit_core::error::{Shown, ShownValues};
use orbit_core::store::{Direction, KeyRange};
use orbit_core::txn::{Constraint, Happened, RowLock, TableLock, Wait, duplicate};
use orbit_core::types::Oid;
use orbit_core::value::text::FormatSettings;
use orbit_core::value::{Value, text};
use orbit_core::{Error, Result, state};
use std::pin::Pin;
use std::sync::Arc;

/// Writers of the tables that actions have changed, by definition.
type Writers = Vec<(Arc<Table>, Arc<TableWriter>)>;

/// Rows changed between two breaths for other tasks.
const BREATH_EVENTS: u64 = 256;
/// Beyond so many referenced rows of one load the referenced table is locked as a whole.
const MAX_LOADED_LOCKS: usize = 10_000;

/// The columns that an action names, or else the key's.
fn own_or_all<'k>(named: &'k [usize], key: &'k ForeignKey) -> &'k [usize] {
    match named {
        [] => &key.columns,
        named => named,
    }
}

impl Session {
    /// The end of a statement: everything that isn't deferred is looked at.
    #[inline]
    pub(crate) async fn settle_references(&mut self) -> Result<()> {
        if !self.has_reference_events() {
            return Ok(());
        }
        let settling: Pin<Box<dyn Future<Output = Result<()>> + Send + '_>> =
            Box::pin(self.settle_events());
        settling.await
    }

    /// Whether something waits for COMMIT.
    #[inline]
    pub(super) fn has_deferred(&mut self) -> bool {
        let transaction = self.blocks.transaction();
        transaction.is_some_and(|transaction| transaction.has_deferred())
    }

    /// COMMIT, before anything else of it: what was deferred is due, and when it
    /// doesn't hold all is undone.
    pub(super) fn settle_deferred(
        &mut self,
    ) -> Pin<Box<dyn Future<Output = Result<()>> + Send + '_>> {
        Box::pin(async move {
            self.transaction()?.end_deferral();
            let settled = self.settle_references().await;
            if let Err(error) = &settled {
                self.wait_for_cause(error).await;
                self.roll_back_now();
            }
            settled
        })
    }

    fn has_reference_events(&mut self) -> bool {
        let transaction = self.blocks.transaction();
        transaction.is_some_and(|transaction| transaction.has_events())
    }

    async fn settle_events(&mut self) -> Result<()> {
        let cancel = self.cancel_token();
        let mut writers = Writers::new();
        let mut count = 0u64;
        while let Some((event, table, of)) = self.transaction()?.next_event()? {
            count += 1;
            if count.is_multiple_of(BREATH_EVENTS) {
                cancel.check()?;
                tokio::task::yield_now().await;
            }
            let key = match (of, &event.what) {
                (Constraint::ForeignKey(key), _) => key,
                (Constraint::Unique(index), Happened::Entered(columns)) => {
                    let shared = self.transaction()?.shared_key(&table, &index, columns)?;
                    if let Some(row) = shared {
                        let columns: Vec<usize> =
                            index.columns.iter().map(|part| part.column).collect();
                        return Err(duplicate(&table, &index.name, &columns, &row));
                    }
                    continue;
                }
                (Constraint::Unique(_), _) => continue,
            };
            match event.what {
                Happened::Entered(_) => {}
                Happened::Refers(pk) => {
                    let found = self.transaction()?.look(&table, &key, &pk).await?;
                    if let Some(row) = found {
                        return Err(self.absent(&table, &key, &row)?);
                    }
                }
                Happened::Released { old, new } => {
                    self.released(&table, &key, &old, new.as_deref(), &mut writers)
                        .await?;
                }
            }
        }
        Ok(())
    }

    /// A referenced row is gone, or has another key.
    async fn released(
        &mut self,
        table: &Arc<Table>,
        key: &ForeignKey,
        old: &[Value],
        new: Option<&[Value]>,
        writers: &mut Writers,
    ) -> Result<()> {
        let changes = match key.action(new.is_some()) {
            ReferentialAction::NoAction => return self.refuse(key, old, true).await,
            ReferentialAction::Restrict => return self.refuse(key, old, false).await,
            ReferentialAction::Cascade => {
                new.map(|new| key.columns.iter().copied().zip(new.to_vec()).collect())
            }
            ReferentialAction::SetNull(columns) => {
                let columns = own_or_all(columns, key).iter();
                Some(columns.map(|column| (*column, Value::Null)).collect())
            }
            ReferentialAction::SetDefault(columns) => {
                let writer = self.reference_writer(table, writers)?;
                let moment = self.moment();
                let env = Env {
                    params: &[],
                    facts: &moment,
                };
                let columns = own_or_all(columns, key).iter();
                let defaults = columns.map(|column| {
                    let default = writer.default_value(*column, &env)?;
                    Ok((*column, default))
                });
                Some(defaults.collect::<Result<_>>()?)
            }
        };
        let followed = self.follow(table, key, old, changes, writers).await;
        followed.map_err(|error| self.told_to_owner(table, error))?;
        if let ReferentialAction::SetDefault(_) = key.action(new.is_some()) {
            // The defaults may be the very key that is gone.
            self.refuse(key, old, true).await?;
        }
        Ok(())
    }

    /// An action is in the name of its table's owner, who is told of its rows.
    fn told_to_owner(&mut self, table: &Table, error: Error) -> Error {
        if !error.is_showing() {
            return error;
        }
        let catalog = self.current_catalog();
        let rights = Rights::of(&catalog, table.owner, table.owner);
        discretion::told_of(error, &rights, &catalog, &[])
    }

    /// 23503 if a row still refers to the key. `mended`: another row that has the
    /// key by now will do.
    async fn refuse(&mut self, key: &ForeignKey, old: &[Value], mended: bool) -> Result<()> {
        let transaction = self.transaction()?;
        let catalog = transaction.current_catalog()?;
        let Some(referenced) = catalog.table_by_id(key.referenced).cloned() else {
            return Ok(());
        };
        if mended
            && transaction
                .find_referenced(&referenced, key, old)?
                .is_some()
        {
            return Ok(());
        }
        let Some(referring) = self.lock_referring_table(key, TableLock::RowShare).await? else {
            return Ok(());
        };
        let transaction = self.transaction()?;
        let mut from = None;
        loop {
            let (found, next) = transaction
                .referring_rows(&referring, key, old, from)
                .await?;
            for pk in found {
                let row = transaction
                    .lock_referring(&referring, key, old, &pk, RowLock::KeyShare, false)
                    .await?;
                if row.is_some() {
                    return Err(self.still_referenced(&referenced, &referring, key, old));
                }
            }
            match next {
                None => return Ok(()),
                next => from = next,
            }
        }
    }

    /// Deletes the rows that refer to `old`, or changes these columns of them.
    async fn follow(
        &mut self,
        table: &Arc<Table>,
        key: &ForeignKey,
        old: &[Value],
        changes: Option<Vec<(usize, Value)>>,
        writers: &mut Writers,
    ) -> Result<()> {
        let Some(table) = self
            .lock_referring_table_of(table, key, TableLock::RowExclusive)
            .await?
        else {
            return Ok(());
        };
        let cancel = self.cancel_token();
        let writer = match &changes {
            None => None,
            Some(_) => Some(self.reference_writer(&table, writers)?),
        };
        let moment = self.moment();
        let env = Env {
            params: &[],
            facts: &moment,
        };
        let transaction = self.transaction()?;
        let mut from = None;
        loop {
            let (found, next) = transaction.referring_rows(&table, key, old, from).await?;
            for pk in found {
                cancel.check()?;
                let mode = match &changes {
                    Some(changes) if !touches_key(&table, changes) => RowLock::NoKeyUpdate,
                    _ => RowLock::Update,
                };
                let locked = transaction
                    .lock_referring(&table, key, old, &pk, mode, true)
                    .await?;
                let Some(row) = locked else { continue };
                match (&changes, &writer) {
                    (Some(changes), Some(writer)) => {
                        let mut changes = changes.clone();
                        writer.change(&StoredRow::new(&row, &table)?, &mut changes, &env)?;
                        transaction.update_locked(&table, &pk, row, changes).await?;
                    }
                    _ => {
                        transaction.delete(&table, &pk).await?;
                    }
                }
            }
            match next {
                None => return Ok(()),
                next => from = next,
            }
        }
    }

    /// Rows that a sorted load has put into `table`, which no event tells of.
    pub(crate) fn check_loaded(
        &mut self,
        table: Arc<Table>,
    ) -> Pin<Box<dyn Future<Output = Result<()>> + Send + '_>> {
        Box::pin(async move {
            let catalog = self.transaction()?.catalog();
            let Some(table) = catalog.table_by_id(table.id).cloned() else {
                return Ok(());
            };
            for key in &table.foreign_keys {
                self.check_references(&table, key, true).await?;
            }
            Ok(())
        })
    }

    /// Looks whether every row of `table` finds the row it refers to. `lock`: and
    /// keeps it there, row by row or, for many, by a lock of the table.
    pub(crate) async fn check_references(
        &mut self,
        table: &Table,
        key: &ForeignKey,
        lock: bool,
    ) -> Result<()> {
        let cancel = self.cancel_token();
        let transaction = self.transaction()?;
        let catalog = transaction.catalog();
        let itself = key.referenced == table.id;
        let referenced = match catalog.table_by_id(key.referenced) {
            Some(referenced) => referenced.clone(),
            None => return Err(Error::internal("the referenced table is gone")),
        };
        let mut by_row = lock && !itself;
        if by_row {
            transaction
                .lock_table(referenced.id, TableLock::RowShare, Wait::Block)
                .await?;
        }
        let view = transaction.view();
        let mut scan = view.scan(table, KeyRange::default(), Direction::Forward)?;
        let mut known: AHashSet<Vec<u8>> = AHashSet::new();
        let mut count = 0u64;
        while let Some((pk, row)) = scan.next()? {
            count += 1;
            if count.is_multiple_of(4096) {
                cancel.check()?;
                tokio::task::yield_now().await;
            }
            let row = orbit_core::txn::decode(table, row)?;
            let values: Vec<Value> = key
                .columns
                .iter()
                .map(|column| row.get(*column).cloned().unwrap_or_default())
                .collect();
            let nulls = values.iter().filter(|value| value.is_null()).count();
            if nulls == values.len() || (nulls > 0 && !key.match_full) {
                continue;
            }
            let mut encoded = Vec::new();
            for value in &values {
                orbit_core::row::encode_value(&value.as_ref(), &mut encoded);
            }
            if known.contains(&encoded) {
                continue;
            }
            if by_row && known.len() >= MAX_LOADED_LOCKS {
                transaction
                    .lock_table(referenced.id, TableLock::Share, Wait::Block)
                    .await?;
                by_row = false;
            }
            let found = nulls == 0
                && if by_row {
                    transaction
                        .lock_referenced(&referenced, key, &values)
                        .await?
                } else {
                    transaction
                        .find_referenced(&referenced, key, &values)?
                        .is_some()
                };
            if !found && lock && transaction.is_deferred(key) {
                transaction.note_reference(key, table.id, pk);
                continue;
            }
            if !found {
                drop(scan);
                return Err(self.absent(table, key, &row)?);
            }
            if known.len() < MAX_LOADED_LOCKS {
                known.insert(encoded);
            }
        }
        Ok(())
    }

    fn reference_writer(
        &mut self,
        table: &Arc<Table>,
        writers: &mut Writers,
    ) -> Result<Arc<TableWriter>> {
        if let Some((_, known)) = writers.iter().find(|(of, _)| Arc::ptr_eq(of, table)) {
            return Ok(known.clone());
        }
        let writer = Arc::new(self.table_writer(table)?);
        writers.push((table.clone(), writer.clone()));
        Ok(writer)
    }

    async fn lock_referring_table(
        &mut self,
        key: &ForeignKey,
        mode: TableLock,
    ) -> Result<Option<Arc<Table>>> {
        let transaction = self.transaction()?;
        let catalog = transaction.current_catalog()?;
        let mut referring = catalog.referring(key.referenced);
        let Some(table) = referring.find(|table| has(table, key.oid)) else {
            return Ok(None);
        };
        let table = transaction.lock_table(table.id, mode, Wait::Block).await?;
        Ok(has(&table, key.oid).then_some(table))
    }

    async fn lock_referring_table_of(
        &mut self,
        table: &Arc<Table>,
        key: &ForeignKey,
        mode: TableLock,
    ) -> Result<Option<Arc<Table>>> {
        let transaction = self.transaction()?;
        let table = transaction.lock_table(table.id, mode, Wait::Block).await?;
        Ok(has(&table, key.oid).then_some(table))
    }

    /// 23503 for a row whose referenced row isn't there; `row`: its values.
    pub(crate) fn absent(
        &mut self,
        table: &Table,
        key: &ForeignKey,
        row: &[Value],
    ) -> Result<Error> {
        let catalog = self.transaction()?.current_catalog()?;
        let referenced = catalog.table_by_id(key.referenced);
        let name = referenced.map_or("", |table| table.name.as_str());
        Ok(absent(table, key, row, name, &self.settings().format))
    }

    fn still_referenced(
        &self,
        referenced: &Table,
        referring: &Table,
        key: &ForeignKey,
        old: &[Value],
    ) -> Error {
        Error::new(
            state::FOREIGN_KEY_VIOLATION,
            format!(
                "update or delete on table \"{}\" violates foreign key constraint \"{}\" on table \"{}\"",
                referenced.name, key.name, referring.name
            ),
        )
        .with_detail(format!(
            "Key {} is still referenced from table \"{}\".",
            shown(referenced, &key.referenced_columns, old, &self.settings().format),
            referring.name
        ))
        .showing(Shown {
            table: referenced.id,
            values: ShownValues::Key {
                columns: key.referenced_columns.clone(),
                otherwise: Some(format!(
                    "Key is still referenced from table \"{}\".",
                    referring.name
                )),
            },
        })
        .of_schema(&referring.schema)
        .of_table(&referring.name)
        .of_constraint(&key.name)
    }
}

/// 23503 for a row whose referenced row isn't there.
pub(crate) fn absent(
    table: &Table,
    key: &ForeignKey,
    row: &[Value],
    referenced: &str,
    format: &FormatSettings,
) -> Error {
    let values: Vec<Value> = key
        .columns
        .iter()
        .map(|column| row.get(*column).cloned().unwrap_or_default())
        .collect();
    let mixed = values.iter().any(Value::is_null);
    let detail = if mixed {
        "MATCH FULL does not allow mixing of null and nonnull key values.".to_owned()
    } else {
        format!(
            "Key {} is not present in table \"{referenced}\".",
            shown(table, &key.columns, &values, format)
        )
    };
    let error = Error::new(
        state::FOREIGN_KEY_VIOLATION,
        format!(
            "insert or update on table \"{}\" violates foreign key constraint \"{}\"",
            table.name, key.name
        ),
    )
    .with_detail(detail)
    .of_schema(&table.schema)
    .of_table(&table.name)
    .of_constraint(&key.name);
    if mixed {
        return error;
    }
    error.showing(Shown {
        table: table.id,
        values: ShownValues::Key {
            columns: key.columns.clone(),
            otherwise: Some(format!("Key is not present in table \"{referenced}\".")),
        },
    })
}

fn has(table: &Table, key: Oid) -> bool {
    table.foreign_keys.iter().any(|known| known.oid == key)
}

/// Whether a key that others may refer to changes: decides the lock.
fn touches_key(table: &Table, changes: &[(usize, Value)]) -> bool {
    let changed = |column: usize| changes.iter().any(|(at, _)| *at == column);
    table
        .primary_key_columns()
        .iter()
        .any(|column| changed(*column))
        || table
            .indexes
            .iter()
            .filter(|index| index.unique && table.is_plain(index))
            .any(|index| index.columns.iter().any(|part| changed(part.column)))
}

/// `(a, b)=(1, x)`
fn shown(table: &Table, columns: &[usize], values: &[Value], format: &FormatSettings) -> String {
    let mut names = String::new();
    let mut out = Vec::new();
    for (place, (column, value)) in columns.iter().zip(values).enumerate() {
        if place > 0 {
            names.push_str(", ");
            out.extend_from_slice(b", ");
        }
        if let Some(column) = table.columns.get(*column) {
            names.push_str(&column.name);
            // Only a message is at stake.
            if text::format(&value.as_ref(), &column.sql_type, format, &mut out).is_err() {
                out.push(b'?');
            }
        }
    }
    format!("({names})=({})", String::from_utf8_lossy(&out))
}
