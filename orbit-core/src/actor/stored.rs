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
use crate::database::Database;
use crate::error::{Error, Result, state};
use crate::key;
use crate::lock::{RowLock, Wait};
use crate::txn::{Isolation, Transaction, decode};
use crate::types::SqlType;
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
/// to be compared with.
pub(super) struct Kept {
    pub values: Box<[Value]>,
    pub is_stored: bool,
}

impl Kept {
    /// The memory it takes.
    pub fn bytes(&self) -> usize {
        let held = |value: &Value| match value {
            Value::Text(text) => text.len(),
            Value::Bytea(bytes) => bytes.len(),
            _ => 0,
        };
        let values = self.values.iter();
        values.map(|value| size_of::<Value>() + held(value)).sum()
    }
}

/// NaN is itself, and the zeroes are two.
fn is_same(one: &Value, other: &Value) -> bool {
    match (one, other) {
        (Value::Float8(one), Value::Float8(other)) => one.to_bits() == other.to_bits(),
        (Value::Float4(one), Value::Float4(other)) => one.to_bits() == other.to_bits(),
        (one, other) => one == other,
    }
}

fn are_same(one: &[Value], other: &[Value]) -> bool {
    one.len() == other.len()
        && one
            .iter()
            .zip(other)
            .all(|(one, other)| is_same(one, other))
}

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
    pub fn load(&self, id: &str) -> Result<Option<Kept>> {
        let view = self.db.read();
        let place = self.place(view.catalog())?;
        let mut row = Vec::new();
        if !view.get(&place.table, &place.key(id)?, &mut row)? {
            return Ok(None);
        }
        let mut values = decode(&place.table, &row)?;
        Ok(Some(Kept {
            values: place.fields_of(&mut values),
            is_stored: true,
        }))
    }

    /// The values of an actor's fields, which can be read back: JSON has no NaN, and nests
    /// only so deep.
    pub fn values_of(&self, actor: &(dyn Any + Send)) -> Result<Box<[Value]>> {
        let values = self.form.write(actor)?;
        let fields = self.form.fields().iter();
        if fields.clone().any(|field| field.sql_type == SqlType::Jsonb) {
            self.form.read(&values).map_err(|error| {
                Error::new(
                    state::INVALID_PARAMETER_VALUE,
                    format!(
                        "the state of an actor of kind \"{}\" can't be stored",
                        self.kind
                    ),
                )
                .with_detail(error.to_string())
                .with_hint("In JSON numbers are finite, and nest at most 128 deep.")
            })?;
        }
        Ok(values.into())
    }

    /// The actor that was kept.
    pub fn revive(&self, kept: &[Value]) -> Result<AnyActor> {
        self.form.read(kept)
    }

    /// Puts what the actor is now (its [`Storage::values_of`]) into the transaction, if it
    /// isn't what was kept. 40001: somebody else has written its row.
    pub async fn save(
        &self,
        db: &Arc<Database>,
        transaction: &mut Option<Transaction>,
        id: &str,
        now: Box<[Value]>,
        kept: &mut Kept,
    ) -> Result<()> {
        if are_same(&kept.values, &now) {
            return Ok(());
        }
        let begin = || db.begin(Isolation::ReadCommitted);
        let transaction = transaction.get_or_insert_with(begin);
        let view = transaction.begin_statement();
        let place = self.place(view.catalog())?;
        let key = place.key(id)?;
        let locked = transaction
            .lock_row(&place.table, &key, RowLock::NoKeyUpdate, Wait::Block)
            .await?;
        match locked.row {
            None if kept.is_stored => return Err(self.is_not_its_own(id)),
            None => {
                let mut values = vec![Value::Null; place.table.columns.len()];
                values[place.id] = Value::Text(id.to_owned());
                for (column, value) in place.columns.iter().zip(now.iter()) {
                    values[*column] = value.clone();
                }
                transaction.insert(&place.table, values).await?;
            }
            Some(row) => {
                let mut stored = decode(&place.table, &row)?;
                let stored = place.fields_of(&mut stored);
                if !kept.is_stored || !are_same(&stored, &kept.values) {
                    return Err(self.is_not_its_own(id));
                }
                let fields = place.columns.iter().zip(now.iter().zip(stored.iter()));
                let changes = fields
                    .filter(|(_, (now, stored))| !is_same(now, stored))
                    .map(|(column, (now, _))| (*column, now.clone()))
                    .collect();
                transaction
                    .update_locked(&place.table, &key, row, changes)
                    .await?;
            }
        }
        *kept = Kept {
            values: now,
            is_stored: true,
        };
        Ok(())
    }

    fn is_not_its_own(&self, id: &str) -> Error {
        Error::new(
            state::SERIALIZATION_FAILURE,
            format!(
                "the row of actor {}/{id} was written by somebody else",
                self.kind
            ),
        )
        .with_hint("The actor reads it again with the next message: ask again.")
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
        let has_own_key = table.primary_key_columns() == [id];
        if !has_own_key || !table.computed.is_empty() || !table.checks.is_empty() {
            return Err(Error::new(
                state::WRONG_OBJECT_TYPE,
                format!("the table \"{ACTORS_SCHEMA}\".\"{kind}\" isn't as actors left it"),
            )
            .with_hint("Drop its constraints and its indexes over expressions."));
        }
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
