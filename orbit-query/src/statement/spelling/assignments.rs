//! Assignments to parts of columns: `SET a[1] = x`.

use super::{ASSIGN, Speller};
use crate::statement::tokens::is_word;
use sqlparser::keywords::Keyword;
use sqlparser::tokenizer::{Token, TokenWithSpan};

/// `a[1][2] = x`: where its parts stand.
pub(super) struct Assigned {
    pub(super) target: usize,
    pub(super) subscripts: Vec<std::ops::Range<usize>>,
    pub(super) equals: usize,
    pub(super) end: usize,
}

impl Speller<'_> {
    /// The assignments to parts of columns in the list of a SET.
    pub(super) fn subscripted(&self, set: usize) -> Vec<Assigned> {
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
    pub(super) fn index_end(&self, open: usize) -> Option<usize> {
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
    pub(super) fn assignment_end(&self, from: usize) -> usize {
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
    pub(super) fn assign(&mut self, at: usize, token: &TokenWithSpan) -> usize {
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
}
