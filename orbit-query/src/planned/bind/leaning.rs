//! What an expression leans on besides its row. An index or a generated column keeps
//! values that are to be found again by sessions of any settings, so what TimeZone or
//! DateStyle decide has no place there, whether a cast to it is written or is only how
//! two types meet: in a comparison, a CASE, an ARRAY or a function's argument.

use super::Binder;
use crate::planned::functions::Function;
use crate::planned::types;
use orbit_core::types::SqlType;
use orbit_core::value::datetime::{DateOrder, IntervalStyle, find_zone};
use orbit_core::value::text::{self, FormatSettings};

/// What an expression was found to lean on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Leaning {
    /// Casts and functions that PostgreSQL calls stable.
    pub on_settings: bool,
    /// A literal that isn't read alike by all. PostgreSQL reads it once, when the
    /// expression is defined; here it is kept as it was written.
    pub literal: Option<Literal>,
}

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

impl Binder<'_> {
    /// Finds out from now on.
    pub(in crate::planned) fn watch_leaning(&mut self) {
        self.leaning = Some(Leaning::default());
    }

    pub(super) fn leans_on_settings(&mut self) {
        if let Some(leaning) = &mut self.leaning {
            leaning.on_settings = true;
        }
    }

    pub(super) fn leans_on_literal(&mut self, what: Literal) {
        if let Some(leaning) = &mut self.leaning {
            leaning.literal = leaning.literal.or(Some(what));
        }
    }

    pub(super) fn note_cast(&mut self, from: &SqlType, to: &SqlType) {
        if self.leaning.is_some() && is_stable(from, to) {
            self.leans_on_settings();
        }
    }

    pub(super) fn note_read_from(&mut self, written: &str, ty: &SqlType) {
        if self.leaning.is_some()
            && let Some(what) = open(written, ty)
        {
            self.leans_on_literal(what);
        }
    }

    pub(super) fn note_call(&mut self, function: &Function, args: &[SqlType]) {
        self.note_named_call(function.name, args);
        if function.volatile || function.of_session {
            self.leans_on_settings();
        }
    }

    pub(super) fn note_named_call(&mut self, name: &str, args: &[SqlType]) {
        let has = |ty: SqlType| args.contains(&ty);
        let stable = match name {
            // A day of a zone is not always 24 hours.
            "+" | "-" | "overlaps" => has(SqlType::TimestampTz) && has(SqlType::Interval),
            "date_trunc" => has(SqlType::TimestampTz),
            // They quote the text that it would be.
            "quote_literal" | "quote_nullable" => {
                args.iter().any(|ty| is_stable(ty, &SqlType::Text))
            }
            _ => false,
        };
        if stable {
            self.leans_on_settings();
        }
    }
}

/// Whether PostgreSQL calls the cast stable: the settings of the session have a part in it.
fn is_stable(from: &SqlType, to: &SqlType) -> bool {
    use SqlType as T;
    match (from, to) {
        // Literals are read once.
        (T::Unknown, _) => false,
        (T::Array(from), T::Array(to)) => is_stable(from, to),
        (from, to) if types::is_text(from) && types::is_text(to) => false,
        (from, T::Date | T::Time | T::Timestamp | T::TimestampTz | T::Interval | T::Array(_))
            if types::is_text(from) =>
        {
            true
        }
        (
            T::Date | T::Timestamp | T::TimestampTz | T::Interval | T::Array(_) | T::Record(_),
            to,
        ) if types::is_text(to) => true,
        (T::TimestampTz, T::Date | T::Time | T::Timestamp) => true,
        (T::Date | T::Timestamp, T::TimestampTz) => true,
        _ => false,
    }
}

/// What a literal of the type leaves to the session that reads it.
fn open(written: &str, ty: &SqlType) -> Option<Literal> {
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

    #[test]
    fn casts_are_stable_where_settings_have_a_part_in_them() {
        let array = |ty: T| T::Array(Box::new(ty));
        for (from, to, stable) in [
            (T::Date, T::TimestampTz, true),
            (T::Date, T::Timestamp, false),
            (T::Timestamp, T::Date, false),
            (T::TimestampTz, T::Date, true),
            (T::Interval, T::Text, true),
            (T::Time, T::Text, false),
            (T::Text, T::Time, true),
            (T::Unknown, T::TimestampTz, false),
            (array(T::Date), array(T::TimestampTz), true),
            (array(T::Int4), array(T::Int8), false),
            (array(T::Int4), T::Text, true),
            (T::Int4, T::Text, false),
        ] {
            assert_eq!(is_stable(&from, &to), stable, "{from} to {to}");
        }
    }
}
