//! `orbit backup`: everything a node holds at one moment, in one checked file.
//!
//! The node sends it over PostgreSQL wire (`BACKUP TO STDOUT`) out of a snapshot,
//! serving all the while; here every piece is checked as it comes, packed, and
//! written. The file gets its name once it is whole and on disk.

use super::client::{Connect, connect};
use super::embedded::Embedded;
use super::part_file::{PartFile, in_file};
use super::table::{Grid, Output};
use super::{Failure, interrupted, write_stdout};
use bytes::{Buf, BytesMut};
use chrono::{DateTime, SecondsFormat, Utc};
use clap::{Args, Subcommand};
use futures::TryStreamExt;
use indicatif::{ProgressBar, ProgressStyle};
use orbit_core::backup::{
    Checked, Checker, HEAD_BYTES, Head, Kind, Manifest, PLAIN, PREAMBLE_BYTES, ZSTD,
};
use orbit_core::clock::Hlc;
use orbit_core::{Error, state};
use std::fs::File;
use std::io::{BufReader, Write};
use std::path::{Path, PathBuf};
use std::pin::pin;
use tokio_postgres::Client;

#[derive(Args, Debug)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
pub struct BackupArgs {
    #[command(subcommand)]
    command: Option<BackupCommand>,
    #[command(flatten)]
    take: TakeArgs,
}

#[derive(Subcommand, Debug)]
enum BackupCommand {
    /// Read a backup through and check every piece of it
    Verify(VerifyArgs),
}

#[derive(Args, Debug)]
struct TakeArgs {
    /// The file to write
    #[arg(required = true, value_name = "FILE")]
    file: Option<PathBuf>,
    /// Replace the file if it is there
    #[arg(long)]
    force: bool,
    /// Leave the rows as they are instead of packing them with zstd
    #[arg(long)]
    uncompressed: bool,
    /// No progress bar and no summary
    #[arg(long, short)]
    quiet: bool,
    /// How to print the summary
    #[arg(long, value_enum, default_value_t = Output::Table)]
    output: Output,
    #[command(flatten)]
    connect: Connect,
    /// Back up this directory, which no node has open, instead of a running node
    #[arg(long, value_name = "DIRECTORY")]
    data_dir: Option<PathBuf>,
}

#[derive(Args, Debug)]
struct VerifyArgs {
    /// The backup
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// No progress bar and no summary
    #[arg(long, short)]
    quiet: bool,
    /// How to print the summary
    #[arg(long, value_enum, default_value_t = Output::Table)]
    output: Output,
}

const COMMAND: &str = "BACKUP TO STDOUT";
/// Fast rather than small: a backup is mostly bound by its disks.
const ZSTD_LEVEL: i32 = 1;

pub async fn run(args: BackupArgs) -> Result<(), Failure> {
    if let Some(BackupCommand::Verify(args)) = &args.command {
        return verify(args);
    }
    let args = args.take;
    let Some(file) = args.file.clone() else {
        return Err(Failure::Usage(Error::new(
            state::INVALID_PARAMETER_VALUE,
            "which file to write is missing",
        )));
    };
    let part = PartFile::create(&file, args.force)?;
    let embedded = match &args.data_dir {
        Some(directory) => Some(Embedded::start(directory).await?),
        None => None,
    };
    let address = match &embedded {
        Some(node) => node.connect(),
        None => args.connect.clone(),
    };
    let work = async {
        let client = connect(&address).await?;
        take(&client, &file, part, &args).await
    };
    let result = tokio::select! {
        result = work => result,
        () = interrupted() => Err(Failure::Work(
            Error::new(state::QUERY_CANCELED, "interrupted")
                .with_detail("No backup was written."),
        )),
    };
    match embedded {
        Some(node) => node.stop().await.and(result),
        None => result,
    }
}

async fn take(
    client: &Client,
    file: &Path,
    part: PartFile,
    args: &TakeArgs,
) -> Result<(), Failure> {
    let bar = progress(args.quiet, "taking");
    let mut stream = pin!(client.copy_out(COMMAND).await?);
    let mut receiver = Receiver {
        checker: Checker::new("what the node sent", unpack),
        waiting: BytesMut::new(),
        begun: false,
        head: None,
        part,
        pack: !args.uncompressed,
        bar: bar.clone(),
        path: file.to_path_buf(),
    };
    while let Some(bytes) = stream.try_next().await? {
        receiver.take(&bytes)?;
    }
    let (manifest, stored) = receiver.finish()?;
    bar.finish_and_clear();
    summarise(file, &manifest, stored, args.quiet, args.output)
}

/// Pieces as they come in, checked, packed and written.
struct Receiver {
    checker: Checker,
    waiting: BytesMut,
    begun: bool,
    head: Option<Head>,
    part: PartFile,
    pack: bool,
    bar: ProgressBar,
    path: PathBuf,
}

impl Receiver {
    fn take(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        self.waiting.extend_from_slice(bytes);
        loop {
            if !self.begun {
                let Some(preamble) = self.waiting.first_chunk::<PREAMBLE_BYTES>().copied() else {
                    return Ok(());
                };
                self.checker.preamble(&preamble).map_err(Failure::Work)?;
                self.write(&preamble)?;
                self.waiting.advance(PREAMBLE_BYTES);
                self.begun = true;
            }
            let head = match self.head {
                Some(head) => head,
                None => {
                    let Some(head) = self.waiting.first_chunk::<HEAD_BYTES>() else {
                        return Ok(());
                    };
                    let head = self.checker.head(head).map_err(Failure::Work)?;
                    self.waiting.advance(HEAD_BYTES);
                    self.head = Some(head);
                    head
                }
            };
            let length = head.stored as usize;
            if self.waiting.len() < length {
                return Ok(());
            }
            let stored = self.waiting.split_to(length);
            self.head = None;
            let checked = self.checker.body(&head, &stored).map_err(Failure::Work)?;
            if let Checked::About(about) = &checked {
                self.bar.set_length(about.estimated_bytes);
            }
            self.keep(&head, &stored)?;
            self.bar.inc(length as u64);
        }
    }

    fn keep(&mut self, head: &Head, stored: &[u8]) -> Result<(), Failure> {
        let entries = matches!(head.kind, Kind::Entries(_)) && head.envelope == PLAIN;
        if self.pack && entries {
            let packed = zstd::bulk::compress(stored, ZSTD_LEVEL)
                .map_err(|error| in_file(&self.path, error))?;
            if packed.len() < stored.len() {
                self.write(&head.packed(ZSTD, packed.len()).to_bytes())?;
                return self.write(&packed);
            }
        }
        self.write(&head.to_bytes())?;
        self.write(stored)
    }

    fn write(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        self.part
            .write_all(bytes)
            .map_err(|error| in_file(&self.path, error))
    }

    fn finish(mut self) -> Result<(Manifest, u64), Failure> {
        if !self.waiting.is_empty() || self.head.is_some() {
            return Err(Failure::Work(self.checker.cut()));
        }
        let manifest = self.checker.end().map_err(Failure::Work)?;
        let written = self.part.written();
        self.part.finish()?;
        Ok((manifest, written))
    }
}

/// What the envelope of a piece holds; `None` if it holds none of that length.
pub fn unpack(envelope: u8, stored: &[u8], bytes: usize) -> Option<Vec<u8>> {
    // A damaged length must not allocate more than the bytes could ever unpack to.
    let most = stored.len().saturating_mul(1 << 15).max(1 << 20);
    if envelope != ZSTD || bytes > most {
        return None;
    }
    zstd::bulk::decompress(stored, bytes).ok()
}

fn verify(args: &VerifyArgs) -> Result<(), Failure> {
    let (mut source, bar, name) = open(&args.file, args.quiet, "checking")?;
    let mut checker = Checker::new(name, unpack);
    let manifest = orbit_core::backup::read(&mut source, &mut checker, &mut |_, bytes| {
        bar.inc(bytes);
        Ok(())
    })
    .map_err(Failure::Work)?;
    bar.finish_and_clear();
    let stored = std::fs::metadata(&args.file).map_or(0, |metadata| metadata.len());
    summarise(&args.file, &manifest, stored, args.quiet, args.output)
}

/// A backup to read, with a bar over its length and what errors call it.
pub fn open(
    file: &Path,
    quiet: bool,
    doing: &'static str,
) -> Result<(BufReader<File>, ProgressBar, String), Failure> {
    let opened = File::open(file).map_err(|error| in_file(file, error))?;
    let bar = progress(quiet, doing);
    if let Ok(metadata) = opened.metadata() {
        bar.set_length(metadata.len());
    }
    let name = format!("backup {}", file.display());
    Ok((BufReader::with_capacity(1 << 20, opened), bar, name))
}

/// Drawn to stderr, and only if that is a terminal.
pub fn progress(quiet: bool, doing: &'static str) -> ProgressBar {
    if quiet {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::new(0);
    if let Ok(style) = ProgressStyle::with_template(
        "{msg} {bar:32} {bytes}/{total_bytes} {bytes_per_sec} {elapsed}",
    ) {
        bar.set_style(style);
    }
    bar.set_message(doing);
    bar
}

fn summarise(
    file: &Path,
    manifest: &Manifest,
    stored: u64,
    quiet: bool,
    output: Output,
) -> Result<(), Failure> {
    if quiet {
        return Ok(());
    }
    let columns = [
        "file",
        "site",
        "position",
        "taken",
        "entries",
        "bytes",
        "file_bytes",
    ];
    let mut grid = Grid::new(columns.map(str::to_owned).to_vec());
    grid.bare = vec![false, false, false, false, true, true, true];
    let about = &manifest.about;
    let row = [
        file.display().to_string(),
        about.site.to_string(),
        moment(about.position),
        time(about.taken_at_micros),
        manifest.entries().to_string(),
        manifest.bytes().to_string(),
        stored.to_string(),
    ];
    grid.rows.push(row.into_iter().map(Some).collect());
    write_stdout(grid.print(output).as_bytes())
}

/// A commit's time as people read it, with the counter that tells it from its neighbours.
pub fn moment(hlc: Hlc) -> String {
    let millis = i64::try_from(hlc.0 >> 16).unwrap_or(i64::MAX);
    format!("{}+{}", time(millis.saturating_mul(1000)), hlc.0 & 0xffff)
}

fn time(micros: i64) -> String {
    DateTime::<Utc>::from_timestamp_micros(micros).map_or_else(
        || micros.to_string(),
        |time| time.to_rfc3339_opts(SecondsFormat::Millis, true),
    )
}
