//! `orbit sql --grpc`: statements and scripts over Arrow Flight SQL. The same rows in the
//! same clothes; what only PostgreSQL wire has (COPY, backslash commands) is refused.

use super::ask::told;
use super::split::{self, Piece};
use crate::cli::client::Connect;
use crate::cli::table::{Grid, Output};
use crate::cli::visible::visible;
use crate::cli::{Failure, ask_password, write_stdout};
use crate::flight;
use arrow::array::Array;
use arrow::datatypes::{Field, Schema};
use arrow::record_batch::RecordBatch;
use arrow_flight::decode::FlightRecordBatchStream;
use arrow_flight::error::FlightError;
use arrow_flight::flight_service_client::FlightServiceClient;
use arrow_flight::sql::{
    CommandStatementQuery, CommandStatementUpdate, DoPutUpdateResult, ProstMessageExt,
};
use arrow_flight::{Action, FlightData, FlightDescriptor, HandshakeRequest};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use futures::{StreamExt, TryStreamExt, stream};
use orbit_core::types::SqlType;
use orbit_core::value::text::{self, FormatSettings};
use orbit_core::{Error, state};
use orbit_query::planned::{cell, sql_type_of};
use prost::Message;
use std::time::Duration;
use tonic::metadata::{Ascii, MetadataValue};
use tonic::transport::{Certificate, Channel, ClientTlsConfig, Endpoint, Identity};
use tonic::{IntoRequest, Request, Status};

/// Where a node's gRPC is, unless it is said.
pub const ADDRESS: &str = "127.0.0.1:7400";

const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// A session over Flight, and how its answers are shown.
pub struct Grpc {
    client: FlightServiceClient<Channel>,
    bearer: MetadataValue<Ascii>,
    output: Output,
}

pub async fn connect(address: &str, to: &Connect, output: Output) -> Result<Grpc, Failure> {
    let channel = dial(address, to).await?;
    // Rows may be as long as the node lets them be.
    let mut client = FlightServiceClient::new(channel).max_decoding_message_size(usize::MAX);
    let password = to.password.clone();
    let password = password.or_else(|| std::env::var("PGPASSWORD").ok());
    let known = password.clone().unwrap_or_default();
    let bearer = match log_in(&mut client, &to.user, &known).await {
        Err(status) if password.is_none() && flight::error(&status).is(state::INVALID_PASSWORD) => {
            let prompt = format!("Password for user {}: ", visible(&to.user));
            let asked = tokio::task::spawn_blocking(move || ask_password::ask(&prompt));
            let Ok(Some(password)) = asked.await else {
                let error = flight::error(&status).with_hint("Set PGPASSWORD.");
                return Err(Failure::Connection(error));
            };
            log_in(&mut client, &to.user, &password).await
        }
        other => other,
    };
    let bearer = bearer.map_err(|status| Failure::Connection(flight::error(&status)))?;
    Ok(Grpc {
        client,
        bearer,
        output,
    })
}

async fn dial(address: &str, to: &Connect) -> Result<Channel, Failure> {
    let unreachable = |why: String| {
        Failure::Connection(
            Error::new(
                state::CONNECTION_FAILURE,
                format!("cannot reach a node's gRPC at {address}"),
            )
            .with_detail(why)
            .with_hint("Start one with `orbit serve`; its listen.grpc_port is 7400 unless set."),
        )
    };
    let scheme = if to.tls_ca.is_some() { "https" } else { "http" };
    let mut endpoint = Endpoint::from_shared(format!("{scheme}://{address}"))
        .map_err(|error| {
            Failure::Usage(Error::new(
                state::INVALID_PARAMETER_VALUE,
                format!("--grpc {address}: {error}"),
            ))
        })?
        .connect_timeout(CONNECT_TIMEOUT);
    if let Some(authority) = &to.tls_ca {
        let read = |path: &std::path::Path| {
            std::fs::read(path).map_err(|error| {
                Failure::Usage(Error::new(
                    state::CONFIG_FILE_ERROR,
                    format!("cannot read {}: {error}", path.display()),
                ))
            })
        };
        let mut tls =
            ClientTlsConfig::new().ca_certificate(Certificate::from_pem(read(authority)?));
        if let (Some(certificate), Some(key)) = (&to.tls_cert, &to.tls_key) {
            tls = tls.identity(Identity::from_pem(read(certificate)?, read(key)?));
        }
        endpoint = endpoint
            .tls_config(tls)
            .map_err(|error| unreachable(error.to_string()))?;
    }
    endpoint.connect().await.map_err(|error| {
        let below = std::error::Error::source(&error);
        unreachable(below.map_or_else(|| error.to_string(), ToString::to_string))
    })
}

async fn log_in(
    client: &mut FlightServiceClient<Channel>,
    user: &str,
    password: &str,
) -> Result<MetadataValue<Ascii>, Status> {
    let mut request = Request::new(stream::iter([HandshakeRequest::default()]));
    let basic = format!("Basic {}", STANDARD.encode(format!("{user}:{password}")));
    let basic = basic
        .parse()
        .map_err(|_| Status::internal("a password that is no header"))?;
    request.metadata_mut().insert("authorization", basic);
    let answer = client.handshake(request).await?;
    let bearer = answer.metadata().get("authorization").cloned();
    bearer.ok_or_else(|| Status::unauthenticated("the node gave no token"))
}

fn failed(status: &Status) -> Failure {
    let error = flight::error(status);
    match error.is(state::CONNECTION_FAILURE) || error.is(state::ADMIN_SHUTDOWN) {
        true => Failure::Connection(error),
        false => Failure::Work(error),
    }
}

fn broken(error: FlightError) -> Failure {
    match error {
        FlightError::Tonic(status) => failed(&status),
        other => Failure::Connection(Error::new(state::CONNECTION_FAILURE, other.to_string())),
    }
}

impl Grpc {
    fn request<T>(&self, message: impl IntoRequest<T>) -> Request<T> {
        let mut request = message.into_request();
        request
            .metadata_mut()
            .insert("authorization", self.bearer.clone());
        request
    }

    /// Statement by statement; the first error ends the script.
    pub async fn script(&mut self, script: &str) -> Result<(), Failure> {
        let mut at = 0;
        loop {
            let rest = script.get(at..).unwrap_or_default();
            let (sql, length) = match split::next(rest) {
                Some((Piece::Statement(sql), length)) => (sql, length),
                Some((Piece::Command { line, .. }, _)) => {
                    return Err(Failure::Usage(Error::unsupported(format!(
                        "\"{line}\" over gRPC"
                    ))));
                }
                None => (rest, rest.len()),
            };
            at += length;
            let sql = sql.trim();
            if !split::is_blank(sql) {
                let done = self.statement(sql).await;
                done.map_err(|failure| told(failure, sql))?;
            }
            if length == 0 || at >= script.len() {
                return Ok(());
            }
        }
    }

    async fn statement(&mut self, sql: &str) -> Result<(), Failure> {
        let query = CommandStatementQuery {
            query: sql.to_owned(),
            transaction_id: None,
        };
        let descriptor = FlightDescriptor::new_cmd(query.as_any().encode_to_vec());
        let request = self.request(descriptor);
        let info = self.client.get_flight_info(request).await;
        let info = info.map_err(|status| failed(&status))?.into_inner();
        if info.schema.is_empty() {
            return self.update(sql).await;
        }
        for endpoint in info.endpoint {
            let request = self.request(endpoint.ticket.unwrap_or_default());
            let data = self.client.do_get(request).await;
            let data = data.map_err(|status| failed(&status))?.into_inner();
            let mut batches =
                FlightRecordBatchStream::new_from_flight_data(data.map_err(FlightError::from));
            let mut grid = None;
            while let Some(batch) = batches.next().await {
                let batch = batch.map_err(broken)?;
                let grid = grid.get_or_insert_with(|| heading(&batch.schema()));
                fill(grid, &batch).map_err(Failure::Work)?;
            }
            let empty = || {
                batches
                    .schema()
                    .map_or_else(Grid::default, |schema| heading(schema))
            };
            self.print(&grid.unwrap_or_else(empty))?;
        }
        Ok(())
    }

    fn print(&self, grid: &Grid) -> Result<(), Failure> {
        write_stdout(grid.print(self.output).as_bytes())?;
        if self.output == Output::Table {
            let rows = grid.rows.len();
            eprintln!("({rows} {})", if rows == 1 { "row" } else { "rows" });
        }
        Ok(())
    }

    async fn update(&mut self, sql: &str) -> Result<(), Failure> {
        let update = CommandStatementUpdate {
            query: sql.to_owned(),
            transaction_id: None,
        };
        let descriptor = FlightDescriptor::new_cmd(update.as_any().encode_to_vec());
        let data = FlightData::new().with_descriptor(descriptor);
        let request = self.request(stream::iter([data]));
        let results = self.client.do_put(request).await;
        let mut results = results.map_err(|status| failed(&status))?.into_inner();
        while let Some(result) = results.message().await.map_err(|status| failed(&status))? {
            let result = DoPutUpdateResult::decode(result.app_metadata);
            let count = result.map_or(0, |result| result.record_count.max(0));
            eprintln!("{}", split::tag(sql, count.unsigned_abs()));
        }
        Ok(())
    }

    /// Ends the session; the node would find out by itself.
    pub async fn close(mut self) {
        let request = self.request(Action::new("CloseSession", Vec::new()));
        let _ = self.client.do_action(request).await;
    }
}

fn heading(schema: &Schema) -> Grid {
    let names = schema.fields().iter().map(|field| field.name().clone());
    let mut grid = Grid::new(names.collect());
    grid.bare = schema.fields().iter().map(|field| is_bare(field)).collect();
    grid
}

/// Whether a column's JSON form stands without quotes.
fn is_bare(field: &Field) -> bool {
    use SqlType::{Bool, Float4, Float8, Int2, Int4, Int8, Json, Jsonb, Numeric};
    let ty = sql_type_of(field);
    matches!(
        ty,
        Bool | Int2 | Int4 | Int8 | Float4 | Float8 | Numeric(_) | Json | Jsonb
    )
}

fn fill(grid: &mut Grid, batch: &RecordBatch) -> orbit_core::Result<()> {
    let settings = FormatSettings::default();
    let schema = batch.schema();
    let types: Vec<SqlType> = schema
        .fields()
        .iter()
        .map(|field| sql_type_of(field))
        .collect();
    for row in 0..batch.num_rows() {
        let mut fields = Vec::with_capacity(types.len());
        for (array, ty) in batch.columns().iter().zip(&types) {
            if array.is_null(row) {
                fields.push(None);
                continue;
            }
            let mut written = Vec::new();
            text::format(&cell(array, row, ty)?, ty, &settings, &mut written)?;
            fields.push(Some(String::from_utf8_lossy(&written).into_owned()));
        }
        grid.rows.push(fields);
    }
    Ok(())
}
