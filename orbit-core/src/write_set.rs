//! What a transaction has written and not yet committed: its rows and index
//! entries in key order. Clones share everything (a savepoint and a running
//! scan are each one clone); rows past 8 MB lie in a temporary file.

use crate::catalog::Table;
use crate::error::{Error, Result};
use imbl::OrdMap;
use parking_lot::Mutex;
use std::fs::File;
use std::io::Write;
use std::os::unix::fs::FileExt;
use std::path::PathBuf;
use std::sync::Arc;

/// Rows kept in memory before they go to the file.
pub const MEMORY_BYTES: usize = 8 << 20;
/// What an entry costs beside its bytes.
const ENTRY_BYTES: usize = 96;

pub type SharedBytes = Arc<[u8]>;

/// A row's bytes, wherever they lie.
#[derive(Clone, Debug)]
pub enum RowBytes {
    Memory(SharedBytes),
    Spilled { offset: u64, length: u32 },
}

impl RowBytes {
    /// Whether both came from one write.
    pub fn is_same(&self, other: &RowBytes) -> bool {
        match (self, other) {
            (RowBytes::Memory(one), RowBytes::Memory(other)) => Arc::ptr_eq(one, other),
            (RowBytes::Spilled { offset: one, .. }, RowBytes::Spilled { offset: other, .. }) => {
                one == other
            }
            _ => false,
        }
    }
}

/// One row as this transaction leaves it.
#[derive(Clone, Debug)]
pub struct Pending {
    pub table: Arc<Table>,
    /// What was stored when the row was locked, dead or alive.
    pub base: Option<RowBytes>,
    /// A live row or a tombstone, its new stamps pending.
    pub row: RowBytes,
}

/// An index entry put (with the length of its key columns) or taken away.
pub type PendingEntry = Option<u32>;

#[derive(Clone, Default)]
pub struct WriteSet {
    /// By whole store key.
    pub rows: OrdMap<SharedBytes, Pending>,
    pub entries: OrdMap<SharedBytes, PendingEntry>,
    bytes: usize,
    spill: Option<Arc<Spill>>,
}

/// The file behind large write sets. Unlinked as soon as it is open: nothing
/// of it outlives the process.
#[derive(Debug)]
struct Spill {
    file: File,
    end: Mutex<u64>,
}

impl WriteSet {
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty() && self.entries.is_empty()
    }

    /// Bytes written so far, in memory and in the file.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    pub fn put_row(
        &mut self,
        key: &[u8],
        table: &Arc<Table>,
        base: Option<&[u8]>,
        row: &[u8],
        directory: &Option<PathBuf>,
    ) -> Result<()> {
        self.bytes += key.len() + row.len() + base.map_or(0, <[u8]>::len) + ENTRY_BYTES;
        let (base, row) = if self.bytes > MEMORY_BYTES {
            let spill = self.spill(directory)?;
            let base = base.map(|base| spill.write(base)).transpose()?;
            (base, spill.write(row)?)
        } else {
            let base = base.map(|base| RowBytes::Memory(base.into()));
            (base, RowBytes::Memory(row.into()))
        };
        let pending = Pending {
            table: table.clone(),
            base,
            row,
        };
        self.rows.insert(key.into(), pending);
        Ok(())
    }

    pub fn put_entry(&mut self, key: &[u8], entry: PendingEntry) {
        self.bytes += key.len() + ENTRY_BYTES;
        self.entries.insert(key.into(), entry);
    }

    fn spill(&mut self, directory: &Option<PathBuf>) -> Result<Arc<Spill>> {
        if let Some(spill) = &self.spill {
            return Ok(spill.clone());
        }
        let directory = directory.clone().unwrap_or_else(std::env::temp_dir);
        let file = crate::disk::unnamed_file(&directory, "write-set")?;
        let spill = Arc::new(Spill {
            file,
            end: Mutex::new(0),
        });
        self.spill = Some(spill.clone());
        Ok(spill)
    }

    /// Runs `read` over a row's bytes.
    pub fn load(&self, row: &RowBytes, buffer: &mut Vec<u8>) -> Result<()> {
        buffer.clear();
        match row {
            RowBytes::Memory(bytes) => buffer.extend_from_slice(bytes),
            RowBytes::Spilled { offset, length } => {
                let spill = self
                    .spill
                    .as_ref()
                    .ok_or_else(|| Error::internal("a spilled row without its file"))?;
                buffer.resize(*length as usize, 0);
                spill.file.read_exact_at(buffer, *offset)?;
            }
        }
        Ok(())
    }
}

impl Spill {
    fn write(&self, bytes: &[u8]) -> Result<RowBytes> {
        let mut end = self.end.lock();
        let offset = *end;
        (&self.file).write_all(bytes)?;
        *end += bytes.len() as u64;
        let length = u32::try_from(bytes.len())
            .map_err(|_| Error::new(crate::state::PROGRAM_LIMIT_EXCEEDED, "row is too large"))?;
        Ok(RowBytes::Spilled { offset, length })
    }
}
