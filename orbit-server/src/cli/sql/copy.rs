//! COPY between the node and what is here: stdin, the keyboard, lines of a script,
//! files (`\copy`).

use crate::cli::Failure;
use crate::cli::part_file::{PartFile, in_file};
use crate::cli::write_stdout;
use bytes::Bytes;
use futures::{SinkExt, TryStreamExt};
use orbit_core::{Error, state};
use std::io::{BufRead, Read, Write};
use std::path::Path;
use std::pin::pin;
use tokio_postgres::Client;

const PIECE_BYTES: usize = 64 << 10;

/// The lines behind a COPY in a script, up to the line `\.`, and how long they are.
pub fn inline_data(text: &str) -> (&str, usize) {
    // What is left of the statement's own line.
    let start = match text.split_once('\n') {
        Some((rest, _)) if rest.trim().is_empty() => rest.len() + 1,
        _ => 0,
    };
    let mut at = start;
    for line in text.get(start..).unwrap_or_default().split_inclusive('\n') {
        if line.trim_end() == "\\." {
            return (text.get(start..at).unwrap_or_default(), at + line.len());
        }
        at += line.len();
    }
    (text.get(start..).unwrap_or_default(), text.len())
}

pub async fn from_bytes(client: &Client, sql: &str, data: Vec<u8>) -> Result<u64, Failure> {
    from_reader(client, sql, &mut data.as_slice(), Path::new("the script")).await
}

pub async fn from_stdin(client: &Client, sql: &str) -> Result<u64, Failure> {
    from_reader(client, sql, &mut std::io::stdin(), Path::new("stdin")).await
}

/// Lines from a terminal until `\.` or Ctrl-D.
pub async fn from_keyboard(client: &Client, sql: &str) -> Result<u64, Failure> {
    eprintln!("Enter the rows, a line each, and \\. or Ctrl-D at the end.");
    let lines = tokio::task::spawn_blocking(|| {
        let mut data = String::new();
        for line in std::io::stdin().lock().lines() {
            match line {
                Ok(line) if line == "\\." => break,
                Ok(line) => {
                    data.push_str(&line);
                    data.push('\n');
                }
                Err(_) => break,
            }
        }
        data
    })
    .await
    .map_err(|error| Failure::Work(Error::internal(error.to_string())))?;
    from_bytes(client, sql, lines.into_bytes()).await
}

async fn from_reader(
    client: &Client,
    sql: &str,
    source: &mut (dyn Read + Send),
    name: &Path,
) -> Result<u64, Failure> {
    let mut sink = pin!(client.copy_in::<_, Bytes>(sql).await?);
    loop {
        let mut piece = vec![0; PIECE_BYTES];
        let length = loop {
            match source.read(&mut piece) {
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                other => break other.map_err(|error| in_file(name, error))?,
            }
        };
        if length == 0 {
            return Ok(sink.finish().await?);
        }
        piece.truncate(length);
        // What the node says to an earlier piece comes as the answer to the end.
        sink.send(Bytes::from(piece)).await?;
    }
}

/// `\copy`, understood: what, which way, which file, which options.
#[derive(Debug, PartialEq)]
struct Request {
    sql: String,
    into: bool,
    file: Option<String>,
}

/// Runs the arguments of `\copy`; says how many rows were copied, if that is known.
pub async fn run(client: &Client, arguments: &str) -> Result<Option<u64>, Failure> {
    let request = parse(arguments).ok_or_else(|| {
        Failure::Work(
            Error::new(state::SYNTAX_ERROR, "\\copy: this can't be understood")
                .with_hint("\\copy TABLE|(QUERY) FROM|TO 'FILE'|STDIN|STDOUT [WITH (...)]"),
        )
    })?;
    let Request { sql, into, file } = request;
    match (into, file) {
        (true, Some(file)) => {
            let path = Path::new(&file);
            let mut source = std::fs::File::open(path).map_err(|error| in_file(path, error))?;
            from_reader(client, &sql, &mut source, path).await.map(Some)
        }
        (true, None) => from_stdin(client, &sql).await.map(Some),
        (false, Some(file)) => {
            let path = Path::new(&file);
            let mut stream = pin!(client.copy_out(&sql).await?);
            let mut part = PartFile::create(path, true)?;
            while let Some(piece) = stream.try_next().await? {
                part.write_all(&piece)
                    .map_err(|error| in_file(path, error))?;
            }
            part.finish()?;
            Ok(None)
        }
        (false, None) => {
            let mut stream = pin!(client.copy_out(&sql).await?);
            while let Some(piece) = stream.try_next().await? {
                write_stdout(&piece)?;
            }
            Ok(None)
        }
    }
}

fn parse(arguments: &str) -> Option<Request> {
    let text = arguments.trim().trim_end_matches(';');
    let bytes = text.as_bytes();
    let (mut at, mut depth) = (0, 0u32);
    // The first FROM or TO outside of parentheses and strings divides it.
    let (what, into, rest) = loop {
        let byte = *bytes.get(at)?;
        match byte {
            b'(' => depth += 1,
            b')' => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth == 0 && (byte.is_ascii_whitespace() || byte == b')') {
            let rest = text.get(at + 1..)?.trim_start();
            let word: String = rest.chars().take_while(char::is_ascii_alphabetic).collect();
            let into = match word.to_ascii_uppercase().as_str() {
                "FROM" => Some(true),
                "TO" => Some(false),
                _ => None,
            };
            if let Some(into) = into {
                let what = text.get(..=at)?.trim();
                break (what, into, rest.get(word.len()..)?.trim_start());
            }
        }
        at += super::split::length_at(bytes, at).max(1);
    };
    let (file, options) = match rest.strip_prefix('\'') {
        Some(quoted) => {
            let mut name = String::new();
            let mut left = quoted;
            loop {
                let (part, after) = left.split_once('\'')?;
                name.push_str(part);
                match after.strip_prefix('\'') {
                    Some(more) => {
                        name.push('\'');
                        left = more;
                    }
                    None => break (Some(name), after),
                }
            }
        }
        None => {
            let end = rest.find(char::is_whitespace).unwrap_or(rest.len());
            let (word, after) = rest.split_at(end);
            let here = ["STDIN", "STDOUT", "PSTDIN", "PSTDOUT"];
            match word.to_ascii_uppercase() {
                word if here.contains(&word.as_str()) => (None, after),
                word if word.is_empty() || word == "PROGRAM" => return None,
                _ => (Some(word.to_owned()), after),
            }
        }
    };
    let way = if into { "FROM STDIN" } else { "TO STDOUT" };
    Some(Request {
        sql: format!("COPY {what} {way} {}", options.trim())
            .trim()
            .to_owned(),
        into,
        file,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_understood() {
        let request = |sql: &str, into, file: Option<&str>| {
            Some(Request {
                sql: sql.to_owned(),
                into,
                file: file.map(str::to_owned),
            })
        };
        assert_eq!(
            parse("t (a, b) from 'it''s.csv' with (format csv)"),
            request(
                "COPY t (a, b) FROM STDIN with (format csv)",
                true,
                Some("it's.csv")
            )
        );
        assert_eq!(
            parse("(SELECT ' to ' FROM t) TO out.csv CSV HEADER;"),
            request(
                "COPY (SELECT ' to ' FROM t) TO STDOUT CSV HEADER",
                false,
                Some("out.csv")
            )
        );
        assert_eq!(
            parse("t to stdout"),
            request("COPY t TO STDOUT", false, None)
        );
        assert_eq!(parse("t"), None);
        assert_eq!(parse("t from program 'rm'"), None);
    }

    #[test]
    fn data_in_a_script_end_at_their_mark() {
        assert_eq!(inline_data("\n1\ta\n\\.\nSELECT"), ("1\ta\n", 8));
        assert_eq!(inline_data("\n1\n2"), ("1\n2", 4));
    }
}
