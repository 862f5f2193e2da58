//! One line a check: `ok NAME` or `not ok NAME: why`.

use std::fmt::Display;

#[derive(Default)]
pub struct Checks {
    done: usize,
    failed: usize,
}

/// What a check ends with: anything that can be told.
pub type Outcome = Result<(), Box<dyn std::error::Error + Send + Sync>>;

impl Checks {
    pub fn tell(&mut self, name: &str, outcome: Outcome) {
        self.done += 1;
        match outcome {
            Ok(()) => println!("ok {name}"),
            Err(error) => {
                self.failed += 1;
                let mut why = error.to_string();
                let mut cause = error.source();
                while let Some(next) = cause {
                    why = format!("{why}: {next}");
                    cause = next.source();
                }
                let why: Vec<&str> = why.split_whitespace().collect();
                println!("not ok {name}: {}", why.join(" "));
            }
        }
    }

    pub fn finish(self) -> ! {
        println!("{} checks, {} failed", self.done, self.failed);
        std::process::exit(i32::from(self.failed > 0));
    }
}

pub fn equal<T: PartialEq + std::fmt::Debug>(found: T, expected: T) -> Outcome {
    match found == expected {
        true => Ok(()),
        false => Err(format!("{found:?} instead of {expected:?}").into()),
    }
}

pub fn yes(condition: bool, what: impl Display) -> Outcome {
    match condition {
        true => Ok(()),
        false => Err(format!("not so: {what}").into()),
    }
}

fn setting(name: &str, otherwise: &str) -> String {
    std::env::var(name).unwrap_or_else(|_| otherwise.to_owned())
}

/// The server under test, as a key-value string.
pub fn settings() -> String {
    format!(
        "host={} port={} user={} dbname={}",
        setting("PGHOST", "127.0.0.1"),
        setting("PGPORT", "5432"),
        setting("PGUSER", "orbit"),
        setting("PGDATABASE", "orbit")
    )
}

/// The same as a URL.
pub fn url() -> String {
    format!(
        "postgres://{}@{}:{}/{}",
        setting("PGUSER", "orbit"),
        setting("PGHOST", "127.0.0.1"),
        setting("PGPORT", "5432"),
        setting("PGDATABASE", "orbit")
    )
}
