//! Lanes: sends wait here until the batch before them has returned.

use std::collections::VecDeque;
use std::hash::{BuildHasher, RandomState};
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::Notify;
use tokio::time::{Instant, timeout};

use crate::Limits;
use crate::relay::Inner;
use crate::ticket::Ticket;

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

/// A queue with one batch in flight: whatever has queued up when a batch returns is the next one. There is no timer: at
/// low load a batch is one message, at once; under load the cost of a batch is shared.
pub(crate) struct Lane {
    queue: Mutex<VecDeque<Item>>,
    ready: Notify,
}

/// The lanes. A conversation always uses the same one, so that each sender's order is kept.
pub(crate) struct Lanes {
    lanes: Vec<Arc<Lane>>,
    hasher: RandomState,
    capacity: usize,
}

impl Lanes {
    /// As many as the limits say, at least one.
    pub(crate) fn new(limits: &Limits) -> Self {
        let lane = || Arc::new(Lane { queue: Mutex::default(), ready: Notify::new() });
        Self {
            lanes: (0..limits.lanes.max(1)).map(|_| lane()).collect(),
            hasher: RandomState::new(),
            capacity: limits.lane_queue,
        }
    }

    /// Queues a message of this conversation.
    ///
    /// # Errors
    /// Gives the message back when its lane is full.
    pub(crate) fn push(&self, conversation: &str, item: Item) -> Result<(), Item> {
        let lane = self.lane(conversation);
        let mut queue = lane.queue.lock();
        if queue.len() >= self.capacity {
            return Err(item);
        }
        queue.push_back(item);
        drop(queue);
        lane.ready.notify_one();
        Ok(())
    }

    /// All of them.
    pub(crate) fn all(&self) -> &[Arc<Lane>] {
        &self.lanes
    }

    #[expect(clippy::indexing_slicing, reason = "a remainder of the length is within it")]
    fn lane(&self, conversation: &str) -> &Lane {
        let hash = self.hasher.hash_one(conversation) as usize;
        &self.lanes[hash % self.lanes.len()]
    }
}

impl Lane {
    /// Sends what comes, batch after batch, for as long as it is polled.
    pub(crate) async fn work(&self, relay: &Arc<Inner>) {
        loop {
            let batch = self.take(&relay.limits);
            if batch.is_empty() {
                self.ready.notified().await;
                continue;
            }
            let mut sending = pin!(relay.send(batch));
            while timeout(PATIENCE, &mut sending).await.is_err() {
                // Nobody waits longer than promised, not even behind a batch that hangs.
                for item in self.expired(Instant::now()) {
                    relay.give_up(&item);
                }
            }
        }
    }

    fn take(&self, limits: &Limits) -> Vec<Item> {
        let mut queue = self.queue.lock();
        let mut bytes = 0;
        let fits = queue.iter().take(limits.batch_messages).take_while(|item| {
            bytes += item.json.len();
            bytes <= limits.batch_bytes
        });
        // A message that is larger than a batch may be is a batch by itself.
        let count = fits.count().max(1).min(queue.len());
        let batch = queue.drain(..count).collect();
        if queue.is_empty() && queue.capacity() > limits.batch_messages * 4 {
            *queue = VecDeque::new();
        }
        batch
    }

    fn expired(&self, now: Instant) -> Vec<Item> {
        let mut queue = self.queue.lock();
        let count = queue.iter().take_while(|item| item.ticket.deadline <= now).count();
        queue.drain(..count).collect()
    }
}
