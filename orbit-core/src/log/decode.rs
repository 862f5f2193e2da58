//! Reading operations back. What is read has passed its checksum, but no
//! length in it is believed before it is checked.

use super::{CATALOG, Cell, DELETE, INSERT, LOAD, Life, Operation, TRUNCATE, UPDATE};
use crate::clock::Hlc;
use crate::error::{Error, Result};
use crate::ids::{PartitionId, Sequence, SiteOrdinal, TableId};
use crate::row::Stamp;

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

    fn stamps(&mut self) -> Result<Vec<Stamp>> {
        let count = self.number::<2>()?;
        (0..count).map(|_| self.stamp()).collect()
    }

    fn life(&mut self) -> Result<Life> {
        Ok(Life {
            causal_length: self.number::<4>()? as u32,
            stamp: self.stamp()?,
        })
    }
}

/// The operations of a record's payload (as [`super::read`] returns it). Cell
/// values stay in the encoded form of [`crate::row::encode_value`]: their type
/// is the catalog's affair.
pub fn operations(payload: &[u8]) -> Result<Vec<Operation>> {
    let mut reader = Reader(payload);
    let count = reader.number::<4>()?;
    (0..count).map(|_| operation(&mut reader)).collect()
}

fn operation(reader: &mut Reader<'_>) -> Result<Operation> {
    let kind = reader.number::<1>()? as u8;
    let table = TableId(reader.number::<4>()? as u32);
    Ok(match kind {
        INSERT => Operation::Insert {
            table,
            pk: reader.sized()?.to_vec(),
            causal_length: reader.number::<4>()? as u32,
            replaced: reader.stamps()?.first().copied(),
            columns: reader.number::<2>()? as u16,
            wide: reader.number::<1>()? != 0,
            body: reader.sized()?.to_vec(),
        },
        UPDATE => {
            let pk = reader.sized()?.to_vec();
            let life = reader.life()?;
            let cells = reader.number::<2>()?;
            let cells = (0..cells).map(|_| {
                Ok(Cell {
                    column: reader.number::<2>()? as u16,
                    replaced: reader.stamps()?,
                    value: reader.sized()?.to_vec(),
                })
            });
            let cells = cells.collect::<Result<_>>()?;
            Operation::Update {
                table,
                pk,
                life,
                cells,
            }
        }
        DELETE => Operation::Delete {
            table,
            pk: reader.sized()?.to_vec(),
            life: reader.life()?,
            replaced: reader.stamps()?,
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
