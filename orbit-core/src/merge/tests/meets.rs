//! A merge that comes while a transaction of this node is under way: it waits for no row, and
//! the transaction loses nothing of either.

use super::sites::Fleet;
use super::*;
use crate::clock::Hlc;
use crate::error::{Result, state};
use crate::ids::SiteOrdinal;
use crate::store::Store;
use crate::txn::tests::{pk, row};
use crate::txn::{Isolation, RowLock, Transaction, Wait};
use std::pin::Pin;
use std::sync::Arc;

/// Two sites with one row; its number is a counter.
async fn two() -> Fleet {
    let mut fleet = Fleet::new(1).await;
    let mut txn = fleet.sites[0].db.begin(Isolation::ReadCommitted);
    txn.begin_statement();
    let table = fleet.sites[0].table.clone();
    txn.insert(&table, row(1, "a", 100)).await.unwrap();
    txn.commit().await.unwrap();
    fleet.hear(1, 0, u64::MAX).await;
    fleet
}

/// Begins a transaction that adds to the row as an UPDATE does, and leaves it open.
async fn adding(fleet: &Fleet, site: usize, added: i64, isolation: Isolation) -> Transaction {
    let here = &fleet.sites[site];
    let mut txn = here.db.begin(isolation);
    txn.begin_statement();
    let locked = txn
        .lock_row(&here.table, &pk(1), RowLock::NoKeyUpdate, Wait::Block)
        .await
        .unwrap();
    let before = crate::txn::decode(&here.table, &locked.row.unwrap()).unwrap();
    let after = super::world::int(&before[2]) + added;
    txn.update(&here.table, &pk(1), vec![(2, Value::Int8(after))])
        .await
        .unwrap();
    txn
}

fn number(fleet: &Fleet, site: usize) -> i64 {
    super::world::int(&fleet.rows(site)[0][2])
}

#[tokio::test]
async fn what_came_before_commit_is_kept() {
    let mut fleet = two().await;
    let here = adding(&fleet, 0, -3, Isolation::ReadCommitted).await;
    let there = adding(&fleet, 1, -4, Isolation::ReadCommitted).await;
    there.commit().await.unwrap();
    // It doesn't wait for the row that is locked.
    fleet.hear(0, 1, u64::MAX).await;
    assert_eq!(number(&fleet, 0), 96);
    here.commit().await.unwrap();
    assert_eq!(number(&fleet, 0), 93);
    fleet.hear(1, 0, u64::MAX).await;
    assert_eq!(number(&fleet, 1), 93);
    fleet.check_index(0);
    assert_eq!(fleet.fingerprint(0), fleet.fingerprint(1));
}

#[tokio::test]
async fn who_reads_repeatably_is_told() {
    let mut fleet = two().await;
    let here = adding(&fleet, 0, -3, Isolation::RepeatableRead).await;
    let there = adding(&fleet, 1, -4, Isolation::ReadCommitted).await;
    there.commit().await.unwrap();
    fleet.hear(0, 1, u64::MAX).await;
    let refused: Result<()> = here.commit().await;
    assert_eq!(refused.unwrap_err().state(), state::SERIALIZATION_FAILURE);
    assert_eq!(number(&fleet, 0), 96);
}

/// The commit is ready and waits for its turn when the merge takes its own before it.
#[tokio::test]
async fn what_comes_between_commit_and_its_turn_is_kept() {
    for times in 1..4 {
        let mut fleet = two().await;
        by_hand(&mut fleet, 0).await;
        let mut commit = Box::pin(
            adding(&fleet, 0, -3, Isolation::ReadCommitted)
                .await
                .commit(),
        );
        let db = fleet.sites[0].db.clone();
        for nth in 1..=times {
            let there = adding(&fleet, 1, -4, Isolation::ReadCommitted).await;
            there.commit().await.unwrap();
            let incoming = fleet.last(1, 0);
            let mut merge = Box::pin(db.merge(incoming));
            // The merge first, then the commit, which was built without it.
            assert!(begun(merge.as_mut()).await);
            assert!(begun(commit.as_mut()).await);
            assert!(db.write_group() && db.flush());
            merge.await.unwrap();
            assert_eq!(number(&fleet, 0), 100 - 4 * nth);
        }
        assert!(begun(commit.as_mut()).await);
        assert!(db.write_group() && db.flush());
        commit.await.unwrap();
        assert_eq!(number(&fleet, 0), 100 - 3 - 4 * times);
        assert_eq!(db.stats().locks, 0);
    }
}

/// Each of two sites inserts a row of one key; the second's is the later one.
async fn two_inserts(fleet: &Fleet) {
    for (site, name) in [(0, "a"), (1, "b")] {
        let here = &fleet.sites[site];
        let before = fleet.sites[0].db.stats().newest.millis();
        while here.db.clock().wall_micros().cast_unsigned() / 1000 <= before {
            tokio::task::yield_now().await;
        }
        let mut txn = here.db.begin(Isolation::ReadCommitted);
        txn.begin_statement();
        txn.insert(&here.table, row(1, name, 0)).await.unwrap();
        txn.commit().await.unwrap();
    }
}

/// What is kept beside the row that is shown comes up with all that was merged into it.
#[tokio::test]
async fn what_is_merged_beside_a_row_while_it_is_deleted_is_kept() {
    let mut fleet = Fleet::new(0).await;
    two_inserts(&fleet).await;
    // The first to hear shows the later one, which is the second's; the second hears nothing
    // and goes on with its own.
    fleet.hear(1, 0, u64::MAX).await;
    by_hand(&mut fleet, 1).await;
    let (here, there) = (&fleet.sites[1], &fleet.sites[0]);
    assert_eq!(fleet.rows(1)[0][1], Value::Text("b".into()));
    let mut gone = here.db.begin(Isolation::ReadCommitted);
    gone.begin_statement();
    assert!(gone.delete(&here.table, &pk(1)).await.unwrap());
    let mut commit = Box::pin(gone.commit());

    let mut txn = there.db.begin(Isolation::ReadCommitted);
    txn.begin_statement();
    txn.update(&there.table, &pk(1), vec![(2, Value::Int8(7))])
        .await
        .unwrap();
    txn.commit().await.unwrap();
    let db = here.db.clone();
    let mut merge = Box::pin(db.merge(fleet.last(0, 1)));
    assert!(begun(merge.as_mut()).await);
    assert!(begun(commit.as_mut()).await);
    assert!(db.write_group() && db.flush());
    merge.await.unwrap();
    assert!(begun(commit.as_mut()).await);
    assert!(db.write_group() && db.flush());
    commit.await.unwrap();
    let expected = vec![Value::Int4(1), Value::Text("a".into()), Value::Int8(7)];
    assert_eq!(fleet.rows(1), [expected]);
    fleet.check_index(1);
}

/// A row that was changed here, and was put aside before COMMIT, is changed there.
#[tokio::test]
async fn what_was_written_to_a_row_that_went_aside_has_its_time() {
    let mut fleet = Fleet::new(0).await;
    let begin = |fleet: &Fleet, site: usize| {
        let mut txn = fleet.sites[site].db.begin(Isolation::ReadCommitted);
        txn.begin_statement();
        txn
    };
    two_inserts(&fleet).await;
    // The second's is the later one: it is shown where both are known.
    let table = fleet.sites[0].table.clone();
    let mut open = begin(&fleet, 0);
    open.update(&table, &pk(1), vec![(2, Value::Int8(5))])
        .await
        .unwrap();
    fleet.hear(0, 1, u64::MAX).await;
    assert_eq!(fleet.rows(0)[0][1], Value::Text("b".into()));
    open.commit().await.unwrap();
    // It comes up again where the other goes, with its own times.
    let mut gone = begin(&fleet, 0);
    gone.delete(&table, &pk(1)).await.unwrap();
    gone.commit().await.unwrap();
    assert_eq!(fleet.rows(0)[0][2], Value::Int8(5));
    fleet.hear(1, 0, u64::MAX).await;
    assert_eq!(fleet.rows(1), fleet.rows(0));
    let mut txn = begin(&fleet, 1);
    let there = fleet.sites[1].table.clone();
    txn.update(&there, &pk(1), vec![(2, Value::Int8(6))])
        .await
        .unwrap();
    txn.commit().await.unwrap();
    fleet.hear(0, 1, u64::MAX).await;
    assert_eq!(fleet.rows(0)[0][2], Value::Int8(6));
    assert_eq!(fleet.stamps(0), fleet.stamps(1));
}

#[tokio::test]
async fn what_nobody_can_have_written_is_refused() {
    let mut fleet = two().await;
    let there = adding(&fleet, 1, -4, Isolation::ReadCommitted).await;
    there.commit().await.unwrap();
    let db = fleet.sites[0].db.clone();
    let now = db.clock().wall_micros().cast_unsigned() / 1000;
    for hlc in [Hlc::ZERO, Hlc::MAX, Hlc::from_millis(now + 3_600_000)] {
        let refused = db
            .merge(Incoming {
                hlc,
                ..fleet.last(1, 0)
            })
            .await;
        let refused = refused.unwrap_err();
        assert_eq!(refused.state(), state::INVALID_PARAMETER_VALUE);
    }
    let nobody = SiteOrdinal(4711);
    let beyond = crate::ids::Sequence(1000);
    for writer in [nobody, db.ordinals[&crate::ids::Lane::NORMAL]] {
        let incoming = Incoming {
            writer,
            sequence: beyond,
            ..fleet.last(1, 0)
        };
        let refused = db.merge(incoming).await;
        assert_eq!(refused.unwrap_err().state(), state::PROTOCOL_VIOLATION);
    }
    for (causal_length, columns, body) in [(2, 0, vec![0]), (1, 9, vec![0; 99]), (1, 3, vec![0; 4])]
    {
        let mut operations = crate::log::OperationWriter::default();
        let table = fleet.sites[0].table.id;
        operations.insert(table, &pk(9), causal_length, None, columns, false, &body);
        let refused = db
            .merge(Incoming {
                operations,
                ..fleet.last(1, 0)
            })
            .await;
        assert!(refused.is_err(), "{causal_length} {columns}");
    }
    assert_eq!(number(&fleet, 0), 100);
    fleet.hear(0, 1, u64::MAX).await;
    assert_eq!(number(&fleet, 0), 96);
    assert_eq!(db.stats().locks, 0);
}

/// Opens a site's database anew, its commits moved by hand.
async fn by_hand(fleet: &mut Fleet, site: usize) {
    let here = &mut fleet.sites[site];
    here.db.shutdown().await.unwrap();
    let options = crate::database::DatabaseOptions {
        commits_by_hand: true,
        ..Default::default()
    };
    let store = here.store.clone() as Arc<dyn Store>;
    here.db = crate::database::Database::open(store, options).unwrap();
    let catalog = here.db.durable().catalog.clone();
    here.table = catalog.table_by_id(here.table.id).unwrap().clone();
}

/// Lets something go as far as it can; whether it still waits.
async fn begun(mut what: Pin<&mut impl Future>) -> bool {
    for _ in 0..50 {
        let mut context = std::task::Context::from_waker(std::task::Waker::noop());
        if what.as_mut().poll(&mut context).is_ready() {
            return false;
        }
        tokio::task::yield_now().await;
    }
    true
}
