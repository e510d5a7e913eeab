//! The steps that there are.
//!
//! This list is the whole of what a rollback can do. There is no step that deletes a server and none that runs a down
//! migration, and a step's name is the only way to ask the worker for anything.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use crate::{Application, Kind, UnknownWord, spelling::words};

words! {
    /// The steps of an application's rollback.
    ApplicationStep, "step" {
        /// List the tags of the repository.
        ResolveTags = "A1",
        /// Choose the tag and pin its digest.
        Choose = "A2",
        /// Dispatch the deployment pipeline.
        Dispatch = "A3",
        /// Follow the pipeline to its end.
        Wait = "A4",
        /// Compare what the cluster runs with the pinned digest.
        VerifyRollout = "A5",
    }
}

words! {
    /// The steps of an infrastructure's rollback.
    InfrastructureStep, "step" {
        /// Check that the commit was applied before.
        ChooseCommit = "I1",
        /// Have the pipeline plan it.
        Plan = "I2",
        /// Fetch the plan and compare its digest.
        FetchPlan = "I3",
        /// Classify what the plan would do.
        Classify = "I4",
        /// Have two people approve this very plan.
        Approve = "I5",
        /// Have the pipeline apply exactly this plan, once.
        Apply = "I6",
        /// Plan again and expect no change.
        Converge = "I7",
    }
}

words! {
    /// The steps by which one application comes back with the restored database; each does what its namesake does.
    Rollout, "step" {
        /// Dispatch the deployment pipeline.
        Dispatch = "A3",
        /// Follow the pipeline to its end.
        Wait = "A4",
        /// See the application run with the new connection.
        Verify = "A5",
    }
}

/// The steps of a database's rollback.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum DatabaseStep {
    /// Check the source server and the point in time.
    Preflight,
    /// Keep the writers away.
    Freeze,
    /// Ask for a new server as of the point in time.
    Restore,
    /// Follow the restore to its end.
    AwaitServer,
    /// Compare the restored data and server with the source, and measure the loss.
    VerifyData,
    /// Write the connection secret and its revision.
    UpdateSecret,
    /// Bring one application back with the new connection.
    Redeploy(Application, Rollout),
    /// Let the writers in again, when every application runs with the new connection.
    Thaw,
}

impl DatabaseStep {
    fn code(&self) -> String {
        match self {
            Self::Preflight => "D1".to_owned(),
            Self::Freeze => "D2".to_owned(),
            Self::Restore => "D3".to_owned(),
            Self::AwaitServer => "D4".to_owned(),
            Self::VerifyData => "D5".to_owned(),
            Self::UpdateSecret => "D6".to_owned(),
            Self::Redeploy(application, rollout) => format!("D7:{application}:{rollout}"),
            Self::Thaw => "D7:thaw".to_owned(),
        }
    }

    fn parse(code: &str) -> Option<Self> {
        Some(match code {
            "D1" => Self::Preflight,
            "D2" => Self::Freeze,
            "D3" => Self::Restore,
            "D4" => Self::AwaitServer,
            "D5" => Self::VerifyData,
            "D6" => Self::UpdateSecret,
            "D7:thaw" => Self::Thaw,
            _ => {
                let (application, rollout) = code.strip_prefix("D7:")?.split_once(':')?;
                Self::Redeploy(application.parse().ok()?, rollout.parse().ok()?)
            }
        })
    }
}

/// A step, named by its code: `A3`, `D6`, `D7:orders:A3`, `D7:thaw`, `I7`.
#[derive(Clone, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(try_from = "String", into = "String")]
pub enum StepName {
    /// Of an application's rollback.
    Application(ApplicationStep),
    /// Of a database's rollback.
    Database(DatabaseStep),
    /// Of an infrastructure's rollback.
    Infrastructure(InfrastructureStep),
}

impl StepName {
    /// The kind of run that it belongs to.
    #[must_use]
    pub const fn kind(&self) -> Kind {
        match self {
            Self::Application(_) => Kind::Application,
            Self::Database(_) => Kind::Database,
            Self::Infrastructure(_) => Kind::Infrastructure,
        }
    }

    /// What it does, for a person to read.
    #[must_use]
    pub const fn title(&self) -> &'static str {
        match self {
            Self::Application(step) => match step {
                ApplicationStep::ResolveTags => "list the tags of the repository",
                ApplicationStep::Choose => "choose the tag and pin its digest",
                ApplicationStep::Dispatch => "dispatch the deployment",
                ApplicationStep::Wait => "wait for the deployment",
                ApplicationStep::VerifyRollout => "verify what the cluster runs",
            },
            Self::Database(step) => match step {
                DatabaseStep::Preflight => "check the source and the point in time",
                DatabaseStep::Freeze => "keep the writers away",
                DatabaseStep::Restore => "ask for the restored server",
                DatabaseStep::AwaitServer => "wait for the restored server",
                DatabaseStep::VerifyData => "verify the restored data",
                DatabaseStep::UpdateSecret => "update the connection secret",
                DatabaseStep::Redeploy(_, Rollout::Dispatch) => "dispatch the redeployment",
                DatabaseStep::Redeploy(_, Rollout::Wait) => "wait for the redeployment",
                DatabaseStep::Redeploy(_, Rollout::Verify) => "verify the new connection",
                DatabaseStep::Thaw => "let the writers in again",
            },
            Self::Infrastructure(step) => match step {
                InfrastructureStep::ChooseCommit => "check the commit",
                InfrastructureStep::Plan => "plan the commit",
                InfrastructureStep::FetchPlan => "fetch the plan",
                InfrastructureStep::Classify => "classify the plan",
                InfrastructureStep::Approve => "have the plan approved",
                InfrastructureStep::Apply => "apply the plan",
                InfrastructureStep::Converge => "plan again and expect no change",
            },
        }
    }
}

impl fmt::Display for StepName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Application(step) => step.fmt(f),
            Self::Database(step) => f.write_str(&step.code()),
            Self::Infrastructure(step) => step.fmt(f),
        }
    }
}

impl FromStr for StepName {
    type Err = UnknownWord;

    fn from_str(code: &str) -> Result<Self, UnknownWord> {
        code.parse()
            .map(Self::Application)
            .or_else(|_| code.parse().map(Self::Infrastructure))
            .or_else(|unknown| DatabaseStep::parse(code).map(Self::Database).ok_or(unknown))
    }
}

impl TryFrom<String> for StepName {
    type Error = UnknownWord;

    fn try_from(code: String) -> Result<Self, UnknownWord> {
        code.parse()
    }
}

impl From<StepName> for String {
    fn from(name: StepName) -> Self {
        name.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_code_reads_back() {
        for code in [
            "A1",
            "A2",
            "A3",
            "A4",
            "A5",
            "D1",
            "D2",
            "D3",
            "D4",
            "D5",
            "D6",
            "D7:orders:A3",
            "D7:thaw:A5",
            "D7:thaw",
            "I1",
            "I2",
            "I3",
            "I4",
            "I5",
            "I6",
            "I7",
        ] {
            let name: StepName = code.parse().unwrap();
            assert_eq!(name.to_string(), code);
            assert_eq!(serde_json::to_value(&name).unwrap(), code);
            assert!(!name.title().is_empty());
        }
        for bad in ["", "A6", "D7", "D7:orders", "D7:orders:A1", "D7::A3", "D8", "I0", "a1", "delete"] {
            assert!(bad.parse::<StepName>().is_err(), "{bad}");
        }
    }
}
