//! Tables of the node's own.

use crate::catalog::{
    BOOTSTRAP_ROLE, CatalogChange, Column, Index, IndexColumn, NODE_SCHEMA, PrimaryKey, Table,
    TableDef,
};
use crate::database::Database;
use crate::error::{Error, Result};
use crate::key;
use crate::txn::Isolation;
use crate::types::SqlType;
use crate::value::ValueRef;
use std::collections::BTreeMap;
use std::sync::Arc;

/// A table's columns, its key's first; which may be NULL is said by `?` behind the name.
pub struct Shape {
    pub name: &'static str,
    pub columns: &'static [(&'static str, SqlType)],
    /// How many of them are the key.
    pub key: usize,
    /// A column with an index.
    pub index: Option<usize>,
}

/// The table, made if it isn't there.
pub async fn ensure(db: &Arc<Database>, shape: &Shape) -> Result<Arc<Table>> {
    let mut transaction = db.begin(Isolation::ReadCommitted);
    transaction.lock_name(NODE_SCHEMA, shape.name).await?;
    transaction.see_newest()?;
    transaction.begin_statement();
    let find = |catalog: &crate::catalog::Catalog| catalog.table(NODE_SCHEMA, shape.name).cloned();
    if let Some(table) = find(&transaction.catalog()) {
        return Ok(table);
    }
    let table = define(db, shape);
    transaction.change_catalog(CatalogChange::PutTable(Box::new(table)))?;
    transaction.commit().await?;
    find(&db.read().catalog().clone())
        .ok_or_else(|| Error::internal("a table is gone as soon as it was made"))
}

fn define(db: &Database, shape: &Shape) -> TableDef {
    let index = shape
        .index
        .map(|index| (index, plain(shape.columns[index].0)));
    let columns = shape.columns.iter().map(|(name, sql_type)| {
        let mut column = Column::new(plain(name), sql_type.clone(), db.new_creation_stamp());
        column.not_null = plain(name).len() == name.len();
        column
    });
    TableDef {
        id: db.new_table_id(),
        oid: db.new_oid(),
        partition: db.new_partition_id(),
        storage: db.new_storage_id(),
        schema: NODE_SCHEMA.to_owned(),
        name: shape.name.to_owned(),
        columns: columns.collect(),
        dropped: Vec::new(),
        computed: Vec::new(),
        primary_key: Some(PrimaryKey {
            constraint: format!("{}_pkey", shape.name),
            columns: (0..shape.key).collect(),
            oid: db.new_oid(),
            include: Vec::new(),
        }),
        checks: Vec::new(),
        foreign_keys: Vec::new(),
        indexes: index
            .into_iter()
            .map(|(index, column)| Index {
                id: db.new_index_id(),
                oid: db.new_oid(),
                storage: db.new_storage_id(),
                name: format!("{}_{column}_idx", shape.name),
                columns: vec![IndexColumn {
                    column: index,
                    descending: false,
                    nulls_first: None,
                }],
                include: Vec::new(),
                unique: false,
                constraint: false,
                nulls_not_distinct: false,
                deferrable: false,
                initially_deferred: false,
                predicate: None,
                created: db.new_creation_stamp(),
            })
            .collect(),
        options: BTreeMap::new(),
        statistics: None,
        series: None,
        owner: BOOTSTRAP_ROLE,
        acl: None,
        temporary: false,
        created: db.new_creation_stamp(),
    }
}

/// A column's name without what is said of it.
fn plain(name: &str) -> &str {
    name.trim_end_matches('?')
}

/// The key of a row whose key is texts.
pub fn key_of(texts: &[&str]) -> Result<Vec<u8>> {
    let mut out = Vec::new();
    for text in texts {
        key::push(&mut out, &ValueRef::Text(text), false, false)?;
    }
    Ok(out)
}
