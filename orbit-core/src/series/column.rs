//! One column of a block: the bytes that its rows' slots hold, so that the rows come back
//! as they were, in the form that is smallest.
//!
//! ```text
//! nulls u8 | [bitmap] | form u8 |
//!   1 integers     stream
//!   2 decimals     digits u8 | stream             floats that are k / 10^digits
//!   3 fixed        the first byte of each, then the second of each, ...
//!   4 words        stream of lengths | bytes
//!   5 dictionary   words u32 | stream of lengths | bytes | stream of places
//! ```
//!
//! A NULL repeats what stood before it. "stream": [`super::ints`]. The whole is packed
//! with zstd where that makes it smaller.

use super::{cut_short, ints};
use crate::error::{Error, Result};
use crate::row::RowLayout;
use crate::types::SqlType;
use crate::value::ValueRef;
use parking_lot::Mutex;
use std::collections::HashMap;

const INTEGERS: u8 = 1;
const DECIMALS: u8 = 2;
const FIXED: u8 = 3;
const WORDS: u8 = 4;
const DICTIONARY: u8 = 5;

/// More digits than these behind the point make a float as long as it was.
const MAX_DIGITS: u8 = 9;
/// Up to here every integer is a float.
const MAX_EXACT: f64 = (1u64 << 53) as f64;
/// A dictionary has at most so many words, and one for every fourth row.
const MAX_WORDS: usize = 1024;
/// A column takes no more, packed or not: rows are cut into blocks well before.
const MAX_BYTES: usize = 1 << 30;

/// What a slot's bytes are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// Little endian, with a sign.
    Integer(usize),
    Float4,
    Float8,
    Fixed(usize),
    Variable,
}

impl Shape {
    pub fn of(sql_type: &SqlType) -> Shape {
        match (sql_type, sql_type.stored_width()) {
            (SqlType::Float4, _) => Shape::Float4,
            (SqlType::Float8, _) => Shape::Float8,
            (_, Some(width @ (1 | 2 | 4 | 8))) => Shape::Integer(width),
            (_, Some(width)) => Shape::Fixed(width),
            (_, None) => Shape::Variable,
        }
    }

    /// Of every slot of a layout.
    pub fn all(layout: &RowLayout) -> Vec<Shape> {
        let slots = 0..layout.slot_count();
        slots
            .map(|slot| layout.slot_type(slot).map_or(Shape::Variable, Shape::of))
            .collect()
    }
}

/// A column being filled.
pub struct Filling {
    shape: Shape,
    rows: usize,
    /// Empty while there is none.
    nulls: Vec<u8>,
    integers: Vec<i64>,
    bytes: Vec<u8>,
    ends: Vec<usize>,
}

fn integer(bytes: &[u8]) -> i64 {
    match bytes {
        [a] => i64::from(a.cast_signed()),
        [a, b] => i64::from(i16::from_le_bytes([*a, *b])),
        [a, b, c, d] => i64::from(i32::from_le_bytes([*a, *b, *c, *d])),
        [a, b, c, d, e, f, g, h] => i64::from_le_bytes([*a, *b, *c, *d, *e, *f, *g, *h]),
        _ => 0,
    }
}

impl Filling {
    pub fn new(shape: Shape) -> Filling {
        Filling {
            shape,
            rows: 0,
            nulls: Vec::new(),
            integers: Vec::new(),
            bytes: Vec::new(),
            ends: Vec::new(),
        }
    }

    /// The bytes of the next row's slot; `None`: NULL.
    #[inline]
    pub fn push(&mut self, bytes: Option<&[u8]>) {
        if bytes.is_none() || !self.nulls.is_empty() {
            self.nulls.resize(self.rows / 8 + 1, 0);
            if bytes.is_none() {
                self.nulls[self.rows / 8] |= 1 << (self.rows % 8);
            }
        }
        self.rows += 1;
        match self.shape {
            Shape::Integer(_) | Shape::Float4 | Shape::Float8 => {
                let before = self.integers.last().copied().unwrap_or(0);
                self.integers.push(bytes.map_or(before, integer));
            }
            Shape::Fixed(width) => match bytes {
                Some(bytes) if bytes.len() == width => self.bytes.extend_from_slice(bytes),
                _ => self.bytes.resize(self.bytes.len() + width, 0),
            },
            Shape::Variable => {
                self.bytes.extend_from_slice(bytes.unwrap_or_default());
                self.ends.push(self.bytes.len());
            }
        }
    }

    /// Appends the column as it is stored and begins anew.
    pub fn finish(&mut self, packer: &mut Packer, out: &mut Vec<u8>) -> Result<()> {
        let mut plain = std::mem::take(&mut packer.plain);
        plain.clear();
        match self.nulls.is_empty() {
            true => plain.push(0),
            false => {
                self.nulls.resize(self.rows.div_ceil(8), 0);
                plain.push(1);
                plain.extend_from_slice(&self.nulls);
            }
        }
        match self.shape {
            Shape::Integer(_) => {
                plain.push(INTEGERS);
                ints::put(&self.integers, &mut plain);
            }
            Shape::Float4 | Shape::Float8 => self.put_floats(&mut plain),
            Shape::Fixed(width) => {
                plain.push(FIXED);
                for at in 0..width {
                    plain.extend(self.bytes.iter().skip(at).step_by(width));
                }
            }
            Shape::Variable => self.put_words(&mut plain),
        }
        self.rows = 0;
        self.nulls.clear();
        self.integers.clear();
        self.bytes.clear();
        self.ends.clear();
        let packed = packer.pack(&plain, out);
        packer.plain = plain;
        packed
    }

    fn put_floats(&mut self, out: &mut Vec<u8>) {
        let decimals = match self.shape {
            Shape::Float4 => decimals_of(
                &self.integers,
                |bits| f64::from(f32::from_bits(bits as u32)),
                single,
            ),
            _ => decimals_of(
                &self.integers,
                |bits| f64::from_bits(bits.cast_unsigned()),
                double,
            ),
        };
        match decimals {
            Some((digits, scaled)) => {
                out.push(DECIMALS);
                out.push(digits);
                ints::put(&scaled, out);
            }
            None => {
                out.push(INTEGERS);
                ints::put(&self.integers, out);
            }
        }
    }

    fn word(&self, row: usize) -> &[u8] {
        let start = match row {
            0 => 0,
            row => self.ends[row - 1],
        };
        &self.bytes[start..self.ends[row]]
    }

    fn put_words(&self, out: &mut Vec<u8>) {
        let most = (self.rows / 4).clamp(1, MAX_WORDS);
        let mut known: HashMap<&[u8], i64, ahash::RandomState> = HashMap::default();
        let mut words: Vec<&[u8]> = Vec::new();
        let mut places = Vec::with_capacity(self.rows);
        for row in 0..self.rows {
            let word = self.word(row);
            let next = words.len() as i64;
            let place = *known.entry(word).or_insert(next);
            if place == next {
                words.push(word);
                if words.len() > most {
                    break;
                }
            }
            places.push(place);
        }
        let lengths =
            |words: &[&[u8]]| -> Vec<i64> { words.iter().map(|word| word.len() as i64).collect() };
        if words.len() <= most {
            out.push(DICTIONARY);
            out.extend_from_slice(&(words.len() as u32).to_le_bytes());
            ints::put(&lengths(&words), out);
            words.iter().for_each(|word| out.extend_from_slice(word));
            ints::put(&places, out);
        } else {
            out.push(WORDS);
            let all: Vec<&[u8]> = (0..self.rows).map(|row| self.word(row)).collect();
            ints::put(&lengths(&all), out);
            out.extend_from_slice(&self.bytes);
        }
    }
}

/// The bits of `scaled / 10^digits`, as the type has them.
fn double(scaled: i64, digits: u8) -> i64 {
    (scaled as f64 / 10f64.powi(i32::from(digits)))
        .to_bits()
        .cast_signed()
}

fn single(scaled: i64, digits: u8) -> i64 {
    let value = (scaled as f64 / 10f64.powi(i32::from(digits))) as f32;
    i64::from(value.to_bits().cast_signed())
}

/// The fewest digits by which all values are whole numbers, and these. `None`: they are
/// not, or would not come back bit by bit.
fn decimals_of(
    bits: &[i64],
    value_of: impl Fn(i64) -> f64,
    back: impl Fn(i64, u8) -> i64,
) -> Option<(u8, Vec<i64>)> {
    let scaled = |bits: i64, digits: u8| -> Option<i64> {
        let scaled = (value_of(bits) * 10f64.powi(i32::from(digits))).round();
        if !(scaled.abs() < MAX_EXACT) {
            return None;
        }
        let scaled = scaled as i64;
        (back(scaled, digits) == bits).then_some(scaled)
    };
    let mut digits = 0;
    // A value needs what it needs; those before it have fewer digits at no cost.
    for value in bits {
        while scaled(*value, digits).is_none() {
            digits += 1;
            if digits > MAX_DIGITS {
                return None;
            }
        }
    }
    let all: Option<Vec<i64>> = bits.iter().map(|value| scaled(*value, digits)).collect();
    Some((digits, all?))
}

/// A column's values, unpacked.
#[derive(Debug)]
pub struct Column {
    /// Bit set: NULL. Empty: none is.
    nulls: Vec<u8>,
    cells: Cells,
}

#[derive(Debug)]
pub enum Cells {
    /// The bits of the slots, as wide as the slots are.
    Integers {
        width: usize,
        values: Vec<i64>,
    },
    Fixed {
        width: usize,
        bytes: Vec<u8>,
    },
    Words {
        ends: Vec<usize>,
        bytes: Vec<u8>,
    },
    Dictionary {
        ends: Vec<usize>,
        bytes: Vec<u8>,
        places: Vec<i64>,
    },
}

impl Column {
    /// Reads a column of `rows` rows as it is stored.
    pub fn read(
        stored: &[u8],
        shape: Shape,
        rows: usize,
        unpacker: &mut Unpacker,
    ) -> Result<Column> {
        let plain = unpacker.unpack(stored)?;
        let mut rest = plain.as_ref();
        let nulls = match take_byte(&mut rest)? {
            0 => Vec::new(),
            _ => take_bytes(&mut rest, rows.div_ceil(8))?.to_vec(),
        };
        let form = take_byte(&mut rest)?;
        let width = match shape {
            Shape::Integer(width) | Shape::Fixed(width) => width,
            Shape::Float4 => 4,
            Shape::Float8 => 8,
            Shape::Variable => 0,
        };
        let cells = match (form, shape) {
            (INTEGERS, Shape::Integer(_) | Shape::Float4 | Shape::Float8) => Cells::Integers {
                width,
                values: ints::take(&mut rest, rows)?,
            },
            (DECIMALS, Shape::Float4 | Shape::Float8) => {
                let digits = take_byte(&mut rest)?.min(MAX_DIGITS);
                let mut values = ints::take(&mut rest, rows)?;
                let divisor = 10f64.powi(i32::from(digits));
                for value in &mut values {
                    let float = *value as f64 / divisor;
                    *value = match shape {
                        Shape::Float4 => i64::from((float as f32).to_bits().cast_signed()),
                        _ => float.to_bits().cast_signed(),
                    };
                }
                Cells::Integers { width, values }
            }
            (FIXED, Shape::Fixed(width)) => {
                let length = rows.checked_mul(width).ok_or_else(cut_short)?;
                let planes = take_bytes(&mut rest, length)?;
                let mut bytes = vec![0; length];
                for (at, plane) in planes.chunks_exact(rows.max(1)).enumerate() {
                    for (row, byte) in plane.iter().enumerate() {
                        bytes[row * width + at] = *byte;
                    }
                }
                Cells::Fixed { width, bytes }
            }
            (WORDS, Shape::Variable) => {
                let (ends, bytes) = take_words(&mut rest, rows)?;
                Cells::Words { ends, bytes }
            }
            (DICTIONARY, Shape::Variable) => {
                let words = take_bytes(&mut rest, 4)?;
                let words = words.try_into().map_or(0, u32::from_le_bytes) as usize;
                let (ends, bytes) = take_words(&mut rest, words)?;
                let places = ints::take(&mut rest, rows)?;
                let known = 0..words as i64;
                if !places.iter().all(|place| known.contains(place)) {
                    return Err(Error::corrupted("a block's dictionary lacks a word"));
                }
                Cells::Dictionary {
                    ends,
                    bytes,
                    places,
                }
            }
            _ => return Err(Error::corrupted("a block's column is of an unknown form")),
        };
        Ok(Column { nulls, cells })
    }

    pub fn is_null(&self, row: usize) -> bool {
        let byte = self.nulls.get(row / 8).copied().unwrap_or(0);
        byte & (1 << (row % 8)) != 0
    }

    /// Bit set: NULL. Empty: none is.
    pub fn nulls(&self) -> &[u8] {
        &self.nulls
    }

    pub fn cells(&self) -> &Cells {
        &self.cells
    }

    /// A slot's value.
    pub fn value<'a>(
        &'a self,
        row: usize,
        sql_type: &SqlType,
        fixed: &'a mut [u8; 16],
    ) -> Result<ValueRef<'a>> {
        match self.bytes(row, fixed) {
            Some(bytes) => crate::row::decode_slot(bytes, sql_type),
            None => Ok(ValueRef::Null),
        }
    }

    /// A slot's bytes, some of which are made in `fixed`; `None`: NULL.
    #[inline]
    pub fn bytes<'a>(&'a self, row: usize, fixed: &'a mut [u8; 16]) -> Option<&'a [u8]> {
        if self.is_null(row) {
            return None;
        }
        match &self.cells {
            Cells::Integers { width, values } => {
                let value = values.get(row)?.to_le_bytes();
                fixed[..8].copy_from_slice(&value);
                fixed.get(..*width)
            }
            Cells::Fixed { width, bytes } => bytes.get(row * width..(row + 1) * width),
            Cells::Words { ends, bytes } => word(ends, bytes, row),
            Cells::Dictionary {
                ends,
                bytes,
                places,
            } => word(ends, bytes, usize::try_from(*places.get(row)?).ok()?),
        }
    }
}

/// One of several words that stand one behind the other.
pub fn word<'a>(ends: &[usize], bytes: &'a [u8], place: usize) -> Option<&'a [u8]> {
    let start = match place {
        0 => 0,
        place => *ends.get(place - 1)?,
    };
    bytes.get(start..*ends.get(place)?)
}

fn take_byte(bytes: &mut &[u8]) -> Result<u8> {
    let (byte, rest) = bytes.split_first().ok_or_else(cut_short)?;
    *bytes = rest;
    Ok(*byte)
}

fn take_bytes<'a>(bytes: &mut &'a [u8], length: usize) -> Result<&'a [u8]> {
    let (taken, rest) = bytes.split_at_checked(length).ok_or_else(cut_short)?;
    *bytes = rest;
    Ok(taken)
}

fn take_words(rest: &mut &[u8], words: usize) -> Result<(Vec<usize>, Vec<u8>)> {
    let lengths = ints::take(rest, words)?;
    let mut end = 0usize;
    let mut ends = Vec::with_capacity(words);
    for length in lengths {
        let length = usize::try_from(length).map_err(|_| cut_short())?;
        end = end.checked_add(length).ok_or_else(cut_short)?;
        ends.push(end);
    }
    Ok((ends, take_bytes(rest, end)?.to_vec()))
}

/// zstd with what it needs, kept from column to column.
pub struct Packer {
    zstd: zstd::bulk::Compressor<'static>,
    plain: Vec<u8>,
}

const PLAIN: u8 = 0;
const ZSTD: u8 = 1;
const LEVEL: i32 = 3;

impl Packer {
    pub fn new() -> Result<Packer> {
        Ok(Packer {
            zstd: zstd::bulk::Compressor::new(LEVEL)?,
            plain: Vec::new(),
        })
    }

    /// `u8 0 | bytes` or `u8 1 | plain length u32 | zstd`.
    fn pack(&mut self, plain: &[u8], out: &mut Vec<u8>) -> Result<()> {
        if plain.len() > MAX_BYTES {
            return Err(Error::internal("a column of a block is too large"));
        }
        let packed = self.zstd.compress(plain)?;
        if packed.len() + 4 < plain.len() {
            out.push(ZSTD);
            out.extend_from_slice(&(plain.len() as u32).to_le_bytes());
            out.extend_from_slice(&packed);
        } else {
            out.push(PLAIN);
            out.extend_from_slice(plain);
        }
        Ok(())
    }
}

/// zstd with what it needs, kept from column to column and from scan to scan: to make it
/// takes as long as to unpack a few columns.
pub struct Unpacker {
    /// Always there but while it is dropped.
    zstd: Option<zstd::bulk::Decompressor<'static>>,
}

/// Those that nobody uses, and how many are kept.
static SPARE: Mutex<Vec<zstd::bulk::Decompressor<'static>>> = Mutex::new(Vec::new());
const MOST_SPARE: usize = 4;

impl Unpacker {
    pub fn new() -> Result<Unpacker> {
        let spare = SPARE.lock().pop();
        Ok(Unpacker {
            zstd: Some(match spare {
                Some(spare) => spare,
                None => zstd::bulk::Decompressor::new()?,
            }),
        })
    }

    fn unpack<'a>(&mut self, stored: &'a [u8]) -> Result<std::borrow::Cow<'a, [u8]>> {
        let mut rest = stored;
        if take_byte(&mut rest)? == PLAIN {
            return Ok(rest.into());
        }
        let length = take_bytes(&mut rest, 4)?;
        let length = length.try_into().map_or(0, u32::from_le_bytes) as usize;
        if length > MAX_BYTES {
            return Err(cut_short());
        }
        let zstd = self.zstd.as_mut().ok_or_else(cut_short)?;
        let plain = zstd.decompress(rest, length);
        let plain = plain.map_err(|_| Error::corrupted("a block's column can't be unpacked"))?;
        match plain.len() == length {
            true => Ok(plain.into()),
            false => Err(cut_short()),
        }
    }
}

impl Drop for Unpacker {
    fn drop(&mut self) {
        let mut spare = SPARE.lock();
        if spare.len() < MOST_SPARE {
            spare.extend(self.zstd.take());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Bytes of the column, once it has come back as it was.
    fn size_of(shape: Shape, cells: &[Option<Vec<u8>>]) -> usize {
        let mut filling = Filling::new(shape);
        for cell in cells {
            filling.push(cell.as_deref());
        }
        let mut out = Vec::new();
        filling
            .finish(&mut Packer::new().unwrap(), &mut out)
            .unwrap();
        let column = Column::read(&out, shape, cells.len(), &mut Unpacker::new().unwrap()).unwrap();
        for (row, cell) in cells.iter().enumerate() {
            let mut fixed = [0; 16];
            assert_eq!(
                column.bytes(row, &mut fixed),
                cell.as_deref(),
                "{shape:?} {row}"
            );
        }
        out.len()
    }

    fn doubles(values: impl Iterator<Item = f64>) -> Vec<Option<Vec<u8>>> {
        values
            .map(|value| Some(value.to_le_bytes().to_vec()))
            .collect()
    }

    #[test]
    fn rounded_readings_take_little_and_strange_ones_come_back() {
        let mut walk = 2000i64;
        let readings = doubles((0..4096i64).map(|at| {
            walk += (at * 7919 + at * at * 31) % 21 - 10;
            walk as f64 / 100.0
        }));
        assert!(size_of(Shape::Float8, &readings) < 4096);
        let strange = [
            f64::NAN,
            -0.0,
            f64::INFINITY,
            0.1 + 0.2,
            1e300,
            f64::MIN_POSITIVE,
        ];
        size_of(Shape::Float8, &doubles(strange.into_iter()));
        for one in strange {
            size_of(Shape::Float8, &doubles([1.25, one, 3.0].into_iter()));
        }
        let singles = [1.1f32, -0.0, 20.25, f32::NAN, 3.4e38];
        for many in [&singles[..1], &singles[2..3], &singles[..]] {
            let cells: Vec<_> = many
                .iter()
                .map(|v| Some(v.to_le_bytes().to_vec()))
                .collect();
            size_of(Shape::Float4, &cells);
        }
    }

    #[test]
    fn few_words_are_kept_once() {
        let words: Vec<_> = (0..4000)
            .map(|at| Some(format!("sensor-{}", at / 1000).into_bytes()))
            .collect();
        assert!(size_of(Shape::Variable, &words) < 200);
        let many: Vec<_> = (0..4000)
            .map(|at| Some(format!("event {at}").into_bytes()))
            .collect();
        size_of(Shape::Variable, &many);
    }

    proptest! {
        #[test]
        fn every_cell_comes_back(
            integers in proptest::collection::vec(proptest::option::of(any::<i32>()), 0..100),
            words in proptest::collection::vec(proptest::option::of(proptest::collection::vec(any::<u8>(), 0..9)), 0..100),
            fixed in proptest::collection::vec(proptest::option::of(any::<[u8; 16]>()), 0..50),
            floats in proptest::collection::vec(proptest::option::of(any::<f64>()), 0..50),
        ) {
            let cells: Vec<_> = integers.iter().map(|cell| cell.map(|v| v.to_le_bytes().to_vec())).collect();
            size_of(Shape::Integer(4), &cells);
            size_of(Shape::Variable, &words);
            let cells: Vec<_> = fixed.iter().map(|cell| cell.map(|v| v.to_vec())).collect();
            size_of(Shape::Fixed(16), &cells);
            let cells: Vec<_> = floats.iter().map(|cell| cell.map(|v| v.to_le_bytes().to_vec())).collect();
            size_of(Shape::Float8, &cells);
        }
    }
}
