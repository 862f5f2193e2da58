//! Aggregate calls, and GROUP BY.

use super::call::Args;
use super::expr::not_allowed;
use super::operator::float_key;
use super::peers::{key_of, sortable};
use super::scope::Scope;
use super::{Binder, Bound, Clause, literal};
use crate::planned::aggregates::{self, Fraction};
use crate::planned::functions::json;
use crate::planned::functions::row::RowFn;
use crate::planned::types;
use datafusion::logical_expr::Expr;
use datafusion::logical_expr::expr::{AggregateFunction, Case, Sort};
use orbit_core::types::SqlType;
use orbit_core::value::Value;
use orbit_core::{Error, Result, state};
use sqlparser::ast;

impl Binder<'_> {
    pub(super) fn aggregate_call(
        &mut self,
        scope: &Scope,
        name: &str,
        function: &ast::Function,
        args: Args<'_>,
    ) -> Result<Bound> {
        let allowed = self.clause;
        let of_outer = args.clone();
        let Parts { call, ty, finish } = match self.aggregate_parts(scope, name, function, args)? {
            Call::Here(parts) if !allowed.aggregates => {
                drop(parts);
                return Err(not_allowed("aggregate", allowed.name));
            }
            Call::Here(parts) => parts,
            Call::Outer(level) => {
                return self.outer_aggregate(level, name, function, of_outer);
            }
        };
        let returned = carried(name, &ty);
        let call = Expr::AggregateFunction(call);
        if let Some(finish) = finish {
            return Ok(Bound::new(finish.call(vec![call]), ty));
        }
        let wanted = crate::planned::arrow::arrow_type(&ty);
        if returned == wanted {
            return Ok(Bound::new(call, ty));
        }
        Ok(Bound::new(
            Expr::Cast(datafusion::logical_expr::expr::Cast::new(
                Box::new(call),
                wanted,
            )),
            ty,
        ))
    }

    /// The call itself; OVER may be wrapped around it.
    pub(super) fn aggregate_parts(
        &mut self,
        scope: &Scope,
        name: &str,
        function: &ast::Function,
        args: Args<'_>,
    ) -> Result<Call> {
        let inside = Clause {
            name: "aggregate function calls",
            aggregates: function.over.is_some(),
            windows: false,
        };
        let nested = |error: Error| {
            let said = |code, message: &'static str| {
                let told = Error::new(code, message);
                match error.position() {
                    Some(position) => told.at(position),
                    None => told,
                }
            };
            if error.is(state::WINDOWING_ERROR)
                && error.message().contains("aggregate function calls")
            {
                return match function.over.is_some() {
                    true => said(
                        state::WINDOWING_ERROR,
                        "window function calls cannot be nested",
                    ),
                    false => said(
                        state::GROUPING_ERROR,
                        "aggregate function calls cannot contain window function calls",
                    ),
                };
            }
            if error.is(state::GROUPING_ERROR)
                && error.message().contains("aggregate function calls")
            {
                return said(
                    state::GROUPING_ERROR,
                    "aggregate function calls cannot be nested",
                );
            }
            error
        };
        self.within(inside, |binder| {
            binder.aggregate_inside(scope, name, function, &args)
        })
        .map_err(nested)
    }

    fn aggregate_inside(
        &mut self,
        scope: &Scope,
        name: &str,
        function: &ast::Function,
        args: &Args<'_>,
    ) -> Result<Call> {
        let mut filter = match &function.filter {
            Some(filter) => {
                let bound = self.expr(scope, filter)?;
                Some(Box::new(self.boolean_at(bound, "FILTER", filter)?.expr))
            }
            None => None,
        };
        let mut bounds = Vec::with_capacity(args.exprs.len());
        if args.star || (name == "count" && args.exprs.is_empty() && args.relation.is_none()) {
            if name != "count" {
                return Err(super::special::no_function(name, &[]));
            }
            if !args.star {
                return Err(Error::new(
                    state::WRONG_OBJECT_TYPE,
                    "count(*) must be used to call a parameterless aggregate function",
                ));
            }
            bounds.push(literal::constant(Value::Int8(1), SqlType::Int8)?);
        } else if let Some(relation) = args.relation {
            let name = types::last_name(relation);
            bounds.push(self.row_present(scope, &name).ok_or_else(|| {
                Error::new(
                    state::UNDEFINED_TABLE,
                    format!("missing FROM-clause entry for table \"{name}\""),
                )
            })?);
        }
        let mut of_rows = false;
        for arg in &args.exprs {
            if matches!(name, "min" | "max") && self.row_parts(scope, arg).is_some() {
                return Err(Error::new(
                    state::UNDEFINED_FUNCTION,
                    format!("function {name}(record) does not exist"),
                )
                .with_hint("No function matches the given name and argument types. You might need to add explicit type casts."));
            }
            if matches!(name, "json_object_agg" | "jsonb_object_agg")
                && bounds.len() == 1
                && let Some(row) = self.row_as_json(scope, arg, false)?
            {
                bounds.push(row);
                continue;
            }
            if matches!(name, "json_agg" | "jsonb_agg") {
                if let Some(row) = self.row_as_json(scope, arg, name == "jsonb_agg")? {
                    of_rows = true;
                    bounds.push(row);
                    continue;
                }
            }
            let bound = match self.expr(scope, arg) {
                Err(error) if name == "count" && error.is(state::UNDEFINED_COLUMN) => match arg {
                    ast::Expr::Identifier(ident) => {
                        self.row_present(scope, &types::fold(ident)).ok_or(error)?
                    }
                    _ => return Err(error),
                },
                other => other?,
            };
            bounds.push(bound);
        }
        if function.over.is_none() && !self.outer.is_empty() {
            let seen = bounds.iter().map(|bound| &bound.expr);
            let seen: Vec<&Expr> = seen.chain(filter.as_deref()).collect();
            if let Some(level) = self.owner_of(&seen)? {
                return Ok(Call::Outer(level));
            }
        }
        if !function.within_group.is_empty() {
            let (call, ty) = self.ordered_set(scope, name, function, bounds, filter)?;
            return Ok(Call::Here(Parts::plain(call, ty)));
        }
        if function.over.is_some() && !args.order_by.is_empty() {
            return Err(Error::new(
                state::FEATURE_NOT_SUPPORTED,
                "aggregate ORDER BY is not implemented for window functions",
            ));
        }
        if matches!(name, "json_object_agg" | "jsonb_object_agg") && function.over.is_none() {
            let parts = self.object_of_pairs(scope, name, bounds, args, filter)?;
            return Ok(Call::Here(parts));
        }
        let have: Vec<SqlType> = bounds.iter().map(|bound| bound.ty.clone()).collect();
        let mut chosen = aggregates::choose(name, &have, &self.settings.format)?
            .ok_or_else(|| super::special::no_function(name, &have))?;
        let given: Vec<Expr> = bounds.iter().map(|bound| bound.expr.clone()).collect();
        let delimiter = bounds.get(1).and_then(|bound| bound.literal.clone());
        let of_bytes = match bounds.get(1) {
            Some(bound) if name == "string_agg" && chosen.returns == SqlType::Bytea => {
                let bound = self.coerce(bound.clone(), &SqlType::Bytea)?;
                let value = constant_of(&bound).ok_or_else(|| {
                    Error::unsupported("a delimiter of string_agg that is no constant")
                })?;
                Some(aggregates::joined_bytes(value))
            }
            _ => None,
        };
        let mut exprs = Vec::with_capacity(bounds.len());
        for (bound, want) in bounds.into_iter().zip(&chosen.args) {
            exprs.push(self.aggregate_argument(bound, want)?);
        }
        let mut order_by = self.aggregate_order(scope, args, &given, &exprs)?;
        if order_by.is_empty() && !args.distinct && function.over.is_none() {
            order_by.clone_from(&self.rows_order);
        }
        if !keeps_order(name) {
            order_by.clear();
        }
        if let (Some(filter), None) = (&filter, &function.over) {
            for expr in &mut exprs {
                let behind = behind(filter, expr);
                for sort in &mut order_by {
                    if sort.expr == *expr {
                        sort.expr = behind.clone();
                    }
                }
                *expr = behind;
            }
        }
        if name == "sum"
            && let (Some(expr), Some(ty)) = (exprs.first_mut(), chosen.args.first())
            && chosen.returns != SqlType::Numeric(None)
            && crate::planned::arrow::fixed_scale(ty).is_some()
            && matches!(have.first(), Some(SqlType::Numeric(_)))
        {
            *expr = super::operator::finite(std::mem::take(expr), ty);
        }
        // A window takes rows out again, and DISTINCT looks at products.
        if name == "sum"
            && !args.distinct
            && function.over.is_none()
            && let [product] = &exprs[..]
            && let Some((left, right)) = super::operator::wide_product(product)
        {
            exprs = vec![left, right];
            chosen.function = aggregates::sum_of_products();
        }
        let distinct = args.distinct && !harmless_distinct(name);
        if name == "count" && distinct {
            if let (Some(expr), Some(ty)) = (exprs.first_mut(), chosen.args.first()) {
                *expr = sortable(std::mem::take(expr), ty);
            }
        }
        let element = chosen.args.first().cloned().unwrap_or(SqlType::Text);
        let alike = exprs.first().and_then(|expr| match element {
            SqlType::Float4 | SqlType::Float8 => Some(float_key(expr.clone(), &element)),
            _ => key_of(expr, &crate::planned::arrow::arrow_type(&element)),
        });
        if let (true, Some(key)) = (distinct, alike) {
            if name == "array_agg" && function.over.is_none() {
                for sort in &mut order_by {
                    sort.expr = key.clone();
                }
                let call = AggregateFunction::new_udf(
                    chosen.function,
                    exprs,
                    false,
                    filter,
                    order_by,
                    None,
                );
                return Ok(Call::Here(Parts {
                    call,
                    ty: chosen.returns,
                    finish: Some(aggregates::without_repeats(&element)),
                }));
            }
            if name != "count" {
                // With a filter DataFusion leaves DISTINCT to the aggregate, which
                // knows equals when it sees them.
                filter.get_or_insert_with(|| Box::new(datafusion::logical_expr::lit(true)));
            }
        }
        // DataFusion's array_agg orders its items by itself, whatever the others want.
        let over_array = of_bytes.is_some()
            || function.over.is_none()
                && match name {
                    "json_agg" | "jsonb_agg" => true,
                    "string_agg" => delimiter.is_some() && (distinct || !order_by.is_empty()),
                    "array_agg" => matches!(element, SqlType::Array(_)),
                    _ => false,
                };
        if !over_array {
            let call = AggregateFunction::new_udf(
                chosen.function,
                exprs,
                distinct,
                filter,
                order_by,
                None,
            );
            return Ok(Call::Here(Parts::plain(call, chosen.returns)));
        }
        let finish = match delimiter {
            Some(delimiter) if name == "string_agg" => aggregates::joined(delimiter),
            _ if name == "array_agg" => aggregates::stacked(&element),
            _ => {
                let format = &self.settings.format;
                aggregates::json_of_array(&element, &chosen.returns, of_rows, format)
            }
        };
        let finish = of_bytes.unwrap_or(finish);
        exprs.truncate(1);
        let call = AggregateFunction::new_udf(
            datafusion::functions_aggregate::array_agg::array_agg_udaf(),
            exprs,
            distinct,
            filter,
            order_by,
            None,
        );
        Ok(Call::Here(Parts {
            call,
            ty: chosen.returns,
            finish: Some(finish),
        }))
    }

    /// `json_object_agg(key, value)`.
    fn object_of_pairs(
        &mut self,
        scope: &Scope,
        name: &str,
        bounds: Vec<Bound>,
        args: &Args<'_>,
        filter: Option<Box<Expr>>,
    ) -> Result<Parts> {
        let have: Vec<SqlType> = bounds.iter().map(|bound| bound.ty.clone()).collect();
        if have.len() != 2 {
            return Err(super::special::no_function(name, &have));
        }
        let mut exprs = Vec::with_capacity(2);
        let mut of = Vec::with_capacity(2);
        for bound in bounds {
            let bound = self.decided(bound)?;
            of.push(bound.ty);
            exprs.push(bound.expr);
        }
        let env = crate::planned::functions::Env {
            format: self.settings.format.clone(),
            types: of.clone(),
            session: None,
        };
        let field = json::object_field(of, env).call(exprs);
        let order_by = if args.distinct {
            vec![Sort::new(field.clone(), true, false)]
        } else {
            match self.sort_keys(scope, args.order_by)? {
                said if said.is_empty() => self.rows_order.clone(),
                said => said,
            }
        };
        let binary = name == "jsonb_object_agg";
        Ok(Parts {
            call: AggregateFunction::new_udf(
                datafusion::functions_aggregate::array_agg::array_agg_udaf(),
                vec![field],
                args.distinct,
                filter,
                order_by,
                None,
            ),
            ty: if binary {
                SqlType::Jsonb
            } else {
                SqlType::Json
            },
            finish: Some(json::object_of_fields(binary)),
        })
    }

    /// ORDER BY inside the call. DISTINCT sorts by the argument, and by nothing else.
    fn aggregate_order(
        &mut self,
        scope: &Scope,
        args: &Args<'_>,
        given: &[Expr],
        exprs: &[Expr],
    ) -> Result<Vec<Sort>> {
        if !args.distinct {
            return self.sort_keys(scope, args.order_by);
        }
        let Some(first) = exprs.first() else {
            return Ok(Vec::new());
        };
        let mut found = None;
        for key in args.order_by {
            let bound = self.expr(scope, &key.expr)?;
            let bound = self.decided(bound)?;
            if given.first() == Some(&bound.expr) || *first == bound.expr {
                found.get_or_insert_with(|| sort_key(first.clone(), &key.options));
            } else if !given.contains(&bound.expr) && !exprs.contains(&bound.expr) {
                return Err(Error::new(
                    state::INVALID_COLUMN_REFERENCE,
                    "in an aggregate with DISTINCT, ORDER BY expressions must appear in argument list",
                ));
            }
        }
        Ok(vec![
            found.unwrap_or_else(|| Sort::new(first.clone(), true, false)),
        ])
    }

    fn aggregate_argument(&mut self, bound: Bound, want: &SqlType) -> Result<Expr> {
        if *want == SqlType::Numeric(None) {
            return Ok(self.to_carrier(bound)?.expr);
        }
        if let SqlType::Numeric(Some(_)) = want {
            if types::is_integer(&bound.ty) {
                return Ok(Expr::Cast(datafusion::logical_expr::expr::Cast::new(
                    Box::new(bound.expr),
                    crate::planned::arrow::arrow_type(want),
                )));
            }
        }
        Ok(self.coerce(bound, want)?.expr)
    }

    /// `percentile_cont(0.5) WITHIN GROUP (ORDER BY x)`.
    fn ordered_set(
        &mut self,
        scope: &Scope,
        name: &str,
        function: &ast::Function,
        direct: Vec<Bound>,
        filter: Option<Box<Expr>>,
    ) -> Result<(AggregateFunction, SqlType)> {
        let [key] = function.within_group.as_slice() else {
            return Err(Error::unsupported("WITHIN GROUP over several keys"));
        };
        let descending = key.options.asc == Some(false);
        let value = self.expr(scope, &key.expr)?;
        let value = self.decided(value)?;
        let mut later = Vec::new();
        let direct = direct
            .into_iter()
            .map(|bound| {
                let ty = match &bound.ty {
                    SqlType::Array(_) => SqlType::Array(Box::new(SqlType::Float8)),
                    _ => SqlType::Float8,
                };
                let bound = self.coerce(bound, &ty)?;
                match constant_of(&bound) {
                    Some(value) => Ok(Fraction::Known(value)),
                    // A parameter: known when the statement runs.
                    None if bound.expr.column_refs().is_empty() => {
                        later.push(bound.expr);
                        Ok(Fraction::Later(bound.ty))
                    }
                    None => Err(Error::unsupported(
                        "a percentile that differs from row to row",
                    )),
                }
            })
            .collect::<Result<Vec<Fraction>>>()?;
        let have = value.ty.clone();
        if name == "percentile_cont" && types::category(&have) == types::Category::String {
            let numbers = SqlType::Numeric(None);
            return Err(super::special::no_function(name, &[numbers, have]));
        }
        let chosen = aggregates::choose_ordered_set(name, &have, &direct, descending)?;
        let Some(want) = chosen.args.first() else {
            return Err(Error::internal("an ordered set of nothing"));
        };
        let mut exprs = vec![self.aggregate_argument(value, want)?];
        exprs.append(&mut later);
        Ok((
            AggregateFunction::new_udf(chosen.function, exprs, false, filter, Vec::new(), None),
            chosen.returns,
        ))
    }

    /// ORDER BY inside a call or a window.
    pub(super) fn sort_keys(
        &mut self,
        scope: &Scope,
        order: &[ast::OrderByExpr],
    ) -> Result<Vec<Sort>> {
        self.keys_apart(scope, order)
            .iter()
            .map(|key| {
                let bound = self.expr(scope, &key.expr)?;
                let bound = self.decided(bound)?;
                Ok(sort_key(sortable(bound.expr, &bound.ty), &key.options))
            })
            .collect()
    }

    pub(super) fn grouping_call(&mut self, scope: &Scope, args: &Args<'_>) -> Result<Bound> {
        let mut exprs = Vec::new();
        for arg in &args.exprs {
            exprs.push(self.expr(scope, arg)?.expr);
        }
        let call = AggregateFunction::new_udf(
            datafusion::functions_aggregate::grouping::grouping_udaf(),
            exprs,
            false,
            None,
            Vec::new(),
            None,
        );
        Ok(Bound::new(Expr::AggregateFunction(call), SqlType::Int4))
    }
}

/// An aggregate call resolved.
pub(super) enum Call {
    Here(Parts),
    /// All that it looks at is the enclosing query's of this number: so is it.
    Outer(usize),
}

/// An aggregate call and what becomes of its result.
pub(super) struct Parts {
    pub call: AggregateFunction,
    pub ty: SqlType,
    /// Makes the answer out of the array that `call` gives.
    pub(super) finish: Option<RowFn>,
}

impl Parts {
    fn plain(call: AggregateFunction, ty: SqlType) -> Parts {
        Parts {
            call,
            ty,
            finish: None,
        }
    }
}

/// Aggregates whose answer depends on the order of rows.
fn keeps_order(name: &str) -> bool {
    matches!(name, "array_agg" | "json_agg" | "jsonb_agg" | "string_agg")
}

/// The Arrow type an aggregate's result comes in.
pub(super) fn carried(name: &str, ty: &SqlType) -> datafusion::arrow::datatypes::DataType {
    match name {
        "string_agg" => datafusion::arrow::datatypes::DataType::LargeUtf8,
        _ => crate::planned::arrow::arrow_type(ty),
    }
}

/// A value that is the same for every row, arrays of constants too.
fn constant_of(bound: &Bound) -> Option<Value> {
    if let Some(value) = &bound.literal {
        return Some(value.clone());
    }
    let simplified = datafusion::optimizer::simplify_expressions::ExprSimplifier::new(
        datafusion::logical_expr::simplify::SimplifyContext::default(),
    )
    .simplify(bound.expr.clone())
    .ok()?;
    match simplified {
        Expr::Literal(scalar, _) => crate::planned::arrow::scalar_value(&scalar, &bound.ty).ok(),
        _ => None,
    }
}

/// DISTINCT that changes nothing and would cost a hash table.
fn harmless_distinct(name: &str) -> bool {
    matches!(
        name,
        "min" | "max" | "bool_and" | "bool_or" | "every" | "bit_and" | "bit_or"
    )
}

/// PostgreSQL's defaults: NULLs are larger than everything.
pub(super) fn sort_key(expr: Expr, options: &ast::OrderByOptions) -> Sort {
    let asc = options.asc.unwrap_or(true);
    Sort::new(expr, asc, options.nulls_first.unwrap_or(!asc))
}

/// What an aggregate takes, of the rows that its FILTER leaves alone: of others it might fail.
fn behind(filter: &Expr, expr: &Expr) -> Expr {
    if matches!(expr, Expr::Column(_) | Expr::Literal(..)) || filter.is_volatile() {
        return expr.clone();
    }
    let branches = vec![(Box::new(filter.clone()), Box::new(expr.clone()))];
    Expr::Case(Case::new(None, branches, None))
}
