//! The keys that tokens are checked with, and what was found about tokens lately.

use std::{
    cell::{Cell, RefCell},
    sync::Arc,
    time::{Duration, Instant, SystemTime},
};

use chat::{ErrorCode, Refusal};
use identity::{Cache, Identity, TokenError, Verifier};

use crate::{Instance, body, instance::misconfigured, within};

/// How many tokens are remembered. Of a length of 1 KiB, they take a megabyte or two.
const REMEMBERED: usize = 1_024;

/// How long one waits for the issuer.
const PATIENCE: Duration = Duration::from_secs(2);

/// How long the issuer is left alone after it has answered. Anybody can make up a `kid`.
const PAUSE: Duration = Duration::from_secs(10);

/// How long the issuer is left alone after it has not answered.
const PAUSE_AFTER_FAILURE: Duration = Duration::from_secs(1);

/// After how long keys are asked for again though all of them are known: a key may have been withdrawn.
const KEEP: Duration = Duration::from_secs(600);

/// The largest key set. Real ones have some kilobytes.
const LARGEST_SET: usize = 256 * 1024;

/// The keys of the issuer, and what was found about tokens lately.
pub(crate) struct Keys {
    url: Option<String>,
    verifier: RefCell<Verifier>,
    cache: RefCell<Cache>,
    asked: Cell<Option<Asked>>,
}

/// When the issuer was asked for its keys the last time, and how that went.
#[derive(Clone, Copy)]
struct Asked {
    at: Instant,
    answered: bool,
}

impl Asked {
    /// Whether the issuer may be asked again.
    fn is_over(self, now: Instant) -> bool {
        now.duration_since(self.at) >= if self.answered { PAUSE } else { PAUSE_AFTER_FAILURE }
    }

    /// Whether what was answered is too old to go on with.
    fn is_stale(self, now: Instant) -> bool {
        now.duration_since(self.at) >= if self.answered { KEEP } else { PAUSE_AFTER_FAILURE }
    }
}

impl Keys {
    fn new(verifier: Verifier, url: Option<String>) -> Self {
        Self {
            url,
            verifier: RefCell::new(verifier),
            cache: RefCell::new(Cache::new(REMEMBERED)),
            asked: Cell::new(None),
        }
    }

    async fn identify(&self, token: &str) -> Result<Arc<Identity>, Refusal> {
        let now = seconds();
        if let Some(identity) = self.cache.borrow_mut().get(token, now) {
            return Ok(identity);
        }
        if let Some(url) =
            self.url.as_deref().filter(|_| self.asked.get().is_some_and(|it| it.is_stale(Instant::now())))
        {
            self.fetch(url).await;
        }
        let mut found = self.verifier.borrow().verify(token, now);
        if let (Err(TokenError::UnknownKey), Some(url)) = (&found, &self.url) {
            if self.asked.get().is_none_or(|asked| asked.is_over(Instant::now())) {
                self.fetch(url).await;
                found = self.verifier.borrow().verify(token, now);
            }
            // Without the issuer's word nobody knows whether this key is one of its own.
            if found == Err(TokenError::UnknownKey) && self.asked.get().is_some_and(|asked| !asked.answered) {
                return Err(ErrorCode::Unavailable.refusal("the keys of the token's issuer can't be fetched now"));
            }
        }
        match found {
            Ok(identity) => {
                let identity = Arc::new(identity);
                self.cache.borrow_mut().insert(token, Arc::clone(&identity), now);
                Ok(identity)
            }
            Err(error) => Err(ErrorCode::Unauthenticated.refusal(error.to_string())),
        }
    }

    /// Asks the issuer for its keys. Those that are known stay when it does not answer.
    ///
    /// Requests that come meanwhile ask as well: none can wake another, and there are few at once.
    async fn fetch(&self, url: &str) {
        let fetched = within(PATIENCE, fetch(url)).await.unwrap_or_else(|| Err("no answer in time".to_owned()));
        let outcome =
            fetched.and_then(|jwks| self.verifier.borrow_mut().set_jwks(&jwks).map_err(|error| error.to_string()));
        if let Err(reason) = &outcome {
            eprintln!("the key set of the tokens' issuer can't be had: {reason}");
        }
        self.asked.set(Some(Asked { at: Instant::now(), answered: outcome.is_ok() }));
    }
}

async fn fetch(url: &str) -> Result<String, String> {
    let response = spin_sdk::http::get(url).await.map_err(|error| error.to_string())?;
    if !response.status().is_success() {
        return Err(format!("status {}", response.status()));
    }
    let (head, body) = response.into_parts();
    let bytes = body::read_answer(&head.headers, body, LARGEST_SET).await.map_err(|error| error.to_string())?;
    String::from_utf8(bytes).map_err(|error| error.to_string())
}

impl Instance {
    /// Whose this token is.
    ///
    /// # Errors
    /// Returns [`ErrorCode::Unauthenticated`] for a token that proves nothing, [`ErrorCode::Unavailable`] when that can't
    /// be told for want of the issuer's keys.
    pub async fn identify(&self, token: &str) -> Result<Arc<Identity>, Refusal> {
        self.keys()?.identify(token).await
    }

    fn keys(&self) -> Result<&Keys, Refusal> {
        if let Some(keys) = self.keys.get() {
            return Ok(keys);
        }
        let settings = &self.config.identity;
        let verifier = Verifier::new(settings).map_err(|error| misconfigured(&error))?;
        Ok(self.keys.get_or_init(|| Keys::new(verifier, settings.jwks_url.clone())))
    }
}

/// The time, in seconds since 1970.
fn seconds() -> i64 {
    let elapsed = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    i64::try_from(elapsed.as_secs()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_issuer_is_left_alone_for_a_while() {
        let start = Instant::now();
        let after = |seconds: u64| start + Duration::from_secs(seconds);
        let answered = Asked { at: start, answered: true };
        assert!(!answered.is_over(after(9)) && answered.is_over(after(10)));
        assert!(!answered.is_stale(after(599)) && answered.is_stale(after(600)));
        let failed = Asked { at: start, answered: false };
        assert!(!failed.is_over(start) && failed.is_over(after(1)));
        assert!(!failed.is_stale(start) && failed.is_stale(after(1)));
    }
}
