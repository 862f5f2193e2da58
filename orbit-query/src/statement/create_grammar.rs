//! What follows CREATE that sqlparser doesn't read: `WITH [NO] DATA` behind CREATE TABLE AS,
//! names of its columns, CREATE RECURSIVE VIEW and WITH CHECK OPTION. The words are taken out, or written as what they mean.

use super::tokens::is_word;
use orbit_core::catalog::CheckOption;
use orbit_core::{Error, state};
use sqlparser::ast::{
    CreateTable, CreateTableOptions, CreateView, Expr, Ident, SqlOption, Statement, Value,
};
use sqlparser::tokenizer::{Token, TokenWithSpan};

fn word_at(tokens: &[TokenWithSpan], at: usize, word: &str) -> bool {
    is_word(tokens.get(at).map(|token| &token.token), word)
}

/// The tokens without `TABLESPACE pg_default`, the one that there is.
pub(super) fn cut_tablespace(tokens: &[TokenWithSpan]) -> Option<Vec<TokenWithSpan>> {
    let said =
        |at: usize| word_at(tokens, at, "TABLESPACE") && word_at(tokens, at + 1, "pg_default");
    if !word_at(tokens, 0, "CREATE") || !(1..tokens.len()).any(said) {
        return None;
    }
    let mut kept = Vec::with_capacity(tokens.len());
    let mut at = 0;
    while let Some(token) = tokens.get(at) {
        if word_at(tokens, at, "USING") && word_at(tokens, at + 1, "INDEX") && said(at + 2) {
            at += 4;
        } else if said(at) {
            at += 2;
        } else {
            kept.push(token.clone());
            at += 1;
        }
    }
    Some(kept)
}

/// The tokens without `WITH [NO] DATA` at their end; whether it said NO.
pub(super) fn cut_data(tokens: &[TokenWithSpan]) -> Option<(Vec<TokenWithSpan>, bool)> {
    let is_table = (1..4).any(|at| word_at(tokens, at, "TABLE"));
    let last = tokens.len().checked_sub(1)?;
    if !word_at(tokens, 0, "CREATE") || !is_table || !word_at(tokens, last, "DATA") {
        return None;
    }
    let no = last >= 1 && word_at(tokens, last - 1, "NO");
    let with = last.checked_sub(if no { 2 } else { 1 })?;
    if !word_at(tokens, with, "WITH") {
        return None;
    }
    Some((tokens.get(..with)?.to_vec(), no))
}

/// `CREATE TABLE t (a, b) AS` with types for the columns, which sqlparser wants and nobody
/// reads; `None`: it is none.
pub(super) fn named_columns(tokens: &[TokenWithSpan]) -> Option<Vec<TokenWithSpan>> {
    let table = (1..4).find(|at| word_at(tokens, *at, "TABLE"))?;
    if !word_at(tokens, 0, "CREATE") {
        return None;
    }
    let token = |at: usize| tokens.get(at).map(|one| &one.token);
    let open = (table + 2..table + 9).find(|at| token(*at) == Some(&Token::LParen))?;
    let mut close = open + 1;
    loop {
        if !matches!(token(close)?, Token::Word(_)) {
            return None;
        }
        close += 2;
        match token(close - 1)? {
            Token::Comma => {}
            Token::RParen => break,
            _ => return None,
        }
    }
    let close = close - 1;
    let follows = ["AS", "WITH", "WITHOUT", "ON", "TABLESPACE", "USING"];
    if !follows.iter().any(|word| word_at(tokens, close + 1, word)) {
        return None;
    }
    let mut whole: Vec<TokenWithSpan> = tokens.get(..=open)?.to_vec();
    for one in tokens.get(open + 1..close)? {
        whole.push(one.clone());
        if one.token != Token::Comma {
            whole.push(TokenWithSpan {
                token: Token::make_word("text", None),
                span: one.span,
            });
        }
    }
    whole.extend_from_slice(tokens.get(close..)?);
    Some(whole)
}

/// Marks WITH NO DATA, which was cut, by a flag of a clause that PostgreSQL has not.
pub(super) fn marked(
    mut read: Option<Statement>,
    cut: Option<&(Vec<TokenWithSpan>, bool)>,
) -> Option<Statement> {
    if let (Some(Statement::CreateTable(create)), Some((_, true))) = (&mut read, cut) {
        create.without_rowid = true;
    }
    read
}

/// Whether CREATE TABLE AS is to leave the table empty.
#[cfg_attr(not(feature = "datafusion"), allow(dead_code))]
pub(crate) fn stays_empty(create: &CreateTable) -> bool {
    create.query.is_some() && create.without_rowid
}

/// `CREATE RECURSIVE VIEW v (a) AS q` as `CREATE VIEW v (a) AS WITH RECURSIVE v (a) AS (q)
/// SELECT a FROM v`; `None`: it is none.
pub(super) fn recursive_view(tokens: &[TokenWithSpan]) -> Option<Vec<TokenWithSpan>> {
    if !word_at(tokens, 0, "CREATE") {
        return None;
    }
    let place = (1..5).find(|at| word_at(tokens, *at, "RECURSIVE"))?;
    if !word_at(tokens, place + 1, "VIEW") {
        return None;
    }
    let is = |at: usize, token: &Token| tokens.get(at).is_some_and(|one| one.token == *token);
    let open = (place + 2..tokens.len()).find(|at| is(*at, &Token::LParen))?;
    let close = (open..tokens.len()).find(|at| is(*at, &Token::RParen))?;
    if !word_at(tokens, close + 1, "AS") {
        return None;
    }
    let name = tokens.get(open.checked_sub(1)?)?;
    let listed = tokens.get(open..=close)?;
    let columns = tokens.get(open + 1..close)?;
    let query = tokens.get(close + 2..)?;
    let span = tokens.get(close + 1)?.span;
    let made = |token: Token| TokenWithSpan { token, span };
    let word = |text: &str| made(Token::make_word(text, None));
    let mut whole: Vec<TokenWithSpan> = tokens.get(..place)?.to_vec();
    whole.extend_from_slice(tokens.get(place + 1..close + 2)?);
    whole.extend([word("WITH"), word("RECURSIVE"), name.clone()]);
    whole.extend_from_slice(listed);
    whole.extend([word("AS"), made(Token::LParen)]);
    whole.extend_from_slice(query);
    whole.extend([made(Token::RParen), word("SELECT")]);
    whole.extend_from_slice(columns);
    whole.extend([word("FROM"), name.clone()]);
    Some(whole)
}

/// `WITH [LOCAL | CASCADED] CHECK OPTION` behind a view's query, which sqlparser can't read:
/// the tokens without it, and which it is.
pub(super) fn cut_check_option(
    tokens: &[TokenWithSpan],
) -> Option<(Vec<TokenWithSpan>, CheckOption)> {
    if !word_at(tokens, 0, "CREATE") || !(1..5).any(|at| word_at(tokens, at, "VIEW")) {
        return None;
    }
    let end = tokens.len();
    let ends = |words: &[&str]| {
        let start = end.checked_sub(words.len())?;
        let fits = |(at, word): (usize, &&str)| word_at(tokens, start + at, word);
        words.iter().enumerate().all(fits).then_some(start)
    };
    let ways: [(&[&str], CheckOption); 3] = [
        (&["WITH", "LOCAL", "CHECK", "OPTION"], CheckOption::Local),
        (
            &["WITH", "CASCADED", "CHECK", "OPTION"],
            CheckOption::Cascaded,
        ),
        (&["WITH", "CHECK", "OPTION"], CheckOption::Cascaded),
    ];
    let (start, option) = ways
        .into_iter()
        .find_map(|(words, option)| Some((ends(words)?, option)))?;
    Some((tokens.get(..start)?.to_vec(), option))
}

/// Says it as the view's option `check_option`, which means the same.
pub(super) fn mark_check_option(create: &mut CreateView, option: CheckOption) {
    let option = SqlOption::KeyValue {
        key: Ident::new("check_option"),
        value: Expr::value(Value::SingleQuotedString(option.word().to_owned())),
    };
    match &mut create.options {
        CreateTableOptions::With(options) => options.push(option),
        other => *other = CreateTableOptions::With(vec![option]),
    }
}

pub(super) fn checked_recursion() -> Error {
    Error::new(
        state::FEATURE_NOT_SUPPORTED,
        "WITH CHECK OPTION not supported on recursive views",
    )
}
