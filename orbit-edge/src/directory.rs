//! The data directory: who may open it, and what wrote it.
//!
//! ```text
//! DIR/FORMAT    the version of the layout and the kind of store, written first
//! DIR/LOCK      held by the process that has the directory open
//! DIR/IDENTITY  whose it is and where it lies, see `identity.rs`
//! DIR/limits.toml  what it may take, if that was set while it ran
//! DIR/COMPRESSED   there once the disk was nearly full: the store writes as little as it can
//! DIR/store/    the store's own files
//! DIR/columns/  columnar copies of tables, made again where they are missing
//! DIR/scratch/  spilled queries and sorted runs; emptied at every start
//! ```

use orbit_core::{Error, Result, state};
use std::fs::{self, DirBuilder, File, TryLockError};
use std::io::Write;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

/// The newest layout this version reads, and the one it writes. Every older one is read,
/// and is this one from then on.
///
/// * 1: the first
/// * 2: rows may have slots that are no column's, for indexes on expressions and partial
///   ones. Whoever doesn't know of them takes the slots of later columns for others.
/// * 3: tables may have columnar copies, and what was written since stands in the delta.
///   Whoever doesn't know of them wouldn't write it.
/// * 4: rows of time series may lie in blocks. Whoever doesn't know of them wouldn't see them.
pub const FORMAT: u32 = 4;

pub(crate) const FORMAT_FILE: &str = "FORMAT";
pub(crate) const LOCK_FILE: &str = "LOCK";
/// Where a restore builds what it then puts in place.
pub(crate) const RESTORING: &str = ".restoring";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StoreKind {
    Redb,
    RocksDb,
}

impl StoreKind {
    pub fn named(name: &str) -> Option<StoreKind> {
        [StoreKind::Redb, StoreKind::RocksDb]
            .into_iter()
            .find(|kind| kind.name() == name)
    }

    fn name(self) -> &'static str {
        match self {
            StoreKind::Redb => "redb",
            StoreKind::RocksDb => "rocksdb",
        }
    }
}

/// An open data directory. The lock goes with it.
#[derive(Debug)]
pub struct DataDirectory {
    path: PathBuf,
    pub store_kind: StoreKind,
    _lock: File,
}

impl DataDirectory {
    /// Opens the directory, or makes one whose store is of the `wished` kind.
    /// What a directory holds already decides, whatever the profile wishes.
    pub fn open(path: &Path, wished: StoreKind) -> Result<DataDirectory> {
        create(path)?;
        let lock = lock(path)?;
        let store_kind = match fs::read_to_string(path.join(FORMAT_FILE)) {
            Ok(text) => {
                let (version, kind) = read_format(path, &text)?;
                // Before anything is written that an older version would misread.
                if version < FORMAT {
                    write_format(path, kind).map_err(|error| in_directory(path, &error))?;
                }
                kind
            }
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                require_empty(path)?;
                write_format(path, wished).map_err(|error| in_directory(path, &error))?;
                wished
            }
            Err(error) => return Err(in_directory(path, &error)),
        };
        let directory = DataDirectory {
            path: path.to_path_buf(),
            store_kind,
            _lock: lock,
        };
        directory.clear_scratch()?;
        Ok(directory)
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Whether the store has been told to write as little as it can.
    pub fn is_compressed(&self) -> bool {
        self.compressed_mark().exists()
    }

    /// The file that says so.
    pub(crate) fn compressed_mark(&self) -> PathBuf {
        self.path.join("COMPRESSED")
    }

    pub fn store(&self) -> PathBuf {
        self.path.join("store")
    }

    pub fn scratch(&self) -> PathBuf {
        self.path.join("scratch")
    }

    /// Columnar copies of tables, made again from their rows where they are missing.
    pub fn columns(&self) -> PathBuf {
        self.path.join("columns")
    }

    fn clear_scratch(&self) -> Result<()> {
        let scratch = self.scratch();
        match fs::remove_dir_all(&scratch) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                return Err(in_directory(&scratch, &error));
            }
            _ => {}
        }
        fs::create_dir(&scratch).map_err(|error| in_directory(&scratch, &error))
    }
}

/// For the owner alone, as PostgreSQL's: other users of the machine must not read it.
pub(crate) fn create(path: &Path) -> Result<()> {
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(path)
        .map_err(|error| in_directory(path, &error))
}

/// Whether a node has been started on it.
pub fn is_one(path: &Path) -> bool {
    path.join(FORMAT_FILE).exists()
}

fn in_directory(path: &Path, error: &std::io::Error) -> Error {
    let state = match error.kind() {
        std::io::ErrorKind::StorageFull => state::DISK_FULL,
        _ => state::IO_ERROR,
    };
    Error::new(state, format!("data directory {}: {error}", path.display()))
}

pub(crate) fn lock(path: &Path) -> Result<File> {
    let file = File::options()
        .create(true)
        .truncate(false)
        .write(true)
        .open(path.join(LOCK_FILE))
        .map_err(|error| in_directory(path, &error))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(Error::new(
            state::OBJECT_IN_USE,
            format!(
                "data directory {} is open in another process",
                path.display()
            ),
        )
        .with_hint("Connect to that node, stop it, or choose another --data-dir.")),
        Err(TryLockError::Error(error)) => Err(in_directory(path, &error)),
    }
}

pub(crate) fn require_empty(path: &Path) -> Result<()> {
    let entries = fs::read_dir(path).map_err(|error| in_directory(path, &error))?;
    for entry in entries {
        let name = entry
            .map_err(|error| in_directory(path, &error))?
            .file_name();
        // A half-written FORMAT is what a crash of the first start leaves;
        // lost+found is what a mount point has.
        let known = [LOCK_FILE, "FORMAT.new", "lost+found"];
        if !known.iter().any(|known| name == *known) {
            return Err(Error::new(
                state::OBJECT_NOT_IN_PREREQUISITE_STATE,
                format!(
                    "{} is not a data directory, and it is not empty",
                    path.display()
                ),
            )
            .with_detail(format!(
                "It holds \"{}\" but no FORMAT file.",
                name.to_string_lossy()
            ))
            .with_hint(match name == RESTORING {
                true => "A restore did not get to its end here. Run `orbit restore` again.",
                false => "Choose an empty or a new directory with --data-dir.",
            }));
        }
    }
    Ok(())
}

pub(crate) fn write_format(path: &Path, kind: StoreKind) -> std::io::Result<()> {
    let new = path.join("FORMAT.new");
    let mut file = File::create(&new)?;
    writeln!(file, "orbit {FORMAT} {}", kind.name())?;
    file.sync_all()?;
    fs::rename(&new, path.join(FORMAT_FILE))?;
    File::open(path)?.sync_all()
}

fn read_format(path: &Path, text: &str) -> Result<(u32, StoreKind)> {
    let mut words = text.split_whitespace();
    let version = match (words.next(), words.next().map(str::parse::<u32>)) {
        (Some("orbit"), Some(Ok(version))) if version > 0 => version,
        _ => {
            return Err(Error::corrupted(format!(
                "{} holds no version: \"{}\"",
                path.join(FORMAT_FILE).display(),
                text.trim().chars().take(40).collect::<String>()
            )));
        }
    };
    if version > FORMAT {
        return Err(Error::new(
            state::OBJECT_NOT_IN_PREREQUISITE_STATE,
            format!(
                "data directory {} has format {version}, this version of Orbit reads up to {FORMAT}",
                path.display()
            ),
        )
        .with_detail("It was written by a newer version. Nothing was changed.")
        .with_hint("Start that version again, or choose another --data-dir."));
    }
    let word = words.next();
    match word.and_then(StoreKind::named) {
        Some(kind) => Ok((version, kind)),
        None => Err(Error::corrupted(format!(
            "{} names no store: {word:?}",
            path.join(FORMAT_FILE).display()
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_keeps_the_store_it_was_made_with() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a/b");
        drop(DataDirectory::open(&path, StoreKind::Redb).unwrap());
        assert_eq!(
            fs::read_to_string(path.join("FORMAT")).unwrap(),
            "orbit 4 redb\n"
        );
        let again = DataDirectory::open(&path, StoreKind::RocksDb).unwrap();
        assert_eq!(again.store_kind, StoreKind::Redb);
    }

    #[test]
    fn a_new_directory_is_its_owners_alone() {
        use std::os::unix::fs::PermissionsExt;
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("data");
        drop(DataDirectory::open(&path, StoreKind::Redb).unwrap());
        let mode = fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o700);
    }

    #[test]
    fn a_second_opener_is_refused_until_the_first_is_gone() {
        let dir = tempfile::tempdir().unwrap();
        let first = DataDirectory::open(dir.path(), StoreKind::Redb).unwrap();
        let error = DataDirectory::open(dir.path(), StoreKind::Redb).unwrap_err();
        assert!(error.is(state::OBJECT_IN_USE));
        drop(first);
        DataDirectory::open(dir.path(), StoreKind::Redb).unwrap();
    }

    #[test]
    fn a_newer_format_is_refused_with_what_to_do_and_left_alone() {
        let dir = tempfile::tempdir().unwrap();
        let newer = FORMAT + 1;
        fs::write(
            dir.path().join("FORMAT"),
            format!("orbit {newer} quantum\n"),
        )
        .unwrap();
        let error = DataDirectory::open(dir.path(), StoreKind::Redb).unwrap_err();
        assert!(error.is(state::OBJECT_NOT_IN_PREREQUISITE_STATE));
        let told = format!("has format {newer}");
        assert!(error.message().contains(&told) && error.hint().is_some());
        assert!(!dir.path().join("FORMAT.new").exists());
        assert!(!dir.path().join("scratch").exists());
    }

    #[test]
    fn an_older_format_is_read_and_no_older_version_opens_it_again() {
        let dir = tempfile::tempdir().unwrap();
        let format = dir.path().join("FORMAT");
        for kind in [StoreKind::Redb, StoreKind::RocksDb] {
            fs::write(&format, format!("orbit 1 {}\n", kind.name())).unwrap();
            let other = match kind {
                StoreKind::Redb => StoreKind::RocksDb,
                StoreKind::RocksDb => StoreKind::Redb,
            };
            let opened = DataDirectory::open(dir.path(), other).unwrap();
            assert_eq!(opened.store_kind, kind);
            let written = fs::read_to_string(&format).unwrap();
            assert_eq!(written, format!("orbit {FORMAT} {}\n", kind.name()));
        }
    }

    #[test]
    fn nonsense_and_strangers_are_refused() {
        let dir = tempfile::tempdir().unwrap();
        for text in [
            "",
            "orbit",
            "orbit one redb",
            "orbit 0 redb",
            "orbit 1 papyrus",
        ] {
            fs::write(dir.path().join("FORMAT"), text).unwrap();
            let error = DataDirectory::open(dir.path(), StoreKind::Redb).unwrap_err();
            assert!(error.is(state::DATA_CORRUPTED), "{text}");
        }
        fs::remove_file(dir.path().join("FORMAT")).unwrap();
        fs::write(dir.path().join("thesis.tex"), "x").unwrap();
        let error = DataDirectory::open(dir.path(), StoreKind::Redb).unwrap_err();
        assert!(error.detail().unwrap().contains("thesis.tex"));
        assert!(!dir.path().join("FORMAT").exists());
    }

    #[test]
    fn scratch_is_emptied_at_every_start() {
        let dir = tempfile::tempdir().unwrap();
        let first = DataDirectory::open(dir.path(), StoreKind::Redb).unwrap();
        fs::write(first.scratch().join("run-1"), "x").unwrap();
        drop(first);
        let second = DataDirectory::open(dir.path(), StoreKind::Redb).unwrap();
        assert_eq!(fs::read_dir(second.scratch()).unwrap().count(), 0);
    }
}
