//! Reading bodies.

use chat::{ErrorCode, Refusal};
use http::{HeaderMap, header};
use serde::Deserialize;
use spin_sdk::{
    http::IncomingMessage,
    wasip3::{
        http_compat::{IncomingBody, IncomingResponseBody},
        wit_bindgen::StreamResult,
        wit_future,
    },
};

use crate::{Body, Request};

/// The largest body of a public request: a message of 4,000 characters, each written as two escapes of six bytes, and its
/// frame.
pub const PUBLIC: usize = 64 * 1024;

/// The largest body of an internal request: a batch of 256 KiB and its users' tokens.
pub const INTERNAL: usize = 2 * 1024 * 1024;

/// How much is read at once, of a body that does not say how long it is.
const STEP: usize = 16 * 1024;

/// Why a body was not read.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Unread {
    TooLarge(usize),
    Broken,
}

impl std::fmt::Display for Unread {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::TooLarge(limit) => write!(f, "the body has more than {limit} bytes"),
            Self::Broken => f.write_str("the body can't be read"),
        }
    }
}

impl From<Unread> for Refusal {
    fn from(unread: Unread) -> Self {
        let code = match unread {
            Unread::TooLarge(_) => ErrorCode::TooLarge,
            Unread::Broken => ErrorCode::Malformed,
        };
        code.refusal(unread.to_string())
    }
}

/// Reads the JSON of a public request, as bytes.
///
/// # Errors
/// Returns [`ErrorCode::UnsupportedMediaType`] for what does not say that it is JSON, [`ErrorCode::TooLarge`] for more than
/// [`PUBLIC`] bytes.
pub async fn read_public(request: Request) -> Result<Vec<u8>, Refusal> {
    demand_json(request.headers())?;
    Ok(read(request, PUBLIC).await?)
}

/// Reads the JSON of an internal request, as bytes: see [`parse`].
///
/// # Errors
/// Returns [`ErrorCode::TooLarge`] for more than [`INTERNAL`] bytes.
pub async fn read_internal(request: Request) -> Result<Vec<u8>, Refusal> {
    Ok(read(request, INTERNAL).await?)
}

/// What an internal request says.
///
/// # Errors
/// Returns [`ErrorCode::Malformed`] for what is not of the type.
pub fn parse<'a, T: Deserialize<'a>>(json: &'a [u8]) -> Result<T, Refusal> {
    serde_json::from_slice(json)
        .map_err(|error| ErrorCode::Malformed.refusal(format!("the body is not what it should be: {error}")))
}

/// Reads the body of an answer with these headers.
pub(crate) async fn read_answer(
    headers: &HeaderMap,
    body: IncomingResponseBody,
    limit: usize,
) -> Result<Vec<u8>, Unread> {
    stream(expected_length(headers), body, limit).await
}

async fn read(request: Request, limit: usize) -> Result<Vec<u8>, Unread> {
    let expected = expected_length(request.headers());
    match request.into_body() {
        Body::Whole(body) if body.len() > limit => Err(Unread::TooLarge(limit)),
        Body::Whole(body) => Ok(body),
        Body::Streamed(body) => stream(expected, body, limit).await,
    }
}

async fn stream<T: IncomingMessage>(
    expected: Option<usize>,
    mut body: IncomingBody<T>,
    limit: usize,
) -> Result<Vec<u8>, Unread> {
    if expected.is_some_and(|length| length > limit) {
        return Err(Unread::TooLarge(limit));
    }
    let message = body.take_unstarted().ok_or(Unread::Broken)?;
    // Tells the host that all was well, whenever that is.
    let (_result, told) = wit_future::new(|| Ok(()));
    // From the host's stream directly: the SDK's body has a buffer of its own for each piece.
    let (mut stream, _trailers) = message.consume_body(told);
    let mut bytes = Vec::with_capacity(expected.map_or(STEP, |length| length + 1));
    loop {
        let (outcome, read) = stream.read(bytes).await;
        bytes = read;
        if bytes.len() > limit {
            return Err(Unread::TooLarge(limit));
        }
        match outcome {
            StreamResult::Complete(_) if bytes.len() == bytes.capacity() => bytes.reserve(STEP),
            StreamResult::Complete(_) => {}
            StreamResult::Dropped | StreamResult::Cancelled => return Ok(bytes),
        }
    }
}

/// The length that the sender says the body has.
fn expected_length(headers: &HeaderMap) -> Option<usize> {
    headers.get(header::CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

/// Whether the sender says that the body is JSON.
fn demand_json(headers: &HeaderMap) -> Result<(), Refusal> {
    let media_type = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let essence = media_type.split(';').next().unwrap_or_default().trim();
    if essence.eq_ignore_ascii_case("application/json") {
        Ok(())
    } else {
        Err(ErrorCode::UnsupportedMediaType.refusal("the header content-type must be application/json"))
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[test]
    fn only_json_is_taken() {
        let with = |value: &'static str| {
            demand_json(&HeaderMap::from_iter([(header::CONTENT_TYPE, HeaderValue::from_static(value))]))
        };
        for good in ["application/json", "Application/JSON; charset=utf-8", "application/json ;x"] {
            assert!(with(good).is_ok(), "{good}");
        }
        for bad in ["", "text/plain", "application/jsonp", "application/problem+json", "text/plain; application/json"] {
            assert_eq!(with(bad).unwrap_err().code, ErrorCode::UnsupportedMediaType, "{bad}");
        }
        assert!(demand_json(&HeaderMap::new()).is_err());
    }

    #[test]
    fn a_length_is_taken_as_a_hint() {
        let with = |value: &'static str| {
            expected_length(&HeaderMap::from_iter([(header::CONTENT_LENGTH, HeaderValue::from_static(value))]))
        };
        assert_eq!(with("17"), Some(17));
        for no in ["", "-1", "x", "99999999999999999999999"] {
            assert_eq!(with(no), None);
        }
    }

    #[test]
    fn what_is_not_read_has_a_code() {
        assert_eq!(Refusal::from(Unread::TooLarge(7)).code, ErrorCode::TooLarge);
        assert_eq!(Refusal::from(Unread::Broken).code, ErrorCode::Malformed);
    }
}
