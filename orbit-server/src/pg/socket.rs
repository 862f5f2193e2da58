//! The two ends of a connection's buffers, and the wait for a statement.

use super::backend::Output;
use super::cancel::Stop;
use super::errors::End;
use super::input::Input;
use super::stream::Stream;
use futures::FutureExt;
use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, Interest, ReadBuf};

/// How often a long statement looks whether its client is still there.
const CLIENT_CHECK: Duration = Duration::from_millis(250);

pub struct Socket {
    stream: Stream,
    stop: Arc<Stop>,
    /// Something may lie in TLS's own buffer.
    holds: bool,
}

impl Socket {
    pub fn new(stream: Stream, stop: Arc<Stop>) -> Self {
        Socket {
            stream,
            stop,
            holds: false,
        }
    }

    /// Reads what there is. Only when there is nothing yet is the output sent,
    /// so the answers to a client that pipelines leave together.
    pub async fn fill(
        &mut self,
        input: &mut Input,
        out: &mut Output,
        copying: bool,
    ) -> Result<(), End> {
        poll_fn(|cx| {
            if self.stop.is_asked(cx.waker()) {
                return Poll::Ready(Err(End::Stop));
            }
            let mut space = ReadBuf::new(input.space(copying));
            if let Poll::Ready(done) = Pin::new(&mut self.stream).poll_read(cx, &mut space) {
                done?;
                let received = space.filled().len();
                input.received(received);
                return Poll::Ready(if received == 0 {
                    Err(End::Gone)
                } else {
                    Ok(())
                });
            }
            ready!(self.poll_flush(cx, out))?;
            out.rest();
            input.rest(copying);
            Poll::Pending
        })
        .await
    }

    /// Sends all there is; waits for a client that reads slowly.
    pub async fn flush(&mut self, out: &mut Output) -> Result<(), End> {
        poll_fn(|cx| {
            let stop = self.stop.is_asked(cx.waker());
            match self.poll_flush(cx, out) {
                Poll::Pending if stop => Poll::Ready(Err(End::Stop)),
                other => other,
            }
        })
        .await
    }

    /// Sends the last words of a connection that ends; stopping doesn't stop them.
    pub async fn flush_last(&mut self, out: &mut Output) -> Result<(), End> {
        poll_fn(|cx| self.poll_flush(cx, out)).await?;
        poll_fn(|cx| Pin::new(&mut self.stream).poll_shutdown(cx)).await?;
        Ok(())
    }

    fn poll_flush(&mut self, cx: &mut Context<'_>, out: &mut Output) -> Poll<Result<(), End>> {
        while !out.unsent().is_empty() {
            match ready!(Pin::new(&mut self.stream).poll_write(cx, out.unsent()))? {
                0 => return Poll::Ready(Err(End::Gone)),
                sent => {
                    out.advance(sent);
                    self.holds = self.stream.is_encrypted();
                }
            }
        }
        // TLS takes more than it has sent.
        if self.holds {
            ready!(Pin::new(&mut self.stream).poll_flush(cx))?;
            self.holds = false;
        }
        Poll::Ready(Ok(()))
    }

    /// Waits for a statement's work, and gives it up when the client is gone or
    /// the server stops: the caller drops the work, which undoes it. Most
    /// statements finish in the first poll and cost nothing here.
    pub async fn attend<F: Future>(&self, mut work: Pin<&mut F>) -> Result<F::Output, End> {
        let mut timer = pin!(None::<tokio::time::Sleep>);
        poll_fn(|cx| {
            if let Poll::Ready(done) = work.as_mut().poll(cx) {
                return Poll::Ready(Ok(done));
            }
            if self.stop.is_asked(cx.waker()) {
                return Poll::Ready(Err(End::Stop));
            }
            loop {
                if let Some(sleep) = timer.as_mut().as_pin_mut() {
                    if sleep.poll(cx).is_pending() {
                        return Poll::Pending;
                    }
                    if self.client_is_gone() {
                        return Poll::Ready(Err(End::Gone));
                    }
                }
                timer.set(Some(tokio::time::sleep(CLIENT_CHECK)));
            }
        })
        .await
    }

    fn client_is_gone(&self) -> bool {
        match self.stream.tcp().ready(Interest::READABLE).now_or_never() {
            Some(Ok(ready)) => ready.is_read_closed(),
            Some(Err(_)) => true,
            None => false,
        }
    }
}
