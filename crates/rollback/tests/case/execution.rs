//! When a run may begin.

use rollback::{
    Command, Digest, IncidentState, Kind, Neighbour, Role, RunId, RunState, Standing, Strategy, step::StepStatus,
};
use uuid::Uuid;

use crate::{
    people::person,
    stage::{Stage, why},
};

#[test]
fn an_approved_run_begins_and_its_incident_rolls_back() {
    let mut stage = Stage::approved(Kind::Application);
    stage.does("olaf", stage.execution());
    assert_eq!((stage.incident(), stage.state()), (IncidentState::RollingBack, RunState::Executing));
    let executed = stage.case.incident().executed().unwrap();
    assert_eq!(executed.approvers, [person("ada")].into());
}

#[test]
fn nothing_begins_without_its_approvals() {
    for stage in [Stage::previewed(Kind::Database), Stage::submitted(Kind::Database)] {
        stage.refuses("olaf", stage.execution(), "illegal_transition");
    }
}

#[test]
fn approvers_and_strangers_do_not_begin_it() {
    let stage = Stage::approved(Kind::Application);
    for name in ["ada", "rita", "stranger"] {
        stage.refuses(name, stage.execution(), "forbidden");
    }
}

#[test]
fn what_begins_is_the_preview_that_is_meant() {
    let stage = Stage::approved(Kind::Application);
    stage.refuses("olaf", Command::Execute { digest: Digest::of(b"another preview") }, "digest_mismatch");
}

#[test]
fn approvals_hold_for_half_an_hour() {
    let mut stage = Stage::approved(Kind::Application);
    stage.wait(29);
    assert!(stage.attempts("olaf", Role::ALL, None, stage.execution()).is_ok());
    stage.wait(1);
    stage.refuses("olaf", stage.execution(), "not_approved");
    stage.approves("bob");
    stage.does("olaf", stage.execution());
}

#[test]
fn a_role_withdrawn_in_between_does_not_count() {
    let mut stage = Stage::approved(Kind::Database);
    stage.table.iter_mut().find(|row| row.person == person("ada")).unwrap().revoked = true;
    stage.refuses("olaf", stage.execution(), "not_approved");
    let mut stage = Stage::approved(Kind::Database);
    stage.table.iter_mut().find(|row| row.person == person("bob")).unwrap().roles = [Role::Auditor].into();
    stage.refuses("olaf", stage.execution(), "not_approved");
}

#[test]
fn an_approver_who_then_decides_does_not_count() {
    let mut stage = Stage::submitted(Kind::Application);
    stage.approves("cleo");
    stage.does("cleo", Command::Decide { strategy: Strategy::Application, reason: why() });
    stage.refuses("olaf", stage.execution(), "not_approved");
}

#[test]
fn an_expired_preview_does_not_begin() {
    let mut stage = Stage::submitted(Kind::Application);
    stage.wait(45);
    stage.approves("ada");
    stage.wait(15);
    stage.refuses("olaf", stage.execution(), "preview_expired");
}

#[test]
fn another_decision_meanwhile_holds_it_back() {
    let mut stage = Stage::approved(Kind::Application);
    stage.does("olaf", Command::Decide { strategy: Strategy::Infrastructure, reason: why() });
    stage.refuses("olaf", stage.execution(), "undecided");
}

#[test]
fn another_run_in_the_environment_holds_it_back() {
    let mut stage = Stage::approved(Kind::Database);
    let (run, kind) = (RunId::new(Uuid::from_u128(99)), Kind::Application);
    stage.neighbours = vec![Neighbour { run, kind, standing: Standing::Stopped }];
    stage.refuses("olaf", stage.execution(), "environment_busy");
}

#[test]
fn while_rollbacks_are_halted_nothing_begins() {
    let mut stage = Stage::approved(Kind::Application);
    stage.halted = true;
    stage.refuses("olaf", stage.execution(), "halted");
    stage.halted = false;
    stage.does("olaf", stage.execution());
}

#[test]
fn a_plan_that_was_applied_is_not_applied_again() {
    let mut stage = Stage::approved(Kind::Infrastructure);
    stage.spent_plans = vec![Digest::of(b"plan")];
    stage.refuses("olaf", stage.execution(), "plan_spent");
}

#[test]
fn the_approvals_of_a_plan_are_a_step_that_is_done_when_they_are_counted() {
    let stage = Stage::executing(Kind::Infrastructure);
    assert_eq!(stage.status("I5"), StepStatus::Done);
    assert_eq!(stage.run().current_step().unwrap().name().to_string(), "I6");
}
