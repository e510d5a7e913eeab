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

/// How long the issuer is left alone after it has answered. Anybody can make up a `kid`.
const PAUSE: Duration = Duration::from_secs(10);

/// How long the issuer is left alone after it has not answered.
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
        if let Some((at, answered)) = *asked {
            let pause = match (answered, known) {
                (true, true) => KEEP,
                (true, false) => PAUSE,
                (false, _) => PAUSE_AFTER_FAILURE,
            };
            if at.elapsed() < pause {
                return answered;
            }
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
        self.asked.lock().await.is_none_or(|(at, _)| at.elapsed() < KEEP)
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

/// The time, in seconds since 1970.
pub(crate) fn seconds_now() -> i64 {
    let elapsed = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    i64::try_from(elapsed.as_secs()).unwrap_or(i64::MAX)
}
