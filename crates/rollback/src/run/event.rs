//! What can happen to a run.

/// What is left of a run when one of its steps is done.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Left {
    /// Steps that change something.
    Effects,
    /// Only steps that look.
    Checks,
    /// Nothing.
    Nothing,
}

/// How a step stops its run.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Stop {
    /// It failed.
    Failed,
    /// Its outcome can't be told, or it failed half-way through what can't be repeated.
    Unclear,
    /// What it found must not be run.
    Blocked,
}

/// What can happen to a run.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum RunEvent {
    /// It is known what would run.
    Preview,
    /// It is put before the approvers.
    Submit,
    /// Somebody approves it.
    Approve {
        /// Whether that makes enough.
        enough: bool,
    },
    /// The approvals do not suffice any more.
    Lapse,
    /// An approver refuses it.
    Reject,
    /// Its preview has grown old.
    Expire,
    /// It begins.
    Execute,
    /// It is called off.
    Cancel,
    /// One of its steps has moved, and not ended.
    MoveStep,
    /// One of its steps is done.
    FinishStep {
        /// What is left.
        left: Left,
    },
    /// One of its steps stops it.
    Stop(Stop),
    /// A second person attests to the state of the system.
    Attest,
}

impl RunEvent {
    /// The event in a word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Preview => "preview",
            Self::Submit => "submit",
            Self::Approve { .. } => "approve",
            Self::Lapse => "lapse",
            Self::Reject => "reject",
            Self::Expire => "expire",
            Self::Execute => "execute",
            Self::Cancel => "cancel",
            Self::MoveStep => "move_step",
            Self::FinishStep { .. } => "finish_step",
            Self::Stop(_) => "stop",
            Self::Attest => "attest",
        }
    }
}
