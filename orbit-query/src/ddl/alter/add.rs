//! ADD COLUMN (which writes no row unless each gets a value of its own) and ADD
//! of constraints.

use super::again;
use crate::ddl::constraints::{self, KeyRequest, TableRequest};
use crate::ddl::foreign_keys::{self, ForeignKeyRequest};
use crate::ddl::wrong_kind::{is_index, is_not};
use crate::ddl::{defaults, functions, index, names, rebuild, sequence, skipping, types};
use crate::expr::Env;
use crate::session::Session;
use crate::statement::names::fold;
use crate::statement::visit;
use orbit_core::catalog::{CatalogChange, Column, Identity, PrimaryKey, Table, TableDef};
use orbit_core::ids::SequenceId;
use orbit_core::row::RowRef;
use orbit_core::types::SqlType;
use orbit_core::value::{Value, cast, precision, text};
use orbit_core::{Error, Result, state};
use sqlparser::ast::{self, AlterTableOperation, Expr, TableConstraint, Visitor};
use std::ops::ControlFlow;
use std::sync::Arc;

pub(super) async fn run(
    session: &mut Session,
    table: &Arc<Table>,
    what: &AlterTableOperation,
    not_valid: bool,
) -> Result<()> {
    match what {
        AlterTableOperation::AddColumn {
            if_not_exists,
            column_def,
            ..
        } if !not_valid => add_column(session, table, column_def, *if_not_exists).await,
        AlterTableOperation::AddConstraint {
            constraint:
                TableConstraint::PrimaryKeyUsingIndex(using) | TableConstraint::UniqueUsingIndex(using),
            ..
        } => {
            let primary = matches!(
                what,
                AlterTableOperation::AddConstraint {
                    constraint: TableConstraint::PrimaryKeyUsingIndex(_),
                    ..
                }
            );
            add_using_index(session, table, using, primary).await
        }
        AlterTableOperation::AddConstraint { constraint, .. } => {
            match constraints::table_constraint(&table.def, constraint)? {
                TableRequest::Key(key) if !not_valid => add_key(session, table, key).await,
                TableRequest::Key(key) => {
                    let kind = if key.primary { "PRIMARY KEY" } else { "UNIQUE" };
                    Err(Error::new(
                        state::FEATURE_NOT_SUPPORTED,
                        format!("{kind} constraints cannot be marked NOT VALID"),
                    ))
                }
                TableRequest::ForeignKey(mut key) => {
                    key.not_valid = not_valid;
                    add_foreign_key(session, table, key).await
                }
                TableRequest::Check(check) => {
                    let mut target = table.def.clone();
                    constraints::add_check(&mut target, check)?;
                    if not_valid {
                        if let Some(check) = target.checks.last_mut() {
                            check.validated = false;
                        }
                        session.table_writer(&Arc::new(Table::new(target.clone(), 0)?))?;
                        return super::put(session, target);
                    }
                    add_check(session, table, target).await
                }
            }
        }
        other => Err(Error::unsupported(format!("ALTER TABLE ... {other}"))),
    }
}

/// ADD CONSTRAINT ... USING INDEX: the index becomes the constraint's.
async fn add_using_index(
    session: &mut Session,
    table: &Arc<Table>,
    using: &ast::ConstraintUsingIndex,
    primary: bool,
) -> Result<()> {
    if constraints::Timing::of(using.characteristics.as_ref())?.deferrable {
        return Err(Error::unsupported("a DEFERRABLE constraint USING INDEX"));
    }
    let index_name = fold(&using.index_name);
    let mut target = table.def.clone();
    let Some(place) = target
        .indexes
        .iter()
        .position(|index| index.name == index_name)
    else {
        let catalog = session.transaction()?.catalog();
        return Err(match catalog.relation(&table.schema, &index_name) {
            Some(other) if !is_index(&other) => is_not(&index_name, "an index"),
            _ => Error::new(
                state::UNDEFINED_OBJECT,
                format!("index \"{index_name}\" does not exist"),
            ),
        });
    };
    let plain = table
        .indexes
        .get(place)
        .is_some_and(|index| table.is_plain(index));
    let index = &mut target.indexes[place];
    if index.constraint {
        return Err(Error::new(
            state::OBJECT_NOT_IN_PREREQUISITE_STATE,
            format!("index \"{index_name}\" is already associated with a constraint"),
        ));
    }
    if !index.unique {
        return Err(Error::new(
            state::WRONG_OBJECT_TYPE,
            format!("\"{index_name}\" is not a unique index"),
        )
        .with_detail("Cannot create a primary key or unique constraint using such an index."));
    }
    let what = match &index.predicate {
        _ if plain => None,
        Some(_) => Some(format!("\"{index_name}\" is a partial index")),
        None => Some(format!("index \"{index_name}\" contains expressions")),
    };
    if let Some(what) = what {
        return Err(Error::new(state::WRONG_OBJECT_TYPE, what)
            .with_detail("Cannot create a primary key or unique constraint using such an index."));
    }
    let name = using.name.as_ref().map_or(index_name.clone(), fold);
    if name != index_name {
        session.notice(Error::new(
            state::SUCCESSFUL_COMPLETION,
            format!(
                "ALTER TABLE / ADD CONSTRAINT USING INDEX will rename index \"{index_name}\" to \"{name}\""
            ),
        ));
    }
    if !primary {
        index.constraint = true;
        index.name = name;
        return session
            .transaction()?
            .change_catalog(CatalogChange::PutTable(Box::new(target)));
    }
    if target.primary_key.is_some() {
        return Err(Error::new(
            state::INVALID_TABLE_DEFINITION,
            format!(
                "multiple primary keys for table \"{}\" are not allowed",
                table.name
            ),
        ));
    }
    // The rows themselves are kept in the order of the key, so the index is not needed.
    let index = target.indexes.remove(place);
    let columns: Vec<usize> = index.columns.iter().map(|part| part.column).collect();
    for column in &columns {
        if let Some(column) = target.columns.get_mut(*column) {
            column.not_null = true;
        }
    }
    target.primary_key = Some(PrimaryKey {
        constraint: name,
        columns,
        oid: index.oid,
        include: index.include,
    });
    super::forget_indexes(session, table, &target)?;
    rebuild::run(session, table, target, rebuild::Purpose::PrimaryKey).await
}

async fn add_column(
    session: &mut Session,
    table: &Arc<Table>,
    definition: &ast::ColumnDef,
    if_not_exists: bool,
) -> Result<()> {
    let db = session.engine().db().clone();
    let mut request = constraints::column(&db, &table.name, definition)?;
    if let Some(warning) = types::reduced(&definition.data_type) {
        session.notice(warning);
    }
    let name = request.column.name.clone();
    if table.column_position(&name).is_some() {
        let what = format!(
            "column \"{name}\" of relation \"{}\" already exists",
            table.name
        );
        if if_not_exists {
            session.notice(skipping(state::DUPLICATE_COLUMN, what));
            return Ok(());
        }
        return Err(Error::new(state::DUPLICATE_COLUMN, what));
    }
    let mut value = Value::Null;
    let of_sequence = match &request.default {
        Some(default) => sequence::of_default(session, default)?,
        None => None,
    };
    if let Some(def) = of_sequence {
        request.column.sequence = Some(def.id);
        request.column.default = Some(sequence::default_text(&def));
    }
    let each_its_own = request.column.generated.is_some()
        || request.sequence.is_some()
        || request.column.sequence.is_some()
        || request.default.as_ref().is_some_and(is_volatile);
    if let Some(sql) = &request.column.generated {
        constraints::check_generated(&table.def, &name, sql)?;
        constraints::check_settled(session, &table.def, sql)?;
    }
    if let Some(default) = &request.default
        && !each_its_own
    {
        value = default_value(session, default, &request.column.sql_type).await?;
        if let Some(digits) = request.column.precision {
            value = precision::fit(value, digits);
        }
    }
    if each_its_own {
        // Every row gets a value of its own, so every row is written.
    } else if !value.is_null() {
        let mut shown = Vec::new();
        text::format(
            &value.as_ref(),
            &request.column.sql_type,
            &Default::default(),
            &mut shown,
        )?;
        request.column.missing = Some(String::from_utf8_lossy(&shown).into_owned());
    } else if (request.column.not_null || request.primary.is_some())
        && !rebuild::is_empty(session, table)?
    {
        return Err(Error::new(
            state::NOT_NULL_VIOLATION,
            format!(
                "column \"{name}\" of relation \"{}\" contains null values",
                table.name
            ),
        )
        .of_schema(&table.schema)
        .of_table(&table.name)
        .of_column(&name));
    }
    let mut target = table.def.clone();
    let place = target.columns.len();
    target.push_column(request.column);
    if let Some(wanted) = &request.sequence {
        sequence::give_to_column(session, &mut target, place, wanted).await?;
    }
    target.statistics = None;
    let checks = request.checks;
    let references = request.references;
    let keys: Vec<KeyRequest> = request
        .primary
        .into_iter()
        .map(|name| (name, true, constraints::Timing::default()))
        .chain(
            request
                .unique
                .into_iter()
                .map(|(name, timing)| (name, false, timing)),
        )
        .map(|(name, primary, timing)| KeyRequest {
            timing,
            name,
            columns: vec![place],
            include: Vec::new(),
            primary,
            nulls_not_distinct: false,
        })
        .collect();
    if each_its_own && !rebuild::is_empty(session, table)? {
        fill(session, table, target, place).await?;
    } else {
        session.table_writer(&Arc::new(Table::new(target.clone(), 0)?))?;
        super::put(session, target)?;
    }
    for check in checks {
        let table = again(session, table)?;
        let mut target = table.def.clone();
        constraints::add_check(&mut target, check)?;
        add_check(session, &table, target).await?;
    }
    for key in keys {
        let table = again(session, table)?;
        add_key(session, &table, key).await?;
    }
    for key in references {
        let table = again(session, table)?;
        add_foreign_key(session, &table, key).await?;
    }
    Ok(())
}

/// Writes all rows with a value of their own for the new column.
async fn fill(
    session: &mut Session,
    table: &Arc<Table>,
    mut target: TableDef,
    place: usize,
) -> Result<()> {
    for column in &mut target.columns {
        column.missing = None;
    }
    let writer = session.table_writer(&Arc::new(Table::new(target.clone(), 0)?))?;
    let moment = session.moment();
    let env = Env {
        params: &[],
        facts: &moment,
    };
    let definition = target.clone();
    rebuild::rewrite(session, table, target, |mut values| {
        // What indexes keep lies behind the columns.
        values.insert(place.min(values.len()), writer.default_value(place, &env)?);
        writer.generate(&mut values, &env)?;
        rebuild::check_values(&definition, &values, place)?;
        Ok(values)
    })
    .await
}

/// A DEFAULT as the catalog keeps it.
pub(super) struct NewDefault {
    text: Option<String>,
    sequence: Option<SequenceId>,
}

impl NewDefault {
    pub fn put(self, column: &mut Column) {
        column.default = self.text;
        column.sequence = self.sequence;
    }
}

/// Reads SET DEFAULT, and sees that it fits the column.
pub(super) async fn default_text(
    session: &mut Session,
    value: &Expr,
    column: &Column,
) -> Result<NewDefault> {
    if let Some(def) = sequence::of_default(session, value)? {
        return Ok(NewDefault {
            text: Some(sequence::default_text(&def)),
            sequence: Some(def.id),
        });
    }
    // Asking for a value to see its type would take a number of a sequence.
    if !is_volatile(value) {
        default_value(session, value, &column.sql_type).await?;
    }
    Ok(NewDefault {
        text: defaults::kept(value, column),
        sequence: None,
    })
}

pub(super) fn no_default(column: &mut Column) {
    column.default = None;
    column.sequence = None;
}

/// ADD GENERATED ... AS IDENTITY.
pub(super) async fn identity(
    session: &mut Session,
    table: &Arc<Table>,
    place: usize,
    what: &AlterTableOperation,
) -> Result<()> {
    let AlterTableOperation::AlterColumn {
        op:
            ast::AlterColumnOperation::AddGenerated {
                generated_as,
                sequence_options,
            },
        ..
    } = what
    else {
        return Err(Error::unsupported("this change of a column"));
    };
    let Some(column) = table.columns.get(place) else {
        return Err(Error::internal("a column that is not there"));
    };
    let refused = |what: &str| {
        Err(Error::new(
            state::OBJECT_NOT_IN_PREREQUISITE_STATE,
            format!(
                "column \"{}\" of relation \"{}\" {what}",
                column.name, table.name
            ),
        ))
    };
    if !column.not_null {
        return refused("must be declared NOT NULL before identity can be added");
    }
    if column.identity.is_some() {
        return refused("is already an identity column");
    }
    if column.default.is_some() {
        return refused("already has a default value");
    }
    let wanted = sequence::ColumnSequence {
        identity: Some(match generated_as {
            Some(ast::GeneratedAs::ByDefault) => Identity::ByDefault,
            _ => Identity::Always,
        }),
        options: sequence::identity_options(sequence_options.as_deref().unwrap_or_default())?,
    };
    let mut target = table.def.clone();
    sequence::give_to_column(session, &mut target, place, &wanted).await?;
    super::put(session, target)
}

async fn add_foreign_key(
    session: &mut Session,
    table: &Arc<Table>,
    request: ForeignKeyRequest,
) -> Result<()> {
    let mut target = table.def.clone();
    foreign_keys::add(session, &mut target, request).await?;
    let Some(key) = target.foreign_keys.last().cloned() else {
        return Err(Error::internal("the new foreign key is not there"));
    };
    session
        .transaction()?
        .change_catalog(CatalogChange::PutTable(Box::new(target)))?;
    if key.validated {
        let table = again(session, table)?;
        foreign_keys::validate(session, &table, &key).await?;
    }
    Ok(())
}

async fn add_key(session: &mut Session, table: &Arc<Table>, request: KeyRequest) -> Result<()> {
    let db = session.engine().db().clone();
    let catalog = session.transaction()?.catalog();
    let schema = table.schema.clone();
    let taken = |name: &str| names::is_taken(&catalog, &schema, name);
    let primary = request.primary;
    let mut target = table.def.clone();
    constraints::add_key(&db, &mut target, request, &taken)?;
    if !primary {
        return match target.indexes.pop() {
            Some(new) => index::add(session, table, new).await,
            None => Err(Error::internal("the new index is not there")),
        };
    }
    rebuild::run(session, table, target, rebuild::Purpose::PrimaryKey).await
}

/// Takes over a definition with a new CHECK (its last) if all rows pass it.
pub(super) async fn add_check(
    session: &mut Session,
    table: &Arc<Table>,
    target: TableDef,
) -> Result<()> {
    let Some(new) = target.checks.last().cloned() else {
        return Err(Error::internal("the new CHECK is not there"));
    };
    // Only the new condition is asked, of each row as it is stored.
    let mut asked = target.clone();
    asked.checks = vec![new.clone()];
    for column in &mut asked.columns {
        column.not_null = false;
        column.default = None;
    }
    let writer = session.table_writer(&Arc::new(Table::new(asked, 0)?))?;
    let moment = session.moment();
    let env = Env {
        params: &[],
        facts: &moment,
    };
    rebuild::each_row(session, table, |_, row| {
        let values = RowRef::new(row)?.values(&table.layout, &table.missing)?;
        writer.check(&values, &env).map_err(|error| {
            if !error.is(state::CHECK_VIOLATION) {
                return error;
            }
            Error::new(
                state::CHECK_VIOLATION,
                format!(
                    "check constraint \"{}\" of relation \"{}\" is violated by some row",
                    new.name, table.name
                ),
            )
            .of_schema(&table.schema)
            .of_table(&table.name)
            .of_constraint(&new.name)
        })
    })
    .await?;
    session
        .transaction()?
        .change_catalog(CatalogChange::PutTable(Box::new(target)))
}

/// A DEFAULT's value now, as the column would store it; also how DDL finds one that can't be right.
pub(crate) async fn default_value(
    session: &mut Session,
    default: &Expr,
    sql_type: &SqlType,
) -> Result<Value> {
    let value = session.constant(default).await?;
    let value = match value {
        // A quoted literal has no type of its own.
        Value::Text(literal) => text::parse(&literal, sql_type, &session.settings().format)?,
        other => other,
    };
    cast::assign(value, sql_type)
}

/// Whether each row would get a value of its own.
pub(crate) fn is_volatile(expr: &Expr) -> bool {
    struct Volatile;
    impl Visitor for Volatile {
        type Break = ();
        fn pre_visit_expr(&mut self, expr: &Expr) -> ControlFlow<()> {
            let Expr::Function(function) = expr else {
                return ControlFlow::Continue(());
            };
            match functions::is_volatile(function) {
                true => ControlFlow::Break(()),
                false => ControlFlow::Continue(()),
            }
        }
    }
    visit::visit(expr, &mut Volatile).is_break()
}
