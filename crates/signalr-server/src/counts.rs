//! What a server counts.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

/// What a server counts, from its start on. Whoever publishes it names it.
#[derive(Debug, Default)]
pub struct Counts {
    connections: AtomicUsize,
    connected: AtomicU64,
    turned_away: AtomicU64,
    invocations: AtomicUsize,
    slow_readers: AtomicU64,
}

impl Counts {
    /// Connections that are open.
    #[must_use]
    pub fn connections(&self) -> usize {
        self.connections.load(Ordering::Relaxed)
    }

    /// Connections that were opened.
    #[must_use]
    pub fn connected(&self) -> u64 {
        self.connected.load(Ordering::Relaxed)
    }

    /// Connections that were refused.
    #[must_use]
    pub fn turned_away(&self) -> u64 {
        self.turned_away.load(Ordering::Relaxed)
    }

    /// Invocations that are under way.
    #[must_use]
    pub fn invocations(&self) -> usize {
        self.invocations.load(Ordering::Relaxed)
    }

    /// Connections that were cut off because their clients didn't read.
    #[must_use]
    pub fn slow_readers(&self) -> u64 {
        self.slow_readers.load(Ordering::Relaxed)
    }

    pub(crate) fn opened(&self) {
        self.connections.fetch_add(1, Ordering::Relaxed);
        self.connected.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn closed(&self) {
        self.connections.fetch_sub(1, Ordering::Relaxed);
    }

    pub(crate) fn refused(&self) {
        self.turned_away.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn invoked(&self) {
        self.invocations.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn ended(&self) {
        self.invocations.fetch_sub(1, Ordering::Relaxed);
    }

    pub(crate) fn cut_off(&self) {
        self.slow_readers.fetch_add(1, Ordering::Relaxed);
    }
}
