//! How long something took, each time that it was done.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

/// Upper bounds of the histogram; whatever took longer than the last counts beyond it.
const BOUNDS: [Duration; 14] = [
    Duration::from_micros(250),
    Duration::from_micros(500),
    Duration::from_millis(1),
    Duration::from_micros(2500),
    Duration::from_millis(5),
    Duration::from_millis(10),
    Duration::from_millis(25),
    Duration::from_millis(50),
    Duration::from_millis(100),
    Duration::from_millis(250),
    Duration::from_millis(500),
    Duration::from_secs(1),
    Duration::from_millis(2500),
    Duration::from_secs(10),
];

/// A histogram of durations; counting one costs two additions.
#[derive(Debug, Default)]
pub(crate) struct Durations {
    /// How many were within each bound and beyond the one before it; the last counts what is beyond all.
    counts: [AtomicU64; BOUNDS.len() + 1],
    /// The sum: in nanoseconds, since a command may take less than a few microseconds.
    nanos: AtomicU64,
}

impl Durations {
    /// Counts one.
    pub fn observe(&self, took: Duration) {
        let place = BOUNDS.partition_point(|bound| *bound < took);
        if let Some(count) = self.counts.get(place) {
            count.fetch_add(1, Relaxed);
        }
        self.nanos.fetch_add(u64::try_from(took.as_nanos()).unwrap_or(u64::MAX), Relaxed);
    }

    /// Counts the time until the answer is dropped, so that what is given up counts as well.
    pub fn start(&self) -> Timer<'_> {
        Timer { durations: self, start: Instant::now() }
    }

    /// The upper bounds in seconds, each with how many took no longer.
    pub(super) fn buckets(&self) -> impl Iterator<Item = (f64, u64)> {
        let within = self.counts.iter().scan(0, |within, count| {
            *within += count.load(Relaxed);
            Some(*within)
        });
        BOUNDS.iter().map(Duration::as_secs_f64).zip(within)
    }

    /// How many there were.
    pub(super) fn count(&self) -> u64 {
        self.counts.iter().map(|count| count.load(Relaxed)).sum()
    }

    /// How long they took in all.
    pub(super) fn sum(&self) -> Duration {
        Duration::from_nanos(self.nanos.load(Relaxed))
    }
}

/// Something that is under way.
pub(crate) struct Timer<'d> {
    durations: &'d Durations,
    start: Instant,
}

impl Drop for Timer<'_> {
    fn drop(&mut self) {
        self.durations.observe(self.start.elapsed());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bound_is_within_itself_and_what_is_beyond_all_counts_too() {
        let durations = Durations::default();
        for micros in [10, 250, 251, 20_000_000] {
            durations.observe(Duration::from_micros(micros));
        }
        let buckets: Vec<_> = durations.buckets().collect();
        assert_eq!(buckets[0], (0.000_25, 2));
        assert_eq!(buckets[1], (0.000_5, 3));
        assert_eq!(buckets.last(), Some(&(10.0, 3)));
        assert_eq!((durations.count(), durations.sum()), (4, Duration::from_micros(20_000_511)));
    }

    #[test]
    fn what_is_given_up_counts() {
        let durations = Durations::default();
        drop(durations.start());
        assert_eq!(durations.count(), 1);
    }
}
