//! Syntax with rules of its own: COALESCE and its like, EXTRACT, SUBSTRING,
//! patterns, arrays, `::regclass`.

use super::expr::boolean;
use super::record::{field_place, no_field};
use super::scope::Scope;
use super::{Binder, Bound, literal};
use crate::planned::arrow::nested::shape;
use crate::planned::error::Told;
use crate::planned::functions::are::{self, Options};
use crate::planned::functions::row::{RowFn, arity};
use crate::planned::functions::{Choice, assign, choose, datetime, pattern};
use crate::planned::types;
use crate::statement::names::Name;
use datafusion::logical_expr::expr::{Case, Like};
use datafusion::logical_expr::{Expr, Operator};
use orbit_core::types::SqlType;
use orbit_core::value::{Array, Interval, Value, ValueRef};
use orbit_core::{Error, Result, state};
use sqlparser::ast;

impl Binder<'_> {
    /// A function of the table by name.
    pub(super) fn table_call(
        &mut self,
        scope: &Scope,
        name: &str,
        args: &[&ast::Expr],
    ) -> Result<Bound> {
        let mut bound = Vec::with_capacity(args.len());
        for arg in args {
            bound.push(self.expr(scope, arg)?);
        }
        self.call_table(name, bound)
    }

    pub(super) fn call_table(&mut self, name: &str, args: Vec<Bound>) -> Result<Bound> {
        let have: Vec<SqlType> = args.iter().map(|arg| arg.ty.clone()).collect();
        match choose(name, &have) {
            Choice::One(chosen) => self.invoke(chosen, args),
            Choice::None => Err(no_function(name, &have)),
            Choice::Several => Err(Error::new(
                state::AMBIGUOUS_FUNCTION,
                format!("function {}({}) is not unique", name, type_list(&have)),
            )
            .with_hint("Could not choose a best candidate function. You might need to add explicit type casts.")),
        }
    }

    pub(super) fn substring(
        &mut self,
        scope: &Scope,
        text: &ast::Expr,
        from: Option<&ast::Expr>,
        length: Option<&ast::Expr>,
    ) -> Result<Bound> {
        let text = self.expr(scope, text)?;
        let mut args = vec![text];
        match (from, length) {
            (Some(from), None) => args.push(self.expr(scope, from)?),
            (from, Some(length)) => {
                args.push(match from {
                    Some(from) => self.expr(scope, from)?,
                    None => literal::number("1")?,
                });
                args.push(self.expr(scope, length)?);
            }
            (None, None) => {}
        }
        self.call_table("substring", args)
    }

    pub(super) fn extract(
        &mut self,
        scope: &Scope,
        field: &str,
        expr: &ast::Expr,
    ) -> Result<Bound> {
        let source = self.expr(scope, expr)?;
        self.extract_from(field.trim_matches(['\'', '"']), source)
    }

    pub(super) fn extract_from(&mut self, field: &str, source: Bound) -> Result<Bound> {
        let source = if source.is_unknown() {
            self.coerce(source, &SqlType::TimestampTz)?
        } else {
            source
        };
        let part = datetime::part(&field.to_lowercase(), &source.ty)?;
        let returns = part.numeric_type();
        let zone = self.settings.format.time_zone;
        let row = RowFn::new(
            "extract".to_owned(),
            format!("{part:?} {zone:?}"),
            vec![source.ty.clone()],
            returns.clone(),
            move |args| match args.first() {
                Some(value) => datetime::extract(part, value, zone),
                None => Err(arity()),
            },
        );
        Ok(Bound::new(row.call(vec![source.expr]), returns))
    }

    pub(super) fn like(
        &mut self,
        scope: &Scope,
        expr: &ast::Expr,
        pattern: &ast::Expr,
        escape: Option<&ast::ValueWithSpan>,
        negated: bool,
        insensitive: bool,
    ) -> Result<Bound> {
        let subject = self.expr(scope, expr)?;
        let pattern = self.expr(scope, pattern)?;
        let escape = match escape.map(|escape| &escape.value) {
            None => None,
            Some(ast::Value::SingleQuotedString(text)) if text.chars().count() <= 1 => {
                Some(text.chars().next())
            }
            Some(_) => {
                return Err(
                    Error::new(state::INVALID_ESCAPE_SEQUENCE, "invalid escape string")
                        .with_hint("Escape string must be empty or one character."),
                );
            }
        };
        self.like_bound(subject, pattern, escape, negated, insensitive)
    }

    fn like_bound(
        &mut self,
        subject: Bound,
        pattern: Bound,
        escape: Option<Option<char>>,
        negated: bool,
        insensitive: bool,
    ) -> Result<Bound> {
        for side in [&subject, &pattern] {
            if !side.is_unknown() && !types::is_text(&side.ty) {
                let sign = match (negated, insensitive) {
                    (false, false) => "~~",
                    (true, false) => "!~~",
                    (false, true) => "~~*",
                    (true, true) => "!~~*",
                };
                return Err(super::operator::no_operator(sign, &subject.ty, &pattern.ty));
            }
        }
        let subject = self.coerce(subject, &SqlType::Text)?;
        let pattern = self.coerce(pattern, &SqlType::Text)?;
        let pattern = match (&pattern.literal, escape) {
            (_, None) => pattern.expr,
            (Some(Value::Text(text)), Some(escape)) => {
                let text = pattern::with_backslash(text, escape)?;
                literal::constant(Value::Text(text), SqlType::Text)?.expr
            }
            (_, Some(escape)) => RowFn::new(
                "like_escape".to_owned(),
                format!("{escape:?}"),
                vec![SqlType::Text],
                SqlType::Text,
                move |args| match args.first() {
                    Some(ValueRef::Text(text)) => {
                        pattern::with_backslash(text, escape).map(Value::Text)
                    }
                    _ => Err(arity()),
                },
            )
            .call(vec![pattern.expr]),
        };
        Ok(boolean(Expr::Like(Like::new(
            negated,
            Box::new(subject.expr),
            Box::new(pattern),
            None,
            insensitive,
        ))))
    }

    pub(super) fn similar_to(
        &mut self,
        scope: &Scope,
        expr: &ast::Expr,
        pattern: &ast::Expr,
        escape: Option<&ast::ValueWithSpan>,
        negated: bool,
    ) -> Result<Bound> {
        let escape = match escape.map(|escape| &escape.value) {
            None => Some('\\'),
            Some(ast::Value::SingleQuotedString(text)) => text.chars().next(),
            Some(_) => {
                return Err(Error::new(
                    state::INVALID_ESCAPE_SEQUENCE,
                    "invalid escape string",
                ));
            }
        };
        let subject = self.expr(scope, expr)?;
        let subject = self.coerce(subject, &SqlType::Text)?;
        let pattern = self.expr(scope, pattern)?;
        let pattern = self.coerce(pattern, &SqlType::Text)?;
        let row = RowFn::new(
            "similar_to".to_owned(),
            format!("{escape:?} {negated}"),
            vec![SqlType::Text, SqlType::Text],
            SqlType::Bool,
            move |args| match args {
                [ValueRef::Text(subject), ValueRef::Text(text)] => {
                    let text = pattern::of_similar(text, escape)?;
                    let regex = are::compiled(&text, Options::default())?;
                    Ok(Value::Bool(regex.is_match(subject) != negated))
                }
                _ => Err(arity()),
            },
        );
        Ok(boolean(row.call(vec![subject.expr, pattern.expr])))
    }

    /// `~~` and `~` and their kin; `None`: another operator.
    pub(super) fn like_operator(
        &mut self,
        sign: &str,
        left: &Bound,
        right: &Bound,
    ) -> Result<Option<Bound>> {
        let like = match sign {
            "~~" => Some((false, false)),
            "!~~" => Some((true, false)),
            "~~*" => Some((false, true)),
            "!~~*" => Some((true, true)),
            _ => None,
        };
        if let Some((negated, insensitive)) = like {
            return self
                .like_bound(left.clone(), right.clone(), None, negated, insensitive)
                .map(Some);
        }
        let operator = match sign {
            "~" => Operator::RegexMatch,
            "~*" => Operator::RegexIMatch,
            "!~" => Operator::RegexNotMatch,
            "!~*" => Operator::RegexNotIMatch,
            _ => return Ok(None),
        };
        let textual = |bound: &Bound| bound.is_unknown() || types::is_text(&bound.ty);
        if !textual(left) || !textual(right) {
            return Err(super::operator::no_operator(sign, &left.ty, &right.ty));
        }
        let subject = self.coerce(left.clone(), &SqlType::Text)?;
        let pattern = self.coerce(right.clone(), &SqlType::Text)?;
        if let Some(Value::Text(text)) = &pattern.literal {
            let translated = are::translated(text, Options::default())?;
            pattern::compiled(&translated, false)?;
            let constant = literal::constant(Value::Text(translated), SqlType::Text)?;
            return Ok(Some(boolean(super::operator::binary(
                subject.expr,
                operator,
                constant.expr,
            ))));
        }
        let options = match sign.ends_with('*') {
            true => Options::INSENSITIVE,
            false => Options::default(),
        };
        let negated = sign.starts_with('!');
        let row = RowFn::new(
            sign.to_owned(),
            String::new(),
            vec![SqlType::Text, SqlType::Text],
            SqlType::Bool,
            move |args| match args {
                [ValueRef::Text(subject), ValueRef::Text(text)] => {
                    let regex = are::compiled(text, options)?;
                    Ok(Value::Bool(regex.is_match(subject) != negated))
                }
                _ => Err(arity()),
            },
        );
        Ok(Some(boolean(row.call(vec![subject.expr, pattern.expr]))))
    }

    /// COALESCE, GREATEST, LEAST, NULLIF. `None`: another function.
    pub(super) fn conditional(
        &mut self,
        scope: &Scope,
        name: &str,
        args: &[&ast::Expr],
    ) -> Result<Option<Bound>> {
        let what = match name {
            "coalesce" => "COALESCE",
            "greatest" => "GREATEST",
            "least" => "LEAST",
            "nullif" => "NULLIF",
            _ => return Ok(None),
        };
        let mut bounds = Vec::with_capacity(args.len());
        for arg in args {
            bounds.push(match name {
                "coalesce" => self.singly(what, |binder| binder.expr(scope, arg))?,
                _ => self.expr(scope, arg)?,
            });
        }
        if name == "nullif" {
            let [left, right] = <[Bound; 2]>::try_from(bounds).map_err(|bounds| {
                no_function(name, &bounds.into_iter().map(|b| b.ty).collect::<Vec<_>>())
            })?;
            let left = self.decided_like(left, &right)?;
            // The result is what `=` makes of its left side.
            let left = match (&left.ty, &right.ty) {
                (a, SqlType::Numeric(_)) if types::is_integer(a) => {
                    self.coerce(left, &SqlType::Numeric(None))?
                }
                (a, SqlType::Float4 | SqlType::Float8)
                    if types::is_integer(a) || matches!(a, SqlType::Numeric(_)) =>
                {
                    self.coerce(left, &SqlType::Float8)?
                }
                _ => left,
            };
            may_be_repeated(&left.expr)?;
            let equal = self.compare(left.clone(), Operator::Eq, right)?;
            let null = self.typed_null(&left.ty)?;
            let ty = left.ty.clone();
            let case = Case::new(
                None,
                vec![(Box::new(equal.expr), Box::new(null))],
                Some(Box::new(left.expr)),
            );
            return Ok(Some(Bound::new(Expr::Case(case), ty)));
        }
        if bounds.is_empty() {
            return Err(Error::new(
                state::SYNTAX_ERROR,
                "syntax error at or near \")\"",
            ));
        }
        let ty = types::common(bounds.iter().map(|bound| &bound.ty), what)
            .map_err(|error| self.placed_misfit(error, &bounds, args.iter().copied()))?;
        let exprs = self.branches(bounds, &ty)?;
        let expr = match name {
            "coalesce" => datafusion::functions::core::expr_fn::coalesce(exprs),
            _ if ty == SqlType::Interval => extreme_interval(exprs, name == "greatest"),
            "greatest" => datafusion::functions::core::expr_fn::greatest(exprs),
            _ => datafusion::functions::core::expr_fn::least(exprs),
        };
        Ok(Some(Bound::new(expr, ty)))
    }

    fn decided_like(&mut self, bound: Bound, other: &Bound) -> Result<Bound> {
        if !bound.is_unknown() {
            return Ok(bound);
        }
        let ty = if other.is_unknown() {
            SqlType::Text
        } else {
            types::base(&other.ty)
        };
        self.coerce(bound, &ty)
    }

    pub(super) fn typed_null(&mut self, ty: &SqlType) -> Result<Expr> {
        Ok(literal::constant(Value::Null, ty.clone())?.expr)
    }

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
        if types::base(&bound.ty) == SqlType::Jsonb {
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
                                types::base(&bound.ty)
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
        let step = types::base(&bound.ty);
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
                    types::base(given)
                ),
            )
            .with_hint("You will need to rewrite or cast the expression.")
        };
        match types::base(&target.ty) {
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

    /// `'t'::regclass` and `oid::regclass`.
    pub(super) fn regclass(
        &mut self,
        scope: &Scope,
        expr: &ast::Expr,
        ty: &ast::DataType,
    ) -> Result<Bound> {
        let bound = self.expr(scope, expr)?;
        if !bound.is_unknown() && !types::is_text(&bound.ty) {
            // An oid shows as itself; names come from joins with the catalogs.
            return Ok(bound);
        }
        let Some(Value::Text(name)) = bound.literal.clone() else {
            return Err(Error::unsupported(format_args!(
                "a cast to {ty} of an expression"
            )));
        };
        if let Ok(oid) = name.parse::<u32>() {
            return literal::constant(Value::Int8(i64::from(oid)), SqlType::Oid);
        }
        let oid = Name::parse(&name).and_then(|name| {
            name.relation(self.catalog, self.settings)
                .map(|it| it.oid())
        });
        match oid {
            Some(oid) => literal::constant(Value::Int8(i64::from(oid)), SqlType::Oid),
            None => Err(Error::new(
                state::UNDEFINED_TABLE,
                format!("relation \"{name}\" does not exist"),
            )),
        }
    }
}

/// GREATEST and LEAST of intervals, by what they span.
fn extreme_interval(exprs: Vec<Expr>, greatest: bool) -> Expr {
    RowFn::new(
        if greatest { "greatest" } else { "least" }.to_owned(),
        "interval".to_owned(),
        vec![SqlType::Interval; exprs.len()],
        SqlType::Interval,
        move |args| {
            let mut best = None;
            for arg in args {
                let ValueRef::Interval(value) = arg else {
                    continue;
                };
                let better = best.is_none_or(|best: Interval| {
                    if greatest {
                        value.span() > best.span()
                    } else {
                        value.span() < best.span()
                    }
                });
                if better {
                    best = Some(*value);
                }
            }
            Ok(best.map_or(Value::Null, Value::Interval))
        },
    )
    .lenient()
    .call(exprs)
}

pub(super) fn type_list(args: &[SqlType]) -> String {
    args.iter()
        .map(|ty| types::base(ty).to_string())
        .collect::<Vec<_>>()
        .join(", ")
}

pub(super) fn no_function(name: &str, args: &[SqlType]) -> Error {
    Error::new(
        state::UNDEFINED_FUNCTION,
        format!("function {name}({}) does not exist", type_list(args)),
    )
    .with_hint("No function matches the given name and argument types. You might need to add explicit type casts.")
}

/// What an expression stands in twice: doubling it again and again ends here.
fn may_be_repeated(expr: &Expr) -> Result<()> {
    use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
    const MOST: usize = 2_000;
    let mut nodes = 0;
    expr.apply(|_| {
        nodes += 1;
        Ok(match nodes > MOST {
            true => TreeNodeRecursion::Stop,
            false => TreeNodeRecursion::Continue,
        })
    })
    .told()?;
    match nodes > MOST {
        true => Err(crate::statement::limits::too_deep()),
        false => Ok(()),
    }
}
