//! The segments of one table's storage: which keys each covers, as of when, and what is
//! known of its columns without opening it.

use crate::catalog::ColumnStatistics;
use crate::clock::Hlc;
use crate::ids::{PartitionId, StorageId};
use crate::key;
use crate::store::KeyRange;
use serde::{Deserialize, Serialize};

/// A segment, for its whole life; its file is named by it.
#[derive(
    Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Serialize, Deserialize, Default,
)]
pub struct SegmentId(pub u64);

impl std::fmt::Display for SegmentId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "G{}", self.0)
    }
}

/// A stretch of a segment that is read as one: a row group of its file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Group {
    /// Its range of primary keys begins here; it ends where the next one's begins.
    #[serde(with = "hex")]
    pub first_key: Vec<u8>,
    pub rows: u64,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Segment {
    pub id: SegmentId,
    /// Its rows are those of its keys at this moment.
    pub position: Hlc,
    /// At least one; the first begins where the segment's range does.
    pub groups: Vec<Group>,
    /// Of the file.
    pub bytes: u64,
    /// Where its footer begins, which says where the rest is.
    pub footer: u64,
    /// xxh3-64 of the pieces of the file: of its footer, then group by group of each column.
    #[serde(with = "hex_words", default)]
    pub checks: Vec<u64>,
    /// By slot of the row; slots that are no column's are empty.
    pub columns: Vec<ColumnStatistics>,
}

impl Segment {
    pub fn rows(&self) -> u64 {
        self.groups.iter().map(|group| group.rows).sum()
    }

    pub fn first_key(&self) -> &[u8] {
        self.groups.first().map_or(&[], |group| &group.first_key)
    }
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Manifest {
    pub partition: PartitionId,
    pub storage: StorageId,
    /// The delta names every key written after this.
    pub since: Hlc,
    /// In the order of their keys, which they cover from the first to the last. None yet:
    /// the copy is being made.
    pub segments: Vec<Segment>,
}

impl Manifest {
    pub fn new(partition: PartitionId, storage: StorageId, since: Hlc) -> Manifest {
        Manifest {
            partition,
            storage,
            since,
            segments: Vec::new(),
        }
    }

    /// Whether there is a copy to read.
    pub fn is_complete(&self) -> bool {
        !self.segments.is_empty()
    }

    pub fn rows(&self) -> u64 {
        self.segments.iter().map(Segment::rows).sum()
    }

    pub fn bytes(&self) -> u64 {
        self.segments.iter().map(|segment| segment.bytes).sum()
    }

    /// The place of the segment that a primary key belongs to.
    pub fn segment_of(&self, pk: &[u8]) -> usize {
        self.segments
            .partition_point(|segment| segment.first_key() <= pk)
            .saturating_sub(1)
    }

    /// The primary keys of a segment; an empty end means to the last.
    pub fn range_of(&self, place: usize) -> KeyRange {
        let start = |place: usize| self.segments.get(place).map(Segment::first_key);
        KeyRange {
            start: start(place).unwrap_or_default().to_vec(),
            end: start(place + 1).unwrap_or_default().to_vec(),
        }
    }

    /// The primary keys of one group of a segment.
    pub fn range_of_group(&self, segment: usize, group: usize) -> KeyRange {
        let whole = self.range_of(segment);
        let first = |place: usize| {
            let segment = self.segments.get(segment)?;
            segment
                .groups
                .get(place)
                .map(|group| group.first_key.clone())
        };
        KeyRange {
            start: first(group).unwrap_or(whole.start),
            end: first(group + 1).unwrap_or(whole.end),
        }
    }

    /// The delta up to here is in every segment.
    pub fn needed_after(&self) -> Hlc {
        let oldest = self.segments.iter().map(|segment| segment.position).min();
        oldest.unwrap_or(self.since)
    }

    pub(super) fn delta_start(&self) -> Vec<u8> {
        key::data_prefix(self.partition, self.storage).to_vec()
    }
}

mod hex {
    use serde::{Deserialize, Deserializer, Serializer, de};

    pub fn serialize<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
        use std::fmt::Write;
        let mut text = String::with_capacity(bytes.len() * 2);
        for byte in bytes {
            let _ = write!(text, "{byte:02x}");
        }
        serializer.serialize_str(&text)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u8>, D::Error> {
        let text = String::deserialize(deserializer)?;
        let odd = || de::Error::custom("a key is not hexadecimal");
        let digits: Vec<u32> = text
            .chars()
            .map(|digit| digit.to_digit(16))
            .collect::<Option<_>>()
            .ok_or_else(odd)?;
        if !digits.len().is_multiple_of(2) {
            return Err(odd());
        }
        let pairs = digits.chunks_exact(2);
        Ok(pairs.map(|pair| (pair[0] << 4 | pair[1]) as u8).collect())
    }
}

mod hex_words {
    use serde::{Deserializer, Serializer, de};

    pub fn serialize<S: Serializer>(words: &[u64], serializer: S) -> Result<S::Ok, S::Error> {
        let bytes: Vec<u8> = words.iter().flat_map(|word| word.to_be_bytes()).collect();
        super::hex::serialize(&bytes, serializer)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u64>, D::Error> {
        let bytes = super::hex::deserialize(deserializer)?;
        let (words, rest) = bytes.as_chunks::<8>();
        if !rest.is_empty() {
            return Err(de::Error::custom("a check is cut short"));
        }
        Ok(words.iter().map(|word| u64::from_be_bytes(*word)).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn manifest() -> Manifest {
        let segment = |id: u64, position: u64, keys: &[&[u8]]| Segment {
            id: SegmentId(id),
            position: Hlc(position),
            groups: keys
                .iter()
                .map(|key| Group {
                    first_key: key.to_vec(),
                    rows: 10,
                })
                .collect(),
            bytes: 100,
            footer: 90,
            checks: vec![1, u64::MAX],
            columns: Vec::new(),
        };
        Manifest {
            partition: PartitionId(1),
            storage: StorageId(2),
            since: Hlc(5),
            segments: vec![
                segment(1, 40, &[b"", b"c"]),
                segment(2, 70, &[b"m"]),
                segment(3, 55, &[b"p", b"t"]),
            ],
        }
    }

    #[test]
    fn every_key_has_its_segment() {
        let manifest = manifest();
        for (key, place) in [
            (&b""[..], 0),
            (b"a", 0),
            (b"m", 1),
            (b"n", 1),
            (b"p", 2),
            (b"zz", 2),
        ] {
            assert_eq!(manifest.segment_of(key), place, "{key:?}");
        }
    }

    #[test]
    fn ranges_of_groups_meet_without_gap() {
        let manifest = manifest();
        let mut end = Vec::new();
        for (place, segment) in manifest.segments.iter().enumerate() {
            for group in 0..segment.groups.len() {
                let range = manifest.range_of_group(place, group);
                assert_eq!(range.start, end);
                end = range.end;
            }
        }
        assert_eq!(end, b"");
    }

    #[test]
    fn the_delta_is_needed_by_the_oldest_segment() {
        let mut manifest = manifest();
        assert_eq!(manifest.needed_after(), Hlc(40));
        manifest.segments.clear();
        assert_eq!(manifest.needed_after(), Hlc(5));
    }

    #[test]
    fn a_manifest_reads_back_as_it_was_written() {
        let manifest = manifest();
        let json = serde_json::to_string(&manifest).unwrap();
        let back: Manifest = serde_json::from_str(&json).unwrap();
        assert_eq!(back.segments[2].groups, manifest.segments[2].groups);
        assert_eq!(back.segments[2].checks, manifest.segments[2].checks);
        assert!(serde_json::from_str::<Manifest>(&json.replace("\"63\"", "\"6\"")).is_err());
        assert!(serde_json::from_str::<Manifest>(&json.replace("\"63\"", "\"6é\"")).is_err());
    }
}
