//! The relay: holds the long-lived sockets of the chat and speaks SignalR on them.
//!
//! It knows no database and no Redis. Everything that it must find out or make happen, it asks of the functions
//! ([`Functions`]); everything that happened elsewhere reaches it as a signed event ([`Relay::events`]) or by its own
//! sweep ([`Relay::run`]). It may be killed at any moment without losing a message.
//!
//! A client meets `access` and the `hub`. Its messages go by `sending` to the `functions`, and by `groups` to the
//! members of their conversation. `upkeep` repairs what was lost on the way, and `limits` counts what everybody takes.

mod access;
mod config;
mod functions;
mod groups;
mod hub;
mod limits;
mod metrics;
mod node;
mod problem;
mod relay;
mod sending;
mod setup_error;
mod upkeep;

pub use access::{Origins, Peer, Proxies, Sender};
pub use config::{Config, Limits};
pub use functions::{CallError, Functions, Upstream, UpstreamError};
pub use limits::Gate;
pub use relay::{Relay, Unfit};
pub use setup_error::SetupError;
