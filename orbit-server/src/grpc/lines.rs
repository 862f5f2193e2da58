//! Connections of gRPC clients, in the clear or within TLS, from accept to the server
//! that speaks over them. What is in their startup is bounded, and so is their number.

use crate::pg::{Stream, encryption};
use crate::tls::{self, Tls};
use orbit_query::{Encryption, Ends};
use std::io;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio::time::{sleep, timeout};
use tonic::transport::server::Connected;

/// After a failed accept, mostly for want of file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
/// The first byte of TLS; HTTP/2 in the clear begins with a letter.
const TLS_HANDSHAKE: u8 = 0x16;

/// What is known of a connection. Lives as long as it does.
pub struct Line {
    pub number: u64,
    pub address: IpAddr,
    pub ends: Ends,
    /// `None`: in the clear.
    pub encryption: Option<Encryption>,
    /// The common name of a certificate that was checked.
    pub certificate: Option<String>,
}

impl Line {
    fn of(stream: &Stream, address: IpAddr) -> Line {
        static LAST: AtomicU64 = AtomicU64::new(0);
        Line {
            number: LAST.fetch_add(1, Ordering::Relaxed),
            address,
            ends: Ends {
                client: stream.tcp().peer_addr().ok(),
                server: stream.tcp().local_addr().ok(),
            },
            encryption: stream.tls().map(encryption),
            certificate: stream.tls().and_then(tls::client_name),
        }
    }
}

/// A connection as the gRPC server takes it.
pub struct Wire {
    stream: Stream,
    line: Arc<Line>,
    _place: OwnedSemaphorePermit,
}

impl Connected for Wire {
    type ConnectInfo = Arc<Line>;

    fn connect_info(&self) -> Arc<Line> {
        self.line.clone()
    }
}

impl AsyncRead for Wire {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        space: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_read(cx, space)
    }
}

impl AsyncWrite for Wire {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().stream).poll_write(cx, bytes)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_shutdown(cx)
    }
}

pub struct Lines {
    pub tls: Option<Arc<Tls>>,
    /// Whether others than this machine can reach the listener: nobody in the clear then.
    pub open: bool,
    pub patience: Duration,
    /// Connections at one time; one more is closed at once.
    pub most: usize,
}

impl Lines {
    /// Accepts until the receiver is dropped.
    pub fn accept(self, listener: TcpListener) -> mpsc::Receiver<io::Result<Wire>> {
        let (ready, lines) = mpsc::channel(16);
        tokio::spawn(async move {
            let places = Arc::new(Semaphore::new(self.most));
            let lines = Arc::new(self);
            loop {
                let accepted = tokio::select! {
                    () = ready.closed() => return,
                    accepted = listener.accept() => accepted,
                };
                match accepted {
                    Ok((stream, peer)) => {
                        let Ok(place) = places.clone().try_acquire_owned() else {
                            continue;
                        };
                        let (lines, ready) = (lines.clone(), ready.clone());
                        tokio::spawn(async move {
                            let opening = lines.open(stream, peer.ip(), place);
                            if let Ok(Some(wire)) = timeout(lines.patience, opening).await {
                                let _ = ready.send(Ok(wire)).await;
                            }
                        });
                    }
                    Err(error) => {
                        tracing::warn!(%error, "accepting a gRPC connection failed");
                        sleep(ACCEPT_PAUSE).await;
                    }
                }
            }
        });
        lines
    }

    /// `None`: gone, or not to be spoken with.
    async fn open(
        &self,
        tcp: TcpStream,
        address: IpAddr,
        place: OwnedSemaphorePermit,
    ) -> Option<Wire> {
        let _ = tcp.set_nodelay(true);
        let stream = match &self.tls {
            Some(tls) if self.open || wants_tls(&tcp).await => match tls.accept_grpc(tcp).await {
                Ok(stream) => Stream::Tls(Box::new(stream)),
                Err(error) => {
                    tracing::warn!(%error, %address, "a gRPC client's TLS handshake failed");
                    return None;
                }
            },
            _ if self.open => return None,
            _ => Stream::Plain(tcp),
        };
        let line = Line::of(&stream, address);
        Some(Wire {
            stream,
            line: Arc::new(line),
            _place: place,
        })
    }
}

async fn wants_tls(stream: &TcpStream) -> bool {
    let mut first = [0];
    matches!(stream.peek(&mut first).await, Ok(1)) && first == [TLS_HANDSHAKE]
}
