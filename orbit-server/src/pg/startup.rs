//! What comes before a session: the startup packet, requests for encryption,
//! cancel requests, and the agreement on a protocol version.

use super::errors::protocol;
use super::frontend::Reader;
use super::stream::Stream;
use crate::tls::Tls;
use orbit_core::{Error, Result, state};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// PostgreSQL's own bound.
const MAX_PACKET_BYTES: usize = 10_000;
/// Protocol 3.0, the newest this server speaks.
pub const VERSION: i32 = 3 << 16;

const CANCEL: i32 = (1234 << 16) | 5678;
const SSL: i32 = (1234 << 16) | 5679;
const GSS_ENCRYPTION: i32 = (1234 << 16) | 5680;

/// The packets that have no type letter.
#[derive(Debug, PartialEq, Eq)]
pub enum Packet {
    /// Answered with S, and the stream goes on in TLS; with N if there is none here.
    Tls,
    /// Answered with N, the client asks again without.
    Gss,
    Cancel {
        pid: i32,
        secret: i32,
    },
    Start(Start),
}

#[derive(Debug, Default, PartialEq, Eq)]
pub struct Start {
    pub user: String,
    /// The user's name if not given, as in PostgreSQL.
    pub database: String,
    pub application: String,
    /// What else the session shall be set to, in the packet's order.
    pub settings: Vec<(String, String)>,
    /// Set when the client asked for a newer minor version, or for protocol
    /// options: the options unknown here, which are all of them.
    pub negotiate: Option<Vec<String>>,
}

/// Reads the body of a packet: everything behind its length.
pub fn packet(body: &[u8]) -> Result<Packet> {
    let mut reader = Reader::new(body);
    let version = reader.i32()?;
    match version {
        SSL => {
            reader.finish()?;
            Ok(Packet::Tls)
        }
        GSS_ENCRYPTION => {
            reader.finish()?;
            Ok(Packet::Gss)
        }
        CANCEL => {
            let (pid, secret) = (reader.i32()?, reader.i32()?);
            reader.finish()?;
            Ok(Packet::Cancel { pid, secret })
        }
        _ if version >> 16 == 3 => start(version, reader).map(Packet::Start),
        _ => Err(Error::new(
            state::FEATURE_NOT_SUPPORTED,
            format!(
                "unsupported frontend protocol {}.{}: server supports 3.0 to 3.0",
                version >> 16,
                version & 0xffff
            ),
        )),
    }
}

fn start(version: i32, mut reader: Reader<'_>) -> Result<Start> {
    let mut start = Start::default();
    let mut unknown = Vec::new();
    loop {
        let name = reader.text()?;
        if name.is_empty() {
            break;
        }
        let value = reader.text()?;
        match name {
            "user" => start.user = value.to_owned(),
            "database" => start.database = value.to_owned(),
            "application_name" => start.application = value.to_owned(),
            "replication" if !matches!(value, "false" | "off" | "no" | "0") => {
                return Err(Error::unsupported("the replication protocol"));
            }
            "replication" => {}
            "options" => start.settings.extend(options(value)?),
            _ if name.starts_with("_pq_.") => unknown.push(name.to_owned()),
            _ => start.settings.push((name.to_owned(), value.to_owned())),
        }
    }
    reader
        .finish()
        .map_err(|_| protocol("invalid startup packet layout: expected terminator as last byte"))?;
    if start.user.is_empty() {
        return Err(Error::new(
            state::INVALID_AUTHORIZATION,
            "no PostgreSQL user name specified in startup packet",
        ));
    }
    if start.database.is_empty() {
        start.database.clone_from(&start.user);
    }
    if version > VERSION || !unknown.is_empty() {
        start.negotiate = Some(unknown);
    }
    Ok(start)
}

/// Settings as command-line switches: `-c name=value` and `--name=value`, words
/// parted by blanks that a backslash can protect.
fn options(text: &str) -> Result<Vec<(String, String)>> {
    let mut words = vec![String::new()];
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        let word = words.last_mut();
        match (character, word) {
            ('\\', Some(word)) => word.extend(characters.next()),
            (blank, Some(word)) if blank.is_whitespace() => {
                if !word.is_empty() {
                    words.push(String::new());
                }
            }
            (other, Some(word)) => word.push(other),
            (_, None) => {}
        }
    }
    let mut words = words.into_iter().filter(|word| !word.is_empty());
    let mut settings = Vec::new();
    while let Some(word) = words.next() {
        let assignment = match (word.strip_prefix("-c"), word.strip_prefix("--")) {
            (Some(""), _) => words.next(),
            (Some(rest), _) | (None, Some(rest)) => Some(rest.to_owned()),
            (None, None) => None,
        };
        let pair = assignment.as_deref().and_then(|pair| pair.split_once('='));
        let (name, value) = pair.ok_or_else(|| {
            Error::new(
                state::SYNTAX_ERROR,
                format!("invalid command-line argument for server process: {word}"),
            )
            .with_hint("Settings are given as -c name=value.")
        })?;
        settings.push((name.replace('-', "_"), value.to_owned()));
    }
    Ok(settings)
}

/// How the first moments of a connection end.
#[derive(Debug)]
pub enum Opening {
    Start(Start),
    Cancel {
        pid: i32,
        secret: i32,
    },
    /// Gone, or never spoke the protocol: nothing to answer.
    Closed,
}

/// Reads packets until one says what the client is here for, in TLS from where it
/// asks for that. Errors are for the client.
pub async fn open(
    stream: TcpStream,
    tls: Option<&Tls>,
) -> std::result::Result<(Option<Stream>, Opening), (Stream, Error)> {
    let mut stream = Stream::Plain(stream);
    // TLS, then GSS, then the start: nobody has more to ask.
    for _ in 0..3 {
        // Nothing is read beyond the packet: what follows it in the clear, put there
        // by somebody in between, reaches TLS as nonsense rather than the session as words.
        let body = match read_packet(&mut stream).await {
            Ok(Some(body)) => body,
            Ok(None) => return Ok((None, Opening::Closed)),
            Err(error) => return Err((stream, error)),
        };
        let packet = match packet(&body) {
            Ok(packet) => packet,
            Err(error) => return Err((stream, error)),
        };
        let wants_tls = packet == Packet::Tls;
        match packet {
            Packet::Tls | Packet::Gss => {}
            Packet::Cancel { pid, secret } => return Ok((None, Opening::Cancel { pid, secret })),
            Packet::Start(start) => return Ok((Some(stream), Opening::Start(start))),
        }
        stream = match (stream, tls) {
            (Stream::Plain(mut tcp), Some(tls)) if wants_tls => {
                if tcp.write_all(b"S").await.is_err() {
                    return Ok((None, Opening::Closed));
                }
                match tls.accept(tcp).await {
                    Ok(tls) => Stream::Tls(Box::new(tls)),
                    Err(error) => {
                        tracing::warn!(%error, "a client's TLS handshake failed");
                        return Ok((None, Opening::Closed));
                    }
                }
            }
            (Stream::Plain(mut tcp), _) => {
                if tcp.write_all(b"N").await.is_err() {
                    return Ok((None, Opening::Closed));
                }
                Stream::Plain(tcp)
            }
            (stream, _) => return Err((stream, protocol("the connection is encrypted already"))),
        };
    }
    Err((stream, protocol("too many requests for encryption")))
}

async fn read_packet(stream: &mut Stream) -> Result<Option<Vec<u8>>> {
    let mut length = [0; 4];
    if stream.read_exact(&mut length).await.is_err() {
        return Ok(None);
    }
    let length = usize::try_from(i32::from_be_bytes(length))
        .ok()
        .and_then(|length| length.checked_sub(4))
        .filter(|length| (4..=MAX_PACKET_BYTES).contains(length))
        .ok_or_else(|| protocol("invalid length of startup packet"))?;
    let mut body = vec![0; length];
    match stream.read_exact(&mut body).await {
        Ok(_) => Ok(Some(body)),
        Err(_) => Ok(None),
    }
}

#[cfg(test)]
mod tests;
