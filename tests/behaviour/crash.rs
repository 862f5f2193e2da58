//! kill -9 at random moments under load: nothing acknowledged is lost, nothing
//! is half done.

use orbit_tests::server::Server;
use orbit_tests::{Random, seed, soak};
use std::sync::Arc;
use std::sync::Mutex;
use std::time::{Duration, Instant};

const ACCOUNTS: i64 = 40;
const BALANCE: i64 = 1_000;

/// Which inserts a client was told are committed.
type Acknowledged = Arc<Mutex<Vec<i64>>>;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_acknowledged_is_lost_by_kill_9() {
    let kills = if soak() { 500 } else { 25 };
    let mut random = Random(seed("kill_9"));
    let mut server = Server::start().await;
    server
        .connect()
        .await
        .batch_execute(&format!(
            "CREATE TABLE accounts (id int PRIMARY KEY, balance bigint NOT NULL);
             CREATE TABLE receipts (id bigint PRIMARY KEY, client int NOT NULL, note text);
             CREATE INDEX receipts_client ON receipts (client);
             INSERT INTO accounts SELECT g, {BALANCE} FROM generate_series(1, {ACCOUNTS}) g"
        ))
        .await
        .unwrap();
    let acknowledged: Acknowledged = Arc::default();
    let mut reopened = Vec::new();
    let mut total = 0;
    for round in 0..kills {
        let before = acknowledged.lock().unwrap().len();
        let mut clients = Vec::new();
        for number in 0..4 {
            let client = server.connect().await;
            let random = Random(random.next());
            let first = i64::from(round) * 1_000_000 + i64::from(number) * 100_000;
            clients.push(tokio::spawn(work(client, random, number, first, acknowledged.clone())));
        }
        let moment = Duration::from_millis(30 + random.below(170));
        // The kill must fall into work that is under way, not before it.
        let deadline = Instant::now() + Duration::from_secs(20);
        while acknowledged.lock().unwrap().len() < before + 20 && Instant::now() < deadline {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        tokio::time::sleep(moment).await;
        server.kill();
        for client in clients {
            client.await.unwrap();
        }
        let told = acknowledged.lock().unwrap().len() - before;
        assert!(told >= 20, "round {round}: only {told} commits before the kill: no test of anything");
        total += told;
        server.restart().await;
        reopened.push(server.started_in);
        verify(&server, &acknowledged.lock().unwrap()).await;
    }
    reopened.sort();
    let p99 = reopened[(reopened.len() * 99 / 100).min(reopened.len() - 1)];
    eprintln!("{kills} kills, {total} acknowledged commits, reopen p99 {p99:?}");
    assert!(p99 < Duration::from_secs(2), "reopen took {p99:?}");
}

/// Moves money about and writes receipts until the server is gone.
async fn work(
    mut client: tokio_postgres::Client,
    mut random: Random,
    number: i32,
    first: i64,
    acknowledged: Acknowledged,
) {
    for step in 0.. {
        let id = first + step;
        let outcome = async {
            let txn = client.transaction().await?;
            let from = 1 + random.below(ACCOUNTS as u64) as i32;
            let to = 1 + random.below(ACCOUNTS as u64) as i32;
            let amount = random.below(50) as i64;
            // One order everywhere, so that the load has no deadlocks.
            let (low, high) = (from.min(to), from.max(to));
            let sign = if low == from { -1 } else { 1 };
            let change = "UPDATE accounts SET balance = balance + $1 WHERE id = $2";
            txn.execute(change, &[&(sign * amount), &low]).await?;
            txn.execute(change, &[&(-sign * amount), &high]).await?;
            txn.execute(
                "INSERT INTO receipts VALUES ($1, $2, $3)",
                &[&id, &number, &"paid"],
            )
            .await?;
            txn.commit().await
        };
        if outcome.await.is_err() {
            return;
        }
        acknowledged.lock().unwrap().push(id);
    }
}

async fn verify(server: &Server, acknowledged: &[i64]) {
    let client = server.connect().await;
    let sum: i64 = client
        .query_one("SELECT sum(balance)::bigint FROM accounts", &[])
        .await
        .unwrap()
        .get(0);
    assert_eq!(sum, ACCOUNTS * BALANCE, "a transfer is half there");
    let rows = client.query("SELECT id FROM receipts", &[]).await.unwrap();
    let there: std::collections::HashSet<i64> = rows.iter().map(|row| row.get(0)).collect();
    let lost: Vec<_> = acknowledged.iter().filter(|id| !there.contains(id)).collect();
    assert!(lost.is_empty(), "acknowledged and lost: {lost:?}");
    // The index tells the same as the table.
    for number in 0..4 {
        let indexed: i64 = client
            .query_one("SELECT count(*) FROM receipts WHERE client = $1", &[&number])
            .await
            .unwrap()
            .get(0);
        let scanned: i64 = client
            .query_one("SELECT count(*) FROM receipts WHERE client + 0 = $1", &[&number])
            .await
            .unwrap()
            .get(0);
        assert_eq!(indexed, scanned, "index and table differ for client {number}");
    }
}
