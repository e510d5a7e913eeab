//! The hub over HTTP: negotiation, and the upgrade to a WebSocket.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{RawQuery, State};
use axum::response::{IntoResponse, Response};
use axum::routing::{any, get};
use chat::{ErrorCode, Refusal};
use http::header::{AUTHORIZATION, CACHE_CONTROL, CONTENT_TYPE, ORIGIN};
use http::{HeaderMap, HeaderValue, Method, StatusCode};
use identity::Identity;
use signalr::negotiate::{self, Version};
use tokio::time::Instant;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;

use crate::connection::Connection;
use crate::problem::{method_not_allowed, problem};
use crate::relay::Inner;
use crate::socket::Socket;
use crate::tokens::{Stranger, seconds_now};
use crate::upgrade::Upgrade;

/// What a connection reads at once. Chat messages are small, and every idle connection keeps a buffer of this size.
const READ_BUFFER: usize = 1024;

/// How much is written at once. Large enough for a dozen messages, and the most that a connection keeps afterwards.
const WRITE_BUFFER: usize = 4 * 1024;

/// How many messages of the largest size may come in one WebSocket message. The official client makes one of all that it
/// was given while it wrote the one before, such as everything that was pending when it had reconnected.
const MESSAGES_IN_ONE: usize = 32;

/// Tokens are honoured so long after their end, for clocks differ: as verified, so on the connection.
const LEEWAY: i64 = 60;

/// The routes of the hub.
pub(crate) fn router(relay: Arc<Inner>) -> Router {
    Router::new()
        .route("/hubs/chat", get(connect).fallback(other))
        .route("/hubs/chat/negotiate", any(negotiate))
        .with_state(relay)
}

/// What a client says in its query. The text itself is never logged: it may hold a token.
#[derive(Default)]
struct Query {
    id: Option<String>,
    access_token: Option<String>,
    negotiate_version: Option<String>,
}

impl Query {
    fn read(query: Option<&str>) -> Self {
        let mut read = Self::default();
        for (name, value) in url::form_urlencoded::parse(query.unwrap_or_default().as_bytes()) {
            let place = match &*name {
                "id" => &mut read.id,
                "access_token" => &mut read.access_token,
                "negotiateVersion" => &mut read.negotiate_version,
                _ => continue,
            };
            // Of two equal names the reference makes "a,b", which is neither.
            *place = Some(match place.take() {
                Some(first) => format!("{first},{value}"),
                None => value.into_owned(),
            });
        }
        read
    }
}

async fn negotiate(
    State(relay): State<Arc<Inner>>,
    method: Method,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Response {
    if method == Method::OPTIONS {
        let mut response = StatusCode::NO_CONTENT.into_response();
        relay.origins.grant_preflight("POST", &headers, response.headers_mut());
        return response;
    }
    let mut response = if method == Method::POST {
        answer_negotiation(&relay, &Query::read(query.as_deref()), &headers).await.unwrap_or_else(problem)
    } else {
        method_not_allowed("OPTIONS, POST", "negotiation is a POST")
    };
    relay.origins.grant(headers.get(ORIGIN), response.headers_mut());
    response
}

async fn answer_negotiation(relay: &Inner, query: &Query, headers: &HeaderMap) -> Result<Response, Refusal> {
    relay.admit()?;
    let (identity, _) = relay.identify(query, headers).await?;
    let answer = match Version::agree(query.negotiate_version.as_deref()) {
        Ok(version) => {
            let (public, secret) = relay.passes.issue(&identity.subject, seconds_now());
            negotiate::encode(version, &public, &secret)
        }
        Err(error) => negotiate::encode_error(&error),
    };
    let mut response = answer.into_response();
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(response)
}

async fn connect(
    State(relay): State<Arc<Inner>>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
    upgrade: Result<Upgrade, ()>,
) -> Response {
    let query = Query::read(query.as_deref());
    match relay.let_in(&query, &headers, upgrade).await {
        Ok(response) => response,
        Err(refusal) => {
            relay.metrics.turned_away.add(1);
            problem(refusal)
        }
    }
}

/// Other transports begin with these; only WebSockets are on offer.
async fn other(RawQuery(query): RawQuery, method: Method) -> Response {
    if method == Method::POST || method == Method::DELETE {
        match Query::read(query.as_deref()).id {
            None => problem(ErrorCode::Malformed.refusal("Connection ID required")),
            Some(_) => problem(ErrorCode::NotFound.refusal("No Connection with that ID")),
        }
    } else {
        method_not_allowed("GET", "the hub is opened with a GET that upgrades to a WebSocket")
    }
}

impl Inner {
    async fn let_in(
        self: &Arc<Self>,
        query: &Query,
        headers: &HeaderMap,
        upgrade: Result<Upgrade, ()>,
    ) -> Result<Response, Refusal> {
        self.admit()?;
        if !self.origins.may_connect(headers) {
            return Err(ErrorCode::Forbidden.refusal("pages of this origin may not use the hub"));
        }
        let (identity, token) = self.identify(query, headers).await?;
        let upgrade = match (upgrade, &query.id) {
            (Ok(upgrade), _) => upgrade,
            (Err(()), None) => return Err(ErrorCode::Malformed.refusal("Connection ID required")),
            (Err(()), Some(_)) => return Err(ErrorCode::NotFound.refusal("No Connection with that ID")),
        };
        let now = seconds_now();
        // A client that skips negotiation has no id.
        if query.id.as_deref().is_some_and(|id| !self.passes.redeem(id, &identity.subject, now)) {
            return Err(ErrorCode::NotFound.refusal("No Connection with that ID"));
        }
        let honoured = if identity.expires_at > now { identity.expires_at } else { identity.expires_at + LEEWAY };
        let left = u64::try_from(honoured.saturating_sub(now)).unwrap_or_default();
        let expiry = Instant::now() + Duration::from_secs(left.min(u64::from(u32::MAX)));
        let metrics = Arc::clone(&self.metrics);
        let connection = Connection::new(identity.actor(), token, self.limits.queue_bytes, metrics);
        let largest = self.limits.max_message * MESSAGES_IN_ONE;
        let relay = Arc::clone(self);
        let config = WebSocketConfig::default()
            .read_buffer_size(READ_BUFFER)
            .write_buffer_size(WRITE_BUFFER)
            .max_message_size(Some(largest))
            .max_frame_size(Some(largest));
        let (response, stream) = upgrade.agree(config);
        tokio::spawn(async move {
            if let Some(stream) = stream.await {
                Socket::new(relay, connection, stream, expiry).run().await;
            }
        });
        Ok(response)
    }

    /// Who asks, and the token that proves it: from the header, or from the query as browsers must.
    async fn identify<'a>(&self, query: &'a Query, headers: &'a HeaderMap) -> Result<(Identity, &'a str), Refusal> {
        let header = headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok());
        let bearer =
            header.and_then(|value| value.split_once(' ')).filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"));
        let token = bearer.map(|(_, token)| token.trim()).or(query.access_token.as_deref());
        let Some(token) = token.filter(|token| !token.is_empty()) else {
            return Err(ErrorCode::Unauthenticated.refusal("a bearer token is needed"));
        };
        match self.tokens.identify(token).await {
            Ok(identity) => Ok((identity, token)),
            Err(stranger @ Stranger::Token(_)) => Err(ErrorCode::Unauthenticated.refusal(stranger.to_string())),
            Err(stranger @ Stranger::Unknown) => Err(ErrorCode::Unavailable.refusal(stranger.to_string())),
        }
    }
}
