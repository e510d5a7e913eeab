//! Where a run stands, and the one function that moves it on.

use super::{Left, RunEvent, Stop};
use crate::{IllegalTransition, spelling::words};

words! {
    /// Where a run stands.
    RunState, "run state" {
        /// What would run is being found out.
        Draft = "draft",
        /// It is known what would run. The operator looks at it.
        Previewed = "previewed",
        /// The approvers look at it.
        AwaitingApproval = "awaiting_approval",
        /// Enough people have approved it.
        Approved = "approved",
        /// Steps that change something are being taken.
        Executing = "executing",
        /// All that changes something has been done; what came of it is being checked.
        Verifying = "verifying",
        /// Every step is done.
        Succeeded = "succeeded",
        /// An approver refused it, or its plan is blocked. Nothing has been changed.
        Rejected = "rejected",
        /// Nobody executed it in time. Nothing has been changed.
        Expired = "expired",
        /// It was called off before it changed anything.
        Cancelled = "cancelled",
        /// A step failed. When it had been executed a person must attest to the state of the system.
        Failed = "failed",
        /// A step's outcome can't be told, or an apply failed. A person must look, put right, and attest.
        NeedsManual = "needs_manual",
        /// A second person has attested to the state of the system. The run is over.
        Attested = "attested",
    }
}

impl RunState {
    /// Whether the run goes on.
    #[must_use]
    pub const fn is_live(self) -> bool {
        matches!(
            self,
            Self::Draft | Self::Previewed | Self::AwaitingApproval | Self::Approved | Self::Executing | Self::Verifying
        )
    }

    /// The state after an event. This is the only place where a run's state changes.
    ///
    /// # Errors
    /// Returns [`IllegalTransition`] with the state and the event when the event can't happen to it.
    pub fn next(self, event: RunEvent) -> Result<Self, IllegalTransition> {
        match (self, event) {
            (Self::Draft, RunEvent::Preview) => Ok(Self::Previewed),
            (Self::Previewed, RunEvent::Submit) => Ok(Self::AwaitingApproval),
            (Self::AwaitingApproval, RunEvent::Approve { enough: false }) => Ok(Self::AwaitingApproval),
            (Self::AwaitingApproval, RunEvent::Approve { enough: true }) => Ok(Self::Approved),
            // One more approval renews one that is about to expire.
            (Self::Approved, RunEvent::Approve { .. }) => Ok(Self::Approved),
            (Self::Approved, RunEvent::Lapse) => Ok(Self::AwaitingApproval),
            (Self::Previewed | Self::AwaitingApproval | Self::Approved, RunEvent::Reject) => Ok(Self::Rejected),
            (Self::Previewed | Self::AwaitingApproval | Self::Approved, RunEvent::Expire) => Ok(Self::Expired),
            (Self::Approved, RunEvent::Execute) => Ok(Self::Executing),
            (
                Self::Draft | Self::Previewed | Self::AwaitingApproval | Self::Approved | Self::Executing,
                RunEvent::Cancel,
            ) => Ok(Self::Cancelled),

            (Self::Draft | Self::Executing | Self::Verifying, RunEvent::MoveStep) => Ok(self),
            (Self::Draft, RunEvent::FinishStep { .. }) => Ok(Self::Draft),
            (Self::Executing, RunEvent::FinishStep { left: Left::Effects }) => Ok(Self::Executing),
            (Self::Executing | Self::Verifying, RunEvent::FinishStep { left: Left::Checks }) => Ok(Self::Verifying),
            (Self::Executing | Self::Verifying, RunEvent::FinishStep { left: Left::Nothing }) => Ok(Self::Succeeded),
            (Self::Draft, RunEvent::Stop(Stop::Blocked)) => Ok(Self::Rejected),
            (Self::Draft, RunEvent::Stop(Stop::Failed | Stop::Unclear)) => Ok(Self::Failed),
            (Self::Executing | Self::Verifying, RunEvent::Stop(Stop::Failed | Stop::Blocked)) => Ok(Self::Failed),
            (Self::Executing | Self::Verifying, RunEvent::Stop(Stop::Unclear)) => Ok(Self::NeedsManual),
            (Self::Failed | Self::NeedsManual, RunEvent::Attest) => Ok(Self::Attested),
            (from, event) => Err(IllegalTransition::new("run", from.as_str(), event.as_str())),
        }
    }
}
