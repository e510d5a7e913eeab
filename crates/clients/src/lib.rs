//! What outside systems are asked and what they answer, without asking them.
//!
//! Nothing here does input or output. A module per system builds a [`Request`] and reads a [`Response`] into something
//! typed, and names every error: an enum per system, each error with its [`Fault::code`], whether it is worth asking again
//! ([`Fault::retry`]), and what a step comes to if it stays like this ([`Fault::failure`]).
//!
//! A caller does three things, and nothing else:
//!
//! ```text
//! let request = prometheus.query("up", now);              // 1. build
//! let response = request.answer(status, headers, body)?;  // 2. call it, without following redirects, and hand in what came
//! let answer = prometheus::read_query(&response)?;        // 3. read
//! ```
//!
//! - When nothing came, it is a [`Silence`]: whether the other side has acted is unknown, unless [`Silence::never_left`].
//! - [`Request::patience`] and [`Request::most`] bound the call; [`Request::answer`] checks that the answer is whole.
//! - [`Request::subject`] is what may be shown and stored of a request. What the readers return may be stored, unless it is
//!   a [`Secret`]; a whole body may not, unless a [`Redaction`] that knows the environment's secrets has been through it.
//! - An error says whether asking again is *worth* it. Whether it is *allowed* is for the step to say: a dispatch that may
//!   have arrived is never sent again because of anything that stands here.

pub mod alertmanager;
pub mod azure;
pub mod github;
pub mod kubernetes;
pub mod notify;
pub mod prometheus;
pub mod settings;

mod address;
mod entropy;
mod fault;
mod request;
mod response;
mod secret;
mod silence;

pub use address::origin;
pub use entropy::Entropy;
pub use fault::{Fault, Rejection, Retry, Words, retry_after};
pub use request::{Method, Request};
pub use response::Response;
pub use secret::{Redaction, Secret};
pub use silence::Silence;
