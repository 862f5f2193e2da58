//! A backup from a file (or anything that is read in order), piece by piece.

use super::{Checked, Checker, HEAD_BYTES, Manifest, PREAMBLE_BYTES};
use crate::error::{Error, Result};
use std::io::Read;

/// Reads and checks everything there is; `each` gets every piece that was found good
/// and how many bytes were read for it.
pub fn read(
    source: &mut dyn Read,
    checker: &mut Checker,
    each: &mut dyn FnMut(Checked, u64) -> Result<()>,
) -> Result<Manifest> {
    let mut preamble = [0; PREAMBLE_BYTES];
    if fill(source, &mut preamble)? < PREAMBLE_BYTES {
        return Err(checker.cut());
    }
    checker.preamble(&preamble)?;
    let mut stored = Vec::new();
    loop {
        let mut head = [0; HEAD_BYTES];
        match fill(source, &mut head)? {
            0 => return checker.end(),
            HEAD_BYTES => {}
            _ => return Err(checker.cut()),
        }
        let head = checker.head(&head)?;
        stored.clear();
        // What is there decides how much is allocated, not what the head says.
        let wanted = u64::from(head.stored);
        let found = Read::take(&mut *source, wanted)
            .read_to_end(&mut stored)
            .map_err(Error::from)?;
        if (found as u64) < wanted {
            return Err(checker.cut());
        }
        let checked = checker.body(&head, &stored)?;
        each(checked, HEAD_BYTES as u64 + wanted)?;
    }
}

/// Reads until `buffer` is full or there is no more.
fn fill(source: &mut dyn Read, buffer: &mut [u8]) -> Result<usize> {
    let mut filled = 0;
    while let Some(rest) = buffer.get_mut(filled..).filter(|rest| !rest.is_empty()) {
        match source.read(rest) {
            Ok(0) => break,
            Ok(read) => filled += read,
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(filled)
}
