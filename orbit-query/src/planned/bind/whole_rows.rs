//! Calls on whole rows of a relation: `row_to_json(t)`, `array_agg(t)`, `count(t)`.

use super::expr::boolean;
use super::operator::{balanced, unnested};
use super::scope::Scope;
use super::{Binder, Bound};
use crate::planned::functions::json;
use crate::planned::types;
use crate::statement::build::plain_call;
use datafusion::logical_expr::expr::Case;
use datafusion::logical_expr::{Expr, Operator, lit};
use orbit_core::Result;
use orbit_core::types::SqlType;
use sqlparser::ast::{self, FunctionArg, FunctionArgExpr, FunctionArguments};

impl Binder<'_> {
    /// `t` where it means a row of the relation t, and `row(...)`, as JSON.
    pub(super) fn row_as_json(
        &mut self,
        scope: &Scope,
        value: &ast::Expr,
        binary: bool,
    ) -> Result<Option<Bound>> {
        let named = match unnested(value) {
            ast::Expr::Identifier(ident) => {
                if self.resolve(scope, std::slice::from_ref(ident))?.is_some() {
                    return Ok(None);
                }
                Some(types::fold(ident))
            }
            ast::Expr::QualifiedWildcard(name, _) => Some(types::last_name(name)),
            _ => None,
        };
        let items = match named {
            Some(name) => {
                let Some(relation) = scope.relation(None, &name) else {
                    return Ok(None);
                };
                for column in &relation.columns {
                    self.note_read(&column.bound);
                }
                let columns = relation
                    .columns
                    .iter()
                    .map(|column| (column.name.clone(), column.bound.clone()))
                    .collect();
                return self.json_object(columns, binary).map(Some);
            }
            None => match self.spelled_out(scope, value) {
                Some(items) => items,
                None => return Ok(None),
            },
        };
        let mut columns = Vec::with_capacity(items.len());
        for (at, item) in items.iter().enumerate() {
            columns.push((format!("f{}", at + 1), self.expr(scope, item)?));
        }
        self.json_object(columns, binary).map(Some)
    }

    /// `array_agg(t)` where t means a row, as `array_agg(row_to_json(t))`.
    pub(super) fn rows_as_json(
        &mut self,
        scope: &Scope,
        inner: &ast::Function,
        binary: bool,
    ) -> Option<ast::Expr> {
        if types::last_name(&inner.name) != "array_agg" {
            return None;
        }
        let mut inner = inner.clone();
        let FunctionArguments::List(list) = &mut inner.args else {
            return None;
        };
        let [FunctionArg::Unnamed(FunctionArgExpr::Expr(row))] = list.args.as_mut_slice() else {
            return None;
        };
        self.row_columns(scope, row)?;
        let name = if binary { "to_jsonb" } else { "row_to_json" };
        *row = ast::Expr::Function(plain_call(name, vec![row.clone()]));
        Some(ast::Expr::Function(inner))
    }

    fn json_object(&mut self, columns: Vec<(String, Bound)>, binary: bool) -> Result<Bound> {
        let mut names = Vec::with_capacity(columns.len());
        let mut of = Vec::with_capacity(columns.len());
        let mut exprs = Vec::with_capacity(columns.len());
        for (name, bound) in columns {
            let bound = self.decided(bound)?;
            names.push(name);
            of.push(bound.ty);
            exprs.push(bound.expr);
        }
        let ty = if binary {
            SqlType::Jsonb
        } else {
            SqlType::Json
        };
        let row = json::of_row(names, of, binary, self.settings.format.clone());
        Ok(Bound::new(row.call(exprs), ty))
    }

    /// `count(t.*)`, `count(t)`: the rows of t, but not those that an outer join made up.
    pub(super) fn row_present(&mut self, scope: &Scope, name: &str) -> Option<Bound> {
        let relation = scope.relation(None, name)?;
        for column in &relation.columns {
            self.note_read(&column.bound);
        }
        if !scope.nulled.iter().any(|alias| alias == name) {
            return Some(boolean(lit(true)));
        }
        let any: Vec<Expr> = relation
            .columns
            .iter()
            .map(|column| Expr::IsNotNull(Box::new(column.bound.expr.clone())))
            .collect();
        let present = balanced(any, Operator::Or);
        let one = lit(true);
        let case = Case::new(None, vec![(Box::new(present), Box::new(one))], None);
        Some(boolean(Expr::Case(case)))
    }
}
