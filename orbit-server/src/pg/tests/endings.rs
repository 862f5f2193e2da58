//! Cancelling, refusing and shutting down.

use super::client::{Client, Server, types};
use crate::pg::ServeOptions;
use std::time::{Duration, Instant};

async fn server() -> Server {
    Server::start(ServeOptions::default()).await
}

#[tokio::test(flavor = "multi_thread")]
async fn one_client_too_many_is_told_so() {
    let server = Server::start(ServeOptions {
        max_connections: 2,
        ..ServeOptions::default()
    })
    .await;
    let _one = server.client().await;
    let _two = server.client().await;
    let mut three = Client::connect(server.address).await;
    let messages = three.start().await;
    assert_eq!(types(&messages), "E");
    assert_eq!(
        (messages[0].code(), messages[0].field(b'S')),
        ("53300".into(), "FATAL".into())
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_startup_takes_only_so_long() {
    let server = Server::start(ServeOptions {
        startup_timeout: Duration::from_millis(50),
        ..ServeOptions::default()
    })
    .await;
    let mut client = Client::connect(server.address).await;
    assert_eq!(client.receive().await, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_postgresql_is_turned_away() {
    let server = server().await;
    for (bytes, code) in [
        (&b"GET / HTTP/1.1\r\n\r\n"[..], "08P01"),
        (b"\0\0\0\x08\0\x02\0\0", "0A000"),
        (b"\x7f\xff\xff\xff\0\x03\0\0", "08P01"),
        (b"\0\0\0\x09\0\x03\0\0\0", "28000"),
    ] {
        let mut client = Client::connect(server.address).await;
        tokio::io::AsyncWriteExt::write_all(&mut client.stream, bytes)
            .await
            .unwrap();
        let error = client.receive().await.unwrap();
        assert_eq!(
            (error.code().as_str(), error.field(b'S').as_str()),
            (code, "FATAL")
        );
        assert_eq!(client.receive().await, None);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_type_that_does_not_exist_ends_the_connection() {
    let server = server().await;
    let mut client = server.client().await;
    client.say('z', b"").send().await;
    let error = client.receive().await.unwrap();
    assert_eq!(
        (error.code(), error.field(b'S')),
        ("08P01".into(), "FATAL".into())
    );
    assert_eq!(client.receive().await, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn idleness_has_its_limits() {
    let server = server().await;
    let mut client = server.client().await;
    client.query("SET idle_session_timeout = '20ms'").await;
    let error = client.receive().await.unwrap();
    assert_eq!(
        (error.code(), error.field(b'S')),
        ("57P05".into(), "FATAL".into())
    );
    let mut client = server.client().await;
    client
        .query("SET idle_in_transaction_session_timeout = '20ms'; BEGIN")
        .await;
    let error = client.receive().await.unwrap();
    assert_eq!(error.code(), "25P03");
}
