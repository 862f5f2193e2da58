//! Orbit beside other engines, in process. Measurements only; `make bench` runs them.
//!
//! `orbit-compare commit [CLIENTS] [SECONDS]`: pgbench's default transaction
//! through the transaction API, without SQL or sockets, on RocksDB.
//!
//! `orbit-compare point-read [ROWS] [READS]`: prepared point SELECTs beside
//! SQLite's (WAL, prepared), same rows, same keys, in turn.
//!
//! `orbit-compare actors [ACTORS] [WRITES]`: stored actors that begin, and the CPU of
//! their writes beside SQL's.
//!
//! `orbit-compare links [CALLS]`: calls to an actor of another node, a millisecond away.

mod actors;
mod links;
mod point_read;

use orbit_core::catalog::{CatalogChange, Column, PrimaryKey, Table, TableDef};
use orbit_core::database::{Database, DatabaseOptions};
use orbit_core::key;
use orbit_core::row::RowRef;
use orbit_core::store::StoreOptions;
use orbit_core::store::rocks::RocksStore;
use orbit_core::txn::{Isolation, RowLock, Wait};
use orbit_core::types::SqlType;
use orbit_core::value::{Value, ValueRef};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

type Outcome<T> = Result<T, Box<dyn std::error::Error + Send + Sync>>;

fn main() -> Outcome<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let number = |place: usize, default: u64| {
        arguments
            .get(place)
            .and_then(|text| text.parse().ok())
            .unwrap_or(default)
    };
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()?;
    match arguments.first().map(String::as_str) {
        Some("commit") => runtime.block_on(commit(number(1, 8), number(2, 5))),
        Some("point-read") => {
            runtime.block_on(point_read::run(number(1, 1_000_000), number(2, 300_000)))
        }
        Some("links") => runtime.block_on(links::run(number(1, 5000))),
        Some("actors") => runtime.block_on(actors::run(number(1, 200_000), number(2, 64_000))),
        _ => {
            eprintln!(
                "usage: orbit-compare commit [CLIENTS] [SECONDS] | point-read [ROWS] [READS] | actors [ACTORS] [WRITES] | links [CALLS]"
            );
            std::process::exit(2);
        }
    }
}

async fn table(db: &Arc<Database>, name: &str, columns: usize, keyed: bool) -> Outcome<Arc<Table>> {
    let def = TableDef {
        id: db.new_table_id(),
        oid: db.new_oid(),
        partition: db.new_partition_id(),
        storage: db.new_storage_id(),
        schema: "public".into(),
        name: name.into(),
        columns: (0..columns)
            .map(|column| Column {
                name: format!("c{column}"),
                sql_type: SqlType::Int4,
                precision: None,
                not_null: false,
                default: None,
                sequence: None,
                generated: None,
                identity: None,
                missing: None,
                created: db.new_creation_stamp(),
                kind: Default::default(),
            })
            .collect(),
        primary_key: keyed.then(|| PrimaryKey {
            constraint: format!("{name}_pkey"),
            columns: vec![0],
            oid: db.new_oid(),
            include: Vec::new(),
        }),
        checks: Vec::new(),
        foreign_keys: Vec::new(),
        dropped: Vec::new(),
        computed: Vec::new(),
        indexes: Vec::new(),
        options: Default::default(),
        statistics: None,
        series: None,
        owner: orbit_core::catalog::BOOTSTRAP_ROLE,
        acl: None,
        temporary: false,
        created: db.new_creation_stamp(),
    };
    let id = def.id;
    let mut txn = db.begin(Isolation::ReadCommitted);
    txn.change_catalog(CatalogChange::PutTable(Box::new(def)))?;
    txn.commit().await?;
    let catalog = db.durable().catalog.clone();
    Ok(catalog.table_by_id(id).ok_or("no table")?.clone())
}

async fn fill(db: &Arc<Database>, table: &Arc<Table>, rows: i32) -> Outcome<Arc<Table>> {
    let mut txn = db.begin(Isolation::ReadCommitted);
    txn.begin_statement();
    let mut load = txn.begin_load(table).await?.ok_or("not empty")?;
    for row in 0..rows {
        let mut values = vec![Value::Int4(0); table.columns.len()];
        values[0] = Value::Int4(row);
        load.push(&values)?;
    }
    load.finish(&mut txn).await?;
    txn.commit().await?;
    let catalog = db.durable().catalog.clone();
    Ok(catalog.table_by_id(table.id).ok_or("no table")?.clone())
}

async fn commit(clients: u64, seconds: u64) -> Outcome<()> {
    let directory = tempfile::tempdir()?;
    let store = RocksStore::open(&directory.path().join("store"), &StoreOptions::default())?;
    let db = Database::open(store, DatabaseOptions::default())?;
    let accounts = table(&db, "accounts", 3, true).await?;
    let tellers = table(&db, "tellers", 3, true).await?;
    let branches = table(&db, "branches", 2, true).await?;
    let history = table(&db, "history", 5, false).await?;
    let started = Instant::now();
    let accounts = fill(&db, &accounts, 1_000_000).await?;
    println!("load of 1 M rows: {:.2} s", started.elapsed().as_secs_f64());
    let tellers = fill(&db, &tellers, 100).await?;
    let branches = fill(&db, &branches, 10).await?;
    let stop = Arc::new(AtomicBool::new(false));
    let done = Arc::new(AtomicU64::new(0));
    let mut tasks = Vec::new();
    for client in 0..clients {
        let (db, stop, done) = (db.clone(), stop.clone(), done.clone());
        let (accounts, tellers) = (accounts.clone(), tellers.clone());
        let (branches, history) = (branches.clone(), history.clone());
        tasks.push(tokio::spawn(async move {
            let mut random = client.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
            while !stop.load(Ordering::Relaxed) {
                random ^= random << 13;
                random ^= random >> 7;
                random ^= random << 17;
                let mut txn = db.begin(Isolation::ReadCommitted);
                let targets = [
                    (&accounts, random % 1_000_000, 2),
                    (&tellers, random % 100, 2),
                    (&branches, random % 10, 1),
                ];
                for (table, id, column) in targets {
                    txn.begin_statement();
                    let mut pk = Vec::new();
                    key::primary_key(&[0], &[Value::Int4(id as i32)], &mut pk)?;
                    let locked = txn
                        .lock_row(table, &pk, RowLock::NoKeyUpdate, Wait::Block)
                        .await?;
                    let row = locked.row.ok_or("no row")?;
                    let row = RowRef::new(&row)?;
                    let ValueRef::Int4(balance) =
                        row.value(&table.layout, column, &table.missing)?
                    else {
                        return Err("not an int".into());
                    };
                    let change = vec![(column, Value::Int4(balance.wrapping_add(1)))];
                    txn.update(table, &pk, change).await?;
                }
                txn.begin_statement();
                txn.insert(&history, vec![Value::Int4(1); 5]).await?;
                txn.commit().await?;
                done.fetch_add(1, Ordering::Relaxed);
            }
            Outcome::Ok(())
        }));
    }
    let cpu = cpu_seconds();
    tokio::time::sleep(Duration::from_secs(seconds)).await;
    stop.store(true, Ordering::Relaxed);
    for task in tasks {
        task.await??;
    }
    let done = done.load(Ordering::Relaxed);
    println!(
        "{clients} clients: {:.0} commits/s, {:.0} µs CPU a commit",
        done as f64 / seconds as f64,
        (cpu_seconds() - cpu) * 1e6 / done as f64
    );
    db.shutdown().await?;
    Ok(())
}

/// User and system time of this process so far.
fn cpu_seconds() -> f64 {
    let text = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields: Vec<&str> = text
        .rsplit(')')
        .next()
        .unwrap_or_default()
        .split_whitespace()
        .collect();
    let ticks = |place: usize| -> f64 {
        fields
            .get(place)
            .and_then(|field| field.parse().ok())
            .unwrap_or(0.0)
    };
    (ticks(11) + ticks(12)) / 100.0
}
