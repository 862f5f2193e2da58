//! `orbit config show`: every key, its value, and who set it.

use super::table::{Grid, Output};
use super::{Failure, write_stdout};
use clap::{Args, Subcommand};
use orbit_edge::{NodeConfig, Sources, with_limits};
use std::path::PathBuf;

#[derive(Args, Debug)]
pub struct ConfigArgs {
    #[command(subcommand)]
    command: ConfigCommand,
}

#[derive(Subcommand, Debug)]
enum ConfigCommand {
    /// Print every key with its value
    Show(ShowArgs),
}

#[derive(Args, Debug)]
struct ShowArgs {
    /// Also say where each value came from, and when to change it
    #[arg(long)]
    origin: bool,
    /// The configuration file to read instead of ./orbit.toml
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// The device profile, as `orbit serve` takes it
    #[arg(long, value_name = "NAME")]
    profile: Option<String>,
    /// How to print it
    #[arg(long, value_enum, default_value_t = Output::Table)]
    output: Output,
}

pub fn run(args: &ConfigArgs) -> Result<(), Failure> {
    let ConfigCommand::Show(args) = &args.command;
    let sources = Sources::standard(args.config.as_deref()).flag(
        "node.profile",
        "--profile",
        args.profile.clone(),
    );
    let config = NodeConfig::load(&sources, super::serve::DEFAULT_PROFILE);
    let config = config.and_then(|config| with_limits(&config));
    let config = config.map_err(Failure::Usage)?;
    let mut columns = vec!["key".to_owned(), "value".to_owned()];
    if args.origin {
        columns.push("origin".to_owned());
        columns.push("when to change it".to_owned());
    }
    let mut grid = Grid::new(columns);
    for setting in config.settings() {
        let mut row = vec![Some(setting.path.to_owned()), setting.value.clone()];
        if args.origin {
            row.push(Some(setting.origin.to_string()));
            row.push(Some(setting.letter.to_owned()));
        }
        grid.rows.push(row);
    }
    write_stdout(grid.print(args.output).as_bytes())
}
