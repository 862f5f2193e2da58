//! Expressions by example: text in, type and value out, as PostgreSQL 15 answers.

use super::*;
use orbit_core::value::text;
use sqlparser::parser::Parser;

fn parse(sql: &str) -> ast::Expr {
    Parser::new(&crate::statement::dialect::OrbitDialect)
        .try_with_sql(sql)
        .unwrap()
        .parse_expr()
        .unwrap()
}

fn columns() -> Vec<(String, SqlType)> {
    [
        ("i", SqlType::Int4),
        ("s", SqlType::Int2),
        ("b", SqlType::Int8),
        ("f", SqlType::Float8),
        ("r", SqlType::Float4),
        ("n", SqlType::Numeric(Some((10, 2)))),
        ("t", SqlType::Text),
        ("v", SqlType::Varchar(Some(5))),
        ("c", SqlType::Char(4)),
        ("d", SqlType::Date),
        ("z", SqlType::Int4),
        ("ok", SqlType::Bool),
    ]
    .map(|(name, ty)| (name.to_owned(), ty))
    .to_vec()
}

fn row() -> Vec<Value> {
    vec![
        Value::Int4(7),
        Value::Int2(-3),
        Value::Int8(5_000_000_000),
        Value::Float8(2.5),
        Value::Float4(0.5),
        Value::Numeric("12.50".parse().unwrap()),
        Value::Text("Hello".into()),
        Value::Text("abc".into()),
        Value::Text("xy".into()),
        Value::Date(19_000),
        Value::Null,
        Value::Bool(true),
    ]
}

/// `type: value`, or the error's state, or `planner`.
fn answer(sql: &str, params: &[Value], declared: &[Option<SqlType>]) -> String {
    let columns = columns();
    let scope = Scope::of_columns(&columns);
    let mut types = Params::new(declared);
    let expr = match RowExpr::compile(&parse(sql), &scope, &mut types) {
        Ok(Some(expr)) => expr,
        Ok(None) => return "planner".into(),
        Err(error) => return error.state().as_str().to_owned(),
    };
    let facts = Facts {
        transaction_micros: 1_700_000_000_000_000,
        ..Facts::default()
    };
    let row = row();
    let env = Env {
        params,
        facts: &facts,
    };
    match expr.eval_value(&row, &env) {
        Err(error) => error.state().as_str().to_owned(),
        Ok(Value::Null) => format!("{}: NULL", expr.sql_type().name()),
        Ok(value) => {
            let mut out = Vec::new();
            text::format(&value.as_ref(), expr.sql_type(), &facts.format, &mut out).unwrap();
            let out = String::from_utf8(out).unwrap();
            format!("{}: {out}", expr.sql_type().name())
        }
    }
}

#[test]
fn types_and_values_are_postgresqls() {
    for (sql, expected) in [
        // Literals.
        ("1", "int4: 1"),
        ("-2147483648", "int4: -2147483648"),
        ("2147483648", "int8: 2147483648"),
        ("9223372036854775808", "numeric: 9223372036854775808"),
        ("1.50", "numeric: 1.50"),
        ("1e3", "numeric: 1000"),
        ("'x'", "text: x"),
        ("NULL", "text: NULL"),
        ("true", "bool: t"),
        // Arithmetic.
        ("i + 1", "int4: 8"),
        ("s + s", "int2: -6"),
        ("s + i", "int4: 4"),
        ("i + b", "int8: 5000000007"),
        ("i / 2", "int4: 3"),
        ("-7 / 2", "int4: -3"),
        ("-7 % 2", "int4: -1"),
        ("i + 1.5", "numeric: 8.5"),
        ("n * 2", "numeric: 25.00"),
        ("n / 3", "numeric: 4.1666666666666667"),
        ("f * 2", "float8: 5"),
        ("r + r", "float4: 1"),
        ("r + i", "float8: 7.5"),
        ("n + f", "float8: 15"),
        ("f % 2", "planner"),
        ("i + '5'", "int4: 12"),
        ("i + 'x'", "22P02"),
        ("2147483647 + 1", "22003"),
        ("b * b", "22003"),
        ("-(-2147483648)", "22003"),
        ("i / 0", "22012"),
        ("n / 0", "22012"),
        ("f / 0", "22012"),
        ("i % 0", "22012"),
        ("(-2147483648) % -1", "int4: 0"),
        ("(-2147483648) / -1", "22003"),
        ("1e308::float8 * 10", "22003"),
        ("i + z", "int4: NULL"),
        ("d + 1", "date: 2022-01-09"),
        ("d - date '2022-01-01'", "int4: 7"),
        ("t + 1", "planner"),
        // Comparison, three-valued logic.
        ("i = 7", "bool: t"),
        ("i = 7.0", "bool: t"),
        ("b > i", "bool: t"),
        ("i < f", "bool: f"),
        ("n = 12.5", "bool: t"),
        ("i = '7'", "bool: t"),
        ("i = 'seven'", "22P02"),
        ("t = 1", "planner"),
        ("t = 'Hello'", "bool: t"),
        ("v < 'abd'", "bool: t"),
        ("c = 'xy  '", "bool: t"),
        ("c = 'xy  '::text", "bool: f"),
        ("z = 1", "bool: NULL"),
        ("z = 1 OR true", "bool: t"),
        ("z = 1 AND true", "bool: NULL"),
        ("z = 1 AND false", "bool: f"),
        ("NOT (z = 1)", "bool: NULL"),
        ("z IS NULL", "bool: t"),
        ("i IS NOT NULL", "bool: t"),
        ("(z = 1) IS UNKNOWN", "bool: t"),
        ("ok IS NOT TRUE", "bool: f"),
        ("z IS DISTINCT FROM 1", "bool: t"),
        ("z IS NOT DISTINCT FROM NULL", "bool: t"),
        ("i BETWEEN 7 AND 8", "bool: t"),
        ("i NOT BETWEEN 7 AND 8", "bool: f"),
        ("i BETWEEN 8 AND z", "bool: f"),
        ("i IN (1, 7)", "bool: t"),
        ("i IN (1, z)", "bool: NULL"),
        ("i NOT IN (1, z)", "bool: NULL"),
        ("i NOT IN (7, z)", "bool: f"),
        ("i IN (1, 7.0)", "bool: t"),
        ("t IN ('a', 'Hello')", "bool: t"),
        ("i", "int4: 7"),
        ("i AND true", "planner"),
        // Text.
        ("t LIKE 'H%o'", "bool: t"),
        ("t NOT LIKE '_ello'", "bool: f"),
        ("t ILIKE 'hELLO'", "bool: t"),
        ("t LIKE 'H!%' ESCAPE '!'", "bool: f"),
        ("t || i", "text: Hello7"),
        ("'a' || 'b'", "text: ab"),
        ("t || NULL", "text: NULL"),
        ("i || i", "planner"),
        ("c || '|'", "text: xy|"),
        ("lower(t) || upper(v)", "text: helloABC"),
        ("length('häß')", "int4: 3"),
        ("octet_length('häß')", "int4: 5"),
        ("substr('hello', 2, 3)", "text: ell"),
        ("substring('hello' FROM -1 FOR 4)", "text: he"),
        ("substr('hello', 2, -1)", "22011"),
        ("trim('  a ')", "text: a"),
        ("trim(both 'xy' from 'yxaxx')", "text: a"),
        ("ltrim('xxa', 'x')", "text: a"),
        ("left('hello', -2)", "text: hel"),
        ("right('hello', 2)", "text: lo"),
        ("replace('banana', 'an', 'o')", "text: booa"),
        ("concat('a', 1, NULL, true)", "text: a1t"),
        // Choice.
        ("CASE WHEN i > 5 THEN 'big' ELSE 'small' END", "text: big"),
        ("CASE i WHEN 7 THEN 1 WHEN 8 THEN 2.5 END", "numeric: 1"),
        ("CASE WHEN i = 8 THEN 1 / 0 ELSE 1 END", "int4: 1"),
        ("CASE WHEN z = 1 THEN 1 END", "int4: NULL"),
        ("coalesce(z, 3)", "int4: 3"),
        ("coalesce(z, b)", "int8: 5000000000"),
        ("nullif(i, 7)", "int4: NULL"),
        ("nullif(t, 'x')", "text: Hello"),
        ("greatest(i, z, 9)", "int4: 9"),
        ("least(2, 1.5)", "numeric: 1.5"),
        // Casts.
        ("'12'::int", "int4: 12"),
        ("'12x'::int", "22P02"),
        ("1.5::int", "int4: 2"),
        ("2.5::float8::int", "int4: 2"),
        ("300::smallint", "int2: 300"),
        ("99999::smallint", "22003"),
        ("i::text", "text: 7"),
        ("'abcdef'::varchar(3)", "varchar: abc"),
        ("1.005::numeric(5,2)", "numeric: 1.01"),
        ("1000::numeric(3,1)", "22003"),
        ("'2024-02-30'::date", "22008"),
        ("date '2024-02-29' + 1", "date: 2024-03-01"),
        ("true::int", "int4: 1"),
        ("'t'::bool AND ok", "bool: t"),
        ("'{1,2}'::int[]", "_int4: {1,2}"),
        // Numbers.
        ("abs(s)", "int2: 3"),
        ("abs(-2.5)", "numeric: 2.5"),
        ("round(2.5)", "numeric: 3"),
        ("round(f)", "float8: 2"),
        ("round(12.345, 2)", "numeric: 12.35"),
        ("ceil(1.2)", "numeric: 2"),
        ("floor(-1.2::float8)", "float8: -2"),
        ("mod(7, 3)", "int4: 1"),
        // Time.
        ("now()", "timestamptz: 2023-11-14 22:13:20+00"),
        ("CURRENT_TIMESTAMP", "timestamptz: 2023-11-14 22:13:20+00"),
        ("current_date", "date: 2023-11-14"),
        // Not ours.
        ("sum(i)", "planner"),
        ("nosuch", "planner"),
        ("array[1]", "planner"),
    ] {
        assert_eq!(answer(sql, &[], &[]), expected, "{sql}");
    }
}

#[test]
fn parameters_take_their_type_from_their_place() {
    let columns = columns();
    let scope = Scope::of_columns(&columns);
    for (sql, types) in [
        ("i = $1", "int4"),
        ("$1 = i", "int4"),
        ("b + $1", "int8"),
        ("t LIKE $1", "text"),
        ("n BETWEEN $1 AND $2", "numeric, numeric"),
        ("i IN ($1, $2)", "int4, int4"),
        ("$1::date", "date"),
        ("coalesce($1, i)", "int4"),
        ("$1", "text"),
        ("$1 || 'x'", "text"),
        ("$1", "text"),
        ("v = $1", "varchar"),
        ("c = $1", "bpchar"),
        ("$1 AND $2", "bool, bool"),
        ("$1 = $2", "text, text"),
        ("i = $1 AND b = $1", "int4"),
    ] {
        let mut params = Params::default();
        RowExpr::compile(&parse(sql), &scope, &mut params)
            .unwrap()
            .unwrap_or_else(|| panic!("{sql}"));
        let names: Vec<_> = params.finish().unwrap().iter().map(SqlType::name).collect();
        assert_eq!(names.join(", "), types, "{sql}");
    }
    // A declared type wins.
    assert_eq!(
        answer("i = $1", &[Value::Int8(7)], &[Some(SqlType::Int8)]),
        "bool: t"
    );
    assert_eq!(answer("i = $1", &[], &[Some(SqlType::Text)]), "planner");
}

#[test]
fn long_chains_are_fine_and_deep_nests_are_the_planners() {
    let chain = vec!["i = 7"; 3000].join(" AND ");
    assert_eq!(answer(&chain, &[], &[]), "bool: t");
    let deep = format!("{}i{}", "abs(".repeat(40), ")".repeat(40));
    assert_eq!(answer(&deep, &[], &[]), "int4: 7");
    let sum = vec!["1"; 200].join(" + ");
    assert_eq!(answer(&sum, &[], &[]), "planner");
}

#[test]
fn assignment_converts_and_checks_length() {
    let assigned = |sql: &str, target: SqlType| -> String {
        let columns = columns();
        let expr = RowExpr::compile_as(
            &parse(sql),
            &target,
            &Scope::of_columns(&columns),
            &mut Params::default(),
        );
        let expr = match expr {
            Ok(Some(expr)) => expr,
            Ok(None) => return "planner".into(),
            Err(error) => return error.state().as_str().to_owned(),
        };
        let facts = Facts::default();
        let env = Env {
            params: &[],
            facts: &facts,
        };
        match expr.eval_value(&row(), &env) {
            Ok(value) => format!("{value:?}"),
            Err(error) => error.state().as_str().to_owned(),
        }
    };
    assert_eq!(assigned("1.5", SqlType::Int4), "Int4(2)");
    assert_eq!(assigned("b", SqlType::Int4), "22003");
    assert_eq!(assigned("i", SqlType::Text), "Text(\"7\")");
    assert_eq!(assigned("'abcd'", SqlType::Varchar(Some(3))), "22001");
    assert_eq!(
        assigned("'abc  '", SqlType::Varchar(Some(3))),
        "Text(\"abc\")"
    );
    assert_eq!(assigned("'ab '", SqlType::Char(3)), "Text(\"ab\")");
    assert_eq!(
        assigned("1.239", SqlType::Numeric(Some((4, 2)))),
        "Numeric(1.24)"
    );
    assert_eq!(assigned("NULL", SqlType::Int4), "Null");
    assert_eq!(assigned("t", SqlType::Int4), "planner");
    assert_eq!(assigned("'12'", SqlType::Int4), "Int4(12)");
    assert_eq!(
        assigned("current_timestamp", SqlType::Timestamp),
        "Timestamp(0)"
    );
}

#[test]
fn random_is_alike_everywhere() {
    let mut sixteenths = [0; 16];
    for _ in 0..8000 {
        let drawn = crate::expr::random();
        assert!((0.0..1.0).contains(&drawn), "{drawn}");
        sixteenths[(drawn * 16.0) as usize] += 1;
    }
    // 500 each; seven standard deviations are 150.
    assert!(
        sixteenths.iter().all(|drawn| (350..650).contains(drawn)),
        "{sixteenths:?}"
    );
}
