//! Runs a query: waits for its place, hands its batches to the reader, and runs it again
//! by another plan where the first ran out of memory before a batch had gone.

use super::again::{Ready, is_due};
use super::error::Told;
use super::runtime::Machine;
use super::scan::Run;
use crate::admission::{Admission, Place};
use datafusion::arrow::array::RecordBatch;
use datafusion::physical_plan::{ExecutionPlan, execute_stream};
use futures::StreamExt;
use orbit_core::Result;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc::Sender;
use tokio::sync::mpsc::error::TrySendError;
use tokio::time::timeout;

/// So long a query keeps its place while its reader takes no rows.
const PATIENCE: Duration = Duration::from_millis(100);

pub async fn pump(
    machine: Arc<Machine>,
    ready: Ready,
    run: Run,
    sender: Sender<Result<RecordBatch>>,
) {
    let cancel = run.cancel.clone();
    let mut reader = Reader {
        admission: machine.admission.clone(),
        pid: ready.waits,
        place: None,
        sender: &sender,
        sent: false,
    };
    let work = async {
        reader.enter(false).await?;
        let again = ready.again.zip(run.again());
        let Err(error) = reader.rows_of(&machine, ready.plan, run).await else {
            return Ok(());
        };
        match again {
            Some((again, run)) if is_due(&error, reader.sent) => {
                tracing::debug!(%error, "a query is run again, by sorting");
                reader.rows_of(&machine, again.plan().await?, run).await
            }
            _ => Err(error),
        }
    };
    let done = tokio::select! {
        biased;
        reason = cancel.cancelled() => Err(reason),
        done = work => done,
    };
    // The place is free before a reader who is slow learns of the end.
    drop(reader.place.take());
    if let Err(error) = done {
        // Nobody reads any more if it can't be sent.
        let _ = sender.send(Err(error)).await;
    }
}

/// The rows' way out, and the right to compute more of them.
struct Reader<'s> {
    admission: Arc<Admission>,
    /// The session, if its query needs a place.
    pid: Option<i32>,
    place: Option<Place>,
    sender: &'s Sender<Result<RecordBatch>>,
    sent: bool,
}

impl Reader<'_> {
    async fn enter(&mut self, resumes: bool) -> Result<()> {
        if let Some(pid) = self.pid {
            self.place = Some(self.admission.enter(pid, resumes).await?);
        }
        Ok(())
    }

    async fn rows_of(
        &mut self,
        machine: &Machine,
        plan: Arc<dyn ExecutionPlan>,
        run: Run,
    ) -> Result<()> {
        let _ending = run.ending();
        let mut stream = execute_stream(plan, machine.task(run)).told()?;
        while let Some(batch) = stream.next().await {
            if !self.give(batch.told()?).await? {
                break;
            }
        }
        Ok(())
    }

    /// `false`: nobody reads any more.
    async fn give(&mut self, batch: RecordBatch) -> Result<bool> {
        self.sent = true;
        let batch = match self.sender.try_send(Ok(batch)) {
            Ok(()) => return Ok(true),
            Err(TrySendError::Closed(_)) => return Ok(false),
            Err(TrySendError::Full(batch)) => batch,
        };
        if let Ok(room) = timeout(PATIENCE, self.sender.reserve()).await {
            return Ok(room.map(|room| room.send(batch)).is_ok());
        }
        // A portal that is left alone, a client that doesn't read: others go on meanwhile.
        self.place = None;
        if self.sender.send(batch).await.is_err() {
            return Ok(false);
        }
        self.enter(true).await?;
        Ok(true)
    }
}
