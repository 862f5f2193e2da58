//! The resource ladder: levels of memory and disk, and what each asks for.

/// How full a resource is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Level {
    #[default]
    Normal,
    Warning,
    High,
    Critical,
}

impl Level {
    pub fn name(self) -> &'static str {
        match self {
            Level::Normal => "normal",
            Level::Warning => "warning",
            Level::High => "high",
            Level::Critical => "critical",
        }
    }
}

/// From which percentage on a level holds; Critical begins above its figure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Steps {
    pub warning: u32,
    pub high: u32,
    pub critical: u32,
}

pub const MEMORY: Steps = Steps {
    warning: 80,
    high: 90,
    critical: 95,
};

pub const DISK: Steps = Steps {
    warning: 70,
    high: 85,
    critical: 95,
};

/// A level is left downwards only when so many points below where it begins: who stands at
/// a step's edge would else change with every measurement.
const MARGIN: u64 = 2;

impl Steps {
    /// Exact: no rounding decides a level.
    fn level(self, used: u64, capacity: u64, margin: u64) -> Level {
        let hundredfold = |percent: u64| u128::from(capacity) * u128::from(percent);
        let used = u128::from(used) * 100 + hundredfold(margin);
        let reaches = |step: u32| used >= hundredfold(step.into());
        if used > hundredfold(self.critical.into()) {
            Level::Critical
        } else if reaches(self.high) {
            Level::High
        } else if reaches(self.warning) {
            Level::Warning
        } else {
            Level::Normal
        }
    }
}

/// Where one resource stands, measurement by measurement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ladder {
    steps: Steps,
    level: Level,
}

/// A level was left for another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Change {
    pub from: Level,
    pub to: Level,
}

impl Ladder {
    pub fn new(steps: Steps) -> Ladder {
        Ladder {
            steps,
            level: Level::Normal,
        }
    }

    pub fn level(&self) -> Level {
        self.level
    }

    /// Up at once, down with a margin. A resource without a capacity is never short.
    pub fn measure(&mut self, used: u64, capacity: u64) -> Option<Change> {
        let to = match capacity {
            0 => Level::Normal,
            _ => {
                let now = self.steps.level(used, capacity, 0);
                let with_margin = self.steps.level(used, capacity, MARGIN);
                now.max(with_margin.min(self.level))
            }
        };
        let from = std::mem::replace(&mut self.level, to);
        (from != to).then_some(Change { from, to })
    }
}

/// What a node does at its levels.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Actions {
    /// Caches may grow to their full size.
    pub may_scale_up: bool,
    /// Send upward what waits to be sent.
    pub sync_and_offload: bool,
    /// Give back the space of what is dead.
    pub compact: bool,
    /// Let go of what was not used for longest, in caches and actors.
    pub evict: bool,
    pub compress: bool,
    pub refuse_writes: bool,
    /// Put actors to rest by priority and size.
    pub shed: bool,
}

impl Actions {
    pub fn at(memory: Level, disk: Level) -> Actions {
        let worst = memory.max(disk);
        Actions {
            may_scale_up: worst == Level::Normal,
            sync_and_offload: worst >= Level::Warning,
            compact: worst >= Level::Warning,
            evict: worst >= Level::High,
            compress: worst >= Level::High,
            refuse_writes: worst == Level::Critical,
            // Disk is not freed by what leaves memory.
            shed: memory == Level::Critical,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn levels(steps: Steps, percents: &[u64]) -> Vec<Level> {
        percents
            .iter()
            .map(|percent| {
                let mut ladder = Ladder::new(steps);
                ladder.measure(*percent, 100);
                ladder.level()
            })
            .collect()
    }

    #[test]
    fn levels_begin_where_they_are_said_to() {
        use Level::{Critical, High, Normal, Warning};
        assert_eq!(
            levels(MEMORY, &[0, 79, 80, 89, 90, 95, 96, 200]),
            [
                Normal, Normal, Warning, Warning, High, High, Critical, Critical
            ]
        );
        assert_eq!(
            levels(DISK, &[69, 70, 84, 85, 95, 96]),
            [Normal, Warning, Warning, High, High, Critical]
        );
        // 95 percent and a byte.
        let mut ladder = Ladder::new(MEMORY);
        ladder.measure(9_500_000_000, 10_000_000_000);
        assert_eq!(ladder.level(), High);
        ladder.measure(9_500_000_001, 10_000_000_000);
        assert_eq!(ladder.level(), Critical);
        ladder.measure(u64::MAX, u64::MAX);
        assert_eq!(ladder.level(), Critical);
        ladder.measure(5, 0);
        assert_eq!(ladder.level(), Normal);
    }

    #[test]
    fn a_level_is_left_downwards_with_a_margin_and_upwards_at_once() {
        use Level::{Critical, High, Normal, Warning};
        let mut ladder = Ladder::new(MEMORY);
        let mut seen = Vec::new();
        for percent in [80, 79, 78, 77, 79, 81, 96, 94, 93, 92, 50] {
            seen.push(ladder.measure(percent, 100).map(|change| change.to));
        }
        let to = Some;
        assert_eq!(
            seen,
            [
                to(Warning),
                None,
                None,
                to(Normal),
                None,
                to(Warning),
                to(Critical),
                None,
                to(High),
                None,
                to(Normal),
            ]
        );
    }

    #[test]
    fn each_level_asks_for_more_than_the_one_below() {
        use Level::{Critical, High, Normal, Warning};
        let told = |memory, disk| {
            let actions = Actions::at(memory, disk);
            let all = [
                (actions.may_scale_up, "grow"),
                (actions.sync_and_offload, "sync"),
                (actions.compact, "compact"),
                (actions.evict, "evict"),
                (actions.compress, "compress"),
                (actions.refuse_writes, "refuse"),
                (actions.shed, "shed"),
            ];
            let done = all.into_iter().filter(|(is, _)| *is);
            done.map(|(_, what)| what).collect::<Vec<_>>().join(" ")
        };
        assert_eq!(told(Normal, Normal), "grow");
        assert_eq!(told(Warning, Normal), "sync compact");
        assert_eq!(told(Normal, Warning), "sync compact");
        assert_eq!(told(High, Normal), "sync compact evict compress");
        assert_eq!(told(Normal, High), "sync compact evict compress");
        assert_eq!(
            told(Critical, High),
            "sync compact evict compress refuse shed"
        );
        assert_eq!(
            told(Warning, Critical),
            "sync compact evict compress refuse"
        );
    }
}
