use super::*;
use crate::database::{Database, DatabaseOptions};
use crate::error::{Result, state};
use crate::store::sim::SimStore;
use crate::store::{Batch, Direction, KeyRange, Store};
use std::sync::Arc;

fn filled(rows: u32) -> Arc<SimStore> {
    let store = Arc::new(SimStore::new());
    let mut batch = Batch::new();
    let next = meta_next(7);
    batch.put(Space::Meta, crate::meta::NEXT, &next);
    for row in 0..rows {
        let key = [&[0, 0, 0, 1, 0, 0, 0, 3], &row.to_be_bytes()[..]].concat();
        batch.put(Space::Data, &key, &vec![row as u8; 100]);
        batch.put(Space::Log, &key, b"record");
    }
    // A load that the snapshot's counters know nothing of.
    batch.put(Space::Data, &[0, 0, 0, 9, 0, 0, 0, 7, 1], b"later");
    batch.put(Space::Index, &[0, 0, 0, 1, 0, 0, 0, 8, 1], b"");
    batch.put(Space::Index, &[0, 0, 0, 2, 0, 0, 0, 6, 1], b"");
    store.apply(&batch).unwrap();
    store.sync().unwrap();
    store
}

fn meta_next(storage: u32) -> Vec<u8> {
    crate::meta::json(&crate::meta::Next {
        storage,
        ..crate::meta::Next::default()
    })
    .unwrap()
}

fn about() -> About {
    About {
        orbit: "0".into(),
        site: SiteId(1),
        incarnation: Incarnation(2),
        store: "sim".into(),
        position: Hlc(3),
        taken_at_micros: 4,
        estimated_bytes: 5,
    }
}

fn backup(store: &SimStore) -> Vec<u8> {
    let snapshot = store.snapshot().unwrap();
    let facts = StoreFacts {
        about: about(),
        snapshot,
    };
    let mut stream = BackupStream::new(facts).unwrap();
    let mut out = Vec::new();
    while let Some(bytes) = stream.next().unwrap() {
        out.extend(bytes);
    }
    out
}

fn check(bytes: &[u8], mut each: impl FnMut(Checked) -> Result<()>) -> Result<Manifest> {
    let mut checker = Checker::new("b", |_, _, _| None);
    let Some((preamble, mut rest)) = bytes.split_first_chunk() else {
        return Err(checker.cut());
    };
    checker.preamble(preamble)?;
    while !rest.is_empty() {
        let Some((head, after)) = rest.split_first_chunk() else {
            return Err(checker.cut());
        };
        let head = checker.head(head)?;
        let Some((body, after)) = after.split_at_checked(head.stored as usize) else {
            return Err(checker.cut());
        };
        each(checker.body(&head, body)?)?;
        rest = after;
    }
    checker.end()
}

fn contents(store: &dyn Store) -> Vec<(Space, Vec<u8>, Vec<u8>)> {
    let mut out = Vec::new();
    for space in Space::ALL {
        let snapshot = store.snapshot().unwrap();
        let mut cursor = snapshot
            .scan(space, KeyRange::default(), Direction::Forward)
            .unwrap();
        while cursor.advance().unwrap() {
            out.push((space, cursor.key().to_vec(), cursor.value().to_vec()));
        }
    }
    out
}

#[test]
fn a_restored_store_holds_what_the_snapshot_held() {
    let store = filled(10_000);
    let bytes = backup(&store);
    let copy = Arc::new(SimStore::new());
    let mut loader = Loader::new(copy.clone());
    let manifest = check(&bytes, |piece| match piece {
        Checked::Entries(space, plain) => loader.take(space, &plain),
        _ => Ok(()),
    })
    .unwrap();
    loader.finish().unwrap();
    assert!(manifest.pieces > 5, "{manifest:?}");
    let mut wanted = contents(store.as_ref());
    wanted.retain(|(space, key, _)| {
        !matches!(space, Space::Data | Space::Index) || key[4..8] < [0, 0, 0, 7][..]
    });
    assert_eq!(contents(copy.as_ref()), wanted);
    assert_eq!(manifest.entries() as usize, wanted.len());
}

#[test]
fn backups_of_older_versions_are_read_and_of_newer_ones_refused() {
    let bytes = backup(&filled(4));
    assert_eq!(bytes[14..16], VERSION.to_le_bytes());
    let of = |version: u16| {
        let mut bytes = bytes.clone();
        bytes[14..16].copy_from_slice(&version.to_le_bytes());
        check(&bytes, |_| Ok(()))
    };
    of(1).unwrap();
    for version in [0, VERSION + 1, u16::MAX] {
        let error = of(version).unwrap_err();
        assert!(error.is(state::OBJECT_NOT_IN_PREREQUISITE_STATE));
        assert!(error.message().contains(&format!("has format {version},")));
    }
}

#[test]
fn every_flipped_bit_and_every_cut_is_noticed() {
    let bytes = backup(&filled(40));
    check(&bytes, |_| Ok(())).unwrap();
    for cut in 0..bytes.len() {
        let error = check(&bytes[..cut], |_| Ok(())).unwrap_err();
        assert!(error.is(state::DATA_CORRUPTED), "cut at {cut}: {error}");
        assert!(error.hint().is_some());
    }
    for at in 0..bytes.len() {
        let mut damaged = bytes.clone();
        damaged[at] ^= 1 << (at % 8);
        let error = check(&damaged, |_| Ok(())).unwrap_err();
        // The version's two bytes make it a backup of another version.
        assert!(
            error.is(state::DATA_CORRUPTED) || (14..16).contains(&at),
            "byte {at}: {error}"
        );
    }
    let mut longer = bytes.clone();
    longer.extend(&bytes[16..]);
    assert!(check(&longer, |_| Ok(())).is_err());
}

#[tokio::test]
async fn a_new_life_begins_its_log_anew() {
    let store = Arc::new(SimStore::new());
    let database = Database::open(store.clone(), DatabaseOptions::default()).unwrap();
    let (site, incarnation) = (database.site(), database.incarnation());
    database.shutdown().await.unwrap();
    drop(database);
    let mut batch = Batch::new();
    batch.put(Space::Log, &[crate::ids::Lane::NORMAL.0, 1], b"old");
    store.apply(&batch).unwrap();
    write_identity(store.as_ref(), None, Incarnation(77)).unwrap();
    let database = Database::open(store.clone(), DatabaseOptions::default()).unwrap();
    assert_eq!(
        (database.site(), database.incarnation()),
        (site, Incarnation(77))
    );
    assert_ne!(incarnation, Incarnation(77));
    database.shutdown().await.unwrap();
    drop(database);
    write_identity(store.as_ref(), Some(SiteId(5)), Incarnation(78)).unwrap();
    let identity = crate::meta::Identity::of(store.as_ref()).unwrap().unwrap();
    assert_eq!(
        (identity.site, identity.incarnation),
        (SiteId(5), Incarnation(78))
    );
}
