//! A plain client of the PostgreSQL protocol that keeps everything a server says:
//! type OIDs, command tags, every field of errors and notices.

use std::io::{BufReader, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

/// A statement that answers nothing for so long is reported as lost.
const PATIENCE: Duration = Duration::from_secs(30);

/// What a server said to one message of ours.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Reply {
    pub parts: Vec<Part>,
    pub notices: Vec<Report>,
    /// The connection ended, or nothing came: in words.
    pub lost: Option<String>,
}

/// What one statement yielded.
#[derive(Clone, Debug, PartialEq)]
pub enum Part {
    Rows {
        columns: Vec<(String, u32)>,
        rows: Vec<Vec<Option<String>>>,
        tag: String,
    },
    Done {
        tag: String,
    },
    Copied {
        lines: Vec<String>,
        tag: String,
    },
    Empty,
    Error(Report),
}

/// The fields of an error or a notice that a program may look at.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Report {
    pub severity: String,
    pub state: String,
    pub message: String,
    pub detail: String,
    pub hint: String,
    pub schema: String,
    pub table: String,
    pub column: String,
    pub datatype: String,
    pub constraint: String,
    /// Where in the statement, in characters from 1.
    pub position: String,
}

pub struct Wire {
    stream: BufReader<TcpStream>,
}

impl Wire {
    pub fn connect(port: u16, user: &str, database: &str) -> std::io::Result<Wire> {
        let stream = TcpStream::connect(("127.0.0.1", port))?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_nodelay(true)?;
        let mut wire = Wire {
            stream: BufReader::new(stream),
        };
        let mut body = 196_608_i32.to_be_bytes().to_vec();
        for text in [
            "user",
            user,
            "database",
            database,
            "client_encoding",
            "UTF8",
        ] {
            body.extend(text.as_bytes());
            body.push(0);
        }
        body.push(0);
        let mut message = (body.len() as i32 + 4).to_be_bytes().to_vec();
        message.extend(body);
        wire.stream.get_mut().write_all(&message)?;
        match wire.read_reply() {
            Reply {
                lost: Some(lost), ..
            } => Err(std::io::Error::other(lost)),
            Reply { parts, .. } if !parts.is_empty() => {
                Err(std::io::Error::other(format!("{parts:?}")))
            }
            _ => Ok(wire),
        }
    }

    /// Sends one simple query; `copy` is what follows a COPY FROM STDIN.
    pub fn send_simple(&mut self, sql: &str, copy: Option<&str>) {
        let mut out = Vec::new();
        put(&mut out, b'Q', |body| text(body, sql));
        if let Some(data) = copy {
            put(&mut out, b'd', |body| body.extend(data.as_bytes()));
            put(&mut out, b'c', |_| ());
        }
        let _ = self.stream.get_mut().write_all(&out);
    }

    /// Sends Parse, Bind, Describe, Execute and Sync for one statement without parameters.
    pub fn send_extended(&mut self, sql: &str, copy: Option<&str>) {
        let mut out = Vec::new();
        put(&mut out, b'P', |body| {
            text(body, "");
            text(body, sql);
            body.extend([0, 0]);
        });
        put(&mut out, b'B', |body| body.extend([0; 8]));
        put(&mut out, b'D', |body| body.extend(b"P\0"));
        put(&mut out, b'E', |body| body.extend([0; 5]));
        if let Some(data) = copy {
            put(&mut out, b'd', |body| body.extend(data.as_bytes()));
            put(&mut out, b'c', |_| ());
        }
        put(&mut out, b'S', |_| ());
        let _ = self.stream.get_mut().write_all(&out);
    }

    /// Reads until the server is ready for the next query.
    pub fn read_reply(&mut self) -> Reply {
        let mut reply = Reply::default();
        if let Err(error) = self.collect(&mut reply) {
            reply.lost = Some(match error.kind() {
                std::io::ErrorKind::WouldBlock | std::io::ErrorKind::TimedOut => {
                    format!("no answer in {} s", PATIENCE.as_secs())
                }
                _ => format!("the connection ended: {error}"),
            });
        }
        reply
    }

    fn collect(&mut self, reply: &mut Reply) -> std::io::Result<()> {
        let mut described: Option<Vec<(String, u32)>> = None;
        let mut rows = Vec::new();
        let mut copied: Option<Vec<String>> = None;
        loop {
            let mut head = [0; 5];
            self.stream.read_exact(&mut head)?;
            let [kind, length @ ..] = head;
            let length = (i32::from_be_bytes(length) - 4).max(0) as usize;
            let mut bytes = vec![0; length];
            self.stream.read_exact(&mut bytes)?;
            let mut body = Body(&bytes);
            match kind {
                b'Z' => return Ok(()),
                b'T' => {
                    let count = body.i16();
                    let mut columns = Vec::new();
                    for _ in 0..count {
                        let name = body.text();
                        body.skip(6);
                        columns.push((name, body.i32() as u32));
                        body.skip(8);
                    }
                    described = Some(columns);
                }
                b'D' => {
                    let count = body.i16();
                    let value = |_| match body.i32() {
                        -1 => None,
                        length => Some(body.take(length as usize)),
                    };
                    rows.push((0..count).map(value).collect());
                }
                b'C' => {
                    let tag = body.text();
                    reply.parts.push(match (described.take(), copied.take()) {
                        (_, Some(lines)) => Part::Copied { lines, tag },
                        (Some(columns), None) => Part::Rows {
                            columns,
                            rows: std::mem::take(&mut rows),
                            tag,
                        },
                        (None, None) => Part::Done { tag },
                    });
                }
                b'I' => reply.parts.push(Part::Empty),
                b'E' => {
                    // Rows before an error say nothing a program could rely on.
                    (described, copied) = (None, None);
                    rows.clear();
                    reply.parts.push(Part::Error(body.report()));
                }
                b'N' => reply.notices.push(body.report()),
                b'H' => copied = Some(Vec::new()),
                b'd' => {
                    let line = String::from_utf8_lossy(body.0);
                    copied
                        .get_or_insert_default()
                        .push(line.trim_end_matches('\n').to_owned());
                }
                // CopyIn is answered by what was sent along; the rest carries nothing to compare.
                _ => {}
            }
        }
    }
}

fn put(out: &mut Vec<u8>, kind: u8, fill: impl FnOnce(&mut Vec<u8>)) {
    let mut body = Vec::new();
    fill(&mut body);
    out.push(kind);
    out.extend((body.len() as i32 + 4).to_be_bytes());
    out.extend(body);
}

fn text(body: &mut Vec<u8>, text: &str) {
    body.extend(text.as_bytes());
    body.push(0);
}

struct Body<'a>(&'a [u8]);

impl Body<'_> {
    fn skip(&mut self, count: usize) {
        self.0 = self.0.get(count..).unwrap_or_default();
    }

    fn take(&mut self, count: usize) -> String {
        let taken = String::from_utf8_lossy(self.0.get(..count).unwrap_or_default()).into_owned();
        self.skip(count);
        taken
    }

    fn i16(&mut self) -> i16 {
        let number = self
            .0
            .first_chunk()
            .map_or(0, |bytes| i16::from_be_bytes(*bytes));
        self.skip(2);
        number
    }

    fn i32(&mut self) -> i32 {
        let number = self
            .0
            .first_chunk()
            .map_or(0, |bytes| i32::from_be_bytes(*bytes));
        self.skip(4);
        number
    }

    fn text(&mut self) -> String {
        let end = self
            .0
            .iter()
            .position(|byte| *byte == 0)
            .unwrap_or(self.0.len());
        let text = self.take(end);
        self.skip(1);
        text
    }

    fn report(&mut self) -> Report {
        let mut report = Report::default();
        while let Some(&kind) = self.0.first() {
            self.skip(1);
            if kind == 0 {
                break;
            }
            let value = self.text();
            match kind {
                b'V' => report.severity = value,
                b'C' => report.state = value,
                b'M' => report.message = value,
                b'D' => report.detail = value,
                b'H' => report.hint = value,
                b's' => report.schema = value,
                b't' => report.table = value,
                b'c' => report.column = value,
                b'd' => report.datatype = value,
                b'n' => report.constraint = value,
                b'P' => report.position = value,
                _ => {}
            }
        }
        report
    }
}
