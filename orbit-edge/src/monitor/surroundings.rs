//! What decides no level: it is shown, and queries heed some of it. Not in a node that
//! plans none.

use crate::machine::readings::{CpuTime, Machine};
use crate::node::Node;
use orbit_core::pressure::adapt::{Battery, Thermal};
use orbit_core::pressure::{Conditions, Reading};

/// What takes longer to find, or changes slowly, is looked for each so many-th time.
const SELDOM: u32 = 10;

/// All of one moment; none is what this machine doesn't have.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Surroundings {
    pub resident: Option<u64>,
    pub cpu_percent: Option<u32>,
    /// What others than this process take of the processors, smoothed.
    pub cpu_of_others: Option<u32>,
    pub battery: Option<Battery>,
    pub thermal: Option<Thermal>,
    /// Whether queries do less on a weak battery, or in heat.
    pub adapts: bool,
    /// How many are open, and may be.
    pub files: Option<(u64, u64)>,
    pub sessions: (u64, u64),
    pub actors: Option<(u64, u64)>,
}

#[derive(Default)]
pub struct Sources {
    cpu: Option<(CpuTime, u64)>,
    others: Smoothed,
    looks: u32,
    files: Option<(u64, u64)>,
    battery: Option<Battery>,
    thermal: Option<Thermal>,
}

/// A mean that leans on the newest figure by a fifth: what lasts counts, a moment doesn't.
#[derive(Default)]
struct Smoothed {
    hundredths: u32,
}

impl Smoothed {
    fn after(&mut self, percent: u32) -> u32 {
        self.hundredths = (self.hundredths * 8 + percent.min(100) * 100 * 2) / 10;
        self.hundredths / 100
    }
}

impl Sources {
    pub fn read(&mut self, machine: &Machine, node: &Node) -> Surroundings {
        if self.looks.is_multiple_of(SELDOM) {
            self.files = machine.open_files();
            self.battery = machine.battery();
            self.thermal = machine.thermal();
        }
        self.looks = self.looks.wrapping_add(1);
        let now = machine.cpu_time().zip(machine.own_ticks());
        let before = std::mem::replace(&mut self.cpu, now);
        let since = now.zip(before);
        let count = |count: usize| u64::try_from(count).unwrap_or(u64::MAX);
        Surroundings {
            resident: machine.resident_bytes(),
            cpu_percent: since.and_then(|((now, _), (then, _))| now.percent_since(then)),
            cpu_of_others: since
                .and_then(|((now, own), (then, own_then))| {
                    let own = own.saturating_sub(own_then);
                    now.without(own).percent_since(then)
                })
                .map(|percent| self.others.after(percent)),
            battery: self.battery,
            thermal: self.thermal,
            adapts: node.config().profile.optimization.adaptive_quality,
            files: self.files,
            sessions: (
                count(node.engine().backends().all().len()),
                count(node.memory().max_connections),
            ),
            #[cfg(not(feature = "actors"))]
            actors: None,
            #[cfg(feature = "actors")]
            actors: node.actors_if_any().map(|actors| {
                let (awake, _) = actors.awake();
                (count(awake), count(actors.limits().awake))
            }),
        }
    }
}

impl Surroundings {
    /// What queries have to heed.
    pub fn conditions(&self, free_memory_bytes: u64) -> Conditions {
        Conditions {
            free_memory_bytes,
            // A query that has the machine for itself may have all of it.
            cpu_percent: self.cpu_of_others.unwrap_or(0),
            battery: self.battery.filter(|_| self.adapts),
            thermal: self.thermal.filter(|_| self.adapts).unwrap_or_default(),
            ..Conditions::GOOD
        }
    }

    pub fn readings(&self) -> Vec<Reading> {
        let percent = |name, percent: u32| Reading::of(name, percent.into(), Some(100), "percent");
        let count = |name, (used, most)| Reading::of(name, used, Some(most), "count");
        let resident = self.resident;
        [
            resident.map(|bytes| Reading::of("resident_memory", bytes, None, "bytes")),
            self.cpu_percent.map(|busy| percent("cpu", busy)),
            self.battery.map(|battery| Reading {
                state: Some(match battery.charging {
                    true => "charging",
                    false => "discharging",
                }),
                ..percent("battery", battery.percent)
            }),
            self.thermal.map(|thermal| Reading {
                state: Some(heat(thermal)),
                ..Reading::of("heat", thermal as u64, Some(3), "level")
            }),
            self.files.map(|files| count("file_descriptors", files)),
            Some(count("connections", self.sessions)),
            self.actors.map(|actors| count("actors", actors)),
        ]
        .into_iter()
        .flatten()
        .collect()
    }
}

fn heat(thermal: Thermal) -> &'static str {
    match thermal {
        Thermal::Normal => "normal",
        Thermal::Warm => "warm",
        Thermal::Hot => "hot",
        Thermal::Critical => "critical",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_of_load_is_none() {
        let mut others = Smoothed::default();
        let busy: Vec<u32> = (0..9).map(|_| others.after(100)).collect();
        assert_eq!(busy, [20, 36, 48, 59, 67, 73, 79, 83, 86]);
        assert_eq!(others.after(0), 69);
        for _ in 0..60 {
            others.after(0);
        }
        assert_eq!(others.after(0), 0);
    }

    #[test]
    fn queries_heed_what_others_take_and_people_see_it_all() {
        let around = Surroundings {
            cpu_percent: Some(99),
            cpu_of_others: Some(12),
            battery: Some(Battery {
                percent: 15,
                charging: false,
            }),
            thermal: Some(Thermal::Hot),
            adapts: true,
            ..Surroundings::default()
        };
        let conditions = around.conditions(20);
        assert_eq!(conditions.free_memory_bytes, 20);
        assert_eq!(conditions.cpu_percent, 12);
        assert_eq!(conditions.thermal, Thermal::Hot);
        assert_eq!(conditions.battery, around.battery);
        let steady = Surroundings {
            adapts: false,
            ..around.clone()
        };
        let conditions = steady.conditions(20);
        assert_eq!(conditions.thermal, Thermal::Normal);
        assert_eq!(conditions.battery, None);
        let readings = around.readings();
        let shown: Vec<_> = readings
            .iter()
            .map(|one| (one.resource, one.used, one.state))
            .collect();
        let battery = ("battery", 15, Some("discharging"));
        let heat = ("heat", 2, Some("hot"));
        let sessions = ("connections", 0, None);
        assert_eq!(shown, [("cpu", 99, None), battery, heat, sessions]);
    }
}
