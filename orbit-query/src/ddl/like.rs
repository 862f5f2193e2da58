//! CREATE TABLE (LIKE ...): another table's columns, and what else is asked for.

use super::constraints::{KeyRequest, Timing};
use super::index::{self, Part, Recipe};
use super::sequence::ColumnSequence;
use super::{lock_named, names};
use crate::session::Session;
use crate::statement::like_grammar::Like;
use crate::statement::names::Name;
use crate::statement::sequence_grammar::SequenceOptions;
use crate::write::arbiter;
use orbit_core::Result;
use orbit_core::catalog::{Catalog, Check, Column, Relation, TableDef};
use orbit_core::txn::TableLock;
use orbit_core::types::Oid;

/// What a LIKE adds besides columns; positions are of the new table.
#[derive(Default)]
pub struct Added {
    pub keys: Vec<KeyRequest>,
    pub checks: Vec<Check>,
    pub indexes: Vec<LikeIndex>,
    pub comments: Vec<(Said, String)>,
    pub sequences: Vec<(usize, ColumnSequence)>,
}

/// An index of the other table, its columns by their positions in the new one.
pub struct LikeIndex {
    parts: Vec<(Part, bool, Option<bool>)>,
    predicate: Option<String>,
    unique: bool,
    nulls_not_distinct: bool,
    include: Vec<usize>,
    comment: Option<String>,
}

/// What a comment that is copied is of, in the new table.
pub enum Said {
    Column(usize),
    Check(String),
    Index(Oid),
}

/// The columns of the table that is named, as new ones; they begin at `place`.
pub(crate) async fn columns(
    session: &mut Session,
    like: &Like,
    place: usize,
    added: &mut Added,
) -> Result<Vec<Column>> {
    if let Some((view, columns)) = of_view(session, &like.source)? {
        if like.what.comments {
            let catalog = session.transaction()?.catalog();
            added.say(&catalog, view, columns.len(), place);
        }
        return Ok(columns);
    }
    let source = lock_named(session, &like.source, TableLock::AccessShare).await?;
    let db = session.engine().db().clone();
    let what = like.what;
    let mut columns = Vec::with_capacity(source.columns.len());
    for (at, known) in source.columns.iter().enumerate() {
        let mut column = Column::new(
            known.name.as_str(),
            known.sql_type.clone(),
            db.new_creation_stamp(),
        );
        column.not_null = known.not_null;
        column.precision = known.precision;
        if what.defaults {
            column.default.clone_from(&known.default);
            if known.identity.is_none() {
                column.sequence = known.sequence;
            }
        }
        if what.generated {
            column.generated.clone_from(&known.generated);
        }
        if what.identity && known.identity.is_some() {
            added.sequences.push((
                place + at,
                ColumnSequence {
                    identity: known.identity,
                    options: SequenceOptions::default(),
                },
            ));
        }
        columns.push(column);
    }
    let catalog = session.transaction()?.catalog();
    let said = |oid| match what.comments {
        true => catalog.comment(oid, 0).map(str::to_owned),
        false => None,
    };
    if what.comments {
        added.say(&catalog, source.oid, source.columns.len(), place);
    }
    if what.constraints {
        for (at, check) in source.checks.iter().enumerate() {
            let text = said(names::check_oid(&source, at));
            let check = Said::Check(check.name.clone());
            added.comments.extend(text.map(|text| (check, text)));
        }
        added.checks.extend(source.checks.iter().cloned());
    }
    if what.indexes {
        if let Some(key) = &source.primary_key {
            added.keys.push(KeyRequest {
                name: None,
                columns: key.columns.iter().map(|column| place + column).collect(),
                include: key.include.iter().map(|column| place + column).collect(),
                primary: true,
                nulls_not_distinct: false,
                timing: Timing::default(),
            });
        }
        for index in &source.indexes {
            if index.constraint {
                added.keys.push(KeyRequest {
                    name: None,
                    columns: index
                        .columns
                        .iter()
                        .map(|part| place + part.column)
                        .collect(),
                    include: index.include.iter().map(|column| place + column).collect(),
                    primary: false,
                    nulls_not_distinct: index.nulls_not_distinct,
                    timing: Timing {
                        deferrable: index.deferrable,
                        initially_deferred: index.initially_deferred,
                    },
                });
            } else {
                let parts = index.columns.iter().map(|part| {
                    let own = match source.computed_at(part.column) {
                        Some(kept) => {
                            Part::Expression(kept.expression.clone(), kept.sql_type.clone())
                        }
                        None => Part::Column(place + part.column),
                    };
                    (own, part.descending, part.nulls_first)
                });
                added.indexes.push(LikeIndex {
                    parts: parts.collect(),
                    predicate: arbiter::predicate(&source, index).map(str::to_owned),
                    unique: index.unique,
                    nulls_not_distinct: index.nulls_not_distinct,
                    comment: said(index.oid),
                    include: index.include.iter().map(|column| place + column).collect(),
                });
            }
        }
    }
    Ok(columns)
}

impl Added {
    /// The comments on a relation's columns, which are new ones that begin at `place`.
    fn say(&mut self, catalog: &Catalog, oid: Oid, columns: usize, place: usize) {
        for at in 0..columns {
            let number = i32::try_from(at + 1).unwrap_or(i32::MAX);
            let text = catalog.comment(oid, number).map(str::to_owned);
            self.comments
                .extend(text.map(|text| (Said::Column(place + at), text)));
        }
    }
}

/// The columns of a view, if the name is one's.
fn of_view(session: &mut Session, name: &Name) -> Result<Option<(Oid, Vec<Column>)>> {
    let settings = session.settings().clone();
    let db = session.engine().db().clone();
    let transaction = session.transaction()?;
    transaction.begin_statement();
    let catalog = transaction.catalog();
    let view = match name.relation(&catalog, &settings) {
        Some(Relation::View(view)) => view,
        None | Some(Relation::Table(_)) => return Ok(None),
        Some(other) => {
            let message = format!("relation \"{}\" is invalid in LIKE clause", name.name);
            return Err(super::wrong_kind::not_for(message, &other));
        }
    };
    let columns = view.columns.iter().map(|of| {
        let stamp = db.new_creation_stamp();
        let mut column = Column::new(of.name.as_str(), of.sql_type.clone(), stamp);
        column.precision = of.precision;
        column
    });
    Ok(Some((view.oid, columns.collect())))
}

/// Gives the new table its indexes that are no constraints.
pub(crate) fn add_indexes(
    session: &Session,
    table: &mut TableDef,
    indexes: Vec<LikeIndex>,
    comments: &mut Vec<(Said, String)>,
    taken: &dyn Fn(&str) -> bool,
) {
    for like in indexes {
        let names = index::names_of(table, &like.parts, &like.include);
        let joined = names::joined(names.iter().map(String::as_str));
        let name = names::choose(&table.name, Some(&joined), "idx", |name| {
            taken(name) || super::constraints::constraint_is_taken(table, name)
        });
        let recipe = Recipe {
            name,
            oid: session.engine().db().new_oid(),
            parts: like.parts,
            predicate: like.predicate,
            include: like.include,
            unique: like.unique,
            nulls_not_distinct: like.nulls_not_distinct,
        };
        let oid = recipe.oid;
        comments.extend(like.comment.map(|text| (Said::Index(oid), text)));
        index::put(session, table, recipe);
    }
}
