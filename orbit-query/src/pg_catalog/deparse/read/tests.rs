use super::*;
use orbit_core::catalog::CreationStamp;
use orbit_core::ids::SiteId;

fn columns() -> Vec<Column> {
    let stamp = CreationStamp {
        hlc: 0,
        site: SiteId(0),
        nth: 0,
    };
    [
        ("id", SqlType::Int4),
        ("big", SqlType::Int8),
        ("price", SqlType::Numeric(Some((10, 2)))),
        ("name", SqlType::Varchar(Some(40))),
        ("title", SqlType::Text),
        ("ok", SqlType::Bool),
        ("day", SqlType::Date),
    ]
    .into_iter()
    .map(|(name, sql_type)| Column::new(name, sql_type, stamp))
    .collect()
}

#[test]
fn conditions_are_shown_as_postgresql_shows_them() {
    let columns = columns();
    let reader = Reader {
        columns: &columns,
        relation: &|_| None,
    };
    // From pg_get_constraintdef of PostgreSQL 15, plain and pretty.
    for (written, plain, pretty) in [
        (
            "price >= 0",
            "(price >= (0)::numeric)",
            "price >= 0::numeric",
        ),
        (
            "id>0 and big > 5",
            "((id > 0) AND (big > 5))",
            "id > 0 AND big > 5",
        ),
        (
            "id > 0 OR (ok AND NOT ok)",
            "((id > 0) OR (ok AND (NOT ok)))",
            "id > 0 OR ok AND NOT ok",
        ),
        (
            "name IN ('a', 'b')",
            "((name)::text = ANY ((ARRAY['a'::character varying, 'b'::character varying])::text[]))",
            "name::text = ANY (ARRAY['a'::character varying, 'b'::character varying]::text[])",
        ),
        (
            "id IN (1, 2)",
            "(id = ANY (ARRAY[1, 2]))",
            "id = ANY (ARRAY[1, 2])",
        ),
        (
            "title LIKE 'x%' AND title <> ''",
            "((title ~~ 'x%'::text) AND (title <> ''::text))",
            "title ~~ 'x%'::text AND title <> ''::text",
        ),
        (
            "length(name) < 100",
            "(length((name)::text) < 100)",
            "length(name::text) < 100",
        ),
        (
            "id BETWEEN 1 AND 10",
            "((id >= 1) AND (id <= 10))",
            "id >= 1 AND id <= 10",
        ),
        (
            "(id + 1) * 2 > -5",
            "(((id + 1) * 2) > '-5'::integer)",
            "((id + 1) * 2) > '-5'::integer",
        ),
        (
            "day > '2000-01-01'",
            "(day > '2000-01-01'::date)",
            "day > '2000-01-01'::date",
        ),
        (
            "title IS NOT NULL",
            "(title IS NOT NULL)",
            "title IS NOT NULL",
        ),
    ] {
        let tree = reader.condition(written).unwrap();
        assert_eq!(tree.print(false), plain);
        assert_eq!(tree.print(true), pretty);
        // What is shown is shown as itself. Only the cast of a written array goes to its
        // items when it is read again, as it does in PostgreSQL.
        let again = reader.condition(plain).unwrap().print(false);
        if !plain.contains("])::text[]") {
            assert_eq!(again, plain);
        }
    }
}

#[test]
fn values_are_shown_with_their_types() {
    let columns = columns();
    let reader = Reader {
        columns: &columns,
        relation: &|name| Some(format!("public.{name}")),
    };
    for (written, wanted, shown) in [
        (
            "'Bern'",
            SqlType::Varchar(Some(40)),
            "'Bern'::character varying",
        ),
        ("0", SqlType::Numeric(None), "0"),
        ("-1", SqlType::Int4, "'-1'::integer"),
        ("true", SqlType::Bool, "true"),
        ("'{}'", SqlType::Jsonb, "'{}'::jsonb"),
        ("now()", SqlType::TimestampTz, "now()"),
        (
            "current_timestamp",
            SqlType::TimestampTz,
            "CURRENT_TIMESTAMP",
        ),
        ("'it''s'", SqlType::Text, "'it''s'::text"),
        ("E'a\\\\b'", SqlType::Text, "'a\\b'::text"),
        (
            "'12:00'",
            SqlType::Time,
            "'12:00:00'::time without time zone",
        ),
        ("'2020-1-2'", SqlType::Date, "'2020-01-02'::date"),
        ("'today'", SqlType::Date, "'today'::date"),
        (
            "'{1, 2}'",
            SqlType::Array(Box::new(SqlType::Int4)),
            "'{1,2}'::integer[]",
        ),
        (
            "price * 2",
            SqlType::Numeric(None),
            "(price * (2)::numeric)",
        ),
        (
            "nextval('t_id_seq'::regclass)",
            SqlType::Int4,
            "nextval('public.t_id_seq'::regclass)",
        ),
    ] {
        assert_eq!(reader.value(written, &wanted).unwrap().print(false), shown);
    }
}
