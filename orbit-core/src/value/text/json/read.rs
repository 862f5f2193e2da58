//! The grammar of JSON, without recursion: the open arrays and objects are kept on a stack.

use super::scan::{Scanner, Token};
use super::{Json, MAX_DEPTH, too_deep};
use crate::error::Result;
use crate::value::Numeric;

/// What takes the values as they are read.
trait Build {
    fn scalar(&mut self, scanner: &mut Scanner<'_>) -> Result<()>;
    fn open(&mut self, is_object: bool);
    fn key(&mut self, scanner: &mut Scanner<'_>);
    fn close(&mut self);
}

pub(super) fn check(text: &str) -> Result<()> {
    struct Nothing;
    impl Build for Nothing {
        fn scalar(&mut self, _: &mut Scanner<'_>) -> Result<()> {
            Ok(())
        }
        fn open(&mut self, _: bool) {}
        fn key(&mut self, _: &mut Scanner<'_>) {}
        fn close(&mut self) {}
    }
    read(Scanner::new(text, false)?, &mut Nothing)
}

pub(super) fn document(text: &str) -> Result<Json> {
    let mut tree = Tree {
        root: Json::Null,
        open: Vec::new(),
    };
    read(Scanner::new(text, true)?, &mut tree)?;
    Ok(tree.root)
}

fn read(mut scanner: Scanner<'_>, build: &mut impl Build) -> Result<()> {
    // `true`: an object.
    let mut open: Vec<bool> = Vec::new();
    loop {
        // A value stands here.
        match scanner.token {
            Token::ObjectStart | Token::ArrayStart => {
                if open.len() == MAX_DEPTH {
                    return Err(too_deep());
                }
                let is_object = scanner.token == Token::ObjectStart;
                open.push(is_object);
                build.open(is_object);
                scanner.advance()?;
                match (is_object, scanner.token) {
                    (true, Token::ObjectEnd) | (false, Token::ArrayEnd) => {}
                    (true, Token::String) => {
                        key(&mut scanner, build)?;
                        continue;
                    }
                    (true, _) => return Err(scanner.expected("string or \"}\"")),
                    (false, _) => continue,
                }
            }
            Token::String | Token::Number | Token::True | Token::False | Token::Null => {
                build.scalar(&mut scanner)?;
                scanner.advance()?;
            }
            _ => return Err(scanner.expected("JSON value")),
        }
        // A value has ended: close what closes, up to the next comma.
        loop {
            match (open.last(), scanner.token) {
                (None, Token::End) => return Ok(()),
                (None, _) => return Err(scanner.expected("end of input")),
                (Some(true), Token::ObjectEnd) | (Some(false), Token::ArrayEnd) => {
                    open.pop();
                    build.close();
                    scanner.advance()?;
                }
                (Some(is_object), Token::Comma) => {
                    let is_object = *is_object;
                    scanner.advance()?;
                    if is_object {
                        if scanner.token != Token::String {
                            return Err(scanner.expected("string"));
                        }
                        key(&mut scanner, build)?;
                    }
                    break;
                }
                (Some(true), _) => return Err(scanner.expected("\",\" or \"}\"")),
                (Some(false), _) => return Err(scanner.expected("\",\" or \"]\"")),
            }
        }
    }
}

/// Takes a key and its colon; the value is next.
fn key(scanner: &mut Scanner<'_>, build: &mut impl Build) -> Result<()> {
    build.key(scanner);
    scanner.advance()?;
    if scanner.token != Token::Colon {
        return Err(scanner.expected("\":\""));
    }
    scanner.advance()
}

struct Tree {
    root: Json,
    open: Vec<Open>,
}

enum Open {
    Array(Vec<Json>),
    Object(Vec<(String, Json)>, String),
}

impl Tree {
    fn put(&mut self, value: Json) {
        match self.open.last_mut() {
            None => self.root = value,
            Some(Open::Array(items)) => items.push(value),
            Some(Open::Object(entries, key)) => entries.push((std::mem::take(key), value)),
        }
    }
}

impl Build for Tree {
    fn scalar(&mut self, scanner: &mut Scanner<'_>) -> Result<()> {
        let value = match scanner.token {
            Token::String => Json::String(std::mem::take(&mut scanner.string)),
            Token::Number => Json::Number(Numeric::parse(scanner.source())?),
            Token::True => Json::Bool(true),
            Token::False => Json::Bool(false),
            _ => Json::Null,
        };
        self.put(value);
        Ok(())
    }

    fn open(&mut self, is_object: bool) {
        self.open.push(if is_object {
            Open::Object(Vec::new(), String::new())
        } else {
            Open::Array(Vec::new())
        });
    }

    fn key(&mut self, scanner: &mut Scanner<'_>) {
        if let Some(Open::Object(_, key)) = self.open.last_mut() {
            *key = std::mem::take(&mut scanner.string);
        }
    }

    fn close(&mut self) {
        match self.open.pop() {
            Some(Open::Array(items)) => self.put(Json::Array(items)),
            Some(Open::Object(entries, _)) => self.put(Json::Object(without_duplicates(entries))),
            None => {}
        }
    }
}

/// Sorted by the keys' length, then bytes; the last entry of a key stays.
fn without_duplicates(mut entries: Vec<(String, Json)>) -> Vec<(String, Json)> {
    entries.sort_by(|(a, _), (b, _)| a.len().cmp(&b.len()).then_with(|| a.cmp(b)));
    let mut kept: Vec<(String, Json)> = Vec::with_capacity(entries.len());
    for entry in entries {
        match kept.last_mut() {
            Some(last) if last.0 == entry.0 => *last = entry,
            _ => kept.push(entry),
        }
    }
    kept
}
