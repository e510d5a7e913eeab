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
use crate::waiting::{Crowded, Flight, Key, Place, Waiting};

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
    pub(crate) waiting: Mutex<Waiting<Item>>,
    pub(crate) ready: Notify,
    hasher: RandomState,
}

impl Inner {
    /// What names a conversation or a user here.
    pub(crate) fn key(&self, id: &str) -> Key {
        self.lanes.hasher.hash_one(id)
    }

    /// Queues a message.
    ///
    /// # Errors
    /// Gives the message back when too many wait.
    pub(crate) fn queue(&self, item: Item) -> Result<(), (Item, Crowded)> {
        let place = Place {
            conversation: item.ticket.message.conversation,
            sender: self.key(item.ticket.connection.actor.user.as_str()),
            bytes: item.json.len(),
        };
        if self.lanes.waiting.lock().push(place, item, &self.limits)? {
            self.lanes.ready.notify_one();
        }
        Ok(())
    }

    /// Takes out a message, if it waits, and what waits behind it of the same connection and conversation.
    pub(crate) fn withdraw(&self, ticket: &Ticket) -> Vec<Item> {
        let affected = |item: &Item| *ticket == *item.ticket || ticket.precedes(&item.ticket);
        self.lanes.waiting.lock().withdraw(ticket.message.conversation, affected)
    }

    /// Nobody waits longer than promised, not even behind a batch that hangs.
    pub(crate) fn give_up_overdue(self: &Arc<Self>) {
        let now = Instant::now();
        let overdue = |item: &Item| (item.ticket.deadline <= now).then(|| Arc::clone(&item.ticket));
        let overdue = self.lanes.waiting.lock().first(overdue);
        for ticket in overdue {
            self.give_up_waiting(&ticket);
        }
    }

    /// The work of one lane: sends what comes, batch after batch, for as long as it is polled.
    pub(crate) async fn work_a_lane(self: &Arc<Self>) {
        let lanes = &self.lanes;
        loop {
            let (taken, more) = {
                let mut waiting = lanes.waiting.lock();
                (waiting.take(&self.limits), waiting.is_due(&self.limits))
            };
            let Some((batch, flight)) = taken else {
                lanes.ready.notified().await;
                continue;
            };
            let mut journey = Journey { lanes, flight: Some(flight), began: Instant::now() };
            if more {
                lanes.ready.notify_one();
            }
            let mut sending = pin!(self.send(batch));
            let held = match timeout(SLOW, &mut sending).await {
                Ok(held) => held,
                Err(_) => {
                    journey.slow();
                    loop {
                        if let Ok(held) = timeout(PATIENCE, &mut sending).await {
                            break held;
                        }
                        self.give_up_overdue();
                    }
                }
            };
            if let (false, Some(flight)) = (held.is_empty(), &mut journey.flight) {
                self.set_aside(held, flight);
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
