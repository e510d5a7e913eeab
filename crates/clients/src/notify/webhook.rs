//! Any webhook, signed as Standard Webhooks describes it (<https://www.standardwebhooks.com>): for every language there is a
//! library that checks it.

use base64::{Engine as _, prelude::BASE64_STANDARD};
use chrono::{DateTime, Utc};
use hmac::{Hmac, KeyInit, Mac};
use serde_json::Value;
use sha2::Sha256;

use super::NotifyError;
use crate::{Method, Rejection, Request, Response, Secret, Words};

/// A webhook and the key that what is sent to it is signed with.
#[derive(Clone, Debug)]
pub struct Webhook {
    url: String,
    key: Secret,
}

/// A key that is none.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("the key of a webhook must be whsec_ and base64, or any text of at least 16 characters")]
pub struct WebhookKeyError;

impl Webhook {
    /// The webhook at this address, and its key: `whsec_` and base64, or any other text as it is.
    ///
    /// # Errors
    /// Returns [`WebhookKeyError`] for a key that can't be read, or is so short that it can be guessed.
    pub fn new(url: &str, key: Secret) -> Result<Self, WebhookKeyError> {
        bytes(&key).map(|_| Self { url: url.to_owned(), key })
    }

    /// Sends a notification. The same identifier again is the same notification.
    #[must_use]
    pub fn send(&self, id: &str, at: DateTime<Utc>, body: &Value) -> Request {
        let body = body.to_string().into_bytes();
        let at = at.timestamp();
        Request::new(Method::Post, self.url.clone())
            .hiding(&self.key)
            .header("content-type", "application/json")
            .header("webhook-id", id)
            .header("webhook-timestamp", &at.to_string())
            .header("webhook-signature", &sign(&self.key, id, at, &body).unwrap_or_default())
            .with_body(body)
    }
}

/// The signature of a notification: `v1,` and the base64 of the HMAC over its identifier, its time and its body.
///
/// # Errors
/// Returns [`WebhookKeyError`] for a key that can't be read.
pub fn sign(key: &Secret, id: &str, at: i64, body: &[u8]) -> Result<String, WebhookKeyError> {
    let mut mac = Hmac::<Sha256>::new_from_slice(&bytes(key)?).map_err(|_| WebhookKeyError)?;
    mac.update(format!("{id}.{at}.").as_bytes());
    mac.update(body);
    Ok(format!("v1,{}", BASE64_STANDARD.encode(mac.finalize().into_bytes())))
}

fn bytes(key: &Secret) -> Result<Vec<u8>, WebhookKeyError> {
    match key.expose().strip_prefix("whsec_") {
        Some(encoded) => BASE64_STANDARD.decode(encoded).ok().filter(|bytes| bytes.len() >= 16).ok_or(WebhookKeyError),
        None if key.expose().len() >= 16 => Ok(key.expose().as_bytes().to_vec()),
        None => Err(WebhookKeyError),
    }
}

/// Reads the answer to [`Webhook::send`]: any status of the two hundreds is a success, and 410 asks us to stop.
///
/// # Errors
/// Returns [`NotifyError`].
pub fn read_webhook(response: &Response) -> Result<(), NotifyError> {
    match response.status {
        200..=299 => Ok(()),
        410 => Err(NotifyError::Gone(Words::default())),
        _ => Err(Rejection::of(response, "").into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Fault;

    #[test]
    fn the_published_test_vector_comes_out() {
        let key = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw".into();
        let signature = sign(&key, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, br#"{"test": 2432232314}"#);
        assert_eq!(signature.as_deref(), Ok("v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="));
    }

    #[test]
    fn it_is_signed_with_a_key_that_is_one() {
        for bad in ["", "short", "whsec_!!", "whsec_c2hvcnQ="] {
            assert!(Webhook::new("https://example.org/hook", bad.into()).is_err(), "{bad}");
        }
        let webhook = Webhook::new("https://example.org/hook", "sixteen-or-more-characters".into()).unwrap();
        let request = webhook.send("a-1", DateTime::UNIX_EPOCH, &serde_json::json!({"a": 1}));
        let header = |name: &str| request.headers.iter().find(|(known, _)| known == name).unwrap().1.clone();
        assert_eq!(header("webhook-timestamp"), "0");
        assert!(header("webhook-signature").starts_with("v1,"));
    }

    #[test]
    fn each_answer_has_its_name() {
        let code = |status| read_webhook(&Response::for_test(status, &[], "")).map_err(|error| error.code());
        assert_eq!(code(204), Ok(()));
        assert_eq!(code(410), Err("gone"));
        assert_eq!(code(302), Err("garbled"));
        assert_eq!(code(503), Err("unavailable"));
    }
}
