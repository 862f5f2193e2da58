//! COPY between a table and the client.
//!
//! In: the stream is cut into chunks at row boundaries (`cut`), chunks are
//! split into fields (`fields`) and turned into stored rows (`encode`) by a
//! few workers at once, and `import` feeds the rows, in order, to a sorted load
//! (empty table) or to the transaction row by row. Out: `export`.

#[cfg(feature = "datafusion")]
mod batches;
pub mod binary;
mod cut;
mod encode;
mod export;
mod fields;
mod import;
pub mod options;

use crate::ddl::wrong_kind::{is_an_index, is_index};
use crate::rows::{Outcome, Tag};
use crate::session::Session;
use crate::statement::names::{Name, find_column};
use import::Import;
use options::{CopySource, CopyStatement};
use orbit_core::catalog::{Relation, Table};
use orbit_core::txn::{TableLock, Wait};
use orbit_core::{Error, Result, state};

pub use export::CopyOut;

/// A COPY FROM STDIN that waits for data. Dropped unfinished it leaves nothing.
pub struct CopyIn {
    pub columns: usize,
    pub csv: bool,
    pub binary: bool,
    import: Import,
}

impl CopyIn {
    /// Takes any piece of the stream; pieces need not end at lines.
    pub async fn push(&mut self, session: &mut Session, bytes: &[u8]) -> Result<()> {
        let pushed = self.import.push(session, bytes).await;
        pushed.map_err(|error| {
            let given = self.import.given();
            let error = session.told(error, |table, column| given.has(table, column));
            session.fail();
            error
        })
    }

    /// Takes rows instead of bytes; their columns stand in COPY's order. Whoever
    /// begins with rows goes on with rows.
    #[cfg(feature = "datafusion")]
    pub async fn push_batch(
        &mut self,
        session: &mut Session,
        batch: &datafusion::arrow::array::RecordBatch,
    ) -> Result<()> {
        let pushed = self.import.push_batch(session, batch).await;
        pushed.map_err(|error| {
            let given = self.import.given();
            let error = session.told(error, |table, column| given.has(table, column));
            session.fail();
            error
        })
    }

    pub async fn finish(self, session: &mut Session) -> Result<Tag> {
        let given = self.import.given();
        match self.import.finish(session).await {
            Ok(rows) => Ok(Tag::Copy(rows)),
            Err(error) => {
                session.wait_for_cause(&error).await;
                let error = session.told(error, |table, column| given.has(table, column));
                session.fail();
                Err(error)
            }
        }
    }

    /// The client gave up (CopyFail): 57014 with its reason.
    pub fn fail(self, session: &mut Session, reason: &str) -> Error {
        session.fail();
        Error::new(
            state::QUERY_CANCELED,
            format!("COPY from stdin failed: {reason}"),
        )
        .in_context(self.import.place())
    }
}

/// 42809 for a view or a sequence.
fn refuse_others(session: &mut Session, name: &Name, from: bool) -> Result<()> {
    let settings = session.settings().clone();
    let view = session.transaction()?.begin_statement();
    let what = match name.relation(view.catalog(), &settings) {
        Some(Relation::View(_)) => "view",
        Some(Relation::Sequence(_)) => "sequence",
        Some(other) if is_index(&other) => return Err(is_an_index(&name.name)),
        _ => return Ok(()),
    };
    let error = |to: &str| {
        Error::new(
            state::WRONG_OBJECT_TYPE,
            format!("cannot copy {to} {what} \"{}\"", name.name),
        )
    };
    Err(match (from, what) {
        (true, "view") => error("to")
            .with_hint("To enable copying to a view, provide an INSTEAD OF INSERT trigger."),
        (true, _) => error("to"),
        (false, "view") => error("from").with_hint("Try the COPY (SELECT ...) TO variant."),
        (false, _) => error("from"),
    })
}

pub(crate) async fn run(session: &mut Session, statement: &CopyStatement) -> Result<Outcome> {
    if let CopySource::Table { name, .. } = &statement.source {
        refuse_others(session, name, statement.from)?;
    }
    if statement.from {
        let CopySource::Table { name, columns } = &statement.source else {
            return Err(Error::internal("COPY FROM a query"));
        };
        let filter = statement.filter.as_deref();
        let options = &statement.options;
        let import = Import::begin(session, name, columns.as_deref(), options, filter).await?;
        return Ok(Outcome::CopyIn(CopyIn {
            columns: import.columns(),
            csv: statement.options.csv,
            binary: statement.options.binary,
            import,
        }));
    }
    match &statement.source {
        CopySource::Query(sql) => CopyOut::of_query(session, sql, &statement.options).await,
        CopySource::Table { name, columns } => {
            let settings = session.settings().clone();
            let view = session.transaction()?.begin_statement();
            let table = name.require(view.catalog(), &settings)?.clone();
            session
                .transaction()?
                .lock_table(table.id, TableLock::AccessShare, Wait::Block)
                .await?;
            // After a wait, as the table is now.
            let view = session.transaction()?.begin_statement();
            let table = name.require(view.catalog(), &settings)?;
            let places = positions(table, columns.as_deref())?;
            let out = CopyOut::of_table(session, &view, table, places, &statement.options)?;
            session.transaction()?.wait_until_durable().await?;
            Ok(out)
        }
    }
    .map(Outcome::CopyOut)
}

/// Where the named columns stand in the table; all of them without names.
fn positions(table: &Table, columns: Option<&[String]>) -> Result<Vec<usize>> {
    let Some(columns) = columns else {
        // What is computed is neither read nor written.
        let stored = |place: &usize| {
            let column = table.columns.get(*place);
            column.is_some_and(|column| column.generated.is_none())
        };
        return Ok((0..table.columns.len()).filter(stored).collect());
    };
    let mut places = Vec::with_capacity(columns.len());
    for column in columns {
        let place = find_column(table, column)?;
        if places.contains(&place) {
            return Err(Error::new(
                state::DUPLICATE_COLUMN,
                format!("column \"{column}\" specified more than once"),
            ));
        }
        if table
            .columns
            .get(place)
            .is_some_and(|column| column.generated.is_some())
        {
            return Err(Error::new(
                state::INVALID_COLUMN_REFERENCE,
                format!("column \"{column}\" is a generated column"),
            )
            .with_detail("Generated columns cannot be used in COPY."));
        }
        places.push(place);
    }
    Ok(places)
}

#[cfg(test)]
mod tests;
