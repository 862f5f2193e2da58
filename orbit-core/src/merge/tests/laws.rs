//! Whatever order things come in, and how often, all sites come to the same, and it is what a
//! simple model says.

use super::world::{At, Did, LifeAt, int, text};
use super::*;
use std::collections::{BTreeMap, BTreeSet};

/// What the key must be, from everything that was done, in no particular order.
fn model(done: &[(At, Did)]) -> Vec<(LifeAt, Vec<Value>)> {
    let mut lives: BTreeMap<LifeAt, Vec<Value>> = BTreeMap::new();
    let mut dead = BTreeSet::new();
    for (at, did) in done {
        match did {
            Did::Insert {
                causal_length,
                values,
            } => {
                let causal_length = *causal_length;
                let at = *at;
                lives.insert(LifeAt { causal_length, at }, values.clone());
            }
            Did::Delete { life, .. } => {
                dead.insert(*life);
            }
            Did::Update { .. } => {}
        }
    }
    let mut latest: BTreeMap<(LifeAt, u16), At> = BTreeMap::new();
    for (at, did) in done {
        let Did::Update { life, cells, added } = did else {
            continue;
        };
        let row = lives.get_mut(life).unwrap();
        for (slot, _, value) in cells {
            let there = &mut row[usize::from(*slot)];
            match KINDS[usize::from(*slot)] {
                ColumnKind::Counter => *there = Value::Int8(int(there) + added),
                ColumnKind::Max if int(value) > int(there) => *there = value.clone(),
                ColumnKind::Min if there.is_null() || text(value) < text(there) => {
                    *there = value.clone();
                }
                ColumnKind::Lww => {
                    let last = latest.entry((*life, *slot)).or_insert(life.at);
                    if at > last {
                        *last = *at;
                        *there = value.clone();
                    }
                }
                _ => {}
            }
        }
    }
    lives.retain(|life, _| !dead.contains(life));
    lives.into_iter().rev().collect()
}

/// Acts and hears in an order that the seed decides; then everybody hears everything.
fn run(seed: u64) -> World {
    let mut world = World::new(3, seed);
    let steps = 5 + world.below(40);
    for _ in 0..steps {
        let site = world.below(3) as usize;
        if world.below(3) == 0 {
            world.act(site);
            continue;
        }
        hear(&mut world, site);
    }
    while (0..3).any(|site| !world.waiting(site).is_empty()) {
        let site = world.below(3) as usize;
        hear(&mut world, site);
    }
    world
}

fn hear(world: &mut World, site: usize) {
    let waiting = world.waiting(site);
    if !waiting.is_empty() {
        let chosen = waiting[world.below(waiting.len() as u64) as usize];
        world.deliver(site, chosen);
    }
    // Something old once more.
    let heard: Vec<usize> = (0..world.done.len())
        .filter(|nth| {
            let at = world.done[*nth].0;
            let vector = &world.sites[site].vector;
            vector.get(&at.origin).is_some_and(|heard| *heard >= at.hlc)
        })
        .collect();
    if !heard.is_empty() && world.below(2) == 0 {
        let chosen = heard[world.below(heard.len() as u64) as usize];
        world.deliver(site, chosen);
    }
}

#[test]
fn in_whatever_order_and_however_often_all_come_to_the_same() {
    let seeds = match std::env::var("ORBIT_SOAK") {
        Ok(_) => 200_000,
        Err(_) => 4_000,
    };
    let (mut several, mut early, mut reborn) = (0, 0, 0);
    for seed in 0..seeds {
        let world = run(seed);
        let expected = model(&world.done);
        for (nth, site) in world.sites.iter().enumerate() {
            assert_eq!(site.lives(), expected, "seed {seed}, site {nth}");
            let lasting = site
                .key
                .side()
                .iter()
                .all(|(key, _)| !matches!(key, SideKey::Early { .. } | SideKey::Killed { .. }));
            assert!(lasting, "seed {seed}, site {nth}: {:?}", site.key.side());
        }
        several += u64::from(expected.len() > 1);
        reborn += u64::from(expected.iter().any(|(life, _)| life.causal_length > 1));
        early += u64::from(world.done.len() > 10);
    }
    // That what is to be tried was tried.
    assert!(
        several > seeds / 20,
        "{several} of {seeds} with several lives"
    );
    assert!(reborn > seeds / 20, "{reborn} of {seeds} with a later life");
    assert!(early > seeds / 20);
}

#[test]
fn what_is_heard_twice_at_once_changes_nothing() {
    for seed in 0..500 {
        let mut world = World::new(2, seed);
        for _ in 0..20 {
            let nth = world.act(0);
            world.deliver(1, nth);
            let before = world.sites[1].key.clone();
            world.deliver(1, nth);
            assert_eq!(world.sites[1].key.row(), before.row(), "seed {seed}");
            assert_eq!(world.sites[1].lives(), world.sites[0].lives());
        }
    }
}
