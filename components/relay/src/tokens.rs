//! Whose a token is.
//!
//! By which keys a token holds is for the functions to say, which keep what the issuer publishes where no relay can write. A
//! relay asks them, regularly and when a key comes that it does not know, and remembers it for as long as it runs.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use identity::{Identity, KeySet, Settings, SettingsError, TokenError, Unverified};
use parking_lot::RwLock;
use signalr::Close;
use tokio::sync::Mutex;
use tokio::time::{Instant, sleep, timeout};

use crate::relay::Inner;

/// How long the functions are left alone after they were asked because of a key that is not known: anybody can make one up.
const PAUSE: Duration = Duration::from_secs(1);

/// How long a relay that starts waits for the first keys.
const FIRST: Duration = Duration::from_secs(3);

/// How often it asks for them meanwhile.
const FIRST_PAUSE: Duration = Duration::from_millis(250);

/// How long whoever was just being let in may take to be counted among the connections.
const ARRIVAL: Duration = Duration::from_secs(1);

/// How many connections are looked at in one go after a key was withdrawn.
const AT_ONCE: usize = 64;

/// Checks tokens by what the functions have told of the issuer's keys.
pub(crate) struct Tokens {
    began: Instant,
    set: RwLock<KeySet>,
    /// When the functions were asked last, and whether they have answered. Held while they are asked, so that many ask as one.
    asked: Mutex<Option<(Instant, bool)>>,
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

    fn find(&self, token: &str) -> Result<Identity, Unverified> {
        self.set.read().verify(token, seconds_now(), self.now())
    }

    pub(crate) fn come_from_an_issuer(&self) -> bool {
        self.set.read().url().is_some()
    }

    fn now(&self) -> Duration {
        self.began.elapsed()
    }
}

impl Inner {
    /// Whose the token is. Only who shows a key that is not known waits for anybody.
    ///
    /// # Errors
    /// Says why it is nobody's, or that nobody can tell.
    pub(crate) async fn verify(self: &Arc<Self>, token: &str) -> Result<Identity, Unverified> {
        let found = self.tokens.find(token);
        let is_unknown = matches!(found, Err(Unverified::Unknown | Unverified::Token(TokenError::UnknownKey)));
        if !is_unknown || !self.tokens.come_from_an_issuer() {
            return found;
        }
        self.learn_soon().await;
        self.tokens.find(token)
    }

    /// Asks for the keys for as long as it is polled.
    pub(crate) async fn watch_keys(self: &Arc<Self>) {
        loop {
            // Nodes that were started together don't ask together.
            sleep(self.limits.keys.mul_f64(rand::random_range(0.9..1.1))).await;
            let mut asked = self.tokens.asked.lock().await;
            *asked = Some((Instant::now(), self.learn(false).await));
        }
    }

    /// Waits for the first keys, though not for long.
    pub(crate) async fn prepare_keys(self: &Arc<Self>) {
        if !self.tokens.come_from_an_issuer() {
            return;
        }
        let first = async {
            while !(self.learn(false).await && self.tokens.has_keys()) {
                sleep(FIRST_PAUSE).await;
            }
        };
        if timeout(FIRST, first).await.is_err() {
            tracing::warn!("the keys of the tokens' issuer can't be had so far");
        }
    }

    /// Asks for a key that is not known, unless that was done just now.
    async fn learn_soon(self: &Arc<Self>) {
        let mut asked = self.tokens.asked.lock().await;
        let is_due = {
            let set = self.tokens.set.read();
            set.is_to_ask(true, self.tokens.now()).is_some() || set.is_asked(self.tokens.now())
        };
        let rests = asked.is_some_and(|(at, answered)| at.elapsed() < PAUSE && !(answered && is_due));
        if !rests {
            *asked = Some((Instant::now(), self.learn(true).await));
        }
    }

    /// Asks the functions for the keys. Whether they have answered.
    async fn learn(self: &Arc<Self>, unknown: bool) -> bool {
        let keys = match self.calls.keys(unknown).await {
            Ok(keys) => keys,
            Err(failure) => {
                tracing::warn!(%failure, "the functions don't tell the keys of the tokens' issuer");
                return false;
            }
        };
        let taken = self.tokens.set.write().take(keys, self.tokens.now());
        match taken {
            Ok(false) => {}
            Ok(true) => drop(tokio::spawn(Arc::clone(self).dismiss())),
            Err(error) => tracing::warn!(%error, "the keys of the tokens' issuer can't be used"),
        }
        true
    }

    /// A key was withdrawn: whoever had come in by it goes, and so does whoever was just being let in.
    async fn dismiss(self: Arc<Self>) {
        tracing::warn!("the issuer has withdrawn a key: who came in by it is sent away");
        self.dismiss_all().await;
        sleep(ARRIVAL).await;
        self.dismiss_all().await;
    }

    async fn dismiss_all(&self) {
        for (index, connection) in self.connections.all().into_iter().enumerate() {
            if index % AT_ONCE == AT_ONCE - 1 {
                tokio::task::yield_now().await;
            }
            let found = self.tokens.find(&connection.token);
            if matches!(found, Err(Unverified::Token(TokenError::UnknownKey | TokenError::Signature))) {
                connection.end(&Close { error: Some("the token's key was withdrawn".into()), allow_reconnect: true });
            }
        }
    }
}

/// The time, in seconds since 1970.
pub(crate) fn seconds_now() -> i64 {
    let elapsed = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    i64::try_from(elapsed.as_secs()).unwrap_or(i64::MAX)
}
