//! Disks that fail, lie and rot: the Nth write or flush fails, bytes flip,
//! tails are cut. No false acknowledgement, no wrong answer.

use orbit_tests::answers::{Answer, ask};
use orbit_tests::server::{Server, binary};
use orbit_tests::{Random, seed, skip, soak};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;
use tokio_postgres::Client;

const ROWS: i64 = 400;

async fn fill(client: &Client, from: i64, to: i64) -> Vec<i64> {
    let mut acknowledged = Vec::new();
    for id in from..to {
        let sql = format!("INSERT INTO t VALUES ({id}, {}, 'row number {id}')", id * 7);
        if client.batch_execute(&sql).await.is_err() {
            break;
        }
        acknowledged.push(id);
    }
    acknowledged
}

const CREATE: &str =
    "CREATE TABLE t (id bigint PRIMARY KEY, n bigint, note text); CREATE INDEX t_n ON t (n)";

fn copy_tree(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).expect("a directory");
    for entry in std::fs::read_dir(from).expect("a directory") {
        let entry = entry.expect("an entry");
        // Without its identity the copy passes for the original.
        if entry.file_name() == "IDENTITY" {
            continue;
        }
        let target = to.join(entry.file_name());
        if entry.file_type().expect("its type").is_dir() {
            copy_tree(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).expect("a copy");
        }
    }
}

/// Every acknowledged row is there, whole, by table and by index.
async fn verify(server: &Server, acknowledged: &[i64]) {
    let client = server.connect().await;
    for id in acknowledged {
        let sql = format!("SELECT n, note FROM t WHERE id = {id}");
        let Answer::Rows { rows, .. } = ask(&client, &sql).await else {
            panic!("{sql} failed");
        };
        let expected = vec![vec![
            Some((id * 7).to_string()),
            Some(format!("row number {id}")),
        ]];
        assert_eq!(rows, expected, "row {id}");
    }
}

/// Whether strace made a call fail that was not on a file of the database (it counts
/// the calls of each thread): `write(7<anon_inode:[eventfd]>, ...) (INJECTED)`.
fn failed_elsewhere(trace: &str, directory: &Path) -> bool {
    let ours = format!("<{}/", directory.display());
    let mut failed = trace.lines().filter(|line| line.contains("INJECTED"));
    failed.any(|line| !line.contains(&ours))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_nth_failing_call_acknowledges_nothing_falsely() {
    if Command::new("strace").arg("-V").output().is_err() {
        return skip(
            "the_nth_failing_call_acknowledges_nothing_falsely",
            "strace is not installed",
        );
    }
    // A database with some rows, which every run starts from.
    let home = tempfile::tempdir().expect("a directory");
    let base = home.path().join("base");
    let mut server = Server::start_in(&base, &[]).await;
    let client = server.connect().await;
    client.batch_execute(CREATE).await.expect(CREATE);
    let first = fill(&client, 0, 50).await;
    server.stop();
    let mut injections = 0;
    for (call, error) in [
        ("fdatasync", "EIO"),
        ("fsync", "EIO"),
        ("write", "ENOSPC"),
        ("pwrite64", "EIO"),
    ] {
        let limit = if soak() { 400 } else { 8 };
        let step = if soak() { 1 } else { 3 };
        for nth in (1..).step_by(step).take(limit) {
            let directory = home.path().join(format!("{call}-{nth}"));
            copy_tree(&base, &directory);
            let trace = home.path().join("trace");
            let mut command = Command::new("strace");
            command
                .args([
                    "-f",
                    "-y",
                    "-qq",
                    "--seccomp-bpf",
                    "-e",
                    "signal=none",
                    "-o",
                ])
                .arg(&trace)
                .args(["-e", &format!("trace={call}")])
                .args(["-e", &format!("inject={call}:error={error}:when={nth}")])
                .arg(binary());
            let mut acknowledged = first.clone();
            let (mut ended, mut heard) = (true, true);
            if let Ok(mut server) = Server::spawn(command, &directory, &[]).await {
                if let Ok(client) = server.try_connect().await {
                    let filled = fill(&client, 100, 130);
                    match tokio::time::timeout(Duration::from_secs(60), filled).await {
                        Ok(more) => acknowledged.extend(more),
                        // Whose wake-up failed waits for ever; a failed disk ends the node.
                        Err(_) => heard = false,
                    }
                }
                ended = server.stop_within(Duration::from_secs(15)).is_some();
            }
            let trace = std::fs::read_to_string(&trace).unwrap_or_default();
            let hit = trace.contains("INJECTED");
            // A write to an event or a signal's pipe never fails outside of this test,
            // and without it the node doesn't hear that it is asked to end.
            assert!(
                (ended && heard) || failed_elsewhere(&trace, &directory),
                "{call} {nth}: the node did not answer, or did not end:\n{trace}"
            );
            let server = Server::start_in(&directory, &[]).await;
            verify(&server, &acknowledged).await;
            drop(server);
            std::fs::remove_dir_all(&directory).expect("the directory");
            if !hit {
                break;
            }
            injections += 1;
        }
    }
    eprintln!("{injections} injections, no false acknowledgement");
    assert!(injections >= 8, "only {injections} calls were made to fail");
}

/// Files that hold data: tables and logs of the store.
fn data_files(directory: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    let mut folders = vec![directory.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).expect("a directory").flatten() {
            let path = entry.path();
            let kind = path.extension().and_then(|kind| kind.to_str());
            if path.is_dir() {
                folders.push(path);
            } else if matches!(kind, Some("sst" | "log"))
                && entry.metadata().is_ok_and(|of| of.len() > 0)
            {
                files.push(path);
            }
        }
    }
    files.sort();
    files
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn flipped_bytes_are_refused_or_reported() {
    let flips = if soak() { 400 } else { 30 };
    let mut random = Random(seed("flips"));
    let home = tempfile::tempdir().expect("a directory");
    let base = home.path().join("base");
    let mut server = Server::start_in(&base, &[]).await;
    let client = server.connect().await;
    client.batch_execute(CREATE).await.expect(CREATE);
    fill(&client, 0, ROWS / 2).await;
    // A clean stop and start: the first half may lie in tables, the rest in the log.
    server.restart().await;
    let client = server.connect().await;
    client
        .batch_execute("CHECKPOINT")
        .await
        .expect("CHECKPOINT");
    let acknowledged = fill(&client, ROWS / 2, ROWS).await;
    assert_eq!(acknowledged.len() as i64, ROWS / 2);
    server.kill();
    let (mut refused, mut reported, mut harmless) = (0, 0, 0);
    for round in 0..flips {
        let directory = home.path().join(format!("flip-{round}"));
        copy_tree(&base, &directory);
        let files = data_files(&directory);
        let file = &files[random.below(files.len() as u64) as usize];
        let mut bytes = std::fs::read(file).expect("the file");
        let at = random.below(bytes.len() as u64) as usize;
        bytes[at] ^= 1 << random.below(8);
        std::fs::write(file, &bytes).expect("the file");
        let what = format!("{} at {at}", file.display());
        match Server::spawn(Command::new(binary()), &directory, &[]).await {
            Err(said) => {
                assert!(said.len() > 20, "refused without a word: {what}");
                assert!(!said.contains("panicked"), "{what}: {said}");
                refused += 1;
            }
            Ok(server) => {
                let client = server.connect().await;
                let sql = "SELECT id, n, note FROM t ORDER BY id";
                match ask(&client, sql).await {
                    Answer::Error { .. } => reported += 1,
                    Answer::Rows { rows, .. } => {
                        let expected = (0..ROWS).map(|id| {
                            vec![
                                Some(id.to_string()),
                                Some((id * 7).to_string()),
                                Some(format!("row number {id}")),
                            ]
                        });
                        assert!(rows.into_iter().eq(expected), "a wrong answer after {what}");
                        harmless += 1;
                    }
                }
            }
        }
        std::fs::remove_dir_all(&directory).expect("the directory");
    }
    eprintln!("{flips} flips: {refused} refused, {reported} reported, {harmless} harmless");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cut_tail_is_never_refused() {
    let cuts = if soak() { 100 } else { 12 };
    let mut random = Random(seed("cut_tails"));
    let home = tempfile::tempdir().expect("a directory");
    let base = home.path().join("base");
    let mut server = Server::start_in(&base, &[]).await;
    let client = server.connect().await;
    client.batch_execute(CREATE).await.expect(CREATE);
    fill(&client, 0, ROWS).await;
    server.kill();
    let log = data_files(&base)
        .into_iter()
        .rfind(|path| path.extension().is_some_and(|kind| kind == "log"))
        .expect("a write-ahead log");
    let name = log.strip_prefix(&base).expect("within").to_owned();
    let whole = std::fs::read(&log).expect("the log");
    for round in 0..cuts {
        let directory = home.path().join(format!("cut-{round}"));
        copy_tree(&base, &directory);
        // Anywhere in the last quarter: what a crash may leave of unflushed writes.
        let length = whole.len() - random.below(whole.len() as u64 / 4) as usize;
        std::fs::write(directory.join(&name), &whole[..length]).expect("the cut log");
        let server = Server::start_in(&directory, &[]).await;
        let client = server.connect().await;
        let Answer::Rows { rows, .. } = ask(&client, "SELECT id FROM t ORDER BY id").await else {
            panic!("no answer after a cut at {length}");
        };
        let ids = rows
            .iter()
            .map(|row| row[0].as_deref().and_then(|id| id.parse::<i64>().ok()));
        assert!(
            ids.eq((0..rows.len() as i64).map(Some)),
            "not a prefix after a cut at {length}"
        );
        drop(server);
        std::fs::remove_dir_all(&directory).expect("the directory");
    }
    eprintln!("{cuts} cuts of the log's tail");
}
