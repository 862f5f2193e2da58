//! A client in process, for tests: sends messages as the simple protocol would
//! and shows what comes back as text.

use crate::rows::{Outcome, Rows};
use crate::session::{Block, severity};
use crate::{CopyIn, Engine, EngineOptions, Session, SessionInit};
use orbit_core::database::{Database, DatabaseOptions};
use orbit_core::store::sim::SimStore;
use orbit_core::value::text;
use orbit_core::{Error, Result};
use std::sync::Arc;

pub struct Client {
    pub session: Session,
}

pub fn engine() -> Arc<Engine> {
    let store = Arc::new(SimStore::new());
    let db = Database::open(store, DatabaseOptions::default()).unwrap();
    Engine::new(db, EngineOptions::default()).unwrap()
}

pub fn connect(engine: &Arc<Engine>) -> Client {
    let init = SessionInit {
        user: "orbit".to_owned(),
        database: "orbit".to_owned(),
        ..SessionInit::default()
    };
    Client {
        session: engine.session(init),
    }
}

pub fn client() -> Client {
    connect(&engine())
}

impl Client {
    /// Sends one message; the answers line by line: `a|b` for rows, the tags,
    /// `NOTICE: ...`, and `ERROR 42P01: ...` at which the message ends.
    pub async fn say(&mut self, sql: &str) -> Vec<String> {
        self.say_with(sql, "").await
    }

    /// As `say`, with the data for a COPY FROM STDIN in it.
    pub async fn say_with(&mut self, sql: &str, data: &str) -> Vec<String> {
        let mut lines = Vec::new();
        let mut result = self.run(sql, data, &mut lines).await;
        if result.is_ok() {
            result = self.session.sync().await;
        }
        self.show_notices(&mut lines);
        if let Err(error) = result {
            self.session.fail();
            let mut line = format!("ERROR {:?}: {}", error.state(), error.message());
            if let Some(detail) = error.detail() {
                line.push_str(&format!(" DETAIL: {detail}"));
            }
            if let Some(context) = error.context() {
                line.push_str(&format!(" CONTEXT: {context}"));
            }
            lines.push(line);
        }
        lines
    }

    fn show_notices(&mut self, lines: &mut Vec<String>) {
        for notice in self.session.take_notices() {
            lines.push(format!("{}: {}", severity(&notice), notice.message()));
        }
    }

    async fn run(&mut self, sql: &str, data: &str, lines: &mut Vec<String>) -> Result<()> {
        let mut script = self.session.parse_script(sql).await?;
        while let Some((statement, literals)) = self.session.next_statement(&mut script).await? {
            let outcome = self.session.execute(&statement, &literals).await?;
            self.show_notices(lines);
            match outcome {
                Outcome::Rows(mut rows) => self.show(&mut rows, lines).await?,
                Outcome::Done(tag) => lines.push(tag.to_string()),
                Outcome::Empty => lines.push(String::new()),
                Outcome::CopyIn(copy) => lines.push(self.feed(copy, data.as_bytes()).await?),
                Outcome::CopyOut(mut copy) => {
                    while let Some(piece) = copy.next().await? {
                        let text = String::from_utf8(piece).unwrap();
                        lines.extend(text.lines().map(str::to_owned));
                    }
                    lines.push(copy.tag().to_string());
                }
            }
        }
        Ok(())
    }

    async fn feed(&mut self, mut copy: CopyIn, data: &[u8]) -> Result<String> {
        // In uneven pieces, as a network brings them.
        for piece in data.chunks(7919) {
            copy.push(&mut self.session, piece).await?;
        }
        Ok(copy.finish(&mut self.session).await?.to_string())
    }

    async fn show(&mut self, rows: &mut Rows, lines: &mut Vec<String>) -> Result<()> {
        let columns = rows.columns.clone();
        let mut count = 0;
        while let Some(batch) = rows.next().await? {
            for row in 0..batch.len() {
                let mut line = Vec::new();
                for (place, column) in columns.iter().enumerate() {
                    if place > 0 {
                        line.push(b'|');
                    }
                    let value = batch.value(row, place)?;
                    text::format(&value, &column.sql_type, self.session.format(), &mut line)?;
                }
                lines.push(String::from_utf8(line).unwrap());
            }
            count += batch.len() as u64;
        }
        lines.push(rows.tag(count).to_string());
        Ok(())
    }

    /// Says it and takes only a last line that is no error.
    pub async fn ok(&mut self, sql: &str) -> String {
        let lines = self.say(sql).await;
        let last = lines.last().cloned().unwrap_or_default();
        assert!(!last.starts_with("ERROR"), "{sql}: {lines:?}");
        last
    }

    /// The last line, which must be this error.
    pub async fn fails(&mut self, sql: &str, expected: &str) {
        let lines = self.say(sql).await;
        let last = lines.last().cloned().unwrap_or_default();
        assert!(
            last.starts_with(&format!("ERROR {expected}")),
            "{sql}: {lines:?}"
        );
    }

    pub fn block(&self) -> Block {
        self.session.block()
    }

    pub async fn error(&mut self, sql: &str) -> Error {
        let mut lines = Vec::new();
        let error = self.run(sql, "", &mut lines).await.unwrap_err();
        self.session.fail();
        error
    }
}
