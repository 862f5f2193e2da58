//! The extended protocol: Parse, Bind, Describe, Execute, Close, Sync.

mod fetch;
mod portals;
mod statements;

pub use fetch::Fetch;
pub use portals::Portals;
pub use statements::Statements;

use super::connection::{Mode, Wire, run};
use super::errors::{End, Failure};
use super::frontend::{self, Target};
use super::params;
use super::rows::Formats;
use orbit_core::types::SqlType;
use orbit_core::{Error, Result, state};
use orbit_query::{Block, Outcome, Tag};
use portals::Progress;
use std::borrow::Cow;
use std::pin::pin;

impl Wire {
    pub async fn parse(&mut self, body: &[u8]) -> Result<(), Failure> {
        let message = frontend::parse(body)?;
        self.statements.check_free(message.name)?;
        let sql = frontend::utf8(message.sql)?;
        let types = message
            .types
            .iter()
            .map(declared_type)
            .collect::<Result<Vec<_>>>()?;
        let prepared = {
            let prepare = pin!(self.session.prepare(sql, &types));
            self.socket.attend(prepare).await??
        };
        if !message.name.is_empty() {
            let name = String::from_utf8_lossy(message.name);
            self.session.add_protocol_statement(&name, &prepared);
        }
        self.statements.insert(message.name, prepared);
        self.out.parse_complete();
        Ok(())
    }

    pub fn bind(&mut self, body: &[u8]) -> Result<()> {
        let message = frontend::bind(body)?;
        let statement = self.statements.get(message.statement)?;
        let prepared = &statement.prepared;
        if self.session.block() == Block::Failed && !prepared.ends_block() {
            return Err(aborted());
        }
        if let Some(name) = named(message.portal)
            && self.session.has_cursor(&name)
        {
            return Err(Error::new(
                state::DUPLICATE_CURSOR,
                format!("cursor \"{name}\" already exists"),
            ));
        }
        let columns = prepared.columns.as_deref().unwrap_or_default().len();
        let formats = Formats::of_result(message.result_formats, columns)?;
        let portal = self.portals.bind(message.portal, statement, formats)?;
        let settings = self.session.format();
        let decoded = params::decode(&message, &prepared.params, settings, &mut portal.params);
        if decoded.is_err() {
            self.portals.close(message.portal);
        }
        decoded?;
        if let Some(name) = named(message.portal) {
            let portal = self.portals.get_mut(message.portal)?;
            self.session
                .add_protocol_portal(&name, prepared, &portal.params);
        }
        self.out.bind_complete();
        Ok(())
    }

    pub fn describe(&mut self, body: &[u8]) -> Result<()> {
        match frontend::target("DESCRIBE", body)? {
            Target::Statement(name) => {
                let statement = self.statements.get(name)?;
                self.out.parameter_description(&statement.prepared.params);
                statement.describe(&mut self.out, &Formats::Text);
            }
            Target::Portal(name) => {
                let declared = named(name).and_then(|name| self.session.cursor_columns(&name));
                let portal = self.portals.get_mut(name);
                if let (Some((columns, binary)), Err(_)) = (declared, &portal) {
                    self.out.row_description(columns, &formats(binary));
                    return Ok(());
                }
                let portal = portal?;
                portal.statement.describe(&mut self.out, &portal.formats);
            }
        }
        Ok(())
    }

    pub async fn execute(&mut self, body: &[u8]) -> Result<(), Failure> {
        let (name, limit) = frontend::execute(body)?;
        if let Some(cursor) = named(name) {
            let opened = {
                let opening = pin!(self.session.open_portal(&cursor));
                self.socket.attend(opening).await??
            };
            if opened || self.session.has_cursor(&cursor) {
                return self.execute_cursor(name, &cursor, limit).await;
            }
            if !self.session.has_protocol_portal(&cursor) {
                self.portals.close(name);
            }
        }
        let portal = self.portals.get_mut(name)?;
        let prepared = &portal.statement.prepared;
        let mut fetch = match std::mem::replace(&mut portal.progress, Progress::Finished) {
            Progress::Suspended(fetch) => {
                self.session.resume();
                *fetch
            }
            // A query's portal stays at its end; anything else runs once.
            Progress::Finished if prepared.columns.is_some() => {
                self.out.command_complete(&Tag::Select(0));
                return Ok(());
            }
            Progress::Finished => return Err(runs_once(name).into()),
            Progress::Ready => {
                let outcome =
                    run(&self.socket, &mut self.session, prepared, &portal.params).await?;
                match outcome {
                    Outcome::Rows(rows) => Fetch::new(rows),
                    other => return self.finish_execute(other).await,
                }
            }
        };
        let settings = self.session.format();
        let sent = fetch
            .send(
                &mut self.socket,
                &mut self.out,
                settings,
                &portal.formats,
                limit,
            )
            .await?;
        if let Some(batch) = fetch.take_spent() {
            self.session.recycle(batch);
        }
        if sent.finished {
            self.notices();
            self.out.command_complete(&fetch.tag(sent.rows));
        } else {
            portal.progress = Progress::Suspended(Box::new(fetch));
            self.out.portal_suspended();
        }
        Ok(())
    }

    /// A portal that DECLARE opened, or one whose rows SQL can ask for, too.
    async fn execute_cursor(
        &mut self,
        portal: &[u8],
        name: &str,
        limit: Option<u64>,
    ) -> Result<(), Failure> {
        let rows = self.session.fetch_cursor(name, limit)?;
        let formats = match self.portals.get_mut(portal) {
            Ok(portal) => portal.formats.clone(),
            Err(_) => formats(rows.binary),
        };
        let mut fetch = Fetch::new(rows);
        let settings = self.session.format();
        let sent = fetch
            .send(&mut self.socket, &mut self.out, settings, &formats, None)
            .await?;
        if limit == Some(sent.rows) {
            self.out.portal_suspended();
        } else {
            self.notices();
            self.out.command_complete(&fetch.tag(sent.rows));
        }
        Ok(())
    }

    /// Outcomes without rows.
    async fn finish_execute(&mut self, outcome: Outcome) -> Result<(), Failure> {
        let tag = match outcome {
            Outcome::Done(tag) => tag,
            Outcome::CopyIn(copy) => {
                self.begin_copy_in(copy, None);
                return Ok(());
            }
            Outcome::CopyOut(mut copy) => {
                self.copy_out(&mut copy).await?;
                copy.tag()
            }
            Outcome::Empty | Outcome::Rows(_) => {
                self.out.empty_query();
                return Ok(());
            }
        };
        self.notices();
        self.forget_statements(&tag);
        self.out.command_complete(&tag);
        Ok(())
    }

    pub fn close_named(&mut self, body: &[u8]) -> Result<()> {
        // Closing what isn't there is no error.
        match frontend::target("CLOSE", body)? {
            Target::Statement(name) => {
                self.session
                    .remove_protocol_statement(&String::from_utf8_lossy(name));
                self.statements.remove(name);
            }
            Target::Portal(name) => {
                if let Some(name) = named(name) {
                    self.session.close_cursor(&name);
                    self.session.remove_protocol_portal(&name);
                }
                self.portals.close(name);
            }
        }
        self.out.close_complete();
        Ok(())
    }

    pub async fn sync(&mut self) -> Result<(), End> {
        self.mode = Mode::Normal;
        self.end_of_conversation().await;
        Ok(())
    }

    /// SQL's own ways to forget what Parse prepared.
    pub fn forget_statements(&mut self, tag: &Tag) {
        match tag {
            Tag::Other("DEALLOCATE ALL" | "DISCARD ALL") => self.statements.clear(),
            Tag::Other("DEALLOCATE") => {
                let session = &self.session;
                self.statements
                    .retain(|name| session.has_protocol_statement(name));
            }
            _ => {}
        }
    }
}

/// A portal's name as SQL's cursors have it; `None`: the unnamed one.
fn named(portal: &[u8]) -> Option<Cow<'_, str>> {
    (!portal.is_empty()).then(|| String::from_utf8_lossy(portal))
}

fn formats(binary: bool) -> Formats {
    match binary {
        true => Formats::Binary,
        false => Formats::Text,
    }
}

/// 0 leaves the type to be inferred, as does `unknown`.
fn declared_type(oid: u32) -> Result<Option<SqlType>> {
    match oid {
        0 | 705 => Ok(None),
        oid => SqlType::from_oid(oid).map(Some).ok_or_else(|| {
            Error::new(
                state::UNDEFINED_OBJECT,
                format!("type with OID {oid} does not exist"),
            )
        }),
    }
}

fn runs_once(portal: &[u8]) -> Error {
    Error::new(
        state::OBJECT_NOT_IN_PREREQUISITE_STATE,
        format!(
            "portal \"{}\" cannot be run",
            String::from_utf8_lossy(portal)
        ),
    )
}

fn aborted() -> Error {
    Error::new(
        state::IN_FAILED_SQL_TRANSACTION,
        "current transaction is aborted, commands ignored until end of transaction block",
    )
}
