//! Actors beside the data: their state and their statements are one commit.

use orbit_sdk::actor::{Actor, Handle, Kind, Message, Recorded, Start, Turn, When};
use orbit_sdk::{Error, Orbit, Result, Statements, state};
use serde::{Deserialize, Serialize};
use std::time::Duration;

#[derive(Default, Serialize, Deserialize)]
struct Till {
    sold: i64,
    taken_cents: i64,
}

impl Actor for Till {
    const KIND: &'static str = "till";
    fn begin(_: &Start<'_>) -> Result<Till> {
        Ok(Till::default())
    }
}

struct Sell {
    item: &'static str,
    cents: i64,
}

impl Message for Sell {
    type Answer = i64;
}

impl Handle<Sell> for Till {
    async fn handle(&mut self, sale: Sell, turn: &mut Turn) -> Result<i64> {
        let id = turn.id().to_owned();
        let insert = "INSERT INTO sales (till, item, cents) VALUES ($1, $2, $3)";
        turn.execute(insert, (id, sale.item, sale.cents)).await?;
        let left: i64 = turn
            .query_one(
                "UPDATE stock SET left_over = left_over - 1 WHERE item = $1 RETURNING left_over",
                (sale.item,),
            )
            .await?;
        self.sold += 1;
        self.taken_cents += sale.cents;
        Ok(left)
    }
}

/// What a handler may try with the turn's transaction.
struct Misuse(&'static str);

impl Message for Misuse {
    type Answer = ();
}

impl Handle<Misuse> for Till {
    async fn handle(&mut self, misuse: Misuse, turn: &mut Turn) -> Result<()> {
        self.sold += 1000;
        turn.execute(misuse.0, ()).await?;
        Ok(())
    }
}

/// Goes on after a statement that failed.
struct Stubborn;

impl Message for Stubborn {
    type Answer = u64;
}

impl Handle<Stubborn> for Till {
    async fn handle(&mut self, _: Stubborn, turn: &mut Turn) -> Result<u64> {
        turn.execute("INSERT INTO stock VALUES ('scarf', 1)", ())
            .await?;
        let twice = turn
            .execute("INSERT INTO stock VALUES ('scarf', 1)", ())
            .await;
        assert!(twice.unwrap_err().is(state::UNIQUE_VIOLATION));
        turn.execute("UPDATE stock SET left_over = 5 WHERE item = 'scarf'", ())
            .await
    }
}

/// Sells later.
struct Promise(i64);

impl Message for Promise {
    type Answer = ();
}

#[derive(Serialize, Deserialize)]
struct SellLater {
    cents: i64,
}

impl Message for SellLater {
    type Answer = i64;
}

impl Recorded for SellLater {
    const NAME: &'static str = "sell later";
}

impl Handle<Promise> for Till {
    async fn handle(&mut self, promise: Promise, turn: &mut Turn) -> Result<()> {
        let message = SellLater { cents: promise.0 };
        turn.remind("promise", When::after(Duration::from_millis(100)), &message)
    }
}

impl Handle<SellLater> for Till {
    async fn handle(&mut self, later: SellLater, turn: &mut Turn) -> Result<i64> {
        let SellLater { cents } = later;
        self.handle(Sell { item: "cap", cents }, turn).await
    }
}

async fn shop() -> (tempfile::TempDir, Orbit) {
    let directory = tempfile::tempdir().unwrap();
    let orbit = open(directory.path()).await;
    for sql in [
        "CREATE TABLE stock (item text PRIMARY KEY, left_over int CHECK (left_over >= 0))",
        "CREATE TABLE sales (id bigserial PRIMARY KEY, till text, item text REFERENCES stock, cents int)",
        "INSERT INTO stock VALUES ('cap', 40), ('glove', 1)",
    ] {
        orbit.execute(sql, ()).await.unwrap();
    }
    (directory, orbit)
}

async fn open(directory: &std::path::Path) -> Orbit {
    let orbit = Orbit::open(directory).await.unwrap();
    let kind = Kind::<Till>::stored().takes::<SellLater>();
    orbit.register(kind).await.unwrap();
    orbit
}

async fn counted(orbit: &Orbit) -> (i64, i64, i64) {
    let sums = "SELECT (SELECT count(*) FROM sales), coalesce((SELECT sum(sold) FROM actors.till), 0)::int8,
                coalesce((SELECT sum(taken_cents) FROM actors.till), 0)::int8";
    orbit.query_one(sums, ()).await.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_an_actor_does_and_what_it_writes_are_one_commit() {
    let (directory, orbit) = shop().await;
    let calls: Vec<_> = (0..40)
        .map(|n| {
            let orbit = orbit.clone();
            tokio::spawn(async move {
                let till = orbit.actor::<Till>(["one", "two"][n % 2]).await?;
                till.call(Sell {
                    item: if n % 8 == 0 { "glove" } else { "cap" },
                    cents: 250,
                })
                .await
            })
        })
        .collect();
    let mut sold = 0;
    for call in calls {
        match call.await.unwrap() {
            Ok(_) => sold += 1,
            Err(error) => assert!(error.is(state::CHECK_VIOLATION), "{error:?}"),
        }
    }
    // Of the gloves there was one.
    assert_eq!(sold, 36);
    assert_eq!(counted(&orbit).await, (36, 36, 36 * 250));

    let till = orbit.actor::<Till>("one").await.unwrap();
    let none = till
        .call(Sell {
            item: "hat",
            cents: 1,
        })
        .await;
    assert!(none.unwrap_err().is(state::FOREIGN_KEY_VIOLATION));
    assert_eq!(till.call(Stubborn).await.unwrap(), 1);
    for (sql, told) in [
        ("COMMIT", state::INVALID_TRANSACTION_TERMINATION),
        ("ROLLBACK", state::INVALID_TRANSACTION_TERMINATION),
        ("NOTIFY x", state::FEATURE_NOT_SUPPORTED),
        ("SELECT 1/0", state::DIVISION_BY_ZERO),
    ] {
        let error: Error = till.call(Misuse(sql)).await.unwrap_err();
        assert!(error.is(told), "{sql}: {error:?}");
    }
    assert_eq!(counted(&orbit).await, (36, 36, 36 * 250));
    let states: Vec<(String, String)> = orbit
        .query("SELECT id, state FROM orbit.actors ORDER BY id", ())
        .await
        .unwrap();
    assert_eq!(states.len(), 2);
    drop(till);
    orbit.close().await.unwrap();

    let orbit = open(directory.path()).await;
    assert_eq!(counted(&orbit).await, (36, 36, 36 * 250));
    let left: i64 = orbit
        .actor::<Till>("two")
        .await
        .unwrap()
        .call(Sell {
            item: "cap",
            cents: 250,
        })
        .await
        .unwrap();
    assert_eq!(left, 4);
    orbit.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_turn_that_is_given_up_in_a_statement_is_undone() {
    let (directory, orbit) = shop().await;
    let till = orbit.actor::<Till>("one").await.unwrap();
    let sell = || Sell {
        item: "cap",
        cents: 250,
    };
    let mut holder = orbit.begin().await.unwrap();
    let lock = "UPDATE stock SET left_over = left_over WHERE item = 'cap'";
    holder.execute(lock, ()).await.unwrap();
    // The sale is written already, and the turn waits for the stock.
    let overdue = till.call_within(Duration::from_millis(200), sell()).await;
    let overdue = overdue.unwrap_err();
    assert!(
        overdue.is(state::STATEMENT_COMPLETION_UNKNOWN),
        "{overdue:?}"
    );
    holder.commit().await.unwrap();
    assert_eq!(till.call(sell()).await.unwrap(), 39);
    assert_eq!(counted(&orbit).await, (1, 1, 250));
    drop(till);
    orbit.close().await.unwrap();
    let orbit = open(directory.path()).await;
    assert_eq!(counted(&orbit).await, (1, 1, 250));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reminder_comes_after_a_restart_and_takes_effect_once() {
    let (directory, orbit) = shop().await;
    let till = orbit.actor::<Till>("one").await.unwrap();
    till.call(Promise(700)).await.unwrap();
    drop(till);
    orbit.close().await.unwrap();

    let orbit = open(directory.path()).await;
    // Nobody has asked for an actor: the reminder comes all the same.
    let due = "SELECT count(*) FROM orbit.actor_reminders";
    let all_done = async {
        while orbit.query_one::<i64>(due, ()).await.unwrap() > 0 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    let in_time = tokio::time::timeout(Duration::from_secs(20), all_done).await;
    assert!(in_time.is_ok(), "the reminder is still there");
    assert_eq!(counted(&orbit).await, (1, 1, 700));
    orbit.close().await.unwrap();
}
