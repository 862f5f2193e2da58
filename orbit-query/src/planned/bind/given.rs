//! Rows that a statement has before it is planned: what its writing WITH items returned.

use super::{Binder, BoundQuery, Cte, OutColumn};
use crate::planned::arrow::{field, scalar_of};
use crate::planned::error::Told;
use ahash::AHashMap;
use datafusion::common::{Column, DFSchema};
use datafusion::logical_expr::{EmptyRelation, Expr, LogicalPlan, LogicalPlanBuilder};
use orbit_core::Result;
use orbit_core::types::SqlType;
use orbit_core::value::Value;
use std::sync::Arc;

/// What a WITH item that writes returned.
#[derive(Clone)]
pub struct Given {
    pub name: String,
    /// `None`: it has no RETURNING.
    pub columns: Option<Vec<(String, SqlType)>>,
    pub rows: Vec<Vec<Value>>,
}

impl Binder<'_> {
    /// From here on these names mean these rows.
    pub(in crate::planned) fn give(&mut self, given: &[Given]) -> Result<()> {
        if given.is_empty() {
            return Ok(());
        }
        let mut frame = AHashMap::with_capacity(given.len());
        for item in given {
            let cte = match &item.columns {
                None => Cte::Nothing,
                Some(columns) => Cte::Given(Arc::new(rows_of(columns, &item.rows)?)),
            };
            frame.insert(item.name.clone(), cte);
        }
        self.ctes.push(frame);
        Ok(())
    }
}

fn rows_of(columns: &[(String, SqlType)], rows: &[Vec<Value>]) -> Result<BoundQuery> {
    // As DataFusion calls the columns of VALUES.
    let inner = |at: usize| format!("column{}", at + 1);
    let fields: Vec<_> = columns
        .iter()
        .enumerate()
        .map(|(at, (_, ty))| field(&inner(at), ty))
        .collect();
    let schema = DFSchema::from_unqualified_fields(fields.into(), Default::default()).told()?;
    let schema = Arc::new(schema);
    let plan = if rows.is_empty() || columns.is_empty() {
        LogicalPlan::EmptyRelation(EmptyRelation {
            produce_one_row: false,
            schema: schema.clone(),
        })
    } else {
        let mut exprs = Vec::with_capacity(rows.len());
        for row in rows {
            let row = row.iter().zip(columns);
            let row = row.map(|(value, (_, ty))| Ok(Expr::Literal(scalar_of(ty, value)?, None)));
            exprs.push(row.collect::<Result<Vec<_>>>()?);
        }
        LogicalPlanBuilder::values_with_schema(exprs, &schema)
            .told()?
            .project(schema.columns().into_iter().map(Expr::Column))
            .told()?
            .build()
            .told()?
    };
    let columns = columns
        .iter()
        .enumerate()
        .map(|(at, (name, ty))| OutColumn {
            name: name.clone(),
            ty: ty.clone(),
            column: Column::new_unqualified(inner(at)),
            origin: None,
        })
        .collect();
    Ok(BoundQuery { plan, columns })
}
