//! The micro node: one small file, the point path, no DataFusion.
//!
//! `orbit-edge --data-dir DIR --execute SQL` runs statements and prints rows as
//! tab-separated text. Arguments are read by hand: an argument parser would be a
//! tenth of the binary.

use orbit_core::value::{ValueRef, text};
use orbit_core::{Error, Result, state};
use orbit_edge::{Node, NodeConfig, Sources};
use orbit_query::{ColumnDesc, Outcome, RowBatch, Session, SessionInit};
use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

#[cfg(all(without_unwind_tables, not(panic = "abort")))]
compile_error!("linked without unwind tables, a panic can only abort: set panic = \"abort\"");

const USAGE: &str = "\
orbit-edge, the micro node of Orbit

Usage: orbit-edge [--data-dir DIR] [--config FILE] [--profile NAME] --execute SQL

  --execute SQL    Statements to run, separated by `;`. Rows go to stdout as
                   tab-separated text, NULL as \\N; command tags go to stderr.
  --data-dir DIR   Where everything is kept [default: ./orbit-data]
  --config FILE    Configuration file to read instead of ./orbit.toml
  --profile NAME   Device profile [default: micro_device]
  --version        Print the version
  --help           Print this text

Exit codes: 0 done, 1 a statement failed, 2 wrong usage or configuration,
4 the data directory can't be opened.
";

#[derive(Default)]
struct Arguments {
    execute: Option<String>,
    data_dir: Option<String>,
    config: Option<PathBuf>,
    profile: Option<String>,
}

fn main() -> ExitCode {
    let arguments = match read_arguments(std::env::args().skip(1)) {
        Ok(Some(arguments)) => arguments,
        Ok(None) => return ExitCode::SUCCESS,
        Err(error) => return fail(&error, 2),
    };
    let sources = Sources::standard(arguments.config.as_deref())
        .flag("node.data_dir", "--data-dir", arguments.data_dir)
        .flag("node.profile", "--profile", arguments.profile);
    let config = match NodeConfig::load(&sources, "micro_device") {
        Ok(config) => config,
        Err(error) => return fail(&error, 2),
    };
    let Some(sql) = arguments.execute else {
        let error = Error::new(state::INVALID_PARAMETER_VALUE, "--execute SQL is missing");
        return fail(&error.with_hint("orbit-edge --help"), 2);
    };
    let runtime = match tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
    {
        Ok(runtime) => runtime,
        Err(error) => return fail(&error.into(), 1),
    };
    runtime.block_on(async {
        let node = match Node::open(config).await {
            Ok(node) => node,
            Err(error) => return fail(&error, 4),
        };
        let result = execute(&node, &sql).await;
        let closed = node.close().await;
        match result.and(closed) {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => fail(&error, 1),
        }
    })
}

fn fail(error: &Error, code: u8) -> ExitCode {
    eprintln!("ERROR:  {}", error.message());
    if let Some(detail) = error.detail() {
        eprintln!("DETAIL:  {detail}");
    }
    if let Some(hint) = error.hint() {
        eprintln!("HINT:  {hint}");
    }
    ExitCode::from(code)
}

/// `None`: the answer was a text, and it was printed.
fn read_arguments(mut words: impl Iterator<Item = String>) -> Result<Option<Arguments>> {
    let mut arguments = Arguments::default();
    while let Some(word) = words.next() {
        let (name, joined) = match word.split_once('=') {
            Some((name, value)) => (name.to_owned(), Some(value.to_owned())),
            None => (word, None),
        };
        match name.as_str() {
            "--help" | "-h" => {
                print!("{USAGE}");
                return Ok(None);
            }
            "--version" | "-V" => {
                println!("orbit-edge {}", env!("CARGO_PKG_VERSION"));
                return Ok(None);
            }
            _ => {}
        }
        let known = ["--execute", "-e", "--data-dir", "--config", "--profile"];
        if !known.contains(&name.as_str()) {
            return Err(usage(format!("unknown argument \"{name}\"")));
        }
        let Some(value) = joined.or_else(|| words.next()) else {
            return Err(usage(format!("{name} needs a value")));
        };
        match name.as_str() {
            "--data-dir" => arguments.data_dir = Some(value),
            "--config" => arguments.config = Some(value.into()),
            "--profile" => arguments.profile = Some(value),
            _ => arguments.execute = Some(value),
        }
    }
    Ok(Some(arguments))
}

fn usage(message: String) -> Error {
    Error::new(state::INVALID_PARAMETER_VALUE, message).with_hint("orbit-edge --help")
}

async fn execute(node: &Node, sql: &str) -> Result<()> {
    let mut session = node.engine().session(SessionInit {
        user: "orbit".to_owned(),
        database: "orbit".to_owned(),
        application: "orbit-edge".to_owned(),
        ..SessionInit::default()
    });
    let mut script = session.parse_script(sql).await?;
    while let Some((statement, literals)) = session.next_statement(&mut script).await? {
        match session.execute(&statement, &literals).await? {
            Outcome::Rows(mut rows) => {
                let columns = rows.columns.clone();
                let mut sent = 0;
                while let Some(batch) = rows.next().await? {
                    sent += batch.len() as u64;
                    print_rows(&session, &columns, &batch)?;
                }
                eprintln!("{}", rows.tag(sent));
            }
            Outcome::Done(tag) => eprintln!("{tag}"),
            Outcome::Empty => {}
            Outcome::CopyIn(_) | Outcome::CopyOut(_) => {
                return Err(Error::unsupported("COPY without a client"));
            }
        }
    }
    session.sync().await
}

fn print_rows(session: &Session, columns: &[ColumnDesc], batch: &RowBatch) -> Result<()> {
    let mut line = Vec::new();
    let mut out = std::io::stdout().lock();
    for row in 0..batch.len() {
        line.clear();
        for (at, column) in columns.iter().enumerate() {
            if at > 0 {
                line.push(b'\t');
            }
            match batch.value(row, at)? {
                ValueRef::Null => line.extend_from_slice(b"\\N"),
                value => text::format(&value, &column.sql_type, session.format(), &mut line)?,
            }
        }
        line.push(b'\n');
        out.write_all(&line)?;
    }
    Ok(())
}
