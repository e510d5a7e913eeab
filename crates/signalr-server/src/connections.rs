//! All connections of a server.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::Mutex;

/// How many maps share the connections.
const SHARDS: usize = 16;

/// The callers of all connections of a server, for what concerns them all.
pub struct Connections<C> {
    shards: [Mutex<HashMap<u64, Arc<C>>>; SHARDS],
    next: AtomicU64,
}

impl<C> Default for Connections<C> {
    fn default() -> Self {
        Self { shards: std::array::from_fn(|_| Mutex::default()), next: AtomicU64::new(0) }
    }
}

impl<C> Connections<C> {
    /// Takes a connection in, under a number.
    pub(crate) fn add(&self, caller: &Arc<C>) -> u64 {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        self.shard(number).lock().insert(number, Arc::clone(caller));
        number
    }

    /// Lets the connection of a number go.
    pub(crate) fn remove(&self, number: u64) {
        self.shard(number).lock().remove(&number);
    }

    /// All of them.
    #[must_use]
    pub fn all(&self) -> Vec<Arc<C>> {
        self.shards.iter().flat_map(|shard| shard.lock().values().cloned().collect::<Vec<_>>()).collect()
    }

    /// How many there are.
    #[must_use]
    pub fn count(&self) -> usize {
        self.shards.iter().map(|shard| shard.lock().len()).sum()
    }

    #[expect(clippy::indexing_slicing, reason = "a remainder of the length is within it")]
    fn shard(&self, number: u64) -> &Mutex<HashMap<u64, Arc<C>>> {
        &self.shards[number as usize % SHARDS]
    }
}
