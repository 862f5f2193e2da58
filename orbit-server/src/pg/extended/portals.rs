//! The portals of one connection: statements with their parameters, and how far
//! each was fetched. They end with the transaction.

use super::fetch::Fetch;
use super::statements::Statement;
use crate::pg::rows::Formats;
use orbit_core::value::Value;
use orbit_core::{Error, Result, state};
use std::collections::HashMap;
use std::sync::Arc;

pub struct Portal {
    pub statement: Arc<Statement>,
    pub params: Vec<Value>,
    pub formats: Formats,
    pub progress: Progress,
}

pub enum Progress {
    Ready,
    Suspended(Box<Fetch>),
    Finished,
}

pub struct Portals {
    unnamed: Option<Portal>,
    named: HashMap<Box<[u8]>, Portal, ahash::RandomState>,
    limit: usize,
    /// The parameter memory of the last unnamed portal, for the next one.
    spare: Vec<Value>,
}

/// Parameter memory beyond this isn't kept.
const SPARE_VALUES: usize = 64;

impl Portals {
    pub fn new(limit: usize) -> Self {
        Portals {
            unnamed: None,
            named: HashMap::default(),
            limit,
            spare: Vec::new(),
        }
    }

    /// A new portal without parameters yet; the unnamed one is replaced freely.
    pub fn bind(
        &mut self,
        name: &[u8],
        statement: &Arc<Statement>,
        formats: Formats,
    ) -> Result<&mut Portal> {
        let portal = |params| Portal {
            statement: statement.clone(),
            params,
            formats,
            progress: Progress::Ready,
        };
        if name.is_empty() {
            self.close_unnamed();
            let params = std::mem::take(&mut self.spare);
            return Ok(self.unnamed.insert(portal(params)));
        }
        let shown = || String::from_utf8_lossy(name);
        if self.named.contains_key(name) {
            return Err(Error::new(
                state::DUPLICATE_CURSOR,
                format!("cursor \"{}\" already exists", shown()),
            ));
        }
        if self.named.len() >= self.limit {
            return Err(
                Error::new(state::CONFIGURATION_LIMIT_EXCEEDED, "too many open portals")
                    .with_detail(format!("A session may hold {} of them.", self.limit)),
            );
        }
        Ok(self.named.entry(name.into()).or_insert(portal(Vec::new())))
    }

    pub fn get_mut(&mut self, name: &[u8]) -> Result<&mut Portal> {
        let found = if name.is_empty() {
            self.unnamed.as_mut()
        } else {
            self.named.get_mut(name)
        };
        found.ok_or_else(|| {
            Error::new(
                state::INVALID_CURSOR_NAME,
                format!(
                    "portal \"{}\" does not exist",
                    String::from_utf8_lossy(name)
                ),
            )
        })
    }

    pub fn close(&mut self, name: &[u8]) {
        if name.is_empty() {
            self.close_unnamed();
        } else {
            self.named.remove(name);
        }
    }

    pub fn close_unnamed(&mut self) {
        if let Some(portal) = self.unnamed.take() {
            self.spare = portal.params;
            self.spare.clear();
            self.spare.shrink_to(SPARE_VALUES);
        }
    }

    /// The transaction is over.
    pub fn close_all(&mut self) {
        self.close_unnamed();
        if !self.named.is_empty() {
            self.named = HashMap::default();
        }
    }
}
