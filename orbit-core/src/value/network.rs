//! What `inet` and `cidr` hold: an address of the Internet and the length of its network's prefix.

mod bytes;
#[cfg(test)]
mod tests;
mod text;

pub use text::abbreviated;

use std::cmp::Ordering;

/// An address with its prefix's length. A `cidr` has no bits set behind the prefix.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Inet {
    is_v6: bool,
    bits: u8,
    /// The address as a number; of IPv4 it has 32 bits.
    address: u128,
}

impl Inet {
    /// `None`: a prefix longer than the address, or an address of IPv4 that isn't one.
    pub fn new(is_v6: bool, address: u128, bits: u8) -> Option<Inet> {
        let inet = Inet {
            is_v6,
            bits,
            address,
        };
        (bits <= inet.max_bits() && (is_v6 || address <= u128::from(u32::MAX))).then_some(inet)
    }

    pub fn is_v6(&self) -> bool {
        self.is_v6
    }

    pub fn address(&self) -> u128 {
        self.address
    }

    /// The length of the prefix.
    pub fn bits(&self) -> u8 {
        self.bits
    }

    /// The bits of a whole address: 32 or 128.
    pub fn max_bits(&self) -> u8 {
        if self.is_v6 { 128 } else { 32 }
    }

    /// The bits behind a prefix of this length, set.
    fn host_mask_of(&self, bits: u8) -> u128 {
        let behind = u32::from(self.max_bits().saturating_sub(bits));
        u128::MAX.checked_shr(128 - behind).unwrap_or(0)
    }

    /// The bits behind the prefix, set.
    pub fn host_mask(&self) -> u128 {
        self.host_mask_of(self.bits)
    }

    /// The bits of the prefix, set.
    pub fn net_mask(&self) -> u128 {
        self.host_mask_of(0) & !self.host_mask()
    }

    /// The address without the bits behind the prefix.
    pub fn network(&self) -> u128 {
        self.address & !self.host_mask()
    }

    /// Whether no bits are set behind the prefix, as in every `cidr`.
    pub fn is_network(&self) -> bool {
        self.address & self.host_mask() == 0
    }

    /// What `cidr` makes of it.
    pub fn to_network(&self) -> Inet {
        Inet {
            address: self.network(),
            ..*self
        }
    }

    /// The same family and prefix with another address; bits that it can't have are cut off.
    pub fn with_address(&self, address: u128) -> Inet {
        Inet {
            address: address & self.host_mask_of(0),
            ..*self
        }
    }

    /// The same address with another prefix; `None`: the address isn't that long.
    pub fn with_bits(&self, bits: u8) -> Option<Inet> {
        Inet::new(self.is_v6, self.address, bits)
    }

    /// Whether the first `bits` bits are the same. The families must be.
    pub fn shares(&self, other: &Inet, bits: u8) -> bool {
        (self.address ^ other.address) & !self.host_mask_of(bits) == 0
    }

    /// How many bits from the first one on are the same, at most those of the shorter prefix.
    pub fn common_bits(&self, other: &Inet) -> u8 {
        let padding = 128 - u32::from(self.max_bits());
        let same = (self.address ^ other.address).leading_zeros() - padding;
        let same = u8::try_from(same).unwrap_or(u8::MAX);
        same.min(self.bits).min(other.bits)
    }
}

/// As `network_cmp` of PostgreSQL's network.c: family, the bits of the shorter
/// prefix, the prefixes' lengths, all bits.
impl Ord for Inet {
    fn cmp(&self, other: &Inet) -> Ordering {
        let bits = self.bits.min(other.bits);
        let head = |inet: &Inet| inet.address & !inet.host_mask_of(bits);
        self.is_v6
            .cmp(&other.is_v6)
            .then_with(|| head(self).cmp(&head(other)))
            .then_with(|| self.bits.cmp(&other.bits))
            .then_with(|| self.address.cmp(&other.address))
    }
}

impl PartialOrd for Inet {
    fn partial_cmp(&self, other: &Inet) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}
