//! CREATE TABLE, with a list of columns or AS a query.

use super::constraints::{self, KeyRequest, TableRequest};
use super::like::Said;
#[cfg(feature = "datafusion")]
use super::series;
use super::{foreign_keys, like, names, sequence, skipping, temporary, types};
use crate::rows::{ColumnDesc, Outcome, Tag};
use crate::session::Session;
use crate::session::arguments::Given;
use crate::statement::like_grammar::Like;
use crate::statement::names::{Name, fold};
use orbit_core::catalog::{CatalogChange, Column, Table, TableDef};
use orbit_core::types::SqlType;
use orbit_core::value::Value;
use orbit_core::{Error, Result, state};
use sqlparser::ast::{self, CreateTable, CreateTableOptions, Expr, SqlOption};
use std::collections::BTreeMap;
use std::sync::Arc;

/// PostgreSQL's limit.
const MAX_COLUMNS: usize = 1600;

pub(crate) async fn run(
    session: &mut Session,
    create: &CreateTable,
    likes: &[Like],
    given: Given<'_>,
) -> Result<Outcome> {
    refuse_the_unbuilt(create)?;
    let name = Name::of(&create.name)?;
    let catalog = session.transaction()?.catalog();
    let temporary = temporary::is_wanted(session, &name, create.temporary)?;
    let at_commit = temporary::at_commit(create.on_commit.as_ref(), temporary)?;
    let schema = match temporary {
        true => temporary::schema(session).await?,
        false => names::creation_schema(session, &catalog, &name)?,
    };
    session
        .transaction()?
        .lock_name(&schema, &name.name)
        .await?;
    session.transaction()?.begin_statement();
    let catalog = session.transaction()?.catalog();
    if names::is_taken(&catalog, &schema, &name.name) {
        let what = format!("relation \"{}\" already exists", name.name);
        if create.if_not_exists {
            session.notice(skipping(state::DUPLICATE_TABLE, what));
            return Ok(Outcome::Done(Tag::Other(match &create.query {
                Some(_) => "CREATE TABLE AS",
                None => "CREATE TABLE",
            })));
        }
        return Err(Error::new(state::DUPLICATE_TABLE, what));
    }
    let db = session.engine().db().clone();
    let mut table = TableDef {
        id: db.new_table_id(),
        oid: db.new_oid(),
        partition: db.new_partition_id(),
        storage: db.new_storage_id(),
        schema: schema.clone(),
        name: name.name,
        columns: Vec::new(),
        primary_key: None,
        checks: Vec::new(),
        foreign_keys: Vec::new(),
        dropped: Vec::new(),
        computed: Vec::new(),
        indexes: Vec::new(),
        options: options(&create.table_options)?,
        statistics: None,
        series: None,
        owner: orbit_core::catalog::BOOTSTRAP_ROLE,
        acl: None,
        temporary,
        created: db.new_creation_stamp(),
    };
    session.note_temporary(table.id, at_commit);
    if let Some(query) = &create.query {
        return create_as(session, table, create, query, given).await;
    }
    let mut sequences = Vec::new();
    let mut keys = Vec::new();
    let mut checks = Vec::new();
    let mut references = Vec::new();
    let mut added = like::Added::default();
    for (nth, definition) in create.columns.iter().enumerate() {
        for like in likes.iter().filter(|like| like.before == nth) {
            for column in like::columns(session, like, table.columns.len(), &mut added).await? {
                push_column(&mut table, column)?;
            }
        }
        let mut request = constraints::column(&db, &table.name, definition)?;
        if let Some(warning) = types::reduced(&definition.data_type) {
            session.notice(warning);
        }
        if let Some(default) = &request.default {
            match sequence::of_default(session, default)? {
                Some(def) => {
                    request.column.sequence = Some(def.id);
                    request.column.default = Some(sequence::default_text(&def));
                }
                // Asking would take a value; whether it fits shows when the writer is made.
                None if super::alter::is_volatile(default) => {}
                None => {
                    super::alter::default_value(session, default, &request.column.sql_type).await?;
                }
            }
        }
        let place = table.columns.len();
        sequences.extend(request.sequence.take().map(|wanted| (place, wanted)));
        push_column(&mut table, request.column)?;
        if let Some(name) = request.primary {
            keys.push(KeyRequest {
                include: Vec::new(),
                name,
                columns: vec![place],
                primary: true,
                nulls_not_distinct: false,
                timing: constraints::Timing::default(),
            });
        }
        keys.extend(request.unique.into_iter().map(|(name, timing)| KeyRequest {
            include: Vec::new(),
            timing,
            name,
            columns: vec![place],
            primary: false,
            nulls_not_distinct: false,
        }));
        checks.extend(request.checks);
        references.extend(request.references);
    }
    for like in likes
        .iter()
        .filter(|like| like.before >= create.columns.len())
    {
        for column in like::columns(session, like, table.columns.len(), &mut added).await? {
            push_column(&mut table, column)?;
        }
    }
    sequences.extend(added.sequences);
    keys.extend(added.keys);
    table.checks.extend(added.checks);
    for (place, wanted) in &sequences {
        sequence::give_to_column(session, &mut table, *place, wanted).await?;
    }
    for constraint in &create.constraints {
        match constraints::table_constraint(&table, constraint)? {
            TableRequest::Key(key) => keys.push(key),
            TableRequest::Check(check) => checks.push(check),
            TableRequest::ForeignKey(key) => references.push(key),
        }
    }
    #[cfg(feature = "datafusion")]
    {
        let has_primary = keys.iter().any(|key| key.primary);
        keys.extend(series::key(&table, has_primary)?);
    }
    // The primary key is named and checked first, whatever the order of writing.
    keys.sort_by_key(|key| !key.primary);
    let keys = distinct(keys);
    let table_name = table.name.clone();
    let taken = |name: &str| name == table_name || names::is_taken(&catalog, &schema, name);
    for key in keys {
        constraints::add_key(&db, &mut table, key, &taken)?;
    }
    #[cfg(feature = "datafusion")]
    series::declare(&mut table, session.engine().options().time_series)?;
    for check in checks {
        constraints::add_check(&mut table, check)?;
    }
    let mut comments = added.comments;
    like::add_indexes(session, &mut table, added.indexes, &mut comments, &taken);
    for key in references {
        foreign_keys::add(session, &mut table, key).await?;
    }
    for column in &table.columns {
        if let Some(sql) = &column.generated {
            constraints::check_generated(&table, &column.name, sql)?;
            constraints::check_settled(session, &table, sql)?;
        }
    }
    let built = Arc::new(Table::new(table.clone(), 0)?);
    session.table_writer(&built)?;
    session
        .transaction()?
        .change_catalog(CatalogChange::PutTable(Box::new(table)))?;
    for (said, text) in comments {
        let (object, column) = match said {
            Said::Column(place) => (built.oid, i32::try_from(place + 1).unwrap_or(i32::MAX)),
            Said::Index(oid) => (oid, 0),
            Said::Check(name) => match built.checks.iter().position(|of| of.name == name) {
                Some(place) => (names::check_oid(&built, place), 0),
                None => continue,
            },
        };
        session
            .transaction()?
            .change_catalog(CatalogChange::Comment {
                object,
                column,
                text: Some(text),
            })?;
    }
    Ok(Outcome::Done(Tag::Other("CREATE TABLE")))
}

/// A key written twice is one, with the name that either has.
fn distinct(keys: Vec<KeyRequest>) -> Vec<KeyRequest> {
    let mut kept: Vec<KeyRequest> = Vec::with_capacity(keys.len());
    for key in keys {
        let same = |prior: &&mut KeyRequest| {
            prior.columns == key.columns
                && prior.nulls_not_distinct == key.nulls_not_distinct
                && prior.timing.deferrable == key.timing.deferrable
                && prior.timing.initially_deferred == key.timing.initially_deferred
                // Two primary keys are an error of their own.
                && !(prior.primary && key.primary)
        };
        match kept.iter_mut().find(same) {
            Some(prior) => prior.name = prior.name.take().or(key.name),
            None => kept.push(key),
        }
    }
    kept
}

fn push_column(table: &mut TableDef, column: Column) -> Result<()> {
    if table.column_position(&column.name).is_some() {
        return Err(Error::new(
            state::DUPLICATE_COLUMN,
            format!("column \"{}\" specified more than once", column.name),
        ));
    }
    if table.columns.len() >= MAX_COLUMNS {
        return Err(Error::new(
            state::TOO_MANY_COLUMNS,
            format!("tables can have at most {MAX_COLUMNS} columns"),
        ));
    }
    table.columns.push(column);
    Ok(())
}

fn refuse_the_unbuilt(create: &CreateTable) -> Result<()> {
    let what = if create.or_replace {
        "CREATE OR REPLACE TABLE"
    } else if create.external || create.transient || create.iceberg {
        "this kind of table"
    } else if create.inherits.is_some() {
        "INHERITS"
    } else if create.partition_of.is_some() || create.partition_by.is_some() {
        "PARTITION BY"
    } else if create.like.is_some() || create.clone.is_some() {
        "CREATE TABLE ... LIKE"
    } else if create.strict
        || (create.without_rowid && create.query.is_none())
        || create.order_by.is_some()
    {
        "this clause of CREATE TABLE"
    } else {
        return Ok(());
    };
    Err(Error::unsupported(what))
}

/// `WITH (...)`: PostgreSQL's storage parameters are kept and mean nothing here;
/// Orbit's own are checked, and those whose meaning is not built yet refused.
fn options(options: &CreateTableOptions) -> Result<BTreeMap<String, String>> {
    let given = match options {
        CreateTableOptions::None => return Ok(BTreeMap::new()),
        CreateTableOptions::With(given) | CreateTableOptions::Plain(given) => given,
        other => return Err(Error::unsupported(format!("{other}"))),
    };
    let mut kept = BTreeMap::new();
    for option in given {
        let (name, value) = match option {
            SqlOption::KeyValue { key, value } => (fold(key), option_value(value)),
            SqlOption::Ident(key) => (fold(key), "true".to_owned()),
            other => return Err(Error::unsupported(format!("the table option {other}"))),
        };
        check_option(&name, &value)?;
        kept.insert(name, value);
    }
    Ok(kept)
}

/// Whether a storage parameter is known, and means what is asked for.
pub(super) fn check_option(name: &str, value: &str) -> Result<()> {
    let known = match (name, value) {
        ("fillfactor" | "parallel_workers" | "toast_tuple_target" | "oids", _) => true,
        (name, _) if name.starts_with("autovacuum_") || name.starts_with("toast.") => true,
        ("priority", "critical" | "high" | "normal" | "low" | "background") => true,
        ("consistency", "merge") => true,
        // A micro node keeps no blocks.
        #[cfg(feature = "datafusion")]
        ("model", "timeseries") => true,
        #[cfg(feature = "datafusion")]
        (name, _) if series::is_option(name) => true,
        ("consistency" | "model" | "partition_by" | "scope" | "durability", _) => {
            return Err(Error::unsupported(format!("{name} = '{value}'")));
        }
        ("priority", _) => {
            return Err(Error::new(
                state::INVALID_PARAMETER_VALUE,
                format!("invalid value for option \"priority\": {value}"),
            )
            .with_hint("Available values: critical, high, normal, low, background."));
        }
        _ => false,
    };
    if !known {
        return Err(Error::new(
            state::INVALID_PARAMETER_VALUE,
            format!("unrecognized parameter \"{name}\""),
        ));
    }
    Ok(())
}

fn option_value(value: &Expr) -> String {
    match value {
        Expr::Value(value) => match &value.value {
            ast::Value::SingleQuotedString(text) => text.clone(),
            other => other.to_string(),
        },
        Expr::Identifier(ident) => fold(ident),
        other => other.to_string(),
    }
}

async fn create_as(
    session: &mut Session,
    mut table: TableDef,
    create: &CreateTable,
    query: &ast::Query,
    given: Given<'_>,
) -> Result<Outcome> {
    let sql = query.to_string();
    let select = session.prepare_inner(&sql, &given.declared()).await?;
    let columns = select
        .columns
        .clone()
        .ok_or_else(|| Error::new(state::SYNTAX_ERROR, "CREATE TABLE AS needs a query"))?;
    let names: Vec<String> = create
        .columns
        .iter()
        .map(|column| fold(&column.name))
        .collect();
    if names.len() > columns.len() {
        return Err(Error::new(
            state::SYNTAX_ERROR,
            "too many column names were specified",
        ));
    }
    for (place, column) in columns.iter().enumerate() {
        let name = names.get(place).unwrap_or(&column.name);
        let stamp = session.engine().db().new_creation_stamp();
        if matches!(column.sql_type, SqlType::Record(_)) {
            return Err(pseudo_type(name));
        }
        let precision = column.precision;
        let mut column = Column::new(name.as_str(), stored_type(column), stamp);
        column.precision = precision;
        push_column(&mut table, column)?;
    }
    if table.options.contains_key("model") {
        return Err(Error::unsupported("CREATE TABLE AS of a time series")
            .with_hint("Create the table first, and INSERT the rows of the query."));
    }
    #[cfg(feature = "datafusion")]
    series::declare(&mut table, session.engine().options().time_series)?;
    let id = table.id;
    session
        .transaction()?
        .change_catalog(CatalogChange::PutTable(Box::new(table)))?;
    if crate::statement::create_grammar::stays_empty(create) {
        return Ok(Outcome::Done(Tag::Other("CREATE TABLE AS")));
    }
    let catalog = session.transaction()?.catalog();
    let table = catalog
        .table_by_id(id)
        .cloned()
        .ok_or_else(|| Error::internal("the new table is not there"))?;
    let rows = fill(session, &select, &table, given.values).await?;
    Ok(Outcome::Done(Tag::Select(rows)))
}

pub(super) fn pseudo_type(column: &str) -> Error {
    Error::new(
        state::INVALID_TABLE_DEFINITION,
        format!("column \"{column}\" has pseudo-type record"),
    )
}

fn stored_type(column: &ColumnDesc) -> SqlType {
    match &column.sql_type {
        SqlType::Unknown
        | SqlType::Name
        | SqlType::InternalChar
        | SqlType::Int2Vector
        | SqlType::OidVector
        | SqlType::Void => SqlType::Text,
        SqlType::Oid => SqlType::Int8,
        other => other.clone(),
    }
}

/// Puts a query's rows into a new table.
async fn fill(
    session: &mut Session,
    select: &Arc<crate::Prepared>,
    table: &Arc<Table>,
    params: &[Value],
) -> Result<u64> {
    let Outcome::Rows(mut rows) = session.run_boxed(select, params).await? else {
        return Err(Error::internal("a query gave no rows"));
    };
    let Some(mut load) = session.transaction()?.begin_load(table).await? else {
        return Err(Error::internal("the new table is not empty"));
    };
    let mut count = 0;
    let mut values = Vec::with_capacity(table.columns.len());
    while let Some(batch) = rows.next().await? {
        for row in 0..batch.len() {
            values.clear();
            for (place, column) in table.columns.iter().enumerate() {
                let value = batch.value(row, place)?.to_owned();
                values.push(orbit_core::value::cast::assign(value, &column.sql_type)?);
            }
            load.push(&values)?;
            count += 1;
        }
    }
    load.finish(session.transaction()?).await?;
    Ok(count)
}
