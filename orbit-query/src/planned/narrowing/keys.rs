//! The range of the keys that a hash join gathers.

use crate::planned::unary::{Unary, above};
use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::datatypes::{DataType, SchemaRef};
use datafusion::error::Result;
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::functions_aggregate::min_max::{MaxAccumulator, MinAccumulator};
use datafusion::logical_expr::{Accumulator, Operator};
use datafusion::physical_expr::expressions::{
    BinaryExpr, Column, DynamicFilterPhysicalExpr, Literal, lit,
};
use datafusion::physical_expr::{PhysicalExpr, conjunction};
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::joins::HashJoinExec;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use futures::StreamExt;
use std::sync::Arc;

/// Above the side that a join gathers: once all of it has passed, the other side is told
/// between which values its keys lie.
#[derive(Clone, Debug)]
pub struct GatherKeys {
    /// Columns of the gathered side, each with the other side's that it is to equal.
    pairs: Vec<(Column, Arc<dyn PhysicalExpr>)>,
    filter: Arc<DynamicFilterPhysicalExpr>,
}

impl GatherKeys {
    /// `None`: no key is a column that statistics tell the bounds of.
    pub fn of(join: &HashJoinExec) -> Option<GatherKeys> {
        let pairs: Vec<_> = join
            .on()
            .iter()
            .filter_map(|(left, right)| {
                let right_type = right.data_type(&join.right().schema()).ok()?;
                let is_told =
                    right.is::<Column>() && crate::planned::columns::prune::is_ordered(&right_type);
                let left = left.downcast_ref::<Column>()?;
                let left_type = left.data_type(&join.left().schema()).ok()?;
                (is_told && left_type == right_type).then(|| (left.clone(), right.clone()))
            })
            .collect();
        if pairs.is_empty() {
            return None;
        }
        let columns = pairs.iter().map(|(_, right)| right.clone()).collect();
        let filter = Arc::new(DynamicFilterPhysicalExpr::new(columns, lit(true)));
        Some(GatherKeys { pairs, filter })
    }

    pub fn filter(&self) -> Arc<dyn PhysicalExpr> {
        self.filter.clone()
    }

    pub fn above(self, gathered: Arc<dyn ExecutionPlan>) -> Arc<dyn ExecutionPlan> {
        above(gathered, self)
    }

    fn ranges(&self, schema: &SchemaRef) -> Result<Vec<Range>> {
        let columns = self.pairs.iter().map(|(column, _)| column);
        columns
            .map(|column| Range::of(&column.data_type(schema)?))
            .collect()
    }

    /// Tells the other side; `ranges` are those of the pairs.
    fn tell(&self, ranges: &mut [Range]) -> Result<()> {
        let mut told = Vec::new();
        for ((_, column), range) in self.pairs.iter().zip(ranges) {
            let ends = [
                (Operator::GtEq, range.least.evaluate()?),
                (Operator::LtEq, range.greatest.evaluate()?),
            ];
            for (operator, end) in ends {
                // No key at all: the join won't ask.
                if !end.is_null() {
                    let end = Arc::new(Literal::new(end));
                    let within = BinaryExpr::new(column.clone(), operator, end);
                    told.push(Arc::new(within) as Arc<dyn PhysicalExpr>);
                }
            }
        }
        self.filter.update(conjunction(told))
    }
}

/// The least and the greatest value so far; NULLs, which equal nothing, are none.
struct Range {
    least: MinAccumulator,
    greatest: MaxAccumulator,
}

impl Range {
    fn of(ty: &DataType) -> Result<Range> {
        Ok(Range {
            least: MinAccumulator::try_new(ty)?,
            greatest: MaxAccumulator::try_new(ty)?,
        })
    }

    fn take(&mut self, column: &Column, batch: &RecordBatch) -> Result<()> {
        let values = [column.evaluate(batch)?.into_array(batch.num_rows())?];
        self.least.update_batch(&values)?;
        self.greatest.update_batch(&values)
    }
}

impl Unary for GatherKeys {
    const NAME: &'static str = "GatherKeysExec";
    const ONE_PARTITION: bool = true;

    fn details(&self) -> Option<String> {
        let names = self.pairs.iter().map(|(column, _)| column.name());
        Some(names.collect::<Vec<_>>().join(", "))
    }

    fn pass(
        &self,
        rows: SendableRecordBatchStream,
        _context: &TaskContext,
    ) -> Result<SendableRecordBatchStream> {
        let schema: SchemaRef = rows.schema();
        let (this, ranges) = (self.clone(), self.ranges(&schema)?);
        let rows = futures::stream::unfold(Some((rows, this, ranges)), |state| async move {
            let (mut rows, this, mut ranges) = state?;
            let Some(batch) = rows.next().await else {
                // The last thing before the join goes on to its other side.
                return match this.tell(&mut ranges) {
                    Ok(()) => None,
                    Err(error) => Some((Err(error), None)),
                };
            };
            let taken = batch.and_then(|batch| {
                for ((column, _), range) in this.pairs.iter().zip(&mut ranges) {
                    range.take(column, &batch)?;
                }
                Ok(batch)
            });
            match taken {
                Ok(batch) => Some((Ok(batch), Some((rows, this, ranges)))),
                Err(error) => Some((Err(error), None)),
            }
        });
        Ok(Box::pin(RecordBatchStreamAdapter::new(schema, rows)))
    }
}
