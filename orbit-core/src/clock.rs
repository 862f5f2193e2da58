//! Time, injected: a wall clock, a monotonic clock, and the hybrid logical
//! clock built over them (Kulkarni et al., "Logical Physical Clocks", 2014).

use parking_lot::Mutex;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

pub trait Clock: Send + Sync + 'static {
    /// Microseconds since the Unix epoch. May jump either way.
    fn wall_micros(&self) -> i64;
    /// Never goes back.
    fn monotonic(&self) -> Duration;
    /// Waits until the monotonic clock has come so far.
    fn sleep_until(&self, monotonic: Duration) -> Sleep;
}

pub type Sleep = Pin<Box<dyn Future<Output = ()> + Send>>;

/// What `work` comes to, unless a time comes first.
pub async fn until<T>(
    clock: &dyn Clock,
    end: Duration,
    mut work: Pin<&mut impl Future<Output = T>>,
) -> Option<T> {
    // Most is done at once, and needs no timer.
    let first = poll_fn(|cx| Poll::Ready(work.as_mut().poll(cx))).await;
    if let Poll::Ready(done) = first {
        return Some(done);
    }
    let mut sleep = clock.sleep_until(end);
    poll_fn(|cx| match work.as_mut().poll(cx) {
        Poll::Ready(done) => Poll::Ready(Some(done)),
        Poll::Pending => sleep.as_mut().poll(cx).map(|()| None),
    })
    .await
}

#[derive(Debug)]
pub struct SystemClock {
    start: Instant,
}

impl Default for SystemClock {
    fn default() -> Self {
        SystemClock {
            start: Instant::now(),
        }
    }
}

impl Clock for SystemClock {
    fn wall_micros(&self) -> i64 {
        match SystemTime::now().duration_since(UNIX_EPOCH) {
            Ok(since) => i64::try_from(since.as_micros()).unwrap_or(i64::MAX),
            Err(before) => -i64::try_from(before.duration().as_micros()).unwrap_or(i64::MAX),
        }
    }

    fn monotonic(&self) -> Duration {
        self.start.elapsed()
    }

    fn sleep_until(&self, monotonic: Duration) -> Sleep {
        let end = self.start.checked_add(monotonic);
        Box::pin(async move {
            match end {
                Some(end) => tokio::time::sleep_until(end.into()).await,
                None => std::future::pending().await,
            }
        })
    }
}

/// A clock that stands still until it is told otherwise.
#[derive(Debug, Default)]
pub struct SimClock {
    wall_micros: AtomicU64,
    monotonic_micros: AtomicU64,
    sleepers: Arc<Mutex<Vec<Sleeper>>>,
}

#[derive(Debug)]
struct Sleeper {
    until: Duration,
    is_over: bool,
    waker: Option<Waker>,
    nth: u64,
}

impl SimClock {
    pub fn at(wall_micros: i64) -> SimClock {
        SimClock {
            wall_micros: AtomicU64::new(wall_micros.cast_unsigned()),
            ..SimClock::default()
        }
    }

    pub fn pass(&self, time: Duration) {
        let micros = u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
        self.wall_micros.fetch_add(micros, Ordering::SeqCst);
        self.monotonic_micros.fetch_add(micros, Ordering::SeqCst);
        let now = self.monotonic();
        let mut sleepers = self.sleepers.lock();
        for sleeper in sleepers.iter_mut().filter(|one| one.until <= now) {
            sleeper.is_over = true;
            if let Some(waker) = sleeper.waker.take() {
                waker.wake();
            }
        }
    }

    /// When the next sleeper wakes, for who lets time pass.
    pub fn next_waking(&self) -> Option<Duration> {
        let sleepers = self.sleepers.lock();
        let waiting = sleepers.iter().filter(|one| !one.is_over);
        waiting.map(|one| one.until).min()
    }

    /// Moves the wall clock alone, as an operator or a bad RTC would.
    pub fn set_wall(&self, wall_micros: i64) {
        self.wall_micros
            .store(wall_micros.cast_unsigned(), Ordering::SeqCst);
    }
}

impl Clock for SimClock {
    fn wall_micros(&self) -> i64 {
        self.wall_micros.load(Ordering::SeqCst).cast_signed()
    }

    fn monotonic(&self) -> Duration {
        Duration::from_micros(self.monotonic_micros.load(Ordering::SeqCst))
    }

    fn sleep_until(&self, monotonic: Duration) -> Sleep {
        let mut sleepers = self.sleepers.lock();
        let nth = sleepers.last().map_or(0, |last| last.nth + 1);
        sleepers.push(Sleeper {
            until: monotonic,
            is_over: monotonic <= self.monotonic(),
            waker: None,
            nth,
        });
        let sleepers = self.sleepers.clone();
        Box::pin(SimSleep { sleepers, nth })
    }
}

/// A wait of [`SimClock`]'s; forgotten when dropped.
struct SimSleep {
    sleepers: Arc<Mutex<Vec<Sleeper>>>,
    nth: u64,
}

impl Future for SimSleep {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let mut sleepers = self.sleepers.lock();
        match sleepers.iter_mut().find(|one| one.nth == self.nth) {
            Some(sleeper) if !sleeper.is_over => {
                sleeper.waker = Some(cx.waker().clone());
                Poll::Pending
            }
            _ => Poll::Ready(()),
        }
    }
}

impl Drop for SimSleep {
    fn drop(&mut self) {
        self.sleepers.lock().retain(|one| one.nth != self.nth);
    }
}

/// 48 bits of milliseconds since 1970, 16 bits of counter. Orders every commit
/// of a node, and is the node's read position too.
#[derive(
    Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default, serde::Serialize, serde::Deserialize,
)]
pub struct Hlc(pub u64);

impl Hlc {
    pub const ZERO: Hlc = Hlc(0);
    pub const MAX: Hlc = Hlc(u64::MAX);

    pub fn from_millis(millis: u64) -> Hlc {
        Hlc(millis << 16)
    }

    pub fn millis(self) -> u64 {
        self.0 >> 16
    }

    pub fn counter(self) -> u16 {
        (self.0 & 0xffff) as u16
    }
}

impl std::fmt::Debug for Hlc {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{}", self.millis(), self.counter())
    }
}

/// Gives out strictly rising times, whatever the wall clock does.
pub struct HlcClock {
    clock: Arc<dyn Clock>,
    last: Mutex<Hlc>,
}

impl HlcClock {
    /// `last` is the highest time this node is known to have used.
    pub fn new(clock: Arc<dyn Clock>, last: Hlc) -> HlcClock {
        HlcClock {
            clock,
            last: Mutex::new(last),
        }
    }

    pub fn tick(&self) -> Hlc {
        let now = Hlc::from_millis(u64::try_from(self.clock.wall_micros() / 1000).unwrap_or(0));
        let mut last = self.last.lock();
        // A full counter carries into the milliseconds: still rising, at most
        // one millisecond ahead per 65,536 commits.
        *last = now.max(Hlc(last.0.saturating_add(1)));
        *last
    }

    /// Another site's time was met: own times are later from now on.
    pub fn observe(&self, met: Hlc) {
        let mut last = self.last.lock();
        *last = met.max(*last);
    }

    pub fn last(&self) -> Hlc {
        *self.last.lock()
    }

    pub fn clock(&self) -> &Arc<dyn Clock> {
        &self.clock
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rises_while_the_wall_clock_stands_jumps_and_falls() {
        let wall = Arc::new(SimClock::at(1_000_000));
        let hlc = HlcClock::new(wall.clone(), Hlc::ZERO);
        let mut last = Hlc::ZERO;
        for step in 0..200_000u64 {
            match step {
                70_000 => wall.set_wall(5_000_000),
                140_000 => wall.set_wall(-1),
                _ => {}
            }
            let now = hlc.tick();
            assert!(now > last, "{now:?} after {last:?}");
            last = now;
        }
    }

    #[test]
    fn continues_above_the_highest_time_ever_used() {
        let used = Hlc::from_millis(u64::MAX >> 20);
        let hlc = HlcClock::new(Arc::new(SimClock::at(0)), used);
        assert!(hlc.tick() > used);
    }
}
