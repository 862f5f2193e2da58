//! Failed logins are counted by the address they come from and by the role they
//! are for, and each counts against the next: after a few free ones the wait
//! doubles with every failure. Whoever doesn't wait is refused unheard, and told
//! the same whether the role is there or not.
//!
//! Memory is bounded: the longest unheard of are forgotten first.

use ahash::RandomState;
use lru::LruCache;
use parking_lot::Mutex;
use std::hash::Hash;
use std::net::{IpAddr, Ipv6Addr};
use std::num::NonZeroUsize;
use std::time::{Duration, Instant};

/// Addresses, and as many roles, that are remembered.
const REMEMBERED: NonZeroUsize = NonZeroUsize::new(8192).unwrap();
/// Failures that cost nothing: typing errors.
const FREE: u32 = 3;
const FIRST_WAIT: Duration = Duration::from_millis(250);
const LONGEST_FOR_ADDRESS: Duration = Duration::from_secs(60);
/// Short, for strangers must not be able to lock a role's owner out.
const LONGEST_FOR_ROLE: Duration = Duration::from_secs(4);
/// After so long without a failure all is forgiven.
const FORGIVEN_AFTER: Duration = Duration::from_secs(600);

#[derive(Clone, Copy)]
struct Failures {
    count: u32,
    last: Instant,
    longest: Duration,
}

impl Failures {
    /// Until when nobody is heard.
    fn until(&self) -> Instant {
        let Some(doublings) = self.count.checked_sub(FREE + 1) else {
            return self.last;
        };
        let wait = FIRST_WAIT.saturating_mul(1 << doublings.min(16));
        self.last + wait.min(self.longest)
    }
}

pub struct Attempts {
    addresses: Mutex<LruCache<IpAddr, Failures, RandomState>>,
    roles: Mutex<LruCache<String, Failures, RandomState>>,
}

impl Attempts {
    pub fn new() -> Attempts {
        let random = RandomState::new;
        Attempts {
            addresses: Mutex::new(LruCache::with_hasher(REMEMBERED, random())),
            roles: Mutex::new(LruCache::with_hasher(REMEMBERED, random())),
        }
    }

    /// How long this address or role must still wait; `None`: it may try now.
    pub fn wait(&self, address: IpAddr, role: &str, now: Instant) -> Option<Duration> {
        let left = |failures: Option<&Failures>| {
            let failures = failures?;
            failures.until().checked_duration_since(now)
        };
        let address = left(self.addresses.lock().peek(&network(address)));
        let role = left(self.roles.lock().peek(role));
        address.max(role).filter(|wait| !wait.is_zero())
    }

    pub fn failed(&self, address: IpAddr, role: &str, now: Instant) {
        let mut addresses = self.addresses.lock();
        count(&mut addresses, network(address), LONGEST_FOR_ADDRESS, now);
        let mut roles = self.roles.lock();
        count(&mut roles, role.to_owned(), LONGEST_FOR_ROLE, now);
    }

    /// The right password clears the role, not the address: an attacker with a
    /// role of his own must not start afresh by logging in.
    pub fn succeeded(&self, role: &str) {
        self.roles.lock().pop(role);
    }
}

fn count<K: Hash + Eq>(
    known: &mut LruCache<K, Failures, RandomState>,
    key: K,
    longest: Duration,
    now: Instant,
) {
    let fresh = Failures {
        count: 0,
        last: now,
        longest,
    };
    let before = known.get(&key).copied().unwrap_or(fresh);
    let quiet = now.saturating_duration_since(before.last);
    let count = match quiet > FORGIVEN_AFTER {
        true => 1,
        false => before.count.saturating_add(1),
    };
    known.put(key, Failures { count, ..fresh });
}

/// One client may have a whole IPv6 network to itself.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from_bits(
            address.to_bits() & !u128::from(u64::MAX),
        )),
        v4 => v4,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOME: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(10, 0, 0, 1));
    const AWAY: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(10, 0, 0, 2));

    #[test]
    fn waits_double_up_to_a_bound_and_are_forgiven() {
        let attempts = Attempts::new();
        let mut now = Instant::now();
        for _ in 0..FREE {
            attempts.failed(HOME, "ada", now);
        }
        assert_eq!(attempts.wait(HOME, "ada", now), None);
        attempts.failed(HOME, "ada", now);
        assert_eq!(attempts.wait(HOME, "ada", now), Some(FIRST_WAIT));
        assert_eq!(attempts.wait(HOME, "bob", now), Some(FIRST_WAIT));
        assert_eq!(attempts.wait(AWAY, "ada", now), Some(FIRST_WAIT));
        assert_eq!(attempts.wait(AWAY, "bob", now), None);
        attempts.failed(HOME, "ada", now);
        assert_eq!(attempts.wait(HOME, "ada", now), Some(FIRST_WAIT * 2));
        for _ in 0..100 {
            attempts.failed(HOME, "ada", now);
        }
        assert_eq!(attempts.wait(HOME, "bob", now), Some(LONGEST_FOR_ADDRESS));
        assert_eq!(attempts.wait(AWAY, "ada", now), Some(LONGEST_FOR_ROLE));
        attempts.succeeded("ada");
        assert_eq!(attempts.wait(AWAY, "ada", now), None);
        assert_eq!(attempts.wait(HOME, "ada", now), Some(LONGEST_FOR_ADDRESS));
        now += FORGIVEN_AFTER + LONGEST_FOR_ADDRESS;
        assert_eq!(attempts.wait(HOME, "ada", now), None);
        attempts.failed(HOME, "ada", now);
        assert_eq!(attempts.wait(HOME, "ada", now), None);
    }

    #[test]
    fn a_network_of_addresses_counts_as_one_and_memory_is_bounded() {
        let attempts = Attempts::new();
        let now = Instant::now();
        for n in 0..20_000_u16 {
            let address = IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, n));
            attempts.failed(address, &format!("role{n}"), now);
        }
        assert_eq!(attempts.addresses.lock().len(), 1);
        assert_eq!(attempts.roles.lock().len(), REMEMBERED.get());
    }
}
