//! A control group with a limit of memory, for a process whose death is the test.

use std::io::Write;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};

pub struct MemoryGroup {
    directory: PathBuf,
    version: Version,
}

#[derive(Clone, Copy)]
enum Version {
    One,
    Two,
}

impl MemoryGroup {
    /// A group under the one this process is in; `Err`: why there can be none here.
    pub fn new(bytes: u64) -> Result<MemoryGroup, String> {
        let groups =
            std::fs::read_to_string("/proc/self/cgroup").map_err(|error| error.to_string())?;
        let (version, parent) = parent_of(&groups).ok_or("no controller of memory")?;
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("orbit-test-{}-{count}", std::process::id());
        let directory = parent.join(name);
        std::fs::create_dir(&directory)
            .map_err(|error| format!("{}: {error}", directory.display()))?;
        let group = MemoryGroup { directory, version };
        group.limit(bytes)?;
        Ok(group)
    }

    fn limit(&self, bytes: u64) -> Result<(), String> {
        let bytes = bytes.to_string();
        match self.version {
            Version::One => {
                self.write("memory.limit_in_bytes", &bytes)?;
                // Where swap is counted: none of it.
                let _ = self.write("memory.memsw.limit_in_bytes", &bytes);
            }
            Version::Two => {
                self.write("memory.max", &bytes)?;
                let _ = self.write("memory.swap.max", "0");
            }
        }
        Ok(())
    }

    fn write(&self, file: &str, text: &str) -> Result<(), String> {
        let path = self.directory.join(file);
        let mut file = std::fs::OpenOptions::new()
            .write(true)
            .open(&path)
            .map_err(|error| format!("{}: {error}", path.display()))?;
        file.write_all(text.as_bytes())
            .map_err(|error| format!("{}: {error}", path.display()))
    }

    /// Has the process that `command` starts, and all that it starts, live in the group.
    pub fn enclose(&self, command: &mut Command) {
        let members = self.directory.join("cgroup.procs");
        // SAFETY: between fork and exec one file is opened and written to.
        unsafe {
            command.pre_exec(move || std::fs::write(&members, "0"));
        }
    }

    /// How often somebody in the group was killed because it was full.
    pub fn kills(&self) -> u64 {
        let file = match self.version {
            Version::One => "memory.oom_control",
            Version::Two => "memory.events",
        };
        let text = std::fs::read_to_string(self.directory.join(file)).unwrap_or_default();
        let line = text.lines().find_map(|line| line.strip_prefix("oom_kill "));
        line.and_then(|number| number.trim().parse().ok())
            .unwrap_or(0)
    }
}

impl Drop for MemoryGroup {
    fn drop(&mut self) {
        // Only an empty group goes; one whose process outlived the test stays.
        let _ = std::fs::remove_dir(&self.directory);
    }
}

/// The group of memory of a process with these groups (the text of /proc/self/cgroup).
fn parent_of(groups: &str) -> Option<(Version, PathBuf)> {
    let group = |controller: &str| {
        groups.lines().find_map(|line| {
            let (_, rest) = line.split_once(':')?;
            let (controllers, path) = rest.split_once(':')?;
            let found = controllers.split(',').any(|name| name == controller);
            found.then(|| path.trim_start_matches('/').to_owned())
        })
    };
    if let Some(path) = group("memory") {
        let mount = Path::new("/sys/fs/cgroup/memory");
        // In a container the own group is what is mounted.
        let own = Some(mount.join(path)).filter(|own| own.exists());
        return Some((Version::One, own.unwrap_or_else(|| mount.to_owned())));
    }
    let own = Path::new("/sys/fs/cgroup").join(group("")?);
    let controllers = std::fs::read_to_string(own.join("cgroup.subtree_control")).ok()?;
    if !controllers.split_whitespace().any(|name| name == "memory") {
        std::fs::write(own.join("cgroup.subtree_control"), "+memory").ok()?;
    }
    Some((Version::Two, own))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::process::ExitStatusExt;

    #[test]
    fn who_takes_more_than_the_group_has_is_killed() {
        let group = match MemoryGroup::new(32 << 20) {
            Ok(group) => group,
            Err(reason) => {
                return crate::skip("who_takes_more_than_the_group_has_is_killed", &reason);
            }
        };
        let run = |bytes: u32| {
            let mut command = Command::new("head");
            command.args(["-c", &bytes.to_string(), "/dev/zero"]);
            command.stdout(std::process::Stdio::piped());
            // tail keeps what comes through a pipe.
            let mut head = command.spawn().unwrap();
            let mut tail = Command::new("tail");
            tail.args(["-c", &bytes.to_string()]);
            tail.stdin(head.stdout.take().unwrap());
            tail.stdout(std::process::Stdio::null());
            group.enclose(&mut tail);
            let ended = tail.status().unwrap();
            // With it goes the last reader of the pipe: head ends.
            drop(tail);
            let _ = head.wait();
            ended
        };
        assert!(run(1 << 20).success());
        assert_eq!(group.kills(), 0);
        assert_eq!(run(256 << 20).signal(), Some(9));
        assert_eq!(group.kills(), 1);
    }
}
