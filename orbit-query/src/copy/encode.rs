//! A chunk of lines turned into rows: values parsed, completed, checked, and
//! encoded as they will be stored. Runs on worker threads; knows no session.

use super::fields::{Field, Splitter};
use super::options::CopyOptions;
use crate::expr::{Env, Facts};
use crate::write::{RowFunction, TableWriter};
use orbit_core::catalog::Table;
use orbit_core::row::{self, Stamp};
use orbit_core::types::SqlType;
use orbit_core::value::{Value, text};
use orbit_core::{Error, Result, key, state};
use parking_lot::Mutex;
use std::sync::Arc;

/// How much of a line an error message shows.
const SHOWN_BYTES: usize = 100;

/// Everything the workers of one COPY share.
pub struct Plan {
    pub table: Arc<Table>,
    pub writer: TableWriter,
    pub options: CopyOptions,
    /// The table's columns in the order of the file's fields.
    pub places: Vec<usize>,
    /// Per field: quoted values may be NULL too.
    pub force_null: Vec<bool>,
    pub force_not_null: Vec<bool>,
    /// Columns that no field fills: they take their DEFAULT.
    pub rest: Vec<usize>,
    pub facts: Facts,
    /// Of rows for a sorted load; `None`: values are handed over instead.
    pub stamp: Option<Stamp>,
    /// COPY ... WHERE: rows it doesn't hold for are left out.
    pub filter: Option<Arc<dyn RowFunction>>,
    /// Buffers of chunks that are done with.
    pub spare: Mutex<Vec<Vec<u8>>>,
}

/// As many as can be under way at once, and hardly more.
const SPARE_BUFFERS: usize = 8;

impl Plan {
    /// An empty buffer, used before if possible: fresh memory has to be cleared first.
    pub fn buffer(&self, capacity: usize) -> Vec<u8> {
        let mut buffer = self.spare.lock().pop().unwrap_or_default();
        buffer.clear();
        buffer.reserve(capacity);
        buffer
    }

    pub fn give_back(&self, buffer: Vec<u8>) {
        let mut spare = self.spare.lock();
        if spare.len() < SPARE_BUFFERS {
            spare.push(buffer);
        }
    }
}

/// What a chunk became.
#[derive(Default)]
pub struct Rows {
    /// Key, row, key, row, ...
    pub bytes: Vec<u8>,
    /// Where each key and each row ends in `bytes`.
    pub ends: Vec<(u32, u32)>,
    /// Instead of encoded rows, where they are inserted one by one, with the line each began on.
    pub values: Vec<(u64, Vec<Value>)>,
    /// Physical lines read.
    pub lines: u64,
    /// The marker `\.` was met.
    pub over: bool,
}

impl Rows {
    /// Each key with its row.
    pub fn encoded(&self) -> impl Iterator<Item = (&[u8], &[u8])> + Clone {
        let mut start = 0;
        self.ends.iter().map(move |(pk_end, row_end)| {
            let (pk_end, row_end) = (*pk_end as usize, *row_end as usize);
            let pk = self.bytes.get(start..pk_end).unwrap_or_default();
            let row = self.bytes.get(pk_end..row_end).unwrap_or_default();
            start = row_end;
            (pk, row)
        })
    }
}

/// An error and the line, counted within the chunk, that it happened on.
pub struct Failure {
    pub line: u64,
    pub error: Error,
    /// `, column a: "x"` or `: "the line"`.
    pub place: String,
}

pub fn run(plan: &Plan, chunk: &[u8], header: bool) -> std::result::Result<Rows, Box<Failure>> {
    if plan.options.binary {
        return super::binary::run(plan, chunk);
    }
    let mut splitter = Splitter::new(chunk, &plan.options);
    let mut sink = Sink::new(plan, chunk.len());
    let fail = |line: u64, error: Error, place: String| Box::new(Failure { line, error, place });
    if let Err(error) = check_encoding(chunk) {
        let (line, error) = error;
        return Err(fail(line, error, String::new()));
    }
    if header {
        match splitter.next_line() {
            Ok(true) => {
                if plan.options.header_match {
                    check_header(plan, &splitter)
                        .map_err(|error| fail(1, error, place(plan, &splitter, None)))?;
                }
            }
            Ok(false) => {}
            Err(error) => return Err(fail(1, error, String::new())),
        }
    }
    let mut values = vec![Value::Null; plan.table.columns.len()];
    loop {
        let first_line = splitter.lines + 1;
        match splitter.next_line() {
            Ok(true) => {}
            Ok(false) => break,
            Err(error) => return Err(fail(splitter.lines, error, String::new())),
        }
        let line = splitter.lines;
        if let Err((error, field)) = fill(plan, &splitter, &mut values) {
            return Err(fail(line, error, place(plan, &splitter, field)));
        }
        if let Err(error) = sink.take(&mut values, first_line) {
            return Err(fail(line, error, place(plan, &splitter, None)));
        }
    }
    sink.rows.over = splitter.is_over();
    sink.rows.lines = splitter.lines;
    Ok(sink.rows)
}

/// Takes rows of values as they are read and makes what the import wants of them.
pub struct Sink<'p> {
    plan: &'p Plan,
    pub rows: Rows,
    encoded: Vec<u8>,
    pk: Vec<u8>,
}

impl<'p> Sink<'p> {
    pub fn new(plan: &'p Plan, chunk_bytes: usize) -> Sink<'p> {
        let mut rows = Rows::default();
        if plan.stamp.is_some() {
            rows.bytes = plan.buffer(chunk_bytes * 2);
        }
        Sink {
            plan,
            rows,
            encoded: Vec::new(),
            pk: Vec::new(),
        }
    }

    /// Completes and checks a row that began on this line, and keeps it.
    pub fn take(&mut self, values: &mut Vec<Value>, line: u64) -> Result<()> {
        let plan = self.plan;
        if !finish(plan, values, &mut self.encoded, &mut self.pk)? {
            return Ok(());
        }
        let rows = &mut self.rows;
        if plan.stamp.is_none() {
            let row = std::mem::replace(values, vec![Value::Null; plan.table.columns.len()]);
            rows.values.push((line, row));
            return Ok(());
        }
        rows.bytes.extend_from_slice(&self.pk);
        let pk_end = rows.bytes.len();
        rows.bytes.extend_from_slice(&self.encoded);
        let (Ok(pk_end), Ok(row_end)) = (u32::try_from(pk_end), u32::try_from(rows.bytes.len()))
        else {
            return Err(Error::new(
                state::PROGRAM_LIMIT_EXCEEDED,
                "a row is too large",
            ));
        };
        rows.ends.push((pk_end, row_end));
        Ok(())
    }
}

/// UTF-8 without zero bytes; otherwise the line (within the chunk) and the error.
fn check_encoding(chunk: &[u8]) -> std::result::Result<(), (u64, Error)> {
    let (place, bytes) = match std::str::from_utf8(chunk) {
        Ok(_) => match memchr::memchr(0, chunk) {
            None => return Ok(()),
            Some(zero) => (zero, "0x00".to_owned()),
        },
        Err(error) => {
            let place = error.valid_up_to();
            let length = error.error_len().unwrap_or(1);
            let wrong = chunk.get(place..place + length).unwrap_or_default();
            let shown: Vec<String> = wrong.iter().map(|byte| format!("0x{byte:02x}")).collect();
            (place, shown.join(" "))
        }
    };
    let before = chunk.get(..place).unwrap_or_default();
    let line = memchr::memchr_iter(b'\n', before).count() as u64 + 1;
    Err((
        line,
        Error::new(
            state::CHARACTER_NOT_IN_REPERTOIRE,
            format!("invalid byte sequence for encoding \"UTF8\": {bytes}"),
        ),
    ))
}

fn check_header(plan: &Plan, splitter: &Splitter<'_>) -> Result<()> {
    if splitter.fields.len() != plan.places.len() {
        return Err(Error::new(
            state::BAD_COPY_FILE_FORMAT,
            format!(
                "wrong number of fields in header line: got {}, expected {}",
                splitter.fields.len(),
                plan.places.len()
            ),
        ));
    }
    for (number, (field, place)) in splitter.fields.iter().zip(&plan.places).enumerate() {
        let expected = plan
            .table
            .columns
            .get(*place)
            .map_or("", |c| c.name.as_str());
        let got = String::from_utf8_lossy(splitter.bytes(field));
        if got != expected {
            return Err(Error::new(
                state::BAD_COPY_FILE_FORMAT,
                format!(
                    "column name mismatch in header line field {}: got \"{got}\", expected \"{expected}\"",
                    number + 1
                ),
            ));
        }
    }
    Ok(())
}

/// Parses a line's fields into `values`. The error names the field if one is to blame.
fn fill(
    plan: &Plan,
    splitter: &Splitter<'_>,
    values: &mut [Value],
) -> std::result::Result<(), (Error, Option<usize>)> {
    let fields = &splitter.fields;
    if fields.len() != plan.places.len() {
        return Err((wrong_count(plan, splitter), None));
    }
    let null = plan.options.null().as_bytes();
    for (number, (field, place)) in fields.iter().zip(&plan.places).enumerate() {
        let (Some(slot), Some(column)) = (values.get_mut(*place), plan.table.columns.get(*place))
        else {
            return Err((Error::internal("a field without its column"), Some(number)));
        };
        let bytes = splitter.bytes(field);
        // Seldom the first byte, so seldom a comparison of all.
        let begins_null = bytes.first() == null.first();
        if begins_null && bytes == null && may_be_null(plan, splitter, field, number) {
            *slot = Value::Null;
            continue;
        }
        if few_digits(bytes).is_some_and(|number| put_integer(slot, &column.sql_type, number)) {
            continue;
        }
        let text = std::str::from_utf8(bytes).map_err(|_| {
            let error = Error::new(
                state::CHARACTER_NOT_IN_REPERTOIRE,
                "invalid byte sequence for encoding \"UTF8\"",
            );
            (error, Some(number))
        })?;
        if matches!(column.sql_type, SqlType::Text) {
            // The buffer of the row before serves again.
            if let Value::Text(kept) = slot {
                kept.clear();
                kept.push_str(text);
            } else {
                *slot = Value::Text(text.to_owned());
            }
            continue;
        }
        *slot = text::parse(text, &column.sql_type, &plan.facts.format)
            .map_err(|error| (error, Some(number)))?;
    }
    Ok(())
}

/// `false`: the column is of another type.
fn put_integer(slot: &mut Value, ty: &SqlType, number: i32) -> bool {
    // What the row before left there has nothing to free.
    match (ty, slot) {
        (SqlType::Int4, Value::Int4(kept)) => *kept = number,
        (SqlType::Int8, Value::Int8(kept)) => *kept = i64::from(number),
        (SqlType::Int4, slot) => *slot = Value::Int4(number),
        (SqlType::Int8, slot) => *slot = Value::Int8(i64::from(number)),
        _ => return false,
    }
    true
}

/// A number of at most nine digits and nothing else, as nearly all are. What
/// this doesn't understand may still be one: the type's own parser says.
fn few_digits(bytes: &[u8]) -> Option<i32> {
    let (negative, digits) = match bytes {
        [b'-', digits @ ..] => (true, digits),
        digits => (false, digits),
    };
    if digits.is_empty() || digits.len() > 9 {
        return None;
    }
    let mut number = 0;
    for byte in digits {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 {
            return None;
        }
        number = number * 10 + i32::from(digit);
    }
    Some(if negative { -number } else { number })
}

fn may_be_null(plan: &Plan, splitter: &Splitter<'_>, field: &Field, number: usize) -> bool {
    if !plan.options.csv {
        return splitter.is_raw(field);
    }
    if field.quoted {
        return plan.force_null.get(number) == Some(&true);
    }
    plan.force_not_null.get(number) != Some(&true)
}

fn wrong_count(plan: &Plan, splitter: &Splitter<'_>) -> Error {
    if splitter.fields.len() > plan.places.len() {
        return Error::new(
            state::BAD_COPY_FILE_FORMAT,
            "extra data after last expected column",
        );
    }
    let missing = plan
        .places
        .get(splitter.fields.len())
        .and_then(|place| plan.table.columns.get(*place))
        .map_or("", |column| column.name.as_str());
    Error::new(
        state::BAD_COPY_FILE_FORMAT,
        format!("missing data for column \"{missing}\""),
    )
}

/// Completes and checks a row, and encodes it if that is wanted here. `false`:
/// it is to be left out.
fn finish(
    plan: &Plan,
    values: &mut Vec<Value>,
    encoded: &mut Vec<u8>,
    pk: &mut Vec<u8>,
) -> Result<bool> {
    let env = Env {
        params: &[],
        facts: &plan.facts,
    };
    for place in &plan.rest {
        if let Some(slot) = values.get_mut(*place) {
            *slot = plan.writer.default_value(*place, &env)?;
        }
    }
    plan.writer.generate(values, &env)?;
    if let Some(filter) = &plan.filter {
        let shown = values.get(..plan.table.columns.len());
        match filter.call(shown.unwrap_or_default(), &env)? {
            Value::Bool(true) => {}
            Value::Bool(false) | Value::Null => return Ok(false),
            _ => {
                return Err(Error::new(
                    state::DATATYPE_MISMATCH,
                    "argument of WHERE must be type boolean",
                ));
            }
        }
    }
    plan.writer.check(values, &env)?;
    let Some(stamp) = plan.stamp else {
        return Ok(true);
    };
    row::encode(&plan.table.layout, values, 1, stamp, encoded)?;
    pk.clear();
    if let Some(primary) = &plan.table.primary_key {
        key::primary_key(&primary.columns, values, pk)?;
    }
    Ok(true)
}

fn place(plan: &Plan, splitter: &Splitter<'_>, field: Option<usize>) -> String {
    let blamed = field.and_then(|number| {
        let field = splitter.fields.get(number)?;
        let column = plan.table.columns.get(*plan.places.get(number)?)?;
        Some(format!(
            ", column {}: \"{}\"",
            column.name,
            shortened(splitter.bytes(field))
        ))
    });
    blamed.unwrap_or_else(|| format!(": \"{}\"", shortened(splitter.raw_line())))
}

fn shortened(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    if text.len() <= SHOWN_BYTES {
        return text.into_owned();
    }
    let mut end = SHOWN_BYTES;
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    format!("{}...", &text[..end])
}
