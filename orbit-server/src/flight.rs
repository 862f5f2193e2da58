//! Arrow Flight SQL: the sessions of PostgreSQL wire, with columns on the way out and in.
//!
//! A statement's batches come from the query engine as they are and go to the client as
//! Arrow's own format has them; nothing is turned into rows or text on the way but what
//! Arrow has no type for.
//!
//! Reading order: [`lobby`] (whose call is it), [`guest`] (a session, one call at a time),
//! [`run`] (statements and their rows), [`prepared`], [`put`] and [`ingest`] (what clients
//! send), [`metadata`] and [`info`] (what there is), [`actions`]. [`tokens`], [`errors`]
//! and [`options`] are tables and messages, without I/O.

mod actions;
mod errors;
mod guest;
mod info;
mod ingest;
mod lobby;
mod metadata;
mod options;
mod prepared;
mod put;
mod run;
mod tokens;

pub use errors::{error, status};
pub use guest::Guest;
pub use lobby::Lobby;

use arrow::datatypes::{Schema, SchemaRef};
use arrow::ipc::writer::IpcWriteOptions;
use arrow::record_batch::RecordBatch;
use arrow_flight::encode::FlightDataEncoderBuilder;
use arrow_flight::error::FlightError;
use arrow_flight::flight_service_server::FlightService;
use arrow_flight::sql::metadata::{SqlInfoData, XdbcTypeInfoData};
use arrow_flight::sql::{Any, Command, ProstMessageExt, TicketStatementQuery};
use arrow_flight::{
    Action, ActionType, Criteria, Empty, FlightData, FlightDescriptor, FlightEndpoint, FlightInfo,
    HandshakeRequest, HandshakeResponse, IpcMessage, PollInfo, PutResult, SchemaAsIpc,
    SchemaResult, Ticket,
};
use bytes::Bytes;
use errors::{malformed, unsupported};
use futures::stream::BoxStream;
use futures::{StreamExt, TryStreamExt, stream};
use lobby::Credentials;
use orbit_core::{Error, Result, state};
use orbit_query::planned::outward_schema;
use prost::Message;
use run::{Answer, Asked};
use std::sync::Arc;
use tonic::{Request, Response, Status, Streaming};

/// Batches are cut to messages of about this size: Go's clients take 4 MB by default.
const MESSAGE_BYTES: usize = 2 << 20;

pub struct Flight {
    lobby: Arc<Lobby>,
    info: SqlInfoData,
    types: XdbcTypeInfoData,
}

/// A statement's ticket. The node keeps nothing for it: whoever has the ticket and a
/// session may have the statement run, with that session's rights.
#[derive(Clone, PartialEq, Message)]
struct Handle {
    #[prost(string, tag = "1")]
    query: String,
    #[prost(bytes = "bytes", optional, tag = "2")]
    transaction: Option<Bytes>,
    /// Tells two runs of one statement apart, for cancelling.
    #[prost(bytes = "bytes", tag = "3")]
    number: Bytes,
}

type Answers<T> = BoxStream<'static, std::result::Result<T, Status>>;

/// What a descriptor or a ticket asks for.
fn command(bytes: &[u8]) -> Result<Command> {
    let any = Any::decode(bytes).map_err(malformed)?;
    Command::try_from(any).map_err(malformed)
}

/// A schema as it stands in messages.
fn ipc(schema: &Schema) -> Result<Bytes> {
    let options = IpcWriteOptions::default();
    let IpcMessage(bytes) = SchemaAsIpc::new(schema, &options)
        .try_into()
        .map_err(|error| Error::internal(format!("a schema has no message: {error}")))?;
    Ok(bytes)
}

fn told(error: Error) -> Status {
    status(&error)
}

impl Flight {
    pub fn new(lobby: Arc<Lobby>) -> Result<Flight> {
        Ok(Flight {
            lobby,
            info: info::sql_info()?,
            types: info::xdbc_types()?,
        })
    }

    /// What is asked for without its being run: the columns, if it has some, and the
    /// ticket to have it run by.
    async fn describe(
        &self,
        guest: &Arc<Guest>,
        descriptor: &FlightDescriptor,
    ) -> Result<(Option<SchemaRef>, Bytes)> {
        let as_asked = descriptor.cmd.clone();
        let command = command(&descriptor.cmd)?;
        if let Some(schema) = metadata::schema(&command) {
            return Ok((Some(schema), as_asked));
        }
        match command {
            Command::CommandGetSqlInfo(_) => Ok((Some(self.info.schema()), as_asked)),
            Command::CommandGetXdbcTypeInfo(_) => Ok((Some(self.types.schema()), as_asked)),
            Command::CommandStatementQuery(asked) => {
                let handle = Handle {
                    query: asked.query.clone(),
                    transaction: asked.transaction_id.clone(),
                    number: tokens::token()?.into(),
                };
                let prepared = guest
                    .ask(move |held| {
                        Box::pin(async move {
                            let transaction = asked.transaction_id.as_ref();
                            held.prepare(&asked.query, transaction).await
                        })
                    })
                    .await?;
                let ticket = TicketStatementQuery {
                    statement_handle: handle.encode_to_vec().into(),
                };
                let ticket = ticket.as_any().encode_to_vec();
                Ok((
                    prepared.columns.as_deref().map(outward_schema),
                    ticket.into(),
                ))
            }
            Command::CommandPreparedStatementQuery(asked) => {
                let handle = asked.prepared_statement_handle;
                let prepared = guest
                    .ask(move |held| Box::pin(async move { held.prepared_statement(&handle) }))
                    .await?;
                Ok((prepared.columns.as_deref().map(outward_schema), as_asked))
            }
            other => Err(Error::unsupported(format!(
                "a flight of {}",
                other.type_url()
            ))),
        }
    }

    async fn get(&self, guest: &Arc<Guest>, ticket: Bytes) -> Result<Answers<FlightData>> {
        let asked = match command(&ticket)? {
            Command::TicketStatementQuery(asked) => {
                let handle = Handle::decode(asked.statement_handle.as_ref()).map_err(malformed)?;
                Asked::Text {
                    sql: handle.query,
                    transaction: handle.transaction,
                }
            }
            Command::CommandPreparedStatementQuery(asked) => {
                Asked::Prepared(asked.prepared_statement_handle)
            }
            Command::CommandGetSqlInfo(asked) => {
                let batch = self.info.record_batch(asked.info);
                return Ok(whole(batch.map_err(unmade)?));
            }
            Command::CommandGetXdbcTypeInfo(asked) => {
                let batch = self.types.record_batch(asked.data_type);
                return Ok(whole(batch.map_err(unmade)?));
            }
            other if metadata::schema(&other).is_some() => {
                let batch = guest
                    .ask(move |held| Box::pin(async move { held.metadata(other).await }))
                    .await?;
                return Ok(whole(batch));
            }
            other => {
                return Err(Error::unsupported(format!(
                    "a ticket of {}",
                    other.type_url()
                )));
            }
        };
        let answer = guest.answer(Some(ticket), asked).await?;
        let schema = answer.schema.clone();
        let batches = stream::try_unfold(answer, |mut answer: Answer| async move {
            let next = answer.next().await;
            let next = next.map_err(|error| FlightError::Tonic(Box::new(status(&error))))?;
            Ok(next.map(|batch| (batch, answer)))
        });
        Ok(encoded(schema, batches))
    }
}

/// The session that the gate found for the call.
fn caller<T>(request: &Request<T>) -> std::result::Result<Arc<Guest>, Status> {
    let guest = request.extensions().get().cloned();
    guest.ok_or_else(|| told(Error::internal("a call without a session")))
}

/// An answer that is there at once.
fn whole(batch: RecordBatch) -> Answers<FlightData> {
    encoded(batch.schema(), stream::iter([Ok(batch)]))
}

fn encoded(
    schema: SchemaRef,
    batches: impl futures::Stream<Item = arrow_flight::error::Result<RecordBatch>> + Send + 'static,
) -> Answers<FlightData> {
    FlightDataEncoderBuilder::new()
        .with_max_flight_data_size(MESSAGE_BYTES)
        .with_schema(schema)
        .build(batches)
        .map_err(Status::from)
        .boxed()
}

fn unmade(error: impl std::fmt::Display) -> Error {
    Error::internal(format!("an answer could not be made: {error}"))
}

#[tonic::async_trait]
impl FlightService for Flight {
    type HandshakeStream = Answers<HandshakeResponse>;
    type ListFlightsStream = Answers<FlightInfo>;
    type DoGetStream = Answers<FlightData>;
    type DoPutStream = Answers<PutResult>;
    type DoActionStream = Answers<arrow_flight::Result>;
    type ListActionsStream = Answers<ActionType>;
    type DoExchangeStream = Answers<FlightData>;

    /// A token for a name and a password.
    async fn handshake(
        &self,
        request: Request<Streaming<HandshakeRequest>>,
    ) -> std::result::Result<Response<Self::HandshakeStream>, Status> {
        let credentials = Credentials::of(request.metadata()).map_err(told)?;
        let Credentials::Basic { user, password, .. } = credentials else {
            return Err(told(Error::new(
                state::INVALID_AUTHORIZATION,
                "a handshake needs a Basic authorization header",
            )));
        };
        let token = self.lobby.log_in(&request, user, password).await;
        let token = token.map_err(told)?;
        let bearer = format!("Bearer {token}");
        let header = bearer
            .parse()
            .map_err(|_| told(Error::internal("a token that is no header")))?;
        let answer = HandshakeResponse {
            protocol_version: 0,
            payload: Bytes::from(token),
        };
        let mut response = Response::new(stream::iter([Ok(answer)]).boxed());
        response.metadata_mut().insert("authorization", header);
        Ok(response)
    }

    async fn list_flights(
        &self,
        request: Request<Criteria>,
    ) -> std::result::Result<Response<Self::ListFlightsStream>, Status> {
        caller(&request)?;
        Err(unsupported("listing flights"))
    }

    async fn get_flight_info(
        &self,
        request: Request<FlightDescriptor>,
    ) -> std::result::Result<Response<FlightInfo>, Status> {
        let guest = caller(&request)?;
        let descriptor = request.into_inner();
        let (schema, ticket) = self.describe(&guest, &descriptor).await.map_err(told)?;
        // Without columns there is no schema: clients then have it run at once.
        let schema = match schema {
            Some(schema) => ipc(&schema).map_err(told)?,
            None => Bytes::new(),
        };
        let endpoint = FlightEndpoint::new().with_ticket(Ticket { ticket });
        let mut info = FlightInfo::new()
            .with_descriptor(descriptor)
            .with_endpoint(endpoint)
            .with_ordered(true);
        info.schema = schema;
        Ok(Response::new(info))
    }

    async fn poll_flight_info(
        &self,
        request: Request<FlightDescriptor>,
    ) -> std::result::Result<Response<PollInfo>, Status> {
        caller(&request)?;
        Err(unsupported("polling for a flight"))
    }

    async fn get_schema(
        &self,
        request: Request<FlightDescriptor>,
    ) -> std::result::Result<Response<SchemaResult>, Status> {
        let guest = caller(&request)?;
        let described = self.describe(&guest, request.get_ref()).await;
        let (schema, _) = described.map_err(told)?;
        let schema = schema.unwrap_or_else(|| Arc::new(Schema::empty()));
        Ok(Response::new(SchemaResult {
            schema: ipc(&schema).map_err(told)?,
        }))
    }

    async fn do_get(
        &self,
        request: Request<Ticket>,
    ) -> std::result::Result<Response<Self::DoGetStream>, Status> {
        let guest = caller(&request)?;
        let ticket = request.into_inner().ticket;
        let answer = self.get(&guest, ticket).await.map_err(told)?;
        Ok(Response::new(answer))
    }

    async fn do_put(
        &self,
        request: Request<Streaming<FlightData>>,
    ) -> std::result::Result<Response<Self::DoPutStream>, Status> {
        let guest = caller(&request)?;
        let mut incoming = request.into_inner();
        let _upload = guest.upload().await;
        let (first, command) = put::opening(&mut incoming).await?;
        let result = put::put(guest.clone(), first, incoming, command).await?;
        Ok(Response::new(stream::iter([Ok(result)]).boxed()))
    }

    async fn do_exchange(
        &self,
        request: Request<Streaming<FlightData>>,
    ) -> std::result::Result<Response<Self::DoExchangeStream>, Status> {
        caller(&request)?;
        Err(unsupported("DoExchange"))
    }

    async fn do_action(
        &self,
        request: Request<Action>,
    ) -> std::result::Result<Response<Self::DoActionStream>, Status> {
        let guest = caller(&request)?;
        let said = self.act(&guest, request.get_ref()).await?;
        let said = said.map(|body| Ok(arrow_flight::Result { body }));
        Ok(Response::new(stream::iter(said).boxed()))
    }

    async fn list_actions(
        &self,
        request: Request<Empty>,
    ) -> std::result::Result<Response<Self::ListActionsStream>, Status> {
        caller(&request)?;
        let actions = actions::list().into_iter().map(Ok);
        Ok(Response::new(stream::iter(actions).boxed()))
    }
}
