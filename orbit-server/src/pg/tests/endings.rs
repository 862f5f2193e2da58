//! Cancelling, refusing and shutting down.

use super::client::{Client, Server, types};
use crate::pg::ServeOptions;
use std::time::{Duration, Instant};

const ENDLESS: &str = "SELECT s.n FROM generate_series(1, 1000000000000) AS s(n)";

async fn server() -> Server {
    Server::start(ServeOptions::default()).await
}

async fn cancel(server: &Server, of: &Client) {
    let key = of.greeting.iter().find(|message| message.0 == 'K').unwrap();
    let code = ((1234_i32 << 16) | 5678).to_be_bytes();
    let mut canceller = Client::connect(server.address).await;
    canceller.packet(&[&code[..], &key.1].concat()).await;
    assert_eq!(
        canceller.receive().await,
        None,
        "a cancel request has no answer"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_streaming_statement_is_cancelled_and_the_session_lives() {
    let server = server().await;
    let mut client = server.client().await;
    client
        .say('Q', &[ENDLESS.as_bytes(), b"\0"].concat())
        .send()
        .await;
    client.until('D').await;
    cancel(&server, &client).await;
    let messages = client.until_ready().await;
    let error = &messages[messages.len() - 2];
    assert_eq!(error.code(), "57014");
    assert_eq!(client.value("SELECT 1").await, "1");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_key_cancels_nothing() {
    let server = server().await;
    let mut client = server.client().await;
    let key = client
        .greeting
        .iter_mut()
        .find(|message| message.0 == 'K')
        .unwrap();
    key.1[7] ^= 1;
    client
        .say('Q', &[ENDLESS.as_bytes(), b"\0"].concat())
        .send()
        .await;
    client.until('D').await;
    cancel(&server, &client).await;
    for _ in 0..100_000 {
        assert_eq!(client.receive().await.unwrap().0, 'D');
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_leaves_takes_its_statement_along() {
    let server = Server::start(ServeOptions {
        max_connections: 1,
        ..ServeOptions::default()
    })
    .await;
    let mut client = server.client().await;
    client
        .say(
            'Q',
            b"SELECT count(*) FROM generate_series(1, 100000) a, generate_series(1, 100000) b, generate_series(1, 1000) c\0",
        )
        .send()
        .await;
    drop(client);
    // Its place becomes free although its statement would run for hours.
    let begun = Instant::now();
    loop {
        let mut next = Client::connect(server.address).await;
        let greeting = next.start().await;
        if types(&greeting).ends_with('Z') {
            break;
        }
        assert_eq!(greeting[0].code(), "53300");
        assert!(begun.elapsed() < Duration::from_secs(30));
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
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
async fn a_shutdown_ends_sessions_idle_and_busy() {
    let server = server().await;
    let mut idle = server.client().await;
    let mut in_copy = server.client().await;
    in_copy
        .query("CREATE TABLE t (a int4 PRIMARY KEY, b text)")
        .await;
    in_copy.say('Q', b"COPY t FROM STDIN\0").send().await;
    in_copy.until('G').await;
    let mut busy = server.client().await;
    busy.say('Q', &[ENDLESS.as_bytes(), b"\0"].concat())
        .send()
        .await;
    busy.until('D').await;
    // The busy one doesn't read, so it may or may not see why it ends.
    server.stop().await;
    for client in [&mut idle, &mut in_copy] {
        let error = client.receive().await.unwrap();
        assert_eq!(
            (error.code(), error.field(b'S')),
            ("57P01".into(), "FATAL".into())
        );
        assert_eq!(client.receive().await, None);
    }
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
