//! Tests of what is built, from outside.
//!
//! `tests/` holds those in Rust, which read the built components. `e2e/` speaks with the running system through the official
//! client, with the fixtures of `system/`.
