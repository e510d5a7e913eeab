//! A validation, gone through by the worker.

use chrono::TimeDelta;
use rollback::{
    IncidentState, Kind,
    validation::{Check, MandatoryCheck, Verdict},
};

use crate::{books::Fuse, stage::Stage};

fn mitigated() -> Stage {
    let stage = Stage::drafted(Kind::Application, &["orders"]);
    stage.works(&Fuse::none(), None);
    stage.executes();
    stage.works(&Fuse::none(), None);
    assert_eq!(stage.incident(), IncidentState::MitigatedUnvalidated);
    stage.books.wait(TimeDelta::seconds(1));
    stage
}

fn verdict(stage: &Stage, check: MandatoryCheck) -> Verdict {
    let case = stage.case();
    let results = case.incident().validation().unwrap().results().to_vec();
    let found = results.iter().find(|result| result.check == Check::Mandatory(check));
    found.unwrap_or_else(|| panic!("{check} is missing: {results:?}")).verdict
}

#[test]
fn it_passes_when_everything_is_as_it_should_be() {
    let stage = mitigated();
    let began = stage.books.now.get();
    stage.begins_validation();
    stage.works(&Fuse::none(), None);
    assert_eq!(stage.incident(), IncidentState::Validated, "{:?}", stage.case().incident().validation());
    // Nothing was measured before the window lay wholly after the last change.
    assert!(stage.books.now.get() - began >= TimeDelta::seconds(118));
    let case = stage.case();
    assert!(case.incident().validation().unwrap().results().iter().all(|result| result.evidence.is_some()));
    // What the smoke tests have made is gone.
    let log = stage.world.state.borrow().log.clone();
    let made = |method: &str| log.iter().filter(|line| line.starts_with(method) && line.contains("/smoke/")).count();
    assert_eq!((made("POST"), made("DELETE")), (2, 2));
}

#[test]
fn pods_of_another_image_fail_it() {
    let stage = mitigated();
    stage.world.state.borrow_mut().images.insert("orders".into(), (crate::world::bad(), None));
    stage.begins_validation();
    stage.works(&Fuse::none(), None);
    assert_eq!(stage.incident(), IncidentState::Acknowledged);
    assert_eq!(verdict(&stage, MandatoryCheck::Pods), Verdict::Fail);
}

#[test]
fn what_nobody_answers_is_inconclusive() {
    let stage = mitigated();
    stage.begins_validation();
    let deaf = |request: &clients::Request, _: &crate::world::World| {
        (request.url.contains("prometheus.test") || request.url.contains("/smoke/"))
            .then_some(Err(clients::Silence::TimedOut))
    };
    stage.works(&Fuse::none(), Some(&deaf));
    assert_eq!(stage.incident(), IncidentState::MitigatedUnvalidated);
    for check in [MandatoryCheck::Latency, MandatoryCheck::Traffic, MandatoryCheck::Alert, MandatoryCheck::SmokeUser] {
        assert_eq!(verdict(&stage, check), Verdict::Inconclusive, "{check}");
    }
    assert_eq!(verdict(&stage, MandatoryCheck::Pods), Verdict::Pass);
}

#[test]
fn an_alert_that_goes_on_firing_fails_it_after_a_while() {
    let stage = mitigated();
    stage.world.state.borrow_mut().fires = true;
    let began = stage.books.now.get();
    stage.begins_validation();
    stage.works(&Fuse::none(), None);
    assert_eq!(verdict(&stage, MandatoryCheck::Alert), Verdict::Fail);
    assert!(stage.books.now.get() - began >= TimeDelta::minutes(10));
}

#[test]
fn what_is_around_an_alert_is_put_together() {
    let stage = Stage::drafted(Kind::Application, &["orders", "chat"]);
    stage.triages();
    stage.works(&Fuse::none(), None);
    let triage = stage.books.rows.borrow().triage.clone().expect("there is a triage");
    assert_eq!(triage["applications"][0]["application"], "orders");
    assert_eq!(triage["applications"][0]["digest"], crate::world::bad().to_string());
    assert_eq!(triage["metrics"].as_array().unwrap().len(), 3);
    assert_eq!(triage["unseen"].as_array().unwrap().len(), 0, "{triage}");
    assert!(triage["recommendation"]["reason"].is_string());
}
