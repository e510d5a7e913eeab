//! What a hub has to say.

use std::sync::Arc;

use axum::response::IntoResponse;
use signalr::{BindError, Invocation, InvocationError};
use tokio::time::Instant;

use crate::connection::Connection;
use crate::fault::Fault;
use crate::request::Request;

/// A hub: who may connect, what clients may invoke, and what follows when they go.
///
/// Whatever is invoked is taken in the order in which a client says it. A method must not block: what takes time goes on in
/// a task, between [`Connection::begin`] and [`Connection::finish`], and answers by [`Connection::answer`].
pub trait Hub: Send + Sync + 'static {
    /// What the hub keeps of a connection, its [`Connection`] among it.
    type Caller: AsRef<Connection> + Send + Sync + 'static;
    /// What it knows of a client that it has authenticated and not let in yet.
    type Principal: Send;
    /// How it refuses a request over HTTP.
    type Rejection: From<Fault> + IntoResponse + Send;

    /// Lets a client negotiate, and gives the id of its user: the token of the connection is this user's alone. By default
    /// whoever may connect may negotiate.
    ///
    /// # Errors
    /// Refuses who may not.
    fn negotiate(
        self: &Arc<Self>,
        request: &Request<'_>,
    ) -> impl Future<Output = Result<String, Self::Rejection>> + Send {
        async { self.authenticate(request).await.map(|authenticated| authenticated.user_id) }
    }

    /// Authenticates a client that is about to connect.
    ///
    /// # Errors
    /// Refuses who may not.
    fn authenticate(
        self: &Arc<Self>,
        request: &Request<'_>,
    ) -> impl Future<Output = Result<Authenticated<Self::Principal>, Self::Rejection>> + Send;

    /// Lets a client in that was authenticated and has shown its connection token, if it has one.
    ///
    /// # Errors
    /// Refuses one too many.
    fn connect(
        self: &Arc<Self>,
        principal: Self::Principal,
        connection: Connection,
    ) -> Result<Self::Caller, Self::Rejection>;

    /// Whether there is such a method. Names are matched without case, as at the reference.
    fn has_method(&self, target: &str) -> bool;

    /// Takes an invocation of one of the hub's methods.
    ///
    /// # Errors
    /// Refuses arguments that don't fit; the caller is told so.
    fn invoke(self: &Arc<Self>, caller: &Arc<Self::Caller>, invocation: &Invocation<'_>) -> Result<Flow, BindError>;

    /// An error of an invocation as the hub's clients read it; by default in the reference's words.
    fn error_text(error: &HubError<'_>) -> String {
        error.to_string()
    }

    /// A client of which too much waited to be written ([`Connection::has_room`]) has read enough.
    fn has_room_again(self: &Arc<Self>, _caller: &Arc<Self::Caller>) {}

    /// A connection has ended, in whatever way.
    fn disconnected(self: &Arc<Self>, caller: &Arc<Self::Caller>);
}

/// Somebody who may connect.
pub struct Authenticated<P> {
    /// The id of the user, for whom a connection token must have been made.
    pub user_id: String,
    /// When the connection is to end; the client may come back with another token.
    pub expires_at: Option<Instant>,
    /// What the hub wants to know of them.
    pub principal: P,
}

impl<P> Authenticated<P> {
    /// Somebody of whom nothing is known, until they go.
    pub fn anonymous(principal: P) -> Self {
        Self { user_id: String::new(), expires_at: None, principal }
    }
}

/// What to do after an invocation.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Flow {
    /// Take the next message.
    Next,
    /// Take this one again, and nothing before it, once something that the caller has under way has ended.
    Later,
}

/// Why an invocation fails before a method sees it, or for its arguments.
#[derive(Debug)]
pub enum HubError<'a> {
    /// It can't be invoked so.
    Invocation(InvocationError<'a>),
    /// It has more than so many bytes.
    TooLarge(usize),
}

impl std::fmt::Display for HubError<'_> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Invocation(error) => error.fmt(formatter),
            Self::TooLarge(most) => write!(formatter, "a message to the hub has at most {most} bytes"),
        }
    }
}
