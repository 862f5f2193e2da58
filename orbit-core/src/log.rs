//! The transaction log: one record per commit, per lane dense, append only. What other sites
//! committed stands in it too, at its own place, to be passed on.
//!
//! ```text
//! key    lane u8 | sequence u64 BE | chunk u32 BE
//! value  envelope u8 (0 plain) | xxh3-64 of key and payload, LE | payload (at most 1 MB)
//!
//! record = payloads of its chunks, joined:
//!   version u8 | site u64 | incarnation u64 | lane u8 | sequence u64 | hlc u64
//!   | epoch u32 | catalog version u64 | chunks u32 | operations u32 | operation...
//! ```
//!
//! All numbers little endian. Operations are below, at [`Operation`]. Records of version 1 have
//! no kinds in their cells; all of theirs are LWW.

mod decode;

use crate::catalog::CatalogChange;
use crate::clock::Hlc;
use crate::error::{Error, Result};
use crate::ids::{Incarnation, Lane, PartitionId, Sequence, SiteId, SiteOrdinal, TableId};
use crate::merge::ColumnKind;
use crate::row::Stamp;
use crate::store::{Batch, Snapshot, Space};
pub use decode::{cells, operations};
use smallvec::SmallVec;

pub const CHUNK_BYTES: usize = 1 << 20;
pub const VERSION: u8 = 2;
const OLDEST_VERSION: u8 = 1;
const HEADER_BYTES: usize = 1 + 8 + 8 + 1 + 8 + 8 + 4 + 8 + 4 + 4;
const ENVELOPE_BYTES: usize = 9;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    pub site: SiteId,
    pub incarnation: Incarnation,
    pub lane: Lane,
    /// Its place in the log of who wrote it.
    pub sequence: Sequence,
    pub hlc: Hlc,
    pub epoch: u32,
    pub catalog_version: u64,
}

/// One life of a row: which insert made it, and the how-manieth it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Life {
    pub causal_length: u32,
    pub stamp: Stamp,
}

/// A new value of one column, with every stamp that it replaced.
#[derive(Clone, Debug, PartialEq)]
pub struct Cell<'a> {
    /// The column's slot.
    pub column: u16,
    /// What the column was when it was written.
    pub kind: ColumnKind,
    pub replaced: SmallVec<[Stamp; 1]>,
    /// In the self-delimiting form of [`crate::row::encode_value`]; of a counter, what its
    /// writer has added in all.
    pub value: &'a [u8],
}

/// What a transaction did to one row.
#[derive(Clone, Debug, PartialEq)]
pub enum RowOperation<'a> {
    /// `body` is the stored row from its null bitmap on; `wide` how its offsets are written.
    Insert {
        causal_length: u32,
        /// The stamp of the tombstone that stood there.
        replaced: Option<Stamp>,
        columns: u16,
        wide: bool,
        body: &'a [u8],
    },
    Update {
        life: Life,
        cells: SmallVec<[Cell<'a>; 2]>,
    },
    Delete {
        life: Life,
        /// Stamps of columns newer than the row's own.
        replaced: SmallVec<[Stamp; 1]>,
    },
}

/// What a transaction did, as other sites need to hear it.
#[derive(Clone, Debug)]
pub enum Operation<'a> {
    Row {
        table: TableId,
        pk: &'a [u8],
        what: RowOperation<'a>,
    },
    /// Rows the vector contains die; rows concurrent with it live.
    Truncate {
        table: TableId,
        partition: PartitionId,
        seen: Vec<(SiteOrdinal, Sequence, Hlc)>,
    },
    /// Rows loaded as a sorted file, all under one stamp; read them from the table.
    Load {
        table: TableId,
        stamp: Stamp,
        rows: u64,
    },
    Catalog(Box<CatalogChange>),
}

/// A record as it was read and verified.
#[derive(Clone, Debug)]
pub struct Record {
    pub header: Header,
    version: u8,
    payload: Vec<u8>,
}

impl Record {
    pub fn operations(&self) -> Result<Vec<Operation<'_>>> {
        operations(&self.payload, self.version)
    }
}

/// Writes operations one behind the other; the committer adds the header.
#[derive(Debug, Default)]
pub struct OperationWriter {
    pub bytes: Vec<u8>,
    pub count: u32,
    /// Whether rows come or become larger; deleting, emptying and DDL make room.
    pub adds_rows: bool,
}

const INSERT: u8 = 1;
const UPDATE: u8 = 2;
const DELETE: u8 = 3;
const TRUNCATE: u8 = 4;
const LOAD: u8 = 5;
const CATALOG: u8 = 6;

impl OperationWriter {
    /// Behind these, what another has written.
    pub fn append(&mut self, other: &OperationWriter) {
        self.bytes.extend_from_slice(&other.bytes);
        self.count += other.count;
        self.adds_rows |= other.adds_rows;
    }

    /// Read back what was written.
    pub fn operations(&self) -> Result<Vec<Operation<'_>>> {
        decode::counted(&self.bytes, self.count)
    }

    fn begin(&mut self, kind: u8, table: TableId) {
        self.count += 1;
        self.adds_rows |= matches!(kind, INSERT | UPDATE | LOAD);
        self.bytes.push(kind);
        self.bytes.extend_from_slice(&table.0.to_le_bytes());
    }

    fn sized(&mut self, bytes: &[u8]) {
        push_sized(&mut self.bytes, bytes);
    }

    fn stamp(&mut self, stamp: Stamp) {
        push_stamp(&mut self.bytes, stamp);
    }

    fn stamps(&mut self, stamps: &[Stamp]) {
        push_stamps(&mut self.bytes, stamps);
    }

    fn life(&mut self, life: Life) {
        self.bytes
            .extend_from_slice(&life.causal_length.to_le_bytes());
        self.stamp(life.stamp);
    }

    #[allow(clippy::too_many_arguments)]
    pub fn insert(
        &mut self,
        table: TableId,
        pk: &[u8],
        causal_length: u32,
        replaced: Option<Stamp>,
        columns: u16,
        wide: bool,
        body: &[u8],
    ) {
        self.begin(INSERT, table);
        self.sized(pk);
        self.bytes.extend_from_slice(&causal_length.to_le_bytes());
        self.stamps(replaced.as_slice());
        self.bytes.extend_from_slice(&columns.to_le_bytes());
        self.bytes.push(u8::from(wide));
        self.sized(body);
    }

    /// Follow it with `cells` calls of [`OperationWriter::cell`].
    pub fn update(&mut self, table: TableId, pk: &[u8], life: Life, cells: u16) {
        self.begin(UPDATE, table);
        self.sized(pk);
        self.life(life);
        self.bytes.extend_from_slice(&cells.to_le_bytes());
    }

    pub fn cell(&mut self, cell: &Cell<'_>) {
        push_cell(&mut self.bytes, cell);
    }

    pub fn delete(&mut self, table: TableId, pk: &[u8], life: Life, replaced: &[Stamp]) {
        self.begin(DELETE, table);
        self.sized(pk);
        self.life(life);
        self.stamps(replaced);
    }

    pub fn truncate(
        &mut self,
        table: TableId,
        partition: PartitionId,
        seen: &[(SiteOrdinal, Sequence, Hlc)],
    ) {
        self.begin(TRUNCATE, table);
        self.bytes.extend_from_slice(&partition.0.to_le_bytes());
        self.bytes
            .extend_from_slice(&(seen.len() as u32).to_le_bytes());
        for (site, sequence, hlc) in seen {
            self.bytes.extend_from_slice(&site.0.to_le_bytes());
            self.bytes.extend_from_slice(&sequence.0.to_le_bytes());
            self.bytes.extend_from_slice(&hlc.0.to_le_bytes());
        }
    }

    pub fn load(&mut self, table: TableId, stamp: Stamp, rows: u64) {
        self.begin(LOAD, table);
        self.stamp(stamp);
        self.bytes.extend_from_slice(&rows.to_le_bytes());
    }

    pub fn catalog(&mut self, change: &CatalogChange) -> Result<()> {
        let text = serde_json::to_vec(change)
            .map_err(|error| Error::internal(format!("catalog change: {error}")))?;
        self.begin(CATALOG, TableId(0));
        self.sized(&text);
        Ok(())
    }
}

fn push_sized(out: &mut Vec<u8>, bytes: &[u8]) {
    out.extend_from_slice(&(bytes.len() as u32).to_le_bytes());
    out.extend_from_slice(bytes);
}

fn push_stamp(out: &mut Vec<u8>, stamp: Stamp) {
    out.extend_from_slice(&stamp.hlc.0.to_le_bytes());
    out.extend_from_slice(&stamp.site.0.to_le_bytes());
}

fn push_stamps(out: &mut Vec<u8>, stamps: &[Stamp]) {
    out.extend_from_slice(&(stamps.len() as u16).to_le_bytes());
    for stamp in stamps {
        push_stamp(out, *stamp);
    }
}

/// Appends a cell, as updates have them and as [`cells`] reads them.
pub fn push_cell(out: &mut Vec<u8>, cell: &Cell<'_>) {
    out.extend_from_slice(&cell.column.to_le_bytes());
    out.push(cell.kind.number());
    push_stamps(out, &cell.replaced);
    push_sized(out, cell.value);
}

/// The key of one chunk.
pub fn key(lane: Lane, sequence: Sequence, chunk: u32) -> [u8; 13] {
    let mut key = [0; 13];
    key[0] = lane.0;
    key[1..9].copy_from_slice(&sequence.0.to_be_bytes());
    key[9..].copy_from_slice(&chunk.to_be_bytes());
    key
}

fn checksum(key: &[u8], payload: &[u8]) -> u64 {
    let seed = xxhash_rust::xxh3::xxh3_64(key);
    xxhash_rust::xxh3::xxh3_64_with_seed(payload, seed)
}

/// Adds a record, cut into chunks, to a batch, at its place in this node's log: what the node
/// passes on for others has a place of its own there. `scratch` is overwritten.
pub fn append(
    batch: &mut Batch,
    place: Sequence,
    header: &Header,
    operations: &OperationWriter,
    scratch: &mut Vec<u8>,
) {
    let total = HEADER_BYTES + operations.bytes.len();
    let chunks = total.div_ceil(CHUNK_BYTES) as u32;
    scratch.clear();
    scratch.push(VERSION);
    scratch.extend_from_slice(&header.site.0.to_le_bytes());
    scratch.extend_from_slice(&header.incarnation.0.to_le_bytes());
    scratch.push(header.lane.0);
    scratch.extend_from_slice(&header.sequence.0.to_le_bytes());
    scratch.extend_from_slice(&header.hlc.0.to_le_bytes());
    scratch.extend_from_slice(&header.epoch.to_le_bytes());
    scratch.extend_from_slice(&header.catalog_version.to_le_bytes());
    scratch.extend_from_slice(&chunks.to_le_bytes());
    scratch.extend_from_slice(&operations.count.to_le_bytes());
    scratch.extend_from_slice(&operations.bytes);
    let mut value = Vec::with_capacity(ENVELOPE_BYTES + total.min(CHUNK_BYTES));
    for (chunk, payload) in scratch.chunks(CHUNK_BYTES).enumerate() {
        let key = key(header.lane, place, chunk as u32);
        value.clear();
        value.push(0);
        value.extend_from_slice(&checksum(&key, payload).to_le_bytes());
        value.extend_from_slice(payload);
        batch.put(Space::Log, &key, &value);
    }
}

fn damaged(lane: Lane, sequence: Sequence, what: &str) -> Error {
    Error::corrupted(format!(
        "transaction log record {lane}#{} is damaged: {what}",
        sequence.0
    ))
    .with_hint("Restore this node from a backup, or let it fetch its data from its parent again.")
}

/// Reads and verifies the record at (lane, sequence). `None`: there is none.
pub fn read(snapshot: &dyn Snapshot, lane: Lane, sequence: Sequence) -> Result<Option<Record>> {
    let mut value = Vec::new();
    if !snapshot.get(Space::Log, &key(lane, sequence, 0), &mut value)? {
        return Ok(None);
    }
    let first = open_chunk(lane, sequence, 0, &value)?;
    let header = first
        .get(..HEADER_BYTES)
        .ok_or_else(|| damaged(lane, sequence, "its header is cut"))?;
    let word = |at: usize| word_at(header, at);
    let half = |at: usize| (word_at(header, at) & 0xffff_ffff) as u32;
    let version = header[0];
    if !(OLDEST_VERSION..=VERSION).contains(&version) {
        return Err(damaged(lane, sequence, "its version is unknown"));
    }
    let parsed = Header {
        site: SiteId(word(1)),
        incarnation: Incarnation(word(9)),
        lane: Lane(header[17]),
        sequence: Sequence(word(18)),
        hlc: Hlc(word(26)),
        epoch: half(34),
        catalog_version: word(38),
    };
    if parsed.lane != lane {
        return Err(damaged(lane, sequence, "it names another lane"));
    }
    let chunks = half(46);
    let mut payload = first[HEADER_BYTES - 4..].to_vec();
    for chunk in 1..chunks {
        if !snapshot.get(Space::Log, &key(lane, sequence, chunk), &mut value)? {
            return Err(damaged(lane, sequence, "a chunk is missing"));
        }
        payload.extend_from_slice(open_chunk(lane, sequence, chunk, &value)?);
    }
    Ok(Some(Record {
        header: parsed,
        version,
        payload,
    }))
}

fn word_at(bytes: &[u8], at: usize) -> u64 {
    let mut word = [0; 8];
    let end = (at + 8).min(bytes.len());
    word[..end - at].copy_from_slice(&bytes[at..end]);
    u64::from_le_bytes(word)
}

fn open_chunk(lane: Lane, sequence: Sequence, chunk: u32, value: &[u8]) -> Result<&[u8]> {
    let payload = value
        .get(ENVELOPE_BYTES..)
        .ok_or_else(|| damaged(lane, sequence, "a chunk is cut"))?;
    if value[0] != 0 {
        return Err(damaged(lane, sequence, "its envelope is unknown"));
    }
    if word_at(value, 1) != checksum(&key(lane, sequence, chunk), payload) {
        return Err(damaged(lane, sequence, "its checksum does not match"));
    }
    Ok(payload)
}
