//! A worker is killed at every point between any two operations: statements and calls alike, before each is done and when
//! it is done and nobody has heard of it. Another one goes on when the lease is over: what is done outside is done once; or
//! the run stops for a person, and nothing was done twice.

use chrono::TimeDelta;
use rollback::{Command, IncidentState, Kind, RunState, step::StepStatus};
use rollback_worker::memory::Memory;

use crate::{
    books::{Death, Fuse},
    stage::{Stage, why},
};

/// The applications of the database that is rolled back.
const ONE: &[&str] = &["orders"];

/// What was done outside, in the order of the steps: how often each.
pub fn effects(stage: &Stage, kind: Kind, applications: &[&'static str]) -> Vec<(&'static str, usize)> {
    let state = stage.world.state.borrow();
    match kind {
        Kind::Application => vec![("deploy", stage.dispatches("deploy.yml", None))],
        Kind::Database => [
            ("freeze", stage.dispatches("freeze.yml", Some("freeze"))),
            ("restore", state.servers.len() + usize::try_from(state.repeated_restores).unwrap()),
            ("secret", usize::from(!state.secrets.is_empty())),
            ("thaw", stage.dispatches("freeze.yml", Some("thaw"))),
        ]
        .into_iter()
        .chain(applications.iter().map(|application| (*application, deployments(stage, application))))
        .collect(),
        Kind::Infrastructure => vec![("apply", stage.dispatches("terraform-apply.yml", None))],
    }
}

fn deployments(stage: &Stage, application: &str) -> usize {
    let state = stage.world.state.borrow();
    state.runs.iter().filter(|run| run.inputs.get("application").is_some_and(|own| own == application)).count()
}

#[test]
fn nobody_dies() {
    for &kind in Kind::ALL {
        let applications = &["orders", "chat"];
        let stage = Stage::drafted(kind, applications);
        stage.works(&Fuse::none(), None);
        assert!(stage.run().preview().is_some(), "{kind}: {}", stage.told());
        stage.executes();
        stage.works(&Fuse::none(), None);
        assert_eq!(stage.state(), RunState::Succeeded, "{kind}: {}", stage.told());
        assert_eq!(stage.incident(), IncidentState::MitigatedUnvalidated);
        let effects = effects(&stage, kind, applications);
        assert!(effects.iter().all(|(_, times)| *times == 1), "{kind}: {effects:?}");
    }
}

#[test]
fn whenever_an_application_s_worker_dies() {
    everywhere(Kind::Application);
}

#[test]
fn whenever_a_database_s_worker_dies() {
    everywhere(Kind::Database);
}

#[test]
fn whenever_an_infrastructure_s_worker_dies() {
    everywhere(Kind::Infrastructure);
}

/// How runs have ended whose worker was killed.
#[derive(Default)]
struct Ends {
    succeeded: usize,
    stopped: usize,
}

fn everywhere(kind: Kind) {
    let mut ends = Ends::default();
    let stage = Stage::drafted(kind, ONE);
    killing_each_turn(&stage, |fork, what| {
        assert!(fork.run().preview().is_some(), "there is no preview: {what}");
        assert!(fork.dispatches("terraform-plan.yml", None) <= 1, "planned twice: {what}");
    });
    stage.executes();
    killing_each_turn(&stage, |fork, what| {
        let effects = effects(fork, kind, ONE);
        assert!(effects.iter().all(|(_, times)| *times <= 1), "something was done twice: {effects:?}, {what}");
        match fork.state() {
            RunState::Succeeded => {
                ends.succeeded += 1;
                assert!(effects.iter().all(|(_, times)| *times == 1), "something was skipped: {effects:?}, {what}");
            }
            RunState::NeedsManual => {
                ends.stopped += 1;
                // Only an apply is never sent again, and ends like this when it can't be told whether it was.
                assert_eq!((kind, fork.incident()), (Kind::Infrastructure, IncidentState::Blocked), "{what}");
            }
            other => panic!("the run is {other}: {what}"),
        }
    });
    assert_eq!(stage.state(), RunState::Succeeded, "{}", stage.told());
    assert!(ends.succeeded > 20, "{}", ends.succeeded);
    assert_eq!(ends.stopped > 0, kind == Kind::Infrastructure);
}

/// Goes on until there is nothing more to do, and before each turn tries what becomes of it when the worker dies at each of
/// its operations.
fn killing_each_turn(stage: &Stage, mut judge: impl FnMut(&Stage, &str)) {
    let memory = Memory::default();
    loop {
        let before = stage.fork();
        let fuse = Fuse::none();
        let more = stage.takes_a_turn(&memory, &fuse, None);
        for operation in 1..=fuse.spent.get() {
            for death in [Death::Before, Death::After] {
                let fork = before.fork();
                let fuse = Fuse::at(operation, death);
                fork.works(&fuse, None);
                assert!(fuse.is_burnt());
                fork.books.wait(TimeDelta::seconds(60));
                goes_on(&fork);
                judge(&fork, &format!("operation {operation}, {death:?}: {}", fork.told()));
            }
        }
        if !more {
            return;
        }
    }
}

/// Another worker goes on, and what provably did not happen is let happen by an operator.
fn goes_on(stage: &Stage) {
    stage.works(&Fuse::none(), None);
    for _ in 0..5 {
        if !stage.waits_for_people() {
            return;
        }
        let step = stage.current().unwrap();
        stage.does("olaf", Command::Retry { step: step.name().clone() });
        stage.wakes();
        stage.works(&Fuse::none(), None);
    }
}

#[test]
fn what_an_operator_does_not_let_happen_does_not_happen() {
    let stage = Stage::drafted(Kind::Application, ONE);
    stage.works(&Fuse::none(), None);
    stage.executes();
    let (memory, mut undone) = (Memory::default(), 0);
    loop {
        let before = stage.fork();
        let fuse = Fuse::none();
        let more = stage.takes_a_turn(&memory, &fuse, None);
        for operation in 1..=fuse.spent.get() {
            let fork = before.fork();
            fork.works(&Fuse::at(operation, Death::Before), None);
            fork.books.wait(TimeDelta::seconds(60));
            fork.works(&Fuse::none(), None);
            if fork.waits_for_people() {
                undone += 1;
                stays_undone(&fork);
            }
        }
        if !more {
            break;
        }
    }
    assert!(undone > 0);
}

fn stays_undone(stage: &Stage) {
    assert_eq!(stage.dispatches("deploy.yml", None), 0);
    assert_eq!(stage.current().unwrap().status(), StepStatus::Unknown);
    // Nothing goes on until its deadline, and then a person must look.
    stage.books.wait(TimeDelta::minutes(10));
    stage.ticks();
    assert_eq!((stage.state(), stage.incident()), (RunState::NeedsManual, IncidentState::Blocked));
    stage.does("cleo", Command::Attest { statement: why(), evidence: vec![rollback::Digest::of(b"seen")] });
    assert_eq!(stage.incident(), IncidentState::Acknowledged);
}
