//! Statements over one connection: their rows to stdout (or where `\o` says), what is
//! said about them to stderr.

use super::split::{self, Piece};
use super::variables::{self, Variables};
use crate::cli::client::Connect;
use crate::cli::part_file::in_file;
use crate::cli::table::{Grid, Output};
use crate::cli::visible::visible;
use crate::cli::{Failure, show, write_stdout};
use futures::StreamExt;
use orbit_core::Error;
use std::fs::File;
use std::io::{IsTerminal, Write};
use std::path::PathBuf;
use std::pin::pin;
use std::time::Instant;
use tokio_postgres::types::Type;
use tokio_postgres::{Client, SimpleQueryMessage};

/// Where the session's transaction stands, as far as the statements it was sent tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Block {
    Idle,
    Open,
    Failed,
}

/// A connection and how its answers are shown.
pub struct Asker {
    pub client: Client,
    pub address: Connect,
    pub output: Output,
    pub null: String,
    pub expanded: bool,
    pub timing: bool,
    pub variables: Variables,
    pub block: Block,
    /// What `\g`, `\watch` and `\e` are about without a statement of their own.
    pub last: String,
    pub sink: Option<(PathBuf, File)>,
    /// Nobody reads a script from it.
    pub stdin_is_free: bool,
    /// Errors are shown and the next line is taken.
    pub interactive: bool,
    /// The catalog may have changed since this was last false.
    pub changed: bool,
    /// Files of `\i` within each other.
    pub depth: usize,
}

impl Asker {
    pub fn new(client: Client, address: Connect, output: Output) -> Asker {
        Asker {
            client,
            address,
            output,
            null: String::new(),
            expanded: false,
            timing: false,
            variables: Variables::new(),
            block: Block::Idle,
            last: String::new(),
            sink: None,
            stdin_is_free: false,
            interactive: false,
            changed: true,
            depth: 0,
        }
    }

    /// Runs piece by piece; the first error ends the script. `Ok(false)` says to leave.
    pub async fn script(&mut self, text: &str) -> Result<bool, Failure> {
        let mut text = text.to_owned();
        let mut at = 0;
        loop {
            let rest = text.get(at..).unwrap_or_default();
            match split::next(rest) {
                Some((Piece::Statement(sql), length)) => {
                    at += length;
                    let sql = sql.trim().to_owned();
                    if split::is_blank(&sql) {
                        continue;
                    }
                    let behind = text.get(at..).unwrap_or_default();
                    if split::copy_direction(&sql) == Some(split::Copy::In)
                        && (!behind.trim().is_empty() || !self.stdin_is_free)
                        && !self.interactive
                    {
                        let (data, length) = super::copy::inline_data(behind);
                        let data = data.as_bytes().to_vec();
                        at += length;
                        self.counted(
                            &sql,
                            super::copy::from_bytes(&self.client, &sql, data).await,
                        )
                        .map_err(|failure| told(failure, &sql))?;
                        continue;
                    }
                    let result = self.statement(&sql).await;
                    result.map_err(|failure| told(failure, &sql))?;
                }
                Some((Piece::Command { before, line }, length)) => {
                    let (before, line) = (before.to_owned(), line.to_owned());
                    at += length;
                    let (stay, used) = Box::pin(self.command(&before, &line)).await?;
                    if !stay {
                        return Ok(false);
                    }
                    if !used && !split::is_blank(&before) {
                        // The statement goes on behind the command's line.
                        text = format!("{before} {}", text.get(at..).unwrap_or_default());
                        at = 0;
                    }
                }
                None => {
                    let sql = rest.trim().to_owned();
                    if split::is_blank(&sql) {
                        return Ok(true);
                    }
                    let result = self.statement(&sql).await;
                    result.map_err(|failure| told(failure, &sql))?;
                    return Ok(true);
                }
            }
        }
    }

    /// One statement as it is written, variables and all.
    pub async fn statement(&mut self, written: &str) -> Result<(), Failure> {
        let sql = variables::put_in(written, &self.variables);
        self.last = written.to_owned();
        let start = Instant::now();
        let result = match split::copy_direction(&sql) {
            Some(split::Copy::In) => {
                let copied = match self.interactive {
                    true => super::copy::from_keyboard(&self.client, &sql).await,
                    false => super::copy::from_stdin(&self.client, &sql).await,
                };
                self.counted(&sql, copied)
            }
            Some(split::Copy::Out) => self.copy_out(&sql).await,
            None => self.query(&sql).await,
        };
        self.note(&sql, result.is_ok());
        result?;
        if self.timing {
            eprintln!("Time: {:.3} ms", start.elapsed().as_secs_f64() * 1e3);
        }
        Ok(())
    }

    fn counted(&self, sql: &str, copied: Result<u64, Failure>) -> Result<(), Failure> {
        eprintln!("{}", split::tag(sql, copied?));
        Ok(())
    }

    /// Keeps up with the transaction block and with what completion must learn anew.
    fn note(&mut self, sql: &str, done: bool) {
        let upper = sql.trim_end_matches(';').to_ascii_uppercase();
        let words: Vec<&str> = upper.split_whitespace().take(8).collect();
        let has = |word: &str| words.contains(&word);
        let first = words.first().copied().unwrap_or_default();
        self.block = match (first, done) {
            ("COMMIT" | "END" | "ROLLBACK" | "ABORT", _) if has("CHAIN") && !has("NO") => {
                Block::Open
            }
            ("ROLLBACK", true) if has("TO") => Block::Open,
            ("ROLLBACK", false) if has("TO") => self.block,
            ("COMMIT" | "END" | "ROLLBACK" | "ABORT", _) => Block::Idle,
            ("BEGIN", true) => Block::Open,
            ("START", true) if has("TRANSACTION") => Block::Open,
            (_, false) if self.block == Block::Open => Block::Failed,
            _ => self.block,
        };
        if [
            "CREATE", "DROP", "ALTER", "COMMIT", "END", "ROLLBACK", "GRANT", "SET",
        ]
        .contains(&first)
        {
            self.changed = true;
        }
    }

    async fn copy_out(&mut self, sql: &str) -> Result<(), Failure> {
        let client = &self.client;
        let mut stream = pin!(client.copy_out(sql).await?);
        while let Some(part) = stream.next().await {
            let part = part?;
            match &mut self.sink {
                Some((path, file)) => file
                    .write_all(&part)
                    .map_err(|error| in_file(path, error))?,
                None => write_stdout(&part)?,
            }
        }
        Ok(())
    }

    async fn query(&mut self, sql: &str) -> Result<(), Failure> {
        let mut printed = false;
        let mut grids = Vec::new();
        {
            let mut messages = pin!(self.client.simple_query_raw(sql).await?);
            let mut grid: Option<Grid> = None;
            while let Some(message) = messages.next().await {
                match message? {
                    SimpleQueryMessage::RowDescription(columns) => {
                        let names = columns.iter().map(|column| column.name().to_owned());
                        grid = Some(Grid::new(names.collect()));
                    }
                    SimpleQueryMessage::Row(row) => {
                        if let Some(grid) = &mut grid {
                            let fields = (0..row.len()).map(|at| row.get(at).map(str::to_owned));
                            grid.rows.push(fields.collect());
                        }
                    }
                    SimpleQueryMessage::CommandComplete(count) => match grid.take() {
                        Some(grid) => grids.push(grid),
                        None => eprintln!("{}", split::tag(sql, count)),
                    },
                    _ => {}
                }
            }
        }
        for mut grid in grids {
            printed = true;
            if self.output == Output::Json {
                grid.bare = self.bare_columns(sql, grid.columns.len()).await;
            }
            let rows = grid.rows.len();
            self.print(grid)?;
            if self.output == Output::Table {
                eprintln!("({rows} {})", if rows == 1 { "row" } else { "rows" });
            }
        }
        if !printed && self.output == Output::Json && split::returns_rows(sql) {
            self.write("[]\n")?;
        }
        Ok(())
    }

    /// Prints rows as they are wanted now.
    pub fn print(&mut self, mut grid: Grid) -> Result<(), Failure> {
        grid.null.clone_from(&self.null);
        let text = match self.output {
            Output::Table if self.expanded => grid.expanded(),
            Output::Csv if self.sink.is_none() && std::io::stdout().is_terminal() => {
                visible(&grid.print(Output::Csv))
            }
            output => grid.print(output),
        };
        self.write(&text)
    }

    pub fn write(&mut self, text: &str) -> Result<(), Failure> {
        match &mut self.sink {
            Some((path, file)) => file
                .write_all(text.as_bytes())
                .map_err(|error| in_file(path, error)),
            None => write_stdout(text.as_bytes()),
        }
    }

    /// A question of the shell's own: its rows.
    pub async fn rows(&self, sql: &str) -> Result<Grid, Failure> {
        let mut grid = Grid::default();
        for message in self.client.simple_query(sql).await? {
            match message {
                SimpleQueryMessage::RowDescription(columns) => {
                    let names = columns.iter().map(|column| column.name().to_owned());
                    grid = Grid::new(names.collect());
                }
                SimpleQueryMessage::Row(row) => {
                    let fields = (0..row.len()).map(|at| row.get(at).map(str::to_owned));
                    grid.rows.push(fields.collect());
                }
                _ => {}
            }
        }
        Ok(grid)
    }

    /// Which columns stand bare in JSON. Asked after the statement has run, so a
    /// statement that changed what it reads gets all its columns as texts.
    async fn bare_columns(&self, sql: &str, columns: usize) -> Vec<bool> {
        let Ok(statement) = self.client.prepare(sql).await else {
            return vec![false; columns];
        };
        let bare = |sql_type: &Type| {
            matches!(
                *sql_type,
                Type::BOOL
                    | Type::INT2
                    | Type::INT4
                    | Type::INT8
                    | Type::FLOAT4
                    | Type::FLOAT8
                    | Type::NUMERIC
                    | Type::JSON
                    | Type::JSONB
            )
        };
        statement
            .columns()
            .iter()
            .map(|column| bare(column.type_()))
            .collect()
    }
}

/// Shows an SQL error with its place in the statement.
pub fn told(failure: Failure, sql: &str) -> Failure {
    match &failure {
        Failure::Work(error) => {
            eprintln!("{}", show_in(error, sql));
            Failure::Told
        }
        _ => failure,
    }
}

/// As psql does: the message, the line of the statement with a caret, the rest.
pub fn show_in(error: &Error, sql: &str) -> String {
    let shown = format!("{} [{}]", show(error), error.state().as_str());
    let place = error.position().and_then(|at| split::place(sql, at));
    let Some(place) = place.map(|place| visible(&place)) else {
        return shown;
    };
    match shown.split_once('\n') {
        Some((first, rest)) => format!("{first}\n{place}\n{rest}"),
        None => format!("{shown}\n{place}"),
    }
}
