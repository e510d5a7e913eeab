//! What a second person says after manual intervention.

use rollback::{Command, Digest, IncidentState, Kind, Role, RunState, step::FailureCode, validation::Verdict};

use crate::{
    people::person,
    stage::{Stage, fail, why},
};

fn attestation() -> Command {
    Command::Attest { statement: why(), evidence: vec![Digest::of(b"what the cluster runs")] }
}

/// Otto has let Olaf's run begin, and it has failed.
fn stopped() -> Stage {
    let mut stage = Stage::approved(Kind::Application);
    stage.does("otto", stage.execution());
    stage.sends("A3");
    stage.happens("A3", fail(FailureCode::RolloutFailed));
    stage
}

#[test]
fn a_second_person_attests_and_the_incident_goes_on() {
    let mut stage = stopped();
    assert!(stage.run().is_stopped() && stage.run().holds_environment());
    stage.wait(5);
    stage.does("ada", attestation());
    assert_eq!((stage.incident(), stage.state()), (IncidentState::Acknowledged, RunState::Attested));
    assert_eq!(stage.case.incident().run(), None);
    assert!(!stage.run().holds_environment());
    assert_eq!(stage.case.incident().moments().last_change_at, Some(stage.now), "hands were laid on it");
    let another = stage.opening(Kind::Application);
    stage.does("olaf", another);
}

#[test]
fn what_a_person_put_right_is_validated_like_everything_else() {
    let mut stage = stopped();
    stage.does("ada", attestation());
    stage.clears();
    stage.validates(Verdict::Pass);
    stage.does("olaf", Command::Resolve);
    assert_eq!(stage.incident(), IncidentState::Resolved);
}

#[test]
fn neither_who_asked_nor_who_let_it_begin_attests() {
    let mut stage = stopped();
    for name in ["olaf", "otto"] {
        stage.table.iter_mut().find(|row| row.person == person(name)).unwrap().roles.insert(Role::Approver);
        stage.refuses(name, attestation(), "self_attestation");
    }
}

#[test]
fn operators_and_auditors_do_not_attest() {
    let stage = stopped();
    for name in ["olaf", "rita", "stranger"] {
        stage.refuses(name, attestation(), "forbidden");
    }
}

#[test]
fn an_attestation_shows_something() {
    stopped().refuses("ada", Command::Attest { statement: why(), evidence: vec![] }, "no_evidence");
}

#[test]
fn what_has_not_stopped_is_not_attested_to() {
    for stage in [Stage::executing(Kind::Application), Stage::mitigated(Kind::Application)] {
        stage.refuses("ada", attestation(), "illegal_transition");
    }
}
