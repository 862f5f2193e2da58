//! A stream of integers in few bytes: as they are or as the differences of neighbours,
//! whichever is smaller, less the least, divided by what divides them all, byte plane by
//! byte plane. What regularity is left in the planes a compressor finds.
//!
//! ```text
//! kind u8 (0 values, 1 differences) | planes u8 | first i64 | least i64 | step u64
//! | the lowest byte of each, then the second of each, ...
//! ```
//!
//! All arithmetic wraps, so any values come back.

use super::cut_short;
use crate::error::{Error, Result};

const VALUES: u8 = 0;
const DIFFERENCES: u8 = 1;
const HEAD_BYTES: usize = 26;

/// What a stream is reduced to.
struct Reduced {
    least: i64,
    step: u64,
    quotients: Vec<u64>,
}

impl Reduced {
    /// Of the largest quotient: the byte planes.
    fn planes(&self) -> usize {
        let most = self
            .quotients
            .iter()
            .fold(0, |most, quotient| most | quotient);
        (u64::BITS - most.leading_zeros()).div_ceil(8) as usize
    }

    /// Of all quotients together: what tells streams of the same planes apart.
    fn bits(&self) -> u64 {
        let bits = |quotient: &u64| u64::from(u64::BITS - quotient.leading_zeros());
        self.quotients.iter().map(bits).sum()
    }
}

fn reduce(values: impl Iterator<Item = i64> + Clone) -> Reduced {
    let least = values.clone().min().unwrap_or(0);
    let mut quotients: Vec<u64> = values
        .map(|value| value.wrapping_sub(least).cast_unsigned())
        .collect();
    let mut step = 0;
    for above in &quotients {
        // One that the step divides leaves it as it is, which is the rule.
        if step == 0 || above % step != 0 {
            step = greatest_common_divisor(*above, step);
        }
        if step == 1 {
            break;
        }
    }
    let step = step.max(1);
    if step > 1 {
        for quotient in &mut quotients {
            *quotient /= step;
        }
    }
    Reduced {
        least,
        step,
        quotients,
    }
}

/// Values looked at to choose between a stream's forms.
const SAMPLE: usize = 256;

fn greatest_common_divisor(mut one: u64, mut other: u64) -> u64 {
    while other != 0 {
        (one, other) = (other, one % other);
    }
    one
}

fn differences(values: &[i64]) -> impl Iterator<Item = i64> + Clone {
    values.windows(2).map(|pair| pair[1].wrapping_sub(pair[0]))
}

pub fn put(values: &[i64], out: &mut Vec<u8>) {
    let sample = &values[..values.len().min(SAMPLE)];
    let plain = reduce(sample.iter().copied());
    let stepwise = reduce(differences(sample));
    let (kind, reduced) = match stepwise.bits() < plain.bits() {
        true => (DIFFERENCES, reduce(differences(values))),
        false => (VALUES, reduce(values.iter().copied())),
    };
    let planes = reduced.planes();
    out.push(kind);
    out.push(planes as u8);
    out.extend_from_slice(&values.first().copied().unwrap_or(0).to_le_bytes());
    out.extend_from_slice(&reduced.least.to_le_bytes());
    out.extend_from_slice(&reduced.step.to_le_bytes());
    for plane in 0..planes {
        let quotients = reduced.quotients.iter();
        out.extend(quotients.map(|quotient| (quotient >> (8 * plane)) as u8));
    }
}

/// Takes a stream of `count` off the front.
pub fn take(bytes: &mut &[u8], count: usize) -> Result<Vec<i64>> {
    let (head, rest) = bytes
        .split_first_chunk::<HEAD_BYTES>()
        .ok_or_else(cut_short)?;
    let (kind, planes) = (head[0], usize::from(head[1]));
    let word = |at: usize| {
        let mut word = [0; 8];
        word.copy_from_slice(&head[at..at + 8]);
        u64::from_le_bytes(word)
    };
    let (first, least, step) = (word(2).cast_signed(), word(10).cast_signed(), word(18));
    if kind > DIFFERENCES || planes > 8 {
        return Err(Error::corrupted(
            "a stream of integers is of an unknown kind",
        ));
    }
    let stored = match kind {
        DIFFERENCES => count.saturating_sub(1),
        _ => count,
    };
    let length = stored.checked_mul(planes).ok_or_else(cut_short)?;
    let (data, rest) = rest.split_at_checked(length).ok_or_else(cut_short)?;
    *bytes = rest;
    let of = |quotient: u64| least.wrapping_add(quotient.wrapping_mul(step).cast_signed());
    let skipped = count - stored;
    let mut values = Vec::with_capacity(count);
    values.resize(skipped, first);
    join_planes(data, stored, of, &mut values);
    if kind == DIFFERENCES {
        let mut last = first;
        for value in values.iter_mut().skip(skipped) {
            last = last.wrapping_add(*value);
            *value = last;
        }
    }
    Ok(values)
}

/// Appends what becomes of `count` quotients, whose bytes lie plane by plane.
fn join_planes(data: &[u8], count: usize, of: impl Fn(u64) -> i64, values: &mut Vec<i64>) {
    let mut planes = data.chunks_exact(count.max(1));
    let wide = |byte: &u8| u64::from(*byte);
    // Few planes are the rule, and one pass over them is several times as fast.
    match (planes.len(), planes.next(), planes.next()) {
        (1, Some(low), _) => values.extend(low.iter().map(|low| of(wide(low)))),
        (2, Some(low), Some(high)) => {
            let pairs = low.iter().zip(high);
            values.extend(pairs.map(|(low, high)| of(wide(low) | wide(high) << 8)));
        }
        _ => {
            let mut quotients = vec![0u64; count];
            for (at, plane) in data.chunks_exact(count.max(1)).enumerate() {
                for (quotient, byte) in quotients.iter_mut().zip(plane) {
                    *quotient |= wide(byte) << (8 * at);
                }
            }
            values.extend(quotients.into_iter().map(of));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn size_of(values: &[i64]) -> usize {
        let mut out = Vec::new();
        put(values, &mut out);
        let mut bytes = out.as_slice();
        assert_eq!(take(&mut bytes, values.len()).unwrap(), values);
        assert!(bytes.is_empty());
        out.len() - HEAD_BYTES
    }

    #[test]
    fn what_is_regular_takes_nothing() {
        assert_eq!(size_of(&[]), 0);
        assert_eq!(size_of(&[7; 1000]), 0);
        let steps: Vec<i64> = (0..1000).map(|at| 5 + at * 1_000_000).collect();
        assert_eq!(size_of(&steps), 0);
    }

    #[test]
    fn a_common_step_is_taken_out() {
        // Milliseconds kept as microseconds, around one second each.
        let moments: Vec<i64> = (0..1000)
            .map(|at| at * 1_000_000 + at * 7919 % 13 * 1000)
            .collect();
        assert_eq!(size_of(&moments), 999);
    }

    proptest! {
        #[test]
        fn all_values_come_back(values in proptest::collection::vec(any::<i64>(), 0..50)) {
            size_of(&values);
        }

        #[test]
        fn small_values_come_back(
            bytes in proptest::collection::vec(-100..100i64, 0..50),
            words in proptest::collection::vec(-30_000..30_000i64, 0..50),
        ) {
            size_of(&bytes);
            size_of(&words);
        }

        #[test]
        fn cut_streams_are_errors(values in proptest::collection::vec(0..100_000i64, 2..50), cut in 1usize..30) {
            let mut out = Vec::new();
            put(&values, &mut out);
            let kept = out.len().saturating_sub(cut);
            prop_assert!(take(&mut &out[..kept], values.len()).is_err());
        }
    }
}
