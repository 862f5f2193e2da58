//! Statements DataFusion plans and runs: everything the point path leaves.
//!
//! A statement is resolved by PostgreSQL's rules (`bind`), optimised by
//! DataFusion, and run over the tables of a view (`provider`, `scan`) on
//! threads of its own (`runtime`). What it computes comes from our own table
//! of functions and operators (`functions`, `operators`, `aggregates`).
//! A prepared statement keeps its optimised plan; a run puts parameters in and
//! brings its own view. Statements that write run their input as a query and
//! hand its rows to the transaction (`dml`).

mod again;
mod aggregates;
pub(crate) mod alike;
mod arrow;
mod batches;
mod bind;
mod blocks;
mod bounded;
mod calls;
mod cancel;
pub(crate) mod columns;
mod dml;
mod emptied;
mod ends;
mod error;
mod explain;
mod fence;
mod functions;
mod in_order;
mod in_turn;
mod indexed;
mod joins;
mod lists;
mod names;
mod narrowing;
mod num;
mod opaque;
mod operators;
mod patience;
mod pool;
mod provider;
mod pump;
mod ranges;
mod row_by_row;
mod runtime;
mod scalar;
mod scan;
mod semi;
mod series;
mod small;
mod sorted;
mod statement;
mod system;
#[cfg(test)]
mod tests;
mod times;
mod told;
pub(crate) mod types;
mod unary;
mod units;
mod unnest;
mod work;

pub(crate) use aggregates::is_aggregate;
pub(crate) use alike::Literal;
pub use arrow::ArrowRows;
pub use arrow::{
    Inward, TYPE_KEY, cell, inward_columns, inward_type, outward_batch, outward_field,
    outward_schema, sql_type_of,
};
pub(crate) use bind::call::is_set_returning;
pub(crate) use bind::leaning::Leaning;
pub(crate) use bind::name::of_expr as output_name;
pub(crate) use calls::Calls;
pub use scalar::CompiledExpr;
pub use statement::PlannedStatement;

use crate::admission::Admission;
use crate::engine::EngineOptions;
use crate::rows::{Rows, Tag};
use crate::session::SessionFacts;
use crate::session::arguments::Given;
use crate::settings::Settings;
use crate::statement::limits;
use crate::statement::names::{NamedColumn, ReadString};
use columns::seal::Sealer;
use columns::settle::Settler;
use fence::spool::Spools;
use orbit_core::cancel::CancelToken;
use orbit_core::catalog::TableDef;
use orbit_core::database::{Database, ReadView};
use orbit_core::pressure::Adaptation;
use orbit_core::txn::Transaction;
use orbit_core::types::SqlType;
use orbit_core::value::Value;
use orbit_core::{Error, Result};
use patience::Wanted;
use runtime::Machine;
use sqlparser::ast::{self, Query, Statement};
use std::sync::Arc;
use std::time::{Duration, Instant};
use system::system_functions;

/// Aggregates, window functions, and functions that give several rows.
pub fn gives_no_row_for_row(name: &str) -> bool {
    aggregates::is_aggregate(name) || bind::call::is_set_returning(name)
}

/// What a statement runs under.
#[derive(Clone)]
pub struct PlanContext {
    pub view: ReadView,
    pub settings: Arc<Settings>,
    pub cancel: CancelToken,
    pub session: Arc<SessionFacts>,
    /// What the statement's own WITH items wrote and returned.
    pub given: Arc<[bind::given::Given]>,
    /// What `now()` says: when the transaction began, in microseconds since 1970.
    pub now_micros: i64,
    /// The text that the statement's errors point into.
    pub text: Option<Arc<str>>,
    /// Of a statement with several parts, each of which has a plan: what they share.
    pub spools: Option<Arc<Spools>>,
}

pub struct Planner {
    pub(in crate::planned) machine: Arc<Machine>,
    sealer: Option<Arc<Sealer>>,
    settler: Arc<Settler>,
    /// Ends both.
    ending: CancelToken,
    background_rests: u32,
}

/// How often the sealer and the settler look.
const LOOK: Duration = Duration::from_secs(1);

/// How long a chore rests that took so long: `rests` times that, and at least twenty times
/// where the device has better things to do.
fn pause_after(took: Duration, rests: u32, is_limited: bool) -> Duration {
    took * if is_limited { rests.max(20) } else { rests }
}

impl Planner {
    pub fn new(
        db: &Arc<Database>,
        options: &EngineOptions,
        admission: Arc<Admission>,
    ) -> Result<Planner> {
        let machine = Arc::new(Machine::new(options, admission)?);
        let ending = CancelToken::default();
        let sealer = machine.columns.as_ref().map(|store| {
            let (db, store) = (db.clone(), store.clone());
            Arc::new(Sealer::new(db, store, options.seal, ending.clone()))
        });
        Ok(Planner {
            machine,
            sealer,
            settler: Arc::new(Settler::new(db.clone(), ending.clone())),
            ending,
            background_rests: options.background_rests,
        })
    }

    pub async fn keep_columns(&self, db: &Database) -> Result<()> {
        self.keep(
            "rows were not put away",
            &self.settler,
            |settler| async move { settler.pass().await },
        );
        match &self.sealer {
            Some(sealer) => self.keep("tables were not sealed", sealer, |sealer| async move {
                sealer.pass().await
            }),
            // This node had them under another profile.
            None => {
                for manifest in db.columns().iter() {
                    db.forget_columns(manifest).await?;
                }
            }
        }
        Ok(())
    }

    /// Does a chore again and again, while there is somebody to do it.
    fn keep<C, F>(
        &self,
        undone: &'static str,
        keeper: &Arc<C>,
        pass: impl Fn(Arc<C>) -> F + Send + 'static,
    ) where
        C: Send + Sync + 'static,
        F: Future<Output = Result<bool>> + Send,
    {
        let (keeper, ending) = (Arc::downgrade(keeper), self.ending.clone());
        let machine = Arc::downgrade(&self.machine);
        let rests = self.background_rests;
        tokio::spawn(async move {
            let mut pause = LOOK;
            loop {
                tokio::time::sleep(pause).await;
                let Some(keeper) = keeper.upgrade() else {
                    return;
                };
                let begun = Instant::now();
                match pass(keeper).await {
                    Ok(_) => {}
                    Err(_) if ending.check().is_err() => return,
                    Err(error) => tracing::warn!(%error, undone),
                }
                let is_limited = machine
                    .upgrade()
                    .is_some_and(|machine| machine.adaptation().limits_background);
                pause = LOOK.max(pause_after(begun.elapsed(), rests, is_limited));
            }
        });
    }

    /// How queries run from here on.
    pub fn adapt(&self, adaptation: Adaptation) {
        self.machine.adapt(adaptation);
    }

    pub fn adaptation(&self) -> Arc<Adaptation> {
        self.machine.adaptation()
    }

    /// Keeps at most so many percent of what it may keep decoded.
    pub fn set_cache_share(&self, percent: usize) {
        if let Some(columns) = &self.machine.columns {
            columns.set_cache_share(percent);
        }
    }

    /// Ends what runs, and waits for its end; passes after it fail.
    pub async fn stop_columns(&self) {
        self.ending.cancel(Error::new(
            orbit_core::state::ADMIN_SHUTDOWN,
            "the node is shutting down",
        ));
        self.settler.ended().await;
        if let Some(sealer) = &self.sealer {
            sealer.ended().await;
        }
    }

    /// One look of each, and whether anything was to be done.
    pub async fn seal(&self) -> Result<bool> {
        let settled = self.settler.pass().await?;
        match &self.sealer {
            Some(sealer) => Ok(sealer.pass().await? || settled),
            None => Ok(settled),
        }
    }

    /// Resolves and optimises a SELECT, VALUES, INSERT, UPDATE or DELETE.
    pub async fn prepare(
        &self,
        ctx: &PlanContext,
        statement: &Statement,
        declared: &[Option<SqlType>],
    ) -> Result<PlannedStatement> {
        limits::check_from_items(statement)?;
        limits::check_lists(statement)?;
        let machine = self.machine.clone();
        let ctx = ctx.clone();
        let statement = statement.clone();
        let declared = declared.to_vec();
        let wanted = Wanted::default();
        let _waits = wanted.waiter();
        self.machine
            .run(async move {
                wanted.during(|| statement::prepare(&machine, &ctx, &statement, &declared))
            })
            .await
    }

    /// Where a query's text names columns of tables.
    pub async fn named_columns(
        &self,
        ctx: &PlanContext,
        query: &Query,
    ) -> Result<Vec<NamedColumn>> {
        let (ctx, query) = (ctx.clone(), query.clone());
        let look = async move { statement::named_columns(&ctx, &query) };
        self.machine.run(look).await
    }

    /// What the strings in a query's text are read as, and whether all of it was read.
    pub(crate) async fn strings_of_query(
        &self,
        ctx: &PlanContext,
        query: &Query,
    ) -> Result<(Vec<ReadString>, bool)> {
        let (ctx, query) = (ctx.clone(), query.clone());
        let look = async move { Ok(statement::strings(&ctx, query)) };
        self.machine.run(look).await
    }

    /// The same for an expression over columns, whose value is to be of a type.
    pub(crate) fn strings(
        &self,
        ctx: &PlanContext,
        expr: &ast::Expr,
        (relation, columns): (&str, &[(String, SqlType)]),
        wanted: Option<&SqlType>,
    ) -> Vec<ReadString> {
        scalar::strings(ctx, expr, (relation, columns), wanted)
    }

    pub async fn query(
        &self,
        ctx: &PlanContext,
        statement: &Arc<PlannedStatement>,
        params: &[Value],
    ) -> Result<Rows> {
        statement::query(&self.machine, ctx, statement, params).await
    }

    /// Rows: RETURNING, or what FOR UPDATE selects.
    pub async fn write(
        &self,
        ctx: &PlanContext,
        txn: &mut Transaction,
        statement: &Arc<PlannedStatement>,
        params: &[Value],
    ) -> Result<(Tag, Option<Rows>)> {
        dml::write(&self.machine, ctx, txn, statement, params).await
    }

    /// The plan as text, a line each. `analyze` runs it and adds rows and times;
    /// the caller sees to it that nothing is changed without ANALYZE.
    pub(crate) async fn explain(
        &self,
        ctx: &PlanContext,
        txn: Option<&mut Transaction>,
        statement: &Statement,
        analyze: bool,
        given: Given<'_>,
    ) -> Result<Vec<String>> {
        explain::explain(self, ctx, txn, statement, analyze, given).await
    }

    /// As [`Planner::scalar`], for a [`crate::write::TableWriter`].
    pub fn row_function(
        &self,
        ctx: &PlanContext,
        expr: &ast::Expr,
        columns: &[(String, SqlType)],
    ) -> Result<Arc<dyn crate::write::RowFunction>> {
        Ok(Arc::new(dml::Compiled(self.scalar(ctx, expr, columns)?)))
    }

    /// What an expression over a table's columns leans on besides them.
    pub fn leaning(
        &self,
        ctx: &PlanContext,
        expr: &ast::Expr,
        table: &TableDef,
    ) -> Result<Leaning> {
        scalar::leaning(ctx, expr, table)
    }

    /// An expression over columns, for what the row interpreter can't do.
    pub fn scalar(
        &self,
        ctx: &PlanContext,
        expr: &ast::Expr,
        columns: &[(String, SqlType)],
    ) -> Result<CompiledExpr> {
        scalar::compile(&self.machine, ctx, expr, columns)
    }
}
