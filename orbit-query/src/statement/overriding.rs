//! INSERT ... OVERRIDING {SYSTEM|USER} VALUE, which the parser doesn't know: the words are
//! taken out before it and marked in the tree by flags of clauses PostgreSQL has not.

use super::tokens::{is_word, outermost};
use sqlparser::ast::{SetExpr, Statement};
use sqlparser::tokenizer::TokenWithSpan;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Overriding {
    /// Given values go into GENERATED ALWAYS columns too.
    System,
    /// Given values of identity columns are ignored.
    User,
}

/// The tokens without the clause; `None`: it isn't there.
pub(super) fn cut(tokens: &[TokenWithSpan]) -> Option<(Vec<TokenWithSpan>, Overriding)> {
    let word = |at: usize, word: &str| is_word(tokens.get(at).map(|token| &token.token), word);
    for (at, _) in outermost(tokens) {
        if !word(at, "OVERRIDING") || !word(at + 2, "VALUE") {
            continue;
        }
        let how = if word(at + 1, "SYSTEM") {
            Overriding::System
        } else if word(at + 1, "USER") {
            Overriding::User
        } else {
            continue;
        };
        let mut rest = tokens.to_vec();
        rest.drain(at..at + 3);
        return Some((rest, how));
    }
    None
}

pub(super) fn mark(statement: &mut Statement, how: Overriding) {
    let insert = match statement {
        Statement::Insert(insert) => insert,
        Statement::Query(query) => match query.body.as_mut() {
            SetExpr::Insert(Statement::Insert(insert)) => insert,
            _ => return,
        },
        _ => return,
    };
    match how {
        Overriding::System => insert.overwrite = true,
        Overriding::User => insert.ignore = true,
    }
}

#[cfg(feature = "datafusion")]
pub(crate) fn of(insert: &sqlparser::ast::Insert) -> Option<Overriding> {
    if insert.overwrite {
        Some(Overriding::System)
    } else if insert.ignore {
        Some(Overriding::User)
    } else {
        None
    }
}
