//! The first pass over a CSV file: every row is read before the first is sent,
//! so types fit the whole file and a malformed row is found with nothing imported.
//!
//! One thread reads (and unpacks) blocks, two learn from them.

use super::blocks::{Block, Blocks};
use super::scan::{Dialect, Findings, next_field, unquote};
use super::shown_line;
use crate::cli::Failure;
use orbit_core::{Error, state};
use std::path::Path;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;

/// A smaller file is kept in memory between the passes.
const KEPT_BYTES: usize = 64 << 20;
const LEARNERS: usize = 2;
const BLOCKS_IN_FLIGHT: usize = 8;

/// What the first pass found out.
#[derive(Debug)]
pub struct Survey {
    pub header: Vec<String>,
    pub findings: Findings,
    /// Digest of all bytes, to recognise the file when an import is resumed.
    pub fingerprint: u64,
    /// Bytes after unpacking.
    pub total_bytes: u64,
    /// The blocks themselves, when they are few enough.
    pub kept: Option<Vec<Block>>,
}

/// Reads the whole file. `progress` is told how far in the file itself.
pub fn survey(
    path: &Path,
    dialect: &Dialect,
    with_header: bool,
    mut progress: impl FnMut(u64),
) -> Result<Survey, Failure> {
    let mut blocks = Blocks::open(path)?;
    let mut digest = xxhash_rust::xxh3::Xxh3::new();
    let mut first = None;
    let header = if with_header {
        let line = blocks.header()?;
        digest.update(&line);
        split_header(path, &line, dialect)?
    } else {
        first = blocks.next_block()?;
        let fields = first
            .as_ref()
            .map_or(0, |block| fields_of(&block.bytes, dialect));
        (1..=fields).map(|n| format!("column{n}")).collect()
    };
    refuse_empty(path, &header)?;
    let mut kept = Some(Vec::new());
    let mut total_bytes = 0;
    let findings = thread::scope(|scope| -> Result<Findings, Failure> {
        let mut senders = Vec::new();
        let mut learners = Vec::new();
        for _ in 0..LEARNERS {
            let (sender, receiver) = sync_channel(BLOCKS_IN_FLIGHT);
            let columns = header.len();
            learners.push(scope.spawn(move || learn(&receiver, columns, dialect)));
            senders.push(sender);
        }
        let mut turn = 0;
        loop {
            let block = match first.take() {
                Some(block) => block,
                None => match blocks.next_block()? {
                    Some(block) => block,
                    None => break,
                },
            };
            digest.update(&block.bytes);
            total_bytes += block.bytes.len() as u64;
            if total_bytes > KEPT_BYTES as u64 {
                kept = None;
            }
            if let Some(kept) = &mut kept {
                kept.push(block.clone());
            }
            if !hand_over(&senders, turn, block) {
                break;
            }
            turn += 1;
            progress(blocks.position());
        }
        drop(senders);
        let mut findings = Findings::new(header.len());
        for learner in learners {
            match learner.join() {
                Ok(learnt) => findings.unite(learnt),
                Err(_) => return Err(Failure::Work(Error::internal("a reading thread died"))),
            }
        }
        Ok(findings)
    })?;
    if let Some(bad) = &findings.malformed {
        let column = bad
            .column
            .and_then(|n| header.get(n - 1))
            .map(String::as_str);
        return Err(Failure::Work(
            Error::new(
                state::BAD_COPY_FILE_FORMAT,
                format!("{}: {}", shown_line(path, bad.line, column), bad.what),
            )
            .with_detail("Nothing was imported from this file."),
        ));
    }
    Ok(Survey {
        header,
        findings,
        fingerprint: digest.digest(),
        total_bytes,
        kept,
    })
}

/// `false` once the learner has met a malformed row and gone home.
fn hand_over(senders: &[SyncSender<Block>], turn: usize, block: Block) -> bool {
    senders
        .get(turn % senders.len().max(1))
        .is_some_and(|sender| sender.send(block).is_ok())
}

fn learn(blocks: &Receiver<Block>, columns: usize, dialect: &Dialect) -> Findings {
    let mut findings = Findings::new(columns);
    while let Ok(block) = blocks.recv() {
        findings.scan(&block.bytes, block.first_line, dialect);
        if findings.malformed.is_some() {
            break;
        }
    }
    findings
}

/// The names in a header line.
pub fn split_header(path: &Path, line: &[u8], dialect: &Dialect) -> Result<Vec<String>, Failure> {
    let mut names = Vec::new();
    let mut at = 0;
    while let Ok(field) = next_field(line, at, dialect.delimiter) {
        names.push(
            String::from_utf8_lossy(&unquote(field.raw))
                .trim()
                .to_owned(),
        );
        at = field.next;
        if field.ends_record {
            break;
        }
    }
    refuse_empty(path, &names)?;
    Ok(names)
}

fn refuse_empty(path: &Path, header: &[String]) -> Result<(), Failure> {
    if header.is_empty() || header.iter().all(String::is_empty) {
        return Err(Failure::Work(
            Error::new(
                state::BAD_COPY_FILE_FORMAT,
                format!(
                    "{} is empty: a header line with column names was expected",
                    path.display()
                ),
            )
            .with_hint("A file without a header is read with --no-header."),
        ));
    }
    Ok(())
}

fn fields_of(block: &[u8], dialect: &Dialect) -> usize {
    let mut fields = 0;
    let mut at = 0;
    while let Ok(field) = next_field(block, at, dialect.delimiter) {
        fields += 1;
        at = field.next;
        if field.ends_record {
            break;
        }
    }
    fields
}

#[cfg(test)]
mod tests {
    use super::*;
    use orbit_core::types::SqlType;

    fn of(text: &str) -> Result<Survey, Failure> {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("some.csv");
        std::fs::write(&path, text).unwrap();
        survey(&path, &Dialect::default(), true, |_| {})
    }

    #[test]
    fn many_blocks_are_read_as_one_file() {
        let mut text = String::from("id,\"the name\",when\n");
        for row in 0..100_000 {
            text.push_str(&format!("{row},\"n,{row}\",2013-01-01T00:00:00Z\n"));
        }
        let survey = of(&text).unwrap();
        assert_eq!(survey.header, ["id", "the name", "when"]);
        assert_eq!(survey.findings.rows, 100_000);
        let types: Vec<_> = survey
            .findings
            .columns
            .iter()
            .map(|c| c.kinds.sql_type())
            .collect();
        assert_eq!(types, [SqlType::Int4, SqlType::Text, SqlType::TimestampTz]);
        assert!(survey.kept.unwrap().len() > 10);
    }

    #[test]
    fn a_bad_row_far_down_is_named_with_file_and_line() {
        let mut text = String::from("a,b\n");
        for _ in 0..200_000 {
            text.push_str("1,2\n");
        }
        text.push_str("1\n");
        let error = of(&text).unwrap_err().to_string();
        assert!(
            error.contains("some.csv, line 200002: has 1 field, 2 expected"),
            "{error}"
        );
    }

    #[test]
    fn the_first_bad_row_wins_although_two_threads_look() {
        let mut text = String::from("a,b\n");
        for row in 0..300_000 {
            text.push_str(if row % 50_000 == 12_345 {
                "bad\n"
            } else {
                "1,2\n"
            });
        }
        let error = of(&text).unwrap_err().to_string();
        assert!(error.contains("line 12347:"), "{error}");
    }

    #[test]
    fn an_empty_file_is_refused() {
        assert!(of("").unwrap_err().to_string().contains("is empty"));
    }

    #[test]
    fn the_fingerprint_tells_files_apart() {
        let one = of("a\n1\n").unwrap().fingerprint;
        assert_eq!(one, of("a\n1\n").unwrap().fingerprint);
        assert_ne!(one, of("a\n2\n").unwrap().fingerprint);
        assert_ne!(one, of("b\n1\n").unwrap().fingerprint);
    }
}
