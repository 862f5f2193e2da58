//! `orbit export`: tables or a query's answer as CSV, JSON lines or Parquet.
//!
//! Everything one command exports is of one moment: all tables are read in one
//! REPEATABLE READ transaction. A file appears under its name once it is whole.
//!
//! * `export/lines.rs`: COPY's text lines as fields
//! * `export/json.rs`: fields as JSON; `export/columns.rs`: as Arrow columns, for Parquet

mod columns;
mod json;
mod lines;

use super::backup::progress;
use super::client::{Connect, connect};
use super::embedded::Embedded;
use super::import::grouped;
use super::part_file::{PartFile, in_file};
use super::sql::{quoted, split_name};
use super::{Failure, interrupted};
use clap::{Args, ValueEnum};
use columns::ParquetRows;
use flate2::Compression;
use flate2::write::GzEncoder;
use futures::TryStreamExt;
use indicatif::ProgressBar;
use lines::Lines;
use orbit_core::{Error, state};
use std::io::{IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::pin::pin;
use std::time::Instant;
use tokio_postgres::{Client, Column, SimpleQueryMessage};

#[derive(Args, Debug)]
pub struct ExportArgs {
    /// Tables or views, as SCHEMA.NAME or NAME
    #[arg(value_name = "TABLE", required_unless_present_any = ["query", "all"], conflicts_with_all = ["query", "all"])]
    tables: Vec<String>,
    /// Export the answer to this query
    #[arg(long, short, value_name = "SQL", conflicts_with = "all")]
    query: Option<String>,
    /// Export every table there is
    #[arg(long)]
    all: bool,
    /// The file to write; its ending says how [default: stdout]
    #[arg(long, short, value_name = "FILE", conflicts_with = "to_dir")]
    to: Option<PathBuf>,
    /// The directory to write a file per table into
    #[arg(long, value_name = "DIRECTORY")]
    to_dir: Option<PathBuf>,
    /// How to write [default: by the file's ending, else csv]
    #[arg(long, value_enum)]
    format: Option<Format>,
    /// What stands for NULL in CSV
    #[arg(long, value_name = "TEXT", default_value = "")]
    null: String,
    /// No line with the columns' names in CSV
    #[arg(long)]
    no_header: bool,
    /// Replace files that are there
    #[arg(long)]
    force: bool,
    /// No progress bar and no summary
    #[arg(long)]
    quiet: bool,
    #[command(flatten)]
    connect: Connect,
    /// Open this data directory directly instead of connecting to a node
    #[arg(long, value_name = "DIRECTORY")]
    data_dir: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    /// CSV with a header
    Csv,
    /// The same, gzipped
    #[value(name = "csv.gz")]
    CsvGz,
    /// One JSON object a line
    Jsonl,
    /// The same, gzipped
    #[value(name = "jsonl.gz")]
    JsonlGz,
    /// Parquet, packed with zstd
    Parquet,
}

const FORMATS: [(Format, &[&str]); 5] = [
    (Format::CsvGz, &[".csv.gz"]),
    (Format::JsonlGz, &[".jsonl.gz", ".ndjson.gz"]),
    (Format::Csv, &[".csv"]),
    (Format::Jsonl, &[".jsonl", ".ndjson", ".json"]),
    (Format::Parquet, &[".parquet"]),
];

impl Format {
    fn of(path: &Path) -> Option<Format> {
        let name = path.file_name()?.to_string_lossy().to_ascii_lowercase();
        FORMATS
            .into_iter()
            .find(|(_, endings)| endings.iter().any(|ending| name.ends_with(ending)))
            .map(|(format, _)| format)
    }

    fn ending(self) -> &'static str {
        FORMATS
            .into_iter()
            .find(|(format, _)| *format == self)
            .and_then(|(_, endings)| endings.first().copied())
            .unwrap_or("")
    }
}

/// One file's worth of rows.
struct Source {
    /// For messages.
    name: String,
    /// What stands between `COPY (` and `)`.
    query: String,
}

pub async fn run(args: ExportArgs) -> Result<(), Failure> {
    let several = args.all || args.tables.len() > 1;
    if several && args.to_dir.is_none() {
        return Err(Failure::Usage(
            Error::new(
                state::INVALID_PARAMETER_VALUE,
                "several tables need a directory",
            )
            .with_hint("Say --to-dir DIRECTORY; each table gets a file there."),
        ));
    }
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
        client.batch_execute(SNAPSHOT).await?;
        let sources = sources(&client, &args).await?;
        for source in &sources {
            export(&client, source, &args).await?;
        }
        client.batch_execute("COMMIT").await?;
        Ok(())
    };
    let result = tokio::select! {
        result = work => result,
        () = interrupted() => Err(Failure::Work(
            Error::new(state::QUERY_CANCELED, "interrupted")
                .with_detail("The file in hand was not written."),
        )),
    };
    match embedded {
        Some(node) => node.stop().await.and(result),
        None => result,
    }
}

/// What dates and floats look like must not depend on who exports them.
const SNAPSHOT: &str = "SET TimeZone = 'UTC'; SET DateStyle = 'ISO, YMD'; \
     SET IntervalStyle = 'postgres'; SET bytea_output = 'hex'; SET extra_float_digits = 1; \
     BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";

const TABLES: &str = "SELECT n.nspname, c.relname FROM pg_catalog.pg_class c \
     JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace \
     WHERE c.relkind = 'r' AND n.nspname NOT IN ('pg_catalog', 'information_schema') \
     AND n.nspname !~ '^pg_' ORDER BY 1, 2";

async fn sources(client: &Client, args: &ExportArgs) -> Result<Vec<Source>, Failure> {
    if let Some(query) = &args.query {
        let query = query.trim().trim_end_matches(';').to_owned();
        return Ok(vec![Source {
            name: "query".to_owned(),
            query,
        }]);
    }
    let mut names = Vec::new();
    if args.all {
        for message in client.simple_query(TABLES).await? {
            if let SimpleQueryMessage::Row(row) = message {
                let field = |at: usize| row.get(at).unwrap_or_default().to_owned();
                names.push((field(0), field(1)));
            }
        }
    } else {
        names.extend(args.tables.iter().map(|table| split_name(table)));
    }
    let source = |(schema, name): (String, String)| {
        let (file, table) = match schema.as_str() {
            "" => (name.clone(), quoted(&name)),
            "public" => (name.clone(), format!("public.{}", quoted(&name))),
            schema => (
                format!("{schema}.{name}"),
                format!("{}.{}", quoted(schema), quoted(&name)),
            ),
        };
        Source {
            name: file,
            query: format!("SELECT * FROM {table}"),
        }
    };
    Ok(names.into_iter().map(source).collect())
}

/// Where the bytes go.
enum Target {
    File(PartFile),
    Stdout,
}

impl Write for Target {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        match self {
            Target::File(file) => file.write(bytes),
            Target::Stdout => std::io::stdout().lock().write(bytes),
        }
    }

    fn flush(&mut self) -> std::io::Result<()> {
        match self {
            Target::File(file) => file.flush(),
            Target::Stdout => std::io::stdout().lock().flush(),
        }
    }
}

/// What rows become on their way to the target.
enum Rows {
    /// Lines as they come.
    Csv(Packed),
    Json(Packed, Lines, Vec<json::Field>),
    Parquet(Box<ParquetRows<Target>>, Lines),
}

enum Packed {
    Plain(Target),
    Gzip(GzEncoder<Target>),
}

impl Packed {
    fn new(target: Target, gzip: bool) -> Packed {
        match gzip {
            true => Packed::Gzip(GzEncoder::new(target, Compression::default())),
            false => Packed::Plain(target),
        }
    }

    fn write_all(&mut self, bytes: &[u8]) -> std::io::Result<()> {
        match self {
            Packed::Plain(target) => target.write_all(bytes),
            Packed::Gzip(packer) => packer.write_all(bytes),
        }
    }

    fn finish(self) -> std::io::Result<Target> {
        match self {
            Packed::Plain(target) => Ok(target),
            Packed::Gzip(packer) => packer.finish(),
        }
    }
}

async fn export(client: &Client, source: &Source, args: &ExportArgs) -> Result<(), Failure> {
    let start = Instant::now();
    let to = match (&args.to, &args.to_dir) {
        (Some(file), _) => Some(file.clone()),
        (None, Some(directory)) => {
            let format = args.format.unwrap_or(Format::Csv);
            std::fs::create_dir_all(directory).map_err(|error| in_file(directory, error))?;
            // A table's name is data: it must not lead out of the directory.
            let name = source.name.replace(['/', '\0'], "_");
            Some(directory.join(format!("{name}{}", format.ending())))
        }
        (None, None) => None,
    };
    let format = match (args.format, &to) {
        (Some(format), _) => format,
        (None, Some(file)) => Format::of(file).unwrap_or(Format::Csv),
        (None, None) => Format::Csv,
    };
    let target = match &to {
        Some(file) => Target::File(PartFile::create(file, args.force)?),
        None if format == Format::Parquet && std::io::stdout().is_terminal() => {
            return Err(Failure::Usage(
                Error::new(
                    state::INVALID_PARAMETER_VALUE,
                    "Parquet is nothing for a terminal",
                )
                .with_hint("Say --to FILE."),
            ));
        }
        None => Target::Stdout,
    };
    let shown = to.clone().unwrap_or_else(|| PathBuf::from("stdout"));
    let bar = match to {
        Some(_) => progress(args.quiet, "exporting"),
        None => ProgressBar::hidden(),
    };
    if let Ok(style) = indicatif::ProgressStyle::with_template(
        "{prefix} {spinner} {bytes} {bytes_per_sec} {elapsed}",
    ) {
        bar.set_style(style);
    }
    bar.set_prefix(source.name.clone());
    let statement = client.prepare(&source.query).await?;
    let columns = statement.columns();
    let rows = begin(format, target, columns)?;
    let written = copy(client, source, args, rows, &shown, &bar).await?;
    bar.finish_and_clear();
    if !args.quiet && to.is_some() {
        let seconds = start.elapsed().as_secs_f64().max(1e-6);
        eprintln!(
            "{}: {} rows in {seconds:.2} s ({} rows/s)",
            shown.display(),
            grouped(written),
            grouped((written as f64 / seconds) as u64)
        );
    }
    Ok(())
}

fn begin(format: Format, target: Target, columns: &[Column]) -> Result<Rows, Failure> {
    Ok(match format {
        Format::Csv | Format::CsvGz => Rows::Csv(Packed::new(target, format == Format::CsvGz)),
        Format::Jsonl | Format::JsonlGz => Rows::Json(
            Packed::new(target, format == Format::JsonlGz),
            Lines::default(),
            columns.iter().map(json::Field::of).collect(),
        ),
        Format::Parquet => Rows::Parquet(
            Box::new(ParquetRows::begin(target, columns)?),
            Lines::default(),
        ),
    })
}

async fn copy(
    client: &Client,
    source: &Source,
    args: &ExportArgs,
    mut rows: Rows,
    shown: &Path,
    bar: &ProgressBar,
) -> Result<u64, Failure> {
    let failed = |error: std::io::Error| match error.kind() {
        // A reader that has seen enough (`| head`) is no failure.
        std::io::ErrorKind::BrokenPipe if args.to.is_none() && args.to_dir.is_none() => {
            std::process::exit(0)
        }
        _ => in_file(shown, error),
    };
    let header = !args.no_header;
    let options = match &rows {
        Rows::Csv(_) => format!(
            "FORMAT csv, HEADER {header}, NULL {}",
            super::import::literal(&args.null)
        ),
        _ => "FORMAT text".to_owned(),
    };
    let sql = format!("COPY ({}) TO STDOUT WITH ({options})", source.query);
    let mut stream = pin!(client.copy_out(&sql).await?);
    let mut count = 0u64;
    let mut quoted = false;
    while let Some(piece) = stream.try_next().await? {
        bar.inc(piece.len() as u64);
        match &mut rows {
            Rows::Csv(out) => {
                count += lines::csv_rows(&piece, &mut quoted);
                out.write_all(&piece).map_err(failed)?;
            }
            Rows::Json(out, lines, fields) => {
                let mut text = Vec::new();
                lines.push(&piece, |values| {
                    json::row(fields, values, &mut text);
                    count += 1;
                    Ok(())
                })?;
                out.write_all(&text).map_err(failed)?;
            }
            Rows::Parquet(out, lines) => lines.push(&piece, |values| {
                count += 1;
                out.row(values)
            })?,
        }
    }
    let target = match rows {
        Rows::Csv(out) => {
            count = count.saturating_sub(u64::from(header));
            out.finish().map_err(failed)?
        }
        Rows::Json(out, ..) => out.finish().map_err(failed)?,
        Rows::Parquet(out, _) => out.finish()?,
    };
    match target {
        Target::File(part) => part.finish()?,
        Target::Stdout => std::io::stdout().lock().flush().map_err(failed)?,
    }
    Ok(count)
}
