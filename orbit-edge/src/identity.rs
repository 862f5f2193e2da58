//! The file IDENTITY of a data directory: who the node is, and where it lies.
//!
//! Two nodes must never work under one identity: each would give out the same
//! positions in the log and the same values of sequences. So a directory that lies
//! elsewhere than it did is not opened until somebody says what it is: a copy,
//! which takes an identity of its own (`renew`), or the original, moved (`keep`).
//! Either begins another life: an incarnation that nobody else has.

use crate::directory::DataDirectory;
use crate::place::{self, Facts, Verdict};
use orbit_core::ids::{Incarnation, SiteId};
use orbit_core::meta::Identity;
use orbit_core::{Error, Result, state};
use std::fs::{self, File};
use std::io::{ErrorKind, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

pub(crate) const FILE: &str = "IDENTITY";

/// What the file says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recorded {
    pub identity: Identity,
    pub facts: Facts,
}

/// A directory's identity file beside what its place looks like now.
#[derive(Clone, Debug)]
pub struct Found {
    pub recorded: Recorded,
    pub present: Facts,
}

impl Found {
    pub fn verdict(&self) -> Verdict {
        place::judge(&self.recorded.facts, &self.present)
    }
}

/// Reads the file of a directory, which may be open in another process. `None`:
/// there is none, as in directories of versions that knew of none.
pub fn read(directory: &Path) -> Result<Option<Found>> {
    let path = directory.join(FILE);
    let in_file =
        |error: std::io::Error| Error::new(state::IO_ERROR, format!("{}: {error}", path.display()));
    let file = match File::open(&path) {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(in_file(error)),
    };
    let present = place::look(&file).map_err(in_file)?;
    let text = fs::read_to_string(&path).map_err(in_file)?;
    let Some(recorded) = parse(&text) else {
        return Err(
            Error::corrupted(format!("{} is damaged", path.display())).with_hint(choose(directory))
        );
    };
    Ok(Some(Found { recorded, present }))
}

/// Writes the file anew, with the place it then lies in.
pub fn write(directory: &Path, identity: Identity) -> Result<()> {
    let new = directory.join("IDENTITY.new");
    let done = || -> std::io::Result<()> {
        // A file of its own: an old one would keep its inode and birth.
        match fs::remove_file(&new) {
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let mut file = File::options()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&new)?;
        let facts = place::look(&file)?;
        file.write_all(format(&Recorded { identity, facts }).as_bytes())?;
        file.sync_all()?;
        fs::rename(&new, directory.join(FILE))?;
        File::open(directory)?.sync_all()
    };
    done().map_err(|error| {
        Error::new(
            state::IO_ERROR,
            format!("{}: {error}", directory.join(FILE).display()),
        )
    })
}

/// Refuses a directory that lies elsewhere than it did.
pub fn require_same_place(directory: &DataDirectory) -> Result<Option<Found>> {
    let found = read(directory.path())?;
    if let Some(found) = &found
        && let Verdict::Copied(evidence) = found.verdict()
    {
        return Err(elsewhere(
            directory.path(),
            format!(
                "It belongs to {} elsewhere: {}.",
                found.recorded.identity.site,
                evidence.join("; ")
            ),
        ));
    }
    Ok(found)
}

/// Refuses a store that is not the one the directory was made with.
pub fn require_same_store(
    directory: &DataDirectory,
    found: Option<&Found>,
    stored: Option<Identity>,
) -> Result<()> {
    let Some(found) = found else {
        return Ok(());
    };
    let recorded = found.recorded.identity;
    match stored {
        Some(stored) if stored == recorded => Ok(()),
        Some(stored) => Err(elsewhere(
            directory.path(),
            format!(
                "Its store is of {} {}, its IDENTITY of {} {}.",
                stored.site, stored.incarnation, recorded.site, recorded.incarnation
            ),
        )),
        None => Err(Error::corrupted(format!(
            "the store of data directory {} is empty",
            directory.path().display()
        ))
        .with_detail(format!("It held what {} wrote.", recorded.site))
        .with_hint("Put its files back, or restore a backup into a new directory.")),
    }
}

fn elsewhere(directory: &Path, detail: String) -> Error {
    Error::new(
        state::OBJECT_NOT_IN_PREREQUISITE_STATE,
        format!(
            "data directory {} is not where it was: it looks like a copy",
            directory.display()
        ),
    )
    .with_detail(detail)
    .with_hint(choose(directory))
}

fn choose(directory: &Path) -> String {
    let directory = directory.display();
    format!(
        "If this is a copy and the original lives on: `orbit identity renew --data-dir {directory}`. \
         If it was moved and there is no other: `orbit identity keep --data-dir {directory}`."
    )
}

fn format(recorded: &Recorded) -> String {
    let mut text = String::from(
        "# Whose directory this is and where it lies; by it a copy is told from the original.\n\
         # Written by Orbit. To change it: orbit identity renew, orbit identity keep.\n",
    );
    let identity = recorded.identity;
    text.push_str(&format!("site = {:016x}\n", identity.site.0));
    text.push_str(&format!("incarnation = {:016x}\n", identity.incarnation.0));
    for (name, fact) in named(&recorded.facts) {
        if let Some(fact) = fact {
            text.push_str(&format!("{name} = {fact}\n"));
        }
    }
    for (name, flag) in [
        ("system_disk", recorded.facts.system_disk),
        ("container", recorded.facts.container),
    ] {
        text.push_str(&format!("{name} = {flag}\n"));
    }
    text
}

/// The facts with the names they have in the file and on the screen.
pub fn named(facts: &Facts) -> [(&'static str, &Option<String>); 7] {
    [
        ("inode", &facts.inode),
        ("born", &facts.born),
        ("filesystem", &facts.filesystem),
        ("disk", &facts.disk),
        ("volume", &facts.volume),
        ("machine", &facts.machine),
        ("hardware", &facts.hardware),
    ]
}

fn parse(text: &str) -> Option<Recorded> {
    let mut facts = Facts::default();
    let (mut site, mut incarnation) = (None, None);
    let number = |word: &str| u64::from_str_radix(word, 16).ok();
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        let (name, value) = line.split_once(" = ")?;
        let text = || Some(value.to_owned());
        match name {
            "site" => site = number(value),
            "incarnation" => incarnation = number(value),
            "inode" => facts.inode = text(),
            "born" => facts.born = text(),
            "filesystem" => facts.filesystem = text(),
            "disk" => facts.disk = text(),
            "volume" => facts.volume = text(),
            "machine" => facts.machine = text(),
            "hardware" => facts.hardware = text(),
            "system_disk" => facts.system_disk = value == "true",
            "container" => facts.container = value == "true",
            // A fact that a later version knows.
            _ => {}
        }
    }
    Some(Recorded {
        identity: Identity {
            site: SiteId(site?),
            incarnation: Incarnation(incarnation?),
        },
        facts,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const IDENTITY: Identity = Identity {
        site: SiteId(0x9f2c),
        incarnation: Incarnation(u64::MAX),
    };

    #[test]
    fn what_is_written_is_read_and_lies_where_it_lies() {
        let directory = tempfile::tempdir().unwrap();
        assert!(read(directory.path()).unwrap().is_none());
        write(directory.path(), IDENTITY).unwrap();
        let found = read(directory.path()).unwrap().unwrap();
        assert_eq!(found.recorded.identity, IDENTITY);
        assert_eq!(found.recorded.facts, found.present);
        assert_eq!(found.verdict(), Verdict::Same);
        assert_eq!(parse(&format(&found.recorded)), Some(found.recorded));
    }

    #[test]
    fn a_copied_file_is_told_and_a_renamed_directory_is_not() {
        let home = tempfile::tempdir().unwrap();
        let (one, two) = (home.path().join("one"), home.path().join("two"));
        fs::create_dir(&one).unwrap();
        write(&one, IDENTITY).unwrap();
        fs::rename(&one, &two).unwrap();
        assert_eq!(read(&two).unwrap().unwrap().verdict(), Verdict::Same);
        fs::create_dir(&one).unwrap();
        fs::copy(two.join(FILE), one.join(FILE)).unwrap();
        let copied = read(&one).unwrap().unwrap();
        assert!(matches!(copied.verdict(), Verdict::Copied(_)), "{copied:?}");
    }

    #[test]
    fn a_damaged_file_is_refused_with_what_to_do() {
        let directory = tempfile::tempdir().unwrap();
        for text in ["", "site = 1\n", "nonsense", "site = x\nincarnation = 1\n"] {
            fs::write(directory.path().join(FILE), text).unwrap();
            let error = read(directory.path()).unwrap_err();
            assert!(error.is(state::DATA_CORRUPTED) && error.hint().is_some());
        }
    }
}
