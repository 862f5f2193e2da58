//! A way to a server on which everything takes its time, and that can be cut.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, sleep_until};

/// Read at once; what is under way at most is so much in so many pieces.
const PIECE_BYTES: usize = 16 << 10;
const PIECES: usize = 256;

pub struct Delay {
    /// Where to connect to.
    pub address: SocketAddr,
    is_cut: watch::Sender<bool>,
}

impl Delay {
    /// In front of a server, so long each way.
    pub async fn before(server: SocketAddr, each_way: Duration) -> io::Result<Delay> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let (is_cut, cut) = watch::channel(false);
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let mut cut = cut.clone();
                tokio::spawn(async move {
                    if *cut.borrow() {
                        return;
                    }
                    tokio::select! {
                        _ = carry(client, server, each_way) => {}
                        _ = cut.wait_for(|is_cut| *is_cut) => {}
                    }
                });
            }
        });
        Ok(Delay { address, is_cut })
    }

    /// Ends the connections there are, and takes no others.
    pub fn cut(&self) {
        self.is_cut.send_replace(true);
    }

    pub fn heal(&self) {
        self.is_cut.send_replace(false);
    }
}

async fn carry(client: TcpStream, server: SocketAddr, each_way: Duration) -> io::Result<()> {
    let server = TcpStream::connect(server).await?;
    for stream in [&client, &server] {
        stream.set_nodelay(true)?;
    }
    let (from_client, to_client) = client.into_split();
    let (from_server, to_server) = server.into_split();
    tokio::try_join!(
        one_way(from_client, to_server, each_way),
        one_way(from_server, to_client, each_way)
    )?;
    Ok(())
}

async fn one_way(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    delay: Duration,
) -> io::Result<()> {
    let (read, mut under_way) = mpsc::channel::<(Instant, Vec<u8>)>(PIECES);
    let reading = async move {
        loop {
            let mut piece = vec![0; PIECE_BYTES];
            let bytes = from.read(&mut piece).await?;
            piece.truncate(bytes);
            if bytes == 0 || read.send((Instant::now() + delay, piece)).await.is_err() {
                return Ok(());
            }
        }
    };
    let writing = async move {
        while let Some((due, piece)) = under_way.recv().await {
            sleep_until(due).await;
            to.write_all(&piece).await?;
        }
        to.shutdown().await
    };
    tokio::try_join!(reading, writing).map(drop)
}
