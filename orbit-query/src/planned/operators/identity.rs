//! A value as it is, in an expression that the optimizer doesn't see through.

use datafusion::arrow::datatypes::DataType;
use datafusion::error::{DataFusionError, Result};
use datafusion::logical_expr::expr::ScalarFunction;
use datafusion::logical_expr::{
    ColumnarValue, Expr, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};
use std::sync::Arc;

#[derive(Debug, PartialEq, Eq, Hash)]
struct Identity {
    signature: Signature,
}

pub fn identity(expr: Expr) -> Expr {
    let function = Identity {
        signature: Signature::any(1, Volatility::Immutable),
    };
    Expr::ScalarFunction(ScalarFunction::new_udf(
        Arc::new(ScalarUDF::new_from_impl(function)),
        vec![expr],
    ))
}

/// What an identity is of.
pub fn within_identity(expr: &Expr) -> Option<&Expr> {
    match expr {
        Expr::ScalarFunction(call) if call.func.inner().is::<Identity>() => call.args.first(),
        _ => None,
    }
}

impl ScalarUDFImpl for Identity {
    fn name(&self) -> &str {
        "identity"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        let only = types.first().cloned();
        only.ok_or_else(|| DataFusionError::Internal("identity of nothing".to_owned()))
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let only = args.args.into_iter().next();
        only.ok_or_else(|| DataFusionError::Internal("identity of nothing".to_owned()))
    }
}
