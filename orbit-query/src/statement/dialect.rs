//! PostgreSQL's dialect for the parser, less one look-ahead, and with PostgreSQL's
//! precedence where the parser has another.
//!
//! sqlparser's own reads each function argument twice, first as the name of a
//! `name => value` pair where the name may be any expression. Nested calls then
//! cost 2^depth: forty brackets are a day. Argument names that are plain
//! identifiers are still read; nothing else can be one in PostgreSQL.

use super::effort;
use sqlparser::ast::{Expr, Ident, UnaryOperator, Value};
use sqlparser::dialect::{Dialect, PostgreSqlDialect, Precedence};
use sqlparser::keywords::Keyword;
use sqlparser::parser::{Parser, ParserError};
use sqlparser::tokenizer::Token;
use std::any::TypeId;

#[derive(Clone, Copy, Debug, Default)]
pub struct OrbitDialect;

impl OrbitDialect {
    /// A parser for a text of about so many words and signs.
    pub fn parser(tokens: usize) -> Parser<'static> {
        static DIALECT: OrbitDialect = OrbitDialect;
        effort::begin(tokens);
        Parser::new(&DIALECT)
    }
}

const BASE: PostgreSqlDialect = PostgreSqlDialect {};

macro_rules! as_postgresql {
    ($($flag:ident),* $(,)?) => {$(
        fn $flag(&self) -> bool {
            BASE.$flag()
        }
    )*};
}

impl Dialect for OrbitDialect {
    /// The parser asks here where it treats PostgreSQL by name.
    fn dialect(&self) -> TypeId {
        TypeId::of::<PostgreSqlDialect>()
    }

    fn supports_named_fn_args_with_expr_name(&self) -> bool {
        false
    }

    fn identifier_quote_style(&self, identifier: &str) -> Option<char> {
        BASE.identifier_quote_style(identifier)
    }

    fn is_delimited_identifier_start(&self, ch: char) -> bool {
        BASE.is_delimited_identifier_start(ch)
    }

    fn is_identifier_start(&self, ch: char) -> bool {
        BASE.is_identifier_start(ch)
    }

    fn is_identifier_part(&self, ch: char) -> bool {
        BASE.is_identifier_part(ch)
    }

    fn is_reserved_for_identifier(&self, keyword: Keyword) -> bool {
        // What can't be read as these can't be read as anything else either. The parser
        // would try, at every depth twice: 2^depth.
        matches!(
            keyword,
            Keyword::ARRAY | Keyword::CASE | Keyword::CAST | Keyword::NOT
        ) || BASE.is_reserved_for_identifier(keyword)
    }

    fn is_select_item_alias(&self, explicit: bool, word: &Keyword, parser: &mut Parser) -> bool {
        // INSERT ... SELECT 1 ON CONFLICT: no name, as in PostgreSQL.
        explicit || (*word != Keyword::ON && self.is_column_alias(word, parser))
    }

    fn is_custom_operator_part(&self, ch: char) -> bool {
        BASE.is_custom_operator_part(ch)
    }

    fn get_next_precedence(&self, parser: &Parser) -> Option<Result<u8, ParserError>> {
        match parser.peek_token_ref().token {
            // Like any operator that has no line of its own in PostgreSQL's table.
            Token::StringConcat
            | Token::Tilde
            | Token::TildeAsterisk
            | Token::ExclamationMarkTilde
            | Token::ExclamationMarkTildeAsterisk
            | Token::DoubleTilde
            | Token::DoubleTildeAsterisk
            | Token::ExclamationMarkDoubleTilde
            | Token::ExclamationMarkDoubleTildeAsterisk => {
                Some(Ok(BASE.prec_value(Precedence::PgOther)))
            }
            _ => BASE.get_next_precedence(parser),
        }
    }

    /// Signs bind more tightly than `^`, other operators before a value like others between two.
    fn parse_prefix(&self, parser: &mut Parser) -> Option<Result<Expr, ParserError>> {
        if !effort::spend() {
            return Some(Err(ParserError::RecursionLimitExceeded));
        }
        if is_values(parser) {
            parser.next_token();
            let query = parser.parse_query();
            return Some(query.and_then(|query| {
                parser.expect_token(&Token::RParen)?;
                Ok(Expr::Subquery(query))
            }));
        }
        let (op, precedence) = match parser.peek_token_ref().token {
            Token::Minus => (UnaryOperator::Minus, Precedence::Caret),
            Token::Plus => (UnaryOperator::Plus, Precedence::Caret),
            Token::Tilde => (UnaryOperator::BitwiseNot, Precedence::PgOther),
            Token::PGSquareRoot => (UnaryOperator::PGSquareRoot, Precedence::PgOther),
            Token::PGCubeRoot => (UnaryOperator::PGCubeRoot, Precedence::PgOther),
            Token::AtSign => (UnaryOperator::PGAbs, Precedence::PgOther),
            _ => return None,
        };
        parser.next_token();
        let operand = parser.parse_subexpr(BASE.prec_value(precedence));
        Some(operand.map(|operand| Expr::UnaryOp {
            op,
            expr: Box::new(operand),
        }))
    }

    /// The right side of IS DISTINCT FROM ends before AND. BETWEEN SYMMETRIC keeps
    /// its word in front of the lower bound.
    fn parse_infix(
        &self,
        parser: &mut Parser,
        left: &Expr,
        _precedence: u8,
    ) -> Option<Result<Expr, ParserError>> {
        use Keyword::{ASYMMETRIC, BETWEEN, DISTINCT, FROM, IS, NOT, SYMMETRIC};
        if parser.parse_keywords(&[BETWEEN, ASYMMETRIC]) {
            return Some(parser.parse_between(left.clone(), false));
        }
        if parser.parse_keywords(&[NOT, BETWEEN, ASYMMETRIC]) {
            return Some(parser.parse_between(left.clone(), true));
        }
        if parser.parse_keywords(&[BETWEEN, SYMMETRIC]) {
            return Some(parser.parse_between(left.clone(), false).map(symmetric));
        }
        if parser.parse_keywords(&[NOT, BETWEEN, SYMMETRIC]) {
            return Some(parser.parse_between(left.clone(), true).map(symmetric));
        }
        let make = if parser.parse_keywords(&[IS, DISTINCT, FROM]) {
            Expr::IsDistinctFrom
        } else if parser.parse_keywords(&[IS, NOT, DISTINCT, FROM]) {
            Expr::IsNotDistinctFrom
        } else {
            return None;
        };
        let right = parser.parse_subexpr(BASE.prec_value(Precedence::Is));
        Some(right.map(|right| make(Box::new(left.clone()), Box::new(right))))
    }

    fn prec_value(&self, precedence: Precedence) -> u8 {
        BASE.prec_value(precedence)
    }

    as_postgresql! {
        supports_unicode_string_literal,
        supports_filter_during_aggregation,
        supports_group_by_expr,
        allow_extract_custom,
        allow_extract_single_quotes,
        supports_create_index_with_clause,
        supports_explain_with_utility_options,
        supports_listen_notify,
        supports_factorial_operator,
        supports_bitwise_shift_operators,
        supports_comment_on,
        supports_load_extension,
        supports_named_fn_args_with_colon_operator,
        supports_empty_projections,
        supports_nested_comments,
        supports_string_escape_constant,
        supports_numeric_literal_underscores,
        supports_array_typedef_with_brackets,
        supports_geometric_types,
        supports_set_names,
        supports_alter_column_type_using,
        supports_notnull_operator,
        supports_interval_options,
        supports_insert_table_alias,
        supports_create_table_like_parenthesized,
        supports_select_wildcard_with_alias,
        supports_comma_separated_trim,
        supports_xml_expressions,
        supports_comment_optimizer_hint,
    }
}

/// Whether `(VALUES (` comes next.
fn is_values(parser: &Parser) -> bool {
    let open = |n: usize| parser.peek_nth_token_ref(n).token == Token::LParen;
    open(0)
        && open(2)
        && matches!(&parser.peek_nth_token_ref(1).token, Token::Word(word)
            if word.keyword == Keyword::VALUES)
}

fn symmetric(mut between: Expr) -> Expr {
    if let Expr::Between { low, .. } = &mut between {
        let bound = std::mem::replace(low, Box::new(Expr::Value(Value::Null.into())));
        **low = Expr::Prefixed {
            prefix: Ident::new(SYMMETRIC),
            value: bound,
        };
    }
    between
}

/// The lower bound of BETWEEN SYMMETRIC without its word; `None`: it had none.
#[cfg(feature = "datafusion")]
pub(crate) fn symmetric_bound(low: &Expr) -> Option<&Expr> {
    match low {
        Expr::Prefixed { prefix, value } if prefix.value == SYMMETRIC => Some(value),
        _ => None,
    }
}

const SYMMETRIC: &str = "SYMMETRIC";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::statement::visit;
    use std::collections::BTreeSet;
    use std::time::{Duration, Instant};

    fn parse(sql: &str) -> Result<Expr, ParserError> {
        Parser::new(&OrbitDialect)
            .with_recursion_limit(100)
            .try_with_sql(sql)?
            .parse_expr()
    }

    #[test]
    fn nested_calls_parse_in_linear_time() {
        let start = Instant::now();
        let deep = format!("{}1{}", "abs(".repeat(40), ")".repeat(40));
        parse(&deep).unwrap();
        assert!(start.elapsed() < Duration::from_secs(5));
    }

    #[test]
    fn operators_bind_as_in_postgresql() {
        for (sql, same) in [
            ("-2 ^ 2", "(-2) ^ 2"),
            ("~1 + 1", "~(1 + 1)"),
            ("|/ 4 + 5", "|/ (4 + 5)"),
            ("'abc' ~ 'b' || 'c'", "('abc' ~ 'b') || 'c'"),
            ("'a' || 1 + 2", "'a' || (1 + 2)"),
            ("- a * b", "(- a) * b"),
            ("- a::int", "- (a::int)"),
            ("a IS DISTINCT FROM b AND c", "(a IS DISTINCT FROM b) AND c"),
            (
                "a IS NOT DISTINCT FROM b + 1 OR c",
                "(a IS NOT DISTINCT FROM (b + 1)) OR c",
            ),
        ] {
            let bare = |sql| format!("{:?}", unnested(parse(sql).unwrap()));
            assert_eq!(bare(sql), bare(same), "{sql}");
        }
    }

    /// Without brackets and places in the text, so that trees can be compared.
    fn unnested(mut expr: Expr) -> BTreeSet<String> {
        let mut parts = BTreeSet::new();
        let _ = visit::expressions_mut(&mut expr, |expr| {
            while let Expr::Nested(inner) = expr {
                *expr = (**inner).clone();
            }
            parts.insert(expr.to_string());
            std::ops::ControlFlow::<()>::Continue(())
        });
        parts
    }

    #[test]
    fn names_of_arguments_and_postgresqls_ways_are_kept() {
        for sql in [
            "make_interval(days => 3)",
            "f(a := 1)",
            "E'a\\n'",
            "a::int[]",
            "x @> y",
            "2 ^ 3",
            "extract(epoch from t)",
            "interval '1 day'",
        ] {
            parse(sql).unwrap_or_else(|error| panic!("{sql}: {error}"));
        }
    }
}
