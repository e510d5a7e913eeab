//! Why there is no answer.

use rollback::step::FailureCode;

use crate::{Fault, Retry};

/// Why there is no answer. Whether the other side has acted is not known, unless nothing ever reached it.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum Silence {
    /// There was no connection: nothing has reached the other side.
    #[error("no connection could be made")]
    Unreachable,
    /// No answer came in time.
    #[error("no answer came in time")]
    TimedOut,
    /// The connection broke before the answer was whole.
    #[error("the connection broke before the answer was whole")]
    Broken,
    /// The answer is larger than any that is expected.
    #[error("the answer is larger than any that is expected")]
    TooLarge,
}

impl Silence {
    /// Whether the other side certainly knows nothing of the call.
    #[must_use]
    pub const fn never_left(self) -> bool {
        matches!(self, Self::Unreachable)
    }
}

impl Fault for Silence {
    fn system(&self) -> &'static str {
        "network"
    }

    fn code(&self) -> &'static str {
        match self {
            Self::Unreachable => "unreachable",
            Self::TimedOut => "timed_out",
            Self::Broken => "broken",
            Self::TooLarge => "too_large",
        }
    }

    fn retry(&self) -> Retry {
        match self {
            Self::Unreachable | Self::TimedOut | Self::Broken => Retry::Later(None),
            Self::TooLarge => Retry::Never,
        }
    }

    fn failure_code(&self) -> FailureCode {
        match self {
            Self::Unreachable | Self::TimedOut | Self::Broken => FailureCode::TimedOut,
            Self::TooLarge => FailureCode::Garbled,
        }
    }
}
