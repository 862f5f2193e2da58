//! What PostgreSQL writes and sqlparser reads otherwise or not at all, respelled
//! before it is parsed: words that are keywords elsewhere only, operators that
//! touch a sign, `TABLE t`, `trim(leading from s)`, `GROUP BY DISTINCT`.
//!
//! Tokens put in carry the place of what they replace, so that an error still
//! points into the text.

mod assignments;
mod expressions;

use super::tokens::{is_word, unexpected};
use assignments::Assigned;
use orbit_core::{Error, Result};
#[cfg(feature = "datafusion")]
use sqlparser::ast::{Expr, Ident};
use sqlparser::ast::{Expr as AnyExpr, Select, SelectItem, Statement, VisitorMut};
use sqlparser::keywords::Keyword;
use sqlparser::tokenizer::{Token, TokenWithSpan, Word};
use std::ops::ControlFlow;

/// Stands first in GROUP BY; no SQL text can name it.
const DISTINCT_SETS: &str = "\0distinct";

/// What `SET a[1] = x` calls to make the new a of the old one, the subscripts and x.
pub(crate) const ASSIGN: &str = "\0assign";

/// What `(row).*` in a select list calls.
pub(crate) const ALL_OF_ROW: &str = "\0all";

/// What `ROWS FROM (f(x), g(y))` calls.
pub(crate) const ROWS_FROM: &str = "\0rows";

/// The name of the argument that `VARIADIC` stands before.
pub(crate) const VARIADIC: &str = "\0variadic";

/// A kept text as it was written, where a mark of ours stands for a word.
pub(crate) fn without_marks(text: String) -> String {
    match text.contains(VARIADIC) {
        true => text.replace(&format!("\"{VARIADIC}\" => "), "VARIADIC "),
        false => text,
    }
}

/// The one item of a select list that has none.
pub(super) const NO_ITEM: &str = "\0none";

/// The text of a query that was read respelled, in PostgreSQL's spelling again.
#[cfg(feature = "datafusion")]
pub(crate) fn as_written(text: String) -> String {
    if !text.contains('\0') {
        return text;
    }
    [
        (
            format!("GROUP BY \"{DISTINCT_SETS}\", "),
            "GROUP BY DISTINCT ",
        ),
        (format!("\"{ROWS_FROM}\"("), "ROWS FROM("),
        (format!("\"{VARIADIC}\" => "), "VARIADIC "),
        (format!("\"{ALL_OF_ROW}\""), ""),
    ]
    .iter()
    .fold(text, |text, (mark, written)| text.replace(mark, written))
}

/// What a piece of text is part of.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    /// SELECT, VALUES, TABLE, INSERT, UPDATE, DELETE.
    Row,
    /// A statement that defines something, by a query perhaps.
    Definition,
    /// An expression.
    Other,
}

/// Whether GROUP BY's first item is the mark of GROUP BY DISTINCT.
#[cfg(feature = "datafusion")]
pub(crate) fn is_distinct_mark(expr: &Expr) -> bool {
    matches!(expr, Expr::Identifier(Ident { value, .. }) if value == DISTINCT_SETS)
}

/// The tokens as sqlparser reads them; `None`: as they are.
pub(super) fn respelled(
    text: &str,
    tokens: &[TokenWithSpan],
    part: Part,
) -> Result<Option<Vec<TokenWithSpan>>> {
    let rows_from = match part {
        Part::Row => Some(0),
        Part::Definition => defining_query(tokens),
        Part::Other => None,
    };
    let mut speller = Speller {
        tokens,
        query: rows_from,
        at: 0,
        out: Vec::new(),
        closing: Vec::new(),
        wrapped: Vec::new(),
        stars: Vec::new(),
        assigned: Vec::new(),
        changed: false,
    };
    let mut at = 0;
    while let Some(token) = tokens.get(at) {
        speller.at = at;
        let taken = match rows_from {
            Some(from) if at >= from => speller.clause(text, at, token)?,
            _ => 0,
        };
        at += match taken {
            0 => speller.expression(at, token),
            taken => taken,
        };
        speller.close(at);
    }
    Ok(speller.changed.then_some(speller.out))
}

/// Where the query of CREATE VIEW and CREATE TABLE AS begins: it is spelt as one of its own.
fn defining_query(tokens: &[TokenWithSpan]) -> Option<usize> {
    let is = |at: usize, word: &str| is_word(tokens.get(at).map(|token| &token.token), word);
    let defines = |at: usize| is(at, "table") || is(at, "view");
    if !is(0, "create") || !(1..6).any(defines) {
        return None;
    }
    let mut depth = 0usize;
    for (at, token) in tokens.iter().enumerate() {
        match &token.token {
            Token::LParen => depth += 1,
            Token::RParen => depth = depth.saturating_sub(1),
            word if depth == 0 && is_word(Some(word), "as") => return Some(at + 1),
            _ => {}
        }
    }
    None
}

struct Speller<'t> {
    tokens: &'t [TokenWithSpan],
    /// Where the first query begins.
    query: Option<usize>,
    /// The token being read.
    at: usize,
    /// Once something changed: what is read so far, respelled.
    out: Vec<TokenWithSpan>,
    /// Where a bracket of ours closes.
    closing: Vec<usize>,
    /// Brackets that get one around them, and where that closes; the last one first.
    wrapped: Vec<(usize, usize)>,
    /// Where `.*` stands that is read already.
    stars: Vec<usize>,
    /// Assignments to parts of a column that are still to come.
    assigned: Vec<Assigned>,
    changed: bool,
}

impl Speller<'_> {
    fn token(&self, at: usize) -> Option<&Token> {
        self.tokens.get(at).map(|token| &token.token)
    }

    fn before(&self, at: usize) -> Option<&Token> {
        at.checked_sub(1).and_then(|at| self.token(at))
    }

    fn is(&self, at: usize, word: &str) -> bool {
        is_word(self.token(at), word)
    }

    /// From here on the tokens are others.
    fn change(&mut self) {
        if !self.changed {
            let before = self.tokens.get(..self.at).unwrap_or_default();
            self.out.reserve(self.tokens.len() + 4);
            self.out.extend_from_slice(before);
            self.changed = true;
        }
    }

    fn put(&mut self, token: Token, like: &TokenWithSpan) {
        self.change();
        self.out.push(TokenWithSpan {
            token,
            span: like.span,
        });
    }

    /// Puts the bracket that was opened for what ends before `at`.
    fn close(&mut self, at: usize) {
        while self.closing.last().is_some_and(|end| *end <= at) {
            self.closing.pop();
            if let Some(last) = self.out.last().cloned() {
                self.put(Token::RParen, &last);
            }
        }
    }

    /// The place behind the bracket that closes the one at `open`, and whether a word
    /// of this name stands directly inside.
    fn bracket(&self, open: usize, word: &str) -> Option<(usize, bool)> {
        let mut depth = 0usize;
        let mut found = false;
        for (n, token) in self.tokens.get(open..)?.iter().enumerate() {
            match &token.token {
                Token::LParen => depth += 1,
                Token::RParen => depth = depth.saturating_sub(1),
                other if depth == 1 => found |= is_word(Some(other), word),
                _ => {}
            }
            if depth == 0 {
                return Some((open + n + 1, found));
            }
        }
        None
    }

    /// What only statements over rows have; how many tokens were read.
    fn clause(&mut self, text: &str, at: usize, token: &TokenWithSpan) -> Result<usize> {
        let Token::Word(word) = &token.token else {
            return Ok(0);
        };
        match self.assign(at, token) {
            0 => {}
            taken => return Ok(taken),
        }
        if self.is_row_value(at) {
            self.put(Token::LParen, token);
            self.out
                .extend(self.tokens.iter().skip(at).take(3).cloned());
            self.put(Token::RParen, token);
            return Ok(3);
        }
        if word.quote_style.is_some() {
            return Ok(0);
        }
        if word.keyword == Keyword::SET {
            let assigned = self.subscripted(at);
            if !assigned.is_empty() {
                self.assigned = assigned;
                return Ok(0);
            }
        }
        match word.keyword {
            // `TABLE t` is `SELECT * FROM t`.
            Keyword::TABLE if self.begins_query(at) => {
                self.put(Token::make_keyword("SELECT"), token);
                self.put(Token::Mul, token);
                self.put(Token::make_keyword("FROM"), token);
                Ok(1)
            }
            Keyword::SELECT if self.ends_list(at + 1) && !is_word(self.before(at), "as") => {
                self.change();
                self.out.push(token.clone());
                self.put(quoted(NO_ITEM), token);
                Ok(1)
            }
            Keyword::ROWS
                if self.is(at + 1, "from") && self.token(at + 2) == Some(&Token::LParen) =>
            {
                self.put(quoted(ROWS_FROM), token);
                Ok(2)
            }
            // No table has heirs, and so the word says nothing. `FETCH FIRST ROW ONLY` is another.
            Keyword::ONLY if !self.counts_rows(at) && !self.is_label(at) => Ok(self.only(at)),
            Keyword::GROUP if self.is(at + 1, "by") && self.is(at + 2, "all") => {
                self.change();
                self.out
                    .extend(self.tokens.iter().skip(at).take(2).cloned());
                Ok(3)
            }
            Keyword::GROUP if self.is(at + 1, "by") && self.is(at + 2, "distinct") => {
                self.change();
                self.out
                    .extend(self.tokens.iter().skip(at).take(2).cloned());
                let like = self.tokens.get(at + 2).unwrap_or(token);
                self.put(quoted(DISTINCT_SETS), like);
                self.put(Token::Comma, like);
                Ok(3)
            }
            Keyword::DISTINCT
                if self.before(at) == Some(&Token::LParen)
                    && self.token(at + 1) == Some(&Token::Mul) =>
            {
                Err(unexpected(text, self.tokens.get(at + 1)))
            }
            Keyword::EXCLUDE => match self.excluded(at) {
                Some(("no others", length)) => {
                    self.change();
                    Ok(length)
                }
                Some((what, _)) => Err(Error::unsupported(format_args!(
                    "EXCLUDE {} in a window frame",
                    what.to_uppercase()
                ))),
                None => Ok(self.plain(at, token, word)),
            },
            _ => Ok(self.plain(at, token, word)),
        }
    }

    /// Whether a word stands where any word is a name: behind AS, or behind a dot.
    fn is_label(&self, at: usize) -> bool {
        let before = self.before(at);
        is_word(before, "as") || before == Some(&Token::Period)
    }

    /// Whether TABLE begins a query here, rather than being a name or the word of INTO.
    fn begins_query(&self, at: usize) -> bool {
        self.query == Some(at) || !self.is_label(at) && !is_word(self.before(at), "into")
    }

    /// Whether a select list without items ends here, and FROM doesn't follow.
    fn ends_list(&self, at: usize) -> bool {
        match self.token(at) {
            None | Some(Token::RParen) => true,
            Some(Token::Word(word)) if word.quote_style.is_none() => matches!(
                word.keyword,
                Keyword::WHERE
                    | Keyword::GROUP
                    | Keyword::HAVING
                    | Keyword::WINDOW
                    | Keyword::UNION
                    | Keyword::EXCEPT
                    | Keyword::INTERSECT
                    | Keyword::ORDER
                    | Keyword::LIMIT
                    | Keyword::OFFSET
            ),
            _ => false,
        }
    }

    /// Whether `t.*` stands here for one value.
    fn is_row_value(&self, at: usize) -> bool {
        self.token(at + 1) == Some(&Token::Period)
            && self.token(at + 2) == Some(&Token::Mul)
            && self.before(at) != Some(&Token::Period)
            && (self.token(at + 3) == Some(&Token::DoubleColon) || self.is(at + 3, "is"))
    }

    /// `(row).*` as a call, where items of a list stand.
    fn all_of_row(&mut self, at: usize, token: &TokenWithSpan) -> usize {
        let in_list = match self.before(at) {
            Some(Token::Comma) => true,
            Some(Token::Word(word)) => matches!(
                word.keyword,
                Keyword::SELECT | Keyword::DISTINCT | Keyword::ALL | Keyword::RETURNING
            ),
            _ => false,
        };
        if !in_list {
            return 0;
        }
        let Some((end, _)) = self.bracket(at, "") else {
            return 0;
        };
        if self.token(end) != Some(&Token::Period) || self.token(end + 1) != Some(&Token::Mul) {
            return 0;
        }
        self.put(quoted(ALL_OF_ROW), token);
        self.out.push(token.clone());
        self.stars.push(end);
        1
    }

    fn counts_rows(&self, at: usize) -> bool {
        let before = self.before(at);
        is_word(before, "row") || is_word(before, "rows")
    }

    /// `ONLY t` and `ONLY (t)` are `t`.
    fn only(&mut self, at: usize) -> usize {
        match self.token(at + 1) {
            Some(Token::Word(_)) => {
                self.change();
                1
            }
            Some(Token::LParen) => {
                let rest = self.tokens.get(at + 2..).unwrap_or_default();
                let name = rest
                    .iter()
                    .take_while(|token| matches!(token.token, Token::Word(_) | Token::Period));
                let length = name.count();
                let closed = rest.get(length).map(|token| &token.token) == Some(&Token::RParen);
                if length == 0 || !closed {
                    return 0;
                }
                self.change();
                self.out.extend(rest.iter().take(length).cloned());
                length + 3
            }
            _ => 0,
        }
    }

    /// What a window frame leaves out, and how many words say so.
    fn excluded(&self, at: usize) -> Option<(&'static str, usize)> {
        let ways: [(&str, &[&str]); 4] = [
            ("current row", &["current", "row"]),
            ("group", &["group"]),
            ("ties", &["ties"]),
            ("no others", &["no", "others"]),
        ];
        ways.into_iter().find_map(|(what, words)| {
            let fits = words
                .iter()
                .enumerate()
                .all(|(n, word)| self.is(at + 1 + n, word));
            let end = at + 1 + words.len();
            (fits && self.token(end) == Some(&Token::RParen)).then_some((what, end - at))
        })
    }

    /// A word that is a name where PostgreSQL reads it here.
    fn plain(&mut self, at: usize, token: &TokenWithSpan, word: &Word) -> usize {
        if !self.is_name(at, word.keyword) {
            return 0;
        }
        self.put(
            Token::Word(Word {
                keyword: Keyword::NoKeyword,
                ..word.clone()
            }),
            token,
        );
        1
    }

    fn is_name(&self, at: usize, keyword: Keyword) -> bool {
        use Keyword as K;
        let next = self.token(at + 1);
        let called = next == Some(&Token::LParen);
        match keyword {
            // Words of other dialects.
            K::ANTI
            | K::ASOF
            | K::CLUSTER
            | K::CONNECT
            | K::DISTRIBUTE
            | K::DIV
            | K::EXCLUDE
            | K::FORMAT
            | K::GLOBAL
            | K::MATCH
            | K::MATCH_CONDITION
            | K::MATCH_RECOGNIZE
            | K::MINUS
            | K::OPEN
            | K::OUTPUT
            | K::PIVOT
            | K::PREWHERE
            | K::QUALIFY
            | K::REGEXP
            | K::RLIKE
            | K::SAMPLE
            | K::SEMI
            | K::SETTINGS
            | K::SORT
            | K::START
            | K::TOP
            | K::UNPIVOT
            | K::VIEW
            | K::XOR => true,
            K::EXPLAIN => at > 0,
            // Names unless they are called.
            K::CUBE | K::ROLLUP | K::TRIM | K::UNNEST => !called,
            K::VALUES => !called && !is_word(self.before(at), "default"),
            K::PARTITION => !is_word(next, "by"),
            // UPDATE's own is followed by what it sets.
            K::SET => !called && !matches!(next, Some(Token::Word(_))),
            K::INTERVAL => {
                let literal = called
                    || matches!(
                        next,
                        Some(
                            Token::SingleQuotedString(_)
                                | Token::EscapedStringLiteral(_)
                                | Token::UnicodeStringLiteral(_)
                                | Token::DollarQuotedString(_)
                                | Token::Placeholder(_)
                        )
                    );
                let value_here = match self.before(at) {
                    Some(Token::Comma) => true,
                    Some(Token::Word(word)) => matches!(
                        word.keyword,
                        K::SELECT | K::BY | K::WHERE | K::AND | K::OR | K::ON | K::HAVING
                    ),
                    _ => false,
                };
                value_here && !literal
            }
            _ => false,
        }
    }
}

/// Takes the item out of select lists that has to stand for none.
pub(super) fn empty_lists(statement: &mut Statement) {
    struct Emptied;

    impl VisitorMut for Emptied {
        type Break = ();

        fn pre_visit_select(&mut self, select: &mut Select) -> ControlFlow<()> {
            select.projection.retain(|item| {
                !matches!(item, SelectItem::UnnamedExpr(AnyExpr::Identifier(name)) if name.value == NO_ITEM)
            });
            ControlFlow::Continue(())
        }
    }
    let _ = super::visit::visit_mut(statement, &mut Emptied);
}

fn quoted(name: &str) -> Token {
    Token::Word(Word {
        value: name.to_owned(),
        quote_style: Some('"'),
        keyword: Keyword::NoKeyword,
    })
}

#[cfg(test)]
mod tests;
