//! JSON lines: one object a line. The first pass learns keys and types, the
//! second writes each line as a CSV record.

use super::blocks::{Block, Blocks};
use super::kinds::Kinds;
use super::shown_line;
use crate::cli::Failure;
use orbit_core::types::SqlType;
use orbit_core::{Error, state};
use std::path::Path;

/// A column of the union of all objects' keys.
#[derive(Debug)]
struct Column {
    key: String,
    kinds: Kinds,
    /// Objects or arrays were seen.
    nested: bool,
}

/// What the first pass found out.
#[derive(Debug)]
pub struct JsonSurvey {
    pub columns: Vec<(String, SqlType)>,
    pub rows: u64,
    pub fingerprint: u64,
    pub total_bytes: u64,
}

pub fn survey(path: &Path, mut progress: impl FnMut(u64)) -> Result<JsonSurvey, Failure> {
    let mut blocks = Blocks::open_lines(path)?;
    let mut digest = xxhash_rust::xxh3::Xxh3::new();
    let mut columns: Vec<Column> = Vec::new();
    let mut rows = 0;
    let mut total_bytes = 0;
    while let Some(block) = blocks.next_block()? {
        digest.update(&block.bytes);
        total_bytes += block.bytes.len() as u64;
        for (line, text) in lines(&block) {
            rows += 1;
            for_each_member(path, line, text, |key, value| {
                learn(&mut columns, key, value)
            })?;
        }
        progress(blocks.position());
    }
    if columns.is_empty() {
        return Err(Failure::Work(Error::new(
            state::BAD_COPY_FILE_FORMAT,
            format!("{} holds no JSON object", path.display()),
        )));
    }
    Ok(JsonSurvey {
        columns: columns
            .into_iter()
            .map(|column| {
                let sql_type = match column.nested {
                    true => SqlType::Jsonb,
                    false => column.kinds.sql_type(),
                };
                (column.key, sql_type)
            })
            .collect(),
        rows,
        fingerprint: digest.digest(),
        total_bytes,
    })
}

/// The lines of a block that aren't blank, with their numbers. JSON strings hold
/// no raw newlines, so every newline ends a line whatever the quotes say.
fn lines(block: &Block) -> impl Iterator<Item = (u64, &[u8])> {
    block
        .bytes
        .split(|byte| *byte == b'\n')
        .enumerate()
        .map(|(at, text)| (block.first_line + at as u64, text.trim_ascii()))
        .filter(|(_, text)| !text.is_empty())
}

fn learn(columns: &mut Vec<Column>, key: String, value: &[u8]) {
    let at = match columns.iter().position(|column| column.key == key) {
        Some(at) => at,
        None => {
            columns.push(Column {
                key,
                kinds: Kinds::ANY,
                nested: false,
            });
            columns.len() - 1
        }
    };
    let Some(column) = columns.get_mut(at) else {
        return;
    };
    match value.first() {
        Some(b'n') | None => {}
        Some(b'{' | b'[') => column.nested = true,
        Some(b'"') => {
            // A quoted number is a text; a quoted time has no other way to be written.
            let inner = value.get(1..value.len() - 1).unwrap_or_default();
            let kinds = match Kinds::of(inner) {
                number if number.has(Kinds::FLOAT8) || number.has(Kinds::BOOL) => Kinds::TEXT,
                other => other,
            };
            column.kinds = column.kinds.and(kinds);
        }
        Some(_) => column.kinds = column.kinds.and(Kinds::of(value)),
    }
}

/// Calls back with every key and raw value of the object on a line.
fn for_each_member(
    path: &Path,
    line: u64,
    text: &[u8],
    mut each: impl FnMut(String, &[u8]),
) -> Result<(), Failure> {
    let malformed = |column: usize, what: String| {
        Failure::Work(
            Error::new(
                state::BAD_COPY_FILE_FORMAT,
                format!(
                    "{}, character {column}: {what}",
                    shown_line(path, line, None)
                ),
            )
            .with_detail("Nothing was imported from this file."),
        )
    };
    if text.first() != Some(&b'{') {
        return Err(malformed(1, "a JSON object was expected".to_owned()));
    }
    serde_json::from_slice::<serde::de::IgnoredAny>(text).map_err(|error| {
        let what = error.to_string();
        let what = what.split(" at line").next().unwrap_or(&what).to_owned();
        malformed(error.column(), what)
    })?;
    // The line is valid JSON from here on, so a value ends where its brackets
    // close or a comma stands outside of strings.
    let mut at = 1;
    while let Some(start) = skip_blanks(text, at) {
        let key_end = value_end(text, start);
        let key = text.get(start..key_end).unwrap_or_default();
        if key.is_empty() {
            break;
        }
        let colon = skip_blanks(text, key_end).map_or(text.len(), |colon| colon + 1);
        let value_start = skip_blanks(text, colon).unwrap_or(text.len());
        let end = value_end(text, value_start);
        let value = text
            .get(value_start..end)
            .unwrap_or_default()
            .trim_ascii_end();
        let key = serde_json::from_slice::<String>(key)
            .map_err(|error| malformed(start + 1, error.to_string()))?;
        each(key, value);
        at = skip_blanks(text, end).map_or(text.len(), |comma| comma + 1);
    }
    Ok(())
}

fn skip_blanks(text: &[u8], from: usize) -> Option<usize> {
    let rest = text.get(from..)?;
    let skipped = rest.iter().position(|byte| !byte.is_ascii_whitespace())?;
    Some(from + skipped)
}

fn value_end(text: &[u8], start: usize) -> usize {
    let mut depth = 0usize;
    let mut inside = false;
    let mut escaped = false;
    for (at, &byte) in text.iter().enumerate().skip(start) {
        if inside {
            match byte {
                _ if escaped => escaped = false,
                b'\\' => escaped = true,
                b'"' => {
                    inside = false;
                    if depth == 0 {
                        return at + 1;
                    }
                }
                _ => {}
            }
            continue;
        }
        match byte {
            b'"' => inside = true,
            b'{' | b'[' => depth += 1,
            b'}' | b']' if depth == 0 => return at,
            b'}' | b']' => {
                depth -= 1;
                if depth == 0 {
                    return at + 1;
                }
            }
            b',' | b':' if depth == 0 => return at,
            _ => {}
        }
    }
    text.len()
}

/// The second pass: the file's lines as CSV records in the order of `columns`.
pub struct JsonRows {
    path: std::path::PathBuf,
    blocks: Blocks,
    columns: Vec<(String, SqlType)>,
}

impl JsonRows {
    pub fn open(path: &Path, columns: &[(String, SqlType)]) -> Result<JsonRows, Failure> {
        Ok(JsonRows {
            path: path.to_path_buf(),
            blocks: Blocks::open_lines(path)?,
            columns: columns.to_vec(),
        })
    }

    pub fn next_block(&mut self) -> Result<Option<Block>, Failure> {
        let Some(block) = self.blocks.next_block()? else {
            return Ok(None);
        };
        let mut out = Vec::with_capacity(block.bytes.len());
        let mut fields: Vec<Option<Vec<u8>>> = Vec::new();
        for (line, text) in lines(&block) {
            fields.clear();
            fields.resize(self.columns.len(), None);
            for_each_member(&self.path, line, text, |key, value| {
                let at = self.columns.iter().position(|(name, _)| *name == key);
                if let Some(at) = at
                    && let Some(field) = fields.get_mut(at)
                    && let Some((_, sql_type)) = self.columns.get(at)
                {
                    *field = csv_value(value, sql_type);
                }
            })?;
            for (at, field) in fields.iter().enumerate() {
                if at > 0 {
                    out.push(b',');
                }
                if let Some(field) = field {
                    quote_into(field, &mut out);
                }
            }
            out.push(b'\n');
        }
        Ok(Some(Block {
            bytes: out.into(),
            first_line: block.first_line,
        }))
    }
}

fn csv_value(value: &[u8], sql_type: &SqlType) -> Option<Vec<u8>> {
    let json = matches!(sql_type, SqlType::Json | SqlType::Jsonb);
    match value.first() {
        None | Some(b'n') => None,
        Some(b'"') if !json => serde_json::from_slice::<String>(value)
            .ok()
            .map(String::into_bytes),
        _ => Some(value.to_vec()),
    }
}

/// A CSV field that is never NULL: quoted.
pub fn quote_into(field: &[u8], out: &mut Vec<u8>) {
    out.push(b'"');
    let mut rest = field;
    while let Some(at) = memchr::memchr(b'"', rest) {
        let (before, after) = rest.split_at(at + 1);
        out.extend_from_slice(before);
        out.push(b'"');
        rest = after;
    }
    out.extend_from_slice(rest);
    out.push(b'"');
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(text: &str) -> (tempfile::TempDir, std::path::PathBuf) {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("x.jsonl");
        std::fs::write(&path, text).unwrap();
        (dir, path)
    }

    #[test]
    fn keys_unite_and_types_fit_every_line() {
        let (_dir, path) = file(
            "{\"id\": 1, \"name\": \"a\", \"at\": \"2013-01-01T00:00:00Z\"}\n\n\
             {\"id\": 2.5, \"ok\": true, \"more\": {\"x\": [1, \"}\"]}, \"zip\": \"0123\", \"n\": \"12\"}\n",
        );
        let survey = survey(&path, |_| {}).unwrap();
        assert_eq!(survey.rows, 2);
        let expected = [
            ("id", SqlType::Float8),
            ("name", SqlType::Text),
            ("at", SqlType::TimestampTz),
            ("ok", SqlType::Bool),
            ("more", SqlType::Jsonb),
            ("zip", SqlType::Text),
            ("n", SqlType::Text),
        ];
        let columns: Vec<_> = survey
            .columns
            .iter()
            .map(|(n, t)| (n.as_str(), t.clone()))
            .collect();
        assert_eq!(columns, expected);
        let mut rows = JsonRows::open(&path, &survey.columns).unwrap();
        let block = rows.next_block().unwrap().unwrap();
        assert_eq!(
            std::str::from_utf8(&block.bytes).unwrap(),
            "\"1\",\"a\",\"2013-01-01T00:00:00Z\",,,,\n\
             \"2.5\",,,\"true\",\"{\"\"x\"\": [1, \"\"}\"\"]}\",\"0123\",\"12\"\n"
        );
    }

    #[test]
    fn escapes_empty_texts_and_nulls_survive() {
        let (_dir, path) =
            file("{\"a\": \"q\\\"\\u00e9\\n,\", \"b\": \"\", \"c\": null, \"d\":{}}\n{}\n");
        let survey = survey(&path, |_| {}).unwrap();
        let mut rows = JsonRows::open(&path, &survey.columns).unwrap();
        let block = rows.next_block().unwrap().unwrap();
        assert_eq!(
            std::str::from_utf8(&block.bytes).unwrap(),
            "\"q\"\"é\n,\",\"\",,\"{}\"\n,,,\n"
        );
    }

    #[test]
    fn a_broken_line_is_named() {
        for (text, part) in [
            ("{\"a\": 1}\n{\"a\": }\n", "x.jsonl, line 2, character 7"),
            ("[1]\n", "line 1, character 1: a JSON object was expected"),
            ("{\"a\": 1} x\n", "line 1, character 10"),
        ] {
            let (_dir, path) = file(text);
            let error = survey(&path, |_| {}).unwrap_err().to_string();
            assert!(error.contains(part), "{error}");
        }
    }
}
