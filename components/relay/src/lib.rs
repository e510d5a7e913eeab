//! The relay: holds the long-lived sockets of the chat and speaks SignalR on them.
//!
//! It knows no database and no Redis. Everything that it must find out or make happen, it asks of the functions
//! ([`Functions`]); everything that happened elsewhere reaches it as a signed event ([`Relay::events`]) or by its own
//! sweep ([`Relay::run`]). It may be killed at any moment without losing a message.

mod account;
mod accounts;
mod answers;
mod aside;
mod batch;
mod caller;
mod calls;
mod client;
mod config;
mod door;
mod doorbell;
mod doors;
mod epoch;
mod events;
mod form;
mod functions;
mod gate;
mod holds;
mod hub;
mod inquiries;
mod join;
mod lane;
mod lanes;
mod leaves;
mod leaving;
mod methods;
mod metrics;
mod node;
mod origin;
mod post;
mod problem;
mod proxy;
mod relay;
mod repair;
mod setup_error;
mod share;
mod sweep;
mod ticket;
mod tokens;
mod upstream;
mod verification;
mod waiting;

pub use config::{Config, Limits};
pub use functions::{CallError, Functions};
pub use gate::Gate;
pub use origin::Origins;
pub use proxy::{Peer, Proxies, Sender};
pub use relay::{Relay, Unfit};
pub use setup_error::SetupError;
pub use upstream::{Upstream, UpstreamError};
