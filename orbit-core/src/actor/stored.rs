//! Actors whose state is a row: a table of each kind in schema `actors`, a line of each
//! actor, a column of each field. A turn's changes are part of the turn's commit.

mod read;
mod shape;
mod table;
#[cfg(test)]
mod tests;
mod write;

use super::behaviour::{Actor, AnyActor};
use crate::catalog::Table;
use crate::database::{Database, ReadView};
use crate::error::{Error, Result, state};
use crate::key;
use crate::lock::{RowLock, Wait};
use crate::txn::{Transaction, decode};
use crate::value::{Value, ValueRef};
use parking_lot::Mutex;
use serde::Serialize;
use serde::de::DeserializeOwned;
pub use shape::Field;
use std::any::Any;
use std::marker::PhantomData;
use std::sync::Arc;

/// The schema of the tables that actors' states are in.
pub const ACTORS_SCHEMA: &str = "actors";
/// The column that says whose state a row is.
pub const ID_COLUMN: &str = "id";

/// How the states of a kind become rows and come back.
pub(super) trait Form: Send + Sync {
    fn fields(&self) -> &[Field];
    fn read(&self, values: &[Value]) -> Result<AnyActor>;
    fn write(&self, actor: &(dyn Any + Send)) -> Result<Vec<Value>>;
}

struct FormOf<A> {
    fields: Vec<Field>,
    of: PhantomData<fn(&A)>,
}

pub(super) fn form_of<A: Actor + Serialize + DeserializeOwned>() -> Result<Arc<dyn Form>> {
    let fields = shape::fields_of::<A>()?;
    if fields.iter().any(|field| field.name == ID_COLUMN) {
        return Err(Error::new(
            state::DUPLICATE_COLUMN,
            format!(
                "the state of actor kind \"{}\" has a field \"id\", which is the name of the \
                 column for the actor's own id",
                A::KIND
            ),
        )
        .with_hint("Rename the field, or leave it out: a turn knows its actor's id."));
    }
    Ok(Arc::new(FormOf::<A> {
        fields,
        of: PhantomData,
    }))
}

impl<A: Actor + Serialize + DeserializeOwned> Form for FormOf<A> {
    fn fields(&self) -> &[Field] {
        &self.fields
    }

    fn read(&self, values: &[Value]) -> Result<AnyActor> {
        let actor: A = read::state_of(&self.fields, values)?;
        Ok(Box::new(actor))
    }

    fn write(&self, actor: &(dyn Any + Send)) -> Result<Vec<Value>> {
        let actor = actor
            .downcast_ref::<A>()
            .ok_or_else(|| Error::internal("an actor of another kind"))?;
        write::values_of(actor, &self.fields)
    }
}

/// Where the states of a kind are kept.
pub(super) struct Storage {
    db: Arc<Database>,
    kind: &'static str,
    form: Arc<dyn Form>,
    /// As of some version of the catalog.
    place: Mutex<(u64, Arc<Place>)>,
}

/// The kind's table, and in which of its columns the fields are.
struct Place {
    table: Arc<Table>,
    columns: Vec<usize>,
    id: usize,
}

/// An actor's fields as they are stored, or as they were when it began, for the next turn
/// to be compared with; none: its kind isn't stored.
pub(super) type Kept = Option<Box<[Value]>>;

impl Storage {
    /// Makes the kind's table, or what it lacks.
    pub async fn open(
        db: Arc<Database>,
        kind: &'static str,
        form: Arc<dyn Form>,
    ) -> Result<Storage> {
        table::ensure(&db, kind, form.fields()).await?;
        let view = db.newest();
        let place = Place::find(&view.catalog, kind, form.fields())?;
        Ok(Storage {
            place: Mutex::new((view.catalog.version, Arc::new(place))),
            db,
            kind,
            form,
        })
    }

    pub fn db(&self) -> &Arc<Database> {
        &self.db
    }

    /// The table as a reader's or writer's catalog has it.
    fn place(&self, catalog: &crate::catalog::Catalog) -> Result<Arc<Place>> {
        let mut known = self.place.lock();
        if known.0 != catalog.version {
            let place = Place::find(catalog, self.kind, self.form.fields())?;
            *known = (catalog.version, Arc::new(place));
        }
        Ok(known.1.clone())
    }

    /// What is stored of an actor.
    pub fn load(&self, view: &ReadView, id: &str) -> Result<Kept> {
        let place = self.place(view.catalog())?;
        let mut row = Vec::new();
        if !view.get(&place.table, &place.key(id)?, &mut row)? {
            return Ok(None);
        }
        let mut values = decode(&place.table, &row)?;
        Ok(Some(place.fields_of(&mut values)))
    }

    pub fn values_of(&self, actor: &(dyn Any + Send)) -> Result<Box<[Value]>> {
        Ok(self.form.write(actor)?.into())
    }

    /// The actor that was kept.
    pub fn revive(&self, kept: &[Value]) -> Result<AnyActor> {
        self.form.read(kept)
    }

    /// Puts what the actor is now (its [`Storage::values_of`]) into the transaction, if it
    /// isn't what was kept.
    pub async fn save(
        &self,
        transaction: &mut Option<Transaction>,
        id: &str,
        now: Box<[Value]>,
        kept: &mut Kept,
    ) -> Result<()> {
        if kept.as_ref() == Some(&now) {
            return Ok(());
        }
        let transaction =
            transaction.get_or_insert_with(|| self.db.begin(crate::txn::Isolation::ReadCommitted));
        let view = transaction.begin_statement();
        let place = self.place(view.catalog())?;
        let key = place.key(id)?;
        let locked = transaction
            .lock_row(&place.table, &key, RowLock::NoKeyUpdate, Wait::Block)
            .await?;
        match locked.row {
            None => {
                let mut values = vec![Value::Null; place.table.columns.len()];
                values[place.id] = Value::Text(id.to_owned());
                for (column, value) in place.columns.iter().zip(now.iter()) {
                    values[*column] = value.clone();
                }
                transaction.insert(&place.table, values).await?;
            }
            Some(row) => {
                let before = decode(&place.table, &row)?;
                let columns = place.columns.iter().zip(now.iter());
                let changes: Vec<_> = columns
                    .filter(|(column, value)| before.get(**column) != Some(value))
                    .map(|(column, value)| (*column, value.clone()))
                    .collect();
                if !changes.is_empty() {
                    transaction
                        .update_locked(&place.table, &key, row, changes)
                        .await?;
                }
            }
        }
        *kept = Some(now);
        Ok(())
    }
}

/// The memory a kept value takes.
pub(super) fn held_by(value: &Value) -> usize {
    size_of::<Value>()
        + match value {
            Value::Text(text) => text.len(),
            Value::Bytea(bytes) => bytes.len(),
            _ => 0,
        }
}

impl Place {
    fn find(catalog: &crate::catalog::Catalog, kind: &str, fields: &[Field]) -> Result<Place> {
        let gone = || {
            Error::new(
                state::UNDEFINED_TABLE,
                format!("the table \"{ACTORS_SCHEMA}\".\"{kind}\" of the actors' states is gone"),
            )
            .with_hint("Restart the node: it is made anew, without the states.")
        };
        let table = catalog.table(ACTORS_SCHEMA, kind).ok_or_else(gone)?.clone();
        let column = |name: &str| {
            let mut columns = table.columns.iter();
            columns.position(|column| column.name == name)
        };
        let columns = fields.iter().map(|field| column(field.name));
        let columns = columns.collect::<Option<Vec<_>>>().ok_or_else(gone)?;
        let id = column(ID_COLUMN).ok_or_else(gone)?;
        Ok(Place { columns, id, table })
    }

    fn key(&self, id: &str) -> Result<Vec<u8>> {
        let mut out = Vec::with_capacity(id.len() + 3);
        key::push(&mut out, &ValueRef::Text(id), false, false)?;
        Ok(out)
    }

    fn fields_of(&self, values: &mut [Value]) -> Box<[Value]> {
        let taken = self
            .columns
            .iter()
            .map(|column| match values.get_mut(*column) {
                Some(value) => std::mem::take(value),
                None => Value::Null,
            });
        taken.collect()
    }
}
