//! From what was measured to what a check comes to. What can't be told is inconclusive and never a pass.

use chrono::{DateTime, TimeDelta, Utc};

use super::{Check, CheckResult, MandatoryCheck, Policy, Verdict};
use crate::{Digest, moment::before};

/// One answer of Prometheus.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Measurement {
    /// A number and the time that it is of.
    Sample {
        /// The number, which may be none: NaN or infinite.
        value: f64,
        /// The time.
        at: DateTime<Utc>,
    },
    /// There is no such series.
    Empty,
    /// The answer came with a warning: part of the data may be missing.
    Warned,
    /// There was no answer, or none that can be read.
    Unanswered,
}

/// What was measured of the requests.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Metrics {
    /// The time that was asked about: the end of the window.
    pub evaluated_at: DateTime<Utc>,
    /// The latency that 95 of 100 requests kept to, in seconds.
    pub p95_seconds: Measurement,
    /// The share of requests that failed, from 0 to 1.
    pub error_ratio: Measurement,
    /// How many requests there were in the window.
    pub requests: Measurement,
    /// The raw answers, by digest.
    pub evidence: Option<Digest>,
}

/// Judges error rate, latency and traffic. The window must lie wholly after the last change, and hold enough requests.
#[must_use]
pub fn metrics(measured: &Metrics, policy: &Policy, last_change: Option<DateTime<Utc>>) -> Vec<CheckResult> {
    let window = TimeDelta::seconds(i64::from(policy.window_seconds()));
    let early = last_change.is_some_and(|change| before(measured.evaluated_at, window) < change);
    let number = |measurement| {
        if early { Err("the window began before the last change") } else { number(measurement, measured, policy) }
    };

    let requests = number(measured.requests);
    let enough = requests.map(|requests| requests >= f64::from(policy.requests_in_window()));
    let traffic = match (requests, enough) {
        (Ok(requests), Ok(true)) => (Verdict::Pass, format!("{requests:.0} requests")),
        (Ok(requests), _) => {
            (Verdict::Inconclusive, format!("{requests:.0} requests, at least {} needed", policy.requests_in_window()))
        }
        (Err(why), _) => (Verdict::Inconclusive, why.to_owned()),
    };
    let judge = |measurement, scale: f64, limit: u32, unit: &str| {
        if enough == Ok(false) {
            return (Verdict::Inconclusive, "too few requests to tell".to_owned());
        }
        match number(measurement).map(|value| value * scale) {
            Ok(value) if value < f64::from(limit) => (Verdict::Pass, format!("{value:.0} {unit}, below {limit}")),
            Ok(value) => (Verdict::Fail, format!("{value:.0} {unit}, not below {limit}")),
            Err(why) => (Verdict::Inconclusive, why.to_owned()),
        }
    };
    let latency = judge(measured.p95_seconds, 1e3, policy.p95_milliseconds(), "ms");
    let errors = judge(measured.error_ratio, 1e6, policy.errors_per_million(), "errors per million");
    [(MandatoryCheck::ErrorRate, errors), (MandatoryCheck::Latency, latency), (MandatoryCheck::Traffic, traffic)]
        .into_iter()
        .map(|(check, (verdict, detail))| result(check, verdict, detail, measured.evidence))
        .collect()
}

/// The number of a measurement, or why there is none to judge.
fn number(measurement: Measurement, measured: &Metrics, policy: &Policy) -> Result<f64, &'static str> {
    match measurement {
        Measurement::Empty => Err("nothing was measured"),
        Measurement::Warned => Err("the answer came with a warning"),
        Measurement::Unanswered => Err("there was no answer"),
        Measurement::Sample { value, .. } if !value.is_finite() || value < 0.0 => Err("the answer is no number"),
        Measurement::Sample { value, at } => {
            let age = (measured.evaluated_at - at).abs();
            if age > TimeDelta::seconds(i64::from(policy.sample_age_seconds())) {
                Err("the sample is not of the time that was asked about")
            } else {
                Ok(value)
            }
        }
    }
}

/// What was seen of one deployment's pods.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Pods {
    /// How many there should be.
    pub desired: u32,
    /// How many run the pinned image, are ready, and are not about to end.
    pub ready: u32,
    /// How many run another image.
    pub wrong_image: u32,
    /// How often containers have restarted since the last change.
    pub restarts: u32,
}

/// Judges the pods of every deployment. `None` stands for a deployment that could not be read.
#[must_use]
pub fn pods(seen: &[Option<Pods>], evidence: Option<Digest>) -> CheckResult {
    let (verdict, detail) = if seen.iter().flatten().any(|pods| pods.wrong_image > 0) {
        (Verdict::Fail, "pods run another image than the pinned one")
    } else if seen.iter().flatten().any(|pods| pods.restarts > 0) {
        (Verdict::Fail, "containers have restarted")
    } else if seen.iter().flatten().any(|pods| pods.ready < pods.desired) {
        (Verdict::Fail, "pods are not ready")
    } else if seen.is_empty() || seen.iter().any(|pods| pods.is_none_or(|pods| pods.desired == 0)) {
        (Verdict::Inconclusive, "there are deployments whose pods could not be seen")
    } else {
        (Verdict::Pass, "every pod runs the pinned image and is ready")
    };
    result(MandatoryCheck::Pods, verdict, detail.to_owned(), evidence)
}

/// What was seen of the alert.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum AlertSight {
    /// It fires.
    Firing,
    /// Its condition is true, and it will fire if that lasts.
    Pending,
    /// It does neither.
    Quiet,
    /// It could not be seen.
    Unknown,
}

/// Judges the alert.
#[must_use]
pub fn alert(seen: AlertSight, evidence: Option<Digest>) -> CheckResult {
    let (verdict, detail) = match seen {
        AlertSight::Firing => (Verdict::Fail, "the alert fires"),
        AlertSight::Pending => (Verdict::Inconclusive, "the alert is about to fire"),
        AlertSight::Quiet => (Verdict::Pass, "the alert does not fire"),
        AlertSight::Unknown => (Verdict::Inconclusive, "the alert could not be seen"),
    };
    result(MandatoryCheck::Alert, verdict, detail.to_owned(), evidence)
}

/// What came of one smoke test.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Smoke {
    /// What came back is right, and what the test made is cleaned up.
    Right,
    /// What came back is right, and what the test made is still there.
    Littered,
    /// What came back is wrong.
    Wrong,
    /// Nothing came back.
    Silent,
}

/// Judges a smoke test. What nobody answered may be the fault of the way there: it is tried again rather than held against
/// the system, and passes no more for that.
#[must_use]
pub fn smoke(check: Check, seen: Smoke, evidence: Option<Digest>) -> CheckResult {
    let (verdict, detail) = match seen {
        Smoke::Right => (Verdict::Pass, "the answer is right"),
        Smoke::Littered => (Verdict::Inconclusive, "the answer is right, but what the test made could not be removed"),
        Smoke::Wrong => (Verdict::Fail, "the answer is wrong"),
        Smoke::Silent => (Verdict::Inconclusive, "there was no answer"),
    };
    CheckResult::new(check, verdict, detail, evidence)
}

fn result(check: MandatoryCheck, verdict: Verdict, detail: String, evidence: Option<Digest>) -> CheckResult {
    CheckResult::new(Check::Mandatory(check), verdict, detail, evidence)
}

#[cfg(test)]
#[path = "judge_tests.rs"]
mod tests;
