//! The proof: what is asked, in which order, and what it comes to.
//!
//! What can't be asked is no answer, and no answer is inconclusive: a validation never fails for want of one, and never
//! passes either.

use chrono::{DateTime, TimeDelta, Utc};
use rollback::{
    Digest, Incident, Run,
    alert::Labels,
    recipe::Recipe,
    validation::{
        AlertSight, Check, CheckResult, MandatoryCheck, Measurement, Metrics, Pods, Policy, SmokeName, Validation,
        alert, metrics, pods, smoke,
    },
};

use clients::kubernetes::count;

use crate::{
    desk::{Desk, Evidence, Halt},
    fact::{FactName, Group, Item, Topic},
    outside::{cluster, metrics as prometheus, smoke as test},
    settings::Application,
};

/// For how long a validation waits for the alert to become quiet: its rule looks back some minutes.
const QUIET: TimeDelta = TimeDelta::minutes(10);

/// The pause between two looks at the alert, in seconds.
const PAUSE: i64 = 5;

/// What a validation has come to.
#[derive(Debug)]
pub struct Findings {
    /// What each check came to.
    pub results: Vec<CheckResult>,
    /// What proves it.
    pub evidence: Vec<Evidence>,
}

/// Goes through a validation. `run` is the last one that was executed for the incident, and `last_change` is when the
/// environment was last changed, by whomever; `labels` are those that the alert came with.
///
/// # Errors
/// Returns [`Halt`] where it breaks off.
pub fn validate(
    incident: &Incident,
    run: Option<&Run>,
    labels: Option<&Labels>,
    validation: &Validation,
    last_change: Option<DateTime<Utc>>,
    desk: &Desk<'_>,
) -> Result<Findings, Halt> {
    let mut findings = Findings { results: Vec::new(), evidence: Vec::new() };
    let policy = Policy::tightened(&desk.place.targets.validation).ok();
    let Some(policy) = policy.filter(|policy| policy.digest().ok() == Some(validation.policy())) else {
        // The configuration is another one by now: nothing can be said about the old one.
        return Ok(findings);
    };
    let measurable = last_change.map(|change| policy.measurable_at(change));
    if let Some(wait) = measurable.map(|at| at - desk.now).filter(|wait| *wait > TimeDelta::zero()) {
        return Err(Halt::Wait { after: wait, forget: Vec::new() });
    }
    let results = &mut findings.results;
    let evidence = &mut findings.evidence;

    let sight = see_alert(incident, labels, validation, desk)?;
    results.push(alert(sight, keep(evidence, desk, Group::Fact(alert_fact()))));
    results.extend(measure(&policy, last_change, desk, evidence)?);
    let seen = desk
        .place
        .targets
        .applications
        .iter()
        .map(|application| see_pods(application, pinned(run, application), last_change, desk))
        .collect::<Result<Vec<_>, Halt>>()?;
    results.push(pods(&seen, keep(evidence, desk, Group::Topic(Topic::Pods))));
    results.extend(smoke_tests(validation, desk, evidence)?);
    Ok(findings)
}

/// What the alert does.
fn alert_fact() -> FactName {
    Topic::Incident.fact(Item::Alert)
}

/// Keeps facts as one piece of evidence.
fn keep(evidence: &mut Vec<Evidence>, desk: &Desk<'_>, group: Group) -> Option<Digest> {
    let kept = desk.gathered(&group)?;
    let digest = kept.digest;
    evidence.push(kept);
    Some(digest)
}

/// Looks at the alert, and for a while waits until it is quiet.
fn see_alert(
    incident: &Incident,
    labels: Option<&Labels>,
    validation: &Validation,
    desk: &Desk<'_>,
) -> Result<AlertSight, Halt> {
    let (name, place) = (incident.name(), incident.target().environment());
    let sight = match incident.drill() {
        None => prometheus::alert(desk, &alert_fact(), name, labels, place)?,
        Some(_) => prometheus::critical_alerts(desk, &alert_fact(), place)?,
    };
    let patient = desk.now < validation.started_at() + QUIET;
    if patient && matches!(sight, AlertSight::Firing | AlertSight::Pending) {
        return Err(Halt::again(PAUSE, &[&alert_fact()]));
    }
    Ok(sight)
}

/// Measures latency, errors and traffic, all at one time.
fn measure(
    policy: &Policy,
    last_change: Option<DateTime<Utc>>,
    desk: &Desk<'_>,
    evidence: &mut Vec<Evidence>,
) -> Result<Vec<CheckResult>, Halt> {
    let Some(configured) = &desk.place.targets.prometheus else {
        let unanswered = Measurement::Unanswered;
        let nothing = Metrics {
            evaluated_at: desk.now,
            p95_seconds: unanswered,
            error_ratio: unanswered,
            requests: unanswered,
            evidence: None,
        };
        return Ok(metrics(&nothing, policy, last_change));
    };
    let evaluated_at = desk.known_at(&Topic::Metrics.fact(Item::P95)).unwrap_or(desk.now);
    let window = policy.window_seconds();
    let queries = &configured.queries;
    let ask = |item: Item, query: &str| {
        let name = Topic::Metrics.fact(item);
        prometheus::measure(desk, &name, &query.replace("$window", &format!("{window}s")), evaluated_at)
    };
    let p95_seconds = ask(Item::P95, &queries.p95)?;
    let error_ratio = ask(Item::Errors, &queries.error_ratio)?;
    let requests = ask(Item::Requests, &queries.requests)?;
    let evidence = keep(evidence, desk, Group::Topic(Topic::Metrics));
    Ok(metrics(&Metrics { evaluated_at, p95_seconds, error_ratio, requests, evidence }, policy, last_change))
}

/// The image that an application must run, where a rollback has pinned it.
fn pinned(run: Option<&Run>, application: &Application) -> Option<Digest> {
    match run?.preview()?.recipe() {
        Recipe::Application(recipe) => (recipe.application == application.name).then_some(recipe.image.digest),
        Recipe::Database(recipe) => {
            let mut redeployed = recipe.redeployments.iter();
            redeployed.find(|one| one.application == application.name).map(|one| one.image.digest)
        }
        Recipe::Infrastructure(_) => None,
    }
}

/// Looks at the pods of one application; none when they can't be seen.
fn see_pods(
    application: &Application,
    pinned: Option<Digest>,
    last_change: Option<DateTime<Utc>>,
    desk: &Desk<'_>,
) -> Result<Option<Pods>, Halt> {
    let name = Topic::Pods.fact(Item::Deployment).of(&application.name);
    let Some(deployment) = cluster::deployment_if_there(desk, &name, application)? else { return Ok(None) };
    let name = Topic::Pods.fact(Item::Pods).of(&application.name);
    let Some(seen) = cluster::pods_if_there(desk, &name, application, &deployment)? else { return Ok(None) };
    // Without a pin of ours the template's own is it, and without that what the first pod runs: all must run the same.
    let first = || seen.iter().filter(|pod| !pod.terminating).find_map(|pod| pod.digest);
    let expected = pinned.or_else(|| deployment.pinned()).or_else(first);
    let since = last_change.unwrap_or(desk.now);
    Ok(expected.map(|expected| count(&seen, deployment.desired, expected, since)))
}

/// Runs the smoke tests, one after another; each cleans up after itself.
fn smoke_tests(
    validation: &Validation,
    desk: &Desk<'_>,
    evidence: &mut Vec<Evidence>,
) -> Result<Vec<CheckResult>, Halt> {
    let Some(configured) = &desk.place.targets.smoke else { return Ok(Vec::new()) };
    let mut results = Vec::new();
    let mandatory = [
        (Check::Mandatory(MandatoryCheck::SmokeUser), &configured.user),
        (Check::Mandatory(MandatoryCheck::SmokeServiceRequest), &configured.service_request),
    ];
    let more = configured.more.iter();
    let more = more.filter_map(|(name, template)| Some((Check::Smoke(SmokeName::parse(name.clone()).ok()?), template)));
    for (number, (check, template)) in mandatory.into_iter().chain(more).enumerate() {
        let key = format!("smoke-{}-{}", validation.id(), number + 1);
        let topic = Topic::Smoke(number);
        let seen = test::run(desk, &topic, &key, &configured.base, template)?;
        results.push(smoke(check, seen, keep(evidence, desk, Group::Topic(topic))));
    }
    Ok(results)
}
