//! What exists: tables, columns, indexes, constraints. A [`Catalog`] is one
//! immutable version; every read position carries the version that belongs to it.

use crate::ids::{IndexId, PartitionId, SiteId, StorageId, TableId};
use crate::row::RowLayout;
use crate::types::{Oid, SqlType};
use crate::value::Value;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::Arc;

/// User objects start here, as in PostgreSQL.
pub const FIRST_USER_OID: Oid = 16_384;

/// By which other sites know a table, column or index: when and where it was made. Never reused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct CreationStamp {
    pub hlc: u64,
    pub site: SiteId,
    /// Tells apart what one statement created.
    pub nth: u32,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Column {
    pub name: String,
    pub sql_type: SqlType,
    pub not_null: bool,
    /// SQL text of DEFAULT, as written by the user; evaluated by the query layer.
    pub default: Option<String>,
    /// The value (in PostgreSQL's text form) that rows older than ADD COLUMN show. `None`: NULL.
    pub missing: Option<String>,
    pub created: CreationStamp,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Check {
    pub name: String,
    /// SQL text of the condition.
    pub expression: String,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct PrimaryKey {
    pub constraint: String,
    /// Positions in `Table::columns`, in key order.
    pub columns: Vec<usize>,
    pub oid: Oid,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct IndexColumn {
    /// Position in `Table::columns`.
    pub column: usize,
    pub descending: bool,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Index {
    pub id: IndexId,
    pub oid: Oid,
    pub storage: StorageId,
    pub name: String,
    pub columns: Vec<IndexColumn>,
    pub unique: bool,
    /// Made by a UNIQUE constraint of this name rather than by CREATE INDEX.
    pub constraint: bool,
    pub created: CreationStamp,
}

/// Counted by ANALYZE, moved by loads; for the planner only.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Statistics {
    pub rows: u64,
    pub columns: Vec<ColumnStatistics>,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct ColumnStatistics {
    pub distinct: u64,
    pub nulls: u64,
    /// PostgreSQL's text form.
    pub min: Option<String>,
    pub max: Option<String>,
}

/// What is stored of a table.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct TableDef {
    pub id: TableId,
    pub oid: Oid,
    pub partition: PartitionId,
    pub storage: StorageId,
    pub schema: String,
    pub name: String,
    pub columns: Vec<Column>,
    /// `None`: rows have a hidden key (site ordinal, counter).
    pub primary_key: Option<PrimaryKey>,
    pub checks: Vec<Check>,
    pub indexes: Vec<Index>,
    /// `WITH (...)` options, kept as written: `consistency`, `priority`, `fillfactor`, ...
    pub options: BTreeMap<String, String>,
    pub statistics: Option<Statistics>,
    pub created: CreationStamp,
}

/// A table as the running node uses it: its definition plus what follows from it.
#[derive(Debug)]
pub struct Table {
    pub def: TableDef,
    /// Rises with every change of the definition; cached plans compare it.
    pub version: u64,
    pub layout: RowLayout,
    /// Parsed `missing` values, one per column.
    pub missing: Vec<Value>,
}

impl std::ops::Deref for Table {
    type Target = TableDef;
    fn deref(&self) -> &TableDef {
        &self.def
    }
}

impl TableDef {
    pub fn column_position(&self, name: &str) -> Option<usize> {
        self.columns.iter().position(|column| column.name == name)
    }

    pub fn index_named(&self, name: &str) -> Option<&Index> {
        self.indexes.iter().find(|index| index.name == name)
    }

    pub fn primary_key_columns(&self) -> &[usize] {
        self.primary_key
            .as_ref()
            .map_or(&[], |key| key.columns.as_slice())
    }
}

/// One change of the catalog, as a commit carries it, the log records it and
/// recovery replays it from the meta space.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum CatalogChange {
    PutTable(Box<TableDef>),
    DropTable {
        id: TableId,
    },
    /// Counted by ANALYZE; changes nothing that a plan depends on for its answer.
    Statistics {
        table: TableId,
        statistics: Statistics,
    },
    CreateSchema {
        name: String,
        oid: Oid,
    },
    DropSchema {
        name: String,
    },
}

/// One version of everything that exists.
#[derive(Clone, Debug, Default)]
pub struct Catalog {
    /// Rises with every change.
    pub version: u64,
    schemas: BTreeMap<String, Oid>,
    by_name: BTreeMap<(String, String), Arc<Table>>,
    by_id: BTreeMap<TableId, Arc<Table>>,
}

impl Catalog {
    pub fn table(&self, schema: &str, name: &str) -> Option<&Arc<Table>> {
        // Two owned strings per look-up; plans cache the result.
        self.by_name.get(&(schema.to_owned(), name.to_owned()))
    }

    pub fn table_by_id(&self, id: TableId) -> Option<&Arc<Table>> {
        self.by_id.get(&id)
    }

    /// The table that owns an index of this name, and the index's place in it.
    pub fn index(&self, schema: &str, name: &str) -> Option<(&Arc<Table>, usize)> {
        self.by_name
            .values()
            .filter(|table| table.schema == schema)
            .find_map(|table| {
                let place = table.indexes.iter().position(|index| index.name == name)?;
                Some((table, place))
            })
    }

    pub fn tables(&self) -> impl Iterator<Item = &Arc<Table>> {
        self.by_name.values()
    }

    pub fn schemas(&self) -> impl Iterator<Item = (&str, Oid)> {
        self.schemas.iter().map(|(name, oid)| (name.as_str(), *oid))
    }

    pub fn has_schema(&self, name: &str) -> bool {
        self.schemas.contains_key(name)
    }

    /// The next version, with `change` made. The caller holds the locks that make it valid.
    pub fn with(&self, change: &CatalogChange) -> crate::error::Result<Catalog> {
        let mut next = self.clone();
        next.version += 1;
        match change {
            CatalogChange::PutTable(def) => {
                let version = next.version;
                return next.with_table((**def).clone(), version);
            }
            CatalogChange::DropTable { id } => {
                if let Some(old) = next.by_id.remove(id) {
                    next.by_name.remove(&(old.schema.clone(), old.name.clone()));
                }
            }
            CatalogChange::Statistics { table, statistics } => {
                if let Some(old) = self.by_id.get(table) {
                    let mut def = old.def.clone();
                    def.statistics = Some(statistics.clone());
                    return next.with_table(def, old.version);
                }
            }
            CatalogChange::CreateSchema { name, oid } => {
                next.schemas.insert(name.clone(), *oid);
            }
            CatalogChange::DropSchema { name } => {
                next.schemas.remove(name);
            }
        }
        Ok(next)
    }

    fn with_table(mut self, def: TableDef, version: u64) -> crate::error::Result<Catalog> {
        if let Some(old) = self.by_id.remove(&def.id) {
            self.by_name.remove(&(old.schema.clone(), old.name.clone()));
        }
        let name = (def.schema.clone(), def.name.clone());
        let table = Arc::new(Table::new(def, version)?);
        self.by_id.insert(table.id, table.clone());
        self.by_name.insert(name, table);
        Ok(self)
    }
}

impl Table {
    pub fn new(def: TableDef, version: u64) -> crate::error::Result<Table> {
        let layout = RowLayout::new(def.columns.iter().map(|column| &column.sql_type));
        let missing = def
            .columns
            .iter()
            .map(|column| match &column.missing {
                None => Ok(Value::Null),
                Some(text) => {
                    crate::value::text::parse(text, &column.sql_type, &Default::default())
                }
            })
            .collect::<crate::error::Result<Vec<_>>>()?;
        Ok(Table {
            def,
            version,
            layout,
            missing,
        })
    }
}
