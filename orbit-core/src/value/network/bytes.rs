//! Addresses as bytes: those that are stored, which sort as the addresses do, and PostgreSQL's.

use super::Inet;
use crate::error::{Error, Result, state};
use crate::types::SqlType;

const V4: u8 = 4;
const V6: u8 = 6;
/// How PostgreSQL numbers the families on the wire: AF_INET, and the number behind it.
const WIRE_V4: u8 = 2;
const WIRE_V6: u8 = 3;

impl Inet {
    fn octets(address: u128, is_v6: bool) -> ([u8; 16], usize) {
        let all = address.to_be_bytes();
        if is_v6 {
            return (all, 16);
        }
        let mut octets = [0; 16];
        if let (Some(to), Some(from)) = (octets.first_chunk_mut::<4>(), all.last_chunk::<4>()) {
            *to = *from;
        }
        (octets, 4)
    }

    /// The bytes of the address: 4 or 16.
    pub fn push_octets(&self, out: &mut Vec<u8>) {
        let (octets, count) = Inet::octets(self.address, self.is_v6);
        out.extend(octets.iter().take(count));
    }

    /// Appends the stored form, whose bytes sort as addresses do. No other one begins with it.
    ///
    /// ```text
    /// family u8 (4, 6) | the prefix's bits, zeros behind them | its length u8 | host
    /// host: the address from the byte on that the prefix ends in; nothing when the prefix is all of it
    /// ```
    pub fn encode(&self, out: &mut Vec<u8>) {
        out.push(if self.is_v6 { V6 } else { V4 });
        self.to_network().push_octets(out);
        out.push(self.bits);
        let (octets, count) = Inet::octets(self.address, self.is_v6);
        out.extend(octets.iter().take(count).skip(usize::from(self.bits / 8)));
    }

    /// Reads the stored form byte by byte; `None`: it isn't one, or it ends too early.
    pub fn read(next: &mut dyn FnMut() -> Option<u8>) -> Option<Inet> {
        let is_v6 = match next()? {
            V4 => false,
            V6 => true,
            _ => return None,
        };
        let count = if is_v6 { 16 } else { 4 };
        let mut address = 0u128;
        for _ in 0..count {
            address = address << 8 | u128::from(next()?);
        }
        let network = Inet::new(is_v6, address, next()?).filter(Inet::is_network)?;
        let mut host = 0u128;
        for _ in usize::from(network.bits / 8)..count {
            host = host << 8 | u128::from(next()?);
        }
        let host = host & network.host_mask();
        Some(network.with_address(network.address | host))
    }

    /// The whole of `bytes` as the stored form.
    pub fn decode(bytes: &[u8]) -> Option<Inet> {
        let mut rest = bytes.iter();
        let inet = Inet::read(&mut || rest.next().copied())?;
        rest.next().is_none().then_some(inet)
    }

    /// What PostgreSQL sends: family, length of the prefix, whether it is a cidr, how many bytes, they.
    pub fn send(&self, is_cidr: bool, out: &mut Vec<u8>) {
        let count = self.max_bits() / 8;
        let family = if self.is_v6 { WIRE_V6 } else { WIRE_V4 };
        out.extend_from_slice(&[family, self.bits, u8::from(is_cidr), count]);
        self.push_octets(out);
    }

    /// As `inet_recv` and `cidr_recv` read it.
    pub fn receive(bytes: &[u8], sql_type: &SqlType) -> Result<Inet> {
        let wrong = |what: &str| {
            Error::new(
                state::INVALID_BINARY_REPRESENTATION,
                format!("invalid {what} in external \"{sql_type}\" value"),
            )
        };
        let Some((&[family, bits, _, count], octets)) = bytes.split_first_chunk::<4>() else {
            return Err(crate::value::binary::malformed());
        };
        let is_v6 = match family {
            WIRE_V4 => false,
            WIRE_V6 => true,
            _ => return Err(wrong("address family")),
        };
        let whole = if is_v6 { 128 } else { 32 };
        if bits > whole {
            return Err(wrong("bits"));
        }
        if count != whole / 8 {
            return Err(wrong("length"));
        }
        if octets.len() != usize::from(count) {
            return Err(crate::value::binary::malformed());
        }
        let number = |number: u128, byte: &u8| number << 8 | u128::from(*byte);
        let address = octets.iter().fold(0, number);
        let inet = Inet::new(is_v6, address, bits).ok_or_else(|| wrong("bits"))?;
        if *sql_type == SqlType::Cidr && !inet.is_network() {
            return Err(Error::new(
                state::INVALID_BINARY_REPRESENTATION,
                "invalid external \"cidr\" value",
            )
            .with_detail("Value has bits set to right of mask."));
        }
        Ok(inet)
    }
}
