//! What is counted and measured.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use rollback::{Kind, Loss, Mode, clock::Moments};
use serde::Deserialize;

use super::{sql, statement::ask};
use crate::{Database, StoreError};

/// What is counted and measured.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Figures {
    /// The incidents.
    pub incidents: Vec<IncidentCount>,
    /// The runs.
    pub runs: Vec<RunCount>,
    /// What was resolved in the last 90 days.
    pub resolved: Vec<Resolved>,
    /// What is not over.
    pub open: Vec<Open>,
    /// How many events of alerts came.
    pub alerts: u64,
    /// How many links the audit log has.
    pub audit_length: u64,
    /// How many messages people have not been told.
    pub untold: u64,
    /// For how long the oldest of them waits.
    pub untold_seconds: i64,
    /// How many times in the last day a channel did not take a message, by channel.
    pub left: BTreeMap<String, u64>,
    /// How many jobs are due.
    pub due_jobs: u64,
    /// For how long the oldest of those that nobody is at waits.
    pub late_seconds: i64,
    /// Whether rollbacks are halted anywhere.
    pub halted: bool,
    /// Now.
    pub now: DateTime<Utc>,
}

/// How many incidents there are of a sort.
#[derive(Clone, Debug, Deserialize)]
pub struct IncidentCount {
    /// Where.
    pub environment: String,
    /// Whether it is a drill.
    pub mode: String,
    /// How they stand.
    pub state: String,
    /// How many.
    pub count: u64,
}

/// How many runs there are of a sort.
#[derive(Clone, Debug, Deserialize)]
pub struct RunCount {
    /// Where.
    pub environment: String,
    /// Of which kind.
    pub kind: String,
    /// How they stand.
    pub state: String,
    /// How many.
    pub count: u64,
}

/// An incident that was resolved.
#[derive(Clone, Debug, Deserialize)]
pub struct Resolved {
    /// Whether it was a drill.
    pub mode: Mode,
    /// What was rolled back.
    pub kind: Option<Kind>,
    /// When what happened.
    pub moments: Moments,
    /// How much data was given up.
    pub loss: Loss,
}

/// An incident that is not over.
#[derive(Clone, Debug, Deserialize)]
pub struct Open {
    /// Where.
    pub environment: String,
    /// Whether it is a drill.
    pub mode: Mode,
    /// What is rolled back, as far as that is decided.
    pub kind: Option<Kind>,
    /// When what happened.
    pub moments: Moments,
}

/// What is counted and measured.
///
/// # Errors
/// Returns [`StoreError`] when the database can't say.
pub async fn figures<D: Database>(db: &D) -> Result<Figures, StoreError> {
    ask(db, sql::FIGURES, Vec::new()).await
}
