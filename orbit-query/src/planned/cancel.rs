//! Where a running plan notices that it must stop.
//!
//! Scans look once a batch, but a join makes a thousand batches of one of
//! theirs, and an aggregate above takes them all without coming up for air: a
//! cancel request or a timeout, which the task sees only when it is polled
//! anew, went unheard for as long. So above every operator that makes more rows
//! than it reads stands a [`Cancel`], which looks at every batch and lets
//! the task pause now and then. DataFusion's own `CooperativeExec` doesn't help:
//! it stands above scans, below the join.
//!
//! A nested loop whose filter lets little through makes no batch for as long; so
//! its filter looks too, at every row of the outer side ([`CancelFilter`]).
//!
//! And a function may be long over one row: all matches of `a*b|a` in a megabyte. So the
//! thread that polls a plan knows its run meanwhile, for loops to [`check`].

use super::bounded::{Held, Own};
use super::error::{Told, to_datafusion};
use super::patience;
use super::scan::Run;
use super::unary::{Unary, above};
use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::datatypes::{FieldRef, Schema, SchemaRef};
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::error::{DataFusionError, Result};
use datafusion::execution::{RecordBatchStream, SendableRecordBatchStream, TaskContext};
use datafusion::logical_expr::ColumnarValue;
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::joins::utils::JoinFilter;
use datafusion::physical_plan::joins::{NestedLoopJoinExec, NestedLoopJoinExecBuilder};
use datafusion::physical_plan::repartition::RepartitionExec;
use datafusion::physical_plan::sorts::sort::SortExec;
use futures::{Stream, StreamExt};
use orbit_core::cancel::CancelToken;
use std::cell::RefCell;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll, ready};

thread_local! {
    static CURRENT: RefCell<Option<Work>> = const { RefCell::new(None) };
}

/// What a thread works for.
enum Work {
    Run(Arc<Run>),
    /// A statement that computes rows by itself, without a plan.
    Statement(CancelToken),
}

/// `work` for a statement, which its functions can hear to be cancelled.
pub fn during<T>(cancel: &CancelToken, work: impl FnOnce() -> T) -> T {
    let _current = Current::enter(Work::Statement(cancel.clone()));
    work()
}

/// Fails once the run that this thread works for is cancelled, or the plan that it makes;
/// for long loops of functions.
pub fn check() -> orbit_core::Result<()> {
    patience::check()?;
    CURRENT.with_borrow(|current| match current {
        Some(Work::Run(run)) => run.check(),
        Some(Work::Statement(cancel)) => cancel.check(),
        None => Ok(()),
    })
}

/// Makes it the thread's work, until it is dropped.
struct Current(Option<Work>);

impl Current {
    fn enter(work: Work) -> Current {
        Current(CURRENT.replace(Some(work)))
    }
}

impl Drop for Current {
    fn drop(&mut self) {
        CURRENT.set(self.0.take());
    }
}

/// The plan with a check above all that multiplies rows, and above all that a task polls:
/// the whole, and what is dealt out to partitions.
pub fn stoppable(plan: Arc<dyn ExecutionPlan>) -> orbit_core::Result<Arc<dyn ExecutionPlan>> {
    let plan = with_checks(plan)?;
    Ok(above(plan, Cancel::default()))
}

#[allow(deprecated)]
fn with_checks(plan: Arc<dyn ExecutionPlan>) -> orbit_core::Result<Arc<dyn ExecutionPlan>> {
    plan.transform_up(|node| {
        if has_tasks(node.name()) {
            let children = node.children().into_iter().cloned();
            let checked = children.map(|input| above(input, Cancel::default()));
            let checked = checked.collect();
            return Ok(Transformed::yes(node.with_new_children(checked)?));
        }
        if !multiplies(node.name()) {
            return Ok(Transformed::no(node));
        }
        let run = Arc::new(OnceLock::new());
        let input = match node.downcast_ref::<NestedLoopJoinExec>() {
            Some(join) => with_checked_filter(join, &run)?,
            // It keeps all its rows, and tells nobody.
            None if node.name() == "WindowAggExec" => {
                let children = node.children().into_iter().cloned();
                let held = children.map(|input| above(input, Held)).collect();
                node.with_new_children(held)?
            }
            None if node.name() == "SortExec" => {
                let children = node.children().into_iter().cloned();
                let own = children.map(|input| above(input, Own)).collect();
                node.with_new_children(own)?
            }
            None => node,
        };
        Ok(Transformed::yes(above(input, Cancel { run })))
    })
    .told()
    .map(|transformed| transformed.data)
}

#[allow(deprecated)]
fn with_checked_filter(
    join: &NestedLoopJoinExec,
    run: &Arc<OnceLock<Arc<Run>>>,
) -> Result<Arc<dyn ExecutionPlan>> {
    let filter = join.filter().map(|filter| {
        let checked = CancelFilter {
            inner: filter.expression().clone(),
            run: run.clone(),
        };
        JoinFilter::new(
            Arc::new(checked),
            filter.column_indices().to_vec(),
            filter.schema().clone(),
        )
    });
    let checked = NestedLoopJoinExecBuilder::from(join).with_filter(filter);
    let checked: Arc<dyn ExecutionPlan> = Arc::new(checked.build()?);
    if !runs_once(join.left()) {
        return Ok(checked);
    }
    let left = above(join.left().clone(), Once::default());
    checked.with_new_children(vec![left, join.right().clone()])
}

/// Whether a plan can't be run a second time: rows that were dealt out are gone, and a sort
/// that keeps few goes by what it found the first time.
fn runs_once(plan: &Arc<dyn ExecutionPlan>) -> bool {
    plan.is::<RepartitionExec>()
        || plan.is::<SortExec>() && plan.fetch().is_some()
        || plan.children().into_iter().any(runs_once)
}

/// The left side of a nested loop, which DataFusion runs again when it didn't fit into
/// memory. One that can't be run again would panic.
#[derive(Debug, Default)]
struct Once {
    ran: AtomicBool,
}

impl Clone for Once {
    /// A plan made anew, as each round of a recursion has it, hasn't run.
    fn clone(&self) -> Once {
        Once::default()
    }
}

impl Unary for Once {
    const NAME: &'static str = "OnceExec";

    fn execute(
        &self,
        input: &Arc<dyn ExecutionPlan>,
        partition: usize,
        context: Arc<TaskContext>,
    ) -> Result<SendableRecordBatchStream> {
        if self.ran.swap(true, Ordering::Relaxed) {
            return Err(DataFusionError::ResourcesExhausted(
                "one side of a nested loop doesn't fit into memory".to_owned(),
            ));
        }
        input.execute(partition, context)
    }
}

/// Operators whose inputs are polled by tasks of their own.
fn has_tasks(name: &str) -> bool {
    matches!(
        name,
        "RepartitionExec" | "CoalescePartitionsExec" | "SortPreservingMergeExec"
    )
}

/// Operators that make more rows than they read, and those that hand on for long what
/// they have gathered.
fn multiplies(name: &str) -> bool {
    name.ends_with("JoinExec")
        || matches!(
            name,
            "UnnestExec" | "RecursiveQueryExec" | "SortExec" | "AggregateExec" | "WindowAggExec"
        )
}

/// Passes batches on until the run is cancelled.
#[derive(Clone, Debug, Default)]
struct Cancel {
    /// Known once it runs; a plan is made for one run.
    run: Arc<OnceLock<Arc<Run>>>,
}

impl Unary for Cancel {
    const NAME: &'static str = "CancelExec";

    fn pass(
        &self,
        rows: SendableRecordBatchStream,
        context: &TaskContext,
    ) -> Result<SendableRecordBatchStream> {
        let run = Run::of(context)?;
        // Other partitions of the same run have set it to the same.
        let _ = self.run.set(run.clone());
        Ok(Box::pin(CancelStream { input: rows, run }))
    }
}

struct CancelStream {
    input: SendableRecordBatchStream,
    run: Arc<Run>,
}

impl Stream for CancelStream {
    type Item = Result<RecordBatch>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if let Err(reason) = self.run.check() {
            return Poll::Ready(Some(Err(to_datafusion(reason))));
        }
        // Pending once this poll of the task has taken many batches.
        let turn = ready!(tokio::task::coop::poll_proceed(cx));
        let current = Current::enter(Work::Run(self.run.clone()));
        let next = self.input.poll_next_unpin(cx);
        drop(current);
        if next.is_ready() {
            turn.made_progress();
        }
        next
    }
}

impl RecordBatchStream for CancelStream {
    fn schema(&self) -> SchemaRef {
        self.input.schema()
    }
}

/// How often joins' filters have looked, for a test to know that one is at work.
#[cfg(test)]
pub static LOOKS: std::sync::atomic::AtomicU64 = std::sync::atomic::AtomicU64::new(0);

/// A join's filter that fails once the run is cancelled.
#[derive(Debug)]
struct CancelFilter {
    inner: Arc<dyn PhysicalExpr>,
    run: Arc<OnceLock<Arc<Run>>>,
}

impl PhysicalExpr for CancelFilter {
    fn evaluate(&self, batch: &RecordBatch) -> Result<ColumnarValue> {
        #[cfg(test)]
        LOOKS.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        if let Some(run) = self.run.get() {
            run.check().map_err(to_datafusion)?;
        }
        self.inner.evaluate(batch)
    }

    fn return_field(&self, input: &Schema) -> Result<FieldRef> {
        self.inner.return_field(input)
    }

    fn children(&self) -> Vec<&Arc<dyn PhysicalExpr>> {
        vec![&self.inner]
    }

    fn with_new_children(
        self: Arc<Self>,
        mut children: Vec<Arc<dyn PhysicalExpr>>,
    ) -> Result<Arc<dyn PhysicalExpr>> {
        match (children.pop(), children.is_empty()) {
            (Some(inner), true) => Ok(Arc::new(CancelFilter {
                inner,
                run: self.run.clone(),
            })),
            _ => Err(DataFusionError::Internal(
                "a checked filter has one expression".to_owned(),
            )),
        }
    }

    fn fmt_sql(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.fmt_sql(f)
    }
}

impl fmt::Display for CancelFilter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.fmt(f)
    }
}

impl PartialEq for CancelFilter {
    fn eq(&self, other: &CancelFilter) -> bool {
        *self.inner == *other.inner
    }
}

impl Eq for CancelFilter {}

impl Hash for CancelFilter {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.inner.hash(state);
    }
}
