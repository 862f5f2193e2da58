//! A statement prepared once and run many times.

use super::again::Ready;
use super::bind::{Binder, BoundQuery, moment};
use super::bounded::{Narrow, batch_rows};
use super::cancel::stoppable;
use super::error::{Told, to_datafusion};
use super::functions::{self, Effect};
use super::in_order::in_order;
use super::in_turn::in_turn;
use super::lists;
use super::patience::Wanted;
use super::runtime::Machine;
use super::scan::Run;
use super::small::reads_little;
use super::sorted::{shows_order, without_unseen};
use super::system::System;
use super::unary::above;
use super::units::in_own_units;
use super::unnest::{is_beyond_datafusion, is_correlated, unnest};
use super::{PlanContext, aggregates, arrow, dml};
use crate::access::need::{self, Need};
use crate::rows::{ColumnDesc, Rows};
use crate::settings::Settings;
use crate::statement::names::{NamedColumn, ReadString};
use crate::statement::visit;
use datafusion::arrow::datatypes::DataType;
use datafusion::common::ScalarValue;
use datafusion::common::tree_node::{Transformed, TreeNode, TreeNodeRecursion};
use datafusion::execution::context::SessionState;
use datafusion::logical_expr::expr_rewriter::NamePreserver;
use datafusion::logical_expr::simplify::SimplifyContext;
use datafusion::logical_expr::{Expr, Limit, LogicalPlan};
use datafusion::optimizer::simplify_expressions::ExprSimplifier;
use datafusion::physical_plan::ExecutionPlan;
use orbit_core::catalog::{Catalog, Table, ViewDef};
use orbit_core::database::ReadView;
use orbit_core::types::SqlType;
use orbit_core::value::{Value, cast};
use orbit_core::{Error, Result, state};
use sqlparser::ast::{self, SetExpr, Statement};
use std::hash::{Hash, Hasher};
use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

pub struct PlannedStatement {
    pub(super) syntax: Arc<Statement>,
    pub(super) declared: Vec<Option<SqlType>>,
    pub(super) params: Vec<SqlType>,
    pub(super) columns: Option<Arc<[ColumnDesc]>>,
    pub(super) body: Body,
    tables: Vec<Arc<Table>>,
    views: Vec<Arc<ViewDef>>,
    /// What must be allowed for it to run.
    needs: Vec<Need>,
    /// Settings that names and casts were resolved under.
    scope: u64,
    /// Reads the catalogs, whose rows are part of the plan.
    system: bool,
    /// A write with a query in it that locks rows.
    pub(super) locks_within: bool,
}

pub(super) enum Body {
    Query(Arc<LogicalPlan>),
    Write(dml::Write),
}

impl PlannedStatement {
    pub fn params(&self) -> &[SqlType] {
        &self.params
    }

    pub fn columns(&self) -> Option<&Arc<[ColumnDesc]>> {
        self.columns.as_ref()
    }

    /// Whether every table it names is still as it was. Cheap: one look-up a table.
    pub fn is_current(&self, catalog: &Catalog) -> bool {
        self.tables.iter().all(|table| {
            catalog
                .table_by_id(table.id)
                .is_some_and(|now| now.version == table.version)
        }) && self.views.iter().all(|view| {
            catalog
                .view_by_oid(view.oid)
                .is_some_and(|now| Arc::ptr_eq(now, view))
        })
    }

    /// Which of the result's columns an outer join may leave empty.
    pub(crate) fn made_null(&self) -> Vec<bool> {
        match &self.body {
            Body::Query(plan) => super::emptied::made_null(plan),
            Body::Write(_) => Vec::new(),
        }
    }

    pub(crate) fn needs(&self) -> &[Need] {
        &self.needs
    }

    /// 42501 if the session may not run it. Asked of every run: a prepared statement
    /// is resolved anew where the search path has changed.
    pub(super) fn check_access(&self, ctx: &PlanContext) -> Result<()> {
        need::check(&self.needs, &ctx.session.rights, ctx.view.catalog())
    }

    /// The statement whose last part this is, to be run as `body` says. It names and needs
    /// what any of the parts does.
    pub(super) fn with_parts(
        mut self,
        statement: &Statement,
        declared: &[Option<SqlType>],
        params: Vec<SqlType>,
        body: Body,
        parts: Vec<PlannedStatement>,
    ) -> PlannedStatement {
        self.syntax = Arc::new(statement.clone());
        self.declared = declared.to_vec();
        self.params = params;
        self.body = body;
        for part in parts {
            self.tables.extend(part.tables);
            self.views.extend(part.views);
            self.needs.extend(part.needs);
            self.system |= part.system;
        }
        self
    }

    /// Every table it names.
    pub fn tables(&self) -> &[Arc<Table>] {
        &self.tables
    }

    /// `INSERT`, `UPDATE`, `DELETE`, `MERGE`, `SELECT FOR UPDATE`; `None` for a mere read.
    pub fn writes(&self) -> Option<&'static str> {
        match &self.body {
            Body::Query(_) => None,
            Body::Write(write) => Some(write.verb()),
        }
    }

    /// Whether it must be resolved again before it runs under these settings.
    pub(super) fn is_stale(&self, ctx: &PlanContext) -> bool {
        self.system || self.scope != scope_of(&ctx.settings) || !self.is_current(ctx.view.catalog())
    }
}

pub(super) fn scope_of(settings: &Settings) -> u64 {
    let mut hasher = std::hash::DefaultHasher::new();
    settings.search_path().hash(&mut hasher);
    settings.format.time_zone.name().hash(&mut hasher);
    settings.format.date_order.hash(&mut hasher);
    settings.format.interval_style.hash(&mut hasher);
    hasher.finish()
}

/// Where a query names columns of tables.
pub(super) fn named_columns(ctx: &PlanContext, query: &ast::Query) -> Result<Vec<NamedColumn>> {
    let system = System::new(ctx);
    let lookup = |schema: &str| system.schema(schema);
    let catalog = ctx.view.catalog();
    let mut binder = Binder::new(catalog, &ctx.settings, &ctx.session, &lookup, &[]);
    binder.named = Some(Vec::new());
    binder.query(query)?;
    Ok(binder.named.unwrap_or_default())
}

/// What the strings in a query's text are read as, and whether no error kept from reading all.
pub(super) fn strings(ctx: &PlanContext, query: ast::Query) -> (Vec<ReadString>, bool) {
    let mut statement = Statement::Query(Box::new(query));
    let system = System::new(ctx);
    // As it is written first: what is rewritten for the catalogs makes lists of strings.
    let found = strings_in(ctx, &system, &statement);
    if found.1 {
        return found;
    }
    system.rewrite(&mut statement);
    strings_in(ctx, &system, &statement)
}

fn strings_in(
    ctx: &PlanContext,
    system: &System,
    statement: &Statement,
) -> (Vec<ReadString>, bool) {
    let lookup = |schema: &str| system.schema(schema);
    let catalog = ctx.view.catalog();
    let mut binder = Binder::new(catalog, &ctx.settings, &ctx.session, &lookup, &[]);
    binder.strings = Some(Vec::new());
    // Whoever runs the statement says what is wrong with it.
    let all = match statement {
        Statement::Query(query) => binder.query(query).is_ok(),
        _ => false,
    };
    (binder.strings.unwrap_or_default(), all)
}

/// Resolves and optimises. Runs on a query thread: it may recurse deeply.
pub(super) fn prepare(
    machine: &Machine,
    ctx: &PlanContext,
    statement: &Statement,
    declared: &[Option<SqlType>],
) -> Result<PlannedStatement> {
    if let Some(chain) = dml::chain::Chain::of(statement)? {
        return dml::chain::prepare(machine, ctx, statement, chain, declared);
    }
    let mut rewritten = statement.clone();
    let system = System::new(ctx);
    system.rewrite(&mut rewritten);
    let lookup = |schema: &str| system.schema(schema);
    let catalog = ctx.view.catalog();
    let mut binder = Binder::new(catalog, &ctx.settings, &ctx.session, &lookup, declared);
    binder.text = ctx.text.clone();
    binder.is_part = ctx.spools.is_some();
    let state = system.state(machine);
    binder.give(&ctx.given)?;
    let (body, columns) = match &rewritten {
        Statement::Query(query) if !query.locks.is_empty() => {
            dml::lock::prepare(&mut binder, &state, query)?
        }
        Statement::Query(query) if write_of(query).is_some() => {
            if let Some(with) = &query.with {
                binder.with_clause(with)?;
            }
            match write_of(query) {
                Some(Statement::Insert(insert)) => {
                    dml::insert::prepare(&mut binder, &state, insert)?
                }
                Some(Statement::Update(update)) => {
                    dml::update::prepare(&mut binder, &state, update)?
                }
                Some(Statement::Delete(delete)) => {
                    dml::delete::prepare(&mut binder, &state, delete)?
                }
                Some(Statement::Merge(merge)) => {
                    if query.with.as_ref().is_some_and(|with| with.recursive) {
                        return Err(Error::new(
                            state::SYNTAX_ERROR,
                            "WITH RECURSIVE is not supported for MERGE statement",
                        ));
                    }
                    dml::merge::prepare(&mut binder, &state, merge)?
                }
                _ => return Err(Error::unsupported("this statement behind WITH")),
            }
        }
        Statement::Query(query) => {
            let bound = binder.query(query)?;
            let (plan, columns) = finished(&mut binder, bound)?;
            (
                Body::Query(Arc::new(optimized(&state, plan)?)),
                Some(columns),
            )
        }
        Statement::Insert(insert) => dml::insert::prepare(&mut binder, &state, insert)?,
        Statement::Update(update) => dml::update::prepare(&mut binder, &state, update)?,
        Statement::Delete(delete) => dml::delete::prepare(&mut binder, &state, delete)?,
        Statement::Merge(merge) => dml::merge::prepare(&mut binder, &state, merge)?,
        other => return Err(Error::unsupported(format_args!("the statement {other}"))),
    };
    let reads_system = system.was_used();
    // What is known to be empty was cut away, and parameters with it.
    binder.has_parameters(highest_parameter(statement));
    let locks_within = match &body {
        Body::Write(write) => write.verb() != "SELECT FOR UPDATE" && dml::nested::locks(statement),
        Body::Query(_) => false,
    };
    Ok(PlannedStatement {
        syntax: Arc::new(statement.clone()),
        declared: declared.to_vec(),
        params: binder.param_types(),
        columns,
        body,
        tables: binder.tables.clone(),
        views: binder.views.clone(),
        needs: binder.needs.clone(),
        scope: scope_of(&ctx.settings),
        system: reads_system,
        locks_within,
    })
}

/// The highest number of a parameter that the text names.
fn highest_parameter(statement: &Statement) -> usize {
    let mut highest = 0;
    let _ = visit::expressions(statement, |expr| {
        if let ast::Expr::Value(value) = expr
            && let ast::Value::Placeholder(name) = &value.value
            && let Some(number) = name.strip_prefix('$').and_then(|n| n.parse().ok())
            && number <= usize::from(u16::MAX)
        {
            highest = highest.max(number);
        }
        ControlFlow::<()>::Continue(())
    });
    highest
}

/// The write that `WITH ... UPDATE` and its like parse a query around.
fn write_of(query: &ast::Query) -> Option<&Statement> {
    match &*query.body {
        SetExpr::Insert(write)
        | SetExpr::Update(write)
        | SetExpr::Delete(write)
        | SetExpr::Merge(write) => Some(write),
        _ => None,
    }
}

/// The result's columns as a client sees them; strings nobody typed become text.
pub(super) fn finished(
    binder: &mut Binder<'_>,
    bound: BoundQuery,
) -> Result<(LogicalPlan, Arc<[ColumnDesc]>)> {
    let columns = bound
        .columns
        .iter()
        .map(|column| ColumnDesc {
            name: column.name.clone(),
            sql_type: shown_type(&column.ty, column.origin.is_some()),
            table_oid: column.origin.map_or(0, |(oid, _)| oid),
            attnum: column.origin.map_or(0, |(_, attnum)| attnum),
            precision: binder.precision_of(column.origin),
        })
        .collect();
    Ok((bound.plan, columns))
}

/// A computed numeric has no precision of its own to tell.
fn shown_type(ty: &SqlType, is_column: bool) -> SqlType {
    match ty {
        SqlType::Unknown => SqlType::Text,
        SqlType::Numeric(_) if !is_column => SqlType::Numeric(None),
        other => arrow::nested::flat_type(other).clone(),
    }
}

pub(super) fn optimized(state: &SessionState, plan: LogicalPlan) -> Result<LogicalPlan> {
    // Before, for ranges of keys; after, for constants that are worked out only there.
    let plan = taken_apart(state, in_own_units(plan)?)?;
    in_turn(in_own_units(without_unseen(plan)?)?)
}

/// The optimised plan without correlated subqueries.
fn taken_apart(state: &SessionState, plan: LogicalPlan) -> Result<LogicalPlan> {
    let optimize = |plan: LogicalPlan| state.optimize(&lists::shown(plan)?).told();
    if is_beyond_datafusion(&plan)? {
        return optimize(unnest(plan)?);
    }
    match optimize(plan.clone()) {
        Ok(done) if !is_correlated(&done)? => Ok(done),
        Err(error) if !is_correlated(&plan)? => Err(error),
        _ => optimize(unnest(plan)?),
    }
}

pub(super) async fn query(
    machine: &Arc<Machine>,
    ctx: &PlanContext,
    statement: &Arc<PlannedStatement>,
    params: &[Value],
) -> Result<Rows> {
    ctx.cancel.check()?;
    let (ready, columns) = physical(machine, ctx, statement, params).await?;
    let types: Arc<[SqlType]> = columns
        .iter()
        .map(|column| column.sql_type.clone())
        .collect();
    let run = Run::new(ctx.view.clone(), ctx.cancel.clone())
        .within(ctx.settings.limits.result_memory_bytes);
    let stream = machine.start(ready, run, types)?;
    Ok(Rows::stream(columns, Box::new(stream)))
}

/// The plan of a query, ready to run with these parameters.
pub(super) async fn physical(
    machine: &Arc<Machine>,
    ctx: &PlanContext,
    statement: &Arc<PlannedStatement>,
    params: &[Value],
) -> Result<(Ready, Arc<[ColumnDesc]>)> {
    let here = machine.clone();
    let ctx = ctx.clone();
    let statement = statement.clone();
    let params = params.to_vec();
    machine
        .run(async move {
            let fresh;
            let statement = if statement.is_stale(&ctx) {
                let wanted = Wanted::by(&ctx.cancel);
                fresh = wanted
                    .during(|| prepare(&here, &ctx, &statement.syntax, &statement.declared))?;
                &fresh
            } else {
                &*statement
            };
            statement.check_access(&ctx)?;
            let Body::Query(plan) = &statement.body else {
                return Err(Error::internal("a write was run as a query"));
            };
            ctx.cancel.check()?;
            let plan = with_values(plan, &statement.params, &params, &ctx)?;
            let ready = Ready::plan(&here, &ctx, plan).await?;
            let columns = statement.columns.clone().unwrap_or_else(|| Arc::new([]));
            Ok((ready, columns))
        })
        .await
}

pub(super) async fn physical_plan(
    state: &SessionState,
    plan: &LogicalPlan,
    view: &ReadView,
) -> Result<Arc<dyn ExecutionPlan>> {
    let mut alone;
    let mut state = state;
    if state.config().target_partitions() > 1
        && (adds_floats(plan)?
            || keeps_order(plan)?
            || has_window(plan)?
            || shows_order(plan)?
            || acts(plan)?
            || reads_little(plan, view)?)
    {
        // In one order, whatever the number of threads: the same digits every time.
        alone = state.clone();
        alone.config_mut().options_mut().execution.target_partitions = 1;
        state = &alone;
    }
    let rows = batch_rows(plan, state.config().batch_size())?;
    let mut narrow;
    if let Some(rows) = rows {
        narrow = state.clone();
        *narrow.config_mut() = state.config().clone().with_batch_size(rows);
        state = &narrow;
    }
    let one_thread = state.config().target_partitions() == 1;
    let mut plan = state
        .query_planner()
        .create_physical_plan(plan, state)
        .await
        .told()?;
    if one_thread {
        plan = in_order(plan)?;
    }
    let plan = stoppable(plan)?;
    Ok(match rows {
        Some(rows) => above(plan, Narrow { rows }),
        None => plan,
    })
}

/// Whether it does something besides giving rows: of the rows that several threads read
/// ahead, too many would have it done.
pub(super) fn acts(plan: &LogicalPlan) -> Result<bool> {
    let mut found = false;
    plan.apply_with_subqueries(|node| {
        node.apply_expressions(|expr| {
            expr.apply(|expr| {
                if let Expr::ScalarFunction(call) = expr {
                    found |= functions::effect(call.func.name()) == Effect::Acts;
                }
                Ok(TreeNodeRecursion::Continue)
            })
        })
    })
    .told()?;
    Ok(found)
}

/// Under a window DataFusion puts the limit of the sort above it where it joins the
/// partitions again, and then the window counts too few rows.
fn has_window(plan: &LogicalPlan) -> Result<bool> {
    let mut found = false;
    plan.apply_with_subqueries(|node| {
        found |= matches!(node, LogicalPlan::Window(_));
        Ok(TreeNodeRecursion::Continue)
    })
    .told()?;
    Ok(found)
}

/// Whether some aggregate's result shows the order of its rows: that of the input.
fn keeps_order(plan: &LogicalPlan) -> Result<bool> {
    let mut found = false;
    plan.apply_with_subqueries(|node| {
        if let LogicalPlan::Aggregate(aggregate) = node {
            for expr in &aggregate.aggr_expr {
                expr.apply(|expr| {
                    if let Expr::AggregateFunction(call) = expr {
                        found |= aggregates::shows_order(call.func.name());
                    }
                    Ok(TreeNodeRecursion::Continue)
                })?;
            }
        }
        Ok(TreeNodeRecursion::Continue)
    })
    .told()?;
    Ok(found)
}

/// Whether some aggregate's result is a float.
fn adds_floats(plan: &LogicalPlan) -> Result<bool> {
    let mut found = false;
    plan.apply_with_subqueries(|node| {
        if let LogicalPlan::Aggregate(aggregate) = node {
            let keys = aggregate.group_expr_len()?;
            found |= node
                .schema()
                .fields()
                .iter()
                .skip(keys)
                .any(|field| field.data_type().is_floating());
        }
        Ok(if found {
            TreeNodeRecursion::Stop
        } else {
            TreeNodeRecursion::Continue
        })
    })
    .told()?;
    Ok(found)
}

/// The plan with `$1`, `$2`, ... and the moment's values put in.
pub(super) fn with_values(
    plan: &LogicalPlan,
    types: &[SqlType],
    params: &[Value],
    ctx: &PlanContext,
) -> Result<LogicalPlan> {
    if params.len() < types.len() {
        return Err(Error::new(
            state::PROTOCOL_VIOLATION,
            format!(
                "bind message supplies {} parameters, but prepared statement requires {}",
                params.len(),
                types.len()
            ),
        ));
    }
    let literals = literals_of(types, params, ctx)?;
    let now = ctx.now_micros;
    plan.clone()
        .transform_up_with_subqueries(|node| {
            // Nodes above know an expression by its name, `$1` and all.
            let names = NamePreserver::new(&node);
            let filled = node.map_expressions(|expr| {
                let name = names.save(&expr);
                let filled = put(expr, &literals, now, ctx)?;
                Ok(filled.update_data(|expr| name.restore(expr)))
            })?;
            filled.map_data(|node| match node {
                LogicalPlan::Limit(limit) => counted(limit).map(LogicalPlan::Limit),
                other => Ok(other),
            })
        })
        .told()
        .map(|transformed| transformed.data)
}

/// LIMIT and OFFSET as the numbers they come to.
fn counted(mut limit: Limit) -> datafusion::error::Result<Limit> {
    limit.skip = row_count(limit.skip, "OFFSET")?;
    limit.fetch = row_count(limit.fetch, "LIMIT")?;
    Ok(limit)
}

/// DataFusion takes a `bigint` there, not what could be computed to one.
pub(super) fn row_count(
    expr: Option<Box<Expr>>,
    what: &str,
) -> datafusion::error::Result<Option<Box<Expr>>> {
    let Some(expr) = expr else {
        return Ok(None);
    };
    let expr = match *expr {
        Expr::Literal(..) => *expr,
        other => ExprSimplifier::new(SimplifyContext::default()).simplify(other)?,
    };
    let Expr::Literal(value, metadata) = expr else {
        return Ok(Some(Box::new(expr)));
    };
    let value = value.cast_to(&DataType::Int64)?;
    if matches!(value, ScalarValue::Int64(Some(rows)) if rows < 0) {
        let code = match what {
            "OFFSET" => state::INVALID_ROW_COUNT_IN_RESULT_OFFSET_CLAUSE,
            _ => state::INVALID_ROW_COUNT_IN_LIMIT_CLAUSE,
        };
        let error = Error::new(code, format!("{what} must not be negative"));
        return Err(to_datafusion(error));
    }
    Ok(Some(Box::new(Expr::Literal(value, metadata))))
}

fn literals_of(types: &[SqlType], params: &[Value], ctx: &PlanContext) -> Result<Vec<ScalarValue>> {
    params
        .iter()
        .zip(types)
        .map(|(value, ty)| {
            let value = if value.is_null() {
                Value::Null
            } else {
                cast::explicit(value.clone(), ty, &ctx.settings.format)?
            };
            arrow::scalar_of(ty, &value)
        })
        .collect()
}

/// One expression with its parameters put in.
pub(super) fn expr_with_values(
    expr: Expr,
    types: &[SqlType],
    params: &[Value],
    ctx: &PlanContext,
) -> Result<Expr> {
    let literals = literals_of(types, params, ctx)?;
    put(expr, &literals, ctx.now_micros, ctx)
        .told()
        .map(|put| put.data)
}

/// An expression with its placeholders' values.
fn put(
    expr: Expr,
    literals: &[ScalarValue],
    now: i64,
    ctx: &PlanContext,
) -> datafusion::error::Result<Transformed<Expr>> {
    expr.transform_up(|expr| {
        let Expr::Placeholder(placeholder) = &expr else {
            return Ok(Transformed::no(expr));
        };
        let number = placeholder
            .id
            .strip_prefix('$')
            .and_then(|digits| digits.parse::<usize>().ok());
        let scalar = match number.and_then(|number| literals.get(number.wrapping_sub(1))) {
            Some(scalar) => scalar.clone(),
            None => of_moment(&placeholder.id, now, ctx).map_err(super::error::to_datafusion)?,
        };
        Ok(Transformed::yes(Expr::Literal(scalar, None)))
    })
}

fn of_moment(name: &str, now: i64, ctx: &PlanContext) -> Result<ScalarValue> {
    let (ty, value) = match name {
        moment::NOW => (SqlType::TimestampTz, Value::TimestampTz(now)),
        moment::USER => (SqlType::Name, Value::Text(ctx.session.user.clone())),
        moment::SESSION_USER => (SqlType::Name, Value::Text(ctx.session.session_user.clone())),
        moment::DATABASE => (SqlType::Name, Value::Text(ctx.session.database.clone())),
        moment::PID => (SqlType::Int4, Value::Int4(ctx.session.pid)),
        other => {
            return Err(Error::new(
                state::UNDEFINED_PARAMETER,
                format!("there is no parameter {other}"),
            ));
        }
    };
    arrow::scalar_of(&ty, &value)
}

/// An expression outside of any plan, as of now.
pub(super) fn moment_values(expr: Expr, ctx: &PlanContext) -> Result<Expr> {
    put(expr, &[], ctx.now_micros, ctx)
        .told()
        .map(|put| put.data)
}

/// The statement's time. Taken from the wall, as `now()` is for people.
pub(super) fn now_micros() -> i64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .ok()
        .and_then(|since| i64::try_from(since.as_micros()).ok())
        .unwrap_or(0)
}
