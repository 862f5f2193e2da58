//! Whether pieces are whole, in order, and all there. Fed with bytes as they come.

use super::{About, HEAD_BYTES, Head, Kind, Manifest, PREAMBLE_BYTES, Tally, VERSION, preamble};
use crate::error::{Error, Result, state};
use crate::meta;
use crate::store::Space;
use xxhash_rust::xxh3::xxh3_64_with_seed;

/// A piece that was found good, with its bytes as they were in the store.
#[derive(Debug)]
pub enum Checked {
    About(About),
    Entries(Space, Vec<u8>),
    Manifest(Manifest),
}

/// Turns stored bytes of an envelope into plain ones of the length given.
pub type Unpack = fn(envelope: u8, stored: &[u8], bytes: usize) -> Option<Vec<u8>>;

/// Judges a backup piece by piece. `name` is what errors call it.
pub struct Checker {
    name: String,
    unpack: Unpack,
    /// Bytes judged so far.
    at: u64,
    tally: Tally,
    about: Option<About>,
    manifest: Option<Manifest>,
    last: Option<(Space, Vec<u8>)>,
}

impl Checker {
    pub fn new(name: impl Into<String>, unpack: Unpack) -> Checker {
        Checker {
            name: name.into(),
            unpack,
            at: 0,
            tally: Tally::default(),
            about: None,
            manifest: None,
            last: None,
        }
    }

    pub fn preamble(&mut self, bytes: &[u8; PREAMBLE_BYTES]) -> Result<()> {
        let wanted = preamble();
        if bytes[..14] != wanted[..14] {
            return Err(Error::new(
                state::DATA_CORRUPTED,
                format!(
                    "{} is not a backup of Orbit, or its first bytes are damaged",
                    self.name
                ),
            )
            .with_hint("Give the file that `orbit backup` wrote."));
        }
        let version = u16::from_le_bytes([bytes[14], bytes[15]]);
        if !(1..=VERSION).contains(&version) {
            return Err(Error::new(
                state::OBJECT_NOT_IN_PREREQUISITE_STATE,
                format!(
                    "{} has format {version}, this version of Orbit reads up to {VERSION}",
                    self.name
                ),
            )
            .with_hint("Restore it with the version of Orbit that wrote it."));
        }
        self.at = PREAMBLE_BYTES as u64;
        Ok(())
    }

    pub fn head(&mut self, bytes: &[u8; HEAD_BYTES]) -> Result<Head> {
        if self.manifest.is_some() {
            return Err(self.damaged("it goes on after its end"));
        }
        let Some(head) = Head::from_bytes(bytes) else {
            return Err(self.damaged("the head of a piece doesn't match its checksum"));
        };
        if head.number != self.tally.pieces {
            return Err(self.damaged(&format!(
                "piece {} stands where piece {} belongs",
                head.number, self.tally.pieces
            )));
        }
        if (head.number == 0) != (head.kind == Kind::About) {
            return Err(self.damaged("its first piece doesn't say what it is of"));
        }
        Ok(head)
    }

    /// The stored bytes of the piece whose head was just given.
    pub fn body(&mut self, head: &Head, stored: &[u8]) -> Result<Checked> {
        let plain = match head.envelope {
            super::PLAIN => Some(stored.to_vec()),
            envelope => (self.unpack)(envelope, stored, head.bytes as usize),
        };
        let Some(plain) = plain.filter(|plain| {
            plain.len() == head.bytes as usize
                && xxh3_64_with_seed(plain, u64::from(head.number)) == head.check
        }) else {
            return Err(self.damaged(&format!(
                "the bytes of piece {} don't match their checksum",
                head.number
            )));
        };
        let checked = match head.kind {
            Kind::About => {
                let about: About = self.read(&plain, "what it is of")?;
                self.about = Some(about.clone());
                Checked::About(about)
            }
            Kind::Entries(space) => {
                self.ascending(space, head, &plain)?;
                Checked::Entries(space, plain)
            }
            Kind::Manifest => {
                let manifest: Manifest = self.read(&plain, "the manifest")?;
                let found = self.about.clone().map(|about| self.tally.manifest(about));
                if found.as_ref() != Some(&manifest) {
                    return Err(self.damaged("its pieces are not those its manifest tells of"));
                }
                self.manifest = Some(manifest.clone());
                Checked::Manifest(manifest)
            }
        };
        self.tally.add(head);
        self.at += HEAD_BYTES as u64 + u64::from(head.stored);
        Ok(checked)
    }

    /// Keys rise through the whole of a space: nothing is there twice.
    fn ascending(&mut self, space: Space, head: &Head, plain: &[u8]) -> Result<()> {
        let mut last = match self.last.take() {
            Some((of, key)) if of == space => Some(key),
            Some((of, _)) if of > space => {
                return Err(self.damaged("its key spaces are out of order"));
            }
            _ => None,
        };
        let mut count = 0;
        for entry in entries(plain) {
            let Some((key, _)) = entry else {
                return Err(self.damaged(&format!("an entry of piece {} is cut", head.number)));
            };
            if last.as_deref().is_some_and(|last| last >= key) {
                return Err(self.damaged(&format!("piece {} has keys out of order", head.number)));
            }
            let last = last.get_or_insert_default();
            last.clear();
            last.extend_from_slice(key);
            count += 1;
        }
        if count != head.entries {
            return Err(self.damaged(&format!(
                "piece {} has {count} entries instead of {}",
                head.number, head.entries
            )));
        }
        self.last = last.map(|key| (space, key));
        Ok(())
    }

    fn read<T: serde::de::DeserializeOwned>(&self, plain: &[u8], what: &str) -> Result<T> {
        meta::parse(plain, what).map_err(|_| self.damaged(&format!("{what} can't be read")))
    }

    /// There is nothing more to come.
    pub fn end(&mut self) -> Result<Manifest> {
        match self.manifest.take() {
            Some(manifest) => Ok(manifest),
            None => Err(self.cut()),
        }
    }

    /// It ends where a piece, or the rest of one, belongs.
    pub fn cut(&self) -> Error {
        Error::corrupted(format!("{} is cut off", self.name))
            .with_detail(format!(
                "It ends within or after piece {}, behind byte {}; the manifest, its last piece, is missing.",
                self.tally.pieces, self.at
            ))
            .with_hint(ANOTHER)
    }

    fn damaged(&self, what: &str) -> Error {
        Error::corrupted(format!("{} is damaged", self.name))
            .with_detail(format!("At byte {}: {what}.", self.at))
            .with_hint(ANOTHER)
    }
}

const ANOTHER: &str = "Nothing was restored from it. Take another backup, or fetch this one again from where it is kept.";

/// The entries of a piece; `None` for one whose lengths lead out of it.
pub(super) fn entries(plain: &[u8]) -> impl Iterator<Item = Option<(&[u8], &[u8])>> {
    let mut rest = plain;
    let mut broken = false;
    std::iter::from_fn(move || {
        if rest.is_empty() || broken {
            return None;
        }
        let entry = split(rest);
        match entry {
            Some((_, _, after)) => rest = after,
            None => broken = true,
        }
        Some(entry.map(|(key, value, _)| (key, value)))
    })
}

fn split(bytes: &[u8]) -> Option<(&[u8], &[u8], &[u8])> {
    let (key_length, rest) = bytes.split_first_chunk::<4>()?;
    let (value_length, rest) = rest.split_first_chunk::<4>()?;
    let (key, rest) = rest.split_at_checked(u32::from_le_bytes(*key_length) as usize)?;
    let (value, rest) = rest.split_at_checked(u32::from_le_bytes(*value_length) as usize)?;
    Some((key, value, rest))
}
