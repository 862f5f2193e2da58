//! `tls-server-end-point` (RFC 5929): the hash of the server's certificate by the
//! hash it was signed with.

use super::subject::element;
use ring::digest::{self, Algorithm};

/// `None` where the signature names no hash of its own, as Ed25519 and RSA-PSS don't.
pub fn hash(certificate: &[u8]) -> Option<Vec<u8>> {
    let (_, inside, _) = element(certificate)?;
    let (_, _signed, rest) = element(inside)?;
    let (_, algorithm, _) = element(rest)?;
    let (_, oid, _) = element(algorithm)?;
    let hash = algorithm_of(oid)?;
    Some(digest::digest(hash, certificate).as_ref().to_vec())
}

fn algorithm_of(oid: &[u8]) -> Option<&'static Algorithm> {
    // 1.2.840.113549.1.1.n: RSA; 1.2.840.10045.4.3.n: ECDSA
    const RSA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01];
    const ECDSA: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03];
    match (oid.strip_prefix(RSA), oid.strip_prefix(ECDSA)) {
        (Some([11]), _) | (_, Some([2])) => Some(&digest::SHA256),
        (Some([12]), _) | (_, Some([3])) => Some(&digest::SHA384),
        (Some([13]), _) | (_, Some([4])) => Some(&digest::SHA512),
        _ => None,
    }
}
