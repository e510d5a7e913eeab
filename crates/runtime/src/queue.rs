//! Work that waits for whoever is free.

use std::collections::VecDeque;
use std::pin::pin;

use parking_lot::Mutex;
use tokio::sync::Notify;

/// First in, first out; each item goes to one of those who wait.
pub(crate) struct Queue<T> {
    items: Mutex<VecDeque<T>>,
    pushed: Notify,
}

impl<T> Default for Queue<T> {
    fn default() -> Self {
        Self { items: Mutex::default(), pushed: Notify::new() }
    }
}

impl<T> Queue<T> {
    /// Adds an item.
    pub fn push(&self, item: T) {
        self.items.lock().push_back(item);
        self.pushed.notify_one();
    }

    /// How many items wait.
    pub fn len(&self) -> usize {
        self.items.lock().len()
    }

    /// Takes an item, if there is one.
    pub fn try_pop(&self) -> Option<T> {
        self.items.lock().pop_front()
    }

    /// Waits for an item. Nothing is lost when the waiting is given up.
    pub async fn pop(&self) -> T {
        let mut pushed = pin!(self.pushed.notified());
        loop {
            // Listens before it looks, so that no push falls between the two.
            pushed.as_mut().enable();
            if let Some(item) = self.try_pop() {
                return item;
            }
            pushed.as_mut().await;
            pushed.set(self.pushed.notified());
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use super::*;

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn every_item_is_taken_once() {
        let queue = Arc::new(Queue::default());
        let takers: Vec<_> = (0..8)
            .map(|taker| {
                let queue = Arc::clone(&queue);
                tokio::spawn(async move {
                    let mut taken = Vec::new();
                    // Some give up waiting again and again.
                    let patience = Duration::from_micros(50 + 1000 * (taker % 2));
                    loop {
                        match tokio::time::timeout(patience, queue.pop()).await {
                            Ok(u64::MAX) => return taken,
                            Ok(item) => taken.push(item),
                            Err(_) => {}
                        }
                    }
                })
            })
            .collect();
        for item in 1..=10_000 {
            queue.push(item);
        }
        (0..8).for_each(|_| queue.push(u64::MAX));
        let mut all = Vec::new();
        for taker in takers {
            all.extend(taker.await.unwrap());
        }
        all.sort_unstable();
        assert_eq!(all, (1..=10_000).collect::<Vec<_>>());
    }
}
