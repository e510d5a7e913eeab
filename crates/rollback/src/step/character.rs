//! What a step is like: when it comes, what it touches, whether it may be sent again, how long it may take.

use chrono::TimeDelta;

use super::{ApplicationStep as A, DatabaseStep as D, InfrastructureStep as I, Rollout, StepName};

/// When a step comes.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Phase {
    /// Before the preview: it finds out what would run.
    Preparation,
    /// After the approvals.
    Execution,
}

/// What a step touches.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Nature {
    /// Nothing: it decides on what is known already. It makes no outbound call.
    Decision,
    /// Nothing: it asks.
    Read,
    /// Nothing that customers use: it has work done elsewhere that only looks.
    Rehearsal,
    /// The environment.
    Effect,
    /// The environment, in that what an effect has begun is still under way.
    Waiting,
}

impl Nature {
    /// Whether the environment may change while the step is under way.
    #[must_use]
    pub const fn changes_something(self) -> bool {
        matches!(self, Self::Effect | Self::Waiting)
    }
}

/// Whether a step may be sent again when its outcome is not known.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Repeat {
    /// By the worker itself: it only asks, or its key makes a second time the same as the first.
    Freely,
    /// By an operator, when the first time has provably not happened.
    OnceAbsent,
    /// Never.
    Never,
}

/// What a step is like.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Character {
    /// When it comes.
    pub phase: Phase,
    /// What it touches.
    pub nature: Nature,
    /// Whether it may be sent again.
    pub repeat: Repeat,
    /// How long after its intent it must have ended; after that a person must look.
    pub deadline: TimeDelta,
}

impl StepName {
    /// What the step is like.
    #[must_use]
    pub const fn character(&self) -> Character {
        match self {
            Self::Application(A::ResolveTags) => preparation(Nature::Read, Repeat::Freely, 2),
            Self::Application(A::Choose) | Self::Infrastructure(I::Classify) => {
                preparation(Nature::Decision, Repeat::Freely, 5)
            }
            Self::Database(D::Preflight) | Self::Infrastructure(I::ChooseCommit) => {
                preparation(Nature::Read, Repeat::Freely, 5)
            }
            Self::Infrastructure(I::Plan) => preparation(Nature::Rehearsal, Repeat::OnceAbsent, 30),
            Self::Infrastructure(I::FetchPlan) => preparation(Nature::Read, Repeat::Freely, 10),

            // A dispatch is not idempotent: sent again it deploys again. 10 minutes leave time to prove its absence.
            Self::Application(A::Dispatch) | Self::Database(D::Redeploy(_, Rollout::Dispatch)) => {
                execution(Nature::Effect, Repeat::OnceAbsent, 10)
            }
            Self::Application(A::Wait) | Self::Database(D::Redeploy(_, Rollout::Wait)) => {
                execution(Nature::Waiting, Repeat::Freely, 20)
            }
            Self::Application(A::VerifyRollout) | Self::Database(D::Redeploy(_, Rollout::Verify)) => {
                execution(Nature::Read, Repeat::Freely, 10)
            }

            Self::Database(D::Freeze | D::Thaw) => execution(Nature::Effect, Repeat::OnceAbsent, 15),
            // The server's name is the key: a second request for the same name and point in time is the first one.
            Self::Database(D::Restore) => execution(Nature::Effect, Repeat::Freely, 15),
            Self::Database(D::AwaitServer) => execution(Nature::Waiting, Repeat::Freely, 180),
            Self::Database(D::VerifyData) => execution(Nature::Read, Repeat::Freely, 15),
            // Writing the same value again changes nothing.
            Self::Database(D::UpdateSecret) => execution(Nature::Effect, Repeat::Freely, 10),

            Self::Infrastructure(I::Approve) => execution(Nature::Decision, Repeat::Freely, 5),
            // One apply per plan, ever: an apply that may have begun has spent its plan.
            Self::Infrastructure(I::Apply) => execution(Nature::Effect, Repeat::Never, 60),
            Self::Infrastructure(I::Converge) => execution(Nature::Rehearsal, Repeat::OnceAbsent, 30),
        }
    }
}

const fn preparation(nature: Nature, repeat: Repeat, minutes: i64) -> Character {
    Character { phase: Phase::Preparation, nature, repeat, deadline: TimeDelta::minutes(minutes) }
}

const fn execution(nature: Nature, repeat: Repeat, minutes: i64) -> Character {
    Character { phase: Phase::Execution, nature, repeat, deadline: TimeDelta::minutes(minutes) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn character(code: &str) -> Character {
        code.parse::<StepName>().unwrap().character()
    }

    #[test]
    fn nothing_changes_before_the_approvals() {
        for code in ["A1", "A2", "D1", "I1", "I2", "I3", "I4"] {
            assert_eq!(character(code).phase, Phase::Preparation, "{code}");
            assert!(!character(code).nature.changes_something(), "{code}");
        }
    }

    #[test]
    fn no_dispatch_and_no_apply_is_sent_again_by_itself() {
        for code in ["A3", "D2", "D7:orders:A3", "D7:thaw", "I2", "I7"] {
            assert_eq!(character(code).repeat, Repeat::OnceAbsent, "{code}");
        }
        assert_eq!(character("I6").repeat, Repeat::Never);
    }
}
