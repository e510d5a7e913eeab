//! Where a step stands, and the one function that moves it on.

use super::StepEvent;
use crate::{IllegalTransition, spelling::words};

words! {
    /// Where a step stands.
    StepStatus, "step status" {
        /// Not begun.
        Pending = "pending",
        /// It is on record that it will be sent, and under which key. Nothing has left yet.
        IntentRecorded = "intent_recorded",
        /// It is on record that it is being sent. Whether it has arrived is not known yet.
        Sent = "sent",
        /// It has arrived and is under way elsewhere.
        Awaiting = "awaiting",
        /// It has ended well.
        Done = "done",
        /// It has ended badly. Nothing follows.
        Failed = "failed",
        /// It was sent, and how it ended can't be told. Nothing follows until that is found out.
        Unknown = "unknown",
    }
}

impl StepStatus {
    /// The status after an event. This is the only place where a step's status changes.
    ///
    /// # Errors
    /// Returns [`IllegalTransition`] with the status and the event when the event can't happen to it.
    pub fn next(self, event: &StepEvent) -> Result<Self, IllegalTransition> {
        match (self, event) {
            (Self::Pending, StepEvent::Intend) => Ok(Self::IntentRecorded),
            (Self::IntentRecorded, StepEvent::Send { .. }) => Ok(Self::Sent),
            (Self::Sent | Self::Unknown, StepEvent::Accept { .. }) => Ok(Self::Awaiting),
            (Self::IntentRecorded | Self::Sent | Self::Awaiting | Self::Unknown, StepEvent::Succeed { .. }) => {
                Ok(Self::Done)
            }
            (Self::IntentRecorded | Self::Sent | Self::Awaiting | Self::Unknown, StepEvent::Fail { .. }) => {
                Ok(Self::Failed)
            }
            (Self::Sent | Self::Awaiting, StepEvent::Lose) => Ok(Self::Unknown),
            (Self::Unknown, StepEvent::Reconcile { .. }) => Ok(Self::Unknown),
            (Self::Unknown, StepEvent::Repeat) => Ok(Self::IntentRecorded),
            (Self::IntentRecorded | Self::Sent | Self::Awaiting | Self::Unknown, StepEvent::RunLate) => {
                Ok(Self::Unknown)
            }
            (from, event) => Err(IllegalTransition::new("step", from.as_str(), event.as_str())),
        }
    }
}
