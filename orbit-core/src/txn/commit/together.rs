//! Rows that more than this transaction has to do with: a merge has changed them since they
//! were read, other lives of their key are kept beside them, or their columns don't just take
//! the last value. What was done to them is done as any site would do it.

use super::{Built, log_row};
use crate::clock::Hlc;
use crate::committer::{Answer, Refused, Request};
use crate::database::stopped;
use crate::error::{Error, Result};
use crate::fingerprint;
use crate::ids::{PartitionId, SiteOrdinal, StorageId};
use crate::lock::HeldLocks;
use crate::log::{Life, Operation, OperationWriter};
use crate::merge::transaction::Touched;
use crate::merge::{Context, Met};
use crate::read::PREFIX_BYTES;
use crate::row::{PENDING, RowRef, Stamp};
use crate::store::{Batch, Space};
use crate::txn::lock::serialization_failure;
use crate::txn::{Isolation, Local, Transaction};
use crate::write_set::{Pending, SharedBytes};
use tokio::sync::oneshot;

pub(super) struct Together<'a> {
    transaction: &'a Transaction,
    /// There was a merge since it began to write.
    merges: bool,
    since: Hlc,
    /// Key, what the transaction would have left there, and what is left.
    rows: Vec<(SharedBytes, Vec<u8>, Touched)>,
    met: Vec<Met>,
    now: Vec<u8>,
}

impl<'a> Together<'a> {
    pub fn new(transaction: &'a Transaction) -> Together<'a> {
        let newest = transaction.db.views.newest.load().position;
        let since = transaction.written_from.unwrap_or(newest);
        // Locks keep other transactions away, and merges come all the same.
        let merges = transaction.db.has_merged_since(since);
        Together {
            transaction,
            merges,
            since: if merges { newest } else { since },
            rows: Vec::new(),
            met: Vec::new(),
            now: Vec::new(),
        }
    }

    /// Whether a row is one of these. Then its operations are logged, and the rest is done by
    /// [`Together::write`].
    pub fn takes(
        &mut self,
        pending: &Pending,
        key: &SharedBytes,
        base: Option<&[u8]>,
        new: &[u8],
        site: SiteOrdinal,
        operations: &mut OperationWriter,
    ) -> Result<bool> {
        let mut there = base.unwrap_or_default();
        let mut is_more = !there.is_empty()
            && (!pending.table.kinds.is_empty() || RowRef::new(there)?.has_side());
        let db = &self.transaction.db;
        if self.merges {
            db.newest_stored(&pending.table, key, &mut self.now)?;
            if self.now != there {
                if self.transaction.isolation == Isolation::RepeatableRead {
                    return Err(serialization_failure());
                }
                there = &self.now;
                is_more = true;
            }
        }
        if !is_more {
            return Ok(false);
        }
        let table = &pending.table;
        let pk = key.get(PREFIX_BYTES..).unwrap_or_default();
        let snapshot = db.newest().snapshot.clone();
        let mut touched = Touched::read(&snapshot, table, key, there.to_vec())?;
        let life = match base.map(RowRef::new).transpose()? {
            Some(base) if base.is_live() => Some(super::life(&base)),
            _ => None,
        };
        let own = logged(pending, pk, base, new, &touched, life, site)?;
        let origins = db.origins.read();
        let context = Context {
            layout: &table.layout,
            kinds: &table.kinds,
            missing: &table.missing,
            origins: &origins,
            // Whatever it knows has come before.
            contains: &|known| known.hlc != PENDING,
        };
        let stamp = Stamp { hlc: PENDING, site };
        let mut notes = Vec::new();
        for operation in own.operations()? {
            if let Operation::Row { what, .. } = operation {
                touched.key.apply(&what, stamp, &context, &mut notes)?;
            }
        }
        let is_own = |life: Life| life.stamp.hlc == PENDING;
        // A row under this key came meanwhile that would be shown in place of the own one.
        if touched.key.side_changes().any(|(of, _)| is_own(of.life())) {
            return Err(serialization_failure());
        }
        self.met.extend(notes.into_iter().map(|note| Met {
            table: table.id,
            pk: pk.to_vec(),
            note,
        }));
        operations.append(&own);
        self.rows.push((key.clone(), new.to_vec(), touched));
        Ok(true)
    }

    /// Adds what has become of them. Gives the moment from which on nothing of them was looked
    /// at, and what was met.
    pub fn write(
        self,
        batch: &mut Batch,
        fingerprints: &mut fingerprint::Deltas,
    ) -> Result<(Hlc, Vec<Met>)> {
        for (key, meant, touched) in &self.rows {
            touched.write(key, Some(meant), batch, fingerprints)?;
        }
        Ok((self.since, self.met))
    }
}

fn logged(
    pending: &Pending,
    pk: &[u8],
    base: Option<&[u8]>,
    new: &[u8],
    touched: &Touched,
    life: Option<Life>,
    site: SiteOrdinal,
) -> Result<OperationWriter> {
    let added = |slot: u16| match life {
        Some(life) => touched.key.added(life, slot, site),
        None => Ok(0),
    };
    let mut own = OperationWriter::default();
    log_row(&mut own, pending, pk, base, new, &mut Vec::new(), &added)?;
    Ok(own)
}

impl Transaction {
    /// Ends it, and gives its locks to somebody else to release.
    pub(crate) fn hand_over(mut self) -> HeldLocks {
        self.ended = true;
        let held = std::mem::take(&mut self.held);
        HeldLocks::new(self.db.locks.clone(), self.id, held)
    }

    /// Has a request written; `Some`: why nothing of it was. Where a merge came before its
    /// turn, it is built again. An error: what became of it is not known.
    pub(super) async fn submit(
        &mut self,
        mut request: Request,
        mut answer: oneshot::Receiver<Answer>,
        local: &Local,
        cleared: &[(PartitionId, StorageId, Space)],
    ) -> Result<Option<Error>> {
        loop {
            self.db.commit(request).await?;
            let outdated = match answer.await {
                Ok(Ok(_)) => return Ok(None),
                Ok(Err(Refused::Outdated(outdated))) => *outdated,
                Ok(Err(refused)) => return Ok(Some(refused.into())),
                Err(_) => return Err(stopped()),
            };
            // Its locks are still held, so only merges can have come between.
            self.changes.cleared = cleared.to_vec();
            let seen = self.db.views.wait_until_durable(outdated.moment).await;
            let built = match seen.and_then(|()| self.build(local)) {
                Ok(built) => built,
                Err(error) => return Ok(Some(error)),
            };
            let (reply, next) = oneshot::channel();
            answer = next;
            request = outdated.request;
            request.reply = reply;
            let Built {
                batch,
                operations,
                partitions,
                fingerprints,
                reloaded,
                met,
                since,
            } = built;
            request.batch = batch;
            request.operations = operations;
            request.partitions = partitions;
            request.fingerprints = fingerprints;
            request.reloaded = reloaded;
            request.met = met;
            request.since = since;
        }
    }
}
