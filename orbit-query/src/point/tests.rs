//! The point path over the simulated store: statements in, rows out.

mod changes;
mod locking;
mod reads;

use super::*;
use crate::rows::RowBatch;
use orbit_core::catalog::{CatalogChange, Check, Column, Index, IndexColumn, PrimaryKey, TableDef};
use orbit_core::database::{Database, DatabaseOptions};
use orbit_core::store::sim::SimStore;
use orbit_core::txn::Isolation;
use orbit_core::value::text;
use sqlparser::parser::Parser;

pub(crate) struct Fixture {
    pub db: Arc<Database>,
    pub settings: Settings,
    pub facts: Facts,
}

pub(crate) fn parse(sql: &str) -> Statement {
    Parser::parse_sql(&crate::statement::dialect::OrbitDialect, sql)
        .unwrap_or_else(|error| panic!("{sql}: {error}"))
        .pop()
        .unwrap()
}

/// A column as `name type [!] [= default]`; `!` is NOT NULL.
pub(crate) struct ColumnSpec(
    pub &'static str,
    pub SqlType,
    pub bool,
    pub Option<&'static str>,
);

pub(crate) fn c(name: &'static str, ty: SqlType) -> ColumnSpec {
    ColumnSpec(name, ty, false, None)
}

impl Fixture {
    pub fn new() -> Fixture {
        let options = DatabaseOptions {
            on_fatal: Arc::new(|_| {}),
            ..DatabaseOptions::default()
        };
        Fixture {
            db: Database::open(Arc::new(SimStore::new()), options).unwrap(),
            settings: Settings::new("tester"),
            facts: Facts {
                transaction_micros: 1_700_000_000_000_000,
                ..Facts::default()
            },
        }
    }

    /// Indexes as `(name, columns with whether descending, unique)`.
    pub async fn table(
        &self,
        name: &str,
        columns: Vec<ColumnSpec>,
        primary_key: &[usize],
        indexes: &[(&str, &[(usize, bool)], bool)],
        checks: &[(&str, &str)],
    ) {
        let db = &self.db;
        let def = TableDef {
            id: db.new_table_id(),
            oid: db.new_oid(),
            partition: db.new_partition_id(),
            storage: db.new_storage_id(),
            schema: "public".into(),
            name: name.into(),
            columns: columns
                .into_iter()
                .enumerate()
                .map(
                    |(place, ColumnSpec(name, sql_type, not_null, default))| Column {
                        name: name.into(),
                        precision: None,
                        sql_type,
                        not_null: not_null || primary_key.contains(&place),
                        default: default.map(Into::into),
                        sequence: None,
                        generated: None,
                        identity: None,
                        missing: None,
                        created: db.new_creation_stamp(),
                        kind: Default::default(),
                    },
                )
                .collect(),
            primary_key: (!primary_key.is_empty()).then(|| PrimaryKey {
                constraint: format!("{name}_pkey"),
                columns: primary_key.to_vec(),
                oid: db.new_oid(),
                include: Vec::new(),
            }),
            checks: checks
                .iter()
                .map(|(name, expression)| Check {
                    name: (*name).into(),
                    expression: (*expression).into(),
                    validated: true,
                })
                .collect(),
            indexes: indexes
                .iter()
                .map(|(name, columns, unique)| Index {
                    id: db.new_index_id(),
                    oid: db.new_oid(),
                    storage: db.new_storage_id(),
                    name: (*name).into(),
                    columns: columns
                        .iter()
                        .map(|(column, descending)| IndexColumn {
                            column: *column,
                            descending: *descending,
                            nulls_first: None,
                        })
                        .collect(),
                    include: Vec::new(),
                    unique: *unique,
                    constraint: *unique,
                    nulls_not_distinct: false,
                    deferrable: false,
                    initially_deferred: false,
                    predicate: None,
                    created: db.new_creation_stamp(),
                })
                .collect(),
            options: Default::default(),
            statistics: None,
            series: None,
            dropped: Vec::new(),
            computed: Vec::new(),
            foreign_keys: Vec::new(),
            owner: orbit_core::catalog::BOOTSTRAP_ROLE,
            acl: None,
            temporary: false,
            created: db.new_creation_stamp(),
        };
        let mut txn = db.begin(Isolation::ReadCommitted);
        txn.change_catalog(CatalogChange::PutTable(Box::new(def)))
            .unwrap();
        txn.commit().await.unwrap();
    }

    pub fn plan(&self, sql: &str) -> Result<Option<PointPlan>> {
        let catalog = self.db.durable().catalog.clone();
        PointPlan::compile(&catalog, &self.settings, &parse(sql), &[])
    }

    pub fn must_plan(&self, sql: &str) -> PointPlan {
        self.plan(sql)
            .unwrap_or_else(|error| panic!("{sql}: {error:?}"))
            .unwrap_or_else(|| panic!("{sql}: left to the planner"))
    }

    /// Parameters are given in text form, as a driver would send them.
    pub fn bind(&self, plan: &PointPlan, params: &[&str]) -> Vec<Value> {
        assert_eq!(plan.params().len(), params.len());
        plan.params()
            .iter()
            .zip(params)
            .map(|(ty, value)| match *value {
                "NULL" => Value::Null,
                value => text::parse(value, ty, &self.facts.format).unwrap(),
            })
            .collect()
    }

    pub async fn show(&self, mut rows: Rows) -> Vec<String> {
        let columns = rows.columns.clone();
        let mut shown = Vec::new();
        while let Some(batch) = rows.next().await.unwrap() {
            for row in 0..batch.len() {
                shown.push(self.show_row(&batch, row, &columns));
            }
        }
        shown
    }

    fn show_row(&self, batch: &RowBatch, row: usize, columns: &[ColumnDesc]) -> String {
        let mut shown = Vec::new();
        for (place, column) in columns.iter().enumerate() {
            if place > 0 {
                shown.push(b'|');
            }
            let value = batch.value(row, place).unwrap();
            if value.is_null() {
                shown.extend_from_slice(b"NULL");
            } else {
                text::format(&value, &column.sql_type, &self.facts.format, &mut shown).unwrap();
            }
        }
        String::from_utf8(shown).unwrap()
    }

    /// Runs within a transaction; the tag, and the rows.
    pub async fn run_in(
        &self,
        txn: &mut Transaction,
        sql: &str,
        params: &[&str],
    ) -> Result<(String, Vec<String>)> {
        let plan = self
            .plan(sql)?
            .unwrap_or_else(|| panic!("{sql}: left to the planner"));
        let params = self.bind(&plan, params);
        let view = txn.begin_statement();
        if plan.is_read() {
            let rows = plan.read(&view, &params, &self.facts, &mut Scratch::default())?;
            let shown = self.show(rows).await;
            return Ok((format!("SELECT {}", shown.len()), shown));
        }
        drop(view);
        let (tag, rows) = plan.write(txn, &params, &self.facts).await?;
        let shown = match rows {
            Some(rows) => self.show(rows).await,
            None => Vec::new(),
        };
        Ok((tag.to_string(), shown))
    }

    /// Runs as a transaction of its own.
    pub async fn run(&self, sql: &str, params: &[&str]) -> Result<(String, Vec<String>)> {
        let mut txn = self.db.begin(Isolation::ReadCommitted);
        let answer = self.run_in(&mut txn, sql, params).await?;
        txn.commit().await?;
        Ok(answer)
    }

    pub async fn rows(&self, sql: &str, params: &[&str]) -> Vec<String> {
        self.run(sql, params)
            .await
            .unwrap_or_else(|error| panic!("{sql}: {error:?}"))
            .1
    }

    pub async fn tag(&self, sql: &str, params: &[&str]) -> String {
        self.run(sql, params)
            .await
            .unwrap_or_else(|error| panic!("{sql}: {error:?}"))
            .0
    }

    /// `state: message (detail)`.
    pub async fn error(&self, sql: &str, params: &[&str]) -> String {
        match self.run(sql, params).await {
            Ok(answer) => panic!("{sql}: {answer:?}"),
            Err(error) => describe_error(&error),
        }
    }
}

pub(crate) fn describe_error(error: &Error) -> String {
    match error.detail() {
        Some(detail) => format!("{}: {} ({detail})", error.state().as_str(), error.message()),
        None => format!("{}: {}", error.state().as_str(), error.message()),
    }
}
