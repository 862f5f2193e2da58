//! What an expression leans on besides its row. An index or a generated column keeps
//! values that are to be found again by sessions of any settings, so what TimeZone or
//! DateStyle decide has no place there, whether a cast to it is written or is only how
//! two types meet: in a comparison, a CASE, an ARRAY or a function's argument.

use super::Binder;
use crate::planned::alike::{Literal, open};
use crate::planned::functions::Function;
use crate::planned::types;
use orbit_core::types::SqlType;

/// What an expression was found to lean on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Leaning {
    /// Casts and functions that PostgreSQL calls stable.
    pub on_settings: bool,
    /// A literal that isn't read alike by all. PostgreSQL reads it once, when the
    /// expression is defined; here it is kept as it was written.
    pub literal: Option<Literal>,
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
            // Whatever their arguments are, as PostgreSQL marks them: what a type is as text
            // may be the session's affair.
            "concat" | "concat_ws" | "format" | "array_to_string" | "to_json" | "to_jsonb"
            | "row_to_json" | "array_to_json" | "json_build_array" | "json_build_object"
            | "jsonb_build_array" | "jsonb_build_object" => true,
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
        // Rows are carried as texts, but aren't any.
        (T::Record(_), to) => !matches!(to, T::Record(_)) && types::is_text(to),
        (from, to) if types::is_text(from) && types::is_text(to) => false,
        (from, T::Date | T::Time | T::Timestamp | T::TimestampTz | T::Interval | T::Array(_))
            if types::is_text(from) =>
        {
            true
        }
        (T::Date | T::Timestamp | T::TimestampTz | T::Interval | T::Array(_), to)
            if types::is_text(to) =>
        {
            true
        }
        (T::TimestampTz, T::Date | T::Time | T::Timestamp) => true,
        (T::Date | T::Timestamp, T::TimestampTz) => true,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use SqlType as T;

    #[test]
    fn casts_are_stable_where_settings_have_a_part_in_them() {
        let array = |ty: T| T::Array(Box::new(ty));
        let record = |ty: T| T::Record(vec![ty]);
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
            (record(T::TimestampTz), T::Text, true),
            (record(T::Int4), T::Varchar(None), true),
            (record(T::Int4), record(T::Int8), false),
        ] {
            assert_eq!(is_stable(&from, &to), stable, "{from} to {to}");
        }
    }
}
