//! The messages: client-first, server-first, client-final, server-final.

use super::{Key, Verifier, hash, mac, random};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use orbit_core::Result;

pub const PLAIN: &str = "SCRAM-SHA-256";
/// With channel binding: the client proves that it sees this server's certificate.
pub const PLUS: &str = "SCRAM-SHA-256-PLUS";

const NONCE_BYTES: usize = 18;

/// Why an exchange ended.
#[derive(Debug, PartialEq, Eq)]
pub enum Failure {
    /// The client doesn't speak SCRAM as it is written.
    Malformed(&'static str),
    /// A wrong password, or nobody of that name.
    Rejected,
}

use Failure::Malformed;

pub struct Exchange {
    verifier: Verifier,
    /// Whether the right password leads in at all.
    admits: bool,
    /// What both ends know of this TLS connection; `None`: PLUS isn't offered.
    end_point: Option<Vec<u8>>,
    server_nonce: String,
    begun: Option<Begun>,
}

struct Begun {
    /// `n,,` or `p=tls-server-end-point,,`, to come back in the last message.
    header: String,
    binds: bool,
    client_first: String,
    server_first: String,
    nonce: String,
}

impl Exchange {
    pub fn new(verifier: Verifier, admits: bool, end_point: Option<Vec<u8>>) -> Result<Exchange> {
        let nonce: [u8; NONCE_BYTES] = random()?;
        Ok(Exchange::with_nonce(
            verifier,
            admits,
            end_point,
            STANDARD.encode(nonce),
        ))
    }

    pub(super) fn with_nonce(
        verifier: Verifier,
        admits: bool,
        end_point: Option<Vec<u8>>,
        server_nonce: String,
    ) -> Exchange {
        Exchange {
            verifier,
            admits,
            end_point,
            server_nonce,
            begun: None,
        }
    }

    /// What the server may be asked for, best first.
    pub fn mechanisms(&self) -> &'static [&'static str] {
        match self.end_point {
            Some(_) => &[PLUS, PLAIN],
            None => &[PLAIN],
        }
    }

    /// The client's first message; returns the server's.
    pub fn first(&mut self, mechanism: &str, message: &[u8]) -> Result<String, Failure> {
        if !self.mechanisms().contains(&mechanism) {
            return Err(Malformed(
                "client selected an invalid SASL authentication mechanism",
            ));
        }
        let message = text(message)?;
        let mut parts = message.splitn(3, ',');
        let flag = parts.next().unwrap_or_default();
        let (Some(authorization), Some(bare)) = (parts.next(), parts.next()) else {
            return Err(Malformed("malformed SCRAM message"));
        };
        let binds = mechanism == PLUS;
        match flag {
            "p=tls-server-end-point" if binds => {}
            "n" if !binds => {}
            // The client could bind but believes that this server can't: somebody told it so.
            "y" if !binds && self.end_point.is_some() => {
                return Err(Malformed(
                    "SCRAM channel binding negotiation error: this server supports channel binding",
                ));
            }
            "y" if !binds => {}
            _ if flag.starts_with("p=") => {
                return Err(Malformed("unsupported SCRAM channel-binding type"));
            }
            _ => return Err(Malformed("malformed SCRAM message")),
        }
        if !authorization.is_empty() {
            return Err(Malformed(
                "client uses authorization identity, but it is not supported",
            ));
        }
        // The name in here is ignored, as PostgreSQL ignores it: the startup packet has it.
        let mut attributes = bare.split(',');
        let name = attributes.next().unwrap_or_default();
        let client_nonce = attributes
            .next()
            .and_then(|attribute| attribute.strip_prefix("r="))
            .unwrap_or_default();
        if !name.starts_with("n=") || client_nonce.is_empty() {
            return Err(Malformed("malformed SCRAM message"));
        }
        if !client_nonce.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(Malformed("non-printable characters in SCRAM nonce"));
        }
        let nonce = format!("{client_nonce}{}", self.server_nonce);
        let server_first = format!(
            "r={nonce},s={},i={}",
            STANDARD.encode(&self.verifier.salt),
            self.verifier.iterations
        );
        self.begun = Some(Begun {
            header: format!("{flag},{authorization},"),
            binds,
            client_first: bare.to_owned(),
            server_first: server_first.clone(),
            nonce,
        });
        Ok(server_first)
    }

    /// The client's last message; returns the server's, which proves that it knows the role.
    pub fn last(self, message: &[u8]) -> Result<String, Failure> {
        let Some(begun) = self.begun else {
            return Err(Malformed("malformed SCRAM message"));
        };
        let message = text(message)?;
        let (unproved, proof) = message
            .rsplit_once(",p=")
            .ok_or(Malformed("malformed SCRAM message"))?;
        let mut attributes = unproved.split(',');
        let binding = attributes.next().and_then(|part| part.strip_prefix("c="));
        let nonce = attributes.next().and_then(|part| part.strip_prefix("r="));
        let mut bound = begun.header.clone().into_bytes();
        if begun.binds {
            bound.extend_from_slice(self.end_point.as_deref().unwrap_or_default());
        }
        if binding != Some(STANDARD.encode(bound).as_str()) {
            return Err(Malformed("SCRAM channel binding check failed"));
        }
        if nonce != Some(begun.nonce.as_str()) {
            return Err(Malformed(
                "invalid SCRAM response: the nonce does not match",
            ));
        }
        let proof = STANDARD
            .decode(proof)
            .ok()
            .and_then(|proof| Key::try_from(proof).ok())
            .ok_or(Malformed("malformed proof in SCRAM message"))?;
        let everything = format!("{},{},{unproved}", begun.client_first, begun.server_first);
        let signature = mac(&self.verifier.stored_key, everything.as_bytes());
        let mut client_key = proof;
        for (byte, mask) in client_key.iter_mut().zip(signature) {
            *byte ^= mask;
        }
        let right = same(&hash(&client_key), &self.verifier.stored_key);
        if !(right & self.admits) {
            return Err(Failure::Rejected);
        }
        let answer = mac(&self.verifier.server_key, everything.as_bytes());
        Ok(format!("v={}", STANDARD.encode(answer)))
    }
}

fn text(message: &[u8]) -> Result<&str, Failure> {
    std::str::from_utf8(message).map_err(|_| Malformed("malformed SCRAM message"))
}

/// In the same time wherever they differ.
fn same(a: &Key, b: &Key) -> bool {
    let difference = a.iter().zip(b).fold(0, |sum, (x, y)| sum | (x ^ y));
    std::hint::black_box(difference) == 0
}
