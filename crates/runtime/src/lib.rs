//! Runs the components of a Spin manifest in this process.
//!
//! What Spin does for an application, as far as this project needs it: [`Runtime::load`] reads `spin.toml` and compiles
//! the components; [`Runtime::handle`] answers HTTP requests, [`Runtime::start_triggers`] listens to Redis channels and
//! to the clock. A component gets nothing of the machine but what the manifest grants it: its variables, its allowed
//! hosts, a bounded memory and a bounded time.

mod answer;
mod application;
mod bindings;
mod cache;
mod client;
mod engine;
mod entrance;
mod error;
mod function;
mod headers;
mod instance_pool;
mod metrics;
mod neighbour;
mod nudge;
mod options;
mod outbound;
mod output;
mod postgres;
mod pulse;
mod queue;
mod redis;
mod route;
mod runtime;
mod schedule;
mod scope;
mod state;
mod tls;
mod variables;
mod way;

pub use error::{ConnectError, FireError, LoadError};
pub use options::{Limits, Options};
pub use postgres::connect;
pub use runtime::Runtime;
