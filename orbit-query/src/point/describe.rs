//! What EXPLAIN says of a point plan.

use super::access::{Access, Path};
use super::{Kind, PointPlan};
use orbit_core::catalog::Table;
use orbit_core::store::Direction;

pub(super) fn describe(plan: &PointPlan) -> Vec<String> {
    let Some(table) = &plan.table else {
        return vec!["Point Result".to_owned()];
    };
    let name = &table.name;
    match &plan.kind {
        Kind::Constants(_) => vec!["Point Result".to_owned()],
        Kind::Select(select) => {
            let mut lines = Vec::new();
            let verb = match select.lock {
                None => "Point Read",
                Some(_) => "Point Lock",
            };
            found(&mut lines, verb, table, &select.path);
            if select.limit.is_some() || select.offset.is_some() {
                lines.push("  Limit".to_owned());
            }
            lines
        }
        Kind::Insert(insert) => {
            let mut lines = vec![format!("Point Insert on {name}")];
            if let Some(conflict) = &insert.conflict {
                lines.push(format!(
                    "  Conflict Resolution: {}",
                    if conflict.update.is_some() {
                        "UPDATE"
                    } else {
                        "NOTHING"
                    }
                ));
            }
            lines
        }
        Kind::Update(update) => {
            let mut lines = Vec::new();
            found(&mut lines, "Point Update", table, &update.path);
            lines
        }
        Kind::Delete(delete) => {
            let mut lines = Vec::new();
            found(&mut lines, "Point Delete", table, &delete.path);
            lines
        }
    }
}

fn found(lines: &mut Vec<String>, verb: &str, table: &Table, path: &Path) {
    let key = match &path.access {
        Access::Key(_) | Access::Keys { .. } | Access::Table { .. } => table
            .primary_key
            .as_ref()
            .map(|key| key.constraint.as_str()),
        Access::Index { index, .. } => table.indexes.get(*index).map(|index| index.name.as_str()),
    };
    lines.push(match key {
        Some(key) => format!("{verb} on {} using {key}", table.name),
        None => format!("{verb} on {}", table.name),
    });
    let names = |count: usize| {
        path.columns
            .iter()
            .take(count)
            .map(|column| format!("{} =", table.shown_at(column.column)))
            .collect::<Vec<_>>()
    };
    let conditions = match &path.access {
        Access::Key(operands) => names(operands.len()),
        Access::Keys {
            operands, place, ..
        } => {
            let mut names = names(operands.len());
            if let Some(name) = names.get_mut(*place) {
                *name = name.replace(" =", " IN (...)");
            }
            names
        }
        Access::Table { operands, limits }
        | Access::Index {
            operands, limits, ..
        } => {
            let mut names = names(operands.len());
            if !limits.is_empty()
                && let Some(column) = path.columns.get(operands.len())
            {
                names.push(format!("{} within bounds", table.shown_at(column.column)));
            }
            names
        }
    };
    if !conditions.is_empty() {
        lines.push(format!("  Key: {}", conditions.join(", ")));
    }
    if path.direction == Direction::Backward {
        lines.push("  Backward".to_owned());
    }
    if path.filter.is_some() {
        lines.push("  Filter".to_owned());
    }
}
