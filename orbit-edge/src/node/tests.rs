//! What a profile says reaches the part of the node that it is for: each of these fails when
//! its wire is cut.

use super::Node;
use crate::config::{NodeConfig, Sources};
use std::sync::Arc;

/// A node under a profile that changes `lines` of another.
async fn node(extends: &str, lines: &str) -> (tempfile::TempDir, Arc<Node>) {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("orbit.toml");
    let text = format!("[edge_profile.own]\nextends = \"{extends}\"\n{lines}\n");
    std::fs::write(&file, text).unwrap();
    let place = directory.path().join("data").to_string_lossy().into_owned();
    let mut sources = Sources::default().flag("node.data_dir", "test", Some(place));
    sources.files.push((file, true));
    let config = NodeConfig::load(&sources, "own").unwrap();
    let node = Node::open(config).await.unwrap();
    (directory, node)
}

/// One statement, in a session of its own.
#[cfg(any(feature = "actors", feature = "datafusion"))]
pub(crate) async fn run(node: &Node, sql: &str) -> orbit_core::Result<()> {
    let init = orbit_query::SessionInit {
        user: "orbit".to_owned(),
        database: "orbit".to_owned(),
        ..orbit_query::SessionInit::default()
    };
    let mut session = node.engine().session(init);
    let statement = session.prepare(sql, &[]).await?;
    session.execute(&statement, &[]).await?;
    session.sync().await
}

async fn micro(lines: &str) -> (tempfile::TempDir, Arc<Node>) {
    node("micro_device", lines).await
}

#[tokio::test]
async fn memory_goes_where_the_profile_says() {
    let (_usual, usual) = micro("").await;
    let (_larger, larger) = micro("target_memory_mb = 40").await;
    let pool = |node: &Node| node.engine().options().query_memory_bytes;
    assert_eq!(pool(&larger), 2 * pool(&usual));
    let (_less, less) = micro("store_memory = \"2mb\"").await;
    assert_eq!(less.memory().block_cache_bytes, 2 << 20);
    assert!(usual.memory().block_cache_bytes > 2 << 20);
    let (_kept, kept) = micro("[edge_profile.own.optimization]\nquery_cache_size = \"1mb\"").await;
    assert_eq!(kept.engine().options().plan_cache_bytes, 1 << 20);
    assert!(usual.engine().options().plan_cache_bytes > 1 << 20);
}

#[tokio::test]
async fn a_node_stands_where_its_profile_says() {
    let (_usual, usual) = micro("").await;
    assert_eq!(usual.config().node.tier.word(), "device");
    let (_other, other) = micro("tier = \"gateway\"").await;
    assert_eq!(other.config().node.tier.word(), "gateway");
    let (_class, class) = micro("device_class = \"EdgeDevice\"\ntarget_memory_mb = 60").await;
    assert!(class.memory().max_queries > usual.memory().max_queries);
}

#[cfg(feature = "actors")]
#[tokio::test]
async fn actors_are_as_many_as_the_profile_says() {
    let lines = "max_actors = 7\n[edge_profile.own.optimization]\nactor_cache_size = 11";
    let (_directory, node) = micro(lines).await;
    let limits = node.actors().await.unwrap().limits();
    assert_eq!((limits.awake, limits.remembered), (7, 11));
}

#[cfg(all(feature = "rocks", feature = "datafusion"))]
mod full {
    use super::*;
    use orbit_core::state;

    #[tokio::test]
    async fn the_store_is_the_one_that_the_profile_names() {
        for (backend, store) in [("embedded_kv", "redb"), ("lsm_tree", "rocksdb")] {
            let lines = format!("persistence_backend = \"{backend}\"");
            let (_directory, node) = node("iot_gateway", &lines).await;
            assert_eq!(node.engine().db().store().name(), store);
        }
    }

    #[tokio::test]
    async fn time_series_are_for_devices_with_the_feature() {
        const SERIES: &str = "CREATE TABLE r (s int, at timestamptz, v float8, PRIMARY KEY (s, at))
                              WITH (model = 'timeseries')";
        for profile in ["iot_gateway", "mobile_device", "edge_datacenter"] {
            let (_with, with) = node(profile, "").await;
            run(&with, SERIES).await.unwrap();
        }
        let lines = "[edge_profile.own.features]\ntime_series = false";
        let (_without, without) = node("iot_gateway", lines).await;
        let refused = run(&without, SERIES).await.unwrap_err();
        assert!(refused.is(state::FEATURE_NOT_SUPPORTED), "{refused:?}");
        assert!(
            refused
                .hint()
                .is_some_and(|hint| hint.contains("time_series"))
        );
        run(&without, "CREATE TABLE r (s int)").await.unwrap();
    }

    #[tokio::test]
    async fn indexes_of_vectors_are_for_devices_with_the_feature() {
        let refusal = async |profile: &str, lines: &str| {
            let (_place, node) = node(profile, lines).await;
            run(&node, "CREATE TABLE r (s int)").await.unwrap();
            let index = "CREATE INDEX ON r USING hnsw (s)";
            run(&node, index).await.unwrap_err()
        };
        let lines = "[edge_profile.own.features]\nvector_similarity = false";
        let refused = refusal("iot_gateway", lines).await;
        assert!(refused.is(state::FEATURE_NOT_SUPPORTED), "{refused:?}");
        assert!(
            refused
                .hint()
                .is_some_and(|hint| hint.contains("vector_similarity"))
        );
        for profile in ["iot_gateway", "mobile_device", "edge_datacenter"] {
            let refused = refusal(profile, "").await;
            // There are none yet, whatever the device may.
            assert!(refused.message().contains("hnsw"), "{refused:?}");
        }
    }

    #[tokio::test]
    async fn background_work_rests_as_the_budget_says() {
        for (budget, rests) in [("low", 20), ("medium", 2), ("high", 1)] {
            let lines = format!("[edge.resources]\ncpu_budget = \"{budget}\"");
            let (_place, node) = node("iot_gateway", &lines).await;
            assert_eq!(node.engine().options().background_rests, rests);
        }
    }

    #[tokio::test]
    async fn copies_are_made_where_there_is_background_work() {
        let copies = |node: &Node| node.engine().options().columns_directory.is_some();
        let (_with, with) = node("iot_gateway", "").await;
        assert!(copies(&with));
        let lines = "[edge_profile.own.optimization]\nbackground_processing = false";
        let (_without, without) = node("iot_gateway", lines).await;
        assert!(!copies(&without));
    }

    #[tokio::test]
    async fn a_device_with_little_space_compresses_more() {
        let mut sizes = Vec::new();
        for compression in ["balanced", "aggressive"] {
            let lines = format!("compression = \"{compression}\"");
            let (_directory, node) = node("iot_gateway", &lines).await;
            let make = "CREATE TABLE t AS SELECT n, md5((n % 997)::text) || repeat(md5((n % 13)::text), 8) AS v
                        FROM generate_series(1, 30000) n";
            run(&node, make).await.unwrap();
            let db = node.engine().db();
            let all = orbit_core::store::KeyRange::default();
            let unhurried = orbit_core::cancel::CancelToken::new();
            let data = orbit_core::store::Space::Data;
            db.store().compact(data, &all, &unhurried).unwrap();
            sizes.push(db.store().disk_bytes(data, &all).unwrap());
        }
        assert!(sizes[1] * 10 < sizes[0] * 9, "{sizes:?}");
    }

    #[tokio::test]
    async fn queries_heed_the_battery_where_the_profile_says_so() {
        for (adapts, lines) in [(true, "true"), (false, "false")] {
            let lines = format!("[edge_profile.own.optimization]\nadaptive_quality = {lines}");
            let (_directory, node) = node("iot_gateway", &lines).await;
            let figures = crate::monitor::figures::Sources::of(&node).read(&node);
            assert_eq!(figures.around.adapts, adapts);
        }
    }
}
