//! What sealing found out about columns, for the planner of joins: as long as nobody has
//! said ANALYZE, what the segments' footers say stands in.

use super::prune::{self, Known};
use super::scan::Read;
use datafusion::arrow::array::{Array, ArrayRef, AsArray};
use datafusion::arrow::compute::sum;
use datafusion::arrow::datatypes::UInt64Type;
use datafusion::common::stats::Precision;
use datafusion::common::{ColumnStatistics, ScalarValue};
use datafusion::functions_aggregate::min_max::{MaxAccumulator, MinAccumulator};
use datafusion::logical_expr::Accumulator;
use orbit_core::columns::Manifest;
use orbit_core::ids::StorageId;
use parking_lot::Mutex;
use std::collections::BTreeMap;
use std::sync::{Arc, Weak};

/// What was found of each table, by the manifest that it was found by.
#[derive(Default)]
pub struct Found(Mutex<BTreeMap<StorageId, OfTable>>);

#[derive(Default)]
struct OfTable {
    manifest: Weak<Manifest>,
    /// By slot.
    columns: BTreeMap<usize, ColumnStatistics>,
}

impl Found {
    /// Of the projected columns, as of when they were sealed.
    pub fn of(&self, read: &Read) -> Vec<ColumnStatistics> {
        let manifest = &read.changes.manifest;
        let groups: Vec<(usize, usize)> = manifest
            .segments
            .iter()
            .enumerate()
            .flat_map(|(place, segment)| (0..segment.groups.len()).map(move |at| (place, at)))
            .collect();
        let fields = read.schema.fields().iter().zip(&read.projection);
        fields
            .map(|(field, at)| {
                if *at >= read.table.columns.len() {
                    return ColumnStatistics::new_unknown();
                }
                let slot = read.table.layout.slot_of(*at);
                let column = self.known(read, slot).unwrap_or_else(|| {
                    let column = of_column(read, &groups, field.name());
                    self.note(read, slot, column.clone());
                    column
                });
                // The column's type may have changed since.
                match column.min_value.get_value().map(ScalarValue::data_type) {
                    Some(ty) if ty != *field.data_type() => ColumnStatistics::new_unknown(),
                    _ => column,
                }
            })
            .collect()
    }

    fn known(&self, read: &Read, slot: usize) -> Option<ColumnStatistics> {
        let found = self.0.lock();
        let of = found.get(&read.table.storage)?;
        let is_of = std::ptr::eq(of.manifest.as_ptr(), Arc::as_ptr(&read.changes.manifest));
        of.columns.get(&slot).filter(|_| is_of).cloned()
    }

    fn note(&self, read: &Read, slot: usize, column: ColumnStatistics) {
        let manifest = &read.changes.manifest;
        let mut found = self.0.lock();
        found.retain(|_, of| of.manifest.strong_count() > 0);
        let of = found.entry(read.table.storage).or_default();
        if !std::ptr::eq(of.manifest.as_ptr(), Arc::as_ptr(manifest)) {
            *of = OfTable {
                manifest: Arc::downgrade(manifest),
                columns: BTreeMap::new(),
            };
        }
        of.columns.insert(slot, column);
    }
}

fn of_column(read: &Read, groups: &[(usize, usize)], name: &str) -> ColumnStatistics {
    let known = |what| prune::known(read, groups, name, what);
    let mut column = ColumnStatistics::new_unknown();
    let least = known(Known::Least).and_then(|bounds| ends(&bounds));
    let greatest = known(Known::Greatest).and_then(|bounds| ends(&bounds));
    if let (Some((least, _)), Some((_, greatest))) = (least, greatest) {
        column.min_value = Precision::Inexact(least);
        column.max_value = Precision::Inexact(greatest);
    }
    let nulls = known(Known::Nulls);
    let nulls = nulls.and_then(|nulls| sum(nulls.as_primitive_opt::<UInt64Type>()?));
    if let Some(nulls) = nulls.and_then(|nulls| usize::try_from(nulls).ok()) {
        column.null_count = Precision::Inexact(nulls);
    }
    column
}

/// The least and the greatest of some bounds.
fn ends(bounds: &ArrayRef) -> Option<(ScalarValue, ScalarValue)> {
    let bounds = std::slice::from_ref(bounds);
    let ty = bounds.first()?.data_type();
    let (mut least, mut greatest) = (
        MinAccumulator::try_new(ty).ok()?,
        MaxAccumulator::try_new(ty).ok()?,
    );
    least.update_batch(bounds).ok()?;
    greatest.update_batch(bounds).ok()?;
    let ends = (least.evaluate().ok()?, greatest.evaluate().ok()?);
    (!ends.0.is_null()).then_some(ends)
}
