//! What must hold, whatever befell the cluster.

use super::workload::{EFFECTS, Fate, Op};
use super::world::{Asked, Manner, SLACK, World};
use crate::error::{Error, SqlState, state};
use crate::store::Direction;
use crate::txn::decode;
use crate::value::Value;
use std::time::Duration;

/// The law that was broken first.
pub fn broken(world: &World) -> Option<String> {
    let journal = world.journal.lock();
    let asked = journal.values().find_map(|asked| {
        let broken = late(world, asked)
            .or_else(|| unkept(world, asked))
            .or_else(|| unasked_answer(world, asked))
            .or_else(|| unrung(world, asked))?;
        Some(format!("{broken}: {asked:?}"))
    });
    drop(journal);
    let doubled = world.doubled.as_ref();
    let doubled = doubled.map(|actor| format!("actor {actor} was in two turns at once"));
    asked
        .or(doubled)
        .or_else(|| unasked(world))
        .or_else(|| rows(world).err())
}

/// Whatever an actor has done, it was asked to.
fn unasked(world: &World) -> Option<String> {
    let journal = world.journal.lock();
    world.left.iter().find_map(|(actor, left)| {
        let is_asked = |op: &Op| {
            let asked = journal.get(op);
            asked.is_some_and(|asked| asked.actor == *actor || asked.first.as_ref() == Some(actor))
        };
        let mut all = left.done.iter().chain(&left.rung);
        let stray = all.find(|op| !is_asked(op))?;
        Some(format!(
            "actor {actor:?} has done {stray}, which it was never asked"
        ))
    })
}

/// What the actor did of it, in which places.
fn places(world: &World, actor: &(usize, String), op: Op) -> Vec<usize> {
    let done = world.left.get(actor).map_or(&[][..], |left| &left.done);
    let places = done.iter().enumerate().filter(|(_, one)| **one == op);
    places.map(|(place, _)| place + 1).collect()
}

/// An answer comes by its deadline, whatever it says.
fn late(world: &World, asked: &Asked) -> Option<String> {
    let (by, life) = asked.by;
    match &asked.said {
        Some((_, at)) if *at <= latest(world, asked) => None,
        Some((_, at)) => Some(format!("an answer came at {at:?}")),
        // Whoever asked was killed.
        None if world.nodes[by].life != life => None,
        None => Some("no answer ever came".to_owned()),
    }
}

/// When it had to be there. A node that does nothing for a while hears nothing, either.
fn latest(world: &World, asked: &Asked) -> Duration {
    let own = world.stalls.iter().filter(|(node, _)| *node == asked.by.0);
    own.fold(asked.deadline + SLACK, |latest, (_, stall)| {
        match stall.start <= latest && stall.end + SLACK > latest {
            true => stall.end + SLACK,
            false => latest,
        }
    })
}

/// What is said of the work when it surely was not done, or surely undone.
pub fn says_undone(error: SqlState) -> bool {
    ![
        state::STATEMENT_COMPLETION_UNKNOWN,
        state::ADMIN_SHUTDOWN,
        state::IO_ERROR,
    ]
    .contains(&error)
}

/// Acknowledged: done, once. Refused: not done. Unknown: once at most.
fn unkept(world: &World, asked: &Asked) -> Option<String> {
    let count = places(world, &asked.actor, asked.op).len();
    let may = match (&asked.said, asked.manner) {
        (Some((Ok(_), _)), Manner::Send) => 0..=1,
        (Some((Ok(_), _)), _) => 1..=1,
        // One under a key may have been done when it was asked again.
        (Some((Err((error, _)), _)), _) if says_undone(*error) && !asked.asks_again => 0..=0,
        _ => 0..=1,
    };
    if !may.contains(&count) {
        return Some(format!("done {count} times"));
    }
    let first = asked.first.as_ref()?;
    let count = places(world, first, asked.op).len();
    let is_answered = matches!(asked.said, Some((Ok(_), _))) && asked.manner != Manner::Send;
    let least = usize::from(is_answered);
    // Each time it is tried under its key the one asked first may do its part.
    let most = match asked.manner {
        Manner::Once => usize::MAX,
        Manner::Call | Manner::Send => 1,
    };
    let is_kept = (least..=most).contains(&count);
    (!is_kept).then(|| format!("the one asked first has done it {count} times"))
}

/// The answer says where it is, and so does every later one under its key.
fn unasked_answer(world: &World, asked: &Asked) -> Option<String> {
    if asked.manner == Manner::Send {
        return None;
    }
    let places = places(world, &asked.actor, asked.op);
    let said = asked.said.iter().filter_map(|(said, _)| said.as_ref().ok());
    let mut all = said.chain(&asked.again);
    let wrong = all.find(|nth| !places.contains(nth))?;
    Some(format!("an answer said {wrong}, it is at {places:?}"))
}

/// A reminder comes once, if it was set.
fn unrung(world: &World, asked: &Asked) -> Option<String> {
    if !matches!(asked.fate, Fate::Later(_)) {
        return None;
    }
    let set = places(world, &asked.actor, asked.op).len();
    let left = world.left.get(&asked.actor)?;
    let rung = left.rung.iter().filter(|one| **one == asked.op).count();
    (rung != set).then(|| format!("set {set} times, it rang {rung} times"))
}

/// What turns wrote beside their states is there with them, and nothing else is.
fn rows(world: &World) -> Result<(), String> {
    let journal = world.journal.lock();
    for (n, node) in world.nodes.iter().enumerate() {
        let process = node.process.as_ref().ok_or("a node is down")?;
        let view = process.db.read();
        let table = view.catalog().table("orbit", EFFECTS);
        let table = table.ok_or("a node has no table")?.clone();
        let told = |error: Error| error.to_string();
        let mut scan = view
            .scan(&table, Default::default(), Direction::Forward)
            .map_err(told)?;
        let mut written = Vec::new();
        while let Some((_, row)) = scan.next().map_err(told)? {
            let values = decode(&table, row).map_err(told)?;
            let [Value::Text(actor), Value::Text(nth), Value::Int8(op)] = &values[..] else {
                return Err(format!("a row of other columns: {values:?}"));
            };
            written.push((
                actor.clone(),
                nth.parse().map_err(|_| "a place")?,
                op.cast_unsigned(),
            ));
        }
        let mut wanted = Vec::new();
        for ((_, id), ledger) in world.left.iter().filter(|((owner, _), _)| *owner == n) {
            for (place, op) in ledger.done.iter().enumerate() {
                let asked = journal.get(op).ok_or("nobody asked")?;
                let is_own = asked.actor == (n, id.clone());
                if is_own && asked.fate == Fate::Row {
                    wanted.push((id.clone(), place + 1, *op));
                }
            }
        }
        written.sort();
        wanted.sort();
        if written != wanted {
            return Err(format!(
                "node {n} has rows {written:?}, its actors say {wanted:?}"
            ));
        }
    }
    Ok(())
}
