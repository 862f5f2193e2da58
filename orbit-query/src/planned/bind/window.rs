//! OVER.

use super::call::Args;
use super::scope::Scope;
use super::{Binder, Bound, Clause, literal};
use crate::planned::aggregates;
use crate::planned::arrow::arrow_type;
use crate::planned::types;
use datafusion::common::ScalarValue;
use datafusion::functions_window as df;
use datafusion::logical_expr::expr::{Cast, Sort, WindowFunction, WindowFunctionParams};
use datafusion::logical_expr::{
    Expr, WindowFrame, WindowFrameBound, WindowFrameUnits, WindowFunctionDefinition, WindowUDF,
};
use orbit_core::error::SqlState;
use orbit_core::types::SqlType;
use orbit_core::value::Value;
use orbit_core::{Error, Result, state};
use sqlparser::ast;
use std::sync::Arc;

mod distance;

const FRAME_OFFSET: SqlState = SqlState(*b"22013");
const NTILE_ARGUMENT: SqlState = SqlState(*b"22014");
const NTH_VALUE_ARGUMENT: SqlState = SqlState(*b"22016");

impl Binder<'_> {
    pub(super) fn window_call(
        &mut self,
        scope: &Scope,
        name: &str,
        function: &ast::Function,
        args: Args<'_>,
    ) -> Result<Bound> {
        let over = function
            .over
            .as_ref()
            .ok_or_else(|| Error::internal("a window call without OVER"))?;
        let inside = Clause {
            name: "window function calls",
            aggregates: true,
            windows: false,
        };
        let nested = |error: Error| {
            if error.is(state::WINDOWING_ERROR) && error.message().contains("window function calls")
            {
                return Error::new(
                    state::WINDOWING_ERROR,
                    "window function calls cannot be nested",
                );
            }
            error
        };
        self.within(inside, |binder| {
            binder.window_inside(scope, name, function, over, args)
        })
        .map_err(nested)
    }

    fn window_inside(
        &mut self,
        scope: &Scope,
        name: &str,
        function: &ast::Function,
        over: &ast::WindowType,
        args: Args<'_>,
    ) -> Result<Bound> {
        if !function.within_group.is_empty() {
            return Err(Error::new(
                state::FEATURE_NOT_SUPPORTED,
                format!("OVER is not supported for ordered-set aggregate {name}"),
            ));
        }
        if function.filter.is_some() && !aggregates::is_aggregate(name) {
            return Err(Error::new(
                state::FEATURE_NOT_SUPPORTED,
                "FILTER is not implemented for non-aggregate window functions",
            ));
        }
        let spec = self.window_spec(over)?;
        let mut partition_by = Vec::with_capacity(spec.partition_by.len());
        for key in &spec.partition_by {
            let bound = self.expr(scope, key)?;
            let bound = self.decided(bound)?;
            partition_by.push(super::peers::sortable(bound.expr, &bound.ty));
        }
        let mut order_by = self.sort_keys(scope, &spec.order_by)?;
        if let Some(ty) = self.check_frame(scope, &spec)? {
            for key in &mut order_by {
                key.expr = distance::finite(std::mem::take(&mut key.expr), &ty);
            }
        }
        let mut of_bytes = false;
        for key in &spec.order_by {
            let ty = self.expr(scope, &key.expr)?.ty;
            of_bytes |= matches!(
                ty,
                SqlType::Bytea | SqlType::Inet | SqlType::Cidr | SqlType::Jsonb
            ) || super::record::holds_records(&ty);
        }
        let frame = self.frame(&spec, &mut order_by, of_bytes)?;
        let mut finish = None;
        let (fun, exprs, filter, distinct, returned, ty) = if aggregates::is_aggregate(name) {
            let parts = self.aggregate_parts(scope, name, function, args)?;
            let super::aggregate::Call::Here(parts) = parts else {
                return Err(Error::internal("a window function of an outer query"));
            };
            let super::aggregate::Parts { call, ty, .. } = parts;
            finish = parts.finish;
            let params = call.params;
            (
                WindowFunctionDefinition::AggregateUDF(call.func),
                params.args,
                params.filter,
                params.distinct,
                super::aggregate::carried(name, &ty),
                ty,
            )
        } else {
            let (udwf, exprs, ty) = self.window_only(scope, name, &args)?;
            let returned = match name {
                "row_number" | "rank" | "dense_rank" | "ntile" => {
                    datafusion::arrow::datatypes::DataType::UInt64
                }
                _ => arrow_type(&ty),
            };
            (
                WindowFunctionDefinition::WindowUDF(udwf),
                exprs,
                None,
                false,
                returned,
                ty,
            )
        };
        if distinct {
            return Err(Error::new(
                state::FEATURE_NOT_SUPPORTED,
                "DISTINCT is not implemented for window functions",
            ));
        }
        let call = Expr::WindowFunction(Box::new(WindowFunction {
            fun,
            params: WindowFunctionParams {
                args: exprs,
                partition_by,
                order_by,
                window_frame: frame,
                filter,
                null_treatment: None,
                distinct,
            },
        }));
        let expr = if let Some(finish) = finish {
            finish.call(vec![call])
        } else if returned == arrow_type(&ty) {
            call
        } else {
            Expr::Cast(Cast::new(Box::new(call), arrow_type(&ty)))
        };
        Ok(Bound::new(expr, ty))
    }

    /// `OVER w` and `OVER (w ORDER BY ...)` with the named window filled in.
    fn window_spec(&mut self, over: &ast::WindowType) -> Result<ast::WindowSpec> {
        let known = self.windows.len();
        match over {
            ast::WindowType::NamedWindow(name) => self.named_window(name, known),
            ast::WindowType::WindowSpec(spec) => self.complete_window(spec, known),
        }
    }

    /// The definition of a name, among the first `known` of the WINDOW clause.
    fn named_window(&self, name: &ast::Ident, known: usize) -> Result<ast::WindowSpec> {
        let wanted = types::fold(name);
        let place = self
            .windows
            .iter()
            .take(known)
            .position(|definition| types::fold(&definition.0) == wanted);
        let definition = place.and_then(|place| Some((place, self.windows.get(place)?)));
        match definition {
            // A definition may build on those before it.
            Some((place, ast::NamedWindowDefinition(_, expr))) => match expr {
                ast::NamedWindowExpr::WindowSpec(spec) => self.complete_window(spec, place),
                ast::NamedWindowExpr::NamedWindow(name) => self.named_window(name, place),
            },
            None => Err(Error::new(
                state::UNDEFINED_OBJECT,
                format!("window \"{wanted}\" does not exist"),
            )),
        }
    }

    /// A definition with what it takes over from the window it names.
    fn complete_window(&self, spec: &ast::WindowSpec, known: usize) -> Result<ast::WindowSpec> {
        let Some(name) = &spec.window_name else {
            return Ok(spec.clone());
        };
        let mut base = self.named_window(name, known)?;
        let shown = types::fold(name);
        let refused = |text: String| Err(Error::new(state::WINDOWING_ERROR, text));
        if !spec.partition_by.is_empty() {
            return refused(format!(
                "cannot override PARTITION BY clause of window \"{shown}\""
            ));
        }
        if !spec.order_by.is_empty() && !base.order_by.is_empty() {
            return refused(format!(
                "cannot override ORDER BY clause of window \"{shown}\""
            ));
        }
        if base.window_frame.is_some() {
            let error = Error::new(
                state::WINDOWING_ERROR,
                format!("cannot copy window \"{shown}\" because it has a frame clause"),
            );
            let in_over = known == self.windows.len();
            return Err(
                match in_over && spec.order_by.is_empty() && spec.window_frame.is_none() {
                    true => error.with_hint("Omit the parentheses in this OVER clause."),
                    false => error,
                },
            );
        }
        if !spec.order_by.is_empty() {
            base.order_by.clone_from(&spec.order_by);
        }
        base.window_frame.clone_from(&spec.window_frame);
        base.window_name = None;
        Ok(base)
    }

    /// What a frame's distances need of the order. The type that RANGE measures in, if its
    /// values have to be finite for that.
    fn check_frame(&mut self, scope: &Scope, spec: &ast::WindowSpec) -> Result<Option<SqlType>> {
        use ast::WindowFrameBound as B;
        let Some(frame) = &spec.window_frame else {
            return Ok(None);
        };
        let far = |bound: &B| matches!(bound, B::Preceding(Some(_)) | B::Following(Some(_)));
        match frame.units {
            ast::WindowFrameUnits::Rows => Ok(None),
            ast::WindowFrameUnits::Groups => match spec.order_by.is_empty() {
                true => Err(Error::new(
                    state::WINDOWING_ERROR,
                    "GROUPS mode requires an ORDER BY clause",
                )),
                false => Ok(None),
            },
            ast::WindowFrameUnits::Range
                if !far(&frame.start_bound) && !frame.end_bound.as_ref().is_some_and(far) =>
            {
                Ok(None)
            }
            ast::WindowFrameUnits::Range => {
                let [key] = spec.order_by.as_slice() else {
                    return Err(Error::new(
                        state::WINDOWING_ERROR,
                        "RANGE with offset PRECEDING/FOLLOWING requires exactly one ORDER BY column",
                    ));
                };
                let ty = self.expr(scope, &key.expr)?.ty;
                let measured = types::category(&ty) == types::Category::Numeric
                    || matches!(
                        ty,
                        SqlType::Date
                            | SqlType::Time
                            | SqlType::Timestamp
                            | SqlType::TimestampTz
                            | SqlType::Interval
                            | SqlType::Unknown
                    );
                if !measured {
                    let ty = match types::is_text(&ty) {
                        true => SqlType::Text,
                        false => ty,
                    };
                    return Err(Error::new(
                        state::FEATURE_NOT_SUPPORTED,
                        format!(
                            "RANGE with offset PRECEDING/FOLLOWING is not supported for column type {}",
                            ty.base()
                        ),
                    ));
                }
                for bound in std::iter::once(&frame.start_bound).chain(&frame.end_bound) {
                    if let B::Preceding(Some(by)) | B::Following(Some(by)) = bound {
                        distance::check(by, &ty, &self.settings.format)?;
                    }
                }
                Ok(distance::is_unending(&ty).then_some(ty))
            }
        }
    }

    /// Without distances, RANGE and GROUPS are the same; DataFusion has no RANGE over bytes.
    fn frame(
        &mut self,
        spec: &ast::WindowSpec,
        order_by: &mut Vec<Sort>,
        of_bytes: bool,
    ) -> Result<WindowFrame> {
        let told = crate::planned::error::from_datafusion;
        let frame = match &spec.window_frame {
            None if order_by.is_empty() => return Ok(WindowFrame::new(None)),
            None if of_bytes => WindowFrame::new_bounds(
                WindowFrameUnits::Groups,
                WindowFrameBound::Preceding(ScalarValue::UInt64(None)),
                WindowFrameBound::CurrentRow,
            ),
            None => WindowFrame::new(Some(false)),
            Some(frame) => {
                let units = match frame.units {
                    ast::WindowFrameUnits::Rows => WindowFrameUnits::Rows,
                    ast::WindowFrameUnits::Range if of_bytes => WindowFrameUnits::Groups,
                    ast::WindowFrameUnits::Range => WindowFrameUnits::Range,
                    ast::WindowFrameUnits::Groups => WindowFrameUnits::Groups,
                };
                check_sides(frame)?;
                let start = bound(&frame.start_bound, units, "starting")?;
                let end = match &frame.end_bound {
                    Some(end) => bound(end, units, "ending")?,
                    None => WindowFrameBound::CurrentRow,
                };
                if matches!(&start, WindowFrameBound::Following(value) if value.is_null()) {
                    return Err(Error::new(
                        state::WINDOWING_ERROR,
                        "frame start cannot be UNBOUNDED FOLLOWING",
                    ));
                }
                if matches!(&end, WindowFrameBound::Preceding(value) if value.is_null()) {
                    return Err(Error::new(
                        state::WINDOWING_ERROR,
                        "frame end cannot be UNBOUNDED PRECEDING",
                    ));
                }
                WindowFrame::new_bounds(units, start, end)
            }
        };
        frame.regularize_order_bys(order_by).map_err(|error| {
            let text = told(error);
            Error::new(state::WINDOWING_ERROR, text.message().to_owned())
        })?;
        Ok(frame)
    }

    fn window_only(
        &mut self,
        scope: &Scope,
        name: &str,
        args: &Args<'_>,
    ) -> Result<(Arc<WindowUDF>, Vec<Expr>, SqlType)> {
        let mut bounds = Vec::with_capacity(args.exprs.len());
        for arg in &args.exprs {
            bounds.push(self.expr(scope, arg)?);
        }
        let have: Vec<SqlType> = bounds.iter().map(|bound| bound.ty.clone()).collect();
        let wrong = || super::special::no_function(name, &have);
        let plain = |udwf: Arc<WindowUDF>, ty: SqlType| {
            if have.is_empty() {
                Ok((udwf, Vec::new(), ty))
            } else {
                Err(wrong())
            }
        };
        match name {
            "row_number" => plain(df::row_number::row_number_udwf(), SqlType::Int8),
            "rank" => plain(df::rank::rank_udwf(), SqlType::Int8),
            "dense_rank" => plain(df::rank::dense_rank_udwf(), SqlType::Int8),
            "percent_rank" => plain(df::rank::percent_rank_udwf(), SqlType::Float8),
            "cume_dist" => plain(df::cume_dist::cume_dist_udwf(), SqlType::Float8),
            "ntile" => {
                let [buckets] = <[Bound; 1]>::try_from(bounds).map_err(|_| wrong())?;
                let buckets = self.small_constant(buckets, Some((NTILE_ARGUMENT, "ntile")))?;
                Ok((df::ntile::ntile_udwf(), vec![buckets], SqlType::Int4))
            }
            "lag" | "lead" => {
                let mut bounds = bounds.into_iter();
                let value = bounds.next().ok_or_else(wrong)?;
                let value = self.decided(value)?;
                let offset = bounds.next();
                let default = bounds.next();
                let mut ty = value.ty.clone();
                let mut value = value;
                if let Some(default) = &default {
                    ty = types::common([&value.ty, &default.ty], name)?;
                    value = self.coerce_branch(value, &ty)?;
                }
                let nowhere = offset
                    .as_ref()
                    .is_some_and(|offset| matches!(offset.literal, Some(Value::Null)));
                if nowhere {
                    // NULL rows away is nothing, in every row.
                    value.expr = self.typed_null(&ty)?;
                }
                let mut exprs = vec![value.expr];
                if let Some(offset) = offset.filter(|_| !nowhere) {
                    exprs.push(self.small_constant(offset, None)?);
                }
                if let Some(default) = default.filter(|_| !nowhere) {
                    exprs.push(self.coerce_branch(default, &ty)?.expr);
                }
                let udwf = if name == "lag" {
                    df::lead_lag::lag_udwf()
                } else {
                    df::lead_lag::lead_udwf()
                };
                Ok((udwf, exprs, ty))
            }
            "first_value" | "last_value" => {
                let [value] = <[Bound; 1]>::try_from(bounds).map_err(|_| wrong())?;
                let value = self.decided(value)?;
                let udwf = if name == "first_value" {
                    df::nth_value::first_value_udwf()
                } else {
                    df::nth_value::last_value_udwf()
                };
                Ok((udwf, vec![value.expr], value.ty))
            }
            "nth_value" => {
                let [value, nth] = <[Bound; 2]>::try_from(bounds).map_err(|_| wrong())?;
                let value = self.decided(value)?;
                let nth = self.small_constant(nth, Some((NTH_VALUE_ARGUMENT, "nth_value")))?;
                Ok((
                    df::nth_value::nth_value_udwf(),
                    vec![value.expr, nth],
                    value.ty,
                ))
            }
            _ => Err(match crate::planned::functions::named(name) {
                [] => wrong(),
                _ => Error::new(
                    state::WRONG_OBJECT_TYPE,
                    format!(
                        "OVER specified, but {name} is not a window function nor an aggregate function"
                    ),
                ),
            }),
        }
    }

    fn coerce_branch(&mut self, bound: Bound, ty: &SqlType) -> Result<Bound> {
        if *ty == SqlType::Numeric(None) {
            self.to_carrier(bound)
        } else {
            self.coerce(bound, ty)
        }
    }

    /// A constant argument; with a refusal, one that counts from 1.
    fn small_constant(&mut self, bound: Bound, positive: Option<(SqlState, &str)>) -> Result<Expr> {
        if let Some(parameter) = integer_parameter(&bound) {
            return Ok(parameter);
        }
        let bound = self.coerce(bound, &SqlType::Int8)?;
        match &bound.literal {
            Some(Value::Int8(value)) => match positive {
                Some((code, name)) if *value < 1 => Err(Error::new(
                    code,
                    format!("argument of {name} must be greater than zero"),
                )),
                _ => Ok(literal::constant(Value::Int8(*value), SqlType::Int8)?.expr),
            },
            Some(_) => Err(Error::unsupported(
                "a window function's offset that is NULL",
            )),
            None => match &bound.expr {
                Expr::Placeholder(_) => Ok(bound.expr),
                _ => Err(Error::unsupported(
                    "a window function's offset that is not a constant",
                )),
            },
        }
    }
}

/// A parameter of an integer type: DataFusion reads any of them, but no cast.
fn integer_parameter(bound: &Bound) -> Option<Expr> {
    if bound.param.is_some() || !types::is_integer(&bound.ty) {
        return None;
    }
    let mut expr = &bound.expr;
    while let Expr::Cast(cast) = expr {
        if !cast.field.data_type().is_integer() {
            return None;
        }
        expr = &cast.expr;
    }
    matches!(expr, Expr::Placeholder(_)).then(|| expr.clone())
}

/// Which sides a frame can have, as PostgreSQL's grammar has it.
fn check_sides(frame: &ast::WindowFrame) -> Result<()> {
    use ast::WindowFrameBound as B;
    let text = match (&frame.start_bound, &frame.end_bound) {
        (B::Following(Some(_)), None) => {
            "frame starting from following row cannot end with current row"
        }
        (B::CurrentRow, Some(B::Preceding(Some(_)))) => {
            "frame starting from current row cannot have preceding rows"
        }
        (B::Following(Some(_)), Some(B::Preceding(Some(_)) | B::CurrentRow)) => {
            "frame starting from following row cannot have preceding rows"
        }
        _ => return Ok(()),
    };
    Err(Error::new(state::WINDOWING_ERROR, text))
}

fn bound(
    bound: &ast::WindowFrameBound,
    units: WindowFrameUnits,
    side: &str,
) -> Result<WindowFrameBound> {
    let unbounded = || match units {
        WindowFrameUnits::Range => ScalarValue::Utf8(None),
        _ => ScalarValue::UInt64(None),
    };
    Ok(match bound {
        ast::WindowFrameBound::CurrentRow => WindowFrameBound::CurrentRow,
        ast::WindowFrameBound::Preceding(None) => WindowFrameBound::Preceding(unbounded()),
        ast::WindowFrameBound::Following(None) => WindowFrameBound::Following(unbounded()),
        ast::WindowFrameBound::Preceding(Some(by)) => {
            WindowFrameBound::Preceding(rows_or_text(by, units, side)?)
        }
        ast::WindowFrameBound::Following(Some(by)) => {
            WindowFrameBound::Following(rows_or_text(by, units, side)?)
        }
    })
}

fn rows_or_text(expr: &ast::Expr, units: WindowFrameUnits, side: &str) -> Result<ScalarValue> {
    if let ast::Expr::Value(value) = super::operator::unnested(expr)
        && value.value == ast::Value::Null
    {
        return Err(Error::new(
            state::NULL_VALUE_NOT_ALLOWED,
            format!("frame {side} offset must not be null"),
        ));
    }
    if let ast::Expr::UnaryOp {
        op: ast::UnaryOperator::Minus,
        ..
    } = super::operator::unnested(expr)
    {
        if units == WindowFrameUnits::Range {
            return Err(distance::negative());
        }
        return Err(Error::new(
            FRAME_OFFSET,
            format!("frame {side} offset must not be negative"),
        ));
    }
    if matches!(
        super::operator::unnested(expr),
        ast::Expr::Identifier(_) | ast::Expr::CompoundIdentifier(_)
    ) {
        let clause = match units {
            WindowFrameUnits::Rows => "ROWS",
            WindowFrameUnits::Range => "RANGE",
            WindowFrameUnits::Groups => "GROUPS",
        };
        return Err(Error::new(
            state::INVALID_COLUMN_REFERENCE,
            format!("argument of {clause} must not contain variables"),
        ));
    }
    let text = match super::operator::unnested(expr) {
        ast::Expr::Value(value) => match &value.value {
            ast::Value::Number(text, _) | ast::Value::SingleQuotedString(text) => {
                Some(text.clone())
            }
            _ => None,
        },
        ast::Expr::Interval(interval) => {
            interval_text(&interval.value, interval.leading_field.as_ref())
        }
        ast::Expr::Cast { expr, .. } => match &**expr {
            ast::Expr::Value(value) => match &value.value {
                ast::Value::SingleQuotedString(text) => Some(text.clone()),
                _ => None,
            },
            _ => None,
        },
        ast::Expr::TypedString(typed) => match &typed.value.value {
            ast::Value::SingleQuotedString(text) => Some(text.clone()),
            _ => None,
        },
        _ => None,
    };
    let Some(text) = text else {
        return Err(Error::unsupported(
            "a window frame whose distance is not a constant",
        ));
    };
    match units {
        WindowFrameUnits::Range => Ok(ScalarValue::Utf8(Some(text))),
        _ => {
            let rows = orbit_core::value::Numeric::parse(&text)?.round(0).to_i64();
            match rows.and_then(|rows| u64::try_from(rows).ok()) {
                Some(rows) => Ok(ScalarValue::UInt64(Some(rows))),
                None => Err(Error::new(
                    FRAME_OFFSET,
                    format!("frame {side} offset must not be negative"),
                )),
            }
        }
    }
}

fn interval_text(value: &ast::Expr, field: Option<&ast::DateTimeField>) -> Option<String> {
    let ast::Expr::Value(value) = value else {
        return None;
    };
    let ast::Value::SingleQuotedString(text) = &value.value else {
        return None;
    };
    Some(match field {
        Some(field) => format!("{text} {field}"),
        None => text.clone(),
    })
}
