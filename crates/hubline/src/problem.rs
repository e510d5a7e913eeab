//! Our own refusals, in the form of every other one.

use axum::body::Body;
use chat::{ErrorCode, Problem, Refusal};
use http::header::{CONNECTION, CONTENT_TYPE, RETRY_AFTER};
use http::{HeaderValue, Response, StatusCode};

/// After how many seconds to try again what is unavailable now.
const RETRY_SECONDS: u32 = 1;

/// An answer that refuses a request.
pub fn problem(code: ErrorCode, detail: &str) -> Response<Body> {
    refused(code.refusal(detail))
}

/// The same for a refusal that there is already.
pub fn refused(refusal: Refusal) -> Response<Body> {
    let (code, seconds) = (refusal.code, refusal.retry_after.unwrap_or(RETRY_SECONDS));
    let body = serde_json::to_vec(&Problem::from(refusal)).unwrap_or_default();
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = StatusCode::from_u16(code.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(Problem::MEDIA_TYPE));
    if matches!(code, ErrorCode::Unavailable | ErrorCode::RateLimited) {
        response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(seconds));
    }
    response
}

/// The same for a request of which more is to come that nobody will read: the connection ends with the answer.
pub fn last_problem(code: ErrorCode, detail: &str) -> Response<Body> {
    let mut response = problem(code, detail);
    response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    response
}
