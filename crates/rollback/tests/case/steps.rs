//! How a run goes from step to step.

use rollback::{
    Command, Digest, IncidentState, Kind, Report, RunState,
    audit::Event,
    step::{FailureCode, Finding, StepEvent, StepStatus, TRIES},
};

use crate::{
    recipes,
    stage::{Stage, fail, step, succeed},
};

fn absent() -> StepEvent {
    StepEvent::Reconcile { finding: Finding::Absent }
}

#[test]
fn steps_are_taken_one_at_a_time_in_order() {
    let mut stage = Stage::executing(Kind::Application);
    for later in ["A4", "A5"] {
        stage.cannot_happen(later, StepEvent::Intend, "out_of_order");
    }
    stage.cannot_happen("A1", StepEvent::Intend, "out_of_order");
    stage.cannot_happen("D1", StepEvent::Intend, "no_such_step");
    stage.sends("A3");
    stage.cannot_happen("A4", StepEvent::Intend, "out_of_order");
    stage.happens("A3", succeed());
    stage.takes("A4");
    assert_eq!(stage.state(), RunState::Verifying);
    stage.takes("A5");
    assert_eq!((stage.incident(), stage.state()), (IncidentState::MitigatedUnvalidated, RunState::Succeeded));
}

#[test]
fn every_kind_can_be_gone_through() {
    for &kind in Kind::ALL {
        let stage = Stage::mitigated(kind);
        assert_eq!(stage.state(), RunState::Succeeded, "{kind}");
        assert!(stage.run().steps().iter().all(|step| step.status() == StepStatus::Done));
        assert_eq!(stage.case.incident().run(), None);
    }
}

#[test]
fn what_changes_something_is_what_was_approved() {
    let mut stage = Stage::executing(Kind::Application);
    stage.happens("A3", StepEvent::Intend);
    for observed in [None, Some(Digest::of(b"the tag was moved"))] {
        stage.cannot_happen("A3", StepEvent::Send { observed }, "digest_mismatch");
    }
    stage.happens("A3", stage.leaving());
}

#[test]
fn while_rollbacks_are_halted_nothing_leaves() {
    let mut stage = Stage::executing(Kind::Application);
    stage.halted = true;
    stage.cannot_happen("A3", StepEvent::Intend, "halted");
    stage.halted = false;
    stage.happens("A3", StepEvent::Intend);
    stage.halted = true;
    stage.cannot_happen("A3", stage.leaving(), "halted");
    stage.halted = false;
    stage.happens("A3", stage.leaving());
    stage.happens("A3", succeed());
    // What only looks goes on.
    stage.halted = true;
    stage.takes("A4");
}

#[test]
fn a_failed_step_stops_everything() {
    for (kind, code) in [(Kind::Application, "A3"), (Kind::Database, "D2")] {
        let mut stage = Stage::executing(kind);
        stage.sends(code);
        stage.happens(code, fail(FailureCode::WorkflowFailed));
        assert_eq!((stage.incident(), stage.state()), (IncidentState::Blocked, RunState::Failed));
        for report in [StepEvent::Intend, stage.leaving(), succeed(), StepEvent::Repeat] {
            stage.cannot_happen(code, report, "illegal_transition");
        }
        let another = stage.opening(kind);
        stage.refuses("olaf", another, "illegal_transition");
        let validation = stage.validation();
        stage.refuses("olaf", validation, "illegal_transition");
        stage.refuses("cleo", Command::Resolve, "illegal_transition");
    }
}

#[test]
fn one_of_two_applications_that_fails_to_redeploy_stops_the_rest() {
    let mut stage = Stage::executing(Kind::Database);
    for code in ["D2", "D3", "D4", "D5", "D6", "D7:orders:A3"] {
        stage.takes(code);
    }
    stage.sends("D7:orders:A4");
    stage.happens("D7:orders:A4", fail(FailureCode::RedeploymentFailed));
    assert_eq!(stage.incident(), IncidentState::Blocked);
    // The writers are still frozen.
    assert_eq!(stage.status("D7:thaw"), StepStatus::Pending);
    let failure = stage.run().steps().iter().find_map(|step| step.failure()).unwrap();
    assert!(failure.code.advice().starts_with("the writers are still frozen"));
}

#[test]
fn a_dispatch_whose_outcome_is_unknown_waits_for_a_person() {
    let mut stage = Stage::executing(Kind::Application);
    stage.sends("A3");
    stage.happens("A3", StepEvent::Lose);
    assert_eq!((stage.incident(), stage.state()), (IncidentState::RollingBack, RunState::Executing));
    stage.cannot_happen("A4", StepEvent::Intend, "out_of_order");
    stage.cannot_happen("A3", StepEvent::Repeat, "not_proven_absent");
    let retry = || Command::Retry { step: step("A3") };
    stage.refuses("olaf", retry(), "not_proven_absent");
    stage.happens("A3", absent());
    stage.wait(3);
    stage.happens("A3", absent());
    stage.cannot_happen("A3", StepEvent::Repeat, "not_proven_absent");
    stage.refuses("ada", retry(), "forbidden");
    stage.does("olaf", retry());
    assert_eq!(stage.status("A3"), StepStatus::IntentRecorded);
    let moved = StepEvent::Send { observed: Some(Digest::of(b"the tag was moved")) };
    stage.cannot_happen("A3", moved, "digest_mismatch");
    let again = &stage.run().steps()[2];
    assert_eq!(stage.run().key(again), format!("{}:A3:orders:2", stage.run().id()));
    stage.happens("A3", stage.leaving());
    stage.happens("A3", succeed());
}

#[test]
fn what_was_lost_and_is_found_goes_on() {
    let mut stage = Stage::executing(Kind::Application);
    stage.sends("A3");
    stage.happens("A3", StepEvent::Lose);
    stage.happens("A3", StepEvent::Accept { operation: "4711".parse().unwrap() });
    stage.happens("A3", succeed());
    stage.takes("A4");
}

#[test]
fn what_stays_unknown_needs_a_person() {
    let mut stage = Stage::executing(Kind::Application);
    stage.sends("A3");
    stage.happens("A3", StepEvent::Lose);
    for _ in 1..TRIES {
        assert_eq!(stage.state(), RunState::Executing);
        stage.happens("A3", StepEvent::Reconcile { finding: Finding::Unclear });
    }
    assert_eq!((stage.incident(), stage.state()), (IncidentState::Blocked, RunState::NeedsManual));
    assert_eq!(stage.count(|event| matches!(event, Event::ManualNeeded { .. })), 1);
    stage.cannot_happen("A3", StepEvent::Accept { operation: "4711".parse().unwrap() }, "illegal_transition");
}

#[test]
fn a_plan_is_spent_by_leaving_whatever_comes_of_it() {
    let mut stage = Stage::executing(Kind::Infrastructure);
    stage.happens("I6", StepEvent::Intend);
    assert!(stage.spent_plans.is_empty());
    stage.happens("I6", stage.leaving());
    assert_eq!(stage.spent_plans, [Digest::of(b"plan")]);
    stage.happens("I6", StepEvent::Lose);
    stage.happens("I6", absent());
    stage.wait(10);
    stage.happens("I6", absent());
    stage.refuses("olaf", Command::Retry { step: step("I6") }, "plan_spent");
    stage.spent_plans.clear();
    stage.refuses("olaf", Command::Retry { step: step("I6") }, "never_repeated");
}

#[test]
fn a_plan_that_another_run_has_spent_does_not_leave() {
    let mut stage = Stage::executing(Kind::Infrastructure);
    stage.happens("I6", StepEvent::Intend);
    stage.spent_plans = vec![Digest::of(b"plan")];
    stage.cannot_happen("I6", stage.leaving(), "plan_spent");
}

#[test]
fn a_failed_apply_needs_a_person() {
    let mut stage = Stage::executing(Kind::Infrastructure);
    stage.sends("I6");
    stage.happens("I6", fail(FailureCode::ApplyFailed));
    assert_eq!((stage.incident(), stage.state()), (IncidentState::Blocked, RunState::NeedsManual));
}

#[test]
fn nothing_connects_to_a_database_whose_loss_is_not_known_or_not_accepted() {
    let mut stage = Stage::executing(Kind::Database);
    stage.refuses_report(Report::Loss { seconds: 1 }, "out_of_order");
    for code in ["D2", "D3", "D4"] {
        stage.takes(code);
    }
    stage.sends("D5");
    stage.cannot_happen("D5", succeed(), "loss_not_measured");
    stage.reports(Report::Loss { seconds: 900 });
    stage.cannot_happen("D5", succeed(), "loss_not_accepted");
    stage.reports(Report::Loss { seconds: 899 });
    stage.happens("D5", succeed());
    assert_eq!(stage.case.incident().loss().measured_seconds, Some(899));
}

#[test]
fn each_effect_moves_the_last_change_and_a_read_does_not() {
    let mut stage = Stage::executing(Kind::Application);
    let changed = |stage: &Stage| stage.case.incident().moments().last_change_at;
    stage.happens("A3", StepEvent::Intend);
    assert_eq!(changed(&stage), None);
    assert_eq!(stage.run().first_effect_at(), None);
    stage.happens("A3", stage.leaving());
    assert_eq!(changed(&stage), Some(stage.now));
    stage.wait(1);
    stage.happens("A3", succeed());
    assert_eq!(changed(&stage), Some(stage.now), "it may have gone on until then");
    stage.takes("A4");
    stage.wait(1);
    stage.takes("A5");
    assert_ne!(changed(&stage), Some(stage.now));
}

#[test]
fn what_never_left_has_changed_nothing() {
    let mut stage = Stage::executing(Kind::Application);
    stage.happens("A3", StepEvent::Intend);
    stage.happens("A3", fail(FailureCode::PreviewChanged));
    assert_eq!(stage.case.incident().moments().last_change_at, None);
    assert_eq!(stage.incident(), IncidentState::Blocked);
}

#[test]
fn each_step_is_known_outside_by_its_key() {
    let key = |stage: &Stage, code: &str| {
        let found = stage.run().steps().iter().find(|found| *found.name() == step(code)).unwrap();
        stage.run().key(found)
    };
    let stage = Stage::previewed(Kind::Application);
    assert_eq!(key(&stage, "A3"), format!("{}:A3:orders:1", stage.run().id()));
    let stage = Stage::previewed(Kind::Database);
    assert_eq!(key(&stage, "D3"), "orders-db-r2405010959-000002");
    assert_eq!(key(&stage, "D6"), format!("{}:D6:DB_CONNECTION:production", stage.run().id()));
    assert_eq!(key(&stage, "D7:chat:A3"), format!("{}:D7:chat:A3:1", stage.run().id()));
    let stage = Stage::previewed(Kind::Infrastructure);
    assert_eq!(key(&stage, "I6"), recipes::infrastructure("plan").plan.to_string());
}
