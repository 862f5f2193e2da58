//! What a statement gave, from either side.

use crate::rows;
use orbit_core::types::SqlType;
use orbit_core::value::Value;
use orbit_core::{Error, Result, state};
use serde::de::DeserializeOwned;

pub struct Column {
    pub name: String,
    pub sql_type: SqlType,
}

#[derive(Default)]
pub struct Answer {
    pub columns: Vec<Column>,
    pub rows: Vec<Vec<Value>>,
    pub affected: u64,
}

impl Answer {
    pub fn read<T: DeserializeOwned>(self) -> Result<Vec<T>> {
        let columns = &self.columns;
        let rows = self.rows.into_iter();
        rows.map(|row| rows::read(columns, row)).collect()
    }

    pub fn read_one<T: DeserializeOwned>(self) -> Result<T> {
        let count = self.rows.len();
        let mut all = self.read()?;
        match (all.pop(), count) {
            (Some(one), 1) => Ok(one),
            (None, _) => Err(Error::new(state::NO_DATA, "the query gave no row")
                .with_hint("Ask with query, which takes any number of rows.")),
            _ => Err(Error::new(
                state::CARDINALITY_VIOLATION,
                format!("the query gave {count} rows where one was asked for"),
            )
            .with_hint("Ask with query, or add LIMIT 1.")),
        }
    }
}
