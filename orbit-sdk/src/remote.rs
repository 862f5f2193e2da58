//! A node elsewhere, over PostgreSQL's protocol.

use crate::answer::{Answer, Column};
use crate::tls;
use crate::transaction::{Bound, Transaction, Work, begun_by_a_statement};
use async_trait::async_trait;
use bytes::BytesMut;
use orbit_core::error::SqlState;
use orbit_core::types::SqlType;
use orbit_core::value::{Value, binary, cast};
use orbit_core::{Error, Result, state};
use parking_lot::Mutex;
use std::path::Path;
use std::sync::Arc;
use tokio_postgres::config::SslMode;
use tokio_postgres::types::{FromSql, IsNull, ToSql, Type};
use tokio_postgres::{Client, Config};
use tokio_postgres_rustls::MakeRustlsConnect;

/// Connections kept for the next statement.
const IDLE: usize = 8;

pub struct Remote {
    connections: Arc<Connections>,
}

struct Connections {
    config: Config,
    tls: MakeRustlsConnect,
    idle: Mutex<Vec<Client>>,
}

impl Connections {
    async fn take(&self) -> Result<Client> {
        loop {
            let idle = self.idle.lock().pop();
            match idle {
                Some(client) if client.is_closed() => {}
                Some(client) => return Ok(client),
                None => break,
            }
        }
        let dialled = self.config.connect(self.tls.clone()).await;
        let (client, connection) = dialled.map_err(|error| told(&error))?;
        // Its end is seen by whoever asks next.
        tokio::spawn(connection);
        Ok(client)
    }

    fn give_back(&self, client: Client) {
        let mut idle = self.idle.lock();
        if idle.len() < IDLE && !client.is_closed() {
            idle.push(client);
        }
    }
}

impl Remote {
    pub async fn connect(url: &str, authority: Option<&Path>) -> Result<Remote> {
        let mut config: Config = url.parse().map_err(|error: tokio_postgres::Error| {
            Error::new(state::INVALID_PARAMETER_VALUE, error.to_string())
                .with_hint("Write it as postgres://user:password@host:7432/orbit.")
        })?;
        if config.get_application_name().is_none() {
            config.application_name("orbit-sdk");
        }
        let tls = match authority {
            None => tls::unverified()?,
            Some(authority) => {
                require_tls(&mut config)?;
                tls::trusting(authority)?
            }
        };
        let connections = Arc::new(Connections {
            config,
            tls,
            idle: Mutex::default(),
        });
        let first = connections.take().await?;
        connections.give_back(first);
        Ok(Remote { connections })
    }

    pub async fn run(&self, sql: &str, params: Vec<Value>) -> Result<Answer> {
        if Bound::of(sql) == Some(Bound::Begin) {
            return Err(begun_by_a_statement());
        }
        let client = self.connections.take().await?;
        let answer = run(&client, sql, params).await;
        self.connections.give_back(client);
        answer
    }

    pub async fn begin(&self) -> Result<Transaction> {
        let client = self.connections.take().await?;
        run(&client, "BEGIN", Vec::new()).await?;
        Ok(Transaction::of(Box::new(RemoteWork {
            client,
            connections: self.connections.clone(),
        })))
    }
}

/// Whom to trust was said: then nobody else may listen.
fn require_tls(config: &mut Config) -> Result<()> {
    if config.get_ssl_mode() == SslMode::Disable {
        return Err(Error::new(
            state::INVALID_PARAMETER_VALUE,
            "a certificate is to be trusted on a connection without TLS",
        )
        .with_hint("Leave sslmode=disable out, or Options::trust."));
    }
    config.ssl_mode(SslMode::Require);
    Ok(())
}

/// Dropped with its connection, which the node takes as ROLLBACK.
struct RemoteWork {
    client: Client,
    connections: Arc<Connections>,
}

#[async_trait]
impl Work for RemoteWork {
    async fn run(&mut self, sql: &str, params: Vec<Value>) -> Result<Answer> {
        run(&self.client, sql, params).await
    }

    async fn commit(self: Box<Self>) -> Result<()> {
        run(&self.client, "COMMIT", Vec::new()).await?;
        self.connections.give_back(self.client);
        Ok(())
    }
}

async fn run(client: &Client, sql: &str, params: Vec<Value>) -> Result<Answer> {
    let statement = client.prepare(sql).await.map_err(|error| told(&error))?;
    if statement.params().len() != params.len() {
        return Err(Error::new(
            state::PROTOCOL_VIOLATION,
            format!(
                "{} parameters were given to a statement that has {}",
                params.len(),
                statement.params().len()
            ),
        ));
    }
    let params: Vec<Raw> = params.into_iter().map(Raw).collect();
    let params: Vec<&(dyn ToSql + Sync)> = params.iter().map(|one| one as _).collect();
    if statement.columns().is_empty() {
        let affected = client.execute(&statement, &params).await;
        return Ok(Answer {
            affected: affected.map_err(|error| told(&error))?,
            ..Answer::default()
        });
    }
    let columns: Vec<Column> = statement
        .columns()
        .iter()
        .map(|column| Column {
            name: column.name().to_owned(),
            sql_type: typed(column.type_().oid(), column.type_modifier()),
        })
        .collect();
    let rows = client.query(&statement, &params).await;
    let rows = rows.map_err(|error| told(&error))?;
    let affected = u64::try_from(rows.len()).unwrap_or(u64::MAX);
    let rows = rows.iter().map(|row| {
        let values = columns.iter().enumerate().map(|(place, column)| {
            let bytes: Option<Sent<'_>> = row.try_get(place).map_err(|error| told(&error))?;
            match bytes {
                None => Ok(Value::Null),
                Some(Sent(bytes)) => binary::decode(bytes, &column.sql_type),
            }
        });
        values.collect()
    });
    let rows = rows.collect::<Result<_>>()?;
    Ok(Answer {
        columns,
        rows,
        affected,
    })
}

/// A column's type with its modifier, as RowDescription tells them.
fn typed(oid: u32, modifier: i32) -> SqlType {
    let sql_type = SqlType::from_oid(oid).unwrap_or(SqlType::Text);
    // PostgreSQL counts the four bytes of a length in.
    let Some(held) = modifier.checked_sub(4).filter(|held| *held >= 0) else {
        return sql_type;
    };
    match sql_type {
        SqlType::Numeric(None) => {
            // The scale is a number of eleven bits with a sign.
            let scale = ((held & 0x7ff) ^ 0x400) - 0x400;
            match (u16::try_from(held >> 16), i16::try_from(scale)) {
                (Ok(precision), Ok(scale)) => SqlType::Numeric(Some((precision, scale))),
                _ => SqlType::Numeric(None),
            }
        }
        SqlType::Varchar(_) => SqlType::Varchar(Some(held.unsigned_abs())),
        SqlType::Char(_) => SqlType::Char(held.unsigned_abs()),
        other => other,
    }
}

/// A parameter, as the type that the statement wants.
#[derive(Debug)]
struct Raw(Value);

impl ToSql for Raw {
    fn to_sql(
        &self,
        wanted: &Type,
        out: &mut BytesMut,
    ) -> std::result::Result<IsNull, Box<dyn std::error::Error + std::marker::Sync + Send>> {
        let Some(sql_type) = SqlType::from_oid(wanted.oid()) else {
            return Err(format!("parameters of type {wanted} are not known").into());
        };
        let value = cast::assign(self.0.clone(), &sql_type)?;
        if value.is_null() {
            return Ok(IsNull::Yes);
        }
        let mut bytes = Vec::new();
        binary::encode(&value.as_ref(), &sql_type, &mut bytes)?;
        out.extend_from_slice(&bytes);
        Ok(IsNull::No)
    }

    fn accepts(_: &Type) -> bool {
        true
    }

    tokio_postgres::types::to_sql_checked!();
}

/// A value as it was sent.
struct Sent<'a>(&'a [u8]);

impl<'a> FromSql<'a> for Sent<'a> {
    fn from_sql(
        _: &Type,
        bytes: &'a [u8],
    ) -> std::result::Result<Self, Box<dyn std::error::Error + std::marker::Sync + Send>> {
        Ok(Sent(bytes))
    }

    fn accepts(_: &Type) -> bool {
        true
    }
}

/// An error of the node's as it said it; of the connection's with its causes.
fn told(error: &tokio_postgres::Error) -> Error {
    let Some(said) = error.as_db_error() else {
        let mut words = error.to_string();
        let mut cause = std::error::Error::source(error);
        while let Some(below) = cause {
            // A value of ours that could not be sent has all to say.
            if let Some(own) = below.downcast_ref::<Error>() {
                return own.clone();
            }
            words = format!("{words}: {below}");
            cause = below.source();
        }
        return Error::new(state::CONNECTION_FAILURE, words);
    };
    let mut code = *b"XX000";
    for (to, from) in code.iter_mut().zip(said.code().code().bytes()) {
        *to = from;
    }
    let mut error = Error::new(SqlState(code), said.message().to_owned());
    if let Some(detail) = said.detail() {
        error = error.with_detail(detail);
    }
    if let Some(hint) = said.hint() {
        error = error.with_hint(hint.to_owned());
    }
    error
}
