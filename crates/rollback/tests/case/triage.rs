//! From the alert to a decision.

use rollback::{Command, DismissalCause, IncidentState, Kind, Report, Role, Strategy, audit::Event};

use crate::stage::{Stage, why};

fn dismissal(cause: DismissalCause) -> Command {
    Command::Dismiss { cause, reason: why() }
}

fn decision(strategy: Strategy) -> Command {
    Command::Decide { strategy, reason: why() }
}

#[test]
fn an_alert_is_acknowledged_once() {
    let mut stage = Stage::open();
    assert_eq!(stage.incident(), IncidentState::Open);
    stage.does("olaf", Command::Acknowledge);
    assert_eq!(stage.incident(), IncidentState::Acknowledged);
    stage.refuses("olaf", Command::Acknowledge, "illegal_transition");
}

#[test]
fn nothing_is_decided_before_somebody_has_taken_it_up() {
    let mut stage = Stage::open();
    stage.refuses("olaf", decision(Strategy::Application), "illegal_transition");
    let opening = stage.opening(Kind::Application);
    stage.refuses("olaf", opening, "illegal_transition");
    let validation = stage.validation();
    stage.refuses("olaf", validation, "illegal_transition");
}

#[test]
fn a_role_holds_when_both_the_token_and_the_table_say_so() {
    let mut stage = Stage::open();
    let code = |stage: &Stage, name, claimed: &[Role]| {
        stage.attempts(name, claimed, None, Command::Acknowledge).map_err(|refusal| refusal.code()).map(|_| ())
    };
    assert_eq!(code(&stage, "olaf", &[Role::Operator]), Ok(()));
    assert_eq!(code(&stage, "olaf", &[]), Err("forbidden"), "the token does not say so");
    assert_eq!(code(&stage, "ada", &[Role::Operator]), Err("forbidden"), "the table does not say so");
    assert_eq!(code(&stage, "stranger", &[Role::Operator]), Err("forbidden"));
    stage.table.iter_mut().for_each(|row| row.revoked = true);
    assert_eq!(code(&stage, "olaf", &[Role::Operator]), Err("forbidden"), "it was withdrawn");
}

#[test]
fn a_command_for_another_version_is_refused() {
    let stage = Stage::acknowledged();
    let version = stage.case.incident().version();
    let escalate = || Command::Escalate { reason: why() };
    assert!(stage.attempts("olaf", Role::ALL, Some(version), escalate()).is_ok());
    let stale = Some(rollback::Version::new(version.number() - 1));
    let refusal = stage.attempts("olaf", Role::ALL, stale, escalate()).unwrap_err();
    assert_eq!(refusal.code(), "version_mismatch");
    // Of a run's command the run's version counts.
    let stage = Stage::previewed(Kind::Application);
    let version = stage.run().version();
    assert_ne!(version, stage.case.incident().version());
    assert!(stage.attempts("olaf", Role::ALL, Some(version), stage.submission()).is_ok());
}

#[test]
fn only_what_changed_has_a_new_version() {
    let mut stage = Stage::previewed(Kind::Application);
    let (incident, run) = (stage.case.incident().version(), stage.run().version());
    stage.does("ada", Command::OpenPreview);
    assert_eq!(stage.case.incident().version(), incident);
    assert_eq!(stage.run().version().number(), run.number() + 1);
    stage.does("ada", Command::OpenPreview);
    assert_eq!(stage.run().version().number(), run.number() + 1, "opened again nothing changes");
}

#[test]
fn once_escalated_a_commander_decides() {
    let mut stage = Stage::acknowledged();
    stage.does("olaf", decision(Strategy::Application));
    stage.does("olaf", Command::Escalate { reason: why() });
    stage.refuses("olaf", decision(Strategy::Database), "commander_decides");
    stage.does("cleo", decision(Strategy::Database));
    let decided = stage.case.incident().decision().unwrap();
    assert_eq!((decided.strategy, decided.decider.as_str()), (Strategy::Database, "cleo"));
    // The first decision is what the clock stopped at.
    assert_eq!(stage.count(|event| matches!(event, Event::Decided { .. })), 2);
}

#[test]
fn an_incident_can_be_escalated_until_it_is_over() {
    let mut stage = Stage::open();
    stage.does("olaf", Command::Escalate { reason: why() });
    assert_eq!(stage.incident(), IncidentState::Open);
    stage.reports(Report::Clear);
    stage.does("cleo", dismissal(DismissalCause::Passed));
    stage.refuses("olaf", Command::Escalate { reason: why() }, "illegal_transition");
}

#[test]
fn while_the_alert_fires_two_commanders_dismiss_a_false_positive() {
    let mut stage = Stage::acknowledged();
    stage.refuses("cleo", dismissal(DismissalCause::Expected), "alert_fires");
    stage.does("cleo", dismissal(DismissalCause::FalsePositive));
    assert_eq!(stage.incident(), IncidentState::Acknowledged);
    stage.refuses("cleo", dismissal(DismissalCause::FalsePositive), "second_commander");
    stage.does("carl", dismissal(DismissalCause::FalsePositive));
    assert_eq!(stage.incident(), IncidentState::Dismissed);
}

#[test]
fn when_the_alert_is_quiet_one_commander_dismisses() {
    let mut stage = Stage::open();
    stage.clears();
    stage.refuses("olaf", dismissal(DismissalCause::Passed), "forbidden");
    stage.does("cleo", dismissal(DismissalCause::Passed));
    assert_eq!(stage.incident(), IncidentState::Dismissed);
}

#[test]
fn an_incident_with_a_run_is_not_dismissed() {
    let mut stage = Stage::drafted(Kind::Application);
    stage.clears();
    stage.refuses("cleo", dismissal(DismissalCause::Passed), "run_not_over");
    stage.does("olaf", Command::Cancel { reason: why() });
    stage.does("cleo", dismissal(DismissalCause::Passed));

    let mut stage = Stage::mitigated(Kind::Application);
    stage.clears();
    stage.wait(1);
    stage.validates(rollback::validation::Verdict::Fail);
    assert_eq!(stage.incident(), IncidentState::Acknowledged);
    stage.refuses("cleo", dismissal(DismissalCause::Passed), "was_executed");
}

#[test]
fn a_cleared_alert_moves_nothing() {
    let mut stage = Stage::acknowledged();
    assert!(stage.case.incident().firing().fires());
    stage.clears();
    assert_eq!(stage.incident(), IncidentState::Acknowledged);
    assert!(!stage.case.incident().firing().fires());
    stage.wait(1);
    stage.reports(Report::Fire);
    assert!(stage.case.incident().firing().fires());
    assert_eq!(stage.case.incident().firing().count, 2);
}

#[test]
fn alerts_do_not_reach_an_incident_that_is_over() {
    let mut stage = Stage::open();
    stage.clears();
    stage.does("cleo", dismissal(DismissalCause::Passed));
    for report in [Report::Fire, Report::Clear] {
        stage.refuses_report(report, "illegal_transition");
    }
}
