//! One block of a log file: its fragments, and which damage a crash can leave.

use super::crc32c::{crc32c, masked};

pub(super) const BLOCK_BYTES: usize = 32 << 10;
const HEAD_BYTES: usize = 7;
/// The unit a disk writes whole or not at all.
const SECTOR_BYTES: usize = 512;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Kind {
    /// A record in one piece.
    Full,
    First,
    Middle,
    Last,
    /// RocksDB's notes about the log itself.
    Note,
}

impl Kind {
    fn of(byte: u8) -> Option<Kind> {
        match byte {
            1 => Some(Kind::Full),
            2 => Some(Kind::First),
            3 => Some(Kind::Middle),
            4 => Some(Kind::Last),
            // Types with the high bit may be passed over, RocksDB says.
            9 | 10 | 128.. => Some(Kind::Note),
            _ => None,
        }
    }
}

#[derive(PartialEq, Eq, Debug)]
pub(super) enum Fragment<'a> {
    Whole {
        kind: Kind,
        payload: &'a [u8],
        end: usize,
    },
    /// Bytes as a write leaves that power loss cut short.
    Torn,
    /// Bytes that were written whole and are something else now.
    Damaged,
}

/// The fragment at `position`; `None` at the end of the block. A block shorter
/// than [`BLOCK_BYTES`] is the file's last.
pub(super) fn read(block: &[u8], position: usize) -> Option<Fragment<'_>> {
    let rest = block.get(position..)?;
    if rest.len() < HEAD_BYTES {
        // A full block is filled up with zeros where no head fits any more.
        return (block.len() < BLOCK_BYTES && !rest.is_empty()).then_some(Fragment::Torn);
    }
    if let Some((kind, payload)) = whole(rest, length(rest)?) {
        let end = position + HEAD_BYTES + payload.len();
        return Some(Fragment::Whole { kind, payload, end });
    }
    Some(if torn_explains(block, position) {
        Fragment::Torn
    } else {
        Fragment::Damaged
    })
}

fn length(rest: &[u8]) -> Option<usize> {
    let bytes = rest.get(4..6)?.try_into().ok()?;
    Some(usize::from(u16::from_le_bytes(bytes)))
}

fn whole(rest: &[u8], length: usize) -> Option<(Kind, &[u8])> {
    let kind = Kind::of(*rest.get(6)?)?;
    let sum = u32::from_le_bytes(rest.get(..4)?.try_into().ok()?);
    let payload = rest.get(HEAD_BYTES..HEAD_BYTES + length)?;
    let summed = rest.get(HEAD_BYTES - 1..HEAD_BYTES + length)?;
    (masked(crc32c(summed)) == sum).then_some((kind, payload))
}

/// Whether a write of this fragment that didn't reach the disk whole can have
/// left these bytes. RocksDB hands each record to the kernel at once and the
/// file only grows, so a sector that missed the write has zeros from the
/// fragment's beginning, or its own, to its end; or the file ends early.
fn torn_explains(block: &[u8], position: usize) -> bool {
    let Some(rest) = block.get(position..) else {
        return true;
    };
    let Some(length) = length(rest) else {
        return true;
    };
    let end = position + HEAD_BYTES + length;
    if end > block.len() {
        // The file ends within the fragment; unless the fragment is all there
        // and only its length is wrong. No fragment goes beyond a full block.
        let next = next_whole(block, position + 1);
        let there = (next - position).checked_sub(HEAD_BYTES);
        return block.len() < BLOCK_BYTES
            && there.is_none_or(|length| whole(rest, length).is_none());
    }
    (position / SECTOR_BYTES..=(end - 1) / SECTOR_BYTES).any(|sector| {
        let from = position.max(sector * SECTOR_BYTES);
        let to = block.len().min((sector + 1) * SECTOR_BYTES);
        block
            .get(from..to)
            .is_some_and(|missed| missed.iter().all(|byte| *byte == 0))
    })
}

/// Where, from `position` on, the next whole fragment of a record begins; the
/// block's end if none does.
pub(super) fn next_whole(block: &[u8], position: usize) -> usize {
    (position..block.len())
        .find(|position| {
            block
                .get(*position..)
                .and_then(|rest| whole(rest, length(rest)?))
                .is_some_and(|(kind, _)| kind != Kind::Note)
        })
        .unwrap_or(block.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fragment(payload: &[u8]) -> Vec<u8> {
        let mut summed = vec![1];
        summed.extend_from_slice(payload);
        let mut bytes = masked(crc32c(&summed)).to_le_bytes().to_vec();
        bytes.extend_from_slice(&(payload.len() as u16).to_le_bytes());
        bytes.extend(summed);
        bytes
    }

    fn kind_at(block: &[u8], position: usize) -> &'static str {
        match read(block, position) {
            None => "end",
            Some(Fragment::Whole { .. }) => "whole",
            Some(Fragment::Torn) => "torn",
            Some(Fragment::Damaged) => "damaged",
        }
    }

    #[test]
    fn a_whole_fragment_is_read() {
        let mut block = fragment(b"one");
        let first = block.len();
        block.extend(fragment(b""));
        let Some(Fragment::Whole { kind, payload, end }) = read(&block, 0) else {
            panic!("not read");
        };
        assert_eq!((kind, payload, end), (Kind::Full, &b"one"[..], first));
        assert_eq!(kind_at(&block, first), "whole");
        assert_eq!(kind_at(&block, block.len()), "end");
    }

    #[test]
    fn every_cut_is_torn() {
        let block = fragment(&[7; 2000]);
        for length in 1..block.len() {
            assert_eq!(kind_at(&block[..length], 0), "torn", "{length}");
        }
    }

    #[test]
    fn every_flipped_bit_is_damage() {
        for follower in [false, true] {
            let mut block = fragment(&[7; 600]);
            let length = block.len();
            if follower {
                block.extend(fragment(b"more"));
            }
            for bit in 0..length * 8 {
                block[bit / 8] ^= 1 << (bit % 8);
                assert_eq!(kind_at(&block, 0), "damaged", "{follower} {bit}");
                block[bit / 8] ^= 1 << (bit % 8);
            }
        }
    }

    #[test]
    fn lost_sectors_are_torn() {
        let mut block = vec![9; 300];
        block.extend(fragment(&[7; 2000]));
        block.extend(fragment(b"what was written later"));
        for sector in 0..5 {
            let mut lost = block.clone();
            let from = 300.max(sector * SECTOR_BYTES);
            let to = lost.len().min((sector + 1) * SECTOR_BYTES);
            lost[from..to].fill(0);
            assert_eq!(kind_at(&lost, 300), "torn", "{sector}");
        }
    }

    #[test]
    fn the_next_whole_fragment_is_found() {
        let mut block = fragment(b"one");
        let second = block.len();
        block.extend(fragment(b"two"));
        block[8] ^= 1;
        assert_eq!(next_whole(&block, 1), second);
        assert_eq!(next_whole(&block, second + 1), block.len());
    }
}
