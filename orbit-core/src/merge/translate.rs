//! From one node's tables and ordinals to another's. Only what everybody shares crosses a
//! link as it is: keys of declared columns, values, times.

use crate::error::{Error, Result};
use crate::ids::{SiteOrdinal, TableId};
use crate::key::HIDDEN_KEY_BYTES;
use crate::log::{Cell, Life, Operation, OperationWriter, RowOperation};
use crate::row::Stamp;
use smallvec::SmallVec;

/// What the sender's names mean here.
pub trait Names {
    fn ordinal(&self, theirs: SiteOrdinal) -> Result<SiteOrdinal>;
    fn table(&self, theirs: TableId) -> Result<NamedTable>;
}

/// A table of the sender's that is known here, its slots the same.
#[derive(Clone, Copy, Debug)]
pub struct NamedTable {
    pub id: TableId,
    /// Without a primary key: a row's key says which site made it.
    pub hidden_key: bool,
}

/// Appends the sender's operations in this node's terms.
pub fn translate(
    operations: &[Operation<'_>],
    names: &impl Names,
    out: &mut OperationWriter,
) -> Result<()> {
    for operation in operations {
        let Operation::Row { table, pk, what } = operation else {
            return Err(Error::unsupported(
                "a change of another site that is no change of rows",
            ));
        };
        let table = names.table(*table)?;
        let pk = key(pk, &table, names)?;
        match what {
            RowOperation::Insert {
                causal_length,
                replaced,
                columns,
                wide,
                body,
            } => {
                let replaced = replaced.map(|stamp| renamed(stamp, names)).transpose()?;
                out.insert(
                    table.id,
                    &pk,
                    *causal_length,
                    replaced,
                    *columns,
                    *wide,
                    body,
                );
            }
            RowOperation::Update { life, cells } => {
                let count = u16::try_from(cells.len())
                    .map_err(|_| Error::corrupted("an update of more columns than there are"))?;
                out.update(table.id, &pk, life_of(*life, names)?, count);
                for cell in cells {
                    out.cell(&Cell {
                        replaced: stamps(&cell.replaced, names)?,
                        ..cell.clone()
                    });
                }
            }
            RowOperation::Delete { life, replaced } => {
                let replaced = stamps(replaced, names)?;
                out.delete(table.id, &pk, life_of(*life, names)?, &replaced);
            }
        }
    }
    Ok(())
}

fn renamed(stamp: Stamp, names: &impl Names) -> Result<Stamp> {
    Ok(Stamp {
        hlc: stamp.hlc,
        site: names.ordinal(stamp.site)?,
    })
}

fn stamps(stamps: &[Stamp], names: &impl Names) -> Result<SmallVec<[Stamp; 1]>> {
    stamps.iter().map(|stamp| renamed(*stamp, names)).collect()
}

fn life_of(life: Life, names: &impl Names) -> Result<Life> {
    Ok(Life {
        causal_length: life.causal_length,
        stamp: renamed(life.stamp, names)?,
    })
}

fn key(pk: &[u8], table: &NamedTable, names: &impl Names) -> Result<SmallVec<[u8; 32]>> {
    let mut own = SmallVec::from_slice(pk);
    if table.hidden_key {
        let (site, _) = pk
            .split_first_chunk::<4>()
            .filter(|_| pk.len() == HIDDEN_KEY_BYTES)
            .ok_or_else(|| Error::corrupted("the hidden key of a row is damaged"))?;
        let site = names.ordinal(SiteOrdinal(u32::from_be_bytes(*site)))?;
        own[..4].copy_from_slice(&site.0.to_be_bytes());
    }
    Ok(own)
}
