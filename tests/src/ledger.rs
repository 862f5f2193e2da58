//! A load that knows afterwards which states there ever were: every writer's commits
//! are numbered, every commit's time of sending and of acknowledgement is kept, and
//! what a commit wrote follows from its number.
//!
//! A copy of one moment holds, of every writer, the commits 1 to n with nothing
//! missing; all that were acknowledged before the copy was begun; none sent after it
//! was done; and, if it holds a commit, every commit acknowledged before that one was
//! sent. Balances are those that exactly the commits it holds make.

use crate::Random;
use crate::server::Server;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokio::task::JoinHandle;
use tokio_postgres::{Client, Error};

const WRITERS: usize = 4;
const ACCOUNTS: i64 = 30;
const BALANCE: i64 = 1_000;

/// When a commit was sent, and when it was answered.
#[derive(Clone, Copy)]
struct Times {
    sent: Duration,
    acknowledged: Option<Duration>,
}

pub struct Ledger {
    start: Instant,
    seed: u64,
    stop: Arc<AtomicBool>,
    /// By writer; a writer's commit n stands at n - 1.
    commits: Arc<Vec<Mutex<Vec<Times>>>>,
}

/// What commit `number` of `writer` does.
struct Entry {
    from: i64,
    to: i64,
    amount: i64,
    note: String,
}

fn entry(seed: u64, writer: usize, number: i64) -> Entry {
    let mut random = Random(seed ^ ((writer as u64) << 48) ^ number as u64);
    let length = random.below(400) as usize;
    Entry {
        from: 1 + random.below(ACCOUNTS as u64) as i64,
        to: 1 + random.below(ACCOUNTS as u64) as i64,
        amount: random.below(90) as i64,
        note: format!("{writer}/{number} ").repeat(1 + length / 8),
    }
}

impl Ledger {
    pub async fn open(server: &Server) -> Ledger {
        let client = server.connect().await;
        let script = format!(
            "CREATE TABLE accounts (id bigint PRIMARY KEY, balance bigint NOT NULL);
             CREATE TABLE entries (writer int, number bigint, source bigint NOT NULL, \
                target bigint NOT NULL, amount bigint NOT NULL, note text, \
                PRIMARY KEY (writer, number));
             CREATE INDEX entries_source ON entries (source);
             CREATE TABLE progress (writer int PRIMARY KEY, number bigint NOT NULL);
             INSERT INTO accounts SELECT g, {BALANCE} FROM generate_series(1, {ACCOUNTS}) g;
             INSERT INTO progress SELECT g, 0 FROM generate_series(0, {last}) g",
            last = WRITERS - 1
        );
        client.batch_execute(&script).await.expect("the ledger");
        Ledger {
            start: Instant::now(),
            seed: 0x1ed9e5,
            stop: Arc::default(),
            commits: Arc::new((0..WRITERS).map(|_| Mutex::default()).collect()),
        }
    }

    pub fn now(&self) -> Duration {
        self.start.elapsed()
    }

    pub fn stop(&self) {
        self.stop.store(true, Ordering::Relaxed);
    }

    fn of(&self, writer: usize) -> std::sync::MutexGuard<'_, Vec<Times>> {
        self.commits[writer]
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// Writers that work until they are stopped.
    pub async fn work(
        &self,
        server: &Server,
        random: &mut Random,
    ) -> Vec<JoinHandle<Result<(), Error>>> {
        let mut tasks = Vec::new();
        for writer in 0..WRITERS {
            let client = server.connect().await;
            let (start, seed) = (self.start, self.seed);
            let (stop, commits) = (self.stop.clone(), self.commits.clone());
            let mut random = Random(random.next());
            tasks.push(tokio::spawn(async move {
                for number in 1.. {
                    if stop.load(Ordering::Relaxed) {
                        return Ok(());
                    }
                    let list = &commits[writer];
                    let lock = || list.lock().unwrap_or_else(PoisonError::into_inner);
                    lock().push(Times {
                        sent: start.elapsed(),
                        acknowledged: None,
                    });
                    write(
                        &client,
                        writer,
                        number,
                        &entry(seed, writer, number),
                        &mut random,
                    )
                    .await?;
                    if let Some(last) = lock().last_mut() {
                        last.acknowledged = Some(start.elapsed());
                    }
                }
                Ok(())
            }));
        }
        tasks
    }

    /// Waits until every writer has `more` further commits acknowledged.
    pub async fn busy(&self, more: usize) {
        let wanted: Vec<usize> = (0..WRITERS).map(|w| self.of(w).len() + more).collect();
        let deadline = Instant::now() + Duration::from_secs(60);
        while (0..WRITERS).any(|writer| self.of(writer).len() < wanted[writer]) {
            assert!(Instant::now() < deadline, "the load makes no progress");
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }

    pub fn acknowledged_between(&self, before: Duration, after: Duration) -> usize {
        let within = |commit: &&Times| {
            commit
                .acknowledged
                .is_some_and(|time| before < time && time < after)
        };
        (0..WRITERS)
            .map(|writer| self.of(writer).iter().filter(within).count())
            .sum()
    }

    /// The copy was begun at `before` and done at `after`. Says how many commits it holds.
    pub async fn verify(&self, copy: &Server, before: Duration, after: Duration) -> usize {
        let client = copy.connect().await;
        let all = "SELECT writer, number, source, target, amount, note FROM entries ORDER BY 1, 2";
        let rows = client.query(all, &[]).await.expect(all);
        let mut held = vec![0i64; WRITERS];
        let mut balances: BTreeMap<i64, i64> = (1..=ACCOUNTS).map(|id| (id, BALANCE)).collect();
        for row in &rows {
            let (writer, number) = (row.get::<_, i32>(0) as usize, row.get::<_, i64>(1));
            held[writer] += 1;
            assert_eq!(
                number, held[writer],
                "a commit of writer {writer} is missing"
            );
            let wanted = entry(self.seed, writer, number);
            let found = (row.get(2), row.get(3), row.get(4), row.get::<_, String>(5));
            let wanted = (wanted.from, wanted.to, wanted.amount, wanted.note);
            assert_eq!(found, wanted, "row {number} of writer {writer}");
            let (from, to, amount, _) = wanted;
            *balances.entry(from).or_default() -= amount;
            *balances.entry(to).or_default() += amount;
        }
        let sql = "SELECT id, balance FROM accounts ORDER BY 1";
        let found = client.query(sql, &[]).await.expect(sql);
        let found: BTreeMap<i64, i64> = found.iter().map(|row| (row.get(0), row.get(1))).collect();
        assert_eq!(found, balances, "balances that these commits don't make");
        let sql = "SELECT number FROM progress ORDER BY writer";
        let found = client.query(sql, &[]).await.expect(sql);
        let found: Vec<i64> = found.iter().map(|row| row.get(0)).collect();
        assert_eq!(found, held, "a transaction is half there");
        for source in [1, ACCOUNTS / 2] {
            let sql = "SELECT (SELECT count(*) FROM entries WHERE source = $1), \
                       (SELECT count(*) FROM entries WHERE source + 0 = $1)";
            let row = client.query_one(sql, &[&source]).await.expect(sql);
            let (indexed, scanned): (i64, i64) = (row.get(0), row.get(1));
            assert_eq!(indexed, scanned, "index and table differ");
        }
        self.check_times(&held, before, after);
        rows.len()
    }

    fn check_times(&self, held: &[i64], before: Duration, after: Duration) {
        let times: Vec<Vec<Times>> = (0..WRITERS).map(|w| self.of(w).clone()).collect();
        let newest = held.iter().zip(&times).filter_map(|(held, times)| {
            let last = usize::try_from(*held).ok()?.checked_sub(1)?;
            Some(times[last].sent)
        });
        // Whatever was acknowledged before this moment is part of the copy's moment.
        let reached = newest.max().unwrap_or_default().max(before);
        for (writer, (held, times)) in held.iter().zip(&times).enumerate() {
            for (at, commit) in times.iter().enumerate() {
                let is_held = (at as i64) < *held;
                if commit.acknowledged.is_some_and(|time| time < reached) {
                    assert!(is_held, "commit {} of {writer} is missing", at + 1);
                }
                if commit.sent > after {
                    assert!(!is_held, "commit {} of {writer} came later", at + 1);
                }
            }
        }
    }
}

async fn write(
    client: &Client,
    writer: usize,
    number: i64,
    entry: &Entry,
    random: &mut Random,
) -> Result<(), Error> {
    // One order everywhere, so that the load itself has no deadlocks.
    let (low, high) = (entry.from.min(entry.to), entry.from.max(entry.to));
    let sign = if low == entry.from { -1 } else { 1 };
    let steps = [
        format!(
            "UPDATE accounts SET balance = balance + {} WHERE id = {low}",
            sign * entry.amount
        ),
        format!(
            "UPDATE accounts SET balance = balance + {} WHERE id = {high}",
            -sign * entry.amount
        ),
        format!(
            "INSERT INTO entries VALUES ({writer}, {number}, {}, {}, {}, '{}')",
            entry.from, entry.to, entry.amount, entry.note
        ),
        format!("UPDATE progress SET number = {number} WHERE writer = {writer}"),
    ];
    // Sometimes one message, sometimes one for each statement.
    if random.below(2) == 0 {
        let script = format!("BEGIN; {}; COMMIT", steps.join("; "));
        return client.batch_execute(&script).await;
    }
    client.batch_execute("BEGIN").await?;
    for step in &steps {
        client.batch_execute(step).await?;
    }
    client.batch_execute("COMMIT").await
}
