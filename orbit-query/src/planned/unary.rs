//! Operators of our own with one input: what all of them say to DataFusion, said once.

use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::error::{DataFusionError, Result};
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_expr::{Distribution, LexOrdering, OrderingRequirements, PhysicalExpr};
use datafusion::physical_plan::{
    DisplayAs, DisplayFormatType, ExecutionPlan, InputDistributionRequirements, PlanProperties,
};
use std::fmt::{self, Debug};
use std::sync::Arc;

/// What an operator does to its input. Its columns are the input's.
pub trait Unary: Clone + Debug + Send + Sync + 'static {
    const NAME: &'static str;
    /// Whether a sort above may be put below.
    const KEEPS_ORDER: bool = true;
    /// Whether a limit above may be put below.
    const PASSES_LIMITS: bool = false;
    /// Whether its input has to be in one partition.
    const ONE_PARTITION: bool = false;

    /// The order in which it wants its input.
    fn order(&self) -> Option<&LexOrdering> {
        None
    }

    /// What is known of its rows: by default all that is known of the input's.
    fn properties(&self, input: &Arc<dyn ExecutionPlan>) -> Arc<PlanProperties> {
        input.properties().clone()
    }

    /// What EXPLAIN shows behind the name.
    fn details(&self) -> Option<String> {
        None
    }

    /// Its rows, of one partition of the input's.
    fn execute(
        &self,
        input: &Arc<dyn ExecutionPlan>,
        partition: usize,
        context: Arc<TaskContext>,
    ) -> Result<SendableRecordBatchStream> {
        let rows = input.execute(partition, context.clone())?;
        self.pass(rows, &context)
    }

    /// What becomes of a partition's rows on their way, where they are the input's.
    fn pass(
        &self,
        rows: SendableRecordBatchStream,
        _context: &TaskContext,
    ) -> Result<SendableRecordBatchStream> {
        Ok(rows)
    }
}

/// `operator` above `input`.
pub fn above<U: Unary>(input: Arc<dyn ExecutionPlan>, operator: U) -> Arc<dyn ExecutionPlan> {
    Arc::new(UnaryExec {
        properties: operator.properties(&input),
        input,
        operator,
    })
}

/// The operator that a node is, if it is of this kind, and its input.
pub fn operator_of<U: Unary>(
    node: &Arc<dyn ExecutionPlan>,
) -> Option<(&U, &Arc<dyn ExecutionPlan>)> {
    let node = node.downcast_ref::<UnaryExec<U>>()?;
    Some((&node.operator, &node.input))
}

#[derive(Debug)]
struct UnaryExec<U> {
    operator: U,
    input: Arc<dyn ExecutionPlan>,
    properties: Arc<PlanProperties>,
}

impl<U: Unary> DisplayAs for UnaryExec<U> {
    fn fmt_as(&self, _kind: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(U::NAME)?;
        match self.operator.details() {
            Some(details) => write!(f, ": {details}"),
            None => Ok(()),
        }
    }
}

impl<U: Unary> ExecutionPlan for UnaryExec<U> {
    fn name(&self) -> &str {
        U::NAME
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        &self.properties
    }

    fn maintains_input_order(&self) -> Vec<bool> {
        vec![U::KEEPS_ORDER]
    }

    /// More partitions below would change what these are there for.
    fn benefits_from_input_partitioning(&self) -> Vec<bool> {
        vec![false]
    }

    fn input_distribution_requirements(&self) -> InputDistributionRequirements {
        InputDistributionRequirements::new(vec![match U::ONE_PARTITION {
            true => Distribution::SinglePartition,
            false => Distribution::UnspecifiedDistribution,
        }])
    }

    fn required_input_ordering(&self) -> Vec<Option<OrderingRequirements>> {
        vec![
            self.operator
                .order()
                .cloned()
                .map(OrderingRequirements::from),
        ]
    }

    fn supports_limit_pushdown(&self) -> bool {
        U::PASSES_LIMITS
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        vec![&self.input]
    }

    fn apply_expressions(
        &self,
        _f: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        Ok(TreeNodeRecursion::Continue)
    }

    #[allow(deprecated)]
    fn with_new_children(
        self: Arc<Self>,
        mut children: Vec<Arc<dyn ExecutionPlan>>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        match (children.pop(), children.is_empty()) {
            (Some(input), true) => Ok(above(input, self.operator.clone())),
            _ => Err(DataFusionError::Internal(format!(
                "{} has one input",
                U::NAME
            ))),
        }
    }

    fn execute(
        &self,
        partition: usize,
        context: Arc<TaskContext>,
    ) -> Result<SendableRecordBatchStream> {
        self.operator.execute(&self.input, partition, context)
    }
}
