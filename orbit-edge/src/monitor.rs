//! Looks once a second at what the node and its machine have left, and does what the
//! resource ladder asks for.
//!
//! [`figures`] measures, [`watch`] decides and does nothing else, this file acts.

pub(crate) mod figures;
#[cfg(feature = "datafusion")]
mod surroundings;
#[cfg(all(test, feature = "actors", feature = "redb"))]
mod tests;
mod watch;

use crate::node::Node;
use figures::Sources;
use orbit_core::cancel::CancelToken;
use orbit_core::clock::Clock;
use orbit_core::events::Severity;
use orbit_core::pressure::{Level, Readings, share_of};
use orbit_core::{Error, state};
use std::sync::{Arc, Weak};
use std::time::Duration;
use tokio::task::JoinHandle;
#[cfg(feature = "links")]
use watch::link_state;
use watch::{Judged, Short, Watch};

const EVERY: Duration = Duration::from_secs(1);
/// While the disk is short, dead rows are looked for this often.
const COMPACT_EVERY: Duration = Duration::from_secs(600);
/// What caches and actors keep of what they may hold, in percent, while memory is short.
const CACHES_SHORT: usize = 25;
const ACTORS_SHORT: usize = 60;

/// What caches and actors may hold of what they were made for, in percent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Shares {
    caches: usize,
    actors: usize,
}

impl Shares {
    const ALL: Shares = Shares {
        caches: 100,
        actors: 100,
    };

    /// `room`: how much of the node's first limit is left to it.
    fn of(is_short: bool, room: usize) -> Shares {
        let most = match is_short {
            false => Shares::ALL,
            true => Shares {
                caches: CACHES_SHORT,
                actors: ACTORS_SHORT,
            },
        };
        Shares {
            caches: share_of(most.caches, room),
            actors: share_of(most.actors, room),
        }
    }
}

/// Runs until the node is gone, or until it is aborted.
pub(crate) fn start(node: &Arc<Node>) -> JoinHandle<()> {
    let clock = node.engine().db().clock().clone();
    let mut monitor = Monitor {
        sources: Some(Sources::of(node)),
        watch: Watch::default(),
        compacted: clock.monotonic(),
        clock,
        is_short: false,
        shares: Shares::ALL,
        refuses: false,
        compaction: None,
        has_compressed: node.is_compressed(),
        tried_to_compress: false,
        #[cfg(feature = "links")]
        has_parent: false,
    };
    let node = Arc::downgrade(node);
    tokio::spawn(async move { while monitor.look(&node).await {} })
}

struct Monitor {
    /// None while a thread for slow files has them.
    sources: Option<Sources>,
    watch: Watch,
    clock: Arc<dyn Clock>,
    /// Memory was short, and isn't well yet.
    is_short: bool,
    /// What caches and actors were told.
    shares: Shares,
    refuses: bool,
    /// What looks for dead rows, and when the last one had ended.
    compaction: Option<Compaction>,
    compacted: Duration,
    /// At the last look.
    #[cfg(feature = "links")]
    has_parent: bool,
    /// Once is enough: the store then keeps all it writes as small.
    has_compressed: bool,
    tried_to_compress: bool,
}

impl Monitor {
    /// False: there is nothing to look at any more.
    async fn look(&mut self, weak: &Weak<Node>) -> bool {
        let (Some(node), Some(mut sources)) = (weak.upgrade(), self.sources.take()) else {
            return false;
        };
        // Files of a device's drivers, or of a disk in trouble, may take their time.
        let reading = move || {
            let figures = sources.read(&node);
            (sources, figures)
        };
        let Ok((sources, figures)) = tokio::task::spawn_blocking(reading).await else {
            return false;
        };
        self.sources = Some(sources);
        let Some(node) = weak.upgrade() else {
            return false;
        };
        let judged = self.watch.judge(&figures);
        self.act(&node, &judged);
        node.engine().board().put(Readings {
            at_micros: self.clock.wall_micros(),
            all: judged.readings,
        });
        #[cfg(feature = "links")]
        if let Some(is_there) = figures.parent {
            self.note_link(&node, is_there).await;
        }
        for (resource, change) in judged.changes {
            let severity = match change.to {
                Level::Normal => Severity::Info,
                Level::Warning | Level::High => Severity::Warning,
                Level::Critical => Severity::Critical,
            };
            let message = format!("from {} to {}", change.from.name(), change.to.name());
            tracing::warn!(resource, message, "a resource's level changed");
            let noted = node.events().note("level", resource, severity, message);
            if let Err(error) = noted.await {
                tracing::warn!(%error, "an event was not noted");
            }
        }
        drop(node);
        let next = self.clock.monotonic() + EVERY;
        self.clock.sleep_until(next).await;
        true
    }

    /// Of a parent that was never there nothing is told.
    #[cfg(feature = "links")]
    async fn note_link(&mut self, node: &Node, is_there: bool) {
        if self.has_parent == is_there {
            return;
        }
        let severity = match is_there {
            true => Severity::Info,
            false => Severity::Warning,
        };
        let message = link_state(is_there).to_owned();
        let noted = node.events().note("link", "parent", severity, message);
        match noted.await {
            Ok(()) => self.has_parent = is_there,
            Err(error) => tracing::warn!(%error, "an event was not noted"),
        }
    }

    fn act(&mut self, node: &Arc<Node>, judged: &Judged) {
        let engine = node.engine();
        #[cfg(feature = "datafusion")]
        engine.adapt(judged.adaptation.clone());
        // What is in memory makes no room on a disk; and what was given up comes back only
        // when all is well, not at every step down.
        match judged.memory {
            Level::High | Level::Critical => self.is_short = true,
            Level::Normal => self.is_short = false,
            Level::Warning => {}
        }
        let shares = Shares::of(self.is_short, node.room_percent());
        if shares != self.shares {
            self.shares = shares;
            engine.set_cache_share(shares.caches);
            #[cfg(feature = "actors")]
            node.set_actors_share(shares.actors);
        }
        #[cfg(feature = "actors")]
        if judged.actions.shed
            && let Some(actors) = node.actors_if_any()
        {
            actors.shed(judged.free_memory_bytes, judged.memory_bytes);
        }
        let short = judged.short.filter(|_| judged.actions.refuse_writes);
        if short.is_some() || self.refuses {
            self.refuses = short.is_some();
            engine.db().refuse_growth(short.map(refusal));
        }
        self.compact(node, judged);
    }

    /// Dead rows are on disk: looking for them frees no memory, and takes some.
    fn compact(&mut self, node: &Arc<Node>, judged: &Judged) {
        let now = self.clock.monotonic();
        if let Some(under_way) = &self.compaction {
            if !under_way.task.is_finished() {
                return;
            }
            self.tried_to_compress |= under_way.compresses;
            self.has_compressed = node.is_compressed();
            self.compaction = None;
            self.compacted = now;
        }
        let is_due = now.saturating_sub(self.compacted) >= COMPACT_EVERY;
        let wanted = judged.actions.compact && judged.disk >= Level::Warning;
        let compresses = judged.actions.compress && judged.space >= Level::High;
        let compresses = compresses && !self.has_compressed;
        #[cfg(feature = "datafusion")]
        let wanted = wanted && !judged.adaptation.limits_background;
        // At once, and where it came to nothing with the next round.
        if wanted && (is_due || compresses && !self.tried_to_compress) {
            self.compaction = Some(Compaction::start(node, compresses));
        }
    }
}

/// Ends with whoever holds it.
struct Compaction {
    task: JoinHandle<()>,
    cancel: CancelToken,
    compresses: bool,
}

impl Compaction {
    fn start(node: &Arc<Node>, compresses: bool) -> Compaction {
        let cancel = CancelToken::new();
        let (db, heard) = (node.engine().db().clone(), cancel.clone());
        #[cfg(feature = "rocks")]
        let mark = node.directory().compressed_mark();
        let task = tokio::spawn(async move {
            if let Err(error) = db.vacuum(None, &heard).await {
                tracing::warn!(%error, "dead rows were not removed");
            }
            // Compressed, and remembered for the next start.
            #[cfg(feature = "rocks")]
            if compresses {
                let done = db.compress(&heard).await;
                if let Err(error) = done.and_then(|()| Ok(std::fs::write(mark, "")?)) {
                    tracing::warn!(%error, "not everything was compressed");
                }
            }
        });
        Compaction {
            task,
            cancel,
            compresses,
        }
    }
}

impl Drop for Compaction {
    fn drop(&mut self) {
        let stopping = Error::new(state::ADMIN_SHUTDOWN, "the node is shutting down");
        self.cancel.cancel(stopping);
        self.task.abort();
    }
}

/// What writers are told.
fn refusal(short: Short) -> Error {
    const ASK_LESS: &str =
        "It ends by itself once less is asked for at once; or raise edge.resources.memory_limit.";
    const MAKE_ROOM: &str = "DROP or TRUNCATE tables, or delete rows and VACUUM, which is \
                             allowed; or free disk space, or raise edge.resources.storage_limit.";
    const FEWER: &str = "Delete rows, or raise max_keys in the device profile.";
    let (what, state, hint) = match short.resource {
        "memory" => ("the node's memory", state::OUT_OF_MEMORY, ASK_LESS),
        "group_memory" => ("its control group's memory", state::OUT_OF_MEMORY, ASK_LESS),
        "storage" => ("its share of the disk", state::DISK_FULL, MAKE_ROOM),
        "keys" => (
            "its number of rows",
            state::CONFIGURATION_LIMIT_EXCEEDED,
            FEWER,
        ),
        _ => ("the disk", state::DISK_FULL, MAKE_ROOM),
    };
    Error::new(
        state,
        format!("nothing may be added now: {what} is nearly full"),
    )
    .with_detail(match short.resource {
        "keys" => format!(
            "{} of {} are there. See orbit.resources.",
            short.used, short.capacity
        ),
        _ => format!(
            "{} of {} MB are used. See orbit.resources.",
            short.used >> 20,
            short.capacity >> 20
        ),
    })
    .with_hint(hint)
}
