//! What a command that may come twice got the first time.

use rollback::Digest;
use serde::{Deserialize, Serialize};

/// What a command that may come twice got the first time.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Answer {
    /// Which command it was: [`rollback::idempotency::request_digest`].
    pub request: Digest,
    /// The status.
    pub status: u16,
    /// The body.
    pub body: String,
}
