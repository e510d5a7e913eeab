//! A client's connection, as everybody but its socket sees it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use serde::Serialize;
use signalr::{Close, Completion};

use crate::counts::Counts;
use crate::frame::Frame;
use crate::outbox::{Outbox, Pushed};

/// A client's connection: what waits for it, and what it has under way.
pub struct Connection {
    pub(crate) outbox: Outbox,
    under_way: AtomicUsize,
    resting: AtomicBool,
    /// How many invocations have ended, and whether the socket waits for the next one to.
    ended: AtomicUsize,
    awaited: AtomicBool,
    counts: Arc<Counts>,
}

impl Connection {
    /// A connection to which at most so many bytes may wait.
    pub(crate) fn new(queue_bytes: usize, counts: Arc<Counts>) -> Self {
        Self {
            outbox: Outbox::new(queue_bytes),
            under_way: AtomicUsize::new(0),
            resting: AtomicBool::new(false),
            ended: AtomicUsize::new(0),
            awaited: AtomicBool::new(false),
            counts,
        }
    }

    /// Tells the client of something: invokes a method of its own.
    pub fn send(&self, target: &str, argument: &impl Serialize) {
        self.push(Frame::event(target, argument));
    }

    /// Answers an invocation, if its caller waits for an answer.
    pub fn answer(&self, invocation_id: Option<&str>, result: &impl Serialize) {
        if let Some(id) = invocation_id {
            self.push(Frame::encode(256, |out| Completion::encode_result(id, result, out)));
        }
    }

    /// Answers an invocation with an error, if its caller waits for an answer.
    pub fn refuse(&self, invocation_id: Option<&str>, error: &str) {
        if let Some(id) = invocation_id {
            self.push(Frame::encode(error.len() + 64, |out| Completion::encode_error(id, error, out)));
        }
    }

    /// Writes a frame when its turn comes.
    pub fn push(&self, frame: Frame) {
        self.queue(frame);
        self.flush();
    }

    /// Queues a frame, to be written with what else comes until [`Self::flush`]. A client that doesn't read is cut off: it may
    /// come back and catch up.
    pub fn queue(&self, frame: Frame) {
        if self.outbox.push(frame) == Pushed::Full {
            self.counts.cut_off();
            self.cut_off(&Close::failed("the client reads too slowly"));
        }
    }

    /// Has what was queued written.
    pub fn flush(&self) {
        self.outbox.flush();
    }

    /// How many bytes more may be queued now of what is not urgent; the rest is kept for what happens meanwhile.
    #[must_use]
    pub fn room(&self) -> usize {
        self.outbox.room()
    }

    /// Whether there is much room. If not, [`crate::Hub::has_room_again`] tells when.
    #[must_use]
    pub fn has_room(&self) -> bool {
        self.outbox.has_room()
    }

    /// Whether the connection is about to end: nothing more is written to it.
    #[must_use]
    pub fn has_ended(&self) -> bool {
        self.outbox.has_ended()
    }

    /// Ends the connection after what waits is written.
    pub fn end(&self, close: &Close<'_>) {
        self.outbox.end(Some(Frame::encode(64, |out| close.encode(out))), true);
    }

    /// Ends the connection at once; what waits is dropped.
    pub fn cut_off(&self, close: &Close<'_>) {
        self.outbox.end(Some(Frame::encode(64, |out| close.encode(out))), false);
    }

    /// An invocation begins that goes on by itself.
    pub fn begin(&self) {
        self.under_way.fetch_add(1, Ordering::Relaxed);
        self.counts.invoked();
    }

    /// An invocation that has begun has ended.
    pub fn finish(&self) {
        self.under_way.fetch_sub(1, Ordering::SeqCst);
        self.counts.ended();
        self.ended.fetch_add(1, Ordering::SeqCst);
        if self.awaited.swap(false, Ordering::SeqCst) {
            self.outbox.wake();
        }
    }

    /// Reads nothing more from the client.
    pub(crate) fn rest(&self) {
        self.resting.store(true, Ordering::Relaxed);
        self.outbox.wake();
    }

    /// Whether the client may want something more. If not, [`Self::await_end`] tells when to ask again.
    pub(crate) fn may_ask(&self, at_most: usize) -> bool {
        !self.resting.load(Ordering::Relaxed) && self.under_way.load(Ordering::SeqCst) < at_most
    }

    /// Whether no invocation is under way.
    pub(crate) fn is_idle(&self) -> bool {
        self.under_way.load(Ordering::SeqCst) == 0
    }

    /// How many invocations have ended.
    pub(crate) fn ended(&self) -> usize {
        self.ended.load(Ordering::SeqCst)
    }

    /// How many invocations have ended. When the next one has, the socket is woken.
    pub(crate) fn await_end(&self) -> usize {
        self.awaited.store(true, Ordering::SeqCst);
        self.ended()
    }

    pub(crate) fn reads_too_slowly(&self) {
        self.counts.cut_off();
    }
}

impl AsRef<Self> for Connection {
    fn as_ref(&self) -> &Self {
        self
    }
}
