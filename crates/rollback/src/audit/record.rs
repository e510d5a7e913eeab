//! One record of the audit log.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::Event;
use crate::{DrillId, IncidentId, Person, RunId};

/// What a record is about.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub struct Subject {
    /// The incident.
    pub incident: Option<IncidentId>,
    /// The run.
    pub run: Option<RunId>,
    /// The drill.
    pub drill: Option<DrillId>,
}

/// One record of the audit log: who did what, when, to what. It holds no secret: what was seen is named by digest.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Record {
    /// When.
    pub at: DateTime<Utc>,
    /// Who; none when no person did it.
    pub actor: Option<Person>,
    /// To what.
    pub subject: Subject,
    /// What.
    pub event: Event,
}
