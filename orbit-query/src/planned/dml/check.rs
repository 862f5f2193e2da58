//! WITH CHECK OPTION: rows that are written through a view are rows of the view.

use super::Running;
use super::returning::{RowExprs, RowScope};
use crate::planned::bind::Binder;
use crate::planned::bind::from::target::Target;
use crate::write::TableWriter;
use datafusion::execution::context::SessionState;
use orbit_core::types::SqlType;
use orbit_core::value::Value;
use orbit_core::{Error, Result, state};

pub struct Checks {
    /// The views whose conditions they are.
    views: Vec<String>,
    conditions: RowExprs,
}

impl Checks {
    /// `None`: nothing is checked.
    pub fn prepare(
        binder: &mut Binder<'_>,
        state: &SessionState,
        target: &Target,
    ) -> Result<Option<Checks>> {
        let checked = Binder::checked_views(target);
        if checked.iter().all(Option::is_none) {
            return Ok(None);
        }
        let (rows, conditions) = RowScope::conditions(binder, target)?;
        let mut views = Vec::new();
        let mut exprs = Vec::new();
        for (view, condition) in checked.into_iter().zip(conditions) {
            if let (Some(view), Some(condition)) = (view, condition) {
                views.push(view);
                exprs.push((condition, SqlType::Bool));
            }
        }
        let conditions = rows.compile(exprs, state).map_err(|error| {
            match error.is(orbit_core::state::FEATURE_NOT_SUPPORTED) {
                true => Error::unsupported("a subquery in a view WITH CHECK OPTION"),
                false => error,
            }
        })?;
        Ok(Some(Checks { views, conditions }))
    }
}

impl Running<'_> {
    /// 44000 for a row that its view wouldn't show.
    pub(super) fn fits(&self, checks: &Checks, writer: &TableWriter, row: &[Value]) -> Result<()> {
        let rows = [row.to_vec()];
        let held = checks.conditions.eval(&rows, &|expr| self.put(expr))?;
        let held = held.into_iter().flatten();
        let failed = held
            .zip(&checks.views)
            .find(|(value, _)| *value != Value::Bool(true));
        let Some((_, view)) = failed else {
            return Ok(());
        };
        let error = Error::new(
            state::WITH_CHECK_OPTION_VIOLATION,
            format!("new row violates check option for view \"{view}\""),
        );
        Err(writer.with_failing_row(error, row, &self.env()))
    }
}
