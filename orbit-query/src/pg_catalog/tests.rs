//! Runs what clients send against a bare DataFusion session, without a planner of our own.

mod clients;
mod psql;
mod session;

use super::*;
use crate::session::SessionFacts;
use crate::settings::Settings;
use crate::statement::visit;
use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::util::display::{ArrayFormatter, FormatOptions};
use datafusion::catalog::{CatalogProvider, MemoryCatalogProvider, MemorySchemaProvider};
use datafusion::error::DataFusionError;
use datafusion::prelude::{SessionConfig, SessionContext};
use orbit_core::catalog::{
    BOOTSTRAP_ROLE, Catalog, CatalogChange, Check, Column, CreationStamp, Index, IndexColumn,
    PrimaryKey, SchemaDef, TableDef,
};
use orbit_core::ids::{IndexId, PartitionId, SiteId, StorageId, TableId};
use orbit_core::types::SqlType;
use sqlparser::ast::{Expr, Ident, Select, SelectItem, Statement, VisitorMut};
use sqlparser::dialect::PostgreSqlDialect;
use sqlparser::parser::Parser;
use std::ops::ControlFlow;

const CREATED: CreationStamp = CreationStamp {
    hlc: 1,
    site: SiteId(1),
    nth: 0,
};

fn column(name: &str, sql_type: SqlType, not_null: bool, default: Option<&str>) -> Column {
    Column {
        name: name.to_owned(),
        precision: None,
        sql_type,
        not_null,
        default: default.map(str::to_owned),
        sequence: None,
        generated: None,
        identity: None,
        missing: None,
        created: CREATED,
        kind: Default::default(),
    }
}

fn index(oid: u32, name: &str, columns: &[(usize, bool)], unique: bool) -> Index {
    Index {
        id: IndexId(oid),
        oid,
        storage: StorageId(oid),
        name: name.to_owned(),
        columns: columns
            .iter()
            .map(|(column, descending)| IndexColumn {
                column: *column,
                descending: *descending,
                nulls_first: None,
            })
            .collect(),
        include: Vec::new(),
        unique,
        constraint: unique,
        nulls_not_distinct: false,
        deferrable: false,
        initially_deferred: false,
        predicate: None,
        created: CREATED,
    }
}

fn table(oid: u32, schema: &str, name: &str, columns: Vec<Column>) -> TableDef {
    TableDef {
        id: TableId(oid),
        oid,
        partition: PartitionId(0),
        storage: StorageId(oid),
        schema: schema.to_owned(),
        name: name.to_owned(),
        columns,
        primary_key: None,
        checks: Vec::new(),
        foreign_keys: Vec::new(),
        dropped: Vec::new(),
        computed: Vec::new(),
        indexes: Vec::new(),
        options: std::collections::BTreeMap::new(),
        statistics: None,
        series: None,
        owner: orbit_core::catalog::BOOTSTRAP_ROLE,
        acl: None,
        temporary: false,
        created: CREATED,
    }
}

/// The tables whose description PostgreSQL gave when the queries were captured.
fn catalog() -> Catalog {
    use SqlType::*;
    let mut flights = table(
        16390,
        "public",
        "flights",
        vec![
            column("year", Int4, true, None),
            column("month", Int4, true, None),
            column("day", Int4, true, None),
            column("dep_time", Int4, false, None),
            column("dep_delay", Float8, false, Some("0")),
            column("carrier", Varchar(Some(2)), true, None),
            column("flight", Int4, true, None),
            column("tailnum", Text, false, None),
            column("origin", Char(3), true, Some("'EWR'")),
            column("dest", Text, false, None),
            column("distance", Numeric(Some((8, 2))), false, None),
            column("time_hour", TimestampTz, false, Some("now()")),
            column("tags", Array(Box::new(Text)), false, None),
            column("meta", Jsonb, false, None),
        ],
    );
    flights.primary_key = Some(PrimaryKey {
        constraint: "flights_pkey".to_owned(),
        columns: vec![0, 1, 2, 5, 6],
        oid: 16399,
        include: Vec::new(),
    });
    flights.checks.push(Check {
        name: "flights_month_check".to_owned(),
        expression: "month >= 1 AND month <= 12".to_owned(),
        validated: true,
    });
    flights
        .indexes
        .push(index(16401, "flights_tailnum_idx", &[(7, false)], false));
    flights
        .indexes
        .push(index(16402, "flights_od", &[(8, false), (9, true)], false));
    flights
        .options
        .insert("fillfactor".to_owned(), "90".to_owned());
    let mut airports = table(
        16403,
        "public",
        "airports",
        vec![
            column("faa", Text, true, None),
            column("name", Text, false, None),
            column("lat", Float8, false, None),
        ],
    );
    airports.primary_key = Some(PrimaryKey {
        constraint: "airports_pkey".to_owned(),
        columns: vec![0],
        oid: 16408,
        include: Vec::new(),
    });
    airports
        .indexes
        .push(index(16410, "airports_name_key", &[(1, false)], true));
    let log = table(
        16412,
        "air",
        "log",
        vec![
            column("at", Timestamp, false, None),
            column("what", Text, false, None),
        ],
    );
    let schemas = [("public", 2200), ("air", 16389)];
    let schemas = schemas.map(|(name, oid)| {
        CatalogChange::PutSchema(SchemaDef {
            name: name.to_owned(),
            oid,
            owner: BOOTSTRAP_ROLE,
            acl: None,
        })
    });
    let tables = [flights, airports, log].map(|table| CatalogChange::PutTable(Box::new(table)));
    let mut catalog = Catalog::default();
    for change in schemas.iter().chain(&tables) {
        catalog = catalog.with(change).unwrap();
    }
    catalog
}

/// DataFusion's own planner wants every item of a SELECT to have a name of its own.
fn name_columns(statement: &mut Statement) {
    let mut nth = 0;
    let _ = visit::visit_mut(statement, &mut Names(&mut nth));
}

struct Names<'a>(&'a mut usize);

impl VisitorMut for Names<'_> {
    type Break = ();

    fn pre_visit_select(&mut self, select: &mut Select) -> ControlFlow<()> {
        for item in &mut select.projection {
            if let SelectItem::UnnamedExpr(expr @ Expr::Value(_)) = item {
                *self.0 += 1;
                let alias = Ident::new(format!("column_{}", self.0));
                let expr = expr.clone();
                *item = SelectItem::ExprWithAlias { expr, alias };
            }
        }
        ControlFlow::Continue(())
    }
}

struct Client(SessionContext);

impl Client {
    fn new() -> Client {
        let facts = SessionFacts {
            user: "orbit".to_owned(),
            session_user: "orbit".to_owned(),
            database: "travel".to_owned(),
            pid: 42,
            rights: Arc::new(crate::access::Rights::of_node(&catalog())),
            ..SessionFacts::default()
        };
        let context = CatalogContext::new(
            Arc::new(catalog()),
            Arc::new(facts),
            Some(Arc::new(Settings::new("orbit"))),
        );
        let mut config = SessionConfig::new()
            .with_target_partitions(1)
            .with_default_catalog_and_schema("travel", "public");
        config.options_mut().sql_parser.map_string_types_to_utf8view = false;
        context.install(config.options_mut());
        let session = SessionContext::new_with_config(config);
        let catalog = MemoryCatalogProvider::new();
        let public = Arc::new(MemorySchemaProvider::new());
        catalog.register_schema("public", public).unwrap();
        for name in [PG_CATALOG, INFORMATION_SCHEMA] {
            let schema = schema_provider(name, &context).unwrap();
            catalog.register_schema(name, schema).unwrap();
        }
        session.register_catalog("travel", Arc::new(catalog));
        for function in functions() {
            session.register_udf(function.as_ref().clone());
        }
        Client(session)
    }

    async fn try_run(&self, sql: &str) -> Result<Vec<RecordBatch>, DataFusionError> {
        // There is one collation; the binder knows it, DataFusion's own doesn't.
        let sql = sql.replace(" COLLATE pg_catalog.default", "");
        let mut statements = Parser::parse_sql(&PostgreSqlDialect {}, &sql)?;
        let mut statement = statements.remove(0);
        rewrite(&mut statement);
        name_columns(&mut statement);
        let text = statement.to_string();
        let statement = datafusion::sql::parser::Statement::Statement(Box::new(statement));
        let plan = self.0.state().statement_to_plan(statement).await;
        let plan = plan.map_err(|error| error.context(text.clone()))?;
        let rows = self.0.execute_logical_plan(plan).await?.collect().await;
        rows.map_err(|error| error.context(text))
    }

    /// Rows as psql -At prints them: fields parted by bars.
    async fn run(&self, sql: &str) -> Vec<String> {
        let batches = self
            .try_run(sql)
            .await
            .unwrap_or_else(|error| panic!("{error}"));
        let options = FormatOptions::default();
        let mut lines = Vec::new();
        for batch in &batches {
            let columns: Vec<ArrayFormatter<'_>> = batch
                .columns()
                .iter()
                .map(|column| ArrayFormatter::try_new(column, &options).unwrap())
                .collect();
            for row in 0..batch.num_rows() {
                let fields: Vec<String> =
                    columns.iter().map(|c| c.value(row).to_string()).collect();
                lines.push(fields.join("|"));
            }
        }
        lines
    }
}
