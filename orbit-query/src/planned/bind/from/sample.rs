//! TABLESAMPLE: each row with the same chance.

use super::Relation;
use crate::planned::bind::operator::binary;
use crate::planned::bind::scope::Scope;
use crate::planned::bind::{Binder, Clause};
use crate::planned::error::Told;
use datafusion::functions::math::expr_fn::random;
use datafusion::logical_expr::{LogicalPlanBuilder, Operator, lit};
use orbit_core::error::SqlState;
use orbit_core::types::SqlType;
use orbit_core::value::Value;
use orbit_core::{Error, Result};
use sqlparser::ast;

const SAMPLE_ARGUMENT: SqlState = SqlState(*b"2202H");

impl Binder<'_> {
    /// SYSTEM takes whole pages in PostgreSQL; there are none here, and so it takes rows.
    pub(super) fn sampled(
        &mut self,
        relation: Relation,
        sample: &ast::TableSampleKind,
    ) -> Result<Relation> {
        let (ast::TableSampleKind::BeforeTableAlias(sample)
        | ast::TableSampleKind::AfterTableAlias(sample)) = sample;
        let known = matches!(
            sample.name,
            Some(ast::TableSampleMethod::Bernoulli | ast::TableSampleMethod::System)
        );
        let share = match &sample.quantity {
            Some(quantity) if known && quantity.unit.is_none() => &quantity.value,
            _ => return Err(Error::unsupported(format_args!("{sample}"))),
        };
        if sample.seed.is_some() {
            return Err(Error::unsupported("TABLESAMPLE ... REPEATABLE"));
        }
        let bound = self.within(Clause::plain("functions in FROM"), |binder| {
            binder.expr(&Scope::default(), share)
        })?;
        let bound = self.cast(bound, &SqlType::Float8)?;
        let Some(Value::Float8(percent)) = bound.literal else {
            return Err(Error::unsupported(
                "TABLESAMPLE of a share that is not a constant",
            ));
        };
        if !(0.0..=100.0).contains(&percent) {
            return Err(Error::new(
                SAMPLE_ARGUMENT,
                "sample percentage must be between 0 and 100",
            ));
        }
        let chance = binary(random(), Operator::Lt, lit(percent / 100.0));
        let plan = LogicalPlanBuilder::from(relation.plan)
            .filter(chance)
            .told()?;
        Ok(Relation {
            plan: plan.build().told()?,
            scope: relation.scope,
        })
    }
}
