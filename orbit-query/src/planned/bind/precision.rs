//! `timestamp(2)`, `interval day to minute`: what a cast to such a type leaves of
//! a value.

use super::{Binder, Bound, literal};
use crate::planned::functions::row::{RowFn, arity};
use orbit_core::Result;
use orbit_core::types::{Oid, SqlType};
use orbit_core::value::datetime::{INFINITY, NEG_INFINITY};
use orbit_core::value::{Array, Interval, Value, ValueRef, precision};
use sqlparser::ast::{
    ArrayElemTypeDef, DataType, DateTimeField, Interval as IntervalLiteral, IntervalFields,
};
use sqlparser::tokenizer::Location;

/// Digits of a second, and the fields an interval keeps.
#[derive(Clone, Debug)]
struct Precision {
    digits: Option<u32>,
    fields: Option<IntervalFields>,
}

impl Precision {
    fn new(digits: Option<u64>, fields: Option<IntervalFields>) -> Option<Precision> {
        let digits = digits
            .and_then(|digits| u32::try_from(digits).ok())
            .filter(|digits| *digits < 6);
        (digits.is_some() || fields.is_some()).then_some(Precision { digits, fields })
    }

    fn of(ty: &DataType) -> Option<Precision> {
        match ty {
            DataType::Time(digits, _) | DataType::Timestamp(digits, _) => {
                Precision::new(*digits, None)
            }
            DataType::Interval { fields, precision } => Precision::new(*precision, fields.clone()),
            DataType::Array(
                ArrayElemTypeDef::SquareBracket(element, _)
                | ArrayElemTypeDef::AngleBracket(element)
                | ArrayElemTypeDef::Parenthesis(element),
            ) => Precision::of(element),
            _ => None,
        }
    }

    fn fit(&self, value: Value) -> Value {
        match value {
            Value::Time(micros) => Value::Time(self.round(micros, 0)),
            Value::Timestamp(micros) if !is_infinite(micros) => {
                Value::Timestamp(self.round(micros, Y2000))
            }
            Value::TimestampTz(micros) if !is_infinite(micros) => {
                Value::TimestampTz(self.round(micros, Y2000))
            }
            Value::Interval(interval) => Value::Interval(self.interval(interval)),
            Value::Array(array) => Value::Array(Array {
                items: array.items.into_iter().map(|item| self.fit(item)).collect(),
                ..array
            }),
            other => other,
        }
    }

    /// Halves go away from `zero`, where PostgreSQL counts from.
    fn round(&self, micros: i64, zero: i64) -> i64 {
        match self.digits.and_then(|digits| u8::try_from(digits).ok()) {
            Some(digits) => precision::round(micros, zero, digits),
            None => micros,
        }
    }

    fn interval(&self, mut value: Interval) -> Interval {
        use IntervalFields as F;
        const MINUTE: i64 = 60_000_000;
        const HOUR: i64 = 60 * MINUTE;
        match &self.fields {
            Some(F::Year) => {
                value = Interval {
                    months: value.months / 12 * 12,
                    ..Interval::default()
                };
            }
            Some(F::Month | F::YearToMonth) => {
                value = Interval {
                    months: value.months,
                    ..Interval::default()
                };
            }
            Some(F::Day) => value.micros = 0,
            Some(F::Hour | F::DayToHour) => value.micros = value.micros / HOUR * HOUR,
            Some(F::Minute | F::DayToMinute | F::HourToMinute) => {
                value.micros = value.micros / MINUTE * MINUTE;
            }
            Some(F::Second | F::DayToSecond | F::HourToSecond | F::MinuteToSecond) | None => {}
        }
        value.micros = self.round(value.micros, 0);
        value
    }
}

/// 2000-01-01 00:00 in microseconds since 1970.
const Y2000: i64 = 946_684_800_000_000;

fn is_infinite(micros: i64) -> bool {
    micros == INFINITY || micros == NEG_INFINITY
}

/// The text of an interval in words that need no fields: a bare number counts the
/// last of them.
fn spelled_out(text: &str, fields: &IntervalFields) -> Option<String> {
    use IntervalFields as F;
    let trimmed = text.trim();
    let number = |text: &str| text.parse::<f64>().is_ok();
    let unit = match fields {
        F::Year => "years",
        F::Month | F::YearToMonth => "months",
        F::Day => "days",
        F::Hour | F::DayToHour => "hours",
        F::Minute | F::DayToMinute | F::HourToMinute => "minutes",
        F::Second | F::DayToSecond | F::HourToSecond | F::MinuteToSecond => "seconds",
    };
    if number(trimmed) {
        return Some(format!("{trimmed} {unit}"));
    }
    match fields {
        F::DayToHour => {
            let (days, hours) = trimmed.split_once(' ')?;
            let hours = hours.trim();
            (number(days) && number(hours)).then(|| format!("{days} days {hours} hours"))
        }
        F::MinuteToSecond => {
            let plain = trimmed.split(':').count() == 2 && !trimmed.contains([' ', '-', '+']);
            plain.then(|| format!("00:{trimmed}"))
        }
        _ => None,
    }
}

/// `DAY TO SECOND(2)` behind a literal, as a type would have it.
fn fields_of(interval: &IntervalLiteral) -> Option<IntervalFields> {
    use DateTimeField as D;
    use IntervalFields as F;
    Some(
        match (interval.leading_field.as_ref()?, &interval.last_field) {
            (D::Year | D::Years, None) => F::Year,
            (D::Year | D::Years, Some(D::Month | D::Months)) => F::YearToMonth,
            (D::Month | D::Months, None) => F::Month,
            (D::Day | D::Days, None) => F::Day,
            (D::Day | D::Days, Some(D::Hour | D::Hours)) => F::DayToHour,
            (D::Day | D::Days, Some(D::Minute | D::Minutes)) => F::DayToMinute,
            (D::Day | D::Days, Some(D::Second | D::Seconds)) => F::DayToSecond,
            (D::Hour | D::Hours, None) => F::Hour,
            (D::Hour | D::Hours, Some(D::Minute | D::Minutes)) => F::HourToMinute,
            (D::Hour | D::Hours, Some(D::Second | D::Seconds)) => F::HourToSecond,
            (D::Minute | D::Minutes, None) => F::Minute,
            (D::Minute | D::Minutes, Some(D::Second | D::Seconds)) => F::MinuteToSecond,
            (D::Second | D::Seconds, None) => F::Second,
            _ => return None,
        },
    )
}

impl Binder<'_> {
    /// Digits of a second that the column a value comes from keeps.
    pub(in crate::planned) fn precision_of(&self, origin: Option<(Oid, i16)>) -> Option<u8> {
        let (oid, number) = origin?;
        let number = usize::try_from(number).ok()?;
        if let Some(table) = self.tables.iter().find(|table| table.oid == oid) {
            let mut columns = table.columns.iter().enumerate();
            let (_, column) = columns.find(|(place, _)| table.attnum(*place) == number)?;
            return column.precision;
        }
        let view = self.views.iter().find(|view| view.oid == oid)?;
        view.columns.get(number.checked_sub(1)?)?.precision
    }

    /// An untyped constant as a cast to an interval with fields reads it.
    pub(super) fn interval_constant(&self, bound: Bound, ty: &DataType) -> Result<Bound> {
        let (DataType::Interval { fields, .. }, Some(Value::Text(text)), true) =
            (ty, &bound.literal, bound.is_unknown())
        else {
            return Ok(bound);
        };
        match fields.as_ref().and_then(|fields| spelled_out(text, fields)) {
            Some(text) => Ok(Bound {
                written: bound.written,
                ..literal::constant(Value::Text(text), SqlType::Unknown)?
            }),
            None => Ok(bound),
        }
    }

    /// What the type's own precision leaves of a value that is of the type.
    pub(super) fn rounded(&mut self, bound: Bound, ty: &DataType) -> Result<Bound> {
        match Precision::of(ty) {
            Some(precision) => fitted(bound, precision),
            None => Ok(bound),
        }
    }

    /// `current_timestamp(2)`.
    pub(super) fn rounded_to(&mut self, bound: Bound, digits: u64) -> Result<Bound> {
        match Precision::new(Some(digits), None) {
            Some(precision) => fitted(bound, precision),
            None => Ok(bound),
        }
    }

    /// The value of `INTERVAL '1 2' DAY TO HOUR`.
    pub(super) fn interval_value(
        &mut self,
        text: &str,
        at: Location,
        interval: &IntervalLiteral,
    ) -> Result<Value> {
        let fields = fields_of(interval);
        let spelled = fields.as_ref().and_then(|fields| spelled_out(text, fields));
        let text = spelled.as_deref().unwrap_or(text);
        self.note_string(Some(at), text, &SqlType::Interval);
        let value = self.parse_text(text, &SqlType::Interval)?;
        let digits = interval
            .fractional_seconds_precision
            .or(interval.leading_precision);
        Ok(match Precision::new(digits, fields) {
            Some(precision) => precision.fit(value),
            None => value,
        })
    }
}

fn fitted(bound: Bound, precision: Precision) -> Result<Bound> {
    let ty = bound.ty.clone();
    if let Some(value) = bound.literal {
        return literal::constant(precision.fit(value), ty);
    }
    let row = RowFn::new(
        ty.to_string(),
        format!("{precision:?}"),
        vec![ty.clone()],
        ty.clone(),
        move |args| match args.first().map(ValueRef::to_owned) {
            Some(value) => Ok(precision.fit(value)),
            None => Err(arity()),
        },
    );
    Ok(Bound::new(row.call(vec![bound.expr]), ty))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn halves_go_away_from_the_year_2000() {
        let whole = Precision {
            digits: Some(0),
            fields: None,
        };
        let half = 500_000;
        for (micros, expected) in [
            (Y2000 + half, Y2000 + 2 * half),
            (Y2000 - half, Y2000 - 2 * half),
            (Y2000 + half - 1, Y2000),
            (INFINITY, INFINITY),
        ] {
            let Value::Timestamp(found) = whole.fit(Value::Timestamp(micros)) else {
                panic!("another type");
            };
            assert_eq!(found, expected);
        }
    }
}
