//! Reading a TOML table by asking for keys. What nobody asked for is unknown,
//! and the keys that were asked for are what an unknown one may have meant.

use super::FeatureLevel;
use crate::error::{Error, Result, state};
use std::time::Duration;

/// One TOML table on its way to becoming a struct.
#[derive(Debug)]
pub struct TableReader {
    path: String,
    table: toml::Table,
    asked: Vec<&'static str>,
}

impl TableReader {
    pub fn new(path: impl Into<String>, table: toml::Table) -> TableReader {
        TableReader {
            path: path.into(),
            table,
            asked: Vec::new(),
        }
    }

    fn take(&mut self, key: &'static str) -> Option<toml::Value> {
        self.asked.push(key);
        self.table.remove(key)
    }

    pub fn wrong(&self, key: &str, why: &str) -> Error {
        Error::new(
            state::INVALID_PARAMETER_VALUE,
            format!("{}.{key} {why}", self.path),
        )
    }

    pub fn missing(&self, key: &str) -> Error {
        self.wrong(key, "is not set")
    }

    pub fn required<T>(&self, key: &str, value: Option<T>) -> Result<T> {
        value.ok_or_else(|| self.missing(key))
    }

    fn mistyped(&self, key: &str, wanted: &str, got: &toml::Value) -> Error {
        self.wrong(key, &format!("must be {wanted}, not {got}"))
    }

    pub fn flag(&mut self, key: &'static str) -> Result<Option<bool>> {
        match self.take(key) {
            None => Ok(None),
            Some(toml::Value::Boolean(value)) => Ok(Some(value)),
            Some(other) => Err(self.mistyped(key, "true or false", &other)),
        }
    }

    pub fn count(&mut self, key: &'static str) -> Result<Option<u64>> {
        let value = self.take(key);
        match &value {
            None => Ok(None),
            Some(toml::Value::Integer(n)) if *n >= 0 => Ok(Some(n.cast_unsigned())),
            Some(other) => Err(self.mistyped(key, "a whole number, not negative", other)),
        }
    }

    pub fn number(&mut self, key: &'static str) -> Result<Option<f64>> {
        match self.take(key) {
            None => Ok(None),
            Some(toml::Value::Float(value)) if value.is_finite() => Ok(Some(value)),
            Some(toml::Value::Integer(value)) => Ok(Some(value as f64)),
            Some(other) => Err(self.mistyped(key, "a number", &other)),
        }
    }

    pub fn text(&mut self, key: &'static str) -> Result<Option<String>> {
        match self.take(key) {
            None => Ok(None),
            Some(toml::Value::String(value)) => Ok(Some(value)),
            Some(other) => Err(self.mistyped(key, "a text in quotes", &other)),
        }
    }

    /// A size: bytes as a number, or text such as `"128mb"`.
    pub fn bytes(&mut self, key: &'static str) -> Result<Option<u64>> {
        let value = self.take(key);
        match &value {
            None => Ok(None),
            Some(toml::Value::Integer(n)) if *n >= 0 => Ok(Some(n.cast_unsigned())),
            Some(toml::Value::String(text)) => match parse_bytes(text) {
                Some(bytes) => Ok(Some(bytes)),
                None => Err(self.mistyped(key, "a size such as \"128mb\"", &text.clone().into())),
            },
            Some(other) => Err(self.mistyped(key, "a size such as \"128mb\"", other)),
        }
    }

    /// One word out of a list.
    pub fn word<T>(
        &mut self,
        key: &'static str,
        words: &[&'static str],
        read: impl Fn(&str) -> Option<T>,
    ) -> Result<Option<T>> {
        let Some(word) = self.text(key)? else {
            return Ok(None);
        };
        match read(&word) {
            Some(value) => Ok(Some(value)),
            None => {
                let error = self.wrong(
                    key,
                    &format!("must be one of {}, not \"{word}\"", words.join(", ")),
                );
                Err(match suggest(&word, words.iter().copied()) {
                    Some(meant) => error.with_hint(format!("Did you mean \"{meant}\"?")),
                    None => error,
                })
            }
        }
    }

    /// `true`, `false`, or a level by name; absent is off.
    pub fn level(&mut self, key: &'static str) -> Result<FeatureLevel> {
        if let Some(toml::Value::Boolean(value)) = self.table.get(key) {
            let level = if *value {
                FeatureLevel::Full
            } else {
                FeatureLevel::Off
            };
            self.take(key);
            return Ok(level);
        }
        let level = self.word(key, FeatureLevel::WORDS, FeatureLevel::from_word)?;
        Ok(level.unwrap_or(FeatureLevel::Off))
    }

    /// A table under this one; empty if it isn't there.
    pub fn table(&mut self, key: &'static str) -> Result<TableReader> {
        let path = format!("{}.{key}", self.path);
        match self.take(key) {
            None => Ok(TableReader::new(path, toml::Table::new())),
            Some(toml::Value::Table(table)) => Ok(TableReader::new(path, table)),
            Some(other) => Err(self.mistyped(key, "a table", &other)),
        }
    }

    /// Refuses what nobody asked for.
    pub fn finish(self) -> Result<()> {
        match self.table.keys().next() {
            None => Ok(()),
            Some(unknown) => Err(unknown_key(
                &format!("{}.{unknown}", self.path),
                suggest(unknown, self.asked.iter().copied()),
            )),
        }
    }
}

fn unknown_key(path: &str, meant: Option<&str>) -> Error {
    let error = Error::new(
        state::INVALID_PARAMETER_VALUE,
        format!("unknown key \"{path}\""),
    );
    match meant {
        Some(meant) => error.with_hint(format!("Did you mean \"{meant}\"?")),
        None => error,
    }
}

/// The known word nearest to `unknown`, if one is near enough to be meant.
pub fn suggest<'a>(unknown: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    known
        .into_iter()
        .map(|word| (distance(unknown, word), word))
        .min()
        .filter(|(distance, word)| *distance <= (word.len() / 3).max(2))
        .map(|(_, word)| word)
}

/// Edit distance, ignoring case: how many letters to add, drop or change.
fn distance(a: &str, b: &str) -> usize {
    // Long nonsense can't be a typing slip; don't spend quadratic time on it.
    if a.len() > 128 {
        return usize::MAX;
    }
    let b: Vec<char> = b.chars().flat_map(char::to_lowercase).collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, from) in a.chars().flat_map(char::to_lowercase).enumerate() {
        let mut diagonal = i;
        let mut left = i + 1;
        for (slot, to) in row.iter_mut().skip(1).zip(&b) {
            let here = (diagonal + usize::from(from != *to))
                .min(left + 1)
                .min(*slot + 1);
            diagonal = *slot;
            *slot = here;
            left = here;
        }
        if let Some(first) = row.first_mut() {
            *first = i + 1;
        }
    }
    row.last().copied().unwrap_or(usize::MAX)
}

/// `"128mb"`, `"1 GB"`, `"512KiB"`, `"4096"`; units are powers of 1024.
pub fn parse_bytes(text: &str) -> Option<u64> {
    let text = text.trim();
    let digits = text
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let number: u64 = number.parse().ok()?;
    let shift = match unit.trim().to_ascii_lowercase().as_str() {
        "" | "b" => 0,
        "k" | "kb" | "kib" => 10,
        "m" | "mb" | "mib" => 20,
        "g" | "gb" | "gib" => 30,
        "t" | "tb" | "tib" => 40,
        _ => return None,
    };
    number.checked_mul(1 << shift)
}

/// The shortest exact form: `100MB`, `2GB`, `1536KB`, `17B`.
pub fn format_bytes(bytes: u64) -> String {
    for (shift, unit) in [(40, "TB"), (30, "GB"), (20, "MB"), (10, "KB")] {
        if bytes != 0 && bytes.trailing_zeros() >= shift {
            return format!("{}{unit}", bytes >> shift);
        }
    }
    format!("{bytes}B")
}

/// `"30s"`, `"250ms"`, `"5m"`, `"2h"`, `"30d"`; a bare number is seconds.
pub fn parse_duration(text: &str) -> Option<Duration> {
    let text = text.trim();
    let digits = text
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let number: u64 = number.parse().ok()?;
    let millis = match unit.trim().to_ascii_lowercase().as_str() {
        "ms" => 1,
        "" | "s" | "sec" => 1000,
        "m" | "min" => 60_000,
        "h" => 3_600_000,
        "d" => 86_400_000,
        _ => return None,
    };
    Some(Duration::from_millis(number.checked_mul(millis)?))
}
