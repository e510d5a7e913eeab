//! Whose a token is.
//!
//! By which keys a token holds is for the functions to say, which keep what the issuer publishes where no relay can write. A
//! relay asks them, regularly and when a key comes that it does not know, and remembers it for as long as it runs.

use std::sync::Arc;
use std::time::Duration;

use identity::{Identity, TokenError, Unverified};
use signalr::Close;
use tokio::time::{Instant, sleep, timeout};

use crate::node::Node;

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

impl Node {
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
        let is_due = self.tokens.are_to_ask();
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
        match self.tokens.take(keys) {
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
        for (index, caller) in self.connections.all().into_iter().enumerate() {
            if index % AT_ONCE == AT_ONCE - 1 {
                tokio::task::yield_now().await;
            }
            let found = self.tokens.find(&caller.token);
            if matches!(found, Err(Unverified::Token(TokenError::UnknownKey | TokenError::Signature))) {
                caller.end(&Close { error: Some("the token's key was withdrawn".into()), allow_reconnect: true });
            }
        }
    }
}
