//! Whether other nodes' events arrive in time.

use std::sync::atomic::{AtomicBool, Ordering};

/// Whether other nodes' events arrive in time. While they don't, it is in vain to wait for a message that seems
/// to be on its way, and history is asked at once.
#[derive(Default)]
pub(crate) struct EventWatch {
    late: AtomicBool,
}

impl EventWatch {
    /// A message did not come by itself.
    pub(crate) fn missed(&self) {
        self.late.store(true, Ordering::Relaxed);
    }

    /// An event has arrived.
    pub(crate) fn arrived(&self) {
        self.late.store(false, Ordering::Relaxed);
    }

    /// Whether it is in vain to wait.
    pub(crate) fn is_late(&self) -> bool {
        self.late.load(Ordering::Relaxed)
    }
}
