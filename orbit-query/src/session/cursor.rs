//! SQL cursors: DECLARE, FETCH, MOVE, CLOSE, WHERE CURRENT OF.
//!
//! A cursor runs its query from DECLARE on and passes its rows on as they are
//! asked for. It ends with its transaction, unless it was declared WITH HOLD:
//! then COMMIT reads the rest of its rows into a [`store`].

mod core;
mod shape;
mod store;

use self::core::{Core, FetchStream, Keep};
use super::Session;
use crate::backend::activity::CursorFacts;
use crate::rows::{ColumnDesc, Outcome, Rows, Tag};
use crate::statement::Prepared;
use crate::statement::names::Name;
use crate::statement::utility::{Declare, Direction, Utility};
use orbit_core::cancel::CancelToken;
use orbit_core::error::SqlState;
use orbit_core::ids::TableId;
use orbit_core::types::SqlType;
use orbit_core::value::Value;
use orbit_core::{Error, Result, state};
use parking_lot::Mutex;
use std::collections::BTreeMap;
use std::sync::Arc;
use store::Room;

const INVALID_CURSOR_STATE: SqlState = SqlState(*b"24000");
/// Each holds a snapshot.
const MAX_CURSORS: usize = 1000;

#[derive(Default)]
pub(super) struct Cursors {
    open: BTreeMap<String, Cursor>,
}

struct Cursor {
    core: Arc<Mutex<Core>>,
    columns: Arc<[ColumnDesc]>,
    binary: bool,
    hold: bool,
    /// How many savepoints there were when it was declared; `None` once its
    /// transaction has committed.
    depth: Option<usize>,
    locks_rows: bool,
    /// Whose rows it shows, one for one, and the columns of their keys.
    table: Option<(TableId, String, Vec<String>)>,
    facts: CursorFacts,
}

impl Cursors {
    pub fn is_empty(&self) -> bool {
        self.open.is_empty()
    }
}

pub(super) fn unknown(name: &str) -> Error {
    Error::new(
        state::INVALID_CURSOR_NAME,
        format!("cursor \"{name}\" does not exist"),
    )
}

/// What a Bind message put together: a query that hasn't run yet.
pub(super) struct Bound {
    statement: Arc<Prepared>,
    params: Vec<Value>,
}

impl Bound {
    pub(super) fn new(statement: &Arc<Prepared>, params: &[Value]) -> Bound {
        Bound {
            statement: statement.clone(),
            params: params.to_vec(),
        }
    }
}

impl Session {
    pub(super) async fn run_declare(
        &mut self,
        declare: &Declare,
        params: &[Value],
    ) -> Result<Outcome> {
        if !declare.hold && !self.blocks.is_open() && !self.in_script {
            return Err(Error::new(
                state::NO_ACTIVE_SQL_TRANSACTION,
                "DECLARE CURSOR can only be used in transaction blocks",
            ));
        }
        if declare.name.is_empty() {
            return Err(Error::new(
                state::INVALID_CURSOR_NAME,
                "invalid cursor name: must not be empty",
            ));
        }
        if self.cursors.open.contains_key(&declare.name)
            || self.protocol_portals.contains_key(&declare.name)
        {
            return Err(Error::new(
                state::DUPLICATE_CURSOR,
                format!("cursor \"{}\" already exists", declare.name),
            ));
        }
        self.check_room()?;
        let declared: Vec<_> = self.statement_params.iter().cloned().map(Some).collect();
        let keyed = self.keyed(declare, &declared).await;
        let (statement, table) = match keyed {
            Some((statement, table)) => (statement, Some(table)),
            None => (
                Box::pin(self.prepare_text(&declare.sql, &declared)).await?,
                None,
            ),
        };
        let rows = self.open_query(&statement, params).await?;
        let columns = rows.columns.clone();
        let types: Arc<[SqlType]> = columns.iter().map(|one| one.sql_type.clone()).collect();
        let hidden = table.as_ref().map_or(0, |(_, _, keys)| keys.len());
        let shown = columns.len().saturating_sub(hidden);
        let locks_rows = statement.writes().is_some();
        let keep = match declare.scroll {
            Some(true) => Keep::All,
            Some(false) => Keep::Nothing,
            None if locks_rows => Keep::Nothing,
            None => match declare.query.as_deref().is_some_and(shape::goes_back) {
                true => Keep::Little,
                false => Keep::Nothing,
            },
        };
        let room = self.room();
        let facts = CursorFacts {
            name: declare.name.clone(),
            statement: self.statement_text.clone(),
            hold: declare.hold,
            binary: declare.binary,
            scroll: keep != Keep::Nothing,
            created_micros: self.moment.statement_micros,
        };
        let cursor = Cursor {
            core: Arc::new(Mutex::new(Core::new(rows, types, shown, keep, room))),
            columns: columns.iter().take(shown).cloned().collect(),
            binary: declare.binary,
            hold: declare.hold,
            depth: Some(self.blocks.depth()),
            locks_rows,
            table,
            facts,
        };
        self.cursors.open.insert(declare.name.clone(), cursor);
        self.show_cursors();
        // Outside of a block nothing else tells that a transaction is to end.
        self.backend.stir();
        Ok(Outcome::Done(Tag::Other("DECLARE CURSOR")))
    }

    fn check_room(&self) -> Result<()> {
        if self.cursors.open.len() < MAX_CURSORS {
            return Ok(());
        }
        Err(
            Error::new(state::CONFIGURATION_LIMIT_EXCEEDED, "too many open cursors")
                .with_detail(format!("A session may hold {MAX_CURSORS} of them.")),
        )
    }

    fn room(&self) -> Room {
        let options = self.engine.options();
        Room {
            directory: options.spill_directory.clone(),
            limit_bytes: options.spill_limit_bytes,
        }
    }

    /// Runs the query of a portal that a Bind message opened, for an Execute message:
    /// its rows come from the cursor of its name. False: nothing of the kind waits.
    pub async fn open_portal(&mut self, name: &str) -> Result<bool> {
        let Some(bound) = self.waiting(name) else {
            return Ok(false);
        };
        self.note_start(&bound.statement);
        self.begin_work();
        let opened = self.open_bound(name, bound).await;
        self.settle(opened.map(|()| true))
    }

    fn waiting(&mut self, name: &str) -> Option<Bound> {
        self.protocol_portals.get_mut(name).and_then(Option::take)
    }

    async fn open_bound(&mut self, name: &str, bound: Bound) -> Result<()> {
        self.check_room()?;
        let Bound { statement, params } = bound;
        let rows = self.open_query(&statement, &params).await?;
        let columns = rows.columns.clone();
        let types: Arc<[SqlType]> = columns.iter().map(|one| one.sql_type.clone()).collect();
        let facts = CursorFacts {
            name: name.to_owned(),
            statement: statement.sql.clone(),
            hold: false,
            binary: false,
            scroll: false,
            created_micros: self.moment.statement_micros,
        };
        let core = Core::new(rows, types, columns.len(), Keep::Nothing, self.room());
        let cursor = Cursor {
            core: Arc::new(Mutex::new(core)),
            columns,
            binary: false,
            hold: false,
            depth: Some(self.blocks.depth()),
            locks_rows: false,
            table: None,
            facts,
        };
        self.cursors.open.insert(name.to_owned(), cursor);
        self.show_cursors();
        Ok(())
    }

    /// Starts a query whose rows outlive this statement: a cancel request for
    /// a later one must not end it.
    async fn open_query(&mut self, statement: &Arc<Prepared>, params: &[Value]) -> Result<Rows> {
        let token = std::mem::replace(&mut self.cancel, CancelToken::new());
        let opened = {
            let opening = Box::pin(self.run(statement, params));
            tokio::select! {
                biased;
                reason = token.cancelled() => Err(reason),
                opened = opening => opened,
            }
        };
        self.cancel = token;
        match opened? {
            Outcome::Rows(rows) => Ok(rows),
            _ => Err(Error::new(
                state::SYNTAX_ERROR,
                "a cursor needs a query that returns rows",
            )),
        }
    }

    /// The query with the key of each row behind its columns, where its rows
    /// are a table's, one for one.
    async fn keyed(
        &mut self,
        declare: &Declare,
        declared: &[Option<SqlType>],
    ) -> Option<(Arc<Prepared>, (TableId, String, Vec<String>))> {
        let (name, alias) = shape::single_table(declare.query.as_deref()?)?;
        let from = declare.from?;
        let view = self.planning_view();
        let table = name.find(view.catalog(), &self.settings)?.clone();
        let keys: Vec<String> = table
            .primary_key_columns()
            .iter()
            .filter_map(|place| table.columns.get(*place))
            .map(|column| column.name.clone())
            .collect();
        if keys.is_empty() {
            return None;
        }
        let (items, rest) = declare.sql.split_at_checked(from)?;
        let shown = alias.unwrap_or_else(|| table.name.clone());
        let mut sql = items.to_owned();
        for (place, key) in keys.iter().enumerate() {
            let column = format!(", {}.{} AS \"?key{place}?\"", quoted(&shown), quoted(key));
            sql.push_str(&column);
        }
        sql.push(' ');
        sql.push_str(rest);
        // What can't be told a row's key, such as an aggregate, runs as it is.
        let statement = Box::pin(self.prepare_text(&sql, declared)).await.ok()?;
        Some((statement, (table.id, table.name.clone(), keys)))
    }

    pub(super) async fn run_fetch(
        &mut self,
        name: &str,
        direction: Direction,
        moves: bool,
    ) -> Result<Outcome> {
        if let Some(bound) = self.waiting(name) {
            self.open_bound(name, bound).await?;
        }
        let cursor = self.cursors.open.get(name).ok_or_else(|| unknown(name))?;
        let (columns, binary) = (cursor.columns.clone(), cursor.binary);
        let core = cursor.core.clone();
        if core.lock().has_failed() {
            return Err(Error::new(
                state::OBJECT_NOT_IN_PREREQUISITE_STATE,
                format!("portal \"{name}\" cannot be run"),
            ));
        }
        let plan = self.seek(&core, direction, moves).await;
        if plan.is_err() {
            core.lock().fail();
        }
        let plan = plan?;
        let (forward, count) = match plan {
            Seek::Moved(rows) => return Ok(Outcome::Done(Tag::Move(rows))),
            Seek::Read { forward, count } => (forward, count),
        };
        if moves {
            let moved = self.pass(&core, forward, count).await?;
            return Ok(Outcome::Done(Tag::Move(moved)));
        }
        let stream = FetchStream {
            core,
            forward,
            left: count,
        };
        let mut rows = Rows::stream(columns, Box::new(stream)).tagged(Tag::Fetch(0));
        rows.binary = binary;
        Ok(Outcome::Rows(rows))
    }

    /// Passes over rows; how many there were.
    async fn pass(
        &self,
        core: &Arc<Mutex<Core>>,
        forward: bool,
        count: Option<u64>,
    ) -> Result<u64> {
        let stream = FetchStream {
            core: core.clone(),
            forward,
            left: count,
        };
        let rows = Rows::stream(Arc::new([]), Box::new(stream));
        let mut rows = rows.guarded(&self.cancel);
        let mut passed = 0;
        while let Some(batch) = rows.next().await? {
            passed += batch.len() as u64;
            // Rows at hand make no pauses of their own.
            tokio::task::yield_now().await;
        }
        Ok(passed)
    }

    /// Goes where the rows begin that are wanted, as PostgreSQL's
    /// `DoPortalRunFetch` does, and says which way to read how many.
    async fn seek(
        &self,
        core: &Arc<Mutex<Core>>,
        direction: Direction,
        moves: bool,
    ) -> Result<Seek> {
        let read = |forward, count| Seek::Read { forward, count };
        let (mut forward, count) = match direction {
            Direction::Forward(count) => (count >= 0, count.unsigned_abs()),
            Direction::Backward(count) => (count < 0, count.unsigned_abs()),
            Direction::Absolute(0) => {
                core.lock().rewind()?;
                return Ok(read(true, Some(0)));
            }
            Direction::Absolute(count) if count > 0 => {
                let (at, at_end) = core.lock().position();
                let wanted = count.unsigned_abs();
                if wanted - 1 <= at / 2 {
                    core.lock().rewind()?;
                    self.pass(core, true, Some(wanted - 1)).await?;
                } else {
                    let at = at + u64::from(at_end);
                    if wanted <= at {
                        self.pass(core, false, Some(at - wanted + 1)).await?;
                    } else if wanted > at + 1 {
                        self.pass(core, true, Some(wanted - at - 1)).await?;
                    }
                }
                return Ok(read(true, Some(1)));
            }
            Direction::Absolute(count) => {
                self.pass(core, true, None).await?;
                self.pass(core, false, Some(count.unsigned_abs() - 1))
                    .await?;
                return Ok(read(false, Some(1)));
            }
            Direction::Relative(0) => (true, 0),
            Direction::Relative(count) => {
                let steps = count.unsigned_abs();
                self.pass(core, count > 0, Some(steps - 1)).await?;
                return Ok(read(count > 0, Some(1)));
            }
        };
        let all = count == Direction::ALL.unsigned_abs();
        if count == 0 {
            // The current row once more.
            let on_row = core.lock().is_on_row();
            if moves {
                return Ok(Seek::Moved(u64::from(on_row)));
            }
            if on_row {
                self.pass(core, false, Some(1)).await?;
                forward = true;
            }
            return Ok(read(forward, Some(u64::from(on_row))));
        }
        if !forward && all && moves {
            let (at, at_end) = core.lock().position();
            let moved = if at_end { at } else { at.saturating_sub(1) };
            core.lock().rewind()?;
            return Ok(Seek::Moved(moved));
        }
        Ok(read(forward, (!all).then_some(count)))
    }

    pub(super) fn run_close(&mut self, name: Option<&str>) -> Result<Outcome> {
        let Some(name) = name else {
            self.close_cursors();
            return Ok(Outcome::Done(Tag::Other("CLOSE CURSOR ALL")));
        };
        let waited = self.protocol_portals.remove(name).is_some();
        if self.cursors.open.remove(name).is_none() && !waited {
            return Err(unknown(name));
        }
        self.show_cursors();
        Ok(Outcome::Done(Tag::Other("CLOSE CURSOR")))
    }

    pub(super) fn close_cursors(&mut self) {
        if !self.cursors.is_empty() {
            self.cursors.open.clear();
            self.show_cursors();
        }
    }

    /// Before COMMIT: what was declared WITH HOLD is read to its end.
    pub(super) async fn hold_cursors(&mut self) -> Result<()> {
        for cursor in self.cursors.open.values() {
            if !cursor.hold || cursor.depth.is_none() {
                continue;
            }
            let core = cursor.core.clone();
            // The core is put back whatever happens; nobody else has it meanwhile.
            let mut holding = Holding::new(core);
            let token = self.cancel.clone();
            tokio::select! {
                biased;
                reason = token.cancelled() => return Err(reason),
                held = holding.persist() => held?,
            }
        }
        Ok(())
    }

    /// The transaction is over.
    pub(super) fn end_cursors(&mut self, committed: bool) {
        if self.cursors.is_empty() {
            return;
        }
        self.cursors.open.retain(|_, cursor| match cursor.depth {
            None => true,
            Some(_) if committed && cursor.hold => {
                cursor.depth = None;
                true
            }
            Some(_) => false,
        });
        self.show_cursors();
    }

    /// Those declared since a savepoint end when it is gone back to.
    pub(super) fn roll_back_cursors(&mut self, depth: usize) {
        if self.cursors.is_empty() {
            return;
        }
        let of_before = |cursor: &Cursor| cursor.depth.is_none_or(|of| of <= depth);
        self.cursors.open.retain(|_, cursor| of_before(cursor));
        self.show_cursors();
    }

    /// A released savepoint's cursors belong to what is around it.
    pub(super) fn lift_cursors(&mut self, depth: usize) {
        for cursor in self.cursors.open.values_mut() {
            cursor.depth = cursor.depth.map(|of| of.min(depth));
        }
    }

    fn show_cursors(&self) {
        let facts = self.cursors.open.values().map(|one| one.facts.clone());
        *self.backend.cursors.lock() = facts.collect();
    }

    /// Whether there is a cursor of this name, for protocol messages that name portals.
    pub fn has_cursor(&self, name: &str) -> bool {
        self.cursors.open.contains_key(name)
    }

    pub fn cursor_columns(&self, name: &str) -> Option<(&Arc<[ColumnDesc]>, bool)> {
        let cursor = self.cursors.open.get(name)?;
        Some((&cursor.columns, cursor.binary))
    }

    /// Rows for an Execute message that names a cursor.
    pub fn fetch_cursor(&mut self, name: &str, limit: Option<u64>) -> Result<Rows> {
        let cursor = self.cursors.open.get(name).ok_or_else(|| unknown(name))?;
        let stream = FetchStream {
            core: cursor.core.clone(),
            forward: true,
            left: limit,
        };
        self.begin_work();
        let mut rows = Rows::stream(cursor.columns.clone(), Box::new(stream));
        rows.binary = cursor.binary;
        Ok(rows.guarded(&self.cancel))
    }

    /// A Close message; what isn't there needs no closing.
    pub fn close_cursor(&mut self, name: &str) {
        if self.cursors.open.remove(name).is_some() {
            self.show_cursors();
        }
    }

    pub(super) async fn run_positioned(
        &mut self,
        utility: &Utility,
        params: &[Value],
    ) -> Result<Outcome> {
        let Utility::Positioned {
            before,
            after,
            cursor,
            table,
            alias,
            ..
        } = utility
        else {
            return Err(Error::internal("not a positioned statement"));
        };
        let (keys, values) = self.current_row(cursor, table)?;
        let shown = alias.as_deref().unwrap_or(&table.name);
        // The key's parameters stand behind those of the statement itself.
        let declared: Vec<_> = self.statement_params.iter().cloned().map(Some).collect();
        let condition: Vec<String> = keys
            .iter()
            .zip(params.len() + 1..)
            .map(|(key, number)| format!("{}.{} = ${number}", quoted(shown), quoted(key)))
            .collect();
        let sql = format!("{before} {} {after}", condition.join(" AND "));
        let statement = Box::pin(self.prepare_text(&sql, &declared)).await?;
        let all: Vec<Value> = params.iter().cloned().chain(values).collect();
        Box::pin(self.run(&statement, &all)).await
    }

    /// The key of the row a cursor stands on.
    fn current_row(&mut self, name: &str, table: &Name) -> Result<(Vec<String>, Vec<Value>)> {
        let view = self.planning_view();
        let target = table.require(view.catalog(), &self.settings)?.clone();
        let invalid = |message: String| Error::new(INVALID_CURSOR_STATE, message);
        let cursor = self.cursors.open.get(name).ok_or_else(|| unknown(name))?;
        if cursor.depth.is_none() {
            return Err(invalid(format!(
                "cursor \"{name}\" is held from a previous transaction"
            )));
        }
        let (_, _, keys) = match &cursor.table {
            Some(of) if of.0 == target.id => of,
            _ if target.primary_key.is_none() => {
                return Err(Error::unsupported(
                    "WHERE CURRENT OF on a table without a primary key",
                )
                .with_hint("Name the row by the values of its columns."));
            }
            _ if cursor.locks_rows => {
                return Err(invalid(format!(
                    "cursor \"{name}\" does not have a FOR UPDATE/SHARE reference to table \"{}\"",
                    target.name
                )));
            }
            _ => {
                return Err(invalid(format!(
                    "cursor \"{name}\" is not a simply updatable scan of table \"{}\"",
                    target.name
                )));
            }
        };
        let core = cursor.core.lock();
        let Some(key) = core.key() else {
            return Err(invalid(format!(
                "cursor \"{name}\" is not positioned on a row"
            )));
        };
        Ok((keys.clone(), key.to_vec()))
    }
}

enum Seek {
    Moved(u64),
    /// `None`: all there are.
    Read {
        forward: bool,
        count: Option<u64>,
    },
}

/// A core taken out of its lock while its rows are read across pauses.
struct Holding {
    home: Arc<Mutex<Core>>,
    core: Option<Core>,
}

impl Holding {
    fn new(home: Arc<Mutex<Core>>) -> Holding {
        let core = home.lock().take();
        Holding {
            home,
            core: Some(core),
        }
    }

    async fn persist(&mut self) -> Result<()> {
        match &mut self.core {
            Some(core) => core.persist().await,
            None => Ok(()),
        }
    }
}

impl Drop for Holding {
    fn drop(&mut self) {
        if let Some(core) = self.core.take() {
            *self.home.lock() = core;
        }
    }
}

fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}
