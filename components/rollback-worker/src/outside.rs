//! The outside systems as the steps use them: which call brings which fact.
//!
//! Requests and answers are those of the crate `clients`; here stands what of an answer is put on record.

pub mod cloud;
pub mod cluster;
pub mod github;
pub mod metrics;
pub mod plan;
pub mod registry;
pub mod smoke;
