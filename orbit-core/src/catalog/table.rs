//! Tables: columns, keys, constraints, indexes.

mod computed;

pub use computed::Computed;

use super::{BOOTSTRAP_ROLE, Grant};
use crate::error::Result;
#[cfg(feature = "columns")]
use crate::error::{Error, state};
use crate::ids::{IndexId, PartitionId, SequenceId, SiteId, StorageId, TableId};
use crate::merge::ColumnKind;
use crate::row::RowLayout;
use crate::types::{Oid, SqlType};
use crate::value::Value;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// By which other sites know a table, column or index: when and where it was made. Never reused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct CreationStamp {
    pub hlc: u64,
    pub site: SiteId,
    /// Tells apart what one statement created.
    pub nth: u32,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Column {
    pub name: String,
    pub sql_type: SqlType,
    /// Digits of a second that its values keep: the 3 of `timestamp(3)`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub precision: Option<u8>,
    pub not_null: bool,
    /// SQL text of DEFAULT, as written by the user; evaluated by the query layer.
    pub default: Option<String>,
    /// The sequence that gives a value where none is given: IDENTITY, serial, or a DEFAULT
    /// that is `nextval` of it and nothing more (`default` then has the text).
    #[serde(default)]
    pub sequence: Option<SequenceId>,
    /// GENERATED ALWAYS AS (...) STORED: SQL text over the row's other columns.
    #[serde(default)]
    pub generated: Option<String>,
    /// GENERATED ... AS IDENTITY.
    #[serde(default)]
    pub identity: Option<Identity>,
    /// The value (in PostgreSQL's text form) that rows older than ADD COLUMN show. `None`: NULL.
    pub missing: Option<String>,
    pub created: CreationStamp,
    /// What it does when several sites have written it.
    #[serde(default, skip_serializing_if = "ColumnKind::is_lww")]
    pub kind: ColumnKind,
}

impl Column {
    /// A plain column: may be NULL, has no default.
    pub fn new(name: impl Into<String>, sql_type: SqlType, created: CreationStamp) -> Column {
        Column {
            name: name.into(),
            sql_type,
            precision: None,
            not_null: false,
            default: None,
            sequence: None,
            generated: None,
            identity: None,
            missing: None,
            created,
            kind: ColumnKind::Lww,
        }
    }
}

impl Column {
    /// PostgreSQL's `atttypmod`: -1 when there is no modifier.
    pub fn modifier(&self) -> i32 {
        self.sql_type.modifier_with(self.precision)
    }
}

/// Whether an INSERT may give an identity column a value of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Identity {
    /// Only with OVERRIDING SYSTEM VALUE.
    Always,
    ByDefault,
}

/// The slot of a column that is no more. Rows written earlier hold its values; new ones NULL.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DroppedColumn {
    pub slot: u16,
    pub sql_type: SqlType,
    /// It was an index's, not a column of the table.
    #[serde(default, skip_serializing_if = "is_false")]
    pub computed: bool,
}

fn is_false(value: &bool) -> bool {
    !*value
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Check {
    pub name: String,
    /// SQL text of the condition.
    pub expression: String,
    /// False after ADD ... NOT VALID: older rows were not looked at.
    #[serde(default = "validated")]
    pub validated: bool,
}

fn validated() -> bool {
    true
}

/// What happens to the rows that refer to one that is deleted or whose key changes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ReferentialAction {
    /// An error, unless the statement (or the transaction, if deferred) mends it itself.
    NoAction,
    /// An error at once.
    Restrict,
    Cascade,
    /// NULL in these columns; in all of the key if empty.
    SetNull(Vec<usize>),
    /// The columns' DEFAULT; for all of the key if empty.
    SetDefault(Vec<usize>),
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ForeignKey {
    pub name: String,
    pub oid: Oid,
    /// Positions in `Table::columns`, in the order of the key.
    pub columns: Vec<usize>,
    pub referenced: TableId,
    /// Positions in the referenced table's columns.
    pub referenced_columns: Vec<usize>,
    /// The referenced table's unique index; `None`: its primary key.
    pub referenced_index: Option<IndexId>,
    pub on_delete: ReferentialAction,
    pub on_update: ReferentialAction,
    /// MATCH FULL: all columns of the key are NULL, or none is.
    pub match_full: bool,
    pub deferrable: bool,
    pub initially_deferred: bool,
    /// False after ADD ... NOT VALID: older rows were not looked at.
    pub validated: bool,
}

impl ReferentialAction {
    pub fn is_no_action(&self) -> bool {
        matches!(self, ReferentialAction::NoAction)
    }
}

impl ForeignKey {
    /// What is done when a referenced row's key changes, or the row is deleted.
    pub fn action(&self, updated: bool) -> &ReferentialAction {
        if updated {
            &self.on_update
        } else {
            &self.on_delete
        }
    }
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct PrimaryKey {
    pub constraint: String,
    /// Positions in `Table::columns`, in key order.
    pub columns: Vec<usize>,
    pub oid: Oid,
    /// Positions of the columns of INCLUDE, of which only is told.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub include: Vec<usize>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct IndexColumn {
    /// Position in `Table::columns`, or behind them that of a computed value.
    pub column: usize,
    pub descending: bool,
    /// As it was asked for, where that is not what the direction has; rows lie as the
    /// direction has it, and queries sort NULLs as they ask.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nulls_first: Option<bool>,
}

impl IndexColumn {
    pub fn shows_nulls_first(&self) -> bool {
        self.nulls_first.unwrap_or(self.descending)
    }
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Index {
    pub id: IndexId,
    pub oid: Oid,
    pub storage: StorageId,
    pub name: String,
    pub columns: Vec<IndexColumn>,
    /// Positions of the columns of INCLUDE: told of, and read from the row.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub include: Vec<usize>,
    pub unique: bool,
    /// Made by a UNIQUE constraint of this name rather than by CREATE INDEX.
    pub constraint: bool,
    /// UNIQUE NULLS NOT DISTINCT: a NULL is a value like another.
    #[serde(default)]
    pub nulls_not_distinct: bool,
    /// A UNIQUE constraint that is looked at when the statement ends, or at COMMIT.
    #[serde(default)]
    pub deferrable: bool,
    #[serde(default)]
    pub initially_deferred: bool,
    /// The position of the computed value that says which rows it has; `None`: all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub predicate: Option<usize>,
    pub created: CreationStamp,
}

impl Index {
    /// Whether a row has an entry here. `values`: the whole row, computed values too.
    pub fn holds(&self, values: &[Value]) -> bool {
        match self.predicate {
            None => true,
            Some(place) => matches!(values.get(place), Some(Value::Bool(true))),
        }
    }
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

/// What makes a table a time series: its primary key is the columns that name a series,
/// then the time of a reading.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Series {
    /// Readings that are older are let go, block by block.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retention_micros: Option<i64>,
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
    /// What dropped columns left behind in the rows, in the order of slots.
    #[serde(default)]
    pub dropped: Vec<DroppedColumn>,
    /// What its indexes keep of each row, in slots of their own.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub computed: Vec<Computed>,
    /// `None`: rows have a hidden key (site ordinal, counter).
    pub primary_key: Option<PrimaryKey>,
    pub checks: Vec<Check>,
    #[serde(default)]
    pub foreign_keys: Vec<ForeignKey>,
    pub indexes: Vec<Index>,
    /// `WITH (...)` options, kept as written: `consistency`, `priority`, `fillfactor`, ...
    pub options: BTreeMap<String, String>,
    pub statistics: Option<Statistics>,
    /// `WITH (model = 'timeseries')`: settled rows are put away in blocks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub series: Option<Series>,
    /// The role that owns it.
    #[serde(default = "bootstrap_role")]
    pub owner: Oid,
    /// `None`: the owner alone may do anything.
    #[serde(default)]
    pub acl: Option<Vec<Grant>>,
    /// Seen by one session only, of this node only, and gone with it.
    #[serde(default)]
    pub temporary: bool,
    pub created: CreationStamp,
}

pub(super) fn bootstrap_role() -> Oid {
    BOOTSTRAP_ROLE
}

/// A table as the running node uses it: its definition plus what follows from it.
#[derive(Debug)]
pub struct Table {
    pub def: TableDef,
    /// Rises with every change of the definition; cached plans compare it.
    pub version: u64,
    pub layout: RowLayout,
    /// Parsed `missing` values, one per column (and computed value).
    pub missing: Vec<Value>,
    /// The kinds of its slots; empty: all are LWW.
    pub kinds: Vec<ColumnKind>,
    /// Of a time series: what its blocks are read by.
    #[cfg(feature = "columns")]
    pub form: Option<std::sync::Arc<crate::series::Form>>,
}

impl std::ops::Deref for Table {
    type Target = TableDef;
    fn deref(&self) -> &TableDef {
        &self.def
    }
}

impl TableDef {
    /// The columns that an index, or the primary key, includes.
    pub fn included(&self, index: Oid) -> &[usize] {
        let key = self.primary_key.iter().map(|key| (key.oid, &key.include));
        let indexes = self.indexes.iter().map(|of| (of.oid, &of.include));
        let mut all = key.chain(indexes);
        all.find(|(oid, _)| *oid == index)
            .map_or(&[], |(_, include)| include.as_slice())
    }

    pub fn column_position(&self, name: &str) -> Option<usize> {
        self.columns.iter().position(|column| column.name == name)
    }

    /// How rows of this definition lie in the store: columns, then computed values.
    pub fn layout(&self) -> RowLayout {
        let dropped: Vec<(u16, SqlType)> = self
            .dropped
            .iter()
            .map(|gone| (gone.slot, gone.sql_type.clone()))
            .collect();
        let computed: Vec<(u16, SqlType)> = self
            .computed
            .iter()
            .map(|kept| (kept.slot, kept.sql_type.clone()))
            .collect();
        RowLayout::with_computed(
            self.columns.iter().map(|column| &column.sql_type),
            &dropped,
            &computed,
        )
    }

    /// PostgreSQL's number of a column: dropped ones keep theirs.
    pub fn attnum(&self, place: usize) -> usize {
        if self.dropped.is_empty() && self.computed.is_empty() {
            return place.saturating_add(1);
        }
        self.number_of_slot(self.layout().slot_of(place))
    }

    pub fn index_named(&self, name: &str) -> Option<&Index> {
        self.indexes.iter().find(|index| index.name == name)
    }

    /// 0A000 for what a time series can't have.
    #[cfg(feature = "columns")]
    pub fn check_series_takes_no(&self, what: &str) -> Result<()> {
        if self.series.is_none() {
            return Ok(());
        }
        Err(
            Error::unsupported(format!("{what} of a time series")).with_detail(format!(
                "Table \"{}\" is one: its rows are found by their primary key, the series and the time.",
                self.name
            )),
        )
    }

    /// Whether a time series has what it needs, and nothing that it can't have.
    #[cfg(feature = "columns")]
    pub fn check_series(&self) -> Result<()> {
        if self.series.is_none() {
            return Ok(());
        }
        if !self.indexes.is_empty() || !self.computed.is_empty() {
            return self.check_series_takes_no("an index");
        }
        if !self.foreign_keys.is_empty() {
            return self.check_series_takes_no("a foreign key");
        }
        let time = self.primary_key_columns().last();
        let time = time.and_then(|at| self.columns.get(*at));
        if let Some(SqlType::Timestamp | SqlType::TimestampTz | SqlType::Date) =
            time.map(|column| &column.sql_type)
        {
            return Ok(());
        }
        Err(Error::new(
            state::INVALID_TABLE_DEFINITION,
            format!(
                "time series \"{}\" needs a time at the end of its primary key",
                self.name
            ),
        )
        .with_detail("A time is a timestamp, with or without time zone, or a date."))
    }

    pub fn primary_key_columns(&self) -> &[usize] {
        self.primary_key
            .as_ref()
            .map_or(&[], |key| key.columns.as_slice())
    }
}

impl Table {
    pub fn new(def: TableDef, version: u64) -> Result<Table> {
        let layout = def.layout();
        let mut missing = def
            .columns
            .iter()
            .map(|column| match &column.missing {
                None => Ok(Value::Null),
                Some(text) => {
                    crate::value::text::parse(text, &column.sql_type, &Default::default())
                }
            })
            .collect::<Result<Vec<_>>>()?;
        missing.resize(def.width(), Value::Null);
        let mut kinds = Vec::new();
        for (column, of) in def.columns.iter().enumerate() {
            if !of.kind.is_lww() {
                kinds.resize(layout.slot_count(), ColumnKind::Lww);
                if let Some(kind) = kinds.get_mut(layout.slot_of(column)) {
                    *kind = of.kind;
                }
            }
        }
        Ok(Table {
            kinds,
            #[cfg(feature = "columns")]
            form: crate::series::Form::of(&def, &layout).map(std::sync::Arc::new),
            def,
            version,
            layout,
            missing,
        })
    }

    /// The number by which all sites digest its rows.
    pub fn fingerprint_seed(&self) -> u64 {
        self.created.hlc ^ self.created.site.0
    }

    /// Whether a row made for the other definition is one for this, as it lies and by what
    /// is asked of it, and the other's indexes are all kept: only more of them, references
    /// and names may have come.
    pub fn has_rows_of(&self, other: &Table) -> bool {
        let conditions = |table: &Table| -> Vec<(String, String)> {
            let checks = table.checks.iter();
            let checks = checks.map(|check| (check.name.clone(), check.expression.clone()));
            checks.collect()
        };
        let keeps = |old: &Index| {
            let mut indexes = self.indexes.iter();
            indexes.any(|index| index.id == old.id && index.storage == old.storage)
        };
        other.indexes.iter().all(keeps)
            && self.partition == other.partition
            && self.storage == other.storage
            && self.columns == other.columns
            && self.dropped == other.dropped
            && self.computed == other.computed
            && self.primary_key_columns() == other.primary_key_columns()
            && conditions(self) == conditions(other)
    }
}
