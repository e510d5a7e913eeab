//! Conversations that the database is to be asked about soon, ahead of the next sweep.

use std::collections::HashSet;

use chat::ServiceRequestId;
use parking_lot::Mutex;
use tokio::sync::Notify;

/// Conversations that the database is to be asked about soon. An event that says that somebody has come or gone is a
/// reason, and so is whatever is doubtful; many at once are asked about in one call.
#[derive(Default)]
pub(crate) struct Inquiries {
    waiting: Mutex<HashSet<ServiceRequestId>>,
    some: Notify,
}

impl Inquiries {
    /// Asks about this one soon. Only conversations that have a group are asked about, so there is no other bound.
    pub(crate) fn push(&self, id: &ServiceRequestId) {
        self.waiting.lock().insert(id.clone());
        self.some.notify_one();
    }

    /// Waits until there are some.
    pub(crate) async fn some(&self) {
        self.some.notified().await;
    }

    /// All of them, which are forgotten.
    pub(crate) fn take(&self) -> HashSet<ServiceRequestId> {
        std::mem::take(&mut *self.waiting.lock())
    }
}
