//! The common name out of a certificate's subject: as much DER as that takes.

const SEQUENCE: u8 = 0x30;
const SET: u8 = 0x31;
const OID: u8 = 0x06;
const UTF8: u8 = 0x0c;
const PRINTABLE: u8 = 0x13;
const IA5: u8 = 0x16;
/// 2.5.4.3
const COMMON_NAME: &[u8] = &[0x55, 0x04, 0x03];

/// `None` if there is no common name, more than one, or one that isn't plain text:
/// a name that could be read in two ways must not let anybody in.
pub fn common_name(subject: &[u8]) -> Option<String> {
    let mut names = match element(subject)? {
        (SEQUENCE, inside, []) => inside,
        _ => subject,
    };
    let mut found = None;
    while !names.is_empty() {
        let (tag, mut set, rest) = element(names)?;
        if tag != SET {
            return None;
        }
        names = rest;
        while !set.is_empty() {
            let (tag, pair, rest) = element(set)?;
            if tag != SEQUENCE {
                return None;
            }
            set = rest;
            let (tag, kind, value) = element(pair)?;
            if tag != OID {
                return None;
            }
            if kind != COMMON_NAME {
                continue;
            }
            let (tag, text, []) = element(value)? else {
                return None;
            };
            if !matches!(tag, UTF8 | PRINTABLE | IA5) || text.contains(&0) || found.is_some() {
                return None;
            }
            found = Some(std::str::from_utf8(text).ok()?.to_owned());
        }
    }
    found.filter(|name| !name.is_empty())
}

/// The first element's tag and contents, and what follows it.
pub(super) fn element(der: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (&tag, rest) = der.split_first()?;
    let (&first, rest) = rest.split_first()?;
    let (length, rest) = match first {
        0..=0x7f => (usize::from(first), rest),
        0x81..=0x83 => {
            let (digits, rest) = rest.split_at_checked(usize::from(first & 0x7f))?;
            let length = digits
                .iter()
                .fold(0, |sum, digit| (sum << 8) | usize::from(*digit));
            (length, rest)
        }
        _ => return None,
    };
    let (inside, after) = rest.split_at_checked(length)?;
    Some((tag, inside, after))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tlv(tag: u8, inside: &[u8]) -> Vec<u8> {
        [&[tag, u8::try_from(inside.len()).unwrap()], inside].concat()
    }

    fn rdn(oid: &[u8], tag: u8, text: &[u8]) -> Vec<u8> {
        let pair = [tlv(OID, oid), tlv(tag, text)].concat();
        tlv(SET, &tlv(SEQUENCE, &pair))
    }

    #[test]
    fn the_one_common_name_is_found_with_and_without_its_frame() {
        let organisation = rdn(&[0x55, 0x04, 0x0a], UTF8, b"Acme");
        let name = [organisation, rdn(COMMON_NAME, UTF8, b"ada")].concat();
        assert_eq!(common_name(&name).as_deref(), Some("ada"));
        assert_eq!(common_name(&tlv(SEQUENCE, &name)).as_deref(), Some("ada"));
    }

    #[test]
    fn what_could_be_read_in_two_ways_is_no_name() {
        let ada = rdn(COMMON_NAME, UTF8, b"ada");
        for bad in [
            [ada.clone(), rdn(COMMON_NAME, UTF8, b"orbit")].concat(),
            rdn(COMMON_NAME, UTF8, b"orbit\0.evil"),
            rdn(COMMON_NAME, UTF8, b""),
            // A BMPString.
            rdn(COMMON_NAME, 0x1e, b"\0a"),
            rdn(COMMON_NAME, UTF8, b"\xff"),
            ada[..ada.len() - 1].to_vec(),
            vec![SET, 0x84, 1, 1, 1, 1],
            Vec::new(),
        ] {
            assert_eq!(common_name(&bad), None, "{bad:?}");
        }
    }
}
