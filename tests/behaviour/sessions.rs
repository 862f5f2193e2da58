//! What sessions do to each other and must not: notifications on idle
//! connections, ends from outside, slow readers, what a crash leaves.

use futures::StreamExt;
use futures::stream::poll_fn;
use orbit_tests::server::Server;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio_postgres::{AsyncMessage, Client, NoTls};

const SOON: Duration = Duration::from_secs(5);

/// A connection whose notifications come out of a channel; it is closed with the connection.
async fn listener(server: &Server) -> (Client, UnboundedReceiver<String>) {
    let (client, mut connection) = tokio_postgres::connect(&server.url(), NoTls)
        .await
        .expect("a connection");
    let (heard, hears) = unbounded_channel();
    tokio::spawn(async move {
        let mut messages = poll_fn(move |cx| connection.poll_message(cx));
        while let Some(Ok(message)) = messages.next().await {
            if let AsyncMessage::Notification(one) = message {
                let _ = heard.send(format!("{} {}", one.channel(), one.payload()));
            }
        }
    });
    (client, hears)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn idle_connections_hear_at_once_and_blocks_hear_at_their_end() {
    let server = Server::start().await;
    let (listens, mut hears) = listener(&server).await;
    let notifies = server.connect().await;
    listens.batch_execute("LISTEN c").await.expect("LISTEN");
    notifies
        .batch_execute("NOTIFY c, 'one'")
        .await
        .expect("NOTIFY");
    let heard = tokio::time::timeout(SOON, hears.recv()).await;
    assert_eq!(heard.expect("it comes unasked").as_deref(), Some("c one"));

    listens.batch_execute("BEGIN").await.expect("BEGIN");
    for payload in ["two", "three"] {
        let notify = format!("NOTIFY c, '{payload}'");
        notifies.batch_execute(&notify).await.expect("NOTIFY");
    }
    let early = tokio::time::timeout(Duration::from_millis(200), hears.recv()).await;
    assert!(early.is_err(), "inside a block nothing is told: {early:?}");
    listens.batch_execute("COMMIT").await.expect("COMMIT");
    for expected in ["c two", "c three"] {
        let heard = tokio::time::timeout(SOON, hears.recv()).await;
        assert_eq!(heard.expect("it comes").as_deref(), Some(expected));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn commits_order_notifications() {
    let server = Server::start().await;
    let (listens, mut hears) = listener(&server).await;
    let setup = "CREATE TABLE n (id bigint PRIMARY KEY, v bigint); \
                 INSERT INTO n VALUES (1, 0); LISTEN c";
    listens.batch_execute(setup).await.expect(setup);
    const SENDERS: usize = 4;
    const EACH: usize = 50;
    let mut senders = Vec::new();
    for _ in 0..SENDERS {
        let client = server.connect().await;
        senders.push(tokio::spawn(async move {
            for _ in 0..EACH {
                // The row's lock makes the commits' order that of its values.
                let sql = "BEGIN; UPDATE n SET v = v + 1 WHERE id = 1; \
                           SELECT pg_notify('c', v::text) FROM n WHERE id = 1; COMMIT";
                client.batch_execute(sql).await.expect(sql);
            }
        }));
    }
    for sender in senders {
        sender.await.expect("a sender");
    }
    for expected in 1..=SENDERS * EACH {
        let heard = tokio::time::timeout(SOON, hears.recv()).await;
        let heard = heard.expect("all come").expect("the connection lives");
        assert_eq!(heard, format!("c {expected}"));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_terminated_session_is_told_why() {
    let server = Server::start().await;
    let (victim, mut hears) = listener(&server).await;
    let row = victim.query_one("SELECT pg_backend_pid()", &[]).await;
    let pid: i32 = row.expect("its number").get(0);
    let other = server.connect().await;
    let sql = "SELECT pg_terminate_backend($1)";
    let ended = other.query_one(sql, &[&pid]).await.expect("the function");
    assert!(ended.get::<_, bool>(0));
    let closed = tokio::time::timeout(SOON, hears.recv()).await;
    assert_eq!(closed.expect("the connection ends"), None);
    let gone = "SELECT count(*) FROM pg_stat_activity WHERE pid = $1";
    let row = other.query_one(gone, &[&pid]).await.expect(gone);
    assert_eq!(row.get::<_, i64>(0), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_crash_leaves_no_temporary_tables() {
    let mut server = Server::start().await;
    let client = server.connect().await;
    let sql = "CREATE TABLE kept (a int); CREATE TEMP TABLE gone (a int); \
               INSERT INTO gone VALUES (1); INSERT INTO kept SELECT a FROM gone";
    client.batch_execute(sql).await.expect(sql);
    server.kill();
    server.restart().await;
    let client = server.connect().await;
    let sql = "SELECT count(*) FILTER (WHERE relname = 'gone'), \
                      count(*) FILTER (WHERE relname = 'kept') FROM pg_class";
    let row = client.query_one(sql, &[]).await.expect(sql);
    assert_eq!((row.get::<_, i64>(0), row.get::<_, i64>(1)), (0, 1));
    let sql = "SELECT count(*) FROM pg_namespace WHERE nspname LIKE 'pg_temp%'";
    let row = client.query_one(sql, &[]).await.expect(sql);
    assert_eq!(row.get::<_, i64>(0), 0);
}

/// Asks for a large answer and reads none of it.
fn ask_and_wait(port: u16) -> TcpStream {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).expect("a connection");
    let mut body = 196_608_i32.to_be_bytes().to_vec();
    body.extend(b"user\0orbit\0database\0orbit\0\0");
    let mut message = (body.len() as i32 + 4).to_be_bytes().to_vec();
    message.extend(body);
    let sql = b"SELECT g, repeat('x', 100) FROM generate_series(1, 1000000) g\0";
    message.push(b'Q');
    message.extend((sql.len() as i32 + 4).to_be_bytes());
    message.extend(sql);
    stream.write_all(&message).expect("the question");
    // Wait until the answer has begun.
    let mut first = [0; 1];
    stream.read_exact(&mut first).expect("an answer");
    stream
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn slow_readers_hold_their_own_buffers_only() {
    const READERS: usize = 50;
    let server = Server::start().await;
    let client = server.connect().await;
    let sql = "CREATE TABLE t (a int PRIMARY KEY, b int); \
               INSERT INTO t SELECT g, g FROM generate_series(1, 1000) g";
    client.batch_execute(sql).await.expect(sql);
    let (before, _) = server.memory();
    let port = server.port;
    let readers = tokio::task::spawn_blocking(move || {
        (0..READERS).map(|_| ask_and_wait(port)).collect::<Vec<_>>()
    });
    let readers = readers.await.expect("readers");
    tokio::time::sleep(Duration::from_secs(2)).await;
    let (held, _) = server.memory();
    // All their answers together are over 5 GB.
    let grown = held.saturating_sub(before);
    assert!(
        grown < 400 << 20,
        "{READERS} slow readers hold {grown} bytes"
    );
    let mut slowest = Duration::ZERO;
    for key in 1..=300 {
        let asked = Instant::now();
        let row = client
            .query_one("SELECT b FROM t WHERE a = $1", &[&key])
            .await
            .expect("a point read");
        assert_eq!(row.get::<_, i32>(0), key);
        slowest = slowest.max(asked.elapsed());
    }
    let asked = Instant::now();
    let sum = client.query_one("SELECT sum(b) FROM t", &[]).await;
    assert_eq!(sum.expect("a query").get::<_, i64>(0), 500_500);
    slowest = slowest.max(asked.elapsed());
    assert!(
        slowest < Duration::from_secs(2),
        "others waited {slowest:?}"
    );
    drop(readers);
}
