//! CREATE TABLE (LIKE ...): another table's columns, and what else is asked for.

use super::constraints::{KeyRequest, Timing};
use super::sequence::ColumnSequence;
use super::{lock_named, names};
use crate::session::Session;
use crate::statement::like_grammar::Like;
use crate::statement::sequence_grammar::SequenceOptions;
use orbit_core::Result;
use orbit_core::catalog::{Check, Column, Index, IndexColumn, TableDef};
use orbit_core::txn::TableLock;

/// What a LIKE adds besides columns; positions are of the new table.
#[derive(Default)]
pub struct Added {
    pub keys: Vec<KeyRequest>,
    pub checks: Vec<Check>,
    pub indexes: Vec<(Vec<IndexColumn>, bool, bool)>,
    pub sequences: Vec<(usize, ColumnSequence)>,
}

/// The columns of the table that is named, as new ones; they begin at `place`.
pub(crate) async fn columns(
    session: &mut Session,
    like: &Like,
    place: usize,
    added: &mut Added,
) -> Result<Vec<Column>> {
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
    if what.constraints {
        added.checks.extend(source.checks.iter().cloned());
    }
    if what.indexes {
        if let Some(key) = &source.primary_key {
            added.keys.push(KeyRequest {
                name: None,
                columns: key.columns.iter().map(|column| place + column).collect(),
                primary: true,
                nulls_not_distinct: false,
                timing: Timing::default(),
            });
        }
        for index in &source.indexes {
            let columns: Vec<IndexColumn> = index
                .columns
                .iter()
                .map(|part| IndexColumn {
                    column: place + part.column,
                    descending: part.descending,
                    nulls_first: part.nulls_first,
                })
                .collect();
            if index.constraint {
                added.keys.push(KeyRequest {
                    name: None,
                    columns: columns.iter().map(|part| part.column).collect(),
                    primary: false,
                    nulls_not_distinct: index.nulls_not_distinct,
                    timing: Timing {
                        deferrable: index.deferrable,
                        initially_deferred: index.initially_deferred,
                    },
                });
            } else {
                added
                    .indexes
                    .push((columns, index.unique, index.nulls_not_distinct));
            }
        }
    }
    Ok(columns)
}

/// Gives the new table its plain indexes.
pub(crate) fn add_indexes(
    session: &Session,
    table: &mut TableDef,
    indexes: Vec<(Vec<IndexColumn>, bool, bool)>,
    taken: &dyn Fn(&str) -> bool,
) {
    let db = session.engine().db().clone();
    for (columns, unique, nulls_not_distinct) in indexes {
        let joined = names::joined(
            columns
                .iter()
                .filter_map(|part| table.columns.get(part.column))
                .map(|column| column.name.as_str()),
        );
        let name = names::choose(&table.name, Some(&joined), "idx", |name| {
            taken(name) || super::constraints::constraint_is_taken(table, name)
        });
        table.indexes.push(Index {
            id: db.new_index_id(),
            oid: db.new_oid(),
            storage: db.new_storage_id(),
            name,
            columns,
            include: Vec::new(),
            unique,
            constraint: false,
            nulls_not_distinct,
            deferrable: false,
            initially_deferred: false,
            created: db.new_creation_stamp(),
        });
    }
}
