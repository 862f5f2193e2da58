//! The versions of every object in their order, and the anomalies that show in it.

use super::{Anomaly, ByKey, Violation, may_be_committed, violation};
use crate::history::{Act, History, Key, Kind, Outcome, Seen};
use std::collections::{HashMap, HashSet};

/// A write as found by its value.
#[derive(Clone, Copy, Debug)]
struct Origin {
    transaction: usize,
    key: Key,
    /// Which of the transaction's kept writes of this object it is, from the last: 0.
    behind: usize,
    number: u64,
    kept: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Version {
    pub transaction: usize,
    pub value: u64,
}

pub struct Orders {
    /// Of a set: its members in no order of time.
    sets: ByKey<Vec<Version>>,
    pub by_key: ByKey<Vec<Version>>,
    committed: Vec<bool>,
    origins: HashMap<u64, Origin>,
}

/// Whose writes a read saw, and whose it would have seen later.
#[derive(Default)]
pub struct Around {
    pub before: Vec<usize>,
    pub after: Vec<usize>,
}

impl Orders {
    pub fn committed(&self, transaction: usize) -> bool {
        self.committed[transaction]
    }

    /// Others' writes next to what transaction `at` saw of `key`.
    pub fn around(&self, at: usize, key: Key, seen: &Seen) -> Around {
        let mut around = Around::default();
        if key.kind == Kind::Set {
            let Seen::Values(members) = seen else {
                return around;
            };
            for version in self.sets.get(&key).into_iter().flatten() {
                if version.transaction == at {
                    continue;
                }
                match members.binary_search(&version.value) {
                    Ok(_) => around.before.push(version.transaction),
                    Err(_) => around.after.push(version.transaction),
                }
            }
            return around;
        }
        let Some(order) = self.by_key.get(&key) else {
            return around;
        };
        let own = |value: &u64| self.origins.get(value).is_some_and(|o| o.transaction == at);
        let position = match seen {
            Seen::Values(values) => values.iter().take_while(|value| !own(value)).count(),
            // One's own version tells nothing of others, not even its number if it was
            // rolled back.
            Seen::Version { value, .. } if own(value) => return around,
            Seen::Version { number, .. } => *number as usize,
        };
        let before = position.checked_sub(1).and_then(|last| order.get(last));
        around
            .before
            .extend(before.map(|version| version.transaction));
        around
            .after
            .extend(order.get(position).map(|version| version.transaction));
        around.before.retain(|&writer| writer != at);
        around.after.retain(|&writer| writer != at);
        around
    }
}

fn origins(history: &History) -> HashMap<u64, Origin> {
    let mut origins = HashMap::new();
    for (at, transaction) in history.transactions.iter().enumerate() {
        let mut later: HashMap<Key, usize> = HashMap::new();
        for act in transaction.acts.iter().rev() {
            let Act::Write {
                key,
                value,
                number,
                kept,
                ..
            } = act
            else {
                continue;
            };
            let behind = later.entry(*key).or_default();
            let origin = Origin {
                transaction: at,
                key: *key,
                behind: *behind,
                number: *number,
                kept: *kept,
            };
            if *kept {
                *behind += 1;
            }
            let twice = origins.insert(*value, origin);
            assert!(twice.is_none(), "the load wrote {value} twice");
        }
    }
    origins
}

pub fn infer(history: &History) -> (Orders, Vec<Violation>) {
    let mut found = Finder {
        history,
        origins: origins(history),
        committed: history
            .transactions
            .iter()
            .map(|transaction| transaction.outcome == Outcome::Committed)
            .collect(),
        longest: ByKey::new(),
        violations: Vec::new(),
    };
    for (at, transaction) in history.transactions.iter().enumerate() {
        found.reads(at, &transaction.acts);
    }
    found.orders()
}

struct Finder<'a> {
    history: &'a History,
    origins: HashMap<u64, Origin>,
    committed: Vec<bool>,
    /// The longest list seen of each, and by whom.
    longest: ByKey<(usize, Vec<u64>)>,
    violations: Vec<Violation>,
}

impl Finder<'_> {
    fn report(&mut self, anomaly: Anomaly, transactions: Vec<usize>, story: String) {
        // The first few say enough.
        if self.violations.len() < 20 {
            let violation = violation(self.history, anomaly, transactions, story);
            self.violations.push(violation);
        }
    }

    fn reads(&mut self, at: usize, acts: &[Act]) {
        // What this transaction wrote so far and still holds.
        let mut own: HashMap<Key, Vec<u64>> = HashMap::new();
        for act in acts {
            match act {
                Act::Write {
                    key, value, kept, ..
                } => {
                    if *kept {
                        own.entry(*key).or_default().push(*value);
                    }
                }
                Act::Read { saw, .. } => {
                    for (key, seen) in saw {
                        let own = own.get(key).map(Vec::as_slice).unwrap_or_default();
                        self.read(at, *key, seen, own);
                    }
                }
            }
        }
    }

    fn read(&mut self, at: usize, key: Key, seen: &Seen, own: &[u64]) {
        match (key.kind, seen) {
            (Kind::List, Seen::Values(values)) => {
                let Some(base) = values.strip_suffix(own) else {
                    let story = format!("T{at} wrote {own:?} to {key:?} and read {values:?}");
                    return self.report(Anomaly::OwnWriteUnseen, vec![at], story);
                };
                let mut known = HashSet::new();
                for value in base {
                    if !known.insert(value) {
                        let story = format!("{value} stands twice in {key:?}: {values:?}");
                        return self.report(Anomaly::Contradiction, vec![at], story);
                    }
                    if !self.value(at, key, *value) {
                        return;
                    }
                }
                if let Some(last) = base.last() {
                    self.finished(at, key, *last);
                }
                self.prefix(at, key, base);
            }
            (Kind::Set, Seen::Values(values)) => {
                for value in own {
                    if values.binary_search(value).is_err() {
                        let story = format!("T{at} put {value} into {key:?} and read {values:?}");
                        return self.report(Anomaly::OwnWriteUnseen, vec![at], story);
                    }
                }
                for value in values {
                    if !own.contains(value) && !self.value(at, key, *value) {
                        return;
                    }
                }
            }
            (_, Seen::Version { number, value }) => {
                if let Some(last) = own.last() {
                    if value != last {
                        let story = format!("T{at} wrote {last} to {key:?} and read {value}");
                        self.report(Anomaly::OwnWriteUnseen, vec![at], story);
                    }
                } else if *number > 0 && self.value(at, key, *value) {
                    self.finished(at, key, *value);
                    let written = self.origins.get(value).map(|origin| origin.number);
                    if written != Some(*number) {
                        let story = format!(
                            "T{at} read {value} of {key:?} as version {number}, it is {written:?}"
                        );
                        self.report(Anomaly::Contradiction, vec![at], story);
                    }
                }
            }
            (Kind::Register, Seen::Values(_)) => {
                let story = format!("T{at} read {key:?} as a list");
                self.report(Anomaly::Garbage, vec![at], story);
            }
        }
    }

    /// Whether somebody committed this value of another transaction.
    fn value(&mut self, at: usize, key: Key, value: u64) -> bool {
        let Some(origin) = self.origins.get(&value).copied() else {
            let story = format!("T{at} read {value} in {key:?}, which nobody wrote");
            self.report(Anomaly::Garbage, vec![at], story);
            return false;
        };
        let writer = origin.transaction;
        if origin.key != key {
            let story = format!("T{at} read {value} in {key:?}, written to {:?}", origin.key);
            self.report(Anomaly::Garbage, vec![at, writer], story);
            return false;
        }
        if writer == at {
            let story = format!("T{at} read its own {value} in {key:?} out of place");
            self.report(Anomaly::Contradiction, vec![at], story);
            return false;
        }
        if !origin.kept || !may_be_committed(self.history.transactions[writer].outcome) {
            let story = format!("T{at} read {value} in {key:?}, which T{writer} rolled back");
            self.report(Anomaly::AbortedRead, vec![at, writer], story);
            return false;
        }
        self.committed[writer] = true;
        true
    }

    fn finished(&mut self, at: usize, key: Key, value: u64) {
        if let Some(origin) = self.origins.get(&value)
            && origin.behind > 0
        {
            let writer = origin.transaction;
            let story = format!("T{at} read {value} in {key:?}, T{writer} wrote on after it");
            self.report(Anomaly::IntermediateRead, vec![at, writer], story);
        }
    }

    fn prefix(&mut self, at: usize, key: Key, base: &[u64]) {
        let (by, longest) = self.longest.entry(key).or_insert_with(|| (at, Vec::new()));
        let (by, common) = (*by, base.len().min(longest.len()));
        if base[..common] != longest[..common] {
            let story = format!("{key:?} was {longest:?} for T{by} and {base:?} for T{at}");
            return self.report(Anomaly::Contradiction, vec![by, at], story);
        }
        if base.len() > longest.len() {
            self.longest.insert(key, (at, base.to_vec()));
        }
    }

    /// A transaction whose end nobody was told, and on whose version of a register others
    /// built without reading it, has committed.
    fn built_upon(&mut self) {
        let mut known: HashMap<Key, HashSet<u64>> = HashMap::new();
        let mut unknown: HashMap<(Key, u64), usize> = HashMap::new();
        for origin in self.origins.values() {
            if !origin.kept || origin.key.kind != Kind::Register {
                continue;
            }
            if self.committed[origin.transaction] {
                known.entry(origin.key).or_default().insert(origin.number);
            } else if may_be_committed(self.history.transactions[origin.transaction].outcome) {
                unknown.insert((origin.key, origin.number), origin.transaction);
            }
        }
        for ((key, number), transaction) in unknown {
            let numbers = known.get(&key);
            let later = numbers.is_some_and(|all| all.iter().any(|other| *other > number));
            if later && !numbers.is_some_and(|all| all.contains(&number)) {
                self.committed[transaction] = true;
            }
        }
    }

    fn orders(mut self) -> (Orders, Vec<Violation>) {
        self.built_upon();
        let mut by_key: ByKey<Vec<Version>> = ByKey::new();
        let mut sets: ByKey<Vec<Version>> = ByKey::new();
        for (key, (_, values)) in &self.longest {
            let order = by_key.entry(*key).or_default();
            for value in values {
                if let Some(origin) = self.origins.get(value) {
                    order.push(Version {
                        transaction: origin.transaction,
                        value: *value,
                    });
                }
            }
        }
        let mut registers: ByKey<Vec<(u64, Version)>> = ByKey::new();
        let mut lost = Vec::new();
        for (&value, origin) in &self.origins {
            let transaction = origin.transaction;
            if !origin.kept || !self.committed[transaction] {
                continue;
            }
            let version = Version { transaction, value };
            match origin.key.kind {
                Kind::Register => {
                    let versions = registers.entry(origin.key).or_default();
                    versions.push((origin.number, version));
                }
                Kind::Set => sets.entry(origin.key).or_default().push(version),
                Kind::List => {
                    let longest = self.longest.get(&origin.key);
                    if !longest.is_some_and(|(_, values)| values.contains(&value)) {
                        lost.push((transaction, origin.key, value));
                    }
                }
            }
        }
        for (transaction, key, value) in lost {
            let story = format!("T{transaction} appended {value} to {key:?}, nobody found it");
            self.report(Anomaly::LostWrite, vec![transaction], story);
        }
        for (key, mut versions) in registers {
            versions.sort_by_key(|(number, _)| *number);
            for (expected, (number, version)) in (1..).zip(&versions) {
                if *number == expected {
                    continue;
                }
                let before = versions
                    .iter()
                    .find(|(other, v)| other == number && v != version);
                let mut involved = vec![version.transaction];
                involved.extend(before.map(|(_, version)| version.transaction));
                let (anomaly, story) = match before {
                    Some(_) => (
                        Anomaly::LostUpdate,
                        format!("version {number} of {key:?} was written twice"),
                    ),
                    None => (
                        Anomaly::LostWrite,
                        format!(
                            "nobody wrote version {expected} of {key:?}, but {number} is there"
                        ),
                    ),
                };
                self.report(anomaly, involved, story);
                break;
            }
            let order = versions.into_iter().map(|(_, version)| version).collect();
            by_key.insert(key, order);
        }
        let orders = Orders {
            sets,
            by_key,
            committed: self.committed,
            origins: self.origins,
        };
        (orders, self.violations)
    }
}
