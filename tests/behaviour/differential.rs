//! Every statement of `tests/differential/*.sql` gets from Orbit what PostgreSQL
//! says, or is listed in `docs/sql/compatibility.md`.

use orbit_tests::differential::generated::play;
use orbit_tests::differential::run::{Findings, Protocol, Run};
use orbit_tests::differential::script::Script;
use orbit_tests::differential::{files, known_differences};
use orbit_tests::postgres::Postgres;
use orbit_tests::{project, seed, skip, soak};

/// The suite may not shrink unnoticed.
const AT_LEAST: usize = 3_000;

#[tokio::test]
async fn answers_are_postgresqls() {
    let Some(postgres) = Postgres::start().await else {
        return skip("answers_are_postgresqls", "PostgreSQL is not installed");
    };
    let known = known_differences(&project().join("docs/sql/compatibility.md"));
    let run = Run {
        postgres: &postgres,
        known: &known,
    };
    let mut all = Findings::default();
    let mut statements = 0;
    for file in files() {
        let script = Script::read(&file);
        statements += script.statements.len();
        for protocol in [Protocol::Simple, Protocol::Extended] {
            if protocol == Protocol::Extended && script.flights && !soak() {
                continue;
            }
            let found = run.play(&script, protocol).await;
            all.statements += found.statements;
            all.known += found.known;
            all.wrong.extend(found.wrong);
        }
    }
    assert!(statements >= AT_LEAST, "only {statements} statements");
    println!(
        "{statements} statements, {} asked, {} known differences",
        all.statements, all.known
    );
    assert!(
        all.wrong.is_empty(),
        "{} are not as they should be:\n\n{}",
        all.wrong.len(),
        all.wrong.join("\n")
    );
}

/// The same statements in every `make test`; others, and many more, in `make soak`.
#[tokio::test]
async fn generated_statements_get_postgresqls_answers() {
    let Some(postgres) = Postgres::start().await else {
        return skip(
            "generated_statements_get_postgresqls_answers",
            "PostgreSQL is not installed",
        );
    };
    let (seed, statements) = match soak() {
        true => (seed("generated statements"), 50_000),
        false => (1, 2_000),
    };
    let outcome = play(&postgres, seed, statements).await;
    println!(
        "{} generated statements, {} refused",
        outcome.statements,
        outcome.refused.len()
    );
    assert!(
        outcome.wrong.is_empty(),
        "{} differ:\n\n{}",
        outcome.wrong.len(),
        outcome.wrong.join("\n")
    );
    assert!(
        outcome.refused.len() * 100 <= outcome.statements,
        "more than one in a hundred is refused:\n{}",
        outcome.refused.join("\n")
    );
}
