//! PostgreSQL's advanced regular expressions, read.
//!
//! The pattern is written out in the syntax of the `regex` crate, and beside it stands
//! what that syntax can't say: where groups and quantified parts are, and which of them
//! want to be long or short.

use super::bracket;
use orbit_core::{Error, Result, state};
use std::ops::Range;

/// Prefers the longest, prefers the shortest, has both in it, has groups in it.
pub const LONG: u8 = 1;
pub const SHORT: u8 = 2;
pub const MIXED: u8 = 4;
pub const CAPTURES: u8 = 8;

/// More repetitions can't be asked for.
const MOST: u32 = 255;
const DEEPEST: usize = 200;

/// How a pattern is read: by the flags of a function, or those the pattern begins with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Options {
    pub insensitive: bool,
    /// `.` and complements leave out the end of a line.
    pub stops: bool,
    /// `^` and `$` know lines.
    pub lines: bool,
    pub literal: bool,
    pub expanded: bool,
}

impl Options {
    pub const INSENSITIVE: Options = Options {
        insensitive: true,
        stops: false,
        lines: false,
        literal: false,
        expanded: false,
    };

    /// One letter of a function's flags (but `g`); `false`: no such flag.
    pub fn flag(&mut self, flag: char) -> bool {
        match flag {
            'i' => self.insensitive = true,
            'c' => self.insensitive = false,
            'm' | 'n' => (self.stops, self.lines) = (true, true),
            'p' => (self.stops, self.lines) = (true, false),
            's' => (self.stops, self.lines) = (false, false),
            'w' => (self.stops, self.lines) = (false, true),
            'x' => self.expanded = true,
            't' => self.expanded = false,
            'q' => self.literal = true,
            'e' => {}
            _ => return false,
        }
        true
    }
}

#[derive(Debug)]
pub struct Alternatives {
    pub branches: Vec<Vec<Item>>,
    pub span: Range<usize>,
}

/// A part of a branch, with its quantifier.
#[derive(Debug)]
pub struct Item {
    /// `None`: letters and such, nothing to look into.
    pub group: Option<Group>,
    /// Without the quantifier, and with it, in what is written out.
    pub atom: Range<usize>,
    pub span: Range<usize>,
    pub least: u32,
    pub most: Option<u32>,
    /// `LONG` or `SHORT` by the quantifier, or 0.
    pub prefers: u8,
}

#[derive(Debug)]
pub struct Group {
    pub capture: Option<usize>,
    pub inner: Alternatives,
}

pub struct Parsed {
    pub tree: Alternatives,
    /// In the syntax of the crate.
    pub text: String,
    pub groups: usize,
    pub insensitive: bool,
}

pub fn bad(what: &str) -> Error {
    Error::new(
        state::INVALID_REGULAR_EXPRESSION,
        format!("invalid regular expression: {what}"),
    )
}

pub fn parse(pattern: &str, mut options: Options) -> Result<Parsed> {
    let mut pattern = pattern;
    if !options.literal {
        if let Some(rest) = pattern.strip_prefix("***=") {
            options.literal = true;
            pattern = rest;
        } else {
            pattern = pattern.strip_prefix("***:").unwrap_or(pattern);
            pattern = embedded(pattern, &mut options)?;
        }
    }
    let mut parser = Parser {
        letters: pattern.chars().collect(),
        at: 0,
        options,
        out: String::with_capacity(pattern.len() + 8),
        groups: 0,
        depth: 0,
    };
    if options.literal {
        parser.out = regex::escape(pattern);
        let span = 0..parser.out.len();
        let item = Item {
            group: None,
            atom: span.clone(),
            span: span.clone(),
            least: 1,
            most: Some(1),
            prefers: 0,
        };
        return Ok(parser.done(Alternatives {
            branches: vec![vec![item]],
            span,
        }));
    }
    let tree = parser.alternatives()?;
    match parser.peek() {
        None => Ok(parser.done(tree)),
        Some(_) => Err(bad("parentheses () not balanced")),
    }
}

/// The options a pattern begins with, `(?in)`.
fn embedded<'p>(pattern: &'p str, options: &mut Options) -> Result<&'p str> {
    let Some(rest) = pattern.strip_prefix("(?") else {
        return Ok(pattern);
    };
    if !rest.starts_with(|letter: char| letter.is_ascii_alphabetic()) {
        return Ok(pattern);
    }
    let wrong = || bad("invalid embedded option");
    let (flags, rest) = rest.split_once(')').ok_or_else(wrong)?;
    for flag in flags.chars() {
        if flag == 'b' {
            return Err(Error::unsupported("a basic regular expression"));
        }
        if !options.flag(flag) {
            return Err(wrong());
        }
    }
    Ok(rest)
}

struct Parser {
    letters: Vec<char>,
    at: usize,
    options: Options,
    out: String,
    groups: usize,
    depth: usize,
}

impl Parser {
    fn done(self, tree: Alternatives) -> Parsed {
        Parsed {
            tree,
            text: self.out,
            groups: self.groups,
            insensitive: self.options.insensitive,
        }
    }

    /// The next letter; with `x`, behind white space and comments.
    fn peek(&mut self) -> Option<char> {
        loop {
            match self.letters.get(self.at) {
                Some(letter) if self.options.expanded && letter.is_whitespace() => self.at += 1,
                Some('#') if self.options.expanded => {
                    while self.letters.get(self.at).is_some_and(|next| *next != '\n') {
                        self.at += 1;
                    }
                }
                // A comment may stand anywhere.
                Some('(') if self.letters.get(self.at..self.at + 3) == Some(&['(', '?', '#']) => {
                    while self.letters.get(self.at).is_some_and(|next| *next != ')') {
                        self.at += 1;
                    }
                    self.at += 1;
                }
                other => return other.copied(),
            }
        }
    }

    fn next(&mut self) -> Option<char> {
        let letter = self.letters.get(self.at).copied();
        self.at += 1;
        letter
    }

    fn eat(&mut self, wanted: char) -> bool {
        let is = self.peek() == Some(wanted);
        self.at += usize::from(is);
        is
    }

    fn alternatives(&mut self) -> Result<Alternatives> {
        self.depth += 1;
        if self.depth > DEEPEST {
            return Err(bad("regular expression is too complex"));
        }
        let start = self.out.len();
        let mut branches = Vec::new();
        loop {
            branches.push(self.branch()?);
            if !self.eat('|') {
                break;
            }
            self.out.push('|');
        }
        self.depth -= 1;
        Ok(Alternatives {
            branches,
            span: start..self.out.len(),
        })
    }

    fn branch(&mut self) -> Result<Vec<Item>> {
        let mut items: Vec<Item> = Vec::new();
        while let Some(letter) = self.peek() {
            if matches!(letter, '|' | ')') {
                break;
            }
            let start = self.out.len();
            let (group, is_place) = self.atom(letter)?;
            let atom = start..self.out.len();
            let (least, most, prefers) = match is_place {
                true => (1, Some(1), 0),
                false => self.quantifier()?,
            };
            let span = start..self.out.len();
            let plain = group.is_none() && prefers == 0;
            match items.last_mut() {
                // Letters in a row are one part.
                Some(last) if plain && last.group.is_none() && last.prefers == 0 => {
                    last.atom.end = span.end;
                    last.span.end = span.end;
                    (last.least, last.most) = (1, Some(1));
                }
                _ => items.push(Item {
                    group,
                    atom,
                    span,
                    least,
                    most,
                    prefers,
                }),
            }
        }
        Ok(items)
    }

    /// Writes an atom out; whether it is a place, which takes no quantifier.
    fn atom(&mut self, letter: char) -> Result<(Option<Group>, bool)> {
        self.at += 1;
        match letter {
            '*' | '+' | '?' => return Err(bad("quantifier operand invalid")),
            '{' if self.letters.get(self.at).is_some_and(char::is_ascii_digit) => {
                return Err(bad("quantifier operand invalid"));
            }
            '(' => return Ok((Some(self.group()?), false)),
            '[' => {
                let rest = self.letters.get(self.at..).unwrap_or_default();
                for (word, place) in [("[:<:]]", r"\b{start}"), ("[:>:]]", r"\b{end}")] {
                    if rest.iter().take(6).copied().eq(word.chars()) {
                        self.at += 6;
                        self.out.push_str(place);
                        return Ok((None, true));
                    }
                }
                let read = bracket::set(rest, self.options, &mut self.out)?;
                self.at += read;
            }
            '.' => self.out.push_str(match self.options.stops {
                true => r"[^\n]",
                false => "(?s:.)",
            }),
            '^' | '$' => {
                match (letter, self.options.lines) {
                    ('^', true) => self.out.push_str("(?m:^)"),
                    ('$', true) => self.out.push_str("(?m:$)"),
                    _ => self.out.push(letter),
                }
                return Ok((None, true));
            }
            '\\' => return Ok((None, self.escape()?)),
            other => self.literal(other),
        }
        Ok((None, false))
    }

    fn literal(&mut self, letter: char) {
        self.out
            .push_str(&regex::escape(letter.encode_utf8(&mut [0; 4])));
    }

    fn group(&mut self) -> Result<Group> {
        let mut capture = None;
        if self.letters.get(self.at) == Some(&'?') {
            self.at += 1;
            match self.next() {
                Some(':') => {}
                Some('=' | '!' | '<') => {
                    return Err(Error::unsupported("look-around in a regular expression"));
                }
                _ => return Err(bad("quantifier operand invalid")),
            }
            self.out.push_str("(?:");
        } else {
            self.groups += 1;
            capture = Some(self.groups);
            self.out.push('(');
        }
        let inner = self.alternatives()?;
        if !self.eat(')') {
            return Err(bad("parentheses () not balanced"));
        }
        self.out.push(')');
        Ok(Group { capture, inner })
    }

    /// What stands behind a backslash; whether it is a place.
    fn escape(&mut self) -> Result<bool> {
        let wrong = || bad("invalid escape \\ sequence");
        let letter = self.next().ok_or_else(wrong)?;
        let place = match letter {
            'A' => r"\A",
            'Z' => r"\z",
            'm' => r"\b{start}",
            'M' => r"\b{end}",
            'y' => r"\b",
            'Y' => r"\B",
            _ => "",
        };
        if !place.is_empty() {
            self.out.push_str(place);
            return Ok(true);
        }
        if let Some(class) = bracket::of_escape(letter) {
            let complement = letter.is_ascii_uppercase();
            self.out.push_str(if complement { "[^" } else { "[" });
            self.out.push_str(class);
            if complement && self.options.stops {
                self.out.push_str(r"\n");
            }
            self.out.push(']');
            return Ok(false);
        }
        if matches!(letter, '1'..='9') {
            return Err(Error::unsupported(
                "a back reference in a regular expression",
            ));
        }
        let rest = self.letters.get(self.at..).unwrap_or_default();
        let (plain, read) = bracket::escaped(letter, rest)?;
        self.at += read;
        self.literal(plain);
        Ok(false)
    }

    fn quantifier(&mut self) -> Result<(u32, Option<u32>, u8)> {
        let (least, most, fixed) = match self.peek() {
            Some('*') => (0, None, false),
            Some('+') => (1, None, false),
            Some('?') => (0, Some(1), false),
            Some('{')
                if self
                    .letters
                    .get(self.at + 1)
                    .is_some_and(char::is_ascii_digit) =>
            {
                self.at += 1;
                self.bounds()?
            }
            _ => return Ok((1, Some(1), 0)),
        };
        self.at += 1;
        let prefers = match self.letters.get(self.at) == Some(&'?') {
            true => {
                self.at += 1;
                SHORT
            }
            false if fixed => 0,
            false => LONG,
        };
        match (least, most) {
            (0, None) => self.out.push('*'),
            (1, None) => self.out.push('+'),
            (0, Some(1)) => self.out.push('?'),
            (least, None) => self.out.push_str(&format!("{{{least},}}")),
            (least, Some(most)) => self.out.push_str(&format!("{{{least},{most}}}")),
        }
        if prefers == SHORT {
            self.out.push('?');
        }
        Ok((least, most, if fixed { 0 } else { prefers }))
    }

    fn number(&mut self) -> Result<u32> {
        let mut value = 0;
        while let Some(digit) = self.letters.get(self.at).and_then(|next| next.to_digit(10)) {
            value = value * 10 + digit;
            if value > MOST {
                return Err(bad("invalid repetition count(s)"));
            }
            self.at += 1;
        }
        Ok(value)
    }

    /// `{2,5}` behind the brace and before the other.
    fn bounds(&mut self) -> Result<(u32, Option<u32>, bool)> {
        let least = self.number()?;
        let mut most = Some(least);
        let mut fixed = true;
        if self.letters.get(self.at) == Some(&',') {
            self.at += 1;
            fixed = false;
            most = match self.letters.get(self.at) {
                Some(digit) if digit.is_ascii_digit() => Some(self.number()?),
                _ => None,
            };
        }
        match self.letters.get(self.at) {
            None => Err(bad("braces {} not balanced")),
            Some('}') if most.is_none_or(|most| most >= least) => Ok((least, most, fixed)),
            Some(_) => Err(bad("invalid repetition count(s)")),
        }
    }
}
