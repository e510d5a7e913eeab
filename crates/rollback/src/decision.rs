//! What people decide about an incident.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::{Kind, Person, Reason, spelling::words};

words! {
    /// What is done about an incident.
    Strategy, "strategy" {
        /// Roll an application back.
        Application = "application",
        /// Roll a database back.
        Database = "database",
        /// Roll infrastructure back.
        Infrastructure = "infrastructure",
        /// Roll nothing back: it has passed by itself, or is put right in another way. It is validated all the same.
        NoRollback = "no_rollback",
    }
}

impl Strategy {
    /// The kind of rollback that carries it out, if one does.
    #[must_use]
    pub const fn kind(self) -> Option<Kind> {
        match self {
            Self::Application => Some(Kind::Application),
            Self::Database => Some(Kind::Database),
            Self::Infrastructure => Some(Kind::Infrastructure),
            Self::NoRollback => None,
        }
    }
}

impl From<Kind> for Strategy {
    fn from(kind: Kind) -> Self {
        match kind {
            Kind::Application => Self::Application,
            Kind::Database => Self::Database,
            Kind::Infrastructure => Self::Infrastructure,
        }
    }
}

/// What was decided, by whom and why. A later decision takes its place; the audit log keeps both.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Decision {
    /// What is done.
    pub strategy: Strategy,
    /// Why.
    pub reason: Reason,
    /// Who decided.
    pub decider: Person,
    /// When.
    pub at: DateTime<Utc>,
}

words! {
    /// Why an incident is none.
    DismissalCause, "cause" {
        /// The alert is wrong. While it fires, two commanders must say so.
        FalsePositive = "false_positive",
        /// Another incident is about the same.
        Duplicate = "duplicate",
        /// Somebody knew that it would fire: a test, maintenance.
        Expected = "expected",
        /// It has passed by itself.
        Passed = "passed",
    }
}

/// Something that a person did once, and why.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Mark {
    /// Who.
    pub person: Person,
    /// Why, in their words.
    pub reason: Reason,
    /// When.
    pub at: DateTime<Utc>,
}
