//! What the outside sees: one origin with the hub, the functions and the process's own pages.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::routing::get;
use bytes::Bytes;
use chat::{Activity, ErrorCode, Refusal};
use http::header::{
    ACCESS_CONTROL_REQUEST_METHOD, ALLOW, CONNECTION, CONTENT_LENGTH, ORIGIN, TRANSFER_ENCODING, UPGRADE,
};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Response, StatusCode, Uri};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use relay::{CallError, Functions, Gate, Origins, Peer};

use crate::health::Health;
use crate::internal_paths::is_internal;
use crate::problem::{last_problem, problem, refused};
use crate::receiver::Receiver;

#[cfg(test)]
mod tests;

/// The largest body that a function may be sent: a message of 4,000 characters in JSON is far smaller, however escaped.
const BODY: usize = 64 * 1024;

/// The largest notification of Alertmanager: the alerts of a whole group, with their labels and annotations.
const NOTIFICATION: usize = 2 * 1024 * 1024;

/// How long a client may take for a body.
const BODY_TIME: Duration = Duration::from_secs(15);

/// How long the functions may take to answer: longer than what runs them gives a call.
const ANSWER: Duration = Duration::from_secs(12);

/// What pages of allowed origins may use besides the hub, and how.
const API: &str = "/v1/";
const API_METHODS: &str = "GET, POST, PUT";

/// Opens internal routes, so it may not come from outside.
const KEY: HeaderName = HeaderName::from_static("x-hubline-key");

/// Headers that are about one connection and not about the request.
const HOP_BY_HOP: [HeaderName; 5] = [
    CONNECTION,
    TRANSFER_ENCODING,
    UPGRADE,
    HeaderName::from_static("keep-alive"),
    HeaderName::from_static("proxy-connection"),
];

/// What a request is handed to.
#[derive(Clone)]
struct Front {
    functions: Arc<dyn Functions>,
    receiver: Receiver,
    origins: Origins,
    gate: Gate,
}

/// The router of the public listener.
pub fn router(
    hub: Router,
    functions: Arc<dyn Functions>,
    health: Health,
    receiver: Receiver,
    origins: Origins,
    gate: Gate,
) -> Router {
    let process = Router::new()
        .route("/healthz", get(Health::alive))
        .route("/readyz", get(Health::ready))
        .route("/metrics", get(Health::metrics))
        .with_state(health);
    // A wrong method on one of these pages is answered like anywhere else.
    let process = process.method_not_allowed_fallback(method_not_allowed);
    Router::new().fallback(forward).with_state(Front { functions, receiver, origins, gate }).merge(hub).merge(process)
}

async fn method_not_allowed() -> Response<Body> {
    let mut refusal = problem(ErrorCode::MethodNotAllowed, "this address takes GET only");
    refusal.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
    refusal
}

/// Hands a client's request to the functions; what of it is between a page and its browser is settled here.
async fn forward(State(front): State<Front>, request: Request) -> Response<Body> {
    if is_internal(request.uri().path()) {
        return problem(ErrorCode::NotFound, "there is nothing at this address");
    }
    if !request.uri().path().starts_with(API) {
        return front.pass_on(request).await;
    }
    if is_preflight(&request) {
        let mut response = Response::new(Body::empty());
        *response.status_mut() = StatusCode::NO_CONTENT;
        front.origins.grant_preflight(API_METHODS, request.headers(), response.headers_mut());
        return response;
    }
    let origin = request.headers().get(ORIGIN).cloned();
    let mut response = match front.admit(&request) {
        Ok(()) => front.pass_on(request).await,
        Err(refusal) => refused(refusal),
    };
    front.origins.grant(origin.as_ref(), response.headers_mut());
    response
}

/// Whether a browser asks on behalf of a page, before the page's own request, what it may.
fn is_preflight(request: &Request) -> bool {
    let headers = request.headers();
    request.method() == Method::OPTIONS
        && headers.contains_key(ORIGIN)
        && headers.contains_key(ACCESS_CONTROL_REQUEST_METHOD)
}

/// What a request does of what is limited.
fn activity(request: &Request) -> Option<Activity> {
    let path = request.uri().path().trim_end_matches('/');
    match *request.method() {
        _ if !path.ends_with("/messages") => None,
        Method::POST => Some(Activity::Posts),
        Method::GET | Method::HEAD => Some(Activity::Reads),
        _ => None,
    }
}

impl Front {
    /// Whether a request's address may send it. Its user is counted where the token is looked at.
    fn admit(&self, request: &Request) -> Result<(), Refusal> {
        let peer = request.extensions().get::<Peer>().copied();
        activity(request).map_or(Ok(()), |activity| self.gate.admit(activity, peer, request.headers()))
    }

    async fn pass_on(&self, request: Request) -> Response<Body> {
        let (mut parts, body) = request.into_parts();
        let most = if self.receiver.sends(&parts) { NOTIFICATION } else { BODY };
        parts.headers.remove(KEY);
        hand_over(self.functions.as_ref(), Request::from_parts(parts, body), most).await
    }
}

/// Hands a request, whose body has at most so many bytes, to the functions.
pub async fn hand_over(functions: &dyn Functions, request: Request, most: usize) -> Response<Body> {
    let request = match whole(request, most).await {
        Ok(request) => request,
        Err(refusal) => return refusal,
    };
    let answer = tokio::time::timeout(ANSWER, functions.call(request)).await;
    match answer.unwrap_or_else(|_| Err(CallError::new("it takes too long"))) {
        // Ours say no other of these by themselves: it comes from what runs them, such as Spin when one has trapped.
        Ok(response) if response.status().is_server_error() && response.status() != StatusCode::SERVICE_UNAVAILABLE => {
            tracing::warn!(status = response.status().as_u16(), "a function failed");
            problem(ErrorCode::Unavailable, "the outcome is not known: try again")
        }
        Ok(mut response) => {
            strip(response.headers_mut());
            response.map(Body::from)
        }
        Err(error) => {
            tracing::warn!(%error, "the functions do not answer");
            problem(ErrorCode::Unavailable, "the functions do not answer: try again")
        }
    }
}

/// Reads a request to its end, within limits, and leaves of its address only what functions know.
async fn whole(request: Request, most: usize) -> Result<http::Request<Bytes>, Response<Body>> {
    let (mut parts, body) = request.into_parts();
    let announced = parts.headers.get(CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
    let too_large = || last_problem(ErrorCode::TooLarge, &format!("a body has at most {most} bytes"));
    if announced.is_some_and(|length| length > most as u64) {
        return Err(too_large());
    }
    let body = match tokio::time::timeout(BODY_TIME, Limited::new(body, most).collect()).await {
        Ok(Ok(body)) => body.to_bytes(),
        Ok(Err(error)) if error.is::<LengthLimitError>() => return Err(too_large()),
        Ok(Err(_)) => return Err(last_problem(ErrorCode::Malformed, "the body is broken")),
        Err(_) => return Err(last_problem(ErrorCode::Malformed, "the body took too long")),
    };
    // A client may name any host in its request line, or none: only path and query say what it wants.
    parts.uri = match parts.uri.into_parts().path_and_query {
        Some(path) => Uri::from(path),
        None => return Err(problem(ErrorCode::Malformed, "the address has no path")),
    };
    if parts.method == Method::HEAD {
        // The same answer with its body left out, which the server sees to: no function has to know of it.
        parts.method = Method::GET;
    }
    strip(&mut parts.headers);
    Ok(http::Request::from_parts(parts, body))
}

/// Drops what concerns one connection only.
fn strip(headers: &mut HeaderMap) {
    for name in HOP_BY_HOP {
        headers.remove(name);
    }
}
