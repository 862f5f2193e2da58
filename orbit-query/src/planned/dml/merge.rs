//! MERGE: the rows of a source joined with the table, each of which takes the action of
//! the first WHEN that fits it.
//!
//! The input query gives the key of the row met (NULL: none), which WHEN it is, and the
//! values of every action; those of the others are NULL. Rows to be changed are locked as
//! those of an UPDATE, and where one of them was changed meanwhile the whole is looked at
//! again.

mod run;

use super::insert::{named_columns, takes_given};
use super::update::{assigned, assignments, is_default, lock_mode, named_target};
use super::{Kind, Prepared, Write, prepared, projected};
use crate::access::Need;
use crate::planned::bind::from::Relation;
use crate::planned::bind::from::target::{Target, Written};
use crate::planned::bind::scope::Scope;
use crate::planned::bind::{Binder, Clause};
use crate::planned::error::Told;
use crate::planned::statement::optimized;
use crate::planned::types;
use crate::statement::merge_grammar::{does_nothing, overriding};
use crate::statement::names;
use datafusion::common::{Column, JoinType};
use datafusion::execution::context::SessionState;
use datafusion::logical_expr::expr::Case;
use datafusion::logical_expr::{Expr, LogicalPlan, LogicalPlanBuilder, lit};
use orbit_core::catalog::Privileges;
use orbit_core::lock::RowLock;
use orbit_core::types::SqlType;
use orbit_core::{Error, Result, state};
use sqlparser::ast::{self, MergeAction, MergeClauseKind, MergeInsertKind, TableFactor};
use std::sync::Arc;

pub struct Merge {
    /// What each WHEN does.
    actions: Vec<Action>,
}

struct Action {
    what: What,
    /// Where its values begin in a row of the input.
    begins: usize,
}

enum What {
    Nothing,
    Insert { columns: Vec<usize> },
    Update { set: Vec<usize>, mode: RowLock },
    Delete,
}

impl What {
    fn values(&self) -> usize {
        match self {
            What::Insert { columns } => columns.len(),
            What::Update { set, .. } => set.len(),
            What::Nothing | What::Delete => 0,
        }
    }

    /// How the row met is locked.
    fn mode(&self) -> Option<RowLock> {
        match self {
            What::Update { mode, .. } => Some(*mode),
            What::Delete => Some(RowLock::Update),
            What::Nothing | What::Insert { .. } => None,
        }
    }
}

/// The input's column that says which WHEN a row takes; no statement can name it.
const ACTION: &str = "__orbit_action";

/// No WHEN fits.
const NONE: i32 = -1;

pub fn prepare(binder: &mut Binder<'_>, state: &SessionState, merge: &ast::Merge) -> Prepared {
    refuse_unreachable(merge)?;
    refuse_other_relations(binder, &merge.table)?;
    let (name, alias) = named_target(&merge.table)?;
    let Written {
        target,
        relation: own,
        key,
    } = binder.table_target(name, alias, privileges(merge))?;
    let shown = alias.map_or_else(|| target.name.clone(), |alias| types::fold(&alias.name));
    let source = ast::TableWithJoins {
        relation: merge.source.clone(),
        joins: Vec::new(),
    };
    let source = binder.hiding(&own.scope, |binder| binder.table_with_joins(&source, None))?;
    if source.scope.relations.iter().any(|one| one.alias == shown) {
        return Err(Error::new(
            state::DUPLICATE_ALIAS,
            format!("name \"{shown}\" specified more than once"),
        )
        .with_detail("The name is used both as MERGE target table and data source."));
    }
    let inserts = |clause: &ast::MergeClause| clause.clause_kind != MergeClauseKind::Matched;
    let kind = match merge.clauses.iter().any(inserts) {
        true => JoinType::Left,
        false => JoinType::Inner,
    };
    let given = source.scope.clone();
    let met = own.scope.clone();
    let Relation { plan, scope } = binder.merge_join(source, own, kind, &merge.on)?;
    let mut bound = Bound {
        target: &target,
        whens: Vec::with_capacity(merge.clauses.len()),
    };
    for clause in &merge.clauses {
        match clause.clause_kind {
            MergeClauseKind::Matched => bound.add(binder, clause, &scope)?,
            _ => binder.hiding(&met, |binder| bound.add(binder, clause, &given))?,
        }
    }
    let Bound { whens, .. } = bound;
    let plan = chosen(plan, &key, &whens)?;
    let (plan, types, actions) = valued(plan, key, whens)?;
    prepared(Write {
        input: Arc::new(optimized(state, plan)?),
        types: types.into(),
        table: target.table,
        kind: Kind::Merge(Merge { actions }),
        returning: None,
    })
}

fn refuse_unreachable(merge: &ast::Merge) -> Result<()> {
    let mut ended: Vec<MergeClauseKind> = Vec::new();
    for clause in &merge.clauses {
        if ended.contains(&clause.clause_kind) {
            return Err(Error::new(
                state::SYNTAX_ERROR,
                "unreachable WHEN clause specified after unconditional WHEN clause",
            ));
        }
        if clause.predicate.is_none() {
            ended.push(clause.clause_kind);
        }
    }
    Ok(())
}

/// 0A000 for what is there and is no table.
fn refuse_other_relations(binder: &Binder<'_>, factor: &TableFactor) -> Result<()> {
    let TableFactor::Table { name, .. } = factor else {
        return Ok(());
    };
    let (schema, name) = names::split(name)?;
    if binder.find_table(schema.as_deref(), &name).is_some() {
        return Ok(());
    }
    let what = if binder.find_view(schema.as_deref(), &name).is_some() {
        "views"
    } else if binder.find_sequence(schema.as_deref(), &name).is_some() {
        "sequences"
    } else {
        return Ok(());
    };
    Err(Error::new(
        state::FEATURE_NOT_SUPPORTED,
        format!("cannot execute MERGE on relation \"{name}\""),
    )
    .with_detail(format!("This operation is not supported for {what}.")))
}

/// What its actions need to be allowed on the table; doing nothing is reading it.
fn privileges(merge: &ast::Merge) -> Privileges {
    let actions = merge.clauses.iter().map(|clause| &clause.action);
    actions
        .map(|action| match action {
            action if does_nothing(action) => Privileges::SELECT,
            MergeAction::Insert(_) => Privileges::INSERT,
            MergeAction::Update(_) => Privileges::UPDATE,
            MergeAction::Delete { .. } => Privileges::DELETE,
        })
        .fold(Privileges(0), Privileges::with)
}

/// A WHEN, resolved.
struct When {
    matched: bool,
    condition: Option<Expr>,
    what: What,
    values: Vec<(Expr, SqlType)>,
}

struct Bound<'t> {
    target: &'t Target,
    whens: Vec<When>,
}

impl Bound<'_> {
    fn add(
        &mut self,
        binder: &mut Binder<'_>,
        clause: &ast::MergeClause,
        scope: &Scope,
    ) -> Result<()> {
        let condition = match &clause.predicate {
            Some(predicate) => Some(binder.merge_condition(scope, predicate)?),
            None => None,
        };
        let (what, values) = match &clause.action {
            action if does_nothing(action) => (What::Nothing, Vec::new()),
            MergeAction::Delete { .. } => (What::Delete, Vec::new()),
            MergeAction::Update(update) => {
                let new = assignments(binder, self.target, scope, &update.assignments)?;
                let set: Vec<usize> = new.iter().map(|(at, ..)| *at).collect();
                let mode = lock_mode(&self.target.table, &set);
                (What::Update { set, mode }, valued_only(new))
            }
            MergeAction::Insert(insert) => {
                let new = self.inserted(binder, insert, scope)?;
                let columns = new.iter().map(|(at, ..)| *at).collect();
                (What::Insert { columns }, valued_only(new))
            }
        };
        self.whens.push(When {
            matched: clause.clause_kind == MergeClauseKind::Matched,
            condition,
            what,
            values,
        });
        Ok(())
    }

    /// The values of a new row, for the columns that are given any.
    fn inserted(
        &self,
        binder: &mut Binder<'_>,
        insert: &ast::MergeInsertExpr,
        scope: &Scope,
    ) -> Result<Vec<(usize, Expr, SqlType)>> {
        let table = &self.target.table;
        let mut columns = named_columns(binder, self.target, &insert.columns)?;
        let mut own = Need::table(table, Privileges(0), false);
        let mut new = Vec::new();
        if let MergeInsertKind::Values(values) = &insert.kind {
            let given = values.rows.first().map_or(&[][..], |row| &row.content);
            if let Some(extra) = given.get(columns.len()) {
                let error = Error::new(
                    state::SYNTAX_ERROR,
                    "INSERT has more expressions than target columns",
                );
                return Err(binder.placed_at(error, extra));
            }
            if given.len() < columns.len() && !insert.columns.is_empty() {
                return Err(Error::new(
                    state::SYNTAX_ERROR,
                    "INSERT has more target columns than expressions",
                ));
            }
            columns.truncate(given.len());
            for (at, value) in columns.into_iter().zip(given) {
                if is_default(value) {
                    continue;
                }
                let clause = Clause::plain("VALUES");
                let value_of = binder.within_clause(clause, scope, value)?;
                if !takes_given(table, at, overriding(values))? {
                    continue;
                }
                let expr = assigned(binder, self.target, at, value_of)
                    .map_err(|error| binder.placed_at(error, value))?;
                binder.gives(self.target, at);
                own.insert(at);
                new.push((at, expr, self.target.column_type(at)));
            }
        }
        // Of the columns that this INSERT leaves out, whatever another gives.
        binder.needs.extend(own.of_defaults(table));
        Ok(new)
    }
}

fn valued_only(values: Vec<(usize, Expr, SqlType)>) -> Vec<(Expr, SqlType)> {
    let values = values.into_iter();
    values.map(|(_, expr, ty)| (expr, ty)).collect()
}

/// The first of these that holds; NULL counts as false.
fn first(whens: &[When], matched: bool) -> Expr {
    let mut ways = Vec::new();
    for (number, when) in (0i32..).zip(whens) {
        if when.matched != matched {
            continue;
        }
        match &when.condition {
            Some(condition) => {
                ways.push((Box::new(condition.clone()), Box::new(lit(number))));
            }
            None => return case(ways, lit(number)),
        }
    }
    case(ways, lit(NONE))
}

fn case(ways: Vec<(Box<Expr>, Box<Expr>)>, otherwise: Expr) -> Expr {
    if ways.is_empty() {
        return otherwise;
    }
    Expr::Case(Case::new(None, ways, Some(Box::new(otherwise))))
}

/// The rows, with which WHEN they take.
fn chosen(plan: LogicalPlan, key: &Expr, whens: &[When]) -> Result<LogicalPlan> {
    let met = Box::new(key.clone().is_not_null());
    let action = case(
        vec![(met, Box::new(first(whens, true)))],
        first(whens, false),
    );
    let columns = plan.schema().columns().into_iter().map(Expr::Column);
    let columns: Vec<Expr> = columns.chain([action.alias(ACTION)]).collect();
    LogicalPlanBuilder::from(plan)
        .project(columns)
        .told()?
        .build()
        .told()
}

/// What is read of them, and what it is for.
fn valued(
    plan: LogicalPlan,
    key: Expr,
    whens: Vec<When>,
) -> Result<(LogicalPlan, Vec<SqlType>, Vec<Action>)> {
    let action = || Expr::Column(Column::new_unqualified(ACTION));
    let mut exprs = vec![key.alias("key"), action().alias("action")];
    let mut types = vec![SqlType::Bytea, SqlType::Int4];
    let mut actions = Vec::with_capacity(whens.len());
    for (number, when) in (0i32..).zip(whens) {
        let begins = types.len();
        for (value, ty) in when.values {
            let mine = Box::new(action().eq(lit(number)));
            let only = Expr::Case(Case::new(None, vec![(mine, Box::new(value))], None));
            exprs.push(only.alias(format!("v{}", types.len())));
            types.push(ty);
        }
        actions.push(Action {
            what: when.what,
            begins,
        });
    }
    Ok((projected(plan, exprs)?, types, actions))
}
