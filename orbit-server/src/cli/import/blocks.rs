//! A CSV file as blocks of whole records, read in order, unpacked on the way.

use super::scan::{newlines, quotes};
use crate::cli::Failure;
use flate2::read::MultiGzDecoder;
use orbit_core::{Error, state};
use parking_lot::Mutex;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::Arc;

const BLOCK_BYTES: usize = 256 << 10;
/// A longer row is taken for a quote that was never closed.
const MAX_RECORD_BYTES: usize = 64 << 20;
/// A first line longer than this is no header.
const MAX_HEADER_BYTES: usize = 1 << 20;

/// Whole records, and the line of the file the first one stands on.
#[derive(Clone, Debug)]
pub struct Block {
    pub bytes: bytes::Bytes,
    pub first_line: u64,
}

enum Input {
    Plain(File),
    Gzip(Box<MultiGzDecoder<File>>),
}

pub struct Blocks {
    path: PathBuf,
    input: Input,
    /// Bytes read behind the last whole record.
    carry: Vec<u8>,
    spare: Arc<Spare>,
    line: u64,
    ended: bool,
    /// Quotes may hold newlines (CSV); otherwise every newline ends a record.
    quoting: bool,
}

/// Buffers of blocks that are done with: fresh memory has to be cleared first.
#[derive(Default)]
struct Spare(Mutex<Vec<Vec<u8>>>);

/// As many as are under way at once, and hardly more.
const SPARE_BUFFERS: usize = 12;

impl Spare {
    fn take(&self) -> Vec<u8> {
        self.0.lock().pop().unwrap_or_default()
    }
}

/// A block's buffer, until nobody needs it any more.
struct Lent {
    bytes: Vec<u8>,
    spare: Arc<Spare>,
}

impl AsRef<[u8]> for Lent {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        let mut bytes = std::mem::take(&mut self.bytes);
        bytes.clear();
        let mut spare = self.spare.0.lock();
        if spare.len() < SPARE_BUFFERS && bytes.capacity() <= 2 * BLOCK_BYTES {
            spare.push(bytes);
        }
    }
}

pub fn is_gzip(magic: &[u8]) -> bool {
    magic.starts_with(&[0x1f, 0x8b])
}

/// The first bytes of a file, as many as there are up to `n`.
pub fn magic(path: &Path, n: usize) -> Result<Vec<u8>, Failure> {
    let file = File::open(path).map_err(|error| cannot_read(path, &error))?;
    let mut bytes = Vec::new();
    file.take(n as u64)
        .read_to_end(&mut bytes)
        .map_err(|error| cannot_read(path, &error))?;
    Ok(bytes)
}

pub fn cannot_read(path: &Path, error: &std::io::Error) -> Failure {
    let text = format!("cannot read {}: {error}", path.display());
    Failure::Work(Error::new(state::IO_ERROR, text))
}

impl Blocks {
    pub fn open(path: &Path) -> Result<Blocks, Failure> {
        let gzip = is_gzip(&magic(path, 2)?);
        let mut file = File::open(path).map_err(|error| cannot_read(path, &error))?;
        file.seek(SeekFrom::Start(0))
            .map_err(|error| cannot_read(path, &error))?;
        Ok(Blocks {
            path: path.to_path_buf(),
            input: if gzip {
                Input::Gzip(Box::new(MultiGzDecoder::new(file)))
            } else {
                Input::Plain(file)
            },
            carry: Vec::new(),
            spare: Arc::default(),
            line: 1,
            ended: false,
            quoting: true,
        })
    }

    /// A file whose records are lines.
    pub fn open_lines(path: &Path) -> Result<Blocks, Failure> {
        let mut blocks = Blocks::open(path)?;
        blocks.quoting = false;
        Ok(blocks)
    }

    /// How far the file itself has been read, for a progress bar.
    pub fn position(&mut self) -> u64 {
        let file = match &mut self.input {
            Input::Plain(file) => file,
            Input::Gzip(gzip) => gzip.get_mut(),
        };
        file.stream_position().unwrap_or(0)
    }

    /// The bytes of the whole file, if it isn't packed.
    pub fn plain_bytes(&self) -> Option<u64> {
        match &self.input {
            Input::Plain(file) => file.metadata().ok().map(|meta| meta.len()),
            Input::Gzip(_) => None,
        }
    }

    /// Takes the first line off, without its line end and a byte order mark.
    pub fn header(&mut self) -> Result<Vec<u8>, Failure> {
        loop {
            if let Some(end) = memchr::memchr(b'\n', &self.carry) {
                let mut header: Vec<u8> = self.carry.drain(..=end).collect();
                header.pop();
                self.line += 1;
                return Ok(trim_header(header));
            }
            if self.ended || self.carry.len() > MAX_HEADER_BYTES {
                let header = std::mem::take(&mut self.carry);
                self.line += 1;
                return Ok(trim_header(header));
            }
            self.read_more(BLOCK_BYTES)?;
        }
    }

    fn read_more(&mut self, bytes: usize) -> Result<(), Failure> {
        let before = self.carry.len();
        self.carry.reserve(bytes);
        let read = match &mut self.input {
            Input::Plain(file) => file.take(bytes as u64).read_to_end(&mut self.carry),
            Input::Gzip(gzip) => gzip.take(bytes as u64).read_to_end(&mut self.carry),
        };
        read.map_err(|error| cannot_read(&self.path, &error))?;
        self.ended = self.carry.len() < before + bytes;
        Ok(())
    }

    /// The next block; `None` at the end of the file.
    pub fn next_block(&mut self) -> Result<Option<Block>, Failure> {
        loop {
            if !self.ended && self.carry.len() < BLOCK_BYTES {
                self.read_more(BLOCK_BYTES - self.carry.len())?;
            }
            let end = if self.ended {
                self.carry.len()
            } else if self.quoting {
                last_record_end(&self.carry)
            } else {
                memchr::memrchr(b'\n', &self.carry).map_or(0, |newline| newline + 1)
            };
            if end > 0 {
                let mut rest = self.spare.take();
                rest.extend_from_slice(self.carry.get(end..).unwrap_or_default());
                let mut bytes = std::mem::replace(&mut self.carry, rest);
                bytes.truncate(end);
                let first_line = self.line;
                self.line += newlines(&bytes);
                let bytes = Lent {
                    bytes,
                    spare: self.spare.clone(),
                };
                return Ok(Some(Block {
                    bytes: bytes::Bytes::from_owner(bytes),
                    first_line,
                }));
            }
            if self.ended {
                return Ok(None);
            }
            if self.carry.len() >= MAX_RECORD_BYTES {
                return Err(Failure::Work(
                    Error::new(
                        state::BAD_COPY_FILE_FORMAT,
                        format!(
                            "{}, line {}: the row that begins here is longer than {} MB",
                            self.path.display(),
                            self.line,
                            MAX_RECORD_BYTES >> 20
                        ),
                    )
                    .with_hint("A quote on this line is probably never closed."),
                ));
            }
            self.read_more(self.carry.len().max(BLOCK_BYTES))?;
        }
    }
}

fn trim_header(header: Vec<u8>) -> Vec<u8> {
    let header = header.strip_suffix(b"\r").unwrap_or(&header);
    header
        .strip_prefix(b"\xef\xbb\xbf")
        .unwrap_or(header)
        .to_vec()
}

/// Behind the last newline that stands outside of quotes. 0 if there is none.
fn last_record_end(bytes: &[u8]) -> usize {
    let mut quotes_before = quotes(bytes);
    let mut end = bytes.len();
    while let Some(newline) = memchr::memrchr(b'\n', bytes.get(..end).unwrap_or_default()) {
        quotes_before -= quotes(bytes.get(newline..end).unwrap_or_default());
        if quotes_before.is_multiple_of(2) {
            return newline + 1;
        }
        end = newline;
    }
    0
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    fn all(path: &Path) -> Vec<Block> {
        let mut blocks = Blocks::open(path).unwrap();
        let mut out = Vec::new();
        while let Some(block) = blocks.next_block().unwrap() {
            out.push(block);
        }
        out
    }

    /// Records with newlines inside quotes, so that most newlines are traps.
    fn tricky(rows: usize) -> Vec<u8> {
        let mut text = Vec::new();
        for row in 0..rows {
            writeln!(text, "{row},\"a\nb\"\"\nc{row}\",{row}").unwrap();
        }
        text
    }

    #[test]
    fn blocks_end_at_records_and_join_to_the_file() {
        let dir = tempfile::tempdir().unwrap();
        let text = tricky(30_000);
        let plain = dir.path().join("plain.csv");
        std::fs::write(&plain, &text).unwrap();
        let packed = dir.path().join("packed.csv.gz");
        let mut gzip = flate2::write::GzEncoder::new(
            File::create(&packed).unwrap(),
            flate2::Compression::fast(),
        );
        gzip.write_all(&text).unwrap();
        gzip.finish().unwrap();
        for path in [plain, packed] {
            let blocks = all(&path);
            assert!(blocks.len() > 2);
            let mut line = 1;
            for block in &blocks {
                assert_eq!(block.first_line, line);
                line += newlines(&block.bytes);
                assert_eq!(quotes(&block.bytes) % 2, 0);
                assert!(block.bytes.ends_with(b"\n"));
                assert!(block.bytes.first().unwrap().is_ascii_digit());
            }
            let joined: Vec<u8> = blocks.iter().flat_map(|b| b.bytes.to_vec()).collect();
            assert!(joined == text);
        }
    }

    #[test]
    fn the_header_is_taken_off_with_its_byte_order_mark() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("x.csv");
        std::fs::write(&path, b"\xef\xbb\xbfa,b\r\n1,2").unwrap();
        let mut blocks = Blocks::open(&path).unwrap();
        assert_eq!(blocks.header().unwrap(), b"a,b");
        let block = blocks.next_block().unwrap().unwrap();
        assert_eq!((&block.bytes[..], block.first_line), (&b"1,2"[..], 2));
        assert!(blocks.next_block().unwrap().is_none());
    }

    #[test]
    fn a_cut_gzip_file_is_an_error_and_no_short_table() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("cut.csv.gz");
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        gzip.write_all(&tricky(1000)).unwrap();
        let mut bytes = gzip.finish().unwrap();
        bytes.truncate(bytes.len() / 2);
        std::fs::write(&path, bytes).unwrap();
        let mut blocks = Blocks::open(&path).unwrap();
        let error = loop {
            match blocks.next_block() {
                Ok(Some(_)) => {}
                Ok(None) => panic!("a cut file read to its end"),
                Err(error) => break error,
            }
        };
        assert!(error.to_string().contains("cannot read"));
    }
}
