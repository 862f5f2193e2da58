//! `orbit import`: files into tables.
//!
//! `survey` reads a file once to learn its types and to find what is wrong
//! with it before anything is sent; `upload` sends it by COPY. In between
//! stand `kinds` (what a field could be), `scan` (records), `blocks`
//! (files in pieces), `json_lines`, `parquet_rows` and `table` (names).

mod blocks;
mod json_lines;
mod kinds;
mod parquet_rows;
mod scan;
mod survey;
mod table;
mod upload;

use super::client::{Connect, connect};
use super::embedded::Embedded;
use super::{Failure, interrupted};
use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};
use orbit_core::types::SqlType;
use orbit_core::{Error, state};
use scan::{Column, Dialect};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use tokio_postgres::Client;
use upload::{Supply, Upload, existing_columns, name_of};

#[derive(Args, Debug)]
pub struct ImportArgs {
    /// CSV, JSON lines (.jsonl, .ndjson, .json) or Parquet files; CSV and JSON may be gzipped
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// The table; without it each file's name is its table's
    #[arg(long, value_name = "NAME")]
    table: Option<String>,
    /// Add rows to a table that exists
    #[arg(long, conflicts_with_all = ["create", "primary_key"])]
    append: bool,
    /// Create the table, and fail if it exists (what happens without --append, said aloud)
    #[arg(long)]
    create: bool,
    /// Primary key of the new table
    #[arg(long, value_name = "COLUMN,...", value_delimiter = ',')]
    primary_key: Vec<String>,
    /// Types of columns that should not be inferred
    #[arg(long, value_name = "COLUMN=TYPE,...", value_parser = parse_types)]
    types: Vec<TypeList>,
    /// Rows per transaction; each remembers how far it came, and the same command run
    /// again continues there. Without it a file is one transaction
    #[arg(long, value_name = "ROWS", value_parser = clap::value_parser!(u64).range(1..))]
    batch: Option<u64>,
    /// What stands for NULL in a CSV file [default: an empty field, and NA]
    #[arg(long, value_name = "TEXT")]
    null: Option<String>,
    /// What separates the fields of a CSV file; `tab` is one [default: a comma, in .tsv a tab]
    #[arg(long, value_name = "CHARACTER", value_parser = parse_delimiter)]
    delimiter: Option<u8>,
    /// The first line of the CSV file is data already
    #[arg(long)]
    no_header: bool,
    /// No progress bar and no summary
    #[arg(long, short)]
    quiet: bool,
    #[command(flatten)]
    connect: Connect,
    /// Open this data directory directly instead of connecting to a node
    #[arg(long, value_name = "DIRECTORY")]
    data_dir: Option<PathBuf>,
}

impl ImportArgs {
    /// What the demo would have typed.
    pub fn for_demo(file: PathBuf, table: &str, key: &[&str]) -> ImportArgs {
        ImportArgs {
            files: vec![file],
            table: Some(table.to_owned()),
            append: false,
            create: false,
            primary_key: key.iter().map(|column| (*column).to_owned()).collect(),
            types: Vec::new(),
            batch: None,
            null: None,
            delimiter: None,
            no_header: false,
            quiet: false,
            connect: Connect::default(),
            data_dir: None,
        }
    }
}

#[derive(Clone, Debug)]
struct TypeList(Vec<(String, String)>);

/// `id=bigint,price=numeric(10,2)`: commas inside of parentheses belong to a type.
fn parse_types(text: &str) -> Result<TypeList, String> {
    let mut list = Vec::new();
    let mut depth = 0u32;
    let mut start = 0;
    for (at, c) in text.char_indices().chain([(text.len(), ',')]) {
        match c {
            '(' => depth += 1,
            ')' => depth = depth.saturating_sub(1),
            ',' if depth == 0 => {
                let part = text.get(start..at).unwrap_or_default();
                match part.split_once('=') {
                    Some((column, sql_type)) if !column.is_empty() && !sql_type.is_empty() => {
                        list.push((column.trim().to_owned(), sql_type.trim().to_owned()));
                    }
                    _ => return Err(format!("\"{part}\" is not COLUMN=TYPE")),
                }
                start = at + 1;
            }
            _ => {}
        }
    }
    Ok(TypeList(list))
}

fn parse_delimiter(text: &str) -> Result<u8, String> {
    match text {
        "tab" | "\\t" => Ok(b'\t'),
        text => match text.as_bytes() {
            [byte] if !matches!(byte, b'"' | b'\n' | b'\r' | b'\\') && byte.is_ascii() => Ok(*byte),
            _ => Err("a delimiter is one ASCII character, not a quote or a line end".to_owned()),
        },
    }
}

/// `flights.csv, line 7, column dep_time`.
fn shown_line(path: &Path, line: u64, column: Option<&str>) -> String {
    match column {
        Some(column) => format!("{}, line {line}, column {column}", path.display()),
        None => format!("{}, line {line}", path.display()),
    }
}

pub use table::literal;

pub async fn run(args: ImportArgs) -> Result<(), Failure> {
    let work = async {
        // A directory opened here stays open until the rows are in.
        let embedded = match &args.data_dir {
            Some(directory) => Some(Embedded::start(directory).await?),
            None => None,
        };
        let address = match &embedded {
            Some(node) => node.connect(),
            None => args.connect.clone(),
        };
        let result = async {
            let client = connect(&address).await?;
            import_with(&client, &args).await
        }
        .await;
        match embedded {
            Some(node) => node.stop().await.and(result),
            None => result,
        }
    };
    tokio::select! {
        result = work => result,
        () = interrupted() => Err(Failure::Work(
            Error::new(state::QUERY_CANCELED, "interrupted")
                .with_detail("What wasn't committed yet was rolled back."),
        )),
    }
}

/// Imports over a connection that is there already.
pub async fn import_with(client: &Client, args: &ImportArgs) -> Result<(), Failure> {
    for file in &args.files {
        import_file(client, file, args).await?;
    }
    Ok(())
}

async fn import_file(client: &Client, file: &Path, args: &ImportArgs) -> Result<(), Failure> {
    let start = Instant::now();
    let bar = progress_bar(file, args.quiet);
    let table = args
        .table
        .clone()
        .unwrap_or_else(|| table::table_name(file));
    let existing = existing_columns(client, &table).await?;
    // The table says what the types are, and the node judges each row: nothing to learn first.
    let known = existing.is_some() && args.append && args.batch.is_none() && !args.no_header;
    let read = {
        let (file, bar) = (file.to_path_buf(), bar.clone());
        let delimiter = args.delimiter.unwrap_or_else(|| usual_delimiter(&file));
        let (null, header) = (args.null.clone(), !args.no_header);
        tokio::task::spawn_blocking(move || match known && is_csv(&file)? {
            true => open_file(&file, null, delimiter),
            false => read_file(&file, null, delimiter, header, &bar),
        })
        .await
        .map_err(|error| Failure::Work(Error::internal(error.to_string())))??
    };
    let names = table::column_names(&read.columns.iter().map(|c| c.0.clone()).collect::<Vec<_>>());
    let columns: Vec<(String, SqlType)> = names
        .iter()
        .cloned()
        .zip(read.columns.into_iter().map(|(_, sql_type)| sql_type))
        .collect();
    let given: Vec<_> = args.types.iter().flat_map(|list| list.0.clone()).collect();
    let types = table::column_types(&columns, &given)?;
    let create = match &existing {
        None if args.append => {
            return Err(Failure::Work(
                Error::new(
                    state::UNDEFINED_TABLE,
                    format!("there is no table \"{table}\""),
                )
                .with_hint("Leave --append away and it is created."),
            ));
        }
        None => Some(table::create_table(&table, &types, &args.primary_key)?),
        Some(there) => {
            if let Some(name) = names.iter().find(|name| !there.contains(name)) {
                return Err(Failure::Work(
                    Error::new(
                        state::UNDEFINED_COLUMN,
                        format!(
                            "table \"{table}\" has no column \"{name}\", which {} has",
                            file.display()
                        ),
                    )
                    .with_hint(format!("Its columns are {}.", there.join(", "))),
                ));
            }
            None
        }
    };
    if !args.quiet && create.is_some() {
        for (column, name) in read.spoiled.iter().zip(&names) {
            let given = given.iter().any(|(given, _)| given == name);
            if let (Some((line, field)), false) = (column, given) {
                bar.suspend(|| {
                    eprintln!("note: column {name} is text because of line {line} (\"{field}\")")
                });
            }
        }
    }
    let upload = Upload {
        path: file.to_path_buf(),
        table: table.clone(),
        columns: names,
        create,
        supply: read.supply,
        delimiter: read.delimiter,
        null: read.null,
        rewrite_na: read.rewrite_na,
        rows: read.rows,
        fingerprint: read.fingerprint,
        batch: args.batch,
    };
    if existing.is_some() && !args.append {
        refuse_existing(client, &upload, args).await?;
    }
    match read.total_bytes {
        Some(bytes) => bar.set_length(bytes),
        None => bar.unset_length(),
    }
    bar.set_position(0);
    bar.set_message("writing");
    let (rows, before) = upload.run(client, &bar).await?;
    bar.finish_and_clear();
    if !args.quiet {
        summarise(&table, rows, before, start.elapsed());
    }
    Ok(())
}

/// A table that exists is left alone, unless this import began filling it.
async fn refuse_existing(
    client: &Client,
    upload: &Upload,
    args: &ImportArgs,
) -> Result<(), Failure> {
    if args.batch.is_some() && !args.create && upload.was_begun(client).await? {
        return Ok(());
    }
    Err(Failure::Work(
        Error::new(
            state::DUPLICATE_TABLE,
            format!("table \"{}\" exists already", upload.table),
        )
        .with_hint("Say --append to add rows to it, or --table NAME for another one."),
    ))
}

fn summarise(table: &str, rows: u64, before: u64, took: Duration) {
    let seconds = took.as_secs_f64().max(1e-6);
    let earlier = match before {
        0 => String::new(),
        before => format!(", {} from an earlier run", grouped(before)),
    };
    eprintln!(
        "{table}: {} rows in {seconds:.2} s ({} rows/s){earlier}",
        grouped(rows),
        grouped((rows as f64 / seconds) as u64),
    );
}

/// `336776` as `336,776`.
pub fn grouped(n: u64) -> String {
    let digits = n.to_string();
    let mut out = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

fn progress_bar(file: &Path, quiet: bool) -> ProgressBar {
    if quiet {
        return ProgressBar::hidden();
    }
    let size = std::fs::metadata(file).map_or(0, |meta| meta.len());
    // Drawn to stderr, and only if that is a terminal.
    let bar = ProgressBar::new(size);
    if let Ok(style) = ProgressStyle::with_template(
        "{prefix} {msg} {bar:32} {bytes}/{total_bytes} {bytes_per_sec}",
    ) {
        bar.set_style(style);
    }
    bar.set_prefix(name_of(file));
    bar.set_message("reading");
    bar
}

/// A file that is named so and isn't would otherwise be taken for CSV of one column.
fn is_parquet(file: &Path) -> Result<bool, Failure> {
    if blocks::magic(file, 4)? == b"PAR1" {
        return Ok(true);
    }
    if ends_with(file, &[".parquet"]) {
        return Err(Failure::Work(Error::new(
            state::BAD_COPY_FILE_FORMAT,
            format!("{} is not a Parquet file", file.display()),
        )));
    }
    Ok(false)
}

fn is_json(file: &Path) -> bool {
    ends_with(file, &[".jsonl", ".ndjson", ".json"])
}

fn usual_delimiter(file: &Path) -> u8 {
    if ends_with(file, &[".tsv"]) {
        b'\t'
    } else {
        b','
    }
}

/// Whether the name, gzipped or not, has one of these endings.
fn ends_with(file: &Path, endings: &[&str]) -> bool {
    let name = name_of(file).to_ascii_lowercase();
    let stem = name.strip_suffix(".gz").unwrap_or(&name);
    endings.iter().any(|ending| stem.ends_with(ending))
}

fn is_csv(file: &Path) -> Result<bool, Failure> {
    Ok(!is_json(file) && !is_parquet(file)?)
}

/// A CSV file that is sent as it is read.
fn open_file(file: &Path, null: Option<String>, delimiter: u8) -> Result<ReadFile, Failure> {
    let mut blocks = blocks::Blocks::open(file)?;
    let dialect = Dialect {
        delimiter,
        null: None,
    };
    let header = survey::split_header(file, &blocks.header()?, &dialect)?;
    Ok(ReadFile {
        columns: header
            .into_iter()
            .map(|name| (name, SqlType::Text))
            .collect(),
        spoiled: Vec::new(),
        total_bytes: blocks.plain_bytes(),
        supply: Supply::Csv(Box::new(blocks)),
        delimiter,
        rewrite_na: null.is_none(),
        null: null.unwrap_or_default(),
        rows: None,
        fingerprint: 0,
    })
}

/// A file ready to be sent.
struct ReadFile {
    columns: Vec<(String, SqlType)>,
    spoiled: Vec<Option<(u64, String)>>,
    supply: Supply,
    delimiter: u8,
    null: String,
    rewrite_na: bool,
    /// What a first pass counted, if there was one.
    rows: Option<u64>,
    /// Unpacked; unknown of a packed file that wasn't read yet.
    total_bytes: Option<u64>,
    fingerprint: u64,
}

fn read_file(
    file: &Path,
    null: Option<String>,
    delimiter: u8,
    header: bool,
    bar: &ProgressBar,
) -> Result<ReadFile, Failure> {
    if is_parquet(file)? {
        let rows = parquet_rows::ParquetRows::open(file)?;
        let meta = std::fs::metadata(file).map_err(|error| blocks::cannot_read(file, &error))?;
        return Ok(ReadFile {
            spoiled: Vec::new(),
            columns: rows.columns.clone(),
            delimiter: b',',
            null: String::new(),
            rewrite_na: false,
            rows: Some(rows.rows),
            total_bytes: Some(meta.len()),
            fingerprint: parquet_rows::fingerprint(file)?,
            supply: Supply::Parquet(Box::new(rows)),
        });
    }
    if is_json(file) {
        let survey = json_lines::survey(file, |at| bar.set_position(at))?;
        let rows = json_lines::JsonRows::open(file, &survey.columns)?;
        return Ok(ReadFile {
            spoiled: Vec::new(),
            columns: survey.columns,
            supply: Supply::Json(Box::new(rows)),
            delimiter: b',',
            null: String::new(),
            rewrite_na: false,
            rows: Some(survey.rows),
            total_bytes: Some(survey.total_bytes),
            fingerprint: survey.fingerprint,
        });
    }
    let dialect = Dialect {
        delimiter,
        null: null.clone().map(String::into_bytes),
    };
    let survey = survey::survey(file, &dialect, header, |at| bar.set_position(at))?;
    let found = survey.findings;
    let supply = match survey.kept {
        Some(kept) => Supply::Kept(kept.into_iter()),
        None => {
            let mut blocks = blocks::Blocks::open(file)?;
            if header {
                blocks.header()?;
            }
            Supply::Csv(Box::new(blocks))
        }
    };
    Ok(ReadFile {
        columns: survey
            .header
            .into_iter()
            .zip(&found.columns)
            .map(|(name, column)| (name, column.kinds.sql_type()))
            .collect(),
        spoiled: found
            .columns
            .into_iter()
            .map(|Column { spoiled, .. }| spoiled)
            .collect(),
        supply,
        delimiter,
        null: null.unwrap_or_else(|| match found.na_fields && !found.empty_fields {
            true => "NA".to_owned(),
            false => String::new(),
        }),
        rewrite_na: found.na_fields && found.empty_fields,
        rows: Some(found.rows),
        total_bytes: Some(survey.total_bytes),
        fingerprint: survey.fingerprint,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn type_lists_keep_the_commas_of_types() {
        let list = parse_types("id=bigint,price=numeric(10,2), at=timestamp")
            .unwrap()
            .0;
        let list: Vec<_> = list.iter().map(|(a, b)| (a.as_str(), b.as_str())).collect();
        assert_eq!(
            list,
            [
                ("id", "bigint"),
                ("price", "numeric(10,2)"),
                ("at", "timestamp")
            ]
        );
        assert!(parse_types("id").is_err());
        assert!(parse_types("id=").is_err());
    }

    #[test]
    fn delimiters_are_one_character() {
        assert_eq!(parse_delimiter("tab"), Ok(b'\t'));
        assert_eq!(parse_delimiter(";"), Ok(b';'));
        assert!(parse_delimiter("\"").is_err());
        assert!(parse_delimiter("||").is_err());
    }

    #[test]
    fn a_files_name_says_what_it_should_be() {
        assert_eq!(usual_delimiter(Path::new("a/B.TSV.gz")), b'\t');
        assert_eq!(usual_delimiter(Path::new("tsv.csv")), b',');
        assert!(is_json(Path::new("a.ndjson.gz")));
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("notp.parquet");
        std::fs::write(&file, "hello").unwrap();
        let error = is_parquet(&file).unwrap_err().to_string();
        assert!(error.contains("is not a Parquet file"), "{error}");
        let file = directory.path().join("notp.csv");
        std::fs::write(&file, "hello").unwrap();
        assert!(!is_parquet(&file).unwrap());
    }

    #[test]
    fn numbers_are_grouped() {
        assert_eq!(grouped(336_776), "336,776");
        assert_eq!(grouped(16), "16");
        assert_eq!(grouped(1_000), "1,000");
    }

    async fn count(client: &Client) -> i64 {
        let row = client.query_one("SELECT count(*) FROM t", &[]).await;
        row.unwrap().get(0)
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn batches_of_a_dropped_table_are_sent_again() {
        let directory = tempfile::tempdir().unwrap();
        let node = Embedded::start(&directory.path().join("data"))
            .await
            .unwrap();
        let client = connect(&node.connect()).await.unwrap();
        let file = directory.path().join("t.csv");
        std::fs::write(&file, "a\n1\n2\n3\n").unwrap();
        let args = ImportArgs {
            batch: Some(2),
            quiet: true,
            ..ImportArgs::for_demo(file, "t", &[])
        };
        import_with(&client, &args).await.unwrap();
        // Again: it is done already, and nothing comes twice.
        import_with(&client, &args).await.unwrap();
        assert_eq!(count(&client).await, 3);
        client.batch_execute("DROP TABLE t").await.unwrap();
        import_with(&client, &args).await.unwrap();
        assert_eq!(count(&client).await, 3);
        // As a run leaves it that was stopped between two batches.
        let moved = "UPDATE orbit_import_progress SET rows = 2; DELETE FROM t WHERE a = 3";
        client.batch_execute(moved).await.unwrap();
        import_with(&client, &args).await.unwrap();
        assert_eq!(count(&client).await, 3);
        drop(client);
        node.stop().await.unwrap();
    }
}
