//! A worker is killed at every point between any two operations: statements and calls alike. Whatever it was at, another
//! one goes on, and what is done outside is done once; or the run stops for a person, and nothing was done twice.

use rollback::{Command, IncidentState, Kind, RunState, step::StepStatus};

use crate::{
    books::{Death, Fuse},
    stage::{Stage, why},
};
use chrono::TimeDelta;

/// A run of this kind, prepared by workers of which the first dies at this operation; then executed.
struct Story {
    stage: Stage,
    /// How many operations there were before the worker came to its end.
    operations: u32,
}

/// A run that is prepared and executed, by a worker that dies at one operation and others that go on.
fn told(kind: Kind, fuse: &Fuse) -> Story {
    let stage = Stage::drafted(kind);
    work_on(&stage, fuse);
    assert!(stage.run().preview().is_some(), "{kind}: {}", stage.told());
    stage.executes();
    work_on(&stage, fuse);
    Story { stage, operations: fuse.spent.get() }
}

/// Works until there is nothing more to do; when the worker dies another one takes its place, once its lease is over.
fn work_on(stage: &Stage, fuse: &Fuse) {
    if !fuse.is_burnt() {
        stage.works(fuse, None);
    }
    if fuse.is_burnt() {
        stage.books.wait(TimeDelta::seconds(60));
        stage.works(&Fuse::none(), None);
    }
    // What provably did not happen is let happen by an operator.
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

/// What was done outside, in the order of the steps: how often each.
fn effects(stage: &Stage, kind: Kind) -> Vec<(&'static str, usize)> {
    let state = stage.world.state.borrow();
    match kind {
        Kind::Application => vec![("deploy", stage.dispatches("deploy.yml", None))],
        Kind::Database => vec![
            ("freeze", stage.dispatches("freeze.yml", Some("freeze"))),
            ("servers", state.servers.len()),
            ("secret", usize::from(!state.secrets.is_empty())),
            ("deploy orders", deployments(stage, "orders")),
            ("deploy chat", deployments(stage, "chat")),
            ("thaw", stage.dispatches("freeze.yml", Some("thaw"))),
        ],
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
        let story = told(kind, &Fuse::none());
        assert_eq!(story.stage.state(), RunState::Succeeded, "{kind}: {}", story.stage.told());
        assert_eq!(story.stage.incident(), IncidentState::MitigatedUnvalidated);
        assert!(effects(&story.stage, kind).iter().all(|(_, times)| *times == 1), "{kind}");
        assert!(story.operations > 20, "{kind}: {}", story.operations);
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

fn everywhere(kind: Kind) {
    let operations = told(kind, &Fuse::none()).operations;
    let mut stopped = 0;
    for operation in 1..=operations {
        for death in [Death::Before, Death::After] {
            let story = told(kind, &Fuse::at(operation, death));
            let stage = &story.stage;
            let what = format!("{kind}, operation {operation}, {death:?}: {}", stage.told());
            let effects = effects(stage, kind);
            assert!(effects.iter().all(|(_, times)| *times <= 1), "something was done twice: {effects:?}, {what}");
            match stage.state() {
                RunState::Succeeded => {
                    assert!(effects.iter().all(|(_, times)| *times == 1), "something was skipped: {effects:?}, {what}");
                }
                RunState::NeedsManual => {
                    stopped += 1;
                    // Only an apply is never repeated and so may end like this.
                    assert_eq!(kind, Kind::Infrastructure, "{what}");
                    assert_eq!(stage.incident(), IncidentState::Blocked, "{what}");
                }
                other => panic!("the run is {other}: {what}"),
            }
        }
    }
    assert_eq!(stopped > 0, kind == Kind::Infrastructure);
}

#[test]
fn what_an_operator_does_not_let_happen_does_not_happen() {
    let stage = Stage::drafted(Kind::Application);
    stage.works(&Fuse::none(), None);
    stage.executes();
    // Of the operations of the execution the dispatch is one; dying before each leaves it undone in at least one case.
    let mut undone = 0;
    let total = told(Kind::Application, &Fuse::none()).operations;
    for operation in 1..=total {
        let stage = Stage::drafted(Kind::Application);
        let fuse = Fuse::at(operation, Death::Before);
        stage.works(&fuse, None);
        if fuse.is_burnt() {
            continue;
        }
        stage.executes();
        stage.works(&fuse, None);
        stage.books.wait(TimeDelta::seconds(60));
        stage.works(&Fuse::none(), None);
        if !stage.waits_for_people() {
            continue;
        }
        undone += 1;
        assert_eq!(stage.dispatches("deploy.yml", None), 0);
        assert_eq!(stage.current().unwrap().status(), StepStatus::Unknown);
        // Nothing goes on until its deadline, and then a person must look.
        stage.books.wait(TimeDelta::minutes(10));
        stage.ticks();
        assert_eq!((stage.state(), stage.incident()), (RunState::NeedsManual, IncidentState::Blocked));
        stage.does("cleo", Command::Attest { statement: why(), evidence: vec![rollback::Digest::of(b"seen")] });
        assert_eq!(stage.incident(), IncidentState::Acknowledged);
    }
    assert!(undone > 0);
}
