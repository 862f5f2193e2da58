//! Which rights a point statement needs: it has one table, so every name in it
//! is a column of that or nothing.

use super::Kind;
use crate::access::need::Need;
use crate::statement::names::fold;
use crate::statement::visit;
use crate::write::arbiter;
use orbit_core::catalog::{Privileges, Table};
use sqlparser::ast::{
    AssignmentTarget, ConflictTarget, Expr, Ident, ObjectName, OnConflictAction, OnInsert,
    SelectItem, SetExpr, Statement,
};
use std::ops::ControlFlow;

/// `kind` is what the statement was compiled to.
pub(super) fn of(statement: &Statement, table: &Table, kind: &Kind) -> Vec<Need> {
    let required = match kind {
        Kind::Constants(_) => return Vec::new(),
        Kind::Select(select) if select.lock.is_some() => {
            Privileges::SELECT.with(Privileges::UPDATE)
        }
        Kind::Select(_) => Privileges::SELECT,
        Kind::Insert(_) => Privileges::INSERT,
        Kind::Update(_) => Privileges::UPDATE,
        Kind::Delete(_) => Privileges::DELETE,
    };
    let mut need = Need::table(table, required, is_qualified(statement));
    let _: ControlFlow<()> = visit::expressions(statement, |expr| {
        match expr {
            // `VALUES (DEFAULT)` reads nothing.
            Expr::Identifier(name) if name.quote_style.is_none() && fold(name) == "default" => {}
            Expr::Identifier(name) => read(&mut need, table, name),
            // What was to be inserted is no column of the table.
            Expr::CompoundIdentifier(path)
                if path.first().is_some_and(|first| fold(first) == "excluded") => {}
            Expr::CompoundIdentifier(path) => {
                if let Some(name) = path.last() {
                    read(&mut need, table, name);
                }
            }
            _ => {}
        }
        ControlFlow::Continue(())
    });
    let returned = match statement {
        Statement::Query(query) => match &*query.body {
            SetExpr::Select(select) => Some(&select.projection),
            _ => None,
        },
        Statement::Insert(insert) => {
            inserted(&mut need, table, insert);
            insert.returning.as_ref()
        }
        Statement::Update(update) => {
            for assignment in &update.assignments {
                assigned(&mut need, table, &assignment.target);
            }
            update.returning.as_ref()
        }
        Statement::Delete(delete) => delete.returning.as_ref(),
        _ => None,
    };
    let all = |item: &SelectItem| {
        matches!(
            item,
            SelectItem::Wildcard(_) | SelectItem::QualifiedWildcard(..)
        )
    };
    if returned.is_some_and(|items| items.iter().any(all)) {
        read_all(&mut need, table);
    }
    let mut needs = vec![need];
    if matches!(kind, Kind::Insert(_)) {
        let defaults = needs.iter().flat_map(|need| need.of_defaults(table));
        let defaults: Vec<_> = defaults.collect();
        needs.extend(defaults);
    }
    needs
}

fn read(need: &mut Need, table: &Table, name: &Ident) {
    let name = fold(name);
    match table.column_position(&name) {
        Some(column) => need.select(column),
        // The row as a whole, under the table's name or alias; or no column at all.
        None => read_all(need, table),
    }
}

fn read_all(need: &mut Need, table: &Table) {
    (0..table.columns.len()).for_each(|column| need.select(column));
}

fn last(name: &ObjectName) -> Option<String> {
    name.0.last()?.as_ident().map(fold)
}

fn inserted(need: &mut Need, table: &Table, insert: &sqlparser::ast::Insert) {
    if insert.columns.is_empty() {
        let width = insert
            .source
            .as_ref()
            .map_or(0, |source| match &*source.body {
                SetExpr::Values(values) => values.rows.first().map_or(0, |row| row.content.len()),
                _ => table.columns.len(),
            });
        (0..width.min(table.columns.len())).for_each(|column| need.insert(column));
    }
    for name in &insert.columns {
        if let Some(column) = last(name).and_then(|name| table.column_position(&name)) {
            need.insert(column);
        }
    }
    let Some(OnInsert::OnConflict(on)) = &insert.on else {
        return;
    };
    match &on.conflict_target {
        None => {}
        Some(ConflictTarget::Columns(names)) => match arbiter::asked(table, names) {
            Ok(asked) => {
                let columns = asked.columns.iter().chain(&asked.used);
                columns.for_each(|column| need.select(*column));
            }
            Err(_) => read_all(need, table),
        },
        Some(ConflictTarget::OnConstraint(name)) => {
            for column in constrained(table, last(name).unwrap_or_default().as_str()) {
                need.select(column);
            }
        }
    }
    if let OnConflictAction::DoUpdate(update) = &on.action {
        for assignment in &update.assignments {
            assigned(need, table, &assignment.target);
        }
    }
}

/// The columns of a constraint that ON CONFLICT names.
pub(crate) fn constrained(table: &Table, name: &str) -> Vec<usize> {
    match &table.primary_key {
        Some(key) if key.constraint == name => key.columns.clone(),
        _ => table
            .index_named(name)
            .map(|index| index.columns.iter().map(|part| part.column).collect())
            .unwrap_or_default(),
    }
}

fn assigned(need: &mut Need, table: &Table, target: &AssignmentTarget) {
    let names = match target {
        AssignmentTarget::ColumnName(name) => std::slice::from_ref(name),
        AssignmentTarget::Tuple(names) => names.as_slice(),
    };
    for name in names {
        if let Some(column) = last(name).and_then(|name| table.column_position(&name)) {
            need.update(column);
        }
    }
}

/// Whether the statement names its table with a schema.
fn is_qualified(statement: &Statement) -> bool {
    let mut qualified = false;
    let _: ControlFlow<()> = visit::relations(statement, |name| {
        qualified |= name.0.len() > 1;
        ControlFlow::Continue(())
    });
    qualified
}
