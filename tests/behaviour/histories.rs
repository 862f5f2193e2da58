//! Random concurrent histories, judged: no level may break its promise, also not
//! across kill -9.

use orbit_tests::history::check::{Anomaly, check};
use orbit_tests::history::load::{Load, TABLES};
use orbit_tests::history::{History, Level, Outcome};
use orbit_tests::server::Server;
use orbit_tests::{Random, seed, soak};
use std::sync::Arc;
use std::time::{Duration, Instant};

const CLIENTS: usize = 8;
/// Judged at once; a run of the soak is as many of these as it takes.
const OPERATIONS: usize = 20_000;
const KILLS: usize = 4;

/// A fresh server, a load with kills in between, and its history.
async fn record(random: &mut Random, operations: usize, kills: usize) -> History {
    let mut server = Server::start().await;
    server
        .connect()
        .await
        .batch_execute(TABLES)
        .await
        .expect("the tables");
    let load = Arc::new(Load::default());
    let mut history = History::default();
    for round in 0..=kills {
        let clients = load.clients(&server, random, CLIENTS).await;
        // The last part runs without a kill, so that there is an end to look back from.
        let goal = operations * (round + 1) / (kills + 1);
        let (mut reached, mut since) = (0, Instant::now());
        while load.operations() < goal && !clients.iter().all(|client| client.is_finished()) {
            if load.operations() > reached {
                (reached, since) = (load.operations(), Instant::now());
            }
            assert!(
                since.elapsed() < Duration::from_secs(60),
                "the load makes no progress: {reached} operations, round {round}"
            );
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        if round < kills {
            server.kill();
        } else {
            load.stop();
        }
        for client in clients {
            let done = client.await.expect("a client that doesn't panic");
            history
                .transactions
                .extend(done.unwrap_or_else(|said| panic!("{said}")));
        }
        if round < kills {
            server.restart().await;
        }
    }
    load.last_read(&server, &mut history).await;
    history
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_history_breaks_its_level() {
    let (runs, kills) = if soak() { (50, 8) } else { (1, KILLS) };
    let mut random = Random(seed("histories"));
    let (mut operations, mut transactions, mut skews) = (0, 0, 0);
    let (mut aborted, mut unknown) = (0, 0);
    for _ in 0..runs {
        let history = record(&mut random, OPERATIONS, kills).await;
        let violations = check(&history);
        let stories: Vec<String> = violations.iter().map(ToString::to_string).collect();
        assert!(stories.is_empty(), "{}", stories.join("\n\n"));
        // Documented: REPEATABLE READ is snapshot isolation, which has write skew.
        let strict = history.promised(Level::RepeatableRead, Level::Serializable);
        skews += check(&strict).len();
        assert!(
            check(&strict)
                .iter()
                .all(|found| found.anomaly == Anomaly::WriteSkew)
        );
        operations += history.operations();
        transactions += history.transactions.len();
        let ended = |outcome: Outcome| {
            let all = history.transactions.iter();
            all.filter(|transaction| transaction.outcome == outcome)
                .count()
        };
        aborted += ended(Outcome::Aborted);
        unknown += ended(Outcome::Unknown);
    }
    eprintln!(
        "{operations} operations in {transactions} transactions ({aborted} aborted, {unknown} \
         unknown), {} kills, no violation; {skews} or more knots of write skew under REPEATABLE READ",
        runs * kills
    );
    assert!(
        operations >= runs * OPERATIONS,
        "{operations} operations are too few"
    );
}
