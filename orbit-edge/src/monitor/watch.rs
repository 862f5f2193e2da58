//! From figures to levels, and to what the levels ask for. Pure.

use super::figures::Figures;
#[cfg(feature = "datafusion")]
use orbit_core::pressure::Adaptation;
use orbit_core::pressure::ladder::{Change, DISK, MEMORY};
use orbit_core::pressure::{Actions, Ladder, Level, Reading};

/// A large disk counts as its last so many bytes: of two terabytes the last twentieth is
/// no reason to refuse anything.
const LARGE_DISK: u64 = 40 << 30;

/// Where each resource stands, from look to look.
#[derive(Debug)]
pub struct Watch {
    memory: Ladder,
    group: Ladder,
    disk: Ladder,
    storage: Ladder,
    keys: Ladder,
}

impl Default for Watch {
    fn default() -> Self {
        Watch {
            memory: Ladder::new(MEMORY),
            group: Ladder::new(MEMORY),
            disk: Ladder::new(DISK),
            storage: Ladder::new(DISK),
            keys: Ladder::new(DISK),
        }
    }
}

/// A resource that is critical.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Short {
    pub resource: &'static str,
    pub used: u64,
    pub capacity: u64,
}

pub struct Judged {
    pub readings: Vec<Reading>,
    pub changes: Vec<(&'static str, Change)>,
    pub actions: Actions,
    pub memory: Level,
    pub disk: Level,
    /// Of the disk and the share of it, without what is only counted.
    pub space: Level,
    /// The first of what is critical.
    pub short: Option<Short>,
    #[cfg(feature = "actors")]
    pub free_memory_bytes: u64,
    /// How queries run.
    #[cfg(feature = "datafusion")]
    pub adaptation: Adaptation,
    /// All memory the node may take.
    #[cfg(feature = "actors")]
    pub memory_bytes: u64,
}

#[derive(Default)]
struct Seen {
    readings: Vec<Reading>,
    changes: Vec<(&'static str, Change)>,
    short: Option<Short>,
}

impl Seen {
    /// Of used and capacity, where there is such a resource.
    fn step(
        &mut self,
        resource: &'static str,
        ladder: &mut Ladder,
        measured: Option<(u64, u64)>,
    ) -> Level {
        let Some((used, capacity)) = measured else {
            return Level::Normal;
        };
        let unit = match resource {
            "keys" => "count",
            _ => "bytes",
        };
        let change = match resource {
            "disk" => {
                let counts = capacity.min(LARGE_DISK);
                let free = capacity.saturating_sub(used).min(counts);
                ladder.measure(counts - free, counts)
            }
            _ => ladder.measure(used, capacity),
        };
        self.changes.extend(change.map(|change| (resource, change)));
        let level = ladder.level();
        if level == Level::Critical && self.short.is_none() {
            self.short = Some(Short {
                resource,
                used,
                capacity,
            });
        }
        self.readings.push(Reading {
            level: Some(level),
            ..Reading::of(resource, used, Some(capacity), unit)
        });
        level
    }
}

/// How the link to the parent is called while it is there, and while it isn't.
pub fn link_state(is_there: bool) -> &'static str {
    match is_there {
        true => "online",
        false => "offline",
    }
}

impl Watch {
    pub fn judge(&mut self, figures: &Figures) -> Judged {
        let disk = figures.disk;
        let disk = disk.map(|(free, total)| (total.saturating_sub(free), total));
        let storage = figures.storage_limit.map(|limit| (figures.stored, limit));
        let mut seen = Seen::default();
        let memory = seen
            .step("memory", &mut self.memory, figures.memory)
            .max(seen.step("group_memory", &mut self.group, figures.group));
        let disk = seen.step("disk", &mut self.disk, disk).max(seen.step(
            "storage",
            &mut self.storage,
            storage,
        ));
        let space = disk;
        let disk = disk.max(seen.step("keys", &mut self.keys, figures.keys));
        let Seen {
            mut readings,
            changes,
            short,
        } = seen;
        if figures.storage_limit.is_none() {
            readings.push(Reading::of("storage", figures.stored, None, "bytes"));
        }
        readings.extend(figures.parent.map(|is_there| Reading {
            state: Some(link_state(is_there)),
            ..Reading::of("link", u64::from(is_there), Some(1), "count")
        }));
        #[cfg(feature = "datafusion")]
        readings.extend(figures.around.readings());
        #[cfg(any(feature = "actors", feature = "datafusion"))]
        let free_memory_bytes = figures.free_memory_bytes();
        Judged {
            readings,
            changes,
            actions: Actions::at(memory, disk),
            memory,
            disk,
            space,
            short,
            #[cfg(feature = "actors")]
            free_memory_bytes,
            #[cfg(feature = "datafusion")]
            adaptation: Adaptation::to(&figures.around.conditions(free_memory_bytes)),
            #[cfg(feature = "actors")]
            memory_bytes: figures.memory.map_or(0, |(_, most)| most),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GB: u64 = 1 << 30;

    fn calm() -> Figures {
        Figures {
            memory: Some((10, 100)),
            disk: Some((900 * GB, 1000 * GB)),
            ..Figures::default()
        }
    }

    fn level(readings: &[Reading], resource: &str) -> Option<Level> {
        let one = readings.iter().find(|one| one.resource == resource)?;
        one.level
    }

    #[test]
    fn the_worse_of_two_memories_and_of_two_disks_decides() {
        let mut watch = Watch::default();
        let judged = watch.judge(&calm());
        assert!(judged.actions.may_scale_up && judged.changes.is_empty());
        assert_eq!(level(&judged.readings, "group_memory"), None);

        let judged = watch.judge(&Figures {
            group: Some((91, 100)),
            storage_limit: Some(1000),
            stored: 720,
            ..calm()
        });
        assert_eq!(level(&judged.readings, "memory"), Some(Level::Normal));
        assert_eq!(level(&judged.readings, "group_memory"), Some(Level::High));
        assert_eq!(level(&judged.readings, "storage"), Some(Level::Warning));
        assert_eq!(judged.disk, Level::Warning);
        let changed: Vec<_> = judged.changes.iter().map(|(name, _)| *name).collect();
        assert_eq!(changed, ["group_memory", "storage"]);
        assert!(judged.actions.evict && !judged.actions.refuse_writes);

        let judged = watch.judge(&Figures {
            memory: Some((96, 100)),
            ..calm()
        });
        assert!(judged.actions.refuse_writes && judged.actions.shed);
        assert_eq!(judged.short.unwrap().resource, "memory");
        #[cfg(feature = "actors")]
        assert_eq!(judged.free_memory_bytes, 4);
    }

    #[test]
    fn rows_that_are_counted_take_no_space() {
        let judged = Watch::default().judge(&Figures {
            keys: Some((90, 100)),
            ..calm()
        });
        assert_eq!((judged.disk, judged.space), (Level::High, Level::Normal));
    }

    #[test]
    fn a_large_disk_is_short_by_what_is_left_of_it() {
        let mut watch = Watch::default();
        let mut of = |free, total| {
            let disk = Some((free, total));
            watch.judge(&Figures { disk, ..calm() }).disk
        };
        assert_eq!(of(30 * GB, 2000 * GB), Level::Normal);
        assert_eq!(of(11 * GB, 2000 * GB), Level::Warning);
        assert_eq!(of(GB, 2000 * GB), Level::Critical);
        assert_eq!(of(3 * GB, 8 * GB), Level::Normal);
        assert_eq!(of(2 * GB, 8 * GB), Level::Warning);
    }
}
