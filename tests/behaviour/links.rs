//! Two programs' nodes linked over gRPC: actors call each other both ways, and go on after
//! the way between them was cut.

use orbit_sdk::actor::{Actor, Handle, Kind, Message, Recorded, Ref, Start, Turn};
use orbit_sdk::{Error, Orbit, Result, state};
use orbit_tests::delay::Delay;
use serde::{Deserialize, Serialize};
use std::time::{Duration, Instant};

const PATIENCE: Duration = Duration::from_secs(20);

#[derive(Default, Serialize, Deserialize)]
struct Shelf {
    pieces: i64,
}

impl Actor for Shelf {
    const KIND: &'static str = "shelf";
    fn begin(_: &Start<'_>) -> Result<Shelf> {
        Ok(Shelf::default())
    }
}

#[derive(Clone, Serialize, Deserialize)]
struct Put(i64);

impl Message for Put {
    type Answer = i64;
}

impl Recorded for Put {
    const NAME: &'static str = "put";
}

impl Handle<Put> for Shelf {
    async fn handle(&mut self, put: Put, _: &mut Turn) -> Result<i64> {
        if self.pieces + put.0 < 0 {
            return Err(Error::new(state::CHECK_VIOLATION, "the shelf is empty")
                .with_detail(format!("It has {}.", self.pieces))
                .with_hint("Order more."));
        }
        self.pieces += put.0;
        Ok(self.pieces)
    }
}

/// Moves pieces here from a shelf of another node's.
#[derive(Serialize, Deserialize)]
struct Fetch {
    node: String,
    pieces: i64,
}

impl Message for Fetch {
    type Answer = i64;
}

impl Recorded for Fetch {
    const NAME: &'static str = "fetch";
}

impl Handle<Fetch> for Shelf {
    async fn handle(&mut self, fetch: Fetch, turn: &mut Turn) -> Result<i64> {
        let other = turn.address_at::<Shelf>(&fetch.node, turn.id())?;
        turn.call(&other, Put(-fetch.pieces)).await?;
        self.pieces += fetch.pieces;
        Ok(self.pieces)
    }
}

/// Only on its own node: it can't be written down.
struct Burn;

impl Message for Burn {
    type Answer = ();
}

impl Handle<Burn> for Shelf {
    async fn handle(&mut self, _: Burn, _: &mut Turn) -> Result<()> {
        self.pieces = 0;
        Ok(())
    }
}

fn shelves() -> Kind<Shelf> {
    Kind::stored().takes::<Put>().takes::<Fetch>()
}

struct Pair {
    _directories: (tempfile::TempDir, tempfile::TempDir),
    region: Orbit,
    shop: Orbit,
    way: Delay,
}

async fn pair() -> Pair {
    let directories = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let region = Orbit::options().node("region").serve().any_port();
    let region = region.open(directories.0.path()).await.unwrap();
    region.register(shelves()).await.unwrap();
    let address = region.grpc_address().await.unwrap();
    let way = Delay::before(address, Duration::from_millis(1))
        .await
        .unwrap();
    let url = format!("http://{}", way.address);
    let shop = Orbit::options().node("shop").parent(&url);
    let shop = shop.open(directories.1.path()).await.unwrap();
    shop.register(shelves()).await.unwrap();
    Pair {
        _directories: directories,
        region,
        shop,
        way,
    }
}

/// Asks again until it is answered, under one key.
async fn surely(shelf: &Ref<Shelf>, key: &str, put: Put) -> i64 {
    let end = Instant::now() + PATIENCE;
    loop {
        match shelf.call_once(key, put.clone()).await {
            Ok(pieces) => return pieces,
            Err(error) => assert!(Instant::now() < end, "{error:?}"),
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn actors_of_linked_nodes_call_each_other() {
    let Pair {
        region, shop, way, ..
    } = &pair().await;
    let up = shop.actor_at::<Shelf>("region", "caps").await.unwrap();
    // The first one waits for the link.
    assert_eq!(surely(&up, "first", Put(100)).await, 100);
    let down = region.actor_at::<Shelf>("shop", "caps").await.unwrap();
    assert_eq!(surely(&down, "first", Put(5)).await, 5);
    // Within a turn, back and forth.
    let fetch = Fetch {
        node: "region".to_owned(),
        pieces: 30,
    };
    assert_eq!(down.call(fetch).await.unwrap(), 35);
    assert_eq!(up.call(Put(0)).await.unwrap(), 70);

    // What an actor says no to, comes as it said it.
    let refused = up.call(Put(-1000)).await.unwrap_err();
    assert!(refused.is(state::CHECK_VIOLATION), "{refused:?}");
    let (detail, hint) = (refused.detail(), refused.hint());
    assert_eq!((detail, hint), (Some("It has 70."), Some("Order more.")));
    let local = up.call(Burn).await.unwrap_err();
    assert!(local.is(state::FEATURE_NOT_SUPPORTED), "{local:?}");
    let nowhere = shop.actor_at::<Shelf>("nowhere", "caps").await.unwrap();
    let lost = nowhere.call(Put(1)).await.unwrap_err();
    assert!(lost.is(state::CONNECTION_FAILURE), "{lost:?}");

    // Cut: at once for who asks without a key; the same thing once for who has one.
    way.cut();
    let end = Instant::now() + PATIENCE;
    loop {
        let cut = up.call(Put(0)).await;
        match cut {
            Err(error) if error.is(state::CONNECTION_FAILURE) => break,
            _ => assert!(Instant::now() < end, "{cut:?}"),
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let own = shop.actor::<Shelf>("caps").await.unwrap();
    assert_eq!(
        own.call(Put(1)).await.unwrap(),
        36,
        "a shop sells without a region"
    );
    let again = up.clone();
    let asking = tokio::spawn(async move { surely(&again, "over a cut", Put(7)).await });
    way.heal();
    assert_eq!(asking.await.unwrap(), 77);
    assert_eq!(surely(&up, "over a cut", Put(7)).await, 77);

    // Sent, and nobody waits.
    up.send(Put(3)).unwrap();
    while up.call(Put(0)).await.unwrap() != 80 {
        assert!(Instant::now() < end + PATIENCE, "a message never came");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_under_a_key_is_done_once_however_often_the_way_is_cut() {
    let Pair {
        shop, way, region, ..
    } = &pair().await;
    let up = shop.actor_at::<Shelf>("region", "gloves").await.unwrap();
    surely(&up, "first", Put(0)).await;
    let calls: Vec<_> = (0..200)
        .map(|n| {
            let up = up.clone();
            tokio::spawn(async move { surely(&up, &format!("op {n}"), Put(1)).await })
        })
        .collect();
    for _ in 0..5 {
        tokio::time::sleep(Duration::from_millis(20)).await;
        way.cut();
        tokio::time::sleep(Duration::from_millis(20)).await;
        way.heal();
    }
    let mut answers = Vec::new();
    for call in calls {
        answers.push(call.await.unwrap());
    }
    answers.sort_unstable();
    assert_eq!(answers, (1..=200).collect::<Vec<_>>());
    let own = region.actor::<Shelf>("gloves").await.unwrap();
    assert_eq!(own.call(Put(0)).await.unwrap(), 200);
}

/// Waits until a node has noted so much of the link to its parent.
async fn until_told(node: &Orbit, wanted: &[&str]) {
    let asking = "SELECT message FROM orbit.events WHERE kind = 'link' ORDER BY at";
    let end = Instant::now() + PATIENCE;
    loop {
        let told: Vec<(String,)> = node.query(asking, ()).await.unwrap();
        if told.iter().map(|(message,)| message).eq(wanted) {
            return;
        }
        assert!(Instant::now() < end, "{told:?}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_with_links_stops_soon_and_who_waits_is_told() {
    let Pair {
        shop,
        region,
        way: _way,
        _directories,
    } = pair().await;
    let up = shop.actor_at::<Shelf>("region", "caps").await.unwrap();
    surely(&up, "first", Put(1)).await;
    until_told(&shop, &["online"]).await;
    let began = Instant::now();
    region.close().await.unwrap();
    assert!(
        began.elapsed() < Duration::from_secs(5),
        "{:?}",
        began.elapsed()
    );
    let end = Instant::now() + PATIENCE;
    loop {
        match up.call(Put(1)).await {
            Err(error) if error.is(state::CONNECTION_FAILURE) => break,
            other => assert!(Instant::now() < end, "{other:?}"),
        }
    }
    until_told(&shop, &["online", "offline"]).await;
    let state = "SELECT state FROM orbit.resources WHERE resource = 'link'";
    let (state,): (String,) = shop.query_one(state, ()).await.unwrap();
    assert_eq!(state, "offline");
    shop.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_links_a_node_needs_the_right() {
    let (above, below) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let config = above.path().join("orbit.toml");
    std::fs::write(&config, "[access]\nloopback = \"scram\"\n").unwrap();
    let region = Orbit::options().serve().any_port();
    let region = region.open(above.path().join("data")).await.unwrap();
    for sql in [
        "CREATE ROLE clerk LOGIN PASSWORD 'of the shop'",
        "CREATE ROLE box LOGIN REPLICATION PASSWORD 'of the box'",
    ] {
        region.execute(sql, ()).await.unwrap();
    }
    region.close().await.unwrap();
    let region = Orbit::options()
        .node("region")
        .serve()
        .any_port()
        .config(config);
    let region = region.open(above.path().join("data")).await.unwrap();
    region.register(shelves()).await.unwrap();
    let address = region.grpc_address().await.unwrap();
    for (who, is_let_in) in [
        ("", false),
        ("clerk:of the shop@", false),
        ("box:not its own@", false),
        ("box:of the box@", true),
    ] {
        let url = format!("http://{who}{address}");
        let shop = Orbit::options().node("shop").parent(&url);
        let shop = shop.open(below.path()).await.unwrap();
        shop.register(shelves()).await.unwrap();
        let up = shop.actor_at::<Shelf>("region", "caps").await.unwrap();
        let answer = up.call_once("who", Put(1));
        let answer = tokio::time::timeout(Duration::from_secs(2), answer).await;
        assert_eq!(matches!(answer, Ok(Ok(1))), is_let_in, "{who}: {answer:?}");
        drop(up);
        shop.close().await.unwrap();
    }
    for url in [
        "http://198.51.100.7:7433",
        "https://127.0.0.1:7433",
        "region:7433",
    ] {
        let shop = Orbit::options().parent(url).open(below.path()).await;
        let refused = shop.err().expect(url);
        assert!(refused.is(state::CONFIG_FILE_ERROR), "{url}: {refused:?}");
    }
}
