//! The look at the write-ahead log before RocksDB reads it.
//!
//! After a crash the end of the log may be torn: what was written and not
//! synced is there in part, in any order of its sectors. That is to be cut off.
//! A log damaged in any other way must not be read as if it ended there, since
//! what follows was promised to be kept. RocksDB's recovery modes don't tell
//! the two apart (`docs/internals/store.md` has the experiments), so this does,
//! and RocksDB then reads in its strictest mode, which refuses everything odd.
//!
//! Two things are looked at:
//!
//! * whether a write that was cut short can have left such bytes at all
//!   ([`block`]): a flipped bit in a whole record can't be that;
//! * whether a record further on says that the damaged place had been synced
//!   before ([`judge`]): every batch carries a [`Mark`] with what was known
//!   then.
//!
//! The format is RocksDB's `doc/log_format`: blocks of 32 KiB; fragments of
//! a 7-byte head (masked CRC-32C, length, type) and payload that never cross a
//! block.

mod block;
mod crc32c;
mod judge;
mod mark;

use crate::error::{Error, Result};
use crate::store::directory::{self, in_path};
use block::{BLOCK_BYTES, Fragment, Kind};
use judge::{Judge, Place};
pub(super) use mark::{MARK_BYTES, Mark};
use smallvec::SmallVec;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

/// The newest log file's number, or 0.
pub(super) fn newest_file(directory: &Path) -> Result<u64> {
    Ok(log_files(directory)?
        .last()
        .map_or(0, |(number, _)| *number))
}

/// Reads all log files; cuts off what a crash tore, refuses other damage.
/// The caller holds the directory's lock.
pub(super) fn settle(directory: &Path) -> Result<()> {
    let files = log_files(directory)?;
    let mut judge = Judge::default();
    for (number, path) in &files {
        read_file(*number, path, &mut judge)?;
    }
    let torn = match judge.verdict() {
        Ok(None) => return Ok(()),
        Ok(Some(torn)) => torn,
        Err(place) => return Err(damaged(directory, place)),
    };
    // The last files first: a crash in here leaves a log that is judged as this one.
    for (number, path) in files.iter().rev() {
        if *number > torn.file {
            std::fs::remove_file(path).map_err(|error| in_path(error, path))?;
            directory::sync(directory)?;
        } else if *number == torn.file {
            let length = std::fs::metadata(path)
                .map_err(|error| in_path(error, path))?
                .len();
            tracing::warn!(
                file = %path.display(),
                from = torn.offset,
                bytes = length.saturating_sub(torn.offset),
                "a crash tore the end of the log; what had not been synced is dropped"
            );
            File::options()
                .write(true)
                .open(path)
                .and_then(|file| {
                    file.set_len(torn.offset)?;
                    file.sync_all()
                })
                .map_err(|error| in_path(error, path))?;
        }
    }
    Ok(())
}

fn log_files(directory: &Path) -> Result<Vec<(u64, PathBuf)>> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(directory).map_err(|error| in_path(error, directory))? {
        let path = entry.map_err(|error| in_path(error, directory))?.path();
        let number = path
            .file_name()
            .and_then(|name| name.to_str())
            .and_then(|name| name.strip_suffix(".log"))
            .and_then(|number| number.parse().ok());
        if let Some(number) = number {
            files.push((number, path));
        }
    }
    files.sort();
    Ok(files)
}

fn read_file(number: u64, path: &Path, judge: &mut Judge) -> Result<()> {
    let mut file = File::open(path).map_err(|error| in_path(error, path))?;
    let mut block = vec![0; BLOCK_BYTES];
    let mut records = Records::new(number);
    let mut offset = 0;
    loop {
        let length = fill(&mut file, &mut block).map_err(|error| in_path(error, path))?;
        let bytes = block.get(..length).unwrap_or_default();
        records.read_block(offset, bytes, judge);
        offset += length as u64;
        if length < BLOCK_BYTES {
            break;
        }
    }
    records.end(judge);
    Ok(())
}

/// Reads until the buffer is full or the file ends.
fn fill(file: &mut File, buffer: &mut [u8]) -> std::io::Result<usize> {
    let mut filled = 0;
    while let Some(rest) = buffer.get_mut(filled..)
        && !rest.is_empty()
    {
        match file.read(rest) {
            Ok(0) => break,
            Ok(read) => filled += read,
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}

fn damaged(directory: &Path, place: Place) -> Error {
    let file = directory.join(format!("{:06}.log", place.file));
    let error = Error::corrupted(format!(
        "write-ahead log \"{}\" is damaged at byte {}",
        file.display(),
        place.offset
    ));
    super::error::damaged(error, directory)
}

/// As much of a record as its mark takes: the batch's head, a tag, a length, the mark.
const HEAD_BYTES: usize = 12 + 2 + MARK_BYTES;

/// Puts the fragments of one file together to records.
struct Records {
    file: u64,
    /// Where the record in hand began, and its first bytes.
    open: Option<(u64, SmallVec<[u8; HEAD_BYTES]>)>,
}

impl Records {
    fn new(file: u64) -> Records {
        Records { file, open: None }
    }

    fn place(&self, offset: u64) -> Place {
        Place {
            file: self.file,
            offset,
        }
    }

    fn read_block(&mut self, start: u64, block: &[u8], judge: &mut Judge) {
        let mut position = 0;
        while let Some(fragment) = block::read(block, position) {
            let offset = start + position as u64;
            position = match fragment {
                Fragment::Whole { kind, payload, end } => {
                    self.take(offset, kind, payload, judge);
                    end
                }
                Fragment::Torn => {
                    self.lose(offset, judge);
                    block::next_whole(block, position + 1)
                }
                Fragment::Damaged => {
                    self.open = None;
                    judge.damaged_at(self.place(offset));
                    block::next_whole(block, position + 1)
                }
            };
        }
    }

    fn take(&mut self, offset: u64, kind: Kind, payload: &[u8], judge: &mut Judge) {
        match kind {
            Kind::Note => return,
            Kind::Full | Kind::First => {
                if self.open.is_some() {
                    self.lose(offset, judge);
                }
                self.open = Some((offset, SmallVec::new()));
            }
            Kind::Middle | Kind::Last => {}
        }
        let Some((begin, head)) = &mut self.open else {
            // The middle or the end of a record without its beginning.
            self.lose(offset, judge);
            return;
        };
        let wanted = HEAD_BYTES.saturating_sub(head.len()).min(payload.len());
        head.extend_from_slice(payload.get(..wanted).unwrap_or_default());
        let begin = *begin;
        let mark = Mark::of_batch(head);
        match kind {
            Kind::Full | Kind::Last => {
                self.open = None;
                judge.record(self.place(begin), mark);
            }
            // Its end may be missing; what its mark says holds anyway.
            Kind::First | Kind::Middle | Kind::Note => {
                mark.inspect(|mark| judge.witness(*mark));
            }
        }
    }

    /// Bytes are missing at `offset`, and the record in hand with them.
    fn lose(&mut self, offset: u64, judge: &mut Judge) {
        let from = self.open.take().map_or(offset, |(begin, _)| begin);
        judge.torn_at(self.place(from));
    }

    fn end(&mut self, judge: &mut Judge) {
        if self.open.is_some() {
            self.lose(0, judge);
        }
    }
}
