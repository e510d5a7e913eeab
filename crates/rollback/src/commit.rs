//! Whether infrastructure may be rolled back to a commit (step I1).

use crate::step::{Failure, FailureCode};

/// What is known of a commit.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct CommitFacts {
    /// Whether it is an ancestor of the main branch.
    pub on_main: bool,
    /// Whether it was applied to this environment before, and that ended well.
    pub applied: bool,
}

/// Checks a commit.
///
/// # Errors
/// [`FailureCode::InvalidCommit`] when it is not on the main branch, [`FailureCode::NeverApplied`] when it was not applied to
/// this environment before.
pub fn check(facts: CommitFacts) -> Result<(), Failure> {
    if !facts.on_main {
        return Err(Failure::new(FailureCode::InvalidCommit, "the commit is not on the main branch"));
    }
    if !facts.applied {
        return Err(Failure::new(FailureCode::NeverApplied, "the commit was not applied to this environment before"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: CommitFacts = CommitFacts { on_main: true, applied: true };

    #[test]
    fn each_cause_has_its_name() {
        let code = |facts| check(facts).err().map(|failure| failure.code);
        assert_eq!(code(GOOD), None);
        assert_eq!(code(CommitFacts { on_main: false, ..GOOD }), Some(FailureCode::InvalidCommit));
        assert_eq!(code(CommitFacts { applied: false, ..GOOD }), Some(FailureCode::NeverApplied));
    }
}
