//! What people command, and what is reported without a person.

use std::collections::BTreeSet;

use crate::{
    Digest, DismissalCause, Reason, Request, RunId, RunbookVersion, Strategy, ValidationId,
    permission::Move,
    recipe::{Hazard, Recipe},
    step::{StepEvent, StepName},
    validation::{CheckResult, Policy},
};

/// What a person commands.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Command {
    /// Take the incident up.
    Acknowledge,
    /// Page the incident commander.
    Escalate {
        /// Why.
        reason: Reason,
    },
    /// Decide what is done.
    Decide {
        /// What.
        strategy: Strategy,
        /// Why.
        reason: Reason,
    },
    /// Say that the incident is none.
    Dismiss {
        /// Of which sort.
        cause: DismissalCause,
        /// Why.
        reason: Reason,
    },
    /// Have the incident validated.
    Validate {
        /// The validation's identifier.
        id: ValidationId,
        /// What the checks hold what they measure against.
        policy: Policy,
    },
    /// Close the incident.
    Resolve,
    /// File its review.
    Review {
        /// The review, or where it stands.
        review: Reason,
        /// The runs whose broken rules it deals with.
        broken_glass: BTreeSet<RunId>,
    },
    /// Ask for a rollback.
    OpenRun {
        /// The run's identifier.
        id: RunId,
        /// What is asked for.
        request: Request,
        /// The version of the runbook that is followed.
        runbook: RunbookVersion,
    },
    /// Open the run's preview.
    OpenPreview,
    /// Put the run's preview before the approvers.
    Submit {
        /// Which preview.
        digest: Digest,
        /// The hazards that are taken into account.
        acknowledged: BTreeSet<Hazard>,
    },
    /// Approve the run.
    Approve {
        /// Which preview.
        digest: Digest,
        /// The hazards that are taken into account.
        acknowledged: BTreeSet<Hazard>,
        /// Why the rule that who decides does not approve alone is broken, if it has to be.
        break_glass: Option<Reason>,
    },
    /// Refuse the run.
    Reject {
        /// Why.
        reason: Reason,
    },
    /// Let the run begin.
    Execute {
        /// Which preview.
        digest: Digest,
    },
    /// Call the run off.
    Cancel {
        /// Why.
        reason: Reason,
    },
    /// Let a step be sent again that provably did not happen.
    Retry {
        /// Which.
        step: StepName,
    },
    /// Vouch for the state of the system.
    Attest {
        /// What was done and seen.
        statement: Reason,
        /// What was seen, by digest.
        evidence: Vec<Digest>,
    },
}

/// What a command is about: whose version whoever commands has seen.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum About {
    /// The incident.
    Incident,
    /// The run.
    Run,
}

impl Command {
    /// The move that it is, which decides who may make it.
    #[must_use]
    pub const fn movement(&self) -> Move {
        match self {
            Self::Acknowledge => Move::Acknowledge,
            Self::Escalate { .. } => Move::Escalate,
            Self::Decide { .. } => Move::Decide,
            Self::Dismiss { .. } => Move::Dismiss,
            Self::Validate { .. } => Move::Validate,
            Self::Resolve => Move::Resolve,
            Self::Review { .. } => Move::Review,
            Self::OpenRun { .. } => Move::OpenRun,
            Self::OpenPreview => Move::Read,
            Self::Submit { .. } => Move::Submit,
            Self::Approve { .. } => Move::Approve,
            Self::Reject { .. } => Move::Reject,
            Self::Execute { .. } => Move::Execute,
            Self::Cancel { .. } => Move::Cancel,
            Self::Retry { .. } => Move::Retry,
            Self::Attest { .. } => Move::Attest,
        }
    }

    /// What it is about.
    #[must_use]
    pub const fn about(&self) -> About {
        match self {
            Self::Acknowledge
            | Self::Escalate { .. }
            | Self::Decide { .. }
            | Self::Dismiss { .. }
            | Self::Validate { .. }
            | Self::Resolve
            | Self::Review { .. }
            | Self::OpenRun { .. } => About::Incident,
            Self::OpenPreview
            | Self::Submit { .. }
            | Self::Approve { .. }
            | Self::Reject { .. }
            | Self::Execute { .. }
            | Self::Cancel { .. }
            | Self::Retry { .. }
            | Self::Attest { .. } => About::Run,
        }
    }
}

/// What is reported without a person: by the worker, by the alerts, by the pipeline.
#[derive(Clone, Debug, PartialEq)]
pub enum Report {
    /// The alert fires, again.
    Fire,
    /// The alert has cleared.
    Clear,
    /// It is known what would run.
    Preview {
        /// What.
        recipe: Recipe,
        /// The policy of the validation that follows, by digest.
        policy: Digest,
    },
    /// Something happened to a step.
    Step {
        /// Which.
        step: StepName,
        /// What.
        event: StepEvent,
    },
    /// The loss of data was measured (during step D5).
    Loss {
        /// How much, in seconds.
        seconds: i64,
    },
    /// A validation has ended.
    Validated {
        /// Which.
        id: ValidationId,
        /// What its checks came to.
        results: Vec<CheckResult>,
    },
}
