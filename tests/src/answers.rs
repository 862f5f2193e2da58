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

/// Equal, but for the last digits of floating-point numbers: their sums depend
/// on the order of addition, which no standard fixes.
pub fn same(a: &Answer, b: &Answer) -> bool {
    match (a, b) {
        (
            Answer::Rows { columns, rows },
            Answer::Rows {
                columns: other_columns,
                rows: other,
            },
        ) => {
            columns == other_columns
                && rows.len() == other.len()
                && rows.iter().zip(other).all(|(row, other)| {
                    row.len() == other.len()
                        && row.iter().zip(other).all(|(a, b)| match (a, b) {
                            (Some(a), Some(b)) => a == b || close(a, b),
                            (a, b) => a == b,
                        })
                })
        }
        (Answer::Error { state, .. }, Answer::Error { state: other, .. }) => state == other,
        _ => false,
    }
}

/// Floats of at least 12 digits that agree in the first 12.
fn close(a: &str, b: &str) -> bool {
    let long =
        |text: &str| text.contains('.') && text.bytes().filter(u8::is_ascii_digit).count() >= 14;
    if !long(a) || !long(b) {
        return false;
    }
    match (a.parse::<f64>(), b.parse::<f64>()) {
        (Ok(a), Ok(b)) => (a - b).abs() <= 1e-12 * a.abs().max(b.abs()),
        _ => false,
    }
}

pub fn show(answer: &Answer) -> String {
    match answer {
        Answer::Error { state, message } => format!("ERROR {state}: {message}"),
        Answer::Rows { columns, rows } => {
            let mut text = columns.join(" | ");
            for row in rows.iter().take(12) {
                let values: Vec<&str> = row
                    .iter()
                    .map(|value| value.as_deref().unwrap_or("NULL"))
                    .collect();
                text.push('\n');
                text.push_str(&values.join(" | "));
            }
            if rows.len() > 12 {
                text.push_str(&format!("\n… {} rows", rows.len()));
            }
            text
        }
    }
}
