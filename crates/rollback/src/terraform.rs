//! Terraform plans: what they would do, what of that may be done, and how it is shown.
//!
//! A plan is read from `terraform show -json`, format version 1. It holds every value in clear, the sensitive ones too:
//! nothing of it is kept or shown but what [`Classification`] holds.

mod classification;
mod plan;
mod protection;
mod redaction;

pub use classification::{Block, BlockCause, Classification, OutputChange, PlannedChange};
pub use plan::{Action, Plan, PlanError};
pub use protection::Protection;
pub use redaction::{SENSITIVE, UNKNOWN};
