//! A function over values, run row by row inside DataFusion.

use crate::planned::arrow::{Builder, arrow_type, cell};
use crate::planned::error::to_datafusion;
use crate::planned::names;
use datafusion::arrow::array::ArrayRef;
use datafusion::arrow::datatypes::DataType;
use datafusion::common::ScalarValue;
use datafusion::error::Result as DfResult;
use datafusion::logical_expr::expr::ScalarFunction;
use datafusion::logical_expr::{
    ColumnarValue, Expr, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};
use orbit_core::types::SqlType;
use orbit_core::value::{Value, ValueRef};
use orbit_core::{Error, Result};
use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::{Arc, OnceLock};

type Eval = Arc<dyn for<'v> Fn(&[ValueRef<'v>]) -> Result<Value> + Send + Sync>;

/// Two are equal when name, identity and types are.
#[derive(Clone)]
pub struct RowFn {
    name: String,
    /// What the closure holds, in words: part of what makes two functions equal.
    identity: String,
    args: Vec<SqlType>,
    returns: SqlType,
    /// NULL in, NULL out, without asking.
    strict: bool,
    signature: Signature,
    eval: Eval,
    /// Made when it is first asked for; plans ask often.
    title: OnceLock<String>,
}

impl RowFn {
    /// Whether it is the one of this name and identity.
    pub fn is(&self, name: &str, identity: &str) -> bool {
        self.name == name && self.identity == identity
    }

    pub fn new(
        name: String,
        identity: String,
        args: Vec<SqlType>,
        returns: SqlType,
        eval: impl for<'v> Fn(&[ValueRef<'v>]) -> Result<Value> + Send + Sync + 'static,
    ) -> RowFn {
        let signature = signature(&args, Volatility::Immutable);
        RowFn {
            name,
            identity,
            args,
            returns,
            strict: true,
            signature,
            eval: Arc::new(eval),
            title: OnceLock::new(),
        }
    }

    /// Wants to see NULLs.
    #[must_use]
    pub fn lenient(mut self) -> RowFn {
        self.strict = false;
        self
    }

    /// Gives something else every time.
    #[must_use]
    pub fn volatile(mut self) -> RowFn {
        self.signature = signature(&self.args, Volatility::Volatile);
        self
    }

    pub fn call(self, args: Vec<Expr>) -> Expr {
        Expr::ScalarFunction(ScalarFunction::new_udf(
            Arc::new(ScalarUDF::new_from_impl(self)),
            args,
        ))
    }

    /// The name, and what the closure holds.
    fn title(&self) -> &str {
        self.title.get_or_init(|| {
            let held = names::digest(&(&self.name, &self.identity, &self.args));
            format!("{}[{held}]", self.name)
        })
    }

    pub fn returns(&self) -> &SqlType {
        &self.returns
    }

    /// The arguments of a call, row by row.
    pub fn rows_of(&self, args: &ScalarFunctionArgs) -> DfResult<Vec<Vec<Value>>> {
        let columns = args
            .args
            .iter()
            .map(|arg| arg.to_array(args.number_rows))
            .collect::<DfResult<Vec<_>>>()?;
        (0..args.number_rows)
            .map(|row| {
                let cells = columns.iter().zip(&self.args);
                cells
                    .map(|(column, ty)| cell(column, row, ty).map(|value| value.to_owned()))
                    .collect::<Result<Vec<_>>>()
                    .map_err(to_datafusion)
            })
            .collect()
    }

    fn eval_row(&self, args: &[ValueRef<'_>]) -> DfResult<Value> {
        if self.strict && args.iter().any(ValueRef::is_null) {
            return Ok(Value::Null);
        }
        (self.eval)(args).map_err(to_datafusion)
    }
}

fn signature(args: &[SqlType], volatility: Volatility) -> Signature {
    if args.is_empty() {
        Signature::nullary(volatility)
    } else {
        Signature::exact(args.iter().map(arrow_type).collect(), volatility)
    }
}

impl fmt::Debug for RowFn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RowFn({} {})", self.name, self.identity)
    }
}

impl PartialEq for RowFn {
    fn eq(&self, other: &RowFn) -> bool {
        self.name == other.name
            && self.identity == other.identity
            && self.args == other.args
            && self.returns == other.returns
    }
}

impl Eq for RowFn {}

impl Hash for RowFn {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.title().hash(state);
    }
}

impl ScalarUDFImpl for RowFn {
    fn name(&self) -> &str {
        &self.name
    }

    /// Plans tell expressions apart by name, so the name says what the closure holds.
    fn schema_name(&self, args: &[Expr]) -> DfResult<String> {
        let args: Vec<String> = args.iter().map(names::of_argument).collect();
        Ok(format!("{}({})", self.title(), args.join(", ")))
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _args: &[DataType]) -> DfResult<DataType> {
        Ok(arrow_type(&self.returns))
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> DfResult<ColumnarValue> {
        let volatile = self.signature.volatility == Volatility::Volatile;
        let all_scalar = args
            .args
            .iter()
            .all(|arg| matches!(arg, ColumnarValue::Scalar(_)));
        let rows = if all_scalar && !volatile {
            1
        } else {
            args.number_rows
        };
        let columns: Vec<ArrayRef> = args
            .args
            .iter()
            .map(|arg| match arg {
                ColumnarValue::Array(array) => Ok(array.clone()),
                // One cell, read again for every row.
                ColumnarValue::Scalar(scalar) => scalar.to_array(),
            })
            .collect::<DfResult<_>>()?;
        let fixed: Vec<bool> = args
            .args
            .iter()
            .map(|arg| matches!(arg, ColumnarValue::Scalar(_)))
            .collect();
        let mut built = Builder::new(&self.returns, rows);
        let mut values: Vec<ValueRef<'_>> = Vec::with_capacity(columns.len());
        let mut unasked = 0;
        for row in 0..rows {
            values.clear();
            for ((column, ty), fixed) in columns.iter().zip(&self.args).zip(&fixed) {
                let at = if *fixed { 0 } else { row };
                values.push(cell(column, at, ty).map_err(to_datafusion)?);
            }
            let given: usize = values.iter().map(length).sum();
            if given >= LARGE {
                if crate::planned::patience::is_planning() {
                    let left = Error::internal("a value is too large for a plan");
                    return Err(to_datafusion(left));
                }
                // What is made of them is often as large, and of a text with many parts
                // each may become a value.
                let parts: usize = values.iter().map(commas).sum();
                let more = given
                    .saturating_mul(3)
                    .saturating_add(parts.saturating_mul(96));
                orbit_core::memory::admit(more).map_err(to_datafusion)?;
            }
            let value = self.eval_row(&values)?;
            let made = length(&value.as_ref());
            unasked += made;
            if unasked >= LARGE {
                orbit_core::memory::admit(made).map_err(to_datafusion)?;
                unasked = 0;
            }
            built.push(value.as_ref()).map_err(to_datafusion)?;
        }
        let array = built.finish();
        if all_scalar && !volatile {
            return ScalarValue::try_from_array(&array, 0).map(ColumnarValue::Scalar);
        }
        Ok(ColumnarValue::Array(array))
    }
}

/// After so many bytes of results it is asked whether there is memory for more.
const LARGE: usize = 256 << 10;

/// What a value takes, if that can be much.
fn length(value: &ValueRef<'_>) -> usize {
    match value {
        ValueRef::Text(text) => text.len(),
        ValueRef::Bytea(bytes) => bytes.len(),
        ValueRef::Array(array) => {
            let inside = array.items.iter().map(|item| match item {
                Value::Text(text) => text.len(),
                _ => 0,
            });
            array.items.len() * size_of::<Value>() + inside.sum::<usize>()
        }
        _ => 0,
    }
}

fn commas(value: &ValueRef<'_>) -> usize {
    match value {
        ValueRef::Text(text) => memchr::memchr_iter(b',', text.as_bytes()).count(),
        _ => 0,
    }
}

/// A wrong number of arguments past the binder: a fault of ours.
pub fn arity() -> Error {
    Error::internal("a function was called with arguments it was not bound to")
}
