//! The table that a kind's states are in: made with the kind's first registration, widened
//! when its state has more fields.

use super::{ACTORS_SCHEMA, Field, ID_COLUMN};
use crate::catalog::{BOOTSTRAP_ROLE, CatalogChange, Column, PrimaryKey, SchemaDef, TableDef};
use crate::database::Database;
use crate::error::{Error, Result, state};
use crate::lock::{TableLock, Wait};
use crate::txn::{Isolation, Transaction};
use crate::types::SqlType;
use std::collections::BTreeMap;
use std::sync::Arc;

/// As PostgreSQL's names.
const MAX_NAME_BYTES: usize = 63;

pub async fn ensure(db: &Arc<Database>, kind: &str, fields: &[Field]) -> Result<()> {
    check_name(kind)?;
    let mut transaction = db.begin(Isolation::ReadCommitted);
    transaction.lock_name(ACTORS_SCHEMA, kind).await?;
    transaction.begin_statement();
    ensure_schema(db, &mut transaction).await?;
    let existing = transaction.catalog().table(ACTORS_SCHEMA, kind).cloned();
    match existing {
        None => {
            let table = new_table(db, kind, fields);
            transaction.change_catalog(CatalogChange::PutTable(Box::new(table)))?;
        }
        Some(table) => {
            let missing = missing_of(kind, &table.columns, fields)?;
            if missing.is_empty() {
                return Ok(());
            }
            if !table.computed.is_empty() {
                return Err(Error::new(
                    state::OBJECT_IN_USE,
                    format!("table \"{ACTORS_SCHEMA}\".\"{kind}\" can't take the new fields"),
                )
                .with_hint(
                    "Drop its indexes over expressions, and make them again after the start.",
                ));
            }
            let table = transaction
                .lock_table(table.id, TableLock::AccessExclusive, Wait::Block)
                .await?;
            let missing = missing_of(kind, &table.columns, fields)?;
            let mut def = table.def.clone();
            def.columns
                .extend(missing.into_iter().map(|field| column(db, field)));
            transaction.change_catalog(CatalogChange::PutTable(Box::new(def)))?;
        }
    }
    transaction.commit().await
}

async fn ensure_schema(db: &Arc<Database>, transaction: &mut Transaction) -> Result<()> {
    transaction.lock_name("", ACTORS_SCHEMA).await?;
    transaction.see_newest()?;
    transaction.begin_statement();
    if transaction.catalog().schema(ACTORS_SCHEMA).is_some() {
        return Ok(());
    }
    transaction.change_catalog(CatalogChange::PutSchema(SchemaDef {
        name: ACTORS_SCHEMA.to_owned(),
        oid: db.new_oid(),
        owner: BOOTSTRAP_ROLE,
        acl: None,
    }))
}

fn check_name(kind: &str) -> Result<()> {
    let is_plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    if kind.is_empty() || kind.len() > MAX_NAME_BYTES || !kind.chars().all(is_plain) {
        return Err(Error::new(
            state::INVALID_PARAMETER_VALUE,
            format!("\"{kind}\" can't be the name of an actor kind"),
        )
        .with_hint(format!(
            "It names a table: use lower-case letters, digits and _, at most {MAX_NAME_BYTES}."
        )));
    }
    Ok(())
}

/// Fields without a column. A field whose type has changed is an error: what is stored
/// would be lost.
fn missing_of<'f>(kind: &str, columns: &[Column], fields: &'f [Field]) -> Result<Vec<&'f Field>> {
    let mut missing = Vec::new();
    for field in fields {
        match columns.iter().find(|column| column.name == field.name) {
            None => missing.push(field),
            Some(column) if column.sql_type == field.sql_type => {}
            Some(column) => {
                return Err(Error::new(
                    state::DATATYPE_MISMATCH,
                    format!(
                        "field \"{}\" of actor kind \"{kind}\" is {} now, but stored as {}",
                        field.name, field.sql_type, column.sql_type
                    ),
                )
                .with_hint("Give the field its former type, or another name."));
            }
        }
    }
    Ok(missing)
}

fn column(db: &Database, field: &Field) -> Column {
    // Fields may come and go; what a row has not is read as serde's default.
    Column::new(field.name, field.sql_type.clone(), db.new_creation_stamp())
}

fn new_table(db: &Database, kind: &str, fields: &[Field]) -> TableDef {
    let mut id = Column::new(ID_COLUMN, SqlType::Text, db.new_creation_stamp());
    id.not_null = true;
    let columns = fields.iter().map(|field| column(db, field));
    TableDef {
        id: db.new_table_id(),
        oid: db.new_oid(),
        partition: db.new_partition_id(),
        storage: db.new_storage_id(),
        schema: ACTORS_SCHEMA.to_owned(),
        name: kind.to_owned(),
        columns: std::iter::once(id).chain(columns).collect(),
        dropped: Vec::new(),
        computed: Vec::new(),
        primary_key: Some(PrimaryKey {
            constraint: format!("{kind}_pkey"),
            columns: vec![0],
            oid: db.new_oid(),
            include: Vec::new(),
        }),
        checks: Vec::new(),
        foreign_keys: Vec::new(),
        indexes: Vec::new(),
        options: BTreeMap::new(),
        statistics: None,
        series: None,
        owner: BOOTSTRAP_ROLE,
        acl: None,
        temporary: false,
        created: db.new_creation_stamp(),
    }
}
