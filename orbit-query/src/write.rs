//! Rows on their way into a table: completed, converted, and checked against the
//! row-level constraints, in the way of PostgreSQL and in its words.
//!
//! The point path, planned INSERT and UPDATE, and COPY all write through a
//! [`TableWriter`]; keys and unique indexes are checked by the transaction.

pub mod arbiter;

use crate::expr::{Env, NoRow, Params, RowExpr, RowSource, Scope};
use crate::statement::dates;
use orbit_core::catalog::{Catalog, Column, Identity, Index, Table};
use orbit_core::error::{Shown, ShownValues};
use orbit_core::ids::SequenceId;
use orbit_core::types::SqlType;
use orbit_core::value::text::FormatSettings;
use orbit_core::value::{Value, ValueRef, cast, precision, text};
use orbit_core::{Error, Result, state};
use sqlparser::ast;
use std::sync::Arc;

/// An expression over one row that the row interpreter doesn't know and
/// somebody else evaluates.
pub trait RowFunction: Send + Sync {
    fn call(&self, row: &[Value], env: &Env<'_>) -> Result<Value>;
}

/// Compiles what the row interpreter can't: DEFAULT and CHECK with functions
/// of the planner.
pub type Fallback<'a> =
    &'a dyn Fn(&ast::Expr, &[(String, SqlType)]) -> Result<Arc<dyn RowFunction>>;

#[derive(Clone)]
enum Stored {
    Row(RowExpr),
    Planned(Arc<dyn RowFunction>),
    /// The next value of a sequence, as a value of the column's type.
    Sequence(SequenceId, SqlType),
}

impl Stored {
    fn eval(&self, row: &dyn RowSource, width: usize, env: &Env<'_>) -> Result<Value> {
        match self {
            Stored::Row(expr) => expr.eval_value(row, env),
            Stored::Sequence(id, sql_type) => {
                let value = Value::Int8(env.facts.sequences.next_of(*id)?);
                cast::assign(value, sql_type)
            }
            Stored::Planned(function) => {
                let mut values = Vec::with_capacity(width);
                for column in 0..width {
                    values.push(row.value(column)?.to_owned());
                }
                function.call(&values, env)
            }
        }
    }
}

/// GENERATED ALWAYS AS (...) STORED.
struct Generated {
    column: usize,
    /// The columns it is computed from.
    from: Vec<usize>,
    value: Stored,
}

struct Check {
    name: String,
    condition: Stored,
}

pub struct TableWriter {
    table: Arc<Table>,
    /// `None`: no DEFAULT, so NULL.
    defaults: Vec<Option<Stored>>,
    checks: Vec<Check>,
    generated: Vec<Generated>,
    /// Columns that keep fewer digits of a second than a value may have.
    rounded: Vec<(usize, u8)>,
}

/// Parses SQL text that the catalog holds: a DEFAULT, a CHECK.
pub fn stored_expression(sql: &str) -> Result<ast::Expr> {
    // Deeper than a statement may nest: what was once taken must stay readable.
    const RECURSION_LIMIT: usize = 200;
    crate::statement::dialect::OrbitDialect::parser(sql.len())
        .with_recursion_limit(RECURSION_LIMIT)
        .try_with_sql(sql)
        .and_then(|mut parser| parser.parse_expr())
        .map(|mut expr| {
            dates::settle(&mut expr);
            expr
        })
        .map_err(|error| {
            Error::corrupted(format!(
                "the stored expression {sql:?} can't be read: {error}"
            ))
        })
}

/// A column's DEFAULT as an expression of SQL, sequences by their oids; `None`: NULL.
pub fn default_expression(catalog: &Catalog, column: &Column) -> Result<Option<ast::Expr>> {
    let sequence = column.sequence.and_then(|id| catalog.sequence_by_id(id));
    if let Some(sequence) = sequence {
        return stored_expression(&format!("nextval({})", sequence.oid)).map(Some);
    }
    column.default.as_deref().map(stored_expression).transpose()
}

/// 428C9 for a value given to a column that makes its own. `OVERRIDING SYSTEM VALUE` allows it
/// for identity columns.
pub fn check_given(column: &Column) -> Result<()> {
    if column.identity != Some(Identity::Always) && column.generated.is_none() {
        return Ok(());
    }
    let error = Error::new(
        state::GENERATED_ALWAYS,
        format!(
            "cannot insert a non-DEFAULT value into column \"{}\"",
            column.name
        ),
    )
    .with_detail(own_values(column));
    Err(if column.generated.is_some() {
        error
    } else {
        error.with_hint("Use OVERRIDING SYSTEM VALUE to override.")
    })
}

fn own_values(column: &Column) -> String {
    let name = &column.name;
    if column.generated.is_some() {
        format!("Column \"{name}\" is a generated column.")
    } else {
        format!("Column \"{name}\" is an identity column defined as GENERATED ALWAYS.")
    }
}

/// 55000 for ON CONFLICT over a constraint that is looked at later.
pub fn check_arbiter(table: &Table, index: &Index) -> Result<()> {
    if !index.deferrable {
        return Ok(());
    }
    Err(orbit_core::txn::no_arbiter(table, index))
}

/// 21000 for a second row of one INSERT that meets the same row, or one that it inserted.
pub fn touched_twice() -> Error {
    Error::new(
        state::CARDINALITY_VIOLATION,
        "ON CONFLICT DO UPDATE command cannot affect row a second time",
    )
    .with_hint(
        "Ensure that no rows proposed for insertion within the same command have \
         duplicate constrained values.",
    )
}

/// 428C9 for SET of a column that makes its own values to anything but DEFAULT.
pub fn check_set(column: &Column) -> Result<()> {
    if column.identity != Some(Identity::Always) && column.generated.is_none() {
        return Ok(());
    }
    Err(Error::new(
        state::GENERATED_ALWAYS,
        format!("column \"{}\" can only be updated to DEFAULT", column.name),
    )
    .with_detail(own_values(column)))
}

fn rounded_columns(table: &Table) -> Vec<(usize, u8)> {
    let digits = |column: &Column| column.precision.filter(|at| *at < precision::MOST_DIGITS);
    let columns = table.columns.iter().enumerate();
    columns
        .filter_map(|(place, column)| Some((place, digits(column)?)))
        .collect()
}

impl TableWriter {
    /// `Ok(None)`: some DEFAULT or CHECK needs a fallback and there is none.
    pub fn compile(
        table: &Arc<Table>,
        fallback: Option<Fallback<'_>>,
    ) -> Result<Option<TableWriter>> {
        let columns: Vec<(String, SqlType)> = table
            .columns
            .iter()
            .map(|column| (column.name.clone(), column.sql_type.clone()))
            .collect();
        let mut defaults = Vec::with_capacity(columns.len());
        for column in &table.columns {
            if let Some(id) = column.sequence {
                defaults.push(Some(Stored::Sequence(id, column.sql_type.clone())));
                continue;
            }
            let Some(sql) = &column.default else {
                defaults.push(None);
                continue;
            };
            let mut expr = stored_expression(sql)?;
            dates::settle_literal(&mut expr, &column.sql_type);
            let known = RowExpr::compile_as(
                &expr,
                &column.sql_type,
                &Scope::none(),
                &mut Params::default(),
            )?;
            defaults.push(Some(match (known, fallback) {
                (Some(expr), _) => Stored::Row(expr),
                (None, Some(fallback)) => Stored::Planned(fallback(&expr, &[])?),
                (None, None) => return Ok(None),
            }));
        }
        let mut scope = Scope::none();
        scope.push(table.name.clone(), Some(&table.schema), &table.columns);
        let mut checks = Vec::with_capacity(table.checks.len());
        for check in &table.checks {
            let expr = stored_expression(&check.expression)?;
            let known = RowExpr::compile_condition(&expr, &scope, &mut Params::default())?;
            checks.push(Check {
                name: check.name.clone(),
                condition: match (known, fallback) {
                    (Some(expr), _) => Stored::Row(expr),
                    (None, Some(fallback)) => Stored::Planned(fallback(&expr, &columns)?),
                    (None, None) => return Ok(None),
                },
            });
        }
        let mut generated = Vec::new();
        for (place, column) in table.columns.iter().enumerate() {
            let Some(sql) = &column.generated else {
                continue;
            };
            let expr = stored_expression(sql)?;
            let known =
                RowExpr::compile_as(&expr, &column.sql_type, &scope, &mut Params::default())?;
            generated.push(Generated {
                column: place,
                from: crate::ddl::expressions::columns(sql, table)?,
                value: match (known, fallback) {
                    (Some(expr), _) => Stored::Row(expr),
                    (None, Some(fallback)) => Stored::Planned(fallback(&expr, &columns)?),
                    (None, None) => return Ok(None),
                },
            });
        }
        // Behind the generated columns, which an index's expression may name.
        for (at, kept) in table.computed.iter().enumerate() {
            let sql = arbiter::computed_text(table, kept);
            let expr = stored_expression(&sql)?;
            let known = RowExpr::compile_as(&expr, &kept.sql_type, &scope, &mut Params::default())?;
            generated.push(Generated {
                column: table.columns.len() + at,
                from: crate::ddl::expressions::columns(&sql, table)?,
                value: match (known, fallback) {
                    (Some(expr), _) => Stored::Row(expr),
                    (None, Some(fallback)) => Stored::Planned(fallback(&expr, &columns)?),
                    (None, None) => return Ok(None),
                },
            });
        }
        // PostgreSQL checks constraints in the order of their names.
        checks.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(Some(TableWriter {
            table: table.clone(),
            defaults,
            checks,
            generated,
            rounded: rounded_columns(table),
        }))
    }

    /// As `compile`, where there is nobody else to ask.
    pub fn new(table: &Arc<Table>, fallback: Option<Fallback<'_>>) -> Result<TableWriter> {
        TableWriter::compile(table, fallback)?.ok_or_else(|| {
            Error::unsupported(format!(
                "a DEFAULT or CHECK expression of table \"{}\"",
                table.name
            ))
        })
    }

    pub fn table(&self) -> &Arc<Table> {
        &self.table
    }

    pub fn default_value(&self, column: usize, env: &Env<'_>) -> Result<Value> {
        match self.defaults.get(column) {
            Some(Some(default @ (Stored::Row(_) | Stored::Sequence(..)))) => {
                default.eval(&NoRow, 0, env)
            }
            Some(Some(default)) => {
                let value = default.eval(&NoRow, 0, env)?;
                match self.table.columns.get(column) {
                    Some(column) => cast::assign(value, &column.sql_type),
                    None => Ok(value),
                }
            }
            _ => Ok(Value::Null),
        }
    }

    /// Whether some column takes a number of a sequence where nothing is given.
    pub fn takes_numbers(&self) -> bool {
        self.defaults.iter().any(|default| {
            matches!(
                default,
                Some(Stored::Sequence(..)) | Some(Stored::Planned(_))
            )
        })
    }

    /// Values for some columns (in the order of `columns`), converted. Constants are
    /// converted before any DEFAULT is asked, so one that doesn't fit takes no number.
    pub fn convert(&self, columns: &[usize], values: &mut [Value]) -> Result<()> {
        for (place, slot) in columns.iter().zip(values) {
            if let Some(column) = self.table.columns.get(*place) {
                *slot = cast::assign(std::mem::take(slot), &column.sql_type)?;
            }
        }
        Ok(())
    }

    /// A whole row from the values given for some columns (in the order of
    /// `columns`), converted; the others take their DEFAULT, all in the order of the
    /// table's columns. Checked.
    pub fn complete(
        &self,
        columns: &[usize],
        values: Vec<Value>,
        env: &Env<'_>,
    ) -> Result<Vec<Value>> {
        let mut row: Vec<Option<Value>> = vec![None; self.table.columns.len()];
        for (place, value) in columns.iter().zip(values) {
            if let Some(slot) = row.get_mut(*place) {
                *slot = Some(value);
            }
        }
        let mut row = row
            .into_iter()
            .zip(&self.table.columns)
            .enumerate()
            .map(|(place, (value, column))| match value {
                Some(value) => cast::assign(value, &column.sql_type),
                None => self.default_value(place, env),
            })
            .collect::<Result<Vec<_>>>()?;
        self.generate(&mut row, env)?;
        self.check(&row, env)?;
        Ok(row)
    }

    /// Computes the generated columns of a new row, over whatever stands there, and what
    /// indexes keep of it.
    #[inline]
    pub fn generate(&self, row: &mut Vec<Value>, env: &Env<'_>) -> Result<()> {
        if !self.table.computed.is_empty() {
            row.resize(self.table.width(), Value::Null);
        }
        for (column, digits) in &self.rounded {
            if let Some(slot) = row.get_mut(*column) {
                *slot = precision::fit(std::mem::take(slot), *digits);
            }
        }
        for generated in &self.generated {
            let value = self.evaluate(generated, &*row, env)?;
            if let Some(slot) = row.get_mut(generated.column) {
                *slot = value;
            }
        }
        Ok(())
    }

    /// Computes what indexes keep of a row that is stored otherwise.
    pub fn compute(&self, row: &mut Vec<Value>, env: &Env<'_>) -> Result<()> {
        let columns = self.table.columns.len();
        row.resize(self.table.width(), Value::Null);
        for kept in self.generated.iter().filter(|of| of.column >= columns) {
            let value = self.evaluate(kept, &*row, env)?;
            if let Some(slot) = row.get_mut(kept.column) {
                *slot = value;
            }
        }
        Ok(())
    }

    /// Adds to a row's changes those of the columns computed from them.
    #[inline]
    pub fn regenerate(
        &self,
        old: &dyn RowSource,
        changes: &mut Vec<(usize, Value)>,
        env: &Env<'_>,
    ) -> Result<()> {
        for (column, digits) in &self.rounded {
            for (_, value) in changes.iter_mut().filter(|(at, _)| at == column) {
                *value = precision::fit(std::mem::take(value), *digits);
            }
        }
        for generated in &self.generated {
            let touched = |column: &usize| changes.iter().any(|(at, _)| at == column);
            if !touched(&generated.column) && !generated.from.iter().any(touched) {
                continue;
            }
            let value = self.evaluate(generated, &Changed { old, changes }, env)?;
            changes.retain(|(at, _)| *at != generated.column);
            changes.push((generated.column, value));
        }
        Ok(())
    }

    /// One generated column's value over a row.
    pub fn generated_value(&self, column: usize, row: &[Value], env: &Env<'_>) -> Result<Value> {
        let mut generated = self.generated.iter();
        match generated.find(|generated| generated.column == column) {
            Some(generated) => self.evaluate(generated, &row.to_vec(), env),
            None => Err(Error::internal("a column that isn't generated")),
        }
    }

    fn evaluate(&self, generated: &Generated, row: &dyn RowSource, env: &Env<'_>) -> Result<Value> {
        let width = match &generated.value {
            // A row that is yet to get this column has those before it only.
            Stored::Planned(_) => self.table.columns.len(),
            _ => 0,
        };
        let value = match &generated.value {
            Stored::Planned(function) => {
                let mut values = Vec::with_capacity(width);
                for column in 0..width {
                    values.push(match row.value(column) {
                        Ok(value) => value.to_owned(),
                        Err(_) if column == generated.column => Value::Null,
                        Err(error) => return Err(error),
                    });
                }
                function.call(&values, env)?
            }
            other => other.eval(row, width, env)?,
        };
        match self.table.columns.get(generated.column) {
            Some(column) => {
                let value = cast::assign(value, &column.sql_type)?;
                Ok(match column.precision {
                    Some(digits) => precision::fit(value, digits),
                    None => value,
                })
            }
            None => match self.table.type_at(generated.column) {
                Some(sql_type) => cast::assign(value, sql_type),
                None => Ok(value),
            },
        }
    }

    /// Whether UPDATE of other columns changes this one.
    pub fn is_generated(&self, column: usize) -> bool {
        self.generated
            .iter()
            .any(|generated| generated.column == column)
    }

    /// CHECK of a complete row.
    pub fn check_conditions_of(&self, row: &[Value], env: &Env<'_>) -> Result<()> {
        self.check_conditions(&row, env)
    }

    /// NOT NULL and CHECK of a complete new row.
    pub fn check(&self, row: &[Value], env: &Env<'_>) -> Result<()> {
        for (column, value) in self.table.columns.iter().zip(row) {
            if column.not_null && value.is_null() {
                return Err(self.null_in(&column.name, row, env));
            }
        }
        if self.checks.is_empty() {
            return Ok(());
        }
        self.check_conditions(&row, env)
    }

    /// NOT NULL and CHECK of a row about to be changed.
    pub fn check_changes(
        &self,
        old: &dyn RowSource,
        changes: &[(usize, Value)],
        env: &Env<'_>,
    ) -> Result<()> {
        for (place, value) in changes {
            if let Some(column) = self.table.columns.get(*place)
                && column.not_null
                && value.is_null()
            {
                let row = self.changed_row(old, changes)?;
                return Err(self.null_in(&column.name, &row, env));
            }
        }
        if self.checks.is_empty() {
            return Ok(());
        }
        self.check_conditions(&Changed { old, changes }, env)
    }

    /// Values given to columns of a stored row: converted, with what is computed from
    /// them, and checked.
    pub fn change(
        &self,
        old: &dyn RowSource,
        changes: &mut Vec<(usize, Value)>,
        env: &Env<'_>,
    ) -> Result<()> {
        for (place, value) in &mut *changes {
            if let Some(column) = self.table.columns.get(*place) {
                *value = cast::assign(std::mem::take(value), &column.sql_type)?;
            }
        }
        self.regenerate(old, changes, env)?;
        self.check_changes(old, changes, env)
    }

    fn check_conditions(&self, row: &dyn RowSource, env: &Env<'_>) -> Result<()> {
        let width = self.table.columns.len();
        for check in &self.checks {
            if check.condition.eval(row, width, env)? == Value::Bool(false) {
                let mut values = Vec::with_capacity(width);
                for column in 0..width {
                    values.push(row.value(column)?.to_owned());
                }
                let error = Error::new(
                    state::CHECK_VIOLATION,
                    format!(
                        "new row for relation \"{}\" violates check constraint \"{}\"",
                        self.table.name, check.name
                    ),
                )
                .of_schema(&self.table.schema)
                .of_table(&self.table.name)
                .of_constraint(&check.name);
                return Err(self.with_failing_row(error, &values, env));
            }
        }
        Ok(())
    }

    /// The row as it will be after `changes`.
    pub fn changed_row(
        &self,
        old: &dyn RowSource,
        changes: &[(usize, Value)],
    ) -> Result<Vec<Value>> {
        let changed = Changed { old, changes };
        (0..self.table.columns.len())
            .map(|column| changed.value(column).map(|value| value.to_owned()))
            .collect()
    }

    fn null_in(&self, column: &str, row: &[Value], env: &Env<'_>) -> Error {
        let error = Error::new(
            state::NOT_NULL_VIOLATION,
            format!(
                "null value in column \"{column}\" of relation \"{}\" violates not-null constraint",
                self.table.name
            ),
        )
        .of_schema(&self.table.schema)
        .of_table(&self.table.name)
        .of_column(column);
        self.with_failing_row(error, row, env)
    }

    /// `Failing row contains (1, null, abc).`, each value cut at 64 bytes as PostgreSQL does.
    pub fn with_failing_row(&self, error: Error, row: &[Value], env: &Env<'_>) -> Error {
        let columns = self.table.columns.iter().zip(row);
        let values: Vec<String> = columns
            .map(|(column, value)| {
                let mut shown = String::new();
                push_value(
                    &mut shown,
                    &value.as_ref(),
                    &column.sql_type,
                    &env.facts.format,
                );
                shown
            })
            .collect();
        error
            .with_detail(format!("Failing row contains ({}).", values.join(", ")))
            .showing(Shown {
                table: self.table.id,
                values: ShownValues::Row(values),
            })
    }
}

const MAX_SHOWN_BYTES: usize = 64;

fn push_value(out: &mut String, value: &ValueRef<'_>, ty: &SqlType, format: &FormatSettings) {
    if value.is_null() {
        out.push_str("null");
        return;
    }
    let mut bytes = Vec::new();
    if text::format(value, ty, format, &mut bytes).is_err() {
        // Only a message is at stake.
        bytes.extend_from_slice(b"?");
    }
    let shown = String::from_utf8_lossy(&bytes);
    if shown.len() <= MAX_SHOWN_BYTES {
        out.push_str(&shown);
        return;
    }
    let mut end = MAX_SHOWN_BYTES;
    while !shown.is_char_boundary(end) {
        end -= 1;
    }
    out.push_str(&shown[..end]);
    out.push_str("...");
}

/// A row with some columns replaced.
pub(crate) struct Changed<'a> {
    pub old: &'a dyn RowSource,
    pub changes: &'a [(usize, Value)],
}

impl RowSource for Changed<'_> {
    fn value(&self, column: usize) -> Result<ValueRef<'_>> {
        match self.changes.iter().find(|(place, _)| *place == column) {
            Some((_, value)) => Ok(value.as_ref()),
            None => self.old.value(column),
        }
    }
}
