//! The command line. Data goes to stdout, everything else to stderr; exit codes
//! are stable (see [`Failure::code`]).

mod ask_password;
pub mod backup;
pub mod client;
mod client_tls;
pub mod config;
pub mod demo;
pub mod doctor;
pub mod edge;
pub mod embedded;
pub mod export;
pub mod identity;
pub mod import;
pub mod part_file;
pub mod restore;
pub mod serve;
pub mod sql;
pub mod table;
pub mod visible;

use clap::{Parser, Subcommand};
use orbit_core::{Error, state};
use std::fmt;

#[derive(Parser, Debug)]
#[command(
    name = "orbit",
    version,
    about = "One database from a sensor to a cloud, over PostgreSQL wire",
    after_help = "Exit codes: 0 done, 1 the work failed (SQL error, malformed file), \
                  2 wrong usage or configuration, 3 no connection, 4 the data directory can't be opened.\n\n\
                  Start with `orbit demo`.",
    arg_required_else_help = true,
    disable_help_subcommand = true
)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand, Debug)]
enum Command {
    /// Run a node: serve SQL over PostgreSQL wire until SIGTERM or Ctrl-C
    Serve(serve::ServeArgs),
    /// Ask a node: a shell, or statements from -c or stdin
    Sql(sql::SqlArgs),
    /// Read CSV, JSON lines or Parquet files into tables
    Import(import::ImportArgs),
    /// Write tables or a query as CSV, JSON lines or Parquet
    Export(export::ExportArgs),
    /// Look at this machine, the configuration and the data directory; say what to do
    Doctor(doctor::DoctorArgs),
    /// Take a consistent copy of a node while it serves, or check one
    Backup(backup::BackupArgs),
    /// Make a data directory out of a backup
    Restore(restore::RestoreArgs),
    /// How a node on a device is doing: its resources, its health
    Edge(edge::EdgeArgs),
    /// Whose data directory this is; tell a copy from the original
    Identity(identity::IdentityArgs),
    /// Start a node on real flights, ask it eight questions, show the answers
    Demo(demo::DemoArgs),
    /// What the configuration is, and where each part of it came from
    Config(config::ConfigArgs),
}

/// Why a command ended without success.
#[derive(Debug)]
pub enum Failure {
    /// The work itself: a statement, a file.
    Work(Error),
    /// The command line or the configuration.
    Usage(Error),
    /// No node answered, or it went away.
    Connection(Error),
    /// The data directory: in use, of a newer version, damaged.
    Data(Error),
    /// Already told, in full, on stderr.
    Told,
}

impl Failure {
    /// The exit code; part of the interface.
    pub fn code(&self) -> u8 {
        match self {
            Failure::Work(_) | Failure::Told => 1,
            Failure::Usage(_) => 2,
            Failure::Connection(_) => 3,
            Failure::Data(_) => 4,
        }
    }

    fn error(&self) -> Option<&Error> {
        match self {
            Failure::Work(error)
            | Failure::Usage(error)
            | Failure::Connection(error)
            | Failure::Data(error) => Some(error),
            Failure::Told => None,
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.error().map_or(Ok(()), |error| error.fmt(f))
    }
}

impl From<tokio_postgres::Error> for Failure {
    fn from(error: tokio_postgres::Error) -> Self {
        client::failure(&error)
    }
}

/// Shows an error as psql does.
pub fn show(error: &Error) -> String {
    let mut text = format!("ERROR:  {}", visible::visible(error.message()));
    for (label, part) in [
        ("DETAIL", error.detail()),
        ("HINT", error.hint()),
        ("CONTEXT", error.context()),
    ] {
        if let Some(part) = part {
            text.push_str(&format!("\n{label}:  {}", visible::visible(part)));
        }
    }
    text
}

pub fn run(cli: Cli) -> u8 {
    let result = match cli.command {
        Command::Serve(args) => serve::run(args),
        Command::Config(args) => config::run(&args),
        Command::Sql(args) => in_runtime(sql::run(args)),
        Command::Import(args) => in_runtime(import::run(args)),
        Command::Export(args) => in_runtime(export::run(args)),
        Command::Doctor(args) => doctor::run(&args),
        Command::Backup(args) => in_runtime(backup::run(args)),
        Command::Restore(args) => restore::run(&args),
        Command::Edge(args) => in_runtime(edge::run(args)),
        Command::Identity(args) => identity::run(&args),
        Command::Demo(args) => in_runtime(demo::run(args)),
    };
    match result {
        Ok(()) => 0,
        Err(failure) => {
            if let Some(error) = failure.error() {
                eprintln!("{}", show(error));
            }
            failure.code()
        }
    }
}

fn in_runtime(work: impl Future<Output = Result<(), Failure>>) -> Result<(), Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .thread_stack_size(orbit_query::STACK_BYTES)
        .enable_all()
        .build()
        .map_err(|error| Failure::Work(error.into()))?;
    let result = runtime.block_on(work);
    // A thread that still waits for a terminal or a file must not hold the exit.
    runtime.shutdown_background();
    result
}

/// Resolves on Ctrl-C or SIGTERM.
pub async fn interrupted() {
    use tokio::signal::unix::{SignalKind, signal};
    let Ok(mut terminate) = signal(SignalKind::terminate()) else {
        return std::future::pending().await;
    };
    tokio::select! {
        _ = tokio::signal::ctrl_c() => {}
        _ = terminate.recv() => {}
    }
}

/// Writes data; a reader that has seen enough (`| head`) is no failure.
pub fn write_stdout(bytes: &[u8]) -> Result<(), Failure> {
    use std::io::Write;
    let mut out = std::io::stdout().lock();
    match out.write_all(bytes).and_then(|()| out.flush()) {
        Ok(()) => Ok(()),
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => std::process::exit(0),
        Err(error) => Err(Failure::Work(Error::new(
            state::IO_ERROR,
            format!("cannot write to stdout: {error}"),
        ))),
    }
}
