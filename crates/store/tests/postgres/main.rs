//! The statements on a real PostgreSQL: one private server for all tests, a database for each.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod chain;
mod client;
mod crash;
mod crowd;
mod follow;
mod held;
mod history;
mod issuer_keys;
mod operations;
mod order;
mod people;
mod presence;
mod report;
mod retention;
mod roles;
mod send;
mod server;
mod statements;
