//! What is answered to what, in the simple and in the extended protocol.

use super::client::{Client, Server, types};
use crate::pg::ServeOptions;

async fn server() -> Server {
    Server::start(ServeOptions::default()).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_begins_with_facts_and_a_key() {
    let server = server().await;
    let mut client = Client::connect(server.address).await;
    let ssl = ((1234_i32 << 16) | 5679).to_be_bytes();
    client.packet(&ssl).await;
    let mut answer = [0];
    tokio::io::AsyncReadExt::read_exact(&mut client.stream, &mut answer)
        .await
        .unwrap();
    assert_eq!(&answer, b"N");
    let greeting = types(&client.start().await);
    assert!(greeting.starts_with("RSS"), "{greeting}");
    assert!(greeting.ends_with("SKZ"), "{greeting}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_newer_protocol_is_negotiated_down() {
    let server = server().await;
    let mut client = Client::connect(server.address).await;
    let version = ((3_i32 << 16) | 2).to_be_bytes();
    client
        .packet(&[&version[..], b"user\0orbit\0_pq_.new\0on\0\0"].concat())
        .await;
    let greeting = client.until_ready().await;
    assert_eq!(greeting[0].0, 'v');
    assert_eq!(greeting[0].1, b"\0\x03\0\0\0\0\0\x01_pq_.new\0");
    assert_eq!(greeting[1].0, 'R');
}

#[tokio::test(flavor = "multi_thread")]
async fn a_simple_message_may_hold_several_statements() {
    let server = server().await;
    let mut client = server.client().await;
    let messages = client.query("SELECT 1; SELECT 2;").await;
    assert_eq!(types(&messages), "TDCTDCZ");
    assert_eq!(messages[2].tag(), "SELECT 1");
    assert_eq!(messages[6].1, b"I");
    assert_eq!(types(&client.query("").await), "IZ");
    assert_eq!(types(&client.query(" ; ").await), "IZ");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_error_ends_a_simple_message_and_fails_its_block() {
    let server = server().await;
    let mut client = server.client().await;
    let messages = client.query("SELECT 1; SELECT nonsense; SELECT 2").await;
    assert_eq!(types(&messages), "TDCEZ");
    assert_eq!(messages[3].code(), "42703");
    assert_eq!(client.query("BEGIN").await[1].1, b"T");
    let messages = client.query("SELECT nonsense").await;
    assert_eq!(
        (types(&messages).as_str(), &messages[1].1[..]),
        ("EZ", &b"E"[..])
    );
    assert_eq!(client.query("SELECT 1").await[0].code(), "25P02");
    let messages = client.query("ROLLBACK").await;
    assert_eq!(
        (types(&messages).as_str(), &messages[1].1[..]),
        ("CZ", &b"I"[..])
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_prepared_statement_is_bound_described_and_executed() {
    let server = server().await;
    let mut client = server.client().await;
    let messages = client
        .parse("s", "SELECT $1::int4")
        .describe('S', "s")
        .bind("", "s", &["42"])
        .describe('P', "")
        .execute("", 0)
        .sync()
        .talk()
        .await;
    assert_eq!(types(&messages), "1tT2TDCZ");
    assert_eq!(messages[1].1, b"\0\x01\0\0\0\x17");
    assert_eq!(messages[5].values(), [Some(b"42".to_vec())]);
    assert_eq!(messages[6].tag(), "SELECT 1");
}

#[tokio::test(flavor = "multi_thread")]
async fn parameters_and_results_in_binary() {
    let server = server().await;
    let mut client = server.client().await;
    let seven = 7_i32.to_be_bytes();
    let messages = client
        .parse("", "SELECT $1::int4")
        .bind_as("", "", 1, [&seven[..]].into_iter(), 1)
        .describe('P', "")
        .execute("", 0)
        .sync()
        .talk()
        .await;
    assert_eq!(types(&messages), "12TDCZ");
    assert_eq!(messages[2].1.last(), Some(&1), "described as binary");
    assert_eq!(messages[3].values(), [Some(seven.to_vec())]);
}

#[tokio::test(flavor = "multi_thread")]
async fn after_an_error_everything_is_ignored_until_sync() {
    let server = server().await;
    let mut client = server.client().await;
    let messages = client
        .parse("a", "SELECT 1")
        .bind("", "missing", &[])
        .execute("", 0)
        .parse("b", "SELECT 1")
        .say('Q', b"SELECT 1\0")
        .sync()
        .talk()
        .await;
    assert_eq!(types(&messages), "1EZ");
    assert_eq!(messages[1].code(), "26000");
    let messages = client.describe('S', "a").sync().talk().await;
    assert_eq!(types(&messages), "tTZ");
    let messages = client.describe('S', "b").sync().talk().await;
    assert_eq!(types(&messages), "EZ");
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_names_and_counts_have_their_codes() {
    let server = server().await;
    let mut client = server.client().await;
    client.parse("s", "SELECT $1::int4").sync().talk().await;
    let messages = client.parse("s", "SELECT 1").sync().talk().await;
    assert_eq!(messages[0].code(), "42P05");
    let messages = client.bind("", "s", &[]).sync().talk().await;
    assert_eq!(messages[0].code(), "08P01");
    let messages = client.execute("nowhere", 0).sync().talk().await;
    assert_eq!(messages[0].code(), "34000");
    let messages = client
        .bind("p", "s", &["1"])
        .bind("p", "s", &["1"])
        .sync()
        .talk()
        .await;
    assert_eq!(
        (types(&messages).as_str(), messages[1].code().as_str()),
        ("2EZ", "42P03")
    );
    let messages = client.bind("", "s", &["not a number"]).sync().talk().await;
    assert_eq!(messages[0].code(), "22P02");
    let messages = client.execute("", 0).sync().talk().await;
    assert_eq!(
        messages[0].code(),
        "34000",
        "a failed Bind leaves no portal"
    );
    // Portals end with their transaction, prepared statements do not.
    let messages = client.execute("p", 0).sync().talk().await;
    assert_eq!(messages[0].code(), "34000");
    let messages = client
        .say('C', b"Ss\0")
        .say('C', b"Snothing\0")
        .sync()
        .talk()
        .await;
    assert_eq!(types(&messages), "33Z");
    let messages = client.bind("", "s", &["1"]).sync().talk().await;
    assert_eq!(messages[0].code(), "26000");
}

const THREE_ROWS: &str = "SELECT * FROM (VALUES (1), (2), (3)) AS v(n)";

#[tokio::test(flavor = "multi_thread")]
async fn a_portal_gives_as_many_rows_as_are_asked_for() {
    let server = server().await;
    let mut client = server.client().await;
    let messages = client
        .parse("", THREE_ROWS)
        .bind("p", "", &[])
        .execute("p", 2)
        .execute("p", 2)
        .execute("p", 2)
        .sync()
        .talk()
        .await;
    assert_eq!(types(&messages), "12DDsDCCZ");
    assert_eq!(messages[6].tag(), "SELECT 1");
    assert_eq!(messages[7].tag(), "SELECT 0");
    // At the limit it isn't known whether more would follow.
    let messages = client
        .bind("p", "", &[])
        .execute("p", 3)
        .execute("p", 0)
        .sync()
        .talk()
        .await;
    assert_eq!(types(&messages), "2DDDsCZ");
}

#[tokio::test(flavor = "multi_thread")]
async fn absurd_row_limits_are_no_limits() {
    let server = server().await;
    let mut client = server.client().await;
    client.parse("s", THREE_ROWS).sync().talk().await;
    for limit in [0, -1, i32::MIN, i32::MAX] {
        let messages = client
            .bind("", "s", &[])
            .execute("", limit)
            .sync()
            .talk()
            .await;
        assert_eq!(types(&messages), "2DDDCZ", "limit {limit}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pipeline_is_answered_in_order() {
    let server = server().await;
    let mut client = server.client().await;
    client.parse("s", "SELECT $1::int4").sync().talk().await;
    for number in 0..1000 {
        client
            .bind("", "s", &[&number.to_string()])
            .execute("", 0)
            .sync();
    }
    client.send().await;
    for number in 0..1000 {
        let messages = client.until_ready().await;
        assert_eq!(types(&messages), "2DCZ");
        assert_eq!(
            messages[1].values(),
            [Some(number.to_string().into_bytes())]
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn flush_sends_what_there_is_without_ending_the_transaction() {
    let server = server().await;
    let mut client = server.client().await;
    client
        .parse("", "SELECT 1")
        .bind("p", "", &[])
        .say('H', b"")
        .send()
        .await;
    assert_eq!(types(&client.until('2').await), "12");
    client.execute("p", 0).say('H', b"").send().await;
    assert_eq!(types(&client.until('C').await), "DC");
    assert_eq!(types(&client.sync().talk().await), "Z");
}

#[tokio::test(flavor = "multi_thread")]
async fn malformed_messages_are_refused_and_the_session_goes_on() {
    let server = server().await;
    let mut client = server.client().await;
    for (kind, body) in [
        ('P', &b"name"[..]),
        ('B', b"\0\0\0\x01"),
        ('B', b"\0\0\0\0\xff\xff"),
        ('E', b"p\0\0"),
        ('D', b"Q\0"),
        ('C', b""),
    ] {
        let messages = client.say(kind, body).sync().talk().await;
        assert_eq!(types(&messages), "EZ", "{kind} {body:?}");
        assert_eq!(messages[0].code(), "08P01");
    }
    let messages = client.say('Q', b"SELECT 1").talk().await;
    assert_eq!(
        (types(&messages).as_str(), messages[0].code().as_str()),
        ("EZ", "08P01")
    );
    let messages = client.say('Q', b"SELECT '\xff'\0").talk().await;
    assert_eq!(messages[0].code(), "22021");
    assert_eq!(client.value("SELECT 1").await, "1");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_statement_too_long_is_refused_before_it_is_read() {
    let server = Server::start(ServeOptions {
        max_statement_bytes: 10_000,
        ..ServeOptions::default()
    })
    .await;
    let mut client = server.client().await;
    let long = [&vec![b' '; 1 << 20][..], b"SELECT 1\0"].concat();
    let messages = client.say('Q', &long).talk().await;
    assert_eq!(
        (types(&messages).as_str(), messages[0].code().as_str()),
        ("EZ", "54000")
    );
    let messages = client.say('P', &long).execute("", 0).sync().talk().await;
    assert_eq!(
        (types(&messages).as_str(), messages[0].code().as_str()),
        ("EZ", "54000")
    );
    assert_eq!(client.value("SELECT 1").await, "1");
}

#[tokio::test(flavor = "multi_thread")]
async fn deallocate_forgets_what_parse_prepared() {
    let server = server().await;
    let mut client = server.client().await;
    client
        .parse("a", "SELECT 1")
        .parse("b", "SELECT 2")
        .parse("c", "SELECT 3")
        .sync()
        .talk()
        .await;
    assert_eq!(types(&client.query("DEALLOCATE a").await), "CZ");
    assert_eq!(
        client.describe('S', "a").sync().talk().await[0].code(),
        "26000"
    );
    assert_eq!(types(&client.describe('S', "b").sync().talk().await), "tTZ");
    client.query("DEALLOCATE ALL").await;
    assert_eq!(
        client.describe('S', "b").sync().talk().await[0].code(),
        "26000"
    );
    assert_eq!(client.query("DEALLOCATE c").await[0].code(), "26000");
}
