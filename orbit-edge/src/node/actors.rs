//! A node's virtual actors: made when somebody first asks for them, within what the profile
//! gives them and the device has left.

use super::Node;
use orbit_core::Result;
use orbit_core::actor::{Limits, Runtime};
use orbit_core::pressure::share_of;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::sync::OnceCell;

pub(super) struct Actors {
    runtime: OnceCell<Runtime>,
    /// What they may keep of what the profile gives them, in percent.
    share: AtomicUsize,
}

impl Default for Actors {
    fn default() -> Self {
        Actors {
            runtime: OnceCell::new(),
            share: AtomicUsize::new(100),
        }
    }
}

impl Node {
    /// The virtual actors of this node; a node has none before somebody asks for them.
    pub async fn actors(&self) -> Result<&Runtime> {
        let open = || async {
            let limits = self.actor_limits();
            let actors = Runtime::over(limits, self.engine.db().clone()).await?;
            actors.keep().await?;
            self.join(&actors);
            #[cfg(feature = "datafusion")]
            self.engine.show_actors(actors.clone());
            Ok(actors)
        };
        self.actors.runtime.get_or_try_init(open).await
    }

    /// The same, if somebody has asked for them.
    pub fn actors_if_any(&self) -> Option<&Runtime> {
        self.actors.runtime.get()
    }

    /// What links this node to others, by its name: node.id, or its site where it has none.
    #[cfg(feature = "links")]
    pub(crate) async fn links(&self) -> Result<orbit_core::actor::Links> {
        let actors = self.actors().await?;
        Ok(self.join(actors).clone())
    }

    fn join<'a>(&self, actors: &'a Runtime) -> &'a orbit_core::actor::Links {
        let site = self.site();
        let name = self.config.node.id.clone();
        actors.join(&name.unwrap_or_else(|| site.to_string()), site.0)
    }

    fn actor_limits(&self) -> Limits {
        let share = self.actors.share.load(Ordering::Relaxed);
        let most = usize::try_from(self.config.profile.max_actors).unwrap_or(usize::MAX);
        Limits {
            awake: share_of(most, share).max(1),
            awake_bytes: share_of(self.memory.actors_bytes, share),
            waiting_bytes: self.memory.actors_bytes,
            remembered: usize::try_from(self.config.profile.optimization.actor_cache_size)
                .unwrap_or(usize::MAX),
            ..Limits::default()
        }
    }

    /// Lets actors keep so many percent of what the profile gives them.
    pub(crate) fn set_actors_share(&self, percent: usize) {
        self.actors.share.store(percent, Ordering::Relaxed);
        if let Some(actors) = self.actors_if_any() {
            actors.set_limits(self.actor_limits());
        }
    }
}
