//! Mailboxes and places have bounds, and who makes room for whom.

use super::*;

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
