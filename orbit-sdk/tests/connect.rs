//! Passwords and TLS of connections to a node.

#[path = "support/sides.rs"]
mod sides;

use orbit_sdk::{Error, Orbit, Result, state};
use orbit_server::running::Running;
use sides::node;
use std::path::PathBuf;

/// A node that asks for a password and offers TLS, and the certificate it has.
async fn guarded() -> (tempfile::TempDir, Running, PathBuf) {
    let directory = tempfile::tempdir().unwrap();
    let data = directory.path().join("data");
    let trusting = node(&data, &[]).await;
    let url = format!("postgres://orbit@{}/orbit", trusting.pg_address);
    let orbit = Orbit::connect(&url).await.unwrap();
    let role = "CREATE ROLE ada LOGIN PASSWORD 'söme pässword'";
    orbit.execute(role, ()).await.unwrap();
    orbit.close().await.unwrap();
    trusting.stop().await.unwrap();
    let settings = [("tls.loopback", "true"), ("access.loopback", "scram")];
    let node = node(&data, &settings).await;
    (directory, node, data.join("tls/server.crt"))
}

/// Who one is there, and whether the connection is encrypted.
async fn asked(orbit: Result<Orbit>) -> Result<(String, bool)> {
    let orbit = orbit?;
    let ssl = "SELECT current_user, ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()";
    orbit.query_one(ssl, ()).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn passwords_are_asked_for_and_tls_is_as_the_url_says() {
    let (_directory, node, certificate) = guarded().await;
    let port = node.pg_address.port();
    let url = |rest: &str| format!("postgres://ada:s%C3%B6me%20p%C3%A4ssword@{rest}");
    let ada = |encrypted| ("ada".to_owned(), encrypted);
    for (mode, encrypted) in [
        ("", true),
        ("?sslmode=prefer", true),
        ("?sslmode=require", true),
        ("?sslmode=disable", false),
    ] {
        let orbit = Orbit::connect(&url(&format!("127.0.0.1:{port}/orbit{mode}"))).await;
        assert_eq!(asked(orbit).await.unwrap(), ada(encrypted), "{mode}");
    }
    let trusting = || Orbit::options().trust(&certificate);
    for host in ["127.0.0.1", "localhost"] {
        let orbit = trusting()
            .connect(&url(&format!("{host}:{port}/orbit")))
            .await;
        assert_eq!(asked(orbit).await.unwrap(), ada(true), "{host}");
    }

    let refused = |orbit: Result<Orbit>| orbit.err().unwrap();
    let wrong = Orbit::connect(&format!("postgres://ada:wrong@127.0.0.1:{port}/orbit")).await;
    let wrong: Error = refused(wrong);
    assert!(wrong.is(state::INVALID_PASSWORD), "{wrong:?}");
    // Under a name that isn't in the certificate.
    let named = format!(
        "host=elsewhere hostaddr=127.0.0.1 port={port} user=ada password='söme pässword' dbname=orbit"
    );
    let other = refused(trusting().connect(&named).await);
    assert!(other.is(state::CONNECTION_FAILURE), "{other:?}");
    assert!(other.message().contains("elsewhere"), "{other:?}");
    assert_eq!(
        asked(Orbit::connect(&named).await).await.unwrap(),
        ada(true)
    );
    let plain = url(&format!("127.0.0.1:{port}/orbit?sslmode=disable"));
    let contrary = refused(trusting().connect(&plain).await);
    assert!(contrary.is(state::INVALID_PARAMETER_VALUE), "{contrary:?}");
    assert!(contrary.hint().is_some());
    node.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_is_not_trusted_hears_nothing() {
    let (_one, node_of_one, _) = guarded().await;
    let (_other, node_of_other, certificate) = guarded().await;
    let trusting = || Orbit::options().trust(&certificate);
    let url = |at: &Running| format!("postgres://orbit:x@{}/orbit", at.pg_address);
    let strange = trusting().connect(&url(&node_of_one)).await.err().unwrap();
    assert!(strange.is(state::CONNECTION_FAILURE), "{strange:?}");
    assert!(strange.message().contains("certificate"), "{strange:?}");

    // One that speaks no TLS at all.
    let directory = tempfile::tempdir().unwrap();
    let open = node(directory.path(), &[]).await;
    let bare = trusting().connect(&url(&open)).await.err().unwrap();
    assert!(bare.message().contains("TLS"), "{bare:?}");
    Orbit::connect(&url(&open))
        .await
        .unwrap_or_else(|error| panic!("{error:?}"));

    let nothing = Orbit::options().trust("/nonexistent.pem");
    let nothing = nothing.connect(&url(&node_of_other)).await.err().unwrap();
    assert!(nothing.is(state::INVALID_PARAMETER_VALUE), "{nothing:?}");
    for node in [node_of_one, node_of_other, open] {
        node.stop().await.unwrap();
    }
}
