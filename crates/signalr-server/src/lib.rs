//! A SignalR server for tokio and axum: everything about connections that is the same for every hub.
//!
//! A [`Server`] answers negotiations, opens WebSockets, shakes hands, keeps connections alive, bounds what a client may send
//! and what waits for it, and ends connections in the words that official clients know. What its methods do is for a [`Hub`]
//! to say, and who may come in. [`Groups`] are connections under a name, to which a hub sends as to one.
//!
//! The messages themselves are those of the `signalr` crate. WebSockets with the JSON protocol are served; a client that
//! wants another transport or protocol hears so at its handshake. There is no state outside the process: a connection token
//! is sealed ([`ConnectionTokens`]), so that behind a load balancer a client may connect to another node than it has
//! negotiated with.
//!
//! `examples/room.rs` is a hub of fifty lines.

mod connection;
mod connection_token;
mod connections;
mod counts;
mod fault;
mod frame;
mod groups;
mod handover;
mod hub;
mod limits;
mod outbox;
mod request;
mod server;
mod socket;
mod state;
mod upgrade;
mod websocket;

pub use connection::Connection;
pub use connection_token::ConnectionTokens;
pub use connections::Connections;
pub use counts::Counts;
pub use fault::Fault;
pub use frame::Frame;
pub use groups::Groups;
pub use hub::{Authenticated, Flow, Hub, HubError};
pub use limits::Limits;
pub use request::Request;
pub use server::Server;
pub use signalr::{BindError, Close, Invocation};
