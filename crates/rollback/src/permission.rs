//! Who may make which move.

use crate::{Role, spelling::words};

words! {
    /// Something that a person may do in operations.
    Move, "move" {
        /// Read incidents, runs and previews.
        Read = "read",
        /// Acknowledge an incident.
        Acknowledge = "acknowledge",
        /// Decide what is done about it.
        Decide = "decide",
        /// Page the incident commander.
        Escalate = "escalate",
        /// Say that the incident is none.
        Dismiss = "dismiss",
        /// Ask for a rollback.
        OpenRun = "open_run",
        /// Put a run's preview before the approvers.
        Submit = "submit",
        /// Approve a run.
        Approve = "approve",
        /// Refuse a run.
        Reject = "reject",
        /// Let an approved run begin.
        Execute = "execute",
        /// Call a run off before it has changed anything.
        Cancel = "cancel",
        /// Let a step be sent again that provably did not happen.
        Retry = "retry",
        /// Vouch for the state of a system after manual intervention.
        Attest = "attest",
        /// Have an incident validated.
        Validate = "validate",
        /// Close an incident that is proven stable.
        Resolve = "resolve",
        /// File the review of a resolved incident.
        Review = "review",
        /// Read and verify the audit log.
        Audit = "audit",
        /// See which drills are due, and start one.
        Drill = "drill",
        /// Stop every rollback from going on, or let them go on again.
        Halt = "halt",
    }
}

impl Move {
    /// The roles that may make the move. That the requester never approves, and the like, are guards beyond this.
    #[must_use]
    pub const fn roles(self) -> &'static [Role] {
        match self {
            Self::Read => &[Role::Operator, Role::Approver, Role::Commander, Role::Auditor],
            Self::Acknowledge
            | Self::Decide
            | Self::Escalate
            | Self::OpenRun
            | Self::Submit
            | Self::Execute
            | Self::Cancel
            | Self::Retry
            | Self::Validate
            | Self::Resolve
            | Self::Drill => &[Role::Operator, Role::Commander],
            Self::Approve | Self::Reject | Self::Attest => &[Role::Approver, Role::Commander],
            Self::Audit => &[Role::Auditor, Role::Commander],
            Self::Dismiss | Self::Review | Self::Halt => &[Role::Commander],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_auditor_changes_nothing() {
        for movement in Move::ALL {
            let reads = matches!(movement, Move::Read | Move::Audit);
            assert_eq!(movement.roles().contains(&Role::Auditor), reads, "{movement}");
        }
    }

    #[test]
    fn nobody_may_both_ask_and_approve_by_one_role_but_the_commander() {
        for role in [Role::Operator, Role::Approver, Role::Auditor] {
            assert!(!(Move::OpenRun.roles().contains(&role) && Move::Approve.roles().contains(&role)), "{role}");
        }
    }
}
