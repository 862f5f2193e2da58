//! A function over columns.

use crate::planned::arrow::arrow_type;
use datafusion::arrow::array::ArrayRef;
use datafusion::arrow::datatypes::DataType;
use datafusion::common::ScalarValue;
use datafusion::error::Result;
use datafusion::logical_expr::expr::ScalarFunction;
use datafusion::logical_expr::{
    ColumnarValue, Expr, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};
use orbit_core::types::SqlType;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

type Body = fn(&[ArrayRef]) -> Result<ArrayRef>;

/// Two are equal when name and types are.
pub struct VectorFn {
    name: &'static str,
    args: Vec<SqlType>,
    returns: SqlType,
    signature: Signature,
    body: Body,
}

impl VectorFn {
    pub fn new(name: &'static str, args: Vec<SqlType>, returns: SqlType, body: Body) -> VectorFn {
        let signature =
            Signature::exact(args.iter().map(arrow_type).collect(), Volatility::Immutable);
        VectorFn {
            name,
            args,
            returns,
            signature,
            body,
        }
    }

    pub fn args(&self) -> &[SqlType] {
        &self.args
    }

    /// Whether it is the one of this name for arguments of these types.
    pub fn is(&self, name: &str, args: &[SqlType]) -> bool {
        self.name == name && self.args == args
    }

    pub fn call(self, args: Vec<Expr>) -> Expr {
        Expr::ScalarFunction(ScalarFunction::new_udf(
            Arc::new(ScalarUDF::new_from_impl(self)),
            args,
        ))
    }
}

impl fmt::Debug for VectorFn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "VectorFn({})", self.name)
    }
}

impl PartialEq for VectorFn {
    fn eq(&self, other: &VectorFn) -> bool {
        self.name == other.name && self.args == other.args && self.returns == other.returns
    }
}

impl Eq for VectorFn {}

impl Hash for VectorFn {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.name.hash(state);
        self.args.hash(state);
    }
}

impl ScalarUDFImpl for VectorFn {
    fn name(&self) -> &str {
        self.name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _args: &[DataType]) -> Result<DataType> {
        Ok(arrow_type(&self.returns))
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let scalar = args
            .args
            .iter()
            .all(|arg| matches!(arg, ColumnarValue::Scalar(_)));
        let rows = if scalar { 1 } else { args.number_rows };
        let columns = args
            .args
            .into_iter()
            .map(|arg| arg.into_array(rows))
            .collect::<Result<Vec<_>>>()?;
        let result = (self.body)(&columns)?;
        if scalar {
            return ScalarValue::try_from_array(&result, 0).map(ColumnarValue::Scalar);
        }
        Ok(ColumnarValue::Array(result))
    }
}
