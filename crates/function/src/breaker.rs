//! A breaker: what fails is left alone for a while.

use std::time::{Duration, Instant};

/// How long after a failure nothing is tried, but for one attempt at its end.
const REST: Duration = Duration::from_secs(1);

/// Decides whether to try.
#[derive(Debug, Default)]
pub(crate) struct Breaker {
    /// Until when nothing is tried; `None` while all is well.
    rests_until: Option<Instant>,
}

impl Breaker {
    /// Whether to try now. After a rest one caller may, and the others wait for what it finds out.
    pub(crate) fn admits(&mut self, now: Instant) -> bool {
        match self.rests_until {
            None => true,
            Some(until) if now < until => false,
            Some(_) => {
                self.rests_until = Some(now + REST);
                true
            }
        }
    }

    /// Takes note of an attempt; answers whether this is news.
    pub(crate) fn note(&mut self, success: bool, now: Instant) -> bool {
        let rested = self.rests_until.is_some();
        self.rests_until = (!success).then(|| now + REST);
        rested == success
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn after_a_failure_it_rests_and_then_tries_once() {
        let start = Instant::now();
        let at = |millis: u64| start + Duration::from_millis(millis);
        let mut breaker = Breaker::default();
        assert!(breaker.admits(at(0)) && breaker.admits(at(0)));
        assert!(breaker.note(false, at(100)));
        assert!(!breaker.admits(at(101)) && !breaker.admits(at(1_099)));
        assert!(breaker.admits(at(1_100)), "the rest is over");
        assert!(!breaker.admits(at(1_100)), "one is trying");
        assert!(!breaker.note(false, at(1_200)), "no news");
        assert!(!breaker.admits(at(2_199)));
        assert!(breaker.admits(at(2_200)));
        assert!(breaker.note(true, at(2_201)), "it works again");
        assert!(breaker.admits(at(2_201)) && breaker.admits(at(2_201)));
        assert!(!breaker.note(true, at(2_202)));
    }

    #[test]
    fn a_trial_that_is_never_heard_of_does_not_block_for_ever() {
        let start = Instant::now();
        let mut breaker = Breaker::default();
        breaker.note(false, start);
        assert!(breaker.admits(start + REST));
        assert!(breaker.admits(start + REST * 2));
    }
}
