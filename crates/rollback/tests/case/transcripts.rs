//! Whole runs, as the audit log tells them.

use std::fmt::Write as _;

use rollback::{
    Command, Digest, Kind, Report,
    audit::{Chain, Event, Record, Subject},
    step::{FailureCode, Finding, StepEvent},
    validation::Verdict,
};
use serde_json::Value;

use crate::{
    golden,
    stage::{Stage, fail, step, why},
};

#[test]
fn an_application_is_rolled_back() {
    let mut stage = Stage::executing(Kind::Application);
    stage.sends("A3");
    stage.happens("A3", StepEvent::Accept { operation: "4711".parse().unwrap() });
    stage.wait(1);
    stage.happens("A3", crate::stage::succeed());
    stage.sends("A4");
    stage.happens("A4", StepEvent::Accept { operation: "4711".parse().unwrap() });
    stage.wait(4);
    stage.happens("A4", crate::stage::succeed());
    stage.takes("A5");
    resolve(&mut stage);
    check(&stage, "application");
}

#[test]
fn a_database_is_rolled_back() {
    let mut stage = Stage::executing(Kind::Database);
    stage.finishes_run();
    resolve(&mut stage);
    check(&stage, "database");
}

#[test]
fn infrastructure_is_rolled_back() {
    let mut stage = Stage::executing(Kind::Infrastructure);
    stage.finishes_run();
    resolve(&mut stage);
    check(&stage, "infrastructure");
}

#[test]
fn a_step_fails_and_a_second_person_attests() {
    let mut stage = Stage::executing(Kind::Application);
    stage.sends("A3");
    stage.happens("A3", crate::stage::succeed());
    stage.sends("A4");
    stage.wait(5);
    stage.happens("A4", fail(FailureCode::RolloutFailed));
    stage.wait(2);
    stage.does("olaf", Command::Escalate { reason: why() });
    attest(&mut stage);
    check(&stage, "step-fails");
}

#[test]
fn a_dispatch_is_lost_found_absent_and_sent_again() {
    let mut stage = Stage::executing(Kind::Application);
    stage.sends("A3");
    stage.happens("A3", StepEvent::Lose);
    for _ in 0..2 {
        stage.happens("A3", StepEvent::Reconcile { finding: Finding::Absent });
        stage.wait(3);
    }
    stage.does("olaf", Command::Retry { step: step("A3") });
    stage.happens("A3", stage.leaving());
    stage.happens("A3", crate::stage::succeed());
    stage.finishes_run();
    resolve(&mut stage);
    check(&stage, "sent-again");
}

#[test]
fn an_apply_is_lost_and_attested() {
    let mut stage = Stage::executing(Kind::Infrastructure);
    stage.sends("I6");
    stage.happens("I6", StepEvent::Lose);
    stage.wait(60);
    assert!(stage.ticks());
    attest(&mut stage);
    check(&stage, "unknown");
}

#[test]
fn a_plan_is_blocked() {
    let mut stage = Stage::drafted(Kind::Infrastructure);
    for code in ["I1", "I2", "I3"] {
        stage.takes(code);
    }
    stage.happens("I4", StepEvent::Intend);
    stage.happens("I4", fail(FailureCode::PlanBlocked));
    check(&stage, "plan-blocked");
}

fn resolve(stage: &mut Stage) {
    stage.wait(1);
    stage.reports(Report::Clear);
    stage.wait(1);
    stage.validates(Verdict::Pass);
    stage.does("olaf", Command::Resolve);
}

fn attest(stage: &mut Stage) {
    stage.wait(10);
    stage.does("ada", Command::Attest { statement: why(), evidence: vec![Digest::of(b"seen")] });
    stage.wait(1);
    stage.validates(Verdict::Pass);
    stage.does("olaf", Command::Resolve);
}

/// Compares the transcript with the kept one, and chains all that has happened.
#[track_caller]
fn check(stage: &Stage, name: &str) {
    let mut chain = Chain::default();
    let subject = Subject { incident: Some(stage.case.incident().id()), run: None, drill: None };
    let links: Vec<_> = stage
        .log
        .iter()
        .map(|entry| Record { at: entry.at, actor: entry.actor.clone(), subject, event: entry.event.clone() })
        .map(|record| chain.append(&record).unwrap())
        .collect();
    assert_eq!(Chain::verify(&links).unwrap(), chain);
    golden::compare(&format!("tests/case/transcripts/{name}.txt"), &transcript(stage));
}

fn transcript(stage: &Stage) -> String {
    let mut text = String::new();
    let mut stood = String::new();
    for entry in &stage.log {
        let actor = entry.actor.as_ref().map_or("-", |person| person.as_str());
        writeln!(text, "{}  {actor:<5} {}", entry.at.format("%H:%M"), line(&entry.event)).unwrap();
        let run = entry.run.map_or(String::new(), |run| format!(", run {run}"));
        let stands = format!("incident {}{run}", entry.incident);
        if stands != stood {
            writeln!(text, "                 = {stands}").unwrap();
            stood = stands;
        }
    }
    text
}

/// An event on one line: its type and its plain members.
fn line(event: &Event) -> String {
    let json = serde_json::to_value(event).unwrap();
    if let Event::StepMoved { step, attempt, from, to, finding, .. } = event {
        let attempt = if *attempt > 1 { format!(" (attempt {attempt})") } else { String::new() };
        let finding = finding.map_or(String::new(), |finding| format!(" ({finding})"));
        return format!("{step} {from} > {to}{finding}{attempt}");
    }
    let members = json.as_object().unwrap().iter().filter(|(name, _)| *name != "type");
    let shown: Vec<String> = members.filter_map(|(name, value)| Some(format!("{name}={}", plain(value)?))).collect();
    format!("{} {}", json["type"].as_str().unwrap(), shown.join(" ")).trim_end().to_owned()
}

fn plain(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.strip_prefix("sha256:").map_or(text.clone(), |hex| hex[..8].to_owned())),
        Value::Number(_) | Value::Bool(_) => Some(value.to_string()),
        Value::Array(items) if items.iter().all(Value::is_string) && !items.is_empty() => {
            Some(items.iter().filter_map(plain).collect::<Vec<_>>().join(","))
        }
        Value::Object(members) => members.get("code").or(members.get("kind")).and_then(plain),
        _ => None,
    }
}
