//! tokio-postgres: binary parameters, pipelining, portals, COPY, notifications.

use bytes::Bytes;
use chrono::{DateTime, NaiveDate, NaiveDateTime, NaiveTime, Utc};
use futures::{SinkExt, StreamExt, TryStreamExt, future, pin_mut, stream};
use orbit_clients::{Checks, Outcome, equal, settings, yes};
use std::time::Duration;
use tokio::sync::mpsc;
use tokio_postgres::binary_copy::{BinaryCopyInWriter, BinaryCopyOutStream};
use tokio_postgres::error::SqlState;
use tokio_postgres::types::{Json, Type};
use tokio_postgres::{AsyncMessage, Client, Error, IsolationLevel, NoTls, SimpleQueryMessage};
use uuid::Uuid;

async fn connect() -> Result<(Client, mpsc::UnboundedReceiver<AsyncMessage>), Error> {
    let (client, mut connection) = tokio_postgres::connect(&settings(), NoTls).await?;
    let (sender, receiver) = mpsc::unbounded_channel();
    tokio::spawn(async move {
        let mut messages = stream::poll_fn(move |cx| connection.poll_message(cx));
        while let Some(Ok(message)) = messages.next().await {
            let _ = sender.send(message);
        }
    });
    Ok((client, receiver))
}

fn refused<T>(result: Result<T, Error>, state: &SqlState) -> Result<Error, Box<dyn std::error::Error + Send + Sync>> {
    match result {
        Ok(_) => Err("no error".into()),
        Err(error) if error.code() == Some(state) => Ok(error),
        Err(error) => Err(Box::new(error)),
    }
}

macro_rules! check {
    ($checks:ident, $name:expr, $body:block) => {{
        let outcome: Outcome = async {
            $body
            #[allow(unreachable_code)]
            Ok(())
        }
        .await;
        $checks.tell($name, outcome);
    }};
}

#[tokio::main]
async fn main() {
    let mut checks = Checks::default();
    let (mut client, mut messages) = connect().await.expect("a connection");

    check!(checks, "simple queries, several in one message", {
        let rows = client.simple_query("SELECT 1 AS a; SELECT 'x', NULL").await?;
        let values: Vec<Option<String>> = rows
            .iter()
            .filter_map(|message| match message {
                SimpleQueryMessage::Row(row) => Some(row.get(0).map(str::to_owned)),
                _ => None,
            })
            .collect();
        equal(values, vec![Some("1".to_owned()), Some("x".to_owned())])?;
    });
    check!(checks, "batch_execute", {
        client
            .batch_execute(
                "CREATE TABLE item (id serial PRIMARY KEY, name text NOT NULL UNIQUE, price float8 CHECK (price >= 0), made timestamptz);
                 CREATE TABLE line (id int PRIMARY KEY, item int NOT NULL REFERENCES item ON DELETE CASCADE)",
            )
            .await?;
    });
    check!(checks, "whole numbers and floats, in binary", {
        let row = client
            .query_one("SELECT $1::int2, $2::int4, $3::int8, $4::float4, $5::float8", &[&i16::MIN, &i32::MAX, &i64::MIN, &1.5f32, &0.1f64])
            .await?;
        equal((row.get::<_, i16>(0), row.get::<_, i32>(1), row.get::<_, i64>(2)), (i16::MIN, i32::MAX, i64::MIN))?;
        equal((row.get::<_, f32>(3), row.get::<_, f64>(4)), (1.5, 0.1))?;
    });
    check!(checks, "text, bytes, truth and UUID", {
        let key = Uuid::from_u128(7);
        let row = client
            .query_one("SELECT $1::text, $2::bytea, $3::bool, $4::uuid, $5::varchar", &[&"naïve 漢字", &&b"\0\xff"[..], &true, &key, &"v"])
            .await?;
        equal(row.get::<_, String>(0), "naïve 漢字".to_owned())?;
        equal(row.get::<_, Vec<u8>>(1), vec![0, 255])?;
        equal((row.get::<_, bool>(2), row.get::<_, Uuid>(3)), (true, key))?;
        equal(row.get::<_, &str>(4), "v")?;
    });
    check!(checks, "dates, times and moments", {
        let date = NaiveDate::from_ymd_opt(2024, 2, 29).ok_or("date")?;
        let time = NaiveTime::from_hms_micro_opt(23, 59, 59, 999_999).ok_or("time")?;
        let both = NaiveDateTime::new(date, time);
        let moment: DateTime<Utc> = both.and_utc();
        let row = client
            .query_one("SELECT $1::date, $2::time, $3::timestamp, $4::timestamptz", &[&date, &time, &both, &moment])
            .await?;
        equal((row.get(0), row.get(1), row.get(2), row.get(3)), (date, time, both, moment))?;
    });
    check!(checks, "arrays", {
        let numbers = vec![Some(1), None, Some(3)];
        let texts = vec!["a", "b\"c", ""];
        let row = client.query_one("SELECT $1::int4[], $2::text[]", &[&numbers, &texts]).await?;
        equal(row.get::<_, Vec<Option<i32>>>(0), numbers)?;
        equal(row.get::<_, Vec<&str>>(1), texts)?;
    });
    check!(checks, "JSON", {
        let value = serde_json::json!({"a": [1, null, {"b": "c"}]});
        let row = client.query_one("SELECT $1::jsonb, $1::jsonb->'a'->2->>'b'", &[&Json(&value)]).await?;
        equal(row.get::<_, Json<serde_json::Value>>(0).0, value)?;
        equal(row.get::<_, &str>(1), "c")?;
    });
    check!(checks, "NULL in and out", {
        let row = client.query_one("SELECT $1::text, $2::int IS NULL", &[&None::<&str>, &None::<i32>]).await?;
        equal((row.get::<_, Option<&str>>(0), row.get(1)), (None, true))?;
    });
    check!(checks, "a statement knows its parameters and columns", {
        let statement = client.prepare("SELECT id, name, price FROM item WHERE id = $1 AND name = $2").await?;
        equal(statement.params().to_vec(), vec![Type::INT4, Type::TEXT])?;
        let columns: Vec<(&str, Type)> = statement.columns().iter().map(|c| (c.name(), c.type_().clone())).collect();
        equal(columns, vec![("id", Type::INT4), ("name", Type::TEXT), ("price", Type::FLOAT8)])?;
        yes(statement.columns()[0].table_oid().is_some(), "the column's table")?;
        equal(statement.columns()[2].column_id(), Some(3))?;
    });
    check!(checks, "types given with the statement", {
        let statement = client.prepare_typed("SELECT $1, $2", &[Type::INT8, Type::TEXT]).await?;
        let row = client.query_one(&statement, &[&5i64, &"x"]).await?;
        equal((row.get::<_, i64>(0), row.get::<_, &str>(1)), (5, "x"))?;
    });
    check!(checks, "query_typed in one round trip", {
        let rows = client.query_typed("SELECT $1 + 1", &[(&41i32, Type::INT4)]).await?;
        equal(rows[0].get::<_, i32>(0), 42)?;
    });
    check!(checks, "INSERT RETURNING", {
        let first: i32 = client.query_one("INSERT INTO item (name, price) VALUES ($1, $2) RETURNING id", &[&"a", &1.0]).await?.get(0);
        let second: i32 = client.query_one("INSERT INTO item (name, price) VALUES ($1, $2) RETURNING id", &[&"b", &2.0]).await?.get(0);
        yes(second > first, "rising")?;
    });
    check!(checks, "execute counts rows", {
        equal(client.execute("UPDATE item SET price = price + $1", &[&1.0]).await?, 2)?;
        equal(client.execute("DELETE FROM item WHERE name = $1", &[&"none"]).await?, 0)?;
    });
    check!(checks, "query_opt and query_one", {
        yes(client.query_opt("SELECT 1 FROM item WHERE name = 'none'", &[]).await?.is_none(), "none")?;
        yes(client.query_one("SELECT 1 FROM item", &[]).await.is_err(), "two rows are not one")?;
    });
    check!(checks, "= ANY", {
        let rows = client.query("SELECT name FROM item WHERE name = ANY($1) ORDER BY name", &[&vec!["b", "a", "z"]]).await?;
        equal(rows.iter().map(|row| row.get(0)).collect::<Vec<&str>>(), vec!["a", "b"])?;
    });
    check!(checks, "a pipeline of queries", {
        let statement = client.prepare("SELECT $1::int * 2").await?;
        let client = &client;
        let statement = &statement;
        let answers = future::try_join_all((0..100).map(|n: i32| async move {
            let row = client.query_one(statement, &[&n]).await?;
            Ok::<i32, Error>(row.get(0))
        }))
        .await?;
        equal(answers, (0..100).map(|n| n * 2).collect())?;
    });
    check!(checks, "an error in a pipeline concerns its own query", {
        let (good, bad, after) = tokio::join!(
            client.query_one("SELECT 1", &[]),
            client.query_one("SELECT 1/0", &[]),
            client.query_one("SELECT 3", &[])
        );
        refused(bad, &SqlState::DIVISION_BY_ZERO)?;
        equal((good?.get::<_, i32>(0), after?.get::<_, i32>(0)), (1, 3))?;
    });
    check!(checks, "a transaction commits, one dropped rolls back", {
        let transaction = client.transaction().await?;
        transaction.execute("UPDATE item SET price = 50 WHERE name = 'a'", &[]).await?;
        transaction.commit().await?;
        {
            let transaction = client.transaction().await?;
            transaction.execute("UPDATE item SET price = 60 WHERE name = 'a'", &[]).await?;
        }
        equal(client.query_one("SELECT price FROM item WHERE name = 'a'", &[]).await?.get::<_, f64>(0), 50.0)?;
    });
    check!(checks, "nested transactions are savepoints", {
        let mut outer = client.transaction().await?;
        let inner = outer.transaction().await?;
        refused(inner.execute("INSERT INTO item (name) VALUES ('a')", &[]).await, &SqlState::UNIQUE_VIOLATION)?;
        inner.rollback().await?;
        outer.execute("INSERT INTO item (name) VALUES ('c')", &[]).await?;
        outer.commit().await?;
        equal(client.query_one("SELECT count(*) FROM item", &[]).await?.get::<_, i64>(0), 3)?;
    });
    check!(checks, "isolation and read-only by the builder", {
        let transaction = client.build_transaction().isolation_level(IsolationLevel::RepeatableRead).read_only(true).start().await?;
        equal(transaction.query_one("SHOW transaction_isolation", &[]).await?.get::<_, &str>(0), "repeatable read")?;
        refused(transaction.execute("DELETE FROM line", &[]).await, &SqlState::READ_ONLY_SQL_TRANSACTION)?;
        transaction.rollback().await?;
    });
    check!(checks, "a portal is read by parts", {
        let transaction = client.transaction().await?;
        let portal = transaction.bind("SELECT g FROM generate_series(1, $1::int) AS g", &[&25i32]).await?;
        let mut seen = Vec::new();
        loop {
            let part = transaction.query_portal(&portal, 10).await?;
            if part.is_empty() {
                break;
            }
            seen.push(part.len());
        }
        transaction.commit().await?;
        equal(seen, vec![10, 10, 5])?;
    });
    check!(checks, "rows as a stream", {
        let parameters: [&i32; 1] = [&5000];
        let rows = client.query_raw("SELECT g FROM generate_series(1, $1::int) AS g", parameters).await?;
        pin_mut!(rows);
        let mut sum = 0i64;
        while let Some(row) = rows.try_next().await? {
            sum += i64::from(row.get::<_, i32>(0));
        }
        equal(sum, 12_502_500)?;
    });
    check!(checks, "COPY in, text", {
        client.batch_execute("CREATE TABLE copied (id int PRIMARY KEY, name text, at timestamptz)").await?;
        let sink = client.copy_in("COPY copied (id, name) FROM STDIN").await?;
        pin_mut!(sink);
        for n in 0..1000 {
            sink.send(Bytes::from(format!("{n}\trow {n}\n"))).await?;
        }
        equal(sink.finish().await?, 1000)?;
    });
    check!(checks, "COPY out, CSV", {
        let rows = client.copy_out("COPY (SELECT id, name FROM copied WHERE id < 2 ORDER BY id) TO STDOUT (FORMAT csv)").await?;
        let parts: Vec<Bytes> = rows.try_collect().await?;
        equal(parts.concat(), b"0,row 0\n1,row 1\n".to_vec())?;
    });
    check!(checks, "COPY in and out, binary", {
        let types = [Type::INT4, Type::TEXT, Type::TIMESTAMPTZ];
        let moment = NaiveDate::from_ymd_opt(2024, 2, 29).and_then(|d| d.and_hms_opt(12, 0, 0)).ok_or("moment")?.and_utc();
        let sink = client.copy_in("COPY copied FROM STDIN (FORMAT binary)").await?;
        let writer = BinaryCopyInWriter::new(sink, &types);
        pin_mut!(writer);
        for n in 2000..2500 {
            writer.as_mut().write(&[&n, &format!("b{n}"), &moment]).await?;
        }
        equal(writer.finish().await?, 500)?;
        let rows = client.copy_out("COPY (SELECT * FROM copied WHERE id >= 2000 ORDER BY id) TO STDOUT (FORMAT binary)").await?;
        let rows: Vec<_> = BinaryCopyOutStream::new(rows, &types).try_collect().await?;
        equal(rows.len(), 500)?;
        equal((rows[499].get::<i32>(0), rows[499].get::<&str>(1), rows[499].get::<DateTime<Utc>>(2)), (2499, "b2499", moment))?;
    });
    check!(checks, "a COPY that is given up leaves nothing", {
        {
            let sink = client.copy_in::<_, Bytes>("COPY copied (id, name) FROM STDIN").await?;
            pin_mut!(sink);
            sink.send(Bytes::from_static(b"9000\tlost\n")).await?;
        }
        equal(client.query_one("SELECT count(*) FROM copied WHERE id = 9000", &[]).await?.get::<_, i64>(0), 0)?;
    });
    check!(checks, "errors carry constraint, table, column, detail and position", {
        let error = refused(client.execute("INSERT INTO item (name) VALUES ('a')", &[]).await, &SqlState::UNIQUE_VIOLATION)?;
        let said = error.as_db_error().ok_or("fields")?;
        equal((said.constraint(), said.table(), said.detail()), (Some("item_name_key"), Some("item"), Some("Key (name)=(a) already exists.")))?;
        let error = refused(client.execute("INSERT INTO item (price) VALUES (1)", &[]).await, &SqlState::NOT_NULL_VIOLATION)?;
        equal(error.as_db_error().and_then(|said| said.column()), Some("name"))?;
        refused(client.execute("UPDATE item SET price = -1", &[]).await, &SqlState::CHECK_VIOLATION)?;
        let error = refused(client.execute("INSERT INTO line VALUES (1, 0)", &[]).await, &SqlState::FOREIGN_KEY_VIOLATION)?;
        equal(error.as_db_error().and_then(|said| said.constraint()), Some("line_item_fkey"))?;
        let error = refused(client.prepare("SELECT nothing FROM item").await, &SqlState::UNDEFINED_COLUMN)?;
        equal(error.as_db_error().and_then(|said| said.position()).cloned(), Some(tokio_postgres::error::ErrorPosition::Original(8)))?;
    });
    check!(checks, "LISTEN and NOTIFY", {
        client.batch_execute("LISTEN news").await?;
        let (other, _quiet) = connect().await?;
        other.batch_execute("NOTIFY news, 'hello'").await?;
        let heard = tokio::time::timeout(Duration::from_secs(5), async {
            while let Some(message) = messages.recv().await {
                if let AsyncMessage::Notification(told) = message {
                    return Some((told.channel().to_owned(), told.payload().to_owned()));
                }
            }
            None
        })
        .await?;
        equal(heard, Some(("news".to_owned(), "hello".to_owned())))?;
    });
    check!(checks, "notices", {
        while messages.try_recv().is_ok() {}
        client.batch_execute("DROP TABLE IF EXISTS no_such_table").await?;
        match tokio::time::timeout(Duration::from_secs(5), messages.recv()).await? {
            Some(AsyncMessage::Notice(notice)) => equal(notice.message(), "table \"no_such_table\" does not exist, skipping")?,
            _ => return Err("no notice".into()),
        }
    });
    check!(checks, "a query is cancelled by its token", {
        let token = client.cancel_token();
        let sleeping = client.query("SELECT pg_sleep(20)", &[]);
        let cancelling = async {
            tokio::time::sleep(Duration::from_millis(300)).await;
            token.cancel_query(NoTls).await
        };
        let (slept, cancelled) = tokio::join!(sleeping, cancelling);
        cancelled?;
        refused(slept, &SqlState::QUERY_CANCELED)?;
    });
    check!(checks, "types unknown to the driver are looked up in the catalog", {
        // A type without an oid of the driver's own would be asked for in pg_type, with ranges, enums and attributes.
        let query = "SELECT t.typname, t.typtype, t.typelem, r.rngsubtype, t.typbasetype, n.nspname, t.typrelid
            FROM pg_catalog.pg_type t LEFT OUTER JOIN pg_catalog.pg_range r ON r.rngtypid = t.oid
            INNER JOIN pg_catalog.pg_namespace n ON t.typnamespace = n.oid WHERE t.oid = $1";
        let row = client.query_one(query, &[&Type::INT4.oid()]).await?;
        equal((row.get::<_, &str>(0), row.get::<_, i8>(1), row.get::<_, &str>(5)), ("int4", b'd'.cast_signed() - (b'd' - b'b').cast_signed(), "pg_catalog"))?;
    });
    check!(checks, "many connections at once", {
        let answers = future::try_join_all((0..20).map(|n: i32| async move {
            let (own, _messages) = connect().await?;
            let row = own.query_one("SELECT $1::int + 1", &[&n]).await?;
            Ok::<i32, Error>(row.get(0))
        }))
        .await?;
        equal(answers, (1..21).collect())?;
    });
    checks.finish();
}
