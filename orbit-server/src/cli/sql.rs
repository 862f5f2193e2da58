//! `orbit sql`: a shell, or statements from `-c` or stdin.

mod describe;
mod shell;
mod split;

use super::client::{Connect, connect};
use super::embedded::Embedded;
use super::table::{Grid, Output};
use super::{Failure, show, write_stdout};
use clap::Args;
use futures::{StreamExt, TryStreamExt};
use orbit_core::{Error, state};
use std::io::{IsTerminal, Read};
use std::path::PathBuf;
use std::pin::pin;
use std::time::Instant;
use tokio_postgres::types::Type;
use tokio_postgres::{Client, SimpleQueryMessage};

#[derive(Args, Debug)]
pub struct SqlArgs {
    /// Run these statements and leave; may be given more than once
    #[arg(long = "command", short = 'c', value_name = "SQL")]
    commands: Vec<String>,
    /// How to print rows
    #[arg(long, value_enum, default_value_t = Output::Table)]
    output: Output,
    #[command(flatten)]
    connect: Connect,
    /// Open this data directory directly instead of connecting to a node
    #[arg(long, value_name = "DIRECTORY")]
    data_dir: Option<PathBuf>,
}

/// A script on stdin is read whole; beyond this it is surely data.
const MAX_SCRIPT_BYTES: u64 = 256 << 20;

pub async fn run(args: SqlArgs) -> Result<(), Failure> {
    let embedded = match &args.data_dir {
        Some(directory) => Some(Embedded::start(directory).await?),
        None => None,
    };
    let address = match &embedded {
        Some(node) => node.connect(),
        None => args.connect.clone(),
    };
    let result = answer(&args, &address).await;
    match embedded {
        Some(node) => node.stop().await.and(result),
        None => result,
    }
}

async fn answer(args: &SqlArgs, address: &Connect) -> Result<(), Failure> {
    let client = connect(address).await?;
    let mut asker = Asker {
        client,
        output: args.output,
        timing: false,
    };
    if !args.commands.is_empty() {
        for command in &args.commands {
            asker.script(command).await?;
        }
        return Ok(());
    }
    if std::io::stdin().is_terminal() {
        return shell::run(asker, address).await;
    }
    let mut script = String::new();
    std::io::stdin()
        .lock()
        .take(MAX_SCRIPT_BYTES)
        .read_to_string(&mut script)
        .map_err(|error| Failure::Work(error.into()))?;
    asker.script(&script).await
}

/// A connection and how its answers are shown.
pub struct Asker {
    pub client: Client,
    pub output: Output,
    pub timing: bool,
}

impl Asker {
    /// Runs statement by statement; the first error ends the script.
    async fn script(&mut self, text: &str) -> Result<(), Failure> {
        let (statements, rest) = split::statements(text);
        for statement in statements.iter().copied().chain([rest]) {
            let statement = statement.trim();
            if split::is_blank(statement) {
                continue;
            }
            if let Some(command) = statement.strip_prefix('\\') {
                self.backslash(command.trim_end_matches(';')).await?;
                continue;
            }
            if let Err(failure) = self.statement(statement).await {
                return Err(told(failure, statement));
            }
        }
        Ok(())
    }

    /// One statement: its rows to stdout, its tag to stderr.
    pub async fn statement(&self, sql: &str) -> Result<(), Failure> {
        let start = Instant::now();
        match split::copy_direction(sql) {
            Some(split::Copy::In) => {
                return Err(Failure::Work(
                    Error::unsupported("COPY FROM STDIN in this shell")
                        .with_hint("Use `orbit import`, or psql."),
                ));
            }
            Some(split::Copy::Out) => self.copy_out(sql).await?,
            None => self.query(sql).await?,
        }
        if self.timing {
            eprintln!("Time: {:.3} ms", start.elapsed().as_secs_f64() * 1e3);
        }
        Ok(())
    }

    async fn copy_out(&self, sql: &str) -> Result<(), Failure> {
        let mut stream = pin!(self.client.copy_out(sql).await?);
        while let Some(part) = stream.try_next().await? {
            write_stdout(&part)?;
        }
        Ok(())
    }

    async fn query(&self, sql: &str) -> Result<(), Failure> {
        let mut messages = pin!(self.client.simple_query_raw(sql).await?);
        let mut grid: Option<Grid> = None;
        let mut printed = false;
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
                SimpleQueryMessage::CommandComplete(count) => {
                    if let Some(mut grid) = grid.take() {
                        printed = true;
                        if self.output == Output::Json {
                            grid.bare = self.bare_columns(sql, grid.columns.len()).await;
                        }
                        write_stdout(grid.print(self.output).as_bytes())?;
                        if self.output == Output::Table {
                            let rows = grid.rows.len();
                            eprintln!("({rows} {})", if rows == 1 { "row" } else { "rows" });
                        }
                    } else {
                        eprintln!("{}", split::tag(sql, count));
                    }
                }
                _ => {}
            }
        }
        if !printed && self.output == Output::Json && split::returns_rows(sql) {
            write_stdout(b"[]\n")?;
        }
        Ok(())
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

    /// Fails in psql's words if there is no such table.
    async fn require(&self, table: &str) -> Result<(), Failure> {
        let found = self.client.simple_query(&describe::relation(table)).await?;
        let is_row = |message: &SimpleQueryMessage| matches!(message, SimpleQueryMessage::Row(_));
        if found.iter().any(is_row) {
            return Ok(());
        }
        Err(Failure::Work(Error::new(
            state::UNDEFINED_TABLE,
            format!("Did not find any relation named \"{table}\"."),
        )))
    }

    /// A backslash command; `Ok(false)` says to leave the shell.
    pub async fn backslash(&mut self, command: &str) -> Result<bool, Failure> {
        let mut words = command.split_whitespace();
        let (name, argument) = (words.next().unwrap_or_default(), words.next());
        match (name, argument) {
            ("q", _) => return Ok(false),
            ("timing", _) => {
                self.timing = !self.timing;
                eprintln!("Timing is {}.", if self.timing { "on" } else { "off" });
            }
            ("dt" | "d", None) => self.query(describe::TABLES).await?,
            ("d" | "dt", Some(table)) => {
                self.require(table).await?;
                self.query(&describe::columns(table)).await?;
                self.query(&describe::indexes(table)).await?;
            }
            ("?" | "h" | "help", _) => eprintln!("{}", shell::HELP),
            _ => {
                return Err(Failure::Work(
                    Error::new(state::SYNTAX_ERROR, format!("unknown command \\{name}"))
                        .with_hint("\\? lists what there is."),
                ));
            }
        }
        Ok(true)
    }
}

/// Shows an SQL error with its place in the statement.
fn told(failure: Failure, sql: &str) -> Failure {
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
    let Some(place) = error.position().and_then(|at| split::place(sql, at)) else {
        return shown;
    };
    match shown.split_once('\n') {
        Some((first, rest)) => format!("{first}\n{place}\n{rest}"),
        None => format!("{shown}\n{place}"),
    }
}
