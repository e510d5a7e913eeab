//! The three kinds of rollback.

use crate::spelling::words;

words! {
    /// What a rollback brings back to an earlier state.
    Kind, "kind" {
        /// An application's image.
        Application = "application",
        /// A database's content, as of a point in time, on a new server.
        Database = "database",
        /// Infrastructure as code, to an earlier commit.
        Infrastructure = "infrastructure",
    }
}

impl Kind {
    /// Whether a rollback of this kind and one of the other may be under way in one environment.
    ///
    /// One of each kind may, but a database is restored alone: whatever else changes meanwhile would be measured, and
    /// redeployed, against a server that is about to be left.
    #[must_use]
    pub fn may_run_beside(self, other: Self) -> bool {
        self != other && self != Self::Database && other != Self::Database
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_of_each_kind_and_a_database_alone() {
        for &a in Kind::ALL {
            assert!(!a.may_run_beside(a));
            for &b in Kind::ALL {
                assert_eq!(a.may_run_beside(b), b.may_run_beside(a));
            }
            assert!(!Kind::Database.may_run_beside(a));
        }
        assert!(Kind::Application.may_run_beside(Kind::Infrastructure));
    }
}
