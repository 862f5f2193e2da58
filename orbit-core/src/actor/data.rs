//! The data actor: every write of a partition passes it on its way to the
//! committer. It decides whether this node may make the write (ownership and
//! epoch, disk space); it does not touch the store.

use super::Credit;
use crate::committer::{CommitQueue, Request};
use crate::disk::{DiskGuard, Refusal};
use crate::ids::PartitionId;
use ractor::{Actor, ActorProcessingErr, ActorRef};
use std::collections::BTreeMap;
use std::sync::Arc;

pub struct Commit {
    pub request: Request,
    pub credit: Credit,
}

/// Who may write a partition here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ownership {
    pub epoch: u32,
}

pub struct DataActor;

pub struct State {
    /// Partitions whose ownership isn't simply this node's since they were made.
    ownership: BTreeMap<PartitionId, Ownership>,
    queue: Arc<CommitQueue>,
    disk: Option<DiskGuard>,
    refusal: Arc<Refusal>,
}

impl State {
    pub fn new(queue: Arc<CommitQueue>, disk: Option<DiskGuard>, refusal: Arc<Refusal>) -> State {
        State {
            ownership: BTreeMap::new(),
            queue,
            disk,
            refusal,
        }
    }

    fn admit(&mut self, request: &mut Request) -> crate::Result<()> {
        if request.grows()
            && let Some(why) = self.refusal.load().as_deref()
        {
            return Err(why.clone());
        }
        if let Some(disk) = &mut self.disk {
            disk.check(request.bytes(), request.grows())?;
        }
        let epochs = request
            .partitions
            .iter()
            .filter_map(|partition| self.ownership.get(partition));
        request.epoch = epochs.map(|owned| owned.epoch).max().unwrap_or(0);
        Ok(())
    }
}

impl Actor for DataActor {
    type Msg = Commit;
    type State = State;
    type Arguments = State;

    async fn pre_start(
        &self,
        _: ActorRef<Commit>,
        state: State,
    ) -> Result<State, ActorProcessingErr> {
        Ok(state)
    }

    async fn handle(
        &self,
        _: ActorRef<Commit>,
        commit: Commit,
        state: &mut State,
    ) -> Result<(), ActorProcessingErr> {
        let Commit {
            mut request,
            credit,
        } = commit;
        match state.admit(&mut request) {
            Ok(()) => state.queue.push(request, credit),
            Err(refusal) => request.refuse(refusal),
        }
        Ok(())
    }
}
