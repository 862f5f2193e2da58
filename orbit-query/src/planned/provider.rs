//! Orbit's tables as DataFusion sees them. Stateless: a plan holds the table's
//! definition; the rows come from the view that a run brings along, so one plan
//! serves any number of runs.

use super::arrow::{arrow_type, fixed_scale};
use super::columns::scan::Reading;
use super::indexed::Indexed;
use super::ranges::{self, Access};
use super::scan::ScanExec;
use async_trait::async_trait;
use datafusion::arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::stats::Precision;
use datafusion::common::{ScalarValue, Statistics};
use datafusion::error::Result;
use datafusion::logical_expr::{Expr, TableProviderFilterPushDown, TableType};
use datafusion::physical_plan::ExecutionPlan;
use orbit_core::catalog::Table;
use orbit_core::store::Direction;
use orbit_core::value::text;
use std::sync::Arc;

/// The row's encoded key, for statements that lock or change rows.
pub const KEY_COLUMN: &str = "__orbit_key";

#[derive(Clone, Debug)]
pub struct OrbitTable {
    table: Arc<Table>,
    indexed: Indexed,
    schema: SchemaRef,
    /// Of each series of a time series the first row in this direction is enough.
    ends: Option<Direction>,
}

impl OrbitTable {
    /// The same for a query that needs of each series only the row at this end.
    pub fn only_ends(&self, direction: Direction) -> OrbitTable {
        OrbitTable {
            ends: Some(direction),
            ..self.clone()
        }
    }

    pub fn table(&self) -> &Arc<Table> {
        &self.table
    }

    pub fn new(table: Arc<Table>, indexed: Indexed, keyed: bool) -> OrbitTable {
        let mut fields: Vec<Field> = table
            .columns
            .iter()
            .map(|column| Field::new(&column.name, arrow_type(&column.sql_type), true))
            .collect();
        if keyed {
            fields.push(Field::new(KEY_COLUMN, DataType::Binary, false));
        }
        OrbitTable {
            table,
            indexed,
            schema: Arc::new(Schema::new(fields)),
            ends: None,
        }
    }
}

// The hooks that change data are left as they are: they refuse. Writing goes
// through our own operator, which sees every row it touches.
#[async_trait]
impl TableProvider for OrbitTable {
    fn schema(&self) -> SchemaRef {
        self.schema.clone()
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    async fn scan(
        &self,
        state: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let projection: Vec<usize> = match projection {
            Some(projection) => projection.clone(),
            None => (0..self.schema.fields().len()).collect(),
        };
        let access = ranges::access(&self.table, &self.indexed, filters);
        let reading = state.config().get_extension::<Reading>();
        let seen = reading
            .as_ref()
            .and_then(|reading| reading.store.rows_seen(self.table.storage));
        let statistics = statistics(&self.table, &self.schema, &projection, (&access, seen));
        let schema = Arc::new(self.schema.project(&projection)?);
        let limit = limit.filter(|_| filters.is_empty());
        if matches!(access, Access::Full)
            && let Some(reading) = reading
            && let Some(plan) = reading.by_columns(
                &self.table,
                &projection,
                &schema,
                limit,
                (state.config().target_partitions(), &statistics),
            )
        {
            return Ok(plan);
        }
        Ok(Arc::new(
            ScanExec::new(
                self.table.clone(),
                schema,
                projection,
                access,
                limit.filter(|_| self.ends.is_none()),
                statistics,
            )
            .only_ends(self.ends),
        ))
    }

    fn supports_filters_pushdown(
        &self,
        filters: &[&Expr],
    ) -> Result<Vec<TableProviderFilterPushDown>> {
        Ok(filters
            .iter()
            .map(|filter| {
                if ranges::is_useful(&self.table, &self.indexed, filter) {
                    // It narrows the scan; DataFusion still checks every row.
                    TableProviderFilterPushDown::Inexact
                } else {
                    TableProviderFilterPushDown::Unsupported
                }
            })
            .collect())
    }

    fn statistics(&self) -> Option<Statistics> {
        None
    }
}

/// What ANALYZE counted, in DataFusion's terms. Where nobody said ANALYZE: how many rows the
/// sealer saw, if it looked.
fn statistics(
    table: &Table,
    schema: &Schema,
    projection: &[usize],
    (access, seen): (&Access, Option<u64>),
) -> Statistics {
    let mut known = Statistics::new_unknown(schema);
    let rows = table
        .statistics
        .as_ref()
        .map(|counted| counted.rows)
        .or(seen);
    let rows = rows.map(|rows| usize::try_from(rows).unwrap_or(usize::MAX));
    known.num_rows = match (access, rows) {
        (Access::One, _) => Precision::Inexact(1),
        (_, None) => Precision::Absent,
        (Access::Full, Some(rows)) => Precision::Inexact(rows),
        (Access::Keys(_) | Access::Index { .. }, Some(rows)) => {
            Precision::Inexact((rows / 10).max(1))
        }
    };
    let counted = table.statistics.iter().flat_map(|counted| &counted.columns);
    for (at, column) in counted.enumerate() {
        let (Some(slot), Some(def)) = (known.column_statistics.get_mut(at), table.columns.get(at))
        else {
            continue;
        };
        slot.distinct_count =
            Precision::Inexact(usize::try_from(column.distinct).unwrap_or(usize::MAX));
        slot.null_count = Precision::Inexact(usize::try_from(column.nulls).unwrap_or(usize::MAX));
        if fixed_scale(&def.sql_type).is_some() || def.sql_type.stored_width().is_some() {
            let bound = |text: &Option<String>| -> Option<ScalarValue> {
                let value =
                    text::parse(text.as_deref()?, &def.sql_type, &Default::default()).ok()?;
                super::arrow::scalar_of(&def.sql_type, &value).ok()
            };
            if let Some(min) = bound(&column.min) {
                slot.min_value = Precision::Inexact(min);
            }
            if let Some(max) = bound(&column.max) {
                slot.max_value = Precision::Inexact(max);
            }
        }
    }
    let columns = projection
        .iter()
        .filter_map(|at| known.column_statistics.get(*at).cloned())
        .collect();
    Statistics {
        column_statistics: columns,
        ..known
    }
}
