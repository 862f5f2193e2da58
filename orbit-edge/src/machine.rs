//! How much memory a process may take here: what the machine has, what the control groups
//! around the process allow (cgroups(7), both versions), and its own limits (getrlimit(2)).

pub mod readings;

use std::path::{Path, PathBuf};

/// Version 1 writes "no limit" as a number near 2^63.
const NO_LIMIT: u64 = 1 << 50;

/// The least of all that holds memory back, if anything is known.
pub fn memory_bytes() -> Option<u64> {
    let group = group_memory().map(|(_, limit)| limit);
    let own = own_limit();
    [installed(), group, own].into_iter().flatten().min()
}

/// The tightest limit of the control groups this process is in, and the file that says so.
pub fn group_memory() -> Option<(PathBuf, u64)> {
    let groups = std::fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
    limit_files(&groups)
        .into_iter()
        .filter_map(|file| Some((limit_in(&file)?, file)))
        .min()
        .map(|(limit, file)| (file, limit))
}

fn installed() -> Option<u64> {
    let text = std::fs::read_to_string("/proc/meminfo").ok()?;
    let line = text.lines().find(|line| line.starts_with("MemTotal:"))?;
    let kilobytes: u64 = line.split_whitespace().nth(1)?.parse().ok()?;
    Some(kilobytes << 10)
}

/// What a group's file says of its limit, if there is one.
pub(crate) fn limit_in(file: &Path) -> Option<u64> {
    let limit = std::fs::read_to_string(file).ok()?.trim().parse().ok()?;
    (limit < NO_LIMIT).then_some(limit)
}

/// Where a process with these groups (the text of /proc/self/cgroup) may find limits. A
/// group's limit holds for all groups in it, so those above count too; in a container the
/// own group is what is mounted at the top, whatever its path is called outside.
fn limit_files(groups: &str) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for line in groups.lines() {
        let mut fields = line.splitn(3, ':');
        let (Some(_), Some(controllers), Some(path)) =
            (fields.next(), fields.next(), fields.next())
        else {
            continue;
        };
        let (mount, names): (&str, &[&str]) = match controllers {
            "" => ("/sys/fs/cgroup", &["memory.max", "memory.high"]),
            _ if controllers.split(',').any(|name| name == "memory") => {
                ("/sys/fs/cgroup/memory", &["memory.limit_in_bytes"])
            }
            _ => continue,
        };
        for above in Path::new(path).ancestors() {
            let group = Path::new(mount).join(above.strip_prefix("/").unwrap_or(above));
            files.extend(names.iter().map(|name| group.join(name)));
        }
    }
    files
}

/// What the process may map, or hold as data: a limit of either kind ends it as surely as
/// a group's does.
fn own_limit() -> Option<u64> {
    [libc::RLIMIT_AS, libc::RLIMIT_DATA]
        .into_iter()
        .filter_map(|which| {
            let mut limit = libc::rlimit {
                rlim_cur: 0,
                rlim_max: 0,
            };
            // SAFETY: the call fills in the structure it is given.
            let known = unsafe { libc::getrlimit(which, &mut limit) } == 0;
            (known && limit.rlim_cur != libc::RLIM_INFINITY).then_some(limit.rlim_cur as u64)
        })
        .min()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_of_all_groups_around_a_process_are_found() {
        let both = "4:memory:/shop/orbit\n3:cpuset:/\n0::/unit\nnonsense\n";
        let files: Vec<String> = limit_files(both)
            .iter()
            .map(|file| file.display().to_string())
            .collect();
        assert_eq!(
            files,
            [
                "/sys/fs/cgroup/memory/shop/orbit/memory.limit_in_bytes",
                "/sys/fs/cgroup/memory/shop/memory.limit_in_bytes",
                "/sys/fs/cgroup/memory/memory.limit_in_bytes",
                "/sys/fs/cgroup/unit/memory.max",
                "/sys/fs/cgroup/unit/memory.high",
                "/sys/fs/cgroup/memory.max",
                "/sys/fs/cgroup/memory.high",
            ]
        );
    }

    #[test]
    fn no_limit_is_none() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("limit");
        for (text, limit) in [
            ("536870912\n", Some(512 << 20)),
            ("max\n", None),
            ("9223372036854771712\n", None),
            ("", None),
        ] {
            std::fs::write(&file, text).unwrap();
            assert_eq!(limit_in(&file), limit, "{text}");
        }
        assert!(memory_bytes().is_some());
    }
}
