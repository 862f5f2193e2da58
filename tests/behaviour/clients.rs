//! The programs people point at the box: psql and pgbench, unchanged.

use orbit_tests::server::Server;
use orbit_tests::{flights, skip};
use std::process::{Command, Output};

fn client(program: &str, server: &Server, arguments: &[&str]) -> Option<Output> {
    let port = server.port.to_string();
    let output = Command::new(program)
        .args(["-h", "127.0.0.1", "-p", &port, "-U", "orbit"])
        .args(arguments)
        .output();
    match output {
        Ok(output) => Some(output),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => None,
        Err(error) => panic!("{program}: {error}"),
    }
}

fn text(output: &Output) -> String {
    format!(
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    )
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pgbench_runs_as_it_is() {
    let server = Server::start().await;
    let Some(loaded) = client("pgbench", &server, &["-i", "-q", "-s", "2", "orbit"]) else {
        return skip("pgbench_runs_as_it_is", "pgbench is not installed");
    };
    assert!(loaded.status.success(), "{}", text(&loaded));
    for mode in ["simple", "extended", "prepared"] {
        let arguments = ["-n", "-M", mode, "-c", "8", "-j", "2", "-T", "4", "orbit"];
        let run = client("pgbench", &server, &arguments).expect("pgbench ran a moment ago");
        let said = text(&run);
        assert!(run.status.success(), "{mode}: {said}");
        assert!(
            said.contains("number of failed transactions: 0 "),
            "{mode}: {said}"
        );
    }
    let client = server.connect().await;
    let sums = "SELECT (SELECT sum(abalance)::bigint FROM pgbench_accounts), \
                (SELECT sum(tbalance)::bigint FROM pgbench_tellers), \
                (SELECT sum(bbalance)::bigint FROM pgbench_branches), \
                (SELECT sum(delta)::bigint FROM pgbench_history)";
    let row = client.query_one(sums, &[]).await.expect(sums);
    let sums: Vec<Option<i64>> = (0..4).map(|at| row.get(at)).collect();
    assert!(
        sums.iter().all(|sum| *sum == sums[0]),
        "balances disagree: {sums:?}"
    );
    assert!(sums[0].is_some());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn psql_describes_what_there_is() {
    let server = Server::start().await;
    let connection = server.connect().await;
    flights::load(&connection).await;
    connection
        .batch_execute(
            "CREATE TABLE described (id int PRIMARY KEY, code varchar(8) NOT NULL UNIQUE, \
             price numeric(10,2) DEFAULT 1.5, made timestamptz, tags text[], \
             CONSTRAINT positive CHECK (price > 0)); \
             CREATE INDEX described_made ON described (made, code)",
        )
        .await
        .expect("the table");
    let cases: [(&str, &[&str]); 8] = [
        (
            "\\d described",
            &[
                "Table \"public.described\"",
                "id     | integer                  |           | not null |",
                "code   | character varying(8)     |           | not null |",
                "price  | numeric(10,2)            |           |          | 1.5",
                "made   | timestamp with time zone |",
                "tags   | text[]",
                "\"described_pkey\" PRIMARY KEY, btree (id)",
                "\"described_code_key\" UNIQUE CONSTRAINT, btree (code)",
                "\"described_made\" btree (made, code)",
                "\"positive\" CHECK (price > 0",
            ],
        ),
        ("\\d", &["described", "flights", "planes", "table", "orbit"]),
        ("\\dt", &["airlines", "airports", "weather"]),
        ("\\dt+ flights", &["flights", "permanent"]),
        ("\\di", &["described_made", "airlines_pkey"]),
        ("\\dn", &["public"]),
        ("\\l", &["orbit", "UTF8"]),
        ("\\du", &["orbit"]),
    ];
    for (command, expected) in cases {
        let Some(output) = client("psql", &server, &["-X", "-d", "orbit", "-c", command]) else {
            return skip("psql_describes_what_there_is", "psql is not installed");
        };
        let said = text(&output);
        assert!(output.status.success(), "{command}: {said}");
        for line in expected {
            assert!(said.contains(line), "{command} lacks {line:?}:\n{said}");
        }
    }
}
