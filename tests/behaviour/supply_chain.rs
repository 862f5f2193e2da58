//! What Orbit is built from: licences we may ship, one registry, one version of
//! the large libraries, and a micro node without them.

use serde_json::Value;
use std::process::Command;

/// Licences that ask for no more than their text to be kept; the MPL's only
/// further demand concerns changes to the library's own files, and we make none.
const ALLOWED: [&str; 18] = [
    "0BSD",
    "Apache-2.0",
    "Apache-2.0 WITH LLVM-exception",
    "BSD-1-Clause",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "BSL-1.0",
    "CC0-1.0",
    "CDLA-Permissive-2.0",
    "ISC",
    "MIT",
    "MIT-0",
    "MPL-2.0",
    "MPL-2.0+",
    "Unicode-3.0",
    "Unicode-DFS-2016",
    "Unlicense",
    "Zlib",
];

const ONCE: [&str; 8] = [
    "arrow",
    "datafusion",
    "parquet",
    "sqlparser",
    "tonic",
    "prost",
    "tokio",
    "rustls",
];

const BANNED: [&str; 3] = ["aws-lc-rs", "openssl-sys", "native-tls"];

fn cargo(arguments: &[&str]) -> String {
    let output = Command::new(env!("CARGO"))
        .args(arguments)
        .current_dir(orbit_tests::project())
        .output()
        .expect("cargo runs");
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout).expect("UTF-8")
}

/// An SPDX expression is fine if some way through its ORs is.
fn allowed(expression: &str) -> bool {
    let plain = expression.replace('/', " OR ").replace(['(', ')'], " ");
    plain.split(" OR ").any(|choice| {
        choice
            .split(" AND ")
            .all(|licence| ALLOWED.contains(&licence.trim()))
    })
}

#[test]
fn licences_and_versions() {
    let metadata = cargo(&["metadata", "--format-version", "1", "--locked"]);
    let metadata: Value = serde_json::from_str(&metadata).expect("JSON");
    let packages = metadata["packages"].as_array().expect("packages");
    assert!(packages.len() > 100);
    let mut wrong = Vec::new();
    for package in packages {
        let name = package["name"].as_str().unwrap_or_default();
        let source = package["source"].as_str();
        match package["license"].as_str() {
            Some(licence) if allowed(licence) => {}
            other => wrong.push(format!("{name}: licence {other:?}")),
        }
        if source.is_some_and(|source| !source.starts_with("registry+")) {
            wrong.push(format!("{name}: source {source:?}"));
        }
        if BANNED.contains(&name) {
            wrong.push(format!("{name} is banned"));
        }
    }
    for name in ONCE {
        let versions = packages
            .iter()
            .filter(|package| package["name"] == name)
            .count();
        if versions > 1 {
            wrong.push(format!("{name}: {versions} versions"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_micro_node_is_built_without_the_large_libraries() {
    let tree = cargo(&[
        "tree",
        "--offline",
        "-p",
        "orbit-edge",
        "--no-default-features",
        "--features",
        "redb",
        "-e",
        "normal",
        "--prefix",
        "none",
    ]);
    assert!(tree.contains("redb v"), "{tree}");
    for name in ["arrow", "datafusion", "rocksdb", "librocksdb-sys", "tonic"] {
        let found = tree.lines().find(|line| line.starts_with(name));
        assert_eq!(found, None);
    }
}
