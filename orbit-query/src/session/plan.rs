//! Text to prepared statements: the literal cache, the statement cache, the parser, the planners.

use super::{Session, block, set};
use crate::point::PointPlan;
use crate::rows::ColumnDesc;
use crate::statement::parse::{self, Parsed};
use crate::statement::tokens::{self, Piece};
use crate::statement::visit;
use crate::statement::{Plan, Prepared, Script, Unprepared, Utility, limits};
use crate::write::{RowFunction, TableWriter};
use orbit_core::catalog::Table;
use orbit_core::read::ReadView;
use orbit_core::types::SqlType;
use orbit_core::value::Value;
use orbit_core::{Error, Result, state};
use sqlparser::ast::Statement;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

impl Session {
    pub(super) async fn prepare_text(
        &mut self,
        sql: &str,
        declared: &[Option<SqlType>],
    ) -> Result<Arc<Prepared>> {
        let prepared = self.prepare_whole(sql, declared).await;
        prepared.map_err(|error| self.of_utility(error, sql))
    }

    /// What the places of the statement being planned count in; what it was before.
    pub(crate) fn count_places_in(&mut self, text: Option<&str>) -> Option<Arc<str>> {
        std::mem::replace(&mut self.planning_text, text.map(Into::into))
    }

    /// The error of a statement that the running one contains with its place in that one.
    pub(crate) fn of_utility(&self, error: Error, inner: &str) -> Error {
        match &self.utility {
            Some(outer) => moved(error, outer.begins, &outer.sql, inner),
            None => error,
        }
    }

    async fn prepare_whole(
        &mut self,
        sql: &str,
        declared: &[Option<SqlType>],
    ) -> Result<Arc<Prepared>> {
        self.check_granted(sql)?;
        if let Some(known) = self.cached(sql, declared) {
            self.check_not_failed(&known)?;
            return Ok(known);
        }
        limits::check_text(sql, self.engine.options())?;
        let pieces = tokens::split(sql)?;
        let piece = match pieces.as_slice() {
            [] => return Ok(Arc::new(Prepared::empty())),
            [piece] => piece,
            _ => {
                return Err(Error::new(
                    state::SYNTAX_ERROR,
                    "cannot insert multiple commands into a prepared statement",
                ));
            }
        };
        tokens::cut_names(piece).for_each(|notice| self.notice(notice));
        let parsed = parse::parse(sql, piece)?;
        self.prepare_parsed(sql, sql, &piece.sql, &parsed, declared)
            .await
    }

    /// Prepares a statement that another statement is made of.
    pub(crate) async fn prepare_inner(
        &mut self,
        sql: &str,
        declared: &[Option<SqlType>],
    ) -> Result<Arc<Prepared>> {
        let prepared = Box::pin(self.prepare_text(sql, declared)).await?;
        self.check_names(&prepared)?;
        Ok(prepared)
    }

    /// From the shared cache, if it is there and still fits what exists.
    fn cached(&mut self, sql: &str, declared: &[Option<SqlType>]) -> Option<Arc<Prepared>> {
        let known = self
            .engine
            .cache
            .get(sql, declared, self.settings.plan_scope())?;
        let view = self.planning_view();
        known.is_current(view.catalog()).then_some(known)
    }

    #[cfg(feature = "datafusion")]
    /// Whether the statement's plan is at hand already.
    pub(crate) fn is_cached(&mut self, sql: &str) -> bool {
        self.cached(sql, &[]).is_some()
    }

    /// What a statement is planned against: this moment, with the transaction's own DDL.
    pub(super) fn planning_view(&mut self) -> ReadView {
        match self.blocks.transaction() {
            Some(transaction) => transaction.begin_statement(),
            None => self.engine.db().read(),
        }
    }

    fn check_not_failed(&self, statement: &Prepared) -> Result<()> {
        if self.blocks.is_failed() && !statement.is_empty() && !statement.ends_block() {
            return Err(block::failed_block());
        }
        Ok(())
    }

    /// What the session's role may send. Asked before the caches, which other roles fill.
    fn check_granted(&self, sql: &str) -> Result<()> {
        if !self.settings.limits.bound_text() {
            return Ok(());
        }
        limits::check_text(sql, self.engine.options())?;
        limits::check_granted(sql, &tokens::split(sql)?, &self.settings.limits)
    }

    pub(super) fn read_script(&mut self, sql: &str) -> Result<Script> {
        self.check_granted(sql)?;
        if !self.blocks.is_failed() {
            let view = self.planning_view();
            let known = self
                .engine
                .literals
                .prepare(sql, view.catalog(), &self.settings)?;
            if let Some((statement, literals)) = known {
                return Ok(Script::ready(statement, literals));
            }
        }
        if let Some(known) = self.cached(sql, &[]) {
            return Ok(Script::ready(known, Vec::new()));
        }
        limits::check_text(sql, self.engine.options())?;
        let pieces = tokens::split(sql)?;
        for piece in &pieces {
            tokens::cut_names(piece).for_each(|notice| self.notice(notice));
        }
        limits::check_statements(pieces.len())?;
        let whole = pieces.len() == 1;
        let statements = pieces
            .into_iter()
            .map(|piece: Piece| {
                let parsed = parse::parse(sql, &piece)?;
                Ok(Unprepared {
                    sql: piece.sql,
                    parsed: Some(parsed),
                })
            })
            .collect::<Result<Vec<_>>>()?;
        Ok(Script {
            next: 0,
            message: whole.then(|| sql.to_owned()),
            text: sql.to_owned(),
            statements,
            ready: None,
        })
    }

    pub(super) async fn prepare_next(
        &mut self,
        script: &mut Script,
    ) -> Result<Option<(Arc<Prepared>, Vec<Value>)>> {
        if let Some((statement, literals)) = script.ready.take() {
            self.check_not_failed(&statement)?;
            return Ok(Some((statement, literals)));
        }
        let Some(next) = script.statements.get_mut(script.next) else {
            return Ok(None);
        };
        script.next += 1;
        let Some(parsed) = next.parsed.take() else {
            return Ok(None);
        };
        let key = script.message.as_deref().unwrap_or(&next.sql);
        let text = &script.text;
        let prepared = self
            .prepare_parsed(text, key, &next.sql, &parsed, &[])
            .await?;
        Ok(Some((prepared, Vec::new())))
    }

    /// `key`: the text by which the statement may be asked for again.
    /// `text`: what the statement's places count in.
    async fn prepare_parsed(
        &mut self,
        text: &str,
        key: &str,
        sql: &str,
        parsed: &Parsed,
        declared: &[Option<SqlType>],
    ) -> Result<Arc<Prepared>> {
        match parsed {
            Parsed::Row(statement) => {
                if self.blocks.is_failed() {
                    return Err(block::failed_block());
                }
                self.planning_text = Some(text.into());
                let prepared = self.plan(sql, statement, declared).await;
                self.planning_text = None;
                let prepared = prepared?;
                let scope = self.settings.plan_scope();
                self.engine.cache.put(key, scope, &prepared);
                Ok(prepared)
            }
            Parsed::Utility(utility) => {
                // The rows it returns are those of the same statement of any other row.
                let of_any = match &**utility {
                    Utility::Positioned { before, after, .. } if !self.blocks.is_failed() => {
                        let whole = format!("{before} true {after}");
                        let of_any = Box::pin(self.prepare_text(&whole, declared)).await;
                        Some(of_any.map_err(|error| moved(error, 0, text, &whole))?)
                    }
                    _ => None,
                };
                let params = match &**utility {
                    // Its query is looked at now, and may have parameters.
                    Utility::Declare(declare) if !self.blocks.is_failed() => {
                        let query = Box::pin(self.prepare_text(&declare.sql, declared)).await;
                        let query = query.map_err(|error| moved(error, 0, text, &declare.sql))?;
                        query.params.clone()
                    }
                    Utility::Explain(explain)
                        if explain.sql.contains('$') && !self.blocks.is_failed() =>
                    {
                        let query = Box::pin(self.prepare_text(&explain.sql, declared)).await;
                        let query = query.map_err(|error| moved(error, 0, text, &explain.sql))?;
                        query.params.clone()
                    }
                    Utility::CreateTable(create)
                        if create.query.is_some()
                            && sql.contains('$')
                            && !self.blocks.is_failed() =>
                    {
                        let query = create.query.as_ref().map(ToString::to_string);
                        let query = query.unwrap_or_default();
                        let query = Box::pin(self.prepare_text(&query, declared)).await;
                        query.map_err(Error::without_position)?.params.clone()
                    }
                    // No parameter can stand in it; the client may say there are some.
                    _ => {
                        let types = declared.iter();
                        let types = types.map(|one| one.clone().unwrap_or(SqlType::Text));
                        types.collect()
                    }
                };
                let prepared = Arc::new(Prepared {
                    sql: sql.to_owned(),
                    params: match &of_any {
                        Some(of_any) => of_any.params.clone(),
                        None => params,
                    },
                    columns: match &of_any {
                        Some(of_any) => of_any.columns.clone(),
                        None => self.utility_columns(utility)?,
                    },
                    declared: declared.to_vec(),
                    checked: AtomicU64::new(0),
                    begins: before(text, sql).unwrap_or(0),
                    plan: Plan::Utility(utility.clone()),
                });
                self.check_not_failed(&prepared)?;
                if utility.is_transaction_control() {
                    let scope = self.settings.plan_scope();
                    self.engine.cache.put(key, scope, &prepared);
                }
                Ok(prepared)
            }
        }
    }

    /// Plans a row statement: on the point path if it fits, else with DataFusion.
    async fn plan(
        &mut self,
        sql: &str,
        statement: &Statement,
        declared: &[Option<SqlType>],
    ) -> Result<Arc<Prepared>> {
        let view = self.planning_view();
        let point = match PointPlan::compile(view.catalog(), &self.settings, statement, declared) {
            Ok(point) => point,
            Err(error) => return Err(self.placed(view, statement, declared, error).await),
        };
        if let Some(plan) = point {
            return Ok(Arc::new(Prepared::point(sql.to_owned(), plan, declared)));
        }
        #[cfg(feature = "datafusion")]
        {
            let context = self.plan_context(view);
            let planning = self.engine.planner().prepare(&context, statement, declared);
            // Planning is the statement's time, too; what can't be stopped is left behind.
            let planned = match self.settings.statement_timeout {
                None => planning.await?,
                Some(limit) => tokio::time::timeout(limit, planning)
                    .await
                    .map_err(|_| super::run::timed_out())??,
            };
            Ok(Arc::new(Prepared::planned(
                sql.to_owned(),
                Arc::new(planned),
                declared,
            )))
        }
        #[cfg(not(feature = "datafusion"))]
        {
            require_tables(&view, &self.settings, statement)?;
            Err(Error::unsupported("this statement")
                .with_hint("A node built without DataFusion reads and writes rows by their keys."))
        }
    }

    /// The point path's error; the planner says the same, and where in the text.
    pub(crate) async fn placed(
        &mut self,
        view: ReadView,
        statement: &Statement,
        declared: &[Option<SqlType>],
        error: Error,
    ) -> Error {
        #[cfg(feature = "datafusion")]
        {
            let context = self.plan_context(view);
            let planned = self.engine.planner().prepare(&context, statement, declared);
            if let Err(placed) = planned.await
                && placed.message() == error.message()
            {
                return placed;
            }
        }
        #[cfg(not(feature = "datafusion"))]
        let _ = (view, statement, declared);
        error
    }

    /// Plans a prepared statement again after what it names has changed.
    pub(super) async fn replan(&mut self, old: &Prepared) -> Result<Arc<Prepared>> {
        // Another session, or this statement's last run, may have planned it already:
        // that plan, too, must give what this client was told of.
        let new = match self.cached(&old.sql, &old.declared) {
            Some(known) => known,
            None => {
                let statement = parse::row_statement(&old.sql)?;
                let new = self.plan(&old.sql, &statement, &old.declared).await?;
                let scope = self.settings.plan_scope();
                self.engine.cache.put(&old.sql, scope, &new);
                new
            }
        };
        if !self.is_fresh && !same_shape(old, &new) {
            return Err(Error::new(
                state::FEATURE_NOT_SUPPORTED,
                "cached plan must not change result type",
            ));
        }
        Ok(new)
    }

    /// What writes rows of a table: its defaults and checks, compiled.
    pub(crate) fn table_writer(&mut self, table: &Arc<Table>) -> Result<TableWriter> {
        #[cfg(feature = "datafusion")]
        {
            let view = self.planning_view();
            let context = self.plan_context(view);
            let planner = self.engine.planner();
            TableWriter::new(
                table,
                Some(&|expr, columns| planner.row_function(&context, expr, columns)),
            )
        }
        #[cfg(not(feature = "datafusion"))]
        TableWriter::new(table, None)
    }

    /// What an expression over a table's columns leans on besides them.
    #[cfg(feature = "datafusion")]
    pub(crate) fn leaning(
        &mut self,
        table: &orbit_core::catalog::TableDef,
        expr: &sqlparser::ast::Expr,
    ) -> Result<crate::planned::Leaning> {
        let view = self.planning_view();
        let context = self.plan_context(view);
        self.engine.planner().leaning(&context, expr, table)
    }

    /// A condition over a table's rows, compiled.
    pub(crate) fn row_condition(
        &mut self,
        table: &Arc<Table>,
        sql: &str,
    ) -> Result<Arc<dyn RowFunction>> {
        let expr = parse::expression(sql)?;
        refuse_subqueries(&expr)?;
        #[cfg(feature = "datafusion")]
        {
            let view = self.planning_view();
            let context = self.plan_context(view);
            let columns: Vec<(String, SqlType)> = table
                .columns
                .iter()
                .map(|column| (column.name.clone(), column.sql_type.clone()))
                .collect();
            let planner = self.engine.planner();
            planner.row_function(&context, &expr, &columns)
        }
        #[cfg(not(feature = "datafusion"))]
        {
            let _ = (table, expr);
            Err(Error::unsupported("COPY FROM ... WHERE"))
        }
    }

    #[cfg(feature = "datafusion")]
    pub(crate) fn plan_context(&mut self, view: ReadView) -> crate::planned::PlanContext {
        self.identify(view.catalog());
        crate::planned::PlanContext {
            view,
            settings: self.settings.clone(),
            cancel: self.cancel.clone(),
            session: self.facts.clone(),
            now_micros: self.moment.transaction_micros,
            text: self.planning_text.clone(),
            given: Default::default(),
            spools: None,
        }
    }

    /// Where a query's text names columns of tables.
    pub(crate) async fn named_columns(
        &mut self,
        query: &sqlparser::ast::Query,
    ) -> Result<Vec<crate::statement::names::NamedColumn>> {
        #[cfg(feature = "datafusion")]
        {
            let view = self.planning_view();
            let context = self.plan_context(view);
            self.engine.planner().named_columns(&context, query).await
        }
        #[cfg(not(feature = "datafusion"))]
        {
            let _ = query;
            Err(Error::unsupported("this statement on a micro node"))
        }
    }

    /// What the strings in a query's text are read as, and whether all of it was read.
    #[cfg(feature = "datafusion")]
    pub(crate) async fn strings_of_query(
        &mut self,
        query: &sqlparser::ast::Query,
    ) -> Result<(Vec<crate::statement::names::ReadString>, bool)> {
        let view = self.planning_view();
        let context = self.plan_context(view);
        let planner = self.engine.planner();
        planner.strings_of_query(&context, query).await
    }

    /// The same for an expression over a relation's columns.
    #[cfg(feature = "datafusion")]
    pub(crate) fn strings_of(
        &mut self,
        expr: &sqlparser::ast::Expr,
        of: (&str, &[(String, SqlType)]),
        wanted: Option<&SqlType>,
    ) -> Vec<crate::statement::names::ReadString> {
        let view = self.planning_view();
        let context = self.plan_context(view);
        self.engine.planner().strings(&context, expr, of, wanted)
    }

    fn utility_columns(&self, utility: &Utility) -> Result<Option<Arc<[ColumnDesc]>>> {
        Ok(match utility {
            Utility::Show(name) => {
                if let Some(name) = name {
                    self.settings.show(name)?;
                }
                Some(set::show_columns(name.as_deref()))
            }
            Utility::Explain(explain) => Some(crate::explain::columns(explain)),
            Utility::SetConfig { .. } => {
                Some(Arc::new([ColumnDesc::new("set_config", SqlType::Text)]))
            }
            Utility::ExportSnapshot => Some(Arc::new([super::snapshot::column()])),
            Utility::Sleep(_) => Some(Arc::new([ColumnDesc::new("pg_sleep", SqlType::Void)])),
            Utility::Fetch {
                cursor,
                moves: false,
                ..
            } => self
                .cursor_columns(cursor)
                .map(|(columns, _)| columns.clone()),
            Utility::Execute { name, .. } => {
                self.known_by(name).and_then(|named| named.columns.clone())
            }
            _ => None,
        })
    }
}

/// How many characters of a text stand before a part of it.
fn before(text: &str, part: &str) -> Option<u32> {
    let at = text.find(part)?;
    u32::try_from(text.get(..at)?.chars().count()).ok()
}

/// An error in a part of a statement with its place in the whole message.
fn moved(error: Error, begins: u32, whole: &str, part: &str) -> Error {
    let Some(position) = error.position() else {
        return error;
    };
    match before(whole, part) {
        Some(before) => error.at(position.saturating_add(begins).saturating_add(before)),
        None => error.without_position(),
    }
}

fn refuse_subqueries(expr: &sqlparser::ast::Expr) -> Result<()> {
    use sqlparser::ast::{Query, Visitor};
    use std::ops::ControlFlow;
    struct Queries;
    impl Visitor for Queries {
        type Break = ();
        fn pre_visit_query(&mut self, _: &Query) -> ControlFlow<()> {
            ControlFlow::Break(())
        }
    }
    match visit::visit(expr, &mut Queries) {
        ControlFlow::Break(()) => Err(Error::new(
            state::FEATURE_NOT_SUPPORTED,
            "cannot use subquery in COPY FROM WHERE condition",
        )),
        ControlFlow::Continue(()) => Ok(()),
    }
}

/// 42P01 for a statement that names a table that is not there, rather than
/// telling of what is not built.
#[cfg(not(feature = "datafusion"))]
fn require_tables(
    view: &ReadView,
    settings: &crate::Settings,
    statement: &Statement,
) -> Result<()> {
    use sqlparser::ast::{ObjectName, Visitor};
    use std::ops::ControlFlow;
    struct Relations<'a>(&'a ReadView, &'a crate::Settings);
    impl Visitor for Relations<'_> {
        type Break = Error;
        fn pre_visit_relation(&mut self, name: &ObjectName) -> ControlFlow<Error> {
            match crate::statement::names::find_table(self.0.catalog(), self.1, name) {
                Ok(_) => ControlFlow::Continue(()),
                Err(error) => ControlFlow::Break(error),
            }
        }
    }
    match visit::visit(statement, &mut Relations(view, settings)) {
        ControlFlow::Break(error) => Err(error),
        ControlFlow::Continue(()) => Ok(()),
    }
}

/// Whether clients that know the old statement's columns can read the new one's rows.
fn same_shape(old: &Prepared, new: &Prepared) -> bool {
    if old.params != new.params {
        return false;
    }
    match (&old.columns, &new.columns) {
        (Some(old), Some(new)) => {
            old.len() == new.len()
                && old
                    .iter()
                    .zip(new.iter())
                    .all(|(old, new)| old.name == new.name && old.sql_type == new.sql_type)
        }
        (old, new) => old.is_none() && new.is_none(),
    }
}
