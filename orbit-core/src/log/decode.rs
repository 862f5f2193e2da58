//! Reading operations back. What is read has passed its checksum, but no
//! length in it is believed before it is checked.

use super::{
    CATALOG, Cell, DELETE, INSERT, LOAD, Life, Operation, RowOperation, TRUNCATE, UPDATE, VERSION,
};
use crate::clock::Hlc;
use crate::error::{Error, Result};
use crate::ids::{PartitionId, Sequence, SiteOrdinal, TableId};
use crate::merge::ColumnKind;
use crate::row::Stamp;
use smallvec::SmallVec;

struct Reader<'a>(&'a [u8]);

fn cut() -> Error {
    Error::corrupted("a transaction log record ends within an operation")
}

impl<'a> Reader<'a> {
    fn take(&mut self, length: usize) -> Result<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(length).ok_or_else(cut)?;
        self.0 = rest;
        Ok(taken)
    }

    fn number<const BYTES: usize>(&mut self) -> Result<u64> {
        let mut word = [0; 8];
        word[..BYTES].copy_from_slice(self.take(BYTES)?);
        Ok(u64::from_le_bytes(word))
    }

    fn sized(&mut self) -> Result<&'a [u8]> {
        let length = self.number::<4>()? as usize;
        self.take(length)
    }

    fn stamp(&mut self) -> Result<Stamp> {
        Ok(Stamp {
            hlc: Hlc(self.number::<8>()?),
            site: SiteOrdinal(self.number::<4>()? as u32),
        })
    }

    fn stamps(&mut self) -> Result<SmallVec<[Stamp; 1]>> {
        let count = self.number::<2>()?;
        (0..count).map(|_| self.stamp()).collect()
    }

    fn cell(&mut self, version: u8) -> Result<Cell<'a>> {
        Ok(Cell {
            column: self.number::<2>()? as u16,
            kind: match version {
                1 => ColumnKind::Lww,
                _ => ColumnKind::from_number(self.number::<1>()? as u8).ok_or_else(unknown_kind)?,
            },
            replaced: self.stamps()?,
            value: self.sized()?,
        })
    }

    fn life(&mut self) -> Result<Life> {
        Ok(Life {
            causal_length: self.number::<4>()? as u32,
            stamp: self.stamp()?,
        })
    }
}

fn unknown_kind() -> Error {
    Error::corrupted("a transaction log record holds a column of unknown kind")
}

/// The operations of a record's payload. Cell values stay in the encoded form of
/// [`crate::row::encode_value`]: their type is the catalog's affair.
pub fn operations(payload: &[u8], version: u8) -> Result<Vec<Operation<'_>>> {
    let mut reader = Reader(payload);
    let count = reader.number::<4>()?;
    (0..count)
        .map(|_| operation(&mut reader, version))
        .collect()
}

/// As many operations as were counted while they were written.
pub(super) fn counted(bytes: &[u8], count: u32) -> Result<Vec<Operation<'_>>> {
    let mut reader = Reader(bytes);
    (0..count)
        .map(|_| operation(&mut reader, VERSION))
        .collect()
}

/// Cells one behind the other, as [`super::push_cell`] wrote them.
pub fn cells(bytes: &[u8]) -> Result<SmallVec<[Cell<'_>; 2]>> {
    let mut reader = Reader(bytes);
    let mut cells = SmallVec::new();
    while !reader.0.is_empty() {
        cells.push(reader.cell(VERSION)?);
    }
    Ok(cells)
}

fn operation<'a>(reader: &mut Reader<'a>, version: u8) -> Result<Operation<'a>> {
    let kind = reader.number::<1>()? as u8;
    let table = TableId(reader.number::<4>()? as u32);
    Ok(match kind {
        INSERT | UPDATE | DELETE => Operation::Row {
            table,
            pk: reader.sized()?,
            what: row_operation(reader, kind, version)?,
        },
        TRUNCATE => {
            let partition = PartitionId(reader.number::<4>()? as u32);
            let entries = reader.number::<4>()?;
            let seen = (0..entries).map(|_| {
                let site = SiteOrdinal(reader.number::<4>()? as u32);
                Ok((
                    site,
                    Sequence(reader.number::<8>()?),
                    Hlc(reader.number::<8>()?),
                ))
            });
            Operation::Truncate {
                table,
                partition,
                seen: seen.collect::<Result<_>>()?,
            }
        }
        LOAD => Operation::Load {
            table,
            stamp: reader.stamp()?,
            rows: reader.number::<8>()?,
        },
        CATALOG => Operation::Catalog(Box::new(crate::meta::parse(
            reader.sized()?,
            "catalog change",
        )?)),
        unknown => {
            return Err(Error::corrupted(format!(
                "a transaction log record holds an operation of unknown kind {unknown}"
            )));
        }
    })
}

fn row_operation<'a>(reader: &mut Reader<'a>, kind: u8, version: u8) -> Result<RowOperation<'a>> {
    Ok(match kind {
        INSERT => RowOperation::Insert {
            causal_length: reader.number::<4>()? as u32,
            replaced: reader.stamps()?.first().copied(),
            columns: reader.number::<2>()? as u16,
            wide: reader.number::<1>()? != 0,
            body: reader.sized()?,
        },
        UPDATE => {
            let life = reader.life()?;
            let count = reader.number::<2>()?;
            let cells = (0..count).map(|_| reader.cell(version));
            RowOperation::Update {
                life,
                cells: cells.collect::<Result<_>>()?,
            }
        }
        _ => RowOperation::Delete {
            life: reader.life()?,
            replaced: reader.stamps()?,
        },
    })
}
