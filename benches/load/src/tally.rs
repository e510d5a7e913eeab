//! What the whole run adds up to, all parties together.

use std::collections::BTreeMap;
use std::ops::Range;
use std::time::{Duration, Instant};

use anyhow::Result;
use hdrhistogram::Histogram;
use parking_lot::Mutex;

/// Latencies are kept in microseconds up to this; whatever is longer counts as this.
const LONGEST_MICROS: u64 = 120_000_000;

/// Three significant digits.
const PRECISION: u8 = 3;

/// The clock of a run, the window in which it measures, and the counts.
pub struct Run {
    started: Instant,
    window: Range<u64>,
    /// What the parties say to each other.
    pub body: String,
    tally: Mutex<Tally>,
}

/// Counts and latencies of the measured window.
pub struct Tally {
    /// From when a send was due to its acknowledgement.
    pub acknowledge: Histogram<u64>,
    /// The same for each second of the window by itself.
    pub acknowledge_by_second: Vec<Histogram<u64>>,
    /// From when a send was due to its arrival at the other party.
    pub receive: Histogram<u64>,
    /// From when a send was due to when it was written: the generator's own delay, contained in the two others.
    pub late: Histogram<u64>,
    /// Acknowledgements in the window.
    pub accepted: u64,
    /// Arrivals in the window.
    pub delivered: u64,
    /// Failed invocations and lost connections, by their text.
    pub errors: BTreeMap<String, u64>,
}

impl Run {
    /// A run that starts now and measures once it is warm.
    ///
    /// # Errors
    /// Never: the bounds of the histograms are constants.
    pub fn start(warm_up: Duration, measured: Duration, body: String) -> Result<Self> {
        let histogram = || Histogram::new_with_bounds(1, LONGEST_MICROS, PRECISION);
        let tally = Tally {
            acknowledge: histogram()?,
            acknowledge_by_second: Vec::new(),
            receive: histogram()?,
            late: histogram()?,
            accepted: 0,
            delivered: 0,
            errors: BTreeMap::new(),
        };
        let window = nanos(warm_up)..nanos(warm_up + measured);
        Ok(Self { started: Instant::now(), window, body, tally: Mutex::new(tally) })
    }

    /// Nanoseconds since the start.
    pub fn now(&self) -> u64 {
        nanos(self.started.elapsed())
    }

    /// When this many nanoseconds have passed since the start.
    pub fn at(&self, nanos: u64) -> Instant {
        self.started + Duration::from_nanos(nanos)
    }

    /// The window in which it measures.
    pub fn window(&self) -> Range<u64> {
        self.window.clone()
    }

    /// A send that was due has been written.
    pub fn sent(&self, due: u64) {
        if self.window.contains(&due) {
            let late = self.now().saturating_sub(due);
            self.tally.lock().late.saturating_record(late / 1000);
        }
    }

    /// A send was acknowledged.
    pub fn acknowledged(&self, due: u64) {
        self.accepted(due, 1);
    }

    /// One answer acknowledged so many messages, which were due at the same time: one latency.
    pub fn accepted(&self, due: u64, messages: u64) {
        let (now, mut tally) = (self.now(), self.tally.lock());
        tally.accepted += if self.window.contains(&now) { messages } else { 0 };
        if self.window.contains(&due) {
            let micros = now.saturating_sub(due) / 1000;
            tally.acknowledge.saturating_record(micros);
            let second = usize::try_from((due - self.window.start) / 1_000_000_000).unwrap_or(usize::MAX);
            while tally.acknowledge_by_second.len() <= second {
                let like = Histogram::new_from(&tally.acknowledge);
                tally.acknowledge_by_second.push(like);
            }
            if let Some(latencies) = tally.acknowledge_by_second.get_mut(second) {
                latencies.saturating_record(micros);
            }
        }
    }

    /// A message arrived at the other party.
    pub fn received(&self, due: u64) {
        let (now, mut tally) = (self.now(), self.tally.lock());
        tally.delivered += u64::from(self.window.contains(&now));
        if self.window.contains(&due) {
            tally.receive.saturating_record(now.saturating_sub(due) / 1000);
        }
    }

    /// Something failed.
    pub fn failed(&self, error: String) {
        *self.tally.lock().errors.entry(error).or_default() += 1;
    }

    /// Reads the counts.
    pub fn read<T>(&self, reader: impl FnOnce(&Tally) -> T) -> T {
        reader(&self.tally.lock())
    }
}

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_due_before_the_window_is_not_measured() {
        let run = Run::start(Duration::from_secs(3600), Duration::from_secs(1), String::new()).unwrap();
        run.acknowledged(0);
        run.received(0);
        run.sent(0);
        run.read(|tally| {
            assert_eq!((tally.accepted, tally.delivered), (0, 0));
            assert_eq!(tally.acknowledge.len() + tally.receive.len() + tally.late.len(), 0);
        });
    }

    #[test]
    fn each_second_has_latencies_of_its_own() {
        let run = Run::start(Duration::ZERO, Duration::from_secs(3600), String::new()).unwrap();
        run.acknowledged(0);
        run.acknowledged(2_500_000_000);
        run.acknowledged(2_999_999_999);
        run.read(|tally| {
            let counts: Vec<_> = tally.acknowledge_by_second.iter().map(Histogram::len).collect();
            assert_eq!((counts, tally.acknowledge.len()), (vec![1, 0, 2], 3));
        });
    }

    #[test]
    fn latency_counts_from_when_a_send_was_due() {
        let run = Run::start(Duration::ZERO, Duration::from_secs(3600), String::new()).unwrap();
        std::thread::sleep(Duration::from_millis(5));
        run.received(0);
        run.read(|tally| {
            assert_eq!(tally.delivered, 1);
            assert!(tally.receive.max() >= 5000);
        });
    }
}
