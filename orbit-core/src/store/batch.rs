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

    pub fn clear(&mut self) {
        self.bytes.clear();
        self.entries.clear();
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
