//! FOREIGN KEY: from the syntax tree to what the catalog keeps, and the first
//! look at rows that are there already.

use super::constraints::{constraint_is_taken, duplicate_constraint};
use super::{lock_named, names};
use crate::session::Session;
use crate::statement::names::{Name, fold};
use orbit_core::catalog::{ForeignKey, Privileges, ReferentialAction, Table, TableDef};
use orbit_core::ids::IndexId;
use orbit_core::txn::TableLock;
use orbit_core::types::SqlType;
use orbit_core::{Error, Result, state};
use sqlparser::ast::{self, ConstraintCharacteristics, DeferrableInitial, ForeignKeyConstraint};

/// PostgreSQL's limit of columns in a key.
const MAX_KEY_COLUMNS: usize = 32;

/// A foreign key as a statement asks for it.
#[derive(Clone, Debug)]
pub struct ForeignKeyRequest {
    pub name: Option<String>,
    pub columns: Vec<String>,
    referenced: Name,
    /// Empty: the referenced table's primary key.
    referenced_columns: Vec<String>,
    on_delete: Action,
    on_update: Action,
    match_full: bool,
    pub timing: Timing,
    pub not_valid: bool,
}

/// DEFERRABLE, and how a transaction begins.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Timing {
    pub deferrable: bool,
    pub initially_deferred: bool,
}

impl Timing {
    pub fn of(characteristics: Option<&ConstraintCharacteristics>) -> Result<Timing> {
        let Some(given) = characteristics else {
            return Ok(Timing::default());
        };
        let initially_deferred = given.initially == Some(DeferrableInitial::Deferred);
        if initially_deferred && given.deferrable == Some(false) {
            return Err(Error::new(
                state::SYNTAX_ERROR,
                "constraint declared INITIALLY DEFERRED must be DEFERRABLE",
            ));
        }
        Ok(Timing {
            deferrable: given.deferrable.unwrap_or(initially_deferred),
            initially_deferred,
        })
    }
}

#[derive(Clone, Debug)]
struct Action {
    kind: ast::ReferentialAction,
    /// SET NULL and SET DEFAULT: these columns only.
    columns: Vec<String>,
}

impl ForeignKeyRequest {
    /// `column`: where the constraint is a column's own.
    pub fn of(
        constraint: &ForeignKeyConstraint,
        column: Option<&str>,
        name: Option<String>,
    ) -> Result<ForeignKeyRequest> {
        if constraint.match_kind == Some(ast::ConstraintReferenceMatchKind::Partial) {
            return Err(Error::new(
                state::FEATURE_NOT_SUPPORTED,
                "MATCH PARTIAL not yet implemented",
            ));
        }
        // The grammar puts ON DELETE's columns where MySQL names an index.
        let columns = match &constraint.index_name {
            Some(list) => list.value.split('\0').map(str::to_owned).collect(),
            None => Vec::new(),
        };
        let action = |kind: Option<ast::ReferentialAction>, columns: Vec<String>| Action {
            kind: kind.unwrap_or(ast::ReferentialAction::NoAction),
            columns,
        };
        Ok(ForeignKeyRequest {
            name: constraint.name.as_ref().map(fold).or(name),
            columns: match column {
                Some(column) => vec![column.to_owned()],
                None => constraint.columns.iter().map(fold).collect(),
            },
            referenced: Name::of(&constraint.foreign_table)?,
            referenced_columns: constraint.referred_columns.iter().map(fold).collect(),
            on_delete: action(constraint.on_delete, columns),
            on_update: action(constraint.on_update, Vec::new()),
            match_full: constraint.match_kind == Some(ast::ConstraintReferenceMatchKind::Full),
            timing: Timing::of(constraint.characteristics.as_ref())?,
            not_valid: false,
        })
    }
}

/// Adds a foreign key to a table's definition; the referenced table is locked.
/// `table` may be about to be created, and may refer to itself.
pub(crate) async fn add(
    session: &mut Session,
    table: &mut TableDef,
    request: ForeignKeyRequest,
) -> Result<()> {
    let settings = session.settings().clone();
    let refers_to_itself = match &request.referenced.schema {
        Some(schema) => *schema == table.schema && request.referenced.name == table.name,
        None => {
            request.referenced.name == table.name && {
                let catalog = session.transaction()?.catalog();
                match request.referenced.find(&catalog, &settings) {
                    Some(found) => found.id == table.id,
                    None => true,
                }
            }
        }
    };
    let referenced = if refers_to_itself {
        table.clone()
    } else {
        if let Some(schema) = &request.referenced.schema {
            let catalog = session.transaction()?.catalog();
            session
                .rights()
                .require_in_schema(&catalog, schema, Privileges::USAGE)?;
        }
        let found = lock_named(session, &request.referenced, TableLock::ShareRowExclusive).await;
        let found = found.map_err(|error| not_referable(session, &request.referenced, error))?;
        let catalog = session.transaction()?.catalog();
        session
            .rights()
            .require(&catalog, &found.securable(), Privileges::REFERENCES)?;
        found.def.clone()
    };
    if referenced.temporary != table.temporary {
        let (ours, others) = if table.temporary {
            ("temporary", "temporary")
        } else {
            ("permanent", "permanent")
        };
        return Err(Error::new(
            state::INVALID_TABLE_DEFINITION,
            format!("constraints on {ours} tables may reference only {others} tables"),
        ));
    }
    let columns = places(table, &request.columns)?;
    let (referenced_columns, referenced_index) = referenced_key(&referenced, &request)?;
    if columns.len() != referenced_columns.len() {
        return Err(Error::new(
            state::INVALID_FOREIGN_KEY,
            "number of referencing and referenced columns for foreign key disagree",
        ));
    }
    let name = match &request.name {
        Some(name) if constraint_is_taken(table, name) => {
            return Err(duplicate_constraint(table, name));
        }
        Some(name) => name.clone(),
        None => {
            let joined = names::joined(request.columns.iter().map(String::as_str));
            names::choose(&table.name, Some(&joined), "fkey", |name| {
                constraint_is_taken(table, name)
            })
        }
    };
    check_types(table, &columns, &referenced, &referenced_columns, &name)?;
    let on_delete = action(table, &columns, &request.on_delete, "DELETE")?;
    let on_update = action(table, &columns, &request.on_update, "UPDATE")?;
    let db = session.engine().db().clone();
    table.foreign_keys.push(ForeignKey {
        name,
        oid: db.new_oid(),
        columns,
        referenced: referenced.id,
        referenced_columns,
        referenced_index,
        on_delete,
        on_update,
        match_full: request.match_full,
        deferrable: request.timing.deferrable,
        initially_deferred: request.timing.initially_deferred,
        validated: !request.not_valid,
    });
    Ok(())
}

/// A view or sequence of the name is a relation, but none to refer to.
fn not_referable(session: &mut Session, name: &Name, error: Error) -> Error {
    let path: Vec<String> = match &name.schema {
        Some(schema) => vec![schema.clone()],
        None => session.settings().search_path().to_vec(),
    };
    let Ok(transaction) = session.transaction() else {
        return error;
    };
    let catalog = transaction.catalog();
    let mut others = path
        .iter()
        .filter_map(|schema| catalog.relation(schema, &name.name));
    match others.next() {
        None => return error,
        Some(other) if super::wrong_kind::is_index(&other) => {
            return super::wrong_kind::is_an_index(&name.name);
        }
        Some(_) => {}
    }
    Error::new(
        state::WRONG_OBJECT_TYPE,
        format!("referenced relation \"{}\" is not a table", name.name),
    )
}

fn places(table: &TableDef, columns: &[String]) -> Result<Vec<usize>> {
    if columns.len() > MAX_KEY_COLUMNS {
        return Err(Error::new(
            state::TOO_MANY_COLUMNS,
            format!("cannot have more than {MAX_KEY_COLUMNS} keys in a foreign key"),
        ));
    }
    columns
        .iter()
        .map(|name| {
            table.column_position(name).ok_or_else(|| {
                Error::new(
                    state::UNDEFINED_COLUMN,
                    format!(
                        "column \"{name}\" referenced in foreign key constraint does not exist"
                    ),
                )
            })
        })
        .collect()
}

/// The referenced columns and the unique index over them; `None`: the primary key.
fn referenced_key(
    table: &TableDef,
    request: &ForeignKeyRequest,
) -> Result<(Vec<usize>, Option<IndexId>)> {
    if request.referenced_columns.is_empty() {
        let Some(primary) = &table.primary_key else {
            return Err(Error::new(
                state::UNDEFINED_OBJECT,
                format!(
                    "there is no primary key for referenced table \"{}\"",
                    table.name
                ),
            ));
        };
        return Ok((primary.columns.clone(), None));
    }
    let columns = places(table, &request.referenced_columns)?;
    let mut wanted = columns.clone();
    wanted.sort_unstable();
    if wanted.windows(2).any(|pair| pair[0] == pair[1]) {
        return Err(Error::new(
            state::INVALID_FOREIGN_KEY,
            "foreign key referenced-columns list must not contain duplicates",
        ));
    }
    let same = |mut key: Vec<usize>| {
        key.sort_unstable();
        key == wanted
    };
    if table.primary_key.is_some() && same(table.primary_key_columns().to_vec()) {
        return Ok((columns, None));
    }
    let unique = table
        .indexes
        .iter()
        .filter(|index| index.unique && table.is_plain(index))
        .find(|index| same(index.columns.iter().map(|part| part.column).collect()));
    match unique {
        Some(index) if index.deferrable => Err(Error::new(
            state::OBJECT_NOT_IN_PREREQUISITE_STATE,
            format!(
                "cannot use a deferrable unique constraint for referenced table \"{}\"",
                table.name
            ),
        )),
        Some(index) => Ok((columns, Some(index.id))),
        None => Err(Error::new(
            state::INVALID_FOREIGN_KEY,
            format!(
                "there is no unique constraint matching given keys for referenced table \"{}\"",
                table.name
            ),
        )),
    }
}

fn check_types(
    table: &TableDef,
    columns: &[usize],
    referenced: &TableDef,
    referenced_columns: &[usize],
    name: &str,
) -> Result<()> {
    for (ours, theirs) in columns.iter().zip(referenced_columns) {
        let (Some(ours), Some(theirs)) =
            (table.columns.get(*ours), referenced.columns.get(*theirs))
        else {
            return Err(Error::internal("a key's column is not there"));
        };
        if !comparable(&ours.sql_type, &theirs.sql_type) {
            return Err(incompatible(
                name,
                (&ours.name, &ours.sql_type),
                (&theirs.name, &theirs.sql_type),
            ));
        }
    }
    Ok(())
}

/// 42804 for a key whose two sides don't compare.
pub(super) fn incompatible(
    constraint: &str,
    ours: (&str, &SqlType),
    theirs: (&str, &SqlType),
) -> Error {
    Error::new(
        state::DATATYPE_MISMATCH,
        format!("foreign key constraint \"{constraint}\" cannot be implemented"),
    )
    .with_detail(format!(
        "Key columns \"{}\" and \"{}\" are of incompatible types: {} and {}.",
        ours.0,
        theirs.0,
        ours.1.base(),
        theirs.1.base()
    ))
}

/// Whether a key of type `ours` can be looked up among keys of type `theirs`: by an
/// operator of the index's family, or an implicit cast.
pub(super) fn comparable(ours: &SqlType, theirs: &SqlType) -> bool {
    use SqlType::*;
    let integer = |ty: &SqlType| matches!(ty, Int2 | Int4 | Int8);
    let float = |ty: &SqlType| matches!(ty, Float4 | Float8);
    let text = |ty: &SqlType| matches!(ty, Text | Varchar(_) | Char(_) | Name);
    let moment = |ty: &SqlType| matches!(ty, Date | Timestamp | TimestampTz);
    match (ours, theirs) {
        (a, b) if integer(a) && integer(b) => true,
        (a, b) if float(a) && float(b) => true,
        (Numeric(_), Numeric(_)) => true,
        (a, Numeric(_)) => integer(a),
        (a, b) if float(b) => integer(a) || matches!(a, Numeric(_)),
        (a, b) if text(a) && text(b) => true,
        (a, b) if moment(a) && moment(b) => true,
        (Inet | Cidr, Inet | Cidr) => true,
        (a, b) => a == b,
    }
}

fn action(
    table: &TableDef,
    columns: &[usize],
    action: &Action,
    event: &str,
) -> Result<ReferentialAction> {
    let mut only = Vec::with_capacity(action.columns.len());
    for name in &action.columns {
        let place = table.column_position(name).ok_or_else(|| {
            Error::new(
                state::UNDEFINED_COLUMN,
                format!("column \"{name}\" referenced in foreign key constraint does not exist"),
            )
        })?;
        if !columns.contains(&place) {
            return Err(Error::new(
                state::INVALID_COLUMN_REFERENCE,
                format!(
                    "column \"{name}\" referenced in ON DELETE SET action must be part of foreign key"
                ),
            ));
        }
        if !only.contains(&place) {
            only.push(place);
        }
    }
    let kind = match action.kind {
        ast::ReferentialAction::NoAction => ReferentialAction::NoAction,
        ast::ReferentialAction::Restrict => ReferentialAction::Restrict,
        ast::ReferentialAction::Cascade => ReferentialAction::Cascade,
        ast::ReferentialAction::SetNull => ReferentialAction::SetNull(only),
        ast::ReferentialAction::SetDefault => ReferentialAction::SetDefault(only),
    };
    // A generated column has only the value that is computed for it.
    let writes = match &kind {
        ReferentialAction::SetNull(_) | ReferentialAction::SetDefault(_) => true,
        ReferentialAction::Cascade => event == "UPDATE",
        _ => false,
    };
    let generated = columns.iter().any(|column| {
        let column = table.columns.get(*column);
        column.is_some_and(|column| column.generated.is_some())
    });
    if writes && generated {
        return Err(Error::new(
            state::SYNTAX_ERROR,
            format!(
                "invalid ON {event} action for foreign key constraint containing generated column"
            ),
        ));
    }
    Ok(kind)
}

/// ADD FOREIGN KEY and VALIDATE CONSTRAINT: every row of `table` is looked at.
/// Both tables are locked against writers.
pub(crate) async fn validate(session: &mut Session, table: &Table, key: &ForeignKey) -> Result<()> {
    session.transaction()?.see_newest()?;
    session.transaction()?.begin_statement();
    session.check_references(table, key, false).await
}
