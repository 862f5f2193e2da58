//! The disk under the data directory: room, kind, and how long a flush takes.

use super::{Finding, Level, size};
use std::ffi::CString;
use std::fs::{self, File};
use std::io::{Seek, Write};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// Flushes measured at most, and for at most how long.
const FLUSHES: usize = 200;
const MEASURE_FOR: Duration = Duration::from_secs(3);

pub fn all(data_dir: &Path) -> Vec<Finding> {
    let place = existing(data_dir);
    let mut findings = Vec::new();
    match room(&place) {
        Some(room) => findings.extend(judge_room(room)),
        None => findings.push(Finding::new(
            "disk space",
            Level::Problem,
            format!("{} can't be looked at", place.display()),
            "Check that the path is right and mounted.",
        )),
    }
    if let Some(kind) = kind(&place) {
        findings.push(judge_kind(kind));
    }
    findings.push(match measure(&place) {
        Ok(times) => judge_flushes(times),
        Err(error) => Finding::new(
            "disk flush",
            Level::Problem,
            format!("can't write to {}: {error}", place.display()),
            "Give the user that runs orbit the right to write there.",
        ),
    });
    findings
}

/// The directory, or the nearest above it that exists.
fn existing(path: &Path) -> PathBuf {
    let whole = std::path::absolute(path).unwrap_or_else(|_| path.to_path_buf());
    whole
        .ancestors()
        .find(|path| path.is_dir())
        .unwrap_or(Path::new("/"))
        .to_path_buf()
}

#[derive(Clone, Copy, Debug)]
struct Room {
    total: u64,
    free: u64,
    files: u64,
    files_free: u64,
}

fn room(path: &Path) -> Option<Room> {
    let path = CString::new(path.as_os_str().as_bytes()).ok()?;
    // SAFETY: all zeros are a valid statvfs, which the call fills in.
    let mut stat: libc::statvfs = unsafe { std::mem::zeroed() };
    // SAFETY: the path ends with a zero byte and lives over the call.
    if unsafe { libc::statvfs(path.as_ptr(), &mut stat) } != 0 {
        return None;
    }
    let block = stat.f_frsize as u64;
    Some(Room {
        total: stat.f_blocks as u64 * block,
        free: stat.f_bavail as u64 * block,
        files: stat.f_files as u64,
        files_free: stat.f_favail as u64,
    })
}

fn judge_room(room: Room) -> Vec<Finding> {
    let share = room.free as f64 / room.total.max(1) as f64 * 100.0;
    let found = format!(
        "{} free of {} ({share:.0} %)",
        size(room.free),
        size(room.total)
    );
    let advice = "Make room, or move the data directory to a larger disk (stop the node, move it, \
                  `orbit identity keep`). At 16 MB a node refuses to grow.";
    let level = match room.free {
        free if free < 64 << 20 => Level::Problem,
        free if free < 1 << 30 || share < 5.0 => Level::Warning,
        _ => Level::Ok,
    };
    let mut findings = vec![match level {
        Level::Ok => Finding::ok("disk space", found),
        level => Finding::new("disk space", level, found, advice),
    }];
    // File systems that make inodes as they are needed say 0 of 0.
    if room.files > 0 && room.files_free < 1000 {
        findings.push(Finding::new(
            "disk inodes",
            Level::Problem,
            format!("{} of {} free", room.files_free, room.files),
            "Remove small files from this file system, or use another one.",
        ));
    }
    findings
}

/// The file system's name and options, and whether its disk turns.
#[derive(Clone, Debug, Default)]
struct Kind {
    name: String,
    options: String,
    rotational: Option<bool>,
}

fn kind(path: &Path) -> Option<Kind> {
    use std::os::unix::fs::MetadataExt;
    let path = fs::canonicalize(path).ok()?;
    let mounts = fs::read_to_string("/proc/self/mountinfo").ok()?;
    // The longest mount point that the path lies under; of equal ones the last counts.
    let (name, options, _) = mounts
        .lines()
        .filter_map(|line| {
            let (mount, system) = line.split_once(" - ")?;
            let point = mount.split(' ').nth(4)?.replace("\\040", " ");
            let mut system = system.split(' ');
            let name = system.next()?.to_owned();
            let options = format!("{},{}", mount.split(' ').nth(5)?, system.nth(1)?);
            path.starts_with(&point)
                .then_some((name, options, point.len()))
        })
        .max_by_key(|(_, _, length)| *length)?;
    let device = fs::metadata(&path).ok()?.dev();
    let (major, minor) = (libc::major(device), libc::minor(device));
    let queue = |above: &str| {
        fs::read_to_string(format!(
            "/sys/dev/block/{major}:{minor}/{above}queue/rotational"
        ))
        .ok()
    };
    Some(Kind {
        name,
        options,
        rotational: queue("")
            .or_else(|| queue("../"))
            .map(|text| text.trim() == "1"),
    })
}

fn judge_kind(kind: Kind) -> Finding {
    let check = "file system";
    let has = |option: &str| kind.options.split(',').any(|one| one == option);
    let found = match kind.rotational {
        Some(true) => format!("{}, on a disk that turns", kind.name),
        _ => kind.name.clone(),
    };
    let name = kind.name.as_str();
    match name {
        "tmpfs" | "ramfs" | "devtmpfs" => Finding::new(
            check,
            Level::Problem,
            format!("{name}: it lives in memory, and with it all data"),
            "Put the data directory on a disk.",
        ),
        _ if has("ro") => Finding::new(
            check,
            Level::Problem,
            format!("{name}, mounted for reading only"),
            "Mount it for writing; after a disk error the kernel may have changed it (see dmesg).",
        ),
        _ if has("nobarrier") || has("barrier=0") => Finding::new(
            check,
            Level::Problem,
            format!("{name} without write barriers"),
            "Mount it without nobarrier: a power cut could lose what was acknowledged.",
        ),
        "nfs" | "nfs4" | "cifs" | "smb3" | "9p" => Finding::new(
            check,
            Level::Warning,
            format!("{name}: a disk of another machine"),
            "Use a local disk or a block volume; locks and flushes over a share are not certain.",
        ),
        "overlay" | "aufs" => Finding::new(
            check,
            Level::Warning,
            format!("{name}: a container's own layer, gone with the container"),
            "Mount a volume for the data directory.",
        ),
        _ if name.starts_with("fuse") => Finding::new(
            check,
            Level::Warning,
            format!("{name}: a file system in user space"),
            "Make sure that it carries out fsync, or use ext4 or xfs.",
        ),
        "vfat" | "exfat" | "ntfs" | "ntfs3" => Finding::new(
            check,
            Level::Warning,
            format!("{name}: it has no journal for what a power cut interrupts"),
            "Use ext4, xfs, btrfs or f2fs.",
        ),
        _ => Finding::ok(check, found),
    }
}

/// How long each of some small writes took to be on disk, in rising order.
fn measure(path: &Path) -> std::io::Result<Vec<Duration>> {
    let mut file: File = tempfile::tempfile_in(path)?;
    let block = [0x5a; 4096];
    let start = Instant::now();
    let mut times = Vec::with_capacity(FLUSHES);
    while times.len() < FLUSHES && start.elapsed() < MEASURE_FOR {
        // As a log does: always the next block, the file growing now and then.
        if times.len() % 64 == 0 {
            file.rewind()?;
        }
        let begun = Instant::now();
        file.write_all(&block)?;
        file.sync_data()?;
        times.push(begun.elapsed());
    }
    times.sort();
    Ok(times)
}

fn judge_flushes(times: Vec<Duration>) -> Finding {
    let at = |share: usize| {
        let last = times.len().saturating_sub(1);
        times.get(last * share / 100).copied().unwrap_or_default()
    };
    let (middle, slow) = (at(50), at(99));
    let millis = |time: Duration| format!("{:.2} ms", time.as_secs_f64() * 1e3);
    let found = format!(
        "p50 {}, p99 {} ({} writes)",
        millis(middle),
        millis(slow),
        times.len()
    );
    if middle < Duration::from_micros(15) {
        return Finding::new(
            "disk flush",
            Level::Warning,
            format!("{found}: too fast to be true"),
            "Something below answers without having written: check the disk's write cache, \
             the hypervisor's cache mode and the file system.",
        );
    }
    if slow > Duration::from_millis(100) {
        return Finding::new(
            "disk flush",
            Level::Warning,
            found,
            "Every COMMIT waits for a flush. Use a disk with a protected write cache, or commit \
             several rows at once; look for what else writes to this disk.",
        );
    }
    Finding::ok("disk flush", found)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn level(name: &str, options: &str) -> Level {
        judge_kind(Kind {
            name: name.to_owned(),
            options: options.to_owned(),
            rotational: None,
        })
        .level
    }

    #[test]
    fn kinds_of_file_systems_are_judged() {
        assert_eq!(level("ext4", "rw,relatime"), Level::Ok);
        assert_eq!(level("ext4", "ro,relatime"), Level::Problem);
        assert_eq!(level("ext4", "rw,nobarrier"), Level::Problem);
        assert_eq!(level("tmpfs", "rw"), Level::Problem);
        assert_eq!(level("overlay", "rw"), Level::Warning);
        assert_eq!(level("fuse.sshfs", "rw"), Level::Warning);
    }

    #[test]
    fn room_and_flushes_are_judged_by_numbers() {
        let of = |free| Room {
            total: 100 << 30,
            free,
            files: 0,
            files_free: 0,
        };
        let level = |free| judge_room(of(free))[0].level;
        assert_eq!(level(50 << 30), Level::Ok);
        assert_eq!(level(900 << 20), Level::Warning);
        assert_eq!(level(10 << 20), Level::Problem);
        let flushes = |micros| judge_flushes(vec![Duration::from_micros(micros); 100]).level;
        assert_eq!(flushes(800), Level::Ok);
        assert_eq!(flushes(5), Level::Warning);
        assert_eq!(flushes(300_000), Level::Warning);
    }
}
