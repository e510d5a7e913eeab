//! What the functions have told of the issuer's keys.

use std::time::{Duration, SystemTime};

use chat::wire::IssuerKeys;
use identity::{Identity, JwksError, KeySet, Settings, SettingsError, Unverified};
use parking_lot::RwLock;
use tokio::sync::Mutex;
use tokio::time::Instant;

/// Checks tokens by what the functions have told of the issuer's keys.
pub(crate) struct Tokens {
    began: Instant,
    set: RwLock<KeySet>,
    /// When the functions were asked last, and whether they have answered. Held while they are asked, so that many ask as one.
    pub(crate) asked: Mutex<Option<(Instant, bool)>>,
}

impl Tokens {
    /// Checks tokens by these settings.
    ///
    /// # Errors
    /// Refuses settings by which no token could be checked.
    pub(crate) fn new(settings: &Settings) -> Result<Self, SettingsError> {
        let set = RwLock::new(KeySet::new(settings)?);
        Ok(Self { began: Instant::now(), set, asked: Mutex::default() })
    }

    /// Whether any token could be verified now.
    pub(crate) fn has_keys(&self) -> bool {
        self.set.read().has_keys(self.now())
    }

    /// How old the issuer's last good answer is, when there is one.
    pub(crate) fn keys_age(&self) -> Option<Duration> {
        self.set.read().keys_age(self.now())
    }

    /// Whose the token is, by what is known.
    pub(crate) fn find(&self, token: &str) -> Result<Identity, Unverified> {
        self.set.read().verify(token, seconds_now(), self.now())
    }

    /// Whether keys are an issuer's to publish.
    pub(crate) fn come_from_an_issuer(&self) -> bool {
        self.set.read().url().is_some()
    }

    /// Whether the functions may have something new to tell.
    pub(crate) fn are_to_ask(&self) -> bool {
        let set = self.set.read();
        set.is_to_ask(true, self.now()).is_some() || set.is_asked(self.now())
    }

    /// Takes what the functions tell. Whether a key was withdrawn by that.
    ///
    /// # Errors
    /// Refuses what is no set of keys.
    pub(crate) fn take(&self, keys: IssuerKeys) -> Result<bool, JwksError> {
        self.set.write().take(keys, self.now())
    }

    fn now(&self) -> Duration {
        self.began.elapsed()
    }
}

/// The time, in seconds since 1970.
pub(crate) fn seconds_now() -> i64 {
    let elapsed = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    i64::try_from(elapsed.as_secs()).unwrap_or(i64::MAX)
}
