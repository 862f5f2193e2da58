//! What of a time series is past its retention: blocks at least half of whose readings are,
//! without these, and readings that are in no block.

use super::block::{Block, Builder, Head};
use super::column::{Cells, Unpacker};
use super::cursor::{just_after, scan};
use super::seal::{Part, Portion, flush, head_of, range_from, whole_key};
use super::{Form, unreadable};
use crate::catalog::Table;
use crate::database::View;
use crate::error::{Result, state};
use crate::fingerprint;
use crate::read::PREFIX_BYTES;
use crate::row::RowRef;
use crate::store::{Cursor, Direction, KeyRange, Snapshot, Space};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

/// Blocks that one commit lets go.
const PORTION_BLOCKS: usize = 32;
/// Rows in no block that one commit lets go.
const PORTION_ROWS: usize = 4096;

/// Readings from before `before`. `due`: lowered to the moment at which the next block is.
pub(super) fn rows_to_let_go(
    view: &View,
    table: &Table,
    form: &Arc<Form>,
    from: &[u8],
    before: i64,
    due: &AtomicI64,
) -> Result<Portion> {
    let snapshot = &view.snapshot;
    let mut parts = Vec::new();
    let mut builder = Builder::new()?;
    let range = range_from(table, from);
    let mut found = snapshot
        .clone()
        .scan(Space::Side, range, Direction::Forward)?;
    while found.advance()? {
        let first = found.key().get(PREFIX_BYTES..).unwrap_or_default();
        if parts.len() >= PORTION_BLOCKS {
            let next = Some(first.to_vec());
            return Ok(Portion { parts, next });
        }
        let made = match is_over(found.as_ref(), form, before, due) {
            Ok(false) => continue,
            Ok(true) => part(snapshot, table, form, found.as_ref(), before, &mut builder),
            Err(error) => Err(error),
        };
        match made {
            Ok(part) => parts.push(part),
            // It says what it is when somebody reads it; the others go.
            Err(error) if error.is(state::DATA_CORRUPTED) => {
                tracing::error!(table = table.name, %error, "a damaged block is not let go");
                builder = Builder::new()?;
            }
            Err(error) => return Err(error),
        }
    }
    let range = range_from(table, &[]);
    let mut rows = snapshot
        .clone()
        .scan(Space::Data, range, Direction::Forward)?;
    let mut blocks = Blocks::new(snapshot, table)?;
    let most = parts.len() + PORTION_ROWS;
    while rows.advance()? && parts.len() < most {
        let pk = rows.key().get(PREFIX_BYTES..).unwrap_or_default();
        let row = RowRef::new(rows.value())?;
        // One that hides what a block has goes with the block.
        if !row.is_live() || form.time_of(&row)? >= before || blocks.hold(pk)? {
            continue;
        }
        let mut part = Part::new(pk, pk);
        let_go(&mut part, table, pk, &row);
        part.batch.delete(Space::Data, rows.key());
        parts.push(part);
    }
    Ok(Portion { parts, next: None })
}

/// Whether at least half of a block is from before a moment.
fn is_over(found: &dyn Cursor, form: &Form, before: i64, due: &AtomicI64) -> Result<bool> {
    let head = head_of(found, form)?;
    if head.greatest < before {
        return Ok(true);
    }
    let half = head
        .least
        .saturating_add(head.greatest.saturating_sub(head.least) / 2);
    if head.least < before {
        let first = found.key().get(PREFIX_BYTES..).unwrap_or_default();
        let old = || -> Result<usize> {
            let block = Block::open(found.value().to_vec())?;
            let times = block.column(form, form.time, &mut Unpacker::new()?)?;
            Ok(match times.cells() {
                Cells::Integers { values, .. } => {
                    values.iter().filter(|time| **time < before).count()
                }
                _ => 0,
            })
        };
        let old = old().map_err(|error| unreadable(error, form, first))?;
        if old * 2 >= head.rows {
            return Ok(true);
        }
    }
    // Not before half of its time is over, or a little later where readings are uneven.
    due.fetch_min(half.max(before), Ordering::Relaxed);
    Ok(false)
}

/// Takes a reading out of the sums.
fn let_go(part: &mut Part, table: &Table, pk: &[u8], row: &RowRef<'_>) {
    let number = table.fingerprint_seed();
    let (bucket, digest) = fingerprint::digest(number, pk, row.body());
    fingerprint::add(&mut part.fingerprints, table.partition, bucket, digest);
    part.rows += 1;
}

/// A block without what is over, and without what newer rows hide.
fn part(
    snapshot: &Arc<dyn Snapshot>,
    table: &Table,
    form: &Arc<Form>,
    found: &dyn Cursor,
    before: i64,
    builder: &mut Builder,
) -> Result<Part> {
    let first = found.key().get(PREFIX_BYTES..).unwrap_or_default();
    let head = head_of(found, form)?;
    let last = head.last_key(found.value())?;
    let mut part = Part::new(first, last);
    part.batch.delete(Space::Side, found.key());
    let range = KeyRange {
        start: found.key().to_vec(),
        end: just_after(&whole_key(table, last)),
    };
    let mut rows = scan(snapshot, form, range, Direction::Forward)?;
    while rows.advance()? {
        let pk = rows.key().get(PREFIX_BYTES..).unwrap_or_default();
        let row = RowRef::new(rows.value())?;
        let is_old = row.is_live() && form.time_of(&row)? < before;
        if is_old {
            let_go(&mut part, table, pk, &row);
        }
        match rows.is_on_row() {
            true if is_old || !row.is_live() => part.batch.delete(Space::Data, rows.key()),
            true => {}
            false if is_old => {}
            false => {
                if builder.is_full() || !builder.takes(row.columns()) {
                    flush(table, builder, &mut part.batch)?;
                }
                builder.push(form, pk, rows.value())?;
            }
        }
    }
    if builder.rows() > 0 {
        flush(table, builder, &mut part.batch)?;
    }
    Ok(part)
}

/// All blocks of a table, gone along with ascending keys.
struct Blocks {
    found: Box<dyn Cursor>,
    now: Option<(Vec<u8>, Vec<u8>)>,
}

impl Blocks {
    fn new(snapshot: &Arc<dyn Snapshot>, table: &Table) -> Result<Blocks> {
        let range = range_from(table, &[]);
        let mut blocks = Blocks {
            found: snapshot
                .clone()
                .scan(Space::Side, range, Direction::Forward)?,
            now: None,
        };
        blocks.step()?;
        Ok(blocks)
    }

    fn step(&mut self) -> Result<()> {
        self.now = None;
        if self.found.advance()? {
            let first = self.found.key().get(PREFIX_BYTES..).unwrap_or_default();
            let bytes = self.found.value();
            let last = Head::read(bytes).and_then(|head| head.last_key(bytes).map(<[u8]>::to_vec));
            // One that doesn't say where it ends may have whatever follows.
            self.now = Some((first.to_vec(), last.unwrap_or_else(|_| vec![0xff; 64])));
        }
        Ok(())
    }

    /// Whether a key, not less than the one asked for before, lies in one.
    fn hold(&mut self, pk: &[u8]) -> Result<bool> {
        while self
            .now
            .as_ref()
            .is_some_and(|(_, last)| last.as_slice() < pk)
        {
            self.step()?;
        }
        Ok(self
            .now
            .as_ref()
            .is_some_and(|(first, _)| first.as_slice() <= pk))
    }
}
