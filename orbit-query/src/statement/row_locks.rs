//! FOR NO KEY UPDATE and FOR KEY SHARE, which sqlparser can't read: they are
//! parsed as the stronger lock of their pair, and the clause is marked.

use orbit_core::txn::RowLock;
use sqlparser::ast::{Ident, LockClause, LockType, ObjectName, ObjectNamePart, Statement};
use sqlparser::tokenizer::{Token, TokenWithSpan};

/// Stands first in the clause's OF list; no SQL text can name it.
const WEAKER: &str = "\0weaker";

fn is(token: Option<&TokenWithSpan>, word: &str) -> bool {
    matches!(token.map(|token| &token.token), Some(Token::Word(found))
        if found.quote_style.is_none() && found.value.eq_ignore_ascii_case(word))
}

/// The tokens with each weaker lock as its stronger twin, and for each locking
/// clause outside of parentheses whether it was a weaker one. `None`: there is none.
pub(super) fn strengthen(tokens: &[TokenWithSpan]) -> Option<(Vec<TokenWithSpan>, Vec<bool>)> {
    let mut kept = Vec::new();
    let mut weaker = Vec::new();
    let mut depth = 0usize;
    let mut rest = tokens;
    while let [token, after @ ..] = rest {
        match token.token {
            Token::LParen => depth += 1,
            Token::RParen => depth = depth.saturating_sub(1),
            _ => {}
        }
        let mut skipped = 0;
        if is(Some(token), "for") {
            let at = |place: usize| after.get(place);
            skipped = if is(at(0), "no") && is(at(1), "key") && is(at(2), "update") {
                2
            } else if is(at(0), "key") && is(at(1), "share") {
                1
            } else {
                0
            };
            let is_lock = skipped > 0 || is(at(0), "update") || is(at(0), "share");
            if is_lock && depth == 0 {
                weaker.push(skipped > 0);
            }
        }
        kept.push(token.clone());
        rest = after.get(skipped..).unwrap_or_default();
    }
    (kept.len() < tokens.len()).then_some((kept, weaker))
}

/// Marks the clauses of a statement parsed from strengthened tokens.
pub(super) fn mark(statement: &mut Statement, weaker: &[bool]) {
    let Statement::Query(query) = statement else {
        return;
    };
    for (clause, weaker) in query.locks.iter_mut().zip(weaker) {
        if *weaker {
            let of = clause.of.take().map(|of| of.0).unwrap_or_default();
            let mark = ObjectNamePart::Identifier(Ident::with_quote('"', WEAKER));
            clause.of = Some(ObjectName([vec![mark], of].concat()));
        }
    }
}

/// What a locking clause asks for, and the relation it names.
pub(crate) fn mode(clause: &LockClause) -> (RowLock, &[ObjectNamePart]) {
    let of = clause.of.as_ref().map_or(&[][..], |of| of.0.as_slice());
    let (weaker, of) = match of {
        [ObjectNamePart::Identifier(first), rest @ ..] if first.value == WEAKER => (true, rest),
        of => (false, of),
    };
    let mode = match (clause.lock_type, weaker) {
        (LockType::Update, false) => RowLock::Update,
        (LockType::Update, true) => RowLock::NoKeyUpdate,
        (LockType::Share, false) => RowLock::Share,
        (LockType::Share, true) => RowLock::KeyShare,
    };
    (mode, of)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn modes(sql: &str) -> Vec<(RowLock, usize)> {
        match super::super::parse::row_statement(sql).unwrap() {
            Statement::Query(query) => query
                .locks
                .iter()
                .map(|clause| {
                    let (mode, of) = mode(clause);
                    (mode, of.len())
                })
                .collect(),
            other => panic!("{other}"),
        }
    }

    #[test]
    fn all_four_are_read() {
        for (sql, expected) in [
            ("SELECT * FROM t FOR UPDATE", vec![(RowLock::Update, 0)]),
            (
                "SELECT * FROM t FOR NO KEY UPDATE",
                vec![(RowLock::NoKeyUpdate, 0)],
            ),
            ("SELECT * FROM t FOR SHARE OF t", vec![(RowLock::Share, 1)]),
            (
                "SELECT * FROM t for key share of t nowait",
                vec![(RowLock::KeyShare, 1)],
            ),
            (
                "SELECT (SELECT 1 FROM s LIMIT 1) FROM t LIMIT 1 FOR UPDATE OF t FOR KEY SHARE OF s SKIP LOCKED",
                vec![(RowLock::Update, 1), (RowLock::KeyShare, 1)],
            ),
            ("SELECT key FROM t", vec![]),
        ] {
            assert_eq!(modes(sql), expected, "{sql}");
        }
    }
}
