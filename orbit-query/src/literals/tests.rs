//! A shape with its literals as parameters answers as the statement itself:
//! the same columns, the same rows, the same errors.

use super::*;
use crate::point::Scratch;
use crate::point::tests::{ColumnSpec, Fixture, c, describe_error, parse};
use orbit_core::txn::Isolation;
use proptest::prelude::*;

async fn fixture() -> Fixture {
    let fixture = Fixture::new();
    fixture
        .table(
            "t",
            vec![
                c("id", SqlType::Int4),
                ColumnSpec("name", SqlType::Varchar(Some(6)), false, Some("'none'")),
                c("n", SqlType::Numeric(Some((8, 2)))),
                c("b", SqlType::Int8),
                c("f", SqlType::Float8),
                c("d", SqlType::Date),
                c("c", SqlType::Char(3)),
                c("z", SqlType::TimestampTz),
            ],
            &[0],
            &[("t_b", &[(3, false)], false)],
            &[("t_n_check", "n < 1000")],
        )
        .await;
    fixture
        .tag(
            "INSERT INTO t VALUES (1, 'one', 1.5, 10, 0.5, '2024-01-01', 'a', '2024-01-01 00:00Z'), \
             (2, 'it''s', 2.25, 20, -1, '2024-02-01', 'ab ', NULL), (3, NULL, NULL, NULL, NULL, NULL, NULL, NULL)",
            &[],
        )
        .await;
    fixture
}

/// Runs a plan in a transaction that is rolled back; what came of it.
async fn outcome(fixture: &Fixture, plan: &PointPlan, params: &[Value]) -> String {
    let columns = plan.columns().map(|columns| {
        columns
            .iter()
            .map(|column| (column.name.clone(), column.sql_type.clone()))
            .collect::<Vec<_>>()
    });
    let mut txn = fixture.db.begin(Isolation::ReadCommitted);
    let view = txn.begin_statement();
    let answer = if plan.is_read() {
        match plan.read(&view, params, &fixture.facts, &mut Scratch::default()) {
            Ok(rows) => format!("{:?}", fixture.show(rows).await),
            Err(error) => return describe_error(&error),
        }
    } else {
        drop(view);
        match plan.write(&mut txn, params, &fixture.facts).await {
            Ok((tag, rows)) => match rows {
                Some(rows) => format!("{tag} {:?}", fixture.show(rows).await),
                None => tag.to_string(),
            },
            // When a literal is refused, before or after planning, is no matter.
            Err(error) => return describe_error(&error),
        }
    };
    format!("{columns:?} {answer}")
}

async fn direct(fixture: &Fixture, sql: &str) -> String {
    let catalog = fixture.db.durable().catalog.clone();
    match PointPlan::compile(&catalog, &fixture.settings, &parse(sql), &[]) {
        Ok(Some(plan)) => outcome(fixture, &plan, &[]).await,
        Ok(None) => "planner".into(),
        Err(error) => describe_error(&error),
    }
}

/// `None`: left to the full parse.
async fn by_shape(fixture: &Fixture, cache: &LiteralCache, sql: &str) -> Option<String> {
    let catalog = fixture.db.durable().catalog.clone();
    match cache.prepare(sql, &catalog, &fixture.settings) {
        Ok(None) => None,
        Ok(Some((prepared, params))) => {
            let crate::statement::Plan::Point(plan) = &prepared.plan else {
                panic!("{sql}: not a point plan");
            };
            Some(outcome(fixture, plan, &params).await)
        }
        Err(error) => Some(describe_error(&error)),
    }
}

const SHAPES: &[&str] = &[
    "SELECT id, name FROM t WHERE id = {}",
    "SELECT id FROM t WHERE id IN ({}, {}, 3)",
    "SELECT id, n * {}, {} FROM t WHERE id = 1",
    "SELECT {}, {} AS x, -{}",
    "SELECT id FROM t WHERE b = {} AND n > {}",
    "SELECT id FROM t WHERE id >= {} AND id < {} ORDER BY id",
    "SELECT id FROM t WHERE id BETWEEN {} AND {}",
    "SELECT f + {}, coalesce(d, {}), c || {} FROM t WHERE id = 1",
    "SELECT CASE WHEN b > {} THEN {} ELSE {} END FROM t WHERE id = 2",
    "SELECT z, z = {} FROM t WHERE id = 1",
    "SELECT id FROM t WHERE id > 0 LIMIT {} OFFSET {}",
    "SELECT id FROM t WHERE name LIKE {} AND id = 1",
    "SELECT {}::int + 1, {}::text, {}::numeric(5,1)",
    "SELECT id FROM t WHERE id = 1 ORDER BY {}",
    "SELECT id FROM t WHERE c = {} AND id = 2",
    "UPDATE t SET b = b + {}, name = {} WHERE id = {} RETURNING *",
    "UPDATE t SET n = {} WHERE id = {} RETURNING n",
    "DELETE FROM t WHERE id = {} RETURNING id",
    "INSERT INTO t (id, name, n) VALUES ({}, {}, {}) RETURNING *",
    "INSERT INTO t VALUES ({}, {}, {}, {}, {}, {}, {}, {}) RETURNING *",
    "INSERT INTO t (id, b) VALUES ({}, 1) ON CONFLICT (id) DO UPDATE SET b = excluded.b + {} RETURNING b",
];

fn literal() -> impl Strategy<Value = String> {
    prop_oneof![
        (-3i64..12).prop_map(|n| n.to_string()),
        prop_oneof![
            Just("2147483647".to_owned()),
            Just("2147483648".to_owned()),
            Just("-2147483648".to_owned()),
            Just("-2147483649".to_owned()),
            Just("9223372036854775807".to_owned()),
            Just("9223372036854775808".to_owned()),
            Just("007".to_owned()),
        ],
        prop_oneof![
            Just("1.0".to_owned()),
            Just("1.5".to_owned()),
            Just("-2.25".to_owned()),
            Just("1e2".to_owned()),
            Just(".5".to_owned()),
        ],
        prop_oneof![
            Just("'one'".to_owned()),
            Just("'it''s'".to_owned()),
            Just("''".to_owned()),
            Just("'2024-01-01'".to_owned()),
            Just("'1'".to_owned()),
            Just("'1.5'".to_owned()),
            Just("'a  '".to_owned()),
            Just("'%n%'".to_owned()),
            Just("'far too long'".to_owned()),
            Just("E'x'".to_owned()),
            Just("E'it\\'s'".to_owned()),
            Just("$$1$$".to_owned()),
            Just("$q$o'ne$q$".to_owned()),
            Just("'now'".to_owned()),
        ],
        prop_oneof![
            Just("NULL".to_owned()),
            Just("true".to_owned()),
            Just("DEFAULT".to_owned()),
            Just("id".to_owned()),
            Just("( 2 )".to_owned()),
            Just("/* 9 */ 2 -- 3\n".to_owned()),
        ],
    ]
}

fn statement() -> impl Strategy<Value = String> {
    (
        prop::sample::select(SHAPES),
        prop::collection::vec(literal(), 8),
    )
        .prop_map(|(shape, literals)| {
            let mut literals = literals.into_iter();
            let mut sql = String::new();
            let mut rest = shape;
            while let Some((before, after)) = rest.split_once("{}") {
                sql.push_str(before);
                sql.push_str(&literals.next().unwrap_or_default());
                rest = after;
            }
            sql + rest
        })
}

/// Without times of day to the microsecond: `'now'` is another each time it is asked.
fn without_times(answer: &str) -> String {
    let mut kept = String::new();
    let mut rest = answer;
    while let Some((before, behind)) = rest.split_once('.') {
        let time = before.len().checked_sub(8).and_then(|at| before.get(at..));
        let is_time =
            time.is_some_and(|time| time.bytes().filter(|byte| *byte == b':').count() == 2);
        kept.push_str(if is_time {
            &before[..before.len() - 8]
        } else {
            before
        });
        rest = match is_time {
            true => behind.trim_start_matches(|c: char| c.is_ascii_digit()),
            false => {
                kept.push('.');
                behind
            }
        };
    }
    kept + rest
}

#[test]
fn a_shape_answers_as_its_statement() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let fixture = runtime.block_on(fixture());
    let cache = LiteralCache::new(64);
    let mut config = ProptestConfig::with_cases(1500);
    config.failure_persistence = None;
    let by_shapes = std::cell::Cell::new(0u32);
    proptest!(config, |(sql in statement())| {
        if sqlparser::parser::Parser::parse_sql(&crate::statement::dialect::OrbitDialect, &sql).is_err() {
            return Ok(());
        }
        runtime.block_on(async {
            // Twice: as the shape is compiled, and as it is found again.
            for _ in 0..2 {
                if let Some(shaped) = by_shape(&fixture, &cache, &sql).await {
                    by_shapes.set(by_shapes.get() + 1);
                    let direct = direct(&fixture, &sql).await;
                    prop_assert_eq!(without_times(&shaped), without_times(&direct), "{}", sql);
                }
            }
            Ok(())
        })?;
    });
    // The property must not hold because nothing was normalised.
    assert!(by_shapes.get() > 1000, "{}", by_shapes.get());
}

#[tokio::test]
async fn pgbench_is_known_the_second_time() {
    let fixture = fixture().await;
    let cache = LiteralCache::new(64);
    let catalog = fixture.db.durable().catalog.clone();
    let prepare = |sql: &str| {
        cache
            .prepare(sql, &catalog, &fixture.settings)
            .unwrap()
            .unwrap_or_else(|| panic!("{sql}: not known by shape"))
    };
    let (first, values) = prepare("UPDATE t SET b = b + 5 WHERE id = 1;");
    assert_eq!(values, [Value::Int4(5), Value::Int4(1)]);
    let (second, values) = prepare("UPDATE t SET b = b + 77 WHERE id = 2;");
    assert_eq!(values, [Value::Int4(77), Value::Int4(2)]);
    assert!(Arc::ptr_eq(&first, &second));
    let (negative, values) = prepare("UPDATE t SET b = b + -77 WHERE id = 2;");
    assert_eq!(values, [Value::Int4(77), Value::Int4(2)]);
    assert!(!Arc::ptr_eq(&first, &negative));
    prepare("SELECT b FROM t WHERE id = 1;");
    prepare("INSERT INTO t (id, b, z) VALUES (1, 2, CURRENT_TIMESTAMP);");
}

#[tokio::test]
async fn plans_follow_the_catalog() {
    let fixture = fixture().await;
    let cache = LiteralCache::new(64);
    let sql = "SELECT id FROM later WHERE id = 1";
    let prepare = |fixture: &Fixture| {
        let catalog = fixture.db.durable().catalog.clone();
        cache.prepare(sql, &catalog, &fixture.settings).unwrap()
    };
    assert!(prepare(&fixture).is_none());
    fixture
        .table("later", vec![c("id", SqlType::Int4)], &[0], &[], &[])
        .await;
    let (first, _) = prepare(&fixture).unwrap();
    let mut txn = fixture.db.begin(Isolation::ReadCommitted);
    let def = fixture
        .db
        .durable()
        .catalog
        .table("public", "later")
        .unwrap()
        .def
        .clone();
    txn.change_catalog(orbit_core::catalog::CatalogChange::PutTable(Box::new(def)))
        .unwrap();
    txn.commit().await.unwrap();
    let (second, _) = prepare(&fixture).unwrap();
    assert!(!Arc::ptr_eq(&first, &second));
}
