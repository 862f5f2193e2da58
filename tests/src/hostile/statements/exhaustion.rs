//! More memory or time than there is: endless series, joins of everything with everything,
//! functions asked for results beyond any limit.

use super::{Case, Right, case};

/// Over rows without an end: `{}` is where they come from.
const OVER_A_SERIES: &[&str] = &[
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
];

/// Recursion without an end, products of tables, and sleep.
const RECURSION_AND_JOINS: &[&str] = &[
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
];

/// Functions at the limits of their arguments, and results that no memory holds.
const LARGE_RESULTS: &[&str] = &[
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
];

/// Blocks that execute themselves, loops over everything, and functions that are long over
/// one value.
/// Work without a bound, and what ends it.
const ENDLESS: &[&str] = &[
    "DO $o$ BEGIN
        INSERT INTO h (id, t) VALUES (5000, 'DO $d$ BEGIN EXECUTE (SELECT t FROM h WHERE id = 5000); END $d$');
        EXECUTE (SELECT t FROM h WHERE id = 5000);
     END $o$",
    "DO $$ DECLARE r record; BEGIN FOR r IN SELECT g FROM generate_series(1, 1000000000000) g LOOP PERFORM r.g; END LOOP; END $$",
    "DO $$ DECLARE r record; BEGIN FOR r IN SELECT repeat('x', 10000000) AS t FROM generate_series(1, 100000) LOOP PERFORM 1; END LOOP; END $$",
    "DO $$ BEGIN EXECUTE repeat('SELECT 1;', 10000000); END $$",
    "SELECT count(*) FROM jsonb_path_query(('[' || repeat('[1,', 50) || '1' || repeat(']', 51))::jsonb, '$.**.**.**.**.**.**')",
    "MERGE INTO h USING generate_series(1, 1000000000000) g ON h.id = g WHEN NOT MATCHED THEN INSERT (id) VALUES (g % 1000000000)",
    "CREATE INDEX ON h ((repeat(t, 100000000)))",
    "CREATE INDEX ON h (n) WHERE repeat(t, 100000000) > ''",
];

/// Functions that are long over one value: they end, or are ended.
const LONG_FUNCTIONS: &[&str] = &[
    "SELECT regexp_count(repeat('a', 3000000), 'a*b|a')",
    "SELECT length(regexp_replace(repeat('a', 3000000), 'a*b|a', 'x', 'g'))",
    "SELECT array_length(regexp_split_to_array(repeat('a', 3000000), 'a*b|a'), 1)",
    "SELECT regexp_instr(repeat('a', 3000000), 'a*b|a', 1, 2999999)",
    "SELECT count(*) FROM regexp_matches(repeat('a', 3000000), 'a*b|a', 'g')",
    "SELECT jsonb_path_exists(jsonb_agg(x), '$[*] ? (exists($[*] ? (exists($[*] ? (@ > 500000)))))') FROM generate_series(1, 10000) x",
    "CREATE INDEX ON h ((regexp_count(repeat(t, 3000000), 'a*b|a|x')))",
];

pub(super) fn cases() -> Vec<Case> {
    let series = "generate_series(1, 1000000000000)";
    // A table of keys that are int4 overflows before the memory is gone.
    let right: Right = &["ok", "53", "54", "57014", "22003", "0A000", "42P07"];
    let over_a_series = OVER_A_SERIES
        .iter()
        .map(|sql| case(*sql, sql.replace("{}", series), right));
    over_a_series
        .chain(plain(
            RECURSION_AND_JOINS,
            &["ok", "53", "54", "57014", "42804", "42P19", "22"],
        ))
        .chain(plain(ENDLESS, &["53", "54", "57014"]))
        .chain(plain(LONG_FUNCTIONS, &["ok", "53", "54", "57014"]))
        .chain(plain(
            &["MERGE INTO h USING (SELECT a.id FROM h a, h b, h c) s ON h.id = s.id WHEN MATCHED THEN UPDATE SET n = 1"],
            &["21000", "53", "54", "57014"],
        ))
        .chain(plain(
            LARGE_RESULTS,
            &["ok", "53", "54", "57014", "22", "42", "0A000", "2201"],
        ))
        .collect()
}

fn plain(statements: &'static [&str], right: Right) -> impl Iterator<Item = Case> {
    statements.iter().map(move |sql| case(*sql, *sql, right))
}
