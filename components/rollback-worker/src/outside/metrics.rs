//! What Prometheus is asked.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use clients::prometheus::{Prometheus, read_query, read_rules};
use rollback::{
    Environment,
    alert::{AlertName, Labels, environment},
    validation::{AlertSight, Measurement},
};
use serde::{Deserialize, Serialize};

use crate::{
    desk::{Desk, Halt},
    fact::FactName,
    trouble::Trouble,
};

/// One series at one time. Its value is a text, as Prometheus writes it: JSON has no `NaN`.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
struct Sample {
    labels: BTreeMap<String, String>,
    value: String,
    at: DateTime<Utc>,
}

/// The answer to a query, with the query.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
struct Measured {
    query: String,
    at: DateTime<Utc>,
    warned: bool,
    samples: Vec<Sample>,
}

impl Measured {
    fn measurement(&self) -> Measurement {
        match self.samples.as_slice() {
            _ if self.warned => Measurement::Warned,
            [] => Measurement::Empty,
            [sample] => sample
                .value
                .parse()
                .map_or(Measurement::Unanswered, |value| Measurement::Sample { value, at: sample.at }),
            // Which of them was meant can't be told.
            _ => Measurement::Unanswered,
        }
    }
}

fn prometheus(desk: &Desk<'_>) -> Option<Prometheus> {
    let configured = desk.place.targets.prometheus.as_ref()?;
    Some(Prometheus::new(&configured.api, desk.place.credentials.prometheus.clone()))
}

/// What a query gives as of a time.
pub fn measure(desk: &Desk<'_>, name: &FactName, query: &str, at: DateTime<Utc>) -> Result<Measurement, Halt> {
    let Some(prometheus) = prometheus(desk) else { return Ok(Measurement::Unanswered) };
    let asked = query.to_owned();
    let measured: Option<Measured> = desk.ask(
        name,
        || Ok(prometheus.query(query, at)),
        move |response| {
            let answer = read_query(response).map_err(|error| Trouble::of(&error))?;
            let samples = answer.samples.into_iter().map(|sample| Sample {
                labels: sample.labels,
                value: sample.value.to_string(),
                at: sample.at,
            });
            Ok(Some(Measured { query: asked.clone(), at, warned: answer.warned, samples: samples.collect() }))
        },
    )?;
    Ok(measured.map_or(Measurement::Unanswered, |measured| measured.measurement()))
}

fn number(measurement: Measurement) -> Option<f64> {
    match measurement {
        Measurement::Sample { value, .. } if value.is_finite() => Some(value),
        _ => None,
    }
}

/// The version of the schema that the database has, where a metric says it.
pub fn schema(desk: &Desk<'_>, name: &FactName) -> Result<Option<u32>, Halt> {
    let query = desk.place.targets.prometheus.as_ref().and_then(|configured| configured.queries.schema.as_ref());
    let Some(query) = query else { return Ok(None) };
    let version = number(measure(desk, name, query, desk.now)?);
    // Only a whole number is a version; its text is the way to one that loses nothing.
    Ok(version.filter(|version| version.fract() == 0.0).and_then(|version| format!("{version:.0}").parse().ok()))
}

/// Since when data is known to be bad, where a metric says it: nought, or nothing, when none is.
pub fn bad_data_since(desk: &Desk<'_>, name: &FactName, at: DateTime<Utc>) -> Result<Option<DateTime<Utc>>, Halt> {
    let query =
        desk.place.targets.prometheus.as_ref().and_then(|configured| configured.queries.bad_data_since.as_ref());
    let Some(query) = query else { return Ok(None) };
    // As of now: what made it known may have come after the alert. `at` is when it was asked for the first time.
    let seconds = number(measure(desk, name, query, desk.known_at(name).unwrap_or(desk.now).max(at))?);
    let seconds = seconds.filter(|seconds| *seconds > 0.0).and_then(|seconds| format!("{seconds:.0}").parse().ok());
    Ok(seconds.and_then(|seconds: i64| DateTime::from_timestamp(seconds, 0)))
}

/// What an alert does.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
enum Sight {
    Firing,
    Pending,
    Quiet,
    Unknown,
}

impl From<AlertSight> for Sight {
    fn from(sight: AlertSight) -> Self {
        match sight {
            AlertSight::Firing => Self::Firing,
            AlertSight::Pending => Self::Pending,
            AlertSight::Quiet => Self::Quiet,
            AlertSight::Unknown => Self::Unknown,
        }
    }
}

impl From<Sight> for AlertSight {
    fn from(sight: Sight) -> Self {
        match sight {
            Sight::Firing => Self::Firing,
            Sight::Pending => Self::Pending,
            Sight::Quiet => Self::Quiet,
            Sight::Unknown => Self::Unknown,
        }
    }
}

/// What an alert does now. `labels` are those that it came with; without them every alert of its name in the environment
/// counts as it.
pub fn alert(
    desk: &Desk<'_>,
    fact: &FactName,
    name: &AlertName,
    labels: Option<&Labels>,
    place: Environment,
) -> Result<AlertSight, Halt> {
    let Some(prometheus) = prometheus(desk) else { return Ok(AlertSight::Unknown) };
    let (rule, labels, now) = (name.as_str().to_owned(), labels.cloned(), desk.now);
    let sight: Option<Sight> = desk.ask(
        fact,
        || Ok(prometheus.rules(name.as_str())),
        move |response| {
            let rules = read_rules(response).map_err(|error| Trouble::of(&error))?;
            let bare = Labels::from([("alertname".to_owned(), rule.clone())]);
            let of_here = rules
                .as_slice()
                .iter()
                .flat_map(|rule| &rule.alerts)
                .map(|alert| alert.labels.clone())
                .filter(|labels| environment(labels) == place);
            // The bare name finds out whether there is a sound rule at all.
            let known = match &labels {
                Some(labels) => vec![labels.clone(), bare],
                None => of_here.chain([bare]).collect(),
            };
            let seen: Vec<AlertSight> = known.iter().map(|labels| rules.sight(labels, now)).collect();
            let worst = [AlertSight::Firing, AlertSight::Pending, AlertSight::Unknown];
            let worst = worst.into_iter().find(|sight| seen.contains(sight)).unwrap_or(AlertSight::Quiet);
            Ok(Some(Sight::from(worst)))
        },
    )?;
    Ok(sight.map_or(AlertSight::Unknown, AlertSight::from))
}

/// What the critical alerts of an environment do now: what has to be quiet after a drill, which no alert began.
pub fn critical_alerts(desk: &Desk<'_>, fact: &FactName, place: Environment) -> Result<AlertSight, Halt> {
    let Some(prometheus) = prometheus(desk) else { return Ok(AlertSight::Unknown) };
    let now = desk.now;
    let sight: Option<Sight> = desk.ask(
        fact,
        || Ok(prometheus.every_rule()),
        move |response| {
            let rules = read_rules(response).map_err(|error| Trouble::of(&error))?;
            Ok(Some(rules.critical(|labels| environment(labels) == place, now).into()))
        },
    )?;
    Ok(sight.map_or(AlertSight::Unknown, AlertSight::from))
}
