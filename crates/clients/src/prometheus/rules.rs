//! What an alerting rule does now.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use rollback::validation::AlertSight;
use serde::Deserialize;

/// How old the evaluation of a rule may be, beyond twice its interval, before it says nothing of the present.
const SLACK: TimeDelta = TimeDelta::seconds(30);

/// What an alert does.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq)]
#[serde(rename_all = "lowercase")]
pub enum AlertState {
    /// Its condition is false.
    Inactive,
    /// Its condition is true, and it will fire if that lasts.
    Pending,
    /// It fires.
    Firing,
    /// Something that is not known here.
    #[serde(other)]
    Unknown,
}

/// An alert, as one set of labels.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq)]
pub struct Alert {
    /// The labels.
    pub labels: BTreeMap<String, String>,
    /// What it does.
    pub state: AlertState,
}

impl Alert {
    /// Whether this is the alert with these labels. Alertmanager's may have more: those that Prometheus adds on the way.
    #[must_use]
    pub fn is(&self, labels: &BTreeMap<String, String>) -> bool {
        !self.labels.is_empty() && self.labels.iter().all(|(name, value)| labels.get(name) == Some(value))
    }
}

/// Whether a rule can be evaluated.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq)]
#[serde(rename_all = "lowercase")]
pub enum Health {
    /// It can.
    Ok,
    /// It can't.
    Err,
    /// It has not been yet, or something that is not known here.
    #[serde(other)]
    Unknown,
}

/// An alerting rule.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Rule {
    /// Its name, which is the name of its alerts.
    pub name: String,
    /// Whether it can be evaluated.
    pub health: Health,
    /// When it was evaluated last.
    pub evaluated_at: DateTime<Utc>,
    /// How often it is.
    pub interval: TimeDelta,
    /// The labels that it gives its alerts.
    pub labels: BTreeMap<String, String>,
    /// Its alerts.
    pub alerts: Vec<Alert>,
}

/// The alerting rules that were asked for.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Rules {
    rules: Vec<Rule>,
    warned: bool,
}

impl Rules {
    /// The rules.
    #[must_use]
    pub fn as_slice(&self) -> &[Rule] {
        &self.rules
    }

    /// What the alert with these labels does now. It is quiet only when there is a rule of its name, and every rule of that
    /// name has been evaluated well and lately: a rule that was taken away does not fire either.
    #[must_use]
    pub fn sight(&self, labels: &BTreeMap<String, String>, now: DateTime<Utc>) -> AlertSight {
        let name = labels.get("alertname");
        self.sight_of(|rule| Some(&rule.name) == name, |alert| alert.is(labels), now)
    }

    /// What the critical alerts do now whose labels are of a kind. They are quiet only when there is a critical rule, and
    /// every critical rule has been evaluated well and lately.
    #[must_use]
    pub fn critical(&self, among: impl Fn(&BTreeMap<String, String>) -> bool, now: DateTime<Utc>) -> AlertSight {
        let is_critical = |labels: &BTreeMap<String, String>| labels.get("severity").is_some_and(|it| it == "critical");
        self.sight_of(|rule| is_critical(&rule.labels), |alert| is_critical(&alert.labels) && among(&alert.labels), now)
    }

    fn sight_of(
        &self,
        is_meant: impl Fn(&Rule) -> bool,
        counts: impl Fn(&Alert) -> bool,
        now: DateTime<Utc>,
    ) -> AlertSight {
        let own: Vec<_> = self.rules.iter().filter(|rule| is_meant(rule)).collect();
        let any = |state| own.iter().flat_map(|rule| &rule.alerts).any(|alert| counts(alert) && alert.state == state);
        let sound =
            |rule: &&Rule| rule.health == Health::Ok && (now - rule.evaluated_at).abs() <= rule.interval * 2 + SLACK;
        if any(AlertState::Firing) {
            AlertSight::Firing
        } else if any(AlertState::Pending) {
            AlertSight::Pending
        } else if self.warned || own.is_empty() || !own.iter().all(sound) || any(AlertState::Unknown) {
            AlertSight::Unknown
        } else {
            AlertSight::Quiet
        }
    }

    pub(super) fn of(groups: Groups, warned: bool) -> Self {
        let rules = groups.groups.into_iter().flat_map(|group| {
            // A rule is evaluated every few seconds; a longer interval than an hour tells nothing of the present anyway.
            let interval = TimeDelta::milliseconds((group.interval * 1e3).clamp(0.0, 3.6e6) as i64);
            group.rules.into_iter().map(move |rule| Rule {
                name: rule.name,
                health: rule.health,
                evaluated_at: rule.last_evaluation,
                interval,
                labels: rule.labels,
                alerts: rule.alerts,
            })
        });
        Self { rules: rules.collect(), warned }
    }
}

#[derive(Deserialize)]
pub(super) struct Groups {
    groups: Vec<Group>,
}

#[derive(Deserialize)]
struct Group {
    interval: f64,
    rules: Vec<Found>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Found {
    name: String,
    health: Health,
    last_evaluation: DateTime<Utc>,
    #[serde(default)]
    labels: BTreeMap<String, String>,
    #[serde(default)]
    alerts: Vec<Alert>,
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::{
        Response,
        prometheus::{read_alerts, read_rules},
    };

    const NOW: &str = "2024-05-01T10:00:00Z";

    fn labels(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    /// The rule as Prometheus 2.42 shows it, with these alerts.
    fn rules(health: &str, evaluated: &str, alerts: &Value) -> Rules {
        let rule = json!({
            "state": "firing", "name": "HighAPILatency", "query": "x > 0.5", "duration": 60,
            "labels": {"severity": "critical"}, "annotations": {}, "alerts": alerts, "health": health,
            "evaluationTime": 0.000_3, "lastEvaluation": evaluated, "type": "alerting"
        });
        let group = json!({"name": "api", "file": "a.yml", "rules": [rule], "interval": 15, "limit": 0});
        read_rules(&Response::of_json(200, &json!({"status": "success", "data": {"groups": [group]}}))).unwrap()
    }

    fn alert(state: &str) -> Value {
        json!([{"labels": {"alertname": "HighAPILatency", "service": "orders"}, "annotations": {}, "state": state,
            "activeAt": "2024-05-01T09:59:00Z", "value": "6.5e-01"}])
    }

    #[test]
    fn critical_alerts_are_quiet_when_their_rules_can_be_seen() {
        let now = NOW.parse().unwrap();
        let critical = json!([{"labels": {"alertname": "HighAPILatency", "severity": "critical", "environment": "staging"},
            "annotations": {}, "state": "firing", "activeAt": "2024-05-01T09:59:00Z", "value": "1"}]);
        let firing = rules("ok", "2024-05-01T09:59:50Z", &critical);
        let of = |place: &'static str| move |labels: &BTreeMap<String, String>| labels["environment"] == place;
        assert_eq!(firing.critical(of("staging"), now), AlertSight::Firing);
        assert_eq!(firing.critical(of("production"), now), AlertSight::Quiet);
        let stale = rules("ok", "2024-05-01T08:59:50Z", &json!([]));
        assert_eq!(stale.critical(of("staging"), now), AlertSight::Unknown);
        let none = Rules { rules: Vec::new(), warned: false };
        assert_eq!(none.critical(of("staging"), now), AlertSight::Unknown);
    }

    fn sight(rules: &Rules) -> AlertSight {
        let own = labels(&[("alertname", "HighAPILatency"), ("service", "orders"), ("cluster", "eu")]);
        rules.sight(&own, NOW.parse().unwrap())
    }

    #[test]
    fn it_fires_is_about_to_or_is_quiet() {
        assert_eq!(sight(&rules("ok", "2024-05-01T09:59:50Z", &alert("firing"))), AlertSight::Firing);
        assert_eq!(sight(&rules("ok", "2024-05-01T09:59:50Z", &alert("pending"))), AlertSight::Pending);
        assert_eq!(sight(&rules("ok", "2024-05-01T09:59:50.123456789+00:00", &json!([]))), AlertSight::Quiet);
        let other = json!([{"labels": {"alertname": "HighAPILatency", "service": "chat"}, "state": "firing"}]);
        assert_eq!(sight(&rules("ok", "2024-05-01T09:59:50Z", &other)), AlertSight::Quiet);
    }

    #[test]
    fn a_rule_that_is_gone_broken_or_asleep_is_not_quiet() {
        let none = json!({"status": "success", "data": {"groups": []}});
        let none = read_rules(&Response::of_json(200, &none)).unwrap();
        assert_eq!(sight(&none), AlertSight::Unknown);
        assert_eq!(sight(&rules("err", "2024-05-01T09:59:50Z", &json!([]))), AlertSight::Unknown);
        assert_eq!(sight(&rules("unknown", "0001-01-01T00:00:00Z", &json!([]))), AlertSight::Unknown);
        assert_eq!(sight(&rules("ok", "2024-05-01T09:58:00Z", &json!([]))), AlertSight::Unknown);
        assert_eq!(sight(&rules("ok", "2024-05-01T09:59:50Z", &alert("dozing"))), AlertSight::Unknown);
    }

    #[test]
    fn alerts_are_listed() {
        let body = json!({"status": "success", "data": {"alerts": alert("firing")}});
        let alerts = read_alerts(&Response::of_json(200, &body)).unwrap();
        assert_eq!(alerts[0].state, AlertState::Firing);
    }
}
