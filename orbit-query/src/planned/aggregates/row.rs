//! An aggregate over values: a state that takes rows, gives its result, and
//! goes into text and back so that partial states can meet.

use crate::planned::arrow::{arrow_type, cell, scalar_of};
use crate::planned::error::to_datafusion;
use crate::planned::num;
use ahash::AHashMap;
use datafusion::arrow::array::{Array as _, ArrayRef, AsArray};
use datafusion::arrow::datatypes::{DataType, Field, FieldRef};
use datafusion::common::ScalarValue;
use datafusion::error::Result as DfResult;
use datafusion::logical_expr::function::{AccumulatorArgs, StateFieldsArgs};
use datafusion::logical_expr::{Accumulator, AggregateUDFImpl, Signature, Volatility};
use orbit_core::types::SqlType;
use orbit_core::value::{Interval, Value, ValueRef};
use orbit_core::{Error, Result};
use std::collections::VecDeque;
use std::collections::hash_map::Entry;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

pub trait State: Send + Sync {
    /// A row none of whose arguments is NULL (unless the aggregate is lenient).
    fn add(&mut self, args: &[ValueRef<'_>]) -> Result<()>;

    /// Takes a row back out, for moving window frames.
    fn remove(&mut self, _args: &[ValueRef<'_>]) -> Result<()> {
        Err(Error::unsupported(
            "this aggregate over a moving window frame",
        ))
    }

    fn can_remove(&self) -> bool {
        false
    }

    fn result(&self) -> Result<Value>;

    fn save(&self, out: &mut Vec<u8>) -> Result<()>;

    /// Another state of this kind, saved.
    fn merge(&mut self, saved: &[u8]) -> Result<()>;

    fn size(&self) -> usize;
}

type Make = Arc<dyn Fn() -> Box<dyn State> + Send + Sync>;

#[derive(Clone)]
pub struct RowAggregate {
    name: String,
    identity: String,
    args: Vec<SqlType>,
    returns: SqlType,
    lenient: bool,
    signature: Signature,
    make: Make,
}

impl RowAggregate {
    pub fn new<S: State + 'static>(
        name: &str,
        identity: String,
        args: Vec<SqlType>,
        returns: SqlType,
        make: impl Fn() -> S + Send + Sync + 'static,
    ) -> RowAggregate {
        let signature =
            Signature::exact(args.iter().map(arrow_type).collect(), Volatility::Immutable);
        RowAggregate {
            name: name.to_owned(),
            identity,
            args,
            returns,
            lenient: false,
            signature,
            make: Arc::new(move || Box::new(make())),
        }
    }

    #[must_use]
    pub fn lenient(mut self) -> RowAggregate {
        self.lenient = true;
        self
    }
}

impl fmt::Debug for RowAggregate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RowAggregate({} {})", self.name, self.identity)
    }
}

impl PartialEq for RowAggregate {
    fn eq(&self, other: &RowAggregate) -> bool {
        self.name == other.name && self.identity == other.identity && self.args == other.args
    }
}

impl Eq for RowAggregate {}

impl Hash for RowAggregate {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.name.hash(state);
        self.identity.hash(state);
        self.args.hash(state);
    }
}

impl AggregateUDFImpl for RowAggregate {
    fn name(&self) -> &str {
        &self.name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _args: &[DataType]) -> DfResult<DataType> {
        Ok(arrow_type(&self.returns))
    }

    fn accumulator(&self, args: AccumulatorArgs) -> DfResult<Box<dyn Accumulator>> {
        Ok(Box::new(RowAccumulator {
            state: (self.make)(),
            spec: self.clone(),
            seen: args.is_distinct.then(AHashMap::new),
            frame: None,
        }))
    }

    fn create_sliding_accumulator(&self, args: AccumulatorArgs) -> DfResult<Box<dyn Accumulator>> {
        let state = (self.make)();
        let frame = (!state.can_remove()).then(VecDeque::new);
        Ok(Box::new(RowAccumulator {
            state,
            spec: self.clone(),
            seen: args.is_distinct.then(AHashMap::new),
            frame,
        }))
    }

    fn state_fields(&self, args: StateFieldsArgs) -> DfResult<Vec<FieldRef>> {
        let mut fields = vec![Arc::new(Field::new(
            format!("{}[state]", args.name),
            DataType::Binary,
            true,
        ))];
        if args.is_distinct {
            for (i, ty) in self.args.iter().enumerate() {
                let list = crate::planned::arrow::list_of(arrow_type(ty));
                fields.push(Arc::new(Field::new(
                    format!("{}[seen {i}]", args.name),
                    list,
                    true,
                )));
            }
        }
        Ok(fields)
    }
}

/// From so many bytes on it is asked whether there is memory for a result.
const LARGE: usize = 256 << 10;

type Row = Vec<ScalarValue>;

/// A value that all its equals share; `None`: they are the same anyway.
fn key_of(value: &ScalarValue) -> Option<ScalarValue> {
    match value {
        ScalarValue::Decimal256(Some(carried), precision, scale) if *scale == num::SCALE => Some(
            ScalarValue::Decimal256(Some(num::key(*carried)), *precision, *scale),
        ),
        ScalarValue::IntervalMonthDayNano(Some(value)) => {
            let interval = Interval {
                months: value.months,
                days: value.days,
                micros: value.nanoseconds / 1000,
            };
            Some(ScalarValue::Decimal128(Some(interval.span()), 38, 0))
        }
        _ => None,
    }
}

struct RowAccumulator {
    state: Box<dyn State>,
    spec: RowAggregate,
    /// DISTINCT: rows taken so far, by what makes equal ones the same; the row
    /// itself beside it where that is something else.
    seen: Option<AHashMap<Row, Option<Row>>>,
    /// The rows of a moving frame, where a state can't give rows back: the result
    /// is computed from all of them each time, as PostgreSQL does.
    frame: Option<VecDeque<Vec<Value>>>,
}

impl fmt::Debug for RowAccumulator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.spec)
    }
}

impl RowAccumulator {
    fn each(
        &mut self,
        columns: &[ArrayRef],
        mut work: impl FnMut(&mut dyn State, &[ValueRef<'_>]) -> Result<()>,
    ) -> DfResult<()> {
        let rows = columns.first().map_or(0, |column| column.len());
        let mut values = Vec::with_capacity(columns.len());
        for row in 0..rows {
            values.clear();
            for (column, ty) in columns.iter().zip(&self.spec.args) {
                values.push(cell(column, row, ty).map_err(to_datafusion)?);
            }
            if !self.spec.lenient && values.iter().any(ValueRef::is_null) {
                continue;
            }
            if let Some(seen) = &mut self.seen {
                let mut key = columns
                    .iter()
                    .map(|column| ScalarValue::try_from_array(column, row))
                    .collect::<DfResult<Row>>()?;
                let keyed = key.iter().any(|value| key_of(value).is_some());
                let itself = keyed.then(|| key.clone());
                if keyed {
                    for value in &mut key {
                        if let Some(common) = key_of(value) {
                            *value = common;
                        }
                    }
                }
                match seen.entry(key) {
                    Entry::Occupied(_) => continue,
                    Entry::Vacant(place) => place.insert(itself),
                };
            }
            work(self.state.as_mut(), &values).map_err(to_datafusion)?;
        }
        Ok(())
    }

    /// Rows into the frame, or out of its front.
    fn slide(&mut self, columns: &[ArrayRef], into: bool) -> DfResult<()> {
        let mut moved: Vec<Vec<Value>> = Vec::new();
        self.each(columns, |_, row| {
            moved.push(row.iter().map(ValueRef::to_owned).collect());
            Ok(())
        })?;
        if let Some(frame) = &mut self.frame {
            if into {
                frame.extend(moved);
            } else {
                frame.drain(..moved.len().min(frame.len()));
            }
        }
        Ok(())
    }
}

impl Accumulator for RowAccumulator {
    fn update_batch(&mut self, values: &[ArrayRef]) -> DfResult<()> {
        if self.frame.is_some() {
            return self.slide(values, true);
        }
        self.each(values, |state, row| state.add(row))
    }

    fn retract_batch(&mut self, values: &[ArrayRef]) -> DfResult<()> {
        if self.frame.is_some() {
            return self.slide(values, false);
        }
        self.each(values, |state, row| state.remove(row))
    }

    fn supports_retract_batch(&self) -> bool {
        self.seen.is_none() && (self.frame.is_some() || self.state.can_remove())
    }

    fn evaluate(&mut self) -> DfResult<ScalarValue> {
        if let Some(frame) = &self.frame {
            let mut state = (self.spec.make)();
            for row in frame {
                let row: Vec<ValueRef<'_>> = row.iter().map(Value::as_ref).collect();
                state.add(&row).map_err(to_datafusion)?;
            }
            self.state = state;
        }
        let held = self.state.size();
        if held > LARGE {
            // The result, and the result as a column.
            orbit_core::memory::admit(held.saturating_mul(2)).map_err(to_datafusion)?;
        }
        let value = self.state.result().map_err(to_datafusion)?;
        scalar_of(&self.spec.returns, &value).map_err(to_datafusion)
    }

    fn size(&self) -> usize {
        let seen = self.seen.as_ref().map_or(0, |seen| {
            seen.len() * (64 + self.spec.args.len() * std::mem::size_of::<ScalarValue>())
        });
        let frame = self.frame.as_ref().map_or(0, |frame| frame.len() * 64);
        size_of_val(self) + self.state.size() + seen + frame
    }

    fn state(&mut self) -> DfResult<Vec<ScalarValue>> {
        let mut saved = Vec::new();
        let Some(seen) = &self.seen else {
            self.state.save(&mut saved).map_err(to_datafusion)?;
            return Ok(vec![ScalarValue::Binary(Some(saved))]);
        };
        // DISTINCT states meet by their rows; what was computed from them is done again.
        let mut states = vec![ScalarValue::Binary(None)];
        for (i, ty) in self.spec.args.iter().enumerate() {
            let items: Vec<ScalarValue> = seen
                .iter()
                .filter_map(|(key, row)| row.as_ref().unwrap_or(key).get(i).cloned())
                .collect();
            states.push(ScalarValue::List(ScalarValue::new_list_nullable(
                &items,
                &arrow_type(ty),
            )));
        }
        Ok(states)
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> DfResult<()> {
        if self.seen.is_some() {
            let lists = states.get(1..).unwrap_or_default();
            let rows = lists.first().map_or(0, |list| list.len());
            for row in 0..rows {
                let columns: Vec<ArrayRef> = lists
                    .iter()
                    .map(|list| list.as_list::<i32>().value(row))
                    .collect();
                self.update_batch(&columns)?;
            }
            return Ok(());
        }
        let Some(saved) = states.first() else {
            return Ok(());
        };
        let saved = saved.as_binary::<i32>();
        for row in 0..saved.len() {
            if !saved.is_null(row) {
                self.state.merge(saved.value(row)).map_err(to_datafusion)?;
            }
        }
        Ok(())
    }
}

/// A number's bytes out of a saved state.
pub fn take<const N: usize>(bytes: &mut &[u8]) -> Result<[u8; N]> {
    let (head, rest) = bytes
        .split_first_chunk::<N>()
        .ok_or_else(|| Error::internal("an aggregate's saved state is too short"))?;
    *bytes = rest;
    Ok(*head)
}
