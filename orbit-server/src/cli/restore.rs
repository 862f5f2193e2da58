//! `orbit restore`: a data directory out of a backup, whole or not at all.

use super::backup::{moment, open, unpack};
use super::table::{Grid, Output};
use super::{Failure, write_stdout};
use clap::{Args, ValueEnum};
use orbit_core::{Error, state};
use orbit_edge::NewLife;
use orbit_edge::directory::StoreKind;
use orbit_edge::restore::{Plan, restore};
use std::path::PathBuf;

#[derive(Args, Debug)]
pub struct RestoreArgs {
    /// The backup
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// The new data directory
    #[arg(long, value_name = "DIRECTORY")]
    data_dir: PathBuf,
    /// The node that was backed up is gone for good: take its place, under its site id.
    /// Without this the new directory is a site of its own
    #[arg(long)]
    replace: bool,
    /// The kind of store to restore into [default: the one it was taken from]
    #[arg(long, value_enum)]
    store: Option<StoreName>,
    /// No progress bar and no summary
    #[arg(long, short)]
    quiet: bool,
    /// How to print the summary
    #[arg(long, value_enum, default_value_t = Output::Table)]
    output: Output,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum StoreName {
    /// For gateways and servers
    Rocksdb,
    /// One file, for the smallest nodes
    Redb,
}

pub fn run(args: &RestoreArgs) -> Result<(), Failure> {
    let (mut source, bar, name) = open(&args.file, args.quiet, "restoring")?;
    let life = match args.replace {
        true => NewLife::SameSite,
        false => NewLife::OtherSite,
    };
    let plan = Plan {
        name,
        unpack,
        data_dir: &args.data_dir,
        store: args.store.map(|store| match store {
            StoreName::Rocksdb => StoreKind::RocksDb,
            StoreName::Redb => StoreKind::Redb,
        }),
        life,
        progress: &mut |bytes| bar.inc(bytes),
    };
    let (manifest, identity) = restore(&mut source, plan).map_err(failure)?;
    bar.finish_and_clear();
    if args.quiet {
        return Ok(());
    }
    let columns = [
        "data_dir",
        "site",
        "incarnation",
        "position",
        "entries",
        "bytes",
    ];
    let mut grid = Grid::new(columns.map(str::to_owned).to_vec());
    grid.bare = vec![false, false, false, false, true, true];
    let row = [
        args.data_dir.display().to_string(),
        identity.site.to_string(),
        identity.incarnation.to_string(),
        moment(manifest.about.position),
        manifest.entries().to_string(),
        manifest.bytes().to_string(),
    ];
    grid.rows.push(row.into_iter().map(Some).collect());
    write_stdout(grid.print(args.output).as_bytes())
}

fn failure(error: Error) -> Failure {
    match error.state() {
        state::OBJECT_IN_USE | state::OBJECT_NOT_IN_PREREQUISITE_STATE => Failure::Data(error),
        _ => Failure::Work(error),
    }
}
