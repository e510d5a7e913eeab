//! Where sends wait until a batch takes them along.

use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::sync::Notify;
use tokio::time::Instant;

use super::pending_send::PendingSend;
use super::waiting::{Key, Waiting};

/// One message that waits to be sent.
pub(crate) struct Item {
    /// Who waits for it.
    pub(crate) pending: Arc<PendingSend>,
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

impl Lanes {
    /// What names a conversation or a user among what waits.
    pub(crate) fn key(&self, id: &str) -> Key {
        self.hasher.hash_one(id)
    }
}
