//! A client that says exactly what a test wants said, also what no driver would.

use crate::pg::{Reception, ServeOptions, serve};
use std::net::SocketAddr;
use std::time::Duration;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

/// A server for one test.
pub struct Server {
    pub address: SocketAddr,
    stop: oneshot::Sender<()>,
    task: JoinHandle<orbit_core::Result<()>>,
    _directory: TempDir,
}

impl Server {
    pub async fn start(options: ServeOptions) -> Server {
        let (engine, directory) = super::engine::engine();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopped) = oneshot::channel();
        let task = tokio::spawn(serve(listener, Reception::new(engine, options), async {
            stopped.await.ok();
        }));
        Server {
            address,
            stop,
            task,
            _directory: directory,
        }
    }

    pub async fn client(&self) -> Client {
        let mut client = Client::connect(self.address).await;
        client.greeting = client.start().await;
        client
    }

    pub async fn stop(self) {
        self.stop.send(()).unwrap();
        self.task.await.unwrap().unwrap();
    }
}

/// A message of the server: its type and its body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message(pub char, pub Vec<u8>);

impl Message {
    /// A field of an error or a notice.
    pub fn field(&self, name: u8) -> String {
        assert!(matches!(self.0, 'E' | 'N'), "{self:?}");
        self.1
            .split(|byte| *byte == 0)
            .find_map(|field| field.strip_prefix(&[name]))
            .map(|text| String::from_utf8(text.to_vec()).unwrap())
            .unwrap_or_default()
    }

    pub fn code(&self) -> String {
        self.field(b'C')
    }

    /// The tag of a CommandComplete.
    pub fn tag(&self) -> String {
        assert_eq!(self.0, 'C');
        String::from_utf8(self.1[..self.1.len() - 1].to_vec()).unwrap()
    }

    /// The values of a DataRow.
    pub fn values(&self) -> Vec<Option<Vec<u8>>> {
        assert_eq!(self.0, 'D');
        let mut rest = &self.1[2..];
        let mut values = Vec::new();
        while !rest.is_empty() {
            let length = i32::from_be_bytes(rest[..4].try_into().unwrap());
            rest = &rest[4..];
            values.push(usize::try_from(length).ok().map(|length| {
                let (value, after) = rest.split_at(length);
                rest = after;
                value.to_vec()
            }));
        }
        values
    }
}

pub struct Client {
    pub stream: TcpStream,
    pub greeting: Vec<Message>,
    unsent: Vec<u8>,
}

/// The types of some messages, in one string.
pub fn types(messages: &[Message]) -> String {
    messages.iter().map(|message| message.0).collect()
}

const PATIENCE: Duration = Duration::from_secs(60);

impl Client {
    pub async fn connect(address: SocketAddr) -> Client {
        Client {
            stream: TcpStream::connect(address).await.unwrap(),
            greeting: Vec::new(),
            unsent: Vec::new(),
        }
    }

    pub async fn start(&mut self) -> Vec<Message> {
        self.packet(&[&(3_i32 << 16).to_be_bytes()[..], b"user\0orbit\0\0"].concat())
            .await;
        self.until_ready().await
    }

    /// A packet without a type, as before the session.
    pub async fn packet(&mut self, body: &[u8]) {
        let length = i32::try_from(body.len() + 4).unwrap().to_be_bytes();
        self.stream
            .write_all(&[&length[..], body].concat())
            .await
            .unwrap();
    }

    pub fn say(&mut self, kind: char, body: &[u8]) -> &mut Self {
        self.unsent.push(kind as u8);
        self.unsent
            .extend_from_slice(&i32::try_from(body.len() + 4).unwrap().to_be_bytes());
        self.unsent.extend_from_slice(body);
        self
    }

    pub fn parse(&mut self, name: &str, sql: &str) -> &mut Self {
        let body = [name.as_bytes(), b"\0", sql.as_bytes(), b"\0\0\0"].concat();
        self.say('P', &body)
    }

    /// Parameters and results as text.
    pub fn bind(&mut self, portal: &str, statement: &str, values: &[&str]) -> &mut Self {
        self.bind_as(
            portal,
            statement,
            0,
            values.iter().map(|value| value.as_bytes()),
            0,
        )
    }

    pub fn bind_as<'a>(
        &mut self,
        portal: &str,
        statement: &str,
        param_format: u8,
        values: impl ExactSizeIterator<Item = &'a [u8]>,
        result_format: u8,
    ) -> &mut Self {
        let mut body = [
            portal.as_bytes(),
            b"\0",
            statement.as_bytes(),
            b"\0\0\x01\0",
        ]
        .concat();
        body.push(param_format);
        body.extend_from_slice(&u16::try_from(values.len()).unwrap().to_be_bytes());
        for value in values {
            body.extend_from_slice(&i32::try_from(value.len()).unwrap().to_be_bytes());
            body.extend_from_slice(value);
        }
        body.extend_from_slice(&[0, 1, 0, result_format]);
        self.say('B', &body)
    }

    pub fn describe(&mut self, kind: char, name: &str) -> &mut Self {
        let body = [&[kind as u8], name.as_bytes(), b"\0"].concat();
        self.say('D', &body)
    }

    pub fn execute(&mut self, portal: &str, limit: i32) -> &mut Self {
        let body = [portal.as_bytes(), b"\0", &limit.to_be_bytes()].concat();
        self.say('E', &body)
    }

    pub fn sync(&mut self) -> &mut Self {
        self.say('S', b"")
    }

    pub async fn send(&mut self) {
        let bytes = std::mem::take(&mut self.unsent);
        self.stream.write_all(&bytes).await.unwrap();
    }

    /// `None` when the server has closed the connection.
    pub async fn receive(&mut self) -> Option<Message> {
        let read = async {
            let mut header = [0; 5];
            self.stream.read_exact(&mut header).await.ok()?;
            let length = u32::from_be_bytes(header[1..].try_into().unwrap()) as usize;
            let mut body = vec![0; length - 4];
            self.stream.read_exact(&mut body).await.ok()?;
            Some(Message(header[0] as char, body))
        };
        tokio::time::timeout(PATIENCE, read)
            .await
            .expect("the server says nothing")
    }

    /// Messages up to the first of a type, or to the end of the connection.
    pub async fn until(&mut self, last: char) -> Vec<Message> {
        let mut messages = Vec::new();
        while let Some(message) = self.receive().await {
            let end = message.0 == last;
            messages.push(message);
            if end {
                break;
            }
        }
        messages
    }

    pub async fn until_ready(&mut self) -> Vec<Message> {
        self.until('Z').await
    }

    pub async fn talk(&mut self) -> Vec<Message> {
        self.send().await;
        self.until_ready().await
    }

    pub async fn query(&mut self, sql: &str) -> Vec<Message> {
        self.say('Q', &[sql.as_bytes(), b"\0"].concat())
            .talk()
            .await
    }

    /// One text value: the answer of a query that has only one.
    pub async fn value(&mut self, sql: &str) -> String {
        let messages = self.query(sql).await;
        let row = messages.iter().find(|message| message.0 == 'D');
        let row = row.unwrap_or_else(|| panic!("{sql}: {messages:?}"));
        String::from_utf8(row.values().remove(0).unwrap()).unwrap()
    }
}
