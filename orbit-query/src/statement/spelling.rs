//! What PostgreSQL writes and sqlparser reads otherwise or not at all, respelled
//! before it is parsed: words that are keywords elsewhere only, operators that
//! touch a sign, `TABLE t`, `trim(leading from s)`, `GROUP BY DISTINCT`.
//!
//! Tokens put in carry the place of what they replace, so that an error still
//! points into the text.

use super::tokens::{is_word, unexpected};
use orbit_core::{Error, Result};
#[cfg(feature = "datafusion")]
use sqlparser::ast::{Expr, Ident};
use sqlparser::ast::{Expr as AnyExpr, Select, SelectItem, Statement, VisitorMut};
use sqlparser::dialect::PostgreSqlDialect;
use sqlparser::keywords::Keyword;
use sqlparser::tokenizer::{Token, TokenWithSpan, Tokenizer, Word};
use std::ops::ControlFlow;

/// Stands first in GROUP BY; no SQL text can name it.
const DISTINCT_SETS: &str = "\0distinct";

/// What `SET a[1] = x` calls to make the new a of the old one, the subscripts and x.
pub(crate) const ASSIGN: &str = "\0assign";

/// What `(row).*` in a select list calls.
pub(crate) const ALL_OF_ROW: &str = "\0all";

/// What `ROWS FROM (f(x), g(y))` calls.
pub(crate) const ROWS_FROM: &str = "\0rows";

/// The one item of a select list that has none.
pub(super) const NO_ITEM: &str = "\0none";

/// What a piece of text is part of.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    /// SELECT, VALUES, TABLE, INSERT, UPDATE, DELETE.
    Row,
    /// An expression, or a statement that defines something.
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
    let mut speller = Speller {
        tokens,
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
        at += match part {
            Part::Row => match speller.clause(text, at, token)? {
                0 => speller.expression(at, token),
                taken => taken,
            },
            Part::Other => speller.expression(at, token),
        };
        speller.close(at);
    }
    Ok(speller.changed.then_some(speller.out))
}

struct Speller<'t> {
    tokens: &'t [TokenWithSpan],
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

/// `a[1][2] = x`: where its parts stand.
struct Assigned {
    target: usize,
    subscripts: Vec<std::ops::Range<usize>>,
    equals: usize,
    end: usize,
}

impl Speller<'_> {
    /// The assignments to parts of columns in the list of a SET.
    fn subscripted(&self, set: usize) -> Vec<Assigned> {
        let mut found = Vec::new();
        let writes = ["update", "insert", "with"];
        if !writes.iter().any(|word| self.is(0, word)) {
            return found;
        }
        let mut target = set + 1;
        loop {
            let mut next = target + 1;
            let mut subscripts = Vec::new();
            while self.token(next) == Some(&Token::LBracket) {
                let Some(end) = self.index_end(next) else {
                    return found;
                };
                subscripts.push(next + 1..end);
                next = end + 1;
            }
            let end = self.assignment_end(next);
            let named = matches!(self.token(target), Some(Token::Word(_)));
            if named && !subscripts.is_empty() && self.token(next) == Some(&Token::Eq) {
                found.push(Assigned {
                    target,
                    subscripts,
                    equals: next,
                    end,
                });
            }
            if self.token(end) != Some(&Token::Comma) {
                return found;
            }
            target = end + 1;
        }
    }

    /// Where the bracket closes that opens an index; slices are none.
    fn index_end(&self, open: usize) -> Option<usize> {
        let mut depth = 0usize;
        for (n, token) in self.tokens.get(open..)?.iter().enumerate() {
            match &token.token {
                Token::LBracket | Token::LParen => depth += 1,
                Token::RBracket | Token::RParen => depth = depth.saturating_sub(1),
                Token::Colon if depth == 1 => return None,
                _ => {}
            }
            if depth == 0 {
                return Some(open + n);
            }
        }
        None
    }

    /// Where an assignment ends: at a comma, at the next clause, at the end of all.
    fn assignment_end(&self, from: usize) -> usize {
        let mut depth = 0usize;
        let rest = self.tokens.get(from..).unwrap_or_default();
        for (n, token) in rest.iter().enumerate() {
            match &token.token {
                Token::LBracket | Token::LParen => depth += 1,
                Token::RBracket | Token::RParen if depth == 0 => return from + n,
                Token::RBracket | Token::RParen => depth -= 1,
                Token::Comma if depth == 0 => return from + n,
                Token::Word(word) if depth == 0 && word.quote_style.is_none() => {
                    let distinct = is_word(self.before(from + n), "distinct");
                    match word.keyword {
                        Keyword::WHERE | Keyword::RETURNING => return from + n,
                        Keyword::FROM if !distinct => return from + n,
                        _ => {}
                    }
                }
                _ => {}
            }
        }
        self.tokens.len()
    }

    /// Writes `a[1] = x` as `a = assign(a, 1, x)`; how many tokens were read.
    fn assign(&mut self, at: usize, token: &TokenWithSpan) -> usize {
        let Some(place) = self.assigned.iter().position(|one| one.target == at) else {
            return 0;
        };
        let assigned = self.assigned.swap_remove(place);
        self.put(token.token.clone(), token);
        self.put(Token::Eq, token);
        self.put(Token::make_word(ASSIGN, Some('"')), token);
        self.put(Token::LParen, token);
        self.put(token.token.clone(), token);
        for subscript in assigned.subscripts {
            self.put(Token::Comma, token);
            let tokens = self.tokens.get(subscript).unwrap_or_default();
            self.out.extend_from_slice(tokens);
        }
        self.put(Token::Comma, token);
        self.closing.push(assigned.end);
        assigned.equals + 1 - at
    }

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
            Keyword::TABLE if !matches!(self.before(at), Some(Token::Word(word)) if word.keyword == Keyword::INTO) =>
            {
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
            Keyword::ONLY if !self.counts_rows(at) => Ok(self.only(at)),
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

    /// What stands in any expression; how many tokens were read.
    fn expression(&mut self, at: usize, token: &TokenWithSpan) -> usize {
        let read = match &token.token {
            Token::CustomBinaryOperator(sign) => self.operator(sign, token),
            Token::LParen => match self.all_of_row(at, token) {
                0 => self.wrapping(at, token),
                read => read,
            },
            Token::Period if self.stars.contains(&at) => {
                self.change();
                2
            }
            Token::Word(word) if word.quote_style.is_none() => match word.keyword {
                Keyword::TRIM => self.trim(at, token),
                Keyword::INTERVAL => self.precise_interval(at, token),
                Keyword::ARRAY => self.array_of(at, token),
                Keyword::OPERATOR => self.named_operator(at, token),
                Keyword::ANY | Keyword::SOME | Keyword::ALL => self.quantified_values(at, token),
                Keyword::ROLLUP | Keyword::CUBE | Keyword::SETS => self.grouping_items(at),
                _ => 0,
            },
            _ => 0,
        };
        if read == 0 {
            if self.changed {
                self.out.push(token.clone());
            }
            return 1;
        }
        read
    }

    /// `integer ARRAY` and `integer ARRAY[3]` are `integer[]`. Behind a bracket or the name of
    /// a type no value can stand.
    fn array_of(&mut self, at: usize, token: &TokenWithSpan) -> usize {
        use Keyword as K;
        let behind_type = match self.before(at) {
            Some(Token::RParen) => true,
            Some(Token::Word(word)) if word.quote_style.is_none() => matches!(
                word.keyword,
                K::BIGINT
                    | K::BOOL
                    | K::BOOLEAN
                    | K::BYTEA
                    | K::CHAR
                    | K::CHARACTER
                    | K::DATE
                    | K::DECIMAL
                    | K::FLOAT
                    | K::FLOAT4
                    | K::FLOAT8
                    | K::INT
                    | K::INT2
                    | K::INT4
                    | K::INT8
                    | K::INTEGER
                    | K::INTERVAL
                    | K::JSON
                    | K::JSONB
                    | K::NUMERIC
                    | K::PRECISION
                    | K::REAL
                    | K::SMALLINT
                    | K::TEXT
                    | K::TIME
                    | K::TIMESTAMP
                    | K::TIMESTAMPTZ
                    | K::UUID
                    | K::VARCHAR
                    | K::VARYING
                    | K::ZONE
            ),
            _ => false,
        };
        let length = match (self.token(at + 1), self.token(at + 2), self.token(at + 3)) {
            (Some(Token::LBracket), Some(Token::Number(..)), Some(Token::RBracket)) => 4,
            (Some(Token::LBracket | Token::LParen), ..) => return 0,
            _ => 1,
        };
        if !behind_type {
            return 0;
        }
        self.put(Token::LBracket, token);
        self.put(Token::RBracket, token);
        length
    }

    /// `->-1` is `-> -1`: an operator ends in a sign only if it has one of these letters.
    fn operator(&mut self, sign: &str, token: &TokenWithSpan) -> usize {
        // One character stays, be it a sign itself.
        let length = sign.trim_end_matches(['+', '-']).len().max(1);
        let Some((kept, signs)) = sign.split_at_checked(length) else {
            return 0;
        };
        if signs.is_empty() || sign.contains(LETTERS_BEFORE_SIGNS) {
            return 0;
        }
        let Ok(first) = Tokenizer::new(&PostgreSqlDialect {}, kept).tokenize() else {
            return 0;
        };
        for token_of_kept in first {
            self.put(token_of_kept, token);
        }
        for sign in signs.chars() {
            let sign = if sign == '-' {
                Token::Minus
            } else {
                Token::Plus
            };
            self.put(sign, token);
        }
        1
    }

    /// `OPERATOR(pg_catalog.=)` is `=`, also before ANY.
    fn named_operator(&mut self, at: usize, token: &TokenWithSpan) -> usize {
        let is_qualified = self.token(at + 1) == Some(&Token::LParen)
            && self.is(at + 2, "pg_catalog")
            && self.token(at + 3) == Some(&Token::Period)
            && self.token(at + 5) == Some(&Token::RParen);
        let quantified = ["any", "all", "some"]
            .iter()
            .any(|word| self.is(at + 6, word));
        match self.token(at + 4).cloned() {
            Some(sign) if is_qualified && quantified => {
                self.put(sign, token);
                6
            }
            _ => 0,
        }
    }

    /// `trim(leading from s)` and `trim(leading s, letters)` as what they call.
    fn trim(&mut self, at: usize, token: &TokenWithSpan) -> usize {
        if self.token(at + 1) != Some(&Token::LParen) {
            return 0;
        }
        let (function, mut inside) = if self.is(at + 2, "leading") {
            ("ltrim", at + 3)
        } else if self.is(at + 2, "trailing") {
            ("rtrim", at + 3)
        } else if self.is(at + 2, "both") {
            ("btrim", at + 3)
        } else {
            ("btrim", at + 2)
        };
        if self.is(inside, "from") {
            inside += 1;
        } else if inside == at + 2 || !matches!(self.bracket(at + 1, "from"), Some((_, false))) {
            return 0;
        }
        self.put(Token::make_word(function, None), token);
        self.put(Token::LParen, token);
        inside - at
    }

    /// `interval(2) '1.555 sec'` as the cast it is; sqlparser forgets the digits.
    fn precise_interval(&mut self, at: usize, token: &TokenWithSpan) -> usize {
        let (
            Some(Token::LParen),
            Some(digits @ Token::Number(..)),
            Some(Token::RParen),
            Some(text),
        ) = (
            self.token(at + 1),
            self.token(at + 2),
            self.token(at + 3),
            self.tokens.get(at + 4),
        )
        else {
            return 0;
        };
        if !matches!(text.token, Token::SingleQuotedString(_)) {
            return 0;
        }
        let (digits, text) = (digits.clone(), text.clone());
        self.put(Token::make_word("CAST", None), token);
        self.put(Token::LParen, token);
        self.put(text.token, token);
        self.put(Token::make_word("AS", None), token);
        for part in [
            token.token.clone(),
            Token::LParen,
            digits,
            Token::RParen,
            Token::RParen,
        ] {
            self.put(part, token);
        }
        5
    }

    /// Items of ROLLUP, CUBE and GROUPING SETS that begin with a bracket which isn't all of
    /// them: `ROLLUP ((a)::date)` is respelled `ROLLUP (((a)::date))`, for sqlparser takes
    /// the first bracket for a set.
    fn grouping_items(&mut self, at: usize) -> usize {
        let Some((end, _)) = self.bracket(at + 1, "") else {
            return 0;
        };
        let mut found = Vec::new();
        let mut item = at + 2;
        while item < end {
            let mut next = item;
            while next + 1 < end && self.token(next) != Some(&Token::Comma) {
                next = match self.token(next) {
                    Some(Token::LParen) => self.bracket(next, "").map_or(end, |(end, _)| end),
                    _ => next + 1,
                };
            }
            let opens = self.token(item) == Some(&Token::LParen);
            let whole = self.bracket(item, "").is_some_and(|(end, _)| end == next);
            if opens && !whole {
                found.push((item, next));
            }
            item = next + 1;
        }
        self.wrapped.extend(found.into_iter().rev());
        0
    }

    fn wrapping(&mut self, at: usize, token: &TokenWithSpan) -> usize {
        match self.wrapped.last() {
            Some((start, end)) if *start == at => {
                self.closing.push(*end);
                self.wrapped.pop();
                self.put(Token::LParen, token);
                self.out.push(token.clone());
                1
            }
            _ => 0,
        }
    }

    /// `= ANY (VALUES ...)` as `= ANY ((VALUES ...))`, which is read as a subquery.
    fn quantified_values(&mut self, at: usize, token: &TokenWithSpan) -> usize {
        let matched = is_word(self.before(at), "like") || is_word(self.before(at), "ilike");
        let opened = self.token(at + 1) == Some(&Token::LParen);
        let is_values =
            opened && self.is(at + 2, "values") && self.token(at + 3) == Some(&Token::LParen);
        // LIKE ALL is read as a call, and LIKE SOME not at all.
        let is_query = matched
            && opened
            && self.is(at, "all")
            && (self.is(at + 2, "select") || self.is(at + 2, "with"));
        let some = matched && opened && self.is(at, "some");
        let any = Token::make_keyword("ANY");
        let Some((end, _)) = self.bracket(at + 1, "").filter(|_| is_values || is_query) else {
            if some {
                self.put(any, token);
            }
            return usize::from(some);
        };
        self.change();
        match some {
            true => self.put(any, token),
            false => self.out.push(token.clone()),
        }
        self.put(Token::LParen, token);
        self.put(Token::LParen, token);
        self.closing.push(end);
        2
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

const LETTERS_BEFORE_SIGNS: [char; 9] = ['~', '!', '@', '#', '%', '^', '&', '|', '`'];

fn quoted(name: &str) -> Token {
    Token::Word(Word {
        value: name.to_owned(),
        quote_style: Some('"'),
        keyword: Keyword::NoKeyword,
    })
}

#[cfg(test)]
mod tests;
