//! A hub's server.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use axum::Router;
use axum::extract::{Request as HttpRequest, State};
use axum::response::{IntoResponse, Response};
use axum::routing::{any, get};
use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use http::{HeaderValue, Method, StatusCode};
use signalr::negotiate::{self, Version};
use tokio::time::timeout;

use crate::connection::Connection;
use crate::connection_token::ConnectionTokens;
use crate::connections::Connections;
use crate::counts::Counts;
use crate::fault::Fault;
use crate::handover::until;
use crate::hub::{Authenticated, Hub};
use crate::limits::Limits;
use crate::request::{Query, Request};
use crate::socket::Socket;
use crate::state::ServerState;
use crate::upgrade::Upgrade;

/// How long clients may take to go when the server drains.
const GOODBYE: Duration = Duration::from_secs(3);

/// The methods of a negotiation. That of a preflight is for whoever decides which pages may ask.
const NEGOTIATION: Fault = Fault::Method { allowed: "OPTIONS, POST", why: "negotiation is a POST" };

/// Those of the hub's own address.
const CONNECTION: Fault =
    Fault::Method { allowed: "GET", why: "the hub is opened with a GET that upgrades to a WebSocket" };

/// Serves a hub; clones are the same server.
pub struct Server<H: Hub>(Arc<ServerState<H>>);

impl<H: Hub> Clone for Server<H> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<H: Hub> Server<H> {
    /// Serves this hub.
    #[must_use]
    pub fn new(hub: Arc<H>, limits: Limits, tokens: ConnectionTokens) -> Self {
        Self::watched(hub, limits, tokens, Arc::default(), Arc::default())
    }

    /// Serves this hub, and has its connections and counts looked at from elsewhere, such as by the hub.
    #[must_use]
    pub fn watched(
        hub: Arc<H>,
        limits: Limits,
        tokens: ConnectionTokens,
        connections: Arc<Connections<H::Caller>>,
        counts: Arc<Counts>,
    ) -> Self {
        Self(Arc::new(ServerState::new(hub, limits, tokens, connections, counts)))
    }

    /// The routes of the hub at this path, such as `/hub`: its own, and `/negotiate` beneath it. A slash at the end means
    /// nothing, as at the reference: it is how some clients put addresses together.
    pub fn router(&self, path: &str) -> Router {
        Router::new()
            .route(path, get(connect::<H>).fallback(other::<H>))
            .route(&format!("{path}/"), get(connect::<H>).fallback(other::<H>))
            .route(&format!("{path}/negotiate"), any(negotiation::<H>))
            .route(&format!("{path}/negotiate/"), any(negotiation::<H>))
            .with_state(self.clone())
    }

    /// Takes no new connection, and sends every client elsewhere once what it has under way is finished, though not later than
    /// this patience. Clients are sent away one after another over the spread at most, so that they don't all come at once to
    /// where they go; until its turn comes, a client is served like ever.
    pub async fn drain(&self, spread: Duration, patience: Duration) {
        self.0.begin_to_drain();
        self.0.hand_over(spread, patience).await;
        let _ = timeout(GOODBYE, until(|| self.0.connections.count() == 0)).await;
    }
}

impl<H: Hub> Server<H> {
    fn check(&self) -> Result<(), Fault> {
        if self.0.is_draining() { Err(Fault::Stopping) } else { Ok(()) }
    }

    async fn negotiate(&self, request: &Request<'_>) -> Result<Response, H::Rejection> {
        self.check()?;
        let user = self.0.hub.negotiate(request).await?;
        let answer = match Version::agree(request.query().negotiate_version.as_deref()) {
            Ok(version) => {
                let (id, token) = self.0.tokens.issue(&user, self.0.limits.connection_token, seconds_now());
                negotiate::encode(version, &id, &token)
            }
            Err(error) => negotiate::encode_error(&error),
        };
        let mut response = answer.into_response();
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        Ok(response)
    }

    async fn connect(&self, request: &Request<'_>, upgrade: Option<Upgrade>) -> Result<Response, H::Rejection> {
        self.check()?;
        let Authenticated { user_id, expires_at, principal } = self.0.hub.authenticate(request).await?;
        let token = request.query().id.as_deref();
        let upgrade = match (upgrade, token) {
            (Some(upgrade), _) => upgrade,
            (None, None) => return Err(Fault::NoConnectionId.into()),
            (None, Some(_)) => return Err(Fault::UnknownConnection.into()),
        };
        // A client that skips negotiation has no token.
        if token.is_some_and(|token| !self.0.tokens.redeem(token, &user_id, seconds_now())) {
            return Err(Fault::UnknownConnection.into());
        }
        let connection = Connection::new(self.0.limits.queue_bytes, Arc::clone(&self.0.counts));
        let caller = Arc::new(self.0.hub.connect(principal, connection)?);
        let server = Arc::clone(&self.0);
        let (response, stream) = upgrade.agree(self.0.limits.websocket_message);
        tokio::spawn(async move {
            match stream.await {
                Some(stream) => Socket::new(server, caller, stream, expires_at).run().await,
                None => server.hub.disconnected(&caller),
            }
        });
        Ok(response)
    }
}

async fn negotiation<H: Hub>(State(server): State<Server<H>>, request: HttpRequest) -> Response {
    let (parts, _) = request.into_parts();
    let answer = if parts.method == Method::OPTIONS {
        return StatusCode::NO_CONTENT.into_response();
    } else if parts.method == Method::POST {
        server.negotiate(&Request::new(&parts)).await
    } else {
        Err(NEGOTIATION.into())
    };
    answer.unwrap_or_else(IntoResponse::into_response)
}

async fn connect<H: Hub>(State(server): State<Server<H>>, request: HttpRequest) -> Response {
    let (mut parts, _) = request.into_parts();
    let upgrade = Upgrade::take(&mut parts);
    server.connect(&Request::new(&parts), upgrade).await.unwrap_or_else(|rejection| {
        server.0.counts.refused();
        rejection.into_response()
    })
}

/// Other transports begin with these; only WebSockets are on offer.
async fn other<H: Hub>(request: HttpRequest) -> Response {
    let method = request.method();
    let fault = if method == Method::POST || method == Method::DELETE {
        let has_id = Query::read(request.uri().query()).id.is_some();
        if has_id { Fault::UnknownConnection } else { Fault::NoConnectionId }
    } else {
        CONNECTION
    };
    H::Rejection::from(fault).into_response()
}

/// The time, in seconds since 1970.
fn seconds_now() -> i64 {
    let elapsed = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    i64::try_from(elapsed.as_secs()).unwrap_or(i64::MAX)
}
