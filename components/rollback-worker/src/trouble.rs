//! What may go wrong with a call, as far as it matters to a step.

use chrono::TimeDelta;
use clients::{Fault, Retry};
use rollback::step::{Failure, FailureCode};

/// What went wrong with a call.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Trouble {
    /// The other side may answer better another time: it was too slow, too busy, broken, or not to be understood.
    Passing {
        /// What it comes to if it never passes.
        failure: Failure,
        /// When the other side wants to be asked again, if it said so.
        retry_after: Option<TimeDelta>,
    },
    /// The other side does not accept the credential. A token may have expired early; asked again with a new one it may.
    Refused(Failure),
    /// The other side has decided: asked again it says the same.
    Final(Failure),
}

impl Trouble {
    /// What an outside system's error comes to.
    #[must_use]
    pub fn of(fault: &impl Fault) -> Self {
        let failure = fault.failure();
        match fault.retry() {
            Retry::Later(retry_after) => Self::Passing { failure, retry_after },
            Retry::Renewed => Self::Refused(failure),
            Retry::Never => Self::Final(failure),
        }
    }

    /// Something that can't be told: no answer, or none in time.
    #[must_use]
    pub fn unanswered(detail: &str) -> Self {
        Self::Passing { failure: Failure::new(FailureCode::TimedOut, detail), retry_after: None }
    }

    /// An answer that its contract does not allow.
    #[must_use]
    pub fn garbled(detail: &str) -> Self {
        Self::Passing { failure: Failure::new(FailureCode::Garbled, detail), retry_after: None }
    }

    /// Something that has been decided.
    #[must_use]
    pub fn decided(code: FailureCode, detail: &str) -> Self {
        Self::Final(Failure::new(code, detail))
    }

    /// What it comes to if it stays.
    #[must_use]
    pub const fn failure(&self) -> &Failure {
        match self {
            Self::Passing { failure, .. } | Self::Refused(failure) | Self::Final(failure) => failure,
        }
    }
}
