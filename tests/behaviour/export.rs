//! `orbit export`: what comes out goes in again, several tables are of one moment,
//! and nothing half written has a name.

use crate::backup::{fails, orbit, succeeds, text};
use orbit_tests::server::Server;
use std::io::Read;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

const TABLE: &str = "CREATE TABLE everything (id int PRIMARY KEY, b boolean, i8 bigint, \
    f float8, n numeric(12,3), anynum numeric, t text, d date, at timestamptz, plain timestamp, \
    u uuid, bytes bytea, doc jsonb, list int[]);
    INSERT INTO everything VALUES \
    (1, true, 9007199254740993, 1.5, 12.345, 1.10, 'a,\"b\"', '2024-02-29', \
     '2024-03-01 12:00:00.123456+02', '2024-01-01 00:00:00', \
     'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11', '\\xdeadbeef', '{\"k\": [1, null]}', '{1,NULL,3}'), \
    (2, false, -1, 'NaN', -0.001, 123456789012345678901234567890.5, E'line\\nbreak\\t\\\\', \
     '0044-03-15 BC', '1970-01-01 00:00:00+00', '1969-12-31 23:59:59.999999', \
     '00000000-0000-0000-0000-000000000000', '', '\"\\u001b[31m\"', '{}'), \
    (3, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL), \
    (4, NULL, NULL, '-Infinity', 0, 0, '', NULL, NULL, NULL, NULL, NULL, NULL, NULL)";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn csv_and_parquet_go_in_again() {
    let home = tempfile::tempdir().expect("a directory");
    let server = Server::start().await;
    let client = server.connect().await;
    client.batch_execute(TABLE).await.expect("the table");
    let port = server.port.to_string();
    let there: Vec<String> = rows_of(&server, "everything").await;
    for ending in ["csv", "csv.gz"] {
        let file = home.path().join(format!("out.{ending}"));
        succeeds(&["export", "everything", "--to", text(&file), "--port", &port]);
        let name = format!("again_{}", ending.replace('.', "_"));
        let columns = "(id int PRIMARY KEY, b boolean, i8 bigint, f float8, n numeric(12,3), \
             anynum numeric, t text, d date, at timestamptz, plain timestamp, u uuid, bytes bytea, \
             doc jsonb, list int[])";
        let create = format!("CREATE TABLE {name} {columns}");
        client
            .batch_execute(&create)
            .await
            .expect("a table like it");
        let packed = std::fs::read(&file).expect("the file");
        let mut csv = Vec::new();
        match ending {
            "csv" => csv = packed,
            _ => {
                let mut unpacked = flate2::read::GzDecoder::new(packed.as_slice());
                unpacked.read_to_end(&mut csv).expect("gzip");
            }
        }
        let copy = format!("COPY {name} FROM STDIN WITH (FORMAT csv, HEADER)");
        load(&client, &copy, csv).await;
        assert_eq!(rows_of(&server, &name).await, there, "{ending}");
    }
    let file = home.path().join("out.parquet");
    let query = "SELECT id, b, i8, f, n, t, at, plain, bytes FROM everything";
    succeeds(&[
        "export",
        "--query",
        query,
        "--to",
        text(&file),
        "--port",
        &port,
    ]);
    succeeds(&[
        "import",
        text(&file),
        "--table",
        "from_parquet",
        "--port",
        &port,
    ]);
    let compare = |table: &str| {
        format!(
            "SELECT concat_ws('|', id, b, i8, f, n, t, at, plain, t IS NULL) FROM {table} ORDER BY id"
        )
    };
    let of = async |table: &str| -> Vec<String> {
        let rows = client.query(&compare(table), &[]).await.expect("rows");
        rows.iter().map(|row| row.get(0)).collect()
    };
    assert_eq!(of("from_parquet").await, of("everything").await);
}

async fn load(client: &tokio_postgres::Client, copy: &str, csv: Vec<u8>) {
    use futures::SinkExt;
    let sink = client.copy_in(copy).await.expect("COPY");
    let mut sink = std::pin::pin!(sink);
    sink.send(bytes::Bytes::from(csv)).await.expect("rows");
    sink.finish().await.expect("the end of COPY");
}

/// The table's rows, in a form that two tables are compared by.
async fn rows_of(server: &Server, table: &str) -> Vec<String> {
    let client = server.connect().await;
    let sql = format!(
        "SELECT concat_ws('|', id, b, i8, f, n, anynum, t, d, at, plain, u, bytes, doc, list::text, t IS NULL) \
         FROM {table} ORDER BY id"
    );
    let rows = client.query(&sql, &[]).await.expect("the rows");
    rows.iter().map(|row| row.get(0)).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn json_lines_are_json_with_every_digit() {
    let server = Server::start().await;
    let client = server.connect().await;
    client.batch_execute(TABLE).await.expect("the table");
    let port = server.port.to_string();
    let query = "SELECT * FROM everything ORDER BY id";
    let output = orbit(&[
        "export", "--query", query, "--format", "jsonl", "--port", &port,
    ]);
    assert!(output.status.success());
    let lines: Vec<serde_json::Value> = String::from_utf8(output.stdout)
        .expect("UTF-8")
        .lines()
        .map(|line| serde_json::from_str(line).expect(line))
        .collect();
    assert_eq!(lines.len(), 4);
    assert_eq!(lines[0]["b"], serde_json::json!(true));
    assert_eq!(lines[0]["i8"].to_string(), "9007199254740993");
    assert_eq!(lines[0]["doc"], serde_json::json!({"k": [1, null]}));
    assert_eq!(lines[0]["list"], serde_json::json!([1, null, 3]));
    assert_eq!(lines[0]["at"], "2024-03-01 10:00:00.123456+00");
    assert_eq!(lines[1]["f"], "NaN");
    assert_eq!(lines[1]["t"], "line\nbreak\t\\");
    assert!(lines[2]["t"].is_null() && lines[3]["t"] == "");
}

/// Two tables that are always changed together are exported as they were together.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn several_tables_are_of_one_moment() {
    let home = tempfile::tempdir().expect("a directory");
    let server = Server::start().await;
    let client = server.connect().await;
    client
        .batch_execute(
            "CREATE SCHEMA s; CREATE TABLE a (n bigint); CREATE TABLE s.b (n bigint); \
             INSERT INTO a VALUES (0); INSERT INTO s.b VALUES (0)",
        )
        .await
        .expect("tables");
    let (stop, port) = (Arc::new(AtomicBool::new(false)), server.port.to_string());
    let writer = tokio::spawn({
        let (client, stop) = (server.connect().await, stop.clone());
        async move {
            let mut changes = 0;
            while !stop.load(Ordering::Relaxed) {
                let both = "BEGIN; UPDATE a SET n = n + 1; UPDATE s.b SET n = n + 1; COMMIT";
                client.batch_execute(both).await.expect(both);
                changes += 1;
            }
            changes
        }
    });
    let directory = home.path().join("out");
    for _ in 0..10 {
        let (directory, port) = (directory.clone(), port.clone());
        tokio::task::spawn_blocking(move || {
            succeeds(&[
                "export",
                "--all",
                "--to-dir",
                text(&directory),
                "--force",
                "--port",
                &port,
            ]);
            let number = |file: &str| {
                let csv = std::fs::read_to_string(directory.join(file)).expect(file);
                csv.lines()
                    .nth(1)
                    .and_then(|line| line.parse::<i64>().ok())
                    .expect("a number")
            };
            assert_eq!(number("a.csv"), number("s.b.csv"));
        })
        .await
        .expect("the export");
    }
    stop.store(true, Ordering::Relaxed);
    assert!(
        writer.await.expect("the writer") > 10,
        "nothing changed meanwhile"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_failed_export_leaves_what_was_there() {
    let home = tempfile::tempdir().expect("a directory");
    let server = Server::start().await;
    let port = server.port.to_string();
    let file = home.path().join("out.csv");
    let failing = "SELECT 1 / (5000 - g) FROM generate_series(1, 6000) g";
    let (code, told) = fails(&[
        "export",
        "-q",
        failing,
        "--to",
        text(&file),
        "--port",
        &port,
    ]);
    assert!(
        code == 1 && told.contains("division by zero"),
        "{code}: {told}"
    );
    assert_eq!(entries(home.path()), Vec::<String>::new());
    std::fs::write(&file, "mine").expect("a file");
    let (code, told) = fails(&[
        "export",
        "-q",
        "SELECT 1",
        "--to",
        text(&file),
        "--port",
        &port,
    ]);
    assert!(code == 2 && told.contains("--force"), "{code}: {told}");
    fails(&[
        "export",
        "-q",
        failing,
        "--to",
        text(&file),
        "--force",
        "--port",
        &port,
    ]);
    assert_eq!(std::fs::read_to_string(&file).expect("the file"), "mine");
    succeeds(&[
        "export",
        "-q",
        "SELECT 1 AS one",
        "--to",
        text(&file),
        "--force",
        "--port",
        &port,
    ]);
    assert_eq!(
        std::fs::read_to_string(&file).expect("the file"),
        "one\n1\n"
    );
    let (code, _) = fails(&["export", "nothing", "--port", &port]);
    assert_eq!(code, 1);
}

fn entries(directory: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(directory).expect("a directory");
    entries
        .map(|entry| {
            entry
                .expect("an entry")
                .file_name()
                .to_string_lossy()
                .into_owned()
        })
        .collect()
}
