use super::*;
use std::path::Path;

fn file(dir: &Path, name: &str, text: &str) -> (PathBuf, bool) {
    let path = dir.join(name);
    std::fs::write(&path, text).unwrap();
    (path, true)
}

fn load(text: &str) -> Result<NodeConfig> {
    let dir = tempfile::tempdir().unwrap();
    let sources = Sources {
        files: vec![file(dir.path(), "orbit.toml", text)],
        ..Sources::default()
    };
    NodeConfig::load(&sources, "edge_datacenter")
}

fn origin(config: &NodeConfig, path: &str) -> Origin {
    let setting = config.settings().iter().find(|s| s.path == path).unwrap();
    setting.origin.clone()
}

#[test]
fn every_layer_overrides_the_one_below() {
    let dir = tempfile::tempdir().unwrap();
    let etc = file(
        dir.path(),
        "etc.toml",
        "[listen]\npg_port = 1\ngrpc_port = 1\nhttp_port = 1\n[node]\nprofile = 'iot_gateway'\n",
    );
    let local = file(
        dir.path(),
        "local.toml",
        "[listen]\ngrpc_port = 2\nhttp_port = 2\n",
    );
    let sources = Sources {
        files: vec![etc.clone(), local.clone()],
        environment: vec![
            ("ORBIT__LISTEN__HTTP_PORT".into(), "3".into()),
            ("ORBIT__EDGE__RESOURCES__MEMORY_LIMIT".into(), "64mb".into()),
        ],
        flags: vec![("node.data_dir", "--data-dir", "/tmp/x".into())],
    };
    let config = NodeConfig::load(&sources, "edge_datacenter").unwrap();
    assert_eq!(
        (
            config.listen.pg_port,
            config.listen.grpc_port,
            config.listen.http_port
        ),
        (1, 2, 3)
    );
    assert_eq!(config.edge.resources.memory_limit_bytes, 64 << 20);
    assert_eq!(config.node.tier, Tier::Gateway);
    assert_eq!(config.edge.resources.max_connections, 100);
    assert_eq!(config.sync.bandwidth_limit_bits, 1_048_576);
    assert_eq!(
        origin(&config, "listen.pg_port"),
        Origin::File(etc.0.clone())
    );
    assert_eq!(origin(&config, "listen.grpc_port"), Origin::File(local.0));
    assert_eq!(origin(&config, "node.profile"), Origin::File(etc.0));
    assert_eq!(
        origin(&config, "listen.http_port"),
        Origin::Environment("ORBIT__LISTEN__HTTP_PORT".into())
    );
    assert_eq!(
        origin(&config, "node.data_dir"),
        Origin::Flag("--data-dir".into())
    );
    assert_eq!(
        origin(&config, "node.tier"),
        Origin::Profile("iot_gateway".into())
    );
    assert_eq!(origin(&config, "sync.enabled"), Origin::Default);
}

#[test]
fn unknown_keys_are_refused_wherever_they_come_from() {
    for (text, message, hint) in [
        (
            "[listen]\npg_prot = 1",
            "unknown key \"listen.pg_prot\"",
            "Did you mean \"listen.pg_port\"?",
        ),
        (
            "[edge]\nmemory_limit = '1gb'",
            "unknown key \"edge.memory_limit\"",
            "Did you mean \"edge.resources.memory_limit\"?",
        ),
        (
            "[listn]\npg_port = 1",
            "unknown key \"listn\"",
            "Did you mean \"listen\"?",
        ),
    ] {
        let error = load(text).unwrap_err();
        assert!(error.message().starts_with(message), "{error}");
        assert_eq!(error.hint(), Some(hint));
    }
    let sources = Sources {
        environment: vec![("ORBIT__SYNC__INTERVAL_SEC".into(), "3".into())],
        ..Sources::default()
    };
    let error = NodeConfig::load(&sources, "iot_gateway").unwrap_err();
    assert_eq!(
        error.message(),
        "unknown key \"sync.interval_sec\" in ORBIT__SYNC__INTERVAL_SEC"
    );
    assert_eq!(error.hint(), Some("Did you mean \"sync.interval_secs\"?"));
}

#[test]
fn nonsense_is_refused_with_what_was_expected() {
    for (text, part) in [
        (
            "[listen]\npg_port = 70000",
            "a whole number from 0 to 65535",
        ),
        ("[listen]\npg_port = 'x'", "a whole number from 0 to 65535"),
        ("[listen]\naddress = 'home'", "must be an IP address"),
        (
            "[edge.resources]\nmemory_limit = 'much'",
            "a size such as \"128mb\"",
        ),
        ("[edge.resources]\nmemory_limit = '1mb'", "at least 10MB"),
        ("[edge]\nsync_interval = 30", "a time such as \"30s\""),
        ("[edge]\nmode = 'hubb'", "one of edge, hub"),
        ("[edge.mesh]\npeers = 'a'", "a list of texts"),
        ("[node]\nid = 'a b'", "must be 1 to 63 letters"),
        (
            "[node]\nprofile = 'toaster'",
            "there is no profile \"toaster\"",
        ),
        ("[node", "orbit.toml"),
    ] {
        let error = load(text).unwrap_err();
        assert!(error.to_string().contains(part), "{text}: {error}");
    }
}

#[test]
fn a_file_named_by_hand_must_exist() {
    let sources = Sources {
        files: vec![("/nowhere/orbit.toml".into(), true)],
        ..Sources::default()
    };
    assert!(
        NodeConfig::load(&sources, "iot_gateway")
            .unwrap_err()
            .message()
            .contains("/nowhere/orbit.toml")
    );
    let sources = Sources {
        files: vec![("/nowhere/orbit.toml".into(), false)],
        ..Sources::default()
    };
    assert!(NodeConfig::load(&sources, "iot_gateway").is_ok());
}

#[test]
fn own_profiles_in_the_file_extend_the_built_in() {
    let config = load("[node]\nprofile = 'till'\n[edge_profile.till]\nextends = 'iot_gateway'\ntarget_memory_mb = 60\n").unwrap();
    assert_eq!(config.edge.resources.memory_limit_bytes, 60 << 20);
    assert_eq!(config.profile.name, "till");
}

#[test]
fn beyond_loopback_a_start_needs_tls_and_a_way_to_know_clients() {
    for text in [
        "",
        "[listen]\naddress = '::1'",
        "[tls]\nenabled = false",
        "[listen]\naddress = '0.0.0.0'",
        "[listen]\naddress = '0.0.0.0'\n[tls]\nauthority = 'ca.pem'\n[access]\nremote = 'both'",
    ] {
        assert!(load(text).unwrap().check_listening().is_ok(), "{text}");
    }
    for (text, wanted) in [
        (
            "[listen]\naddress = '0.0.0.0'\n[tls]\nenabled = false",
            "tls.enabled = true",
        ),
        (
            "[listen]\naddress = '::'\n[access]\nremote = 'certificate'",
            "tls.authority",
        ),
        (
            "[listen]\nstatus_address = '0.0.0.0'",
            "listen.status_address",
        ),
        (
            "[listen]\ngrpc_address = '0.0.0.0'\n[tls]\nenabled = false",
            "tls.enabled = true",
        ),
    ] {
        let error = load(text).unwrap().check_listening().unwrap_err();
        assert!(error.hint().unwrap().contains(wanted), "{text}");
    }
}

#[test]
fn ports_without_passwords_stay_on_this_machine() {
    let config = load("[listen]\naddress = '192.0.2.1'").unwrap();
    assert_eq!(config.pg_address().ip().to_string(), "192.0.2.1");
    assert!(config.grpc_address().ip().is_loopback());
    assert!(config.http_address().ip().is_loopback());
    let config = load("[listen]\naddress = '::1'").unwrap();
    assert_eq!(config.http_address().ip().to_string(), "::1");
    let config = load("[listen]\ngrpc_address = '192.0.2.1'").unwrap();
    assert_eq!(config.grpc_address().ip().to_string(), "192.0.2.1");
    assert!(config.is_grpc_open() && !config.is_open());
    assert!(config.http_address().ip().is_loopback());
}

#[test]
fn what_is_not_built_is_refused_and_not_pretended() {
    for text in [
        "[edge]\nhub_url = 'https://hub'",
        "[edge.mesh]\nenabled = true",
    ] {
        assert!(load(text).unwrap_err().is(state::FEATURE_NOT_SUPPORTED));
    }
}

#[test]
fn a_profile_yields_to_a_small_machine_but_an_operator_does_not() {
    let config = load("").unwrap();
    assert_eq!(
        config.memory_plan(Some(2 << 30)).query_pool_bytes,
        (1usize << 30) / 100 * 35
    );
    let config = load("[edge.resources]\nmemory_limit = '2gb'").unwrap();
    assert_eq!(
        config.memory_plan(Some(2 << 30)).query_pool_bytes,
        (2usize << 30) / 100 * 35
    );
}

#[test]
fn every_key_is_documented_and_its_default_is_accepted() {
    let config = load("").unwrap();
    assert_eq!(config.settings().len(), keys::KEYS.len());
    for setting in config.settings() {
        assert!(
            setting.letter.len() > 20 && setting.letter.ends_with('.'),
            "{}",
            setting.path
        );
    }
}
