//! What clients send by DoPut: updates, parameters, rows for a table.

use super::errors::{malformed, status};
use super::guest::{Guest, Held};
use super::prepared::too_many_parameters;
use arrow::datatypes::SchemaRef;
use arrow::ipc::root_as_message;
use arrow::record_batch::RecordBatch;
use arrow_flight::decode::{DecodedPayload, FlightDataDecoder};
use arrow_flight::error::FlightError;
use arrow_flight::sql::{
    Command, CommandPreparedStatementQuery, CommandPreparedStatementUpdate, CommandStatementUpdate,
    DoPutPreparedStatementResult, DoPutUpdateResult,
};
use arrow_flight::{FlightData, PutResult};
use futures::{FutureExt, Stream, StreamExt, TryStreamExt};
use orbit_core::cancel::CancelToken;
use orbit_core::{Error, Result, state};
use prost::Message;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use tokio::sync::mpsc;
use tonic::{Status, Streaming};

/// A client's batches; one is decoded while the one before is being stored.
pub struct Incoming {
    payloads: mpsc::Receiver<Result<Option<DecodedPayload>>>,
    schema: Option<SchemaRef>,
    ended: bool,
}

impl Incoming {
    pub fn new(first: FlightData, rest: Streaming<FlightData>) -> Incoming {
        // A command alone is no message of Arrow's.
        let first = (!first.data_header.is_empty()).then_some(Ok(first));
        let all = futures::stream::iter(first).chain(rest);
        let all = all.map_err(FlightError::from);
        let all = all.and_then(|data| std::future::ready(uncompressed(data)));
        let mut decoder = FlightDataDecoder::new(all);
        let (ready, payloads) = mpsc::channel(1);
        tokio::spawn(async move {
            loop {
                // Arrow's reader checks less than what it takes for granted.
                let next = tokio::select! {
                    () = ready.closed() => return,
                    next = AssertUnwindSafe(decoder.next()).catch_unwind() => next,
                };
                let next = match next {
                    Ok(None) => Ok(None),
                    Ok(Some(Ok(data))) => Ok(Some(data.payload)),
                    Ok(Some(Err(FlightError::Tonic(status)))) => Err(broken_off(status.message())),
                    Ok(Some(Err(FlightError::NotYetImplemented(what)))) => {
                        Err(Error::unsupported(what))
                    }
                    Ok(Some(Err(error))) => Err(malformed(error)),
                    Err(_) => Err(malformed("its lengths contradict each other")),
                };
                let last = !matches!(next, Ok(Some(_)));
                if ready.send(next).await.is_err() || last {
                    return;
                }
            }
        });
        Incoming {
            payloads,
            schema: None,
            ended: false,
        }
    }

    /// The next payload; the session waits for its client meanwhile. A client that
    /// breaks off has not come to its end.
    async fn payload(
        &mut self,
        guest: &Guest,
        cancel: &CancelToken,
    ) -> Result<Option<DecodedPayload>> {
        if self.ended {
            return Ok(None);
        }
        guest.park(true);
        let next = tokio::select! {
            biased;
            reason = cancel.cancelled() => Err(reason),
            next = self.payloads.recv() => Ok(next),
        };
        guest.park(false);
        let next = next?.unwrap_or_else(|| Err(broken_off("its data could not be decoded")))?;
        self.ended = next.is_none();
        Ok(next)
    }

    /// What the batches look like; comes before the first of them.
    pub async fn schema(&mut self, guest: &Guest, cancel: &CancelToken) -> Result<SchemaRef> {
        loop {
            if let Some(schema) = &self.schema {
                return Ok(schema.clone());
            }
            match self.payload(guest, cancel).await? {
                Some(DecodedPayload::Schema(schema)) => self.schema = Some(schema),
                Some(DecodedPayload::None) => {}
                Some(DecodedPayload::RecordBatch(_)) | None => {
                    return Err(malformed("rows without a schema"));
                }
            }
        }
    }

    pub async fn next(
        &mut self,
        guest: &Guest,
        cancel: &CancelToken,
    ) -> Result<Option<RecordBatch>> {
        loop {
            match self.payload(guest, cancel).await? {
                None => return Ok(None),
                Some(DecodedPayload::RecordBatch(batch)) => return Ok(Some(batch)),
                Some(DecodedPayload::Schema(_)) if self.schema.is_some() => {
                    return Err(malformed("a second schema in one stream"));
                }
                Some(DecodedPayload::Schema(schema)) => self.schema = Some(schema),
                Some(DecodedPayload::None) => {}
            }
        }
    }
}

/// Arrow's reader believes what a compressed buffer says of its length, and takes that
/// much memory.
fn uncompressed(data: FlightData) -> std::result::Result<FlightData, FlightError> {
    let is_compressed = root_as_message(&data.data_header).is_ok_and(|message| {
        let dictionary = message.header_as_dictionary_batch();
        let rows = message
            .header_as_record_batch()
            .or_else(|| dictionary.and_then(|dictionary| dictionary.data()));
        rows.is_some_and(|rows| rows.compression().is_some())
    });
    match is_compressed {
        true => Err(FlightError::NotYetImplemented(
            "compressed Arrow data".to_owned(),
        )),
        false => Ok(data),
    }
}

fn broken_off(why: &str) -> Error {
    Error::new(
        state::CONNECTION_FAILURE,
        format!("the client broke off: {why}"),
    )
}

/// Carries a DoPut out; what is told at its end.
pub async fn put(
    guest: Arc<Guest>,
    first: FlightData,
    rest: Streaming<FlightData>,
    command: Command,
) -> std::result::Result<PutResult, Status> {
    let incoming = Incoming::new(first, rest);
    let answer = match command {
        Command::CommandStatementUpdate(command) => counted(update(&guest, command).await),
        Command::CommandPreparedStatementUpdate(command) => {
            counted(update_prepared(&guest, command, incoming).await)
        }
        Command::CommandStatementIngest(command) => {
            let mut incoming = incoming;
            let at = guest.clone();
            let ingested = guest.ask(move |held| {
                Box::pin(async move { held.ingest(command, &mut incoming, &at).await })
            });
            counted(ingested.await)
        }
        Command::CommandPreparedStatementQuery(command) => {
            bind(&guest, command, incoming).await.map(|()| {
                DoPutPreparedStatementResult {
                    prepared_statement_handle: None,
                }
                .encode_to_vec()
            })
        }
        other => Err(Error::unsupported(format!("{} by DoPut", other.type_url()))),
    };
    let answer = answer.map_err(|error| status(&error))?;
    Ok(PutResult {
        app_metadata: answer.into(),
    })
}

fn counted(rows: Result<i64>) -> Result<Vec<u8>> {
    rows.map(|record_count| DoPutUpdateResult { record_count }.encode_to_vec())
}

async fn update(guest: &Arc<Guest>, command: CommandStatementUpdate) -> Result<i64> {
    guest
        .ask(move |held| {
            Box::pin(async move {
                let transaction = command.transaction_id.as_ref();
                let statement = held.prepare(&command.query, transaction).await?;
                held.count(&statement, &[Vec::new()]).await
            })
        })
        .await
}

/// Runs the statement for every row of parameters; all of them count, or none.
async fn update_prepared(
    guest: &Arc<Guest>,
    command: CommandPreparedStatementUpdate,
    mut incoming: Incoming,
) -> Result<i64> {
    let at = guest.clone();
    guest
        .ask(move |held| {
            Box::pin(async move {
                let handle = command.prepared_statement_handle;
                let statement = held.prepared_statement(&handle)?;
                if statement.params.is_empty() {
                    return held.count(&statement, &[Vec::new()]).await;
                }
                held.session.resume();
                let cancel = held.session.cancel_token();
                let mut total = 0i64;
                while let Some(batch) = incoming.next(&at, &cancel).await? {
                    let rows = held.parameters(&statement.params, &batch)?;
                    total = total.saturating_add(held.count(&statement, &rows).await?.max(0));
                }
                Ok(total)
            })
        })
        .await
}

async fn bind(
    guest: &Arc<Guest>,
    command: CommandPreparedStatementQuery,
    mut incoming: Incoming,
) -> Result<()> {
    let at = guest.clone();
    guest
        .ask(move |held: &mut Held| {
            Box::pin(async move {
                held.session.resume();
                let cancel = held.session.cancel_token();
                let most = held.limits.parameter_bytes;
                let (mut batches, mut bytes) = (Vec::new(), 0usize);
                while let Some(batch) = incoming.next(&at, &cancel).await? {
                    bytes = bytes.saturating_add(batch.get_array_memory_size());
                    if bytes > most {
                        return Err(too_many_parameters(most));
                    }
                    batches.push(batch);
                }
                held.bind(&command.prepared_statement_handle, &batches)
            })
        })
        .await
}

/// The first message of a DoPut, and what it commands.
pub async fn opening(
    stream: &mut (impl Stream<Item = std::result::Result<FlightData, Status>> + Unpin),
) -> std::result::Result<(FlightData, Command), Status> {
    let first = stream.next().await.transpose()?;
    let described = first.and_then(|first| {
        let descriptor = first.flight_descriptor.clone()?;
        Some((first, descriptor))
    });
    let (first, descriptor) =
        described.ok_or_else(|| status(&malformed("DoPut begins with a flight descriptor")))?;
    let command = super::command(&descriptor.cmd).map_err(|error| status(&error))?;
    Ok((first, command))
}
