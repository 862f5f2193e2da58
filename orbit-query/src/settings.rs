//! What SET and SHOW speak of.

pub mod registry;

use orbit_core::value::text::FormatSettings;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// The settings a statement runs under. Cheap to share; changed by replacing.
#[derive(Clone, Debug)]
pub struct Settings {
    pub format: FormatSettings,
    pub statement_timeout: Option<Duration>,
    pub lock_timeout: Option<Duration>,
    pub deadlock_timeout: Duration,
    pub idle_in_transaction_session_timeout: Option<Duration>,
    /// Resolved: what unqualified names are looked up in, in order.
    search_path: Arc<[String]>,
    /// Every setting that differs from its default, by canonical name, as SHOW prints it.
    changed: BTreeMap<&'static str, String>,
}

impl Settings {
    /// The schemas unqualified names are looked up in. The first is where CREATE puts things.
    pub fn search_path(&self) -> &[String] {
        &self.search_path
    }
}
