//! How much a batch holds.

use std::time::Duration;

use store::Batch;

/// How long a batch should take the database. Sends that come meanwhile share its processors, and a system lets who is at work
/// go on for some milliseconds before others have their turn: a batch ends before that.
const TARGET: Duration = Duration::from_micros(700);

/// For how many times as long as a batch took the next one waits.
const REST: u32 = 2;

/// The most that a batch holds, in messages.
const MOST: i64 = 10_000;

/// One that takes long is made no smaller than this: what a call costs is most of it then.
const WORTHWHILE: i64 = 200;

/// One that fails may be: this much is always tried.
const LEAST: i64 = 20;

/// For so many messages a batch may hold one service request: one without messages costs about as much as those.
const PER_REQUEST: i64 = 10;

/// How much a batch holds: what the database does in a millisecond, whatever kind of machine it has.
#[derive(Debug)]
pub(crate) struct Pace {
    messages: i64,
}

impl Pace {
    pub(crate) fn new() -> Self {
        Self { messages: 500 }
    }

    /// What the next batch may hold.
    pub(crate) fn batch(&self) -> Batch {
        Batch { messages: self.messages, service_requests: self.messages / PER_REQUEST }
    }

    /// A batch took so long: the next comes a quarter of the way nearer to what fits, for one alone says little.
    pub(crate) fn took(&mut self, time: Duration) {
        let fit = TARGET.as_secs_f64() / time.as_secs_f64().max(f64::MIN_POSITIVE);
        let step = (3.0 + fit.clamp(0.5, 2.0)) / 4.0;
        #[expect(clippy::cast_possible_truncation, clippy::cast_precision_loss, reason = "some thousands at most")]
        let messages = (self.messages as f64 * step).round() as i64;
        self.set(messages.max(self.messages.min(WORTHWHILE)));
    }

    /// How long others have the database to themselves after a batch that took so long.
    pub(crate) fn rest(time: Duration) -> Duration {
        time * REST
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
    fn a_batch_holds_what_takes_a_millisecond() {
        let mut pace = Pace::new();
        pace.took(TARGET);
        assert_eq!(pace.batch(), Batch { messages: 500, service_requests: 50 });
        // A database that does three thousand messages in that time, and then one that does a thousand.
        for fit in [3_000, 1_000] {
            for _ in 0..40 {
                pace.took(TARGET * u32::try_from(pace.batch().messages).unwrap() / fit);
            }
            let off = (pace.batch().messages - i64::from(fit)).abs();
            assert!(off <= i64::from(fit) / 50, "{pace:?} for {fit}");
        }
    }

    #[test]
    fn one_that_takes_long_says_little() {
        let mut pace = Pace::new();
        pace.took(TARGET * 1_000);
        assert_eq!(pace.batch().messages, 438);
        pace.took(Duration::ZERO);
        assert_eq!(pace.batch().messages, 548);
    }

    #[test]
    fn others_have_twice_as_long() {
        assert_eq!(Pace::rest(Duration::from_millis(3)), Duration::from_millis(6));
    }

    #[test]
    fn one_that_fails_makes_the_next_much_smaller_and_never_empty() {
        let mut pace = Pace { messages: 10_000 };
        pace.failed();
        assert_eq!(pace.batch().messages, 2_500);
        for _ in 0..10 {
            pace.failed();
        }
        assert_eq!(pace.batch(), Batch { messages: 20, service_requests: 2 });
        pace.took(TARGET * 10);
        assert_eq!(pace.batch().messages, 20, "one that takes long after that is left as it is");
        pace.took(TARGET / 2);
        assert_eq!(pace.batch().messages, 25);
    }

    #[test]
    fn one_that_takes_long_is_made_no_smaller_than_is_worthwhile() {
        let mut pace = Pace::new();
        for _ in 0..10 {
            pace.took(TARGET * 100);
        }
        assert_eq!(pace.batch().messages, WORTHWHILE);
    }
}
