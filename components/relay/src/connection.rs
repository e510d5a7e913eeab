//! A client's connection, as everybody but its socket sees it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use chat::Actor;
use parking_lot::Mutex;
use serde::Serialize;
use signalr::{Close, Completion, Invocation};
use tokio_tungstenite::tungstenite::Utf8Bytes;

use crate::account::Guest;
use crate::door::Door;
use crate::holds::Holds;
use crate::metrics::Metrics;
use crate::outbox::{Outbox, Pushed};
use crate::post::{Post, encode};

/// A client's connection: whose it is, what waits for it, what it has under way.
pub(crate) struct Connection {
    /// Whose it is.
    pub(crate) actor: Actor,
    /// The token that proves it, with which functions are asked in the user's name.
    pub(crate) token: Box<str>,
    /// What a function has vouched for of the token, to be shown beside it.
    voucher: Mutex<Option<Arc<str>>>,
    /// Whose limits it counts towards.
    pub(crate) guest: Guest,
    /// What waits to be written.
    pub(crate) outbox: Outbox,
    /// The conversations that know this connection.
    doors: Mutex<Vec<Arc<Door>>>,
    /// The conversations that it is about to join: what it wants of them meanwhile waits.
    joining: Mutex<Vec<Arc<Door>>>,
    /// The order of its messages. Held while one is queued, so that none slips by.
    pub(crate) holds: Mutex<Holds>,
    under_way: AtomicUsize,
    resting: AtomicBool,
    /// How many invocations have ended, and whether the socket waits for the next one to.
    ended: AtomicUsize,
    awaited: AtomicBool,
    metrics: Arc<Metrics>,
}

impl Connection {
    /// A connection of this user, to which at most so many bytes may wait.
    pub(crate) fn new(actor: Actor, token: &str, guest: Guest, queue_bytes: usize, metrics: Arc<Metrics>) -> Arc<Self> {
        Arc::new(Self {
            actor,
            token: token.into(),
            voucher: Mutex::default(),
            guest,
            outbox: Outbox::new(queue_bytes),
            doors: Mutex::default(),
            joining: Mutex::default(),
            holds: Mutex::default(),
            under_way: AtomicUsize::new(0),
            resting: AtomicBool::new(false),
            ended: AtomicUsize::new(0),
            awaited: AtomicBool::new(false),
            metrics,
        })
    }

    /// What is to be shown beside the token.
    pub(crate) fn voucher(&self) -> Option<Arc<str>> {
        self.voucher.lock().clone()
    }

    /// Takes what a function vouches for.
    pub(crate) fn take_voucher(&self, voucher: &str) {
        *self.voucher.lock() = Some(voucher.into());
    }

    /// Queues a message for the client, to be written with what else comes until [`Self::flush`].
    pub(crate) fn deliver(&self, post: &Post) {
        self.metrics.deliveries.add(1);
        self.queue(post.event());
    }

    /// Has what was queued written.
    pub(crate) fn flush(&self) {
        self.outbox.flush();
    }

    /// Tells the client of something else.
    pub(crate) fn tell(&self, event: &str, what: &impl Serialize) {
        self.push(encode(256, |out| Invocation::encode_event(event, what, out)));
    }

    /// Answers an invocation, if its caller waits for an answer.
    pub(crate) fn answer(&self, invocation_id: Option<&str>, result: &impl Serialize) {
        if let Some(id) = invocation_id {
            self.push(encode(256, |out| Completion::encode_result(id, result, out)));
        }
    }

    /// Answers an invocation with an error, if its caller waits for an answer.
    pub(crate) fn refuse(&self, invocation_id: Option<&str>, error: &str) {
        if let Some(id) = invocation_id {
            self.push(encode(error.len() + 64, |out| Completion::encode_error(id, error, out)));
        }
    }

    /// Writes a frame when its turn comes.
    pub(crate) fn push(&self, frame: Utf8Bytes) {
        self.queue(frame);
        self.flush();
    }

    /// Queues a frame. A client that doesn't read is cut off: it may come back and catch up.
    pub(crate) fn queue(&self, frame: Utf8Bytes) {
        if self.outbox.push(frame) == Pushed::Full {
            self.metrics.slow_readers.add(1);
            self.cut_off(&Close::failed("the client reads too slowly"));
        }
    }

    /// Ends the connection after what waits is written.
    pub(crate) fn end(&self, close: &Close<'_>) {
        self.outbox.end(Some(encode(64, |out| close.encode(out))), true);
    }

    /// Ends the connection at once; what waits is dropped.
    pub(crate) fn cut_off(&self, close: &Close<'_>) {
        self.outbox.end(Some(encode(64, |out| close.encode(out))), false);
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

    /// An invocation begins.
    pub(crate) fn begin(&self) {
        self.under_way.fetch_add(1, Ordering::Relaxed);
        self.metrics.invocations.add(1);
    }

    /// An invocation has ended.
    pub(crate) fn finish(&self) {
        self.under_way.fetch_sub(1, Ordering::SeqCst);
        self.metrics.invocations.sub(1);
        self.ended.fetch_add(1, Ordering::SeqCst);
        if self.awaited.swap(false, Ordering::SeqCst) {
            self.outbox.wake();
        }
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

    /// A conversation knows this connection from now on.
    pub(crate) fn enter(&self, door: &Arc<Door>) {
        self.doors.lock().push(Arc::clone(door));
    }

    /// A conversation knows this connection no longer.
    pub(crate) fn exit(&self, door: &Door) {
        self.doors.lock().retain(|known| !std::ptr::eq(known.as_ref(), door));
    }

    /// The conversations that know this connection.
    pub(crate) fn doors(&self) -> Vec<Arc<Door>> {
        self.doors.lock().clone()
    }

    /// The conversations that know this connection, which forgets them.
    pub(crate) fn take_doors(&self) -> Vec<Arc<Door>> {
        std::mem::take(&mut *self.doors.lock())
    }

    /// The connection is about to join a conversation.
    pub(crate) fn begin_join(&self, door: &Arc<Door>) {
        self.joining.lock().push(Arc::clone(door));
    }

    /// The connection has joined a conversation, or failed to.
    pub(crate) fn end_join(&self, door: &Door) {
        let mut joining = self.joining.lock();
        joining.retain(|under_way| !std::ptr::eq(under_way.as_ref(), door));
        if joining.is_empty() {
            *joining = Vec::new();
        }
    }

    /// Whether the connection is about to join this conversation.
    pub(crate) fn is_joining(&self, id: &str) -> bool {
        self.joining.lock().iter().any(|door| door.id.as_str() == id)
    }
}
