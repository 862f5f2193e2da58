//! The note that goes with every batch into the log, and nowhere else.

/// What the writer knew when it wrote a batch.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(in crate::store::rocks) struct Mark {
    /// The first log file since the store was opened: files with lower numbers
    /// had been read and moved into tables by then and are no longer needed.
    pub first_file: u64,
    /// Of this batch, from 0 since the store was opened.
    pub number: u64,
    /// The batches with lower numbers had been synced.
    pub synced: u64,
}

pub(in crate::store::rocks) const MARK_BYTES: usize = 28;
const MAGIC: [u8; 4] = *b"Orb1";
/// Sequence number (8 bytes) and count (4).
const BATCH_HEAD_BYTES: usize = 12;
/// RocksDB's tag for data that goes to the log only.
const LOG_DATA_TAG: u8 = 3;

impl Mark {
    pub fn to_bytes(self) -> [u8; MARK_BYTES] {
        let mut bytes = [0; MARK_BYTES];
        let (magic, numbers) = bytes.split_at_mut(MAGIC.len());
        magic.copy_from_slice(&MAGIC);
        let fields = [self.first_file, self.number, self.synced];
        for (place, field) in numbers.chunks_exact_mut(8).zip(fields) {
            place.copy_from_slice(&field.to_le_bytes());
        }
        bytes
    }

    /// The mark at the head of a batch as the log has it; others have none.
    pub(super) fn of_batch(record: &[u8]) -> Option<Mark> {
        let (tag, rest) = record.get(BATCH_HEAD_BYTES..)?.split_first()?;
        let (length, rest) = rest.split_first()?;
        let rest = rest.strip_prefix(&MAGIC)?;
        if (*tag, usize::from(*length)) != (LOG_DATA_TAG, MARK_BYTES) {
            return None;
        }
        let field = |place: usize| {
            let bytes = rest.get(place * 8..place * 8 + 8)?;
            Some(u64::from_le_bytes(bytes.try_into().ok()?))
        };
        Some(Mark {
            first_file: field(0)?,
            number: field(1)?,
            synced: field(2)?,
        })
    }
}
