//! The death of a process, for backends that live in files: a child writes and
//! syncs and says what it synced, is killed, and the parent looks.

use super::*;
use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Stdio};

const DIRECTORY: &str = "ORBIT_KILL_TEST_DIRECTORY";

/// What the child was told, if this process is the child.
pub fn child_directory() -> Option<std::path::PathBuf> {
    std::env::var_os(DIRECTORY).map(Into::into)
}

fn entry(number: u64) -> ([u8; 8], Vec<u8>) {
    let length = (number * 2_654_435_761 % 3000) as usize;
    (number.to_be_bytes(), vec![number as u8; length])
}

/// The child's life: goes on until it is killed.
pub fn write_until_killed(store: &dyn Store) -> ! {
    let start = next_number(store);
    let mut number = start;
    let mut output = std::io::stdout();
    loop {
        // Several batches per sync, so that a kill finds unsynced ones too.
        for _ in 0..=number % 7 {
            let (key, value) = entry(number);
            let mut batch = Batch::new();
            batch.put(Space::Data, &key, &value);
            batch.put(Space::Log, &key, &value);
            batch.put(Space::Meta, b"last", &key);
            if number >= 100 {
                batch.delete_range(Space::Side, &[0; 8], &(number - 100).to_be_bytes());
            }
            batch.put(Space::Side, &key, b"");
            store.apply(&batch).unwrap();
            number += 1;
        }
        store.sync().unwrap();
        writeln!(output, "synced {}", number - 1).unwrap();
        output.flush().unwrap();
    }
}

fn next_number(store: &dyn Store) -> u64 {
    get(store, Space::Meta, b"last")
        .map_or(0, |key| u64::from_be_bytes(key.try_into().unwrap()) + 1)
}

/// Runs the test `child` of this very binary (it must call
/// [`write_until_killed`] when [`child_directory`] is set), kills it after a
/// number of syncs and checks what is there; several times over.
pub fn survives_kills(
    child: &str,
    directory: &Path,
    open: &dyn Fn() -> Arc<dyn Store>,
    kills: u32,
) {
    let mut random = u64::from(std::process::id()) | 1;
    for kill in 0..kills {
        let mut process = Command::new(std::env::current_exe().unwrap())
            .args([child, "--exact", "--nocapture", "--test-threads=1"])
            .env(DIRECTORY, directory)
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit())
            .spawn()
            .unwrap();
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        let after = random % 40 + 1;
        let mut lines = BufReader::new(process.stdout.take().unwrap()).lines();
        let synced = |line: std::io::Result<String>| -> Option<u64> {
            // The test harness's own words may stand before it on the line.
            line.ok()?.split("synced ").nth(1)?.parse().ok()
        };
        let mut acknowledged = None;
        let mut seen = 0;
        while seen < after {
            let Some(line) = lines.next() else {
                panic!("the child ended by itself: {:?}", process.wait());
            };
            if let Some(number) = synced(line) {
                acknowledged = Some(number);
                seen += 1;
            }
        }
        process.kill().unwrap();
        process.wait().unwrap();
        // What it said before it died counts, read or not.
        for line in lines {
            acknowledged = synced(line).or(acknowledged);
        }
        check(&*open(), acknowledged.unwrap(), kill);
    }
}

fn check(store: &dyn Store, acknowledged: u64, kill: u32) {
    let next = next_number(store);
    assert!(
        next > acknowledged,
        "kill {kill}: {acknowledged} was synced, next is {next}"
    );
    for space in [Space::Data, Space::Log] {
        let entries = scan(store, space, KeyRange::default(), Direction::Forward);
        assert_eq!(
            entries.len() as u64,
            next,
            "kill {kill}: a prefix in {space:?}"
        );
        for (number, (key, value)) in entries.iter().enumerate() {
            let expected = entry(number as u64);
            assert!(
                key[..] == expected.0 && *value == expected.1,
                "kill {kill}: entry {number} of {space:?}"
            );
        }
    }
    let side = scan(store, Space::Side, KeyRange::default(), Direction::Forward);
    assert_eq!(
        side.len() as u64,
        next.min(101),
        "kill {kill}: deleted ranges"
    );
    store.health().unwrap();
}
