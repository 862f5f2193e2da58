//! From text to a prepared statement: tokenised and split at semicolons, each
//! statement classified by its first word. Row statements (SELECT, INSERT,
//! UPDATE, DELETE, VALUES, WITH) get a point plan or a DataFusion plan; the rest
//! is a [`Utility`].

pub(crate) mod absent_grammar;
pub(crate) mod access_grammar;
pub mod alter_grammar;
pub(crate) mod build;
pub mod cache;
pub(crate) mod comment_grammar;
pub(crate) mod conflict_target;
mod copy_grammar;
mod count;
pub(crate) mod create_grammar;
mod cursor_grammar;
pub(crate) mod database_grammar;
pub(crate) mod dates;
pub mod dialect;
pub mod do_grammar;
mod effort;
mod explain_grammar;
mod foreign_key_columns;
pub(crate) mod included_columns;
pub mod like_grammar;
pub mod limits;
#[cfg(feature = "datafusion")]
pub(crate) mod merge_grammar;
pub mod names;
pub(crate) mod overriding;
pub mod parse;
mod prepare_grammar;
pub mod quoting;
mod reindex_grammar;
pub(crate) mod row_locks;
mod search_cycle;
#[cfg(feature = "datafusion")]
mod select_into;
pub(crate) mod sequence_grammar;
mod set_grammar;
pub(crate) mod spelling;
pub mod tokens;
mod transaction_grammar;
mod unicode_escapes;
pub mod utility;
mod vacuum_grammar;
pub mod visit;

use crate::access::Need;
use crate::point::PointPlan;
use crate::rows::ColumnDesc;
use orbit_core::catalog::{Catalog, Table};
use orbit_core::types::SqlType;
use orbit_core::value::Value;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

pub use utility::Utility;

/// A statement ready to run, any number of times, by any session.
pub struct Prepared {
    pub sql: String,
    /// Types of `$1`, `$2`, ...
    pub params: Vec<SqlType>,
    /// `None`: the statement returns no rows.
    pub columns: Option<Arc<[ColumnDesc]>>,
    pub(crate) plan: Plan,
    /// The parameter types the client declared, for planning anew.
    pub(crate) declared: Vec<Option<SqlType>>,
    /// The role and catalog it was found allowed for last ([`Rights::stamp`]).
    ///
    /// [`Rights::stamp`]: crate::access::Rights::stamp
    pub(crate) checked: AtomicU64,
    /// Of a utility: how many characters stand before it in its message.
    pub(crate) begins: u32,
}

pub(crate) enum Plan {
    Empty,
    Point(PointPlan),
    #[cfg(feature = "datafusion")]
    Planned(Arc<crate::planned::PlannedStatement>),
    Utility(Box<Utility>),
}

impl Prepared {
    pub(crate) fn empty() -> Prepared {
        Prepared {
            sql: String::new(),
            params: Vec::new(),
            columns: None,
            plan: Plan::Empty,
            declared: Vec::new(),
            checked: AtomicU64::new(0),
            begins: 0,
        }
    }

    /// A statement of the point path.
    pub fn point(sql: String, plan: PointPlan, declared: &[Option<SqlType>]) -> Prepared {
        Prepared {
            sql,
            params: plan.params().to_vec(),
            columns: plan.columns().cloned(),
            plan: Plan::Point(plan),
            declared: declared.to_vec(),
            checked: AtomicU64::new(0),
            begins: 0,
        }
    }

    #[cfg(feature = "datafusion")]
    pub(crate) fn planned(
        sql: String,
        plan: Arc<crate::planned::PlannedStatement>,
        declared: &[Option<SqlType>],
    ) -> Prepared {
        Prepared {
            sql,
            params: plan.params().to_vec(),
            columns: plan.columns().cloned(),
            plan: Plan::Planned(plan),
            declared: declared.to_vec(),
            checked: AtomicU64::new(0),
            begins: 0,
        }
    }

    /// Whether the plan still fits what exists in `catalog`. Cheap: one look-up a table.
    pub(crate) fn is_current(&self, catalog: &Catalog) -> bool {
        match &self.plan {
            Plan::Empty | Plan::Utility(_) => true,
            Plan::Point(plan) => plan.is_current(catalog),
            #[cfg(feature = "datafusion")]
            Plan::Planned(plan) => plan.is_current(catalog),
        }
    }

    /// The tables a row statement names.
    pub(crate) fn tables(&self) -> &[Arc<Table>] {
        match &self.plan {
            Plan::Empty | Plan::Utility(_) => &[],
            Plan::Point(plan) => plan.tables(),
            #[cfg(feature = "datafusion")]
            Plan::Planned(plan) => plan.tables(),
        }
    }

    /// What of the point path's statements is asked before each run. The planner
    /// asks for its own: it may have to resolve names anew.
    pub(crate) fn needs(&self) -> &[Need] {
        match &self.plan {
            Plan::Point(plan) => plan.needs(),
            _ => &[],
        }
    }

    /// What is asked of it, whoever asks.
    pub(crate) fn all_needs(&self) -> &[Need] {
        match &self.plan {
            #[cfg(feature = "datafusion")]
            Plan::Planned(plan) => plan.needs(),
            _ => self.needs(),
        }
    }

    /// The command's name if the statement writes or locks rows.
    pub(crate) fn writes(&self) -> Option<&'static str> {
        match &self.plan {
            Plan::Empty | Plan::Utility(_) => None,
            Plan::Point(plan) => plan.writes(),
            #[cfg(feature = "datafusion")]
            Plan::Planned(plan) => plan.writes(),
        }
    }

    /// Which of the result's columns an outer join may leave empty.
    pub(crate) fn made_null(&self) -> Vec<bool> {
        match &self.plan {
            #[cfg(feature = "datafusion")]
            Plan::Planned(plan) => plan.made_null(),
            _ => Vec::new(),
        }
    }

    pub(crate) fn is_utility(&self) -> bool {
        matches!(self.plan, Plan::Empty | Plan::Utility(_))
    }

    pub fn is_empty(&self) -> bool {
        matches!(self.plan, Plan::Empty)
    }

    /// COMMIT, ROLLBACK and ROLLBACK TO: what a failed block still takes.
    pub fn ends_block(&self) -> bool {
        matches!(&self.plan, Plan::Utility(utility) if utility.allowed_in_failed_block())
    }
}

impl std::fmt::Debug for Prepared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Prepared")
            .field("sql", &self.sql)
            .field("params", &self.params)
            .finish_non_exhaustive()
    }
}

/// The statements of one simple-protocol message, in order.
///
/// A later statement is prepared only when its turn comes
/// ([`crate::Session::next_statement`]), because an earlier one may create what it names.
pub struct Script {
    pub(crate) next: usize,
    pub(crate) statements: Vec<Unprepared>,
    /// The message's text if it is a single statement: what it is cached by.
    pub(crate) message: Option<String>,
    /// The whole message.
    pub(crate) text: String,
    /// The whole message was one statement known already.
    pub(crate) ready: Option<(Arc<Prepared>, Vec<Value>)>,
}

/// A statement's text and its tokens, until its turn comes.
pub(crate) struct Unprepared {
    pub sql: String,
    /// Taken when the turn comes.
    pub parsed: Option<parse::Parsed>,
}

impl Script {
    pub(crate) fn ready(statement: Arc<Prepared>, literals: Vec<Value>) -> Script {
        Script {
            next: 0,
            statements: Vec::new(),
            message: None,
            text: String::new(),
            ready: Some((statement, literals)),
        }
    }

    /// Statements not yet taken.
    pub fn remaining(&self) -> usize {
        usize::from(self.ready.is_some()) + self.statements.len().saturating_sub(self.next)
    }
}
