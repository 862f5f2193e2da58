//! What other sites did, among the node's own commits.

use super::Sequencer;
use crate::clock::Hlc;
use crate::committer::Request;
use crate::error::{Error, Result, state};
use crate::ids::SiteOrdinal;
use crate::log;
use crate::merge::{self, Origin};
use crate::meta;
use crate::read::View;
use crate::store::{Batch, Op, Space};
use std::sync::atomic::Ordering;

impl Sequencer {
    /// Whether a merge has touched what a transaction writes, after it had read it.
    pub fn is_outdated(&self, request: &Request) -> bool {
        self.recent.is_later_than(request.since)
            && request.batch.iter().any(|op| match op {
                Op::Put {
                    space: Space::Data,
                    key,
                    ..
                }
                | Op::Delete {
                    space: Space::Data,
                    key,
                } => self.recent.touched(key, request.since),
                _ => false,
            })
    }

    /// Merges what another site did with what has been written so far. An error means that it
    /// can't be taken, and nothing was changed.
    pub fn merge(&mut self, request: &mut Request, view: &View) -> Result<()> {
        let Some(incoming) = request.incoming.as_deref_mut() else {
            return Ok(());
        };
        // Its own comes back. What it doesn't know of must be a copy's.
        if self.ordinals.values().any(|own| *own == incoming.writer) {
            let end = self.sequences.get(&incoming.lane).copied();
            return match incoming.sequence <= end.unwrap_or_default() {
                true => Ok(()),
                false => Err(Error::new(
                    state::PROTOCOL_VIOLATION,
                    "another site has changes in this node's name that it never made",
                )),
            };
        }
        let merged = {
            let origins = self.origins.read();
            merge::transaction::merge(incoming, view, &origins, &self.vectors)?
        };
        request.batch = merged.batch;
        request.partitions = merged.partitions;
        request.fingerprints = merged.fingerprints;
        // All of it was here before: there is nothing to pass on.
        if !request.partitions.is_empty() {
            request.operations = std::mem::take(&mut incoming.operations);
        }
        self.clock.observe(incoming.hlc);
        request.met = merged.met;
        Ok(())
    }

    /// Lets those know who ask what was merged, and when.
    pub(super) fn tell(&self, request: &Request, hlc: Hlc) {
        if !request.met.is_empty() {
            (self.on_met)(&request.met);
        }
        if request.incoming.is_some() {
            self.merged_until.store(hlc.0, Ordering::Release);
        }
    }

    /// An entry was put last into the batch.
    pub(super) fn follow(
        &mut self,
        is_merge: bool,
        space: Space,
        key: &[u8],
        hlc: Hlc,
        batch: &mut Batch,
    ) {
        if is_merge && space == Space::Data {
            self.recent.note(key, hlc);
        }
        if merge::side::is_cell(space, key)
            && let Some(cell) = batch.last_value_mut()
        {
            merge::side::assign_hlc(cell, hlc);
        }
    }

    /// The record of what another site did is in that site's name.
    pub(super) fn name_writer(
        &mut self,
        request: &Request,
        header: &mut log::Header,
        batch: &mut Batch,
    ) -> Result<Option<SiteOrdinal>> {
        let Some(incoming) = &request.incoming else {
            return Ok(None);
        };
        let origin = self.note_origins(incoming.writer, batch)?;
        header.site = origin.site;
        header.incarnation = origin.incarnation;
        header.sequence = incoming.sequence;
        header.hlc = incoming.hlc;
        Ok(Some(incoming.writer))
    }

    /// Writes who new ordinals stand for, before anything that names them.
    fn note_origins(&mut self, writer: SiteOrdinal, batch: &mut Batch) -> Result<Origin> {
        let origins = self.origins.read();
        while self.origins_written.0 + 1 < origins.next().0 {
            let ordinal = SiteOrdinal(self.origins_written.0 + 1);
            if let Some(of) = origins.origin(ordinal) {
                let value = meta::ordinal_value(of.site, of.incarnation, of.lane);
                batch.put(Space::Meta, &meta::ordinal_key(ordinal), &value);
            }
            self.origins_written = ordinal;
        }
        let origin = origins.origin(writer);
        origin.ok_or_else(|| Error::internal("a change of nobody's"))
    }
}
