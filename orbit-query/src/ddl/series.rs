//! `WITH (model = 'timeseries', time_column = 'ts', series_key = 'sensor', retention = '90 days')`:
//! a table of readings, whose primary key is what names a series and the time of a reading.
//! Key columns may be left to the primary key, or the primary key to them.

use super::constraints::{KeyRequest, Timing};
use orbit_core::catalog::{Series, TableDef};
use orbit_core::types::SqlType;
use orbit_core::value::{Value, text};
use orbit_core::{Error, Result, state};

const MODEL: &str = "model";
const TIME_COLUMN: &str = "time_column";
const SERIES_KEY: &str = "series_key";
const RETENTION: &str = "retention";
const OPTIONS: [&str; 3] = [TIME_COLUMN, SERIES_KEY, RETENTION];

/// Whether an option is one of a time series'.
pub(super) fn is_option(name: &str) -> bool {
    OPTIONS.contains(&name)
}

fn is_wanted(table: &TableDef) -> bool {
    table
        .options
        .get(MODEL)
        .is_some_and(|model| model == "timeseries")
}

/// The primary key that the options name, for a table that is given none.
pub(super) fn key(table: &TableDef, has_primary: bool) -> Result<Option<KeyRequest>> {
    if !is_wanted(table) || has_primary {
        return Ok(None);
    }
    if !table.options.contains_key(TIME_COLUMN) {
        return Err(wrong(table, "A time series needs to know its time column.").with_hint(
            "Declare PRIMARY KEY (series ..., time), or set the options time_column and series_key.",
        ));
    }
    Ok(Some(KeyRequest {
        include: Vec::new(),
        name: None,
        columns: named(table)?,
        primary: true,
        nulls_not_distinct: false,
        timing: Timing::default(),
    }))
}

/// The columns that the options name: the series, then the time.
fn named(table: &TableDef) -> Result<Vec<usize>> {
    let series = table.options.get(SERIES_KEY).map_or("", String::as_str);
    let series = series
        .split(',')
        .map(str::trim)
        .filter(|name| !name.is_empty());
    let time = table.options.get(TIME_COLUMN).map(String::as_str);
    series
        .chain(time)
        .map(|name| {
            table.column_position(name).ok_or_else(|| {
                Error::new(
                    state::UNDEFINED_COLUMN,
                    format!("column \"{name}\" named in the table's options does not exist"),
                )
            })
        })
        .collect()
}

/// Makes the table what its options say, once its columns and keys are known. `has_series`:
/// whether this device has time series at all.
pub(super) fn declare(table: &mut TableDef, has_series: bool) -> Result<()> {
    if !is_wanted(table) {
        let mut given = OPTIONS
            .iter()
            .filter(|name| table.options.contains_key(**name));
        return match given.next() {
            Some(name) => Err(Error::new(
                state::INVALID_PARAMETER_VALUE,
                format!("option \"{name}\" is of time series only"),
            )
            .with_hint("Set model = 'timeseries', too.")),
            None => Ok(()),
        };
    }
    if !has_series {
        return Err(Error::unsupported("a time series on this device").with_hint(
            "Choose a profile with it, or set time_series = true in [edge_profile.NAME.features].",
        ));
    }
    if table.temporary {
        return Err(wrong(table, "It is a temporary table."));
    }
    let Some((time, _)) = table.primary_key_columns().split_last() else {
        return Err(wrong(table, "It has no primary key."));
    };
    let named = named(table)?;
    let agrees = match table.options.contains_key(SERIES_KEY) {
        true => named == table.primary_key_columns(),
        false => named.is_empty() || named == [*time],
    };
    if !agrees {
        return Err(
            wrong(table, "The primary key is another than the options name.")
                .with_hint("The primary key must be the columns of series_key, then time_column."),
        );
    }
    table.series = Some(Series {
        retention_micros: retention(table)?,
    });
    // The primary key says it from here on, under whatever names its columns will have.
    table.options.remove(TIME_COLUMN);
    table.options.remove(SERIES_KEY);
    Ok(())
}

/// Follows ALTER TABLE ... SET: the retention may change, what the table is can't.
pub(super) fn redeclare(before: &TableDef, table: &mut TableDef) -> Result<()> {
    for name in [MODEL, TIME_COLUMN, SERIES_KEY] {
        if before.options.get(name) != table.options.get(name) {
            return Err(
                Error::unsupported(format!("changing the option \"{name}\" of a table"))
                    .with_hint("Create another table, and copy the rows."),
            );
        }
    }
    let retention = retention(table)?;
    match &mut table.series {
        Some(series) => series.retention_micros = retention,
        None if retention.is_some() => {
            return Err(Error::new(
                state::INVALID_PARAMETER_VALUE,
                "option \"retention\" is of time series only",
            ));
        }
        None => {}
    }
    Ok(())
}

fn retention(table: &TableDef) -> Result<Option<i64>> {
    let Some(written) = table.options.get(RETENTION) else {
        return Ok(None);
    };
    let value = text::parse(written, &SqlType::Interval, &Default::default())?;
    let micros = match &value {
        Value::Interval(interval) => i64::try_from(interval.span()).ok(),
        _ => None,
    };
    match micros.filter(|micros| *micros > 0) {
        Some(micros) => Ok(Some(micros)),
        None => Err(Error::new(
            state::INVALID_PARAMETER_VALUE,
            format!("invalid value for option \"retention\": {written}"),
        )
        .with_hint("Give an interval greater than zero, such as '90 days'.")),
    }
}

fn wrong(table: &TableDef, detail: &str) -> Error {
    Error::new(
        state::INVALID_TABLE_DEFINITION,
        format!("table \"{}\" can't be a time series", table.name),
    )
    .with_detail(detail)
}
