//! Values of catalog rows, and rows as Arrow columns.

use super::relations::{Kind, Relation};
use datafusion::arrow::array::{
    ArrayRef, BinaryArray, BooleanArray, Float32Array, Float64Array, Int16Array, Int16Builder,
    Int32Array, Int64Array, IntervalMonthDayNanoArray, ListBuilder, RecordBatch,
    RecordBatchOptions, StringArray, StringBuilder, TimestampMicrosecondArray, UInt32Array,
    UInt32Builder,
};
use datafusion::arrow::array::{Float64Builder, IntervalMonthDayNanoBuilder};
use datafusion::arrow::datatypes::IntervalMonthDayNano;
use datafusion::arrow::error::ArrowError;
use orbit_core::types::{Oid, SqlType};
use orbit_core::value::Inet;
use std::sync::Arc;

/// One value of a catalog's row, or an argument of a catalog function.
#[derive(Clone, Debug, PartialEq, Default)]
pub enum Cell {
    #[default]
    Null,
    Bool(bool),
    Int(i64),
    Float(f64),
    Text(String),
    Texts(Vec<String>),
    Ints(Vec<i64>),
    /// Microseconds since 1970, UTC.
    Micros(i64),
}

macro_rules! from {
    ($($source:ty => $make:expr),* $(,)?) => {$(
        impl From<$source> for Cell {
            fn from(value: $source) -> Cell {
                $make(value)
            }
        }
    )*};
}

from! {
    bool => Cell::Bool,
    i16 => |v| Cell::Int(i64::from(v)),
    i32 => |v| Cell::Int(i64::from(v)),
    i64 => Cell::Int,
    Oid => |v| Cell::Int(i64::from(v)),
    usize => |v| Cell::Int(i64::try_from(v).unwrap_or(i64::MAX)),
    f64 => Cell::Float,
    String => Cell::Text,
    &str => |v: &str| Cell::Text(v.to_owned()),
    Vec<String> => Cell::Texts,
    Vec<i64> => Cell::Ints,
}

impl<T: Into<Cell>> From<Option<T>> for Cell {
    fn from(value: Option<T>) -> Cell {
        value.map_or(Cell::Null, Into::into)
    }
}

impl Cell {
    pub fn int(&self) -> Option<i64> {
        match self {
            Cell::Int(v) => Some(*v),
            Cell::Text(text) => text.trim().parse().ok(),
            _ => None,
        }
    }

    pub fn float(&self) -> Option<f64> {
        match self {
            Cell::Float(v) => Some(*v),
            #[allow(clippy::cast_precision_loss)] // a statistic
            Cell::Int(v) => Some(*v as f64),
            Cell::Text(text) => text.parse().ok(),
            _ => None,
        }
    }

    pub fn bool(&self) -> Option<bool> {
        match self {
            Cell::Bool(v) => Some(*v),
            Cell::Text(text) => Some(matches!(text.as_str(), "t" | "true")),
            _ => None,
        }
    }

    pub fn text(&self) -> Option<&str> {
        match self {
            Cell::Text(text) => Some(text),
            _ => None,
        }
    }

    fn micros(&self) -> Option<i64> {
        match self {
            Cell::Micros(v) => Some(*v),
            _ => None,
        }
    }

    /// The elements of a list; a text is taken in the form `{a,b}` or `a b`.
    fn items(&self) -> Option<Vec<String>> {
        match self {
            Cell::Texts(items) => Some(items.clone()),
            Cell::Ints(items) => Some(items.iter().map(i64::to_string).collect()),
            Cell::Text(text) => Some(split_list(text)),
            _ => None,
        }
    }
}

/// `{a,b}` (elements without quotes) or PostgreSQL's vectors, `a b`.
pub fn split_list(text: &str) -> Vec<String> {
    let inner = text.trim_start_matches('{').trim_end_matches('}');
    inner
        .split([',', ' '])
        .filter(|item| !item.is_empty())
        .map(|item| item.trim_matches('"').to_owned())
        .collect()
}

/// Rows of one relation while they are gathered.
pub struct Rows {
    relation: &'static Relation,
    rows: Vec<Vec<Cell>>,
}

impl Rows {
    pub fn new(relation: &'static Relation) -> Rows {
        Rows {
            relation,
            rows: Vec::new(),
        }
    }

    /// Adds a row. Columns not named are NULL, or zero, false or '' where NULL isn't allowed.
    pub fn add<const N: usize>(&mut self, fields: [(&str, Cell); N]) {
        let mut row: Vec<Cell> = self.relation.columns.iter().map(blank).collect();
        for (name, cell) in fields {
            let place = self.relation.position(name);
            debug_assert!(place.is_some(), "{} has no {name}", self.relation.name);
            if let Some(slot) = place.and_then(|place| row.get_mut(place)) {
                *slot = cell;
            }
        }
        self.rows.push(row);
    }

    /// Adds rows in COPY's text format.
    pub fn add_lines(&mut self, text: &str) {
        for line in text.lines() {
            let row = line.split('\t').map(|field| match field {
                "\\N" => Cell::Null,
                text if text.contains('\\') => Cell::Text(text.replace("\\\\", "\\")),
                text => Cell::Text(text.to_owned()),
            });
            self.rows.push(row.collect());
        }
    }

    pub fn finish(self) -> Result<RecordBatch, ArrowError> {
        let columns = self
            .relation
            .columns
            .iter()
            .enumerate()
            .map(|(place, column)| {
                let cells = self.rows.iter().map(|row| row.get(place));
                array(column.kind, cells.map(|cell| cell.unwrap_or(&Cell::Null)))
            })
            .collect();
        let options = RecordBatchOptions::new().with_row_count(Some(self.rows.len()));
        RecordBatch::try_new_with_options(self.relation.arrow.clone(), columns, &options)
    }
}

fn blank(column: &super::relations::Column) -> Cell {
    if !column.not_null {
        return Cell::Null;
    }
    match column.kind {
        Kind::Bool => Cell::Bool(false),
        Kind::Int2 | Kind::Int4 | Kind::Int8 | Kind::Oid => Cell::Int(0),
        Kind::Float4 | Kind::Float8 => Cell::Float(0.0),
        Kind::Text if column.type_name == "regproc" => Cell::Text("-".to_owned()),
        Kind::Text => Cell::Text(String::new()),
        Kind::Timestamp => Cell::Micros(0),
        Kind::Interval | Kind::Inet => Cell::Null,
        Kind::Texts | Kind::Oids | Kind::Int2s | Kind::Floats => Cell::Texts(Vec::new()),
    }
}

/// Cells as an Arrow array of `kind`; a cell that doesn't fit the kind is NULL.
pub fn array<'a>(kind: Kind, cells: impl Iterator<Item = &'a Cell>) -> ArrayRef {
    match kind {
        Kind::Bool => Arc::new(cells.map(Cell::bool).collect::<BooleanArray>()),
        Kind::Int2 => {
            let values = cells.map(|cell| cell.int().and_then(|v| i16::try_from(v).ok()));
            Arc::new(values.collect::<Int16Array>())
        }
        Kind::Int4 => {
            let values = cells.map(|cell| cell.int().and_then(|v| i32::try_from(v).ok()));
            Arc::new(values.collect::<Int32Array>())
        }
        Kind::Int8 => Arc::new(cells.map(Cell::int).collect::<Int64Array>()),
        Kind::Oid => {
            let values = cells.map(|cell| cell.int().and_then(|v| u32::try_from(v).ok()));
            Arc::new(values.collect::<UInt32Array>())
        }
        #[allow(clippy::cast_possible_truncation)] // a statistic
        Kind::Float4 => {
            let values = cells.map(|cell| cell.float().map(|v| v as f32));
            Arc::new(values.collect::<Float32Array>())
        }
        Kind::Float8 => Arc::new(cells.map(Cell::float).collect::<Float64Array>()),
        Kind::Text => Arc::new(cells.map(Cell::text).collect::<StringArray>()),
        Kind::Timestamp => Arc::new(
            cells
                .map(Cell::micros)
                .collect::<TimestampMicrosecondArray>()
                .with_timezone("UTC"),
        ),
        Kind::Interval => {
            let mut builder = IntervalMonthDayNanoBuilder::new();
            for cell in cells {
                let nanoseconds = cell.micros().and_then(|micros| micros.checked_mul(1000));
                builder.append_option(
                    nanoseconds.map(|nanoseconds| IntervalMonthDayNano::new(0, 0, nanoseconds)),
                );
            }
            Arc::<IntervalMonthDayNanoArray>::new(builder.finish())
        }
        Kind::Inet => {
            let stored = |cell: &Cell| {
                let address = Inet::parse(cell.text()?, &SqlType::Inet).ok()?;
                let mut bytes = Vec::new();
                address.encode(&mut bytes);
                Some(bytes)
            };
            Arc::new(cells.map(stored).collect::<BinaryArray>())
        }
        Kind::Texts => {
            let mut builder = ListBuilder::new(StringBuilder::new());
            for cell in cells {
                let items = cell.items();
                for item in items.iter().flatten() {
                    builder.values().append_value(item);
                }
                builder.append(items.is_some());
            }
            Arc::new(builder.finish())
        }
        Kind::Oids => {
            let mut builder = ListBuilder::new(UInt32Builder::new());
            for cell in cells {
                let items = cell.items();
                for item in items.iter().flatten() {
                    builder.values().append_option(item.parse().ok());
                }
                builder.append(items.is_some());
            }
            Arc::new(builder.finish())
        }
        Kind::Int2s => {
            let mut builder = ListBuilder::new(Int16Builder::new());
            for cell in cells {
                let items = cell.items();
                for item in items.iter().flatten() {
                    builder.values().append_option(item.parse().ok());
                }
                builder.append(items.is_some());
            }
            Arc::new(builder.finish())
        }
        Kind::Floats => {
            let mut builder = ListBuilder::new(Float64Builder::new());
            for cell in cells {
                let items = cell.items();
                for item in items.iter().flatten() {
                    builder.values().append_option(item.parse().ok());
                }
                builder.append(items.is_some());
            }
            Arc::new(builder.finish())
        }
    }
}
