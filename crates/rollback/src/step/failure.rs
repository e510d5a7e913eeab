//! Why a step failed, and what a person does next.

use serde::{Deserialize, Serialize};

use crate::spelling::words;

words! {
    /// Why a step failed. Each cause has a name of its own, since each asks for something else of a person.
    FailureCode, "failure" {
        /// The registry has no such repository.
        UnknownRepository = "unknown_repository",
        /// The other side does not accept our credential.
        LoginRefused = "login_refused",
        /// Our credential is accepted and may not do this.
        InsufficientPermissions = "insufficient_permissions",
        /// The other side did not answer in time, again and again.
        TimedOut = "timed_out",
        /// The other side answered what its contract does not allow.
        Garbled = "garbled",
        /// The other side refused the request for another reason.
        Refused = "refused",
        /// No stable tag is older than what runs and fit to run.
        NoStableTag = "no_stable_tag",
        /// The tag that was asked for is not there, or not fit to run.
        TagUnfit = "tag_unfit",
        /// What would run now is not what was approved: a tag was moved, a plan replaced, an input edited.
        PreviewChanged = "preview_changed",
        /// The pipeline ended without success.
        WorkflowFailed = "workflow_failed",
        /// The deployment never became ready; the pipeline has put the release back that ran before.
        RolloutFailed = "rollout_failed",
        /// The cluster runs another image than the pinned one.
        WrongImage = "wrong_image",
        /// The server to restore holds the state of operations itself.
        OperationsServer = "operations_server",
        /// The source server is not ready.
        SourceNotReady = "source_not_ready",
        /// The point in time is outside what the backups hold.
        OutsideWindow = "outside_window",
        /// The point in time gives up more data than is allowed, and nobody has taken that upon them.
        BeyondRpo = "beyond_rpo",
        /// A server of the new name exists and is not ours.
        NameTaken = "name_taken",
        /// The subscription has no room for another server.
        QuotaExceeded = "quota_exceeded",
        /// The restore ended without success.
        RestoreFailed = "restore_failed",
        /// The restored data or server is not what it should be.
        DataMismatch = "data_mismatch",
        /// More data was lost than is allowed, and nobody has taken that upon them.
        LossBeyondRpo = "loss_beyond_rpo",
        /// An application did not come back with the new connection.
        RedeploymentFailed = "redeployment_failed",
        /// There is no such commit.
        InvalidCommit = "invalid_commit",
        /// The commit was never applied to this environment.
        NeverApplied = "never_applied",
        /// The plan could not be made: the configuration is wrong.
        PlanFailed = "plan_failed",
        /// The plan must not be used: what is protected was changed by hand, and is not as the state says.
        PlanDrifted = "plan_drifted",
        /// The plan is not the one whose digest was announced.
        PlanAltered = "plan_altered",
        /// The plan would destroy, forget or replace something that nobody said it may.
        PlanBlocked = "plan_blocked",
        /// The plan changes nothing.
        PlanEmpty = "plan_empty",
        /// The plan was made against a state that is no longer there.
        PlanStale = "plan_stale",
        /// The apply ended without success. Some of it may have happened.
        ApplyFailed = "apply_failed",
        /// After the apply another plan still has changes to make.
        NotConverged = "not_converged",
    }
}

impl FailureCode {
    /// What a person does next.
    #[must_use]
    pub const fn advice(self) -> &'static str {
        match self {
            Self::UnknownRepository => "check the name of the repository in the configuration of the application",
            Self::LoginRefused => "renew the credential for this system, then start a new run",
            Self::InsufficientPermissions => {
                "grant the credential what docs/permissions.md lists for this step, then start a new run"
            }
            Self::TimedOut => "check that the other system is up and can be reached, then start a new run",
            Self::Garbled => {
                "look at the answer among the evidence; something between us and the other system may alter it"
            }
            Self::Refused => "read the refusal, correct what it names, then start a new run",
            Self::NoStableTag => "name a tag by hand, or escalate: there is nothing older that is marked stable",
            Self::TagUnfit => "choose another tag",
            Self::PreviewChanged => "start a new run: what would run has changed since it was approved",
            Self::WorkflowFailed => "read the log of the workflow run, look at what runs, and attest to it",
            Self::RolloutFailed => {
                "the release that ran before is back; read the events of the pods, attest, then try another release"
            }
            Self::WrongImage => "find out who deployed meanwhile, look at what runs, and attest to it",
            Self::OperationsServer => "restore this server by the manual runbook: it holds the record of this very run",
            Self::SourceNotReady => "bring the source server to the state Ready, or restore it by the manual runbook",
            Self::OutsideWindow => "choose a point in time within the window of the backups",
            Self::BeyondRpo => "choose a later point in time, or ask for the loss to be accepted by two people",
            Self::NameTaken => "find out what the server of that name is; nothing of ours deletes it",
            Self::QuotaExceeded => "have the quota raised, then start a new run",
            Self::RestoreFailed => "read the error of the operation, then start a new run; the source is untouched",
            Self::DataMismatch => "the applications still use the source; compare the two servers, then decide anew",
            Self::LossBeyondRpo => {
                "the applications still use the source; start a new run with the loss accepted, or decide anew"
            }
            Self::RedeploymentFailed => {
                "the writers are still frozen; bring this application back by the runbook, then the rest, then attest"
            }
            Self::InvalidCommit => "give the whole hash of a commit of the main branch",
            Self::NeverApplied => "choose a commit that was applied to this environment before",
            Self::PlanFailed => "read the error of the plan; this commit can't be applied as it is",
            Self::PlanDrifted => {
                "find out what was changed by hand, bring it into the code or undo it, then plan again"
            }
            Self::PlanAltered => "find out who replaced the artifact, then start a new run",
            Self::PlanBlocked => "name each address that may be destroyed in a new run, or choose another commit",
            Self::PlanEmpty => "nothing to roll back to: the infrastructure is as this commit describes it",
            Self::PlanStale => "somebody applied meanwhile; look at what changed, attest, then plan again",
            Self::ApplyFailed => {
                "the plan is spent and half of it may have happened; finish or undo it by the runbook, then attest"
            }
            Self::NotConverged => "look at what the second plan would change, finish it by the runbook, then attest",
        }
    }
}

/// The most characters of detail that are kept.
const DETAIL_LENGTH: usize = 500;

/// Why a step failed.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Failure {
    /// The cause.
    pub code: FailureCode,
    /// The cause in this case, for a person to read. Never an answer's body, which may hold a secret: evidence is kept
    /// elsewhere, by digest.
    pub detail: String,
}

impl Failure {
    /// A cause with its detail on one line, cut to what a person reads.
    #[must_use]
    pub fn new(code: FailureCode, detail: &str) -> Self {
        let detail = detail
            .chars()
            .map(|character| if character.is_control() { ' ' } else { character })
            .take(DETAIL_LENGTH)
            .collect();
        Self { code, detail }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_cause_says_what_to_do() {
        for code in FailureCode::ALL {
            assert!(!code.advice().is_empty());
            assert!(!code.advice().ends_with('.'), "{code}");
        }
    }

    #[test]
    fn a_detail_is_one_short_line() {
        let failure = Failure::new(FailureCode::Refused, &format!("a\nb{}", "x".repeat(1_000)));
        assert!(failure.detail.starts_with("a bx"));
        assert_eq!(failure.detail.chars().count(), 500);
    }
}
