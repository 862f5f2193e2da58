//! A client's connection: statements by text or prepared, values as text.

use std::collections::HashMap;
use tokio_postgres::types::{ToSql, Type};
use tokio_postgres::{Client, Error, SimpleQueryMessage, Statement};

/// Why an act didn't come about.
#[derive(Debug)]
pub enum Failed {
    /// A deadlock or a lost race: roll back and go on.
    Retry,
    /// The server is gone.
    Gone,
    /// What no client should be told.
    Odd(String),
}

#[derive(Clone, Debug)]
pub enum Argument {
    Int(i32),
    Big(i64),
    Text(String),
}

impl Argument {
    fn literal(&self) -> String {
        match self {
            Argument::Int(value) => value.to_string(),
            Argument::Big(value) => format!("{value}::bigint"),
            Argument::Text(value) => format!("'{value}'"),
        }
    }

    fn value(&self) -> &(dyn ToSql + Sync) {
        match self {
            Argument::Int(value) => value,
            Argument::Big(value) => value,
            Argument::Text(value) => value,
        }
    }

    fn kind(&self) -> Type {
        match self {
            Argument::Int(_) => Type::INT4,
            Argument::Big(_) => Type::INT8,
            Argument::Text(_) => Type::TEXT,
        }
    }
}

pub struct Session {
    client: Client,
    prepared: HashMap<String, Statement>,
}

impl Session {
    pub async fn open(client: Client) -> Session {
        let quick = "SET deadlock_timeout = '15ms'";
        client.batch_execute(quick).await.expect(quick);
        Session {
            client,
            prepared: HashMap::new(),
        }
    }

    pub async fn say(&mut self, sql: &str) -> Result<(), Failed> {
        self.client
            .batch_execute(sql)
            .await
            .map_err(|error| failed(sql, &error))
    }

    pub async fn ask(
        &mut self,
        sql: &str,
        arguments: &[Argument],
        prepared: bool,
    ) -> Result<Vec<Vec<String>>, Failed> {
        let said = match prepared {
            true => self.prepared(sql, arguments).await,
            false => self.text(sql, arguments).await,
        };
        said.map_err(|error| failed(sql, &error))
    }

    async fn text(&mut self, sql: &str, arguments: &[Argument]) -> Result<Vec<Vec<String>>, Error> {
        let mut sql = sql.to_owned();
        for (at, argument) in (1..).zip(arguments) {
            sql = sql.replace(&format!("${at}"), &argument.literal());
        }
        let mut rows = Vec::new();
        for message in self.client.simple_query(&sql).await? {
            if let SimpleQueryMessage::Row(row) = message {
                let values = 0..row.len();
                rows.push(
                    values
                        .map(|at| row.get(at).unwrap_or_default().to_owned())
                        .collect(),
                );
            }
        }
        Ok(rows)
    }

    async fn prepared(
        &mut self,
        sql: &str,
        arguments: &[Argument],
    ) -> Result<Vec<Vec<String>>, Error> {
        let statement = match self.prepared.get(sql) {
            Some(statement) => statement.clone(),
            None => {
                let types: Vec<Type> = arguments.iter().map(Argument::kind).collect();
                let statement = self.client.prepare_typed(sql, &types).await?;
                self.prepared.insert(sql.to_owned(), statement.clone());
                statement
            }
        };
        let values: Vec<&(dyn ToSql + Sync)> = arguments.iter().map(Argument::value).collect();
        let mut rows = Vec::new();
        for row in self.client.query(&statement, &values).await? {
            let mut texts = Vec::new();
            for (at, column) in row.columns().iter().enumerate() {
                texts.push(match *column.type_() {
                    Type::INT4 => row.try_get::<_, i32>(at)?.to_string(),
                    Type::INT8 => row.try_get::<_, i64>(at)?.to_string(),
                    Type::INT8_ARRAY => format!("{:?}", row.try_get::<_, Vec<i64>>(at)?),
                    _ => row.try_get::<_, String>(at)?,
                });
            }
            rows.push(texts);
        }
        Ok(rows)
    }
}

fn failed(sql: &str, error: &Error) -> Failed {
    let Some(code) = error.code() else {
        return Failed::Gone;
    };
    match code.code() {
        "40001" | "40P01" => Failed::Retry,
        "57P01" => Failed::Gone,
        _ => Failed::Odd(format!("{sql}: {error:?}")),
    }
}
