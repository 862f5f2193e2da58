//! What the cluster's actors do, and what is asked of them.

use crate::actor::{Actor, Handle, Kind, Message, Recorded, Runtime, Start, Turn, When};
use crate::catalog::Table;
use crate::clock::{Clock, SimClock};
use crate::database::Database;
use crate::database::own::{Shape, ensure};
use crate::error::{Error, Result, state};
use crate::types::SqlType;
use crate::value::Value;
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// Rows that turns write beside their actors' states.
pub const EFFECTS: &str = "sim_effects";
const SHAPE: Shape = Shape {
    name: EFFECTS,
    columns: &[
        ("actor", SqlType::Text),
        ("nth", SqlType::Text),
        ("op", SqlType::Int8),
    ],
    key: 2,
    index: None,
};

/// Names one thing that was asked.
pub type Op = u64;

/// What actors use of their node.
pub struct Tools {
    clock: Arc<SimClock>,
    effects: Arc<Table>,
    /// Turns under way, by actor.
    turns: Mutex<BTreeMap<String, u32>>,
    /// An actor was in two turns at once.
    pub doubled: Mutex<Option<String>>,
}

impl Tools {
    pub async fn new(_: &str, clock: Arc<SimClock>, db: &Arc<Database>) -> Tools {
        Tools {
            clock,
            effects: ensure(db, &SHAPE).await.unwrap(),
            turns: Mutex::default(),
            doubled: Mutex::default(),
        }
    }

    fn enter(self: &Arc<Self>, actor: &str) -> InTurn {
        let mut turns = self.turns.lock();
        let count = turns.entry(actor.to_owned()).or_default();
        *count += 1;
        if *count > 1 {
            *self.doubled.lock() = Some(actor.to_owned());
        }
        InTurn {
            tools: self.clone(),
            actor: actor.to_owned(),
        }
    }
}

struct InTurn {
    tools: Arc<Tools>,
    actor: String,
}

impl Drop for InTurn {
    fn drop(&mut self) {
        if let Some(count) = self.tools.turns.lock().get_mut(&self.actor) {
            *count -= 1;
        }
    }
}

pub async fn register(runtime: &Runtime, tools: Tools) {
    runtime.equip(Arc::new(tools));
    let ledger = Kind::<Ledger>::stored()
        .takes::<Do>()
        .takes::<Ring>()
        .takes::<Look>();
    runtime.register(ledger).await.unwrap();
}

/// Remembers what it did.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Ledger {
    pub done: Vec<Op>,
    pub rung: Vec<Op>,
}

impl Actor for Ledger {
    const KIND: &'static str = "ledger";
    fn begin(_: &Start<'_>) -> Result<Ledger> {
        Ok(Ledger::default())
    }
}

/// How a turn goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Fate {
    Plain,
    /// Writes a row, too.
    Row,
    /// Waits so many milliseconds in the middle.
    Slow(u64),
    /// Says no once it has done it.
    Refuses,
    Panics,
    /// Has itself reminded of it after so many milliseconds.
    Later(u64),
}

/// Does a thing; the answer is how many it has done.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Do {
    pub op: Op,
    pub fate: Fate,
    /// And has another actor do it before, on another node.
    pub first: Option<(String, String)>,
}

impl Message for Do {
    type Answer = usize;
}

impl Recorded for Do {
    const NAME: &'static str = "do";
}

impl Handle<Do> for Ledger {
    async fn handle(&mut self, ask: Do, turn: &mut Turn) -> Result<usize> {
        let tools = turn.tool::<Tools>().unwrap();
        let _one = tools.enter(turn.id());
        self.done.push(ask.op);
        let nth = self.done.len();
        if let Some((node, id)) = &ask.first {
            let other = turn.address_at::<Ledger>(node, id)?;
            let message = Do {
                op: ask.op,
                fate: Fate::Plain,
                first: None,
            };
            turn.call(&other, message).await?;
        }
        match ask.fate {
            Fate::Plain => {}
            Fate::Row => {
                let actor = turn.id().to_owned();
                let row = vec![
                    Value::Text(actor),
                    Value::Text(format!("{nth:08}")),
                    Value::Int8(ask.op.cast_signed()),
                ];
                let transaction = turn.transaction()?;
                transaction.begin_statement();
                transaction.insert(&tools.effects, row).await?;
            }
            Fate::Slow(millis) => {
                let until = tools.clock.monotonic() + Duration::from_millis(millis);
                tools.clock.sleep_until(until).await;
            }
            Fate::Refuses => {
                return Err(Error::new(state::CHECK_VIOLATION, "told to refuse"));
            }
            // Without a word to standard error.
            Fate::Panics => std::panic::resume_unwind(Box::new("told to")),
            Fate::Later(millis) => {
                let name = format!("op {}", ask.op);
                let when = When::after(Duration::from_millis(millis));
                turn.remind(&name, when, &Ring(ask.op))?;
            }
        }
        Ok(nth)
    }
}

/// A reminder comes.
#[derive(Serialize, Deserialize)]
pub struct Ring(Op);

impl Message for Ring {
    type Answer = ();
}

impl Recorded for Ring {
    const NAME: &'static str = "ring";
}

impl Handle<Ring> for Ledger {
    async fn handle(&mut self, ring: Ring, turn: &mut Turn) -> Result<()> {
        let tools = turn.tool::<Tools>().unwrap();
        let _one = tools.enter(turn.id());
        self.rung.push(ring.0);
        Ok(())
    }
}

/// What it is by now.
#[derive(Serialize, Deserialize)]
pub struct Look;

impl Message for Look {
    type Answer = Ledger;
}

impl Recorded for Look {
    const NAME: &'static str = "look";
}

impl Handle<Look> for Ledger {
    async fn handle(&mut self, _: Look, _: &mut Turn) -> Result<Ledger> {
        Ok(self.clone())
    }
}
