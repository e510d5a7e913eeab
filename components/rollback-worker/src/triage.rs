//! What is shown of the time around an alert, and what it speaks for.

use chrono::{DateTime, TimeDelta, Utc};
use rollback::{
    Application, Commit, Digest, Incident, TagName,
    recommendation::{Apply, Deployment, Evidence, Recommendation, recommend},
    validation::Measurement,
};
use serde::{Deserialize, Serialize};

use crate::{
    desk::{Desk, Halt},
    fact::{Item, Topic},
    outside::{cluster, github, metrics},
};

/// What is measured, around the alert.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Reading {
    /// When.
    pub at: DateTime<Utc>,
    /// The latency that 95 of 100 requests kept to, in seconds.
    pub p95_seconds: Option<f64>,
    /// The share of requests that failed.
    pub error_ratio: Option<f64>,
    /// How many requests there were in five minutes.
    pub requests: Option<f64>,
}

/// What an application runs.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Deployed {
    /// The application.
    pub application: Application,
    /// Its image, as the cluster names it.
    pub image: Option<String>,
    /// The digest of the image.
    pub digest: Option<Digest>,
    /// Since when.
    pub at: Option<DateTime<Utc>>,
    /// Whether it could be seen.
    pub seen: bool,
}

/// What is shown of the time around an alert.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Triage {
    /// When it was put together.
    pub at: DateTime<Utc>,
    /// What was measured: before the alert, at the alert, now.
    pub metrics: Vec<Reading>,
    /// What the applications run.
    pub applications: Vec<Deployed>,
    /// What was applied lately.
    pub applies: Vec<Apply>,
    /// What could not be seen, in words.
    pub unseen: Vec<String>,
    /// What was judged.
    pub evidence: Evidence,
    /// What it speaks for.
    pub recommendation: Recommendation,
}

/// After how many applications of which nothing could be seen the cluster is not asked any more: an incident does not wait for
/// what does not answer.
const UNSEEN: usize = 2;

/// How far before the alert the first reading is: before what may have caused it.
const BEFORE: TimeDelta = TimeDelta::minutes(15);

/// Puts together what is known around an alert. `named` is the application that the alert names.
///
/// # Errors
/// Returns [`Halt`] where it breaks off.
pub fn triage(incident: &Incident, named: Option<Application>, desk: &Desk<'_>) -> Result<Triage, Halt> {
    let alerted_at = incident.moments().alerted_at;
    let mut unseen = Vec::new();
    let readings = read_metrics(alerted_at, desk, &mut unseen)?;
    let mut applications = Vec::new();
    let mut deployments = Vec::new();
    let mut silent = 0;
    for application in &desk.place.targets.applications {
        let name = Topic::Incident.fact(Item::Deployment).of(&application.name);
        let asked = desk.place.targets.kubernetes.is_some() && silent < UNSEEN;
        let seen = if asked { cluster::deployment_if_there(desk, &name, application)? } else { None };
        let Some(deployment) = seen else {
            silent += 1;
            unseen.push(format!("the deployment of {}", application.name));
            applications.push(Deployed {
                application: application.name.clone(),
                image: None,
                digest: None,
                at: None,
                seen: false,
            });
            continue;
        };
        silent = 0;
        let name = Topic::Incident.fact(Item::Pods).of(&application.name);
        let pods = cluster::pods_if_there(desk, &name, application, &deployment)?.unwrap_or_default();
        let digest = deployment.pinned().or_else(|| pods.iter().find_map(|pod| pod.digest));
        if let Some(at) = deployment.changed_at {
            let tag = deployment.tag().unwrap_or("untagged");
            if let Ok(tag) = TagName::parse(tag) {
                deployments.push(Deployment {
                    application: application.name.clone(),
                    tag,
                    at,
                    migrated: cluster::migrated(&deployment),
                });
            }
        }
        applications.push(Deployed {
            application: application.name.clone(),
            image: Some(deployment.image.clone()),
            digest,
            at: deployment.changed_at,
            seen: true,
        });
    }
    let applies = read_applies(alerted_at, desk, &mut unseen)?;
    let bad_data_since = metrics::bad_data_since(desk, &Topic::Incident.fact(Item::BadData), alerted_at)?;
    let evidence = Evidence { alerted_at, application: named, deployments, applies: applies.clone(), bad_data_since };
    let recommendation = recommend(&evidence);
    Ok(Triage { at: desk.now, metrics: readings, applications, applies, unseen, evidence, recommendation })
}

fn read_metrics(alerted_at: DateTime<Utc>, desk: &Desk<'_>, unseen: &mut Vec<String>) -> Result<Vec<Reading>, Halt> {
    let Some(configured) = &desk.place.targets.prometheus else {
        unseen.push("the metrics: none are configured".to_owned());
        return Ok(Vec::new());
    };
    let mut readings = Vec::new();
    let first = Topic::Reading(0);
    let now = desk.known_at(&first.fact(Item::P95)).unwrap_or(desk.now);
    for (number, at) in [now, alerted_at, alerted_at - BEFORE].into_iter().enumerate() {
        // Who gave no answer to a whole reading gives none to the next.
        let asked = [Item::P95, Item::Errors, Item::Requests];
        if number > 0 && asked.into_iter().all(|item| desk.is_silent(&first.fact(item))) {
            break;
        }
        let ask = |item: Item, query: &str| {
            let name = Topic::Reading(number).fact(item);
            metrics::measure(desk, &name, &query.replace("$window", "300s"), at).map(value)
        };
        let queries = &configured.queries;
        readings.push(Reading {
            at,
            p95_seconds: ask(Item::P95, &queries.p95)?,
            error_ratio: ask(Item::Errors, &queries.error_ratio)?,
            requests: ask(Item::Requests, &queries.requests)?,
        });
    }
    if readings.iter().all(|reading| reading.p95_seconds.is_none() && reading.error_ratio.is_none()) {
        unseen.push("the metrics: there was no answer".to_owned());
    }
    readings.sort_by_key(|reading| reading.at);
    Ok(readings)
}

fn value(measurement: Measurement) -> Option<f64> {
    match measurement {
        Measurement::Sample { value, .. } if value.is_finite() => Some(value),
        _ => None,
    }
}

fn read_applies(alerted_at: DateTime<Utc>, desk: &Desk<'_>, unseen: &mut Vec<String>) -> Result<Vec<Apply>, Halt> {
    let since = alerted_at - rollback::recommendation::LOOKBACK;
    let Some(runs) = github::applies_since(desk, &Topic::Incident.fact(Item::Applies), since)? else {
        unseen.push("the applies of infrastructure".to_owned());
        return Ok(Vec::new());
    };
    let apply = |run: github::AppliedCommit| Some(Apply { commit: Commit::parse(run.commit).ok()?, at: run.at });
    Ok(runs.into_iter().filter_map(apply).collect())
}

#[cfg(test)]
mod tests {
    use rollback::{Case, IncidentId, NewIncident, Target};

    use super::*;
    use crate::{memory::Memory, settings::Settings};

    #[test]
    fn where_nothing_is_configured_there_is_a_triage_that_says_so() {
        let staging = r#"{"environment": "staging", "applications": [
            {"name": "orders", "deployment": "orders", "container": "api", "image": "team/orders"}]}"#;
        let settings = Settings::read(|name| if name == "staging" { staging.into() } else { String::new() }).unwrap();
        let now = "2024-05-01T10:05:00Z".parse().unwrap();
        let new = NewIncident {
            id: IncidentId::new(uuid::Uuid::from_u128(1)),
            target: Target::drill(),
            fingerprint: "ab12".parse().unwrap(),
            name: "HighAPILatency".parse().unwrap(),
            alerted_at: now - TimeDelta::minutes(1),
            firing: true,
            previous: None,
            drill: None,
        };
        let change = Case::open(new, None, now);
        let (memory, facts) = (Memory::default(), crate::fact::Facts::new());
        let desk = Desk::new(now, settings.of(Target::drill()).unwrap(), &memory, &facts);
        let seen = triage(change.case.incident(), None, &desk).unwrap();
        assert!(!seen.applications[0].seen && seen.metrics.is_empty());
        assert!(seen.unseen.iter().any(|what| what == "the deployment of orders"), "{:?}", seen.unseen);
    }
}
