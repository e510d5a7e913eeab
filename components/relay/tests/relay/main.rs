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

mod chatting;
mod connecting;
mod failing;
mod nodes;
mod parties;
mod protocol;
mod restoring;
