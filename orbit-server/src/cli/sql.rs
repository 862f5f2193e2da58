//! `orbit sql`: a shell, or statements from `-c`, a file or stdin.
//!
//! * `ask.rs`: statements over a connection, their rows printed
//! * `commands.rs`: backslash commands; `describe.rs`: those of the `\d` family
//! * `copy.rs`: COPY between the node and what is here
//! * `grpc.rs`: statements over Arrow Flight instead
//! * `shell.rs`: the editor, the prompt; `complete.rs`, `names.rs`: completion
//! * `split.rs`, `variables.rs`: scripts as text; `help.rs`: what `\?` says

mod ask;
mod commands;
mod complete;
mod copy;
mod describe;
mod grpc;
mod help;
mod names;
mod shell;
mod split;
mod variables;

use super::Failure;
use super::client::{Connect, connect};
use super::embedded::Embedded;
use super::part_file::in_file;
use super::table::Output;
pub use ask::{Asker, show_in};
use clap::Args;
pub use names::{quoted, split_name};
use std::io::{IsTerminal, Read};
use std::path::{Path, PathBuf};

#[derive(Args, Debug)]
pub struct SqlArgs {
    /// Run these statements and leave; may be given more than once
    #[arg(long = "command", short = 'c', value_name = "SQL")]
    commands: Vec<String>,
    /// Run this file and leave; after the statements of -c
    #[arg(long = "file", short = 'f', value_name = "FILE")]
    files: Vec<PathBuf>,
    /// How to print rows
    #[arg(long, value_enum, default_value_t = Output::Table)]
    output: Output,
    #[command(flatten)]
    connect: Connect,
    /// Speak Arrow Flight SQL with the node at this address instead of PostgreSQL wire;
    /// for -c, -f and scripts on stdin
    #[arg(long, value_name = "HOST:PORT", num_args = 0..=1, default_missing_value = grpc::ADDRESS, conflicts_with = "data_dir")]
    grpc: Option<String>,
    /// Open this data directory directly instead of connecting to a node
    #[arg(long, value_name = "DIRECTORY")]
    data_dir: Option<PathBuf>,
}

/// A script is read whole; beyond this it is surely data.
const MAX_SCRIPT_BYTES: u64 = 256 << 20;

pub async fn run(args: SqlArgs) -> Result<(), Failure> {
    if let Some(address) = &args.grpc {
        return over_grpc(&args, address).await;
    }
    let embedded = match &args.data_dir {
        Some(directory) => Some(Embedded::start(directory).await?),
        None => None,
    };
    let address = match &embedded {
        Some(node) => node.connect(),
        None => args.connect.clone(),
    };
    let result = answer(&args, address).await;
    match embedded {
        Some(node) => node.stop().await.and(result),
        None => result,
    }
}

async fn answer(args: &SqlArgs, address: Connect) -> Result<(), Failure> {
    let client = connect(&address).await?;
    let mut asker = Asker::new(client, address, args.output);
    if !args.commands.is_empty() || !args.files.is_empty() {
        asker.stdin_is_free = true;
        for command in &args.commands {
            if !asker.script(command).await? {
                return Ok(());
            }
        }
        for file in &args.files {
            if !asker.script(&read_script(file)?).await? {
                break;
            }
        }
        return Ok(());
    }
    if std::io::stdin().is_terminal() {
        return shell::run(asker).await;
    }
    asker.script(&read_stdin()?).await.map(|_| ())
}

async fn over_grpc(args: &SqlArgs, address: &str) -> Result<(), Failure> {
    let mut scripts = args.commands.clone();
    for file in &args.files {
        scripts.push(read_script(file)?);
    }
    if scripts.is_empty() {
        scripts.push(read_stdin()?);
    }
    let mut node = grpc::connect(address, &args.connect, args.output).await?;
    let mut done = Ok(());
    for script in &scripts {
        done = node.script(script).await;
        if done.is_err() {
            break;
        }
    }
    node.close().await;
    done
}

fn read_stdin() -> Result<String, Failure> {
    let mut script = String::new();
    std::io::stdin()
        .lock()
        .take(MAX_SCRIPT_BYTES)
        .read_to_string(&mut script)
        .map_err(|error| Failure::Work(error.into()))?;
    Ok(script)
}

fn read_script(path: &Path) -> Result<String, Failure> {
    let mut script = String::new();
    std::fs::File::open(path)
        .and_then(|file| file.take(MAX_SCRIPT_BYTES).read_to_string(&mut script))
        .map_err(|error| in_file(path, error))?;
    Ok(script)
}
