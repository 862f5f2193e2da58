//! Rows as values: `row(1, 'a')`, `(a, b)`, and `t` for a row of the relation t. They
//! travel as the text that PostgreSQL shows for them.

use super::scope::Scope;
use super::{Binder, Bound};
use crate::planned::functions::Env;
use crate::planned::functions::row::{RowFn, arity};
use crate::planned::functions::text::may_be_long;
use crate::planned::types;
use datafusion::logical_expr::{Expr, Operator, lit, when};
use orbit_core::types::SqlType;
use orbit_core::value::binary::record_values;
use orbit_core::value::{Value, ValueRef};
use orbit_core::{Error, Result, state};
use sqlparser::ast;

impl Binder<'_> {
    /// `row(1, 'a')`, `(a, b)`, `row(1, t.*)`.
    pub(super) fn record(&mut self, scope: &Scope, row: &ast::Expr) -> Result<Bound> {
        let Some(items) = self.spelled_out(scope, row) else {
            return Err(match missing_relation(row) {
                Some(name) => self.no_such_relation(scope, &name),
                None => Error::unsupported(format_args!("the expression {row}")),
            });
        };
        let mut bounds = Vec::with_capacity(items.len());
        for item in &items {
            bounds.push(self.expr(scope, item)?);
        }
        self.record_of(bounds)
    }

    /// The items of a row that the syntax spells out, with the columns for `t.*`.
    pub(super) fn spelled_out(&self, scope: &Scope, row: &ast::Expr) -> Option<Vec<ast::Expr>> {
        let mut items = Vec::new();
        match super::operator::unnested(row) {
            ast::Expr::Tuple(parts) => {
                for part in parts {
                    match part {
                        ast::Expr::QualifiedWildcard(name, _) => {
                            items.extend(self.columns_named(scope, name)?);
                        }
                        other => items.push(other.clone()),
                    }
                }
            }
            ast::Expr::Function(function) if is_row_call(function) => {
                let ast::FunctionArguments::List(list) = &function.args else {
                    return None;
                };
                for arg in &list.args {
                    let ast::FunctionArg::Unnamed(arg) = arg else {
                        return None;
                    };
                    match arg {
                        ast::FunctionArgExpr::QualifiedWildcard(name)
                        | ast::FunctionArgExpr::Expr(ast::Expr::QualifiedWildcard(name, _)) => {
                            items.extend(self.columns_named(scope, name)?);
                        }
                        ast::FunctionArgExpr::Expr(expr) => items.push(expr.clone()),
                        _ => return None,
                    }
                }
            }
            _ => return None,
        }
        Some(items)
    }

    /// The columns of the relation that `t.*` names, here or around.
    fn columns_named(&self, scope: &Scope, name: &ast::ObjectName) -> Option<Vec<ast::Expr>> {
        let ident = name.0.last()?.as_ident()?;
        let wanted = types::fold(ident);
        let around = self.outer.iter().rev().map(|outer| &outer.scope);
        let relation = std::iter::once(scope)
            .chain(around)
            .find_map(|scope| scope.relation(None, &wanted))?;
        let columns = relation.columns.iter().map(|column| {
            let quoted = ast::Ident::with_quote('"', &column.name);
            ast::Expr::CompoundIdentifier(vec![ident.clone(), quoted])
        });
        Some(columns.collect())
    }

    /// A row of the relation of this name, here or around.
    pub(super) fn row_named(&mut self, scope: &Scope, name: &str) -> Result<Option<Bound>> {
        if let Some(row) = self.whole_row(scope, name)? {
            return Ok(Some(row));
        }
        for level in (0..self.outer.len()).rev() {
            let around = self.outer.get(level).map(|outer| outer.scope.clone());
            if let Some(around) = around
                && let Some(row) = self.whole_row(&around, name)?
            {
                let expr = super::outer::outer_of(&around, row.expr.clone())?;
                return Ok(Some(Bound { expr, ..row }));
            }
        }
        Ok(None)
    }

    /// `(row).f2`.
    pub(super) fn record_field(&mut self, row: Bound, name: &str) -> Result<Bound> {
        let SqlType::Record(of) = &row.ty else {
            return Err(Error::new(
                state::WRONG_OBJECT_TYPE,
                format!(
                    "column notation .{name} applied to type {}, which is not a composite type",
                    row.ty.base()
                ),
            ));
        };
        let found = field_place(name).and_then(|place| Some((place, of.get(place)?.clone())));
        let (place, ty) = found.ok_or_else(|| no_field(name))?;
        let fields = of.clone();
        let field = RowFn::new(
            "record_field".to_owned(),
            format!("{of:?} {place}"),
            vec![row.ty.clone()],
            ty.clone(),
            move |args| match args {
                [ValueRef::Text(shown)] => {
                    let mut values = record_values(shown, &fields)?;
                    Ok(match place < values.len() {
                        true => values.swap_remove(place),
                        false => Value::Null,
                    })
                }
                _ => Err(arity()),
            },
        );
        Ok(Bound::new(field.call(vec![row.expr]), ty))
    }

    /// `(row).*`: the columns it becomes in a select list.
    pub(super) fn columns_of_row(
        &mut self,
        scope: &Scope,
        row: &ast::Expr,
    ) -> Result<Vec<(String, Bound)>> {
        if let Some(items) = self.spelled_out(scope, row) {
            let mut columns = Vec::with_capacity(items.len());
            for (place, item) in items.iter().enumerate() {
                let bound = self.expr(scope, item)?;
                columns.push((format!("f{}", place + 1), self.decided(bound)?));
            }
            return Ok(columns);
        }
        let row = super::operator::unnested(row);
        let named = match row {
            ast::Expr::QualifiedWildcard(name, _) => Some(types::last_name(name)),
            ast::Expr::Identifier(ident)
                if self.resolve(scope, std::slice::from_ref(ident))?.is_none() =>
            {
                Some(types::fold(ident))
            }
            _ => None,
        };
        if let Some(relation) = named.and_then(|name| scope.relation(None, &name)) {
            let columns = relation.columns.iter();
            let columns: Vec<(String, Bound)> = columns
                .map(|column| (column.name.clone(), column.bound.clone()))
                .collect();
            for (_, bound) in &columns {
                self.note_read(bound);
            }
            return Ok(columns);
        }
        if let Some([keys, values]) = self.each_of(scope, row)? {
            return Ok(vec![("key".to_owned(), keys), ("value".to_owned(), values)]);
        }
        let bound = self.expr(scope, row)?;
        let SqlType::Record(of) = &bound.ty else {
            return Err(Error::new(
                state::WRONG_OBJECT_TYPE,
                format!("type {} is not composite", bound.ty.base()),
            ));
        };
        let names = (1..=of.len()).map(|place| format!("f{place}"));
        names
            .map(|name| Ok((name.clone(), self.record_field(bound.clone(), &name)?)))
            .collect()
    }

    pub(super) fn record_of(&mut self, bounds: Vec<Bound>) -> Result<Bound> {
        let mut of = Vec::with_capacity(bounds.len());
        let mut exprs = Vec::with_capacity(bounds.len());
        for bound in bounds {
            let bound = self.decided(bound)?;
            of.push(bound.ty);
            exprs.push(bound.expr);
        }
        let env = Env {
            format: self.settings.format.clone(),
            types: of.clone(),
            session: None,
        };
        let identity = format!("{of:?} {:?}", env.format.time_zone);
        let ty = SqlType::Record(of.clone());
        let row = RowFn::new("row".to_owned(), identity, of, ty.clone(), move |args| {
            let mut out = String::from("(");
            for (place, (arg, ty)) in args.iter().zip(&env.types).enumerate() {
                if place > 0 {
                    out.push(',');
                }
                if !matches!(arg, ValueRef::Null) {
                    let shown = crate::planned::functions::text::shown(arg, ty, &env)?;
                    // Quotes double with every row around a row.
                    may_be_long(out.len() + shown.len().saturating_mul(2))?;
                    push(&shown, &mut out);
                }
            }
            out.push(')');
            Ok(Value::Text(out))
        });
        Ok(Bound::new(row.lenient().call(exprs), ty))
    }

    /// A row of the relation that goes by this name. Where an outer join has none, NULL.
    pub(super) fn whole_row(&mut self, scope: &Scope, name: &str) -> Result<Option<Bound>> {
        let Some(relation) = scope.relation(None, name) else {
            return Ok(None);
        };
        let columns: Vec<Bound> = relation
            .columns
            .iter()
            .map(|column| column.bound.clone())
            .collect();
        for column in &columns {
            self.note_read(column);
        }
        let is_null = |bound: &Bound| Expr::IsNull(Box::new(bound.expr.clone()));
        let absent =
            super::operator::balanced(columns.iter().map(is_null).collect(), Operator::And);
        let row = self.record_of(columns)?;
        // Its type has a name, which isn't kept: the text goes for it.
        let bound = Bound::new(row.expr, SqlType::Text);
        if !scope.nulled.iter().any(|alias| alias == name) {
            return Ok(Some(bound));
        }
        use crate::planned::error::Told;
        let null = lit(datafusion::common::ScalarValue::Utf8(None));
        let null = Expr::Cast(datafusion::logical_expr::expr::Cast::new(
            Box::new(null),
            crate::planned::arrow::arrow_type(&SqlType::Text),
        ));
        let expr = when(absent, null).otherwise(bound.expr).told()?;
        Ok(Some(Bound::new(expr, bound.ty)))
    }

    /// The parts of a row that the syntax spells out or means: rows are sorted and
    /// compared part by part, never as the text they are shown as.
    pub(super) fn row_parts(&self, scope: &Scope, expr: &ast::Expr) -> Option<Vec<ast::Expr>> {
        if let Some(items) = self.spelled_out(scope, expr) {
            return Some(items);
        }
        let ast::Expr::Identifier(ident) = super::operator::unnested(expr) else {
            return None;
        };
        let name = types::fold(ident);
        let is_column = |column: &super::scope::ScopeColumn| column.name == name;
        if scope.visible.iter().any(is_column) || scope.values.iter().any(is_column) {
            return None;
        }
        let relation = scope.relation(None, &name)?;
        let part = |column: &super::scope::ScopeColumn| {
            let quoted = ast::Ident::with_quote('"', &column.name);
            ast::Expr::CompoundIdentifier(vec![ident.clone(), quoted])
        };
        Some(relation.columns.iter().map(part).collect())
    }

    /// Sort keys with rows taken apart.
    pub(super) fn keys_apart(
        &self,
        scope: &Scope,
        order: &[ast::OrderByExpr],
    ) -> Vec<ast::OrderByExpr> {
        let mut keys = Vec::with_capacity(order.len());
        for key in order {
            match self.row_parts(scope, &key.expr) {
                Some(parts) => keys.extend(parts.into_iter().map(|expr| ast::OrderByExpr {
                    expr,
                    ..key.clone()
                })),
                None => keys.push(key.clone()),
            }
        }
        keys
    }

    /// The columns of `t` where it means a row of the relation t.
    pub(super) fn row_columns(&mut self, scope: &Scope, expr: &ast::Expr) -> Option<Vec<Bound>> {
        let name = match super::operator::unnested(expr) {
            ast::Expr::QualifiedWildcard(name, _) => types::last_name(name),
            ast::Expr::Identifier(ident) => types::fold(ident),
            _ => return None,
        };
        let is_star = matches!(
            super::operator::unnested(expr),
            ast::Expr::QualifiedWildcard(..)
        );
        if !is_star && scope.visible.iter().any(|column| column.name == name) {
            return None;
        }
        let relation = scope.relation(None, &name)?;
        let columns = relation.columns.iter();
        Some(columns.map(|column| column.bound.clone()).collect())
    }
}

/// The first relation that `t.*` in a row names.
fn missing_relation(row: &ast::Expr) -> Option<String> {
    let ast::Expr::Function(function) = super::operator::unnested(row) else {
        return None;
    };
    let ast::FunctionArguments::List(list) = &function.args else {
        return None;
    };
    list.args.iter().find_map(|arg| match arg {
        ast::FunctionArg::Unnamed(ast::FunctionArgExpr::QualifiedWildcard(name)) => {
            Some(types::last_name(name))
        }
        _ => None,
    })
}

fn is_row_call(function: &ast::Function) -> bool {
    matches!(function.name.0.as_slice(), [ast::ObjectNamePart::Identifier(name)]
        if name.quote_style.is_none() && name.value.eq_ignore_ascii_case("row"))
}

/// Which field `f2` is, counted from 0.
pub(super) fn field_place(name: &str) -> Option<usize> {
    name.strip_prefix('f')?
        .parse::<usize>()
        .ok()?
        .checked_sub(1)
}

pub(super) fn no_field(name: &str) -> Error {
    Error::new(
        state::UNDEFINED_COLUMN,
        format!("could not identify column \"{name}\" in record data type"),
    )
}

/// What records, and arrays of them, are sorted and compared by: their values one by one.
pub(super) fn record_key(expr: Expr, ty: &SqlType) -> Expr {
    let held = ty.clone();
    RowFn::new(
        "record_key".to_owned(),
        format!("{ty:?}"),
        vec![ty.clone()],
        SqlType::Bytea,
        move |args| {
            let mut key = Vec::new();
            let value = args.first().ok_or_else(arity)?;
            push_key(&mut key, value, &held)?;
            Ok(Value::Bytea(key))
        },
    )
    .call(vec![expr])
}

/// Rows are compared with rows of the same types only.
pub(super) fn check_similar(left: &SqlType, right: &SqlType) -> Result<()> {
    let (left, right) = match (left, right) {
        (SqlType::Record(left), SqlType::Record(right)) => (left, right),
        (SqlType::Array(left), SqlType::Array(right)) => return check_similar(left, right),
        _ => return Ok(()),
    };
    if left.len() != right.len() {
        return Err(Error::new(
            state::DATATYPE_MISMATCH,
            "cannot compare record types with different numbers of columns",
        ));
    }
    match left.iter().zip(right).position(|(l, r)| !types::same(l, r)) {
        Some(at) => Err(Error::new(
            state::DATATYPE_MISMATCH,
            format!(
                "cannot compare dissimilar column types {} and {} at record column {}",
                left.get(at).map(SqlType::base).unwrap_or(SqlType::Unknown),
                right.get(at).map(SqlType::base).unwrap_or(SqlType::Unknown),
                at + 1
            ),
        )),
        None => Ok(()),
    }
}

/// Whether a type is compared by [`record_key`].
pub(super) fn holds_records(ty: &SqlType) -> bool {
    match ty {
        SqlType::Record(_) => true,
        SqlType::Array(element) => matches!(**element, SqlType::Record(_)),
        _ => false,
    }
}

fn push_key(key: &mut Vec<u8>, value: &ValueRef<'_>, ty: &SqlType) -> Result<()> {
    let as_bytes = |key: &mut Vec<u8>, inner: Vec<u8>| {
        orbit_core::key::push(key, &ValueRef::Bytea(&inner), false, true)
    };
    match (value, ty) {
        (ValueRef::Text(shown), SqlType::Record(of)) => {
            let mut inner = Vec::new();
            for (value, ty) in record_values(shown, of)?.iter().zip(of) {
                push_key(&mut inner, &value.as_ref(), ty)?;
            }
            as_bytes(key, inner)
        }
        (ValueRef::Array(array), SqlType::Array(element)) => {
            let mut inner = Vec::new();
            for item in &array.items {
                inner.push(1);
                push_key(&mut inner, &item.as_ref(), element)?;
            }
            inner.push(0);
            as_bytes(key, inner)
        }
        // Of whatever width, numbers are equal.
        (ValueRef::Int2(number), _) => {
            orbit_core::key::push(key, &ValueRef::Int8(i64::from(*number)), false, true)
        }
        (ValueRef::Int4(number), _) => {
            orbit_core::key::push(key, &ValueRef::Int8(i64::from(*number)), false, true)
        }
        (other, _) => orbit_core::key::push(key, other, false, true),
    }
}

/// A part of a record, in quotes if it could be read otherwise.
fn push(text: &str, out: &mut String) {
    let special = |letter: char| {
        matches!(letter, '"' | '\\' | '(' | ')' | ',') || letter.is_ascii_whitespace()
    };
    if !text.is_empty() && !text.contains(special) {
        out.push_str(text);
        return;
    }
    out.push('"');
    for letter in text.chars() {
        if matches!(letter, '"' | '\\') {
            out.push(letter);
        }
        out.push(letter);
    }
    out.push('"');
}
