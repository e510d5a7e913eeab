//! States that a missing guard would lead to: by forging them, it is shown that the observer would see.

use chrono::{DateTime, Utc};
use rollback::{Case, RunState};
use serde_json::{Value, json};

/// A state that a missing guard would lead to.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Forgery {
    /// A validation passed that did not.
    Proof,
    /// People approved who did not.
    Approvals,
    /// A plan is not spent that is. The world does this, not the case.
    ForgetsSpentPlans,
    /// A step is done whose outcome is unknown.
    Done,
    /// A run that has failed goes on.
    Unstopped,
    /// A step was seen to have left no trace that nobody looked for.
    Absence,
    /// Somebody else started the run.
    Starter,
    /// The loss of data was measured to be none.
    Loss,
}

impl Forgery {
    pub const ALL: [Self; 8] = [
        Self::Proof,
        Self::Approvals,
        Self::ForgetsSpentPlans,
        Self::Done,
        Self::Unstopped,
        Self::Absence,
        Self::Starter,
        Self::Loss,
    ];

    /// The rule that it breaks.
    pub fn rule(self) -> &'static str {
        match self {
            Self::Proof => "resolved without proof",
            Self::Approvals => "executed without its approvals",
            Self::ForgetsSpentPlans => "applied one plan twice",
            Self::Done | Self::Unstopped => "went on past a step",
            Self::Absence => "sent again what may have happened",
            Self::Starter => "attested by who started it",
            Self::Loss => "connected to a database whose loss nobody accepted",
        }
    }

    /// The case with the forgery, where it fits.
    pub fn of(self, case: &Case, now: DateTime<Utc>) -> Option<Case> {
        let state = case.run().map(rollback::Run::state);
        let mut json = serde_json::to_value(case).unwrap();
        match self {
            Self::Proof => {
                json["incident"]["validation"].as_object()?;
                if !json["incident"]["run"].is_null() || case.incident().state().is_closed() {
                    return None;
                }
                json["incident"]["state"] = json!("validated");
                json["incident"]["validation"]["verdict"] = json!("pass");
                json["incident"]["validation"]["finishedAt"] = json!(now);
                json["incident"]["firing"]["firedAt"] = Value::Null;
            }
            Self::Approvals => {
                (state == Some(RunState::AwaitingApproval)).then_some(())?;
                let digest = case.run()?.preview()?.digest();
                let approval = |person: &str| json!({"person": person, "digest": digest, "acknowledged": [], "at": now, "breakGlass": null});
                json["run"]["state"] = json!("approved");
                json["run"]["approvals"] = ["ada", "bob", "carl"].map(approval).into();
            }
            Self::ForgetsSpentPlans => return None,
            Self::Done => {
                (state == Some(RunState::Executing)).then_some(())?;
                let steps = json["run"]["steps"].as_array_mut()?;
                let unknown = steps.iter_mut().find(|step| step["status"] == "unknown")?;
                unknown["status"] = json!("done");
            }
            Self::Unstopped => {
                (state == Some(RunState::Failed) && case.run()?.executed_at().is_some()).then_some(())?;
                let steps = json["run"]["steps"].as_array_mut()?;
                let failed = steps.iter_mut().find(|step| step["status"] == "failed")?;
                failed["status"] = json!("done");
                json["run"]["state"] = json!("executing");
                json["incident"]["state"] = json!("rolling_back");
                json["incident"]["run"]["standing"] = json!("executing");
            }
            Self::Absence => {
                let steps = json["run"]["steps"].as_array_mut()?;
                let unknown = steps.iter_mut().find(|step| step["status"] == "unknown")?;
                unknown["absence"] = json!({"since": "2024-05-01T00:00:00Z", "until": now});
            }
            Self::Starter => {
                matches!(state, Some(RunState::Failed | RunState::NeedsManual)).then_some(())?;
                json["run"]["requester"] = json!("nobody");
                json["run"]["executedBy"] = json!("nobody");
            }
            Self::Loss => {
                json["incident"]["loss"]["measuredSeconds"] = json!(0);
            }
        }
        Some(serde_json::from_value(json).unwrap())
    }
}
