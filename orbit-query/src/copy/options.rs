//! COPY's options, checked as PostgreSQL checks them.

use crate::statement::names::Name;
use orbit_core::{Error, Result, state};

#[derive(Clone, Debug)]
pub struct CopyStatement {
    pub source: CopySource,
    /// FROM STDIN rather than TO STDOUT.
    pub from: bool,
    pub options: CopyOptions,
    /// The text of COPY FROM's WHERE.
    pub filter: Option<String>,
}

#[derive(Clone, Debug)]
pub enum CopySource {
    Table {
        name: Name,
        columns: Option<Vec<String>>,
    },
    /// The text of a query.
    Query(String),
}

#[derive(Clone, Debug)]
pub struct CopyOptions {
    pub from: bool,
    pub csv: bool,
    pub binary: bool,
    pub header: bool,
    /// The header line must name the columns.
    pub header_match: bool,
    pub delimiter: Option<String>,
    pub null: Option<String>,
    pub quote: Option<String>,
    pub escape: Option<String>,
    pub force_quote: Vec<String>,
    pub force_quote_all: bool,
    pub force_not_null: Vec<String>,
    pub force_null: Vec<String>,
}

impl CopyOptions {
    pub fn new(from: bool) -> CopyOptions {
        CopyOptions {
            from,
            csv: false,
            binary: false,
            header: false,
            header_match: false,
            delimiter: None,
            null: None,
            quote: None,
            escape: None,
            force_quote: Vec::new(),
            force_quote_all: false,
            force_not_null: Vec::new(),
            force_null: Vec::new(),
        }
    }

    pub fn set_format(&mut self, format: &str) -> Result<()> {
        match format {
            "csv" => self.csv = true,
            "text" => self.csv = false,
            "binary" => self.binary = true,
            _ => {
                return Err(Error::new(
                    state::INVALID_PARAMETER_VALUE,
                    format!("COPY format \"{format}\" not recognized"),
                ));
            }
        }
        Ok(())
    }

    pub fn validate(&self) -> Result<()> {
        if self.binary {
            for (given, what) in [
                (self.delimiter.is_some(), "DELIMITER"),
                (self.null.is_some(), "NULL"),
            ] {
                if given {
                    return Err(Error::new(
                        state::SYNTAX_ERROR,
                        format!("cannot specify {what} in BINARY mode"),
                    ));
                }
            }
            if self.header {
                return Err(only("cannot specify HEADER in BINARY mode"));
            }
        }
        one_byte(
            self.delimiter.as_deref(),
            "COPY delimiter must be a single one-byte character",
        )?;
        one_byte(
            self.quote.as_deref(),
            "COPY quote must be a single one-byte character",
        )?;
        one_byte(
            self.escape.as_deref(),
            "COPY escape must be a single one-byte character",
        )?;
        let delimiter = self.delimiter();
        if delimiter == b'\n' || delimiter == b'\r' {
            return Err(invalid(
                "COPY delimiter cannot be newline or carriage return",
            ));
        }
        let null = self.null();
        if null.contains(['\n', '\r']) {
            return Err(invalid(
                "COPY null representation cannot use newline or carriage return",
            ));
        }
        if !self.csv && b"\\.abcdefghijklmnopqrstuvwxyz0123456789".contains(&delimiter) {
            return Err(invalid(format!(
                "COPY delimiter cannot be \"{}\"",
                char::from(delimiter)
            )));
        }
        if !self.csv {
            for (given, what) in [
                (self.quote.is_some(), "COPY quote"),
                (self.escape.is_some(), "COPY escape"),
                (
                    self.force_quote_all || !self.force_quote.is_empty(),
                    "COPY force quote",
                ),
                (!self.force_not_null.is_empty(), "COPY force not null"),
                (!self.force_null.is_empty(), "COPY force null"),
            ] {
                if given {
                    return Err(only(format!("{what} available only in CSV mode")));
                }
            }
        }
        if self.csv && delimiter == self.quote() {
            return Err(invalid("COPY delimiter and quote must be different"));
        }
        if self.from && (self.force_quote_all || !self.force_quote.is_empty()) {
            return Err(only("COPY force quote only available using COPY TO"));
        }
        if !self.from && !self.force_not_null.is_empty() {
            return Err(only("COPY force not null only available using COPY FROM"));
        }
        if !self.from && !self.force_null.is_empty() {
            return Err(only("COPY force null only available using COPY FROM"));
        }
        if !self.from && self.header_match {
            return Err(only("cannot use \"match\" with HEADER in COPY TO"));
        }
        if null.as_bytes().contains(&delimiter) {
            return Err(only(
                "COPY delimiter must not appear in the NULL specification",
            ));
        }
        Ok(())
    }

    pub fn delimiter(&self) -> u8 {
        first_byte(
            self.delimiter.as_deref(),
            if self.csv { b',' } else { b'\t' },
        )
    }

    pub fn null(&self) -> &str {
        self.null
            .as_deref()
            .unwrap_or(if self.csv { "" } else { "\\N" })
    }

    pub fn quote(&self) -> u8 {
        first_byte(self.quote.as_deref(), b'"')
    }

    pub fn escape(&self) -> u8 {
        first_byte(self.escape.as_deref(), self.quote())
    }
}

fn first_byte(text: Option<&str>, default: u8) -> u8 {
    text.and_then(|text| text.bytes().next()).unwrap_or(default)
}

fn one_byte(text: Option<&str>, complaint: &'static str) -> Result<()> {
    match text {
        Some(text) if text.len() != 1 => Err(Error::new(state::FEATURE_NOT_SUPPORTED, complaint)),
        _ => Ok(()),
    }
}

fn invalid(message: impl Into<std::borrow::Cow<'static, str>>) -> Error {
    Error::new(state::INVALID_PARAMETER_VALUE, message)
}

fn only(message: impl Into<std::borrow::Cow<'static, str>>) -> Error {
    Error::new(state::FEATURE_NOT_SUPPORTED, message)
}
