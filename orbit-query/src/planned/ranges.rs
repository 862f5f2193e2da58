//! Which part of a table a set of conditions can touch: a key range, an index
//! range, or all of it. Deciding only; `scan.rs` does the reading.

use super::arrow::{arrow_type, scalar_value};
use super::indexed::Indexed;
use datafusion::common::ScalarValue;
use datafusion::logical_expr::utils::split_conjunction;
use datafusion::logical_expr::{Expr, Operator};
use orbit_core::catalog::{Index, Table};
use orbit_core::key;
use orbit_core::store::{KeyRange, successor};
use orbit_core::value::Value;

#[derive(Clone, Debug, PartialEq)]
pub enum Access {
    Full,
    /// Ranges of primary keys, in key order, apart from each other.
    Keys(Vec<KeyRange>),
    /// One whole primary key: at most one row.
    One,
    Index {
        index: usize,
        range: KeyRange,
        name: String,
    },
}

/// What the conditions say of one column.
#[derive(Clone, Debug, Default)]
struct Limits {
    equal: Option<Value>,
    /// Bound and whether it belongs to the range.
    low: Option<(Value, bool)>,
    high: Option<(Value, bool)>,
}

/// Positions of what an expression is: a column's, or computed values'.
fn places_of(table: &Table, indexed: &Indexed, expr: &Expr) -> Vec<usize> {
    match expr {
        Expr::Column(column) => table.column_position(&column.name).into_iter().collect(),
        other => indexed.places_of(other),
    }
}

/// `value op constant`, whichever side the value stands on.
fn comparison(expr: &Expr) -> Option<(&Expr, Operator, &Expr)> {
    let Expr::BinaryExpr(binary) = expr else {
        return None;
    };
    let constant = |expr: &Expr| matches!(expr, Expr::Literal(..) | Expr::Placeholder(_));
    match (&*binary.left, &*binary.right) {
        (left, right) if constant(right) && !constant(left) => Some((left, binary.op, right)),
        (left, right) if constant(left) && !constant(right) => {
            Some((right, binary.op.swap()?, left))
        }
        _ => None,
    }
}

/// Whether a condition could ever narrow a scan of this table.
pub fn is_useful(table: &Table, indexed: &Indexed, filter: &Expr) -> bool {
    split_conjunction(filter).into_iter().any(|term| {
        if indexed.names(term) {
            return true;
        }
        let Some((value, op, _)) = comparison(term) else {
            return false;
        };
        let places = places_of(table, indexed, value);
        let Some(at) = places.first().copied() else {
            return false;
        };
        let ranged = matches!(
            op,
            Operator::Eq | Operator::Lt | Operator::LtEq | Operator::Gt | Operator::GtEq
        );
        let keyed = table.primary_key_columns().contains(&at)
            || table
                .indexes
                .iter()
                .any(|index| index.columns.iter().any(|part| part.column == at));
        ranged
            && keyed
            && table
                .type_at(at)
                .is_some_and(|sql_type| key::check_type(sql_type).is_ok())
    })
}

fn limits(table: &Table, indexed: &Indexed, filters: &[Expr]) -> Vec<Limits> {
    let mut limits = vec![Limits::default(); table.width()];
    for term in filters.iter().flat_map(split_conjunction) {
        let Some((expr, op, Expr::Literal(scalar, _))) = comparison(term) else {
            continue;
        };
        for at in places_of(table, indexed, expr) {
            let (Some(value), Some(slot)) = (constant(table, at, scalar), limits.get_mut(at))
            else {
                continue;
            };
            match op {
                Operator::Eq => slot.equal = Some(value),
                // The first bound is kept; DataFusion checks the rest.
                Operator::Gt => slot.low = slot.low.take().or(Some((value, false))),
                Operator::GtEq => slot.low = slot.low.take().or(Some((value, true))),
                Operator::Lt => slot.high = slot.high.take().or(Some((value, false))),
                Operator::LtEq => slot.high = slot.high.take().or(Some((value, true))),
                _ => {}
            }
        }
    }
    limits
}

/// A constant of exactly the column's type.
fn constant(table: &Table, at: usize, scalar: &ScalarValue) -> Option<Value> {
    let ty = table.type_at(at)?;
    if scalar.is_null() || scalar.data_type() != arrow_type(ty) {
        return None;
    }
    scalar_value(scalar, ty).ok()
}

/// The narrowest way to the rows these conditions leave.
pub fn access(table: &Table, indexed: &Indexed, filters: &[Expr]) -> Access {
    if filters.is_empty() {
        return Access::Full;
    }
    let limits = limits(table, indexed, filters);
    let primary: Vec<(usize, bool)> = table
        .primary_key_columns()
        .iter()
        .map(|at| (*at, false))
        .collect();
    let by_key = range_of(&primary, &limits, false);
    if let Some(found) = &by_key {
        if found.equal == primary.len() {
            return Access::One.with(found.range.clone());
        }
    }
    let best = table
        .indexes
        .iter()
        .enumerate()
        // A partial index hasn't all rows.
        .filter(|(at, index)| index.predicate.is_none() || indexed.has_all(*at, filters))
        .filter_map(|(at, index)| {
            let columns: Vec<(usize, bool)> = index
                .columns
                .iter()
                .map(|part| (part.column, part.descending))
                .collect();
            let found = range_of(&columns, &limits, true)?;
            is_selective(table, index, &found).then_some((at, found))
        })
        .max_by_key(|(_, found)| (found.equal, found.ranged));
    match (by_key, best) {
        (Some(by_key), Some((_, found))) if by_key.equal >= found.equal => {
            Access::Keys(vec![by_key.range])
        }
        (_, Some((index, found))) => Access::Index {
            index,
            range: found.range,
            name: table.indexes[index].name.clone(),
        },
        (Some(by_key), None) => Access::Keys(vec![by_key.range]),
        (None, None) => Access::Full,
    }
}

impl Access {
    /// A whole key is still a range to the scan.
    fn with(self, range: KeyRange) -> Access {
        match self {
            Access::One => Access::Keys(vec![range]),
            other => other,
        }
    }
}

struct Found {
    range: KeyRange,
    /// Leading columns fixed by equality.
    equal: usize,
    /// Whether one more column is bounded: 0, 1 or 2 sides.
    ranged: usize,
}

fn range_of(columns: &[(usize, bool)], limits: &[Limits], nullable: bool) -> Option<Found> {
    let mut prefix = Vec::new();
    let mut equal = 0;
    for (at, descending) in columns {
        let Some(value) = limits.get(*at).and_then(|limits| limits.equal.as_ref()) else {
            break;
        };
        key::push(&mut prefix, &value.as_ref(), *descending, nullable).ok()?;
        equal += 1;
    }
    let mut range = KeyRange::prefix(&prefix);
    if prefix.is_empty() {
        range = KeyRange {
            start: Vec::new(),
            end: Vec::new(),
        };
    }
    let mut ranged = 0;
    if let Some((at, false)) = columns.get(equal) {
        if let Some(limits) = limits.get(*at) {
            let bound = |value: &Value| {
                let mut key = prefix.clone();
                key::push(&mut key, &value.as_ref(), false, nullable).ok()?;
                Some(key)
            };
            if let Some((value, included)) = &limits.low {
                let key = bound(value)?;
                range.start = if *included { key } else { successor(&key) };
                ranged += 1;
            }
            if let Some((value, included)) = &limits.high {
                let key = bound(value)?;
                range.end = if *included { successor(&key) } else { key };
                ranged += 1;
            }
        }
    }
    (equal + ranged > 0).then_some(Found {
        range,
        equal,
        ranged,
    })
}

/// Whether going through the index beats reading the table in order: an entry
/// costs about ten rows of a scan.
fn is_selective(table: &Table, index: &Index, found: &Found) -> bool {
    if index.unique && found.equal == index.columns.len() {
        return true;
    }
    if found.equal == 0 {
        return false;
    }
    let Some(statistics) = &table.statistics else {
        return true;
    };
    // Expressions' values aren't counted.
    let mut leading = index.columns.iter().take(found.equal);
    if leading.any(|part| part.column >= table.columns.len()) {
        return true;
    }
    let distinct = index
        .columns
        .iter()
        .take(found.equal)
        .filter_map(|part| statistics.columns.get(part.column))
        .map(|column| column.distinct.max(1))
        .fold(1u64, u64::saturating_mul);
    distinct >= 10
}
