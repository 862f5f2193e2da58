//! What a machine says of itself at a moment: memory in use, the processor's load, the
//! battery, heat. From /proc and /sys (proc(5), sysfs(5), cgroups(7)); what a machine
//! doesn't have is none, and what can't be read is as if it had it not.

use orbit_core::pressure::adapt::{Battery, Thermal};
use std::path::{Path, PathBuf};

/// Where the system's files are; elsewhere in tests.
#[derive(Clone, Debug)]
pub struct Machine {
    proc: PathBuf,
    sys: PathBuf,
}

impl Default for Machine {
    fn default() -> Self {
        Machine {
            proc: "/proc".into(),
            sys: "/sys".into(),
        }
    }
}

/// Ticks of all processors since the machine began, busy and in all.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CpuTime {
    busy: u64,
    all: u64,
}

impl CpuTime {
    /// Without so many ticks of somebody's.
    pub fn without(self, ticks: u64) -> CpuTime {
        CpuTime {
            busy: self.busy.saturating_sub(ticks),
            ..self
        }
    }

    /// How busy the processors were since an earlier look, in percent.
    pub fn percent_since(self, earlier: CpuTime) -> Option<u32> {
        let all = self.all.checked_sub(earlier.all)?;
        let busy = self.busy.checked_sub(earlier.busy)?;
        let percent = busy.saturating_mul(100).checked_div(all)?;
        u32::try_from(percent.min(100)).ok()
    }
}

/// A device is this hot, in thousandths of a degree, when its critical temperature is so
/// far off.
const WARM_BELOW: i64 = 30_000;
const HOT_BELOW: i64 = 15_000;
const CRITICAL_BELOW: i64 = 5_000;
/// Of a zone that doesn't say when it is critical.
const USUAL_CRITICAL: i64 = 95_000;

impl Machine {
    /// For tests: files under other roots.
    pub fn under(proc: impl Into<PathBuf>, sys: impl Into<PathBuf>) -> Machine {
        Machine {
            proc: proc.into(),
            sys: sys.into(),
        }
    }

    /// What of this process lies in memory.
    pub fn resident_bytes(&self) -> Option<u64> {
        let text = std::fs::read_to_string(self.proc.join("self/statm")).ok()?;
        let pages: u64 = text.split_whitespace().nth(1)?.parse().ok()?;
        // SAFETY: the call only returns a number.
        let page = unsafe { libc::sysconf(libc::_SC_PAGESIZE) };
        pages.checked_mul(u64::try_from(page).ok()?)
    }

    /// What a control group holds that the system could not take from it at once: all but
    /// pages of files and what the kernel may forget. `limit_file`: the file with its limit.
    pub fn group_bytes(&self, limit_file: &Path) -> Option<u64> {
        let group = limit_file.parent()?;
        const ONE: [&str; 2] = ["total_inactive_file", "total_active_file"];
        const TWO: [&str; 3] = ["inactive_file", "active_file", "slab_reclaimable"];
        let (current, free): (_, &[&str]) = match limit_file.file_name()?.to_str()? {
            "memory.limit_in_bytes" => ("memory.usage_in_bytes", &ONE),
            _ => ("memory.current", &TWO),
        };
        let held: u64 = number(&group.join(current))?;
        let stat = std::fs::read_to_string(group.join("memory.stat")).unwrap_or_default();
        let free = stat.lines().filter_map(|line| {
            let (name, bytes) = line.split_once(' ')?;
            let bytes: u64 = bytes.trim().parse().ok()?;
            free.contains(&name).then_some(bytes)
        });
        Some(held.saturating_sub(free.sum()))
    }

    pub fn cpu_time(&self) -> Option<CpuTime> {
        let text = std::fs::read_to_string(self.proc.join("stat")).ok()?;
        let line = text.lines().find(|line| line.starts_with("cpu "))?;
        let ticks = line.split_whitespace().skip(1);
        // user nice system idle iowait irq softirq steal; what guests use is in user.
        let ticks: Vec<u64> = ticks.take(8).filter_map(|one| one.parse().ok()).collect();
        let all: u64 = ticks.iter().sum();
        let waiting: u64 = ticks.iter().skip(3).take(2).sum();
        (ticks.len() >= 4).then(|| CpuTime {
            busy: all - waiting,
            all,
        })
    }

    /// Ticks of this process, its threads' in all (proc_pid_stat(5)).
    pub fn own_ticks(&self) -> Option<u64> {
        let text = std::fs::read_to_string(self.proc.join("self/stat")).ok()?;
        // The name before it may hold anything, but for its closing bracket.
        let (_, fields) = text.rsplit_once(')')?;
        let mut times = fields.split_whitespace().skip(11);
        let (user, system): (u64, u64) = (times.next()?.parse().ok()?, times.next()?.parse().ok()?);
        user.checked_add(system)
    }

    /// How many files and sockets are open, and how many may be.
    pub fn open_files(&self) -> Option<(u64, u64)> {
        let open = std::fs::read_dir(self.proc.join("self/fd")).ok()?.count();
        let text = std::fs::read_to_string(self.proc.join("self/limits")).ok()?;
        let line = text
            .lines()
            .find_map(|line| line.strip_prefix("Max open files"))?;
        let most = line.split_whitespace().next()?;
        Some((u64::try_from(open).ok()?, most.parse().unwrap_or(u64::MAX)))
    }

    /// Of several batteries the fullest: the device runs as long as one of them lasts.
    pub fn battery(&self) -> Option<Battery> {
        let supplies = std::fs::read_dir(self.sys.join("class/power_supply")).ok()?;
        supplies
            .filter_map(|supply| battery_in(&supply.ok()?.path()))
            .max_by_key(|battery| (battery.charging, battery.percent))
    }

    /// The hottest zone decides.
    pub fn thermal(&self) -> Option<Thermal> {
        let zones = std::fs::read_dir(self.sys.join("class/thermal")).ok()?;
        zones
            .filter_map(|zone| thermal_in(&zone.ok()?.path()))
            .max()
    }
}

fn word(file: &Path) -> Option<String> {
    Some(std::fs::read_to_string(file).ok()?.trim().to_owned())
}

fn number<T: std::str::FromStr>(file: &Path) -> Option<T> {
    word(file)?.parse().ok()
}

fn battery_in(supply: &Path) -> Option<Battery> {
    // Mice and keyboards have batteries, too.
    let is_a_devices = word(&supply.join("scope")).is_some_and(|scope| scope == "Device");
    if word(&supply.join("type"))? != "Battery" || is_a_devices {
        return None;
    }
    let status = word(&supply.join("status")).unwrap_or_default();
    Some(Battery {
        percent: number::<u32>(&supply.join("capacity"))?.min(100),
        charging: matches!(status.as_str(), "Charging" | "Full" | "Not charging"),
    })
}

fn thermal_in(zone: &Path) -> Option<Thermal> {
    let name = zone.file_name()?.to_str()?;
    if !name.starts_with("thermal_zone") {
        return None;
    }
    let now: i64 = number(&zone.join("temp"))?;
    let critical = (0..16)
        .find(|nth| {
            let kind = word(&zone.join(format!("trip_point_{nth}_type")));
            kind.is_some_and(|kind| kind == "critical")
        })
        .and_then(|nth| number::<i64>(&zone.join(format!("trip_point_{nth}_temp"))))
        .filter(|critical| *critical > 0)
        .unwrap_or(USUAL_CRITICAL);
    Some(match critical.saturating_sub(now) {
        left if left <= CRITICAL_BELOW => Thermal::Critical,
        left if left <= HOT_BELOW => Thermal::Hot,
        left if left <= WARM_BELOW => Thermal::Warm,
        _ => Thermal::Normal,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(directory: &Path, files: &[(&str, &str)]) {
        for (name, text) in files {
            let file = directory.join(name);
            std::fs::create_dir_all(file.parent().unwrap()).unwrap();
            std::fs::write(file, text).unwrap();
        }
    }

    #[test]
    fn the_processors_load_is_what_was_busy_between_two_looks() {
        let root = tempfile::tempdir().unwrap();
        let machine = Machine::under(root.path(), root.path());
        assert_eq!(machine.cpu_time(), None);
        write(
            root.path(),
            &[("stat", "cpu  100 0 50 800 50 0 0 0 0 0\ncpu0 1 2\n")],
        );
        let first = machine.cpu_time().unwrap();
        write(root.path(), &[("stat", "cpu  160 0 60 820 60 0 0 0 0 0\n")]);
        let second = machine.cpu_time().unwrap();
        assert_eq!(second.percent_since(first), Some(70));
        assert_eq!(second.percent_since(second), None, "no time passed");
        assert_eq!(first.percent_since(second), None, "counters went back");
    }

    #[test]
    fn a_group_holds_what_is_not_merely_cached() {
        let root = tempfile::tempdir().unwrap();
        let machine = Machine::default();
        write(
            root.path(),
            &[
                ("two/memory.current", "1000\n"),
                (
                    "two/memory.stat",
                    "anon 500\ninactive_file 200\nactive_file 90\nfile 400\nslab_reclaimable 10\n",
                ),
                ("one/memory.usage_in_bytes", "900\n"),
                (
                    "one/memory.stat",
                    "inactive_file 1\ntotal_inactive_file 150\ntotal_active_file 50\n",
                ),
                ("bare/memory.current", "77\n"),
            ],
        );
        let held = |file: &str| machine.group_bytes(&root.path().join(file));
        assert_eq!(held("two/memory.max"), Some(700));
        assert_eq!(held("one/memory.limit_in_bytes"), Some(700));
        assert_eq!(held("bare/memory.high"), Some(77));
        assert_eq!(held("none/memory.max"), None);
        assert!(
            machine
                .resident_bytes()
                .is_some_and(|bytes| bytes > 1 << 20)
        );
    }

    #[test]
    fn batteries_of_the_device_count_and_those_of_its_mouse_do_not() {
        let root = tempfile::tempdir().unwrap();
        let machine = Machine::under(root.path(), root.path());
        assert_eq!(machine.battery(), None);
        let supply = |name: &str, kind: &str, percent: &str, status: &str, scope: &str| {
            let file = |key: &str| format!("class/power_supply/{name}/{key}");
            write(
                root.path(),
                &[
                    (&file("type"), kind),
                    (&file("capacity"), percent),
                    (&file("status"), status),
                    (&file("scope"), scope),
                ],
            );
        };
        supply("AC", "Mains\n", "100\n", "", "");
        supply("mouse", "Battery\n", "90\n", "Full\n", "Device\n");
        assert_eq!(machine.battery(), None);
        supply("BAT0", "Battery\n", "17\n", "Discharging\n", "System\n");
        let seen = |machine: &Machine| machine.battery().map(|one| (one.percent, one.charging));
        assert_eq!(seen(&machine), Some((17, false)));
        supply("BAT1", "Battery\n", "40\n", "Discharging\n", "System\n");
        assert_eq!(seen(&machine), Some((40, false)));
        supply("BAT0", "Battery\n", "18\n", "Charging\n", "System\n");
        assert_eq!(seen(&machine), Some((18, true)));
    }

    #[test]
    fn the_hottest_zone_decides() {
        let root = tempfile::tempdir().unwrap();
        let machine = Machine::under(root.path(), root.path());
        assert_eq!(machine.thermal(), None);
        let zone = |nth: u32, temperature: &str, trips: &[(&str, &str)]| {
            let file = |key: &str| format!("class/thermal/thermal_zone{nth}/{key}");
            write(root.path(), &[(&file("temp"), temperature)]);
            for (place, (kind, at)) in trips.iter().enumerate() {
                write(
                    root.path(),
                    &[
                        (&file(&format!("trip_point_{place}_type")), kind),
                        (&file(&format!("trip_point_{place}_temp")), at),
                    ],
                );
            }
        };
        write(
            root.path(),
            &[("class/thermal/cooling_device0/temp", "200000")],
        );
        zone(0, "45000\n", &[]);
        assert_eq!(machine.thermal(), Some(Thermal::Normal));
        zone(1, "65000\n", &[]);
        assert_eq!(machine.thermal(), Some(Thermal::Warm));
        let trips = [("passive\n", "60000\n"), ("critical\n", "80000\n")];
        zone(2, "66000\n", &trips);
        assert_eq!(machine.thermal(), Some(Thermal::Hot));
        zone(2, "76000\n", &trips);
        assert_eq!(machine.thermal(), Some(Thermal::Critical));
    }
}
