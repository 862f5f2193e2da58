//! Virtual actors that keep nothing: addressing, turns, bounds and failures.

use super::*;
use crate::clock::{Clock, SimClock, SystemClock};
use crate::error::{Error, Result, state};
use crate::pressure::Priority;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::sync::{Semaphore, oneshot};

/// Counts, and does what it is told to.
struct Counter {
    count: u64,
}

impl Actor for Counter {
    const KIND: &'static str = "counter";

    fn begin(start: &Start<'_>) -> Result<Counter> {
        match start.id {
            "refused" => Err(Error::new(state::UNDEFINED_OBJECT, "no such counter")),
            "explosive" => panic!("not even begun"),
            _ => Ok(Counter { count: 0 }),
        }
    }
}

struct Add(u64);

impl Message for Add {
    type Answer = u64;
}

impl Handle<Add> for Counter {
    async fn handle(&mut self, add: Add, _: &mut Turn) -> Result<u64> {
        self.count += add.0;
        Ok(self.count)
    }
}

/// Waits until somebody lets it go on.
struct Wait(Arc<Semaphore>);

impl Message for Wait {
    type Answer = u64;
}

impl Handle<Wait> for Counter {
    async fn handle(&mut self, wait: Wait, _: &mut Turn) -> Result<u64> {
        self.count += 1000;
        let _permit = wait.0.acquire().await;
        Ok(self.count)
    }
}

struct Fail(&'static str);

impl Message for Fail {
    type Answer = ();
}

impl Handle<Fail> for Counter {
    async fn handle(&mut self, fail: Fail, _: &mut Turn) -> Result<()> {
        match fail.0 {
            "panic" => panic!("told to"),
            why => Err(Error::new(state::INVALID_PARAMETER_VALUE, why)),
        }
    }
}

/// Calls another, which may call on.
struct Through(Vec<&'static str>);

impl Message for Through {
    type Answer = u64;
}

impl Handle<Through> for Counter {
    async fn handle(&mut self, through: Through, turn: &mut Turn) -> Result<u64> {
        let mut path = through.0;
        let Some(next) = path.pop() else {
            return Ok(1);
        };
        let next = turn.address::<Counter>(next)?;
        Ok(1 + turn.call(&next, Through(path)).await?)
    }
}

/// Sends to another, then fails or doesn't.
struct Tell(&'static str, bool);

impl Message for Tell {
    type Answer = ();
}

impl Handle<Tell> for Counter {
    async fn handle(&mut self, tell: Tell, turn: &mut Turn) -> Result<()> {
        let other = turn.address::<Counter>(tell.0)?;
        turn.send(&other, Add(1))?;
        match tell.1 {
            true => Ok(()),
            false => Err(Error::internal("told to")),
        }
    }
}

async fn runtime(limits: Limits) -> Runtime {
    with_clock(limits, Arc::new(SystemClock::default())).await
}

async fn with_clock(limits: Limits, clock: Arc<dyn Clock>) -> Runtime {
    let runtime = Runtime::new(limits, clock);
    runtime
        .register(Kind::<Counter>::in_memory())
        .await
        .unwrap();
    runtime
}

fn counter(runtime: &Runtime, id: &str) -> Ref<Counter> {
    runtime.actor(id).unwrap()
}

/// Lets others run until something holds.
async fn until_true(mut holds: impl FnMut() -> bool) {
    for _ in 0..100_000 {
        if holds() {
            return;
        }
        tokio::task::yield_now().await;
    }
    panic!("it never held");
}

fn waiting(runtime: &Runtime, id: &str) -> usize {
    let seen = runtime.seen();
    let one = seen.iter().find(|one| *one.id == *id);
    one.map_or(0, |one| one.waiting)
}

#[tokio::test]
async fn an_actor_begins_with_its_first_message_and_takes_one_at_a_time() {
    let runtime = runtime(Limits::default()).await;
    let a = counter(&runtime, "a");
    assert_eq!(a.call(Add(2)).await.unwrap(), 2);
    assert_eq!(counter(&runtime, "a").call(Add(3)).await.unwrap(), 5);
    assert_eq!(counter(&runtime, "b").call(Add(1)).await.unwrap(), 1);
    for _ in 0..1000 {
        a.send(Add(1)).unwrap();
    }
    assert_eq!(
        a.call(Add(0)).await.unwrap(),
        1005,
        "in the order they came"
    );
    assert_eq!(runtime.waiting_bytes(), 0);
    let seen = runtime.seen();
    let kinds: Vec<_> = seen
        .iter()
        .map(|one| (one.kind, &*one.id, one.state))
        .collect();
    assert_eq!(kinds, [("counter", "a", "idle"), ("counter", "b", "idle")]);
    assert_eq!(seen[0].turns, 1003);
    assert_eq!(runtime.awake().0, 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn callers_on_many_threads_meet_one_actor() {
    static INSIDE: AtomicU64 = AtomicU64::new(0);
    struct Alone(u64);
    impl Actor for Alone {
        const KIND: &'static str = "alone";
        fn begin(_: &Start<'_>) -> Result<Alone> {
            Ok(Alone(0))
        }
    }
    impl Handle<Add> for Alone {
        async fn handle(&mut self, add: Add, _: &mut Turn) -> Result<u64> {
            assert_eq!(INSIDE.fetch_add(1, Ordering::SeqCst), 0);
            if self.0.is_multiple_of(3) {
                tokio::task::yield_now().await;
            }
            self.0 += add.0;
            INSIDE.fetch_sub(1, Ordering::SeqCst);
            Ok(self.0)
        }
    }
    let runtime = runtime(Limits::default()).await;
    runtime.register(Kind::<Alone>::in_memory()).await.unwrap();
    let callers = (0..8).map(|_| {
        let alone = runtime.actor::<Alone>("one").unwrap();
        tokio::spawn(async move {
            for _ in 0..500 {
                alone.call(Add(1)).await.unwrap();
            }
        })
    });
    for caller in callers.collect::<Vec<_>>() {
        caller.await.unwrap();
    }
    let alone = runtime.actor::<Alone>("one").unwrap();
    assert_eq!(alone.call(Add(0)).await.unwrap(), 4000);
}

#[tokio::test]
async fn kinds_that_are_not_known_are_refused() {
    let empty = Runtime::new(Limits::default(), Arc::new(SystemClock::default()));
    let error = empty.actor::<Counter>("a").err().unwrap();
    assert!(error.is(state::UNDEFINED_OBJECT), "{error:?}");
    let runtime = runtime(Limits::default()).await;
    let error = runtime
        .register(Kind::<Counter>::in_memory())
        .await
        .unwrap_err();
    assert!(error.is(state::DUPLICATE_OBJECT), "{error:?}");
    let error = counter(&runtime, "refused").call(Add(1)).await.unwrap_err();
    assert_eq!(error.message(), "no such counter");
    assert_eq!(runtime.awake().0, 0);
    assert_eq!(runtime.seen(), [], "nothing is left of it");
}

#[tokio::test]
async fn a_full_mailbox_refuses_and_one_flooded_actor_harms_no_other() {
    let room = mailbox::Room {
        messages: 3,
        bytes: 1 << 20,
    };
    let limits = Limits {
        mailbox: room,
        ..Limits::default()
    };
    let runtime = runtime(limits).await;
    let gate = Arc::new(Semaphore::new(0));
    let a = counter(&runtime, "a");
    let held = tokio::spawn({
        let (a, gate) = (a.clone(), gate.clone());
        async move { a.call(Wait(gate)).await }
    });
    until_true(|| runtime.seen().iter().any(|one| one.state == "busy")).await;
    for _ in 0..3 {
        a.send(Add(1)).unwrap();
    }
    let error = a.send(Add(1)).unwrap_err();
    assert!(error.is(state::INSUFFICIENT_RESOURCES), "{error:?}");
    assert_eq!(error.message(), "the mailbox of actor counter/a is full");
    assert_eq!(counter(&runtime, "b").call(Add(7)).await.unwrap(), 7);
    gate.add_permits(1);
    assert_eq!(held.await.unwrap().unwrap(), 1000);
    assert_eq!(a.call(Add(0)).await.unwrap(), 1003);
    assert_eq!(runtime.waiting_bytes(), 0);
}

#[tokio::test]
async fn all_mailboxes_together_have_a_budget() {
    struct Heavy(usize);
    impl Message for Heavy {
        type Answer = ();
        fn heap_bytes(&self) -> usize {
            self.0
        }
    }
    impl Handle<Heavy> for Counter {
        async fn handle(&mut self, _: Heavy, _: &mut Turn) -> Result<()> {
            Ok(())
        }
    }
    let limits = Limits {
        waiting_bytes: 10_000,
        ..Limits::default()
    };
    let runtime = runtime(limits).await;
    let gate = Arc::new(Semaphore::new(0));
    for id in ["a", "b"] {
        counter(&runtime, id).send(Wait(gate.clone())).unwrap();
    }
    until_true(|| runtime.awake().0 == 2).await;
    counter(&runtime, "a").send(Heavy(6000)).unwrap();
    let error = counter(&runtime, "b").send(Heavy(6000)).unwrap_err();
    assert!(error.is(state::INSUFFICIENT_RESOURCES), "{error:?}");
    counter(&runtime, "b").send(Heavy(1000)).unwrap();
    gate.add_permits(2);
    until_true(|| runtime.waiting_bytes() == 0).await;
    counter(&runtime, "b").call(Heavy(6000)).await.unwrap();
}

#[tokio::test]
async fn the_least_recently_used_rests_for_another() {
    let limits = Limits {
        awake: 3,
        ..Limits::default()
    };
    let runtime = runtime(limits).await;
    for id in ["a", "b", "c", "a"] {
        counter(&runtime, id).call(Add(1)).await.unwrap();
    }
    counter(&runtime, "d").call(Add(1)).await.unwrap();
    let seen = runtime.seen();
    let ids: Vec<_> = seen.iter().map(|one| &*one.id).collect();
    assert_eq!(ids, ["a", "c", "d"]);
    assert_eq!(
        counter(&runtime, "b").call(Add(1)).await.unwrap(),
        1,
        "begun anew"
    );

    for n in 0..1000 {
        counter(&runtime, &n.to_string())
            .call(Add(1))
            .await
            .unwrap();
        assert!(runtime.awake().0 <= 3);
    }
    runtime.set_limits(Limits { awake: 1, ..limits });
    assert_eq!((runtime.awake().0, runtime.seen().len()), (1, 1));
    let bytes = Limits {
        awake_bytes: 0,
        ..limits
    };
    runtime.set_limits(bytes);
    assert_eq!(runtime.awake(), (0, 0));
}

#[tokio::test]
async fn who_finds_no_place_waits_for_one_until_the_deadline() {
    let limits = Limits {
        awake: 1,
        ..Limits::default()
    };
    let runtime = runtime(limits).await;
    let gate = Arc::new(Semaphore::new(0));
    counter(&runtime, "a").send(Wait(gate.clone())).unwrap();
    until_true(|| runtime.awake().0 == 1).await;
    let b = counter(&runtime, "b");
    let error = b
        .call_within(Duration::from_millis(5), Add(1))
        .await
        .unwrap_err();
    assert!(
        error.is(state::CONFIGURATION_LIMIT_EXCEEDED)
            || error.is(state::STATEMENT_COMPLETION_UNKNOWN),
        "{error:?}"
    );
    let waits = tokio::spawn(async move { b.call(Add(1)).await });
    until_true(|| runtime.seen().len() == 2).await;
    gate.add_permits(1);
    assert_eq!(waits.await.unwrap().unwrap(), 1);
    assert_eq!(runtime.awake().0, 1);
}

#[tokio::test]
async fn who_is_called_from_a_turn_has_a_place_whatever_else_waits_for_it_first() {
    /// Calls another once somebody lets it.
    struct Later(Arc<Semaphore>, &'static str);
    impl Message for Later {
        type Answer = u64;
    }
    impl Handle<Later> for Counter {
        async fn handle(&mut self, later: Later, turn: &mut Turn) -> Result<u64> {
            let _permit = later.0.acquire().await;
            let other = turn.address::<Counter>(later.1)?;
            turn.call(&other, Add(1)).await
        }
    }
    let limits = Limits {
        awake: 1,
        ..Limits::default()
    };
    let runtime = runtime(limits).await;
    let gate = Arc::new(Semaphore::new(0));
    let calls = tokio::spawn({
        let (a, gate) = (counter(&runtime, "a"), gate.clone());
        async move { a.call(Later(gate, "b")).await }
    });
    until_true(|| runtime.awake().0 == 1).await;
    // Nobody waits for this one's answer: it may as well wait for a place.
    counter(&runtime, "b").send(Add(1)).unwrap();
    until_true(|| runtime.seen().len() == 2).await;
    gate.add_permits(1);
    let answer = tokio::time::timeout(Duration::from_secs(5), calls).await;
    assert_eq!(answer.unwrap().unwrap().unwrap(), 2);
}

#[tokio::test]
async fn errors_leave_the_actor_and_panics_begin_it_anew_after_a_pause() {
    let clock = Arc::new(SimClock::at(0));
    clock.pass(Duration::from_secs(1000));
    let runtime = with_clock(Limits::default(), clock.clone()).await;
    let a = counter(&runtime, "a");
    a.call(Add(5)).await.unwrap();
    let error = a.call(Fail("no")).await.unwrap_err();
    assert_eq!(error.message(), "no");
    assert_eq!(a.call(Add(0)).await.unwrap(), 5);

    let error = a.call(Fail("panic")).await.unwrap_err();
    assert_eq!(error.detail(), Some("It panicked: told to"));
    let waits = tokio::spawn({
        let a = a.clone();
        async move { a.call(Add(1)).await }
    });
    until_true(|| clock.next_waking().is_some()).await;
    assert_eq!(runtime.seen()[0].state, "restarting");
    assert_eq!(counter(&runtime, "b").call(Add(1)).await.unwrap(), 1);
    clock.pass(Duration::from_millis(100));
    assert_eq!(waits.await.unwrap().unwrap(), 1, "begun anew");
}

#[tokio::test]
async fn an_actor_that_always_fails_is_refused_for_a_while() {
    let clock = Arc::new(SimClock::at(0));
    clock.pass(Duration::from_secs(1000));
    let runtime = with_clock(Limits::default(), clock.clone()).await;
    let a = counter(&runtime, "a");
    for _ in 0..5 {
        // Its pause is over before it is asked again.
        clock.pass(Duration::from_secs(1));
        a.call(Fail("panic")).await.unwrap_err();
    }
    let error = a.call(Add(1)).await.unwrap_err();
    assert!(
        error.is(state::OBJECT_NOT_IN_PREREQUISITE_STATE),
        "{error:?}"
    );
    assert_eq!(
        error.detail(),
        Some("It takes messages again in 60 seconds.")
    );
    let seen = runtime.seen();
    assert_eq!((seen[0].state, seen[0].crashes), ("broken", 5));
    clock.pass(Duration::from_secs(60));
    assert_eq!(a.call(Add(1)).await.unwrap(), 1);
    assert_eq!(runtime.seen()[0].crashes, 0, "it is well again");
    clock.pass(Duration::from_secs(1));
    a.call(Fail("panic")).await.unwrap_err();
    runtime.look_after(Duration::from_secs(1));
    assert_eq!(runtime.seen()[0].crashes, 1, "not forgiven yet");
    clock.pass(Duration::from_secs(120));
    runtime.look_after(Duration::from_secs(1));
    assert_eq!(runtime.seen(), [], "nothing is left to be kept in mind");
    // It fails before it began: as good as a crash.
    let error = counter(&runtime, "explosive")
        .call(Add(1))
        .await
        .unwrap_err();
    assert_eq!(error.detail(), Some("It panicked: not even begun"));
}

#[tokio::test]
async fn calls_end_with_their_deadline_and_those_not_begun_are_never_run() {
    let clock = Arc::new(SimClock::at(0));
    let runtime = with_clock(Limits::default(), clock.clone()).await;
    let gate = Arc::new(Semaphore::new(0));
    let a = counter(&runtime, "a");
    a.call(Add(1)).await.unwrap();
    let second = Duration::from_secs(1);
    let calls = [
        tokio::spawn({
            let (a, gate) = (a.clone(), gate.clone());
            async move { a.call_within(2 * second, Wait(gate)).await }
        }),
        tokio::spawn({
            let a = a.clone();
            async move { a.call_within(second, Add(10)).await }
        }),
    ];
    until_true(|| waiting(&runtime, "a") == 1).await;
    clock.pass(second);
    clock.pass(second);
    for call in calls {
        let error = call.await.unwrap().unwrap_err();
        assert!(error.is(state::STATEMENT_COMPLETION_UNKNOWN), "{error:?}");
    }
    // Its caller has given up, but not the turn: the actor has nothing but its memory, and
    // goes on. The one that came too late is left out.
    gate.add_permits(1);
    assert_eq!(a.call(Add(1)).await.unwrap(), 1002);
    a.send(Wait(Arc::new(Semaphore::new(0)))).unwrap();
    until_true(|| waiting(&runtime, "a") == 0).await;
    let later = tokio::spawn({
        let a = a.clone();
        async move { a.call_within(3600 * second, Add(1)).await }
    });
    until_true(|| waiting(&runtime, "a") == 1).await;
    clock.pass(Limits::default().deadline);
    assert_eq!(later.await.unwrap().unwrap(), 1, "begun anew");
}

#[tokio::test]
async fn who_stops_asking_is_not_answered_for() {
    let runtime = runtime(Limits::default()).await;
    let gate = Arc::new(Semaphore::new(0));
    let a = counter(&runtime, "a");
    a.send(Wait(gate.clone())).unwrap();
    let asks = tokio::spawn({
        let a = a.clone();
        async move { a.call(Add(500)).await }
    });
    until_true(|| waiting(&runtime, "a") == 1).await;
    asks.abort();
    asks.await.unwrap_err();
    gate.add_permits(1);
    assert_eq!(a.call(Add(1)).await.unwrap(), 1001);
}

#[tokio::test]
async fn calls_go_through_many_and_never_in_a_circle() {
    let runtime = runtime(Limits::default()).await;
    let a = counter(&runtime, "a");
    let path = vec!["h", "g", "f", "e", "d", "c", "b"];
    assert_eq!(a.call(Through(path)).await.unwrap(), 8);
    for circle in [vec!["a"], vec!["b", "c", "b"], vec!["a", "c", "b"]] {
        let error = a.call(Through(circle)).await.unwrap_err();
        assert!(error.is(state::DEADLOCK_DETECTED), "{error:?}");
    }
    assert_eq!(a.call(Add(1)).await.unwrap(), 1, "nobody is stuck");
}

#[tokio::test]
async fn two_that_call_each_other_are_told_and_nobody_waits_for_the_deadline() {
    struct Meet(Arc<tokio::sync::Barrier>, &'static str);
    impl Message for Meet {
        type Answer = u64;
    }
    impl Handle<Meet> for Counter {
        async fn handle(&mut self, meet: Meet, turn: &mut Turn) -> Result<u64> {
            meet.0.wait().await;
            let other = turn.address::<Counter>(meet.1)?;
            turn.call(&other, Add(1)).await
        }
    }
    let clock = Arc::new(SimClock::at(0));
    let runtime = with_clock(Limits::default(), clock).await;
    let both = Arc::new(tokio::sync::Barrier::new(2));
    let calls = [("a", "b"), ("b", "a")].map(|(one, other)| {
        let (one, both) = (counter(&runtime, one), both.clone());
        tokio::spawn(async move { one.call(Meet(both, other)).await })
    });
    let mut refused = 0;
    for call in calls {
        if let Err(error) = call.await.unwrap() {
            assert!(error.is(state::DEADLOCK_DETECTED), "{error:?}");
            refused += 1;
        }
    }
    assert_eq!(refused, 1);
    assert_eq!(
        counter(&runtime, "a").call(Add(0)).await.unwrap()
            + counter(&runtime, "b").call(Add(0)).await.unwrap(),
        1
    );
}

/// Panics as it is dropped.
struct Bomb;

impl Drop for Bomb {
    fn drop(&mut self) {
        panic!("as it was dropped");
    }
}

#[tokio::test]
async fn whatever_panics_the_actor_begins_anew_and_nobody_else_hears_of_it() {
    struct Carry(#[allow(dead_code)] Bomb);
    impl Message for Carry {
        type Answer = ();
        fn heap_bytes(&self) -> usize {
            0
        }
    }
    impl Handle<Carry> for Counter {
        async fn handle(&mut self, _carry: Carry, _: &mut Turn) -> Result<()> {
            Ok(())
        }
    }
    struct GetBomb;
    impl Message for GetBomb {
        type Answer = Bomb;
    }
    impl Handle<GetBomb> for Counter {
        async fn handle(&mut self, _: GetBomb, _: &mut Turn) -> Result<Bomb> {
            Ok(Bomb)
        }
    }
    let clock = Arc::new(SimClock::at(0));
    let runtime = with_clock(Limits::default(), clock.clone()).await;
    let a = counter(&runtime, "a");
    a.call(Add(1)).await.unwrap();
    // In the handler, as its message is dropped.
    let error = a.call(Carry(Bomb)).await.unwrap_err();
    assert_eq!(error.detail(), Some("It panicked: as it was dropped"));
    clock.pass(Duration::from_secs(1));
    assert_eq!(a.call(Add(1)).await.unwrap(), 1);
    // Nobody waits for the answer any more, which is dropped in its stead.
    let gate = Arc::new(Semaphore::new(0));
    a.send(Wait(gate.clone())).unwrap();
    let asks = tokio::spawn({
        let a = a.clone();
        async move { a.call(GetBomb).await.map(std::mem::forget) }
    });
    until_true(|| waiting(&runtime, "a") == 1).await;
    gate.add_permits(1);
    asks.await.unwrap().unwrap();
    // A message that is never run.
    let gate = Arc::new(Semaphore::new(0));
    a.send(Wait(gate.clone())).unwrap();
    let asks = tokio::spawn({
        let a = a.clone();
        async move { a.call(Carry(Bomb)).await }
    });
    until_true(|| waiting(&runtime, "a") == 1).await;
    asks.abort();
    asks.await.unwrap_err();
    gate.add_permits(1);
    clock.pass(Duration::from_secs(10));
    until_true(|| {
        clock.pass(Duration::from_secs(1));
        runtime
            .seen()
            .iter()
            .all(|one| one.waiting == 0 && one.state != "busy")
    })
    .await;
    a.call(Add(1)).await.unwrap();
    assert_eq!(runtime.waiting_bytes(), 0);
    runtime.shutdown().await;
    let error = a.call(Add(1)).await.unwrap_err();
    assert!(error.is(state::CANNOT_CONNECT_NOW), "{error:?}");
    assert_eq!((runtime.awake(), runtime.seen()), ((0, 0), vec![]));
}

#[tokio::test]
async fn those_that_hold_too_much_rest_the_longest_idle_first() {
    struct Fat(Vec<u8>);
    impl Actor for Fat {
        const KIND: &'static str = "fat";
        fn begin(_: &Start<'_>) -> Result<Fat> {
            Ok(Fat(Vec::new()))
        }
        fn heap_bytes(&self) -> usize {
            self.0.capacity()
        }
    }
    struct Grow(usize);
    impl Message for Grow {
        type Answer = usize;
    }
    impl Handle<Grow> for Fat {
        async fn handle(&mut self, grow: Grow, _: &mut Turn) -> Result<usize> {
            self.0.resize(self.0.len() + grow.0, 0);
            Ok(self.0.len())
        }
    }
    let limits = Limits {
        awake_bytes: 100_000,
        ..Limits::default()
    };
    let runtime = runtime(limits).await;
    runtime.register(Kind::<Fat>::in_memory()).await.unwrap();
    for id in ["a", "b", "c", "d"] {
        let fat = runtime.actor::<Fat>(id).unwrap();
        assert_eq!(fat.call(Grow(30_000)).await.unwrap(), 30_000);
    }
    let ids = || {
        runtime
            .seen()
            .iter()
            .map(|one| one.id.to_string())
            .collect::<Vec<_>>()
    };
    assert_eq!(ids(), ["b", "c", "d"]);
    // The one at work stays as long as others can go.
    let d = runtime.actor::<Fat>("d").unwrap();
    assert_eq!(d.call(Grow(30_000)).await.unwrap(), 60_000);
    assert_eq!(d.call(Grow(0)).await.unwrap(), 60_000);
    assert!(runtime.awake().1 <= 100_000);
}

#[tokio::test]
async fn where_memory_is_short_those_that_matter_least_rest_first() {
    struct Rack(Vec<u8>);
    impl Actor for Rack {
        const KIND: &'static str = "rack";
        fn begin(start: &Start<'_>) -> Result<Rack> {
            Ok(Rack(vec![0; start.id.len() * 1000]))
        }
        fn heap_bytes(&self) -> usize {
            self.0.len()
        }
    }
    impl Handle<Add> for Rack {
        async fn handle(&mut self, _: Add, _: &mut Turn) -> Result<u64> {
            Ok(0)
        }
    }
    let runtime = runtime(Limits::default()).await;
    let rack = Kind::<Rack>::in_memory().matters(Priority::Low);
    runtime.register(rack).await.unwrap();
    for id in ["x", "xxxxxxxx"] {
        let one = runtime.actor::<Rack>(id).unwrap();
        one.call(Add(1)).await.unwrap();
        counter(&runtime, id).call(Add(1)).await.unwrap();
    }
    let ids = || {
        let seen = runtime.seen();
        let ids = seen.iter().map(|one| format!("{} {}", one.kind, one.id));
        ids.collect::<Vec<_>>()
    };
    // A quarter of 20,000 is to be free.
    assert_eq!(runtime.shed(5_000, 20_000), 0);
    assert_eq!(runtime.shed(1_000, 20_000), 1);
    assert_eq!(ids(), ["counter x", "counter xxxxxxxx", "rack x"]);
    assert_eq!(
        runtime.shed(0, 20_000),
        3,
        "all there are, and it isn't enough"
    );
    assert_eq!(runtime.awake(), (0, 0));
}

#[tokio::test]
async fn ids_are_texts_of_some_length() {
    let runtime = runtime(Limits::default()).await;
    for id in ["a\0b".to_owned(), "x".repeat(1025)] {
        let error = runtime.actor::<Counter>(&id).err().unwrap();
        assert!(error.is(state::INVALID_PARAMETER_VALUE), "{error:?}");
    }
    counter(&runtime, &"x".repeat(1024))
        .call(Add(1))
        .await
        .unwrap();
}

#[tokio::test]
async fn what_a_turn_sends_goes_out_when_it_succeeds() {
    let runtime = runtime(Limits::default()).await;
    let (a, b) = (counter(&runtime, "a"), counter(&runtime, "b"));
    a.call(Tell("b", false)).await.unwrap_err();
    a.call(Tell("b", true)).await.unwrap();
    assert_eq!(b.call(Add(0)).await.unwrap(), 1);
}

#[tokio::test]
async fn handlers_that_do_not_come_back_are_told_of() {
    let runtime = runtime(Limits::default()).await;
    runtime.keep().await.unwrap();
    struct Blocks;
    impl Actor for Blocks {
        const KIND: &'static str = "blocks";
        fn begin(_: &Start<'_>) -> Result<Blocks> {
            Ok(Blocks)
        }
    }
    struct Block(std::sync::mpsc::Receiver<()>, oneshot::Sender<()>);
    impl Message for Block {
        type Answer = ();
    }
    impl Handle<Block> for Blocks {
        async fn handle(&mut self, block: Block, _: &mut Turn) -> Result<()> {
            let _ = block.1.send(());
            let _ = block.0.recv();
            Ok(())
        }
    }
    runtime.register(Kind::<Blocks>::in_memory()).await.unwrap();
    let (release, held) = std::sync::mpsc::channel();
    let (entered, inside) = oneshot::channel();
    let blocks = runtime.actor::<Blocks>("one").unwrap();
    let thread = std::thread::spawn(move || {
        let own = tokio::runtime::Builder::new_current_thread()
            .build()
            .unwrap();
        own.block_on(blocks.call_within(Duration::from_secs(3600), Block(held, entered)))
    });
    inside.await.unwrap();
    until_true(|| {
        std::thread::sleep(Duration::from_millis(1));
        runtime.look_after(Duration::ZERO).len() == 1
    })
    .await;
    let stuck = runtime.look_after(Duration::ZERO);
    assert_eq!((stuck[0].0, &*stuck[0].1), ("blocks", "one"));
    release.send(()).unwrap();
    thread.join().unwrap().unwrap();
    assert_eq!(runtime.look_after(Duration::ZERO), []);
}
