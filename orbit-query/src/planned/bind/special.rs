//! Syntax with rules of its own: COALESCE and its like, EXTRACT, SUBSTRING,
//! patterns, arrays, `::regclass`.

use super::scope::Scope;
use super::{Binder, Bound, literal, once};
use crate::planned::alike::Literal as Leans;
use crate::planned::error::Told;
use crate::planned::functions::row::{RowFn, arity};
use crate::planned::functions::{Choice, choose, datetime};
use crate::planned::types;
use crate::statement::names::Name;
use datafusion::logical_expr::expr::Case;
use datafusion::logical_expr::{Expr, Operator};
use orbit_core::types::SqlType;
use orbit_core::value::{Interval, Value, ValueRef};
use orbit_core::{Error, Result, state};
use sqlparser::ast;

impl Binder<'_> {
    /// A function of the table by name.
    pub(super) fn table_call(
        &mut self,
        scope: &Scope,
        name: &str,
        args: &[&ast::Expr],
    ) -> Result<Bound> {
        let mut bound = Vec::with_capacity(args.len());
        for arg in args {
            bound.push(self.expr(scope, arg)?);
        }
        self.call_table(name, bound)
    }

    pub(super) fn call_table(&mut self, name: &str, args: Vec<Bound>) -> Result<Bound> {
        let have: Vec<SqlType> = args.iter().map(|arg| arg.ty.clone()).collect();
        match choose(name, &have) {
            Choice::One(chosen) => self.invoke(chosen, args),
            Choice::None => Err(no_function(name, &have)),
            Choice::Several => Err(Error::new(
                state::AMBIGUOUS_FUNCTION,
                format!("function {}({}) is not unique", name, type_list(&have)),
            )
            .with_hint("Could not choose a best candidate function. You might need to add explicit type casts.")),
        }
    }

    pub(super) fn substring(
        &mut self,
        scope: &Scope,
        text: &ast::Expr,
        from: Option<&ast::Expr>,
        length: Option<&ast::Expr>,
    ) -> Result<Bound> {
        let text = self.expr(scope, text)?;
        let mut args = vec![text];
        match (from, length) {
            (Some(from), None) => args.push(self.expr(scope, from)?),
            (from, Some(length)) => {
                args.push(match from {
                    Some(from) => self.expr(scope, from)?,
                    None => literal::number("1")?,
                });
                args.push(self.expr(scope, length)?);
            }
            (None, None) => {}
        }
        self.call_table("substring", args)
    }

    pub(super) fn extract(
        &mut self,
        scope: &Scope,
        field: &str,
        expr: &ast::Expr,
    ) -> Result<Bound> {
        let source = self.expr(scope, expr)?;
        self.extract_from(field.trim_matches(['\'', '"']), source, false)
    }

    /// EXTRACT, and `date_part`, which gives floats.
    pub(super) fn extract_from(
        &mut self,
        field: &str,
        source: Bound,
        floats: bool,
    ) -> Result<Bound> {
        let source = if source.is_unknown() {
            self.coerce(source, &SqlType::TimestampTz)?
        } else {
            source
        };
        if source.ty == SqlType::TimestampTz {
            self.leans_on_settings();
        }
        let part = datetime::part(&field.to_lowercase(), &source.ty)?;
        let returns = match floats {
            true => SqlType::Float8,
            false => part.numeric_type(),
        };
        let zone = self.settings.format.time_zone;
        let row = RowFn::new(
            "extract".to_owned(),
            format!("{part:?} {zone:?} {floats}"),
            vec![source.ty.clone()],
            returns.clone(),
            move |args| {
                let value = args.first().ok_or_else(arity)?;
                match datetime::extract(part, value, zone)? {
                    Value::Numeric(part) if floats => Ok(Value::Float8(part.to_f64())),
                    Value::Numeric(part) if part.is_infinite() => {
                        Err(Error::unsupported("a field of an infinite timestamp"))
                    }
                    part => Ok(part),
                }
            },
        );
        Ok(Bound::new(row.call(vec![source.expr]), returns))
    }

    /// COALESCE, GREATEST, LEAST, NULLIF. `None`: another function.
    pub(super) fn conditional(
        &mut self,
        scope: &Scope,
        name: &str,
        args: &[&ast::Expr],
    ) -> Result<Option<Bound>> {
        let what = match name {
            "coalesce" => "COALESCE",
            "greatest" => "GREATEST",
            "least" => "LEAST",
            "nullif" => "NULLIF",
            _ => return Ok(None),
        };
        let mut bounds = Vec::with_capacity(args.len());
        for arg in args {
            bounds.push(match name {
                "coalesce" => self.singly(what, |binder| binder.expr(scope, arg))?,
                _ => self.expr(scope, arg)?,
            });
        }
        if name == "nullif" {
            let [left, right] = <[Bound; 2]>::try_from(bounds).map_err(|bounds| {
                no_function(name, &bounds.into_iter().map(|b| b.ty).collect::<Vec<_>>())
            })?;
            let left = self.decided_like(left, &right)?;
            // The result is what `=` makes of its left side.
            let left = match (&left.ty, &right.ty) {
                (a, SqlType::Numeric(_)) if types::is_integer(a) => {
                    self.coerce(left, &SqlType::Numeric(None))?
                }
                (a, SqlType::Float4 | SqlType::Float8)
                    if types::is_integer(a) || matches!(a, SqlType::Numeric(_)) =>
                {
                    self.coerce(left, &SqlType::Float8)?
                }
                _ => left,
            };
            if let Some(once) = self.nullif_once(&left, &right)? {
                return Ok(Some(once));
            }
            may_be_repeated(&left.expr)?;
            let equal = self.compare(left.clone(), Operator::Eq, right)?;
            let null = self.typed_null(&left.ty)?;
            let ty = left.ty.clone();
            let case = Case::new(
                None,
                vec![(Box::new(equal.expr), Box::new(null))],
                Some(Box::new(left.expr)),
            );
            return Ok(Some(Bound::new(Expr::Case(case), ty)));
        }
        if bounds.is_empty() {
            return Err(Error::new(
                state::SYNTAX_ERROR,
                "syntax error at or near \")\"",
            ));
        }
        let ty = types::common(bounds.iter().map(|bound| &bound.ty), what)
            .map_err(|error| self.placed_misfit(error, &bounds, args.iter().copied()))?;
        let exprs = self.branches(bounds, &ty)?;
        let expr = match name {
            "coalesce" => once::coalesce(&exprs, &ty)
                .unwrap_or_else(|| datafusion::functions::core::expr_fn::coalesce(exprs)),
            _ if ty == SqlType::Interval => extreme_interval(exprs, name == "greatest"),
            "greatest" => datafusion::functions::core::expr_fn::greatest(exprs),
            _ => datafusion::functions::core::expr_fn::least(exprs),
        };
        Ok(Some(Bound::new(expr, ty)))
    }

    fn decided_like(&mut self, bound: Bound, other: &Bound) -> Result<Bound> {
        if !bound.is_unknown() {
            return Ok(bound);
        }
        let ty = if other.is_unknown() {
            SqlType::Text
        } else {
            other.ty.base()
        };
        self.coerce(bound, &ty)
    }

    pub(super) fn typed_null(&mut self, ty: &SqlType) -> Result<Expr> {
        Ok(literal::constant(Value::Null, ty.clone())?.expr)
    }

    /// `'t'::regclass` and `oid::regclass`.
    pub(super) fn regclass(
        &mut self,
        scope: &Scope,
        expr: &ast::Expr,
        ty: &ast::DataType,
    ) -> Result<Bound> {
        self.leans_on_literal(Leans::Name);
        let bound = self.expr(scope, expr)?;
        if !bound.is_unknown() && !types::is_text(&bound.ty) {
            // An oid shows as itself; names come from joins with the catalogs.
            return Ok(bound);
        }
        let Some(Value::Text(name)) = bound.literal.clone() else {
            return Err(Error::unsupported(format_args!(
                "a cast to {ty} of an expression"
            )));
        };
        if let Ok(oid) = name.parse::<u32>() {
            return literal::constant(Value::Int8(i64::from(oid)), SqlType::Oid);
        }
        let oid = Name::parse(&name).and_then(|name| {
            name.relation(self.catalog, self.settings)
                .map(|it| it.oid())
        });
        match oid {
            Some(oid) => literal::constant(Value::Int8(i64::from(oid)), SqlType::Oid),
            None => Err(Error::new(
                state::UNDEFINED_TABLE,
                format!("relation \"{name}\" does not exist"),
            )),
        }
    }
}

/// GREATEST and LEAST of intervals, by what they span.
fn extreme_interval(exprs: Vec<Expr>, greatest: bool) -> Expr {
    RowFn::new(
        if greatest { "greatest" } else { "least" }.to_owned(),
        "interval".to_owned(),
        vec![SqlType::Interval; exprs.len()],
        SqlType::Interval,
        move |args| {
            let mut best = None;
            for arg in args {
                let ValueRef::Interval(value) = arg else {
                    continue;
                };
                let better = best.is_none_or(|best: Interval| {
                    if greatest {
                        value.span() > best.span()
                    } else {
                        value.span() < best.span()
                    }
                });
                if better {
                    best = Some(*value);
                }
            }
            Ok(best.map_or(Value::Null, Value::Interval))
        },
    )
    .lenient()
    .call(exprs)
}

pub(super) fn type_list(args: &[SqlType]) -> String {
    args.iter()
        .map(|ty| ty.base().to_string())
        .collect::<Vec<_>>()
        .join(", ")
}

pub(super) fn no_function(name: &str, args: &[SqlType]) -> Error {
    Error::new(
        state::UNDEFINED_FUNCTION,
        format!("function {name}({}) does not exist", type_list(args)),
    )
    .with_hint("No function matches the given name and argument types. You might need to add explicit type casts.")
}

/// What an expression stands in twice: doubling it again and again ends here.
fn may_be_repeated(expr: &Expr) -> Result<()> {
    use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
    const MOST: usize = 2_000;
    let mut nodes = 0;
    expr.apply(|_| {
        nodes += 1;
        Ok(match nodes > MOST {
            true => TreeNodeRecursion::Stop,
            false => TreeNodeRecursion::Continue,
        })
    })
    .told()?;
    match nodes > MOST {
        true => Err(crate::statement::limits::too_deep()),
        false => Ok(()),
    }
}
