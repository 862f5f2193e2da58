//! A backup: the store as one moment shows it, as a stream of checked pieces.
//!
//! ```text
//! backup  envelope u8 (0 plain) | "ORBIT BACKUP" | zeros | version u16      16 bytes
//!         | piece: what it is of (JSON) | piece: entries ... | piece: manifest (JSON)
//! piece   envelope u8 (0 plain, 1 zstd) | kind u8 | 0 u16 | number u32 | entries u32
//!         | bytes u32 | stored bytes u32 | check of the head u32
//!         | check of the bytes u64                                          32 bytes
//!         | the bytes as stored
//! entry   key length u32 | value length u32 | key | value
//! ```
//!
//! Numbers are little endian, checks are xxh3. The check of the bytes is made from
//! the plain bytes where they are read from the store, so it holds all the way to
//! the store they are restored into, however they are packed in between. Entries
//! are those of one snapshot, in the order of the key spaces and of the keys: a
//! backup fits any kind of store.
//!
//! * `backup/take.rs`: a snapshot to pieces
//! * `backup/check.rs`: whether pieces are whole, in order, and all there
//! * `backup/read.rs`: from a file
//! * `backup/restore.rs`: pieces into an empty store

mod check;
mod read;
mod restore;
mod take;
#[cfg(test)]
mod tests;

use crate::clock::Hlc;
use crate::ids::{Incarnation, SiteId};
use crate::store::Space;
use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::xxh3_64_with_seed;

pub use check::{Checked, Checker, Unpack};
pub use read::read;
pub use restore::{Loader, write_identity};
pub use take::{BackupStream, StoreFacts};

pub const PREAMBLE_BYTES: usize = 16;
pub const HEAD_BYTES: usize = 32;
pub const PLAIN: u8 = 0;
pub const ZSTD: u8 = 1;
/// Older ones are read. The pieces are alike in all; since 2, rows may have slots that are
/// no column's, which a version that reads only 1 would take for columns; since 3, rows of
/// time series may lie in blocks, of which a version that reads only 2 knows nothing.
pub const VERSION: u16 = 3;
const MAGIC: &[u8; 12] = b"ORBIT BACKUP";

const KIND_ABOUT: u8 = 16;
const KIND_MANIFEST: u8 = 17;

/// What stands before the first piece.
pub fn preamble() -> [u8; PREAMBLE_BYTES] {
    let mut bytes = [0; PREAMBLE_BYTES];
    bytes[0] = PLAIN;
    bytes[1..13].copy_from_slice(MAGIC);
    bytes[14..].copy_from_slice(&VERSION.to_le_bytes());
    bytes
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// What the backup is of: the first piece.
    About,
    Entries(Space),
    /// What there must have been: the last piece.
    Manifest,
}

impl Kind {
    fn number(self) -> u8 {
        match self {
            Kind::Entries(space) => space as u8,
            Kind::About => KIND_ABOUT,
            Kind::Manifest => KIND_MANIFEST,
        }
    }

    fn of(number: u8) -> Option<Kind> {
        match number {
            KIND_ABOUT => Some(Kind::About),
            KIND_MANIFEST => Some(Kind::Manifest),
            number => Space::ALL
                .into_iter()
                .find(|space| *space as u8 == number)
                .map(Kind::Entries),
        }
    }
}

/// The head of a piece.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head {
    pub envelope: u8,
    pub kind: Kind,
    /// Counts from 0 over the whole backup.
    pub number: u32,
    pub entries: u32,
    pub bytes: u32,
    pub stored: u32,
    pub check: u64,
}

impl Head {
    fn of(kind: Kind, number: u32, entries: u32, plain: &[u8]) -> Head {
        let bytes = u32::try_from(plain.len()).unwrap_or(u32::MAX);
        Head {
            envelope: PLAIN,
            kind,
            number,
            entries,
            bytes,
            stored: bytes,
            check: xxh3_64_with_seed(plain, u64::from(number)),
        }
    }

    /// The same piece packed otherwise.
    pub fn packed(mut self, envelope: u8, stored: usize) -> Head {
        self.envelope = envelope;
        self.stored = u32::try_from(stored).unwrap_or(u32::MAX);
        self
    }

    pub fn to_bytes(self) -> [u8; HEAD_BYTES] {
        let mut out = [0; HEAD_BYTES];
        out[0] = self.envelope;
        out[1] = self.kind.number();
        out[4..8].copy_from_slice(&self.number.to_le_bytes());
        out[8..12].copy_from_slice(&self.entries.to_le_bytes());
        out[12..16].copy_from_slice(&self.bytes.to_le_bytes());
        out[16..20].copy_from_slice(&self.stored.to_le_bytes());
        out[24..].copy_from_slice(&self.check.to_le_bytes());
        let check = head_check(&out);
        out[20..24].copy_from_slice(&check.to_le_bytes());
        out
    }

    /// `None`: these bytes are no head of a piece.
    pub fn from_bytes(bytes: &[u8; HEAD_BYTES]) -> Option<Head> {
        let word = |at: usize| {
            let mut word = [0; 4];
            word.copy_from_slice(&bytes[at..at + 4]);
            u32::from_le_bytes(word)
        };
        if word(20) != head_check(bytes) || bytes[0] > ZSTD {
            return None;
        }
        let mut check = [0; 8];
        check.copy_from_slice(&bytes[24..]);
        Some(Head {
            envelope: bytes[0],
            kind: Kind::of(bytes[1])?,
            number: word(4),
            entries: word(8),
            bytes: word(12),
            stored: word(16),
            check: u64::from_le_bytes(check),
        })
    }
}

/// Over everything in the head but itself.
fn head_check(bytes: &[u8; HEAD_BYTES]) -> u32 {
    let mut covered = *bytes;
    covered[20..24].fill(0);
    xxh3_64_with_seed(&covered, 0x0b17) as u32
}

/// What a backup is of, known before its first row.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct About {
    /// The version of Orbit that took it.
    pub orbit: String,
    pub site: SiteId,
    pub incarnation: Incarnation,
    /// The kind of store it was taken from; it fits any other.
    pub store: String,
    /// Every commit up to this one is in it, and none after.
    pub position: Hlc,
    pub taken_at_micros: i64,
    /// For a progress bar.
    pub estimated_bytes: u64,
}

/// What must have come before it, so that a cut backup is told from a whole one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    pub about: About,
    /// Pieces before this one.
    pub pieces: u32,
    pub spaces: Vec<SpaceTotal>,
    /// Over the heads of all pieces, in order.
    pub check: u64,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SpaceTotal {
    pub space: String,
    pub entries: u64,
    pub bytes: u64,
}

impl Manifest {
    pub fn entries(&self) -> u64 {
        self.spaces.iter().map(|total| total.entries).sum()
    }

    pub fn bytes(&self) -> u64 {
        self.spaces.iter().map(|total| total.bytes).sum()
    }
}

fn space_name(space: Space) -> &'static str {
    match space {
        Space::Data => "data",
        Space::Index => "index",
        Space::Side => "side",
        Space::Log => "log",
        Space::Delta => "delta",
        Space::Meta => "meta",
    }
}

/// What both ends count while pieces go by; equal ends are equal backups.
#[derive(Default)]
struct Tally {
    pieces: u32,
    totals: [(u64, u64); Space::ALL.len()],
    check: xxhash_rust::xxh3::Xxh3,
}

impl Tally {
    fn add(&mut self, head: &Head) {
        self.pieces += 1;
        self.check.update(&[head.kind.number()]);
        self.check.update(&head.number.to_le_bytes());
        self.check.update(&head.entries.to_le_bytes());
        self.check.update(&head.bytes.to_le_bytes());
        self.check.update(&head.check.to_le_bytes());
        if let Kind::Entries(space) = head.kind
            && let Some((entries, bytes)) = self.totals.get_mut(space as usize)
        {
            *entries += u64::from(head.entries);
            *bytes += u64::from(head.bytes);
        }
    }

    fn manifest(&self, about: About) -> Manifest {
        let spaces = Space::ALL.into_iter().zip(self.totals);
        Manifest {
            about,
            pieces: self.pieces,
            spaces: spaces
                .map(|(space, (entries, bytes))| SpaceTotal {
                    space: space_name(space).to_owned(),
                    entries,
                    bytes,
                })
                .collect(),
            check: self.check.digest(),
        }
    }
}
