//! A decimal with more digits after its point. Arrow's conversion multiplies whatever the
//! column has, and takes NaN for the number that stands for it.

use crate::planned::names;
use crate::planned::num::FIXED_NAN;
use datafusion::arrow::array::{Array, ArrayRef, AsArray, Decimal128Array};
use datafusion::arrow::datatypes::{DataType, Decimal128Type};
use datafusion::common::ScalarValue;
use datafusion::error::{DataFusionError, Result};
use datafusion::logical_expr::expr::ScalarFunction;
use datafusion::logical_expr::{
    ColumnarValue, Expr, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};
use std::sync::Arc;

/// Digits, and how many of them after the point.
pub type Digits = (u8, i8);

#[derive(Debug, PartialEq, Eq, Hash)]
struct Rescale {
    from: Digits,
    /// With room for all digits of what it is made from.
    to: Digits,
    signature: Signature,
}

pub fn rescale(expr: Expr, from: Digits, to: Digits) -> Expr {
    let function = Rescale {
        from,
        to,
        signature: Signature::any(1, Volatility::Immutable),
    };
    Expr::ScalarFunction(ScalarFunction::new_udf(
        Arc::new(ScalarUDF::new_from_impl(function)),
        vec![expr],
    ))
}

/// What was rescaled, and what it was.
pub fn rescaled(expr: &Expr) -> Option<(&Expr, Digits)> {
    let Expr::ScalarFunction(call) = expr else {
        return None;
    };
    let function = call.func.inner().downcast_ref::<Rescale>()?;
    Some((call.args.first()?, function.from))
}

/// A decimal that is known, with more digits after its point; `None`: it isn't known.
pub fn constant_in(expr: &Expr, (precision, scale): Digits) -> Option<Expr> {
    let Expr::Literal(ScalarValue::Decimal128(Some(units), _, own_scale), _) = expr else {
        return None;
    };
    let units = match *units {
        FIXED_NAN => FIXED_NAN,
        units => units.checked_mul(units_a_unit(*own_scale, scale)?)?,
    };
    let constant = ScalarValue::Decimal128(Some(units), precision, scale);
    Some(Expr::Literal(constant, None))
}

/// How many units of the finer scale are one of the coarser.
pub fn units_a_unit(coarser: i8, finer: i8) -> Option<i128> {
    let places = u32::try_from(finer.checked_sub(coarser)?).ok()?;
    10_i128.checked_pow(places)
}

impl Rescale {
    fn apply(&self, decimals: &Decimal128Array) -> Result<ArrayRef> {
        let (precision, scale) = self.to;
        let factor = units_a_unit(decimals.scale(), scale).ok_or_else(|| {
            let ty = decimals.data_type();
            DataFusionError::Internal(format!("{ty} to a scale of {scale}"))
        })?;
        let scaled: Decimal128Array = decimals.unary(|units| match units {
            FIXED_NAN => FIXED_NAN,
            units => units.wrapping_mul(factor),
        });
        let scaled = scaled.with_precision_and_scale(precision, scale)?;
        Ok(Arc::new(scaled))
    }
}

impl ScalarUDFImpl for Rescale {
    fn name(&self) -> &str {
        "rescale"
    }

    /// Two of one column to different scales are two.
    fn schema_name(&self, args: &[Expr]) -> Result<String> {
        let of = args.first().map(names::of_argument).unwrap_or_default();
        let (precision, scale) = self.to;
        Ok(format!("{of}::numeric({precision},{scale})"))
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _types: &[DataType]) -> Result<DataType> {
        Ok(DataType::Decimal128(self.to.0, self.to.1))
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let only = args.args.into_iter().next();
        let array = match &only {
            Some(ColumnarValue::Array(array)) => array.clone(),
            Some(ColumnarValue::Scalar(value)) => value.to_array()?,
            None => return Err(DataFusionError::Internal("rescale of nothing".to_owned())),
        };
        if array.data_type().is_null() {
            let (precision, scale) = self.to;
            return Ok(ColumnarValue::Scalar(ScalarValue::Decimal128(
                None, precision, scale,
            )));
        }
        let Some(decimals) = array.as_primitive_opt::<Decimal128Type>() else {
            let ty = array.data_type();
            return Err(DataFusionError::Internal(format!("rescale of {ty}")));
        };
        let scaled = self.apply(decimals)?;
        match only {
            Some(ColumnarValue::Scalar(_)) => Ok(ColumnarValue::Scalar(
                ScalarValue::try_from_array(&scaled, 0)?,
            )),
            _ => Ok(ColumnarValue::Array(scaled)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nan_stays_nan() {
        let of = Rescale {
            from: (10, 2),
            to: (11, 3),
            signature: Signature::any(1, Volatility::Immutable),
        };
        let before = Decimal128Array::from(vec![Some(4500), Some(FIXED_NAN), None, Some(-7)]);
        let before = before.with_precision_and_scale(10, 2).unwrap();
        let wanted = Decimal128Array::from(vec![Some(45_000), Some(FIXED_NAN), None, Some(-70)]);
        let wanted = wanted.with_precision_and_scale(11, 3).unwrap();
        assert_eq!(of.apply(&before).unwrap().as_primitive(), &wanted);
    }
}
