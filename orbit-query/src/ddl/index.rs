//! CREATE INDEX: keeps writers away, builds beside, switches at COMMIT.
//!
//! What an index has of a row besides its columns, an expression's value or whether a
//! partial index has the row at all, is computed when the row is written and kept in it,
//! behind its columns.

#[cfg(feature = "datafusion")]
mod expression;
mod parts;

#[cfg(feature = "datafusion")]
pub(crate) use expression::refuse_in_index;

use self::parts::{Over, Written};
use super::{lock_named, names, rebuild, skipping, wrong_kind};
use crate::expr::Env;
use crate::rows::{Outcome, Tag};
use crate::session::Session;
use crate::statement::names::{Name, fold};
use crate::statement::utility::Reindexed;
use crate::write::{arbiter, stored_expression};
use orbit_core::catalog::{CatalogChange, Index, IndexColumn, Relation, Table, TableDef};
use orbit_core::txn::TableLock;
use orbit_core::types::{Oid, SqlType};
use orbit_core::{Error, Result, key, state};
use sqlparser::ast::{self, CreateIndex, Expr, IndexType};
use std::sync::Arc;

/// One part of an index, looked at: a column, or an expression and its type.
#[derive(Clone)]
pub(super) enum Part {
    Column(usize),
    Expression(String, SqlType),
}

/// An index as it is to be made; each part with its direction and what is asked of NULLs.
pub(super) struct Recipe {
    pub name: String,
    pub oid: Oid,
    pub parts: Vec<(Part, bool, Option<bool>)>,
    pub predicate: Option<String>,
    pub include: Vec<usize>,
    pub unique: bool,
    pub nulls_not_distinct: bool,
}

pub(crate) async fn create(session: &mut Session, create: &CreateIndex) -> Result<Outcome> {
    if create.concurrently {
        session.check_outside_block("CREATE INDEX CONCURRENTLY")?;
    }
    refuse_the_unbuilt(create, session.engine().options().vectors)?;
    // It excludes itself, unlike PostgreSQL's SHARE: of two definitions of one table, each
    // made without the other's index, the later would put the earlier away.
    let name = Name::of(&create.table_name)?;
    wrong_kind::refuse(session, &name, |relation| {
        match wrong_kind::is_index(relation) {
            true => wrong_kind::is_an_index(&name.name),
            false => {
                let message = format!("cannot create index on relation \"{}\"", name.name);
                wrong_kind::not_for(message, relation)
            }
        }
    })?;
    let table = lock_named(session, &name, TableLock::ShareRowExclusive).await?;
    #[cfg(feature = "datafusion")]
    table.check_series_takes_no("an index")?;
    let parts = parts::parts(&table, &create.columns)?;
    let include = included(&table, create)?;
    let predicate = match &create.predicate {
        // As PostgreSQL has it: that is no condition.
        Some(Expr::Value(value)) if value.value == ast::Value::Boolean(true) => None,
        Some(predicate) => Some(condition(session, &table, predicate).await?),
        None => None,
    };
    let parts = looked_at(session, &table, parts).await?;
    let named = create.name.as_ref().map(Name::of).transpose()?;
    let mut catalog = session.transaction()?.catalog();
    let name = match named {
        Some(name) => {
            session
                .transaction()?
                .lock_name(&table.schema, &name.name)
                .await?;
            session.transaction()?.begin_statement();
            catalog = session.transaction()?.catalog();
            if names::is_taken(&catalog, &table.schema, &name.name) {
                let what = format!("relation \"{}\" already exists", name.name);
                if create.if_not_exists {
                    session.notice(skipping(state::DUPLICATE_TABLE, what));
                    return Ok(Outcome::Done(Tag::Other("CREATE INDEX")));
                }
                return Err(Error::new(state::DUPLICATE_TABLE, what));
            }
            name.name
        }
        None => {
            let joined = names_of(&table, &parts, &include);
            names::choose(
                &table.name,
                Some(&names::joined(joined.iter().map(String::as_str))),
                "idx",
                |name| names::is_taken(&catalog, &table.schema, name),
            )
        }
    };
    let oid = session.engine().db().new_oid();
    let recipe = Recipe {
        name,
        oid,
        parts,
        predicate,
        include,
        unique: create.unique,
        nulls_not_distinct: create.nulls_distinct == Some(false),
    };
    make(session, &table, recipe).await?;
    Ok(Outcome::Done(Tag::Other("CREATE INDEX")))
}

/// The names of an index's own columns: an expression's is its function's, and none comes twice.
pub(crate) fn column_names(table: &TableDef, columns: &[IndexColumn]) -> Vec<String> {
    told_apart(
        table,
        columns.iter().map(|part| {
            let kept = table.computed_at(part.column);
            (part.column, kept.map(|kept| kept.expression.as_str()))
        }),
    )
}

/// The names that the columns of an index would have.
pub(super) fn names_of(
    table: &TableDef,
    parts: &[(Part, bool, Option<bool>)],
    include: &[usize],
) -> Vec<String> {
    let own = parts.iter().map(|(part, _, _)| match part {
        Part::Column(place) => (*place, None),
        Part::Expression(sql, _) => (usize::MAX, Some(sql.as_str())),
    });
    let all = own.chain(include.iter().map(|place| (*place, None)));
    told_apart(table, all)
}

fn told_apart<'a>(
    table: &TableDef,
    columns: impl Iterator<Item = (usize, Option<&'a str>)>,
) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for (place, expression) in columns {
        let name = match expression {
            None => match table.columns.get(place) {
                Some(column) => column.name.clone(),
                None => continue,
            },
            Some(sql) => stored_expression(sql)
                .map(|expr| output_name(&expr))
                .ok()
                .filter(|name| name != "?column?")
                .unwrap_or_else(|| "expr".to_owned()),
        };
        let mut own = name.clone();
        let mut number = 0u64;
        while names.contains(&own) {
            number += 1;
            own = format!("{name}{number}");
        }
        names.push(own);
    }
    names
}

#[cfg(feature = "datafusion")]
use crate::planned::output_name;
#[cfg(not(feature = "datafusion"))]
use crate::point::output_name;

#[cfg(feature = "datafusion")]
async fn condition(session: &mut Session, table: &Table, expr: &Expr) -> Result<String> {
    expression::condition(session, table, expr).await
}

#[cfg(not(feature = "datafusion"))]
async fn condition(_: &mut Session, _: &Table, _: &Expr) -> Result<String> {
    Err(Error::unsupported("a partial index on a micro node"))
}

#[cfg(feature = "datafusion")]
async fn value(session: &mut Session, table: &Table, expr: &Expr) -> Result<(String, SqlType)> {
    expression::value(session, table, expr).await
}

#[cfg(not(feature = "datafusion"))]
async fn value(_: &mut Session, _: &Table, _: &Expr) -> Result<(String, SqlType)> {
    Err(Error::unsupported(
        "an index on an expression on a micro node",
    ))
}

/// Looks at the types of an index's parts, and at the expressions among them.
async fn looked_at(
    session: &mut Session,
    table: &Table,
    written: Vec<Written>,
) -> Result<Vec<(Part, bool, Option<bool>)>> {
    let mut looked = Vec::with_capacity(written.len());
    for written in written {
        let part = match &written.over {
            Over::Column(place) => {
                if let Some(column) = table.columns.get(*place) {
                    written.check_type(&column.sql_type)?;
                }
                Part::Column(*place)
            }
            Over::Expression(expr) => {
                let (sql, sql_type) = value(session, table, expr).await?;
                written.check_type(&sql_type)?;
                Part::Expression(sql, sql_type)
            }
        };
        looked.push((part, written.descending, written.nulls_first));
    }
    Ok(looked)
}

/// Adds an index to a definition: what it is over first.
pub(super) fn put(session: &Session, target: &mut TableDef, recipe: Recipe) {
    let db = session.engine().db().clone();
    let id = db.new_index_id();
    let mut columns = Vec::with_capacity(recipe.parts.len());
    for (part, descending, nulls_first) in recipe.parts {
        let column = match part {
            Part::Column(place) => place,
            Part::Expression(sql, sql_type) => target.push_computed(id, sql_type, sql),
        };
        columns.push(IndexColumn {
            column,
            descending,
            nulls_first,
        });
    }
    let predicate = recipe
        .predicate
        .map(|sql| target.push_computed(id, SqlType::Bool, sql));
    target.indexes.push(Index {
        id,
        oid: recipe.oid,
        storage: db.new_storage_id(),
        name: recipe.name,
        columns,
        include: recipe.include,
        unique: recipe.unique,
        constraint: false,
        nulls_not_distinct: recipe.nulls_not_distinct,
        deferrable: false,
        initially_deferred: false,
        predicate,
        created: db.new_creation_stamp(),
    });
    show_anew(target);
}

/// Writes down what messages call the computed values.
pub(crate) fn show_anew(target: &mut TableDef) {
    #[cfg(feature = "datafusion")]
    for kept in &mut target.computed {
        kept.shown = crate::pg_catalog::index_part(&target.columns, &kept.expression, true);
    }
    #[cfg(not(feature = "datafusion"))]
    let _ = target;
}

/// Makes an index of a locked table.
pub(super) async fn make(session: &mut Session, table: &Arc<Table>, recipe: Recipe) -> Result<()> {
    let mut target: TableDef = table.def.clone();
    put(session, &mut target, recipe);
    build(session, table, target).await
}

/// How an index that keeps something of rows is made: to make it again, for what the
/// columns of `old` are `now`.
pub(super) async fn recipe(
    session: &mut Session,
    old: &Table,
    now: &Table,
    index: &Index,
) -> Result<Recipe> {
    let mut parts = Vec::with_capacity(index.columns.len());
    for part in &index.columns {
        let own = match old.computed_at(part.column) {
            None => Part::Column(part.column),
            Some(kept) => {
                let expr = arbiter::as_it_was(&kept.expression, &old.columns, &now.columns)?;
                let (sql, sql_type) = value(session, now, &expr).await?;
                key::check_type(&sql_type)?;
                Part::Expression(sql, sql_type)
            }
        };
        parts.push((own, part.descending, part.nulls_first));
    }
    let predicate = match arbiter::predicate(old, index) {
        None => None,
        Some(sql) => {
            let expr = arbiter::as_it_was(sql, &old.columns, &now.columns)?;
            Some(condition(session, now, &expr).await?)
        }
    };
    Ok(Recipe {
        name: index.name.clone(),
        oid: index.oid,
        parts,
        predicate,
        include: index.include.clone(),
        unique: index.unique,
        nulls_not_distinct: index.nulls_not_distinct,
    })
}

/// REINDEX: what is named must be there, and the role's own.
pub(crate) fn rebuilt(
    session: &mut Session,
    kind: Option<Reindexed>,
    name: Option<&Name>,
    concurrently: bool,
) -> Result<()> {
    if concurrently {
        session.check_outside_block("REINDEX CONCURRENTLY")?;
    }
    let settings = session.settings().clone();
    let catalog = session.transaction()?.catalog();
    let rights = session.rights().clone();
    match (kind, name) {
        (Some(Reindexed::Schema), Some(name)) => match catalog.schema(&name.name) {
            Some(schema) => rights.require_owner(&catalog, &schema.securable()),
            None => Err(Error::new(
                state::INVALID_SCHEMA_NAME,
                format!("schema \"{}\" does not exist", name.name),
            )),
        },
        (Some(kind), Some(name)) => {
            let found = name.relation(&catalog, &settings);
            let missing = || {
                Error::new(
                    state::UNDEFINED_TABLE,
                    format!("relation \"{}\" does not exist", name.name),
                )
            };
            let wrong = |what: &str| {
                Err(Error::new(
                    state::WRONG_OBJECT_TYPE,
                    format!("\"{}\" is not {what}", name.name),
                ))
            };
            match (kind, found.ok_or_else(missing)?) {
                (Reindexed::Table, Relation::Table(table))
                | (Reindexed::Index, Relation::Index(table, _) | Relation::PrimaryKey(table)) => {
                    rights.require_owner(&catalog, &table.securable())
                }
                (Reindexed::Index, _) => wrong("an index"),
                (_, _) => wrong("a table or materialized view"),
            }
        }
        (None, Some(name)) if name.name != session.facts().database => Err(Error::new(
            state::FEATURE_NOT_SUPPORTED,
            "can only reindex the currently open database",
        )),
        (None, _) => {
            session.check_outside_block("REINDEX DATABASE")?;
            let database = catalog.database_securable(&session.facts().database);
            rights.require_owner(&catalog, &database)
        }
        (Some(_), None) => Err(Error::internal("REINDEX without a name")),
    }
}

/// Adds an index over columns to a locked table and fills it.
pub(super) async fn add(session: &mut Session, table: &Arc<Table>, index: Index) -> Result<()> {
    let mut target: TableDef = table.def.clone();
    target.indexes.push(index);
    build(session, table, target).await
}

/// Fills the last index of a definition, and takes the definition over.
async fn build(session: &mut Session, table: &Arc<Table>, target: TableDef) -> Result<()> {
    let Some(index) = target.indexes.last() else {
        return Err(Error::internal("the new index is not there"));
    };
    let name = index.name.clone();
    let computes = target.computed.iter().any(|kept| kept.index == index.id);
    if computes {
        // What can't be computed is said now, rows or none.
        session.table_writer(&Arc::new(Table::new(target.clone(), 0)?))?;
    }
    if rebuild::is_empty(session, table)? {
        return session
            .transaction()?
            .change_catalog(CatalogChange::PutTable(Box::new(target)));
    }
    if !computes {
        return rebuild::run(session, table, target, rebuild::Purpose::Index(&name)).await;
    }
    let writer = session.table_writer(&Arc::new(Table::new(target.clone(), 0)?))?;
    let moment = session.moment();
    let env = Env {
        params: &[],
        facts: &moment,
    };
    let purpose = rebuild::Purpose::Index(&name);
    let from = table.width();
    rebuild::extend(session, table, target, purpose, |mut values| {
        writer.compute(&mut values, &env)?;
        Ok(values.into_iter().enumerate().skip(from).collect())
    })
    .await
}

/// The columns of INCLUDE.
fn included(table: &Table, create: &CreateIndex) -> Result<Vec<usize>> {
    let places = create.include.iter().map(|ident| {
        let name = fold(ident);
        table.column_position(&name).ok_or_else(|| {
            Error::new(
                state::UNDEFINED_COLUMN,
                format!("column \"{name}\" does not exist"),
            )
        })
    });
    places.collect()
}

/// By the names that applications know.
fn is_of_vectors(method: &IndexType) -> bool {
    let name = method.to_string().to_lowercase();
    matches!(name.as_str(), "hnsw" | "ivfflat")
}

fn refuse_the_unbuilt(create: &CreateIndex, has_vectors: bool) -> Result<()> {
    match &create.using {
        None | Some(IndexType::BTree) => {}
        Some(other) if !has_vectors && is_of_vectors(other) => {
            return Err(
                Error::unsupported("an index of vectors on this device").with_hint(
                    "Choose a profile with it, or set vector_similarity = true in \
                     [edge_profile.NAME.features].",
                ),
            );
        }
        Some(other) => return Err(Error::unsupported(format!("an index USING {other}"))),
    }
    if !create.index_options.is_empty() || !create.alter_options.is_empty() {
        return Err(Error::unsupported("this option of CREATE INDEX"));
    }
    Ok(())
}
