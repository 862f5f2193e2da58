//! What a server answered, in PostgreSQL's text form.

use tokio_postgres::{Client, SimpleQueryMessage};

#[derive(Clone, Debug, PartialEq)]
pub enum Answer {
    Rows {
        columns: Vec<String>,
        rows: Vec<Vec<Option<String>>>,
    },
    Error {
        state: String,
        message: String,
    },
}

/// Runs one statement by the simple protocol.
pub async fn ask(client: &Client, sql: &str) -> Answer {
    match client.simple_query(sql).await {
        Ok(messages) => {
            let mut columns = Vec::new();
            let mut rows = Vec::new();
            for message in messages {
                match message {
                    SimpleQueryMessage::RowDescription(description) => {
                        columns = description
                            .iter()
                            .map(|column| column.name().to_owned())
                            .collect();
                    }
                    SimpleQueryMessage::Row(row) => {
                        let values = 0..row.len();
                        rows.push(values.map(|at| row.get(at).map(str::to_owned)).collect());
                    }
                    _ => {}
                }
            }
            Answer::Rows { columns, rows }
        }
        Err(error) => match error.as_db_error() {
            Some(error) => Answer::Error {
                state: error.code().code().to_owned(),
                message: error.message().to_owned(),
            },
            None => Answer::Error {
                state: "connection".to_owned(),
                message: error.to_string(),
            },
        },
    }
}
