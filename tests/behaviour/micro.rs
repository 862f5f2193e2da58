//! The micro node as it is shipped: its size, and that it keeps rows and finds them.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// What it may not pass.
const MOST_BYTES: u64 = 4_000_000;

fn build() -> PathBuf {
    let output = Command::new(env!("CARGO"))
        .args(["build", "--package", "orbit-edge", "--profile", "micro"])
        .args(["--no-default-features", "--features", "redb"])
        .args(["--message-format", "json-render-diagnostics"])
        .current_dir(orbit_tests::project())
        .output()
        .expect("cargo runs");
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let built = String::from_utf8(output.stdout).expect("UTF-8");
    built
        .lines()
        .filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok())
        .find_map(|message| message["executable"].as_str().map(PathBuf::from))
        .expect("an executable")
}

fn execute(node: &Path, data: &Path, sql: &str) -> Output {
    Command::new(node)
        .arg("--data-dir")
        .arg(data)
        .args(["--execute", sql])
        .output()
        .expect("the node runs")
}

fn rows(node: &Path, data: &Path, sql: &str) -> String {
    let output = execute(node, data, sql);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{errors}");
    String::from_utf8(output.stdout).expect("UTF-8")
}

#[test]
fn the_micro_node_is_small_and_keeps_rows() {
    let node = build();
    let size = node.metadata().expect("a file").len();
    assert!(size <= MOST_BYTES, "{size} bytes");

    let directory = tempfile::tempdir().expect("a directory");
    let data = directory.path().join("data");
    let create = "CREATE TABLE readings (sensor int PRIMARY KEY, at timestamptz, value float8);
         INSERT INTO readings VALUES (1, '2026-01-01 00:00+02', 20.5), (2, NULL, -1)";
    assert_eq!(rows(&node, &data, create), "");
    // Another process: what it finds was on disk.
    let found = rows(&node, &data, "SELECT * FROM readings WHERE sensor = 1");
    assert_eq!(found, "1\t2025-12-31 22:00:00+00\t20.5\n");
    let changed = "UPDATE readings SET value = value + 1 WHERE sensor = 2;
         SELECT at, value FROM readings WHERE sensor = 2;
         SELECT value FROM readings WHERE sensor = 3";
    assert_eq!(rows(&node, &data, changed), "\\N\t0\n");

    let refused = execute(&node, &data, "SELECT value / 0 FROM readings");
    assert_eq!(refused.status.code(), Some(1));
    let errors = String::from_utf8_lossy(&refused.stderr);
    assert!(errors.contains("division by zero"), "{errors}");
}
