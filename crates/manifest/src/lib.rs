//! The Spin manifest, read strictly.
//!
//! `spin.toml` (manifest version 2) is what says which components there are, what calls them, and what they may reach.
//! [`Manifest::read`] takes the part of it that this project uses and refuses everything else with file, line and
//! reason; [`Manifest::resolve`] gives every variable its value. Neither runs anything.

mod application;
mod environment;
mod error;
mod host;
mod read;
mod resolve;
mod route;
mod schedule;
mod schema;
mod template;

pub use application::{Application, Build, Component, CronTrigger, HttpTrigger, RedisTrigger};
pub use environment::environment;
pub use error::Error;
pub use host::{AllowedHost, HostError, chained_component};
pub use read::{Manifest, Variable};
pub use route::{Captures, Route};
pub use schedule::Schedule;
