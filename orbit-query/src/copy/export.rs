//! COPY TO: an answer's rows as lines of text or CSV.

use super::binary;
use super::options::CopyOptions;
use crate::rows::{ColumnDesc, Outcome, RowBatch, Rows, Tag};
use crate::session::Session;
use orbit_core::backup::BackupStream;
use orbit_core::cancel::CancelToken;
use orbit_core::catalog::Table;
use orbit_core::read::{ReadView, RowScan};
use orbit_core::row::RowRef;
use orbit_core::store::{Direction, KeyRange};
use orbit_core::value::ValueRef;
use orbit_core::value::text::{self, FormatSettings};
use orbit_core::{Error, Result, state};
use std::sync::Arc;

/// Lines are handed over in pieces of about this size.
const PIECE_BYTES: usize = 64 << 10;

/// Where the rows come from.
enum Source {
    Query {
        rows: Rows,
        batch: Option<RowBatch>,
        /// The next row of `batch`.
        at: usize,
    },
    /// A whole table, straight from the store.
    Table {
        scan: RowScan,
        table: Arc<Table>,
        places: Vec<usize>,
    },
    /// The whole store as a backup, whose pieces are no lines.
    Store(Box<BackupStream>),
    Done,
}

/// A COPY TO STDOUT under way.
pub struct CopyOut {
    pub columns: usize,
    pub csv: bool,
    /// What comes is not lines.
    pub binary: bool,
    /// COPY's binary format.
    pub tuples: bool,
    /// The trailer is still to come.
    trailer: bool,
    source: Source,
    writer: Writer,
    count: u64,
    header: bool,
    cancel: CancelToken,
}

impl CopyOut {
    pub(super) async fn of_query(
        session: &mut Session,
        sql: &str,
        options: &CopyOptions,
    ) -> Result<CopyOut> {
        let statement = session.prepare_inner(sql, &[]).await?;
        if statement.writes() == Some("MERGE") {
            return Err(Error::new(
                state::FEATURE_NOT_SUPPORTED,
                "MERGE not supported in COPY",
            ));
        }
        let columns = statement.columns.clone().ok_or_else(|| {
            Error::new(
                state::FEATURE_NOT_SUPPORTED,
                "COPY query must have a RETURNING clause",
            )
        })?;
        let Outcome::Rows(rows) = session.run_inner(&statement).await? else {
            return Err(Error::internal("a query gave no rows"));
        };
        let source = Source::Query {
            rows,
            batch: None,
            at: 0,
        };
        CopyOut::new(session, columns, source, options)
    }

    /// `view`: the moment whose rows are wanted.
    pub(super) fn of_table(
        session: &Session,
        view: &ReadView,
        table: &Arc<Table>,
        places: Vec<usize>,
        options: &CopyOptions,
    ) -> Result<CopyOut> {
        let columns = places
            .iter()
            .filter_map(|place| table.columns.get(*place))
            .map(|column| ColumnDesc::new(column.name.clone(), column.sql_type.clone()))
            .collect();
        let source = Source::Table {
            scan: view.scan(table, KeyRange::default(), Direction::Forward)?,
            table: table.clone(),
            places,
        };
        CopyOut::new(session, columns, source, options)
    }

    /// Everything acknowledged so far, whatever the transaction block has seen.
    pub(crate) fn of_store(session: &Session) -> Result<CopyOut> {
        let engine = session.engine();
        let stream = BackupStream::of(engine.db(), env!("CARGO_PKG_VERSION"))?;
        let columns: Arc<[ColumnDesc]> = Arc::new([]);
        let source = Source::Store(Box::new(stream));
        let mut out = CopyOut::new(session, columns, source, &CopyOptions::new(false))?;
        out.binary = true;
        Ok(out)
    }

    fn new(
        session: &Session,
        columns: Arc<[ColumnDesc]>,
        source: Source,
        options: &CopyOptions,
    ) -> Result<CopyOut> {
        let mut force_quote = vec![options.force_quote_all; columns.len()];
        for name in &options.force_quote {
            let place = columns.iter().position(|column| column.name == *name);
            match place.and_then(|place| force_quote.get_mut(place)) {
                Some(flag) => *flag = true,
                None => {
                    return Err(Error::new(
                        state::UNDEFINED_COLUMN,
                        format!("column \"{name}\" does not exist"),
                    ));
                }
            }
        }
        Ok(CopyOut {
            columns: columns.len(),
            csv: options.csv,
            binary: false,
            tuples: options.binary,
            trailer: options.binary,
            source,
            writer: Writer::new(columns, options, force_quote, session.format().clone()),
            count: 0,
            header: options.header || options.binary,
            cancel: session.cancel_token(),
        })
    }

    /// Has lines that are still to be made obey `cancel`.
    #[must_use]
    pub(crate) fn guarded(mut self, cancel: &CancelToken) -> CopyOut {
        if let Source::Store(_) = self.source {
            // A backup takes its time, whatever a statement may take.
            cancel.lift_deadline();
        }
        if let Source::Query { rows, batch, at } = self.source {
            let rows = rows.guarded(cancel);
            self.source = Source::Query { rows, batch, at };
        }
        self
    }

    /// Whole lines, some kilobytes at a time; `None` at the end.
    pub async fn next(&mut self) -> Result<Option<Vec<u8>>> {
        self.cancel.check()?;
        if let Source::Store(stream) = &mut self.source {
            let piece = stream.next()?;
            self.count += u64::from(piece.is_some());
            // A backup never waits for anything: others want the thread too.
            tokio::task::yield_now().await;
            return Ok(piece);
        }
        let mut out = Vec::with_capacity(PIECE_BYTES + 1024);
        if std::mem::take(&mut self.header) {
            self.writer.header(&mut out);
        }
        while out.len() < PIECE_BYTES {
            match &mut self.source {
                Source::Query {
                    batch: Some(batch),
                    at,
                    ..
                } if *at < batch.len() => {
                    let row = *at;
                    self.writer.row(&mut out, |place| batch.value(row, place))?;
                    *at += 1;
                    self.count += 1;
                }
                Source::Query { rows, batch, at } => {
                    *batch = rows.next().await?;
                    *at = 0;
                    if batch.is_none() {
                        self.source = Source::Done;
                    }
                }
                Source::Table {
                    scan,
                    table,
                    places,
                } => match scan.next()? {
                    Some((_, row)) => {
                        let row = RowRef::new(row)?;
                        self.writer.row(&mut out, |place| match places.get(place) {
                            Some(place) => row.value(&table.layout, *place, &table.missing),
                            None => Ok(ValueRef::Null),
                        })?;
                        self.count += 1;
                    }
                    None => self.source = Source::Done,
                },
                Source::Store(_) => break,
                Source::Done => {
                    if std::mem::take(&mut self.trailer) {
                        binary::put_trailer(&mut out);
                    }
                    break;
                }
            }
        }
        Ok((!out.is_empty()).then_some(out))
    }

    /// Rows given so far.
    pub fn rows(&self) -> u64 {
        self.count
    }

    pub fn tag(&self) -> Tag {
        Tag::Copy(self.count)
    }
}

struct Writer {
    columns: Arc<[ColumnDesc]>,
    force_quote: Vec<bool>,
    format: FormatSettings,
    csv: bool,
    binary: bool,
    delimiter: u8,
    quote: u8,
    escape: u8,
    null: Vec<u8>,
    /// Bytes that make a value need quotes (CSV) or a backslash (text).
    special: [bool; 256],
    value: Vec<u8>,
}

impl Writer {
    fn new(
        columns: Arc<[ColumnDesc]>,
        options: &CopyOptions,
        force_quote: Vec<bool>,
        format: FormatSettings,
    ) -> Writer {
        let mut special = [false; 256];
        let marks: &[u8] = if options.csv {
            &[options.delimiter(), options.quote(), b'\n', b'\r']
        } else {
            &[options.delimiter(), b'\\', 8, 9, 10, 11, 12, 13]
        };
        for mark in marks {
            special[usize::from(*mark)] = true;
        }
        Writer {
            columns,
            force_quote,
            format,
            csv: options.csv,
            binary: options.binary,
            delimiter: options.delimiter(),
            quote: options.quote(),
            escape: options.escape(),
            null: options.null().as_bytes().to_vec(),
            special,
            value: Vec::new(),
        }
    }

    fn header(&mut self, out: &mut Vec<u8>) {
        if self.binary {
            binary::put_header(out);
            return;
        }
        let columns = self.columns.clone();
        for (place, column) in columns.iter().enumerate() {
            if place > 0 {
                out.push(self.delimiter);
            }
            self.value.clear();
            self.value.extend_from_slice(column.name.as_bytes());
            self.put_value(false, out);
        }
        out.push(b'\n');
    }

    fn row<'a>(
        &mut self,
        out: &mut Vec<u8>,
        value: impl Fn(usize) -> Result<ValueRef<'a>>,
    ) -> Result<()> {
        let columns = self.columns.clone();
        if self.binary {
            binary::put_count(columns.len(), out);
            for (place, column) in columns.iter().enumerate() {
                binary::put_field(&value(place)?, &column.sql_type, out)?;
            }
            return Ok(());
        }
        for (place, column) in columns.iter().enumerate() {
            if place > 0 {
                out.push(self.delimiter);
            }
            let value = value(place)?;
            if value.is_null() {
                out.extend_from_slice(&self.null);
                continue;
            }
            self.value.clear();
            text::format(&value, &column.sql_type, &self.format, &mut self.value)?;
            let force = self.force_quote.get(place) == Some(&true);
            self.put_value(force, out);
        }
        out.push(b'\n');
        Ok(())
    }

    /// Writes `value` with what it needs of quotes or backslashes.
    fn put_value(&self, force: bool, out: &mut Vec<u8>) {
        let plain = !self
            .value
            .iter()
            .any(|byte| self.special[usize::from(*byte)]);
        if !self.csv {
            if plain {
                out.extend_from_slice(&self.value);
            } else {
                self.put_escaped(out);
            }
            return;
        }
        // A value that looks like NULL, or like the end of the data, goes in quotes.
        let ambiguous =
            self.value == self.null || (self.columns.len() == 1 && self.value == b"\\.");
        if plain && !force && !ambiguous {
            out.extend_from_slice(&self.value);
            return;
        }
        out.push(self.quote);
        for byte in &self.value {
            if *byte == self.quote || *byte == self.escape {
                out.push(self.escape);
            }
            out.push(*byte);
        }
        out.push(self.quote);
    }

    fn put_escaped(&self, out: &mut Vec<u8>) {
        for byte in &self.value {
            let letter = match byte {
                8 => b'b',
                9 => b't',
                10 => b'n',
                11 => b'v',
                12 => b'f',
                13 => b'r',
                b'\\' => b'\\',
                other if *other == self.delimiter => *other,
                other => {
                    out.push(*other);
                    continue;
                }
            };
            out.push(b'\\');
            out.push(letter);
        }
    }
}
