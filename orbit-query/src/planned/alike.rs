//! Whether a literal of a type is read alike by all sessions, whatever their settings.

use orbit_core::types::SqlType;
use orbit_core::value::datetime::{DateOrder, IntervalStyle, find_zone};
use orbit_core::value::text::{self, FormatSettings};

/// What a literal leaves to the session that reads it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Literal {
    /// A time without its zone.
    Zone,
    /// A date that DateStyle orders.
    Date,
    /// An interval that IntervalStyle gives its signs.
    Interval,
    /// `now`, `today` and their like.
    Moment,
    /// The name of a relation.
    Name,
}

/// What a literal of the type leaves to the session that reads it.
pub(crate) fn open(written: &str, ty: &SqlType) -> Option<Literal> {
    let mut of = ty;
    while let SqlType::Array(element) = of {
        of = element;
    }
    if !matches!(
        of,
        SqlType::Date
            | SqlType::Time
            | SqlType::Timestamp
            | SqlType::TimestampTz
            | SqlType::Interval
    ) {
        return None;
    }
    const DAY: i64 = 86_400_000_000;
    let plain = FormatSettings {
        now_micros: Some(0),
        ..FormatSettings::default()
    };
    let later = FormatSettings {
        now_micros: Some(1000 * DAY + 1),
        ..plain.clone()
    };
    let elsewhere = find_zone("Asia/Kolkata").map(|time_zone| FormatSettings {
        time_zone,
        ..plain.clone()
    });
    let ordered = |date_order| FormatSettings {
        date_order,
        ..plain.clone()
    };
    let standard = FormatSettings {
        interval_style: IntervalStyle::Standard,
        ..plain.clone()
    };
    let ways = [
        (Literal::Moment, Some(later)),
        (Literal::Date, Some(ordered(DateOrder::Dmy))),
        (Literal::Date, Some(ordered(DateOrder::Ymd))),
        (Literal::Zone, elsewhere),
        (Literal::Interval, Some(standard)),
    ];
    let read = |format: &FormatSettings| text::parse(written, ty, format).ok();
    let usual = read(&plain);
    let differs = |format: &FormatSettings| read(format) != usual;
    ways.into_iter()
        .find(|(_, format)| format.as_ref().is_some_and(differs))
        .map(|(what, _)| what)
}

#[cfg(test)]
mod tests {
    use super::*;
    use SqlType as T;

    #[test]
    fn literals_are_settled_when_every_session_reads_them_alike() {
        for (text, ty, found) in [
            ("2024-01-02", T::Date, None),
            ("2024-01-02 03:04", T::Timestamp, None),
            ("2024-01-02 03:04+02", T::TimestampTz, None),
            ("2024-01-02 03:04 UTC", T::TimestampTz, None),
            ("2024-01-02 03:04", T::TimestampTz, Some(Literal::Zone)),
            ("2024-01-02", T::TimestampTz, Some(Literal::Zone)),
            ("infinity", T::TimestampTz, None),
            ("epoch", T::TimestampTz, None),
            ("01/02/2024", T::Date, Some(Literal::Date)),
            ("today", T::Date, Some(Literal::Moment)),
            ("now", T::TimestampTz, Some(Literal::Moment)),
            ("1 day", T::Interval, None),
            ("-1 2:03:04", T::Interval, Some(Literal::Interval)),
            (
                "{2024-01-02 00:00}",
                T::Array(Box::new(T::TimestampTz)),
                Some(Literal::Zone),
            ),
            ("today", T::Text, None),
        ] {
            assert_eq!(open(text, &ty), found, "{text} as {ty}");
        }
    }
}
