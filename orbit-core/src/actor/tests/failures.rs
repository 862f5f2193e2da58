//! Errors, panics, deadlines, and handlers that do not come back.

use super::*;

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
