//! Commands that are known again when they come again.

use bytes::Bytes;
use function::{Answer, Request};
use http::{HeaderMap, HeaderValue, Response, StatusCode, header};
use rollback::{
    Digest, Person,
    idempotency::{IdempotencyKey, request_digest},
};
use uuid::Uuid;

use crate::refused::Refused;

/// The method and the address of a request, by which it is known again.
pub(crate) struct Head {
    method: String,
    path: String,
}

impl Head {
    pub(crate) fn of(request: &Request) -> Self {
        Self { method: request.method().to_string(), path: request.uri().path().to_owned() }
    }

    pub(crate) fn digest(&self, person: &Person, body: &[u8]) -> Digest {
        request_digest(person, &self.method, &self.path, body)
    }
}

/// The key of a command. Without one it gets one of its own: what is repeated here for want of an answer is still done once.
pub(crate) fn key(headers: &HeaderMap) -> Result<IdempotencyKey, Refused> {
    let wrong = |error: &dyn std::fmt::Display| Refused::invalid("Idempotency-Key", error);
    let text = match headers.get("idempotency-key") {
        None => Uuid::now_v7().to_string(),
        Some(value) => value.to_str().map_err(|error| wrong(&error))?.to_owned(),
    };
    IdempotencyKey::parse(text).map_err(|error| wrong(&error))
}

/// An answer as it was written.
pub(crate) fn kept(status: u16, body: String) -> Answer {
    let mut response = Response::new(Bytes::from(body));
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::OK);
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Answer::Own(response)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(name: &'static str, value: &str) -> HeaderMap {
        HeaderMap::from_iter([(http::HeaderName::from_static(name), HeaderValue::from_str(value).unwrap())])
    }

    #[test]
    fn a_command_has_a_key_of_its_own_or_gets_one() {
        assert_eq!(key(&headers("idempotency-key", "a-1")).unwrap().as_str(), "a-1");
        assert_ne!(key(&HeaderMap::new()).unwrap(), key(&HeaderMap::new()).unwrap());
        assert!(key(&headers("idempotency-key", "a b")).is_err());
    }
}
