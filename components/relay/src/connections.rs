//! All connections of this node.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::Mutex;

use crate::connection::Connection;

/// How many maps share the connections.
const SHARDS: usize = 16;

/// All connections of this node, for what concerns them all.
pub(crate) struct Connections {
    shards: [Mutex<HashMap<u64, Arc<Connection>>>; SHARDS],
    next: AtomicU64,
}

impl Connections {
    /// None yet.
    pub(crate) fn new() -> Self {
        Self { shards: Default::default(), next: AtomicU64::new(0) }
    }

    /// Takes a connection in, under a number.
    pub(crate) fn add(&self, connection: &Arc<Connection>) -> u64 {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        self.shard(number).lock().insert(number, Arc::clone(connection));
        number
    }

    /// Lets the connection of a number go.
    pub(crate) fn remove(&self, number: u64) {
        self.shard(number).lock().remove(&number);
    }

    /// All of them.
    pub(crate) fn all(&self) -> Vec<Arc<Connection>> {
        self.shards.iter().flat_map(|shard| shard.lock().values().cloned().collect::<Vec<_>>()).collect()
    }

    /// How many there are.
    pub(crate) fn count(&self) -> usize {
        self.shards.iter().map(|shard| shard.lock().len()).sum()
    }

    #[expect(clippy::indexing_slicing, reason = "a remainder of the length is within it")]
    fn shard(&self, number: u64) -> &Mutex<HashMap<u64, Arc<Connection>>> {
        &self.shards[number as usize % SHARDS]
    }
}
