//! Reminders and answers given once, over crashes.

use super::*;
use crate::actor::{Actor, Handle, Kind, Limits, Message, Recorded, Ref, Runtime, Start, Turn};
use crate::clock::SimClock;
use crate::database::DatabaseOptions;
use crate::error::{Error, state};
use crate::store::sim::SimStore;
use serde::{Deserialize, Serialize};
use std::time::Duration;

const SECOND: Duration = Duration::from_secs(1);

#[derive(Default, Serialize, Deserialize)]
struct Oven {
    rung: Vec<String>,
    baked: i64,
}

impl Actor for Oven {
    const KIND: &'static str = "oven";
    fn begin(_: &Start<'_>) -> Result<Oven> {
        Ok(Oven::default())
    }
}

#[derive(Serialize, Deserialize)]
struct Ring(String);

impl Message for Ring {
    type Answer = ();
}

impl Recorded for Ring {
    const NAME: &'static str = "ring";
}

impl Handle<Ring> for Oven {
    async fn handle(&mut self, ring: Ring, turn: &mut Turn) -> Result<()> {
        match ring.0.as_str() {
            "never" => return Err(Error::internal("told to")),
            "stop" => turn.cancel_reminder("r"),
            "later" => turn.remind("r", When::after(100 * SECOND), &Ring("last".into()))?,
            _ => {}
        }
        self.rung.push(ring.0);
        Ok(())
    }
}

struct Set(When, &'static str);

impl Message for Set {
    type Answer = ();
}

impl Handle<Set> for Oven {
    async fn handle(&mut self, set: Set, turn: &mut Turn) -> Result<()> {
        turn.remind("r", set.0, &Ring(set.1.to_owned()))
    }
}

struct Cancel;

impl Message for Cancel {
    type Answer = ();
}

impl Handle<Cancel> for Oven {
    async fn handle(&mut self, _: Cancel, turn: &mut Turn) -> Result<()> {
        turn.cancel_reminder("r");
        Ok(())
    }
}

#[derive(Serialize, Deserialize)]
struct Bake(i64);

impl Message for Bake {
    type Answer = i64;
}

impl Recorded for Bake {
    const NAME: &'static str = "bake";
}

impl Handle<Bake> for Oven {
    async fn handle(&mut self, bake: Bake, _: &mut Turn) -> Result<i64> {
        if bake.0 == 13 {
            panic!("burnt");
        }
        if bake.0 < 0 {
            return Err(Error::new(state::CHECK_VIOLATION, "no"));
        }
        self.baked += bake.0;
        Ok(self.baked)
    }
}

struct Rung;

impl Message for Rung {
    type Answer = Vec<String>;
}

impl Handle<Rung> for Oven {
    async fn handle(&mut self, _: Rung, _: &mut Turn) -> Result<Vec<String>> {
        Ok(self.rung.clone())
    }
}

struct World {
    clock: Arc<SimClock>,
    store: Arc<SimStore>,
    db: Arc<Database>,
    runtime: Runtime,
}

impl World {
    async fn new() -> World {
        let clock = Arc::new(SimClock::at(1_000_000_000_000_000));
        World::open(clock, Arc::new(SimStore::default())).await
    }

    async fn open(clock: Arc<SimClock>, store: Arc<SimStore>) -> World {
        let options = DatabaseOptions {
            on_fatal: Arc::new(|_| {}),
            clock: clock.clone(),
            ..DatabaseOptions::default()
        };
        let db = Database::open(store.clone(), options).unwrap();
        let runtime = Runtime::over(Limits::default(), db.clone()).await.unwrap();
        let kind = Kind::<Oven>::stored()
            .takes::<Ring>()
            .takes::<Bake>()
            .takes::<Explosive>();
        runtime.register(kind).await.unwrap();
        runtime.keep().await.unwrap();
        World {
            clock,
            store,
            db,
            runtime,
        }
    }

    /// The power fails, and comes back.
    async fn crash(self, seed: u64) -> World {
        let World { clock, store, .. } = self;
        World::open(clock, Arc::new(store.crash(seed))).await
    }

    fn oven(&self, id: &str) -> Ref<Oven> {
        self.runtime.actor(id).unwrap()
    }

    fn reminders(&self) -> usize {
        self.count("actor_reminders")
    }

    fn count(&self, table: &str) -> usize {
        let view = self.db.read();
        let table = view.catalog().table("orbit", table).unwrap().clone();
        let mut scan = view
            .scan(&table, Default::default(), crate::store::Direction::Forward)
            .unwrap();
        let mut count = 0;
        while scan.next().unwrap().is_some() {
            count += 1;
        }
        count
    }

    /// Lets time pass, a step at a time, and whoever waited for it do what he waited to do.
    async fn pass(&self, time: Duration) {
        for _ in 0..time.as_secs() {
            self.clock.pass(SECOND);
            // Commits are made by threads of their own.
            for _ in 0..20 {
                tokio::task::yield_now().await;
                std::thread::sleep(Duration::from_micros(100));
            }
        }
    }

    /// What an oven has heard, once it is so much.
    async fn rung(&self, id: &str, count: usize) -> Vec<String> {
        for _ in 0..1000 {
            let rung = self.oven(id).call(Rung).await.unwrap();
            if rung.len() >= count {
                return rung;
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        panic!("it never rang {count} times");
    }
}

#[tokio::test]
async fn a_reminder_comes_once_at_its_time_and_survives_a_crash() {
    let world = World::new().await;
    let oven = world.oven("a");
    oven.call(Set(When::after(10 * SECOND), "x")).await.unwrap();
    world.pass(9 * SECOND).await;
    assert_eq!(world.rung("a", 0).await, Vec::<String>::new());
    let world = world.crash(1).await;
    assert_eq!(world.reminders(), 1);
    world.pass(2 * SECOND).await;
    assert_eq!(world.rung("a", 1).await, ["x"]);
    assert_eq!(world.reminders(), 0);
    let world = world.crash(2).await;
    world.pass(20 * SECOND).await;
    assert_eq!(world.rung("a", 1).await, ["x"]);
}

#[tokio::test]
async fn a_repeated_reminder_leaves_out_what_passed_and_ends_when_told() {
    let world = World::new().await;
    let oven = world.oven("a");
    oven.call(Set(When::every(10 * SECOND), "x")).await.unwrap();
    world.pass(31 * SECOND).await;
    assert_eq!(world.rung("a", 3).await.len(), 3);
    // An hour in which nobody looked.
    world.clock.pass(3600 * SECOND);
    world.pass(2 * SECOND).await;
    assert_eq!(world.rung("a", 4).await.len(), 4);
    oven.call(Cancel).await.unwrap();
    assert_eq!(world.reminders(), 0);
    world.pass(30 * SECOND).await;
    assert_eq!(world.rung("a", 4).await.len(), 4);
}

#[tokio::test]
async fn a_turn_may_change_the_reminder_that_it_comes_from() {
    let world = World::new().await;
    for (id, what) in [("a", "later"), ("b", "stop")] {
        let every = When::every(10 * SECOND);
        world.oven(id).call(Set(every, what)).await.unwrap();
    }
    world.pass(50 * SECOND).await;
    assert_eq!(world.rung("a", 1).await, ["later"]);
    assert_eq!(world.rung("b", 1).await, ["stop"]);
    assert_eq!(world.reminders(), 1);
    world.pass(65 * SECOND).await;
    assert_eq!(world.rung("a", 2).await, ["later", "last"]);
    assert_eq!(world.reminders(), 0);
}

#[tokio::test]
async fn a_reminder_whose_turn_fails_is_tried_again_and_keeps_no_other_waiting() {
    let world = World::new().await;
    let after = When::after(SECOND);
    world.oven("a").call(Set(after, "never")).await.unwrap();
    world
        .oven("b")
        .call(Set(When::after(3 * SECOND), "x"))
        .await
        .unwrap();
    world.pass(20 * SECOND).await;
    assert_eq!(world.rung("b", 1).await, ["x"]);
    let view = world.db.read();
    let table = view
        .catalog()
        .table("orbit", "actor_reminders")
        .unwrap()
        .clone();
    let mut scan = view
        .scan(&table, Default::default(), crate::store::Direction::Forward)
        .unwrap();
    let (_, row) = scan.next().unwrap().unwrap();
    let failures = crate::txn::decode(&table, row).unwrap()[7].clone();
    // After 1, 2, 5, 10 seconds and so on.
    assert!(
        matches!(failures, crate::value::Value::Int4(3..=5)),
        "{failures:?}"
    );
    world.oven("a").call(Cancel).await.unwrap();
    assert_eq!(world.reminders(), 0);
}

#[tokio::test]
async fn a_reminder_of_a_turn_that_fails_is_never_set() {
    struct SetAndFail;
    impl Message for SetAndFail {
        type Answer = ();
    }
    impl Handle<SetAndFail> for Oven {
        async fn handle(&mut self, _: SetAndFail, turn: &mut Turn) -> Result<()> {
            turn.remind("r", When::after(SECOND), &Ring("x".into()))?;
            Err(Error::internal("told to"))
        }
    }
    #[derive(Serialize, Deserialize)]
    struct Unknown;
    impl Message for Unknown {
        type Answer = ();
    }
    impl Recorded for Unknown {
        const NAME: &'static str = "unknown";
    }
    struct SetUnknown;
    impl Message for SetUnknown {
        type Answer = ();
    }
    impl Handle<SetUnknown> for Oven {
        async fn handle(&mut self, _: SetUnknown, turn: &mut Turn) -> Result<()> {
            turn.remind("r", When::after(SECOND), &Unknown)
        }
    }
    let world = World::new().await;
    world.oven("a").call(SetAndFail).await.unwrap_err();
    let error = world.oven("a").call(SetUnknown).await.unwrap_err();
    assert!(error.is(state::UNDEFINED_OBJECT), "{error:?}");
    assert_eq!(world.reminders(), 0);
}

/// One that nobody can read again.
#[derive(Serialize)]
struct Explosive;

impl<'de> Deserialize<'de> for Explosive {
    fn deserialize<D: serde::Deserializer<'de>>(_: D) -> Result<Explosive, D::Error> {
        panic!("while it was read")
    }
}

impl Message for Explosive {
    type Answer = ();
}

impl Recorded for Explosive {
    const NAME: &'static str = "explosive";
}

impl Handle<Explosive> for Oven {
    async fn handle(&mut self, _: Explosive, turn: &mut Turn) -> Result<()> {
        turn.remind("r", When::after(SECOND), &Explosive)
    }
}

#[tokio::test]
async fn reminders_that_nobody_takes_wait_by_themselves() {
    let world = World::new().await;
    world.oven("a").call(Explosive).await.unwrap();
    // Broken, as it failed too often.
    let broken = world.oven("b");
    broken.call(Set(When::after(SECOND), "x")).await.unwrap();
    while broken
        .call(Bake(13))
        .await
        .is_err_and(|error| error.is(state::INTERNAL_ERROR))
    {
        world.clock.pass(Duration::from_millis(900));
    }
    let after = When::after(5 * SECOND);
    world.oven("c").call(Set(after, "x")).await.unwrap();
    let before = world.db.stats().transactions;
    world.pass(30 * SECOND).await;
    assert_eq!(world.rung("c", 1).await, ["x"]);
    assert_eq!(world.reminders(), 2, "both are tried again");
    let written = world.db.stats().transactions - before;
    assert!(written < 20, "{written} transactions in half a minute");
    // The oven is whole again, and the reminder comes.
    world.pass(120 * SECOND).await;
    assert_eq!(world.rung("b", 1).await, ["x"]);
    // Nothing goes on once the node has stopped.
    world.runtime.shutdown().await;
    let before = world.db.stats().transactions;
    world.pass(100 * SECOND).await;
    assert_eq!(world.db.stats().transactions, before);
}

#[tokio::test]
async fn a_key_is_for_one_message_and_its_misuse_harms_nobody() {
    let world = World::new().await;
    let oven = world.oven("a");
    oven.call_once("k", Bake(1)).await.unwrap();
    // Among turns that share a commit.
    let calls = (0..60).map(|n| {
        let oven = oven.clone();
        tokio::spawn(async move {
            match n % 3 {
                0 => oven.call_once("k", Ring("x".into())).await.map(|()| 0),
                1 => oven.call_once("k", Bake(1)).await.map(|_| 0),
                _ => oven.call(Bake(1)).await.map(|_| 1),
            }
        })
    });
    let mut baked = 1;
    for (n, call) in calls.collect::<Vec<_>>().into_iter().enumerate() {
        match call.await.unwrap() {
            Ok(count) => baked += count,
            Err(error) => {
                assert!(error.is(state::INVALID_PARAMETER_VALUE), "{error:?}");
                assert_eq!(n % 3, 0);
            }
        }
    }
    assert_eq!(baked, 21);
    let world = world.crash(3).await;
    let oven = world.oven("a");
    assert_eq!(oven.call(Bake(0)).await.unwrap(), 21);
}

#[tokio::test]
async fn under_one_key_a_message_is_handled_once_and_answered_alike() {
    let world = World::new().await;
    let oven = world.oven("a");
    assert_eq!(oven.call_once("k1", Bake(3)).await.unwrap(), 3);
    assert_eq!(oven.call_once("k2", Bake(4)).await.unwrap(), 7);
    assert_eq!(oven.call_once("k1", Bake(3)).await.unwrap(), 3);
    assert_eq!(world.oven("b").call_once("k1", Bake(1)).await.unwrap(), 1);
    let error = oven.call_once("k3", Bake(-1)).await.unwrap_err();
    assert!(error.is(state::CHECK_VIOLATION));
    assert_eq!(
        oven.call_once("k3", Bake(1)).await.unwrap(),
        8,
        "not done yet"
    );

    let world = world.crash(1).await;
    let oven = world.oven("a");
    assert_eq!(oven.call_once("k2", Bake(4)).await.unwrap(), 7);
    let together = (0..50).map(|_| {
        let oven = oven.clone();
        tokio::spawn(async move { oven.call_once("k4", Bake(1)).await })
    });
    for call in together.collect::<Vec<_>>() {
        assert_eq!(call.await.unwrap().unwrap(), 9);
    }

    let answers = |world: &World| world.count("actor_answers");
    assert_eq!(answers(&world), 5);
    let (lasting, _) = world.runtime.inner().lasting().unwrap();
    assert_eq!(lasting.answers.prune().await.unwrap(), 0);
    world.clock.pass(25 * 3600 * SECOND);
    assert_eq!(lasting.answers.prune().await.unwrap(), 5);
    assert_eq!(answers(&world), 0);
}
