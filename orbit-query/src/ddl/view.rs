//! CREATE VIEW and DROP VIEW. The catalog keeps the query's text, its names settled
//! (see `settled`), so that it means the same whatever the search path.

mod stars;

use super::{dependents, names, settled, skipping, temporary};
use crate::rows::{Outcome, Tag};
use crate::session::Session;
use crate::statement::names::{Name, fold};
use orbit_core::catalog::{
    BOOTSTRAP_ROLE, Catalog, CatalogChange, CheckOption, Relation, ViewColumn, ViewDef,
};
use orbit_core::types::{Oid, SqlType};
use orbit_core::{Error, Result, state};
use sqlparser::ast::{self, CreateView, Query};
use std::collections::BTreeSet;
use std::sync::Arc;

pub(crate) async fn create(session: &mut Session, create: &CreateView) -> Result<Outcome> {
    let tag = Tag::Other("CREATE VIEW");
    refuse_the_unbuilt(create)?;
    let name = Name::of(&create.name)?;
    let catalog = session.transaction()?.catalog();
    let temporary = temporary::is_wanted(session, &name, create.temporary)?
        || reads_temporary(session, &catalog, create, &name)?;
    let schema = match temporary {
        true => temporary::schema(session).await?,
        false => names::creation_schema(session, &catalog, &name)?,
    };
    let transaction = session.transaction()?;
    transaction.lock_name(&schema, &name.name).await?;
    transaction.begin_statement();
    let catalog = transaction.catalog();
    let old = match catalog.relation(&schema, &name.name) {
        None => None,
        Some(Relation::View(view)) if create.or_replace => {
            // By this name another view may stand earlier in the search path.
            session
                .rights()
                .require_owner(&catalog, &view.securable())?;
            Some(view.clone())
        }
        Some(_) if create.or_replace => {
            return Err(Error::new(
                state::WRONG_OBJECT_TYPE,
                format!("\"{}\" is not a view", name.name),
            ));
        }
        Some(_) => {
            let what = format!("relation \"{}\" already exists", name.name);
            if create.if_not_exists {
                session.notice(skipping(state::DUPLICATE_TABLE, what));
                return Ok(Outcome::Done(tag));
            }
            return Err(Error::new(state::DUPLICATE_TABLE, what));
        }
    };
    let mut query = unbracketed((*create.query).clone());
    let reads = settled::settle(&catalog, session.settings(), &mut query)?;
    let select = session.prepare_inner(&query.to_string(), &[]).await?;
    if !select.params.is_empty() {
        return Err(Error::new(
            state::UNDEFINED_PARAMETER,
            "there is no parameter $1",
        ));
    }
    let shown = select
        .columns
        .clone()
        .ok_or_else(|| Error::new(state::SYNTAX_ERROR, "CREATE VIEW needs a query"))?;
    let inner: Vec<(String, SqlType)> = shown
        .iter()
        .map(|column| (column.name.clone(), column.sql_type.clone()))
        .collect();
    let query = stars::expanded(session, query).await?;
    settled::require_settled(&query.to_string())?;
    let mut columns = columns(create, inner)?;
    for (column, shown) in columns.iter_mut().zip(shown.iter()) {
        column.precision = shown.precision;
    }
    let check_option = check_option(create)?;
    #[cfg(feature = "datafusion")]
    refuse_unchecked(&query, check_option)?;
    let db = session.engine().db().clone();
    let view = match old {
        Some(old) => {
            check_replacement(&old, &columns)?;
            if reads_itself(&catalog, &reads, old.oid) {
                return Err(Error::new(
                    state::INVALID_OBJECT_DEFINITION,
                    format!(
                        "infinite recursion detected in rules for relation \"{}\"",
                        old.name
                    ),
                ));
            }
            ViewDef {
                columns,
                query: query.to_string(),
                reads,
                check_option,
                ..(*old).clone()
            }
        }
        None => ViewDef {
            oid: db.new_oid(),
            schema,
            name: name.name,
            columns,
            query: query.to_string(),
            reads,
            owner: BOOTSTRAP_ROLE,
            acl: None,
            temporary,
            created: db.new_creation_stamp(),
            check_option,
        },
    };
    session
        .transaction()?
        .change_catalog(CatalogChange::PutView(Box::new(view)))?;
    Ok(Outcome::Done(tag))
}

/// `(SELECT ...)` without the brackets, which say nothing.
fn unbracketed(mut query: Query) -> Query {
    loop {
        let ends = query.order_by.is_none() && query.limit_clause.is_none();
        let plain = ends && query.fetch.is_none() && query.locks.is_empty();
        query = match *query.body {
            ast::SetExpr::Query(inner) if plain && query.with.is_none() => *inner,
            body => {
                query.body = Box::new(body);
                return query;
            }
        };
    }
}

/// A view over a temporary relation goes with it: it is temporary itself.
fn reads_temporary(
    session: &mut Session,
    catalog: &Catalog,
    create: &CreateView,
    name: &Name,
) -> Result<bool> {
    // Without temporary relations there is nothing to look for.
    if session.settings().temporary_schema().is_none() {
        return Ok(false);
    }
    let mut query = (*create.query).clone();
    let reads = settled::settle(catalog, session.settings(), &mut query)?;
    let temporary = |oid: &Oid| {
        let table = catalog
            .table_by_oid(*oid)
            .is_some_and(|table| table.temporary);
        table || catalog.view_by_oid(*oid).is_some_and(|view| view.temporary)
    };
    if !reads.iter().any(temporary) {
        return Ok(false);
    }
    session.notice(Error::new(
        state::SUCCESSFUL_COMPLETION,
        format!("view \"{}\" will be a temporary view", name.name),
    ));
    temporary::is_wanted(session, name, true)
}

fn refuse_the_unbuilt(create: &CreateView) -> Result<()> {
    let what = if create.materialized {
        "CREATE MATERIALIZED VIEW"
    } else if create.or_alter || create.secure || create.to.is_some() || create.params.is_some() {
        "this clause of CREATE VIEW"
    } else if !matches!(
        create.options,
        ast::CreateTableOptions::None | ast::CreateTableOptions::With(_)
    ) {
        "WITH (...) of CREATE VIEW"
    } else {
        return Ok(());
    };
    Err(Error::unsupported(what))
}

/// 0A000 for a view that nothing can be written through, and so nothing to check.
#[cfg(feature = "datafusion")]
fn refuse_unchecked(query: &Query, check_option: Option<CheckOption>) -> Result<()> {
    let why = match crate::updatable::shape(query.clone()) {
        Err(why) if check_option.is_some() => why,
        _ => return Ok(()),
    };
    Err(Error::new(
        state::FEATURE_NOT_SUPPORTED,
        "WITH CHECK OPTION is supported only on automatically updatable views",
    )
    .with_hint(why))
}

/// The view's option `check_option`.
fn check_option(create: &CreateView) -> Result<Option<CheckOption>> {
    let ast::CreateTableOptions::With(options) = &create.options else {
        return Ok(None);
    };
    let mut found = None;
    for option in options {
        let ast::SqlOption::KeyValue { key, value } = option else {
            return Err(Error::unsupported("WITH (...) of CREATE VIEW"));
        };
        let name = fold(key);
        known_option(&name)?;
        if found.is_some() {
            return Err(Error::new(
                state::INVALID_PARAMETER_VALUE,
                "parameter \"check_option\" specified more than once",
            ));
        }
        found = Some(match value {
            ast::Expr::Identifier(word) => check_option_of(&fold(word))?,
            ast::Expr::Value(value) => match &value.value {
                ast::Value::SingleQuotedString(text) => check_option_of(text)?,
                other => check_option_of(&other.to_string())?,
            },
            other => check_option_of(&other.to_string())?,
        });
    }
    Ok(found)
}

fn known_option(name: &str) -> Result<()> {
    match name {
        "check_option" => Ok(()),
        "security_barrier" | "security_invoker" => {
            Err(Error::unsupported(format!("the option {name} of a view")))
        }
        _ => Err(Error::new(
            state::INVALID_PARAMETER_VALUE,
            format!("unrecognized parameter \"{name}\""),
        )),
    }
}

fn check_option_of(value: &str) -> Result<CheckOption> {
    match value.to_ascii_lowercase().as_str() {
        "local" => Ok(CheckOption::Local),
        "cascaded" => Ok(CheckOption::Cascaded),
        _ => Err(Error::new(
            state::INVALID_PARAMETER_VALUE,
            format!("invalid value for enum option \"check_option\": {value}"),
        )
        .with_detail("Valid values are \"local\" and \"cascaded\".")),
    }
}

/// `ALTER VIEW ... SET (...)` with values, `RESET (...)` without.
pub(crate) fn set_options(
    session: &mut Session,
    view: &ViewDef,
    options: &[(String, Option<String>)],
) -> Result<()> {
    let mut changed = view.clone();
    for (name, value) in options {
        known_option(name)?;
        changed.check_option = value.as_deref().map(check_option_of).transpose()?;
    }
    #[cfg(feature = "datafusion")]
    {
        let query = crate::updatable::query_of(view)?;
        refuse_unchecked(&query, changed.check_option)?;
    }
    session
        .transaction()?
        .change_catalog(CatalogChange::PutView(Box::new(changed)))
}

/// The view's columns: names given, or the query's own.
fn columns(create: &CreateView, inner: Vec<(String, SqlType)>) -> Result<Vec<ViewColumn>> {
    if create.columns.len() > inner.len() {
        return Err(Error::new(
            state::SYNTAX_ERROR,
            "CREATE VIEW specifies more column names than columns",
        ));
    }
    let mut columns: Vec<ViewColumn> = Vec::with_capacity(inner.len());
    for (place, (inner, sql_type)) in inner.into_iter().enumerate() {
        let given = create.columns.get(place);
        let name = given.map_or_else(|| inner.clone(), |given| fold(&given.name));
        if columns.iter().any(|column| column.name == name) {
            return Err(Error::new(
                state::DUPLICATE_COLUMN,
                format!("column \"{name}\" specified more than once"),
            ));
        }
        if matches!(sql_type, SqlType::Record(_)) {
            return Err(super::create_table::pseudo_type(&name));
        }
        columns.push(ViewColumn {
            name,
            sql_type,
            precision: None,
        });
    }
    Ok(columns)
}

/// OR REPLACE may only add columns behind the ones there are.
fn check_replacement(old: &ViewDef, new: &[ViewColumn]) -> Result<()> {
    let refuse = |message: String| Err(Error::new(state::INVALID_TABLE_DEFINITION, message));
    if new.len() < old.columns.len() {
        return refuse("cannot drop columns from view".to_owned());
    }
    for (old, new) in old.columns.iter().zip(new) {
        if old.name != new.name {
            return Err(Error::new(
                state::INVALID_TABLE_DEFINITION,
                format!(
                    "cannot change name of view column \"{}\" to \"{}\"",
                    old.name, new.name
                ),
            )
            .with_hint(
                "Use ALTER VIEW ... RENAME COLUMN ... to change name of view column instead.",
            ));
        }
        if old.sql_type != new.sql_type {
            return refuse(format!(
                "cannot change data type of view column \"{}\" from {} to {}",
                old.name,
                old.sql_type.shown_with(old.precision),
                new.sql_type.shown_with(new.precision)
            ));
        }
    }
    Ok(())
}

fn reads_itself(catalog: &Catalog, reads: &[Oid], view: Oid) -> bool {
    let mut seen = BTreeSet::new();
    let mut ahead = reads.to_vec();
    while let Some(oid) = ahead.pop() {
        if oid == view {
            return true;
        }
        if seen.insert(oid)
            && let Some(inner) = catalog.view_by_oid(oid)
        {
            ahead.extend(&inner.reads);
        }
    }
    false
}

pub(crate) async fn drop(
    session: &mut Session,
    names: &[Name],
    if_exists: bool,
    cascade: bool,
) -> Result<Outcome> {
    let mut named = 0;
    let mut found: Vec<Arc<ViewDef>> = Vec::with_capacity(names.len());
    for name in names {
        let settings = session.settings().clone();
        let transaction = session.transaction()?;
        transaction.begin_statement();
        let catalog = transaction.catalog();
        match name.relation(&catalog, &settings) {
            Some(Relation::View(view)) => {
                let transaction = session.transaction()?;
                transaction.lock_name(&view.schema, &view.name).await?;
                named += 1;
                if !found.iter().any(|known| known.oid == view.oid) {
                    found.push(view.clone());
                }
            }
            Some(other) => {
                return Err(super::wrong_kind::not_dropped(&name.name, "a view", &other));
            }
            None => {
                let what = format!("view \"{}\" does not exist", name.name);
                if !if_exists {
                    return Err(Error::new(state::UNDEFINED_TABLE, what));
                }
                session.notice(skipping(state::SUCCESSFUL_COMPLETION, what));
            }
        }
    }
    let dependents = dependents::of_views(session, &found)?;
    dependents::drop(session, &dependents, named, cascade).await?;
    for view in found {
        session
            .transaction()?
            .change_catalog(CatalogChange::DropView { oid: view.oid })?;
    }
    Ok(Outcome::Done(Tag::Other("DROP VIEW")))
}

/// The views that read a relation, and those that read them, each after what it reads;
/// with the relation by which each was met. In PostgreSQL's order: it goes from the last
/// made to the first, and tells in the opposite one.
pub(crate) fn reading(catalog: &Catalog, oid: Oid) -> Vec<(Arc<ViewDef>, Oid)> {
    enum Step<'c> {
        Enter(&'c Arc<ViewDef>, Oid),
        Leave(&'c Arc<ViewDef>, Oid),
    }
    let enter = |oid: Oid| {
        let views = catalog.views();
        views
            .filter(move |view| view.reads.contains(&oid))
            .map(move |view| Step::Enter(view, oid))
    };
    let mut met = BTreeSet::new();
    let mut found = Vec::new();
    let mut ahead: Vec<Step<'_>> = enter(oid).collect();
    while let Some(step) = ahead.pop() {
        match step {
            Step::Enter(view, on) => {
                if met.insert(view.oid) {
                    ahead.push(Step::Leave(view, on));
                    ahead.extend(enter(view.oid));
                }
            }
            Step::Leave(view, on) => found.push((view.clone(), on)),
        }
    }
    found.reverse();
    found
}

pub(crate) fn readers(catalog: &Catalog, oid: Oid) -> Vec<Arc<ViewDef>> {
    let reading = reading(catalog, oid).into_iter();
    reading.map(|(view, _)| view).collect()
}
