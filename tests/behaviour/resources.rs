//! A node that runs out of something: what it refuses, what it says, and that it is well
//! again when there is room.

use orbit_tests::Random;
use orbit_tests::server::{Server, binary};
use std::process::{Command, Output};
use std::time::{Duration, Instant};
use tokio_postgres::Client;
use tokio_postgres::error::SqlState;

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
async fn add(client: &Client, random: &mut Random) -> Result<u64, tokio_postgres::Error> {
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
    let text = format!("[edge.resources]\nstorage_limit = \"{LIMIT}\"\n");
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
