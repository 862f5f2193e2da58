//! Sorted loads: finished table files, written beside the store and taken in
//! by one edit of its manifest, so all entries appear together and no log is
//! written for them.

use super::Inner;
use super::error::store_error;
use super::spaces::{Family, with_key};
use crate::disk;
use crate::error::{Error, Result};
use crate::store::directory::in_path;
use crate::store::{SortedLoad, Space, must_ascend};
use ::rocksdb::{ErrorKind, IngestExternalFileOptions, SstFileWriter};
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering;

const DIRECTORY_PREFIX: &str = "load-";
const FILE_BYTES: usize = 64 << 20;
/// What is loaded is mostly read next, by queries or to be put in columns. Of a load larger
/// than this the beginning would be gone from memory when its turn comes.
const READ_AHEAD_BYTES: u64 = 64 << 20;

pub(super) struct RocksLoad {
    /// Open between the first entry of a file and its last. Goes before the
    /// options it was made with (in `inner`).
    writer: Option<SstFileWriter<'static>>,
    writer_bytes: usize,
    files: Vec<PathBuf>,
    last: Vec<u8>,
    space: Space,
    directory: PathBuf,
    inner: Arc<Inner>,
}

impl RocksLoad {
    pub fn begin(inner: Arc<Inner>, space: Space) -> Result<RocksLoad> {
        let number = inner.loads.fetch_add(1, Ordering::Relaxed);
        let directory = inner.directory.join(format!("{DIRECTORY_PREFIX}{number}"));
        std::fs::create_dir(&directory).map_err(|error| in_path(error, &directory))?;
        Ok(RocksLoad {
            writer: None,
            writer_bytes: 0,
            files: Vec::new(),
            last: Vec::new(),
            space,
            directory,
            inner,
        })
    }

    fn writer(&mut self) -> Result<&mut SstFileWriter<'static>> {
        if self.writer.is_none() {
            let file = self.directory.join(format!("{:06}.sst", self.files.len()));
            let options = self
                .inner
                .family_options
                .get(Family::of(self.space) as usize)
                .ok_or_else(|| Error::internal("a column family without options"))?;
            // SAFETY: the options live in the allocation of `inner`, which this
            // load keeps and which never moves; the writer is dropped first.
            let options: &'static _ = unsafe { &*std::ptr::from_ref(options) };
            let writer = SstFileWriter::create(options);
            writer.open(&file).map_err(store_error)?;
            self.files.push(file);
            self.writer = Some(writer);
            self.writer_bytes = 0;
        }
        self.writer
            .as_mut()
            .ok_or_else(|| Error::internal("a table file that did not open"))
    }

    /// Completes the file in hand; RocksDB syncs it.
    fn close_file(&mut self) -> Result<()> {
        match self.writer.take() {
            Some(mut writer) => writer.finish().map_err(store_error),
            None => Ok(()),
        }
    }
}

impl SortedLoad for RocksLoad {
    fn put(&mut self, key: &[u8], value: &[u8]) -> Result<()> {
        let first = self.files.is_empty();
        must_ascend((!first).then_some(&self.last), key)?;
        self.last.clear();
        self.last.extend_from_slice(key);
        let space = self.space;
        let writer = self.writer()?;
        with_key(space, key, |key| writer.put(key, value)).map_err(store_error)?;
        self.writer_bytes += key.len() + value.len();
        if self.writer_bytes >= FILE_BYTES {
            self.close_file()?;
        }
        Ok(())
    }

    /// Failing to write the files (a full disk, say) is only the end of this
    /// load; failing to take them in may be the end of the store.
    fn finish(mut self: Box<Self>) -> Result<()> {
        self.close_file()?;
        if self.files.is_empty() {
            return Ok(());
        }
        let inner = self.inner.clone();
        // The manifest is synced and the log may not be: without this, a crash
        // could keep the load and lose a batch applied before it.
        inner.poison.guard(|| inner.sync())?;
        let family = inner.family(Family::of(self.space))?;
        let mut options = IngestExternalFileOptions::default();
        options.set_move_files(true);
        // Nobody reads a load's key range before the catalog names it, so older
        // snapshots need no protection. With it, every file would get a sequence
        // number of its own and be rewritten by a compaction to lose it again.
        options.set_snapshot_consistency(false);
        let files = std::mem::take(&mut self.files);
        let short = size_of(&files) <= READ_AHEAD_BYTES;
        let again: Vec<File> = match cfg!(target_os = "linux") && short {
            true => files.iter().flat_map(File::open).collect(),
            false => Vec::new(),
        };
        inner
            .db
            .ingest_external_file_cf_opts(family, &options, files)
            .map_err(|error| match error.kind() {
                ErrorKind::InvalidArgument => store_error(error),
                _ => inner.poison.set(store_error(error)),
            })?;
        if !again.is_empty() {
            bring_back(again);
        }
        Ok(())
    }
}

impl Drop for RocksLoad {
    fn drop(&mut self) {
        self.writer = None;
        // If this fails the next start clears it away.
        let _ = std::fs::remove_dir_all(&self.directory);
    }
}

fn size_of(files: &[PathBuf]) -> u64 {
    let bytes = |file: &PathBuf| file.metadata().map_or(0, |file| file.len());
    files.iter().map(bytes).sum()
}

/// RocksDB has the system forget what such a file holds as it is written. On a thread of
/// its own, which nobody waits for: the disk may be slow.
fn bring_back(files: Vec<File>) {
    let reader = std::thread::Builder::new().name("orbit-reader".to_owned());
    let reader = reader.spawn(move || {
        for file in &files {
            let bytes = file.metadata().map_or(0, |file| file.len());
            disk::read_ahead(file, bytes);
        }
    });
    if let Err(error) = reader {
        tracing::debug!(%error, "what was loaded is not read ahead");
    }
}

/// Removes the files of loads that a crash interrupted.
pub(super) fn clear_leftovers(directory: &Path) -> Result<()> {
    let entries = std::fs::read_dir(directory).map_err(|error| in_path(error, directory))?;
    for entry in entries {
        let entry = entry.map_err(|error| in_path(error, directory))?;
        let name = entry.file_name();
        if name.to_string_lossy().starts_with(DIRECTORY_PREFIX) {
            let path = entry.path();
            std::fs::remove_dir_all(&path).map_err(|error| in_path(error, &path))?;
        }
    }
    Ok(())
}
