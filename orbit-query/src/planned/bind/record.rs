//! Rows as values: `row(1, 'a')`, `(a, b)`, and `t` for a row of the relation t. They
//! travel as the text that PostgreSQL shows for them.

use super::scope::Scope;
use super::{Binder, Bound};
use crate::planned::functions::Env;
use crate::planned::functions::row::RowFn;
use crate::planned::functions::text::may_be_long;
use crate::planned::types;
use datafusion::logical_expr::{Expr, Operator, lit, when};
use orbit_core::Result;
use orbit_core::types::SqlType;
use orbit_core::value::{Value, ValueRef};
use sqlparser::ast;

impl Binder<'_> {
    pub(super) fn record(&mut self, scope: &Scope, items: &[&ast::Expr]) -> Result<Bound> {
        let mut bounds = Vec::with_capacity(items.len());
        for item in items {
            bounds.push(self.expr(scope, item)?);
        }
        self.record_of(bounds)
    }

    fn record_of(&mut self, bounds: Vec<Bound>) -> Result<Bound> {
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
        if let Some(items) = super::rows::row_items(expr) {
            return Some(items.into_iter().cloned().collect());
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
        let ast::Expr::Identifier(ident) = super::operator::unnested(expr) else {
            return None;
        };
        let name = types::fold(ident);
        if scope.visible.iter().any(|column| column.name == name) {
            return None;
        }
        let relation = scope.relation(None, &name)?;
        let columns = relation.columns.iter();
        Some(columns.map(|column| column.bound.clone()).collect())
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
