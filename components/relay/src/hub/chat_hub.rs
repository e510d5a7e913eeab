//! The chat's hub: who may connect, and what its methods are called.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::{Router, extract};
use chat::{Activity, Actor, ErrorCode, Refusal};
use http::header::{ALLOW, ORIGIN};
use http::{HeaderValue, Method, StatusCode};
use identity::{Identity, Unverified};
use signalr::{BindError, Invocation, InvocationError};
use signalr_server::{Authenticated, Connection, Fault, Flow, Hub, HubError, Request, Server};
use tokio::runtime::Handle;
use tokio::time::Instant;

use super::caller::Caller;
use super::methods::HubMethod;
use crate::access::{Peer, Sender, seconds_now};
use crate::limits::{Account, ConnectionAccounts};
use crate::node::Node;
use crate::problem::problem;
use crate::upkeep::Urgency;

/// Where the hub is.
const PATH: &str = "/hubs/chat";

/// The routes of the hub.
pub(crate) fn router(server: &Server<Node>, node: Arc<Node>) -> Router {
    server.router(PATH).route_layer(from_fn_with_state(node, let_pages_negotiate))
}

/// What lets pages of allowed origins negotiate. Whether they may connect is checked when they do: browsers ask nobody before
/// they open a WebSocket.
async fn let_pages_negotiate(State(node): State<Arc<Node>>, request: extract::Request, next: Next) -> Response {
    if request.uri().path().trim_end_matches('/') == PATH {
        return next.run(request).await;
    }
    if request.method() == Method::OPTIONS {
        let mut response = StatusCode::NO_CONTENT.into_response();
        node.origins.grant_preflight("POST", request.headers(), response.headers_mut());
        return response;
    }
    let origin = request.headers().get(ORIGIN).cloned();
    let mut response = next.run(request).await;
    node.origins.grant(origin.as_ref(), response.headers_mut());
    response
}

/// Somebody who may connect, if there is a place.
pub(crate) struct Principal {
    actor: Actor,
    token: Box<str>,
    user: Arc<Account>,
    address: Option<Arc<Account>>,
}

/// A refusal over HTTP.
pub(crate) struct Rejection {
    refusal: Refusal,
    /// The methods that there are, when it is for its method.
    allowed: Option<&'static str>,
}

impl From<Refusal> for Rejection {
    fn from(refusal: Refusal) -> Self {
        Self { refusal, allowed: None }
    }
}

impl From<Fault> for Rejection {
    fn from(fault: Fault) -> Self {
        let code = match fault {
            Fault::NoConnectionId => ErrorCode::Malformed,
            Fault::UnknownConnection => ErrorCode::NotFound,
            Fault::Method { .. } => ErrorCode::MethodNotAllowed,
            Fault::Stopping => ErrorCode::Unavailable,
        };
        let allowed = if let Fault::Method { allowed, .. } = fault { Some(allowed) } else { None };
        Self { refusal: code.refusal(fault.text()), allowed }
    }
}

impl IntoResponse for Rejection {
    fn into_response(self) -> Response {
        let mut response = problem(self.refusal);
        if let Some(allowed) = self.allowed {
            response.headers_mut().insert(ALLOW, HeaderValue::from_static(allowed));
        }
        response
    }
}

impl Hub for Node {
    type Caller = Caller;
    type Principal = Principal;
    type Rejection = Rejection;

    async fn negotiate(self: &Arc<Self>, request: &Request<'_>) -> Result<String, Rejection> {
        // Before the token is verified, which costs more than this.
        self.admit_from(&self.sender(request), Activity::Negotiations)?;
        let (identity, _) = self.identify(request).await?;
        self.limited(self.accounts.user(&identity.subject).take(Activity::Negotiations, Instant::now()))?;
        Ok(identity.subject.to_string())
    }

    async fn authenticate(self: &Arc<Self>, request: &Request<'_>) -> Result<Authenticated<Principal>, Rejection> {
        let sender = self.sender(request);
        self.origins.may_connect(request.headers(), &sender)?;
        let address = self.admit_from(&sender, Activity::Connections)?;
        let (identity, token) = self.identify(request).await?;
        let left = identity.seconds_left(seconds_now());
        Ok(Authenticated {
            user_id: identity.subject.to_string(),
            expires_at: Some(Instant::now() + Duration::from_secs(left.min(u64::from(u32::MAX)))),
            principal: Principal {
                user: self.accounts.user(&identity.subject),
                actor: identity.actor(),
                token: token.into(),
                address,
            },
        })
    }

    fn connect(self: &Arc<Self>, principal: Principal, connection: Connection) -> Result<Caller, Rejection> {
        let Principal { actor, token, user, address } = principal;
        let accounts = self.limited(ConnectionAccounts::open(&user, address.as_ref(), Instant::now()))?;
        Ok(Caller::new(connection, actor, token, accounts, Arc::clone(&self.metrics)))
    }

    fn has_method(&self, target: &str) -> bool {
        HubMethod::named(target).is_some()
    }

    fn invoke(self: &Arc<Self>, caller: &Arc<Caller>, invocation: &Invocation<'_>) -> Result<Flow, BindError> {
        self.call(caller, invocation)
    }

    /// An error as the contract spells all of them, `code: text`; the text is the reference's.
    fn error_text(error: &HubError<'_>) -> String {
        let code = match error {
            HubError::Invocation(InvocationError::UnknownMethod { .. }) => ErrorCode::NotFound,
            HubError::Invocation(_) => ErrorCode::Malformed,
            HubError::TooLarge(_) => ErrorCode::TooLarge,
        };
        format!("{code}: {error}")
    }

    fn has_room_again(self: &Arc<Self>, caller: &Arc<Caller>) {
        for group in caller.groups().iter().filter_map(|id| self.groups.get(id.as_str())) {
            self.nudge(&group);
        }
    }

    fn disconnected(self: &Arc<Self>, caller: &Arc<Caller>) {
        for group in caller.take_groups().iter().filter_map(|id| self.groups.get(id.as_str())) {
            let aftermath = group.lose(caller);
            // When the whole process ends, nobody is left to do what follows.
            if Handle::try_current().is_ok() {
                self.follow_up(&group, aftermath, Urgency::Soon);
            }
        }
    }
}

impl Node {
    fn sender(&self, request: &Request<'_>) -> Sender {
        self.proxies.sender(request.extensions().get::<Peer>().copied(), request.headers())
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

    /// Who asks, and the token that proves it.
    async fn identify<'a>(self: &Arc<Self>, request: &'a Request<'_>) -> Result<(Identity, &'a str), Refusal> {
        let Some(token) = request.bearer() else {
            return Err(ErrorCode::Unauthenticated.refusal("a bearer token is needed"));
        };
        match self.verify(token).await {
            Ok(identity) => Ok((identity, token)),
            Err(error @ Unverified::Token(_)) => Err(ErrorCode::Unauthenticated.refusal(error.to_string())),
            Err(error @ Unverified::Unknown) => Err(ErrorCode::Unavailable.refusal(error.to_string())),
        }
    }
}
