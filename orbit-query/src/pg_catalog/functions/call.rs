//! How a catalog function is called: arguments out of Arrow, the answer back.

use super::{Arg, Function};
use crate::pg_catalog::cells::{Cell, array};
use crate::pg_catalog::context::CatalogContext;
use datafusion::arrow::array::{Array, ArrayRef, AsArray};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{DataType, Float64Type, Int64Type};
use datafusion::common::ScalarValue;
use datafusion::error::{DataFusionError, Result};
use datafusion::logical_expr::{
    ColumnarValue, ScalarFunctionArgs, ScalarUDFImpl, Signature, Volatility,
};
use orbit_core::types::Oid;
use orbit_core::{Error, state};
use std::hash::{Hash, Hasher};

pub type Body = fn(&Call<'_>) -> orbit_core::Result<Cell>;

/// One row's call.
pub struct Call<'a> {
    pub context: &'a CatalogContext,
    pub args: &'a [Cell],
}

impl Call<'_> {
    pub fn arg(&self, place: usize) -> &Cell {
        self.args.get(place).unwrap_or(&Cell::Null)
    }

    pub fn text(&self, place: usize) -> Option<&str> {
        self.arg(place).text()
    }

    pub fn int(&self, place: usize) -> Option<i64> {
        self.arg(place).int()
    }

    pub fn bool(&self, place: usize) -> Option<bool> {
        self.arg(place).bool()
    }

    /// An oid as given, digits in a text included; nothing is looked up.
    pub fn oid(&self, place: usize) -> Option<Oid> {
        self.int(place).and_then(|v| Oid::try_from(v).ok())
    }

    /// A relation: its oid, or the oid of the one named; 42P01 if there is none of that name.
    pub fn relation(&self, place: usize) -> orbit_core::Result<Option<Oid>> {
        match self.arg(place) {
            Cell::Text(name) => relation_named(self.context, name).map(Some),
            _ => Ok(self.oid(place)),
        }
    }
}

/// As a cast to `regclass` finds it.
pub fn relation_named(context: &CatalogContext, name: &str) -> orbit_core::Result<Oid> {
    if name == "-" {
        return Ok(0);
    }
    let path = context.search_path();
    context.objects().find(name, &path).ok_or_else(|| {
        Error::new(
            state::UNDEFINED_TABLE,
            format!("relation \"{name}\" does not exist"),
        )
    })
}

/// A line of the function tables as DataFusion calls it.
#[derive(Debug)]
pub struct CatalogFunction {
    function: &'static Function,
    signature: Signature,
}

impl CatalogFunction {
    pub fn new(function: &'static Function) -> CatalogFunction {
        // Stable: the same within a statement, not from one to the next.
        let volatility = match function.volatile {
            true => Volatility::Volatile,
            false => Volatility::Stable,
        };
        CatalogFunction {
            function,
            signature: match function.args.is_empty() {
                true => Signature::nullary(volatility),
                false => Signature::user_defined(volatility),
            },
        }
    }

    fn wanted(&self, place: usize) -> Arg {
        let args = self.function.args;
        args.get(place).or(args.last()).copied().unwrap_or(Arg::Any)
    }

    fn run(&self, context: &CatalogContext, args: &[Cell]) -> Result<Cell> {
        if self.function.strict && args.contains(&Cell::Null) {
            return Ok(Cell::Null);
        }
        (self.function.body)(&Call { context, args })
            .map_err(|error| DataFusionError::External(Box::new(error)))
    }
}

impl PartialEq for CatalogFunction {
    fn eq(&self, other: &Self) -> bool {
        self.function.name == other.function.name
    }
}

impl Eq for CatalogFunction {}

impl Hash for CatalogFunction {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.function.name.hash(state);
    }
}

impl ScalarUDFImpl for CatalogFunction {
    fn name(&self) -> &str {
        self.function.name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _args: &[DataType]) -> Result<DataType> {
        Ok(self.function.returns.arrow())
    }

    fn coerce_types(&self, given: &[DataType]) -> Result<Vec<DataType>> {
        let function = self.function;
        let too_many = given.len() > function.args.len() && !function.variadic;
        if given.len() < function.least || too_many {
            let error = Error::new(
                state::UNDEFINED_FUNCTION,
                format!(
                    "function {} does not exist with {} arguments",
                    function.name,
                    given.len()
                ),
            );
            return Err(DataFusionError::External(Box::new(error)));
        }
        let wanted =
            given
                .iter()
                .enumerate()
                .map(|(place, given)| match (self.wanted(place), given) {
                    (Arg::Text, _) => DataType::Utf8,
                    (Arg::Bool, _) => DataType::Boolean,
                    (Arg::Oid, DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View) => {
                        DataType::Utf8
                    }
                    (Arg::Int | Arg::Oid, _) => DataType::Int64,
                    (Arg::Texts | Arg::Any, given) => given.clone(),
                });
        Ok(wanted.collect())
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let context = CatalogContext::of(&args.config_options)?;
        let constant = !self.function.volatile
            && args
                .args
                .iter()
                .all(|arg| matches!(arg, ColumnarValue::Scalar(_)));
        let rows = if constant { 1 } else { args.number_rows };
        let columns = args
            .args
            .iter()
            .map(|arg| cells(&arg.to_array(rows)?))
            .collect::<Result<Vec<Vec<Cell>>>>()?;
        let mut answers = Vec::with_capacity(rows);
        let mut row = Vec::with_capacity(columns.len());
        for place in 0..rows {
            row.clear();
            row.extend(
                columns
                    .iter()
                    .map(|column| column.get(place).cloned().unwrap_or_default()),
            );
            answers.push(self.run(context, &row)?);
        }
        let answers = array(self.function.returns, answers.iter());
        Ok(match constant {
            true => ColumnarValue::Scalar(ScalarValue::try_from_array(&answers, 0)?),
            false => ColumnarValue::Array(answers),
        })
    }
}

/// An Arrow column as cells; what has no cell of its own is taken in its text form.
fn cells(column: &ArrayRef) -> Result<Vec<Cell>> {
    let rows = 0..column.len();
    Ok(match column.data_type() {
        DataType::Null => rows.map(|_| Cell::Null).collect(),
        DataType::Boolean => {
            let column = column.as_boolean();
            rows.map(|i| column.is_valid(i).then(|| column.value(i)).into())
                .collect()
        }
        kind if kind.is_integer() => {
            let column = cast(column, &DataType::Int64)?;
            let column = column.as_primitive::<Int64Type>();
            rows.map(|i| column.is_valid(i).then(|| column.value(i)).into())
                .collect()
        }
        kind if kind.is_floating() => {
            let column = cast(column, &DataType::Float64)?;
            let column = column.as_primitive::<Float64Type>();
            rows.map(|i| column.is_valid(i).then(|| column.value(i)).into())
                .collect()
        }
        DataType::List(_) => {
            let column = column.as_list::<i32>();
            let mut lists = Vec::with_capacity(column.len());
            for i in rows {
                lists.push(match column.is_valid(i) {
                    true => list(&column.value(i))?,
                    false => Cell::Null,
                });
            }
            lists
        }
        _ => {
            let column = cast(column, &DataType::Utf8)?;
            let column = column.as_string::<i32>();
            rows.map(|i| column.is_valid(i).then(|| column.value(i)).into())
                .collect()
        }
    })
}

fn list(items: &ArrayRef) -> Result<Cell> {
    let items = cast(items, &DataType::Utf8)?;
    let items = items.as_string::<i32>();
    let items = items.iter().map(|item| item.unwrap_or("NULL").to_owned());
    Ok(Cell::Texts(items.collect()))
}
