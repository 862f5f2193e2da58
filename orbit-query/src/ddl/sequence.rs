//! CREATE, ALTER and DROP SEQUENCE, and the sequences behind serial and identity columns.

use super::dependents::{needed, relation_name, tell};
use super::wrong_kind::not_dropped;
use super::{names, settled, skipping};
use crate::rows::{Outcome, Tag};
use crate::session::Session;
use crate::statement::names::{Name, undefined_table};
use crate::statement::sequence_grammar::SequenceOptions;
use orbit_core::catalog::{
    BOOTSTRAP_ROLE, Catalog, CatalogChange, Check, Column, Identity, OwnedBy, Relation,
    SequenceDef, TableDef,
};
use orbit_core::database::Database;
use orbit_core::types::SqlType;
use orbit_core::{Error, Result, state};
use sqlparser::ast;
use std::sync::Arc;

/// A sequence that a column definition asks for.
#[derive(Clone, Debug)]
pub struct ColumnSequence {
    /// `None`: serial.
    pub identity: Option<Identity>,
    pub options: SequenceOptions,
}

fn invalid(message: String) -> Error {
    Error::new(state::INVALID_PARAMETER_VALUE, message)
}

fn bounds(sql_type: &SqlType) -> (i64, i64) {
    match sql_type {
        SqlType::Int2 => (i64::from(i16::MIN), i64::from(i16::MAX)),
        SqlType::Int4 => (i64::from(i32::MIN), i64::from(i32::MAX)),
        _ => (i64::MIN, i64::MAX),
    }
}

/// What PostgreSQL's `init_params` does: completes the options and checks them
/// against each other. `current`: where the sequence stands, for ALTER.
fn apply(def: &mut SequenceDef, options: &SequenceOptions, current: Option<i64>) -> Result<()> {
    let fresh = current.is_none();
    let old = bounds(&def.sql_type);
    if let Some(sql_type) = &options.sql_type {
        def.sql_type = sql_type.clone();
    }
    let (least, most) = bounds(&def.sql_type);
    // Limits that were the old type's own become the new type's.
    let retyped = options.sql_type.is_some() && !fresh;
    if let Some(increment) = options.increment {
        if increment == 0 {
            return Err(invalid("INCREMENT must not be zero".to_owned()));
        }
        def.increment = increment;
    }
    if let Some(cycle) = options.cycle {
        def.cycle = cycle;
    }
    let ascending = def.increment > 0;
    match options.max {
        Some(Some(max)) => def.max = max,
        _ if options.max.is_some() || fresh || (retyped && def.max == old.1) => {
            def.max = if ascending { most } else { -1 };
        }
        _ => {}
    }
    if !(least..=most).contains(&def.max) {
        return Err(invalid(format!(
            "MAXVALUE ({}) is out of range for sequence data type {}",
            def.max, def.sql_type
        )));
    }
    match options.min {
        Some(Some(min)) => def.min = min,
        _ if options.min.is_some() || fresh || (retyped && def.min == old.0) => {
            def.min = if ascending { 1 } else { least };
        }
        _ => {}
    }
    if !(least..=most).contains(&def.min) {
        return Err(invalid(format!(
            "MINVALUE ({}) is out of range for sequence data type {}",
            def.min, def.sql_type
        )));
    }
    if def.min >= def.max {
        return Err(invalid(format!(
            "MINVALUE ({}) must be less than MAXVALUE ({})",
            def.min, def.max
        )));
    }
    match options.start {
        Some(start) => def.start = start,
        None if fresh => def.start = if ascending { def.min } else { def.max },
        None => {}
    }
    if def.start < def.min {
        return Err(invalid(format!(
            "START value ({}) cannot be less than MINVALUE ({})",
            def.start, def.min
        )));
    }
    if def.start > def.max {
        return Err(invalid(format!(
            "START value ({}) cannot be greater than MAXVALUE ({})",
            def.start, def.max
        )));
    }
    let stands = match (options.restart, current) {
        (Some(from), _) => from.unwrap_or(def.start),
        (None, Some(current)) => current,
        (None, None) => def.start,
    };
    // A block of this site's own lies beyond what the declaration counts through.
    if stands < def.min {
        return Err(invalid(format!(
            "RESTART value ({stands}) cannot be less than MINVALUE ({})",
            def.min
        )));
    }
    if stands > def.max {
        return Err(invalid(format!(
            "RESTART value ({stands}) cannot be greater than MAXVALUE ({})",
            def.max
        )));
    }
    if let Some(cache) = options.cache {
        if cache <= 0 {
            return Err(invalid(format!(
                "CACHE ({cache}) must be greater than zero"
            )));
        }
        def.cache = cache;
    }
    if fresh {
        def.first = def.start;
    }
    Ok(())
}

/// A definition with everything that the options leave open.
fn define(
    db: &Database,
    schema: String,
    name: String,
    options: &SequenceOptions,
) -> Result<SequenceDef> {
    let mut def = SequenceDef {
        id: db.new_sequence_id(),
        oid: db.new_oid(),
        storage: db.new_storage_id(),
        first: 1,
        schema,
        name,
        sql_type: SqlType::Int8,
        start: 1,
        increment: 1,
        min: 1,
        max: i64::MAX,
        cache: 1,
        cycle: false,
        owned_by: None,
        owner: BOOTSTRAP_ROLE,
        acl: None,
        temporary: false,
        created: db.new_creation_stamp(),
    };
    apply(&mut def, options, None)?;
    if let Some(from) = options.restart {
        def.first = from.unwrap_or(def.start);
    }
    Ok(def)
}

pub(crate) async fn create(
    session: &mut Session,
    name: &Name,
    if_not_exists: bool,
    temporary: bool,
    options: &SequenceOptions,
) -> Result<Outcome> {
    if temporary {
        return Err(Error::unsupported("CREATE TEMPORARY SEQUENCE"));
    }
    let tag = Tag::Other("CREATE SEQUENCE");
    let catalog = session.transaction()?.catalog();
    let schema = names::creation_schema(session, &catalog, name)?;
    let transaction = session.transaction()?;
    transaction.lock_name(&schema, &name.name).await?;
    transaction.begin_statement();
    let catalog = transaction.catalog();
    if names::is_taken(&catalog, &schema, &name.name) {
        let what = format!("relation \"{}\" already exists", name.name);
        if if_not_exists {
            session.notice(skipping(state::DUPLICATE_TABLE, what));
            return Ok(Outcome::Done(tag));
        }
        return Err(Error::new(state::DUPLICATE_TABLE, what));
    }
    let db = session.engine().db().clone();
    let mut def = define(&db, schema, name.name.clone(), options)?;
    if let Some(Some(owner)) = &options.owned_by {
        def.owned_by = Some(owned_by(session, &catalog, &def.schema, owner)?);
    }
    session
        .transaction()?
        .change_catalog(CatalogChange::PutSequence(Box::new(def)))?;
    Ok(Outcome::Done(tag))
}

fn owned_by(
    session: &Session,
    catalog: &Catalog,
    schema: &str,
    (table, column): &(Name, String),
) -> Result<OwnedBy> {
    match table.relation(catalog, session.settings()) {
        Some(other @ (Relation::Sequence(_) | Relation::Index(..) | Relation::PrimaryKey(_))) => {
            let message = format!("sequence cannot be owned by relation \"{}\"", table.name);
            return Err(super::wrong_kind::not_for(message, &other));
        }
        Some(Relation::View(_)) => {
            return Err(Error::unsupported("a sequence that a view's column owns"));
        }
        _ => {}
    }
    let table = table.require(catalog, session.settings())?;
    if table.schema != schema {
        return Err(Error::new(
            state::OBJECT_NOT_IN_PREREQUISITE_STATE,
            "sequence must be in same schema as table it is linked to",
        ));
    }
    let column = table
        .columns
        .iter()
        .find(|known| known.name == *column)
        .ok_or_else(|| {
            Error::new(
                state::UNDEFINED_COLUMN,
                format!(
                    "column \"{column}\" of relation \"{}\" does not exist",
                    table.name
                ),
            )
        })?;
    Ok(OwnedBy {
        table: table.id,
        column: column.created,
        identity: false,
    })
}

/// The sequence a name means; 42809 for a relation of another kind.
pub(crate) fn find(session: &mut Session, name: &Name) -> Result<Option<Arc<SequenceDef>>> {
    let settings = session.settings().clone();
    let transaction = session.transaction()?;
    transaction.begin_statement();
    let catalog = transaction.catalog();
    match name.relation(&catalog, &settings) {
        Some(Relation::Sequence(def)) => Ok(Some(def.clone())),
        Some(_) => Err(Error::new(
            state::WRONG_OBJECT_TYPE,
            format!("\"{}\" is not a sequence", name.name),
        )),
        None => Ok(None),
    }
}

pub(crate) async fn alter(
    session: &mut Session,
    name: &Name,
    if_exists: bool,
    options: &SequenceOptions,
) -> Result<Outcome> {
    let tag = Tag::Other("ALTER SEQUENCE");
    let Some(found) = find(session, name)? else {
        if !if_exists {
            return Err(undefined_table(name.schema.as_deref(), &name.name));
        }
        let what = format!("relation \"{}\" does not exist", name.name);
        session.notice(skipping(state::SUCCESSFUL_COMPLETION, what));
        return Ok(Outcome::Done(tag));
    };
    let def = lock(session, &found).await?;
    change(session, &def, options)?;
    Ok(Outcome::Done(tag))
}

/// Locks the sequence against other DDL; the definition that is valid then.
async fn lock(session: &mut Session, def: &SequenceDef) -> Result<Arc<SequenceDef>> {
    let transaction = session.transaction()?;
    transaction.lock_name(&def.schema, &def.name).await?;
    transaction.begin_statement();
    let catalog = transaction.catalog();
    let current = catalog.sequence_by_id(def.id).cloned();
    current.ok_or_else(|| undefined_table(None, &def.name))
}

/// ALTER SEQUENCE's options, and those of an identity column's ALTER.
pub(crate) fn change(
    session: &mut Session,
    old: &SequenceDef,
    options: &SequenceOptions,
) -> Result<()> {
    let db = session.engine().db().clone();
    let mut def = old.clone();
    let position = db.sequences().position(old);
    let current = match position.range {
        None => position.last,
        Some(_) => old.start,
    };
    apply(&mut def, options, Some(current))?;
    if let Some(from) = options.restart {
        // A storage of its own, so that ROLLBACK finds the old position untouched.
        def.first = from.unwrap_or(def.start);
        def.storage = db.new_storage_id();
        session.transaction()?.forget_sequence(old.storage);
    }
    if let Some(owner) = &options.owned_by {
        if old.owned_by.is_some_and(|by| by.identity) {
            return Err(Error::new(
                state::FEATURE_NOT_SUPPORTED,
                "cannot change ownership of identity sequence",
            )
            .with_detail(format!("Sequence \"{}\" is linked to a table.", old.name)));
        }
        let catalog = session.transaction()?.catalog();
        def.owned_by = match owner {
            Some(owner) => Some(owned_by(session, &catalog, &def.schema, owner)?),
            None => None,
        };
    }
    session
        .transaction()?
        .change_catalog(CatalogChange::PutSequence(Box::new(def)))
}

/// RESTART, as TRUNCATE ... RESTART IDENTITY does it.
pub(crate) fn restart_owned(session: &mut Session, table: &TableDef) -> Result<()> {
    let catalog = session.transaction()?.catalog();
    let restart = SequenceOptions {
        restart: Some(None),
        ..SequenceOptions::default()
    };
    for column in &table.columns {
        for sequence in catalog.sequences_of(table.id, column.created) {
            session
                .rights()
                .require_owner(&catalog, &sequence.securable())?;
            change(session, sequence, &restart)?;
        }
    }
    Ok(())
}

pub(crate) async fn drop(
    session: &mut Session,
    names: &[Name],
    if_exists: bool,
    cascade: bool,
) -> Result<Outcome> {
    for name in names {
        let settings = session.settings().clone();
        let catalog = session.transaction()?.catalog();
        match name.relation(&catalog, &settings) {
            None | Some(Relation::Sequence(_)) => {}
            Some(other) => return Err(not_dropped(&name.name, "a sequence", &other)),
        }
        match find(session, name)? {
            Some(found) => {
                let def = lock(session, &found).await?;
                drop_one(session, &def, cascade)?;
            }
            None if if_exists => {
                let what = format!("sequence \"{}\" does not exist", name.name);
                session.notice(skipping(state::SUCCESSFUL_COMPLETION, what));
            }
            None => {
                return Err(Error::new(
                    state::UNDEFINED_TABLE,
                    format!("sequence \"{}\" does not exist", name.name),
                ));
            }
        }
    }
    Ok(Outcome::Done(Tag::Other("DROP SEQUENCE")))
}

fn drop_one(session: &mut Session, def: &SequenceDef, cascade: bool) -> Result<()> {
    let catalog = session.transaction()?.catalog();
    let shown = relation_name(session, &def.schema, &def.name);
    // What a default that is more than nextval('s') calls it by.
    let constant = settled::constant_of(def.oid);
    let uses = |column: &Column| {
        let default = column.default.as_deref();
        column.sequence == Some(def.id) || default.is_some_and(|text| text.contains(&constant))
    };
    let checks = |check: &Check| check.expression.contains(&constant);
    let users: Vec<_> = catalog
        .tables()
        .filter(|table| table.columns.iter().any(uses) || table.checks.iter().any(checks))
        .cloned()
        .collect();
    let mut dependents = Vec::new();
    for table in &users {
        let name = relation_name(session, &table.schema, &table.name);
        for column in table.columns.iter().filter(|column| uses(column)) {
            if column.identity.is_some() {
                return Err(Error::new(
                    state::DEPENDENT_OBJECTS_STILL_EXIST,
                    format!(
                        "cannot drop sequence {shown} because column {} of table {name} requires it",
                        column.name
                    ),
                )
                .with_hint(format!(
                    "You can drop column {} of table {name} instead.",
                    column.name
                )));
            }
            let what = format!("default value for column {} of table {name}", column.name);
            let line = format!("{what} depends on sequence {shown}");
            dependents.push((what, line));
        }
        for check in table.checks.iter().filter(|check| checks(check)) {
            let what = format!("constraint {} on table {name}", check.name);
            let line = format!("{what} depends on sequence {shown}");
            dependents.push((what, line));
        }
    }
    let mut views = Vec::new();
    for (view, on) in super::view::reading(&catalog, def.oid) {
        let what = format!("view {}", relation_name(session, &view.schema, &view.name));
        let on = match catalog.view_by_oid(on) {
            Some(between) => {
                let name = relation_name(session, &between.schema, &between.name);
                format!("view {name}")
            }
            None => format!("sequence {shown}"),
        };
        let line = format!("{what} depends on {on}");
        dependents.push((what, line));
        views.push(view.oid);
    }
    if !cascade && !dependents.is_empty() {
        let lines = dependents.into_iter().map(|(_, line)| line).collect();
        return Err(needed(&format!("sequence {shown}"), lines));
    }
    tell(session, dependents.iter().map(|(what, _)| what.as_str()));
    for table in users {
        let mut changed = table.def.clone();
        for column in changed.columns.iter_mut().filter(|column| uses(column)) {
            column.sequence = None;
            column.default = None;
        }
        changed.checks.retain(|check| !checks(check));
        session
            .transaction()?
            .change_catalog(CatalogChange::PutTable(Box::new(changed)))?;
    }
    for oid in views {
        session
            .transaction()?
            .change_catalog(CatalogChange::DropView { oid })?;
    }
    forget(session, def)
}

/// Drops the sequence and its position.
pub(crate) fn forget(session: &mut Session, def: &SequenceDef) -> Result<()> {
    let transaction = session.transaction()?;
    transaction.forget_sequence(def.storage);
    transaction.change_catalog(CatalogChange::DropSequence { id: def.id })
}

/// The sequences that go with a table.
pub(crate) fn forget_owned(session: &mut Session, table: &TableDef) -> Result<()> {
    let catalog = session.transaction()?.catalog();
    for column in &table.columns {
        for sequence in catalog.sequences_of(table.id, column.created) {
            forget(session, sequence)?;
        }
    }
    Ok(())
}

/// Makes the sequence of a serial or identity column, and gives the column to it.
/// The table is known to the catalog already, or is about to be.
pub(crate) async fn give_to_column(
    session: &mut Session,
    table: &mut TableDef,
    place: usize,
    wanted: &ColumnSequence,
) -> Result<()> {
    let db = session.engine().db().clone();
    let Some(column) = table.columns.get(place) else {
        return Err(Error::internal("a column of a sequence is not there"));
    };
    let catalog = session.transaction()?.catalog();
    let (schema, name) = match &wanted.options.name {
        Some(name) => (
            name.schema.clone().unwrap_or_else(|| table.schema.clone()),
            name.name.clone(),
        ),
        None => {
            let taken = |name: &str| names::is_taken(&catalog, &table.schema, name);
            let name = names::choose(&table.name, Some(&column.name), "seq", taken);
            (table.schema.clone(), name)
        }
    };
    session.transaction()?.lock_name(&schema, &name).await?;
    let mut options = wanted.options.clone();
    match &column.sql_type {
        SqlType::Int2 | SqlType::Int4 | SqlType::Int8 => {
            options.sql_type.get_or_insert(column.sql_type.clone());
        }
        _ => {
            return Err(invalid(
                "identity column type must be smallint, integer, or bigint".to_owned(),
            ));
        }
    }
    let mut def = define(&db, schema, name, &options)?;
    def.owned_by = Some(OwnedBy {
        table: table.id,
        column: column.created,
        identity: wanted.identity.is_some(),
    });
    if let Some(column) = table.columns.get_mut(place) {
        column.sequence = Some(def.id);
        column.identity = wanted.identity;
        column.not_null = true;
        column.default = match wanted.identity {
            Some(_) => None,
            None => Some(default_text(&def)),
        };
    }
    let transaction = session.transaction()?;
    transaction.change_catalog(CatalogChange::PutSequence(Box::new(def)))?;
    session.sequences_changed();
    Ok(())
}

/// A column's default in words, as `pg_get_expr` shows it.
pub(crate) fn default_text(def: &SequenceDef) -> String {
    let name = crate::statement::names::quote(&def.name);
    let written = match def.schema.as_str() {
        "public" => name,
        schema => format!("{}.{name}", crate::statement::names::quote(schema)),
    };
    format!("nextval('{}'::regclass)", written.replace('\'', "''"))
}

/// The sequence of a DEFAULT that is `nextval('name')` and nothing more.
pub(crate) fn of_default(
    session: &mut Session,
    default: &ast::Expr,
) -> Result<Option<Arc<SequenceDef>>> {
    let Some(text) = nextval_of(default) else {
        return Ok(None);
    };
    let Some(name) = Name::parse(&text) else {
        return Ok(None);
    };
    let settings = session.settings().clone();
    let catalog = session.transaction()?.catalog();
    match name.relation(&catalog, &settings) {
        Some(Relation::Sequence(def)) => Ok(Some(def.clone())),
        Some(_) => Err(Error::new(
            state::WRONG_OBJECT_TYPE,
            format!("\"{}\" is not a sequence", name.name),
        )),
        None => Err(undefined_table(name.schema.as_deref(), &name.name)),
    }
}

/// `nextval('s')`, `nextval('s'::regclass)`, `nextval('s'::text::regclass)`.
pub(super) fn nextval_of(expr: &ast::Expr) -> Option<String> {
    let ast::Expr::Function(call) = expr else {
        return None;
    };
    let name = call.name.0.last()?.as_ident()?;
    if !name.value.eq_ignore_ascii_case("nextval") {
        return None;
    }
    let ast::FunctionArguments::List(list) = &call.args else {
        return None;
    };
    let [ast::FunctionArg::Unnamed(ast::FunctionArgExpr::Expr(argument))] = list.args.as_slice()
    else {
        return None;
    };
    let mut argument = argument;
    loop {
        match argument {
            ast::Expr::Cast { expr, .. } | ast::Expr::Nested(expr) => argument = expr,
            ast::Expr::Value(value) => {
                return match &value.value {
                    ast::Value::SingleQuotedString(text) => Some(text.clone()),
                    _ => None,
                };
            }
            _ => return None,
        }
    }
}

/// What a column definition's GENERATED ... AS IDENTITY says.
pub(crate) fn identity_options(given: &[ast::SequenceOptions]) -> Result<SequenceOptions> {
    let mut options = SequenceOptions::default();
    for option in given {
        match option {
            ast::SequenceOptions::IncrementBy(value, _) => options.increment = Some(whole(value)?),
            ast::SequenceOptions::MinValue(value) => {
                options.min = Some(value.as_ref().map(whole).transpose()?);
            }
            ast::SequenceOptions::MaxValue(value) => {
                options.max = Some(value.as_ref().map(whole).transpose()?);
            }
            ast::SequenceOptions::StartWith(value, _) => options.start = Some(whole(value)?),
            ast::SequenceOptions::Cache(value) => options.cache = Some(whole(value)?),
            // The parser's flag says NO.
            ast::SequenceOptions::Cycle(no) => options.cycle = Some(!no),
        }
    }
    Ok(options)
}

fn whole(value: &ast::Expr) -> Result<i64> {
    let text = value.to_string().replace(' ', "");
    text.parse().map_err(|_| {
        Error::new(
            state::NUMERIC_VALUE_OUT_OF_RANGE,
            format!("value \"{text}\" is out of range for type bigint"),
        )
    })
}
