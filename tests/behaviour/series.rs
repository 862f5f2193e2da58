//! Time series on the shipped binary: killed while rows are put away, backed up and
//! restored with blocks, let go when their time is over.

use crate::backup::{succeeds, text};
use orbit_tests::server::Server;
use orbit_tests::{Random, seed, soak};
use std::time::{Duration, Instant};
use tokio_postgres::Client;

const CREATE: &str = "CREATE TABLE readings (sensor int, at timestamptz, value float8, note text, \
     PRIMARY KEY (sensor, at)) WITH (model = 'timeseries')";

/// So many as are put away at once.
const MANY: u32 = 70_000;

async fn insert(client: &Client, sensor: u32, from: u32, rows: u32) {
    let sql = format!(
        "INSERT INTO readings SELECT {sensor} + g % 7, \
         '2026-01-01 00:00+00'::timestamptz + ({from} + g) * interval '1 second', \
         (g % 977)::float8 / 100, CASE WHEN g % 50 = 0 THEN 'note ' || g END FROM generate_series(0, {rows} - 1) g"
    );
    client.batch_execute(&sql).await.expect(&sql);
}

/// Count and a digest of every row.
async fn digest(client: &Client) -> (i64, String) {
    let sql =
        "SELECT count(*), md5(string_agg(md5(r::text), '' ORDER BY sensor, at)) FROM readings r";
    let row = client.query_one(sql, &[]).await.expect(sql);
    (
        row.get(0),
        row.get::<_, Option<String>>(1).unwrap_or_default(),
    )
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn readings_outlive_kills_while_they_are_put_away() {
    let rounds = if soak() { 60 } else { 6 };
    let mut random = Random(seed("series_kill"));
    let mut server = Server::start().await;
    server
        .connect()
        .await
        .batch_execute(CREATE)
        .await
        .expect(CREATE);
    for round in 0..rounds {
        let client = server.connect().await;
        insert(&client, 10 * (round % 3), round * MANY, MANY).await;
        // Late ones, changed ones, deleted ones, in what is in blocks by now.
        let changes = format!(
            "UPDATE readings SET value = -{round} WHERE sensor = 3 AND extract(second FROM at) = {};
             DELETE FROM readings WHERE sensor = 4 AND extract(minute FROM at) = {}",
            round % 60,
            round % 60
        );
        client.batch_execute(&changes).await.expect("changes");
        let before = digest(&client).await;
        tokio::time::sleep(Duration::from_millis(random.below(4000))).await;
        server.kill();
        server.restart().await;
        let client = server.connect().await;
        assert_eq!(digest(&client).await, before, "round {round}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_backup_has_the_blocks_and_a_restore_shows_every_reading() {
    let home = tempfile::tempdir().expect("a directory");
    let server = Server::start().await;
    let client = server.connect().await;
    client.batch_execute(CREATE).await.expect(CREATE);
    // Taken while what was written is put away.
    for round in 0..3 {
        insert(&client, 0, round * MANY, MANY).await;
    }
    let before = digest(&client).await;
    let file = home.path().join("series.backup");
    let (port, to) = (server.port.to_string(), text(&file).to_owned());
    tokio::task::spawn_blocking(move || {
        succeeds(&["backup", &to, "--port", &port, "--quiet"]);
    })
    .await
    .expect("the backup");
    assert_eq!(digest(&client).await, before);
    let directory = home.path().join("restored");
    let (from, to) = (text(&file).to_owned(), text(&directory).to_owned());
    tokio::task::spawn_blocking(move || {
        succeeds(&["restore", &from, "--data-dir", &to, "--quiet"]);
    })
    .await
    .expect("the restore");
    let restored = Server::start_in(&directory, &[]).await;
    let client = restored.connect().await;
    assert_eq!(digest(&client).await, before);
    insert(&client, 0, 10 * MANY, 1000).await;
    assert_eq!(digest(&client).await.0, before.0 + 1000);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn settled_readings_are_there_until_they_are_let_go() {
    let mut server = Server::start().await;
    let client = server.connect().await;
    client.batch_execute(CREATE).await.expect(CREATE);
    for round in 0..4 {
        insert(&client, 0, round * MANY, MANY).await;
    }
    // The newest record of the log is always kept.
    insert(&client, 9, 0, 1).await;
    let before = digest(&client).await;
    client.batch_execute("VACUUM").await.expect("VACUUM");
    server.restart().await;
    let client = server.connect().await;
    assert_eq!(digest(&client).await, before);
    let sql = "ALTER TABLE readings SET (retention = '1 second')";
    client.batch_execute(sql).await.expect(sql);
    // Looked at on every start.
    server.restart().await;
    let client = server.connect().await;
    let begun = Instant::now();
    while digest(&client).await.0 > 0 {
        assert!(
            begun.elapsed() < Duration::from_secs(60),
            "old readings stay"
        );
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}
