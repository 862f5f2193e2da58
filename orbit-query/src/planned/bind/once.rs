//! COALESCE, NULLIF and CASE of something that gives another value every time: it is asked
//! once. Where it is settled, they are written with conditions, in which it stands twice.

use super::{Binder, Bound};
use crate::planned::functions::row::RowFn;
use crate::planned::types;
use datafusion::logical_expr::{Expr, Operator};
use orbit_core::Result;
use orbit_core::types::SqlType;
use orbit_core::value::{Value, cast};
use std::cmp::Ordering;

/// The first that isn't NULL, if one before the last is volatile. All are asked.
pub(super) fn coalesce(exprs: &[Expr], ty: &SqlType) -> Option<Expr> {
    let (_, repeated) = exprs.split_last()?;
    if !repeated.iter().any(Expr::is_volatile) {
        return None;
    }
    let first = RowFn::new(
        "coalesce".to_owned(),
        format!("{ty:?}"),
        vec![ty.clone(); exprs.len()],
        ty.clone(),
        |args| {
            let known = args.iter().find(|arg| !arg.is_null());
            Ok(known.map_or(Value::Null, |arg| arg.to_owned()))
        },
    );
    Some(first.lenient().call(exprs.to_vec()))
}

impl Binder<'_> {
    /// NULL if both are equal, if the left is volatile.
    pub(super) fn nullif_once(&mut self, left: &Bound, right: &Bound) -> Result<Option<Bound>> {
        if !left.expr.is_volatile() {
            return Ok(None);
        }
        let ty = left.ty.base();
        // What can't be compared is refused as where nothing is volatile.
        self.compare(left.clone(), Operator::Eq, right.clone())?;
        let both = self.branches(vec![left.clone(), right.clone()], &ty)?;
        let different = RowFn::new(
            "nullif".to_owned(),
            format!("{ty:?}"),
            vec![ty.clone(); 2],
            ty.clone(),
            |args| match args {
                [left, right] if cast::compare(left, right) == Some(Ordering::Equal) => {
                    Ok(Value::Null)
                }
                [left, ..] => Ok(left.to_owned()),
                [] => Ok(Value::Null),
            },
        );
        let call = different.lenient().call(both);
        Ok(Some(Bound::new(call, left.ty.clone())))
    }

    /// The conditions of `CASE operand WHEN ...` as the values that it may have, with the
    /// operand as what it is compared with, if it is volatile and that is one for all.
    pub(super) fn case_once(
        &mut self,
        operand: &Bound,
        values: &[Bound],
    ) -> Result<Option<(Expr, Vec<Expr>)>> {
        if !operand.expr.is_volatile() {
            return Ok(None);
        }
        let all = std::iter::once(operand).chain(values);
        let Ok(ty) = types::common(all.map(|bound| &bound.ty), "CASE") else {
            return Ok(None);
        };
        let ty = ty.base();
        let operand = self.coerce(operand.clone(), &ty)?;
        let mut compared = None;
        let mut found = Vec::with_capacity(values.len());
        for value in values {
            let value = self.coerce(value.clone(), &ty)?;
            let (left, right) = self.comparable(operand.clone(), value, "=")?;
            compared = Some(left);
            found.push(right);
        }
        Ok(compared.map(|operand| (operand, found)))
    }
}
