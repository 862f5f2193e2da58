//! How large a statement may be. A hostile statement gets 54000 or 54001 before
//! anything recursive or hungry looks at it.

use super::count;
use super::tokens::{Piece, is_word};
use crate::engine::EngineOptions;
use crate::settings::Limits;
use crate::statement::visit;
use orbit_core::{Error, Result, state};
use sqlparser::ast::{self, Statement, TableFactor, Visitor};
use sqlparser::tokenizer::{Token, TokenWithSpan};
use std::ops::ControlFlow;

/// How many operators may follow each other between two commas or parentheses.
/// `a OR a ...` becomes a tree as deep as it is long, and trees are walked by recursion.
const MAX_CHAIN: usize = 1_500;
/// How many of them may be arithmetic and follow each other: the planner names every
/// part of a sum, and takes time that grows with the fourth power of their number.
const MAX_SUM: usize = 200;
const MAX_NESTING: usize = 200;
/// See [`is_tried_twice`].
const MAX_TRIED_TWICE: usize = 12;
/// PostgreSQL's limit of dimensions. Each nested constructor may double a text form's size.
const MAX_ARRAY_DEPTH: usize = 6;

/// What PostgreSQL's tuples have room for.
pub const MAX_RESULT_COLUMNS: usize = 1664;

/// Statements in one message; their syntax trees are all held at once.
const MAX_STATEMENTS: usize = 10_000;

/// Items of one WITH, branches of one CASE.
const MAX_WITH_ITEMS: usize = 500;
const MAX_CASE_BRANCHES: usize = 5_000;

/// EXISTS and IN (SELECT ...) under one OR: each is a join, and the time to plan them
/// grows with the square of their number.
const MAX_ALTERNATIVE_SUBQUERIES: usize = 100;

/// Tables, subqueries and functions in all FROM clauses together: the time to
/// plan them grows with the square of their number.
const MAX_FROM_ITEMS: usize = 200;

pub fn too_deep() -> Error {
    Error::new(state::STATEMENT_TOO_COMPLEX, "stack depth limit exceeded")
        .with_hint("Simplify the statement: fewer nested parentheses, shorter chains of operators.")
}

/// Before a message is taken apart: its bytes, and roughly how many tokens it will make.
pub fn check_text(sql: &str, options: &EngineOptions) -> Result<()> {
    if sql.len() > options.max_statement_bytes {
        return Err(Error::new(
            state::PROGRAM_LIMIT_EXCEEDED,
            format!(
                "statement of {} bytes exceeds the limit of {}",
                sql.len(),
                options.max_statement_bytes
            ),
        )
        .with_hint("Load large amounts of rows with COPY."));
    }
    // A token has at least one byte, so short texts can't exceed the limit.
    if sql.len() > options.max_statement_nodes {
        let tokens = count::tokens(sql);
        if tokens > options.max_statement_nodes {
            return Err(Error::new(
                state::PROGRAM_LIMIT_EXCEEDED,
                format!(
                    "statement has about {tokens} words and signs, the limit is {}",
                    options.max_statement_nodes
                ),
            )
            .with_hint("Load large amounts of rows with COPY."));
        }
    }
    Ok(())
}

/// What the session's role may send: bytes, words and signs, depth.
pub fn check_granted(sql: &str, pieces: &[Piece], limits: &Limits) -> Result<()> {
    if let Some(limit) = limits.statement_bytes
        && sql.len() > limit
    {
        return Err(over("statement size", sql.len(), limit, "bytes"));
    }
    let tokens = pieces.iter().map(|piece| piece.tokens.len()).max();
    let tokens = tokens.unwrap_or(0);
    if let Some(limit) = limits.statement_terms
        && tokens > limit
    {
        return Err(over("statement size", tokens, limit, "words and signs"));
    }
    let Some(limit) = limits.expression_depth else {
        return Ok(());
    };
    let (mut depth, mut deepest) = (0usize, 0usize);
    for token in pieces.iter().flat_map(|piece| &piece.tokens) {
        match token.token {
            Token::LParen | Token::LBracket => depth += 1,
            Token::RParen | Token::RBracket => depth = depth.saturating_sub(1),
            _ => {}
        }
        deepest = deepest.max(depth);
    }
    if deepest > limit {
        return Err(Error::new(
            state::STATEMENT_TOO_COMPLEX,
            format!("expressions nest {deepest} deep, the limit is {limit}"),
        ));
    }
    Ok(())
}

pub fn check_parameters(count: usize, limits: &Limits) -> Result<()> {
    match limits.parameters {
        Some(limit) if count > limit => Err(over("statement", count, limit, "parameters")),
        _ => Ok(()),
    }
}

fn over(what: &str, found: usize, limit: usize, unit: &str) -> Error {
    Error::new(
        state::PROGRAM_LIMIT_EXCEEDED,
        format!("{what} of {found} {unit} exceeds this role's limit of {limit}"),
    )
}

/// Refuses what would make too deep a tree.
pub fn check_tokens(tokens: &[TokenWithSpan]) -> Result<()> {
    // One count of operators for each open parenthesis, and one of arithmetic ones.
    let mut chains = vec![(0usize, 0usize)];
    let mut brackets = 0usize;
    // How many brackets were open where each bracket opened that is tried twice.
    let mut twice: Vec<usize> = Vec::new();
    let mut before: Option<&Token> = None;
    for token in tokens {
        let last = before;
        if !matches!(token.token, Token::Whitespace(_)) {
            before = Some(&token.token);
        }
        match &token.token {
            Token::LBracket => brackets += 1,
            Token::RBracket => brackets = brackets.saturating_sub(1),
            _ => {}
        }
        if brackets > MAX_ARRAY_DEPTH {
            return Err(Error::new(
                state::PROGRAM_LIMIT_EXCEEDED,
                format!(
                    "number of array dimensions ({brackets}) exceeds the maximum allowed ({MAX_ARRAY_DEPTH})"
                ),
            ));
        }
        match &token.token {
            Token::LParen | Token::LBracket | Token::LBrace => {
                if chains.len() >= MAX_NESTING {
                    return Err(too_deep());
                }
                if is_tried_twice(last) {
                    twice.push(chains.len());
                    if twice.len() > MAX_TRIED_TWICE {
                        return Err(too_deep());
                    }
                }
                chains.push((0, 0));
            }
            Token::RParen | Token::RBracket | Token::RBrace => {
                if chains.len() > 1 {
                    chains.pop();
                }
                while twice.last().is_some_and(|open| *open >= chains.len()) {
                    twice.pop();
                }
            }
            Token::Comma => {
                if let Some(chain) = chains.last_mut() {
                    *chain = (0, 0);
                }
            }
            token if links(token) => {
                if let Some((chain, sum)) = chains.last_mut() {
                    *chain += 1;
                    *sum = if is_arithmetic(token) { *sum + 1 } else { 0 };
                    if *chain > MAX_CHAIN || *sum > MAX_SUM {
                        return Err(too_deep());
                    }
                }
            }
            token if parts(token) => {
                if let Some((_, sum)) = chains.last_mut() {
                    *sum = 0;
                }
            }
            _ => {}
        }
    }
    Ok(())
}

/// Whether a statement nests so deep that the parser, which tries one reading
/// after another, may have given up for that and told of something else.
pub fn is_deep(tokens: &[TokenWithSpan]) -> bool {
    // PostgreSQL's parser has no such limit; ours gives up at `parse::RECURSION_LIMIT`.
    const DEEP: usize = 80;
    let (mut open, mut prefixes) = (0usize, 0usize);
    for token in tokens {
        let token = Some(&token.token);
        match token {
            Some(Token::LParen | Token::LBracket) => open += 1,
            Some(Token::RParen | Token::RBracket) => open = open.saturating_sub(1),
            _ if is_word(token, "CASE") => open += 1,
            _ if is_word(token, "END") => open = open.saturating_sub(1),
            _ => {}
        }
        let prefix = is_word(token, "NOT") || matches!(token, Some(Token::Minus | Token::Plus));
        prefixes = if prefix { prefixes + 1 } else { 0 };
        if open + prefixes >= DEEP {
            return true;
        }
    }
    false
}

/// Refuses a statement that would keep the planner busy for long.
pub fn check_from_items(statement: &Statement) -> Result<()> {
    struct Items(usize);
    impl Visitor for Items {
        type Break = ();
        fn pre_visit_table_factor(&mut self, _: &TableFactor) -> ControlFlow<()> {
            self.0 += 1;
            ControlFlow::Continue(())
        }
    }
    let mut items = Items(0);
    let _ = visit::visit(statement, &mut items);
    if items.0 <= MAX_FROM_ITEMS {
        return Ok(());
    }
    Err(Error::new(
        state::PROGRAM_LIMIT_EXCEEDED,
        format!(
            "statement has {} FROM items, the limit is {MAX_FROM_ITEMS}",
            items.0
        ),
    )
    .with_hint("Split the statement, or join fewer tables at once."))
}

pub fn check_statements(count: usize) -> Result<()> {
    if count <= MAX_STATEMENTS {
        return Ok(());
    }
    Err(Error::new(
        state::PROGRAM_LIMIT_EXCEEDED,
        format!("message has {count} statements, the limit is {MAX_STATEMENTS}"),
    )
    .with_hint("Send them in several messages."))
}

/// Refuses lists so long that planning them would take the memory or the time of others.
pub fn check_lists(statement: &Statement) -> Result<()> {
    let mut lists = Lists::default();
    match visit::visit(statement, &mut lists) {
        ControlFlow::Break(error) => Err(error),
        ControlFlow::Continue(()) => Ok(()),
    }
}

/// Looks at every list of a statement. ORs that stand in each other are one.
#[derive(Default)]
struct Lists {
    ors: usize,
    alternatives: usize,
}

fn too_many(what: &str, count: usize, limit: usize) -> ControlFlow<Error> {
    ControlFlow::Break(
        Error::new(
            state::STATEMENT_TOO_COMPLEX,
            format!("statement has {count} {what}, the limit is {limit}"),
        )
        .with_hint("Keep the list in a table and join it."),
    )
}

fn target_list(count: usize) -> ControlFlow<Error> {
    if count <= MAX_RESULT_COLUMNS {
        return ControlFlow::Continue(());
    }
    ControlFlow::Break(Error::new(
        state::TOO_MANY_COLUMNS,
        format!("target lists can have at most {MAX_RESULT_COLUMNS} entries"),
    ))
}

impl Visitor for Lists {
    type Break = Error;

    fn pre_visit_query(&mut self, query: &ast::Query) -> ControlFlow<Error> {
        if let Some(with) = &query.with
            && with.cte_tables.len() > MAX_WITH_ITEMS
        {
            return too_many("WITH items", with.cte_tables.len(), MAX_WITH_ITEMS);
        }
        if let Some(order) = &query.order_by
            && let ast::OrderByKind::Expressions(keys) = &order.kind
        {
            target_list(keys.len())?;
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_select(&mut self, select: &ast::Select) -> ControlFlow<Error> {
        if let ast::GroupByExpr::Expressions(keys, _) = &select.group_by {
            target_list(keys.len())?;
        }
        target_list(select.projection.len())
    }

    fn pre_visit_expr(&mut self, expr: &ast::Expr) -> ControlFlow<Error> {
        match expr {
            ast::Expr::BinaryOp {
                op: ast::BinaryOperator::Or,
                ..
            } => self.ors += 1,
            ast::Expr::Exists { .. } | ast::Expr::InSubquery { .. } if self.ors > 0 => {
                self.alternatives += 1;
                if self.alternatives > MAX_ALTERNATIVE_SUBQUERIES {
                    let what = "or more subqueries in one OR";
                    return too_many(what, self.alternatives, MAX_ALTERNATIVE_SUBQUERIES);
                }
            }
            ast::Expr::Case { conditions, .. } if conditions.len() > MAX_CASE_BRANCHES => {
                return too_many("branches in one CASE", conditions.len(), MAX_CASE_BRANCHES);
            }
            _ => {}
        }
        ControlFlow::Continue(())
    }

    fn post_visit_expr(&mut self, expr: &ast::Expr) -> ControlFlow<Error> {
        if matches!(
            expr,
            ast::Expr::BinaryOp {
                op: ast::BinaryOperator::Or,
                ..
            }
        ) {
            self.ors = self.ors.saturating_sub(1);
            if self.ors == 0 {
                self.alternatives = 0;
            }
        }
        ControlFlow::Continue(())
    }
}

/// Whether the parser reads what follows in brackets as a special form, and then, if that
/// fails, as any function's arguments: at every depth twice.
fn is_tried_twice(word: Option<&Token>) -> bool {
    [
        "ceil",
        "convert",
        "exists",
        "extract",
        "floor",
        "overlay",
        "position",
        "substr",
        "substring",
        "trim",
    ]
    .iter()
    .any(|special| is_word(word, special))
}

fn is_arithmetic(token: &Token) -> bool {
    matches!(
        token,
        Token::Plus
            | Token::Minus
            | Token::Mul
            | Token::Div
            | Token::Mod
            | Token::Caret
            | Token::Ampersand
            | Token::Pipe
            | Token::Sharp
            | Token::ShiftLeft
            | Token::ShiftRight
    )
}

/// Whether a new expression begins behind a token.
fn parts(token: &Token) -> bool {
    [
        "when", "then", "else", "select", "from", "where", "having", "set",
    ]
    .iter()
    .any(|word| is_word(Some(token), word))
}

/// Whether a token makes the tree one step deeper.
fn links(token: &Token) -> bool {
    match token {
        Token::Word(word) if word.quote_style.is_none() => [
            "and",
            "or",
            "not",
            "union",
            "intersect",
            "except",
            "join",
            "is",
            "in",
            "like",
            "between",
            "collate",
            "case",
            "at",
        ]
        .iter()
        .any(|linking| word.value.eq_ignore_ascii_case(linking)),
        Token::Word(_)
        | Token::Number(..)
        | Token::SingleQuotedString(_)
        | Token::EscapedStringLiteral(_)
        | Token::DollarQuotedString(_)
        | Token::Placeholder(_)
        | Token::Period
        | Token::EOF
        | Token::Whitespace(_) => false,
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::statement::tokens::split;

    fn check(sql: &str) -> Result<()> {
        split(sql)?
            .iter()
            .try_for_each(|piece| check_tokens(&piece.tokens))
    }

    #[test]
    fn long_lists_pass_and_long_chains_do_not() {
        let list = format!("SELECT a IN ({})", vec!["1"; 20_000].join(", "));
        check(&list).unwrap();
        let chain = format!("SELECT {}", vec!["1"; 20_000].join(" + "));
        assert!(check(&chain).unwrap_err().is(state::STATEMENT_TOO_COMPLEX));
        let apart = format!("SELECT {}", vec!["a + 1 > b - 1"; 300].join(" OR "));
        check(&apart).unwrap();
        let not = format!("SELECT {} true", "NOT ".repeat(20_000));
        assert!(check(&not).unwrap_err().is(state::STATEMENT_TOO_COMPLEX));
        let arrays = format!("SELECT {}1{}", "ARRAY[".repeat(7), "]".repeat(7));
        assert!(
            check(&arrays)
                .unwrap_err()
                .is(state::PROGRAM_LIMIT_EXCEEDED)
        );
        let nested = format!("SELECT {}1{}", "(".repeat(5_000), ")".repeat(5_000));
        assert!(check(&nested).unwrap_err().is(state::STATEMENT_TOO_COMPLEX));
    }

    #[test]
    fn short_lists_pass_and_those_that_cost_too_much_do_not() {
        let check = |sql: &str| check_lists(&crate::statement::parse::row_statement(sql).unwrap());
        let exists = |count: usize, word: &str| {
            let each = vec!["EXISTS (SELECT 1 FROM u WHERE u.a = t.a)"; count];
            format!("SELECT 1 FROM t WHERE {}", each.join(word))
        };
        check(&exists(MAX_ALTERNATIVE_SUBQUERIES, " OR ")).unwrap();
        check(&exists(50, " AND ")).unwrap();
        let refused = check(&exists(MAX_ALTERNATIVE_SUBQUERIES + 1, " OR ")).unwrap_err();
        assert!(refused.is(state::STATEMENT_TOO_COMPLEX), "{refused:?}");
        let order = format!("SELECT 1 FROM t ORDER BY {}", vec!["a"; 1665].join(", "));
        assert!(check(&order).unwrap_err().is(state::TOO_MANY_COLUMNS));
        let case = format!(
            "SELECT CASE a {} END FROM t",
            "WHEN 1 THEN 1 ".repeat(5_001)
        );
        assert!(check(&case).unwrap_err().is(state::STATEMENT_TOO_COMPLEX));
        check_statements(MAX_STATEMENTS).unwrap();
        assert!(check_statements(MAX_STATEMENTS + 1).is_err());
    }

    #[test]
    fn few_from_items_pass_and_many_do_not() {
        let check = |count: usize| {
            let names: Vec<String> = (0..count).map(|n| format!("t AS t{n}")).collect();
            let from = names.join(", ");
            let sql = format!("SELECT 1 FROM u WHERE EXISTS (SELECT 1 FROM {from})");
            check_from_items(&crate::statement::parse::row_statement(&sql).unwrap())
        };
        check(MAX_FROM_ITEMS - 1).unwrap();
        let refused = check(MAX_FROM_ITEMS).unwrap_err();
        assert!(refused.is(state::PROGRAM_LIMIT_EXCEEDED), "{refused:?}");
    }

    #[test]
    fn oversized_texts_are_refused_before_they_are_read() {
        let options = EngineOptions {
            max_statement_bytes: 1 << 20,
            max_statement_nodes: 1000,
            ..EngineOptions::default()
        };
        check_text(&format!("SELECT '{}'", "x".repeat(5000)), &options).unwrap();
        let many = format!("SELECT {}", vec!["1"; 5000].join(","));
        assert!(
            check_text(&many, &options)
                .unwrap_err()
                .is(state::PROGRAM_LIMIT_EXCEEDED)
        );
        let long = " ".repeat(2 << 20);
        assert!(
            check_text(&long, &options)
                .unwrap_err()
                .is(state::PROGRAM_LIMIT_EXCEEDED)
        );
    }
}
