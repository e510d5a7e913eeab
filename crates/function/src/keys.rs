//! The keys that tokens are checked with, and what was found about tokens lately.
//!
//! [`KeySet`] says what holds of what an issuer has published; how that is read and asked for is not known here.

use std::{
    cell::{Cell, RefCell},
    sync::Arc,
    time::{Duration, Instant, SystemTime},
};

use identity::{Cache, Identity, KeySet, Unverified, Vouching};
use store::KeptKeys;

/// What somebody shows: a token, and what a function has said of it when it was shown before.
#[derive(Clone, Copy, Debug)]
pub struct Shown<'a> {
    /// The token.
    pub token: &'a str,
    /// What a function has vouched for of it, as the relay keeps it.
    pub voucher: Option<&'a str>,
}

/// What was found about a token.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Found {
    pub(crate) identity: Arc<Identity>,
    /// Whether somebody has vouched for it.
    vouched: bool,
}

/// The keys of the issuer, and what was found about tokens lately.
pub(crate) struct Keys {
    began: Instant,
    pub(crate) set: RefCell<KeySet>,
    cache: RefCell<Cache>,
    /// Passes on what was found, to whoever knows the same keys.
    vouching: RefCell<Option<Vouching>>,
    /// When they were last read, or could not be.
    pub(crate) tried: Cell<Option<Duration>>,
    /// Whether they are being read or asked for behind an answer.
    pub(crate) refreshing: Cell<bool>,
}

impl Keys {
    pub(crate) fn new(set: KeySet) -> Self {
        Self {
            began: Instant::now(),
            set: RefCell::new(set),
            cache: RefCell::new(Cache::new(Cache::BYTES)),
            vouching: RefCell::new(None),
            tried: Cell::new(None),
            refreshing: Cell::new(false),
        }
    }

    pub(crate) fn now(&self) -> Duration {
        self.began.elapsed()
    }

    /// Whether they were read, or tried to be, not longer ago than that. Keys that never change always were.
    pub(crate) fn is_read(&self, within: Duration) -> bool {
        let now = self.now();
        self.set.borrow().url().is_none() || self.tried.get().is_some_and(|tried| now.saturating_sub(tried) < within)
    }

    pub(crate) fn take(&self, kept: KeptKeys) {
        let KeptKeys { published, vouching_key } = kept;
        let is_published = published.keys.is_some();
        let taken = self.set.borrow_mut().take(published, self.now());
        // Who goes by other keys than those that came with it vouches for nothing: by the configured ones, or by earlier ones.
        let vouching_key = vouching_key.filter(|_| is_published && taken.is_ok());
        *self.vouching.borrow_mut() = vouching_key.and_then(|key| Vouching::new(&key));
        match taken {
            Ok(false) => {}
            Ok(true) => {
                eprintln!("the issuer has withdrawn a key");
                self.cache.borrow_mut().clear();
            }
            Err(error) => eprintln!("the keys that are kept of the issuer can't be used: {error}"),
        }
    }

    /// Whose the token is, by what is known at this moment.
    pub(crate) fn find(&self, shown: Shown<'_>) -> Result<Found, Unverified> {
        let (now, seconds) = (self.now(), seconds());
        let set = self.set.borrow();
        let Shown { token, voucher } = shown;
        if let Some(identity) = self.cache.borrow_mut().get(token, seconds).filter(|_| !set.is_over(now)) {
            return Ok(Found { identity, vouched: voucher.is_some() });
        }
        let vouching = self.vouching.borrow();
        let vouched = vouching.as_ref().zip(voucher).is_some_and(|(vouching, voucher)| vouching.holds(token, voucher));
        let identity = Arc::new(match vouched {
            true => set.verify_vouched(token, seconds, now)?,
            false => set.verify(token, seconds, now)?,
        });
        self.cache.borrow_mut().insert(token, Arc::clone(&identity), seconds);
        Ok(Found { identity, vouched })
    }

    /// What is to be passed on of what was found about a token, unless that was done before.
    pub(crate) fn vouch(&self, token: &str, found: &Found) -> Option<String> {
        (!found.vouched).then(|| Some(self.vouching.borrow().as_ref()?.vouch(token))).flatten()
    }
}

/// The time, in seconds since 1970.
fn seconds() -> i64 {
    let elapsed = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    i64::try_from(elapsed.as_secs()).unwrap_or(i64::MAX)
}
