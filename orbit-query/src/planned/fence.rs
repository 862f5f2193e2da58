//! Queries that are worked out as they are written.
//!
//! An optimiser may leave out columns that nobody reads, move conditions and expressions,
//! and run one query twice where its rows are wanted twice. Where a query calls something
//! that gives another value every time, or that does something, all of that can be seen.
//! So a fence stands around it: what is inside has all its columns, and nothing from
//! outside comes in. PostgreSQL draws the same line around a subquery whose select list is
//! volatile, and around a WITH item.
//!
//! A fence with a name ([`Source`]) stands in a plan several times, around the same query
//! each time. The first that is read runs it, and all have those rows ([`spool`]).

pub mod physical;
pub mod spool;
mod volatile;

use super::error::Told;
use super::work::WorkRows;
use datafusion::common::DFSchemaRef;
use datafusion::common::tree_node::TreeNode;
use datafusion::datasource::source_as_provider;
use datafusion::error::{DataFusionError, Result};
use datafusion::logical_expr::{Expr, Extension, LogicalPlan, UserDefinedLogicalNodeCore};
use std::collections::HashSet;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use volatile::has_volatile_columns;
pub use volatile::is_volatile;

/// Which query's rows a fence has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd)]
pub enum Source {
    /// Its own: no other fence shares them, though it be of the same text.
    Own(u64),
    /// One query's of this plan.
    Query(u64),
    /// The WITH item's that stands at this line and column of a statement with several
    /// parts, each of which has a plan.
    Item { line: u64, column: u64 },
    /// One query's, anew for each round of the recursion that it stands in.
    Round(u64),
}

fn next_number() -> u64 {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    NEXT.fetch_add(1, Ordering::Relaxed)
}

/// What nobody else shares.
pub fn own() -> Source {
    Source::Own(next_number())
}

/// What copies of a fence around the plan share.
pub fn shared(plan: &LogicalPlan) -> orbit_core::Result<Source> {
    let in_recursion = plan.exists(|node| {
        Ok(match node {
            LogicalPlan::TableScan(scan) => source_as_provider(&scan.source)?
                .downcast_ref::<WorkRows>()
                .is_some(),
            _ => false,
        })
    });
    Ok(match in_recursion.told()? {
        true => Source::Round(next_number()),
        false => Source::Query(next_number()),
    })
}

/// Every use of the plan has the same rows from here on, if two runs of it might differ.
pub fn once(plan: LogicalPlan) -> orbit_core::Result<LogicalPlan> {
    if !is_volatile(&plan)? {
        return Ok(plan);
    }
    let source = shared(&plan)?;
    Ok(around(plan, source))
}

/// The plan keeps its columns, though nobody should read them, if some are volatile.
pub fn whole(plan: LogicalPlan) -> orbit_core::Result<LogicalPlan> {
    Ok(match has_volatile_columns(&plan)? {
        true => around(plan, own()),
        false => plan,
    })
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd)]
pub struct Fence {
    pub source: Source,
    pub input: LogicalPlan,
}

impl Fence {
    /// Whether other fences have the same rows.
    pub fn is_shared(&self) -> bool {
        !matches!(self.source, Source::Own(_))
    }

    pub fn of(plan: &LogicalPlan) -> Option<&Fence> {
        match plan {
            LogicalPlan::Extension(extension) => extension.node.as_any().downcast_ref(),
            _ => None,
        }
    }
}

/// The query with a fence around it.
pub fn around(input: LogicalPlan, source: Source) -> LogicalPlan {
    LogicalPlan::Extension(Extension {
        node: Arc::new(Fence { source, input }),
    })
}

impl UserDefinedLogicalNodeCore for Fence {
    fn name(&self) -> &str {
        "Fence"
    }

    fn inputs(&self) -> Vec<&LogicalPlan> {
        vec![&self.input]
    }

    fn schema(&self) -> &DFSchemaRef {
        self.input.schema()
    }

    fn expressions(&self) -> Vec<Expr> {
        Vec::new()
    }

    /// Conditions on what isn't volatile may come in where nobody else has these rows.
    fn prevent_predicate_push_down_columns(&self) -> HashSet<String> {
        let fields = self.input.schema().fields().iter();
        let names = fields.map(|field| field.name().clone());
        match &self.input {
            LogicalPlan::Projection(of) if !self.is_shared() => {
                let named = names.zip(&of.expr);
                let volatile = named.filter(|(_, expr)| expr.is_volatile());
                volatile.map(|(name, _)| name).collect()
            }
            _ => names.collect(),
        }
    }

    fn fmt_for_explain(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Fence: {:?}", self.source)
    }

    fn with_exprs_and_inputs(&self, _: Vec<Expr>, mut inputs: Vec<LogicalPlan>) -> Result<Fence> {
        match (inputs.pop(), inputs.is_empty()) {
            (Some(input), true) => Ok(Fence {
                source: self.source,
                input,
            }),
            _ => Err(DataFusionError::Internal(
                "a fence has one input".to_owned(),
            )),
        }
    }
}
