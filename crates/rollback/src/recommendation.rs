//! Which strategy the evidence speaks for.
//!
//! What changed last before the alert is what is suspected. When nothing did, or two things did close together, the evidence
//! speaks for none, and the commander is asked.

use std::cmp::Reverse;

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use crate::{Application, Commit, Kind, TagName};

/// How far before the alert a change is suspected.
pub const LOOKBACK: TimeDelta = TimeDelta::hours(2);

/// By how much the last change must be ahead of the one before it to be the only suspect.
pub const LEAD: TimeDelta = TimeDelta::minutes(10);

/// A deployment of an application.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Deployment {
    /// The application.
    pub application: Application,
    /// The tag that was deployed.
    pub tag: TagName,
    /// When.
    pub at: DateTime<Utc>,
    /// Whether it migrated the database: then an older image may not run any more.
    pub migrated: bool,
}

/// An apply of infrastructure.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Apply {
    /// The commit.
    pub commit: Commit,
    /// When.
    pub at: DateTime<Utc>,
}

/// What is known around an alert.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Evidence {
    /// When the alert began to fire.
    pub alerted_at: DateTime<Utc>,
    /// The application that the alert names, if it names one.
    pub application: Option<Application>,
    /// The deployments.
    pub deployments: Vec<Deployment>,
    /// The applies.
    pub applies: Vec<Apply>,
    /// Since when data is known to be bad, if it is.
    pub bad_data_since: Option<DateTime<Utc>>,
}

/// A strategy, and what speaks for it.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Recommendation {
    /// The kind of rollback; none when a commander is to be asked.
    pub kind: Option<Kind>,
    /// The application, when it is one that is rolled back.
    pub application: Option<Application>,
    /// Why, for a person to read.
    pub reason: String,
}

/// A change that may be the cause.
enum Suspect<'a> {
    Deployment(&'a Deployment),
    Apply(&'a Apply),
}

impl Suspect<'_> {
    fn at(&self) -> DateTime<Utc> {
        match self {
            Self::Deployment(deployment) => deployment.at,
            Self::Apply(apply) => apply.at,
        }
    }

    fn is_of(&self, application: &Application) -> bool {
        matches!(self, Self::Deployment(deployment) if deployment.application == *application)
    }

    fn describe(&self, alerted_at: DateTime<Utc>) -> String {
        let minutes = (alerted_at - self.at()).num_minutes();
        match self {
            Self::Deployment(deployment) => {
                format!("{} was deployed as {} {minutes} min before the alert", deployment.application, deployment.tag)
            }
            Self::Apply(apply) => {
                format!("infrastructure was applied at {} {minutes} min before the alert", apply.commit)
            }
        }
    }

    fn recommend(&self, alerted_at: DateTime<Utc>) -> Recommendation {
        let reason = self.describe(alerted_at);
        match self {
            Self::Deployment(deployment) => {
                let caution = if deployment.migrated {
                    "; it migrated the database, so only an image that runs on the new schema will do"
                } else {
                    ""
                };
                Recommendation {
                    kind: Some(Kind::Application),
                    application: Some(deployment.application.clone()),
                    reason: format!("{reason}{caution}"),
                }
            }
            Self::Apply(_) => Recommendation { kind: Some(Kind::Infrastructure), application: None, reason },
        }
    }
}

/// Recommends a strategy.
#[must_use]
pub fn recommend(evidence: &Evidence) -> Recommendation {
    if let Some(since) = evidence.bad_data_since {
        return Recommendation {
            kind: Some(Kind::Database),
            application: None,
            reason: format!("data is bad since {since}; no deployment brings it back"),
        };
    }
    let suspects = suspects(evidence);
    match suspects.as_slice() {
        [] => ask("nothing is known to have changed in the two hours before the alert".to_owned()),
        [only] => only.recommend(evidence.alerted_at),
        [last, before, ..] if last.at() - before.at() >= LEAD => last.recommend(evidence.alerted_at),
        [last, before, ..] => {
            let close: Vec<_> = suspects.iter().filter(|suspect| last.at() - suspect.at() < LEAD).collect();
            let named = evidence.application.as_ref();
            match named.and_then(|named| close.iter().find(|suspect| suspect.is_of(named))) {
                Some(suspect) if close.iter().all(|suspect| matches!(suspect, Suspect::Deployment(_))) => {
                    suspect.recommend(evidence.alerted_at)
                }
                _ => {
                    let (last, before) = (last.describe(evidence.alerted_at), before.describe(evidence.alerted_at));
                    ask(format!("two changes are close together: {last}, and {before}"))
                }
            }
        }
    }
}

fn ask(reason: String) -> Recommendation {
    Recommendation { kind: None, application: None, reason: format!("{reason}: escalate") }
}

/// What changed shortly before the alert, the last change of each thing first.
fn suspects(evidence: &Evidence) -> Vec<Suspect<'_>> {
    let in_time = |at: DateTime<Utc>| at <= evidence.alerted_at && evidence.alerted_at - at <= LOOKBACK;
    let deployments = evidence.deployments.iter().filter(|deployment| {
        let later = |other: &&Deployment| {
            other.application == deployment.application && other.at > deployment.at && in_time(other.at)
        };
        in_time(deployment.at) && !evidence.deployments.iter().any(|other| later(&other))
    });
    let apply = evidence.applies.iter().filter(|apply| in_time(apply.at)).max_by_key(|apply| apply.at);
    let mut suspects: Vec<_> = deployments.map(Suspect::Deployment).chain(apply.map(Suspect::Apply)).collect();
    suspects.sort_by_key(|suspect| Reverse(suspect.at()));
    suspects
}

#[cfg(test)]
mod tests {
    use super::*;

    fn before(minutes: i64) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH - TimeDelta::minutes(minutes)
    }

    fn deployment(application: &str, minutes: i64) -> Deployment {
        Deployment {
            application: application.parse().unwrap(),
            tag: "v2.0.0".parse().unwrap(),
            at: before(minutes),
            migrated: false,
        }
    }

    fn apply(minutes: i64) -> Apply {
        Apply { commit: "0123456789abcdef0123456789abcdef01234567".parse().unwrap(), at: before(minutes) }
    }

    fn evidence(deployments: &[Deployment], applies: &[Apply]) -> Evidence {
        Evidence {
            alerted_at: DateTime::UNIX_EPOCH,
            application: None,
            deployments: deployments.to_vec(),
            applies: applies.to_vec(),
            bad_data_since: None,
        }
    }

    fn kind(evidence: &Evidence) -> Option<Kind> {
        recommend(evidence).kind
    }

    #[test]
    fn the_last_change_is_suspected() {
        let application = recommend(&evidence(&[deployment("orders", 5)], &[]));
        assert_eq!(application.kind, Some(Kind::Application));
        assert_eq!(application.application, Some("orders".parse().unwrap()));
        assert_eq!(application.reason, "orders was deployed as v2.0.0 5 min before the alert");
        assert_eq!(kind(&evidence(&[], &[apply(30)])), Some(Kind::Infrastructure));
        assert_eq!(kind(&evidence(&[deployment("orders", 40)], &[apply(20)])), Some(Kind::Infrastructure));
        assert_eq!(kind(&evidence(&[deployment("orders", 5)], &[apply(15)])), Some(Kind::Application));
    }

    #[test]
    fn bad_data_speaks_for_the_database_whatever_changed() {
        let bad = Evidence { bad_data_since: Some(before(3)), ..evidence(&[deployment("orders", 5)], &[]) };
        assert_eq!(kind(&bad), Some(Kind::Database));
    }

    #[test]
    fn when_nothing_changed_in_time_the_commander_is_asked() {
        let nothing = recommend(&evidence(&[deployment("orders", 121), deployment("chat", -1)], &[apply(500)]));
        assert_eq!(nothing.kind, None);
        assert!(nothing.reason.ends_with(": escalate"), "{}", nothing.reason);
    }

    #[test]
    fn when_two_changes_are_close_the_commander_is_asked() {
        assert_eq!(kind(&evidence(&[deployment("orders", 5)], &[apply(14)])), None);
        assert_eq!(kind(&evidence(&[deployment("orders", 5), deployment("chat", 7)], &[])), None);
    }

    #[test]
    fn an_alert_that_names_an_application_tells_deployments_apart() {
        let mut evidence = evidence(&[deployment("orders", 5), deployment("chat", 7)], &[]);
        evidence.application = Some("chat".parse().unwrap());
        assert_eq!(recommend(&evidence).application, Some("chat".parse().unwrap()));
        evidence.applies.push(apply(6));
        assert_eq!(kind(&evidence), None, "infrastructure has no name of an application");
    }

    #[test]
    fn of_one_application_only_the_last_deployment_counts() {
        let twice = evidence(&[deployment("orders", 5), deployment("orders", 8)], &[]);
        assert_eq!(kind(&twice), Some(Kind::Application));
    }

    #[test]
    fn a_migration_is_pointed_out() {
        let migrated = Deployment { migrated: true, ..deployment("orders", 5) };
        assert!(recommend(&evidence(&[migrated], &[])).reason.contains("migrated the database"));
    }
}
