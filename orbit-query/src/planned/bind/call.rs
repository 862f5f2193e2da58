//! Function calls: what stands between the name and the table of functions.

use super::expr::not_allowed;
use super::hypothetical::is_hypothetical;
use super::scope::Scope;
use super::special::no_function;
use super::{Binder, Bound, literal, moment};
use crate::planned::functions::json;
use crate::planned::functions::row::RowFn;
use crate::planned::functions::{Choice, choose};
use crate::planned::types;
use crate::planned::{aggregates, arrow};
use datafusion::common::tree_node::TreeNode;
use datafusion::logical_expr::Expr;
use datafusion::logical_expr::expr::ScalarFunction;
use orbit_core::catalog::is_temporary_schema;
use orbit_core::types::SqlType;
use orbit_core::value::Value;
use orbit_core::{Error, Result, state};
use sqlparser::ast::{self, FunctionArg, FunctionArgExpr, FunctionArguments};
use std::sync::LazyLock;

/// A call's arguments.
#[derive(Clone)]
pub(super) struct Args<'q> {
    pub exprs: Vec<&'q ast::Expr>,
    /// `count(*)`
    pub star: bool,
    /// `count(t.*)`
    pub relation: Option<&'q ast::ObjectName>,
    pub distinct: bool,
    /// The last one is `VARIADIC`.
    pub variadic: bool,
    pub order_by: &'q [ast::OrderByExpr],
}

pub(super) fn arguments(function: &ast::Function) -> Result<Args<'_>> {
    let mut args = Args {
        exprs: Vec::new(),
        star: false,
        relation: None,
        distinct: false,
        variadic: false,
        order_by: &[],
    };
    let FunctionArguments::List(list) = &function.args else {
        return Ok(args);
    };
    args.distinct = matches!(
        list.duplicate_treatment,
        Some(ast::DuplicateTreatment::Distinct)
    );
    for arg in &list.args {
        if args.variadic {
            return Err(Error::new(
                state::SYNTAX_ERROR,
                "syntax error at or near \",\"",
            ));
        }
        args.variadic = super::variadic::is_marked(arg);
        match arg {
            FunctionArg::Unnamed(FunctionArgExpr::Expr(expr)) => args.exprs.push(expr),
            FunctionArg::Unnamed(FunctionArgExpr::Wildcard) => args.star = true,
            FunctionArg::Unnamed(FunctionArgExpr::QualifiedWildcard(name)) => {
                args.relation = Some(name)
            }
            FunctionArg::Named {
                arg: FunctionArgExpr::Expr(expr),
                ..
            }
            | FunctionArg::ExprNamed {
                arg: FunctionArgExpr::Expr(expr),
                ..
            } => args.exprs.push(expr),
            other => return Err(Error::unsupported(format_args!("the argument {other}"))),
        }
    }
    for clause in &list.clauses {
        match clause {
            ast::FunctionArgumentClause::OrderBy(order) => args.order_by = order,
            other => return Err(Error::unsupported(format_args!("{other} in a call"))),
        }
    }
    Ok(args)
}

/// What a path's variables are if only `silent` is named.
static NO_VARIABLES: LazyLock<ast::Expr> = LazyLock::new(|| {
    ast::Expr::Value(ast::Value::SingleQuotedString("{}".to_owned()).with_empty_span())
});

fn names_silent(function: &ast::Function) -> bool {
    let FunctionArguments::List(list) = &function.args else {
        return false;
    };
    matches!(
        list.args.last(),
        Some(FunctionArg::Named { name, .. }
            | FunctionArg::ExprNamed { name: ast::Expr::Identifier(name), .. })
            if name.value.eq_ignore_ascii_case("silent")
    )
}

/// Functions that give several rows.
pub(crate) fn is_set_returning(name: &str) -> bool {
    matches!(
        name,
        "generate_series"
            | "unnest"
            | "pg_listening_channels"
            | "regexp_split_to_table"
            | "string_to_table"
            | "generate_subscripts"
            | "regexp_matches"
            | "json_array_elements"
            | "jsonb_array_elements"
            | "json_array_elements_text"
            | "jsonb_array_elements_text"
            | "jsonb_object_keys"
            | "json_object_keys"
            | "json_each"
            | "json_each_text"
            | "jsonb_each"
            | "jsonb_each_text"
            | "jsonb_path_query"
    )
}

/// The call with `t.*` among its arguments as a row of t; `None`: it has none such, or is
/// one that reads it otherwise.
fn with_rows(function: &ast::Function, name: &str) -> Option<ast::Function> {
    let FunctionArguments::List(list) = &function.args else {
        return None;
    };
    let is_star = |arg: &FunctionArg| {
        matches!(
            arg,
            FunctionArg::Unnamed(FunctionArgExpr::QualifiedWildcard(_))
        )
    };
    if matches!(name, "row" | "count") || !list.args.iter().any(is_star) {
        return None;
    }
    let mut function = function.clone();
    if let FunctionArguments::List(list) = &mut function.args {
        for arg in &mut list.args {
            if let FunctionArg::Unnamed(FunctionArgExpr::QualifiedWildcard(name)) = arg {
                let token = ast::helpers::attached_token::AttachedToken::empty();
                let row = ast::Expr::QualifiedWildcard(name.clone(), token);
                *arg = FunctionArg::Unnamed(FunctionArgExpr::Expr(row));
            }
        }
    }
    Some(function)
}

/// Functions that mean nothing without OVER.
fn is_window_only(name: &str) -> bool {
    matches!(
        name,
        "row_number"
            | "rank"
            | "dense_rank"
            | "percent_rank"
            | "cume_dist"
            | "ntile"
            | "lag"
            | "lead"
            | "first_value"
            | "last_value"
            | "nth_value"
    )
}

/// Whether the query's rows are other ones with this in its select list than without.
fn makes_rows(expr: &Expr) -> bool {
    let makes = |expr: &Expr| {
        Ok(matches!(
            expr,
            Expr::AggregateFunction(_) | Expr::WindowFunction(_) | Expr::Unnest(_)
        ))
    };
    expr.exists(makes).unwrap_or(true)
}

impl Binder<'_> {
    pub(super) fn function(&mut self, scope: &Scope, function: &ast::Function) -> Result<Bound> {
        let name = types::last_name(&function.name);
        if let FunctionArguments::Subquery(query) = &function.args {
            return match name.as_str() {
                "array" => self.array_subquery(scope, query),
                _ => Err(Error::unsupported(
                    "a subquery as the only argument of a function",
                )),
            };
        }
        if name == crate::statement::spelling::ASSIGN {
            let args = arguments(function)?;
            return self.assigned_part(scope, &args.exprs);
        }
        if name == "make_interval" {
            return self.make_interval(scope, function);
        }
        if let Some(function) = with_rows(function, &name) {
            return self.function(scope, &function);
        }
        let mut args = arguments(function)?;
        args.exprs.retain(|expr| !self.is_out_parameter(expr));
        if name.starts_with("jsonb_path_") && args.exprs.len() == 3 && names_silent(function) {
            args.exprs.insert(2, &NO_VARIABLES);
        }
        self.of_known_schema(scope, &function.name, &name, &args)?;
        if !function.within_group.is_empty() && is_hypothetical(&name) {
            return self.hypothetical(scope, &name, function, &args);
        }
        if function.over.is_some() {
            if !self.clause.windows {
                return Err(not_allowed("window", self.clause.name));
            }
            return self.window_call(scope, &name, function, args);
        }
        if aggregates::is_aggregate(&name) {
            // It may belong to a query around this one.
            if !self.clause.aggregates && self.outer.is_empty() {
                return Err(not_allowed("aggregate", self.clause.name));
            }
            return self.aggregate_call(scope, &name, function, args);
        }
        if is_window_only(&name) {
            return Err(Error::new(
                state::WRONG_OBJECT_TYPE,
                format!("window function {name} requires an OVER clause"),
            ));
        }
        if function.filter.is_some() {
            return Err(Error::new(
                state::WRONG_OBJECT_TYPE,
                format!("FILTER specified, but {name} is not an aggregate function"),
            ));
        }
        if args.distinct {
            return Err(Error::new(
                state::WRONG_OBJECT_TYPE,
                format!("DISTINCT specified, but {name} is not an aggregate function"),
            ));
        }
        if let Some(bound) = self.momentary(&name, &args)? {
            return Ok(bound);
        }
        if let Some(bound) = self.conditional(scope, &name, &args.exprs)? {
            return Ok(bound);
        }
        match (name.as_str(), args.exprs.as_slice()) {
            ("date_part", [field, source]) => {
                if let ast::Expr::Value(value) = super::operator::unnested(field) {
                    if let ast::Value::SingleQuotedString(field) = &value.value {
                        let field = field.clone();
                        let source = self.expr(scope, source)?;
                        return self.extract_from(&field, source, true);
                    }
                }
            }
            ("age", [since]) => return self.age_today(scope, since),
            ("array", items) => {
                return self.array(
                    scope,
                    items
                        .iter()
                        .map(|item| (*item).clone())
                        .collect::<Vec<_>>()
                        .as_slice(),
                );
            }
            ("pg_typeof", [value]) => {
                let bound = self.expr(scope, value)?;
                let name = arrow::nested::flat_type(&bound.ty.base()).to_string();
                if !makes_rows(&bound.expr) {
                    return literal::constant(Value::Text(name), SqlType::Text);
                }
                // An aggregate, say, is one still, though its value counts for nothing.
                let row = RowFn::new(
                    "pg_typeof".to_owned(),
                    name.clone(),
                    vec![bound.ty],
                    SqlType::Text,
                    move |_| Ok(Value::Text(name.clone())),
                )
                .lenient();
                return Ok(Bound::new(row.call(vec![bound.expr]), SqlType::Text));
            }
            ("grouping", _) => return self.grouping_call(scope, &args),
            ("row", _) => {
                return self.record(scope, &ast::Expr::Function(function.clone()));
            }
            ("array_to_json" | "to_json" | "to_jsonb", [ast::Expr::Function(inner), ..]) => {
                if let Some(inner) = self.rows_as_json(scope, inner, name == "to_jsonb") {
                    let mut outer = function.clone();
                    if let FunctionArguments::List(list) = &mut outer.args {
                        if let Some(first) = list.args.first_mut() {
                            *first = FunctionArg::Unnamed(FunctionArgExpr::Expr(inner));
                        }
                    }
                    return self.function(scope, &outer);
                }
            }
            _ => {}
        }
        if let ("row_to_json" | "to_json" | "to_jsonb", [value]) =
            (name.as_str(), args.exprs.as_slice())
        {
            if let Some(row) = self.row_as_json(scope, value, name == "to_jsonb")? {
                return Ok(row);
            }
        }
        if let ("row_to_json", [value, pretty]) = (name.as_str(), args.exprs.as_slice()) {
            if let Some(row) = self.row_as_json(scope, value, false)? {
                let pretty = self.expr(scope, pretty)?;
                let pretty = self.coerce(pretty, &SqlType::Bool)?;
                let lines = json::make::row_in_lines();
                let call = lines.call(vec![row.expr, pretty.expr]);
                return Ok(Bound::new(call, SqlType::Json));
            }
        }
        if is_set_returning(&name) {
            return self.set_returning(scope, &name, &args);
        }
        let of_json = matches!(
            name.as_str(),
            "json_build_object" | "jsonb_build_object" | "json_build_array" | "jsonb_build_array"
        );
        let mut bounds = Vec::with_capacity(args.exprs.len());
        for arg in &args.exprs {
            let row = match of_json {
                true => self.row_as_json(scope, arg, false)?,
                false => None,
            };
            bounds.push(match row {
                Some(row) => row,
                None => self.expr(scope, arg)?,
            });
        }
        match args.variadic {
            true => self.variadic_call(&name, bounds),
            false => self.call_bound(&name, bounds),
        }
    }

    /// What is built in is in `pg_catalog`, and in no other schema a call may name.
    fn of_known_schema(
        &mut self,
        scope: &Scope,
        full: &ast::ObjectName,
        name: &str,
        args: &Args<'_>,
    ) -> Result<()> {
        let [.., schema, _] = full.0.as_slice() else {
            return Ok(());
        };
        let Some(schema) = schema.as_ident() else {
            return Ok(());
        };
        let schema = match schema.quote_style {
            Some(_) => schema.value.clone(),
            None => schema.value.to_lowercase(),
        };
        let is_own = schema == "information_schema" && name.starts_with("_pg_");
        if schema == crate::pg_catalog::PG_CATALOG || is_own {
            return Ok(());
        }
        if schema != "information_schema" && self.catalog.schema(&schema).is_none() {
            return Err(Error::new(
                state::INVALID_SCHEMA_NAME,
                format!("schema \"{schema}\" does not exist"),
            ));
        }
        let mut have = Vec::with_capacity(args.exprs.len());
        for arg in &args.exprs {
            have.push(self.expr(scope, arg)?.ty);
        }
        Err(no_function(&format!("{schema}.{name}"), &have))
    }

    pub(super) fn call_bound(&mut self, name: &str, bounds: Vec<Bound>) -> Result<Bound> {
        let have: Vec<SqlType> = bounds.iter().map(|bound| bound.ty.clone()).collect();
        // The table's own names for parts of a function.
        if name.contains(' ') {
            return Err(no_function(name, &have));
        }
        // What isn't text is quoted as the text that it casts to.
        if let ("quote_literal" | "quote_nullable", [only]) = (name, bounds.as_slice())
            && !only.is_unknown()
            && !types::is_text(&only.ty)
        {
            let text = self.cast(only.clone(), &SqlType::Text)?;
            return self.call_table(name, vec![text]);
        }
        match choose(name, &have) {
            Choice::One(chosen) => return self.invoke(chosen, bounds),
            Choice::Several => return self.call_table(name, bounds),
            Choice::None => {}
        }
        if let Some(bound) = self.system_function(name, &bounds)? {
            return Ok(bound);
        }
        // `date('2013-01-01')`, `text(5)`: a type's name with one argument is a cast.
        if let [only] = bounds.as_slice() {
            let ty = ast::DataType::Custom(
                ast::ObjectName::from(vec![ast::Ident::new(name)]),
                Vec::new(),
            );
            if let Ok(ty) = types::named(&ty) {
                if only.is_unknown() || types::castable(&only.ty, &ty) {
                    return self.cast(only.clone(), &ty);
                }
            }
        }
        Err(no_function(name, &have))
    }

    /// The catalogs' own functions.
    fn system_function(&mut self, name: &str, bounds: &[Bound]) -> Result<Option<Bound>> {
        let Some(function) = crate::planned::system_functions().iter().find(|function| {
            function.name() == name || function.aliases().iter().any(|alias| alias == name)
        }) else {
            return Ok(None);
        };
        // What it answers may be folded into the plan, which then holds for this catalog and
        // these settings only: asking for the schema notes that.
        let _ = (self.system)(crate::pg_catalog::PG_CATALOG);
        let have: Vec<SqlType> = bounds.iter().map(|bound| bound.ty.clone()).collect();
        self.note_named_call(name, &have);
        let mut args = Vec::with_capacity(bounds.len());
        let mut carried = Vec::with_capacity(bounds.len());
        for bound in bounds {
            let bound = self.decided(bound.clone())?;
            // Their bytes mean nothing to these functions.
            let bound = match bound.ty {
                SqlType::Inet | SqlType::Cidr => self.cast(bound, &SqlType::Text)?,
                _ => bound,
            };
            carried.push(arrow::arrow_type(&bound.ty));
            args.push(bound.expr);
        }
        let returned = function
            .return_type(&carried)
            .map_err(crate::planned::error::from_datafusion);
        let Ok(returned) = returned else {
            return Ok(None);
        };
        let ty = crate::pg_catalog::result_type(function.name())
            .unwrap_or_else(|| arrow::sql_type_of_data(&returned));
        let mut expr = Expr::ScalarFunction(ScalarFunction::new_udf(function.clone(), args));
        if arrow::arrow_type(&ty) != returned {
            expr = Expr::Cast(datafusion::logical_expr::expr::Cast::new(
                Box::new(expr),
                arrow::arrow_type(&ty),
            ));
        }
        Ok(Some(Bound::new(expr, ty)))
    }

    /// now() and its like: known only when the statement runs.
    fn momentary(&mut self, name: &str, args: &Args<'_>) -> Result<Option<Bound>> {
        if !args.exprs.is_empty()
            && !matches!(name, "current_timestamp" | "localtimestamp" | "localtime")
        {
            return Ok(None);
        }
        if let [digits] = args.exprs.as_slice() {
            let ast::Expr::Value(value) = digits else {
                return Ok(None);
            };
            let ast::Value::Number(digits, _) = &value.value else {
                return Ok(None);
            };
            let Ok(digits) = digits.parse() else {
                return Ok(None);
            };
            let plain = Args {
                exprs: Vec::new(),
                star: false,
                relation: None,
                distinct: false,
                variadic: false,
                order_by: &[],
            };
            return match self.momentary(name, &plain)? {
                Some(now) => self.rounded_to(now, digits).map(Some),
                None => Ok(None),
            };
        }
        let now =
            |ty: SqlType| Bound::new(literal::placeholder(moment::NOW, &SqlType::TimestampTz), ty);
        Ok(Some(match name {
            "now" | "current_timestamp" | "transaction_timestamp" | "statement_timestamp" => {
                now(SqlType::TimestampTz)
            }
            "localtimestamp" => {
                let bound = now(SqlType::TimestampTz);
                self.cast(bound, &SqlType::Timestamp)?
            }
            "current_date" => {
                let bound = now(SqlType::TimestampTz);
                self.cast(bound, &SqlType::Date)?
            }
            "localtime" => {
                let bound = now(SqlType::TimestampTz);
                self.cast(bound, &SqlType::Time)?
            }
            "session_user" => Bound::new(
                literal::placeholder(moment::SESSION_USER, &SqlType::Name),
                SqlType::Name,
            ),
            "current_user" | "user" | "current_role" => Bound::new(
                literal::placeholder(moment::USER, &SqlType::Name),
                SqlType::Name,
            ),
            "current_database" | "current_catalog" => Bound::new(
                literal::placeholder(moment::DATABASE, &SqlType::Name),
                SqlType::Name,
            ),
            "pg_backend_pid" => Bound::new(
                literal::placeholder(moment::PID, &SqlType::Int4),
                SqlType::Int4,
            ),
            "current_schema" => {
                let first = self
                    .settings
                    .search_path()
                    .iter()
                    .find(|schema| self.catalog.has_schema(schema) && !is_temporary_schema(schema))
                    .cloned();
                literal::constant(first.map_or(Value::Null, Value::Text), SqlType::Name)?
            }
            _ => return Ok(None),
        }))
    }

    /// All of its arguments have defaults, and may be named.
    fn make_interval(&mut self, scope: &Scope, function: &ast::Function) -> Result<Bound> {
        const NAMES: [&str; 7] = ["years", "months", "weeks", "days", "hours", "mins", "secs"];
        let args: &[FunctionArg] = match &function.args {
            FunctionArguments::List(list) => &list.args,
            _ => &[],
        };
        let mut given: [Option<Bound>; 7] = Default::default();
        let mut named = false;
        for (at, arg) in args.iter().enumerate() {
            let (name, value) = match arg {
                FunctionArg::Unnamed(FunctionArgExpr::Expr(value)) => (None, value),
                FunctionArg::Named {
                    name,
                    arg: FunctionArgExpr::Expr(value),
                    ..
                }
                | FunctionArg::ExprNamed {
                    name: ast::Expr::Identifier(name),
                    arg: FunctionArgExpr::Expr(value),
                    ..
                } => (Some(types::fold(name)), value),
                other => return Err(Error::unsupported(format_args!("the argument {other}"))),
            };
            let bound = self.expr(scope, value)?;
            if named && name.is_none() {
                return Err(Error::new(
                    state::SYNTAX_ERROR,
                    "positional argument cannot follow named argument",
                ));
            }
            let place = match &name {
                Some(name) => NAMES.iter().position(|known| known == name),
                None => Some(at),
            };
            named |= name.is_some();
            match place.and_then(|place| given.get_mut(place)) {
                Some(slot) if slot.is_none() => *slot = Some(bound),
                _ => return Err(no_function("make_interval", &[bound.ty])),
            }
        }
        let mut bounds = Vec::with_capacity(NAMES.len());
        for (at, bound) in given.into_iter().enumerate() {
            bounds.push(match bound {
                Some(bound) => bound,
                None if at == NAMES.len() - 1 => {
                    literal::constant(Value::Float8(0.0), SqlType::Float8)?
                }
                None => literal::constant(Value::Int4(0), SqlType::Int4)?,
            });
        }
        self.call_table("make_interval", bounds)
    }

    /// `age(x)`: up to midnight today.
    fn age_today(&mut self, scope: &Scope, since: &ast::Expr) -> Result<Bound> {
        let value = self.expr(scope, since)?;
        if value.ty == SqlType::Oid {
            let number = self.cast(value, &SqlType::Int8)?;
            return self.call_table("orbit_age", vec![number]);
        }
        if matches!(
            value.ty,
            SqlType::Int2 | SqlType::Int4 | SqlType::Int8 | SqlType::Numeric(_) | SqlType::Bool
        ) {
            return Err(super::special::no_function("age", &[value.ty]));
        }
        let now = literal::placeholder(moment::NOW, &SqlType::TimestampTz);
        let today = self.cast(Bound::new(now, SqlType::TimestampTz), &SqlType::Date)?;
        let ty = match value.ty {
            SqlType::Timestamp | SqlType::Date => SqlType::Timestamp,
            _ => SqlType::TimestampTz,
        };
        let today = self.cast(today, &ty)?;
        self.call_table("age", vec![today, value])
    }
}
