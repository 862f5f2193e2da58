//! PostgreSQL's dialect for the parser, less one look-ahead.
//!
//! sqlparser's own reads each function argument twice, first as the name of a
//! `name => value` pair where the name may be any expression. Nested calls then
//! cost 2^depth: forty brackets are a day. Argument names that are plain
//! identifiers are still read; nothing else can be one in PostgreSQL.

use sqlparser::dialect::{Dialect, PostgreSqlDialect, Precedence};
use sqlparser::keywords::Keyword;
use sqlparser::parser::{Parser, ParserError};
use std::any::TypeId;

#[derive(Clone, Copy, Debug, Default)]
pub struct OrbitDialect;

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
        BASE.is_reserved_for_identifier(keyword)
    }

    fn is_custom_operator_part(&self, ch: char) -> bool {
        BASE.is_custom_operator_part(ch)
    }

    fn get_next_precedence(&self, parser: &Parser) -> Option<Result<u8, ParserError>> {
        BASE.get_next_precedence(parser)
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

#[cfg(test)]
mod tests {
    use super::*;
    use sqlparser::ast::Expr;
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
