//! `generate_series` over integers known when the statement is planned: a
//! table whose rows are made as they are read, however many they are.

use async_trait::async_trait;
use datafusion::arrow::array::{ArrayRef, Int32Array, Int64Array, RecordBatch};
use datafusion::arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::ScalarValue;
use datafusion::error::Result;
use datafusion::logical_expr::{Expr, TableType};
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::memory::{LazyBatchGenerator, LazyMemoryExec};
use orbit_core::types::SqlType;
use parking_lot::RwLock;
use std::any::Any;
use std::fmt;
use std::sync::Arc;

pub const COLUMN: &str = "value";

#[derive(Clone, Debug)]
pub struct Series {
    start: i64,
    stop: i64,
    /// Never 0.
    step: i64,
    schema: SchemaRef,
}

impl Series {
    /// `None`: the arguments are not integers known by now, or the step is 0.
    pub fn of(args: &[&Expr]) -> Option<(Series, SqlType)> {
        let numbers = args.iter().map(|arg| integer(arg));
        let numbers = numbers.collect::<Option<Vec<(i64, bool)>>>()?;
        let wide = numbers.iter().any(|(_, wide)| *wide);
        let (start, stop, step) = match numbers.as_slice() {
            [(start, _), (stop, _)] => (*start, *stop, 1),
            [(start, _), (stop, _), (step, _)] if *step != 0 => (*start, *stop, *step),
            _ => return None,
        };
        let (arrow, sql) = if wide {
            (DataType::Int64, SqlType::Int8)
        } else {
            (DataType::Int32, SqlType::Int4)
        };
        let schema = Arc::new(Schema::new(vec![Field::new(COLUMN, arrow, true)]));
        let series = Series {
            start,
            stop,
            step,
            schema,
        };
        Some((series, sql))
    }
}

/// An integer, and whether it is a `bigint`.
fn integer(expr: &Expr) -> Option<(i64, bool)> {
    match expr {
        Expr::Literal(ScalarValue::Int32(Some(value)), _) => Some((i64::from(*value), false)),
        Expr::Literal(ScalarValue::Int64(Some(value)), _) => Some((*value, true)),
        _ => None,
    }
}

#[async_trait]
impl TableProvider for Series {
    fn schema(&self) -> SchemaRef {
        self.schema.clone()
    }

    fn table_type(&self) -> TableType {
        TableType::Temporary
    }

    async fn scan(
        &self,
        state: &dyn Session,
        projection: Option<&Vec<usize>>,
        _filters: &[Expr],
        _limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let rows = Rows {
            series: self.clone(),
            next: Some(self.start),
            batch_rows: state.config().batch_size(),
        };
        let exec = LazyMemoryExec::try_new(self.schema.clone(), vec![Arc::new(RwLock::new(rows))])?;
        Ok(Arc::new(exec.with_projection(projection.cloned())))
    }
}

/// One reading of a series.
#[derive(Debug)]
struct Rows {
    series: Series,
    next: Option<i64>,
    batch_rows: usize,
}

impl Rows {
    fn take(&mut self) -> Option<i64> {
        let Series { stop, step, .. } = self.series;
        let at = self
            .next
            .filter(|at| if step > 0 { *at <= stop } else { *at >= stop })?;
        self.next = at.checked_add(step);
        Some(at)
    }
}

impl fmt::Display for Rows {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Series {
            start, stop, step, ..
        } = self.series;
        write!(f, "generate_series({start}, {stop}, {step})")
    }
}

impl LazyBatchGenerator for Rows {
    fn as_any(&self) -> &dyn Any {
        self
    }

    fn generate_next_batch(&mut self) -> Result<Option<RecordBatch>> {
        orbit_core::memory::check().map_err(super::error::to_datafusion)?;
        let count = self.batch_rows;
        let values: Vec<i64> = std::iter::from_fn(|| self.take()).take(count).collect();
        if values.is_empty() {
            return Ok(None);
        }
        let wide = *self.series.schema.field(0).data_type() == DataType::Int64;
        let column: ArrayRef = if wide {
            Arc::new(Int64Array::from(values))
        } else {
            // Both ends are within the type, so everything between is.
            Arc::new(Int32Array::from_iter_values(
                values.into_iter().map(|value| value as i32),
            ))
        };
        let batch = RecordBatch::try_new(self.series.schema.clone(), vec![column])?;
        Ok(Some(batch))
    }

    fn reset_state(&self) -> Arc<RwLock<dyn LazyBatchGenerator>> {
        Arc::new(RwLock::new(Rows {
            series: self.series.clone(),
            next: Some(self.series.start),
            batch_rows: self.batch_rows,
        }))
    }
}
