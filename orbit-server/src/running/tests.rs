use super::*;
use orbit_core::actor::{Actor, Handle, Kind, Message, Start, Turn};
use orbit_edge::Sources;
use orbit_proto::v1::StatusRequest;
use orbit_proto::v1::node_client::NodeClient;
use std::path::Path;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio_postgres::NoTls;

fn config(data_dir: &Path) -> NodeConfig {
    let free = || Some("0".to_owned());
    let sources = Sources::default()
        .flag(
            "node.data_dir",
            "test",
            Some(data_dir.to_string_lossy().into_owned()),
        )
        .flag("node.id", "test", Some("till-7".to_owned()))
        .flag("listen.pg_port", "test", free())
        .flag("listen.grpc_port", "test", free())
        .flag("listen.http_port", "test", free());
    NodeConfig::load(&sources, "micro_device").unwrap()
}

async fn connect(running: &Running) -> tokio_postgres::Client {
    let address = running.pg_address;
    let parameters = format!(
        "host={} port={} user=orbit dbname=orbit",
        address.ip(),
        address.port()
    );
    let (client, connection) = tokio_postgres::connect(&parameters, NoTls).await.unwrap();
    tokio::spawn(connection);
    client
}

async fn http(address: SocketAddr, request: &str) -> String {
    let mut socket = tokio::net::TcpStream::connect(address).await.unwrap();
    socket.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    socket.read_to_string(&mut answer).await.unwrap();
    answer
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_serves_stops_in_order_and_keeps_its_rows() {
    let dir = tempfile::tempdir().unwrap();
    let running = Running::start(config(dir.path())).await.unwrap();
    let client = connect(&running).await;
    client
        .batch_execute("CREATE TABLE t (a int PRIMARY KEY); INSERT INTO t VALUES (7)")
        .await
        .unwrap();

    let error = Running::start(config(dir.path())).await.err().unwrap();
    assert!(error.is(state::OBJECT_IN_USE), "{error:?}");

    running.stop().await.unwrap();
    let error = client
        .batch_execute("INSERT INTO t VALUES (8)")
        .await
        .unwrap_err();
    let told = error
        .as_db_error()
        .map(|error| error.code().code().to_owned());
    assert!(
        error.is_closed() || told.as_deref() == Some("57P01"),
        "{error:?}"
    );

    // The audit may still be writing who came: it lets go of the directory when it has.
    let mut tries = 0;
    let running = loop {
        match Running::start(config(dir.path())).await {
            Ok(running) => break running,
            Err(error) if error.is(state::OBJECT_IN_USE) && tries < 500 => tries += 1,
            Err(error) => panic!("{error:?}"),
        }
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    };
    let client = connect(&running).await;
    let rows = client
        .simple_query("SELECT a FROM t WHERE a = 7")
        .await
        .unwrap();
    let found = rows.iter().any(|message| {
        matches!(message, tokio_postgres::SimpleQueryMessage::Row(row) if row.get(0) == Some("7"))
    });
    assert!(found);
    running.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn status_is_told_over_grpc_and_health_over_http() {
    let dir = tempfile::tempdir().unwrap();
    let running = Running::start(config(dir.path())).await.unwrap();
    let mut node = NodeClient::connect(format!("http://{}", running.grpc_address))
        .await
        .unwrap();
    let status = node.status(StatusRequest {}).await.unwrap().into_inner();
    assert_eq!(status.version, env!("CARGO_PKG_VERSION"));
    assert_eq!(status.node_id, "till-7");
    assert_eq!(
        (status.tier.as_str(), status.profile.as_str()),
        ("device", "micro_device")
    );
    assert_eq!(status.site, running.node().site().to_string());

    let client = connect(&running).await;
    client
        .batch_execute("CREATE TABLE t (a int)")
        .await
        .unwrap();
    let later = node.status(StatusRequest {}).await.unwrap().into_inner();
    assert!(later.durable_position > status.durable_position);

    let address = running.http_address;
    for (request, line) in [
        ("GET /health HTTP/1.1\r\nHost: x\r\n\r\n", "HTTP/1.0 200 OK"),
        ("GET /version HTTP/1.0\r\n\r\n", "HTTP/1.0 200 OK"),
        ("GET /etc/passwd HTTP/1.0\r\n\r\n", "HTTP/1.0 404 Not Found"),
        (
            "POST /health HTTP/1.0\r\n\r\n",
            "HTTP/1.0 405 Method Not Allowed",
        ),
    ] {
        let answer = http(address, request).await;
        assert!(answer.starts_with(line), "{request}: {answer}");
    }
    // A request that never ends is not read for ever.
    let endless = format!("GET /health HTTP/1.0\r\nX: {}", "x".repeat(64 << 10));
    let mut socket = tokio::net::TcpStream::connect(address).await.unwrap();
    let _cut_off = socket.write_all(endless.as_bytes()).await;
    let mut answer = Vec::new();
    let _reset = socket.read_to_end(&mut answer).await;
    assert!(answer.is_empty());
    drop(node);
    running.stop().await.unwrap();
}

#[derive(Default, serde::Serialize, serde::Deserialize)]
struct Scale {
    weighed: i64,
}

struct Weigh(i64);

impl Actor for Scale {
    const KIND: &'static str = "scale";
    fn begin(_: &Start<'_>) -> Result<Scale> {
        Ok(Scale::default())
    }
}

impl Message for Weigh {
    type Answer = i64;
}

impl Handle<Weigh> for Scale {
    async fn handle(&mut self, weigh: Weigh, _: &mut Turn) -> Result<i64> {
        self.weighed += weigh.0;
        Ok(self.weighed)
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_nodes_actors_are_rows_for_whoever_asks_in_sql() {
    let dir = tempfile::tempdir().unwrap();
    let running = Running::start(config(dir.path())).await.unwrap();
    let client = connect(&running).await;
    let none = client.query("SELECT * FROM orbit.actors", &[]).await;
    assert!(none.unwrap().is_empty());

    let actors = running.node().actors().await.unwrap();
    actors.register(Kind::<Scale>::stored()).await.unwrap();
    assert_eq!(actors.limits().awake, 5, "as the profile says");
    for id in ["a", "b", "c", "d", "e", "f", "a"] {
        let scale = actors.actor::<Scale>(id).unwrap();
        scale.call(Weigh(2)).await.unwrap();
    }
    let seen = "SELECT id, state, turns FROM orbit.actors WHERE kind = 'scale' ORDER BY id";
    let rows = client.query(seen, &[]).await.unwrap();
    assert!((1..=5).contains(&rows.len()), "{}", rows.len());
    let (id, state): (String, String) = (rows[0].get(0), rows[0].get(1));
    assert_eq!((id.as_str(), state.as_str()), ("a", "idle"));
    let stored = "SELECT id, weighed FROM actors.scale ORDER BY id LIMIT 2";
    let rows = client.query(stored, &[]).await.unwrap();
    let stored: Vec<(String, i64)> = rows.iter().map(|row| (row.get(0), row.get(1))).collect();
    assert_eq!(stored, [("a".to_owned(), 4), ("b".to_owned(), 2)]);
    running.stop().await.unwrap();
}
