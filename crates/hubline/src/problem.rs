//! Our own refusals, in the form of every other one.

use axum::body::Body;
use chat::{ErrorCode, Refusal};
use http::header::CONNECTION;
use http::{HeaderValue, Response};

/// An answer that refuses a request.
pub fn problem(code: ErrorCode, detail: &str) -> Response<Body> {
    refused(code.refusal(detail))
}

/// The same for a refusal that there is already.
pub fn refused(refusal: Refusal) -> Response<Body> {
    refusal.into_response().map(Body::from)
}

/// The same for a request of which more is to come that nobody will read: the connection ends with the answer.
pub fn last_problem(code: ErrorCode, detail: &str) -> Response<Body> {
    let mut response = problem(code, detail);
    response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    response
}
