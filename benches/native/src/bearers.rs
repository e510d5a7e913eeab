//! Whose a token is, checked as the functions check it.

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::Result;
use chat::{Actor, ErrorCode, Refusal};
use identity::{Cache, Settings, Verifier};
use parking_lot::Mutex;

/// The bearers of tokens, verified or remembered.
pub struct Bearers {
    verifier: Verifier,
    cache: Mutex<Cache>,
}

impl Bearers {
    /// Bearers of tokens that these settings accept.
    ///
    /// # Errors
    /// The settings are unusable.
    pub fn new(settings: &Settings) -> Result<Self> {
        Ok(Self { verifier: Verifier::new(settings)?, cache: Mutex::new(Cache::new(Cache::BYTES)) })
    }

    /// Whose this token is.
    ///
    /// # Errors
    /// Nobody's.
    pub fn identify(&self, token: &str) -> Result<Actor, Refusal> {
        let elapsed = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let now = i64::try_from(elapsed.as_secs()).unwrap_or(i64::MAX);
        if let Some(identity) = self.cache.lock().get(token, now) {
            return Ok(identity.actor());
        }
        let verified = self.verifier.verify(token, now);
        let identity = Arc::new(verified.map_err(|error| ErrorCode::Unauthenticated.refusal(error.to_string()))?);
        self.cache.lock().insert(token, Arc::clone(&identity), now);
        Ok(identity.actor())
    }
}
