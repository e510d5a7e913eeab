//! A function that can't work as it is configured.

use chat::{ErrorCode, Refusal};

/// The refusal of a function that can't work, whose reason is for the log.
pub fn misconfigured(reason: &dyn std::fmt::Display) -> Refusal {
    eprintln!("misconfigured: {reason}");
    ErrorCode::Unavailable.refusal("the function is not configured to answer this")
}
