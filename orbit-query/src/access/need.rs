//! What a statement needs to be allowed: a relation, privileges, columns, and
//! whose rights count.

use super::rights::Rights;
use super::{denied, forbidden};
use orbit_core::catalog::access::COLUMN_PRIVILEGES;
use orbit_core::catalog::{
    Catalog, CreationStamp, ObjectKind, Privileges, Securable, TableDef, ViewDef,
};
use orbit_core::ids::{SequenceId, TableId};
use orbit_core::types::Oid;
use orbit_core::{Error, Result, state};

/// The schema of what the node keeps about itself: read, never written, by clients.
pub use orbit_core::catalog::NODE_SCHEMA;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Relation {
    Table(TableId),
    View(Oid),
    Sequence(Oid),
    /// That a column's DEFAULT takes values from: USAGE or UPDATE will do.
    Values(SequenceId),
}

/// One relation of a statement.
#[derive(Clone, Debug)]
pub struct Need {
    pub relation: Relation,
    /// How the statement named it: its schema too must be open then. `None`: a
    /// view names it, and its schema doesn't matter.
    pub named: Option<Named>,
    /// Whose rights count where not the session's: a view's owner.
    pub owner: Option<Oid>,
    pub required: Privileges,
    /// Positions of columns read, given values by INSERT, changed by UPDATE.
    pub selected: Vec<usize>,
    pub inserted: Vec<usize>,
    pub updated: Vec<usize>,
}

#[derive(Clone, Debug)]
pub struct Named {
    pub schema: String,
    pub name: String,
    pub qualified: bool,
}

impl Need {
    pub fn new(relation: Relation, required: Privileges) -> Need {
        Need {
            relation,
            named: None,
            owner: None,
            required,
            selected: Vec::new(),
            inserted: Vec::new(),
            updated: Vec::new(),
        }
    }

    pub fn table(table: &TableDef, required: Privileges, qualified: bool) -> Need {
        Need {
            named: Some(Named {
                schema: table.schema.clone(),
                name: table.name.clone(),
                qualified,
            }),
            ..Need::new(Relation::Table(table.id), required)
        }
    }

    /// What the DEFAULTs of the columns need that an INSERT leaves out. An identity
    /// column's sequence is part of the table and needs nothing.
    pub fn of_defaults(&self, table: &TableDef) -> Vec<Need> {
        let left_out = |place: &usize| self.inserted.binary_search(place).is_err();
        let columns = table.columns.iter().enumerate();
        columns
            .filter(|(place, column)| column.identity.is_none() && left_out(place))
            .filter_map(|(_, column)| column.sequence)
            .map(|id| Need::new(Relation::Values(id), Privileges(0)))
            .collect()
    }

    /// A column is read.
    pub fn select(&mut self, column: usize) {
        self.required = self.required.with(Privileges::SELECT);
        add(&mut self.selected, column);
    }

    pub fn insert(&mut self, column: usize) {
        self.required = self.required.with(Privileges::INSERT);
        add(&mut self.inserted, column);
    }

    pub fn update(&mut self, column: usize) {
        self.required = self.required.with(Privileges::UPDATE);
        add(&mut self.updated, column);
    }
}

fn add(columns: &mut Vec<usize>, column: usize) {
    if let Err(place) = columns.binary_search(&column) {
        columns.insert(place, column);
    }
}

/// Whether the schemas that a statement names are open: what is asked already when
/// it is prepared.
pub fn check_names(needs: &[Need], rights: &Rights, catalog: &Catalog) -> Result<()> {
    needs
        .iter()
        .filter_map(|need| need.named.as_ref())
        .try_for_each(|named| check_schema(named, rights, catalog))
}

/// Holds all needs against the session's rights; PostgreSQL's error for the first that fails.
pub fn check(needs: &[Need], rights: &Rights, catalog: &Catalog) -> Result<()> {
    check_names(needs, rights, catalog)?;
    needs.iter().try_for_each(|need| match need.owner {
        None => check_one(need, rights, catalog),
        Some(owner) => check_one(need, &Rights::of(catalog, owner, owner), catalog),
    })
}

fn check_schema(named: &Named, rights: &Rights, catalog: &Catalog) -> Result<()> {
    if rights.superuser || rights.may_use_schema(catalog, &named.schema) {
        return Ok(());
    }
    if named.qualified {
        return Err(denied("schema", &named.schema));
    }
    // The search path passes by what can't be looked into.
    Err(Error::new(
        state::UNDEFINED_TABLE,
        format!("relation \"{}\" does not exist", named.name),
    ))
}

/// The relation's own stamp for a column, by which grants name it.
enum Columns<'a> {
    Table(&'a TableDef),
    View(&'a ViewDef),
    None,
}

/// Columns of a view have no stamps of their own: they are told by the view's and their place.
pub fn view_column(view: &ViewDef, column: usize) -> CreationStamp {
    let place = u32::try_from(column).unwrap_or(u32::MAX >> 1);
    CreationStamp {
        nth: view.created.nth ^ (1 << 31) ^ (place << 8),
        ..view.created
    }
}

impl Columns<'_> {
    fn count(&self) -> usize {
        match self {
            Columns::Table(table) => table.columns.len(),
            Columns::View(view) => view.columns.len(),
            Columns::None => 0,
        }
    }

    fn stamp(&self, column: usize) -> Option<CreationStamp> {
        match self {
            Columns::Table(table) => table.columns.get(column).map(|column| column.created),
            Columns::View(view) => Some(view_column(view, column)),
            Columns::None => None,
        }
    }
}

fn check_one(need: &Need, rights: &Rights, catalog: &Catalog) -> Result<()> {
    let (object, columns): (Securable<'_>, _) = match need.relation {
        Relation::Table(id) => match catalog.table_by_id(id) {
            Some(table) => (table.securable(), Columns::Table(&table.def)),
            None => return Err(gone()),
        },
        Relation::View(oid) => match catalog.view_by_oid(oid) {
            Some(view) => (view.securable(), Columns::View(view)),
            None => return Err(gone()),
        },
        Relation::Values(id) => {
            let any = Privileges::USAGE.with(Privileges::UPDATE);
            return match catalog.sequence_by_id(id) {
                Some(sequence) => rights.require_any(catalog, &sequence.securable(), any),
                None => Err(gone()),
            };
        }
        Relation::Sequence(oid) => match catalog.sequence_by_oid(oid) {
            Some(sequence) => (sequence.securable(), Columns::None),
            None => return Err(gone()),
        },
    };
    if object.schema == Some(NODE_SCHEMA)
        && !rights.internal
        && need.required != Privileges::SELECT
        && !need.required.is_empty()
    {
        return Err(forbidden(format!(
            "permission denied: \"{}\" is written by the node alone",
            object.name
        )));
    }
    if rights.superuser {
        return Ok(());
    }
    let held = catalog.held_by(&rights.roles, &object, None).privileges;
    let missing = need.required.without(held);
    if missing.is_empty() {
        return Ok(());
    }
    let refused = || denied(super::rights::word(catalog, &object), object.name);
    let by_column = COLUMN_PRIVILEGES.without(Privileges::REFERENCES);
    if object.kind != ObjectKind::Relation || !missing.without(by_column).is_empty() {
        return Err(refused());
    }
    for (privilege, used) in [
        (Privileges::SELECT, &need.selected),
        (Privileges::INSERT, &need.inserted),
        (Privileges::UPDATE, &need.updated),
    ] {
        if !missing.contains(privilege) {
            continue;
        }
        let has = |column: usize| {
            columns.stamp(column).is_some_and(|stamp| {
                let held = catalog.held_by(&rights.roles, &object, Some(stamp));
                held.privileges.contains(privilege)
            })
        };
        // A statement that names no column needs a right on one of them at least.
        let allowed = match used.is_empty() {
            true => (0..columns.count()).any(has),
            false => used.iter().copied().all(has),
        };
        if !allowed {
            return Err(refused());
        }
    }
    Ok(())
}

fn gone() -> Error {
    Error::new(state::STALE_PLAN, "a relation of the statement is gone")
}
