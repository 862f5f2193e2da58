//! How queries run where memory, processor, battery, heat or the link are short.

use super::Priority;

/// Less free memory than this is little.
const LITTLE_MEMORY: u64 = 50 << 20;
const SMALL_BATCH_ROWS: usize = 1000;
const BUSY_CPU_PERCENT: u32 = 80;
const LOW_BATTERY_PERCENT: u32 = 20;
const HALF_BATTERY_PERCENT: u32 = 50;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Thermal {
    #[default]
    Normal,
    Warm,
    Hot,
    Critical,
}

/// What the device's user does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Activity {
    #[default]
    Active,
    Idle,
    Background,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Link {
    Offline,
    Limited,
    #[default]
    Good,
    Excellent,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Battery {
    pub percent: u32,
    pub charging: bool,
}

/// The surroundings of a query.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Conditions {
    pub free_memory_bytes: u64,
    pub cpu_percent: u32,
    /// None: the device hangs on a wire.
    pub battery: Option<Battery>,
    pub thermal: Thermal,
    pub activity: Activity,
    pub link: Link,
}

impl Conditions {
    /// Nothing is short.
    pub const GOOD: Conditions = Conditions {
        free_memory_bytes: u64::MAX,
        cpu_percent: 0,
        battery: None,
        thermal: Thermal::Normal,
        activity: Activity::Active,
        link: Link::Good,
    };
}

/// Of the threads that a query may have.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Parallelism {
    One,
    Half,
    #[default]
    Full,
}

impl Parallelism {
    /// Of so many.
    pub fn threads(self, most: usize) -> usize {
        match self {
            Parallelism::One => 1,
            Parallelism::Half => (most / 2).max(1),
            Parallelism::Full => most.max(1),
        }
    }
}

/// Where data may come from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Reach {
    #[default]
    Anywhere,
    LocalPreferred,
    LocalOnly,
}

/// How a query runs, and why it doesn't run as it would.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Adaptation {
    /// Rows are passed on as they come rather than gathered.
    pub streaming: bool,
    pub most_batch_rows: Option<usize>,
    pub prefers_indexes: bool,
    pub parallelism: Parallelism,
    /// Where a statement allows it, an estimate will do.
    pub approximate: bool,
    /// Work that matters less waits until the battery is charged.
    pub defers_below: Option<Priority>,
    pub limits_background: bool,
    pub power_saving: bool,
    pub reach: Reach,
    pub least_transfer: bool,
    pub reasons: Vec<&'static str>,
}

impl Adaptation {
    pub fn to(conditions: &Conditions) -> Adaptation {
        let mut adapted = Adaptation::default();
        if conditions.free_memory_bytes < LITTLE_MEMORY {
            adapted.streaming = true;
            adapted.most_batch_rows = Some(SMALL_BATCH_ROWS);
            adapted.prefers_indexes = true;
            adapted.reasons.push("less than 50 MB of memory are free");
        }
        if conditions.cpu_percent > BUSY_CPU_PERCENT {
            adapted.at_most(Parallelism::One);
            adapted.approximate = true;
            adapted.reasons.push("the processor is busy");
        }
        match conditions.battery {
            Some(battery) if battery.charging => {}
            Some(battery) if battery.percent < LOW_BATTERY_PERCENT => {
                adapted.power_saving = true;
                adapted.at_most(Parallelism::One);
                adapted.defer_below(Priority::High);
                adapted.limits_background = true;
                adapted.reasons.push("the battery is nearly empty");
            }
            Some(battery) if battery.percent < HALF_BATTERY_PERCENT => {
                adapted.at_most(Parallelism::Half);
                adapted.limits_background = true;
                adapted.reasons.push("the battery is less than half full");
            }
            _ => {}
        }
        match conditions.thermal {
            Thermal::Normal => {}
            Thermal::Warm => {
                adapted.at_most(Parallelism::Half);
                adapted.limits_background = true;
                adapted.reasons.push("the device is warm");
            }
            Thermal::Hot => {
                adapted.at_most(Parallelism::One);
                adapted.limits_background = true;
                adapted.defer_below(Priority::Normal);
                adapted.reasons.push("the device is hot");
            }
            Thermal::Critical => {
                adapted.at_most(Parallelism::One);
                adapted.limits_background = true;
                adapted.defer_below(Priority::High);
                adapted.reasons.push("the device is too hot");
            }
        }
        if conditions.activity == Activity::Background {
            adapted.at_most(Parallelism::Half);
            adapted.limits_background = true;
            adapted.reasons.push("the application is in the background");
        }
        match conditions.link {
            Link::Offline => {
                adapted.reach = Reach::LocalOnly;
                adapted.reasons.push("there is no link");
            }
            Link::Limited => {
                adapted.reach = Reach::LocalPreferred;
                adapted.least_transfer = true;
                adapted.reasons.push("the link is limited");
            }
            Link::Good | Link::Excellent => {}
        }
        adapted
    }

    fn at_most(&mut self, parallelism: Parallelism) {
        self.parallelism = self.parallelism.min(parallelism);
    }

    fn defer_below(&mut self, priority: Priority) {
        self.defers_below = self.defers_below.max(Some(priority));
    }

    /// Whether work of a priority has to wait.
    pub fn defers(&self, priority: Priority) -> bool {
        self.defers_below.is_some_and(|least| priority < least)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn battery(percent: u32, charging: bool) -> Conditions {
        Conditions {
            battery: Some(Battery { percent, charging }),
            ..Conditions::GOOD
        }
    }

    #[test]
    fn where_nothing_is_short_nothing_changes() {
        assert_eq!(Adaptation::to(&Conditions::GOOD), Adaptation::default());
        for full in [battery(50, false), battery(5, true), battery(100, false)] {
            assert_eq!(Adaptation::to(&full), Adaptation::default());
        }
        let edge = Conditions {
            free_memory_bytes: LITTLE_MEMORY,
            cpu_percent: 80,
            activity: Activity::Idle,
            link: Link::Excellent,
            ..Conditions::GOOD
        };
        assert_eq!(Adaptation::to(&edge), Adaptation::default());
    }

    #[test]
    fn what_is_short_is_spared_and_said() {
        let little = Adaptation::to(&Conditions {
            free_memory_bytes: LITTLE_MEMORY - 1,
            ..Conditions::GOOD
        });
        assert!(little.streaming && little.prefers_indexes);
        assert_eq!(little.most_batch_rows, Some(1000));

        let busy = Adaptation::to(&Conditions {
            cpu_percent: 81,
            ..Conditions::GOOD
        });
        assert_eq!(
            (busy.parallelism, busy.approximate),
            (Parallelism::One, true)
        );

        let low = Adaptation::to(&battery(19, false));
        assert_eq!(
            (low.parallelism, low.power_saving),
            (Parallelism::One, true)
        );
        assert!(low.defers(Priority::Normal) && !low.defers(Priority::High));
        let half = Adaptation::to(&battery(49, false));
        assert_eq!(
            (half.parallelism, half.limits_background),
            (Parallelism::Half, true)
        );
        assert!(!half.defers(Priority::Background) && !half.power_saving);

        let link = |link| {
            Adaptation::to(&Conditions {
                link,
                ..Conditions::GOOD
            })
        };
        assert_eq!(link(Link::Offline).reach, Reach::LocalOnly);
        let limited = link(Link::Limited);
        assert_eq!(
            (limited.reach, limited.least_transfer),
            (Reach::LocalPreferred, true)
        );

        let heat = |thermal| {
            Adaptation::to(&Conditions {
                thermal,
                ..Conditions::GOOD
            })
        };
        assert_eq!(heat(Thermal::Warm).parallelism, Parallelism::Half);
        assert!(
            heat(Thermal::Hot).defers(Priority::Low)
                && !heat(Thermal::Hot).defers(Priority::Normal)
        );
        assert!(heat(Thermal::Critical).defers(Priority::Normal));
    }

    #[test]
    fn of_two_reasons_the_stricter_holds() {
        let both = Adaptation::to(&Conditions {
            cpu_percent: 100,
            thermal: Thermal::Warm,
            activity: Activity::Background,
            ..battery(10, false)
        });
        assert_eq!(both.parallelism, Parallelism::One);
        assert!(both.defers(Priority::Normal));
        assert_eq!(both.reasons.len(), 4);
    }

    #[test]
    fn threads_are_never_none() {
        let all = [Parallelism::One, Parallelism::Half, Parallelism::Full];
        assert_eq!(all.map(|one| one.threads(8)), [1, 4, 8]);
        assert_eq!(all.map(|one| one.threads(1)), [1, 1, 1]);
        assert_eq!(all.map(|one| one.threads(0)), [1, 1, 1]);
    }
}
