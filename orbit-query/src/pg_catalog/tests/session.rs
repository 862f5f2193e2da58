//! The same through a session: parsing, our own planner, values as clients see them.

use crate::{Engine, EngineOptions, Outcome, Session, SessionInit};
use orbit_core::Result;
use orbit_core::database::{Database, DatabaseOptions};
use orbit_core::store::sim::SimStore;
use orbit_core::value::text;
use std::sync::Arc;

const TABLES: &str = "
    CREATE TABLE flights (year int NOT NULL, month int NOT NULL, day int NOT NULL, dep_time int,
        dep_delay double precision DEFAULT 0, carrier varchar(2) NOT NULL, flight int NOT NULL, tailnum text,
        origin char(3) DEFAULT 'EWR' NOT NULL, dest text, distance numeric(8,2),
        time_hour timestamptz DEFAULT now(), tags text[], meta jsonb,
        CONSTRAINT flights_pkey PRIMARY KEY (year, month, day, carrier, flight),
        CONSTRAINT flights_month_check CHECK (month >= 1 AND month <= 12));
    CREATE INDEX flights_tailnum_idx ON flights (tailnum);
    CREATE INDEX flights_od ON flights (origin, dest DESC);
    CREATE TABLE airports (faa text PRIMARY KEY, name text UNIQUE, lat double precision);
    CREATE SCHEMA air;
    CREATE TABLE air.log (at timestamp, what text);";

struct Client {
    session: Session,
}

impl Client {
    async fn new() -> Client {
        let options = DatabaseOptions::default();
        let db = Database::open(Arc::new(SimStore::new()), options).unwrap();
        let options = EngineOptions {
            target_partitions: 1,
            ..EngineOptions::default()
        };
        let engine = Engine::new(db, options).unwrap();
        let session = engine.session(SessionInit {
            user: "orbit".into(),
            database: "travel".into(),
            application: "test".into(),
            pid: 42,
            secret: 1,
            ..SessionInit::default()
        });
        let mut client = Client { session };
        client.try_run(TABLES).await.unwrap();
        client
    }

    async fn try_run(&mut self, sql: &str) -> Result<Vec<String>> {
        let answer = self.script(sql).await;
        if answer.is_err() {
            self.session.fail();
        }
        self.session.sync().await?;
        answer
    }

    async fn run(&mut self, sql: &str) -> Vec<String> {
        self.try_run(sql)
            .await
            .unwrap_or_else(|error| panic!("{sql}: {error:?}"))
    }

    async fn script(&mut self, sql: &str) -> Result<Vec<String>> {
        let mut script = self.session.parse_script(sql).await?;
        let mut lines = Vec::new();
        while let Some((statement, literals)) = self.session.next_statement(&mut script).await? {
            lines.clear();
            let Outcome::Rows(mut rows) = self.session.execute(&statement, &literals).await? else {
                continue;
            };
            let columns = rows.columns.clone();
            while let Some(batch) = rows.next().await? {
                for row in 0..batch.len() {
                    let mut fields = Vec::new();
                    for (place, column) in columns.iter().enumerate() {
                        let value = batch.value(row, place)?;
                        let mut shown = Vec::new();
                        if !value.is_null() {
                            text::format(
                                &value,
                                &column.sql_type,
                                self.session.format(),
                                &mut shown,
                            )?;
                        }
                        fields.push(String::from_utf8_lossy(&shown).into_owned());
                    }
                    lines.push(fields.join("|"));
                }
            }
        }
        Ok(lines)
    }

    /// What psql sends, with the oids of this database's relations.
    async fn queries(&mut self) -> Vec<(&'static str, String)> {
        let mut names = Vec::new();
        for name in [
            "flights",
            "airports",
            "flights_pkey",
            "flights_od",
            "air.log",
        ] {
            let oid = self.run(&format!("SELECT '{name}'::regclass::oid")).await;
            names.push((name.trim_start_matches("air."), oid[0].clone()));
        }
        let parts = include_str!("psql.sql").split("\n--- ").skip(1);
        parts
            .map(|part| {
                let (command, sql) = part.split_once('\n').unwrap();
                let filled = names.iter().fold(sql.to_owned(), |sql, (name, oid)| {
                    sql.replace(&format!("{{{name}}}"), oid)
                });
                (command, filled)
            })
            .collect()
    }
}

fn of<'a>(queries: &'a [(&'static str, String)], command: &str) -> Vec<&'a str> {
    let all = queries.iter().filter(|(of, _)| *of == command);
    all.map(|(_, sql)| sql.as_str()).collect()
}

#[tokio::test]
async fn everything_psql_sends_is_answered() {
    let mut client = Client::new().await;
    let mut failed = Vec::new();
    for (command, sql) in client.queries().await {
        if let Err(error) = client.try_run(&sql).await {
            failed.push(format!("{command}: {error:?}\n{sql}"));
        }
    }
    assert!(
        failed.is_empty(),
        "{} fail:\n{}",
        failed.len(),
        failed.join("\n\n")
    );
}

#[tokio::test]
async fn a_table_is_described() {
    let mut client = Client::new().await;
    let queries = client.queries().await;
    let describe = of(&queries, "\\d flights");
    assert_eq!(
        client.run(describe[1]).await,
        ["1|r|t|f|f|f|f|f|f||0||p|d|heap"]
    );
    assert_eq!(
        client.run(describe[2]).await,
        [
            "year|integer||t|||",
            "month|integer||t|||",
            "day|integer||t|||",
            "dep_time|integer||f|||",
            "dep_delay|double precision|0|f|||",
            "carrier|character varying(2)||t|||",
            "flight|integer||t|||",
            "tailnum|text||f|||",
            "origin|character(3)|'EWR'::bpchar|t|||",
            "dest|text||f|||",
            "distance|numeric(8,2)||f|||",
            "time_hour|timestamp with time zone|now()|f|||",
            "tags|text[]||f|||",
            "meta|jsonb||f|||",
        ]
    );
    assert_eq!(
        client.run(describe[3]).await,
        [
            "flights_pkey|t|t|f|t|CREATE UNIQUE INDEX flights_pkey ON flights USING btree \
             (year, month, day, carrier, flight)|PRIMARY KEY (year, month, day, carrier, flight)|p|f|f|f|0",
            "flights_od|f|f|f|t|CREATE INDEX flights_od ON flights USING btree (origin, dest DESC)|||||f|0",
            "flights_tailnum_idx|f|f|f|t|CREATE INDEX flights_tailnum_idx ON flights USING btree (tailnum)|||||f|0",
        ]
    );
    assert_eq!(
        client.run(describe[4]).await,
        ["flights_month_check|CHECK (month >= 1 AND month <= 12)"]
    );
    for nothing in &describe[5..] {
        assert!(client.run(nothing).await.is_empty(), "{nothing}");
    }
    let lists: Vec<(&str, &[&str])> = vec![
        (
            "\\d",
            &["public|airports|table|orbit", "public|flights|table|orbit"],
        ),
        ("\\dn", &["air|orbit", "public|pg_database_owner"]),
        ("\\du", &["orbit|t|t|t|t|t|-1||{}|t|t"]),
        (
            "\\dp",
            &["public|airports|table|||", "public|flights|table|||"],
        ),
    ];
    for (command, rows) in lists {
        assert_eq!(
            client.run(of(&queries, command)[0]).await,
            rows,
            "{command}"
        );
    }
}

#[tokio::test]
async fn catalogs_follow_ddl_within_its_transaction() {
    let mut client = Client::new().await;
    let count = "SELECT count(*) FROM pg_class WHERE relname = 'fresh'";
    client
        .run("BEGIN; CREATE TABLE fresh (id int PRIMARY KEY)")
        .await;
    assert_eq!(client.run(count).await, ["1"]);
    client.run("ROLLBACK").await;
    assert_eq!(client.run(count).await, ["0"]);
    client.run("CREATE TABLE fresh (id int PRIMARY KEY)").await;
    assert_eq!(client.run(count).await, ["1"]);
}

#[tokio::test]
async fn answers_are_not_kept_beyond_the_catalog_and_settings_they_came_from() {
    let mut client = Client::new().await;
    let oid = "SELECT 'fresh'::regclass::oid";
    client.run("CREATE TABLE fresh (id int)").await;
    let first = client.run(oid).await;
    client
        .run("DROP TABLE fresh; CREATE TABLE fresh (id int)")
        .await;
    assert_ne!(client.run(oid).await, first);
    client.run("DROP TABLE fresh").await;
    assert!(client.try_run(oid).await.is_err());
    client
        .run("PREPARE q AS SELECT current_setting('search_path'), 'air.log'::regclass")
        .await;
    client.run("SET search_path TO air").await;
    assert_eq!(client.run("EXECUTE q").await, ["air|log"]);
}

#[tokio::test]
async fn drivers_read_keys() {
    let mut client = Client::new().await;
    // JDBC's getPrimaryKeys.
    let sql = "SELECT result.TABLE_SCHEM, result.TABLE_NAME, result.COLUMN_NAME, result.KEY_SEQ, result.PK_NAME
        FROM (SELECT NULL AS TABLE_CAT, n.nspname AS TABLE_SCHEM, ct.relname AS TABLE_NAME, a.attname AS COLUMN_NAME,
        (information_schema._pg_expandarray(i.indkey)).n AS KEY_SEQ, ci.relname AS PK_NAME,
        information_schema._pg_expandarray(i.indkey) AS KEYS, a.attnum AS A_ATTNUM
        FROM pg_catalog.pg_class ct JOIN pg_catalog.pg_attribute a ON (ct.oid = a.attrelid)
        JOIN pg_catalog.pg_namespace n ON (ct.relnamespace = n.oid)
        JOIN pg_catalog.pg_index i ON ( a.attrelid = i.indrelid)
        JOIN pg_catalog.pg_class ci ON (ci.oid = i.indexrelid)
        WHERE true AND ct.relname = 'flights' AND i.indisprimary ) result
        where result.A_ATTNUM = (result.KEYS).x ORDER BY result.table_name, result.pk_name, result.key_seq";
    assert_eq!(
        client.run(sql).await,
        [
            "public|flights|year|1|flights_pkey",
            "public|flights|month|2|flights_pkey",
            "public|flights|day|3|flights_pkey",
            "public|flights|carrier|4|flights_pkey",
            "public|flights|flight|5|flights_pkey",
        ]
    );
    // SQLAlchemy's get_multi_pk_constraint.
    let sql = "SELECT attr.conrelid::regclass, array_agg(CAST(attr.attname AS TEXT) ORDER BY attr.ord) AS cols, attr.conname
        FROM (SELECT con.conrelid AS conrelid, con.conname AS conname, con.conindid AS conindid, con.ord AS ord,
            pg_catalog.pg_attribute.attname AS attname
            FROM pg_catalog.pg_attribute JOIN (SELECT pg_catalog.pg_constraint.conrelid AS conrelid,
                pg_catalog.pg_constraint.conname AS conname, pg_catalog.pg_constraint.conindid AS conindid,
                unnest(pg_catalog.pg_constraint.conkey) AS attnum,
                generate_subscripts(pg_catalog.pg_constraint.conkey, 1) AS ord
                FROM pg_catalog.pg_constraint WHERE pg_catalog.pg_constraint.contype = 'p'
                AND pg_catalog.pg_constraint.conrelid IN ('flights'::regclass)) AS con
            ON pg_catalog.pg_attribute.attnum = con.attnum AND pg_catalog.pg_attribute.attrelid = con.conrelid) AS attr
        GROUP BY attr.conrelid, attr.conname ORDER BY attr.conrelid, attr.conname";
    assert_eq!(
        client.run(sql).await,
        ["flights|{year,month,day,carrier,flight}|flights_pkey"]
    );
    // SQLAlchemy splits what it reads of indoption at blanks; inside a query it is a list.
    let sql = "SELECT i.indkey, i.indoption AS options, i.indkey::text, i.indkey[1], i.indkey[0]
        FROM pg_index i WHERE i.indexrelid = 'flights_od'::regclass AND 9 = ANY (i.indkey)";
    assert_eq!(client.run(sql).await, ["9 10|0 3|9 10|10|9"]);
    // JDBC's search for a type by name.
    let sql = "SELECT typinput='pg_catalog.array_in'::regproc as is_array, typtype, typname, pg_type.oid
        FROM pg_catalog.pg_type LEFT JOIN (select ns.oid as nspoid, ns.nspname, r.r from pg_namespace as ns
        join ( select s.r, (current_schemas(false))[s.r] as nspname
            from generate_series(1, array_upper(current_schemas(false), 1)) as s(r) ) as r using ( nspname ) ) as sp
        ON sp.nspoid = typnamespace WHERE typname = 'int4' ORDER BY sp.r, pg_type.oid DESC LIMIT 1";
    assert_eq!(client.run(sql).await, ["f|b|int4|23"]);
    assert_eq!(
        client.run("SELECT current_schema, current_schema()").await,
        ["public|public"]
    );
    // DBeaver's list of tables and pgbench's first question.
    let sql = "SELECT c.oid,c.*,d.description,pg_catalog.pg_get_expr(c.relpartbound, c.oid) as partition_expr,
        pg_catalog.pg_get_partkeydef(c.oid) as partition_key FROM pg_catalog.pg_class c
        LEFT OUTER JOIN pg_catalog.pg_description d ON d.objoid=c.oid AND d.objsubid=0 AND d.classoid='pg_class'::regclass
        WHERE c.relnamespace=2200 AND c.relkind not in ('i','I','c')";
    assert_eq!(
        client
            .run(&sql.replace("2200", "'public'::regnamespace"))
            .await
            .len(),
        2
    );
    let sql = "select o.n, p.partstrat, pg_catalog.count(i.inhparent) from pg_catalog.pg_class as c
        join pg_catalog.pg_namespace as n on (n.oid = c.relnamespace)
        cross join lateral (select pg_catalog.array_position(pg_catalog.current_schemas(true), n.nspname)) as o(n)
        left join pg_catalog.pg_partitioned_table as p on (p.partrelid = c.oid)
        left join pg_catalog.pg_inherits as i on (c.oid = i.inhparent)
        where c.relname = 'flights' and o.n is not null group by 1, 2 order by 1 asc limit 1";
    assert_eq!(client.run(sql).await, ["2||0"]);
}
