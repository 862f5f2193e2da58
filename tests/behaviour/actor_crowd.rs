//! Many more actors than a device has room for: they take turns, and memory stays as it is.

use orbit_tests::memory_group::MemoryGroup;
use orbit_tests::{skip, soak};
use std::process::{Command, Output};

const MB: u64 = 1 << 20;

/// What the program said: numbers behind a word.
fn said(output: &Output, word: &str) -> Vec<Vec<u64>> {
    let text = String::from_utf8_lossy(&output.stdout);
    let lines = text.lines().filter_map(|line| line.strip_prefix(word));
    let numbers = |line: &str| {
        line.split_whitespace()
            .map(|n| n.parse().unwrap())
            .collect()
    };
    lines.map(numbers).collect()
}

fn median(mut all: Vec<u64>) -> u64 {
    all.sort_unstable();
    all[all.len() / 2]
}

fn run(command: &mut Command) -> Output {
    let output = command.output().unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{}: {errors}", output.status);
    output
}

#[test]
fn ten_thousand_are_addressed_where_fifty_are_awake() {
    const CAP: u64 = 100 * MB;
    let (count, seconds) = (10_000, if soak() { 600 } else { 12 });
    let group = match MemoryGroup::new(CAP) {
        Ok(group) => group,
        Err(reason) => {
            return skip("ten_thousand_are_addressed_where_fifty_are_awake", &reason);
        }
    };
    let directory = tempfile::tempdir().unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_actor_crowd"));
    command
        .arg(directory.path())
        .args([count, 50, seconds].map(|n: u64| n.to_string()))
        .arg("iot_gateway");
    group.enclose(&mut command);
    let output = run(&mut command);
    // The system itself sees to the cap.
    assert_eq!(group.kills(), 0);
    let seen = said(&output, "second ");
    let resident: Vec<u64> = seen.iter().map(|one| one[1]).collect();
    let thirds: Vec<&[u64]> = resident.chunks(resident.len().div_ceil(3)).collect();
    let (middle, last) = (median(thirds[1].to_vec()), median(thirds[2].to_vec()));
    let most = resident.iter().max().copied().unwrap_or_default();
    let calls = seen.last().map_or(0, |last| last[2]);
    eprintln!(
        "{count} actors in {seconds} s, {calls} calls, resident {} MB in the middle, {} MB at the end, {} MB at most",
        middle / MB,
        last / MB,
        most / MB
    );
    // A few more than fifty while those that go are still there.
    assert!(
        seen.iter().all(|one| (40..=60).contains(&one[0])),
        "{seen:?}"
    );
    assert!(
        last < middle + middle / 20 + 2 * MB,
        "it grows: {resident:?}"
    );
}

#[test]
fn a_data_centre_has_room_for_a_crowd() {
    let count: u64 = if soak() { 100_000 } else { 20_000 };
    let directory = tempfile::tempdir().unwrap();
    let config = directory.path().join("orbit.toml");
    let profile =
        format!("[edge_profile.crowd]\nextends = \"edge_datacenter\"\nmax_actors = {count}\n");
    std::fs::write(&config, profile).unwrap();
    let output = run(Command::new(env!("CARGO_BIN_EXE_actor_crowd"))
        .arg(directory.path().join("data"))
        .args([count, 64, 2].map(|n| n.to_string()))
        .arg("crowd")
        .arg(&config));
    let crowd = &said(&output, "crowd ")[0];
    let (awake, resident) = (crowd[0], crowd[1]);
    eprintln!("{awake} actors awake, {} MB resident", resident / MB);
    assert_eq!(awake, count);
}
