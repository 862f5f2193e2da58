//! From syntax to DataFusion's logical plan, by PostgreSQL's rules.
//!
//! DataFusion's own SQL front end decides types, names and functions as
//! DataFusion sees them. Orbit's answers must be PostgreSQL's, down to the type
//! of `1/2` and the name of an unnamed column, so the statement is resolved
//! here: every expression gets its SQL type, every cast is written out, every
//! function and operator comes from our table, every relation gets a name of its
//! own. What DataFusion receives is unambiguous and only needs to be optimised
//! and run.

pub mod aggregate;
mod among;
pub mod call;
pub mod cast;
mod collate;
pub mod expr;
pub mod from;
pub mod given;
mod grouping;
mod hypothetical;
pub mod keys;
pub mod leaning;
pub mod literal;
pub mod name;
mod near;
mod once;
pub mod operator;
pub(super) mod outer;
mod overlaps;
mod patterns;
pub mod peers;
mod place;
mod precision;
pub mod query;
mod record;
pub mod rows;
pub mod scope;
pub mod select;
pub mod setop;
pub mod special;
pub mod srf;
mod srf_items;
pub mod subquery;
mod subscripts;
mod variadic;
mod view;
mod whole_rows;
pub mod window;

use crate::access::need::{self, Need};
use crate::session::SessionFacts;
use crate::settings::Settings;
use crate::statement::names::{NamedColumn, ReadString};
use ahash::{AHashMap, AHashSet};
use datafusion::catalog::SchemaProvider;
use datafusion::common::Column;
use datafusion::logical_expr::{Expr, LogicalPlan};
use orbit_core::catalog::{Catalog, Privileges, Table, ViewDef};
use orbit_core::types::{Oid, SqlType};
use orbit_core::value::Value;
use orbit_core::{Error, Result, state};
use scope::Scope;
use sqlparser::ast::Ident;
use sqlparser::tokenizer::Location;
use std::sync::Arc;

/// An expression that knows its SQL type.
#[derive(Clone, Debug)]
pub struct Bound {
    pub expr: Expr,
    pub ty: SqlType,
    /// A constant; an `Unknown` one is a string (or NULL) that waits for its type.
    pub literal: Option<Value>,
    /// Where the text has it, if it is a string that waits for its type.
    pub written: Option<Location>,
    /// A parameter that waits for its type.
    pub param: Option<usize>,
    /// The table's column it is, and nothing more.
    pub origin: Option<(Oid, i16)>,
    /// Whose right to read it is needed: a place among the binder's needs, and the column's.
    pub source: Option<(usize, usize)>,
}

impl Bound {
    pub fn new(expr: Expr, ty: SqlType) -> Bound {
        Bound {
            expr,
            ty,
            literal: None,
            written: None,
            param: None,
            origin: None,
            source: None,
        }
    }

    pub fn is_unknown(&self) -> bool {
        self.ty == SqlType::Unknown
    }
}

/// A column of a query's result.
#[derive(Clone, Debug)]
pub struct OutColumn {
    pub name: String,
    pub ty: SqlType,
    pub column: Column,
    pub origin: Option<(Oid, i16)>,
}

/// A query resolved.
#[derive(Clone, Debug)]
pub struct BoundQuery {
    pub plan: LogicalPlan,
    pub columns: Vec<OutColumn>,
}

/// What a WITH item means.
#[derive(Clone)]
pub enum Cte {
    /// With the relations it is made of, its own WITH items' counted each time they are read.
    Query(Arc<BoundQuery>, usize),
    /// Inside a recursive item's own second half.
    Working {
        table: String,
        columns: Vec<(String, SqlType)>,
    },
    /// Rows that are there already.
    Given(Arc<BoundQuery>),
    /// It writes and has no RETURNING.
    Nothing,
}

/// A clause, and whether aggregates and window functions may stand in it.
#[derive(Clone, Copy, Debug)]
pub struct Clause {
    pub name: &'static str,
    pub aggregates: bool,
    pub windows: bool,
}

impl Clause {
    pub const SELECT: Clause = Clause {
        name: "SELECT",
        aggregates: true,
        windows: true,
    };
    pub const HAVING: Clause = Clause {
        name: "HAVING",
        aggregates: true,
        windows: false,
    };
    /// Only true counts there: false and unknown are the same.
    pub fn filters(&self) -> bool {
        matches!(self.name, "WHERE" | "HAVING" | "JOIN conditions")
    }

    pub const fn plain(name: &'static str) -> Clause {
        Clause {
            name,
            aggregates: false,
            windows: false,
        }
    }
}

/// Values that are known only when the statement runs, passed like parameters.
pub mod moment {
    pub const NOW: &str = "$now";
    pub const USER: &str = "$user";
    pub const SESSION_USER: &str = "$session_user";
    pub const DATABASE: &str = "$database";
    pub const PID: &str = "$pid";
}

pub struct Binder<'a> {
    pub catalog: &'a Arc<Catalog>,
    pub settings: &'a Arc<Settings>,
    pub facts: &'a Arc<SessionFacts>,
    /// pg_catalog and information_schema.
    pub system: &'a dyn Fn(&str) -> Option<Arc<dyn SchemaProvider>>,
    /// The text that errors point into; `None` for what the statement doesn't say itself.
    pub text: Option<Arc<str>>,
    /// Types of `$1`, `$2`, ... as far as they are known.
    pub params: Vec<Option<SqlType>>,
    /// Every table the statement names.
    pub tables: Vec<Arc<Table>>,
    /// Every view, also the ones inside views.
    pub views: Vec<Arc<ViewDef>>,
    /// Where tables' columns are named, if somebody wants to know.
    pub(in crate::planned) named: Option<Vec<NamedColumn>>,
    /// What strings of the text were read as, if somebody wants to know.
    pub(in crate::planned) strings: Option<Vec<ReadString>>,
    /// What the statement must be allowed.
    pub needs: Vec<Need>,
    /// Whose rights count for what is named now, inside a view.
    pub rights_of: Option<Oid>,
    /// The statement is one of several parts of what was sent, which share WITH items.
    pub is_part: bool,
    /// Enclosing queries, outermost first.
    pub(super) outer: Vec<outer::Around>,
    /// Aggregates of the current SELECT that queries inside it ask for.
    pub(super) owed: Vec<outer::Owed>,
    /// Whether the FROM being bound names the recursive query whose step it is in.
    pub(super) reads_itself: bool,
    /// What stands in FROM beside a query that may not look at it.
    pub(super) hidden: Vec<Scope>,
    /// How many aggregates were bound anew in a query further out.
    moved: usize,
    pub(super) ctes: Vec<AHashMap<String, Cte>>,
    used_names: AHashSet<String>,
    counter: usize,
    depth: usize,
    /// Relations read so far, see [`MAX_RELATIONS`].
    relations: usize,
    /// A relation of the catalogs was named.
    pub(super) reads_catalogs: bool,
    /// SELECT items by alias while WHERE is bound, for queries over the catalogs.
    pub(super) aliases: Vec<(String, sqlparser::ast::Expr)>,
    /// Where in the statement we are, for what is allowed there.
    pub(super) clause: Clause,
    /// Within the clause: unknown is not the same as false, something is made of the value.
    pub(super) valued: bool,
    /// What gives one value in each row, and so holds no function that gives several.
    pub(super) single: Option<&'static str>,
    /// Named windows of the current SELECT.
    pub(super) windows: Vec<sqlparser::ast::NamedWindowDefinition>,
    /// The first table is to be read with its rows' keys, and the outermost
    /// SELECT to give the key as its last column.
    pub key_wanted: bool,
    /// Relations of the outermost FROM whose rows' keys are wanted too, by alias; they
    /// become the last columns, in the order of `locked`.
    pub lock_wanted: Vec<String>,
    /// Of those, the ones of the SELECT being bound.
    pub(super) locking: Vec<String>,
    pub(super) lock_keys: Vec<(String, Arc<Table>, Expr)>,
    pub locked: Vec<(String, Arc<Table>)>,
    pub(super) key: Option<Expr>,
    /// The order that the rows of FROM come in, for aggregates that say none.
    pub(super) rows_order: Vec<datafusion::logical_expr::SortExpr>,
    /// What is leaned on besides rows, if somebody wants to know.
    pub(super) leaning: Option<leaning::Leaning>,
}

/// Syntax nested deeper than this is refused; the parser has a limit of its own.
const MAX_DEPTH: usize = 400;

/// A WITH item is planned wherever it is read, so that items that read each other twice
/// double with every step; and a plan of so many tables is never finished.
const MAX_RELATIONS: usize = 1_000;

impl<'a> Binder<'a> {
    pub fn new(
        catalog: &'a Arc<Catalog>,
        settings: &'a Arc<Settings>,
        facts: &'a Arc<SessionFacts>,
        system: &'a dyn Fn(&str) -> Option<Arc<dyn SchemaProvider>>,
        declared: &[Option<SqlType>],
    ) -> Binder<'a> {
        Binder {
            catalog,
            settings,
            facts,
            system,
            text: None,
            params: declared.to_vec(),
            tables: Vec::new(),
            views: Vec::new(),
            needs: Vec::new(),
            rights_of: None,
            is_part: false,
            outer: Vec::new(),
            named: None,
            strings: None,
            owed: Vec::new(),
            reads_itself: false,
            hidden: Vec::new(),
            moved: 0,
            ctes: Vec::new(),
            used_names: AHashSet::new(),
            counter: 0,
            depth: 0,
            relations: 0,
            reads_catalogs: false,
            aliases: Vec::new(),
            clause: Clause::SELECT,
            valued: false,
            single: None,
            windows: Vec::new(),
            key_wanted: false,
            lock_wanted: Vec::new(),
            locking: Vec::new(),
            lock_keys: Vec::new(),
            locked: Vec::new(),
            key: None,
            rows_order: Vec::new(),
            leaning: None,
        }
    }

    /// An expression outside of any query.
    pub fn standalone(&mut self, scope: &Scope, expr: &sqlparser::ast::Expr) -> Result<Bound> {
        let bound = self.within(Clause::plain("an expression"), |binder| {
            binder.expr(scope, expr)
        })?;
        self.decided(bound)
    }

    pub fn standalone_bound(&mut self, bound: Bound) -> Result<Bound> {
        self.decided(bound)
    }

    pub fn within_clause(
        &mut self,
        clause: Clause,
        scope: &Scope,
        expr: &sqlparser::ast::Expr,
    ) -> Result<Bound> {
        self.within(clause, |binder| binder.expr(scope, expr))
    }

    /// A WHERE clause.
    pub fn condition(&mut self, scope: &Scope, expr: &sqlparser::ast::Expr) -> Result<Expr> {
        let bound = self.within(Clause::plain("WHERE"), |binder| binder.expr(scope, expr))?;
        Ok(self.boolean_at(bound, "WHERE", expr)?.expr)
    }

    /// What stands behind a WHEN [NOT] MATCHED of a MERGE.
    pub fn merge_condition(&mut self, scope: &Scope, expr: &sqlparser::ast::Expr) -> Result<Expr> {
        let clause = Clause::plain("MERGE WHEN conditions");
        let bound = self.within(clause, |binder| binder.expr(scope, expr))?;
        Ok(self.boolean_at(bound, "WHEN", expr)?.expr)
    }

    /// Runs `work` where these relations can't be seen.
    pub fn hiding<T>(
        &mut self,
        scope: &Scope,
        work: impl FnOnce(&mut Self) -> Result<T>,
    ) -> Result<T> {
        let before = self.hidden.len();
        self.hidden.push(scope.clone());
        let result = work(self);
        self.hidden.truncate(before);
        result
    }

    /// A value for a column, in the column's type.
    pub fn assignment(&mut self, bound: Bound, ty: &SqlType) -> Result<Expr> {
        self.assign(bound, ty).map(|bound| bound.expr)
    }

    /// A relation name nobody else in the statement has.
    pub(super) fn unique_name(&mut self, wish: &str) -> String {
        // DataFusion folds and splits relation names; what it could misread is left out.
        let plain: String = wish
            .chars()
            .map(|letter| {
                if letter.is_alphanumeric() {
                    letter.to_ascii_lowercase()
                } else {
                    '_'
                }
            })
            .collect();
        let wish = if plain.starts_with(|first: char| first.is_ascii_digit()) {
            format!("_{plain}")
        } else {
            plain
        };
        if self.used_names.insert(wish.clone()) {
            return wish;
        }
        loop {
            self.counter += 1;
            let name = format!("{wish}_{}", self.counter);
            if self.used_names.insert(name.clone()) {
                return name;
            }
        }
    }

    /// Runs `work` one level deeper, on more stack if it needs it.
    pub(super) fn deeper<T>(&mut self, work: impl FnOnce(&mut Self) -> Result<T>) -> Result<T> {
        if self.depth >= MAX_DEPTH {
            return Err(
                Error::new(state::STATEMENT_TOO_COMPLEX, "stack depth limit exceeded")
                    .with_hint("The statement nests expressions or queries too deeply."),
            );
        }
        self.depth += 1;
        let result = work(self);
        self.depth -= 1;
        result
    }

    /// Counts relations that a query reads.
    pub(super) fn reads(&mut self, relations: usize) -> Result<()> {
        self.relations = self.relations.saturating_add(relations);
        if self.relations <= MAX_RELATIONS {
            return Ok(());
        }
        Err(Error::new(
            state::STATEMENT_TOO_COMPLEX,
            format!("the statement reads more than {MAX_RELATIONS} relations"),
        )
        .with_detail("WITH items and views count each time they are read.")
        .with_hint("Keep parts of it in temporary tables."))
    }

    pub(super) fn relations(&self) -> usize {
        self.relations
    }

    /// The parameters' types once everything is bound. One whose type nothing
    /// decided is text, as a client would send it.
    pub fn param_types(&self) -> Vec<SqlType> {
        self.params
            .iter()
            .map(|ty| ty.clone().unwrap_or(SqlType::Text))
            .collect()
    }

    /// Runs `work` as part of another clause.
    pub(super) fn within<T>(
        &mut self,
        clause: Clause,
        work: impl FnOnce(&mut Self) -> Result<T>,
    ) -> Result<T> {
        let before = std::mem::replace(&mut self.clause, clause);
        let valued = std::mem::take(&mut self.valued);
        let result = work(self);
        self.valued = valued;
        self.clause = before;
        result
    }

    /// Whether false and unknown are the same for the expression being bound.
    pub(super) fn only_true_counts(&self) -> bool {
        self.clause.filters() && !self.valued
    }

    pub(super) fn note_view(&mut self, view: &Arc<ViewDef>) {
        if !self.views.iter().any(|known| known.oid == view.oid) {
            self.views.push(view.clone());
        }
    }

    /// Notes that a relation is used; what for is added to the need returned.
    pub(in crate::planned) fn need(&mut self, mut need: Need) -> usize {
        need.owner = self.rights_of;
        if need.owner.is_some() {
            need.named = None;
        }
        self.needs.push(need);
        self.needs.len() - 1
    }

    /// The relation noted last is written to.
    pub fn needs_write(&mut self, privilege: Privileges, qualified: bool) -> usize {
        if let Some(need) = self.needs.last_mut() {
            need.required = need.required.with(privilege);
            if let Some(named) = &mut need.named {
                named.qualified = qualified;
            }
        }
        self.needs.len().saturating_sub(1)
    }

    pub fn needs_insert(&mut self, need: usize, column: usize) {
        if let Some(need) = self.needs.get_mut(need) {
            need.insert(column);
        }
    }

    pub fn needs_defaults(&mut self, need: usize, table: &Table) {
        if let Some(need) = self.needs.get(need) {
            let defaults = need.of_defaults(table);
            self.needs.extend(defaults);
        }
    }

    pub fn needs_select_of(&mut self, need: usize, column: usize) {
        if let Some(need) = self.needs.get_mut(need) {
            need.select(column);
        }
    }

    /// `name` was found to be `bound`.
    pub(super) fn note_name(&mut self, name: &Ident, bound: &Bound) {
        let Some(named) = &mut self.named else {
            return;
        };
        if let Some((need, column)) = bound.source
            && let Some(Need { relation, .. }) = self.needs.get(need)
            && let need::Relation::Table(table) = *relation
        {
            named.push(NamedColumn {
                at: name.span.start,
                table,
                column,
            });
        }
    }

    /// A string of the text is read as a value of a type.
    pub(super) fn note_string(&mut self, at: Option<Location>, read: &str, ty: &SqlType) {
        if let (Some(strings), Some(at)) = (&mut self.strings, at) {
            strings.push(ReadString {
                at,
                read: read.to_owned(),
                ty: ty.clone(),
            });
        }
    }

    pub fn needs_update(&mut self, need: usize, column: usize) {
        if let Some(need) = self.needs.get_mut(need) {
            need.update(column);
        }
    }

    /// Notes that a value is read, if it is a stored relation's column.
    pub(in crate::planned) fn note_read(&mut self, bound: &Bound) {
        if let Some((need, column)) = bound.source
            && let Some(need) = self.needs.get_mut(need)
        {
            need.select(column);
        }
    }

    pub(super) fn note_table(&mut self, table: &Arc<Table>) {
        if !self.tables.iter().any(|known| known.id == table.id) {
            self.tables.push(table.clone());
        }
    }
}
