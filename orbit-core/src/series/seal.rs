//! Putting rows of a time series away in blocks, and letting go what is past its
//! retention: a portion at a time, each one commit, whose parts stand back where somebody
//! wrote meanwhile. May be stopped or killed at any moment.

use super::block::{Block, Builder, Head};
use super::column::Unpacker;
use super::cursor::just_after;
use super::plan::{self, Known, Unit};
use super::retention::rows_to_let_go;
use super::watch::Watch;
use super::{Form, unreadable};
use crate::cancel::CancelToken;
use crate::catalog::Table;
use crate::committer::Request;
use crate::database::{Database, View, stopped};
use crate::error::{Error, Result, state};
use crate::fingerprint;
use crate::ids::TableId;
use crate::key::data_prefix;
use crate::read::PREFIX_BYTES;
use crate::row::RowRef;
use crate::store::{Batch, Cursor, Direction, KeyRange, Snapshot, Space, successor};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

/// Rows, and bytes of them, that one commit puts away.
const PORTION_ROWS: usize = 16 << 10;
const PORTION_BYTES: usize = 8 << 20;
/// From so many on rows are removed as a range.
const RANGE_ROWS: usize = 32;

/// A part of a commit that is left out if one of its keys was written meanwhile.
pub(crate) struct Part {
    pub first: Vec<u8>,
    pub last: Vec<u8>,
    pub batch: Batch,
    pub fingerprints: fingerprint::Deltas,
    pub rows: u64,
}

/// What a commit takes out of, and puts into, blocks.
pub(crate) struct Settling {
    pub table: TableId,
    pub watch: Arc<Watch>,
    pub parts: Vec<Part>,
    /// Rows of the parts that were done.
    pub done: Arc<AtomicU64>,
}

impl Part {
    pub fn new(first: &[u8], last: &[u8]) -> Part {
        Part {
            first: first.to_vec(),
            last: last.to_vec(),
            batch: Batch::new(),
            fingerprints: fingerprint::Deltas::new(),
            rows: 0,
        }
    }
}

/// A portion: what is to be done, and where the next one begins.
#[derive(Default)]
pub(super) struct Portion {
    pub parts: Vec<Part>,
    pub next: Option<Vec<u8>>,
}

/// What was let go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LetGo {
    pub rows: u64,
    /// No block is due for a moment before this one.
    pub due: i64,
}

impl Database {
    /// Rows of a time series that are in no block, counted no further than `most`.
    pub fn unsettled(&self, table: &Table, most: u64) -> Result<u64> {
        let range = KeyRange::prefix(&data_prefix(table.partition, table.storage));
        let snapshot = self.durable().snapshot.clone();
        let mut rows = snapshot.scan(Space::Data, range, Direction::Forward)?;
        let mut count = 0;
        while count < most && rows.advance()? {
            count += 1;
        }
        Ok(count)
    }

    /// Puts the settled rows of a time series away; how many.
    pub async fn settle(&self, table: &Arc<Table>, cancel: &CancelToken) -> Result<u64> {
        self.in_portions(table, cancel, rows_to_settle).await
    }

    /// Gives the disk back what rows held that were put away.
    pub(crate) async fn give_back(&self, table: &Table) -> Result<()> {
        let range = KeyRange::prefix(&data_prefix(table.partition, table.storage));
        self.reclaim(Space::Data, range).await
    }

    /// The same, soon and in the background.
    pub fn give_back_later(self: &Arc<Self>, table: &Table) {
        let range = KeyRange::prefix(&data_prefix(table.partition, table.storage));
        self.reclaim_later(vec![(Space::Data, range)]);
    }

    /// Lets go of a time series' readings from before a moment of its time column, as far
    /// as at least half of a block is, or they are in none.
    pub async fn let_go(
        &self,
        table: &Arc<Table>,
        before: i64,
        cancel: &CancelToken,
    ) -> Result<LetGo> {
        let due = Arc::new(AtomicI64::new(i64::MAX));
        let (lowered, wanted) = (due.clone(), table.series.clone());
        let plan = move |view: &View, table: &Table, form: &Arc<Form>, from: &[u8]| {
            // Somebody wants to keep more, or less, by now.
            if table.series != wanted {
                return Ok(Portion::default());
            }
            rows_to_let_go(view, table, form, from, before, &lowered)
        };
        let rows = self.in_portions(table, cancel, plan).await?;
        let due = due.load(Ordering::Relaxed);
        Ok(LetGo { rows, due })
    }

    async fn in_portions(
        &self,
        table: &Arc<Table>,
        cancel: &CancelToken,
        plan: impl Fn(&View, &Table, &Arc<Form>, &[u8]) -> Result<Portion> + Clone + Send + 'static,
    ) -> Result<u64> {
        // Two at once would put the same rows into different blocks.
        let _turn = self.settling.lock().await;
        let done = Arc::new(AtomicU64::new(0));
        let mut from = Vec::new();
        loop {
            cancel.check()?;
            let watch = Arc::new(Watch::new(table.storage));
            let (mut request, answer) = Request::upkeep(Batch::new());
            request.watch = Some(watch.clone());
            self.commit(request).await?;
            answer.await.map_err(|_| stopped())??;
            let view = self.durable();
            // As it is at this moment; emptied or rebuilt, its rows lie elsewhere.
            let now = view.catalog.table_by_id(table.id).cloned();
            let now = now.filter(|now| now.storage == table.storage);
            let Some((of, form)) = now.and_then(|now| Some((now.clone(), now.form.clone()?)))
            else {
                return Ok(done.load(Ordering::Relaxed));
            };
            let plan = plan.clone();
            let (made, planned) = tokio::sync::oneshot::channel();
            // A thread of its own: the priority goes with it.
            std::thread::Builder::new()
                .name("orbit-sealer".to_owned())
                .spawn(move || {
                    crate::priority::lower_for_this_thread();
                    // Nobody listens any more when the node has closed.
                    let _ = made.send(plan(&view, &of, &form, &from));
                })?;
            let portion = planned
                .await
                .map_err(|_| Error::internal("the sealer's thread ended early"))??;
            if !portion.parts.is_empty() {
                let (mut request, answer) = Request::upkeep(Batch::new());
                request.settling = Some(Settling {
                    table: table.id,
                    watch,
                    parts: portion.parts,
                    done: done.clone(),
                });
                self.commit(request).await?;
                answer.await.map_err(|_| stopped())??;
            }
            match portion.next {
                Some(next) => from = next,
                None => return Ok(done.load(Ordering::Relaxed)),
            }
        }
    }
}

pub(super) fn whole_key(table: &Table, pk: &[u8]) -> Vec<u8> {
    [&data_prefix(table.partition, table.storage), pk].concat()
}

/// The keys of a table from one on.
pub(super) fn range_from(table: &Table, from: &[u8]) -> KeyRange {
    KeyRange {
        start: whole_key(table, from),
        end: successor(&data_prefix(table.partition, table.storage)),
    }
}

/// Primary key and bytes, dead or alive.
type Row = (Vec<u8>, Vec<u8>);

fn rows_to_settle(view: &View, table: &Table, form: &Arc<Form>, from: &[u8]) -> Result<Portion> {
    let snapshot = &view.snapshot;
    let mut rows: Vec<Row> = Vec::new();
    let mut bytes = 0;
    let mut stored =
        snapshot
            .clone()
            .scan(Space::Data, range_from(table, from), Direction::Forward)?;
    let mut is_last = false;
    while rows.len() < PORTION_ROWS && bytes < PORTION_BYTES {
        if !stored.advance()? {
            is_last = true;
            break;
        }
        bytes += stored.key().len() + stored.value().len();
        let pk = stored.key().get(PREFIX_BYTES..).unwrap_or_default();
        rows.push((pk.to_vec(), stored.value().to_vec()));
    }
    drop(stored);
    let (Some((first, _)), Some((last, _))) = (rows.first(), rows.last()) else {
        return Ok(Portion {
            parts: Vec::new(),
            next: None,
        });
    };
    let mut next = (!is_last).then(|| just_after(last));
    let blocks = blocks_around(snapshot, table, form, first, last)?;
    let keys: Vec<&[u8]> = rows.iter().map(|(pk, _)| pk.as_slice()).collect();
    let mut parts = Vec::new();
    let mut builder = Builder::new()?;
    let mut bytes = 0;
    for unit in plan::units(&blocks, &keys) {
        let made = part(snapshot, table, form, &blocks, &rows, &unit, &mut builder);
        match made {
            Ok(part) => {
                bytes += part.batch.bytes();
                parts.push(part);
            }
            // What is behind it can be put away all the same.
            Err(error) if error.is(state::DATA_CORRUPTED) => {
                tracing::error!(table = table.name, %error, "rows are not put with a damaged block");
                builder = Builder::new()?;
            }
            Err(error) => return Err(error),
        }
        // Few rows each in many blocks: these blocks are written whole.
        if bytes >= PORTION_BYTES
            && let Some(last) = keys.get(unit.rows.end - 1)
        {
            next = Some(just_after(last));
            break;
        }
    }
    Ok(Portion { parts, next })
}

/// The blocks that keys lie in, and the one before them.
fn blocks_around(
    snapshot: &Arc<dyn Snapshot>,
    table: &Table,
    form: &Form,
    first: &[u8],
    last: &[u8],
) -> Result<Vec<Known>> {
    let prefix = data_prefix(table.partition, table.storage);
    let before = KeyRange {
        start: prefix.to_vec(),
        end: just_after(&whole_key(table, first)),
    };
    let mut start = whole_key(table, first);
    let mut before = snapshot
        .clone()
        .scan(Space::Side, before, Direction::Backward)?;
    if before.advance()? {
        start = before.key().to_vec();
    }
    let range = KeyRange {
        start,
        end: just_after(&whole_key(table, last)),
    };
    let mut found = snapshot
        .clone()
        .scan(Space::Side, range, Direction::Forward)?;
    let mut blocks = Vec::new();
    while found.advance()? {
        let first_key = found.key().get(PREFIX_BYTES..).unwrap_or_default();
        let first_key = first_key.to_vec();
        let read = head_of(found.as_ref(), form);
        let (last_key, rows) = match read.and_then(|head| {
            let last_key = head.last_key(found.value())?;
            Ok((last_key.to_vec(), head.rows))
        }) {
            Ok(read) => read,
            // All up to the next block may be in it.
            Err(error) if error.is(state::DATA_CORRUPTED) => (vec![0xff; 64], usize::MAX),
            Err(error) => return Err(error),
        };
        blocks.push(Known {
            first_key,
            last_key,
            rows,
        });
    }
    Ok(blocks)
}

pub(super) fn head_of(found: &dyn Cursor, form: &Form) -> Result<Head> {
    Head::read(found.value()).map_err(|error| {
        let first = found.key().get(PREFIX_BYTES..).unwrap_or_default();
        unreadable(error, form, first)
    })
}

fn part(
    snapshot: &Arc<dyn Snapshot>,
    table: &Table,
    form: &Arc<Form>,
    blocks: &[Known],
    rows: &[Row],
    unit: &Unit,
    builder: &mut Builder,
) -> Result<Part> {
    let rows = &rows[unit.rows.clone()];
    let known = unit.block.and_then(|block| blocks.get(block));
    let (Some((first, _)), Some((last, _))) = (rows.first(), rows.last()) else {
        return Err(Error::internal("rows to put away are none"));
    };
    let mut part = Part::new(first, last);
    part.rows = rows.len() as u64;
    if rows.len() >= RANGE_ROWS {
        let (start, end) = (whole_key(table, first), just_after(&whole_key(table, last)));
        part.batch.delete_range(Space::Data, &start, &end);
    } else {
        for (pk, _) in rows {
            part.batch.delete(Space::Data, &whole_key(table, pk));
        }
    }
    let mut count = rows.len();
    if let Some(known) = known {
        part.first = part.first.min(known.first_key.clone());
        part.last = part.last.max(known.last_key.clone());
        part.batch
            .delete(Space::Side, &whole_key(table, &known.first_key));
        count = count.saturating_add(known.rows);
    }
    let wanted = plan::rows_a_block(count);
    let mut put = |pk: &[u8], row: &[u8], batch: &mut Batch| -> Result<()> {
        let read = RowRef::new(row)?;
        if !read.is_live() {
            return Ok(());
        }
        if builder.rows() >= wanted || builder.is_full() || !builder.takes(read.columns()) {
            flush(table, builder, batch)?;
        }
        builder.push(form, pk, row)
    };
    let mut fresh = rows.iter().peekable();
    if let Some(known) = known {
        let key = whole_key(table, &known.first_key);
        let mut bytes = Vec::new();
        if !snapshot.get(Space::Side, &key, &mut bytes)? {
            return Err(Error::internal(
                "a block of rows is gone from its own snapshot",
            ));
        }
        let damaged = |error| unreadable(error, form, &known.first_key);
        let block = Block::open(bytes).map_err(damaged)?;
        let mut unpacker = Unpacker::new()?;
        let (mut pk, mut row) = (Vec::new(), Vec::new());
        for at in 0..block.rows() {
            block
                .key(form, at, &mut unpacker, &mut pk)
                .map_err(damaged)?;
            while let Some((before, bytes)) = fresh.next_if(|(fresh, _)| *fresh < pk) {
                put(before, bytes, &mut part.batch)?;
            }
            if let Some((newer, bytes)) = fresh.next_if(|(fresh, _)| *fresh == pk) {
                put(newer, bytes, &mut part.batch)?;
                continue;
            }
            block
                .row(form, at, &mut unpacker, &mut row)
                .map_err(damaged)?;
            put(&pk, &row, &mut part.batch)?;
        }
    }
    for (pk, row) in fresh {
        put(pk, row, &mut part.batch)?;
    }
    if builder.rows() > 0 {
        flush(table, builder, &mut part.batch)?;
    }
    Ok(part)
}

pub(super) fn flush(table: &Table, builder: &mut Builder, batch: &mut Batch) -> Result<()> {
    let key = whole_key(table, builder.first_key());
    let mut block = Vec::new();
    builder.finish(&mut block)?;
    batch.put(Space::Side, &key, &block);
    Ok(())
}
