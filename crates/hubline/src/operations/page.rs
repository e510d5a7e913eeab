//! Figures as Prometheus reads them.

use std::collections::BTreeMap;
use std::fmt::{Display, Write};

use rollback::clock::{Clock, Clocks, rto};
use rollback::drill::{DrillStanding, standing};
use rollback::point_in_time::RPO;
use rollback::{Kind, Mode};
use store::operations::{Drills, Figures, Open, Resolved};

/// The page of a database that does not answer.
pub fn away() -> String {
    let mut page = Page::default();
    page.up(false);
    page.text
}

/// The page of these figures.
pub fn of(figures: &Figures, drills: &Drills) -> String {
    let mut page = Page::default();
    page.up(true);
    page.counts(figures);
    page.clocks(figures);
    page.people(figures);
    page.work(figures);
    page.drills(drills);
    page.text
}

/// Text that is growing.
#[derive(Default)]
struct Page {
    text: String,
    family: &'static str,
}

impl Page {
    fn up(&mut self, answers: bool) {
        self.gauge("hubline_operations_up", "Whether the database of operations answers.");
        self.line(&[], u8::from(answers));
    }

    fn counts(&mut self, figures: &Figures) {
        self.gauge("hubline_operations_incidents", "Incidents, by where, whether in earnest, and state.");
        for group in &figures.incidents {
            let labels = [("environment", &*group.environment), ("mode", &group.mode), ("state", &group.state)];
            self.line(&labels, group.count);
        }
        self.gauge("hubline_operations_runs", "Rollbacks, by where, kind and state.");
        for group in &figures.runs {
            let labels = [("environment", &*group.environment), ("kind", &group.kind), ("state", &group.state)];
            self.line(&labels, group.count);
        }
        self.counter("hubline_operations_alerts_total", "Events of alerts that came.");
        self.line(&[], figures.alerts);
        self.counter("hubline_operations_audit_records_total", "Records of the audit log.");
        self.line(&[], figures.audit_length);
    }

    /// How long everything took that was resolved lately, and how much of the time of what is open is spent.
    fn clocks(&mut self, figures: &Figures) {
        let mut groups: BTreeMap<(&str, &str), Vec<&Resolved>> = BTreeMap::new();
        for incident in &figures.resolved {
            groups.entry((incident.mode.as_str(), named(incident.kind))).or_default().push(incident);
        }
        let mut taken: BTreeMap<(&str, &str, &str), Vec<i64>> = BTreeMap::new();
        for (&(mode, kind), incidents) in &groups {
            for incident in incidents {
                for (name, clock) in stopped(&Clocks::read(&incident.moments, figures.now)) {
                    taken.entry((mode, kind, name)).or_default().push(clock.seconds);
                }
            }
        }
        self.gauge("hubline_operations_resolved_incidents", "Incidents resolved in the last 90 days.");
        for ((mode, kind), incidents) in &groups {
            self.line(&[("mode", mode), ("kind", kind)], incidents.len());
        }
        self.gauge(
            "hubline_operations_clock_mean_seconds",
            "How long it took on average, of what was resolved in the last 90 days. The clock restore is the MTTR.",
        );
        for (&(mode, kind, clock), seconds) in &taken {
            let count = i64::try_from(seconds.len()).unwrap_or(i64::MAX).max(1);
            self.line(&[("mode", mode), ("kind", kind), ("clock", clock)], seconds.iter().sum::<i64>() / count);
        }
        self.gauge(
            "hubline_operations_clock_max_seconds",
            "How long it took at most, of what was resolved in the last 90 days.",
        );
        for (&(mode, kind, clock), seconds) in &taken {
            let labels = [("mode", mode), ("kind", kind), ("clock", clock)];
            self.line(&labels, seconds.iter().max().copied().unwrap_or_default());
        }
        self.objectives(&groups);
        self.gauge(
            "hubline_operations_recovery_spent_ratio",
            "The part of the time for recovery that is spent, of the open incident that has spent most.",
        );
        for environment in rollback::Environment::ALL {
            for mode in Mode::ALL {
                let here = |open: &&Open| open.environment == environment.as_str() && open.mode == *mode;
                let thousandths = figures.open.iter().filter(here).map(|open| spent(open, figures)).max();
                let labels = [("environment", environment.as_str()), ("mode", mode.as_str())];
                self.thousandths(&labels, thousandths.unwrap_or(0));
            }
        }
    }

    fn objectives(&mut self, groups: &BTreeMap<(&str, &str), Vec<&Resolved>>) {
        self.gauge(
            "hubline_operations_rto_seconds",
            "Within which time a system must be back: compare the clock recovery.",
        );
        for kind in Kind::ALL {
            self.line(&[("kind", kind.as_str())], rto(Some(*kind)).num_seconds());
        }
        self.gauge("hubline_operations_rpo_seconds", "How much data may be given up, in time.");
        self.line(&[], RPO.num_seconds());
        self.gauge(
            "hubline_operations_loss_max_seconds",
            "How much data was given up at most, of what was resolved in the last 90 days: asked for, and measured.",
        );
        for ((mode, kind), incidents) in groups {
            let asked = incidents.iter().filter_map(|incident| incident.loss.asked_seconds).max();
            let measured = incidents.iter().filter_map(|incident| incident.loss.measured_seconds).max();
            for (how, seconds) in [("asked", asked), ("measured", measured)] {
                if let Some(seconds) = seconds {
                    self.line(&[("mode", mode), ("kind", kind), ("loss", how)], seconds);
                }
            }
        }
    }

    fn people(&mut self, figures: &Figures) {
        self.gauge("hubline_operations_notifications_waiting", "Messages that not everybody was told who is told.");
        self.line(&[], figures.untold);
        self.gauge("hubline_operations_notification_wait_seconds", "For how long the oldest of them waits.");
        self.line(&[], figures.untold_seconds);
        self.gauge("hubline_operations_notifications_left", "Messages of the last day that a channel did not take.");
        for channel in ["commander", "pagerduty", "slack", "webhook"] {
            self.line(&[("channel", channel)], figures.left.get(channel).copied().unwrap_or(0));
        }
    }

    fn work(&mut self, figures: &Figures) {
        self.gauge("hubline_operations_jobs_due", "Jobs that are due.");
        self.line(&[], figures.due_jobs);
        self.gauge("hubline_operations_job_wait_seconds", "For how long the oldest of those that nobody is at waits.");
        self.line(&[], figures.late_seconds);
        self.gauge("hubline_operations_halted", "Whether rollbacks are halted.");
        self.line(&[], u8::from(figures.halted));
    }

    fn drills(&mut self, drills: &Drills) {
        self.gauge(
            "hubline_operations_drill",
            "How this quarter's drill stands, by kind: 1 for the standing that holds.",
        );
        for &kind in Kind::ALL {
            let holds = match standing(kind, &drills.drills, drills.installed_at, drills.now) {
                DrillStanding::Due { .. } => "due",
                DrillStanding::Overdue { .. } => "overdue",
                DrillStanding::Done { .. } => "done",
            };
            for word in ["due", "overdue", "done"] {
                self.line(&[("kind", kind.as_str()), ("standing", word)], u8::from(word == holds));
            }
        }
        self.gauge(
            "hubline_operations_drill_recovery_seconds",
            "How long the recovery of the last drill took, by kind.",
        );
        for kind in Kind::ALL {
            let done = drills.drills.iter().filter(|drill| drill.kind == *kind);
            let last = done.filter_map(|drill| Some((drill.done_at?, drill.recovery_seconds?))).max();
            if let Some((_, seconds)) = last {
                self.line(&[("kind", kind.as_str())], seconds);
            }
        }
    }

    fn gauge(&mut self, name: &'static str, help: &str) {
        self.head(name, "gauge", help);
    }

    fn counter(&mut self, name: &'static str, help: &str) {
        self.head(name, "counter", help);
    }

    fn head(&mut self, name: &'static str, kind: &str, help: &str) {
        self.family = name;
        self.push(format_args!("# HELP {name} {help}\n# TYPE {name} {kind}\n"));
    }

    /// A part of one, in thousandths.
    fn thousandths(&mut self, labels: &[(&str, &str)], thousandths: i64) {
        self.line(labels, format_args!("{}.{:03}", thousandths / 1000, thousandths % 1000));
    }

    /// The labels' values are words of ours: none has to be escaped.
    fn line(&mut self, labels: &[(&str, &str)], value: impl Display) {
        let family = self.family;
        let labels: Vec<_> = labels.iter().map(|(name, value)| format!(r#"{name}="{value}""#)).collect();
        match labels.as_slice() {
            [] => self.push(format_args!("{family} {value}\n")),
            labels => self.push(format_args!("{family}{{{}}} {value}\n", labels.join(","))),
        }
    }

    fn push(&mut self, arguments: std::fmt::Arguments<'_>) {
        // Writing to a string cannot fail.
        self.text.write_fmt(arguments).unwrap_or_default();
    }
}

fn named(kind: Option<Kind>) -> &'static str {
    kind.map_or("none", Kind::as_str)
}

/// The clocks that have come to their end.
fn stopped(clocks: &Clocks) -> impl Iterator<Item = (&'static str, Clock)> {
    let all = [
        ("detect", Some(clocks.detect)),
        ("acknowledge", Some(clocks.acknowledge)),
        ("decide", Some(clocks.decide)),
        ("approve", clocks.approve),
        ("execute", clocks.execute),
        ("validate", clocks.validate),
        ("recovery", Some(clocks.recovery)),
        ("restore", Some(clocks.restore)),
    ];
    all.into_iter().filter_map(|(name, clock)| Some((name, clock.filter(|clock| !clock.running)?)))
}

/// The part of its time for recovery that an incident has spent, in thousandths.
fn spent(open: &Open, figures: &Figures) -> i64 {
    let recovery = Clocks::read(&open.moments, figures.now).recovery.seconds;
    recovery.saturating_mul(1000) / rto(open.kind).num_seconds().max(1)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn moments(more: &Value) -> Value {
        let mut moments = json!({"alertedAt": "2024-05-01T10:00:00Z", "openedAt": "2024-05-01T10:01:00Z"});
        for (name, value) in more.as_object().unwrap() {
            moments[name] = value.clone();
        }
        moments
    }

    fn figures() -> Figures {
        let resolved = |validated: &str| {
            let moments = moments(&json!({
                "acknowledgedAt": "2024-05-01T10:03:00Z", "decidedAt": "2024-05-01T10:07:00Z", "validatedAt": validated,
            }));
            json!({"mode": "live", "kind": "database", "moments": moments,
                "loss": {"askedSeconds": 300, "measuredSeconds": 240}})
        };
        serde_json::from_value(json!({
            "now": "2024-05-01T10:16:00Z",
            "incidents": [{"environment": "production", "mode": "live", "state": "open", "count": 2}],
            "runs": [{"environment": "staging", "kind": "database", "state": "draft", "count": 1}],
            "resolved": [resolved("2024-05-01T10:21:00Z"), resolved("2024-05-01T10:41:00Z")],
            "open": [
                {"environment": "production", "mode": "live", "kind": null, "moments": moments(&json!({}))},
                {"environment": "production", "mode": "live", "kind": "database", "moments": moments(&json!({}))},
            ],
            "alerts": 5, "auditLength": 9, "untold": 1, "untoldSeconds": 4, "left": {"slack": 3}, "dueJobs": 2,
            "lateSeconds": 1, "halted": false,
        }))
        .unwrap()
    }

    fn drills() -> Drills {
        serde_json::from_value(json!({
            "now": "2024-05-01T10:16:00Z", "installedAt": "2023-01-01T00:00:00Z", "reminded": {},
            "drills": [{
                "id": "01890a5d-ac96-774b-bcce-b302099a8057", "kind": "database",
                "incident": "01890a5d-ac96-774b-bcce-b302099a8058", "startedAt": "2024-04-02T10:00:00Z",
                "doneAt": "2024-04-02T11:00:00Z", "recoverySeconds": 1200,
            }],
        }))
        .unwrap()
    }

    #[test]
    fn what_is_counted_and_measured_is_shown() {
        let page = of(&figures(), &drills());
        for line in [
            "hubline_operations_up 1",
            r#"hubline_operations_incidents{environment="production",mode="live",state="open"} 2"#,
            r#"hubline_operations_runs{environment="staging",kind="database",state="draft"} 1"#,
            r#"hubline_operations_resolved_incidents{mode="live",kind="database"} 2"#,
            r#"hubline_operations_clock_mean_seconds{mode="live",kind="database",clock="restore"} 1860"#,
            r#"hubline_operations_clock_max_seconds{mode="live",kind="database",clock="recovery"} 2400"#,
            r#"hubline_operations_rto_seconds{kind="application"} 1800"#,
            "hubline_operations_rpo_seconds 900",
            r#"hubline_operations_loss_max_seconds{mode="live",kind="database",loss="measured"} 240"#,
            r#"hubline_operations_recovery_spent_ratio{environment="production",mode="live"} 0.500"#,
            r#"hubline_operations_recovery_spent_ratio{environment="staging",mode="drill"} 0.000"#,
            "hubline_operations_alerts_total 5",
            "hubline_operations_notification_wait_seconds 4",
            r#"hubline_operations_notifications_left{channel="slack"} 3"#,
            r#"hubline_operations_notifications_left{channel="webhook"} 0"#,
            "hubline_operations_halted 0",
            r#"hubline_operations_drill{kind="database",standing="done"} 1"#,
            r#"hubline_operations_drill{kind="application",standing="overdue"} 1"#,
            r#"hubline_operations_drill_recovery_seconds{kind="database"} 1200"#,
        ] {
            assert!(page.lines().any(|each| each == line), "{line} is not in\n{page}");
        }
        assert!(!page.contains(r#"clock="approve""#), "what never began took no time");
    }

    #[test]
    fn each_family_is_introduced_once_before_its_lines() {
        let page = of(&figures(), &drills());
        let mut families = Vec::new();
        for line in page.lines() {
            match line.strip_prefix("# HELP ") {
                Some(head) => families.push(head.split(' ').next().unwrap()),
                None => assert!(line.contains(families.last().unwrap()), "{line}"),
            }
        }
        let once: std::collections::BTreeSet<_> = families.iter().collect();
        assert_eq!(once.len(), families.len());
    }

    #[test]
    fn a_database_that_is_away_is_all_that_is_said() {
        assert!(away().ends_with("\nhubline_operations_up 0\n") && away().lines().count() == 3);
    }
}
