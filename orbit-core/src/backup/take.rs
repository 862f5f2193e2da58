//! A snapshot to pieces, one at a time: nothing but the piece in hand is held.

use super::{About, Head, Kind, Tally, preamble};
use crate::database::Database;
use crate::error::{Error, Result};
use crate::merge;
use crate::meta::{self, Next};
use crate::store::{Cursor, Direction, KeyRange, Snapshot, Space, successor};
use std::sync::Arc;

/// Pieces are closed once they have grown to this; one large value makes a larger one.
const PIECE_BYTES: usize = 256 << 10;

/// What a backup says of the store it was taken from.
pub struct StoreFacts {
    pub about: About,
    pub snapshot: Arc<dyn Snapshot>,
}

enum Step {
    Preamble,
    About,
    Entries,
    Manifest,
    Done,
}

/// A backup being taken. Holds its snapshot until it is dropped.
pub struct BackupStream {
    snapshot: Arc<dyn Snapshot>,
    about: About,
    step: Step,
    spaces: std::slice::Iter<'static, Space>,
    cursor: Option<(Space, Box<dyn Cursor>)>,
    /// Ranges from this storage on were made after the snapshot.
    next_storage: u32,
    number: u32,
    tally: Tally,
}

const SPACES: &[Space] = &Space::ALL;

impl BackupStream {
    /// Of everything acknowledged up to now. Writers go on meanwhile.
    pub fn of(database: &Database, version: &str) -> Result<BackupStream> {
        let view = database.durable();
        let store = database.store();
        let about = About {
            orbit: version.to_owned(),
            site: database.site(),
            incarnation: database.incarnation(),
            store: store.name().to_owned(),
            position: view.position,
            taken_at_micros: database.clock().wall_micros(),
            estimated_bytes: store.sizes()?.disk_bytes,
        };
        BackupStream::new(StoreFacts {
            about,
            snapshot: view.snapshot.clone(),
        })
    }

    pub fn new(facts: StoreFacts) -> Result<BackupStream> {
        let mut next = Vec::new();
        let next_storage = match facts.snapshot.get(Space::Meta, meta::NEXT, &mut next)? {
            true => meta::parse::<Next>(&next, "counters")?.storage,
            false => Next::default().storage,
        };
        Ok(BackupStream {
            snapshot: facts.snapshot,
            about: facts.about,
            step: Step::Preamble,
            spaces: SPACES.iter(),
            cursor: None,
            next_storage,
            number: 0,
            tally: Tally::default(),
        })
    }

    pub fn about(&self) -> &About {
        &self.about
    }

    /// The next bytes of the backup, one piece of it; `None` at the end.
    #[allow(clippy::should_implement_trait)]
    pub fn next(&mut self) -> Result<Option<Vec<u8>>> {
        match self.step {
            Step::Preamble => {
                self.step = Step::About;
                Ok(Some(preamble().to_vec()))
            }
            Step::About => {
                self.step = Step::Entries;
                let about = meta::json(&self.about)?;
                self.piece(Kind::About, 0, about).map(Some)
            }
            Step::Entries => match self.entries()? {
                Some(piece) => Ok(Some(piece)),
                None => {
                    self.step = Step::Manifest;
                    self.next()
                }
            },
            Step::Manifest => {
                self.step = Step::Done;
                let manifest = meta::json(&self.tally.manifest(self.about.clone()))?;
                self.piece(Kind::Manifest, 0, manifest).map(Some)
            }
            Step::Done => Ok(None),
        }
    }

    fn piece(&mut self, kind: Kind, entries: u32, plain: Vec<u8>) -> Result<Vec<u8>> {
        if u32::try_from(plain.len()).is_err() {
            return Err(Error::internal("a piece of a backup is larger than 4 GB"));
        }
        let head = Head::of(kind, self.number, entries, &plain);
        self.number += 1;
        self.tally.add(&head);
        let mut out = Vec::with_capacity(super::HEAD_BYTES + plain.len());
        out.extend_from_slice(&head.to_bytes());
        out.extend_from_slice(&plain);
        Ok(out)
    }

    fn entries(&mut self) -> Result<Option<Vec<u8>>> {
        loop {
            let (space, mut cursor) = match self.cursor.take() {
                Some(open) => open,
                None => {
                    let Some(space) = self.spaces.next().copied() else {
                        return Ok(None);
                    };
                    let snapshot = self.snapshot.clone();
                    let cursor = snapshot.scan(space, KeyRange::default(), Direction::Forward)?;
                    (space, cursor)
                }
            };
            let mut plain = Vec::with_capacity(PIECE_BYTES + 1024);
            let mut entries = 0;
            let mut more = true;
            while plain.len() < PIECE_BYTES {
                more = cursor.advance()?;
                while more && self.is_later(space, cursor.key()) {
                    let past = successor(cursor.key().get(..8).unwrap_or_default());
                    more = !past.is_empty() && cursor.seek(&past)?;
                }
                if !more {
                    break;
                }
                put_entry(&mut plain, cursor.key(), cursor.value())?;
                entries += 1;
            }
            if more {
                self.cursor = Some((space, cursor));
            }
            if entries > 0 {
                return self.piece(Kind::Entries(space), entries, plain).map(Some);
            }
        }
    }

    /// A bulk load puts whole files into a range of its own, which older snapshots
    /// may see though they know nothing of it. The range's number tells.
    fn is_later(&self, space: Space, key: &[u8]) -> bool {
        matches!(space, Space::Data | Space::Index | Space::Side)
            && key
                .get(4..8)
                .and_then(|storage| storage.try_into().ok())
                .map(u32::from_be_bytes)
                .map(|storage| match space {
                    Space::Side => merge::side::table_storage(storage),
                    _ => storage,
                })
                .is_some_and(|storage| storage >= self.next_storage)
    }
}

fn put_entry(plain: &mut Vec<u8>, key: &[u8], value: &[u8]) -> Result<()> {
    let length = |bytes: &[u8]| {
        u32::try_from(bytes.len()).map_err(|_| Error::internal("a stored value of 4 GB"))
    };
    plain.extend_from_slice(&length(key)?.to_le_bytes());
    plain.extend_from_slice(&length(value)?.to_le_bytes());
    plain.extend_from_slice(key);
    plain.extend_from_slice(value);
    Ok(())
}
