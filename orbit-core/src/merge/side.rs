//! What is known of a key beside its row, in the side space.
//!
//! ```text
//! key    partition u32 | storage u32 with its highest bit set | pk | kind u8 | causal length u32, hlc u64, ordinal u32 of the life
//!        counter: | slot u16 | ordinal u32 of who added
//!        base:    | slot u16
//!        early:   | hlc u64, ordinal u32 of the update
//! value  envelope u8 (0 plain) | hlc u64 LE of what wrote it | payload
//!        counter: i64 LE, what that writer has added in all
//!        base:    i64 LE, what the column began with
//!        sibling: the row as it would be stored
//!        early:   the update's cells, as the log has them
//!        killed:  nothing
//! ```
//!
//! Numbers in keys are big endian. A row whose key has any of these says so in its flags; a
//! key without a row has a head alone, of causal length 0, to say it. The hybrid time stands
//! where the committer finds it, since it is not known before. The bit keeps them apart from the
//! blocks of a time series.

use crate::catalog::Table;
use crate::clock::Hlc;
use crate::error::{Error, Result};
use crate::ids::{SiteOrdinal, StorageId};
use crate::key;
use crate::log::Life;
use crate::row::Stamp;
#[cfg(feature = "sync")]
use crate::row::{self, HEAD_BYTES, PENDING};
#[cfg(feature = "sync")]
use crate::store::Space;

/// What a side cell is about. Ordered as its bytes are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SideKey {
    /// What one writer has added to a column in all.
    Counter {
        life: Life,
        slot: u16,
        writer: SiteOrdinal,
    },
    /// What a counted column of a life began with.
    Base { life: Life, slot: u16 },
    /// A life that isn't shown.
    Sibling { life: Life },
    /// An update of a life that has not come yet.
    Early { life: Life, stamp: Stamp },
    /// A life that was ended before it came.
    Killed { life: Life },
}

/// Where a storage's side cells lie.
pub fn storage(of: StorageId) -> StorageId {
    StorageId(of.0 | 1 << 31)
}

/// The number of the storage whose side cells or blocks lie under a number of the side space.
pub fn table_storage(number: u32) -> u32 {
    number & !(1 << 31)
}

/// What the side cells of a key begin with.
pub fn prefix(table: &Table, pk: &[u8]) -> Vec<u8> {
    let storage = storage(table.storage);
    [&key::data_prefix(table.partition, storage), pk].concat()
}

/// Whether an entry of the store is a side cell.
#[cfg(feature = "sync")]
pub(crate) fn is_cell(space: Space, key: &[u8]) -> bool {
    space == Space::Side && key.get(4).is_some_and(|byte| byte & 0x80 != 0)
}

/// Gives a cell whose time still waits for it the commit's.
#[cfg(feature = "sync")]
pub(crate) fn assign_hlc(cell: &mut [u8], hlc: Hlc) {
    if let Some((head, payload)) = cell.split_at_mut_checked(VALUE_HEAD)
        && head[1..] == PENDING.0.to_le_bytes()
    {
        head[1..].copy_from_slice(&hlc.0.to_le_bytes());
        // Of what a transaction of this node writes only a row is so long.
        if payload.len() >= HEAD_BYTES {
            row::assign_hlc(payload, hlc);
        }
    }
}

const COUNTER: u8 = 1;
const BASE: u8 = 2;
const SIBLING: u8 = 3;
const EARLY: u8 = 4;
const KILLED: u8 = 5;

const LIFE_BYTES: usize = 16;
/// Envelope and time in front of a value's payload.
const VALUE_HEAD: usize = 9;

impl SideKey {
    pub fn life(&self) -> Life {
        match self {
            SideKey::Counter { life, .. }
            | SideKey::Base { life, .. }
            | SideKey::Sibling { life }
            | SideKey::Early { life, .. }
            | SideKey::Killed { life } => *life,
        }
    }

    /// Appends what follows the row's own key.
    pub fn push(&self, out: &mut Vec<u8>) {
        let stamp = |out: &mut Vec<u8>, stamp: Stamp| {
            out.extend_from_slice(&stamp.hlc.0.to_be_bytes());
            out.extend_from_slice(&stamp.site.0.to_be_bytes());
        };
        out.push(match self {
            SideKey::Counter { .. } => COUNTER,
            SideKey::Base { .. } => BASE,
            SideKey::Sibling { .. } => SIBLING,
            SideKey::Early { .. } => EARLY,
            SideKey::Killed { .. } => KILLED,
        });
        let life = self.life();
        out.extend_from_slice(&life.causal_length.to_be_bytes());
        stamp(out, life.stamp);
        match self {
            SideKey::Counter { slot, writer, .. } => {
                out.extend_from_slice(&slot.to_be_bytes());
                out.extend_from_slice(&writer.0.to_be_bytes());
            }
            SideKey::Base { slot, .. } => out.extend_from_slice(&slot.to_be_bytes()),
            SideKey::Early { stamp: of, .. } => stamp(out, *of),
            SideKey::Sibling { .. } | SideKey::Killed { .. } => {}
        }
    }

    /// What stands behind the row's own key.
    pub fn read(bytes: &[u8]) -> Result<SideKey> {
        let damaged = || Error::corrupted("the key of a side cell is damaged");
        let (&kind, rest) = bytes.split_first().ok_or_else(damaged)?;
        let (life, rest) = rest.split_first_chunk::<LIFE_BYTES>().ok_or_else(damaged)?;
        let [c0, c1, c2, c3, stamp @ ..] = *life;
        let stamp_of = |bytes: [u8; 12]| {
            let [h0, h1, h2, h3, h4, h5, h6, h7, s0, s1, s2, s3] = bytes;
            Stamp {
                hlc: Hlc(u64::from_be_bytes([h0, h1, h2, h3, h4, h5, h6, h7])),
                site: SiteOrdinal(u32::from_be_bytes([s0, s1, s2, s3])),
            }
        };
        let life = Life {
            causal_length: u32::from_be_bytes([c0, c1, c2, c3]),
            stamp: stamp_of(stamp),
        };
        match (kind, rest) {
            (COUNTER, &[a, b, w0, w1, w2, w3]) => Ok(SideKey::Counter {
                life,
                slot: u16::from_be_bytes([a, b]),
                writer: SiteOrdinal(u32::from_be_bytes([w0, w1, w2, w3])),
            }),
            (BASE, &[a, b]) => Ok(SideKey::Base {
                life,
                slot: u16::from_be_bytes([a, b]),
            }),
            (SIBLING, []) => Ok(SideKey::Sibling { life }),
            (EARLY, rest) => Ok(SideKey::Early {
                life,
                stamp: stamp_of(rest.try_into().map_err(|_| damaged())?),
            }),
            (KILLED, []) => Ok(SideKey::Killed { life }),
            _ => Err(damaged()),
        }
    }
}

/// A side cell's value: when it was written, and its payload.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SideValue {
    pub hlc: Hlc,
    pub payload: Vec<u8>,
}

impl SideValue {
    pub fn number(hlc: Hlc, number: i64) -> SideValue {
        SideValue {
            hlc,
            payload: number.to_le_bytes().to_vec(),
        }
    }

    pub fn as_number(&self) -> Result<i64> {
        let bytes = self.payload.as_slice().try_into();
        bytes
            .map(i64::from_le_bytes)
            .map_err(|_| Error::corrupted("a counter's cell is damaged"))
    }

    pub fn push(&self, out: &mut Vec<u8>) {
        out.push(0);
        out.extend_from_slice(&self.hlc.0.to_le_bytes());
        out.extend_from_slice(&self.payload);
    }

    pub fn read(bytes: &[u8]) -> Result<SideValue> {
        let damaged = || Error::corrupted("a side cell is damaged");
        let (head, payload) = bytes
            .split_first_chunk::<VALUE_HEAD>()
            .ok_or_else(damaged)?;
        let [envelope, hlc @ ..] = *head;
        if envelope != 0 {
            return Err(damaged());
        }
        Ok(SideValue {
            hlc: Hlc(u64::from_le_bytes(hlc)),
            payload: payload.to_vec(),
        })
    }
}
