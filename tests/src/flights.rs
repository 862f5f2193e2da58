//! The five nycflights13 tables, created and loaded by COPY, so that two
//! servers hold the same rows.

use bytes::Bytes;
use flate2::read::GzDecoder;
use futures::SinkExt;
use std::io::Read;
use std::path::PathBuf;
use tokio_postgres::Client;

pub const TABLES: [(&str, &str, &str); 5] = [
    (
        "airlines",
        "airlines.csv.gz",
        "CREATE TABLE airlines (carrier text PRIMARY KEY, name text NOT NULL)",
    ),
    (
        "airports",
        "airports.csv.gz",
        "CREATE TABLE airports (faa text PRIMARY KEY, name text, lat float8, lon float8, \
         alt int, tz int, dst text, tzone text)",
    ),
    (
        "planes",
        "planes.csv.gz",
        "CREATE TABLE planes (tailnum text PRIMARY KEY, year int, type text, manufacturer text, \
         model text, engines int, seats int, speed int, engine text)",
    ),
    (
        "weather",
        "weather.csv.gz",
        "CREATE TABLE weather (origin text, year int, month int, day int, hour int, temp float8, \
         dewp float8, humid float8, wind_dir int, wind_speed float8, wind_gust float8, \
         precip float8, pressure float8, visib float8, time_hour timestamptz)",
    ),
    (
        "flights",
        "flights-2013-01.csv.gz",
        "CREATE TABLE flights (year int, month int, day int, dep_time int, sched_dep_time int, \
         dep_delay int, arr_time int, sched_arr_time int, arr_delay int, carrier text, \
         flight int, tailnum text, origin text, dest text, air_time int, distance int, \
         hour int, minute int, time_hour timestamptz)",
    ),
];

pub fn directory() -> PathBuf {
    crate::project().join("data/nycflights13")
}

/// The plain CSV text of a shipped file.
pub fn csv(file: &str) -> Vec<u8> {
    let path = directory().join(file);
    let packed = std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let mut text = Vec::new();
    GzDecoder::new(packed.as_slice())
        .read_to_end(&mut text)
        .expect("a gzip file");
    text
}

pub async fn load(client: &Client) {
    for (name, file, create) in TABLES {
        client.batch_execute(create).await.expect(create);
        copy(client, name, &csv(file)).await.expect(name);
    }
}

/// COPY of CSV with a header, `NA` for NULL.
pub async fn copy(client: &Client, table: &str, csv: &[u8]) -> Result<u64, tokio_postgres::Error> {
    let statement = format!("COPY {table} FROM STDIN WITH (FORMAT csv, HEADER true, NULL 'NA')");
    let sink = client.copy_in(&statement).await?;
    let mut sink = std::pin::pin!(sink);
    for chunk in csv.chunks(64 << 10) {
        sink.send(Bytes::copy_from_slice(chunk)).await?;
    }
    sink.finish().await
}
