//! Start-up and reflection queries of drivers, and single expressions.

use super::*;

#[tokio::test]
async fn single_expressions() {
    let client = Client::new();
    for (sql, row) in [
        (
            "SELECT current_database(), current_user, session_user",
            "travel|orbit|orbit",
        ),
        (
            "SELECT pg_catalog.current_schema(), current_schemas(true)",
            "public|[pg_catalog, public]",
        ),
        ("SELECT 'flights'::regclass", "flights"),
        ("SELECT 'flights'::regclass::oid", "16390"),
        (
            "SELECT 'public.flights'::pg_catalog.regclass::text",
            "flights",
        ),
        ("SELECT 'air.log'::regclass", "air.log"),
        ("SELECT 16412::oid::regclass", "air.log"),
        (
            "SELECT to_regclass('nothing') IS NULL, to_regclass('flights')",
            "true|flights",
        ),
        (
            "SELECT 'integer'::regtype::oid AS a, 'int4'::regtype AS b, 25::oid::regtype AS c",
            "23|integer|text",
        ),
        ("SELECT to_regtype('nonsense') IS NULL", "true"),
        (
            "SELECT 'public'::regnamespace::oid AS a, 2200::oid::regnamespace AS b",
            "2200|public",
        ),
        (
            "SELECT typname FROM pg_type t WHERE t.oid = to_regtype('int4')",
            "int4",
        ),
        (
            "SELECT count(*) FROM pg_type t JOIN pg_proc p ON p.oid = t.typreceive WHERE p.proname = 'int4recv'",
            "1",
        ),
        ("SELECT pg_backend_pid(), pg_is_in_recovery()", "42|false"),
        (
            "SELECT quote_ident('A b'), quote_literal('it''s')",
            "\"A b\"|'it''s'",
        ),
        (
            "SELECT format('%I.%I = %L%%', 'air', 'Log', 'x')",
            "air.\"Log\" = 'x'%",
        ),
        ("SELECT has_table_privilege('flights', 'SELECT')", "true"),
        (
            "SELECT pg_get_indexdef('flights_od'::regclass)",
            "CREATE INDEX flights_od ON public.flights USING btree (origin, dest DESC)",
        ),
        ("SELECT current_setting('search_path')", "\"$user\", public"),
        ("SELECT current_setting('no.such', true) IS NULL", "true"),
        (
            "SELECT pg_encoding_to_char(6), getdatabaseencoding()",
            "UTF8|UTF8",
        ),
        (
            "SELECT count(*) FROM pg_class WHERE oid = 'flights'::regclass",
            "1",
        ),
        (
            "SELECT relname FROM pg_class WHERE relkind = ANY ('{i}') AND relname LIKE 'flights_o%'",
            "flights_od",
        ),
        (
            "SELECT typname FROM pg_type WHERE typinput = 'pg_catalog.int4in'::regproc",
            "int4",
        ),
        ("SELECT count(*) FROM pg_description WHERE objoid = 1", "0"),
        (
            "SELECT c.tableoid::regclass FROM pg_catalog.pg_class c WHERE c.oid = 16390",
            "pg_class",
        ),
    ] {
        assert_eq!(client.run(sql).await, [row], "{sql}");
    }
    let version = client.run("SELECT version()").await;
    assert!(version[0].starts_with("PostgreSQL 15"), "{version:?}");
}

#[tokio::test]
async fn names_that_do_not_exist_are_errors_with_their_states() {
    let client = Client::new();
    for (sql, code, message) in [
        (
            "SELECT 'nothing'::regclass",
            "42P01",
            "relation \"nothing\" does not exist",
        ),
        (
            "SELECT 'nonsense'::regtype",
            "42704",
            "type \"nonsense\" does not exist",
        ),
        (
            "SELECT 'nowhere'::regnamespace",
            "3F000",
            "schema \"nowhere\" does not exist",
        ),
        (
            "SELECT 'x'::oid",
            "22P02",
            "invalid input syntax for type oid: \"x\"",
        ),
        (
            "SELECT current_setting('no.such')",
            "42704",
            "unrecognized configuration parameter \"no.such\"",
        ),
    ] {
        let error = client.try_run(sql).await.unwrap_err();
        let root = error.find_root();
        let DataFusionError::External(source) = root else {
            panic!("{sql}: {error}");
        };
        let source: &orbit_core::Error = source.downcast_ref().unwrap();
        assert_eq!(source.state().as_str(), code, "{sql}");
        assert_eq!(source.message(), message);
    }
}

#[tokio::test]
async fn the_column_of_a_cast_keeps_its_name() {
    let client = Client::new();
    let sql = "SELECT c.oid::regclass, (SELECT n.nspname FROM pg_namespace n WHERE n.oid = c.relnamespace),
        'x'::name FROM pg_class c WHERE c.oid = 16390";
    let batches = client.try_run(sql).await.unwrap();
    let schema = batches[0].schema();
    let names: Vec<&str> = schema
        .fields()
        .iter()
        .map(|field| field.name().as_str())
        .collect();
    assert_eq!(names, ["oid", "nspname", "name"]);
}

#[tokio::test]
async fn information_schema_tells_the_same() {
    let client = Client::new();
    let sql = "SELECT column_name, data_type, is_nullable, column_default, character_maximum_length, numeric_precision
        FROM information_schema.columns WHERE table_schema = 'public' AND table_name = 'flights'
        AND column_name IN ('carrier', 'origin', 'distance', 'tags') ORDER BY ordinal_position";
    assert_eq!(
        client.run(sql).await,
        [
            "carrier|character varying|NO||2|",
            "origin|character|NO|'EWR'::bpchar|3|",
            "distance|numeric|YES|||8",
            "tags|ARRAY|YES|||",
        ]
    );
    let sql = "SELECT tc.constraint_name, tc.constraint_type, kcu.column_name
        FROM information_schema.table_constraints tc JOIN information_schema.key_column_usage kcu
        USING (constraint_catalog, constraint_schema, constraint_name)
        WHERE tc.table_name = 'airports' ORDER BY 1";
    assert_eq!(
        client.run(sql).await,
        [
            "airports_name_key|UNIQUE|name",
            "airports_pkey|PRIMARY KEY|faa"
        ]
    );
    let sql = "SELECT table_schema, table_name, table_type FROM information_schema.tables
        WHERE table_schema NOT IN ('pg_catalog', 'information_schema') ORDER BY 1, 2";
    assert_eq!(
        client.run(sql).await,
        [
            "air|log|BASE TABLE",
            "public|airports|BASE TABLE",
            "public|flights|BASE TABLE"
        ]
    );
}

/// What pgbench asks before it starts.
#[tokio::test]
async fn pgbench_learns_that_nothing_is_partitioned() {
    let client = Client::new();
    let sql = "select o.n, p.partstrat, pg_catalog.count(i.inhparent) from pg_catalog.pg_class as c
        join pg_catalog.pg_namespace as n on (n.oid = c.relnamespace)
        cross join lateral (select pg_catalog.array_position(pg_catalog.current_schemas(true), n.nspname)) as o(n)
        left join pg_catalog.pg_partitioned_table as p on (p.partrelid = c.oid)
        left join pg_catalog.pg_inherits as i on (c.oid = i.inhparent)
        where c.relname = 'flights' and o.n is not null group by 1, 2 order by 1 asc limit 1";
    assert_eq!(client.run(sql).await, ["2||0"]);
}

/// SQLAlchemy's `has_table`, `get_columns` and `get_pk_constraint`.
#[tokio::test]
async fn sqlalchemy_reflects_a_table() {
    let client = Client::new();
    let sql = "SELECT pg_catalog.pg_class.relname FROM pg_catalog.pg_class
        JOIN pg_catalog.pg_namespace ON pg_catalog.pg_namespace.oid = pg_catalog.pg_class.relnamespace
        WHERE pg_catalog.pg_class.relname = 'flights'
        AND pg_catalog.pg_class.relkind = ANY (ARRAY['r', 'p', 'f', 'v', 'm'])
        AND pg_catalog.pg_table_is_visible(pg_catalog.pg_class.oid)
        AND pg_catalog.pg_namespace.nspname != 'pg_catalog'";
    assert_eq!(client.run(sql).await, ["flights"]);
    let sql = "SELECT pg_catalog.pg_attribute.attname AS name,
        pg_catalog.format_type(pg_catalog.pg_attribute.atttypid, pg_catalog.pg_attribute.atttypmod) AS format_type,
        (SELECT pg_catalog.pg_get_expr(pg_catalog.pg_attrdef.adbin, pg_catalog.pg_attrdef.adrelid) AS pg_get_expr_1
            FROM pg_catalog.pg_attrdef WHERE pg_catalog.pg_attrdef.adrelid = pg_catalog.pg_attribute.attrelid
            AND pg_catalog.pg_attrdef.adnum = pg_catalog.pg_attribute.attnum
            AND pg_catalog.pg_attribute.atthasdef) AS \"default\",
        pg_catalog.pg_attribute.attnotnull AS not_null, pg_catalog.pg_class.relname AS table_name,
        pg_catalog.pg_description.description AS comment, pg_catalog.pg_attribute.attgenerated AS generated
        FROM pg_catalog.pg_class
        LEFT OUTER JOIN pg_catalog.pg_attribute ON pg_catalog.pg_class.oid = pg_catalog.pg_attribute.attrelid
            AND pg_catalog.pg_attribute.attnum > CAST(0 AS SMALLINT) AND NOT pg_catalog.pg_attribute.attisdropped
        LEFT OUTER JOIN pg_catalog.pg_description
            ON pg_catalog.pg_description.objoid = pg_catalog.pg_attribute.attrelid
            AND pg_catalog.pg_description.objsubid = pg_catalog.pg_attribute.attnum
        JOIN pg_catalog.pg_namespace ON pg_catalog.pg_namespace.oid = pg_catalog.pg_class.relnamespace
        WHERE pg_catalog.pg_class.relkind = ANY (ARRAY['r', 'p', 'f', 'v', 'm'])
        AND pg_catalog.pg_table_is_visible(pg_catalog.pg_class.oid)
        AND pg_catalog.pg_namespace.nspname != 'pg_catalog' AND pg_catalog.pg_class.relname IN ('airports', 'flights')
        ORDER BY pg_catalog.pg_class.relname, pg_catalog.pg_attribute.attnum";
    let rows = client.run(sql).await;
    assert_eq!(rows.len(), 17);
    assert_eq!(rows[0], "faa|text||true|airports||");
    assert_eq!(rows[7], "dep_delay|double precision|0|false|flights||");
}

/// The JDBC driver's getColumns and getTables.
#[tokio::test]
async fn jdbc_reads_columns_and_tables() {
    let client = Client::new();
    let sql = "SELECT * FROM (SELECT current_database() AS current_database, n.nspname,c.relname,a.attname,a.atttypid,
        a.attnotnull OR (t.typtype = 'd' AND t.typnotnull) AS attnotnull,a.atttypmod,a.attlen,t.typtypmod,
        row_number() OVER (PARTITION BY a.attrelid ORDER BY a.attnum) AS attnum, nullif(a.attidentity, '') as attidentity,
        nullif(a.attgenerated, '') as attgenerated,pg_catalog.pg_get_expr(def.adbin, def.adrelid) AS adsrc,
        dsc.description,t.typbasetype,t.typtype
        FROM pg_catalog.pg_namespace n JOIN pg_catalog.pg_class c ON (c.relnamespace = n.oid)
        JOIN pg_catalog.pg_attribute a ON (a.attrelid=c.oid) JOIN pg_catalog.pg_type t ON (a.atttypid = t.oid)
        LEFT JOIN pg_catalog.pg_attrdef def ON (a.attrelid=def.adrelid AND a.attnum = def.adnum)
        LEFT JOIN pg_catalog.pg_description dsc ON (c.oid=dsc.objoid AND a.attnum = dsc.objsubid)
        LEFT JOIN pg_catalog.pg_class dc ON (dc.oid=dsc.classoid AND dc.relname='pg_class')
        LEFT JOIN pg_catalog.pg_namespace dn ON (dc.relnamespace=dn.oid AND dn.nspname='pg_catalog')
        WHERE c.relkind in ('r','p','v','f','m') and a.attnum > 0 AND NOT a.attisdropped
        AND n.nspname LIKE 'public' AND c.relname LIKE 'airports') c WHERE true ORDER BY nspname,c.relname,attnum";
    assert_eq!(
        client.run(sql).await,
        [
            "travel|public|airports|faa|25|true|-1|-1|-1|1|||||0|b",
            "travel|public|airports|name|25|false|-1|-1|-1|2|||||0|b",
            "travel|public|airports|lat|701|false|-1|8|-1|3|||||0|b",
        ]
    );
    let sql = "SELECT n.nspname AS \"TABLE_SCHEM\", c.relname AS \"TABLE_NAME\",
        CASE n.nspname ~ '^pg_' OR n.nspname = 'information_schema' WHEN true THEN 'SYSTEM TABLE'
        WHEN false THEN CASE c.relkind WHEN 'r' THEN 'TABLE' ELSE NULL END ELSE NULL END AS \"TABLE_TYPE\",
        d.description AS \"REMARKS\"
        FROM pg_catalog.pg_namespace n, pg_catalog.pg_class c
        LEFT JOIN pg_catalog.pg_description d ON (c.oid = d.objoid AND d.objsubid = 0 and d.classoid = 'pg_class'::regclass)
        WHERE c.relnamespace = n.oid AND (false OR ( c.relkind = 'r' AND n.nspname !~ '^pg_'
        AND n.nspname <> 'information_schema' )) ORDER BY \"TABLE_TYPE\",\"TABLE_SCHEM\",\"TABLE_NAME\"";
    assert_eq!(
        client.run(sql).await,
        [
            "air|log|TABLE|",
            "public|airports|TABLE|",
            "public|flights|TABLE|"
        ]
    );
}

/// Rewriting alone, where DataFusion's own planner knows no set-returning items.
#[test]
fn keys_of_the_jdbc_driver_are_unnested() {
    let rewritten = |sql: &str| {
        let mut statements = Parser::parse_sql(&PostgreSqlDialect {}, sql).unwrap();
        rewrite(&mut statements[0]);
        statements[0].to_string()
    };
    assert_eq!(
        rewritten(
            "SELECT r.key_seq FROM (SELECT (information_schema._pg_expandarray(i.indkey)).n AS key_seq,
            information_schema._pg_expandarray(i.indkey) AS keys, 1 AS a FROM pg_catalog.pg_index i) r
            WHERE r.a = (r.keys).x"
        ),
        "SELECT r.key_seq FROM (SELECT generate_subscripts(i.indkey, 1, false, 1) AS key_seq, unnest(i.indkey) AS keys, \
         1 AS a FROM pg_catalog.pg_index i) r WHERE r.a = r.keys"
    );
    // Statements that have nothing to do with catalogs stay as they are.
    for sql in [
        "SELECT a.b, count(*) FROM a WHERE (SELECT max(x) FROM c WHERE c.y = a.y) > 1 GROUP BY a.b",
        "INSERT INTO t (a) VALUES ((SELECT 1)) RETURNING a",
        "SELECT ARRAY[1, 2] || t.x FROM t CROSS JOIN LATERAL (SELECT t.a + 1) AS o (n)",
    ] {
        assert_eq!(rewritten(sql), sql);
    }
}
