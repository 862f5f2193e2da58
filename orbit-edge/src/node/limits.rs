//! Limits that were set while a node ran: in effect at once, and kept in `limits.toml` of
//! its data directory, where they count more than the configuration.

use super::Node;
use crate::config::{Limit, NodeConfig};
use crate::machine;
use orbit_core::events::Severity;
use orbit_core::memory::Ceiling;
use orbit_core::pressure::limit::Limited;
#[cfg(feature = "datafusion")]
use orbit_core::pressure::limit::{Answer, Limits};
use orbit_core::profile::{MemoryPlan, format_bytes, parse_bytes};
use orbit_core::{Error, Result, state};
use std::fs::{self, File};
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};
#[cfg(feature = "datafusion")]
use std::sync::Weak;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use tokio::sync::Mutex;

const FILE: &str = "limits.toml";

/// The file: two keys of a configuration, as they stand there.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Kept {
    memory_limit: Option<String>,
    storage_limit: Option<String>,
}

impl Kept {
    fn read(directory: &Path) -> Result<Kept> {
        let path = directory.join(FILE);
        match fs::read_to_string(&path) {
            Ok(text) => Kept::parse(&text).map_err(|why| damaged(&path, &why)),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(Kept::default()),
            Err(error) => Err(in_file(&path, &error)),
        }
    }

    fn parse(text: &str) -> std::result::Result<Kept, String> {
        let mut kept = Kept::default();
        let table: toml::Table =
            toml::from_str(text).map_err(|error| error.message().to_owned())?;
        let edge = table.get("edge").filter(|_| table.len() == 1);
        let edge = edge
            .and_then(toml::Value::as_table)
            .filter(|edge| edge.len() == 1);
        let Some(toml::Value::Table(limits)) = edge.and_then(|edge| edge.get("resources")) else {
            return match table.is_empty() {
                true => Ok(kept),
                false => Err("it has more than [edge.resources], or not that".to_owned()),
            };
        };
        for (key, value) in limits {
            let place = match key.as_str() {
                "memory_limit" => &mut kept.memory_limit,
                "storage_limit" => &mut kept.storage_limit,
                other => return Err(format!("there is no limit \"{other}\"")),
            };
            *place = match value {
                toml::Value::String(text) => Some(text.clone()),
                toml::Value::Integer(bytes) => Some(bytes.to_string()),
                _ => return Err(format!("{key} is no size")),
            };
        }
        Ok(kept)
    }

    fn text(&self) -> String {
        let mut text = "# Set while the node ran, by `orbit edge resources limit`.\n\
                        [edge.resources]\n"
            .to_owned();
        let lines = [
            ("memory_limit", &self.memory_limit),
            ("storage_limit", &self.storage_limit),
        ];
        for (key, size) in lines {
            if let Some(size) = size {
                text += &format!("{key} = \"{size}\"\n");
            }
        }
        text
    }

    fn write(&self, directory: &Path) -> Result<()> {
        let (path, new) = (directory.join(FILE), directory.join("limits.toml.new"));
        let put = || -> std::io::Result<()> {
            let mut file = File::create(&new)?;
            file.write_all(self.text().as_bytes())?;
            file.sync_all()?;
            fs::rename(&new, &path)
        };
        if let Err(error) = put() {
            // What was begun of it is nobody's.
            let _ = fs::remove_file(&new);
            return Err(in_file(&path, &error));
        }
        File::open(directory)
            .and_then(|directory| directory.sync_all())
            .map_err(|error| in_file(&path, &error))
    }

    fn set(&mut self, what: Limited, bytes: Option<u64>) {
        let place = match what {
            Limited::Memory => &mut self.memory_limit,
            Limited::Storage => &mut self.storage_limit,
        };
        *place = bytes.map(format_bytes);
    }

    /// The configuration with these in place of its own. An error names the file.
    fn over_at_start(&self, config: &NodeConfig, directory: &Path) -> Result<NodeConfig> {
        self.over(config, directory).map_err(|error| {
            let path = directory.join(FILE);
            damaged(&path, error.message())
        })
    }

    fn over(&self, config: &NodeConfig, directory: &Path) -> Result<NodeConfig> {
        let path = directory.join(FILE);
        let bytes = |key: &str, text: &Option<String>| {
            let Some(text) = text else {
                return Ok(None);
            };
            let bytes = parse_bytes(text);
            let said = format!("{key} = \"{text}\" is no size");
            bytes.map(Some).ok_or_else(|| damaged(&path, &said))
        };
        config.limited(&Limit {
            memory_bytes: bytes("memory_limit", &self.memory_limit)?,
            storage_bytes: bytes("storage_limit", &self.storage_limit)?,
            said_in: path.clone(),
        })
    }
}

fn in_file(path: &Path, error: &std::io::Error) -> Error {
    let state = match error.kind() {
        ErrorKind::StorageFull => state::DISK_FULL,
        _ => state::IO_ERROR,
    };
    Error::new(state, format!("{}: {error}", path.display()))
}

/// A configuration with the limits that were set while its node ran.
///
/// # Errors
/// F0000 for a file that makes no sense, 58030 for one that can't be read.
pub fn with_limits(config: &NodeConfig) -> Result<NodeConfig> {
    let directory = &config.node.data_dir;
    Kept::read(directory)?.over_at_start(config, directory)
}

fn damaged(path: &Path, what: &str) -> Error {
    Error::new(
        state::CONFIG_FILE_ERROR,
        format!("{}: {what}", path.display()),
    )
    .with_hint("Mend it, or remove it: the configuration counts then.")
}

/// What a node may take.
pub(super) struct Caps {
    directory: PathBuf,
    /// Without what the file says.
    configured: NodeConfig,
    kept: Mutex<Kept>,
    /// As the node was opened: what its caches were made for.
    ceiling_at_first: u64,
    ceiling: Ceiling,
    /// How much of the first ceiling there still is, in percent.
    room: AtomicUsize,
    can_limit_storage: bool,
    /// `u64::MAX`: none.
    storage: AtomicU64,
}

impl Caps {
    /// With what its directory says in place of what the configuration says.
    pub fn open(
        configured: NodeConfig,
        directory: &Path,
        can_limit_storage: bool,
    ) -> Result<(Caps, NodeConfig, MemoryPlan)> {
        let kept = Kept::read(directory)?;
        let config = kept.over_at_start(&configured, directory)?;
        let plan = config.memory_plan(machine::memory_bytes());
        let storage = config.edge.resources.storage_limit_bytes;
        let caps = Caps {
            directory: directory.to_path_buf(),
            configured,
            kept: Mutex::new(kept),
            ceiling_at_first: plan.ceiling_bytes,
            ceiling: Ceiling::new(plan.ceiling_bytes),
            room: AtomicUsize::new(100),
            can_limit_storage,
            storage: AtomicU64::new(storage.unwrap_or(u64::MAX)),
        };
        Ok((caps, config, plan))
    }

    pub fn storage(&self) -> Option<u64> {
        let bytes = self.storage.load(Ordering::Relaxed);
        (self.can_limit_storage && bytes != u64::MAX).then_some(bytes)
    }

    async fn change(&self, what: Limited, bytes: Option<u64>) -> Result<Option<u64>> {
        if what == Limited::Storage && bytes.is_some() && !self.can_limit_storage {
            return Err(Error::unsupported("a limit for a store in one file")
                .with_detail("Such a store never gives back what it has taken."));
        }
        let mut kept = self.kept.lock().await;
        let mut next = kept.clone();
        next.set(what, bytes);
        let config = next.over(&self.configured, &self.directory)?;
        let (writes, directory) = (next.clone(), self.directory.clone());
        tokio::task::spawn_blocking(move || writes.write(&directory))
            .await
            .map_err(|error| Error::internal(error.to_string()))??;
        *kept = next;
        let plan = config.memory_plan(machine::memory_bytes());
        self.ceiling.set(plan.ceiling_bytes);
        let percent = plan.ceiling_bytes.saturating_mul(100) / self.ceiling_at_first.max(1);
        let percent = usize::try_from(percent).unwrap_or(100).clamp(1, 100);
        self.room.store(percent, Ordering::Relaxed);
        let resources = &config.edge.resources;
        let storage = resources.storage_limit_bytes;
        self.storage
            .store(storage.unwrap_or(u64::MAX), Ordering::Relaxed);
        Ok(match what {
            Limited::Memory => Some(config.memory_bytes(machine::memory_bytes())),
            Limited::Storage => self.storage(),
        })
    }
}

impl Node {
    /// What the data directory may take, where that can be kept.
    pub(crate) fn storage_limit(&self) -> Option<u64> {
        self.caps.storage()
    }

    /// How much of what its caches were made for the node may still take, in percent.
    pub(crate) fn room_percent(&self) -> usize {
        self.caps.room.load(Ordering::Relaxed)
    }

    /// Limits what the node takes from here on, also after the next start; no number of
    /// bytes is what the configuration says. What is in effect then; none is no limit.
    ///
    /// Memory above a limit that was lowered is given back by and by, and nothing may be
    /// added meanwhile. Kept statements, decoded columns, the store's cache and actors at
    /// rest follow at the next look; what queries and transactions may take, and the store's
    /// memory of writes, at the next start.
    ///
    /// # Errors
    /// 22023 for less than a node can live with, 0A000 where the store can't keep it, 53100
    /// or 58030 if it can't be written down.
    pub async fn limit(&self, what: Limited, bytes: Option<u64>) -> Result<Option<u64>> {
        let caps = self.caps.clone();
        // To its end, also if whoever asked has gone.
        let changing = tokio::spawn(async move { caps.change(what, bytes).await });
        let changed = changing.await;
        let limit = changed.map_err(|error| Error::internal(error.to_string()))??;
        let name = match what {
            Limited::Memory => "memory",
            Limited::Storage => "storage",
        };
        let limit_is = limit.map_or("none".to_owned(), format_bytes);
        let message = match bytes {
            Some(_) => format!("limited to {limit_is}"),
            None => format!("limited as configured: {limit_is}"),
        };
        let noted = self.events().note("limit", name, Severity::Info, message);
        if let Err(error) = noted.await {
            tracing::warn!(%error, "an event was not noted");
        }
        Ok(limit)
    }
}

/// A node as its sessions reach it, which doesn't keep it alive.
#[cfg(feature = "datafusion")]
pub(super) struct Reached(pub Weak<Node>);

#[cfg(feature = "datafusion")]
impl Limits for Reached {
    fn limit(&self, what: Limited, bytes: Option<u64>) -> Answer<'_> {
        Box::pin(async move {
            match self.0.upgrade() {
                Some(node) => node.limit(what, bytes).await,
                None => Err(Error::new(
                    state::ADMIN_SHUTDOWN,
                    "the node is shutting down",
                )),
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_is_read_again_and_nothing_else() {
        let mut kept = Kept::default();
        assert_eq!(Kept::parse(&kept.text()).unwrap(), kept);
        assert_eq!(Kept::parse("").unwrap(), kept);
        kept.set(Limited::Memory, Some(64 << 20));
        kept.set(Limited::Storage, Some(12_345_678_901));
        assert_eq!(Kept::parse(&kept.text()).unwrap(), kept);
        kept.set(Limited::Memory, None);
        assert_eq!(Kept::parse(&kept.text()).unwrap(), kept);
        for wrong in [
            "[edge.resources]\nmemory_limt = '1GB'",
            "[edge.resources]\nmemory_limit = true",
            "[edge]\nmode = 'hub'",
            "[edge.resources]\n[sync]\nenabled = true",
            "[edge",
        ] {
            assert!(Kept::parse(wrong).is_err(), "{wrong}");
        }
    }
}
