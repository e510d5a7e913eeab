//! Retention: deletes history that is due, by the clock, and for a cluster's own clock by `POST /internal/purge`.
//!
//! The clock's export is synchronous, and an asynchronous import that has to wait would trap in it. So the work is done
//! with the synchronous functions of the host, in either case.

mod pace;
mod purge;

#[cfg(target_family = "wasm")]
mod clock;
#[cfg(target_family = "wasm")]
mod host;
#[cfg(target_family = "wasm")]
mod route;

pub use purge::{Progress, purge};
