//! COPY in both directions, and clients that give up on the way.

use super::client::{Client, Server, types};
use crate::pg::ServeOptions;

async fn server_with_table() -> (Server, Client) {
    let server = Server::start(ServeOptions::default()).await;
    let mut client = server.client().await;
    let messages = client
        .query("CREATE TABLE t (a int4 PRIMARY KEY, b text)")
        .await;
    assert_eq!(types(&messages), "CZ", "{messages:?}");
    (server, client)
}

#[tokio::test(flavor = "multi_thread")]
async fn data_come_in_any_pieces() {
    let (_server, mut client) = server_with_table().await;
    client.say('Q', b"COPY t FROM STDIN\0").send().await;
    let answer = client.until('G').await;
    assert_eq!(answer[0].1, b"\0\0\x02\0\0\0\0");
    for piece in ["1\to", "ne\n2", "", "\ttwo\n", "3\t\\N\n"] {
        client.say('d', piece.as_bytes());
    }
    // Drivers that send these along must not be confused by it.
    client.say('H', b"").sync();
    let messages = client.say('c', b"").talk().await;
    assert_eq!(
        (types(&messages).as_str(), messages[0].tag().as_str()),
        ("CZ", "COPY 3")
    );
    assert_eq!(client.value("SELECT b FROM t WHERE a = 2").await, "two");
}

#[tokio::test(flavor = "multi_thread")]
async fn csv_with_line_ends_in_quotes_comes_in_and_goes_out() {
    let (_server, mut client) = server_with_table().await;
    client.say('Q', b"COPY t FROM STDIN (FORMAT csv)\0");
    client.say('d', b"1,\"a\nb\"\n2,c\n");
    let messages = client.say('c', b"").talk().await;
    assert_eq!(types(&messages), "GCZ");
    let messages = client.query("COPY t TO STDOUT (FORMAT csv)").await;
    assert_eq!(types(&messages), "HddcCZ");
    let mut rows: Vec<_> = messages[1..3]
        .iter()
        .map(|message| message.1.clone())
        .collect();
    rows.sort();
    assert_eq!(rows, [b"1,\"a\nb\"\n".to_vec(), b"2,c\n".to_vec()]);
    assert_eq!(messages[4].tag(), "COPY 2");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_script_goes_on_after_its_copy() {
    let (_server, mut client) = server_with_table().await;
    client.say('Q', b"COPY t FROM STDIN; SELECT count(*) FROM t\0");
    client.say('d', b"1\tone\n");
    let messages = client.say('c', b"").talk().await;
    assert_eq!(types(&messages), "GCTDCZ");
    assert_eq!(messages[3].values(), [Some(b"1".to_vec())]);
}

#[tokio::test(flavor = "multi_thread")]
async fn copy_by_the_extended_protocol() {
    let (_server, mut client) = server_with_table().await;
    client
        .parse("", "COPY t FROM STDIN")
        .bind("", "", &[])
        .execute("", 0)
        .sync();
    client.say('d', b"1\tone\n").say('c', b"");
    let messages = client.sync().talk().await;
    assert_eq!(types(&messages), "12GCZ");
    assert_eq!(client.value("SELECT count(*) FROM t").await, "1");
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_gives_up_leaves_nothing() {
    let (_server, mut client) = server_with_table().await;
    client
        .say('Q', b"COPY t FROM STDIN\0")
        .say('d', b"1\tone\n");
    let messages = client.say('f', b"changed my mind\0").talk().await;
    assert_eq!(
        (types(&messages).as_str(), messages[1].code().as_str()),
        ("GEZ", "57014")
    );
    assert_eq!(
        messages[1].field(b'M'),
        "COPY from stdin failed: changed my mind"
    );
    assert_eq!(client.value("SELECT count(*) FROM t").await, "0");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bad_row_ends_the_copy_and_the_rest_is_ignored() {
    let (_server, mut client) = server_with_table().await;
    client
        .say('Q', b"COPY t FROM STDIN\0")
        .say('d', b"1\tone\nbad\trow\n");
    for _ in 0..100 {
        client.say('d', b"2\ttwo\n");
    }
    let messages = client.say('c', b"").talk().await;
    assert_eq!(
        (types(&messages).as_str(), messages[1].code().as_str()),
        ("GEZ", "22P02")
    );
    assert_eq!(client.value("SELECT count(*) FROM t").await, "0");
}

#[tokio::test(flavor = "multi_thread")]
async fn another_message_in_the_middle_is_a_violation() {
    let (_server, mut client) = server_with_table().await;
    client
        .say('Q', b"COPY t FROM STDIN\0")
        .say('d', b"1\tone\n");
    let messages = client.say('Q', b"SELECT 1\0").talk().await;
    assert_eq!(
        (types(&messages).as_str(), messages[1].code().as_str()),
        ("GEZ", "08P01")
    );
    assert_eq!(client.value("SELECT count(*) FROM t").await, "0");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_vanishes_in_the_middle_leaves_nothing() {
    let (server, mut client) = server_with_table().await;
    let mut other = server.client().await;
    other
        .say('Q', b"COPY t FROM STDIN\0")
        .say('d', b"1\tone\n")
        .send()
        .await;
    other.until('G').await;
    drop(other);
    // The table lock of the vanished COPY is given back, or this would wait for ever.
    let messages = client.query("INSERT INTO t VALUES (1, 'mine')").await;
    assert_eq!(
        (types(&messages).as_str(), messages[0].tag().as_str()),
        ("CZ", "INSERT 0 1")
    );
    assert_eq!(client.value("SELECT count(*) FROM t").await, "1");
}
