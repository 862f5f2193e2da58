//! What an error tells of rows: nothing that who gets it may not read. An UPDATE of one
//! column needs no right to read the others, and its error would show them.

use super::need::{self, Need};
use super::rights::Rights;
use orbit_core::Error;
use orbit_core::catalog::{Catalog, Privileges, Table};
use orbit_core::error::ShownValues;
use orbit_core::ids::TableId;

/// The error as the role may see it. `given`: whether the statement gave a column its value.
pub fn told(
    mut error: Error,
    rights: &Rights,
    catalog: &Catalog,
    given: impl Fn(TableId, usize) -> bool,
) -> Error {
    let Some(shown) = error.take_shown() else {
        return error;
    };
    if rights.superuser {
        return error;
    }
    let table = catalog.table_by_id(shown.table);
    let reads =
        |column: Option<usize>| table.is_some_and(|table| may_read(table, rights, catalog, column));
    if reads(None) {
        return error;
    }
    match shown.values {
        ShownValues::Key { columns, otherwise } => {
            if !columns.iter().all(|column| reads(Some(*column))) {
                error.set_detail(otherwise);
            }
        }
        ShownValues::Row(values) => {
            let columns = table.map_or(&[][..], |table| &table.columns);
            let (mut names, mut seen) = (Vec::new(), Vec::new());
            for (at, (column, value)) in columns.iter().zip(values).enumerate() {
                if given(shown.table, at) || reads(Some(at)) {
                    names.push(column.name.as_str());
                    seen.push(value);
                }
            }
            error.set_detail((!names.is_empty()).then(|| {
                let (names, seen) = (names.join(", "), seen.join(", "));
                format!("Failing row contains ({names}) = ({seen}).")
            }));
        }
    }
    error
}

/// The error of a statement that needs this: it gave values to the columns that it writes.
pub fn told_of(error: Error, rights: &Rights, catalog: &Catalog, needs: &[Need]) -> Error {
    told(error, rights, catalog, |table, column| {
        needs.iter().any(|need| {
            need.relation == need::Relation::Table(table)
                && (need.inserted.contains(&column) || need.updated.contains(&column))
        })
    })
}

/// The table as a whole, or one of its columns; what an index computes is no column.
fn may_read(table: &Table, rights: &Rights, catalog: &Catalog, column: Option<usize>) -> bool {
    let stamp = match column {
        None => None,
        Some(at) => match table.columns.get(at) {
            Some(column) => Some(column.created),
            None => return false,
        },
    };
    let held = catalog.held_by(&rights.roles, &table.securable(), stamp);
    held.privileges.contains(Privileges::SELECT)
}
