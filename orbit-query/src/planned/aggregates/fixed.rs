//! `sum` and `avg` of decimals of one scale, exact whatever the number of rows: 128-bit
//! units are added up in 256 bits, and a result gets the places that PostgreSQL shows. Also
//! of products that 38 digits might not hold, without making them one by one.

use crate::planned::error::to_datafusion;
use crate::planned::num::{self, FIXED_NAN};
use ahash::AHashSet;
use datafusion::arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, Decimal256Array, Decimal256Builder, Int64Array,
};
use datafusion::arrow::datatypes::{
    DataType, Decimal128Type, Decimal256Type, Field, FieldRef, Int64Type, i256,
};
use datafusion::common::ScalarValue;
use datafusion::error::{DataFusionError, Result};
use datafusion::logical_expr::function::{AccumulatorArgs, StateFieldsArgs};
use datafusion::logical_expr::{
    Accumulator, AggregateUDF, AggregateUDFImpl, EmitTo, GroupsAccumulator, Signature, Volatility,
};
use orbit_core::value::Numeric;
use std::sync::{Arc, LazyLock};

pub fn sum() -> Arc<AggregateUDF> {
    static SUM: LazyLock<Arc<AggregateUDF>> = LazyLock::new(|| built(Finish::Sum));
    SUM.clone()
}

pub fn average() -> Arc<AggregateUDF> {
    static AVERAGE: LazyLock<Arc<AggregateUDF>> = LazyLock::new(|| built(Finish::Average));
    AVERAGE.clone()
}

/// `sum(x * y)`, given both.
pub fn sum_of_products() -> Arc<AggregateUDF> {
    static SUM: LazyLock<Arc<AggregateUDF>> = LazyLock::new(|| {
        Arc::new(AggregateUDF::new_from_impl(Fixed {
            finish: Finish::Sum,
            signature: Signature::any(2, Volatility::Immutable),
        }))
    });
    SUM.clone()
}

fn built(finish: Finish) -> Arc<AggregateUDF> {
    Arc::new(AggregateUDF::new_from_impl(Fixed {
        finish,
        signature: Signature::any(1, Volatility::Immutable),
    }))
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Finish {
    Sum,
    Average,
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Fixed {
    finish: Finish,
    signature: Signature,
}

/// The units of a sum between two steps of an aggregation.
const UNITS: DataType = DataType::Decimal256(76, 0);

/// One group.
#[derive(Clone, Copy, Debug, Default)]
struct Total {
    units: i256,
    rows: i64,
    /// Rows that are NaN, which makes the whole NaN.
    nans: i64,
}

impl Total {
    #[inline]
    fn add(&mut self, units: i128) {
        self.rows += 1;
        if units == FIXED_NAN {
            self.nans += 1;
        } else {
            self.units = self.units.wrapping_add(i256::from_i128(units));
        }
    }

    #[inline]
    fn add_product(&mut self, left: i128, right: i128) {
        self.rows += 1;
        if left == FIXED_NAN || right == FIXED_NAN {
            self.nans += 1;
            return;
        }
        let product = match (i64::try_from(left), i64::try_from(right)) {
            (Ok(left), Ok(right)) => i256::from_i128(i128::from(left) * i128::from(right)),
            // 127 bits each.
            _ => i256::from_i128(left).wrapping_mul(i256::from_i128(right)),
        };
        self.units = self.units.wrapping_add(product);
    }

    fn remove(&mut self, units: i128) {
        self.rows -= 1;
        if units == FIXED_NAN {
            self.nans -= 1;
        } else {
            self.units = self.units.wrapping_sub(i256::from_i128(units));
        }
    }

    fn merge(&mut self, other: Total) {
        self.units = self.units.wrapping_add(other.units);
        self.rows += other.rows;
        self.nans += other.nans;
    }

    fn result(&self, finish: Finish, scale: u16) -> Result<Option<i256>> {
        if self.rows == 0 {
            return Ok(None);
        }
        let sum = match self.nans {
            0 => num::of_i256(self.units, scale),
            _ => Numeric::NAN,
        };
        let result = match finish {
            Finish::Sum => sum,
            Finish::Average => Numeric::avg(&sum, self.rows).map_err(to_datafusion)?,
        };
        num::encode(&result).map(Some).map_err(to_datafusion)
    }
}

fn scale_of(ty: &DataType) -> Result<u16> {
    match ty {
        DataType::Decimal128(_, scale) => Ok(u16::try_from(*scale).unwrap_or(0)),
        other => Err(DataFusionError::Internal(format!(
            "a sum of decimals was given {other}"
        ))),
    }
}

/// The scale of what is added up.
fn argument(args: &AccumulatorArgs<'_>) -> Result<u16> {
    let scales = args.expr_fields.iter();
    scales.map(|field| scale_of(field.data_type())).sum()
}

/// The rows that count, one after the other.
fn each(
    values: &[ArrayRef],
    counts: impl Fn(usize) -> bool,
    mut take: impl FnMut(usize, i128, Option<i128>),
) {
    let first = values[0].as_primitive::<Decimal128Type>();
    let Some(second) = values.get(1) else {
        for (row, units) in first.values().iter().enumerate() {
            if counts(row) && first.is_valid(row) {
                take(row, *units, None);
            }
        }
        return;
    };
    let second = second.as_primitive::<Decimal128Type>();
    for (row, (left, right)) in first.values().iter().zip(second.values()).enumerate() {
        if counts(row) && first.is_valid(row) && second.is_valid(row) {
            take(row, *left, Some(*right));
        }
    }
}

impl Total {
    #[inline]
    fn take(&mut self, units: i128, times: Option<i128>) {
        match times {
            None => self.add(units),
            Some(times) => self.add_product(units, times),
        }
    }
}

impl AggregateUDFImpl for Fixed {
    fn name(&self) -> &str {
        match self.finish {
            Finish::Sum => "sum",
            Finish::Average => "avg",
        }
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _args: &[DataType]) -> Result<DataType> {
        Ok(num::carrier())
    }

    fn accumulator(&self, args: AccumulatorArgs) -> Result<Box<dyn Accumulator>> {
        Ok(Box::new(One {
            finish: self.finish,
            scale: argument(&args)?,
            total: Total::default(),
            seen: args.is_distinct.then(AHashSet::new),
        }))
    }

    fn state_fields(&self, args: StateFieldsArgs) -> Result<Vec<FieldRef>> {
        let field = |part: &str, ty: DataType| {
            let name = format!("{}[{part}]", args.name);
            Arc::new(Field::new(name, ty, true))
        };
        if args.is_distinct {
            let item = DataType::Decimal128(38, 0);
            return Ok(vec![field("seen", crate::planned::arrow::list_of(item))]);
        }
        Ok(vec![
            field("units", UNITS),
            field("rows", DataType::Int64),
            field("nans", DataType::Int64),
        ])
    }

    fn groups_accumulator_supported(&self, args: AccumulatorArgs) -> bool {
        !args.is_distinct
    }

    fn create_groups_accumulator(
        &self,
        args: AccumulatorArgs,
    ) -> Result<Box<dyn GroupsAccumulator>> {
        Ok(Box::new(Groups {
            finish: self.finish,
            scale: argument(&args)?,
            totals: Vec::new(),
        }))
    }
}

#[derive(Debug)]
struct One {
    finish: Finish,
    scale: u16,
    total: Total,
    seen: Option<AHashSet<i128>>,
}

impl Accumulator for One {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        each(
            values,
            |_| true,
            |_, units, times| {
                if self.seen.as_mut().is_none_or(|seen| seen.insert(units)) {
                    self.total.take(units, times);
                }
            },
        );
        Ok(())
    }

    fn retract_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        each(values, |_| true, |_, units, _| self.total.remove(units));
        Ok(())
    }

    fn supports_retract_batch(&self) -> bool {
        self.seen.is_none()
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        Ok(ScalarValue::Decimal256(
            self.total.result(self.finish, self.scale)?,
            num::PRECISION,
            num::SCALE,
        ))
    }

    fn size(&self) -> usize {
        size_of_val(self) + self.seen.as_ref().map_or(0, |seen| seen.capacity() * 24)
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        if let Some(seen) = &self.seen {
            let ty = DataType::Decimal128(38, 0);
            let items: Vec<ScalarValue> = seen
                .iter()
                .map(|units| ScalarValue::Decimal128(Some(*units), 38, 0))
                .collect();
            let list = ScalarValue::new_list_nullable(&items, &ty);
            return Ok(vec![ScalarValue::List(list)]);
        }
        Ok(vec![
            ScalarValue::Decimal256(Some(self.total.units), 76, 0),
            ScalarValue::Int64(Some(self.total.rows)),
            ScalarValue::Int64(Some(self.total.nans)),
        ])
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        if self.seen.is_some() {
            let lists = states[0].as_list::<i32>();
            for row in 0..lists.len() {
                self.update_batch(&[lists.value(row)])?;
            }
            return Ok(());
        }
        for total in saved(states) {
            self.total.merge(total);
        }
        Ok(())
    }
}

fn passes(filter: Option<&BooleanArray>) -> impl Fn(usize) -> bool {
    move |row| filter.is_none_or(|filter| filter.is_valid(row) && filter.value(row))
}

fn saved(states: &[ArrayRef]) -> impl Iterator<Item = Total> {
    let units = states[0].as_primitive::<Decimal256Type>();
    let rows = states[1].as_primitive::<Int64Type>();
    let nans = states[2].as_primitive::<Int64Type>();
    (0..units.len()).map(|row| match units.is_valid(row) {
        true => Total {
            units: units.value(row),
            rows: rows.value(row),
            nans: nans.value(row),
        },
        false => Total::default(),
    })
}

fn save(totals: &[Total]) -> Vec<ArrayRef> {
    let units: Decimal256Array = totals.iter().map(|total| Some(total.units)).collect();
    let rows: Int64Array = totals.iter().map(|total| Some(total.rows)).collect();
    let nans: Int64Array = totals.iter().map(|total| Some(total.nans)).collect();
    let units = units.with_data_type(UNITS);
    vec![Arc::new(units), Arc::new(rows), Arc::new(nans)]
}

struct Groups {
    finish: Finish,
    scale: u16,
    totals: Vec<Total>,
}

impl GroupsAccumulator for Groups {
    fn update_batch(
        &mut self,
        values: &[ArrayRef],
        group_indices: &[usize],
        opt_filter: Option<&BooleanArray>,
        total_num_groups: usize,
    ) -> Result<()> {
        self.totals.resize(total_num_groups, Total::default());
        let totals = &mut self.totals;
        each(values, passes(opt_filter), |row, units, times| {
            totals[group_indices[row]].take(units, times);
        });
        Ok(())
    }

    fn evaluate(&mut self, emit_to: EmitTo) -> Result<ArrayRef> {
        let totals = emit_to.take_needed(&mut self.totals);
        let mut built =
            Decimal256Builder::with_capacity(totals.len()).with_data_type(num::carrier());
        for total in totals {
            built.append_option(total.result(self.finish, self.scale)?);
        }
        Ok(Arc::new(built.finish()))
    }

    fn state(&mut self, emit_to: EmitTo) -> Result<Vec<ArrayRef>> {
        Ok(save(&emit_to.take_needed(&mut self.totals)))
    }

    fn merge_batch(
        &mut self,
        values: &[ArrayRef],
        group_indices: &[usize],
        total_num_groups: usize,
    ) -> Result<()> {
        self.totals.resize(total_num_groups, Total::default());
        for (total, group) in saved(values).zip(group_indices) {
            self.totals[*group].merge(total);
        }
        Ok(())
    }

    fn convert_to_state(
        &self,
        values: &[ArrayRef],
        opt_filter: Option<&BooleanArray>,
    ) -> Result<Vec<ArrayRef>> {
        let mut totals = vec![Total::default(); values[0].len()];
        each(values, passes(opt_filter), |row, units, times| {
            totals[row].take(units, times);
        });
        Ok(save(&totals))
    }

    fn size(&self) -> usize {
        self.totals.capacity() * size_of::<Total>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn total(units: &[i128]) -> Total {
        let mut total = Total::default();
        for units in units {
            total.add(*units);
        }
        total
    }

    fn shown(total: &Total, finish: Finish, scale: u16) -> Option<String> {
        let result = total.result(finish, scale).unwrap();
        result.map(|carried| num::decode(carried).to_string())
    }

    #[test]
    fn sums_go_beyond_38_digits_and_keep_their_places() {
        let most = 99_999_999_999_999_999_999_999_999_999_999_999_999;
        let large = total(&[most; 7]);
        let expected = "699999999999999999999999999999999999993";
        assert_eq!(large.units.to_string(), expected);
        assert_eq!(shown(&total(&[150, 250]), Finish::Sum, 2).unwrap(), "4.00");
        let mean = shown(&total(&[100, 200, 200]), Finish::Average, 2).unwrap();
        assert_eq!(mean, "1.6666666666666667");
    }

    #[test]
    fn products_are_exact() {
        let mut sum = Total::default();
        sum.take(100, Some(250));
        sum.take(i128::from(i64::MAX) + 1, Some(-10_i128.pow(30)));
        let product = format!("-{}000000000000000000000000000000", 1_u64 << 63);
        let units = sum.units.wrapping_sub(i256::from_i128(25_000));
        assert_eq!(units.to_string(), product);
        sum.take(FIXED_NAN, Some(1));
        sum.take(1, Some(FIXED_NAN));
        assert_eq!((sum.rows, sum.nans), (4, 2));
    }

    #[test]
    fn nan_makes_all_of_it_nan_until_it_leaves_the_frame() {
        let mut mixed = total(&[100, FIXED_NAN]);
        assert_eq!(shown(&mixed, Finish::Sum, 2).unwrap(), "NaN");
        mixed.remove(FIXED_NAN);
        assert_eq!(shown(&mixed, Finish::Sum, 2).unwrap(), "1.00");
        assert_eq!(shown(&Total::default(), Finish::Sum, 2), None);
    }
}
