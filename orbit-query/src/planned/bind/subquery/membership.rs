//! IN and NOT IN over a subquery, of a value or of a row of values.

use super::{exists, matches, subquery};
use crate::planned::bind::expr::boolean;
use crate::planned::bind::operator::{balanced, binary};
use crate::planned::bind::outer::outer_of;
use crate::planned::bind::rows::{row_items, same_width};
use crate::planned::bind::scope::Scope;
use crate::planned::bind::{Binder, Bound, BoundQuery};
use crate::planned::error::Told;
use datafusion::common::{Column, ScalarValue};
use datafusion::functions::core::expr_fn::coalesce;
use datafusion::functions_aggregate::count::count;
use datafusion::logical_expr::expr::InSubquery;
use datafusion::logical_expr::{
    Expr, LogicalPlan, LogicalPlanBuilder, Operator, col, lit, not, when,
};
use orbit_core::{Error, Result, state};
use sqlparser::ast;

impl Binder<'_> {
    /// The subquery's only column and the value, in a type they compare in.
    pub(super) fn against(
        &mut self,
        value: Bound,
        inner: BoundQuery,
    ) -> Result<(Expr, LogicalPlan)> {
        let ty = self.single_column(&inner)?;
        let Some(column) = inner.columns.first().map(|column| column.column.clone()) else {
            return Err(Error::new(
                state::SYNTAX_ERROR,
                "subquery must return only one column",
            ));
        };
        let name = column.name.clone();
        let bound = Bound::new(Expr::Column(column), ty);
        let before = bound.expr.clone();
        let (left, right) = self.comparable(value, bound, "=")?;
        let plan = if right == before {
            inner.plan
        } else {
            LogicalPlanBuilder::from(inner.plan)
                .project(vec![right.alias(name)])
                .told()?
                .build()
                .told()?
        };
        Ok((left, plan))
    }

    pub(in crate::planned::bind) fn in_subquery(
        &mut self,
        scope: &Scope,
        expr: &ast::Expr,
        query: &ast::Query,
        negated: bool,
    ) -> Result<Bound> {
        if let Some(items) = row_items(expr) {
            return self.row_in_subquery(scope, &items, query, negated);
        }
        let value = self.expr(scope, expr)?;
        let inner = self.query_of_expr(scope, query)?;
        let (value, plan) = self.against(value, inner)?;
        self.among(scope, value, plan, negated)
    }

    /// `value [NOT] IN (the plan's only column)`.
    ///
    /// Where only true counts, IN is a semi-join. NOT IN is an anti-join, and besides
    /// asks whether a NULL on either side leaves the answer open: DataFusion does so
    /// only for some shapes. Elsewhere both are counted out.
    pub(super) fn among(
        &mut self,
        scope: &Scope,
        value: Expr,
        plan: LogicalPlan,
        negated: bool,
    ) -> Result<Bound> {
        let filters = self.only_true_counts();
        if filters && !negated {
            let test = InSubquery::new(Box::new(value), subquery(plan), false);
            return Ok(boolean(Expr::InSubquery(test)));
        }
        let column = plan.schema().iter().next();
        let Some(column) = column.map(|(of, field)| Column::new(of.cloned(), field.name())) else {
            return Err(Error::internal("a subquery without a column"));
        };
        let column = Expr::Column(column);
        let same = binary(
            column.clone(),
            Operator::Eq,
            outer_of(scope, value.clone())?,
        );
        let equal = LogicalPlanBuilder::from(plan.clone())
            .filter(same)
            .told()?
            .build()
            .told()?;
        // 2: no rows. 1: rows, none of them NULL. 0: a NULL among them.
        let certainty = LogicalPlanBuilder::from(plan)
            .aggregate(
                Vec::<Expr>::new(),
                vec![count(lit(1_i64)).alias("all"), count(column).alias("known")],
            )
            .told()?
            .project(vec![
                when(col("\"all\"").eq(lit(0_i64)), lit(2_i64))
                    .when(col("\"all\"").eq(col("known")), lit(1_i64))
                    .otherwise(lit(0_i64))
                    .told()?
                    .alias("certainty"),
            ])
            .told()?
            .build()
            .told()?;
        let certainty = coalesce(vec![Expr::ScalarSubquery(subquery(certainty)), lit(2_i64)]);
        let needed = when(value.is_null(), lit(1_i64))
            .otherwise(lit(0_i64))
            .told()?;
        let certain = binary(certainty, Operator::Gt, needed);
        let unknown = lit(ScalarValue::Boolean(None));
        Ok(boolean(if filters {
            binary(
                exists(equal, true),
                Operator::And,
                binary(certain, Operator::Or, unknown),
            )
        } else {
            let found = binary(matches(equal)?, Operator::Gt, lit(0_i64));
            let absent = when(certain, lit(false)).otherwise(unknown).told()?;
            let among = binary(found, Operator::Or, absent);
            if negated { not(among) } else { among }
        }))
    }

    /// `(a, b) IN (SELECT x, y ...)` as EXISTS (... WHERE x = a AND y = b).
    pub(super) fn row_in_subquery(
        &mut self,
        scope: &Scope,
        items: &[&ast::Expr],
        query: &ast::Query,
        negated: bool,
    ) -> Result<Bound> {
        let (values, plan, columns) = self.row_beside(scope, items, query)?;
        if !self.only_true_counts() {
            return self.row_among(scope, values, plan, columns, negated);
        }
        let mut conditions = Vec::with_capacity(values.len());
        for (value, column) in values.into_iter().zip(columns) {
            let value = Bound {
                expr: outer_of(scope, value.expr.clone())?,
                ..value
            };
            let (left, right) = self.comparable(value, column, "=")?;
            let same = binary(right, Operator::Eq, left);
            // A NULL on either side may be the value: the row is then not certainly absent.
            conditions.push(if negated {
                Expr::IsNotFalse(Box::new(same))
            } else {
                same
            });
        }
        let plan = LogicalPlanBuilder::from(plan)
            .filter(balanced(conditions, Operator::And))
            .told()?
            .build()
            .told()?;
        Ok(boolean(exists(plan, negated)))
    }

    /// A row's items, and the plan and columns of the query it is compared with.
    pub(super) fn row_beside(
        &mut self,
        scope: &Scope,
        items: &[&ast::Expr],
        query: &ast::Query,
    ) -> Result<(Vec<Bound>, LogicalPlan, Vec<Bound>)> {
        let mut values = Vec::with_capacity(items.len());
        for item in items {
            values.push(self.expr(scope, item)?);
        }
        let inner = self.query_of_expr(scope, query)?;
        same_width(inner.columns.len(), values.len())?;
        let alias = self.unique_name("among");
        let plan = LogicalPlanBuilder::from(inner.plan)
            .alias(alias.as_str())
            .told()?
            .build()
            .told()?;
        let columns = inner.columns.iter().map(|column| {
            let here = Column::new(Some(alias.as_str()), column.column.name.clone());
            Bound::new(Expr::Column(here), column.ty.clone())
        });
        let columns = columns.collect();
        Ok((values, plan, columns))
    }
}
