//! When an actor that failed may begin again: after a pause that doubles, and after too
//! many failures in a row not before a long one, during which calls are refused at once
//! (a circuit breaker; Nygard, "Release It!", 2007). Pure.

use std::time::Duration;

const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);
/// So many crashes in a row open the breaker...
const MANY: u32 = 5;
/// ...for so long.
const OPEN: Duration = Duration::from_secs(60);
/// An actor that ran for so long since it crashed is well again.
const WELL_AFTER: Duration = Duration::from_secs(60);

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Crashes {
    in_a_row: u32,
    last: Duration,
    /// Until when it isn't begun.
    resting: Duration,
}

impl Crashes {
    /// It failed just now.
    pub fn note(&mut self, now: Duration) {
        if self.is_past(now) {
            self.in_a_row = 0;
        }
        self.in_a_row = self.in_a_row.saturating_add(1);
        self.last = now;
        self.resting = now + self.pause();
    }

    fn pause(&self) -> Duration {
        match self.in_a_row {
            0 => Duration::ZERO,
            many if many >= MANY => OPEN,
            few => FIRST_PAUSE
                .saturating_mul(1 << (few - 1))
                .min(LONGEST_PAUSE),
        }
    }

    /// How long it still has to rest before it may begin.
    pub fn rests(&self, now: Duration) -> Duration {
        self.resting.saturating_sub(now)
    }

    /// Whether nothing may wait for it: it crashed too often.
    pub fn is_open(&self, now: Duration) -> bool {
        self.in_a_row >= MANY && !self.rests(now).is_zero()
    }

    /// Whether they tell nothing any more.
    pub fn is_past(&self, now: Duration) -> bool {
        now.saturating_sub(self.last) >= WELL_AFTER + self.pause()
    }

    pub fn in_a_row(&self) -> u32 {
        self.in_a_row
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seconds(count: u64) -> Duration {
        Duration::from_secs(count)
    }

    #[test]
    fn pauses_double_until_the_breaker_opens_and_calm_heals() {
        let mut crashes = Crashes::default();
        let mut now = seconds(10);
        let mut pauses = Vec::new();
        for _ in 0..6 {
            assert!(!crashes.is_open(now));
            crashes.note(now);
            pauses.push(crashes.rests(now).as_millis());
            now += crashes.rests(now);
        }
        assert_eq!(pauses, [100, 200, 400, 800, 60_000, 60_000]);
        // Failed on its first try after the pause: open again at once.
        crashes.note(now);
        assert!(crashes.is_open(now) && crashes.is_open(now + seconds(59)));
        assert!(!crashes.is_open(now + seconds(60)));

        now += seconds(60) + seconds(60);
        crashes.note(now);
        assert_eq!(
            (crashes.in_a_row(), crashes.rests(now).as_millis()),
            (1, 100)
        );
    }
}
