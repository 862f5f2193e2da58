//! `avg` of integers: PostgreSQL's numeric, from a 128-bit sum.

use crate::planned::error::to_datafusion;
use crate::planned::num;
use ahash::AHashSet;
use datafusion::arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, Decimal128Array, Decimal256Builder, Int64Array,
};
use datafusion::arrow::datatypes::{DataType, Decimal128Type, Field, FieldRef, Int64Type};
use datafusion::common::ScalarValue;
use datafusion::error::Result;
use datafusion::logical_expr::function::{AccumulatorArgs, StateFieldsArgs};
use datafusion::logical_expr::{
    Accumulator, AggregateUDF, AggregateUDFImpl, EmitTo, GroupsAccumulator, Signature, Volatility,
};
use orbit_core::value::Numeric;
use std::sync::{Arc, LazyLock};

pub fn of_integers() -> Arc<AggregateUDF> {
    static AVERAGE: LazyLock<Arc<AggregateUDF>> = LazyLock::new(|| {
        Arc::new(AggregateUDF::new_from_impl(Average {
            signature: Signature::exact(vec![DataType::Int64], Volatility::Immutable),
        }))
    });
    AVERAGE.clone()
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Average {
    signature: Signature,
}

const SUM: DataType = DataType::Decimal128(38, 0);

fn quotient(sum: i128, count: i64) -> Result<Option<datafusion::arrow::datatypes::i256>> {
    if count == 0 {
        return Ok(None);
    }
    let mean = Numeric::avg(&Numeric::from_i128(sum), count).map_err(to_datafusion)?;
    num::encode(&mean).map(Some).map_err(to_datafusion)
}

impl AggregateUDFImpl for Average {
    fn name(&self) -> &str {
        "avg"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _args: &[DataType]) -> Result<DataType> {
        Ok(num::carrier())
    }

    fn accumulator(&self, args: AccumulatorArgs) -> Result<Box<dyn Accumulator>> {
        Ok(Box::new(One {
            sum: 0,
            count: 0,
            seen: args.is_distinct.then(AHashSet::new),
        }))
    }

    fn state_fields(&self, args: StateFieldsArgs) -> Result<Vec<FieldRef>> {
        if args.is_distinct {
            let list = crate::planned::arrow::list_of(DataType::Int64);
            return Ok(vec![Arc::new(Field::new(
                format!("{}[seen]", args.name),
                list,
                true,
            ))]);
        }
        Ok(vec![
            Arc::new(Field::new(format!("{}[sum]", args.name), SUM, true)),
            Arc::new(Field::new(
                format!("{}[count]", args.name),
                DataType::Int64,
                true,
            )),
        ])
    }

    fn groups_accumulator_supported(&self, args: AccumulatorArgs) -> bool {
        !args.is_distinct
    }

    fn create_groups_accumulator(
        &self,
        _args: AccumulatorArgs,
    ) -> Result<Box<dyn GroupsAccumulator>> {
        Ok(Box::new(Groups {
            sums: Vec::new(),
            counts: Vec::new(),
        }))
    }
}

#[derive(Debug)]
struct One {
    sum: i128,
    count: i64,
    seen: Option<AHashSet<i64>>,
}

impl Accumulator for One {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        for value in values[0].as_primitive::<Int64Type>().iter().flatten() {
            if self.seen.as_mut().is_none_or(|seen| seen.insert(value)) {
                self.sum += i128::from(value);
                self.count += 1;
            }
        }
        Ok(())
    }

    fn retract_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        for value in values[0].as_primitive::<Int64Type>().iter().flatten() {
            self.sum -= i128::from(value);
            self.count -= 1;
        }
        Ok(())
    }

    fn supports_retract_batch(&self) -> bool {
        self.seen.is_none()
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        Ok(ScalarValue::Decimal256(
            quotient(self.sum, self.count)?,
            num::PRECISION,
            num::SCALE,
        ))
    }

    fn size(&self) -> usize {
        size_of_val(self) + self.seen.as_ref().map_or(0, |seen| seen.len() * 16)
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        if let Some(seen) = &self.seen {
            let items: Vec<ScalarValue> =
                seen.iter().map(|v| ScalarValue::Int64(Some(*v))).collect();
            return Ok(vec![ScalarValue::List(ScalarValue::new_list_nullable(
                &items,
                &DataType::Int64,
            ))]);
        }
        Ok(vec![
            ScalarValue::Decimal128(Some(self.sum), 38, 0),
            ScalarValue::Int64(Some(self.count)),
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
        self.sum += states[0]
            .as_primitive::<Decimal128Type>()
            .iter()
            .flatten()
            .sum::<i128>();
        self.count += states[1]
            .as_primitive::<Int64Type>()
            .iter()
            .flatten()
            .sum::<i64>();
        Ok(())
    }
}

struct Groups {
    sums: Vec<i128>,
    counts: Vec<i64>,
}

impl Groups {
    fn take(&mut self, emit_to: EmitTo) -> (Vec<i128>, Vec<i64>) {
        (
            emit_to.take_needed(&mut self.sums),
            emit_to.take_needed(&mut self.counts),
        )
    }
}

impl GroupsAccumulator for Groups {
    fn update_batch(
        &mut self,
        values: &[ArrayRef],
        group_indices: &[usize],
        opt_filter: Option<&BooleanArray>,
        total_num_groups: usize,
    ) -> Result<()> {
        self.sums.resize(total_num_groups, 0);
        self.counts.resize(total_num_groups, 0);
        let values = values[0].as_primitive::<Int64Type>();
        for (row, group) in group_indices.iter().enumerate() {
            let passed = opt_filter.is_none_or(|filter| filter.is_valid(row) && filter.value(row));
            if passed && values.is_valid(row) {
                self.sums[*group] += i128::from(values.value(row));
                self.counts[*group] += 1;
            }
        }
        Ok(())
    }

    fn evaluate(&mut self, emit_to: EmitTo) -> Result<ArrayRef> {
        let (sums, counts) = self.take(emit_to);
        let mut built = Decimal256Builder::with_capacity(sums.len()).with_data_type(num::carrier());
        for (sum, count) in sums.into_iter().zip(counts) {
            built.append_option(quotient(sum, count)?);
        }
        Ok(Arc::new(built.finish()))
    }

    fn state(&mut self, emit_to: EmitTo) -> Result<Vec<ArrayRef>> {
        let (sums, counts) = self.take(emit_to);
        let sums = Decimal128Array::from(sums).with_precision_and_scale(38, 0)?;
        Ok(vec![Arc::new(sums), Arc::new(Int64Array::from(counts))])
    }

    fn merge_batch(
        &mut self,
        values: &[ArrayRef],
        group_indices: &[usize],
        total_num_groups: usize,
    ) -> Result<()> {
        self.sums.resize(total_num_groups, 0);
        self.counts.resize(total_num_groups, 0);
        let sums = values[0].as_primitive::<Decimal128Type>();
        let counts = values[1].as_primitive::<Int64Type>();
        for (row, group) in group_indices.iter().enumerate() {
            if sums.is_valid(row) && counts.is_valid(row) {
                self.sums[*group] += sums.value(row);
                self.counts[*group] += counts.value(row);
            }
        }
        Ok(())
    }

    fn convert_to_state(
        &self,
        values: &[ArrayRef],
        opt_filter: Option<&BooleanArray>,
    ) -> Result<Vec<ArrayRef>> {
        let values = values[0].as_primitive::<Int64Type>();
        let taken = |row: usize| {
            values.is_valid(row)
                && opt_filter.is_none_or(|filter| filter.is_valid(row) && filter.value(row))
        };
        let sums: Decimal128Array = (0..values.len())
            .map(|row| {
                Some(if taken(row) {
                    i128::from(values.value(row))
                } else {
                    0
                })
            })
            .collect();
        let counts: Int64Array = (0..values.len())
            .map(|row| Some(i64::from(taken(row))))
            .collect();
        Ok(vec![
            Arc::new(sums.with_precision_and_scale(38, 0)?),
            Arc::new(counts),
        ])
    }

    fn size(&self) -> usize {
        self.sums.capacity() * 16 + self.counts.capacity() * 8
    }
}
