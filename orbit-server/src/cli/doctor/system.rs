//! The machine: memory, open files, the clock.

use super::{Finding, Level, size};
use orbit_core::profile::{Machine, Proposal, propose};
use orbit_edge::NodeConfig;
use orbit_edge::machine::{self, readings::Machine as Readings};
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

pub fn memory(config: &NodeConfig) -> Vec<Finding> {
    let machine = machine::memory_bytes();
    let wanted = config.edge.resources.memory_limit_bytes;
    let mut findings = vec![judge_memory(wanted, machine, available())];
    if let Some((file, limit)) = machine::group_memory() {
        findings.push(Finding::new(
            "memory of the group",
            Level::Note,
            format!("{} by {}", size(limit), file.display()),
            "",
        ));
    }
    findings
}

/// The profile that fits the machine, beside the one that is configured.
pub fn profile(configured: &str) -> Finding {
    let Some(memory_bytes) = machine::memory_bytes() else {
        return Finding::new("profile", Level::Note, "the memory isn't known", "");
    };
    let machine = Machine {
        memory_bytes,
        processors: std::thread::available_parallelism().map_or(1, usize::from),
        has_battery: Readings::default().battery().is_some(),
    };
    match propose(&machine) {
        Ok(proposal) => judge_profile(configured, &proposal),
        Err(error) => Finding::of_error("profile", &error),
    }
}

fn judge_profile(configured: &str, proposal: &Proposal) -> Finding {
    let check = "profile";
    if configured == proposal.profile {
        return Finding::ok(check, proposal.why.as_str());
    }
    let advice = format!(
        "It is {configured} now. --profile {0}, or [node] profile = \"{0}\", changes it.",
        proposal.profile
    );
    Finding::new(check, Level::Note, proposal.why.as_str(), advice)
}

fn available() -> Option<u64> {
    let text = fs::read_to_string("/proc/meminfo").ok()?;
    let line = text
        .lines()
        .find(|line| line.starts_with("MemAvailable:"))?;
    let kilobytes: u64 = line.split_whitespace().nth(1)?.parse().ok()?;
    Some(kilobytes << 10)
}

fn judge_memory(wanted: u64, machine: Option<u64>, available: Option<u64>) -> Finding {
    let check = "memory";
    let Some(machine) = machine else {
        return Finding::new(check, Level::Note, "not known", "");
    };
    let found = format!(
        "{} configured, {} here, {} available",
        size(wanted),
        size(machine),
        available.map_or_else(|| "?".to_owned(), size)
    );
    let advice = "Lower edge.resources.memory_limit, or choose a smaller profile.";
    if wanted > machine {
        return Finding::new(check, Level::Warning, found, advice);
    }
    if available.is_some_and(|available| available < wanted / 2) {
        let advice = "Stop what else needs memory, or lower edge.resources.memory_limit.";
        return Finding::new(check, Level::Warning, found, advice);
    }
    Finding::ok(check, found)
}

/// How much of the program's own file is read where a page of it is missed.
pub fn read_ahead() -> Option<Finding> {
    let program = fs::metadata(std::env::current_exe().ok()?).ok()?;
    let (major, minor) = (libc::major(program.dev()), libc::minor(program.dev()));
    let device = format!("/sys/dev/block/{major}:{minor}");
    let settings = [
        format!("{device}/queue/read_ahead_kb"),
        // Of a partition its disk's.
        format!("{device}/../queue/read_ahead_kb"),
    ];
    let mut found = settings.into_iter();
    let (text, setting) =
        found.find_map(|setting| Some((fs::read_to_string(&setting).ok()?, setting)))?;
    let kilobytes = text.trim().parse().ok()?;
    Some(judge_read_ahead(
        kilobytes,
        machine::memory_bytes()?,
        &setting,
    ))
}

/// Where little fits into memory, what is read beyond need takes the program's place.
fn judge_read_ahead(kilobytes: u64, memory: u64, setting: &str) -> Finding {
    const MUCH: u64 = 1024;
    const LITTLE: u64 = 512 << 20;
    let check = "read-ahead of the disk";
    let found = format!("{kilobytes} KB");
    match kilobytes > MUCH && memory < LITTLE {
        true => Finding::new(
            check,
            Level::Warning,
            format!("{found}, with {} of memory", size(memory)),
            format!("echo 128 > {setting}: what is read beyond need takes the program's place."),
        ),
        false => Finding::ok(check, found),
    }
}

pub fn files(config: &NodeConfig) -> Finding {
    let plan = config.memory_plan(machine::memory_bytes());
    let mut limit = libc::rlimit {
        rlim_cur: 0,
        rlim_max: 0,
    };
    // SAFETY: the call fills in the structure it is given.
    if unsafe { libc::getrlimit(libc::RLIMIT_NOFILE, &mut limit) } != 0 {
        return Finding::new("open files", Level::Note, "not known", "");
    }
    // `orbit serve` raises its own limit as far as it may.
    let tables = u64::try_from(plan.max_open_files).unwrap_or(1024);
    let most = config.edge.resources.max_file_descriptors;
    judge_files(
        most.map_or(limit.rlim_max as u64, |most| {
            most.min(limit.rlim_max as u64)
        }),
        tables + plan.max_connections as u64 + 64,
    )
}

fn judge_files(limit: u64, needed: u64) -> Finding {
    let found = format!("{limit} allowed, up to {needed} needed");
    match limit < needed {
        true => Finding::new(
            "open files",
            Level::Problem,
            found,
            format!(
                "Raise the limit (LimitNOFILE={needed} in the unit, `ulimit -n {needed}` in a shell), \
                 or lower edge.resources.max_connections."
            ),
        ),
        false => Finding::ok("open files", found),
    }
}

pub fn clock() -> Vec<Finding> {
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    vec![judge_time(now), synchronised()]
}

/// Nothing this version writes can be older than it.
fn judge_time(now: Duration) -> Finding {
    const BUILT_AFTER: u64 = 1_735_689_600;
    match now.as_secs() < BUILT_AFTER {
        true => Finding::new(
            "clock",
            Level::Problem,
            format!(
                "{} seconds after 1970: the clock was never set",
                now.as_secs()
            ),
            "Set the clock before the node starts (NTP, or an RTC with a battery): rows are \
             stamped with it.",
        ),
        false => Finding::ok(
            "clock",
            chrono::DateTime::<chrono::Utc>::from(UNIX_EPOCH + now).to_rfc3339(),
        ),
    }
}

fn synchronised() -> Finding {
    // SAFETY: all zeros ask without changing anything.
    let mut state: libc::timex = unsafe { std::mem::zeroed() };
    // SAFETY: the call fills in the structure it is given.
    let answer = unsafe { libc::adjtimex(&mut state) };
    if answer < 0 {
        return Finding::new("clock synchronised", Level::Note, "not known", "");
    }
    let is_synchronised = state.status & libc::STA_UNSYNC == 0 && answer != libc::TIME_ERROR;
    judge_sync(is_synchronised, i64::from(state.maxerror))
}

fn judge_sync(is_synchronised: bool, error_micros: i64) -> Finding {
    let check = "clock synchronised";
    let advice = "Run chrony or systemd-timesyncd: between nodes the later clock wins.";
    if !is_synchronised {
        return Finding::new(check, Level::Warning, "no", advice);
    }
    let found = format!("yes, within {} ms", error_micros / 1000);
    match error_micros > 5_000_000 {
        true => Finding::new(check, Level::Warning, found, advice),
        false => Finding::ok(check, found),
    }
}

/// A store whose newest commit lies ahead of the clock.
pub fn judge_drift(newest_millis: u64, now_millis: u64) -> Finding {
    let check = "clock and store";
    let ahead = newest_millis.saturating_sub(now_millis);
    let found = match newest_millis {
        0 => "nothing was committed yet".to_owned(),
        _ if ahead > 0 => format!("the newest commit is {ahead} ms ahead of the clock"),
        _ => "the newest commit lies in the past".to_owned(),
    };
    let advice = "The clock went back, or was ahead when that commit was made. Set it right; the \
                  node's own time stands still until the clock has caught up.";
    match ahead {
        0..=2_000 => Finding::ok(check, found),
        2_001..=600_000 => Finding::new(check, Level::Warning, found, advice),
        _ => Finding::new(check, Level::Problem, found, advice),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_judged() {
        assert_eq!(
            judge_memory(1 << 30, Some(8 << 30), Some(4 << 30)).level,
            Level::Ok
        );
        assert_eq!(
            judge_memory(9 << 30, Some(8 << 30), None).level,
            Level::Warning
        );
        assert_eq!(
            judge_memory(4 << 30, Some(8 << 30), Some(1 << 30)).level,
            Level::Warning
        );
        let ahead = |kilobytes, memory| judge_read_ahead(kilobytes, memory, "there").level;
        assert_eq!(ahead(128, 128 << 20), Level::Ok);
        assert_eq!(ahead(8192, 128 << 20), Level::Warning);
        assert_eq!(ahead(8192, 8 << 30), Level::Ok);
        assert_eq!(judge_files(1024, 2000).level, Level::Problem);
        assert_eq!(judge_files(65_536, 2000).level, Level::Ok);
        assert_eq!(judge_time(Duration::from_secs(5)).level, Level::Problem);
        assert_eq!(judge_sync(false, 0).level, Level::Warning);
        assert_eq!(judge_sync(true, 100).level, Level::Ok);
        let proposal = Proposal {
            profile: "iot_gateway".to_owned(),
            why: "256MB of memory".to_owned(),
        };
        assert_eq!(judge_profile("iot_gateway", &proposal).level, Level::Ok);
        let other = judge_profile("mobile_device", &proposal);
        assert_eq!(other.level, Level::Note);
        assert!(other.advice.contains("--profile iot_gateway"));
        assert_eq!(judge_drift(0, 5).level, Level::Ok);
        assert_eq!(judge_drift(10_000, 5_000).level, Level::Warning);
        assert_eq!(judge_drift(10_000_000, 5_000).level, Level::Problem);
    }
}
