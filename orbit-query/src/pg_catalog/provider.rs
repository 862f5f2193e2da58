//! `pg_catalog` and `information_schema` as DataFusion sees them.

use super::context::CatalogContext;
use super::relations::{Relation, relations};
use super::tables;
use async_trait::async_trait;
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::catalog::{SchemaProvider, Session, TableProvider};
use datafusion::datasource::memory::MemorySourceConfig;
use datafusion::error::{DataFusionError, Result};
use datafusion::logical_expr::{Expr, TableType};
use datafusion::physical_plan::ExecutionPlan;
use std::sync::Arc;

/// One of the two system schemas, at one version of the catalog.
#[derive(Debug)]
pub struct SystemSchema {
    name: &'static str,
    context: CatalogContext,
}

impl SystemSchema {
    pub fn new(name: &'static str, context: CatalogContext) -> SystemSchema {
        SystemSchema { name, context }
    }
}

#[async_trait]
impl SchemaProvider for SystemSchema {
    fn table_names(&self) -> Vec<String> {
        relations()
            .iter()
            .filter(|relation| relation.schema == self.name)
            .map(|relation| relation.name.to_owned())
            .collect()
    }

    async fn table(&self, name: &str) -> Result<Option<Arc<dyn TableProvider>>, DataFusionError> {
        let found = relations().named(self.name, name);
        Ok(found.map(|relation| -> Arc<dyn TableProvider> {
            Arc::new(SystemTable {
                relation,
                context: self.context.clone(),
            })
        }))
    }

    fn table_exist(&self, name: &str) -> bool {
        relations().named(self.name, name).is_some()
    }
}

/// One relation; its rows are made when a query scans it.
#[derive(Debug)]
pub struct SystemTable {
    relation: &'static Relation,
    context: CatalogContext,
}

#[async_trait]
impl TableProvider for SystemTable {
    fn schema(&self) -> SchemaRef {
        self.relation.arrow.clone()
    }

    fn table_type(&self) -> TableType {
        match self.relation.kind {
            "v" => TableType::View,
            _ => TableType::Base,
        }
    }

    async fn scan(
        &self,
        _state: &dyn Session,
        projection: Option<&Vec<usize>>,
        _filters: &[Expr],
        _limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let batch = tables::rows(self.relation, &self.context).finish()?;
        let plan = MemorySourceConfig::try_new_exec(
            &[vec![batch]],
            self.relation.arrow.clone(),
            projection.cloned(),
        )?;
        Ok(plan)
    }
}
