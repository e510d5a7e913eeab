//! From what is asked for to what would run.

use std::collections::BTreeSet;

use chrono::TimeDelta;
use rollback::{
    Command, Digest, IncidentState, Kind, Neighbour, Report, RunId, RunState, Standing, Strategy,
    audit::Event,
    recipe::Recipe,
    step::{FailureCode, StepEvent, StepStatus},
};
use uuid::Uuid;

use crate::{
    recipes,
    stage::{Stage, fail, why},
};

fn neighbour(kind: Kind) -> Neighbour {
    Neighbour { run: RunId::new(Uuid::from_u128(99)), kind, standing: Standing::Preparing }
}

fn preview(recipe: Recipe) -> Report {
    Report::Preview { recipe, policy: recipes::policy() }
}

#[test]
fn a_run_is_opened_for_what_was_decided() {
    let mut stage = Stage::acknowledged();
    let opening = stage.opening(Kind::Application);
    stage.refuses("olaf", opening.clone(), "undecided");
    stage.does("olaf", Command::Decide { strategy: Strategy::NoRollback, reason: why() });
    stage.refuses("olaf", opening.clone(), "undecided");
    stage.does("olaf", Command::Decide { strategy: Strategy::Database, reason: why() });
    stage.refuses("olaf", opening.clone(), "undecided");
    stage.does("olaf", Command::Decide { strategy: Strategy::Application, reason: why() });
    stage.does("olaf", opening);
    assert_eq!((stage.incident(), stage.state()), (IncidentState::Acknowledged, RunState::Draft));
}

#[test]
fn an_incident_has_one_run_at_a_time() {
    let mut stage = Stage::drafted(Kind::Application);
    let another = stage.opening(Kind::Application);
    stage.refuses("olaf", another.clone(), "run_not_over");
    stage.does("olaf", Command::Cancel { reason: why() });
    stage.does("olaf", another);
}

#[test]
fn an_environment_has_one_run_of_a_kind_and_a_database_alone() {
    for (mine, other, refused) in [
        (Kind::Application, Kind::Application, true),
        (Kind::Application, Kind::Infrastructure, false),
        (Kind::Application, Kind::Database, true),
        (Kind::Database, Kind::Infrastructure, true),
    ] {
        let mut stage = Stage::decided(mine);
        stage.neighbours = vec![neighbour(other)];
        let opening = stage.opening(mine);
        if refused {
            stage.refuses("olaf", opening, "environment_busy");
        } else {
            stage.does("olaf", opening);
        }
    }
}

#[test]
fn a_preview_needs_every_step_of_the_preparation() {
    let mut stage = Stage::drafted(Kind::Application);
    stage.refuses_report(preview(stage.recipe()), "out_of_order");
    stage.takes("A1");
    stage.refuses_report(preview(stage.recipe()), "out_of_order");
    stage.takes("A2");
    stage.reports(preview(stage.recipe()));
    assert_eq!(stage.state(), RunState::Previewed);
    stage.refuses_report(preview(stage.recipe()), "illegal_transition");
}

#[test]
fn nothing_that_changes_something_is_prepared() {
    let mut stage = Stage::drafted(Kind::Application);
    stage.prepares_steps();
    stage.cannot_happen("A3", StepEvent::Intend, "out_of_order");
    stage.reports(preview(stage.recipe()));
    stage.cannot_happen("A3", StepEvent::Intend, "illegal_transition");
}

#[test]
fn a_preview_is_of_what_was_asked_for() {
    let prepared = |kind| {
        let mut stage = Stage::drafted(kind);
        stage.prepares_steps();
        stage
    };
    let incident_at = Stage::open().case.incident().moments().alerted_at;

    let stage = prepared(Kind::Application);
    let other = rollback::recipe::ApplicationRecipe { application: "chat".parse().unwrap(), ..recipes::application() };
    stage.refuses_report(preview(Recipe::Application(other)), "wrong_recipe");
    stage.refuses_report(preview(Recipe::Database(recipes::database(incident_at))), "wrong_recipe");

    let stage = prepared(Kind::Database);
    let database = || recipes::database(incident_at);
    let mut fewer = database();
    fewer.redeployments.pop();
    let mut waived = database();
    waived.waive_freeze = Some(why());
    let mut in_place = database();
    in_place.restored = in_place.source.clone();
    for wrong in [fewer, waived, in_place] {
        stage.refuses_report(preview(Recipe::Database(wrong)), "wrong_recipe");
    }

    let stage = prepared(Kind::Infrastructure);
    let mut more_lost = recipes::infrastructure("plan");
    more_lost.losses.insert("terraform_data.b".parse().unwrap());
    stage.refuses_report(preview(Recipe::Infrastructure(Box::new(more_lost))), "wrong_recipe");
}

#[test]
fn what_a_preview_gives_up_is_noted() {
    let stage = Stage::previewed(Kind::Database);
    assert_eq!(stage.case.incident().loss().asked_seconds, Some(60));
}

#[test]
fn a_failed_preparation_ends_the_run_and_blocks_nothing() {
    let mut stage = Stage::drafted(Kind::Application);
    stage.sends("A1");
    stage.happens("A1", fail(FailureCode::UnknownRepository));
    assert_eq!((stage.incident(), stage.state()), (IncidentState::Acknowledged, RunState::Failed));
    assert_eq!(stage.case.incident().run(), None);
    stage.refuses("ada", Command::Attest { statement: why(), evidence: vec![Digest::of(b"x")] }, "nothing_to_attest");
    let another = stage.opening(Kind::Application);
    stage.does("olaf", another);
}

#[test]
fn a_plan_that_must_not_be_applied_is_rejected() {
    for code in [FailureCode::PlanBlocked, FailureCode::PlanDrifted] {
        let mut stage = Stage::drafted(Kind::Infrastructure);
        for step in ["I1", "I2", "I3"] {
            stage.takes(step);
        }
        stage.happens("I4", StepEvent::Intend);
        stage.happens("I4", fail(code));
        assert_eq!((stage.incident(), stage.state()), (IncidentState::Acknowledged, RunState::Rejected), "{code}");
        assert_eq!(stage.count(|event| matches!(event, Event::RunBlocked { .. })), 1);
    }
}

#[test]
fn a_plan_that_cannot_be_made_stops_there() {
    let mut stage = Stage::drafted(Kind::Infrastructure);
    stage.takes("I1");
    stage.sends("I2");
    stage.happens("I2", fail(FailureCode::PlanFailed));
    assert_eq!((stage.state(), stage.status("I3")), (RunState::Failed, StepStatus::Pending));
    stage.cannot_happen("I3", StepEvent::Intend, "illegal_transition");
}

#[test]
fn whoever_submits_acknowledges_the_hazards_of_this_preview() {
    let mut stage = Stage::previewed(Kind::Infrastructure);
    let digest = stage.digest();
    let submit = |digest, acknowledged| Command::Submit { digest, acknowledged };
    stage.refuses("olaf", submit(digest, BTreeSet::new()), "unacknowledged");
    stage.refuses("olaf", submit(Digest::of(b"another"), stage.hazards()), "digest_mismatch");
    stage.does("olaf", stage.submission());
    assert_eq!(stage.state(), RunState::AwaitingApproval);
}

#[test]
fn what_people_take_upon_them_is_a_hazard() {
    let stage = Stage::previewed(Kind::Infrastructure);
    assert_eq!(stage.hazards().iter().map(|hazard| hazard.as_str()).collect::<Vec<_>>(), ["terraform_data.a"]);
    let mut database = recipes::database(stage.now);
    database.waive_freeze = Some(why());
    database.accept_loss = Some(why());
    let words: Vec<_> = Recipe::Database(database).hazards().iter().map(ToString::to_string).collect();
    assert_eq!(words, ["freeze-waived", "loss-accepted"]);
    let unstated = rollback::recipe::ApplicationRecipe { schema_unstated: true, ..recipes::application() };
    assert_eq!(Recipe::Application(unstated).hazards().len(), 1);
}

#[test]
fn a_run_is_called_off_until_it_has_changed_something() {
    let mut stage = Stage::executing(Kind::Application);
    stage.happens("A3", StepEvent::Intend);
    let mut sent = Stage::executing(Kind::Application);
    sent.sends("A3");
    let cancel = || Command::Cancel { reason: why() };
    sent.refuses("olaf", cancel(), "has_effects");
    stage.does("olaf", cancel());
    assert_eq!((stage.incident(), stage.state()), (IncidentState::Acknowledged, RunState::Cancelled));
    stage.cannot_happen("A3", stage.leaving(), "illegal_transition");
}

#[test]
fn a_preview_is_opened_by_whoever_may_read() {
    let mut stage = Stage::previewed(Kind::Application);
    stage.does("rita", Command::OpenPreview);
    assert_eq!(stage.run().readings().len(), 1);
    stage.refuses("stranger", Command::OpenPreview, "forbidden");
    stage.now += TimeDelta::minutes(1);
    assert_eq!(Stage::drafted(Kind::Application).refuses_code("ada", Command::OpenPreview), "not_previewed");
}
