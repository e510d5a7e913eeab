//! The keys that an issuer publishes, as they come, age and are withdrawn.

#[cfg(test)]
mod tests;

use std::time::Duration;

use chat::wire::IssuerKeys;

use crate::{Ages, Identity, JwksError, Settings, SettingsError, TokenError, Verifier};

/// How long the issuer is left alone after it has answered, though a key is not known: anybody can make up a `kid`.
const PAUSE: Duration = Duration::from_secs(10);

/// How long it is left alone after it has not answered, when a token hangs on it.
const PAUSE_AFTER_FAILURE: Duration = Duration::from_secs(3);

/// How long somebody who asks may take to tell what came of it. Whoever takes longer has ended meanwhile.
const UNDER_WAY: Duration = Duration::from_secs(3);

/// A [`Verifier`] whose keys an issuer publishes.
///
/// What the issuer has said is kept elsewhere, by something that outlives every instance, and read from there:
/// [`IssuerKeys`]. This says what holds of it when: whether a token is verified, whether the issuer is to be asked, and what is
/// told to a token whose key is not known. Keys are asked for again when they are as old as [`Ages::refresh`], and used until
/// they are as old as [`Ages::stale`] while the issuer does not answer. A key that is missing in an answer is gone.
///
/// The caller tells the time of a clock that only goes forward, from whatever beginning.
pub struct KeySet {
    verifier: Verifier,
    url: Option<String>,
    ages: Ages,
    /// The text of the keys that are in use.
    text: Option<String>,
    read: Option<Read>,
}

/// What was read, and when.
struct Read {
    at: Duration,
    ask: i64,
    asked: Option<Duration>,
    answered: Option<bool>,
    fetched: Option<Duration>,
}

impl Read {
    /// How old something is now that was so old when it was read.
    fn grown(&self, age: Option<Duration>, now: Duration) -> Option<Duration> {
        Some(age?.saturating_add(now.saturating_sub(self.at)))
    }
}

/// Why nobody knows whose a token is.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum Unverified {
    /// It proves nothing.
    #[error(transparent)]
    Token(#[from] TokenError),
    /// Its key is not known, and the issuer has to be asked first, or does not answer.
    #[error("the keys of the token's issuer can't be had now")]
    Unknown,
}

impl KeySet {
    /// Takes the settings; nothing of the issuer is known yet.
    ///
    /// # Errors
    /// Returns [`SettingsError`] for settings that could never verify a token, or that contradict themselves.
    pub fn new(settings: &Settings) -> Result<Self, SettingsError> {
        let verifier = Verifier::new(settings)?;
        let url = settings.jwks_url()?.map(str::to_owned);
        Ok(Self { verifier, url, ages: settings.ages()?, text: None, read: None })
    }

    /// Where the issuer publishes its keys; `None` when they are all configured and never change.
    #[must_use]
    pub fn url(&self) -> Option<&str> {
        self.url.as_deref()
    }

    /// Checks a token, at `seconds` since 1970 and at `now`.
    ///
    /// # Errors
    /// Returns [`Unverified`]. What is [`Unverified::Unknown`] may be known after the issuer was asked.
    pub fn verify(&self, token: &str, seconds: i64, now: Duration) -> Result<Identity, Unverified> {
        self.find(token, false, seconds, now)
    }

    /// The same for a token that somebody has vouched for who knew these keys: its signature is not looked at, all else is.
    ///
    /// # Errors
    /// Those of [`Self::verify`].
    pub fn verify_vouched(&self, token: &str, seconds: i64, now: Duration) -> Result<Identity, Unverified> {
        self.find(token, true, seconds, now)
    }

    fn find(&self, token: &str, vouched: bool, seconds: i64, now: Duration) -> Result<Identity, Unverified> {
        let over = self.is_over(now);
        let found = match over {
            true => self.verifier.verify_without_jwks(token, seconds),
            false if vouched => self.verifier.verify_vouched(token, seconds),
            false => self.verifier.verify(token, seconds),
        };
        if found == Err(TokenError::UnknownKey) && self.url.is_some() {
            let told = self.read.as_ref().is_some_and(|read| read.answered == Some(true));
            if over || !told || self.is_to_ask(true, now).is_some() {
                return Err(Unverified::Unknown);
            }
        }
        Ok(found?)
    }

    /// Takes what was read just now. Whether keys have been withdrawn: whatever they have proven is not proven any more.
    ///
    /// # Errors
    /// Returns [`JwksError`] for a key set that can't be used; those that are held stay.
    pub fn take(&mut self, read: IssuerKeys, now: Duration) -> Result<bool, JwksError> {
        let IssuerKeys { ask, asked, answered, keys, fetched, done: _ } = read;
        let age = |age: Option<i64>| age.map(|age| Duration::from_millis(u64::try_from(age).unwrap_or_default()));
        self.read = Some(Read { at: now, ask, asked: age(asked), answered, fetched: age(fetched) });
        let Some(keys) = keys.filter(|keys| Some(keys) != self.text.as_ref()) else { return Ok(false) };
        let withdrawn = self.verifier.set_jwks(&keys)?;
        self.text = Some(keys);
        Ok(withdrawn)
    }

    /// Whether what was read is not older than that.
    #[must_use]
    pub fn is_current(&self, within: Duration, now: Duration) -> bool {
        self.read.as_ref().is_some_and(|read| now.saturating_sub(read.at) < within)
    }

    /// Whether the issuer should be asked now: the number of the last time, which whoever wants to ask has to show. `unknown`
    /// says that somebody shows a key that is not known.
    #[must_use]
    pub fn is_to_ask(&self, unknown: bool, now: Duration) -> Option<i64> {
        let read = self.read.as_ref().filter(|_| self.url.is_some())?;
        let asked = read.grown(read.asked, now);
        let pause = match read.answered {
            _ if read.ask == 0 => Duration::ZERO,
            None => UNDER_WAY,
            Some(false) if unknown || self.text.is_none() => PAUSE_AFTER_FAILURE,
            Some(false) => PAUSE,
            Some(true) if unknown => PAUSE,
            Some(true) => self.ages.refresh,
        };
        asked.is_none_or(|asked| asked >= pause).then_some(read.ask)
    }

    /// Whether somebody is asking the issuer right now.
    #[must_use]
    pub fn is_asked(&self, now: Duration) -> bool {
        let Some(read) = &self.read else { return false };
        let asked = read.grown(read.asked, now);
        read.ask > 0 && read.answered.is_none() && asked.is_some_and(|asked| asked < UNDER_WAY)
    }

    /// Whether any token could be verified now.
    #[must_use]
    pub fn has_keys(&self, now: Duration) -> bool {
        self.verifier.has_secret() || self.verifier.has_jwks() && !self.is_over(now)
    }

    /// How old the issuer's last good answer is, when there is one.
    #[must_use]
    pub fn keys_age(&self, now: Duration) -> Option<Duration> {
        let read = self.read.as_ref()?;
        read.grown(read.fetched, now)
    }

    /// Whether the issuer's keys are too old to be used; the secret's tokens hold all the same.
    #[must_use]
    pub fn is_over(&self, now: Duration) -> bool {
        self.keys_age(now).is_some_and(|age| age >= self.ages.stale)
    }
}
