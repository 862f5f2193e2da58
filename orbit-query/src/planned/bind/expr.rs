//! Expressions, one case of the syntax at a time.

use super::operator::{binary, unnested};
use super::rows::row_items;
use super::scope::Scope;
use super::{Binder, Bound, literal};
use crate::planned::types;
use crate::statement::dialect::symmetric_bound;
use datafusion::common::tree_node::TreeNode;
use datafusion::logical_expr::expr::Case;
use datafusion::logical_expr::{Expr, Operator, lit};
use orbit_core::types::SqlType;
use orbit_core::value::Value;
use orbit_core::{Error, Result, state};
use sqlparser::ast;

impl Binder<'_> {
    pub fn expr(&mut self, scope: &Scope, expr: &ast::Expr) -> Result<Bound> {
        let before = self.valued;
        self.valued |= !passes_truth_on(expr);
        let bound = self.deeper(|binder| binder.expr_here(scope, expr));
        self.valued = before;
        bound.map_err(|error| self.placed(error, expr))
    }

    fn expr_here(&mut self, scope: &Scope, expr: &ast::Expr) -> Result<Bound> {
        use ast::Expr as E;
        match expr {
            E::Nested(inner) => self.expr(scope, inner),
            E::Identifier(ident) => self.column(scope, std::slice::from_ref(ident)),
            E::CompoundIdentifier(path) => self.column(scope, path),
            E::Value(value) => self.value(value),
            E::TypedString(typed) => self.typed_string(typed),
            E::Interval(interval) => self.interval(interval),
            E::Cast {
                kind,
                expr,
                data_type,
                ..
            } => {
                if matches!(kind, ast::CastKind::TryCast | ast::CastKind::SafeCast) {
                    return Err(Error::unsupported("TRY_CAST"));
                }
                if matches!(data_type, ast::DataType::Regclass) || is_reg_type(data_type) {
                    return self.regclass(scope, expr, data_type);
                }
                let ty = types::named(data_type)?;
                let bound = self.expr(scope, expr)?;
                let bound = self.interval_constant(bound, data_type)?;
                let bound = self.cast(bound, &ty)?;
                self.rounded(bound, data_type)
            }
            E::BinaryOp { left, op, right } => self.binary_op(scope, left, op, right),
            E::UnaryOp { op, expr } => self.unary_op(scope, *op, expr),
            E::IsNull(inner) => {
                if let Some(row) = self.row_is_null(scope, inner, Expr::IsNull)? {
                    return Ok(row);
                }
                let bound = self.tested(scope, inner)?;
                Ok(boolean(Expr::IsNull(Box::new(bound.expr))))
            }
            E::IsNotNull(inner) => {
                if let Some(row) = self.row_is_null(scope, inner, Expr::IsNotNull)? {
                    return Ok(row);
                }
                let bound = self.tested(scope, inner)?;
                Ok(boolean(Expr::IsNotNull(Box::new(bound.expr))))
            }
            E::IsTrue(inner) => self.truth(scope, inner, "IS TRUE", |x| settled(x, true)),
            E::IsNotTrue(inner) => self.truth(scope, inner, "IS NOT TRUE", |x| settled(x, false)),
            E::IsFalse(inner) => {
                self.truth(scope, inner, "IS FALSE", |x| settled(negated(x), true))
            }
            E::IsNotFalse(inner) => {
                self.truth(scope, inner, "IS NOT FALSE", |x| settled(negated(x), false))
            }
            E::IsUnknown(inner) => self.truth(scope, inner, "IS UNKNOWN", Expr::IsNull),
            E::IsNotUnknown(inner) => self.truth(scope, inner, "IS NOT UNKNOWN", Expr::IsNotNull),
            E::IsDistinctFrom(left, right) => {
                self.distinct(scope, left, right, Operator::IsDistinctFrom)
            }
            E::IsNotDistinctFrom(left, right) => {
                self.distinct(scope, left, right, Operator::IsNotDistinctFrom)
            }
            E::Between {
                expr,
                negated,
                low,
                high,
            } => {
                if let Some(low) = symmetric_bound(low) {
                    return self.between_symmetric(scope, expr, low, high, *negated);
                }
                if row_items(expr).is_some() {
                    let (from, to) = (ast::BinaryOperator::GtEq, ast::BinaryOperator::LtEq);
                    let from = self.binary_op(scope, expr, &from, low)?;
                    let to = self.binary_op(scope, expr, &to, high)?;
                    let within = binary(from.expr, Operator::And, to.expr);
                    return Ok(boolean(match negated {
                        true => Expr::Not(Box::new(within)),
                        false => within,
                    }));
                }
                let value = self.expr(scope, expr)?;
                let low = self.expr(scope, low)?;
                let high = self.expr(scope, high)?;
                let (from, to, join) = if *negated {
                    (Operator::Lt, Operator::Gt, Operator::Or)
                } else {
                    (Operator::GtEq, Operator::LtEq, Operator::And)
                };
                let from = self.compare(value.clone(), from, low)?;
                let to = self.compare(value, to, high)?;
                Ok(boolean(binary(from.expr, join, to.expr)))
            }
            E::InList {
                expr,
                list,
                negated,
            } => self.in_list(scope, expr, list, *negated),
            E::InSubquery {
                expr,
                subquery,
                negated,
            } => self.in_subquery(scope, expr, subquery, *negated),
            E::Exists { subquery, negated } => self.exists(scope, subquery, *negated),
            E::Subquery(query) => self.scalar_subquery(scope, query),
            E::AnyOp {
                left,
                compare_op,
                right,
                ..
            } => self.quantified(scope, left, compare_op, right, true),
            E::AllOp {
                left,
                compare_op,
                right,
            } => self.quantified(scope, left, compare_op, right, false),
            E::Like {
                negated,
                any: false,
                expr: value,
                pattern,
                escape_char: None,
            }
            | E::ILike {
                negated,
                any: false,
                expr: value,
                pattern,
                escape_char: None,
            } if all_of(pattern).is_some() => {
                let op = like_sign(expr, *negated);
                let list = all_of(pattern).unwrap_or(pattern);
                self.quantified(scope, value, &op, list, false)
            }
            E::Like {
                negated,
                any: false,
                expr,
                pattern,
                escape_char,
            } => self.like(scope, expr, pattern, escape_char.as_ref(), *negated, false),
            E::ILike {
                negated,
                any: false,
                expr,
                pattern,
                escape_char,
            } => self.like(scope, expr, pattern, escape_char.as_ref(), *negated, true),
            E::Like {
                negated,
                any: true,
                expr: value,
                pattern,
                escape_char: None,
            }
            | E::ILike {
                negated,
                any: true,
                expr: value,
                pattern,
                escape_char: None,
            } => {
                let op = like_sign(expr, *negated);
                self.quantified(scope, value, &op, pattern, true)
            }
            E::SimilarTo {
                negated,
                expr,
                pattern,
                escape_char,
            } => self.similar_to(scope, expr, pattern, escape_char.as_ref(), *negated),
            E::Case {
                operand,
                conditions,
                else_result,
                ..
            } => self.singly("CASE", |binder| {
                binder.case(
                    scope,
                    operand.as_deref(),
                    conditions,
                    else_result.as_deref(),
                )
            }),
            E::Function(function) => self.function(scope, function),
            E::Extract { field, expr, .. } => self.extract(scope, &field.to_string(), expr),
            E::Ceil { expr, .. } => self.table_call(scope, "ceil", &[expr]),
            E::Floor { expr, .. } => self.table_call(scope, "floor", &[expr]),
            E::Position { expr, r#in } => self.table_call(scope, "strpos", &[r#in, expr]),
            E::Substring {
                expr,
                substring_from,
                substring_for,
                ..
            } => self.substring(
                scope,
                expr,
                substring_from.as_deref(),
                substring_for.as_deref(),
            ),
            E::Trim {
                trim_where,
                trim_what,
                expr,
                trim_characters,
            } => {
                let name = match trim_where {
                    Some(ast::TrimWhereField::Leading) => "ltrim",
                    Some(ast::TrimWhereField::Trailing) => "rtrim",
                    _ => "btrim",
                };
                let what = trim_what
                    .as_deref()
                    .or_else(|| trim_characters.as_ref()?.first());
                match what {
                    Some(what) => self.table_call(scope, name, &[expr, what]),
                    None => self.table_call(scope, name, &[expr]),
                }
            }
            E::Overlay {
                expr,
                overlay_what,
                overlay_from,
                overlay_for,
            } => match overlay_for {
                Some(length) => self.table_call(
                    scope,
                    "overlay",
                    &[expr, overlay_what, overlay_from, length],
                ),
                None => self.table_call(scope, "overlay", &[expr, overlay_what, overlay_from]),
            },
            E::AtTimeZone {
                timestamp,
                time_zone,
            } => self.table_call(scope, "timezone", &[time_zone, timestamp]),
            E::Collate { expr, collation } => self.collated(scope, expr, collation),
            E::Array(array) => self.array(scope, &array.elem),
            // `(t).x` where t is a relation.
            E::CompoundFieldAccess { root, access_chain }
                if self.row_columns(scope, root).is_some()
                    && matches!(
                        access_chain.as_slice(),
                        [ast::AccessExpr::Dot(ast::Expr::Identifier(_))]
                    ) =>
            {
                let mut path = Vec::with_capacity(2);
                if let E::Identifier(relation) = unnested(root) {
                    path.push(relation.clone());
                }
                if let [ast::AccessExpr::Dot(E::Identifier(column))] = access_chain.as_slice() {
                    path.push(column.clone());
                }
                self.column(scope, &path)
            }
            E::CompoundFieldAccess { root, access_chain } => {
                self.subscript(scope, root, access_chain)
            }
            E::Tuple(_) => self.record(scope, expr),
            // `t.*` as a value is a row of t.
            E::QualifiedWildcard(name, _) => {
                let name = types::last_name(name);
                match self.row_named(scope, &name)? {
                    Some(row) => Ok(row),
                    None => Err(self.no_such_relation(scope, &name)),
                }
            }
            other => Err(Error::unsupported(format_args!("the expression {other}"))),
        }
    }

    /// A column; else, in WHERE and later SELECT items, what the alias of that name stands for.
    fn column(&mut self, scope: &Scope, path: &[ast::Ident]) -> Result<Bound> {
        if let Some(bound) = self.resolve(scope, path)? {
            return Ok(bound);
        }
        let name = path.last().map(types::fold).unwrap_or_default();
        if path.len() == 1 {
            let at = self.aliases.iter().position(|(alias, _)| *alias == name);
            if let Some(at) = at {
                // Without itself in sight: `x AS x` must not chase its tail.
                let meant = self.aliases.remove(at);
                let bound = self.expr(scope, &meant.1);
                self.aliases.insert(at, meant);
                return bound;
            }
        }
        if path.len() == 1
            && let Some(row) = self.row_named(scope, &name)?
        {
            return Ok(row);
        }
        Err(self.no_such_column(scope, None, &name))
    }

    fn unary_op(
        &mut self,
        scope: &Scope,
        op: ast::UnaryOperator,
        inner: &ast::Expr,
    ) -> Result<Bound> {
        use ast::UnaryOperator as U;
        match op {
            U::Not => {
                // So that each is decided where it is known whether only true counts.
                match unnested(inner) {
                    ast::Expr::InSubquery {
                        expr,
                        subquery,
                        negated,
                    } => return self.in_subquery(scope, expr, subquery, !*negated),
                    ast::Expr::Exists { subquery, negated } => {
                        return self.exists(scope, subquery, !*negated);
                    }
                    _ => {}
                }
                let bound = self.expr(scope, inner)?;
                let bound = self.boolean_at(bound, "NOT", inner)?;
                Ok(boolean(Expr::Not(Box::new(bound.expr))))
            }
            U::Minus => {
                if let ast::Expr::Value(value) = unnested(inner) {
                    if let ast::Value::Number(text, _) = &value.value {
                        return literal::number(text).and_then(|bound| {
                            // int8's smallest value does not fit without its sign.
                            if text == "9223372036854775808" {
                                return literal::constant(Value::Int8(i64::MIN), SqlType::Int8);
                            }
                            if text == "2147483648" {
                                return literal::constant(Value::Int4(i32::MIN), SqlType::Int4);
                            }
                            self.negate(bound)
                        });
                    }
                }
                let bound = self.expr(scope, inner)?;
                self.negate(bound)
            }
            U::Plus => self.expr(scope, inner),
            U::PGAbs => self.table_call(scope, "abs", &[inner]),
            U::PGSquareRoot | U::PGCubeRoot => {
                let name = match op {
                    U::PGSquareRoot => "sqrt",
                    _ => "cbrt",
                };
                // The operators are there for float8 alone.
                let mut bound = self.expr(scope, inner)?;
                if types::category(&bound.ty) == types::Category::Numeric {
                    bound = self.cast(bound, &SqlType::Float8)?;
                }
                self.call_table(name, vec![bound])
            }
            U::BitwiseNot => {
                let bound = self.expr(scope, inner)?;
                self.table_unary("~", bound)
            }
            other => Err(Error::unsupported(format_args!("the operator {other}"))),
        }
    }

    /// What IS NULL tests.
    fn tested(&mut self, scope: &Scope, inner: &ast::Expr) -> Result<Bound> {
        let bound = self.expr(scope, inner)?;
        self.decided(bound)
    }

    fn truth(
        &mut self,
        scope: &Scope,
        inner: &ast::Expr,
        what: &str,
        make: fn(Box<Expr>) -> Expr,
    ) -> Result<Bound> {
        let bound = self.expr(scope, inner)?;
        let bound = self.boolean_at(bound, what, inner)?;
        Ok(boolean(make(Box::new(bound.expr))))
    }

    fn distinct(
        &mut self,
        scope: &Scope,
        left: &ast::Expr,
        right: &ast::Expr,
        op: Operator,
    ) -> Result<Bound> {
        if let Some(rows) = self.row_comparison(scope, left, op, right)? {
            return Ok(rows);
        }
        let left = self.expr(scope, left)?;
        let right = self.expr(scope, right)?;
        let (left, right) = self.comparable(left, right, "=")?;
        Ok(boolean(binary(left, op, right)))
    }

    fn case(
        &mut self,
        scope: &Scope,
        operand: Option<&ast::Expr>,
        conditions: &[ast::CaseWhen],
        otherwise: Option<&ast::Expr>,
    ) -> Result<Bound> {
        let operand = operand
            .map(|operand| self.expr(scope, operand))
            .transpose()?;
        let mut values = Vec::with_capacity(conditions.len());
        let mut whens = Vec::with_capacity(conditions.len());
        let mut thens = Vec::with_capacity(conditions.len() + 1);
        for when in conditions {
            let single = self.single.take_if(|_| operand.is_none());
            let condition = self.expr(scope, &when.condition);
            self.single = self.single.or(single);
            let condition = condition?;
            if operand.is_none() && gives_rows(&condition.expr) {
                return Err(Error::new(
                    state::DATATYPE_MISMATCH,
                    "argument of CASE/WHEN must not return a set",
                ));
            }
            let condition = match &operand {
                Some(operand) => {
                    values.push(condition.clone());
                    self.compare(operand.clone(), Operator::Eq, condition)?
                }
                None => self.boolean_at(condition, "CASE/WHEN", &when.condition)?,
            };
            whens.push(condition.expr);
            thens.push(self.expr(scope, &when.result)?);
        }
        thens.push(match otherwise {
            Some(otherwise) => self.expr(scope, otherwise)?,
            None => literal::null()?,
        });
        // PostgreSQL looks at ELSE first.
        let first: Vec<&SqlType> = thens
            .last()
            .into_iter()
            .chain(&thens[..thens.len() - 1])
            .map(|then| &then.ty)
            .collect();
        let ty = types::common(first.iter().copied(), "CASE").map_err(|error| {
            // The first after ELSE that doesn't fit the ones before.
            let misfit = types::misfit(&first, "CASE").and_then(|at| at.checked_sub(1));
            match misfit.and_then(|at| conditions.get(at)) {
                Some(when) => self.placed_at(error, &when.result),
                None => error,
            }
        })?;
        let mut thens = self.branches(thens, &ty)?;
        let otherwise = thens.pop();
        let once = operand.map(|operand| self.case_once(&operand, &values));
        let (operand, whens) = match once.transpose()?.flatten() {
            Some((operand, values)) => (Some(operand), values),
            None => (None, whens),
        };
        let pairs = whens.into_iter().zip(thens);
        let pairs = pairs.map(|(when, then)| (Box::new(when), Box::new(then)));
        let case = Case::new(
            operand.map(Box::new),
            pairs.collect(),
            otherwise.map(Box::new),
        );
        Ok(Bound::new(Expr::Case(case), ty))
    }

    /// `work` on what gives one value in each row.
    pub(super) fn singly<T>(
        &mut self,
        what: &'static str,
        work: impl FnOnce(&mut Self) -> Result<T>,
    ) -> Result<T> {
        let before = self.single.replace(what);
        let result = work(self);
        self.single = before;
        result
    }

    /// Every branch in the common type.
    pub(super) fn branches(&mut self, bounds: Vec<Bound>, ty: &SqlType) -> Result<Vec<Expr>> {
        bounds
            .into_iter()
            .map(|bound| {
                Ok(if *ty == SqlType::Numeric(None) {
                    self.to_carrier(bound)?.expr
                } else {
                    self.coerce(bound, ty)?.expr
                })
            })
            .collect()
    }
}

/// Whether a function that gives several rows is called in it.
pub(super) fn gives_rows(expr: &Expr) -> bool {
    expr.exists(|expr| Ok(matches!(expr, Expr::Unnest(_))))
        .unwrap_or(false)
}

/// The operator that a LIKE or ILIKE is.
fn like_sign(like: &ast::Expr, negated: bool) -> ast::BinaryOperator {
    use ast::BinaryOperator as Op;
    match (like, negated) {
        (ast::Expr::Like { .. }, false) => Op::PGLikeMatch,
        (ast::Expr::Like { .. }, true) => Op::PGNotLikeMatch,
        (_, false) => Op::PGILikeMatch,
        (_, true) => Op::PGNotILikeMatch,
    }
}

/// The list of `LIKE ALL (list)`, which parses as a call.
fn all_of(pattern: &ast::Expr) -> Option<&ast::Expr> {
    let ast::Expr::Function(function) = pattern else {
        return None;
    };
    let [ast::ObjectNamePart::Identifier(name)] = function.name.0.as_slice() else {
        return None;
    };
    let ast::FunctionArguments::List(list) = &function.args else {
        return None;
    };
    if name.quote_style.is_some() || !name.value.eq_ignore_ascii_case("all") {
        return None;
    }
    match list.args.as_slice() {
        [ast::FunctionArg::Unnamed(ast::FunctionArgExpr::Expr(list))] => Some(list),
        _ => None,
    }
}

pub(super) fn boolean(expr: Expr) -> Bound {
    Bound::new(expr, SqlType::Bool)
}

/// Whether, where only true counts of the whole, only true counts of the parts.
fn passes_truth_on(expr: &ast::Expr) -> bool {
    use ast::Expr as E;
    match expr {
        E::Nested(_) | E::InSubquery { .. } | E::Exists { .. } => true,
        E::AnyOp { .. } | E::AllOp { .. } => true,
        E::BinaryOp { op, .. } => {
            matches!(op, ast::BinaryOperator::And | ast::BinaryOperator::Or)
        }
        E::UnaryOp {
            op: ast::UnaryOperator::Not,
            expr,
        } => matches!(unnested(expr), E::InSubquery { .. } | E::Exists { .. }),
        _ => false,
    }
}

/// `then` where the condition is true, its opposite where it is false or NULL. Not
/// `Expr::IsTrue` and its kin: DataFusion takes them for never NULL when it plans and
/// for as nullable as their input when it runs, and then refuses its own plan.
fn settled(condition: Box<Expr>, then: bool) -> Expr {
    Expr::Case(Case::new(
        None,
        vec![(condition, Box::new(lit(then)))],
        Some(Box::new(lit(!then))),
    ))
}

fn negated(condition: Box<Expr>) -> Box<Expr> {
    Box::new(Expr::Not(condition))
}

fn is_reg_type(ty: &ast::DataType) -> bool {
    match ty {
        ast::DataType::Custom(name, _) => matches!(
            types::last_name(name).as_str(),
            "regclass" | "regtype" | "regproc" | "regprocedure" | "regnamespace" | "regrole"
        ),
        _ => false,
    }
}

pub(super) fn not_allowed(what: &str, clause: &str) -> Error {
    let code = if what.starts_with("window") {
        state::WINDOWING_ERROR
    } else {
        state::GROUPING_ERROR
    };
    Error::new(
        code,
        format!("{what} functions are not allowed in {clause}"),
    )
}
