//! Rows a cursor keeps: the newest in memory, the older ones in a file that is
//! unlinked as soon as it is open. Any row can be read again.

use orbit_core::row::{decode_value, encode_value};
use orbit_core::types::SqlType;
use orbit_core::value::Value;
use orbit_core::{Error, Result, state};
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::PathBuf;
use std::sync::Arc;

/// Rows kept in memory before they go to the file.
const MEMORY_BYTES: usize = 1 << 20;
/// Every so many rows it is noted where one begins.
const STRIDE: u64 = 32;
/// How much is read from the file at once.
const WINDOW_BYTES: usize = 64 << 10;

/// How much may be kept, and where.
#[derive(Clone, Debug)]
pub struct Room {
    pub directory: Option<PathBuf>,
    pub limit_bytes: u64,
}

pub struct RowStore {
    types: Arc<[SqlType]>,
    room: Room,
    rows: u64,
    /// Where every `STRIDE`th row begins.
    index: Vec<u64>,
    file: Option<File>,
    file_bytes: u64,
    memory: Vec<u8>,
    /// A piece of the file: where it begins, and its bytes.
    window: (u64, Vec<u8>),
    /// The row read last and where the next one begins: rows are mostly read in order.
    last: Option<(u64, u64)>,
}

impl RowStore {
    pub fn new(types: Arc<[SqlType]>, room: Room) -> RowStore {
        RowStore {
            types,
            room,
            rows: 0,
            index: Vec::new(),
            file: None,
            file_bytes: 0,
            memory: Vec::new(),
            window: (0, Vec::new()),
            last: None,
        }
    }

    /// One like it without rows.
    pub fn emptied(&self) -> RowStore {
        RowStore::new(self.types.clone(), self.room.clone())
    }

    /// How many columns a row has.
    pub fn width(&self) -> usize {
        self.types.len()
    }

    pub fn len(&self) -> u64 {
        self.rows
    }

    pub fn in_memory(&self) -> bool {
        self.file.is_none() && self.memory.len() < MEMORY_BYTES
    }

    fn end(&self) -> u64 {
        self.file_bytes + self.memory.len() as u64
    }

    pub fn push(&mut self, row: &[Value]) -> Result<()> {
        if self.rows.is_multiple_of(STRIDE) {
            self.index.push(self.end());
        }
        let at = self.memory.len();
        self.memory.extend_from_slice(&[0; 4]);
        for value in row {
            encode_value(&value.as_ref(), &mut self.memory);
        }
        let length = u32::try_from(self.memory.len() - at - 4).map_err(|_| {
            Error::new(
                state::PROGRAM_LIMIT_EXCEEDED,
                "a row of a cursor is too large",
            )
        })?;
        if let Some(place) = self.memory.get_mut(at..at + 4) {
            place.copy_from_slice(&length.to_le_bytes());
        }
        self.rows += 1;
        if self.memory.len() >= MEMORY_BYTES {
            self.spill()?;
        }
        Ok(())
    }

    fn spill(&mut self) -> Result<()> {
        if self.end() > self.room.limit_bytes {
            return Err(Error::new(
                state::CONFIGURATION_LIMIT_EXCEEDED,
                format!(
                    "temporary file size exceeds the limit ({}kB) of one cursor",
                    self.room.limit_bytes / 1024
                ),
            ));
        }
        let file = match &self.file {
            Some(file) => file,
            None => {
                let Some(directory) = &self.room.directory else {
                    return Err(Error::new(
                        state::OUT_OF_MEMORY,
                        "a cursor's rows don't fit into memory",
                    )
                    .with_detail("This node has no directory for temporary files."));
                };
                let file = orbit_core::disk::unnamed_file(directory, "cursor")?;
                self.file.insert(file)
            }
        };
        file.write_all_at(&self.memory, self.file_bytes)?;
        self.file_bytes += self.memory.len() as u64;
        self.memory.clear();
        Ok(())
    }

    /// The row of that number, counted from 0.
    pub fn get(&mut self, row: u64) -> Result<Vec<Value>> {
        let lost = || Error::internal("a cursor's row is not where it was put");
        let (mut number, mut at) = match self.last {
            Some((last, next)) if last + 1 == row => (row, next),
            _ => {
                let slot = usize::try_from(row / STRIDE).map_err(|_| lost())?;
                let at = *self.index.get(slot).ok_or_else(lost)?;
                (row - row % STRIDE, at)
            }
        };
        loop {
            let head = self.bytes(at, 4)?.first_chunk().copied();
            let length = u32::from_le_bytes(head.ok_or_else(lost)?);
            if number < row {
                number += 1;
                at += 4 + u64::from(length);
                continue;
            }
            self.last = Some((row, at + 4 + u64::from(length)));
            let types = self.types.clone();
            let mut bytes = self.bytes(at + 4, length as usize)?;
            return types
                .iter()
                .map(|of| decode_value(&mut bytes, of))
                .collect();
        }
    }

    fn bytes(&mut self, at: u64, length: usize) -> Result<&[u8]> {
        let lost = || Error::internal("a cursor's row is not where it was put");
        if at >= self.file_bytes {
            let from = usize::try_from(at - self.file_bytes).map_err(|_| lost())?;
            return self.memory.get(from..from + length).ok_or_else(lost);
        }
        let (start, held) = &self.window;
        let end = start + held.len() as u64;
        if at < *start || at + length as u64 > end {
            let rest = self.file_bytes - at;
            let wanted = length.max(WINDOW_BYTES.min(usize::try_from(rest).unwrap_or(usize::MAX)));
            let mut window = std::mem::take(&mut self.window.1);
            window.resize(wanted, 0);
            self.file
                .as_ref()
                .ok_or_else(lost)?
                .read_exact_at(&mut window, at)?;
            self.window = (at, window);
        }
        let from = usize::try_from(at - self.window.0).map_err(|_| lost())?;
        self.window.1.get(from..from + length).ok_or_else(lost)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(number: u64) -> Vec<Value> {
        let text = "x".repeat((number % 300) as usize);
        vec![Value::Int8(number as i64), Value::Text(text), Value::Null]
    }

    #[test]
    fn rows_come_back_from_memory_and_from_the_file_in_any_order() {
        let directory = tempfile::tempdir().unwrap();
        let room = Room {
            directory: Some(directory.path().to_owned()),
            limit_bytes: 100 << 20,
        };
        let types = [SqlType::Int8, SqlType::Text, SqlType::Int4];
        let mut store = RowStore::new(types.into(), room);
        const ROWS: u64 = 30_000;
        for number in 0..ROWS {
            store.push(&row(number)).unwrap();
        }
        assert!(store.file.is_some() && !store.memory.is_empty());
        assert!(directory.path().read_dir().unwrap().next().is_none());
        for number in (0..ROWS).rev().chain(0..ROWS).chain([7, ROWS - 1, 0]) {
            assert_eq!(store.get(number).unwrap(), row(number));
        }
        assert!(store.get(ROWS).is_err());
    }

    #[test]
    fn more_than_there_is_room_for_is_refused() {
        let none = Room {
            directory: None,
            limit_bytes: 100 << 20,
        };
        let directory = tempfile::tempdir().unwrap();
        let little = Room {
            directory: Some(directory.path().to_owned()),
            limit_bytes: 3 << 20,
        };
        for (room, expected) in [
            (none, state::OUT_OF_MEMORY),
            (little, state::CONFIGURATION_LIMIT_EXCEEDED),
        ] {
            let mut store = RowStore::new([SqlType::Text].into(), room);
            let row = [Value::Text("x".repeat(100_000))];
            let refused = (0..100).find_map(|_| store.push(&row).err()).unwrap();
            assert!(refused.is(expected), "{refused:?}");
        }
    }
}
