//! Arithmetic in one type, with PostgreSQL's errors: overflow is 22003, division
//! by zero 22012, for floats too.

use crate::planned::arrow::arrow_type;
use crate::planned::error::{division_by_zero, to_datafusion};
use crate::planned::{names, num};
use datafusion::arrow::array::{Array, ArrayRef, AsArray, Datum};
use datafusion::arrow::compute::kernels::numeric;
use datafusion::arrow::datatypes::{ArrowPrimitiveType, DataType, Decimal128Type};
use datafusion::arrow::datatypes::{Float32Type, Float64Type};
use datafusion::arrow::error::ArrowError;
use datafusion::common::ScalarValue;
use datafusion::error::Result;
use datafusion::logical_expr::expr::ScalarFunction;
use datafusion::logical_expr::{
    ColumnarValue, Expr, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};
use orbit_core::types::SqlType;
use orbit_core::{Error, state};
use std::hash::{Hash, Hasher};
use std::sync::Arc;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ArithOp {
    Add,
    Subtract,
    Multiply,
    Divide,
    Modulo,
    Power,
}

impl ArithOp {
    pub fn of_sign(sign: &str) -> Option<ArithOp> {
        Some(match sign {
            "+" => ArithOp::Add,
            "-" => ArithOp::Subtract,
            "*" => ArithOp::Multiply,
            "/" => ArithOp::Divide,
            "%" => ArithOp::Modulo,
            "^" => ArithOp::Power,
            _ => return None,
        })
    }

    pub fn sign(self) -> &'static str {
        match self {
            ArithOp::Add => "+",
            ArithOp::Subtract => "-",
            ArithOp::Multiply => "*",
            ArithOp::Divide => "/",
            ArithOp::Modulo => "%",
            ArithOp::Power => "^",
        }
    }
}

/// Integers and floats: both sides of the result's type. Decimals of fixed
/// scale: Arrow's rule gives the result's type.
#[derive(Debug, PartialEq, Eq)]
pub struct Arith {
    op: ArithOp,
    ty: SqlType,
    signature: Signature,
}

impl Hash for Arith {
    /// All signatures are the same; names of plans hash every operator many times.
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.op.hash(state);
        self.ty.hash(state);
    }
}

impl Arith {
    pub fn new(op: ArithOp, ty: SqlType) -> Arith {
        Arith {
            op,
            ty,
            signature: Signature::any(2, Volatility::Immutable),
        }
    }

    pub fn call(self, left: Expr, right: Expr) -> Expr {
        Expr::ScalarFunction(ScalarFunction::new_udf(
            Arc::new(ScalarUDF::new_from_impl(self)),
            vec![left, right],
        ))
    }

    fn out_of_range(&self) -> Error {
        Error::new(
            state::NUMERIC_VALUE_OUT_OF_RANGE,
            match self.ty {
                SqlType::Int2 => "smallint out of range",
                SqlType::Int4 => "integer out of range",
                SqlType::Int8 => "bigint out of range",
                SqlType::Float4 | SqlType::Float8 => "value out of range: overflow",
                _ => "value overflows numeric format",
            },
        )
    }

    fn apply(&self, left: &dyn Datum, right: &dyn Datum) -> Result<ArrayRef> {
        if has_nan(left) || has_nan(right) {
            return Err(to_datafusion(num::not_finite()));
        }
        let result = match self.op {
            ArithOp::Add => numeric::add(left, right),
            ArithOp::Subtract => numeric::sub(left, right),
            ArithOp::Multiply => numeric::mul(left, right),
            ArithOp::Divide => numeric::div(left, right),
            ArithOp::Modulo => modulo(left, right),
            ArithOp::Power => return Err(to_datafusion(self.out_of_range())),
        };
        result.map_err(|error| match error {
            ArrowError::DivideByZero => to_datafusion(division_by_zero()),
            ArrowError::ArithmeticOverflow(_) => to_datafusion(self.out_of_range()),
            other => other.into(),
        })
    }

    /// What Arrow lets pass in floats and PostgreSQL doesn't.
    fn check_floats(&self, left: &ArrayRef, right: &ArrayRef, result: &ArrayRef) -> Result<()> {
        macro_rules! check {
            ($ty:ty) => {{
                let (l, r, out) = (
                    left.as_primitive::<$ty>(),
                    right.as_primitive::<$ty>(),
                    result.as_primitive::<$ty>(),
                );
                if self.op == ArithOp::Divide {
                    let one = r.len() == 1;
                    for row in 0..out.len() {
                        let at = if one { 0 } else { row };
                        if !out.is_null(row) && r.value(at) == 0.0 {
                            return Err(to_datafusion(division_by_zero()));
                        }
                    }
                }
                let strange = |row: usize| out.value(row).is_infinite() && !out.is_null(row);
                if let Some(row) = (0..out.len()).find(|row| strange(*row)) {
                    let at = |side_len: usize| if side_len == 1 { 0 } else { row };
                    if l.value(at(l.len())).is_finite() && r.value(at(r.len())).is_finite() {
                        return Err(to_datafusion(self.out_of_range()));
                    }
                }
            }};
        }
        match self.ty {
            SqlType::Float4 => check!(Float32Type),
            SqlType::Float8 => check!(Float64Type),
            _ => {}
        }
        Ok(())
    }
}

/// What the processor calls NaN, `Infinity - Infinity`, may have a sign; ours has none.
fn one_nan(result: ArrayRef) -> ArrayRef {
    macro_rules! one {
        ($ty:ty, $nan:expr) => {
            if let Some(floats) = result.as_primitive_opt::<$ty>()
                && floats.values().iter().any(|value| value.is_nan())
            {
                let one = |value: <$ty as ArrowPrimitiveType>::Native| match value.is_nan() {
                    true => $nan,
                    false => value,
                };
                return Arc::new(floats.unary::<_, $ty>(one));
            }
        };
    }
    one!(Float64Type, f64::NAN);
    one!(Float32Type, f32::NAN);
    result
}

/// Whether a decimal of fixed scale is NaN somewhere.
pub fn has_nan(side: &dyn Datum) -> bool {
    let (array, _) = side.get();
    match array.as_primitive_opt::<Decimal128Type>() {
        Some(decimals) => decimals.values().contains(&num::FIXED_NAN),
        None => false,
    }
}

/// `x % -1` is 0 for every x; Arrow calls the smallest one an overflow.
fn modulo(left: &dyn Datum, right: &dyn Datum) -> Result<ArrayRef, ArrowError> {
    numeric::rem(left, right)
}

impl ScalarUDFImpl for Arith {
    fn name(&self) -> &str {
        self.op.sign()
    }

    fn schema_name(&self, args: &[Expr]) -> Result<String> {
        match args {
            [left, right] => Ok(format!(
                "({} {} {})",
                names::of_argument(left),
                self.op.sign(),
                names::of_argument(right)
            )),
            _ => Ok(self.op.sign().to_owned()),
        }
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _args: &[DataType]) -> Result<DataType> {
        Ok(arrow_type(&self.ty))
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let mut args = args.args;
        let (Some(right), Some(left)) = (args.pop(), args.pop()) else {
            return Err(to_datafusion(crate::planned::functions::row::arity()));
        };
        let scalar = matches!(
            (&left, &right),
            (ColumnarValue::Scalar(_), ColumnarValue::Scalar(_))
        );
        // A NULL constant has no row to divide by.
        let result = match (&left, &right) {
            (ColumnarValue::Array(l), ColumnarValue::Array(r)) => self.apply(l, r)?,
            (ColumnarValue::Array(l), ColumnarValue::Scalar(r)) => {
                self.apply(l, &r.to_scalar()?)?
            }
            (ColumnarValue::Scalar(l), ColumnarValue::Array(r)) => {
                self.apply(&l.to_scalar()?, r)?
            }
            (ColumnarValue::Scalar(l), ColumnarValue::Scalar(r)) => {
                self.apply(&l.to_scalar()?, &r.to_scalar()?)?
            }
        };
        let one = |side: &ColumnarValue| match side {
            ColumnarValue::Array(array) => Ok(array.clone()),
            ColumnarValue::Scalar(scalar) => scalar.to_array(),
        };
        self.check_floats(&one(&left)?, &one(&right)?, &result)?;
        let result = one_nan(result);
        let wanted = arrow_type(&self.ty);
        let result = if *result.data_type() == wanted {
            result
        } else {
            datafusion::arrow::compute::cast(&result, &wanted)?
        };
        if scalar {
            return ScalarValue::try_from_array(&result, 0).map(ColumnarValue::Scalar);
        }
        Ok(ColumnarValue::Array(result))
    }
}
