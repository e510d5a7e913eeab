//! The proof, and the end that only it lets through.

use std::collections::BTreeSet;

use rollback::{
    Command, Environment, IncidentState, Kind, Neighbour, Report, Role, RunId, Standing, Strategy, Target,
    ValidationId, validation::Verdict,
};
use uuid::Uuid;

use crate::{
    people::person,
    stage::{Stage, results, why},
};

#[test]
fn a_fresh_pass_lets_the_incident_be_resolved_and_reviewed() {
    let mut stage = Stage::validated(Kind::Application);
    assert_eq!(stage.incident(), IncidentState::Validated);
    stage.does("olaf", Command::Resolve);
    assert_eq!(stage.incident(), IncidentState::Resolved);
    let review = || Command::Review { review: why(), broken_glass: BTreeSet::new() };
    stage.refuses("olaf", review(), "forbidden");
    stage.does("cleo", review());
    assert_eq!(stage.incident(), IncidentState::Reviewed);
}

#[test]
fn nothing_else_lets_it_be_resolved() {
    for stage in [
        Stage::open(),
        Stage::acknowledged(),
        Stage::drafted(Kind::Application),
        Stage::executing(Kind::Application),
        Stage::mitigated(Kind::Application),
    ] {
        stage.refuses("cleo", Command::Resolve, "illegal_transition");
    }
}

#[test]
fn other_roles_do_not_resolve() {
    let stage = Stage::validated(Kind::Application);
    for name in ["ada", "rita", "stranger"] {
        stage.refuses(name, Command::Resolve, "forbidden");
    }
}

#[test]
fn a_failed_one_leads_back_to_triage_and_an_inconclusive_one_is_tried_again() {
    let mut stage = Stage::mitigated(Kind::Application);
    stage.wait(1);
    stage.validates(Verdict::Inconclusive);
    assert_eq!(stage.incident(), IncidentState::MitigatedUnvalidated);
    stage.validates(Verdict::Fail);
    assert_eq!(stage.incident(), IncidentState::Acknowledged);
    stage.does("olaf", Command::Escalate { reason: why() });
    stage.validates(Verdict::Pass);
    assert_eq!(stage.incident(), IncidentState::Validated);
}

#[test]
fn one_that_misses_a_check_is_inconclusive() {
    let mut stage = Stage::mitigated(Kind::Application);
    stage.wait(1);
    let command = stage.validation();
    stage.does("olaf", command);
    let id = stage.case.incident().validation().unwrap().id();
    let mut fewer = results(Verdict::Pass);
    fewer.pop();
    stage.reports(Report::Validated { id, results: fewer });
    assert_eq!(stage.incident(), IncidentState::MitigatedUnvalidated);
}

#[test]
fn the_result_of_another_one_is_not_taken() {
    let mut stage = Stage::mitigated(Kind::Application);
    let command = stage.validation();
    stage.does("olaf", command);
    let id = ValidationId::new(Uuid::from_u128(999));
    stage.refuses_report(Report::Validated { id, results: results(Verdict::Pass) }, "validation_mismatch");
    stage.ends_validation(Verdict::Inconclusive);
    let id = stage.case.incident().validation().unwrap().id();
    stage.refuses_report(Report::Validated { id, results: results(Verdict::Pass) }, "illegal_transition");
}

#[test]
fn one_that_began_with_the_last_change_proves_nothing() {
    let mut stage = Stage::mitigated(Kind::Application);
    stage.validates(Verdict::Pass);
    assert_eq!(stage.incident(), IncidentState::MitigatedUnvalidated);
}

#[test]
fn an_alert_that_fires_again_takes_its_proof_away() {
    let mut stage = Stage::validated(Kind::Application);
    stage.wait(1);
    stage.reports(Report::Fire);
    assert_eq!(stage.incident(), IncidentState::MitigatedUnvalidated);
    assert_eq!(stage.case.incident().moments().validated_at, None);
}

#[test]
fn it_proves_something_for_a_quarter_of_an_hour() {
    let mut stage = Stage::validated(Kind::Application);
    stage.wait(15);
    assert!(stage.attempts("olaf", Role::ALL, None, Command::Resolve).is_ok());
    stage.now += chrono::TimeDelta::seconds(1);
    stage.refuses("olaf", Command::Resolve, "not_proven");
    // Without waiting for the clock to notice it can be renewed.
    stage.validates(Verdict::Pass);
    stage.does("olaf", Command::Resolve);
}

#[test]
fn an_alert_that_fires_keeps_it_from_passing() {
    let mut stage = Stage::mitigated(Kind::Application);
    stage.wait(1);
    let command = stage.validation();
    stage.does("olaf", command);
    stage.wait(1);
    stage.reports(Report::Fire);
    stage.wait(1);
    stage.ends_validation(Verdict::Pass);
    assert_eq!(stage.incident(), IncidentState::MitigatedUnvalidated);
}

#[test]
fn an_alert_that_was_seen_quiet_has_cleared() {
    let mut stage = Stage::mitigated(Kind::Application);
    assert!(stage.case.incident().firing().fires());
    stage.wait(1);
    stage.validates(Verdict::Pass);
    assert!(!stage.case.incident().firing().fires(), "alertmanager has not said so, prometheus has");
    stage.does("olaf", Command::Resolve);
}

#[test]
fn no_validation_begins_while_a_run_is_not_over() {
    let mut stage = Stage::drafted(Kind::Application);
    let command = stage.validation();
    stage.refuses("olaf", command, "run_not_over");
    let mut stage = Stage::executing(Kind::Application);
    let command = stage.validation();
    stage.refuses("olaf", command, "illegal_transition");
}

#[test]
fn nothing_is_resolved_while_a_run_is_not_over() {
    let mut stage = Stage::validated(Kind::Application);
    stage.opens_run("olaf", Kind::Application);
    stage.refuses("olaf", Command::Resolve, "run_not_over");
    stage.does("olaf", Command::Cancel { reason: why() });
    stage.does("olaf", Command::Resolve);
}

#[test]
fn another_incident_that_changes_the_environment_takes_its_proof_away() {
    let mut stage = Stage::validated(Kind::Application);
    stage.changed_elsewhere_at = Some(stage.now);
    stage.refuses("olaf", Command::Resolve, "not_proven");
    assert!(stage.ticks());
    assert_eq!(stage.incident(), IncidentState::MitigatedUnvalidated);
    let command = stage.validation();
    stage.wait(1);
    stage.does("olaf", command);
    stage.changed_elsewhere_at = Some(stage.now);
    stage.ends_validation(Verdict::Pass);
    assert_eq!(stage.incident(), IncidentState::MitigatedUnvalidated);
}

#[test]
fn while_another_incident_changes_the_environment_nothing_is_resolved() {
    let mut stage = Stage::validated(Kind::Application);
    for (standing, refused) in [(Standing::Preparing, false), (Standing::Executing, true), (Standing::Stopped, true)] {
        stage.neighbours =
            vec![Neighbour { run: RunId::new(Uuid::from_u128(99)), kind: Kind::Infrastructure, standing }];
        let resolved = stage.attempts("olaf", Role::ALL, None, Command::Resolve).map_err(|refusal| refusal.code());
        assert_eq!(resolved.err(), refused.then_some("environment_busy"), "{standing}");
    }
}

#[test]
fn what_passed_by_itself_is_validated_too() {
    let mut stage = Stage::acknowledged();
    stage.does("olaf", Command::Decide { strategy: Strategy::NoRollback, reason: why() });
    stage.refuses("olaf", Command::Resolve, "illegal_transition");
    stage.validates(Verdict::Pass);
    stage.does("olaf", Command::Resolve);
}

/// The case as a database that was changed by hand would have it.
fn forged(mut stage: Stage, pointer: &str, value: serde_json::Value) -> Stage {
    let mut json = serde_json::to_value(&stage.case).unwrap();
    *json.pointer_mut(pointer).unwrap() = value;
    stage.case = serde_json::from_value(json).unwrap();
    stage
}

#[test]
fn nothing_is_resolved_while_the_alert_fires() {
    let stage = Stage::validated(Kind::Application);
    let now = serde_json::json!(stage.now);
    forged(stage, "/incident/firing/firedAt", now).refuses("olaf", Command::Resolve, "alert_fires");
}

#[test]
fn a_review_names_every_broken_rule() {
    let mut stage = Stage::acknowledged();
    stage.does("cleo", Command::Decide { strategy: Strategy::Application, reason: why() });
    stage.opens_run("olaf", Kind::Application);
    stage.prepares();
    stage.does("olaf", stage.submission());
    stage.wait(20);
    stage.does("cleo", Command::OpenPreview);
    let approval = Command::Approve { digest: stage.digest(), acknowledged: BTreeSet::new(), break_glass: Some(why()) };
    stage.does("cleo", approval);
    stage.does("olaf", stage.execution());
    stage.finishes_run();
    stage.wait(1);
    stage.validates(Verdict::Pass);
    stage.does("olaf", Command::Resolve);

    let run = stage.run().id();
    let review = |broken_glass| Command::Review { review: why(), broken_glass };
    stage.refuses("cleo", review(BTreeSet::new()), "break_glass_not_reviewed");
    stage.does("cleo", review(BTreeSet::from([run])));
    assert!(stage.case.incident().break_glass()[0].reviewed);
}

#[test]
fn an_incident_and_its_run_read_back() {
    for stage in [Stage::validated(Kind::Database), Stage::open_in(Target::live(Environment::Staging))] {
        let json = serde_json::to_string(&stage.case).unwrap();
        assert_eq!(serde_json::from_str::<rollback::Case>(&json).unwrap(), stage.case);
    }
    assert_eq!(person("olaf").as_str(), "olaf");
}
