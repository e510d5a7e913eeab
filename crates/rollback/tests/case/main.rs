//! Every guard of every move, and whole runs as transcripts.

#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

mod approvals;
mod attestation;
mod documentation;
mod drills;
mod execution;
mod golden;
mod machines;
mod people;
mod preparation;
mod recipes;
mod stage;
mod steps;
mod time;
mod transcripts;
mod triage;
mod validation;
