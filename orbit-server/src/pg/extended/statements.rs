//! The prepared statements of one connection.

use crate::pg::backend::Output;
use crate::pg::rows::Formats;
use orbit_core::{Error, Result, state};
use orbit_query::Prepared;
use std::collections::HashMap;
use std::sync::{Arc, OnceLock};

pub struct Statement {
    pub prepared: Arc<Prepared>,
    /// The RowDescription with all columns as text: drivers ask for it with
    /// every execution.
    description: OnceLock<Box<[u8]>>,
}

impl Statement {
    pub fn describe(&self, out: &mut Output, formats: &Formats) {
        let Some(columns) = &self.prepared.columns else {
            return out.no_data();
        };
        if *formats != Formats::Text {
            return out.row_description(columns, formats);
        }
        let message = self.description.get_or_init(|| {
            let mut described = Output::new();
            described.row_description(columns, formats);
            described.unsent().into()
        });
        out.body().extend_from_slice(message);
    }
}

pub struct Statements {
    unnamed: Option<Arc<Statement>>,
    named: HashMap<Box<[u8]>, Arc<Statement>, ahash::RandomState>,
    limit: usize,
}

impl Statements {
    pub fn new(limit: usize) -> Self {
        Statements {
            unnamed: None,
            named: HashMap::default(),
            limit,
        }
    }

    pub fn get(&self, name: &[u8]) -> Result<&Arc<Statement>> {
        let found = if name.is_empty() {
            self.unnamed.as_ref()
        } else {
            self.named.get(name)
        };
        found.ok_or_else(|| {
            let message = match name {
                [] => "unnamed prepared statement does not exist".to_owned(),
                name => format!(
                    "prepared statement \"{}\" does not exist",
                    String::from_utf8_lossy(name)
                ),
            };
            Error::new(state::INVALID_SQL_STATEMENT_NAME, message)
        })
    }

    /// Whether a statement may get this name; the unnamed one is replaced freely.
    pub fn check_free(&mut self, name: &[u8]) -> Result<()> {
        if name.is_empty() {
            self.unnamed = None;
            return Ok(());
        }
        if self.named.contains_key(name) {
            return Err(Error::new(
                state::DUPLICATE_PREPARED_STATEMENT,
                format!(
                    "prepared statement \"{}\" already exists",
                    String::from_utf8_lossy(name)
                ),
            ));
        }
        if self.named.len() >= self.limit {
            return Err(Error::new(
                state::CONFIGURATION_LIMIT_EXCEEDED,
                "too many prepared statements",
            )
            .with_detail(format!("A session may hold {} of them.", self.limit))
            .with_hint("Close statements that are no longer needed, or DEALLOCATE ALL."));
        }
        Ok(())
    }

    pub fn insert(&mut self, name: &[u8], prepared: Arc<Prepared>) {
        let statement = Arc::new(Statement {
            prepared,
            description: OnceLock::new(),
        });
        if name.is_empty() {
            self.unnamed = Some(statement);
        } else {
            self.named.insert(name.into(), statement);
        }
    }

    pub fn remove(&mut self, name: &[u8]) {
        if name.is_empty() {
            self.unnamed = None;
        } else {
            self.named.remove(name);
        }
    }

    pub fn drop_unnamed(&mut self) {
        self.unnamed = None;
    }

    /// Forgets the named statements that `wanted` doesn't want.
    pub fn retain(&mut self, wanted: impl Fn(&str) -> bool) {
        self.named
            .retain(|name, _| wanted(&String::from_utf8_lossy(name)));
    }

    pub fn clear(&mut self) {
        self.unnamed = None;
        self.named.clear();
    }
}
