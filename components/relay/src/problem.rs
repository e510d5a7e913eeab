//! Errors over HTTP.

use axum::body::Body;
use axum::response::Response;
use chat::Refusal;

/// An error as the contract wants it.
pub(crate) fn problem(refusal: Refusal) -> Response {
    refusal.into_response().map(Body::from)
}
