//! Two transactions at the same rows.

use super::*;
use std::time::Duration;

async fn one() -> Arc<Fixture> {
    let fixture = Fixture::new();
    fixture
        .table(
            "j",
            vec![
                c("id", SqlType::Int4),
                c("state", SqlType::Text),
                c("n", SqlType::Int4),
            ],
            &[0],
            &[("j_state", &[(1, false)], false)],
            &[],
        )
        .await;
    fixture
        .tag(
            "INSERT INTO j VALUES (1, 'new', 0), (2, 'new', 0), (3, 'new', 0)",
            &[],
        )
        .await;
    Arc::new(fixture)
}

/// Starts a statement in its own transaction and lets it run into the lock.
async fn started(
    fixture: &Arc<Fixture>,
    isolation: Isolation,
    sql: &'static str,
) -> tokio::task::JoinHandle<Result<(String, Vec<String>)>> {
    let fixture = fixture.clone();
    let waiting = tokio::spawn(async move {
        let mut txn = fixture.db.begin(isolation);
        let answer = fixture.run_in(&mut txn, sql, &[]).await?;
        txn.commit().await?;
        Ok(answer)
    });
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert!(!waiting.is_finished(), "{sql} did not wait");
    waiting
}

#[tokio::test]
async fn an_update_that_waited_takes_the_newest_row() {
    let fixture = one().await;
    let mut first = fixture.db.begin(Isolation::ReadCommitted);
    fixture
        .run_in(&mut first, "UPDATE j SET n = n + 1 WHERE id = 1", &[])
        .await
        .unwrap();
    let second = started(
        &fixture,
        Isolation::ReadCommitted,
        "UPDATE j SET n = n + 10 WHERE id = 1 RETURNING n",
    )
    .await;
    first.commit().await.unwrap();
    let answer = second.await.unwrap().unwrap();
    assert_eq!(answer, ("UPDATE 1".into(), vec!["11".into()]));
}

#[tokio::test]
async fn the_condition_is_checked_again_on_the_newest_row() {
    let fixture = one().await;
    let mut first = fixture.db.begin(Isolation::ReadCommitted);
    fixture
        .run_in(&mut first, "UPDATE j SET state = 'done' WHERE id = 1", &[])
        .await
        .unwrap();
    let by_key = started(
        &fixture,
        Isolation::ReadCommitted,
        "UPDATE j SET n = 5 WHERE id = 1 AND state = 'new'",
    )
    .await;
    let by_index = started(
        &fixture,
        Isolation::ReadCommitted,
        "DELETE FROM j WHERE state = 'new'",
    )
    .await;
    first.commit().await.unwrap();
    assert_eq!(by_key.await.unwrap().unwrap().0, "UPDATE 0");
    assert_eq!(by_index.await.unwrap().unwrap().0, "DELETE 2");
    assert_eq!(
        fixture.rows("SELECT id, n FROM j WHERE id > 0", &[]).await,
        ["1|0"]
    );
}

#[tokio::test]
async fn a_deleted_row_is_as_if_never_found() {
    let fixture = one().await;
    let mut first = fixture.db.begin(Isolation::ReadCommitted);
    fixture
        .run_in(&mut first, "DELETE FROM j WHERE id = 1", &[])
        .await
        .unwrap();
    let second = started(
        &fixture,
        Isolation::ReadCommitted,
        "UPDATE j SET n = 5 WHERE id = 1",
    )
    .await;
    first.commit().await.unwrap();
    assert_eq!(second.await.unwrap().unwrap().0, "UPDATE 0");
}

#[tokio::test]
async fn repeatable_read_refuses_what_changed() {
    let fixture = one().await;
    let mut first = fixture.db.begin(Isolation::ReadCommitted);
    fixture
        .run_in(&mut first, "UPDATE j SET n = n + 1 WHERE id = 1", &[])
        .await
        .unwrap();
    let second = started(
        &fixture,
        Isolation::RepeatableRead,
        "UPDATE j SET n = n + 1 WHERE id = 1",
    )
    .await;
    first.commit().await.unwrap();
    let error = second.await.unwrap().unwrap_err();
    assert_eq!(error.state().as_str(), "40001");
}

#[tokio::test]
async fn rows_not_in_the_snapshot_are_not_waited_for() {
    let fixture = one().await;
    let mut first = fixture.db.begin(Isolation::ReadCommitted);
    fixture
        .run_in(&mut first, "INSERT INTO j VALUES (9, 'new', 0)", &[])
        .await
        .unwrap();
    fixture
        .run_in(&mut first, "UPDATE j SET state = 'busy' WHERE id = 1", &[])
        .await
        .unwrap();
    // As in PostgreSQL: nobody can see row 9, and row 2 never matched.
    let update = fixture.tag("UPDATE j SET n = 1 WHERE id = 9", &[]);
    assert_eq!(
        tokio::time::timeout(Duration::from_secs(5), update)
            .await
            .unwrap(),
        "UPDATE 0"
    );
    let update = fixture.tag("UPDATE j SET n = 1 WHERE id = 1 AND n = 77", &[]);
    assert_eq!(
        tokio::time::timeout(Duration::from_secs(5), update)
            .await
            .unwrap(),
        "UPDATE 0"
    );
    first.rollback();
}

#[tokio::test]
async fn for_update_locks_skips_and_refuses() {
    let fixture = one().await;
    let mut first = fixture.db.begin(Isolation::ReadCommitted);
    let answer = fixture
        .run_in(
            &mut first,
            "SELECT id FROM j WHERE id > 0 ORDER BY id LIMIT 1 FOR UPDATE",
            &[],
        )
        .await
        .unwrap();
    assert_eq!(answer.1, ["1"]);
    assert_eq!(
        fixture
            .rows(
                "SELECT id FROM j WHERE state = 'new' LIMIT 1 FOR UPDATE SKIP LOCKED",
                &[]
            )
            .await,
        ["2"]
    );
    assert_eq!(
        fixture
            .error("SELECT id FROM j WHERE id = 1 FOR UPDATE NOWAIT", &[])
            .await,
        "55P03: could not obtain lock on row in relation \"j\""
    );
    // Readers never wait.
    assert_eq!(
        fixture.rows("SELECT id FROM j WHERE id = 1", &[]).await,
        ["1"]
    );
    let waiting = started(
        &fixture,
        Isolation::ReadCommitted,
        "SELECT n FROM j WHERE id = 1 FOR SHARE",
    )
    .await;
    fixture
        .run_in(&mut first, "UPDATE j SET n = 42 WHERE id = 1", &[])
        .await
        .unwrap();
    first.commit().await.unwrap();
    assert_eq!(waiting.await.unwrap().unwrap().1, ["42"]);
}

#[tokio::test]
async fn an_upsert_waits_for_the_key_and_then_updates() {
    let fixture = one().await;
    let mut first = fixture.db.begin(Isolation::ReadCommitted);
    fixture
        .run_in(&mut first, "INSERT INTO j VALUES (7, 'x', 1)", &[])
        .await
        .unwrap();
    let upsert = started(
        &fixture,
        Isolation::ReadCommitted,
        "INSERT INTO j VALUES (7, 'y', 5) ON CONFLICT (id) DO UPDATE SET n = j.n + excluded.n RETURNING n, state",
    )
    .await;
    first.commit().await.unwrap();
    assert_eq!(upsert.await.unwrap().unwrap().1, ["6|x"]);
}

#[tokio::test]
async fn a_plan_for_a_changed_table_is_refused() {
    let fixture = one().await;
    let plan = fixture.must_plan("UPDATE j SET n = 1 WHERE id = 1");
    let mut txn = fixture.db.begin(Isolation::ReadCommitted);
    let mut def = fixture
        .db
        .durable()
        .catalog
        .table("public", "j")
        .unwrap()
        .def
        .clone();
    def.columns.truncate(2);
    txn.change_catalog(CatalogChange::PutTable(Box::new(def)))
        .unwrap();
    txn.commit().await.unwrap();
    assert!(!plan.is_current(&fixture.db.durable().catalog));
    let mut txn = fixture.db.begin(Isolation::ReadCommitted);
    txn.begin_statement();
    let error = plan
        .write(&mut txn, &[], &fixture.facts)
        .await
        .map(|_| ())
        .unwrap_err();
    assert!(error.is(orbit_core::state::STALE_PLAN));
}
