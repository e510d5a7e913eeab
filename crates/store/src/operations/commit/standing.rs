//! How far a run has come.

use rollback::{Run, Standing};

/// How far a run has come, while it holds its environment.
pub(super) fn of(run: &Run) -> Option<Standing> {
    if run.is_stopped() {
        Some(Standing::Stopped)
    } else if !run.state().is_live() {
        None
    } else if run.executed_at().is_some() {
        Some(Standing::Executing)
    } else {
        Some(Standing::Preparing)
    }
}
