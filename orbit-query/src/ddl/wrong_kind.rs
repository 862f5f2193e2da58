//! What PostgreSQL says where a statement names a relation of another kind than it is for.

use crate::session::Session;
use crate::statement::names::Name;
use orbit_core::catalog::Relation;
use orbit_core::{Error, Result, state};

fn wrong(message: String) -> Error {
    Error::new(state::WRONG_OBJECT_TYPE, message)
}

/// `"x" is not a view`; the kind comes with its article.
pub(crate) fn is_not(name: &str, kind: &str) -> Error {
    wrong(format!("\"{name}\" is not {kind}"))
}

/// What only lies beside a table can't be read as one.
pub(crate) fn is_an_index(name: &str) -> Error {
    wrong(format!("\"{name}\" is an index"))
}

/// For a DROP of another kind: what to drop it with.
pub(crate) fn not_dropped(name: &str, kind: &str, relation: &Relation<'_>) -> Error {
    is_not(name, kind).with_hint(match relation {
        Relation::Table(_) => "Use DROP TABLE to remove a table.",
        Relation::View(_) => "Use DROP VIEW to remove a view.",
        Relation::Sequence(_) => "Use DROP SEQUENCE to remove a sequence.",
        Relation::Index(..) | Relation::PrimaryKey(_) => "Use DROP INDEX to remove an index.",
    })
}

/// For what some kinds of relations have and this one hasn't.
pub(crate) fn not_for(message: String, relation: &Relation<'_>) -> Error {
    wrong(message).with_detail(match relation {
        Relation::Table(_) => "This operation is not supported for tables.",
        Relation::View(_) => "This operation is not supported for views.",
        Relation::Sequence(_) => "This operation is not supported for sequences.",
        Relation::Index(..) | Relation::PrimaryKey(_) => {
            "This operation is not supported for indexes."
        }
    })
}

pub(crate) fn is_index(relation: &Relation<'_>) -> bool {
    matches!(relation, Relation::Index(..) | Relation::PrimaryKey(_))
}

/// Refuses what the name means, if it is a relation and no table.
pub(crate) fn refuse(
    session: &mut Session,
    name: &Name,
    tell: impl FnOnce(&Relation<'_>) -> Error,
) -> Result<()> {
    let settings = session.settings().clone();
    let transaction = session.transaction()?;
    transaction.begin_statement();
    let catalog = transaction.catalog();
    match name.relation(&catalog, &settings) {
        None | Some(Relation::Table(_)) => Ok(()),
        Some(relation) => Err(tell(&relation)),
    }
}
