//! Sums, averages, variances and regressions with PostgreSQL's results.

use super::row::{RowAggregate, State, take};
use datafusion::logical_expr::AggregateUDF;
use orbit_core::types::SqlType;
use orbit_core::value::{Interval, Numeric, Value, ValueRef};
use orbit_core::{Error, Result, state};
use std::sync::Arc;

fn built(aggregate: RowAggregate) -> Arc<AggregateUDF> {
    Arc::new(AggregateUDF::new_from_impl(aggregate))
}

const NUMERIC: SqlType = SqlType::Numeric(None);

/// Sum and sum of squares of exact numbers.
#[derive(Default)]
struct Exact {
    count: i64,
    sum: Option<Numeric>,
    squares: Option<Numeric>,
    with_squares: bool,
    finish: Finish,
}

#[derive(Clone, Copy, Default)]
enum Finish {
    #[default]
    Sum,
    Average,
    Variance {
        root: bool,
        population: bool,
    },
}

fn plus(slot: &mut Option<Numeric>, value: &Numeric) -> Result<()> {
    *slot = Some(match slot.take() {
        None => value.clone(),
        Some(sum) => sum.add(value)?,
    });
    Ok(())
}

fn minus(slot: &mut Option<Numeric>, value: &Numeric) -> Result<()> {
    *slot = Some(match slot.take() {
        None => value.neg(),
        Some(sum) => sum.sub(value)?,
    });
    Ok(())
}

impl State for Exact {
    fn add(&mut self, args: &[ValueRef<'_>]) -> Result<()> {
        if let Some(ValueRef::Numeric(value)) = args.first() {
            self.count += 1;
            plus(&mut self.sum, value)?;
            if self.with_squares {
                plus(&mut self.squares, &value.mul(value)?)?;
            }
        }
        Ok(())
    }

    fn remove(&mut self, args: &[ValueRef<'_>]) -> Result<()> {
        if let Some(ValueRef::Numeric(value)) = args.first() {
            self.count -= 1;
            minus(&mut self.sum, value)?;
            if self.with_squares {
                minus(&mut self.squares, &value.mul(value)?)?;
            }
        }
        Ok(())
    }

    fn can_remove(&self) -> bool {
        true
    }

    fn result(&self) -> Result<Value> {
        let Some(sum) = self.sum.as_ref().filter(|_| self.count > 0) else {
            return Ok(Value::Null);
        };
        match self.finish {
            Finish::Sum => Ok(Value::Numeric(sum.clone())),
            Finish::Average => Numeric::avg(sum, self.count).map(Value::Numeric),
            Finish::Variance { root, population } => {
                let Some(squares) = &self.squares else {
                    return Ok(Value::Null);
                };
                variance(self.count, sum, squares, root, population)
            }
        }
    }

    fn save(&self, out: &mut Vec<u8>) -> Result<()> {
        out.extend_from_slice(&self.count.to_le_bytes());
        for part in [&self.sum, &self.squares] {
            let mut text = Vec::new();
            if let Some(part) = part {
                part.encode(&mut text);
            }
            out.extend_from_slice(&(text.len() as u64).to_le_bytes());
            out.extend_from_slice(&text);
        }
        Ok(())
    }

    fn merge(&mut self, saved: &[u8]) -> Result<()> {
        let mut rest = saved;
        self.count += i64::from_le_bytes(take(&mut rest)?);
        for slot in [&mut self.sum, &mut self.squares] {
            let length = u64::from_le_bytes(take(&mut rest)?) as usize;
            let (part, after) = rest
                .split_at_checked(length)
                .ok_or_else(|| Error::internal("an aggregate's saved state is too short"))?;
            rest = after;
            if length > 0 {
                plus(slot, &Numeric::decode(part)?)?;
            }
        }
        Ok(())
    }

    fn size(&self) -> usize {
        256
    }
}

/// As PostgreSQL's `numeric_stddev_internal`: (N·ΣX² − (ΣX)²) / (N·(N−1)).
fn variance(
    count: i64,
    sum: &Numeric,
    squares: &Numeric,
    root: bool,
    population: bool,
) -> Result<Value> {
    if !population && count <= 1 {
        return Ok(Value::Null);
    }
    let n = Numeric::from_i64(count);
    let above = n.mul(squares)?.sub(&sum.mul(sum)?)?;
    if above.signum() <= 0 {
        return Ok(Value::Numeric(Numeric::ZERO));
    }
    let below = if population {
        n.mul(&n)?
    } else {
        n.mul(&Numeric::from_i64(count - 1))?
    };
    let variance = above.div(&below)?;
    if root {
        return crate::planned::functions::math::sqrt_numeric_as(&variance, variance.scale())
            .map(Value::Numeric);
    }
    Ok(Value::Numeric(variance))
}

fn exact(name: &str, finish: Finish, with_squares: bool) -> Arc<AggregateUDF> {
    built(RowAggregate::new(
        name,
        "numeric".to_owned(),
        vec![NUMERIC],
        NUMERIC,
        move || Exact {
            with_squares,
            finish,
            ..Exact::default()
        },
    ))
}

pub fn sum_numeric() -> Arc<AggregateUDF> {
    exact("sum", Finish::Sum, false)
}

pub fn avg_numeric() -> Arc<AggregateUDF> {
    exact("avg", Finish::Average, false)
}

pub fn exact_variance(name: &str, root: bool, population: bool) -> Arc<AggregateUDF> {
    exact(name, Finish::Variance { root, population }, true)
}

/// Float sums by the Youngs-Cramer recurrence, as PostgreSQL's `float8_accum`
/// and `float8_regr_accum` keep them.
#[derive(Clone, Copy, Default)]
struct Moments {
    n: f64,
    sx: f64,
    sxx: f64,
    sy: f64,
    syy: f64,
    sxy: f64,
}

impl Moments {
    /// Only finite inputs overflow; what an infinite one leaves is not a number.
    fn add(&mut self, x: f64, y: f64) -> Result<()> {
        let before = self.n;
        let finite = |sum: f64, input: f64| sum.is_finite() && input.is_finite();
        let (finite_x, finite_y) = (finite(self.sx, x), finite(self.sy, y));
        self.n += 1.0;
        self.sx += x;
        self.sy += y;
        if before > 0.0 {
            let tx = x * self.n - self.sx;
            let ty = y * self.n - self.sy;
            let scale = 1.0 / (self.n * before);
            self.sxx += tx * tx * scale;
            self.syy += ty * ty * scale;
            self.sxy += tx * ty * scale;
            let x_left = self.sx.is_infinite() || self.sxx.is_infinite();
            let y_left = self.sy.is_infinite() || self.syy.is_infinite();
            if (x_left && finite_x)
                || (y_left && finite_y)
                || (self.sxy.is_infinite() && finite_x && finite_y)
            {
                return Err(overflow());
            }
            if x_left {
                self.sxx = f64::NAN;
            }
            if y_left {
                self.syy = f64::NAN;
            }
            if self.sxy.is_infinite() {
                self.sxy = f64::NAN;
            }
        } else {
            if !x.is_finite() {
                self.sxx = f64::NAN;
                self.sxy = f64::NAN;
            }
            if !y.is_finite() {
                self.syy = f64::NAN;
                self.sxy = f64::NAN;
            }
        }
        Ok(())
    }

    fn merge(&mut self, other: &Moments) {
        if other.n == 0.0 {
            return;
        }
        if self.n == 0.0 {
            *self = *other;
            return;
        }
        let n = self.n + other.n;
        let tx = self.sx / self.n - other.sx / other.n;
        let ty = self.sy / self.n - other.sy / other.n;
        let scale = self.n * other.n / n;
        self.sxx += other.sxx + scale * tx * tx;
        self.syy += other.syy + scale * ty * ty;
        self.sxy += other.sxy + scale * tx * ty;
        self.sx += other.sx;
        self.sy += other.sy;
        self.n = n;
    }
}

fn overflow() -> Error {
    Error::new(
        state::NUMERIC_VALUE_OUT_OF_RANGE,
        "value out of range: overflow",
    )
}

struct Float {
    moments: Moments,
    finish: fn(&Moments) -> Option<f64>,
    count: bool,
}

fn float(value: Option<&ValueRef<'_>>) -> f64 {
    match value {
        Some(ValueRef::Float8(value)) => *value,
        _ => 0.0,
    }
}

impl State for Float {
    fn add(&mut self, args: &[ValueRef<'_>]) -> Result<()> {
        // PostgreSQL's order is (Y, X); one argument is X.
        let (x, y) = match args {
            [y, x] => (float(Some(x)), float(Some(y))),
            _ => (float(args.first()), 0.0),
        };
        self.moments.add(x, y)
    }

    fn result(&self) -> Result<Value> {
        if self.count {
            return Ok(Value::Int8(self.moments.n as i64));
        }
        Ok((self.finish)(&self.moments).map_or(Value::Null, Value::Float8))
    }

    fn save(&self, out: &mut Vec<u8>) -> Result<()> {
        let m = &self.moments;
        for part in [m.n, m.sx, m.sxx, m.sy, m.syy, m.sxy] {
            out.extend_from_slice(&part.to_le_bytes());
        }
        Ok(())
    }

    fn merge(&mut self, saved: &[u8]) -> Result<()> {
        let mut rest = saved;
        let mut next = || take(&mut rest).map(f64::from_le_bytes);
        let other = Moments {
            n: next()?,
            sx: next()?,
            sxx: next()?,
            sy: next()?,
            syy: next()?,
            sxy: next()?,
        };
        self.moments.merge(&other);
        Ok(())
    }

    fn size(&self) -> usize {
        64
    }
}

fn over_floats(name: &str, args: usize, finish: fn(&Moments) -> Option<f64>) -> Arc<AggregateUDF> {
    built(RowAggregate::new(
        name,
        "float8".to_owned(),
        vec![SqlType::Float8; args],
        SqlType::Float8,
        move || Float {
            moments: Moments::default(),
            finish,
            count: false,
        },
    ))
}

pub fn float_variance(name: &str, root: bool, population: bool) -> Arc<AggregateUDF> {
    let finish: fn(&Moments) -> Option<f64> = match (root, population) {
        (false, true) => |m| (m.n > 0.0).then(|| m.sxx / m.n),
        (false, false) => |m| (m.n > 1.0).then(|| m.sxx / (m.n - 1.0)),
        (true, true) => |m| (m.n > 0.0).then(|| (m.sxx / m.n).sqrt()),
        (true, false) => |m| (m.n > 1.0).then(|| (m.sxx / (m.n - 1.0)).sqrt()),
    };
    over_floats(name, 1, finish)
}

pub fn regression(name: &str) -> Option<(Arc<AggregateUDF>, SqlType)> {
    let finish: fn(&Moments) -> Option<f64> = match name {
        "corr" => {
            |m| (m.n > 0.0 && m.sxx != 0.0 && m.syy != 0.0).then(|| m.sxy / (m.sxx * m.syy).sqrt())
        }
        "covar_pop" => |m| (m.n > 0.0).then(|| m.sxy / m.n),
        "covar_samp" => |m| (m.n > 1.0).then(|| m.sxy / (m.n - 1.0)),
        "regr_avgx" => |m| (m.n > 0.0).then(|| m.sx / m.n),
        "regr_avgy" => |m| (m.n > 0.0).then(|| m.sy / m.n),
        "regr_intercept" => {
            |m| (m.n > 0.0 && m.sxx != 0.0).then(|| (m.sy - m.sx * m.sxy / m.sxx) / m.n)
        }
        "regr_r2" => |m| {
            (m.n > 0.0 && m.sxx != 0.0).then(|| {
                if m.syy == 0.0 {
                    1.0
                } else {
                    (m.sxy * m.sxy) / (m.sxx * m.syy)
                }
            })
        },
        "regr_slope" => |m| (m.n > 0.0 && m.sxx != 0.0).then(|| m.sxy / m.sxx),
        "regr_sxx" => |m| (m.n > 0.0).then_some(m.sxx),
        "regr_sxy" => |m| (m.n > 0.0).then_some(m.sxy),
        "regr_syy" => |m| (m.n > 0.0).then_some(m.syy),
        "regr_count" => {
            let count = RowAggregate::new(
                name,
                "count".to_owned(),
                vec![SqlType::Float8; 2],
                SqlType::Int8,
                || Float {
                    moments: Moments::default(),
                    finish: |_| None,
                    count: true,
                },
            );
            return Some((built(count), SqlType::Int8));
        }
        _ => return None,
    };
    Some((over_floats(name, 2, finish), SqlType::Float8))
}

/// Added one after the other, as PostgreSQL does: the last digits depend on it.
#[derive(Default)]
struct Float8Sum {
    count: i64,
    sum: f64,
    average: bool,
}

impl State for Float8Sum {
    fn add(&mut self, args: &[ValueRef<'_>]) -> Result<()> {
        let value = float(args.first());
        self.count += 1;
        let sum = self.sum + value;
        if sum.is_infinite() && self.sum.is_finite() && value.is_finite() {
            return Err(overflow());
        }
        self.sum = sum;
        Ok(())
    }

    fn result(&self) -> Result<Value> {
        Ok(match (self.count, self.average) {
            (0, _) => Value::Null,
            (_, false) => Value::Float8(self.sum),
            (count, true) => Value::Float8(self.sum / count as f64),
        })
    }

    fn save(&self, out: &mut Vec<u8>) -> Result<()> {
        out.extend_from_slice(&self.count.to_le_bytes());
        out.extend_from_slice(&self.sum.to_le_bytes());
        Ok(())
    }

    fn merge(&mut self, saved: &[u8]) -> Result<()> {
        let mut rest = saved;
        self.count += i64::from_le_bytes(take(&mut rest)?);
        self.sum += f64::from_le_bytes(take(&mut rest)?);
        Ok(())
    }

    fn size(&self) -> usize {
        24
    }
}

pub fn sum_float8() -> Arc<AggregateUDF> {
    built(RowAggregate::new(
        "sum",
        "float8".to_owned(),
        vec![SqlType::Float8],
        SqlType::Float8,
        Float8Sum::default,
    ))
}

pub fn avg_float8() -> Arc<AggregateUDF> {
    built(RowAggregate::new(
        "avg",
        "float8".to_owned(),
        vec![SqlType::Float8],
        SqlType::Float8,
        || Float8Sum {
            average: true,
            ..Float8Sum::default()
        },
    ))
}

/// `sum(real)` stays real.
#[derive(Default)]
struct Float4Sum(Option<f32>);

impl State for Float4Sum {
    fn add(&mut self, args: &[ValueRef<'_>]) -> Result<()> {
        if let Some(ValueRef::Float4(value)) = args.first() {
            self.0 = Some(self.0.unwrap_or(0.0) + value);
        }
        Ok(())
    }

    fn result(&self) -> Result<Value> {
        Ok(self.0.map_or(Value::Null, Value::Float4))
    }

    fn save(&self, out: &mut Vec<u8>) -> Result<()> {
        if let Some(sum) = self.0 {
            out.extend_from_slice(&sum.to_le_bytes());
        }
        Ok(())
    }

    fn merge(&mut self, saved: &[u8]) -> Result<()> {
        if let Some(bytes) = saved.first_chunk::<4>() {
            self.0 = Some(self.0.unwrap_or(0.0) + f32::from_le_bytes(*bytes));
        }
        Ok(())
    }

    fn size(&self) -> usize {
        8
    }
}

pub fn sum_float4() -> Arc<AggregateUDF> {
    built(RowAggregate::new(
        "sum",
        "float4".to_owned(),
        vec![SqlType::Float4],
        SqlType::Float4,
        Float4Sum::default,
    ))
}

#[derive(Default)]
struct Intervals {
    count: i64,
    months: i64,
    days: i64,
    micros: i128,
    average: bool,
}

impl State for Intervals {
    fn add(&mut self, args: &[ValueRef<'_>]) -> Result<()> {
        if let Some(ValueRef::Interval(value)) = args.first() {
            self.count += 1;
            self.months += i64::from(value.months);
            self.days += i64::from(value.days);
            self.micros += i128::from(value.micros);
        }
        Ok(())
    }

    fn remove(&mut self, args: &[ValueRef<'_>]) -> Result<()> {
        if let Some(ValueRef::Interval(value)) = args.first() {
            self.count -= 1;
            self.months -= i64::from(value.months);
            self.days -= i64::from(value.days);
            self.micros -= i128::from(value.micros);
        }
        Ok(())
    }

    fn can_remove(&self) -> bool {
        true
    }

    fn result(&self) -> Result<Value> {
        if self.count == 0 {
            return Ok(Value::Null);
        }
        let over = || Error::new(state::DATETIME_FIELD_OVERFLOW, "interval out of range");
        let sum = Interval {
            months: i32::try_from(self.months).map_err(|_| over())?,
            days: i32::try_from(self.days).map_err(|_| over())?,
            micros: i64::try_from(self.micros).map_err(|_| over())?,
        };
        if !self.average {
            return Ok(Value::Interval(sum));
        }
        crate::planned::functions::datetime::divide_interval(sum, self.count as f64)
            .map(Value::Interval)
    }

    fn save(&self, out: &mut Vec<u8>) -> Result<()> {
        out.extend_from_slice(&self.count.to_le_bytes());
        out.extend_from_slice(&self.months.to_le_bytes());
        out.extend_from_slice(&self.days.to_le_bytes());
        out.extend_from_slice(&self.micros.to_le_bytes());
        Ok(())
    }

    fn merge(&mut self, saved: &[u8]) -> Result<()> {
        let mut rest = saved;
        self.count += i64::from_le_bytes(take(&mut rest)?);
        self.months += i64::from_le_bytes(take(&mut rest)?);
        self.days += i64::from_le_bytes(take(&mut rest)?);
        self.micros += i128::from_le_bytes(take(&mut rest)?);
        Ok(())
    }

    fn size(&self) -> usize {
        48
    }
}

pub fn sum_interval() -> Arc<AggregateUDF> {
    built(RowAggregate::new(
        "sum",
        "interval".to_owned(),
        vec![SqlType::Interval],
        SqlType::Interval,
        Intervals::default,
    ))
}

pub fn avg_interval() -> Arc<AggregateUDF> {
    built(RowAggregate::new(
        "avg",
        "interval".to_owned(),
        vec![SqlType::Interval],
        SqlType::Interval,
        || Intervals {
            average: true,
            ..Intervals::default()
        },
    ))
}

/// `min` and `max` of intervals go by what they span; of equals the last one wins.
struct Extreme {
    best: Option<Interval>,
    greatest: bool,
}

impl Extreme {
    fn take(&mut self, value: Interval) {
        let keeps = self.best.is_some_and(|best| {
            if self.greatest {
                best.span() > value.span()
            } else {
                best.span() < value.span()
            }
        });
        if !keeps {
            self.best = Some(value);
        }
    }
}

impl State for Extreme {
    fn add(&mut self, args: &[ValueRef<'_>]) -> Result<()> {
        if let Some(ValueRef::Interval(value)) = args.first() {
            self.take(*value);
        }
        Ok(())
    }

    fn result(&self) -> Result<Value> {
        Ok(self.best.map_or(Value::Null, Value::Interval))
    }

    fn save(&self, out: &mut Vec<u8>) -> Result<()> {
        if let Some(best) = self.best {
            out.extend_from_slice(&best.months.to_le_bytes());
            out.extend_from_slice(&best.days.to_le_bytes());
            out.extend_from_slice(&best.micros.to_le_bytes());
        }
        Ok(())
    }

    fn merge(&mut self, saved: &[u8]) -> Result<()> {
        if saved.is_empty() {
            return Ok(());
        }
        let mut rest = saved;
        self.take(Interval {
            months: i32::from_le_bytes(take(&mut rest)?),
            days: i32::from_le_bytes(take(&mut rest)?),
            micros: i64::from_le_bytes(take(&mut rest)?),
        });
        Ok(())
    }

    fn size(&self) -> usize {
        24
    }
}

pub fn extreme_interval(name: &str) -> Arc<AggregateUDF> {
    let greatest = name == "max";
    built(RowAggregate::new(
        name,
        "interval".to_owned(),
        vec![SqlType::Interval],
        SqlType::Interval,
        move || Extreme {
            best: None,
            greatest,
        },
    ))
}
