//! Reading CSV records out of a block of bytes: what the columns could be, how
//! many rows there are, and the first thing that is wrong.
//!
//! Quotes work as in PostgreSQL's COPY: one anywhere in a field begins a quoted
//! part, two inside it stand for one. So whether a newline ends a record depends
//! only on how many quotes stand before it.

use super::kinds::Kinds;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dialect {
    pub delimiter: u8,
    /// What an unquoted field holds when it is NULL; `None`: nothing, or `NA`.
    pub null: Option<Vec<u8>>,
}

pub const QUOTE: u8 = b'"';
pub const NA: &[u8] = b"NA";

impl Default for Dialect {
    fn default() -> Self {
        Dialect {
            delimiter: b',',
            null: None,
        }
    }
}

/// The first row that can't be imported.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Malformed {
    /// 1-based line of the file.
    pub line: u64,
    /// 1-based column, where one is to blame.
    pub column: Option<usize>,
    pub what: String,
}

/// What was learnt about one column.
#[derive(Clone, Debug)]
pub struct Column {
    pub kinds: Kinds,
    /// The field that made text of a column that could have been something else.
    pub spoiled: Option<(u64, String)>,
}

/// What was learnt from some blocks. Findings of several scans unite.
#[derive(Clone, Debug)]
pub struct Findings {
    pub columns: Vec<Column>,
    pub rows: u64,
    /// Unquoted empty fields were seen.
    pub empty_fields: bool,
    /// Unquoted `NA` fields were seen.
    pub na_fields: bool,
    pub malformed: Option<Malformed>,
}

impl Findings {
    pub fn new(columns: usize) -> Findings {
        let column = Column {
            kinds: Kinds::ANY,
            spoiled: None,
        };
        Findings {
            columns: vec![column; columns],
            rows: 0,
            empty_fields: false,
            na_fields: false,
            malformed: None,
        }
    }

    pub fn unite(&mut self, other: Findings) {
        for (mine, theirs) in self.columns.iter_mut().zip(other.columns) {
            mine.kinds = mine.kinds.and(theirs.kinds);
            mine.spoiled = match (mine.spoiled.take(), theirs.spoiled) {
                (Some(a), Some(b)) => Some(if a.0 <= b.0 { a } else { b }),
                (a, b) => a.or(b),
            };
        }
        self.rows += other.rows;
        self.empty_fields |= other.empty_fields;
        self.na_fields |= other.na_fields;
        self.malformed = match (self.malformed.take(), other.malformed) {
            (Some(a), Some(b)) => Some(if a.line <= b.line { a } else { b }),
            (a, b) => a.or(b),
        };
    }

    /// Reads whole records. Stops at the first malformed one.
    pub fn scan(&mut self, block: &[u8], first_line: u64, dialect: &Dialect) {
        if let Err(error) = std::str::from_utf8(block) {
            let before = block.get(..error.valid_up_to()).unwrap_or_default();
            self.malformed.get_or_insert(Malformed {
                line: first_line + newlines(before),
                column: None,
                what: "holds bytes that are not UTF-8".to_owned(),
            });
            return;
        }
        let mut line = first_line;
        let mut rest = block;
        while !rest.is_empty() {
            match self.record(rest, line, dialect) {
                Ok((used, lines)) => {
                    self.rows += 1;
                    line += lines;
                    rest = rest.get(used..).unwrap_or_default();
                }
                Err(malformed) => {
                    self.malformed.get_or_insert(malformed);
                    return;
                }
            }
        }
    }

    /// One record: the bytes and lines it takes.
    #[inline]
    fn record(
        &mut self,
        bytes: &[u8],
        line: u64,
        dialect: &Dialect,
    ) -> Result<(usize, u64), Malformed> {
        let mut at = 0;
        let mut column = 0;
        let mut lines = 1;
        loop {
            let field = next_field(bytes, at, dialect.delimiter).map_err(|()| Malformed {
                line: line + lines - 1,
                column: Some(column + 1),
                what: "begins a quoted field that never ends".to_owned(),
            })?;
            lines += field.newlines;
            if column < self.columns.len() {
                self.learn(column, &field, line, dialect);
            }
            column += 1;
            at = field.next;
            if field.ends_record {
                break;
            }
        }
        if column != self.columns.len() {
            return Err(Malformed {
                line,
                column: None,
                what: format!(
                    "has {column} {}, {} expected",
                    if column == 1 { "field" } else { "fields" },
                    self.columns.len()
                ),
            });
        }
        Ok((at, lines))
    }

    #[inline]
    fn learn(&mut self, column: usize, field: &Field<'_>, line: u64, dialect: &Dialect) {
        if !field.quoted {
            match &dialect.null {
                Some(null) if field.text == null.as_slice() => return,
                Some(_) => {}
                None if field.text.is_empty() => {
                    self.empty_fields = true;
                    return;
                }
                None if field.text == NA => {
                    self.na_fields = true;
                    return;
                }
                None => {}
            }
        }
        let Some(column) = self.columns.get_mut(column) else {
            return;
        };
        if column.kinds == Kinds::TEXT {
            return;
        }
        let kinds = column.kinds.and(Kinds::of(field.text));
        if kinds == Kinds::TEXT && column.kinds != Kinds::ANY {
            let shown = String::from_utf8_lossy(field.text)
                .chars()
                .take(40)
                .collect();
            column.spoiled = Some((line, shown));
        }
        column.kinds = kinds;
    }
}

/// A field between two delimiters. Of a quoted one `text` is the inside when it
/// is quoted as a whole and plainly; otherwise the raw bytes, which are only text.
pub struct Field<'a> {
    pub text: &'a [u8],
    /// The field as it stands in the file.
    pub raw: &'a [u8],
    pub quoted: bool,
    pub ends_record: bool,
    /// Newlines inside the field.
    pub newlines: u64,
    /// Where the next field begins.
    pub next: usize,
}

/// The field that begins at `start`; `Err` when its quotes never close.
#[inline]
pub fn next_field(bytes: &[u8], start: usize, delimiter: u8) -> Result<Field<'_>, ()> {
    let rest = bytes.get(start..).unwrap_or_default();
    let mut end = rest.len();
    for (at, &byte) in rest.iter().enumerate() {
        if byte == delimiter || byte == b'\n' {
            end = at;
            break;
        }
        if byte == QUOTE {
            return quoted_field(bytes, start, delimiter);
        }
    }
    Ok(finish(rest, end, start, false, 0))
}

fn quoted_field(bytes: &[u8], start: usize, delimiter: u8) -> Result<Field<'_>, ()> {
    let rest = bytes.get(start..).unwrap_or_default();
    let mut inside = false;
    let mut newlines = 0;
    let mut end = rest.len();
    for (at, &byte) in rest.iter().enumerate() {
        match byte {
            QUOTE => inside = !inside,
            b'\n' if inside => newlines += 1,
            byte if !inside && (byte == delimiter || byte == b'\n') => {
                end = at;
                break;
            }
            _ => {}
        }
    }
    if inside {
        return Err(());
    }
    Ok(finish(rest, end, start, true, newlines))
}

#[inline]
fn finish(rest: &[u8], end: usize, start: usize, quoted: bool, newlines: u64) -> Field<'_> {
    let ends_record = rest.get(end).is_none_or(|byte| *byte == b'\n');
    let mut raw = rest.get(..end).unwrap_or_default();
    if ends_record && let [before @ .., b'\r'] = raw {
        raw = before;
    }
    let text = match raw {
        [QUOTE, inner @ .., QUOTE] if quoted && !inner.contains(&QUOTE) => inner,
        raw => raw,
    };
    Field {
        text,
        raw,
        quoted,
        ends_record,
        newlines,
        next: start + (end + 1).min(rest.len()),
    }
}

/// The value of a field: without its quotes.
pub fn unquote(raw: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(raw.len());
    let mut inside = false;
    let mut at = 0;
    while let Some(&byte) = raw.get(at) {
        if byte == QUOTE {
            if inside && raw.get(at + 1) == Some(&QUOTE) {
                out.push(QUOTE);
                at += 1;
            } else {
                inside = !inside;
            }
        } else {
            out.push(byte);
        }
        at += 1;
    }
    out
}

pub fn newlines(bytes: &[u8]) -> u64 {
    memchr::memchr_iter(b'\n', bytes).count() as u64
}

pub fn quotes(bytes: &[u8]) -> usize {
    memchr::memchr_iter(QUOTE, bytes).count()
}

/// Writes unquoted `NA` fields as empty ones, for a file that uses both for NULL
/// (COPY knows one). The block holds whole records.
pub fn empty_for_na(block: &[u8], delimiter: u8, out: &mut Vec<u8>) {
    out.clear();
    let mut at = 0;
    while at < block.len() {
        let Ok(field) = next_field(block, at, delimiter) else {
            // The node says what is wrong with it.
            out.extend_from_slice(block.get(at..).unwrap_or_default());
            return;
        };
        if field.quoted || field.raw != NA {
            out.extend_from_slice(field.raw);
        }
        out.push(if field.ends_record { b'\n' } else { delimiter });
        at = field.next;
        // A delimiter at the very end of the file is followed by one more field.
        if at >= block.len() && !field.ends_record {
            out.push(b'\n');
        }
    }
}

/// The offset behind the first `rows` records of a block, and how many there were.
pub fn skip_rows(block: &[u8], rows: u64) -> (usize, u64) {
    let mut inside = false;
    let mut seen = 0;
    if rows == 0 {
        return (0, 0);
    }
    for at in memchr::memchr2_iter(QUOTE, b'\n', block) {
        if block.get(at) == Some(&QUOTE) {
            inside = !inside;
        } else if !inside {
            seen += 1;
            if seen == rows {
                return (at + 1, seen);
            }
        }
    }
    if block.last().is_some_and(|last| *last != b'\n') {
        seen += 1;
    }
    (block.len(), seen)
}

#[cfg(test)]
mod tests {
    use super::*;
    use orbit_core::types::SqlType;

    fn scan(text: &str, columns: usize) -> Findings {
        let mut findings = Findings::new(columns);
        findings.scan(text.as_bytes(), 1, &Dialect::default());
        findings
    }

    fn types(findings: &Findings) -> Vec<SqlType> {
        findings
            .columns
            .iter()
            .map(|c| c.kinds.sql_type())
            .collect()
    }

    #[test]
    fn learns_types_from_every_row_and_skips_nulls() {
        let findings = scan("1,a,NA\n2,,2.5\r\nNA,\"x,\"\"y\",3", 3);
        assert_eq!(findings.malformed, None);
        assert_eq!(findings.rows, 3);
        assert_eq!(
            types(&findings),
            [SqlType::Int4, SqlType::Text, SqlType::Float8]
        );
        assert!(findings.empty_fields && findings.na_fields);
    }

    #[test]
    fn quoted_fields_hold_delimiters_newlines_and_are_never_null() {
        let findings = scan("\"a\nb\",\"NA\",\"1\"\nc,d,\"2\"\n", 3);
        assert_eq!((findings.malformed.clone(), findings.rows), (None, 2));
        assert_eq!(
            types(&findings),
            [SqlType::Text, SqlType::Text, SqlType::Int4]
        );
        assert!(!findings.na_fields);
    }

    #[test]
    fn names_the_line_of_a_row_with_too_few_or_too_many_fields() {
        let bad = scan("1,2\n\"a\nb\",2\n3\n", 2).malformed.unwrap();
        assert_eq!(
            (bad.line, bad.what.as_str()),
            (4, "has 1 field, 2 expected")
        );
        let bad = scan("1,2\n1,2,3\n", 2).malformed.unwrap();
        assert_eq!(
            (bad.line, bad.what.as_str()),
            (2, "has 3 fields, 2 expected")
        );
        let bad = scan("1,2\n\n", 2).malformed.unwrap();
        assert_eq!(bad.line, 2);
    }

    #[test]
    fn names_the_line_where_an_endless_quote_begins_and_where_utf8_ends() {
        let bad = scan("1,2\n3,\"x\n4,5\n", 2).malformed.unwrap();
        assert_eq!((bad.line, bad.column), (2, Some(2)));
        let mut findings = Findings::new(1);
        findings.scan(b"a\nb\n\xff\n", 10, &Dialect::default());
        assert_eq!(findings.malformed.unwrap().line, 12);
    }

    #[test]
    fn remembers_which_field_made_text_of_a_column() {
        let findings = scan("1\n2\nthree\nfour\n", 1);
        assert_eq!(findings.columns[0].spoiled, Some((3, "three".to_owned())));
        assert_eq!(scan("a\nb\n", 1).columns[0].spoiled, None);
    }

    #[test]
    fn findings_unite() {
        let mut one = scan("1,2\n", 2);
        one.unite(scan("2.5,2\n7\n", 2));
        assert_eq!(types(&one), [SqlType::Float8, SqlType::Int4]);
        assert_eq!(one.rows, 2);
        assert_eq!(one.malformed.unwrap().line, 2);
    }

    #[test]
    fn a_named_null_is_the_only_null() {
        let dialect = Dialect {
            delimiter: b';',
            null: Some(b"-".to_vec()),
        };
        let mut findings = Findings::new(2);
        findings.scan(b"1;-\n-;NA\n", 1, &dialect);
        assert_eq!(types(&findings), [SqlType::Int4, SqlType::Text]);
    }

    #[test]
    fn na_becomes_empty_and_nothing_else_changes() {
        let mut out = Vec::new();
        empty_for_na(b"NA,\"NA\",NAB\r\n,\"a\nNA\",NA", b',', &mut out);
        assert_eq!(String::from_utf8_lossy(&out), ",\"NA\",NAB\n,\"a\nNA\",\n");
        empty_for_na(b"1,", b',', &mut out);
        assert_eq!(String::from_utf8_lossy(&out), "1,\n");
    }

    #[test]
    fn rows_are_counted_outside_of_quotes() {
        let block = b"1\n\"a\nb\"\n3";
        assert_eq!(skip_rows(block, 1), (2, 1));
        assert_eq!(skip_rows(block, 2), (8, 2));
        assert_eq!(skip_rows(block, 9), (9, 3));
        assert_eq!(skip_rows(block, 0), (0, 0));
    }

    #[test]
    fn unquoting() {
        assert_eq!(unquote(b"\"a\"\"b\""), b"a\"b");
        assert_eq!(unquote(b"plain"), b"plain");
    }
}
