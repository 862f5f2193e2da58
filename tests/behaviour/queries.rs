//! Queries in PostgreSQL's dialect over real flights: Orbit's answers are
//! PostgreSQL's. The queries stand in `queries.sql`, separated by blank lines.

use orbit_tests::answers::{ask, same, show};
use orbit_tests::postgres::Postgres;
use orbit_tests::server::Server;
use orbit_tests::{flights, skip};

#[tokio::test]
async fn answers_are_postgresqls() {
    let Some(postgres) = Postgres::start().await else {
        return skip("answers_are_postgresqls", "PostgreSQL is not installed");
    };
    let server = Server::start().await;
    let (orbit, reference) = (server.connect().await, postgres.connect().await);
    for client in [&orbit, &reference] {
        client.batch_execute("SET TimeZone = 'UTC'").await.unwrap();
        flights::load(client).await;
    }
    let mut different = Vec::new();
    let queries: Vec<&str> = include_str!("queries.sql")
        .split("\n\n")
        .map(str::trim)
        .filter(|query| !query.is_empty())
        .collect();
    assert!(queries.len() >= 40, "{} queries", queries.len());
    for query in &queries {
        let (ours, theirs) = (ask(&orbit, query).await, ask(&reference, query).await);
        if !same(&ours, &theirs) {
            different.push(format!(
                "{query}\n--- Orbit\n{}\n--- PostgreSQL\n{}\n",
                show(&ours),
                show(&theirs)
            ));
        }
    }
    assert!(
        different.is_empty(),
        "{} of {} differ:\n\n{}",
        different.len(),
        queries.len(),
        different.join("\n")
    );
}
