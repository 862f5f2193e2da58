//! Opening: identity, catalog, vectors and counters are read, the log's tail
//! is verified, loads that never committed are cleared away.

use super::{COMMIT_CREDITS, Database, DatabaseOptions};
use crate::actor::Bounded;
use crate::actor::data::{DataActor, State};
use crate::catalog::{
    BOOTSTRAP_ROLE, Catalog, CatalogChange, DatabaseDef, PUBLIC_SCHEMA, Role, SchemaDef,
    SequenceDef, TableDef, ViewDef,
};
use crate::clock::{Hlc, HlcClock};
use crate::committer::{CommitQueue, Committer, Sequencer, Views};
use crate::disk::{DiskGuard, Refusal};
use crate::error::{Error, Result};
use crate::fingerprint::{self, Fingerprints};
use crate::ids::{Incarnation, Lane, PartitionId, Sequence, SiteId, SiteOrdinal, StorageId};
use crate::key;
use crate::lock::LockManager;
use crate::log;
use crate::merge::{Origin, Origins};
use crate::meta::{self, Identity, Next};
use crate::read::View;
use crate::sequence::{Position, Sequences};
use crate::store::{Batch, Direction, KeyRange, Snapshot, Space, Store, successor};
use crate::vector::{self, Vectors};
use parking_lot::{Mutex, RwLock};
use ractor::ActorRuntime;
use std::collections::BTreeMap;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Weak};
use std::time::Duration;

/// Records at the end of each lane whose checksums are verified on opening.
const VERIFIED_RECORDS: u64 = 64;

const LOG_LOOKED_AT_EVERY: Duration = Duration::from_secs(5);

/// Everything the meta space says.
#[derive(Default)]
struct Loaded {
    identity: Option<Identity>,
    next: Next,
    catalog: Catalog,
    vectors: Vectors,
    fingerprints: Fingerprints,
    ordinals: BTreeMap<SiteOrdinal, (SiteId, Incarnation, Lane)>,
    hidden_keys: u64,
    positions: BTreeMap<StorageId, Position>,
    pending_loads: Vec<(PartitionId, StorageId)>,
    collected: BTreeMap<Lane, Sequence>,
    #[cfg(feature = "columns")]
    columns: crate::columns::Columns,
}

impl Database {
    /// Opens or creates the database in `store`. Must be called within a tokio runtime.
    pub fn open(store: Arc<dyn Store>, options: DatabaseOptions) -> Result<Arc<Database>> {
        let snapshot = store.snapshot()?;
        let mut loaded = load(snapshot.clone())?;
        let mut batch = Batch::new();
        let identity = match loaded.identity {
            Some(identity) => identity,
            None => {
                let identity = Identity {
                    site: SiteId((options.random)()),
                    incarnation: Incarnation((options.random)()),
                };
                batch.put(Space::Meta, meta::IDENTITY, &meta::json(&identity)?);
                let public = CatalogChange::PutSchema(SchemaDef {
                    name: "public".into(),
                    oid: PUBLIC_SCHEMA,
                    owner: BOOTSTRAP_ROLE,
                    acl: None,
                });
                let before = std::mem::take(&mut loaded.catalog);
                loaded.catalog = before.with(&public)?;
                meta::write_catalog_change(&mut batch, &public, &before, &loaded.catalog)?;
                identity
            }
        };
        let ordinals = own_ordinals(&mut loaded, identity, &mut batch);
        clear_loads(&loaded, &mut batch);
        let sequences = verify_log(snapshot.as_ref(), &loaded, &ordinals)?;
        drop(snapshot);
        if !batch.is_empty() {
            store.apply(&batch)?;
            store.sync()?;
        }

        let clock = Arc::new(HlcClock::new(options.clock.clone(), newest_time(&loaded)));
        let locks = Arc::new(LockManager::new((options.random)()));
        let catalog = Arc::new(loaded.catalog);
        #[cfg(feature = "columns")]
        let columns = Arc::new(loaded.columns);
        let view = Arc::new(View {
            snapshot: store.snapshot()?,
            catalog: catalog.clone(),
            position: clock.last(),
            #[cfg(feature = "columns")]
            columns: columns.clone(),
        });
        let views = Arc::new(Views::new(view));
        let values = Arc::new(Sequences::new(loaded.positions));
        let mut origins = Origins::default();
        for (ordinal, (site, incarnation, lane)) in &loaded.ordinals {
            let origin = Origin {
                site: *site,
                incarnation: *incarnation,
                lane: *lane,
            };
            origins.insert(*ordinal, origin);
        }
        let origins_written = SiteOrdinal(origins.next().0 - 1);
        let origins = Arc::new(RwLock::new(origins));
        let merged_until = Arc::new(AtomicU64::new(0));
        let sequencer = Sequencer {
            origins: origins.clone(),
            origins_written,
            on_met: options.on_met.clone(),
            recent: Default::default(),
            merged_until: merged_until.clone(),
            values: values.clone(),
            site: identity.site,
            incarnation: identity.incarnation,
            ordinals: ordinals.clone(),
            clock: clock.clone(),
            sequences,
            vectors: loaded.vectors,
            fingerprints: loaded.fingerprints,
            newest_catalog: catalog,
            #[cfg(feature = "columns")]
            columns,
            #[cfg(feature = "columns")]
            watches: Vec::new(),
            hidden_keys: loaded.hidden_keys,
            hidden_keys_moved: false,
            newest: clock.last(),
            scratch: Vec::new(),
        };
        let queue = Arc::new(CommitQueue::default());
        let disk = options
            .disk_reserve
            .clone()
            .map(|(directory, bytes)| DiskGuard::new(directory, bytes, options.clock.clone()));
        let refusal = Arc::new(Refusal::empty());
        let state = State::new(queue.clone(), disk, refusal.clone());
        let (actor, _) = ActorRuntime::spawn_instant(None, DataActor, state)
            .map_err(|error| Error::internal(format!("the data actor did not start: {error}")))?;
        let committer = Committer::start(
            store.clone(),
            sequencer,
            queue.clone(),
            views.clone(),
            options.on_fatal.clone(),
            #[cfg(any(test, feature = "testing"))]
            options.commits_by_hand,
        )?;
        let database = Arc::new(Database {
            store,
            views,
            locks,
            clock,
            ordinals,
            origins,
            merged_until,
            data_actor: Bounded::new(actor, COMMIT_CREDITS),
            committer,
            site: identity.site,
            incarnation: identity.incarnation,
            next: Mutex::new(loaded.next),
            next_txn: AtomicU64::new(1),
            hidden_keys: AtomicU64::new(loaded.hidden_keys),
            sequences: values,
            refusal,
            log_bytes: AtomicU64::new(0),
            reclaiming: Default::default(),
            #[cfg(feature = "columns")]
            settling: tokio::sync::Mutex::default(),
            options,
        });
        tokio::spawn(keep_log_bounded(Arc::downgrade(&database)));
        Ok(database)
    }
}

/// Collects the log whenever enough of it has been written. Ends with the database.
async fn keep_log_bounded(database: Weak<Database>) {
    loop {
        tokio::time::sleep(LOG_LOOKED_AT_EVERY).await;
        let Some(database) = database.upgrade() else {
            return;
        };
        if database.log_wants_collecting()
            && let Err(error) = database.collect_log().await
        {
            tracing::warn!(%error, "the transaction log was not collected");
        }
    }
}

fn load(snapshot: Arc<dyn Snapshot>) -> Result<Loaded> {
    let mut loaded = Loaded::default();
    let mut cursor = snapshot.scan(Space::Meta, KeyRange::default(), Direction::Forward)?;
    while cursor.advance()? {
        let (key, value) = (cursor.key(), cursor.value());
        match key.first() {
            Some(b'i') => loaded.identity = Some(meta::parse(value, "identity")?),
            Some(b'n') => loaded.next = meta::parse(value, "counters")?,
            Some(&meta::TABLE) => {
                let def: TableDef = meta::parse(value, "table definition")?;
                loaded.catalog = loaded
                    .catalog
                    .with(&CatalogChange::PutTable(Box::new(def)))?;
            }
            Some(&meta::SCHEMA) => {
                let name = String::from_utf8_lossy(&key[1..]).into_owned();
                let def = match <[u8; 4]>::try_from(value) {
                    Ok(oid) => SchemaDef {
                        name,
                        oid: u32::from_le_bytes(oid),
                        owner: BOOTSTRAP_ROLE,
                        acl: None,
                    },
                    Err(_) => meta::parse(value, "schema")?,
                };
                loaded.catalog = loaded.catalog.with(&CatalogChange::PutSchema(def))?;
            }
            Some(&meta::SEQUENCE) => {
                let def: SequenceDef = meta::parse(value, "sequence definition")?;
                let change = CatalogChange::PutSequence(Box::new(def));
                loaded.catalog = loaded.catalog.with(&change)?;
            }
            Some(&meta::POSITION) => {
                let storage = StorageId(big_endian(&key[1..])? as u32);
                let position = meta::parse(value, "position of a sequence")?;
                loaded.positions.insert(storage, position);
            }
            Some(&meta::VIEW) => {
                let def: ViewDef = meta::parse(value, "view definition")?;
                let change = CatalogChange::PutView(Box::new(def));
                loaded.catalog = loaded.catalog.with(&change)?;
            }
            Some(&meta::ROLE) => {
                let role: Role = meta::parse(value, "role")?;
                let change = CatalogChange::PutRole(Box::new(role));
                loaded.catalog = loaded.catalog.with(&change)?;
            }
            Some(b'b') => {
                let database: DatabaseDef = meta::parse(value, "database definition")?;
                loaded.catalog = loaded.catalog.with(&CatalogChange::Access {
                    object: crate::catalog::role::DATABASE,
                    owner: database.owner,
                    acl: database.acl,
                })?;
            }
            Some(&meta::COMMENT) => {
                let both = big_endian(&key[1..])?;
                loaded.catalog = loaded.catalog.with(&CatalogChange::Comment {
                    object: (both >> 32) as u32,
                    column: both as i32,
                    text: Some(String::from_utf8_lossy(value).into_owned()),
                })?;
            }
            Some(b'h') => loaded.hidden_keys = number(value)?,
            Some(&meta::ORDINAL) => {
                let ordinal = SiteOrdinal(big_endian(&key[1..])? as u32);
                let damaged = || Error::corrupted("a site ordinal is damaged");
                let site = number(value.get(..8).ok_or_else(damaged)?)?;
                let incarnation = number(value.get(8..16).ok_or_else(damaged)?)?;
                let lane = *value.get(16).ok_or_else(damaged)?;
                let triple = (SiteId(site), Incarnation(incarnation), Lane(lane));
                loaded.ordinals.insert(ordinal, triple);
            }
            Some(&vector::PREFIX) => loaded.vectors.read(key, value)?,
            Some(&fingerprint::PREFIX) => loaded.fingerprints.read(key, value)?,
            Some(&meta::PENDING_LOAD) => {
                let both = big_endian(&key[1..])?;
                let pending = (PartitionId((both >> 32) as u32), StorageId(both as u32));
                loaded.pending_loads.push(pending);
            }
            Some(&meta::LOG_COLLECTED) => {
                let lane = Lane(*key.get(1).unwrap_or(&0));
                loaded.collected.insert(lane, Sequence(number(value)?));
            }
            #[cfg(feature = "columns")]
            Some(&meta::COLUMNS) => {
                let manifest = meta::parse(value, "columnar copy of a table")?;
                loaded.columns.insert(manifest);
            }
            _ => {
                return Err(Error::corrupted(format!(
                    "the meta space holds a key of an unknown kind: {key:02x?}"
                ))
                .with_hint(
                    "The data directory may have been written by a newer version of Orbit.",
                ));
            }
        }
    }
    Ok(loaded)
}

fn number(bytes: &[u8]) -> Result<u64> {
    if bytes.len() > 8 {
        return Err(Error::corrupted("a stored number is too long"));
    }
    let mut word = [0; 8];
    word[..bytes.len()].copy_from_slice(bytes);
    Ok(u64::from_le_bytes(word))
}

fn big_endian(bytes: &[u8]) -> Result<u64> {
    if bytes.len() > 8 {
        return Err(Error::corrupted("a stored key is too long"));
    }
    Ok(bytes
        .iter()
        .fold(0, |sum, byte| (sum << 8) | u64::from(*byte)))
}

/// This incarnation's ordinal for each lane, made on the first start.
fn own_ordinals(
    loaded: &mut Loaded,
    identity: Identity,
    batch: &mut Batch,
) -> BTreeMap<Lane, SiteOrdinal> {
    let mut own = BTreeMap::new();
    for lane in Lane::ALL {
        let triple = (identity.site, identity.incarnation, lane);
        let known = loaded.ordinals.iter().find(|(_, known)| **known == triple);
        let ordinal = match known {
            Some((ordinal, _)) => *ordinal,
            None => {
                let last = loaded.ordinals.keys().last().map_or(0, |last| last.0);
                let ordinal = SiteOrdinal(last + 1);
                loaded.ordinals.insert(ordinal, triple);
                let value = meta::ordinal_value(identity.site, identity.incarnation, lane);
                batch.put(Space::Meta, &meta::ordinal_key(ordinal), &value);
                ordinal
            }
        };
        own.insert(lane, ordinal);
    }
    own
}

fn clear_loads(loaded: &Loaded, batch: &mut Batch) {
    for (partition, storage) in &loaded.pending_loads {
        let prefix = key::data_prefix(*partition, *storage);
        for space in [Space::Data, Space::Index, Space::Side] {
            batch.delete_range(space, &prefix, &successor(&prefix));
        }
        batch.delete(Space::Meta, &meta::pending_load_key(*partition, *storage));
    }
}

/// The log must end exactly where the node's vector says, with no gap before it.
fn verify_log(
    snapshot: &dyn Snapshot,
    loaded: &Loaded,
    ordinals: &BTreeMap<Lane, SiteOrdinal>,
) -> Result<BTreeMap<Lane, Sequence>> {
    let mut ends = BTreeMap::new();
    for (lane, ordinal) in ordinals {
        let entry = loaded.vectors.highest(*ordinal);
        let end = entry.map_or(Sequence(0), |entry| entry.sequence);
        ends.insert(*lane, end);
        let collected = loaded.collected.get(lane).copied().unwrap_or_default();
        let first = (collected.0 + 1).max(end.0.saturating_sub(VERIFIED_RECORDS) + 1);
        for sequence in first..=end.0 {
            if log::read(snapshot, *lane, Sequence(sequence))?.is_none() {
                return Err(gap(*lane, sequence, end));
            }
        }
        if log::read(snapshot, *lane, Sequence(end.0 + 1))?.is_some() {
            return Err(Error::corrupted(format!(
                "the transaction log of lane {lane} goes on past its recorded end {}",
                end.0
            )));
        }
    }
    Ok(ends)
}

fn gap(lane: Lane, sequence: u64, end: Sequence) -> Error {
    Error::corrupted(format!(
        "the transaction log has a gap: {lane}#{sequence} is missing, though {lane}#{} is there",
        end.0
    ))
    .with_hint("Restore this node from a backup, or let it fetch its data from its parent again.")
}

fn newest_time(loaded: &Loaded) -> Hlc {
    let created = loaded.catalog.tables().flat_map(|table| {
        let columns = table.columns.iter().map(|column| column.created.hlc);
        columns.chain([table.created.hlc]).collect::<Vec<_>>()
    });
    let newest = loaded.vectors.highest_hlc();
    let newest = newest.max(Hlc(created.max().unwrap_or(0)));
    // What is written from now on must be later than every segment.
    #[cfg(feature = "columns")]
    let newest = newest.max(loaded.columns.newest());
    newest
}
