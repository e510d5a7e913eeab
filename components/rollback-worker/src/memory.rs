//! Secrets that were fetched, for as long as the instance lives and they hold.
//!
//! Each is kept under the environment that it belongs to and the credential that brought it, so that one environment's
//! token never leaves for another's.

use std::{cell::RefCell, collections::BTreeMap, fmt};

use chrono::{DateTime, TimeDelta, Utc};
use clients::Secret;

/// How long before its end a secret is not used any more: the call that it is for takes time, and clocks differ.
const MARGIN: TimeDelta = TimeDelta::seconds(60);

/// Secrets that were fetched.
#[derive(Default)]
pub struct Memory(RefCell<BTreeMap<String, (Secret, DateTime<Utc>)>>);

impl fmt::Debug for Memory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.0.borrow().keys()).finish()
    }
}

impl Memory {
    /// A secret that still holds.
    #[must_use]
    pub fn get(&self, name: &str, now: DateTime<Utc>) -> Option<Secret> {
        self.0.borrow().get(name).filter(|(_, until)| now < *until).map(|(secret, _)| secret.clone())
    }

    /// Keeps a secret. One that lasts only a moment is kept for half of it.
    pub fn put(&self, name: &str, secret: Secret, lasts: TimeDelta, now: DateTime<Utc>) {
        let lasts = (lasts - MARGIN).max(lasts / 2);
        self.0.borrow_mut().insert(name.to_owned(), (secret, now + lasts));
    }

    /// Forgets the secrets of an environment, because one of them was refused. Whether there were any.
    pub fn forget(&self, environment: &str) -> bool {
        let mut secrets = self.0.borrow_mut();
        let before = secrets.len();
        secrets.retain(|name, _| !name.strip_prefix(environment).is_some_and(|rest| rest.starts_with(':')));
        secrets.len() < before
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_given_while_it_holds_and_to_whom_it_belongs() {
        let (memory, now) = (Memory::default(), DateTime::UNIX_EPOCH);
        memory.put("staging:github", "s3cret".into(), TimeDelta::hours(1), now);
        memory.put("staging:link", "short".into(), TimeDelta::seconds(60), now);
        assert_eq!(memory.get("staging:github", now + TimeDelta::minutes(58)), Some("s3cret".into()));
        assert_eq!(memory.get("staging:github", now + TimeDelta::minutes(59)), None);
        assert_eq!(memory.get("production:github", now), None);
        assert_eq!(memory.get("staging:link", now + TimeDelta::seconds(29)), Some("short".into()));
        assert!(!memory.forget("production"));
        assert!(memory.forget("staging"));
        assert_eq!(memory.get("staging:github", now), None);
        assert!(!format!("{memory:?}").contains("s3cret"));
    }
}
