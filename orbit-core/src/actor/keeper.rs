//! The cell that looks after the virtual actors of a node.

use super::runtime::{Inner, Runtime};
use crate::error::{Error, Result};
use ractor::{ActorProcessingErr, ActorRef};
use std::sync::{Arc, Weak};
use std::time::Duration;

/// How often it looks.
const EVERY: Duration = Duration::from_secs(1);
/// A handler that has not come back for so long is told of.
const STUCK_AFTER: Duration = Duration::from_secs(5);
/// Ticks between two looks for answers kept long enough.
const PRUNE_EVERY: u64 = 3600;

pub(super) struct Keeper;

pub(super) struct Tick;

pub(super) struct State {
    runtime: Weak<Inner>,
    /// Told of already.
    stuck: Vec<(&'static str, Arc<str>)>,
    ticks: u64,
}

/// Begins to look after a runtime; ends with it.
pub(super) async fn start(runtime: &Runtime) -> Result<()> {
    let state = State {
        runtime: Arc::downgrade(runtime.inner()),
        stuck: Vec::new(),
        ticks: 0,
    };
    let started = ractor::Actor::spawn(None, Keeper, state).await;
    let (cell, _) = started.map_err(|error| {
        Error::internal("the keeper of actors did not start").with_detail(error.to_string())
    })?;
    if let Ok((lasting, _)) = runtime.inner().lasting() {
        let handing_out = lasting
            .reminders
            .clone()
            .run(Arc::downgrade(runtime.inner()));
        tokio::spawn(handing_out);
    }
    let clock = runtime.inner().clock.clone();
    tokio::spawn(async move {
        loop {
            clock.sleep_until(clock.monotonic() + EVERY).await;
            if cell.cast(Tick).is_err() {
                return;
            }
        }
    });
    Ok(())
}

impl ractor::Actor for Keeper {
    type Msg = Tick;
    type State = State;
    type Arguments = State;

    async fn pre_start(
        &self,
        _: ActorRef<Tick>,
        state: State,
    ) -> Result<State, ActorProcessingErr> {
        Ok(state)
    }

    async fn handle(
        &self,
        own: ActorRef<Tick>,
        _: Tick,
        state: &mut State,
    ) -> Result<(), ActorProcessingErr> {
        let Some(runtime) = state.runtime.upgrade() else {
            own.stop(None);
            return Ok(());
        };
        if runtime.is_closed() {
            own.stop(None);
            return Ok(());
        }
        let stuck = Runtime::of(runtime.clone()).look_after(STUCK_AFTER);
        for (kind, id) in stuck.iter().filter(|one| !state.stuck.contains(one)) {
            tracing::warn!(
                kind,
                %id,
                "an actor's handler has not come back for {STUCK_AFTER:?}: it computes \
                 without a pause, or blocks its thread"
            );
        }
        state.stuck = stuck;
        state.ticks += 1;
        if state.ticks.is_multiple_of(PRUNE_EVERY)
            && let Ok((lasting, _)) = runtime.lasting()
            && let Err(error) = lasting.answers.prune().await
        {
            tracing::warn!(%error, "old answers were not removed");
        }
        Ok(())
    }
}
