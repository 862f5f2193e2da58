//! A list of output expressions: SELECT's and RETURNING's.

use super::*;

/// Compiles the list over `table`'s columns.
pub(in crate::point) fn output(
    table: &Arc<Table>,
    scope: &Scope<'_>,
    params: &mut Params,
    items: &[ast::SelectItem],
) -> Result<Arc<Output>, Stop> {
    let mut columns = Vec::new();
    let mut computed = Vec::new();
    let mut descs = Vec::new();
    let mut push = |expr: RowExpr, name: String| match expr.as_column() {
        Some(place) => {
            columns.push(OutputColumn::Stored(place));
            descs.push(ColumnDesc {
                name,
                sql_type: expr.sql_type().clone(),
                table_oid: table.oid,
                attnum: i16::try_from(table.attnum(place)).unwrap_or(0),
                precision: table.columns.get(place).and_then(|column| column.precision),
            });
        }
        None => {
            columns.push(OutputColumn::Computed(computed.len()));
            descs.push(ColumnDesc::new(name, expr.sql_type().clone()));
            computed.push(expr);
        }
    };
    for item in items {
        match item {
            ast::SelectItem::UnnamedExpr(expr) => {
                let compiled = Compiler::new(scope, params).expression(expr)?;
                push(compiled, name::of(expr));
            }
            ast::SelectItem::ExprWithAlias { expr, alias } => {
                let compiled = Compiler::new(scope, params).expression(expr)?;
                push(compiled, fold(alias).into_owned());
            }
            ast::SelectItem::Wildcard(options) if is_plain(options) => {
                every_column(table, &mut push);
            }
            ast::SelectItem::QualifiedWildcard(
                ast::SelectItemQualifiedWildcardKind::ObjectName(name),
                options,
            ) if is_plain(options) => {
                match name.0.as_slice() {
                    [ast::ObjectNamePart::Identifier(name)] if scope.has_qualifier(&fold(name)) => {
                    }
                    _ => return Err(Stop::Unknown),
                }
                every_column(table, &mut push);
            }
            _ => return Err(Stop::Unknown),
        }
    }
    if descs.len() > MAX_RESULT_COLUMNS {
        return Err(Stop::Unknown);
    }
    Ok(Arc::new(Output {
        table: table.clone(),
        columns,
        computed,
        descs: descs.into(),
    }))
}

fn every_column(table: &Table, push: &mut dyn FnMut(RowExpr, String)) {
    for (place, column) in table.columns.iter().enumerate() {
        push(
            RowExpr::column(place, column.sql_type.clone()),
            column.name.clone(),
        );
    }
}

fn is_plain(options: &ast::WildcardAdditionalOptions) -> bool {
    options.opt_ilike.is_none()
        && options.opt_exclude.is_none()
        && options.opt_except.is_none()
        && options.opt_replace.is_none()
        && options.opt_rename.is_none()
        && options.opt_alias.is_none()
}
