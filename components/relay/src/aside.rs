//! Messages whose conversation somebody else holds: they wait for it apart from all others.

use std::sync::Arc;

use tokio::time::{Instant, sleep, timeout_at};

use crate::batch::PAUSE;
use crate::lanes::Item;
use crate::node::Node;
use crate::waiting::{Flight, Waiting};

/// How many times longer than a batch one attempt waits for the conversation. Then others that wait apart have their turn.
const PATIENCE: u32 = 5;

impl Node {
    /// Lets messages of a batch wait apart, those of one conversation together. What else is sent there stays queued behind
    /// them, and the lane is free.
    pub(crate) fn set_aside(self: &Arc<Self>, held: Vec<Item>, flight: &mut Flight) {
        let mut groups: Vec<(u64, Vec<Item>)> = Vec::new();
        for item in held {
            // What was never a conversation can't be held.
            let Some(id) = &item.ticket.conversation else { continue };
            self.metrics.set_aside.add(1);
            let key = self.lanes.key(id.as_str());
            match groups.iter_mut().find(|(known, _)| *known == key) {
                Some((_, group)) => group.push(item),
                None => groups.push((key, vec![item])),
            }
        }
        for (key, items) in groups {
            let aside = Aside { relay: Arc::clone(self), flight: Waiting::<Item>::part(flight, key) };
            tokio::spawn(async move { aside.send(items).await });
        }
    }
}

/// One conversation that waits apart. Its end lets the next messages of it go, however it comes.
struct Aside {
    relay: Arc<Node>,
    flight: Flight,
}

impl Aside {
    /// Sends the messages as soon as the conversation is free, or gives them up when their clients can wait no longer.
    async fn send(&self, mut items: Vec<Item>) {
        let relay = &self.relay;
        loop {
            // In the order in which they came, so the first is the first whose time is up. What comes after one of them of the
            // same sender is not stored before it comes again.
            let now = Instant::now();
            let (mut over, mut left): (Vec<Item>, Vec<Item>) = (Vec::new(), Vec::new());
            for item in items {
                let lost = item.ticket.deadline <= now || over.iter().any(|it| it.ticket.precedes(&item.ticket));
                if lost { over.push(item) } else { left.push(item) }
            }
            items = left;
            if !over.is_empty() {
                relay.give_up(&over);
            }
            relay.give_up_overdue();
            let Some(first) = items.first() else { return };
            let turn = timeout_at(first.ticket.deadline, relay.asides.acquire());
            let Ok(Ok(_turn)) = turn.await else { continue };
            match relay.attempt(&items, relay.limits.held * PATIENCE).await {
                Ok(held) => items = held.of(items),
                Err(failure) => {
                    tracing::warn!(messages = items.len(), %failure, "messages that wait apart failed");
                    sleep(PAUSE).await;
                }
            }
        }
    }
}

impl Drop for Aside {
    fn drop(&mut self) {
        self.relay.lanes.waiting.lock().ended(&self.flight);
        self.relay.lanes.ready.notify_one();
    }
}
