//! Whether infrastructure may be rolled back to a commit (step I1).

use crate::step::{Failure, FailureCode};

/// What is known of a commit.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct CommitFacts {
    /// Whether the repository has it.
    pub exists: bool,
    /// Whether it is an ancestor of the main branch.
    pub on_main: bool,
    /// Whether it was applied to this environment before, and that ended well.
    pub applied: bool,
    /// Whether a signed stable tag points to it.
    pub signed_stable: bool,
}

/// Checks a commit.
///
/// # Errors
/// [`FailureCode::InvalidCommit`] when there is none such on the main branch, [`FailureCode::NeverApplied`] when it was
/// neither applied to this environment before nor marked stable by a signed tag.
pub fn check(facts: CommitFacts) -> Result<(), Failure> {
    if !facts.exists {
        return Err(Failure::new(FailureCode::InvalidCommit, "the repository has no such commit"));
    }
    if !facts.on_main {
        return Err(Failure::new(FailureCode::InvalidCommit, "the commit is not on the main branch"));
    }
    if !facts.applied && !facts.signed_stable {
        return Err(Failure::new(FailureCode::NeverApplied, "the commit was not applied to this environment before"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: CommitFacts = CommitFacts { exists: true, on_main: true, applied: true, signed_stable: false };

    #[test]
    fn each_cause_has_its_name() {
        let code = |facts| check(facts).err().map(|failure| failure.code);
        assert_eq!(code(GOOD), None);
        assert_eq!(code(CommitFacts { applied: false, signed_stable: true, ..GOOD }), None);
        assert_eq!(code(CommitFacts { exists: false, ..GOOD }), Some(FailureCode::InvalidCommit));
        assert_eq!(code(CommitFacts { on_main: false, ..GOOD }), Some(FailureCode::InvalidCommit));
        assert_eq!(code(CommitFacts { applied: false, ..GOOD }), Some(FailureCode::NeverApplied));
    }
}
