//! What is told of a merge, and what isn't worth telling.

use super::world::{Did, LifeAt};
use super::*;

fn set(world: &World, site: usize, slot: u16, value: Value) -> Did {
    let (_, stamps) = world.sites[site].cells();
    Did::Update {
        life: world.sites[site].shown().unwrap(),
        cells: vec![(slot, stamps[usize::from(slot)], value)],
        added: 0,
    }
}

fn add(world: &World, site: usize, added: i64) -> Did {
    let (_, stamps) = world.sites[site].cells();
    Did::Update {
        life: world.sites[site].shown().unwrap(),
        cells: vec![(1, stamps[1], Value::Null)],
        added,
    }
}

fn delete(world: &World, site: usize) -> Did {
    Did::Delete {
        life: world.sites[site].shown().unwrap(),
        replaced: world.sites[site].cells().1,
    }
}

fn insert(world: &mut World, site: usize) -> usize {
    let values = world.values();
    let did = Did::Insert {
        causal_length: 1,
        values,
    };
    world.perform(site, did)
}

/// Two sites that have the same row.
fn two() -> World {
    let mut world = World::new(2, 1);
    let nth = insert(&mut world, 0);
    world.deliver(1, nth);
    world
}

#[test]
fn one_after_the_other_is_no_conflict() {
    let mut world = two();
    for turn in 0..10 {
        let (site, other) = (turn % 2, 1 - turn % 2);
        let did = set(&world, site, 0, Value::Text(format!("{turn}")));
        let nth = world.perform(site, did);
        world.deliver(other, nth);
    }
    let did = delete(&world, 0);
    let nth = world.perform(0, did);
    world.deliver(1, nth);
    assert!(
        world.sites[0].notes.is_empty(),
        "{:?}",
        world.sites[0].notes
    );
    assert!(
        world.sites[1].notes.is_empty(),
        "{:?}",
        world.sites[1].notes
    );
}

#[test]
fn two_values_of_a_column_are_told_of_alike_at_both() {
    let mut world = two();
    let one = set(&world, 0, 0, Value::Text("one".into()));
    let other = set(&world, 1, 0, Value::Text("other".into()));
    let (one, other) = (world.perform(0, one), world.perform(1, other));
    world.deliver(0, other);
    world.deliver(1, one);
    let told: Vec<(Value, Value)> = world
        .sites
        .iter()
        .map(|site| match site.notes.as_slice() {
            [Note::Write { kept, lost, .. }] => (kept.1.clone(), lost.1.clone()),
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(told[0], told[1]);
    assert_ne!(told[0].0, told[0].1);
    assert_eq!(world.sites[0].cells().0[0], told[0].0);
}

#[test]
fn equal_values_other_columns_and_lattices_are_no_conflict() {
    let mut world = two();
    let dids = [
        (0, set(&world, 0, 0, Value::Text("same".into()))),
        (1, set(&world, 1, 0, Value::Text("same".into()))),
        (1, set(&world, 1, 4, Value::Int4(77))),
        (0, add(&world, 0, -3)),
        (1, add(&world, 1, -4)),
        (0, set(&world, 0, 2, Value::Int4(50))),
        (1, set(&world, 1, 2, Value::Int4(60))),
    ];
    let before = super::world::int(&world.sites[0].cells().0[1]);
    let all: Vec<_> = dids
        .into_iter()
        .map(|(site, did)| (1 - site, world.perform(site, did)))
        .collect();
    for (other, nth) in all {
        world.deliver(other, nth);
    }
    for site in &world.sites {
        assert!(site.notes.is_empty(), "{:?}", site.notes);
        let (values, _) = site.cells();
        assert_eq!(values[1], Value::Int8(before - 7));
        assert_eq!(values[2], Value::Int4(60));
        assert_eq!(values[4], Value::Int4(77));
    }
}

#[test]
fn a_delete_takes_what_it_saw_and_tells_of_what_it_did_not_see() {
    let mut world = two();
    let update = set(&world, 0, 0, Value::Text("changed".into()));
    let gone = delete(&world, 1);
    let (update, gone) = (world.perform(0, update), world.perform(1, gone));
    world.deliver(0, gone);
    world.deliver(1, update);
    let [Note::DeleteOfUpdated { cells, .. }] = world.sites[0].notes.as_slice() else {
        panic!("{:?}", world.sites[0].notes);
    };
    assert_eq!(cells[0].2, Value::Text("changed".into()));
    let [Note::UpdateOfDeleted { cells, .. }] = world.sites[1].notes.as_slice() else {
        panic!("{:?}", world.sites[1].notes);
    };
    assert_eq!(cells[0].1, Value::Text("changed".into()));
    assert!(world.sites.iter().all(|site| site.shown().is_none()));
}

#[test]
fn two_inserts_of_one_key_are_both_kept_and_the_other_comes_up_when_one_goes() {
    let mut world = World::new(2, 5);
    let (one, other) = (insert(&mut world, 0), insert(&mut world, 1));
    world.deliver(0, other);
    world.deliver(1, one);
    let lives: Vec<LifeAt> = world.sites[0]
        .lives()
        .iter()
        .map(|(life, _)| *life)
        .collect();
    assert_eq!(lives.len(), 2);
    for site in &world.sites {
        assert!(matches!(site.notes.as_slice(), [Note::Insert { .. }]));
        assert_eq!(site.shown(), Some(lives[0]));
    }
    let gone = delete(&world, 1);
    let gone = world.perform(1, gone);
    world.deliver(0, gone);
    for site in &world.sites {
        assert_eq!(site.shown(), Some(lives[1]));
        assert_eq!(site.lives().len(), 1);
    }
}

#[test]
fn a_sum_past_the_column_shows_its_bound_and_comes_back() {
    let mut world = two();
    let much = i64::MAX - 200;
    let dids = [(0, add(&world, 0, much)), (1, add(&world, 1, 1000))];
    let all: Vec<_> = dids
        .into_iter()
        .map(|(site, did)| (1 - site, world.perform(site, did)))
        .collect();
    for (other, nth) in all {
        world.deliver(other, nth);
    }
    let base = {
        let (values, _) = world.sites[0].cells();
        assert_eq!(values[1], Value::Int8(i64::MAX));
        assert!(matches!(
            world.sites[0].notes.as_slice(),
            [Note::OutOfRange { .. }]
        ));
        let Did::Insert { values, .. } = &world.done[0].1 else {
            panic!("{:?}", world.done[0]);
        };
        super::world::int(&values[1])
    };
    let back = add(&world, 0, -much);
    let back = world.perform(0, back);
    world.deliver(1, back);
    for site in &world.sites {
        assert_eq!(site.cells().0[1], Value::Int8(base + 1000));
    }
}
