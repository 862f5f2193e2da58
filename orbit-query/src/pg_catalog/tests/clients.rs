//! Start-up and reflection queries of drivers, and single expressions.

use super::*;

#[tokio::test]
async fn single_expressions() {
    let client = Client::new();
    for (sql, row) in [
        ("SELECT current_database(), current_user, session_user", "travel|orbit|orbit"),
        ("SELECT pg_catalog.current_schema(), current_schemas(true)", "public|[pg_catalog, public]"),
        ("SELECT 'flights'::regclass", "flights"),
        ("SELECT 'flights'::regclass::oid", "16390"),
        ("SELECT 'public.flights'::pg_catalog.regclass::text", "flights"),
        ("SELECT 'air.log'::regclass", "air.log"),
        ("SELECT 16412::oid::regclass", "air.log"),
        ("SELECT to_regclass('nothing') IS NULL, to_regclass('flights')", "true|flights"),
        ("SELECT 'integer'::regtype::oid AS a, 'int4'::regtype AS b, 25::oid::regtype AS c", "23|integer|text"),
        ("SELECT to_regtype('nonsense') IS NULL", "true"),
        ("SELECT 'public'::regnamespace::oid AS a, 2200::oid::regnamespace AS b", "2200|public"),
        ("SELECT pg_backend_pid(), pg_is_in_recovery()", "42|false"),
        ("SELECT quote_ident('A b'), quote_literal('it''s')", "\"A b\"|'it''s'"),
        ("SELECT format('%I.%I = %L%%', 'air', 'Log', 'x')", "air.\"Log\" = 'x'%"),
        ("SELECT has_table_privilege('flights', 'SELECT')", "true"),
        ("SELECT pg_get_indexdef('flights_od'::regclass)", "CREATE INDEX flights_od ON public.flights USING btree (origin, dest DESC)"),
        ("SELECT current_setting('search_path')", "\"$user\", public"),
        ("SELECT current_setting('no.such', true) IS NULL", "true"),
        ("SELECT pg_encoding_to_char(6), getdatabaseencoding()", "UTF8|UTF8"),
        ("SELECT count(*) FROM pg_class WHERE oid = 'flights'::regclass", "1"),
        ("SELECT relname FROM pg_class WHERE relkind = ANY ('{i}') AND relname LIKE 'flights_o%'", "flights_od"),
        ("SELECT typname FROM pg_type WHERE typinput = 'pg_catalog.int4in'::regproc", "int4"),
        ("SELECT count(*) FROM pg_description WHERE objoid = 1", "0"),
        ("SELECT c.tableoid::regclass FROM pg_catalog.pg_class c WHERE c.oid = 16390", "pg_class"),
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
        ("SELECT 'nothing'::regclass", "42P01", "relation \"nothing\" does not exist"),
        ("SELECT 'nonsense'::regtype", "42704", "type \"nonsense\" does not exist"),
        ("SELECT 'nowhere'::regnamespace", "3F000", "schema \"nowhere\" does not exist"),
        ("SELECT 'x'::oid", "22P02", "invalid input syntax for type oid: \"x\""),
        ("SELECT current_setting('no.such')", "42704", "unrecognized configuration parameter \"no.such\""),
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
    let names: Vec<&str> = schema.fields().iter().map(|field| field.name().as_str()).collect();
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
        ["airports_name_key|UNIQUE|name", "airports_pkey|PRIMARY KEY|faa"]
    );
    let sql = "SELECT table_schema, table_name, table_type FROM information_schema.tables
        WHERE table_schema NOT IN ('pg_catalog', 'information_schema') ORDER BY 1, 2";
    assert_eq!(
        client.run(sql).await,
        ["air|log|BASE TABLE", "public|airports|BASE TABLE", "public|flights|BASE TABLE"]
    );
}
