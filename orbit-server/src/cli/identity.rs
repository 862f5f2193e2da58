//! `orbit identity`: whose data directory this is, and what to do with a copy of one.

use super::serve::start_failure;
use super::table::{Grid, Output};
use super::{Failure, write_stdout};
use clap::{Args, Subcommand};
use orbit_core::{Error, state};
use orbit_edge::identity::{self, named};
use orbit_edge::node::begin_new_life;
use orbit_edge::place::Verdict;
use orbit_edge::{NewLife, NodeConfig, Sources};
use std::path::PathBuf;

#[derive(Args, Debug)]
pub struct IdentityArgs {
    #[command(subcommand)]
    command: IdentityCommand,
}

#[derive(Subcommand, Debug)]
enum IdentityCommand {
    /// Print who the directory belongs to and where it lies, beside where it was
    Show(ShowArgs),
    /// This is a copy and the original lives on: become a site of its own
    Renew(Where),
    /// This is the original, moved or brought back; there is no other: stay the same site
    Keep(Where),
}

#[derive(Args, Debug)]
struct Where {
    /// The data directory [default: the one the configuration names]
    #[arg(long, value_name = "DIRECTORY")]
    data_dir: Option<PathBuf>,
    /// The configuration file to read instead of ./orbit.toml
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

#[derive(Args, Debug)]
struct ShowArgs {
    #[command(flatten)]
    place: Where,
    /// How to print it
    #[arg(long, value_enum, default_value_t = Output::Table)]
    output: Output,
}

impl Where {
    fn directory(&self) -> Result<PathBuf, Failure> {
        if let Some(directory) = &self.data_dir {
            return Ok(directory.clone());
        }
        let sources = Sources::standard(self.config.as_deref());
        NodeConfig::load(&sources, super::serve::DEFAULT_PROFILE)
            .map(|config| config.node.data_dir)
            .map_err(Failure::Usage)
    }
}

pub fn run(args: &IdentityArgs) -> Result<(), Failure> {
    let (place, life) = match &args.command {
        IdentityCommand::Show(args) => return show(args),
        IdentityCommand::Renew(place) => (place, NewLife::OtherSite),
        IdentityCommand::Keep(place) => (place, NewLife::SameSite),
    };
    let directory = place.directory()?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::Work(error.into()))?;
    let _inside = runtime.enter();
    let identity = begin_new_life(&directory, life).map_err(start_failure)?;
    eprintln!(
        "{} is {} now, in its life {}",
        directory.display(),
        identity.site,
        identity.incarnation
    );
    Ok(())
}

fn show(args: &ShowArgs) -> Result<(), Failure> {
    let directory = args.place.directory()?;
    let Some(found) = identity::read(&directory).map_err(start_failure)? else {
        return Err(Failure::Data(
            Error::new(
                state::OBJECT_NOT_IN_PREREQUISITE_STATE,
                format!("{} has no identity", directory.display()),
            )
            .with_hint("A directory gets one when a node is first started on it."),
        ));
    };
    let columns = ["fact", "recorded", "now"].map(str::to_owned).to_vec();
    let mut grid = Grid::new(columns);
    let mut row = |fact: &str, recorded: Option<String>, now: Option<String>| {
        grid.rows.push(vec![Some(fact.to_owned()), recorded, now]);
    };
    let own = found.recorded.identity;
    row("site", Some(own.site.to_string()), None);
    row("incarnation", Some(own.incarnation.to_string()), None);
    let recorded = named(&found.recorded.facts);
    for ((name, before), (_, now)) in recorded.into_iter().zip(named(&found.present)) {
        row(name, before.clone(), now.clone());
    }
    let verdict = match found.verdict() {
        Verdict::Same => "where it was".to_owned(),
        Verdict::Copied(evidence) => format!("looks like a copy: {}", evidence.join("; ")),
    };
    row("verdict", None, Some(verdict));
    write_stdout(grid.print(args.output).as_bytes())
}
