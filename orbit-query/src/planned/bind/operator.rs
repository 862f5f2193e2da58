//! Operators: arithmetic, comparison, logic, and everything the table names by a sign.

use super::record::{holds_records, record_key};
use super::scope::Scope;
use super::{Binder, Bound};
use crate::planned::arrow::fixed_scale;
use crate::planned::functions::json::jsonb_key;
use crate::planned::functions::row::RowFn;
use crate::planned::functions::{Choice, Env, Function, choose, session};
use crate::planned::operators::arith::{Arith, ArithOp};
use crate::planned::operators::rescale::{constant_in, rescale};
use crate::planned::operators::vector::VectorFn;
use crate::planned::{num, types};
use crate::session::SessionFacts;
use datafusion::arrow::array::{AsArray, Decimal128Array, Decimal256Array};
use datafusion::arrow::datatypes::IntervalMonthDayNanoType;
use datafusion::arrow::datatypes::{DataType, Decimal256Type, Float32Type, Float64Type};
use datafusion::logical_expr::async_udf::AsyncScalarUDF;
use datafusion::logical_expr::expr::ScalarFunction;
use datafusion::logical_expr::{BinaryExpr, Expr, Operator};
use orbit_core::types::SqlType;
use orbit_core::value::{Interval, Numeric, Value, ValueRef};
use orbit_core::{Error, Result, state};
use sqlparser::ast::{self, BinaryOperator as Op};
use std::sync::Arc;

/// How PostgreSQL writes the operator; `None`: it has no such one.
pub fn sign(op: &Op) -> Option<String> {
    Some(match op {
        Op::PGCustomBinaryOperator(parts) => parts.last()?.clone(),
        Op::Custom(sign) => sign.clone(),
        Op::PGExp | Op::BitwiseXor => "^".to_owned(),
        Op::PGBitwiseXor => "#".to_owned(),
        Op::NotEq => "<>".to_owned(),
        Op::Spaceship | Op::Xor | Op::DuckIntegerDivide | Op::MyIntegerDivide => return None,
        other => other.to_string(),
    })
}

fn comparison(sign: &str) -> Option<Operator> {
    Some(match sign {
        "=" => Operator::Eq,
        "<>" | "!=" => Operator::NotEq,
        "<" => Operator::Lt,
        "<=" => Operator::LtEq,
        ">" => Operator::Gt,
        ">=" => Operator::GtEq,
        _ => return None,
    })
}

pub fn binary(left: Expr, op: Operator, right: Expr) -> Expr {
    Expr::BinaryExpr(BinaryExpr::new(Box::new(left), op, Box::new(right)))
}

impl Binder<'_> {
    pub(super) fn binary_op(
        &mut self,
        scope: &Scope,
        left: &ast::Expr,
        op: &Op,
        right: &ast::Expr,
    ) -> Result<Bound> {
        if matches!(op, Op::And | Op::Or) {
            return self.logic(scope, left, op, right);
        }
        let sign = sign(op).ok_or_else(|| Error::unsupported(format_args!("the operator {op}")))?;
        if let Some(compare) = comparison(&sign) {
            if let Some(rows) = self.row_comparison(scope, left, compare, right)? {
                return Ok(rows);
            }
        }
        if *op == Op::Overlaps {
            return self.overlaps(scope, left, right);
        }
        super::collate::check_collations(left, right)?;
        let left = self.expr(scope, left)?;
        let right = self.expr(scope, right)?;
        self.operator(&sign, left, right)
    }

    /// `a AND b AND c ...` parses as a tree as deep as it is long; it is walked flat.
    fn logic(
        &mut self,
        scope: &Scope,
        left: &ast::Expr,
        op: &Op,
        right: &ast::Expr,
    ) -> Result<Bound> {
        let (what, operator) = match op {
            Op::And => ("AND", Operator::And),
            _ => ("OR", Operator::Or),
        };
        let mut terms = vec![right];
        let mut rest = left;
        while let ast::Expr::BinaryOp {
            left,
            op: inner,
            right,
        } = rest
        {
            if inner != op {
                break;
            }
            terms.push(right);
            rest = left;
        }
        terms.push(rest);
        let mut bound = Vec::with_capacity(terms.len());
        for term in terms.into_iter().rev() {
            let value = self.expr(scope, term)?;
            bound.push(self.boolean_at(value, what, term)?.expr);
        }
        Ok(Bound::new(balanced(bound, operator), SqlType::Bool))
    }

    pub(super) fn operator(&mut self, sign: &str, left: Bound, right: Bound) -> Result<Bound> {
        if let Some(op) = comparison(sign) {
            return self.compare(left, op, right);
        }
        if let Some(like) = self.like_operator(sign, &left, &right)? {
            return Ok(like);
        }
        if let Some(op) = ArithOp::of_sign(sign) {
            let numeric = |ty: &SqlType| {
                types::category(ty) == types::Category::Numeric && *ty != SqlType::Oid
            };
            match (numeric(&left.ty), numeric(&right.ty)) {
                (true, true) => return self.arithmetic(op, left, right),
                (true, false) if right.is_unknown() => {
                    let ty = left.ty.base();
                    let right = self.coerce(right, &ty)?;
                    return self.arithmetic(op, left, right);
                }
                (false, true) if left.is_unknown() => {
                    let ty = right.ty.base();
                    let left = self.coerce(left, &ty)?;
                    return self.arithmetic(op, left, right);
                }
                _ => {}
            }
        }
        if sign == "||"
            && !matches!(left.ty, SqlType::Array(_))
            && !matches!(right.ty, SqlType::Array(_))
        {
            let types = [&left.ty, &right.ty];
            // A jsonb beside a text is its text.
            let other = types.iter().any(|ty| **ty == SqlType::Bytea)
                || types.iter().any(|ty| **ty == SqlType::Jsonb)
                    && !types.iter().any(|ty| types::is_text(ty));
            if !other {
                return self.concatenate(left, right);
            }
        }
        self.table_operator(sign, left, right)
    }

    /// Text on one side at least; the other side shows its text form.
    fn concatenate(&mut self, left: Bound, right: Bound) -> Result<Bound> {
        if !left.is_unknown()
            && !right.is_unknown()
            && !types::is_text(&left.ty)
            && !types::is_text(&right.ty)
        {
            return Err(no_operator("||", &left.ty, &right.ty));
        }
        let left = self.cast(left, &SqlType::Text)?;
        let right = self.cast(right, &SqlType::Text)?;
        Ok(Bound::new(
            binary(left.expr, Operator::StringConcat, right.expr),
            SqlType::Text,
        ))
    }

    fn table_operator(&mut self, sign: &str, left: Bound, right: Bound) -> Result<Bound> {
        let have = [left.ty.clone(), right.ty.clone()];
        // `x op unknown`: first suppose both are of one type.
        let supposed = match (&have[0], &have[1]) {
            (SqlType::Unknown, known) | (known, SqlType::Unknown) if *known != SqlType::Unknown => {
                match choose(sign, &[known.clone(), known.clone()]) {
                    Choice::One(chosen)
                        if chosen.args.iter().all(|want| types::same(want, known)) =>
                    {
                        Some(chosen)
                    }
                    _ => None,
                }
            }
            _ => None,
        };
        let chosen = match supposed {
            Some(chosen) => chosen,
            None => match choose(sign, &have) {
                Choice::One(chosen) => chosen,
                Choice::None => return Err(no_operator(sign, &have[0], &have[1])),
                Choice::Several => {
                    return Err(Error::new(
                        state::AMBIGUOUS_FUNCTION,
                        format!("operator is not unique: {} {sign} {}", have[0].base(), have[1].base()),
                    )
                    .with_hint("Could not choose a best candidate operator. You might need to add explicit type casts."));
                }
            },
        };
        self.invoke(chosen, vec![left, right])
    }

    /// A function of the table, over arguments of types it takes.
    pub(super) fn invoke(
        &mut self,
        chosen: crate::planned::functions::Chosen,
        args: Vec<Bound>,
    ) -> Result<Bound> {
        let mut exprs = Vec::with_capacity(args.len());
        let mut wanted = Vec::with_capacity(args.len());
        for (arg, want) in args.into_iter().zip(&chosen.args) {
            let any = types::same(&arg.ty, want) && !matches!(want, SqlType::Numeric(_));
            let arg = if any && !arg.is_unknown() {
                arg
            } else {
                self.coerce(arg, want)?
            };
            wanted.push(arg.ty.clone());
            exprs.push(arg.expr);
        }
        let function = chosen.function;
        self.note_call(function, &chosen.args);
        let body = function.body;
        let env = Env {
            format: self.settings.format.clone(),
            types: wanted.clone(),
            session: self.session_for(function),
        };
        let facts = env.session.clone();
        let format = &env.format;
        let given = (&function.args, format.time_zone, format.date_order);
        let mut identity = format!("{given:?}");
        if function.of_session {
            // Two calls are two calls, however alike.
            identity.push_str(&self.unique_name("call"));
        }
        let mut row = RowFn::new(
            function.name.to_owned(),
            identity,
            wanted,
            chosen.returns.clone(),
            move |args| body(args, &env),
        );
        if !function.strict {
            row = row.lenient();
        }
        if function.volatile {
            row = row.volatile();
        }
        let Some(waits) = function.waits else {
            return Ok(Bound::new(row.call(exprs), chosen.returns));
        };
        let facts = facts.ok_or_else(session::outside)?;
        let waiting = Arc::new(session::WaitingFn::new(row, waits, facts));
        let call = AsyncScalarUDF::new(waiting).into_scalar_udf();
        let call = ScalarFunction::new_udf(Arc::new(call), exprs);
        Ok(Bound::new(Expr::ScalarFunction(call), chosen.returns))
    }

    /// The session a function acts on: its plan is of this session and this run only.
    fn session_for(&mut self, function: &Function) -> Option<Arc<SessionFacts>> {
        if !function.of_session {
            return None;
        }
        let _ = (self.system)(crate::pg_catalog::PG_CATALOG);
        Some(self.facts.clone())
    }

    fn arithmetic(&mut self, op: ArithOp, left: Bound, right: Bound) -> Result<Bound> {
        use SqlType as S;
        let ty = match (&left.ty, &right.ty) {
            (S::Float4, S::Float4) => S::Float4,
            (S::Float8 | S::Float4, _) | (_, S::Float8 | S::Float4) => S::Float8,
            (S::Numeric(_), _) | (_, S::Numeric(_)) => S::Numeric(None),
            (S::Int8, _) | (_, S::Int8) => S::Int8,
            (S::Int4, _) | (_, S::Int4) => S::Int4,
            _ => S::Int2,
        };
        if op == ArithOp::Power {
            let ty = if ty == S::Numeric(None) {
                ty
            } else {
                S::Float8
            };
            let left = self.coerce(left, &ty)?;
            let right = self.coerce(right, &ty)?;
            return self.table_operator("^", left, right);
        }
        if ty != S::Numeric(None) {
            if op == ArithOp::Modulo && matches!(ty, S::Float4 | S::Float8) {
                return Err(no_operator("%", &left.ty, &right.ty));
            }
            let left = self.coerce(left, &ty)?;
            let right = self.coerce(right, &ty)?;
            return Ok(Bound::new(
                Arith::new(op, ty.clone()).call(left.expr, right.expr),
                ty,
            ));
        }
        if let Some((l, r, result)) = fixed_arithmetic(op, &left.ty, &right.ty) {
            let left = self.to_fixed(left, &l)?;
            let right = self.to_fixed(right, &r)?;
            return Ok(Bound::new(
                Arith::new(op, result.clone()).call(left.expr, right.expr),
                result,
            ));
        }
        let left = self.to_carrier(left)?;
        let right = self.to_carrier(right)?;
        let body: fn(&Numeric, &Numeric) -> Result<Numeric> = match op {
            ArithOp::Add => Numeric::add,
            ArithOp::Subtract => Numeric::sub,
            ArithOp::Multiply => Numeric::mul,
            ArithOp::Divide => Numeric::div,
            ArithOp::Modulo | ArithOp::Power => Numeric::rem,
        };
        let row = RowFn::new(
            op.sign().to_owned(),
            NUMERIC.to_owned(),
            vec![S::Numeric(None), S::Numeric(None)],
            ty.clone(),
            move |args| match args {
                [ValueRef::Numeric(a), ValueRef::Numeric(b)] => body(a, b).map(Value::Numeric),
                _ => Err(crate::planned::functions::row::arity()),
            },
        );
        Ok(Bound::new(row.call(vec![left.expr, right.expr]), ty))
    }

    /// A numeric into the carrier with a scale per value; constants too.
    pub(super) fn to_carrier(&mut self, bound: Bound) -> Result<Bound> {
        let carrier = SqlType::Numeric(None);
        if let Some(Value::Numeric(_)) = &bound.literal {
            let value = bound.literal.unwrap_or_default();
            let scalar = crate::planned::arrow::scalar_of(&carrier, &value)?;
            return Ok(Bound::new(Expr::Literal(scalar, None), carrier));
        }
        let bound = self.coerce(bound, &carrier)?;
        if fixed_scale(&bound.ty).is_some() {
            // A constant that kept its own scale.
            return self.to_carrier(bound);
        }
        Ok(bound)
    }

    fn to_fixed(&mut self, bound: Bound, ty: &SqlType) -> Result<Bound> {
        if bound.ty == *ty {
            return Ok(bound);
        }
        let (from, to) = (fixed_scale(&bound.ty), fixed_scale(ty));
        if let Some(constant) = to.and_then(|to| constant_in(&bound.expr, to)) {
            return Ok(Bound::new(constant, ty.clone()));
        }
        let expr = match (from, to) {
            (Some(from), Some(to)) if from.1 < to.1 => rescale(bound.expr, from, to),
            _ => Expr::Cast(datafusion::logical_expr::expr::Cast::new(
                Box::new(bound.expr),
                crate::planned::arrow::arrow_type(ty),
            )),
        };
        Ok(Bound::new(expr, ty.clone()))
    }

    pub(super) fn compare(&mut self, left: Bound, op: Operator, right: Bound) -> Result<Bound> {
        let sign = match op {
            Operator::NotEq => "<>".to_owned(),
            op => op.to_string(),
        };
        let (left, right) = self.comparable(left, right, &sign)?;
        Ok(Bound::new(binary(left, op, right), SqlType::Bool))
    }

    /// Both sides in one type in which equal means equal.
    pub(super) fn comparable(
        &mut self,
        left: Bound,
        right: Bound,
        sign: &str,
    ) -> Result<(Expr, Expr)> {
        let (left, right, _) = self.comparable_as(left, right, sign)?;
        Ok((left, right))
    }

    /// As [`Self::comparable`], and that type.
    pub(super) fn comparable_as(
        &mut self,
        left: Bound,
        right: Bound,
        sign: &str,
    ) -> Result<(Expr, Expr, SqlType)> {
        use SqlType as S;
        if holds_records(&left.ty) && types::same(&left.ty, &right.ty) {
            let (l, r) = (&left.ty, &right.ty);
            super::record::check_similar(l, r)?;
            return Ok((
                record_key(left.expr, l),
                record_key(right.expr, r),
                S::Bytea,
            ));
        }
        let no = || no_operator(sign, &left.ty, &right.ty);
        let ty = match (&left.ty, &right.ty) {
            (S::Unknown, S::Unknown) => S::Text,
            (S::Unknown, known) | (known, S::Unknown) => match known {
                S::Json => return Err(no()),
                S::Numeric(_) => S::Numeric(None),
                // Networks have the addresses' operators.
                S::Cidr => S::Inet,
                other => other.base(),
            },
            (a, b) if types::is_text(a) && types::is_text(b) => S::Text,
            (a, b) if types::same(a, b) && !matches!(a, S::Numeric(_)) => {
                if *a == S::Json {
                    return Err(no());
                }
                a.clone()
            }
            (S::Numeric(_), b) | (b, S::Numeric(_))
                if types::is_integer(b) || matches!(b, S::Numeric(_)) =>
            {
                S::Numeric(None)
            }
            (S::Float4, b) | (b, S::Float4)
                if types::category(b) == types::Category::Numeric && *b != S::Float4 =>
            {
                S::Float8
            }
            (a, b) if types::implicit(a, b) => b.base(),
            (a, b) if types::implicit(b, a) => a.base(),
            _ => return Err(no()),
        };
        if ty == S::Numeric(None) {
            let mut left = left;
            let mut right = right;
            if left.is_unknown() {
                left = self.coerce(left, &ty)?;
            }
            if right.is_unknown() {
                right = self.coerce(right, &ty)?;
            }
            if let Some(shared) = shared_fixed(&left.ty, &right.ty) {
                return Ok((
                    self.to_fixed(left, &shared)?.expr,
                    self.to_fixed(right, &shared)?.expr,
                    shared,
                ));
            }
            let left = self.to_carrier(left)?;
            let right = self.to_carrier(right)?;
            return Ok((numeric_key(left.expr), numeric_key(right.expr), ty));
        }
        let left = self.coerce(left, &ty)?;
        let right = self.coerce(right, &ty)?;
        if ty == S::Jsonb {
            return Ok((jsonb_key(left.expr), jsonb_key(right.expr), S::Bytea));
        }
        if ty == S::Interval {
            return Ok((
                interval_key(left.expr),
                interval_key(right.expr),
                SqlType::Numeric(Some((38, 0))),
            ));
        }
        Ok((left.expr, right.expr, ty))
    }

    pub(super) fn negate(&mut self, bound: Bound) -> Result<Bound> {
        if let (Some(value), true) = (&bound.literal, !bound.is_unknown()) {
            let negated = match value {
                Value::Int4(v) => v.checked_neg().map(Value::Int4),
                Value::Int8(v) => v.checked_neg().map(Value::Int8),
                Value::Float8(v) if v.is_nan() => Some(Value::Float8(*v)),
                Value::Float8(v) => Some(Value::Float8(-v)),
                Value::Numeric(v) => {
                    // -9223372036854775808 is read as numeric, then fits int8.
                    return super::literal::numeric(v.neg());
                }
                _ => None,
            };
            if let Some(value) = negated {
                return super::literal::constant(value, bound.ty);
            }
        }
        let zero = match &bound.ty {
            SqlType::Interval => return self.table_unary("-", bound),
            SqlType::Unknown => {
                let bound = self.coerce(bound, &SqlType::Float8)?;
                return self.negate(bound);
            }
            SqlType::Float4 => super::literal::constant(Value::Float4(-0.0), SqlType::Float4)?,
            SqlType::Float8 => super::literal::constant(Value::Float8(-0.0), SqlType::Float8)?,
            SqlType::Int2 => super::literal::constant(Value::Int2(0), SqlType::Int2)?,
            SqlType::Int4 | SqlType::Int8 | SqlType::Numeric(_) => {
                super::literal::constant(Value::Int4(0), SqlType::Int4)?
            }
            other => {
                return Err(Error::new(
                    state::UNDEFINED_FUNCTION,
                    format!("operator does not exist: - {}", other.base()),
                )
                .with_hint("No operator matches the given name and argument type. You might need to add an explicit type cast."));
            }
        };
        self.arithmetic(ArithOp::Subtract, zero, bound)
    }

    pub(super) fn table_unary(&mut self, sign: &str, bound: Bound) -> Result<Bound> {
        match choose(sign, std::slice::from_ref(&bound.ty)) {
            Choice::One(chosen) => self.invoke(chosen, vec![bound]),
            _ => Err(Error::new(
                state::UNDEFINED_FUNCTION,
                format!("operator does not exist: {sign} {}", bound.ty.base()),
            )),
        }
    }
}

pub(super) fn unnested(expr: &ast::Expr) -> &ast::Expr {
    let mut expr = expr;
    while let ast::Expr::Nested(inner) = expr {
        expr = inner;
    }
    expr
}

/// A tree of little depth over many terms.
pub(super) fn balanced(mut terms: Vec<Expr>, op: Operator) -> Expr {
    while terms.len() > 1 {
        let mut next = Vec::with_capacity(terms.len().div_ceil(2));
        let mut pairs = terms.into_iter();
        while let Some(first) = pairs.next() {
            next.push(match pairs.next() {
                Some(second) => binary(first, op, second),
                None => first,
            });
        }
        terms = next;
    }
    terms
        .pop()
        .unwrap_or_else(|| datafusion::logical_expr::lit(op == Operator::And))
}

pub(super) fn no_operator(sign: &str, left: &SqlType, right: &SqlType) -> Error {
    Error::new(
        state::UNDEFINED_FUNCTION,
        format!("operator does not exist: {} {sign} {}", left.base(), right.base()),
    )
    .with_hint("No operator matches the given name and argument types. You might need to add explicit type casts.")
}

/// The Decimal128 an operand of exact arithmetic is, or would be.
fn as_fixed(ty: &SqlType) -> Option<(u16, i16)> {
    match ty {
        SqlType::Int2 => Some((5, 0)),
        SqlType::Int4 => Some((10, 0)),
        SqlType::Int8 => Some((19, 0)),
        _ => fixed_scale(ty).map(|(precision, scale)| (u16::from(precision), i16::from(scale))),
    }
}

/// Addition, subtraction and multiplication that stay within 38 digits.
fn fixed_arithmetic(
    op: ArithOp,
    left: &SqlType,
    right: &SqlType,
) -> Option<(SqlType, SqlType, SqlType)> {
    let (p1, s1) = as_fixed(left)?;
    let (p2, s2) = as_fixed(right)?;
    let (p1, s1, p2, s2) = (p1 as i16, s1, p2 as i16, s2);
    let (precision, scale) = match op {
        ArithOp::Add | ArithOp::Subtract => {
            let scale = s1.max(s2);
            ((p1 - s1).max(p2 - s2) + scale + 1, scale)
        }
        ArithOp::Multiply => (p1 + p2 + 1, s1 + s2),
        ArithOp::Divide | ArithOp::Modulo | ArithOp::Power => return None,
    };
    let of = |precision: i16, scale: i16| SqlType::Numeric(Some((precision as u16, scale)));
    (precision <= 38).then(|| (of(p1, s1), of(p2, s2), of(precision, scale)))
}

/// A Decimal128 that holds both sides of a comparison.
fn shared_fixed(left: &SqlType, right: &SqlType) -> Option<SqlType> {
    let (p1, s1) = as_fixed(left)?;
    let (p2, s2) = as_fixed(right)?;
    let scale = s1.max(s2);
    let precision = (p1 as i16 - s1).max(p2 as i16 - s2) + scale;
    (precision <= 38).then(|| SqlType::Numeric(Some((precision as u16, scale))))
}

/// Both sides of a product of decimals of fixed scale that was made in carriers.
pub(super) fn wide_product(expr: &Expr) -> Option<(Expr, Expr)> {
    let Expr::ScalarFunction(call) = expr else {
        return None;
    };
    let function = call.func.inner().downcast_ref::<RowFn>()?;
    let ([left, right], true) = (
        &call.args[..],
        function.is(ArithOp::Multiply.sign(), NUMERIC),
    ) else {
        return None;
    };
    let (left, a) = super::cast::widened(left)?;
    let (right, b) = super::cast::widened(right)?;
    (a + b <= num::PLACES).then(|| (left.clone(), right.clone()))
}

/// The identity of arithmetic in carriers.
const NUMERIC: &str = "numeric";

/// A carrier without its digits of scale: what equality and grouping compare.
pub(in crate::planned) fn numeric_key(expr: Expr) -> Expr {
    if let Expr::Literal(datafusion::common::ScalarValue::Decimal256(Some(value), p, s), metadata) =
        expr
    {
        return Expr::Literal(
            datafusion::common::ScalarValue::Decimal256(Some(num::key(value)), p, s),
            metadata,
        );
    }
    VectorFn::new(
        "numeric_key",
        vec![SqlType::Numeric(None)],
        SqlType::Numeric(None),
        |columns| {
            let column = columns[0].as_primitive::<Decimal256Type>();
            let keys: Decimal256Array = column.unary(num::key);
            Ok(std::sync::Arc::new(keys.with_data_type(num::carrier())))
        },
    )
    .call(vec![expr])
}

/// A decimal of fixed scale that is to be added up, which NaN can't be.
pub(in crate::planned) fn finite(expr: Expr, ty: &SqlType) -> Expr {
    VectorFn::new("finite", vec![ty.clone()], ty.clone(), |columns| {
        match crate::planned::operators::arith::has_nan(&columns[0]) {
            true => Err(crate::planned::error::to_datafusion(num::not_finite())),
            false => Ok(columns[0].clone()),
        }
    })
    .call(vec![expr])
}

/// A float by which peers are told: its zeros are one.
pub(in crate::planned) fn float_key(expr: Expr, ty: &SqlType) -> Expr {
    macro_rules! key {
        ($float:ty) => {
            |columns| {
                let column = columns[0].as_primitive::<$float>();
                // Adding 0 turns -0 into 0.
                Ok(std::sync::Arc::new(
                    column.unary::<_, $float>(|value| value + 0.0),
                ))
            }
        };
    }
    let (name, types) = ("float_key", vec![ty.clone()]);
    match ty {
        SqlType::Float4 => VectorFn::new(name, types, ty.clone(), key!(Float32Type)),
        _ => VectorFn::new(name, types, ty.clone(), key!(Float64Type)),
    }
    .call(vec![expr])
}

/// What an interval spans, in microseconds: one day equals 24 hours.
pub(in crate::planned) fn interval_key(expr: Expr) -> Expr {
    VectorFn::new(
        "interval_key",
        vec![SqlType::Interval],
        SqlType::Numeric(Some((38, 0))),
        |columns| {
            let column = columns[0].as_primitive::<IntervalMonthDayNanoType>();
            let keys: Decimal128Array = column.unary(|value| {
                Interval {
                    months: value.months,
                    days: value.days,
                    micros: value.nanoseconds / 1000,
                }
                .span()
            });
            Ok(std::sync::Arc::new(
                keys.with_data_type(DataType::Decimal128(38, 0)),
            ))
        },
    )
    .call(vec![expr])
}
