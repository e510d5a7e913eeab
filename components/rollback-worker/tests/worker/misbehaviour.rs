//! The outside misbehaves: it refuses, is too busy, breaks, is slow, talks nonsense, breaks off. Then it recovers. What each
//! comes to stands in `docs/rollback.md`.

use std::cell::{Cell, RefCell};

use chrono::TimeDelta;
use clients::{Request, Response, Silence};
use rollback::{
    Kind, RunState,
    step::{FailureCode, StepStatus},
};
use rollback_worker::memory::Memory;

use crate::{books::Fuse, kill::effects, stage::Stage, world::World};

/// How the outside misbehaves.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Manner {
    /// It answers with this status.
    Status(u16),
    /// It says when to come again.
    Later,
    /// It does not answer in time.
    Slow,
    /// It answers with what is no answer.
    Garbage,
    /// It breaks off in the middle.
    Half,
}

impl Manner {
    const ALL: [Self; 10] = [
        Self::Status(401),
        Self::Status(403),
        Self::Status(404),
        Self::Status(409),
        Self::Status(422),
        Self::Later,
        Self::Status(500),
        Self::Slow,
        Self::Garbage,
        Self::Half,
    ];

    /// Whether it may pass by itself.
    fn passes(self) -> bool {
        matches!(self, Self::Later | Self::Status(500) | Self::Slow | Self::Garbage | Self::Half)
    }

    fn answer(self, request: &Request) -> Result<Response, Silence> {
        let json = |status, body: &str| {
            let headers = vec![("content-type".to_owned(), "application/json".to_owned())];
            request.answer(status, headers, body.as_bytes().to_vec())
        };
        match self {
            Self::Status(status) => json(status, r#"{"message": "no", "error": {"code": "No", "message": "no"}}"#),
            Self::Later => request.answer(429, vec![("retry-after".to_owned(), "7".to_owned())], Vec::new()),
            Self::Slow => Err(Silence::TimedOut),
            Self::Garbage => request.answer(200, Vec::new(), b"<html>a proxy\xff".to_vec()),
            Self::Half => {
                request.answer(200, vec![("content-length".to_owned(), "999".to_owned())], b"{\"a\": ".to_vec())
            }
        }
    }
}

/// How often it misbehaves before it recovers.
const TIMES: u32 = 2;

#[test]
fn while_an_application_is_rolled_back() {
    each_call(Kind::Application);
}

#[test]
fn while_a_database_is_rolled_back() {
    each_call(Kind::Database);
}

#[test]
fn while_infrastructure_is_rolled_back() {
    each_call(Kind::Infrastructure);
}

/// Goes through a run, and at each call tries what becomes of it when the outside misbehaves just there.
fn each_call(kind: Kind) {
    let stage = Stage::drafted(kind, &["orders"]);
    let mut calls = each_call_of(&stage, kind);
    stage.executes();
    calls += each_call_of(&stage, kind);
    assert_eq!(stage.state(), RunState::Succeeded, "{}", stage.told());
    assert!(calls >= 10, "{calls}");
}

fn each_call_of(stage: &Stage, kind: Kind) -> u32 {
    let (memory, mut calls) = (Memory::default(), 0);
    loop {
        let before = stage.fork();
        let asked = Cell::new(false);
        let watch = |_: &Request, _: &World| {
            asked.set(true);
            None
        };
        let more = stage.takes_a_turn(&memory, &Fuse::none(), Some(&watch));
        if asked.get() {
            calls += 1;
            for manner in Manner::ALL {
                misbehaves(&before.fork(), kind, manner);
            }
        }
        if !more {
            return calls;
        }
    }
}

fn misbehaves(stage: &Stage, kind: Kind, manner: Manner) {
    let step = stage.current();
    let (left, shot) = (Cell::new(TIMES), Cell::new(false));
    let meddler = |request: &Request, _: &World| {
        let left_now = left.get();
        if left_now == 0 {
            return None;
        }
        left.set(left_now - 1);
        if left_now == TIMES {
            let mutating = request.url.contains("/dispatches") || request.url.contains("flexibleServers/orders-db-r");
            shot.set(mutating && request.method.as_str() != "GET");
        }
        Some(manner.answer(request))
    };
    stage.works(&Fuse::none(), Some(&meddler));
    let previewed = stage.state() == RunState::Previewed;
    let what = format!("{kind}, {:?} at {:?}: {}", manner, step.map(|step| step.name().to_string()), stage.told());
    let effects = effects(stage, kind, &["orders"]);
    assert!(effects.iter().all(|(_, times)| *times <= 1), "something was done twice: {effects:?}, {what}");

    let current = stage.current();
    let unknown = current.as_ref().is_some_and(|step| step.status() == StepStatus::Unknown);
    match stage.state() {
        RunState::Succeeded | RunState::Previewed => {}
        RunState::Failed | RunState::NeedsManual | RunState::Rejected => {
            let failure = stage.run().steps().iter().find_map(|step| step.failure().cloned());
            let code = failure.map(|failure| failure.code);
            // What passes by itself fails nothing, but for an apply that can't be told and is not sent again.
            let apply = code == Some(FailureCode::ApplyFailed) && shot.get();
            assert!(!manner.passes() || apply, "{what}");
            let expected: &[FailureCode] = match manner {
                Manner::Status(401) => &[FailureCode::LoginRefused, FailureCode::InsufficientPermissions],
                Manner::Status(403) => &[FailureCode::InsufficientPermissions, FailureCode::LoginRefused],
                _ => &[],
            };
            if let Some(code) = code.filter(|_| !expected.is_empty()) {
                assert!(expected.contains(&code), "{code}: {what}");
            }
        }
        RunState::Draft | RunState::Executing | RunState::Verifying => {
            // A dispatch that can't be told: it was not done, and only a person may let it be done.
            assert!(unknown && shot.get() && stage.waits_for_people(), "{what}");
            assert!(manner.passes(), "{what}");
        }
        other => panic!("the run is {other}: {what}"),
    }
    if manner.passes() && !shot.get() {
        assert!(previewed || stage.state() == RunState::Succeeded, "it has not recovered: {what}");
    }
}

#[test]
fn what_was_lost_is_looked_for_again_when_the_other_side_says() {
    let stage = Stage::drafted(Kind::Application, &["orders"]);
    stage.works(&Fuse::none(), None);
    stage.executes();
    let (lost, looks) = (Cell::new(false), RefCell::new(Vec::new()));
    let meddler = |request: &Request, world: &World| {
        if request.url.contains("/dispatches") {
            lost.set(true);
            return Some(Err(Silence::TimedOut));
        }
        if !lost.get() || !request.url.contains("/workflows/deploy.yml/runs") {
            return None;
        }
        looks.borrow_mut().push(*world.now.borrow());
        let is_busy = looks.borrow().len() <= 3;
        is_busy.then(|| request.answer(429, vec![("retry-after".to_owned(), "60".to_owned())], Vec::new()))
    };
    stage.works(&Fuse::none(), Some(&meddler));
    let pauses: Vec<_> = looks.borrow().windows(2).take(3).map(|pair| pair[1] - pair[0]).collect();
    assert!(pauses.len() == 3 && pauses.iter().all(|pause| *pause >= TimeDelta::seconds(60)), "{pauses:?}");
    // Nobody was called because of that: the dispatch has left no trace, and an operator may let it happen.
    assert!(stage.waits_for_people(), "{}", stage.told());
}
