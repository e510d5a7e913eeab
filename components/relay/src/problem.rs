//! Errors over HTTP.

use axum::response::{IntoResponse, Response};
use chat::{ErrorCode, Problem, Refusal};
use http::header::{CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderValue, StatusCode};

/// An error as the contract wants it.
pub(crate) fn problem(refusal: Refusal) -> Response {
    let (code, seconds) = (refusal.code, refusal.retry_after.unwrap_or(1));
    let problem = Problem::from(refusal);
    let status = StatusCode::from_u16(problem.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    // Strings and numbers always have an encoding.
    let body = serde_json::to_vec(&problem).unwrap_or_default();
    let mut response = (status, body).into_response();
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(Problem::MEDIA_TYPE));
    match code {
        ErrorCode::Unauthenticated => {
            headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        ErrorCode::Unavailable | ErrorCode::RateLimited => {
            headers.insert(RETRY_AFTER, HeaderValue::from(seconds));
        }
        _ => {}
    }
    response
}
