//! Constraints and columns of CREATE TABLE and ALTER TABLE, from the syntax tree
//! to what the catalog keeps.

use super::foreign_keys::ForeignKeyRequest;
pub(super) use super::foreign_keys::Timing;
use super::sequence::ColumnSequence;
use super::{defaults, names, types};
use crate::ddl::functions;
use crate::session::Session;
use crate::statement::included_columns;
use crate::statement::names::fold;
use crate::statement::sequence_grammar::SequenceOptions;
use crate::statement::visit;
use orbit_core::catalog::{Check, Column, Identity, Index, IndexColumn, PrimaryKey, TableDef};
use orbit_core::database::Database;
use orbit_core::{Error, Result, key, state};
use sqlparser::ast::{
    self, ColumnDef, ColumnOption, ConstraintCharacteristics, DeferrableInitial, Expr, GeneratedAs,
    TableConstraint, Visitor,
};
use std::ops::ControlFlow;

/// A key as a statement asks for it.
pub struct KeyRequest {
    pub name: Option<String>,
    pub columns: Vec<usize>,
    /// What INCLUDE names.
    pub include: Vec<usize>,
    pub primary: bool,
    pub nulls_not_distinct: bool,
    pub timing: Timing,
}

/// A CHECK as a statement asks for it.
pub struct CheckRequest {
    pub name: Option<String>,
    pub expression: Expr,
}

/// What a column definition asks for besides the column.
pub struct ColumnRequest {
    pub column: Column,
    pub default: Option<Expr>,
    pub primary: Option<Option<String>>,
    pub unique: Vec<(Option<String>, Timing)>,
    pub checks: Vec<CheckRequest>,
    pub sequence: Option<ColumnSequence>,
    pub references: Vec<ForeignKeyRequest>,
}

pub fn column(db: &Database, table: &str, definition: &ColumnDef) -> Result<ColumnRequest> {
    let name = fold(&definition.name);
    let serial = types::serial(&definition.data_type);
    let sql_type = match &serial {
        Some(sql_type) => sql_type.clone(),
        None => types::sql_type(&definition.data_type)?,
    };
    let mut request = ColumnRequest {
        column: Column::new(name.as_str(), sql_type, db.new_creation_stamp()),
        default: None,
        primary: None,
        unique: Vec::new(),
        checks: Vec::new(),
        sequence: serial.map(|_| ColumnSequence {
            identity: None,
            options: SequenceOptions::default(),
        }),
        references: Vec::new(),
    };
    request.column.precision = types::precision(&definition.data_type)?;
    let here = format!("column \"{name}\" of table \"{table}\"");
    let wrong = |message: String| Error::new(state::SYNTAX_ERROR, message);
    let mut said_null = false;
    for option in &definition.options {
        let constraint = option.name.as_ref().map(fold);
        match &option.option {
            ColumnOption::Null => said_null = true,
            ColumnOption::NotNull => request.column.not_null = true,
            ColumnOption::Default(_) if request.default.is_some() => {
                return Err(wrong(format!(
                    "multiple default values specified for {here}"
                )));
            }
            ColumnOption::Default(expr) => {
                check_default(expr)?;
                request.column.default = defaults::kept(expr, &request.column);
                request.default = Some(expr.clone());
            }
            ColumnOption::PrimaryKey(key) => {
                immediate(key.characteristics.as_ref())?;
                request.primary = Some(key.name.as_ref().map(fold).or(constraint));
            }
            ColumnOption::Unique(key) => {
                let timing = Timing::of(key.characteristics.as_ref())?;
                if key.nulls_distinct == ast::NullsDistinctOption::NotDistinct {
                    return Err(Error::unsupported(
                        "NULLS NOT DISTINCT of a column; write UNIQUE NULLS NOT DISTINCT (column)",
                    ));
                }
                request
                    .unique
                    .push((key.name.as_ref().map(fold).or(constraint), timing));
            }
            ColumnOption::Check(check) => request.checks.push(CheckRequest {
                name: check.name.as_ref().map(fold).or(constraint),
                expression: (*check.expr).clone(),
            }),
            ColumnOption::ForeignKey(key) => {
                let key = ForeignKeyRequest::of(key, Some(&name), constraint)?;
                request.references.push(key);
            }
            ColumnOption::Generated {
                generated_as: given @ (GeneratedAs::Always | GeneratedAs::ByDefault),
                sequence_options: Some(options),
                generation_expr: None,
                ..
            } => {
                match &request.sequence {
                    Some(ColumnSequence {
                        identity: Some(_), ..
                    }) => {
                        let what = format!("multiple identity specifications for {here}");
                        return Err(wrong(what));
                    }
                    Some(_) => {
                        let what = format!("both default and identity specified for {here}");
                        return Err(wrong(what));
                    }
                    None => {}
                }
                request.sequence = Some(ColumnSequence {
                    identity: Some(match given {
                        GeneratedAs::Always => Identity::Always,
                        _ => Identity::ByDefault,
                    }),
                    options: super::sequence::identity_options(options)?,
                });
            }
            ColumnOption::Generated {
                generation_expr: Some(expr),
                sequence_options: None,
                ..
            } => request.column.generated = Some(expr.to_string()),
            ColumnOption::Generated { .. } | ColumnOption::Identity(_) => {
                return Err(Error::unsupported("GENERATED"));
            }
            ColumnOption::Collation(collation) => {
                let collation = crate::statement::names::split(collation)?.1;
                if !matches!(
                    collation.as_str(),
                    "c" | "C" | "POSIX" | "default" | "ucs_basic"
                ) {
                    return Err(Error::unsupported(format!("collation \"{collation}\"")));
                }
            }
            other => return Err(Error::unsupported(format!("column option {other}"))),
        }
    }
    if let (Some(_), Some(sequence)) = (&request.default, &request.sequence) {
        return Err(wrong(match sequence.identity {
            Some(_) => format!("both default and identity specified for {here}"),
            None => format!("multiple default values specified for {here}"),
        }));
    }
    if said_null && request.column.not_null {
        let what = format!("conflicting NULL/NOT NULL declarations for {here}");
        return Err(wrong(what));
    }
    Ok(request)
}

pub enum TableRequest {
    Key(KeyRequest),
    Check(CheckRequest),
    ForeignKey(ForeignKeyRequest),
}

/// A constraint that stands on its own.
pub fn table_constraint(table: &TableDef, constraint: &TableConstraint) -> Result<TableRequest> {
    match constraint {
        TableConstraint::PrimaryKey(key) => {
            immediate(key.characteristics.as_ref())?;
            Ok(TableRequest::Key(KeyRequest {
                name: key.name.as_ref().map(fold),
                columns: key_columns(table, &key.columns, "primary key")?,
                include: included(table, key.index_name.as_ref())?,
                primary: true,
                nulls_not_distinct: false,
                timing: Timing::default(),
            }))
        }
        TableConstraint::Unique(key) => Ok(TableRequest::Key(KeyRequest {
            name: key.name.as_ref().map(fold),
            columns: key_columns(table, &key.columns, "unique")?,
            include: included(table, key.index_name.as_ref())?,
            timing: Timing::of(key.characteristics.as_ref())?,
            primary: false,
            nulls_not_distinct: key.nulls_distinct == ast::NullsDistinctOption::NotDistinct,
        })),
        TableConstraint::Check(check) => Ok(TableRequest::Check(CheckRequest {
            name: check.name.as_ref().map(fold),
            expression: (*check.expr).clone(),
        })),
        TableConstraint::ForeignKey(key) => {
            ForeignKeyRequest::of(key, None, None).map(TableRequest::ForeignKey)
        }
        TableConstraint::PrimaryKeyUsingIndex(_) | TableConstraint::UniqueUsingIndex(_) => {
            Err(Error::unsupported("a constraint USING INDEX"))
        }
        other => Err(Error::unsupported(format!("the constraint {other}"))),
    }
}

/// The primary key is where a row lies: two rows can't have one for a while.
fn immediate(characteristics: Option<&ConstraintCharacteristics>) -> Result<()> {
    let Some(characteristics) = characteristics else {
        return Ok(());
    };
    if characteristics.deferrable == Some(true)
        || characteristics.initially == Some(DeferrableInitial::Deferred)
    {
        return Err(Error::unsupported("a DEFERRABLE primary key")
            .with_hint("A UNIQUE constraint beside it may be DEFERRABLE."));
    }
    Ok(())
}

fn key_columns(table: &TableDef, columns: &[ast::IndexColumn], kind: &str) -> Result<Vec<usize>> {
    let mut places = Vec::with_capacity(columns.len());
    for column in columns {
        let Expr::Identifier(ident) = &column.column.expr else {
            return Err(Error::new(
                state::SYNTAX_ERROR,
                "a key is made of columns, not of expressions",
            ));
        };
        let name = fold(ident);
        let place = table.column_position(&name).ok_or_else(|| {
            Error::new(
                state::UNDEFINED_COLUMN,
                format!("column \"{name}\" named in key does not exist"),
            )
        })?;
        if places.contains(&place) {
            return Err(Error::new(
                state::DUPLICATE_COLUMN,
                format!("column \"{name}\" appears twice in {kind} constraint"),
            ));
        }
        places.push(place);
    }
    Ok(places)
}

fn included(table: &TableDef, name: Option<&ast::Ident>) -> Result<Vec<usize>> {
    let names = included_columns::of(name).into_iter();
    let places = names.map(|name| {
        table.column_position(&name).ok_or_else(|| {
            Error::new(
                state::UNDEFINED_COLUMN,
                format!("column \"{name}\" named in key does not exist"),
            )
        })
    });
    places.collect()
}

/// Whether a name of a constraint is free in the table.
pub(super) fn constraint_is_taken(table: &TableDef, name: &str) -> bool {
    table
        .primary_key
        .as_ref()
        .is_some_and(|key| key.constraint == name)
        || table.checks.iter().any(|check| check.name == name)
        || table.foreign_keys.iter().any(|key| key.name == name)
        || table.indexes.iter().any(|index| index.name == name)
}

fn is_index(table: &TableDef, name: &str) -> bool {
    let key = table.primary_key.as_ref();
    key.is_some_and(|key| key.constraint == name)
        || table.indexes.iter().any(|index| index.name == name)
}

pub(super) fn duplicate_constraint(table: &TableDef, name: &str) -> Error {
    Error::new(
        state::DUPLICATE_OBJECT,
        format!(
            "constraint \"{name}\" for relation \"{}\" already exists",
            table.name
        ),
    )
}

/// Adds a primary key or a UNIQUE constraint's index to a definition.
/// `taken`: names of relations that exist already.
pub fn add_key(
    db: &Database,
    table: &mut TableDef,
    request: KeyRequest,
    taken: &dyn Fn(&str) -> bool,
) -> Result<()> {
    for column in &request.columns {
        if let Some(column) = table.columns.get(*column) {
            key::check_type(&column.sql_type)?;
        }
    }
    let is_taken = |name: &str| taken(name) || constraint_is_taken(table, name);
    let name = match request.name {
        // Keys have names of relations; other constraints have names of their own.
        Some(name) if constraint_is_taken(table, &name) && !is_index(table, &name) => {
            return Err(duplicate_constraint(table, &name));
        }
        Some(name) if taken(&name) || is_index(table, &name) => {
            return Err(Error::new(
                state::DUPLICATE_TABLE,
                format!("relation \"{name}\" already exists"),
            ));
        }
        Some(name) => name,
        None if request.primary => names::choose(&table.name, None, "pkey", is_taken),
        None => {
            let columns = names::joined(
                request
                    .columns
                    .iter()
                    .chain(&request.include)
                    .filter_map(|column| table.columns.get(*column))
                    .map(|column| column.name.as_str()),
            );
            names::choose(&table.name, Some(&columns), "key", is_taken)
        }
    };
    if request.primary {
        if table.primary_key.is_some() {
            return Err(Error::new(
                state::INVALID_TABLE_DEFINITION,
                format!(
                    "multiple primary keys for table \"{}\" are not allowed",
                    table.name
                ),
            ));
        }
        for column in &request.columns {
            if let Some(column) = table.columns.get_mut(*column) {
                column.not_null = true;
            }
        }
        table.primary_key = Some(PrimaryKey {
            constraint: name,
            columns: request.columns,
            oid: db.new_oid(),
            include: request.include,
        });
        return Ok(());
    }
    table.indexes.push(Index {
        id: db.new_index_id(),
        oid: db.new_oid(),
        storage: db.new_storage_id(),
        name,
        columns: request
            .columns
            .into_iter()
            .map(|column| IndexColumn {
                column,
                descending: false,
                nulls_first: None,
            })
            .collect(),
        include: request.include,
        unique: true,
        constraint: true,
        nulls_not_distinct: request.nulls_not_distinct,
        deferrable: request.timing.deferrable,
        initially_deferred: request.timing.initially_deferred,
        predicate: None,
        created: db.new_creation_stamp(),
    });
    Ok(())
}

pub fn add_check(table: &mut TableDef, request: CheckRequest) -> Result<()> {
    let used = check_condition(table, &request.expression)?;
    let name = match request.name {
        Some(name) if constraint_is_taken(table, &name) => {
            return Err(duplicate_constraint(table, &name));
        }
        Some(name) => name,
        None => {
            // A condition over one column is named after it.
            let column = match used.as_slice() {
                [one] => table.columns.get(*one).map(|column| column.name.clone()),
                _ => None,
            };
            names::choose(&table.name, column.as_deref(), "check", |name| {
                constraint_is_taken(table, name)
            })
        }
    };
    table.checks.push(Check {
        name,
        expression: request.expression.to_string(),
        validated: true,
    });
    Ok(())
}

/// Refuses conditions that no row by itself can answer; returns the columns used.
fn check_condition(table: &TableDef, expression: &Expr) -> Result<Vec<usize>> {
    struct Columns<'a> {
        table: &'a TableDef,
        used: Vec<usize>,
    }
    impl Visitor for Columns<'_> {
        type Break = Error;
        fn pre_visit_query(&mut self, _: &ast::Query) -> ControlFlow<Error> {
            ControlFlow::Break(Error::new(
                state::FEATURE_NOT_SUPPORTED,
                "cannot use subquery in check constraint",
            ))
        }
        fn pre_visit_expr(&mut self, expr: &Expr) -> ControlFlow<Error> {
            let ident = match expr {
                Expr::Identifier(ident) => ident,
                Expr::CompoundIdentifier(path) => match path.as_slice() {
                    [table, column] if fold(table) == self.table.name => column,
                    _ => return ControlFlow::Continue(()),
                },
                _ => return ControlFlow::Continue(()),
            };
            let name = fold(ident);
            match self.table.column_position(&name) {
                Some(place) => {
                    if !self.used.contains(&place) {
                        self.used.push(place);
                    }
                    ControlFlow::Continue(())
                }
                None => ControlFlow::Break(Error::new(
                    state::UNDEFINED_COLUMN,
                    format!("column \"{name}\" does not exist"),
                )),
            }
        }
    }
    let mut columns = Columns {
        table,
        used: Vec::new(),
    };
    match visit::visit(expression, &mut columns) {
        ControlFlow::Break(error) => Err(error),
        ControlFlow::Continue(()) => Ok(columns.used),
    }
}

/// A column as others are computed over it: its values only.
pub(super) fn forget_values(column: &mut Column) {
    column.not_null = false;
    column.default = None;
    column.sequence = None;
    column.generated = None;
    column.identity = None;
}

/// Refuses a generation expression that isn't a function of the row's other columns.
pub(super) fn check_generated(table: &TableDef, column: &str, sql: &str) -> Result<()> {
    if let Some(known) = table.columns.iter().find(|known| known.name == column)
        && known.default.is_some()
    {
        return Err(Error::new(
            state::SYNTAX_ERROR,
            format!(
                "both default and generation expression specified for column \"{column}\" of table \"{}\"",
                table.name
            ),
        ));
    }
    struct Look<'a> {
        table: &'a TableDef,
        column: &'a str,
    }
    impl Visitor for Look<'_> {
        type Break = Error;
        fn pre_visit_query(&mut self, _: &ast::Query) -> ControlFlow<Error> {
            ControlFlow::Break(Error::new(
                state::FEATURE_NOT_SUPPORTED,
                "cannot use subquery in column generation expression",
            ))
        }
        fn pre_visit_expr(&mut self, expr: &Expr) -> ControlFlow<Error> {
            let ident = match expr {
                Expr::Identifier(ident) if is_value_word(&ident.value) => {
                    return ControlFlow::Break(not_immutable());
                }
                Expr::Identifier(ident) => ident,
                Expr::CompoundIdentifier(path) => match path.last() {
                    Some(ident) => ident,
                    None => return ControlFlow::Continue(()),
                },
                Expr::Function(function) => {
                    let name = functions::name_of(function);
                    if functions::AGGREGATES.contains(&name.as_str()) {
                        return ControlFlow::Break(Error::new(
                            state::GROUPING_ERROR,
                            "aggregate functions are not allowed in column generation expressions",
                        ));
                    }
                    if functions::is_changing(function) {
                        return ControlFlow::Break(not_immutable());
                    }
                    return ControlFlow::Continue(());
                }
                _ => return ControlFlow::Continue(()),
            };
            let name = fold(ident);
            let used = self.table.columns.iter().find(|column| column.name == name);
            let generated =
                name == self.column || used.is_some_and(|used| used.generated.is_some());
            if generated {
                return ControlFlow::Break(
                    Error::new(
                        state::INVALID_OBJECT_DEFINITION,
                        format!(
                            "cannot use generated column \"{name}\" in column generation expression"
                        ),
                    )
                    .with_detail("A generated column cannot reference another generated column."),
                );
            }
            match used {
                Some(_) => ControlFlow::Continue(()),
                None => ControlFlow::Break(Error::new(
                    state::UNDEFINED_COLUMN,
                    format!("column \"{name}\" does not exist"),
                )),
            }
        }
    }
    let expr = crate::write::stored_expression(sql)?;
    match visit::visit(&expr, &mut Look { table, column }) {
        ControlFlow::Break(error) => Err(error),
        ControlFlow::Continue(()) => Ok(()),
    }
}

fn not_immutable() -> Error {
    Error::new(
        state::INVALID_OBJECT_DEFINITION,
        "generation expression is not immutable",
    )
}

/// Refuses a generation expression that sessions of other settings compute otherwise.
#[cfg(feature = "datafusion")]
pub(super) fn check_settled(session: &mut Session, table: &TableDef, sql: &str) -> Result<()> {
    let expr = crate::write::stored_expression(sql)?;
    match session.leaning(table, &expr)?.on_settings {
        true => Err(not_immutable()),
        false => Ok(()),
    }
}

/// What types an expression has on its way is the planner's knowledge.
#[cfg(not(feature = "datafusion"))]
pub(super) fn check_settled(_: &mut Session, _: &TableDef, _: &str) -> Result<()> {
    Ok(())
}

/// DEFAULT may name no column and no query.
pub(super) fn check_default(expr: &Expr) -> Result<()> {
    struct Constant;
    impl Visitor for Constant {
        type Break = Error;
        fn pre_visit_query(&mut self, _: &ast::Query) -> ControlFlow<Error> {
            ControlFlow::Break(Error::new(
                state::FEATURE_NOT_SUPPORTED,
                "cannot use subquery in DEFAULT expression",
            ))
        }
        fn pre_visit_expr(&mut self, expr: &Expr) -> ControlFlow<Error> {
            match expr {
                Expr::Identifier(ident) if is_value_word(&ident.value) => ControlFlow::Continue(()),
                Expr::Identifier(_) | Expr::CompoundIdentifier(_) => {
                    ControlFlow::Break(Error::new(
                        state::FEATURE_NOT_SUPPORTED,
                        "cannot use column reference in DEFAULT expression",
                    ))
                }
                _ => ControlFlow::Continue(()),
            }
        }
    }
    match visit::visit(expr, &mut Constant) {
        ControlFlow::Break(error) => Err(error),
        ControlFlow::Continue(()) => Ok(()),
    }
}

/// Words that look like columns and are values.
fn is_value_word(word: &str) -> bool {
    [
        "current_user",
        "session_user",
        "user",
        "current_catalog",
        "current_schema",
        "current_date",
        "current_time",
        "current_timestamp",
        "localtime",
        "localtimestamp",
    ]
    .iter()
    .any(|value| word.eq_ignore_ascii_case(value))
}
