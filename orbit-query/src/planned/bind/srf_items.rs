//! Functions that give several rows in the select list: the rows beside each other, the
//! longest deciding how many.

use super::call::Args;
use super::keys::forget_dependencies;
use super::scope::Scope;
use super::select::Item;
use super::{Binder, Bound};
use crate::planned::error::Told;
use crate::planned::functions::json;
use crate::planned::types;
use datafusion::common::tree_node::{Transformed, TreeNode, TreeNodeRecursion};
use datafusion::common::{Column, UnnestOptions};
use datafusion::logical_expr::expr::{Case, Unnest};
use datafusion::logical_expr::{Expr, LogicalPlan, LogicalPlanBuilder};
use orbit_core::types::SqlType;
use orbit_core::{Error, Result, state};
use sqlparser::ast;

impl Binder<'_> {
    /// The rows of a set-returning call as one array; and its element's type.
    pub(super) fn list_of(&mut self, name: &str, bounds: Vec<Bound>) -> Result<(Expr, SqlType)> {
        let bound = match name {
            "unnest" => match <[Bound; 1]>::try_from(bounds) {
                Ok([array]) => array,
                Err(_) => return Err(Error::unsupported("unnest of several arrays here")),
            },
            other => self.call_table(other, bounds)?,
        };
        match bound.ty.clone() {
            SqlType::Array(element) => Ok((bound.expr, *element)),
            other => Err(super::special::no_function(name, &[other])),
        }
    }

    /// In the select list: a mark that [`Self::unnested`] turns into rows.
    pub(super) fn set_returning(
        &mut self,
        scope: &Scope,
        name: &str,
        args: &Args<'_>,
    ) -> Result<Bound> {
        if !self.clause.windows {
            let name = self.clause.name;
            if name == "aggregate function calls" {
                return Err(Error::new(
                    state::FEATURE_NOT_SUPPORTED,
                    "aggregate function calls cannot contain set-returning function calls",
                )
                .with_hint(
                    "You might be able to move the set-returning function into a LATERAL FROM item.",
                ));
            }
            return Err(Error::new(
                state::FEATURE_NOT_SUPPORTED,
                format!("set-returning functions are not allowed in {name}"),
            ));
        }
        if let Some(what) = self.single {
            return Err(Error::new(
                state::FEATURE_NOT_SUPPORTED,
                format!("set-returning functions are not allowed in {what}"),
            )
            .with_hint(
                "You might be able to move the set-returning function into a LATERAL FROM item.",
            ));
        }
        let mut bounds = Vec::with_capacity(args.exprs.len());
        for arg in &args.exprs {
            bounds.push(self.expr(scope, arg)?);
        }
        if let Some(columns) = json::each_columns(name) {
            let [keys, values] = self.each_rows(columns, bounds)?;
            // Beside a longer list there is no row at last, rather than one of NULLs.
            let nothing = Expr::IsNull(Box::new(keys.expr.clone()));
            let row = self.record_of(vec![keys, values])?;
            let null = self.typed_null(&row.ty)?;
            let case = Case::new(
                None,
                vec![(Box::new(nothing), Box::new(null))],
                Some(Box::new(row.expr)),
            );
            return Ok(Bound::new(Expr::Case(case), row.ty));
        }
        let (list, element) = self.list_of(name, bounds)?;
        Ok(Bound::new(
            Expr::Unnest(Unnest {
                expr: Box::new(list),
                outer: false,
            }),
            element,
        ))
    }

    /// The two columns of `jsonb_each` and its like in the select list.
    fn each_rows(&mut self, columns: [&str; 2], bounds: Vec<Bound>) -> Result<[Bound; 2]> {
        let mut rows = |name: &str| -> Result<Bound> {
            let (list, element) = self.list_of(name, bounds.clone())?;
            let rows = Expr::Unnest(Unnest {
                expr: Box::new(list),
                outer: false,
            });
            Ok(Bound::new(rows, element))
        };
        let [keys, values] = columns;
        Ok([rows(keys)?, rows(values)?])
    }

    /// The columns of `(jsonb_each(x))`; `None`: it is no such call.
    pub(super) fn each_of(
        &mut self,
        scope: &Scope,
        call: &ast::Expr,
    ) -> Result<Option<[Bound; 2]>> {
        let ast::Expr::Function(function) = super::operator::unnested(call) else {
            return Ok(None);
        };
        let Some(columns) = json::each_columns(&types::last_name(&function.name)) else {
            return Ok(None);
        };
        // What is allowed where it stands is asked there.
        self.expr(scope, call)?;
        let args = super::call::arguments(function)?;
        let mut bounds = Vec::with_capacity(args.exprs.len());
        for arg in &args.exprs {
            bounds.push(self.expr(scope, arg)?);
        }
        self.each_rows(columns, bounds).map(Some)
    }

    pub(super) fn unnested(
        &mut self,
        plan: LogicalPlan,
        items: &mut [Item],
    ) -> Result<LogicalPlan> {
        let mut lists: Vec<Expr> = Vec::new();
        for item in items.iter() {
            item.bound
                .expr
                .apply(|expr| {
                    if let Expr::Unnest(_) = expr {
                        if !lists.contains(expr) {
                            lists.push(expr.clone());
                        }
                        return Ok(TreeNodeRecursion::Jump);
                    }
                    Ok(TreeNodeRecursion::Continue)
                })
                .told()?;
        }
        if lists.is_empty() {
            return Ok(plan);
        }
        let plan = forget_dependencies(plan)?;
        let unique = self.unique_name("rows");
        let mut exprs: Vec<Expr> = plan
            .schema()
            .iter()
            .map(|(qualifier, field)| Expr::Column(Column::new(qualifier.cloned(), field.name())))
            .collect();
        let mut columns = Vec::with_capacity(lists.len());
        for (i, list) in lists.iter().enumerate() {
            let Expr::Unnest(unnest) = list else {
                continue;
            };
            // Without a qualifier: above a join the optimizer would lose it.
            let name = format!("${unique}_{i}");
            exprs.push((*unnest.expr).clone().alias(&name));
            columns.push(Column::new_unqualified(name));
        }
        for item in items.iter_mut() {
            let expr = std::mem::take(&mut item.bound.expr);
            item.bound.expr = expr
                .transform_down(|expr| {
                    Ok(match lists.iter().position(|list| *list == expr) {
                        Some(at) => Transformed::new(
                            Expr::Column(columns[at].clone()),
                            true,
                            TreeNodeRecursion::Jump,
                        ),
                        None => Transformed::no(expr),
                    })
                })
                .told()?
                .data;
        }
        let plan = LogicalPlanBuilder::from(plan)
            .project(exprs)
            .told()?
            .build()
            .told()?;
        LogicalPlanBuilder::from(plan)
            .unnest_columns_with_options(columns, UnnestOptions::new().with_preserve_nulls(false))
            .told()?
            .build()
            .told()
    }
}
