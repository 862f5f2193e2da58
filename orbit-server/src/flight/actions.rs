//! DoAction: prepared statements, transactions, cancelling, the session itself.

use super::Flight;
use super::errors::{malformed, status};
use super::guest::{Guest, Held};
use super::options::{
    CloseSessionResult, CloseStatus, GetSessionOptionsResult, SessionOptionValue, SetError,
    SetErrorValue, SetSessionOptionsRequest, SetSessionOptionsResult,
};
use super::tokens::token;
use crate::pg::DATABASE;
use arrow_flight::sql::{
    ActionBeginTransactionRequest, ActionBeginTransactionResult, ActionCancelQueryRequest,
    ActionCancelQueryResult, ActionClosePreparedStatementRequest,
    ActionCreatePreparedStatementRequest, ActionCreatePreparedStatementResult,
    ActionEndTransactionRequest, Any, EndTransaction, ProstMessageExt,
};
use arrow_flight::{
    Action, ActionType, CancelFlightInfoRequest, CancelFlightInfoResult, CancelStatus, FlightInfo,
};
use bytes::Bytes;
use orbit_core::types::SqlType;
use orbit_core::value::Value;
use orbit_core::{Error, Result, state};
use orbit_query::planned::outward_schema;
use orbit_query::{ColumnDesc, Prepared};
use prost::Message;
use std::collections::HashMap;
use std::sync::Arc;

/// What there is, for ListActions.
const ACTIONS: &[(&str, &str)] = &[
    (
        "CreatePreparedStatement",
        "Prepares a statement of this session.",
    ),
    ("ClosePreparedStatement", "Forgets a prepared statement."),
    ("BeginTransaction", "Begins the session's transaction."),
    ("EndTransaction", "Commits it or rolls it back."),
    ("CancelQuery", "Cancels a statement of this session."),
    ("CancelFlightInfo", "Cancels a statement of this session."),
    ("SetSessionOptions", "SET for settings of the session."),
    ("GetSessionOptions", "The settings of the session."),
    ("CloseSession", "Ends the session and its token."),
];

pub fn list() -> Vec<ActionType> {
    ACTIONS
        .iter()
        .map(|(name, description)| ActionType {
            r#type: (*name).to_owned(),
            description: (*description).to_owned(),
        })
        .collect()
}

impl Flight {
    /// `None`: the action has nothing to say.
    pub async fn act(
        &self,
        guest: &Arc<Guest>,
        action: &Action,
    ) -> std::result::Result<Option<Bytes>, tonic::Status> {
        let done = match action.r#type.as_str() {
            "CreatePreparedStatement" => prepare(guest, unpack(&action.body)).await.map(Some),
            "ClosePreparedStatement" => close(guest, unpack(&action.body)).await.map(|()| None),
            "BeginTransaction" => begin(guest, unpack(&action.body)).await.map(Some),
            "EndTransaction" => end(guest, unpack(&action.body)).await.map(|()| None),
            "CancelQuery" => cancel_query(guest, unpack(&action.body)).map(Some),
            "CancelFlightInfo" => cancel_info(guest, &action.body).map(Some),
            "SetSessionOptions" => set_options(guest, &action.body).await.map(Some),
            "GetSessionOptions" => options(guest).await.map(Some),
            "CloseSession" => {
                self.lobby.leave(guest).await;
                let closed = CloseSessionResult {
                    status: CloseStatus::Closed as i32,
                };
                Ok(Some(closed.encode_to_vec().into()))
            }
            other => Err(Error::unsupported(format!("the action \"{other}\""))),
        };
        done.map_err(|error| status(&error))
    }
}

fn unpack<M: ProstMessageExt>(body: &Bytes) -> Result<M> {
    let any = Any::decode(body.as_ref()).map_err(malformed)?;
    let message = any.unpack().map_err(malformed)?;
    message.ok_or_else(|| malformed(format!("{} is not what it is", any.type_url)))
}

fn pack<M: ProstMessageExt>(message: &M) -> Bytes {
    message.as_any().encode_to_vec().into()
}

async fn prepare(
    guest: &Arc<Guest>,
    request: Result<ActionCreatePreparedStatementRequest>,
) -> Result<Bytes> {
    let request = request?;
    let (handle, prepared) = guest
        .ask(move |held| {
            Box::pin(async move {
                let transaction = request.transaction_id.as_ref();
                held.create_prepared(&request.query, transaction).await
            })
        })
        .await?;
    Ok(pack(&ActionCreatePreparedStatementResult {
        prepared_statement_handle: handle,
        dataset_schema: match &prepared.columns {
            Some(columns) => super::ipc(&outward_schema(columns))?,
            None => Bytes::new(),
        },
        parameter_schema: super::ipc(&outward_schema(&parameters(&prepared)))?,
    }))
}

/// The parameters as columns, `$1` and so on.
fn parameters(prepared: &Prepared) -> Vec<ColumnDesc> {
    let types = prepared.params.iter().enumerate();
    types
        .map(|(place, ty)| {
            // Whatever is sent for it is taken as text.
            let ty = match ty {
                SqlType::Unknown => SqlType::Text,
                ty => ty.clone(),
            };
            ColumnDesc::new(format!("${}", place + 1), ty)
        })
        .collect()
}

async fn close(
    guest: &Arc<Guest>,
    request: Result<ActionClosePreparedStatementRequest>,
) -> Result<()> {
    let handle = request?.prepared_statement_handle;
    guest
        .ask(move |held| {
            Box::pin(async move {
                held.close_prepared(&handle);
                Ok(())
            })
        })
        .await
}

async fn begin(
    guest: &Arc<Guest>,
    request: Result<ActionBeginTransactionRequest>,
) -> Result<Bytes> {
    request?;
    let id = Bytes::from(token()?);
    let transaction_id = guest
        .ask(move |held| Box::pin(async move { held.begin(id).await }))
        .await?;
    Ok(pack(&ActionBeginTransactionResult { transaction_id }))
}

async fn end(guest: &Arc<Guest>, request: Result<ActionEndTransactionRequest>) -> Result<()> {
    let request = request?;
    let commit = match request.action() {
        EndTransaction::Commit => true,
        EndTransaction::Rollback => false,
        EndTransaction::Unspecified => {
            return Err(Error::new(
                state::INVALID_PARAMETER_VALUE,
                "the transaction is neither to be committed nor to be rolled back",
            ));
        }
    };
    guest
        .ask(move |held| {
            Box::pin(async move {
                held.owe(true);
                let ended = held.end(&request.transaction_id, commit).await;
                held.owe(false);
                ended
            })
        })
        .await
}

fn cancel(guest: &Guest, info: &FlightInfo) -> bool {
    let tickets = info.endpoint.iter();
    tickets
        .filter_map(|endpoint| endpoint.ticket.as_ref())
        .any(|ticket| guest.cancel(&ticket.ticket))
}

/// Its results have the numbers that CancelFlightInfo's have.
fn cancel_query(guest: &Guest, request: Result<ActionCancelQueryRequest>) -> Result<Bytes> {
    let info = FlightInfo::decode(request?.info.as_ref()).map_err(malformed)?;
    let result = match cancel(guest, &info) {
        true => CancelStatus::Cancelled,
        false => CancelStatus::NotCancellable,
    };
    Ok(pack(&ActionCancelQueryResult {
        result: result as i32,
    }))
}

fn cancel_info(guest: &Guest, body: &Bytes) -> Result<Bytes> {
    let request = CancelFlightInfoRequest::decode(body.as_ref()).map_err(malformed)?;
    let info = request.info.unwrap_or_default();
    let result = match cancel(guest, &info) {
        true => CancelStatus::Cancelled,
        false => CancelStatus::NotCancellable,
    };
    let result = CancelFlightInfoResult {
        status: result as i32,
    };
    Ok(result.encode_to_vec().into())
}

async fn set_options(guest: &Arc<Guest>, body: &Bytes) -> Result<Bytes> {
    let request = SetSessionOptionsRequest::decode(body.as_ref()).map_err(malformed)?;
    let errors = guest
        .ask(move |held| {
            Box::pin(async move {
                let mut errors = HashMap::new();
                for (name, value) in request.session_options {
                    if let Err(error) = set(held, &name, &value).await {
                        let value = match error.state() {
                            state::UNDEFINED_OBJECT => SetErrorValue::InvalidName,
                            state::INVALID_PARAMETER_VALUE => SetErrorValue::InvalidValue,
                            _ => SetErrorValue::Error,
                        };
                        let value = value as i32;
                        errors.insert(name, SetError { value });
                    }
                }
                Ok(errors)
            })
        })
        .await?;
    Ok(SetSessionOptionsResult { errors }.encode_to_vec().into())
}

/// What ADBC and JDBC call the database and the schema that names are looked up in.
const CATALOG: &str = "catalog";
const SCHEMA: &str = "schema";

async fn set(held: &mut Held, name: &str, value: &SessionOptionValue) -> Result<()> {
    let name = match name {
        CATALOG if value.written().is_none_or(|name| name == DATABASE) => return Ok(()),
        CATALOG => {
            return Err(Error::new(
                state::INVALID_PARAMETER_VALUE,
                "a node has one database",
            ));
        }
        SCHEMA => "search_path",
        name => name,
    };
    let name = Value::Text(name.to_owned());
    match value.written() {
        Some(value) => {
            let values = [name, Value::Text(value)];
            held.query("SELECT set_config($1, $2, false)", &values)
                .await?;
        }
        None => {
            let sql = "SELECT set_config(name, reset_val, false) FROM pg_settings WHERE name = $1";
            held.query(sql, &[name]).await?;
        }
    }
    Ok(())
}

async fn options(guest: &Arc<Guest>) -> Result<Bytes> {
    let session_options = guest
        .ask(move |held| {
            Box::pin(async move {
                let settings = held.session.settings();
                let all = settings.all().map(|(name, value, _)| {
                    let value = SessionOptionValue::text(value.to_owned());
                    (name.to_owned(), value)
                });
                let mut all: HashMap<_, _> = all.collect();
                let schema = held.query("SELECT current_schema()", &[]).await?;
                if let Some([Value::Text(schema)]) = schema.first().map(Vec::as_slice) {
                    let schema = SessionOptionValue::text(schema.clone());
                    all.insert(SCHEMA.to_owned(), schema);
                }
                let catalog = SessionOptionValue::text(DATABASE.to_owned());
                all.insert(CATALOG.to_owned(), catalog);
                Ok(all)
            })
        })
        .await?;
    let options = GetSessionOptionsResult { session_options };
    Ok(options.encode_to_vec().into())
}
