//! `orbit demo`: a node on real flights, eight questions, the answers.

mod data;
mod questions;

use super::client::connect;
use super::embedded::Embedded;
use super::import::{ImportArgs, grouped};
use super::sql::{Asker, show_in};
use super::table::Output;
use super::{Failure, interrupted, write_stdout};
use clap::Args;
use questions::{QUESTIONS, Question};
use std::path::{Path, PathBuf};
use std::time::Instant;
use tokio_postgres::Client;

const USUAL_PORT: u16 = 7432;

#[derive(Args, Debug)]
pub struct DemoArgs {
    /// Where to keep the data [default: a temporary directory, removed at the end]
    #[arg(long, value_name = "DIRECTORY")]
    data_dir: Option<PathBuf>,
    /// Keep serving after the last answer, until Ctrl-C
    #[arg(long)]
    stay: bool,
}

pub async fn run(args: DemoArgs) -> Result<(), Failure> {
    let scratch = tempfile::tempdir().map_err(|error| Failure::Work(error.into()))?;
    let data_dir = args
        .data_dir
        .clone()
        .unwrap_or_else(|| scratch.path().join("orbit-data"));
    let start = Instant::now();
    let node = start_node(&data_dir, args.stay).await?;
    eprintln!(
        "A node is running on {} ({:.0} ms to start).",
        data_dir.display(),
        start.elapsed().as_secs_f64() * 1e3
    );
    let result = tokio::select! {
        result = show(&node, scratch.path(), &args) => result,
        () = interrupted() => Ok(()),
    };
    // First the node, which may still write, then its directory.
    let stopped = node.stop().await;
    drop(scratch);
    result.and(stopped)
}

/// One that stays takes the usual port, if nobody has it.
async fn start_node(data_dir: &Path, stay: bool) -> Result<Embedded, Failure> {
    if stay && let Ok(node) = Embedded::start_on(data_dir, USUAL_PORT).await {
        return Ok(node);
    }
    Embedded::start(data_dir).await
}

async fn show(node: &Embedded, scratch: &Path, args: &DemoArgs) -> Result<(), Failure> {
    let address = node.connect();
    let client = connect(&address).await?;
    eprintln!(
        "Importing New York's flights of January 2013, with weather, planes, airlines and airports."
    );
    for table in data::TABLES {
        if has_rows(&client, table.name).await {
            eprintln!("{}: there already", table.name);
            continue;
        }
        let file = table.unpack_into(scratch)?;
        super::import::import_with(&client, &ImportArgs::for_demo(file, table.name, table.key))
            .await?;
    }
    let mut asker = Asker::new(client, address.clone(), Output::Table);
    for (number, question) in QUESTIONS.iter().enumerate() {
        ask(&mut asker, number + 1, question).await?;
    }
    let psql = |port: u16| {
        format!(
            "psql -h {} -p {port} -U {} {}",
            address.host, address.user, address.database
        )
    };
    if args.stay {
        write_stdout(
            format!(
                "\nThe node stays. Go on with:\n\n    {}\n\n",
                psql(address.port)
            )
            .as_bytes(),
        )?;
        eprintln!("Ctrl-C stops it.");
        interrupted().await;
        return Ok(());
    }
    write_stdout(
        format!(
            "\nTo go on yourself:\n\n    orbit demo --stay &\n    {}\n\n",
            psql(USUAL_PORT)
        )
        .as_bytes(),
    )
}

async fn has_rows(client: &Client, table: &str) -> bool {
    client
        .query(&format!("SELECT 1 FROM {table} LIMIT 1"), &[])
        .await
        .is_ok_and(|rows| !rows.is_empty())
}

async fn ask(asker: &mut Asker, number: usize, question: &Question) -> Result<(), Failure> {
    write_stdout(format!("\n{number}. {}\n\n", question.title).as_bytes())?;
    for sql in question.statements {
        write_stdout(format!("{};\n", sql.trim()).as_bytes())?;
        let start = Instant::now();
        let answer = asker.statement(sql).await;
        let took = start.elapsed();
        if let Err(failure) = answer {
            if let Failure::Work(error) = &failure {
                eprintln!("{}", show_in(error, sql));
                return Err(Failure::Told);
            }
            return Err(failure);
        }
        write_stdout(format!("-- {} µs\n", grouped(took.as_micros() as u64)).as_bytes())?;
    }
    Ok(())
}
