use super::*;
use crate::statement::tokens::split;
use crate::statement::utility::{IsolationLevel, Modes};

fn utility(sql: &str) -> Utility {
    let pieces = split(sql).unwrap();
    match parse(sql, &pieces[0]).unwrap() {
        Parsed::Utility(utility) => *utility,
        Parsed::Row(statement) => panic!("{statement}"),
    }
}

fn error(sql: &str) -> Error {
    let pieces = split(sql).unwrap();
    parse(sql, &pieces[0]).unwrap_err()
}

#[test]
fn transaction_statements_take_their_modes() {
    let Utility::Begin { modes, start } =
        utility("BEGIN WORK ISOLATION LEVEL repeatable read, READ ONLY")
    else {
        panic!()
    };
    assert!(!start);
    assert_eq!(
        modes,
        Modes {
            isolation: Some(IsolationLevel::RepeatableRead),
            read_only: Some(true)
        }
    );
    assert!(matches!(utility("END"), Utility::Commit { chain: false }));
    assert!(matches!(
        utility("COMMIT AND CHAIN"),
        Utility::Commit { chain: true }
    ));
    assert!(matches!(
        utility("abort work"),
        Utility::Rollback { chain: false }
    ));
    assert!(
        matches!(utility("ROLLBACK TO SAVEPOINT \"A\""), Utility::RollbackTo(name) if name == "A")
    );
}

#[test]
fn set_takes_values_of_every_form() {
    for (sql, name, value) in [
        ("SET x.y = 'a b'", "x.y", Some("a b")),
        (
            "SET search_path TO a, \"B c\", 'd'",
            "search_path",
            Some("a, \"B c\", d"),
        ),
        (
            "SET SESSION extra_float_digits = -3",
            "extra_float_digits",
            Some("-3"),
        ),
        (
            "SET TIME ZONE 'Europe/Berlin'",
            "timezone",
            Some("Europe/Berlin"),
        ),
        ("SET TIME ZONE LOCAL", "timezone", None),
        (
            "set client_encoding to utf8",
            "client_encoding",
            Some("utf8"),
        ),
        ("SET NAMES 'UTF8'", "client_encoding", Some("UTF8")),
        ("SET row_security = off", "row_security", Some("off")),
        ("SET jit TO DEFAULT", "jit", None),
    ] {
        let Utility::Set {
            name: got_name,
            value: got,
            local,
        } = utility(sql)
        else {
            panic!("{sql}")
        };
        assert_eq!(
            (got_name.as_str(), got.as_deref(), local),
            (name, value, false),
            "{sql}"
        );
    }
    assert!(matches!(
        utility("SET LOCAL jit = on"),
        Utility::Set { local: true, .. }
    ));
}

#[test]
fn vacuum_and_its_kin_take_both_option_styles() {
    assert!(matches!(
        utility("VACUUM (VERBOSE, ANALYZE) a, b (c, d)"),
        Utility::Vacuum { tables, analyze: true } if tables.len() == 2
    ));
    assert!(matches!(
        utility("vacuum analyze pgbench_branches"),
        Utility::Vacuum { tables, analyze: true } if tables.len() == 1
    ));
    assert!(matches!(
        utility("VACUUM (ANALYZE off)"),
        Utility::Vacuum { tables, analyze: false } if tables.is_empty()
    ));
    assert!(matches!(utility("ANALYZE"), Utility::Analyze(tables) if tables.is_empty()));
    assert!(
        matches!(utility("TRUNCATE ONLY a *, b RESTART IDENTITY CASCADE"), Utility::Truncate { tables, restart_identity: true, cascade: true } if tables.len() == 2)
    );
}

#[test]
fn explain_and_prepare_keep_the_inner_text() {
    let Utility::Explain(explain) = utility("EXPLAIN (ANALYZE, COSTS off) SELECT  1 /* x */ + 2")
    else {
        panic!()
    };
    assert!(explain.analyze);
    assert_eq!(explain.sql, "SELECT  1 /* x */ + 2");
    let Utility::Prepare { name, types, sql } =
        utility("PREPARE p (int, numeric(5,2), text[]) AS\n SELECT $1")
    else {
        panic!()
    };
    assert_eq!((name.as_str(), sql.as_str()), ("p", "SELECT $1"));
    assert_eq!(types.len(), 3);
}

#[test]
fn errors_are_postgresqls() {
    let wrong = error("SELECT 1 FROM t WHERE WHERE x");
    assert_eq!(wrong.message(), "syntax error at or near \"x\"");
    assert_eq!(wrong.position(), Some(29));
    assert_eq!(error("BEGIN x").message(), "syntax error at or near \"x\"");
    assert_eq!(error("SELECT (1").message(), "syntax error at end of input");
    assert_eq!(
        error("COPY t FROM STDIN (FORMAT").message(),
        "syntax error at end of input"
    );
    assert!(error("CREATE DOMAIN d AS int").is(state::FEATURE_NOT_SUPPORTED));
}

#[test]
fn a_message_is_cut_at_its_semicolons_only() {
    let pieces = split("SELECT ';' ; -- x;y\n ;; SELECT $$;$$ /* ; */;").unwrap();
    let texts: Vec<_> = pieces.iter().map(|piece| piece.sql.as_str()).collect();
    assert_eq!(texts, ["SELECT ';'", "SELECT $$;$$"]);
    assert!(split("SELECT 'open").is_err());
}

#[test]
fn what_nests_too_deep_says_so() {
    let not = format!("SELECT {}true", "NOT ".repeat(1000));
    let case = format!(
        "SELECT {}1{}",
        "CASE WHEN true THEN ".repeat(1000),
        " END".repeat(1000)
    );
    for sql in [not, case] {
        let error = error(&sql);
        assert!(error.is(state::STATEMENT_TOO_COMPLEX), "{error:?}");
    }
    assert!(error("SELECT NOT NOT )").is(state::SYNTAX_ERROR));
}

#[test]
fn zero_bytes_and_empty_names_are_told_as_postgresql_does() {
    for sql in [
        "SELECT E'a\\x00b'",
        "SELECT E'\\0'",
        "SELECT E'it''s \\u0000'",
    ] {
        let error = split(sql).err().unwrap();
        assert!(
            error.is(state::CHARACTER_NOT_IN_REPERTOIRE),
            "{sql}: {error:?}"
        );
        assert_eq!(
            error.message(),
            "invalid byte sequence for encoding \"UTF8\": 0x00"
        );
    }
    for sql in ["SELECT E'a\\x41", "SELECT E'a"] {
        assert!(split(sql).err().unwrap().is(state::SYNTAX_ERROR), "{sql}");
    }
    let error = split("SELECT 1 AS \"\"").err().unwrap();
    assert_eq!(
        error.message(),
        "zero-length delimited identifier at or near \"\"\"\""
    );
    assert_eq!(error.position(), Some(13));
}

#[test]
fn readings_within_readings_come_to_an_end() {
    let odd = include_bytes!("../../../../fuzz/corpus/sql/sql-79cf741a26b5c006");
    let odd = String::from_utf8_lossy(odd).replace('\0', "");
    let long = format!(
        "select u .aarray[u .aarray[u .aarray[u .a{}.!u",
        " .b".repeat(60)
    );
    // Minutes, where nothing bounds it.
    for sql in [odd, long] {
        let pieces = split(&sql).unwrap();
        let errors = pieces.iter().filter_map(|piece| parse(&sql, piece).err());
        let states: Vec<_> = errors.map(|error| error.state()).collect();
        assert!(
            states.contains(&state::STATEMENT_TOO_COMPLEX),
            "{states:?} {sql}"
        );
    }
    // And the next one has all that it needs.
    let plain = "select 1 + 2";
    let pieces = split(plain).unwrap();
    assert!(parse(plain, &pieces[0]).is_ok());
}
