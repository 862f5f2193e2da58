//! Carrying an access path out: the keys and rows it leads to, one at a time.

use super::access::{Access, Path};
use super::key::{self, KeyColumn, Operand};
use crate::expr::Env;
use orbit_core::catalog::{Index, Table};
use orbit_core::database::ReadView;
use orbit_core::read::{IndexScan, RowScan};
use orbit_core::store::{Direction, KeyRange};
use orbit_core::{Error, Result};

enum Source {
    Done,
    Keys(std::vec::IntoIter<Vec<u8>>),
    Rows(RowScan),
    Index(IndexScan),
}

/// Rows of a view along a path. Holds its snapshot; doesn't see later writes.
pub(super) struct Cursor {
    source: Source,
    key: Vec<u8>,
    row: Vec<u8>,
}

/// Encodes the key of [`Access::Key`]. `false`: no row can match.
pub(super) fn encode_key(
    columns: &[KeyColumn],
    operands: &[Operand],
    env: &Env<'_>,
    out: &mut Vec<u8>,
) -> Result<bool> {
    out.clear();
    key::push_equal(columns, operands, env, out)
}

impl Cursor {
    pub fn open(view: &ReadView, table: &Table, path: &Path, env: &Env<'_>) -> Result<Cursor> {
        let source = match &path.access {
            Access::Key(operands) => {
                let mut one = Vec::new();
                if encode_key(&path.columns, operands, env, &mut one)? {
                    Source::Keys(vec![one].into_iter())
                } else {
                    Source::Done
                }
            }
            Access::Keys {
                operands,
                place,
                list,
            } => Source::Keys(
                list_keys(&path.columns, operands, *place, list, path.direction, env)?.into_iter(),
            ),
            Access::Table { operands, limits } => {
                match range(&path.columns, operands, limits, env)? {
                    Some(range) => Source::Rows(view.scan(table, range, path.direction)?),
                    None => Source::Done,
                }
            }
            Access::Index {
                index,
                operands,
                limits,
            } => match range(&path.columns, operands, limits, env)? {
                Some(range) => Source::Index(view.scan_index(
                    table,
                    index_at(table, *index)?,
                    range,
                    path.direction,
                )?),
                None => Source::Done,
            },
        };
        Ok(Cursor {
            source,
            key: Vec::new(),
            row: Vec::new(),
        })
    }

    /// The next row: its primary key and its bytes.
    pub fn next(&mut self, view: &ReadView, table: &Table) -> Result<Option<(&[u8], &[u8])>> {
        match &mut self.source {
            Source::Done => Ok(None),
            Source::Rows(scan) => scan.next(),
            Source::Keys(keys) => {
                for key in keys.by_ref() {
                    if view.get(table, &key, &mut self.row)? {
                        self.key = key;
                        return Ok(Some((&self.key, &self.row)));
                    }
                }
                Ok(None)
            }
            Source::Index(scan) => {
                let Some(pk) = scan.next()? else {
                    return Ok(None);
                };
                if !view.get(table, pk, &mut self.row)? {
                    return Err(Error::new(
                        orbit_core::state::INDEX_CORRUPTED,
                        format!(
                            "an index of table \"{}\" names a row that isn't there",
                            table.name
                        ),
                    ));
                }
                self.key.clear();
                self.key.extend_from_slice(pk);
                Ok(Some((&self.key, &self.row)))
            }
        }
    }
}

pub(super) fn index_at(table: &Table, place: usize) -> Result<&Index> {
    table
        .indexes
        .get(place)
        .ok_or_else(|| Error::internal("a plan names an index that the table doesn't have"))
}

fn range(
    columns: &[KeyColumn],
    operands: &[Operand],
    limits: &key::Limits,
    env: &Env<'_>,
) -> Result<Option<KeyRange>> {
    let mut prefix = Vec::new();
    if !key::push_equal(columns, operands, env, &mut prefix)? {
        return Ok(None);
    }
    key::range(&prefix, columns.get(operands.len()), limits, env)
}

/// The keys of an IN list, each once, in the order they are to be visited.
fn list_keys(
    columns: &[KeyColumn],
    operands: &[Operand],
    place: usize,
    list: &[Operand],
    direction: Direction,
    env: &Env<'_>,
) -> Result<Vec<Vec<u8>>> {
    let mut operands = operands.to_vec();
    let mut keys = Vec::with_capacity(list.len());
    for item in list {
        if let Some(slot) = operands.get_mut(place) {
            *slot = item.clone();
        }
        let mut key = Vec::new();
        if encode_key(columns, &operands, env, &mut key)? {
            keys.push(key);
        }
    }
    keys.sort_unstable();
    keys.dedup();
    if direction == Direction::Backward {
        keys.reverse();
    }
    Ok(keys)
}
