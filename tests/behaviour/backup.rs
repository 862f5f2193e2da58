//! Backups taken while writers work, restored, and compared row by row with what was
//! acknowledged; damaged ones refused; copies of a data directory told from the original.

use orbit_tests::ledger::Ledger;
use orbit_tests::server::{Server, binary};
use orbit_tests::{Random, seed, soak};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::{Duration, Instant};
use tokio_postgres::{Client, SimpleQueryMessage};

/// More than columns take to be made on a busy machine.
const PATIENCE: Duration = Duration::from_secs(90);

pub fn orbit(arguments: &[&str]) -> Output {
    Command::new(binary())
        .args(arguments)
        .output()
        .expect("orbit runs")
}

fn said(output: &Output) -> String {
    format!(
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    )
}

pub fn succeeds(arguments: &[&str]) -> String {
    let output = orbit(arguments);
    assert!(output.status.success(), "{arguments:?}: {}", said(&output));
    said(&output)
}

/// The exit code, and what was said.
pub fn fails(arguments: &[&str]) -> (i32, String) {
    let output = orbit(arguments);
    assert!(
        !output.status.success(),
        "{arguments:?} succeeded: {}",
        said(&output)
    );
    (output.status.code().unwrap_or(-1), said(&output))
}

pub fn text(path: &Path) -> &str {
    path.to_str().expect("a path of this test")
}

async fn take(server: &Server, file: &Path) {
    let (port, file) = (server.port.to_string(), text(file).to_owned());
    tokio::task::spawn_blocking(move || {
        succeeds(&["backup", &file, "--port", &port, "--quiet"]);
    })
    .await
    .expect("the backup");
}

async fn under_load(profile: &str, rounds: usize, padding: u32) {
    let home = tempfile::tempdir().expect("a directory");
    let mut server = Server::start_with(&["--profile", profile]).await;
    let mut random = Random(seed("backup_under_load"));
    let ledger = Ledger::open(&server).await;
    // So that a backup takes longer than a commit.
    let padding = format!(
        "CREATE TABLE padding (id int PRIMARY KEY, note text); \
         INSERT INTO padding SELECT g, repeat('x', 500) FROM generate_series(1, {padding}) g"
    );
    let client = server.connect().await;
    client.batch_execute(&padding).await.expect("padding");
    let writers = ledger.work(&server, &mut random).await;
    let mut copies = Vec::new();
    for round in 0..rounds {
        ledger.busy(50).await;
        let file = home.path().join(format!("{round}.backup"));
        let before = ledger.now();
        take(&server, &file).await;
        let after = ledger.now();
        assert!(
            ledger.acknowledged_between(before, after) > 0,
            "nothing was written meanwhile"
        );
        copies.push((file, before, after));
    }
    ledger.stop();
    for writer in writers {
        writer.await.expect("a writer").expect("no write fails");
    }
    server.stop();
    for (round, (file, before, after)) in copies.iter().enumerate() {
        succeeds(&["backup", "verify", text(file)]);
        let directory = home.path().join(format!("restored-{round}"));
        succeeds(&[
            "restore",
            text(file),
            "--data-dir",
            text(&directory),
            "--quiet",
        ]);
        let mut restored = Server::start_in(&directory, &[]).await;
        let commits = ledger.verify(&restored, *before, *after).await;
        eprintln!("{profile}, backup {round}: {commits} commits");
        // It is a node like any other: it takes writes, and they last.
        let client = restored.connect().await;
        client
            .batch_execute("CREATE TABLE own (id int PRIMARY KEY); INSERT INTO own VALUES (1)")
            .await
            .expect("a write on the copy");
        restored.kill();
        restored.restart().await;
        let client = restored.connect().await;
        client
            .query_one("SELECT id FROM own", &[])
            .await
            .expect("the write after a crash of the copy");
        ledger.verify(&restored, *before, *after).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_backup_under_load_restores_to_one_moment_row_by_row() {
    under_load("edge_datacenter", if soak() { 20 } else { 3 }, 60_000).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn so_does_one_of_the_store_in_one_file() {
    under_load("micro_device", if soak() { 10 } else { 2 }, 10_000).await;
}

/// A node with some rows and an index, its backup, and what a query says of it.
async fn sample(home: &Path) -> (Server, PathBuf) {
    let server = Server::start().await;
    let client = server.connect().await;
    client
        .batch_execute(
            "CREATE TABLE t (id bigint PRIMARY KEY, n bigint, note text);
             CREATE INDEX t_n ON t (n);
             INSERT INTO t SELECT g, g * 7, 'row ' || g FROM generate_series(1, 3000) g",
        )
        .await
        .expect("rows");
    let file = home.join("sample.backup");
    take(&server, &file).await;
    (server, file)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_damaged_or_cut_backup_is_refused_and_leaves_nothing() {
    let home = tempfile::tempdir().expect("a directory");
    let (_server, file) = sample(home.path()).await;
    let whole = std::fs::read(&file).expect("the backup");
    let mut random = Random(seed("damaged_backup"));
    let damaged = home.path().join("damaged.backup");
    let directory = home.path().join("restored");
    let times = if soak() { 300 } else { 24 };
    for time in 0..times {
        let mut bytes = whole.clone();
        let at = random.below(bytes.len() as u64) as usize;
        if time % 2 == 0 {
            bytes.truncate(at);
        } else {
            bytes[at] ^= 1 << random.below(8);
        }
        std::fs::write(&damaged, &bytes).expect("the damaged backup");
        let arguments = ["restore", text(&damaged), "--data-dir", text(&directory)];
        let (code, told) = fails(&arguments);
        assert!(matches!(code, 1 | 4), "byte {at}: exit {code}: {told}");
        assert!(
            told.contains("damaged.backup") && told.contains("HINT"),
            "byte {at}: {told}"
        );
        assert!(!directory.exists(), "byte {at}: something was put in place");
        fails(&["backup", "verify", text(&damaged)]);
    }
    // A directory that is there already is left as it was, file by file.
    std::fs::create_dir(&directory).expect("a directory");
    std::fs::write(&damaged, &whole[..whole.len() - 1]).expect("the cut backup");
    let (code, told) = fails(&["restore", text(&damaged), "--data-dir", text(&directory)]);
    assert!(code == 1 && told.contains("is cut off"), "{code}: {told}");
    let left: Vec<_> = std::fs::read_dir(&directory)
        .expect("the directory")
        .map(|entry| entry.expect("an entry").file_name())
        .filter(|name| name != "LOCK")
        .collect();
    assert!(left.is_empty(), "{left:?}");
    succeeds(&["restore", text(&file), "--data-dir", text(&directory)]);
    let (code, told) = fails(&["restore", text(&file), "--data-dir", text(&directory)]);
    assert!(code == 4 && told.contains("already"), "{code}: {told}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stopped_directory_is_backed_up_into_the_other_kind_of_store() {
    let home = tempfile::tempdir().expect("a directory");
    let (mut server, _) = sample(home.path()).await;
    server.stop();
    let file = home.path().join("stopped.backup");
    let from = server.directory.clone();
    succeeds(&["backup", text(&file), "--data-dir", text(&from)]);
    let (code, told) = fails(&["backup", text(&file), "--data-dir", text(&from)]);
    assert!(code == 2 && told.contains("--force"), "{code}: {told}");
    let directory = home.path().join("small");
    succeeds(&[
        "restore",
        text(&file),
        "--data-dir",
        text(&directory),
        "--store",
        "redb",
    ]);
    let format = std::fs::read_to_string(directory.join("FORMAT")).expect("FORMAT");
    assert_eq!(format, "orbit 4 redb\n");
    let restored = Server::start_in(&directory, &[]).await;
    let client = restored.connect().await;
    let sums = "SELECT count(*), sum(n)::bigint, count(DISTINCT note) FROM t WHERE n > 0";
    let row = client.query_one(sums, &[]).await.expect(sums);
    let sums: (i64, i64, i64) = (row.get(0), row.get(1), row.get(2));
    assert_eq!(sums, (3000, 7 * 3000 * 3001 / 2, 3000));
}

/// A restore that was killed is begun again, and until then nothing opens.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_restore_opens_nowhere_and_can_be_repeated() {
    let home = tempfile::tempdir().expect("a directory");
    let (_server, file) = sample(home.path()).await;
    let directory = home.path().join("restored");
    succeeds(&["restore", text(&file), "--data-dir", text(&directory)]);
    // As a kill between the two last steps leaves it.
    let building = directory.join(".restoring");
    std::fs::create_dir(&building).expect("a directory");
    std::fs::rename(directory.join("FORMAT"), building.join("FORMAT")).expect("a rename");
    let (code, told) = fails(&["sql", "-c", "SELECT 1", "--data-dir", text(&directory)]);
    assert!(
        code == 4 && told.contains("orbit restore"),
        "{code}: {told}"
    );
    succeeds(&["restore", text(&file), "--data-dir", text(&directory)]);
    let counted = succeeds(&[
        "sql",
        "-c",
        "SELECT count(*) FROM t",
        "--data-dir",
        text(&directory),
    ]);
    assert!(counted.contains("3000"), "{counted}");
}

fn identity(directory: &Path) -> (String, String) {
    let text = std::fs::read_to_string(directory.join("IDENTITY")).expect("IDENTITY");
    let fact = |name: &str| {
        text.lines()
            .find_map(|line| line.strip_prefix(name)?.strip_prefix(" = "))
            .unwrap_or_else(|| panic!("{name} in {text}"))
            .to_owned()
    };
    (fact("site"), fact("incarnation"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_copied_directory_is_refused_until_it_is_told_what_it_is() {
    let home = tempfile::tempdir().expect("a directory");
    let (mut server, file) = sample(home.path()).await;
    let own = identity(&server.directory);
    server.stop();
    let (copy, moved) = (home.path().join("copy"), home.path().join("moved"));
    let copied = Command::new("cp")
        .arg("-a")
        .args([&server.directory, &copy])
        .status();
    assert!(copied.expect("cp runs").success());
    for command in [
        &["sql", "-c", "SELECT 1"][..],
        &[
            "serve",
            "--pg-port",
            "0",
            "--grpc-port",
            "0",
            "--http-port",
            "0",
        ],
    ] {
        let arguments = [command, &["--data-dir", text(&copy)]].concat();
        let (code, told) = fails(&arguments);
        assert!(
            code == 4
                && told.contains("orbit identity renew")
                && told.contains("orbit identity keep"),
            "{code}: {told}"
        );
    }
    assert_eq!(identity(&copy), own, "a refused start changes nothing");
    let shown = succeeds(&["identity", "show", "--data-dir", text(&copy)]);
    assert!(shown.contains("looks like a copy"), "{shown}");
    succeeds(&["identity", "renew", "--data-dir", text(&copy)]);
    let renewed = identity(&copy);
    assert!(
        renewed.0 != own.0 && renewed.1 != own.1,
        "{renewed:?} {own:?}"
    );
    let second = Server::start_in(&copy, &[]).await;
    let client = second.connect().await;
    client
        .batch_execute("INSERT INTO t VALUES (0, 0, 'written on the copy')")
        .await
        .expect("a write on the copy");
    // The original, renamed in its file system, is where it was.
    std::fs::rename(&server.directory, &moved).expect("a rename");
    let original = Server::start_in(&moved, &[]).await;
    assert_eq!(identity(&moved), own);
    drop((second, original));
    // Another store under an identity is noticed too.
    std::fs::remove_dir_all(copy.join("store")).expect("the store");
    let swapped = Command::new("cp")
        .arg("-a")
        .args([moved.join("store"), copy.join("store")])
        .status();
    assert!(swapped.expect("cp runs").success());
    let (code, told) = fails(&["sql", "-c", "SELECT 1", "--data-dir", text(&copy)]);
    assert!(
        code == 4 && told.contains("orbit identity"),
        "{code}: {told}"
    );
    succeeds(&["identity", "keep", "--data-dir", text(&copy)]);
    let kept = identity(&copy);
    assert!(kept.0 == own.0 && kept.1 != own.1, "{kept:?} {own:?}");
    // And of a backup: the site only if it takes the original's place.
    let (other, same) = (home.path().join("other"), home.path().join("same"));
    succeeds(&["restore", text(&file), "--data-dir", text(&other)]);
    succeeds(&[
        "restore",
        text(&file),
        "--data-dir",
        text(&same),
        "--replace",
    ]);
    let (other, same) = (identity(&other), identity(&same));
    assert!(other.0 != own.0 && other.1 != own.1, "{other:?} {own:?}");
    assert!(same.0 == own.0 && same.1 != own.1, "{same:?} {own:?}");
}

async fn is_in_columns(client: &Client) -> bool {
    let sql = "EXPLAIN SELECT sum(v), count(note) FROM big";
    let plan = client.simple_query(sql).await.expect(sql);
    plan.iter().any(|line| match line {
        SimpleQueryMessage::Row(row) => row
            .get(0)
            .is_some_and(|line| line.contains("Column Scan on big")),
        _ => false,
    })
}

/// Sums by whatever way the planner takes, and every row by its key.
async fn digests(client: &Client) -> (i64, i64, String) {
    let sql = "SELECT sum(v), count(note) FROM big";
    let sums = client.query_one(sql, &[]).await.expect(sql);
    let sql = "SELECT md5(string_agg(b::text, ',' ORDER BY id)) FROM big b";
    let rows = client.query_one(sql, &[]).await.expect(sql);
    (sums.get(0), sums.get(1), rows.get(0))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn backups_before_during_and_after_the_making_of_columns_hold_every_row() {
    let home = tempfile::tempdir().expect("a directory");
    let server = Server::start().await;
    let client = server.connect().await;
    let sql = "CREATE TABLE big (id int PRIMARY KEY, v int, note text);
         INSERT INTO big SELECT g, g % 977, CASE WHEN g % 3 > 0 THEN 'note ' || g % 100 END
         FROM generate_series(1, 150000) g";
    client.batch_execute(sql).await.expect(sql);
    let begun = Instant::now();
    let mut files = Vec::new();
    loop {
        let in_columns = is_in_columns(&client).await;
        let file = home.path().join(format!("{}.backup", files.len()));
        take(&server, &file).await;
        files.push(file);
        if in_columns {
            break;
        }
        assert!(begun.elapsed() < PATIENCE, "no columns were made");
    }
    assert!(files.len() > 1, "the columns were there too soon");
    let whole = digests(&client).await;
    let sums = (1..=150_000).map(|g: i64| g % 977).sum();
    assert_eq!((whole.0, whole.1), (sums, 100_000));
    drop(server);
    for (place, file) in files.iter().enumerate() {
        let directory = home.path().join(format!("restored-{place}"));
        let to = text(&directory);
        succeeds(&["restore", text(file), "--data-dir", to, "--quiet"]);
        let restored = Server::start_in(&directory, &[]).await;
        let client = restored.connect().await;
        assert_eq!(digests(&client).await, whole, "backup {place}");
        // As of any node's, its columns are made in time.
        let begun = Instant::now();
        while !is_in_columns(&client).await {
            assert!(begun.elapsed() < PATIENCE, "no columns of backup {place}");
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        assert_eq!(digests(&client).await, whole, "backup {place}, in columns");
    }
}
