//! What is put into a world.

use rollback::{Command, Report};

/// What is put into a world: into which of its incidents, and what.
#[derive(Clone, Debug)]
pub enum Input {
    /// A person commands.
    Command { case: usize, by: &'static str, command: Command },
    /// Something is reported.
    Report { case: usize, report: Report },
    /// The clock is looked at.
    Tick { case: usize },
    /// Time passes.
    Wait { seconds: i64 },
    /// Somebody's roles are withdrawn, or granted again.
    Revoke { person: &'static str, revoked: bool },
    /// Rollbacks are halted, or let go on.
    Halt { halted: bool },
}
