//! A row as it is stored: when and where it was written, then its values, laid
//! out so that one of them is found without walking the others.
//!
//! All numbers little endian.
//!
//! ```text
//!  0       envelope u8, 0 = plain
//!  1       flags u8, bit 0: has column stamps; bit 1: wide (u32) offsets, otherwise u16;
//!          bit 2: more is known of this key in the side space (merge/side.rs)
//!  2..4    columns present u16; later ones take the table's `missing` value
//!  4..8    causal length u32: odd = live, even = deleted
//!  8..16   row stamp: HLC u64
//! 16..20   row stamp: site ordinal u32
//! [20..]   if bit 0: bitmap of columns with a stamp of their own, then
//!          those stamps (HLC u64, site u32), in column order
//!          null bitmap (bit set = NULL)
//!          fixed area: a slot per column, the value itself or, for types of
//!          varying length, where the value ENDS in the variable area
//!          variable area
//! ```
//!
//! A tombstone is a head alone, with no columns and an even causal length.

mod codec;
mod layout;
mod read;
#[cfg(test)]
mod tests;
mod write;

#[cfg(feature = "columns")]
pub(crate) use codec::decode as decode_slot;
pub use codec::{decode_value, encode_value};
pub use layout::RowLayout;
pub use read::RowRef;
#[cfg(feature = "columns")]
pub(crate) use write::rebuild;
pub use write::{Change, assign_hlc, change, encode, set_side, tombstone, update, with_body};

use crate::clock::Hlc;
use crate::ids::SiteOrdinal;

pub const HEAD_BYTES: usize = 20;
/// Bytes of a column's own stamp.
pub(crate) const STAMP_BYTES: usize = 12;

/// Stands in stamps until the committer assigns the commit's time.
pub const PENDING: Hlc = Hlc::MAX;

const ENVELOPE_PLAIN: u8 = 0;
const FLAG_STAMPS: u8 = 1;
const FLAG_WIDE: u8 = 2;
const FLAG_SIDE: u8 = 4;
const KNOWN_FLAGS: u8 = FLAG_STAMPS | FLAG_WIDE | FLAG_SIDE;

/// When and where something was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Stamp {
    pub hlc: Hlc,
    pub site: SiteOrdinal,
}

impl Stamp {
    fn read(bytes: &[u8; STAMP_BYTES]) -> Stamp {
        let [h0, h1, h2, h3, h4, h5, h6, h7, site @ ..] = *bytes;
        Stamp {
            hlc: Hlc(u64::from_le_bytes([h0, h1, h2, h3, h4, h5, h6, h7])),
            site: SiteOrdinal(u32::from_le_bytes(site)),
        }
    }

    fn write(self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.hlc.0.to_le_bytes());
        out.extend_from_slice(&self.site.0.to_le_bytes());
    }
}

/// Bytes of a bitmap with a bit for each of `columns`.
fn bitmap_bytes(columns: usize) -> usize {
    columns.div_ceil(8)
}

fn bit(bitmap: &[u8], at: usize) -> bool {
    bitmap
        .get(at / 8)
        .is_some_and(|byte| byte & (1 << (at % 8)) != 0)
}
