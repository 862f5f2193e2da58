//! Which views can be written through, and which of their columns: those over one table, or
//! over another such view, whose rows are rows of it.

use crate::planned::Calls;
use crate::statement::names;
use crate::statement::names::fold;
use crate::statement::parse::row_statement;
use orbit_core::catalog::{Catalog, Relation, ViewDef};
use orbit_core::{Error, Result};
use sqlparser::ast::{
    Expr, GroupByExpr, ObjectName, Query, Select, SelectItem, SetExpr, Statement, TableAlias,
    TableFactor,
};

/// A view over one relation.
#[derive(Clone)]
pub struct Shape {
    pub select: Box<Select>,
    pub base: ObjectName,
    pub alias: Option<TableAlias>,
}

/// A view's query.
pub fn query_of(view: &ViewDef) -> Result<Box<Query>> {
    match row_statement(&view.query)? {
        Statement::Query(query) => Ok(query),
        _ => Err(Error::corrupted(format!(
            "the stored query of view \"{}\" is none",
            view.name
        ))),
    }
}

/// The shape of a query whose rows are those of one relation, or PostgreSQL's words for why
/// they are not.
pub fn shape(query: Query) -> std::result::Result<Shape, &'static str> {
    let select = match *query.body {
        SetExpr::Select(select) => select,
        SetExpr::SetOperation { .. } => {
            return Err(
                "Views containing UNION, INTERSECT, or EXCEPT are not automatically updatable.",
            );
        }
        _ => return Err(SEVERAL),
    };
    if select.distinct.is_some() {
        return Err("Views containing DISTINCT are not automatically updatable.");
    }
    let groups = match &select.group_by {
        GroupByExpr::All(_) => true,
        GroupByExpr::Expressions(by, modifiers) => !by.is_empty() || !modifiers.is_empty(),
    };
    if groups {
        return Err("Views containing GROUP BY are not automatically updatable.");
    }
    if select.having.is_some() {
        return Err("Views containing HAVING are not automatically updatable.");
    }
    if query.with.is_some() {
        return Err("Views containing WITH are not automatically updatable.");
    }
    if query.limit_clause.is_some() || query.fetch.is_some() {
        return Err("Views containing LIMIT or OFFSET are not automatically updatable.");
    }
    let calls = Calls::of_items(&select.projection);
    if calls.aggregate {
        return Err("Views that return aggregate functions are not automatically updatable.");
    }
    if calls.window {
        return Err("Views that return window functions are not automatically updatable.");
    }
    if calls.set_returning {
        return Err("Views that return set-returning functions are not automatically updatable.");
    }
    let [from] = select.from.as_slice() else {
        return Err(SEVERAL);
    };
    let TableFactor::Table {
        name,
        alias,
        args: None,
        sample,
        ..
    } = &from.relation
    else {
        return Err(SEVERAL);
    };
    if !from.joins.is_empty() {
        return Err(SEVERAL);
    }
    if sample.is_some() {
        return Err("Views containing TABLESAMPLE are not automatically updatable.");
    }
    Ok(Shape {
        base: name.clone(),
        alias: alias.clone(),
        select,
    })
}

pub const SEVERAL: &str =
    "Views that do not select from a single table or view are not automatically updatable.";

pub const NO_COLUMNS: &str =
    "Views that have no updatable columns are not automatically updatable.";

impl Shape {
    /// For each of the view's columns, which of the relation's it is.
    pub fn columns(&self, view: &ViewDef, base: &[String]) -> Vec<Option<usize>> {
        let renamed = self.alias.iter().flat_map(|alias| &alias.columns);
        let mut names: Vec<String> = base.to_vec();
        for (name, given) in names.iter_mut().zip(renamed) {
            *name = fold(&given.name);
        }
        let mut columns = Vec::with_capacity(view.columns.len());
        for item in &self.select.projection {
            match item {
                SelectItem::UnnamedExpr(expr) | SelectItem::ExprWithAlias { expr, .. } => {
                    columns.push(column_of(expr, &names));
                }
                _ => columns.extend((0..names.len()).map(Some)),
            }
        }
        columns.resize(view.columns.len(), None);
        columns
    }
}

fn column_of(expr: &Expr, names: &[String]) -> Option<usize> {
    let name = match expr {
        Expr::Nested(inner) => return column_of(inner, names),
        Expr::Identifier(name) => name,
        Expr::CompoundIdentifier(path) => path.last()?,
        _ => return None,
    };
    let name = fold(name);
    names.iter().position(|known| *known == name)
}

/// What can be done with a view's rows.
pub struct Writable {
    /// The columns that can be given values.
    pub columns: Vec<bool>,
    /// Rows can be deleted.
    pub deletes: bool,
}

impl Writable {
    /// Rows can be inserted and updated.
    pub fn writes(&self) -> bool {
        self.deletes && self.columns.contains(&true)
    }

    fn nothing(view: &ViewDef) -> Writable {
        Writable {
            columns: vec![false; view.columns.len()],
            deletes: false,
        }
    }
}

/// A view reads a view reads a view: deeper than this none is made.
const MAX_DEPTH: usize = 64;

pub fn writable(catalog: &Catalog, view: &ViewDef) -> Writable {
    through(catalog, view, MAX_DEPTH).unwrap_or_else(|| Writable::nothing(view))
}

/// `None`: it can't be written through.
fn through(catalog: &Catalog, view: &ViewDef, depth: usize) -> Option<Writable> {
    let shape = shape(*query_of(view).ok()?).ok()?;
    let (schema, name) = names::split(&shape.base).ok()?;
    let (names, below): (Vec<String>, Vec<bool>) = match catalog.relation(&schema?, &name)? {
        Relation::Table(table) => table
            .columns
            .iter()
            .map(|column| (column.name.clone(), true))
            .unzip(),
        Relation::View(inner) => {
            let below = through(catalog, inner, depth.checked_sub(1)?)?;
            let names = inner.columns.iter().map(|column| column.name.clone());
            (names.collect(), below.columns)
        }
        _ => return None,
    };
    let columns = shape.columns(view, &names).into_iter();
    let is_written = |at: usize| below.get(at).copied().unwrap_or(false);
    Some(Writable {
        columns: columns.map(|at| at.is_some_and(is_written)).collect(),
        deletes: true,
    })
}
