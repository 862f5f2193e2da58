//! A few sites that write one key, each for itself, and hear of each other in any order that
//! keeps what one writer did in its order. The ordinals of each site are its own.

use super::super::*;
use crate::clock::Hlc;
use crate::ids::{Incarnation, Lane, SiteId, SiteOrdinal};
use crate::log::{Cell, Life, RowOperation};
use crate::row::{self, RowLayout, RowRef, Stamp};
use crate::types::SqlType;
use crate::value::Value;
use smallvec::SmallVec;
use std::collections::BTreeMap;

/// Slot 0 and 4 LWW, 1 a counter, 2 a maximum, 3 a minimum.
pub const KINDS: [ColumnKind; 5] = [
    ColumnKind::Lww,
    ColumnKind::Counter,
    ColumnKind::Max,
    ColumnKind::Min,
    ColumnKind::Lww,
];

pub fn layout() -> RowLayout {
    let types = [
        SqlType::Text,
        SqlType::Int8,
        SqlType::Int4,
        SqlType::Text,
        SqlType::Int4,
    ];
    RowLayout::new(&types)
}

/// When and by whom, in terms that all sites share.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct At {
    pub hlc: u64,
    pub origin: Origin,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct LifeAt {
    pub causal_length: u32,
    pub at: At,
}

/// What a site did, as it goes to others.
#[derive(Clone, Debug)]
pub enum Did {
    Insert {
        causal_length: u32,
        values: Vec<Value>,
    },
    Update {
        life: LifeAt,
        /// Slot, what was replaced, and the value; of the counter what was added in all.
        cells: Vec<(u16, At, Value)>,
        /// What was added now.
        added: i64,
    },
    Delete {
        life: LifeAt,
        replaced: Vec<At>,
    },
}

pub struct Site {
    pub origins: Origins,
    pub key: Key,
    pub vector: BTreeMap<Origin, u64>,
    pub own: Vec<Origin>,
    pub notes: Vec<Note>,
    layout: RowLayout,
}

pub struct World {
    pub sites: Vec<Site>,
    pub done: Vec<(At, Did)>,
    clock: u64,
    random: u64,
}

impl World {
    pub fn new(sites: u64, seed: u64) -> World {
        let origins: Vec<Origin> = (0..sites)
            .flat_map(|site| {
                [Lane::NORMAL, Lane::CRITICAL].map(|lane| Origin {
                    site: SiteId(site + 1),
                    incarnation: Incarnation(7),
                    lane,
                })
            })
            .collect();
        let sites = (0..sites as usize).map(|site| {
            let mut known = Origins::default();
            let turned = origins.iter().cycle().skip(site * 2).take(origins.len());
            for (nth, origin) in turned.enumerate() {
                known.insert(SiteOrdinal(nth as u32 + 1), *origin);
            }
            Site {
                origins: known,
                key: Key::default(),
                vector: BTreeMap::new(),
                own: origins[site * 2..site * 2 + 2].to_vec(),
                notes: Vec::new(),
                layout: layout(),
            }
        });
        World {
            sites: sites.collect(),
            done: Vec::new(),
            clock: 100,
            random: seed,
        }
    }

    /// SplitMix64.
    pub fn below(&mut self, end: u64) -> u64 {
        self.random = self.random.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.random;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % end
    }

    /// A time later than all that the site has heard of, not always later than others' times.
    fn tick(&mut self, site: usize) -> u64 {
        let heard = self.sites[site].vector.values().max().copied();
        self.clock += self.below(3);
        let now = self.clock.saturating_sub(self.below(20));
        now.max(heard.unwrap_or(0) + 1)
    }

    /// One site does something to the key, as a transaction would find it.
    pub fn act(&mut self, site: usize) -> usize {
        let did = match self.sites[site].shown() {
            None => Did::Insert {
                causal_length: self.sites[site].next_causal_length(),
                values: self.values(),
            },
            Some(life) if self.below(6) == 0 => Did::Delete {
                life,
                replaced: self.sites[site].replaced(),
            },
            Some(life) => self.change(site, life),
        };
        self.perform(site, did)
    }

    pub fn perform(&mut self, site: usize, did: Did) -> usize {
        let lane = self.below(2) as usize;
        let at = At {
            hlc: self.tick(site),
            origin: self.sites[site].own[lane],
        };
        let did = match did {
            Did::Update { life, cells, added } => {
                let total = self.sites[site].added(life, at.origin) + added;
                let cells = cells.into_iter().map(|(slot, replaced, value)| match slot {
                    1 => (slot, replaced, Value::Int8(total)),
                    _ => (slot, replaced, value),
                });
                Did::Update {
                    life,
                    cells: cells.collect(),
                    added,
                }
            }
            other => other,
        };
        self.done.push((at, did));
        let nth = self.done.len() - 1;
        self.deliver(site, nth);
        nth
    }

    pub fn deliver(&mut self, site: usize, nth: usize) {
        let (at, did) = self.done[nth].clone();
        self.sites[site].hear(at, &did);
    }

    /// What a site may hear next of each writer, and has not heard.
    pub fn waiting(&self, site: usize) -> Vec<usize> {
        let mut next: BTreeMap<Origin, usize> = BTreeMap::new();
        let heard = &self.sites[site].vector;
        for (nth, (at, _)) in self.done.iter().enumerate() {
            if heard.get(&at.origin).is_none_or(|heard| *heard < at.hlc) {
                next.entry(at.origin).or_insert(nth);
            }
        }
        next.into_values().collect()
    }

    pub fn values(&mut self) -> Vec<Value> {
        let text = |number: u64| Value::Text(["a", "bb", "ccc", "b"][number as usize].into());
        vec![
            text(self.below(4)),
            Value::Int8(self.below(100) as i64),
            Value::Int4(self.below(10) as i32),
            match self.below(5) {
                4 => Value::Null,
                other => text(other),
            },
            Value::Int4(self.below(4) as i32),
        ]
    }

    fn change(&mut self, site: usize, life: LifeAt) -> Did {
        let values = self.values();
        let (there, stamps) = self.sites[site].cells();
        let mut added = 0;
        let mut cells = Vec::new();
        for (slot, value) in values.into_iter().enumerate() {
            if self.below(3) > 0 {
                continue;
            }
            let value = match KINDS[slot] {
                ColumnKind::Lww => value,
                ColumnKind::Counter => {
                    added = self.below(21) as i64 - 10;
                    Value::Null
                }
                ColumnKind::Max if int(&value) <= int(&there[slot]) => continue,
                ColumnKind::Min if value.is_null() => continue,
                ColumnKind::Min if !there[slot].is_null() && text(&value) >= text(&there[slot]) => {
                    continue;
                }
                _ => value,
            };
            cells.push((slot as u16, stamps[slot], value));
        }
        Did::Update { life, cells, added }
    }
}

pub fn int(value: &Value) -> i64 {
    match value {
        Value::Int4(int) => i64::from(*int),
        Value::Int8(int) => *int,
        other => panic!("{other:?}"),
    }
}

pub fn text(value: &Value) -> &str {
    match value {
        Value::Text(text) => text,
        other => panic!("{other:?}"),
    }
}

impl Site {
    fn stamp(&self, at: At) -> Stamp {
        Stamp {
            hlc: Hlc(at.hlc),
            site: self.origins.ordinal(&at.origin).unwrap(),
        }
    }

    fn at(&self, stamp: Stamp) -> At {
        At {
            hlc: stamp.hlc.0,
            origin: self.origins.origin(stamp.site).unwrap(),
        }
    }

    fn life(&self, life: LifeAt) -> Life {
        Life {
            causal_length: life.causal_length,
            stamp: self.stamp(life.at),
        }
    }

    fn life_at(&self, life: Life) -> LifeAt {
        LifeAt {
            causal_length: life.causal_length,
            at: self.at(life.stamp),
        }
    }

    pub fn shown(&self) -> Option<LifeAt> {
        self.key.shown().unwrap().map(|life| self.life_at(life))
    }

    fn next_causal_length(&self) -> u32 {
        match self.key.row() {
            [] => 1,
            row => RowRef::new(row).unwrap().causal_length() + 1,
        }
    }

    /// Values and stamps of the row that is shown.
    pub fn cells(&self) -> (Vec<Value>, Vec<At>) {
        let row = RowRef::new(self.key.row()).unwrap();
        let values = row.values(&self.layout, &[]).unwrap();
        let stamps = (0..values.len()).map(|slot| self.at(row.column_stamp(slot)));
        (values, stamps.collect())
    }

    fn replaced(&self) -> Vec<At> {
        let (_, stamps) = self.cells();
        let own = self.shown().unwrap().at;
        stamps.into_iter().filter(|at| *at != own).collect()
    }

    fn added(&self, life: LifeAt, writer: Origin) -> i64 {
        let writer = self.origins.ordinal(&writer).unwrap();
        self.key.added(self.life(life), 1, writer).unwrap()
    }

    /// Every life with its values, the shown one first.
    pub fn lives(&self) -> Vec<(LifeAt, Vec<Value>)> {
        let mut all = Vec::new();
        if let Some(shown) = self.shown() {
            all.push((shown, self.cells().0));
        }
        let mut aside: Vec<_> = self
            .key
            .side()
            .iter()
            .filter_map(|(key, value)| match key {
                SideKey::Sibling { life } => {
                    let row = RowRef::new(&value.payload).unwrap();
                    let values = row.values(&self.layout, &[]).unwrap();
                    Some((self.life_at(*life), values))
                }
                _ => None,
            })
            .collect();
        aside.sort_by_key(|(life, _)| std::cmp::Reverse(*life));
        all.extend(aside);
        all
    }

    pub fn hear(&mut self, at: At, did: &Did) {
        let stamp = self.stamp(at);
        // As it goes through the store: read back before each operation.
        let mut key = Key::default();
        key.read(self.key.row());
        for (of, value) in self.key.side() {
            let (mut bytes, mut payload) = (Vec::new(), Vec::new());
            of.push(&mut bytes);
            value.push(&mut payload);
            key.read_side(
                SideKey::read(&bytes).unwrap(),
                SideValue::read(&payload).unwrap(),
            );
        }
        let has_side = !key.row().is_empty() && RowRef::new(key.row()).unwrap().has_side();
        assert_eq!(has_side, !key.side().is_empty());
        let (heard, origins) = (&self.vector, &self.origins);
        let contains = |stamp: Stamp| {
            let origin = origins.origin(stamp.site).unwrap();
            heard
                .get(&origin)
                .is_some_and(|heard| *heard >= stamp.hlc.0)
        };
        let context = Context {
            layout: &self.layout,
            kinds: &KINDS,
            missing: &[],
            origins,
            contains: &contains,
        };
        let mut bytes = Vec::new();
        let what = match did {
            Did::Insert {
                causal_length,
                values,
            } => {
                row::encode(&self.layout, values, *causal_length, stamp, &mut bytes).unwrap();
                let row = RowRef::new(&bytes).unwrap();
                RowOperation::Insert {
                    causal_length: *causal_length,
                    replaced: None,
                    columns: row.columns() as u16,
                    wide: row.is_wide(),
                    body: row.body(),
                }
            }
            Did::Update { life, cells, .. } => {
                let places: Vec<_> = cells
                    .iter()
                    .map(|(_, _, value)| {
                        let start = bytes.len();
                        row::encode_value(&value.as_ref(), &mut bytes);
                        start..bytes.len()
                    })
                    .collect();
                let cells = cells
                    .iter()
                    .zip(places)
                    .map(|((slot, replaced, _), place)| {
                        let replaced: SmallVec<[Stamp; 1]> =
                            std::iter::once(self.stamp(*replaced)).collect();
                        Cell {
                            column: *slot,
                            kind: KINDS[usize::from(*slot)],
                            replaced,
                            value: &bytes[place],
                        }
                    });
                RowOperation::Update {
                    life: self.life(*life),
                    cells: cells.collect(),
                }
            }
            Did::Delete { life, replaced } => RowOperation::Delete {
                life: self.life(*life),
                replaced: replaced.iter().map(|at| self.stamp(*at)).collect(),
            },
        };
        key.apply(&what, stamp, &context, &mut self.notes).unwrap();
        self.key = key;
        let heard = self.vector.entry(at.origin).or_default();
        *heard = (*heard).max(at.hlc);
    }
}
