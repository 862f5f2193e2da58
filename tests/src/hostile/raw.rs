//! A client that sends what it is told to, and throws rows away.

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

/// How a conversation up to ReadyForQuery went.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Answer {
    /// SQLSTATEs of the errors, in order, FATAL ones too.
    pub errors: Vec<String>,
    pub messages: Vec<String>,
    pub rows: u64,
    /// The status letter of ReadyForQuery; `None`: the connection ended or nothing came.
    pub ready: Option<u8>,
    /// Nothing came in time.
    pub silent: bool,
}

impl Answer {
    /// What was said, in a word: `ok`, a SQLSTATE, `gone` or `silent`.
    pub fn word(&self) -> String {
        match (self.errors.first(), self.ready) {
            (Some(state), _) => state.clone(),
            (None, Some(_)) => "ok".to_owned(),
            (None, None) if self.silent => "silent".to_owned(),
            (None, None) => "gone".to_owned(),
        }
    }
}

pub struct Raw {
    stream: TcpStream,
    held: Vec<u8>,
    /// How much of it is done with: not moved at each message, of which there may be millions.
    read: usize,
}

/// A message with its length put right.
pub fn message(kind: u8, body: &[u8]) -> Vec<u8> {
    let mut out = vec![kind];
    out.extend((body.len() as i32 + 4).to_be_bytes());
    out.extend(body);
    out
}

pub fn query(sql: &str) -> Vec<u8> {
    message(b'Q', &[sql.as_bytes(), &[0]].concat())
}

pub fn startup() -> Vec<u8> {
    let body = b"\0\x03\0\0user\0orbit\0database\0orbit\0\0";
    [&(body.len() as i32 + 4).to_be_bytes()[..], body].concat()
}

impl Raw {
    /// A socket, nothing said.
    pub fn open(port: u16) -> std::io::Result<Raw> {
        let stream = TcpStream::connect(("127.0.0.1", port))?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(Duration::from_secs(20)))?;
        Ok(Raw {
            stream,
            held: Vec::new(),
            read: 0,
        })
    }

    pub fn connect(port: u16) -> Result<Raw, String> {
        let mut raw = Raw::open(port).map_err(|error| error.to_string())?;
        raw.send(&startup());
        let answer = raw.answer();
        match answer.ready {
            Some(_) => Ok(raw),
            None => Err(format!("{answer:?}")),
        }
    }

    pub fn patience(&mut self, limit: Duration) {
        let _ = self.stream.set_read_timeout(Some(limit));
    }

    /// Sends; a connection that is gone shows in the answer.
    pub fn send(&mut self, bytes: &[u8]) {
        let _ = self.stream.write_all(bytes);
    }

    pub fn shut_write(&mut self) {
        let _ = self.stream.shutdown(std::net::Shutdown::Write);
    }

    pub fn ask(&mut self, sql: &str) -> Answer {
        self.send(&query(sql));
        self.answer()
    }

    /// Parse, Bind and Execute without parameters.
    pub fn ask_extended(&mut self, sql: &str) -> Answer {
        let mut out = message(b'P', &[b"\0", sql.as_bytes(), b"\0\0\0"].concat());
        out.extend(message(b'B', &[0; 8]));
        out.extend(message(b'D', b"P\0"));
        out.extend(message(b'E', &[0; 5]));
        out.extend(message(b'S', b""));
        self.send(&out);
        self.answer()
    }

    /// The next message's kind and body; `None`: gone or silent.
    fn next(&mut self, answer: &mut Answer) -> Option<(u8, Vec<u8>)> {
        loop {
            let rest = self.held.get(self.read..).unwrap_or_default();
            if let Some(length) = rest.get(1..5) {
                let length = u32::from_be_bytes(length.try_into().ok()?) as usize;
                if rest.len() > length {
                    let (kind, body) = (rest[0], rest.get(5..=length)?.to_vec());
                    self.read += length + 1;
                    return Some((kind, body));
                }
            }
            self.held.drain(..self.read);
            self.read = 0;
            let mut piece = vec![0; 64 * 1024];
            match self.stream.read(&mut piece) {
                Ok(0) => return None,
                Ok(count) => self.held.extend(&piece[..count]),
                Err(error) => {
                    answer.silent =
                        matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut);
                    return None;
                }
            }
        }
    }

    /// Reads to ReadyForQuery or the end. COPY is answered with an end of data.
    pub fn answer(&mut self) -> Answer {
        let mut answer = Answer::default();
        while let Some((kind, body)) = self.next(&mut answer) {
            match kind {
                b'Z' => {
                    answer.ready = body.first().copied();
                    break;
                }
                b'D' | b'd' => answer.rows += 1,
                b'G' => self.send(&message(b'f', b"no\0")),
                b'E' => {
                    let mut fields = body.split(|byte| *byte == 0);
                    let mut field = |name: u8| {
                        let found = fields.find(|field| field.first() == Some(&name));
                        let text = found.and_then(|field| field.get(1..)).unwrap_or_default();
                        String::from_utf8_lossy(text).into_owned()
                    };
                    answer.errors.push(field(b'C'));
                    answer.messages.push(field(b'M'));
                }
                _ => {}
            }
        }
        answer
    }
}
