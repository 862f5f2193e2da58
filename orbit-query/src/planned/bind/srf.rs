//! Functions that give several rows: in FROM, and in the select list.

use super::call::is_set_returning;
use super::from::Relation;
use super::keys::forget_dependencies;
use super::scope::{Scope, ScopeColumn, ScopeRelation};
use super::variadic::{is_marked, mark_last};
use super::{Binder, Bound, BoundQuery, Clause, OutColumn};
use crate::planned::error::Told;
use crate::planned::functions::{Choice, choose, json};
use crate::planned::series::{self, Series};
use crate::planned::types;
use crate::planned::unnest::is_correlated;
use crate::statement::build::plain_call;
use crate::statement::spelling::ROWS_FROM;
use datafusion::common::{Column, UnnestOptions};
use datafusion::datasource::provider_as_source;
use datafusion::logical_expr::{Expr, JoinType, LogicalPlanBuilder, lit};
use orbit_core::types::SqlType;
use orbit_core::{Error, Result, state};
use sqlparser::ast::{self, Spanned, TableFactor};
use sqlparser::tokenizer::Span;
use std::sync::Arc;

/// A function call in FROM.
pub(super) struct TableCall<'q> {
    name: String,
    /// Where the name stands.
    span: Span,
    args: Vec<&'q ast::Expr>,
    variadic: bool,
    alias: Option<&'q ast::TableAlias>,
    ordinality: bool,
}

impl Binder<'_> {
    pub(super) fn function_of<'q>(&self, factor: &'q TableFactor) -> Option<TableCall<'q>> {
        fn exprs<'q>(args: &'q [ast::FunctionArg]) -> Vec<&'q ast::Expr> {
            args.iter()
                .filter_map(|arg| match arg {
                    ast::FunctionArg::Unnamed(ast::FunctionArgExpr::Expr(expr)) => Some(expr),
                    ast::FunctionArg::Named {
                        arg: ast::FunctionArgExpr::Expr(expr),
                        ..
                    }
                    | ast::FunctionArg::ExprNamed {
                        arg: ast::FunctionArgExpr::Expr(expr),
                        ..
                    } if is_marked(arg) => Some(expr),
                    _ => None,
                })
                .collect()
        }
        match factor {
            TableFactor::Table {
                name,
                alias,
                args: Some(args),
                with_ordinality,
                ..
            } => Some(TableCall {
                span: name.span(),
                name: types::last_name(name),
                args: exprs(&args.args),
                variadic: args.args.last().is_some_and(is_marked),
                alias: alias.as_ref(),
                ordinality: *with_ordinality,
            }),
            TableFactor::Function {
                name,
                args,
                alias,
                with_ordinality,
                ..
            } => Some(TableCall {
                span: name.span(),
                name: types::last_name(name),
                args: exprs(args),
                variadic: args.last().is_some_and(is_marked),
                alias: alias.as_ref(),
                ordinality: *with_ordinality,
            }),
            TableFactor::UNNEST {
                alias,
                array_exprs,
                with_ordinality,
                ..
            } => Some(TableCall {
                span: Span::empty(),
                name: "unnest".to_owned(),
                args: array_exprs.iter().collect(),
                variadic: false,
                alias: alias.as_ref(),
                ordinality: *with_ordinality,
            }),
            _ => None,
        }
    }

    /// The function's rows beside each row of `left`, which its arguments may use.
    pub(super) fn function_beside(
        &mut self,
        left: Option<Relation>,
        call: &TableCall<'_>,
        keep_left: bool,
    ) -> Result<Relation> {
        self.function_called(left, call, keep_left)
            .map_err(|error| self.placed_in(error, call.span))
    }

    fn function_called(
        &mut self,
        left: Option<Relation>,
        call: &TableCall<'_>,
        keep_left: bool,
    ) -> Result<Relation> {
        let scope = Self::lateral_scope(left.as_ref());
        let mut lists = Vec::new();
        let defined = call.alias.map_or(&[][..], |alias| &alias.columns);
        if defined.iter().any(|column| column.data_type.is_some())
            && (!json::is_record_function(&call.name) || call.name.contains("populate"))
        {
            return Err(Error::new(
                state::SYNTAX_ERROR,
                "a column definition list is only allowed for functions returning \"record\"",
            ));
        }
        let mut names: Option<Vec<String>> = None;
        if json::is_record_function(&call.name) {
            let (columns, fields) = self.records(&scope, call)?;
            names = Some(columns);
            lists = fields;
        } else if call.name == ROWS_FROM {
            let (columns, rows) = self.rows_from(&scope, call)?;
            names = Some(columns);
            lists = rows;
        } else if call.name == "unnest" && call.args.len() > 1 {
            for arg in &call.args {
                let bound = self.expr(&scope, arg)?;
                lists.push(self.list_of("unnest", vec![bound])?);
            }
        } else if !is_set_returning(&call.name) && json::each_columns(&call.name).is_none() {
            // Any function may stand in FROM; it gives one row.
            let args = call.args.iter().map(|arg| (*arg).clone()).collect();
            let mut one = plain_call(&call.name, args);
            if call.variadic {
                mark_last(&mut one);
            }
            let one = ast::Expr::Function(one);
            let clause = Clause::plain("functions in FROM");
            let bound = self.within(clause, |binder| binder.expr(&scope, &one))?;
            let ty = bound.ty.clone();
            lists.push((crate::planned::functions::array::single(bound)?, ty));
        } else {
            let mut bounds = Vec::with_capacity(call.args.len());
            for arg in &call.args {
                bounds.push(self.expr(&scope, arg)?);
            }
            if let Some(relation) = self.series(call, &bounds)? {
                return beside(left, relation, keep_left);
            }
            let list = if let Some([keys, values]) = json::each_columns(&call.name) {
                let have: Vec<SqlType> = bounds.iter().map(|bound| bound.ty.clone()).collect();
                if matches!(choose(keys, &have), Choice::None) {
                    return Err(super::special::no_function(&call.name, &have));
                }
                lists.push(self.list_of(keys, bounds.clone())?);
                self.list_of(values, bounds)?
            } else {
                self.list_of(&call.name, bounds)?
            };
            lists.push(list);
        }
        // Rows that depend on nothing beside them are made once, not beside each row.
        let depends = lists
            .iter()
            .any(|(list, _)| !list.column_refs().is_empty() || list.contains_outer());
        let (left, alone) = if depends { (left, None) } else { (None, left) };
        let unique = self.unique_name(
            call.alias
                .map_or(call.name.as_str(), |alias| alias.name.value.as_str()),
        );
        let base = match &left {
            Some(left) => forget_dependencies(left.plan.clone())?,
            None => LogicalPlanBuilder::empty(true).build().told()?,
        };
        let mut exprs: Vec<Expr> = base
            .schema()
            .iter()
            .map(|(qualifier, field)| Expr::Column(Column::new(qualifier.cloned(), field.name())))
            .collect();
        let mut columns = Vec::new();
        let shown = match (call.alias, &names) {
            (Some(alias), _) => types::fold(&alias.name),
            (None, Some(names)) if call.name == ROWS_FROM => {
                names.first().cloned().unwrap_or_default()
            }
            _ => call.name.clone(),
        };
        if call.ordinality {
            let first = lists[0].0.clone();
            let ordinals = crate::planned::functions::array::ordinals(first, &lists[0].1);
            lists.push((ordinals, SqlType::Int8));
        }
        let last = lists.len() - 1;
        for (i, (list, ty)) in lists.into_iter().enumerate() {
            let inner = format!("__{unique}_{i}");
            let list = match keep_left {
                true => crate::planned::functions::array::null_if_empty(list, &ty),
                false => list,
            };
            exprs.push(list.alias(&inner));
            let given = names.as_ref().and_then(|names| names.get(i));
            let name = if call.ordinality && i == last {
                "ordinality"
            } else if let Some(given) = given {
                given
            } else {
                own_name(&call.name, i).unwrap_or(&shown)
            }
            .to_owned();
            // Unnesting takes a column's qualifier off; the name alone is unique.
            columns.push((Column::new_unqualified(inner), name, ty));
        }
        let mut plan = LogicalPlanBuilder::from(base)
            .project(exprs)
            .told()?
            .build()
            .told()?;
        let unnested: Vec<Column> = columns
            .iter()
            .map(|(column, _, _)| column.clone())
            .collect();
        plan = LogicalPlanBuilder::from(plan)
            .unnest_columns_with_options(
                unnested,
                UnnestOptions::new().with_preserve_nulls(keep_left),
            )
            .told()?
            .build()
            .told()?;
        let relation = ScopeRelation {
            alias: shown,
            schema: None,
            columns: columns
                .into_iter()
                .map(|(column, name, ty)| ScopeColumn {
                    name,
                    bound: Bound::new(Expr::Column(column), ty),
                })
                .collect(),
            primary_key: Vec::new(),
        };
        // The alias names the one value too, whatever its column is called.
        let value = match relation.columns.as_slice() {
            [only] if own_name(&call.name, 0).is_some() => Some(ScopeColumn {
                name: relation.alias.clone(),
                bound: only.bound.clone(),
            }),
            _ => None,
        };
        let relation = named_columns(relation, call.alias)?;
        let mut own = Scope::of(relation);
        own.values.extend(value);
        if alone.is_some() {
            return beside(alone, Relation { plan, scope: own }, keep_left);
        }
        Ok(Relation {
            plan,
            scope: match left {
                Some(left) => left.scope.beside(own)?,
                None => own,
            },
        })
    }

    /// `ROWS FROM (f(x), g(y))`: the names of the columns, and each column's values as a list.
    #[allow(clippy::type_complexity)]
    fn rows_from(
        &mut self,
        scope: &Scope,
        call: &TableCall<'_>,
    ) -> Result<(Vec<String>, Vec<(Expr, SqlType)>)> {
        let mut names = Vec::new();
        let mut lists = Vec::new();
        for arg in &call.args {
            let ast::Expr::Function(function) = super::operator::unnested(arg) else {
                return Err(Error::unsupported(format_args!("{arg} in ROWS FROM")));
            };
            let name = types::last_name(&function.name);
            if json::is_record_function(&name) {
                return Err(Error::unsupported(format_args!("{name} in ROWS FROM")));
            }
            let args = super::call::arguments(function)?;
            let mut bounds = Vec::with_capacity(args.exprs.len());
            for arg in &args.exprs {
                bounds.push(self.expr(scope, arg)?);
            }
            if let Some([keys, values]) = json::each_columns(&name) {
                lists.push(self.list_of(keys, bounds.clone())?);
                lists.push(self.list_of(values, bounds)?);
                names.extend(["key".to_owned(), "value".to_owned()]);
            } else if is_set_returning(&name) {
                lists.push(self.list_of(&name, bounds)?);
                names.push(own_name(&name, 0).map_or(name.clone(), str::to_owned));
            } else {
                let bound = self.call_bound(&name, bounds)?;
                let ty = bound.ty.clone();
                let row = crate::planned::functions::array::single(bound)?;
                lists.push((row, ty));
                names.push(name);
            }
        }
        Ok((names, lists))
    }

    /// `json_to_recordset(j) AS t(a int, ...)`, `json_populate_record(NULL::t, j)`: the
    /// names of the columns, and each column's values as a list.
    #[allow(clippy::type_complexity)]
    fn records(
        &mut self,
        scope: &Scope,
        call: &TableCall<'_>,
    ) -> Result<(Vec<String>, Vec<(Expr, SqlType)>)> {
        let populates = call.name.contains("populate");
        let (columns, document): (Vec<(String, SqlType)>, &ast::Expr) =
            match (populates, call.args.as_slice()) {
                (false, [document]) => {
                    let defined = call.alias.map_or(&[][..], |alias| &alias.columns);
                    let columns = defined.iter().map(|column| {
                        let ty = column.data_type.as_ref().ok_or_else(undescribed)?;
                        Ok((types::fold(&column.name), types::named(ty)?))
                    });
                    (columns.collect::<Result<_>>()?, document)
                }
                (true, [base, document]) => (self.row_type(base)?, document),
                _ => return Err(super::special::no_function(&call.name, &[])),
            };
        if columns.is_empty() {
            return Err(undescribed());
        }
        let document = self.expr(scope, document)?;
        let ty = match call.name.starts_with("jsonb") {
            true => SqlType::Jsonb,
            false => SqlType::Json,
        };
        if !document.is_unknown() && document.ty != ty {
            let have = [document.ty.clone()];
            return Err(super::special::no_function(&call.name, &have));
        }
        let document = self.coerce(document, &ty)?.expr;
        let mut lists = Vec::with_capacity(columns.len());
        for (name, column) in &columns {
            let field =
                json::field_of_records(&call.name, name, column, &ty, &self.settings.format);
            lists.push((field.call(vec![document.clone()]), column.clone()));
        }
        Ok((columns.into_iter().map(|(name, _)| name).collect(), lists))
    }

    /// The columns of `NULL::t`.
    fn row_type(&self, base: &ast::Expr) -> Result<Vec<(String, SqlType)>> {
        let unsupported =
            || Error::unsupported("json_populate_record over anything but NULL::table");
        let ast::Expr::Cast {
            expr, data_type, ..
        } = super::operator::unnested(base)
        else {
            return Err(unsupported());
        };
        let null = matches!(&**expr, ast::Expr::Value(value) if value.value == ast::Value::Null);
        let ast::DataType::Custom(name, _) = data_type else {
            return Err(unsupported());
        };
        if !null {
            return Err(unsupported());
        }
        let parts: Vec<String> = name
            .0
            .iter()
            .filter_map(|part| part.as_ident())
            .map(types::fold)
            .collect();
        let (schema, table) = match parts.as_slice() {
            [table] => (None, table),
            [schema, table] => (Some(schema.as_str()), table),
            _ => return Err(unsupported()),
        };
        let found = self.find_table(schema, table).ok_or_else(|| {
            Error::new(
                state::UNDEFINED_OBJECT,
                format!("type \"{}\" does not exist", parts.join(".")),
            )
        })?;
        let columns = found.columns.iter();
        Ok(columns
            .map(|column| (column.name.clone(), column.sql_type.clone()))
            .collect())
    }

    /// A function in FROM that is joined on a condition: if it looks at what stands left
    /// of it, a query in LATERAL.
    pub(super) fn function_lateral(
        &mut self,
        seen: &Scope,
        call: &TableCall<'_>,
    ) -> Result<Relation> {
        let clause = Clause::plain("FROM clause of their own query level");
        let relation = self.within(clause, |binder| {
            binder.inside_of(seen, |binder| binder.function_beside(None, call, false))
        })?;
        if !is_correlated(&relation.plan)? {
            return Ok(relation);
        }
        let columns = relation.scope.visible.iter();
        let columns = columns.filter_map(|column| match &column.bound.expr {
            Expr::Column(own) => Some(OutColumn {
                name: column.name.clone(),
                ty: column.bound.ty.clone(),
                column: own.clone(),
                origin: None,
            }),
            _ => None,
        });
        let query = BoundQuery {
            plan: relation.plan,
            columns: columns.collect(),
        };
        let alias = relation.scope.relations.first().map(|of| of.alias.clone());
        let mut inner = self.derived(query, None, true)?;
        if let (Some(own), Some(alias)) = (inner.scope.relations.first_mut(), alias) {
            own.alias = alias;
        }
        for value in relation.scope.values {
            let bound = inner.scope.visible.first().map(|only| only.bound.clone());
            inner.scope.values.extend(bound.map(|bound| ScopeColumn {
                name: value.name,
                bound,
            }));
        }
        Ok(inner)
    }

    /// A series of integers that needs no list of them.
    fn series(&mut self, call: &TableCall<'_>, bounds: &[Bound]) -> Result<Option<Relation>> {
        if call.name != "generate_series" || call.ordinality {
            return Ok(None);
        }
        let args: Vec<&Expr> = bounds.iter().map(|bound| &bound.expr).collect();
        let Some((series, ty)) = Series::of(&args) else {
            return Ok(None);
        };
        let shown = call
            .alias
            .map_or_else(|| call.name.clone(), |alias| types::fold(&alias.name));
        let unique = self.unique_name(&shown);
        let provider = provider_as_source(Arc::new(series));
        let plan = LogicalPlanBuilder::scan(unique.as_str(), provider, None)
            .told()?
            .build()
            .told()?;
        let column = Column::new(Some(unique.as_str()), series::COLUMN);
        let relation = ScopeRelation {
            alias: shown.clone(),
            schema: None,
            columns: vec![ScopeColumn {
                name: shown,
                bound: Bound::new(Expr::Column(column), ty),
            }],
            primary_key: Vec::new(),
        };
        let relation = named_columns(relation, call.alias)?;
        Ok(Some(Relation {
            plan,
            scope: Scope::of(relation),
        }))
    }
}

fn undescribed() -> Error {
    Error::new(
        state::SYNTAX_ERROR,
        "a column definition list is required for functions returning \"record\"",
    )
}

/// What a function's column is called whatever the relation is.
fn own_name(function: &str, column: usize) -> Option<&'static str> {
    match (function, column) {
        (
            "json_array_elements"
            | "json_array_elements_text"
            | "jsonb_array_elements"
            | "jsonb_array_elements_text",
            0,
        ) => Some("value"),
        (name, 0) if json::each_columns(name).is_some() => Some("key"),
        (name, 1) if json::each_columns(name).is_some() => Some("value"),
        _ => None,
    }
}

/// Each row of `left`, if there is one, with each of `right`, which needs nothing of it.
fn beside(left: Option<Relation>, right: Relation, keep_left: bool) -> Result<Relation> {
    let Some(left) = left else {
        return Ok(right);
    };
    let builder = LogicalPlanBuilder::from(left.plan);
    let joined = if keep_left {
        builder.join_on(right.plan, JoinType::Left, [lit(true)])
    } else {
        builder.cross_join(right.plan)
    };
    Ok(Relation {
        plan: joined.told()?.build().told()?,
        scope: left.scope.beside(right.scope)?,
    })
}

fn named_columns(
    mut relation: ScopeRelation,
    alias: Option<&ast::TableAlias>,
) -> Result<ScopeRelation> {
    let Some(alias) = alias else {
        return Ok(relation);
    };
    if alias.columns.len() > relation.columns.len() {
        return Err(Error::new(
            state::INVALID_COLUMN_REFERENCE,
            format!(
                "table \"{}\" has {} columns available but {} columns specified",
                relation.alias,
                relation.columns.len(),
                alias.columns.len()
            ),
        ));
    }
    for (column, name) in relation.columns.iter_mut().zip(&alias.columns) {
        column.name = types::fold(&name.name);
    }
    Ok(relation)
}
