//! What can happen to an incident.

use crate::validation::Verdict;

/// What can happen to an incident.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum IncidentEvent {
    /// Somebody takes it up.
    Acknowledge,
    /// The incident commander is paged.
    Escalate,
    /// It is decided what is done about it.
    Decide,
    /// A commander says that it is none, although the alert fires. A second one must say so too.
    ProposeDismissal,
    /// It is none.
    Dismiss,
    /// A rollback is asked for.
    OpenRun,
    /// A run has ended without having changed anything.
    CloseRun,
    /// A run begins.
    ExecuteRun,
    /// A run has succeeded.
    FinishRun,
    /// A run has stopped half-way.
    StopRun,
    /// A second person attests to the state of the system.
    Attest,
    /// The alert fires, again.
    Fire,
    /// The alert has cleared.
    Clear,
    /// A validation begins.
    StartValidation,
    /// A validation has ended.
    FinishValidation(Verdict),
    /// A validation has grown old.
    Lapse,
    /// Somebody closes it.
    Resolve,
    /// Its review is filed.
    Review,
}

impl IncidentEvent {
    /// The event in a word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Acknowledge => "acknowledge",
            Self::Escalate => "escalate",
            Self::Decide => "decide",
            Self::ProposeDismissal => "propose_dismissal",
            Self::Dismiss => "dismiss",
            Self::OpenRun => "open_run",
            Self::CloseRun => "close_run",
            Self::ExecuteRun => "execute_run",
            Self::FinishRun => "finish_run",
            Self::StopRun => "stop_run",
            Self::Attest => "attest",
            Self::Fire => "fire",
            Self::Clear => "clear",
            Self::StartValidation => "start_validation",
            Self::FinishValidation(_) => "finish_validation",
            Self::Lapse => "lapse",
            Self::Resolve => "resolve",
            Self::Review => "review",
        }
    }
}
