//! IPv4: `10.1.2.3/8`; for a cidr also `10.1` and `0x0a01`.

use super::super::Inet;
use super::{decimal, write_decimal};
use crate::value::text::hex_digit;

const OCTETS: usize = 4;

/// The octets in the order they were written.
struct Octets {
    taken: [u8; OCTETS],
    count: usize,
}

impl Octets {
    fn new() -> Octets {
        Octets {
            taken: [0; OCTETS],
            count: 0,
        }
    }

    /// `None`: a fifth one.
    fn push(&mut self, octet: u8) -> Option<()> {
        *self.taken.get_mut(self.count)? = octet;
        self.count += 1;
        Some(())
    }

    fn prefixed(&self, bits: u8) -> Option<Inet> {
        Inet::new(false, u128::from(u32::from_be_bytes(self.taken)), bits)
    }
}

fn octet(bytes: &[u8]) -> Option<(u8, &[u8])> {
    let (number, rest) = decimal(bytes, 255)?;
    Some((u8::try_from(number).ok()?, rest))
}

/// The `/24` that may end the text; `None` inside: there is nothing.
fn prefix(rest: &[u8]) -> Option<Option<u8>> {
    match rest {
        [] => Some(None),
        [b'/', digits @ ..] => match decimal(digits, 32)? {
            (bits, []) => Some(Some(u8::try_from(bits).ok()?)),
            _ => None,
        },
        _ => None,
    }
}

/// The input of inet: all octets, unless a prefix says that fewer are enough.
pub(super) fn parse_address(bytes: &[u8]) -> Option<Inet> {
    let mut octets = Octets::new();
    let mut rest = bytes;
    while rest.first().is_some_and(u8::is_ascii_digit) {
        let (number, after) = octet(rest)?;
        octets.push(number)?;
        rest = after;
        match rest {
            // Nothing needs to follow the dot.
            [b'.', after @ ..] => rest = after,
            [] | [b'/', ..] => break,
            _ => return None,
        }
    }
    if octets.count == 0 {
        return None;
    }
    let bits = match prefix(rest)? {
        Some(bits) => bits,
        None if octets.count == OCTETS => 32,
        None => return None,
    };
    if usize::from(bits / 8) > octets.count {
        return None;
    }
    octets.prefixed(bits)
}

/// The input of cidr: as many octets as one likes; without a prefix it has the
/// one of its class, or of its octets.
pub(super) fn parse_network(bytes: &[u8]) -> Option<Inet> {
    let mut octets = Octets::new();
    let rest = match bytes {
        [b'0', b'x' | b'X', digits @ ..] if digits.first().is_some_and(u8::is_ascii_hexdigit) => {
            hexadecimal(digits, &mut octets)?
        }
        _ => decimals(bytes, &mut octets)?,
    };
    let bits = match prefix(rest)? {
        Some(bits) => bits,
        None => class_bits(&octets)?,
    };
    octets.prefixed(bits)
}

fn hexadecimal<'a>(mut digits: &'a [u8], octets: &mut Octets) -> Option<&'a [u8]> {
    while let Some((high, after)) = digits
        .split_first()
        .and_then(|(digit, after)| Some((hex_digit(*digit)?, after)))
    {
        digits = after;
        let low = digits.split_first();
        let low = low.and_then(|(digit, after)| Some((hex_digit(*digit)?, after)));
        // A digit without a second one is the upper half.
        let (low, after) = low.unwrap_or((0, digits));
        octets.push(high << 4 | low)?;
        digits = after;
    }
    Some(digits)
}

fn decimals<'a>(bytes: &'a [u8], octets: &mut Octets) -> Option<&'a [u8]> {
    let mut rest = bytes;
    loop {
        let (number, after) = octet(rest)?;
        octets.push(number)?;
        match after {
            [] | [b'/', ..] => return Some(after),
            [b'.', after @ ..] => rest = after,
            _ => return None,
        }
    }
}

/// The prefix of a network's class, or of as many octets as there are if they are more.
fn class_bits(octets: &Octets) -> Option<u8> {
    let [first, ..] = octets.taken;
    let class = match first {
        240.. => 32,
        224.. => 8,
        192.. => 24,
        128.. => 16,
        _ => 8,
    };
    let bits = class.max(u8::try_from(octets.count * 8).ok()?);
    Some(if bits == 8 && first == 224 { 4 } else { bits })
}

pub(super) fn write(address: u128, out: &mut Vec<u8>) {
    for (at, shift) in [24, 16, 8, 0].into_iter().enumerate() {
        if at > 0 {
            out.push(b'.');
        }
        write_decimal((address >> shift) as u32 & 0xff, out);
    }
}

/// The octets that the prefix reaches.
pub(super) fn write_network(network: u128, bits: u8, out: &mut Vec<u8>) {
    let count = usize::from(bits.div_ceil(8));
    for (at, shift) in [24, 16, 8, 0].into_iter().enumerate().take(count.max(1)) {
        if at > 0 {
            out.push(b'.');
        }
        write_decimal((network >> shift) as u32 & 0xff, out);
    }
}
