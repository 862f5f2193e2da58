use super::*;
use std::time::Duration;

const MB: u64 = 1 << 20;

fn with(text: &str) -> Library {
    let mut library = Library::built_in().unwrap();
    let mut file: toml::Table = toml::from_str(text).unwrap();
    library.add(file.remove("edge_profile").unwrap()).unwrap();
    library
}

#[test]
fn the_four_classes_are_as_asked() {
    let rows = [
        (
            "micro_device",
            "MicroDevice",
            "device",
            20 * MB,
            5,
            "embedded_kv",
            "batch_only",
            "aggressive",
            2 * MB,
            10,
        ),
        (
            "iot_gateway",
            "EdgeDevice",
            "gateway",
            100 * MB,
            50,
            "lsm_tree",
            "adaptive",
            "balanced",
            20 * MB,
            100,
        ),
        (
            "mobile_device",
            "MobileDevice",
            "device",
            500 * MB,
            200,
            "hybrid",
            "intelligent",
            "adaptive",
            100 * MB,
            500,
        ),
        (
            "edge_datacenter",
            "EdgeDataCenter",
            "region",
            8192 * MB,
            5000,
            "distributed",
            "real_time",
            "minimal",
            2048 * MB,
            10000,
        ),
    ];
    for (name, class, tier, memory, actors, backend, sync, compression, cache, actor_cache) in rows
    {
        let profile = Profile::built_in(name).unwrap();
        assert_eq!(profile.device_class.word(), class);
        assert_eq!(profile.tier.word(), tier);
        assert_eq!(profile.target_memory_bytes, memory);
        assert_eq!(profile.max_actors, actors);
        assert_eq!(profile.persistence_backend.word(), backend);
        assert_eq!(profile.sync_mode.word(), sync);
        assert_eq!(profile.compression.word(), compression);
        assert_eq!(profile.optimization.query_cache_bytes, cache);
        assert_eq!(profile.optimization.actor_cache_size, actor_cache);
        let busy = name != "micro_device";
        assert_eq!(profile.optimization.background_processing, busy);
        assert_eq!(profile.optimization.real_time_sync, busy);
    }
    let gateway = Profile::built_in("iot_gateway").unwrap();
    assert_eq!(gateway.features.graph_processing, FeatureLevel::Limited);
    assert_eq!(gateway.features.ml_inference, FeatureLevel::Basic);
    let mobile = Profile::built_in("mobile_device").unwrap();
    assert_eq!(mobile.features.graph_processing, FeatureLevel::Full);
}

#[test]
fn small_stores_have_their_memory_and_keys() {
    for (name, memory, keys) in [
        ("minimal", 4 * MB, 10_000),
        ("iot", 2 * MB, 1_000),
        ("mobile", 32 * MB, 50_000),
        ("standard", 16 * MB, 100_000),
        ("full", 64 * MB, 1_000_000),
    ] {
        let profile = Profile::built_in(name).unwrap();
        assert_eq!(profile.store_memory_bytes, Some(memory), "{name}");
        assert_eq!(profile.max_keys, Some(keys), "{name}");
        assert_eq!(profile.persistence_backend, PersistenceBackend::EmbeddedKv);
    }
}

#[test]
fn extends_takes_everything_not_said() {
    let library = with(
        "[edge_profile.shop]\nextends = 'iot_gateway'\ntarget_memory_mb = 150\n\
         [edge_profile.shop.features]\nml_inference = false\n\
         [edge_profile.shop.location]\nlat = 48.2\nlon = 16.4\nname = 'Vienna'\n\
         [edge_profile.big_shop]\nextends = 'shop'\nmax_actors = 60\n",
    );
    let shop = library.get("big_shop").unwrap();
    assert_eq!(shop.target_memory_bytes, 150 * MB);
    assert_eq!(shop.max_actors, 60);
    assert_eq!(shop.features.ml_inference, FeatureLevel::Off);
    assert!(shop.features.vector_similarity);
    assert_eq!(shop.device.location.unwrap().name, "Vienna");
}

#[test]
fn a_ring_of_extends_is_refused() {
    let library = with("[edge_profile.a]\nextends = 'b'\n[edge_profile.b]\nextends = 'a'\n");
    let error = library.get("a").unwrap_err();
    assert_eq!(error.message(), "edge_profile.a extends itself");
    assert_eq!(error.detail(), Some("a -> b -> a"));
}

#[test]
fn unknown_keys_and_words_are_errors_with_a_suggestion() {
    for (text, message, hint) in [
        (
            "max_actor = 3",
            "unknown key \"edge_profile.x.max_actor\"",
            "Did you mean \"max_actors\"?",
        ),
        (
            "compression = 'balancd'",
            "edge_profile.x.compression must be one of aggressive, balanced, adaptive, minimal, not \"balancd\"",
            "Did you mean \"balanced\"?",
        ),
        (
            "[edge_profile.x.optimization]\nlocal_agregation = true",
            "unknown key \"edge_profile.x.optimization.local_agregation\"",
            "Did you mean \"local_aggregation\"?",
        ),
    ] {
        let library = with(&format!(
            "[edge_profile.x]\nextends = 'iot_gateway'\n{text}\n"
        ));
        let error = library.get("x").unwrap_err();
        assert_eq!(error.message(), message);
        assert_eq!(error.hint(), Some(hint));
    }
    let error = Profile::built_in("iot_gatway").unwrap_err();
    assert_eq!(error.hint(), Some("Did you mean \"iot_gateway\"?"));
}

#[test]
fn nonsense_is_refused() {
    for (text, part) in [
        (
            "target_memory_mb = 20",
            "devices of class EdgeDevice have 50MB to 200MB",
        ),
        (
            "target_memory_mb = 100\ntarget_memory_gb = 1",
            "stands beside target_memory_gb",
        ),
        ("max_actors = 0", "must be at least 1"),
        ("max_actors = -3", "must be a whole number"),
        ("store_memory = '1 elephant'", "must be a size"),
        (
            "[edge_profile.x.location]\nlat = 99\nlon = 0",
            "is not on Earth",
        ),
        (
            "[edge_profile.x.features]\ntime_series = 'yes'",
            "must be true or false",
        ),
    ] {
        let library = with(&format!(
            "[edge_profile.x]\nextends = 'iot_gateway'\n{text}\n"
        ));
        let error = library.get("x").unwrap_err();
        assert!(error.message().contains(part), "{text}: {error}");
    }
}

#[test]
fn memory_is_divided_within_the_target() {
    let library = Library::built_in().unwrap();
    for name in library.names() {
        let profile = library.get(name).unwrap();
        let plan = MemoryPlan::of(&profile);
        let target = usize::try_from(profile.target_memory_bytes).unwrap();
        assert!(plan.query_pool_bytes <= target / 100 * 35, "{name}");
        let fixed = plan.block_cache_bytes + plan.write_buffer_bytes + plan.query_pool_bytes;
        assert!(fixed <= target * 2 / 3, "{name}: {plan:?}");
        assert!(
            plan.max_connections >= 8 && plan.batch_rows >= 1024,
            "{name}"
        );
    }
    let gateway = MemoryPlan::of(&Profile::built_in("iot_gateway").unwrap());
    assert_eq!(gateway.query_pool_bytes >> 20, 35);
    assert_eq!(gateway.max_connections, 100);
    assert_eq!(gateway.target_partitions, 1);
}

#[test]
fn sizes_and_times_read_as_written() {
    assert_eq!(parse_bytes("128mb"), Some(128 * MB));
    assert_eq!(parse_bytes("1 GB"), Some(1024 * MB));
    assert_eq!(parse_bytes("512KiB"), Some(512 << 10));
    assert_eq!(parse_bytes("4096"), Some(4096));
    for bad in ["", "mb", "-1mb", "1.5gb", "12 parsecs", "99999999999tb"] {
        assert_eq!(parse_bytes(bad), None, "{bad}");
    }
    assert_eq!(format_bytes(100 * MB), "100MB");
    assert_eq!(format_bytes(0), "0B");
    assert_eq!(parse_duration("30s"), Some(Duration::from_secs(30)));
    assert_eq!(parse_duration("250ms"), Some(Duration::from_millis(250)));
    assert_eq!(
        parse_duration("30d"),
        Some(Duration::from_secs(30 * 86_400))
    );
    assert_eq!(parse_duration("soon"), None);
}

#[test]
fn suggestions_are_near_misses_only() {
    let known = ["memory_limit", "storage_limit", "max_connections"];
    assert_eq!(suggest("memory_limt", known), Some("memory_limit"));
    assert_eq!(suggest("MEMORY_LIMIT", known), Some("memory_limit"));
    assert_eq!(suggest("colour", known), None);
    assert_eq!(suggest(&"x".repeat(100_000), known), None);
}
