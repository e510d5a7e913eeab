//! A drill goes the same way, in staging.

use rollback::{Command, Environment, IncidentState, Kind, Mode, Strategy, Target, validation::Verdict};

use crate::stage::{Stage, why};

fn drill(kind: Kind) -> Stage {
    let mut stage = Stage::open_in(Target::drill());
    stage.does("olaf", Command::Acknowledge);
    stage.does("olaf", Command::Decide { strategy: Strategy::from(kind), reason: why() });
    stage.opens_run("olaf", kind);
    stage.prepares();
    stage
}

#[test]
fn its_run_is_a_drill_in_staging() {
    let stage = drill(Kind::Application);
    assert_eq!(stage.run().target(), Target::drill());
    assert_eq!(stage.run().target().environment(), Environment::Staging);
    assert_eq!(stage.run().target().mode(), Mode::Drill);
}

#[test]
fn its_digest_is_none_of_production_nor_of_staging_in_earnest() {
    let mut digests = vec![drill(Kind::Application).digest(), Stage::previewed(Kind::Application).digest()];
    let mut staging = Stage::open_in(Target::live(Environment::Staging));
    staging.does("olaf", Command::Acknowledge);
    staging.does("olaf", Command::Decide { strategy: Strategy::Application, reason: why() });
    staging.opens_run("olaf", Kind::Application);
    staging.prepares();
    digests.push(staging.digest());
    digests.sort();
    digests.dedup();
    assert_eq!(digests.len(), 3);
}

#[test]
fn it_needs_the_same_approvals_and_the_same_proof() {
    let mut stage = drill(Kind::Infrastructure);
    stage.does("olaf", stage.submission());
    stage.approves("ada");
    stage.refuses("olaf", stage.execution(), "illegal_transition");
    stage.approves("bob");
    stage.does("olaf", stage.execution());
    stage.finishes_run();
    stage.refuses("olaf", Command::Resolve, "illegal_transition");
    stage.wait(1);
    stage.validates(Verdict::Pass);
    stage.does("olaf", Command::Resolve);
    assert_eq!(stage.incident(), IncidentState::Resolved);
}

#[test]
fn no_stored_drill_can_claim_production() {
    let stage = drill(Kind::Application);
    let text = serde_json::to_string(&stage.case).unwrap();
    let forged = text.replace("\"environment\":\"staging\"", "\"environment\":\"production\"");
    let error = serde_json::from_str::<rollback::Case>(&forged).unwrap_err();
    assert!(error.to_string().starts_with("a drill happens in staging only"), "{error}");
}
