//! sqlx: queries checked while this is compiled (against the server in DATABASE_URL, where schema.sql
//! has been run), then run against the same server.

use bigdecimal::BigDecimal;
use chrono::{DateTime, NaiveDate, Utc};
use futures::TryStreamExt;
use orbit_clients::{Checks, Outcome, equal, url, yes};
use sqlx::postgres::{PgListener, PgPoolCopyExt, PgPoolOptions};
use sqlx::{Acquire, Column, SqlSafeStr, Connection, Executor, PgConnection, PgPool, Row, TypeInfo};
use std::str::FromStr;
use std::time::Duration;
use uuid::Uuid;

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

fn refused<T>(result: Result<T, sqlx::Error>, state: &str) -> Result<Box<dyn sqlx::error::DatabaseError>, Box<dyn std::error::Error + Send + Sync>> {
    match result {
        Ok(_) => Err("no error".into()),
        Err(sqlx::Error::Database(error)) if error.code().as_deref() == Some(state) => Ok(error),
        Err(error) => Err(Box::new(error)),
    }
}

#[derive(Debug, PartialEq, sqlx::FromRow)]
struct Author {
    id: i32,
    name: String,
    born: Option<NaiveDate>,
}

#[tokio::main]
async fn main() {
    let mut checks = Checks::default();
    let pool: PgPool = PgPoolOptions::new().max_connections(8).connect(&url()).await.expect("a pool");
    let born = NaiveDate::from_ymd_opt(1815, 12, 10);

    check!(checks, "checked: INSERT RETURNING", {
        let row = sqlx::query!("INSERT INTO author (name, born) VALUES ($1, $2) RETURNING id", "Ada", born).fetch_one(&pool).await?;
        let id: i32 = row.id;
        yes(id > 0, "a key")?;
    });
    check!(checks, "checked: SELECT tells which columns may be NULL", {
        let row = sqlx::query!("SELECT id, name, born FROM author WHERE name = $1", "Ada").fetch_one(&pool).await?;
        // The types are the check: a NOT NULL column isn't an Option.
        let (name, when): (String, Option<NaiveDate>) = (row.name, row.born);
        equal((name.as_str(), when), ("Ada", born))?;
    });
    check!(checks, "checked: query_as into a struct", {
        let row = sqlx::query_as!(Author, "SELECT id, name, born FROM author ORDER BY id LIMIT 1").fetch_one(&pool).await?;
        equal(row.name, "Ada".to_owned())?;
    });
    check!(checks, "checked: query_scalar", {
        let n = sqlx::query_scalar!("SELECT count(*) FROM author").fetch_one(&pool).await?;
        equal(n, Some(1))?;
    });
    check!(checks, "checked: every type of a table, in", {
        let data = serde_json::json!({"a": [1, null]});
        let tags = vec!["x".to_owned(), "y,z".to_owned()];
        let done = sqlx::query!(
            "INSERT INTO book (author_id, title, price, tags, data, key, blob, rating, sold) SELECT id, $1, $2, $3, $4, $5, $6, $7, $8 FROM author WHERE name = $9",
            "Notes", BigDecimal::from_str("12.50")?, &tags, data, Uuid::from_u128(7), &b"\0\xff"[..], 4.5, true, "Ada"
        )
        .execute(&pool)
        .await?;
        equal(done.rows_affected(), 1)?;
    });
    check!(checks, "checked: every type of a table, out", {
        let row = sqlx::query!("SELECT * FROM book WHERE title = $1", "Notes").fetch_one(&pool).await?;
        let made: DateTime<Utc> = row.made;
        let price: BigDecimal = row.price;
        equal((price, row.sold, row.rating), (BigDecimal::from_str("12.50")?, true, Some(4.5)))?;
        equal((row.tags, row.data), (Some(vec!["x".to_owned(), "y,z".to_owned()]), Some(serde_json::json!({"a": [1, null]}))))?;
        equal((row.key, row.blob), (Some(Uuid::from_u128(7)), Some(vec![0, 255])))?;
        yes((Utc::now() - made).num_seconds().abs() < 300, "made now")?;
    });
    check!(checks, "checked: an inner join", {
        let row = sqlx::query!("SELECT a.name, b.title FROM author a JOIN book b ON b.author_id = a.id").fetch_one(&pool).await?;
        let (name, title): (String, String) = (row.name, row.title);
        equal((name.as_str(), title.as_str()), ("Ada", "Notes"))?;
    });
    check!(checks, "checked: a left join's columns may be NULL when forced so", {
        let row = sqlx::query!(r#"SELECT a.name, b.title AS "title?" FROM author a LEFT JOIN book b ON b.author_id = a.id AND b.price > $1"#, BigDecimal::from(100))
            .fetch_one(&pool)
            .await?;
        equal((row.name.as_str(), row.title), ("Ada", None))?;
    });
    check!(checks, "checked: overrides of nullability and type", {
        let row = sqlx::query!(r#"SELECT count(*) AS "n!", 1::int8 AS "m!: i64" FROM book"#).fetch_one(&pool).await?;
        equal((row.n, row.m), (1i64, 1i64))?;
    });
    check!(checks, "checked: = ANY", {
        let rows = sqlx::query!("SELECT name FROM author WHERE name = ANY($1)", &["Ada".to_owned(), "x".to_owned()]).fetch_all(&pool).await?;
        equal(rows.len(), 1)?;
    });
    check!(checks, "checked: unnest of several lists", {
        let names: Vec<String> = (0..100).map(|n| format!("many {n:02}")).collect();
        let dates: Vec<NaiveDate> = vec![born.ok_or("date")?; 100];
        let done = sqlx::query!("INSERT INTO author (name, born) SELECT * FROM UNNEST($1::text[], $2::date[])", &names, &dates).execute(&pool).await?;
        equal(done.rows_affected(), 100)?;
    });
    check!(checks, "checked: UPDATE and DELETE", {
        let done = sqlx::query!("UPDATE author SET born = $1 WHERE name LIKE $2", None::<NaiveDate>, "many 1%").execute(&pool).await?;
        equal(done.rows_affected(), 10)?;
        let gone = sqlx::query!("DELETE FROM author WHERE name LIKE $1 RETURNING name", "many 9%").fetch_all(&pool).await?;
        equal(gone.len(), 10)?;
    });
    check!(checks, "checked: upsert", {
        let row = sqlx::query!(
            "INSERT INTO author (name, born) VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET born = excluded.born RETURNING born", "many 10", born
        )
        .fetch_one(&pool)
        .await?;
        equal(row.born, born)?;
    });
    check!(checks, "checked: a CTE, a window, a subquery", {
        let rows = sqlx::query!(
            "WITH few AS (SELECT id, name FROM author WHERE name LIKE 'many 0%')
             SELECT name, row_number() OVER (ORDER BY name) AS n, (SELECT count(*) FROM book WHERE author_id = few.id) AS books FROM few ORDER BY name LIMIT 2"
        )
        .fetch_all(&pool)
        .await?;
        equal(rows.iter().map(|row| (row.n, row.books)).collect::<Vec<_>>(), vec![(Some(1), Some(0)), (Some(2), Some(0))])?;
    });
    check!(checks, "checked: a view", {
        let row = sqlx::query!("SELECT title, name FROM titles").fetch_one(&pool).await?;
        equal((row.title.as_deref(), row.name.as_deref()), (Some("Notes"), Some("Ada")))?;
    });
    check!(checks, "checked: JSON operators", {
        let found = sqlx::query_scalar!("SELECT data->'a'->>0 FROM book WHERE data @> $1", serde_json::json!({"a": [1]})).fetch_one(&pool).await?;
        equal(found, Some("1".to_owned()))?;
    });
    check!(checks, "describe: parameters, columns and their nullability", {
        let mut conn = pool.acquire().await?;
        let described = conn.describe(sqlx::AssertSqlSafe("SELECT id, born, id + 1 AS next FROM author WHERE name = $1 AND born > $2").into_sql_str()).await?;
        let columns: Vec<(&str, &str)> = described.columns().iter().map(|c| (c.name(), c.type_info().name())).collect();
        equal(columns, vec![("id", "INT4"), ("born", "DATE"), ("next", "INT4")])?;
        equal((0..3).map(|n| described.nullable(n)).collect::<Vec<_>>(), vec![Some(false), Some(true), None])?;
    });
    check!(checks, "unchecked: FromRow, bound parameters", {
        let rows: Vec<Author> = sqlx::query_as("SELECT * FROM author WHERE name = $1").bind("Ada").fetch_all(&pool).await?;
        equal((rows.len(), rows[0].born), (1, born))?;
    });
    check!(checks, "rows as a stream", {
        let mut rows = sqlx::query("SELECT g FROM generate_series(1, 3000) AS g").fetch(&pool);
        let mut sum = 0i64;
        while let Some(row) = rows.try_next().await? {
            sum += i64::from(row.try_get::<i32, _>(0)?);
        }
        equal(sum, 4_501_500)?;
    });
    check!(checks, "several statements of one script", {
        sqlx::raw_sql("CREATE TABLE script (id int); INSERT INTO script VALUES (1), (2);").execute(&pool).await?;
        equal(sqlx::query_scalar::<_, i64>("SELECT count(*) FROM script").fetch_one(&pool).await?, 2)?;
    });
    check!(checks, "a transaction commits, one dropped rolls back", {
        let mut transaction = pool.begin().await?;
        sqlx::query!("INSERT INTO author (name) VALUES ($1)", "kept").execute(&mut *transaction).await?;
        transaction.commit().await?;
        let mut transaction = pool.begin().await?;
        sqlx::query!("INSERT INTO author (name) VALUES ($1)", "lost").execute(&mut *transaction).await?;
        drop(transaction);
        let n = sqlx::query_scalar!("SELECT count(*) FROM author WHERE name IN ('kept', 'lost')").fetch_one(&pool).await?;
        equal(n, Some(1))?;
    });
    check!(checks, "nested transactions are savepoints", {
        let mut outer = pool.begin().await?;
        let mut inner = outer.begin().await?;
        refused(sqlx::query!("INSERT INTO author (name) VALUES ('kept')").execute(&mut *inner).await, "23505")?;
        inner.rollback().await?;
        sqlx::query!("INSERT INTO author (name) VALUES ('after')").execute(&mut *outer).await?;
        outer.commit().await?;
    });
    check!(checks, "errors carry their kind, constraint and table", {
        let error = refused(sqlx::query!("INSERT INTO author (name) VALUES ('kept')").execute(&pool).await, "23505")?;
        yes(error.is_unique_violation(), "unique")?;
        equal((error.constraint(), error.table()), (Some("author_name_key"), Some("author")))?;
        let error = refused(sqlx::query!("INSERT INTO book (author_id, title) VALUES (0, 'x')").execute(&pool).await, "23503")?;
        yes(error.is_foreign_key_violation(), "foreign key")?;
        let error = refused(sqlx::query!("UPDATE book SET price = -1").execute(&pool).await, "23514")?;
        yes(error.is_check_violation(), "check")?;
        refused(sqlx::query("SELECT nothing").execute(&pool).await, "42703")?;
    });
    check!(checks, "COPY in and out", {
        let mut copy = pool.copy_in_raw("COPY script FROM STDIN").await?;
        copy.send(&b"10\n11\n"[..]).await?;
        equal(copy.finish().await?, 2)?;
        let parts: Vec<bytes::Bytes> = pool.copy_out_raw("COPY (SELECT id FROM script ORDER BY id) TO STDOUT").await?.try_collect().await?;
        equal(parts.concat(), b"1\n2\n10\n11\n".to_vec())?;
    });
    check!(checks, "LISTEN and NOTIFY", {
        let mut listener = PgListener::connect_with(&pool).await?;
        listener.listen("news").await?;
        sqlx::query("SELECT pg_notify('news', $1)").bind("hello").execute(&pool).await?;
        let heard = tokio::time::timeout(Duration::from_secs(5), listener.recv()).await??;
        equal((heard.channel(), heard.payload()), ("news", "hello"))?;
    });
    check!(checks, "advisory locks", {
        let lock = sqlx::postgres::PgAdvisoryLock::new("one");
        let mut first = pool.acquire().await?;
        let held = lock.acquire(&mut *first).await?;
        let other = pool.acquire().await?;
        yes(lock.try_acquire(other).await?.is_right(), "taken")?;
        held.release_now().await?;
    });
    check!(checks, "migrations' own table and lock", {
        let mut conn = PgConnection::connect(&url()).await?;
        conn.execute(
            "CREATE TABLE IF NOT EXISTS _sqlx_migrations (version BIGINT PRIMARY KEY, description TEXT NOT NULL,
             installed_on TIMESTAMPTZ NOT NULL DEFAULT now(), success BOOLEAN NOT NULL, checksum BYTEA NOT NULL, execution_time BIGINT NOT NULL)",
        )
        .await?;
        let name: String = sqlx::query_scalar("SELECT current_database()").fetch_one(&mut conn).await?;
        yes(!name.is_empty(), "a name")?;
        sqlx::query("SELECT pg_advisory_lock($1)").bind(77i64).execute(&mut conn).await?;
        yes(sqlx::query_scalar::<_, bool>("SELECT pg_advisory_unlock($1)").bind(77i64).fetch_one(&mut conn).await?, "unlocked")?;
        conn.close().await?;
    });
    check!(checks, "a pool at work", {
        let answers = futures::future::try_join_all((0..40).map(|n: i32| sqlx::query_scalar::<_, i32>("SELECT $1 + 1").bind(n).fetch_one(&pool))).await?;
        equal(answers, (1..41).collect())?;
    });
    checks.finish();
}
