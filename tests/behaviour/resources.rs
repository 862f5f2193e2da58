//! A node that runs out of something: what it refuses, what it says, and that it is well
//! again when there is room.

use orbit_tests::Random;
use orbit_tests::server::{Server, binary};
use std::process::{Command, Output};
use std::time::{Duration, Instant};
use tokio_postgres::error::SqlState;
use tokio_postgres::{Client, GenericClient};

/// The store's own files take some of it from the first day.
const LIMIT: &str = "48MB";

fn edge(server: &Server, arguments: &[&str]) -> Output {
    Command::new(binary())
        .args(["edge"])
        .args(arguments)
        .args(["--port", &server.port.to_string()])
        .output()
        .unwrap()
}

async fn level(client: &Client, resource: &str) -> Option<String> {
    let asking = "SELECT level FROM orbit.resources WHERE resource = $1";
    let row = client.query_opt(asking, &[&resource]).await.unwrap()?;
    row.get(0)
}

/// Some 2 MB that don't compress.
async fn add(
    client: &impl GenericClient,
    random: &mut Random,
) -> Result<u64, tokio_postgres::Error> {
    let text: String = (0..2000)
        .map(|_| format!("{:016x}", random.below(u64::MAX)))
        .collect();
    let adding = "INSERT INTO t SELECT n, md5(n::text) || $1 FROM generate_series(1, 64) n";
    client.execute(adding, &[&text]).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_whose_share_of_the_disk_is_full_takes_no_rows_until_some_are_gone() {
    let directory = tempfile::tempdir().unwrap();
    let config = directory.path().join("orbit.toml");
    // What is as small as it can be already isn't made smaller while this looks.
    let text = format!(
        "[node]\nprofile = 'packed'\n[edge_profile.packed]\nextends = 'edge_datacenter'\n\
         compression = 'aggressive'\n[edge.resources]\nstorage_limit = '{LIMIT}'\n"
    );
    std::fs::write(&config, text).unwrap();
    let options = ["--config", config.to_str().unwrap()];
    let server = Server::start_in(&directory.path().join("data"), &options).await;
    let client = server.connect().await;
    client
        .batch_execute("CREATE TABLE t (id int, v text); CREATE TABLE small (id int)")
        .await
        .unwrap();
    let mut random = Random(11);
    let begun = Instant::now();
    let refused = loop {
        if let Err(error) = add(&client, &mut random).await {
            break error;
        }
        assert!(
            begun.elapsed() < Duration::from_secs(120),
            "nothing is refused"
        );
    };
    assert_eq!(refused.code(), Some(&SqlState::DISK_FULL), "{refused:?}");
    let told = refused.as_db_error().unwrap();
    assert!(told.detail().is_some() && told.hint().is_some(), "{told:?}");
    assert_eq!(level(&client, "storage").await.as_deref(), Some("critical"));
    let health = edge(&server, &["health"]);
    assert_eq!(health.status.code(), Some(1), "{health:?}");
    let events = "SELECT severity, message FROM orbit.events WHERE kind = 'level' \
                  AND subject = 'storage' ORDER BY at DESC LIMIT 1";
    let begun = Instant::now();
    // It is noted after writers were refused.
    loop {
        let event = client.query_opt(events, &[]).await.unwrap();
        let message = event.map(|event| event.get::<_, String>(1));
        if message.is_some_and(|message| message.ends_with("to critical")) {
            break;
        }
        assert!(begun.elapsed() < Duration::from_secs(30), "no event");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    // Reading goes on, and so does what makes room.
    let rows = client
        .query_one("SELECT count(*) FROM t", &[])
        .await
        .unwrap();
    assert!(rows.get::<_, i64>(0) >= 64);
    client
        .batch_execute("DELETE FROM t WHERE id = 1")
        .await
        .unwrap();
    client.batch_execute("DROP TABLE t").await.unwrap();
    let begun = Instant::now();
    while let Err(error) = client.execute("INSERT INTO small VALUES (1)", &[]).await {
        assert_eq!(error.code(), Some(&SqlState::DISK_FULL), "{error:?}");
        assert!(begun.elapsed() < Duration::from_secs(120), "it never ends");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    let health = edge(&server, &["health", "--output", "json"]);
    assert_eq!(health.status.code(), Some(0), "{health:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_there_is_and_what_is_left_is_told_in_sql_and_on_the_command_line() {
    let server = Server::start().await;
    let client = server.connect().await;
    let asking = "SELECT resource FROM orbit.resources ORDER BY resource";
    let begun = Instant::now();
    // The first look is a moment after the start.
    let told = loop {
        let rows = client.query(asking, &[]).await.unwrap();
        if !rows.is_empty() {
            break rows;
        }
        assert!(begun.elapsed() < Duration::from_secs(30), "nobody looks");
        tokio::time::sleep(Duration::from_millis(50)).await;
    };
    let names: Vec<String> = told.iter().map(|row| row.get(0)).collect();
    for wanted in [
        "memory",
        "disk",
        "storage",
        "connections",
        "resident_memory",
    ] {
        assert!(names.iter().any(|name| name == wanted), "{names:?}");
    }
    assert_eq!(level(&client, "memory").await.as_deref(), Some("normal"));
    let connections = "SELECT used FROM orbit.resources WHERE resource = 'connections'";
    // The first look may have been before this one's connection.
    while client
        .query_one(connections, &[])
        .await
        .unwrap()
        .get::<_, i64>(0)
        == 0
    {
        assert!(begun.elapsed() < Duration::from_secs(30), "nobody counts");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }

    let output = edge(&server, &["resources", "--output", "json"]);
    let printed: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let of = |name: &str| {
        let all = printed.as_array().unwrap().iter();
        all.clone().find(|one| one["resource"] == name).cloned()
    };
    let memory = of("memory").unwrap();
    assert!(
        memory["used"].as_u64() < memory["capacity"].as_u64(),
        "{memory}"
    );
    let table = edge(&server, &["resources"]);
    let table = String::from_utf8(table.stdout).unwrap();
    assert!(
        table.contains("connections") && table.contains("MB"),
        "{table}"
    );

    // Nobody writes there, and nobody takes the names.
    for refused in [
        "DELETE FROM orbit.events",
        "CREATE TABLE orbit.resources (a int)",
        "DROP TABLE orbit.events",
    ] {
        let error = client.batch_execute(refused).await.unwrap_err();
        let code = error.code().cloned();
        assert_eq!(code, Some(SqlState::INSUFFICIENT_PRIVILEGE), "{refused}");
    }
}

/// A figure of the node's memory, or of its storage, as its monitor last saw it.
async fn figure(client: &Client, resource: &str, column: &str) -> i64 {
    let asking = format!("SELECT {column} FROM orbit.resources WHERE resource = $1");
    let begun = Instant::now();
    loop {
        if let Some(row) = client.query_opt(&asking, &[&resource]).await.unwrap() {
            return row.get(0);
        }
        assert!(begun.elapsed() < Duration::from_secs(30), "nobody looks");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// Waits for a look that sees as much.
async fn until_capacity(client: &Client, wanted: i64) {
    let begun = Instant::now();
    loop {
        let capacity = figure(client, "memory", "capacity").await;
        if capacity == wanted {
            return;
        }
        assert!(
            begun.elapsed() < Duration::from_secs(30),
            "{capacity}, not {wanted}"
        );
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

async fn until_refused(client: &Client, state: &SqlState) -> tokio_postgres::Error {
    let begun = Instant::now();
    loop {
        let added = client
            .execute("INSERT INTO small VALUES (1)", &[])
            .await
            .err();
        match added {
            Some(refused) if refused.code() == Some(state) => return refused,
            // Something else may be short for a moment, too.
            other => assert!(begun.elapsed() < Duration::from_secs(30), "{other:?}"),
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

async fn until_taken(client: &Client) {
    let begun = Instant::now();
    while let Err(error) = client.execute("INSERT INTO small VALUES (1)", &[]).await {
        assert!(begun.elapsed() < Duration::from_secs(30), "{error:?}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_limit_lowered_below_what_is_used_holds_at_once_and_after_a_restart() {
    let mut server = Server::start().await;
    let client = server.connect().await;
    client
        .batch_execute("CREATE TABLE t (id int, v text); CREATE TABLE small (id int)")
        .await
        .unwrap();
    let mut random = Random(3);
    for _ in 0..30 {
        add(&client, &mut random).await.unwrap();
    }
    let limit = |server: &Server, arguments: &[&str]| {
        edge(server, &[&["resources", "limit"], arguments].concat())
    };
    let before = figure(&client, "memory", "capacity").await;
    let said = limit(&server, &["--memory", "20MB"]);
    assert_eq!(said.stdout, b"memory: 20MB\n", "{said:?}");
    let begun = Instant::now();
    let limited = loop {
        let capacity = figure(&client, "memory", "capacity").await;
        if capacity < before {
            break capacity;
        }
        assert!(begun.elapsed() < Duration::from_secs(30), "{capacity}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    };
    // Whoever wants more than that at once is refused, and nobody else.
    let hungry = "SELECT length(string_agg(md5(n::text), '')) FROM generate_series(1, 4000000) n";
    let refused = client.query(hungry, &[]).await.unwrap_err();
    assert_eq!(
        refused.code(),
        Some(&SqlState::OUT_OF_MEMORY),
        "{refused:?}"
    );
    until_taken(&client).await;
    let count = "SELECT count(*) FROM t";
    let rows = client.query_one(count, &[]).await.unwrap();
    assert_eq!(rows.get::<_, i64>(0), 30 * 64);

    // What the table takes on the disk is more than this.
    let said = limit(&server, &["--storage", "20MB"]);
    assert_eq!(said.stdout, b"storage: 20MB\n", "{said:?}");
    until_refused(&client, &SqlState::DISK_FULL).await;
    drop(client);
    server.restart().await;
    let client = server.connect().await;
    until_refused(&client, &SqlState::DISK_FULL).await;
    until_capacity(&client, limited).await;
    let said = limit(&server, &["--storage", "default", "--memory", "default"]);
    let said = String::from_utf8(said.stdout).unwrap();
    assert!(said.ends_with("storage: not limited\n"), "{said}");
    until_taken(&client).await;
    until_capacity(&client, before).await;
    let noted = "SELECT count(*) FROM orbit.events WHERE kind = 'limit'";
    let noted = client.query_one(noted, &[]).await.unwrap();
    assert_eq!(noted.get::<_, i64>(0), 4);

    for (arguments, words) in [
        (&["--memory", "1MB"][..], "at least 10MB"),
        (&["--memory", "much"], "64MB"),
        (&[], "--memory"),
    ] {
        let said = limit(&server, arguments);
        let text = String::from_utf8_lossy(&said.stderr).into_owned();
        assert!(!said.status.success() && text.contains(words), "{text}");
    }
    client
        .batch_execute("CREATE ROLE clerk LOGIN; SET ROLE clerk")
        .await
        .unwrap();
    let clerks = "SELECT orbit_limit_resource('memory', '1GB')";
    let refused = client.batch_execute(clerks).await.unwrap_err();
    let denied = Some(&SqlState::INSUFFICIENT_PRIVILEGE);
    assert_eq!(refused.code(), denied, "{refused:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_lies_on_a_disk_that_is_nearly_full_is_compressed() {
    let server = Server::start().await;
    let client = server.connect().await;
    client
        .batch_execute("CREATE TABLE t (v text)")
        .await
        .unwrap();
    let mut random = Random(5);
    // Hexadecimal digits, of which no two rows have the same.
    let mut text = || -> String {
        let words = (0..2000).map(|_| format!("{:016x}", random.below(u64::MAX)));
        words.collect()
    };
    for _ in 0..20 {
        let texts: Vec<String> = (0..64).map(|_| text()).collect();
        let adding = "INSERT INTO t SELECT unnest($1::text[])";
        client.execute(adding, &[&texts]).await.unwrap();
    }
    let ample = "SELECT orbit_limit_resource('storage', '1GB')";
    client.batch_execute(ample).await.unwrap();
    // With a limit it is counted at every look. Twice: rows, and the log of them.
    let plain = 2 * 20 * 64 * 32_000;
    let begun = Instant::now();
    let (mut before, mut same) = (0, 0);
    while before < plain || same < 5 {
        assert!(begun.elapsed() < Duration::from_secs(60), "{before}");
        tokio::time::sleep(Duration::from_millis(500)).await;
        let now = figure(&client, "storage", "used").await;
        same = match now.abs_diff(before) < 1 << 20 {
            true => same + 1,
            false => 0,
        };
        before = now;
    }
    let limit = (before * 100 / 88).to_string();
    let tight = "SELECT orbit_limit_resource('storage', $1)";
    client.execute(tight, &[&limit]).await.unwrap();
    let begun = Instant::now();
    loop {
        let now = figure(&client, "storage", "used").await;
        // Nothing but zstd makes that of hexadecimal digits.
        if now < plain * 3 / 4 {
            break;
        }
        assert!(
            begun.elapsed() < Duration::from_secs(60),
            "{now} of {before}"
        );
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let rows = client.query_one("SELECT count(*) FROM t", &[]).await;
    assert_eq!(rows.unwrap().get::<_, i64>(0), 20 * 64);
}

fn proc_line(server: &Server, file: &str, begin: &str) -> String {
    let text = std::fs::read_to_string(format!("/proc/{}/{file}", server.pid())).unwrap();
    let line = text.lines().find(|line| line.starts_with(begin));
    line.expect(begin).to_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_keeps_to_its_part_of_the_processors_and_of_the_files() {
    let directory = tempfile::tempdir().unwrap();
    let start = async |files: &str| {
        let mut command = Command::new(binary());
        command
            .env("ORBIT__EDGE__RESOURCES__MAX_CPU_PERCENT", "1")
            .env("ORBIT__EDGE__RESOURCES__MAX_CONNECTIONS", "50")
            .env("ORBIT__EDGE__RESOURCES__MAX_FILE_DESCRIPTORS", files);
        Server::spawn(command, &directory.path().join("data"), &[]).await
    };
    let server = start("200").await.unwrap_or_else(|said| panic!("{said}"));
    let files = proc_line(&server, "limits", "Max open files");
    assert_eq!(files.split_whitespace().nth(3), Some("200"), "{files}");
    // Every thread on one and the same.
    let mut seen = std::collections::BTreeSet::new();
    for task in std::fs::read_dir(format!("/proc/{}/task", server.pid())).unwrap() {
        let status = task.unwrap().path().join("status");
        let Ok(status) = std::fs::read_to_string(status) else {
            continue;
        };
        let mut lines = status.lines();
        let allowed = lines.find_map(|line| line.strip_prefix("Cpus_allowed_list:"));
        seen.insert(allowed.unwrap().trim().to_owned());
    }
    assert_eq!(seen.len(), 1, "{seen:?}");
    let only = seen.first().unwrap();
    assert!(only.parse::<u32>().is_ok(), "{only}");
    drop(server);
    let refused = start("100").await.err().unwrap();
    assert!(
        refused.contains("max_file_descriptors is 100") && refused.contains("HINT"),
        "{refused}"
    );
}
