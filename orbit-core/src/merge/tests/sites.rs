//! Whole databases that hear of each other's commits, also through a third, with crashes.

use super::*;
use crate::catalog::Table;
use crate::database::Database;
use crate::error::{Error, Result, state};
use crate::fingerprint::{BUCKETS, Fingerprints};
use crate::ids::{Lane, Sequence, SiteOrdinal, TableId};
use crate::log::{self, OperationWriter};
use crate::merge::translate::{NamedTable, Names, translate};
use crate::store::sim::SimStore;
use crate::store::{Direction, KeyRange};
use crate::txn::tests::{all, define, fingerprints, open, pk, row, table};
use crate::txn::{Isolation, index_columns};
use std::collections::BTreeMap;
use std::sync::Arc;

pub struct Site {
    pub store: Arc<SimStore>,
    pub db: Arc<Database>,
    pub table: Arc<Table>,
    /// Up to where it has heard of each other's log.
    heard: BTreeMap<usize, u64>,
}

/// What one database's names mean to another.
struct Between<'a> {
    from: &'a Site,
    to: &'a Site,
}

impl Names for Between<'_> {
    fn ordinal(&self, theirs: SiteOrdinal) -> Result<SiteOrdinal> {
        let origin = self.from.db.origin_of(theirs);
        let origin = origin.ok_or_else(|| Error::internal("nobody"))?;
        Ok(self.to.db.ordinal_of(&origin))
    }

    fn table(&self, theirs: TableId) -> Result<NamedTable> {
        assert_eq!(theirs, self.from.table.id);
        Ok(NamedTable {
            id: self.to.table.id,
            hidden_key: false,
        })
    }
}

pub struct Fleet {
    pub sites: Vec<Site>,
    random: World,
}

impl Fleet {
    pub async fn new(seed: u64) -> Fleet {
        let mut sites: Vec<Site> = Vec::new();
        for nth in 0..3 {
            let store = Arc::new(SimStore::default());
            let db = open(store.clone());
            // The same table, under other numbers.
            for _ in 0..nth * 3 {
                db.new_table_id();
                db.new_storage_id();
                db.new_partition_id();
            }
            let table = match sites.first() {
                None => {
                    let made = table(&db).await;
                    let mut def = made.def.clone();
                    // The number counts, or goes up only, and the name may go down only.
                    match seed % 4 {
                        1 => def.columns[2].kind = ColumnKind::Counter,
                        2 => def.columns[2].kind = ColumnKind::Max,
                        3 => def.columns[1].kind = ColumnKind::Min,
                        _ => {}
                    }
                    define(&db, def).await
                }
                Some(first) => adopt(&db, &first.table).await,
            };
            sites.push(Site {
                store,
                db,
                table,
                heard: BTreeMap::new(),
            });
        }
        Fleet {
            sites,
            random: World::new(1, seed),
        }
    }

    /// A transaction of a few changes, as a client would do it.
    async fn act(&mut self, site: usize) {
        let here = &self.sites[site];
        let mut txn = here.db.begin(Isolation::ReadCommitted);
        for _ in 0..=self.random.below(3) {
            txn.begin_statement();
            let id = self.random.below(6) as i32;
            let name = ["a", "b", "c", "d", "e", "f", "g", "h"][self.random.below(8) as usize];
            let number = self.random.below(100) as i64;
            let there = here.db.newest();
            let mut stored = Vec::new();
            let prefix = crate::read::store_key(here.table.partition, here.table.storage, &pk(id));
            let live = there
                .snapshot
                .get(crate::store::Space::Data, &prefix, &mut stored)
                .unwrap()
                && crate::row::RowRef::new(&stored).unwrap().is_live();
            let done = match (live, self.random.below(5)) {
                (false, _) => txn.insert(&here.table, row(id, name, number)).await,
                (true, 0) => txn.delete(&here.table, &pk(id)).await.map(drop),
                (true, 1) => {
                    let name = vec![(1, Value::Text(name.into()))];
                    txn.update(&here.table, &pk(id), name).await
                }
                (true, _) => {
                    let number = vec![(2, Value::Int8(number))];
                    txn.update(&here.table, &pk(id), number).await
                }
            };
            if let Err(error) = done {
                // The name is another's, or its own delete came before.
                assert!(
                    error.state() == state::UNIQUE_VIOLATION
                        || error.state() == state::INTERNAL_ERROR,
                    "{error:?}"
                );
                return;
            }
        }
        txn.commit().await.unwrap();
    }

    /// Hears up to `most` records of another's log, its own and those it passes on.
    pub async fn hear(&mut self, to: usize, from: usize, most: u64) -> bool {
        let mut heard = self.sites[to].heard.get(&from).copied().unwrap_or(0);
        let (sender, receiver) = (&self.sites[from], &self.sites[to]);
        let mut some = false;
        for _ in 0..most {
            let view = sender.db.durable();
            let place = Sequence(heard + 1);
            let record = log::read(view.snapshot.as_ref(), Lane::NORMAL, place).unwrap();
            let Some(record) = record else { break };
            heard += 1;
            some = true;
            if let Some(incoming) = incoming(sender, receiver, &record) {
                receiver.db.merge(incoming).await.unwrap();
            }
        }
        self.sites[to].heard.insert(from, heard);
        some
    }

    /// Only what was flushed is sure to be there again; all that was answered must be.
    async fn crash(&mut self, site: usize) {
        let before = self.rows(site);
        let seed = self.random.below(u64::MAX);
        let here = &mut self.sites[site];
        here.store = Arc::new(here.store.crash(seed));
        here.db = open(here.store.clone());
        let catalog = here.db.durable().catalog.clone();
        here.table = catalog.table_by_id(here.table.id).unwrap().clone();
        assert_eq!(self.rows(site), before);
        // It asks for some of it again.
        for heard in self.sites[site].heard.values_mut() {
            *heard = heard.saturating_sub(3);
        }
    }

    pub fn rows(&self, site: usize) -> Vec<Vec<Value>> {
        let here = &self.sites[site];
        all(&here.db.read(), &here.table)
    }

    /// When and by whom each column of its first row was written.
    pub fn stamps(&self, site: usize) -> Vec<(crate::clock::Hlc, Option<Origin>)> {
        let here = &self.sites[site];
        let view = here.db.read();
        let mut scan = view
            .scan(&here.table, KeyRange::default(), Direction::Forward)
            .unwrap();
        let (_, row) = scan.next().unwrap().unwrap();
        let row = crate::row::RowRef::new(row).unwrap();
        (0..row.columns())
            .map(|slot| row.column_stamp(slot))
            .map(|stamp| (stamp.hlc, here.db.origin_of(stamp.site)))
            .collect()
    }

    /// Its buckets, and that they are what its rows give.
    pub fn fingerprint(&self, site: usize) -> [u128; BUCKETS] {
        let here = &self.sites[site];
        let [stored, counted]: [Fingerprints; 2] = fingerprints(&here.db, &here.table);
        let partition = here.table.partition;
        assert_eq!(stored.of(partition), counted.of(partition));
        stored.of(partition)
    }

    /// Its index has an entry for each row, and no other.
    pub fn check_index(&self, site: usize) {
        let here = &self.sites[site];
        let index = &here.table.indexes[0];
        let mut expected: Vec<Vec<u8>> = self
            .rows(site)
            .iter()
            .map(|values| {
                let mut key = Vec::new();
                index_columns(index, values, &mut key).unwrap();
                key
            })
            .collect();
        expected.sort();
        let view = here.db.read();
        let mut scan = view
            .scan_index(&here.table, index, KeyRange::default(), Direction::Forward)
            .unwrap();
        let mut entries = Vec::new();
        while let Some((key, _)) = scan.next_entry().unwrap() {
            entries.push(key.to_vec());
        }
        assert_eq!(entries, expected);
    }
}

/// A record of one site's log, as another takes it; `None`: it makes the table, which is made
/// by hand here.
fn incoming(sender: &Site, receiver: &Site, record: &log::Record) -> Option<Incoming> {
    let operations = record.operations().unwrap();
    let is_ddl = |operation: &log::Operation<'_>| matches!(operation, log::Operation::Catalog(_));
    if operations.iter().any(is_ddl) {
        return None;
    }
    let between = Between {
        from: sender,
        to: receiver,
    };
    let mut translated = OperationWriter::default();
    translate(&operations, &between, &mut translated).unwrap();
    let header = record.header;
    let writer = receiver.db.ordinal_of(&Origin {
        site: header.site,
        incarnation: header.incarnation,
        lane: header.lane,
    });
    Some(Incoming {
        writer,
        lane: header.lane,
        sequence: header.sequence,
        hlc: header.hlc,
        epoch: header.epoch,
        operations: translated,
    })
}

impl Fleet {
    /// The last record of a site's log, as another takes it.
    pub fn last(&self, from: usize, to: usize) -> Incoming {
        let (sender, receiver) = (&self.sites[from], &self.sites[to]);
        let view = sender.db.durable();
        let mut last = None;
        for place in 1.. {
            let record = log::read(view.snapshot.as_ref(), Lane::NORMAL, Sequence(place)).unwrap();
            let Some(record) = record else { break };
            last = incoming(sender, receiver, &record).or(last);
        }
        last.unwrap()
    }
}

/// Another site's table, as this one would have it.
async fn adopt(db: &Arc<Database>, of: &Table) -> Arc<Table> {
    let mut def = of.def.clone();
    def.id = db.new_table_id();
    def.oid = db.new_oid();
    def.partition = db.new_partition_id();
    def.storage = db.new_storage_id();
    for index in &mut def.indexes {
        index.id = db.new_index_id();
        index.storage = db.new_storage_id();
    }
    define(db, def).await
}

#[tokio::test]
async fn databases_that_hear_of_each_other_come_to_the_same() {
    let mut together = 0;
    for seed in 0..40 {
        let mut fleet = Fleet::new(seed).await;
        for _ in 0..60 {
            let site = fleet.random.below(3) as usize;
            let other = (site + 1 + fleet.random.below(2) as usize) % 3;
            match fleet.random.below(12) {
                0 => fleet.crash(site).await,
                1..=5 => fleet.act(site).await,
                _ => {
                    let most = fleet.random.below(4);
                    fleet.hear(site, other, most).await;
                }
            }
        }
        let mut quiet = false;
        while !quiet {
            quiet = true;
            for (to, from) in [(0, 1), (0, 2), (1, 0), (1, 2), (2, 0), (2, 1)] {
                quiet &= !fleet.hear(to, from, u64::MAX).await;
            }
        }
        let rows = fleet.rows(0);
        let fingerprint = fleet.fingerprint(0);
        for site in 0..3 {
            assert_eq!(fleet.rows(site), rows, "seed {seed}, site {site}");
            assert_eq!(fleet.fingerprint(site), fingerprint, "seed {seed}");
            fleet.check_index(site);
        }
        together += rows.len();
    }
    assert!(together > 40, "hardly a row in all runs");
}
