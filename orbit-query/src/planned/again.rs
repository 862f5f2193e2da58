//! A statement that ran out of memory is run once more, with joins that spill.
//!
//! What a join keeps is known for certain only when it is there, so no estimate keeps
//! statements from running into the end of the pool. As long as none of its rows has gone
//! to anybody, nothing has happened that a second run could contradict.

use super::PlanContext;
use super::joins;
use super::runtime::Machine;
use super::small::reads_much;
use super::statement::{acts, physical_plan};
use super::system::System;
use datafusion::logical_expr::LogicalPlan;
use datafusion::physical_plan::ExecutionPlan;
use orbit_core::{Error, Result, state};
use std::sync::Arc;

/// A query ready to run.
pub struct Ready {
    pub plan: Arc<dyn ExecutionPlan>,
    /// What another plan for it is made of.
    pub again: Option<Again>,
    /// The session that waits for a place for it, because it reads much. What acts on its
    /// session never waits: it may hold what those who run wait for.
    pub waits: Option<i32>,
}

pub struct Again {
    machine: Arc<Machine>,
    ctx: PlanContext,
    plan: LogicalPlan,
}

impl Ready {
    /// Plans a query whose parameters are put in. Runs on a query thread.
    pub async fn plan(
        machine: &Arc<Machine>,
        ctx: &PlanContext,
        plan: LogicalPlan,
    ) -> Result<Ready> {
        let state = System::new(ctx).state(machine);
        let physical = physical_plan(&state, &plan, &ctx.view).await?;
        let acts = acts(&plan)?;
        let waits = !acts && reads_much(&physical, &ctx.view)?;
        // Run twice, it must do nothing twice; and another plan has to take less.
        let again = !acts && joins::hashes_much(&physical, &state)?;
        Ok(Ready {
            plan: physical,
            again: again.then(|| Again {
                machine: machine.clone(),
                ctx: ctx.clone(),
                plan,
            }),
            waits: waits.then_some(ctx.session.pid),
        })
    }
}

impl Again {
    pub async fn plan(&self) -> Result<Arc<dyn ExecutionPlan>> {
        let mut state = System::new(&self.ctx).state(&self.machine);
        joins::by_sorting(&mut state);
        physical_plan(&state, &self.plan, &self.ctx.view).await
    }
}

/// Whether a run that ended so is followed by another.
pub fn is_due(error: &Error, sent: bool) -> bool {
    error.is(state::OUT_OF_MEMORY) && !sent
}

#[cfg(test)]
mod tests {
    use super::is_due;
    use orbit_core::{Error, state};

    #[test]
    fn only_what_ran_out_of_memory_unseen_runs_again() {
        let full = Error::new(state::OUT_OF_MEMORY, "out of memory");
        assert!(is_due(&full, false));
        assert!(!is_due(&full, true), "somebody has rows of the first run");
        assert!(!is_due(
            &Error::new(state::QUERY_CANCELED, "canceled"),
            false
        ));
        assert!(!is_due(
            &Error::new(state::DIVISION_BY_ZERO, "division"),
            false
        ));
    }
}
