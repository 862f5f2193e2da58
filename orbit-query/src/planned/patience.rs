//! Planning that can be stopped.
//!
//! The optimizer runs on a query thread without a pause, so nobody who waits for it could
//! tell it to stop: a statement that takes minutes to plan would keep its thread long
//! after its client is gone. So among its rules stand some that look
//! whether somebody still wants the plan.

use super::error::to_datafusion;
use datafusion::common::tree_node::Transformed;
use datafusion::error::Result;
use datafusion::logical_expr::LogicalPlan;
use datafusion::optimizer::{OptimizerConfig, OptimizerRule};
use orbit_core::Error;
use orbit_core::cancel::CancelToken;
use std::cell::RefCell;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

thread_local! {
    static WANTED: RefCell<Option<Wanted>> = const { RefCell::new(None) };
}

/// Who wants the plan that this thread makes.
#[derive(Clone, Default)]
pub struct Wanted {
    no_longer: Arc<AtomicBool>,
    /// Where the statement runs already.
    cancel: Option<CancelToken>,
}

/// Held by whoever waits; dropped, nobody does.
pub struct Waiter(Arc<AtomicBool>);

impl Drop for Waiter {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

impl Wanted {
    /// By a statement that runs already.
    pub fn by(cancel: &CancelToken) -> Wanted {
        Wanted {
            cancel: Some(cancel.clone()),
            ..Wanted::default()
        }
    }

    pub fn waiter(&self) -> Waiter {
        Waiter(self.no_longer.clone())
    }

    /// `work`, which ends early where nobody wants it any more.
    pub fn during<T>(self, work: impl FnOnce() -> T) -> T {
        let before = WANTED.with_borrow_mut(|wanted| wanted.replace(self));
        let done = work();
        WANTED.with_borrow_mut(|wanted| *wanted = before);
        done
    }

    fn check(&self) -> orbit_core::Result<()> {
        if self.no_longer.load(Ordering::Relaxed) {
            return Err(Error::internal("nobody waits for the plan"));
        }
        match &self.cancel {
            Some(cancel) => cancel.check(),
            None => Ok(()),
        }
    }
}

/// Fails where this thread makes a plan that nobody wants any more.
pub fn check() -> orbit_core::Result<()> {
    WANTED.with_borrow(|wanted| wanted.as_ref().map_or(Ok(()), Wanted::check))
}

/// Whether this thread makes a plan. What is computed then is not to become part of it
/// if it is large: plans are copied, and expressions are told apart by their names, which
/// hold what they are made of.
pub fn is_planning() -> bool {
    WANTED.with_borrow(Option::is_some)
}

#[derive(Debug)]
struct Patience;

impl OptimizerRule for Patience {
    fn name(&self) -> &str {
        "patience"
    }

    fn rewrite(
        &self,
        plan: LogicalPlan,
        _config: &dyn OptimizerConfig,
    ) -> Result<Transformed<LogicalPlan>> {
        check().map_err(to_datafusion)?;
        Ok(Transformed::no(plan))
    }
}

type Rules = Vec<Arc<dyn OptimizerRule + Send + Sync>>;

/// These rules with a look after every few of them.
pub fn patient(rules: Rules) -> Rules {
    const FEW: usize = 4;
    let patience: Arc<dyn OptimizerRule + Send + Sync> = Arc::new(Patience);
    let mut all = Rules::with_capacity(rules.len() + rules.len() / FEW);
    for (place, rule) in rules.into_iter().enumerate() {
        if place % FEW == 0 {
            all.push(patience.clone());
        }
        all.push(rule);
    }
    all
}
