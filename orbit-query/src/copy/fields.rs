//! A chunk of whole lines, split into fields without copying them.

use super::options::CopyOptions;
use orbit_core::{Error, Result, state};

/// One field of the current line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Field {
    start: usize,
    end: usize,
    /// Where the bytes lie: in the chunk itself, or unescaped beside it.
    source: Source,
    /// CSV: it stood in quotes, so it is no NULL.
    pub quoted: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Source {
    Chunk,
    Unescaped,
}

const DELIMITER: u8 = 1;
const LINE_END: u8 = 2;
/// A quote in CSV, a backslash in text.
const SPECIAL: u8 = 3;

const BLOCK: usize = 64;

/// Finds the bytes that mean something, a block at a time: most mean nothing.
struct Marks {
    wanted: [u8; 3],
    /// Where the next block begins.
    next_block: usize,
    /// Those of the last block that were not given yet, a bit for each of its bytes.
    found: u64,
}

impl Marks {
    fn of(wanted: [u8; 3]) -> Marks {
        Marks {
            wanted,
            next_block: 0,
            found: 0,
        }
    }

    /// Goes on from there.
    fn seek(&mut self, place: usize) {
        self.next_block = place;
        self.found = 0;
    }

    /// The next place of one, or the end.
    #[inline]
    fn next(&mut self, bytes: &[u8]) -> usize {
        while self.found == 0 {
            let Some(rest) = bytes.get(self.next_block..).filter(|rest| !rest.is_empty()) else {
                return bytes.len();
            };
            let mut end = [0; BLOCK];
            self.found = self.marks(match rest.first_chunk() {
                Some(whole) => whole,
                None => {
                    // None of the three is a zero.
                    end[..rest.len()].copy_from_slice(rest);
                    &end
                }
            });
            self.next_block += BLOCK;
        }
        let place = self.next_block - BLOCK + self.found.trailing_zeros() as usize;
        self.found &= self.found - 1;
        place
    }

    fn marks(&self, block: &[u8; BLOCK]) -> u64 {
        // A plain loop over bytes: compilers make vectors of it.
        let mut marks = [0_u8; BLOCK];
        let [a, b, c] = self.wanted;
        for (mark, byte) in marks.iter_mut().zip(block) {
            *mark = u8::from(*byte == a) | u8::from(*byte == b) | u8::from(*byte == c);
        }
        let words = marks.as_chunks::<8>().0.iter().enumerate();
        words.fold(0, |found, (at, word)| {
            found | u64::from(together(u64::from_le_bytes(*word))) << (8 * at)
        })
    }
}

/// The lowest bits of all bytes, the first byte's lowest.
#[inline]
fn together(bytes: u64) -> u8 {
    (bytes.wrapping_mul(0x0102_0408_1020_4080) >> 56) as u8
}

/// Reads the lines of a chunk one by one.
pub struct Splitter<'a> {
    chunk: &'a [u8],
    at: usize,
    csv: bool,
    delimiter: u8,
    quote: u8,
    escape: u8,
    null: &'a [u8],
    /// What each byte means outside of quotes.
    meaning: [u8; 256],
    /// What comes behind `at`.
    marks: Marks,
    /// Lines end with `\r\n`.
    crlf: bool,
    /// Physical lines read, counting those within quotes.
    pub lines: u64,
    pub fields: Vec<Field>,
    unescaped: Vec<u8>,
    line_start: usize,
    line_end: usize,
}

impl<'a> Splitter<'a> {
    pub fn new(chunk: &'a [u8], options: &'a CopyOptions) -> Splitter<'a> {
        let mut meaning = [0; 256];
        meaning[usize::from(b'\n')] = LINE_END;
        meaning[usize::from(options.delimiter())] = DELIMITER;
        let special = if options.csv { options.quote() } else { b'\\' };
        meaning[usize::from(special)] = SPECIAL;
        let first_end = memchr::memchr(b'\n', chunk).unwrap_or(0);
        Splitter {
            chunk,
            at: 0,
            csv: options.csv,
            delimiter: options.delimiter(),
            quote: options.quote(),
            escape: options.escape(),
            null: options.null().as_bytes(),
            meaning,
            marks: Marks::of([options.delimiter(), b'\n', special]),
            crlf: first_end > 0 && chunk.get(first_end - 1) == Some(&b'\r'),
            lines: 0,
            fields: Vec::new(),
            unescaped: Vec::new(),
            line_start: 0,
            line_end: 0,
        }
    }

    /// The bytes of a field of the current line.
    #[inline]
    pub fn bytes(&self, field: &Field) -> &[u8] {
        let source: &[u8] = match field.source {
            Source::Chunk => self.chunk,
            Source::Unescaped => &self.unescaped,
        };
        source.get(field.start..field.end).unwrap_or_default()
    }

    /// The current line as it came.
    pub fn raw_line(&self) -> &[u8] {
        self.chunk
            .get(self.line_start..self.line_end)
            .unwrap_or_default()
    }

    /// Splits the next line into `fields`; `false` at the end of the data,
    /// be it the chunk's or the marker `\.` (then [`Splitter::is_over`]).
    pub fn next_line(&mut self) -> Result<bool> {
        self.fields.clear();
        self.unescaped.clear();
        if self.at >= self.chunk.len() {
            return Ok(false);
        }
        self.line_start = self.at;
        self.lines += 1;
        if self.chunk.get(self.at) == Some(&b'\\') && self.at_marker() {
            return Ok(false);
        }
        if self.csv {
            self.csv_line()?;
        } else {
            self.text_line()?;
        }
        Ok(true)
    }

    /// Whether the end-of-data marker `\.` stands here on a line of its own.
    fn at_marker(&self) -> bool {
        let rest = self.chunk.get(self.at..).unwrap_or_default();
        let line = match memchr::memchr(b'\n', rest) {
            Some(end) => rest.get(..end).unwrap_or_default(),
            None => rest,
        };
        matches!(line, b"\\." | b"\\.\r")
    }

    /// The marker `\.` was met: what follows is not data.
    pub fn is_over(&self) -> bool {
        self.at < self.chunk.len() && self.at_marker()
    }

    fn end_line(&mut self, place: usize) {
        self.line_end = place;
        if self.crlf
            && let Some(last) = self.fields.last_mut()
            && last.source == Source::Chunk
            && last.end > last.start
            && self.chunk.get(last.end - 1) == Some(&b'\r')
        {
            last.end -= 1;
        }
        if self.crlf && place > self.line_start && self.chunk.get(place - 1) == Some(&b'\r') {
            self.line_end = place - 1;
        }
        self.at = place + 1;
    }

    #[inline]
    fn plain_field(&mut self, start: usize, end: usize) {
        self.fields.push(Field {
            start,
            end,
            source: Source::Chunk,
            quoted: false,
        });
    }

    fn csv_line(&mut self) -> Result<()> {
        let chunk = self.chunk;
        let mut start = self.at;
        loop {
            let at = self.marks.next(chunk);
            match chunk.get(at).copied() {
                None | Some(b'\n') => {
                    self.plain_field(start, at);
                    self.end_line(at);
                    return Ok(());
                }
                Some(byte) if byte == self.delimiter => {
                    self.plain_field(start, at);
                    start = at + 1;
                }
                Some(_) => {
                    let (next, ended) = self.quoted_field(start, at)?;
                    self.marks.seek(next + 1);
                    if ended {
                        self.end_line(next);
                        return Ok(());
                    }
                    start = next + 1;
                }
            }
        }
    }

    /// A field with quotes somewhere in it. Returns where it ends, and whether
    /// the line ends there too.
    fn quoted_field(&mut self, start: usize, first_quote: usize) -> Result<(usize, bool)> {
        let chunk = self.chunk;
        // Usual: the whole field in quotes with nothing to unescape.
        if start == first_quote {
            let inside = chunk.get(start + 1..).unwrap_or_default();
            if let Some(length) = memchr::memchr(self.quote, inside) {
                let value = inside.get(..length).unwrap_or_default();
                let after = start + 1 + length + 1;
                let clean =
                    self.escape == self.quote || memchr::memchr(self.escape, value).is_none();
                let next = chunk.get(after).copied();
                let crlf_end = self.crlf
                    && next == Some(b'\r')
                    && matches!(chunk.get(after + 1), None | Some(&b'\n'));
                let ends_field =
                    matches!(next, None | Some(b'\n')) || next == Some(self.delimiter) || crlf_end;
                if clean && ends_field {
                    self.lines += memchr::memchr_iter(b'\n', value).count() as u64;
                    self.fields.push(Field {
                        start: start + 1,
                        end: start + 1 + length,
                        source: Source::Chunk,
                        quoted: true,
                    });
                    let place = if crlf_end { after + 1 } else { after };
                    return Ok((place, next != Some(self.delimiter)));
                }
            }
        }
        let from = self.unescaped.len();
        self.unescaped
            .extend_from_slice(chunk.get(start..first_quote).unwrap_or_default());
        let mut inside = true;
        let mut at = first_quote + 1;
        loop {
            let Some(&byte) = chunk.get(at) else {
                if inside {
                    return Err(Error::new(
                        state::BAD_COPY_FILE_FORMAT,
                        "unterminated CSV quoted field",
                    ));
                }
                break;
            };
            if inside {
                let next = chunk.get(at + 1).copied();
                if byte == self.escape && (next == Some(self.quote) || next == Some(self.escape)) {
                    self.unescaped.extend(next);
                    at += 2;
                    continue;
                }
                if byte == self.quote {
                    inside = false;
                } else {
                    self.lines += u64::from(byte == b'\n');
                    self.unescaped.push(byte);
                }
            } else {
                match self.meaning[usize::from(byte)] {
                    DELIMITER | LINE_END => break,
                    SPECIAL => inside = true,
                    _ => self.unescaped.push(byte),
                }
            }
            at += 1;
        }
        let ended = chunk.get(at) != Some(&self.delimiter);
        if ended
            && self.crlf
            && self.unescaped.len() > from
            && self.unescaped.last() == Some(&b'\r')
        {
            self.unescaped.pop();
        }
        self.fields.push(Field {
            start: from,
            end: self.unescaped.len(),
            source: Source::Unescaped,
            quoted: true,
        });
        Ok((at, ended))
    }

    fn text_line(&mut self) -> Result<()> {
        let chunk = self.chunk;
        let mut start = self.at;
        let mut escaped = false;
        loop {
            let at = self.marks.next(chunk);
            let byte = chunk.get(at).copied();
            if byte.is_some_and(|byte| self.meaning[usize::from(byte)] == SPECIAL) {
                escaped = true;
                // What is escaped ends nothing.
                self.lines += u64::from(chunk.get(at + 1) == Some(&b'\n'));
                self.marks.seek(at + 2);
                continue;
            }
            let ends_line = byte != Some(self.delimiter);
            let mut end = at;
            if ends_line && self.crlf && end > start && chunk.get(end - 1) == Some(&b'\r') {
                end -= 1;
            }
            match escaped {
                true => self.escaped_field(start, end),
                false => self.plain_field(start, end),
            }
            if ends_line {
                self.line_end = end;
                self.at = at + 1;
                return Ok(());
            }
            escaped = false;
            start = at + 1;
        }
    }

    fn escaped_field(&mut self, start: usize, end: usize) {
        let raw = self.chunk.get(start..end).unwrap_or_default();
        // NULL is compared as it came, before escapes are resolved.
        if raw == self.null {
            self.plain_field(start, end);
            return;
        }
        let from = self.unescaped.len();
        unescape(raw, &mut self.unescaped);
        self.fields.push(Field {
            start: from,
            end: self.unescaped.len(),
            source: Source::Unescaped,
            quoted: false,
        });
    }

    /// Whether a field of a text line is the marker of NULL, which is compared
    /// before escapes are resolved.
    #[inline]
    pub fn is_raw(&self, field: &Field) -> bool {
        field.source == Source::Chunk
    }
}

/// Resolves `\t`, `\x41`, `\101` and their kind.
fn unescape(raw: &[u8], out: &mut Vec<u8>) {
    let mut bytes = raw.iter().copied().peekable();
    while let Some(byte) = bytes.next() {
        if byte != b'\\' {
            out.push(byte);
            continue;
        }
        let Some(escaped) = bytes.next() else {
            out.push(b'\\');
            return;
        };
        match escaped {
            b'b' => out.push(8),
            b'f' => out.push(12),
            b'n' => out.push(b'\n'),
            b'r' => out.push(b'\r'),
            b't' => out.push(b'\t'),
            b'v' => out.push(11),
            b'0'..=b'7' => {
                let mut value = escaped - b'0';
                for _ in 0..2 {
                    match bytes.peek() {
                        Some(digit @ b'0'..=b'7') => {
                            value = value.wrapping_mul(8).wrapping_add(digit - b'0');
                            bytes.next();
                        }
                        _ => break,
                    }
                }
                out.push(value);
            }
            b'x' => {
                let mut value = None;
                for _ in 0..2 {
                    let digit = bytes
                        .peek()
                        .and_then(|digit| char::from(*digit).to_digit(16));
                    let Some(digit) = digit else { break };
                    value = Some(value.unwrap_or(0) * 16 + digit as u8);
                    bytes.next();
                }
                out.push(value.unwrap_or(b'x'));
            }
            other => out.push(other),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn split(chunk: &[u8], options: &CopyOptions) -> Vec<Vec<String>> {
        let mut splitter = Splitter::new(chunk, options);
        let mut lines = Vec::new();
        while splitter.next_line().unwrap() {
            lines.push(
                splitter
                    .fields
                    .iter()
                    .map(|field| String::from_utf8_lossy(splitter.bytes(field)).into_owned())
                    .collect(),
            );
        }
        lines
    }

    fn csv() -> CopyOptions {
        let mut options = CopyOptions::new(true);
        options.csv = true;
        options
    }

    #[test]
    fn csv_fields_are_split_unquoted_and_unescaped() {
        let lines = split(
            b"a,b,\n\"x,1\",\"y\"\"z\",\"\"\n1,p\"q,r\"s,\"l\nm\"",
            &csv(),
        );
        assert_eq!(lines[0], ["a", "b", ""]);
        assert_eq!(lines[1], ["x,1", "y\"z", ""]);
        assert_eq!(lines[2], ["1", "pq,rs", "l\nm"]);
    }

    #[test]
    fn lines_within_quotes_count_as_lines() {
        let options = csv();
        let mut splitter = Splitter::new(b"\"a\nb\"\nc\n", &options);
        assert!(splitter.next_line().unwrap());
        assert!(splitter.next_line().unwrap());
        assert_eq!(splitter.lines, 3);
        assert!(!splitter.next_line().unwrap());
    }

    #[test]
    fn an_open_quote_is_an_error() {
        let options = csv();
        let mut splitter = Splitter::new(b"a,\"b\n", &options);
        let error = splitter.next_line().unwrap_err();
        assert!(error.is(state::BAD_COPY_FILE_FORMAT));
    }

    #[test]
    fn windows_line_ends_are_no_part_of_the_last_field() {
        assert_eq!(
            split(b"a,b\r\n\"c\",\"d\"\r\n", &csv()),
            [["a", "b"], ["c", "d"]]
        );
        let text = CopyOptions::new(true);
        assert_eq!(split(b"a\tb\r\nc\td\r\n", &text), [["a", "b"], ["c", "d"]]);
    }

    #[test]
    fn text_escapes_are_resolved_and_null_is_left() {
        let text = CopyOptions::new(true);
        let lines = split(b"a\\tb\t\\N\t\\\\N\n\\x41\\101\t\\\n\tx\\\\\n", &text);
        assert_eq!(lines[0], ["a\tb", "\\N", "\\N"]);
        assert_eq!(lines[1], ["AA", "\n", "x\\"]);
    }

    #[test]
    fn marks_are_found_wherever_they_stand() {
        let mut state = 1_u64;
        let mut below = |n: u64| {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            (state >> 33) % n
        };
        for _ in 0..2_000 {
            // Neighbours of a mark's byte, and bytes with the highest bit, are none.
            let bytes: Vec<u8> = (0..below(200))
                .map(|_| b",\n\"-+\x0b!#\xac\x8a\xff\x80"[below(12) as usize])
                .collect();
            let from = below(100) as usize;
            let is_mark = |place: &usize| matches!(bytes[*place], b',' | b'\n' | b'"');
            let mut marks = Marks::of([b',', b'\n', b'"']);
            marks.seek(from);
            for place in (from..bytes.len()).filter(is_mark) {
                assert_eq!(marks.next(&bytes), place, "{bytes:?} from {from}");
            }
            assert_eq!(marks.next(&bytes), bytes.len());
            assert_eq!(marks.next(&bytes), bytes.len());
        }
    }

    #[test]
    fn the_marker_ends_the_data() {
        let text = CopyOptions::new(true);
        let mut splitter = Splitter::new(b"1\n\\.\n2\n", &text);
        assert!(splitter.next_line().unwrap());
        assert!(!splitter.next_line().unwrap());
        assert!(splitter.is_over());
    }
}
