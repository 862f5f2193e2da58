//! A path's text as steps.

use super::node::Node;
use orbit_core::value::Numeric;
use orbit_core::{Error, Result, state};

pub struct Path {
    pub strict: bool,
    pub root: Expr,
}

pub enum Expr {
    /// `$`
    Root,
    /// `@`
    Current,
    /// `last`, inside a subscript
    Last,
    Variable(String),
    Literal(Node),
    Steps(Box<Expr>, Vec<Step>),
    Negate(Box<Expr>),
    Plus(Box<Expr>),
    Arithmetic(char, Box<Expr>, Box<Expr>),
    Predicate(Box<Predicate>),
}

pub enum Step {
    Member(String),
    AnyMember,
    /// `.**`, between two depths; the second may be open.
    Descend(u32, Option<u32>),
    AnyItem,
    Items(Vec<(Expr, Option<Expr>)>),
    Filter(Predicate),
    Method(Method),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    Type,
    Size,
    Double,
    Ceiling,
    Floor,
    Abs,
    KeyValue,
}

pub enum Predicate {
    Compare(&'static str, Expr, Expr),
    Like(Expr, String, String),
    StartsWith(Expr, Expr),
    Exists(Expr),
    Not(Box<Predicate>),
    And(Box<Predicate>, Box<Predicate>),
    Or(Box<Predicate>, Box<Predicate>),
    IsUnknown(Box<Predicate>),
    /// `(predicate)` where a value may stand too.
    Value(Expr),
}

#[derive(Clone, Debug, PartialEq)]
enum Token {
    Word(String),
    Text(String),
    Number(String),
    Variable(String),
    Sign(&'static str),
}

/// Nesting of a path.
const MAX_DEPTH: usize = 100;

struct Parser<'t> {
    text: &'t str,
    tokens: Vec<Token>,
    at: usize,
    depth: usize,
}

pub fn path(text: &str) -> Result<Path> {
    let mut parser = Parser {
        text,
        tokens: tokens(text)?,
        at: 0,
        depth: 0,
    };
    let strict = parser.word("strict");
    if !strict {
        parser.word("lax");
    }
    let root = parser.whole()?;
    match parser.at == parser.tokens.len() {
        true => Ok(Path { strict, root }),
        false => Err(parser.unexpected()),
    }
}

fn syntax(text: &str, near: &str) -> Error {
    let _ = text;
    Error::new(
        state::SYNTAX_ERROR,
        match near {
            "" => "syntax error at end of jsonpath input".to_owned(),
            near => format!("syntax error at or near \"{near}\" of jsonpath input"),
        },
    )
}

const SIGNS: [&str; 32] = [
    "**", "&&", "||", "==", "!=", "<>", "<=", ">=", "!", "<", ">", "=", "+", "-", "*", "/", "%",
    "(", ")", "[", "]", "{", "}", ".", ",", "?", "@", "$", ":", ";", "&", "|",
];

fn tokens(text: &str) -> Result<Vec<Token>> {
    let mut tokens = Vec::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        if first.is_whitespace() {
            rest = rest.trim_start();
            continue;
        }
        if let Some(after) = rest.strip_prefix("/*") {
            let end = after.find("*/").ok_or_else(|| syntax(text, ""))?;
            rest = after.get(end + 2..).unwrap_or_default();
            continue;
        }
        if first == '"' {
            let (value, after) = quoted(rest).ok_or_else(|| syntax(text, ""))?;
            tokens.push(Token::Text(value));
            rest = after;
            continue;
        }
        if first == '$' {
            let after = rest.get(1..).unwrap_or_default();
            if after.starts_with('"') {
                let (name, after) = quoted(after).ok_or_else(|| syntax(text, ""))?;
                tokens.push(Token::Variable(name));
                rest = after;
                continue;
            }
            let end = after
                .find(|letter: char| !is_word(letter))
                .unwrap_or(after.len());
            if end > 0 {
                let name = after.get(..end).unwrap_or_default();
                tokens.push(Token::Variable(name.to_owned()));
                rest = after.get(end..).unwrap_or_default();
                continue;
            }
        }
        let digit = |text: &str| text.starts_with(|letter: char| letter.is_ascii_digit());
        if first.is_ascii_digit() || (first == '.' && digit(rest.get(1..).unwrap_or_default())) {
            let end = number_end(rest);
            let number = rest.get(..end).unwrap_or_default();
            rest = rest.get(end..).unwrap_or_default();
            if rest.starts_with(is_word) {
                return Err(Error::new(
                    state::SYNTAX_ERROR,
                    format!(
                        "trailing junk after numeric literal at or near \"{number}{}\" of jsonpath input",
                        rest.chars().take(1).collect::<String>()
                    ),
                ));
            }
            tokens.push(Token::Number(number.to_owned()));
            continue;
        }
        if let Some(sign) = SIGNS.iter().find(|sign| rest.starts_with(**sign)) {
            tokens.push(Token::Sign(sign));
            rest = rest.get(sign.len()..).unwrap_or_default();
            continue;
        }
        if is_word(first) {
            let end = rest
                .find(|letter: char| !is_word(letter))
                .unwrap_or(rest.len());
            tokens.push(Token::Word(rest.get(..end).unwrap_or_default().to_owned()));
            rest = rest.get(end..).unwrap_or_default();
            continue;
        }
        return Err(syntax(text, first.encode_utf8(&mut [0; 4])));
    }
    Ok(tokens)
}

fn is_word(letter: char) -> bool {
    letter.is_alphanumeric() || letter == '_' || !letter.is_ascii()
}

fn number_end(text: &str) -> usize {
    let bytes = text.as_bytes();
    let digits = |from: usize| {
        let rest = bytes.get(from..).unwrap_or_default();
        rest.iter().take_while(|byte| byte.is_ascii_digit()).count()
    };
    let mut end = digits(0);
    // `1.type()` is a member of a number, `1.5` one number.
    if bytes.get(end) == Some(&b'.') {
        let more = digits(end + 1);
        let word = bytes
            .get(end + 1)
            .is_some_and(|byte| byte.is_ascii_alphabetic() || *byte == b'*');
        if more > 0 || !word {
            end += 1 + more;
        }
    }
    if matches!(bytes.get(end), Some(b'e' | b'E')) {
        let sign = usize::from(matches!(bytes.get(end + 1), Some(b'+' | b'-')));
        let more = digits(end + 1 + sign);
        if more > 0 {
            end += 1 + sign + more;
        }
    }
    end
}

/// A text in quotes and what comes after it.
fn quoted(text: &str) -> Option<(String, &str)> {
    let mut escaped = false;
    for (at, letter) in text.char_indices().skip(1) {
        match letter {
            '\\' if !escaped => escaped = true,
            '"' if !escaped => {
                let inner = text.get(..=at)?;
                let value = serde_json::from_str(inner).ok()?;
                return Some((value, text.get(at + 1..)?));
            }
            _ => escaped = false,
        }
    }
    None
}

impl Parser<'_> {
    fn peek(&self) -> Option<&Token> {
        self.tokens.get(self.at)
    }

    fn unexpected(&self) -> Error {
        match self.peek() {
            None => syntax(self.text, ""),
            Some(Token::Word(word) | Token::Number(word)) => syntax(self.text, word),
            Some(Token::Text(word)) => syntax(self.text, &format!("\"{word}\"")),
            Some(Token::Variable(word)) => syntax(self.text, &format!("${word}")),
            Some(Token::Sign(sign)) => syntax(self.text, sign),
        }
    }

    fn sign(&mut self, wanted: &str) -> bool {
        let is = matches!(self.peek(), Some(Token::Sign(sign)) if *sign == wanted);
        self.at += usize::from(is);
        is
    }

    fn word(&mut self, wanted: &str) -> bool {
        let is = matches!(self.peek(), Some(Token::Word(word)) if word == wanted);
        self.at += usize::from(is);
        is
    }

    fn need(&mut self, wanted: &str) -> Result<()> {
        match self.sign(wanted) {
            true => Ok(()),
            false => Err(self.unexpected()),
        }
    }

    fn deeper<R>(&mut self, work: impl FnOnce(&mut Self) -> Result<R>) -> Result<R> {
        if self.depth >= MAX_DEPTH {
            return Err(Error::new(
                state::STATEMENT_TOO_COMPLEX,
                "the jsonpath nests too deeply",
            ));
        }
        self.depth += 1;
        let result = work(self);
        self.depth -= 1;
        result
    }

    /// A predicate or an expression.
    fn whole(&mut self) -> Result<Expr> {
        Ok(match self.predicate()? {
            Predicate::Value(value) => value,
            predicate => Expr::Predicate(Box::new(predicate)),
        })
    }

    fn predicate(&mut self) -> Result<Predicate> {
        self.deeper(|parser| {
            let mut left = parser.conjunction()?;
            while parser.sign("||") {
                let right = parser.conjunction()?;
                left = Predicate::Or(Box::new(left), Box::new(right));
            }
            Ok(left)
        })
    }

    fn conjunction(&mut self) -> Result<Predicate> {
        let mut left = self.negation()?;
        while self.sign("&&") {
            let right = self.negation()?;
            left = Predicate::And(Box::new(left), Box::new(right));
        }
        Ok(left)
    }

    fn negation(&mut self) -> Result<Predicate> {
        if self.sign("!") {
            let inner = self.deeper(Self::negation)?;
            return Ok(Predicate::Not(Box::new(inner)));
        }
        if self.word("exists") {
            self.need("(")?;
            let inner = self.sum()?;
            self.need(")")?;
            return Ok(Predicate::Exists(inner));
        }
        let left = self.sum()?;
        let signs = ["==", "!=", "<>", "<=", ">=", "<", ">", "="];
        for sign in signs {
            if self.sign(sign) {
                let sign = match sign {
                    "=" => "==",
                    "<>" => "!=",
                    other => other,
                };
                let right = self.sum()?;
                return Ok(Predicate::Compare(sign, left, right));
            }
        }
        if self.word("like_regex") {
            let pattern = self.string()?;
            let flags = match self.word("flag") {
                true => self.string()?,
                false => String::new(),
            };
            return Ok(Predicate::Like(left, pattern, flags));
        }
        if self.word("starts") {
            if !self.word("with") {
                return Err(self.unexpected());
            }
            let start = self.primary()?;
            return Ok(Predicate::StartsWith(left, start));
        }
        if self.word("is") {
            if !self.word("unknown") {
                return Err(self.unexpected());
            }
            let inner = match left {
                Expr::Predicate(inner) => inner,
                other => Box::new(Predicate::Value(other)),
            };
            return Ok(Predicate::IsUnknown(inner));
        }
        Ok(match left {
            Expr::Predicate(inner) => *inner,
            other => Predicate::Value(other),
        })
    }

    fn string(&mut self) -> Result<String> {
        match self.peek().cloned() {
            Some(Token::Text(text)) => {
                self.at += 1;
                Ok(text)
            }
            _ => Err(self.unexpected()),
        }
    }

    fn sum(&mut self) -> Result<Expr> {
        let mut left = self.product()?;
        loop {
            let op = match self.peek() {
                Some(Token::Sign("+")) => '+',
                Some(Token::Sign("-")) => '-',
                _ => return Ok(left),
            };
            self.at += 1;
            let right = self.product()?;
            left = Expr::Arithmetic(op, Box::new(left), Box::new(right));
        }
    }

    fn product(&mut self) -> Result<Expr> {
        let mut left = self.signed()?;
        loop {
            let op = match self.peek() {
                Some(Token::Sign("*")) => '*',
                Some(Token::Sign("/")) => '/',
                Some(Token::Sign("%")) => '%',
                _ => return Ok(left),
            };
            self.at += 1;
            let right = self.signed()?;
            left = Expr::Arithmetic(op, Box::new(left), Box::new(right));
        }
    }

    fn signed(&mut self) -> Result<Expr> {
        if self.sign("-") {
            let inner = self.deeper(Self::signed)?;
            return Ok(Expr::Negate(Box::new(inner)));
        }
        if self.sign("+") {
            let inner = self.deeper(Self::signed)?;
            return Ok(Expr::Plus(Box::new(inner)));
        }
        self.primary()
    }

    fn primary(&mut self) -> Result<Expr> {
        let Some(token) = self.peek().cloned() else {
            return Err(self.unexpected());
        };
        self.at += 1;
        let base = match token {
            Token::Sign("$") => Expr::Root,
            Token::Sign("@") => Expr::Current,
            Token::Variable(name) => Expr::Variable(name),
            Token::Text(text) => Expr::Literal(Node::String(text)),
            Token::Number(text) => Expr::Literal(Node::Number(Numeric::parse(&text)?)),
            Token::Word(word) => match word.as_str() {
                "true" => Expr::Literal(Node::Bool(true)),
                "false" => Expr::Literal(Node::Bool(false)),
                "null" => Expr::Literal(Node::Null),
                "last" => Expr::Last,
                _ => {
                    self.at -= 1;
                    return Err(self.unexpected());
                }
            },
            Token::Sign("(") => {
                let inner = self.whole()?;
                self.need(")")?;
                inner
            }
            Token::Sign(_) => {
                self.at -= 1;
                return Err(self.unexpected());
            }
        };
        let steps = self.steps()?;
        Ok(match steps.is_empty() {
            true => base,
            false => Expr::Steps(Box::new(base), steps),
        })
    }

    fn steps(&mut self) -> Result<Vec<Step>> {
        let mut steps = Vec::new();
        loop {
            if self.sign("[") {
                if self.sign("*") {
                    self.need("]")?;
                    steps.push(Step::AnyItem);
                    continue;
                }
                let mut items = Vec::new();
                loop {
                    let from = self.deeper(Self::sum)?;
                    let to = match self.word("to") {
                        true => Some(self.deeper(Self::sum)?),
                        false => None,
                    };
                    items.push((from, to));
                    if !self.sign(",") {
                        break;
                    }
                }
                self.need("]")?;
                steps.push(Step::Items(items));
            } else if self.sign("?") {
                self.need("(")?;
                let condition = self.predicate()?;
                self.need(")")?;
                steps.push(Step::Filter(condition));
            } else if self.sign(".") {
                steps.push(self.member()?);
            } else {
                return Ok(steps);
            }
        }
    }

    fn member(&mut self) -> Result<Step> {
        if self.sign("**") {
            if !self.sign("{") {
                return Ok(Step::Descend(0, None));
            }
            let from = self.level()?;
            let to = match self.word("to") {
                true => self.level()?,
                false => from,
            };
            self.need("}")?;
            return Ok(Step::Descend(from.unwrap_or(u32::MAX), to));
        }
        if self.sign("*") {
            return Ok(Step::AnyMember);
        }
        let name = match self.peek().cloned() {
            Some(Token::Word(name)) => name,
            Some(Token::Text(name)) => {
                self.at += 1;
                return Ok(Step::Member(name));
            }
            _ => return Err(self.unexpected()),
        };
        self.at += 1;
        if !self.sign("(") {
            return Ok(Step::Member(name));
        }
        let method = match name.as_str() {
            "type" => Method::Type,
            "size" => Method::Size,
            "double" => Method::Double,
            "ceiling" => Method::Ceiling,
            "floor" => Method::Floor,
            "abs" => Method::Abs,
            "keyvalue" => Method::KeyValue,
            "datetime" => {
                return Err(Error::unsupported("the jsonpath method .datetime()"));
            }
            _ => {
                self.at -= 1;
                return Err(self.unexpected());
            }
        };
        self.need(")")?;
        Ok(Step::Method(method))
    }

    /// A depth; `None`: `last`.
    fn level(&mut self) -> Result<Option<u32>> {
        match self.peek().cloned() {
            Some(Token::Word(word)) if word == "last" => {
                self.at += 1;
                Ok(None)
            }
            Some(Token::Number(number)) => {
                self.at += 1;
                number.parse().map(Some).map_err(|_| self.unexpected())
            }
            _ => Err(self.unexpected()),
        }
    }
}
