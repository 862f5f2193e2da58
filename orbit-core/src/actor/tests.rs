//! Virtual actors that keep nothing: addressing and turns; bounds and failures have their own.

mod bounds;
mod failures;

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
