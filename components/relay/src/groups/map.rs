//! All groups of this node, by conversation.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;

use chat::ServiceRequestId;
use parking_lot::Mutex;

use super::group::Group;

/// How many maps share the groups, so that those who look one up seldom wait for each other.
const SHARDS: usize = 64;

type Shard = HashMap<ServiceRequestId, Arc<Group>>;

/// All groups of this node, by conversation.
pub(crate) struct Groups {
    shards: Vec<Mutex<Shard>>,
    hasher: RandomState,
}

impl Groups {
    /// None yet.
    pub(crate) fn new() -> Self {
        Self { shards: (0..SHARDS).map(|_| Mutex::default()).collect(), hasher: RandomState::new() }
    }

    /// Does something with the group of a conversation, which is created if there is none. It is not removed meanwhile.
    pub(crate) fn with<T>(&self, id: &ServiceRequestId, act: impl FnOnce(&Arc<Group>) -> T) -> T {
        let mut shard = self.shard(id.as_str()).lock();
        act(shard.entry(id.clone()).or_insert_with(|| Group::new(id.clone())))
    }

    /// The group of a conversation, if there is one.
    pub(crate) fn get(&self, id: &str) -> Option<Arc<Group>> {
        self.shard(id).lock().get(id).cloned()
    }

    /// Removes a group if it has no members.
    pub(crate) fn remove_if_empty(&self, group: &Arc<Group>) {
        let mut shard = self.shard(group.id.as_str()).lock();
        if group.is_empty() && shard.get(group.id.as_str()).is_some_and(|current| Arc::ptr_eq(current, group)) {
            shard.remove(group.id.as_str());
        }
    }

    /// All of them.
    pub(crate) fn all(&self) -> Vec<Arc<Group>> {
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
