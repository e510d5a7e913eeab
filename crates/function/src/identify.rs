//! Whose a token is.
//!
//! What the issuer has published is kept in the database, for an instance ends after some seconds without work, and the
//! issuer may be away just then. It is read here, and the issuer asked.

use std::{sync::Arc, time::Duration};

use chat::{ErrorCode, Refusal, wire::IssuerKeys};
use identity::{Identity, KeySet, TokenError, Unverified};
use store::{Keeper, KeptKeys, KeysAct};

use crate::{
    Instance, issuer,
    keys::{Found, Keys, Shown},
    misconfigured::misconfigured,
    steady, within,
};

/// What was read not longer ago is as good as new: whoever shows a key that is not known has it read again no sooner.
const NEW: Duration = Duration::from_secs(1);

/// What was read not longer ago is good enough. Later it is read again, behind the answer.
const RECENT: Duration = Duration::from_secs(2);

/// What was read longer ago is read again before anything is said, so that nobody goes by a key that was withdrawn while the
/// instance had nothing to do.
const OLD: Duration = Duration::from_secs(5);

/// How long reading it may keep somebody whose key is known.
const READING: Duration = Duration::from_millis(500);

/// How long somebody whose key is not known waits for the issuer, who may be asked by somebody else.
const PATIENCE: Duration = Duration::from_secs(2);

/// How long the keys are read and asked for behind an answer. Whoever comes later goes on.
const BEHIND: Duration = Duration::from_secs(5);

/// How often they look whether it has answered.
const GLANCE: Duration = Duration::from_millis(50);

/// Whose a token is, for a relay that shows it again.
#[derive(Clone, Debug)]
pub struct Identified {
    /// Whose.
    pub identity: Arc<Identity>,
    /// What is to be shown beside the token from now on; `None` when nothing is, or that was shown already.
    pub voucher: Option<String>,
}

impl Instance {
    /// Whose this token is. Whoever shows a key that is not known waits for its issuer, for two seconds at most.
    ///
    /// # Errors
    /// Returns [`ErrorCode::Unauthenticated`] for a token that proves nothing, [`ErrorCode::Unavailable`] when that can't
    /// be told for want of the issuer's keys.
    pub async fn identify(&self, token: &str) -> Result<Arc<Identity>, Refusal> {
        let found = self.find(self.keys()?, Shown { token, voucher: None }).await;
        Ok(found.map_err(told)?.identity)
    }

    /// The same for what a relay shows.
    ///
    /// # Errors
    /// Those of [`Self::identify`].
    pub async fn identify_shown(&self, shown: Shown<'_>) -> Result<Identified, Refusal> {
        let keys = self.keys()?;
        identified(keys, shown, self.find(keys, shown).await)
    }

    /// The same for one of several whose messages leave together: nobody waits for the issuer of another's key. It is asked,
    /// behind the answer.
    ///
    /// # Errors
    /// Those of [`Self::identify`].
    pub async fn identify_at_once(&self, shown: Shown<'_>) -> Result<Identified, Refusal> {
        let keys = self.keys()?;
        let found = self.look_up(keys, shown).await;
        if found == Err(Unverified::Unknown) {
            refresh(true);
        }
        identified(keys, shown, found)
    }

    async fn find(&self, keys: &Keys, shown: Shown<'_>) -> Result<Found, Unverified> {
        let found = self.look_up(keys, shown).await;
        if found != Err(Unverified::Unknown) {
            return found;
        }
        within(PATIENCE, self.learn(keys, true)).await;
        keys.find(shown)
    }

    /// What is known of the issuer's keys, asked for anew if it is time, or because somebody shows a key that is not known.
    ///
    /// # Errors
    /// Returns [`ErrorCode::Unavailable`] when the database can't say, [`ErrorCode::NotFound`] when no issuer publishes keys.
    pub async fn issuer_keys(&self, unknown: bool) -> Result<IssuerKeys, Refusal> {
        let keys = self.keys()?;
        let Some(url) = keys.set.borrow().url().map(str::to_owned) else {
            return Err(ErrorCode::NotFound.refusal("no issuer publishes keys: all of them are configured"));
        };
        within(PATIENCE, self.learn(keys, unknown)).await;
        Ok(self.keep(&url, KeysAct::Read).await?.published)
    }

    /// Reads the keys before the first token comes.
    pub async fn prepare_keys(&self) {
        if let Ok(keys) = self.keys() {
            self.settle(keys).await;
        }
    }

    /// Finds out by what the database keeps, which is read anew when it is time.
    async fn look_up(&self, keys: &Keys, shown: Shown<'_>) -> Result<Found, Unverified> {
        self.settle(keys).await;
        let found = keys.find(shown);
        let is_unknown = matches!(found, Err(Unverified::Unknown | Unverified::Token(TokenError::UnknownKey)));
        if is_unknown && !keys.is_read(NEW) {
            within(READING, self.read(keys)).await;
            return keys.find(shown);
        }
        found
    }

    /// Sees to it that what was read is not too old.
    async fn settle(&self, keys: &Keys) {
        if keys.tried.get().is_none() && !keys.is_read(OLD) {
            // The first one: there is nothing to go by yet.
            self.read(keys).await;
        } else if !keys.is_read(OLD) {
            within(READING, self.read(keys)).await;
        } else if !keys.is_read(RECENT) {
            refresh(false);
        }
    }

    /// Reads what the database keeps.
    async fn read(&self, keys: &Keys) {
        let Some(url) = keys.set.borrow().url().map(str::to_owned) else { return };
        let _tried = Tried(keys);
        // Whatever went wrong is in the log; what was known stays.
        if let Ok(kept) = self.keep(&url, KeysAct::Read).await {
            keys.take(kept);
        }
    }

    /// Reads what the database keeps, and asks the issuer if it is time and nobody else does. Whoever shows a key that is not
    /// known waits for what somebody else finds out.
    async fn learn(&self, keys: &Keys, unknown: bool) {
        let Some(url) = keys.set.borrow().url().map(str::to_owned) else { return };
        loop {
            self.read(keys).await;
            let (ask, is_asked) = {
                let set = keys.set.borrow();
                (set.is_to_ask(unknown, keys.now()), set.is_asked(keys.now()))
            };
            match ask {
                Some(ask) => self.ask(keys, &url, ask).await,
                None if unknown && is_asked => spin_sdk::time::sleep(GLANCE).await,
                None => return,
            }
        }
    }

    /// Asks the issuer, unless somebody else was first.
    async fn ask(&self, keys: &Keys, url: &str, last: i64) {
        match self.keep(url, KeysAct::Ask(last)).await {
            Ok(kept) if kept.published.done => {
                let ask = kept.published.ask;
                keys.take(kept);
                let fetched = issuer::fetch(url).await;
                if let Err(reason) = &fetched {
                    eprintln!("the key set of the tokens' issuer can't be had: {reason}");
                }
                if let Ok(kept) = self.keep(url, KeysAct::Tell(ask, fetched.as_deref().ok())).await {
                    keys.take(kept);
                }
            }
            Ok(kept) => keys.take(kept),
            // The database is away, and so nobody is served anyway.
            Err(_) => spin_sdk::time::sleep(NEW).await,
        }
    }

    async fn keep(&self, url: &str, act: KeysAct<'_>) -> Result<KeptKeys, Refusal> {
        // A function has the one database or the other.
        let keeper = if self.config.database_url.is_some() { Keeper::Chat } else { Keeper::Operations };
        self.database(async |db| store::issuer_keys(db, keeper, url, act).await).await
    }

    fn keys(&self) -> Result<&Keys, Refusal> {
        if let Some(keys) = self.keys.get() {
            return Ok(keys);
        }
        let set = KeySet::new(&self.config.identity).map_err(|error| misconfigured(&error))?;
        Ok(self.keys.get_or_init(|| Keys::new(set)))
    }
}

/// Reads the keys, and asks the issuer if it is time, behind the answer. One of those who come at once does.
fn refresh(unknown: bool) {
    spin_sdk::wit_bindgen::spawn(steady(async move {
        let Ok(instance) = Instance::get().await else { return };
        let Ok(keys) = instance.keys() else { return };
        if !keys.refreshing.replace(true) {
            let _refreshing = Refreshing(keys);
            within(BEHIND, instance.learn(keys, unknown)).await;
        }
    }));
}

/// Somebody who reads the keys or asks for them. However that ends, the next one may.
struct Refreshing<'k>(&'k Keys);

impl Drop for Refreshing<'_> {
    fn drop(&mut self) {
        self.0.refreshing.set(false);
    }
}

/// Somebody who reads the keys. When that has ended, even in the middle, the next one goes by what is known, and does not wait
/// for the same once more.
struct Tried<'k>(&'k Keys);

impl Drop for Tried<'_> {
    fn drop(&mut self) {
        self.0.tried.set(Some(self.0.now()));
    }
}

/// What was found, as a relay is told it.
fn identified(keys: &Keys, shown: Shown<'_>, found: Result<Found, Unverified>) -> Result<Identified, Refusal> {
    let found = found.map_err(told)?;
    Ok(Identified { voucher: keys.vouch(shown.token, &found), identity: found.identity })
}

/// Why nobody knows whose a token is, as its bearer is told.
fn told(unverified: Unverified) -> Refusal {
    let code = match unverified {
        Unverified::Token(_) => ErrorCode::Unauthenticated,
        Unverified::Unknown => ErrorCode::Unavailable,
    };
    code.refusal(unverified.to_string())
}
