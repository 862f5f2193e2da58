//! `orbit doctor`: what stands in a node's way, and what to do about it.
//!
//! Every check is asked of the system (`doctor/system.rs`), the disk (`doctor/disk.rs`)
//! or the node's own directory and ports (`doctor/node.rs`), and judged by a function of
//! plain numbers.

mod disk;
mod node;
mod system;

use super::table::{Grid, Output};
use super::{Failure, write_stdout};
use clap::Args;
use orbit_core::Error;
use orbit_edge::{NodeConfig, Sources, with_limits};
use std::path::{Path, PathBuf};

#[derive(Args, Debug)]
pub struct DoctorArgs {
    /// Configuration file to read instead of ./orbit.toml
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Device profile, as `orbit serve` takes it
    #[arg(long, value_name = "NAME")]
    profile: Option<String>,
    /// The data directory to look at
    #[arg(long, value_name = "DIRECTORY")]
    data_dir: Option<PathBuf>,
    /// Leave out what is as it should be
    #[arg(long, short)]
    quiet: bool,
    /// How to print it
    #[arg(long, value_enum, default_value_t = Output::Table)]
    output: Output,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    Ok,
    /// Worth knowing; nothing to do.
    Note,
    /// It works, worse than it could, or not for long.
    Warning,
    /// A node doesn't start, or can't keep its promises.
    Problem,
}

impl Level {
    fn name(self) -> &'static str {
        match self {
            Level::Ok => "ok",
            Level::Note => "note",
            Level::Warning => "warning",
            Level::Problem => "problem",
        }
    }
}

/// What a check found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    pub check: &'static str,
    pub level: Level,
    pub found: String,
    /// Empty where there is nothing to do.
    pub advice: String,
}

impl Finding {
    pub fn ok(check: &'static str, found: impl Into<String>) -> Finding {
        Finding {
            check,
            level: Level::Ok,
            found: found.into(),
            advice: String::new(),
        }
    }

    pub fn new(
        check: &'static str,
        level: Level,
        found: impl Into<String>,
        advice: impl Into<String>,
    ) -> Finding {
        Finding {
            check,
            level,
            found: found.into(),
            advice: advice.into(),
        }
    }

    pub fn of_error(check: &'static str, error: &Error) -> Finding {
        let found = match error.detail() {
            Some(detail) => format!("{} ({detail})", error.message()),
            None => error.message().to_owned(),
        };
        Finding::new(
            check,
            Level::Problem,
            found,
            error.hint().unwrap_or("See the message."),
        )
    }
}

pub fn run(args: &DoctorArgs) -> Result<(), Failure> {
    let data_dir = args
        .data_dir
        .as_ref()
        .map(|path| path.to_string_lossy().into_owned());
    let sources = Sources::standard(args.config.as_deref())
        .flag("node.profile", "--profile", args.profile.clone())
        .flag("node.data_dir", "--data-dir", data_dir);
    let mut findings = Vec::new();
    let config = NodeConfig::load(&sources, super::serve::DEFAULT_PROFILE);
    match config.and_then(|config| with_limits(&config)) {
        Ok(config) => {
            findings.push(Finding::ok(
                "configuration",
                format!("profile {}", config.profile.name),
            ));
            findings.push(system::profile(&config.profile.name));
            findings.extend(system::memory(&config));
            findings.extend(system::read_ahead());
            findings.push(system::files(&config));
            findings.extend(system::clock());
            findings.extend(disk::all(&config.node.data_dir));
            findings.extend(node::all(config));
        }
        Err(error) => {
            findings.push(Finding::of_error("configuration", &error));
            findings.extend(system::clock());
            let place = args.data_dir.as_deref();
            findings.extend(disk::all(place.unwrap_or(Path::new("."))));
        }
    }
    print(&findings, args)?;
    match findings
        .iter()
        .any(|finding| finding.level == Level::Problem)
    {
        true => Err(Failure::Told),
        false => Ok(()),
    }
}

fn print(findings: &[Finding], args: &DoctorArgs) -> Result<(), Failure> {
    let columns = ["check", "level", "found", "what to do"];
    let mut grid = Grid::new(columns.map(str::to_owned).to_vec());
    for finding in findings {
        if args.quiet && finding.level == Level::Ok {
            continue;
        }
        let advice = Some(finding.advice.clone()).filter(|advice| !advice.is_empty());
        grid.rows.push(vec![
            Some(finding.check.to_owned()),
            Some(finding.level.name().to_owned()),
            Some(finding.found.clone()),
            advice,
        ]);
    }
    write_stdout(grid.print(args.output).as_bytes())
}

/// Bytes as people read them.
pub fn size(bytes: u64) -> String {
    const UNITS: [&str; 5] = ["B", "KB", "MB", "GB", "TB"];
    let mut value = bytes as f64;
    let mut unit = 0;
    while value >= 1024.0 && unit + 1 < UNITS.len() {
        value /= 1024.0;
        unit += 1;
    }
    let unit = UNITS.get(unit).copied().unwrap_or("B");
    match unit {
        "B" => format!("{bytes} B"),
        unit => format!("{value:.1} {unit}"),
    }
}
