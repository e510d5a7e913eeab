//! The work of a lane: batch after batch. What a batch takes is for [`Waiting`](super::waiting::Waiting) to say.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, timeout};

use super::lanes::{Item, Lanes};
use super::pending_send::PendingSend;
use super::waiting::{Crowded, Flight, Place};
use crate::node::Node;

/// After so long a batch is slow, and what waits does not wait for its return.
const SLOW: Duration = Duration::from_millis(20);

/// How often those who wait behind a slow batch are looked at.
const PATIENCE: Duration = Duration::from_millis(250);

impl Node {
    /// Queues a message.
    ///
    /// # Errors
    /// Gives the message back when too many wait.
    pub(crate) fn queue(&self, item: Item) -> Result<(), (Item, Crowded)> {
        let place = Place {
            conversation: item.pending.message.conversation,
            sender: self.lanes.key(item.pending.caller.actor.user.as_str()),
            bytes: item.json.len(),
        };
        if self.lanes.waiting.lock().push(place, item, &self.limits)? {
            self.lanes.ready.notify_one();
        }
        Ok(())
    }

    /// Takes out a message, if it waits, and what waits behind it of the same connection and conversation.
    pub(crate) fn withdraw(&self, pending: &PendingSend) -> Vec<Item> {
        let affected = |item: &Item| *pending == *item.pending || pending.precedes(&item.pending);
        self.lanes.waiting.lock().withdraw(pending.message.conversation, affected)
    }

    /// Gives up messages whose senders can wait no longer, behind a batch that hangs for instance.
    pub(crate) fn give_up_overdue(self: &Arc<Self>) {
        let now = Instant::now();
        let overdue = |item: &Item| (item.pending.deadline <= now).then(|| Arc::clone(&item.pending));
        let overdue = self.lanes.waiting.lock().first(overdue);
        for pending in overdue {
            self.give_up_waiting(&pending);
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
            let mut in_flight = InFlight { lanes, flight: Some(flight), began: Instant::now() };
            if more {
                lanes.ready.notify_one();
            }
            let mut sending = pin!(self.send(batch));
            let held = match timeout(SLOW, &mut sending).await {
                Ok(held) => held,
                Err(_) => {
                    in_flight.slow();
                    loop {
                        if let Ok(held) = timeout(PATIENCE, &mut sending).await {
                            break held;
                        }
                        self.give_up_overdue();
                    }
                }
            };
            if let (false, Some(flight)) = (held.is_empty(), &mut in_flight.flight) {
                self.set_aside(held, flight);
            }
        }
    }
}

/// A batch in flight, which has returned however its sending ends.
struct InFlight<'l> {
    lanes: &'l Lanes,
    flight: Option<Flight>,
    began: Instant,
}

impl InFlight<'_> {
    fn slow(&mut self) {
        if let Some(flight) = &mut self.flight {
            self.lanes.waiting.lock().slow(flight);
            self.lanes.ready.notify_one();
        }
    }
}

impl Drop for InFlight<'_> {
    fn drop(&mut self) {
        if let Some(flight) = self.flight.take() {
            self.lanes.waiting.lock().returned(flight, self.began.elapsed());
        }
    }
}
