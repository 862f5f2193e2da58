//! INSERT ... VALUES, UPDATE and DELETE.

use super::*;
use crate::write::arbiter;
use orbit_core::txn::ConflictTarget;

/// More rows in one VALUES are better inserted by the planned path's batches.
const MAX_VALUES: usize = 4096;

fn writer(table: &Arc<Table>) -> Result<TableWriter, Stop> {
    TableWriter::compile(table, None)?.ok_or(Stop::Unknown)
}

fn column(table: &Table, name: &str) -> Result<usize, Stop> {
    Ok(names::find_column(table, name)?)
}

fn is_default(expr: &Expr) -> bool {
    matches!(expr, Expr::Identifier(name)
        if name.quote_style.is_none() && name.value.eq_ignore_ascii_case("default"))
}

fn returning(
    table: &Arc<Table>,
    scope: &Scope<'_>,
    params: &mut Params,
    items: Option<&Vec<ast::SelectItem>>,
) -> Result<Option<Arc<Output>>, Stop> {
    items
        .map(|items| output(table, scope, params, items))
        .transpose()
}

pub(super) fn insert(context: &mut Context<'_>, insert: &ast::Insert) -> Compiled {
    let ast::TableObject::TableName(name) = &insert.table else {
        return Err(Stop::Unknown);
    };
    if insert.or.is_some()
        || insert.ignore
        || !insert.into
        || insert.overwrite
        || !insert.assignments.is_empty()
        || insert.partitioned.is_some()
        || !insert.after_columns.is_empty()
        || insert.has_table_keyword
        || insert.output.is_some()
        || insert.replace_into
        || insert.priority.is_some()
        || insert.insert_alias.is_some()
        || insert.settings.is_some()
        || insert.format_clause.is_some()
        || insert.multi_table_insert_type.is_some()
        || !insert.optimizer_hints.is_empty()
    {
        return Err(Stop::Unknown);
    }
    let table = table(context, name)?;
    let alias = insert
        .table_alias
        .as_ref()
        .map(|alias| fold(&alias.alias).into_owned());
    let mut targets = Vec::with_capacity(insert.columns.len());
    for target in &insert.columns {
        let [ast::ObjectNamePart::Identifier(name)] = target.0.as_slice() else {
            return Err(Stop::Unknown);
        };
        let name = fold(name);
        let place = column(&table, &name)?;
        if targets.contains(&place) {
            return Err(Stop::Error(Error::new(
                state::DUPLICATE_COLUMN,
                format!("column \"{name}\" specified more than once"),
            )));
        }
        targets.push(place);
    }
    let rows = insert_rows(context, insert, &table, &mut targets)?;
    let scope = Scope::of_table(&table, alias.as_deref());
    let conflict = match &insert.on {
        None => None,
        Some(ast::OnInsert::OnConflict(on)) => {
            Some(on_conflict(context, &table, alias.as_deref(), on)?)
        }
        Some(_) => return Err(Stop::Unknown),
    };
    let returning = returning(
        &table,
        &scope,
        &mut context.params,
        insert.returning.as_ref(),
    )?;
    let columns = returning.as_ref().map(|output| output.descs.clone());
    let plan = Insert {
        writer: writer(&table)?,
        rows,
        conflict,
        returning,
    };
    Ok((Some(table), columns, Kind::Insert(Box::new(plan))))
}

/// Each row with a cell for every column of the table.
fn insert_rows(
    context: &mut Context<'_>,
    insert: &ast::Insert,
    table: &Arc<Table>,
    targets: &mut Vec<usize>,
) -> Result<Vec<Vec<Cell>>, Stop> {
    let width = table.columns.len();
    let defaults = || (0..width).map(|_| Cell::Default).collect::<Vec<_>>();
    let Some(source) = &insert.source else {
        // INSERT INTO t DEFAULT VALUES.
        if !targets.is_empty() {
            return Err(Stop::Unknown);
        }
        return Ok(vec![defaults()]);
    };
    if source.with.is_some()
        || source.order_by.is_some()
        || source.limit_clause.is_some()
        || source.fetch.is_some()
        || !source.locks.is_empty()
    {
        return Err(Stop::Unknown);
    }
    let SetExpr::Values(values) = source.body.as_ref() else {
        return Err(Stop::Unknown);
    };
    if values.explicit_row || values.rows.len() > MAX_VALUES {
        return Err(Stop::Unknown);
    }
    let given = values.rows.first().map_or(0, |row| row.content.len());
    let named = !targets.is_empty();
    if !named {
        targets.extend(0..width.min(given));
    }
    let wrong = |message: &'static str| Stop::Error(Error::new(state::SYNTAX_ERROR, message));
    if given > targets.len() {
        return Err(wrong("INSERT has more expressions than target columns"));
    }
    if named && given < targets.len() {
        return Err(wrong("INSERT has more target columns than expressions"));
    }
    let scope = Scope::none();
    let mut rows = Vec::with_capacity(values.rows.len());
    for row in &values.rows {
        if row.content.len() != given {
            return Err(wrong("VALUES lists must all be the same length"));
        }
        let mut cells = defaults();
        for (place, expr) in targets.iter().zip(&row.content) {
            let (Some(cell), Some(column)) = (cells.get_mut(*place), table.columns.get(*place))
            else {
                return Err(Stop::Unknown);
            };
            if !is_default(expr) {
                crate::write::check_given(column)?;
                let mut compiler = Compiler::new(&scope, &mut context.params);
                *cell = Cell::Value(compiler.assigned(expr, &column.sql_type)?);
            }
        }
        rows.push(cells);
    }
    Ok(rows)
}

fn on_conflict(
    context: &mut Context<'_>,
    table: &Arc<Table>,
    alias: Option<&str>,
    on: &ast::OnConflict,
) -> Result<OnConflict, Stop> {
    let target = match &on.conflict_target {
        None => ConflictTarget::Any,
        Some(ast::ConflictTarget::Columns(columns)) => {
            let asked = arbiter::asked(table, columns).map_err(Stop::Error)?;
            arbiter::infer(table, &asked).map_err(Stop::Error)?
        }
        Some(ast::ConflictTarget::OnConstraint(name)) => {
            let [ast::ObjectNamePart::Identifier(name)] = name.0.as_slice() else {
                return Err(Stop::Unknown);
            };
            arbiter::named(table, &fold(name)).map_err(Stop::Error)?
        }
    };
    let update = match &on.action {
        ast::OnConflictAction::DoNothing => None,
        ast::OnConflictAction::DoUpdate(update) => {
            if on.conflict_target.is_none() {
                return Err(Stop::Error(
                    Error::new(
                        state::SYNTAX_ERROR,
                        "ON CONFLICT DO UPDATE requires inference specification or constraint name",
                    )
                    .with_hint("For example, ON CONFLICT (column_name)."),
                ));
            }
            // The row that is there, then the row that was to be inserted.
            let mut scope = Scope::of_table(table, alias);
            scope.push("excluded".to_owned(), None, &table.columns);
            let sets = sets(table, &scope, &mut context.params, &update.assignments)?;
            let filter = update
                .selection
                .as_ref()
                .map(|filter| Compiler::new(&scope, &mut context.params).condition(filter))
                .transpose()?;
            Some((sets, filter))
        }
    };
    Ok(OnConflict { target, update })
}

/// SET's list; expressions over `scope`.
fn sets(
    table: &Arc<Table>,
    scope: &Scope<'_>,
    params: &mut Params,
    assignments: &[ast::Assignment],
) -> Result<Vec<Set>, Stop> {
    let mut sets: Vec<Set> = Vec::with_capacity(assignments.len());
    let mut set = |target: &ObjectName, expr: &Expr| {
        let [ast::ObjectNamePart::Identifier(name)] = target.0.as_slice() else {
            return Err(Stop::Unknown);
        };
        let name = fold(name);
        let place = column(table, &name)?;
        if sets.iter().any(|set| set.column == place) {
            return Err(Stop::Error(Error::new(
                state::SYNTAX_ERROR,
                format!("multiple assignments to same column \"{name}\""),
            )));
        }
        let definition = table.columns.get(place).ok_or(Stop::Unknown)?;
        let value = if is_default(expr) {
            Cell::Default
        } else {
            crate::write::check_set(definition)?;
            let mut compiler = Compiler::new(scope, params);
            Cell::Value(compiler.assigned(expr, &definition.sql_type)?)
        };
        sets.push(Set {
            column: place,
            value,
        });
        Ok(())
    };
    for assignment in assignments {
        match &assignment.target {
            ast::AssignmentTarget::ColumnName(target) => set(target, &assignment.value)?,
            ast::AssignmentTarget::Tuple(targets) => {
                let Expr::Tuple(values) = &assignment.value else {
                    return Err(Stop::Unknown);
                };
                if values.len() != targets.len() {
                    return Err(Stop::Error(Error::new(
                        state::SYNTAX_ERROR,
                        "number of columns does not match number of values",
                    )));
                }
                for (target, value) in targets.iter().zip(values) {
                    set(target, value)?;
                }
            }
        }
    }
    Ok(sets)
}

pub(super) fn update(context: &mut Context<'_>, update: &ast::Update) -> Compiled {
    if update.from.is_some()
        || update.output.is_some()
        || update.or.is_some()
        || !update.order_by.is_empty()
        || update.limit.is_some()
        || !update.optimizer_hints.is_empty()
        || update.selection.is_none()
    {
        return Err(Stop::Unknown);
    }
    let (table, alias) = plain_table(context, &update.table)?;
    let scope = Scope::of_table(&table, alias.as_deref());
    let sets = sets(&table, &scope, &mut context.params, &update.assignments)?;
    let (conditions, whole) = conditions(&scope, &mut context.params, update.selection.as_ref())?;
    let returning = returning(
        &table,
        &scope,
        &mut context.params,
        update.returning.as_ref(),
    )?;
    let path = path(context, &table, conditions, &[], false)?;
    let columns = returning.as_ref().map(|output| output.descs.clone());
    let plan = Change {
        path,
        whole,
        returning,
        action: Update::new(writer(&table)?, sets),
    };
    Ok((Some(table), columns, Kind::Update(Box::new(plan))))
}

pub(super) fn delete(context: &mut Context<'_>, delete: &ast::Delete) -> Compiled {
    if !delete.tables.is_empty()
        || delete.using.is_some()
        || delete.output.is_some()
        || !delete.order_by.is_empty()
        || delete.limit.is_some()
        || !delete.optimizer_hints.is_empty()
        || delete.selection.is_none()
    {
        return Err(Stop::Unknown);
    }
    let ast::FromTable::WithFromKeyword(from) = &delete.from else {
        return Err(Stop::Unknown);
    };
    let [from] = from.as_slice() else {
        return Err(Stop::Unknown);
    };
    let (table, alias) = plain_table(context, from)?;
    let scope = Scope::of_table(&table, alias.as_deref());
    let (conditions, whole) = conditions(&scope, &mut context.params, delete.selection.as_ref())?;
    let returning = returning(
        &table,
        &scope,
        &mut context.params,
        delete.returning.as_ref(),
    )?;
    let path = path(context, &table, conditions, &[], false)?;
    let columns = returning.as_ref().map(|output| output.descs.clone());
    let plan = Change {
        path,
        whole,
        returning,
        action: Delete,
    };
    Ok((Some(table), columns, Kind::Delete(Box::new(plan))))
}
