//! The second pass: COPY over PostgreSQL wire, as one transaction or as many
//! that each remember how far they came.

use super::blocks::{Block, Blocks};
use super::json_lines::JsonRows;
use super::parquet_rows::ParquetRows;
use super::scan::{NA, empty_for_na, skip_rows};
use super::shown_line;
use super::table::{literal, quoted, quoted_path};
use crate::cli::Failure;
use bytes::Bytes;
use futures::SinkExt;
use indicatif::ProgressBar;
use orbit_core::{Error, state};
use std::path::{Path, PathBuf};
use tokio::sync::mpsc;
use tokio_postgres::{Client, CopyInSink};

/// Where the rows come from, as CSV records in blocks.
pub enum Supply {
    Kept(std::vec::IntoIter<Block>),
    Csv(Box<Blocks>),
    Json(Box<JsonRows>),
    Parquet(Box<ParquetRows>),
}

impl Supply {
    fn next_block(&mut self) -> Result<Option<Block>, Failure> {
        match self {
            Supply::Kept(blocks) => Ok(blocks.next()),
            Supply::Csv(blocks) => blocks.next_block(),
            Supply::Json(rows) => rows.next_block(),
            Supply::Parquet(rows) => rows.next_block(),
        }
    }
}

/// One file on its way into one table.
pub struct Upload {
    pub path: PathBuf,
    pub table: String,
    pub columns: Vec<String>,
    /// Runs first, in the first transaction.
    pub create: Option<String>,
    pub supply: Supply,
    pub delimiter: u8,
    pub null: String,
    /// The file may mark NULL by `NA` and by nothing; COPY knows one mark.
    pub rewrite_na: bool,
    /// What the first pass counted, if there was one.
    pub rows: Option<u64>,
    pub fingerprint: u64,
    /// Rows per transaction; `None`: all in one.
    pub batch: Option<u64>,
}

const BLOCKS_AHEAD: usize = 8;

/// A table is known by its oid: one dropped and made again begins anew. Its name
/// is there for people.
const PROGRESS_TABLE: &str = "CREATE TABLE IF NOT EXISTS orbit_import_progress (\
     table_oid bigint NOT NULL, table_name text NOT NULL, file text NOT NULL, \
     fingerprint text NOT NULL, rows bigint NOT NULL, \
     PRIMARY KEY (table_oid, file, fingerprint))";

impl Upload {
    /// Sends everything; the number of rows sent now and of rows that an earlier
    /// run had sent already.
    pub async fn run(mut self, client: &Client, bar: &ProgressBar) -> Result<(u64, u64), Failure> {
        let mut blocks = self.start_reading();
        match self.batch {
            None => {
                let rows = self.in_one(client, &mut blocks, bar).await?;
                Ok((rows, 0))
            }
            Some(batch) => self.in_batches(client, blocks, bar, batch).await,
        }
    }

    /// Reads ahead on a thread of its own, by a bounded number of blocks.
    fn start_reading(&mut self) -> mpsc::Receiver<Result<Block, Failure>> {
        let (sender, receiver) = mpsc::channel(BLOCKS_AHEAD);
        let mut supply = std::mem::replace(&mut self.supply, Supply::Kept(Vec::new().into_iter()));
        let (rewrite, delimiter) = (self.rewrite_na, self.delimiter);
        tokio::task::spawn_blocking(move || {
            let mut out = Vec::new();
            loop {
                let block = match supply.next_block() {
                    Ok(Some(mut block)) => {
                        // Line ends become \n: in all blocks of a file, or in none.
                        let bytes = &block.bytes;
                        let differs = memchr::memmem::find(bytes, NA).is_some()
                            || memchr::memchr(b'\r', bytes).is_some();
                        if rewrite && differs {
                            empty_for_na(&block.bytes, delimiter, &mut out);
                            block.bytes = Bytes::copy_from_slice(&out);
                        }
                        Ok(block)
                    }
                    Ok(None) => return,
                    Err(failure) => Err(failure),
                };
                let failed = block.is_err();
                if sender.blocking_send(block).is_err() || failed {
                    return;
                }
            }
        });
        receiver
    }

    async fn in_one(
        &self,
        client: &Client,
        blocks: &mut mpsc::Receiver<Result<Block, Failure>>,
        bar: &ProgressBar,
    ) -> Result<u64, Failure> {
        client.batch_execute("BEGIN").await?;
        if let Some(create) = &self.create {
            client.batch_execute(create).await?;
        }
        let mut copy = self.copy(client).await?;
        let mut first_line = None;
        while let Some(block) = blocks.recv().await {
            // On an early return the sink is dropped, which makes the COPY fail:
            // nothing of it stays.
            let block = block?;
            first_line.get_or_insert(block.first_line);
            let bytes = block.bytes.len() as u64;
            if copy.send(block.bytes).await.is_err() {
                break;
            }
            bar.inc(bytes);
        }
        let rows = finish(copy)
            .await
            .map_err(|failure| self.located(failure, first_line.unwrap_or(1)))?;
        if let Some(counted) = self.rows
            && rows != counted
        {
            return Err(Failure::Work(
                Error::internal(format!(
                    "{} has {counted} rows, the node took {rows}",
                    self.path.display()
                ))
                .with_detail("Nothing was imported from this file."),
            ));
        }
        client.batch_execute("COMMIT").await?;
        Ok(rows)
    }

    async fn in_batches(
        &self,
        client: &Client,
        mut blocks: mpsc::Receiver<Result<Block, Failure>>,
        bar: &ProgressBar,
        batch: u64,
    ) -> Result<(u64, u64), Failure> {
        // A table that this run creates holds nothing of any earlier run.
        let mut oid = match &self.create {
            Some(_) => None,
            None => Some(self.table_oid(client).await?),
        };
        let mut remembered = match self.rows_done(client, oid.unwrap_or(0)).await {
            Err(failure) if is_missing_table(&failure) => {
                client.batch_execute(PROGRESS_TABLE).await?;
                None
            }
            done => done?,
        };
        let before = remembered.unwrap_or(0);
        let mut to_skip = before;
        let mut sent = 0;
        let mut rest: Option<Block> = None;
        let mut create = self.create.as_deref();
        loop {
            // Passes over what an earlier run has committed.
            while to_skip > 0 {
                let Some(block) = blocks.recv().await.transpose()? else {
                    return Ok((0, before));
                };
                let (end, rows) = skip_rows(&block.bytes, to_skip);
                to_skip -= rows;
                bar.inc(end as u64);
                rest = after(block, end);
            }
            if rest.is_none() {
                rest = blocks.recv().await.transpose()?;
            }
            if rest.is_none() {
                break;
            }
            client.batch_execute("BEGIN").await?;
            if let Some(create) = create.take() {
                client.batch_execute(create).await?;
            }
            let mut copy = self.copy(client).await?;
            let first_line = rest.as_ref().map_or(1, |block| block.first_line);
            let mut left = batch;
            while left > 0 {
                let block = match rest.take() {
                    Some(block) => block,
                    None => match blocks.recv().await.transpose()? {
                        Some(block) => block,
                        None => break,
                    },
                };
                let (end, rows) = skip_rows(&block.bytes, left);
                left -= rows;
                let part = block.bytes.slice(..end);
                rest = after(block, end);
                bar.inc(part.len() as u64);
                if copy.send(part).await.is_err() {
                    break;
                }
            }
            sent += finish(copy)
                .await
                .map_err(|failure| self.located(failure, first_line))?;
            let table = match oid {
                Some(oid) => oid,
                None => *oid.insert(self.table_oid(client).await?),
            };
            let rows = before + sent;
            self.remember(client, table, remembered, rows).await?;
            client.batch_execute("COMMIT").await?;
            remembered = Some(rows);
        }
        if let Some(create) = create {
            // A file with a header and no rows still makes its table.
            client.batch_execute(create).await?;
        }
        Ok((sent, before))
    }

    async fn copy(
        &self,
        client: &Client,
    ) -> Result<std::pin::Pin<Box<CopyInSink<Bytes>>>, Failure> {
        let columns: Vec<_> = self.columns.iter().map(|name| quoted(name)).collect();
        let statement = format!(
            "COPY {} ({}) FROM STDIN (FORMAT csv, DELIMITER {}, NULL {})",
            quoted_path(&self.table),
            columns.join(", "),
            literal(&char::from(self.delimiter).to_string()),
            literal(&self.null),
        );
        Ok(Box::pin(client.copy_in(&statement).await?))
    }

    async fn table_oid(&self, client: &Client) -> Result<u32, Failure> {
        let name = literal(&quoted_path(&self.table));
        let row = client
            .query_one(&format!("SELECT {name}::regclass::oid"), &[])
            .await?;
        Ok(row.try_get(0)?)
    }

    /// The condition that finds the progress of this file into the table.
    fn of_this(&self, oid: u32) -> String {
        let (file, fingerprint) = self.file_literals();
        format!("table_oid = {oid} AND file = {file} AND fingerprint = {fingerprint}")
    }

    fn file_literals(&self) -> (String, String) {
        let file = std::path::absolute(&self.path).unwrap_or_else(|_| self.path.clone());
        (
            literal(&file.to_string_lossy()),
            literal(&format!("{:016x}", self.fingerprint)),
        )
    }

    /// `None`: no batch of this file was ever committed.
    async fn rows_done(&self, client: &Client, oid: u32) -> Result<Option<u64>, Failure> {
        let of_this = self.of_this(oid);
        let row = client
            .query_opt(
                &format!("SELECT rows FROM orbit_import_progress WHERE {of_this}"),
                &[],
            )
            .await?;
        match row {
            None => Ok(None),
            Some(row) => Ok(u64::try_from(row.try_get::<_, i64>(0)?).ok()),
        }
    }

    /// Whether an earlier run has committed a batch of this very file.
    pub async fn was_begun(&self, client: &Client) -> Result<bool, Failure> {
        let oid = self.table_oid(client).await?;
        match self.rows_done(client, oid).await {
            Ok(rows) => Ok(rows.is_some_and(|rows| rows > 0)),
            Err(failure) if is_missing_table(&failure) => Ok(false),
            Err(failure) => Err(failure),
        }
    }

    /// Moves the progress on from what this run knows of it. If another run has
    /// moved it meanwhile, its rows are in the table already, and these must not be.
    async fn remember(
        &self,
        client: &Client,
        oid: u32,
        before: Option<u64>,
        rows: u64,
    ) -> Result<(), Failure> {
        let statement = match before {
            None => {
                let table = literal(&self.table);
                let (file, fingerprint) = self.file_literals();
                format!(
                    "INSERT INTO orbit_import_progress \
                     (table_oid, table_name, file, fingerprint, rows) \
                     VALUES ({oid}, {table}, {file}, {fingerprint}, {rows})"
                )
            }
            Some(before) => {
                let of_this = self.of_this(oid);
                format!(
                    "UPDATE orbit_import_progress SET rows = {rows} \
                     WHERE {of_this} AND rows = {before}"
                )
            }
        };
        let moved = match client.execute(&statement, &[]).await.map_err(Failure::from) {
            Ok(moved) => moved == 1,
            Err(Failure::Work(error)) if error.is(state::UNIQUE_VIOLATION) => false,
            Err(failure) => return Err(failure),
        };
        if moved {
            return Ok(());
        }
        client.batch_execute("ROLLBACK").await?;
        Err(Failure::Work(
            Error::new(
                state::OBJECT_IN_USE,
                format!("another import of {} is running", self.path.display()),
            )
            .with_detail("The rows of this batch were rolled back.")
            .with_hint("Once the other import has ended, the same command continues there."),
        ))
    }

    /// The server's error with the place in the file instead of in the stream.
    fn located(&self, failure: Failure, first_line: u64) -> Failure {
        let Failure::Work(error) = failure else {
            return failure;
        };
        let Some(place) = error.context().and_then(Place::read) else {
            return Failure::Work(error);
        };
        let line = first_line + place.line - 1;
        let mut told = Error::new(
            error.state(),
            format!(
                "{}: {}",
                shown_line(&self.path, line, place.column.as_deref()),
                error.message()
            ),
        );
        if let Some(detail) = error.detail() {
            told = told.with_detail(detail);
        } else if self.batch.is_none() {
            told = told.with_detail("Nothing was imported from this file.");
        }
        if let Some(hint) = error.hint() {
            told = told.with_hint(hint.to_owned());
        }
        Failure::Work(told)
    }
}

fn after(block: Block, end: usize) -> Option<Block> {
    if end >= block.bytes.len() {
        return None;
    }
    let lines = super::scan::newlines(block.bytes.get(..end).unwrap_or_default());
    Some(Block {
        bytes: block.bytes.slice(end..),
        first_line: block.first_line + lines,
    })
}

async fn finish(mut copy: std::pin::Pin<Box<CopyInSink<Bytes>>>) -> Result<u64, Failure> {
    copy.as_mut().finish().await.map_err(|error| {
        if error.is_closed() {
            Failure::Connection(Error::new(
                state::CONNECTION_FAILURE,
                "the node closed the connection in the middle of the import",
            ))
        } else {
            error.into()
        }
    })
}

/// `COPY flights, line 3, column dep_time: "x"`.
#[derive(Debug, PartialEq)]
struct Place {
    line: u64,
    column: Option<String>,
}

impl Place {
    fn read(context: &str) -> Option<Place> {
        let rest = context.split_once(", line ")?.1;
        let digits = rest
            .find(|c: char| !c.is_ascii_digit())
            .unwrap_or(rest.len());
        let (line, rest) = rest.split_at(digits);
        let column = rest.strip_prefix(", column ").map(|rest| {
            rest.split_once(": ")
                .map_or(rest, |(column, _)| column)
                .to_owned()
        });
        Some(Place {
            line: line.parse().ok()?,
            column,
        })
    }
}

/// Whether an error says that the table isn't there.
pub fn is_missing_table(failure: &Failure) -> bool {
    matches!(failure, Failure::Work(error) if error.is(state::UNDEFINED_TABLE))
}

/// The columns of a table; `None` if there is no such table.
pub async fn existing_columns(
    client: &Client,
    table: &str,
) -> Result<Option<Vec<String>>, Failure> {
    let statement = format!("SELECT * FROM {} LIMIT 0", quoted_path(table));
    match client.prepare(&statement).await.map_err(Failure::from) {
        Ok(statement) => Ok(Some(
            statement
                .columns()
                .iter()
                .map(|column| column.name().to_owned())
                .collect(),
        )),
        Err(failure) if is_missing_table(&failure) => Ok(None),
        Err(failure) => Err(failure),
    }
}

pub fn name_of(path: &Path) -> String {
    path.file_name().map_or_else(
        || path.display().to_string(),
        |name| name.to_string_lossy().into_owned(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_place_is_read_from_the_context() {
        let place = Place::read("COPY flights, line 12, column dep_time: \"x\"").unwrap();
        assert_eq!(
            (place.line, place.column.as_deref()),
            (12, Some("dep_time"))
        );
        let place = Place::read("COPY flights, line 12: \"a,b\"").unwrap();
        assert_eq!((place.line, place.column), (12, None));
        assert_eq!(Place::read("PL/pgSQL function"), None);
    }

    #[test]
    fn what_is_left_of_a_block_knows_its_line() {
        let block = Block {
            bytes: Bytes::from_static(b"1\n\"a\nb\"\n3\n"),
            first_line: 7,
        };
        let (end, rows) = skip_rows(&block.bytes, 2);
        assert_eq!(rows, 2);
        let rest = after(block.clone(), end).unwrap();
        assert_eq!((&rest.bytes[..], rest.first_line), (&b"3\n"[..], 10));
        assert!(after(block, 10).is_none());
    }
}
