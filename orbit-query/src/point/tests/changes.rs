//! INSERT, UPDATE and DELETE: what is written, and what refuses to be.

use super::*;

async fn accounts() -> Fixture {
    let fixture = Fixture::new();
    fixture
        .table(
            "acc",
            vec![
                c("id", SqlType::Int4),
                ColumnSpec("owner", SqlType::Varchar(Some(8)), true, Some("'nobody'")),
                ColumnSpec("balance", SqlType::Int4, false, Some("0")),
                c("email", SqlType::Text),
                ColumnSpec("at", SqlType::Timestamp, false, Some("now()")),
            ],
            &[0],
            &[("acc_email_key", &[(3, false)], true)],
            &[("acc_balance_check", "balance >= 0")],
        )
        .await;
    fixture
}

#[tokio::test]
async fn insert_completes_converts_and_returns() {
    let fixture = accounts().await;
    assert_eq!(
        fixture
            .rows("INSERT INTO acc (id) VALUES (1) RETURNING *", &[])
            .await,
        ["1|nobody|0|NULL|2023-11-14 22:13:20"]
    );
    assert_eq!(
        fixture
            .rows(
                "INSERT INTO acc (balance, id, owner) VALUES ($1, $2, $3), (7.6, 3, DEFAULT) \
                 RETURNING id, balance * 2 AS twice, owner",
                &["5", "2", "ann"]
            )
            .await,
        ["2|10|ann", "3|16|nobody"]
    );
    assert_eq!(
        fixture
            .rows("SELECT owner FROM acc WHERE id = 2", &[])
            .await,
        ["ann"]
    );
    for (sql, expected) in [
        (
            "INSERT INTO acc (id) VALUES (1)",
            "23505: duplicate key value violates unique constraint \"acc_pkey\" (Key (id)=(1) already exists.)",
        ),
        (
            "INSERT INTO acc (id, owner) VALUES (9, NULL)",
            "23502: null value in column \"owner\" of relation \"acc\" violates not-null constraint (Failing row contains (9, null, 0, null, 2023-11-14 22:13:20).)",
        ),
        (
            "INSERT INTO acc (id, balance) VALUES (9, -1)",
            "23514: new row for relation \"acc\" violates check constraint \"acc_balance_check\" (Failing row contains (9, nobody, -1, null, 2023-11-14 22:13:20).)",
        ),
        (
            "INSERT INTO acc (id, owner) VALUES (9, 'much too long')",
            "22001: value too long for type character varying(8)",
        ),
        (
            "INSERT INTO acc (id) VALUES (1, 2)",
            "42601: INSERT has more expressions than target columns",
        ),
        (
            "INSERT INTO acc (id, owner) VALUES (1)",
            "42601: INSERT has more target columns than expressions",
        ),
        (
            "INSERT INTO acc (id, id) VALUES (1, 2)",
            "42701: column \"id\" specified more than once",
        ),
        (
            "INSERT INTO acc (nosuch) VALUES (1)",
            "42703: column \"nosuch\" of relation \"acc\" does not exist",
        ),
        (
            "INSERT INTO acc (id) VALUES ('x')",
            "22P02: invalid input syntax for type integer: \"x\"",
        ),
    ] {
        assert_eq!(fixture.error(sql, &[]).await, expected, "{sql}");
    }
    // Nothing of a statement that failed half way.
    let mut txn = fixture.db.begin(Isolation::ReadCommitted);
    assert!(
        fixture
            .run_in(&mut txn, "INSERT INTO acc (id) VALUES (10), (1)", &[])
            .await
            .is_err()
    );
    drop(txn);
    assert!(
        fixture
            .rows("SELECT id FROM acc WHERE id = 10", &[])
            .await
            .is_empty()
    );
}

#[tokio::test]
async fn on_conflict_does_nothing_or_updates() {
    let fixture = accounts().await;
    fixture
        .tag(
            "INSERT INTO acc (id, balance, email) VALUES (1, 5, 'a@b'), (2, 6, 'c@d')",
            &[],
        )
        .await;
    for (sql, tag) in [
        (
            "INSERT INTO acc (id) VALUES (1) ON CONFLICT DO NOTHING",
            "INSERT 0 0",
        ),
        (
            "INSERT INTO acc (id) VALUES (1), (3) ON CONFLICT (id) DO NOTHING",
            "INSERT 0 1",
        ),
        (
            "INSERT INTO acc (id, email) VALUES (8, 'a@b') ON CONFLICT (email) DO NOTHING",
            "INSERT 0 0",
        ),
        (
            "INSERT INTO acc (id, email) VALUES (8, 'a@b') ON CONFLICT ON CONSTRAINT acc_email_key DO NOTHING",
            "INSERT 0 0",
        ),
        (
            "INSERT INTO acc (id, balance) VALUES (1, 100) ON CONFLICT (id) DO UPDATE SET balance = acc.balance + excluded.balance",
            "INSERT 0 1",
        ),
        (
            "INSERT INTO acc AS x (id, balance) VALUES (2, 1) ON CONFLICT ON CONSTRAINT acc_pkey DO UPDATE SET balance = excluded.balance WHERE x.balance > 100",
            "INSERT 0 0",
        ),
    ] {
        assert_eq!(fixture.tag(sql, &[]).await, tag, "{sql}");
    }
    assert_eq!(
        fixture
            .rows(
                "INSERT INTO acc (id, balance) VALUES ($1, $2), (4, 1) ON CONFLICT (id) \
                 DO UPDATE SET (balance, owner) = (excluded.balance, 'upd') RETURNING id, balance, owner",
                &["2", "9"]
            )
            .await,
        ["2|9|upd", "4|1|nobody"]
    );
    assert_eq!(
        fixture
            .rows("SELECT id, balance, email FROM acc WHERE id <= 9", &[])
            .await,
        ["1|105|a@b", "2|9|c@d", "3|0|NULL", "4|1|NULL"]
    );
    for (sql, expected) in [
        (
            "INSERT INTO acc (id) VALUES (5), (5) ON CONFLICT (id) DO UPDATE SET balance = 1",
            "21000: ON CONFLICT DO UPDATE command cannot affect row a second time",
        ),
        (
            "INSERT INTO acc (id) VALUES (1) ON CONFLICT (owner) DO NOTHING",
            "42P10: there is no unique or exclusion constraint matching the ON CONFLICT specification",
        ),
        (
            "INSERT INTO acc (id) VALUES (1) ON CONFLICT DO UPDATE SET balance = 1",
            "42601: ON CONFLICT DO UPDATE requires inference specification or constraint name",
        ),
        (
            "INSERT INTO acc (id) VALUES (1) ON CONFLICT (id) DO UPDATE SET balance = balance + 1",
            "42702: column reference \"balance\" is ambiguous",
        ),
        (
            "INSERT INTO acc (id, email) VALUES (77, 'a@b') ON CONFLICT (id) DO NOTHING",
            "23505: duplicate key value violates unique constraint \"acc_email_key\" (Key (email)=(a@b) already exists.)",
        ),
    ] {
        assert_eq!(fixture.error(sql, &[]).await, expected, "{sql}");
    }
}

#[tokio::test]
async fn update_and_delete_by_key_index_and_range() {
    let fixture = accounts().await;
    let values: Vec<_> = (0..20).map(|id| format!("({id}, {id}, 'm{id}')")).collect();
    fixture
        .tag(
            &format!(
                "INSERT INTO acc (id, balance, email) VALUES {}",
                values.join(",")
            ),
            &[],
        )
        .await;
    for (sql, params, tag) in [
        (
            "UPDATE acc SET balance = balance + $1 WHERE id = $2",
            &["100", "3"][..],
            "UPDATE 1",
        ),
        (
            "UPDATE acc SET balance = balance + 1 WHERE id = 99",
            &[],
            "UPDATE 0",
        ),
        (
            "UPDATE acc SET balance = 0 WHERE id = 4 AND balance > 100",
            &[],
            "UPDATE 0",
        ),
        (
            "UPDATE acc SET owner = 'mail' WHERE email = 'm5'",
            &[],
            "UPDATE 1",
        ),
        (
            "UPDATE acc SET balance = balance * 10, owner = DEFAULT WHERE id BETWEEN 6 AND 8",
            &[],
            "UPDATE 3",
        ),
        (
            "UPDATE acc SET id = id + 1000 WHERE id >= 18",
            &[],
            "UPDATE 2",
        ),
        (
            "UPDATE acc SET balance = -1 * -5 WHERE id IN (1, 2)",
            &[],
            "UPDATE 2",
        ),
        ("DELETE FROM acc WHERE id = 0", &[], "DELETE 1"),
        ("DELETE FROM acc WHERE email = $1", &["m9"], "DELETE 1"),
        (
            "DELETE FROM acc WHERE id > 9 AND id < 16 AND balance <> 12",
            &[],
            "DELETE 5",
        ),
    ] {
        assert_eq!(fixture.tag(sql, params).await, tag, "{sql}");
    }
    assert_eq!(
        fixture
            .rows("SELECT id, balance FROM acc WHERE id >= 0", &[])
            .await,
        [
            "1|5", "2|5", "3|103", "4|4", "5|5", "6|60", "7|70", "8|80", "12|12", "16|16", "17|17",
            "1018|18", "1019|19"
        ]
    );
    assert_eq!(
        fixture
            .rows(
                "UPDATE acc SET balance = 1 WHERE id = 5 RETURNING id, owner, balance, balance + 1",
                &[]
            )
            .await,
        ["5|mail|1|2"]
    );
    assert_eq!(
        fixture
            .rows("DELETE FROM acc WHERE id = 5 RETURNING balance, email", &[])
            .await,
        ["1|m5"]
    );
    for (sql, expected) in [
        (
            "UPDATE acc SET balance = -1 WHERE id = 1",
            "23514: new row for relation \"acc\" violates check constraint \"acc_balance_check\" (Failing row contains (1, nobody, -1, m1, 2023-11-14 22:13:20).)",
        ),
        (
            "UPDATE acc SET owner = NULL WHERE id = 1",
            "23502: null value in column \"owner\" of relation \"acc\" violates not-null constraint (Failing row contains (1, null, 5, m1, 2023-11-14 22:13:20).)",
        ),
        (
            "UPDATE acc SET email = 'm2' WHERE id = 1",
            "23505: duplicate key value violates unique constraint \"acc_email_key\" (Key (email)=(m2) already exists.)",
        ),
        (
            "UPDATE acc SET balance = 2147483647 + 1 WHERE id = 1",
            "22003: integer out of range",
        ),
        (
            "UPDATE acc SET balance = 1, balance = 2 WHERE id = 1",
            "42601: multiple assignments to same column \"balance\"",
        ),
        (
            "UPDATE acc SET nosuch = 1 WHERE id = 1",
            "42703: column \"nosuch\" of relation \"acc\" does not exist",
        ),
    ] {
        assert_eq!(fixture.error(sql, &[]).await, expected, "{sql}");
    }
}

#[tokio::test]
async fn a_statement_sees_its_transactions_writes_but_not_its_own() {
    let fixture = accounts().await;
    let mut txn = fixture.db.begin(Isolation::ReadCommitted);
    for (sql, expected) in [
        (
            "INSERT INTO acc (id, balance) VALUES (1, 1), (2, 2)",
            "INSERT 0 2",
        ),
        // Each row moves into the range that is being walked.
        ("UPDATE acc SET id = id + 10 WHERE id > 0", "UPDATE 2"),
        (
            "UPDATE acc SET balance = balance + 1 WHERE id = 11",
            "UPDATE 1",
        ),
    ] {
        assert_eq!(
            fixture.run_in(&mut txn, sql, &[]).await.unwrap().0,
            expected
        );
    }
    let seen = fixture
        .run_in(&mut txn, "SELECT id, balance FROM acc WHERE id > 0", &[])
        .await
        .unwrap();
    assert_eq!(seen.1, ["11|2", "12|2"]);
    drop(txn);
    assert!(
        fixture
            .rows("SELECT id FROM acc WHERE id > 0", &[])
            .await
            .is_empty()
    );
}

#[tokio::test]
async fn tables_without_a_key_take_rows() {
    let fixture = Fixture::new();
    fixture
        .table(
            "h",
            vec![c("a", SqlType::Int4), c("at", SqlType::Timestamp)],
            &[],
            &[],
            &[],
        )
        .await;
    for _ in 0..3 {
        assert_eq!(
            fixture
                .tag(
                    "INSERT INTO h (a, at) VALUES ($1, CURRENT_TIMESTAMP)",
                    &["1"]
                )
                .await,
            "INSERT 0 1"
        );
    }
    assert_eq!(fixture.rows("SELECT * FROM h LIMIT 9", &[]).await.len(), 3);
}
