//! A file that appears under its name once it is whole and on disk.

use super::Failure;
use orbit_core::{Error, state};
use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

/// Written as `NAME.part` beside its place; dropped unfinished it leaves nothing.
#[derive(Debug)]
pub struct PartFile {
    out: Option<BufWriter<File>>,
    part: PathBuf,
    target: PathBuf,
    written: u64,
}

impl PartFile {
    /// `replace`: whether a file of that name may be there already.
    pub fn create(target: &Path, replace: bool) -> Result<PartFile, Failure> {
        if !replace && target.exists() {
            return Err(Failure::Usage(
                Error::new(
                    state::DUPLICATE_OBJECT,
                    format!("{} exists already", target.display()),
                )
                .with_hint("Choose another name, or say --force to replace it."),
            ));
        }
        let mut name = target.file_name().unwrap_or_default().to_owned();
        name.push(".part");
        let part = target.with_file_name(name);
        let file = File::options()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(&part)
            .map_err(|error| in_file(&part, error))?;
        Ok(PartFile {
            out: Some(BufWriter::with_capacity(256 << 10, file)),
            part,
            target: target.to_path_buf(),
            written: 0,
        })
    }

    pub fn written(&self) -> u64 {
        self.written
    }

    /// Flushes to disk and gives the file its name.
    pub fn finish(mut self) -> Result<(), Failure> {
        let Some(out) = self.out.take() else {
            return Ok(());
        };
        let done = || -> std::io::Result<()> {
            let file = out.into_inner().map_err(|error| error.into_error())?;
            file.sync_all()?;
            fs::rename(&self.part, &self.target)?;
            let directory = match self.target.parent() {
                Some(parent) if !parent.as_os_str().is_empty() => parent,
                _ => Path::new("."),
            };
            File::open(directory)?.sync_all()
        };
        let done = done().map_err(|error| in_file(&self.target, error));
        if done.is_err() {
            let _ = fs::remove_file(&self.part);
        }
        done
    }
}

impl Write for PartFile {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let Some(out) = &mut self.out else {
            return Err(std::io::Error::other("the file is closed"));
        };
        let written = out.write(bytes)?;
        self.written += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.out.as_mut().map_or(Ok(()), Write::flush)
    }
}

impl Drop for PartFile {
    fn drop(&mut self) {
        if let Some(out) = self.out.take() {
            // What it still holds is of no use to anybody.
            let _ = out.into_parts();
            let _ = fs::remove_file(&self.part);
        }
    }
}

pub fn in_file(path: &Path, error: std::io::Error) -> Failure {
    let state = match error.kind() {
        std::io::ErrorKind::StorageFull => state::DISK_FULL,
        _ => state::IO_ERROR,
    };
    Failure::Work(Error::new(state, format!("{}: {error}", path.display())))
}
