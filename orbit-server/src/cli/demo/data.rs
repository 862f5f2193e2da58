//! The five tables, inside the binary: the demo runs wherever the binary does.

use crate::cli::Failure;
use std::path::{Path, PathBuf};

pub struct Table {
    pub name: &'static str,
    pub key: &'static [&'static str],
    gzip: &'static [u8],
}

macro_rules! data {
    ($file:literal) => {
        include_bytes!(concat!("../../../../data/nycflights13/", $file))
    };
}

pub const TABLES: &[Table] = &[
    Table {
        name: "airlines",
        key: &["carrier"],
        gzip: data!("airlines.csv.gz"),
    },
    Table {
        name: "airports",
        key: &["faa"],
        gzip: data!("airports.csv.gz"),
    },
    Table {
        name: "planes",
        key: &["tailnum"],
        gzip: data!("planes.csv.gz"),
    },
    Table {
        name: "weather",
        key: &["origin", "time_hour"],
        gzip: data!("weather.csv.gz"),
    },
    Table {
        name: "flights",
        key: &["time_hour", "carrier", "flight"],
        gzip: data!("flights-2013-01.csv.gz"),
    },
];

impl Table {
    /// Writes the packed file where `orbit import` can read it.
    pub fn unpack_into(&self, directory: &Path) -> Result<PathBuf, Failure> {
        let path = directory.join(format!("{}.csv.gz", self.name));
        std::fs::write(&path, self.gzip).map_err(|error| Failure::Work(error.into()))?;
        Ok(path)
    }
}
