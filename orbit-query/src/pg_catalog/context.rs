//! What catalog tables and functions answer from: one version of the catalog,
//! who is connected, and the settings.

use super::objects::Objects;
use crate::session::SessionFacts;
use crate::settings::Settings;
use datafusion::common::config::{ConfigEntry, ConfigExtension, ConfigOptions, ExtensionOptions};
use datafusion::error::{DataFusionError, Result};
use orbit_core::catalog::Catalog;
use std::any::Any;
use std::sync::{Arc, OnceLock};

/// Everything is owned by the one role that is connected, under the oid of a bootstrap superuser.
pub const OWNER: u32 = 10;
/// As the database is shown: tools list no database whose oid is one of a server's own.
pub const DATABASE: u32 = 16_384;
pub const PG_CATALOG_OID: u32 = 11;
pub const INFORMATION_SCHEMA_OID: u32 = 13_000;

/// Shared by the schema providers and the functions of one statement. Functions find it among
/// the session's configuration extensions, where [`CatalogContext::install`] puts it.
#[derive(Clone)]
pub struct CatalogContext(Arc<Inner>);

struct Inner {
    catalog: Arc<Catalog>,
    facts: Arc<SessionFacts>,
    settings: Option<Arc<Settings>>,
    objects: OnceLock<Objects>,
}

impl CatalogContext {
    pub fn new(
        catalog: Arc<Catalog>,
        facts: Arc<SessionFacts>,
        settings: Option<Arc<Settings>>,
    ) -> CatalogContext {
        CatalogContext(Arc::new(Inner {
            catalog,
            facts,
            settings,
            objects: OnceLock::new(),
        }))
    }

    /// Makes the catalog functions of a session answer from this context.
    pub fn install(&self, options: &mut ConfigOptions) {
        options.extensions.insert(self.clone());
    }

    pub fn of(options: &ConfigOptions) -> Result<&CatalogContext> {
        options.extensions.get::<CatalogContext>().ok_or_else(|| {
            DataFusionError::Internal("the session has no catalog context".to_owned())
        })
    }

    pub fn catalog(&self) -> &Arc<Catalog> {
        &self.0.catalog
    }

    pub fn facts(&self) -> &SessionFacts {
        &self.0.facts
    }

    pub fn settings(&self) -> Option<&Arc<Settings>> {
        self.0.settings.as_ref()
    }

    /// Schemas that unqualified names are looked up in, pg_catalog left out.
    pub fn search_path(&self) -> Vec<String> {
        let schemas = match self.settings() {
            Some(settings) => settings.search_path().to_vec(),
            None => vec!["public".to_owned()],
        };
        schemas
            .into_iter()
            .filter(|schema| schema != "pg_catalog" && self.catalog().has_schema(schema))
            .filter(|schema| self.facts().rights.may_use_schema(self.catalog(), schema))
            .collect()
    }

    /// The name of a role, as `pg_get_userbyid` has it.
    pub fn role_name(&self, oid: u32) -> String {
        self.catalog().role_name(oid)
    }

    /// Relations and constraints by oid; indexed at the first use.
    pub fn objects(&self) -> &Objects {
        self.0.objects.get_or_init(|| Objects::new(&self.0.catalog))
    }
}

impl std::fmt::Debug for CatalogContext {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "CatalogContext(version {})", self.catalog().version)
    }
}

impl ConfigExtension for CatalogContext {
    const PREFIX: &'static str = "orbit_catalog";
}

impl ExtensionOptions for CatalogContext {
    fn as_any(&self) -> &dyn Any {
        self
    }

    fn as_any_mut(&mut self) -> &mut dyn Any {
        self
    }

    fn cloned(&self) -> Box<dyn ExtensionOptions> {
        Box::new(self.clone())
    }

    fn set(&mut self, key: &str, _value: &str) -> Result<()> {
        Err(DataFusionError::Configuration(format!(
            "orbit_catalog.{key} cannot be set"
        )))
    }

    fn entries(&self) -> Vec<ConfigEntry> {
        Vec::new()
    }
}
