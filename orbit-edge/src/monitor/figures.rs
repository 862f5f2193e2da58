//! What is measured of the node, its process and its machine.

#[cfg(feature = "datafusion")]
use super::surroundings::{self, Surroundings};
use crate::machine;
use crate::machine::readings::Machine;
use crate::node::Node;
use orbit_core::disk;
use orbit_core::memory;
use orbit_core::store::Space;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// What nobody waits for is counted each so many-th time.
const SELDOM: u32 = 10;
/// How deep a data directory goes.
const DEPTH: u32 = 8;

/// All of one moment; none is what this machine doesn't have.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Figures {
    /// What the process holds in memory, and may; none where nobody counts.
    pub memory: Option<(u64, u64)>,
    /// What its control group holds, and may.
    pub group: Option<(u64, u64)>,
    /// What the file system has free, and in all.
    pub disk: Option<(u64, u64)>,
    /// What the data directory takes, and may.
    pub stored: u64,
    pub storage_limit: Option<u64>,
    /// How many rows and such there are, and may be, where the profile says so.
    pub keys: Option<(u64, u64)>,
    /// Whether the parent is linked, of a node that has one.
    pub parent: Option<bool>,
    #[cfg(feature = "datafusion")]
    pub around: Surroundings,
}

#[cfg(any(feature = "actors", feature = "datafusion"))]
impl Figures {
    /// The least that is left of the memories there are.
    pub fn free_memory_bytes(&self) -> u64 {
        let left = |(used, most): (u64, u64)| most.saturating_sub(used);
        let free = [self.memory, self.group].into_iter().flatten();
        free.map(left).min().unwrap_or(u64::MAX)
    }
}

pub struct Sources {
    machine: Machine,
    directory: PathBuf,
    /// Of the tightest control group, the file with its limit.
    group: Option<PathBuf>,
    stored: u64,
    looks: u32,
    #[cfg(feature = "datafusion")]
    around: surroundings::Sources,
}

impl Sources {
    pub fn of(node: &Node) -> Sources {
        Sources {
            machine: Machine::default(),
            directory: node.config().node.data_dir.clone(),
            group: machine::group_memory().map(|(file, _)| file),
            stored: 0,
            looks: 0,
            #[cfg(feature = "datafusion")]
            around: surroundings::Sources::default(),
        }
    }

    pub fn read(&mut self, node: &Node) -> Figures {
        // With a limit nobody should write past it for long.
        let storage_limit = node.storage_limit();
        if storage_limit.is_some() || self.looks.is_multiple_of(SELDOM) {
            self.stored = size_of_directory(&self.directory, DEPTH);
        }
        self.looks = self.looks.wrapping_add(1);
        let machine = machine::memory_bytes().unwrap_or(u64::MAX);
        let held = memory::held().map(|(held, ceiling)| (held, ceiling.min(machine)));
        let group = self.group.as_ref().and_then(|file| {
            let limit = machine::limit_in(file)?;
            Some((self.machine.group_bytes(file)?, limit))
        });
        Figures {
            memory: held,
            group,
            disk: disk::room(&self.directory).ok(),
            stored: self.stored,
            storage_limit,
            keys: node.config().profile.max_keys.and_then(|most| {
                let keys = node.engine().db().store().keys(Space::Data);
                Some((keys.ok()?, most))
            }),
            parent: parent(node),
            #[cfg(feature = "datafusion")]
            around: self.around.read(&self.machine, node),
        }
    }
}

#[cfg(feature = "links")]
fn parent(node: &Node) -> Option<bool> {
    node.config().parent_url()?;
    let links = node
        .actors_if_any()
        .and_then(|actors| actors.links_if_any());
    Some(links.is_some_and(|links| links.has_parent()))
}

#[cfg(not(feature = "links"))]
fn parent(_: &Node) -> Option<bool> {
    None
}

/// What all files below a directory take on the disk. What goes away meanwhile isn't counted.
fn size_of_directory(directory: &Path, depth: u32) -> u64 {
    let Ok(entries) = std::fs::read_dir(directory) else {
        return 0;
    };
    let sizes = entries.filter_map(|entry| {
        let entry = entry.ok()?;
        let kind = entry.file_type().ok()?;
        if kind.is_dir() && depth > 0 {
            return Some(size_of_directory(&entry.path(), depth - 1));
        }
        let file = kind.is_file().then(|| entry.metadata().ok())??;
        // A file may have room in it that was never written.
        Some(file.blocks().saturating_mul(512).min(file.len()))
    });
    sizes.sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directorys_size_is_that_of_all_files_in_it() {
        let root = tempfile::tempdir().unwrap();
        let deep = root.path().join("a/b");
        std::fs::create_dir_all(&deep).unwrap();
        std::fs::write(root.path().join("one"), [0; 1000]).unwrap();
        std::fs::write(deep.join("two"), [0; 234]).unwrap();
        let sparse = std::fs::File::create(root.path().join("sparse")).unwrap();
        sparse.set_len(1 << 30).unwrap();
        assert_eq!(size_of_directory(root.path(), DEPTH), 1234);
        assert_eq!(size_of_directory(&root.path().join("none"), DEPTH), 0);
    }
}
