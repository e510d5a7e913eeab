//! The gate before an environment: GitHub lets a deployment through when the worker says that it is approved, and the worker
//! says so only of what it has dispatched itself.

use rollback::{Kind, RunState};

use crate::{books::Fuse, stage::Stage};

#[test]
fn what_is_approved_is_let_through_once() {
    let stage = Stage::drafted(Kind::Application, &["orders"]);
    stage.works(&Fuse::none(), None);
    stage.world.state.borrow_mut().gated = true;
    stage.executes();
    stage.works(&Fuse::none(), None);
    assert_eq!(stage.state(), RunState::Succeeded, "{}", stage.told());
    let state = stage.world.state.borrow();
    let dispatched: Vec<u64> = state.runs.iter().map(|run| run.id).collect();
    assert_eq!(state.let_through, dispatched);
}
