//! Messages whose conversation somebody else holds: they wait for it apart from all others.

use std::sync::Arc;

use tokio::time::{Instant, sleep, timeout_at};

use super::batch::PAUSE;
use super::lanes::Item;
use super::waiting::{Flight, Waiting};
use crate::node::Node;

/// How many times longer than a batch one attempt waits for the conversation. Then others that wait apart have their turn.
const PATIENCE: u32 = 5;

impl Node {
    /// Lets messages of a batch wait apart, those of one conversation together. What else is sent there stays queued behind
    /// them, and the lane is free.
    pub(crate) fn set_aside(self: &Arc<Self>, held: Vec<Item>, flight: &mut Flight) {
        let mut by_conversation: Vec<(u64, Vec<Item>)> = Vec::new();
        for item in held {
            // An id that names no conversation can't be that of one that is held.
            let Some(id) = &item.pending.conversation else { continue };
            self.metrics.set_aside.add(1);
            let key = self.lanes.key(id.as_str());
            match by_conversation.iter_mut().find(|(known, _)| *known == key) {
                Some((_, items)) => items.push(item),
                None => by_conversation.push((key, vec![item])),
            }
        }
        for (key, items) in by_conversation {
            let aside = Aside { node: Arc::clone(self), flight: Waiting::<Item>::part(flight, key) };
            tokio::spawn(async move { aside.send(items).await });
        }
    }
}

/// One conversation that waits apart. Its end lets the next messages of it go, however it comes.
struct Aside {
    node: Arc<Node>,
    flight: Flight,
}

impl Aside {
    /// Sends the messages as soon as the conversation is free, or gives them up when their clients can wait no longer.
    async fn send(&self, mut items: Vec<Item>) {
        let node = &self.node;
        loop {
            // In the order in which they came, so the first is the first whose time is up. What comes after one of them of the
            // same sender is not stored before it comes again.
            let now = Instant::now();
            let (mut over, mut left): (Vec<Item>, Vec<Item>) = (Vec::new(), Vec::new());
            for item in items {
                let lost = item.pending.deadline <= now || over.iter().any(|it| it.pending.precedes(&item.pending));
                if lost { over.push(item) } else { left.push(item) }
            }
            items = left;
            if !over.is_empty() {
                node.give_up(&over);
            }
            node.give_up_overdue();
            let Some(first) = items.first() else { return };
            let turn = timeout_at(first.pending.deadline, node.asides.acquire());
            let Ok(Ok(_turn)) = turn.await else { continue };
            match node.attempt(&items, node.limits.held * PATIENCE).await {
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
        self.node.lanes.waiting.lock().ended(&self.flight);
        self.node.lanes.ready.notify_one();
    }
}
