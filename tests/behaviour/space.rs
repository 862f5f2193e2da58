//! Disk space comes back: of tables that were dropped or emptied, of loads that failed.

use bytes::Bytes;
use futures::SinkExt;
use orbit_tests::server::Server;
use std::path::Path;
use std::pin::pin;
use std::time::{Duration, Instant};
use tokio_postgres::Client;

fn bytes_in(directory: &Path) -> u64 {
    let Ok(entries) = std::fs::read_dir(directory) else {
        return 0;
    };
    let bytes = |entry: std::io::Result<std::fs::DirEntry>| {
        // A file may go while it is looked at.
        let entry = entry.ok()?;
        let meta = entry.metadata().ok()?;
        Some(match meta.is_dir() {
            true => bytes_in(&entry.path()),
            false => meta.len(),
        })
    };
    entries.filter_map(bytes).sum()
}

/// Some 12 MB that hardly compress.
async fn load(client: &Client, table: &str) -> Result<u64, tokio_postgres::Error> {
    let sql = format!("COPY {table} FROM STDIN");
    let mut sink = pin!(client.copy_in::<_, Bytes>(&sql).await?);
    let mut random = orbit_tests::Random(7);
    for first in (0..150_000).step_by(1000) {
        let mut lines = String::new();
        for id in first..first + 1000 {
            let numbers = [(); 4].map(|()| random.below(u64::MAX));
            lines += &format!("{id}\t{numbers:x?}\n");
        }
        sink.send(lines.into()).await?;
    }
    sink.finish().await
}

/// Waits until the directory holds less than half of what it held.
async fn shrinks(server: &Server, from: u64, after: &str) {
    let begun = Instant::now();
    loop {
        let now = bytes_in(&server.directory);
        if now < from / 2 {
            return;
        }
        assert!(
            begun.elapsed() < Duration::from_secs(60),
            "{after}: {now} bytes are left of {from}"
        );
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_dropped_or_emptied_gives_its_space_back() {
    let server = Server::start().await;
    let client = server.connect().await;
    for ending in ["DROP TABLE t", "TRUNCATE t"] {
        let create = "CREATE TABLE IF NOT EXISTS t (id int PRIMARY KEY, words text)";
        client.batch_execute(create).await.expect(create);
        assert_eq!(load(&client, "t").await.expect("a load"), 150_000);
        let full = bytes_in(&server.directory);
        assert!(full > 10_000_000, "{full} bytes");
        client.batch_execute(ending).await.expect(ending);
        shrinks(&server, full, ending).await;
    }
    // Rolled back, it holds nothing either.
    let table = "BEGIN; CREATE TABLE u (id int PRIMARY KEY, words text)";
    client.batch_execute(table).await.expect(table);
    load(&client, "u").await.expect("a load");
    let full = bytes_in(&server.directory);
    assert!(full > 10_000_000, "{full} bytes");
    client.batch_execute("ROLLBACK").await.expect("ROLLBACK");
    shrinks(&server, full, "ROLLBACK").await;
}
