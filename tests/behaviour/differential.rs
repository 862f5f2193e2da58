//! Every statement of `tests/differential/*.sql` gets from Orbit what PostgreSQL
//! says, or is listed in `docs/sql/compatibility.md`.

use orbit_tests::differential::run::{Findings, Protocol, Run};
use orbit_tests::differential::script::Script;
use orbit_tests::differential::{files, known_differences};
use orbit_tests::postgres::Postgres;
use orbit_tests::{project, skip};

/// The suite may not shrink unnoticed.
const AT_LEAST: usize = 40;

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
