//! ARRAY[...], and parts of arrays, of jsonb and of composites: read and assigned.

use super::record::{field_place, no_field};
use super::scope::Scope;
use super::{Binder, Bound, literal};
use crate::planned::arrow::nested::shape;
use crate::planned::functions::assign;
use crate::planned::functions::row::RowFn;
use crate::planned::types;
use orbit_core::types::SqlType;
use orbit_core::value::{Array, Value, ValueRef};
use orbit_core::{Error, Result, state};
use sqlparser::ast;

impl Binder<'_> {
    pub(super) fn array(&mut self, scope: &Scope, items: &[ast::Expr]) -> Result<Bound> {
        let mut bounds = Vec::with_capacity(items.len());
        for item in items {
            bounds.push(self.expr(scope, item)?);
        }
        let element = types::common(bounds.iter().map(|bound| &bound.ty), "ARRAY")
            .map_err(|error| self.placed_misfit(error, &bounds, items.iter()))?;
        let exprs = self.branches(bounds, &element)?;
        let ty = SqlType::Array(Box::new(element.clone()));
        let count = exprs.len();
        let held = element.clone();
        let row = RowFn::new(
            "array".to_owned(),
            format!("{element:?}"),
            vec![element; count],
            ty.clone(),
            move |args| {
                let items = args.iter().map(ValueRef::to_owned).collect();
                let array = Array::new(held.clone(), items);
                if matches!(held, SqlType::Array(_)) && shape(&array).is_none() {
                    return Err(Error::new(
                        state::ARRAY_SUBSCRIPT_ERROR,
                        "multidimensional arrays must have array expressions with matching dimensions",
                    ));
                }
                Ok(Value::Array(array))
            },
        )
        .lenient();
        Ok(Bound::new(row.call(exprs), ty))
    }

    /// A subscript of an array: an integer, whatever number it was.
    fn array_index(&mut self, scope: &Scope, index: &ast::Expr) -> Result<Bound> {
        let index = self.expr(scope, index)?;
        match index.ty {
            SqlType::Int2 | SqlType::Int8 | SqlType::Numeric(_) => self.cast(index, &SqlType::Int4),
            _ => Ok(index),
        }
    }

    pub(super) fn subscript(
        &mut self,
        scope: &Scope,
        root: &ast::Expr,
        chain: &[ast::AccessExpr],
    ) -> Result<Bound> {
        if let Some((ast::AccessExpr::Dot(ast::Expr::Identifier(field)), rest)) =
            chain.split_first()
        {
            let name = types::fold(field);
            let mut found = None;
            if let Some(items) = self.spelled_out(scope, root) {
                let item = field_place(&name).and_then(|place| items.get(place));
                let item = item.ok_or_else(|| no_field(&name))?;
                found = Some(self.expr(scope, item)?);
            } else if let Some([keys, values]) = self.each_of(scope, root)? {
                found = Some(match name.as_str() {
                    "key" => keys,
                    "value" => values,
                    _ => return Err(no_field(&name)),
                });
            }
            if let Some(found) = found {
                let found = self.decided(found)?;
                return match rest.is_empty() {
                    true => Ok(found),
                    false => Err(Error::unsupported("access to a part of a row's field")),
                };
            }
        }
        let mut bound = self.expr(scope, root)?;
        if bound.ty.base() == SqlType::Jsonb {
            return self.jsonb_subscript(scope, bound, chain);
        }
        for access in chain {
            bound = match access {
                ast::AccessExpr::Dot(ast::Expr::Identifier(field)) => {
                    self.record_field(bound, &types::fold(field))?
                }
                // A name is a list of letters that counts from 0.
                ast::AccessExpr::Subscript(ast::Subscript::Index { index })
                    if bound.ty == SqlType::Name =>
                {
                    let index = self.expr(scope, index)?;
                    let place = self.operator("+", index, literal::number("1")?)?;
                    let text = self.cast(bound, &SqlType::Text)?;
                    let letter =
                        self.call_table("substr", vec![text, place, literal::number("1")?])?;
                    self.cast(letter, &SqlType::InternalChar)?
                }
                ast::AccessExpr::Subscript(ast::Subscript::Index { index }) => {
                    if !matches!(bound.ty, SqlType::Array(_)) {
                        return Err(Error::new(
                            state::DATATYPE_MISMATCH,
                            format!(
                                "cannot subscript type {} because it does not support subscripting",
                                bound.ty.base()
                            ),
                        ));
                    }
                    let index = self.array_index(scope, index)?;
                    self.call_table("array_element", vec![bound, index])?
                }
                ast::AccessExpr::Subscript(ast::Subscript::Slice {
                    lower_bound,
                    upper_bound,
                    stride: None,
                }) => {
                    let lower = match lower_bound {
                        Some(lower) => self.array_index(scope, lower)?,
                        None => literal::number("1")?,
                    };
                    let upper = match upper_bound {
                        Some(upper) => self.array_index(scope, upper)?,
                        None => literal::constant(Value::Int4(i32::MAX), SqlType::Int4)?,
                    };
                    self.call_table("array_slice", vec![bound, lower, upper])?
                }
                other => return Err(Error::unsupported(format_args!("the access {other}"))),
            };
        }
        Ok(bound)
    }

    /// `j['a'][0]`: a value by the path to it.
    fn jsonb_subscript(
        &mut self,
        scope: &Scope,
        document: Bound,
        chain: &[ast::AccessExpr],
    ) -> Result<Bound> {
        let mut path = vec![document];
        for access in chain {
            let index = match access {
                ast::AccessExpr::Subscript(ast::Subscript::Index { index }) => index,
                ast::AccessExpr::Subscript(_) => {
                    return Err(Error::new(
                        state::FEATURE_NOT_SUPPORTED,
                        "jsonb subscript does not support slices",
                    ));
                }
                other => return Err(Error::unsupported(format_args!("the access {other}"))),
            };
            path.push(self.jsonb_step(scope, index)?.0);
        }
        self.call_table("jsonb_extract_path", path)
    }

    /// A subscript of a document as text, and whether it is a number.
    fn jsonb_step(&mut self, scope: &Scope, index: &ast::Expr) -> Result<(Bound, bool)> {
        let bound = self.expr(scope, index)?;
        let step = bound.ty.base();
        let is_key = bound.is_unknown() || types::is_text(&step);
        if !is_key && !matches!(step, SqlType::Int2 | SqlType::Int4) {
            let error = Error::new(
                state::DATATYPE_MISMATCH,
                format!("subscript type {step} is not supported"),
            )
            .with_hint("jsonb subscript must be coercible to either integer or text.");
            return Err(self.placed_at(error, index));
        }
        Ok((self.cast(bound, &SqlType::Text)?, !is_key))
    }

    /// The column, its subscripts and the value for that part of it: the column's new value.
    pub(super) fn assigned_part(&mut self, scope: &Scope, args: &[&ast::Expr]) -> Result<Bound> {
        let [target, subscripts @ .., value] = args else {
            return Err(Error::internal("an assignment without a target"));
        };
        let column = super::name::of_expr(target);
        // What is written to stands first, whatever else has a column of this name.
        let written = scope.relations.first().and_then(|relation| {
            let mut columns = relation.columns.iter();
            columns.find(|own| own.name == column)
        });
        let target = match written {
            Some(own) => {
                self.note_read(&own.bound);
                own.bound.clone()
            }
            None => self.expr(scope, target)?,
        };
        let bound = self.expr(scope, value)?;
        let misfit = |wanted: &SqlType, given: &SqlType| {
            Error::new(
                state::DATATYPE_MISMATCH,
                format!(
                    "subscripted assignment to \"{column}\" requires type {wanted} but expression is of type {}",
                    given.base()
                ),
            )
            .with_hint("You will need to rewrite or cast the expression.")
        };
        match target.ty.base() {
            SqlType::Jsonb => {
                if !bound.is_unknown() && bound.ty != SqlType::Jsonb {
                    let error = misfit(&SqlType::Jsonb, &bound.ty);
                    return Err(self.placed_at(error, value));
                }
                let mut exprs = vec![target.expr];
                let mut numbered = false;
                for (at, subscript) in subscripts.iter().enumerate() {
                    let (step, is_number) = self.jsonb_step(scope, subscript)?;
                    numbered |= at == 0 && is_number;
                    exprs.push(step.expr);
                }
                exprs.push(self.cast(bound, &SqlType::Jsonb)?.expr);
                let mut of = vec![SqlType::Text; exprs.len()];
                of[0] = SqlType::Jsonb;
                if let Some(last) = of.last_mut() {
                    *last = SqlType::Jsonb;
                }
                let row = RowFn::new(
                    "jsonb_assign".to_owned(),
                    format!("{numbered} {}", of.len()),
                    of,
                    SqlType::Jsonb,
                    move |args| {
                        let [document, path @ .., value] = args else {
                            return Ok(Value::Null);
                        };
                        let text = |value: &ValueRef<'_>| match value {
                            ValueRef::Text(text) => Some((*text).to_owned()),
                            _ => None,
                        };
                        let (document, value) = (text(document), text(value));
                        assign::in_document(document.as_deref(), path, numbered, value.as_deref())
                    },
                );
                Ok(Bound::new(row.lenient().call(exprs), SqlType::Jsonb))
            }
            SqlType::Array(element) => {
                let [subscript] = subscripts else {
                    return Err(Error::unsupported(
                        "assigning to an item of an array of several dimensions",
                    ));
                };
                if !types::assignable(&bound.ty, &element) {
                    let error = misfit(&element, &bound.ty);
                    return Err(self.placed_at(error, value));
                }
                let place = self.expr(scope, subscript)?;
                let place = self.coerce(place, &SqlType::Int4)?;
                let item = self.assign(bound, &element)?;
                let ty = target.ty.clone();
                let held = (*element).clone();
                let row = RowFn::new(
                    "array_assign".to_owned(),
                    format!("{ty:?}"),
                    vec![ty.clone(), SqlType::Int4, held.clone()],
                    ty.clone(),
                    move |args| {
                        let [array, place, item] = args else {
                            return Ok(Value::Null);
                        };
                        let ValueRef::Int4(place) = place else {
                            return Err(Error::new(
                                state::NULL_VALUE_NOT_ALLOWED,
                                "array subscript in assignment must not be null",
                            ));
                        };
                        let array = match array {
                            ValueRef::Array(array) => Some(array),
                            _ => None,
                        };
                        assign::in_array(array, &held, *place, item.to_owned())
                    },
                );
                let exprs = vec![target.expr, place.expr, item.expr];
                Ok(Bound::new(row.lenient().call(exprs), ty))
            }
            other => Err(Error::new(
                state::DATATYPE_MISMATCH,
                format!("cannot subscript type {other} because it does not support subscripting"),
            )),
        }
    }
}
