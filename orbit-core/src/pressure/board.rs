//! What a node last measured of itself, for whoever shows it.

use super::ladder::Level;
use arc_swap::ArcSwap;
use std::sync::Arc;

/// One resource of the node or its machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reading {
    pub resource: &'static str,
    pub used: u64,
    /// None: it has no end, or nobody knows it.
    pub capacity: Option<u64>,
    pub unit: &'static str,
    /// Of those that the ladder watches.
    pub level: Option<Level>,
    /// In words what the figures don't say.
    pub state: Option<&'static str>,
}

impl Reading {
    /// One without a level.
    pub fn of(
        resource: &'static str,
        used: u64,
        capacity: Option<u64>,
        unit: &'static str,
    ) -> Reading {
        Reading {
            resource,
            used,
            capacity,
            unit,
            level: None,
            state: None,
        }
    }

    /// How much of it is used.
    pub fn percent(&self) -> Option<f64> {
        let capacity = self.capacity.filter(|capacity| *capacity > 0)?;
        let tenths = u128::from(self.used) * 1000 / u128::from(capacity);
        u32::try_from(tenths)
            .ok()
            .map(|tenths| f64::from(tenths) / 10.0)
    }
}

/// All of one moment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Readings {
    pub at_micros: i64,
    pub all: Vec<Reading>,
}

#[derive(Default)]
pub struct Board(ArcSwap<Readings>);

impl Board {
    pub fn put(&self, readings: Readings) {
        self.0.store(Arc::new(readings));
    }

    /// Empty until something was measured.
    pub fn read(&self) -> Arc<Readings> {
        self.0.load_full()
    }
}
