//! What can happen to a step.

use serde::{Deserialize, Serialize};

use super::Failure;
use crate::{Digest, Reference, spelling::words};

words! {
    /// What was found when somebody looked for the trace of a step whose outcome is unknown. What is found to be under
    /// way, done or failed is told as just that; these are the rest.
    Finding, "finding" {
        /// It left no trace, where it would have to.
        Absent = "absent",
        /// It could not be told.
        Unclear = "unclear",
    }
}

/// What can happen to a step.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum StepEvent {
    /// It is put on record, before anything leaves, that it will be sent.
    Intend,
    /// It is put on record that it is leaving now. From here on its outcome is unknown until it is known.
    Send {
        /// The digest of the preview, made anew of what is there now, when the step touches the environment.
        observed: Option<Digest>,
    },
    /// The other side has taken it and works on it.
    Accept {
        /// What the other side calls it.
        operation: Reference,
    },
    /// It has ended well.
    Succeed {
        /// What proves it, by digest.
        evidence: Vec<Digest>,
    },
    /// It has ended badly, or was refused.
    Fail {
        /// Why.
        failure: Failure,
        /// What proves it, by digest.
        evidence: Vec<Digest>,
    },
    /// No answer, half an answer, or the worker died: it can't be told how it ended.
    Lose,
    /// Somebody looked for its trace and it is still not known how it ended.
    Reconcile {
        /// What they found.
        finding: Finding,
    },
    /// It is to be sent again.
    Repeat,
    /// Its deadline has passed.
    RunLate,
}

impl StepEvent {
    /// The event in a word.
    #[must_use]
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Intend => "intend",
            Self::Send { .. } => "send",
            Self::Accept { .. } => "accept",
            Self::Succeed { .. } => "succeed",
            Self::Fail { .. } => "fail",
            Self::Lose => "lose",
            Self::Reconcile { .. } => "reconcile",
            Self::Repeat => "repeat",
            Self::RunLate => "run_late",
        }
    }
}
