//! One atomic change of the store: a flat buffer, reused from commit to commit.

use super::Space;

/// One step of a batch, borrowed from it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Op<'a> {
    Put {
        space: Space,
        key: &'a [u8],
        value: &'a [u8],
    },
    Delete {
        space: Space,
        key: &'a [u8],
    },
    /// Every key in `start <= key < end`.
    DeleteRange {
        space: Space,
        start: &'a [u8],
        end: &'a [u8],
    },
}

#[derive(Clone, Copy)]
enum Kind {
    Put,
    Delete,
    DeleteRange,
}

#[derive(Clone, Copy)]
struct Entry {
    kind: Kind,
    space: Space,
    start: usize,
    middle: usize,
    end: usize,
}

/// What a batch that is cleared keeps to be filled again, of its bytes and of its steps.
const KEPT_BYTES: usize = 1 << 20;

/// Later steps win over earlier ones.
#[derive(Default)]
pub struct Batch {
    bytes: Vec<u8>,
    entries: Vec<Entry>,
}

impl Batch {
    pub fn new() -> Batch {
        Batch::default()
    }

    fn push(&mut self, kind: Kind, space: Space, first: &[u8], second: &[u8]) {
        let start = self.bytes.len();
        self.bytes.extend_from_slice(first);
        let middle = self.bytes.len();
        self.bytes.extend_from_slice(second);
        let end = self.bytes.len();
        self.entries.push(Entry {
            kind,
            space,
            start,
            middle,
            end,
        });
    }

    pub fn put(&mut self, space: Space, key: &[u8], value: &[u8]) {
        self.push(Kind::Put, space, key, value);
    }

    pub fn delete(&mut self, space: Space, key: &[u8]) {
        self.push(Kind::Delete, space, key, &[]);
    }

    pub fn delete_range(&mut self, space: Space, start: &[u8], end: &[u8]) {
        self.push(Kind::DeleteRange, space, start, end);
    }

    /// All steps of another, after those that are in.
    pub fn append(&mut self, other: &Batch) {
        for op in other.iter() {
            match op {
                Op::Put { space, key, value } => self.put(space, key, value),
                Op::Delete { space, key } => self.delete(space, key),
                Op::DeleteRange { space, start, end } => self.delete_range(space, start, end),
            }
        }
    }

    /// The value of the newest `put`, to be patched in place.
    pub fn last_value_mut(&mut self) -> Option<&mut [u8]> {
        let entry = self.entries.last()?;
        self.bytes.get_mut(entry.middle..entry.end)
    }

    pub fn iter(&self) -> impl ExactSizeIterator<Item = Op<'_>> {
        self.entries.iter().map(|entry| {
            let first = &self.bytes[entry.start..entry.middle];
            let second = &self.bytes[entry.middle..entry.end];
            let space = entry.space;
            match entry.kind {
                Kind::Put => Op::Put {
                    space,
                    key: first,
                    value: second,
                },
                Kind::Delete => Op::Delete { space, key: first },
                Kind::DeleteRange => Op::DeleteRange {
                    space,
                    start: first,
                    end: second,
                },
            }
        })
    }

    /// Empty again. What one large batch took is given back, for the small ones after it.
    pub fn clear(&mut self) {
        self.bytes.clear();
        self.bytes.shrink_to(KEPT_BYTES);
        self.entries.clear();
        self.entries.shrink_to(KEPT_BYTES / size_of::<Entry>());
    }

    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    pub fn len(&self) -> usize {
        self.entries.len()
    }

    pub fn bytes(&self) -> usize {
        self.bytes.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_large_batch_leaves_no_large_one_behind() {
        let mut batch = Batch::new();
        for number in 0..100_000_u32 {
            batch.put(Space::Data, &number.to_be_bytes(), &[7; 100]);
        }
        batch.clear();
        assert!(batch.bytes.capacity() <= KEPT_BYTES);
        assert!(batch.entries.capacity() * size_of::<Entry>() <= KEPT_BYTES);
        batch.put(Space::Data, b"key", b"value");
        let before = batch.bytes.capacity();
        batch.clear();
        assert_eq!(batch.bytes.capacity(), before);
    }
}
