//! The same statements put to PostgreSQL and to Orbit, and what differs.
//!
//! * [`script`]: the files of statements and their directives
//! * [`compare`]: when two replies are the same
//! * [`run`]: one file against both servers
//! * [`generate`]: random statements, and [`generated`]: those against both servers
//!
//! `tests/differential/README.md` describes the format of the files.

pub mod compare;
pub mod generate;
pub mod generated;
pub mod run;
pub mod script;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// The files of the suite, by name.
pub fn files() -> Vec<PathBuf> {
    let directory = crate::project().join("tests/differential");
    let mut files: Vec<PathBuf> = std::fs::read_dir(&directory)
        .unwrap_or_else(|error| panic!("{}: {error}", directory.display()))
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.extension().is_some_and(|extension| extension == "sql"))
        .collect();
    files.sort();
    files
}

/// The known differences: the names of the entries of `docs/sql/compatibility.md`.
pub fn known_differences(compatibility: &Path) -> BTreeSet<String> {
    let text = std::fs::read_to_string(compatibility)
        .unwrap_or_else(|error| panic!("{}: {error}", compatibility.display()));
    text.lines()
        .filter_map(|line| line.strip_prefix("### "))
        .map(|name| name.trim().to_owned())
        .collect()
}
