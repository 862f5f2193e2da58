//! Plays files of statements against PostgreSQL and the binary `ORBIT_BIN`, and shows
//! what differs: `differential [--simple | --extended] [--slow] FILE...` (`--slow`: also
//! which statements take long), or `differential --generate SEED COUNT`

use orbit_tests::differential::generated::play;
use orbit_tests::differential::known_differences;
use orbit_tests::differential::run::{Protocol, Run};
use orbit_tests::differential::script::Script;
use orbit_tests::postgres::Postgres;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let [word, seed, count] = arguments.as_slice()
        && word == "--generate"
    {
        return generate(seed.parse().unwrap_or(1), count.parse().unwrap_or(1000)).await;
    }
    let (mut protocols, mut files, mut slow) = (Vec::new(), Vec::new(), false);
    for argument in arguments {
        match argument.as_str() {
            "--simple" => protocols.push(Protocol::Simple),
            "--extended" => protocols.push(Protocol::Extended),
            "--slow" => slow = true,
            _ => files.push(PathBuf::from(argument)),
        }
    }
    if protocols.is_empty() {
        protocols = vec![Protocol::Simple, Protocol::Extended];
    }
    let Some(postgres) = Postgres::start().await else {
        eprintln!("PostgreSQL is not installed");
        return ExitCode::FAILURE;
    };
    let known = known_differences(Path::new("docs/sql/compatibility.md"));
    let run = Run {
        postgres: &postgres,
        known: &known,
    };
    let mut wrong = 0;
    for file in files {
        let script = Script::read(&file);
        for &protocol in &protocols {
            let started = std::time::Instant::now();
            let found = run.play(&script, protocol).await;
            for difference in &found.wrong {
                println!("=== {difference}");
            }
            for (place, seconds) in found.slow.iter().filter(|_| slow) {
                println!("slow: {place}: {seconds:.1} s");
            }
            wrong += found.wrong.len();
            println!(
                "{} ({protocol:?}): {} statements, {} known differences, {} wrong, {:.1} s",
                script.name,
                found.statements,
                found.known,
                found.wrong.len(),
                started.elapsed().as_secs_f64()
            );
        }
    }
    match wrong {
        0 => ExitCode::SUCCESS,
        _ => ExitCode::FAILURE,
    }
}

async fn generate(seed: u64, count: usize) -> ExitCode {
    let Some(postgres) = Postgres::start().await else {
        eprintln!("PostgreSQL is not installed");
        return ExitCode::FAILURE;
    };
    let outcome = play(&postgres, seed, count).await;
    for sql in &outcome.refused {
        println!("refused: {sql}");
    }
    for difference in &outcome.wrong {
        println!("=== {difference}");
    }
    println!(
        "{} statements, {} refused, {} wrong",
        outcome.statements,
        outcome.refused.len(),
        outcome.wrong.len()
    );
    match outcome.wrong.is_empty() {
        true => ExitCode::SUCCESS,
        false => ExitCode::FAILURE,
    }
}
