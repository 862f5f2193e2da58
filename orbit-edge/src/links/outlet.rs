//! What waits to be sent over a link, within bounds.

use orbit_core::Error;
use orbit_core::actor::links::{Frame, Wire};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};
use tokio::sync::mpsc::{Receiver, Sender, channel};
use tokio::sync::oneshot;

/// Past these calls and messages are refused; answers still get in.
const MANY_FRAMES: usize = 1024;
const MANY_BYTES: usize = 512 << 10;
/// Past so much the link ends, whatever it is: the other side doesn't read.
const MOST_BYTES: usize = 8 << 20;
/// Answers to as many calls as either side takes, with room to spare. Past it the link ends.
const MOST_FRAMES: usize = 2 * MANY_FRAMES;

pub struct Outlet {
    /// None: it is closed.
    frames: Option<Sender<Result<Frame, Error>>>,
    /// Dropped when it is closed.
    open: Option<oneshot::Sender<()>>,
    bytes: Arc<AtomicUsize>,
}

pub struct Outward {
    frames: Receiver<Result<Frame, Error>>,
    bytes: Arc<AtomicUsize>,
}

/// Becomes ready when the outlet is closed, or gone.
pub type Closed = oneshot::Receiver<()>;

pub fn outlet() -> (Outlet, Outward, Closed) {
    let (sender, receiver) = channel(MOST_FRAMES);
    let bytes = Arc::new(AtomicUsize::new(0));
    let (open, closed) = oneshot::channel();
    let outlet = Outlet {
        frames: Some(sender),
        open: Some(open),
        bytes: bytes.clone(),
    };
    let outward = Outward {
        frames: receiver,
        bytes,
    };
    (outlet, outward, closed)
}

impl Wire for Outlet {
    fn send(&mut self, frame: Frame) -> bool {
        let bytes = frame.bytes();
        let Some(frames) = &self.frames else {
            return false;
        };
        if self.bytes.load(Ordering::Relaxed) > MOST_BYTES {
            return false;
        }
        // Counted before it can be taken out again.
        self.bytes.fetch_add(bytes, Ordering::Relaxed);
        let is_sent = frames.try_send(Ok(frame)).is_ok();
        if !is_sent {
            self.bytes.fetch_sub(bytes, Ordering::Relaxed);
        }
        is_sent
    }

    fn is_full(&self) -> bool {
        let waiting = |frames: &Sender<_>| frames.max_capacity() - frames.capacity();
        self.frames
            .as_ref()
            .is_none_or(|frames| waiting(frames) > MANY_FRAMES)
            || self.bytes.load(Ordering::Relaxed) > MANY_BYTES
    }

    fn close(&mut self, why: &Error) {
        self.open = None;
        if let Some(frames) = self.frames.take() {
            // With no room for it the other side learns of the end alone.
            let _ = frames.try_send(Err(why.clone()));
        }
    }
}

impl Outward {
    pub fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame, Error>>> {
        self.frames.poll_recv(cx).map(|next| {
            if let Some(Ok(frame)) = &next {
                self.bytes.fetch_sub(frame.bytes(), Ordering::Relaxed);
            }
            next
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use orbit_core::actor::links::Outcome;
    use orbit_core::state;
    use std::future::poll_fn;

    fn answer(bytes: usize) -> Frame {
        Frame::Answer {
            call: 1,
            outcome: Outcome::Done("x".repeat(bytes)),
        }
    }

    #[tokio::test]
    async fn so_much_waits_and_no_more() {
        let (mut outlet, mut outward, _closed) = outlet();
        assert!(!outlet.is_full());
        assert!(outlet.send(answer(MANY_BYTES)));
        assert!(outlet.is_full());
        poll_fn(|cx| outward.poll_next(cx)).await.unwrap().unwrap();
        assert!(!outlet.is_full(), "what was taken counts no more");
        for _ in 0..=MANY_FRAMES {
            assert!(outlet.send(Frame::Beat));
        }
        assert!(outlet.is_full());
        for _ in MANY_FRAMES + 1..MOST_FRAMES {
            assert!(outlet.send(answer(1)), "answers get in");
        }
        assert!(!outlet.send(answer(1)));
        drop(outward);
        assert!(!outlet.send(Frame::Beat));
    }

    #[tokio::test]
    async fn who_does_not_read_what_is_large_is_cut_off() {
        let (mut outlet, _outward, _closed) = outlet();
        let sent = (0..100)
            .take_while(|_| outlet.send(answer(MANY_BYTES)))
            .count();
        assert!((16..=17).contains(&sent), "{sent}");
    }

    #[tokio::test]
    async fn the_end_is_told() {
        let (mut outlet, mut outward, closed) = outlet();
        outlet.send(Frame::Beat);
        outlet.close(&Error::new(state::DUPLICATE_OBJECT, "taken"));
        assert!(!outlet.send(Frame::Beat));
        assert!(closed.await.is_err(), "who reads is told");
        let mut next = async || poll_fn(|cx| outward.poll_next(cx)).await;
        assert_eq!(next().await.unwrap().unwrap(), Frame::Beat);
        assert!(
            next()
                .await
                .unwrap()
                .unwrap_err()
                .is(state::DUPLICATE_OBJECT)
        );
        assert!(next().await.is_none());
    }
}
