//! Whether other nodes' events arrive in time.

use std::sync::atomic::{AtomicBool, Ordering};

/// Whether other nodes' events arrive in time. When they don't, waiting for a message that seems to be on its way only
/// costs time, and history is asked at once.
#[derive(Default)]
pub(crate) struct Doorbell {
    late: AtomicBool,
}

impl Doorbell {
    /// A message did not come by itself.
    pub(crate) fn is_missed(&self) {
        self.late.store(true, Ordering::Relaxed);
    }

    /// An event has arrived.
    pub(crate) fn rings(&self) {
        self.late.store(false, Ordering::Relaxed);
    }

    /// Whether it is in vain to wait.
    pub(crate) fn is_late(&self) -> bool {
        self.late.load(Ordering::Relaxed)
    }
}
