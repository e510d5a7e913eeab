//! The functions as the relay sees them: something that answers HTTP requests.

use bytes::Bytes;
use futures_util::future::BoxFuture;
use http::{Request, Response};

/// Answers the relay's requests: the functions in this process, or elsewhere over HTTP ([`crate::Upstream`]).
pub trait Functions: Send + Sync + 'static {
    /// Sends one request, whose URI is path and query only, and gives the whole answer.
    ///
    /// Called for every batch of messages, join, leave, sweep and history read. Dropping the future gives the call up;
    /// what it did by then stays done, so the relay only repeats what is idempotent.
    fn call(&self, request: Request<Bytes>) -> BoxFuture<'static, Result<Response<Bytes>, CallError>>;
}

/// Why a call has no answer. Whether it took effect is then unknown.
#[derive(Debug, thiserror::Error)]
#[error("no answer from the function: {reason}")]
pub struct CallError {
    reason: String,
}

impl CallError {
    /// An error with its reason, for the log.
    pub fn new(reason: impl Into<String>) -> Self {
        Self { reason: reason.into() }
    }
}
