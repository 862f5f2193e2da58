//! SELECT over one table, or over none.

use super::*;
use crate::statement::row_locks;
use orbit_core::txn::{RowLock, Wait};

pub(super) fn query(context: &mut Context<'_>, query: &ast::Query) -> Compiled {
    if query.with.is_some()
        || query.for_clause.is_some()
        || query.settings.is_some()
        || query.format_clause.is_some()
        || !query.pipe_operators.is_empty()
    {
        return Err(Stop::Unknown);
    }
    let SetExpr::Select(select) = query.body.as_ref() else {
        return Err(Stop::Unknown);
    };
    let items = select.projection.len();
    // Longer lists are the planner's to refuse.
    if !is_simple(select) || items == 0 || items > MAX_RESULT_COLUMNS {
        return Err(Stop::Unknown);
    }
    match select.from.as_slice() {
        [] => constants(context, query, select),
        [from] => one_table(context, query, select, from),
        _ => Err(Stop::Unknown),
    }
}

fn is_simple(select: &ast::Select) -> bool {
    select.distinct.is_none()
        && select.optimizer_hints.is_empty()
        && select.select_modifiers.is_none()
        && select.top.is_none()
        && select.exclude.is_none()
        && select.into.is_none()
        && select.lateral_views.is_empty()
        && select.prewhere.is_none()
        && select.connect_by.is_empty()
        && matches!(&select.group_by, ast::GroupByExpr::Expressions(by, with)
            if by.is_empty() && with.is_empty())
        && select.cluster_by.is_empty()
        && select.distribute_by.is_empty()
        && select.sort_by.is_empty()
        && select.having.is_none()
        && select.named_window.is_empty()
        && select.qualify.is_none()
        && select.value_table_mode.is_none()
        && select.flavor == ast::SelectFlavor::Standard
}

/// `SELECT 1`, `SELECT $1::int + 1`.
fn constants(context: &mut Context<'_>, query: &ast::Query, select: &ast::Select) -> Compiled {
    if select.selection.is_some()
        || query.order_by.is_some()
        || query.limit_clause.is_some()
        || query.fetch.is_some()
        || !query.locks.is_empty()
    {
        return Err(Stop::Unknown);
    }
    let scope = Scope::none();
    let mut exprs = Vec::with_capacity(select.projection.len());
    let mut descs = Vec::with_capacity(select.projection.len());
    for item in &select.projection {
        let (expr, name) = match item {
            ast::SelectItem::UnnamedExpr(expr) => (expr, name::of(expr)),
            ast::SelectItem::ExprWithAlias { expr, alias } => (expr, fold(alias).into_owned()),
            _ => return Err(Stop::Unknown),
        };
        let compiled = Compiler::new(&scope, &mut context.params).expression(expr)?;
        descs.push(ColumnDesc::new(name, compiled.sql_type().clone()));
        exprs.push(compiled);
    }
    Ok((None, Some(descs.into()), Kind::Constants(exprs)))
}

fn one_table(
    context: &mut Context<'_>,
    query: &ast::Query,
    select: &ast::Select,
    from: &ast::TableWithJoins,
) -> Compiled {
    let (table, alias) = plain_table(context, from)?;
    let scope = Scope::of_table(&table, alias.as_deref());
    let (conditions, whole) = conditions(&scope, &mut context.params, select.selection.as_ref())?;
    let output = output(&table, &scope, &mut context.params, &select.projection)?;
    let (limit, offset) = limits(context, query)?;
    let lock = lock(query, alias.as_deref().unwrap_or(&table.name))?;
    let order = order(query, &scope, &output, &mut context.params)?;
    let path = path(context, &table, conditions, &order, limit.is_some())?;
    let columns = output.descs.clone();
    let select = Select {
        output,
        path,
        whole,
        limit,
        offset,
        lock,
    };
    Ok((Some(table), Some(columns), Kind::Select(Arc::new(select))))
}

/// The columns of ORDER BY. An output name goes before a table's column.
fn order(
    query: &ast::Query,
    scope: &Scope<'_>,
    output: &Output,
    params: &mut Params,
) -> Result<Vec<OrderColumn>, Stop> {
    let Some(order_by) = &query.order_by else {
        return Ok(Vec::new());
    };
    let ast::OrderByKind::Expressions(exprs) = &order_by.kind else {
        return Err(Stop::Unknown);
    };
    if order_by.interpolate.is_some() {
        return Err(Stop::Unknown);
    }
    let stored = |place: usize| match output.columns.get(place) {
        Some(OutputColumn::Stored(column)) => Ok(*column),
        _ => Err(Stop::Unknown),
    };
    let mut columns = Vec::with_capacity(exprs.len());
    for item in exprs {
        if item.with_fill.is_some() {
            return Err(Stop::Unknown);
        }
        let descending = item.options.asc == Some(false);
        // NULLs first where they are last by default, or the reverse: a sort.
        if item
            .options
            .nulls_first
            .is_some_and(|first| first != descending)
        {
            return Err(Stop::Unknown);
        }
        let column = match &item.expr {
            Expr::Identifier(name) => {
                let name = fold(name);
                let mut places = output
                    .descs
                    .iter()
                    .enumerate()
                    .filter(|(_, desc)| desc.name == name)
                    .map(|(place, _)| place);
                match (places.next(), places.next()) {
                    (Some(place), None) => stored(place)?,
                    (None, _) => plain_column(scope, params, &item.expr)?,
                    (Some(place), Some(other)) => {
                        // The same column twice is no ambiguity.
                        let column = stored(place)?;
                        if places
                            .chain([other])
                            .any(|place| stored(place).map_or(true, |another| another != column))
                        {
                            return Err(Stop::Unknown);
                        }
                        column
                    }
                }
            }
            Expr::Value(value) => match &value.value {
                ast::Value::Number(digits, false) => {
                    let ordinal: usize = digits.parse().map_err(|_| Stop::Unknown)?;
                    stored(ordinal.checked_sub(1).ok_or(Stop::Unknown)?)?
                }
                _ => return Err(Stop::Unknown),
            },
            expr @ Expr::CompoundIdentifier(_) => plain_column(scope, params, expr)?,
            _ => return Err(Stop::Unknown),
        };
        columns.push(OrderColumn { column, descending });
    }
    Ok(columns)
}

fn plain_column(scope: &Scope<'_>, params: &mut Params, expr: &Expr) -> Result<usize, Stop> {
    Compiler::new(scope, params)
        .expression(expr)?
        .as_column()
        .ok_or(Stop::Unknown)
}

/// LIMIT and OFFSET, or FETCH FIRST.
fn limits(
    context: &mut Context<'_>,
    query: &ast::Query,
) -> Result<(Option<RowExpr>, Option<RowExpr>), Stop> {
    let scope = Scope::none();
    let mut count = |expr: &Expr| {
        let counted = Compiler::new(&scope, &mut context.params).converted(expr, &SqlType::Int8)?;
        if counted.is_constant() {
            Ok(counted)
        } else {
            Err(Stop::Unknown)
        }
    };
    let (mut limit, mut offset) = (None, None);
    match &query.limit_clause {
        None => {}
        Some(ast::LimitClause::LimitOffset {
            limit: rows,
            offset: skipped,
            limit_by,
        }) if limit_by.is_empty() => {
            limit = rows.as_ref().map(&mut count).transpose()?;
            offset = skipped
                .as_ref()
                .map(|offset| count(&offset.value))
                .transpose()?;
        }
        Some(_) => return Err(Stop::Unknown),
    }
    if let Some(fetch) = &query.fetch {
        if limit.is_some() || fetch.with_ties || fetch.percent {
            return Err(Stop::Unknown);
        }
        limit = Some(match &fetch.quantity {
            Some(rows) => count(rows)?,
            None => RowExpr::from_parts(
                Node::Const(orbit_core::value::Value::Int8(1)),
                SqlType::Int8,
            ),
        });
    }
    Ok((limit, offset))
}

fn lock(query: &ast::Query, name: &str) -> Result<Option<(RowLock, Wait)>, Stop> {
    let clause = match query.locks.as_slice() {
        [] => return Ok(None),
        [clause] => clause,
        _ => return Err(Stop::Unknown),
    };
    let (mode, of) = row_locks::mode(clause);
    match of {
        [] => {}
        [ast::ObjectNamePart::Identifier(of)] if fold(of) == name => {}
        _ => return Err(Stop::Unknown),
    }
    let wait = match clause.nonblock {
        None => Wait::Block,
        Some(ast::NonBlock::Nowait) => Wait::NoWait,
        Some(ast::NonBlock::SkipLocked) => Wait::SkipLocked,
    };
    Ok(Some((mode, wait)))
}
