//! What the levels ask for is done: each of these fails when its wire is cut.

use super::figures::Figures;
use super::*;
use crate::config::{NodeConfig, Sources as ConfigSources};
use crate::node::tests::run;
use orbit_core::Result;
use orbit_core::actor::{Actor, Handle, Kind, Message, Start, Turn};
use orbit_core::clock::SimClock;
use orbit_core::pressure::{Limited, share_of};
use std::path::Path;

struct Bin(Vec<u8>);

struct Fill(usize);

impl Actor for Bin {
    const KIND: &'static str = "bin";
    fn begin(_: &Start<'_>) -> Result<Bin> {
        Ok(Bin(Vec::new()))
    }
    fn heap_bytes(&self) -> usize {
        self.0.len()
    }
}

impl Message for Fill {
    type Answer = ();
}

impl Handle<Fill> for Bin {
    async fn handle(&mut self, fill: Fill, _: &mut Turn) -> Result<()> {
        self.0 = vec![0; fill.0];
        Ok(())
    }
}

async fn node(directory: &Path) -> Arc<Node> {
    let directory = directory.to_string_lossy().into_owned();
    let sources = ConfigSources::default().flag("node.data_dir", "test", Some(directory));
    let config = NodeConfig::load(&sources, "micro_device").unwrap();
    let end = std::time::Instant::now() + Duration::from_secs(10);
    let node = loop {
        // Whoever looks for one that was just closed may hold its directory for a moment.
        match Node::open(config.clone()).await {
            Err(error) if error.is(state::OBJECT_IN_USE) && std::time::Instant::now() < end => {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            opened => break opened.unwrap(),
        }
    };
    // Its own looks at this machine.
    let own = node.monitor.lock().take().unwrap();
    own.abort();
    let _ended = own.await;
    node
}

fn monitor(node: &Arc<Node>, clock: &Arc<SimClock>) -> Monitor {
    Monitor {
        sources: Some(Sources::of(node)),
        watch: Watch::default(),
        clock: clock.clone(),
        is_short: false,
        shares: Shares::ALL,
        refuses: false,
        compaction: None,
        has_compressed: false,
        tried_to_compress: false,
        #[cfg(feature = "links")]
        has_parent: false,
        compacted: Duration::ZERO,
    }
}

fn memory(percent: u64) -> Figures {
    Figures {
        memory: Some((percent << 20, 100 << 20)),
        ..Figures::default()
    }
}

fn disk(used: u64) -> Figures {
    Figures {
        disk: Some((100 - used, 100)),
        ..Figures::default()
    }
}

impl Monitor {
    fn see(&mut self, node: &Arc<Node>, figures: &Figures) {
        let judged = self.watch.judge(figures);
        self.act(node, &judged);
    }
}

#[tokio::test]
async fn actors_keep_less_while_memory_is_high_and_all_again_when_it_is_normal() {
    let directory = tempfile::tempdir().unwrap();
    let node = node(directory.path()).await;
    let clock = Arc::new(SimClock::at(0));
    let mut monitor = monitor(&node, &clock);
    let before = node.actors().await.unwrap().limits();
    let mut limits = |percent| {
        monitor.see(&node, &memory(percent));
        node.actors_if_any().unwrap().limits()
    };
    assert_eq!(limits(50), before);
    assert_eq!(limits(85), before, "a warning takes nothing");
    let high = limits(92);
    assert_eq!((before.awake, high.awake), (5, 3));
    assert_eq!(high.awake_bytes, share_of(before.awake_bytes, 60));
    assert_eq!(limits(85), high, "not at every step down");
    assert_eq!(limits(50), before);
    node.close().await.unwrap();
}

#[tokio::test]
async fn where_memory_is_critical_nothing_comes_in_and_the_largest_rest() {
    let directory = tempfile::tempdir().unwrap();
    let node = node(directory.path()).await;
    let clock = Arc::new(SimClock::at(0));
    let mut monitor = monitor(&node, &clock);
    run(&node, "CREATE TABLE t (a int PRIMARY KEY)")
        .await
        .unwrap();
    run(&node, "INSERT INTO t VALUES (1)").await.unwrap();
    let actors = node.actors().await.unwrap();
    actors.register(Kind::<Bin>::in_memory()).await.unwrap();
    for (id, bytes) in [("small", 10), ("large", 500_000)] {
        let bin = actors.actor::<Bin>(id).unwrap();
        bin.call(Fill(bytes)).await.unwrap();
    }
    monitor.see(&node, &memory(97));
    assert!(actors.seen().is_empty(), "{:?}", actors.seen());
    let refused = run(&node, "INSERT INTO t VALUES (2)").await.unwrap_err();
    assert!(refused.is(state::OUT_OF_MEMORY), "{refused:?}");
    assert!(refused.hint().is_some() && refused.detail().is_some());
    run(&node, "DELETE FROM t WHERE a = 1").await.unwrap();
    monitor.see(&node, &memory(50));
    run(&node, "INSERT INTO t VALUES (2)").await.unwrap();

    monitor.see(&node, &disk(96));
    let refused = run(&node, "INSERT INTO t VALUES (3)").await.unwrap_err();
    assert!(refused.is(state::DISK_FULL), "{refused:?}");
    monitor.see(&node, &disk(10));
    run(&node, "INSERT INTO t VALUES (3)").await.unwrap();
    node.close().await.unwrap();
}

#[tokio::test]
async fn dead_rows_are_looked_for_while_the_disk_is_short_and_not_too_often() {
    let directory = tempfile::tempdir().unwrap();
    let node = node(directory.path()).await;
    let clock = Arc::new(SimClock::at(0));
    let mut monitor = monitor(&node, &clock);
    monitor.see(&node, &disk(72));
    assert!(monitor.compaction.is_none(), "the node has only begun");
    clock.pass(COMPACT_EVERY);
    monitor.see(&node, &disk(30));
    assert!(monitor.compaction.is_none(), "there is room");
    monitor.see(&node, &memory(92));
    assert!(monitor.compaction.is_none(), "it frees no memory");
    monitor.see(&node, &disk(72));
    while !monitor.compaction.as_ref().unwrap().task.is_finished() {
        tokio::task::yield_now().await;
    }
    monitor.see(&node, &disk(72));
    assert!(monitor.compaction.is_none(), "it was looked for just now");
    clock.pass(COMPACT_EVERY);
    monitor.see(&node, &disk(72));
    assert!(monitor.compaction.is_some());
    node.close().await.unwrap();
}

#[tokio::test]
async fn a_device_that_may_keep_so_many_rows_keeps_no_more() {
    let directory = tempfile::tempdir().unwrap();
    let config = directory.path().join("orbit.toml");
    let text = "[edge_profile.few]\nextends = \"micro_device\"\nmax_keys = 100\n";
    std::fs::write(&config, text).unwrap();
    let place = directory.path().join("data").to_string_lossy().into_owned();
    let mut sources = ConfigSources::default().flag("node.data_dir", "test", Some(place));
    sources.files.push((config, true));
    let node = Node::open(NodeConfig::load(&sources, "few").unwrap());
    let node = node.await.unwrap();
    let own = node.monitor.lock().take().unwrap();
    own.abort();
    let clock = Arc::new(SimClock::at(0));
    let mut monitor = monitor(&node, &clock);
    run(&node, "CREATE TABLE t (a int PRIMARY KEY)")
        .await
        .unwrap();
    let mut last = None;
    for n in 0..100 {
        let figures = Sources::of(&node).read(&node);
        monitor.see(&node, &figures);
        let insert = format!("INSERT INTO t VALUES ({n})");
        if let Err(refused) = run(&node, &insert).await {
            last = Some((n, refused));
            break;
        }
    }
    let (rows, refused) = last.expect("it takes no more");
    assert!((80..=96).contains(&rows), "{rows}");
    assert!(refused.is(state::CONFIGURATION_LIMIT_EXCEEDED));
    assert!(
        refused
            .detail()
            .is_some_and(|detail| detail.contains("of 100"))
    );
    run(&node, "DELETE FROM t WHERE a = 1").await.unwrap();
    node.close().await.unwrap();
}

#[cfg(feature = "datafusion")]
#[tokio::test]
async fn queries_run_as_the_device_is() {
    use super::surroundings::Surroundings;
    use orbit_core::pressure::adapt::{Battery, Parallelism};
    let directory = tempfile::tempdir().unwrap();
    let node = node(directory.path()).await;
    let clock = Arc::new(SimClock::at(0));
    let mut monitor = monitor(&node, &clock);
    let adaptation = || node.engine().planner().adaptation();
    monitor.see(&node, &memory(20));
    assert_eq!(adaptation().parallelism, Parallelism::Full);
    let empty = Figures {
        memory: Some((60 << 20, 100 << 20)),
        around: Surroundings {
            battery: Some(Battery {
                percent: 10,
                charging: false,
            }),
            adapts: true,
            ..Surroundings::default()
        },
        ..Figures::default()
    };
    monitor.see(&node, &empty);
    assert_eq!(adaptation().parallelism, Parallelism::One);
    assert_eq!(adaptation().most_batch_rows, Some(1000));
    assert!(adaptation().limits_background);
    node.close().await.unwrap();
}

#[tokio::test]
async fn who_is_left_less_room_keeps_less() {
    let directory = tempfile::tempdir().unwrap();
    let node = node(directory.path()).await;
    let clock = Arc::new(SimClock::at(0));
    let mut monitor = monitor(&node, &clock);
    let before = node.actors().await.unwrap().limits();
    let (wide, narrow) = (1 << 30, 512 << 20);
    let limited = node.limit(Limited::Memory, Some(wide)).await.unwrap();
    assert_eq!(limited, Some(wide));
    monitor.see(&node, &memory(50));
    let now = node.actors_if_any().unwrap().limits();
    assert_eq!(now, before, "no more than they were made for");
    node.close().await.unwrap();
    drop(node);

    // Kept for the next start, which makes them for it.
    let node = self::node(directory.path()).await;
    assert_eq!(node.config().edge.resources.memory_limit_bytes, wide);
    let mut monitor = self::monitor(&node, &clock);
    let wider = node.actors().await.unwrap().limits().awake_bytes;
    assert!(wider > before.awake_bytes);
    node.limit(Limited::Memory, Some(narrow)).await.unwrap();
    monitor.see(&node, &memory(50));
    let now = node.actors_if_any().unwrap().limits().awake_bytes;
    assert_eq!(now, share_of(wider, 50));
    let too_little = node.limit(Limited::Memory, Some(1 << 20)).await;
    assert!(too_little.unwrap_err().is(state::INVALID_PARAMETER_VALUE));
    // The store of a micro node is one file.
    let storage = node.limit(Limited::Storage, Some(wide)).await;
    assert!(storage.unwrap_err().is(state::FEATURE_NOT_SUPPORTED));
    node.close().await.unwrap();
    drop(node);

    let damaged = directory.path().join("limits.toml");
    std::fs::write(&damaged, "[edge.resources]\nmemory_limt = '1GB'").unwrap();
    let sources = ConfigSources::default();
    let path = directory.path().to_string_lossy().into_owned();
    let sources = sources.flag("node.data_dir", "test", Some(path));
    let config = NodeConfig::load(&sources, "micro_device").unwrap();
    let refused = Node::open(config).await.err().unwrap();
    assert!(refused.is(state::CONFIG_FILE_ERROR), "{refused:?}");
    assert!(refused.message().contains("limits.toml"), "{refused:?}");
}
