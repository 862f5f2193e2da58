//! `orbit edge`: how a node on a device is doing. What it prints is what the tables of
//! schema `orbit` say.

use super::client::{Connect, connect};
use super::table::{Grid, Output};
use super::{Failure, write_stdout};
use clap::{Args, Subcommand};
use orbit_core::pressure::limit;
use orbit_core::profile::format_bytes;
use orbit_core::{Error, state};
use tokio_postgres::Row;

#[derive(Args, Debug)]
pub struct EdgeArgs {
    #[command(subcommand)]
    command: EdgeCommand,
}

#[derive(Subcommand, Debug)]
enum EdgeCommand {
    /// Print what the node and its machine have, and what is left of it (orbit.resources)
    Resources(ResourcesArgs),
    /// Say whether the node is well; exits with 1 if something is nearly used up
    Health(Ask),
}

#[derive(Args, Debug)]
#[command(args_conflicts_with_subcommands = true)]
struct ResourcesArgs {
    #[command(flatten)]
    ask: Ask,
    #[command(subcommand)]
    command: Option<ResourcesCommand>,
}

#[derive(Subcommand, Debug)]
enum ResourcesCommand {
    /// Limit what the node may take, at once and after every start (a superuser may)
    Limit(Limit),
}

#[derive(Args, Debug)]
#[group(id = "limits", required = true, multiple = true, args = ["memory", "storage"])]
struct Limit {
    #[command(flatten)]
    to: Connect,
    /// What it may hold in memory, as 64MB; default: what its configuration says
    #[arg(long, value_name = "SIZE")]
    memory: Option<String>,
    /// What its data directory may take on the disk, as 2GB; default: what its configuration says
    #[arg(long, value_name = "SIZE")]
    storage: Option<String>,
}

#[derive(Args, Debug)]
struct Ask {
    #[command(flatten)]
    to: Connect,
    /// How to print it
    #[arg(long, value_enum, default_value_t = Output::Table)]
    output: Output,
}

pub async fn run(args: EdgeArgs) -> Result<(), Failure> {
    match args.command {
        EdgeCommand::Resources(ResourcesArgs { ask, command }) => match command {
            None => resources(&ask).await,
            Some(ResourcesCommand::Limit(wanted)) => set_limits(&wanted).await,
        },
        EdgeCommand::Health(ask) => health(&ask).await,
    }
}

const RESOURCES: &str = "SELECT resource, used, capacity, unit, percent, level, state, \
                         now() - measured_at > interval '1 minute' FROM orbit.resources";

struct Resource {
    name: String,
    used: i64,
    capacity: Option<i64>,
    unit: String,
    percent: Option<f64>,
    level: Option<String>,
    state: Option<String>,
    is_old: bool,
}

impl Resource {
    fn of(row: &Row) -> Result<Resource, Failure> {
        Ok(Resource {
            name: row.try_get(0)?,
            used: row.try_get(1)?,
            capacity: row.try_get(2)?,
            unit: row.try_get(3)?,
            percent: row.try_get(4)?,
            level: row.try_get(5)?,
            state: row.try_get(6)?,
            is_old: row.try_get(7)?,
        })
    }

    /// A figure as people read it.
    fn shown(&self, figure: i64) -> String {
        match self.unit.as_str() {
            "bytes" => {
                let tenths = figure.saturating_mul(10) >> 20;
                format!("{}.{} MB", tenths / 10, tenths % 10)
            }
            "percent" => format!("{figure} %"),
            _ => figure.to_string(),
        }
    }
}

async fn read(ask: &Ask) -> Result<Vec<Resource>, Failure> {
    let client = connect(&ask.to).await?;
    let rows = client.query(RESOURCES, &[]).await?;
    rows.iter().map(Resource::of).collect()
}

async fn resources(ask: &Ask) -> Result<(), Failure> {
    let for_people = matches!(ask.output, Output::Table);
    let columns: &[&str] = match for_people {
        true => &["resource", "used", "of", "percent", "level", "state"],
        false => &[
            "resource", "used", "capacity", "unit", "percent", "level", "state",
        ],
    };
    let mut grid = Grid::new(columns.iter().map(|name| (*name).to_owned()).collect());
    for one in read(ask).await? {
        let percent = one.percent.map(|percent| format!("{percent:.1}"));
        grid.rows.push(match for_people {
            true => vec![
                Some(one.name.replace('_', " ")),
                Some(one.shown(one.used)),
                one.capacity.map(|capacity| one.shown(capacity)),
                percent,
                one.level,
                one.state,
            ],
            false => vec![
                Some(one.name),
                Some(one.used.to_string()),
                one.capacity.map(|capacity| capacity.to_string()),
                Some(one.unit),
                percent,
                one.level,
                one.state,
            ],
        });
    }
    if !for_people {
        grid.bare = vec![false, true, true, false, true, false, false];
    }
    write_stdout(grid.print(ask.output).as_bytes())
}

async fn set_limits(wanted: &Limit) -> Result<(), Failure> {
    for size in [&wanted.memory, &wanted.storage].into_iter().flatten() {
        limit::parse(size).map_err(Failure::Usage)?;
    }
    let client = connect(&wanted.to).await?;
    let all = [("memory", &wanted.memory), ("storage", &wanted.storage)];
    for (resource, size) in all {
        let Some(size) = size else {
            continue;
        };
        let limit = "SELECT orbit_limit_resource($1, $2)";
        let row = client.query_one(limit, &[&resource, size]).await?;
        let limit: Option<i64> = row.try_get(0)?;
        let limit = limit.and_then(|bytes| u64::try_from(bytes).ok());
        let said = limit.map_or("not limited".to_owned(), format_bytes);
        write_stdout(format!("{resource}: {said}\n").as_bytes())?;
    }
    Ok(())
}

async fn health(ask: &Ask) -> Result<(), Failure> {
    let all = read(ask).await?;
    let mut grid = Grid::new(["check", "health", "why"].map(str::to_owned).to_vec());
    let mut row = |check: &str, health: &str, why: String| {
        let cells = [check.to_owned(), health.to_owned(), why];
        grid.rows.push(cells.map(Some).to_vec());
    };
    let is_watched = !all.is_empty() && all.iter().all(|one| !one.is_old);
    let watched = match is_watched {
        true => ("ok", "looked at within the last minute"),
        false => ("failed", "nobody has looked for a minute"),
    };
    row("monitor", watched.0, watched.1.to_owned());
    let mut is_well = is_watched;
    for one in &all {
        let Some(level) = &one.level else {
            continue;
        };
        let health = match level.as_str() {
            "normal" => "ok",
            "critical" => "failed",
            _ => "warning",
        };
        is_well &= health != "failed";
        let capacity = one
            .capacity
            .map_or(String::new(), |capacity| one.shown(capacity));
        let why = format!("{} of {capacity}, {level}", one.shown(one.used));
        row(&one.name.replace('_', " "), health, why);
    }
    write_stdout(grid.print(ask.output).as_bytes())?;
    match is_well {
        true => Ok(()),
        false => Err(Failure::Work(
            Error::new(state::INSUFFICIENT_RESOURCES, "the node is not well")
                .with_hint("See orbit edge resources, and the newest rows of orbit.events."),
        )),
    }
}
