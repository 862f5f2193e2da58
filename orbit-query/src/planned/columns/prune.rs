//! Zone maps: groups of segments that no row of can pass the filter right above are left
//! out when a plan is made. What says so are the least and greatest values of every column
//! in every group, which the files' footers have. A group is left out for what it had when
//! it was sealed; rows that changed since are read beside it.

use super::scan::Read;
use super::stored::{column_name, from_stored};
use crate::planned::arrow::arrow_type;
use crate::planned::num::FIXED_NAN;
use datafusion::arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, Decimal128Array, UInt64Array, new_null_array,
};
use datafusion::arrow::compute::{SortOptions, concat, sort_to_indices};
use datafusion::arrow::datatypes::{DataType, Decimal128Type};
use datafusion::common::pruning::PruningStatistics;
use datafusion::common::{Column, ScalarValue};
use datafusion::physical_expr::{PhysicalExpr, conjunction, split_conjunction};
use datafusion::physical_expr_common::physical_expr::is_volatile;
use datafusion::physical_optimizer::pruning::{PruningPredicate, PruningPredicateBuilder};
use std::collections::HashSet;
use std::sync::Arc;

/// What can be asked of groups; `None`: nothing of the condition can.
pub fn predicate(read: &Read, condition: &Arc<dyn PhysicalExpr>) -> Option<Arc<PruningPredicate>> {
    // What is volatile has to be asked of every row.
    let steady = split_conjunction(condition)
        .into_iter()
        .filter(|part| !is_volatile(part));
    let steady = conjunction(steady.cloned());
    PruningPredicateBuilder::new()
        .with_file_schema(read.schema.clone())
        .build(steady)
}

/// Which of the groups may have a row that passes; `None`: all may, as far as one can tell.
pub fn may_pass(
    read: &Read,
    groups: &[(usize, usize)],
    predicate: &PruningPredicate,
) -> Option<Vec<bool>> {
    predicate.prune(&Zones { read, groups }).ok()
}

/// What is known of a column in each of some groups, NULL where nothing is.
pub fn known(
    read: &Read,
    groups: &[(usize, usize)],
    column: &str,
    known: Known,
) -> Option<ArrayRef> {
    Zones { read, groups }.of(&Column::from_name(column), known)
}

/// The places of groups, those with the greatest or, ascending, the least of a column first;
/// before them those of which it is not known. `None`: it is known of no group.
pub fn in_order(
    read: &Read,
    groups: &[(usize, usize)],
    column: &str,
    descending: bool,
) -> Option<Vec<usize>> {
    let end = match descending {
        true => Known::Greatest,
        false => Known::Least,
    };
    let bounds = known(read, groups, column, end)?;
    let options = SortOptions {
        descending,
        nulls_first: true,
    };
    if bounds.null_count() == bounds.len() {
        return None;
    }
    let order = sort_to_indices(&bounds, Some(options), None).ok()?;
    Some(order.values().iter().map(|place| *place as usize).collect())
}

/// What the footers say of some groups, each a segment and a group of it.
struct Zones<'a> {
    read: &'a Read,
    groups: &'a [(usize, usize)],
}

/// What is known of a column.
#[derive(Clone, Copy)]
pub enum Known {
    Least,
    Greatest,
    Nulls,
}

/// Whether Parquet orders values as comparisons of plans do. Not floats: NaN is greater
/// than all others here, and left out there.
pub fn is_ordered(ty: &DataType) -> bool {
    matches!(
        ty,
        DataType::Boolean
            | DataType::Int16
            | DataType::Int32
            | DataType::Int64
            | DataType::Date32
            | DataType::Timestamp(..)
            | DataType::Time64(_)
            | DataType::Decimal128(..)
            | DataType::Utf8
            | DataType::Utf8View
    )
}

impl Zones<'_> {
    /// One value for each group, NULL where nothing is known.
    fn of(&self, column: &Column, known: Known) -> Option<ArrayRef> {
        let place = self.read.schema.index_of(&column.name).ok()?;
        let at = *self.read.projection.get(place)?;
        let of = self.read.table.columns.get(at)?;
        let wanted = match known {
            Known::Nulls => DataType::UInt64,
            _ => arrow_type(&of.sql_type),
        };
        if !matches!(known, Known::Nulls) && !is_ordered(&wanted) {
            return None;
        }
        let name = column_name(self.read.table.layout.slot_of(at));
        let nothing = new_null_array(&wanted, 1);
        let mut values: Vec<ArrayRef> = Vec::with_capacity(self.groups.len());
        for of_one in self.groups.chunk_by(|one, next| one.0 == next.0) {
            let segment = of_one.first().map(|(segment, _)| *segment)?;
            let all = self.of_segment(segment, &name, known, &wanted);
            for (_, group) in of_one {
                let value = all.as_ref().and_then(|(all, place_of)| {
                    let place = place_of(*group)?;
                    (place < all.len()).then(|| all.slice(place, 1))
                });
                values.push(value.unwrap_or_else(|| nothing.clone()));
            }
        }
        let values: Vec<&dyn Array> = values.iter().map(AsRef::as_ref).collect();
        concat(&values).ok().map(without_nan)
    }

    /// Of all groups of a file, and where each of the segment's stands among them. A file
    /// that can't be read is found damaged when its columns are.
    fn of_segment(
        &self,
        segment: usize,
        name: &str,
        known: Known,
        wanted: &DataType,
    ) -> Option<(ArrayRef, impl Fn(usize) -> Option<usize>)> {
        let segment = self.read.changes.manifest.segments.get(segment)?;
        let file = self.read.store.file(segment).ok()?;
        let values = from_stored(file.known(name, known)?, wanted).ok()?;
        Some((values, move |group| file.group_place(group)))
    }
}

/// NaN stands for no number: what a condition makes of it by arithmetic says nothing.
fn without_nan(bounds: ArrayRef) -> ArrayRef {
    let Some(decimals) = bounds.as_primitive_opt::<Decimal128Type>() else {
        return bounds;
    };
    let known = decimals
        .iter()
        .map(|bound| bound.filter(|bound| *bound != FIXED_NAN));
    let known = known.collect::<Decimal128Array>();
    Arc::new(known.with_data_type(decimals.data_type().clone()))
}

impl PruningStatistics for Zones<'_> {
    fn min_values(&self, column: &Column) -> Option<ArrayRef> {
        self.of(column, Known::Least)
    }

    fn max_values(&self, column: &Column) -> Option<ArrayRef> {
        self.of(column, Known::Greatest)
    }

    fn num_containers(&self) -> usize {
        self.groups.len()
    }

    fn null_counts(&self, column: &Column) -> Option<ArrayRef> {
        self.of(column, Known::Nulls)
    }

    fn row_counts(&self) -> Option<ArrayRef> {
        let segments = &self.read.changes.manifest.segments;
        let rows = self.groups.iter().map(|(segment, group)| {
            let group = segments.get(*segment)?.groups.get(*group)?;
            Some(group.rows)
        });
        Some(Arc::new(rows.collect::<UInt64Array>()))
    }

    fn contained(&self, _column: &Column, _values: &HashSet<ScalarValue>) -> Option<BooleanArray> {
        None
    }
}
