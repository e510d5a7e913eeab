//! The runtime against real components, PostgreSQL and Redis.
//!
//! `cargo test --profile suite -p runtime`, after `cargo xtask build guest`: the component that the tests run is the crate
//! beside this one.
#![cfg(test)]

mod application;
mod cache;
mod clock;
mod http;
mod limits;
mod listening;
mod outbound;
mod postgres;
mod postgres_outage;
mod redis;
mod servers;
mod tls;
