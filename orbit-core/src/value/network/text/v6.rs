//! IPv6: `2001:db8::1/64`, `::ffff:1.2.3.4`.

use super::super::Inet;
use super::{v4, write_decimal};
use crate::value::text::hex_digit;

const WORDS: usize = 8;

/// What has been read of an address.
struct Reading {
    /// The words, the last ones missing.
    words: [u16; WORDS],
    count: usize,
    /// Before which word zeros were left out.
    gap: Option<usize>,
}

impl Reading {
    fn push(&mut self, word: u16) -> Option<()> {
        *self.words.get_mut(self.count)? = word;
        self.count += 1;
        Some(())
    }

    /// With the zeros that `::` stands for.
    fn address(&self) -> Option<u128> {
        let missing = WORDS.checked_sub(self.count)?;
        let gap = match self.gap {
            Some(_) if missing == 0 => return None,
            Some(gap) => gap,
            None if missing > 0 => return None,
            None => self.count,
        };
        let head = self.words.iter().take(gap);
        let zeros = std::iter::repeat_n(&0u16, missing);
        let tail = self.words.iter().take(self.count).skip(gap);
        let words = head.chain(zeros).chain(tail);
        Some(words.fold(0u128, |all, word| all << 16 | u128::from(*word)))
    }
}

pub(super) fn parse(bytes: &[u8]) -> Option<Inet> {
    let mut rest = match bytes {
        [b':', after @ ..] if after.first() == Some(&b':') => after,
        [b':', ..] => return None,
        _ => bytes,
    };
    let mut reading = Reading {
        words: [0; WORDS],
        count: 0,
        gap: None,
    };
    // Where the word that is being read began.
    let mut start = rest;
    let mut word = 0u16;
    let mut digits = 0;
    let mut bits = 128;
    while let Some((&byte, after)) = rest.split_first() {
        rest = after;
        if let Some(digit) = hex_digit(byte) {
            digits += 1;
            if digits > 4 {
                return None;
            }
            word = word << 4 | u16::from(digit);
            continue;
        }
        match byte {
            b':' if digits == 0 => {
                if reading.gap.is_some() {
                    return None;
                }
                reading.gap = Some(reading.count);
            }
            b':' => {
                if after.is_empty() {
                    return None;
                }
                reading.push(word)?;
                (word, digits) = (0, 0);
            }
            b'.' => {
                let (octets, prefix) = embedded(start)?;
                let [a, b, c, d] = octets;
                reading.push(u16::from_be_bytes([a, b]))?;
                reading.push(u16::from_be_bytes([c, d]))?;
                bits = prefix.unwrap_or(128);
                digits = 0;
                break;
            }
            b'/' => {
                bits = prefix_length(after)?;
                break;
            }
            _ => return None,
        }
        start = after;
    }
    if digits > 0 {
        reading.push(word)?;
    }
    Inet::new(true, reading.address()?, bits)
}

/// A number without leading zeros, at most `most`, that is all of `bytes`.
fn exact(bytes: &[u8], most: u32) -> Option<u8> {
    if bytes.len() > 1 && bytes.first() == Some(&b'0') {
        return None;
    }
    match super::decimal(bytes, most)? {
        (number, []) => u8::try_from(number).ok(),
        _ => None,
    }
}

fn prefix_length(bytes: &[u8]) -> Option<u8> {
    exact(bytes, 128)
}

/// An address of IPv4 at the end, and the prefix behind it. PostgreSQL takes octets that are
/// missing for zeros, and an empty one too where another follows.
fn embedded(bytes: &[u8]) -> Option<([u8; 4], Option<u8>)> {
    let (octets, prefix) = match bytes.iter().position(|byte| *byte == b'/') {
        Some(at) => (bytes.get(..at)?, Some(prefix_length(bytes.get(at + 1..)?)?)),
        None => (bytes, None),
    };
    let mut taken = [0u8; 4];
    let parts = octets.split(|byte| *byte == b'.');
    let count = parts.clone().count();
    for (at, part) in parts.enumerate() {
        let may_be_empty = at + 1 < count || prefix.is_some();
        *taken.get_mut(at)? = match part {
            [] if may_be_empty => 0,
            part => exact(part, 255)?,
        };
    }
    Some((taken, prefix))
}

fn words(address: u128) -> [u16; WORDS] {
    let mut words = [0; WORDS];
    for (at, word) in words.iter_mut().rev().enumerate() {
        *word = (address >> (16 * at)) as u16;
    }
    words
}

fn write_word(word: u16, out: &mut Vec<u8>) {
    use std::io::Write as _;
    // A vector takes everything.
    let _ = write!(out, "{word:x}");
}

pub(super) fn write(address: u128, out: &mut Vec<u8>) {
    let words = words(address);
    let (base, length) = longest_zeros(&words);
    let [.., sixth, _, last] = words;
    let is_v4 = base == 0
        && (length == 6 || (length == 7 && last != 1) || (length == 5 && sixth == 0xffff));
    for (at, word) in words.iter().enumerate() {
        if length > 0 && (base..base + length).contains(&at) {
            if at == base {
                out.push(b':');
            }
            continue;
        }
        if at != 0 {
            out.push(b':');
        }
        if at == 6 && is_v4 {
            v4::write(address & u128::from(u32::MAX), out);
            return;
        }
        write_word(*word, out);
    }
    if length > 0 && base + length == WORDS {
        out.push(b':');
    }
}

/// The first one of the longest runs of zeros, of two at least: where, and how many.
fn longest_zeros(words: &[u16; WORDS]) -> (usize, usize) {
    let mut best = (0, 0);
    let mut current = (0, 0);
    for (at, word) in words.iter().enumerate() {
        if *word != 0 {
            current = (0, 0);
            continue;
        }
        if current.1 == 0 {
            current.0 = at;
        }
        current.1 += 1;
        if current.1 > best.1 {
            best = current;
        }
    }
    if best.1 < 2 { (0, 0) } else { best }
}

/// The words that the prefix reaches, as `inet_cidr_ntop_ipv6` writes them: its run of
/// zeros is not ended by other words unless it is the longest so far.
pub(super) fn write_network(network: u128, bits: u8, out: &mut Vec<u8>) {
    if bits == 0 {
        out.extend_from_slice(b"::");
        return;
    }
    let words = words(network);
    let count = usize::from(bits.div_ceil(16)).max(2);
    let (base, length) = run_of_network(&words, count);
    let [.., sixth, _, last] = words;
    let [before_last, last_octet] = last.to_be_bytes();
    let is_v4 = length != count
        && base == 0
        && (length == 6
            || (length == 5 && sixth == 0xffff)
            || (length == 7 && before_last != 0 && last_octet != 1));
    let start = out.len();
    for (at, word) in words.iter().enumerate().take(count) {
        if length > 0 && (base..base + length).contains(&at) {
            if at == base {
                out.push(b':');
            }
            if at + 1 == count {
                out.push(b':');
            }
            continue;
        }
        let [high, low] = word.to_be_bytes();
        if is_v4 && at > 5 {
            out.push(if at == 6 { b':' } else { b'.' });
            write_decimal(u32::from(high), out);
            // The last octet can be left out.
            if at != 7 || bits > 120 {
                out.push(b'.');
                write_decimal(u32::from(low), out);
            }
        } else {
            if out.len() > start {
                out.push(b':');
            }
            write_word(*word, out);
        }
    }
}

fn run_of_network(words: &[u16; WORDS], count: usize) -> (usize, usize) {
    let mut best = (0, 0);
    let mut current = (0, 0);
    for (at, word) in words.iter().enumerate().take(count) {
        if *word == 0 {
            if current.1 == 0 {
                current.0 = at;
            }
            current.1 += 1;
        } else if current.1 > best.1 {
            best = current;
            current.1 = 0;
        }
    }
    if current.1 > best.1 { current } else { best }
}
