//! What the approvers may say, and when it counts.

use std::collections::BTreeSet;

use rollback::{Command, Digest, IncidentState, Kind, Role, RunState, Scope, Strategy, audit::Event};

use crate::{
    people::person,
    stage::{Stage, why},
};

fn break_glass(stage: &Stage) -> Command {
    Command::Approve { digest: stage.digest(), acknowledged: stage.hazards(), break_glass: Some(why()) }
}

/// Cleo has decided for an application, and Olaf has put his run before the approvers.
fn decided_by_the_commander() -> Stage {
    let mut stage = Stage::acknowledged();
    stage.does("olaf", Command::Escalate { reason: why() });
    stage.does("cleo", Command::Decide { strategy: Strategy::Application, reason: why() });
    stage.opens_run("olaf", Kind::Application);
    stage.prepares();
    stage.does("olaf", stage.submission());
    stage
}

#[test]
fn one_approves_an_application_and_two_the_rest() {
    let mut stage = Stage::submitted(Kind::Application);
    stage.approves("ada");
    assert_eq!(stage.state(), RunState::Approved);
    for kind in [Kind::Database, Kind::Infrastructure] {
        let mut stage = Stage::submitted(kind);
        stage.approves("ada");
        assert_eq!(stage.state(), RunState::AwaitingApproval);
        stage.approves("ada");
        assert_eq!(stage.state(), RunState::AwaitingApproval, "the same person again");
        stage.approves("bob");
        assert_eq!(stage.state(), RunState::Approved);
    }
}

#[test]
fn one_of_the_two_is_trusted_with_infrastructure() {
    let mut stage = Stage::submitted(Kind::Infrastructure);
    stage.approves("ada");
    stage.approves("cleo");
    assert_eq!(stage.state(), RunState::AwaitingApproval);
    stage.approves("bob");
    assert_eq!(stage.state(), RunState::Approved);
}

#[test]
fn who_asked_never_approves() {
    let mut stage = Stage::submitted(Kind::Application);
    let olaf = stage.table.iter_mut().find(|row| row.person == person("olaf")).unwrap();
    olaf.roles.insert(Role::Approver);
    stage.does("olaf", Command::OpenPreview);
    stage.refuses("olaf", stage.approval(), "self_approval");
}

#[test]
fn who_approves_has_opened_this_preview() {
    let mut stage = Stage::submitted(Kind::Application);
    stage.refuses("ada", stage.approval(), "preview_not_opened");
    stage.does("bob", Command::OpenPreview);
    stage.refuses("ada", stage.approval(), "preview_not_opened");
    stage.does("ada", Command::OpenPreview);
    stage.does("ada", stage.approval());
}

#[test]
fn having_opened_an_earlier_preview_is_not_enough() {
    let mut stage = Stage::submitted(Kind::Application);
    stage.does("ada", Command::OpenPreview);
    let earlier = stage.digest();
    stage.does("olaf", Command::Cancel { reason: why() });
    stage.opens_run("olaf", Kind::Application);
    stage.prepares();
    stage.does("olaf", stage.submission());
    assert_ne!(stage.digest(), earlier, "another run has another digest");
    stage.refuses("ada", stage.approval(), "preview_not_opened");
    let old = Command::Approve { digest: earlier, acknowledged: BTreeSet::new(), break_glass: None };
    stage.refuses("ada", old, "digest_mismatch");
}

#[test]
fn an_approval_is_of_this_digest() {
    let mut stage = Stage::submitted(Kind::Application);
    stage.does("ada", Command::OpenPreview);
    let swapped = Command::Approve { digest: Digest::of(b"swapped"), acknowledged: BTreeSet::new(), break_glass: None };
    stage.refuses("ada", swapped, "digest_mismatch");
}

#[test]
fn each_hazard_is_acknowledged_by_name() {
    let mut stage = Stage::submitted(Kind::Infrastructure);
    stage.does("ada", Command::OpenPreview);
    let approve = |acknowledged| Command::Approve { digest: stage.digest(), acknowledged, break_glass: None };
    stage.refuses("ada", approve(BTreeSet::new()), "unacknowledged");
    stage.refuses("ada", approve(BTreeSet::from(["terraform_data.b".parse().unwrap()])), "unacknowledged");
}

#[test]
fn other_roles_do_not_approve() {
    let stage = Stage::submitted(Kind::Application);
    for name in ["otto", "rita", "stranger"] {
        stage.refuses(name, stage.approval(), "forbidden");
        stage.refuses(name, Command::Reject { reason: why() }, "forbidden");
    }
}

#[test]
fn nothing_is_approved_before_it_is_submitted_or_after_it_has_begun() {
    for stage in [Stage::previewed(Kind::Application), Stage::executing(Kind::Application)] {
        stage.refuses("ada", stage.approval(), "illegal_transition");
    }
}

#[test]
fn an_expired_preview_is_not_approved() {
    let mut stage = Stage::submitted(Kind::Application);
    stage.does("ada", Command::OpenPreview);
    stage.wait(60);
    stage.refuses("ada", stage.approval(), "preview_expired");
}

#[test]
fn an_approver_refuses() {
    let mut stage = Stage::approved(Kind::Application);
    stage.does("bob", Command::Reject { reason: why() });
    assert_eq!((stage.incident(), stage.state()), (IncidentState::Acknowledged, RunState::Rejected));
    stage.refuses("olaf", stage.execution(), "illegal_transition");
}

#[test]
fn who_decided_does_not_approve_alone() {
    let mut stage = decided_by_the_commander();
    stage.does("cleo", Command::OpenPreview);
    stage.refuses("cleo", stage.approval(), "decider_approval");
    stage.approves("ada");
    assert_eq!(stage.state(), RunState::Approved);
}

#[test]
fn the_deciding_commander_breaks_the_glass_in_the_last_ten_minutes() {
    let mut stage = decided_by_the_commander();
    stage.does("cleo", Command::OpenPreview);
    stage.refuses("cleo", break_glass(&stage), "break_glass_refused");
    stage.wait(20);
    stage.does("cleo", break_glass(&stage));
    assert_eq!(stage.state(), RunState::Approved);
    assert_eq!(stage.count(|event| matches!(event, Event::GlassBroken { .. })), 1);
    let glass = &stage.case.incident().break_glass()[0];
    assert_eq!((glass.mark.person.as_str(), glass.reviewed), ("cleo", false));
    stage.does("olaf", stage.execution());
}

#[test]
fn breaking_the_glass_lifts_no_other_guard() {
    let mut stage = decided_by_the_commander();
    stage.wait(20);
    stage.refuses("cleo", break_glass(&stage), "preview_not_opened");
    stage.refuses("olaf", break_glass(&stage), "forbidden");
    // Who need not break it does not.
    stage.does("ada", Command::OpenPreview);
    stage.does("ada", break_glass(&stage));
    assert!(stage.case.incident().break_glass().is_empty());
}

#[test]
fn only_a_commander_breaks_the_glass() {
    let mut stage = Stage::acknowledged();
    let otto = stage.table.iter_mut().find(|row| row.person == person("otto")).unwrap();
    otto.roles.insert(Role::Approver);
    stage.does("otto", Command::Decide { strategy: Strategy::Application, reason: why() });
    stage.opens_run("olaf", Kind::Application);
    stage.prepares();
    stage.does("olaf", stage.submission());
    stage.wait(20);
    stage.does("otto", Command::OpenPreview);
    stage.refuses("otto", break_glass(&stage), "break_glass_refused");
}

#[test]
fn a_scope_that_was_withdrawn_does_not_count() {
    let mut stage = Stage::approved(Kind::Infrastructure);
    let bob = stage.table.iter_mut().find(|row| row.person == person("bob")).unwrap();
    assert!(bob.scopes.remove(&Scope::Infrastructure));
    stage.refuses("olaf", stage.execution(), "not_approved");
}
