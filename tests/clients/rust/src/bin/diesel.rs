//! Diesel: its query builder, types, transactions and migrations' tables, over libpq.

use bigdecimal::BigDecimal;
use chrono::{DateTime, NaiveDate, NaiveDateTime, NaiveTime, Utc};
use diesel::connection::SimpleConnection;
use diesel::dsl::{count_star, exists, max, sum};
use diesel::pg::{Pg, PgConnection};
use diesel::prelude::*;
use diesel::result::{DatabaseErrorKind, Error};
use diesel::sql_types::{Array, BigInt, Bool, Integer, Nullable, Text};
use diesel::upsert::excluded;
use orbit_clients::{Checks, Outcome, equal, url, yes};
use std::str::FromStr;

diesel::table! {
    author (id) {
        id -> Int4,
        name -> Varchar,
        born -> Nullable<Date>,
    }
}

diesel::table! {
    book (id) {
        id -> Int8,
        author_id -> Int4,
        title -> Text,
        price -> Numeric,
        tags -> Array<Nullable<Text>>,
        data -> Nullable<Jsonb>,
        made -> Timestamptz,
        key -> Nullable<Uuid>,
        blob -> Nullable<Bytea>,
        rating -> Nullable<Float8>,
    }
}

diesel::table! {
    kinds (id) {
        id -> Int4,
        a -> Int2,
        b -> Int8,
        c -> Float4,
        d -> Float8,
        e -> Bool,
        f -> Date,
        g -> Time,
        h -> Timestamp,
        i -> Nullable<Text>,
    }
}

diesel::joinable!(book -> author (author_id));
diesel::allow_tables_to_appear_in_same_query!(author, book);

#[derive(Queryable, Selectable, Identifiable, AsChangeset, Clone, Debug, PartialEq)]
#[diesel(table_name = author, check_for_backend(Pg))]
struct Author {
    id: i32,
    name: String,
    born: Option<NaiveDate>,
}

#[derive(Insertable)]
#[diesel(table_name = author, treat_none_as_default_value = false)]
struct NewAuthor<'a> {
    name: &'a str,
    born: Option<NaiveDate>,
}

#[derive(Queryable, Selectable, Identifiable, Associations, Debug, PartialEq)]
#[diesel(table_name = book, belongs_to(Author), check_for_backend(Pg))]
struct Book {
    id: i64,
    author_id: i32,
    title: String,
    price: BigDecimal,
    tags: Vec<Option<String>>,
    data: Option<serde_json::Value>,
    made: DateTime<Utc>,
    key: Option<uuid::Uuid>,
    blob: Option<Vec<u8>>,
    rating: Option<f64>,
}

#[derive(Insertable)]
#[diesel(table_name = book)]
struct NewBook<'a> {
    author_id: i32,
    title: &'a str,
    price: BigDecimal,
    tags: Vec<Option<&'a str>>,
    data: Option<serde_json::Value>,
    key: Option<uuid::Uuid>,
    blob: Option<Vec<u8>>,
    rating: Option<f64>,
}

type Kinds = (i32, i16, i64, f32, f64, bool, NaiveDate, NaiveTime, NaiveDateTime, Option<String>);

#[derive(QueryableByName, Debug, PartialEq)]
struct Counted {
    #[diesel(sql_type = Text)]
    name: String,
    #[diesel(sql_type = BigInt)]
    n: i64,
}

const SETUP: &str = "
CREATE TABLE author (id serial PRIMARY KEY, name varchar(40) NOT NULL UNIQUE, born date);
CREATE TABLE book (id bigserial PRIMARY KEY, author_id int NOT NULL REFERENCES author (id) ON DELETE CASCADE, title text NOT NULL,
  price numeric(10,2) NOT NULL DEFAULT 0 CHECK (price >= 0), tags text[] NOT NULL DEFAULT '{}', data jsonb,
  made timestamptz NOT NULL DEFAULT now(), key uuid UNIQUE, blob bytea, rating float8);
CREATE INDEX book_title ON book (title);
CREATE TABLE kinds (id int PRIMARY KEY, a int2 NOT NULL, b int8 NOT NULL, c float4 NOT NULL, d float8 NOT NULL, e bool NOT NULL,
  f date NOT NULL, g time NOT NULL, h timestamp NOT NULL, i text);
";

fn refused<T>(result: QueryResult<T>, expected: DatabaseErrorKind) -> Result<Error, Box<dyn std::error::Error + Send + Sync>> {
    match result {
        Ok(_) => Err("no error".into()),
        Err(Error::DatabaseError(kind, said)) if std::mem::discriminant(&kind) == std::mem::discriminant(&expected) => {
            Ok(Error::DatabaseError(kind, said))
        }
        Err(error) => Err(Box::new(error)),
    }
}

fn main() {
    let mut checks = Checks::default();
    let conn = &mut PgConnection::establish(&url()).expect("a connection");
    let mut check = |name: &str, body: fn(&mut PgConnection) -> Outcome| {
        let outcome = body(conn);
        if outcome.is_err() {
            let _ = conn.batch_execute("ROLLBACK");
        }
        checks.tell(name, outcome);
    };

    check("batch_execute", |conn| Ok(conn.batch_execute(SETUP)?));
    check("insert one, get the row", |conn| {
        let born = NaiveDate::from_ymd_opt(1815, 12, 10);
        let new = NewAuthor { name: "Ada", born };
        let row: Author = diesel::insert_into(author::table).values(&new).returning(Author::as_returning()).get_result(conn)?;
        equal((row.name.as_str(), row.born), ("Ada", born))?;
        yes(row.id > 0, "a key")
    });
    check("insert many, get their keys", |conn| {
        let names: Vec<String> = (0..100).map(|n| format!("a{n:02}")).collect();
        let rows: Vec<NewAuthor> = names.iter().map(|name| NewAuthor { name, born: None }).collect();
        let ids: Vec<i32> = diesel::insert_into(author::table).values(&rows).returning(author::id).get_results(conn)?;
        equal(ids.len(), 100)?;
        yes(ids.is_sorted(), "rising")
    });
    check("insert defaults, and tuples", |conn| {
        let count = diesel::insert_into(author::table).values((author::name.eq("tuple"), author::born.eq(None::<NaiveDate>))).execute(conn)?;
        equal(count, 1)
    });
    check("every plain type, in binary", |conn| {
        let date = NaiveDate::from_ymd_opt(2024, 2, 29).ok_or("date")?;
        let time = NaiveTime::from_hms_micro_opt(23, 59, 59, 999_999).ok_or("time")?;
        let row: Kinds = (1, i16::MIN, i64::MIN, 1.5, 0.1, true, date, time, NaiveDateTime::new(date, time), None);
        let values = (
            (kinds::id.eq(row.0), kinds::a.eq(row.1), kinds::b.eq(row.2), kinds::c.eq(row.3), kinds::d.eq(row.4)),
            (kinds::e.eq(row.5), kinds::f.eq(row.6), kinds::g.eq(row.7), kinds::h.eq(row.8), kinds::i.eq(row.9.clone())),
        );
        diesel::insert_into(kinds::table).values(values).execute(conn)?;
        equal(kinds::table.first::<Kinds>(conn)?, row)
    });
    check("numeric, arrays, JSON, UUID, bytes", |conn| {
        let ada: i32 = author::table.filter(author::name.eq("Ada")).select(author::id).first(conn)?;
        let data = serde_json::json!({"a": [1, null], "b": "x"});
        let key = uuid::Uuid::from_u128(7);
        let new = NewBook {
            author_id: ada,
            title: "Notes",
            price: BigDecimal::from_str("12.50")?,
            tags: vec![Some("x"), None, Some("y,z")],
            data: Some(data.clone()),
            key: Some(key),
            blob: Some(vec![0, 255]),
            rating: Some(4.5),
        };
        diesel::insert_into(book::table).values(&new).execute(conn)?;
        let row: Book = book::table.filter(book::key.eq(key)).select(Book::as_select()).first(conn)?;
        equal(row.price, BigDecimal::from_str("12.50")?)?;
        equal(row.tags, vec![Some("x".to_owned()), None, Some("y,z".to_owned())])?;
        equal((row.data, row.blob, row.rating), (Some(data), Some(vec![0, 255]), Some(4.5)))?;
        yes((Utc::now() - row.made).num_seconds().abs() < 60, "made now")
    });
    check("find, first, optional", |conn| {
        let id: i32 = author::table.filter(author::name.eq("Ada")).select(author::id).first(conn)?;
        equal(author::table.find(id).select(author::name).first::<String>(conn)?, "Ada".to_owned())?;
        equal(author::table.find(-1).select(author::name).first::<String>(conn).optional()?, None)
    });
    check("filters: like, between, in, is null, and, or, not", |conn| {
        let count = |filter: Box<dyn BoxableExpression<author::table, Pg, SqlType = Nullable<Bool>>>, conn: &mut PgConnection| {
            author::table.filter(filter).select(count_star()).first::<i64>(conn)
        };
        equal(count(Box::new(author::name.like("a1%").nullable()), conn)?, 10)?;
        equal(count(Box::new(author::name.ilike("A1%").nullable()), conn)?, 10)?;
        equal(count(Box::new(author::name.between("a10", "a14").nullable()), conn)?, 5)?;
        equal(count(Box::new(author::name.eq_any(["a01", "a02", "zz"]).nullable()), conn)?, 2)?;
        equal(count(Box::new(author::born.is_not_null().nullable()), conn)?, 1)?;
        equal(count(Box::new(author::name.eq("a01").or(author::name.eq("a02")).nullable()), conn)?, 2)?;
        equal(count(Box::new(diesel::dsl::not(author::name.like("a%")).nullable()), conn)?, 2)
    });
    check("order, limit, offset, distinct", |conn| {
        let names: Vec<String> = author::table.select(author::name).order(author::name.desc()).limit(2).offset(1).load(conn)?;
        equal(names, vec!["a99".to_owned(), "a98".to_owned()])?;
        let firsts: Vec<Option<NaiveDate>> = author::table.select(author::born).distinct().order(author::born.asc().nulls_first()).load(conn)?;
        equal(firsts.len(), 2)?;
        let each: Vec<(Option<NaiveDate>, String)> =
            author::table.distinct_on(author::born).select((author::born, author::name)).order((author::born, author::name)).load(conn)?;
        equal(each.len(), 2)
    });
    check("inner and left joins", |conn| {
        let pairs: Vec<(String, String)> = book::table.inner_join(author::table).select((author::name, book::title)).load(conn)?;
        equal(pairs, vec![("Ada".to_owned(), "Notes".to_owned())])?;
        let some: Vec<(String, Option<String>)> = author::table
            .left_join(book::table)
            .select((author::name, book::title.nullable()))
            .order(author::name)
            .limit(2)
            .load(conn)?;
        equal(some, vec![("Ada".to_owned(), Some("Notes".to_owned())), ("a00".to_owned(), None)])
    });
    check("associations: belonging_to and grouped_by", |conn| {
        let authors: Vec<Author> = author::table.order(author::name).limit(3).select(Author::as_select()).load(conn)?;
        let books: Vec<Book> = Book::belonging_to(&authors).select(Book::as_select()).load(conn)?;
        let grouped = books.grouped_by(&authors);
        equal(grouped.iter().map(Vec::len).collect::<Vec<_>>(), vec![1, 0, 0])
    });
    check("aggregates, GROUP BY and HAVING", |conn| {
        let total: Option<BigDecimal> = book::table.select(sum(book::price)).first(conn)?;
        equal(total, Some(BigDecimal::from_str("12.50")?))?;
        let per: Vec<(i32, i64)> = book::table
            .group_by(book::author_id)
            .select((book::author_id, count_star()))
            .having(count_star().gt(0))
            .load(conn)?;
        equal(per.len(), 1)?;
        equal(author::table.select(max(author::name)).first::<Option<String>>(conn)?, Some("tuple".to_owned()))
    });
    check("subqueries and EXISTS", |conn| {
        let with = author::table.filter(author::id.eq_any(book::table.select(book::author_id))).select(author::name);
        equal(with.load::<String>(conn)?, vec!["Ada".to_owned()])?;
        let any = diesel::select(exists(book::table.filter(book::title.eq("Notes")))).get_result::<bool>(conn)?;
        yes(any, "exists")?;
        let correlated = author::table.filter(exists(book::table.filter(book::author_id.eq(author::id)))).count();
        equal(correlated.get_result::<i64>(conn)?, 1)
    });
    check("update with a changeset, and by expression", |conn| {
        let mut ada: Author = author::table.filter(author::name.eq("Ada")).select(Author::as_select()).first(conn)?;
        ada.born = None;
        // A changeset leaves NULLs alone unless told otherwise.
        equal(diesel::update(&ada).set(author::born.eq(None::<NaiveDate>)).execute(conn)?, 1)?;
        let back: Author = diesel::update(author::table.find(ada.id)).set(&Author { name: "Ada L.".into(), ..ada }).returning(Author::as_returning()).get_result(conn)?;
        equal((back.name.as_str(), back.born), ("Ada L.", None))?;
        let price: BigDecimal = diesel::update(book::table).set(book::price.eq(book::price + BigDecimal::from(1))).returning(book::price).get_result(conn)?;
        equal(price, BigDecimal::from_str("13.50")?)
    });
    check("upsert: do nothing, do update", |conn| {
        let new = NewAuthor { name: "a01", born: NaiveDate::from_ymd_opt(2000, 1, 1) };
        equal(diesel::insert_into(author::table).values(&new).on_conflict(author::name).do_nothing().execute(conn)?, 0)?;
        let born: Option<NaiveDate> = diesel::insert_into(author::table)
            .values(&new)
            .on_conflict(author::name)
            .do_update()
            .set(author::born.eq(excluded(author::born)))
            .returning(author::born)
            .get_result(conn)?;
        equal(born, new.born)
    });
    check("delete, returning", |conn| {
        let gone: Vec<String> = diesel::delete(author::table.filter(author::name.like("a9_"))).returning(author::name).get_results(conn)?;
        equal(gone.len(), 10)
    });
    check("arrays: contains, overlaps, ANY", |conn| {
        equal(book::table.filter(book::tags.contains(vec![Some("x")])).count().get_result::<i64>(conn)?, 1)?;
        equal(book::table.filter(book::tags.overlaps_with(vec![Some("q")])).count().get_result::<i64>(conn)?, 0)?;
        equal(diesel::select(diesel::dsl::sql::<Array<Integer>>("ARRAY[1,2]")).get_result::<Vec<i32>>(conn)?, vec![1, 2])
    });
    check("JSON operators", |conn| {
        let text: Option<String> = book::table.select(book::data.retrieve_as_text("b")).first(conn)?;
        equal(text, Some("x".to_owned()))?;
        equal(book::table.filter(book::data.has_key("a")).count().get_result::<i64>(conn)?, 1)?;
        equal(book::table.filter(book::data.contains(serde_json::json!({"b": "x"}))).count().get_result::<i64>(conn)?, 1)
    });
    check("a transaction commits or rolls back", |conn| {
        conn.transaction::<_, Error, _>(|conn| diesel::insert_into(author::table).values(author::name.eq("kept")).execute(conn))?;
        let failed = conn.transaction::<(), Error, _>(|conn| {
            diesel::insert_into(author::table).values(author::name.eq("lost")).execute(conn)?;
            Err(Error::RollbackTransaction)
        });
        yes(failed.is_err(), "rolled back")?;
        equal(author::table.filter(author::name.eq_any(["kept", "lost"])).count().get_result::<i64>(conn)?, 1)
    });
    check("nested transactions are savepoints", |conn| {
        conn.transaction::<_, Error, _>(|conn| {
            let inner = conn.transaction::<_, Error, _>(|conn| diesel::insert_into(author::table).values(author::name.eq("kept")).execute(conn));
            assert!(inner.is_err());
            diesel::insert_into(author::table).values(author::name.eq("after")).execute(conn)
        })?;
        equal(author::table.filter(author::name.eq("after")).count().get_result::<i64>(conn)?, 1)
    });
    check("isolation by build_transaction", |conn| {
        let level = conn.build_transaction().repeatable_read().read_only().run(|conn| {
            diesel::select(diesel::dsl::sql::<Text>("current_setting('transaction_isolation')")).get_result::<String>(conn)
        })?;
        equal(level, "repeatable read".to_owned())?;
        let refusal = conn.build_transaction().read_only().run(|conn| diesel::delete(book::table).execute(conn));
        refused(refusal, DatabaseErrorKind::ReadOnlyTransaction)?;
        Ok(())
    });
    check("errors are told apart, with their fields", |conn| {
        let error = refused(diesel::insert_into(author::table).values(author::name.eq("kept")).execute(conn), DatabaseErrorKind::UniqueViolation)?;
        if let Error::DatabaseError(_, said) = &error {
            equal((said.constraint_name(), said.table_name()), (Some("author_name_key"), Some("author")))?;
            equal(said.details(), Some("Key (name)=(kept) already exists."))?;
        }
        let orphan = (book::author_id.eq(0), book::title.eq("x"));
        refused(diesel::insert_into(book::table).values(orphan).execute(conn), DatabaseErrorKind::ForeignKeyViolation)?;
        refused(diesel::update(book::table).set(book::price.eq(BigDecimal::from(-1))).execute(conn), DatabaseErrorKind::CheckViolation)?;
        refused(diesel::sql_query("INSERT INTO author (born) VALUES (now())").execute(conn), DatabaseErrorKind::NotNullViolation)?;
        Ok(())
    });
    check("FOR UPDATE, SKIP LOCKED, NOWAIT", |conn| {
        conn.transaction::<_, Error, _>(|conn| {
            author::table.filter(author::name.eq("kept")).select(author::id).for_update().skip_locked().load::<i32>(conn)?;
            author::table.filter(author::name.eq("kept")).select(author::id).for_share().no_wait().load::<i32>(conn)
        })?;
        Ok(())
    });
    check("raw SQL by name, with parameters", |conn| {
        let rows: Vec<Counted> = diesel::sql_query("SELECT a.name::text, count(b.id) AS n FROM author a LEFT JOIN book b ON b.author_id = a.id WHERE a.name = $1 GROUP BY 1")
            .bind::<Text, _>("Ada L.")
            .load(conn)?;
        equal(rows, vec![Counted { name: "Ada L.".into(), n: 1 }])
    });
    check("load_iter by rows", |conn| {
        let mut sum = 0;
        let rows = diesel::sql_query("SELECT g::text AS name, g::int8 AS n FROM generate_series(1, 2000) AS g");
        for row in rows.load_iter::<Counted, diesel::pg::PgRowByRowLoadingMode>(conn)? {
            sum += row?.n;
        }
        equal(sum, 2_001_000)
    });
    check("COPY FROM, in binary", |conn| {
        let names: Vec<String> = (0..50).map(|n| format!("copied {n}")).collect();
        let rows: Vec<NewAuthor> = names.iter().map(|name| NewAuthor { name, born: None }).collect();
        equal(diesel::copy_from(author::table).from_insertable(rows).execute(conn)?, 50)?;
        equal(author::table.filter(author::name.like("copied %")).count().get_result::<i64>(conn)?, 50)
    });
    check("the last value of a sequence", |conn| {
        let value = diesel::select(diesel::dsl::sql::<BigInt>("currval(pg_get_serial_sequence('author', 'id'))")).get_result::<i64>(conn)?;
        yes(value > 100, value)
    });
    check("deleting cascades", |conn| {
        diesel::delete(author::table.filter(author::name.eq("Ada L."))).execute(conn)?;
        equal(book::table.count().get_result::<i64>(conn)?, 0)
    });
    check("print-schema's questions to information_schema", |conn| {
        let query = "SELECT column_name::text AS name, ordinal_position::int8 AS n FROM information_schema.columns
            WHERE table_schema = 'public' AND table_name = 'author' ORDER BY ordinal_position";
        let rows: Vec<Counted> = diesel::sql_query(query).load(conn)?;
        equal(rows.iter().map(|row| row.name.as_str()).collect::<Vec<_>>(), vec!["id", "name", "born"])?;
        let query = "SELECT k.column_name::text AS name, count(*) AS n FROM information_schema.table_constraints t
            JOIN information_schema.key_column_usage k ON k.constraint_name = t.constraint_name AND k.table_name = t.table_name
            WHERE t.constraint_type = 'FOREIGN KEY' AND t.table_name = 'book' GROUP BY 1";
        let rows: Vec<Counted> = diesel::sql_query(query).load(conn)?;
        equal(rows, vec![Counted { name: "author_id".into(), n: 1 }])
    });
    checks.finish();
}
