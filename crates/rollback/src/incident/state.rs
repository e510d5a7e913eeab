//! Where an incident stands, and the one function that moves it on.

use super::IncidentEvent;
use crate::{IllegalTransition, spelling::words, validation::Verdict};

words! {
    /// Where an incident stands.
    IncidentState, "incident state" {
        /// The alert has fired. Nobody has taken it up.
        Open = "open",
        /// Somebody has taken it up: it is triaged, decided, or decided anew.
        Acknowledged = "acknowledged",
        /// A run is changing something.
        RollingBack = "rolling_back",
        /// A run has stopped half-way. Nothing goes on until a second person has attested.
        Blocked = "blocked",
        /// What was to be done is done, and not yet proven to have helped.
        MitigatedUnvalidated = "mitigated_unvalidated",
        /// It is being proven.
        Validating = "validating",
        /// It is proven stable, for a while.
        Validated = "validated",
        /// It is over.
        Resolved = "resolved",
        /// It is over and has been learned from.
        Reviewed = "reviewed",
        /// It was none.
        Dismissed = "dismissed",
    }
}

impl IncidentState {
    /// Whether the incident is over.
    #[must_use]
    pub const fn is_closed(self) -> bool {
        matches!(self, Self::Resolved | Self::Reviewed | Self::Dismissed)
    }

    /// The state after an event. This is the only place where an incident's state changes.
    ///
    /// # Errors
    /// Returns [`IllegalTransition`] with the state and the event when the event can't happen to it.
    pub fn next(self, event: IncidentEvent) -> Result<Self, IllegalTransition> {
        use IncidentEvent as E;

        match (self, event) {
            (Self::Open, E::Acknowledge) => Ok(Self::Acknowledged),
            (Self::Open | Self::Acknowledged, E::ProposeDismissal) => Ok(self),
            (Self::Open | Self::Acknowledged, E::Dismiss) => Ok(Self::Dismissed),
            (Self::Acknowledged | Self::RollingBack | Self::MitigatedUnvalidated | Self::Validated, E::Decide) => {
                Ok(self)
            }

            // A run is prepared without moving the incident: only its execution does.
            (Self::Acknowledged | Self::MitigatedUnvalidated | Self::Validated, E::OpenRun | E::CloseRun) => Ok(self),
            (Self::Acknowledged | Self::MitigatedUnvalidated | Self::Validated, E::ExecuteRun) => Ok(Self::RollingBack),
            // Called off before it changed anything.
            (Self::RollingBack, E::CloseRun) => Ok(Self::Acknowledged),
            (Self::RollingBack, E::FinishRun) => Ok(Self::MitigatedUnvalidated),
            (Self::RollingBack, E::StopRun) => Ok(Self::Blocked),
            (Self::Blocked, E::Attest) => Ok(Self::Acknowledged),

            (Self::Acknowledged | Self::MitigatedUnvalidated | Self::Validated, E::StartValidation) => {
                Ok(Self::Validating)
            }
            (Self::Validating, E::FinishValidation(Verdict::Pass)) => Ok(Self::Validated),
            (Self::Validating, E::FinishValidation(Verdict::Fail)) => Ok(Self::Acknowledged),
            (Self::Validating, E::FinishValidation(Verdict::Inconclusive)) => Ok(Self::MitigatedUnvalidated),
            // What was proven is not proven any more.
            (Self::Validated, E::Fire | E::Lapse) => Ok(Self::MitigatedUnvalidated),

            (Self::Validated, E::Resolve) => Ok(Self::Resolved),
            (Self::Resolved, E::Review) => Ok(Self::Reviewed),

            (from, E::Escalate | E::Fire | E::Clear) if !from.is_closed() => Ok(from),
            (from, event) => Err(IllegalTransition::new("incident", from.as_str(), event.as_str())),
        }
    }
}
