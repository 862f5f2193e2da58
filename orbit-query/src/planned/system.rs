//! The catalogs of a statement: `pg_catalog` and `information_schema`.

use super::PlanContext;
use super::columns::scan::Reading;
use super::runtime::Machine;
use crate::pg_catalog::{self, CatalogContext};
use datafusion::catalog::SchemaProvider;
use datafusion::execution::context::SessionState;
use datafusion::logical_expr::ScalarUDF;
use orbit_core::database::ReadView;
use sqlparser::ast::Statement;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, LazyLock};

/// The catalogs as one statement sees them.
pub struct System {
    context: CatalogContext,
    used: AtomicBool,
    view: ReadView,
}

impl System {
    pub fn new(ctx: &PlanContext) -> System {
        System {
            context: CatalogContext::new(
                ctx.view.catalog().clone(),
                ctx.session.clone(),
                Some(ctx.settings.clone()),
            ),
            used: AtomicBool::new(false),
            view: ctx.view.clone(),
        }
    }

    pub fn rewrite(&self, statement: &mut Statement) {
        pg_catalog::rewrite(statement);
    }

    pub fn schema(&self, name: &str) -> Option<Arc<dyn SchemaProvider>> {
        self.used.store(true, Ordering::Relaxed);
        pg_catalog::schema_provider(name, &self.context)
    }

    /// Whether a catalog was asked for a relation: its plan holds for this catalog only.
    pub fn was_used(&self) -> bool {
        self.used.load(Ordering::Relaxed)
    }

    /// A session state whose catalog functions answer from here.
    pub fn state(&self, machine: &Machine) -> SessionState {
        let mut state = machine.state_now();
        self.context.install(state.config_mut().options_mut());
        if let Some(store) = &machine.columns {
            state.config_mut().set_extension(Arc::new(Reading {
                store: store.clone(),
                view: self.view.clone(),
            }));
        }
        // Functions find their options here when a physical plan is made.
        let options = state.config_options().clone();
        state.execution_props_mut().mark_start_execution(options);
        state
    }
}

/// The catalogs' own functions.
pub fn system_functions() -> &'static [Arc<ScalarUDF>] {
    static FUNCTIONS: LazyLock<Vec<Arc<ScalarUDF>>> = LazyLock::new(pg_catalog::functions);
    &FUNCTIONS
}
