use super::*;

const QUERIES: &str = include_str!("psql.sql");

/// Command and query, oids filled in.
fn queries() -> Vec<(&'static str, String)> {
    let context = CatalogContext::new(Arc::new(catalog()), Arc::default(), None);
    let mut names: Vec<(String, u32)> = Vec::new();
    for name in ["flights", "airports", "flights_pkey", "flights_od"] {
        names.push((
            name.to_owned(),
            context.objects().named("public", name).unwrap(),
        ));
    }
    names.push((
        "log".to_owned(),
        context.objects().named("air", "log").unwrap(),
    ));
    QUERIES
        .split("\n--- ")
        .skip(1)
        .map(|part| {
            let (command, sql) = part.split_once('\n').unwrap();
            let mut sql = sql.to_owned();
            for (name, oid) in &names {
                sql = sql.replace(&format!("{{{name}}}"), &oid.to_string());
            }
            (command, sql)
        })
        .collect()
}

#[tokio::test]
async fn everything_psql_sends_is_answered() {
    let client = Client::new();
    let mut failed = Vec::new();
    let queries = queries();
    assert!(queries.len() > 80);
    for (command, sql) in &queries {
        if let Err(error) = client.try_run(sql).await {
            failed.push(format!("{command}: {error}"));
        }
    }
    assert!(
        failed.is_empty(),
        "{} fail:\n{}",
        failed.len(),
        failed.join("\n\n")
    );
}

/// The queries of one command, in the order psql sends them.
fn of<'a>(queries: &'a [(&'static str, String)], command: &str) -> Vec<&'a str> {
    let all = queries.iter().filter(|(of, _)| *of == command);
    all.map(|(_, sql)| sql.as_str()).collect()
}

#[tokio::test]
async fn a_table_is_described_as_postgresql_describes_it() {
    let client = Client::new();
    let queries = queries();
    let describe = of(&queries, "\\d flights");
    assert_eq!(client.run(describe[0]).await, ["16390|public|flights"]);
    assert_eq!(
        client.run(describe[1]).await,
        ["1|r|true|false|false|false|false|false|false||0||p|d|heap"]
    );
    assert_eq!(
        client.run(describe[2]).await,
        [
            "year|integer||true|||",
            "month|integer||true|||",
            "day|integer||true|||",
            "dep_time|integer||false|||",
            "dep_delay|double precision|0|false|||",
            "carrier|character varying(2)||true|||",
            "flight|integer||true|||",
            "tailnum|text||false|||",
            "origin|character(3)|'EWR'::bpchar|true|||",
            "dest|text||false|||",
            "distance|numeric(8,2)||false|||",
            "time_hour|timestamp with time zone|now()|false|||",
            "tags|text[]||false|||",
            "meta|jsonb||false|||",
        ]
    );
    assert_eq!(
        client.run(describe[3]).await,
        [
            "flights_pkey|true|true|false|true|CREATE UNIQUE INDEX flights_pkey ON flights USING btree \
             (year, month, day, carrier, flight)|PRIMARY KEY (year, month, day, carrier, flight)|p|false|false|false|0",
            "flights_od|false|false|false|true|CREATE INDEX flights_od ON flights USING btree (origin, dest DESC)\
             |||||false|0",
            "flights_tailnum_idx|false|false|false|true|CREATE INDEX flights_tailnum_idx ON flights USING btree (tailnum)\
             |||||false|0",
        ]
    );
    assert_eq!(
        client.run(describe[4]).await,
        ["flights_month_check|CHECK (month >= 1 AND month <= 12)"]
    );
    for nothing in &describe[5..] {
        assert!(client.run(nothing).await.is_empty(), "{nothing}");
    }
    let more = of(&queries, "\\d+ flights");
    assert_eq!(
        client.run(more[0]).await,
        ["1|r|true|false|false|false|false|false|false|fillfactor=90|0||p|d|heap"]
    );
    assert_eq!(client.run(more[1]).await[0], "year|integer||true||||p|||");
}

#[tokio::test]
async fn an_index_is_described() {
    let client = Client::new();
    let queries = queries();
    let describe = of(&queries, "\\d flights_pkey");
    assert_eq!(
        client.run(describe[0]).await,
        [
            "year|integer|yes|year",
            "month|integer|yes|month",
            "day|integer|yes|day",
            "carrier|character varying(2)|yes|carrier",
            "flight|integer|yes|flight",
        ]
    );
    assert_eq!(
        client.run(describe[1]).await,
        ["true|true|false|true|false|false|false|false|btree|flights|"]
    );
}

#[tokio::test]
async fn lists_name_what_there_is() {
    let client = Client::new();
    let queries = queries();
    for (command, rows) in [
        (
            "\\d",
            &["public|airports|table|orbit", "public|flights|table|orbit"][..],
        ),
        ("\\dt fl*", &["public|flights|table|orbit"]),
        (
            "\\di",
            &[
                "public|airports_name_key|index|orbit|airports",
                "public|airports_pkey|index|orbit|airports",
                "public|flights_od|index|orbit|flights",
                "public|flights_pkey|index|orbit|flights",
                "public|flights_tailnum_idx|index|orbit|flights",
            ],
        ),
        ("\\dn", &["air|orbit", "public|pg_database_owner"]),
        ("\\du", &["orbit|true|true|true|true|true|-1||[]|true|true"]),
        ("\\l", &["travel|orbit|UTF8|C.UTF-8|C.UTF-8||libc|"]),
        (
            "\\dp",
            &["public|airports|table|||", "public|flights|table|||"],
        ),
        ("\\db", &["pg_default|orbit|", "pg_global|orbit|"]),
        ("\\dA", &["btree|Index", "heap|Table"]),
        ("\\df", &[]),
        ("\\dv", &[]),
        ("\\ds", &[]),
        ("\\dT", &[]),
        (
            "\\dx",
            &["plpgsql|1.0|pg_catalog|PL/pgSQL procedural language"],
        ),
    ] {
        let found = client.run(of(&queries, command)[0]).await;
        let rows: Vec<&str> = rows.iter().map(|row| row.trim_end()).collect();
        assert_eq!(found, rows, "{command}");
    }
}

#[tokio::test]
async fn system_relations_are_listed_and_described_too() {
    let client = Client::new();
    let system = client.run(of(&queries(), "\\dS")[0]).await;
    assert!(system.contains(&"pg_catalog|pg_class|table|orbit".to_owned()));
    let columns = "SELECT attname, format_type(atttypid, atttypmod) FROM pg_attribute
        WHERE attrelid = 'pg_am'::regclass ORDER BY attnum";
    assert_eq!(
        client.run(columns).await,
        [
            "oid|oid",
            "amname|name",
            "amhandler|regproc",
            "amtype|\"char\""
        ]
    );
}
