//! The hub over HTTP: negotiation, and the upgrade to a WebSocket.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::{RawQuery, State};
use axum::response::{IntoResponse, Response};
use axum::routing::{any, get};
use axum::{Extension, Router};
use chat::{Activity, ErrorCode, Refusal};
use http::header::{AUTHORIZATION, CACHE_CONTROL, CONTENT_TYPE, ORIGIN};
use http::{HeaderMap, HeaderValue, Method, StatusCode};
use identity::{Identity, Unverified};
use signalr::negotiate::{self, Version};
use tokio::time::Instant;

use crate::account::{Account, Guest};
use crate::connection::Connection;
use crate::problem::{method_not_allowed, problem};
use crate::proxy::{Peer, Sender};
use crate::relay::Inner;
use crate::socket::Socket;
use crate::tokens::seconds_now;
use crate::upgrade::Upgrade;

/// Tokens are honoured so long after their end, for clocks differ: as verified, so on the connection.
const LEEWAY: i64 = 60;

/// The routes of the hub. A slash at the end means nothing, as at the reference: it is how some clients put addresses
/// together.
pub(crate) fn router(relay: Arc<Inner>) -> Router {
    Router::new()
        .route("/hubs/chat", get(connect).fallback(other))
        .route("/hubs/chat/", get(connect).fallback(other))
        .route("/hubs/chat/negotiate", any(negotiate))
        .route("/hubs/chat/negotiate/", any(negotiate))
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
    peer: Option<Extension<Peer>>,
    headers: HeaderMap,
) -> Response {
    if method == Method::OPTIONS {
        let mut response = StatusCode::NO_CONTENT.into_response();
        relay.origins.grant_preflight("POST", &headers, response.headers_mut());
        return response;
    }
    let mut response = if method == Method::POST {
        let sender = relay.proxies.sender(peer.map(|Extension(peer)| peer), &headers);
        answer_negotiation(&relay, &Query::read(query.as_deref()), &sender, &headers).await.unwrap_or_else(problem)
    } else {
        method_not_allowed("OPTIONS, POST", "negotiation is a POST")
    };
    relay.origins.grant(headers.get(ORIGIN), response.headers_mut());
    response
}

async fn answer_negotiation(
    relay: &Arc<Inner>,
    query: &Query,
    sender: &Sender,
    headers: &HeaderMap,
) -> Result<Response, Refusal> {
    relay.admit()?;
    // Before a token is looked at, which costs more than to ask.
    relay.admit_from(sender, Activity::Negotiations)?;
    let (identity, _) = relay.identify(query, headers).await?;
    relay.limited(relay.accounts.user(&identity.subject).take(Activity::Negotiations, Instant::now()))?;
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
    peer: Option<Extension<Peer>>,
    headers: HeaderMap,
    upgrade: Result<Upgrade, ()>,
) -> Response {
    let query = Query::read(query.as_deref());
    let sender = relay.proxies.sender(peer.map(|Extension(peer)| peer), &headers);
    match relay.let_in(&query, &sender, &headers, upgrade).await {
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
        sender: &Sender,
        headers: &HeaderMap,
        upgrade: Result<Upgrade, ()>,
    ) -> Result<Response, Refusal> {
        self.admit()?;
        self.origins.may_connect(headers, sender)?;
        let address = self.admit_from(sender, Activity::Connections)?;
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
        let user = self.accounts.user(&identity.subject);
        let guest = self.limited(Guest::arrive(&user, address.as_ref(), Instant::now()))?;
        let connection = Connection::new(identity.actor(), token, guest, self.limits.queue_bytes, metrics);
        let relay = Arc::clone(self);
        let (response, stream) = upgrade.agree(self.limits.websocket_message);
        tokio::spawn(async move {
            if let Some(stream) = stream.await {
                Socket::new(relay, connection, stream, expiry).run().await;
            }
        });
        Ok(response)
    }

    /// Lets somebody do something once more from where they are, whoever they are: the account of their address.
    ///
    /// # Errors
    /// Refuses what was done too often from there.
    pub(crate) fn admit_from(&self, sender: &Sender, activity: Activity) -> Result<Option<Arc<Account>>, Refusal> {
        let address = self.accounts.address(sender.address);
        if let Some(address) = &address {
            self.limited(address.take(activity, Instant::now()))?;
        }
        Ok(address)
    }

    /// Counts what was done too often.
    pub(crate) fn limited<T>(&self, outcome: Result<T, Refusal>) -> Result<T, Refusal> {
        if outcome.is_err() {
            self.metrics.rate_limited.add(1);
        }
        outcome
    }

    /// Who asks, and the token that proves it: from the header, or from the query as browsers must.
    async fn identify<'a>(
        self: &Arc<Self>,
        query: &'a Query,
        headers: &'a HeaderMap,
    ) -> Result<(Identity, &'a str), Refusal> {
        let header = headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok());
        let bearer =
            header.and_then(|value| value.split_once(' ')).filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"));
        let token = bearer.map(|(_, token)| token.trim()).or(query.access_token.as_deref());
        let Some(token) = token.filter(|token| !token.is_empty()) else {
            return Err(ErrorCode::Unauthenticated.refusal("a bearer token is needed"));
        };
        match self.verify(token).await {
            Ok(identity) => Ok((identity, token)),
            Err(error @ Unverified::Token(_)) => Err(ErrorCode::Unauthenticated.refusal(error.to_string())),
            Err(error @ Unverified::Unknown) => Err(ErrorCode::Unavailable.refusal(error.to_string())),
        }
    }
}
