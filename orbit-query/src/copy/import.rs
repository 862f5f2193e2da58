//! COPY FROM: takes the stream, keeps a few chunks under way, and feeds what
//! comes back, in order, to the table. Memory is bounded by the chunks under way.
//!
//! ```text
//! the stream -> chunks of whole lines -> rows (workers, side by side)
//!     -> a sorted load (one thread, in order), or inserts one by one
//! ```

#[cfg(feature = "datafusion")]
use super::batches;
use super::cut::Lines;
use super::encode::{self, Failure, Plan, Rows};
use super::options::CopyOptions;
use super::positions;
use crate::ddl::lock_named;
#[cfg(feature = "datafusion")]
use crate::planned::inward_columns;
use crate::session::Session;
use crate::statement::names::Name;
#[cfg(feature = "datafusion")]
use datafusion::arrow::array::RecordBatch;
use orbit_core::ids::TableId;
use orbit_core::load::Load;
use orbit_core::txn::TableLock;
#[cfg(feature = "datafusion")]
use orbit_core::types::SqlType;
use orbit_core::{Error, Result, state};
use parking_lot::Mutex;
use std::collections::VecDeque;
use std::sync::Arc;
use tokio::task::JoinHandle;

/// Large enough that a chunk's overhead is nothing, small enough to stay in cache.
const CHUNK_BYTES: usize = 256 << 10;
/// One row may be this long and no longer.
const MAX_ROW_BYTES: usize = 256 << 20;

type Work = JoinHandle<std::result::Result<Rows, Box<Failure>>>;

/// Where the rows go.
enum Target {
    /// Row by row into a table that others see and write.
    Inserts,
    Load(Box<Load>),
    /// A thread is busy with the last chunk's rows.
    Feeding(JoinHandle<Result<Box<Load>>>),
    /// An error took it.
    Lost,
}

/// The columns that the data has.
pub struct Given(Arc<Plan>);

impl Given {
    pub fn has(&self, table: TableId, column: usize) -> bool {
        self.0.table.id == table && self.0.places.contains(&column)
    }
}

pub struct Import {
    plan: Arc<Plan>,
    target: Target,
    lines: Lines,
    /// What came since the last cut.
    pending: Vec<u8>,
    /// Bytes of `pending` known to hold no place to cut.
    searched: usize,
    under_way: VecDeque<Work>,
    workers: usize,
    /// The next chunk begins with the header.
    header: bool,
    lines_done: u64,
    rows: u64,
    /// The marker `\.` was met: the rest of the stream is not data.
    over: bool,
}

impl Import {
    pub async fn begin(
        session: &mut Session,
        name: &Name,
        columns: Option<&[String]>,
        options: &CopyOptions,
        filter: Option<&str>,
    ) -> Result<Import> {
        let table = lock_named(session, name, TableLock::RowExclusive).await?;
        let places = positions(&table, columns)?;
        let load = session.transaction()?.begin_load(&table).await?;
        let field_flags = |names: &[String]| -> Result<Vec<bool>> {
            let mut flags = vec![false; places.len()];
            for name in names {
                let column = crate::statement::names::find_column(&table, name)?;
                let place = places.iter().position(|place| *place == column);
                match place.and_then(|place| flags.get_mut(place)) {
                    Some(flag) => *flag = true,
                    None => {
                        return Err(Error::new(
                            state::INVALID_COLUMN_REFERENCE,
                            format!("FORCE column \"{name}\" not referenced by COPY"),
                        ));
                    }
                }
            }
            Ok(flags)
        };
        let writer = session.table_writer(&table)?;
        let filter = match filter {
            Some(sql) => Some(session.row_condition(&table, sql)?),
            None => None,
        };
        let plan = Plan {
            rest: (0..table.columns.len())
                .filter(|place| !places.contains(place))
                .collect(),
            force_null: field_flags(&options.force_null)?,
            force_not_null: field_flags(&options.force_not_null)?,
            stamp: load.as_ref().map(Load::stamp),
            spare: Mutex::default(),
            facts: session.moment(),
            options: options.clone(),
            filter,
            writer,
            places,
            table,
        };
        let lines = if options.binary {
            Lines::Binary
        } else if options.csv {
            Lines::Csv {
                quote: options.quote(),
                escape: options.escape(),
            }
        } else {
            Lines::Text
        };
        Ok(Import {
            plan: Arc::new(plan),
            target: load.map_or(Target::Inserts, |load| Target::Load(Box::new(load))),
            lines,
            pending: Vec::with_capacity(CHUNK_BYTES + (64 << 10)),
            searched: 0,
            under_way: VecDeque::new(),
            workers: session.engine().options().copy_workers.max(1),
            header: options.header || options.binary,
            lines_done: 0,
            rows: 0,
            over: false,
        })
    }

    pub fn columns(&self) -> usize {
        self.plan.places.len()
    }

    pub fn given(&self) -> Given {
        Given(self.plan.clone())
    }

    /// `COPY t, line 3`: how far the import has come, for messages.
    pub fn place(&self) -> String {
        format!(
            "COPY {}, line {}",
            self.plan.table.name,
            self.lines_done + 1
        )
    }

    pub async fn push(&mut self, session: &mut Session, bytes: &[u8]) -> Result<()> {
        session.cancel_token().check()?;
        if self.over {
            return Ok(());
        }
        self.pending.extend_from_slice(bytes);
        if self.plan.options.binary && self.header {
            let Some(length) = super::binary::header_length(&self.pending)? else {
                return Ok(());
            };
            self.pending.drain(..length);
            self.header = false;
        }
        // Only what doubles the buffer is worth another search.
        if self.pending.len() < CHUNK_BYTES.max(self.searched * 2) {
            return Ok(());
        }
        let cut = self.lines.complete(&self.pending);
        if cut == 0 {
            self.searched = self.pending.len();
            if self.pending.len() > MAX_ROW_BYTES {
                return Err(Error::new(
                    state::PROGRAM_LIMIT_EXCEEDED,
                    format!("a row exceeds the limit of {MAX_ROW_BYTES} bytes"),
                )
                .in_context(self.place()));
            }
            return Ok(());
        }
        self.searched = 0;
        let mut chunk = self.plan.buffer(CHUNK_BYTES + (64 << 10));
        chunk.extend_from_slice(self.pending.get(cut..).unwrap_or_default());
        std::mem::swap(&mut chunk, &mut self.pending);
        chunk.truncate(cut);
        self.start(chunk);
        while self.under_way.len() > self.workers {
            self.take_one(session).await?;
        }
        Ok(())
    }

    /// Takes rows whose columns stand in the order that COPY named them in.
    #[cfg(feature = "datafusion")]
    pub async fn push_batch(&mut self, session: &mut Session, batch: &RecordBatch) -> Result<()> {
        let wanted: Vec<SqlType> = self
            .plan
            .places
            .iter()
            .filter_map(|place| self.plan.table.columns.get(*place))
            .map(|column| column.sql_type.clone())
            .collect();
        if batch.num_columns() != wanted.len() {
            return Err(Error::new(
                state::BAD_COPY_FILE_FORMAT,
                format!(
                    "row field count is {}, expected {}",
                    batch.num_columns(),
                    wanted.len()
                ),
            ));
        }
        let format = &self.plan.facts.format;
        let columns = inward_columns(batch, &wanted, format)
            .map_err(|error| error.in_context(self.place()))?;
        let mut begin = 0;
        while begin < batch.num_rows() {
            session.cancel_token().check()?;
            let end = batch.num_rows().min(begin + batches::PIECE_ROWS);
            let (plan, columns) = (self.plan.clone(), columns.clone());
            self.under_way
                .push_back(tokio::task::spawn_blocking(move || {
                    batches::run(&plan, &columns, begin..end)
                }));
            while self.under_way.len() > self.workers {
                self.take_one(session).await?;
            }
            begin = end;
        }
        Ok(())
    }

    fn start(&mut self, chunk: Vec<u8>) {
        let plan = self.plan.clone();
        let header = std::mem::take(&mut self.header);
        self.under_way
            .push_back(tokio::task::spawn_blocking(move || {
                let rows = encode::run(&plan, &chunk, header);
                plan.give_back(chunk);
                rows
            }));
    }

    /// Waits for the oldest chunk and stores its rows.
    async fn take_one(&mut self, session: &mut Session) -> Result<()> {
        let Some(work) = self.under_way.pop_front() else {
            return Ok(());
        };
        let done = work
            .await
            .map_err(|_| Error::internal("a worker of COPY stopped"))?;
        if self.over {
            return Ok(());
        }
        let rows = done.map_err(|failure| {
            failure.error.in_context(format!(
                "COPY {}, line {}{}",
                self.plan.table.name,
                self.lines_done + failure.line,
                failure.place
            ))
        })?;
        self.lines_done += rows.lines;
        self.over |= rows.over;
        match self.load().await? {
            Some(load) => {
                self.rows += rows.ends.len() as u64;
                let plan = self.plan.clone();
                self.target =
                    Target::Feeding(tokio::task::spawn_blocking(move || feed(load, rows, &plan)));
            }
            None => {
                let first = self.lines_done - rows.lines;
                for (line, values) in rows.values {
                    let inserted = session
                        .transaction()?
                        .insert(&self.plan.table, values)
                        .await;
                    inserted.map_err(|error| {
                        error.in_context(format!(
                            "COPY {}, line {}",
                            self.plan.table.name,
                            first + line
                        ))
                    })?;
                    self.rows += 1;
                }
            }
        }
        Ok(())
    }

    /// The load, once it has taken what it was given; `None`: there is none.
    async fn load(&mut self) -> Result<Option<Box<Load>>> {
        match std::mem::replace(&mut self.target, Target::Lost) {
            Target::Load(load) => Ok(Some(load)),
            Target::Feeding(work) => {
                let load = work
                    .await
                    .map_err(|_| Error::internal("the feeder of COPY stopped"))??;
                Ok(Some(load))
            }
            Target::Inserts => {
                self.target = Target::Inserts;
                Ok(None)
            }
            Target::Lost => Err(Error::internal("COPY goes on after an error")),
        }
    }

    pub async fn finish(mut self, session: &mut Session) -> Result<u64> {
        session.cancel_token().check()?;
        if self.plan.options.binary && self.header {
            return Err(Error::new(
                state::BAD_COPY_FILE_FORMAT,
                "COPY file signature not recognized",
            ));
        }
        let rest = std::mem::take(&mut self.pending);
        if !rest.is_empty() && !self.over {
            self.start(rest);
        }
        while !self.under_way.is_empty() {
            self.take_one(session).await?;
        }
        if let Some(load) = self.load().await? {
            load.finish(session.transaction()?)
                .await
                .map_err(|error| error.in_context(format!("COPY {}", self.plan.table.name)))?;
            let table = self.plan.table.clone();
            session.check_loaded(table).await?;
        }
        session.settle_references().await?;
        Ok(self.rows)
    }
}

fn feed(mut load: Box<Load>, rows: Rows, plan: &Plan) -> Result<Box<Load>> {
    load.push_all(rows.encoded())?;
    plan.give_back(rows.bytes);
    Ok(load)
}
