//! What an operator asks for when they ask for a rollback.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::{
    Address, Application, Commit, Kind, Reason, ServerName, TagName,
    step::{ApplicationStep, DatabaseStep, InfrastructureStep, Rollout, StepName},
};

/// A rollback as asked for. What would run is found out from it, and stands in the preview.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub enum Request {
    /// Bring an application back to an earlier image.
    Application(ApplicationRequest),
    /// Bring a database back to an earlier time, on a new server.
    Database(DatabaseRequest),
    /// Bring infrastructure back to an earlier commit.
    Infrastructure(InfrastructureRequest),
}

/// Which application, and perhaps which tag.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ApplicationRequest {
    /// The application.
    pub application: Application,
    /// The tag; without one the newest stable one older than what runs.
    pub tag: Option<TagName>,
}

/// Which server, and perhaps which point in time.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DatabaseRequest {
    /// The server whose backups are restored. It stays as it is.
    pub server: ServerName,
    /// The point in time; without one shortly before the incident.
    pub point_in_time: Option<DateTime<Utc>>,
    /// Why the writers need not be kept away. Both approvers take it upon them.
    pub waive_freeze: Option<Reason>,
    /// Why more data may be lost than is allowed. Both approvers take it upon them.
    pub accept_loss: Option<Reason>,
    /// Every application that connects to the server: all of them are redeployed.
    pub applications: Applications,
}

/// Which commit, and what it may destroy.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct InfrastructureRequest {
    /// The commit, once applied to this environment.
    pub commit: Commit,
    /// What the plan may destroy, replace or forget, by exact address.
    #[serde(default)]
    pub exceptions: BTreeSet<Address>,
}

/// A list of applications: at least one, each once, in the order in which they are redeployed.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(try_from = "Vec<Application>", into = "Vec<Application>")]
pub struct Applications(Vec<Application>);

/// A list that names no application, or one of them twice.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("the list must name at least one application, and each once")]
pub struct ApplicationsError;

impl Applications {
    /// The applications in order.
    #[must_use]
    pub fn as_slice(&self) -> &[Application] {
        &self.0
    }
}

impl TryFrom<Vec<Application>> for Applications {
    type Error = ApplicationsError;

    fn try_from(list: Vec<Application>) -> Result<Self, ApplicationsError> {
        let distinct: BTreeSet<_> = list.iter().collect();
        if list.is_empty() || distinct.len() < list.len() { Err(ApplicationsError) } else { Ok(Self(list)) }
    }
}

impl From<Applications> for Vec<Application> {
    fn from(applications: Applications) -> Self {
        applications.0
    }
}

impl Request {
    /// The kind of rollback.
    #[must_use]
    pub const fn kind(&self) -> Kind {
        match self {
            Self::Application(_) => Kind::Application,
            Self::Database(_) => Kind::Database,
            Self::Infrastructure(_) => Kind::Infrastructure,
        }
    }

    /// What the steps' idempotency keys name beside the run: the application, where one is meant.
    #[must_use]
    pub const fn application(&self) -> Option<&Application> {
        match self {
            Self::Application(request) => Some(&request.application),
            Self::Database(_) | Self::Infrastructure(_) => None,
        }
    }

    /// The steps, in the order in which they are taken, one at a time.
    #[must_use]
    pub fn steps(&self) -> Vec<StepName> {
        match self {
            Self::Application(_) => ApplicationStep::ALL.iter().copied().map(StepName::Application).collect(),
            Self::Database(request) => request.steps().into_iter().map(StepName::Database).collect(),
            Self::Infrastructure(_) => InfrastructureStep::ALL.iter().copied().map(StepName::Infrastructure).collect(),
        }
    }
}

impl DatabaseRequest {
    fn steps(&self) -> Vec<DatabaseStep> {
        let frozen = self.waive_freeze.is_none();
        let redeployments =
            self.applications.as_slice().iter().flat_map(|application| {
                Rollout::ALL.iter().map(|part| DatabaseStep::Redeploy(application.clone(), *part))
            });
        let mut steps = vec![DatabaseStep::Preflight];
        steps.extend(frozen.then_some(DatabaseStep::Freeze));
        steps.extend([
            DatabaseStep::Restore,
            DatabaseStep::AwaitServer,
            DatabaseStep::VerifyData,
            DatabaseStep::UpdateSecret,
        ]);
        steps.extend(redeployments);
        steps.extend(frozen.then_some(DatabaseStep::Thaw));
        steps
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn codes(request: serde_json::Value) -> String {
        let request: Request = serde_json::from_value(request).unwrap();
        assert!(request.steps().iter().all(|step| step.kind() == request.kind()));
        request.steps().iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn every_application_is_redeployed_before_the_writers_come_back() {
        let request = json!({"kind": "database", "server": "orders-db", "applications": ["orders", "chat"]});
        assert_eq!(
            codes(request),
            "D1 D2 D3 D4 D5 D6 D7:orders:A3 D7:orders:A4 D7:orders:A5 D7:chat:A3 D7:chat:A4 D7:chat:A5 D7:thaw"
        );
    }

    #[test]
    fn writers_that_were_not_kept_away_are_not_let_in_again() {
        let request =
            json!({"kind": "database", "server": "db1", "waiveFreeze": "read only anyway", "applications": ["orders"]});
        assert_eq!(codes(request), "D1 D3 D4 D5 D6 D7:orders:A3 D7:orders:A4 D7:orders:A5");
    }

    #[test]
    fn the_other_kinds_have_fixed_steps() {
        assert_eq!(codes(json!({"kind": "application", "application": "orders"})), "A1 A2 A3 A4 A5");
        let commit = "0123456789abcdef0123456789abcdef01234567";
        assert_eq!(codes(json!({"kind": "infrastructure", "commit": commit})), "I1 I2 I3 I4 I5 I6 I7");
    }

    #[test]
    fn no_application_and_one_twice_are_errors() {
        for list in [json!([]), json!(["orders", "orders"])] {
            let error = serde_json::from_value::<Applications>(list).unwrap_err();
            assert!(error.to_string().starts_with("the list must name at least one"), "{error}");
        }
    }
}
