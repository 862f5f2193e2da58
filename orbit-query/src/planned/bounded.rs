//! Batches that are bounded by what they take, not only by their rows.
//!
//! DataFusion counts a batch in rows: 8,192 texts of 100 KB are a gigabyte before anybody
//! looks. So a plan whose expressions make long values runs with fewer rows in a batch
//! ([`Narrow`]); what is kept below an operator that reserves no memory for the
//! rows it holds is counted for it ([`Held`]); and what a sort keeps is cut out of the
//! larger arrays it is a part of ([`Own`]).

use super::error::Told;
use super::unary::Unary;
use datafusion::arrow::array::{Array, RecordBatch, UInt32Array};
use datafusion::arrow::compute::take_record_batch;
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::common::ScalarValue;
use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::common::utils::memory::get_record_batch_memory_size;
use datafusion::error::{DataFusionError, Result};
use datafusion::execution::memory_pool::{MemoryConsumer, MemoryReservation};
use datafusion::execution::{RecordBatchStream, SendableRecordBatchStream, TaskContext};
use datafusion::logical_expr::{Expr, LogicalPlan, Operator};
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use futures::{Stream, StreamExt};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

/// What one column of a batch may take by what is known of its values.
const COLUMN_BYTES: usize = 2 << 20;
const FEWEST_ROWS: usize = 4;
/// Of a value that isn't known: a number, a short text.
const SHORT: usize = 32;
/// Of a text whose length only its row knows.
const UNKNOWN: usize = 16 << 10;
const LONGEST: usize = 1 << 30;

/// How many rows a batch of this plan may have; `None`: as many as any.
pub fn batch_rows(plan: &LogicalPlan, most: usize) -> orbit_core::Result<Option<usize>> {
    let mut widest = 0;
    plan.apply_with_subqueries(|node| {
        if !matches!(node, LogicalPlan::Values(_)) {
            node.apply_expressions(|expr| {
                expr.apply(|expr| {
                    widest = widest.max(width(expr));
                    Ok(TreeNodeRecursion::Continue)
                })
            })?;
        }
        Ok(TreeNodeRecursion::Continue)
    })
    .told()?;
    let rows = (COLUMN_BYTES / widest.max(1)).max(FEWEST_ROWS);
    Ok((rows < most).then_some(rows))
}

/// About what a value of the expression takes.
fn width(expr: &Expr) -> usize {
    match expr {
        Expr::Literal(value, _) => match value {
            ScalarValue::Utf8(Some(text)) | ScalarValue::LargeUtf8(Some(text)) => text.len(),
            ScalarValue::Binary(Some(bytes)) => bytes.len(),
            _ => SHORT,
        },
        Expr::Alias(alias) => width(&alias.expr),
        Expr::Cast(cast) => width(&cast.expr),
        Expr::BinaryExpr(binary) if binary.op == Operator::StringConcat => {
            width(&binary.left).saturating_add(width(&binary.right))
        }
        Expr::ScalarFunction(call) => {
            let arg = |at: usize| call.args.get(at).map_or(0, width);
            let number = |at: usize| call.args.get(at).and_then(number);
            let bytes = match call.func.name() {
                "repeat" => match number(1) {
                    Some(times) => arg(0).saturating_mul(times),
                    None => UNKNOWN,
                },
                "lpad" | "rpad" => number(1).unwrap_or(UNKNOWN),
                "array_fill" => UNKNOWN,
                "replace" | "regexp_replace" => {
                    arg(0).saturating_mul(if arg(2) > SHORT { arg(2) } else { 1 })
                }
                // Those that take much and give little are overrated, to no harm.
                _ => call.args.iter().map(width).fold(0, usize::saturating_add),
            };
            bytes.min(LONGEST)
        }
        _ => SHORT,
    }
}

fn number(expr: &Expr) -> Option<usize> {
    let number = match expr {
        Expr::Literal(ScalarValue::Int64(Some(number)), _) => *number,
        Expr::Literal(ScalarValue::Int32(Some(number)), _) => i64::from(*number),
        Expr::Literal(ScalarValue::Int16(Some(number)), _) => i64::from(*number),
        Expr::Cast(cast) => return self::number(&cast.expr),
        _ => return None,
    };
    usize::try_from(number.max(0)).ok()
}

/// Runs a plan with so many rows in a batch.
#[derive(Clone, Debug)]
pub struct Narrow {
    pub rows: usize,
}

impl Unary for Narrow {
    const NAME: &'static str = "NarrowExec";

    fn details(&self) -> Option<String> {
        Some(format!("rows={}", self.rows))
    }

    fn execute(
        &self,
        input: &Arc<dyn ExecutionPlan>,
        partition: usize,
        context: Arc<TaskContext>,
    ) -> Result<SendableRecordBatchStream> {
        let config = context.session_config().clone().with_batch_size(self.rows);
        let narrow = TaskContext::new(
            context.task_id(),
            context.session_id(),
            config,
            Default::default(),
            Default::default(),
            Default::default(),
            Default::default(),
            context.runtime_env(),
        );
        input.execute(partition, Arc::new(narrow))
    }
}

/// What a batch's values take, though they be part of a larger one's.
pub fn bytes_of(batch: &RecordBatch) -> Result<usize> {
    let mut bytes = 0;
    for column in batch.columns() {
        bytes += column.to_data().get_slice_memory_size()?;
    }
    Ok(bytes)
}

/// Rows in arrays of their own. A sort counts the whole of an array for each batch that is
/// a part of it, and keeps it in memory for as long.
#[derive(Clone, Debug)]
pub struct Own;

impl Unary for Own {
    const NAME: &'static str = "OwnExec";
    const PASSES_LIMITS: bool = true;

    fn pass(
        &self,
        rows: SendableRecordBatchStream,
        _context: &TaskContext,
    ) -> Result<SendableRecordBatchStream> {
        let schema = rows.schema();
        let rows = rows.map(|batch| owned(batch?));
        Ok(Box::pin(RecordBatchStreamAdapter::new(schema, rows)))
    }
}

fn owned(batch: RecordBatch) -> Result<RecordBatch> {
    /// What isn't worth a copy.
    const LITTLE: usize = 64 << 10;
    let counted = get_record_batch_memory_size(&batch);
    if counted <= LITTLE || counted / 2 <= bytes_of(&batch)? {
        return Ok(batch);
    }
    let rows = u32::try_from(batch.num_rows())
        .map_err(|_| DataFusionError::Internal(format!("a batch of {} rows", batch.num_rows())))?;
    let all = UInt32Array::from_iter_values(0..rows);
    Ok(take_record_batch(&batch, &all)?)
}

/// Counts what passes it as held until the stream ends.
#[derive(Clone, Debug)]
pub struct Held;

impl Unary for Held {
    const NAME: &'static str = "HeldExec";

    fn pass(
        &self,
        rows: SendableRecordBatchStream,
        context: &TaskContext,
    ) -> Result<SendableRecordBatchStream> {
        let held = MemoryConsumer::new("rows of a window").register(context.memory_pool());
        Ok(Box::pin(HeldStream { input: rows, held }))
    }
}

struct HeldStream {
    input: SendableRecordBatchStream,
    held: MemoryReservation,
}

impl Stream for HeldStream {
    type Item = Result<RecordBatch>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let next = ready!(self.input.poll_next_unpin(cx));
        let Some(Ok(batch)) = &next else {
            return Poll::Ready(next);
        };
        let bytes = bytes_of(batch)?;
        // Kept as it came, and then as one batch of all of them.
        if let Err(error) = self.held.try_grow(bytes.saturating_mul(2)) {
            return Poll::Ready(Some(Err(error)));
        }
        Poll::Ready(next)
    }
}

impl RecordBatchStream for HeldStream {
    fn schema(&self) -> SchemaRef {
        self.input.schema()
    }
}
