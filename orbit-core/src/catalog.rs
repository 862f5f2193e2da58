//! What exists: schemas, tables, views, sequences. A [`Catalog`] is one immutable
//! version; every read position carries the version that belongs to it.

pub mod access;
mod grant;
pub mod role;
mod schema;
mod sequence;
mod table;
mod view;

pub use access::{Held, Securable};
pub use grant::{BOOTSTRAP_ROLE, Grant, PUBLIC, Privileges};
pub use role::{
    BOOTSTRAP_ROLE_NAME, DatabaseDef, DefaultGrants, Membership, ObjectKind, Role, Verifier,
};
pub use schema::{PUBLIC_SCHEMA, SchemaDef};
pub use sequence::{OwnedBy, SequenceDef};
pub use table::{
    Check, Column, ColumnStatistics, Computed, CreationStamp, DroppedColumn, ForeignKey, Identity,
    Index, IndexColumn, PrimaryKey, ReferentialAction, Series, Statistics, Table, TableDef,
};
pub use view::{CheckOption, ViewColumn, ViewDef};

use crate::ids::{SequenceId, TableId};
use crate::types::Oid;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::Arc;

/// User objects start here, as in PostgreSQL.
pub const FIRST_USER_OID: Oid = 16_384;

/// Where the node keeps what it tells about itself.
pub const NODE_SCHEMA: &str = "orbit";
/// The tables in it that tell who did what, and what befell the node.
pub const AUDIT_TABLE: &str = "audit";
pub const EVENTS_TABLE: &str = "events";
/// What virtual actors leave for themselves to get later.
pub const REMINDERS_TABLE: &str = "actor_reminders";

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
    PutSchema(SchemaDef),
    DropSchema {
        name: String,
    },
    PutSequence(Box<SequenceDef>),
    DropSequence {
        id: SequenceId,
    },
    PutView(Box<ViewDef>),
    DropView {
        oid: Oid,
    },
    PutRole(Box<Role>),
    DropRole {
        oid: Oid,
    },
    /// A new owner or other grants for a table, view, sequence, schema or the database.
    /// The other changes leave both as they are, so the two don't wait for each other.
    Access {
        object: Oid,
        owner: Oid,
        acl: Option<Vec<Grant>>,
    },
    /// COMMENT ON an object or one of its columns (counted from 1; 0: the object). `None` removes it.
    Comment {
        object: Oid,
        column: i32,
        text: Option<String>,
    },
}

/// What has a name among the relations of a schema.
#[derive(Clone, Debug)]
pub enum Relation<'a> {
    Table(&'a Arc<Table>),
    View(&'a Arc<ViewDef>),
    Sequence(&'a Arc<SequenceDef>),
    /// A table's index, by its place.
    Index(&'a Arc<Table>, usize),
    /// The index of a table's primary key, which is the table itself.
    PrimaryKey(&'a Arc<Table>),
}

/// Whether a schema is a session's own: `pg_temp_` and the session's number.
pub fn is_temporary_schema(name: &str) -> bool {
    name.starts_with("pg_temp_")
}

impl Relation<'_> {
    pub fn oid(&self) -> Oid {
        match self {
            Relation::Table(table) => table.oid,
            Relation::View(view) => view.oid,
            Relation::Sequence(sequence) => sequence.oid,
            Relation::Index(table, place) => table.indexes.get(*place).map_or(0, |it| it.oid),
            Relation::PrimaryKey(table) => table.primary_key.as_ref().map_or(0, |it| it.oid),
        }
    }
}

/// One version of everything that exists.
#[derive(Clone, Debug)]
pub struct Catalog {
    /// Rises with every change.
    pub version: u64,
    schemas: BTreeMap<String, Arc<SchemaDef>>,
    by_name: BTreeMap<(String, String), Arc<Table>>,
    by_id: BTreeMap<TableId, Arc<Table>>,
    sequences: BTreeMap<SequenceId, Arc<SequenceDef>>,
    views: BTreeMap<Oid, Arc<ViewDef>>,
    comments: BTreeMap<(Oid, i32), String>,
    roles: BTreeMap<Oid, Arc<Role>>,
    database: Arc<DatabaseDef>,
    /// Which tables refer to a table by foreign keys, itself included.
    referring: BTreeMap<TableId, Vec<TableId>>,
}

/// Nothing but the roles that are always there.
impl Default for Catalog {
    fn default() -> Self {
        let roles = Role::predefined().chain([Role::bootstrap()]);
        Catalog {
            version: 0,
            schemas: BTreeMap::new(),
            by_name: BTreeMap::new(),
            by_id: BTreeMap::new(),
            sequences: BTreeMap::new(),
            views: BTreeMap::new(),
            comments: BTreeMap::new(),
            roles: roles.map(|role| (role.oid, Arc::new(role))).collect(),
            database: Arc::default(),
            referring: BTreeMap::new(),
        }
    }
}

impl Catalog {
    pub fn table(&self, schema: &str, name: &str) -> Option<&Arc<Table>> {
        // Two owned strings per look-up; plans cache the result.
        self.by_name.get(&(schema.to_owned(), name.to_owned()))
    }

    pub fn table_by_id(&self, id: TableId) -> Option<&Arc<Table>> {
        self.by_id.get(&id)
    }

    pub fn table_by_oid(&self, oid: Oid) -> Option<&Arc<Table>> {
        self.by_id.values().find(|table| table.oid == oid)
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

    /// Every table but the node's own, which are found by their names only.
    pub fn tables(&self) -> impl Iterator<Item = &Arc<Table>> {
        self.by_name
            .values()
            .filter(|table| table.schema != NODE_SCHEMA)
    }

    /// The node's own, too.
    pub fn all_tables(&self) -> impl Iterator<Item = &Arc<Table>> {
        self.by_name.values()
    }

    pub fn sequence(&self, schema: &str, name: &str) -> Option<&Arc<SequenceDef>> {
        self.sequences
            .values()
            .find(|sequence| sequence.schema == schema && sequence.name == name)
    }

    pub fn sequence_by_id(&self, id: SequenceId) -> Option<&Arc<SequenceDef>> {
        self.sequences.get(&id)
    }

    pub fn sequence_by_oid(&self, oid: Oid) -> Option<&Arc<SequenceDef>> {
        self.sequences.values().find(|sequence| sequence.oid == oid)
    }

    pub fn sequences(&self) -> impl Iterator<Item = &Arc<SequenceDef>> {
        self.sequences.values()
    }

    /// The sequences that are dropped with a table's column.
    pub fn sequences_of(
        &self,
        table: TableId,
        column: CreationStamp,
    ) -> impl Iterator<Item = &Arc<SequenceDef>> {
        self.sequences.values().filter(move |sequence| {
            sequence
                .owned_by
                .is_some_and(|by| by.table == table && by.column == column)
        })
    }

    pub fn view(&self, schema: &str, name: &str) -> Option<&Arc<ViewDef>> {
        self.views
            .values()
            .find(|view| view.schema == schema && view.name == name)
    }

    pub fn view_by_oid(&self, oid: Oid) -> Option<&Arc<ViewDef>> {
        self.views.get(&oid)
    }

    pub fn views(&self) -> impl Iterator<Item = &Arc<ViewDef>> {
        self.views.values()
    }

    /// Whatever holds a name among a schema's relations.
    pub fn relation(&self, schema: &str, name: &str) -> Option<Relation<'_>> {
        if let Some(table) = self.table(schema, name) {
            return Some(Relation::Table(table));
        }
        if let Some(view) = self.view(schema, name) {
            return Some(Relation::View(view));
        }
        if let Some(sequence) = self.sequence(schema, name) {
            return Some(Relation::Sequence(sequence));
        }
        if let Some((table, place)) = self.index(schema, name) {
            return Some(Relation::Index(table, place));
        }
        let mut tables = self.tables().filter(|table| table.schema == schema);
        let keyed = tables.find(|table| {
            let key = table.primary_key.as_ref();
            key.is_some_and(|key| key.constraint == name)
        });
        keyed.map(Relation::PrimaryKey)
    }

    /// Tables with foreign keys that refer to `table`.
    pub fn referring(&self, table: TableId) -> impl Iterator<Item = &Arc<Table>> {
        let ids = self.referring.get(&table).map_or(&[][..], Vec::as_slice);
        ids.iter().filter_map(|id| self.by_id.get(id))
    }

    pub fn schemas(&self) -> impl Iterator<Item = (&str, Oid)> {
        self.schemas
            .values()
            .map(|schema| (schema.name.as_str(), schema.oid))
    }

    pub fn schema(&self, name: &str) -> Option<&Arc<SchemaDef>> {
        self.schemas.get(name)
    }

    pub fn schema_definitions(&self) -> impl Iterator<Item = &Arc<SchemaDef>> {
        self.schemas.values()
    }

    pub fn database(&self) -> &Arc<DatabaseDef> {
        &self.database
    }

    pub fn has_schema(&self, name: &str) -> bool {
        self.schemas.contains_key(name)
    }

    /// COMMENT ON an object (column 0) or one of its columns.
    pub fn comment(&self, object: Oid, column: i32) -> Option<&str> {
        self.comments.get(&(object, column)).map(String::as_str)
    }

    pub fn comments(&self) -> impl Iterator<Item = (Oid, i32, &str)> {
        self.comments
            .iter()
            .map(|((object, column), text)| (*object, *column, text.as_str()))
    }

    /// The next version, with `change` made. The caller holds the locks that make it valid.
    pub fn with(&self, change: &CatalogChange) -> crate::error::Result<Catalog> {
        self.with_version(change, self.version + 1)
    }

    /// The same, by a version of one's own.
    pub fn with_version(
        &self,
        change: &CatalogChange,
        version: u64,
    ) -> crate::error::Result<Catalog> {
        let mut next = self.clone();
        next.version = version;
        match change {
            CatalogChange::PutTable(def) => {
                let version = next.version;
                let mut def = (**def).clone();
                if let Some(old) = self.by_id.get(&def.id) {
                    (def.owner, def.acl) = (old.owner, old.acl.clone());
                }
                return next.with_table(def, version);
            }
            CatalogChange::DropTable { id } => {
                if let Some(old) = next.by_id.remove(id) {
                    next.by_name.remove(&(old.schema.clone(), old.name.clone()));
                    next.forget_comments(old.oid);
                    for index in &old.indexes {
                        next.forget_comments(index.oid);
                    }
                    next.count_references();
                }
            }
            CatalogChange::Statistics { table, statistics } => {
                if let Some(old) = self.by_id.get(table) {
                    let mut def = old.def.clone();
                    def.statistics = Some(statistics.clone());
                    return next.with_table(def, old.version);
                }
            }
            CatalogChange::PutSchema(def) => {
                let mut def = def.clone();
                let mut known = self.schemas.values();
                if let Some(old) = known.find(|old| old.oid == def.oid) {
                    (def.owner, def.acl) = (old.owner, old.acl.clone());
                }
                next.schemas.insert(def.name.clone(), Arc::new(def));
            }
            CatalogChange::DropSchema { name } => {
                if let Some(old) = next.schemas.remove(name) {
                    next.forget_comments(old.oid);
                }
            }
            CatalogChange::PutSequence(def) => {
                let mut def = (**def).clone();
                if let Some(old) = self.sequences.get(&def.id) {
                    (def.owner, def.acl) = (old.owner, old.acl.clone());
                }
                next.sequences.insert(def.id, Arc::new(def));
            }
            CatalogChange::DropSequence { id } => {
                if let Some(old) = next.sequences.remove(id) {
                    next.forget_comments(old.oid);
                }
            }
            CatalogChange::PutView(def) => {
                let mut def = (**def).clone();
                if let Some(old) = self.views.get(&def.oid) {
                    (def.owner, def.acl) = (old.owner, old.acl.clone());
                }
                next.views.insert(def.oid, Arc::new(def));
            }
            CatalogChange::DropView { oid } => {
                next.views.remove(oid);
                next.forget_comments(*oid);
            }
            CatalogChange::PutRole(role) => {
                next.roles.insert(role.oid, Arc::new((**role).clone()));
            }
            CatalogChange::DropRole { oid } => {
                next.roles.remove(oid);
                next.forget_comments(*oid);
            }
            CatalogChange::Access { object, owner, acl } => {
                return next.with_access(*object, *owner, acl);
            }
            CatalogChange::Comment {
                object,
                column,
                text,
            } => match text {
                Some(text) => {
                    next.comments.insert((*object, *column), text.clone());
                }
                None => {
                    next.comments.remove(&(*object, *column));
                }
            },
        }
        Ok(next)
    }

    fn with_table(mut self, def: TableDef, version: u64) -> crate::error::Result<Catalog> {
        let refers = !def.foreign_keys.is_empty();
        let mut referred = false;
        if let Some(old) = self.by_id.remove(&def.id) {
            referred = !old.foreign_keys.is_empty();
            self.by_name.remove(&(old.schema.clone(), old.name.clone()));
        }
        let name = (def.schema.clone(), def.name.clone());
        let table = Arc::new(Table::new(def, version)?);
        self.by_id.insert(table.id, table.clone());
        self.by_name.insert(name, table);
        if refers || referred {
            self.count_references();
        }
        Ok(self)
    }

    fn with_access(
        mut self,
        object: Oid,
        owner: Oid,
        acl: &Option<Vec<Grant>>,
    ) -> crate::error::Result<Catalog> {
        if object == role::DATABASE {
            let acl = acl.clone();
            self.database = Arc::new(DatabaseDef { owner, acl });
        } else if let Some(old) = self.table_by_oid(object) {
            // Plans stay good: what a role may do is asked of the newest catalog.
            let (mut def, version) = (old.def.clone(), old.version);
            (def.owner, def.acl) = (owner, acl.clone());
            return self.with_table(def, version);
        } else if let Some(old) = self.views.get_mut(&object) {
            let view = Arc::make_mut(old);
            (view.owner, view.acl) = (owner, acl.clone());
        } else if let Some(old) = self.sequences.values_mut().find(|one| one.oid == object) {
            let sequence = Arc::make_mut(old);
            (sequence.owner, sequence.acl) = (owner, acl.clone());
        } else if let Some(old) = self.schemas.values_mut().find(|one| one.oid == object) {
            let schema = Arc::make_mut(old);
            (schema.owner, schema.acl) = (owner, acl.clone());
        }
        Ok(self)
    }

    fn count_references(&mut self) {
        let mut referring: BTreeMap<TableId, Vec<TableId>> = BTreeMap::new();
        for table in self.by_id.values() {
            for key in &table.def.foreign_keys {
                let from = referring.entry(key.referenced).or_default();
                if !from.contains(&table.def.id) {
                    from.push(table.def.id);
                }
            }
        }
        self.referring = referring;
    }

    /// What was said of an object goes with it.
    fn forget_comments(&mut self, object: Oid) {
        self.comments.retain(|(of, _), _| *of != object);
    }
}
