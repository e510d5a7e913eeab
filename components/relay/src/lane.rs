//! Lanes: sends wait here until a batch takes them along. What a batch takes is [`Waiting`]'s to say.

use std::hash::{BuildHasher, RandomState};
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::Notify;
use tokio::time::{Instant, timeout};

use crate::relay::Inner;
use crate::ticket::Ticket;
use crate::waiting::{Flight, Waiting};

/// After so long a batch is slow, and nobody counts on its lane any more.
const SLOW: Duration = Duration::from_millis(20);

/// How often those who wait behind a slow batch are looked at.
const PATIENCE: Duration = Duration::from_millis(250);

/// One message that waits to be sent.
pub(crate) struct Item {
    /// Who waits for it.
    pub(crate) ticket: Arc<Ticket>,
    /// The item of the batch, encoded but for its beginning, which names the token.
    pub(crate) json: Box<[u8]>,
    /// Since when it waits.
    pub(crate) queued: Instant,
}

/// A queue, and the lanes that take batches from it, each with one in flight. There is no timer: at low load a batch is
/// one message, at once; under load the cost of a batch is shared.
#[derive(Default)]
pub(crate) struct Lanes {
    waiting: Mutex<Waiting<Item>>,
    ready: Notify,
    hasher: RandomState,
}

impl Inner {
    /// Queues a message of this conversation.
    ///
    /// # Errors
    /// Gives the message back when too many wait.
    pub(crate) fn queue(&self, conversation: &str, item: Item) -> Result<(), Item> {
        let key = self.lanes.hasher.hash_one(conversation);
        let bytes = item.json.len();
        if self.lanes.waiting.lock().push(key, bytes, item, &self.limits)? {
            self.lanes.ready.notify_one();
        }
        Ok(())
    }

    /// The work of one lane: sends what comes, batch after batch, for as long as it is polled.
    pub(crate) async fn work_a_lane(self: &Arc<Self>) {
        let lanes = &self.lanes;
        loop {
            let taken = lanes.waiting.lock().take(&self.limits);
            let Some((batch, flight)) = taken else {
                lanes.ready.notified().await;
                continue;
            };
            let mut journey = Journey { lanes, flight: Some(flight), began: Instant::now() };
            if batch.len() == self.limits.batch_messages {
                // It had no room for more, so there may be work for the next lane.
                lanes.ready.notify_one();
            }
            let mut sending = pin!(self.send(batch));
            if timeout(SLOW, &mut sending).await.is_ok() {
                continue;
            }
            journey.slow();
            while timeout(PATIENCE, &mut sending).await.is_err() {
                // Nobody waits longer than promised, not even behind a batch that hangs.
                let now = Instant::now();
                let expired = lanes.waiting.lock().expired(|item| item.ticket.deadline <= now);
                for item in expired {
                    self.give_up(&item);
                }
            }
        }
    }
}

/// A batch in flight, which has returned however its sending ends.
struct Journey<'l> {
    lanes: &'l Lanes,
    flight: Option<Flight>,
    began: Instant,
}

impl Journey<'_> {
    fn slow(&mut self) {
        if let Some(flight) = &mut self.flight {
            self.lanes.waiting.lock().slow(flight);
            self.lanes.ready.notify_one();
        }
    }
}

impl Drop for Journey<'_> {
    fn drop(&mut self) {
        if let Some(flight) = self.flight.take() {
            self.lanes.waiting.lock().returned(flight, self.began.elapsed());
        }
    }
}
