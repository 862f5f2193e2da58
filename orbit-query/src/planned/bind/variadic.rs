//! `f(x, VARIADIC array)`: the array's items are the arguments.

use super::special::no_function;
use super::{Binder, Bound};
use crate::planned::functions::row::{RowFn, arity};
use crate::planned::functions::{self, Env, T, named};
use crate::planned::types;
use crate::statement::spelling::VARIADIC;
use orbit_core::types::SqlType;
use orbit_core::value::{Value, ValueRef};
use orbit_core::{Error, Result, state};
use sqlparser::ast::{Expr, Function, FunctionArg, FunctionArgOperator, FunctionArguments, Ident};

/// Whether the argument stood behind `VARIADIC`.
pub(super) fn is_marked(arg: &FunctionArg) -> bool {
    match arg {
        FunctionArg::Named { name, .. }
        | FunctionArg::ExprNamed {
            name: Expr::Identifier(name),
            ..
        } => name.value == VARIADIC,
        _ => false,
    }
}

/// Puts `VARIADIC` before the last argument.
pub(super) fn mark_last(function: &mut Function) {
    let FunctionArguments::List(list) = &mut function.args else {
        return;
    };
    if let Some(last) = list.args.last_mut()
        && let FunctionArg::Unnamed(arg) = last
    {
        *last = FunctionArg::Named {
            name: Ident::with_quote('"', VARIADIC),
            arg: arg.clone(),
            operator: FunctionArgOperator::RightArrow,
        };
    }
}

impl Binder<'_> {
    /// Functions that take any number of arguments; to others the word means nothing.
    pub(super) fn variadic_call(&mut self, name: &str, mut bounds: Vec<Bound>) -> Result<Bound> {
        let mut functions = named(name).iter().filter(|function| function.variadic);
        let Some(function) = functions.next() else {
            return self.call_bound(name, bounds);
        };
        let have: Vec<SqlType> = bounds.iter().map(|bound| bound.ty.clone()).collect();
        if bounds.len() != function.args.len() {
            return Err(no_function(name, &have));
        }
        let Some(last) = bounds.pop() else {
            return Err(no_function(name, &have));
        };
        let any = function.args.last() == Some(&T::Any);
        let array = match (&last.ty, any) {
            (SqlType::Array(_), true) => last,
            (SqlType::Array(element), false) if types::is_text(element) => {
                self.coerce(last, &SqlType::Array(Box::new(SqlType::Text)))?
            }
            (SqlType::Unknown, false) => {
                self.coerce(last, &SqlType::Array(Box::new(SqlType::Text)))?
            }
            (_, true) => {
                return Err(Error::new(
                    state::DATATYPE_MISMATCH,
                    "VARIADIC argument must be an array",
                ));
            }
            _ => return Err(no_function(name, &have)),
        };
        let mut exprs = Vec::with_capacity(have.len());
        let mut given = Vec::with_capacity(have.len());
        for (bound, want) in bounds.into_iter().zip(function.args) {
            let want = want.plain();
            if !types::implicit(&bound.ty, &want) {
                return Err(no_function(name, &have));
            }
            let bound = self.coerce(bound, &want)?;
            given.push(bound.ty);
            exprs.push(bound.expr);
        }
        let returns = function.returns.plain();
        let mut element = &array.ty;
        while let SqlType::Array(inner) = element {
            element = inner;
        }
        let env = Env {
            format: self.settings.format.clone(),
            types: given.clone(),
            session: None,
        };
        let identity = format!(
            "variadic {:?}",
            (&function.args, env.format.time_zone, env.format.date_order)
        );
        let element = element.clone();
        given.push(array.ty.clone());
        exprs.push(array.expr);
        let row = RowFn::new(
            function.name.to_owned(),
            identity,
            given,
            returns.clone(),
            move |args| spread(function, args, &element, &env),
        );
        Ok(Bound::new(row.lenient().call(exprs), returns))
    }
}

/// Calls the function with the items of the last argument in its place.
fn spread(
    function: &functions::Function,
    args: &[ValueRef<'_>],
    element: &SqlType,
    env: &Env,
) -> Result<Value> {
    let Some((last, fixed)) = args.split_last() else {
        return Err(arity());
    };
    let mut all = fixed.to_vec();
    match last {
        ValueRef::Array(array) => flatten(&array.items, &mut all),
        // format() takes no array for an empty one.
        ValueRef::Null if function.name == "format" => {}
        ValueRef::Null => return Ok(Value::Null),
        _ => return Err(arity()),
    }
    if function.strict && all.iter().any(ValueRef::is_null) {
        return Ok(Value::Null);
    }
    let mut types = env.types.clone();
    types.resize(all.len(), element.clone());
    let env = Env {
        types,
        ..env.clone()
    };
    (function.body)(&all, &env)
}

fn flatten<'v>(items: &'v [Value], out: &mut Vec<ValueRef<'v>>) {
    for item in items {
        match item {
            Value::Array(inner) => flatten(&inner.items, out),
            other => out.push(other.as_ref()),
        }
    }
}
