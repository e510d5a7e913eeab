//! A relay on real sockets, in front of functions that are scripted to fail in every way that real ones can.

#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

mod client;
mod fake;
mod node;
mod wire;

mod alive;
mod chatting;
mod connecting;
mod ending;
mod failing;
mod holding;
mod keys;
mod limiting;
mod losing;
mod nodes;
mod ordering;
mod parties;
mod presence;
mod protocol;
mod repeating;
mod restoring;
mod websocket;
