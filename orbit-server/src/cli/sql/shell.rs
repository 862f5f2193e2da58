//! The interactive shell: lines, history, and statements over several lines.

use super::{Asker, show_in, split};
use crate::cli::client::{Connect, connect};
use crate::cli::{Failure, show};
use orbit_core::Error;
use reedline::{
    DefaultPrompt, DefaultPromptSegment, FileBackedHistory, Reedline, Signal, ValidationResult,
    Validator,
};
use std::path::PathBuf;

pub const HELP: &str = "\
  \\d          tables
  \\d TABLE    its columns and indexes
  \\dt         tables
  \\timing     show how long each statement takes
  \\q          leave (so does Ctrl-D)
A statement ends with `;` and may take several lines.";

const HISTORY_LINES: usize = 5000;

/// A line is complete when its statement is.
struct UntilSemicolon;

impl Validator for UntilSemicolon {
    fn validate(&self, line: &str) -> ValidationResult {
        let command = line.trim_start().starts_with('\\');
        let (_, rest) = split::statements(line);
        if command || split::is_blank(rest) {
            ValidationResult::Complete
        } else {
            ValidationResult::Incomplete
        }
    }
}

fn history_file() -> Option<PathBuf> {
    let state = std::env::var_os("XDG_STATE_HOME").map(PathBuf::from);
    let home = || std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".local/state"));
    let directory = state.or_else(home)?.join("orbit");
    std::fs::create_dir_all(&directory).ok()?;
    Some(directory.join("history"))
}

fn editor() -> Reedline {
    let editor = Reedline::create().with_validator(Box::new(UntilSemicolon));
    let history =
        history_file().and_then(|file| FileBackedHistory::with_file(HISTORY_LINES, file).ok());
    match history {
        Some(history) => editor.with_history(Box::new(history)),
        None => editor,
    }
}

pub async fn run(mut asker: Asker, address: &Connect) -> Result<(), Failure> {
    eprintln!(
        "orbit {}; \\? for help, \\q to leave",
        env!("CARGO_PKG_VERSION")
    );
    let mut editor = editor();
    loop {
        let prompt = DefaultPrompt::new(
            DefaultPromptSegment::Basic(address.database.clone()),
            DefaultPromptSegment::Empty,
        );
        // The editor blocks its thread while a key is awaited.
        let (back, line) = tokio::task::spawn_blocking(move || {
            let line = editor.read_line(&prompt);
            (editor, line)
        })
        .await
        .map_err(|error| Failure::Work(Error::internal(error.to_string())))?;
        editor = back;
        match line.map_err(|error| Failure::Work(error.into()))? {
            Signal::Success(line) => {
                if !run_line(&mut asker, &line, address).await? {
                    return Ok(());
                }
            }
            Signal::CtrlD => return Ok(()),
            _ => {}
        }
    }
}

/// `false`: leave. Errors are shown and the shell goes on.
async fn run_line(asker: &mut Asker, line: &str, address: &Connect) -> Result<bool, Failure> {
    if let Some(command) = line.trim().strip_prefix('\\') {
        return match asker.backslash(command.trim_end_matches(';')).await {
            Ok(stay) => Ok(stay),
            Err(failure) => recover(asker, failure, line, address).await.map(|()| true),
        };
    }
    let (statements, rest) = split::statements(line);
    for statement in statements.into_iter().chain([rest]) {
        let statement = statement.trim();
        if split::is_blank(statement) {
            continue;
        }
        let result = tokio::select! {
            result = asker.statement(statement) => result,
            _ = tokio::signal::ctrl_c() => {
                let token = asker.client.cancel_token();
                token.cancel_query(tokio_postgres::NoTls).await?;
                eprintln!("Cancelled.");
                return Ok(true);
            }
        };
        if let Err(failure) = result {
            recover(asker, failure, statement, address).await?;
            return Ok(true);
        }
    }
    Ok(true)
}

/// After an SQL error the connection stands; after a lost one a new one is tried.
async fn recover(
    asker: &mut Asker,
    failure: Failure,
    sql: &str,
    address: &Connect,
) -> Result<(), Failure> {
    match failure {
        Failure::Work(error) => eprintln!("{}", show_in(&error, sql)),
        Failure::Connection(error) => {
            eprintln!("{}", show(&error));
            asker.client = connect(address).await?;
            eprintln!("Connected again. An open transaction was rolled back.");
        }
        other => return Err(other),
    }
    Ok(())
}
