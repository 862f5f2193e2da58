//! Prepared point SELECTs, in process: Orbit on RocksDB beside SQLite.

use crate::Outcome;
use orbit_core::database::{Database, DatabaseOptions};
use orbit_core::store::StoreOptions;
use orbit_core::store::rocks::RocksStore;
use orbit_core::value::{Value, ValueRef};
use orbit_query::engine::{Engine, EngineOptions, SessionInit};
use orbit_query::rows::Outcome as Answer;
use std::path::Path;
use std::time::Instant;

const ROUNDS: usize = 5;
const CREATE: &str = "CREATE TABLE t (id int PRIMARY KEY, n int, note text)";
const SELECT: &str = "SELECT note FROM t WHERE id = ";

fn note(id: u64) -> String {
    format!(
        "the note of row number {id}, long enough to be a row of a hundred bytes: {:>20}",
        id * 7
    )
}

fn keys(rows: u64, reads: u64, round: usize) -> Vec<i32> {
    let mut random = 0x9e37_79b9_7f4a_7c15u64.wrapping_add(round as u64);
    (0..reads)
        .map(|_| {
            random ^= random << 13;
            random ^= random >> 7;
            random ^= random << 17;
            (random % rows) as i32
        })
        .collect()
}

pub async fn run(rows: u64, reads: u64) -> Outcome<()> {
    let directory = tempfile::tempdir()?;
    let sqlite = sqlite(&directory.path().join("sqlite.db"), rows)?;
    let store = RocksStore::open(&directory.path().join("store"), &StoreOptions::default())?;
    let db = Database::open(store, DatabaseOptions::default())?;
    let engine = Engine::new(db.clone(), EngineOptions::default())?;
    let mut session = engine.session(SessionInit::default());
    let create = session.prepare(CREATE, &[]).await?;
    session.execute(&create, &[]).await?;
    session.sync().await?;
    let table = db
        .durable()
        .catalog
        .table("public", "t")
        .ok_or("no table")?
        .clone();
    let mut txn = db.begin(orbit_core::txn::Isolation::ReadCommitted);
    txn.begin_statement();
    let mut load = txn.begin_load(&table).await?.ok_or("not empty")?;
    for id in 0..rows {
        load.push(&[
            Value::Int4(id as i32),
            Value::Int4(1),
            Value::Text(note(id)),
        ])?;
    }
    load.finish(&mut txn).await?;
    txn.commit().await?;

    let select = session.prepare(&format!("{SELECT}$1"), &[]).await?;
    let mut statement = sqlite.prepare(&format!("{SELECT}?1"))?;
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for round in 0..=ROUNDS {
        let keys = keys(rows, reads, round);
        let started = Instant::now();
        let mut bytes = 0;
        for key in &keys {
            let mut rows = statement.query([key])?;
            if let Some(row) = rows.next()? {
                bytes += row.get_ref(0)?.as_str()?.len();
            }
        }
        let sqlite_taken = started.elapsed();
        let started = Instant::now();
        let mut own_bytes = 0;
        for key in &keys {
            let Answer::Rows(mut rows) = session.execute(&select, &[Value::Int4(*key)]).await?
            else {
                return Err("no rows".into());
            };
            if let Some(batch) = rows.take_ready() {
                if let ValueRef::Text(text) = batch.value(0, 0)? {
                    own_bytes += text.len();
                }
                session.recycle(batch);
            }
        }
        let taken = started.elapsed();
        assert_eq!(bytes, own_bytes, "the two read the same rows");
        // The first round warms both caches.
        if round > 0 {
            ours.push(taken.as_secs_f64() * 1e6 / reads as f64);
            theirs.push(sqlite_taken.as_secs_f64() * 1e6 / reads as f64);
        }
    }
    let (ours, theirs) = (median(ours), median(theirs));
    println!(
        "point read in process, {rows} rows: Orbit {ours:.2} µs, SQLite {theirs:.2} µs, ratio {:.2}",
        ours / theirs
    );
    drop(session);
    db.shutdown().await?;
    Ok(())
}

fn median(mut figures: Vec<f64>) -> f64 {
    figures.sort_by(f64::total_cmp);
    figures[figures.len() / 2]
}

fn sqlite(path: &Path, rows: u64) -> Outcome<rusqlite::Connection> {
    let connection = rusqlite::Connection::open(path)?;
    connection.pragma_update(None, "journal_mode", "wal")?;
    connection.pragma_update(None, "cache_size", -65536)?;
    connection
        .execute_batch("CREATE TABLE t (id INTEGER PRIMARY KEY, n INTEGER, note TEXT); BEGIN")?;
    {
        let mut insert = connection.prepare("INSERT INTO t VALUES (?1, 1, ?2)")?;
        for id in 0..rows {
            insert.execute((id as i64, note(id)))?;
        }
    }
    connection.execute_batch("COMMIT; PRAGMA wal_checkpoint(TRUNCATE)")?;
    Ok(connection)
}
