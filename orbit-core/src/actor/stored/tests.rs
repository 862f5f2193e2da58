//! Stored actors: what comes back, with what it was committed, and what doesn't.

use super::*;
use crate::actor::{Actor, Handle, Kind, Limits, Message, Ref, Runtime, Start, Turn};
use crate::database::DatabaseOptions;
use crate::store::sim::SimStore;
use crate::txn::Isolation;
use crate::types::SqlType;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::time::Duration;

#[derive(Debug, Default, PartialEq, Serialize, Deserialize)]
struct Till {
    sold: i64,
    rate: f64,
    open: bool,
    clerk: Option<String>,
    items: Vec<(String, u32)>,
    by_day: BTreeMap<String, i64>,
    mode: Mode,
    small: u8,
    wide: u64,
    letter: char,
}

#[derive(Debug, Default, PartialEq, Serialize, Deserialize)]
enum Mode {
    #[default]
    Normal,
    Training {
        by: String,
    },
}

impl Actor for Till {
    const KIND: &'static str = "till";

    fn begin(start: &Start<'_>) -> Result<Till> {
        Ok(Till {
            clerk: Some(format!("of {}", start.id)),
            letter: 'a',
            ..Till::default()
        })
    }
}

struct Sell(i64);

impl Message for Sell {
    type Answer = i64;
}

impl Handle<Sell> for Till {
    async fn handle(&mut self, sell: Sell, _: &mut Turn) -> Result<i64> {
        self.sold += sell.0;
        if sell.0 < 0 {
            self.items.push(("lost".to_owned(), 1));
            return Err(Error::new(state::CHECK_VIOLATION, "nothing is given back"));
        }
        assert_ne!(sell.0, 13, "bad luck");
        Ok(self.sold)
    }
}

struct Ask;

impl Message for Ask {
    type Answer = (i64, Option<String>);
}

impl Handle<Ask> for Till {
    async fn handle(&mut self, _: Ask, _: &mut Turn) -> Result<(i64, Option<String>)> {
        Ok((self.sold, self.clerk.clone()))
    }
}

/// Writes another row in its turn's transaction, too.
struct Book(i64, bool);

impl Message for Book {
    type Answer = ();
}

impl Handle<Book> for Till {
    async fn handle(&mut self, book: Book, turn: &mut Turn) -> Result<()> {
        self.sold += 1;
        let id = turn.id().to_owned();
        let transaction = turn.transaction()?;
        let view = transaction.begin_statement();
        let table = view.catalog().table("public", "ledger").cloned();
        let table = table.ok_or_else(|| Error::internal("no ledger"))?;
        let row = vec![Value::Int8(book.0), Value::Text(id)];
        transaction.insert(&table, row).await?;
        match book.1 {
            true => Ok(()),
            false => Err(Error::internal("told to")),
        }
    }
}

fn open(store: Arc<SimStore>) -> Arc<Database> {
    let options = DatabaseOptions {
        on_fatal: Arc::new(|_| {}),
        ..DatabaseOptions::default()
    };
    Database::open(store, options).unwrap()
}

async fn runtime(db: &Arc<Database>, limits: Limits) -> Runtime {
    let runtime = Runtime::over(limits, db.clone()).await.unwrap();
    runtime.register(Kind::<Till>::stored()).await.unwrap();
    runtime
}

fn till(runtime: &Runtime, id: &str) -> Ref<Till> {
    runtime.actor(id).unwrap()
}

async fn ledger(db: &Arc<Database>) {
    let column =
        |name: &str, sql_type| crate::catalog::Column::new(name, sql_type, db.new_creation_stamp());
    let mut def = db
        .read()
        .catalog()
        .table(ACTORS_SCHEMA, "till")
        .unwrap()
        .def
        .clone();
    def.id = db.new_table_id();
    def.oid = db.new_oid();
    def.partition = db.new_partition_id();
    def.storage = db.new_storage_id();
    def.created = db.new_creation_stamp();
    def.schema = "public".to_owned();
    def.name = "ledger".to_owned();
    def.columns = vec![column("nth", SqlType::Int8), column("till", SqlType::Text)];
    let mut transaction = db.begin(Isolation::ReadCommitted);
    transaction
        .change_catalog(crate::catalog::CatalogChange::PutTable(Box::new(def)))
        .unwrap();
    transaction.commit().await.unwrap();
}

/// The rows of a table, each as its values.
fn rows(db: &Arc<Database>, schema: &str, name: &str) -> Vec<Vec<Value>> {
    let view = db.read();
    let table = view.catalog().table(schema, name).unwrap().clone();
    let mut scan = view
        .scan(&table, Default::default(), crate::store::Direction::Forward)
        .unwrap();
    let mut rows = Vec::new();
    while let Some((_, row)) = scan.next().unwrap() {
        rows.push(decode(&table, row).unwrap());
    }
    rows
}

#[test]
fn fields_become_columns_of_their_types() {
    let fields = shape::fields_of::<Till>().unwrap();
    let told: Vec<_> = fields
        .iter()
        .map(|field| format!("{} {} {}", field.name, field.sql_type, field.nullable))
        .collect();
    assert_eq!(
        told,
        [
            "sold bigint false",
            "rate double precision false",
            "open boolean false",
            "clerk text true",
            "items jsonb false",
            "by_day jsonb false",
            "mode jsonb false",
            "small smallint false",
            "wide bigint false",
            "letter text false",
        ]
    );
    let error = shape::fields_of::<Mode>().unwrap_err();
    assert!(error.is(state::INVALID_TABLE_DEFINITION), "{error:?}");
    assert_eq!(shape::fields_of::<Nothing>().unwrap(), []);
}

#[derive(Serialize, Deserialize)]
struct Nothing;

#[test]
fn a_state_comes_back_as_it_was() {
    let till = Till {
        sold: i64::MIN,
        rate: f64::NEG_INFINITY,
        open: true,
        clerk: None,
        items: vec![("a \"b\"".to_owned(), 7), (String::new(), u32::MAX)],
        by_day: [("monday".to_owned(), -1)].into(),
        mode: Mode::Training {
            by: "ünï".to_owned(),
        },
        small: 255,
        wide: 9,
        letter: 'ß',
    };
    let fields = shape::fields_of::<Till>().unwrap();
    let values = write::values_of(&till, &fields).unwrap();
    assert_eq!(read::state_of::<Till>(&fields, &values).unwrap(), till);

    let too_wide = Till {
        wide: u64::MAX,
        letter: 'a',
        ..Till::default()
    };
    let error = write::values_of(&too_wide, &fields).unwrap_err();
    assert!(error.is(state::NUMERIC_VALUE_OUT_OF_RANGE), "{error:?}");
    let error = read::state_of::<Till>(&fields, &vec![Value::Null; 10]).unwrap_err();
    assert!(error.is(state::DATA_CORRUPTED), "{error:?}");
    assert!(error.detail().unwrap().contains("missing field `sold`"));
}

#[tokio::test]
async fn what_was_answered_is_there_after_a_crash() {
    let store = Arc::new(SimStore::default());
    let db = open(store.clone());
    let first = runtime(&db, Limits::default()).await;
    assert_eq!(till(&first, "a").call(Sell(5)).await.unwrap(), 5);
    assert_eq!(till(&first, "a").call(Sell(2)).await.unwrap(), 7);
    let of_b = till(&first, "b").call(Ask).await.unwrap();
    assert_eq!(of_b, (0, Some("of b".to_owned())));
    let stored = rows(&db, ACTORS_SCHEMA, "till");
    assert_eq!(stored.len(), 1, "who was only asked isn't stored");
    assert_eq!(
        stored[0][..2],
        [Value::Text("a".to_owned()), Value::Int8(7)]
    );

    let db = open(Arc::new(store.crash(1)));
    let second = runtime(&db, Limits::default()).await;
    let of_a = till(&second, "a").call(Ask).await.unwrap();
    assert_eq!(of_a, (7, Some("of a".to_owned())));
}

#[tokio::test]
async fn who_rests_for_another_comes_back_as_it_was() {
    let db = open(Arc::new(SimStore::default()));
    let limits = Limits {
        awake: 2,
        ..Limits::default()
    };
    let runtime = runtime(&db, limits).await;
    for round in 1..=3 {
        for id in ["a", "b", "c", "d"] {
            assert_eq!(till(&runtime, id).call(Sell(1)).await.unwrap(), round);
            assert!(runtime.awake().0 <= 2);
        }
    }
}

#[tokio::test]
async fn a_turn_that_fails_leaves_nothing() {
    let db = open(Arc::new(SimStore::default()));
    let runtime = runtime(&db, Limits::default()).await;
    ledger(&db).await;
    let a = till(&runtime, "a");
    let error = a.call(Sell(-1)).await.unwrap_err();
    assert!(error.is(state::CHECK_VIOLATION));
    assert_eq!(a.call(Ask).await.unwrap().0, 0);
    a.call(Sell(3)).await.unwrap();
    a.call(Sell(-1)).await.unwrap_err();
    a.call(Book(1, true)).await.unwrap();
    a.call(Book(2, false)).await.unwrap_err();
    let error = a.call(Book(1, true)).await.unwrap_err();
    assert!(error.is(state::UNIQUE_VIOLATION), "{error:?}");
    assert_eq!(a.call(Ask).await.unwrap().0, 4);
    a.call(Sell(13)).await.unwrap_err();
    assert_eq!(a.call(Ask).await.unwrap().0, 4, "after its pause");
    assert_eq!(rows(&db, "public", "ledger").len(), 1);
    let stored = rows(&db, ACTORS_SCHEMA, "till");
    assert_eq!(stored[0][1], Value::Int8(4));
    assert_eq!(stored[0][5], Value::Text("[]".to_owned()));
}

#[tokio::test]
async fn turns_that_fail_among_others_of_one_commit_harm_none_of_them() {
    let db = open(Arc::new(SimStore::default()));
    let runtime = runtime(&db, Limits::default()).await;
    ledger(&db).await;
    let calls: Vec<_> = (0..200)
        .map(|n| {
            let a = till(&runtime, "a");
            tokio::spawn(async move {
                match n % 4 {
                    0 => a.call(Sell(-5)).await.map(|_| ()),
                    1 => a.call(Book(n, false)).await,
                    2 => a.call(Book(n, true)).await,
                    _ => a.call(Sell(1)).await.map(|_| ()),
                }
            })
        })
        .collect();
    let mut good = 0;
    for call in calls {
        good += i64::from(call.await.unwrap().is_ok());
    }
    assert_eq!(good, 100);
    assert_eq!(till(&runtime, "a").call(Ask).await.unwrap().0, 100);
    assert_eq!(rows(&db, "public", "ledger").len(), 50);
    assert_eq!(rows(&db, ACTORS_SCHEMA, "till")[0][1], Value::Int8(100));

    let before = db.stats().transactions;
    let calls = (0..200).map(|n| {
        let a = till(&runtime, "a");
        let how_many = if n % 5 == 0 { -1 } else { 1 };
        tokio::spawn(async move { a.call(Sell(how_many)).await })
    });
    for call in calls.collect::<Vec<_>>() {
        let _ = call.await.unwrap();
    }
    assert_eq!(till(&runtime, "a").call(Ask).await.unwrap().0, 260);
    let transactions = db.stats().transactions - before;
    assert!(
        transactions < 20,
        "{transactions} transactions for 200 turns"
    );
}

#[tokio::test]
async fn an_answer_that_tells_of_what_is_not_durable_waits_for_it() {
    let store = Arc::new(SimStore::default());
    let db = open(store.clone());
    let runtime = runtime(&db, Limits::default()).await;
    let a = till(&runtime, "a");
    a.call(Ask).await.unwrap();
    a.call(Sell(1)).await.unwrap();
    // No commit passes while somebody holds every credit.
    let held = db.take_all_credits().await;
    let first = tokio::spawn({
        let a = a.clone();
        async move { a.call(Sell(1)).await }
    });
    until_waiting(&runtime, 0).await;
    let others = [Some(1), Some(-1), None].map(|sell| {
        let a = a.clone();
        tokio::spawn(async move {
            match sell {
                Some(sell) => a.call(Sell(sell)).await.is_ok() == (sell > 0),
                None => a.call(Ask).await.unwrap().0 == 3,
            }
        })
    });
    until_waiting(&runtime, 3).await;
    // The first passes; the others meet the next who holds them all.
    drop(held);
    let held = db.take_all_credits().await;
    assert_eq!(first.await.unwrap().unwrap(), 2);
    until_waiting(&runtime, 0).await;
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
    assert!(others.iter().all(|one| !one.is_finished()));
    drop(held);
    for other in others {
        assert!(other.await.unwrap());
    }
}

/// Lets others run until so much waits for the first actor.
async fn until_waiting(runtime: &Runtime, count: usize) {
    for _ in 0..10_000 {
        let seen = runtime.seen();
        if seen
            .first()
            .is_some_and(|one| one.state == "busy" && one.waiting == count)
        {
            return;
        }
        tokio::task::yield_now().await;
    }
    panic!("there were never {count}");
}

#[tokio::test]
async fn a_row_that_somebody_else_wrote_is_not_written_over() {
    let db = open(Arc::new(SimStore::default()));
    let (one, other) = (
        runtime(&db, Limits::default()).await,
        runtime(&db, Limits::default()).await,
    );
    till(&one, "a").call(Sell(1)).await.unwrap();
    assert_eq!(till(&other, "a").call(Sell(1)).await.unwrap(), 2);
    let error = till(&one, "a").call(Sell(1)).await.unwrap_err();
    assert!(error.is(state::SERIALIZATION_FAILURE), "{error:?}");
    assert_eq!(till(&one, "a").call(Sell(1)).await.unwrap(), 3);
    // Both have begun it.
    till(&one, "b").call(Ask).await.unwrap();
    till(&other, "b").call(Sell(1)).await.unwrap();
    let error = till(&one, "b").call(Sell(1)).await.unwrap_err();
    assert!(error.is(state::SERIALIZATION_FAILURE), "{error:?}");
}

#[tokio::test]
async fn a_row_that_is_locked_keeps_its_actor_until_the_deadline_only() {
    let db = open(Arc::new(SimStore::default()));
    let runtime = runtime(&db, Limits::default()).await;
    let a = till(&runtime, "a");
    a.call(Sell(1)).await.unwrap();
    let table = db
        .read()
        .catalog()
        .table(ACTORS_SCHEMA, "till")
        .unwrap()
        .clone();
    let mut pk = Vec::new();
    key::push(&mut pk, &ValueRef::Text("a"), false, false).unwrap();
    let mut other = db.begin(Isolation::ReadCommitted);
    other.begin_statement();
    other
        .lock_row(&table, &pk, RowLock::Update, Wait::Block)
        .await
        .unwrap();
    let short = Duration::from_millis(20);
    a.call_within(short, Sell(1)).await.unwrap_err();
    while runtime.seen().iter().any(|one| one.state == "busy") {
        tokio::task::yield_now().await;
    }
    other.rollback();
    assert_eq!(a.call(Sell(1)).await.unwrap(), 2);
}

#[tokio::test]
async fn what_could_not_be_read_again_is_refused() {
    #[derive(Serialize, Deserialize)]
    struct Probe {
        last: f64,
        all: Vec<f64>,
    }
    impl Actor for Probe {
        const KIND: &'static str = "probe";
        fn begin(_: &Start<'_>) -> Result<Probe> {
            Ok(Probe {
                last: f64::NAN,
                all: Vec::new(),
            })
        }
    }
    struct Measure(f64);
    impl Message for Measure {
        type Answer = usize;
    }
    impl Handle<Measure> for Probe {
        async fn handle(&mut self, measure: Measure, _: &mut Turn) -> Result<usize> {
            if !measure.0.is_nan() {
                self.last = measure.0;
            }
            self.all.push(measure.0);
            Ok(self.all.len())
        }
    }
    let store = Arc::new(SimStore::default());
    let db = open(store.clone());
    let runtime = Runtime::over(Limits::default(), db.clone()).await.unwrap();
    runtime.register(Kind::<Probe>::stored()).await.unwrap();
    let probe = runtime.actor::<Probe>("a").unwrap();
    assert_eq!(probe.call(Measure(1.5)).await.unwrap(), 1);
    let error = probe.call(Measure(f64::NAN)).await.unwrap_err();
    assert!(error.message().contains("can't be stored"), "{error:?}");
    assert_eq!(probe.call(Measure(2.0)).await.unwrap(), 2);
}

#[tokio::test]
async fn a_commit_that_fails_answers_all_it_held_and_what_was_stored_comes_back() {
    let store = Arc::new(SimStore::default());
    let db = open(store.clone());
    let runtime = runtime(&db, Limits::default()).await;
    let a = till(&runtime, "a");
    a.call(Sell(1)).await.unwrap();
    db.shutdown().await.unwrap();
    let error = a.call(Sell(1)).await.unwrap_err();
    assert!(error.is(state::CANNOT_CONNECT_NOW), "{error:?}");
    assert_eq!(a.call(Ask).await.unwrap().0, 1);
}

#[tokio::test]
async fn a_state_with_more_fields_gets_their_columns() {
    #[derive(Serialize, Deserialize)]
    struct Early {
        count: i32,
    }
    impl Actor for Early {
        const KIND: &'static str = "grown";
        fn begin(_: &Start<'_>) -> Result<Early> {
            Ok(Early { count: 1 })
        }
    }
    #[derive(Serialize, Deserialize)]
    struct Late {
        #[serde(default)]
        name: String,
        count: i32,
        note: Option<String>,
    }
    impl Actor for Late {
        const KIND: &'static str = "grown";
        fn begin(_: &Start<'_>) -> Result<Late> {
            Err(Error::internal("there is one already"))
        }
    }
    #[derive(Serialize, Deserialize)]
    struct Other {
        count: String,
    }
    impl Actor for Other {
        const KIND: &'static str = "grown";
        fn begin(_: &Start<'_>) -> Result<Other> {
            Err(Error::internal("never"))
        }
    }
    struct Go;
    impl Message for Go {
        type Answer = i32;
    }
    impl Handle<Go> for Early {
        async fn handle(&mut self, _: Go, _: &mut Turn) -> Result<i32> {
            self.count += 1;
            Ok(self.count)
        }
    }
    impl Handle<Go> for Late {
        async fn handle(&mut self, _: Go, _: &mut Turn) -> Result<i32> {
            self.count += 1;
            self.name.push('x');
            self.note = Some("n".to_owned());
            Ok(self.count)
        }
    }
    let db = open(Arc::new(SimStore::default()));
    let early = Runtime::over(Limits::default(), db.clone()).await.unwrap();
    early.register(Kind::<Early>::stored()).await.unwrap();
    early.actor::<Early>("a").unwrap().call(Go).await.unwrap();
    let late = Runtime::over(Limits::default(), db.clone()).await.unwrap();
    late.register(Kind::<Late>::stored()).await.unwrap();
    let count = late.actor::<Late>("a").unwrap().call(Go).await.unwrap();
    assert_eq!(count, 3);
    let text = |text: &str| Value::Text(text.to_owned());
    let stored = rows(&db, ACTORS_SCHEMA, "grown");
    assert_eq!(
        stored,
        [vec![text("a"), Value::Int4(3), text("x"), text("n")]]
    );

    let other = Runtime::over(Limits::default(), db.clone()).await.unwrap();
    let error = other.register(Kind::<Other>::stored()).await.unwrap_err();
    assert!(error.is(state::DATATYPE_MISMATCH), "{error:?}");
    let error = table::ensure(&db, "Über", &[]).await.unwrap_err();
    assert!(error.is(state::INVALID_PARAMETER_VALUE), "{error:?}");
}

#[tokio::test]
async fn a_turn_given_up_in_the_middle_leaves_nothing() {
    struct Linger;
    impl Message for Linger {
        type Answer = ();
    }
    impl Handle<Linger> for Till {
        async fn handle(&mut self, _: Linger, _: &mut Turn) -> Result<()> {
            self.sold += 1000;
            std::future::pending().await
        }
    }
    let db = open(Arc::new(SimStore::default()));
    let runtime = runtime(&db, Limits::default()).await;
    let a = till(&runtime, "a");
    a.call(Sell(1)).await.unwrap();
    let short = Duration::from_millis(5);
    let error = a.call_within(short, Linger).await.unwrap_err();
    assert!(error.is(state::STATEMENT_COMPLETION_UNKNOWN), "{error:?}");
    assert_eq!(a.call(Ask).await.unwrap().0, 1);
}

/// Takes the turn's transaction out and loses it, if told to.
struct Lose(bool);

impl Message for Lose {
    type Answer = ();
}

impl Handle<Lose> for Till {
    async fn handle(&mut self, lose: Lose, turn: &mut Turn) -> Result<()> {
        if lose.0 {
            drop(turn.lend()?);
            return Err(Error::new(state::CHECK_VIOLATION, "it gave up"));
        }
        Ok(())
    }
}

#[tokio::test]
async fn a_turn_that_loses_the_transaction_takes_no_answer_of_others_with_it() {
    let db = open(Arc::new(SimStore::new()));
    let runtime = runtime(&db, Limits::default()).await;
    let own = till(&runtime, "a");
    // Both are known, and never used the transaction: their turns share commits.
    own.call(Sell(1)).await.unwrap();
    own.call(Lose(false)).await.unwrap();
    let calls: Vec<_> = (0..40)
        .map(|n| {
            let own = own.clone();
            tokio::spawn(async move {
                match n % 10 {
                    9 => own.call(Lose(true)).await.map(|()| 0),
                    _ => own.call(Sell(1)).await,
                }
            })
        })
        .collect();
    let mut answered = 1;
    for (n, call) in calls.into_iter().enumerate() {
        let answer = call.await.unwrap();
        assert!(n % 10 != 9 || answer.is_err());
        answered += i64::from(answer.is_ok());
    }
    assert_eq!(own.call(Ask).await.unwrap().0, answered);
    assert_eq!(
        rows(&db, ACTORS_SCHEMA, "till")[0][1],
        Value::Int8(answered)
    );
    assert!(answered > 1, "{answered}");
}

#[tokio::test]
async fn who_watches_sees_what_became_durable_and_the_newest_of_it() {
    let db = open(Arc::new(SimStore::new()));
    let runtime = runtime(&db, Limits::default()).await;
    let own = till(&runtime, "a");
    let mut changes = own.changes().unwrap();
    let mut others = till(&runtime, "b").changes().unwrap();
    own.call(Sell(5)).await.unwrap();
    assert_eq!(changes.next().await.unwrap().sold, 5);
    // What was undone is no change, nor is what left everything as it was.
    own.call(Sell(-1)).await.unwrap_err();
    own.call(Sell(0)).await.unwrap();
    let waiting = tokio::time::timeout(Duration::from_millis(50), changes.next());
    assert!(waiting.await.is_err(), "nothing has changed");
    for _ in 0..100 {
        own.call(Sell(1)).await.unwrap();
    }
    assert_eq!(changes.next().await.unwrap().sold, 105, "the newest");
    let waiting = tokio::time::timeout(Duration::from_millis(50), others.next());
    assert!(waiting.await.is_err(), "another one's changes");
    // An actor that rests is watched still.
    runtime.shed(0, 1 << 30);
    own.call(Sell(1)).await.unwrap();
    assert_eq!(changes.next().await.unwrap().sold, 106);
    runtime.shutdown().await;
    assert!(
        changes
            .next()
            .await
            .err()
            .unwrap()
            .is(state::ADMIN_SHUTDOWN)
    );
}
