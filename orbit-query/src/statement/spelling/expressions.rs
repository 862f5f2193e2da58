//! What may stand in any expression.

use super::{Speller, VARIADIC, quoted};
use crate::statement::tokens::is_word;
use sqlparser::dialect::PostgreSqlDialect;
use sqlparser::keywords::Keyword;
use sqlparser::tokenizer::{Token, TokenWithSpan, Tokenizer};

const LETTERS_BEFORE_SIGNS: [char; 9] = ['~', '!', '@', '#', '%', '^', '&', '|', '`'];

impl Speller<'_> {
    /// What stands in any expression; how many tokens were read.
    pub(super) fn expression(&mut self, at: usize, token: &TokenWithSpan) -> usize {
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
                Keyword::VARIADIC => self.variadic(at, token),
                Keyword::NoKeyword => self.address(at, token),
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

    /// `inet '10.0.0.1'` is `'10.0.0.1'::inet`.
    fn address(&mut self, at: usize, token: &TokenWithSpan) -> usize {
        let Some(literal @ Token::SingleQuotedString(_)) = self.token(at + 1) else {
            return 0;
        };
        let typed = self.is(at, "inet") || self.is(at, "cidr");
        if !typed || self.before(at) == Some(&Token::Period) {
            return 0;
        }
        let literal = literal.clone();
        self.put(literal, token);
        self.put(Token::DoubleColon, token);
        self.put(token.token.clone(), token);
        2
    }

    /// `integer ARRAY` and `integer ARRAY[3]` are `integer[]`. Behind a bracket or the name of
    /// a type no value can stand.
    pub(super) fn array_of(&mut self, at: usize, token: &TokenWithSpan) -> usize {
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
    pub(super) fn operator(&mut self, sign: &str, token: &TokenWithSpan) -> usize {
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

    /// `f(x, VARIADIC y)` as a call with a named argument. What only looks like a call has none.
    pub(super) fn variadic(&mut self, at: usize, token: &TokenWithSpan) -> usize {
        let special = ["coalesce", "greatest", "least", "nullif"];
        let called = match self.before(at) {
            Some(Token::Comma) => true,
            Some(Token::LParen) => {
                let name = at.checked_sub(2).and_then(|at| self.token(at));
                matches!(name, Some(Token::Word(_)))
                    && !special.iter().any(|word| is_word(name, word))
            }
            _ => false,
        };
        if !called
            || matches!(
                self.token(at + 1),
                None | Some(Token::Comma | Token::RParen)
            )
        {
            return 0;
        }
        self.put(quoted(VARIADIC), token);
        self.put(Token::RArrow, token);
        1
    }

    /// `OPERATOR(pg_catalog.=)` is `=`, also before ANY.
    pub(super) fn named_operator(&mut self, at: usize, token: &TokenWithSpan) -> usize {
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
    pub(super) fn trim(&mut self, at: usize, token: &TokenWithSpan) -> usize {
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
    pub(super) fn precise_interval(&mut self, at: usize, token: &TokenWithSpan) -> usize {
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
    pub(super) fn grouping_items(&mut self, at: usize) -> usize {
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

    pub(super) fn wrapping(&mut self, at: usize, token: &TokenWithSpan) -> usize {
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
    pub(super) fn quantified_values(&mut self, at: usize, token: &TokenWithSpan) -> usize {
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
