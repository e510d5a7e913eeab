//! How much a batch holds.

use std::time::Duration;

use store::Batch;

/// How long a batch should take. Sends that come meanwhile share the processors and the log of the database with it.
const TARGET: Duration = Duration::from_millis(20);

/// Batches grow and shrink between these, in messages.
const LEAST: i64 = 100;
const MOST: i64 = 10_000;

/// For so many messages a batch may hold one service request: one without messages costs about as much as those.
const PER_REQUEST: i64 = 10;

/// How much a batch holds: what the database does in some milliseconds, whatever kind of machine it has.
#[derive(Debug)]
pub(crate) struct Pace {
    messages: i64,
}

impl Pace {
    pub(crate) fn new() -> Self {
        Self { messages: 1_000 }
    }

    /// What the next batch may hold.
    pub(crate) fn batch(&self) -> Batch {
        Batch { messages: self.messages, service_requests: self.messages / PER_REQUEST }
    }

    /// A batch took so long.
    pub(crate) fn took(&mut self, time: Duration) {
        if time < TARGET / 2 {
            self.set(self.messages.saturating_mul(2));
        } else if time > TARGET * 2 {
            self.set(self.messages / 2);
        }
    }

    /// A batch did not end in time, or got in somebody's way.
    pub(crate) fn failed(&mut self) {
        self.set(self.messages / 4);
    }

    fn set(&mut self, messages: i64) {
        self.messages = messages.clamp(LEAST, MOST);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_batch_holds_what_takes_some_milliseconds() {
        let mut pace = Pace::new();
        pace.took(TARGET);
        assert_eq!(pace.batch(), Batch { messages: 1_000, service_requests: 100 });
        for _ in 0..10 {
            pace.took(Duration::from_millis(1));
        }
        assert_eq!(pace.batch(), Batch { messages: 10_000, service_requests: 1_000 });
        pace.took(Duration::from_millis(100));
        assert_eq!(pace.batch().messages, 5_000);
    }

    #[test]
    fn one_that_fails_makes_the_next_much_smaller_and_never_empty() {
        let mut pace = Pace::new();
        pace.failed();
        assert_eq!(pace.batch().messages, 250);
        for _ in 0..10 {
            pace.failed();
        }
        assert_eq!(pace.batch(), Batch { messages: 100, service_requests: 10 });
    }
}
