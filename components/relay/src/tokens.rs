//! Whose a token is.

use std::time::{Duration, SystemTime};

use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::{Request, Uri};
use identity::{Identity, Settings, TokenError, Verifier};
use parking_lot::RwLock;
use tokio::sync::Mutex;
use tokio::time::{Instant, timeout};

use crate::SetupError;
use crate::client::{Client, client};

/// How long one waits for the issuer.
const PATIENCE: Duration = Duration::from_secs(2);

/// How long the issuer is left alone after it has answered, since anybody can make up a `kid`; or after it has not, when
/// nothing hangs on it.
const PAUSE: Duration = Duration::from_secs(10);

/// How long the issuer is left alone after it has not answered, when a token hangs on it.
const PAUSE_AFTER_FAILURE: Duration = Duration::from_secs(1);

/// After how long keys are asked for again though all of them are known: a key may have been withdrawn.
const KEEP: Duration = Duration::from_secs(600);

/// The largest key set. Real ones have some kilobytes.
const LARGEST_SET: usize = 256 * 1024;

/// Checks tokens, and asks the issuer for keys that are not known yet.
pub(crate) struct Tokens {
    verifier: RwLock<Verifier>,
    issuer: Option<Issuer>,
}

struct Issuer {
    url: Uri,
    client: Client,
    /// When it was asked the last time, and whether it answered. Held while it is asked, so that many ask as one.
    asked: Mutex<Option<(Instant, bool)>>,
}

/// Why somebody is not let in.
#[derive(Debug, Eq, PartialEq, thiserror::Error)]
pub(crate) enum Stranger {
    /// The token proves nothing.
    #[error(transparent)]
    Token(#[from] TokenError),
    /// Without the issuer's word nobody knows.
    #[error("the keys of the token's issuer can't be fetched now")]
    Unknown,
}

impl Tokens {
    /// Checks tokens by these settings.
    ///
    /// # Errors
    /// Refuses settings by which no token could be checked.
    pub(crate) fn new(settings: &Settings) -> Result<Self, SetupError> {
        let verifier = RwLock::new(Verifier::new(settings)?);
        let issuer = match settings.jwks_url.as_deref().filter(|url| !url.is_empty()) {
            Some(url) => {
                let url = url.parse().map_err(|_| SetupError::Issuer)?;
                Some(Issuer { url, client: client()?, asked: Mutex::new(None) })
            }
            None => None,
        };
        Ok(Self { verifier, issuer })
    }

    /// Whose the token is.
    ///
    /// # Errors
    /// Says why it is nobody's, or why that can't be told.
    pub(crate) async fn identify(&self, token: &str) -> Result<Identity, Stranger> {
        let now = seconds_now();
        let found = self.verifier.read().verify(token, now);
        let Some(issuer) = &self.issuer else { return Ok(found?) };
        match found {
            Ok(_) if issuer.is_fresh().await => Ok(found?),
            Ok(_) | Err(TokenError::UnknownKey) => {
                let answered = self.refresh(issuer, found.is_ok()).await;
                let again = self.verifier.read().verify(token, now);
                if again == Err(TokenError::UnknownKey) && !answered { Err(Stranger::Unknown) } else { Ok(again?) }
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Asks the issuer for its keys, unless it was asked just now. Whether it has answered the last time.
    async fn refresh(&self, issuer: &Issuer, known: bool) -> bool {
        let mut asked = issuer.asked.lock().await;
        if let Some((at, answered)) = *asked
            && at.elapsed() < pause(answered, known)
        {
            return answered;
        }
        let fetched = timeout(PATIENCE, issuer.fetch()).await.unwrap_or_else(|_| Err("no answer in time".to_owned()));
        let taken = fetched.and_then(|keys| self.verifier.write().set_jwks(&keys).map_err(|error| error.to_string()));
        if let Err(reason) = &taken {
            tracing::warn!(reason, "the keys of the tokens' issuer can't be fetched");
        }
        *asked = Some((Instant::now(), taken.is_ok()));
        taken.is_ok()
    }
}

impl Issuer {
    /// Whether its keys need not be asked for again yet.
    async fn is_fresh(&self) -> bool {
        self.asked.lock().await.is_none_or(|(at, answered)| at.elapsed() < pause(answered, true))
    }

    async fn fetch(&self) -> Result<String, String> {
        let request =
            Request::get(self.url.clone()).body(Full::<Bytes>::default()).map_err(|error| error.to_string())?;
        let response = self.client.request(request).await.map_err(|error| error.to_string())?;
        if !response.status().is_success() {
            return Err(format!("status {}", response.status()));
        }
        let body =
            Limited::new(response.into_body(), LARGEST_SET).collect().await.map_err(|error| error.to_string())?;
        String::from_utf8(body.to_bytes().into()).map_err(|error| error.to_string())
    }
}

/// How long the issuer is left alone after it has answered or not, for a token whose key is known or not.
fn pause(answered: bool, known: bool) -> Duration {
    match (answered, known) {
        (true, true) => KEEP,
        (true, false) | (false, true) => PAUSE,
        (false, false) => PAUSE_AFTER_FAILURE,
    }
}

/// The time, in seconds since 1970.
pub(crate) fn seconds_now() -> i64 {
    let elapsed = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    i64::try_from(elapsed.as_secs()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use axum::Router;
    use axum::routing::get;
    use http::StatusCode;

    use super::*;

    const OLD_KEY: &str =
        r#"{"kty":"OKP","crv":"Ed25519","kid":"old","x":"Mr9QZhr_3I6VUGyWqFCVnWVV6Szfo5xn--d17HBnXoU"}"#;
    const OLD: &str = "eyJhbGciOiJFZERTQSIsImtpZCI6Im9sZCJ9.eyJzdWIiOiJjYXJsYSIsInJvbGUiOiJjdXN0b21lciIsImV4cCI6NDEwMjQ0NDgwMH0.ldniuuT3TYI20pdylnqJJOQa1DdeZ4k2fs0IykpX4enHc_SMkEt3xlIeHkkQDyyftkYsnGe-iPqUlwJBxIJSCw";
    const NEW_KEY: &str =
        r#"{"kty":"OKP","crv":"Ed25519","kid":"new","x":"FbeV6XC8ZaU7WpO7mGV-T_qQvEMLehcYJ0KErZqiWMI"}"#;
    const NEW: &str = "eyJhbGciOiJFZERTQSIsImtpZCI6Im5ldyJ9.eyJzdWIiOiJjYXJsYSIsInJvbGUiOiJjdXN0b21lciIsImV4cCI6NDEwMjQ0NDgwMH0.9lNZUcQ5jUlcHB63cwM5bL9wDk_29g8dWdPhszEAHAhZwDAY8V7qOq8AChfkCEC34xBbe9NioBqjB1M5TC22Dg";

    /// An issuer that publishes what it is told to, and counts how often it is asked.
    #[derive(Clone)]
    struct Publisher {
        keys: Arc<RwLock<Option<&'static str>>>,
        asked: Arc<AtomicUsize>,
    }

    impl Publisher {
        async fn start() -> (Self, Tokens) {
            let publisher = Self { keys: Arc::default(), asked: Arc::default() };
            let publishing = publisher.clone();
            let router = Router::new().route("/keys", get(async move || publishing.answer()));
            let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
            let url = format!("http://{}/keys", listener.local_addr().unwrap());
            tokio::spawn(async move { axum::serve(listener, router).await });
            let settings = Settings { jwks_url: Some(url), ..Settings::default() };
            (publisher, Tokens::new(&settings).unwrap())
        }

        fn answer(&self) -> (StatusCode, String) {
            self.asked.fetch_add(1, Ordering::SeqCst);
            match *self.keys.read() {
                Some(key) => (StatusCode::OK, format!(r#"{{"keys":[{key}]}}"#)),
                None => (StatusCode::SERVICE_UNAVAILABLE, String::new()),
            }
        }

        fn publish(&self, keys: Option<&'static str>) {
            *self.keys.write() = keys;
        }

        fn asked(&self) -> usize {
            self.asked.load(Ordering::SeqCst)
        }
    }

    async fn pass(time: Duration) {
        tokio::time::pause();
        tokio::time::advance(time).await;
        tokio::time::resume();
    }

    const UNKNOWN_KEY: Stranger = Stranger::Token(TokenError::UnknownKey);

    #[tokio::test]
    async fn keys_are_fetched_when_they_are_needed_and_not_more_often() {
        let (publisher, tokens) = Publisher::start().await;
        assert_eq!(tokens.identify(OLD).await, Err(Stranger::Unknown), "nobody has said so");
        publisher.publish(Some(OLD_KEY));
        assert_eq!(
            tokens.identify(OLD).await,
            Err(Stranger::Unknown),
            "an issuer that fails is left alone for a moment"
        );
        pass(PAUSE_AFTER_FAILURE).await;
        assert_eq!(tokens.identify(OLD).await.unwrap().subject.as_str(), "carla");
        assert!(tokens.identify(OLD).await.is_ok());
        assert_eq!(publisher.asked(), 2);

        publisher.publish(Some(NEW_KEY));
        for _ in 0..10 {
            assert_eq!(tokens.identify(NEW).await, Err(UNKNOWN_KEY), "anybody can make up a kid");
        }
        assert_eq!(publisher.asked(), 2);
        pass(PAUSE).await;
        assert!(tokens.identify(NEW).await.is_ok());
        assert_eq!(tokens.identify(OLD).await, Err(UNKNOWN_KEY));
        assert_eq!(publisher.asked(), 3);
    }

    #[tokio::test]
    async fn a_withdrawn_key_is_honoured_no_longer_than_keys_are_kept() {
        let (publisher, tokens) = Publisher::start().await;
        publisher.publish(Some(OLD_KEY));
        assert!(tokens.identify(OLD).await.is_ok());
        publisher.publish(None);
        pass(KEEP).await;
        assert!(tokens.identify(OLD).await.is_ok(), "an issuer that is away withdraws nothing");
        publisher.publish(Some(NEW_KEY));
        pass(PAUSE).await;
        assert_eq!(tokens.identify(OLD).await, Err(UNKNOWN_KEY));
    }
}
