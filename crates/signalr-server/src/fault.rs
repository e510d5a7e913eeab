//! What is wrong with a request for a connection.

use axum::response::{IntoResponse, Response};
use http::header::{ALLOW, CONTENT_TYPE};
use http::{HeaderValue, StatusCode};

/// What is wrong with a request to a hub's address, in the words of the reference where it has some. As a response it is plain
/// text; a hub that has another form for its errors converts it ([`crate::Hub::Rejection`]).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Fault {
    /// Neither an upgrade to a WebSocket nor the token of a connection.
    NoConnectionId,
    /// The connection token is forged, expired, used, or another user's.
    UnknownConnection,
    /// A method that negotiation or the hub's address doesn't have.
    Method {
        /// Those that there are, for the header `Allow`.
        allowed: &'static str,
        /// Why this one isn't.
        why: &'static str,
    },
    /// The server drains.
    Stopping,
}

impl Fault {
    /// The status.
    #[must_use]
    pub fn status(self) -> StatusCode {
        match self {
            Self::NoConnectionId => StatusCode::BAD_REQUEST,
            Self::UnknownConnection => StatusCode::NOT_FOUND,
            Self::Method { .. } => StatusCode::METHOD_NOT_ALLOWED,
            Self::Stopping => StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    /// The same in words.
    #[must_use]
    pub fn text(self) -> &'static str {
        match self {
            Self::NoConnectionId => "Connection ID required",
            Self::UnknownConnection => "No Connection with that ID",
            Self::Method { why, .. } => why,
            Self::Stopping => "the server is stopping; try another",
        }
    }
}

impl IntoResponse for Fault {
    fn into_response(self) -> Response {
        let mut response = (self.status(), self.text()).into_response();
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/plain"));
        if let Self::Method { allowed, .. } = self {
            headers.insert(ALLOW, HeaderValue::from_static(allowed));
        }
        response
    }
}
