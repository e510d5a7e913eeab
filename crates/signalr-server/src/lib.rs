#![doc = include_str!("../README.md")]

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
