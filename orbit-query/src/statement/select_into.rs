//! `SELECT ... INTO t FROM ...` as the `CREATE TABLE t AS SELECT ... FROM ...` that it means.

use super::tokens::{is_word, outermost};
use sqlparser::tokenizer::{Token, TokenWithSpan};

/// The tokens of that statement; `None`: they are no such SELECT.
pub(super) fn respelled(tokens: &[TokenWithSpan]) -> Option<Vec<TokenWithSpan>> {
    let is = |at: usize, word: &str| is_word(tokens.get(at).map(|token| &token.token), word);
    if !is(0, "SELECT") && !is(0, "WITH") {
        return None;
    }
    // Behind any of these it is another INTO, or one that stands in the wrong place.
    let before = [
        "FROM",
        "WHERE",
        "UNION",
        "INTERSECT",
        "EXCEPT",
        "INSERT",
        "MERGE",
        "GROUP",
        "ORDER",
    ];
    let mut words = outermost(tokens).map(|(at, _)| at);
    let into = words.find(|at| is(*at, "INTO") || before.iter().any(|word| is(*at, word)))?;
    if !is(into, "INTO") {
        return None;
    }
    let mut name = into + 1;
    let mut made = Vec::new();
    let mut put = |word: &str, like: &TokenWithSpan| {
        made.push(TokenWithSpan {
            token: Token::make_word(word, None),
            span: like.span,
        });
    };
    let like = tokens.get(into)?;
    put("CREATE", like);
    if is(name, "TEMP") || is(name, "TEMPORARY") {
        put("TEMPORARY", like);
        name += 1;
    } else if is(name, "UNLOGGED") {
        put("UNLOGGED", like);
        name += 1;
    }
    put("TABLE", like);
    if is(name, "TABLE") {
        name += 1;
    }
    let mut end = name + 1;
    while tokens.get(end).map(|token| &token.token) == Some(&Token::Period) {
        end += 2;
    }
    let named = tokens.get(name..end)?;
    if !matches!(named.first()?.token, Token::Word(_)) {
        return None;
    }
    put("AS", like);
    let at = made.len().checked_sub(1)?;
    made.splice(at..at, named.iter().cloned());
    made.extend_from_slice(tokens.get(..into)?);
    made.extend_from_slice(tokens.get(end..)?);
    Some(made)
}
