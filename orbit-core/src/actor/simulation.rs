//! A cluster in one thread: the production code of actors, links and commits, on clocks,
//! disks and a network that a seed rules. What nobody may ever see is looked for in all
//! that was said and in all that is left ([`laws`]).
//!
//! A seed is repeated by `ORBIT_SEED=n cargo test -p orbit-core simulation::one_seed`.

mod laws;
mod network;
mod node;
mod workload;
mod world;

use super::planted::{Bug, plant};
use world::World;

/// Lives through a seed; an error tells which law was broken.
fn run(seed: u64) -> Result<World, String> {
    let mut world = World::new(seed);
    world.live();
    world.calm();
    match laws::broken(&world) {
        None => Ok(world),
        Some(law) => Err(format!("seed {seed}: {law}\n{}", world.trace())),
    }
}

fn seeds() -> u64 {
    match std::env::var_os("ORBIT_SOAK") {
        Some(_) => 10_000,
        None => 200,
    }
}

#[test]
fn nothing_acknowledged_is_lost_or_doubled() {
    let first = std::env::var("ORBIT_SEED")
        .ok()
        .and_then(|seed| seed.parse().ok());
    let first: u64 = first.unwrap_or(1);
    // Both processors: each seed is a world of its own.
    let halves = [0, 1].map(|half| {
        std::thread::spawn(move || {
            let mut tally = Tally::default();
            for seed in (first..first + seeds()).filter(|seed| seed % 2 == half) {
                match run(seed) {
                    Ok(world) => tally.count(&world),
                    Err(found) => panic!("{found}"),
                }
            }
            tally
        })
    });
    let [one, other] = halves.map(|half| half.join().unwrap());
    let all = one.and(&other);
    println!("{} seeds, {all}", seeds());
    // Where little happens little is proved.
    let least = usize::try_from(seeds()).unwrap();
    assert!(all.done > 20 * least && all.far > 10 * least, "{all}");
    assert!(all.refused > 5 * least && all.unknown > least, "{all}");
    assert!(all.rung > 5 * least && all.kills > 2 * least, "{all}");
}

/// What happened, over many seeds.
#[derive(Default)]
struct Tally {
    /// Asked and answered; of these by another node than that of who asked.
    done: usize,
    far: usize,
    refused: usize,
    /// Nobody was told what became of it.
    unknown: usize,
    rung: usize,
    kills: usize,
}

impl Tally {
    fn count(&mut self, world: &World) {
        for asked in world.journal.lock().values() {
            match &asked.said {
                Some((Ok(_), _)) => {
                    self.done += 1;
                    self.far += usize::from(asked.by.0 != asked.actor.0);
                }
                Some((Err((error, _)), _)) if laws::says_undone(*error) => self.refused += 1,
                _ => self.unknown += 1,
            }
        }
        self.rung += world
            .left
            .values()
            .map(|left| left.rung.len())
            .sum::<usize>();
        self.kills += world.kills;
    }

    fn and(&self, other: &Tally) -> Tally {
        Tally {
            done: self.done + other.done,
            far: self.far + other.far,
            refused: self.refused + other.refused,
            unknown: self.unknown + other.unknown,
            rung: self.rung + other.rung,
            kills: self.kills + other.kills,
        }
    }
}

impl std::fmt::Display for Tally {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "{} calls done ({} on other nodes), {} refused, {} unknown, {} reminders, {} kills",
            self.done, self.far, self.refused, self.unknown, self.rung, self.kills
        )
    }
}

#[test]
fn one_seed_again() {
    let seed = std::env::var("ORBIT_SEED")
        .ok()
        .and_then(|seed| seed.parse().ok());
    let seed = seed.unwrap_or(7);
    let trace = || run(seed).map(|world| world.trace());
    assert_eq!(trace(), trace(), "a seed leads to the same each time");
}

#[test]
fn each_planted_bug_is_found() {
    let mut missed = Vec::new();
    for bug in [
        Bug::AcknowledgeBeforeCommit,
        Bug::RerunReminder,
        Bug::DropOnPassivation,
        Bug::IgnoreKey,
        Bug::SkipDeadline,
        Bug::ResendWithoutKey,
    ] {
        plant(Some(bug));
        let found = (1..=100).find_map(|seed| run(seed).err());
        plant(None);
        match found {
            Some(found) => println!("{bug:?}: {}", found.lines().next().unwrap_or_default()),
            None => missed.push(bug),
        }
    }
    assert!(missed.is_empty(), "not found: {missed:?}");
}
