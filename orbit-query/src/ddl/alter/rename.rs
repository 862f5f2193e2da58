//! RENAME and SET SCHEMA, of tables and of what else has a name in a schema.

use super::{follow, put};
use crate::ddl::wrong_kind::is_index;
use crate::ddl::{expressions, not_a_table, skipping};
use crate::session::Session;
use crate::statement::alter_grammar::{Action, Alter, Altered};
use crate::statement::names::{Name, fold, undefined_table};
use orbit_core::catalog::{Catalog, CatalogChange, Relation, Table, TableDef, ViewDef};
use orbit_core::txn::{TableLock, Wait};
use orbit_core::{Error, Result, state};
use sqlparser::ast::Ident;
use sqlparser::tokenizer::Token;
use std::sync::Arc;

/// Takes a name in a schema, or says that somebody has it.
async fn take(session: &mut Session, schema: &str, name: &str) -> Result<()> {
    let transaction = session.transaction()?;
    transaction.lock_name(schema, name).await?;
    let catalog = transaction.current_catalog()?;
    if catalog.relation(schema, name).is_none() {
        return Ok(());
    }
    Err(Error::new(
        state::DUPLICATE_TABLE,
        format!("relation \"{name}\" already exists"),
    ))
}

pub(super) async fn table(session: &mut Session, table: &Arc<Table>, to: &str) -> Result<()> {
    take(session, &table.schema, to).await?;
    let mut target = table.def.clone();
    target.name = to.to_owned();
    for check in &mut target.checks {
        check.expression = expressions::rename_table(&check.expression, &table.name, to)?;
    }
    for column in &mut target.columns {
        if let Some(sql) = &column.generated {
            column.generated = Some(expressions::rename_table(sql, &table.name, to)?);
        }
    }
    follow::relation(
        session,
        table.oid,
        (&table.schema, &table.name),
        (&table.schema, to),
    )?;
    put(session, target)
}

pub(super) async fn set_schema(
    session: &mut Session,
    table: &Arc<Table>,
    schema: &str,
) -> Result<()> {
    check_schema(session, schema)?;
    if table.schema == schema {
        return Ok(());
    }
    let mut names = vec![table.name.clone()];
    for index in &table.indexes {
        names.push(index.name.clone());
    }
    if let Some(key) = &table.primary_key {
        names.push(key.constraint.clone());
    }
    for name in &names {
        taken_in(session, schema, name).await?;
    }
    let catalog = session.transaction()?.catalog();
    for column in &table.columns {
        for sequence in catalog.sequences_of(table.id, column.created) {
            taken_in(session, schema, &sequence.name).await?;
            let mut moved = (**sequence).clone();
            moved.schema = schema.to_owned();
            session
                .transaction()?
                .change_catalog(CatalogChange::PutSequence(Box::new(moved)))?;
        }
    }
    follow::relation(
        session,
        table.oid,
        (&table.schema, &table.name),
        (schema, &table.name),
    )?;
    let mut target = table.def.clone();
    target.schema = schema.to_owned();
    put(session, target)
}

async fn taken_in(session: &mut Session, schema: &str, name: &str) -> Result<()> {
    let transaction = session.transaction()?;
    transaction.lock_name(schema, name).await?;
    let catalog = transaction.current_catalog()?;
    if catalog.relation(schema, name).is_none() {
        return Ok(());
    }
    Err(Error::new(
        state::DUPLICATE_TABLE,
        format!("relation \"{name}\" already exists in schema \"{schema}\""),
    ))
}

fn check_schema(session: &mut Session, schema: &str) -> Result<()> {
    if session.transaction()?.catalog().has_schema(schema) {
        return Ok(());
    }
    Err(Error::new(
        state::INVALID_SCHEMA_NAME,
        format!("schema \"{schema}\" does not exist"),
    ))
}

pub(super) async fn column(
    session: &mut Session,
    table: &Arc<Table>,
    from: &str,
    to: &str,
) -> Result<()> {
    let Some(place) = table.column_position(from) else {
        return Err(Error::new(
            state::UNDEFINED_COLUMN,
            format!("column \"{from}\" does not exist"),
        ));
    };
    if table.column_position(to).is_some() {
        return Err(Error::new(
            state::DUPLICATE_COLUMN,
            format!(
                "column \"{to}\" of relation \"{}\" already exists",
                table.name
            ),
        ));
    }
    let views = follow::column(session, table, place, to).await?;
    let mut target = table.def.clone();
    if let Some(column) = target.columns.get_mut(place) {
        column.name = to.to_owned();
    }
    rename_in_expressions(&mut target, from, to)?;
    put(session, target)?;
    follow::put(session, views).await
}

fn rename_in_expressions(target: &mut TableDef, from: &str, to: &str) -> Result<()> {
    for check in &mut target.checks {
        check.expression = expressions::rename_column(&check.expression, from, to)?;
    }
    for column in &mut target.columns {
        if let Some(sql) = &column.generated {
            column.generated = Some(expressions::rename_column(sql, from, to)?);
        }
    }
    for kept in &mut target.computed {
        kept.expression = expressions::rename_column(&kept.expression, from, to)?;
    }
    crate::ddl::index::show_anew(target);
    Ok(())
}

pub(super) async fn constraint(
    session: &mut Session,
    table: &Arc<Table>,
    from: &str,
    to: &str,
) -> Result<()> {
    let mut target = table.def.clone();
    let mut is_index = false;
    let mut found = false;
    if let Some(key) = &mut target.primary_key
        && key.constraint == from
    {
        to.clone_into(&mut key.constraint);
        (is_index, found) = (true, true);
    }
    for index in &mut target.indexes {
        if index.constraint && index.name == from {
            to.clone_into(&mut index.name);
            (is_index, found) = (true, true);
        }
    }
    for check in target.checks.iter_mut().filter(|check| check.name == from) {
        to.clone_into(&mut check.name);
        found = true;
    }
    for key in target
        .foreign_keys
        .iter_mut()
        .filter(|key| key.name == from)
    {
        to.clone_into(&mut key.name);
        found = true;
    }
    if !found {
        return Err(Error::new(
            state::UNDEFINED_OBJECT,
            format!(
                "constraint \"{from}\" for table \"{}\" does not exist",
                table.name
            ),
        ));
    }
    if is_index {
        take(session, &table.schema, to).await?;
    } else if crate::ddl::constraints::constraint_is_taken(table, to) {
        return Err(crate::ddl::constraints::duplicate_constraint(table, to));
    }
    put(session, target)
}

/// An object that isn't a table, by its name and along the search path.
fn find(session: &mut Session, name: &Name) -> Result<Option<(String, Arc<Catalog>)>> {
    let path: Vec<String> = match &name.schema {
        Some(schema) => vec![schema.clone()],
        None => session.settings().search_path().to_vec(),
    };
    let transaction = session.transaction()?;
    transaction.begin_statement();
    let catalog = transaction.catalog();
    let schema = path
        .into_iter()
        .find(|schema| catalog.relation(schema, &name.name).is_some());
    Ok(schema.map(|schema| (schema, catalog)))
}

/// Whether ALTER TABLE names a view, sequence or index, in a way that they have too.
pub(super) fn is_other(session: &mut Session, alter: &Alter) -> Result<bool> {
    let shared = alter.actions.iter().all(|action| {
        matches!(
            action,
            Action::RenameTo(_) | Action::SetSchema(_) | Action::OwnerTo(_)
        )
    });
    let of_view = alter
        .actions
        .iter()
        .all(|action| matches!(action, Action::Options(_) | Action::RenameColumn { .. }));
    match find(session, &alter.name)? {
        Some(_) if shared => Ok(true),
        Some((schema, catalog)) if of_view => Ok(matches!(
            catalog.relation(&schema, &alter.name.name),
            Some(Relation::View(_))
        )),
        _ => Ok(false),
    }
}

/// RENAME COLUMN of a view: its query stays, and gives its columns other names.
fn rename_view_column(session: &mut Session, view: &ViewDef, from: &str, to: &str) -> Result<()> {
    let known = |name: &str| view.columns.iter().position(|column| column.name == name);
    let Some(place) = known(from) else {
        return Err(Error::new(
            state::UNDEFINED_COLUMN,
            format!("column \"{from}\" does not exist"),
        ));
    };
    if known(to).is_some() {
        return Err(Error::new(
            state::DUPLICATE_COLUMN,
            format!(
                "column \"{to}\" of relation \"{}\" already exists",
                view.name
            ),
        ));
    }
    let catalog = session.transaction()?.current_catalog()?;
    if catalog.views().any(|other| other.reads.contains(&view.oid)) {
        return Err(Error::unsupported(
            "renaming a column of a view that another view reads",
        ));
    }
    let mut renamed = view.clone();
    if let Some(column) = renamed.columns.get_mut(place) {
        to.clone_into(&mut column.name);
    }
    session
        .transaction()?
        .change_catalog(CatalogChange::PutView(Box::new(renamed)))
}

/// ALTER INDEX, VIEW and SEQUENCE.
pub(super) async fn other(session: &mut Session, alter: &Alter) -> Result<()> {
    let name = &alter.name;
    let Some((schema, catalog)) = find(session, name)? else {
        if alter.if_exists {
            let what = format!("relation \"{}\" does not exist", name.name);
            session.notice(skipping(state::SUCCESSFUL_COMPLETION, what));
            return Ok(());
        }
        return Err(undefined_table(name.schema.as_deref(), &name.name));
    };
    let Some(relation) = catalog.relation(&schema, &name.name) else {
        return Err(undefined_table(name.schema.as_deref(), &name.name));
    };
    for action in &alter.actions {
        match (&relation, alter.kind) {
            (Relation::View(_), Altered::View | Altered::Table)
            | (Relation::Sequence(_), Altered::Sequence | Altered::Table)
            | (Relation::Index(..) | Relation::PrimaryKey(_), Altered::Index | Altered::Table) => {}
            // PostgreSQL takes a table's name there, too.
            (Relation::Table(found), Altered::Index) => {
                let Action::RenameTo(to) = action else {
                    return Err(Error::new(
                        state::WRONG_OBJECT_TYPE,
                        format!("\"{}\" is not an index", found.name),
                    ));
                };
                let found = session
                    .transaction()?
                    .lock_table(found.id, TableLock::AccessExclusive, Wait::Block)
                    .await?;
                return table(session, &found, to).await;
            }
            // Whatever has a name may be renamed so.
            (Relation::View(_) | Relation::Sequence(_), Altered::Index)
                if matches!(action, Action::RenameTo(_)) => {}
            (_, Altered::Table) => return Err(not_a_table(&name.name)),
            (_, kind) => {
                let article = if kind == Altered::Index { "an" } else { "a" };
                return Err(Error::new(
                    state::WRONG_OBJECT_TYPE,
                    format!("\"{}\" is not {article} {}", name.name, kind.word()),
                ));
            }
        }
        match action {
            Action::RenameTo(to) => rename_relation(session, &relation, &schema, to).await?,
            Action::SetSchema(to) => {
                if is_index(&relation) {
                    return Err(Error::new(
                        state::WRONG_OBJECT_TYPE,
                        format!("cannot change schema of index \"{}\"", name.name),
                    )
                    .with_hint("Change the schema of the table instead."));
                }
                check_schema(session, to)?;
                if *to == schema {
                    continue;
                }
                taken_in(session, to, &name.name).await?;
                move_relation(session, &relation, to)?;
            }
            Action::OwnerTo(role) => super::check_owner(session, role)?,
            Action::Options(options) => {
                if let Relation::View(view) = &relation {
                    crate::ddl::view::set_options(session, view, options)?;
                }
            }
            Action::RenameColumn { from, to } => match &relation {
                Relation::View(view) => rename_view_column(session, view, from, to)?,
                _ => return Err(Error::unsupported("renaming a column of an index")),
            },
            Action::Nothing => {}
            _ => {
                return Err(Error::unsupported(format!(
                    "this action of {}",
                    alter.kind.tag()
                )));
            }
        }
    }
    Ok(())
}

async fn rename_relation(
    session: &mut Session,
    relation: &Relation<'_>,
    schema: &str,
    to: &str,
) -> Result<()> {
    take(session, schema, to).await?;
    match relation {
        Relation::Table(_) => Ok(()),
        Relation::View(view) => {
            follow::relation(session, view.oid, (schema, &view.name), (schema, to))?;
            let mut renamed = (***view).clone();
            renamed.name = to.to_owned();
            session
                .transaction()?
                .change_catalog(CatalogChange::PutView(Box::new(renamed)))
        }
        Relation::Sequence(sequence) => {
            let mut renamed = (***sequence).clone();
            renamed.name = to.to_owned();
            session
                .transaction()?
                .change_catalog(CatalogChange::PutSequence(Box::new(renamed)))
        }
        Relation::Index(table, place) => {
            let index = table.indexes.get(*place).map(|index| index.id);
            let mut def = locked(session, table).await?;
            for known in &mut def.indexes {
                if Some(known.id) == index {
                    to.clone_into(&mut known.name);
                }
            }
            put(session, def)
        }
        Relation::PrimaryKey(table) => {
            let mut def = locked(session, table).await?;
            if let Some(key) = &mut def.primary_key {
                to.clone_into(&mut key.constraint);
            }
            put(session, def)
        }
    }
}

async fn locked(session: &mut Session, table: &Table) -> Result<TableDef> {
    let table = session
        .transaction()?
        .lock_table(table.id, TableLock::ShareUpdateExclusive, Wait::Block)
        .await?;
    Ok(table.def.clone())
}

fn move_relation(session: &mut Session, relation: &Relation<'_>, schema: &str) -> Result<()> {
    match relation {
        Relation::View(view) => {
            follow::relation(
                session,
                view.oid,
                (&view.schema, &view.name),
                (schema, &view.name),
            )?;
            let mut moved = (***view).clone();
            moved.schema = schema.to_owned();
            session
                .transaction()?
                .change_catalog(CatalogChange::PutView(Box::new(moved)))
        }
        Relation::Sequence(sequence) if sequence.owned_by.is_none() => {
            let mut moved = (***sequence).clone();
            moved.schema = schema.to_owned();
            session
                .transaction()?
                .change_catalog(CatalogChange::PutSequence(Box::new(moved)))
        }
        Relation::Sequence(_) => Err(Error::new(
            state::FEATURE_NOT_SUPPORTED,
            "cannot move an owned sequence into another schema",
        )),
        _ => Err(Error::unsupported("SET SCHEMA of this kind of relation")),
    }
}

/// Views that read a table and name a column of it, or all.
pub(in crate::ddl) fn in_views(
    session: &mut Session,
    table: &Table,
    column: &str,
) -> Result<Vec<String>> {
    let catalog = session.transaction()?.current_catalog()?;
    let mut found = Vec::new();
    for view in catalog.views() {
        if !view.reads.contains(&table.oid) {
            continue;
        }
        let pieces = crate::statement::tokens::split(&view.query)?;
        let mut tokens = pieces.iter().flat_map(|piece| &piece.tokens);
        let mut before: Option<&Token> = None;
        let names = tokens.any(|token| {
            let before = before.replace(&token.token);
            match &token.token {
                Token::Word(word) => {
                    fold(&Ident {
                        value: word.value.clone(),
                        quote_style: word.quote_style,
                        span: token.span,
                    }) == column
                }
                // All columns, rather than a product or count(*).
                Token::Mul => {
                    let word = |word| crate::statement::tokens::is_word(before, word);
                    matches!(before, Some(Token::Comma | Token::Period))
                        || word("SELECT")
                        || word("DISTINCT")
                        || word("ALL")
                }
                _ => false,
            }
        });
        if names {
            found.push(crate::ddl::dependents::relation_name(
                session,
                &view.schema,
                &view.name,
            ));
        }
    }
    Ok(found)
}
