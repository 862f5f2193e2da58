//! Addresses as text, as PostgreSQL's inet_net_pton.c reads them and inet_net_ntop.c writes them.

mod v4;
mod v6;

use super::Inet;
use crate::error::{Error, Result, state};
use crate::types::SqlType;
use crate::value::text::invalid_syntax;

impl Inet {
    /// The input of `inet`, or of `cidr`: that one may leave bytes out (`10.1`), and
    /// takes no bits behind the prefix.
    pub fn parse(text: &str, sql_type: &SqlType) -> Result<Inet> {
        let is_cidr = *sql_type == SqlType::Cidr;
        let bytes = text.as_bytes();
        let read = match bytes.contains(&b':') {
            true => v6::parse(bytes),
            false if is_cidr => v4::parse_network(bytes),
            false => v4::parse_address(bytes),
        };
        let inet = read.ok_or_else(|| invalid_syntax(sql_type, text))?;
        if is_cidr && !inet.is_network() {
            return Err(Error::new(
                state::INVALID_TEXT_REPRESENTATION,
                format!("invalid cidr value: \"{text}\""),
            )
            .with_detail("Value has bits set to right of mask."));
        }
        Ok(inet)
    }

    /// The address alone.
    pub fn write_host(&self, out: &mut Vec<u8>) {
        match self.is_v6 {
            true => v6::write(self.address, out),
            false => v4::write(self.address, out),
        }
    }

    /// The address with its prefix; with `always` also where the prefix is the whole address.
    pub fn write(&self, always: bool, out: &mut Vec<u8>) {
        self.write_host(out);
        if always || self.bits < self.max_bits() {
            write_bits(self.bits, out);
        }
    }
}

/// What `abbrev` makes of a cidr: only the bytes that its prefix reaches.
pub fn abbreviated(cidr: &Inet, out: &mut Vec<u8>) {
    match cidr.is_v6 {
        true => v6::write_network(cidr.network(), cidr.bits, out),
        false => v4::write_network(cidr.network(), cidr.bits, out),
    }
    write_bits(cidr.bits, out);
}

fn write_bits(bits: u8, out: &mut Vec<u8>) {
    out.push(b'/');
    write_decimal(u32::from(bits), out);
}

fn write_decimal(number: u32, out: &mut Vec<u8>) {
    crate::value::text::integer::write(i64::from(number), out);
}

/// The digits that `bytes` begins with as a number, and what follows them.
/// `None`: there are none, or the number is over `most`.
fn decimal(bytes: &[u8], most: u32) -> Option<(u32, &[u8])> {
    let mut number = 0u32;
    let mut rest = bytes;
    while let Some((digit @ b'0'..=b'9', after)) = rest.split_first() {
        number = number * 10 + u32::from(digit - b'0');
        if number > most {
            return None;
        }
        rest = after;
    }
    (rest.len() < bytes.len()).then_some((number, rest))
}
