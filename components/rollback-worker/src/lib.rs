//! The worker of rollbacks: takes what is due, makes at most one call to the outside, and commits what came of it.
//!
//! Woken by the clock, by a ring on Redis and by `POST /internal/work`; each is a hint, and the database says what is due.
//! One that is woken by the clock alone does nothing but tell people, so that they never wait behind a slow system.
//! What to do is decided by pure functions ([`turn`]), step by step ([`steps`]), on what is on record ([`desk`]).
//!
//! The clock's export is synchronous, and an asynchronous import that has to wait would trap in it. So the work is done
//! with the synchronous functions of the host, whoever wakes it.

pub mod archive;
pub mod desk;
pub mod fact;
pub mod ledger;
pub mod memory;
pub mod notification;
pub mod outside;
pub mod settings;
pub mod steps;
pub mod trace;
pub mod triage;
pub mod trouble;
pub mod turn;
pub mod validation;
pub mod work;

#[cfg(target_family = "wasm")]
mod host;
