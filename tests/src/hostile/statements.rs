//! Statements no application sends by mistake, each with the answers it may get.

/// A statement and the first letters of the SQLSTATEs that are right for it; `ok`
/// stands for an answer without an error.
#[derive(Clone, Debug)]
pub struct Case {
    pub name: String,
    pub sql: String,
    pub right: &'static [&'static str],
}

const OK: &[&str] = &["ok"];
/// A program limit (54), or done all the same.
const LIMIT: &[&str] = &["ok", "54"];
/// Out of memory (53), too long (57014), over a limit, or done all the same.
const HUNGRY: &[&str] = &["ok", "53", "54", "57014"];

fn case(name: impl Into<String>, sql: impl Into<String>, right: &'static [&'static str]) -> Case {
    Case {
        name: name.into(),
        sql: sql.into(),
        right,
    }
}

pub const SETUP: &str = "
    CREATE TABLE h (id int PRIMARY KEY, n int, t text, j jsonb, a int[]);
    INSERT INTO h SELECT g, g % 10, 'text ' || g, '{\"a\": [1, 2]}', ARRAY[1, 2, 3]
        FROM generate_series(1, 1000) g;
    CREATE TABLE empty (id int PRIMARY KEY, n int)";

pub fn all() -> Vec<Case> {
    let mut cases = Vec::new();
    for size in [30, 400, 3_000, 10_000, 60_000] {
        cases.extend(flat(size));
    }
    for depth in [10, 60, 150, 1_000, 10_000, 100_000] {
        cases.extend(nested(depth));
    }
    let shaped: Vec<Case> = cases
        .iter()
        .filter(|case| case.sql.starts_with("SELECT") && case.sql.len() < 300_000)
        .cloned()
        .collect();
    for inner in shaped {
        for (name, before, after) in [
            ("explain", "EXPLAIN ", ""),
            ("in a subquery", "SELECT count(*) FROM (", ") AS inside"),
            ("exists", "SELECT EXISTS (", ")"),
            ("prepare", "PREPARE hostile AS ", ""),
            ("copy", "COPY (", ") TO STDOUT"),
        ] {
            let sql = format!("{before}{}{after}", inner.sql);
            // What is odd about a form may be refused for what it is, never with a death.
            // Parameters that nobody gives are a violation of the extended protocol.
            let right: &[&str] = &[
                "ok", "54", "53", "57014", "42", "0A000", "22", "21000", "08P01",
            ];
            cases.push(case(format!("{name}: {}", inner.name), sql, right));
        }
    }
    cases.extend(hungry());
    cases.extend(nonsense());
    cases.extend(values());
    cases
}

/// `n` pieces in a row.
fn flat(n: usize) -> Vec<Case> {
    let join = |piece: &str, between: &str| vec![piece; n].join(between);
    let number = |piece: &dyn Fn(usize) -> String, between: &str| {
        (0..n).map(piece).collect::<Vec<_>>().join(between)
    };
    // A short one must simply work.
    let right = if n <= 400 { OK } else { LIMIT };
    let mut cases = Vec::new();
    let mut add =
        |name: &str, sql: String, right| cases.push(case(format!("{name} x {n}"), sql, right));
    for (name, piece, between) in [
        ("plus", "1", " + "),
        ("minus", "1", " - "),
        ("times", "1", " * "),
        ("concat", "'x'", " || "),
        ("and", "true", " AND "),
        ("or", "false", " OR "),
        ("equals and", "1 = 1", " AND "),
        ("is null or", "1 IS NULL", " OR "),
        ("like or", "'a' LIKE 'b'", " OR "),
        ("between and", "1 BETWEEN 0 AND 2", " AND "),
        ("xor", "1", " # "),
        ("shift", "1", " | "),
    ] {
        // Sums are planned part by part; more than 200 parts are refused.
        let sum = matches!(name, "plus" | "minus" | "times" | "xor" | "shift");
        let right = if sum && n > 200 { LIMIT } else { right };
        add(name, format!("SELECT {}", join(piece, between)), right);
    }
    for (name, piece, between) in [
        ("or in a filter", "n = 5", " OR "),
        ("and in a filter", "n <> 50", " AND "),
        ("in or in", "n IN (1, 2)", " OR "),
    ] {
        add(
            name,
            format!("SELECT id FROM h WHERE {}", join(piece, between)),
            right,
        );
    }
    add(
        "or of keys",
        format!(
            "SELECT id FROM h WHERE {}",
            number(&|at| format!("id = {at}"), " OR ")
        ),
        right,
    );
    add(
        "in",
        format!(
            "SELECT id FROM h WHERE id IN ({})",
            number(&|at| at.to_string(), ",")
        ),
        LIMIT,
    );
    add(
        "not in",
        format!(
            "SELECT id FROM h WHERE id NOT IN ({})",
            number(&|at| at.to_string(), ",")
        ),
        LIMIT,
    );
    add(
        "in of texts",
        format!(
            "SELECT id FROM h WHERE t IN ({})",
            number(&|at| format!("'t{at}'"), ",")
        ),
        LIMIT,
    );
    add(
        "any array",
        format!(
            "SELECT id FROM h WHERE id = ANY (ARRAY[{}])",
            number(&|at| at.to_string(), ",")
        ),
        LIMIT,
    );
    add(
        "any text",
        format!(
            "SELECT id FROM h WHERE id = ANY ('{{{}}}')",
            number(&|at| at.to_string(), ",")
        ),
        LIMIT,
    );
    add("values", format!("VALUES {}", join("(1)", ",")), LIMIT);
    add("select items", format!("SELECT {}", join("1", ",")), LIMIT);
    add(
        "order by",
        format!("SELECT id FROM h ORDER BY {}", join("n", ",")),
        LIMIT,
    );
    add(
        "group by",
        format!("SELECT count(*) FROM h GROUP BY {}", join("n", ",")),
        LIMIT,
    );
    for name in ["coalesce", "greatest", "concat"] {
        add(
            name,
            format!("SELECT {name}({})", join("1", ",")),
            &["ok", "54"],
        );
    }
    add(
        "format",
        format!("SELECT format('{}', 1)", "%1$s".repeat(n)),
        LIMIT,
    );
    add(
        "case",
        format!(
            "SELECT CASE {} ELSE 0 END",
            number(&|at| format!("WHEN 1 = {} THEN 1", at + 2), " ")
        ),
        right,
    );
    add(
        "case of columns",
        format!(
            "SELECT CASE n {} END FROM h",
            number(&|at| format!("WHEN {at} THEN {at}"), " ")
        ),
        right,
    );
    add("array", format!("SELECT ARRAY[{}]", join("1", ",")), LIMIT);
    let row = format!("SELECT ROW({})", join("1", ","));
    add("row", row, &["ok", "54", "0A000", "42883"]);
    add("casts", format!("SELECT 1{}", "::int".repeat(n)), LIMIT);
    add(
        "json arrows",
        format!("SELECT j{} FROM h", "->'a'".repeat(n)),
        LIMIT,
    );
    add(
        "subscripts",
        format!("SELECT (ARRAY[1]){}", "[1]".repeat(n)),
        &["ok", "54", "42804"],
    );
    add(
        "is null chain",
        format!("SELECT 1{}", " IS NULL".repeat(n)),
        LIMIT,
    );
    add(
        "at time zone",
        format!("SELECT now(){}", " AT TIME ZONE 'UTC'".repeat(n)),
        LIMIT,
    );
    add(
        "collate",
        format!("SELECT 'x'{}", " COLLATE \"C\"".repeat(n)),
        &["ok", "54", "42", "0A000"],
    );
    for (name, word) in [
        ("union all", " UNION ALL "),
        ("union", " UNION "),
        ("intersect", " INTERSECT "),
        ("except", " EXCEPT "),
    ] {
        add(name, join("SELECT 1", word), LIMIT);
    }
    add(
        "cross join",
        format!(
            "SELECT 1 FROM {}",
            number(&|at| format!("empty e{at}"), ",")
        ),
        HUNGRY,
    );
    add(
        "cross join of rows",
        format!(
            "SELECT count(*) FROM {}",
            number(&|at| format!("h h{at}"), ",")
        ),
        HUNGRY,
    );
    add(
        "join",
        format!(
            "SELECT 1 FROM empty e{}",
            number(&|at| format!(" JOIN empty e{at} ON e{at}.id = e.id"), "")
        ),
        HUNGRY,
    );
    add(
        "left join",
        format!(
            "SELECT 1 FROM empty e{}",
            number(
                &|at| format!(" LEFT JOIN empty e{at} ON e{at}.id = e.id"),
                ""
            )
        ),
        HUNGRY,
    );
    add(
        "natural join",
        format!(
            "SELECT 1 FROM empty{}",
            number(&|at| format!(" NATURAL JOIN empty e{at}"), "")
        ),
        HUNGRY,
    );
    add(
        "ctes",
        format!(
            "WITH {} SELECT 1",
            number(&|at| format!("c{at} AS (SELECT {at})"), ",")
        ),
        LIMIT,
    );
    add(
        "chained ctes",
        format!(
            "WITH c0 AS (SELECT 1 AS x), {} SELECT * FROM c{n}",
            (1..=n)
                .map(|at| format!("c{at} AS (SELECT * FROM c{})", at - 1))
                .collect::<Vec<_>>()
                .join(",")
        ),
        LIMIT,
    );
    add(
        "doubling ctes",
        format!(
            "WITH c0 AS (SELECT 1 AS x), {} SELECT count(*) FROM c{n}",
            (1..=n)
                .map(|at| format!("c{at} AS (SELECT a.x FROM c{0} a, c{0} b)", at - 1))
                .collect::<Vec<_>>()
                .join(",")
        ),
        HUNGRY,
    );
    add(
        "aggregates",
        format!("SELECT {} FROM h", join("sum(n)", ",")),
        LIMIT,
    );
    add(
        "distinct aggregates",
        format!(
            "SELECT {} FROM h",
            number(&|at| format!("sum(n + {at})"), ",")
        ),
        LIMIT,
    );
    add(
        "windows",
        format!(
            "SELECT {} FROM h",
            number(
                &|at| format!("sum(n) OVER (ORDER BY id ROWS {at} PRECEDING)"),
                ","
            )
        ),
        HUNGRY,
    );
    add(
        "scalar subqueries",
        format!("SELECT {}", join("(SELECT max(n) FROM empty)", ",")),
        HUNGRY,
    );
    add(
        "exists",
        format!(
            "SELECT 1 FROM h WHERE {}",
            join("EXISTS (SELECT 1 FROM empty e WHERE e.id = h.id)", " OR ")
        ),
        HUNGRY,
    );
    add(
        "in subqueries",
        format!(
            "SELECT 1 FROM h WHERE {}",
            join("id IN (SELECT id FROM empty)", " OR ")
        ),
        HUNGRY,
    );
    add("statements", "SELECT 1;".repeat(n), LIMIT);
    add("empty statements", ";".repeat(n), LIMIT);
    add(
        "savepoints",
        format!("BEGIN;{}ROLLBACK", "SAVEPOINT s;".repeat(n)),
        LIMIT,
    );
    add(
        "insert rows",
        format!(
            "BEGIN; INSERT INTO empty VALUES {}; ROLLBACK",
            number(&|at| format!("({at},1)"), ",")
        ),
        LIMIT,
    );
    add(
        "insert conflicts",
        format!(
            "INSERT INTO h (id) VALUES {} ON CONFLICT DO NOTHING",
            join("(1)", ",")
        ),
        LIMIT,
    );
    add(
        "columns",
        format!(
            "BEGIN; CREATE TABLE wide ({}); ROLLBACK",
            number(&|at| format!("c{at} int"), ",")
        ),
        LIMIT,
    );
    add(
        "checks",
        format!(
            "BEGIN; CREATE TABLE checked (a int, {}); ROLLBACK",
            number(&|at| format!("CHECK (a > {at})"), ",")
        ),
        HUNGRY,
    );
    add(
        "index columns",
        format!("BEGIN; CREATE INDEX ON h ({}); ROLLBACK", join("n", ",")),
        LIMIT,
    );
    add("long name", format!("SELECT 1 AS {}", "x".repeat(n)), OK);
    add(
        "long string",
        format!("SELECT length('{}')", "x".repeat(n)),
        OK,
    );
    add(
        "long comment",
        format!("SELECT 1 /*{}*/", "x".repeat(n)),
        OK,
    );
    add("blanks", format!("SELECT{}1", " ".repeat(n)), OK);
    add(
        "digits",
        format!("SELECT {}", "9".repeat(n)),
        &["ok", "54", "22003"],
    );
    add(
        "fraction",
        format!("SELECT 0.{}", "9".repeat(n)),
        &["ok", "54", "22003"],
    );
    add("exponent", format!("SELECT 1e{n}"), &["ok", "22003"]);
    add("escapes", format!("SELECT E'{}'", "\\x41".repeat(n)), OK);
    add("quotes", format!("SELECT '{}'", "''".repeat(n)), OK);
    add(
        "like",
        format!("SELECT '{}' LIKE '{}b'", "a".repeat(n), "%a".repeat(n)),
        HUNGRY,
    );
    add(
        "regex of options",
        format!("SELECT 'b' ~ '{}'", vec!["a"; n].join("|")),
        &["ok", "2201B", "54"],
    );
    add(
        "regex that backtracks",
        format!("SELECT '{}' ~ '(a+)+b'", "a".repeat(n)),
        HUNGRY,
    );
    add(
        "regex of dots",
        format!("SELECT 'b' ~ '{}'", "(a?)".repeat(n)),
        &["ok", "2201B", "54", "57014"],
    );
    add(
        "lists in lists",
        format!("SELECT (1, 2) IN ({})", join("(1, 3)", ",")),
        &["ok", "54", "0A000"],
    );
    add(
        "set",
        format!("SET application_name = '{}'", "x".repeat(n)),
        &["ok", "22"],
    );
    add("comment lines", "-- x\n".repeat(n) + "SELECT 1", OK);
    add(
        "update sets",
        format!("UPDATE empty SET {}", join("n = 1", ",")),
        &["42601", "54"],
    );
    add(
        "json keys",
        format!(
            "SELECT '{{{}}}'::jsonb",
            number(&|at| format!("\"k{at}\": 1"), ",")
        ),
        LIMIT,
    );
    add(
        "params",
        format!("SELECT {}", number(&|at| format!("${}", at + 1), ",")),
        &["42P02", "42P18", "54", "08P01"],
    );
    cases
}

/// One in another, `n` times.
fn nested(n: usize) -> Vec<Case> {
    let around = |open: &str, core: &str, close: &str| {
        format!("{}{core}{}", open.repeat(n), close.repeat(n))
    };
    // Ten deep everything works; 60 deep is beyond some recursion limits, and says so.
    let right: &[&str] = if n <= 10 { OK } else { LIMIT };
    let mut cases = Vec::new();
    let mut add =
        |name: &str, sql: String, right| cases.push(case(format!("{name}, {n} deep"), sql, right));
    add(
        "parentheses",
        format!("SELECT {}", around("(", "1", ")")),
        right,
    );
    add("not", format!("SELECT {}true", "NOT ".repeat(n)), right);
    add("minus", format!("SELECT {}1", "- ".repeat(n)), right);
    add("plus", format!("SELECT {}1", "+ ".repeat(n)), right);
    add("tilde", format!("SELECT {}1", "~ ".repeat(n)), right);
    add(
        "case",
        format!("SELECT {}", around("CASE WHEN true THEN ", "1", " END")),
        right,
    );
    add(
        "case in when",
        format!("SELECT {}", around("CASE WHEN ", "true", " THEN true END")),
        right,
    );
    add(
        "functions",
        format!("SELECT {}", around("abs(", "1", ")")),
        right,
    );
    add(
        "text functions",
        format!("SELECT {}", around("upper(", "'x'", ")")),
        right,
    );
    add(
        "coalesce",
        format!("SELECT {}", around("coalesce(NULL, ", "1", ")")),
        right,
    );
    add(
        "greatest",
        format!("SELECT {}", around("greatest(1, ", "1", ")")),
        right,
    );
    add(
        "nullif",
        format!("SELECT {}", around("nullif(", "1", ", 2)")),
        right,
    );
    add(
        "cast",
        format!("SELECT {}", around("CAST(", "1", " AS int)")),
        right,
    );
    add(
        // The quotes of rows in rows double: PostgreSQL runs out of memory, too.
        "row",
        format!("SELECT {}", around("ROW(", "1", ")")),
        &["ok", "53", "54", "0A000", "42"],
    );
    add(
        "array",
        format!("SELECT {}", around("ARRAY[", "1", "]")),
        &["ok", "54"],
    );
    add(
        "sum right",
        format!("SELECT {}", around("1 + (", "1", ")")),
        right,
    );
    add(
        "and or",
        format!("SELECT {}", around("true AND (false OR ", "true", ")")),
        right,
    );
    add(
        "from subquery",
        format!(
            "SELECT * FROM {}",
            around("(SELECT * FROM ", "(SELECT 1 AS x) z", ") y")
        ),
        LIMIT,
    );
    add(
        "scalar subquery",
        format!("SELECT {}", around("(SELECT ", "1", ")")),
        LIMIT,
    );
    add(
        "exists",
        format!(
            "SELECT 1 WHERE {}",
            around("EXISTS (SELECT 1 WHERE ", "true", ")")
        ),
        LIMIT,
    );
    add(
        "in subquery",
        format!(
            "SELECT 1 WHERE {}",
            around("1 IN (SELECT 1 WHERE ", "true", ")")
        ),
        LIMIT,
    );
    add(
        "correlated",
        format!(
            "SELECT 1 FROM h WHERE {}",
            around(
                "EXISTS (SELECT 1 FROM empty e WHERE e.id = n AND ",
                "true",
                ")"
            )
        ),
        &["ok", "54", "53", "57014", "0A000", "42"],
    );
    add(
        "lateral",
        format!(
            "SELECT 1 FROM {}",
            around("(SELECT 1) a, LATERAL (SELECT 1 FROM ", "empty", ") b")
        ),
        &["ok", "54", "53", "57014", "42"],
    );
    add(
        "joins",
        format!(
            "SELECT 1 FROM {}",
            around("(empty NATURAL JOIN ", "empty", ")")
        ),
        &["ok", "54", "42", "57014"],
    );
    add(
        "join pairs",
        format!(
            "SELECT 1 FROM {}empty{}",
            "(".repeat(n),
            " CROSS JOIN empty)".repeat(n)
        ),
        &["ok", "54", "42", "57014"],
    );
    add("union", around("(SELECT 1 UNION ", "SELECT 1", ")"), LIMIT);
    add(
        "union all left",
        around("(", "SELECT 1", " UNION ALL SELECT 1)"),
        LIMIT,
    );
    add(
        "with",
        format!(
            "{} SELECT 1{}",
            "WITH c AS (".repeat(n),
            ") SELECT 1".repeat(n)
        ),
        LIMIT,
    );
    add(
        "json",
        format!("SELECT '{}'::jsonb", around("[", "1", "]")),
        LIMIT,
    );
    add(
        "json objects",
        format!("SELECT '{}'::json", around("{\"a\":", "1", "}")),
        LIMIT,
    );
    add(
        "json of a text",
        format!("SELECT (repeat('[', {n}) || repeat(']', {n}))::jsonb"),
        &["ok", "54", "22P02"],
    );
    add(
        "json functions",
        format!("SELECT {}", around("json_build_array(", "1", ")")),
        LIMIT,
    );
    add(
        "to_json",
        format!("SELECT {}", around("to_json(", "1", ")")),
        LIMIT,
    );
    add(
        "array text",
        format!("SELECT '{}'::int[]", around("{", "1", "}")),
        &["ok", "54", "22P02"],
    );
    add(
        "array text unclosed",
        format!("SELECT '{}'::int[]", "{".repeat(n)),
        &["54", "22P02"],
    );
    add(
        "row text",
        format!("SELECT '{}'::text", around("(", "1", ")")),
        OK,
    );
    add(
        "comments",
        format!("SELECT 1 {}", around("/*", "x", "*/")),
        LIMIT,
    );
    add(
        "regex groups",
        format!("SELECT 'a' ~ '{}'", around("(", "a", ")")),
        &["ok", "2201B", "54"],
    );
    add(
        "regex stars",
        format!("SELECT 'a' ~ '{}'", around("(", "a", ")*")),
        &["ok", "2201B", "54"],
    );
    add(
        "unclosed parentheses",
        format!("SELECT {}", "(".repeat(n)),
        &["42601", "54"],
    );
    add(
        "unclosed brackets",
        format!("SELECT {}", "ARRAY[".repeat(n)),
        &["42601", "54"],
    );
    add(
        "unclosed case",
        format!("SELECT {}", "CASE WHEN ".repeat(n)),
        &["42601", "54"],
    );
    add(
        "closed only",
        format!("SELECT 1{}", ")".repeat(n)),
        &["42601", "54"],
    );
    add(
        "check",
        format!(
            "BEGIN; CREATE TABLE c (a int CHECK ({})); ROLLBACK",
            around("(", "a > 0", ")")
        ),
        LIMIT,
    );
    add(
        "default",
        format!(
            "BEGIN; CREATE TABLE c (a int DEFAULT {}); ROLLBACK",
            around("(", "1", ")")
        ),
        LIMIT,
    );
    add(
        "explain",
        format!("{}SELECT 1", "EXPLAIN ".repeat(n)),
        &["42601", "54", "0A000"],
    );
    add(
        "insert select",
        format!(
            "INSERT INTO empty SELECT * FROM {}",
            around("(SELECT * FROM ", "(SELECT 1, 2 WHERE false) z", ") y")
        ),
        LIMIT,
    );
    add(
        "returning",
        format!(
            "UPDATE empty SET n = {} RETURNING {}",
            around("(", "1", ")"),
            around("(", "n", ")")
        ),
        LIMIT,
    );
    add(
        "interval sums",
        format!("SELECT now() {}", "+ interval '1 day' ".repeat(n)),
        LIMIT,
    );
    add(
        "type modifiers",
        format!("SELECT '1'::{}", around("numeric(", "1", ")")),
        &["ok", "42601", "54", "42"],
    );
    add(
        "window",
        format!("SELECT {} FROM h", around("sum(", "n", ") OVER ()")),
        &["42P20", "ok", "54"],
    );
    add(
        "aggregate",
        format!("SELECT {} FROM h", around("sum(", "n", ")")),
        &["ok", "42803", "54"],
    );
    cases
}

/// More memory or time than there is.
fn hungry() -> Vec<Case> {
    let mut cases = Vec::new();
    let series = "generate_series(1, 1000000000000)";
    for sql in [
        "SELECT * FROM {} g",
        "SELECT count(*) FROM {} g",
        "SELECT sum(g) FROM {} g",
        "SELECT g FROM {} g ORDER BY g DESC",
        "SELECT g, count(*) FROM {} g GROUP BY g",
        "SELECT DISTINCT g FROM {} g",
        "SELECT DISTINCT g % 1000000007 FROM {} g",
        "SELECT array_agg(g) FROM {} g",
        "SELECT string_agg(g::text, ',') FROM {} g",
        "SELECT json_agg(g) FROM {} g",
        "SELECT jsonb_agg(g) FROM {} g",
        "SELECT json_object_agg(g, g) FROM {} g",
        "SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY g) FROM {} g",
        "SELECT mode() WITHIN GROUP (ORDER BY g) FROM {} g",
        "SELECT count(DISTINCT g) FROM {} g",
        "SELECT max(g) OVER () FROM {} g",
        "SELECT row_number() OVER (ORDER BY g DESC) FROM {} g",
        "SELECT sum(g) OVER (PARTITION BY g % 10 ORDER BY g) FROM {} g",
        "SELECT lag(g) OVER (ORDER BY -g) FROM {} g",
        "SELECT g FROM {} g UNION SELECT g FROM {} g",
        "SELECT g FROM {} g INTERSECT SELECT g FROM {} g",
        "SELECT g FROM {} g EXCEPT SELECT g FROM {} g",
        "SELECT count(*) FROM {} a, {} b",
        "SELECT count(*) FROM {} a JOIN {} b ON a = b",
        "SELECT count(*) FROM {} a JOIN {} b ON a < b",
        "SELECT count(*) FROM {} a FULL JOIN {} b ON a = b",
        "SELECT * FROM {} g WHERE g IN (SELECT b FROM {} b)",
        "SELECT * FROM {} g WHERE g NOT IN (SELECT b FROM {} b)",
        "SELECT ARRAY(SELECT g FROM {} g)",
        "SELECT (SELECT max(g) FROM {} g)",
        "SELECT EXISTS (SELECT 1 FROM {} g WHERE g < 0)",
        "SELECT {}",
        "SELECT {}, {}",
        "SELECT unnest(ARRAY(SELECT g FROM {} g))",
        "SELECT count(*) FROM (SELECT g, repeat('x', 1000) AS x FROM {} g ORDER BY x, g DESC) s",
        "SELECT string_agg(repeat('x', 10000), ',') FROM {} g",
        "SELECT array_agg(repeat('x', 10000)) FROM {} g",
        "SELECT repeat('x', 100000), g FROM {} g ORDER BY 1, 2 DESC",
        "SELECT max(repeat('x', 1000000)) FROM {} g",
        "SELECT count(DISTINCT repeat('x', 1000) || g) FROM {} g",
        "SELECT concat(repeat('x', 100000), g) FROM {} g GROUP BY 1",
        "WITH c AS (SELECT g FROM {} g) SELECT count(*) FROM c a, c b",
        "WITH c AS MATERIALIZED (SELECT g FROM {} g) SELECT count(*) FROM c",
        "INSERT INTO empty SELECT g, 1 FROM {} g",
        "INSERT INTO empty SELECT g % 2000000000, 1 FROM {} g ON CONFLICT DO NOTHING",
        "INSERT INTO h (id, t) SELECT 2000 + g % 100000000, repeat('x', 10000) FROM {} g ON CONFLICT DO NOTHING",
        "CREATE TABLE filled AS SELECT g FROM {} g",
        "UPDATE h SET n = g FROM {} g WHERE h.id = g",
        "DELETE FROM h USING {} g WHERE h.id = -g",
        "COPY (SELECT g FROM {} g) TO STDOUT",
        "EXPLAIN ANALYZE SELECT count(*) FROM {} g",
    ] {
        // A table of keys that are int4 overflows before the memory is gone.
        let right: &[&str] = &["ok", "53", "54", "57014", "22003", "0A000", "42P07"];
        cases.push(case(sql, sql.replace("{}", series), right));
    }
    for sql in [
        "WITH RECURSIVE r AS (SELECT 1 AS x UNION ALL SELECT x + 1 FROM r) SELECT count(*) FROM r",
        "WITH RECURSIVE r AS (SELECT 1 AS x UNION ALL SELECT x FROM r) SELECT * FROM r",
        "WITH RECURSIVE r AS (SELECT 1::bigint AS x UNION ALL SELECT a.x FROM r a, r b) SELECT count(*) FROM r",
        "WITH RECURSIVE r AS (SELECT 'x' AS x UNION ALL SELECT x || x FROM r) SELECT max(length(x)) FROM r",
        "WITH RECURSIVE r AS (SELECT ARRAY[1] AS x UNION ALL SELECT x || x FROM r) SELECT count(*) FROM r",
        "SELECT count(*) FROM h a, h b, h c, h d, h e, h f",
        "SELECT * FROM h a, h b, h c, h d ORDER BY a.t || b.t || c.t || d.t",
        "SELECT a.t, b.t, c.t, count(*) FROM h a, h b, h c, h d GROUP BY 1, 2, 3",
        "SELECT DISTINCT a.t || b.t || c.t FROM h a, h b, h c",
        "SELECT count(*) FROM h a JOIN h b ON a.n = b.n JOIN h c ON b.n = c.n JOIN h d ON c.n = d.n JOIN h e ON d.n = e.n",
        "SELECT count(*) FROM h a FULL JOIN h b ON a.n = b.n FULL JOIN h c ON b.n = c.n",
        "SELECT string_agg(a.t, ',' ORDER BY b.t || c.t) FROM h a, h b, h c",
        "SELECT json_agg(x) FROM h x, h b, h c",
        "SELECT * FROM h a WHERE (SELECT count(*) FROM h b, h c WHERE b.n = a.n) > 0",
        "SELECT * FROM h a, LATERAL (SELECT count(*) FROM h b, h c, h d WHERE b.id > a.id) x",
        "SELECT pg_sleep(1000000)",
        "SELECT pg_sleep(1e308)",
        "SELECT pg_sleep(id) FROM h",
    ] {
        cases.push(case(
            sql,
            sql,
            &["ok", "53", "54", "57014", "42804", "42P19", "22"],
        ));
    }
    for sql in [
        "SELECT repeat('x', 1000000000)",
        "SELECT repeat('x', 2147483647)",
        "SELECT length(repeat('x', 1000000000))",
        "SELECT repeat(repeat('x', 100000), 100000)",
        "SELECT repeat('', 2147483647)",
        "SELECT length(repeat('x', 200000000) || repeat('y', 200000000))",
        "SELECT repeat('x', 100000000), repeat('x', 100000000), repeat('x', 100000000), repeat('x', 100000000), repeat('x', 100000000), repeat('x', 100000000)",
        "SELECT repeat('x', 10000000) FROM generate_series(1, 100000)",
        "SELECT sum(length(repeat('x', 10000000))) FROM generate_series(1, 100000)",
        "SELECT replace(repeat('x', 10000000), 'x', repeat('y', 1000))",
        "SELECT length(replace(repeat('x', 100000), 'x', repeat('y', 100000)))",
        "SELECT regexp_replace(repeat('x', 1000000), 'x', repeat('y', 10000), 'g')",
        "SELECT translate(repeat('x', 100000000), 'x', 'y')",
        "SELECT lpad('x', 2147483647, 'y')",
        "SELECT rpad('x', 1000000000)",
        "SELECT length(lpad('x', 500000000))",
        "SELECT format('%2147483647s', 'x')",
        "SELECT format('%1000000000s', 'x')",
        "SELECT format('%*s', 2147483647, 'x')",
        "SELECT format('%99999999999999999999s', 'x')",
        "SELECT to_char(1, repeat('9', 100000000))",
        "SELECT to_char(now(), repeat('YYYY', 100000000))",
        "SELECT string_to_array(repeat('x,', 10000000), ',')",
        "SELECT array_length(string_to_array(repeat('x,', 100000000), ','), 1)",
        "SELECT regexp_split_to_array(repeat('x,', 10000000), ',')",
        "SELECT regexp_split_to_table(repeat('x,', 100000000), ',')",
        "SELECT regexp_matches(repeat('x', 10000000), 'x', 'g')",
        "SELECT array_fill(1, ARRAY[2147483647])",
        "SELECT array_fill(1, ARRAY[100000, 100000])",
        "SELECT array_fill(repeat('x', 1000000), ARRAY[100000])",
        "SELECT array_cat(array_fill(1, ARRAY[10000000]), array_fill(1, ARRAY[10000000]))",
        "SELECT array_to_string(array_fill(repeat('x', 100000), ARRAY[1000]), repeat('y', 1000000))",
        "SELECT ('[0:2147483647]={1}')::int[]",
        "SELECT decode(repeat('00', 100000000), 'hex')",
        "SELECT encode(decode(repeat('00', 100000000), 'hex'), 'base64')",
        "SELECT md5(repeat('x', 500000000))",
        "SELECT reverse(repeat('x', 500000000))",
        "SELECT upper(repeat('ß', 200000000))",
        "SELECT initcap(repeat('x ', 200000000))",
        "SELECT quote_literal(repeat('''', 300000000))",
        "SELECT ('\"' || repeat('x', 300000000) || '\"')::jsonb",
        "SELECT jsonb_build_array(repeat('x', 300000000), repeat('x', 300000000))",
        "SELECT to_jsonb(array_fill(repeat('x', 1000000), ARRAY[1000]))",
        "SELECT json_agg(repeat('x', 1000000)) FROM generate_series(1, 1000)",
        "SELECT jsonb_pretty(('[' || repeat('1,', 10000000) || '1]')::jsonb)",
        "SELECT jsonb_array_elements(('[' || repeat('1,', 50000000) || '1]')::jsonb)",
        "SELECT concat_ws(repeat('x', 100000000), 1, 2, 3, 4, 5, 6, 7)",
        "SELECT 10 ^ 100000",
        "SELECT 10::numeric ^ 100000",
        "SELECT 10::numeric ^ 2147483647",
        "SELECT 1.1::numeric ^ 1000000000",
        "SELECT 2::numeric ^ 0.5000000001",
        "SELECT exp(100000::numeric)",
        "SELECT exp(1e9::numeric)",
        "SELECT ln(1e-10000::numeric)",
        "SELECT sqrt(repeat('9', 100000)::numeric)",
        "SELECT repeat('9', 131072)::numeric * repeat('9', 131072)::numeric",
        "SELECT repeat('9', 1000000)::numeric",
        "SELECT (repeat('9', 100000)::numeric) / 7",
        "SELECT (repeat('9', 100000)::numeric) % 7",
        "SELECT factorial(1000000)",
        "SELECT 1 / repeat('9', 100000)::numeric",
        "SELECT round(1e-100000::numeric, 2147483647)",
        "SELECT round(1.5, -2147483648)",
        "SELECT trunc(1.5, 2147483647)",
        "SELECT 1e131071::numeric::text",
        "SELECT (1e131071::numeric)::float8",
        "SELECT (1e131071::numeric)::int8",
        "SELECT width_bucket(1, 0, 10, 2147483647)",
        "SELECT gcd(repeat('9', 100000)::numeric, repeat('7', 100000)::numeric)",
        "SELECT random() FROM generate_series(1, 100000000) ORDER BY 1",
        "SELECT generate_series(1, 1, 0)",
        "SELECT generate_series(1::numeric, 1e100::numeric, 1e-100::numeric)",
        "SELECT generate_series(now(), now() + interval '1000000 years', interval '1 microsecond')",
        "SELECT generate_series('-infinity'::timestamp, 'infinity', '1 day')",
        "SELECT count(*) FROM generate_series(9223372036854775806, 9223372036854775807)",
        "SELECT count(*) FROM generate_series(-9223372036854775808, 9223372036854775807)",
        "SELECT generate_subscripts(ARRAY[1], 2147483647)",
        "SELECT substr('x', -2147483648, 2147483647)",
        "SELECT substring('x' FROM 2147483647 FOR 2147483647)",
        "SELECT overlay('x' PLACING 'y' FROM 2147483647)",
        "SELECT left('x', -2147483648), right('x', -2147483648)",
        "SELECT split_part('x', ',', -2147483648)",
        "SELECT chr(2147483647)",
        "SELECT chr(0)",
        "SELECT set_bit('\\x00'::bytea, 2147483647, 1)",
        "SELECT get_byte('\\x00'::bytea, 2147483647)",
        "SELECT lag(n, 2147483647) OVER (ORDER BY id) FROM h",
        "SELECT ntile(2147483647) OVER (ORDER BY id) FROM h",
        "SELECT nth_value(n, 2147483647) OVER (ORDER BY id) FROM h",
        "SELECT sum(n) OVER (ORDER BY id ROWS BETWEEN 9223372036854775807 PRECEDING AND 9223372036854775807 FOLLOWING) FROM h",
        "SELECT * FROM h LIMIT 9223372036854775807 OFFSET 9223372036854775807",
        "SELECT * FROM h LIMIT -1",
        "SELECT * FROM h OFFSET -1",
        "SELECT date '5874897-12-31' + 2147483647",
        "SELECT now() + interval '178956970 years'",
        "SELECT interval '2147483647 months' * 1e300",
        "SELECT make_interval(years => 2147483647)",
        "SELECT date_trunc(repeat('x', 10000000), now())",
        "SELECT now() AT TIME ZONE repeat('x', 10000000)",
        "SELECT -9223372036854775808 / -1",
        "SELECT (-9223372036854775808)::int8 % -1",
        "SELECT abs((-2147483648)::int4)",
        "SELECT (-32768)::int2 / -1::int2",
        "SELECT 1 << 2147483647, 1::int8 << -1",
        "SELECT 1 / 0",
        "SELECT 1 % 0",
        "SELECT 1.0 / 0.0",
        "SELECT 'nan'::float8::int",
        "SELECT '1e400'::float8",
    ] {
        cases.push(case(
            sql,
            sql,
            &["ok", "53", "54", "57014", "22", "42", "0A000", "2201"],
        ));
    }
    cases
}

/// Not SQL at all, or SQL that means nothing.
fn nonsense() -> Vec<Case> {
    let mut cases = Vec::new();
    let words = [
        "SELECT",
        "FROM",
        "WHERE",
        "(",
        ")",
        ",",
        ";",
        "'",
        "\"",
        "$1",
        "$$",
        "/*",
        "--",
        "::",
        "*",
        "1",
        "h",
        "NULL",
        "CASE",
        "END",
        "UNION",
        "WITH",
        "[",
        "]",
        ".",
        "E'\\",
        "U&'\\",
        "\u{0}\u{1}",
        "\u{202e}",
        "JOIN",
        "ON",
        "GROUP BY",
        "INSERT INTO",
        "VALUES",
        "CREATE TABLE",
        "ALTER",
        "BEGIN",
        "ROLLBACK",
        "COPY",
        "LIMIT",
        "OVER",
        "ARRAY",
        "INTERVAL",
        "DEFAULT",
        "SET",
        "=",
        "<>",
        "||",
        "->>",
    ];
    let mut random = crate::Random(7);
    for at in 0..600 {
        let length = 1 + random.below(12);
        let text: Vec<&str> = (0..length)
            .map(|_| words[random.below(words.len() as u64) as usize])
            .filter(|word| !word.contains('\0'))
            .collect();
        // In a block of its own, so that what happens to be a command undoes itself.
        let right: &[&str] = &[
            "ok", "42", "0A000", "22", "54", "26000", "25P01", "3D000", "25", "3", "0", "53",
            "57014", "2BP01", "21000",
        ];
        cases.push(case(format!("words {at}"), text.join(" "), right));
    }
    cases
}

/// Texts that are no values, for every type.
fn values() -> Vec<Case> {
    let types = [
        "bool",
        "int2",
        "int4",
        "int8",
        "float4",
        "float8",
        "numeric",
        "numeric(5,2)",
        "text",
        "varchar(3)",
        "char(3)",
        "bytea",
        "date",
        "time",
        "timestamp",
        "timestamptz",
        "interval",
        "uuid",
        "json",
        "jsonb",
        "int[]",
        "text[]",
        "oid",
        "regclass",
        "name",
    ];
    let texts: Vec<String> = [
        "",
        " ",
        "x",
        "-",
        "+",
        "1e",
        "1e999999999",
        "-1e-999999999",
        "0x",
        "infinity",
        "-infinity",
        "nan",
        "9999999999999999999999999",
        "1.7976931348623157e309",
        "\\x0",
        "\\xzz",
        "{",
        "}",
        "{}",
        "{,}",
        "{{1},{2,3}}",
        "[1:2]={1}",
        "[2147483647:2147483647]={1}",
        "[-2147483648:2147483647]={1}",
        "null",
        "\"",
        "[1,",
        "{\"a\"",
        "\"\\ud800\"",
        "\"\\u0000\"",
        "2000-02-30",
        "0000-00-00",
        "99999999-01-01",
        "24:00:01",
        "25:00",
        "2000-01-01 00:00:00+99",
        "2000-01-01 Nowhere/Zone",
        "P1Y2M3DT4H5M6S",
        "P",
        "1 year 2 mons -3 days",
        "999999999999 years",
        "178956971 years",
        "epoch",
        "now",
        "J999999999999",
        "00000000-0000-0000-0000-00000000000g",
        "t",
        "tru",
        "on",
        "0",
        "-0",
        "\u{feff}1",
        "١",
    ]
    .iter()
    .map(|text| (*text).to_owned())
    .chain([
        "9".repeat(100_000),
        "{".repeat(100_000),
        "[".repeat(100_000),
        "1,".repeat(50_000),
    ])
    .collect();
    let mut cases = Vec::new();
    for kind in types {
        for text in &texts {
            let shown: String = text.chars().take(30).collect();
            let sql = format!("SELECT '{}'::{kind}", text.replace('\'', "''"));
            let right: &[&str] = &["ok", "22", "42P01", "42602", "54", "42601"];
            cases.push(case(format!("'{shown}'::{kind}"), sql, right));
        }
    }
    cases
}
