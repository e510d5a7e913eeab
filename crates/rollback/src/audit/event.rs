//! What happens in operations, as the audit log keeps it.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::{
    Digest, DismissalCause, IncidentId, Kind, Person, Principal, Reason, Reference, Request, RunbookVersion, Strategy,
    Target, ValidationId,
    alert::{AlertName, Fingerprint},
    clock::Warning,
    drill::Quarter,
    recipe::Hazard,
    spelling::words,
    step::{Failure, Finding, StepName, StepStatus},
    validation::{CheckResult, Verdict},
};

words! {
    /// Who is told of an event.
    Audience, "audience" {
        /// Whoever is on call: they are paged.
        OnCall = "on_call",
        /// The incident commander: they are paged.
        Commander = "commander",
        /// Whoever may approve: they are told.
        Approvers = "approvers",
        /// Everybody who follows the incident: they are told.
        Followers = "followers",
    }
}

/// Something that happened.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(tag = "type", rename_all = "snake_case", rename_all_fields = "camelCase")]
#[expect(missing_docs, reason = "the members are those of the types that the events are about")]
pub enum Event {
    /// An incident was opened.
    IncidentOpened { target: Target, fingerprint: Fingerprint, name: AlertName, previous: Option<IncidentId> },
    /// The alert fired again.
    AlertFired { count: u32 },
    /// The alert has cleared.
    AlertCleared,
    /// A notification left alerts of its group out, and Alertmanager could not be asked which.
    AlertsLeftOut { group: String, count: u64, why: String },
    /// Somebody took the incident up.
    Acknowledged,
    /// The incident commander was paged.
    Escalated { reason: Reason },
    /// It was decided what is done.
    Decided { strategy: Strategy, reason: Reason },
    /// A commander called the incident none; another one must too.
    DismissalProposed { cause: DismissalCause, reason: Reason },
    /// The incident was none.
    Dismissed { cause: DismissalCause, reason: Reason },
    /// People were warned.
    Warned { warning: Warning },

    /// A rollback was asked for.
    RunOpened { request: Request, runbook: RunbookVersion },
    /// It became known what would run.
    Previewed { digest: Digest, hazards: BTreeSet<Hazard>, expires_at: DateTime<Utc> },
    /// Somebody opened a preview.
    PreviewOpened { digest: Digest },
    /// A preview was put before the approvers.
    Submitted { digest: Digest, acknowledged: BTreeSet<Hazard> },
    /// Somebody approved.
    Approved { digest: Digest, acknowledged: BTreeSet<Hazard>, expires_at: DateTime<Utc>, enough: bool },
    /// Somebody broke the rule that who decides does not approve alone.
    GlassBroken { digest: Digest, reason: Reason },
    /// The approvals do not suffice any more.
    ApprovalsLapsed,
    /// An approver refused.
    Rejected { reason: Reason },
    /// The preview grew too old.
    Expired,
    /// The run began.
    Executed { digest: Digest, approvers: BTreeSet<Person> },
    /// The run was called off.
    Cancelled { reason: Reason },
    /// A step moved.
    StepMoved {
        step: StepName,
        attempt: u32,
        from: StepStatus,
        to: StepStatus,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        operation: Option<Reference>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        finding: Option<Finding>,
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        evidence: Vec<Digest>,
    },
    /// The loss of data was measured.
    LossMeasured { seconds: i64 },
    /// A run succeeded.
    RunSucceeded { kind: Kind },
    /// A step failed, and with it the run.
    RunFailed { step: StepName, failure: Failure, executed: bool },
    /// A plan would do what it may not.
    RunBlocked { step: StepName, failure: Failure },
    /// A step's outcome can't be told, or it failed half-way: a person must look.
    ManualNeeded { step: StepName, failure: Option<Failure> },
    /// A second person attested to the state of the system.
    Attested { statement: Reason, evidence: Vec<Digest> },

    /// A validation began.
    ValidationStarted { id: ValidationId, policy: Digest },
    /// A validation ended.
    ValidationFinished { id: ValidationId, verdict: Verdict, results: Vec<CheckResult> },
    /// A validation grew too old.
    ValidationLapsed { id: ValidationId },
    /// The incident was resolved.
    Resolved,
    /// The incident was reviewed.
    Reviewed { review: Reason },

    /// A drill was started.
    DrillStarted { kind: Kind, quarter: Quarter },
    /// A drill is overdue, and people were reminded of it.
    DrillOverdue { kind: Kind, quarter: Quarter },
    /// Rollbacks were halted.
    Halted { reason: Reason },
    /// Rollbacks may go on again.
    Released { reason: Reason },
    /// It was said what a person may be, or all of it was withdrawn.
    PrincipalChanged { principal: Principal },
}

impl Event {
    /// Who is told.
    #[must_use]
    pub const fn audience(&self) -> Option<Audience> {
        match self {
            Self::IncidentOpened { .. } | Self::AlertsLeftOut { .. } => Some(Audience::OnCall),
            Self::Escalated { .. }
            | Self::ManualNeeded { .. }
            | Self::RunFailed { executed: true, .. }
            | Self::DismissalProposed { .. }
            | Self::GlassBroken { .. }
            | Self::Halted { .. }
            | Self::ValidationFinished { verdict: Verdict::Fail, .. }
            | Self::Warned { warning: Warning::Undecided | Warning::RtoBreached | Warning::RpoBreached } => {
                Some(Audience::Commander)
            }
            Self::Submitted { .. } | Self::ApprovalsLapsed => Some(Audience::Approvers),
            Self::Acknowledged
            | Self::Decided { .. }
            | Self::Dismissed { .. }
            | Self::Warned { .. }
            | Self::Rejected { .. }
            | Self::Expired
            | Self::Executed { .. }
            | Self::Cancelled { .. }
            | Self::RunSucceeded { .. }
            | Self::RunFailed { executed: false, .. }
            | Self::RunBlocked { .. }
            | Self::Attested { .. }
            | Self::ValidationFinished { .. }
            | Self::Resolved
            | Self::DrillOverdue { .. }
            | Self::Released { .. } => Some(Audience::Followers),
            Self::AlertFired { .. }
            | Self::AlertCleared
            | Self::RunOpened { .. }
            | Self::Previewed { .. }
            | Self::PreviewOpened { .. }
            | Self::Approved { .. }
            | Self::StepMoved { .. }
            | Self::LossMeasured { .. }
            | Self::ValidationStarted { .. }
            | Self::ValidationLapsed { .. }
            | Self::Reviewed { .. }
            | Self::DrillStarted { .. }
            | Self::PrincipalChanged { .. } => None,
        }
    }
}
