//! Whether an instance still lets go of its thread.

use std::future::poll_fn;
use std::pin::pin;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering::Relaxed};
use std::time::Duration;

use crate::engine::TICK;

/// Counts how long a guest has run without waiting for anything.
///
/// A guest that loops for ever blocks its whole store, so no deadline inside of the store can end it. wasmtime makes
/// it pause at every tick; a pause is a beat. When the instance comes to rest by itself, the count starts over.
#[derive(Debug)]
pub(crate) struct Pulse {
    most: u32,
    beats: AtomicU32,
    paused: AtomicBool,
}

impl Pulse {
    /// A pulse that allows `busy` of uninterrupted work.
    pub fn new(busy: Duration) -> Self {
        let most = busy.as_millis() / TICK.as_millis();
        Self { most: u32::try_from(most).unwrap_or(u32::MAX), beats: AtomicU32::new(0), paused: AtomicBool::new(false) }
    }

    /// Called when the guest is made to pause; whether it may go on.
    pub fn beat(&self) -> bool {
        self.paused.store(true, Relaxed);
        self.beats.fetch_add(1, Relaxed) < self.most
    }

    /// Called whenever the store hands its thread back.
    pub fn rest(&self) {
        if !self.paused.swap(false, Relaxed) {
            self.beats.store(0, Relaxed);
        }
    }

    /// Runs a store's work, and notes when it hands its thread back.
    pub async fn watch<T>(&self, work: impl Future<Output = T>) -> T {
        let mut work = pin!(work);
        poll_fn(|context| {
            let progress = work.as_mut().poll(context);
            if progress.is_pending() {
                self.rest();
            }
            progress
        })
        .await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stops_who_never_rests() {
        let pulse = Pulse::new(TICK * 3);
        for _ in 0..3 {
            assert!(pulse.beat());
            pulse.rest();
        }
        assert!(!pulse.beat());
    }

    #[test]
    fn rest_begins_anew() {
        let pulse = Pulse::new(TICK * 2);
        for _ in 0..10 {
            assert!(pulse.beat());
            pulse.rest();
            pulse.rest();
        }
    }
}
