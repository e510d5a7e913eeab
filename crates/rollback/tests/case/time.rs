//! What the passing of time does by itself.

use rollback::{
    Command, IncidentState, Kind, RunState, audit::Event, clock::Warning, step::StepEvent, step::StepStatus,
    validation::Verdict,
};

use crate::stage::{Stage, succeed};

fn warned(stage: &Stage) -> Vec<Warning> {
    stage.case.incident().warned().iter().copied().collect()
}

#[test]
fn when_nothing_is_due_nothing_happens() {
    let mut stage = Stage::open();
    let version = stage.case.incident().version();
    assert!(!stage.ticks());
    assert_eq!(stage.case.incident().version(), version);
}

#[test]
fn what_is_undecided_is_pointed_out_once() {
    let mut stage = Stage::acknowledged();
    stage.wait(8);
    assert!(stage.ticks());
    assert_eq!(warned(&stage), [Warning::Undecided]);
    assert!(!stage.ticks());
    let event = stage.log.iter().find(|entry| matches!(entry.event, Event::Warned { .. })).unwrap();
    assert_eq!(event.event.audience(), Some(rollback::audit::Audience::Commander));
}

#[test]
fn the_recovery_time_is_warned_of_and_stops_nothing() {
    let mut stage = Stage::approved(Kind::Application);
    stage.wait(60);
    assert!(stage.ticks());
    assert_eq!(warned(&stage), [Warning::RtoHalf, Warning::RtoMost, Warning::RtoBreached]);
}

#[test]
fn a_preview_that_nobody_executes_expires() {
    for mut stage in [Stage::previewed(Kind::Application), Stage::submitted(Kind::Application)] {
        stage.wait(60);
        assert!(stage.ticks());
        assert_eq!((stage.incident(), stage.state()), (IncidentState::Acknowledged, RunState::Expired));
        assert_eq!(stage.case.incident().run(), None);
    }
}

#[test]
fn approvals_lapse_and_are_asked_for_again() {
    let mut stage = Stage::approved(Kind::Application);
    stage.wait(29);
    stage.ticks();
    assert_eq!(stage.state(), RunState::Approved);
    stage.wait(1);
    stage.ticks();
    assert_eq!(stage.state(), RunState::AwaitingApproval);
    stage.approves("ada");
    assert_eq!(stage.state(), RunState::Approved);
}

#[test]
fn approvals_lapse_when_a_role_is_withdrawn() {
    let mut stage = Stage::approved(Kind::Application);
    stage.table.iter_mut().for_each(|row| row.revoked = true);
    assert!(stage.ticks());
    assert_eq!(stage.state(), RunState::AwaitingApproval);
}

#[test]
fn a_step_past_its_deadline_needs_a_person() {
    let mut stage = Stage::executing(Kind::Application);
    stage.sends("A3");
    stage.happens("A3", StepEvent::Accept { operation: "4711".parse().unwrap() });
    stage.wait(9);
    stage.ticks();
    assert_eq!(stage.state(), RunState::Executing);
    stage.wait(1);
    assert!(stage.ticks());
    assert_eq!((stage.incident(), stage.state()), (IncidentState::Blocked, RunState::NeedsManual));
    assert_eq!(stage.status("A3"), StepStatus::Unknown);
}

#[test]
fn a_preparation_past_its_deadline_just_ends() {
    let mut stage = Stage::drafted(Kind::Application);
    stage.sends("A1");
    stage.wait(2);
    assert!(stage.ticks());
    assert_eq!((stage.incident(), stage.state()), (IncidentState::Acknowledged, RunState::Failed));
}

#[test]
fn a_deadline_is_counted_from_the_intent() {
    let mut stage = Stage::executing(Kind::Application);
    stage.wait(25);
    stage.ticks();
    assert_eq!(stage.state(), RunState::Executing, "nobody has begun");
    stage.sends("A3");
    stage.happens("A3", succeed());
    stage.ticks();
    assert_eq!(stage.state(), RunState::Executing, "it has ended");
}

#[test]
fn a_proof_grows_old() {
    let mut stage = Stage::validated(Kind::Application);
    stage.wait(15);
    stage.ticks();
    assert_eq!(stage.incident(), IncidentState::Validated);
    stage.wait(1);
    assert!(stage.ticks());
    assert_eq!(stage.incident(), IncidentState::MitigatedUnvalidated);
    assert!(stage.case.incident().moments().validated_at.is_some(), "the system was back then");
}

#[test]
fn a_validation_that_never_ends_is_inconclusive() {
    let mut stage = Stage::mitigated(Kind::Application);
    let command = stage.validation();
    stage.does("olaf", command);
    stage.wait(29);
    stage.ticks();
    assert_eq!(stage.incident(), IncidentState::Validating);
    stage.wait(1);
    assert!(stage.ticks());
    assert_eq!(stage.incident(), IncidentState::MitigatedUnvalidated);
    assert_eq!(stage.case.incident().validation().unwrap().verdict(), Some(Verdict::Inconclusive));
}

#[test]
fn for_an_incident_that_is_over_time_stands_still() {
    let mut stage = Stage::validated(Kind::Application);
    stage.does("olaf", Command::Resolve);
    stage.wait(600);
    assert!(!stage.ticks());
}
