//! In place of `together`, in a node that is built without sync: nobody else has to do with
//! its rows.

use crate::clock::Hlc;
use crate::committer::{Answer, Request};
use crate::database::stopped;
use crate::error::{Error, Result};
use crate::fingerprint;
use crate::ids::{PartitionId, SiteOrdinal, StorageId};
use crate::log::OperationWriter;
use crate::merge::Met;
use crate::row::RowRef;
use crate::store::{Batch, Space};
use crate::txn::{Local, Transaction};
use crate::write_set::{Pending, SharedBytes};
use tokio::sync::oneshot;

pub(super) struct Together;

impl Together {
    pub fn new(_: &Transaction) -> Together {
        Together
    }

    /// Never; a row that has to be merged can't be changed.
    pub fn takes(
        &mut self,
        pending: &Pending,
        _: &SharedBytes,
        base: Option<&[u8]>,
        _: &[u8],
        _: SiteOrdinal,
        _: &mut OperationWriter,
    ) -> Result<bool> {
        let Some(base) = base else {
            return Ok(false);
        };
        if pending.table.kinds.is_empty() && !RowRef::new(base)?.has_side() {
            return Ok(false);
        }
        Err(Error::unsupported(
            "changing a merged row without the feature sync",
        ))
    }

    pub fn write(self, _: &mut Batch, _: &mut fingerprint::Deltas) -> Result<(Hlc, Vec<Met>)> {
        Ok((Hlc::MAX, Vec::new()))
    }
}

impl Transaction {
    pub(super) async fn submit(
        &mut self,
        request: Request,
        answer: oneshot::Receiver<Answer>,
        _: &Local,
        _: &[(PartitionId, StorageId, Space)],
    ) -> Result<Option<Error>> {
        // All of it is in the request.
        self.writes = Default::default();
        self.db.commit(request).await?;
        match answer.await {
            Ok(answer) => Ok(answer.err().map(Into::into)),
            Err(_) => Err(stopped()),
        }
    }
}
