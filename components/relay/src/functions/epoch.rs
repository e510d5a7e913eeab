//! The database's history, as this relay knows it.

use parking_lot::Mutex;
use tokio::time::Instant;

/// The name of the database's history. It changes when the database is restored to an earlier time.
#[derive(Default)]
pub(crate) struct Epoch {
    current: Mutex<Option<(Box<str>, Instant)>>,
}

/// What an answer says about the epoch.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Observed {
    /// It comes from the history that is known.
    Current,
    /// It comes from a new history: nothing known of the old one counts any longer.
    Renewed,
    /// It was asked before the present history was known, and comes from another one.
    Outdated,
}

impl Epoch {
    /// Takes note of the epoch in an answer of the database, which was asked for at that time.
    pub(crate) fn observe(&self, name: &str, asked: Instant) -> Observed {
        let mut current = self.current.lock();
        match current.as_ref() {
            Some((known, _)) if **known == *name => Observed::Current,
            Some((_, since)) if asked < *since => Observed::Outdated,
            known => {
                let observed = if known.is_some() { Observed::Renewed } else { Observed::Current };
                *current = Some((name.into(), Instant::now()));
                observed
            }
        }
    }

    /// Whether this is the history that is known. An event alone is no proof of another one: it may be old.
    pub(crate) fn is(&self, name: &str) -> bool {
        self.current.lock().as_ref().is_some_and(|(known, _)| **known == *name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_late_answer_does_not_bring_the_old_history_back() {
        let epoch = Epoch::default();
        let start = Instant::now();
        assert_eq!(epoch.observe("a", start), Observed::Current);
        tokio::time::advance(std::time::Duration::from_secs(1)).await;
        assert_eq!(epoch.observe("b", Instant::now()), Observed::Renewed);
        assert_eq!(epoch.observe("a", start), Observed::Outdated);
        assert!(epoch.is("b") && !epoch.is("a"));
        assert_eq!(epoch.observe("b", start), Observed::Current);
    }
}
