//! A load whose truth can be checked after any accident: money moves between
//! accounts, and every transfer leaves a receipt the client remembers.

use crate::Random;
use crate::server::Server;
use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokio::task::JoinHandle;
use tokio_postgres::Client;

const ACCOUNTS: i64 = 40;
const BALANCE: i64 = 1_000;
const CLIENTS: i32 = 4;

#[derive(Default)]
pub struct Bank {
    /// Receipts whose COMMIT was acknowledged.
    acknowledged: Arc<Mutex<Vec<i64>>>,
    next: i64,
}

impl Bank {
    pub async fn open(server: &Server) -> Bank {
        let client = server.connect().await;
        let script = format!(
            "CREATE TABLE accounts (id int PRIMARY KEY, balance bigint NOT NULL);
             CREATE TABLE receipts (id bigint PRIMARY KEY, client int NOT NULL, note text);
             CREATE INDEX receipts_client ON receipts (client);
             INSERT INTO accounts SELECT g, {BALANCE} FROM generate_series(1, {ACCOUNTS}) g"
        );
        client
            .batch_execute(&script)
            .await
            .expect("the bank's tables");
        Bank::default()
    }

    pub fn acknowledged(&self) -> usize {
        self.lock().len()
    }

    /// Takes back what was acknowledged after the first `count`.
    pub fn forget_after(&self, count: usize) {
        self.lock().truncate(count);
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<i64>> {
        self.acknowledged
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// Clients that work until the server is gone or `stop` is set.
    pub async fn work(
        &mut self,
        server: &Server,
        random: &mut Random,
        stop: &Arc<AtomicBool>,
    ) -> Vec<JoinHandle<()>> {
        let mut clients = Vec::new();
        for number in 0..CLIENTS {
            let Ok(client) = server.try_connect().await else {
                continue;
            };
            let first = self.next;
            self.next += 1_000_000;
            let random = Random(random.next());
            let (acknowledged, stop) = (self.acknowledged.clone(), stop.clone());
            clients.push(tokio::spawn(transfers(
                client,
                random,
                number,
                first,
                acknowledged,
                stop,
            )));
        }
        clients
    }

    /// Waits until `more` further commits were acknowledged: an accident before
    /// that would test nothing.
    pub async fn busy(&self, more: usize) {
        let wanted = self.acknowledged() + more;
        let deadline = Instant::now() + Duration::from_secs(30);
        while self.acknowledged() < wanted {
            assert!(Instant::now() < deadline, "the load makes no progress");
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }

    /// Nothing acknowledged is lost, nothing is half done, index and table agree.
    pub async fn verify(&self, server: &Server) {
        let client = server.connect().await;
        let number = |row: tokio_postgres::Row| row.get::<_, i64>(0);
        let sum = "SELECT sum(balance)::bigint FROM accounts";
        let sum = number(client.query_one(sum, &[]).await.expect(sum));
        assert_eq!(sum, ACCOUNTS * BALANCE, "a transfer is half there");
        let rows = client
            .query("SELECT id FROM receipts", &[])
            .await
            .expect("receipts");
        let there: HashSet<i64> = rows.iter().map(|row| row.get(0)).collect();
        let lost: Vec<i64> = self
            .lock()
            .iter()
            .filter(|id| !there.contains(id))
            .copied()
            .collect();
        assert!(lost.is_empty(), "acknowledged and lost: {lost:?}");
        for by in 0..CLIENTS {
            let indexed = "SELECT count(*) FROM receipts WHERE client = $1";
            let indexed = number(client.query_one(indexed, &[&by]).await.expect(indexed));
            let scanned = "SELECT count(*) FROM receipts WHERE client + 0 = $1";
            let scanned = number(client.query_one(scanned, &[&by]).await.expect(scanned));
            assert_eq!(indexed, scanned, "index and table differ for client {by}");
        }
    }
}

async fn transfers(
    mut client: Client,
    mut random: Random,
    number: i32,
    first: i64,
    acknowledged: Arc<Mutex<Vec<i64>>>,
    stop: Arc<AtomicBool>,
) {
    for id in first.. {
        if stop.load(Ordering::Relaxed)
            || transfer(&mut client, &mut random, number, id)
                .await
                .is_err()
        {
            return;
        }
        acknowledged
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(id);
    }
}

async fn transfer(
    client: &mut Client,
    random: &mut Random,
    number: i32,
    id: i64,
) -> Result<(), tokio_postgres::Error> {
    let txn = client.transaction().await?;
    let from = 1 + random.below(ACCOUNTS as u64) as i32;
    let to = 1 + random.below(ACCOUNTS as u64) as i32;
    let amount = random.below(50) as i64;
    // One order everywhere, so that the load itself has no deadlocks.
    let (low, high) = (from.min(to), from.max(to));
    let sign = if low == from { -1 } else { 1 };
    let change = "UPDATE accounts SET balance = balance + $1 WHERE id = $2";
    txn.execute(change, &[&(sign * amount), &low]).await?;
    txn.execute(change, &[&(-sign * amount), &high]).await?;
    let insert = "INSERT INTO receipts VALUES ($1, $2, $3)";
    txn.execute(insert, &[&id, &number, &"paid"]).await?;
    txn.commit().await
}
