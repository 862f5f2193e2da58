//! fuzz TARGET SECONDS [--keep] [--seed N], or fuzz TARGET FILE to run one input.

mod counters;
mod engine;

use orbit_fuzz::TARGETS;
use std::path::Path;
use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let names: Vec<&str> = TARGETS.iter().map(|target| target.name).collect();
    let (Some(name), Some(what)) = (arguments.first(), arguments.get(1)) else {
        println!("{}", names.join(" "));
        return ExitCode::SUCCESS;
    };
    let Some(target) = TARGETS.iter().find(|target| target.name == name) else {
        eprintln!("fuzz: no target {name}; there are {}", names.join(", "));
        return ExitCode::from(2);
    };
    if Path::new(what).is_file() {
        return match std::fs::read(what) {
            Ok(data) => {
                (target.run)(&data);
                ExitCode::SUCCESS
            }
            Err(error) => {
                eprintln!("fuzz: {what}: {error}");
                ExitCode::from(2)
            }
        };
    }
    let Ok(seconds) = what.parse() else {
        eprintln!("fuzz: {what} is neither a file nor a number of seconds");
        return ExitCode::from(2);
    };
    let after = |flag: &str| {
        arguments
            .iter()
            .skip_while(move |given| *given != flag)
            .nth(1)
    };
    let seed = after("--seed").and_then(|seed| seed.parse().ok());
    let keep = arguments.iter().any(|given| given == "--keep");
    engine::run(target, seconds, keep, seed)
}
