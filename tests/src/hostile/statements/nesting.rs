//! One part inside another, as deep as it goes: parentheses, queries, documents, patterns.

use super::{Case, LIMIT, OK, Right, case, spelled};

/// One in another, `n` times.
pub(super) fn cases(n: usize) -> Vec<Case> {
    // Ten deep everything works; 60 deep is beyond some recursion limits, and says so.
    let right = if n <= 10 { OK } else { LIMIT };
    let mut cases = Vec::new();
    let mut add = |name: &str, short: &str, right: Right| {
        cases.push(case(format!("{name}, {n} deep"), spelled(short, n), right));
    };
    add("parentheses", "SELECT «(¦1¦)»", right);
    add("not", "SELECT «NOT »true", right);
    add("minus", "SELECT «- »1", right);
    add("plus", "SELECT «+ »1", right);
    add("tilde", "SELECT «~ »1", right);
    add("case", "SELECT «CASE WHEN true THEN ¦1¦ END»", right);
    add(
        "case in when",
        "SELECT «CASE WHEN ¦true¦ THEN true END»",
        right,
    );
    add("functions", "SELECT «abs(¦1¦)»", right);
    add("text functions", "SELECT «upper(¦'x'¦)»", right);
    add("coalesce", "SELECT «coalesce(NULL, ¦1¦)»", right);
    add("greatest", "SELECT «greatest(1, ¦1¦)»", right);
    add("nullif", "SELECT «nullif(¦1¦, 2)»", right);
    add("cast", "SELECT «CAST(¦1¦ AS int)»", right);
    // The quotes of rows in rows double: PostgreSQL runs out of memory, too.
    add(
        "row",
        "SELECT «ROW(¦1¦)»",
        &["ok", "53", "54", "0A000", "42"],
    );
    add("array", "SELECT «ARRAY[¦1¦]»", &["ok", "54"]);
    add("sum right", "SELECT «1 + (¦1¦)»", right);
    add("and or", "SELECT «true AND (false OR ¦true¦)»", right);
    add(
        "from subquery",
        "SELECT * FROM «(SELECT * FROM ¦(SELECT 1 AS x) z¦) y»",
        LIMIT,
    );
    add("scalar subquery", "SELECT «(SELECT ¦1¦)»", LIMIT);
    add(
        "exists",
        "SELECT 1 WHERE «EXISTS (SELECT 1 WHERE ¦true¦)»",
        LIMIT,
    );
    add(
        "in subquery",
        "SELECT 1 WHERE «1 IN (SELECT 1 WHERE ¦true¦)»",
        LIMIT,
    );
    add(
        "correlated",
        "SELECT 1 FROM h WHERE «EXISTS (SELECT 1 FROM empty e WHERE e.id = n AND ¦true¦)»",
        &["ok", "54", "53", "57014", "0A000", "42"],
    );
    add(
        "lateral",
        "SELECT 1 FROM «(SELECT 1) a, LATERAL (SELECT 1 FROM ¦empty¦) b»",
        &["ok", "54", "53", "57014", "42"],
    );
    add(
        "joins",
        "SELECT 1 FROM «(empty NATURAL JOIN ¦empty¦)»",
        &["ok", "54", "42", "57014"],
    );
    add(
        "join pairs",
        "SELECT 1 FROM «(»empty« CROSS JOIN empty)»",
        &["ok", "54", "42", "57014"],
    );
    add("union", "«(SELECT 1 UNION ¦SELECT 1¦)»", LIMIT);
    add("union all left", "«(¦SELECT 1¦ UNION ALL SELECT 1)»", LIMIT);
    add("with", "«WITH c AS (» SELECT 1«) SELECT 1»", LIMIT);
    add("json", "SELECT '«[¦1¦]»'::jsonb", LIMIT);
    add("json objects", "SELECT '«{\"a\":¦1¦}»'::json", LIMIT);
    add(
        "json of a text",
        "SELECT (repeat('[', {n}) || repeat(']', {n}))::jsonb",
        &["ok", "54", "22P02"],
    );
    add("json functions", "SELECT «json_build_array(¦1¦)»", LIMIT);
    add("to_json", "SELECT «to_json(¦1¦)»", LIMIT);
    add(
        "array text",
        "SELECT '«{¦1¦}»'::int[]",
        &["ok", "54", "22P02"],
    );
    add(
        "array text unclosed",
        "SELECT '«{»'::int[]",
        &["54", "22P02"],
    );
    add("row text", "SELECT '«(¦1¦)»'::text", OK);
    add("comments", "SELECT 1 «/*¦x¦*/»", LIMIT);
    add(
        "regex groups",
        "SELECT 'a' ~ '«(¦a¦)»'",
        &["ok", "2201B", "54"],
    );
    add(
        "regex stars",
        "SELECT 'a' ~ '«(¦a¦)*»'",
        &["ok", "2201B", "54"],
    );
    add("unclosed parentheses", "SELECT «(»", &["42601", "54"]);
    add("unclosed brackets", "SELECT «ARRAY[»", &["42601", "54"]);
    add("unclosed case", "SELECT «CASE WHEN »", &["42601", "54"]);
    add("closed only", "SELECT 1«)»", &["42601", "54"]);
    add(
        "check",
        "BEGIN; CREATE TABLE c (a int CHECK («(¦a > 0¦)»)); ROLLBACK",
        LIMIT,
    );
    add(
        "default",
        "BEGIN; CREATE TABLE c (a int DEFAULT «(¦1¦)»); ROLLBACK",
        LIMIT,
    );
    add("explain", "«EXPLAIN »SELECT 1", &["42601", "54", "0A000"]);
    add(
        "insert select",
        "INSERT INTO empty SELECT * FROM «(SELECT * FROM ¦(SELECT 1, 2 WHERE false) z¦) y»",
        LIMIT,
    );
    add(
        "returning",
        "UPDATE empty SET n = «(¦1¦)» RETURNING «(¦n¦)»",
        LIMIT,
    );
    add("interval sums", "SELECT now() «+ interval '1 day' »", LIMIT);
    add(
        "type modifiers",
        "SELECT '1'::«numeric(¦1¦)»",
        &["ok", "42601", "54", "42"],
    );
    add(
        "window",
        "SELECT «sum(¦n¦) OVER ()» FROM h",
        &["42P20", "ok", "54"],
    );
    add(
        "aggregate",
        "SELECT «sum(¦n¦)» FROM h",
        &["ok", "42803", "54"],
    );
    cases
}
