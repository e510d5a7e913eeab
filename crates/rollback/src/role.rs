//! What people may be in operations.

use crate::spelling::words;

words! {
    /// What a person may be in operations. The words are those of the tokens.
    Role, "role" {
        /// Runs rollbacks.
        Operator = "operator",
        /// Approves what another asked for.
        Approver = "approver",
        /// Commands an incident: takes the decisions from its escalation on, dismisses, reviews.
        Commander = "commander",
        /// Reads the audit log.
        Auditor = "auditor",
    }
}

words! {
    /// What a person may be trusted with beyond their role.
    Scope, "scope" {
        /// Changes of infrastructure: one of the two approvals must come from somebody with this scope.
        Infrastructure = "infrastructure",
    }
}
