//! All doors of this node.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;

use chat::ServiceRequestId;
use parking_lot::Mutex;

use crate::door::Door;

/// How many maps share the doors, so that those who look one up seldom wait for each other.
const SHARDS: usize = 64;

type Shard = HashMap<ServiceRequestId, Arc<Door>>;

/// All doors of this node, by conversation.
pub(crate) struct Doors {
    shards: Vec<Mutex<Shard>>,
    hasher: RandomState,
}

impl Doors {
    /// None yet.
    pub(crate) fn new() -> Self {
        Self { shards: (0..SHARDS).map(|_| Mutex::default()).collect(), hasher: RandomState::new() }
    }

    /// Does something at the door of a conversation, which is put up if need be. Nobody takes it down meanwhile.
    pub(crate) fn at<T>(&self, id: &ServiceRequestId, act: impl FnOnce(&Arc<Door>) -> T) -> T {
        let mut shard = self.shard(id.as_str()).lock();
        act(shard.entry(id.clone()).or_insert_with(|| Door::new(id.clone())))
    }

    /// The door of a conversation, if anybody stands there.
    pub(crate) fn get(&self, id: &str) -> Option<Arc<Door>> {
        self.shard(id).lock().get(id).cloned()
    }

    /// Takes a door down if nobody stands there.
    pub(crate) fn tidy(&self, door: &Arc<Door>) {
        let mut shard = self.shard(door.id.as_str()).lock();
        if door.is_deserted() && shard.get(door.id.as_str()).is_some_and(|current| Arc::ptr_eq(current, door)) {
            shard.remove(door.id.as_str());
        }
    }

    /// All of them.
    pub(crate) fn all(&self) -> Vec<Arc<Door>> {
        self.shards.iter().flat_map(|shard| shard.lock().values().cloned().collect::<Vec<_>>()).collect()
    }

    /// How many there are.
    pub(crate) fn count(&self) -> usize {
        self.shards.iter().map(|shard| shard.lock().len()).sum()
    }

    #[expect(clippy::indexing_slicing, reason = "a remainder of the length is within it")]
    fn shard(&self, id: &str) -> &Mutex<Shard> {
        let hash = self.hasher.hash_one(id) as usize;
        &self.shards[hash % self.shards.len()]
    }
}
