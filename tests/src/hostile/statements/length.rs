//! One part after another, tens of thousands of them: terms, items, joins, rows, letters.

use super::{Case, HUNGRY, LIMIT, OK, Right, case, spelled};

/// `n` pieces in a row.
pub(super) fn cases(n: usize) -> Vec<Case> {
    // A short one must simply work.
    let right = if n <= 400 { OK } else { LIMIT };
    let mut cases = Vec::new();
    let mut add = |name: &str, short: &str, right: Right| {
        cases.push(case(format!("{name} x {n}"), spelled(short, n), right));
    };
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
        add(name, &format!("SELECT «{piece}¦{between}»"), right);
    }
    add(
        "or in a filter",
        "SELECT id FROM h WHERE «n = 5¦ OR »",
        right,
    );
    add(
        "and in a filter",
        "SELECT id FROM h WHERE «n <> 50¦ AND »",
        right,
    );
    add(
        "in or in",
        "SELECT id FROM h WHERE «n IN (1, 2)¦ OR »",
        right,
    );
    add(
        "or of keys",
        "SELECT id FROM h WHERE «id = {at}¦ OR »",
        right,
    );
    add("in", "SELECT id FROM h WHERE id IN («{at}¦,»)", LIMIT);
    add(
        "not in",
        "SELECT id FROM h WHERE id NOT IN («{at}¦,»)",
        LIMIT,
    );
    add(
        "in of texts",
        "SELECT id FROM h WHERE t IN («'t{at}'¦,»)",
        LIMIT,
    );
    add(
        "any array",
        "SELECT id FROM h WHERE id = ANY (ARRAY[«{at}¦,»])",
        LIMIT,
    );
    add(
        "any text",
        "SELECT id FROM h WHERE id = ANY ('{«{at}¦,»}')",
        LIMIT,
    );
    add("values", "VALUES «(1)¦,»", LIMIT);
    add("select items", "SELECT «1¦,»", LIMIT);
    add("order by", "SELECT id FROM h ORDER BY «n¦,»", LIMIT);
    add("group by", "SELECT count(*) FROM h GROUP BY «n¦,»", LIMIT);
    for name in ["coalesce", "greatest", "concat"] {
        add(name, &format!("SELECT {name}(«1¦,»)"), LIMIT);
    }
    add("format", "SELECT format('«%1$s»', 1)", LIMIT);
    add(
        "case",
        "SELECT CASE «WHEN 1 = {at+2} THEN 1¦ » ELSE 0 END",
        right,
    );
    add(
        "case of columns",
        "SELECT CASE n «WHEN {at} THEN {at}¦ » END FROM h",
        right,
    );
    add("array", "SELECT ARRAY[«1¦,»]", LIMIT);
    add("row", "SELECT ROW(«1¦,»)", &["ok", "54", "0A000", "42883"]);
    add("casts", "SELECT 1«::int»", LIMIT);
    add("json arrows", "SELECT j«->'a'» FROM h", LIMIT);
    add(
        "subscripts",
        "SELECT (ARRAY[1])«[1]»",
        &["ok", "54", "42804"],
    );
    add("is null chain", "SELECT 1« IS NULL»", LIMIT);
    add("at time zone", "SELECT now()« AT TIME ZONE 'UTC'»", LIMIT);
    add(
        "collate",
        "SELECT 'x'« COLLATE \"C\"»",
        &["ok", "54", "42", "0A000"],
    );
    for (name, word) in [
        ("union all", "UNION ALL"),
        ("union", "UNION"),
        ("intersect", "INTERSECT"),
        ("except", "EXCEPT"),
    ] {
        add(name, &format!("«SELECT 1¦ {word} »"), LIMIT);
    }
    add("cross join", "SELECT 1 FROM «empty e{at}¦,»", HUNGRY);
    add(
        "cross join of rows",
        "SELECT count(*) FROM «h h{at}¦,»",
        HUNGRY,
    );
    add(
        "join",
        "SELECT 1 FROM empty e« JOIN empty e{at} ON e{at}.id = e.id¦»",
        HUNGRY,
    );
    add(
        "left join",
        "SELECT 1 FROM empty e« LEFT JOIN empty e{at} ON e{at}.id = e.id¦»",
        HUNGRY,
    );
    add(
        "natural join",
        "SELECT 1 FROM empty« NATURAL JOIN empty e{at}¦»",
        HUNGRY,
    );
    add("ctes", "WITH «c{at} AS (SELECT {at})¦,» SELECT 1", LIMIT);
    add(
        "chained ctes",
        "WITH c0 AS (SELECT 1 AS x), «c{at+1} AS (SELECT * FROM c{at})¦,» SELECT * FROM c{n}",
        LIMIT,
    );
    add(
        "doubling ctes",
        "WITH c0 AS (SELECT 1 AS x), «c{at+1} AS (SELECT a.x FROM c{at} a, c{at} b)¦,» SELECT count(*) FROM c{n}",
        HUNGRY,
    );
    add("aggregates", "SELECT «sum(n)¦,» FROM h", LIMIT);
    add(
        "distinct aggregates",
        "SELECT «sum(n + {at})¦,» FROM h",
        LIMIT,
    );
    add(
        "windows",
        "SELECT «sum(n) OVER (ORDER BY id ROWS {at} PRECEDING)¦,» FROM h",
        HUNGRY,
    );
    add(
        "scalar subqueries",
        "SELECT «(SELECT max(n) FROM empty)¦,»",
        HUNGRY,
    );
    add(
        "exists",
        "SELECT 1 FROM h WHERE «EXISTS (SELECT 1 FROM empty e WHERE e.id = h.id)¦ OR »",
        HUNGRY,
    );
    add(
        "in subqueries",
        "SELECT 1 FROM h WHERE «id IN (SELECT id FROM empty)¦ OR »",
        HUNGRY,
    );
    add("statements", "«SELECT 1;»", LIMIT);
    add("empty statements", "«;»", LIMIT);
    add("savepoints", "BEGIN;«SAVEPOINT s;»ROLLBACK", LIMIT);
    add(
        "insert rows",
        "BEGIN; INSERT INTO empty VALUES «({at},1)¦,»; ROLLBACK",
        LIMIT,
    );
    add(
        "insert conflicts",
        "INSERT INTO h (id) VALUES «(1)¦,» ON CONFLICT DO NOTHING",
        LIMIT,
    );
    add(
        "columns",
        "BEGIN; CREATE TABLE wide («c{at} int¦,»); ROLLBACK",
        LIMIT,
    );
    add(
        "checks",
        "BEGIN; CREATE TABLE checked (a int, «CHECK (a > {at})¦,»); ROLLBACK",
        HUNGRY,
    );
    add(
        "index columns",
        "BEGIN; CREATE INDEX ON h («n¦,»); ROLLBACK",
        LIMIT,
    );
    add("long name", "SELECT 1 AS «x»", OK);
    add("long string", "SELECT length('«x»')", OK);
    add("long comment", "SELECT 1 /*«x»*/", OK);
    add("blanks", "SELECT« »1", OK);
    add("digits", "SELECT «9»", &["ok", "54", "22003"]);
    add("fraction", "SELECT 0.«9»", &["ok", "54", "22003"]);
    add("exponent", "SELECT 1e{n}", &["ok", "22003"]);
    add("escapes", "SELECT E'«\\x41»'", OK);
    add("quotes", "SELECT '«''»'", OK);
    add("like", "SELECT '«a»' LIKE '«%a»b'", HUNGRY);
    add(
        "regex of options",
        "SELECT 'b' ~ '«a¦|»'",
        &["ok", "2201B", "54"],
    );
    add("regex that backtracks", "SELECT '«a»' ~ '(a+)+b'", HUNGRY);
    add(
        "regex of dots",
        "SELECT 'b' ~ '«(a?)»'",
        &["ok", "2201B", "54", "57014"],
    );
    add(
        "lists in lists",
        "SELECT (1, 2) IN («(1, 3)¦,»)",
        &["ok", "54", "0A000"],
    );
    add("set", "SET application_name = '«x»'", &["ok", "22"]);
    add("comment lines", "«-- x\n»SELECT 1", OK);
    add(
        "update sets",
        "UPDATE empty SET «n = 1¦,»",
        &["42601", "54"],
    );
    add("json keys", "SELECT '{«\"k{at}\": 1¦,»}'::jsonb", LIMIT);
    add(
        "params",
        "SELECT «${at+1}¦,»",
        &["42P02", "42P18", "54", "08P01"],
    );
    cases
}
