//! `percentile_cont` and `percentile_disc`, of a fraction known when the statement
//! is planned or when it runs.

use super::Fraction;
use super::collect::{Collected, collecting, sorted};
use super::row::{RowAggregate, State, take};
use orbit_core::row::{decode_value, encode_value};
use orbit_core::types::SqlType;
use orbit_core::value::{Array, Interval, Value, ValueRef};
use orbit_core::{Error, Result, state};
use std::sync::Arc;

/// How the answer is found among the values.
#[derive(Clone)]
struct Rule {
    ty: SqlType,
    /// A value in the middle of two may be the answer.
    between: bool,
    descending: bool,
}

impl Rule {
    fn answer(&self, values: &[Value], wanted: &[Option<f64>], many: bool) -> Result<Value> {
        let sorted = sorted(values, self.descending);
        let of = |fraction: &Option<f64>| match fraction {
            None => Ok(Value::Null),
            Some(fraction) if self.between => middle(&sorted, *fraction),
            Some(fraction) => {
                let place = (fraction * sorted.len() as f64).ceil().max(1.0) as usize;
                let value = sorted.get(place - 1);
                Ok(value.map_or(Value::Null, |value| (*value).clone()))
            }
        };
        let found = wanted.iter().map(of).collect::<Result<Vec<_>>>()?;
        Ok(if many {
            Value::Array(Array::new(self.ty.clone(), found))
        } else {
            found.into_iter().next().unwrap_or_default()
        })
    }
}

pub fn aggregate(
    ty: &SqlType,
    fraction: &Fraction,
    between: bool,
    descending: bool,
    returns: &SqlType,
) -> Result<RowAggregate> {
    let name = if between {
        "percentile_cont"
    } else {
        "percentile_disc"
    };
    let rule = Rule {
        ty: ty.clone(),
        between,
        descending,
    };
    let identity = format!("{fraction:?} {descending} {ty:?}");
    Ok(match fraction {
        Fraction::Known(value) => {
            let (wanted, many) = fractions(value)?;
            collecting(name, identity, ty, returns, move |values| {
                rule.answer(values, &wanted, many)
            })
        }
        Fraction::Later(of) => {
            let of = of.clone();
            let args = vec![ty.clone(), of.clone()];
            RowAggregate::new(name, identity, args, returns.clone(), move || Later {
                values: Collected::new(rule.ty.clone(), Arc::new(|_| Ok(Value::Null))),
                fraction: None,
                of: of.clone(),
                rule: rule.clone(),
            })
        }
    })
}

/// A percentile whose fraction comes with the rows.
struct Later {
    values: Collected,
    fraction: Option<Value>,
    of: SqlType,
    rule: Rule,
}

impl State for Later {
    fn add(&mut self, args: &[ValueRef<'_>]) -> Result<()> {
        if let (None, Some(fraction)) = (&self.fraction, args.get(1)) {
            self.fraction = Some(fraction.to_owned());
        }
        self.values.add(args)
    }

    fn result(&self) -> Result<Value> {
        let Some(fraction) = &self.fraction else {
            return Ok(Value::Null);
        };
        let (wanted, many) = fractions(fraction)?;
        self.rule.answer(&self.values.values, &wanted, many)
    }

    fn save(&self, out: &mut Vec<u8>) -> Result<()> {
        out.push(u8::from(self.fraction.is_some()));
        if let Some(fraction) = &self.fraction {
            encode_value(&fraction.as_ref(), out);
        }
        self.values.save(out)
    }

    fn merge(&mut self, saved: &[u8]) -> Result<()> {
        let mut rest = saved;
        let [known] = take::<1>(&mut rest)?;
        if known == 1 {
            self.fraction = Some(decode_value(&mut rest, &self.of)?);
        }
        self.values.merge(rest)
    }

    fn size(&self) -> usize {
        self.values.size() + size_of::<Later>()
    }
}

/// One fraction or an array of them.
fn fractions(fraction: &Value) -> Result<(Vec<Option<f64>>, bool)> {
    let one = |value: &Value| match value {
        Value::Null => Ok(None),
        Value::Float8(fraction) if (0.0..=1.0).contains(fraction) => Ok(Some(*fraction)),
        Value::Float8(fraction) => Err(Error::new(
            state::NUMERIC_VALUE_OUT_OF_RANGE,
            format!("percentile value {fraction} is not between 0 and 1"),
        )),
        _ => Err(Error::internal("a percentile that is no number")),
    };
    match fraction {
        Value::Array(array) => Ok((array.items.iter().map(one).collect::<Result<_>>()?, true)),
        single => Ok((vec![one(single)?], false)),
    }
}

fn middle(sorted: &[&Value], fraction: f64) -> Result<Value> {
    let place = fraction * sorted.len().saturating_sub(1) as f64;
    let (low, high) = (place.floor(), place.ceil());
    let (Some(low_value), Some(high_value)) = (sorted.get(low as usize), sorted.get(high as usize))
    else {
        return Ok(Value::Null);
    };
    if low == high {
        return Ok((*low_value).clone());
    }
    between(low_value, high_value, place - low)
}

fn between(low: &Value, high: &Value, share: f64) -> Result<Value> {
    match (low, high) {
        (Value::Float8(low), Value::Float8(high)) => Ok(Value::Float8(low + share * (high - low))),
        (Value::Interval(low), Value::Interval(high)) => {
            let difference = Interval {
                months: high.months - low.months,
                days: high.days - low.days,
                micros: high.micros - low.micros,
            };
            let part = crate::planned::functions::datetime::multiply_interval(difference, share)?;
            Ok(Value::Interval(Interval {
                months: low.months + part.months,
                days: low.days + part.days,
                micros: low.micros + part.micros,
            }))
        }
        _ => Err(Error::internal(
            "a percentile between values that have no middle",
        )),
    }
}
