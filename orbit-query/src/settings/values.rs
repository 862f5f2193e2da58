//! The value of a setting: read from its text, checked against the setting's kind, and as
//! SHOW prints it.

use super::registry::{Kind, Setting};
use orbit_core::{Error, Result, state};

/// What a quantity is counted in.
struct Units {
    /// Each with how many of the smallest that a setting is counted in; the largest first.
    of: &'static [(&'static str, f64)],
    /// The name of that one.
    smallest: &'static str,
    hint: &'static str,
}

const SIZES: Units = Units {
    of: &[
        ("TB", 1_073_741_824.0),
        ("GB", 1_048_576.0),
        ("MB", 1024.0),
        ("kB", 1.0),
        ("B", 1.0 / 1024.0),
    ],
    smallest: "kB",
    hint: "Valid units for this parameter are \"B\", \"kB\", \"MB\", \"GB\", and \"TB\".",
};

const TIMES: Units = Units {
    of: &[
        ("d", 86_400_000.0),
        ("h", 3_600_000.0),
        ("min", 60_000.0),
        ("s", 1000.0),
        ("ms", 1.0),
        ("us", 0.001),
    ],
    smallest: "ms",
    hint: "Valid units for this parameter are \"us\", \"ms\", \"s\", \"min\", \"h\", and \"d\".",
};

const TOO_LARGE: &str = "Value exceeds integer range.";

/// Whole numbers that a setting takes.
pub struct Range {
    pub least: i64,
    pub most: i64,
    units: Option<Units>,
    /// How many of the smallest unit one step of the setting is.
    step: i64,
}

impl Range {
    /// `None`: the setting isn't a whole number.
    pub fn of(kind: Kind) -> Option<Range> {
        let most_int = i64::from(i32::MAX);
        let (least, most, units, step) = match kind {
            Kind::Integer(least, most) => (least, most, None, 1),
            Kind::Limit => (0, i64::MAX, None, 1),
            Kind::Milliseconds(least) => (least, most_int, Some(TIMES), 1),
            Kind::Size(step, least, most) => (least, most, Some(SIZES), step),
            _ => return None,
        };
        Some(Range {
            least,
            most,
            units,
            step,
        })
    }

    /// What one step is: `8kB`.
    pub fn unit(&self) -> Option<String> {
        let smallest = self.units.as_ref()?.smallest;
        Some(match self.step {
            1 => smallest.to_owned(),
            step => format!("{step}{smallest}"),
        })
    }

    fn read(&self, setting: &Setting, text: &str) -> Result<i64> {
        let wrong = || invalid(setting, text);
        let text = text.trim();
        let signs = |c: char| c.is_ascii_digit() || matches!(c, '-' | '+' | '.');
        let (number, unit) = text.split_at(text.find(|c| !signs(c)).unwrap_or(text.len()));
        let exact: Option<i64> = number.parse().ok();
        let unit = unit.trim_start();
        if let (Some(exact), "") = (exact, unit) {
            return Ok(exact);
        }
        let number: f64 = number.parse().map_err(|_| wrong())?;
        let factor = match (&self.units, unit) {
            (_, "") => 1.0,
            (None, _) => return Err(wrong()),
            (Some(units), unit) => {
                let known = units.of.iter().find(|(name, _)| *name == unit);
                let (_, each) = known.ok_or_else(|| wrong().with_hint(units.hint))?;
                each / self.step as f64
            }
        };
        let value = (number * factor).round_ties_even();
        match value.abs() < 9e18 {
            true => Ok(value as i64),
            false => Err(wrong().with_hint(TOO_LARGE)),
        }
    }

    fn check(&self, setting: &Setting, text: &str, number: i64) -> Result<()> {
        if (self.least..=self.most).contains(&number) {
            return Ok(());
        }
        if self.most <= i64::from(i32::MAX) && i32::try_from(number).is_err() {
            return Err(invalid(setting, text).with_hint(TOO_LARGE));
        }
        let unit = self.unit().map_or(String::new(), |unit| format!(" {unit}"));
        let shown = format!("{number}{unit}");
        Err(out_of_range(setting, &shown, self.least, self.most))
    }

    /// With the largest unit that leaves a whole number.
    fn show(&self, number: i64) -> String {
        let Some(units) = self.units.as_ref().filter(|_| number > 0) else {
            return number.to_string();
        };
        let smallest = number.saturating_mul(self.step);
        let whole = units.of.iter().find_map(|(name, each)| {
            let each = *each as i64;
            (each > 0 && smallest % each == 0).then(|| format!("{}{name}", smallest / each))
        });
        whole.unwrap_or_else(|| number.to_string())
    }
}

/// The value as SHOW prints it, checked against the setting's kind.
pub fn normalise(setting: &'static Setting, value: &str) -> Result<String> {
    if let Some(range) = Range::of(setting.kind) {
        let number = range.read(setting, value)?;
        range.check(setting, value, number)?;
        return Ok(range.show(number));
    }
    match setting.kind {
        Kind::Bool => match parse_bool(value) {
            Some(true) => Ok("on".to_owned()),
            Some(false) => Ok("off".to_owned()),
            None => Err(Error::new(
                state::INVALID_PARAMETER_VALUE,
                format!("parameter \"{}\" requires a Boolean value", setting.name),
            )),
        },
        Kind::Choice(choices) => choice(setting, choices, value),
        Kind::Real(least, most) => {
            let number: f64 = value.trim().parse().map_err(|_| invalid(setting, value))?;
            match number >= least && number <= most {
                true => Ok(number.to_string()),
                false => {
                    let [number, least, most] = [number, least, most].map(show_real);
                    Err(out_of_range(setting, &number, least, most))
                }
            }
        }
        _ => Ok(value.to_owned()),
    }
}

/// The number of steps behind a value that SHOW prints: what `pg_settings` tells.
pub fn steps(setting: &Setting, shown: &str) -> Option<i64> {
    Range::of(setting.kind)?.read(setting, shown).ok()
}

fn choice(setting: &Setting, choices: &[&str], value: &str) -> Result<String> {
    let named = choices
        .iter()
        .find(|choice| choice.eq_ignore_ascii_case(value.trim()));
    if let Some(named) = named {
        return Ok((*named).to_owned());
    }
    // synchronous_commit and its like take Booleans too.
    let as_bool = match parse_bool(value) {
        Some(true) => "on",
        _ => "off",
    };
    if parse_bool(value).is_some() && choices.contains(&as_bool) {
        return Ok(as_bool.to_owned());
    }
    // PostgreSQL takes other names of a level without naming them.
    let shown: Vec<&str> = choices
        .iter()
        .copied()
        .filter(|choice| !matches!(*choice, "debug" | "info"))
        .collect();
    Err(invalid(setting, value).with_hint(format!("Available values: {}.", shown.join(", "))))
}

pub fn invalid(setting: &Setting, value: &str) -> Error {
    Error::new(
        state::INVALID_PARAMETER_VALUE,
        format!(
            "invalid value for parameter \"{}\": \"{value}\"",
            setting.name
        ),
    )
}

fn out_of_range<N: std::fmt::Display>(setting: &Setting, shown: &str, least: N, most: N) -> Error {
    Error::new(
        state::INVALID_PARAMETER_VALUE,
        format!(
            "{shown} is outside the valid range for parameter \"{}\" ({least} .. {most})",
            setting.name
        ),
    )
}

/// A number of six digits at most, as PostgreSQL shows bounds.
fn show_real(number: f64) -> String {
    if number != 0.0 && !(1e-4..1e6).contains(&number.abs()) {
        let shown = format!("{number:.5e}");
        let (digits, exponent) = shown.split_once('e').unwrap_or((&shown, "0"));
        let digits = digits.trim_end_matches('0').trim_end_matches('.');
        let exponent: i32 = exponent.parse().unwrap_or(0);
        return format!("{digits}e{exponent:+03}");
    }
    number.to_string()
}

/// PostgreSQL's forms of a Boolean: any unambiguous prefix of true, false, yes, no, on, off.
pub fn parse_bool(text: &str) -> Option<bool> {
    let text = text.trim().to_ascii_lowercase();
    if text.is_empty() {
        return None;
    }
    match text.as_str() {
        "1" | "on" => return Some(true),
        "0" | "of" | "off" => return Some(false),
        _ => {}
    }
    if "true".starts_with(&text) || "yes".starts_with(&text) {
        return Some(true);
    }
    ("false".starts_with(&text) || "no".starts_with(&text)).then_some(false)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::registry::find;

    fn set(name: &str, value: &str) -> std::result::Result<String, String> {
        let setting = find(name).expect("a setting");
        normalise(setting, value).map_err(|error| match error.hint() {
            Some(hint) => format!("{}|{hint}", error.message()),
            None => error.message().to_owned(),
        })
    }

    #[test]
    fn quantities_are_read_and_shown_with_units() {
        for (name, value, shown) in [
            ("work_mem", "65536", "64MB"),
            ("work_mem", "1.5GB", "1536MB"),
            ("work_mem", " 100 kB ", "100kB"),
            ("effective_cache_size", "1", "8kB"),
            ("effective_cache_size", "12kB", "16kB"),
            ("statement_timeout", "90000", "90s"),
            ("statement_timeout", "1500us", "2ms"),
            ("statement_timeout", "0", "0"),
            ("log_min_duration_statement", "-1", "-1"),
            ("default_statistics_target", "1.6", "2"),
        ] {
            assert_eq!(set(name, value).as_deref(), Ok(shown), "{name} = {value}");
        }
    }

    #[test]
    fn what_a_setting_takes_is_said() {
        let units = TIMES.hint;
        for (name, value, message) in [
            (
                "statement_timeout",
                "-1",
                "-1 ms is outside the valid range for parameter \"statement_timeout\" (0 .. 2147483647)",
            ),
            (
                "effective_cache_size",
                "0",
                "0 8kB is outside the valid range for parameter \"effective_cache_size\" (1 .. 2147483647)",
            ),
            (
                "statement_timeout",
                "soon",
                "invalid value for parameter \"statement_timeout\": \"soon\"",
            ),
            (
                "statement_timeout",
                "1 hour",
                &format!("invalid value for parameter \"statement_timeout\": \"1 hour\"|{units}"),
            ),
            (
                "statement_timeout",
                "3000000000",
                &format!(
                    "invalid value for parameter \"statement_timeout\": \"3000000000\"|{TOO_LARGE}"
                ),
            ),
            (
                "default_statistics_target",
                "5MB",
                "invalid value for parameter \"default_statistics_target\": \"5MB\"",
            ),
        ] {
            assert_eq!(
                set(name, value),
                Err(message.to_owned()),
                "{name} = {value}"
            );
        }
    }
}
